"""The settings of the events API: what they bound, and that answers do not
depend on how much memory there is for them."""

import threading

import pytest

from events import (WHEN, Client, EventsOrg, assert_error, event, events,
                    events_of, now, rule, uuids)
from harness import ADMIN_PASSWORD, CONFIG, Server


def started(folder, *settings):
    s = Server(folder, config=CONFIG + "events:\n" + "".join(
        "  %s\n" % line for line in settings))
    s.cli.init("main", "admin", ADMIN_PASSWORD)
    return s.start()


@pytest.mark.parametrize("seconds", [0, 60, 10 ** 6])
def test_how_far_ahead_a_timestamp_may_be(tmp_path, seconds):
    s = started(tmp_path, "ahead_max_s: %d" % seconds)
    try:
        admin = Client(s, "admin", ADMIN_PASSWORD)
        far = now() + seconds + 120
        assert_error(admin.post([event(timestamp=far)]), 400,
                     "Invalid timestamp")
        assert_error(admin.get(fromTimestamp=far), 400,
                     "Invalid timestamp parameter")
        near = now() + seconds
        assert len(admin.posted(event(timestamp=near))) == 1
        assert len(admin.history(fromTimestamp=near)) == 1
    finally:
        assert s.stop() == 0


def test_a_page_ends_before_it_is_too_large_and_one_event_always_fits(
        tmp_path):
    s = started(tmp_path, "page_max_bytes: 1024")
    try:
        admin = Client(s, "admin", ADMIN_PASSWORD)
        batch = [event(payload="x" * size)
                 for size in (10, 5000, 10, 10, 1, 20000, 20000) + (1,) * 30]
        admin.stored(*batch)
        got, cursor, pages = [], None, 0
        while True:
            r = admin.get(limit=1000, **({"after": cursor} if cursor else {}))
            part, cursor = events_of(r), r.headers["X-Events-Cursor"]
            if not part:
                break
            assert len(part) == 1 or len(r.content) <= 1024 + 2
            got, pages = got + part, pages + 1
        assert uuids(got) == uuids(batch)
        assert 8 <= pages < len(batch)
        assert uuids(admin.history()) == uuids(batch)
    finally:
        assert s.stop() == 0


@pytest.fixture(scope="module", params=[0, 1, 50000, 2000000])
def tight(request, tmp_path_factory):
    """Servers with more or less memory for rendered parts; the history is
    about 1 MB."""
    s = started(tmp_path_factory.mktemp("tight"),
                "cache_max_bytes: %d" % request.param)
    org = EventsOrg(s)
    org.bob = org.user()
    for n in range(3):
        org.bob.stored(*[event(item="ab"[i % 2], timestamp=WHEN + i % 10,
                               payload="p" * (i % 250))
                         for i in range(1500)])
    org.all = org.bob.history()
    assert len(org.all) == 4500
    yield org
    assert s.stop() == 0


def test_whatever_is_kept_the_history_is_the_same(tight):
    for coding in ("gzip", "identity", "gzip", "identity"):
        r = tight.bob.get(headers={"Accept-Encoding": coding})
        assert r.headers.get("Content-Encoding", "identity") == coding
        assert r.json() == tight.all
    assert tight.bob.walk(limit=999)[0] == tight.all
    assert tight.bob.history(fromTimestamp=WHEN + 5) == [
        e for e in tight.all if e["timestamp"] >= WHEN + 5]


def test_whatever_is_kept_readers_at_once_get_the_same(tight):
    readers = [tight.bob.again() for _ in range(6)]
    right = []

    def read(n):
        coding = {"Accept-Encoding": ("gzip", "identity")[n % 2]}
        right.append(all(readers[n].get(headers=coding).json() == tight.all
                         for _ in range(4)))
    threads = [threading.Thread(target=read, args=(n,)) for n in range(6)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert right == [True] * 6


def test_whatever_is_kept_views_are_apart_and_news_are_there(tight):
    """The last of these, because it changes the history."""
    other = tight.user()
    tight.put_rules(rule(tight.bob.uuid), rule(other.uuid, "a"))
    for _ in range(2):
        assert tight.bob.history() == tight.all
        assert other.history() == [e for e in tight.all
                                   if e["itemUuid"] == "a"]
    batch = events(2, item="a")
    tight.bob.stored(*batch)
    for client in (tight.bob, other, tight.admin):
        assert uuids(client.history())[-2:] == uuids(batch)
