"""Tokens of the resources API: logins, refreshing, what ends a family."""

import base64
import json
import time

import pytest
import requests

from events import Client, EventsOrg
from harness import (ADMIN_PASSWORD, DEADLINE_S, Server, at_the_same_time,
                     wait_for)
from resources import (BAD_TOKEN, CONFIG, FORBIDDEN, NO_TOKEN, REQUIRED,
                       ResourcesOrg, User, assert_error, object_of,
                       records_of)

NO_ACCOUNT = {"detail":
              "No active account found with the given credentials"}
BAD_REFRESH = {"detail": "Token is invalid or expired",
               "code": "token_not_valid"}
MEMBERS = ["refresh", "access", "user_id", "username", "email", "first_name",
           "last_name", "is_staff", "user_type", "profile_id"]
HOUR_S, WEEK_S = 3600, 7 * 24 * 3600


def claims_of(token):
    return [json.loads(base64.urlsafe_b64decode(part + "=="))
            for part in token.split(".")[:2]]


def sealed(header, claims, signature):
    def part(value):
        text = json.dumps(value).encode()
        return base64.urlsafe_b64encode(text).rstrip(b"=").decode()
    return "%s.%s.%s" % (part(header), part(claims), signature)


def works(user, token):
    """Whether a token opens a collection; anything but 200 and 401 fails."""
    r = user.request("GET", "things/sync/", token=token)
    if r.status_code == 401:
        assert_error(r, 401, BAD_TOKEN)
        return False
    records_of(r)
    return True


def next_pair(user, refresh):
    r = user.refresh(refresh)
    body = object_of(r)
    assert set(body) == {"access", "refresh"}
    return body["access"], body["refresh"]


# --- login -------------------------------------------------------------------

def test_a_login_answers_who_it_is(rorg):
    user = rorg.user("doctor", 10, email="d@example.org",
                     first_name="Dora", last_name="É")
    r = user.login()
    body = object_of(r)
    assert list(body) == MEMBERS
    assert body["username"] == user.name and body["user_id"]
    assert (body["email"], body["first_name"], body["last_name"]) == (
        "d@example.org", "Dora", "É")
    assert (body["is_staff"], body["user_type"]) == (False, "doctor")
    assert str(body["profile_id"]) == "10"
    assert "no-store" in r.headers["Cache-Control"]


def test_a_staffs_login_says_so(rorg):
    body = object_of(rorg.staff().login())
    assert (body["is_staff"], body["user_type"]) == (True, "staff")
    assert body["profile_id"] is None
    assert (body["email"], body["first_name"], body["last_name"]) == (
        "", "", "")


def test_tokens_carry_what_clients_read(rorg):
    user = rorg.staff()
    access, refresh = user.pair()
    for token, kind, life in ((access, "access", HOUR_S),
                              (refresh, "refresh", WEEK_S)):
        header, claims = claims_of(token)
        assert header["alg"] == "HS256" and header["kid"]
        assert {"sub", "name", "org", "iat", "exp", "jti",
                "user_id"} <= set(claims)
        assert claims["token_type"] == kind
        assert claims["exp"] - claims["iat"] == life
        assert abs(claims["iat"] - time.time()) < 60
    jtis = {claims_of(t)[1]["jti"] for t in (access, refresh)}
    assert len(jtis) == 2


def test_the_lifetimes_are_settings(tmp_path):
    s = Server(tmp_path, config=CONFIG + "resources: {access_life_s: 60, "
               "refresh_life_s: 120}\n")
    s.cli.init("main", "admin", ADMIN_PASSWORD)
    s.start()
    try:
        lives = []
        for token in ResourcesOrg(s).staff().pair():
            claims = claims_of(token)[1]
            lives.append(claims["exp"] - claims["iat"])
        assert lives == [60, 120]
    finally:
        assert s.stop() == 0


