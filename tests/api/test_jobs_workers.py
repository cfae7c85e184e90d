"""Which job runs when, how much at once, and what a crash leaves.

TB_KILLS says how often the server is killed (6), TB_SEED picks the moments.
"""

import os
import random
import threading
import time

import pytest

from harness import ADMIN_PASSWORD, Server, wait_for
from jobs import JobsOrg, config
from jobs_source import Sources, Status

KILLS = min(int(os.environ.get("TB_KILLS", "6")), 50)
SEED = int(os.environ.get("TB_SEED", "1"))
WORKERS = 3
ENTITIES = 6
# Jobs that are over at once, of each org; how many are disturbed.
SHORT, SHORT_AT_ONCE = 200, 20
WIDE = [{"name": "e%d" % n, "collection": "item"} for n in range(ENTITIES)]


@pytest.fixture(scope="module")
def sources():
    s = Sources(16)
    s.add("wide", entities=WIDE)
    s.add("wide2", entities=WIDE)
    yield s
    s.close()


@pytest.fixture(scope="module")
def one(sources, serve):
    """A server with one worker."""
    return serve(config(sources, workers=1, page_tries=1, backoff_max_s=1))


@pytest.fixture(scope="module")
def several(sources, serve):
    return serve(config(sources, workers=WORKERS, page_tries=1,
                        backoff_max_s=1))


@pytest.fixture
def org(one):
    o = JobsOrg(one)
    yield o
    o.end()


@pytest.fixture
def take(sources):
    taken = []

    def take_one(count=2, name=None):
        taken.append(sources.at(name).reset() if name else sources.take())
        taken[-1].page_size = 1
        taken[-1].fill(count)
        return taken[-1]
    yield take_one
    for s in taken:
        s.release()


def first_asks(sources, shelves):
    """The shelves in the order in which they were asked first."""
    mine, seen = {s.name for s in shelves}, []
    for ask in list(sources.asked):
        if ask.shelf in mine and ask.shelf not in seen:
            seen.append(ask.shelf)
    return seen


# --- order -------------------------------------------------------------------

def test_jobs_run_by_priority(sources, org, take):
    """And of the same, the one that was queued first."""
    user, blocker = org.user, take()
    hold = blocker.hold()
    first = user.queued(blocker)
    hold.wait()
    order = []
    for priority in ("low", None, "high", "critical", 60, 0, 100, "low",
                     "normal", 60):
        shelf = take(1)
        number = {"low": 25, None: 50, "normal": 50, "high": 75,
                  "critical": 100}.get(priority, priority)
        order.append((-number, len(order), shelf))
        user.queued(shelf, priority=priority)
    hold.release()
    user.done(first["id"])
    wait_for(lambda: user.counts() == (0, 11, 0), "all to be completed")
    shelves = [shelf for _, _, shelf in sorted(order, key=lambda x: x[:2])]
    assert first_asks(sources, shelves) == [s.name for s in shelves]


def test_a_resumed_one_keeps_its_place(sources, org, take):
    user, blocker = org.user, take()
    hold = blocker.hold()
    user.queued(blocker)
    hold.wait()
    shelves = [take(1) for _ in range(3)]
    for n, shelf in enumerate(shelves):
        user.queued(shelf, "job-%d" % n)
    user.paused("job-0")
    user.resumed("job-0")
    hold.release()
    wait_for(lambda: user.counts()[1] == 4, "all to be completed")
    assert first_asks(sources, shelves) == [s.name for s in shelves]


def test_a_retry_gives_way_while_it_waits(org, take):
    """The only worker does not wait with it."""
    user, bad, good = org.user, take(), take()
    bad.spoil(Status(503, Retry_After=600))
    job_id = user.queued(bad, priority="critical")["id"]
    user.wait(job_id, "queued", accept=lambda j: "error" in j)
    user.ran(good, priority="low")
    assert user.job(job_id)["status"] == "queued"


def test_orgs_take_turns(one, org, take):
    """One with many jobs does not hold up another with one."""
    other, user, blocker = JobsOrg(one), org.user, take()
    hold = blocker.hold()
    user.queued(blocker)
    hold.wait()
    many = take(1)
    mine = [user.queued(many)["id"] for _ in range(30)]
    theirs = other.user.queued(take(1))["id"]
    hold.release()
    other.user.done(theirs)
    wait_for(lambda: user.counts()[1] == 31, "all to be completed")
    ended = other.user.job(theirs)["completedAt"]
    last = user.job(mine[-1])["completedAt"]
    assert ended <= last


# --- at once -----------------------------------------------------------------

