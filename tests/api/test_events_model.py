"""Posts and reads at random against a history kept in Python."""

import json
import random

import pytest

from acl_model import decide, sees
from events import (EventsOrg, WHEN, assert_error, event, events_of, rule,
                    shown, uuids)

FORMAT = "Invalid JSON format"
MISSING = "Missing required fields"
TOO_LONG = "Field too long"
TIME = "Invalid timestamp"
EXISTS = "Event already exists"
DENIED = "Insufficient permissions"
STATUS = {EXISTS: 409, DENIED: 403}


class Model:
    """What the contract says of a history and of posts to it."""

    def __init__(self):
        self.history, self.by_uuid, self.rules = [], {}, None

    def verdict(self, user, e, seen):
        """None for good ones; `seen` are those of the batch before it."""
        if not isinstance(e, dict) or isinstance(e.get("action"), int):
            return FORMAT
        if not all(e.get(k) for k in ("uuid", "itemUuid", "action")) \
                or "timestamp" not in e:
            return MISSING
        if len(e["itemUuid"]) > 512:
            return TOO_LONG
        if e["timestamp"] <= 0:
            return TIME
        if not decide(self.rules, user.uuid, e["itemUuid"], e["action"]):
            return DENIED
        there = self.by_uuid.get(e["uuid"]) or seen.get(e["uuid"])
        if there is not None and there != shown(e, user):
            return EXISTS
        return None

    def judge(self, user, batch):
        """(the bad ones with their error, the new ones)"""
        bad, seen = [], {}
        for n, e in enumerate(batch):
            error = self.verdict(user, e, seen)
            if error:
                bad.append((n, error))
            elif e["uuid"] not in self.by_uuid:
                seen.setdefault(e["uuid"], shown(e, user))
        return bad, list(seen.values())

    def take(self, new):
        self.history += new
        self.by_uuid.update((e["uuid"], e) for e in new)

    def view(self, user):
        return [e for e in self.history
                if sees(self.rules, user.uuid, e["itemUuid"])]


def any_event(rnd, model):
    """Good ones mostly, from few uuids, so that they meet."""
    e = event("u%d" % rnd.randrange(60), rnd.choice(["a", "a1", "b"]),
              rnd.choice(["edit", "drop"]), WHEN + rnd.randrange(2))
    kind = rnd.randrange(14)
    if kind == 0:
        return rnd.choice([None, 5, "x", [], {}, {**e, "action": 5}])
    if kind == 1:
        return {**e, rnd.choice(["uuid", "action"]): rnd.choice(["", None])}
    if kind == 2:
        return {**e, "timestamp": rnd.choice([0, -1])}
    if kind == 3:
        return {**e, "itemUuid": "x" * 513}
    if kind < 9 and model.history:
        there = dict(rnd.choice(model.history))
        del there["userUuid"]
        return there
    return e


@pytest.mark.parametrize("seed", range(10))
def test_posts_at_random_do_as_the_model_does(server, seed):
    rnd, org, model = random.Random(seed), EventsOrg(server), Model()
    users = org.users(2)
    for n in range(60):
        if n % 12 == 11:
            model.rules = [rule(rnd.choice(["*", users[0].uuid]),
                                rnd.choice(["a", "a*", "b", "*"]),
                                rnd.choice(["edit", "*", "view"]),
                                rnd.random() < 0.7) for _ in range(3)]
            org.put_rules(*model.rules)
        user = rnd.choice(users)
        batch = [any_event(rnd, model) for _ in range(rnd.randrange(8))]
        bad, new = model.judge(user, batch)
        if rnd.random() < 0.5:
            rejected, stored = user.lenient(batch)
            assert [(e["index"], e["error"]) for e in rejected] == bad
            assert stored == len(new)
            model.take(new)
        elif bad:
            r = user.post(batch)
            error = r.json()["error"]
            assert error in {e for _, e in bad}
            assert r.status_code == STATUS.get(error, 400)
        else:
            model.take(new)
            assert events_of(user.post(batch)) == model.view(user)
        for u in users:
            assert u.history() == model.view(u)
    assert org.history() == model.history


@pytest.fixture(scope="module")
def long(server):
    """A history of some thousand events of many items and times."""
    org = EventsOrg(server)
    user, rnd = org.user(), random.Random(1)
    for _ in range(4):
        user.stored(*[event(item=rnd.choice("abc"), timestamp=WHEN
                            + rnd.randrange(1000), payload="p"
                            * rnd.randrange(200)) for _ in range(1100)])
    org.all = user.history()
    assert len(org.all) == 4400
    org.bob = user
    return org


