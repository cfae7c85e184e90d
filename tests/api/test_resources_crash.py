"""kill -9 while clients write: what was answered is there after the restart,
times go on rising, and what was not answered can be sent again.

TB_KILLS says how often (10), TB_SEED picks the moments.
"""

import os
import random
import threading
import time

import pytest
import requests

from harness import ADMIN_PASSWORD, Server, wait_for
from resources import (CONFIG, ResourcesOrg, by_id, micros, object_of,
                       time_of)

KILLS = int(os.environ.get("TB_KILLS", "10"))
SEED = int(os.environ.get("TB_SEED", "1"))
WRITERS = 4
WRITES_MAX = 80

pytestmark = pytest.mark.slow


@pytest.fixture
def crashing(tmp_path):
    s = Server(tmp_path, config=CONFIG)
    s.cli.init("main", "admin", ADMIN_PASSWORD)
    s.start()
    yield s
    s.kill()


class Writer:
    """Makes, edits and deletes records until the server is gone. What was
    not answered is its first request after the restart, the same again."""

    def __init__(self, user, rng, name):
        self.user, self.rng, self.name = user, rng, name
        self.live, self.gone, self.times = {}, set(), []
        self.pending, self.count = None, 0
        self.failure, self.thread = None, None

    def start(self):
        self.thread = threading.Thread(target=self.run)
        self.thread.start()

    def join(self):
        self.thread.join()
        if self.failure:
            raise self.failure

    def run(self):
        try:
            for _ in range(WRITES_MAX):
                self.write()
        except requests.RequestException:
            pass  # The server is gone.
        except BaseException as e:  # handed to the main thread
            self.failure = e

    def write(self):
        if self.pending is None:
            self.pending = self.next()
        method, path, body, headers = self.pending
        r = self.user.request(method, path, body, headers=headers)
        self.settle(method, path, r)
        self.pending = None

    def next(self):
        self.count += 1
        name = "%s-%d" % (self.name, self.count)
        way = self.rng.random()
        if not self.live or way < 0.3:
            return "POST", "things/", {"name": name}, {
                "Idempotency-Key": name}
        number = self.rng.choice(list(self.live))
        if way < 0.4:
            return "DELETE", "things/%d/" % number, None, None
        base = self.live[number]["updated_at"]
        return "PUT", "things/%d/sync_update/" % number, {
            "client_last_synced_at": base, "note": name}, None

    def settle(self, method, path, response):
        if method == "DELETE":
            # 404: it was deleted by the first, whose answer was lost.
            assert response.status_code in (204, 404), response.text
            number = int(path.split("/")[1])
            del self.live[number]
            self.gone.add(number)
            return
        assert response.status_code in (200, 201), response.text
        record = response.json()
        self.live[record["id"]] = record
        self.times.append(micros(record["updated_at"]))


class Follower:
    """Reads on by X-Last-Sync alone; kills lie in between."""

    def __init__(self, user):
        self.user, self.last, self.have = user, None, {}

    def step(self):
        records, self.last = self.user.pull("things", self.last, deleted=1)
        for r in records:
            if "deleted" in r:
                self.have.pop(r["id"], None)
            else:
                self.have[r["id"]] = r


def killed_while_writing(server, writers, follower, rng):
    def answered():
        return sum(len(w.times) for w in writers)
    before = answered()
    for w in writers:
        w.start()
    wait_for(lambda: answered() > before
             or not any(w.thread.is_alive() for w in writers),
             "a first answer")
    follower.step()
    time.sleep(rng.random() * 0.08)
    server.kill()
    for w in writers:
        w.join()


def check(staff, writers, follower):
    """All that was answered is there; at most what is pending is more."""
    stored = by_id(staff.records("things"))
    for w in writers:
        touched = None
        if w.pending and w.pending[0] != "POST":
            touched = int(w.pending[1].split("/")[1])
        for number, record in w.live.items():
            if number != touched:
                assert stored[number] == record
        assert not w.gone & set(stored)
    known = {n for w in writers for n in w.live}
    assert len(set(stored) - known) <= len(writers)
    follower.step()
    assert follower.have == stored
    return stored


def test_kill_9_in_the_middle_of_writes(crashing):
    print("replay with TB_SEED=%d" % SEED)
    rng, org = random.Random(SEED), ResourcesOrg(crashing)
    staff = org.staff()
    assert staff.token
    writers = [Writer(staff.again(), random.Random(rng.random()), "w%d" % n)
               for n in range(WRITERS)]
    follower = Follower(staff.again())
    highest = 0
    for kill in range(KILLS):
        killed_while_writing(crashing, writers, follower, rng)
        if kill % 5 == 4:
            org.cli.check()
            org.cli.audit_verify()
        crashing.start()
        stored = check(staff, writers, follower)
        assert all(micros(time_of(r)) for r in stored.values())
        highest = max([highest] + [t for w in writers for t in w.times])
        probe = staff.created("things", name="probe %d" % kill)
        assert micros(probe["updated_at"]) > highest
        assert micros(probe["updated_at"]) > micros(follower.last)
        staff.deleted("things", probe["id"])
    for w in writers:
        if w.pending:
            w.write()
    stored = by_id(staff.records("things"))
    expected = {}
    for w in writers:
        expected.update(w.live)
    assert stored == expected
    names = [r["name"] for r in stored.values()]
    assert len(set(names)) == len(names)
    follower.step()
    assert follower.have == stored
    times = [t for w in writers for t in w.times]
    assert len(set(times)) == len(times) > KILLS
    assert crashing.stop() == 0
    org.cli.check()
    org.cli.audit_verify()


def test_times_rise_and_stay_over_kills(crashing):
    """An X-Last-Sync from before a kill is good after it."""
    staff = ResourcesOrg(crashing).staff()
    record = staff.created("things", name="n")
    for n in range(6):
        whole, last = staff.pull("things")
        crashing.restart(hard=True)
        assert staff.records("things") == whole == [record]
        assert staff.records("things", last) == []
        record = staff.updated("things", record, count=n)
        assert micros(record["updated_at"]) > micros(last)
        assert staff.records("things", last) == [record]


def test_a_conflict_that_was_answered_is_in_the_ledger_after_kill_9(
        crashing):
    org = ResourcesOrg(crashing)
    staff = org.staff()
    first = staff.created("things", name="n")
    staff.updated("things", first, note="theirs")
    for n in range(4):
        r = staff.update("things", first["id"], first["updated_at"],
                         note="mine %d" % n)
        assert r.status_code == 409
        crashing.restart(hard=True)
        assert [c["client"]["note"] for c in org.admin.conflicts()] == [
            "mine %d" % i for i in range(n + 1)]


def test_sight_that_changed_before_the_kill_is_changed_after_it(crashing):
    org = ResourcesOrg(crashing)
    staff, doctor = org.staff(), org.user("doctor", 10)
    person = staff.created("people", name="p")
    _, last = doctor.pull("people")
    visit = staff.created("visits", person_id=person["id"], doctor_id=10)
    crashing.restart(hard=True)
    assert doctor.records("people", last) == [person]
    _, last = doctor.pull("people")
    object_of(staff.patch("visits", visit["id"], doctor_id=11))
    crashing.restart(hard=True)
    tomb, = doctor.records("people", last, deleted=1)
    assert (tomb["id"], tomb["deleted"]) == (person["id"], True)
