"""What each command promises."""

import csv
import json
import re
import signal
import threading

import pytest
import requests

from cli import json_lines, tombolo
from harness import (ADMIN_PASSWORD, CONFIG, Server, Site, free_port, ids,
                     sha256, wait_for)

COMMANDS = ["serve", "init", "config", "config check", "config show", "org",
            "org add", "user", "user add", "site", "site add", "site explain",
            "site resync", "site release", "site disable",
            "site set-password", "store", "store add", "quarantine",
            "quarantine list", "quarantine retry", "quarantine drop",
            "import", "export", "check", "audit", "audit verify", "version"]


@pytest.fixture
def data(tmp_path):
    s = Server(tmp_path, config=CONFIG)
    s.cli.init("main", "admin", ADMIN_PASSWORD)
    yield s
    s.kill()


@pytest.mark.parametrize("command", [""] + COMMANDS)
def test_help_is_everywhere(command):
    done = tombolo(*command.split(), "--help")
    assert "tombolo" in done.stdout and "Usage" in done.stdout.title()
    assert done.stderr == ""


def test_help_names_the_commands_and_exit_codes():
    text = tombolo("--help").stdout
    for command in {c.split()[0] for c in COMMANDS}:
        assert command in text
    assert "xit" in text


def test_version_prints_the_version():
    assert re.search(r"\b\d+\.\d+\.\d+\b", tombolo("version").stdout)


@pytest.mark.parametrize("args", [
    [], ["nonsense"], ["site"], ["site", "nonsense"], ["--nonsense"],
    ["serve", "--nonsense"], ["serve", "extra"], ["quarantine"],
    ["import"], ["config"], ["audit"], ["serve", "--listen"],
    ["serve", "--listen", "127.0.0.1:70000"],
    ["serve", "--listen", "127.0.0.1:x"], ["serve", "--config", "/no/file"]])
def test_a_command_line_that_cannot_be_read_fails(args, tmp_path):
    done = tombolo("--data", tmp_path / "d", *args, check=False, timeout=30)
    assert done.returncode != 0
    assert done.stderr.strip()


def test_init_makes_the_first_administrator_once(data):
    assert data.cli.init("other", "boss", ADMIN_PASSWORD,
                         check=False).returncode != 0
    data.start()
    try:
        assert data.cli.run("user", "list", "--org", "main").stdout.count(
            "admin") >= 1
    finally:
        assert data.stop() == 0


def test_serve_wants_an_initialised_store(tmp_path):
    done = tombolo("serve", "--listen", "127.0.0.1:%d" % free_port(),
                   "--data", tmp_path / "data", check=False, timeout=30)
    assert done.returncode != 0
    assert "init" in done.stderr


@pytest.mark.parametrize("command", [
    ["site", "add", "s", "--org", "main", "--id", "5"],
    ["user", "add", "u", "--org", "main", "--uuid", "u"]])
def test_passwords_are_never_arguments(data, command):
    for flag in ("--password", "-p", "--pass"):
        done = data.cli.run(*command, flag, "a-secret-password", check=False)
        assert done.returncode != 0
    assert data.cli.run(*command, stdin="", check=False).returncode != 0
    assert data.cli.run(*command, stdin="\n", check=False).returncode != 0


def test_lists_show_what_was_added(data):
    cli = data.cli
    cli.org_add("second", "A second org")
    cli.site_add("clinic", "second", 77, "a-site-password")
    cli.store_add("st-1", "second", site="clinic", name="Pharmacy")
    cli.user_add("anna", "second", "uuid-1", "a-user-password", ["st-1"])
    assert "second" in cli.run("org", "list").stdout
    assert "clinic" in cli.run("site", "list").stdout
    assert "st-1" in cli.run("store", "list", "--org", "second").stdout
    assert "anna" in cli.run("user", "list", "--org", "second").stdout
    for kind in ("org", "site", "store", "user"):
        out = cli.run(kind, "list").stdout
        assert "password" not in out and "argon2" not in out


def test_a_users_roles_and_rights_are_as_the_command_says(data):
    cli = data.cli
    cli.run("user", "add", "berta", "--org", "main", "--uuid", "u-b",
            "--admin", "--role", "doctor", "--role", "head of ward",
            stdin="a-user-password\n")
    cli.user_add("carl", "main", "u-c", "a-user-password")
    users = {u["name"]: u for u in json_lines(
        cli.run("user", "list", "--org", "main").stdout)}
    assert users["berta"]["roles"] == ["doctor", "head of ward"]
    assert users["berta"]["admin"] is True
    assert users["carl"]["roles"] == [] and users["carl"]["admin"] is False


