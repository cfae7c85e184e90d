"""Critical events reach each registered device that was away, in order, until
it has acknowledged them: over reconnects, restarts and kill -9."""

import pytest

from devices import DevicesOrg, ids, open_config
from devices_socket import Polling, Socket, WebSocket, join
from harness import wait_for

WINDOW = 4
TRANSPORTS = [Polling, WebSocket]

each_transport = pytest.mark.parametrize(
    "transport", TRANSPORTS, ids=["polling", "websocket"])


@pytest.fixture(scope="module")
def small(serve):
    """A server with a window of four and a small outbox."""
    return serve(open_config(window=WINDOW, outbox_bytes=65536))


@pytest.fixture(scope="module")
def insistent(serve):
    """A server that soon sends again, and soon calls an event overdue."""
    return serve(open_config(redeliver_s=1, deadline_s=1))


@pytest.fixture
def dorg(small):
    return DevicesOrg(small)


@pytest.fixture
def joined(dorg):
    """Joins devices, and closes what was joined."""
    made = []

    def join_one(device=None, **kw):
        made.append(join(dorg.server, device, **kw))
        return made[-1]
    yield join_one
    for s in made:
        s.close()


def numbers(events):
    return [e["event_id"] for e in events]


def criticals(sock):
    """The numbers of the critical events that were read and not taken."""
    return numbers(sock.pending("critical_event"))


def follow(sock, last, acknowledge=True):
    """Take and acknowledge events up to this one; their numbers, each
    once, which must come in order."""
    got = []
    while not got or got[-1] != last:
        n = sock.take("critical_event")["event_id"]
        if not got or n > got[-1]:
            got.append(n)
        if acknowledge:
            sock.acknowledge(n)
    return got


# --- reconnects --------------------------------------------------------------

@each_transport
def test_what_was_missed_comes_in_order_with_all_its_members(
        dorg, joined, transport):
    a, b = dorg.devices(2)
    sender, watcher = joined(a), joined(caller=dorg.user)
    sender.critical(1, extra=[1], client_event_id="c")
    sender.critical({"n": 2}, timestamp="2025-07-25T12:00:00")
    sender.critical(3)
    live = watcher.takes("critical_event", 3)
    assert joined(b, transport=transport).takes("critical_event", 3) == live


def test_until_it_is_acknowledged(dorg, joined):
    a, b = dorg.devices(2)
    sender = joined(a)
    sent = [sender.critical(n) for n in range(3)]
    for left in (sent, sent[:1] + sent[2:], sent[2:]):
        s = joined(b)
        assert numbers(s.takes("critical_event", len(left))) == left
        s.settle()
        assert criticals(s) == []
        if len(left) > 1:
            s.acknowledge(left[-2])
        else:
            s.acknowledge(*left)
        s.close()
    s = joined(b)
    s.settle()
    n = sender.critical("live")
    assert s.take("critical_event")["event_id"] == n
    assert criticals(s) == []


def test_ones_own_are_not_redelivered(dorg, joined):
    a, b = dorg.devices(2)
    s = joined(a)
    own = [s.critical(n) for n in range(3)]
    s.takes("critical_event", 3)
    s.close()
    n = joined(b).critical("other")
    s = joined(a)
    assert s.take("critical_event")["event_id"] == n
    s.settle()
    assert criticals(s) == [] and n not in own


def test_nor_is_what_rest_pushed_or_what_came_before_the_registration(
        dorg, joined):
    a, b = dorg.device(), dorg.device(registered=False)
    sender = joined(a)
    before = sender.critical("before")
    b.registered()
    a.pushed(payload="by REST")
    after = sender.critical("after")
    s = joined(b)
    assert s.take("critical_event")["event_id"] == after
    s.settle()
    assert criticals(s) == []
    assert ids(b.pulled()) == [before, before + 1, after]


def test_rest_and_realtime_acknowledge_the_same(dorg, joined):
    a, b = dorg.devices(2)
    sender = joined(a)
    sent = [sender.critical(n) for n in range(4)]
    b.acked(sent[0])
    b.acked(up_to=sent[1])
    s = joined(b)
    assert numbers(s.takes("critical_event", 2)) == sent[2:]
    s.acknowledge(sent[2])
    s.settle()
    assert ids(b.pulled()) == [sent[3]]


