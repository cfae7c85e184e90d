"""Who may call the events API, and what is said of requests that never get
as far as their body."""

import base64
import hashlib
import hmac
import json

import pytest

from events import Client, EventsOrg, assert_error, event, now, rule, uuids
from harness import CONFIG, Server, wait_for

REQUIRED = "Authorization header required"
INVALID = "Invalid or expired token"
DENIED = "Insufficient permissions"
OPEN_TO_USERS = [("GET", "events"), ("POST", "events")]
FOR_ADMINISTRATORS = [
    ("GET", "acl"), ("PUT", "acl"), ("GET", "admin/users"),
    ("POST", "admin/users"), ("GET", "admin/users/x"),
    ("PUT", "admin/users/x"), ("DELETE", "admin/users/x")]
BODIES = {("POST", "events"): [], ("PUT", "acl"): {"rules": []},
          ("POST", "admin/users"): {"uuid": "u", "username": "uuu",
                                    "password": "uuuuuuuu"},
          ("PUT", "admin/users/x"): {"new_password": "uuuuuuuu"},
          ("POST", "auth/token"): {"username": "uuu", "password": "u"}}


def calls(*lists):
    every = [c for some in lists for c in some]
    return pytest.mark.parametrize("method,path", every,
                                   ids=["%s %s" % c for c in every])


@pytest.fixture(scope="module")
def org(server):
    return EventsOrg(server)


@pytest.fixture(scope="module")
def user(org):
    return org.user()


def call(client, method, path, token="own", **kw):
    return client.request(method, path, BODIES.get((method, path)), token,
                          **kw)


def assert_401(response, text=None):
    assert_error(response, 401, text)
    assert response.headers["WWW-Authenticate"].startswith("Bearer")


# --- the header --------------------------------------------------------------

@calls(OPEN_TO_USERS, FOR_ADMINISTRATORS)
def test_without_a_header_it_is_401(user, method, path):
    assert_401(call(user, method, path, token=None), REQUIRED)


HEADERS = {
    "empty": "", "the scheme alone": "Bearer", "a space behind": "Bearer ",
    "lower case": "bearer %s", "upper case": "BEARER %s",
    "two spaces": "Bearer  %s", "a tab": "Bearer\t%s", "no space": "Bearer%s",
    "a comma": "Bearer,%s", "an equals sign": "Bearer=%s",
    "another scheme": "Token %s", "JWT": "JWT %s", "bare": "%s",
    "a word behind": "Bearer %s x", "twice": "Bearer Bearer %s",
    "Basic": "Basic dXNlcjpwYXNzd29yZA=="}


@pytest.mark.parametrize("form", HEADERS.values(), ids=HEADERS.keys())
def test_a_header_of_another_form_is_401(user, form):
    header = form % user.token if "%s" in form else form
    r = user.request("GET", "events", token=None,
                     headers={"Authorization": header})
    assert_401(r, REQUIRED)


def test_basic_with_the_users_password_is_401(user):
    pair = "%s:%s" % (user.name, user.password)
    header = "Basic " + base64.b64encode(pair.encode()).decode()
    r = user.request("GET", "events", token=None,
                     headers={"Authorization": header})
    assert_401(r, REQUIRED)


def test_exactly_bearer_and_the_token_opens(user):
    r = user.request("GET", "events", token=None,
                     headers={"authorization": "Bearer " + user.token})
    assert r.status_code == 200


def test_a_token_in_the_query_is_not_looked_at(user):
    for name in ("token", "access_token"):
        r = user.request("GET", "events", token=None,
                         params={name: user.token})
        assert_401(r, REQUIRED)


@pytest.mark.parametrize("token", [
    "x", "a.b.c", "..", ".", "a.b", "null", "undefined", "x" * 5000,
    "e30.e30.e30", "\u00e9"])
def test_what_is_no_token_is_401(user, token):
    r = user.request("GET", "events", token=token.encode().decode("latin-1"))
    assert_401(r, INVALID)


@calls(OPEN_TO_USERS, FOR_ADMINISTRATORS)
def test_a_bad_token_is_401_everywhere(user, method, path):
    assert_401(call(user, method, path, token="x.y.z"), INVALID)


