"""Users: made, changed, shown and disabled by administrators."""

import json
import re
import threading

import pytest

from events import Client, EventsOrg, assert_error, event, rule, uuids
from harness import at_the_same_time

FIELDS = ["uuid", "username", "roles", "isAdmin", "disabled", "createdAt",
          "updatedAt"]
WRONG = "Invalid username or password"
INVALID = "Invalid or expired token"
NOT_FOUND = "User not found"
TAKEN = "Username already exists"


@pytest.fixture(scope="module")
def org(server):
    return EventsOrg(server)


@pytest.fixture
def admin(org):
    return org.admin


@pytest.fixture
def body(server):
    """A user who is not there yet."""
    n = next(server.counter)
    return {"uuid": "new-%d" % n, "username": "New-%d" % n,
            "password": "new-password-%d" % n}


def add(admin, body):
    return admin.request("POST", "admin/users", body)


def put(admin, uuid, body):
    return admin.request("PUT", "admin/users/" + uuid, body)


def added(admin, body):
    """Add a user, and insist; a client of theirs."""
    r = add(admin, body)
    assert r.status_code == 201, r.text
    assert r.json() == {"uuid": body["uuid"]}
    return Client(admin.server, body["username"], body["password"],
                  body["uuid"], admin.org)


def changed(admin, uuid, **members):
    r = put(admin, uuid, members)
    assert r.status_code == 204, r.text
    assert r.content == b""


def shown(admin, uuid):
    r = admin.get("admin/users/" + uuid)
    assert r.status_code == 200, r.text
    return r.json()


def everyone(admin):
    r = admin.get("admin/users")
    assert r.status_code == 200, r.text
    return {u["uuid"]: u for u in r.json()}


def logs_in(client):
    r = client.login()
    if r.status_code == 200:
        return True
    assert_error(r, 401, WRONG)
    return False


# --- adding ------------------------------------------------------------------

def test_a_new_user_may_log_in_and_post(admin, body):
    user = added(admin, body)
    e = event()
    assert user.posted(e)[-1]["userUuid"] == body["uuid"]


def test_a_new_user_is_shown(admin, body):
    added(admin, body)
    user = shown(admin, body["uuid"])
    assert list(user) == FIELDS
    assert user["uuid"] == body["uuid"]
    assert user["username"] == body["username"]
    assert user["roles"] == []
    assert user["isAdmin"] is False and user["disabled"] is False
    for name in ("createdAt", "updatedAt"):
        assert re.match(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$",
                        user[name])
    assert everyone(admin)[body["uuid"]] == user


def test_roles_and_is_admin_may_be_there(admin, body):
    user = added(admin, {**body, "roles": ["nurse", "\u00e9"],
                         "isAdmin": True})
    got = shown(admin, body["uuid"])
    assert got["roles"] == ["nurse", "\u00e9"] and got["isAdmin"] is True
    assert user.get("acl").status_code == 200


def test_an_administrator_may_add_another_of_no_rights(admin, body):
    user = added(admin, {**body, "isAdmin": False, "roles": []})
    assert_error(user.get("acl"), 401)


VALUES = {"missing": Ellipsis, "null": None, "empty": "", "number": 5,
          "true": True, "array": ["xxxxxxxx"], "object": {"a": "b"}}


@pytest.mark.parametrize("value", VALUES.values(), ids=VALUES.keys())
@pytest.mark.parametrize("member", ["uuid", "username", "password"])
def test_a_field_that_is_no_text_is_400(admin, body, member, value):
    bad = {**body, member: value}
    if value is Ellipsis:
        del bad[member]
    before = everyone(admin)
    assert_error(add(admin, bad), 400)
    assert everyone(admin) == before
    added(admin, body)


NAMES = {"2": "ab", "51": "x" * 51, "10 kB": "x" * 10000, "1": "a",
         "blank": "a b c", "blank behind": "abc ", "dot": "a.b.c",
         "at": "a@b.c", "slash": "a/b/c", "umlaut": "\u00e4bc",
         "digit": "\u0661\u0662\u0663", "NUL": "ab\u0000c",
         "newline": "abc\n", "star": "ab*", "colon": "a:b:c",
         "emoji": "abc\U0001f600", "percent": "ab%20c"}


