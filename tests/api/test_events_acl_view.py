"""What a user gets to see under rules for viewing, and what becomes of the
cursors and validators that were given under other rules."""

import random

import pytest

from acl_model import sees
from events import (EventsOrg, assert_error, event, events_of, rule,
                    uuids)

EDIT = rule(action="edit")


def view(item, user="*", allow=True):
    return rule(user, item, "view", allow)


@pytest.fixture
def org(server):
    """An org with events of items a1, b1, a2, b2 by the administrator."""
    org = EventsOrg(server)
    org.admin.posted(*[event(i, i) for i in ("a1", "b1", "a2", "b2")])
    return org


@pytest.fixture
def user(org):
    return org.user()


ALL = ["a1", "b1", "a2", "b2"]


# --- who sees what -----------------------------------------------------------

@pytest.mark.parametrize("rules,seen", [
    ([], ALL), ([EDIT], ALL), ([rule(action="edit", allow=False)], ALL),
    ([view("a*")], ["a1", "a2"]), ([view("a1")], ["a1"]),
    ([view("*")], ALL), ([view("*", allow=False)], []),
    ([view("a1", allow=False)], []),
    ([view("a1", allow=False), view("*")], ["b1", "a2", "b2"]),
    ([view("a*"), rule()], ALL), ([rule(allow=False)], []),
    ([rule(item="b*")], ["b1", "b2"]), ([rule("nobody")], []),
    ([EDIT, rule(item="a1", action="view")], ["a1"]),
    ([view("*", "nobody")], [])],
    ids=lambda v: "-".join(v) if v and isinstance(v[0], str) else None)
def test_a_user_sees_what_they_may_view(org, user, rules, seen):
    org.put_rules(*rules)
    for got in (user.history(), user.post([]).json(), user.walk(limit=1)[0],
                user.walk(limit=3)[0], user.history(fromTimestamp=1),
                user.history(after="0")):
        assert uuids(got) == seen
    assert uuids(org.history()) == ALL


def test_users_see_each_their_own(org):
    one, two = org.users(2)
    org.put_rules(view("a*", one.uuid), view("b*", two.uuid))
    for _ in range(2):
        assert uuids(one.history()) == ["a1", "a2"]
        assert uuids(two.history()) == ["b1", "b2"]


def test_what_one_may_not_view_is_not_in_a_new_answer_either(org, user):
    org.put_rules(view("a*"))
    cursor = user.page()[1]
    org.admin.posted(event("b3", "b3"), event("a3", "a3"))
    page, cursor, resync = user.page(cursor)
    assert (uuids(page), resync) == (["a3"], False)
    org.admin.posted(event("b4", "b4"))
    assert user.page(cursor)[0] == []


def test_pages_of_a_view_are_not_longer_than_asked(org, user):
    org.admin.posted(*[event(item="b") for _ in range(40)],
                     *[event("a-%d" % n, "a-%d" % n) for n in range(9)])
    org.put_rules(view("a*"))
    cursor, got = None, []
    while True:
        page, cursor, resync = user.page(cursor, 2)
        assert len(page) <= 2 and not resync
        if not page:
            break
        got += uuids(page)
    assert got == ["a1", "a2"] + ["a-%d" % n for n in range(9)]


def test_nobody_else_learns_of_an_event_by_the_counts(org, user):
    """A view's answer is the same whatever is hidden between."""
    org.put_rules(view("a*"))
    r = user.get()
    assert uuids(events_of(r)) == ["a1", "a2"]
    assert "X-Events-Resync" not in r.headers


# --- cursors -----------------------------------------------------------------

def test_a_wider_view_starts_over(org, user):
    org.put_rules(view("a*"))
    _, cursor, _ = user.page()
    org.put_rules(view("*"))
    page, later, resync = user.page(cursor)
    assert (uuids(page), resync) == (ALL, True)
    assert user.page(later) == ([], later, False)


def test_a_wider_view_starts_over_by_pages(org, user):
    org.put_rules(view("a*"))
    cursor = user.page()[1]
    org.put_rules(view("*"))
    page, cursor, resync = user.page(cursor, 3)
    assert resync and uuids(page) == ALL[:len(page)]
    got = uuids(page)
    while page:
        page, cursor, resync = user.page(cursor, 3)
        assert not resync
        got += uuids(page)
    assert got == ALL


def test_a_wider_view_starts_over_in_the_answer_of_a_post(org, user):
    org.put_rules(view("a*"), EDIT)
    cursor = user.page()[1]
    org.put_rules(view("*"), EDIT)
    r = user.post([event("own", "a9")], after=cursor)
    assert uuids(events_of(r)) == ALL + ["own"]
    assert r.headers["X-Events-Resync"] == "1"


def test_rules_without_a_view_are_a_wider_view(org, user):
    org.put_rules(view("a*"))
    cursor = user.page()[1]
    org.put_rules(EDIT)
    page, _, resync = user.page(cursor)
    assert (uuids(page), resync) == (ALL, True)


