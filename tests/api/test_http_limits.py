"""What the HTTP server does when there is too much of something."""

import concurrent.futures
import gzip
import os
import resource
import socket
import time

import pytest

from test_http_server import (Client, DEADLINE_S, PROGRAM, chunked, post,
                              program, request, running, wait_for)

pytestmark = pytest.mark.skipif(
    not PROGRAM, reason="TB_HTTP_TEST_SERVER is not set")
__all__ = ["program"]

SANITIZED = bool(PROGRAM) and any(
    name in open(PROGRAM, "rb").read()
    for name in (b"__asan_init", b"__tsan_init"))
KIB = 1 << 10
MIB = 1 << 20
IDLE = 5000


@pytest.fixture(scope="module")
def server():
    with running(body_max_bytes=MIB, body_small_bytes=4 * KIB,
                 workers=4) as s:
        yield s


def refused(client, status):
    """The next answer, which is the last on its connection."""
    a = client.answer()
    assert a.status == status
    assert a.headers["connection"] == "close"
    return a


# --- bodies ------------------------------------------------------------------

def test_a_body_at_the_ceiling_is_taken_and_one_byte_more_is_413(server):
    for path, ceiling in (("/t/echo", MIB), ("/t/small", 4 * KIB)):
        assert server.post(path, b"x" * ceiling).status == 200
        assert server.post(path, b"x" * (ceiling + 1)).status == 413
        with Client(server) as c:
            c.send(chunked(path, [b"x" * 1024] * (ceiling // 1024)))
            assert c.answer().status == 200


def test_a_message_has_a_ceiling_of_its_own():
    with running(body_max_bytes=2 * MIB, body_small_bytes=4 * KIB) as s:
        assert s.post("/t/message", b"x" * MIB).body == b"%d" % MIB
        assert s.post("/t/message", b"x" * (MIB + 1)).status == 413
        assert s.post("/t/echo", b"x" * (MIB + 1)).status == 200


def test_a_length_over_the_ceiling_is_413_before_the_body_comes(server):
    with Client(server) as c:
        c.send(post("/t/echo", b"", "X-A: b").replace(
            b"Content-Length: 0", b"Content-Length: 99999999999"))
        a = refused(c, 413)
        assert a.json()["code"] == "too_large"
        assert c.is_closed()
    line = server.line_of(a.headers["x-request-id"])
    assert line["in"] == 0
    assert not line["aborted"]


def test_a_client_that_sends_it_all_the_same_finds_the_answer(server):
    body = b"x" * (5 * MIB)
    for _ in range(20):
        with Client(server) as c:
            c.send(post("/t/echo", body))
            refused(c, 413)


def test_chunks_over_the_ceiling_are_413_as_soon_as_they_are(server):
    head = request("/t/echo", "Transfer-Encoding: chunked",
                   "Content-Type: application/json", method="POST")
    with Client(server) as c:
        c.send(head + b"10000000\r\n" + b"x" * (MIB + 1))
        refused(c, 413)
        # The chunk is far from its end, and nobody waits for that.
        assert c.is_closed()


def test_a_gzip_bomb_ends_at_the_ceiling(server):
    bomb = gzip.compress(bytes(300 * MIB), 9)
    assert len(bomb) < MIB
    before = server.rss_kib()
    for data in (post("/t/echo", bomb, "Content-Encoding: gzip"),
                 chunked("/t/echo", [bomb], "Content-Encoding: gzip")):
        with Client(server) as c:
            c.send(data)
            refused(c, 413)
    many = gzip.compress(bytes(64 * KIB), 9) * 1000
    with Client(server) as c:
        c.send(post("/t/echo", many, "Content-Encoding: gzip"))
        refused(c, 413)
    assert server.rss_kib() - before < 16 * KIB


def has_room(server, n):
    """True if a body of that size would be let in; it is not sent."""
    with Client(server) as c:
        c.send(request("/t/any", "Content-Length: %d" % n,
                       "Expect: 100-continue", method="POST"))
        return c.head().startswith(b"HTTP/1.1 100")


def test_bodies_share_one_memory():
    with running(body_max_bytes=8 * MIB, memory_max_bytes=9 * MIB) as s:
        part = post("/t/echo", b"x" * (8 * MIB))[:-1]
        with Client(s) as first:
            first.send(part)
            wait_for(lambda: not has_room(s, MIB + 2),
                     "the first body to be in memory")
            a = s.post("/t/any", b"x" * (2 * MIB))
            assert a.headers["retry-after"] == "1"
            with Client(s) as c:
                c.send(chunked("/t/any", [b"x" * (2 * MIB)]))
                refused(c, 503)
            assert s.post("/t/any", b"x" * 1000).status == 200
            assert first.send(b"x").answer().status == 200
        assert s.post("/t/any", b"x" * (8 * MIB)).status == 200


def test_memory_comes_back_from_those_who_go_away():
    with running(body_max_bytes=8 * MIB, memory_max_bytes=9 * MIB) as s:
        for i in range(8):
            rid = "gone-%d" % i
            with Client(s) as c:
                c.send(post("/t/any", b"x" * (8 * MIB),
                            "X-Request-Id: " + rid)[:-1])
            s.line_of(rid)
        assert s.post("/t/any", b"x" * (8 * MIB)).status == 200


# --- heads -------------------------------------------------------------------

def head_of(size):
    """A request whose head has this many bytes."""
    empty = len(request("/t/const", "X-A: "))
    return request("/t/const", "X-A: " + "a" * (size - empty))


def test_a_head_is_answered_up_to_its_ceiling_and_431_above(server):
    statuses = []
    for size in list(range(4000, 8400, 40)) + [9000, 20000]:
        with Client(server) as c:
            c.send(head_of(size))
            statuses.append(c.answer().status)
    first = statuses.index(431)
    assert first > 60
    assert set(statuses[:first]) == {200}
    assert set(statuses[first:]) == {431}


@pytest.mark.parametrize("extra,status", [
    (["X-A: a"] * 50, 200), (["X-A: a"] * 64, 431), (["X-A: a"] * 200, 431),
    (["Cookie: " + "a=b; " * 20], 200), (["Cookie: " + "a=b; " * 1000], 431)])
def test_too_many_headers_are_431(server, extra, status):
    with Client(server) as c:
        c.send(request("/t/const", *extra))
        assert c.answer().status == status


@pytest.mark.parametrize("target,status", [
    ("/t/const?" + "a" * 3000, 200), ("/t/const?" + "a" * 9000, 414),
    ("/t/const?" + "a&" * 30, 200), ("/t/const?" + "a&" * 300, 414),
    ("/t/const?" + "a=b&" * 1000, 414), ("/" + "a" * 100000, 414)])
def test_a_target_that_is_too_long_is_414(server, target, status):
    with Client(server) as c:
        c.send(request(target))
        assert c.answer().status == status


# --- time --------------------------------------------------------------------

def trickle(client, data):
    """Sends a byte now and then until the server has had enough."""
    client.sock.settimeout(0.05)
    begin = time.monotonic()
    for byte in data:
        try:
            client.send(bytes([byte]))
            if not client.more():
                break
        except socket.timeout:
            pass
        except (ConnectionResetError, BrokenPipeError):
            break
        assert time.monotonic() < begin + DEADLINE_S, "never cut"
    else:
        raise AssertionError("all was sent")
    return time.monotonic() - begin


@pytest.fixture(scope="module")
def impatient():
    with running(request_timeout_s=1, idle_timeout_s=3) as s:
        yield s


LONG = "X-A: " + "a" * 3000
SLOW = {
    "request line": request("/t/const?" + "a" * 3000),
    "header": request("/t/const", LONG),
    "body": post("/t/echo", b"x" * 3000),
    "chunks": chunked("/t/echo", [b"x"] * 3000),
    "a refused body": post("/t/private", b"x" * 3000),
}


@pytest.mark.parametrize("name", sorted(SLOW))
def test_a_trickling_client_is_cut(impatient, name):
    data = SLOW[name]
    at = data.find(b"\r\n\r\n") + 4 if "body" in name or name == "chunks" \
        else 20
    with Client(impatient) as c:
        c.send(data[:at])
        trickle(c, data[at:])


def test_one_that_was_cut_is_told_with_408(impatient):
    data = post("/t/echo", b"x" * 3000, "X-Request-Id: late")
    with Client(impatient) as c:
        c.send(data[:-2900])
        trickle(c, data[-2900:])
    line = impatient.line_of("late")
    assert line["status"] == 408
    assert line["code"] == "request_timeout"
    assert line["aborted"]


def test_an_idle_connection_is_closed(impatient):
    with Client(impatient) as c:
        assert c.send(request("/t/const")).answer().status == 200
        assert c.is_closed()


def test_a_silent_connection_is_closed(impatient):
    with Client(impatient) as c:
        assert c.is_closed()


def test_a_slow_handler_is_not_cut(impatient):
    with Client(impatient) as c:
        c.send(request("/t/wait"))
        begin = time.monotonic()
        wait_for(lambda: time.monotonic() > begin + 2.5, "two and a half s")
        impatient.get("/t/gate/open")
        assert c.answer().status == 200
        impatient.get("/t/gate/shut")


# --- workers -----------------------------------------------------------------

def test_when_all_workers_are_busy_and_as_many_wait_as_may_it_is_503():
    with running(workers=2, queue_max=3) as s:
        busy = [Client(s).send(request("/t/wait")) for _ in range(2)]
        wait_for(lambda: s.waiting() == 2, "both workers")
        queued = [Client(s) for _ in range(3)]
        for c in queued:
            c.send(request("/t/worker", "X-Request-Id: queued"))

        def is_full():
            with Client(s) as probe:
                probe.sock.settimeout(0.05)
                try:
                    return probe.send(request("/t/worker")).answer() \
                        .status == 503
                except socket.timeout:
                    return False
        wait_for(is_full, "the queue to be full")
        with Client(s) as c:
            for headers in ([], ["Authorization: slow"]):
                path = "/t/user" if headers else "/t/worker"
                a = c.send(request(path, *headers)).answer()
                assert a.status == 503
                assert a.headers["retry-after"] == "1"
                assert a.json()["code"] == "busy"
            # Memory still answers, and the connection is still good.
            assert c.send(request("/t/const")).answer().status == 200
            a = c.send(post("/t/private", b"[]", "Authorization: slow")) \
                .answer()
            assert a.status == 503
            assert c.send(request("/t/const")).answer().status == 200
        s.get("/t/gate/open")
        for c in busy + queued:
            assert c.answer().status == 200
            c.sock.close()


# --- the end -----------------------------------------------------------------

def test_what_runs_is_finished_at_the_end():
    with running(drain_timeout_ms=20000) as s:
        idle = Client(s)
        assert idle.send(request("/t/const")).answer().status == 200
        with concurrent.futures.ThreadPoolExecutor() as threads:
            with Client(s) as c, Client(s) as half, Client(s) as opener:
                assert opener.send(request("/t/const")).answer()
                c.send(request("/t/wait"))
                wait_for(lambda: s.waiting() == 1, "the handler")
                half.send(post("/t/echo", b"[1]")[:-1])
                opener.send(request("/t/gate/open")[:-1])
                settle(s)
                end = threads.submit(s.stop)
                assert idle.is_closed()
                wait_for(lambda: not connects(s), "the socket to be closed")
                assert half.send(b"]").answer().body == b"[1]"
                a = opener.send(b"\n").answer()
                assert a.status == 204
                assert a.headers["connection"] == "close"
                assert c.answer().status == 200
                end.result(DEADLINE_S)


def settle(server):
    """What was sent before has been read: one thread reads it all."""
    for _ in range(2):
        assert server.get("/t/const").status == 200


def connects(server):
    try:
        with Client(server) as c:
            c.sock.settimeout(0.2)
            c.send(request("/t/const")).answer()
            return True
    except (OSError, AssertionError):
        return False


def test_the_time_for_that_is_bounded():
    with running(drain_timeout_ms=300, workers=1) as s:
        with Client(s) as half, Client(s) as c, Client(s) as queued:
            half.send(post("/t/echo", b"[1]", "X-Request-Id: half")[:-1])
            c.send(request("/t/wait"))
            wait_for(lambda: s.waiting() == 1, "the handler")
            queued.send(request("/t/echo", method="POST"))
            with concurrent.futures.ThreadPoolExecutor() as threads:
                opener = Client(s)
                opener.send(request("/t/gate/open")[:-1])
                settle(s)
                end = threads.submit(s.stop)
                wait_for(lambda: not connects(s), "the socket to be closed")
                begin = time.monotonic()
                wait_for(lambda: time.monotonic() > begin + 0.4, "the end")
                opener.send(b"\n")
                end.result(DEADLINE_S)
            opener.sock.close()
        assert s.line_of("half")["aborted"]


def test_a_server_with_open_connections_stops():
    with running() as s:
        clients = [Client(s).send(request("/t/const")) for _ in range(50)]
        for c in clients:
            c.answer()
        s.stop()
        for c in clients:
            assert c.is_closed()
            c.sock.close()


# --- many --------------------------------------------------------------------

@pytest.mark.skipif(SANITIZED, reason="a sanitizer's memory is its own")
def test_idle_connections_are_cheap():
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE,
                       (min(hard, IDLE + 1000), hard))
    try:
        with running(quiet=1) as s:
            clients = [Client(s) for _ in range(IDLE)]
            for c in clients:
                assert c.send(request("/t/worker")).answer().status == 200
            rss = s.rss_kib()
            print("%d idle connections: %d KiB" % (IDLE, rss))
            assert rss < 100 * KIB
            for c in clients[::100]:
                assert c.send(request("/t/const")).answer().status == 200
            for c in clients:
                c.sock.close()
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_connections_over_the_limit_wait_for_their_turn():
    with running(connections_max=5) as s:
        clients = [Client(s).send(request("/t/const")) for _ in range(5)]
        for c in clients:
            assert c.answer().status == 200
        with Client(s) as late:
            late.send(request("/t/const"))
            late.sock.settimeout(0.2)
            with pytest.raises(socket.timeout):
                late.answer()
            clients.pop().sock.close()
            late.sock.settimeout(DEADLINE_S)
            assert late.answer().status == 200
        for c in clients:
            c.sock.close()


@pytest.mark.parametrize("thread", ["io", "worker"])
def test_each_allocation_may_fail(thread):
    """The request it hits is refused or cut; the next one is served."""
    packed = gzip.compress(b"[1]" * 1000)
    requests = [
        request("/t/const"), request("/t/big?n=9000", "Accept-Encoding: gzip"),
        post("/t/echo", b"[1]"), request("/t/user", "Authorization: slow"),
        post("/t/echo", packed, "Content-Encoding: gzip"),
        request("/t/nope"), request("/t/items/%41/b"),
        request("/t/const", method="PUT"), post("/t/private", b"[1]"),
        post("/t/echo", b"x" * (2 * MIB)),
        request("/t/source?n=3&known=1"),
        request("/t/source?n=3", "Accept-Encoding: gzip"),
        request("/t/source/quick?n=3&find=2", "Accept-Encoding: gzip")]
    with running(workers=1, body_max_bytes=MIB, quiet=1) as s:
        expected = [answered(s, r) for r in requests]
        assert None not in expected
        for n in range(1, 16):
            for r, status in zip(requests, expected):
                s.get("/t/fail_%s?n=%d" % (thread, n))
                assert answered(s, r) in (status, 503, None)
                # The failure may still lie ahead, and then hits this one.
                disarm = request("/t/fail_%s?n=0" % thread)
                assert 204 in (answered(s, disarm), answered(s, disarm))
                assert answered(s, r) == status


def answered(server, data):
    """The status of the answer; None when there was none."""
    with Client(server) as c:
        try:
            return c.send(data).answer().status
        except (AssertionError, ConnectionResetError, BrokenPipeError):
            return None


def test_many_clients_at_once_get_their_own_answers():
    with running(workers=8) as s:
        def one(n):
            with Client(s) as c:
                for i in range(20):
                    body = b"[%d,%d]" % (n, i)
                    data = post("/t/echo", body, "Authorization: slow")
                    assert c.send(data).answer().body == body
                    a = c.send(request("/t/user", "Authorization: slow",
                                       "X-Request-Id: %d-%d" % (n, i)))
                    assert a.answer().headers["x-request-id"] == \
                        "%d-%d" % (n, i)
            return True
        with concurrent.futures.ThreadPoolExecutor(32) as threads:
            assert all(threads.map(one, range(64)))
        wait_for(lambda: len(s.log()) == 64 * 40, "all lines")
