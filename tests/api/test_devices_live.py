"""Critical events and sync_update as clients see them that are there."""

import json

import pytest

from devices import (HAS_ACCOUNT, NOT_ME, NOT_MINE, TIME, WHEN, Caller,
                     DevicesOrg, events_of, ids, time_of)
from devices_socket import Polling, Socket, WebSocket, join
from harness import at_the_same_time

TRANSPORTS = [Polling, WebSocket]
MISSING = "Missing fields: "
ACKNOWLEDGED = "Acknowledgement received"

each_transport = pytest.mark.parametrize(
    "transport", TRANSPORTS, ids=["polling", "websocket"])


@pytest.fixture
def joined(dorg):
    """Joins devices of this org, and closes what was joined."""
    made = []

    def join_one(device=None, **kw):
        made.append(join(dorg.server, device, **kw))
        return made[-1]
    yield join_one
    for s in made:
        s.close()


@pytest.fixture(scope="module")
def org_of_errors(open_server):
    return DevicesOrg(open_server)


@pytest.fixture
def pair(dorg, joined):
    """Two devices of an org, joined."""
    return [joined(d) for d in dorg.devices(2)]


# --- critical_event ----------------------------------------------------------

@each_transport
def test_it_is_sent_to_all_with_all_its_members(dorg, joined, transport):
    """To the sender, to another device, and to who is no device."""
    a, b = dorg.devices(2)
    sender, other = joined(a), joined(b, transport=transport)
    third = joined(caller=dorg.user, transport=transport)
    sent = a.event("stock_update", {"product_id": 1, "qty": 0},
                   extra={"deep": [1, None]}, user_id=dorg.user.uuid,
                   client_event_id="c-1")
    sender.emit("critical_event", sent)
    got = [s.take("critical_event") for s in (sender, other, third)]
    assert got[0] == got[1] == got[2]
    assert TIME.fullmatch(got[0]["timestamp"])
    assert got[0] == {**sent, "event_id": 1,
                      "timestamp": got[0]["timestamp"]}


def test_the_timestamp_is_that_of_its_arrival(dorg, pair):
    """The sender's own is the client_timestamp of a pull."""
    sender, other = pair
    n = sender.critical(1, timestamp=WHEN)
    got = other.take("critical_event")
    stored, = dorg.device().pulled()
    assert stored["client_timestamp"] == WHEN
    assert (got["event_id"], got["timestamp"]) == (n, stored["timestamp"])


def test_it_is_stored_before_it_is_sent(dorg, pair):
    """Who hears of it can pull it, and it says that it is critical."""
    sender, other = pair
    reader = dorg.device()
    for n in range(5):
        sender.emit("critical_event", {
            "event_type": "t", "payload": {"n": n},
            "device_id": sender.device})
        got = other.take("critical_event")
        last = reader.pulled()[-1]
        assert last["id"] == got["event_id"] == n + 1
        assert (last["payload"], last["critical"]) == ({"n": n}, True)
        assert last["device_id"] == sender.device


@each_transport
def test_a_callback_gets_the_number(dorg, joined, transport):
    s = joined(dorg.device(), transport=transport)
    assert [s.critical(n) for n in range(3)] == [1, 2, 3]
    assert [e["event_id"] for e in s.takes("critical_event", 3)] == [1, 2, 3]


def test_members_that_are_the_servers_are_not_believed(dorg, pair):
    sender, other = pair
    n = sender.critical(1, event_id=99, status="failed", id=7)
    got = other.take("critical_event")
    assert got["event_id"] == n == 1
    assert dorg.device().pulled()[0]["id"] == 1


@pytest.mark.parametrize("payload", [
    "null", "0", "false", "\"\"", "[]", "{}", "12345678901234567890123",
    "1.0", "\"\\u20ac \U0001f600 \\u0000\"", "[{\"a\":[[]]}]"])
