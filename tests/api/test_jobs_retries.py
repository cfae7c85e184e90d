"""What a job does when its source answers wrongly, or not at all."""

import email.utils
import time

import pytest

from harness import free_port, wait_for
from jobs import JobsOrg, config, seconds
from jobs_source import (Body, Closed, Cut, Endless, Half, Loop, NextAt,
                         Sources, Status)

UNHEARD = """\
  - name: unheard
    type: http
    url: http://127.0.0.1:%d/late
    paging: none
    entities:
      - {name: products, collection: product, path: products, items: items}
"""
PAGE_MAX_BYTES = 1 << 20
PAGE_TRIES = 2
# May pass: the same page is asked for again.
PASSING = {
    "429": Status(429), "500": Status(500), "502": Status(502),
    "503": Status(503), "504": Status(504), "408": Status(408),
    "no answer": Closed(), "a cut answer": Cut(), "half an answer": Half(),
    "not JSON": Body("<html>Sorry</html>"), "an empty answer": Body(""),
    "an array": Body("[]"), "a number": Body("7"), "null": Body("null"),
    "no records": Body('{"total":3}'),
    "records of another type": Body('{"items":7}'),
    "an object of records": Body('{"items":{"a":{"id":"a"}}}'),
    "two texts": Body('{"items":[]}{"items":[]}'),
    "bytes that are no text": Body(b'{"items":[],"x":"\xff"}'),
    "HTML with 200": Body("<html>", Content_Type="text/html")}
# Cannot pass: it is not asked for again.
FINAL = {"401": Status(401), "403": Status(403)}


@pytest.fixture(scope="module")
def sources():
    s = Sources(10, page_max_bytes=PAGE_MAX_BYTES)
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
    return serve(config(sources, workers=8, page_tries=1, backoff_max_s=1))


