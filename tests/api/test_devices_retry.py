"""Pushing again: what is one event and what is two."""

import json

import pytest

from devices import (WHEN, DevicesOrg, assert_error, event_id_of, ids)

UNSAFE = "X-Retry-Unsafe"


def twice(device, first, second):
    """The numbers of two events that are pushed one after the other."""
    return [event_id_of(device.caller.push(e)) for e in (first, second)]


def is_one(device, first, second):
    a, b = twice(device, first, second)
    return a == b


# --- client_event_id ---------------------------------------------------------

def test_the_same_client_event_id_is_the_same_event(dorg):
    a, b = dorg.devices(2)
    r = [a.push(client_event_id="c-1") for _ in range(3)]
    assert [event_id_of(x) for x in r] == [1, 1, 1]
    assert all(UNSAFE not in x.headers for x in r)
    assert ids(b.pulled()) == [1]
    assert a.pushed(client_event_id="c-2") == 2


def test_whatever_else_the_body_says(dorg):
    a, b = dorg.devices(2)
    first = a.pushed("one", 1, client_event_id="c", timestamp=WHEN)
    for e in (a.event("two", 1), a.event("one", 2), a.event("two", [], ),
              a.event("one", 1, timestamp="2000-01-01")):
        e["client_event_id"] = "c"
        assert event_id_of(a.caller.push(e)) == first
    got, = b.pulled()
    assert (got["event_type"], got["payload"], got["client_timestamp"]) \
        == ("one", 1, WHEN)


def test_a_client_event_id_is_its_devices_alone(dorg):
    a, b = dorg.devices(2)
    assert a.pushed(client_event_id="c") == 1
    assert b.pushed(client_event_id="c") == 2
    assert a.pushed(client_event_id="c") == 1
    assert b.pushed(client_event_id="c") == 2


def test_a_client_event_id_is_its_orgs_alone(open_server, dorg):
    other = DevicesOrg(open_server)
    a = dorg.user.device("till")
    b = other.user.device("till")
    a.pushed()
    assert a.pushed(client_event_id="c") == 2
    assert b.pushed(client_event_id="c") == 1


def test_two_client_event_ids_are_two_events(dorg):
    a = dorg.device()
    e = a.event(timestamp=WHEN)
    assert twice(a, {**e, "client_event_id": "c"},
                 {**e, "client_event_id": "C"}) == [1, 2]


@pytest.mark.parametrize("one,two", [
    ("a", "a "), ("a", "A"), ("\u00e9", "e\u0301"), ("x" * 199, "x" * 200),
    ("1", "01")])
def test_client_event_ids_are_compared_by_their_bytes(org_of_retries, one,
                                                      two):
    a = org_of_retries.device()
    assert not is_one(a, a.event(client_event_id=one),
                      a.event(client_event_id=two))


@pytest.mark.parametrize("bad", [
    {"event_type": 5}, {"event_type": ""}, {"timestamp": "x"}])
def test_a_repeat_that_is_bad_does_no_harm(org_of_retries, bad):
    a = org_of_retries.device()
    n = a.pushed(client_event_id="c")
    r = a.caller.push({**a.event(client_event_id="c"), **bad})
    assert r.status_code in (200, 400)
    if r.status_code == 200:
        assert event_id_of(r) == n
    assert a.pushed(client_event_id="c") == n


# --- type, payload and timestamp ---------------------------------------------

@pytest.fixture(scope="module")
def org_of_retries(open_server):
    return DevicesOrg(open_server)


def test_the_same_type_payload_and_timestamp_are_one_event(dorg):
    a, b = dorg.devices(2)
    r = [a.push("t", {"a": 1}, timestamp=WHEN) for _ in range(3)]
    assert [event_id_of(x) for x in r] == [1, 1, 1]
    assert all(UNSAFE not in x.headers for x in r)
    assert ids(b.pulled()) == [1]


SPELLINGS = {
    "spaces": ('{"a":1,"b":[2,{"c":null}]}',
               ' { "a" : 1 ,\n"b" : [ 2 , { "c" : null } ] } '),
    "order": ('{"a":1,"b":{"c":2,"d":3}}', '{"b":{"d":3,"c":2},"a":1}'),
    "escapes": ('{"a":"b\u00e9/"}', '{"\\u0061":"\\u0062\\u00e9\\/"}'),
    "a pair": ('"\U0001f600"', '"\\ud83d\\ude00"')}


@pytest.mark.parametrize("one,two", SPELLINGS.values(), ids=SPELLINGS.keys())
def test_however_the_payload_is_written(org_of_retries, one, two):
    a = org_of_retries.device()
    form = '{"event_type":"t","device_id":"%s","timestamp":"%s","payload":%s}'
    assert is_one(a, form % (a.name, WHEN, one), form % (a.name, WHEN, two))