def test_who_a_user_is_can_be_said_and_changed(data):
    cli = data.cli
    names = ("profile", "email", "first_name", "last_name")

    def texts():
        user = json_lines(cli.run("user", "list", "--org", "main").stdout)[-1]
        return tuple(user[name] for name in names)

    cli.run("user", "add", "berta", "--org", "main", "--uuid", "u-b",
            "--profile", "10", "--email", "b@example.org", "--first-name",
            "Berta", "--last-name", "Bo", stdin="a-user-password\n")
    assert texts() == ("10", "b@example.org", "Berta", "Bo")
    cli.run("user", "set-profile", "berta", "--profile", "11", "--email=")
    assert texts() == ("11", "", "Berta", "Bo")
    for code, *args in ((2, "berta"), (5, "nobody", "--profile", "1"),
                        (6, "berta", "--profile", "x" * 201)):
        assert cli.run("user", "set-profile", *args,
                       check=False).returncode == code


def test_names_and_ids_are_given_once(data):
    cli = data.cli
    cli.site_add("clinic", "main", 77, "a-site-password")
    for args in (("clinic", "main", 78), ("other", "main", 77)):
        assert cli.site_add(*args, "a-site-password",
                            check=False).returncode != 0
    cli.org_add("second")
    assert cli.org_add("second", check=False).returncode != 0
    assert cli.site_add("clinic", "second", 79, "a-site-password",
                        check=False).returncode != 0


@pytest.mark.parametrize("args", [
    ("site", "set-password", "nobody"), ("site", "disable", "nobody"),
    ("site", "release", "nobody"), ("site", "explain", "nobody"),
    ("site", "resync", "nobody"), ("store", "add", "s", "--org", "nowhere"),
    ("export", "--org", "nowhere"), ("quarantine", "list", "--org", "none"),
    ("import", "/no/such/file", "--org", "main"),
    ("store", "assign", "none", "--org", "main", "--site", "nobody"),
    ("site", "add", "s", "--org", "nowhere", "--id", "5"),
    ("site", "add", "s", "--org", "main", "--id", "x"),
    ("site", "add", "s", "--org", "main", "--id", "-1"),
    ("site", "add", "s", "--org", "main", "--id", "5", "--store", "none")])
def test_what_is_not_there_is_a_failure_with_a_reason(data, args):
    done = data.cli.run(*args, stdin="a-password\n", check=False)
    assert done.returncode != 0
    assert done.stderr.strip()


@pytest.mark.parametrize("command", [
    "user list", "site list", "store list", "device list", "org list",
    "device registered", "device overdue", "job list", "job purge",
    "quarantine list", "conflict list", "audit list", "audit verify",
    "restored", "export", "store add s", "job pause goods"])
def test_an_org_that_is_not_there_is_said_once(data, command):
    done = data.cli.run(*command.split(), "--org", "nowhere", check=False)
    assert done.returncode == 5, done
    assert done.stderr == "tombolo: org `nowhere`: not found\n"


def test_options_stand_before_or_after(data):
    done = tombolo("org", "add", "behind", "--title", "T",
                   "--data", data.data, "--config", data.config)
    assert done.returncode == 0
    assert "behind" in data.cli.run("org", "list").stdout


def test_a_site_takes_its_stores_when_it_is_added(data):
    data.cli.store_add("st-1", "main")
    data.cli.site_add("clinic", "main", 77, "a-site-password", ["st-1"])
    data.start()
    try:
        a = Site(data, "clinic", "a-site-password", 77, ["st-1"])
        a.pushed(a.invoice("x"))
    finally:
        assert data.stop() == 0


def test_sites_from_a_csv_get_passwords_that_work(data, tmp_path):
    data.cli.store_add("st-1", "main")
    source, passwords = tmp_path / "sites.csv", tmp_path / "passwords.csv"
    source.write_text("name,org,id,stores\nc1,main,81,st-1\nc2,main,82,\n")
    data.cli.run("site", "add", "--from", source,
                 "--passwords-to", passwords)
    assert passwords.stat().st_mode & 0o077 == 0
    rows = [r for r in csv.reader(passwords.open()) if r[0] in ("c1", "c2")]
    assert len(rows) == 2
    data.start()
    try:
        for row, number in zip(sorted(rows), (81, 82)):
            site = Site(data, row[0], row[-1], number)
            assert site.get("queued_records").status_code == 200
    finally:
        assert data.stop() == 0


