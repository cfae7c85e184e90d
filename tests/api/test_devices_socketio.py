"""A client that others wrote, Debian's python3-socketio, as an app uses it."""

import queue

import pytest
import socketio

from devices import DevicesOrg, REQUIRED
from harness import DEADLINE_S, wait_for

EVENTS = ["connected", "critical_event", "acknowledged", "registered",
          "heartbeat_ack", "sync_update", "error", "change", "subscribed"]
TRANSPORTS = {"polling": ["polling"], "websocket": ["websocket"],
              "upgrade": ["polling", "websocket"]}


class App:
    """A program that keeps what it hears, for a test to take."""

    def __init__(self, server, auth=None, transports=None, **kw):
        self.heard = {name: queue.Queue() for name in EVENTS}
        self.ended = queue.Queue()
        self.client = socketio.Client(
            reconnection=kw.pop("reconnection", False),
            reconnection_delay=0.05, reconnection_delay_max=0.1)
        for name in EVENTS:
            self.client.on(name, self.heard[name].put)
        self.client.on("disconnect", lambda: self.ended.put(True))
        self.client.connect(server.base, auth=auth, transports=transports,
                            wait_timeout=DEADLINE_S)

    def take(self, name):
        return self.heard[name].get(timeout=DEADLINE_S)

    def call(self, name, data):
        return self.client.call(name, data, timeout=DEADLINE_S)

    def close(self):
        self.client.disconnect()


@pytest.fixture
def app(dorg):
    """Starts apps of this org's devices, and ends them."""
    made = []

    def start(device, **kw):
        made.append(App(dorg.server, {"token": device.caller.token,
                                      "device_id": device.name}, **kw))
        return made[-1]
    yield start
    for a in made:
        a.close()


@pytest.mark.parametrize("transports", TRANSPORTS.values(),
                         ids=TRANSPORTS.keys())
def test_an_app_sends_hears_and_acknowledges(dorg, app, transports):
    a, b = dorg.devices(2)
    one, two = (app(d, transports=transports) for d in (a, b))
    for x in (one, two):
        assert x.take("connected") == {"message": "Connected to sync server"}
        assert x.client.transport() == transports[-1]
    event = a.event("stock_update", {"product_id": 1, "qty": 0})
    assert one.call("critical_event", event) == {"event_id": 1}
    for x in (one, two):
        got = x.take("critical_event")
        assert isinstance(got.pop("timestamp"), str)
        assert got == {**event, "event_id": 1}
    two.client.emit("acknowledge", {"event_id": 1, "device_id": b.name})
    assert two.take("acknowledged") == {
        "message": "Acknowledgement received", "event_id": 1}
    assert a.state(1) == "synced"
    two.client.emit("critical_event", {"event_type": "t"})
    assert two.take("error") \
        == {"error": "Missing fields: payload, device_id"}
    two.client.emit("heartbeat", {"device_id": b.name})
    assert set(two.take("heartbeat_ack")) == {"server_time"}
    n = one.call("sync_update", {"data": [1], "timestamp": "2025-07-25"})
    assert two.take("sync_update") == {"data": [1],
                                       "timestamp": "2025-07-25", **n}


@pytest.mark.parametrize("transports", TRANSPORTS.values(),
                         ids=TRANSPORTS.keys())
def test_many_large_events_arrive_whole(dorg, app, transports):
    a, b = dorg.devices(2)
    one, two = (app(d, transports=transports) for d in (a, b))
    for n in range(20):
        one.client.emit("critical_event",
                        a.event(payload=[n, "\u20ac" * 2000]))
    for n in range(20):
        assert two.take("critical_event")["payload"] \
            == [n, "\u20ac" * 2000]


def test_bytes_that_an_app_sends_do_no_harm(dorg, app):
    a = dorg.device()
    one = app(a)
    one.client.emit("unknown", {"bytes": b"\0\1", "more": [b"x"]})
    one.client.emit("critical_event", a.event(payload=b"\0\1"))
    assert "server_time" in one.call("heartbeat", {"device_id": a.name})
    assert one.client.connected


def test_an_app_that_comes_back_by_itself_gets_what_it_missed(dorg, app):
    """The server restarts; the app is one that reconnects."""
    a, b = dorg.devices(2)
    two = app(b, reconnection=True)
    two.take("connected")
    dorg.server.restart()
    n = app(a).call("critical_event", a.event(payload="missed"))["event_id"]
    two.take("connected")
    assert two.take("critical_event")["event_id"] == n


def test_a_refused_app_is_told_why(token_server):
    """It waits for as long as it was told to, and says so then."""
    org = DevicesOrg(token_server)
    told = []
    client = socketio.Client(reconnection=False)
    client.on("connect_error", told.append)
    with pytest.raises(socketio.exceptions.ConnectionError):
        client.connect(token_server.base, transports=["websocket"],
                       wait_timeout=1)
    wait_for(lambda: told, "connect_error")
    assert REQUIRED in str(told[0])
    client.disconnect()
    App(token_server, {"token": org.user.token}).close()
