"""How the queue is, what jobs there are, and what became of each."""

import http.client

import pytest

from harness import wait_for
from jobs import (DETAILS, FAR, JSON_TYPE, NOT_FOUND, STATES, UPTIME, JobsOrg,
                  assert_error, config, main_org, object_of, seconds)
from jobs_source import Sources, Status

LIMIT = "limit must be a whole number from 1 to 1000"
STATUS = "status must be one of queued, active, paused, completed, failed"
AFTER = "after is not valid"
SHOWN_MAX = 100
ERRORS_MAX = 1000
RUNS_MAX = 20


@pytest.fixture(scope="module")
def sources():
    s = Sources(12)
    s.add("both", entities=[{"name": "products", "collection": "product"},
                            {"name": "customers", "collection": "customer"}])
    yield s
    s.close()


@pytest.fixture(scope="module")
def server(sources, serve):
    """One worker, so that what is queued behind an active job stays so."""
    return serve(config(sources, workers=1, page_tries=1, backoff_max_s=1))


@pytest.fixture
def org(server):
    o = JobsOrg(server)
    yield o
    o.end()


@pytest.fixture
def user(org):
    return org.user


@pytest.fixture
def take(sources):
    taken = []

    def take_one(count=4, name=None):
        taken.append(sources.at(name).reset() if name else sources.take())
        taken[-1].page_size = 1
        taken[-1].fill(count)
        return taken[-1]
    yield take_one
    for s in taken:
        s.release()


@pytest.fixture
def shelf(take):
    return take()


def held_at(user, shelf, page, name=None, **members):
    """A job that asks for a page and does not get it; (hold, job id)."""
    hold = shelf.hold(page=page)
    job_id = user.queued(shelf, name, **members)["id"]
    hold.wait()
    user.wait(job_id, "active")
    return hold, job_id


def names(jobs):
    return [j["name"] for j in jobs]


# --- GET /sync ---------------------------------------------------------------

def sync_of(user):
    got = object_of(user.request("GET", "/sync", token=None))
    assert list(got) == ["version", "status", "activeJobs", "completedJobs",
                         "failedJobs", "uptime"]
    assert (got["version"], got["status"]) == ("1.0.0", "active")
    assert UPTIME.fullmatch(got["uptime"]), got
    return tuple(got[k] for k in ("activeJobs", "completedJobs",
                                  "failedJobs"))


def test_where_there_are_several_orgs_the_counts_are_0(user, shelf):
    user.waiting(shelf)
    assert sync_of(user) == (0, 0, 0)


def test_where_there_is_one_org_the_counts_are_its(sources, serve):
    """And they outlive a restart, after which it is up for no time."""
    server = serve(config(sources, page_tries=1))
    org = main_org(server)
    user, shelf = org.user, sources.take()
    shelf.put({"id": "a", "title": "A"})
    assert sync_of(user) == (0, 0, 0)
    user.waiting(shelf)
    user.ran(shelf)
    shelf.spoil(Status(401))
    user.failed(user.queued(shelf)["id"])
    assert sync_of(user) == user.counts() == (1, 1, 1)
    server.restart(hard=True)
    assert sync_of(user) == user.counts() == (1, 1, 1)
    got = user.request("GET", "/sync", token=None).json()
    assert got["uptime"].startswith("0d 0h ")
    server.cli.org_add("second")
    wait_for(lambda: sync_of(user) == (0, 0, 0), "the second org to count")


# --- GET /sync/info ----------------------------------------------------------

def test_an_empty_org(org, user):
    assert user.info() == {
        "organization": {"id": org.name, "name": "A title"},
        "syncStatus": {"lastSync": None, "activeJobs": 0, "completedJobs": 0,
                       "failedJobs": 0},
        "syncJobs": []}


def test_last_sync_is_when_a_job_was_last_completed(user, shelf):
    """Not when one has failed, nor when one is purged."""
    job = user.ran(shelf)
    assert user.info()["syncStatus"]["lastSync"] == job["completedAt"]
    shelf.spoil(Status(401))
    user.failed(user.queued(shelf)["id"])
    assert user.info()["syncStatus"]["lastSync"] == job["completedAt"]
    user.purged()
    assert user.info()["syncStatus"]["lastSync"] == job["completedAt"]
    job = user.ran(shelf)
    assert user.info()["syncStatus"]["lastSync"] == job["completedAt"]


