"""GET events: the order, the filter, pages and cursors."""

import random
import re
import shutil
import threading

import pytest

from events import (AHEAD_MAX_S, WHEN, Client, EventsOrg, assert_error,
                    event, events, events_of, now, shown, uuids)
from harness import CONFIG, Server

TIME_PARAMETER = "Invalid timestamp parameter"
CURSOR = "Invalid cursor"


@pytest.fixture
def org(server):
    return EventsOrg(server)


@pytest.fixture
def user(org):
    return org.user()


@pytest.fixture(scope="module")
def full(server):
    """A user of an org with 23 events of three users; timestamps are in
    another order than arrival. `full.all` is the history."""
    org = EventsOrg(server)
    users = org.users(3)
    for n in range(23):
        users[n % 3].posted(event(timestamp=WHEN + n * 7 % 23,
                                  payload="p" * n))
    users[0].all = users[0].history()
    assert len(users[0].all) == 23
    return users[0]


# --- the history -------------------------------------------------------------

def test_no_events_are_an_empty_array(user):
    r = user.get()
    assert events_of(r) == []
    assert r.text == "[]"
    assert r.headers["X-Events-Cursor"]


def test_the_order_is_that_of_arrival(org):
    one, two = org.users(2)
    a, b, c, d = (event(timestamp=WHEN - n) for n in range(4))
    one.posted(a)
    two.posted(b, c)
    one.posted(d)
    expected = [shown(a, one), shown(b, two), shown(c, two), shown(d, one)]
    assert one.history() == two.history() == expected


def test_posts_at_the_same_time_are_all_there_once_and_in_order(org):
    """Each user's events keep their order, for every reader alike."""
    users, start = org.users(4), threading.Barrier(4)
    sent = {u.uuid: [events(3) for _ in range(15)] for u in users}

    def work(user):
        start.wait()
        for batch in sent[user.uuid]:
            user.stored(*batch)
    threads = [threading.Thread(target=work, args=(u,)) for u in users]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    history = users[0].history()
    for user in users:
        assert user.history() == history
        assert uuids([e for e in history if e["userUuid"] == user.uuid]) == \
            uuids(sum(sent[user.uuid], []))


def test_the_history_is_the_same_after_a_restart(server, full):
    server.restart()
    assert full.history() == full.all
    server.restart(hard=True)
    assert full.history() == full.all


# --- fromTimestamp -----------------------------------------------------------

def test_from_timestamp_leaves_out_what_is_lower(full):
    for start in (WHEN - 1, WHEN, WHEN + 1, WHEN + 11, WHEN + 22, WHEN + 23):
        assert full.history(fromTimestamp=start) == [
            e for e in full.all if e["timestamp"] >= start]


@pytest.mark.parametrize("value", ["", "1", str(WHEN)])
def test_from_timestamp_absent_empty_or_low_means_all(full, value):
    assert full.history(fromTimestamp=value) == full.all


def test_from_timestamp_may_be_24_hours_ahead(full):
    assert full.history(fromTimestamp=now() + AHEAD_MAX_S) == []


BAD_TIMES = ["0", "-0", "-1", "abc", "1.5", "1678886400.0", "1e9", "+5",
             " 5", "5 ", "0x10", "5x", "null", "true", "NaN", "\u0661",
             "1_000", "1,000", "9223372036854775808", "18446744073709551615",
             "18446744073709551616", "18446744073709551617", "9" * 60, "-"]


@pytest.mark.parametrize("value", BAD_TIMES)
def test_from_timestamp_that_is_no_time_is_400(full, value):
    assert_error(full.get(fromTimestamp=value), 400, TIME_PARAMETER)


@pytest.mark.parametrize("seconds", [120, 3600, 10 ** 9])
def test_from_timestamp_too_far_ahead_is_400(full, seconds):
    assert_error(full.get(fromTimestamp=now() + AHEAD_MAX_S + seconds), 400,
                 TIME_PARAMETER)


@pytest.mark.parametrize("query", ["fromTimestamp=%zz", "fromTimestamp=%",
                                   "fromTimestamp=1%00", "after=%ff",
                                   "limit=%"])
def test_a_query_that_cannot_be_read_is_400(full, query):
    assert_error(full.get("events?" + query), 400)


def test_unknown_parameters_do_not_matter(full):
    assert full.history(nonsense="1", fromtimestamp="x") == full.all


@pytest.mark.parametrize("limit", [1, 2, 7, 23])
def test_from_timestamp_goes_with_pages(full, limit):
    start = WHEN + 11
    got, cursor = [], "0"
    while True:
        r = full.get(fromTimestamp=start, after=cursor, limit=limit)
        part, cursor = events_of(r), r.headers["X-Events-Cursor"]
        if not part:
            break
        assert len(part) <= limit
        got += part
    assert got == [e for e in full.all if e["timestamp"] >= start]
    assert full.page(cursor)[0] == []


