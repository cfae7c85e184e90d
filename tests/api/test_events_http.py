"""What the headers of the events API say and mean: preferences, validators,
codings, HEAD and other origins."""

import gzip
import http.client
import json
import socket
import zlib

import pytest

import wire

from events import (JSON_TYPE, LENIENT, MINIMAL, PREFIX, WHEN, Client,
                    EventsOrg, assert_error, encoded, event, events,
                    events_of, uuids)
from harness import CONFIG, DEADLINE_S, Server

BOTH = "handling=lenient, return=minimal"


@pytest.fixture
def org(server):
    return EventsOrg(server)


@pytest.fixture
def user(org):
    return org.user()


@pytest.fixture(scope="module")
def long(server):
    """A user of an org with a history of more than 2,000 events."""
    user = EventsOrg(server).user()
    user.stored(*[event(item="item-%d" % (n % 50), timestamp=WHEN + n % 100)
                  for n in range(2500)])
    return user


def by_hand(client, method, path, headers, body=None):
    """A request with exactly these headers, which may repeat; the answer
    with its body as it came."""
    c = http.client.HTTPConnection("127.0.0.1", client.server.port,
                                   timeout=DEADLINE_S)
    try:
        c.putrequest(method, PREFIX + "/" + path, skip_accept_encoding=True)
        c.putheader("Authorization", "Bearer " + client.token)
        for name, value in headers:
            c.putheader(name, value)
        if body is not None:
            c.putheader("Content-Length", str(len(body)))
            c.putheader("Content-Type", "application/json")
        c.endheaders(body)
        r = c.getresponse()
        r.content = r.read()
        return r
    finally:
        c.close()


# --- preferences -------------------------------------------------------------

def applied(response):
    value = response.headers.get("Preference-Applied") or ""
    return {p.strip() for p in value.split(",") if p.strip()}


def what(client, headers):
    """How a post of a good and a bad event is answered under these
    headers: (lenient, minimal)."""
    good = event()
    client.stored(event())
    r = by_hand(client, "POST", "events", headers,
                encoded([good, {"uuid": "bad"}]))
    if r.status == 400:
        assert json.loads(r.content)["error"] == "Missing required fields"
        lenient = False
        r = by_hand(client, "POST", "events", headers, encoded([good]))
        body = json.loads(r.content)
    else:
        lenient = True
        body = json.loads(r.content)
        assert [e["eventUuid"] for e in body["rejected"]] == ["bad"]
        body = body["events"]
    assert r.status == 200
    minimal = body == []
    assert minimal or uuids(body) == uuids(client.history())
    assert ("handling=lenient" in applied(r)) == lenient
    assert ("return=minimal" in applied(r)) == minimal
    return lenient, minimal


@pytest.mark.parametrize("value", [
    "return=minimal", "Return=minimal", "RETURN=minimal",
    'return="minimal"', "return = minimal", "return=minimal;a=b",
    'return=minimal; a="b, handling=lenient"', ",return=minimal,",
    "respond-async, return=minimal", "wait=10,return=minimal",
    'x="return=representation", return=minimal',
    'x="\\"", return=minimal', "return=minimal, return=representation",
    "return=minimal, handling=strict"])
def test_return_minimal_in_every_spelling(user, value):
    assert what(user, [("Prefer", value)]) == (False, True)


@pytest.mark.parametrize("value", [
    "handling=lenient", "Handling=lenient", 'handling="lenient"',
    "handling=lenient; x", "a, b=c, handling=lenient",
    "handling=lenient, handling=strict", "handling=lenient,return=nonsense",
    "handling=lenient, return=representation"])
def test_handling_lenient_in_every_spelling(user, value):
    assert what(user, [("Prefer", value)]) == (True, False)