# --- forged and expired tokens -----------------------------------------------

def b64(value):
    if not isinstance(value, bytes):
        value = json.dumps(value, separators=(",", ":")).encode()
    return base64.urlsafe_b64encode(value).rstrip(b"=").decode()


def opened(token):
    return [json.loads(base64.urlsafe_b64decode(p + "=="))
            for p in token.split(".")[:2]]


def signed(header, claims, key, digest=hashlib.sha256):
    text = b64(header) + "." + b64(claims)
    mac = hmac.new(key, text.encode(), digest).digest()
    return text + "." + b64(mac)


def key_of(server, token):
    """The key that signed it, from the operator's folder."""
    kid = opened(token)[0]["kid"]
    text = (server.data / "keys" / (kid + ".key")).read_text()
    return bytes.fromhex(text.strip())


def test_the_key_signs_as_the_tests_below_assume(server, user):
    header, claims = opened(user.token)
    token = signed(header, claims, key_of(server, user.token))
    assert user.request("GET", "events", token=token).status_code == 200


SIGNED = {
    "expired": ({}, {"exp": now() - 10}), "at the epoch": ({}, {"exp": 0}),
    "expiry as text": ({}, {"exp": str(now() + 999)}),
    "no expiry": ({}, {"exp": None}),
    "a refresh token": ({}, {"token_type": "refresh"}),
    "of an unknown user": ({}, {"sub": "nobody"}),
    "of an unknown org": ({}, {"org": "nowhere", "org_id": 999999}),
    "of an unknown key": ({"kid": "k000009-0000000000000000"}, {}),
    "of a key outside": ({"kid": "../keys/k"}, {}),
    "of no key": ({"kid": None}, {}),
    "as HS512": ({"alg": "HS512"}, {}), "as none": ({"alg": "none"}, {}),
    "as RS256": ({"alg": "RS256"}, {}),
}


@pytest.mark.parametrize("head,more", SIGNED.values(), ids=SIGNED.keys())
def test_the_right_key_does_not_make_a_wrong_token_good(server, user, head,
                                                        more):
    header, claims = opened(user.token)
    claims = {k: v for k, v in {**claims, **more}.items() if v is not None}
    header = {k: v for k, v in {**header, **head}.items() if v is not None}
    token = signed(header, claims, key_of(server, user.token))
    assert_401(user.request("GET", "events", token=token), INVALID)


def test_hs512_by_the_right_key_is_401(server, user):
    header, claims = opened(user.token)
    token = signed({**header, "alg": "HS512"}, claims,
                   key_of(server, user.token), hashlib.sha512)
    assert_401(user.request("GET", "events", token=token), INVALID)


def forgeries(token):
    header, claims = opened(token)
    head, body, mac = token.split(".")
    for alg in ("none", "None", "nOnE"):
        yield "alg " + alg, b64({**header, "alg": alg}) + "." + body + "."
    yield "no alg", b64({"typ": "JWT"}) + "." + body + "." + mac
    yield "no signature", head + "." + body + "."
    yield "two parts", head + "." + body
    yield "four parts", token + ".x"
    yield "cut", token[:-4]
    yield "longer", token + "AAAA"
    yield "flipped", head + "." + body + "." + (
        ("B" if mac[0] == "A" else "A") + mac[1:])
    for key in (b"", b"secret", header["kid"].encode()):
        yield "signed with %r" % key, signed(header, claims, key)
    for name, value in (("exp", claims["exp"] + 9999), ("is_admin", True),
                        ("org", "main"), ("sub", "admin")):
        yield "other " + name, head + "." + b64({**claims, name: value}) \
            + "." + mac
    yield "not base64", head + "." + body + ".!!!!"
    yield "not JSON", b64(b"{") + "." + body + "." + mac


def test_forged_tokens_are_401(user):
    for name, token in forgeries(user.token):
        r = user.request("GET", "events", token=token)
        assert r.status_code == 401, name
        assert_401(r, INVALID)
    assert user.get().status_code == 200


def test_forged_tokens_do_not_make_administrators(org, user):
    for name, token in forgeries(user.token):
        r = user.request("PUT", "acl", {"rules": []}, token)
        assert r.status_code == 401, name
    assert org.admin.acl() == []


