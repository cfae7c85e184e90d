"""Bodies that are made while they are sent: tests/unit/http/server_sources.c.

A body is made of numbered lines of 16 bytes.
"""

import itertools
import re
import select
import signal
import socket
import time
import zlib

import pytest

from test_http_limits import SANITIZED
from test_http_server import (Client, DEADLINE_S, PROGRAM, post, program,
                              request, running, wait_for)

pytestmark = pytest.mark.skipif(
    not PROGRAM, reason="TB_HTTP_TEST_SERVER is not set")
__all__ = ["program"]

KIB = 1 << 10
MIB = 1 << 20
GIB = 1 << 30
LINE_BYTES = 16
# More than the sockets of both sides can hold.
LONG = "n=3000&lines=4096&shared=1"
LONG_BYTES = 3000 * 4096 * LINE_BYTES
# What a reader in the middle of a body may cost: its piece (64 KiB here, in
# both forms), a block, the arena of its request.
READER_KIB = 512


@pytest.fixture(scope="module")
def server():
    with running(workers=2) as s:
        yield s


def lines(n):
    return b"".join(b"%015d\n" % i for i in range(n))


def counts(server):
    return server.get("/t/source/counts").json()


def wait_until_none_is_left(server):
    wait_for(lambda: counts(server)["left"] == 0, "the sources to go")


def unzip(data):
    """One member, whole."""
    z = zlib.decompressobj(31)
    out = z.decompress(data)
    assert z.eof and z.unused_data == b""
    return out


def http_1_0(data):
    return data.replace(b"HTTP/1.1\r\n", b"HTTP/1.0\r\n", 1)


class Reader(Client):
    """Reads bodies however they are framed; takes in little beforehand."""

    def __init__(self, server, buffer_bytes=None, segment_bytes=None):
        if buffer_bytes is None:
            super().__init__(server)
            return
        self.sock = socket.socket()
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF,
                             buffer_bytes)
        if segment_bytes is not None:
            self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG,
                                 segment_bytes)
        self.sock.settimeout(DEADLINE_S)
        self.sock.connect(("127.0.0.1", server.port))
        self.rest = b""

    def begin(self, query, *headers):
        """Asks for a body and reads its first bytes."""
        a = self.send(request("/t/source?" + query, *headers)).begun()
        if not self.rest:
            assert self.more()
        return a

    def begun(self):
        """The head of the next answer, as an answer without a body."""
        return self.answer("HEAD")

    def until(self, n):
        parts = [self.rest]
        left = n - len(self.rest)
        while left > 0:
            parts.append(self.sock.recv(MIB))
            assert parts[-1], "closed inside of a body"
            left -= len(parts[-1])
        whole = b"".join(parts)
        self.rest = whole[n:]
        return whole[:n]

    def chunks(self):
        while True:
            while b"\r\n" not in self.rest:
                assert self.more(), "closed before a chunk"
            size, _, self.rest = self.rest.partition(b"\r\n")
            part = self.until(int(size, 16))
            assert self.until(2) == b"\r\n"
            if not part:
                return
            yield part

    def body(self, head):
        if head.headers.get("transfer-encoding") == "chunked":
            return b"".join(self.chunks())
        if "content-length" in head.headers:
            return self.until(int(head.headers["content-length"]))
        while self.more():
            pass
        part, self.rest = self.rest, b""
        return part

    def whole(self):
        head = self.begun()
        head.body = self.body(head)
        return head


def get(server, path, *headers):
    with Reader(server) as c:
        return c.send(request(path, *headers)).whole()


# --- whole bodies ------------------------------------------------------------

SHAPES = [(0, 1000), (1, 1), (1, 64), (3, 1000), (40, 4097), (500, 3)]
WAYS = ["find=0", "find=1", "find=2", "find=3", "find=0&packed=1",
        "find=2&packed=1"]


@pytest.mark.parametrize("path", ["/t/source", "/t/source/quick"])
@pytest.mark.parametrize("known", [0, 1])
@pytest.mark.parametrize("way", WAYS)
def test_a_body_is_the_sum_of_its_pieces(server, path, known, way):
    for n, length in SHAPES:
        query = "%s?n=%d&lines=%d&known=%d&%s" % (path, n, length, known, way)
        plain = lines(n * length)
        a = get(server, query)
        assert a.status == 200
        assert a.headers["etag"] == '"numbers"'
        assert ("content-length" in a.headers) == bool(known)
        assert "content-encoding" not in a.headers
        assert a.body == plain
        assert ("vary" in a.headers) == (not known or len(plain) >= 1024)
        assert server.line_of(a.headers["x-request-id"])["out"] == len(plain)
        a = get(server, query, "Accept-Encoding: gzip")
        if known and len(plain) < 1024:
            assert a.body == plain
            continue
        assert a.headers["content-encoding"] == "gzip"
        assert a.headers["transfer-encoding"] == "chunked"
        assert a.headers["vary"] == "Accept-Encoding"
        assert unzip(a.body) == plain
        line = server.line_of(a.headers["x-request-id"])
        assert line["out"] == len(a.body) and not line["aborted"]
    wait_until_none_is_left(server)


