"""The life of offline clients: they edit offline, come back, push in batches,
lose requests and answers, try again, and in the end all have one history.

TB_SEED is the first seed, TB_SEEDS how many of them (8). What a seed does is
the same every time, so that a failure can be replayed.
"""

import gzip
import json
import os
import random
import threading

import pytest
import requests

from events import (LENIENT, MINIMAL, Client, EventsOrg, event, events_of,
                    shown, uuids)
from lossy import HALF, LOSSES, PASS, UNREAD, Lossy

SEED = int(os.environ.get("TB_SEED", "1"))
SEEDS = int(os.environ.get("TB_SEEDS", "8"))
STEPS = 120
BATCH_MAX = 12
# What people write; it comes back as it was written.
PAYLOADS = ["", "{}", "{\"name\": \"New Name\"}", "\u00e4\u4e2d\U0001f600",
            "a\n\tb\x00c\x1f", "\\\"/", "x" * 3000]


class Lost(Exception):
    """Nobody knows whether the request had its effect."""


class Offline:
    """A client that keeps its edits until it knows that they are stored, and
    a copy of the history as the server orders it."""

    def __init__(self, user, rng, proxy):
        self.rng, self.proxy = rng, proxy
        self.wire = Client(proxy, user.name, user.password, user.uuid,
                           user.org, user.token)
        self.wire.headers["Connection"] = "close"
        self.name = user.uuid
        self.clock = rng.randrange(1600000000, 1700000000)
        self.made, self.outbox = [], []
        self.history, self.cursor = [], None
        self.etag, self.tagged = None, None
        self.losses = 0

    # --- offline ---

    def edit(self):
        """One more event; clocks go wrong, backwards too."""
        self.clock += self.rng.randrange(-500, 1000)
        e = event("%s-%d" % (self.name, len(self.made)),
                  item="item%d" % self.rng.randrange(20),
                  action=self.rng.choice(["create", "update", "delete"]),
                  timestamp=self.clock, payload=self.rng.choice(PAYLOADS))
        self.made.append(e)
        self.outbox.append(e)

    # --- on the line ---

    def ask(self, method, batch=None, prefer=None, etag=None, **params):
        """One request, which the network may lose."""
        fate = PASS if self.rng.random() < 0.6 else self.rng.choice(LOSSES)
        self.proxy.lose(fate, self.rng.random())
        headers = {"Accept-Encoding": self.rng.choice(["gzip", "identity"])}
        if etag:
            headers["If-None-Match"] = etag
        try:
            if method == "GET":
                r = self.wire.get(headers=headers, **params)
            else:
                body = json.dumps(batch)
                if self.rng.random() < 0.3:
                    headers["Content-Encoding"] = "gzip"
                    body = gzip.compress(body.encode())
                r = self.wire.post(body, prefer, headers, **params)
            whole(r)
        except (requests.RequestException, ValueError) as e:
            assert fate != PASS, e
            self.losses += 1
            raise Lost() from e
        assert fate in (PASS, HALF)
        return r

    def replace(self, history, cursor):
        """The whole history has come; what was known must be its start."""
        assert history[:len(self.history)] == self.history
        self.history, self.cursor = history, cursor

    def append(self, news, r):
        assert "X-Events-Resync" not in r.headers
        self.history = self.history + news
        self.cursor = r.headers["X-Events-Cursor"]

    def settle(self, batch):
        """The batch is stored: it need not be sent again."""
        assert self.outbox[:len(batch)] == batch
        del self.outbox[:len(batch)]

    def pull(self):
        way = self.rng.randrange(4)
        if way == 0 or self.cursor is None:
            self.pull_all()
            return
        limit = {"limit": self.rng.randrange(1, 30)} if way == 1 else {}
        r = self.ask("GET", after=self.cursor, **limit)
        news = events_of(r)
        assert len(news) <= limit.get("limit", len(news))
        self.append(news, r)

    def pull_all(self):
        r = self.ask("GET", etag=self.etag)
        if r.status_code == 304:
            assert self.history == self.tagged
            return
        self.replace(events_of(r), r.headers["X-Events-Cursor"])
        self.etag, self.tagged = r.headers["ETag"], self.history

    def push(self):
        batch = self.outbox[:self.rng.randrange(1, BATCH_MAX + 1)]
        self.rng.choice([self.push_all, self.push_after, self.push_minimal,
                         self.push_lenient, self.push_blind])(batch)

    def push_all(self, batch):
        r = self.ask("POST", batch)
        self.replace(events_of(r), r.headers["X-Events-Cursor"])
        self.settle(batch)

    def push_after(self, batch):
        r = self.ask("POST", batch, after=self.cursor or "0")
        self.append(events_of(r), r)
        self.settle(batch)

    def push_minimal(self, batch):
        """The cursor goes on over what is new and the client's own; then the
        client knows what lies there without having read it."""
        if self.cursor is None:
            self.push_blind(batch)
            return
        r = self.ask("POST", batch, MINIMAL, after=self.cursor)
        assert events_of(r) == []
        if r.headers["X-Events-Cursor"] != self.cursor:
            known = set(uuids(self.history))
            new = [e for e in batch if e["uuid"] not in known]
            assert int(r.headers["X-Events-Stored"]) == len(new)
            self.append([shown(e, self.wire) for e in new], r)
        self.settle(batch)

    def push_blind(self, batch):
        """Without `after` the cursor is the end, which this client has not
        read up to: it keeps its own."""
        r = self.ask("POST", batch, MINIMAL)
        assert events_of(r) == []
        assert int(r.headers["X-Events-Stored"]) <= len(batch)
        self.settle(batch)

    def push_lenient(self, batch):
        """Among the good ones are some that can never be stored."""
        mixed, bad = [], []
        for e in batch:
            if self.rng.random() < 0.3:
                bad.append((len(mixed), "Invalid timestamp"))
                mixed.append(dict(e, uuid="bad-" + e["uuid"], timestamp=0))
            mixed.append(e)
        known = [e for e in self.history if e["userUuid"] == self.name]
        if known and self.rng.random() < 0.5:
            bad.append((len(mixed), "Event already exists"))
            mixed.append(dict(self.rng.choice(known), action="other"))
        r = self.ask("POST", mixed, LENIENT, after=self.cursor or "0")
        assert r.status_code == 200, r.text
        answer = r.json()
        assert [(x["index"], x["error"]) for x in answer["rejected"]] == bad
        assert [x["eventUuid"] for x in answer["rejected"]] == [
            mixed[i]["uuid"] for i, _ in bad]
        self.append(answer["events"], r)
        self.settle(batch)

    def online(self):
        """Comes back for a while; the connection may break at any time."""
        try:
            for _ in range(self.rng.randrange(1, 5)):
                if self.outbox and self.rng.random() < 0.7:
                    self.push()
                else:
                    self.pull()
        except Lost:
            pass

    def catch_up(self):
        """Stays until all is sent and there is nothing new."""
        while True:
            try:
                if self.outbox:
                    self.push()
                    continue
                before = len(self.history)
                r = self.ask("GET", after=self.cursor or "0")
                self.append(events_of(r), r)
                if len(self.history) == before:
                    return
            except Lost:
                continue


