"""POST /sync/push: what is taken, what is refused, and in which words."""

import json

import pytest

from devices import (JSON_TYPE, WHEN, DevicesOrg, assert_error, event_id_of,
                     ids)

MISSING = "Missing fields: "
NOT_AN_EVENT = "Expected an event or an array of events"
BAD_TIME = "Invalid timestamp format. Use ISO format."
NOT_TEXT = [5, 1.5, True, False, [], ["a"], {}, {"a": "b"}]
REQUIRED = ["event_type", "payload", "device_id"]
LIMITED = ["event_type", "device_id", "user_id", "client_event_id"]
TEXTS = LIMITED + ["timestamp"]


def event(**members):
    """A whole event of the device till; None leaves a member out."""
    whole = {"event_type": "stock_update", "payload": {"qty": 5},
             "device_id": "till", **members}
    return {k: v for k, v in whole.items() if v is not None}


def subsets(names):
    for bits in range(1, 1 << len(names)):
        yield [n for i, n in enumerate(names) if bits >> i & 1]


# --- missing members ---------------------------------------------------------

@pytest.mark.parametrize("names", subsets(REQUIRED), ids="-".join)
def test_what_is_missing_is_named_in_order(nobody, names):
    body = event(**dict.fromkeys(names))
    assert_error(nobody.push(body), 400, MISSING + ", ".join(names))


@pytest.mark.parametrize("value", [None, ""], ids=["null", "empty"])
@pytest.mark.parametrize("name", ["event_type", "device_id"])
def test_null_and_an_empty_text_are_missing(nobody, name, value):
    r = nobody.push({**event(), name: value})
    assert_error(r, 400, MISSING + name)


def test_the_order_is_the_servers_and_not_the_bodys(nobody):
    r = nobody.push({"device_id": "", "event_type": None})
    assert_error(r, 400, MISSING + "event_type, payload, device_id")
    assert_error(nobody.push({}), 400,
                 MISSING + "event_type, payload, device_id")


@pytest.mark.parametrize("name", ["user_id", "timestamp", "client_event_id"])
@pytest.mark.parametrize("value", [None, ""], ids=["null", "empty"])
def test_an_optional_member_may_be_null_or_empty(nobody, name, value):
    r = nobody.push({**event(), name: value})
    assert event_id_of(r)
    safe = r.headers.get("X-Retry-Unsafe")
    assert safe == "1"


# --- types and lengths -------------------------------------------------------

@pytest.mark.parametrize("name", TEXTS)
@pytest.mark.parametrize("value", NOT_TEXT, ids=json.dumps)
def test_a_member_of_another_type_is_named(nobody, name, value):
    r = nobody.push({**event(), name: value})
    assert_error(r, 400, name + " must be a string")


@pytest.mark.parametrize("name", LIMITED)
@pytest.mark.parametrize("text,is_taken", [
    ("x" * 200, True), ("x" * 201, False), ("\u00e9" * 100, True),
    ("\u00e9" * 101, False), ("x" * 60000, False)],
    ids=["200", "201", "200 in UTF-8", "202 in UTF-8", "60000"])
def test_a_text_has_up_to_200_bytes(nobody, name, text, is_taken):
    r = nobody.push({**event(), name: text})
    if is_taken:
        assert event_id_of(r)
    else:
        assert_error(r, 400, name + " is too long")


@pytest.mark.parametrize("payload", [
    "null", "true", "0", "-1.5e300", "\"\"", "\"text\"", "[]", "{}",
    "[[[[]]]]", "{\"a\":{\"b\":[1,null,\"\\u0000\\ud83d\\ude00\"]}}"])
def test_a_payload_is_any_json(dorg, payload):
    a, b = dorg.devices(2)
    r = a.caller.push('{"event_type":"t","device_id":"%s","payload":%s}'
                      % (a.name, payload))
    event_id_of(r)
    got, = b.pulled()
    assert got["payload"] == json.loads(payload)


@pytest.mark.parametrize("payload", [
    "{ \"b\" : 1.0,\t\"a\":[ 1e2 , -0 ] }", "12345678901234567890123",
    "0.1000000000000000000001", "\"\\u0041\\/\"", "{\"a\":1,\"A\":2,\"\":3}"])
def test_a_payload_is_kept_byte_for_byte(dorg, payload):
    a, b = dorg.devices(2)
    event_id_of(a.caller.push(
        '{"payload":%s,"event_type":"t","device_id":"%s"}'
        % (payload, a.name)))
    assert '"payload":' + payload in b.pull().text
    assert '"payload":' + payload in a.caller.status(device_id=a.name).text


