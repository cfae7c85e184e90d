"""Two sites exchange records through the server, whatever happens on the way.

Random pushes, pulls and acknowledgements, answers that are lost, requests
that come twice, restarts after TERM and kill -9; at every step what a site
receives, and at the end all that it has, is compared with a model. Each run
has a seed: TB_SEEDS says how many (100), TB_SEED replays one.
"""

import json
import os
import random

import pytest

import wire
from exchange_model import CentralPusher, Model, Pusher
from harness import keys, sequences

SEEDS = [int(os.environ["TB_SEED"])] if "TB_SEED" in os.environ else \
    list(range(1, 1 + int(os.environ.get("TB_SEEDS", "100"))))
STEPS = 60


class Party:
    """A site with what it has received and what it does not know of."""

    def __init__(self, rng, run, site, maker, others=()):
        self.rng, self.run, self.site = rng, run, site
        self.model, self.server = run.model, run.server
        self.maker = maker(rng, run.model, site, list(others))
        self.store = site.stores[0] if site.stores else None
        self.replica, self.items = {}, {}
        self.cursor, self.acked = 0, 0
        # A push whose answer was lost: to be sent again before any other.
        self.pending, self.last = None, None

    def post_bytes(self, path, value):
        body = json.dumps(value).encode()
        return wire.request(self.site, path, headers=[
            "Content-Length: %d" % len(body)], body=body)

    def get_bytes(self, path):
        return wire.request(self.site, path, "GET")

    # Pushing

    def push(self):
        records = self.pending or self.maker.batch()
        if not records:
            return
        self.pending = records
        self.site.pushed(*records)
        self.settled()

    def settled(self):
        for record in self.pending:
            self.model.apply(self.site.name, record)
        self.last, self.pending = self.pending, None

    def push_and_lose_the_answer(self):
        self.pending = self.pending or self.maker.batch() or None
        if self.pending:
            self.server.lose(self.post_bytes("queued_records", self.pending))

    def push_into_a_crash(self):
        """The server dies at some moment of this push."""
        self.pending = self.pending or self.maker.batch() or None
        if self.pending:
            data = self.post_bytes("queued_records", self.pending)
            with wire.connect(self.site) as s:
                s.sendall(data)
        self.server.restart(hard=True)

    def push_twice(self):
        if self.last and not self.pending:
            self.site.pushed(*self.last)

    def push_cut_short(self):
        """Half a request has no effect, whenever the server sees it."""
        records = [self.site.record("zebra", "never", {"n": 1})]
        data = self.post_bytes("queued_records", records)
        wire.send_and_go(self.site, data[:-self.rng.randint(1, 20)])

    # The queue

    def pull(self):
        page = self.site.pull(self.rng.randint(1, 8))
        self.take(page)
        if page:
            self.acknowledge(page)
        return page

    def pull_and_lose_the_answer(self):
        self.server.lose(self.get_bytes(
            "queued_records?limit=%d" % self.rng.randint(1, 8)))

    def take(self, page):
        got = sequences(page)
        assert got == sorted(set(got))
        assert not got or got[0] > self.acked, "behind what is acknowledged"
        assert len(set(keys(page))) == len(page)
        expected = self.model.foreign(self.site.name, self.store)
        open_keys = self.run.open_keys()
        for e in page:
            key = e["table"], e["recordID"]
            assert self.model.owner.get(key) != self.site.name, \
                "own change came back: %s" % (e,)
            if key not in open_keys:
                self.check(e, expected.get(key))
            if e["action"] == "delete":
                self.replica.pop(key, None)
            else:
                self.replica[key] = e["data"]

    def check(self, entry, expected):
        """The entry shows the record as it is now."""
        if entry["action"] == "delete":
            assert expected is None, "deleted, but there: %s" % (entry,)
            assert entry["data"] == {}
        else:
            assert entry["action"] in ("insert", "update")
            assert entry["data"] == expected, entry

    def acknowledge(self, page):
        form = self.rng.choice([
            lambda e: e["recordID"], lambda e: {"sequence": e["sequence"]},
            lambda e: {"table": e["table"], "recordID": e["recordID"]}])
        elements = [form(e) for e in page]
        lost = self.rng.random() < 0.15
        if lost:
            self.server.lose(self.post_bytes("acknowledge_records", elements))
        n = self.site.ack(elements)
        assert n == len(page) or (lost and n == 0)
        if self.rng.random() < 0.1:
            assert self.site.ack(elements) == 0
        self.acked = sequences(page)[-1]

    # The central feed

    def read_central(self):
        page = self.site.central(self.cursor, self.rng.randint(1, 8))
        got = sequences(page)
        assert got == sorted(set(got))
        assert not got or got[0] > self.cursor
        for e in page:
            if e["data"] == "none":
                continue
            key = e["table"], e["recordID"]
            if e["action"] == "delete":
                self.items.pop(key, None)
            else:
                self.items[key] = e["data"]
            if key not in self.run.open_keys():
                assert self.items.get(key) == self.model.live.get(key), e
        if page:
            self.cursor = got[-1]
        return page

    def finish(self):
        if self.pending:
            self.push()


class Run:
    """One seed: an org with two sites and a primary."""

    def __init__(self, server, seed):
        self.rng = random.Random(seed)
        self.server, self.model = server, Model()
        self.org = server.org()
        a, b, p = self.org.site(), self.org.site(), self.org.primary()
        # A store at no site: what goes there leaves whoever had it.
        idle = "idle-" + self.org.name
        self.org.cli.store_add(idle, self.org.name)
        self.sites = [
            Party(self.rng, self, a, Pusher, b.stores + [idle]),
            Party(self.rng, self, b, Pusher, a.stores + [idle])]
        self.primary = Party(self.rng, self, p, CentralPusher)
        self.parties = self.sites + [self.primary]

    def open_keys(self):
        found = set()
        for party in self.parties:
            if party.pending:
                found |= self.model.touched_by(party.pending)
        return found

    def step(self):
        site = self.rng.choice(self.sites)
        anyone = self.rng.choice(self.parties)
        self.rng.choices(
            [anyone.push, anyone.push_and_lose_the_answer, anyone.push_twice,
             anyone.push_cut_short, site.pull, site.pull_and_lose_the_answer,
             anyone.read_central, self.restart, anyone.push_into_a_crash],
            [40, 8, 5, 2, 25, 4, 14, 0.8, 0.8])[0]()

    def restart(self):
        self.server.restart(hard=self.rng.random() < 0.5)

    def finish(self):
        for party in self.parties:
            party.finish()
        for site in self.sites:
            while site.pull():
                pass
        for party in self.parties:
            while party.read_central():
                pass

    def compare(self):
        for site in self.sites:
            assert site.replica == self.model.foreign(site.site.name,
                                                      site.store)
        for party in self.parties:
            assert party.items == self.model.central()
        stored = {k: r["data"] for k, r in self.org.exported().items()
                  if not r.get("deleted")}
        assert stored == self.model.live
        assert self.org.quarantined() == []


@pytest.fixture(scope="module", autouse=True)
def healthy_at_the_end(server):
    yield
    server.cli.check()
    server.cli.audit_verify()


@pytest.mark.slow
@pytest.mark.parametrize("seed", SEEDS)
def test_two_sites_exchange(server, seed):
    print("replay with TB_SEED=%d" % seed)
    run = Run(server, seed)
    for _ in range(STEPS):
        run.step()
    run.finish()
    run.compare()