def test_a_payload_is_any_json(dorg, pair, payload):
    sender, other = pair
    sender.engine.send('42["critical_event",{"event_type":"t","device_id":'
                       '"%s","payload":%s}]' % (sender.device, payload))
    packet = other.engine.receive()
    assert '"payload":' + payload in packet
    assert json.loads(packet[2:])[1]["payload"] == json.loads(payload)


def subsets(names):
    for bits in range(1, 1 << len(names)):
        yield [n for i, n in enumerate(names) if bits >> i & 1]


@pytest.mark.parametrize("names", subsets(
    ["event_type", "payload", "device_id"]), ids="-".join)
def test_what_is_missing_is_told_to_the_caller_alone(org_of_errors, names):
    a, b = org_of_errors.devices(2)
    s, other = join(a.caller.server, a), join(a.caller.server, b)
    event = {k: v for k, v in a.event().items() if k not in names}
    assert s.error_of("critical_event", event) == MISSING + ", ".join(names)
    s.settle()
    assert s.pending("critical_event") == s.pending("error") == []
    n = s.critical("behind")
    assert other.take("critical_event")["event_id"] == n
    assert other.pending("error") == []
    s.close()
    other.close()


@pytest.mark.parametrize("bad,text", [
    ({"event_type": None}, MISSING + "event_type"),
    ({"device_id": ""}, MISSING + "device_id"),
    ({"event_type": 5}, "event_type must be a string"),
    ({"user_id": []}, "user_id must be a string"),
    ({"client_event_id": {}}, "client_event_id must be a string"),
    ({"event_type": "x" * 201}, "event_type is too long"),
    ({"client_event_id": "x" * 201}, "client_event_id is too long"),
    ({"timestamp": "now"}, "Invalid timestamp format. Use ISO format.")],
    ids=lambda x: str(x)[:40])
def test_members_are_treated_as_a_pushs(org_of_errors, bad, text):
    a = org_of_errors.device()
    s = join(a.caller.server, a)
    assert s.error_of("critical_event", {**a.event(), **bad}) == text
    got = s.call("critical_event", {**a.event(), **bad})
    assert got == {"error": text}
    s.close()


def test_a_client_event_id_makes_a_repeat_safe(dorg, pair):
    """The same number, the same event, and it is not sent again to those
    that are there but for the answer."""
    sender, other = pair
    n = sender.critical(1, client_event_id="c")
    assert sender.critical(2, client_event_id="c") == n
    m = sender.critical(3)
    assert m == n + 1
    got = []
    while not got or got[-1]["event_id"] != m:
        got.append(other.take("critical_event"))
    assert [e["payload"] for e in got if e["event_id"] == n] \
        in ([1], [1, 1])
    assert len(dorg.device().pulled()) == 2


def test_a_repeat_over_rest_is_the_same_event(dorg, joined):
    a = dorg.device()
    s = joined(a)
    n = s.critical(1, client_event_id="c")
    assert a.pushed(client_event_id="c") == n
    m = a.pushed(payload={"a": 1, "b": 2}, timestamp=WHEN)
    assert s.critical({"b": 2, "a": 1}, timestamp=WHEN) == m


def test_what_rest_pushes_is_not_critical(dorg, joined):
    a, b = dorg.devices(2)
    s = joined(b)
    a.pushed(payload="by REST")
    n = joined(a).critical("critical")
    assert s.take("critical_event")["event_id"] == n
    assert s.pending("critical_event") == []
    assert ["critical" in e for e in b.pulled()] == [False, True]


def test_it_stays_in_its_org(open_server, dorg, joined):
    other = DevicesOrg(open_server)
    x = join(open_server, other.device())
    a = joined(dorg.device())
    a.critical("ours")
    assert x.critical("theirs") == 1
    assert x.take("critical_event")["payload"] == "theirs"
    assert x.pending("critical_event") == []
    x.close()


