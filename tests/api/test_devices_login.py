"""GET /api/ping and POST /api/login."""

import datetime
import http.client
import json

import pytest

from devices import (JSON_TYPE, Caller, DevicesOrg, assert_error, claims_of,
                     time_of)
from events import Client
from harness import ADMIN_PASSWORD, DEADLINE_S

PATHS = ["/api/login", "/api/auth/login"]
MISSING = "Missing required fields: "
WRONG = "Invalid username or password"
LOCKED = "Account is locked due to multiple failed login attempts"

paths = pytest.mark.parametrize("path", PATHS)


@pytest.fixture(scope="module")
def org(token_server):
    return DevicesOrg(token_server)


@pytest.fixture
def user(org):
    return org.new_user()


@pytest.fixture
def stranger(token_server):
    return Caller(token_server)


def login(caller, username, password, path=PATHS[0]):
    return caller.post(path, {"username": username, "password": password},
                       token=None)


def login_from(address, user, password=None):
    """A login from another address of this machine: (status, body)."""
    c = http.client.HTTPConnection("127.0.0.1", user.server.port,
                                   timeout=DEADLINE_S,
                                   source_address=(address, 0))
    try:
        c.request("POST", PATHS[0], json.dumps(
            {"username": user.name, "password": password or user.password}),
            {"Content-Type": "application/json"})
        r = c.getresponse()
        return r.status, json.loads(r.read())
    finally:
        c.close()


# --- ping --------------------------------------------------------------------

def test_ping_answers_everybody_with_the_time(stranger):
    before = datetime.datetime.now(datetime.timezone.utc)
    r = stranger.get("/api/ping")
    after = datetime.datetime.now(datetime.timezone.utc)
    assert r.status_code == 200
    assert r.headers["Content-Type"].startswith(JSON_TYPE)
    body = r.json()
    assert list(body) == ["message", "server_time"]
    assert body["message"] == "pong"
    assert before <= time_of(body["server_time"]) <= after


def test_ping_does_not_look_at_a_token(stranger):
    r = stranger.request("GET", "/api/ping", token="x.y.z")
    assert r.status_code == 200


# --- a good login ------------------------------------------------------------

@paths
def test_a_login_is_answered_as_printed(org, path):
    name = "shopkeeper" + path.replace("/", "-")
    user = Caller(org.server, None, name, "keeper-of-shops", name + "-uuid")
    org.cli.run("user", "add", name, "--org", org.name, "--uuid", user.uuid,
                "--role", "cashier", "--email", "shop@example.org",
                stdin=user.password + "\n")
    r = user.login(path)
    assert r.status_code == 200, r.text
    assert r.headers["Content-Type"].startswith(JSON_TYPE)
    body = r.json()
    assert list(body) == ["success", "token", "user"]
    assert body["success"] is True
    assert body["user"].pop("permissions") == []
    assert body["user"] == {"id": user.uuid, "username": name,
                            "email": "shop@example.org",
                            "roles": ["cashier"]}
    assert user.pull(device_id="d").status_code == 200


def test_the_token_lives_an_hour(user):
    claims = claims_of(user.token)
    assert claims["exp"] - claims["iat"] == 3600
    assert claims["name"] == user.name


def test_the_token_is_good_at_the_other_apis_and_theirs_here(user):
    other = Client(user.server, user.name, user.password)
    r = other.request("GET", "events", token=user.token)
    assert r.status_code == 200
    assert user.request("GET", "/sync/pull?device_id=d",
                        token=other.token).status_code == 200


def test_the_members_may_be_in_any_order_among_others(user):
    r = user.post(PATHS[0], {"remember": True, "password": user.password,
                             "x": [1], "username": user.name}, token=None)
    assert r.status_code == 200


def test_the_first_administrator_may_log_in(stranger):
    r = login(stranger, "admin", ADMIN_PASSWORD)
    assert r.status_code == 200
    assert r.json()["user"]["username"] == "admin"


# --- what is missing or bad --------------------------------------------------

@paths
@pytest.mark.parametrize("body,names", [
    ({}, "username, password"), ({"username": "u"}, "password"),
    ({"password": "p"}, "username"),
    ({"username": "", "password": ""}, "username, password"),
    ({"username": None, "password": "p"}, "username"),
    ({"username": "u", "password": None}, "password"),
    ({"username": "u", "password": ""}, "password")])
