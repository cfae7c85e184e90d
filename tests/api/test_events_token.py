"""POST auth/token: what it takes, and how guessing is held up."""

import itertools
import json
import threading

import pytest

from events import Client, EventsOrg, assert_error
from harness import CONFIG, Server, wait_for

WRONG = "Invalid username or password"
FORMAT = "Invalid request format"
FAILURES_MAX = 5
LOCK_S = 1800


@pytest.fixture(scope="module")
def proxied(tmp_path_factory):
    """A server behind a proxy, so that a test can call from anywhere."""
    s = Server(tmp_path_factory.mktemp("proxied"), config=CONFIG.replace(
        "server:\n", "server:\n  trusted_proxies: [127.0.0.0/8]\n"))
    s.cli.init("main", "admin", "an-admin-password")
    s.start()
    yield s
    assert s.stop() == 0


@pytest.fixture(scope="module")
def org(proxied):
    return EventsOrg(proxied)


addresses = ("10.%d.%d.%d" % (n >> 16, n >> 8 & 255, n & 255)
             for n in itertools.count(257))


@pytest.fixture
def user(org):
    """A user at an address that nobody has called from before."""
    client = org.user()
    client.headers["X-Forwarded-For"] = next(addresses)
    return client


def ask(client, body):
    return client.request("POST", "auth/token", body, None)


def elsewhere(client):
    other = Client(client.server, client.name, client.password, client.uuid)
    other.headers["X-Forwarded-For"] = next(addresses)
    return other


# --- what it takes -----------------------------------------------------------

def test_name_and_password_give_a_token(user):
    r = user.login()
    assert r.status_code == 200
    assert list(r.json()) == ["token"]


def test_a_token_that_is_sent_does_not_matter(user):
    body = {"username": user.name, "password": user.password}
    for token in ("x.y.z", user.token):
        r = user.request("POST", "auth/token", body, token)
        assert r.status_code == 200
    assert_error(user.request("POST", "auth/token", {
        **body, "password": "wrong"}, user.token), 401, WRONG)


def test_every_login_gives_a_token_of_its_own(user):
    one, two = (user.login().json()["token"] for _ in range(2))
    assert one != two
    for token in (one, two):
        assert user.request("GET", "events", token=token).status_code == 200


@pytest.mark.parametrize("change", [str.upper, str.lower, str.title])
def test_names_compare_without_regard_to_case(org, change):
    name = "MiXed-%d" % next(org.server.counter)
    user = org.user(name)
    r = user.login(change(name))
    assert r.status_code == 200
    assert org.admin.request("GET", "events",
                             token=r.json()["token"]).status_code == 200


def test_passwords_compare_by_their_bytes(user):
    for other in (user.password.upper(), user.password + " ",
                  " " + user.password, user.password[:-1]):
        assert_error(user.login(password=other), 401, WRONG)


def test_a_password_may_hold_any_text(org):
    user = org.user(password="p\u00e4ss \"w\" \U0001d11e \\ :")
    assert user.login().status_code == 200


def test_further_members_do_not_matter(user):
    body = {"username": user.name, "password": user.password,
            "remember": True, "client": {"v": 1}}
    assert ask(user, body).status_code == 200


VALUES = {"missing": Ellipsis, "null": None, "empty": "", "number": 5,
          "true": True, "array": ["x"], "object": {"a": "b"}}


@pytest.mark.parametrize("value", VALUES.values(), ids=VALUES.keys())
@pytest.mark.parametrize("member", ["username", "password"])
def test_a_field_that_is_no_text_is_400(user, member, value):
    body = {"username": user.name, "password": user.password, member: value}
    if value is Ellipsis:
        del body[member]
    assert_error(ask(user, body), 400, FORMAT)


@pytest.mark.parametrize("body", ["[]", "null", "17", '"x"', "true", "{}",
                                  '[{"username":"a","password":"b"}]'])
def test_a_body_that_is_no_object_with_both_is_400(user, body):
    assert_error(ask(user, body), 400, FORMAT)


@pytest.mark.parametrize("body", [
    "", " ", "{", "x", '{"username":"a","password":"b"', "{'username':'a'}",
    '{"username":"a","password":"b"}x', '{"username":"\\ud800",'
    '"password":"b"}', b'{"username":"\xff","password":"b"}',
    "username=a&password=b"])
def test_a_body_that_is_not_json_is_400(user, body):
    assert_error(ask(user, body), 400, FORMAT)


def test_a_field_named_twice_is_400(user):
    text = json.dumps({"username": user.name, "password": user.password})
    assert_error(ask(user, text[:-1] + ', "password": "x"}'), 400, FORMAT)


# --- what is wrong -----------------------------------------------------------

VARYING = {"date", "x-request-id"}


def told(response):
    """All that an answer says, but for what each answer has of its own."""
    return (response.status_code, response.content,
            sorted((k.lower(), v) for k, v in response.headers.items()
                   if k.lower() not in VARYING))


@pytest.mark.parametrize("name", [
    "nobody", "x", "n" * 10000, "a b", "admin'--", "user/x", "*",
    "\U0001d11e"])
def test_an_unknown_name_is_401(user, name):
    assert_error(user.login(name, "some-password"), 401, WRONG)


@pytest.mark.parametrize("password", ["x", "p" * 10000, "*"])
def test_a_wrong_password_is_401(user, password):
    assert_error(user.login(password=password), 401, WRONG)


