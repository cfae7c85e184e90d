"""The access rules: who may post, and lists that are refused."""

import json
import re
import sqlite3
import threading

import pytest

from events import (LENIENT, MINIMAL, EventsOrg, assert_error, event, events,
                    events_of, rule, shown, uuids)
from harness import wait_for
from test_audit import audit_database, rows

DENIED = "Insufficient permissions"
RULES_MAX = 10000
PATTERN_MAX = 512


@pytest.fixture
def org(server):
    return EventsOrg(server)


@pytest.fixture
def user(org):
    return org.user()


def may(client, item="item", action="edit"):
    """Whether a post is let through; either way it has its whole effect."""
    before = len(client.org.history())
    e = event(item=item, action=action)
    r = client.post([e], MINIMAL)
    after = len(client.org.history())
    if r.status_code == 200:
        assert after == before + 1
        return True
    assert_error(r, 403, DENIED, eventUuid=e["uuid"])
    assert after == before
    return False


# --- what the rules say ------------------------------------------------------

def test_until_rules_are_put_everyone_may(org, user):
    assert org.admin.acl() == []
    assert may(user) and may(user, "x", "view")
    assert len(user.history()) == 2


def test_an_empty_list_that_was_put_denies_every_post(org, user):
    user.posted(event("a"))
    org.put_rules()
    assert org.admin.acl() == []
    assert not may(user)
    assert uuids(user.history()) == ["a"]


def test_a_list_is_given_back_as_it_was_put(org):
    rules = [rule(), rule("u", "i", "a", False), rule("u", "i*"),
             rule("\u00e9", "\U0001d11e*", "with blanks"),
             rule("x" * PATTERN_MAX, "y" * (PATTERN_MAX - 1) + "*",
                  "z" * PATTERN_MAX),
             rule("u", "i", "a", False), rule(item="a/b?c=d&e#\"\\'")]
    org.put_rules(*rules)
    assert org.admin.acl() == rules
    org.put_rules(*rules[::-1])
    assert org.admin.acl() == rules[::-1]


def test_the_members_of_a_rule_may_stand_in_any_order(org, user):
    org.put_rules(dict(reversed(rule().items())))
    assert may(user)
    assert org.admin.acl() == [rule()]


def test_the_first_that_matches_decides(org, user):
    org.put_rules(rule(item="x", allow=False), rule(), rule(item="y",
                                                          allow=False))
    assert not may(user, "x")
    assert may(user, "y")
    org.put_rules(rule(item="x"), rule(item="x", allow=False))
    assert may(user, "x")
    org.put_rules(rule(item="x", allow=False), rule(item="x"))
    assert not may(user, "x")


def test_where_none_matches_it_is_denied(org, user):
    org.put_rules(rule("nobody"), rule(item="x"), rule(action="delete"))
    assert not may(user, "y", "edit")
    assert may(user, "x", "edit")
    assert may(user, "y", "delete")


def test_a_wide_rule_before_a_narrow_one_wins(org, user):
    org.put_rules(rule(item="ward*", allow=False), rule(item="ward-7"))
    assert not may(user, "ward-7")
    org.put_rules(rule(item="ward-7"), rule(item="ward*", allow=False))
    assert may(user, "ward-7")
    assert not may(user, "ward-8")


def test_a_user_is_named_by_the_uuid(org):
    one, two = org.users(2)
    org.put_rules(rule(one.uuid))
    assert may(one) and not may(two)
    org.put_rules(rule(one.name))
    assert not may(one)
    org.put_rules(rule(one.uuid.upper()), rule(one.uuid + "x"),
                  rule(one.uuid[:-1]))
    assert not may(one)


def test_an_action_is_matched_whole(org, user):
    org.put_rules(rule(action="edit"))
    for action in ("Edit", "edi", "edits", "edit ", "x"):
        assert not may(user, action=action)
    assert may(user, action="edit")


ITEMS = {"ward-7/*": (["ward-7/", "ward-7/1", "ward-7/1/2", "ward-7/*"],
                      ["ward-7", "ward-70/", "Ward-7/1", "x/ward-7/1"]),
         "ward-7": (["ward-7"], ["ward-7/", "ward-", "ward-77", "WARD-7"]),
         "a*": (["a", "aa", "a*", "a b"], ["b", "ba", "A"]),
         "\u00e9*": (["\u00e9", "\u00e9x"], ["e", "e\u0301"]),
         " *": ([" ", " x"], ["x", "x "])}


@pytest.mark.parametrize("pattern", ITEMS, ids=repr)
def test_an_item_is_matched_whole_or_by_its_beginning(org, user, pattern):
    matching, other = ITEMS[pattern]
    org.put_rules(rule(item=pattern))
    for item in matching:
        assert may(user, item), item
    for item in other:
        assert not may(user, item), item