def fill_wide(shelf, pages=3):
    for e in WIDE:
        shelf.fill(pages, e["name"], prefix=e["name"] + "-")


@pytest.mark.parametrize("concurrency", [None, 1, 2, 4, ENTITIES, 16])
def test_so_many_entities_are_read_at_once(org, take, concurrency):
    """Exactly as many requests are with the source when none is answered."""
    user, shelf = org.user, take(name="wide")
    fill_wide(shelf)
    expected = min(concurrency or 1, ENTITIES)
    hold = shelf.hold(page=1)
    options = {"concurrency": concurrency} if concurrency else None
    job_id = user.queued(shelf, options=options)["id"]
    hold.wait(expected)
    hold.release()
    user.done(job_id)
    assert shelf.most == expected
    assert len({a.entity for a in hold.held}) == len(hold.held)
    assert len(org.records("item")) == 3 * ENTITIES
    assert [a.page for a in shelf.asks()].count(1) == ENTITIES


def test_an_entity_that_is_through_makes_room(org, take):
    user, shelf = org.user, take(name="wide")
    fill_wide(shelf, 1)
    hold = shelf.hold(entity="e0")
    job_id = user.queued(shelf, options={"concurrency": 2})["id"]
    hold.wait()
    job = user.wait(job_id, "active", accept=lambda j: [
        e["done"] for e in j["entities"]].count(True) == 5)
    assert job["records"]["written"] == 5 and shelf.most == 2
    hold.release()
    user.done(job_id)


def test_so_many_jobs_run_at_once(several, take):
    """As there are workers; each by one of them."""
    org = JobsOrg(several)
    user, shelves, holds, ids = org.user, [], [], []
    for n in range(WORKERS + 2):
        shelf = take(2)
        shelf.fill(2, prefix="j%d-" % n)
        shelves.append(shelf)
        holds.append(shelf.hold(page=1))
        ids.append(user.queued(shelf)["id"])
    wait_for(lambda: sum(bool(h.held) for h in holds) == WORKERS,
             "as many as there are workers")
    info = user.info()["syncJobs"]
    assert [j["status"] for j in info] == ["active"] * WORKERS \
        + ["queued"] * 2
    for hold in holds:
        hold.release()
    for job_id in ids:
        user.done(job_id)
    assert all(s.most == 1 for s in shelves)
    assert all(s.pages() == [1, 2] for s in shelves)
    assert len(org.records()) == 2 * len(ids)


def test_two_workers_never_run_one_job(several, take):
    """While it is paused and resumed at every moment: its source never has
    two requests of one run that both lead to something."""
    org = JobsOrg(several)
    user, shelf = org.user, take(60)
    job_id = user.queued(shelf, "job")["id"]
    rng = random.Random(SEED)
    for _ in range(40):
        if user.job(job_id)["status"] == "completed":
            break
        r = user.pause("job")
        if r.status_code == 404:
            break
        assert r.status_code == 201, r.text
        before = user.job(job_id)["records"]
        user.resumed("job")
        time.sleep(rng.random() * 0.01)
        assert user.job(job_id)["records"]["read"] >= before["read"]
    job = user.done(job_id)
    assert job["records"]["read"] == 60
    assert job["records"]["written"] == 60
    assert len(org.records()) == 60


# --- crashes -----------------------------------------------------------------

@pytest.fixture
def crashing(tmp_path_factory, sources):
    s = Server(tmp_path_factory.mktemp("crashing"), config=config(
        sources, workers=2, page_tries=1, backoff_max_s=1))
    s.cli.init("main", "admin", ADMIN_PASSWORD)
    s.start()
    yield s
    s.kill()


@pytest.mark.parametrize("hard", [True, False], ids=["kill -9", "TERM"])
def test_a_restart_goes_on_at_the_last_checkpoint(crashing, take, hard):
    org, shelf = JobsOrg(crashing), take(8)
    user, hold = org.user, shelf.hold(page=6)
    job_id = user.queued(shelf, "job")["id"]
    hold.wait()
    user.wait(job_id, "active", accept=lambda j: j["records"]["read"] == 5)
    if hard:
        crashing.kill()
    else:
        # It does not wait for an answer that does not come.
        assert crashing.stop() == 0
    hold.release()
    shelf.asked.clear()
    crashing.start()
    job = user.done(job_id)
    assert shelf.pages() == [6, 7, 8]
    assert job["records"] == {"read": 8, "written": 8, "unchanged": 0,
                              "rejected": 0}
    assert len(org.records()) == 8


