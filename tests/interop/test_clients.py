"""Real clients against the realtime layer alone: what they say and hear is
right, over every transport.

The program under test is server_main.c, named by TB_REALTIME_TEST_SERVER.
"""

import signal

import pytest

from conftest import CALM
from realtime import Server, wait_for

JSON = [None, True, 0, -1.5, "", "\u20ac \x1e \U0001f600 \"\\", [[], {}],
        {"a": {"b": [1, "2", None]}}]
BYTES = bytes(range(256))
LARGE = "\u20ac" * 30000


@pytest.fixture
def app(open_app, server, transports):
    """One that is connected, over the transport that the test is about."""
    a = open_app(server, transports=transports)
    a.take("connect")
    assert a.take("auth") == [{}]
    a.await_transport(transports[-1])
    return a


def in_order(app, events):
    """As they came, of an app that keeps that."""
    return events if app.keeps_order else sorted(events)


def test_an_app_connects_with_what_it_says_of_itself(open_app, server,
                                                     transports):
    auth = {"token": "t\u20ac", "device_id": 7}
    a = open_app(server, transports=transports, auth=auth)
    a.take("connect")
    assert a.take("auth") == [auth]
    a.await_transport(transports[-1])


def test_events_go_both_ways_as_they_are(app):
    app.emit("message", *JSON)
    assert app.take("message-back") == JSON
    app.emit("message")
    assert app.take("message-back") == []


def test_events_stay_in_their_order_also_while_it_upgrades(open_app, server,
                                                           transports):
    a = open_app(server, transports=transports)
    a.take("connect")
    for n in range(200):
        a.emit("message", n)
    assert in_order(a, [a.take("message-back") for n in range(200)]) \
        == [[n] for n in range(200)]
    a.await_transport(transports[-1])


def test_large_events_arrive_whole(app):
    for n in range(5):
        app.emit("message", n, LARGE)
    got = in_order(app, [app.take("message-back") for n in range(5)])
    assert got == [[n, LARGE] for n in range(5)]


def test_callbacks_get_what_is_answered(app):
    assert app.call("message-with-ack", *JSON) == JSON
    assert app.call("message-with-ack") == []
    assert app.call("message-with-ack", LARGE) == [LARGE]


def test_bytes_go_both_ways(app):
    args = [BYTES, {"a": [b"", {"b": b"\0"}]}, "text", LARGE.encode()]
    app.emit("message", *args)
    assert app.take("message-back") == args
    assert app.call("message-with-ack", *args) == args
    app.emit("message", "text")
    assert app.take("message-back") == ["text"]


def test_namespaces_are_apart(open_app, server, transports):
    a = open_app(server, transports=transports, namespaces=["/", "/custom"])
    for nsp in ("/", "/custom"):
        a.take("connect", nsp)
        a.take("auth", nsp)
    a.emit("message", 1, nsp="/custom")
    a.emit("message", 2)
    assert a.call("message-with-ack", b"3", nsp="/custom") == [b"3"]
    assert a.take("message-back", "/custom") == [1]
    assert a.take("message-back") == [2]
    a.leave("/custom")
    wait_for(lambda: server.stats()["left"] > 0, "/custom to be left")
    a.emit("message", 4)
    assert a.take("message-back") == [4]
    assert not a.untaken().get(("/custom", "message-back"))


def test_a_namespace_that_is_not_there_is_refused(open_app, server,
                                                  transports):
    a = open_app(server, transports=transports, namespaces=["/random"])
    assert a.take("connect_error", "/random") \
        == [{"message": "Invalid namespace"}]


def test_all_apps_hear_a_broadcast(open_app, server):
    """Whatever they speak."""
    apps = [open_app(server, transports=t)
            for t in (["polling"], ["websocket"], ["polling", "websocket"])]
    for a in apps:
        a.take("auth")
    apps[0].emit("broadcast", 1, BYTES, LARGE)
    server.broadcast(1, 3)
    for a in apps:
        assert sorted(len(a.take("news")) for _ in range(2)) == [2, 3]


# ---- ends ----

def test_an_app_that_disconnects_is_gone(app, server):
    before = server.stats()
    app.close()
    wait_for(lambda: server.stats()["clients"] == before["clients"] - 1,
             "it to be gone")
    assert server.stats()["left"] == before["left"] + 1
    reason = app.take("disconnect")
    if app.tells_reasons:
        assert reason == ["io client disconnect"]


def test_an_app_is_told_that_it_was_put_out(app):
    app.emit("leave-me")
    reason = app.take("disconnect")
    if app.tells_reasons:
        assert reason == ["io server disconnect"]


def test_an_app_that_the_server_ends_hears_all_before(app):
    app.emit("close-me")
    assert app.take("step") == ["last"]
    app.take("disconnect")


def test_an_app_comes_back_by_itself_when_the_server_does(open_app,
                                                          transports):
    first = Server(**CALM)
    a = open_app(first, transports=transports, reconnection=True,
                 auth={"n": 1})
    a.take("connect")
    assert a.take("auth") == [{"n": 1}]
    a.await_transport(transports[-1])
    first.stop()
    a.take("disconnect")
    second = Server(**CALM, port=first.port)
    a.take("connect")
    assert a.take("auth") == [{"n": 1}]
    assert a.call("message-with-ack", "again") == ["again"]
    a.await_transport(transports[-1])
    a.close()
    second.stop()


def test_an_app_whose_server_was_killed_comes_back(open_app, transports):
    first = Server(**CALM)
    a = open_app(first, transports=transports, reconnection=True)
    a.take("auth")
    # In the middle of an upgrade npm's would find out by a timeout only.
    a.await_transport(transports[-1])
    first.signal(signal.SIGKILL)
    first.process.wait()
    a.take("disconnect")
    second = Server(**CALM, port=first.port)
    a.take("auth")
    assert a.call("message-with-ack", "again") == ["again"]
    a.close()
    second.stop()


def test_apps_stay_while_they_say_nothing(open_app, transports):
    """Pings are answered, over several intervals of them."""
    s = Server(**{**CALM, "ping_interval_ms": 150})
    a = open_app(s, transports=transports)
    a.take("auth")
    a.await_transport(transports[-1])
    a.call("hold", 1000)
    assert a.call("message-with-ack", "here") == ["here"]
    assert s.stats()["clients"] == 1
    a.close()
    s.stop()
