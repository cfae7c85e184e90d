"""Files as sources and targets of jobs: every line has its outcome, bytes stay
what they are, and neither a crash nor a file that changes loses or doubles
anything."""

import csv
import io
import json
import os
import signal

import pytest

from jobs import JobsOrg, config

ENTITIES = {
    "things": ["{name: things, collection: item}"],
    "sheets": ["{name: sheets, collection: item, key: code, path: a/b.csv}"],
    "both": ["{name: things, collection: item}",
             "{name: others, collection: customer, path: others.ndjson}"],
    "products": ["{name: products, collection: product}"],
    "tombs": ["{name: tombs, collection: item, deleted_field: gone}"],
    "out": ["{name: out, collection: item, path: link.ndjson}"],
}
MANY = 40000


class Files:
    """A folder, and a source for each kind of entities in it."""

    def __init__(self, folder):
        self.folder = folder

    def config(self):
        lines = ["sources:\n"]
        for name, entities in ENTITIES.items():
            lines.append("  - name: %s\n    type: file\n    path: %s\n"
                         "    page_size: 500\n    entities:\n"
                         % (name, self.folder))
            lines += ["      - %s\n" % e for e in entities]
        return "".join(lines)

    def path(self, name):
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        return path

    def put(self, name, data):
        """Replaces a file as whoever provides it should."""
        path = self.path(name)
        new = path.with_name(path.name + ".new")
        new.write_bytes(data if isinstance(data, bytes) else data.encode())
        os.replace(new, path)

    def put_records(self, name, records):
        self.put(name, "".join(json.dumps(r) + "\n" for r in records))

    def lines(self, name):
        return self.path(name).read_bytes().splitlines()

    def records(self, name):
        return [json.loads(line) for line in self.lines(name)]

    def left_over(self):
        return [p for p in self.folder.rglob("*.part")]


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    return Files(tmp_path_factory.mktemp("files"))


@pytest.fixture(scope="module")
def server(files, serve):
    return serve(config(files, workers=2, page_tries=1, backoff_max_s=1))


@pytest.fixture
def org(server):
    o = JobsOrg(server)
    yield o
    o.end()


@pytest.fixture
def user(org):
    return org.user


def text_of(org, key, table="item"):
    return org.texts(table)[key].split('"data":', 1)[1]


def counted(job):
    return tuple(job["records"].values())


def sent(user, target, **more):
    """Sends the org's own collections to a target; the job."""
    return user.ran(None, data={"source": "local", "target": target, **more})


# --- reading -----------------------------------------------------------------

def test_lines_are_stored_byte_for_byte(org, user, files):
    body = '{"id": "a",\t"n":1.50, "big":12345678901234567890, "e":1E+2}'
    files.put("things.ndjson", "\ufeff" + body + "\r\n\r\n{\"id\":2}")
    job = user.ran("things")
    assert counted(job) == (2, 2, 0, 0) and job["progress"] == 100
    assert text_of(org, "a").startswith(body)
    assert org.records("item")["2"] == {"id": 2}


def test_each_bad_line_is_told_by_its_number(org, user, files):
    files.put("things.ndjson", b'{"id":1}\nnonsense\n\n{"id":3,"id":4}\n'
              b'{"x":1}\n{"id":"\xff"}\n{"id":7}\n')
    job = user.ran("things")
    assert counted(job) == (6, 2, 0, 4)
    errors = user.job(job["id"])["errors"]
    assert [(e["code"], e["message"].split(":")[0]) for e in errors] == [
        ("record_invalid", "line 2"), ("record_invalid", "line 4"),
        ("key_missing", "line 5"), ("record_invalid", "line 6")]
    assert sorted(org.records("item")) == ["1", "7"]


def test_a_key_that_is_too_long_is_refused_and_harms_nothing(
        org, user, files):
    """Whatever a source sends, the server goes on."""
    long, longest = "k" * 513, "k" * 512
    files.put_records("things.ndjson", [
        {"id": long}, {"id": int("7" * 513)}, {"id": "k" * 100000},
        {"id": longest}, {"id": "a"}])
    job = user.ran("things")
    assert counted(job) == (5, 2, 0, 3)
    assert [(e["code"], e["record"], e["message"])
            for e in user.job(job["id"])["errors"]] == [
        ("key_too_long", "", "line %d: the key is over 512 bytes" % n)
        for n in (1, 2, 3)]
    assert sorted(org.records("item")) == ["a", longest]
    files.put("a/b.csv", "code,name\n%s,x\nb,y\n" % long)
    assert counted(user.ran("sheets")) == (2, 1, 0, 1)


