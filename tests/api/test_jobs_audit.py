"""What is done with jobs, and what they do, is on the audit trail."""

import json

import pytest

from cli import json_lines
from harness import wait_for
from jobs import JobsOrg, config
from jobs_source import Sources, Status


@pytest.fixture(scope="module")
def sources():
    s = Sources(4)
    yield s
    s.close()


@pytest.fixture(scope="module")
def server(sources, serve):
    return serve(config(sources, workers=1, page_tries=1, backoff_max_s=1))


@pytest.fixture
def org(server):
    o = JobsOrg(server)
    yield o
    o.end()


@pytest.fixture
def shelf(sources):
    s = sources.take()
    s.fill(4)
    yield s
    s.release()


def rows(org, event_type="jobs"):
    """The rows of the org's trail, the newest last."""
    got = json_lines(org.cli.run("audit", "list", "--org", org.name).stdout)
    return [r for r in got if r["event_type"] == event_type][::-1]


def operations(org):
    return [r["operation"] for r in rows(org)]


def test_what_users_do_has_a_row_each(org, shelf):
    """In its order; refused requests have none."""
    user, _ = org.user, shelf.hold()
    job_id = user.waiting(shelf, "job")["id"]
    user.paused("job")
    user.pause("job")
    user.resumed("job", "GET")
    user.cancelled(job_id)
    user.retried(job_id)
    user.queue(shelf, "job")
    user.cancelled(job_id)
    user.purged("GET")
    assert operations(org) == [
        "queue", "pause", "resume", "cancel", "retry", "cancel", "purge"]
    for row in rows(org):
        assert row["details"]["principal"] == "user/" + user.uuid
        assert row["details"]["address"] == "127.0.0.1"
        assert row["status"] == "ok"


def test_a_row_says_which_job(org, shelf):
    user = org.user
    job = user.waiting(shelf, "which")
    row, = rows(org)
    assert "which" in json.dumps(row) or job["id"] in json.dumps(row)
    user.cancelled(job["id"])
    user.purged()
    assert '"failed": 1' in json.dumps(rows(org)[-1])


def test_what_a_job_stores_has_its_rows(org, shelf):
    """One a page, with how many records; never what is in them."""
    user = org.user
    shelf.put({"id": "a", "title": "A secret of the record"},
              {"id": "b", "title": 7})
    job = user.ran(shelf, "import")
    row, = [r for r in rows(org) if r["operation"] == "import"]
    details = row["details"]
    assert details["job"] == job["id"] and details["entity"] == "products"
    assert (details["accepted"], details["rejected"]) == (1, 1)
    assert row["user_id"] is None and row["device_id"] is None
    assert "secret" not in json.dumps(rows(org))


def test_how_a_run_ended_is_there(org, shelf):
    """Also that it was in vain."""
    user = org.user
    shelf.spoil(Status(401))
    user.failed(user.queued(shelf, "vain")["id"])
    assert len(rows(org)) > 1


def test_reads_and_refusals_are_summed(org, shelf):
    """Within a minute or so, at the latest when the server stops."""
    user, guest = org.user, org.of_role("Guest")
    for _ in range(3):
        user.info()
        user.all_jobs()
        guest.queue(shelf)
    assert operations(org) == []
    org.server.restart()
    found = wait_for(lambda: rows(org, "access"), "the sums")
    text = json.dumps(found)
    assert "user/" + user.uuid in text and "user/" + guest.uuid in text


def test_the_trail_is_whole_with_jobs_in_it(org, shelf):
    user = org.user
    user.ran(shelf)
    user.purged()
    org.server.restart(hard=True)
    org.cli.audit_verify()
    org.cli.check()