@pytest.mark.parametrize("name", NAMES.values(), ids=NAMES.keys())
def test_a_username_of_another_form_is_400(admin, body, name):
    before = everyone(admin)
    assert_error(add(admin, {**body, "username": name}), 400)
    assert everyone(admin) == before
    user = added(admin, body)
    assert_error(put(admin, user.uuid, {"new_username": name}), 400)
    assert shown(admin, user.uuid)["username"] == body["username"]
    assert logs_in(user)


@pytest.mark.parametrize("length", [3, 4, 49, 50])
def test_a_username_has_3_to_50_characters(server, admin, body, length):
    n = "%x" % next(server.counter)
    name = ("-_Zz9" * 10)[:length - len(n)] + n if length > len(n) else n
    user = added(admin, {**body, "username": name[-length:].rjust(
        length, "_")})
    assert len(user.name) == length
    assert logs_in(user)


@pytest.mark.parametrize("password", ["1234567", "\u00e9\u00e9\u00e9", "x",
                                      "x" * 1025, "\u00e9" * 513])
def test_a_password_out_of_its_bounds_is_400(admin, body, password):
    before = everyone(admin)
    assert_error(add(admin, {**body, "password": password}), 400)
    assert everyone(admin) == before
    user = added(admin, body)
    assert_error(put(admin, user.uuid, {"new_password": password}), 400)
    assert logs_in(user)


@pytest.mark.parametrize("password", ["12345678", "\u00e9\u00e9\u00e9\u00e9",
                                      " " * 8, "x" * 1024, "\"\\\u0001'--: "])
def test_a_password_of_8_bytes_and_of_any_text_is_taken(admin, body,
                                                        password):
    assert logs_in(added(admin, {**body, "password": password}))


@pytest.mark.parametrize("uuid", ["x" * 201, "\u00e9" * 101, "x" * 10000])
def test_a_uuid_over_200_bytes_is_400(admin, body, uuid):
    before = everyone(admin)
    assert_error(add(admin, {**body, "uuid": uuid}), 400)
    assert everyone(admin) == before


@pytest.mark.parametrize("form", [
    "%s", "a b %s", "\u00e9%s", "a/%s", "%s?x=1", "%s#", "..%s", "%%41%s",
    "a+%s", "%s;", "*%s"])
def test_a_uuid_is_any_text(server, admin, body, form):
    """In the path it is percent-encoded."""
    uuid = form % ("u%d" % next(server.counter))
    user = added(admin, {**body, "uuid": uuid})
    path = "".join("%%%02X" % b for b in uuid.encode())
    assert shown(admin, path)["uuid"] == uuid
    changed(admin, path, roles=["x"])
    assert user.posted(event())[-1]["userUuid"] == uuid
    assert admin.request("DELETE", "admin/users/" + path).status_code == 204
    assert everyone(admin)[uuid]["disabled"] is True


def test_a_uuid_of_200_bytes_is_taken(server, admin, body):
    uuid = ("%d-" % next(server.counter)).ljust(200, "x")
    added(admin, {**body, "uuid": uuid})
    assert shown(admin, uuid)["uuid"] == uuid


@pytest.mark.parametrize("member,value", [
    ("roles", "x"), ("roles", {}), ("roles", 5), ("roles", [5]),
    ("roles", ["x", None]), ("roles", [["x"]]), ("isAdmin", "true"),
    ("isAdmin", 1), ("isAdmin", []), ("isAdmin", {})])
def test_roles_or_is_admin_of_a_wrong_type_is_400(admin, body, member,
                                                  value):
    before = everyone(admin)
    assert_error(add(admin, {**body, member: value}), 400)
    assert everyone(admin) == before
    user = added(admin, body)
    before = shown(admin, user.uuid)
    assert_error(put(admin, user.uuid, {member: value}), 400)
    assert shown(admin, user.uuid) == before


@pytest.mark.parametrize("text", ["[]", "null", "17", '"x"', "[{}]"])
def test_what_is_no_object_is_400(admin, body, text):
    before = everyone(admin)
    assert_error(add(admin, text), 400)
    user = added(admin, body)
    assert_error(put(admin, user.uuid, text), 400)
    assert set(everyone(admin)) == set(before) | {user.uuid}


