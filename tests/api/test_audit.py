"""The audit trail: a row for each write request, and no way to alter it."""

import collections
import json
import pathlib
import shutil
import sqlite3

import pytest

from cli import Cli
from events import EventsOrg, event
from harness import CONFIG, Server, Site


def databases(data):
    """The SQLite files of a data folder."""
    found = []
    for path in pathlib.Path(data).rglob("*"):
        if path.is_file():
            with open(path, "rb") as f:
                if f.read(15) == b"SQLite format 3":
                    found.append(path)
    return found


def audit_database(data):
    for path in databases(data):
        with sqlite3.connect(path) as db:
            names = {r[0] for r in db.execute(
                "select name from sqlite_master where type = 'table'")}
        if "audit" in names:
            return path
    raise AssertionError("no audit trail in %s" % data)


def rows(data, column="*"):
    """How many there are, or how many have this column."""
    db = sqlite3.connect("file:%s?mode=ro" % audit_database(data), uri=True)
    try:
        return db.execute("select count(%s) from audit" % column).fetchone()[0]
    finally:
        db.close()


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """The data of a stopped server that has seen writes of every kind."""
    folder = tmp_path_factory.mktemp("written")
    s = Server(folder, config=CONFIG)
    s.cli.init("main", "admin", "an-admin-password")
    s.start()
    org = s.org()
    a, b = org.site(), org.site()
    for i in range(12):
        a.pushed(a.invoice("x%d" % i, b.store, secret="shred-%d" % i))
    a.rejected(a.record("item", "bad", {}))
    b.drain()
    Site(s, "nobody", "wrong", 1).get("queued_records")
    assert s.stop() == 0
    s.cli.audit_verify()
    return s


SALT_BYTES = 16

# Reads and failures are added up for each principal and minute, so that a
# few rows of theirs may stand among those of the writes.
SUMMARIES_MAX = 8


def test_there_is_one_row_for_each_write_request(server, org):
    a, b = org.site(), org.site()
    a.pull()
    before = rows(server.data)
    for i in range(40):
        a.pushed(*[a.invoice("x%d-%d" % (i, j), b.store) for j in range(5)])
    added = rows(server.data) - before
    assert 40 <= added <= 40 + SUMMARIES_MAX


def test_acknowledgements_are_writes_too(server, org):
    a, b = org.site(), org.site()
    a.pushed(*[a.invoice("x%d" % i, b.store) for i in range(30)])
    b.pull()
    before = rows(server.data)
    for i in range(30):
        assert b.ack(["x%d" % i]) == 1
    assert 30 <= rows(server.data) - before <= 30 + SUMMARIES_MAX


def test_reads_are_added_up(server, org):
    a = org.site()
    a.pull()
    before = rows(server.data)
    for _ in range(60):
        a.pull()
        a.central()
    assert rows(server.data) - before <= SUMMARIES_MAX


def test_failures_are_added_up(server, org):
    a = org.site()
    before = rows(server.data)
    for _ in range(60):
        assert a.get("queued_records", {"limit": "x"}).status_code == 400
    assert rows(server.data) - before <= SUMMARIES_MAX


def sums(data):
    """The requests that were added up: {(principal, route, status): count}."""
    db = sqlite3.connect("file:%s?mode=ro" % audit_database(data), uri=True)
    try:
        details = [bytes(r[0]) for r in db.execute(
            "select detail from audit")]
    finally:
        db.close()
    added = collections.Counter()
    for detail in details:
        for s in json.loads(detail[SALT_BYTES:]).get("sums", []):
            added[s["principal"], s["operation"], s["status"]] += s["count"]
    return added


def test_logins_good_and_bad_are_added_up(tmp_path):
    s = Server(tmp_path, config=CONFIG)
    s.cli.init("main", "admin", "an-admin-password")
    s.start()
    user = EventsOrg(s).user()
    site = s.org().site()
    for _ in range(3):
        assert user.login().status_code == 200
    for password in ("wrong-password", "wrong-too"):
        assert user.login(password=password).status_code == 401
    assert site.post("auth").status_code == 200
    assert s.stop() == 0
    added = sums(s.data)
    assert added["user/" + user.uuid, "/auth/token", 200] == 3
    assert added["", "/auth/token", 401] == 2
    assert added["site/%d" % site.number, "/auth", 200] == 1
    assert not any(b"wrong-password" in p.read_bytes()
                   for p in pathlib.Path(s.data).rglob("*") if p.is_file())
    s.cli.audit_verify()


def test_a_post_that_changes_nothing_is_added_up(tmp_path):
    """It reads the history, or nothing; a row of its own is for a change."""
    s = Server(tmp_path, config=CONFIG)
    s.cli.init("main", "admin", "an-admin-password")
    s.start()
    user = EventsOrg(s).user()
    site = s.org().site()
    site.pull()  # the first call binds the site's hardware
    first = event()
    before = rows(s.data)
    user.posted(first)
    site.pushed(site.invoice("x"))
    assert rows(s.data) - before == 2
    for body in ([first], [], None):
        assert len(user.post(body).json()) == 1
    assert site.ack([]) == 0
    assert site.push().status_code == 200
    assert s.stop() == 0
    added = sums(s.data)
    name = "site/%d" % site.number
    assert added["user/" + user.uuid, "/events", 200] == 3
    assert added[name, "/acknowledge_records", 200] == 1
    assert added[name, "/queued_records", 200] == 2  # and the pull
    s.cli.audit_verify()