def test_from_timestamp_misses_what_comes_late_and_after_does_not(org):
    """Why it is no cursor."""
    one, two = org.users(2)
    one.posted(event(timestamp=WHEN + 10))
    cursor = two.page()[1]
    late = event(timestamp=WHEN)
    one.posted(late)
    assert uuids(two.history(fromTimestamp=WHEN + 10)) != [late["uuid"]]
    assert uuids(two.page(cursor)[0]) == [late["uuid"]]


# --- pages and cursors -------------------------------------------------------

@pytest.mark.parametrize("limit", [1, 2, 7, 22, 23, 24, 1000, None])
def test_pages_together_are_the_whole(full, limit):
    got, cursor = full.walk(limit=limit)
    assert got == full.all
    assert full.page(cursor) == ([], cursor, False)


@pytest.mark.parametrize("after", ["", "0"])
def test_after_absent_empty_or_0_is_the_beginning(full, after):
    assert full.history(after=after) == full.all
    assert full.history(after=after, limit=3) == full.all[:3]


def test_each_cursor_goes_on_where_its_page_ended(full):
    cursor = None
    for n in range(23):
        page, cursor, resync = full.page(cursor, 1)
        assert page == [full.all[n]] and not resync
        assert full.page(cursor)[0] == full.all[n + 1:]
        assert full.page(cursor, 5)[0] == full.all[n + 1:n + 6]


def test_a_cursor_may_be_used_again(full):
    _, cursor, _ = full.page(None, 4)
    for _ in range(3):
        assert full.page(cursor)[0] == full.all[4:]


def test_a_cursor_serves_every_user_who_sees_the_same(full):
    other = full.org.user()
    _, cursor, _ = full.page(None, 4)
    page, _, resync = other.page(cursor)
    assert page == (full.all if resync else full.all[4:])


def test_at_the_end_the_cursor_stays(user):
    _, cursor = user.walk()
    for _ in range(3):
        assert user.page(cursor) == ([], cursor, False)
    user.posted(event("one"))
    page, later, _ = user.page(cursor)
    assert uuids(page) == ["one"] and later != cursor


def test_the_cursor_of_no_events_sees_the_first(user):
    cursor = user.page()[1]
    user.posted(event("first"))
    assert uuids(user.page(cursor)[0]) == ["first"]


def test_a_cursor_never_misses_and_never_doubles(org):
    """A reader who keeps its cursor, while others post."""
    reader, seen = org.user(), []
    for n in range(20):
        org.admin.posted(*events(n % 4))
        seen += reader.news()
        if n % 5 == 0:
            assert reader.news() == []
    assert seen == reader.history()


def test_readers_keep_up_with_posts_at_the_same_time(org):
    writers, done = org.users(2), threading.Event()
    readers = org.users(2)
    for client in writers + readers:
        assert client.token

    def write(client):
        for _ in range(30):
            client.stored(*events(2))

    def read(client, limit):
        client.seen, cursor = [], None
        while True:
            last = done.is_set()
            part, cursor = client.walk(cursor, limit)
            client.seen += part
            if last:
                return
    threads = [threading.Thread(target=write, args=(w,)) for w in writers]
    reading = [threading.Thread(target=read, args=(r, limit))
               for r, limit in zip(readers, (None, 3))]
    for t in threads + reading:
        t.start()
    for t in threads:
        t.join()
    done.set()
    for t in reading:
        t.join()
    history = writers[0].history()
    assert len(history) == 120
    for r in readers:
        assert r.seen == history


def test_a_cursor_survives_a_restart(server, org):
    user = org.user()
    batch = events(5)
    user.posted(*batch)
    _, cursor, _ = user.page(None, 2)
    for hard in (False, True):
        server.restart(hard)
        page, _, resync = user.page(cursor)
        assert uuids(page) == uuids(batch[2:]) and not resync


@pytest.mark.parametrize("cursor", [
    "abc", "1", "-1", "00", " ", "null", "9f3a51c07d24ee81",
    "9f3a51c07d24ee81-", "-3", "9f3a51c07d24ee81-x", "9f3a51c07d24ee81--3",
    "9f3a51c07d24ee81-3-", "x" * 5000, "9" * 60,
    "9f3a51c07d24ee81-" + "9" * 40, "\u0661", "1.5", "%", "\"x\"",
    "9f3a51c07d24ee81-3,9f3a51c07d24ee81-3", "*"])
def test_a_cursor_that_cannot_be_read_is_400(full, cursor):
    assert_error(full.get(after=cursor), 400, CURSOR)
    before = full.history()
    assert_error(full.post([event()], after=cursor), 400, CURSOR)
    assert full.history() == before


