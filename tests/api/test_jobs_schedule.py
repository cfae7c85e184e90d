"""When scheduled jobs run: what a schedule must be, the next time of each
kind, missed runs.

TB_SEED picks the schedules that are compared with those of the model.
"""

import datetime
import os
import random
import shutil
import time
import zoneinfo

import pytest

from harness import wait_for
from jobs import FAR, JobsOrg, assert_error, config, seconds, time_text
from jobs_schedule import UTC, next_run, parsed, start_of, written
from jobs_source import Sources, Status

SEED = int(os.environ.get("TB_SEED", "1"))
RANDOM_SCHEDULES = 250
DAY_S = 24 * 3600
REPEAT = "schedule.repeat must be one of hourly, daily, weekly, monthly, or" \
    " a cron line of five fields"
TIME = "schedule.time must be HH:MM"
START = "schedule.startAt must be a time"
NEEDED = "schedule.startAt or schedule.repeat is required"


@pytest.fixture(scope="module")
def sources():
    s = Sources(8)
    yield s
    s.close()


@pytest.fixture(scope="module")
def server(sources, serve):
    return serve(config(sources, workers=2, page_tries=1, backoff_max_s=1))


@pytest.fixture(scope="module")
def org(server):
    return JobsOrg(server)


@pytest.fixture
def user(org):
    yield org.user
    org.end()


@pytest.fixture
def shelf(sources):
    s = sources.take()
    s.fill(3)
    yield s
    s.release()


def next_of(user, shelf, **schedule):
    """When a job of this schedule would run next; it is given up then."""
    job = user.waiting(shelf, **schedule)
    got = user.job(job["id"])
    assert got["status"] == "queued"
    assert job["estimatedStart"] == got["nextRunAt"]
    user.cancelled(job["id"])
    return got["nextRunAt"]


def passed(epoch_s):
    wait_for(lambda: time.time() >= epoch_s, "a time to come")


# --- what a schedule must be -------------------------------------------------

