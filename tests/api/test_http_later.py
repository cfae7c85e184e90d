"""Answers that are made later, and connections that leave HTTP.

The program under test has them from tests/unit/http/server_later.c.
"""

import concurrent.futures
import contextlib
import gzip
import itertools
import os
import resource
import signal
import socket
import struct
import subprocess

import pytest

from test_http_server import (Client, DEADLINE_S, PROGRAM, post, program,
                              request, running, wait_for)

pytestmark = pytest.mark.skipif(
    not PROGRAM, reason="TB_HTTP_TEST_SERVER is not set")
__all__ = ["program"]

MANY = 500
UPGRADE = ("Connection: Upgrade", "Upgrade: echo")
KINDS = ["made", "begun", "answered", "cancelled", "offered", "taken",
         "untaken", "closed", "late"]


@pytest.fixture
def server():
    with running(workers=2) as s:
        yield s
    balance(s)


def balance(server):
    """What was said of each that was handed over, once all is over."""
    words = server.lines[-2].split()
    assert words[0] == "later"
    n = dict(zip(KINDS, map(int, words[1:])))
    assert n["made"] == n["begun"] + n["cancelled"]
    assert n["begun"] == n["answered"]
    assert n["offered"] == n["taken"] + n["untaken"]
    assert n["taken"] == n["closed"]
    return n


def counts(server):
    return server.get("/t/later/counts").json()


def resting(server):
    n = counts(server)
    return n["begun"] - n["answered"]


def wait_until_resting(server, n):
    wait_for(lambda: resting(server) == n, "%d to rest" % n)


def release(server):
    assert server.get("/t/later/release").status == 204


def reset(client):
    """Goes away without a good-bye."""
    client.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                           struct.pack("ii", 1, 0))
    client.sock.close()


# --- answers that are made later ---------------------------------------------

SLOW = "Authorization: slow"
SHORT, LONG = b"[1]", b"[1]" * 50000
REQUESTS = {
    "get": (request("/t/later?n=3"), b"abc"),
    "get, unknown caller": (request("/t/later?n=3", SLOW), b"abc"),
    "get, worker": (request("/t/later/worker?n=3"), b"abc"),
    "post": (post("/t/later", SHORT), SHORT),
    "long post": (post("/t/later", LONG), LONG),
    "post, unknown caller": (post("/t/later", SHORT, SLOW), SHORT),
    "post, worker": (post("/t/later/worker", SHORT), SHORT),
    "long post, worker": (post("/t/later/worker", LONG), LONG),
}


@pytest.mark.parametrize("data,body", REQUESTS.values(), ids=REQUESTS)
def test_a_request_is_answered_when_somebody_has_it(server, data, body):
    with Client(server) as c:
        for _ in range(2):
            c.send(data)
            wait_until_resting(server, 1)
            release(server)
            a = c.answer()
            assert a.status == 200
            assert a.body == body
            line = server.line_of(a.headers["x-request-id"])
            assert line["out"] == len(body)
            assert not line["aborted"]
        assert c.send(request("/t/const")).answer().status == 200


@pytest.mark.parametrize("data", [
    request("/t/later/at-once?n=3"), request("/t/later/at-once?n=3", SLOW),
    post("/t/later/at-once", b"abc"), post("/t/later/at-once", b"abc", SLOW)],
    ids=["get", "get, unknown caller", "post", "post, unknown caller"])
def test_it_may_be_answered_before_it_rests(server, data):
    with Client(server) as c:
        for _ in range(200):
            assert c.send(data).answer().body == b"abc"


def test_requests_may_be_pipelined_behind_one_that_rests(server):
    with Client(server) as c:
        c.send(request("/t/later?n=3") + post("/t/echo", b"[7]"))
        wait_until_resting(server, 1)
        release(server)
        assert c.answer().body == b"abc"
        assert c.answer().body == b"[7]"


def test_head_is_answered_later_too(server):
    with Client(server) as c:
        c.send(request("/t/later?n=3", method="HEAD"))
        wait_until_resting(server, 1)
        release(server)
        assert c.answer("HEAD").headers["content-length"] == "3"
        assert c.send(request("/t/const")).answer().status == 200


