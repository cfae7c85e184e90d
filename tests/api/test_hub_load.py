"""What the realtime layer bears: clients that read too slowly, send too much,
come in thousands or do anything at all, and memory that is out.

The program under test is tests/interop/server_main.c, named by the environment
variable TB_REALTIME_TEST_SERVER.
"""

import http.client
import random
import selectors
import signal
import socket
import threading

import pytest

from realtime import (BINARY, CONTINUATION, PROGRAM, TEXT, Closed, Engine,
                      Polling, PollingClient, Server, SocketClient, WebSocket,
                      frame, get, joined, query, upgrade, wait_for)

pytestmark = pytest.mark.skipif(
    not PROGRAM, reason="TB_REALTIME_TEST_SERVER is not set")
CALM = {"ping_interval_ms": 25000, "ping_timeout_ms": 20000,
        "connect_timeout_ms": 20000, "close_timeout_ms": 300}
P0 = '{"_placeholder":true,"num":0}'


@pytest.fixture(scope="session", autouse=True)
def program():
    """These tests need no tombolo."""


@pytest.fixture
def make_server():
    made = []

    def make(**options):
        made.append(Server(**{**CALM, **options}))
        return made[-1]
    yield make
    for s in made:
        s.stop()


# --- slow readers ------------------------------------------------------------

def news_until_full(server, quick):
    """Broadcast until somebody's outbox is full; how many there were."""
    n = 0
    while server.stats()["full"] == 0:
        server.broadcast(10, 10000)
        n += 10
        for _ in range(10):
            assert quick.event()[0] == "news"
    return n


@pytest.mark.parametrize("kind", [SocketClient, PollingClient],
                         ids=["websocket", "polling"])
def test_a_slow_reader_is_told_apart(make_server, kind):
    """It misses what did not fit and nothing before; others miss nothing."""
    server = make_server(outbox_max_bytes=300000)
    quick = joined(server)
    options = {"receive_bytes": 20000} if kind is SocketClient else {}
    slow = joined(server, kind, **options)
    n = news_until_full(server, quick)
    assert server.stats()["room"] == 0
    got = []
    while not got or got[-1] != ["step", "room"]:
        got.append(slow.event())
    numbers = [x[1] for x in got if x[0] == "news"]
    assert numbers == list(range(10)) * (len(numbers) // 10) + list(
        range(len(numbers) % 10))
    assert 20 <= len(numbers) < n
    assert (server.stats()["full"], server.stats()["room"]) == (1, 1)
    slow.emit("message", "after")
    assert slow.event() == ["message-back", "after"]


def test_a_quick_reader_is_never_full(make_server):
    """However much is sent at a time, to a client that reads."""
    server = make_server(outbox_max_bytes=100000, outbox_max_messages=20)
    c = joined(server)
    done = []
    reader = threading.Thread(target=lambda: done.extend(
        c.event() for _ in range(1000)))
    reader.start()
    # Each is more than fits into the outbox, and less than the kernel takes.
    for i in range(10):
        server.broadcast(50, 1000)
        wait_for(lambda: len(done) == 50 * (i + 1), "the news")
    c.emit("fill", 500, 400)
    reader.join()
    assert server.stats()["full"] == 0
    assert [x[1] for x in done[:500]] == list(range(50)) * 10
    assert all(x[0] == "filler" for x in done[500:])


def test_a_slow_reader_is_disconnected_where_nobody_asks(make_server):
    server = make_server(outbox_max_bytes=300000, full=0)
    quick = joined(server)
    slow = joined(server, receive_bytes=20000)
    while server.gone("outbox full") == 0:
        server.broadcast(10, 10000)
        for _ in range(10):
            quick.event()
    assert slow.code() is None


def test_an_outbox_counts_messages_too(make_server):
    server = make_server(outbox_max_messages=50)
    p = joined(server, PollingClient)
    server.broadcast(60)
    wait_for(lambda: server.stats()["full"] == 1, "the outbox to be full")
    assert [p.event()[1] for _ in range(50)] == list(range(50))
    assert p.event() == ["step", "room"]
    # There is room for answers beyond that.
    server.broadcast(60)
    wait_for(lambda: server.stats()["full"] == 2, "the outbox to be full")
    p.emit("mark", id=5)
    assert [p.event()[1] for _ in range(50)] == list(range(50))
    assert p.message() == "35[true]"


