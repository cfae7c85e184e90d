"""GET /sync/pull and POST /sync/ack: what a device still has to see."""

import json

import pytest

from devices import (TIME, WHEN, Caller, DevicesOrg, assert_error, checked,
                     events_of, ids, time_of)

BAD_SINCE = "Invalid since timestamp format. Use ISO format."
GAPS = "Too many gaps: acknowledge the older events first"
EITHER = "Missing fields: event_ids or up_to"


@pytest.fixture(scope="module")
def filled(open_server):
    """(sender, other device, numbers) of an org with six thousand events."""
    a, b = DevicesOrg(open_server).devices(2)
    return a, b, a.pushed_many(6000)


@pytest.fixture(scope="module")
def few(open_server):
    """(device, its events) of an org with ten, for reading alone."""
    a, b = DevicesOrg(open_server).devices(2)
    a.pushed_many(10)
    return b, b.pulled()


# --- what is in it -----------------------------------------------------------

def test_an_event_has_the_members_of_the_contract(dorg):
    a, b = dorg.devices(2)
    n = a.pushed("stock_update", {"product_id": 1, "qty": 5})
    m = a.pushed("price", [1], timestamp=WHEN)
    one, two = b.pulled()
    stamp = one.pop("timestamp")
    assert TIME.fullmatch(stamp)
    assert one == {"id": n, "event_type": "stock_update",
                   "payload": {"product_id": 1, "qty": 5},
                   "status": "pending", "device_id": a.name,
                   "user_id": dorg.user.uuid}
    assert two["client_timestamp"] == WHEN
    assert (two["id"], two["payload"]) == (m, [1])
    assert time_of(two["timestamp"]) > time_of(stamp)


def test_no_device_sees_its_own(dorg):
    a, b, c = dorg.devices(3)
    one, two = a.pushed(), b.pushed()
    assert ids(a.pulled()) == [two]
    assert ids(b.pulled()) == [one]
    assert ids(c.pulled()) == [one, two]


def test_a_device_that_nobody_knows_sees_all(dorg):
    a = dorg.device()
    n = a.pushed()
    assert ids(dorg.device(registered=False).pulled()) == [n]


def test_another_orgs_events_are_never_there(open_server, dorg):
    other = DevicesOrg(open_server)
    a, b = dorg.user.device("till"), dorg.user.device("tablet")
    x, y = other.user.device("till"), other.user.device("tablet")
    a.pushed(payload="ours")
    x.pushed(payload="theirs")
    assert [e["payload"] for e in b.pulled()] == ["ours"]
    assert [e["payload"] for e in y.pulled()] == ["theirs"]


def test_pulling_acknowledges_nothing(dorg):
    a, b = dorg.devices(2)
    n = a.pushed()
    for _ in range(3):
        got, = b.pulled()
        assert (got["id"], got["status"]) == (n, "pending")


def test_all_of_thousands_come_in_the_order_of_arrival(filled):
    _, b, numbers = filled
    got = b.pulled()
    assert ids(got) == numbers == list(range(1, 6001))
    assert [e["payload"] for e in got] == list(range(6000))


def test_nothing_is_an_empty_array(dorg):
    r = dorg.device().pull()
    assert r.json() == {"events": []}


@pytest.mark.parametrize("params", [{}, {"device_id": ""},
                                    {"since": WHEN}, {"user_id": "u"}])
def test_without_a_device_id_it_is_400(nobody, params):
    assert_error(nobody.pull(**params), 400, "Missing device_id parameter")


def test_a_device_id_may_hold_anything(dorg):
    a = dorg.device()
    n = a.pushed()
    name = "\u00e4 &=+%/?#\"\U0001f600"
    b = dorg.user.device(name)
    assert ids(b.pulled()) == [n]
    assert b.acked(n) == (1, [])
    assert b.pulled() == []
    b.pushed()
    assert [e["device_id"] for e in a.pulled()] == [name]


def test_a_device_id_that_no_device_can_have_is_400(nobody):
    assert_error(nobody.pull(device_id="x" * 201), 400)


# --- since -------------------------------------------------------------------