@pytest.mark.parametrize("schedule,message", [
    ({}, NEEDED), ({"startAt": None}, NEEDED), ({"time": "00:00"}, NEEDED),
    ({"timezone": "UTC"}, NEEDED), ({"repeat": None}, NEEDED),
    ({"startAt": ""}, START), ({"startAt": "tomorrow"}, START),
    ({"startAt": "2023-02-30T00:00:00Z"}, START),
    ({"startAt": "2023-01-15T24:01:00Z"}, START),
    ({"repeat": ""}, REPEAT), ({"repeat": "Daily"}, REPEAT),
    ({"repeat": "yearly"}, REPEAT), ({"repeat": "daily "}, REPEAT),
    ({"repeat": "@daily"}, REPEAT), ({"repeat": "* * * *"}, REPEAT),
    ({"repeat": "* * * * * *"}, REPEAT), ({"repeat": "60 * * * *"}, REPEAT),
    ({"repeat": "* 24 * * *"}, REPEAT), ({"repeat": "* * 0 * *"}, REPEAT),
    ({"repeat": "* * 32 * *"}, REPEAT), ({"repeat": "* * * 0 *"}, REPEAT),
    ({"repeat": "* * * 13 *"}, REPEAT), ({"repeat": "* * * * 8"}, REPEAT),
    ({"repeat": "-1 * * * *"}, REPEAT), ({"repeat": "*/0 * * * *"}, REPEAT),
    ({"repeat": "5-1 * * * *"}, REPEAT), ({"repeat": "1- * * * *"}, REPEAT),
    ({"repeat": "1,,2 * * * *"}, REPEAT), ({"repeat": ", * * * *"}, REPEAT),
    ({"repeat": "1/ * * * *"}, REPEAT), ({"repeat": "x * * * *"}, REPEAT),
    ({"repeat": "mon * * * *"}, REPEAT), ({"repeat": "* * * * jan"}, REPEAT),
    ({"repeat": "* * * mon *"}, REPEAT), ({"repeat": "? * * * *"}, REPEAT),
    ({"repeat": "* * L * *"}, REPEAT), ({"repeat": "1.5 * * * *"}, REPEAT),
    ({"repeat": "99999999999999999999 * * * *"}, REPEAT),
    ({"repeat": "0 0 * * * x"}, REPEAT),
    ({"repeat": "0,1" + ",2" * 5000 + ", * * * *"}, REPEAT),
    ({"repeat": "daily", "time": ""}, TIME),
    ({"repeat": "daily", "time": "24:00"}, TIME),
    ({"repeat": "daily", "time": "12:60"}, TIME),
    ({"repeat": "daily", "time": "7:05"}, TIME),
    ({"repeat": "daily", "time": "07:5"}, TIME),
    ({"repeat": "daily", "time": "0705"}, TIME),
    ({"repeat": "daily", "time": "07:05:00"}, TIME),
    ({"repeat": "daily", "time": "noon"}, TIME),
    ({"repeat": "daily", "time": "-1:00"}, TIME),
    ({"repeat": "0 0 * * *", "time": "00:00"},
     "schedule.time cannot be used with a cron line"),
    ({"startAt": FAR, "timezone": ""}, "schedule.timezone is unknown"),
    ({"startAt": FAR, "timezone": "Mars/Olympus"},
     "schedule.timezone is unknown"),
    ({"startAt": FAR, "timezone": "../../../etc/passwd"},
     "schedule.timezone is unknown"),
    ({"startAt": FAR, "timezone": "/usr/share/zoneinfo/UTC"},
     "schedule.timezone is unknown"),
    ({"startAt": FAR, "timezone": "Europe"}, "schedule.timezone is unknown"),
    ({"startAt": FAR, "timezone": "zone.tab"},
     "schedule.timezone is unknown"),
    ({"startAt": FAR, "timezone": "x" * 2000},
     "schedule.timezone is unknown"),
    ({"startAt": FAR, "missed": "never"},
     "schedule.missed must be one of run_once, skip"),
    ({"startAt": FAR, "missed": ""},
     "schedule.missed must be one of run_once, skip"),
    ({"startAt": FAR, "mode": "entity"},
     "schedule.mode must be one of full, incremental"),
    ({"startAt": FAR, "mode": ""},
     "schedule.mode must be one of full, incremental"),
    ({"repeat": "0 0 30 2 *"}, "schedule never occurs"),
    ({"repeat": "0 0 31 2,4,6,9,11 *"}, "schedule never occurs"),
], ids=lambda v: repr(v)[:50])
def test_a_schedule_that_is_none(user, shelf, schedule, message):
    answer = user.queue(shelf, type="scheduled", schedule=schedule)
    assert_error(answer, 400, message)
    assert user.info()["syncJobs"] == []


@pytest.mark.parametrize("kind", ["full", "incremental", "entity"])
def test_a_schedule_is_only_for_scheduled_jobs(user, shelf, kind):
    answer = user.queue(shelf, type=kind, schedule={"startAt": FAR},
                        data={"source": shelf.name, "entity": "products"})
    assert_error(answer, 400, "schedule is only for the type scheduled")


# --- the next time -----------------------------------------------------------