def test_one_message_may_be_larger_than_an_outbox(make_server):
    server = make_server(outbox_max_bytes=1000)
    for kind in (SocketClient, PollingClient):
        c = joined(server, kind)
        c.emit("fill", 1, 3000000)
        assert len(c.event()[1]) == 3000000
    assert server.stats()["full"] == 0


def test_who_takes_no_answers_is_disconnected(make_server):
    """However many events a client sends, it is not owed more than so many
    answers."""
    server = make_server(outbox_max_messages=100, events_per_s=0)
    p = joined(server, PollingClient)
    p.post("\x1e".join('42%d["mark"]' % i for i in range(1500)))
    wait_for(lambda: server.gone("outbox full") == 1, "its end")


# --- bounds ------------------------------------------------------------------

def test_there_are_so_many_clients_at_most(make_server):
    server = make_server(clients_max=3)
    clients = [joined(server), joined(server, PollingClient), Engine(server)]
    a = get(server, query())
    assert a.status == 503 and int(a.headers["Retry-After"]) > 0
    with WebSocket(server) as s:
        assert s.status == 503 and int(s.header("Retry-After")) > 0
    # One that is there may still change its transport.
    c = upgrade(server, clients[1])
    c.emit("message", 1)
    assert c.event() == ["message-back", 1]
    clients[0].close()
    wait_for(lambda: server.stats()["clients"] == 2, "its end")
    assert joined(server)


def test_what_comes_in_part_has_a_bound_for_all(make_server):
    server = make_server(inbound_max_bytes=100000)
    first, second, third = [joined(server) for _ in range(3)]
    whole = frame(TEXT, '42["message","' + "x" * 60000 + '"]')
    first.send_bytes(whole[:1000])
    wait_for(lambda: refused(server, whole), "the bound")
    # What has come whole needs none of it.
    second.emit("message", "y" * 30000)
    assert second.event() == ["message-back", "y" * 30000]
    first.send_bytes(whole[1000:])
    assert first.event() == ["message-back", "x" * 60000]
    third.send_bytes(whole[:1000])
    third.send_bytes(whole[1000:])
    assert third.event() == ["message-back", "x" * 60000]


def refused(server, whole):
    """True if a frame in part is refused, as long as another one waits."""
    with joined(server) as c:
        c.send_bytes(whole[:1000])
        c.emit("message", 1)
        c.sock.settimeout(1)
        try:
            return c.code() == 1013
        except socket.timeout:
            return False


def test_packets_in_part_have_the_same_bound(make_server):
    server = make_server(inbound_max_bytes=100000)
    first, second = joined(server), joined(server)
    text = '51-["message",%s,"%s"]' % (P0, "x" * 60000)
    first.say(text)
    wait_for(lambda: server.stats()["clients"] == 2, "both")
    wait_for(lambda: not holds(server, text), "the bound")
    first.say(b"attached")
    assert first.message() == text.replace("message", "message-back")
    assert first.message() == b"attached"
    second.say(text, b"attached")
    assert second.message() == text.replace("message", "message-back")


def holds(server, text):
    """True if one more packet may wait for its attachment."""
    with joined(server) as c:
        c.say(text)
        try:
            c.say(b"attached")
            return c.message().startswith("51-")
        except (Closed, ConnectionError):
            return False


def test_acks_that_are_owed_have_a_bound(make_server):
    server = make_server(events_per_s=0)
    c = joined(server)
    c.say('2["hold",60000]', *['2%d["hold",1]' % i for i in range(10)])
    c.close()
    c = joined(server)
    c.say(*['2%d["unanswered"]' % i for i in range(1025)])
    assert c.code() == 1000
    wait_for(lambda: server.gone("parse error") == 1, "its end")


