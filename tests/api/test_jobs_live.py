"""subscribe {"feed":"jobs"}: each change of a job of the org, live."""

import pytest

from devices import Caller
from devices_socket import Polling, WebSocket, join
from jobs import ALWAYS, JobsOrg, checked_job, config
from jobs_source import Sources, Status

JOBS = {"feed": "jobs"}
UNKNOWN = "Unknown feed"


@pytest.fixture(scope="module")
def sources():
    s = Sources(8)
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
def user(org):
    return org.user


@pytest.fixture
def shelf(sources):
    s = sources.take()
    s.page_size = 1
    s.fill(4)
    yield s
    s.release()


@pytest.fixture
def joined(org):
    made = []

    def join_one(caller=None, **kw):
        made.append(join(org.server, caller=caller or org.user, **kw))
        return made[-1]
    yield join_one
    for s in made:
        s.close()


def subscribe(sock, **more):
    """Subscribe, and insist; the cursor."""
    got = sock.call("subscribe", {**JOBS, **more})
    assert set(got) == {"feed", "cursor"} and got["feed"] == "jobs", got
    return got["cursor"]


def change(sock):
    """The next change: (job, cursor)."""
    got = sock.take("change", lambda c: c.get("feed") == "jobs")
    assert list(got) == ["feed", "cursor", "job"], got
    return checked_job(got["job"]), got["cursor"]


def until(sock, status, name=None):
    """The changes up to the one that tells of this state."""
    seen = []
    while not seen or (seen[-1]["status"], seen[-1]["name"]) != (
            status, name or seen[-1]["name"]):
        seen.append(change(sock)[0])
    return seen


@pytest.mark.parametrize("transport", [Polling, WebSocket],
                         ids=["polling", "websocket"])
def test_a_job_is_told_from_beginning_to_end(user, shelf, joined, transport):
    """As the list shows it, with its progress."""
    s = joined(transport=transport)
    subscribe(s)
    hold = shelf.hold(page=3)
    job_id = user.queued(shelf)["id"]
    hold.wait()
    seen = []
    while not seen or seen[-1]["progress"] != 50:
        seen.append(change(s)[0])
    hold.release()
    seen += until(s, "completed")
    assert {j["id"] for j in seen} == {job_id}
    states = [j["status"] for j in seen]
    assert [x for n, x in enumerate(states) if x not in states[:n]] in (
        ["queued", "active", "completed"], ["active", "completed"])
    progress = [j["progress"] for j in seen]
    assert progress == sorted(progress)
    last = seen[-1]
    assert last == user.jobs()[0][0]
    assert [k for k in last if k in ALWAYS] == ALWAYS


def test_every_control_is_told(user, shelf, joined):
    s = joined()
    subscribe(s)
    job_id = user.waiting(shelf, "job")["id"]
    assert change(s)[0]["status"] == "queued"
    user.paused("job")
    job = until(s, "paused")[-1]
    assert job["pausedAt"]
    user.resumed("job")
    job = until(s, "queued")[-1]
    assert job["resumedAt"]
    user.cancelled(job_id)
    job = until(s, "failed")[-1]
    assert job["error"]["code"] == "cancelled"
    user.retried(job_id)
    until(s, "queued")


def test_a_failure_is_told(user, shelf, joined):
    s = joined()
    subscribe(s)
    shelf.spoil(Status(401))
    user.queued(shelf)
    job = until(s, "failed")[-1]
    assert job["error"]["message"] and job["failedAt"]


def test_what_is_purged_is_not_announced(user, shelf, joined):
    s = joined()
    subscribe(s)
    user.cancelled(user.waiting(shelf, "gone")["id"])
    until(s, "failed")
    assert user.purged()["failed"] == 1
    user.waiting(shelf, "next")
    assert change(s)[0]["name"] == "next"


