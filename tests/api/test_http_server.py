"""The HTTP server alone, driven by raw sockets.

The program under test is tests/unit/http/server_main.c, named by the
environment variable TB_HTTP_TEST_SERVER. Each of its answers leaves one JSON
line on its standard output.
"""

import contextlib
import gzip
import json
import os
import re
import signal
import socket
import subprocess
import threading
import time

import pytest

PROGRAM = os.environ.get("TB_HTTP_TEST_SERVER")
DEADLINE_S = 30
HEX_ID = re.compile(r"^[0-9a-f]{32}$")

pytestmark = pytest.mark.skipif(
    not PROGRAM, reason="TB_HTTP_TEST_SERVER is not set")


@pytest.fixture(scope="session", autouse=True)
def program():
    """These tests need no tombolo."""


def wait_for(condition, what):
    end = time.monotonic() + DEADLINE_S
    while not condition():
        assert time.monotonic() < end, "waited for " + what
        time.sleep(0.005)


class Answer:
    def __init__(self, head, body):
        lines = head.decode("latin-1").split("\r\n")
        self.status = int(lines[0].split()[1])
        self.fields = [x.split(": ", 1) for x in lines[1:]]
        self.headers = {k.lower(): v for k, v in self.fields}
        self.body = body

    def json(self):
        return json.loads(self.body)

    def all(self, name):
        return [v for k, v in self.fields if k.lower() == name.lower()]


class Client:
    """One connection; reads answers one after the other."""

    def __init__(self, server, host="127.0.0.1"):
        self.sock = socket.create_connection((host, server.port), DEADLINE_S)
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.rest = b""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.sock.close()

    def send(self, data):
        self.sock.sendall(data)
        return self

    def more(self):
        part = self.sock.recv(65536)
        self.rest += part
        return bool(part)

    def head(self):
        while b"\r\n\r\n" not in self.rest:
            assert self.more(), "closed before a whole head: %r" % self.rest
        head, _, self.rest = self.rest.partition(b"\r\n\r\n")
        return head

    def answer(self, method="GET"):
        """The next answer, after any number of 100 Continue."""
        head = self.head()
        while head.startswith(b"HTTP/1.1 100"):
            head = self.head()
        a = Answer(head, b"")
        n = int(a.headers.get("content-length", 0))
        if method == "HEAD" or a.status in (204, 304):
            n = 0
        while len(self.rest) < n:
            assert self.more(), "closed inside a body"
        a.body, self.rest = self.rest[:n], self.rest[n:]
        return a

    def is_closed(self):
        """True once the server has closed; False: it has sent more."""
        try:
            return not self.rest and not self.more()
        except ConnectionResetError:
            return True