def test_an_active_job_is_taken_over_whatever_the_crash(crashing, sources):
    """Killed at any moment, again and again: exactly the source's records,
    each counted once, each change told once."""
    print("replay with TB_SEED=%d" % SEED)
    rng, org = random.Random(SEED), JobsOrg(crashing)
    user, site = org.user, org.org.site()
    shelf, wide = sources.take(), sources.at("wide2").reset()
    shelf.page_size = wide.page_size = 5
    keys = shelf.fill(2000)
    for e in WIDE:
        wide.fill(300, e["name"], prefix=e["name"] + "-")
    jobs = [user.queued(shelf, "plain")["id"],
            user.queued(wide, "wide", options={"concurrency": 4})["id"]]
    for _ in range(KILLS):
        asked = len(sources.asked)
        wait_for(lambda a=asked: len(sources.asked) > a + 3 or all(
            user.job(j)["status"] == "completed" for j in jobs),
            "the jobs to go on")
        time.sleep(rng.random() * 0.1)
        crashing.kill()
        crashing.start()
    plain, other = [user.done(j) for j in jobs]
    assert plain["records"] == {"read": 2000, "written": 2000,
                                "unchanged": 0, "rejected": 0}
    assert other["records"] == {"read": 1800, "written": 1800,
                                "unchanged": 0, "rejected": 0}
    assert sorted(org.records()) == sorted(keys)
    assert len(org.records("item")) == 300 * ENTITIES
    entries, _ = site.central_all()
    told = [(e["table"], e["recordID"]) for e in entries]
    assert len(told) == len(set(told)) == 3800
    assert crashing.stop() == 0
    org.cli.check()
    org.cli.audit_verify()
    crashing.start()


def test_what_was_answered_outlives_kill_9(crashing, take):
    """Queued, paused, cancelled, purged: each state just after its
    answer."""
    org, shelf = JobsOrg(crashing), take()
    user = org.user
    ids = {n: user.waiting(shelf, n)["id"] for n in "abc"}
    crashing.restart(hard=True)
    user.paused("a")
    crashing.restart(hard=True)
    assert user.job(ids["a"])["status"] == "paused"
    user.cancelled(ids["b"])
    crashing.restart(hard=True)
    assert user.job(ids["b"])["status"] == "failed"
    assert user.purged() == {"completed": 0, "failed": 1}
    crashing.restart(hard=True)
    assert user.counts() == (2, 0, 0)
    user.resumed("a")
    crashing.restart(hard=True)
    assert user.job(ids["a"])["status"] == "queued"


def test_jobs_queued_under_load_are_each_run_once(several, take):
    """By three clients at once; every one runs, and its source is asked as
    often as it has pages."""
    org, shelf = JobsOrg(several), take(1)
    users, ids = [org.user.again() for _ in range(3)], []
    shelf.fill(1)

    def queue(client):
        for _ in range(20):
            ids.append(client.queued(shelf)["id"])
    threads = [threading.Thread(target=queue, args=(u,)) for u in users]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert len(set(ids)) == 60
    wait_for(lambda: org.user.counts() == (0, 60, 0), "all to be completed")
    assert len(shelf.asked) == 60
    jobs = org.user.all_jobs()
    assert sum(j["records"]["written"] for j in jobs) == 1
    assert sum(j["records"]["unchanged"] for j in jobs) == 59


def disturb(user, names, seed, is_over):
    """Pause and resume those that were queued last, which may be ending."""
    chance = random.Random(seed)
    while not is_over.is_set():
        name = chance.choice(names[-SHORT_AT_ONCE:])
        for call in (user.pause, user.resume):
            assert call(name).status_code in (201, 404, 409)


def test_no_job_is_left_behind_by_what_is_paused_as_it_ends(several, sources):
    """A worker that ends one and takes the next in a single commit gets neither
    when the first was paused just then."""
    shelf, is_over = sources.take(), threading.Event()
    orgs = [JobsOrg(several) for _ in range(2)]
    names = {org: ["first"] for org in orgs}
    threads = [threading.Thread(target=disturb, args=(
        org.user.again(), names[org], SEED + n, is_over))
        for org in orgs for n in range(2)]
    for thread in threads:
        thread.start()
    for n in range(SHORT):
        for org in orgs:
            names[org].append("short-%d" % n)
            org.user.queued(shelf, names[org][-1])
    is_over.set()
    for thread in threads:
        thread.join()
    for org in orgs:
        for job in org.user.all_jobs(status="paused"):
            org.user.resumed(job["name"])
        wait_for(lambda o=org: len(o.user.all_jobs(
            status="completed")) == SHORT, "all to be completed")