def test_a_large_payload_is_one(dorg):
    a, b = dorg.devices(2)
    text = "x" * 1000000
    n = a.pushed(payload=text)
    got, = b.pulled()
    assert (got["id"], got["payload"]) == (n, text)


def test_other_members_are_of_no_effect(dorg):
    a, b = dorg.devices(2)
    first = a.pushed()
    n = a.pushed(id=77, event_id=78, status="failed", critical=True,
                 org="main", acknowledged=True, extra={"deep": [1]})
    assert n == first + 1
    got = b.pulled()[1]
    assert (got["id"], got["status"]) == (n, "pending")
    assert "critical" not in got


def test_texts_are_kept_as_they_are(dorg):
    a, b = dorg.devices(2)
    kind = " sp\u00e4ce \"quoted\" \\ \U0001f600 "
    a.pushed(kind)
    assert b.pulled()[0]["event_type"] == kind


# --- bodies ------------------------------------------------------------------

@pytest.mark.parametrize("body", [
    "", " ", "{", "[", "nul", "{'a':1}", "{\"a\":1,}", "[1,]", "{\"a\":1}x",
    "{\"a\" 1}", "NaN", "01", "+1", "1.", "\"a", "\"\t\"", "\"\\x\"",
    "{\"event_type\":\"t\"}{}", "\ufeff{}", "[" * 100000],
    ids=lambda body: repr(body[:20]))
def test_what_is_no_json_is_400(nobody, body):
    assert_error(nobody.push(body.encode()), 400, "Invalid JSON")


@pytest.mark.parametrize("body", [
    b"\"\xff\"", b"{\"event_type\":\"\xc0\x80\"}", b"\"\xed\xa0\x80\"",
    b"\0", b"\xff\xfe{\0}\0"])
def test_what_is_no_utf_8_is_400(nobody, body):
    assert_error(nobody.push(body), 400, "Invalid JSON")


@pytest.mark.parametrize("body", ["null", "true", "1", "\"text\"", "1.5"])
def test_neither_an_object_nor_an_array_is_400(nobody, body):
    assert_error(nobody.push(body), 400, NOT_AN_EVENT)


# --- timestamps --------------------------------------------------------------

GOOD_TIMES = [
    "2025-07-25T12:00:00", "2025-07-25T12:00:00Z",
    "2025-07-25T12:00:00+00:00", "2025-07-25T14:00:00+02:00",
    "2025-07-25T06:30:00-05:30", "2025-07-25T14:00:00+0200",
    "2025-07-25T14:00:00+02", "2025-07-25T12:00:00.5",
    "2025-07-25T12:00:00.123456Z", "2025-07-25T12:00:00.123456789Z",
    "2025-07-25T12:00:00,5Z", "2025-07-25T12:00Z", "2025-07-25T12:00",
    "2025-07-25 12:00:00", "2025-07-25", "20250725T120000Z",
    "2024-02-29T00:00:00Z", "1970-01-01T00:00:00Z", "2199-12-31T23:59:59Z"]
BAD_TIMES = [
    "yesterday", "2025-13-01T00:00:00Z", "2025-00-01T00:00:00Z",
    "2025-02-30T00:00:00Z", "2025-02-29T00:00:00Z", "2025-07-00T00:00:00Z",
    "25/07/2025", "2025-07-25T25:00:00Z", "2025-07-25T12:60:00Z",
    "2025-07-25T12:00:61Z", "2025-07-25T12:00:00+25:00",
    "2025-07-25T12:00:00Zjunk", "2025-07-25T12:00:00 CET", "1753444800",
    " 2025-07-25T12:00:00Z", "2025-07-25T12:00:00Z ", "2025-07-25T",
    "2025-07-25T12:00:00+", "T12:00:00Z", "Z", "-", "2025-7-25T1:2:3Z",
    "2025-07-25T12:00:00.Z", "2025-07-25\u00a012:00:00", "9" * 300]


@pytest.mark.parametrize("text", GOOD_TIMES)
def test_a_timestamp_is_any_iso_8601_and_given_back(dorg_of_times, text):
    a, b, last = dorg_of_times
    n = a.pushed(payload=text, timestamp=text)
    got, = b.pulled(after=last[0])
    assert got["id"] == n
    assert got["client_timestamp"] == text
    assert got["timestamp"] > "2026"
    last[0] = n


@pytest.fixture(scope="module")
def dorg_of_times(open_server):
    a, b = DevicesOrg(open_server).devices(2)
    return a, b, [0]


@pytest.mark.parametrize("text", BAD_TIMES, ids=lambda t: t[:30])
def test_a_timestamp_that_is_none_is_400(nobody, text):
    r = nobody.push({**event(), "timestamp": text})
    assert_error(r, 400, BAD_TIME)


