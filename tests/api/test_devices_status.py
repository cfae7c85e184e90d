"""GET /sync/status and POST /device/register: what became of events, and for
which devices they wait."""

import json

import pytest

from devices import (TIME, WHEN, Caller, DevicesOrg, assert_error,
                     event_id_of, ids, status_of)

MISSING = "Missing device_id or user_id parameter"


# --- pending and synced ------------------------------------------------------

def test_pending_until_every_other_device_has_it(dorg):
    a, b, c = dorg.devices(3)
    n = a.pushed()
    assert a.state(n) == "pending"
    b.acked(n)
    assert a.state(n) == "pending"
    c.acked(n)
    assert a.state(n) == "synced"


def test_the_sender_does_not_count(dorg):
    a, b = dorg.devices(2)
    n = a.pushed()
    a.acked(n)
    assert a.state(n) == "pending"
    b.acked(n)
    assert a.state(n) == "synced"


def test_where_no_other_device_is_registered_it_is_synced_at_once(dorg):
    a = dorg.device(registered=False)
    n = a.pushed()
    assert a.state(n) == "synced"
    assert ids(dorg.device(registered=False).pulled()) == [n]


def test_who_registers_later_does_not_count_for_it(dorg):
    a, b = dorg.devices(2)
    n = a.pushed()
    c = dorg.device()
    assert ids(c.pulled()) == [n]
    b.acked(n)
    assert a.state(n) == "synced"
    m = a.pushed()
    b.acked(m)
    assert a.state(m) == "pending"
    c.acked(m)
    assert a.state(m) == "synced"


def test_each_state_is_shown_by_pull_and_by_status(dorg):
    a, b, c = dorg.devices(3)
    n = a.pushed()
    b.acked(n)
    assert [e["status"] for e in c.pulled()] == ["pending"]
    late = dorg.device(registered=False)
    c.acked(n)
    assert [e["status"] for e in late.pulled()] == ["synced"]


def test_up_to_counts_for_all_below(dorg):
    a, b = dorg.devices(2)
    a.pushed_many(5)
    b.acked(up_to=3)
    summary, history = a.status()
    assert summary == {"total": 5, "pending": 2, "synced": 3, "failed": 0}
    assert [e["status"] for e in history] \
        == ["pending"] * 2 + ["synced"] * 3


# --- who is registered -------------------------------------------------------

def test_a_push_registers(dorg):
    a, b = dorg.devices(2, registered=False)
    b.pushed()
    assert a.state(a.pushed()) == "pending"


def test_a_pull_and_a_status_register_nobody(dorg):
    a, b = dorg.device(), dorg.device(registered=False)
    b.pulled()
    b.pulled(since=WHEN, limit=5)
    b.status()
    n = a.pushed()
    assert a.state(n) == "synced"


def test_a_push_that_was_refused_registers_nobody(dorg):
    a, b = dorg.device(), dorg.device(registered=False)
    assert_error(b.push(timestamp="x"), 400)
    r = b.caller.push([b.event(timestamp="x")])
    assert set(r.json()[0]) == {"error"}
    assert a.state(a.pushed()) == "synced"


def test_a_device_that_is_retired_does_not_count_any_more(dorg):
    a, b, c = dorg.devices(3)
    n = a.pushed()
    b.acked(n)
    m = a.pushed()
    dorg.command("retire", c.name)
    assert a.state(n) == "synced"
    assert a.state(m) == "pending"
    b.acked(m)
    assert a.state(m) == "synced"
    k = a.pushed()
    b.acked(k)
    assert a.state(k) == "synced"


def test_a_retired_device_gets_all_and_counts_when_it_is_taken_back(dorg):
    a, b = dorg.devices(2)
    n = a.pushed()
    dorg.command("retire", b.name)
    m = a.pushed()
    assert [a.state(x) for x in (n, m)] == ["synced"] * 2
    assert ids(b.pulled()) == [n, m]
    b.registered()
    assert a.state(a.pushed()) == "synced"
    dorg.command("reinstate", b.name)
    k = a.pushed()
    assert a.state(k) == "pending"
    assert [a.state(x) for x in (n, m)] == ["synced"] * 2
    assert b.acked(up_to=k) == (4, [])
    assert a.state(k) == "synced"