def test_a_member_named_twice_is_400(admin, body):
    before = everyone(admin)
    for member in body:
        text = "%s, %s: \"xxxxxxxxx\"}" % (json.dumps(body)[:-1],
                                           json.dumps(member))
        assert_error(add(admin, text), 400)
    assert everyone(admin) == before


def test_a_username_that_is_taken_is_400(admin, body):
    user = added(admin, body)
    for name in (user.name, user.name.upper(), user.name.lower()):
        other = {**body, "uuid": body["uuid"] + "-2", "username": name}
        assert_error(add(admin, other), 400, TAKEN)
    assert body["uuid"] + "-2" not in everyone(admin)


def test_a_username_of_another_org_is_taken_too(server, admin, body):
    """Whoever logs in gives no org, so that a name is one user's."""
    user = EventsOrg(server).user()
    assert_error(add(admin, {**body, "username": user.name}), 400, TAKEN)
    assert logs_in(user)


def test_a_uuid_that_is_taken_is_400(admin, body):
    user = added(admin, body)
    assert_error(add(admin, {**body, "username": body["username"] + "-2",
                             "password": "another-password"}), 400)
    assert shown(admin, user.uuid)["username"] == user.name
    assert logs_in(user)


def test_a_disabled_users_name_and_uuid_stay_taken(admin, body):
    user = added(admin, body)
    admin.request("DELETE", "admin/users/" + user.uuid)
    assert_error(add(admin, {**body, "uuid": "x" + user.uuid}), 400, TAKEN)
    assert_error(add(admin, {**body, "username": "x" + user.name}), 400)


# --- changing ----------------------------------------------------------------

def test_a_new_username_replaces_the_old(admin, body):
    user = added(admin, body)
    changed(admin, user.uuid, new_username="x-" + user.name)
    assert shown(admin, user.uuid)["username"] == "x-" + user.name
    assert not logs_in(user)
    user.name = "x-" + user.name
    assert logs_in(user)


def test_a_username_that_was_given_up_is_free_at_once(admin, body):
    user = added(admin, body)
    changed(admin, user.uuid, new_username="x-" + user.name)
    other = added(admin, {**body, "uuid": "x-" + user.uuid})
    assert logs_in(other)
    assert other.posted(event())[-1]["userUuid"] == other.uuid
    assert shown(admin, user.uuid)["username"] == "x-" + user.name


def test_a_user_may_have_the_old_name_again(admin, body):
    user = added(admin, body)
    changed(admin, user.uuid, new_username="x-" + user.name)
    changed(admin, user.uuid, new_username=user.name)
    assert logs_in(user)


def test_the_list_is_in_the_order_of_the_last_change(server):
    org = EventsOrg(server)
    users = [org.admin] + org.users(3)
    changed(org.admin, users[1].uuid, roles=["x"])
    changed(org.admin, users[0].uuid, roles=["x"])
    listed = [u["uuid"] for u in org.admin.get("admin/users").json()]
    assert listed == [users[n].uuid for n in (2, 3, 1, 0)]


def test_a_user_may_keep_the_name_or_change_its_case(admin, body):
    user = added(admin, body)
    changed(admin, user.uuid, new_username=user.name)
    changed(admin, user.uuid, new_username=user.name.upper())
    assert shown(admin, user.uuid)["username"] == user.name.upper()
    assert logs_in(user)


def test_a_name_of_somebody_else_is_400(admin, body):
    user = added(admin, body)
    for name in (admin.name, admin.name.upper()):
        assert_error(put(admin, user.uuid, {"new_username": name}), 400,
                     TAKEN)
    assert logs_in(user)


def test_a_new_password_replaces_the_old_and_ends_the_tokens(admin, body):
    user = added(admin, body)
    assert user.get().status_code == 200
    changed(admin, user.uuid, new_password="the-next-password")
    assert_error(user.get(), 401, INVALID)
    assert_error(user.post([event()]), 401, INVALID)
    assert not logs_in(user)
    user.password, user.kept_token = "the-next-password", None
    assert user.get().status_code == 200


def test_a_new_password_by_the_command_line_ends_the_tokens(org, admin,
                                                            body):
    user = added(admin, body)
    assert user.get().status_code == 200
    org.cli.run("user", "set-password", user.name, stdin="next-password\n")
    assert_error(user.get(), 401, INVALID)


