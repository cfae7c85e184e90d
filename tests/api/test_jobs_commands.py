"""`tombolo job`: what operators see of jobs and do to them, beside a server."""

import json

import pytest
import requests

from harness import ADMIN_PASSWORD, CONFIG, DEADLINE_S, Server, wait_for
from job_commands import Jobs, job

SOURCES = """
sources:
  - name: drop
    type: file
    path: %s
    entities:
      - {name: items, collection: item}
      - {name: units, collection: unit}
  - name: own
    type: file
    path: %s
    orgs: [another]
    entities:
      - {name: items, collection: item}
"""


def make_server(folder, settings):
    (folder / "drop").mkdir()
    s = Server(folder, config=CONFIG + SOURCES % (
        folder / "drop", folder / "drop") + settings)
    s.cli.init("main", "admin", ADMIN_PASSWORD)
    return s.start()


@pytest.fixture(scope="module")
def idle(tmp_path_factory):
    """A server that runs no jobs, so that they stay as they are."""
    s = make_server(tmp_path_factory.mktemp("idle"), "jobs: {workers: 0}\n")
    yield s
    assert s.stop() == 0


@pytest.fixture
def jobs(idle, tmp_path):
    return Jobs(idle.org(), tmp_path)


def test_a_job_is_queued_from_a_file(jobs):
    got = json.loads(jobs.queue(job(priority="high")).stdout)
    assert got["name"] == "goods" and got["status"] == "queued"
    line, = jobs.list()
    assert line["org"] == jobs.org.name
    assert line == {**line, "id": got["id"], "name": "goods", "type": "full",
                    "status": "queued", "priority": 75, "progress": 0}


def test_a_job_is_queued_from_standard_input(jobs):
    text = json.dumps(job("Übernahme"))
    got = json.loads(jobs.run("queue", "-", stdin=text).stdout)
    assert jobs.show(got["id"])["name"] == "Übernahme"


def test_show_prints_what_was_sent(jobs):
    sent = job(options={"concurrency": 2, "maxRetries": 7})
    got = jobs.show(jobs.queued(sent))
    assert got["data"] == sent["data"] and got["options"] == sent["options"]
    assert got["runs"] == [] and got["log"] == [] and got["errors"] == []


def test_the_clients_api_sees_what_a_command_queued(jobs, idle):
    """The server learns of it before the command has returned."""
    jobs.cli.user_add("boss-" + jobs.org.name, jobs.org.name,
                      "boss-" + jobs.org.name, "a-long-password", admin=True)
    job_id = jobs.queued(job())
    session, headers = login(idle, jobs.org.name)
    r = session.get(idle.base + "/sync/jobs/" + job_id, headers=headers,
                    timeout=DEADLINE_S)
    assert r.status_code == 200 and r.json()["job"]["status"] == "queued"
    jobs.run("pause", "goods")
    r = session.get(idle.base + "/sync/info", headers=headers,
                    timeout=DEADLINE_S)
    assert [x["status"] for x in r.json()["syncJobs"]] == ["paused"]


def login(server, org):
    session = requests.Session()
    r = session.post(server.base + "/api/login", timeout=DEADLINE_S, json={
        "username": "boss-" + org, "password": "a-long-password"})
    return session, {"Authorization": "Bearer " + r.json()["token"],
                     "orgid": org}


@pytest.mark.parametrize("what,problem", [
    ("", "Empty Data"), ("{", "Invalid JSON"), ("[]", "must be an object"),
    (job(data={"source": "nothing"}), "data.source is unknown"),
    # Another org's source is none of this one's.
    (job(data={"source": "own"}), "data.source is unknown"),
    (job(type="entity"), "data.entity is required"),
    (job(data={"source": "drop", "entity": "x"}), "data.entity is unknown"),
    (job(type="scheduled", schedule={"repeat": "never"}),
     "schedule.repeat must be one of"),
    (job(type="scheduled", schedule={"repeat": "0 0 30 2 *"}),
     "schedule never occurs"),
    (job(priority=101), "priority must be")])
def test_a_bad_job_is_refused_with_its_reason(jobs, what, problem):
    done = jobs.queue(what, check=False)
    assert done.returncode == 6 and problem in done.stderr, done
    assert jobs.list() == []


def test_a_file_that_is_not_there_or_too_large_is_named(jobs):
    jobs.refused(5, "no-file", "queue", jobs.folder / "no-file")
    path = jobs.folder / "large.json"
    path.write_text(json.dumps(job(note="x" * 65536)))
    jobs.refused(6, "large.json", "queue", path)


def test_a_name_is_one_unfinished_jobs(jobs):
    first = jobs.queued(job())
    done = jobs.queue(job(), check=False)
    assert done.returncode == 6 and "is not finished" in done.stderr
    jobs.run("cancel", first)
    assert jobs.queued(job()) != first


def test_a_job_is_paused_and_resumed_once(jobs):
    job_id = jobs.queued(job())
    jobs.refused(6, "not paused", "resume", "goods")
    jobs.run("pause", "goods")
    assert jobs.show(job_id)["status"] == "paused"
    jobs.refused(6, "paused already", "pause", "goods")
    jobs.run("resume", "goods")
    assert jobs.show(job_id)["status"] == "queued"
    jobs.refused(5, "nobody", "pause", "nobody")