def test_a_device_with_an_account_that_is_disabled_does_not_count(dorg):
    a, b = dorg.device(), dorg.account()
    n = a.pushed()
    assert a.state(n) == "pending"
    dorg.command("disable", b.name)
    assert a.state(n) == "synced"
    assert a.state(a.pushed()) == "synced"
    dorg.command("enable", b.name)
    assert a.state(a.pushed()) == "pending"


def test_what_an_operator_gives_up_has_failed_and_stays_so(dorg):
    a, b = dorg.devices(2)
    n, m = a.pushed(), a.pushed()
    dorg.command("give-up", n)
    assert [a.state(x) for x in (n, m)] == ["failed", "pending"]
    got = b.pulled()
    assert [(e["id"], e["status"]) for e in got] \
        == [(n, "failed"), (m, "pending")]
    assert b.acked(n, m) == (2, [])
    assert [a.state(x) for x in (n, m)] == ["failed", "synced"]
    assert a.status()[0] == {"total": 2, "pending": 0, "synced": 1,
                             "failed": 1}


def test_giving_up_what_is_not_there_fails(dorg):
    dorg.device().pushed()
    done = dorg.command("give-up", 99, check=False)
    assert done.returncode == 5, done


# --- what is asked for -------------------------------------------------------

@pytest.fixture(scope="module")
def till(open_server):
    """A device that sent thirty, of which the other has the first ten."""
    a, b = DevicesOrg(open_server).devices(2)
    a.pushed_many(30)
    b.pushed()
    b.acked(up_to=10)
    return a


SUMMARY = {"total": 30, "pending": 20, "synced": 10, "failed": 0}


@pytest.mark.parametrize("limit,count", [
    (None, 20), (1, 1), (20, 20), (29, 29), (30, 30), (31, 30), (0, 0),
    (-1, 30), (100000, 30)])
def test_the_history_is_limited_and_the_summary_is_not(till, limit, count):
    params = {} if limit is None else {"limit": limit}
    summary, history = till.status(**params)
    assert summary == SUMMARY
    assert ids(history) == list(range(30, 30 - count, -1))


@pytest.mark.parametrize("limit", ["x", "ten", "1.5", "1e3", "5 ", "--1",
                                   "0x1", "true"])
def test_a_limit_that_is_text_is_400(till, limit):
    r = till.caller.status(device_id=till.name, limit=limit)
    assert_error(r, 400, "Invalid limit")


@pytest.mark.parametrize("params", [{}, {"limit": 5}, {"device_id": ""},
                                    {"user_id": ""},
                                    {"device_id": "", "user_id": ""}])
def test_neither_a_device_nor_a_user_is_400(nobody, params):
    assert_error(nobody.status(**params), 400, MISSING)


def test_an_event_in_the_history_is_as_in_a_pull(dorg):
    a, b = dorg.devices(2)
    a.pushed("t", {"a": [1]}, timestamp=WHEN)
    a.pushed()
    assert a.status()[1] == b.pulled()[::-1]


def test_who_sent_nothing_has_an_empty_history(dorg):
    dorg.device().pushed()
    none = {"total": 0, "pending": 0, "synced": 0, "failed": 0}
    assert dorg.device().status() == (none, [])
    r = dorg.user.status(user_id=dorg.new_user().uuid)
    assert status_of(r) == (none, [])


def test_of_a_user_and_of_both(nobody):
    """With both, an event has to be of both."""
    def push(device, user):
        return event_id_of(nobody.push({
            "event_type": "t", "payload": 1, "device_id": device,
            "user_id": user}))
    one, two = push("s-one", "u-one"), push("s-two", "u-one")
    three = push("s-one", "u-two")

    def shown(**params):
        summary, history = status_of(nobody.status(**params))
        assert summary["total"] == len(history)
        return ids(history)
    assert shown(device_id="s-one") == [three, one]
    assert shown(user_id="u-one") == [two, one]
    assert shown(device_id="s-one", user_id="u-one") == [one]
    assert shown(device_id="s-two", user_id="u-two") == []