def test_what_can_be_found_is_not_made(server):
    before = counts(server)
    get(server, "/t/source/quick?n=50&find=1")
    after = counts(server)
    assert after["made"] == before["made"]
    assert after["found"] == before["found"] + 51


@pytest.mark.parametrize("known", [0, 1])
@pytest.mark.parametrize("accept", ["gzip", "br"])
def test_an_old_client_finds_the_end_at_the_end(server, known, accept):
    data = request("/t/source?n=30&known=%d" % known,
                   "Accept-Encoding: " + accept)
    with Reader(server) as c:
        a = c.send(http_1_0(data)).whole()
        assert "transfer-encoding" not in a.headers
        assert c.is_closed()
    body = unzip(a.body) if accept == "gzip" else a.body
    assert body == lines(30000)
    assert not server.line_of(a.headers["x-request-id"])["aborted"]


def test_head_makes_no_piece(server):
    before = counts(server)
    with Client(server) as c:
        c.send(request("/t/source?n=30&known=1", method="HEAD"))
        a = c.answer("HEAD")
        assert a.headers["content-length"] == str(30000 * LINE_BYTES)
        assert c.send(request("/t/const")).answer().status == 200
    with Client(server) as c:
        c.send(request("/t/source/quick?n=30", "Accept-Encoding: gzip",
                       method="HEAD"))
        a = c.answer("HEAD")
        assert a.headers["content-encoding"] == "gzip"
        assert a.headers["etag"] == '"numbers"'
        assert "content-length" not in a.headers
        # Nothing follows that could be taken for the next answer.
        assert c.is_closed()
    after = counts(server)
    assert after["made"] == before["made"]
    assert after["left"] == 0


def test_a_connection_is_good_for_more(server):
    with Reader(server) as c:
        for query, known in itertools.product(("find=0", "find=2"), (0, 1)):
            path = "/t/source?n=20&known=%d&%s" % (known, query)
            assert c.send(request(path)).whole().body == lines(20000)
            a = c.send(request(path, "Accept-Encoding: gzip")).whole()
            assert unzip(a.body) == lines(20000)
            assert c.send(request("/t/const")).whole().json() == {"ok": True}


@pytest.mark.parametrize("known", [0, 1])
def test_requests_that_are_sent_ahead_are_answered_in_order(server, known):
    path = "/t/source?n=20&known=%d" % known
    with Reader(server) as c:
        c.send(request(path) + request("/t/worker") + request(path) +
               request("/t/const"))
        assert c.whole().body == lines(20000)
        assert c.whole().json() == {"ok": True}
        assert c.whole().body == lines(20000)
        assert c.whole().json() == {"ok": True}


def test_a_request_with_a_body_is_answered_so_too(server):
    with Reader(server) as c:
        a = c.send(post("/t/source?n=20", b"x" * 100000)).whole()
        assert a.body == lines(20000)
    assert server.line_of(a.headers["x-request-id"])["in"] == 100000


def test_a_client_that_has_ended_sending_gets_it_all(server):
    with Reader(server) as c:
        c.send(request("/t/source?n=300"))
        c.sock.shutdown(socket.SHUT_WR)
        assert c.whole().body == lines(300000)


# --- errors ------------------------------------------------------------------

@pytest.mark.parametrize("path", ["/t/source", "/t/source/quick"])
@pytest.mark.parametrize("query", ["", "known=1", "find=1"])
def test_a_failure_at_once_is_a_proper_answer(server, path, query):
    a = get(server, path + "?n=3&fail=0&" + query, "Accept-Encoding: gzip")
    assert a.status == 503
    assert a.json()["code"] == "unavailable"
    assert "retry-after" in a.headers
    assert "etag" not in a.headers
    assert "content-encoding" not in a.headers
    line = server.line_of(a.headers["x-request-id"])
    assert line["code"] == "unavailable" and not line["aborted"]
    wait_until_none_is_left(server)


@pytest.mark.parametrize("old", [False, True])
@pytest.mark.parametrize("accept", ["gzip", "br"])
@pytest.mark.parametrize("query,code", [
    ("fail=20", "unavailable"), ("fail=20&known=1", "unavailable"),
    ("fail=20&find=3", "unavailable"), ("fail=1&err=1", "unavailable"),
    ("known=1&more=16", "internal_error"),
    ("known=1&less=16", "internal_error")])