def test_the_same_password_again_ends_the_tokens_too(admin, body):
    user = added(admin, body)
    assert user.get().status_code == 200
    changed(admin, user.uuid, new_password=user.password)
    assert_error(user.get(), 401, INVALID)
    assert logs_in(user)


def test_both_may_be_changed_at_once(admin, body):
    user = added(admin, body)
    changed(admin, user.uuid, new_username="x-" + user.name,
            new_password="the-next-password")
    assert not logs_in(user)
    user.name, user.password = "x-" + user.name, "the-next-password"
    assert logs_in(user)


def test_what_is_half_bad_changes_nothing(admin, body):
    user = added(admin, body)
    assert user.get().status_code == 200
    before = shown(admin, user.uuid)
    for bad in ({"new_username": "x-" + user.name, "new_password": "short"},
                {"new_username": "!", "new_password": "the-next-password"},
                {"roles": ["x"], "isAdmin": "yes"},
                {"new_username": admin.name, "disabled": True}):
        assert_error(put(admin, user.uuid, bad), 400)
        assert shown(admin, user.uuid) == before
    assert user.get().status_code == 200
    assert logs_in(user)


def test_nothing_to_change_is_400(admin, body):
    user = added(admin, body)
    assert_error(put(admin, user.uuid, {}), 400)


@pytest.mark.parametrize("member", ["new_username", "new_password"])
@pytest.mark.parametrize("value", ["", 5, True, ["xxxxxxxx"], {}])
def test_a_new_value_that_is_no_text_is_400(admin, body, member, value):
    user = added(admin, body)
    assert_error(put(admin, user.uuid, {member: value}), 400)
    assert logs_in(user)


@pytest.mark.parametrize("value", ["true", 1, 0, [], {}, ""])
def test_disabled_of_a_wrong_type_is_400(admin, body, value):
    user = added(admin, body)
    assert_error(put(admin, user.uuid, {"disabled": value}), 400)
    assert logs_in(user)


def test_roles_are_replaced(admin, body):
    user = added(admin, {**body, "roles": ["a", "b"]})
    for roles in (["c"], [], ["d", "e"]):
        changed(admin, user.uuid, roles=roles)
        assert shown(admin, user.uuid)["roles"] == roles


def test_what_is_not_named_stays(admin, body):
    user = added(admin, {**body, "roles": ["a"], "isAdmin": True})
    before = shown(admin, user.uuid)
    changed(admin, user.uuid, new_username="x-" + user.name)
    after = shown(admin, user.uuid)
    assert after.pop("updatedAt") > before.pop("updatedAt")
    assert after == {**before, "username": "x-" + user.name}


def test_is_admin_gives_and_takes_the_right_at_once(admin, body):
    user = added(admin, body)
    changed(admin, user.uuid, isAdmin=True)
    user.kept_token = None
    assert user.get("acl").status_code == 200
    assert user.get("admin/users").status_code == 200
    changed(admin, user.uuid, isAdmin=False)
    for method, path, sent in (
            ("GET", "acl", None), ("PUT", "acl", {"rules": []}),
            ("GET", "admin/users", None), ("POST", "admin/users", body),
            ("DELETE", "admin/users/" + admin.uuid, None)):
        assert_error(user.request(method, path, sent), 401)
    assert admin.acl() == []


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
@pytest.mark.parametrize("uuid", ["nobody", "x" * 5000, "a%00b", "%2E%2E",
                                  "*"])
def test_a_user_who_is_not_there_is_404(admin, method, uuid):
    sent = {"new_password": "some-password"} if method == "PUT" else None
    r = admin.request(method, "admin/users/" + uuid, sent)
    if uuid in ("a%00b", "x" * 5000):
        assert r.status_code in (400, 404, 414)
        assert_error(r, r.status_code)
    else:
        assert_error(r, 404, NOT_FOUND)


def test_a_username_is_no_uuid(admin, body):
    user = added(admin, body)
    assert_error(admin.get("admin/users/" + user.name), 404, NOT_FOUND)


# --- disabling ---------------------------------------------------------------

