"""Thousands of decisions of the server against the plainest reading of the
rules: who may post what, and what each user sees then."""

import random

import pytest

from acl_model import decide, sees
from events import EventsOrg, event, rule, uuids

DENIED = "Insufficient permissions"
ACTIONS = ["edit", "view", "drop"]


def word(rnd, longest=3):
    return "".join(rnd.choice("ab/") for _ in range(rnd.randrange(
        1, longest + 1)))


def any_rule(rnd, users):
    item = rnd.choice([word(rnd), word(rnd) + "*", "*", word(rnd, 2) + "*"])
    return rule(rnd.choice(["*"] + users), item,
                rnd.choice(["*"] + ACTIONS), rnd.random() < 0.5)


def assert_posts_agree(rnd, client, rules, count, word_of):
    """A lenient post of many; what was let through."""
    batch = [event(item=word_of(), action=rnd.choice(ACTIONS))
             for _ in range(count)]
    rejected, stored = client.lenient(batch)
    denied = [n for n, e in enumerate(batch) if not decide(
        rules, client.uuid, e["itemUuid"], e["action"])]
    assert [e["index"] for e in rejected] == denied, rules
    assert {e["error"] for e in rejected} <= {DENIED}
    assert stored == count - len(denied)
    return [e for n, e in enumerate(batch) if n not in set(denied)]


@pytest.mark.parametrize("seed", range(5))
def test_random_lists_decide_as_the_model_does(server, seed):
    """5 x 12 lists x 3 users x 60 events: 10,800 decisions."""
    rnd, org = random.Random(seed), EventsOrg(server)
    users, stored = org.users(3), []
    names = [u.uuid for u in users]
    for _ in range(12):
        rules = [any_rule(rnd, names) for _ in range(rnd.randrange(9))]
        org.put_rules(*rules)
        for user in users:
            stored += assert_posts_agree(rnd, user, rules, 60,
                                         lambda: word(rnd))
        for user in users:
            assert uuids(user.history()) == [
                e["uuid"] for e in stored
                if sees(rules, user.uuid, e["itemUuid"])], rules
    assert uuids(org.history()) == uuids(stored)


def test_a_list_of_10000_decides_as_the_model_does(server):
    rnd, org = random.Random(7), EventsOrg(server)
    users = org.users(2)
    names = [u.uuid for u in users] + ["u%d" % n for n in range(40)]

    def long_word():
        return word(rnd, 12)
    rules = [rule(rnd.choice(["*"] + names),
                  long_word() + rnd.choice(["", "*"]),
                  rnd.choice(["*"] + ACTIONS), rnd.random() < 0.5)
             for _ in range(10000)]
    org.put_rules(*rules)
    stored = []
    for user in users:
        stored += assert_posts_agree(rnd, user, rules, 700, long_word)
    assert stored
    for user in users:
        assert uuids(user.history()) == [
            e["uuid"] for e in stored
            if sees(rules, user.uuid, e["itemUuid"])]


def test_the_model_itself(server):
    """The contract's printed list, by the model and by the server."""
    org = EventsOrg(server)
    one, two = org.users(2)
    rules = [rule("*", "item123", "view"), rule(one.uuid, "*", "edit"),
             rule(allow=False)]
    org.put_rules(*rules)
    for user, item, action, allowed in (
            (one, "item123", "view", True), (two, "item123", "view", True),
            (one, "item9", "edit", True), (two, "item9", "edit", False),
            (one, "item9", "view", False), (one, "item9", "drop", False)):
        assert decide(rules, user.uuid, item, action) == allowed
        rejected, _ = user.lenient([event(item=item, action=action)])
        assert (rejected == []) == allowed
    for user in (one, two):
        assert [e["itemUuid"] for e in user.history()] == ["item123"] * 2
