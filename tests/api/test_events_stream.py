"""Long histories: streamed as they were posted, in little memory, however
slowly somebody reads.

TB_EVENTS says how many events the history has (200,000; up to millions).
"""

import concurrent.futures
import contextlib
import hashlib
import os

import pytest

from events import WHEN, EventsOrg, event, rule, shown, uuids
from harness import CONFIG, DEADLINE_S, Server, wait_for
from streams import KIB, MIB, Cut, Memory, Stream, open_sockets

EVENTS = int(os.environ.get("TB_EVENTS", "200000"))
BATCH = 10000
ITEMS = 1000
FILLER = "the quick brown fox jumps over the lazy dog; " * 6
GROWTH_MAX = 50 * MIB
SLOW = 20
# A server whose stop waits only shortly for those who do not read.
QUICK_STOP = CONFIG.replace("server:\n",
                            "server:\n  drain_timeout_ms: 1000\n")

pytestmark = pytest.mark.slow


class Long:
    """A long history, whose events are known without being kept."""

    def __init__(self, server):
        self.server, self.org = server, EventsOrg(server)
        self.author, self.reader = self.org.users(2)
        self.more = []
        for first in range(0, EVENTS, BATCH):
            batch = [self.made(n)
                     for n in range(first, min(first + BATCH, EVENTS))]
            assert self.author.stored(*batch) == len(batch)

    @staticmethod
    def made(n):
        return {"uuid": "long-%d" % n, "timestamp": WHEN + n,
                "itemUuid": "item%d" % (n % ITEMS), "action": "update",
                "payload": "{\"n\": %d, \"text\": \"%s\"}" % (n, FILLER)}

    def __len__(self):
        return EVENTS + len(self.more)

    def __getitem__(self, n):
        return shown(self.made(n) if n < EVENTS else self.more[n - EVENTS],
                     self.author)

    def post(self, client=None):
        """One event more, behind the others."""
        new = event()
        assert (client or self.author).stored(new) == 1
        self.more.append(new)

    def check(self, stream, numbers):
        """The stream has exactly the events of these numbers."""
        numbers = iter(numbers)
        for e in stream.events():
            assert e == self[next(numbers)]
        assert next(numbers, None) is None


@pytest.fixture(scope="module")
def filled(tmp_path_factory):
    s = Server(tmp_path_factory.mktemp("long"), config=QUICK_STOP)
    s.cli.init("main", "admin", "an-admin-password")
    yield Long(s.start())
    assert s.stop() == 0, s.log_path.read_text()[-4000:]


@pytest.fixture
def long(filled):
    """The history in a server that has not read any of it."""
    filled.server.restart()
    assert filled.reader.token
    assert filled.reader.get("health").status_code == 200
    return filled


def digest(stream):
    h = hashlib.sha256()
    with stream:
        for part in stream.parts():
            h.update(part)
    return h.hexdigest()


@pytest.mark.parametrize("gzip", [False, True], ids=["plain", "gzip"])
def test_it_is_what_was_posted_and_the_server_hardly_grows(long, gzip):
    memory = Memory(long.server)
    with Stream(long.reader, gzip=gzip) as s:
        assert s.headers.get("Content-Encoding") == ("gzip" if gzip else None)
        s.sip()
        memory.assert_under(GROWTH_MAX)
        long.check(s, range(len(long)))
        cursor = s.headers["X-Events-Cursor"]
    memory.assert_under(GROWTH_MAX)
    assert long.reader.history(after=cursor) == []


def test_plain_and_packed_cold_and_warm_are_the_same_bytes(long):
    memory = Memory(long.server)
    assert len({digest(Stream(long.reader, gzip=gzip))
                for gzip in (True, False, True, False)}) == 1
    memory.assert_under(2 * GROWTH_MAX)


def test_many_read_at_the_same_time(long):
    memory = Memory(long.server)
    with concurrent.futures.ThreadPoolExecutor(6) as threads:
        same = set(threads.map(
            lambda n: digest(Stream(long.reader, gzip=n % 3 == 0)), range(6)))
    assert len(same) == 1
    memory.assert_under(2 * GROWTH_MAX)


def test_pages_and_what_is_behind_them_make_up_the_whole(long):
    at, cursor = 0, None
    while True:
        page, cursor, _ = long.reader.page(cursor, 5000)
        if not page:
            break
        assert page == [long[n] for n in range(at, at + len(page))]
        at += len(page)
        if at <= 5000 or at >= len(long) - 5000:
            with Stream(long.reader, "?after=" + cursor) as s:
                long.check(s, range(at, len(long)))
    assert at == len(long)


@pytest.mark.parametrize("share", [0.01, 0.5, 0.999])
def test_from_a_timestamp_on(long, share):
    first = int(EVENTS * share)
    with Stream(long.reader, "?fromTimestamp=%d" % (WHEN + first)) as s:
        long.check(s, range(first, EVENTS))


