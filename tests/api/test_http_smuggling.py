"""Requests that two parsers may read in two ways: each is refused, once.

Every request here carries a second one behind or inside it. Whatever becomes
of the first, the second must never be answered.
"""

import os

import pytest

from test_http_server import (Client, PROGRAM, HEX_ID, program, request,
                              running, wait_for)

pytestmark = pytest.mark.skipif(
    not PROGRAM, reason="TB_HTTP_TEST_SERVER is not set")
__all__ = ["program"]

INNER = request("/t/const", "X-Request-Id: smuggled")
LINE = b"POST /t/echo HTTP/1.1\r\n"
HOST = b"Host: 127.0.0.1\r\n"
JSON = b"Content-Type: application/json\r\n"
CHUNKS = b"%x\r\n%s\r\n0\r\n\r\n" % (len(INNER), INNER)


def with_headers(*headers, body=INNER, line=LINE, host=HOST):
    return line + host + JSON + b"".join(h + b"\r\n" for h in headers) + \
        b"\r\n" + body


def length(value):
    return with_headers(b"Content-Length: " + value)


def coding(value):
    return with_headers(b"Transfer-Encoding: " + value, body=CHUNKS)


def get(target):
    return b"GET " + target + b" HTTP/1.1\r\n" + HOST + b"\r\n" + INNER


N = b"Content-Length: %d" % len(INNER)

# Refused by us, in the shape of the API, wherever they stand.
OURS = {
    "length and chunked": with_headers(
        b"Content-Length: 4", b"Transfer-Encoding: chunked",
        body=b"0\r\n\r\n" + INNER),
    "chunked and length": with_headers(
        b"Transfer-Encoding: chunked", N, body=CHUNKS),
    "two lengths": with_headers(b"Content-Length: 0", N),
    "two equal lengths": with_headers(N, N),
    "coding identity": coding(b"identity"),
    "coding gzip, chunked": coding(b"gzip, chunked"),
    "coding chunked, identity": coding(b"chunked, identity"),
    "coding xchunked": coding(b"xchunked"),
    "coding chunked;": coding(b"chunked;"),
    "coding with a space": coding(b"chunked "),
    "coding with a vertical tab": coding(b"\x0bchunked"),
    "coding empty": coding(b""),
    "two codings": with_headers(b"Transfer-Encoding: chunked",
                                b"Transfer-Encoding: identity", body=CHUNKS),
    "coding in HTTP/1.0": with_headers(
        b"Transfer-Encoding: chunked", body=CHUNKS,
        line=b"POST /t/echo HTTP/1.0\r\n"),
    "folded value": with_headers(b"X-A: 1", b" folded", N),
    "folded by a tab": with_headers(b"X-A: 1", b"\tfolded", N),
    "folded coding": with_headers(b"Transfer-Encoding:", b" chunked",
                                  body=CHUNKS),
    "folded first line": with_headers(N, host=b" X: y\r\n" + HOST),
    "space before the colon": with_headers(
        b"Content-Length : %d" % len(INNER)),
    "tab before the colon": with_headers(
        b"Transfer-Encoding\t: chunked", body=CHUNKS),
    "empty name": with_headers(b": x", N),
    "name with a control": with_headers(b"X\x01A: a", N),
    "name with a bracket": with_headers(b"X(A: a", N),
    "name with a high byte": with_headers(b"X\xe4: a", N),
    "bare CR in a value": with_headers(b"X-A: a\rX-B: b", N),
    "no Host": with_headers(N, host=b""),
    "two Hosts": with_headers(N, b"Host: other"),
    "bare LF behind the request line": with_headers(
        N, line=b"POST /t/echo HTTP/1.1\n"),
    "bare LF behind a header": with_headers(b"X-A: a\nX-B: b", N),
    "bare LF at the end": LINE + HOST + N + b"\r\n\n" + INNER,
    "bad escape in the path": get(b"/t/%zz"),
    "cut escape in the path": get(b"/t/const%4"),
    "escaped NUL in the path": get(b"/t/const%00"),
    "NUL in the path": get(b"/t/const\0x"),
    "NUL in the query": get(b"/t/const?a\0b"),
    "space in the path": get(b"/t/const x"),
    "two spaces": get(b" /t/const"),
    "tab in the path": get(b"/t/\tconst"),
    "high byte in the path": get(b"/t/\xe4"),
    "absolute form": get(b"http://other.example/t/const"),
    "asterisk form": get(b"*"),
    "method with a bracket": b"G[T /t/const HTTP/1.1\r\n" + HOST + b"\r\n"
                             + INNER,
}
for c in (0, 1, 8, 0x0b, 0x1f, 0x7f):
    OURS["control %02x in a value" % c] = with_headers(
        b"X-A: a" + bytes([c]) + b"b", N)

# The library refuses these in its own words, unless they are the first on a
# connection, where they are seen before it parses them.
LIBRARYS = {"length " + repr(v): length(v) for v in (
    b"+%d" % len(INNER), b"-1", b"0x10", b"1e2", b"", b"1.0", b"10 ",
    b"1 0", b"%d, %d" % (len(INNER), len(INNER)), b"9" * 30)}