def test_the_jobs_are_in_order(user, take):
    """Active, queued as they will run, waiting, paused; finished ones not."""
    shelf, other = take(), take()
    user.ran(other, "done")
    user.waiting(other, "later", startAt="2090-01-02T00:00:00Z")
    user.waiting(other, "sooner", startAt="2090-01-01T00:00:00Z")
    user.waiting(other, "held")
    user.paused("held")
    held_at(user, shelf, 2, "active")
    for name, priority in (("q-normal", None), ("q-low", "low"),
                           ("q-60", 60), ("q-critical", "critical"),
                           ("q-normal-2", "normal"), ("q-0", 0)):
        user.queued(other, name, priority=priority)
    queued = ["q-critical", "q-60", "q-normal", "q-normal-2", "q-low", "q-0"]
    body = user.info()
    assert names(body["syncJobs"]) == ["active"] + queued + [
        "sooner", "later", "held"]
    assert body["syncStatus"]["activeJobs"] == 10
    assert [j["status"] for j in body["syncJobs"]] == ["active"] \
        + ["queued"] * 8 + ["paused"]


def test_up_to_a_hundred_are_shown(user, shelf):
    """All are counted."""
    for n in range(SHOWN_MAX + 5):
        user.waiting(shelf, "job-%03d" % n)
    body = user.info()
    assert names(body["syncJobs"]) == [
        "job-%03d" % n for n in range(SHOWN_MAX)]
    assert body["syncStatus"]["activeJobs"] == SHOWN_MAX + 5


# --- progress and estimates --------------------------------------------------

def test_progress_is_what_has_been_stored(user, shelf):
    """At most 99 before the end, where it is 100."""
    shelf.fill(8)
    seen = []
    holds = [shelf.hold(page=n) for n in (1, 2, 4, 8)]
    job_id = user.queued(shelf)["id"]
    for hold, progress in zip(holds, (0, 12, 37, 87)):
        hold.wait()
        job = user.wait(job_id, "active", accept=lambda j, p=progress:
                        j["progress"] in (p, p + 1))
        seen.append(job["progress"])
        listed, = user.info()["syncJobs"]
        assert listed["progress"] == job["progress"]
        hold.release()
    assert seen == sorted(seen)
    assert user.done(job_id)["progress"] == 100


def test_entities_have_the_same_share(user, take):
    """However many records each has."""
    shelf = take(name="both")
    shelf.fill(2, "products")
    shelf.fill(100, "customers")
    shelf.page_size = 50
    first = shelf.hold(entity="customers", page=1)
    second = shelf.hold(entity="customers", page=2)
    job_id = user.queued(shelf)["id"]
    first.wait()
    job = user.at_progress(job_id, 50)
    products, customers = job["entities"]
    assert (products["entity"], products["done"], products["total"],
            products["read"]) == ("products", True, 2, 2)
    assert (customers["entity"], customers["done"], customers["read"]) \
        == ("customers", False, 0)
    first.release()
    second.wait()
    job = user.at_progress(job_id, 75)
    assert job["entities"][1]["read"] == 50
    assert job["entities"][1]["total"] == 100
    second.release()
    assert user.done(job_id)["records"]["read"] == 102


def test_a_size_that_is_not_told_counts_as_0(user, shelf):
    shelf.tells_total = False
    _, job_id = held_at(user, shelf, 4)
    job = user.wait(job_id, "active",
                    accept=lambda j: j["records"]["read"] == 3)
    assert job["progress"] == 0 and "estimatedCompletion" not in job
    assert job["entities"][0]["total"] is None
    listed, = user.info()["syncJobs"]
    assert "estimatedCompletion" not in listed


def test_the_estimated_completion_comes_with_the_first_that_is_stored(
        user, shelf):
    """It lies ahead of when the run began."""
    first, second = shelf.hold(page=1), shelf.hold(page=3)
    job_id = user.queued(shelf)["id"]
    first.wait()
    job = user.wait(job_id, "active")
    assert "estimatedCompletion" not in job
    first.release()
    second.wait()
    job = user.at_progress(job_id, 50)
    assert seconds(job["estimatedCompletion"]) >= seconds(job["startedAt"])
    listed, = user.info()["syncJobs"]
    assert "estimatedCompletion" in listed
    assert listed["startedAt"] == job["startedAt"]
    second.release()
    assert "estimatedCompletion" not in user.done(job_id)