@pytest.mark.parametrize("other", [
    "2025-07-25T12:00:00", "2025-07-25T14:00:00+02:00",
    "2025-07-25T12:00:00.000Z", "2025-07-25T06:30:00-05:30",
    "2025-07-25 12:00:00+00:00"])
def test_however_the_timestamp_is_written(org_of_retries, other):
    a = org_of_retries.device()
    assert is_one(a, a.event(timestamp=WHEN), a.event(timestamp=other))


DIFFERENT = {
    "type": {"event_type": "other"}, "payload": {"payload": {"qty": 6}},
    "text": {"payload": {"qty": "5"}}, "more": {"payload": {"qty": 5, "b": 1}},
    "null": {"payload": None}, "array": {"payload": [{"qty": 5}]},
    "second": {"timestamp": "2025-07-25T12:00:01Z"},
    "millisecond": {"timestamp": "2025-07-25T12:00:00.001Z"},
    "zone": {"timestamp": "2025-07-25T12:00:00+01:00"}}


@pytest.mark.parametrize("change", DIFFERENT.values(), ids=DIFFERENT.keys())
def test_a_difference_makes_two(org_of_retries, change):
    a = org_of_retries.device()
    e = a.event(timestamp=WHEN)
    assert not is_one(a, e, {**e, **change})


def test_the_order_of_an_array_is_a_difference(org_of_retries):
    a = org_of_retries.device()
    assert not is_one(a, a.event(payload=[1, 2], timestamp=WHEN),
                      a.event(payload=[2, 1], timestamp=WHEN))


def test_another_device_is_another_event(dorg):
    a, b = dorg.devices(2)
    assert a.pushed(timestamp=WHEN) == 1
    assert b.pushed(timestamp=WHEN) == 2
    assert a.pushed(timestamp=WHEN) == 1


# --- neither -----------------------------------------------------------------

def test_with_neither_it_is_another_event_and_the_answer_says_so(dorg):
    a, b = dorg.devices(2)
    for n in (1, 2, 3):
        r = a.push()
        assert event_id_of(r) == n
        assert r.headers[UNSAFE] == "1"
    assert ids(b.pulled()) == [1, 2, 3]


def test_an_answer_with_an_error_does_not_say_so(dorg):
    a = dorg.device()
    r = a.caller.push({"device_id": a.name})
    assert_error(r, 400)
    assert UNSAFE not in r.headers


# --- arrays ------------------------------------------------------------------

def numbers(response):
    assert response.status_code == 200, response.text
    return [e.get("event_id") for e in response.json()]


def test_an_array_may_be_pushed_again(dorg):
    a, b = dorg.devices(2)
    batch = [a.event(payload=n, client_event_id="c%d" % n) for n in range(3)]
    batch += [a.event(payload=n, timestamp=WHEN) for n in range(3)]
    first = a.caller.push(batch)
    assert numbers(first) == [1, 2, 3, 4, 5, 6]
    assert UNSAFE not in first.headers
    assert numbers(a.caller.push(batch)) == [1, 2, 3, 4, 5, 6]
    assert numbers(a.caller.push(batch[::-1])) == [6, 5, 4, 3, 2, 1]
    more = [a.event(payload=9, client_event_id="c9")]
    assert numbers(a.caller.push(batch[:2] + more + batch[2:])) \
        == [1, 2, 7, 3, 4, 5, 6]
    assert ids(b.pulled()) == list(range(1, 8))


def test_an_event_twice_in_an_array_is_one(dorg):
    a, b = dorg.devices(2)
    e, f = a.event(client_event_id="c"), a.event(timestamp=WHEN)
    assert numbers(a.caller.push([e, f, e, f, e])) == [1, 2, 1, 2, 1]
    assert ids(b.pulled()) == [1, 2]


def test_one_that_is_unsafe_makes_the_array_so(dorg):
    a = dorg.device()
    safe = a.event(client_event_id="c")
    assert UNSAFE not in a.caller.push([safe, {}]).headers
    assert a.caller.push([safe, a.event()]).headers[UNSAFE] == "1"


def test_alone_or_in_an_array_it_is_the_same_event(dorg):
    a = dorg.device()
    e = a.event(client_event_id="c")
    assert event_id_of(a.caller.push(e)) == 1
    assert numbers(a.caller.push([a.event(), e])) == [2, 1]


def test_members_in_another_order_are_the_same_event(dorg):
    a = dorg.device()
    e = a.event(timestamp=WHEN)
    text = json.dumps(dict(reversed(list(e.items()))), indent=1)
    assert twice(a, e, text) == [1, 1]
