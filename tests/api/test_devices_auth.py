"""Who may do what where devices.auth is token, as it is by default."""

import time

import pytest

from devices import (DENIED, HAS_ACCOUNT, INVALID, NOT_ME, NOT_MINE,
                     REQUIRED, Caller, DevicesOrg, altered, assert_error,
                     event_id_of, ids, status_of)
from resources import User

# Every call that takes a token, as a device or its user would make it.
CALLS = {
    "push": ("POST", "/sync/push", {"event_type": "t", "payload": 1,
                                    "device_id": "till-of-auth"}),
    "pull": ("GET", "/sync/pull?device_id=till-of-auth", None),
    "ack": ("POST", "/sync/ack", {"device_id": "till-of-auth", "up_to": 0}),
    "status": ("GET", "/sync/status?device_id=till-of-auth", None),
    "register": ("POST", "/device/register", {"device_id": "till-of-auth"})}
FOR_ADMINISTRATORS = {
    "overdue": ("GET", "/sync/overdue", None),
    "logs": ("GET", "/sync/audit-logs", None),
    "verify": ("GET", "/sync/audit-logs/verify", None)}
EVERY = {**CALLS, **FOR_ADMINISTRATORS}

every_call = pytest.mark.parametrize("call", EVERY.values(),
                                     ids=EVERY.keys())
own_call = pytest.mark.parametrize("call", CALLS.values(), ids=CALLS.keys())
administrators_call = pytest.mark.parametrize(
    "call", FOR_ADMINISTRATORS.values(), ids=FOR_ADMINISTRATORS.keys())


@pytest.fixture(scope="module")
def org(token_server):
    return DevicesOrg(token_server)


@pytest.fixture(scope="module")
def till(org):
    """The device that CALLS speak of, with an account of its own."""
    return org.account("till-of-auth")


@pytest.fixture(scope="module")
def tablet(org):
    return org.account("tablet-of-auth")


def told_whom(device, call):
    """The same call in the name of another device."""
    method, path, body = call
    path = path.replace("till-of-auth", device)
    return method, path, {**body, "device_id": device} if body else None


# --- tokens ------------------------------------------------------------------

@every_call
def test_without_a_token_it_is_401(token_server, call):
    r = Caller(token_server).request(*call)
    assert_error(r, 401, REQUIRED)
    assert r.headers["WWW-Authenticate"].startswith("Bearer")


@every_call
@pytest.mark.parametrize("token", ["x", "x.y.z", "e30.e30.e30", "a" * 5000])
def test_a_bad_token_is_401(token_server, call, token):
    r = Caller(token_server).request(*call, token=token)
    assert_error(r, 401, INVALID)
    assert r.headers["WWW-Authenticate"].startswith("Bearer")


@pytest.mark.parametrize("header", [
    "", "Bearer", "Bearer ", "Basic dXNlcjpwYXNzd29yZA==", "Token x"])
def test_a_header_that_holds_no_bearer_is_401(token_server, header):
    r = Caller(token_server).request(*CALLS["pull"],
                                     headers={"Authorization": header})
    assert_error(r, 401)


@every_call
def test_an_expired_token_is_401(org, call):
    old = altered(org.server, org.admin.token, exp=int(time.time()) - 10)
    assert_error(org.admin.request(*call, token=old), 401, INVALID)


def test_the_alteration_above_is_what_made_it_bad(org):
    token = altered(org.server, org.admin.token, exp=int(time.time()) + 60)
    for call in FOR_ADMINISTRATORS.values():
        assert org.admin.request(*call, token=token).status_code == 200


@every_call
def test_a_refresh_token_is_no_bearer(org, call):
    user = User(org.server, org.admin.name, org.admin.password)
    access, refresh = user.pair()
    assert_error(org.admin.request(*call, token=refresh), 401, INVALID)
    r = org.admin.request(*FOR_ADMINISTRATORS["overdue"], token=access)
    assert r.status_code == 200


@every_call
def test_a_forged_token_is_401(org, call):
    head, claims, mac = org.admin.token.split(".")
    forged = ".".join((head, claims, mac[:-4] + mac[-4:][::-1]))
    assert_error(org.admin.request(*call, token=forged), 401, INVALID)


@every_call
def test_a_sites_token_is_403(org, call):
    token = org.org.site().token()
    r = Caller(org.server, token).request(*call)
    assert_error(r, 403, DENIED)