def test_the_estimated_start_needs_a_run_that_was_measured(user, take):
    """Until then there is none where others are ahead."""
    shelf, other = take(), take()
    hold, job_id = held_at(user, shelf, 2)
    behind = user.queued(other, "behind")
    assert "estimatedStart" not in behind
    hold.release()
    user.done(job_id)
    user.done(behind["id"])
    hold, job_id = held_at(user, shelf, 2)
    one, two = user.queued(other, "one"), user.queued(other, "two")
    now = seconds(one["queuedAt"])
    assert now <= seconds(one["estimatedStart"]) \
        <= seconds(two["estimatedStart"])
    listed = {j["name"]: j for j in user.info()["syncJobs"]}
    assert "estimatedStart" in listed["one"]
    assert "estimatedStart" not in listed[user.job(job_id)["name"]]
    assert "estimatedStart" in user.job(two["id"])


# --- GET /sync/jobs ----------------------------------------------------------

def test_an_empty_list(user):
    assert user.jobs() == ([], None)
    for status in STATES:
        assert user.jobs(status=status) == ([], None)


def test_a_job_of_each_state_in_the_list(user, take):
    """What each shows; those that changed last come first."""
    shelf, other = take(), take()
    user.ran(other, "completed")
    other.spoil(Status(401))
    user.failed(user.queued(other, "failed")["id"])
    user.waiting(other, "waiting")
    user.waiting(other, "paused")
    user.paused("paused")
    held_at(user, shelf, 2, "active")
    user.queued(other, "queued")
    jobs, after = user.jobs()
    assert after is None
    assert names(jobs) in (
        ["queued", "active", "paused", "waiting", "failed", "completed"],
        ["active", "queued", "paused", "waiting", "failed", "completed"])
    found = {j["name"]: j for j in jobs}
    done = found["completed"]
    assert list(done) == ["id", "name", "type", "status", "priority",
                          "progress", "queuedAt", "startedAt", "completedAt",
                          "attempt", "records"]
    assert (done["type"], done["priority"], done["progress"],
            done["attempt"]) == ("full", 50, 100, 1)
    assert done["records"] == {"read": 4, "written": 4, "unchanged": 0,
                               "rejected": 0}
    assert done["queuedAt"] <= done["startedAt"] <= done["completedAt"]
    failed = found["failed"]
    assert failed["failedAt"] >= failed["startedAt"]
    assert set(failed["error"]) == {"code", "message"}
    assert found["waiting"]["nextRunAt"] == FAR
    assert found["waiting"]["type"] == "scheduled"
    assert found["paused"]["pausedAt"]
    assert "startedAt" in found["active"]
    assert "startedAt" not in found["queued"]
    for job in jobs:
        assert user.jobs(status=job["status"], limit=1)[0]
        assert {k: v for k, v in user.job(job["id"]).items()
                if k not in DETAILS and not k.startswith("estimated")} \
            == {k: v for k, v in job.items()
                if not k.startswith("estimated")}


def test_what_changed_last_comes_first(user, shelf):
    ids = {n: user.waiting(shelf, n)["id"] for n in "abcd"}
    assert names(user.jobs()[0]) == ["d", "c", "b", "a"]
    user.paused("b")
    assert names(user.jobs()[0]) == ["b", "d", "c", "a"]
    user.cancelled(ids["a"])
    assert names(user.jobs()[0]) == ["a", "b", "d", "c"]
    user.resumed("b")
    assert names(user.jobs()[0]) == ["b", "a", "d", "c"]


@pytest.mark.parametrize("limit", [1, 2, 7, 25, 26, 1000])
def test_pages(listed, limit):
    """Each job once, in the same order whatever the size of a page."""
    user = listed.user
    for status in (None, "queued", "paused", "failed"):
        more = {"status": status} if status else {}
        whole = user.all_jobs(**more)
        assert len(whole) == (25 if status is None else {
            "queued": 10, "paused": 8, "failed": 7}[status])
        got = user.all_jobs(limit=limit, **more)
        assert [j["id"] for j in got] == [j["id"] for j in whole]
        page, after = user.jobs(limit=limit, **more)
        assert len(page) == min(limit, len(whole))
        assert (after is None) is (limit >= len(whole))


@pytest.fixture(scope="module")
def listed(server, sources):
    """25 jobs of three states that nothing changes."""
    org, shelf = JobsOrg(server), sources.take()
    for n in range(25):
        name = "job-%02d" % n
        job_id = org.user.waiting(shelf, name)["id"]
        if n % 3 == 1:
            org.user.paused(name)
        if n % 3 == 2 and n != 2:
            org.user.cancelled(job_id)
    yield org
    org.end()


