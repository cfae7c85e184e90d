"""The types of sources and how they are read: paging, tokens, files, another
server; and what is sent to targets."""

import base64
import json

import pytest

from cli import tombolo
from harness import CONFIG, Server
from jobs import COLLECTIONS, SETTINGS, JobsOrg, config
from jobs_source import Closed, Sources, Status
from sites import Org

KINDS = ["link", "cursor", "page", "none"]
FILES = """\
  - name: files
    type: file
    path: %s
    page_max_bytes: 65536
    page_size: 3
    entities:
      - {name: lines, collection: product, path: products.ndjson}
      - {name: table, collection: item, path: items.csv, key: code}
      - {name: other, collection: customer, path: other.txt, format: ndjson}
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("files")


@pytest.fixture(scope="module")
def sources(tmp_path_factory, folder):
    secrets = tmp_path_factory.mktemp("secrets")
    (secrets / "token").write_text("a-token\n")
    (secrets / "password").write_text("a-password\n")
    s = Sources(8)
    for kind in KINDS:
        s.add("by-" + kind, paging=kind)
    s.add("array", paging="none", entities=[{
        "name": "products", "collection": "product", "items": None,
        "total": None}])
    s.add("bearer", token_file=secrets / "token")
    s.add("header", token_file=secrets / "token", token_header="X-Key")
    s.add("basic", user="anna", password_file=secrets / "password")
    s.add("lost", token_file=secrets / "not-there")
    s.other("files", FILES % folder)
    yield s
    s.close()


@pytest.fixture(scope="module")
def server(sources, serve):
    return serve(config(sources, workers=2, page_tries=1, backoff_max_s=1))


@pytest.fixture
def org(server):
    o = JobsOrg(server)
    yield o
    o.end()


@pytest.fixture
def user(org):
    return org.user


@pytest.fixture
def named(sources):
    def by_name(name):
        return sources.at(name).reset()
    return by_name


# --- pages of HTTP -----------------------------------------------------------

@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("count", [0, 1, 2, 3, 7, 8])
def test_pages(org, user, named, kind, count):
    """To the last page, whether it is full or not."""
    shelf = named("by-" + kind)
    if kind == "none":
        shelf.page_size = 100
    shelf.fill(count)
    job = user.ran(shelf)
    assert job["records"]["read"] == job["records"]["written"] == count
    assert len(org.records()) == count
    assert shelf.pages() == sorted(set(shelf.pages()))


@pytest.mark.parametrize("kind", KINDS[:3])
def test_a_retry_asks_for_the_same_page(org, user, named, kind):
    shelf = named("by-" + kind)
    shelf.fill(6)
    shelf.spoil(Status(500), page=2)
    user.ran(shelf)
    assert shelf.pages()[:4] == [1, 2, 2, 3]
    assert len(org.records()) == 6


def test_an_array_is_all_records(org, user, named):
    shelf = named("array")
    shelf.answers = lambda ask: (200, b'[{"id":1,"title":"A"},\n'
                                      b' {"id":2,"title":"B"} ]')
    user.ran(shelf)
    assert sorted(org.records()) == ["1", "2"]


# --- credentials -------------------------------------------------------------

@pytest.mark.parametrize("name,header,value", [
    ("bearer", "Authorization", "Bearer a-token"),
    ("header", "X-Key", "a-token"),
    ("basic", "Authorization",
     "Basic " + base64.b64encode(b"anna:a-password").decode())])
def test_credentials_are_sent_and_never_shown(server, user, named, name,
                                              header, value):
    shelf = named(name)
    shelf.fill(4)
    user.ran(shelf)
    assert [a.headers[header] for a in shelf.asked] == [value] * 2
    shelf.spoil(Status(401), times=None)
    job_id = user.queued(shelf)["id"]
    user.failed(job_id)
    shown = user.ask("GET", "/sync/jobs/" + job_id).text
    server.ping()
    log = server.log_path.read_text()
    for secret in ("a-token", "a-password", value.split()[-1]):
        assert secret not in shown and secret not in log


def test_no_credentials_are_sent_where_none_are_configured(user, named):
    shelf = named("by-link")
    shelf.fill(1)
    user.ran(shelf)
    assert "Authorization" not in shelf.asked[0].headers


def test_a_token_that_is_not_there_fails_the_job(user, named):
    shelf = named("lost")
    shelf.fill(1)
    job = user.failed(user.queued(shelf)["id"])
    assert shelf.asked == [] and job["attempt"] == 1


# --- files -------------------------------------------------------------------

def run_files(user, entity, status="completed", **members):
    job_id = user.queued("files", type="entity", data={
        "source": "files", "entity": entity}, **members)["id"]
    return user.wait(job_id, status)


def test_lines_of_a_file(org, user, folder):
    """As they are, bad ones apart; the last needs no end."""
    lines = ['{"id":"a","title":"A","n":1.50}', "", '{"id":"b","title":"B"',
             "7", '{"title":"no key"}', '{ "title":"C" , "id":"c" }\r',
             '{"id":"long","title":"%s"}' % ("x" * 70000),
             '{"id":"d","title":"D"}']
    (folder / "products.ndjson").write_text("\n".join(lines))
    job = run_files(user, "lines")
    assert job["records"]["written"] == 3
    assert job["records"]["rejected"] == 4
    assert len(job["errors"]) == 4
    assert sorted(org.records()) == ["a", "c", "d"]
    assert '"data":' + lines[0] in org.texts()["a"]
    assert '"data":{ "title":"C" , "id":"c" }' in org.texts()["c"]


def test_many_lines_of_a_file(org, user, folder):
    (folder / "products.ndjson").write_text("".join(
        '{"id":"k%d","title":"T"}\n' % n for n in range(500)))
    job = run_files(user, "lines")
    assert job["records"]["written"] == len(org.records()) == 500


def test_a_table_of_a_file(org, user, folder):
    """Its head has the names; values are texts."""
    (folder / "items.csv").write_text(
        'code,name,note\r\n1,Plain,\r\n"2","With, comma","a ""quote"""\r\n'
        '3,"Two\nlines",ä\r\n')
    job = run_files(user, "table")
    assert job["records"]["written"] == 3
    assert org.records("item") == {
        "1": {"code": "1", "name": "Plain", "note": ""},
        "2": {"code": "2", "name": "With, comma", "note": 'a "quote"'},
        "3": {"code": "3", "name": "Two\nlines", "note": "ä"}}