def test_rows_are_objects_of_strings(org, user, files):
    rows = [{"code": "a", "name": "plain", "note": ""},
            {"code": "b", "name": 'quo"ted, with\ncomma', "note": " x "},
            {"code": "c", "name": "\u00fcber", "note": "7"}]
    text = io.StringIO()
    writer = csv.DictWriter(text, ["code", "name", "note"])
    writer.writeheader()
    writer.writerows(rows)
    files.put("a/b.csv", text.getvalue() + "d,too few\r\ne,\"x\"y,z\r\n")
    job = user.ran("sheets")
    assert counted(job) == (5, 3, 0, 2)
    assert list(org.records("item").values()) == rows
    assert {e["code"] for e in user.job(job["id"])["errors"]} \
        == {"csv_fields", "csv_invalid"}


def test_several_entities_at_once(org, user, files):
    files.put_records("things.ndjson", [{"id": n} for n in range(1200)])
    files.put_records("others.ndjson", [{"id": n} for n in range(700)])
    job = user.ran("both", options={"concurrency": 2})
    assert counted(job) == (1900, 1900, 0, 0)
    assert len(org.records("item")) == 1200
    assert len(org.records("customer")) == 700


def test_what_is_there_already_is_unchanged(org, user, files):
    files.put_records("things.ndjson", [{"id": n} for n in range(600)])
    user.ran("things")
    files.put_records("things.ndjson", [{"id": n} for n in range(601)])
    assert counted(user.ran("things")) == (601, 1, 600, 0)


def test_a_file_that_is_not_there_fails_at_once(user, files):
    files.path("things.ndjson").unlink(missing_ok=True)
    job = user.failed(user.queued("things")["id"])
    assert job["error"]["code"] == "file_missing" and job["attempt"] == 1


def test_links_lead_nowhere(user, files):
    files.put_records("real.ndjson", [{"id": 1}])
    files.path("link.ndjson").symlink_to("real.ndjson")
    job = user.failed(user.queued("out")["id"])
    assert job["error"]["code"] == "file_path" and job["attempt"] == 1


@pytest.mark.parametrize("place", ["pipe", "link"])
def test_what_stands_where_the_ledger_is_made_gives_way(user, files, place):
    """A pipe would be waited for, and what a link leads to be lost."""
    there, kept = files.path(".things.ndjson.sent.new"), files.path("kept")
    kept.write_text("kept")
    there.unlink(missing_ok=True)
    if place == "pipe":
        os.mkfifo(there)
    else:
        there.symlink_to("kept")
    sent(user, "things")
    assert kept.read_text() == "kept" and not there.exists()
    assert files.lines("things.ndjson") == []


def begun(user, *args, **kw):
    """Queue a job and wait until some of it is stored."""
    job = user.queued(*args, **kw)
    return user.wait(job["id"], "active", "completed",
                     accept=lambda j: j["progress"] > 2)


def test_a_crash_loses_and_doubles_nothing(org, user, server, files):
    files.put_records("things.ndjson", [
        {"id": n, "text": "x" * 100} for n in range(MANY)])
    job = begun(user, "things")
    server.restart(hard=True)
    job = user.done(job["id"])
    assert job["records"]["read"] == MANY
    assert job["records"]["written"] == MANY
    assert len(org.records("item")) == MANY


def test_a_file_that_is_replaced_is_read_from_its_beginning(
        org, user, server, files):
    """Nothing of the new one is missed, whatever was read of the old one."""
    files.put_records("things.ndjson", [
        {"id": n, "text": "x" * 100} for n in range(MANY)])
    job = begun(user, "things")
    server.kill()
    new = [{"id": n, "text": "new"} for n in range(3000)]
    files.put_records("things.ndjson", new)
    server.start()
    user.done(job["id"])
    records = org.records("item")
    assert [records[str(r["id"])] for r in new] == new


# --- sending -----------------------------------------------------------------