def test_since_is_strict(few):
    b, events = few
    for at, e in enumerate(events):
        assert ids(b.pulled(since=e["timestamp"])) == ids(events[at + 1:])


def test_since_the_microsecond_before_holds_the_event(few):
    b, events = few
    stamp = events[4]["timestamp"]
    text = "%s%06d" % (stamp[:-7], int(stamp[-7:-1]) - 1)
    if stamp[-7:-1] != "000000":
        assert 5 in ids(b.pulled(since=text + "Z"))


def spellings(stamp):
    """The same instant, written in other ways."""
    day, clock = stamp[:10], stamp[11:-1]
    hour = int(clock[:2])
    yield stamp
    yield day + "T" + clock
    yield day + " " + clock
    yield day + "T" + clock + "+00:00"
    yield stamp.replace(".", ",")
    yield day + "T" + clock + "000Z"
    if hour < 22:
        yield "%sT%02d%s+02:00" % (day, hour + 2, clock[2:])
    if hour >= 5:
        yield "%sT%02d%s-0500" % (day, hour - 5, clock[2:])


def test_since_is_read_in_every_spelling_of_its_instant(few):
    b, events = few
    for text in spellings(events[4]["timestamp"]):
        assert ids(b.pulled(since=text)) == ids(events[5:]), text


def test_since_compares_the_arrival_and_not_the_clients_time(dorg):
    a, b = dorg.devices(2)
    n = a.pushed(timestamp="2001-01-01T00:00:00Z")
    assert ids(b.pulled(since="2020-01-01T00:00:00Z")) == [n]
    m = a.pushed(timestamp="2199-01-01T00:00:00Z")
    stamp = b.pulled()[1]["timestamp"]
    assert m not in ids(b.pulled(since=stamp))


@pytest.mark.parametrize("text,all_of_them", [
    ("2025-07-25T12:00:00", True), ("2025-07-25", True),
    ("1970-01-01T00:00:00Z", True), ("2199-01-01T00:00:00Z", False)])
def test_since_far_away(few, text, all_of_them):
    b, events = few
    assert ids(b.pulled(since=text)) == (ids(events) if all_of_them else [])


@pytest.mark.parametrize("text", [
    "x", "yesterday", "1753444800", "2025-13-01", "2025-02-30T00:00:00",
    "2025-07-25T12:00:00 02:00", "2025-07-25T12:00:00Zz",
    "2025-07-25T25:00:00", "25.07.2025", "null", "\u0662\u0660\u0662\u0665"])
def test_a_since_that_is_none_is_400(nobody, text):
    assert_error(nobody.pull(device_id="d", since=text), 400, BAD_SINCE)


# --- limit and after ---------------------------------------------------------

@pytest.mark.parametrize("limit", [1, 3, 10, 11])
def test_pages_lead_through_all(few, limit):
    b, events = few
    got, after, more = [], 0, True
    while more:
        r = b.pull(limit=limit, after=after)
        page = events_of(r)
        body = r.json()
        assert list(body) == ["events", "has_more", "next"]
        assert len(page) <= limit
        got += page
        more, after = body["has_more"], body["next"]
        assert more is (got[-1]["id"] != events[-1]["id"])
        assert after == page[-1]["id"]
    assert got == events


def test_a_limit_over_5000_counts_as_5000(filled):
    _, b, _ = filled
    for limit in (5000, 5001, 1000000):
        r = b.pull(limit=limit)
        body = r.json()
        assert ids(events_of(r)) == list(range(1, 5001))
        assert (body["has_more"], body["next"]) == (True, 5000)
    r = b.pull(limit=5000, after=5000)
    assert ids(events_of(r)) == list(range(5001, 6001))
    assert r.json()["has_more"] is False


def test_after_alone_and_with_since(few):
    b, events = few
    assert ids(b.pulled(after=7)) == [8, 9, 10]
    assert ids(b.pulled(after=10)) == []
    assert ids(b.pulled(after=999999)) == []
    since = events[4]["timestamp"]
    assert ids(b.pulled(after=2, since=since)) == [6, 7, 8, 9, 10]
    assert ids(b.pulled(after=8, since=since)) == [9, 10]
    assert ids(b.pulled(limit=2, since=since)) == [6, 7]