def test_a_star_alone_is_every_item(org, user):
    org.put_rules(rule(item="*"))
    for item in ("x", "*", " ", "x" * 512, "\u00e9"):
        assert may(user, item)


def test_all_three_must_match(org):
    one, two = org.users(2)
    org.put_rules(rule(one.uuid, "x", "edit"))
    assert may(one, "x", "edit")
    assert not may(two, "x", "edit")
    assert not may(one, "y", "edit")
    assert not may(one, "x", "delete")


def test_a_star_in_an_event_is_no_pattern(org, user):
    org.put_rules(rule(item="x", action="edit"))
    assert not may(user, "*", "edit")
    assert not may(user, "x", "*")


def test_administrators_always_pass(org, user):
    user.posted(event("a"))
    for rules in ([], [rule(allow=False)],
                  [rule(org.admin.uuid, allow=False)]):
        org.put_rules(*rules)
        assert may(org.admin)
        assert not may(user)
        assert uuids(org.admin.history())[0] == "a"


def test_rules_hold_after_a_restart(server, org, user):
    org.put_rules(rule(item="x"))
    for hard in (False, True):
        server.restart(hard)
        assert org.admin.acl() == [rule(item="x")]
        assert may(user, "x") and not may(user, "y")


def test_rules_are_each_orgs_own(server, org, user):
    org.put_rules(rule(allow=False))
    assert may(EventsOrg(server).user())
    assert not may(user)


def test_an_empty_list_holds_after_a_restart(server, org, user):
    org.put_rules()
    server.restart(hard=True)
    assert not may(user)


# --- what is denied ----------------------------------------------------------

def test_a_denied_event_refuses_the_batch(org, user):
    org.put_rules(rule(item="good"))
    batch = [event(item="good"), event("no", "bad"), event(item="good"),
             event("no2", "bad")]
    assert_error(user.post(batch), 403, DENIED, eventUuid="no")
    assert_error(user.post(batch, MINIMAL), 403, DENIED, eventUuid="no")
    assert org.history() == []
    assert user.stored(batch[0], batch[2]) == 2


def test_the_first_bad_event_decides_also_when_it_is_denied(org, user):
    org.put_rules(rule(item="good"))
    denied, late = event("no", "bad"), event(item="good", timestamp=0)
    assert_error(user.post([denied, late]), 403, DENIED, eventUuid="no")
    assert_error(user.post([late, denied]), 400, "Invalid timestamp")
    assert org.history() == []


def test_lenient_lists_what_is_denied(org, user):
    org.put_rules(rule(item="good"))
    good = [event(item="good") for _ in range(3)]
    rejected, stored = user.lenient([good[0], event("n1", "bad"), good[1],
                                     event("n2", "bad"), good[2]])
    assert stored == 3
    assert rejected == [{"index": 1, "eventUuid": "n1", "error": DENIED},
                        {"index": 3, "eventUuid": "n2", "error": DENIED}]
    assert uuids(org.history()) == uuids(good)


def test_lenient_where_all_is_denied_is_200(org, user):
    org.put_rules()
    rejected, stored = user.lenient(events(3))
    assert ([e["index"] for e in rejected], stored) == ([0, 1, 2], 0)
    assert org.history() == []


def test_nothing_to_post_is_not_denied(org, user):
    user.posted(event("a"))
    org.put_rules()
    assert uuids(events_of(user.post([]))) == ["a"]
    assert uuids(events_of(user.post(None))) == ["a"]


# --- at once -----------------------------------------------------------------

def test_rules_are_in_force_at_once(org, user):
    for n in range(15):
        org.put_rules(rule(allow=n % 2 == 0))
        assert may(user) == (n % 2 == 0)


def test_rules_are_in_force_at_every_connection(org, user):
    others = [user.again() for _ in range(4)]
    for n in range(6):
        org.put_rules(rule(user.uuid, allow=n % 2 == 0))
        for client in others:
            assert may(client) == (n % 2 == 0)


def test_rules_are_in_force_for_posts_that_are_under_way(org):
    """What is stored when the new rules are answered is all there will be:
    a post that was judged by the old ones is judged again."""
    users, out = org.users(4), threading.Event()
    statuses = [[] for _ in users]

    def post(client, said):
        last = False
        while not last:
            last = out.is_set()
            said.append(client.post(events(3), MINIMAL).status_code)
    threads = [threading.Thread(target=post, args=pair)
               for pair in zip(users, statuses)]
    for t in threads:
        t.start()
    try:
        wait_for(lambda: all(len(s) > 10 for s in statuses), "some posts")
        org.put_rules(rule(allow=False))
        count = len(org.history())
    finally:
        out.set()
        for t in threads:
            t.join()
    assert len(org.history()) == count
    for said in statuses:
        assert said == sorted(said) and set(said) == {200, 403}