@pytest.mark.parametrize("headers", [
    [("Prefer", "handling=lenient, return=minimal")],
    [("Prefer", "return=minimal,handling=lenient")],
    [("Prefer", "return=minimal"), ("Prefer", "handling=lenient")],
    [("prefer", "handling=lenient"), ("PREFER", "wait=1"),
     ("Prefer", "return=minimal")],
    [("Prefer", ""), ("Prefer", 'handling="lenient", return="minimal"')]])
def test_both_in_one_header_or_in_several(user, headers):
    assert what(user, headers) == (True, True)


@pytest.mark.parametrize("value", [
    "", ",", "return", "return=", "=minimal", "minimal", "lenient",
    "return=minimalist", "return=mini", "returns=minimal", "return:minimal",
    "return=representation", "handling=strict", "handling", "handling=len",
    'x="return=minimal"', "x; return=minimal",
    "return=representation, return=minimal",
    "handling=strict, handling=lenient", "x=" + "y" * 3000, ";;;", "\"",
    "return minimal", "wait=5"])
def test_another_preference_is_not_followed(user, value):
    assert what(user, [("Prefer", value)]) == (False, False)


def test_without_preferences_none_is_applied(user):
    for r in (user.post(events(1)), user.get()):
        assert "Preference-Applied" not in r.headers


def test_get_answers_events_whatever_is_preferred(user):
    user.posted(event("a"))
    for value in (MINIMAL, LENIENT, BOTH):
        assert uuids(events_of(user.get(headers={"Prefer": value}))) == ["a"]


def test_a_minimal_answer_has_its_counts_and_its_cursor(user):
    r = user.post(events(3), MINIMAL)
    assert r.text == "[]"
    assert r.headers["Content-Type"] == JSON_TYPE
    assert r.headers["X-Events-Stored"] == "3"
    assert user.page(r.headers["X-Events-Cursor"])[0] == []


def test_stored_is_the_number_of_what_was_new(user):
    a, b, c = events(3)
    for batch, new in (([a, b], 2), ([a, b], 0), ([a, c, c], 1), ([], 0)):
        r = user.post(batch)
        assert events_of(r) is not None
        assert r.headers["X-Events-Stored"] == str(new)
    r = user.post([a, event(), {}], BOTH)
    assert r.headers["X-Events-Stored"] == "1"
    assert r.headers["X-Events-Rejected"] == "1"


def test_a_minimal_refusal_is_the_same_refusal(user):
    r = user.post([{}], MINIMAL)
    assert_error(r, 400, "Missing required fields")


# --- validators --------------------------------------------------------------

def conditional(client, value, **params):
    return client.get(headers={"If-None-Match": value}, **params)


def assert_304(response, etag):
    assert response.status_code == 304
    assert response.content == b""
    assert response.headers["ETag"] == etag
    assert "Accept-Encoding" in response.headers["Vary"]
    assert "Content-Type" not in response.headers


@pytest.mark.parametrize("params", [
    {}, {"limit": 2}, {"fromTimestamp": WHEN}, {"after": "0"},
    {"after": "0", "limit": 1, "fromTimestamp": WHEN}],
    ids=["all", "limit", "time", "after", "each"])
def test_the_same_request_again_is_304(user, params):
    user.posted(*events(3))
    r = user.get(**params)
    assert r.headers["ETag"].startswith('W/"')
    for _ in range(2):
        assert_304(conditional(user, r.headers["ETag"], **params),
                   r.headers["ETag"])


def test_at_the_end_of_the_history_it_is_304(user):
    user.posted(*events(3))
    cursor = user.page()[1]
    r = user.get(after=cursor)
    assert events_of(r) == []
    assert_304(conditional(user, r.headers["ETag"], after=cursor),
               r.headers["ETag"])
    user.posted(event("new"))
    r = conditional(user, r.headers["ETag"], after=cursor)
    assert uuids(events_of(r)) == ["new"]


def test_an_empty_history_has_an_etag(user):
    r = user.get()
    assert_304(conditional(user, r.headers["ETag"]), r.headers["ETag"])
    user.posted(event())
    assert len(events_of(conditional(user, r.headers["ETag"]))) == 1


