"""Requests that break HTTP's own rules, by hand on a socket."""

import json
import socket
import time

import pytest

import wire
from harness import CONFIG, DEADLINE_S, Server, wait_for
from watch import Watch


@pytest.fixture(scope="module")
def watch(server):
    return Watch(server)


def push_body(watch):
    return json.dumps([watch.a.invoice("smuggled", watch.b.store)]).encode()


def chunked(body):
    return b"%x\r\n%s\r\n0\r\n\r\n" % (len(body), body)


def length(body, name="Content-Length: "):
    return name + str(len(body))


def bad_framing(watch):
    """name, request; each would push a record if it were let through."""
    a, body = watch.a, push_body(watch)
    n = length(body)
    second = wire.request(a, headers=[n], body=body)
    both = ["Content-Length: 4", "Transfer-Encoding: chunked"]
    yield "length and chunked", wire.request(
        a, headers=both, body=b"0\r\n\r\n" + second)
    yield "chunked and length", wire.request(
        a, headers=both[::-1], body=chunked(body))
    yield "two lengths", wire.request(
        a, headers=["Content-Length: 0", n], body=body)
    yield "two equal lengths", wire.request(a, headers=[n, n], body=body)
    for value in ("%d, %d" % (len(body), len(body)), "+%d" % len(body),
                  "-1", "0x10", "1e2", "", "99999999999999999999999"):
        yield "length " + value, wire.request(
            a, headers=["Content-Length: " + value], body=body)
    for value in ("identity, chunked", "chunked, identity", "xchunked",
                  "chunked, chunked", "\x0bchunked"):
        yield "coding " + repr(value), wire.request(
            a, headers=["Transfer-Encoding: " + value], body=chunked(body))
    yield "folded header", wire.request(
        a, headers=["X-A: 1", " folded", n], body=body)
    yield "folded coding", wire.request(
        a, headers=["Transfer-Encoding:", " chunked"], body=chunked(body))
    yield "space before the colon", wire.request(
        a, headers=["Content-Length : %d" % len(body)], body=body)
    yield "no colon", wire.request(a, headers=["X-A", n], body=body)
    for c in ("\x00", "\x01", "\x1f", "\x7f", "\r", "\x0b"):
        yield "control %r in a header" % c, wire.request(
            a, headers=["X-A: a%sb" % c, n], body=body)
    yield "control in a name", wire.request(
        a, headers=["X\x01A: a", n], body=body)
    yield "no Host", wire.request(a, headers=[n], body=body, host=False)
    yield "two Hosts", wire.request(
        a, headers=["Host: other", n], body=body)


def bad_chunks(watch):
    a, body = watch.a, push_body(watch)
    coding = ["Transfer-Encoding: chunked"]
    for size in (b"zz", b"-1", b"0x%x" % len(body), b"fffffffffffffffff",
                 b"", b" "):
        yield "chunk size %r" % size, wire.request(
            a, headers=coding, body=size + b"\r\n" + body + b"\r\n0\r\n\r\n")


def test_smuggling_attempts_are_400_once_and_change_nothing(watch):
    wrong = []
    with watch.unchanged():
        for name, data in bad_framing(watch):
            raw = watch.server.raw(data, half_close=True)
            if not raw:
                wrong.append((name, "no answer"))
                continue
            r = wire.Answer(raw)
            if wire.answer_count(raw) != 1 or r.status_code != 400:
                wrong.append((name, wire.answer_count(raw), r.status_code))
                continue
            try:
                watch.refused(r, 400)
            except (AssertionError, ValueError, KeyError) as e:
                wrong.append((name, repr(e)[:200]))
    assert not wrong, wrong


def test_bad_chunks_change_nothing(watch):
    with watch.unchanged():
        for name, data in bad_chunks(watch):
            raw = watch.server.raw(data, half_close=True)
            assert wire.answer_count(raw) <= 1, name
            if raw:
                assert 400 <= wire.Answer(raw).status_code < 500, name


@pytest.mark.parametrize("data", [
    b"\x00" * 100, b"GET\r\n\r\n", b"GET / HTTP/9.9\r\n\r\n",
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\r\n\r\n", b"G" * 200000,
    b"GET /" + b"a" * 200000 + b" HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nX-A: " + b"a" * 500000
    + b"\r\n\r\n"], ids=["zeros", "no version", "version 9.9", "TLS",
                        "long method", "long path", "long header"])
