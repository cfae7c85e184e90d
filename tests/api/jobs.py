"""An org and its users, as clients of the jobs API.

A Client is one user: who sends the request, with the own org in `orgid`. Its
`queued`, `paused`, ... insist that the call succeeds and check the form of
what is answered; `queue`, `pause`, ... give the answer, whatever it is.
"""

import datetime
import json
import re
import urllib.parse

from devices import Caller
from harness import wait_for
from sites import Org

SETTINGS = """\
server:
  request_timeout_s: 10
auth:
  argon2_mem_bytes: 65536
  argon2_ops: 1
  site_delay_max_s: 1
"""
# One that phones see, with types that refuse; others take anything.
COLLECTIONS = """\
collections:
  - name: product
    path: product
    id: string
    route: central
    writers: [staff]
    visible:
      - {role: any}
    fields:
      - {name: title, type: string, required: yes, nullable: no}
      - {name: qty, type: integer}
  - name: item
    route: central
  - name: customer
    route: central
"""
JSON_TYPE = "application/json"
# A time as the API writes it: UTC, in whole seconds.
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")
UPTIME = re.compile(r"\d+d \d+h \d+m")
STATES = ["queued", "active", "paused", "completed", "failed"]
UNFINISHED = STATES[:3]
COUNTS = ["read", "written", "unchanged", "rejected"]
# The members of a job in a list, in the order shown there.
ALWAYS = ["id", "name", "type", "status", "priority", "progress", "queuedAt",
          "records"]
TIMES = ["queuedAt", "startedAt", "completedAt", "failedAt", "pausedAt",
         "resumedAt", "nextRunAt", "estimatedStart", "estimatedCompletion"]
MAY_HAVE = set(ALWAYS + TIMES + ["attempt", "error"])
DETAILS = ["data", "options", "schedule", "entities", "runs", "log", "errors"]
RUN = {"startedAt", "endedAt", "status", "attempts", "records", "error"}
REASONS = {400: "Bad Request", 403: "Forbidden", 404: "Not Found",
           405: "Method Not Allowed", 409: "Conflict",
           413: "Content Too Large", 415: "Unsupported Media Type",
           503: "Service Unavailable"}
NOT_FOUND = "Sync job not found"
NOT_FINISHED = "A job of this name is not finished"
FINISHED = "Sync job is finished"
NOT_FAILED = "Sync job has not failed"
PAUSED_ALREADY = "Sync job is paused already"
NOT_PAUSED = "Sync job is not paused"
FAR = "2090-01-01T00:00:00Z"
OWN = "own"


def config(sources, **jobs):
    """A configuration with these sources and these settings of jobs."""
    lines = "".join("  %s: %s\n" % item for item in jobs.items())
    return SETTINGS + COLLECTIONS + sources.config() + (
        "jobs:\n" + lines if lines else "")


class JobsOrg:
    """A fresh org with no job; `user` is its Publisher."""

    def __init__(self, server, org=None):
        self.server, self.cli = server, server.cli
        self.org = org or Org(server, "jobs%d" % next(server.counter))
        self.name, self.kept = self.org.name, {}

    @property
    def user(self):
        return self.of_role("Publisher")

    @property
    def owner(self):
        return self.of_role("Owner")

    @property
    def admin(self):
        if "" not in self.kept:
            self.kept[""] = self.new_user("--admin")
        return self.kept[""]

    def of_role(self, *roles):
        """A user who has exactly these roles."""
        if roles not in self.kept:
            args = [a for role in roles for a in ("--role", role)]
            self.kept[roles] = self.new_user(*args)
        return self.kept[roles]

    def new_user(self, *args):
        n = next(self.server.counter)
        name, password = "caller%d" % n, "password-of-%d" % n
        self.cli.run("user", "add", name, "--org", self.name,
                     "--uuid", "uuid-%d" % n, *args, stdin=password + "\n")
        return Client(self, None, name, password, "uuid-%d" % n)

    def bearer(self, token):
        """Whoever has this token, as a client of this org."""
        return Client(self, token)

    def site_token(self):
        return self.org.site().token()

    def device_token(self):
        name = "till-%d" % next(self.server.counter)
        done = self.cli.run("device", "add", name, "--org", self.name)
        return done.stdout.strip()

    def records(self, table="product"):
        """{key: data} of what is stored and not deleted."""
        return {k[1]: line["data"] for k, line in self.org.exported().items()
                if k[0] == table and not line.get("deleted")}

    def export(self):
        return self.org.export()

    def texts(self, table="product"):
        """{key: the line of the export}, byte for byte."""
        return {row["recordID"]: line for line, row in
                ((x, json.loads(x)) for x in self.export())
                if row.get("table") == table}

    def end(self):
        """End what is not finished, so that no worker is kept busy."""
        user = self.kept.get(("Publisher",))
        if user is None or not user.has_queued:
            return
        for state in UNFINISHED:
            for job in user.all_jobs(status=state):
                user.cancel(job["id"])