def test_without_a_timestamp_none_is_given_back(dorg):
    a, b = dorg.devices(2)
    a.pushed()
    a.pushed(timestamp=None)
    assert ["client_timestamp" in e for e in b.pulled()] == [False] * 2


# --- numbers -----------------------------------------------------------------

def test_numbers_go_from_1_upward_in_each_org(open_server, dorg):
    a = dorg.device(registered=False)
    b = DevicesOrg(open_server).device(registered=False)
    assert [a.pushed(payload=n) for n in range(3)] == [1, 2, 3]
    assert [b.pushed(payload=n) for n in range(2)] == [1, 2]
    assert a.pushed() == 4


def test_what_is_refused_takes_no_number(dorg):
    a = dorg.device()
    assert a.pushed() == 1
    for bad in ({"timestamp": "x"}, {"event_type": ""}, {"user_id": 5}):
        assert_error(a.caller.push({**a.event(), **bad}), 400)
    assert a.pushed() == 2


# --- several -----------------------------------------------------------------

def test_an_array_is_answered_by_an_array_in_its_order(dorg):
    a, b = dorg.devices(2)
    r = a.caller.push([a.event(payload=n) for n in range(5)])
    assert r.status_code == 200
    assert r.headers["Content-Type"].startswith(JSON_TYPE)
    assert r.json() == [{"message": "Event queued", "event_id": n}
                        for n in range(1, 6)]
    assert [(e["id"], e["payload"]) for e in b.pulled()] \
        == [(n + 1, n) for n in range(5)]


def test_an_empty_array_is_answered_with_one(nobody):
    r = nobody.push([])
    assert (r.status_code, r.json()) == (200, [])


BAD_ONES = {
    "nothing": ({}, MISSING + "event_type, payload, device_id"),
    "no payload": (event(payload=None), MISSING + "payload"),
    "a number": (1, None), "null": (None, None), "an array": ([], None),
    "a type": (event(event_type=5), "event_type must be a string"),
    "too long": (event(device_id="x" * 201), "device_id is too long"),
    "a time": (event(timestamp="now"), BAD_TIME)}


@pytest.mark.parametrize("bad,text", BAD_ONES.values(), ids=BAD_ONES.keys())
def test_a_bad_one_harms_no_other(dorg, bad, text):
    a, b = dorg.devices(2)
    r = a.caller.push([a.event(payload=1), bad, a.event(payload=2)])
    assert r.status_code == 200, r.text
    one, two, three = r.json()
    assert [one["event_id"], three["event_id"]] == [1, 2]
    assert set(two) == {"error"} and isinstance(two["error"], str)
    assert text is None or two["error"] == text
    assert [e["payload"] for e in b.pulled()] == [1, 2]


def test_an_array_of_bad_ones_stores_nothing(dorg):
    a, b = dorg.devices(2)
    r = a.caller.push([bad for bad, _ in BAD_ONES.values()])
    assert r.status_code == 200
    assert all(set(e) == {"error"} for e in r.json())
    assert b.pulled() == []
    assert a.pushed() == 1


def test_an_array_holds_up_to_a_thousand(dorg):
    a, b = dorg.devices(2)
    batch = [a.event(payload=n) for n in range(1000)]
    assert_error(a.caller.push(batch + [a.event()]), 413)
    assert b.pulled() == []
    r = a.caller.push(batch)
    assert [e["event_id"] for e in r.json()] == list(range(1, 1001))
    assert ids(b.pulled()) == list(range(1, 1001))


def test_an_array_may_be_of_several_devices(dorg):
    a, b = dorg.devices(2)
    r = a.caller.push([a.event(payload=1), b.event(payload=2)])
    assert [e["event_id"] for e in r.json()] == [1, 2]
    assert [e["payload"] for e in b.pulled()] == [1]
    assert [e["payload"] for e in a.pulled()] == [2]


def test_nobody_may_say_in_whose_name(nobody):
    """Without a token the body's user_id is taken, and may be missing."""
    n = event_id_of(nobody.push(event(device_id="till-of-user",
                                      user_id="user-of-push")))
    m = event_id_of(nobody.push(event(device_id="till-of-user",
                                      timestamp=WHEN)))
    r = nobody.status(device_id="till-of-user")
    assert [(e["id"], e["user_id"]) for e in r.json()["history"]] \
        == [(m, None), (n, "user-of-push")]


def test_the_user_of_a_token_is_the_events_user(dorg):
    a, b = dorg.devices(2)
    a.pushed()
    a.pushed(user_id=dorg.user.uuid)
    assert [e["user_id"] for e in b.pulled()] == [dorg.user.uuid] * 2