def test_register_device_starts_it_too(dorg, joined):
    a, b = dorg.devices(2)
    sender = joined(a)
    sent = [sender.critical(n) for n in range(2)]
    s = joined(caller=dorg.user)
    s.emit("register_device", {"device_id": b.name})
    s.take("registered")
    s.device = b.name
    assert numbers(s.takes("critical_event", 2)) == sent


def test_to_who_is_no_device_nothing_is_redelivered(dorg, joined):
    joined(dorg.device()).critical("missed")
    s = joined(caller=dorg.user)
    n = joined(dorg.device()).critical("live")
    assert s.take("critical_event")["event_id"] == n


def test_a_device_that_went_over_to_another_transport(dorg, joined):
    """What it was sent over polling and did not acknowledge comes again."""
    a, b = dorg.devices(2)
    sender = joined(a)
    first = joined(b, transport=Polling)
    n = sender.critical(1)
    assert first.take("critical_event")["event_id"] == n
    first.engine.send("1")
    second = joined(b, transport=WebSocket)
    assert second.take("critical_event")["event_id"] == n


# --- the window --------------------------------------------------------------

def test_no_more_than_a_window_is_sent_at_a_time(dorg, joined):
    a, b = dorg.devices(2)
    sender = joined(a)
    sent = [sender.critical(n) for n in range(10)]
    s = joined(b)
    assert numbers(s.takes("critical_event", WINDOW)) == sent[:WINDOW]
    for k in range(WINDOW, 10):
        s.settle()
        assert criticals(s) == []
        s.acknowledge(sent[k - WINDOW])
        assert s.take("critical_event")["event_id"] == sent[k]
    s.settle()
    assert criticals(s) == []


def test_the_window_counts_what_is_not_acknowledged(dorg, joined):
    """In whatever order they are, and by whatever means."""
    a, b = dorg.devices(2)
    sender = joined(a)
    sent = [sender.critical(n) for n in range(8)]
    s = joined(b)
    s.takes("critical_event", WINDOW)
    s.acknowledge(sent[2])
    assert s.take("critical_event")["event_id"] == sent[4]
    s.acknowledge(sent[0], sent[3])
    assert numbers(s.takes("critical_event", 2)) == sent[5:7]
    s.settle()
    assert criticals(s) == []
    b.acked(sent[1], sent[4])
    assert s.take("critical_event")["event_id"] == sent[7]


def test_the_live_flow_begins_when_the_replay_has_caught_up(dorg, joined):
    """What is sent while the window is full waits for its turn."""
    a, b = dorg.devices(2)
    sender = joined(a)
    sent = [sender.critical(n) for n in range(6)]
    s = joined(b)
    s.takes("critical_event", WINDOW)
    sent += [sender.critical("while") for _ in range(2)]
    s.settle()
    assert criticals(s) == []
    s.acknowledge(*sent[:WINDOW])
    assert numbers(s.takes("critical_event", WINDOW)) == sent[WINDOW:]
    s.acknowledge(*sent[WINDOW:])
    n = sender.critical("live")
    assert s.take("critical_event")["event_id"] == n
    s.settle()
    assert criticals(s) == []


def test_catching_up_under_load_misses_and_reorders_nothing(dorg, joined):
    """Another sends before, while and after a device comes back."""
    a, b = dorg.devices(2)
    sender = joined(a)
    asked = [sender.start("critical_event", a.event(payload=n))
             for n in range(60)]
    s = joined(b)
    asked += [sender.start("critical_event", a.event(payload=n))
              for n in range(60)]
    sent = [sender.answer(k)["event_id"] for k in asked]
    assert follow(s, sent[-1]) == sent == list(range(1, 121))
    s.settle()
    assert criticals(s) == []


def test_who_reads_too_slowly_gets_what_was_missed_from_the_store(dorg,
                                                                  joined):
    """Two megabytes go by, of which sixty-four kilobytes may wait."""
    a, b = dorg.devices(2)
    sender = joined(a)
    slow = Socket(WebSocket(dorg.server, buffer_bytes=4096)).join(
        {"token": dorg.user.token, "device_id": b.name})
    text = "x" * 20000
    asked = [sender.start("critical_event", a.event(payload=text))
             for _ in range(100)]
    sent = [sender.answer(k)["event_id"] for k in asked]
    assert follow(slow, sent[-1]) == sent
    slow.settle()
    assert b.pulled() == []
    slow.close()