def test_all_get_all_in_the_order_of_numbers(dorg, joined):
    """Four send at once; each of six gets every event once, in order."""
    each = 20
    senders = [joined(d) for d in dorg.devices(4)]
    others = [joined(dorg.device(), transport=t) for t in TRANSPORTS]

    def send(k):
        numbers = [senders[k].start("critical_event", {
            "event_type": "t", "payload": [k, n],
            "device_id": senders[k].device}) for n in range(each)]
        return [senders[k].answer(n)["event_id"] for n in numbers]
    got = at_the_same_time(send, 4)
    for some in got:
        assert some == sorted(some)
    assert sorted(n for some in got for n in some) \
        == list(range(1, 4 * each + 1))
    for s in senders + others:
        events = s.takes("critical_event", 4 * each)
        assert [e["event_id"] for e in events] \
            == list(range(1, 4 * each + 1))
        assert len({e["timestamp"] for e in events}) == 4 * each
        for e in events:
            k, n = e["payload"]
            assert got[k][n] == e["event_id"]


def test_a_realtime_connection_that_names_its_device_registers_it(dorg,
                                                                  joined):
    a, b, c = dorg.devices(3, registered=False)
    s = joined(a)
    joined(b)
    n = s.critical(1)
    assert a.state(n) == "pending"
    b.acked(n)
    assert a.state(n) == "synced"
    unbound = joined(caller=dorg.user)
    m = s.critical(2)
    b.acked(m)
    assert a.state(m) == "synced"
    assert unbound.call("register_device", {"device_id": c.name})
    assert a.state(s.critical(3)) == "pending"


# --- who sends in whose name -------------------------------------------------

def test_nobody_sends_for_any_device_where_it_is_open(open_server, nobody):
    s = join(open_server)
    n = s.critical(1, device="live-of-nobody", user_id="u-live")
    got, = [e for e in events_of(nobody.pull(device_id="reader-of-live"))
            if e["device_id"] == "live-of-nobody"]
    assert (got["id"], got["user_id"]) == (n, "u-live")
    s.close()


def test_devices_that_lie_about_their_id_are_told_so(token_server):
    org = DevicesOrg(token_server)
    a, b = org.account(), org.device()
    s = join(token_server, a)
    for name in (b.name, "x", a.name.upper()):
        lie = {**a.event(), "device_id": name}
        assert s.error_of("critical_event", lie) == NOT_MINE
        assert s.error_of("register_device", {"device_id": name}) == NOT_MINE
        s.emit("heartbeat", {"device_id": name})
        assert s.error() == NOT_MINE
    assert s.critical(1) == 1
    s.close()
    u = join(token_server, caller=org.user)
    lie = a.event()
    assert u.error_of("critical_event", lie) == HAS_ACCOUNT
    assert u.error_of("register_device", {"device_id": a.name}) \
        == HAS_ACCOUNT
    assert u.error_of("critical_event", b.event(user_id="x")) == NOT_ME
    assert u.critical(1, device=b.name) == 2
    u.close()
    assert [e["user_id"] for e in org.device().pulled()] \
        == [None, org.user.uuid]


# --- acknowledge -------------------------------------------------------------

@each_transport
def test_acknowledge_is_answered_and_counts(dorg, joined, transport):
    a, b = dorg.devices(2)
    sender, other = joined(a), joined(b, transport=transport)
    n = sender.critical(1)
    assert a.state(n) == "pending"
    got = other.take("critical_event")
    other.emit("acknowledge", {"event_id": got["event_id"],
                               "device_id": b.name})
    assert other.take("acknowledged") == {"message": ACKNOWLEDGED,
                                          "event_id": n}
    assert a.state(n) == "synced"
    assert b.pulled() == []


def test_acknowledge_is_idempotent_and_takes_a_callback(pair):
    sender, other = pair
    n = sender.critical(1)
    for _ in range(3):
        got = other.call("acknowledge", {"event_id": n,
                                         "device_id": other.device})
        assert got == {"message": ACKNOWLEDGED, "event_id": n}


def test_what_rest_pushed_can_be_acknowledged(dorg, joined):
    a, b = dorg.devices(2)
    n = a.pushed()
    joined(b).acknowledge(n)
    assert a.state(n) == "synced"