def test_posts_during_a_stream_are_not_in_it_but_behind_its_cursor(long):
    with Stream(long.reader, buffer_bytes=64 * KIB) as s:
        got = s.events(64 * KIB)
        count = len(long)
        for n in range(count):
            assert next(got) == long[n]
            if n % (count // 5) == 0:
                long.post()
        assert next(got, None) is None
        cursor = s.headers["X-Events-Cursor"]
    assert len(long) > count
    assert long.reader.history(after=cursor) == [
        long[n] for n in range(count, len(long))]


def test_slow_readers_hold_up_nobody(long):
    """Half of them read nothing at all, the others a byte now and then."""
    memory = Memory(long.server)
    count = len(long)
    slow = [Stream(long.reader, gzip=n % 4 == 3, buffer_bytes=4 * KIB)
            for n in range(SLOW)]
    try:
        for s in slow:
            s.begin()
        for _ in range(20):
            for s in slow[::2]:
                s.sip()
            long.post()
            assert long.author.get("health").status_code == 200
            assert long.reader.page(limit=10)[0] == [
                long[n] for n in range(10)]
        fast = Stream(long.reader)
        with fast:
            long.check(fast, range(len(long)))
        memory.assert_under(2 * GROWTH_MAX)
        # The slow ones get all of theirs once they read: one that has begun
        # to, one that has not, one that is packed.
        for s in (slow[0], slow[1], slow[3]):
            long.check(s, range(count))
    finally:
        for s in slow:
            s.close()


def test_clients_that_leave_in_the_middle_cost_nothing(long):
    digest(Stream(long.reader))
    sockets, memory = open_sockets(long.server), Memory(long.server)
    for n in range(60):
        s = Stream(long.reader, gzip=n % 2 == 0, buffer_bytes=64 * KIB)
        if n % 3:
            s.sip(1 + n * KIB)
        s.close(hard=n % 4 == 0)
    wait_for(lambda: open_sockets(long.server) <= sockets,
             "the connections to be gone")
    memory.assert_under(GROWTH_MAX)
    with Stream(long.reader) as s:
        long.check(s, range(len(long)))


def test_it_stops_in_order_while_streams_run(long):
    """Who is cut off can tell: no broken answer looks whole."""
    idle = [Stream(long.reader, gzip=n == 5, buffer_bytes=4 * KIB)
            for n in range(6)]
    for s in idle:
        s.sip()

    def read_all(n):
        """One answer after the other, as long as there are any."""
        while True:
            try:
                with Stream(long.reader, gzip=n % 2 == 1) as s:
                    long.check(s, range(len(long)))
            except (Cut, OSError):
                return
    with concurrent.futures.ThreadPoolExecutor(4) as threads:
        busy = [threads.submit(read_all, n) for n in range(4)]
        with Stream(long.reader) as s:
            s.sip(MIB)
        assert long.server.stop() == 0
        for b in busy:
            b.result(DEADLINE_S)
    for s in idle:
        with contextlib.suppress(Cut), s:
            long.check(s, range(len(long)))
    long.server.start()
    page, _, _ = long.reader.page(limit=3)
    assert page == [long[n] for n in range(3)]


def test_large_payloads_stay_bounded(long):
    """A few megabytes each, more of them than the server may grow by."""
    org = EventsOrg(long.server)
    author, reader = org.users(2)
    sizes = [3 * MIB + n for n in range(40)]
    for first in range(0, len(sizes), 4):
        author.stored(*[event("large-%d" % n, payload=chr(97 + n % 26) * n)
                        for n in sizes[first:first + 4]])
    long.server.restart()
    assert reader.get("health").status_code == 200
    memory = Memory(long.server)
    for gzip in (False, True):
        with Stream(reader, gzip=gzip) as s:
            got = [(len(e["payload"]), e["payload"][0])
                   for e in s.events(4 * MIB)]
        assert got == [(n, chr(97 + n % 26)) for n in sizes]
    page, cursor = [], None
    while True:
        part, cursor, _ = reader.page(cursor, 1000)
        if not part:
            break
        assert len(part) < len(sizes)
        page += uuids(part)
    assert page == ["large-%d" % n for n in sizes]
    memory.assert_under(2 * GROWTH_MAX)


# The last of those that use the long history, because the rules stay.
def test_what_the_rules_hide_is_left_out_of_the_stream(long):
    memory = Memory(long.server)
    user = long.org.user()
    long.org.put_rules(rule(user.uuid, "item7*", "view"))
    with Stream(user) as s:
        long.check(s, (n for n in range(EVENTS)
                       if str(n % ITEMS).startswith("7")))
    memory.assert_under(GROWTH_MAX)
    with Stream(long.org.user()) as s:
        assert list(s.events()) == []