def filled(org, count, table="item", **more):
    records = [{"id": str(n), "n": n, **more} for n in range(count)]
    org.org.import_rows([
        {"site_id": "0", "table": table, "recordID": r["id"],
         "action": "insert", "data": r} for r in records])
    return records


def by_id(records):
    return sorted(records, key=lambda r: int(r["id"]))


def test_a_collection_becomes_a_file(org, user, files):
    """At once, and with nothing beside it that says half."""
    files.put("things.ndjson", "yesterday's\n")
    records = filled(org, 1700)
    job = sent(user, "things")
    assert counted(job)[:2] == (1700, 1700) and job["progress"] == 100
    assert by_id(files.records("things.ndjson")) == records
    assert files.left_over() == []


def test_an_empty_collection_is_an_empty_file(user, files):
    files.put("things.ndjson", "yesterday's\n")
    sent(user, "things")
    assert files.lines("things.ndjson") == []


def test_a_resource_becomes_a_file(org, user, files):
    records = filled(org, 5, "product", title="T")
    sent(user, "products")
    assert by_id(files.records("products.ndjson")) == records


def test_bytes_and_keys_are_in_the_file(org, user, files):
    site = org.org.primary()
    body = '{"n": 1.50,\n "t":"a\\nb"}'
    site.post("queued_records", '[{"table":"item","recordID":"k\\"1",'
              '"action":"insert","data":%s}]' % body)
    sent(user, "things")
    assert files.lines("things.ndjson") == [
        b'{"id":"k\\"1","n": 1.50,  "t":"a\\nb"}']


def test_deletions_are_lines_where_they_are_declared(org, user, files):
    site = org.org.primary()
    site.pushed(site.record("item", "a"), site.record("item", "b"))
    site.pushed(site.record("item", "a", action="delete"))
    sent(user, "tombs")
    assert files.records("tombs.ndjson") == [{"id": "b"},
                                             {"id": "a", "gone": True}]
    sent(user, "things")
    assert files.records("things.ndjson") == [{"id": "b"}]


def test_only_what_changed_is_sent(org, user, files):
    filled(org, 20)
    name = "export-%d" % next(org.server.counter)
    data = {"source": "local", "target": "things"}
    user.ran(None, name, type="incremental", data=data)
    assert len(files.lines("things.ndjson")) == 20
    site = org.org.primary()
    site.pushed(site.record("item", "7", {"id": "7", "n": "changed"}))
    user.ran(None, name, type="incremental", data=data)
    assert files.records("things.ndjson") == [{"id": "7", "n": "changed"}]


def test_what_was_sent_is_read_again(org, user, files):
    records = filled(org, 1100)
    sent(user, "things")
    other = JobsOrg(org.server)
    assert counted(other.user.ran("things")) == (1100, 1100, 0, 0)
    assert by_id(other.records("item").values()) == records


def test_a_crash_doubles_no_line(org, user, server, files):
    files.put("things.ndjson", "yesterday's\n")
    records = filled(org, MANY)
    job = begun(user, None, data={"source": "local", "target": "things"})
    server.restart(hard=True)
    done = user.done(job["id"])
    assert by_id(files.records("things.ndjson")) == records
    assert done["records"]["written"] == MANY
    assert files.left_over() == []


def test_a_pause_loses_no_line(org, user, server, files):
    records = filled(org, MANY)
    job = begun(user, None, data={"source": "local", "target": "things"})
    if user.pause(job["name"]).status_code == 201:
        user.resumed(job["name"])
    user.done(job["id"])
    assert by_id(files.records("things.ndjson")) == records


def test_csv_is_not_written(user, files):
    files.put("a/b.csv", "code\n")
    job = user.queued(None, data={"source": "local", "target": "sheets"})
    job = user.failed(job["id"])
    assert job["error"]["code"] == "file_format" and job["attempt"] == 1
    assert files.lines("a/b.csv") == [b"code"]


def test_the_server_ends_while_it_reads(user, server, files):
    """A stop is no failure, and the job goes on behind it."""
    files.put_records("things.ndjson", [
        {"id": n, "text": "x" * 100} for n in range(MANY)])
    job = begun(user, "things")
    server.process.send_signal(signal.SIGTERM)
    assert server.process.wait(30) == 0
    server.start()
    assert user.done(job["id"])["records"]["written"] == MANY