class Client(Caller):
    """A user of one org."""

    def __init__(self, org, *args):
        super().__init__(org.server, *args)
        self.org, self.has_queued = org, False

    def again(self):
        """The same user at another connection, for another thread."""
        return Client(self.org, self.token, self.name, self.password,
                      self.uuid)

    def ask(self, method, path, body=None, orgid=OWN, headers=None, **kw):
        """A request with `orgid`; None leaves it out."""
        headers = dict(headers or {})
        if orgid is not None:
            headers["orgid"] = self.org.name if orgid == OWN else orgid
        return self.request(method, path, body, headers=headers, **kw)

    # Queueing.

    def post(self, body, key=None, **kw):
        """POST /sync/queue with this body."""
        self.has_queued = True
        if key is not None:
            kw["headers"] = {**kw.get("headers", {}), "Idempotency-Key": key}
        return self.ask("POST", "/sync/queue", body, **kw)

    def body(self, source, name=None, **members):
        """A good job; None leaves a member out."""
        name = name or "job-%d" % next(self.server.counter)
        body = {"name": name, "type": "full", "data": {"source": source},
                **members}
        return {k: v for k, v in body.items() if v is not None}

    def queue(self, source, *args, **members):
        return self.post(self.body(named(source), *args, **members))

    def queued(self, source, *args, **members):
        return queued_of(self.queue(source, *args, **members))

    def waiting(self, source, name=None, **schedule):
        """A job that will not run while a test does; what was answered."""
        return self.queued(source, name, type="scheduled",
                           schedule=schedule or {"startAt": FAR})

    # Control.

    def pause(self, name, method="POST"):
        return self.ask(method, "/sync/pause/" + quoted(name))

    def resume(self, name, method="POST"):
        return self.ask(method, "/sync/resume/" + quoted(name))

    def paused(self, name, method="POST"):
        return controlled(self.pause(name, method), "paused", method)

    def resumed(self, name, method="POST"):
        return controlled(self.resume(name, method), "resumed", method)

    def purge(self, method="POST"):
        return self.ask(method, "/sync/purge")

    def purged(self, method="POST"):
        """How many of each."""
        body = object_of(self.purge(method), 201 if method == "POST" else 200)
        assert list(body) == ["success", "message", "purgedJobs"], body
        assert body["success"] is True
        assert body["message"] == "Sync jobs purged successfully"
        assert list(body["purgedJobs"]) == ["completed", "failed"]
        return body["purgedJobs"]

    def cancel(self, job_id):
        return self.ask("POST", "/sync/jobs/%s/cancel" % job_id)

    def retry(self, job_id):
        return self.ask("POST", "/sync/jobs/%s/retry" % job_id)

    def cancelled(self, job_id):
        return ended_of(self.cancel(job_id), "cancelled successfully")

    def retried(self, job_id):
        return ended_of(self.retry(job_id), "queued again successfully")

    # Reading.

    def info(self):
        return info_of(self.ask("GET", "/sync/info"))

    def counts(self):
        """(active, completed, failed) of the org."""
        status = self.info()["syncStatus"]
        return tuple(status[k] for k in
                     ("activeJobs", "completedJobs", "failedJobs"))

    def jobs(self, **params):
        """A page of the list: (jobs, next)."""
        return list_of(self.ask("GET", "/sync/jobs", params=params))

    def all_jobs(self, **params):
        """All of a list, page by page; none may come twice."""
        got, after = [], None
        while True:
            more = {} if after is None else {"after": after}
            page, after = self.jobs(**params, **more)
            got += page
            if after is None:
                assert len({j["id"] for j in got}) == len(got)
                return got

    def job(self, job_id):
        return detail_of(self.ask("GET", "/sync/jobs/%s" % job_id))

    def wait(self, job_id, *states, accept=lambda job: True):
        """Wait until a job is in one of these states; the job."""
        def look():
            job = self.job(job_id)
            if job["status"] in states and accept(job):
                return job
            assert job["status"] in UNFINISHED, job
            return None
        return wait_for(look, "job %s to be %s" % (job_id, states))

    def done(self, job_id):
        """Wait until a job is completed; the job."""
        return self.wait(job_id, "completed")

    def failed(self, job_id):
        return self.wait(job_id, "failed")

    def ran(self, source, *args, **members):
        """Queue a job and wait until it is completed; the job."""
        return self.done(self.queued(source, *args, **members)["id"])

    def at_progress(self, job_id, progress):
        """Wait until an active job has come so far."""
        return self.wait(job_id, "active",
                         accept=lambda j: j["progress"] == progress)


