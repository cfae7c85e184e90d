"""What realtime connections have to do with each other: several of one
device, several senders, slow readers, and those that are bound late."""

import threading

import pytest

from devices import TOKEN_CONFIG, Caller, DevicesOrg, open_config
from devices_socket import ConnectError, Socket, WebSocket, auth_of, join
from harness import at_the_same_time
from test_audit import sums

OUTBOX = 65536
WINDOW = 8


@pytest.fixture(scope="module")
def small(serve):
    """A server with a small outbox and window."""
    return serve(open_config(outbox_bytes=OUTBOX, window=WINDOW,
                             events_per_s=0))


@pytest.fixture
def org(small):
    return DevicesOrg(small)


@pytest.fixture
def joined(org):
    made = []

    def join_one(device=None, **kw):
        made.append(join(org.server, device, **kw))
        return made[-1]
    yield join_one
    for s in made:
        s.close()


def numbers(events):
    return [e["event_id"] for e in events]


def slow(org, auth):
    """Joined, and hardly read from by its system."""
    return Socket(WebSocket(org.server, buffer_bytes=4096)).join(auth)


def sent_by(sender, count, payload):
    """Send so many at once; their numbers."""
    asked = [sender.start("critical_event", {
        "event_type": "t", "payload": payload, "device_id": sender.device})
        for _ in range(count)]
    return [sender.answer(n)["event_id"] for n in asked]


# --- connections of one device -----------------------------------------------

def test_two_connections_of_a_device_both_get_everything(org, joined):
    a, b = org.devices(2)
    sender, one, two = joined(a), joined(b), joined(b)
    n = sender.critical(1)
    for s in (one, two):
        assert s.take("critical_event")["event_id"] == n
    one.acknowledge(n)
    three = joined(b)
    m = sender.critical(2)
    for s in (one, two, three):
        assert s.take("critical_event")["event_id"] == m


def test_what_one_acknowledges_makes_room_for_the_other(org, joined):
    """Both wait with a full window; only one acknowledges."""
    a, b = org.devices(2)
    sent = sent_by(joined(a), 3 * WINDOW, 1)
    one, two = joined(b), joined(b)
    for s in (one, two):
        assert numbers(s.takes("critical_event", WINDOW)) == sent[:WINDOW]
    one.acknowledge(*sent[:WINDOW])
    got = numbers(two.takes("critical_event", WINDOW))
    assert got == sent[WINDOW:2 * WINDOW]


def test_a_connection_is_one_devices(org, joined):
    a, b = org.devices(2)
    s = joined(a)
    assert s.error_of("register_device", {"device_id": b.name})
    got = s.call("register_device", {"device_id": a.name, "role": "bar"})
    assert got["device_id"] == a.name
    assert a.registered()["role"] == "bar"
    n = joined(b).critical(1)
    s.acknowledge(s.take("critical_event")["event_id"])
    assert b.state(n) == "synced"


def test_who_is_bound_late_gets_what_it_missed_and_then_the_rest(org,
                                                                 joined):
    a, b = org.devices(2)
    sender = joined(a)
    before = sent_by(sender, 3, "before")
    s = joined(caller=org.user)
    live = sender.critical("live")
    assert s.take("critical_event")["event_id"] == live
    s.call("register_device", {"device_id": b.name})
    s.device = b.name
    assert numbers(s.takes("critical_event", 4)) == before + [live]
    s.acknowledge(*before, live)
    behind = sender.critical("behind")
    assert s.take("critical_event")["event_id"] == behind


def test_ones_own_events_come_while_one_catches_up(org, joined):
    """They are live flow, and wait for their turn."""
    a, b = org.devices(2)
    missed = sent_by(joined(a), WINDOW + 2, 1)
    s = joined(b)
    s.takes("critical_event", WINDOW)
    own = s.critical("own")
    s.acknowledge(*missed[:WINDOW])
    assert numbers(s.takes("critical_event", 2)) == missed[WINDOW:]
    assert s.take("critical_event")["event_id"] == own


# --- many senders ------------------------------------------------------------

def test_eight_senders_by_rest_and_in_real_time(org, joined):
    """Critical events of four among the pushes of four others: everybody
    sees the critical ones in the order of their numbers."""
    each = 25
    readers = [joined(d) for d in org.devices(2)]
    readers.append(joined(caller=org.user))
    senders = [joined(d) for d in org.devices(4)]
    pushers = [d.again() for d in org.devices(4)]

    def work(k):
        if k < 4:
            return [senders[k].critical([k, n]) for n in range(each)]
        return [pushers[k - 4].pushed(payload=n) for n in range(each)]
    got = at_the_same_time(work, 8)
    critical = sorted(n for some in got[:4] for n in some)
    assert sorted(n for some in got for n in some) \
        == list(range(1, 8 * each + 1))
    for s in readers:
        seen = []
        while len(seen) < len(critical):
            n = s.take("critical_event")["event_id"]
            if s.device:
                s.acknowledge(n)
            seen.append(n)
        assert seen == critical


# --- slow readers ------------------------------------------------------------