@pytest.mark.parametrize("path", ["auth/token/", "auth/token"])
def test_the_slash_at_the_end_may_be_left_out(rorg, path):
    user = rorg.staff()
    r = user.request("POST", path, {"username": user.name,
                                    "password": user.password}, token=None)
    assert list(object_of(r)) == MEMBERS


def test_a_wrong_password_or_name_or_a_disabled_user_is_401(rorg):
    user = rorg.staff()
    assert_error(user.login(password="wrong"), 401, NO_ACCOUNT)
    assert_error(user.login("nobody-of-that-name"), 401, NO_ACCOUNT)
    site = rorg.site()
    assert_error(user.login(site.name, site.password), 401, NO_ACCOUNT)
    rorg.cli.run("user", "disable", user.name)
    assert_error(user.login(), 401, NO_ACCOUNT)


@pytest.mark.parametrize("body,missing", [
    ({"username": "a"}, ["password"]), ({"password": "a"}, ["username"]),
    ({}, ["username", "password"]), ("", ["username", "password"])])
def test_a_login_that_lacks_something_is_400(rorg, body, missing):
    r = rorg.admin.request("POST", "auth/token/", body, token=None)
    assert_error(r, 400, {name: [REQUIRED] for name in missing})


@pytest.mark.parametrize("value", [None, True, [], {}])
@pytest.mark.parametrize("name", ["username", "password"])
def test_a_login_with_a_wrong_type_is_400(rorg, name, value):
    body = {"username": "a", "password": "b", name: value}
    r = rorg.admin.request("POST", "auth/token/", body, token=None)
    assert list(assert_error(r, 400)) == [name]


def test_failed_logins_lock_the_account_for_that_address(rorg):
    user, other = rorg.staff(), rorg.staff()
    given = [user.login(password="wrong").status_code for _ in range(8)]
    assert given[0] == 401 and given[-1] == 429
    assert given == sorted(given)
    r = user.login()
    assert_error(r, 429)
    assert int(r.headers["Retry-After"]) > 0
    assert other.login().status_code == 200


# --- refreshing --------------------------------------------------------------

def test_a_refresh_answers_the_next_pair(rorg):
    user = rorg.staff()
    first = user.pair()
    second = next_pair(user, first[1])
    third = next_pair(user, second[1])
    assert len({*first, *second, *third}) == 6
    assert works(user, second[0]) or works(user, third[0])
    assert works(user, third[0])


def test_a_lost_answer_logs_nobody_out(rorg):
    """Until the next pair is used, the old token answers that same pair."""
    user = rorg.staff()
    _, refresh = user.pair()
    pair = next_pair(user, refresh)
    for _ in range(3):
        assert next_pair(user, refresh) == pair
    assert works(user, pair[0])


def test_a_lost_answer_is_answered_the_same_after_kill_9(rorg, resources):
    user = rorg.staff()
    _, refresh = user.pair()
    pair = next_pair(user, refresh)
    resources.restart(hard=True)
    assert next_pair(user, refresh) == pair
    assert works(user, pair[0])


def test_many_refreshes_at_the_same_time_are_one(rorg):
    user = rorg.staff()
    _, refresh = user.pair()
    users = [user.again() for _ in range(20)]
    pairs = at_the_same_time(lambda n: next_pair(users[n], refresh), 20)
    assert len(set(pairs)) == 1
    assert works(user, pairs[0][0])


@pytest.mark.parametrize("use", ["access", "refresh"])
def test_an_old_token_after_the_pairs_use_ends_the_family(rorg, use):
    """Two hold the token, so that one of them has stolen it."""
    user = rorg.staff()
    _, old = user.pair()
    pair = next_pair(user, old)
    if use == "access":
        assert works(user, pair[0])
        last = pair
    else:
        last = next_pair(user, pair[1])
        assert works(user, last[0])
    assert_error(user.refresh(old), 401, BAD_REFRESH)
    assert_error(user.refresh(last[1]), 401, BAD_REFRESH)
    assert not works(user, last[0])
    assert not works(user, pair[0])


