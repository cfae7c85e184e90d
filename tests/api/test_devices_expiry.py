"""Realtime connections end with their token, unless they renew it."""

import json
import time

import pytest

from devices import INVALID, DevicesOrg, altered
from devices_socket import (Closed, Polling, Socket, WebSocket, auth_of, join)
from harness import wait_for

EXPIRED = "Token expired"
# A second is promised; what the test's own machine takes comes on top.
SLACK_S = 5


@pytest.fixture(scope="module")
def org(token_server):
    return DevicesOrg(token_server)


def ending(caller, seconds):
    """The same token, ending so many whole seconds from now, and when."""
    end = int(time.time()) + seconds
    return altered(caller.server, caller.token, exp=end), end


def assert_told_and_ended(s):
    """`error`, and then the session ends, one way or the other."""
    assert s.error() == EXPIRED
    s.ended()


def test_a_connection_ends_with_its_token_and_not_if_that_is_renewed(org):
    """Five at once, because it takes seconds: two renew."""
    device = org.account()
    token, end = ending(org.user, 2)
    of_device, _ = ending(device.caller, 2)
    plain = org.device()
    ends = [
        Socket(WebSocket(org.server)).join({"token": token}),
        Socket(Polling(org.server)).join({"token": token}),
        Socket(WebSocket(org.server)).join(
            {"token": of_device, "device_id": device.name})]
    stays = [
        Socket(WebSocket(org.server)).join(
            {"token": token, "device_id": plain.name}),
        Socket(WebSocket(org.server)).join(
            {"token": of_device, "device_id": device.name})]
    for s, caller in zip(stays, (org.user, device.caller)):
        s.emit("authenticate", {"token": caller.token})
        assert set(s.take("authenticated")) == {"expires_at"}
    for s in ends:
        assert_told_and_ended(s)
        assert end <= time.time() < end + 1 + SLACK_S
    wait_for(lambda: time.time() > end + 1.5, "all to be over")
    for s in stays:
        assert "server_time" in s.settle()
        assert s.pending("error") == []
    for s in ends + stays:
        s.close()


def test_authenticate_takes_a_callback_and_refuses_bad_tokens(org):
    s = join(org.server, caller=org.user)
    got = s.call("authenticate", {"token": org.user.token})
    assert set(got) == {"expires_at"}
    old, _ = ending(org.user, -10)
    for bad in ("x", "x.y.z", old):
        assert s.error_of("authenticate", {"token": bad}) == INVALID
    for bad in ({}, {"token": None}, {"token": 5}, {"token": ""}):
        assert s.error_of("authenticate", bad)
    n = s.critical(1, device=org.device().name)
    assert n >= 1
    s.close()


def test_another_principals_token_does_not_take_a_connection_over(org):
    """A device's connection does not become another device's, nor a
    user's of another org."""
    a, b = org.account(), org.account()
    stranger = DevicesOrg(org.server).user
    s = join(org.server, a)
    for token in (b.caller.token, stranger.token):
        s.emit("authenticate", {"token": token})
        try:
            name, (data,) = s.next()
        except Closed:
            s = join(org.server, a)
            continue
        assert name == "error", (name, data)
        assert "server_time" in s.settle()
    s.close()


def test_who_came_without_a_token_may_authenticate_later(open_server):
    org = DevicesOrg(open_server)
    s = join(open_server)
    got = s.call("authenticate", {"token": org.user.token})
    if "error" not in got:
        other = join(open_server, caller=org.new_user())
        n = s.call("sync_update", {"data": 1, "timestamp":
                                   "2025-07-25T12:00:00Z"})
        assert other.take("sync_update")["event_id"] == n["event_id"]
        other.close()
    s.close()


@pytest.mark.parametrize("transport", [Polling, WebSocket],
                         ids=["polling", "websocket"])
def test_a_token_that_is_revoked_ends_its_connections_alone(org, transport):
    user, other = org.new_user(), org.new_user()
    device, another = org.account(), org.account()

    def connect(**kw):
        return join(org.server, transport=transport, **kw)
    ends = [connect(caller=user), connect(device=org.device(caller=user))]
    stays = [connect(caller=other), connect(device=another)]
    disabled = connect(device=device)
    stays[0].device = org.device(caller=other).name
    org.cli.run("user", "disable", user.name, "--org", org.name)
    begin = time.monotonic()
    for s in ends:
        assert_told_and_ended(s)
    assert time.monotonic() - begin < 1 + SLACK_S
    assert "server_time" in disabled.settle()
    org.command("disable", device.name)
    begin = time.monotonic()
    assert_told_and_ended(disabled)
    assert time.monotonic() - begin < 1 + SLACK_S
    assert "server_time" in stays[1].settle()
    assert stays[0].critical(1) >= 1
    for s in ends + stays + [disabled]:
        s.close()


def test_another_password_ends_connections_as_it_ends_tokens(org):
    user = org.new_user()
    s = join(org.server, caller=user)
    org.cli.run("user", "set-password", user.name, "--org", org.name,
                stdin="another-password\n")
    assert_told_and_ended(s)
    s.close()


def test_a_revoked_token_does_not_join(org):
    device = org.account()
    auth = auth_of(device)
    org.command("disable", device.name)
    s = Socket(WebSocket(org.server))
    s.engine.send("40" + json.dumps(auth))
    assert s.engine.receive() == '44{"message":"%s"}' % INVALID
    s.close()
