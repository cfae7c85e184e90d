"""What a job does when its source answers wrongly, or not at all."""

import email.utils
import time

import pytest

from harness import free_port, wait_for
from jobs import JobsOrg, config, seconds
from jobs_source import Body, Closed, Cut, Half, Sources, Status

UNHEARD = """\
  - name: unheard
    type: http
    url: http://127.0.0.1:%d/late
    paging: none
    entities:
      - {name: products, collection: product, path: products, items: items}
"""
PAGE_TRIES = 2
WORKERS = 8
# May pass: the same page is asked for again. What is said of each.
PASSING = {
    "429": (Status(429), "http_status"), "500": (Status(500), "http_status"),
    "502": (Status(502), "http_status"), "503": (Status(503), "http_status"),
    "504": (Status(504), "http_status"), "408": (Status(408), "http_status"),
    "no answer": (Closed(), "cut_off"), "a cut answer": (Cut(), "cut_off"),
    "half an answer": (Half(), "answer_invalid"),
    **{name: (Body(text), "answer_invalid") for name, text in {
        "not JSON": "<html>Sorry</html>", "an empty answer": "",
        "an array": "[]", "a number": "7", "null": "null",
        "no records": '{"total":3}', "records as a number": '{"items":7}',
        "records as an object": '{"items":{"a":{"id":"a"}}}',
        "records as null": '{"items":null}',
        "two texts": '{"items":[]}{"items":[]}',
        "bytes that are no text": b'{"items":[],"x":"\xff"}'}.items()}}


@pytest.fixture(scope="module")
def sources():
    s = Sources(10)
    s.add("slow", timeout_s=1)
    yield s
    s.close()


@pytest.fixture(scope="module")
def unheard(sources):
    """The port of a source at which nobody listens."""
    port = free_port()
    sources.other("unheard", UNHEARD % port)
    return port


@pytest.fixture(scope="module")
def server(sources, unheard, serve):
    """Back-offs are a second long at most; a page has one try in an
    attempt."""
    return serve(config(sources, workers=WORKERS, page_tries=1,
                        backoff_max_s=1))


@pytest.fixture(scope="module")
def twice(sources, serve):
    """A page has two tries in an attempt."""
    return serve(config(sources, workers=WORKERS, page_tries=PAGE_TRIES,
                        backoff_max_s=1))


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
    s.fill(6)
    yield s
    s.release()


def retrying(count, **more):
    return {"maxRetries": count, **more}


# --- what may pass -----------------------------------------------------------

def test_what_may_pass_is_tried_again(org, user, sources):
    """Many at once; each goes on where it was and brings all."""
    names = list(PASSING)
    for some in (names[:10], names[10:]):
        shelves = {name: sources.take() for name in some}
        jobs = {}
        for name, shelf in shelves.items():
            shelf.fill(6, prefix=name)
            shelf.spoil(PASSING[name][0], page=2)
            jobs[name] = user.queued(shelf)["id"]
        for name, shelf in shelves.items():
            job = user.done(jobs[name])
            assert shelf.pages() == [1, 2, 2, 3], name
            run, = job["runs"]
            assert run["status"] == "completed", name
            assert run["attempts"] == job["attempt"], name
            assert job["records"]["written"] == 6, name
            # What was not answered at all on a connection that was used
            # before may have gone out again at once.
            if name != "no answer" or job["attempt"] > 1:
                assert job["attempt"] == 2, name
                assert job["error"]["code"] == PASSING[name][1], name
    assert len(org.records()) == 6 * len(names)


def test_nobody_listens(org, user, unheard):
    """And then somebody does."""
    job_id = user.queued("unheard", options=retrying(100))["id"]
    job = user.wait(job_id, "queued", "active",
                    accept=lambda j: j.get("attempt", 0) >= 1
                    and "error" in j)
    assert job["error"]["code"] == "connect"
    source = Sources(port=unheard)
    shelf = source.add("late")
    shelf.put({"id": "a", "title": "A"})
    user.done(job_id)
    source.close()
    assert list(org.records()) == ["a"]


def test_a_try_that_hangs_times_out(org, user, sources):
    shelf = sources.at("slow").reset()
    shelf.fill(4)
    hold = shelf.hold(page=2)
    job_id = user.queued(shelf)["id"]
    wait_for(lambda: len(shelf.asks(page=2)) >= 2, "a second try")
    hold.release()
    job = user.done(job_id)
    assert job["attempt"] >= 2 and job["error"]["code"] == "timeout"
    assert len(org.records()) == 4


def test_after_the_last_retry_it_has_failed(org, user, shelf):
    shelf.spoil(Status(500), page=2, times=None)
    job = user.failed(user.queued(shelf, options=retrying(2))["id"])
    assert shelf.pages() == [1, 2, 2, 2]
    assert job["attempt"] == 3
    run, = job["runs"]
    assert (run["status"], run["attempts"]) == ("failed", 3)
    assert run["error"] == job["error"]
    assert "500" in job["error"]["message"]
    assert sorted(org.records()) == ["r0", "r1"]
    assert job["progress"] == 33
    assert user.counts() == (0, 0, 1)