def test_of_several_changes_the_last_is_sent(user, shelf, joined):
    """Whoever comes back gets each job once, as it is."""
    s = joined()
    cursor = subscribe(s)
    for n in range(5):
        user.waiting(shelf, "job-%d" % n)
        user.paused("job-%d" % n)
        user.resumed("job-%d" % n)
        user.paused("job-%d" % n)
    t = joined()
    subscribe(t, after=cursor)
    got = [change(t)[0] for _ in range(5)]
    assert [(j["name"], j["status"]) for j in got] \
        == [("job-%d" % n, "paused") for n in range(5)]
    user.waiting(shelf, "last")
    assert change(t)[0]["name"] == "last"


def test_after_goes_on_behind_a_cursor(user, shelf, joined):
    """Also one of a change, and one from before a restart."""
    s = joined()
    first = subscribe(s)
    cursors = []
    for n in range(6):
        user.waiting(shelf, "job-%d" % n)
        cursors.append(change(s)[1])
    s.close()
    user.server.restart(hard=True)
    for after, start in ((first, 0), (cursors[3], 4), (cursors[5], 6)):
        t = joined()
        subscribe(t, after=after)
        got = [change(t)[0]["name"] for _ in range(6 - start)]
        assert got == ["job-%d" % n for n in range(start, 6)]
        marker = user.waiting(shelf, "marker")
        assert change(t)[0]["name"] == "marker"
        user.cancel(marker["id"])
        user.purge()
        t.close()


def test_without_after_it_is_what_comes_from_now_on(user, shelf, joined):
    for n in range(3):
        user.waiting(shelf, "old-%d" % n)
    s = joined()
    subscribe(s)
    user.waiting(shelf, "new")
    assert change(s)[0]["name"] == "new"


@pytest.mark.parametrize("after", ["x", "9" * 40, {}, [1], True, "-1"],
                         ids=repr)
def test_a_cursor_that_is_none_is_an_error(joined, after):
    got = joined().call("subscribe", {**JOBS, "after": after})
    assert got == {"error": "Invalid after"}


@pytest.mark.parametrize("role,may", [
    ("Guest", True), ("User", True), ("Reviewer", True), ("Owner", True),
    ("staff", False), (None, False)])
def test_who_may_read_may_follow(org, user, shelf, joined, role, may):
    """Whoever may not is told of no such feed."""
    caller = org.of_role(role) if role else org.of_role()
    s = joined(caller)
    if not may:
        assert s.error_of("subscribe", JOBS) == UNKNOWN
        return
    subscribe(s)
    user.waiting(shelf, "job")
    assert change(s)[0]["name"] == "job"


def test_an_administrator_may_follow(org, user, shelf, joined):
    s = joined(org.admin)
    subscribe(s)
    user.waiting(shelf, "job")
    assert change(s)[0]["name"] == "job"


def test_sites_and_devices_may_not_follow(org, joined):
    for token in (org.site_token(), org.device_token()):
        s = joined(Caller(org.server, token))
        assert s.error_of("subscribe", JOBS) == UNKNOWN


def test_another_orgs_jobs_are_not_told(server, user, shelf, joined):
    other, s = JobsOrg(server), joined()
    subscribe(s)
    other.user.waiting(shelf, "theirs")
    user.waiting(shelf, "mine")
    assert change(s)[0]["name"] == "mine"
    assert s.pending("change") == []
    other.end()


def test_unsubscribe_ends_it(user, shelf, joined):
    s = joined()
    cursor = subscribe(s)
    assert s.call("unsubscribe", JOBS)
    user.waiting(shelf, "job")
    s.settle()
    assert s.pending("change") == []
    subscribe(s, after=cursor)
    assert change(s)[0]["name"] == "job"


def test_following_many_changes_misses_no_job(user, shelf, joined):
    """While sixty jobs are run: each is told as completed."""
    s = joined()
    subscribe(s)
    shelf.fill(1)
    ids = {user.queued(shelf)["id"] for _ in range(60)}
    done = set()
    while done != ids:
        job, _ = change(s)
        assert job["id"] in ids
        if job["status"] == "completed":
            done.add(job["id"])
    assert user.counts() == (0, 60, 0)