AT = "2031-01-01T00:00:00Z"  # A Wednesday.
NEXT = [
    # Once, at any offset.
    ({"startAt": "2031-01-01T12:34:56Z"}, "2031-01-01T12:34:56Z"),
    ({"startAt": "2031-01-01T12:34:56+05:30"}, "2031-01-01T07:04:56Z"),
    ({"startAt": "2099-12-31T23:59:59-12:00"}, "2100-01-01T11:59:59Z"),
    # Without an offset it is a time of the zone.
    ({"startAt": "2031-07-01T12:34:56", "timezone": "Europe/Berlin"},
     "2031-07-01T10:34:56Z"),
    # Daily, the first time not before startAt.
    ({"startAt": AT, "repeat": "daily"}, AT),
    ({"startAt": AT, "repeat": "daily", "time": "00:00"}, AT),
    ({"startAt": AT, "repeat": "daily", "time": "23:59"},
     "2031-01-01T23:59:00Z"),
    ({"startAt": "2031-01-01T06:31:00Z", "repeat": "daily", "time": "06:30"},
     "2031-01-02T06:30:00Z"),
    ({"startAt": "2031-01-01T06:30:00Z", "repeat": "daily", "time": "06:30"},
     "2031-01-01T06:30:00Z"),
    ({"startAt": "2031-01-01T06:30:15Z", "repeat": "daily", "time": "06:30"},
     "2031-01-02T06:30:00Z"),
    ({"startAt": AT, "repeat": "daily", "time": "06:30",
      "timezone": "Europe/Berlin"}, "2031-01-01T05:30:00Z"),
    ({"startAt": "2031-07-01T00:00:00Z", "repeat": "daily", "time": "06:30",
      "timezone": "Europe/Berlin"}, "2031-07-01T04:30:00Z"),
    ({"startAt": AT, "repeat": "daily", "time": "00:00",
      "timezone": "Asia/Kathmandu"}, "2031-01-01T18:15:00Z"),
    ({"startAt": AT, "repeat": "daily", "time": "20:00",
      "timezone": "America/Los_Angeles"}, "2031-01-01T04:00:00Z"),
    # Hourly: the minutes count alone.
    ({"startAt": "2031-01-01T00:50:00Z", "repeat": "hourly",
      "time": "17:45"}, "2031-01-01T01:45:00Z"),
    ({"startAt": "2031-01-01T00:20:00Z", "repeat": "hourly"},
     "2031-01-01T00:20:00Z"),
    ({"startAt": AT, "repeat": "hourly", "time": "00:00",
      "timezone": "Asia/Kathmandu"}, "2031-01-01T00:15:00Z"),
    # Weekly, on the weekday that startAt has there.
    ({"startAt": "2031-01-15T12:00:00Z", "repeat": "weekly",
      "time": "06:00"}, "2031-01-22T06:00:00Z"),
    ({"startAt": "2031-01-15T12:00:00Z", "repeat": "weekly",
      "time": "13:00"}, "2031-01-15T13:00:00Z"),
    ({"startAt": "2031-01-15T12:00:00Z", "repeat": "weekly",
      "time": "00:30", "timezone": "Pacific/Auckland"},
     "2031-01-22T11:30:00Z"),
    # Monthly, or on the last day.
    ({"startAt": "2031-01-31T12:00:00Z", "repeat": "monthly",
      "time": "06:00"}, "2031-02-28T06:00:00Z"),
    ({"startAt": "2032-01-31T12:00:00Z", "repeat": "monthly",
      "time": "06:00"}, "2032-02-29T06:00:00Z"),
    ({"startAt": "2031-01-31T12:00:00Z", "repeat": "monthly"},
     "2031-01-31T12:00:00Z"),
    ({"startAt": "2031-12-15T12:00:00Z", "repeat": "monthly",
      "time": "06:00"}, "2032-01-15T06:00:00Z"),
    # A time that the clock jumps over, and one that comes twice.
    ({"startAt": "2031-03-30T00:00:00Z", "repeat": "daily", "time": "02:30",
      "timezone": "Europe/Berlin"}, "2031-03-30T01:00:00Z"),
    ({"startAt": "2031-10-26T00:00:00Z", "repeat": "daily", "time": "02:30",
      "timezone": "Europe/Berlin"}, "2031-10-26T00:30:00Z"),
    ({"startAt": "2031-10-26T00:31:00Z", "repeat": "daily", "time": "02:30",
      "timezone": "Europe/Berlin"}, "2031-10-27T01:30:00Z"),
    ({"startAt": "2031-10-26T00:31:00Z", "repeat": "hourly",
      "time": "00:30", "timezone": "Europe/Berlin"}, "2031-10-26T01:30:00Z"),
    ({"startAt": "2031-10-26T00:31:00Z", "repeat": "30 * * * *",
      "timezone": "Europe/Berlin"}, "2031-10-26T01:30:00Z"),
    ({"startAt": "2031-10-26T00:31:00Z", "repeat": "30 2 * * *",
      "timezone": "Europe/Berlin"}, "2031-10-27T01:30:00Z"),
    ({"startAt": "2031-03-30T00:00:00Z", "repeat": "15,45 2 * * *",
      "timezone": "Europe/Berlin"}, "2031-03-30T01:00:00Z"),
    ({"startAt": "2031-03-30T00:31:00Z", "repeat": "30 * * * *",
      "timezone": "Europe/Berlin"}, "2031-03-30T01:30:00Z"),
    # Cron lines.
    ({"startAt": AT, "repeat": "* * * * *"}, AT),
    ({"startAt": "2031-01-01T00:00:01Z", "repeat": "* * * * *"},
     "2031-01-01T00:01:00Z"),
    ({"startAt": "2031-01-01T00:01:00Z", "repeat": "*/15 * * * *"},
     "2031-01-01T00:15:00Z"),
    ({"startAt": "2031-01-01T00:01:00Z", "repeat": "10-50/20 * * * *"},
     "2031-01-01T00:10:00Z"),
    ({"startAt": "2031-01-01T00:31:00Z", "repeat": "10-50/20 * * * *"},
     "2031-01-01T00:50:00Z"),
    ({"startAt": "2031-01-01T18:00:00Z", "repeat": "0 9-17/4 * * mon-fri"},
     "2031-01-02T09:00:00Z"),
    ({"startAt": "2031-01-03T18:00:00Z", "repeat": "0 9-17/4 * * MON-FRI"},
     "2031-01-06T09:00:00Z"),
    ({"startAt": "2031-01-02T00:00:00Z", "repeat": "0 0 1 jan,Jul *"},
     "2031-07-01T00:00:00Z"),
    ({"startAt": AT, "repeat": "0 0 * * 7"}, "2031-01-05T00:00:00Z"),
    ({"startAt": AT, "repeat": "0 0 * * 0"}, "2031-01-05T00:00:00Z"),
    ({"startAt": AT, "repeat": "0 0 * * sun"}, "2031-01-05T00:00:00Z"),
    ({"startAt": AT, "repeat": "0 0 13 * fri"}, "2031-01-03T00:00:00Z"),
    ({"startAt": "2031-01-11T00:00:00Z", "repeat": "0 0 13 * fri"},
     "2031-01-13T00:00:00Z"),
    ({"startAt": AT, "repeat": "0 0 13 2 *"}, "2031-02-13T00:00:00Z"),
    ({"startAt": AT, "repeat": "0 0 29 2 *"}, "2032-02-29T00:00:00Z"),
    ({"startAt": "2097-01-01T00:00:00Z", "repeat": "0 0 29 2 *"},
     "2104-02-29T00:00:00Z"),
    ({"startAt": AT, "repeat": "0 0 31 * *"}, "2031-01-31T00:00:00Z"),
    ({"startAt": "2031-02-01T00:00:00Z", "repeat": "0 0 31 4,5 *"},
     "2031-05-31T00:00:00Z"),
    ({"startAt": AT, "repeat": "5,3,4 2,1 * * *"}, "2031-01-01T01:03:00Z"),
    ({"startAt": AT, "repeat": "0 12 * * *", "timezone": "Asia/Tokyo"},
     "2031-01-01T03:00:00Z"),
]


