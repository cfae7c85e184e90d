"""kill -9 while clients post events: what was answered is there, once, and a
post that was not answered can be sent again.

TB_KILLS says how often (20), TB_SEED picks the moments.
"""

import os
import random
import threading
import time

import pytest
import requests

from events import (LENIENT, MINIMAL, WHEN, EventsOrg, event, events_of,
                    shown, uuids)
from harness import CONFIG, Server, wait_for

KILLS = int(os.environ.get("TB_KILLS", "20"))
SEED = int(os.environ.get("TB_SEED", "1"))
WRITERS = 4
BATCH_MAX = 20
BATCHES_MAX = 60

pytestmark = pytest.mark.slow


class Writer:
    """Posts batches until the server is gone; what was not answered is its
    first post after the restart, as a client must."""

    def __init__(self, user, rng):
        self.user, self.rng = user, rng
        self.acked, self.pending, self.count = [], [], 0
        self.failure, self.thread = None, None

    def start(self):
        self.thread = threading.Thread(target=self.run)
        self.thread.start()

    def run(self):
        try:
            for _ in range(BATCHES_MAX):
                if not self.pending:
                    self.pending = self.batch()
                self.post()
        except requests.RequestException:
            pass  # The server is gone.
        except BaseException as e:  # handed to the main thread
            self.failure = e

    def join(self):
        self.thread.join()
        if self.failure:
            raise self.failure

    def batch(self):
        first = self.count
        self.count += self.rng.randrange(1, BATCH_MAX)
        return [event("%s-%d" % (self.user.uuid, n), timestamp=WHEN + n)
                for n in range(first, self.count)]

    def post(self):
        """Post what is pending; it is settled by a whole 200 alone."""
        way = self.rng.randrange(4)
        if way == 0:
            got = uuids(events_of(self.user.post(self.pending)))
            assert set(uuids(self.pending)) <= set(got)
        elif way == 1:
            bad = [event("bad-" + self.pending[0]["uuid"], timestamp=-1)]
            r = self.user.post(bad + self.pending, LENIENT + ", " + MINIMAL)
            assert r.status_code == 200, r.text
            assert [x["index"] for x in r.json()["rejected"]] == [0]
        else:
            assert events_of(self.user.post(self.pending, MINIMAL)) == []
        self.acked += self.pending
        self.pending = []


class Follower:
    """Reads on after its cursor; kills lie in between."""

    def __init__(self, user):
        self.user, self.seen = user, []
        self.failure, self.thread = None, None
        self.stopping = threading.Event()

    def start(self):
        self.stopping.clear()
        self.thread = threading.Thread(target=self.run)
        self.thread.start()

    def run(self):
        try:
            while not self.stopping.is_set():
                self.seen += self.user.news()
        except requests.RequestException:
            pass  # The server is gone.
        except BaseException as e:  # handed to the main thread
            self.failure = e

    def join(self):
        self.stopping.set()
        self.thread.join()
        if self.failure:
            raise self.failure


@pytest.fixture
def crashing(tmp_path):
    s = Server(tmp_path, config=CONFIG)
    s.cli.init("main", "admin", "an-admin-password")
    s.start()
    yield s
    s.kill()


def killed_while_posting(server, writers, follower, rng):
    """Start all, kill the server at a random moment of their work."""
    def acked():
        return sum(len(w.acked) for w in writers)
    before = acked()
    for t in writers + [follower]:
        t.start()
    # Not before something is on its way, and then at any moment.
    wait_for(lambda: acked() > before
             or not any(w.thread.is_alive() for w in writers),
             "a first answer")
    time.sleep(rng.random() * 0.08)
    server.kill()
    for t in writers + [follower]:
        t.join()


def test_kill_9_in_the_middle_of_posts(crashing):
    print("replay with TB_SEED=%d" % SEED)
    rng, org = random.Random(SEED), EventsOrg(crashing)
    writers = [Writer(u, random.Random(rng.random()))
               for u in org.users(WRITERS)]
    follower = Follower(org.user())
    for w in writers:
        assert w.user.token
    for kill in range(KILLS):
        killed_while_posting(crashing, writers, follower, rng)
        if kill % 10 == 9:
            org.cli.check()
            org.cli.audit_verify()
        crashing.start()
        check(org, writers)
    for w in writers:
        if w.pending:
            w.post()
        assert w.user.stored(*w.acked[-BATCH_MAX:]) == 0
    history = check(org, writers)
    assert len(history) == sum(len(w.acked) for w in writers)
    assert len(history) > KILLS
    follower.seen += follower.user.news()
    assert follower.seen == history
    by_page, _ = org.admin.walk(limit=97)
    assert by_page == history
    assert crashing.stop() == 0
    org.cli.check()
    org.cli.audit_verify()


def check(org, writers):
    """Between a kill and the next: all that was answered is there, and what
    was not is there as a whole post or not at all."""
    history = org.history()
    names = uuids(history)
    assert len(set(names)) == len(names)
    assert len(names) <= sum(len(w.acked + w.pending) for w in writers)
    for w in writers:
        assert [e for e in history if e["userUuid"] == w.user.uuid] in [
            [shown(e, w.user) for e in some]
            for some in (w.acked, w.acked + w.pending)]
    return history


def test_a_cursor_outlives_kill_9_and_the_next_event_is_behind_it(crashing):
    """The place that a cursor names is never given to another event."""
    org = EventsOrg(crashing)
    writer, reader = org.users(2)
    sent = []
    for _ in range(10):
        sent.append(event())
        writer.stored(sent[-1])
        assert reader.news() == [shown(sent[-1], writer)]
        crashing.restart(hard=True)
        assert reader.news() == []
        r = reader.get(after=reader.cursor)
        assert r.headers["X-Events-Cursor"] == reader.cursor
    assert reader.history() == [shown(e, writer) for e in sent]


def test_a_repeat_of_what_was_answered_before_the_crash_changes_nothing(
        crashing):
    org = EventsOrg(crashing)
    user, batch = org.user(), [event() for _ in range(50)]
    assert user.stored(*batch) == 50
    for _ in range(5):
        crashing.restart(hard=True)
        assert user.stored(*batch) == 0
        assert uuids(user.history()) == uuids(batch)


def test_rules_that_were_answered_survive_kill_9(crashing):
    org = EventsOrg(crashing)
    user = org.user()
    for n in range(5):
        rules = [{"user": "*", "item": "ward-%d/*" % n, "action": "*",
                  "allow": True}]
        org.put_rules(*rules)
        crashing.restart(hard=True)
        assert org.admin.acl() == rules
        user.stored(event(item="ward-%d/a" % n))
        r = user.post([event(item="ward-%d/a" % (n + 1))])
        assert r.status_code == 403
    assert len(org.history()) == 5
