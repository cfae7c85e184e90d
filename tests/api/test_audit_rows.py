"""What the rows of the audit trail say: who did what to what, by every way
into the system."""

import pytest

from cli import json_lines
from events import EventsOrg, event, rule
from harness import Server
from resources import CONFIG, ResourcesOrg
from sites import DEADLINE_S, Site

import requests


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    s = Server(tmp_path_factory.mktemp("rows"), config=CONFIG)
    s.cli.init("main", "admin", "an-admin-password")
    s.start()
    yield s
    assert s.stop() == 0


class Trail:
    """The rows of an org that came since it was made."""

    def __init__(self, server, name):
        self.cli, self.args = server.cli, ["--org", name] if name else []
        self.seen = {r["id"] for r in self.all()}

    def all(self):
        rows = json_lines(self.cli.run("audit", "list", *self.args).stdout)
        return [r for r in rows if self.args or r["org"] == "(system)"]

    def new(self):
        """The newest last; sums apart, which come when they come."""
        rows = [r for r in self.all() if r["id"] not in self.seen and
                r["event_type"] != "access"]
        self.seen |= {r["id"] for r in rows}
        return rows[::-1]

    def one(self):
        rows = self.new()
        assert len(rows) == 1, rows
        return rows[0]

    def what(self):
        return [(r["event_type"], r["operation"], r["status"])
                for r in self.new()]


def test_what_sites_write(server):
    org = EventsOrg(server)
    site = org.site()
    trail = Trail(server, org.name)
    hardware = "hardware-of-" + site.name
    bound = site.like(msupply_site_uuid=hardware)
    bound.pushed(bound.invoice("x"))
    bind, push = trail.new()
    who = "site/%d" % site.number
    assert (bind["event_type"], bind["operation"]) == ("auth",
                                                       "bind_hardware")
    assert (push["event_type"], push["operation"], push["status"]) == (
        "sites", "push", "ok")
    for row in (bind, push):
        assert row["details"]["principal"] == who
        assert row["device_id"] == hardware and row["user_id"] is None
    assert push["details"]["accepted"] == 1
    bound.rejected(bound.record("item", "bad", {}))
    row = trail.one()
    assert (row["status"], row["details"]["rejected"]) == ("partial", 1)
    org.cli.quarantine("drop", org.name, everything=True)
    row = trail.one()
    assert (row["event_type"], row["operation"]) == ("admin",
                                                     "quarantine_drop")
    assert row["details"]["table"] == "item"
    assert row["details"]["record"] == "bad"
    assert row["details"]["site_id"] == site.number


def test_what_users_write(server):
    org = EventsOrg(server)
    trail = Trail(server, org.name)
    org.admin.posted(event())
    org.put_rules(rule("*", "x"))
    rows = trail.new()
    assert [(r["event_type"], r["operation"]) for r in rows] == [
        ("events", "post"), ("acl", "put")]
    assert {r["user_id"] for r in rows} == {org.admin.uuid}
    assert rows[0]["details"]["address"] == "127.0.0.1"


def test_what_is_done_to_resources(server):
    org = ResourcesOrg(server)
    user = org.staff()
    assert user.token
    trail = Trail(server, org.name)
    made = user.created("things", name="a")
    user.updated("things", made, note="x")
    assert user.update("things", made["id"], made["updated_at"],
                       note="y").status_code == 409
    user.deleted("things", made["id"])
    assert trail.what() == [
        ("resources", "create", "ok"), ("resources", "sync_update", "ok"),
        ("resources", "sync_update", "conflict"),
        ("resources", "delete", "ok")]


def test_what_is_done_to_devices(server):
    org = EventsOrg(server)
    trail = Trail(server, org.name)
    headers = {"Authorization": "Bearer " + org.admin.token}

    def post(path, body):
        r = requests.post(server.base + path, json=body, headers=headers,
                          timeout=DEADLINE_S)
        assert r.status_code == 200, r.text
    post("/sync/push", {"event_type": "t", "payload": 1, "device_id": "d1"})
    post("/device/register", {"device_id": "d2", "role": "till"})
    post("/sync/push", {"event_type": "t", "payload": 2, "device_id": "d1"})
    post("/sync/ack", {"device_id": "d2", "up_to": 2})
    rows = trail.new()
    assert [(r["event_type"], r["operation"], r["device_id"])
            for r in rows] == [
                ("devices", "push", "d1"), ("devices", "register", "d2"),
                ("devices", "push", "d1"), ("devices", "acknowledge", "d2")]
    assert {r["user_id"] for r in rows} == {org.admin.uuid}
    org.cli.run("device", "retire", "d2", "--org", org.name)
    row = trail.one()
    assert (row["operation"], row["device_id"]) == ("device_retire", "d2")


def test_what_commands_do(server):
    """The row has the command line; passwords are never in one."""
    trail = Trail(server, None)
    server.cli.org_add("by-command")
    row = trail.one()
    assert (row["event_type"], row["operation"], row["user_id"]) == (
        "admin", "org_add", None)
    assert row["details"] == {
        "principal": "cli", "command": ["org", "add", "by-command",
                                        "--title", "A title"]}
    server.cli.run("key", "rotate")
    rotated = trail.one()
    kids = json_lines(server.cli.run("key", "list").stdout)
    assert rotated["details"]["kid"] == kids[-1]["kid"]
    server.cli.run("key", "retire", kids[0]["kid"])
    retired = trail.one()
    assert (retired["operation"], retired["details"]["kid"]) == (
        "key_retire", kids[0]["kid"])


def test_sites_from_a_file_are_named_one_by_one(server, tmp_path):
    org = EventsOrg(server)
    trail = Trail(server, org.name)
    file = tmp_path / "sites.csv"
    file.write_text("name,id,org,stores\nf1,901,%s,s1\nf2,902,%s,\n" % (
        org.name, org.name))
    org.cli.store_add("s1", org.name)
    trail.new()
    org.cli.run("site", "add", "--from", file, "--passwords-to",
                tmp_path / "passwords.csv")
    rows = trail.new()
    assert [(r["operation"], r["details"]["site"]) for r in rows] == [
        ("site_add", "f1"), ("store_assign", "f1"), ("site_add", "f2")]
    assert rows[1]["details"]["store"] == "s1"


def test_refused_logins_are_counted(tmp_path):
    s = Server(tmp_path, config=CONFIG)
    s.cli.init("main", "admin", "an-admin-password")
    s.start()
    org = EventsOrg(s)
    assert org.admin.login(password="wrong-password").status_code == 401
    Site(s, "none", "wrong", 1).get("queued_records")
    r = requests.post(s.base + "/api/login", timeout=DEADLINE_S,
                      json={"username": "none", "password": "wrong"})
    assert r.status_code == 401
    r = requests.post(s.base + "/sync/push", timeout=DEADLINE_S, json={})
    assert r.status_code == 401
    assert s.stop() == 0
    sums = [x for row in json_lines(s.cli.run("audit", "list").stdout)
            for x in row["details"].get("sums", [])]
    refused = {x["operation"] for x in sums if x["status"] == 401}
    assert {"/auth/token", "/queued_records", "/api/login",
            "/sync/push"} <= refused