def test_a_failure_later_on_cuts_the_connection(server, old, accept, query,
                                                code):
    """So that nobody takes what came for the whole."""
    data = request("/t/source?n=30&" + query, "Accept-Encoding: " + accept)
    with Reader(server) as c:
        a = c.send(http_1_0(data) if old else data).begun()
        assert a.status == 200
        with pytest.raises((ConnectionResetError, AssertionError)):
            c.body(a)
    line = server.line_of(a.headers["x-request-id"])
    assert line["status"] == 200
    assert line["code"] == code
    assert line["aborted"]
    wait_until_none_is_left(server)


def test_a_client_that_leaves_frees_its_source(server):
    for query in (LONG, LONG + "&known=1", LONG + "&find=1",
                  LONG + "&find=2"):
        for accept in ("gzip", "br"):
            with Reader(server) as c:
                a = c.begin(query, "Accept-Encoding: " + accept)
            line = server.line_of(a.headers["x-request-id"])
            assert line["aborted"]
            assert line["out"] < LONG_BYTES
    wait_until_none_is_left(server)


def test_a_client_may_leave_while_its_piece_is_made():
    with running(workers=2) as s:
        with Reader(s) as c:
            a = c.begin("n=5&gate=3")
            wait_for(lambda: counts(s)["waiting"] == 1, "the gate")
        s.get("/t/source/open")
        assert s.line_of(a.headers["x-request-id"])["status"] == 200
        wait_until_none_is_left(s)


# --- slow readers ------------------------------------------------------------

@pytest.mark.parametrize("query", ["", "&known=1", "&find=2"])
def test_slow_readers_pin_no_worker_and_little_memory(query):
    n = 50
    with running(workers=2) as s:
        get(s, "/t/source?" + LONG + query)
        before_kib = s.rss_kib()
        clients = [Reader(s, 4 * KIB) for _ in range(n)]
        heads = [c.begin(LONG + query) for c in clients]
        for _ in range(100):
            assert s.get("/t/worker").status == 200
            assert s.get("/t/const").status == 200
        assert counts(s)["left"] == n
        if not SANITIZED:
            assert s.rss_kib() - before_kib < n * READER_KIB
        assert len(clients[0].body(heads[0])) == LONG_BYTES
        for c in clients:
            c.sock.close()
        wait_until_none_is_left(s)


def test_a_slow_reader_gets_it_all_while_others_are_answered(server):
    with Reader(server, 4 * KIB) as c:
        a = c.begin("n=100&lines=4096&known=1")
        body = b""
        while len(body) < 100 * 4096 * LINE_BYTES:
            body += c.until(min(256 * KIB, 100 * 4096 * LINE_BYTES -
                                len(body)))
            assert server.get("/t/worker").status == 200
        assert body == lines(100 * 4096)
    assert not server.line_of(a.headers["x-request-id"])["aborted"]


@pytest.mark.parametrize("query", ["", "&known=1"])
def test_a_client_that_reads_nothing_is_cut(query):
    with running(idle_timeout_s=1) as s, Reader(s, 4 * KIB) as c:
        a = c.begin(LONG + query)
        line = s.line_of(a.headers["x-request-id"])
        assert line["aborted"]
        wait_until_none_is_left(s)


@pytest.mark.parametrize("query", ["", "&known=1"])
def test_a_client_that_keeps_reading_too_slowly_is_cut(query):
    """It reads often enough for the timeout. Small segments keep small what
    the server's socket takes in."""
    with running(idle_timeout_s=1, reader_min_bytes_per_s=GIB) as s:
        with Reader(s, 4 * KIB, segment_bytes=536) as c:
            a = c.begin(LONG + query)
            end = time.monotonic() + DEADLINE_S
            while counts(s)["left"] > 0:
                assert time.monotonic() < end, "it is still sent to"
                c.until(12 * KIB)
                time.sleep(0.1)
        assert s.line_of(a.headers["x-request-id"])["aborted"]
        wait_until_none_is_left(s)


def test_a_client_above_the_lowest_rate_gets_it_all():
    """However long the whole takes, and whatever time workers take of it."""
    with running(idle_timeout_s=1, reader_min_bytes_per_s=GIB) as s:
        with Reader(s) as c:
            a = c.begin("n=5&gate=3")
            wait_for(lambda: counts(s)["waiting"] == 1, "the gate")
            time.sleep(2)
            s.get("/t/source/open")
            assert c.body(a) == lines(5000)
        assert not s.line_of(a.headers["x-request-id"])["aborted"]