def test_acknowledging_ones_own_succeeds_and_does_not_count(dorg, pair):
    sender, _ = pair
    n = sender.critical(1)
    sender.acknowledge(n)
    assert dorg.user.device(sender.device).state(n) == "pending"


@pytest.mark.parametrize("number", [99, 0, -1, 2 ** 40, 2 ** 62])
def test_an_unknown_number_is_an_error(org_of_errors, number):
    s = join(org_of_errors.server, org_of_errors.device())
    assert s.error_of("acknowledge", {
        "event_id": number, "device_id": s.device}) == "Unknown event_id"
    s.close()


@pytest.mark.parametrize("data", [
    {}, {"event_id": 1}, {"event_id": "1"}, {"event_id": 1.5},
    {"event_id": None}, {"event_id": True}, {"event_id": [1]}],
    ids=json.dumps)
def test_a_bad_acknowledgement_is_an_error_and_acknowledges_nothing(
        org_of_errors, data):
    a, b = org_of_errors.devices(2)
    n = a.pushed()
    s = join(org_of_errors.server, b)
    if data != {"event_id": 1} and data:
        data = {**data, "device_id": b.name}
    assert s.error_of("acknowledge", data)
    assert n in ids(b.pulled())
    s.close()


def test_it_counts_for_the_connections_own_device_alone(dorg, joined):
    a, b, c = dorg.devices(3)
    n = a.pushed()
    s = joined(b)
    assert s.error_of("acknowledge", {"event_id": n, "device_id": c.name})
    unbound = joined(caller=dorg.user)
    assert unbound.error_of("acknowledge",
                            {"event_id": n, "device_id": b.name})
    assert ids(b.pulled()) == ids(c.pulled()) == [n]


# --- register_device and heartbeat -------------------------------------------

def test_register_device_binds_the_connection(dorg, joined):
    a, b = dorg.device(), dorg.device(registered=False)
    s = joined(caller=dorg.user)
    s.emit("register_device", {"device_id": b.name, "role": "till",
                               "priority": 3})
    got = s.take("registered")
    assert got["device_id"] == b.name
    assert TIME.fullmatch(got["registered_at"])
    s.device = b.name
    n = joined(a).critical(1)
    assert a.state(n) == "pending"
    s.acknowledge(n)
    assert a.state(n) == "synced"
    body = b.registered()
    assert (body["role"], body["priority"]) == ("till", 3)
    assert body["registered_at"] == got["registered_at"]


def test_register_device_with_a_callback(dorg, joined):
    d = dorg.device()
    got = joined(caller=dorg.user).call("register_device",
                                        {"device_id": d.name})
    assert got["device_id"] == d.name
    assert got["registered_at"] == d.registered()["registered_at"]


@pytest.mark.parametrize("data", [
    {}, {"device_id": ""}, {"device_id": None}, {"device_id": 5},
    {"device_id": "x" * 201}, {"device_id": "d", "role": 5},
    {"device_id": "d", "priority": -1}, {"device_id": "d", "priority": "1"}],
    ids=lambda data: json.dumps(data)[:40])
def test_a_bad_registration_is_an_error(org_of_errors, data):
    s = join(org_of_errors.server, caller=org_of_errors.user)
    text = s.error_of("register_device", data)
    if data in ({}, {"device_id": ""}, {"device_id": None}):
        assert text == MISSING + "device_id"
    s.close()


@each_transport
def test_a_heartbeat_is_answered_with_the_time(dorg, joined, transport):
    s = joined(dorg.device(), transport=transport)
    s.emit("heartbeat", {"device_id": s.device})
    first = s.take("heartbeat_ack")
    assert set(first) == {"server_time"}
    second = s.settle()
    assert set(second) == {"server_time"}
    assert time_of(first["server_time"]) <= time_of(second["server_time"])


# --- sync_update -------------------------------------------------------------

UPDATE = {"data": {"a": [1, None]}, "timestamp": WHEN}


