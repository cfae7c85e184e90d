"""Many clients post and read at the same time; each reader checks that what
it saw was a beginning of the one history: nothing lost, doubled or reordered.

TB_SOAK says how many batches each poster posts (40), TB_SEED what they are.
"""

import gzip
import itertools
import json
import os
import random
import threading
import time

import pytest

from events import (MINIMAL, WHEN, EventsOrg, assert_error, event, events_of,
                    rule, shown, uuids)

SEED = int(os.environ.get("TB_SEED", "1"))
BATCHES = int(os.environ.get("TB_SOAK", "40"))
POSTERS = 4
BATCH_MAX = 40
PAUSE_S = 0.01
JOIN_S = 300

pytestmark = pytest.mark.slow


def run_all(posters, readers):
    """Run posters to their end; each reader is then told so, and reads once
    more. The first failure is raised here."""
    done, failures = threading.Event(), []

    def guarded(f):
        def body():
            try:
                f(done)
            except BaseException as e:  # handed to the main thread
                failures.append(e)
        return threading.Thread(target=body, daemon=True)

    post, read = [guarded(p) for p in posters], [guarded(r) for r in readers]
    for t in post + read:
        t.start()
    for t in post:
        t.join(JOIN_S)
    done.set()
    for t in post + read:
        t.join(JOIN_S)
    if failures:
        raise failures[0]
    assert not any(t.is_alive() for t in post + read)


def reading(client, step):
    """A reader: `step` until the posters are done, and then once more."""
    def read(done):
        last = False
        while not last:
            last = done.is_set()
            step(client)
            done.wait(PAUSE_S)
    return read


# --- posters -----------------------------------------------------------------

class Poster:
    """Posts batches of all sizes: new ones, old ones again, both together,
    and such as are refused. Knows what must be stored in the end."""

    def __init__(self, user, rng):
        self.user, self.rng = user, rng
        self.posted, self.refused, self.answers = [], set(), []
        self.numbers = itertools.count()

    def make(self, count):
        return [event("%s-%d" % (self.user.uuid, next(self.numbers)),
                      item="item%d" % self.rng.randrange(50),
                      timestamp=WHEN + self.rng.randrange(1000),
                      payload="p" * self.rng.randrange(100))
                for _ in range(count)]

    def __call__(self, done):
        ways = [self.post_new] * 4 + [self.post_again, self.post_both,
                                      self.post_conflict, self.post_bad,
                                      self.post_all]
        for _ in range(BATCHES):
            self.rng.choice(ways)()

    def new(self):
        return self.make(self.rng.randrange(1, BATCH_MAX))

    def old(self):
        at = self.rng.randrange(len(self.posted) + 1)
        return self.posted[at:at + self.rng.randrange(1, BATCH_MAX)]

    def store(self, batch, new):
        assert self.user.stored(*batch) == len(new)
        self.posted += new

    def post_new(self):
        new = self.new()
        self.store(new, new)

    def post_again(self):
        self.store(self.old(), [])

    def post_both(self):
        old, new = self.old(), self.new()
        self.store(old + new + new[:3] + old[:3], new)

    def post_conflict(self):
        """An event's uuid with other content: nothing of it is stored."""
        if not self.posted:
            return
        taken = dict(self.rng.choice(self.posted), action="another")
        new = self.new()
        r = self.user.post(new + [taken], MINIMAL)
        assert_error(r, 409, "Event already exists", eventUuid=taken["uuid"])
        self.refused.update(uuids(new))

    def post_bad(self):
        new = self.new()
        r = self.user.post(new + [event(timestamp=0)], MINIMAL)
        assert_error(r, 400, "Invalid timestamp")
        self.refused.update(uuids(new))

    def post_all(self):
        """The full answer has the batch in it, and ends at its cursor."""
        new = self.new()
        r = self.user.post(new)
        answer = uuids(events_of(r))
        self.posted += new
        at = answer.index(new[0]["uuid"])
        assert answer[at:at + len(new)] == uuids(new)
        self.answers.append((answer, r.headers["X-Events-Cursor"]))


# --- readers -----------------------------------------------------------------

class Reader:
    """What one reader saw: `seen` only ever grows at its end."""

    def __init__(self):
        self.seen, self.marks = [], []

    def whole(self, answer):
        """An answer from the beginning."""
        assert answer[:len(self.seen)] == self.seen
        self.seen = answer

    def mark(self, cursor):
        self.marks.append((cursor, len(self.seen)))