@pytest.mark.parametrize("options", [
    {"retryOnFail": False}, {"retryOnFail": False, "maxRetries": 5},
    {"maxRetries": 0}, {"retryOnFail": True, "maxRetries": 0}], ids=repr)
def test_without_retries_the_first_failure_is_the_last(user, shelf, options):
    shelf.spoil(Status(500), page=2, times=None)
    job = user.failed(user.queued(shelf, options=options)["id"])
    assert shelf.pages() == [1, 2] and job["attempt"] == 1


def test_three_retries_are_the_default(user, shelf):
    shelf.spoil(Status(500), page=1, times=None)
    job = user.failed(user.queued(shelf)["id"])
    assert shelf.pages() == [1] * 4 and job["attempt"] == 4


def test_within_an_attempt_a_page_has_its_tries(twice, shelf):
    """They are no attempts."""
    org = JobsOrg(twice)
    user = org.user
    shelf.spoil(Status(500), page=2, times=1)
    job = user.ran(shelf, options=retrying(0))
    assert shelf.pages() == [1, 2, 2, 3] and job["attempt"] == 1
    shelf.asked.clear()
    shelf.spoil(Status(500), page=2, times=None)
    job = user.failed(user.queued(shelf, options=retrying(1))["id"])
    assert shelf.pages() == [1] + [2] * (2 * PAGE_TRIES)
    assert job["attempt"] == 2


def test_while_it_waits_for_its_retry(user, shelf):
    """It is queued, says when and why, and can be paused and cancelled."""
    shelf.spoil(Status(503, Retry_After=600), page=2)
    job_id = user.queued(shelf, "job")["id"]
    job = user.wait(job_id, "queued", accept=lambda j: "error" in j)
    answered = shelf.asks(page=2)[0].answered
    left = seconds(job["nextRunAt"]) - time.time()
    since = time.monotonic() - answered
    assert 600 - since - 2 <= left <= 600 + 2
    assert job["progress"] == 33 and "503" in job["error"]["message"]
    assert user.info()["syncJobs"][0]["status"] == "queued"
    user.paused("job")
    assert user.resumed("job")["status"] in ("queued", "active")
    user.cancelled(job_id)
    assert user.job(job_id)["error"]["code"] == "cancelled"


def gap(shelf, page=2):
    """How long after a spoilt answer the next request came."""
    first, second = shelf.asks(page=page)[:2]
    return second.came - first.answered


def test_retry_after_is_waited_for(user, shelf):
    """In seconds, and as a date; no earlier."""
    shelf.spoil(Status(429, Retry_After=2), page=2)
    user.ran(shelf)
    assert gap(shelf) >= 1.9
    shelf.asked.clear()
    date = email.utils.formatdate(int(time.time()) + 3, usegmt=True)
    shelf.spoil(Status(503, Retry_After=date), page=2)
    user.ran(shelf)
    assert time.time() >= email.utils.parsedate_to_datetime(date).timestamp()


def test_retry_after_within_an_attempt(twice, shelf):
    shelf.spoil(Status(429, Retry_After=2), page=2)
    JobsOrg(twice).user.ran(shelf, options=retrying(0))
    assert gap(shelf) >= 1.9


def test_a_long_retry_after_ends_the_attempt(twice, sources):
    """Nobody is a worker's only job for as long as a source likes."""
    shelf, up = sources.take(), sources.take()
    shelf.fill(6)
    up.fill(2)
    shelf.spoil(Status(503, Retry_After=86400), page=2, times=None)
    user = JobsOrg(twice).user
    ids = [user.queued(shelf)["id"] for _ in range(WORKERS)]
    for job_id in ids:
        job = user.wait(job_id, "queued", accept=lambda j: "error" in j)
        assert job["attempt"] == 1 and "503" in job["error"]["message"]
        assert seconds(job["nextRunAt"]) > time.time() + 80000
    JobsOrg(twice).user.ran(up)
    assert len(shelf.asks(page=2)) == WORKERS
    user.org.end()


def test_a_retry_waits_for_half_its_back_off_at_least(user, shelf):
    shelf.spoil(Status(500), page=2)
    user.ran(shelf)
    assert gap(shelf) >= 0.49


@pytest.mark.parametrize("value", ["", "soon", "-5", "1e9", "99999999999999"])
def test_a_retry_after_that_is_none(user, shelf, value):
    """Is as good as none, or waits for a time that a person can end."""
    shelf.spoil(Status(503, Retry_After=value), page=2)
    job_id = user.queued(shelf, "job")["id"]
    job = user.wait(job_id, "queued", "completed", accept=lambda j:
                    "error" in j or j["status"] == "completed")
    if job["status"] == "queued" and value == "99999999999999":
        user.cancelled(job_id)
    else:
        user.done(job_id)


def test_others_go_on_while_one_source_is_down(user, sources):
    down, up = sources.take(), sources.take()
    down.fill(2)
    up.fill(2)
    down.spoil(Closed(), times=None)
    job_id = user.queued(down, options=retrying(100))["id"]
    for _ in range(5):
        user.ran(up)
    job = user.job(job_id)
    assert job["status"] in ("queued", "active")