def disable(admin, uuid):
    r = admin.request("DELETE", "admin/users/" + uuid)
    assert r.status_code == 204, r.text
    assert r.content == b""


def test_delete_disables_and_ends_the_tokens_at_once(admin, body):
    user = added(admin, body)
    e = event()
    user.posted(e)
    disable(admin, user.uuid)
    assert_error(user.get(), 401, INVALID)
    assert_error(user.post([event()]), 401, INVALID)
    assert not logs_in(user)
    assert shown(admin, user.uuid)["disabled"] is True
    assert user.uuid in everyone(admin)
    kept = [x for x in admin.history() if x["uuid"] == e["uuid"]]
    assert [x["userUuid"] for x in kept] == [user.uuid]


def test_delete_again_is_204(admin, body):
    user = added(admin, body)
    for _ in range(3):
        disable(admin, user.uuid)


def test_disabled_may_be_set_and_taken_back(admin, body):
    user = added(admin, body)
    old = user.token
    changed(admin, user.uuid, disabled=True)
    assert_error(user.get(), 401, INVALID)
    assert not logs_in(user)
    changed(admin, user.uuid, disabled=False)
    assert logs_in(user)
    assert_error(user.request("GET", "events", token=old), 401, INVALID)


def test_what_the_command_line_disables_is_shown(org, admin, body):
    user = added(admin, body)
    assert user.get().status_code == 200
    org.cli.run("user", "disable", user.name)
    assert_error(user.get(), 401, INVALID)
    assert shown(admin, user.uuid)["disabled"] is True
    changed(admin, user.uuid, disabled=False)
    assert logs_in(user)


def test_administrators_cannot_disable_or_demote_themselves(org):
    boss = org.user(admin=True)
    path = "admin/users/" + boss.uuid
    before = shown(boss, boss.uuid)
    assert_error(boss.request("DELETE", path), 400)
    for bad in ({"disabled": True}, {"isAdmin": False},
                {"new_username": "x-" + boss.name, "disabled": True},
                {"new_password": "the-next-password", "isAdmin": False}):
        assert_error(put(boss, boss.uuid, bad), 400)
    assert shown(boss, boss.uuid) == before
    assert logs_in(boss)
    assert org.admin.request("DELETE", path).status_code == 204


def test_administrators_may_change_themselves_otherwise(org):
    boss = org.user(admin=True)
    changed(boss, boss.uuid, isAdmin=True, disabled=False, roles=["x"])
    changed(boss, boss.uuid, new_username="x-" + boss.name)
    boss.name, boss.kept_token = "x-" + boss.name, None
    changed(boss, boss.uuid, new_password="the-next-password")
    assert_error(boss.get(), 401, INVALID)
    boss.password, boss.kept_token = "the-next-password", None
    assert boss.get("acl").status_code == 200


# --- lists -------------------------------------------------------------------

def test_the_list_holds_all_of_the_org_and_no_others(server):
    org, other = EventsOrg(server), EventsOrg(server)
    users = org.users(3)
    stranger = other.user()
    assert set(everyone(org.admin)) == {u.uuid for u in users} | {
        org.admin.uuid}
    assert set(everyone(other.admin)) == {stranger.uuid, other.admin.uuid}
    for uuid, user in everyone(org.admin).items():
        assert list(user) == FIELDS
        assert user == shown(org.admin, uuid)
        assert user["isAdmin"] == (uuid == org.admin.uuid)


def test_users_of_another_org_are_not_there(server, admin):
    other = EventsOrg(server)
    stranger = other.user()
    path = "admin/users/" + stranger.uuid
    assert_error(admin.get(path), 404, NOT_FOUND)
    assert_error(admin.request("DELETE", path), 404, NOT_FOUND)
    assert_error(put(admin, stranger.uuid, {
        "new_password": "some-password"}), 404, NOT_FOUND)
    assert logs_in(stranger)


def test_a_long_list_is_whole(server):
    org = EventsOrg(server)
    n = next(server.counter)
    made = ["many-%d-%d" % (n, i) for i in range(300)]
    for name in made:
        added(org.admin, {"uuid": name, "username": name,
                          "password": "some-password"})
    assert set(everyone(org.admin)) == set(made) | {org.admin.uuid}


