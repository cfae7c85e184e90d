"""Runs that were missed by more than a minute: once, or not at all.

Those that were missed by less are late, and are run (test_jobs_schedule.py).
"""

import time

import pytest

from harness import wait_for
from jobs import JobsOrg, config, seconds, time_text
from jobs_source import Sources

LATE_S = 62
DAY_S = 24 * 3600
# How a job misses its time, and what its schedule says of that.
WAYS = ["paused", "down"]
KINDS = {"by default": {}, "run_once": {"missed": "run_once"},
         "skip": {"missed": "skip"}}

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def sources():
    s = Sources(1)
    yield s
    s.close()


def missed_everything(serve, sources, **settings):
    """A job of each kind and way, a minute after it should have run; the
    jobs by both, and when they should."""
    server = serve(config(sources, **settings))
    user, shelf = JobsOrg(server).user, sources.take()
    start = int(time.time()) + 5
    jobs = {(way, kind): user.waiting(
        shelf, "%s %s" % (way, kind), startAt=time_text(start),
        repeat="daily", **more)
        for way in WAYS for kind, more in KINDS.items()}
    once = user.waiting(shelf, "once", startAt=time_text(start))
    for (way, _), job in jobs.items():
        if way == "paused":
            user.paused(job["name"])
    server.kill()
    return user, jobs, once, start


def test_what_was_missed_is_run_once_or_left_out(sources, serve):
    """By a schedule that says so, and by the setting where none does."""
    both = {missed: missed_everything(serve, sources, missed=missed)
            for missed in ("run_once", "skip")}
    end = max(start for _, _, _, start in both.values()) + LATE_S
    wait_for(lambda: time.time() >= end, "a minute to pass",
             seconds=LATE_S + 30)
    for user, _, _, _ in both.values():
        user.server.start()
    for missed, (user, jobs, once, start) in both.items():
        tomorrow = time_text(start + DAY_S)
        assert len(user.done(once["id"])["runs"]) == 1
        for (way, kind), job in jobs.items():
            if way == "paused":
                user.resumed(job["name"])
            job = user.wait(job["id"], "queued", accept=lambda j, t=tomorrow:
                            j.get("nextRunAt") == t)
            is_run = {"by default": missed}.get(kind, kind) == "run_once"
            assert [r["status"] for r in job["runs"]] \
                == ["completed"] * is_run, (missed, way, kind)
            for run in job["runs"]:
                assert seconds(run["startedAt"]) >= start + LATE_S