def test_bodies_under_way_share_the_memory_of_all():
    with running(memory_max_bytes=600 * KIB) as s:
        with Reader(s, 4 * KIB) as one, Reader(s, 4 * KIB) as two:
            one.begin(LONG)
            two.begin(LONG + "&known=1")
            a = get(s, "/t/source?n=100&known=1")
            assert a.status == 503
            assert a.json()["code"] == "busy"
            assert get(s, "/t/source?n=1&known=1").status == 200
        wait_until_none_is_left(s)
        assert get(s, "/t/source?n=100&known=1").status == 200


def occupy_the_only_worker(server, client):
    """The queue may be full of a body that still fills its sockets."""
    def is_waiting():
        client.send(request("/t/wait"))
        wait_for(lambda: server.waiting() == 1 or readable(client),
                 "the worker, or a refusal")
        return server.waiting() == 1 or client.answer().status != 503
    wait_for(is_waiting, "the only worker")


def readable(client):
    return bool(select.select([client.sock], [], [], 0)[0])


def test_load_refuses_what_is_new_and_not_what_is_begun():
    with running(workers=1, queue_max=1) as s, Reader(s, 4 * KIB) as c:
        a = c.begin(LONG)
        with Client(s) as busy, Client(s) as queued:
            occupy_the_only_worker(s, busy)
            queued.send(request("/t/worker"))
            wait_for(lambda: s.get("/t/worker").status == 503, "the queue")
            # Reads until the server has nothing left to send.
            c.sock.settimeout(0.5)
            with pytest.raises(socket.timeout):
                c.body(a)
            assert s.get("/t/worker").status == 503
            s.get("/t/gate/open")
            assert busy.answer().status == 200
            assert queued.answer().status in (200, 503)
        c.sock.settimeout(DEADLINE_S)
        while c.more():
            c.rest = c.rest[-5:]
            if c.rest == b"0\r\n\r\n":
                break
        assert not s.line_of(a.headers["x-request-id"])["aborted"]


# --- stop --------------------------------------------------------------------

@pytest.mark.parametrize("query", ["", "&known=1", "&find=1"])
def test_at_stop_a_body_has_its_time_and_is_cut(query):
    with running(drain_timeout_ms=300) as s:
        with Reader(s, 4 * KIB) as c:
            a = c.begin(LONG + query)
            s.process.send_signal(signal.SIGTERM)
            s.process.wait(DEADLINE_S)
            with pytest.raises((ConnectionResetError, AssertionError)):
                c.body(a)
        s.stop()
        assert s.line_of(a.headers["x-request-id"])["aborted"]


def test_at_stop_a_reader_in_time_gets_it_all():
    with running(drain_timeout_ms=DEADLINE_S * 1000) as s:
        with Reader(s, 4 * KIB) as c:
            a = c.begin("n=400&lines=4096")
            s.process.send_signal(signal.SIGTERM)
            assert c.body(a) == lines(400 * 4096)


def test_at_stop_pieces_that_are_made_or_wait_are_given_up():
    """One body is held up by its worker and another waits for that worker,
    until the time to drain is over."""
    opening = request("/t/source/open")
    with running(workers=1, drain_timeout_ms=100) as s:
        with Reader(s) as one, Reader(s) as two, Client(s) as key:
            key.send(opening[:-2])  # It has begun, so it is not idle.
            two.begin("n=100000&lines=10&find=20")
            one.begin("n=5&gate=3&find=0")
            wait_for(lambda: counts(s)["waiting"] == 1, "the gate")
            while True:
                two.sock.settimeout(0.3)
                try:
                    assert two.more()
                except socket.timeout:
                    break
            s.process.send_signal(signal.SIGTERM)
            time.sleep(0.5)  # Longer than it drains, if it is in time.
            key.send(opening[-2:])
            s.stop()


def test_many_bodies_end_in_many_ways_at_once():
    with running(workers=4, drain_timeout_ms=200) as s:
        clients = []
        for i in range(60):
            c = Reader(s, 4 * KIB)
            c.begin(LONG + "&find=%d&known=%d" % (i % 4, i % 2),
                    "Accept-Encoding: " + ("gzip" if i % 3 == 0 else "br"))
            clients.append(c)
        for i, c in enumerate(clients):
            if i % 3 == 1:
                c.sock.close()
            elif i % 3 == 2:
                c.until(1 * MIB)
        s.stop()
        for c in clients:
            c.sock.close()
        assert len([x for x in s.log() if re.match("/source$", x["route"])
                    and x["aborted"]]) == 60
