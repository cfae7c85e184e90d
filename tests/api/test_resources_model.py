"""Fifty principals follow random changes, made here and by a site; what each
has, piece by piece and in whole, is what a naive model says it sees.

TB_SEED says what happens (1), TB_STEPS how many changes there are (600).
"""

import itertools
import os
import random

import pytest

from resources import (OLD, ResourcesOrg, by_id, ids_of, micros, object_of,
                       records_of, time_of)
from resources_model import MEMBERS, Model

SEED = int(os.environ.get("TB_SEED", "1"))
STEPS = int(os.environ.get("TB_STEPS", "600"))
DOCTORS = range(100, 120)
PATIENTS = 25
LOOK_EVERY = 8
LOOKERS = 3
STATES = ["PENDING", "CONFIRMED", "DONE"]

pytestmark = pytest.mark.slow


class Principal:
    """One user, what its program has, and how it asks."""

    def __init__(self, user, who, way):
        self.user, self.who, self.way = user, who, way
        self.have = {"people": {}, "visits": {}}
        self.last = {"people": None, "visits": None}
        self.ever = {"people": set(), "visits": set()}

    def follow(self, collection):
        """What changed since the last time."""
        since, have = self.last[collection], self.have[collection]
        for r in self.answers(collection, since):
            for record in records_of(r):
                if "deleted" in record:
                    have.pop(record["id"], None)
                    assert record["id"] in self.ever[collection], \
                        "a tombstone of what was never seen"
                else:
                    have[record["id"]] = record
                if self.way == "largest":
                    self.note_largest(collection, time_of(record))
            if self.way != "largest":
                self.last[collection] = r.headers["X-Last-Sync"]

    def answers(self, collection, since):
        if self.way == "pages":
            return self.user.pages(collection, 3, since, deleted=1)
        return [self.user.sync(collection, since, deleted=1)]

    def note_largest(self, collection, time):
        self.last[collection] = max(self.last[collection] or OLD, time,
                                    key=micros)


def told(record, collection):
    return {k: record[k] for k in MEMBERS[collection]}


