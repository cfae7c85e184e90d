"""Every request printed in the events contract, with the answer printed.

Requests and answers stand here as they are printed; only the token, the host
and the length of the body are put in.
"""

import base64
import calendar
import json
import re
import time

import pytest

import wire
from cli import tombolo
from events import JSON_TYPE, Client, assert_error, now
from harness import Server

WEEK_S = 7 * 24 * 3600

GET_EVENTS = """\
GET /api/v1/events?fromTimestamp=1678886400
Authorization: Bearer <JWT>
"""
HISTORY = """\
[
    {
        "uuid": "a1b2c3d4-e5f6-7890-1234-567890abcdef",
        "timestamp": 1678886400,
        "userUuid": "user123",
        "itemUuid": "item456",
        "action": "create",
        "payload": "{}"
    },
    {
        "uuid": "b2c3d4e5-f6a7-8901-2345-67890abcdef0",
        "timestamp": 1678886401,
        "userUuid": "user123",
        "itemUuid": "item456",
        "action": "update",
        "payload": "{\\"name\\": \\"New Name\\"}"
    }
]
"""
POST_EVENTS = """\
POST /api/v1/events
Authorization: Bearer <JWT>
Content-Type: application/json

[
    {
        "uuid": "c3d4e5f6-a7b8-9012-3456-7890abcdef01",
        "timestamp": 1678886402,
        "userUuid": "user123",
        "itemUuid": "item789",
        "action": "create",
        "payload": "{}"
    }
]
"""
HISTORY_AFTER = HISTORY.rstrip()[:-2] + """,
    {
        "uuid": "c3d4e5f6-a7b8-9012-3456-7890abcdef01",
        "timestamp": 1678886402,
        "userUuid": "user123",
        "itemUuid": "item789",
        "action": "create",
        "payload": "{}"
    }
]
"""
GET_ACL = """\
GET /api/v1/acl
Authorization: Bearer <JWT>
"""
ACL = """\
{
  "rules": [
    {
      "user": "*",
      "item": "item123",
      "action": "view",
      "allow": true
    },
    {
      "user": "user456",
      "item": "*",
      "action": "edit",
      "allow": true
    },
    {
      "user": "*",
      "item": "*",
      "action": "*",
      "allow": false
    }
  ]
}
"""
PUT_ACL = """\
PUT /api/v1/acl
Authorization: Bearer <JWT>
Content-Type: application/json

""" + ACL
POST_USER = """\
POST /api/v1/admin/users
Authorization: Bearer <JWT>
Content-Type: application/json

{
    "uuid": "newuser123",
    "username": "newuser",
    "password": "newpassword"
}
"""
USER = """\
{
    "uuid": "newuser123"
}
"""
PUT_USER = """\
PUT /api/v1/admin/users/newuser123
Authorization: Bearer <JWT>
Content-Type: application/json

{
    "new_username": "newusername",
    "new_password": "evenstrongerpassword"
}
"""
GET_HEALTH = """\
GET /api/v1/health
"""
HEALTH = """\
{
    "status": "healthy",
    "timestamp": "2025-09-22T08:14:09Z",
    "version": "0.1.0",
    "uptime": 123
}
"""
POST_TOKEN = """\
POST /api/v1/auth/token
Content-Type: application/json

{
    "username": "testuser",
    "password": "testpass123"
}
"""


@pytest.fixture
def fresh(tmp_path):
    """A demo of the test's own, because what it changes stays."""
    s = Server(tmp_path, demo=True).start()
    yield s
    assert s.stop() == 0


@pytest.fixture
def user(fresh):
    return Client(fresh, "testuser", "testpass123", "user123")


@pytest.fixture
def admin(fresh):
    return Client(fresh, "admin", "admin-demo-pass", "admin")


def ask(server, text, token="none"):
    """Send a request as printed; its answer."""
    head, _, body = text.replace("<JWT>", token).partition("\n\n")
    first, *lines = head.splitlines()
    lines = [first + " HTTP/1.1", "Host: 127.0.0.1:%d" % server.port,
             "Connection: close"] + lines
    if body:
        lines.append("Content-Length: %d" % len(body))
    request = "\r\n".join(lines) + "\r\n\r\n" + body
    return wire.Answer(server.raw(request.encode()))


def in_order(text):
    """The value of a JSON text, the order of members included."""
    return json.loads(text, object_pairs_hook=lambda pairs: ("object", pairs))


def assert_printed(answer, status, printed):
    assert answer.status_code == status, answer.text
    assert answer.headers["Content-Type"] == JSON_TYPE
    assert in_order(json.dumps(answer.json())) == in_order(printed)


def assert_no_content(answer):
    assert answer.status_code == 204, answer.text
    assert answer.content == b""
    assert "Content-Type" not in answer.headers


def test_get_events(fresh, user):
    assert_printed(ask(fresh, GET_EVENTS, user.token), 200, HISTORY)


def test_get_events_without_the_optional_parameter(fresh, user):
    text = GET_EVENTS.replace("?fromTimestamp=1678886400", "")
    assert_printed(ask(fresh, text, user.token), 200, HISTORY)


def test_from_timestamp_is_greater_or_equal(fresh, user):
    text = GET_EVENTS.replace("1678886400", "1678886401")
    r = ask(fresh, text, user.token)
    assert r.json() == json.loads(HISTORY)[1:]