def test_explain_tells_of_backlog_quarantine_and_verdict(server, org):
    a, b = org.site(), org.site()
    a.pushed(*[a.invoice("x%d" % i, b.store) for i in range(37)])
    b.pull()
    b.rejected(b.record("transact", "bad", {"store_ID": a.store}))
    out = org.cli.site("explain", b.name).stdout.lower()
    assert "37" in out
    for word in ("backlog", "oldest", "quarantine", "skew", "verdict"):
        assert word in out, out


def rows(n, table="zebra", **data):
    return [{"table": table, "recordID": "r%d" % i, "data": {"n": i, **data},
             "created_at": "2026-01-01T00:00:%02d.000Z" % (i % 60),
             "updated_at": "2026-01-02T00:00:%02d.000Z" % (i % 60)}
            for i in range(n)]


def test_import_into_an_empty_org_keeps_the_timestamps(data):
    data.cli.import_lines(data.folder, "main", rows(10))
    got = {r["recordID"]: r for r in map(json.loads, data.cli.export("main"))}
    assert len(got) == 10
    for i in range(10):
        r = got["r%d" % i]
        assert r["data"] == {"n": i}
        assert r["created_at"].startswith("2026-01-01T00:00:%02d" % i)
        assert r["updated_at"].startswith("2026-01-02T00:00:%02d" % i)


def test_import_puts_ties_apart(data):
    same = rows(10)
    for r in same:
        r["updated_at"] = r["created_at"] = "2026-01-02T03:04:05.000Z"
    data.cli.import_lines(data.folder, "main", same)
    got = [json.loads(x)["updated_at"] for x in data.cli.export("main")]
    assert len(set(got)) == 10
    assert all(x.startswith("2026-01-02T03:04:05.0") for x in got)


def test_import_into_another_org_gives_new_update_times(data):
    data.cli.import_lines(data.folder, "main", rows(1, "first"))
    data.cli.import_lines(data.folder, "main", rows(3))
    for line in data.cli.export("main"):
        r = json.loads(line)
        if r["table"] == "zebra":
            assert r["created_at"].startswith("2026-01-0")
            assert not r["updated_at"].startswith("2026-01-0")


def test_export_and_import_are_a_round_trip(data):
    lines = ['{"table":"zebra","recordID":"%d","data":%s,"created_at":"2026-'
             '01-01T00:00:00.000Z","updated_at":"2026-01-01T00:00:0%d.000Z"}'
             % (i, d, i) for i, d in enumerate(
                 ['{"a":1.10}', '{ "b" : 1e2 }', '{"u":"\\u00e9"}'])]
    data.cli.import_lines(data.folder, "main", lines)
    first = data.cli.export("main")
    data.cli.org_add("second")
    data.cli.import_lines(data.folder, "second", first)
    assert data.cli.export("second") == first
    for text in ('{"a":1.10}', '{ "b" : 1e2 }', '{"u":"\\u00e9"}'):
        assert text in "\n".join(first)


@pytest.mark.parametrize("line", [
    "nonsense", "{}", '{"table":"t"}', '{"table":"t","recordID":"r"}', "[]"])
def test_import_of_a_bad_line_names_it_and_changes_nothing(data, line):
    good = json.dumps(rows(1)[0])
    done = data.cli.import_lines(data.folder, "main", [good, line],
                                 check=False)
    assert done.returncode != 0
    assert re.search(r":2\b|line 2", done.stderr)
    assert data.cli.export("main") == []


def test_check_and_audit_verify_find_nothing_wrong(server, org):
    a, b = org.site(), org.site()
    a.pushed(a.line("l", "x"), a.invoice("x", b.store))
    b.drain()
    a.pushed(a.invoice("x", action="delete"))
    assert org.cli.check().returncode == 0
    assert org.cli.audit_verify().returncode == 0