@pytest.mark.parametrize("form", [
    "W/%s", "%s", '"x", W/%s', 'W/%s, "x"', 'W/"x",%s,W/"y"', '"a,b", %s',
    ' W/%s ,', "*"])
def test_a_list_that_names_the_etag_is_304(user, form):
    user.posted(event())
    etag = user.get().headers["ETag"]
    opaque = etag[2:]
    value = form % opaque if "%s" in form else form
    r = by_hand(user, "GET", "events", [("If-None-Match", value)])
    assert r.status == 304
    assert r.headers["ETag"] == etag


def test_several_headers_are_one_list(user):
    etag = user.get().headers["ETag"]
    r = by_hand(user, "GET", "events", [("If-None-Match", '"x"'),
                                        ("If-None-Match", etag)])
    assert r.status == 304


@pytest.mark.parametrize("form", [
    '"x"', 'W/"x"', "", "nonsense", "%s", 'W/"%s-"', 'W/"-%s"', '"*"',
    "W/*", ","])
def test_another_etag_is_200(user, form):
    user.posted(event())
    opaque = user.get().headers["ETag"][3:-1]
    value = form % opaque if "%s" in form else form
    r = by_hand(user, "GET", "events", [("If-None-Match", value)])
    assert r.status == 200
    assert len(json.loads(r.content)) == 1


def test_a_post_of_anybody_changes_the_etag(org):
    one, two = org.users(2)
    seen = set()
    for n in range(4):
        r = one.get()
        assert len(r.json()) == n
        seen.add(r.headers["ETag"])
        two.stored(event())
        assert len(events_of(conditional(one, r.headers["ETag"]))) == n + 1
    assert len(seen) == 4


def test_a_post_that_stores_nothing_leaves_the_etag(user):
    batch = events(2)
    user.posted(*batch)
    etag = user.get().headers["ETag"]
    user.posted(*batch)
    user.posted()
    assert user.post([{}]).status_code == 400
    assert_304(conditional(user, etag), etag)


def test_different_queries_have_different_etags(user):
    user.posted(*[event(timestamp=WHEN + n) for n in range(6)])
    cursor = user.page(None, 2)[1]
    queries = [{}, {"limit": 2}, {"limit": 3}, {"fromTimestamp": WHEN + 3},
               {"fromTimestamp": WHEN + 4}, {"after": cursor},
               {"after": cursor, "limit": 1}]
    etags = [user.get(**q).headers["ETag"] for q in queries]
    for n, query in enumerate(queries):
        for etag in etags[:n] + etags[n + 1:]:
            assert conditional(user, etag, **query).status_code == 200


def test_etags_of_one_user_serve_another_who_sees_the_same(org):
    """Or they do not, but never is a wrong history 304."""
    one, two = org.users(2)
    one.posted(event())
    r = conditional(two, one.get().headers["ETag"])
    assert r.status_code == 304 or len(events_of(r)) == 1


def test_an_etag_of_another_org_is_200(server, user):
    other = EventsOrg(server).user()
    other.posted(event())
    user.posted(event("mine"))
    r = conditional(user, other.get().headers["ETag"])
    assert uuids(events_of(r)) == ["mine"]


def test_a_condition_does_not_pass_by_the_checks(user):
    assert_error(conditional(user, "*", after="nonsense"), 400)
    assert_error(conditional(user, "*", fromTimestamp="x"), 400)
    r = user.request("GET", "events", token="x.y.z",
                     headers={"If-None-Match": "*"})
    assert_error(r, 401)


def test_304_stays_right_while_the_history_grows(org):
    """Each answer that is not a 304 is the whole history of its time."""
    reader, etag, had = org.user(), None, []
    for n in range(30):
        if n % 3:
            org.admin.stored(event())
        r = conditional(reader, etag or '"x"')
        if r.status_code == 304:
            assert n % 3 == 0 and n > 0
        else:
            assert had == [] or len(r.json()) == len(had) + 1
            etag, had = r.headers["ETag"], r.json()
    assert had == reader.history()