def test_a_page_counts_what_the_device_may_see(dorg):
    a, b = dorg.devices(2)
    for _ in range(5):
        a.pushed()
        b.pushed()
    assert ids(b.pulled(limit=5)) == [1, 3, 5, 7, 9]
    assert b.pull(limit=5).json()["has_more"] is False
    b.acked(1, 5)
    assert ids(b.pulled(limit=2)) == [3, 7]
    assert b.pull(limit=2).json()["has_more"] is True


@pytest.mark.parametrize("value", ["0", "-1", "x", "1.5", "1e3", "1 ",
                                   "0x10", "1,2", "ten", "--1"])
def test_a_bad_limit_is_400(nobody, value):
    assert_error(nobody.pull(device_id="d", limit=value), 400,
                 "Invalid limit")


@pytest.mark.parametrize("value", ["-1", "x", "1.5", "1e3", "5 ", "0x10",
                                   "9" * 30])
def test_a_bad_after_is_400(nobody, value):
    assert_error(nobody.pull(device_id="d", after=value), 400,
                 "Invalid after")


# --- acknowledging by number -------------------------------------------------

def test_what_is_acknowledged_is_not_pulled(dorg):
    a, b, c = dorg.devices(3)
    a.pushed_many(5)
    assert b.acked(2, 4) == (2, [])
    assert ids(b.pulled()) == [1, 3, 5]
    assert ids(c.pulled()) == [1, 2, 3, 4, 5]
    assert b.acked(1, 3, 5) == (3, [])
    assert b.pulled() == []


def test_acknowledging_again_changes_nothing(dorg):
    a, b = dorg.devices(2)
    a.pushed_many(3)
    assert b.acked(2) == (1, [])
    assert b.acked(2) == (0, [])
    assert b.acked(1, 2, 3, 3, 2, 1) == (2, [])
    assert b.acked(1, 2, 3) == (0, [])


def test_what_names_no_event_is_listed(dorg):
    a, b = dorg.devices(2)
    a.pushed_many(2)
    assert b.acked(1, 77, 2, 78) == (2, [77, 78])
    assert b.acked(0, -1, 3) == (0, [0, -1, 3])
    n = a.pushed()
    assert ids(b.pulled()) == [n]


def test_acknowledging_ones_own_succeeds_and_is_not_counted(dorg):
    a, b = dorg.devices(2)
    n = a.pushed()
    assert a.acked(n) == (0, [])
    assert a.acked(up_to=n) == (0, [])
    assert ids(b.pulled()) == [n]
    assert a.state(n) == "pending"


def test_another_orgs_number_is_unknown(open_server, dorg):
    other = DevicesOrg(open_server).device()
    other.pushed_many(3)
    assert dorg.device().acked(2) == (0, [2])


def test_no_number_at_all_is_none(dorg):
    b = dorg.device()
    assert b.acked(event_ids=[]) == (0, [])


def test_ten_thousand_numbers_are_taken_and_no_more(dorg):
    a, b = dorg.devices(2)
    a.pushed_many(10)
    r = b.ack(event_ids=list(range(1, 10001)))
    assert r.status_code == 200
    assert r.json()["acknowledged"] == 10
    assert r.json()["unknown"] == list(range(11, 10001))
    r = b.ack(event_ids=list(range(1, 10002)))
    assert r.status_code in (400, 413)
    assert_error(r, r.status_code)


# --- acknowledging all up to one ---------------------------------------------

def test_up_to_holds_the_event_itself(dorg):
    a, b = dorg.devices(2)
    a.pushed_many(5)
    assert b.acked(up_to=3) == (3, [])
    assert ids(b.pulled()) == [4, 5]
    assert b.acked(up_to=3) == (0, [])
    assert b.acked(up_to=2) == (0, [])
    assert ids(b.pulled()) == [4, 5]


def test_up_to_counts_what_was_open(dorg):
    a, b = dorg.devices(2)
    a.pushed_many(3)
    b.pushed()
    a.pushed_many(3)
    b.acked(2, 6)
    assert b.acked(up_to=7) == (4, [])
    assert b.pulled() == []


