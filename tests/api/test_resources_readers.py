"""Thirty-two writers, and readers that keep nothing but a timestamp: an
X-Last-Sync, or the largest update time they saw. None misses a change.

TB_SEED says what the writers do (1), TB_SOAK how many changes each makes
(25).
"""

import itertools
import os
import random
import threading

import pytest

from resources import (OLD, ResourcesOrg, micros, object_of, records_of,
                       time_of)

SEED = int(os.environ.get("TB_SEED", "1"))
CHANGES = int(os.environ.get("TB_SOAK", "25"))
WRITERS, SITES = 28, 4
PAUSE_S = 0.01
JOIN_S = 300
DOCTORS = [10, 11, 12, 13]

pytestmark = pytest.mark.slow


class Writer:
    """Makes, edits and deletes records of its own; knows of each change the
    time that it was answered with."""

    def __init__(self, user, rng, name):
        self.user, self.rng, self.name = user, rng, name
        self.live, self.gone, self.changes = [], set(), []

    def __call__(self):
        for n in range(CHANGES):
            way = self.rng.random()
            if not self.live or way < 0.4:
                record = self.user.created(
                    "things", name="%s-%d" % (self.name, n))
                self.live.append(record)
            elif way < 0.9:
                at = self.rng.randrange(len(self.live))
                record = self.user.updated("things", self.live[at],
                                           note=str(n))
                self.live[at] = record
            else:
                record = self.live.pop(self.rng.randrange(len(self.live)))
                self.user.deleted("things", record["id"])
                self.gone.add(record["id"])
                continue
            self.changes.append((micros(record["updated_at"]),
                                 record["id"]))

    def to_be_seen(self):
        """A record that came and went between two answers is in none."""
        return [c for c in self.changes if c[1] not in self.gone]


class Pusher:
    """A site that pushes new records, and changes them."""

    def __init__(self, site, rng):
        self.site, self.rng, self.names = site.like(), rng, {}

    def __call__(self):
        for n in range(CHANGES):
            key = "%s-%d" % (self.site.name, self.rng.randrange(CHANGES))
            self.names[key] = "%s %d" % (key, n)
            self.site.pushed(self.site.record(
                "things", key, {"name": self.names[key]}, "update"))


class Reader:
    """Keeps a timestamp and the records; writes down, for each answer, how
    far it goes and what was in it."""

    def __init__(self, user):
        self.user, self.since, self.have = user, None, {}
        self.answers = []

    def step(self):
        self.take(self.user.sync("things", self.since, deleted=1))

    def take(self, response):
        records = records_of(response)
        for r in records:
            if "deleted" in r:
                self.have.pop(r["id"], None)
            else:
                self.have[r["id"]] = r
        self.keep(response, records)
        if self.since is not None:
            self.answers.append((micros(self.since), [
                (r["id"], micros(time_of(r))) for r in records]))

    def keep(self, response, records):
        self.since = response.headers["X-Last-Sync"]


class Largest(Reader):
    def keep(self, response, records):
        times = [time_of(r) for r in records]
        self.since = max([self.since or OLD, *times], key=micros)


class Pages(Reader):
    """A record that changes during the walk comes on a later page; nothing
    is missed by who has seen the last one."""

    def step(self):
        for r in self.user.pages("things", 7, self.since, deleted=1):
            self.take(r)
            if "next" in r.links:
                self.answers[-1] = (0, self.answers[-1][1])


class Matching(Reader):
    """Downloads it all, but only if the ETag says that it changed."""
    etag = None

    def step(self):
        r = self.user.sync("things", headers={
            "If-None-Match": self.etag} if self.etag else None)
        if r.status_code == 304:
            assert r.headers["ETag"] == self.etag
            return
        self.etag = r.headers["ETag"]
        self.have = {}
        self.take(r)


def run_all(writers, readers):
    """Run the writers to their end; the readers then read once more. The
    first failure is raised here."""
    done, failures = threading.Event(), []

    def guarded(f, *args):
        def body():
            try:
                f(*args)
            except BaseException as e:  # handed to the main thread
                failures.append(e)
        return threading.Thread(target=body, daemon=True)

    def read(reader):
        last = False
        while not last:
            last = done.is_set()
            reader.step()
            done.wait(PAUSE_S)
    write = [guarded(w) for w in writers]
    follow = [guarded(read, r) for r in readers]
    for t in write + follow:
        t.start()
    for t in write:
        t.join(JOIN_S)
    done.set()
    for t in follow:
        t.join(JOIN_S)
    if failures:
        raise failures[0]
    assert not any(t.is_alive() for t in write + follow)