LIBRARYS["header without a colon"] = with_headers(b"X-A", N)
LIBRARYS["NUL in a name"] = with_headers(b"X\0A: a", N)

# Nothing but a closed connection or one refusal may come of these.
OTHERS = {
    "chunk size with a sign": with_headers(
        b"Transfer-Encoding: chunked", body=b"+" + CHUNKS),
    "chunk size with 0x": with_headers(
        b"Transfer-Encoding: chunked", body=b"0x" + CHUNKS),
    "chunk size with a space": with_headers(
        b"Transfer-Encoding: chunked", body=CHUNKS.replace(b"\r", b" \r", 1)),
    "chunk size too long": with_headers(
        b"Transfer-Encoding: chunked", body=b"f" * 17 + CHUNKS),
    "chunk without its end": with_headers(
        b"Transfer-Encoding: chunked", body=CHUNKS.replace(b"\r\n0", b"xx0")),
    "HTTP/2.0": with_headers(N, line=b"POST /t/echo HTTP/2.0\r\n"),
    "HTTP/0.9": b"GET /t/const\r\n" + INNER,
    "space behind the version": with_headers(
        N, line=b"POST /t/echo HTTP/1.1 \r\n"),
    "lower-case version": with_headers(N, line=b"POST /t/echo http/1.1\r\n"),
    "no target": with_headers(N, line=b"POST HTTP/1.1\r\n"),
}


@pytest.fixture(scope="module")
def server():
    with running() as s:
        yield s


def everything(client):
    """All that comes until the server closes."""
    try:
        while client.more():
            pass
    except ConnectionResetError:
        pass
    return client.rest


def assert_refused_alone(server, name, data, first):
    """One refusal, an end, and no trace of the request inside."""
    with Client(server) as c:
        if first:
            c.send(first)
            assert c.answer().status == 200
        c.send(data)
        answer = c.answer()
        assert c.is_closed()
    assert answer.status == 400
    assert answer.headers["connection"] == "close"
    rid = answer.headers["x-request-id"]
    assert HEX_ID.match(rid)
    line = server.line_of(rid)
    assert line["status"] == 400
    assert line["code"] == "bad_request"
    assert not line["aborted"]
    assert not [x for x in server.log() if x["id"] == "smuggled"], name
    return answer


@pytest.mark.parametrize("first", [b"", request("/t/const"),
                                   request("/t/worker")],
                         ids=["first", "second", "behind a worker's"])
@pytest.mark.parametrize("name", sorted(OURS))
def test_it_is_400_in_the_apis_shape(server, name, first):
    answer = assert_refused_alone(server, name, OURS[name], first)
    if name not in ("absolute form", "asterisk form", "two spaces",
                    "NUL in the path"):
        assert answer.json()["code"] == "bad_request"


@pytest.mark.parametrize("name", sorted(LIBRARYS))
def test_the_first_on_a_connection_is_400_in_the_apis_shape(server, name):
    answer = assert_refused_alone(server, name, LIBRARYS[name], b"")
    assert answer.json()["code"] == "bad_request"


@pytest.mark.parametrize("name", sorted(LIBRARYS))
def test_a_later_one_is_refused_by_the_library(server, name):
    before = len(server.log())
    with Client(server) as c:
        c.send(request("/t/const")).answer()
        c.send(LIBRARYS[name])
        raw = everything(c)
    assert raw.split()[1] in (b"400", b"413")
    assert b"smuggled" not in raw
    wait_for(lambda: len(server.log()) == before + 2, "two lines")
    assert server.log()[-1]["status"] in (400, 413)
    assert not server.log()[-1]["parsed"]
    assert not [x for x in server.log() if x["id"] == "smuggled"]


@pytest.mark.parametrize("name", sorted(OTHERS))
def test_what_is_no_request_is_refused_or_cut(server, name):
    with Client(server) as c:
        c.send(OTHERS[name])
        raw = everything(c)
    assert not raw or raw.split()[1] in (b"400", b"413", b"505")
    assert b"smuggled" not in raw
    assert not [x for x in server.log() if x["id"] == "smuggled"]


def test_trailers_mean_nothing(server):
    body = b"2\r\n[]\r\n0\r\nContent-Length: 9\r\nHost: other\r\n\r\n"
    with Client(server) as c:
        c.send(with_headers(b"Transfer-Encoding: chunked", body=body))
        assert c.answer().body == b"[]"
        assert c.send(request("/t/const")).answer().status == 200


def test_names_and_codings_are_read_in_any_case(server):
    with Client(server) as c:
        c.send(LINE + b"hOST: x\r\ncontent-TYPE: application/json\r\n"
               b"TRANSFER-encoding: Chunked\r\n\r\n2\r\n[]\r\n0\r\n\r\n")
        assert c.answer().body == b"[]"


def test_what_is_fine_is_not_refused(server):
    for extra in (b"X-A:", b"X-A:a", b"X-A: \t a\tb  ", b"X-A: \xe4\xf6",
                  b"X-!#$%&'*+-.^_`|~9: x"):
        with Client(server) as c:
            c.send(with_headers(extra, b"Content-Length: 2", body=b"[]"))
            assert c.answer().status == 200, extra