def test_up_to_over_the_last_means_up_to_that(dorg):
    a, b = dorg.devices(2)
    a.pushed_many(2)
    assert b.acked(up_to=1 << 40) == (2, [])
    n = a.pushed()
    assert ids(b.pulled()) == [n]


def test_up_to_nothing(dorg):
    b = dorg.device()
    assert b.acked(up_to=0) == (0, [])
    assert b.acked(up_to=5) == (0, [])
    n = dorg.device().pushed()
    assert ids(b.pulled()) == [n]


def test_a_device_that_nobody_knew_is_registered(dorg):
    a, b = dorg.device(), dorg.device(registered=False)
    n = a.pushed()
    assert a.state(n) == "synced"
    assert b.acked(n) == (1, [])
    m = a.pushed()
    assert a.state(m) == "pending"
    b.acked(up_to=m)
    assert a.state(m) == "synced"


# --- bad acknowledgements ----------------------------------------------------

@pytest.mark.parametrize("body", [
    {}, {"event_ids": None}, {"up_to": None},
    {"event_ids": [1], "up_to": 1}], ids=json.dumps)
def test_neither_form_or_both_is_400(nobody, body):
    r = nobody.post("/sync/ack", {"device_id": "d", **body})
    assert_error(r, 400, EITHER)


@pytest.mark.parametrize("body", [
    {"event_ids": [1]}, {"up_to": 1, "device_id": ""},
    {"up_to": 1, "device_id": None}], ids=json.dumps)
def test_without_a_device_it_is_400(nobody, body):
    assert_error(nobody.post("/sync/ack", body), 400,
                 "Missing fields: device_id")


@pytest.mark.parametrize("body", [
    {"event_ids": 1}, {"event_ids": "1"}, {"event_ids": {"1": 1}},
    {"event_ids": ["1"]}, {"event_ids": [1.5]}, {"event_ids": [True]},
    {"event_ids": [None]}, {"event_ids": [1, "2"]}, {"event_ids": [[1]]},
    {"event_ids": True}, {"up_to": "1"}, {"up_to": 1.5}, {"up_to": True},
    {"up_to": [1]}, {"up_to": {}}, {"up_to": -1},
    {"up_to": 1, "device_id": 5}, {"up_to": 1, "device_id": "x" * 201}],
    ids=json.dumps)
def test_a_wrong_type_is_400_and_acknowledges_nothing(few, body):
    b, events = few
    assert_error(b.caller.post("/sync/ack", {"device_id": b.name, **body}),
                 400)
    assert b.pulled() == events


@pytest.mark.parametrize("body", ["", "{", "[", "x"])
def test_no_json_is_400(nobody, body):
    assert_error(nobody.post("/sync/ack", body), 400, "Invalid JSON")


@pytest.mark.parametrize("body", ["null", "[]", "1", "\"a\"", "true"])
def test_no_object_is_400(nobody, body):
    assert_error(nobody.post("/sync/ack", body), 400)


def test_too_many_gaps_are_409(open_server):
    """Every other one of more than 8,192 is a gap too many."""
    a, b = DevicesOrg(open_server).devices(2)
    count = 8400
    a.pushed_many(count)
    assert b.acked(event_ids=list(range(2, 8001, 2))) == (4000, [])
    r = b.ack(event_ids=list(range(8002, count + 1, 2)))
    assert_error(r, 409, GAPS)
    assert b.acked(up_to=4000) == (2000, [])
    b.acked(event_ids=list(range(8002, count + 1, 2)))
    assert ids(b.pulled()) == list(range(4001, count, 2))
    b.acked(up_to=count)
    assert b.pulled() == []


def test_events_pulled_by_nobody_hold_the_same(nobody, open_server):
    """Without a token it is the org of the configuration."""
    n = nobody.push({"event_type": "t", "payload": 1,
                     "device_id": "sender-of-pull"}).json()["event_id"]
    got = events_of(Caller(open_server).pull(device_id="reader-of-pull"))
    mine, = [e for e in got if e["device_id"] == "sender-of-pull"]
    assert checked(mine)["id"] == n
    assert mine["user_id"] is None
