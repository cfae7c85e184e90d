"""kill -9 while devices push and acknowledge: what was answered is there,
once, and what was not can be sent again.

TB_KILLS says how often (4), TB_SEED picks the moments.
"""

import os
import random
import threading
import time

import pytest
import requests

from devices import WHEN, DevicesOrg, TOKEN_CONFIG, ids
from harness import ADMIN_PASSWORD, Server, wait_for

KILLS = min(int(os.environ.get("TB_KILLS", "4")), 20)
SEED = int(os.environ.get("TB_SEED", "1"))
PUSHERS = 3
BATCH_MAX = 10
BATCHES_MAX = 200


class Pusher:
    """Pushes until the server is gone; what was not answered is pushed
    again after the restart."""

    def __init__(self, device, rng):
        self.device, self.rng = device, rng
        self.numbers, self.pending, self.count = {}, [], 0
        self.failure, self.thread = None, None

    def start(self):
        self.thread = threading.Thread(target=self.run)
        self.thread.start()

    def run(self):
        try:
            for _ in range(BATCHES_MAX):
                self.push()
        except requests.RequestException:
            pass  # The server is gone.
        except BaseException as e:  # handed to the main thread
            self.failure = e

    def join(self):
        self.thread.join()
        if self.failure:
            raise self.failure

    def batch(self):
        """Events whose payload is their number among this device's."""
        first = self.count
        self.count += self.rng.randrange(1, BATCH_MAX)
        safe = [{"client_event_id": "c%d"}, {"timestamp": WHEN}]
        return [self.device.event(payload=n, **{
            k: v % n if "%" in v else v
            for k, v in safe[n % 2].items()})
            for n in range(first, self.count)]

    def push(self):
        """Push what is pending; it is settled by a whole 200 alone."""
        if not self.pending:
            self.pending = self.batch()
        r = self.device.caller.push(self.pending)
        assert r.status_code == 200, r.text
        assert "X-Retry-Unsafe" not in r.headers
        for e, got in zip(self.pending, r.json()):
            self.numbers[e["payload"]] = got["event_id"]
        self.pending = []


class Acknowledger:
    """Pulls and acknowledges until the server is gone."""

    def __init__(self, device):
        self.device, self.acked = device, set()
        self.failure, self.thread = None, None

    start, join = Pusher.start, Pusher.join

    def run(self):
        try:
            for _ in range(BATCHES_MAX):
                got = ids(self.device.pulled(limit=20))
                assert not self.acked & set(got)
                if got:
                    self.device.acked(*got)
                    self.acked |= set(got)
        except requests.RequestException:
            pass  # The server is gone.
        except BaseException as e:  # handed to the main thread
            self.failure = e


@pytest.fixture(scope="module")
def crashing(tmp_path_factory):
    s = Server(tmp_path_factory.mktemp("crashing"), config=TOKEN_CONFIG)
    s.cli.init("main", "admin", ADMIN_PASSWORD)
    s.start()
    yield s
    s.kill()


def check(reader, pushers):
    """Between a kill and the next: each answered event is there under its
    number; of others, whole ones that were under way at most."""
    events = reader.pulled()
    assert ids(events) == list(range(1, len(events) + 1))
    for p in pushers:
        mine = {e["payload"]: e["id"] for e in events
                if e["device_id"] == p.device.name}
        assert len(mine) == sum(e["device_id"] == p.device.name
                                for e in events), "one event twice"
        assert p.numbers.items() <= mine.items()
        assert set(mine) - set(p.numbers) \
            <= {e["payload"] for e in p.pending}
    return len(events)


def test_kill_9_in_the_middle_of_pushes_and_acknowledgements(crashing):
    print("replay with TB_SEED=%d" % SEED)
    rng, org = random.Random(SEED), DevicesOrg(crashing)
    reader = org.device(registered=False)
    reader.caller = reader.caller.again()
    pushers = [Pusher(org.device().again(), random.Random(rng.random()))
               for _ in range(PUSHERS)]
    acker = Acknowledger(org.device().again())
    for _ in range(KILLS):
        before = sum(len(p.numbers) for p in pushers)
        for t in pushers + [acker]:
            t.start()
        # Not before something is on its way, and then at any moment.
        wait_for(lambda: sum(len(p.numbers) for p in pushers) > before,
                 "a first answer")
        time.sleep(rng.random() * 0.08)
        crashing.kill()
        for t in pushers + [acker]:
            t.join()
        crashing.start()
        check(reader, pushers)
        assert not acker.acked & set(ids(acker.device.pulled()))
    for p in pushers:
        if p.pending:
            p.push()
        assert sorted(p.numbers) == list(range(p.count))
    total = check(reader, pushers)
    assert total == sum(len(p.numbers) for p in pushers) > KILLS
    for p in pushers:
        again = [p.device.event(payload=n, client_event_id="c%d" % n)
                 for n in p.numbers if n % 2 == 0]
        assert [e["event_id"] for e in p.device.caller.push(again).json()] \
            == [n for k, n in p.numbers.items() if k % 2 == 0]
    assert check(reader, pushers) == total
    acker.device.acked(up_to=total)
    assert acker.device.pulled() == []
    assert crashing.stop() == 0
    org.cli.check()
    org.cli.audit_verify()
    crashing.start()


def test_each_answer_outlives_kill_9(crashing):
    """A push, an acknowledgement of each kind, a registration."""
    org = DevicesOrg(crashing)
    a, b, c = org.devices(3)
    first = a.registered(role="till", priority=7)
    n, m, k = a.pushed_many(3)
    b.acked(n)
    c.acked(up_to=m)
    crashing.restart(hard=True)
    assert ids(b.pulled()) == [m, k]
    assert ids(c.pulled()) == [k]
    assert [a.state(x) for x in (n, m, k)] \
        == ["synced", "pending", "pending"]
    assert a.registered() == first
    assert a.pushed() == k + 1
    b.acked(m, k)
    org.command("give-up", k)
    crashing.restart(hard=True)
    assert [a.state(x) for x in (n, m, k)] == ["synced", "synced", "failed"]
    assert ids(c.pulled()) == [k, k + 1]


def test_a_number_is_never_given_twice(crashing):
    """The time of arrival goes on rising, too."""
    org = DevicesOrg(crashing)
    a, b = org.devices(2)
    for count in range(1, 4):
        assert a.pushed() == count
        crashing.restart(hard=True)
        assert ids(b.pulled()) == list(range(1, count + 1))