def test_a_token_of_another_server_is_401(demo, user):
    other = Client(demo, "testuser", "testpass123")
    assert other.get().status_code == 200
    assert_401(user.request("GET", "events", token=other.token), INVALID)


def test_a_token_expires(tmp_path):
    s = Server(tmp_path, config=CONFIG + "events:\n  token_lifetime_s: 1\n")
    s.cli.init("main", "admin", "an-admin-password")
    s.start()
    try:
        admin = Client(s, "admin", "an-admin-password")
        claims = opened(admin.token)[1]
        assert claims["exp"] - claims["iat"] == 1
        wait_for(lambda: now() > claims["exp"] + 1, "the token to expire")
        for path in ("events", "acl", "admin/users"):
            assert_401(admin.get(path), INVALID)
    finally:
        assert s.stop() == 0


# --- one system of tokens ----------------------------------------------------

def test_a_token_that_was_not_made_here_is_valid_here(demo):
    token = demo.cli.run("demo", "token", "testuser").stdout.strip()
    user = Client(demo, "testuser", "testpass123", token=token)
    assert len(user.history()) >= 2


@calls(OPEN_TO_USERS)
def test_a_sites_token_is_403(org, user, method, path):
    token = org.site().token()
    r = call(user, method, path, token=token)
    assert_error(r, 403, DENIED)


@calls(OPEN_TO_USERS)
def test_a_devices_token_is_403(org, user, method, path):
    name = "device-%d" % next(org.server.counter)
    out = org.cli.run("device", "add", name, "--org", org.name).stdout
    token = next(w for w in out.replace('"', " ").split()
                 if w.count(".") == 2)
    assert_error(call(user, method, path, token=token), 403, DENIED)


@calls(FOR_ADMINISTRATORS)
def test_a_sites_token_is_not_an_administrators(org, user, method, path):
    r = call(user, method, path, token=org.site().token())
    assert r.status_code in (401, 403)
    assert_error(r, r.status_code)


def test_a_users_token_is_no_sites(org, user):
    """Known there, but without a part in it."""
    site = org.site()
    r = site.get("queued_records", auth=None, headers={
        "Authorization": "Bearer " + user.token})
    assert r.status_code in (401, 403)
    assert set(r.json()["error"]) == {"code", "message", "data"}


@calls(FOR_ADMINISTRATORS)
def test_a_user_who_is_no_administrator_is_401(user, method, path):
    assert_401(call(user, method, path))


def test_an_administrator_may_do_all_of_it(org):
    assert org.admin.get("acl").status_code == 200
    assert org.admin.get("admin/users").status_code == 200
    assert org.admin.get().status_code == 200


def test_the_histories_of_orgs_are_apart(server):
    one, two = EventsOrg(server), EventsOrg(server)
    one.user().posted(event("same", item="one"))
    user = two.user()
    assert user.history() == []
    assert uuids(user.posted(event("same", item="two"))) == ["same"]
    assert [e["itemUuid"] for e in one.history()] == ["one"]
    one.put_rules(rule(allow=False))
    assert len(user.posted(event())) == 2


def test_a_cursor_of_another_org_shows_nothing_of_it(server):
    one, two = EventsOrg(server), EventsOrg(server)
    one.user().posted(event("secret"))
    two.user().posted(event("own"), event("own2"))
    r = two.admin.get(after=one.admin.page()[1])
    if r.status_code == 200:
        assert r.headers["X-Events-Resync"] == "1"
        assert uuids(r.json()) == ["own", "own2"]
    else:
        assert_error(r, 400, "Invalid cursor")


# --- auth comes before the body ----------------------------------------------

BAD_BODIES = {"not JSON": "{", "empty": "", "wrong": "17", "none": None}


@pytest.mark.parametrize("body", BAD_BODIES.values(), ids=BAD_BODIES.keys())
@calls([c for c in BODIES if c[1] != "auth/token"])
def test_auth_comes_before_the_body(user, method, path, body):
    r = user.request(method, path, body, token=None)
    assert_401(r, REQUIRED)
    r = user.request(method, path, body, token="x.y.z")
    assert_401(r, INVALID)
    if path != "events":
        assert_401(user.request(method, path, body))


