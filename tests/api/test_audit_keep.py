"""The audit trail on the command line: read, verified against the seals in
the log, and what is dropped and erased from it."""

import hashlib
import json
import re
import shutil
import sqlite3

import pytest

from cli import Cli, json_lines
from harness import CONFIG, Server
from test_audit import audit_database, rows, tamper

DAY_US = 86400 * 10 ** 6
SYSTEM = 0


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """The data and the log of a stopped server with two orgs' rows."""
    s = Server(tmp_path_factory.mktemp("written"), config=CONFIG)
    s.cli.init("main", "admin", "an-admin-password")
    s.start()
    for org in (s.org(), s.org()):
        a, b = org.site(), org.site()
        a = a.like(msupply_site_uuid="hardware-" + org.name)
        for i in range(6):
            a.pushed(a.invoice("x%d" % i, b.store))
        b.drain()
    assert s.stop() == 0
    return s


class Trail:
    """A copy of it, to read and to tamper with."""

    def __init__(self, written, folder):
        self.data, self.log = folder / "data", folder / "log.jsonl"
        self.config = folder / "tombolo.yaml"
        shutil.copytree(written.data, self.data)
        shutil.copy(written.log_path, self.log)
        shutil.copy(written.config, self.config)
        self.cli = Cli(self.data, self.config)

    def keep_days(self, days):
        self.config.write_text("audit_keep_days: %d\n" % days + CONFIG)

    def list(self, *args):
        return json_lines(self.cli.run("audit", "list", *args).stdout)

    def verify(self, *args):
        return self.cli.run("audit", "verify", *args, check=False)

    def assert_whole(self):
        self.cli.run("audit", "verify")
        self.cli.check()

    def seals(self):
        return self.verify("--seals", self.log)

    def age(self, us, last=10 ** 9):
        """Make the rows up to `last` so much older, in chains that verify as
        if they had been written so."""
        db = sqlite3.connect(audit_database(self.data))
        for org, in db.execute("select id from org").fetchall():
            age_chain(db, org, us, last)
        db.commit()
        db.close()


def age_chain(db, org, us, last):
    before = bytes(32)
    for n, row in db.execute("select n, row from audit where org = ? "
                             "order by n", (org,)).fetchall():
        if n <= last:
            row = re.sub(rb'("time_us":)(\d+)', lambda m: m[1] + b"%d" % (
                int(m[2]) - us), row)
        before = hashlib.sha256(before + row).digest()
        db.execute("update audit set row = ?, hash = ? where org = ? and "
                   "n = ?", (row, before, org, n))
    db.execute("update org set audit_hash = ?, audit_us = audit_us - ? "
               "where id = ?", (before, us, org))


@pytest.fixture
def trail(written, tmp_path):
    return Trail(written, tmp_path)


# ---- list ----

def test_rows_are_listed_newest_first(trail):
    listed = trail.list("--org", "org1")
    assert [r["id"] for r in listed] == list(range(len(listed), 0, -1))
    assert all(r["org"] == "org1" for r in listed)
    assert len(trail.list()) == rows(trail.data)
    pushes = [r for r in listed if r["operation"] == "push"]
    assert len(pushes) == 6
    assert all(r["event_type"] == "sites" and r["status"] == "ok" and
               r["user_id"] is None and r["details"]["request_id"] and
               r["details"]["principal"].startswith("site/") for r in pushes)