# --- codings -----------------------------------------------------------------

def assert_one_member(packed, text):
    """One gzip member, whole, with nothing behind it."""
    z = zlib.decompressobj(31)
    assert z.decompress(packed) == text
    assert z.eof and z.unused_data == b""


@pytest.mark.parametrize("query", [
    "", "?limit=1500", "?limit=10", "?fromTimestamp=%d" % (WHEN + 50)],
    ids=["all", "page", "small page", "time"])
def test_who_accepts_gzip_gets_the_same_text_packed(long, query):
    plain = by_hand(long, "GET", "events" + query, [])
    packed = by_hand(long, "GET", "events" + query,
                     [("Accept-Encoding", "gzip")])
    assert plain.status == packed.status == 200
    assert plain.headers["Content-Encoding"] is None
    if packed.headers["Content-Encoding"] is None:
        assert len(plain.content) < 4096
        assert packed.content == plain.content
        return
    assert packed.headers["Content-Encoding"] == "gzip"
    assert "Accept-Encoding" in packed.headers["Vary"]
    assert packed.headers["X-Events-Cursor"] == \
        plain.headers["X-Events-Cursor"]
    assert len(packed.content) < len(plain.content) / 2
    assert_one_member(packed.content, plain.content)


def test_a_history_is_packed(long):
    r = by_hand(long, "GET", "events", [("Accept-Encoding", "gzip")])
    assert r.headers["Content-Encoding"] == "gzip"
    assert len(json.loads(gzip.decompress(r.content))) == 2500


def test_the_answer_of_a_post_is_packed(long):
    r = by_hand(long, "POST", "events", [("Accept-Encoding", "gzip")],
                b"[]")
    assert r.headers["Content-Encoding"] == "gzip"
    assert json.loads(gzip.decompress(r.content)) == long.history()


def test_packed_pages_go_on_at_any_place(long):
    """Pages start anywhere between the pieces that are kept packed."""
    whole, cursor = long.history(), "0"
    for limit in (1, 1023, 2, 700):
        r = by_hand(long, "GET", "events?after=%s&limit=%d" % (
            cursor, limit), [("Accept-Encoding", "gzip")])
        body = r.content
        if r.headers["Content-Encoding"] == "gzip":
            body = gzip.decompress(body)
        got, cursor = json.loads(body), r.headers["X-Events-Cursor"]
        assert 1 <= len(got) <= limit
        assert got == whole[:len(got)]
        whole = whole[len(got):]
    r = by_hand(long, "GET", "events?after=" + cursor,
                [("Accept-Encoding", "gzip")])
    assert json.loads(gzip.decompress(r.content)) == whole


@pytest.mark.parametrize("value", ["identity", "br", "gzip;q=0",
                                   "deflate, br", "gzip;q=0.0, br", ""])
def test_who_does_not_accept_gzip_gets_none(long, value):
    r = by_hand(long, "GET", "events", [("Accept-Encoding", value)])
    assert r.status == 200
    assert r.headers["Content-Encoding"] is None
    assert len(json.loads(r.content)) == 2500


@pytest.mark.parametrize("value", ["gzip", "GZIP", "br, gzip", "gzip;q=0.5",
                                   "deflate, gzip;q=1.0, *;q=0.5"])
def test_gzip_is_found_among_others(long, value):
    r = by_hand(long, "GET", "events", [("Accept-Encoding", value)])
    assert r.headers["Content-Encoding"] == "gzip"
    assert len(json.loads(gzip.decompress(r.content))) == 2500


def test_a_packed_answer_is_304_as_well(long):
    accept = ("Accept-Encoding", "gzip")
    r = by_hand(long, "GET", "events", [accept])
    r = by_hand(long, "GET", "events",
                [accept, ("If-None-Match", r.headers["ETag"])])
    assert r.status == 304 and r.content == b""