def test_auth_comes_before_the_content_type_and_the_query(user):
    xml = {"Content-Type": "text/xml"}
    assert_401(user.request("POST", "events", "[]", None, headers=xml))
    r = user.request("GET", "events", token=None,
                     params={"after": "nonsense", "fromTimestamp": "x"})
    assert_401(r, REQUIRED)


# --- what never reaches a handler --------------------------------------------

@pytest.mark.parametrize("path", [
    "", "nope", "events/", "events/x", "Events", "acl/", "acl/x", "admin",
    "admin/", "admin/user", "admin/users/", "admin/users/a/b", "auth",
    "auth/tokens", "auth/token/", "health/", "health/x"])
def test_an_unknown_path_is_404(org, path):
    assert_error(org.admin.get(path), 404)


METHODS = {"events": {"GET", "POST"}, "acl": {"GET", "PUT"},
           "admin/users": {"GET", "POST"},
           "admin/users/x": {"GET", "PUT", "DELETE"},
           "auth/token": {"POST"}, "health": {"GET"}}


def wrong_methods():
    for path, allowed in METHODS.items():
        for method in ("GET", "POST", "PUT", "DELETE", "PATCH"):
            if method not in allowed:
                yield method, path


@calls(list(wrong_methods()))
def test_a_wrong_method_is_405_with_allow(org, method, path):
    r = org.admin.request(method, path)
    assert_error(r, 405)
    named = {x.strip() for x in r.headers["Allow"].split(",")}
    assert METHODS[path] <= named <= METHODS[path] | {"HEAD", "OPTIONS"}


@pytest.mark.parametrize("kind", [
    "text/xml", "multipart/form-data; boundary=x", "image/png",
    "application/xml"])
@calls(list(BODIES))
def test_a_wrong_content_type_is_415(org, method, path, kind):
    r = call(org.admin, method, path, headers={"Content-Type": kind})
    assert_error(r, 415)


@pytest.mark.parametrize("kind", [
    "application/json", "application/json; charset=utf-8",
    "Application/JSON", "application/json;charset=UTF-8"])
def test_json_by_any_of_its_names_is_read(user, kind):
    r = user.post([], headers={"Content-Type": kind})
    assert r.status_code == 200


NOT_JSON = {"open": "{", "word": "nonsense", "empty": "", "blank": " \n",
            "two values": "[] []", "trailing comma": "[1,]",
            "bad byte": b'["\xff"]', "NUL behind": b"[]\x00",
            "deep": b"[" * 10000}
TEXTS = {"events": "Invalid JSON format", "auth/token":
         "Invalid request format"}


@pytest.mark.parametrize("body", NOT_JSON.values(), ids=NOT_JSON.keys())
@calls(list(BODIES))
def test_a_body_that_is_not_json_is_400(org, method, path, body):
    r = org.admin.request(method, path, body)
    assert_error(r, 400, TEXTS.get(path))


def test_a_login_that_is_too_large_is_413(org):
    body = {"username": "x" * (1 << 20), "password": "x"}
    r = org.admin.request("POST", "auth/token", body, None)
    assert_error(r, 413)


def test_a_post_that_is_too_large_is_413(tmp_path):
    s = Server(tmp_path, config=CONFIG.replace(
        "server:\n", "server:\n  body_max_bytes: 65536\n"))
    s.cli.init("main", "admin", "an-admin-password")
    s.start()
    try:
        admin = Client(s, "admin", "an-admin-password")
        assert_error(admin.post([event(payload="x" * 65536)]), 413)
        assert_error(admin.post([event(payload="x" * 65536)],
                                "handling=lenient"), 413)
        assert admin.history() == []
        assert len(admin.posted(event(payload="x" * 60000))) == 1
    finally:
        assert s.stop() == 0


def test_every_answer_has_its_own_request_id(user):
    ids = {user.get().headers["X-Request-Id"] for _ in range(3)}
    ids.add(user.get("nope").headers["X-Request-Id"])
    assert len(ids) == 4