def test_what_is_not_http_is_refused_or_cut(watch, data):
    with watch.unchanged():
        raw = watch.server.raw(data, half_close=True)
        assert not raw or 400 <= wire.Answer(raw).status_code < 600
    watch.server.ping()


def test_a_client_that_goes_away_half_way_changes_nothing(watch):
    body = push_body(watch)
    head = wire.request(watch.a, headers=[length(body + b"  ")])
    with watch.unchanged():
        for cut in (0, 1, len(body) // 2, len(body)):
            with watch.one_more_line():
                wire.send_and_go(watch.a, head + body[:cut])


def test_a_chunked_client_that_goes_away_changes_nothing(watch):
    body = push_body(watch)
    head = wire.request(watch.a, headers=["Transfer-Encoding: chunked"])
    with watch.unchanged():
        with watch.one_more_line():
            wire.send_and_go(
                watch.a, head + b"%x\r\n%s\r\n" % (len(body), body))


def test_a_lost_answer_is_one_line_and_one_effect(watch):
    record = watch.a.invoice("lost-answer")
    body = json.dumps([record]).encode()
    data = wire.request(watch.a, headers=[length(body)], body=body)
    with watch.one_more_line():
        wire.send_and_go(watch.a, data)
    watch.a.pushed(record)
    assert [k for k in watch.org.exported() if k[1] == "lost-answer"] == \
        [("transact", "lost-answer")]


def test_an_oversized_length_is_refused_before_its_body_comes(watch):
    head = wire.request(watch.a, headers=["Content-Length: 10000000000"])
    with watch.unchanged():
        with wire.connect(watch.a) as s:
            s.sendall(head)
            watch.refused(wire.read_answer(s), 413)


def test_expect_100_is_refused_at_once_if_too_large(watch):
    head = wire.request(watch.a, headers=[
        "Content-Length: 10000000000", "Expect: 100-continue"])
    with watch.unchanged():
        with wire.connect(watch.a) as s:
            s.sendall(head)
            answer = wire.read_answer(s)
            assert answer.status_code in (413, 417)


def test_requests_in_a_row_on_one_connection_are_answered_in_order(watch):
    paths = ["central_records?limit=1", "nope", "site_status", "queued_records"]
    data = b"".join(wire.request(watch.b, p, "GET") for p in paths[:-1])
    data += wire.request(watch.b, paths[-1], "GET", ["Connection: close"])
    raw = watch.server.raw(data)
    assert [int(x[:3]) for x in raw.split(b"HTTP/1.1 ")[1:]] == \
        [200, 404, 200, 200]


@pytest.fixture
def impatient(tmp_path):
    """A watch on a server that gives a request two seconds."""
    s = Server(tmp_path, config=CONFIG.replace(
        "request_timeout_s: 10", "request_timeout_s: 2\n  idle_timeout_s: 2"))
    s.cli.init("main", "admin", "an-admin-password")
    s.start()
    yield Watch(s)
    assert s.stop() == 0


def test_slow_senders_are_cut_off(impatient):
    """Half a head and half a body; a byte now and then does not save one."""
    watch, body = impatient, push_body(impatient)
    head = wire.request(watch.a, headers=[length(body)])
    starts = [head[:30], head + body[:10]]
    with watch.unchanged():
        socks = [wire.connect(watch.a) for _ in starts]
        try:
            for s, start in zip(socks, starts):
                s.sendall(start)
            end = time.monotonic() + DEADLINE_S
            for s in socks:
                assert cut_off(s, end), "still open"
        finally:
            for s in socks:
                s.close()
    watch.server.ping()


def cut_off(sock, end):
    """Drip bytes, each well within an idle time-out, until it is closed."""
    sock.settimeout(0.2)
    while time.monotonic() < end:
        try:
            sock.sendall(b"x")
            if not sock.recv(65536):
                return True
        except socket.timeout:
            continue
        except OSError:
            return True
    return False


def test_many_idle_connections_do_not_keep_others_out(watch):
    socks = [wire.connect(watch.a) for _ in range(200)]
    try:
        for s in socks:
            s.sendall(b"GET /sync/v5/sta")
        assert watch.a.get("status").status_code == 200
    finally:
        for s in socks:
            s.close()
    wait_for(lambda: watch.a.get("status").status_code == 200, "an answer")