class Full(Reader):
    def __call__(self, client):
        r = client.get()
        self.whole(events_of(r))
        self.mark(r.headers["X-Events-Cursor"])


class Matching(Reader):
    """Asks whether there is anything new by the ETag."""
    etag = None

    def __call__(self, client):
        r = client.get(headers={"If-None-Match": self.etag}
                       if self.etag else None)
        if r.status_code == 304:
            assert r.headers["ETag"] == self.etag
            return
        self.whole(events_of(r))
        assert r.headers["ETag"] != self.etag
        self.etag = r.headers["ETag"]


class Packed(Reader):
    """Takes the answer off the wire as it is and unpacks it by itself."""

    def __call__(self, client):
        r = client.request("GET", "events", stream=True,
                           headers={"Accept-Encoding": "gzip"})
        assert r.status_code == 200
        raw = r.raw.read(decode_content=False)
        if r.headers.get("Content-Encoding") == "gzip":
            raw = gzip.decompress(raw)
        self.whole(json.loads(raw))


class After(Reader):
    def __call__(self, client):
        self.seen = self.seen + client.news()
        self.mark(client.cursor)


class Pages(Reader):
    def __init__(self, rng):
        super().__init__()
        self.rng = rng

    def __call__(self, client):
        while True:
            limit = self.rng.randrange(1, 200)
            part, client.cursor, resync = client.page(client.cursor, limit)
            assert not resync and len(part) <= limit
            self.seen = self.seen + part
            self.mark(client.cursor)
            if not part:
                return


class From(Reader):
    """By the authors' clocks; what is given is a filter of the history."""
    FIRST = WHEN + 500

    def __call__(self, client):
        self.whole(client.history(fromTimestamp=self.FIRST))