def test_a_cursor_that_was_altered_is_400_or_starts_over(full):
    """It never skips what it should not: bytes are put in, taken out and
    exchanged at every place."""
    _, cursor, _ = full.page(None, 5)
    for at in range(len(cursor)):
        for other in (cursor[:at], cursor[:at] + "-" + cursor[at + 1:],
                      cursor[:at] + "g" + cursor[at:], cursor + "\u00e9"):
            r = full.get(after=other)
            if r.status_code == 200 and other not in ("", "0", cursor):
                got = events_of(r)
                assert got == full.all[len(full.all) - len(got):]
                assert len(got) >= 18 or at > cursor.rindex("-")
            elif r.status_code != 200:
                assert_error(r, 400, CURSOR)


def starts_over(client, cursor, all_of_it):
    """400, or the whole history with the mark; never a silent gap."""
    r = client.get(after=cursor)
    if r.status_code == 200:
        assert r.headers["X-Events-Resync"] == "1"
        assert events_of(r) == all_of_it
        assert client.page(r.headers["X-Events-Cursor"]) == (
            [], r.headers["X-Events-Cursor"], False)
    else:
        assert_error(r, 400, CURSOR)


def test_a_cursor_beyond_the_end_starts_over(user):
    user.posted(*events(3))
    cursor = user.page()[1]
    ahead = re.sub(r"-3$", "-1000", cursor)
    assert ahead != cursor
    starts_over(user, ahead, user.history())


def test_a_cursor_of_another_server_starts_over(user, demo):
    other = Client(demo, "testuser", "testpass123")
    user.posted(*events(5))
    starts_over(user, other.page()[1], user.history())


def test_a_store_restored_from_a_backup_starts_over(tmp_path):
    s = Server(tmp_path, config=CONFIG)
    s.cli.init("main", "admin", "an-admin-password")
    s.start()
    try:
        admin = Client(s, "admin", "an-admin-password")
        admin.posted(*events(3))
        assert s.stop() == 0
        shutil.copytree(s.data, tmp_path / "backup")
        s.start()
        admin.posted(*events(3))
        cursor = admin.page()[1]
        assert s.stop() == 0
        shutil.rmtree(s.data)
        shutil.copytree(tmp_path / "backup", s.data)
        s.start()
        history = admin.history()
        assert len(history) == 3
        assert admin.page(cursor)[0] == history
        assert admin.page(cursor)[2] is True
    finally:
        assert s.stop() == 0


def test_nothing_starts_over_without_need(full):
    for r in (full.get(), full.get(limit=2), full.get(after="0"),
              full.get(after=full.page()[1]), full.post([])):
        assert "X-Events-Resync" not in r.headers


@pytest.mark.parametrize("limit", ["0", "-1", "abc", "1.5", "1e2", "+1",
                                   "0x1", " 1"])
def test_a_bad_limit_is_400(full, limit):
    before = full.history()
    assert_error(full.get(limit=limit), 400)
    assert_error(full.post([event()], limit=limit), 400)
    assert full.history() == before


def test_a_limit_over_the_largest_counts_as_that(tmp_path):
    s = Server(tmp_path, config=CONFIG + "events:\n  page_max: 5\n")
    s.cli.init("main", "admin", "an-admin-password")
    s.start()
    try:
        admin = Client(s, "admin", "an-admin-password")
        batch = events(13)
        assert uuids(admin.posted(*batch)) == uuids(batch)
        assert uuids(admin.history(limit=1000)) == uuids(batch[:5])
        assert uuids(admin.walk(limit=2 ** 31)[0]) == uuids(batch)
        assert uuids(admin.history()) == uuids(batch)
    finally:
        assert s.stop() == 0


# --- reading by POST ---------------------------------------------------------

def test_a_post_answers_what_is_behind_its_cursor(org):
    one, two = org.users(2)
    one.posted(event("a"))
    cursor = one.page()[1]
    two.posted(event("b"))
    r = one.post([event("c")], after=cursor)
    assert uuids(events_of(r)) == ["b", "c"]
    assert one.page(r.headers["X-Events-Cursor"])[0] == []


def test_a_post_answers_a_page(user):
    user.posted(*[event(n) for n in "abc"])
    r = user.post([event("d")], limit=2)
    assert uuids(events_of(r)) == ["a", "b"]
    page, _, _ = user.page(r.headers["X-Events-Cursor"])
    assert uuids(page) == ["c", "d"]


def test_a_client_that_only_posts_follows_the_history(org):
    """Each answer is all that is new, its own and others' events."""
    clients, rnd = org.users(3), random.Random(1)
    for c in clients:
        c.seen, c.cursor = [], "0"
    for _ in range(60):
        c = rnd.choice(clients)
        r = c.post(events(rnd.randrange(3)), after=c.cursor,
                   **rnd.choice([{}, {"limit": 2}]))
        c.seen += events_of(r)
        c.cursor = r.headers["X-Events-Cursor"]
    history = org.history()
    for c in clients:
        c.seen += c.walk(c.cursor)[0]
        assert c.seen == history