@pytest.mark.parametrize("path", ["/t/later", "/t/later/worker"])
def test_a_later_answer_is_as_good_as_any(server, path):
    """Packed, made piece by piece, or an error."""
    def ask(query, *headers):
        with Client(server) as c:
            c.send(request(path + query, *headers))
            wait_until_resting(server, 1)
            release(server)
            a = c.answer()
            if "transfer-encoding" in a.headers:
                while not c.rest.endswith(b"\r\n0\r\n\r\n"):
                    assert c.more()
                a.body = c.rest
            return a
    a = ask("?n=100000", "Accept-Encoding: gzip")
    assert a.headers["content-encoding"] == "gzip"
    assert len(gzip.decompress(a.body)) == 100000
    assert len(ask("?n=100000").body) == 100000
    a = ask("?source=1&n=3&lines=10")
    assert a.body.count(b"\n") >= 30
    assert a.headers["etag"] == '"numbers"'
    a = ask("?source=1&n=3&lines=10&find=1&known=1")
    assert len(a.body) == 480
    a = ask("?err=5")
    assert a.status == 404
    assert a.json()["code"] == "not_found"


def test_another_answer_ends_what_was_handed_over(server):
    assert server.get("/t/later/instead").status == 409
    n = counts(server)
    assert (n["made"], n["begun"], n["cancelled"]) == (1, 0, 1)


def test_those_who_rest_cost_no_worker():
    with running(workers=1, queue_max=1, quiet=1) as s, \
            contextlib.ExitStack() as stack:
        clients = [stack.enter_context(Client(s)) for _ in range(MANY)]
        for i, c in enumerate(clients):
            data = [request("/t/later?n=%d" % i),
                    request("/t/later/at-once?n=%d" % i),
                    post("/t/later", b"x" * i)][i % 3]
            c.send(data)
        wait_until_resting(s, MANY - len(clients[1::3]))
        for path in ("/t/worker", "/t/later/at-once"):
            assert s.get(path).status == 200
        release(s)
        for i, c in enumerate(clients):
            assert len(c.answer().body) == i
    balance(s)


@pytest.mark.parametrize("path", ["/t/later", "/t/later/worker",
                                  "/t/take/later"])
@pytest.mark.parametrize("leave", [reset, lambda c: c.sock.close()])
def test_that_a_client_has_gone_is_found_when_it_is_answered(server, path,
                                                             leave):
    with contextlib.ExitStack() as stack:
        clients = [stack.enter_context(Client(server)) for _ in range(20)]
        for i, c in enumerate(clients):
            c.send(request(path + "?n=200000", *UPGRADE,
                           "X-Request-Id: gone-%d" % i))
        wait_until_resting(server, len(clients))
        for c in clients:
            leave(c)
        release(server)
        for i in range(len(clients)):
            server.line_of("gone-%d" % i)
        assert server.get("/t/const").status == 200


# Not of those who send a body and are not known at once: while they are
# looked up, libmicrohttpd still reads, and takes the end for a good-bye.
@pytest.mark.parametrize("kind", sorted(set(REQUESTS) - {
    "post, unknown caller"}))
def test_who_rests_may_close_the_sending_direction(server, kind):
    data, body = REQUESTS[kind]
    with Client(server) as c:
        c.send(data)
        c.sock.shutdown(socket.SHUT_WR)
        wait_until_resting(server, 1)
        release(server)
        assert c.answer().body == body
        assert c.is_closed()


def test_who_rests_has_no_deadline_nor_has_who_left():
    with running(idle_timeout_s=1, request_timeout_s=1) as s, \
            Client(s) as rests, taken(s) as left, Client(s) as idle, \
            Client(s) as slow:
        rests.send(request("/t/later?n=3"))
        wait_until_resting(s, 1)
        idle.send(request("/t/const")).answer()
        slow.send(request("/t/const")[:-2])
        assert idle.is_closed()
        assert slow.is_closed()
        # Those who came later have had their time.
        assert echoes(left)
        release(s)
        assert rests.answer().body == b"abc"
        # Once answered, it is idle like any other.
        assert rests.is_closed()
        assert echoes(left)
    balance(s)


def test_a_server_that_stops_waits_for_those_who_rest(server):
    with Client(server) as get, Client(server) as push:
        get.send(request("/t/later?n=3"))
        push.send(post("/t/later/worker", b"[1]"))
        wait_until_resting(server, 2)
        server.process.send_signal(signal.SIGTERM)
        for c, body in ((get, b"abc"), (push, b"[1]")):
            a = c.answer()
            assert a.body == body
            assert c.is_closed()


@pytest.mark.parametrize("path", ["/t/later?n=3", "/t/later/worker?n=3",
                                  "/t/later/late?n=3", "/t/take/later"])
def test_a_server_does_not_go_before_they_are_answered(path):
    with running(drain_timeout_ms=20, late=1) as s, Client(s) as c:
        c.send(request(path, *UPGRADE))
        # One of them rests only when its handler is through.
        wait_for(lambda: resting(s) + counts(s)["late"] == 1, "it")
        s.process.send_signal(signal.SIGTERM)
        with pytest.raises(subprocess.TimeoutExpired):
            s.process.wait(0.3)
        s.process.send_signal(signal.SIGUSR1)
        s.stop()
    assert balance(s)["made"] == 1