def test_the_end_of_a_family_outlives_kill_9(rorg, resources):
    user = rorg.staff()
    _, old = user.pair()
    pair = next_pair(user, old)
    assert works(user, pair[0])
    assert_error(user.refresh(old), 401, BAD_REFRESH)
    resources.restart(hard=True)
    assert_error(user.refresh(pair[1]), 401, BAD_REFRESH)
    assert not works(user, pair[0])


def test_a_use_that_was_answered_is_remembered_over_kill_9(rorg, resources):
    """Otherwise a stolen token would be good again."""
    user = rorg.staff()
    _, old = user.pair()
    pair = next_pair(user, old)
    last = next_pair(user, pair[1])
    resources.restart(hard=True)
    assert_error(user.refresh(old), 401, BAD_REFRESH)
    assert_error(user.refresh(last[1]), 401, BAD_REFRESH)


def test_another_logins_family_goes_on(rorg):
    user = rorg.staff()
    _, old = user.pair()
    other = user.pair()
    pair = next_pair(user, old)
    assert works(user, pair[0])
    assert_error(user.refresh(old), 401, BAD_REFRESH)
    assert works(user, other[0])
    assert works(user, next_pair(user, other[1])[0])


def test_reads_while_refreshing_never_fail(rorg):
    """A client that refreshes at every step beside one that uses the tokens
    is logged out at no moment."""
    user = rorg.staff()
    pair = user.pair()
    for _ in range(10):
        assert works(user, pair[0])
        pair = next_pair(user, pair[1])
    assert works(user, pair[0])


def test_a_bad_refresh_token_is_401(rorg):
    user = rorg.staff()
    access, refresh = user.pair()
    head, body, signature = refresh.split(".")
    for token in (access, "", "x", "x.y.z", refresh + "x", refresh[:-2],
                  "%s.%s." % (head, body), head + "." + signature):
        r = user.refresh(token)
        if token == "":
            assert r.status_code in (400, 401)
            continue
        assert_error(r, 401, BAD_REFRESH)
    assert works(user, next_pair(user, refresh)[0])


@pytest.mark.parametrize("body", [{}, "", {"token": "x"}])
def test_a_refresh_without_its_token_is_400(rorg, body):
    r = rorg.admin.request("POST", "auth/token/refresh/", body, token=None)
    assert_error(r, 400, {"refresh": [REQUIRED]})


@pytest.mark.parametrize("value", [None, [], {}, True])
def test_a_refresh_token_of_another_type_is_400(rorg, value):
    r = rorg.admin.refresh(value)
    assert list(assert_error(r, 400)) == ["refresh"]


def test_a_refresh_needs_no_access_token_and_a_bad_one_does_no_harm(rorg):
    user = rorg.staff()
    _, refresh = user.pair()
    r = user.request("POST", "auth/token/refresh/", {"refresh": refresh},
                     token=None)
    assert r.status_code == 200


@pytest.mark.parametrize("way", ["password", "disable"])
def test_a_new_password_and_disabling_end_all_tokens(rorg, way):
    user = rorg.staff()
    access, refresh = user.pair()
    if way == "password":
        rorg.cli.run("user", "set-password", user.name,
                     stdin="another-password\n")
    else:
        rorg.cli.run("user", "disable", user.name)
    wait_for(lambda: not works(user, access), "the token to end")
    assert_error(user.refresh(refresh), 401, BAD_REFRESH)


# --- bearers -----------------------------------------------------------------

def test_without_a_token_it_is_401(rorg):
    for path in ("things/sync/", "things/", "things/1/", "sync/conflicts/"):
        r = rorg.admin.request("GET", path, token=None)
        assert_error(r, 401, NO_TOKEN)


@pytest.mark.parametrize("header", ["Basic YTpi", "Token x", "x", "Bearer",
                                    "Negotiate x"])
def test_another_scheme_is_as_none(rorg, header):
    r = rorg.admin.request("GET", "things/sync/", token=None,
                           headers={"Authorization": header})
    got = assert_error(r, 401)
    if header != "Bearer":
        assert got == NO_TOKEN