def test_post_events(fresh, user):
    assert_printed(ask(fresh, POST_EVENTS, user.token), 200, HISTORY_AFTER)
    assert_printed(ask(fresh, GET_EVENTS, user.token), 200, HISTORY_AFTER)


def test_post_events_again_is_the_same(fresh, user):
    for _ in range(3):
        assert_printed(ask(fresh, POST_EVENTS, user.token), 200,
                       HISTORY_AFTER)


def test_put_acl_and_get_acl(fresh, admin):
    assert_no_content(ask(fresh, PUT_ACL, admin.token))
    assert_printed(ask(fresh, GET_ACL, admin.token), 200, ACL)


def test_acl_of_one_who_is_no_administrator(fresh, user, admin):
    assert_error(ask(fresh, GET_ACL, user.token), 401)
    assert_error(ask(fresh, PUT_ACL, user.token), 401)
    assert admin.acl() == []


def test_an_invalid_acl_is_400(fresh, admin):
    text = PUT_ACL.replace('"allow": false', '"allow": "no"')
    assert_error(ask(fresh, text, admin.token), 400)
    assert admin.acl() == []


def test_post_user(fresh, admin):
    assert_printed(ask(fresh, POST_USER, admin.token), 201, USER)
    new = Client(fresh, "newuser", "newpassword")
    assert new.login().status_code == 200


def test_post_user_again_is_400(fresh, admin):
    assert_printed(ask(fresh, POST_USER, admin.token), 201, USER)
    assert_error(ask(fresh, POST_USER, admin.token), 400)


def test_put_user(fresh, admin):
    ask(fresh, POST_USER, admin.token)
    assert_no_content(ask(fresh, PUT_USER, admin.token))
    new = Client(fresh, "newusername", "evenstrongerpassword")
    assert new.login().status_code == 200
    assert new.login("newuser", "newpassword").status_code == 401


def test_put_user_who_is_not_there_is_404(fresh, admin):
    assert_error(ask(fresh, PUT_USER, admin.token), 404)


def test_put_user_with_a_name_that_is_there_is_400(fresh, admin):
    ask(fresh, POST_USER, admin.token)
    text = PUT_USER.replace('"newusername"', '"testuser"')
    assert_error(ask(fresh, text, admin.token), 400)


@pytest.mark.parametrize("text", [POST_USER, PUT_USER],
                         ids=["POST", "PUT"])
def test_users_of_one_who_is_no_administrator(fresh, user, text):
    assert_error(ask(fresh, text, user.token), 401)
    assert user.login("newuser", "newpassword").status_code == 401


@pytest.mark.parametrize("text", [GET_EVENTS, POST_EVENTS, GET_ACL, PUT_ACL,
                                  POST_USER, PUT_USER],
                         ids=["GET events", "POST events", "GET acl",
                              "PUT acl", "POST user", "PUT user"])
def test_without_a_token_all_of_it_is_401(demo, text):
    text = text.replace("Authorization: Bearer <JWT>\n", "")
    assert_error(ask(demo, text), 401, "Authorization header required")


def test_health(demo):
    r = ask(demo, GET_HEALTH)
    assert r.status_code == 200
    assert r.headers["Content-Type"] == JSON_TYPE
    body, printed = r.json(), json.loads(HEALTH)
    assert list(body) == list(printed)
    assert body["status"] == "healthy"
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ",
                        body["timestamp"])
    then = time.strptime(body["timestamp"], "%Y-%m-%dT%H:%M:%SZ")
    assert abs(calendar.timegm(then) - now()) < 60
    assert body["version"] in tombolo("version").stdout
    assert type(body["uptime"]) is int and body["uptime"] >= 0


def claims_of(token):
    return [json.loads(base64.urlsafe_b64decode(part + "=="))
            for part in token.split(".")[:2]]


def test_post_token(demo):
    r = ask(demo, POST_TOKEN)
    assert r.status_code == 200
    assert r.headers["Content-Type"] == JSON_TYPE
    assert list(r.json()) == ["token"]
    header, claims = claims_of(r.json()["token"])
    assert header["alg"] == "HS256" and header["typ"] == "JWT"
    assert header["kid"]
    assert {"sub", "name", "org", "iat", "exp", "jti", "user_uuid",
            "username", "is_admin"} <= set(claims)
    assert claims["sub"] == claims["user_uuid"] == "user123"
    assert claims["username"] == "testuser"
    assert claims["is_admin"] is False
    assert abs(claims["iat"] - now()) < 60


def test_the_token_is_valid_for_one_week(demo):
    _, claims = claims_of(ask(demo, POST_TOKEN).json()["token"])
    assert claims["exp"] - claims["iat"] == WEEK_S


def test_the_token_opens_the_history(demo):
    token = ask(demo, POST_TOKEN).json()["token"]
    assert ask(demo, GET_EVENTS, token).status_code == 200


def test_post_token_with_invalid_credentials_is_401(demo):
    text = POST_TOKEN.replace("testpass123", "testpass124")
    assert_error(ask(demo, text), 401, "Invalid username or password")


def test_the_demo_administrators_token_says_so(demo):
    token = Client(demo, "admin", "admin-demo-pass").token
    assert claims_of(token)[1]["is_admin"] is True
