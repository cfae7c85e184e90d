"""Requests to a source's server: what goes wrong on the way, and that nothing
goes anywhere else."""

import base64
import email.utils
import gzip
import os
import signal
import ssl
import time

import pytest

from harness import wait_for
from sources import (CLIENT, PASSWORD, TOKEN, USER, Answer, Certificates,
                     Source, as_json, fails, finished, keys, only_failure,
                     read, records, reset, secret_file, started, turns)

pytestmark = pytest.mark.skipif(
    not CLIENT, reason="TB_CONNECTOR_TEST_CLIENT is not set")

GOOD = as_json([{"id": 1}, {"id": 2}])
MIB = 1 << 20


def raw(data):
    """Bytes as they are, and the end of the connection."""
    return lambda request, client: client.sendall(data)


# --- statuses ----------------------------------------------------------------

@pytest.mark.parametrize("status, may_pass, error", [
    (204, None, None), (304, False, "IO"), (400, False, "IO"),
    (401, False, "UNAUTHENTICATED"), (403, False, "UNAUTHENTICATED"),
    (404, False, "IO"), (408, True, "IO"), (410, False, "IO"),
    (422, False, "IO"), (429, True, "IO"), (500, True, "IO"),
    (503, True, "IO"), (599, True, "IO")])
def test_a_status_says_whether_it_may_pass(status, may_pass, error):
    with Source(turns(Answer(status))) as source:
        outcome = read("http", source)
    if status == 204:
        # No content is no array.
        fails(outcome, "answer_invalid", True)
        return
    failure = fails(outcome, "http_status", may_pass, error)
    assert failure["message"] == "GET /things: status %d" % status
    assert failure["retry_after_s"] == 0


@pytest.mark.parametrize("value, low, high", [
    ("7", 7, 7), ("2.0", 2, 2), ("0", 0, 0), ("soon", 0, 0), ("-5", 0, 0),
    ("99999999999999", 86400, 86400),
    (lambda: email.utils.formatdate(time.time() + 100, usegmt=True), 60, 100),
    (lambda: email.utils.formatdate(time.time() - 100, usegmt=True), 0, 0)])
@pytest.mark.parametrize("status", [429, 503])
def test_retry_after_comes_in_seconds_or_as_a_date(status, value, low, high):
    value = value() if callable(value) else value
    answer = Answer(status, headers=[("Retry-After", value)])
    with Source(turns(answer, GOOD)) as source:
        outcome = read("http", source, tries=2)
    assert low <= outcome.failures[0]["retry_after_s"] <= high
    assert outcome.status == 0 and keys(outcome) == ["1", "2"]


def test_what_cannot_pass_does_not_say_when_to_come_back():
    with Source(turns(Answer(400, headers=[("Retry-After", "7")]))) as source:
        assert only_failure(read("http", source))["retry_after_s"] == 0


def test_the_status_of_an_error_counts_whatever_becomes_of_its_body():
    head = b"HTTP/1.1 503 Busy\r\nContent-Length: 1000\r\n\r\nhalf"
    with Source(turns(raw(head))) as source:
        fails(read("http", source), "http_status", True)

    def for_ever(request, client):
        client.sendall(b"HTTP/1.1 503 Busy\r\n\r\n")
        while True:
            client.sendall(b"x" * 65536)
    with Source(for_ever) as source:
        fails(read("http", source), "http_status", True)


# --- answers that break off, and answers without end -------------------------