def test_a_server_may_stop_in_the_middle_of_everything():
    paths = ["/t/later/at-once?n=9", "/t/later/worker", "/t/later", "/t/take",
             "/t/take/worker", "/t/take/later"]

    def one(s, n):
        for i in itertools.count(n):
            if s.process.poll() is not None:
                return
            try:
                with Client(s) as c:
                    c.sock.settimeout(0.05)
                    c.send(request(paths[i % len(paths)], *UPGRADE))
                    c.head()
            except ConnectionRefusedError:
                return
            except (AssertionError, OSError):
                continue

    for i in range(4):
        with running(workers=2, quiet=1, drain_timeout_ms=i % 2 * 1000) as s, \
                concurrent.futures.ThreadPoolExecutor(8) as threads:
            ends = [threads.submit(one, s, n) for n in range(8)]
            wait_for(lambda: counts(s)["taken"] > 20, "some to be taken")
            s.stop()
            for end in ends:
                end.result(DEADLINE_S)
        balance(s)


# --- connections that leave HTTP ---------------------------------------------

JUNK = bytes(range(256)).replace(b">", b"")



def leave_http(client, path="/t/take", *headers, early=b"", method="GET",
               body=b""):
    """Asks for it; the answer's head, with the early bytes in `rest`."""
    client.send(request(path, *UPGRADE, *headers, method=method,
                        body=body + early))
    a = client.answer()
    assert a.status == 101
    return a


@contextlib.contextmanager
def taken(server, path="/t/take", *headers):
    with Client(server) as c:
        if path.endswith("later"):
            c.send(request(path, *UPGRADE, *headers))
            wait_until_resting(server, 1)
            release(server)
            assert c.answer().status == 101
        else:
            leave_http(c, path, *headers)
        assert read(c, 2) == b"<>"
        yield c


def read(client, n):
    while len(client.rest) < n:
        assert client.more(), "closed after %r" % client.rest
    data, client.rest = client.rest[:n], client.rest[n:]
    return data


def echoes(client, data=b"hello"):
    return read(client.send(data), len(data)) == data


@pytest.mark.parametrize("path,headers", [
    ("/t/take", ()), ("/t/take", (SLOW,)), ("/t/take/worker", ()),
    ("/t/take/later", ())])
def test_a_connection_leaves_http(server, path, headers):
    with taken(server, path, *headers, "X-Request-Id: it-left") as c:
        assert echoes(c)
        line = server.line_of("it-left")
        assert line["status"] == 101
        assert not line["aborted"]
        assert (line["in"], line["out"]) == (0, 0)
        # Nothing that comes now is a request.
        assert echoes(c, request("/t/const"))
        c.send(b"bye")
        assert c.is_closed()


def test_the_head_says_where_it_goes(server):
    with Client(server) as c:
        a = leave_http(c, "/t/take", "X-Request-Id: mine")
        assert a.all("connection") == ["Upgrade"]
        assert a.all("upgrade") == ["echo"]
        assert a.headers["x-request-id"] == "mine"
        assert not [h for h in a.headers if h.startswith("content-")
                    or h == "transfer-encoding"]


def test_who_does_not_want_to_leave_does_not(server):
    with Client(server) as c:
        assert c.send(request("/t/take")).answer().status == 426
        assert c.send(request("/t/const")).answer().status == 200


def test_http_1_0_has_no_upgrade(server):
    with Client(server) as c:
        c.send(request("/t/take", *UPGRADE).replace(b"HTTP/1.1", b"HTTP/1.0"))
        assert c.answer().status == 426
        assert c.is_closed()


def test_what_came_before_is_answered_first(server):
    with Client(server) as c:
        for _ in range(3):
            assert c.send(request("/t/const")).answer().status == 200
            assert c.send(post("/t/echo", b"[1]")).answer().body == b"[1]"
        leave_http(c)
        assert read(c, 2) == b"<>"
        assert echoes(c)
    with Client(server) as c:
        c.send(request("/t/worker") + request("/t/take", *UPGRADE) + b"early")
        assert c.answer().status == 200
        assert c.answer().status == 101
        assert read(c, 7) == b"<early>"


@pytest.mark.parametrize("path", ["/t/take", "/t/take/worker"])
@pytest.mark.parametrize("early", [
    b"x", b"\0\xff\r\n\r\n", request("/t/const"), b"GET / HTTP/9.9\r\n\r\n",
    JUNK * 8, JUNK * 300], ids=["a byte", "bytes", "a request",
                               "a bad request", "some junk", "much junk"])