def test_a_refresh_token_is_no_bearer(rorg):
    user = rorg.staff()
    _, refresh = user.pair()
    assert not works(user, refresh)
    r = requests.get(user.server.base + "/api/v1/events", timeout=DEADLINE_S,
                     headers={"Authorization": "Bearer " + refresh})
    assert r.status_code == 401


def test_a_token_that_was_tampered_with_is_none(rorg):
    user = rorg.staff()
    access, _ = user.pair()
    header, claims = claims_of(access)
    signature = access.split(".")[2]
    for token in (sealed({**header, "alg": "none"}, claims, ""),
                  sealed({"alg": "none", "typ": "JWT"}, claims, signature),
                  sealed(header, {**claims, "exp": 2 ** 40}, signature),
                  sealed({**header, "kid": "x"}, claims, signature),
                  access[:-4] + "AAAA", access + "x", "x", "a.b.c",
                  "." * 100, "x" * 5000):
        assert not works(user, token)
    assert works(user, access)


@pytest.fixture
def short(tmp_path):
    s = Server(tmp_path, config=CONFIG + "resources: {access_life_s: 1, "
               "refresh_life_s: 2}\n")
    s.cli.init("main", "admin", ADMIN_PASSWORD)
    s.start()
    yield s
    assert s.stop() == 0


def test_tokens_expire(short):
    user = ResourcesOrg(short).staff()
    access, refresh = user.pair()
    wait_for(lambda: not works(user, access), "the access token to expire")
    wait_for(lambda: user.refresh(refresh).status_code == 401,
             "the refresh token to expire")
    assert_error(user.refresh(refresh), 401, BAD_REFRESH)


def test_a_collection_may_ask_for_younger_tokens(rorg):
    user = rorg.staff()
    access, _ = user.pair()

    def young():
        return user.request("GET", "young/sync/", token=access)
    wait_for(lambda: young().status_code == 401, "the token to be too old")
    assert_error(young(), 401, BAD_TOKEN)
    assert works(user, access)
    r = user.request("POST", "young/", {"id": "a"}, token=access)
    assert_error(r, 401, BAD_TOKEN)


def test_tokens_of_the_apis_are_good_at_each_other(rorg):
    user = rorg.staff()
    events = Client(user.server, user.name, user.password)
    assert works(user, events.token)
    assert Client(user.server, token=user.pair()[0]).get().status_code == 200


def test_a_user_of_the_events_api_is_one_here(resources):
    """With no role it sees what every user does."""
    org = EventsOrg(resources)
    plain = org.user()
    user = User(resources, plain.name, plain.password)
    body = object_of(user.login())
    assert (body["is_staff"], body["profile_id"]) == (False, None)
    assert user.records("things") == []
    assert user.records("people") == []


def test_a_site_has_no_part_in_it(rorg):
    """Its token is a good one, but 403."""
    site = rorg.site()
    r = site.post("auth")
    token = r.json()["token"]
    for method, path, body in (
            ("GET", "things/sync/", None), ("POST", "things/", {"name": "n"}),
            ("PUT", "things/1/sync_update/", {})):
        r = rorg.admin.request(method, path, body, token=token)
        assert r.status_code in (403, 404), r.text
        if path == "things/sync/":
            assert_error(r, 403, FORBIDDEN)


def test_a_locked_name_is_not_a_locked_token(rorg):
    """Who guesses passwords cannot log out who is logged in."""
    user = rorg.staff()
    access, _ = user.pair()
    for _ in range(8):
        user.login(password="wrong")
    assert works(user, access)


def test_logins_at_the_same_time_are_families_of_their_own(rorg):
    user = rorg.staff()
    users = [user.again() for _ in range(8)] if user.token else []
    pairs = at_the_same_time(lambda n: users[n].pair(), 8)
    assert len({p for pair in pairs for p in pair}) == 16
    for access, refresh in pairs:
        assert works(user, access)
        next_pair(user, refresh)