def test_what_is_missing_is_named(stranger, path, body, names):
    r = stranger.post(path, body, token=None)
    assert_error(r, 400, MISSING + names)


@pytest.mark.parametrize("body", [
    {"username": 5, "password": "p"}, {"username": "u", "password": 5},
    {"username": ["u"], "password": "p"},
    {"username": "u", "password": {"a": "b"}},
    {"username": True, "password": "p"}])
def test_a_wrong_type_is_400(stranger, body):
    assert_error(stranger.post(PATHS[0], body, token=None), 400)


@pytest.mark.parametrize("body", ["", "{", "username=u&password=p", "[1"])
def test_no_json_is_400(stranger, body):
    assert_error(stranger.post(PATHS[0], body, token=None), 400,
                 "Invalid JSON")


@pytest.mark.parametrize("body", ["null", "[]", "5", "\"u\""])
def test_no_object_is_400(stranger, body):
    assert_error(stranger.post(PATHS[0], body, token=None), 400)


@paths
def test_a_wrong_name_or_password_is_401(stranger, user, path):
    for name, password in ((user.name, "wrong"), ("no-such-user", "wrong"),
                           (user.name, user.password + " "),
                           ("x" * 5000, "wrong"), (" ", " ")):
        assert_error(login(stranger, name, password, path), 401, WRONG)


def test_a_users_old_password_is_wrong(org, user):
    org.cli.run("user", "set-password", user.name, "--org", org.name,
                stdin="another-password\n")
    assert_error(user.login(), 401, WRONG)
    assert user.login(password="another-password").status_code == 200


def test_a_disabled_user_is_told_no_more_than_others(org, user):
    assert user.token
    org.cli.run("user", "disable", user.name, "--org", org.name)
    assert_error(user.login(), 401, WRONG)
    assert_error(user.pull(device_id="d"), 401, "Invalid or expired token")
    org.cli.run("user", "enable", user.name, "--org", org.name)
    assert user.login().status_code == 200


def test_a_sites_name_and_password_are_none_of_a_user(org, stranger):
    site = org.org.site()
    for password in (site.password, site.auth[1]):
        assert_error(login(stranger, site.name, password), 401, WRONG)


# --- locked ------------------------------------------------------------------

def failed(user, times):
    for _ in range(times):
        assert_error(user.login(password="wrong"), 401, WRONG)


def test_after_five_failures_the_account_is_locked(user):
    failed(user, 5)
    assert_error(user.login(), 401, LOCKED)
    assert_error(user.login("/api/auth/login"), 401, LOCKED)
    assert_error(user.login(password="wrong"), 401, LOCKED)


def test_after_four_it_is_not_and_success_starts_over(user):
    for _ in range(2):
        failed(user, 4)
        assert user.login().status_code == 200


def test_failures_at_both_paths_count_together(user):
    failed(user, 3)
    for _ in range(2):
        assert_error(user.login("/api/auth/login", password="wrong"), 401,
                     WRONG)
    assert_error(user.login(), 401, LOCKED)


def test_the_lock_is_for_that_address(user):
    failed(user, 5)
    assert_error(user.login(), 401, LOCKED)
    assert login_from("127.0.0.2", user)[0] == 200
    assert_error(user.login(), 401, LOCKED)
    for _ in range(5):
        assert login_from("127.0.0.3", user, "wrong") \
            == (401, {"error": WRONG})
    assert login_from("127.0.0.3", user) == (401, {"error": LOCKED})
    assert login_from("127.0.0.2", user)[0] == 200


def test_the_lock_is_for_that_name(org, user):
    failed(user, 5)
    assert org.new_user().login().status_code == 200


def test_a_locked_users_token_goes_on(user):
    token = user.token
    failed(user, 5)
    assert user.request("GET", "/sync/pull?device_id=d",
                        token=token).status_code == 200


def test_a_name_that_is_not_there_is_locked_as_others_are(token_server):
    ghost = Caller(token_server, None, "ghost", "wrong")
    failed(ghost, 5)
    assert_error(ghost.login(), 401, LOCKED)