def ask(client, rnd, **params):
    coding = rnd.choice(["gzip", "identity"])
    r = client.get(headers={"Accept-Encoding": coding},
                   **{k: v for k, v in params.items() if v is not None})
    return events_of(r), r.headers["X-Events-Cursor"]


def cursors(client, places):
    """The cursors that lead behind these numbers of events."""
    return {n: client.page(None, n)[1] if n else "0" for n in places}


@pytest.mark.parametrize("rules", [None, [rule(item="a"), rule(item="c")]],
                         ids=["all", "restricted"])
def test_every_query_is_a_part_of_the_history(long, rules):
    """From any cursor, by any time, to any limit, packed or not."""
    rnd, client = random.Random(2), long.bob
    if rules:
        long.put_rules(*rules)
    everything = [e for e in long.all
                  if sees(rules, client.uuid, e["itemUuid"])]
    assert client.history() == everything
    places = [0, 1, 2, 511, 1023, 1024, 1025, 1500, 2047, 2048, 2049]
    starts = cursors(client, places)
    for _ in range(120):
        n = rnd.choice(places)
        limit = rnd.choice([None, 1, 3, 1000, 1024, 1025, 4000])
        time = rnd.choice([None, None, WHEN, WHEN + 500, WHEN + 995])
        got, cursor = ask(client, rnd, after=starts[n], limit=limit,
                          fromTimestamp=time)
        expected = [e for e in everything[n:]
                    if time is None or e["timestamp"] >= time]
        assert got == expected[:len(got)]
        assert got or not expected
        if limit is None:
            assert got == expected
            assert client.page(cursor)[0] == []
        else:
            assert len(got) <= limit
            if len(got) == len(expected):
                continue
            rest, _ = ask(client, rnd, after=cursor, fromTimestamp=time)
            assert got + rest == expected


def mutated(rnd, text):
    """A few bytes changed, taken out, doubled or put in."""
    data = bytearray(text)
    for _ in range(rnd.randrange(1, 4)):
        at = rnd.randrange(len(data))
        what = rnd.randrange(4)
        if what == 0:
            data[at] = rnd.randrange(256)
        elif what == 1:
            del data[at:at + rnd.randrange(1, 6)]
        elif what == 2:
            data[at:at] = data[at:at + rnd.randrange(1, 30)]
        else:
            data[at:at] = rnd.choice([b'"', b"\\", b"{", b"}", b"[", b"]",
                                      b",", b":", b"\\ud800", b"\\u0000",
                                      b"-", b"1e9", b"null", b"\xff"])
        if not data:
            return b"["
    return bytes(data)


@pytest.mark.parametrize("seed", range(4))
def test_bodies_that_were_damaged_are_answered(server, seed):
    """With a refusal, which leaves nothing, or by taking what they say."""
    rnd, org = random.Random(seed), EventsOrg(server)
    user = org.user()
    known = 0
    for _ in range(250):
        batch = [event(item="i", payload='{"a":"\u00e9"}', extra=[1, {}])
                 for _ in range(2)]
        r = user.post(mutated(rnd, json.dumps(
            batch, ensure_ascii=rnd.random() < 0.5).encode()),
            "return=minimal")
        if r.status_code == 200:
            known += int(r.headers["X-Events-Stored"])
        else:
            assert r.status_code in (400, 409), r.text
            assert_error(r, r.status_code, **{
                k: v for k, v in r.json().items() if k != "error"})
    history = org.history()
    assert len(history) == known
    assert len(set(uuids(history))) == known


def test_rules_and_users_that_were_damaged_are_answered(server):
    rnd, org = random.Random(3), EventsOrg(server)
    rules = json.dumps({"rules": [rule("u", "i*", "a"), rule()]}).encode()
    for n in range(250):
        body = json.dumps({"uuid": "%s-%d" % (org.name, n), "username":
                           "%s-%d" % (org.name, n), "password":
                           "a-password", "roles": ["x"]}).encode()
        r = org.admin.request("PUT", "acl", mutated(rnd, rules))
        assert r.status_code in (204, 400), r.text
        r = org.admin.request("POST", "admin/users", mutated(rnd, body))
        assert r.status_code in (201, 400), r.text
        r = org.admin.request("POST", "auth/token", mutated(
            rnd, b'{"username":"mutated-name","password":"x"}'), None)
        assert r.status_code in (400, 401, 429), r.text
    assert isinstance(org.admin.acl(), list)
    assert org.admin.get("admin/users").status_code == 200