@pytest.mark.parametrize("schedule,when", NEXT, ids=lambda v: repr(v)[:70])
def test_the_next_time(user, shelf, schedule, when):
    assert next_of(user, shelf, **schedule) == when


@pytest.mark.parametrize("schedule,when", NEXT, ids=lambda v: repr(v)[:70])
def test_the_model_says_the_same(schedule, when):
    assert written(next_run(schedule, start_of(schedule))) == when


ZONES = ["UTC", "Europe/Berlin", "America/New_York", "America/St_Johns",
         "Asia/Kathmandu", "Pacific/Auckland", "America/Santiago",
         "Africa/Cairo", "Asia/Kolkata", "Pacific/Chatham", "Etc/GMT+12"]


def changes(zone, year):
    """The hours in which a zone's clock is set in a year."""
    zone = zoneinfo.ZoneInfo(zone)
    hour = datetime.timedelta(hours=1)
    now = datetime.datetime(year, 1, 1, tzinfo=UTC)
    while now.year == year:
        if now.astimezone(zone).utcoffset() \
                != (now + hour).astimezone(zone).utcoffset():
            yield now
        now += hour


def cron_field(rng, low, high):
    def number():
        return rng.randrange(low, high + 1)
    first, last = sorted((number(), number()))
    return rng.choice(["*", "*", str(number()), "%d-%d" % (first, last),
                       "*/%d" % rng.randrange(2, 7),
                       "%d,%d" % (number(), number()),
                       "%d-%d/%d" % (first, last, rng.randrange(1, 4))])