class Server:
    def __init__(self, **options):
        args = []
        for name, value in options.items():
            for v in value if isinstance(value, list) else [value]:
                args.append("%s=%s" % (name, v))
        self.process = subprocess.Popen([PROGRAM] + args, text=True,
                                        stdout=subprocess.PIPE)
        first = self.process.stdout.readline().split()
        assert first[:1] == ["port"], first
        self.port = int(first[1])
        self.lines = []
        self.reader = threading.Thread(target=self.read, daemon=True)
        self.reader.start()

    def read(self):
        for line in self.process.stdout:
            self.lines.append(line.strip())

    def log(self):
        return [json.loads(x) for x in self.lines if x.startswith("{")]

    def line_of(self, request_id):
        """The only line of a request, once it is there."""
        wait_for(lambda: any(x["id"] == request_id for x in self.log()),
                 "the line of " + request_id)
        found = [x for x in self.log() if x["id"] == request_id]
        assert len(found) == 1, found
        return found[0]

    def rss_kib(self):
        with open("/proc/%d/status" % self.process.pid) as f:
            return int(re.search(r"VmRSS:\s+(\d+)", f.read()).group(1))

    def waiting(self):
        return int(self.get("/t/waiting").body)

    def get(self, path, *headers, method="GET"):
        with Client(self) as c:
            return c.send(request(path, *headers, method=method)).answer(
                method)

    def post(self, path, body, *headers, kind="application/json"):
        with Client(self) as c:
            return c.send(post(path, body, *headers, kind=kind)).answer()

    def stop(self):
        """TERM; nothing may leak, neither memory nor principals."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        code = self.process.wait(DEADLINE_S)
        self.reader.join(DEADLINE_S)
        assert code == 0
        assert self.lines[-1] == "stopped 0"


def request(path, *headers, method="GET", host="127.0.0.1", body=b""):
    lines = ["%s %s HTTP/1.1" % (method, path)]
    if host is not None:
        lines.append("Host: " + host)
    lines += headers
    return "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + body


def post(path, body, *headers, kind="application/json"):
    lines = list(headers) + ["Content-Length: %d" % len(body)]
    if kind:
        lines.append("Content-Type: " + kind)
    return request(path, *lines, method="POST", body=body)


def chunked(path, pieces, *headers, kind="application/json"):
    lines = list(headers) + ["Transfer-Encoding: chunked",
                             "Content-Type: " + kind]
    body = b"".join(b"%x\r\n%s\r\n" % (len(p), p) for p in pieces)
    return request(path, *lines, method="POST", body=body + b"0\r\n\r\n")


@contextlib.contextmanager
def running(**options):
    s = Server(**options)
    try:
        yield s
    finally:
        s.stop()


@pytest.fixture(scope="module")
def server():
    with running() as s:
        yield s


# --- answers -----------------------------------------------------------------

@pytest.mark.parametrize("path", ["/t/const", "/t/worker", "/t/maybe"])
def test_a_route_answers_from_memory_and_from_a_worker(server, path):
    a = server.get(path)
    assert a.status == 200
    assert a.json() == {"ok": True}
    assert a.headers["content-type"] == "application/json"


def test_every_answer_has_an_id_and_is_not_cached_and_names_no_server(server):
    for path in ("/t/const", "/t/nope", "/nope", "/t/fail?err=1"):
        a = server.get(path)
        assert HEX_ID.match(a.headers["x-request-id"])
        assert a.headers["cache-control"] == "no-store"
        assert "server" not in a.headers


def test_a_handler_may_say_how_its_answer_is_cached(server):
    a = server.get("/t/blob")
    assert a.all("cache-control") == ["max-age=5"]
    assert len(a.body) >= 200 * 1024


def test_ids_differ(server):
    ids = {server.get("/t/const").headers["x-request-id"] for _ in range(200)}
    assert len(ids) == 200


@pytest.mark.parametrize("given,kept", [
    ("abc-1.2_Z", True), ("x" * 64, True), ("x" * 65, False), ("", False),
    ("a b", False), ("a\"b", False), ("ä", False)])
def test_a_valid_id_of_the_client_is_kept(server, given, kept):
    a = server.get("/t/const", "X-Request-Id: " + given)
    got = a.headers["x-request-id"]
    assert (got == given) == kept
    if not kept:
        assert HEX_ID.match(got)


def test_each_request_is_told_once(server):
    a = server.post("/t/echo", b'{"a":1}')
    line = server.line_of(a.headers["x-request-id"])
    assert line == {
        "id": a.headers["x-request-id"], "route": "/echo", "method": "POST",
        "address": "127.0.0.1", "status": 200, "code": "", "in": 7, "out": 7,
        "aborted": False, "parsed": True}


def test_an_unknown_path_is_404_in_the_shape_of_its_api(server):
    assert server.get("/t/nope").json()["code"] == "not_found"
    assert server.get("/nope").json() == {"error": "not found"}
    assert server.get("/tt").status == 404
    assert server.get("/t/const/").status == 404


def test_a_wrong_method_is_405_and_says_which(server):
    a = server.get("/t/const", method="DELETE")
    assert a.status == 405
    assert a.headers["allow"] == "GET, HEAD"
    assert a.json()["code"] == "method_not_allowed"
    a = server.get("/t/items/1/2", method="PATCH")
    assert a.headers["allow"] == "GET, HEAD, DELETE"
    assert server.get("/t/const", method="BREW").status == 405
    assert server.get("/t/const", method="get").status == 405


def test_captures_are_decoded(server):
    a = server.get("/t/items/a%2Fb/%C3%A4+c")
    assert a.json() == {"id": "a/b", "name": "ä+c",
                        "route": "/items/{id}/{name}",
                        "path": "/t/items/a%2Fb/%C3%A4+c"}
    assert server.get("/t/items/%FF/x").status == 400
    assert server.get("/t/items//x").status == 404


@pytest.mark.parametrize("query,x", [
    ("", None), ("?", None), ("?x", ""), ("?x=", ""), ("?x=1&x=2", "1"),
    ("?y=1&x=a+b%26", "a b&"), ("?xx=1", None), ("?%78=1", "1"),
    ("?&&x=1&", "1"), ("?a=%zz&x=1", "1")])
def test_a_parameter_is_read_as_it_was_meant(server, query, x):
    assert server.get("/t/query" + query).json() == {"x": x}


@pytest.mark.parametrize("query", ["?x=%", "?x=%4", "?x=%zz", "?x=%00",
                                   "?x=%ff", "?x=%c0%80", "?x=%ed%a0%80"])
def test_a_parameter_that_cannot_be_read_is_400(server, query):
    assert server.get("/t/query" + query).status == 400


def test_head_is_get_without_the_body(server):
    with Client(server) as c:
        c.send(request("/t/blob", method="HEAD"))
        a = c.answer("HEAD")
        assert a.status == 200
        assert int(a.headers["content-length"]) >= 200 * 1024
        assert c.send(request("/t/const")).answer().status == 200
    assert server.line_of(a.headers["x-request-id"])["out"] == 0


def test_an_answer_may_have_no_body(server):
    a = server.get("/t/gate/shut")
    assert a.status == 204
    assert a.body == b""
    assert "content-type" not in a.headers


@pytest.mark.parametrize("err,status,retry", [
    (1, 503, True), (2, 400, False), (5, 404, False), (7, 409, False),
    (10, 503, True), (15, 503, True), (16, 500, False)])
def test_a_failure_has_one_status(server, err, status, retry):
    a = server.get("/t/fail?err=%d" % err)
    assert a.status == status
    assert ("retry-after" in a.headers) == retry
    assert server.line_of(a.headers["x-request-id"])["code"] == \
        a.json()["code"]


# --- gzip out ----------------------------------------------------------------

def test_a_long_answer_is_packed_for_those_who_take_it(server):
    a = server.get("/t/big?n=100000", "Accept-Encoding: gzip")
    assert a.headers["content-encoding"] == "gzip"
    assert a.headers["vary"] == "Accept-Encoding"
    assert len(a.body) < 10000
    assert len(gzip.decompress(a.body)) == 100000
    assert server.line_of(a.headers["x-request-id"])["out"] == len(a.body)


@pytest.mark.parametrize("path,accept", [
    ("/t/big?n=100000", None), ("/t/big?n=100000", "gzip;q=0"),
    ("/t/big?n=100000", "br"), ("/t/big?n=1000", "gzip")])
def test_others_get_it_as_it_is(server, path, accept):
    extra = ["Accept-Encoding: " + accept] if accept else []
    a = server.get(path, *extra)
    assert "content-encoding" not in a.headers
    assert len(a.body) == int(path.split("=")[1])
    assert ("vary" in a.headers) == (len(a.body) >= 1024)


# --- callers -----------------------------------------------------------------

@pytest.mark.parametrize("who", ["user", "slow"])
def test_a_caller_is_known_at_once_or_after_a_while(server, who):
    a = server.get("/t/user", "Authorization: " + who)
    assert a.json()["name"] == "the-user"


@pytest.mark.parametrize("who,status,code", [
    (None, 401, "missing"), ("wrong", 401, "wrong"),
    ("slowly wrong", 401, "wrong"), ("site", 403, "forbidden")])
def test_who_may_not_is_refused(server, who, status, code):
    extra = ["Authorization: " + who] if who else []
    a = server.get("/t/user", *extra)
    assert a.status == status
    assert a.json()["code"] == code
    assert (status == 401) == ("www-authenticate" in a.headers)


def test_an_api_may_say_itself_who_is_not_one_of_its_callers(server):
    a = server.get("/own/user", "Authorization: site")
    assert a.status == 403
    assert a.json()["code"] == "not_yours"
    assert server.line_of(a.headers["x-request-id"])["code"] == "not_yours"
    assert server.get("/own/user", "Authorization: user").status == 200
    assert server.get("/own/user", "Authorization: x").status == 401


def test_credentials_are_looked_at_where_they_are_not_needed(server):
    assert server.get("/t/optional").json()["name"] is None
    a = server.get("/t/optional", "Authorization: user")
    assert a.json()["name"] == "the-user"
    assert server.get("/t/optional", "Authorization: x").status == 401
    assert server.get("/t/whoami", "Authorization: x").status == 200


@pytest.mark.parametrize("who", [None, "wrong", "slowly wrong"])
def test_a_refused_callers_body_is_not_waited_for(server, who):
    extra = ["Authorization: " + who] if who else []
    with Client(server) as c:
        c.send(request("/t/private", "Content-Length: 50000000",
                       "Content-Type: application/json", *extra,
                       method="POST", body=b"x" * 1000))
        a = c.answer()
        assert a.status == 401
        assert a.headers["connection"] == "close"
        assert c.is_closed()


@pytest.mark.parametrize("who", ["user", "slow"])
def test_who_needs_more_is_refused_before_the_body(server, who):
    with Client(server) as c:
        c.send(request("/own/needs", "Content-Length: 50000000",
                       "Content-Type: text/plain", "Authorization: " + who,
                       method="POST", body=b"x" * 1000))
        a = c.answer()
        assert (a.status, a.json()["code"]) == (403, "may_not")
        assert c.is_closed()
    a = server.post("/own/needs", b"[1]" * 50000, "Authorization: " + who,
                    "X-May: yes")
    assert a.body == b"150000"


def test_who_is_refused_is_not_asked_what_it_may(server):
    for who, code in ((None, "missing"), ("x", "wrong"), ("site", "not_yours")):
        extra = ["Authorization: " + who] if who else []
        assert server.post("/own/needs", b"1", *extra).json()["code"] == code


def test_a_permitted_callers_body_is_read(server):
    for who in ("user", "slow"):
        a = server.post("/t/private", b"[1]" * 50000, "Authorization: " + who)
        assert a.body == b"150000"


# --- bodies ------------------------------------------------------------------

@pytest.mark.parametrize("n", [1, 3000, 5000, 70000, 3000000])
def test_a_body_comes_through_whole(server, n):
    body = bytes(97 + i % 26 for i in range(n))
    assert server.post("/t/echo", body).body == body
    with Client(server) as c:
        pieces = [body[i:i + 777] for i in range(0, n, 777)]
        assert c.send(chunked("/t/echo", pieces)).answer().body == body


def test_a_body_may_come_byte_by_byte(server):
    with Client(server) as c:
        for byte in chunked("/t/echo", [b"[1", b",2]"]):
            c.send(bytes([byte]))
        assert c.answer().body == b"[1,2]"


def test_an_empty_body_needs_no_type(server):
    assert server.post("/t/echo", b"", kind=None).body == b""
    assert server.get("/t/echo", method="POST").body == b""


@pytest.mark.parametrize("kind,status", [
    ("application/json", 200), ("application/json; charset=utf-8", 200),
    ("Application/JSON;charset=\"UTF-8\"", 200), ("text/plain", 415),
    ("application/json; charset=latin1", 415), (None, 415),
    ("application/jsonx", 415), ("application/x-www-form-urlencoded", 415)])
def test_a_body_is_json_unless_the_route_takes_anything(server, kind, status):
    with Client(server) as c:
        a = c.send(post("/t/echo", b"[]", kind=kind)).answer()
        assert a.status == status
        # The body was short, so the connection is still good.
        assert c.send(post("/t/any", b"[]", kind=kind)).answer().status == 200


def test_a_body_on_get_is_read_and_ignored(server):
    with Client(server) as c:
        c.send(request("/t/const", "Content-Length: 5", body=b"hello"))
        assert c.answer().status == 200
        c.send(request("/t/worker", "Transfer-Encoding: chunked",
                       body=b"5\r\nhello\r\n0\r\n\r\n"))
        assert c.answer().status == 200
        assert c.send(request("/t/const")).answer().status == 200
        c.send(request("/t/const", "Content-Length: 70000"))
        assert c.answer().status == 413


def test_gzip_is_unpacked_as_it_comes(server):
    body = b"[" + b"1," * 200000 + b"1]"
    packed = gzip.compress(body)
    a = server.post("/t/echo", packed, "Content-Encoding: gzip")
    assert a.body == body
    with Client(server) as c:
        pieces = [packed[i:i + 99] for i in range(0, len(packed), 99)]
        c.send(chunked("/t/echo", pieces, "Content-Encoding: x-gzip"))
        assert c.answer().body == body


@pytest.mark.parametrize("cut", [1, 8, 100, 5])
def test_gzip_that_is_cut_off_is_400(server, cut):
    packed = gzip.compress(bytes(range(256)) * 40)
    a = server.post("/t/echo", packed[:-cut], "Content-Encoding: gzip")
    assert a.status == 400
    assert a.json()["code"] == "bad_request"


def test_gzip_that_is_none_is_400(server):
    damaged = bytearray(gzip.compress(b"x" * 1000))
    damaged[-6] ^= 1
    for body in (b"[]", bytes(damaged), b"\x1f\x8b" + b"\xff" * 3000):
        a = server.post("/t/echo", body, "Content-Encoding: gzip")
        assert a.status == 400, body


def test_other_codings_are_415_and_told_what_is_taken(server):
    for coding in ("br", "gzip, gzip", "deflate"):
        a = server.post("/t/echo", b"[]", "Content-Encoding: " + coding)
        assert a.status == 415
        assert a.headers["accept-encoding"] == "gzip"
    assert server.post("/t/echo", b"[]",
                       "Content-Encoding: identity").status == 200


# --- connections -------------------------------------------------------------

def test_requests_in_a_row_are_answered_in_order(server):
    paths = ["/t/const", "/t/worker", "/t/nope", "/t/user", "/t/big?n=9000",
             "/t/maybe"]
    data = b"".join(request(p, "X-Request-Id: %d" % i)
                    for i, p in enumerate(paths))
    with Client(server) as c:
        c.send(data + post("/t/echo", b"[1]") + request("/t/const"))
        answers = [c.answer() for _ in range(len(paths) + 2)]
    assert [a.status for a in answers] == [200, 200, 404, 401, 200, 200, 200,
                                           200]
    assert [a.headers["x-request-id"] for a in answers[:6]] == list("012345")
    assert answers[6].body == b"[1]"


def test_close_and_http_1_0_end_the_connection(server):
    with Client(server) as c:
        c.send(request("/t/worker", "Connection: close"))
        assert c.answer().status == 200
        assert c.is_closed()
    with Client(server) as c:
        c.send(b"GET /t/const HTTP/1.0\r\n\r\n")
        assert c.answer().status == 200
        assert c.is_closed()


def test_expect_100_is_told_to_go_on(server):
    with Client(server) as c:
        c.send(request("/t/echo", "Content-Length: 3",
                       "Content-Type: application/json",
                       "Expect: 100-continue", method="POST"))
        assert c.head() == b"HTTP/1.1 100 Continue"
        assert c.send(b"[1]").answer().body == b"[1]"


@pytest.mark.parametrize("headers,status", [
    (["Content-Length: 100000000", "Content-Type: application/json"], 413),
    (["Content-Length: 3", "Content-Type: text/xml"], 415)])
def test_expect_100_is_refused_at_once(server, headers, status):
    with Client(server) as c:
        c.send(request("/t/echo", "Expect: 100-continue", *headers,
                       method="POST"))
        assert c.head().startswith(b"HTTP/1.1 %d" % status)


def test_expect_100_is_refused_before_a_strangers_body(server):
    with Client(server) as c:
        c.send(request("/t/private", "Expect: 100-continue",
                       "Content-Length: 3", method="POST"))
        assert c.head().startswith(b"HTTP/1.1 401")


@pytest.mark.parametrize("missing", [1, 5000, 10003])
def test_a_client_that_goes_away_is_told_as_aborted(server, missing):
    rid = "gone-%d" % missing
    whole = post("/t/echo", b"[" + b"1," * 5000 + b"1]",
                 "X-Request-Id: " + rid)
    with Client(server) as c:
        c.send(whole[:-missing])
    line = server.line_of(rid)
    assert line["aborted"]
    assert line["status"] == 0


def test_a_client_that_goes_away_in_a_head_is_told_as_aborted(server):
    before = len(server.log())
    with Client(server) as c:
        c.send(request("/t/const")[:-2])
    wait_for(lambda: len(server.log()) > before, "the line")
    line = server.log()[-1]
    assert line["aborted"]
    assert not line["parsed"]


@pytest.mark.parametrize("data", [
    request("/t/wait"), request("/t/wait", "Authorization: slow"),
    post("/t/wait", b"[]"), post("/t/wait", b"[1]" * 5000)])
def test_a_client_may_close_its_sending_direction(server, data):
    with Client(server) as c:
        c.send(data)
        c.sock.shutdown(socket.SHUT_WR)
        wait_for(lambda: server.waiting() == 1, "the handler")
        server.get("/t/gate/open")
        assert c.answer().status == 200
        server.get("/t/gate/shut")
        assert c.is_closed()


def test_a_client_that_does_not_wait_for_its_answer_is_told_once(server):
    with Client(server) as c:
        c.send(request("/t/wait", "X-Request-Id: impatient"))
        wait_for(lambda: server.waiting() == 1, "the handler")
    server.get("/t/gate/open")
    assert server.line_of("impatient")["status"] == 200
    server.get("/t/gate/shut")


def test_ipv6_is_served():
    with running(listen="[::1]:0") as s:
        with Client(s, "::1") as c:
            a = c.send(request("/t/whoami")).answer()
            assert a.json()["address"] == "::1"


def test_a_taken_address_and_a_bad_option_are_errors(server):
    for args, name in ((["listen=127.0.0.1:%d" % server.port], "BUSY"),
                       (["listen=nonsense"], "INVALID"),
                       (["listen=127.0.0.1:99999"], "INVALID"),
                       (["proxy=10.0.0.0/33"], "INVALID"),
                       (["origin=*"], "INVALID"),
                       (["origin=https://a.example/path"], "INVALID")):
        out = subprocess.run([PROGRAM] + args, stdout=subprocess.PIPE,
                             text=True, timeout=DEADLINE_S)
        assert out.stdout == "error %s\n" % name


# --- where a client is -------------------------------------------------------

def test_a_trusted_proxys_word_is_taken():
    with running(proxy=["127.0.0.0/8", "10.0.0.0/8"]) as s:
        for headers, address in (
                ([], "127.0.0.1"),
                (["X-Forwarded-For: 1.2.3.4"], "1.2.3.4"),
                (["X-Forwarded-For: 6.6.6.6, 1.2.3.4, 10.1.1.1"], "1.2.3.4"),
                (["X-Forwarded-For: 6.6.6.6", "X-Forwarded-For: 1.2.3.4"],
                 "1.2.3.4"),
                (['Forwarded: for="[2001:db8::1]:80";proto=http'],
                 "2001:db8::1"),
                (["X-Forwarded-For: 1.2.3.4, junk"], "127.0.0.1")):
            a = s.get("/t/whoami", *headers)
            assert a.json()["address"] == address, headers
            line = s.line_of(a.headers["x-request-id"])
            assert line["address"] == address


def test_anybody_elses_is_not(server):
    a = server.get("/t/whoami", "X-Forwarded-For: 1.2.3.4",
                   "Forwarded: for=1.2.3.4")
    assert a.json()["address"] == "127.0.0.1"


# --- other origins -----------------------------------------------------------

ALLOWED = "Origin: https://a.example"
FOREIGN = "Origin: https://b.example"


@pytest.fixture(scope="module")
def cors():
    with running(origin="https://a.example") as s:
        yield s


def test_an_allowed_origin_may_read(cors):
    for path in ("/t/const", "/t/worker", "/t/nope", "/t/user"):
        a = cors.get(path, ALLOWED)
        assert a.headers["access-control-allow-origin"] == "https://a.example"
        assert "X-Request-Id" in a.headers["access-control-expose-headers"]
        assert "Origin" in a.headers["vary"]


def test_a_foreign_origin_is_served_but_may_not_read(cors):
    a = cors.get("/t/const", FOREIGN)
    assert a.status == 200
    assert not [h for h in a.headers if h.startswith("access-control")]
    assert "Origin" in a.headers["vary"]


def test_a_preflight_is_answered_from_the_routes(cors):
    ask = ["Access-Control-Request-Method: DELETE",
           "Access-Control-Request-Headers: authorization,x-a"]
    a = cors.get("/t/items/1/2", ALLOWED, *ask, method="OPTIONS")
    assert a.status == 204
    assert a.headers["access-control-allow-methods"] == "GET, HEAD, DELETE"
    assert a.headers["access-control-allow-headers"] == "authorization,x-a"
    assert a.headers["access-control-allow-origin"] == "https://a.example"
    assert "Origin" in a.headers["vary"]
    a = cors.get("/t/items/1/2", FOREIGN, *ask, method="OPTIONS")
    assert a.status == 204
    assert not [h for h in a.headers if h.startswith("access-control")]
    assert cors.get("/t/items/1/2", method="OPTIONS").status == 405


def exposed(answer):
    return {x.strip() for v in answer.all("access-control-expose-headers")
            for x in v.split(",")}


def test_scripts_may_read_the_headers_that_an_api_names(cors):
    common = exposed(cors.get("/t/const", ALLOWED))
    assert {"ETag", "Retry-After", "X-Request-Id"} <= common
    own = exposed(cors.get("/own/user", ALLOWED, "Authorization: user"))
    assert own == common | {"X-One", "X-Two"}


def test_scripts_may_send_preferences_and_entity_tags(cors):
    a = cors.get("/t/items/1/2", ALLOWED,
                 "Access-Control-Request-Method: GET",
                 "Access-Control-Request-Headers: if-none-match,prefer",
                 method="OPTIONS")
    assert a.headers["access-control-allow-headers"] == "if-none-match,prefer"


def test_without_a_list_nobody_may_read(server):
    a = server.get("/t/const", ALLOWED)
    assert not [h for h in a.headers if h.startswith("access-control")]
    assert "vary" not in a.headers


def test_the_list_is_replaced_while_it_runs():
    with running(origin="https://a.example") as s:
        with Client(s) as c:
            a = c.send(request("/t/const", ALLOWED)).answer()
            assert "access-control-allow-origin" in a.headers
            s.process.send_signal(signal.SIGHUP)
            wait_for(lambda: "reloaded" in s.lines, "the reload")
            a = c.send(request("/t/const", ALLOWED)).answer()
            assert "access-control-allow-origin" not in a.headers


# --- what is for this machine only -------------------------------------------

@pytest.fixture(scope="module")
def demo():
    with running(loopback_only=1) as s:
        yield s


@pytest.fixture(params=["server", "api"])
def loopback(request):
    """What only this machine may ask: a whole server, and one API of one."""
    if request.param == "server":
        return request.getfixturevalue("demo"), "/t/const"
    return request.getfixturevalue("server"), "/local/const"


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost:8000", "[::1]:80",
                                  "LOCALHOST"])
def test_a_loopback_host_is_served(loopback, host):
    at, path = loopback
    with Client(at) as c:
        assert c.send(request(path, host=host)).answer().status == 200


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example",
                                  "localhost.", "", "10.0.0.1", "[::2]",
                                  "127.0.0.1:x"])
def test_another_host_is_403(loopback, host):
    at, path = loopback
    with Client(at) as c:
        a = c.send(request(path, host=host)).answer()
        assert a.status == 403
        assert a.json()["code"] == "forbidden"


@pytest.mark.parametrize("header", [
    "Forwarded: for=1.2.3.4", "X-Forwarded-For: 127.0.0.1", "Via: 1.1 x",
    "X-Forwarded-Proto: https", "x-real-ip: 127.0.0.1", FOREIGN,
    "Origin: null", "Origin: http://localhost.evil.example"])
def test_a_proxy_or_a_foreign_page_is_403(loopback, header):
    at, path = loopback
    a = at.get(path, header)
    assert a.status == 403
    assert a.json()["code"] == "forbidden"
    assert not [h for h in a.headers if h.startswith("access-control")]


@pytest.mark.parametrize("origin", ["http://localhost:3000", "http://[::1]",
                                    "https://127.0.0.1:8443"])
def test_a_page_of_this_machine_may_read(loopback, origin):
    at, path = loopback
    a = at.get(path, "Origin: " + origin)
    assert a.status == 200
    assert a.headers["access-control-allow-origin"] == origin


def test_what_is_beside_such_an_api_is_for_everybody(server):
    for header in ("Via: 1.1 x", FOREIGN):
        assert server.get("/local/nope", header).status == 403
        assert server.get("/t/const", header).status == 200
        assert server.get("/nope", header).status == 404
    with Client(server) as c:
        c.send(request("/t/const", host="evil.example"))
        assert c.answer().status == 200
    a = server.get("/t/const", "Origin: http://localhost:3000")
    assert "access-control-allow-origin" not in a.headers