def whole(r):
    """Insist that all of an answer has come, which requests does not."""
    length = r.headers.get("Content-Length")
    if length is not None and r.status_code != 304 \
            and r.raw.tell() != int(length):
        raise ValueError("a part of the answer")
    if r.status_code != 304:
        r.json()


class Fleet:
    """Offline clients of one org, each on a bad line of its own."""

    def __init__(self, server, count, rng):
        self.org = EventsOrg(server)
        self.lines = [Lossy(server) for _ in range(count)]
        self.clients = [
            Offline(self.org.user(), random.Random(rng.random()), line)
            for line in self.lines]

    def end(self):
        for line in self.lines:
            line.close()

    def catch_up(self):
        for c in self.clients:
            c.catch_up()
        for c in self.clients:
            c.catch_up()

    def check(self):
        """One history, everywhere: nothing lost, doubled or in another
        order than its author's."""
        history = self.org.history()
        by_page, _ = self.org.admin.walk(limit=7)
        assert by_page == history
        names = uuids(history)
        assert len(set(names)) == len(names)
        assert len(names) == sum(len(c.made) for c in self.clients)
        for c in self.clients:
            assert c.history == history
            assert [e for e in history if e["userUuid"] == c.name] == [
                shown(e, c.wire) for e in c.made]
        assert sum(c.losses for c in self.clients) > 0