def day_field(rng, low, high):
    """Without steps of all, of which other programs think otherwise where
    both days are given."""
    while True:
        text = cron_field(rng, low, high)
        if not text.startswith("*/"):
            return text


def random_schedule(rng, near):
    """One that begins at a random time, mostly about when clocks are set."""
    zone = rng.choice(ZONES)
    year = rng.randrange(2027, 2080)
    if (zone, year) not in near:
        near[zone, year] = list(changes(zone, year))
    start = datetime.datetime(year, 1, 1, tzinfo=UTC) \
        + datetime.timedelta(minutes=rng.randrange(365 * 24 * 60))
    if near[zone, year] and rng.random() < 0.8:
        start = rng.choice(near[zone, year]) + datetime.timedelta(
            minutes=rng.randrange(-2 * 24 * 60, 6 * 60))
    schedule = {"startAt": written(start), "timezone": zone}
    kind = rng.choice(["hourly", "daily", "weekly", "monthly", "cron",
                       "cron"])
    if kind == "cron":
        schedule["repeat"] = " ".join([
            cron_field(rng, 0, 59), cron_field(rng, 0, 23),
            rng.choice(["*", "*", day_field(rng, 1, 28)]),
            rng.choice(["*", "*", cron_field(rng, 1, 12)]),
            rng.choice(["*", "*", day_field(rng, 0, 6)])])
        return schedule
    schedule["repeat"] = kind
    if rng.random() < 0.8:
        schedule["time"] = "%02d:%02d" % (rng.randrange(0, 5),
                                          rng.randrange(60))
    return schedule


def test_the_next_time_is_that_of_the_model(user, shelf):
    """Kinds, zones and times by chance."""
    print("replay with TB_SEED=%d" % SEED)
    rng, near, bad = random.Random(SEED), {}, []
    for _ in range(RANDOM_SCHEDULES):
        schedule = random_schedule(rng, near)
        expected = next_run(schedule, start_of(schedule))
        if expected is None:
            continue
        got = next_of(user, shelf, **schedule)
        if got != written(expected):
            bad.append((schedule, got, written(expected)))
    assert not bad, "%d of them: %s" % (len(bad), bad[:5])


@pytest.mark.parametrize("schedule", [
    {"startAt": "2023-01-31T10:20:00Z", "repeat": "monthly"},
    {"startAt": "2023-01-15T10:20:00Z", "repeat": "weekly"},
    {"startAt": "2023-01-15T10:20:00Z", "repeat": "daily"},
    {"startAt": "2023-01-15T10:20:00Z", "repeat": "hourly"},
    {"startAt": "2023-01-15T10:20:00Z", "repeat": "weekly", "time": "03:00",
     "timezone": "America/New_York"},
    {"startAt": "2023-01-15T10:20:00Z", "repeat": "7 5 * * 2"},
    {"repeat": "0 0 1 1 *"}, {"repeat": "daily", "time": "06:30"},
    {"repeat": "hourly", "time": "06:30", "timezone": "Asia/Kathmandu"},
    {"repeat": "weekly", "time": "06:30"},
    {"repeat": "monthly", "time": "06:30"}], ids=repr)