def test_a_format_goes_before_the_files_name(org, user, folder):
    (folder / "other.txt").write_text('{"id":"a"}\n')
    run_files(user, "other")
    assert list(org.records("customer")) == ["a"]


def test_a_file_that_is_not_there_fails_the_job(user, folder):
    (folder / "products.ndjson").unlink(missing_ok=True)
    job = run_files(user, "lines", "failed", options={"maxRetries": 0})
    assert job["error"]["message"]
    assert str(folder) not in json.dumps(job)


def test_an_empty_file(org, user, folder):
    (folder / "products.ndjson").write_text("")
    assert run_files(user, "lines")["records"]["read"] == 0
    assert org.export() == []


# --- another server ----------------------------------------------------------

SITE = """\
sources:
  - name: centre
    type: site
    url: %s
    user: %s
    password_file: %s
    hardware_id: a-machine
    entities:
      - {name: item, collection: item, path: item}
      - {name: goods, collection: product, path: unit}
"""


@pytest.fixture(scope="module")
def centre(tmp_path_factory):
    """Another server, with a site that stands for ours."""
    s = Server(tmp_path_factory.mktemp("centre"), config=CONFIG)
    s.cli.init("main", "admin", "an-admin-password")
    s.start()
    yield s
    s.stop()


@pytest.fixture
def pair(centre, serve, tmp_path):
    """(an org of the other server, our org that reads from it)."""
    theirs = Org(centre, "theirs%d" % next(centre.counter))
    site = theirs.site(edit_central=True)
    (tmp_path / "password").write_text(site.password + "\n")
    server = serve(SETTINGS + COLLECTIONS + SITE % (
        centre.base, site.name, tmp_path / "password")
        + "jobs:\n  backoff_max_s: 1\n")
    return theirs, JobsOrg(server)


def test_records_of_another_server(pair):
    """All at first, and then what changed."""
    theirs, ours = pair
    primary = theirs.primary()
    primary.pushed(*[primary.record("item", "i%d" % n, {"n": n})
                     for n in range(20)])
    ours.user.ran("centre", "all")
    assert ours.records("item") == {"i%d" % n: {"n": n} for n in range(20)}
    primary.pushed(primary.record("item", "i3", {"n": "new"}, "update"),
                   primary.record("item", "i4", {}, "delete"))
    ours.user.ran("centre", "all", type="incremental")
    got = ours.records("item")
    assert got["i3"] == {"n": "new"} and "i4" not in got and len(got) == 19


def test_what_is_rejected_is_told_of_its_own_entity(pair):
    """Though one stream brings them all."""
    theirs, ours = pair
    primary = theirs.primary()
    primary.pushed(primary.record("item", "i1", {"n": 1}),
                   primary.record("unit", "u1", {"title": 7}))
    job = ours.user.ran("centre", "all")
    assert [(e["entity"], e["record"], e["code"])
            for e in ours.user.job(job["id"])["errors"]] == [
        ("goods", "u1", "field_invalid")]


def test_records_go_to_another_server(pair):
    theirs, ours = pair
    primary = ours.org.primary()
    primary.pushed(*[primary.record("item", "o%d" % n, {"n": n})
                     for n in range(20)])
    ours.user.ran("local", data={"source": "local", "target": "centre"})
    got = theirs.exported()
    assert {k[1]: v["data"] for k, v in got.items() if k[0] == "item"} \
        == {"o%d" % n: {"n": n} for n in range(20)}


# --- targets over HTTP -------------------------------------------------------

def sent_to(shelf, method="POST"):
    return [a for a in shelf.asked if a.method == method]