@administrators_call
def test_what_is_the_administrators_is_403_for_others(org, till, call):
    assert_error(org.user.request(*call), 403, DENIED)
    assert_error(till.caller.request(*call), 403, DENIED)
    assert org.admin.request(*call).status_code == 200


# --- devices with an account -------------------------------------------------

@own_call
def test_a_device_speaks_for_itself(till, call):
    assert till.caller.request(*call).status_code == 200


@own_call
@pytest.mark.parametrize("other", ["tablet-of-auth", "nobodys", "Till-of-auth",
                                   "till-of-aut", "till-of-auth2"])
def test_a_device_that_lies_about_its_id_is_403(org, till, tablet, call,
                                                other):
    before = org.admin.pull(device_id="watcher").text
    r = till.caller.request(*told_whom(other, call))
    assert_error(r, 403, NOT_MINE)
    assert org.admin.pull(device_id="watcher").text == before


@own_call
def test_a_user_does_not_speak_for_a_device_with_an_account(org, till, call):
    assert_error(org.user.request(*call), 403, HAS_ACCOUNT)


@own_call
def test_an_administrator_does(org, till, call):
    assert org.admin.request(*call).status_code == 200


@own_call
def test_a_user_speaks_for_a_device_without_one(org, call):
    r = org.user.request(*told_whom("without-account", call))
    assert r.status_code == 200, r.text


def test_in_an_array_each_event_is_judged_alone(org):
    a, b = org.account(), org.device()
    batch = [a.event(payload=1), b.event(payload=2),
             a.event(payload=3), b.event(payload=4)]
    got = a.caller.push(batch).json()
    assert [e.get("error") for e in got] == [None, NOT_MINE] * 2
    got = org.user.push(batch).json()
    assert [e.get("error") for e in got] == [HAS_ACCOUNT, None] * 2


def test_a_disabled_devices_token_is_401(org):
    a = org.account()
    assert a.pull().status_code == 200
    org.command("disable", a.name)
    for call in CALLS.values():
        assert_error(a.caller.request(*told_whom(a.name, call)), 401, INVALID)
    org.command("enable", a.name)
    assert_error(org.user.pull(device_id=a.name), 403, HAS_ACCOUNT)


def test_a_device_of_another_org_is_another(token_server, org):
    """The account protects its name in its org alone, and its token opens
    nothing elsewhere."""
    other = DevicesOrg(token_server)
    a = org.account("till-of-two")
    n = a.pushed(payload="ours")
    b = other.user.device("till-of-two")
    assert b.pushed(payload="theirs") == 1
    assert "theirs" not in org.admin.pull(device_id="reader").text
    c = other.account("reader")
    assert [e["payload"] for e in c.pulled()] == ["theirs"]
    assert n in ids(org.device().pulled())


def test_a_devices_events_are_in_nobodys_name(org):
    a = org.account()
    n = a.pushed()
    got = [e for e in org.device().pulled() if e["id"] == n]
    assert [e["user_id"] for e in got] == [None]


# --- users -------------------------------------------------------------------

def test_an_events_user_is_the_tokens(org):
    a = org.device()
    n, m = a.pushed(), a.pushed(user_id=org.user.uuid)
    assert {e["id"]: e["user_id"] for e in a.status()[1]} \
        == {n: org.user.uuid, m: org.user.uuid}


def test_another_user_id_is_403(org):
    a = org.device()
    other = org.new_user()
    for user_id in (other.uuid, "x", org.user.name):
        assert_error(a.push(user_id=user_id), 403, NOT_ME)
        got = a.caller.push([a.event(user_id=user_id), a.event()]).json()
        assert got[0] == {"error": NOT_ME}
        assert "event_id" in got[1]
    assert a.status()[0]["total"] == 3


def test_an_administrator_pushes_in_the_own_name(org):
    r = org.admin.push({"event_type": "t", "payload": 1,
                        "device_id": "of-an-admin"})
    n = event_id_of(r)
    _, history = status_of(org.admin.status(user_id=org.admin.uuid))
    assert n in ids(history)


def test_a_users_token_ends_with_the_password(org):
    user = org.new_user()
    assert user.pull(device_id="d").status_code == 200
    org.cli.run("user", "set-password", user.name, "--org", org.name,
                stdin="another-password\n")
    assert_error(user.pull(device_id="d"), 401, INVALID)


def test_ping_and_login_take_none(token_server, org):
    assert Caller(token_server).get("/api/ping").status_code == 200
    assert org.user.login().status_code == 200