def test_commands_work_while_the_server_runs(server, org):
    """Many at once, with pushes in between; every one has its effect."""
    a, b = org.site(), org.site()
    failures = []

    def add(i):
        try:
            org.cli.store_add("many-%s-%d" % (a.name, i), org.name,
                              site=a.name)
        except Exception as e:  # handed to the main thread
            failures.append(e)

    threads = [threading.Thread(target=add, args=(i,)) for i in range(8)]
    for t in threads:
        t.start()
    for i in range(40):
        a.pushed(a.invoice("x%d" % i, b.store))
    for t in threads:
        t.join()
    assert not failures, failures
    assert len(b.drain()) == 40
    for i in range(8):
        store = "many-%s-%d" % (a.name, i)
        wait_for(lambda s=store: not a.push(a.record(
            "transact", "in-" + s, {"store_ID": s})).json()["rejected"],
            "the store to be noticed", 10)


def test_the_log_tells_each_request_and_no_content(server, org):
    a = org.site()
    r = a.pushed(a.invoice("x", secret="tell-nobody-this"))
    line, = server.wait_logged(r)
    assert line["status"] == 200
    names = " ".join(line).lower()
    for word in ("time", "level", "org", "principal", "route", "duration",
                 "bytes"):
        assert word in names, line
    assert org.name in line.values()
    text = server.log_path.read_text()
    assert "tell-nobody-this" not in text
    assert a.password not in text and sha256(a.password) not in text


def test_every_answer_has_its_own_request_id(server, org):
    a = org.site()
    seen = {a.get(p).headers["X-Request-Id"] for p in
            ["queued_records", "nope", "status", "central_records?cursor=x"]}
    seen.add(requests.get(server.base + "/nope",
                          timeout=30).headers["X-Request-Id"])
    assert len(seen) == 5


def test_term_finishes_what_runs(data):
    data.cli.site_add("clinic", "main", 77, "a-site-password")
    data.start()
    a = Site(data, "clinic", "a-site-password", 77)
    accepted, stop = [], threading.Event()

    def push():
        i = 0
        while not stop.is_set():
            i += 1
            try:
                if a.push(a.record("zebra", "z%d" % i, {})).ok:
                    accepted.append("z%d" % i)
            except requests.RequestException:
                return

    t = threading.Thread(target=push)
    t.start()
    wait_for(lambda: len(accepted) > 20, "some pushes")
    assert data.stop() == 0
    stop.set()
    t.join()
    kept = {json.loads(x)["recordID"] for x in data.cli.export("main")}
    assert set(accepted) <= kept


@pytest.mark.parametrize("name", ["SIGTERM", "SIGINT"])
def test_signals_end_an_idle_server_with_0(data, name):
    data.start()
    data.process.send_signal(getattr(signal, name))
    assert data.process.wait(30) == 0


def test_hup_keeps_the_server_and_its_answers(data):
    data.start()
    try:
        data.process.send_signal(signal.SIGHUP)
        for _ in range(20):
            assert data.answers()
        data.config.write_text("nonsense: [")
        data.process.send_signal(signal.SIGHUP)
        for _ in range(20):
            assert data.answers()
        assert data.process.poll() is None
    finally:
        assert data.stop() == 0


def test_the_port_in_use_is_a_clear_failure(data):
    data.start()
    try:
        done = tombolo("serve", "--listen", "127.0.0.1:%d" % data.port,
                       "--data", data.folder / "other", "--demo",
                       check=False, timeout=30)
        assert done.returncode != 0
        assert str(data.port) in done.stderr
    finally:
        assert data.stop() == 0


def test_two_servers_on_one_store_are_refused_or_agree(data):
    data.cli.site_add("clinic", "main", 77, "a-site-password",
                      edit_central=True)
    data.start()
    done = None
    try:
        done = tombolo("serve", "--listen", "127.0.0.1:%d" % free_port(),
                       "--data", data.data, "--config", data.config,
                       check=False, timeout=10)
        assert done.returncode != 0
    finally:
        a = Site(data, "clinic", "a-site-password", 77)
        a.pushed(a.record("item", "i", {}))
        assert ids(a.central()) == ["i"]
        assert data.stop() == 0


@pytest.mark.parametrize("line", [
    {"table": "t", "recordID": "x" * 513, "data": {}},
    {"table": "t" * 513, "recordID": "x", "data": {}},
    {"table": "t", "recordID": "x", "data": {},
     "updated_at": "9999-12-31T23:59:59Z"},
])
def test_import_refuses_what_could_not_be_stored(data, line):
    done = data.cli.import_lines(data.folder, "main", [line], check=False)
    assert done.returncode == 6
    assert re.search(r":1\b", done.stderr)
    assert data.cli.export("main") == []