def packed_post(client, body, coding="gzip", prefer=None):
    return client.post(body, prefer, headers={"Content-Encoding": coding})


@pytest.mark.parametrize("level", [0, 1, 9])
def test_a_packed_body_is_read(user, level):
    batch = events(100)
    body = gzip.compress(encoded(batch), level)
    assert uuids(events_of(packed_post(user, body))) == uuids(batch)


def test_a_packed_body_that_is_damaged_is_400(user):
    body = gzip.compress(encoded(events(100)))
    flipped = bytearray(body)
    flipped[-6] ^= 0x55
    for bad in (body[:-1], body[:-8], body[:len(body) // 2], body[:10], b"",
                bytes(flipped), b"[]", body + b"x"):
        assert_error(packed_post(user, bad), 400)
        assert_error(packed_post(user, bad, prefer=LENIENT), 400)
    assert user.history() == []


def test_a_packed_body_that_is_not_json_is_400(user):
    assert_error(packed_post(user, gzip.compress(b"[{]")), 400,
                 "Invalid JSON format")


def test_a_packed_body_is_measured_when_it_is_open(user):
    body = gzip.compress(b"[" + b" " * (65 << 20) + b"]", 9)
    assert len(body) < 1 << 20
    assert_error(packed_post(user, body), 413)


@pytest.mark.parametrize("coding", ["br", "deflate64", "gzip, gzip"])
def test_another_coding_is_refused(user, coding):
    r = packed_post(user, b"[]", coding)
    assert r.status_code in (400, 415)
    assert_error(r, r.status_code)


# --- connections -------------------------------------------------------------

def asked(client, query="", version="1.1", *lines):
    head = ["GET %s/events%s HTTP/%s" % (PREFIX, query, version),
            "Host: 127.0.0.1:%d" % client.server.port,
            "Authorization: Bearer " + client.token, *lines]
    return ("\r\n".join(head) + "\r\n\r\n").encode()


@pytest.mark.parametrize("query", ["", "?limit=3"])
@pytest.mark.parametrize("coding", ["gzip", "identity"])
def test_a_client_of_http_1_0_gets_the_whole(long, query, coding):
    raw = long.server.raw(asked(long, query, "1.0",
                                "Accept-Encoding: " + coding))
    r = wire.Answer(raw)
    assert r.status_code == 200
    assert r.headers.get("Transfer-Encoding") is None
    if r.headers.get("Content-Encoding") == "gzip":
        r.content = gzip.decompress(r.content)
    assert json.loads(r.content) == long.history()[:3 if query else None]


def answer_from(stream):
    """The next answer of a connection: (status, body)."""
    status = int(stream.readline().split()[1])
    headers = {}
    while True:
        name, _, value = stream.readline().decode().strip().partition(": ")
        if not name:
            break
        headers[name.lower()] = value
    if "content-length" in headers:
        return status, stream.read(int(headers["content-length"]))
    assert headers["transfer-encoding"] == "chunked"
    body = b""
    while True:
        size = int(stream.readline(), 16)
        body += stream.read(size)
        assert stream.readline() == b"\r\n"
        if size == 0:
            return status, body


def test_answers_in_a_row_on_one_connection_are_in_order(long):
    whole = long.history()
    queries = ["", "?limit=2", "?limit=x", "?limit=1500", ""]
    data = b"".join(asked(long, q) for q in queries[:-1])
    data += asked(long, queries[-1], "1.1", "Connection: close")
    with socket.create_connection(("127.0.0.1", long.server.port),
                                  timeout=DEADLINE_S) as s:
        s.sendall(data)
        with s.makefile("rb") as stream:
            answers = [answer_from(stream) for _ in queries]
    assert [a[0] for a in answers] == [200, 200, 400, 200, 200]
    assert [json.loads(answers[n][1]) for n in (0, 1, 3, 4)] == [
        whole, whole[:2], whole[:1500], whole]


def test_readers_who_go_away_leave_nothing_behind(long):
    whole = long.history()
    for n in range(60):
        with socket.create_connection(("127.0.0.1", long.server.port),
                                      timeout=DEADLINE_S) as s:
            s.sendall(asked(long, "", "1.1", "Accept-Encoding: " + (
                "gzip" if n % 2 else "identity")))
            assert s.recv(1 + n * 50)
    assert long.again().history() == whole


# --- HEAD --------------------------------------------------------------------

OWN = {"date", "x-request-id", "content-length", "transfer-encoding",
       "connection"}


def kept(response):
    return {k.lower(): v for k, v in response.headers.items()
            if k.lower() not in OWN}


@pytest.mark.parametrize("path", [
    "events", "events?limit=1", "events?after=0", "events?fromTimestamp=5"])
def test_head_says_what_get_says(user, path):
    user.posted(*events(3))
    head = user.request("HEAD", path)
    get = user.get(path)
    assert head.status_code == get.status_code == 200
    assert head.content == b""
    assert kept(head) == kept(get)


def test_head_of_the_other_things(org):
    for path in ("acl", "admin/users", "admin/users/" + org.admin.uuid):
        head = org.admin.request("HEAD", path)
        assert (head.status_code, head.content) == (200, b"")
        assert head.headers["Content-Type"] == JSON_TYPE


def test_head_is_304_and_401_and_400_as_get_is(user):
    etag = user.get().headers["ETag"]
    r = user.request("HEAD", "events", headers={"If-None-Match": etag})
    assert (r.status_code, r.headers["ETag"]) == (304, etag)
    assert user.request("HEAD", "events", token=None).status_code == 401
    assert user.request("HEAD", "events?after=x").status_code == 400


# --- other origins -----------------------------------------------------------

ORIGIN = {"Origin": "https://a.example"}


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    """A user of a server that pages of one origin may call."""
    s = Server(tmp_path_factory.mktemp("cors"), config=CONFIG.replace(
        "server:\n", "server:\n  cors_origins: [https://a.example]\n"))
    s.cli.init("main", "admin", "an-admin-password")
    s.start()
    yield Client(s, "admin", "an-admin-password")
    assert s.stop() == 0


def test_a_page_may_read_the_headers_that_it_needs(page):
    needed = {"x-events-cursor", "x-events-stored", "x-events-rejected",
              "x-events-resync", "etag", "preference-applied", "retry-after",
              "x-request-id"}
    for r in (page.get(headers=ORIGIN), page.post([], headers=ORIGIN),
              page.post([], MINIMAL, headers=ORIGIN),
              page.get(headers=ORIGIN, after="x"), page.login(headers=ORIGIN)):
        assert r.headers["Access-Control-Allow-Origin"] == ORIGIN["Origin"]
        exposed = r.headers["Access-Control-Expose-Headers"]
        assert needed <= {h.strip().lower() for h in exposed.split(",")}


@pytest.mark.parametrize("method,path", [
    ("GET", "events"), ("POST", "events"), ("PUT", "acl"),
    ("POST", "admin/users"), ("PUT", "admin/users/x"),
    ("DELETE", "admin/users/x"), ("POST", "auth/token"), ("GET", "health")])
def test_a_page_may_ask_before_it_calls(page, method, path):
    wanted = "authorization,content-type,prefer,if-none-match"
    r = page.request("OPTIONS", path, token=None, headers={
        **ORIGIN, "Access-Control-Request-Method": method,
        "Access-Control-Request-Headers": wanted})
    assert r.status_code == 204
    assert method in r.headers["Access-Control-Allow-Methods"]
    assert r.headers["Access-Control-Allow-Headers"] == wanted


def test_a_foreign_page_may_not_read(page):
    r = page.get(headers={"Origin": "https://b.example"})
    assert not [h for h in r.headers
                if h.lower().startswith("access-control")]