def sent_ids(shelf):
    """The ids of all records that were sent, in arrays."""
    got = []
    for ask in sent_to(shelf):
        records = json.loads(ask.body)
        assert ask.headers["Content-Type"].split(";")[0] \
            == "application/json" and isinstance(records, list)
        got += [r["id"] for r in records]
    return got


def push_products(org, count):
    primary = org.org.primary()
    primary.pushed(*[primary.record("product", "p%d" % n, {
        "id": "p%d" % n, "title": "T"}) for n in range(count)])


def run_out(user, shelf, **members):
    return user.queued("local", data={
        "source": "local", "target": shelf.name}, **members)["id"]


def test_records_are_sent_to_a_target(org, user, named):
    """In arrays, byte for byte."""
    shelf = named("bearer")
    push_products(org, 10)
    text = '{"id":"odd","title":"T","z":1.50,"a":[1e2]}'
    primary = org.org.primary()
    head = primary.record("product", "odd")
    del head["data"]
    primary.post("queued_records", "[%s,\"data\":%s}]" % (
        json.dumps(head)[:-1], text))
    job = user.done(run_out(user, shelf))
    assert job["records"]["read"] == 11
    assert sorted(sent_ids(shelf)) == sorted(
        ["odd"] + ["p%d" % n for n in range(10)])
    assert any(text.encode() in a.body for a in sent_to(shelf))
    keys = [a.headers["Idempotency-Key"] for a in shelf.asked]
    assert len(set(keys)) == len(keys)
    assert all(a.headers["Authorization"] == "Bearer a-token"
               and a.path == "/bearer/products" for a in shelf.asked)


def test_what_was_deleted_is_deleted_at_the_target(org, user, named):
    """That it is not there is as good."""
    shelf = named("by-link")
    push_products(org, 3)
    primary = org.org.primary()
    primary.pushed(primary.record("product", "p1", action="delete"))
    shelf.spoil(Status(404), entity="products/p1")
    user.done(run_out(user, shelf))
    assert sorted(sent_ids(shelf)) == ["p0", "p2"]
    assert [a.path for a in sent_to(shelf, "DELETE")] \
        == ["/by-link/products/p1"]


@pytest.mark.parametrize("fault", [Closed(), Status(503)],
                         ids=["lost answer", "503"])
def test_a_page_that_was_not_answered_is_sent_again(org, user, named, fault):
    """Under the same key, with the same body."""
    shelf = named("by-link")
    push_products(org, 10)
    shelf.spoil(fault)
    user.done(run_out(user, shelf))
    first, second = sent_to(shelf)[:2]
    assert first.body == second.body
    keys = [a.headers["Idempotency-Key"] for a in sent_to(shelf)]
    assert keys[0] == keys[1] and len(set(keys)) == len(keys) - 1
    assert sorted(set(sent_ids(shelf))) == sorted("p%d" % n
                                                  for n in range(10))


def test_only_what_changed_since_is_sent(org, user, named):
    shelf = named("by-link")
    push_products(org, 3)
    user.done(run_out(user, shelf, name="out"))
    shelf.asked.clear()
    user.done(run_out(user, shelf, name="out", type="incremental"))
    primary = org.org.primary()
    primary.pushed(primary.record("product", "p1", {
        "id": "p1", "title": "Other"}, "update"))
    user.done(run_out(user, shelf, name="out", type="incremental"))
    # What was changed in the second in which a run began may come again.
    assert "p1" in sent_ids(shelf)
    assert b"Other" in sent_to(shelf)[-1].body


def test_a_target_that_refuses_fails_the_job(org, user, named):
    shelf = named("by-link")
    push_products(org, 3)
    shelf.spoil(Status(401), times=None)
    job = user.failed(run_out(user, shelf))
    assert job["attempt"] == 1 and len(shelf.asked) == 1


# --- the configuration -------------------------------------------------------

BAD = {
    "a type that is none": "{name: x, type: ftp, url: 'https://a.b'}",
    "no name": "{type: file, path: /tmp}",
    "no url": "{name: x, type: http}",
    "http to another host": "{name: x, type: http, url: 'http://a.example'}",
    "another scheme": "{name: x, type: http, url: 'ftp://127.0.0.1'}",
    "the name local": "{name: local, type: file, path: /tmp}",
    "a paging that is none":
        "{name: x, type: http, url: 'https://a.b', paging: all}",
    "an unknown key": "{name: x, type: file, path: /tmp, colour: red}"}


@pytest.mark.parametrize("source", BAD.values(), ids=BAD.keys())
def test_a_source_that_cannot_work_is_refused(tmp_path, source):
    path = tmp_path / "tombolo.yaml"
    entities = ", entities: [{name: a, collection: item}]}"
    for entry, is_good in ((source, False),
                           ("{name: x, type: file, path: /tmp}", True)):
        path.write_text(COLLECTIONS + "sources:\n  - "
                        + entry[:-1] + entities + "\n")
        done = tombolo("config", "check", "--config", path, check=False)
        assert (done.returncode == 0) is is_good, done.stderr
        if not is_good:
            assert "tombolo.yaml" in done.stderr