class World:
    """The org, its principals, and the model of what is stored."""

    def __init__(self, server, rng):
        self.rng, self.model = rng, Model()
        self.org = ResourcesOrg(server)
        self.site = self.org.site()
        self.staff, self.names = self.org.staff(), itertools.count(1)
        self.record_ids = {"people": {}, "visits": {}}
        self.step = 0
        for _ in range(PATIENTS):
            self.new_person()
        self.principals = self.make_principals()
        for p in self.principals:
            self.remember(p)

    def make_principals(self):
        kinds = [("admin", None), ("staff", None), ("staff", None),
                 ("nurse", None), ("doctor", None)]
        kinds += [("doctor", d) for d in DOCTORS]
        kinds += [("patient", n) for n in list(
            self.model.live["people"])[:PATIENTS]]
        made = []
        for n, (role, profile) in enumerate(kinds):
            user = self.org.admin if role == "admin" else self.org.user(
                role, profile)
            way = ("timestamp", "pages", "largest")[n % 3]
            made.append(Principal(user, (role, profile), way))
        return made

    def remember(self, p):
        for collection in p.ever:
            p.ever[collection] |= set(self.model.seen_by(p.who, collection))

    def changed(self, *touched):
        """Who sees what was touched has seen it, even if only for now."""
        for collection, number in touched:
            for p in self.principals:
                if self.model.sees(p.who, collection, number):
                    p.ever[collection].add(number)

    # --- changes made here ---

    def new_person(self):
        name = "name %d" % next(self.names)
        made = self.staff.created("people", name=name)
        self.model.live["people"][made["id"]] = {"name": name, "phone": None}
        return made["id"]

    def new_visit(self):
        data = self.visit_data()
        made = self.staff.created("visits", **data)
        self.model.live["visits"][made["id"]] = data
        return [("visits", made["id"])]

    def visit_data(self):
        people = list(self.model.live["people"])
        return {"person_id": self.rng.choice(people + [None]),
                "doctor_id": self.rng.choice(list(DOCTORS) + [None]),
                "status": self.rng.choice(STATES),
                "symptoms": "text %d" % next(self.names)}

    def create_person(self):
        return [("people", self.new_person())]

    def pick(self, collection):
        live = list(self.model.live[collection])
        return self.rng.choice(live) if live else None

    def patch_visit(self):
        """By a writer: another doctor, another person, another state."""
        number = self.pick("visits")
        if number is None:
            return []
        data = self.visit_data()
        fields = self.rng.sample(list(data), self.rng.randint(1, 3))
        change = {k: data[k] for k in fields}
        object_of(self.staff.patch("visits", number, **change))
        self.model.live["visits"][number].update(change)
        return [("visits", number)]

    def update_visit(self):
        """By whoever sees it, through sync_update."""
        number = self.pick("visits")
        if number is None:
            return []
        p = self.rng.choice([p for p in self.principals if self.model.sees(
            p.who, "visits", number)])
        seen = object_of(p.user.one("visits", number))
        change = {"status": self.rng.choice(STATES),
                  "symptoms": "text %d" % next(self.names)}
        p.user.updated("visits", seen, **change)
        self.model.live["visits"][number].update(change)
        return [("visits", number)]

    def update_person(self):
        number = self.pick("people")
        p = self.rng.choice([p for p in self.principals if self.model.sees(
            p.who, "people", number)])
        phone = str(next(self.names))
        p.user.updated("people", object_of(p.user.one("people", number)),
                       phone=phone)
        self.model.live["people"][number]["phone"] = phone
        return [("people", number)]

    def delete_visit(self):
        number = self.pick("visits")
        if number is None:
            return []
        touched = self.model.touched_by("visits", number)
        self.staff.deleted("visits", number)
        del self.model.live["visits"][number]
        return touched

    def delete_person(self):
        """With its visits before it, so that nothing refers to it."""
        number = self.pick("people")
        for visit in self.model.visits_of(number):
            self.staff.deleted("visits", visit)
            del self.model.live["visits"][visit]
        self.staff.deleted("people", number)
        del self.model.live["people"][number]
        return []

    # --- changes pushed by a site ---

    def push_new(self):
        """People and visits together, children first as often as not."""
        name = "name %d" % next(self.names)
        key = "p-%d" % next(self.names)
        visit = {**self.visit_data(), "person_id": None}
        rows = [self.row("people", key, {"name": name, "phone": None}),
                self.row("visits", "v-" + key, {**visit,
                                                "person_id": key})]
        self.rng.shuffle(rows)
        self.site.pushed(*rows)
        person = self.learn("people", key, "name", name)
        number = self.learn("visits", "v-" + key, "symptoms",
                            visit["symptoms"])
        self.model.live["people"][person] = {"name": name, "phone": None}
        self.model.live["visits"][number] = {**visit, "person_id": person}
        return [("people", person), ("visits", number)]

    def row(self, table, key, data, action="insert"):
        return self.site.record(table, key, {
            "store_id": self.site.store, **data}, action)

    def learn(self, collection, key, member, value):
        """The integer that a pushed record got."""
        found, = [r["id"] for r in self.staff.records(collection)
                  if r[member] == value]
        self.record_ids[collection][found] = key
        return found

    def pushed_one(self, collection):
        return self.rng.choice([n for n in self.record_ids[collection]
                                if n in self.model.live[collection]]
                               or [None])

    def push_change(self):
        """A visit of the site's as the site has it, changed; it has taken
        what was changed here before."""
        number = self.pushed_one("visits")
        if number is None:
            return []
        self.site.drain()
        data = self.model.live["visits"][number]
        touched = self.model.touched_by("visits", number)
        own = [n for n in self.record_ids["people"]
               if n in self.model.live["people"]] + [None]
        data.update({"doctor_id": self.rng.choice(list(DOCTORS)),
                     "person_id": self.rng.choice(own)})
        key = self.record_ids["visits"][number]
        person = self.record_ids["people"].get(data["person_id"])
        self.site.pushed(self.row("visits", key,
                                  {**data, "person_id": person}, "update"))
        return touched | self.model.touched_by("visits", number)

    def push_delete(self):
        number = self.pushed_one("visits")
        if number is None:
            return []
        self.site.drain()
        self.site.pushed(self.row("visits", self.record_ids["visits"][number],
                                  {}, "delete"))
        del self.model.live["visits"][number]
        return []

    # --- looking ---

    def change(self):
        ways = [self.new_visit] * 5 + [self.patch_visit] * 8 + [
            self.update_visit] * 4 + [self.update_person] * 2 + [
            self.delete_visit] * 2 + [self.push_new] * 3 + [
            self.push_change] * 4 + [self.create_person, self.delete_person,
                                     self.push_delete]
        self.step += 1
        self.changed(*itertools.chain(*[
            self.model.touched_by(*t) for t in self.rng.choice(ways)()]))

    def check(self, p):
        for collection in ("people", "visits"):
            expected = self.model.seen_by(p.who, collection)
            p.follow(collection)
            whole = by_id(p.user.records(collection))
            at = "%r, step %d, seed %d" % (p.who, self.step, SEED)
            assert {n: told(r, collection)
                    for n, r in whole.items()} == expected, at
            assert p.have[collection] == whole, at

    def check_one_by_one(self, p):
        """What is not in the list is not to be had by its id either."""
        for collection in ("people", "visits"):
            expected = self.model.seen_by(p.who, collection)
            number = self.pick(collection)
            if number is not None:
                r = p.user.one(collection, number)
                assert r.status_code == (200 if number in expected else 404)


def test_fifty_principals_have_what_the_model_says(resources):
    print("replay with TB_SEED=%d TB_STEPS=%d" % (SEED, STEPS))
    rng = random.Random(SEED)
    world = World(resources, rng)
    assert len(world.principals) == 50
    for p in world.principals:
        world.check(p)
    while world.step < STEPS:
        world.change()
        if world.step % LOOK_EVERY == 0:
            for p in rng.sample(world.principals, LOOKERS):
                world.check(p)
            world.check_one_by_one(p)
    for p in world.principals:
        world.check(p)
    assert ids_of(world.staff.records("people")) == sorted(
        world.model.live["people"])
    world.org.cli.check()