def test_rows_are_listed_by_what_they_are(trail):
    everything = trail.list("--org", "org1")
    for kind in {r["event_type"] for r in everything} | {"none"}:
        assert trail.list("--org", "org1", "--event-type", kind) == [
            r for r in everything if r["event_type"] == kind]
    assert trail.list("--org", "org1", "--limit", 3) == everything[:3]
    middle = everything[len(everything) // 2]["timestamp"]
    assert trail.list("--org", "org1", "--since", middle) == [
        r for r in everything if r["timestamp"] >= middle]
    assert trail.list("--org", "org1", "--until", middle) == [
        r for r in everything if r["timestamp"] <= middle]
    day = middle[:10]
    assert trail.list("--org", "org1", "--since", day, "--until", day) == [
        r for r in everything if r["timestamp"][:10] == day]


def test_rows_are_listed_by_device(trail):
    listed = trail.list("--device", "hardware-org1")
    assert listed == [r for r in trail.list("--org", "org1")
                      if r["device_id"] == "hardware-org1"]
    assert len(listed) >= 6
    assert trail.list("--device", "hardware") == []


@pytest.mark.parametrize("args", [
    ["list", "--since", "yesterday"], ["list", "--limit", "x"],
    ["erase"], ["erase", "--before", "x"], ["drop"],
    ["drop", "--before", "31.12.2024"]])
def test_a_wrong_command_line_is_refused(trail, args):
    before = rows(trail.data), rows(trail.data, "detail")
    assert trail.cli.run("audit", *args, check=False).returncode == 2
    assert before == (rows(trail.data), rows(trail.data, "detail"))


def test_an_org_that_is_not_there_is_said_so(trail):
    for args in (["list"], ["verify"], ["erase", "--before", "2030-01-01"]):
        done = trail.cli.run("audit", *args, "--org", "none", check=False)
        assert done.returncode != 0 and "none" in done.stderr


# ---- seals ----

def test_sealed_heads_are_rows_of_the_chains(trail):
    done = trail.seals()
    assert done.returncode == 0, done.stderr
    assert re.search(r"seals: [1-9]\d* rows are as they were sealed, 0 were "
                     "dropped", done.stdout)
    heads = [x for x in map(json.loads, trail.log.read_text().splitlines())
             if x["message"] == "audit head"]
    assert {x["org"] for x in heads} == {"(system)", "main", "org1", "org2"}


def test_a_chain_made_anew_is_found_by_its_seals(trail):
    trail.age(1)
    trail.assert_whole()
    done = trail.seals()
    assert done.returncode == 7
    assert "it is another one than was sealed" in done.stderr
    assert "org1" in done.stderr


def test_a_chain_cut_at_its_end_is_found_by_its_seals(trail):
    def cut(db):
        last = db.execute("select max(n) from audit where org = 2").fetchone()
        hash_, = db.execute("select quote(hash) from audit where org = 2 and "
                            "n = %d" % (last[0] - 1)).fetchone()
        yield "delete from audit where org = 2 and n = %d" % last
        yield "update org set audit_n = audit_n - 1, audit_hash = %s " \
            "where id = 2" % hash_
    tamper(trail.data, cut)
    trail.assert_whole()
    done = trail.seals()
    assert done.returncode == 7 and "it is not there" in done.stderr


def test_a_seal_that_was_not_made_with_the_key_is_found(trail):
    text = trail.log.read_text()
    seal = re.search('"seal":"([0-9a-f]{64})"', text)[1]
    trail.log.write_text(text.replace(seal, seal[::-1]))
    done = trail.seals()
    assert done.returncode == 7 and "key" in done.stderr


def test_other_lines_of_a_log_are_passed_over(trail):
    sealed = trail.seals().stdout
    text = trail.log.read_text()
    trail.log.write_text('\nno JSON\n{"message":"x"}\n' + "x" * 9999 + "\n" +
                         text + '{"message":"audit head","org":"ma')
    done = trail.seals()
    assert done.returncode == 0 and done.stdout == sealed


# ---- dropping ----

def test_dropping_leaves_chains_that_verify(trail):
    before = trail.list("--org", "org1")
    trail.age(40 * DAY_US, last=5)
    trail.keep_days(30)
    trail.cli.run("audit", "drop")
    after = trail.list("--org", "org1")
    assert [r["id"] for r in after] == list(range(len(before) + 1, 5, -1))
    said = after[0]
    assert (said["event_type"], said["operation"]) == ("audit", "drop")
    assert said["details"]["principal"] == "cli"
    assert said["details"]["up_to"] == 5
    trail.assert_whole()
    assert "the first 5 were dropped" in trail.verify().stdout
    trail.cli.run("audit", "drop")
    assert trail.list("--org", "org1") == after


def test_dropping_of_one_org_leaves_the_others(trail):
    others = trail.list("--org", "org2")
    trail.cli.run("audit", "drop", "--before", "2999-01-01", "--org", "org1")
    assert [r["operation"] for r in trail.list("--org", "org1")] == ["drop"]
    assert trail.list("--org", "org2") == others
    trail.assert_whole()


def test_a_server_goes_on_from_what_was_kept(trail, tmp_path):
    for name in ("more", "and-more"):
        trail.cli.run("audit", "drop", "--before", "2999-01-01")
        s = Server(tmp_path, config=CONFIG)
        s.start()
        s.cli.org_add(name)
        assert s.stop() == 0
        trail.assert_whole()
    # What was sealed first is older than what is kept.
    done = trail.seals()
    assert done.returncode == 0
    assert re.search(" [1-9][0-9]* were dropped", done.stdout)


@pytest.mark.parametrize("count", [1, 3])
def test_rows_cut_off_the_beginning_by_force_are_found(trail, count):
    tamper(trail.data, lambda db: ["delete from audit where org = 2 and n <= "
                                   "%d" % count])
    done = trail.verify()
    assert done.returncode == 7 and "a row is missing" in done.stderr


def test_rows_cut_off_behind_a_drop_are_found(trail):
    trail.age(40 * DAY_US, last=5)
    trail.cli.run("audit", "drop", "--before", "2024-01-01")
    trail.keep_days(30)
    trail.cli.run("audit", "drop")
    trail.assert_whole()
    tamper(trail.data, lambda db: ["delete from audit where org = 2 and n = "
                                   "6"])
    assert "a row is missing" in trail.verify().stderr


def test_rows_before_a_damaged_one_are_dropped_and_no_more(trail):
    trail.age(40 * DAY_US)
    tamper(trail.data, lambda db: ["update audit set hash = zeroblob(32) "
                                   "where org = 2 and n = 4"])
    done = trail.cli.run("audit", "drop", "--before", "2999-01-01",
                         check=False)
    assert done.returncode == 7
    assert trail.list("--org", "org1")[-1]["id"] == 1
    assert [r["operation"] for r in trail.list("--org", "org2")] == ["drop"]


# ---- erasing ----

def test_erasing_leaves_chains_that_verify(trail):
    before = trail.list("--org", "org1")
    trail.age(40 * DAY_US, last=5)
    trail.cli.run("audit", "erase", "--before", before[0]["timestamp"][:10],
                  "--org", "org1")
    after = trail.list("--org", "org1")
    assert [r["id"] for r in after if r["details"] is None] == [
        5, 4, 3, 2, 1]
    assert all(r["device_id"] is None for r in after[-5:])
    assert (after[0]["event_type"], after[0]["operation"],
            after[0]["details"]["up_to"]) == ("audit", "erase", 5)
    trail.assert_whole()
    assert "5 of them without details" in trail.verify(
        "--org", "org1").stdout
    assert trail.seals().returncode == 7  # because it was aged


def test_what_was_erased_is_in_no_file(trail):
    request = trail.list("--org", "org1", "--event-type", "sites")[0][
        "details"]["request_id"].encode()
    kept = audit_database(trail.data)
    assert request in kept.read_bytes()
    trail.cli.run("audit", "erase", "--before", "2999-01-01")
    assert not any(request in p.read_bytes()
                   for p in trail.data.rglob("*") if p.is_file())
    trail.assert_whole()
    assert trail.seals().returncode == 0