def test_with_a_status_only_those(listed):
    user = listed.user
    for status, expected in (
            ("queued", [n for n in range(25) if n % 3 == 0 or n == 2]),
            ("paused", [n for n in range(25) if n % 3 == 1]),
            ("active", []), ("completed", [])):
        jobs = user.all_jobs(status=status)
        assert all(j["status"] == status for j in jobs)
        assert sorted(names(jobs)) == ["job-%02d" % n for n in expected]
    ended = user.all_jobs(status="failed")
    assert names(ended) in (
        ["job-%02d" % n for n in range(5, 25, 3)],
        ["job-%02d" % n for n in range(23, 2, -3)])


def test_queued_ones_are_listed_as_they_will_run(user, take):
    shelf, other = take(), take()
    held_at(user, shelf, 2)
    for n, priority in enumerate((50, 10, 90, 50, 90)):
        user.queued(other, "p%d-%d" % (priority, n), priority=priority)
    user.waiting(other, "later")
    expected = ["p90-2", "p90-4", "p50-0", "p50-3", "p10-1", "later"]
    for limit in (1, 2, 100):
        assert names(user.all_jobs(status="queued", limit=limit)) == expected


def test_paging_while_jobs_change(user, shelf):
    """What was not changed meanwhile comes once."""
    for n in range(30):
        user.waiting(shelf, "job-%02d" % n)
    page, after = user.jobs(limit=10)
    got = names(page)
    for n in (29, 15, 3):
        user.paused("job-%02d" % n)
    user.waiting(shelf, "new")
    while after is not None:
        page, after = user.jobs(limit=10, after=after)
        got += names(page)
    still = ["job-%02d" % n for n in range(29, -1, -1) if n not in (15, 3)]
    assert [n for n in got if n in still] == still


@pytest.mark.parametrize("limit", ["0", "1001", "-1", "x", "1.5", "1e2",
                                   " 1", "0x10", "99999999999999999999"])
def test_a_limit_that_is_none(listed, limit):
    answer = listed.user.ask("GET", "/sync/jobs", params={"limit": limit})
    assert_error(answer, 400, LIMIT)


@pytest.mark.parametrize("status", ["x", "Queued", "queued,active",
                                    "cancelled", "scheduled"])
def test_a_status_that_is_none(listed, status):
    answer = listed.user.ask("GET", "/sync/jobs", params={"status": status})
    assert_error(answer, 400, STATUS)


@pytest.mark.parametrize("after", ["x", "-1", "9" * 100, "job1", "\0", "é",
                                   "../..", "1;2;3;4;5;6"])
def test_an_after_that_is_none(listed, after):
    for status in ({}, {"status": "queued"}, {"status": "failed"}):
        answer = listed.user.ask("GET", "/sync/jobs",
                                 params={"after": after, **status})
        assert_error(answer, 400, AFTER)


# --- GET /sync/jobs/{id} -----------------------------------------------------

def test_one_job_with_all_that_is_known(user, shelf):
    data = {"source": shelf.name, "target": "local", "entity": "products",
            "filters": {"updatedSince": "2023-01-01T00:00:00Z"}}
    options = {"concurrency": 2, "retryOnFail": True, "maxRetries": 2}
    job = user.ran(shelf, "whole", data=data, options=options)
    assert (job["data"], job["options"]) == (data, options)
    assert job["entities"] == [{
        "entity": "products", "read": 4, "written": 4, "unchanged": 0,
        "rejected": 0, "total": 4, "done": True}]
    run, = job["runs"]
    assert (run["status"], run["attempts"]) == ("completed", 1)
    assert run["records"] == job["records"]
    assert job["startedAt"] == run["startedAt"]
    assert job["completedAt"] == run["endedAt"]
    assert job["errors"] == []
    times = [line["at"] for line in job["log"]]
    assert times == sorted(times)
    assert run.get("error") is None


def test_a_run_that_is_under_way(user, shelf):
    _, job_id = held_at(user, shelf, 3)
    job = user.at_progress(job_id, 50)
    run, = job["runs"]
    assert (run["status"], run["attempts"]) == ("active", 1)
    assert run.get("endedAt") is None


def test_errors_of_records_are_listed(user, shelf):
    """The first thousand; how many there are is told."""
    shelf.page_size = 500
    count = ERRORS_MAX + 200
    shelf.put(*[{"id": "r%d" % n, "title": n} for n in range(count)],
              {"id": "good", "title": "Good"})
    job = user.ran(shelf)
    assert job["records"] == {"read": count + 1, "written": 1,
                              "unchanged": 0, "rejected": count}
    assert [e["record"] for e in job["errors"]] == [
        "r%d" % n for n in range(ERRORS_MAX)]
    for e in job["errors"]:
        assert e["entity"] == "products"
        assert e["code"] and "title" in e["message"]
    assert user.jobs()[0][0]["records"] == job["records"]