@pytest.fixture(scope="module")
def twice(sources, serve):
    """A page has two tries in an attempt."""
    return serve(config(sources, workers=8, page_tries=PAGE_TRIES,
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

def test_what_may_pass_is_tried_again(server, sources):
    """All of them at once; each goes on where it was and brings all."""
    orgs, jobs = {}, {}
    for round_ in (list(PASSING)[:10], list(PASSING)[10:]):
        shelves = {name: sources.take() for name in round_}
        for name, shelf in shelves.items():
            shelf.fill(6)
            shelf.spoil(PASSING[name], page=2)
            orgs[name] = JobsOrg(server)
            jobs[name] = orgs[name].user.queued(shelf)["id"]
        for name, shelf in shelves.items():
            job = orgs[name].user.done(jobs[name])
            assert shelf.pages() == [1, 2, 2, 3], name
            # What was not answered at all on a connection that was used
            # before may have gone out again at once.
            attempts = (1, 2) if name == "no answer" else (2,)
            run, = job["runs"]
            assert run["status"] == "completed", name
            assert run["attempts"] == job["attempt"], name
            assert job["attempt"] in attempts, name
            assert job["records"]["written"] == 6, name
            assert len(orgs[name].records()) == 6, name


def test_nobody_listens(org, user, unheard):
    """And then somebody does."""
    job_id = user.queued("unheard", options=retrying(100))["id"]
    job = user.wait(job_id, "queued", "active",
                    accept=lambda j: j.get("attempt", 0) >= 1
                    and "error" in j)
    assert job["error"]["message"]
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
    assert user.done(job_id)["attempt"] >= 2
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
    shelf.spoil(Status(429, Retry_After=3), page=2)
    user.ran(shelf)
    assert gap(shelf) >= 2.9
    shelf.asked.clear()
    date = email.utils.formatdate(int(time.time()) + 4, usegmt=True)
    shelf.spoil(Status(503, Retry_After=date), page=2)
    user.ran(shelf)
    assert time.time() >= email.utils.parsedate_to_datetime(date).timestamp()


def test_retry_after_within_an_attempt(twice, shelf):
    shelf.spoil(Status(429, Retry_After=2), page=2)
    JobsOrg(twice).user.ran(shelf, options=retrying(0))
    assert gap(shelf) >= 1.9


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


# --- what cannot pass --------------------------------------------------------

@pytest.mark.parametrize("name", FINAL)
def test_what_cannot_pass_fails_at_once(org, user, shelf, name):
    shelf.spoil(FINAL[name], page=2, times=None)
    job = user.failed(user.queued(shelf, options=retrying(5))["id"])
    assert shelf.pages() == [1, 2] and job["attempt"] == 1
    assert name in job["error"]["message"]
    assert sorted(org.records()) == ["r0", "r1"]


def test_a_page_that_is_not_there_fails_at_once(user, shelf):
    shelf.spoil(Status(404), page=2, times=None)
    job = user.failed(user.queued(shelf, options=retrying(5))["id"])
    assert shelf.pages() == [1, 2] and job["attempt"] == 1


def test_a_cursor_that_comes_again_fails_at_once(org, user, shelf):
    """No page is read for ever."""
    shelf.spoil(Loop(), page=2, times=None)
    job = user.failed(user.queued(shelf, options=retrying(5))["id"])
    assert shelf.pages() in ([1, 2], [1, 2, 2])
    assert job["attempt"] == 1 and len(org.records()) <= 4


def test_cursors_that_go_round_in_a_circle_fail(user, shelf, sources):
    """By way of several pages."""
    shelf.spoil(NextAt("%s/%s/products?page=1" % (sources.base, shelf.name)),
                page=3, times=None)
    job = user.failed(user.queued(shelf, options=retrying(5))["id"])
    assert len(shelf.asked) <= 12 and job["attempt"] == 1


# --- what a source must not do -----------------------------------------------

def test_a_page_without_end_is_cut_off(org, user, shelf):
    """What is read of it is bounded, and the job ends."""
    endless = shelf.spoil(Endless(), page=2, times=None)
    job = user.failed(user.queued(shelf, options=retrying(0))["id"])
    assert job["error"]["message"]
    assert endless.sent <= 4 * PAGE_MAX_BYTES + (16 << 20)
    assert sorted(org.records()) == ["r0", "r1"]


def test_a_page_over_the_ceiling_is_refused(user, shelf):
    shelf.put('{"id":"a","title":"%s"}' % ("x" * (PAGE_MAX_BYTES + 10)))
    job = user.failed(user.queued(shelf, options=retrying(0))["id"])
    assert job["records"]["written"] == 0


@pytest.fixture
def stranger():
    """A server that nobody configured."""
    s = Sources()
    yield s
    s.close()


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_to_another_host_is_not_followed(user, shelf, stranger,
                                                    status):
    shelf.spoil(Status(status, Location=stranger.base + "/x"), page=2,
                times=None)
    user.failed(user.queued(shelf, options=retrying(0))["id"])
    assert stranger.asked == []


def test_a_next_page_at_another_host_is_not_followed(org, user, shelf,
                                                     stranger):
    for url in (stranger.base + "/x", "//" + stranger.base[7:] + "/x",
                "http://localhost:%s/x" % stranger.base.rsplit(":", 1)[1],
                "file:///etc/passwd", "gopher://127.0.0.1/",
                "http://user@%s@%s/" % (shelf.sources.base[7:],
                                        stranger.base[7:])):
        shelf.mend()
        shelf.spoil(NextAt(url), page=2, times=None)
        user.failed(user.queued(shelf, options=retrying(0))["id"])
        assert stranger.asked == [], url
    assert sorted(org.records())[:2] == ["r0", "r1"]


def test_a_next_page_may_be_relative(org, user, shelf):
    shelf.spoil(NextAt("/%s/products?page=3" % shelf.name), page=2)
    user.ran(shelf)
    assert len(org.records()) == 6


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