def test_bytes_behind_the_request_are_the_takers(server, path, early):
    with Client(server) as c:
        leave_http(c, path, early=early)
        # More than the server has read by then comes by the socket.
        data = read(c, len(early) + 2)
        assert data[:1] == b"<"
        assert data.replace(b">", b"", 1)[1:] == early
        assert echoes(c)


def test_a_request_with_a_body_may_leave(server):
    with Client(server) as c:
        leave_http(c, "/t/take", "Content-Length: 3",
                   "Content-Type: application/json", method="POST",
                   body=b"[1]", early=b"early")
        assert read(c, 7) == b"<early>"
        assert echoes(c)


@pytest.mark.parametrize("leave", [reset, lambda c: c.sock.close()])
def test_a_client_that_left_http_may_go(server, leave):
    for _ in range(20):
        with taken(server) as c:
            assert echoes(c)
            leave(c)
    wait_for(lambda: counts(server)["closed"] == 20, "the taker to see it")


def open_descriptors(server):
    return set(map(int, os.listdir("/proc/%d/fd" % server.process.pid)))


def test_they_count_for_no_limit_and_leave_nothing_behind():
    with running(connections_max=5, quiet=1) as s, \
            contextlib.ExitStack() as stack:
        before = len(open_descriptors(s))
        clients = [stack.enter_context(taken(s)) for _ in range(50)]
        assert s.get("/t/const").status == 200
        assert all(map(echoes, clients))
        # That who asked has hung up is found soon, not at once.
        wait_for(lambda: len(open_descriptors(s)) == before + len(clients),
                 "one descriptor for each")
        for c in clients:
            c.sock.close()
        wait_for(lambda: len(open_descriptors(s)) == before,
                 "the descriptors to be closed")
    balance(s)


def test_without_a_descriptor_it_is_closed_and_the_taker_told(server):
    with Client(server) as c, Client(server) as asks:
        for one in (c, asks):
            assert one.send(request("/t/const")).answer().status == 200
        limits = resource.prlimit(server.process.pid, resource.RLIMIT_NOFILE)
        fds = open_descriptors(server)
        free = next(n for n in range(len(fds) + 1) if n not in fds)
        resource.prlimit(server.process.pid, resource.RLIMIT_NOFILE,
                         (free, limits[1]))
        leave_http(c)
        assert c.is_closed()
        resource.prlimit(server.process.pid, resource.RLIMIT_NOFILE, limits)
        n = asks.send(request("/t/later/counts")).answer().json()
        assert (n["offered"], n["taken"], n["untaken"]) == (1, 0, 1)


def test_they_outlive_the_server(server):
    with taken(server) as c:
        server.process.send_signal(signal.SIGTERM)
        assert read(c, 3) == b"end"
        assert c.is_closed()


def test_many_do_everything_at_once():
    with running(workers=4, quiet=1) as s:
        def one(n):
            with Client(s) as c:
                for i in range(5):
                    a = c.send(post("/t/later/at-once", b"[%d]" % n)).answer()
                    assert a.body == b"[%d]" % n
                    c.send(request("/t/later%s?n=9" % ["", "/worker"][i % 2]))
                    while not c.rest:
                        with Client(s) as other:
                            other.send(request("/t/later/release")).answer()
                        c.sock.settimeout(0.05)
                        with contextlib.suppress(TimeoutError):
                            c.more()
                    c.sock.settimeout(DEADLINE_S)
                    assert len(c.answer().body) == 9
                leave_http(c, ["/t/take", "/t/take/worker"][n % 2])
                assert read(c, 2) == b"<>"
                return all(echoes(c, b"%d" % i) for i in range(20))
        with concurrent.futures.ThreadPoolExecutor(16) as threads:
            assert all(threads.map(one, range(32)))
    balance(s)


# --- when memory fails -------------------------------------------------------

def outcome(server, data):
    """The status of the answer; None when there was none."""
    with Client(server) as c:
        try:
            return c.send(data).answer().status
        except (AssertionError, ConnectionResetError, BrokenPipeError):
            return None


@pytest.mark.parametrize("data,status", [
    (request("/t/later/at-once?n=3"), 200),
    (post("/t/later/at-once", b"[1]"), 200),
    (request("/t/take", *UPGRADE), 101)], ids=["get", "post", "take"])
def test_nothing_is_lost_when_an_allocation_fails(data, status):
    with running(workers=1, quiet=1) as s:
        for n in range(1, 30):
            s.get("/t/fail_io?n=%d" % n)
            assert outcome(s, data) in (status, 503, None)
            disarm = request("/t/fail_io?n=0")
            assert 204 in (outcome(s, disarm), outcome(s, disarm))
            assert outcome(s, data) == status
    n = balance(s)
    assert n["made"] + n["offered"] >= 29