# --- many --------------------------------------------------------------------

def test_thousands_of_handshakes_that_go_no_further(make_server):
    server = make_server(connect_timeout_ms=1500)
    sids = set()
    for _ in range(20):
        requests = b"".join(
            b"GET /socket.io/?EIO=4&transport=polling HTTP/1.1\r\n"
            b"Host: x\r\n\r\n" for _ in range(100))
        with socket.create_connection(("127.0.0.1", server.port), 30) as s:
            s.sendall(requests)
            got = b""
            while got.count(b'"maxPayload"') < 100:
                part = s.recv(1 << 20)
                assert part
                got += part
        sids.update(x[:20] for x in got.split(b'"sid":"')[1:])
    assert len(sids) == 2000
    c = joined(server)
    c.emit("message", 1)
    assert c.event() == ["message-back", 1]
    wait_for(lambda: server.stats()["clients"] == 1, "their ends")


def test_idle_websockets_take_little(make_server):
    server = make_server(quiet=1)
    for _ in range(50):
        joined(server).close()
    wait_for(lambda: server.stats()["clients"] == 0, "their ends")
    before = server.rss_kib()
    clients = [joined(server) for _ in range(1000)]
    assert server.stats()["clients"] == 1000
    assert server.rss_kib() - before < 4000 or server.is_instrumented()
    server.broadcast(3, 100)
    for c in clients:
        assert [c.event()[1] for _ in range(3)] == [0, 1, 2]


def test_a_flood_holds_nobody_up(make_server):
    server = make_server(events_per_s=0)
    stop = threading.Event()
    floods = [frame(9, b"x" * 125) * 500,
              frame(TEXT, '42["nothing"]') * 2000, frame(10) * 5000]

    def flood(data):
        c = joined(server)
        c.sock.setblocking(False)
        with selectors.DefaultSelector() as s:
            s.register(c.sock, selectors.EVENT_READ | selectors.EVENT_WRITE)
            while not stop.is_set():
                for _, event in s.select(1):
                    try:
                        if event & selectors.EVENT_READ:
                            c.sock.recv(1 << 20)
                        if event & selectors.EVENT_WRITE:
                            # In part, too: what follows is then no frame.
                            c.sock.send(data)
                    except (BlockingIOError, ConnectionError):
                        return
    threads = [threading.Thread(target=flood, args=(x,)) for x in floods]
    for t in threads:
        t.start()
    for _ in range(10):
        for kind in (SocketClient, PollingClient):
            c = joined(server, kind)
            c.emit("message", 1)
            assert c.event() == ["message-back", 1]
    stop.set()
    for t in threads:
        t.join()


# --- anything ----------------------------------------------------------------

BROKEN = (Closed, AssertionError, OSError, ValueError,
          http.client.HTTPException)


class Anybody:
    """A client that does one thing after the other, most of them allowed."""

    def __init__(self, server, seed):
        self.server, self.random = server, random.Random(seed)
        self.client = self.probe = None
        self.steps = 0

    def begin(self):
        self.client = self.random.choice([SocketClient, PollingClient,
                                          Polling, Engine])(self.server)
        if self.random.random() < 0.8:
            self.client.say("0")

    def say(self):
        self.client.say(self.random.choice([
            '2["message",1]', '2["broadcast",1]', '21["mark"]', "0/custom,",
            '2["hold",5]', '2["fill",20,2000]', '2["steps"]', '2["close-me"]',
            '2["leave-me"]', "1", "nonsense", "0", '51-["message",%s]' % P0]))

    def attach(self):
        self.client.say('51-["message",%s]' % P0, b"\0" * 100)

    def read(self):
        if isinstance(self.client, Polling):
            # With a ping so that no poll waits for long.
            self.client.poll()
        else:
            self.client.sock.settimeout(0.02)
            try:
                self.client.more()
            except socket.timeout:
                pass

    def probe_it(self):
        self.probe = WebSocket(self.server,
                               query(self.client.sid, "websocket"))
        self.probe.send(self.random.choice(["2probe", "2probe", "5", "x"]))
        if self.random.random() < 0.5:
            self.probe.send("5")

    def wrong(self):
        if isinstance(self.client, WebSocket):
            self.client.send_bytes(self.random.choice([
                b"\x81", frame(CONTINUATION, b"x"), frame(BINARY, b"x" * 5000),
                frame(TEXT, "4" * 3000)[:100], bytes(50), frame(8, b"")]))
        else:
            self.client.post(self.random.choice(["", "1", "x", "3", "4"]))

    def leave(self):
        if isinstance(self.client, WebSocket):
            self.random.choice([self.client.close, self.client.reset])()
        if self.probe is not None:
            self.probe.close()
        self.begin()

    def run(self, steps):
        self.begin()
        actions = [self.say, self.say, self.say, self.attach, self.read,
                   self.read, self.probe_it, self.wrong, self.leave]
        for _ in range(steps):
            try:
                self.random.choice(actions)()
            except BROKEN:
                self.begin()
            self.steps += 1


