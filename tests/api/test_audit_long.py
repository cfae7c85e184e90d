"""A long audit trail over HTTP: pieces, ceilings, and what is damaged."""

import hashlib
import json
import sqlite3

import pytest
import requests

from events import EventsOrg, rule
from harness import CONFIG, Server
from sites import DEADLINE_S
from test_audit import audit_database

ROWS = 20000
SCAN_MAX = 5000
SALT = bytes(16)


def add_rows(data, name, count):
    """Append rows to an org's chain as its server would have."""
    db = sqlite3.connect(audit_database(data))
    org, n, before, us = db.execute(
        "select id, audit_n, audit_hash, audit_us from org where name = ?",
        (name,)).fetchone()
    rows = []
    for n in range(n + 1, n + 1 + count):
        detail = SALT + b'{"device":"d%d"}' % (n % 2)
        us += 1000
        row = b'{"n":%d,"time_us":%d,"event_type":"%s","operation":"push",' \
            b'"status":"ok","principal":"site/1","detail":"%s"}' % (
                n, us, b"long" if n % 10 else b"tenth",
                hashlib.sha256(detail).hexdigest().encode())
        before = hashlib.sha256(before + row).digest()
        rows.append(((org << 40) + n, row, before, detail))
    db.executemany("insert into audit values (?, ?, ?, ?)", rows)
    db.execute("update org set audit_n = ?, audit_hash = ?, audit_us = ? "
               "where id = ?", (n, before, us, org))
    db.commit()
    db.close()


class Admin:
    def __init__(self, org):
        self.server = org.server
        self.headers = {"Authorization": "Bearer " + org.admin.token}

    def get(self, path="", **params):
        r = requests.get(self.server.base + "/sync/audit-logs" + path,
                         params=params, headers=self.headers,
                         timeout=DEADLINE_S)
        assert r.status_code == 200, r.text
        return r

    def logs(self, **params):
        return self.get(**params).json()


@pytest.fixture(scope="module")
def long(tmp_path_factory):
    """(org, admin) of a chain that takes several pieces to look at."""
    s = Server(tmp_path_factory.mktemp("long"), config=CONFIG +
               "devices:\n  audit_scan_max: %d\n" % SCAN_MAX)
    s.cli.init("main", "admin", "an-admin-password")
    s.start()
    org = EventsOrg(s)
    admin = Admin(org)
    assert s.stop() == 0
    add_rows(s.data, org.name, ROWS)
    s.cli.audit_verify()
    s.start()
    yield org, admin
    assert s.stop() == 0


def test_a_long_chain_is_verified(long):
    """Spaces keep the connection alive until the verdict is there."""
    _, admin = long
    r = admin.get("/verify")
    assert r.text.startswith(" ") and r.text.lstrip(" ").startswith("{")
    body = r.json()
    assert body["valid"] is True and body["rows"] >= ROWS
    assert "Content-Length" not in r.headers


def test_only_so_many_rows_are_looked_at(long):
    _, admin = long
    last = admin.logs(limit=1)["logs"][0]["id"]
    body = admin.logs(event_type="tenth", limit=1000)
    assert body["complete"] is False
    assert body["total"] == len(body["logs"]) == len(
        [n for n in range(last - SCAN_MAX + 1, last + 1) if n % 10 == 0])
    assert min(r["id"] for r in body["logs"]) > last - SCAN_MAX
    # From there on the dates lead.
    oldest = body["logs"][-1]["timestamp"]
    more = admin.logs(event_type="tenth", end_date=oldest, limit=2)
    assert [r["id"] for r in more["logs"]] == [
        body["logs"][-1]["id"], body["logs"][-1]["id"] - 10]


def test_what_is_not_filtered_is_counted_whole(long):
    _, admin = long
    body = admin.logs(limit=1000, offset=ROWS // 2)
    assert "complete" not in body and body["total"] >= ROWS
    assert len(body["logs"]) == 1000


def test_long_details_come_in_pieces(long):
    org, admin = long
    for i in range(4):
        org.put_rules(*[rule("*", "rule-%d-%d" % (i, j))
                        for j in range(2000)])
    r = admin.get(event_type="acl", limit=1000)
    assert "Content-Length" not in r.headers
    logs = r.json()["logs"]
    assert len(logs) == 4 and r.json()["total"] == 4
    assert "rule-3-1999" in json.dumps(logs[0]["details"])
    assert "rule-3-0" not in json.dumps(logs[3]["details"])


def test_damaged_rows_are_shown_and_hide_no_others(tmp_path):
    s = Server(tmp_path, config=CONFIG)
    s.cli.init("main", "admin", "an-admin-password")
    s.start()
    org = EventsOrg(s)
    admin = Admin(org)
    assert s.stop() == 0
    add_rows(s.data, org.name, 10)
    db = sqlite3.connect(audit_database(s.data))
    number, last = db.execute("select id, audit_n from org where name = ?",
                              (org.name,)).fetchone()
    for column, n in (("row", last - 2), ("detail", last - 4)):
        db.execute("update audit set %s = x'00' where org = ? and n = ?"
                   % column, (number, n))
    db.commit()
    db.close()
    s.start()
    body = admin.logs(limit=10)
    assert [r["id"] for r in body["logs"]] == list(
        range(last, last - 10, -1))
    for i in (2, 4):
        row = body["logs"][i]
        assert row["status"] == "damaged"
        assert row["details"] is row["timestamp"] is row["event_type"] is None
    damaged = {last - 2, last - 4}
    assert [r["id"] for r in admin.logs(event_type="long")["logs"]] == [
        n for n in range(last, last - 10, -1) if n % 10 and n not in damaged]
    verdict = admin.get("/verify").json()
    assert verdict["valid"] is False
    assert verdict["first_bad"] == last - 4
    assert verdict["problem"] == "a row's detail was changed"
    assert s.stop() == 0
