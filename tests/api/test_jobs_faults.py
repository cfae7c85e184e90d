"""What a job does when its source answers as it must not: what cannot pass
fails at once, what is too much is cut off, nobody is led elsewhere."""

import pytest

from jobs import JobsOrg, config
from jobs_source import Endless, Loop, NextAt, Sources, Status

PAGE_MAX_BYTES = 1 << 20
# Cannot pass: it is not asked for again.
FINAL = {"401": Status(401), "403": Status(403)}


@pytest.fixture(scope="module")
def sources():
    s = Sources(10, page_max_bytes=PAGE_MAX_BYTES)
    s.add("wide")
    yield s
    s.close()


@pytest.fixture(scope="module")
def server(sources, serve):
    return serve(config(sources, workers=4, page_tries=1, backoff_max_s=1))


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


def retrying(count):
    return {"maxRetries": count}


# --- what cannot pass --------------------------------------------------------

@pytest.mark.parametrize("name", FINAL)
def test_what_cannot_pass_fails_at_once(org, user, shelf, name):
    shelf.spoil(FINAL[name], page=2, times=None)
    job = user.failed(user.queued(shelf, options=retrying(5))["id"])
    assert shelf.pages() == [1, 2] and job["attempt"] == 1
    assert job["error"]["code"] == "http_status"
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
    assert job["error"]["code"] == "cursor_loops"
    assert job["attempt"] == 1 and len(org.records()) <= 4


def test_cursors_that_go_round_in_a_circle_fail(user, shelf, sources):
    """By way of several pages."""
    shelf.spoil(NextAt("%s/%s/products?page=1" % (sources.base, shelf.name)),
                page=3, times=None)
    job = user.failed(user.queued(shelf, options=retrying(5))["id"])
    assert len(shelf.asked) <= 12 and job["attempt"] == 1
    assert job["error"]["code"] == "cursor_loops"


# --- what a source must not do -----------------------------------------------

def test_a_page_without_end_is_cut_off(org, user, shelf):
    """What is read of it is bounded, and the job ends."""
    endless = shelf.spoil(Endless(), page=2, times=None)
    job = user.failed(user.queued(shelf, options=retrying(0))["id"])
    assert job["error"]["code"] == "too_large"
    assert endless.sent <= 4 * PAGE_MAX_BYTES + (16 << 20)
    assert sorted(org.records()) == ["r0", "r1"]


def test_a_page_over_the_ceiling_is_refused(user, shelf):
    shelf.put('{"id":"a","title":"%s"}' % ("x" * (PAGE_MAX_BYTES + 10)))
    job = user.failed(user.queued(shelf, options=retrying(0))["id"])
    assert job["records"]["written"] == 0
    assert job["error"]["code"] == "too_large"


def test_more_records_than_a_page_has_room_for(user, sources):
    """Small as each may be: what is made of them is bounded, too."""
    wide = sources.shelves["wide"]
    body = b'{"items":[%s]}' % b",".join([b"{}"] * 900000)
    wide.answers = lambda ask: (200, body)
    job = user.failed(user.queued(wide, options=retrying(0))["id"])
    assert job["error"]["code"] == "too_large"
    assert job["records"]["read"] == 0


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
    job = user.failed(user.queued(shelf, options=retrying(5))["id"])
    assert stranger.asked == [] and job["attempt"] == 1
    assert job["error"]["code"] == "other_host"


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_on_the_same_host_is_followed(org, user, shelf, status):
    """Up to five of them; one in a circle fails."""
    for _ in range(5):
        shelf.spoil(Status(status, Location=shelf.url + "/products?page=2"),
                    page=2)
    assert user.ran(shelf)["attempt"] == 1
    assert len(org.records()) == 6
    shelf.spoil(Status(status, Location=shelf.url + "/products?page=2"),
                page=2, times=None)
    job = user.failed(user.queued(shelf, options=retrying(5))["id"])
    assert job["error"]["code"] == "redirect" and job["attempt"] == 1


def test_a_next_page_at_another_host_is_not_followed(org, user, shelf,
                                                     stranger):
    for url in (stranger.base + "/x", "//" + stranger.base[7:] + "/x",
                "http://localhost:%s/x" % stranger.base.rsplit(":", 1)[1],
                "file:///etc/passwd", "gopher://127.0.0.1/",
                "http://user@%s@%s/" % (shelf.sources.base[7:],
                                        stranger.base[7:])):
        shelf.mend()
        shelf.spoil(NextAt(url), page=2, times=None)
        job = user.failed(user.queued(shelf, options=retrying(5))["id"])
        assert stranger.asked == [], url
        assert job["attempt"] == 1, url
    assert sorted(org.records())[:2] == ["r0", "r1"]


def test_a_next_page_may_be_relative(org, user, shelf):
    shelf.spoil(NextAt("/%s/products?page=3" % shelf.name), page=2)
    user.ran(shelf)
    assert len(org.records()) == 6