@pytest.mark.parametrize("data", [
    b"", b"HTTP/1.1 200 OK\r\n", b"HTTP/1.1 200 OK\r\nContent-Le",
    b"HTTP/1.1 302 Found\r\nLocation: /x\r\n", b"HTTP/1.1 400 Bad\r\nA: b\r\n",
    b"HTTP/1.1 100 Continue\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\n[{\"id\":1}",
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n[]\r\n",
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n9\r\n[{\"id\""])
@pytest.mark.parametrize("end", ["closed", "reset"])
def test_an_answer_that_breaks_off_is_cut_off_and_may_pass(data, end):
    def broken(request, client):
        client.sendall(data)
        if end == "reset":
            reset(client)
    with Source(turns(broken, GOOD)) as source:
        outcome = read("http", source, tries=2)
        assert len(source.requests) == 2
    assert [f["failure"] for f in outcome.failures] == ["cut_off"]
    assert outcome.failures[0]["may_pass"]
    assert keys(outcome) == ["1", "2"]


def test_nobody_there_may_pass():
    with Source(turns(GOOD)) as source:
        url = source.url
    fails(read("http", url), "connect", True)


@pytest.mark.parametrize("data", [
    b"220 mail.example ESMTP\r\n", b"\x16\x03\x01\x02\x00", b"{}"])
def test_what_is_no_http_is_invalid_and_may_pass(data):
    with Source(turns(raw(data))) as source:
        fails(read("http", source), "answer_invalid", True)


@pytest.mark.parametrize("head", [
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
    b"HTTP/1.1 200 OK\r\n\r\n"])
def test_a_body_without_end_is_cut_at_the_ceiling(head):
    sent = []

    def endless(request, client):
        piece = b"[" + b" " * 65535
        client.sendall(head)
        while True:
            client.sendall(b"10000\r\n%s\r\n" % piece if b"Transfer" in head
                           else piece)
            sent.append(len(piece))
    with Source(endless) as source:
        failure = fails(read("http", source, page_max_bytes=MIB), "too_large",
                        True, "TOO_LARGE")
    assert "page_max_bytes" in failure["message"]
    assert sum(sent) < 64 * MIB


def test_a_body_is_taken_up_to_the_ceiling_and_no_further():
    body = b'[{"id":1}' + b" " * 1000 + b"]"
    with Source(turns(Answer(body=body))) as source:
        assert keys(read("http", source, page_max_bytes=len(body))) == ["1"]
        fails(read("http", source, page_max_bytes=len(body) - 1), "too_large",
              True)
    with Source(turns(Answer(pieces=[body[:20], body[20:]]))) as source:
        assert keys(read("http", source, page_max_bytes=len(body))) == ["1"]
        fails(read("http", source, page_max_bytes=len(body) - 1), "too_large",
              True)


def test_headers_without_end_are_too_large():
    def endless(request, client):
        client.sendall(b"HTTP/1.1 200 OK\r\n")
        while True:
            client.sendall(b"X-More: " + b"x" * 1000 + b"\r\n")
    with Source(endless) as source:
        fails(read("http", source), "too_large", True)


def test_trailers_without_end_are_too_large():
    """libcurl keeps each of them, whatever is said of the body."""
    sent = []

    def endless(request, client):
        client.sendall(b"HTTP/1.1 200 OK\r\n"
                       b"Transfer-Encoding: chunked\r\n\r\n2\r\n[]\r\n0\r\n")
        for _ in range(1024):
            client.sendall(b"X-More: and more\r\n" * 1024)
            sent.append(True)
    with Source(endless) as source:
        fails(read("http", source), "too_large", True)
    assert len(sent) < 1024


def test_trailers_are_passed_over():
    answer = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" \
        b"a\r\n[{\"id\":1}]\r\n0\r\nLink: </more>; rel=\"next\"\r\n\r\n"
    with Source(lambda request, client: client.sendall(answer)) as source:
        assert keys(read("http", source, paging="link")) == ["1"]


@pytest.mark.parametrize("part", ["nothing", "head", "body"])
def test_a_server_that_dawdles_times_out(part):
    def slow(request, client):
        for piece in {"nothing": [], "head": [b"HTTP/1.1 200 OK\r\nX-A: "],
                      "body": [b"HTTP/1.1 200 OK\r\nContent-Length: 9999\r\n"
                               b"\r\n["]}[part]:
            client.sendall(piece)
        while not source.closing.wait(0.05):
            if part != "nothing":
                client.sendall(b" ")
    with Source(slow) as source:
        fails(read("http", source, timeout_s=1), "timeout", True, "TIMEOUT")


def test_redirects_share_the_time_of_one_request():
    """Five answers, none of which alone takes too long."""
    def slow(request, client):
        if source.closing.wait(0.7):
            return None
        return Answer(302, headers=[("Location", request.target + "x")])
    with Source(slow) as source:
        fails(read("http", source, timeout_s=2), "timeout", True)
        assert len(source.requests) < 5


@pytest.mark.parametrize("part", ["nothing", "body"])
def test_a_stop_ends_a_request(part):
    def stuck(request, client):
        if part == "body":
            client.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 9999\r\n\r\n[")
        source.closing.wait()
    with Source(stuck) as source:
        process = started("http", source, timeout_s=3600)
        wait_for(lambda: source.requests, "a request")
        process.send_signal(signal.SIGUSR1)
        fails(finished(process), "stopped", True, "CLOSED")


# --- packed ------------------------------------------------------------------

def test_a_packed_answer_is_unpacked():
    body = gzip.compress(b'[{"id":"packed"}]')
    answer = Answer(body=body, headers=[("Content-Encoding", "gzip")])
    with Source(turns(answer)) as source:
        outcome = read("http", source)
        assert "gzip" in source.requests[0].headers["accept-encoding"]
    assert records(outcome)[0]["body"] == '{"id":"packed"}'


def bomb(layers=1):
    body = b"[" + b" " * (64 * MIB) + b"]"
    for _ in range(layers):
        body = gzip.compress(body, 9)
    return body


@pytest.mark.parametrize("layers", [1, 2])
def test_a_bomb_bursts_at_the_ceiling(layers):
    body = bomb(layers)
    assert len(body) < MIB
    answer = Answer(body=body, headers=[
        ("Content-Encoding", ", ".join(["gzip"] * layers))])
    with Source(turns(answer)) as source:
        process = started("http", source, page_max_bytes=MIB)
        outcome = finished(process)
    fails(outcome, "too_large", True)


@pytest.mark.parametrize("body", [
    b"[]", b"\x1f\x8b\x08\0\0\0\0\0\0\x03nonsense"])
def test_what_is_not_packed_as_it_says_is_invalid(body):
    answer = Answer(body=body, headers=[("Content-Encoding", "gzip")])
    with Source(turns(answer)) as source:
        fails(read("http", source), "answer_invalid", True)


# --- redirects ---------------------------------------------------------------

def moved(status, location):
    return Answer(status, headers=[("Location", location)])


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("how", ["whole", "path", "relative"])
def test_a_redirect_on_the_same_host_is_followed(tmp_path, status, how):
    def respond(request, client):
        if request.target == "/v1/things":
            return moved(status, {"whole": source.url + "/v1/new?a=b",
                                  "path": "/v1/new?a=b",
                                  "relative": "new?a=b"}[how])
        return GOOD
    with Source(respond) as source:
        outcome = read("http", source.url + "/v1",
                       token_file=secret_file(tmp_path, TOKEN))
        assert source.targets() == ["/v1/things", "/v1/new?a=b"]
        assert [r.headers["authorization"] for r in source.requests] == [
            "Bearer " + TOKEN] * 2
    assert keys(outcome) == ["1", "2"]


@pytest.mark.parametrize("elsewhere", [
    "http://localhost:{port}/x", "http://127.0.0.1:{other}/x",
    "http://127.0.0.2:{port}/x", "//localhost:{port}/x",
    "https://127.0.0.1:{port}/x", "ftp://127.0.0.1:{port}/x",
    "file:///etc/passwd", "gopher://127.0.0.1:{other}/x",
    "http://user:pass@127.0.0.1:{port}/x", "http://127.0.0.1:{port}@evil/x",
    "http://127.0.0.1/x", "javascript:alert(1)"])
def test_a_redirect_to_elsewhere_is_not_followed(tmp_path, elsewhere):
    with Source(turns(GOOD)) as other:
        def respond(request, client):
            return moved(302, elsewhere.format(port=source.port,
                                               other=other.port))
        with Source(respond) as source:
            outcome = read("http", source,
                           token_file=secret_file(tmp_path, TOKEN))
            assert source.targets() == ["/things"]
        assert other.requests == []
    failure = only_failure(outcome)
    assert failure["failure"] in ("other_host", "request")
    assert not failure["may_pass"]


def test_a_redirect_to_another_server_shows_it_nothing(tmp_path):
    """The one that is asked would answer; it must not even be asked."""
    with Source(turns(GOOD)) as other:
        with Source(turns(moved(307, other.url + "/things"))) as source:
            fails(read("http", source,
                       token_file=secret_file(tmp_path, TOKEN)),
                  "other_host", False, "DENIED")
        assert other.requests == []


def test_redirects_in_a_circle_end():
    def respond(request, client):
        return moved(302, "/b" if request.target == "/a" else "/a")
    with Source(respond) as source:
        fails(read("http", source), "redirect", False)
        assert len(source.requests) == 6


def test_five_redirects_are_followed_and_no_more():
    def respond(request, client):
        n = int(request.target.rsplit("/", 1)[1])
        return moved(302, "/n/%d" % (n - 1)) if n > 0 else GOOD
    with Source(respond) as source:
        assert keys(read("http", source, path="n/5")) == ["1", "2"]
        fails(read("http", source, path="n/6"), "redirect", False)


def test_a_redirect_to_nowhere_is_not_followed():
    for answer in (Answer(302), Answer(302, headers=[("Location", "")])):
        with Source(turns(answer)) as source:
            fails(read("http", source), "redirect", False)


# --- credentials -------------------------------------------------------------

def test_a_request_says_who_asks():
    with Source(turns(GOOD)) as source:
        read("http", source)
        headers = source.requests[0].headers
    assert headers["user-agent"].startswith("tombolo/")
    assert headers["accept"] == "application/json"
    assert headers["host"] == source.host


def asked_with(tmp_path, **options):
    with Source(turns(GOOD)) as source:
        assert read("http", source, **options).status == 0
        return source.requests[0].headers


def test_a_token_is_sent_as_a_bearer_or_in_a_header_of_its_own(tmp_path):
    for text in (TOKEN, TOKEN + "\n", TOKEN + "\r\n"):
        path = secret_file(tmp_path, text)
        headers = asked_with(tmp_path, token_file=path)
        assert headers["authorization"] == "Bearer " + TOKEN
        headers = asked_with(tmp_path, token_file=path, token_header="X-Key")
        assert headers["x-key"] == TOKEN and "authorization" not in headers


def test_a_password_is_sent_as_basic(tmp_path):
    headers = asked_with(tmp_path, user=USER,
                         password_file=secret_file(tmp_path, PASSWORD + "\n"))
    kind, pair = headers["authorization"].split()
    assert kind == "Basic"
    assert base64.b64decode(pair).decode() == USER + ":" + PASSWORD


@pytest.mark.parametrize("text", [
    b"", b"\n", TOKEN.encode() + b"\nX-Evil: 1", TOKEN.encode() + b"\r\nA: b\n",
    TOKEN.encode() + b"\0x", b"\x1b" + TOKEN.encode(), b"x" * 20000])
def test_what_a_header_cannot_hold_is_no_credential(tmp_path, text):
    path = secret_file(tmp_path, text)
    with Source(turns(GOOD)) as source:
        for options in ({"token_file": path},
                        {"user": USER, "password_file": path}):
            failure = fails(read("http", source, **options), "credentials",
                            False, "DENIED")
            assert path in failure["message"]
        assert source.requests == []


def test_credentials_that_cannot_be_read_are_said_by_their_file(tmp_path):
    with Source(turns(GOOD)) as source:
        failure = fails(read("http", source, token_file=tmp_path / "none"),
                        "credentials", False)
        assert str(tmp_path / "none") in failure["message"]
        fails(read("http", source, token_file=tmp_path), "credentials", False)
        # Nobody writes into it, and nobody is waited for.
        os.mkfifo(tmp_path / "pipe")
        fails(read("http", source, token_file=tmp_path / "pipe"),
              "credentials", False)
        assert source.requests == []


def test_two_credentials_do_not_share_a_header(tmp_path):
    token = secret_file(tmp_path, TOKEN, "token")
    password = secret_file(tmp_path, PASSWORD, "password")
    with Source(turns(GOOD)) as source:
        fails(read("http", source, token_file=token, user=USER,
                   password_file=password), "credentials", False)
        assert source.requests == []
    headers = asked_with(tmp_path, token_file=token, token_header="X-Key",
                         user=USER, password_file=password)
    assert headers["x-key"] == TOKEN
    assert headers["authorization"].startswith("Basic ")


def test_what_a_server_says_of_the_credentials_is_not_repeated(tmp_path):
    """A body, a reason, a header and a redirect that hold the token."""
    echo = as_json({"error": TOKEN}, 403, [("X-Echo", TOKEN)])
    reason = raw(b"HTTP/1.1 500 %s\r\nContent-Length: 0\r\n\r\n"
                 % TOKEN.encode())
    for answer in (echo, reason, moved(302, "http://127.0.0.2/" + TOKEN),
                   moved(302, "/x?token=" + TOKEN),
                   Answer(body='{"%s":1}' % TOKEN)):
        with Source(turns(answer)) as source:
            only_failure(read("http", source,
                              token_file=secret_file(tmp_path, TOKEN)))


# --- addresses ---------------------------------------------------------------

@pytest.mark.parametrize("url", [
    "http://example.com", "http://10.0.0.1", "http://127.0.0.1.example.com",
    "http://localhost.example.com", "http://user:word@127.0.0.1:1",
    "https://user@127.0.0.1:1", "ftp://127.0.0.1", "file:///etc/passwd",
    "127.0.0.1", "https://", "", "http://[::2]:1"])
def test_plain_http_stays_on_this_machine(url):
    fails(read("http", url, timeout_s=1), "url", False, "DENIED")


@pytest.mark.parametrize("url", [
    "http://127.0.0.1:1", "http://localhost:1", "http://127.3.2.1:1",
    "https://127.0.0.1:1", "http://[::1]:1"])
def test_loopback_may_be_asked_in_plain_http(url):
    fails(read("http", url), "connect", True)


def test_a_proxy_of_the_environment_is_not_used(monkeypatch):
    with Source(turns(GOOD)) as source, Source(turns(Answer(500))) as proxy:
        for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
            monkeypatch.setenv(name, proxy.url)
        monkeypatch.setenv("no_proxy", "")
        assert keys(read("http", source)) == ["1", "2"]
        assert proxy.requests == []


def test_a_path_is_sent_encoded():
    with Source(turns(GOOD)) as source:
        read("http", source, path="a b/\u00e9?x=1 2")
        assert source.targets() == ["/a%20b/%c3%a9?x=1+2"]


# --- certificates ------------------------------------------------------------

@pytest.fixture(scope="module")
def certificates(tmp_path_factory):
    return Certificates(tmp_path_factory.mktemp("certificates"))


def test_a_certificate_of_the_given_authority_is_taken(certificates, tmp_path):
    with Source(turns(GOOD), certificates.signed("good")) as source:
        outcome = read("http", source, ca_file=certificates.path("ca.pem"),
                       token_file=secret_file(tmp_path, TOKEN))
        assert source.requests[0].headers["authorization"] == "Bearer " + TOKEN
    assert keys(outcome) == ["1", "2"]


def refused(context, ca_file, **options):
    with Source(turns(GOOD), context) as source:
        outcome = read("http", source, **{"ca_file": ca_file, **options})
        assert source.requests == []
    return fails(outcome, "tls", False, "DENIED")


def test_a_certificate_for_another_name_is_refused(certificates, tmp_path):
    ca = certificates.path("ca.pem")
    token = secret_file(tmp_path, TOKEN)
    for name, subject in (("other", "DNS:shop.example"),
                          ("address", "IP:127.0.0.2"),
                          ("alias", "DNS:localhost")):
        refused(certificates.signed(name, subject), ca, token_file=token)


def test_a_certificate_that_signs_itself_is_refused(certificates):
    refused(certificates.self_signed("self"), certificates.path("ca.pem"))


def test_a_certificate_whose_time_is_over_is_refused(certificates):
    failure = refused(certificates.signed("old", days=-1),
                      certificates.path("ca.pem"))
    assert "expired" in failure["message"]


def test_an_authority_that_nobody_knows_is_refused(certificates):
    """Without ca_file the system's authorities count."""
    with Source(turns(GOOD), certificates.signed("unknown")) as source:
        fails(read("http", source), "tls", False)
        assert source.requests == []


def test_a_ca_file_of_another_authority_does_not_do(certificates):
    context = certificates.signed("instead")
    certificates.self_signed("stranger")
    refused(context, certificates.path("stranger.pem"))


def test_a_ca_file_that_is_none_does_not_pass(certificates, tmp_path):
    refused(certificates.signed("lost"), str(tmp_path / "none.pem"))
    refused(certificates.signed("torn"), secret_file(tmp_path, "no PEM"))


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_old_versions_of_tls_are_refused(certificates):
    context = certificates.signed("ancient")
    context.minimum_version = ssl.TLSVersion.TLSv1
    context.maximum_version = ssl.TLSVersion.TLSv1_1
    context.set_ciphers("ALL:@SECLEVEL=0")
    with Source(turns(GOOD), context) as source:
        outcome = read("http", source, ca_file=certificates.path("ca.pem"))
        assert source.requests == []
    assert only_failure(outcome)["failure"] in ("tls", "cut_off")


def test_a_server_without_tls_is_no_https(certificates):
    with Source(turns(GOOD)) as source:
        outcome = read("http", "https://" + source.host, timeout_s=2,
                       ca_file=certificates.path("ca.pem"))
    assert only_failure(outcome)["failure"] in ("tls", "cut_off", "timeout")


def test_a_redirect_does_not_leave_tls(certificates):
    with Source(turns(GOOD)) as plain:
        with Source(turns(moved(302, plain.url)),
                    certificates.signed("leaving")) as source:
            fails(read("http", source, ca_file=certificates.path("ca.pem")),
                  "other_host", False)
        assert plain.requests == []


# --- connections -------------------------------------------------------------

def test_what_was_lost_on_a_kept_connection_is_not_asked_for_in_secret():
    """Whether to ask again is for the job to say, which counts."""
    def respond(request, client):
        if request.target.endswith("=2"):
            return reset(client)
        return as_json([{"id": 1}])
    with Source(respond) as source:
        outcome = read("http", source, paging="page", page_param="page")
        assert source.targets() == ["/things?page=1", "/things?page=2"]
    fails(outcome, "cut_off", True)


@pytest.mark.parametrize("says_so", [False, True])
def test_pages_share_a_connection_as_long_as_there_is_one(says_so):
    clients = []

    def respond(request, client):
        n = int(request.target.partition("page=")[2])
        clients.append(client)
        answer = as_json([{"id": n}] if n <= 3 else [], headers=[
            ("Connection", "close")] if says_so else [])
        if not says_so:
            return answer
        answer.send(client)
        return None
    with Source(respond) as source:
        outcome = read("http", source, paging="page", page_param="page")
    assert outcome.failures == [] and keys(outcome) == ["1", "2", "3"]
    assert len(set(clients)) == (4 if says_so else 1)