def test_runs_are_the_newest_first(user, shelf):
    """No more than twenty, however often it was tried again."""
    shelf.spoil(Status(401), times=None)
    job_id = user.queued(shelf, "job")["id"]
    for _ in range(RUNS_MAX + 1):
        user.failed(job_id)
        user.retried(job_id)
    user.failed(job_id)
    shelf.mend()
    user.retried(job_id)
    runs = user.done(job_id)["runs"]
    assert runs[0]["status"] == "completed"
    assert len(runs) in (1, RUNS_MAX)
    starts = [r["startedAt"] for r in runs]
    assert starts == sorted(starts, reverse=True)
    for run in runs[1:]:
        assert run["status"] == "failed"
        assert set(run["error"]) == {"code", "message"}


def test_the_log_keeps_its_last_hundred_lines(user, shelf):
    shelf.fill(1)
    job_id = user.waiting(shelf, "job")["id"]
    for _ in range(80):
        user.paused("job")
        user.resumed("job")
    log = user.job(job_id)["log"]
    times = [line["at"] for line in log]
    assert len(log) <= 100 and times == sorted(times)


def test_nothing_secret_is_shown(user, take):
    """A source that repeats what it is sent does not get it into a log."""
    shelf = take()
    shelf.spoil(Status(401, b'{"error":"bad token hunter2"}'))
    job_id = user.queued(shelf)["id"]
    user.failed(job_id)
    text = user.ask("GET", "/sync/jobs/" + job_id).text
    assert "Authorization" not in text and "Bearer" not in text


# --- paths -------------------------------------------------------------------

@pytest.mark.parametrize("method,path,shown", [
    ("GET", "/sync/x", None), ("POST", "/sync/x", None),
    ("PUT", "/sync/x/y", None), ("DELETE", "/sync/nothing", None),
    ("GET", "/sync/info/x", None),
    ("GET", "/sync/queue/x", None), ("GET", "/sync/pause", None),
    ("GET", "/sync/resume", None),
    ("GET", "/sync/pause/a/b", None), ("POST", "/sync/purge/all", None),
    ("GET", "/sync/Info", None), ("GET", "/sync/x?a=b", "/sync/x"),
    ("GET", "/sync/jobs/a/b", None), ("POST", "/sync/jobs/a/b", None)])
def test_an_unknown_path(listed, method, path, shown):
    """In the words of the contract; a query may be shown or not."""
    conn = http.client.HTTPConnection("127.0.0.1", listed.server.port,
                                      timeout=30)
    conn.request(method, path, headers={
        "Authorization": "Bearer " + listed.user.token,
        "orgid": listed.name})
    answer = conn.getresponse()
    body = answer.read().decode()
    conn.close()
    assert answer.status == 404, body
    assert answer.headers["Content-Type"].split(";")[0] == JSON_TYPE
    assert body in ['{"statusCode":404,"message":"Cannot %s %s",'
                    '"error":"Not Found"}' % (method, p)
                    for p in {path, shown or path}]


@pytest.mark.parametrize("path", ["/sync", "/sync/info", "/sync/jobs"])
def test_a_slash_at_the_end_may_be_there(listed, path):
    user = listed.user
    with_it, without = user.ask("GET", path + "/"), user.ask("GET", path)
    assert object_of(with_it) == object_of(without)


def test_a_path_of_another_api_is_not_taken(listed):
    """Those below /sync that are the sites' and the devices'."""
    user = listed.user
    for path in ("/sync/pull", "/sync/push"):
        body = user.ask("GET", path).json()
        assert set(body) == {"error"}, body
    answer = user.ask("GET", "/sync/v5/nothing")
    assert set(answer.json()["error"]) == {"code", "message", "data"}


@pytest.mark.parametrize("path", ["/sync/info", "/sync/jobs",
                                  "/sync/jobs/none"])
@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE"])
def test_what_is_read_is_405_by_another_method(listed, method, path):
    answer = listed.user.ask(method, path)
    assert_error(answer, 405)
    assert "GET" in answer.headers["Allow"]


def test_an_unknown_id(listed):
    assert_error(listed.user.ask("GET", "/sync/jobs/none"), 404, NOT_FOUND)