def test_of_two_lists_that_are_put_at_once_one_stays_whole(org):
    admins = [org.admin.again() for _ in range(3)]
    lists = [[rule(item="%d-%d" % (n, i)) for i in range(50)]
             for n in range(3)]
    start, statuses = threading.Barrier(3), []

    def put(n):
        start.wait()
        for _ in range(10):
            statuses.append(admins[n].put_acl(*lists[n]).status_code)
    threads = [threading.Thread(target=put, args=(n,)) for n in range(3)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert statuses == [204] * 30
    kept = org.admin.acl()
    assert kept in lists
    user = org.user()
    for some in lists:
        assert may(user, some[7]["item"]) == (some == kept)
    org.cli.audit_verify()


def test_who_is_made_an_administrator_passes_at_once(org, user):
    org.put_rules()
    assert not may(user)
    path = "admin/users/" + user.uuid
    assert org.admin.request("PUT", path, {
        "isAdmin": True}).status_code == 204
    assert not may(org.user())
    user.kept_token = None
    assert may(user)
    assert org.admin.request("PUT", path, {
        "isAdmin": False}).status_code == 204
    user.kept_token = None
    assert not may(user)


# --- lists that are refused --------------------------------------------------

@pytest.fixture(scope="module")
def kept(server):
    """An org with a list that no bad one may replace."""
    org = EventsOrg(server)
    org.put_rules(*KEPT)
    org.bob = org.user()
    return org


KEPT = [rule(item="kept"), rule(action="view", item="kept*")]


def refused(org, body):
    """400 and the old list; the number of the rule that is named."""
    error = assert_error(org.admin.request("PUT", "acl", body), 400)
    assert org.admin.acl() == KEPT
    assert may(org.bob, "kept") and not may(org.bob, "other")
    found = re.match(r"Invalid ACL: rule (\d+): \S", error)
    assert found, error
    return int(found.group(1))


def assert_refused_rule(org, text):
    """The bad rule, written as text, is named wherever it stands."""
    good = json.dumps(rule())

    def put(before, after):
        return refused(org, '{"rules":[%s]}' % ",".join(
            [good] * before + [text] + [good] * after))
    assert put(0, 2) == 1
    assert put(2, 0) == 3
    assert put(2, 3) == 3


def changed(**members):
    made = {**rule(), **members}
    return {k: v for k, v in made.items() if v is not Ellipsis}


BAD_RULES = {
    "null": "null", "number": "5", "text": '"x"', "array": "[]",
    "empty": "{}", "unknown field": json.dumps(changed(role="x")),
    "Allow": json.dumps(changed(Allow=True)),
    "itemUuid": json.dumps(changed(item=..., itemUuid="x"))}
for _member in ("user", "item", "action", "allow"):
    BAD_RULES["no " + _member] = json.dumps(changed(**{_member: ...}))
    BAD_RULES["two of " + _member] = "%s, %s: %s}" % (
        json.dumps(rule())[:-1], json.dumps(_member),
        json.dumps(rule()[_member]))
    for _value in (None, 5, 1.5, [], {}, ["x"]):
        BAD_RULES["%s %r" % (_member, _value)] = json.dumps(
            changed(**{_member: _value}))
for _member in ("user", "item", "action"):
    for _value in (True, False, ""):
        BAD_RULES["%s %r" % (_member, _value)] = json.dumps(
            changed(**{_member: _value}))
    for _name, _value in (
            ("long", "x" * (PATTERN_MAX + 1)), ("10 kB", "x" * 10000),
            ("long in bytes", "\u00e9" * (PATTERN_MAX // 2 + 1)),
            ("NUL", "a\u0000b"), ("newline", "a\nb"), ("tab", "\t"),
            ("US", "\u001f"), ("DEL", "a\u007f"), ("star before", "*a"),
            ("star inside", "a*b"), ("two stars", "**"),
            ("two stars behind", "a**"), ("star and star", "a*b*")):
        BAD_RULES["%s %s" % (_member, _name)] = json.dumps(
            changed(**{_member: _value}))
for _member in ("user", "action"):
    BAD_RULES[_member + " star behind"] = json.dumps(
        changed(**{_member: "a*"}))
for _value in ("true", "false", "", "yes", 1, 0):
    BAD_RULES["allow %r" % _value] = json.dumps(changed(allow=_value))


@pytest.mark.parametrize("text", BAD_RULES.values(), ids=BAD_RULES.keys())
def test_a_bad_rule_is_named_and_the_old_list_stays(kept, text):
    assert_refused_rule(kept, text)


@pytest.mark.parametrize("body", [
    "[]", "null", "17", '"x"', "{}", '{"rules":null}', '{"rules":{}}',
    '{"rules":"x"}', '{"rules":5}', '{"Rules":[]}', json.dumps([rule()]),
    '{"rules":[],"more":1}', '{"rules":[],"rules":[]}', json.dumps(rule()),
    '{"rules":[', "", " ", "{'rules':[]}", '{"rules":[],}',
    '{"rules":[{"user":"\\ud800","item":"*","action":"*","allow":true}]}'])
def test_what_is_no_list_of_rules_is_400(kept, body):
    error = assert_error(kept.admin.request("PUT", "acl", body), 400)
    assert error.startswith("Invalid ACL: ")
    assert kept.admin.acl() == KEPT


def test_the_first_bad_rule_is_the_one_named(kept):
    good, bad = json.dumps(rule()), '{"user":"*"}'
    body = '{"rules":[%s]}' % ",".join([good, bad, good, bad, "5"])
    assert refused(kept, body) == 2


def many(count):
    return [rule("user-%d" % (n % 90), "item-%d*" % n, allow=n % 2 == 0)
            for n in range(count)]


def test_10000_rules_are_taken(org, user):
    rules = many(RULES_MAX - 1) + [rule(user.uuid, "mine*")]
    org.put_rules(*rules)
    assert org.admin.acl() == rules
    assert may(user, "mine/x") and not may(user, "item-4")


def test_10000_rules_of_the_longest_patterns_are_taken(org, user):
    rules = [rule(("u%d-" % n).ljust(PATTERN_MAX, "x"),
                  ("i%d-" % n).ljust(PATTERN_MAX - 1, "x") + "*",
                  ("a%d-" % n).ljust(PATTERN_MAX, "x"))
             for n in range(RULES_MAX - 1)] + [rule(user.uuid, "mine*")]
    org.put_rules(*rules)
    assert org.admin.acl() == rules
    assert may(user, "mine/x") and not may(user, "other")


def test_10001_rules_are_refused(kept):
    refused_many = kept.admin.put_acl(*many(RULES_MAX + 1))
    assert_error(refused_many, 400)
    assert kept.admin.acl() == KEPT
    assert may(kept.bob, "kept")


def test_no_list_is_left_by_a_list_that_was_refused(org, user):
    """Also where none was put before."""
    assert_error(org.admin.put_acl(changed(allow="x")), 400)
    assert org.admin.acl() == []
    assert may(user)


# --- the audit trail ---------------------------------------------------------

def details(server):
    db = sqlite3.connect("file:%s?mode=ro" % audit_database(server.data),
                         uri=True)
    try:
        return [bytes(r[0]) for r in db.execute(
            "select detail from audit order by org, n")]
    finally:
        db.close()


def test_the_trail_holds_the_list_before_and_after(server, org):
    n = next(server.counter)
    first = [rule("*", "first-%d-%d" % (n, i)) for i in range(50)]
    second = [rule("*", "second-%d-%d" % (n, i)) for i in range(50)]
    org.put_rules(*first)
    before = rows(server.data)
    org.put_rules(*second)
    assert rows(server.data) > before
    both = [d for d in details(server) if b"second-%d-49" % n in d]
    assert len(both) == 1
    for r in first + second:
        assert r["item"].encode() in both[0]
    org.cli.audit_verify()


def test_a_list_that_was_refused_is_not_on_the_trail(server, org):
    n = next(server.counter)
    assert_error(org.admin.put_acl(rule("*", "refused-%d" % n),
                                   rule("*", "a*b")), 400)
    assert not [d for d in details(server) if b"refused-%d" % n in d]


# --- what a user may view ----------------------------------------------------

def test_one_who_posts_what_they_may_not_view_does_not_see_it(org, user):
    org.put_rules(rule(item="seen", action="view"), rule(action="edit"))
    a, b = event(item="seen"), event(item="hidden")
    assert events_of(user.post([a, b])) == [shown(a, user)]
    assert user.history() == [shown(a, user)]
    assert uuids(org.history()) == uuids([a, b])


def test_lenient_answers_show_what_may_be_viewed(org, user):
    org.put_rules(rule(item="seen", action="view"), rule(action="edit"))
    r = user.post([event("a", "seen"), event("b", "hidden"), {}], LENIENT)
    assert uuids(r.json()["events"]) == ["a"]
    assert r.headers["X-Events-Stored"] == "2"