def test_one_item_more_is_a_wider_view(org, user):
    org.put_rules(view("a1"))
    cursor = user.page()[1]
    org.put_rules(view("a1"), view("b2"))
    page, _, resync = user.page(cursor)
    assert (uuids(page), resync) == (["a1", "b2"], True)


def test_a_narrower_view_goes_on(org, user):
    org.put_rules(view("*"))
    cursor = user.page()[1]
    org.put_rules(view("a*"))
    org.admin.posted(event("b3", "b3"), event("a3", "a3"))
    page, cursor, resync = user.page(cursor)
    assert (uuids(page), resync) == (["a3"], False)
    assert user.page(cursor) == ([], cursor, False)


def test_the_first_rules_are_a_narrower_view(org, user):
    cursor = user.page()[1]
    org.put_rules(view("a*"))
    org.admin.posted(event("b3", "b3"), event("a3", "a3"))
    page, _, resync = user.page(cursor)
    assert (uuids(page), resync) == (["a3"], False)


@pytest.mark.parametrize("rules", [
    [view("a*"), EDIT], [view("a*"), view("b*", "somebody")],
    [view("a*"), view("a1")], [view("a*"), rule("x", "y", "z", False)],
    [view("a1"), view("a*")], [view("b*", allow=False), view("a*")]],
    ids=["edit", "of another", "the same twice", "no matter", "in parts",
         "said twice"])
def test_other_rules_with_the_same_view_go_on(org, user, rules):
    org.put_rules(view("a*"))
    cursor = user.page()[1]
    org.put_rules(*rules)
    org.admin.posted(event("a3", "a3"))
    page, _, resync = user.page(cursor)
    assert (uuids(page), resync) == (["a3"], False)


def test_the_same_rules_again_go_on(org, user):
    org.put_rules(view("a*"))
    cursor = user.page()[1]
    for _ in range(3):
        org.put_rules(view("a*"))
    assert user.page(cursor)[0] == []
    assert user.page(cursor)[2] is False


def test_narrower_and_wider_again_misses_nothing(org, user):
    """What came while it was narrow is there when it is wide again."""
    org.put_rules(view("*"))
    _, cursor, _ = user.page()
    org.put_rules(view("a*"))
    org.admin.posted(event("b3", "b3"), event("a3", "a3"))
    page, cursor, _ = user.page(cursor)
    assert uuids(page) == ["a3"]
    org.put_rules(view("*"))
    page, _, resync = user.page(cursor)
    assert (uuids(page), resync) == (ALL + ["b3", "a3"], True)


def test_a_cursor_of_another_user_starts_over(org):
    one, two = org.users(2)
    org.put_rules(view("a*", one.uuid), view("b*", two.uuid))
    cursor = one.page()[1]
    page, later, resync = two.page(cursor)
    assert (uuids(page), resync) == (["b1", "b2"], True)
    assert two.page(later) == ([], later, False)


def test_a_cursor_of_who_sees_all_serves_who_sees_less(org, user):
    """Or it starts over; but nothing hidden is shown."""
    org.put_rules(view("a*"))
    cursor = org.admin.page()[1]
    org.admin.posted(event("b3", "b3"), event("a3", "a3"))
    page, _, resync = user.page(cursor)
    assert uuids(page) == (["a1", "a2", "a3"] if resync else ["a3"])


def test_who_becomes_an_administrator_starts_over(org, user):
    org.put_rules(view("a*"))
    cursor = user.page()[1]
    r = org.admin.request("PUT", "admin/users/" + user.uuid,
                          {"isAdmin": True})
    assert r.status_code == 204
    user.kept_token = None
    page, _, resync = user.page(cursor)
    assert (uuids(page), resync) == (ALL, True)


def test_who_is_an_administrator_no_more_sees_less(org):
    boss = org.user(admin=True)
    org.put_rules(view("a*"))
    cursor = boss.page()[1]
    r = org.admin.request("PUT", "admin/users/" + boss.uuid,
                          {"isAdmin": False})
    assert r.status_code == 204
    boss.kept_token = None
    org.admin.posted(event("b3", "b3"))
    page, _, _ = boss.page(cursor)
    assert "b3" not in uuids(page)
    assert uuids(boss.history()) == ["a1", "a2"]


def test_cursors_under_rules_survive_a_restart(server, org, user):
    org.put_rules(view("a*"))
    cursor = user.page()[1]
    server.restart(hard=True)
    org.admin.posted(event("b3", "b3"), event("a3", "a3"))
    page, cursor, resync = user.page(cursor)
    assert (uuids(page), resync) == (["a3"], False)
    org.put_rules(view("*"))
    server.restart(hard=True)
    assert user.page(cursor)[2] is True


def test_a_cursor_older_than_many_lists_misses_nothing(org, user):
    org.put_rules(view("a*"))
    cursor = user.page()[1]
    for n in range(40):
        org.put_rules(view("a*"), rule(action="edit", item="x%d" % n))
    org.admin.posted(event("a3", "a3"))
    page, _, resync = user.page(cursor)
    assert uuids(page) == (["a1", "a2", "a3"] if resync else ["a3"])
    org.put_rules(view("*"))
    page, _, resync = user.page(cursor)
    assert resync and uuids(page) == ALL + ["a3"]