def test_a_slow_reader_that_is_no_device_misses_nothing(org, joined):
    """Critical events and updates, each once and in order."""
    sender = joined(org.device())
    other = joined(caller=org.user)
    s = slow(org, auth_of(caller=org.user))
    sent = []
    for k in range(6):
        sent += sent_by(sender, 8, "x" * 9000)
        sent.append(other.call("sync_update", {
            "data": "y" * 9000, "timestamp": "now"})["event_id"])
    got = []
    while len(got) < len(sent):
        name, (data,) = s.next()
        assert name in ("critical_event", "sync_update")
        got.append(data["event_id"])
    assert got == sent
    s.settle()
    assert s.pending("critical_event") == s.pending("sync_update") == []
    s.close()


def test_ones_own_updates_do_not_come_back_from_the_store(org, joined):
    """The slow reader is itself who sends updates; another connection of
    the same user's gets them."""
    sender = joined(org.device())
    s, other = slow(org, auth_of(caller=org.user)), joined(caller=org.user)
    own = s.start("sync_update", {"data": 1, "timestamp": "now"})
    sent = sent_by(sender, 30, "x" * 9000)
    late = s.start("sync_update", {"data": 2, "timestamp": "now"})
    own = [s.answer(own)["event_id"], s.answer(late)["event_id"]]
    while len(s.pending("critical_event")) < len(sent):
        s.read()
    assert numbers(s.pending("critical_event")) == sent
    assert s.pending("sync_update") == []
    assert numbers(other.takes("sync_update", 2)) == own
    s.close()


def test_an_event_that_is_larger_than_the_outbox_arrives(org, joined):
    a, b = org.devices(2)
    sender = joined(a)
    away, there = "x" * (5 * OUTBOX), "y" * (5 * OUTBOX)
    sender.critical(away)
    s = joined(b)
    assert s.take("critical_event")["payload"] == away
    sender.critical(there)
    assert s.take("critical_event")["payload"] == there


def test_a_slow_follower_gets_all_changes(org):
    a = org.device()
    s = slow(org, auth_of(caller=org.user))
    s.call("subscribe", {"feed": "devices"})
    r = a.caller.push([a.event(payload="z" * 9000) for _ in range(100)])
    sent = [e["event_id"] for e in r.json()]
    got = [s.take("change") for _ in sent]
    assert [c["event"]["id"] for c in got] == sent
    s.close()


# --- who comes when ----------------------------------------------------------

def test_an_org_that_is_made_while_the_server_runs(small):
    """Its first event is sent live."""
    org = DevicesOrg(small)
    a = org.device()
    s, t = join(small, a), join(small, caller=org.user)
    assert s.critical("first") == 1
    for x in (s, t):
        assert x.take("critical_event")["payload"] == "first"
        x.close()


def test_joining_while_others_send_misses_nothing_that_comes_behind(org,
                                                                    joined):
    """Each of some that join meanwhile gets a run of numbers without a gap,
    up to the end."""
    sender = joined(org.device())
    some = []

    def come():
        for _ in range(12):
            some.append(join(org.server, caller=org.user))
    t = threading.Thread(target=come)
    t.start()
    last = 0
    while t.is_alive():
        last = sender.critical("x")
    t.join()
    last = sender.critical("last")
    for s in some:
        got = numbers(s.takes("critical_event", 1))
        while got[-1] != last:
            got.append(s.take("critical_event")["event_id"])
        assert got == list(range(got[0], last + 1))
        s.close()


# --- the audit trail ---------------------------------------------------------

def test_what_commits_nothing_is_added_up(serve):
    """Those who come and those who must not, and what they ask for; what
    commits something has a row of its own."""
    server = serve(TOKEN_CONFIG)
    org = DevicesOrg(server)
    a, b = org.devices(2)
    for _ in range(2):
        join(server, a).close()
    with pytest.raises(ConnectError):
        Socket(WebSocket(server)).join({"token": "x"})
    s, t = join(server, a), join(server, b)
    n = s.critical(1)
    assert s.error_of("critical_event", {}).startswith("Missing fields")
    for _ in range(3):
        t.acknowledge(n)
    t.settle()
    s.close()
    t.close()
    server.restart()
    added, who = sums(server.data), "user/" + org.user.uuid
    assert added[who, "connect", 200] == 4
    assert added["", "connect", 401] == 1
    assert added[who, "critical_event", 400] == 1
    assert added[who, "critical_event", 200] == 0
    assert added[who, "acknowledge", 200] == 2
    assert added[who, "heartbeat", 200] == 1


# --- sites -------------------------------------------------------------------

def test_a_site_may_follow_and_do_nothing_else(org):
    site = Caller(org.server, org.org.site().token())
    s = Socket(WebSocket(org.server)).join({"token": site.token})
    sender = join(org.server, org.device())
    n = sender.critical(1)
    assert sender.take("critical_event")["event_id"] == n
    for name in ("critical_event", "sync_update", "acknowledge",
                 "register_device", "heartbeat"):
        assert s.error_of(name, {"event_id": n, "device_id": "x"}) \
            == "Insufficient permissions"
    assert "cursor" in s.call("subscribe", {"feed": "central"})
    assert s.pending("critical_event") == []
    s.close()
    sender.close()