class ThatOrg(Org):
    """An org that is there already."""

    def __init__(self, server, name):
        self.server, self.cli, self.name = server, server.cli, name


def main_org(server):
    """The org that the server was initialised with."""
    return JobsOrg(server, ThatOrg(server, "main"))


def named_org(server, name, title="A title"):
    server.cli.org_add(name, title=title)
    return JobsOrg(server, ThatOrg(server, name))


def named(source):
    """The name of a shelf, or the name itself."""
    return getattr(source, "name", source)


def quoted(name):
    return urllib.parse.quote(name, safe="")


def seconds(text):
    """A time as seconds since the epoch."""
    assert isinstance(text, str) and TIME.fullmatch(text), text
    when = datetime.datetime.strptime(text, "%Y-%m-%dT%H:%M:%SZ")
    return int(when.replace(tzinfo=datetime.timezone.utc).timestamp())


def time_text(epoch_s):
    when = datetime.datetime.fromtimestamp(epoch_s, datetime.timezone.utc)
    return when.strftime("%Y-%m-%dT%H:%M:%SZ")


def object_of(response, status=200):
    """The object of a good answer."""
    assert response.status_code == status, \
        "%d: %s" % (response.status_code, response.text[:500])
    assert response.headers["Content-Type"].split(";")[0] == JSON_TYPE
    body = response.json()
    assert isinstance(body, dict)
    return body


def checked_times(job):
    for key in TIMES:
        if key in job:
            seconds(job[key])
    return job


def queued_of(response):
    """The job of a 201 to queueing."""
    body = object_of(response, 201)
    assert list(body) == ["success", "job"] and body["success"] is True
    job = checked_times(body["job"])
    assert list(job)[:4] == ["id", "name", "status", "queuedAt"], job
    assert set(job) <= {"id", "name", "status", "queuedAt",
                        "estimatedStart"}, job
    assert job["status"] == "queued"
    assert isinstance(job["id"], str) and job["id"]
    return job


def controlled(response, what, method):
    """The job of a good answer to pause or resume."""
    body = object_of(response, 201 if method == "POST" else 200)
    assert list(body) == ["success", "message", "job"], body
    assert body["success"] is True
    assert body["message"] == "Sync job %s successfully" % what
    assert response.headers["Cache-Control"] == "no-store"
    job = checked_times(body["job"])
    assert list(job)[:5] == ["id", "name", "status", "progress",
                             what + "At"], job
    assert set(list(job)[5:]) <= {"estimatedCompletion",
                                  "estimatedStart"}, job
    return job


def ended_of(response, what):
    """The job of a good answer to cancel or retry."""
    body = object_of(response, 201)
    assert list(body) == ["success", "message", "job"], body
    assert body["success"] is True
    assert body["message"] == "Sync job " + what
    return checked_job(body["job"])