def test_a_job_is_cancelled_retried_and_purged(jobs):
    job_id = jobs.queued(job())
    jobs.refused(6, "has not failed", "retry", job_id)
    jobs.run("cancel", job_id)
    got = jobs.show(job_id)
    assert got["status"] == "failed" and got["error"]["code"] == "cancelled"
    jobs.refused(6, "is finished", "cancel", job_id)
    jobs.refused(5, "goods", "pause", "goods")
    jobs.run("retry", job_id)
    assert jobs.show(job_id)["status"] == "queued"
    jobs.run("cancel", job_id)
    other = jobs.queued(job("kept"))
    assert json.loads(jobs.run("purge").stdout) == {
        "completed": 0, "failed": 1}
    assert [x["id"] for x in jobs.list()] == [other]
    jobs.refused(5, job_id, "show", job_id)
    assert json.loads(jobs.run("purge").stdout) == {
        "completed": 0, "failed": 0}


def test_a_failed_job_whose_name_is_taken_is_not_retried(jobs):
    job_id = jobs.queued(job())
    jobs.run("cancel", job_id)
    jobs.queued(job())
    jobs.refused(6, "is not finished", "retry", job_id)


@pytest.mark.parametrize("verb", ["show", "cancel", "retry"])
def test_ids_are_those_of_jobs(jobs, verb):
    jobs.refused(5, "job99", verb, "job99")
    for bad in ("99", "job", "job07", "jobx"):
        jobs.refused(2, bad, verb, bad)


def test_lists_are_of_a_status_and_long(jobs):
    names = ["j%02d" % n for n in range(20)]
    for n, name in enumerate(names):
        jobs.queued(job(name, priority=n))
    jobs.run("pause", "j05")
    jobs.run("cancel", jobs.list()[1]["id"])
    # The last change first; by status as they run.
    assert [x["name"] for x in jobs.list()][:2] == ["j19", "j05"]
    assert len(jobs.list()) == 20
    waiting = [x["name"] for x in jobs.list("--status", "queued")]
    assert waiting == [n for n in reversed(names) if n not in ("j05", "j19")]
    assert [x["name"] for x in jobs.list("--status", "paused")] == ["j05"]
    assert [x["name"] for x in jobs.list("--status", "failed")] == ["j19"]
    assert jobs.list("--status", "active") == []
    jobs.refused(2, "nonsense", "list", "--status", "nonsense")


def test_without_an_org_a_list_is_of_all(jobs, idle):
    other = Jobs(idle.org(), jobs.folder)
    jobs.queued(job("one"))
    other.queued(job("two"))
    lines = [json.loads(x)
             for x in jobs.cli.run("job", "list").stdout.splitlines()]
    got = {(x["org"], x["name"]) for x in lines}
    assert {(jobs.org.name, "one"), (other.org.name, "two")} <= got
    done = jobs.cli.run("job", "purge", check=False)
    assert done.returncode == 2 and "--org" in done.stderr


def test_what_operators_do_is_on_the_audit_trail(jobs):
    job_id = jobs.queued(job())
    jobs.run("pause", "goods")
    jobs.run("resume", "goods")
    jobs.run("cancel", job_id)
    jobs.run("purge")
    rows = [json.loads(x) for x in jobs.cli.run(
        "audit", "list", "--org", jobs.org.name,
        "--event-type", "admin").stdout.splitlines()]
    rows = [r for r in rows if r["details"]["command"][0] == "job"]
    verbs = ["purge", "cancel", "resume", "pause", "queue"]
    assert [r["operation"] for r in rows] == verbs
    assert [r["details"]["command"][1] for r in rows] == verbs
    assert {r["details"]["principal"] for r in rows} == {"cli"}
    assert rows[1]["details"]["job"] == job_id
    jobs.cli.audit_verify()


def test_jobs_are_queued_without_a_server_and_run_by_the_next(tmp_path):
    s = make_server(tmp_path, "")
    try:
        assert s.stop() == 0
        (tmp_path / "drop" / "items.ndjson").write_text(
            '{"id":"a","n":1.50}\n{"id":"b"}\n')
        jobs = Jobs(s.org(), tmp_path)
        job_id = jobs.queued(job(data={"source": "drop", "entity": "items"}))
        assert jobs.show(job_id)["status"] == "queued"
        s.start()
        wait_for(lambda: jobs.show(job_id)["status"] == "completed",
                 "the job to be run")
        assert jobs.show(job_id)["records"]["written"] == 2
        # And beside one that runs: it is told.
        again = jobs.queued(job(data={"source": "drop", "entity": "items"}))
        wait_for(lambda: jobs.show(again)["status"] == "completed",
                 "the job to be run")
        assert jobs.show(again)["records"] == {
            "read": 2, "written": 0, "unchanged": 2, "rejected": 0}
        assert '"n":1.50' in "".join(s.cli.export(jobs.org.name))
    finally:
        assert s.stop() == 0


def test_the_demos_source_is_known_to_commands(fresh, tmp_path):
    path = tmp_path / "job.json"
    path.write_text(json.dumps({
        "name": "shop", "type": "entity",
        "data": {"source": "shopify", "entity": "orders"}}))
    got = json.loads(fresh.cli.run("job", "queue", path).stdout)
    wait_for(lambda: json.loads(fresh.cli.run(
        "job", "show", got["id"]).stdout)["status"] == "completed",
        "the demo's shop to be read")
    kept = [json.loads(x) for x in fresh.cli.export("org123")]
    assert len([x for x in kept if x.get("table") == "orders"]) == 60