def test_nothing_that_is_shown_is_secret(admin, body):
    added(admin, body)
    for r in (admin.get("admin/users"),
              admin.get("admin/users/" + body["uuid"])):
        assert body["password"] not in r.text
        assert "argon2" not in r.text


def test_users_of_the_api_are_those_of_the_command_line(org, admin, body):
    added(admin, {**body, "isAdmin": True})
    lines = org.cli.run("user", "list", "--org", org.name).stdout
    mine = [u for u in map(json.loads, lines.splitlines())
            if u["uuid"] == body["uuid"]]
    assert [(u["name"], u["admin"]) for u in mine] == [
        (body["username"], True)]


# --- at the same time --------------------------------------------------------

@pytest.mark.parametrize("member", ["uuid", "username"])
def test_of_two_who_add_the_same_one_wins(org, server, member):
    clients = [org.admin.again() for _ in range(4)]
    for _ in range(10):
        n = next(server.counter)
        bodies = [{"uuid": "race-%d-%d" % (n, i),
                   "username": "race-%d-%d" % (n, i),
                   "password": "password-%d" % i,
                   member: "race-%d" % n} for i in range(4)]
        given = at_the_same_time(lambda i, b=bodies: add(clients[i], b[i]), 4)
        statuses = [r.status_code for r in given]
        assert sorted(statuses) == [201, 400, 400, 400]
        winner = statuses.index(201)
        users = [u for u in everyone(org.admin).values()
                 if u[member] == "race-%d" % n]
        assert [u["uuid"] for u in users] == [bodies[winner]["uuid"]]
        user = Client(server, bodies[winner]["username"],
                      bodies[winner]["password"])
        assert logs_in(user)


def test_of_two_who_take_the_same_new_name_one_wins(org, server):
    clients = [org.admin.again() for _ in range(2)]
    users = org.users(2)
    for n in range(10):
        name = "taken-%d-%d" % (next(server.counter), n)
        given = at_the_same_time(lambda i, name=name: put(
            clients[i], users[i].uuid, {"new_username": name}))
        assert sorted(r.status_code for r in given) == [204, 400]
        named = [u["uuid"] for u in everyone(org.admin).values()
                 if u["username"] == name]
        winner = [r.status_code for r in given].index(204)
        assert named == [users[winner].uuid]


def test_two_administrators_cannot_disable_each_other(server):
    """One of them is always left."""
    for _ in range(6):
        org = EventsOrg(server)
        bosses = [org.admin, org.user(admin=True)]
        assert all(b.token for b in bosses)
        given = at_the_same_time(lambda i, b=bosses: b[i].request(
            "DELETE", "admin/users/" + b[1 - i].uuid))
        assert sorted(r.status_code for r in given)[0] == 204
        left = [b for b in bosses if logs_in(b)]
        assert len(left) >= 1


@pytest.mark.parametrize("change", [
    {"disabled": True}, {"new_password": "the-next-password"}],
    ids=["disabled", "password"])
def test_a_user_who_is_changed_while_posting_is_out_at_once(server, change):
    """What was begun after the change was answered stores nothing; of what
    was begun before, no more than the one that was under way."""
    org = EventsOrg(server)
    user, out, posted = org.user(), threading.Event(), []
    assert user.token

    def post():
        while len(posted) < 5000:
            last = out.is_set()
            e = event()
            r = user.post([e], "return=minimal")
            posted.append((e["uuid"], last, r.status_code))
            if last:
                return
    thread = threading.Thread(target=post)
    thread.start()
    while len(posted) < 20 and thread.is_alive():
        out.wait(0.001)
    changed(org.admin, user.uuid, **change)
    count = len(org.history())
    out.set()
    thread.join()
    assert [s for _, last, s in posted if last] == [401]
    taken = [u for u, _, s in posted if s == 200]
    assert {s for _, _, s in posted} == {200, 401}
    assert uuids(org.history()) == taken
    assert len(taken) - 1 <= count <= len(taken)


def test_rules_for_a_user_who_is_not_there_yet_hold_when_they_come(server,
                                                                 body):
    org = EventsOrg(server)
    org.put_rules(rule(body["uuid"]))
    user = added(org.admin, body)
    assert len(user.posted(event())) == 1