def test_unknown_and_known_names_are_told_the_same(user):
    known = [told(user.login(password="wrong-password")) for _ in range(7)]
    unknown = [told(user.login(user.name + "-", "wrong-password"))
               for _ in range(7)]
    statuses = [r[0] for r in known]
    assert statuses == [401] * FAILURES_MAX + [429] * 2
    assert known[:FAILURES_MAX] == unknown[:FAILURES_MAX]
    assert [r[:2] for r in known] == [r[:2] for r in unknown]


def test_a_disabled_user_is_told_the_same(org, user):
    wrong = told(user.login(password="wrong-password"))
    org.cli.run("user", "disable", user.name)
    assert told(user.login()) == wrong
    org.cli.run("user", "enable", user.name)
    assert user.login().status_code == 200


def test_nul_in_a_field_is_no_end_of_it(user):
    for name, password in ((user.name + "\u0000", user.password),
                           (user.name, user.password + "\u0000")):
        r = user.login(name, password)
        assert r.status_code in (400, 401)
        assert_error(r, r.status_code)


def test_a_sites_name_is_no_users(org, user):
    site = org.site()
    assert_error(user.login(site.name, site.password), 401, WRONG)


# --- guessing ----------------------------------------------------------------

def fail(client, times, name=None):
    for _ in range(times):
        assert_error(client.login(name, "wrong-password"), 401, WRONG)


def assert_locked(response):
    assert_error(response, 429)
    after = response.headers["Retry-After"]
    assert after.isdigit() and 1 <= int(after) <= LOCK_S


def test_after_so_many_failures_a_name_is_locked(user):
    fail(user, FAILURES_MAX)
    assert_locked(user.login(password="wrong-password"))
    assert_locked(user.login())


def test_a_name_that_is_not_there_is_locked_alike(user):
    fail(user, FAILURES_MAX, "nobody")
    assert_locked(user.login("nobody", "wrong-password"))


def test_names_are_counted_without_regard_to_case(user):
    for prefix in ("User", "uSer", "usEr", "useR", "USER"):
        fail(user, 1, user.name.replace("user", prefix))
    assert_locked(user.login())


def test_fewer_failures_do_not_lock(user):
    fail(user, FAILURES_MAX - 1)
    assert user.login().status_code == 200


def test_a_login_that_works_starts_the_count_anew(user):
    for _ in range(3):
        fail(user, FAILURES_MAX - 1)
        assert user.login().status_code == 200


def test_another_address_is_not_locked(user):
    fail(user, FAILURES_MAX)
    assert_locked(user.login())
    assert elsewhere(user).login().status_code == 200
    assert_locked(user.login())


def test_failures_of_many_addresses_lock_nobody_out(user):
    for _ in range(4):
        fail(elsewhere(user), FAILURES_MAX)
    assert user.login().status_code == 200


def test_another_account_at_the_address_is_not_locked(org, user):
    other = org.user()
    other.headers = user.headers
    fail(user, FAILURES_MAX)
    assert_locked(user.login())
    assert other.login().status_code == 200


def test_what_is_malformed_is_no_guess(user):
    for _ in range(2 * FAILURES_MAX):
        assert_error(ask(user, {"username": user.name}), 400, FORMAT)
    assert user.login().status_code == 200


def test_tokens_go_on_working_while_the_name_is_locked(user):
    assert user.get().status_code == 200
    fail(user, FAILURES_MAX)
    assert_locked(user.login())
    assert user.get().status_code == 200


def test_whoever_is_not_a_trusted_proxy_has_one_address(server):
    user = EventsOrg(server).user()
    for n in range(FAILURES_MAX):
        user.headers["X-Forwarded-For"] = "10.9.9.%d" % n
        fail(user, 1)
    user.headers["X-Forwarded-For"] = "10.9.9.200"
    assert_locked(user.login())


def test_guesses_at_the_same_time_are_counted_each(user):
    """No more of them are looked at than guesses one after the other."""
    statuses, start = [], threading.Barrier(20)

    def guess():
        client = Client(user.server, user.name, "wrong-password")
        client.headers = dict(user.headers)
        start.wait()
        statuses.append(client.login().status_code)
    threads = [threading.Thread(target=guess) for _ in range(20)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert set(statuses) <= {401, 429}
    assert statuses.count(401) <= FAILURES_MAX
    assert_locked(user.login())


@pytest.fixture(scope="module")
def strict(tmp_path_factory):
    """A lock that ends soon, and few failures for each address."""
    s = Server(tmp_path_factory.mktemp("strict"), config=CONFIG.replace(
        "auth:\n", "auth:\n  failures_max: 2\n  lock_s: 1\n"
        "  address_failures_max: 6\n").replace(
        "server:\n", "server:\n  trusted_proxies: [127.0.0.0/8]\n"))
    s.cli.init("main", "admin", "an-admin-password")
    s.start()
    yield s
    assert s.stop() == 0


def test_the_lock_ends(strict):
    admin = Client(strict, "admin", "an-admin-password")
    admin.headers["X-Forwarded-For"] = next(addresses)
    fail(admin, 2)
    r = admin.login()
    assert_error(r, 429)
    assert int(r.headers["Retry-After"]) == 1
    wait_for(lambda: admin.login().status_code == 200, "the lock to end")


def test_an_address_that_tries_many_names_is_held_back(strict):
    admin = Client(strict, "admin", "an-admin-password")
    admin.headers["X-Forwarded-For"] = next(addresses)
    for n in range(6):
        fail(admin, 1, "name-%d" % n)
    r = admin.login("name-7", "wrong-password")
    assert_error(r, 429)
    assert int(r.headers["Retry-After"]) >= 1
    assert elsewhere(admin).login().status_code == 200
