"""Real clients of the devices API, as a till's program uses them."""

import time

import pytest

from devices import REQUIRED, TOKEN_CONFIG, DevicesOrg, checked
from harness import ADMIN_PASSWORD, Server, wait_for

# Python's client posts all that waits at once, whatever the server bears.
LARGE = "\u20ac" * 20000
# More than a device gets before it acknowledges some, and far more than a
# client takes at once by polling.
MISSED = 100


@pytest.fixture(scope="module")
def tombolo(tmp_path_factory):
    s = Server(tmp_path_factory.mktemp("devices"), config=TOKEN_CONFIG)
    s.cli.init("main", "admin", ADMIN_PASSWORD)
    s.start()
    yield s
    assert s.stop() == 0, s.log_path.read_text()[-4000:]


@pytest.fixture
def dorg(tombolo):
    return DevicesOrg(tombolo)


@pytest.fixture
def connect(open_app, tombolo):
    """Connects an app as its device, and waits for the server's welcome."""
    def one(device, bind=True, **kw):
        auth = {"token": device.caller.token}
        if bind:
            auth["device_id"] = device.name
        app = open_app(tombolo, auth=auth, **kw)
        assert app.take("connected") \
            == [{"message": "Connected to sync server"}]
        return app
    return one


def acknowledge(app, device, number):
    app.emit("acknowledge", {"event_id": number, "device_id": device.name})
    assert app.take("acknowledged") == [
        {"message": "Acknowledgement received", "event_id": number}]


def test_apps_send_hear_and_acknowledge(dorg, connect, transports):
    a, b = dorg.devices(2)
    one, two = (connect(d, transports=transports) for d in (a, b))
    for app in (one, two):
        app.await_transport(transports[-1])
    event = a.event("stock_update", {"product_id": 1, "qty": 0})
    assert one.call("critical_event", event) == [{"event_id": 1}]
    for app in (one, two):
        got, = app.take("critical_event")
        assert isinstance(got.pop("timestamp"), str)
        assert got == {**event, "event_id": 1}
    acknowledge(two, b, 1)
    assert a.state(1) == "synced"
    two.emit("critical_event", {"event_type": "t"})
    assert two.take("error") \
        == [{"error": "Missing fields: payload, device_id"}]
    two.emit("heartbeat", {"device_id": b.name})
    beat, = two.take("heartbeat_ack")
    assert set(beat) == {"server_time"}
    answer, = one.call("sync_update", {"data": [1],
                                       "timestamp": "2025-07-25"})
    assert two.take("sync_update") == [
        {"data": [1], "timestamp": "2025-07-25", **answer}]


def test_an_app_gets_what_it_missed_in_its_order(dorg, connect, transports):
    a, b = dorg.devices(2)
    sender = connect(a)
    for n in range(MISSED):
        sender.emit("critical_event", a.event(payload=n))
    wait_for(lambda: a.status()[0]["total"] == MISSED, "all to be there")
    app = connect(b, transports=transports)
    for n in range(0, MISSED, 50):
        got = [app.take("critical_event")[0] for _ in range(50)]
        if not app.keeps_order:
            got.sort(key=lambda e: e["event_id"])
        assert [e["payload"] for e in got] == list(range(n, n + 50))
        for e in got:
            acknowledge(app, b, e["event_id"])
    answer, = sender.call("critical_event", a.event(payload="live"))
    assert app.take("critical_event")[0]["event_id"] == answer["event_id"]
    assert not app.untaken().get(("/", "critical_event"))


def test_large_events_arrive_whole(dorg, connect, transports):
    a, b = dorg.devices(2)
    one, two = (connect(d, transports=transports) for d in (a, b))
    for n in range(5):
        one.emit("critical_event", a.event(payload=[n, LARGE]))
    got = sorted(two.take("critical_event")[0]["payload"] for _ in range(5))
    assert got == [[n, LARGE] for n in range(5)]


def test_an_app_comes_back_by_itself_for_what_it_missed(dorg, connect,
                                                        transports):
    """The server restarts; the app is one that reconnects."""
    a, b = dorg.devices(2)
    app = connect(b, transports=transports, reconnection=True)
    app.await_transport(transports[-1])
    dorg.server.restart()
    app.take("disconnect")
    number = connect(a).call("critical_event",
                             a.event(payload="missed"))[0]["event_id"]
    app.take("connected")
    assert app.take("critical_event")[0]["event_id"] == number
    acknowledge(app, b, number)


def test_an_app_registers_and_follows(dorg, connect, transports):
    a, b = dorg.device(), dorg.device(registered=False)
    app = connect(b, bind=False, transports=transports)
    app.emit("register_device", {"device_id": b.name, "role": "till"})
    registered, = app.take("registered")
    assert registered["device_id"] == b.name
    what = {"feed": "devices"}
    app.emit("subscribe", what)
    assert set(app.take("subscribed")[0]) == {"feed", "cursor"}
    number = a.pushed("t", {"n": 1})
    change, = app.take("change")
    assert change["feed"] == "devices" and change["cursor"]
    assert checked(change["event"])["id"] == number
    assert app.call("unsubscribe", what) == [what]


def test_bytes_that_an_app_sends_do_no_harm(dorg, connect, transports):
    d = dorg.device()
    app = connect(d, transports=transports)
    app.emit("unknown", {"bytes": b"\0\1", "more": [b"x"]})
    app.emit("heartbeat", {"device_id": d.name, "bytes": b"\0\1"})
    app.emit("heartbeat", b"\0\1")
    answer, = app.call("critical_event", d.event(payload="text"))
    assert app.take("critical_event")[0]["event_id"] == answer["event_id"]


def test_a_refused_app_is_told_why(open_app, tombolo, transports):
    for auth, text in ((None, REQUIRED), ({}, REQUIRED),
                       ({"token": "x"}, "Invalid or expired token")):
        app = open_app(tombolo, auth=auth, transports=transports)
        assert app.take("connect_error") == [{"message": text}]
        app.close()
    app = open_app(tombolo, namespaces=["/other"], transports=transports)
    assert app.take("connect_error", "/other") \
        == [{"message": "Invalid namespace"}]


def test_an_app_whose_token_is_revoked_is_told_before_it_ends(
        dorg, connect, transports):
    user = dorg.new_user()
    app = connect(dorg.device(caller=user), transports=transports)
    app.await_transport(transports[-1])
    begin = time.monotonic()
    dorg.cli.run("user", "disable", user.name, "--org", dorg.name)
    assert app.take("error") == [{"error": "Token expired"}]
    app.take("disconnect")
    # A second is promised; what this machine takes comes on top.
    assert time.monotonic() - begin < 10