def test_a_cursor_that_was_altered_shows_nothing_hidden(org, user):
    """It is refused, starts over, or skips; never does it show more, and
    never does it fail."""
    org.put_rules(view("a*"))
    cursor = user.page(None, 1)[1]
    for at in range(len(cursor)):
        for other in (cursor[:at], cursor[at:], cursor[:at] + cursor[at + 1:],
                      cursor[:at] + "0" + cursor[at + 1:],
                      cursor[:at] + "-" + cursor[at:],
                      cursor[:at] + "9" * 20 + cursor[at:]):
            r = user.get(after=other)
            if r.status_code != 200:
                assert_error(r, 400, "Invalid cursor")
            elif r.headers.get("X-Events-Resync"):
                assert uuids(events_of(r)) == ["a1", "a2"]
            else:
                assert uuids(events_of(r)) in (["a1", "a2"], ["a2"], [])


# --- validators --------------------------------------------------------------

def conditional(client, etag, **params):
    return client.get(headers={"If-None-Match": etag}, **params)


def test_rules_that_change_the_view_change_the_etag(org, user):
    seen = {}
    for rules, expected in (([view("a*")], ["a1", "a2"]), ([view("*")], ALL),
                            ([view("a1")], ["a1"]), ([], ALL),
                            ([rule(allow=False)], [])):
        org.put_rules(*rules)
        for etag, then in seen.items():
            r = conditional(user, etag)
            if r.status_code == 200:
                assert uuids(r.json()) == expected
            else:
                assert r.status_code == 304 and then == expected
        r = user.get()
        assert uuids(events_of(r)) == expected
        seen[r.headers["ETag"]] = expected
        assert conditional(user, r.headers["ETag"]).status_code == 304


def test_users_of_different_views_have_different_etags(org):
    one, two = org.users(2)
    org.put_rules(view("a*", one.uuid), view("b*", two.uuid))
    etags = [c.get().headers["ETag"] for c in (one, two, org.admin)]
    assert len(set(etags)) == 3
    for client, seen in ((one, ["a1", "a2"]), (two, ["b1", "b2"]),
                         (org.admin, ALL)):
        answers = [conditional(client, e) for e in etags]
        assert sorted(r.status_code for r in answers) == [200, 200, 304]
        for r in answers:
            assert r.status_code == 304 or uuids(r.json()) == seen


def test_at_the_end_a_wider_view_is_no_304(org, user):
    """A client that only asks for what is new learns that it has less."""
    org.put_rules(view("a*"))
    cursor = user.page()[1]
    etag = user.get(after=cursor).headers["ETag"]
    assert conditional(user, etag, after=cursor).status_code == 304
    org.put_rules(view("*"))
    r = conditional(user, etag, after=cursor)
    assert r.headers["X-Events-Resync"] == "1"
    assert uuids(events_of(r)) == ALL


def test_a_shared_cache_of_answers_keeps_users_apart(org):
    """The same requests of users with different views, in turn and again."""
    clients = org.users(3)
    org.put_rules(view("a*", clients[0].uuid), view("b*", clients[1].uuid))
    expected = [["a1", "a2"], ["b1", "b2"], []]
    for params in ({}, {"limit": 10}, {"fromTimestamp": 1}):
        for _ in range(3):
            for client, seen in zip(clients, expected):
                assert uuids(client.history(**params)) == seen


# --- at random ---------------------------------------------------------------

@pytest.mark.parametrize("seed", range(6))
def test_who_follows_cursors_ends_with_what_they_may_view(server, seed):
    """While rules change and events come: nothing that may be viewed in the
    end is missed, nothing is doubled, nothing is shown that may not be
    viewed at that time."""
    rnd, org = random.Random(seed), EventsOrg(server)
    users, rules, items = org.users(2), None, ["a", "ab", "b", "ba", "c"]
    for u in users:
        u.state, u.cursor = [], None

    def read(u):
        page, u.cursor, resync = u.page(u.cursor, rnd.choice([None, None,
                                                               2]))
        for e in page:
            assert sees(rules, u.uuid, e["itemUuid"])
        u.state = uuids(page) if resync else u.state + uuids(page)
        assert len(set(u.state)) == len(u.state)
        return page
    for _ in range(60):
        act = rnd.random()
        if act < 0.25:
            rules = [view(rnd.choice(items + ["*", "a*", "b*"]),
                          rnd.choice(["*", users[0].uuid, users[1].uuid]),
                          rnd.random() < 0.7)
                     for _ in range(rnd.randrange(4))]
            org.put_rules(*rules)
        elif act < 0.6:
            org.admin.posted(*[event(item=rnd.choice(items))
                               for _ in range(rnd.randrange(1, 4))])
        else:
            read(rnd.choice(users))
    history = org.history()
    for u in users:
        while read(u):
            pass
        visible = [e["uuid"] for e in history
                   if sees(rules, u.uuid, e["itemUuid"])]
        assert [x for x in u.state if x in set(visible)] == visible
        assert uuids(u.history()) == visible