def test_who_does_not_read_holds_nobody_up(dorg, joined):
    a, b, c = dorg.devices(3)
    sender, other = joined(a), joined(c)
    deaf = Socket(WebSocket(dorg.server, buffer_bytes=4096)).join(
        {"token": dorg.user.token, "device_id": b.name})
    text = "x" * 20000
    sent = [sender.critical(text) for _ in range(60)]
    assert follow(other, sent[-1]) == sent
    deaf.close()


# --- restarts ----------------------------------------------------------------

@pytest.mark.parametrize("hard", [False, True], ids=["TERM", "kill -9"])
def test_over_a_restart_of_the_server(dorg, hard):
    a, b, c = dorg.devices(3)
    sender, other = join(dorg.server, a), join(dorg.server, c)
    sent = [sender.critical(n) for n in range(4)]
    assert numbers(other.takes("critical_event", 4)) == sent
    other.acknowledge(sent[0], sent[2])
    dorg.server.restart(hard=hard)
    for s in (sender, other):
        s.close()
    s, t = join(dorg.server, b), join(dorg.server, c)
    assert follow(s, sent[-1]) == sent
    assert numbers(t.takes("critical_event", 2)) == [sent[1], sent[3]]
    n = join(dorg.server, a).critical("behind", client_event_id="c")
    assert n == sent[-1] + 1
    assert s.take("critical_event")["event_id"] == n
    for x in (s, t):
        x.close()


def test_what_was_answered_before_a_kill_is_redelivered(dorg):
    """Each callback's number, though nobody was there."""
    a, b = dorg.devices(2)
    for _ in range(2):
        sender = join(dorg.server, a)
        asked = [sender.start("critical_event", a.event(payload=n))
                 for n in range(30)]
        answered = [sender.answer(k)["event_id"] for k in asked[:15]]
        dorg.server.restart(hard=True)
        sender.close()
        s = join(dorg.server, b)
        last = join(dorg.server, a).critical("last")
        got = follow(s, last)
        assert set(answered) <= set(got)
        s.close()


# --- sending again, and overdue ----------------------------------------------

def test_what_stays_without_acknowledgement_is_sent_again(insistent):
    org = DevicesOrg(insistent)
    a, b = org.devices(2)
    sender, s = join(insistent, a), join(insistent, b)
    n = sender.critical("again")
    m = sender.critical("acknowledged")
    seen = numbers(s.takes("critical_event", 2))
    assert seen == [n, m]
    s.acknowledge(m)
    for _ in range(2):
        assert s.take("critical_event")["event_id"] == n
    s.acknowledge(n)
    k = sender.critical("behind")
    assert s.take("critical_event",
                  lambda e: e["event_id"] != n)["event_id"] == k
    sender.close()
    s.close()


def test_what_is_pending_past_its_deadline_is_listed(insistent):
    """For administrators, the oldest first; no other event is, and none
    any more that all have."""
    org = DevicesOrg(insistent)
    a, b, c = org.devices(3)
    s = join(insistent, a)
    critical = [s.critical(n) for n in range(3)]
    a.pushed(payload="by REST")
    b.acked(critical[0])
    b.acked(critical[1])
    c.acked(critical[1])

    def overdue(**params):
        r = org.admin.get("/sync/overdue", **params)
        assert r.status_code == 200, r.text
        assert set(r.json()) == {"events", "has_more"}
        return r.json()
    body = wait_for(lambda: len(overdue()["events"]) >= 2 and overdue(),
                    "both to be overdue")
    assert body["has_more"] is False
    assert ids(body["events"]) == [critical[0], critical[2]]
    assert [e["waiting_for"] for e in body["events"]] == [1, 2]
    for e in body["events"]:
        assert e["critical"] is True and e["status"] == "pending"
        assert e["device_id"] == a.name
    body = overdue(limit=1)
    assert (ids(body["events"]), body["has_more"]) == ([critical[0]], True)
    for bad in ("0", "-1", "x", "1.5"):
        assert org.admin.get("/sync/overdue", limit=bad).status_code == 400
    out = org.command("overdue").stdout
    assert len(out.splitlines()) == 2
    b.acked(critical[2])
    c.acked(up_to=critical[2])
    assert overdue()["events"] == []
    s.close()