def test_a_user_sees_what_was_sent_in_the_own_name(dorg):
    a = dorg.device()
    other = dorg.new_user()
    b = other.device("tablet")
    n, m = a.pushed(), b.pushed()
    assert ids(status_of(dorg.user.status(user_id=dorg.user.uuid))[1]) == [n]
    assert ids(status_of(other.status(user_id=other.uuid))[1]) == [m]


# --- registering -------------------------------------------------------------

def test_registering_is_answered_as_printed(dorg):
    r = dorg.user.register(device_id="dev123", role="till", priority=1)
    assert r.status_code == 200
    body = r.json()
    assert TIME.fullmatch(body.pop("registered_at"))
    assert body == {"message": "Device registered", "device_id": "dev123",
                    "role": "till", "priority": 1}


def test_registering_again_changes_what_is_sent_and_nothing_else(dorg):
    d = dorg.device(registered=False)
    first = d.registered(role="till", priority=1)
    assert d.registered(priority=2) == {**first, "priority": 2}
    assert d.registered(role="tablet") \
        == {**first, "priority": 2, "role": "tablet"}
    assert d.registered() == {**first, "priority": 2, "role": "tablet"}


def test_registering_what_pushed_keeps_its_registration(dorg):
    a, b = dorg.devices(2, registered=False)
    a.pushed()
    n = b.pushed()
    first = a.registered(role="till")
    assert first["role"] == "till"
    assert a.registered()["registered_at"] == first["registered_at"]
    assert ids(a.pulled()) == [n]


def test_role_and_priority_may_be_missing(dorg):
    for members in ({}, {"role": None, "priority": None}, {"role": ""}):
        body = dorg.device(registered=False).registered(**members)
        assert set(body) == {"message", "device_id", "role", "priority",
                             "registered_at"}


@pytest.mark.parametrize("members", [
    {"priority": 0}, {"priority": 1000}, {"role": "r" * 200},
    {"role": "\u00e9" * 100}])
def test_the_ends_of_the_ranges_are_taken(dorg, members):
    body = dorg.device(registered=False).registered(**members)
    assert members.items() <= body.items()


@pytest.mark.parametrize("members", [
    {"priority": -1}, {"priority": 1001}, {"priority": 1.5},
    {"priority": "1"}, {"priority": True}, {"priority": [1]},
    {"priority": 1e300}, {"role": 5}, {"role": True}, {"role": []},
    {"role": {}}, {"device_id": 5}, {"device_id": ["d"]}], ids=json.dumps)
def test_a_wrong_type_or_range_is_400(nobody, members):
    r = nobody.register(**{"device_id": "d-of-types", **members})
    assert_error(r, 400)


@pytest.mark.parametrize("name", ["device_id", "role"])
def test_what_is_too_long_is_400(nobody, name):
    r = nobody.register(**{"device_id": "d-of-types", name: "x" * 201})
    assert_error(r, 400, name + " is too long")


@pytest.mark.parametrize("body", [{}, {"device_id": None},
                                  {"device_id": ""}, {"role": "till"}],
                         ids=json.dumps)
def test_without_a_device_id_it_is_400(nobody, body):
    assert_error(nobody.post("/device/register", body), 400,
                 "Missing fields: device_id")


@pytest.mark.parametrize("body", ["", "{", "x"])
def test_no_json_is_400(nobody, body):
    assert_error(nobody.post("/device/register", body), 400, "Invalid JSON")


@pytest.mark.parametrize("body", ["null", "[]", "5", "\"till\""])
def test_no_object_is_400(nobody, body):
    assert_error(nobody.post("/device/register", body), 400)


def test_a_bad_registration_registers_nobody(dorg):
    a, b = dorg.device(), dorg.device(registered=False)
    assert_error(b.caller.register(device_id=b.name, priority=-1), 400)
    assert a.state(a.pushed()) == "synced"


def test_a_device_is_registered_in_its_org_alone(open_server, dorg):
    other = DevicesOrg(open_server)
    dorg.device()
    a = other.device(registered=False)
    assert a.state(a.pushed()) == "synced"
    assert Caller(open_server).status(device_id=a.name).json()["history"] \
        == []