@pytest.fixture
def fleet(server):
    made = []

    def make(count, seed):
        print("replay with TB_SEED=%d TB_SEEDS=1" % seed)
        made.append(Fleet(server, count, random.Random(seed)))
        return made[-1]
    yield make
    for f in made:
        f.end()


@pytest.mark.parametrize("seed", range(SEED, SEED + SEEDS))
def test_three_offline_clients_end_with_one_history(fleet, seed):
    f, rng = fleet(3, seed), random.Random(seed)
    for _ in range(STEPS):
        c = rng.choice(f.clients)
        if rng.random() < 0.7:
            c.edit()
        else:
            c.online()
    f.catch_up()
    f.check()


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(SEED, SEED + max(1, SEEDS // 4)))
def test_ten_clients_at_the_same_time_end_with_one_history(fleet, seed):
    f, failures = fleet(10, seed), []

    def live(c):
        try:
            for _ in range(STEPS):
                if c.rng.random() < 0.7:
                    c.edit()
                else:
                    c.online()
            c.catch_up()
        except BaseException as e:  # handed to the main thread
            failures.append(e)
    threads = [threading.Thread(target=live, args=(c,)) for c in f.clients]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    if failures:
        raise failures[0]
    f.catch_up()
    f.check()


def test_the_old_client_that_knows_no_cursor_loses_nothing(fleet):
    """It posts its whole diff again and again until an answer comes, and
    takes the answer for its history; that is all the contract asks of it."""
    f = fleet(2, SEED)
    for c in f.clients:
        for n in range(30):
            c.edit()
            if n % 3 == 2:
                c.proxy.lose(LOSSES[n % len(LOSSES)], 0.7)
                try:
                    whole(c.wire.post(c.made))
                except (requests.RequestException, ValueError):
                    c.losses += 1
    for c in f.clients:
        c.history = c.wire.posted(*c.made)
    f.clients[0].history = f.clients[0].wire.posted()
    f.check()


def test_a_post_whose_answer_was_lost_is_stored_once(server):
    org = EventsOrg(server)
    line = Lossy(server)
    try:
        c = Offline(org.user(), random.Random(SEED), line)
        for _ in range(5):
            c.edit()
        for _ in range(3):
            line.lose(UNREAD)
            with pytest.raises(requests.RequestException):
                c.wire.post(c.made)
            assert uuids(org.history()) == uuids(c.made)
        assert c.wire.stored(*c.made) == 0
        assert uuids(org.history()) == uuids(c.made)
    finally:
        line.close()


def test_a_minimal_post_from_the_beginning_skips_nothing(server):
    """`after=0` is a cursor like others: over the client's own events it goes
    on where nothing lies before them, and nowhere else."""
    def unread(user, *names):
        r = user.post([event(x) for x in names], MINIMAL, after="0")
        assert events_of(r) == []
        return uuids(user.history(after=r.headers["X-Events-Cursor"]))
    first, second = EventsOrg(server).users(2)
    assert unread(first, "a", "b") == []
    assert unread(second, "c") == ["a", "b", "c"]
