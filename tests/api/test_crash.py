"""kill -9 in the middle of concurrent pushes: nothing lost, nothing doubled.

TB_KILLS says how often (50), TB_SEED picks the moments.
"""

import collections
import os
import random
import threading
import time

import pytest
import requests

from harness import CONFIG, Server, ids, wait_for

KILLS = int(os.environ.get("TB_KILLS", "50"))
SEED = int(os.environ.get("TB_SEED", "1"))
WRITERS = 4
BATCH = 20
BATCHES_MAX = 60


class Writer(threading.Thread):
    """Pushes new records until told to stop; repeats what was not answered,
    as a client must, so that it knows of each record sooner or later."""

    def __init__(self, site, to, first):
        super().__init__()
        self.site, self.to, self.count = site.like(), to, first
        self.acked, self.pending = [], None
        self.stopping = threading.Event()
        self.failure = None

    def run(self):
        for _ in range(BATCHES_MAX):
            if self.stopping.is_set():
                return
            if self.pending is None:
                self.pending = self.batch()
            try:
                r = self.site.push(*self.pending)
            except requests.RequestException:
                return
            if not self.settled(r):
                return

    def batch(self):
        self.count += BATCH
        return [self.site.invoice("%s-%d" % (self.name, i), self.to, n=i)
                for i in range(self.count - BATCH, self.count)]

    def settled(self, response):
        if response.status_code == 503:
            return True
        if response.status_code != 200 or response.json() != {
                "accepted": BATCH, "rejected": []}:
            self.failure = response.text
            return False
        self.acked += [r["recordID"] for r in self.pending]
        self.pending = None
        return True

    def again(self):
        """The same writer in a new thread, after a restart."""
        other = Writer(self.site, self.to, self.count)
        other.name, other.acked = self.name, self.acked
        other.pending = self.pending
        return other


@pytest.fixture
def crashing(tmp_path):
    s = Server(tmp_path, config=CONFIG)
    s.cli.init("main", "admin", "an-admin-password")
    s.start()
    yield s
    s.kill()


def killed_while_writing(server, writers, rng):
    """Start the writers, kill the server at a random moment of their work."""
    before = sum(len(w.acked) for w in writers)
    for w in writers:
        w.start()
    # Not before something is on its way, and then at any moment.
    wait_for(lambda: sum(len(w.acked) for w in writers) > before
             or not any(w.is_alive() for w in writers), "a first answer")
    time.sleep(rng.random() * 0.08)
    server.kill()
    for w in writers:
        w.stopping.set()
        w.join()
        assert w.failure is None, w.failure


@pytest.mark.slow
def test_kill_9_in_the_middle_of_pushes(crashing):
    print("replay with TB_SEED=%d" % SEED)
    rng = random.Random(SEED)
    server, org = crashing, crashing.org()
    senders, b = [org.site() for _ in range(2)], org.site()
    writers = [Writer(senders[i % 2], b.store, 0) for i in range(WRITERS)]
    for i, w in enumerate(writers):
        w.name = "w%d" % i
    received = collections.Counter()
    for kill in range(KILLS):
        killed_while_writing(server, writers, rng)
        if kill % 10 == 9:
            org.cli.check()
            org.cli.audit_verify()
        server.start()
        if kill % 5 == 4:
            received.update(ids(b.drain(5000)))
        writers = [w.again() for w in writers]
    for w in writers:
        if w.pending:
            assert w.settled(w.site.push(*w.pending)) and not w.pending
    received.update(ids(b.drain(5000)))
    acked = [x for w in writers for x in w.acked]
    assert len(acked) > KILLS * BATCH
    assert [x for x, n in received.items() if n > 1] == []
    assert set(received) == set(acked)
    stored = org.exported()
    assert sorted(k[1] for k in stored) == sorted(acked)
    assert server.stop() == 0
    org.cli.check()
    org.cli.audit_verify()


@pytest.mark.slow
def test_a_repeat_of_what_was_answered_before_the_crash_changes_nothing(
        crashing):
    org = crashing.org()
    a, b = org.site(), org.site()
    records = [a.invoice("x%d" % i, b.store) for i in range(50)]
    for _ in range(5):
        a.pushed(*records)
        crashing.restart(hard=True)
    assert len(b.drain()) == 50
    a.pushed(*records)
    crashing.restart(hard=True)
    assert b.pull() == []


@pytest.mark.slow
def test_acknowledgements_survive_kill_9(crashing):
    org = crashing.org()
    a, b = org.site(), org.site()
    names = ["x%02d" % i for i in range(30)]
    a.pushed(*[a.invoice(x, b.store) for x in names])
    left = list(names)
    b.pull()
    for name in names[::3]:
        assert b.ack([name]) == 1
        left.remove(name)
        crashing.restart(hard=True)
        assert ids(b.pull()) == left


@pytest.mark.slow
def test_a_page_that_left_counts_as_delivered_after_kill_9(crashing):
    """Delivered-to is durable before a page leaves: a change after it is a
    later entry, whatever happened to the server in between."""
    org = crashing.org()
    a, b = org.site(), org.site()
    for n in range(10):
        a.pushed(a.invoice("x", b.store, n=2 * n))
        entry, = b.pull()
        crashing.restart(hard=True)
        assert b.ack([{"sequence": entry["sequence"]}]) == 1
        a.pushed(a.invoice("x", b.store, n=2 * n + 1))
        entry, = b.pull()
        assert (entry["action"], entry["data"]["n"]) == ("update", 2 * n + 1)
        b.ack(["x"])