def test_the_row_is_in_the_writes_commit(tmp_path):
    """After kill -9 every answered push has its row."""
    s = Server(tmp_path, config=CONFIG)
    s.cli.init("main", "admin", "an-admin-password")
    s.start()
    a = s.org().site()
    before = rows(s.data)
    for i in range(25):
        a.pushed(a.invoice("x%d" % i))
    s.kill()
    assert rows(s.data) - before >= 25
    s.cli.audit_verify()


def test_verify_passes_while_the_server_runs(server, org):
    a = org.site()
    for i in range(5):
        a.pushed(a.invoice("x%d" % i))
        org.cli.audit_verify()


def test_verify_passes_after_restarts(server, org):
    a = org.site()
    for i, hard in enumerate((True, False, True)):
        a.pushed(a.invoice("x%d" % i))
        server.restart(hard)
    a.pushed(a.invoice("last"))
    org.cli.audit_verify()


@pytest.fixture
def copy(written, tmp_path):
    """A copy to tamper with, and its command line."""
    data = tmp_path / "data"
    shutil.copytree(written.data, data)
    cli = Cli(data, written.config)
    cli.audit_verify()
    return data, cli


def columns(db, table):
    return [r[1] for r in db.execute("pragma table_info(%s)" % table)]


def place(db, table, offset=None):
    """The condition that names one row by its key; the middle one's, or
    the one so far from the end."""
    keyed = [r[1] for r in db.execute("pragma table_info(%s)" % table)
             if r[5]]
    count = db.execute("select count(*) from " + table).fetchone()[0]
    values = db.execute("select %s from %s order by %s limit 1 offset ?" % (
        ", ".join("quote(%s)" % k for k in keyed), table, ", ".join(keyed)),
        (count // 2 if offset is None else count - 1 - offset,)).fetchone()
    return " and ".join("%s = %s" % p for p in zip(keyed, values))


def tamper(data, change):
    """Let `change(db)` give the statements, and write them to the file."""
    db = sqlite3.connect(audit_database(data))
    for text in change(db):
        assert db.execute(text).rowcount > 0, text
    db.commit()
    db.execute("pragma wal_checkpoint(truncate)")
    db.close()


def altered(db, table, column):
    """A value other than the one in the middle row, as SQL."""
    value = db.execute("select %s from %s where %s" % (
        column, table, place(db, table))).fetchone()[0]
    if isinstance(value, bytes):
        return "x'%02x%s'" % (value[0] ^ 1, value[1:].hex())
    if isinstance(value, str):
        return "'y'" if value[:1] == "x" else "'x'"
    return str((value or 0) + 1)


def alteration(table, column):
    def change(db):
        yield "update or replace %s set %s = %s where %s" % (
            table, column, altered(db, table, column), place(db, table))
    return change


@pytest.mark.parametrize("column", ["id", "row", "hash", "detail"])
def test_an_altered_value_is_found(copy, column):
    data, cli = copy
    tamper(data, alteration("audit", column))
    assert cli.audit_verify(check=False).returncode != 0


def test_these_are_all_the_trails_columns(written):
    """Another column would want its own case above."""
    with sqlite3.connect(audit_database(written.data)) as db:
        assert columns(db, "audit") == ["id", "row", "hash", "detail"]
    db.close()


def test_a_row_taken_out_of_the_middle_is_found(copy):
    data, cli = copy
    tamper(data, lambda db: ["delete from audit where "
                             + place(db, "audit")])
    assert cli.audit_verify(check=False).returncode != 0


def test_rows_cut_off_the_end_are_found(copy):
    data, cli = copy
    tamper(data, lambda db: ["delete from audit where " + place(
        db, "audit", i) for i in range(3)])
    assert cli.audit_verify(check=False).returncode != 0


def test_a_row_put_at_the_end_again_is_found(copy):
    """A row that was right once is wrong anywhere else."""
    data, cli = copy

    def change(db):
        names = ", ".join(n for n in columns(db, "audit") if n != "id")
        yield ("insert into audit (id, %s) select (select max(id) + 1 from "
               "audit b where b.org = a.org), %s from audit a where %s" % (
                   names, names, place(db, "audit", 2)))
    tamper(data, change)
    assert cli.audit_verify(check=False).returncode != 0


def test_a_trail_emptied_whole_is_found(copy):
    data, cli = copy
    tamper(data, lambda db: ["delete from audit"])
    assert cli.audit_verify(check=False).returncode != 0


@pytest.mark.parametrize("names", [
    ["row", "hash", "detail"], ["row", "hash"], ["detail"]])
def test_two_rows_exchanged_are_found(copy, names):
    data, cli = copy

    def change(db):
        one, two = place(db, "audit", 4), place(db, "audit", 5)
        for name in names:
            a, b = (db.execute("select quote(%s) from audit where %s" % (
                name, p)).fetchone()[0] for p in (one, two))
            yield "update audit set %s = %s where %s" % (name, b, one)
            yield "update audit set %s = %s where %s" % (name, a, two)
    tamper(data, change)
    assert cli.audit_verify(check=False).returncode != 0


def test_the_details_may_be_erased_without_breaking_the_chain(copy):
    """Rows hash a salted digest of their details, kept apart so that they
    can be erased."""
    data, cli = copy
    tamper(data, lambda db: ["update audit set detail = null where "
                             + place(db, "audit")])
    cli.audit_verify()


def test_the_trail_holds_no_record_contents(written):
    for path in databases(written.data):
        db = sqlite3.connect("file:%s?mode=ro" % path, uri=True)
        names = {r[0] for r in db.execute(
            "select name from sqlite_master where type = 'table'")}
        for table in {"audit"} & names:
            for row in db.execute("select * from " + table):
                assert not any("shred-" in str(v) for v in row)
        db.close()