def assert_missed_nothing(reader, changes):
    """At every moment: whoever was told a time has had, by then, every
    change up to it, in that version or in a later one."""
    seen, at = {}, 0
    for last, records in reader.answers:
        for number, time in records:
            assert time > seen.get(number, 0), "a version came twice"
            seen[number] = time
        while at < len(changes) and changes[at][0] <= last:
            time, number = changes[at]
            assert seen.get(number, 0) >= time, \
                "record %d of %d was missed by %d (%s)" % (
                    number, time, last, type(reader).__name__)
            at += 1
    assert at == len(changes)


def test_no_reader_misses_a_change_of_32_writers(resources):
    print("replay with TB_SEED=%d" % SEED)
    rng, org = random.Random(SEED), ResourcesOrg(resources)
    staff, site = org.staff(), org.org.primary()
    assert staff.token
    writers = [Writer(staff.again(), random.Random(rng.random()), "w%d" % n)
               for n in range(WRITERS)]
    pushers = [Pusher(org.org.primary(), random.Random(rng.random()))
               for _ in range(SITES)]
    kept = [Reader(staff.again()) for _ in range(8)]
    largest = [Largest(staff.again()) for _ in range(4)]
    pages = [Pages(staff.again()) for _ in range(2)]
    matching = [Matching(staff.again())]
    run_all(writers + pushers, kept + largest + pages + matching)
    changes = sorted(itertools.chain(*[w.to_be_seen() for w in writers]))
    assert len({time for time, _ in changes}) == len(changes)
    for reader in kept + largest + pages:
        assert_missed_nothing(reader, changes)
    whole = {r["id"]: r for r in staff.records("things")}
    for reader in kept + largest + pages + matching:
        assert reader.have == whole
    expected = sorted([r["name"] for w in writers for r in w.live]
                      + [n for p in pushers for n in p.names.values()])
    assert sorted(r["name"] for r in whole.values()) == expected
    assert site.central_all()


def test_what_was_answered_is_in_the_next_answer_whoever_asks(resources):
    """Eight writers, each of which reads by another connection what it was
    told is stored, by its own last timestamp."""
    org = ResourcesOrg(resources)
    staff = org.staff()
    assert staff.token

    def writing(user, reader):
        def work():
            last = reader.sync("things").headers["X-Last-Sync"]
            made = user.created("things", name="n")
            for n in range(CHANGES):
                got, after = reader.pull("things", last)
                assert made in got
                assert made == object_of(reader.one("things", made["id"]))
                last = after
                made = user.updated("things", made, note=str(n))
        return work
    run_all([writing(staff.again(), staff.again()) for _ in range(8)], [])


class Ward:
    """What one doctor's program has of visits and people."""

    def __init__(self, user):
        self.readers = [Sighted(user, c) for c in ("people", "visits")]

    def step(self):
        for r in self.readers:
            r.step()


class Sighted(Reader):
    def __init__(self, user, collection):
        super().__init__(user)
        self.collection = collection

    def step(self):
        self.take(self.user.sync(self.collection, self.since, deleted=1))


class Flipper:
    """Gives visits of its own to doctors and people, over and over."""

    def __init__(self, user, rng, people):
        self.user, self.rng, self.people = user, rng, people
        self.visits = []

    def __call__(self):
        for _ in range(CHANGES):
            data = {"person_id": self.rng.choice(self.people),
                    "doctor_id": self.rng.choice(DOCTORS)}
            way = self.rng.random()
            if len(self.visits) < 2 or way < 0.2:
                self.visits.append(self.user.created("visits", **data)["id"])
            elif way < 0.9:
                object_of(self.user.patch(
                    "visits", self.rng.choice(self.visits), **data))
            else:
                self.user.deleted("visits", self.visits.pop(0))


def test_no_gain_or_loss_of_sight_is_missed_beside_writers(resources):
    """People come into a doctor's sight by one writer and leave it by
    another at the same time."""
    rng, org = random.Random(SEED), ResourcesOrg(resources)
    staff = org.staff()
    people = [staff.created("people", name=str(n))["id"] for n in range(6)]
    doctors = [org.user("doctor", d) for d in DOCTORS]
    wards = [Ward(d.again()) for d in doctors for _ in range(2)]
    writers = [Flipper(staff.again(), random.Random(rng.random()), people)
               for _ in range(8)]
    run_all(writers, wards)
    visits = staff.records("visits")
    for ward, doctor in zip(wards, [d for d in DOCTORS for _ in range(2)]):
        mine = {v["id"]: v for v in visits if v["doctor_id"] == doctor}
        seen = {v["person_id"] for v in mine.values()}
        have_people, have_visits = [r.have for r in ward.readers]
        assert have_visits == mine
        assert set(have_people) == seen
    org.cli.check()