@each_transport
def test_sync_update_goes_to_the_others_that_have_a_token(
        dorg, joined, transport):
    a, b = dorg.devices(2)
    s, t = joined(a), joined(b, transport=transport)
    u = joined(caller=dorg.new_user(), transport=transport)
    n = s.call("sync_update", UPDATE)
    assert set(n) == {"event_id"}
    for x in (t, u):
        assert x.take("sync_update") == {**UPDATE, **n}
    s.critical("behind")
    s.take("critical_event")
    assert s.pending("sync_update") == []
    got = b.pulled()[0]
    assert (got["id"], got["event_type"], got["device_id"]) \
        == (n["event_id"], "sync_update", a.name)
    assert got["payload"] == UPDATE


def test_of_who_is_no_device_it_is_the_users(dorg, joined):
    s = joined(caller=dorg.user)
    n = s.call("sync_update", UPDATE)["event_id"]
    got, = dorg.device().pulled()
    assert (got["id"], got["device_id"], got["user_id"]) \
        == (n, "user/" + dorg.user.uuid, dorg.user.uuid)


def test_nothing_waits_for_who_is_no_device(dorg, joined):
    joined(caller=dorg.user).call("sync_update", UPDATE)
    a, b = dorg.devices(2)
    n = a.pushed()
    b.acked(n)
    assert a.state(n) == "synced"


def test_without_a_token_it_is_an_error_and_goes_to_nobody(open_server,
                                                           nobody):
    """Nobody sends it, and nobody hears of it; here all are of the org of
    the configuration."""
    s, deaf = join(open_server), join(open_server)
    assert s.error_of("sync_update", UPDATE)
    admin = Caller(open_server, None, "admin", "an-admin-password")
    t, sender = (join(open_server, caller=admin) for _ in range(2))
    n = sender.call("sync_update", {"data": 1, "timestamp": WHEN})
    assert t.take("sync_update")["event_id"] == n["event_id"]
    last = sender.critical("behind", device="sender-of-update")
    deaf.take("critical_event", lambda e: e["event_id"] == last)
    assert deaf.pending("sync_update") == []
    assert t.pending("sync_update") == []
    stored = [e for e in events_of(nobody.pull(device_id="reader-of-update"))
              if e["event_type"] == "sync_update"]
    assert ids(stored) == [n["event_id"]]
    for x in (s, deaf, t, sender):
        x.close()


def test_it_stays_in_its_org_too(open_server, dorg, joined):
    other = DevicesOrg(open_server)
    x, y = (join(open_server, caller=c)
            for c in (other.user, other.new_user()))
    joined(caller=dorg.user).call("sync_update", UPDATE)
    x.call("sync_update", {"data": "theirs", "timestamp": WHEN})
    assert y.take("sync_update")["data"] == "theirs"
    assert y.pending("sync_update") == []
    x.close()
    y.close()


@pytest.mark.parametrize("data", [
    {}, {"data": 1}, {"timestamp": WHEN}, {"data": 1, "timestamp": "now"},
    {"data": 1, "timestamp": 5}], ids=json.dumps)
def test_a_bad_sync_update_is_an_error_or_taken_as_it_is(org_of_errors,
                                                         data):
    """The contract names its members, and does not say that they must be;
    an answer there is, in one form or the other."""
    s = join(org_of_errors.server, caller=org_of_errors.user)
    got = s.call("sync_update", data)
    assert set(got) in ({"error"}, {"event_id"})
    s.close()


# --- transports --------------------------------------------------------------

def test_nothing_is_lost_or_doubled_over_the_upgrade(dorg, joined):
    """Another sends all the while."""
    a, b = dorg.devices(2)
    sender = joined(a)
    polling = Polling(dorg.server)
    s = Socket(polling).join({"token": dorg.user.token, "device_id": b.name})
    first = [sender.critical(n) for n in range(5)]
    s.engine = polling.upgrade()
    second = [sender.critical(n) for n in range(5)]
    got = s.takes("critical_event", 10)
    assert [e["event_id"] for e in got] == first + second
    s.settle()
    assert s.pending("critical_event") == []
    s.close()
    polling.close()