def info_of(response):
    body = object_of(response)
    assert list(body) == ["organization", "syncStatus", "syncJobs"], body
    assert list(body["organization"]) == ["id", "name"]
    assert list(body["syncStatus"]) == [
        "lastSync", "activeJobs", "completedJobs", "failedJobs"]
    last = body["syncStatus"]["lastSync"]
    assert last is None or seconds(last)
    for job in body["syncJobs"]:
        checked_times(job)
        assert list(job)[:4] == ["id", "name", "status", "progress"], job
        assert job["status"] in UNFINISHED
        checked_progress(job)
    return body


def checked_progress(job):
    assert type(job["progress"]) is int, job
    assert 0 <= job["progress"] <= 100
    assert (job["progress"] == 100) is (job["status"] == "completed"), job


def checked_records(records):
    assert list(records) == COUNTS, records
    assert all(type(n) is int and n >= 0 for n in records.values())
    assert records["read"] >= sum(records[k] for k in COUNTS[1:]), records


def checked_job(job):
    """A job in the form of the list."""
    assert set(ALWAYS) <= set(job) <= MAY_HAVE, job
    checked_times(job)
    order = [k for k in job if k in ALWAYS]
    assert order == ALWAYS, order
    assert job["status"] in STATES and type(job["priority"]) is int
    checked_progress(job)
    checked_records(job["records"])
    assert ("completedAt" in job) is (job["status"] == "completed"), job
    assert ("failedAt" in job) is (job["status"] == "failed"), job
    if "error" in job:
        assert list(job["error"]) == ["code", "message"], job
        assert all(isinstance(t, str) and t for t in job["error"].values())
    return job


def list_of(response):
    body = object_of(response)
    assert list(body) == ["jobs", "next"], body
    assert body["next"] is None or isinstance(body["next"], str)
    return [checked_job(j) for j in body["jobs"]], body["next"]


def checked_run(run):
    assert set(run) <= RUN, run
    assert {"startedAt", "status", "attempts", "records"} <= set(run), run
    assert run["status"] in ("active", "completed", "failed", "cancelled")
    assert type(run["attempts"]) is int and run["attempts"] >= 0
    checked_records(run["records"])
    for key in ("startedAt", "endedAt"):
        if run.get(key) is not None:
            seconds(run[key])
    return run


def detail_of(response):
    """The one job of an answer about it."""
    body = object_of(response)
    assert list(body) == ["job"], body
    job = body["job"]
    checked_job({k: v for k, v in job.items() if k not in DETAILS})
    for e in job["entities"]:
        assert {"entity", "total", "done", *COUNTS} == set(e), e
        assert type(e["done"]) is bool
        checked_records({k: e[k] for k in COUNTS})
    assert len(job["runs"]) <= 20 and len(job["log"]) <= 100
    for run in job["runs"]:
        checked_run(run)
    for line in job["log"]:
        assert list(line) == ["at", "message"] and line["message"], line
        seconds(line["at"])
    for e in job["errors"]:
        assert set(e) == {"at", "entity", "record", "code", "message"}, e
        seconds(e["at"])
    return job


def assert_error(response, status, message=None):
    """The API's error: exactly statusCode, message and error."""
    assert response.status_code == status, \
        "%d: %s" % (response.status_code, response.text[:500])
    assert response.headers["Content-Type"].split(";")[0] == JSON_TYPE
    body = response.json()
    assert list(body) == ["statusCode", "message", "error"], body
    assert body["statusCode"] == status
    assert body["error"] == response.reason == REASONS[status], body
    assert isinstance(body["message"], str) and body["message"]
    if message is not None:
        assert body["message"] == message, body
    return body["message"]


def unauthorized(response):
    """401, which has no `error`."""
    assert response.status_code == 401, response.text
    assert response.reason == "Unauthorized"
    assert response.headers["Content-Type"].split(";")[0] == JSON_TYPE
    assert response.text == '{"statusCode":401,"message":"Unauthorized"}'
    assert response.headers["WWW-Authenticate"].startswith("Bearer")


def forbidden(response):
    assert response.status_code == 403, response.text
    assert response.text == ('{"statusCode":403,"message":'
                             '"Forbidden resource","error":"Forbidden"}')