def test_a_soak_of_posts_and_readers_of_all_kinds(server):
    print("replay with TB_SEED=%d" % SEED)
    rng, org = random.Random(SEED), EventsOrg(server)
    posters = [Poster(org.user(), random.Random(rng.random()))
               for _ in range(POSTERS)]
    whole = [Full(), Matching(), Packed(), After(), After(), Pages(rng)]
    filtered = From()
    reader = org.user()
    run_all(posters, [reading(reader.again(), r) for r in whole + [filtered]])
    history = org.history()
    names = uuids(history)
    assert len(set(names)) == len(names)
    for p in posters:
        assert [e for e in history if e["userUuid"] == p.user.uuid] == [
            shown(e, p.user) for e in p.posted]
        assert not p.refused & set(names)
        for answer, cursor in p.answers:
            assert answer == names[:len(answer)]
            assert p.user.history(after=cursor) == history[len(answer):]
    assert len(names) == sum(len(p.posted) for p in posters)
    for r in whole:
        assert r.seen == history
        marks = r.marks[::max(1, len(r.marks) // 10)]
        for cursor, seen in marks:
            assert reader.history(after=cursor) == history[seen:]
    assert filtered.seen == [e for e in history
                             if e["timestamp"] >= From.FIRST]


def test_all_readers_see_what_was_answered_before_they_asked(server):
    """Whoever was told 200 finds its events in the next answer, whoever
    asks, by whichever way."""
    org = EventsOrg(server)
    users = org.users(POSTERS)

    def poster(user):
        other = users[users.index(user) - 1].again()
        follower = user.again()

        def post(_):
            for _ in range(BATCHES):
                batch = [event() for _ in range(3)]
                user.stored(*batch)
                sent = [shown(e, user) for e in batch]
                for news in (follower.news(), other.news()):
                    at = news.index(sent[0])
                    assert news[at:at + len(sent)] == sent
        return post
    run_all([poster(u) for u in users], [])
    assert len(org.history()) == POSTERS * BATCHES * 3


def test_posts_of_one_event_by_many_at_the_same_time_store_it_once(server):
    """Eight connections of one user race with the same batches; and one of
    another user, whose events of the same uuids are other events."""
    org = EventsOrg(server)
    one, other = org.users(2)
    batches = [[event("race-%d-%d" % (n, i)) for i in range(5)]
               for n in range(BATCHES)]
    stored = []

    def racer(user):
        def post(_):
            for batch in batches:
                r = user.post(batch, MINIMAL)
                assert r.status_code in (200, 409)
                if r.status_code == 200:
                    stored.append(int(r.headers["X-Events-Stored"]))
        return post
    run_all([racer(one.again()) for _ in range(8)] + [racer(other)], [])
    history = org.history()
    assert sum(stored) == len(history) == BATCHES * 5
    assert set(stored) <= {0, 5}
    assert sorted(uuids(history)) == sorted(
        e["uuid"] for batch in batches for e in batch)
    for at in range(0, len(history), 5):
        part = history[at:at + 5]
        assert len({e["userUuid"] for e in part}) == 1
        assert uuids(part) == ["%s-%d" % (
            part[0]["uuid"].rpartition("-")[0], i) for i in range(5)]


# --- rules that change meanwhile ---------------------------------------------

WARDS = ["ward-%d/" % i for i in range(4)]
ITEMS = [ward + "bed%d" % i for ward in WARDS for i in range(3)]


class Rules:
    """The lists that were put, and when each can have been in force."""

    def __init__(self, org, users, rng):
        self.org, self.users, self.rng = org, users, rng
        self.lists, self.begun, self.history = [([], 0.0, 0.0)], [0], []
        self.ended = []

    def change(self):
        """Another list: each user loses and gains wards; one may not post
        to some item."""
        rules = []
        for u in self.users:
            rules += [rule(u.uuid, ward + "*", "view")
                      for ward in WARDS if self.rng.random() < 0.5]
            if self.rng.random() < 0.3:
                rules.append(rule(u.uuid, self.rng.choice(ITEMS), "view"))
        rules += [rule(item=self.rng.choice(ITEMS), action="edit",
                       allow=False),
                  rule(action="edit")]
        self.ended.append(self.length())
        begin = time.monotonic()
        self.org.put_rules(*rules)
        self.lists.append((rules, begin, time.monotonic()))
        self.begun.append(self.length())

    def length(self):
        """Of the history, now."""
        self.history += self.org.admin.news()
        return len(self.history)

    def check(self):
        """In force at once, for posts that are under way too: what came
        between two changes is what the list then allows."""
        self.ended.append(self.length())
        for (rules, _, _), begun, ended in zip(self.lists, self.begun,
                                               self.ended):
            assert all(allows(rules, e["userUuid"], e["itemUuid"], "edit")
                       for e in self.history[begun:ended])

    def possible(self, begin, end):
        """The lists that may have decided a request of this time: put before
        it ended, and not yet replaced when it began."""
        for at, (rules, put, _) in enumerate(self.lists):
            replaced = (self.lists[at + 1][2] if at + 1 < len(self.lists)
                        else end)
            if put <= end and replaced >= begin:
                yield rules


def allows(rules, user, item, action):
    """What a list says, as the contract puts it."""
    if not rules:
        return True
    for r in rules:
        if (r["user"] in ("*", user) and r["action"] in ("*", action)
                and matches(r["item"], item)):
            return r["allow"]
    return False


def matches(pattern, item):
    if pattern.endswith("*"):
        return item.startswith(pattern[:-1])
    return pattern == item


class Asked:
    """A request that was answered, with what was known when it was sent."""

    def __init__(self, acked):
        self.acked = len(acked)
        self.begin, self.end = time.monotonic(), None
        self.uuids, self.whole, self.over = None, None, None

    def answered(self, some, whole, over):
        """`whole`: from the beginning. `over`: it says that there is nothing
        more behind it."""
        self.end = time.monotonic()
        self.uuids, self.whole, self.over = uuids(some), whole, over


class Watcher:
    """A user who sees a part; every answer is kept and checked at the end,
    when the order of the history is known."""

    def __init__(self, user, acked, way):
        self.user, self.acked, self.way = user, acked, way
        self.client = user.again()
        self.asked, self.kept, self.etag, self.tagged = [], [], None, None

    def __call__(self, _):
        asked = Asked(self.acked)
        self.way(self, asked)
        self.asked.append(asked)

    def keep(self, some, resync):
        self.kept = some if resync else self.kept + some

    def read_after(self, asked):
        got, self.client.cursor, resync = self.client.page(self.client.cursor)
        asked.answered(got, resync, True)
        self.keep(got, resync)

    def read_page(self, asked):
        got, self.client.cursor, resync = self.client.page(
            self.client.cursor, 25)
        asked.answered(got, resync, not got)
        self.keep(got, resync)

    def read_whole(self, asked):
        r = self.client.get(headers={"If-None-Match": self.etag}
                            if self.etag else None)
        if r.status_code != 304:
            self.tagged, self.etag = events_of(r), r.headers["ETag"]
        asked.answered(self.tagged, True, True)
        self.keep(self.tagged, True)

    def check(self, history, rules, acked):
        """Each answer is what one of the lists in force then gives."""
        views = {id(some): {i for i in ITEMS if allows(
            some, self.user.uuid, i, "view")} for some, _, _ in rules.lists}
        place = {e["uuid"]: i for i, e in enumerate(history)}
        committed, high = [-1], -1
        for name in acked:
            high = max(high, place[name])
            committed.append(high)
        last = -1
        for a in self.asked:
            last = -1 if a.whole else last
            assert any(fits(a, history, views[id(some)], last,
                            committed[a.acked])
                       for some in rules.possible(a.begin, a.end)), \
                "an answer that no list in force then gives"
            last = max([last] + [place[x] for x in a.uuids])

    def check_end(self, history, rules):
        """What the last list shows is all there, in order, whatever was seen
        under the lists before it."""
        def seen(some):
            return [e for e in some
                    if allows(rules, self.user.uuid, e["itemUuid"], "view")]
        assert seen(self.kept) == seen(history)


def fits(asked, history, items, last, committed):
    """True if an answer is what comes behind `last` of the events of these
    items, without a gap, as far as it was committed when it was asked for."""
    due = [i for i in range(last + 1, len(history))
           if history[i]["itemUuid"] in items]
    n = len(asked.uuids)
    if [history[i]["uuid"] for i in due[:n]] != asked.uuids:
        return False
    return not asked.over or n == len(due) or due[n] > committed


class WardPoster:
    """Posts single events to items, which may be forbidden at the moment."""

    def __init__(self, user, acked, rng):
        self.user, self.acked, self.rng = user, acked, rng
        self.asked = []

    def __call__(self, _):
        for _ in range(BATCHES * 3):
            e = event(item=self.rng.choice(ITEMS))
            asked = Asked(self.acked)
            r = self.user.post([e], MINIMAL)
            asked.answered([e], False, False)
            if r.status_code == 200:
                self.acked.append(e["uuid"])
            else:
                assert_error(r, 403, "Insufficient permissions",
                             eventUuid=e["uuid"])
            self.asked.append((asked, e["itemUuid"], r.status_code == 200))

    def check(self, rules):
        for asked, item, taken in self.asked:
            assert taken in [
                allows(some, self.user.uuid, item, "edit")
                for some in rules.possible(asked.begin, asked.end)]


def test_readers_see_what_the_rules_of_the_moment_allow(server):
    print("replay with TB_SEED=%d" % SEED)
    rng, org = random.Random(SEED), EventsOrg(server)
    users, acked = org.users(3), []
    rules = Rules(org, users, rng)
    posters = [WardPoster(u, acked, random.Random(rng.random()))
               for u in org.users(3)]
    watchers = [Watcher(u, acked, way) for u in users for way in (
        Watcher.read_after, Watcher.read_page, Watcher.read_whole)]

    def changer(_):
        for _ in range(BATCHES):
            rules.change()
            time.sleep(PAUSE_S)
    run_all(posters + [changer],
            [reading(w.client, w) for w in watchers])
    history, in_force = org.history(), rules.lists[-1][0]
    assert sorted(uuids(history)) == sorted(acked)
    rules.check()
    for p in posters:
        p.check(rules)
    assert not all(taken for p in posters for _, _, taken in p.asked)
    for w in watchers:
        while not w.asked[-1].over:
            w(None)
        w.check(history, rules, acked)
        w.check_end(history, in_force)
    assert any(a.whole for w in watchers[::3] for a in w.asked[1:])


def test_narrower_rules_never_start_over_and_wider_ones_always_do(server):
    """One step after the other, without a race: what each change does to
    each cursor."""
    org = EventsOrg(server)
    user, rng = org.user(), random.Random(SEED)
    org.admin.stored(*[event(item=i) for i in ITEMS * 3])
    views = set(WARDS)
    org.put_rules(*[rule(user.uuid, w + "*", "view") for w in WARDS])
    kept = user.news()
    assert len(kept) == len(ITEMS) * 3
    for _ in range(BATCHES):
        wards = {w for w in WARDS if rng.random() < 0.5}
        org.put_rules(rule("nobody", "x", "view"),
                      *[rule(user.uuid, w + "*", "view")
                        for w in sorted(wards)])
        org.admin.stored(*[event(item=i) for i in ITEMS])
        got, user.cursor, resync = user.page(user.cursor)
        assert resync == (not wards <= views)
        kept, views = got if resync else kept + got, wards

        def allowed(some):
            return [e for e in some
                    if any(e["itemUuid"].startswith(w) for w in wards)]
        assert allowed(kept) == allowed(org.history())