def test_whatever_clients_do(make_server):
    seed = random.randrange(1 << 30)
    print("seed", seed)
    server = make_server(ping_interval_ms=20, ping_timeout_ms=3000,
                         connect_timeout_ms=1000, outbox_max_bytes=20000,
                         quiet=1, events_per_s=100)
    bodies = [Anybody(server, seed + i) for i in range(8)]
    threads = [threading.Thread(target=x.run, args=(120,)) for x in bodies]
    for t in threads:
        t.start()
    c = joined(server)
    for i in range(200):
        c.emit("message", i)
        while c.event() != ["message-back", i]:
            pass
    for t in threads:
        t.join()
    assert [x.steps for x in bodies] == [120] * 8


def test_an_end_while_busy(make_server):
    """Stopped with clients that do anything, it ends all the same."""
    server = make_server(quiet=1)
    seed = random.randrange(1 << 30)
    print("seed", seed)

    def run(i):
        try:
            Anybody(server, seed + i).run(60)
        except BROKEN:
            pass
    threads = [threading.Thread(target=run, args=(i,)) for i in range(6)]
    for t in threads:
        t.start()
    wait_for(lambda: server.stats()["events"] > 20, "some events")
    server.signal(signal.SIGHUP)
    wait_for(lambda: "hub stopped 0" in server.lines, "the hub's end")
    for t in threads:
        t.join()


# --- memory ------------------------------------------------------------------

def try_everything(server):
    """A life of each kind; whatever fails, fails alone."""
    for kind in (SocketClient, PollingClient):
        try:
            c = kind(server)
            c.join()
            c.say('51-3["message-with-ack",%s]' % P0, b"abc")
            c.message()
            c.emit("broadcast", 1)
            c.emit("steps")
            c.emit("hold", 1)
            if kind is PollingClient:
                c = upgrade(server, c)
            c.emit("leave-me")
            c.sock.settimeout(0.5)
            while c.message() != "1":
                pass
        except BROKEN:
            pass


@pytest.mark.parametrize("where", ["loop", "requests"])
def test_memory_that_is_out_once(make_server, where):
    """The n-th allocation fails, for each n: nobody else is harmed."""
    server = make_server(loops=1, quiet=1)
    witness = joined(server)
    for n in range(1, 60):
        if where == "loop":
            witness.emit("fail", n)
        else:
            assert wait_for(lambda: fails(server, n), "it to fail")
        try_everything(server)
        witness_is_well(server, n)


def fails(server, n):
    """True once it is set; what failed may be this request itself."""
    try:
        return get(server, "/socket.io/fail?n=%d" % n).status == 204
    except (OSError, http.client.HTTPException):
        return False


def witness_is_well(server, n):
    """What failed may have hit the witness; then another one serves."""
    c = joined_at_last(server)
    c.emit("message", n)
    while c.event() != ["message-back", n]:
        pass
    c.close()


def joined_at_last(server):
    def attempt():
        try:
            return joined(server)
        except BROKEN:
            return None
    return wait_for(attempt, "a client to be let in")