def test_an_anchor_in_the_past_is_no_missed_run(user, shelf, schedule):
    """Nothing runs; the next time is behind now, as the model says for the
    second before the answer or the one after it."""
    before = datetime.datetime.now(UTC).replace(microsecond=0)
    got = next_of(user, shelf, **schedule)
    after = datetime.datetime.now(UTC)
    assert got in {written(next_run(schedule, t, now=t))
                   for t in (before, after)}
    assert parsed(got) >= before
    assert shelf.asked == []


def test_without_time_it_is_that_of_when_it_was_queued(user, shelf):
    """A day later at the earliest hour that passes."""
    for repeat, days in (("daily", 1), ("weekly", 7)):
        job = user.waiting(shelf, repeat=repeat)
        queued, when = seconds(job["queuedAt"]), seconds(
            user.job(job["id"])["nextRunAt"])
        assert abs(when - queued - days * DAY_S) <= 60
        user.cancelled(job["id"])


def test_the_zone_is_a_setting(sources, serve):
    server = serve(config(sources, timezone="Asia/Kathmandu"))
    org, shelf = JobsOrg(server), sources.take()
    for zone, when in ((None, "2031-01-01T18:15:00Z"), ("UTC", AT)):
        assert next_of(org.user, shelf, startAt=AT, repeat="daily",
                       time="00:00", timezone=zone) == when
    org.end()


# --- running -----------------------------------------------------------------

def ran_and_waits(user, job_id, **more):
    """Wait until a repeating job has been run; the job between runs."""
    return user.wait(job_id, "queued", accept=lambda j: j["runs"]
                     and j["runs"][0]["status"] != "active" and all(
                         j.get(k) == v for k, v in more.items()))


def test_one_of_the_past_that_does_not_repeat_runs_at_once(user, shelf):
    job = user.waiting(shelf, startAt="2023-01-15T00:00:00Z")
    job = user.done(job["id"])
    assert len(job["runs"]) == 1 and "nextRunAt" not in job
    assert job["progress"] == 100


def test_one_that_does_not_repeat_runs_at_its_time(user, shelf):
    start = int(time.time()) + 2
    job = user.waiting(shelf, startAt=time_text(start))
    assert user.job(job["id"])["nextRunAt"] == time_text(start)
    assert shelf.asked == [] or time.time() >= start
    job = user.done(job["id"])
    assert start <= seconds(job["startedAt"])
    run, = job["runs"]
    assert (run["status"], run["attempts"]) == ("completed", 1)


def test_one_that_repeats_waits_for_its_next_time(user, shelf):
    start = int(time.time()) + 1
    job = user.waiting(shelf, startAt=time_text(start), repeat="daily")
    job = ran_and_waits(user, job["id"])
    assert job["nextRunAt"] == time_text(start + DAY_S)
    assert "completedAt" not in job and job["progress"] < 100
    run, = job["runs"]
    assert run["status"] == "completed" and run["records"]["read"] == 3
    assert start <= seconds(run["startedAt"]) <= seconds(run["endedAt"])
    assert seconds(user.info()["syncStatus"]["lastSync"]) \
        >= seconds(run["startedAt"])


def test_one_that_was_run_in_vain_waits_for_its_next_time(user, shelf):
    """If it repeats; else it has failed."""
    shelf.spoil(Status(401), times=None)
    start = int(time.time()) + 1
    a = user.waiting(shelf, startAt=time_text(start), repeat="daily")
    b = user.waiting(shelf, startAt=time_text(start))
    job = ran_and_waits(user, a["id"])
    assert job["nextRunAt"] == time_text(start + DAY_S)
    assert job["runs"][0]["status"] == "failed" and job["error"]
    assert user.failed(b["id"])["runs"][0]["status"] == "failed"


def test_a_run_that_is_incremental_begins_behind_the_last(user, shelf):
    """`mode`; the last run may have been of another type."""
    first = user.ran(shelf, "nightly")
    assert [a.query.get("since") for a in shelf.asks()] == [None, None]
    job = user.waiting(shelf, "nightly", startAt="2023-01-15T00:00:00Z",
                       mode="incremental")
    user.done(job["id"])
    since = shelf.asks(page=1)[-1].query["since"]
    assert since[:19] + "Z" == first["runs"][0]["startedAt"], since
    job = user.waiting(shelf, "nightly", startAt="2023-01-15T00:00:00Z",
                       mode="full")
    user.done(job["id"])
    assert "since" not in shelf.asks(page=1)[-1].query


def test_a_run_that_was_missed_by_little_is_run(user, shelf):
    """Paused over its time, and the server down at its time."""
    start = int(time.time()) + 2
    jobs = [user.waiting(shelf, startAt=time_text(start), repeat=repeat)
            for repeat in ("daily", "daily", None)]
    user.paused(jobs[0]["name"])
    user.server.kill()
    passed(start + 1)
    user.server.start()
    for job in (user.done(jobs[2]["id"]), ran_and_waits(user, jobs[1]["id"])):
        assert len(job["runs"]) == 1
        assert seconds(job["runs"][0]["startedAt"]) > start
    assert job["nextRunAt"] == time_text(start + DAY_S)
    assert user.job(jobs[0]["id"])["runs"] == []
    assert user.resumed(jobs[0]["name"])["status"] == "queued"
    job = ran_and_waits(user, jobs[0]["id"])
    assert job["nextRunAt"] == time_text(start + DAY_S)
    assert len(job["runs"]) == 1


def test_resumed_before_its_time_it_waits_on(user, shelf):
    job = user.waiting(shelf, startAt=AT, repeat="daily")
    user.paused(job["name"])
    assert user.resumed(job["name"])["status"] == "queued"
    assert user.job(job["id"])["nextRunAt"] == AT
    assert shelf.asked == []


# --- a zone that goes --------------------------------------------------------

ZONE = "Asia/Kathmandu"


@pytest.fixture
def zone_file(tmp_path, monkeypatch):
    """The only file of the zone folder of servers that start now."""
    file = tmp_path / ZONE
    file.parent.mkdir()
    shutil.copy("/usr/share/zoneinfo/" + ZONE, file)
    monkeypatch.setenv("TZDIR", str(tmp_path))
    return file


def assert_zone_is_gone(job):
    """Nobody can say when it runs next: it has failed, though it repeats."""
    assert job["error"] == {"code": "request_invalid",
                            "message": "schedule.timezone is unknown"}
    assert "nextRunAt" not in job and "completedAt" not in job
    assert [r["status"] for r in job["runs"]] == ["failed"]


def test_a_zone_that_is_gone_fails_the_job(sources, serve, zone_file):
    """Before its run and during it; `retry` goes on once the zone is back."""
    org, shelf = JobsOrg(serve(config(sources, workers=1))), sources.take()
    user, keys = org.user, shelf.fill(1)
    schedule = {"startAt": time_text(int(time.time()) + 1), "repeat": "daily",
                "timezone": ZONE}
    with shelf.hold() as hold:
        during = user.waiting(shelf, "during", **schedule)
        hold.wait()
        # The only worker is busy.
        before = user.waiting(shelf, "before", **{
            **schedule, "startAt": time_text(int(time.time()) + 1)})
        zone_file.rename(zone_file.parent / "gone")
    job = user.failed(during["id"])
    assert_zone_is_gone(job)
    # What was read until then is stored.
    assert job["records"]["written"] == 1 and list(org.records()) == keys
    job = user.failed(before["id"])
    assert_zone_is_gone(job)
    assert job["records"]["read"] == 0
    (zone_file.parent / "gone").rename(zone_file)
    for job_id in (before["id"], during["id"]):
        user.retried(job_id)
        job = user.wait(job_id, "queued", accept=lambda j: "nextRunAt" in j
                        and j["runs"][0]["status"] == "completed")
        assert parsed(job["nextRunAt"]) > datetime.datetime.now(UTC)
    org.end()
