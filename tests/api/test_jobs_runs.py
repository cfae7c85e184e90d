"""What a run stores: all, what changed, one entity, deletions, renames; bad
records hold up no others, and bytes stay what they are."""

import json

import pytest

from jobs import JobsOrg, config, object_of
from jobs_source import Sources, Status
from resources import User

THREE = [{"name": "products", "collection": "product"},
         {"name": "customers", "collection": "customer"},
         {"name": "items", "collection": "item", "key": "code"}]
DELETING = {"name": "products", "collection": "product",
            "deleted_field": "deleted"}


@pytest.fixture(scope="module")
def sources():
    s = Sources(12)
    s.add("three", entities=THREE)
    s.add("deleting", entities=[DELETING])
    s.add("by-value", entities=[{**DELETING, "deleted_field": "state",
                                 "deleted_value": "gone"}])
    s.add("keeping", entities=[{**DELETING, "on_delete": "ignore"}])
    s.add("renaming", entities=[{
        "name": "products", "collection": "product", "renames": [
            {"from": "name", "to": "title"}, {"from": "n", "to": "qty"}]}])
    s.add("nested", entities=[{
        "name": "products", "collection": "product", "key": "sku",
        "path": "a/b/products.json"}])
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
def shelf(sources):
    s = sources.take()
    yield s
    s.release()


@pytest.fixture
def named(sources):
    def by_name(name):
        return sources.at(name).reset()
    return by_name


def counts(read=0, written=0, unchanged=0, rejected=0):
    return {"read": read, "written": written, "unchanged": unchanged,
            "rejected": rejected}


def text_of(org, key, table="product"):
    """What stands behind "data": in the export, byte for byte."""
    return org.texts(table)[key].split('"data":', 1)[1]


# --- full --------------------------------------------------------------------

def test_full_brings_everything(org, user, shelf):
    keys = shelf.fill(11, qty=7)
    job = user.ran(shelf)
    assert job["records"] == counts(read=11, written=11)
    assert org.records() == {k: {"id": k, "title": "T " + k, "qty": 7}
                             for k in keys}
    assert shelf.pages() == [1, 2, 3, 4, 5, 6]


def test_what_was_brought_reaches_sites_and_phones(org, user, shelf):
    """The order of arrival is that of the source."""
    keys = shelf.fill(5)
    site = org.org.site()
    user.ran(shelf)
    entries, _ = site.central_all()
    assert [e["recordID"] for e in entries] == keys
    phone = User(org.server, user.name, user.password)
    assert sorted(r["id"] for r in phone.records("product")) == sorted(keys)
    shelf.put({"id": "r0", "title": "Other"})
    user.ran(shelf)
    assert phone.one("product", "r0").json()["title"] == "Other"
    newer, _ = site.central_all(cursor=int(entries[-1]["sequence"]))
    assert [(e["recordID"], e["data"]["title"]) for e in newer] \
        == [("r0", "Other")]


def test_full_removes_nothing_that_is_not_there_any_more(org, user, shelf):
    """Records are put under their keys; what sites wrote stays, too."""
    shelf.fill(4)
    user.ran(shelf)
    primary = org.org.primary()
    primary.pushed(primary.record("product", "own", {"title": "Own"}))
    shelf.fill(2, prefix="new")
    user.ran(shelf)
    assert sorted(org.records()) == ["new0", "new1", "own", "r0", "r1", "r2",
                                     "r3"]


def test_an_empty_source(org, user, shelf):
    job = user.ran(shelf)
    assert job["records"] == counts() and job["progress"] == 100
    assert org.export() == []


def test_what_is_stored_already_is_unchanged(org, user, shelf):
    """And nobody hears of it."""
    keys = shelf.fill(6)
    user.ran(shelf)
    before = org.export()
    assert user.ran(shelf)["records"] == counts(read=6, unchanged=6)
    assert org.export() == before
    shelf.put(*[{"id": k, "title": "T " + k, "qty": 5} if k == "r3"
                else {"id": k, "title": "T " + k} for k in keys])
    assert user.ran(shelf)["records"] == counts(read=6, written=1,
                                                unchanged=5)
    changed = [x for x in org.export() if x not in before]
    assert len(changed) == 1 and json.loads(changed[0])["recordID"] == "r3"


def test_a_key_that_comes_twice_is_one_record(org, user, shelf):
    """In a page and in several; what came last stays."""
    shelf.put(*[{"id": k, "title": "T%d" % n}
                for n, k in enumerate("aabacbbc")])
    shelf.page_size = 3
    job = user.ran(shelf)
    assert job["records"]["read"] == 8
    assert {k: r["title"] for k, r in org.records().items()} \
        == {"a": "T3", "b": "T6", "c": "T7"}


def test_jobs_of_two_orgs_do_not_meet(server, org, user, shelf):
    other = JobsOrg(server)
    shelf.fill(3)
    user.ran(shelf)
    assert len(org.records()) == 3 and other.records() == {}
    other.user.ran(shelf)
    assert sorted(other.records()) == sorted(org.records())


def test_many_records(org, user, shelf):
    count = 3000
    shelf.page_size = 250
    shelf.fill(count)
    job = user.ran(shelf)
    assert job["records"] == counts(read=count, written=count)
    assert len(org.records()) == count


# --- incremental -------------------------------------------------------------

def sinces(shelf):
    """The `since` of each run's first page."""
    return [a.query.get("since") for a in shelf.asks(page=1)]


def same_second(since, time):
    """A time that a source was asked with is the one that is shown."""
    assert since[:19] + "Z" == time, (since, time)


def test_incremental_begins_when_the_last_success_began(org, user, shelf):
    """That of a job of this name, of whatever type."""
    shelf.put({"id": "a", "title": "A",
               "updated_at": "2020-01-01T00:00:00Z"})
    first = user.ran(shelf, "nightly")
    user.ran(shelf, "another")
    shelf.put({"id": "a", "title": "A2",
               "updated_at": "2020-01-01T00:00:00Z"},
              {"id": "b", "title": "B",
               "updated_at": "2099-01-01T00:00:00Z"})
    second = user.ran(shelf, "nightly", type="incremental")
    third = user.ran(shelf, "nightly", type="incremental")
    got = sinces(shelf)
    assert got[:2] == [None, None]
    same_second(got[2], first["startedAt"])
    same_second(got[3], second["startedAt"])
    assert second["records"] == counts(read=1, written=1)
    assert third["records"] == counts(read=1, unchanged=1)
    assert org.records()["a"]["title"] == "A"


def test_the_first_incremental_brings_everything(org, user, shelf):
    shelf.fill(3)
    user.ran(shelf, "new", type="incremental")
    assert sinces(shelf) == [None] and len(org.records()) == 3


def test_a_run_that_failed_or_was_cancelled_is_no_success(user, shelf):
    shelf.fill(3)
    first = user.ran(shelf, "nightly")
    shelf.spoil(Status(401))
    user.failed(user.queued(shelf, "nightly", type="incremental")["id"])
    hold = shelf.hold(page=2)
    job_id = user.queued(shelf, "nightly")["id"]
    hold.wait()
    user.cancelled(job_id)
    hold.release()
    user.ran(shelf, "nightly", type="incremental")
    same_second(sinces(shelf)[-1], first["startedAt"])


def test_what_changes_during_a_run_is_not_missed(user, shelf):
    """It is when the run began that counts, not when it ended."""
    shelf.fill(3)
    hold = shelf.hold(page=2)
    job_id = user.queued(shelf, "nightly")["id"]
    hold.wait()
    began = user.wait(job_id, "active")["startedAt"]
    user.paused("nightly")
    hold.release()
    user.resumed("nightly")
    user.done(job_id)
    user.ran(shelf, "nightly", type="incremental")
    same_second(sinces(shelf)[-1], began)


def test_updated_since_goes_before_the_last_success(user, shelf):
    """For any type; at any offset it is the same time."""
    shelf.fill(1)
    user.ran(shelf, "nightly")
    for kind in ("full", "incremental"):
        user.ran(shelf, "nightly", type=kind, data={
            "source": shelf.name, "filters": {
                "updatedSince": "2023-01-01T05:30:00+05:30"}})
        same_second(sinces(shelf)[-1], "2023-01-01T00:00:00Z")


def test_the_last_success_outlives_purge_and_kill_9(server, user, shelf):
    shelf.fill(1)
    first = user.ran(shelf, "nightly")
    assert user.purged()["completed"] == 1
    server.restart(hard=True)
    user.ran(shelf, "nightly", type="incremental")
    same_second(sinces(shelf)[-1], first["startedAt"])


def test_the_last_success_is_the_orgs(server, user, shelf):
    other = JobsOrg(server)
    shelf.fill(1)
    user.ran(shelf, "nightly")
    other.user.ran(shelf, "nightly", type="incremental")
    assert sinces(shelf) == [None, None]


# --- entities ----------------------------------------------------------------

def three(shelf):
    shelf.fill(3, "products", "p")
    shelf.fill(2, "customers", "c")
    return shelf.put({"code": 1, "name": "I"}, {"code": "x"}, entity="items")


def test_without_an_entity_it_is_all(org, user, named):
    shelf = three(named("three"))
    job = user.ran(shelf)
    assert [e["entity"] for e in job["entities"]] == ["products",
                                                      "customers", "items"]
    assert [e["written"] for e in job["entities"]] == [3, 2, 2]
    assert [sorted(org.records(t)) for t in ("product", "customer", "item")] \
        == [["p0", "p1", "p2"], ["c0", "c1"], ["1", "x"]]


@pytest.mark.parametrize("kind", ["full", "incremental", "entity"])
def test_with_an_entity_it_is_this_one(org, user, named, kind):
    shelf = three(named("three"))
    job = user.ran(shelf, type=kind,
                   data={"source": "three", "entity": "customers"})
    assert [e["entity"] for e in job["entities"]] == ["customers"]
    assert sorted(org.records("customer")) == ["c0", "c1"]
    assert org.records() == org.records("item") == {}
    assert {a.entity for a in shelf.asked} == {"customers"}


def test_a_path_and_a_key_of_another_name(org, user, named):
    shelf = named("nested")
    shelf.put({"id": "no", "sku": "s-1", "title": "A"},
              entity="a/b/products.json")
    user.ran(shelf)
    assert org.records() == {"s-1": {"id": "no", "sku": "s-1", "title": "A"}}
    assert {a.path for a in shelf.asked} == {"/nested/a/b/products.json"}


# --- records that are refused ------------------------------------------------

BAD = ['{"title":"no key"}', '{"id":null,"title":"x"}',
       '{"id":true,"title":"x"}', '{"id":1.5,"title":"x"}',
       '{"id":{},"title":"x"}', '{"id":"","title":"x"}',
       '{"id":[1],"title":"x"}', '{"id":"bad","title":7}',
       '{"id":"bad"}', '{"id":"bad","title":null}',
       '{"id":"bad","title":"x","qty":"many"}', "7", "null", '"text"', "[]",
       "true", "{}"]


@pytest.mark.parametrize("bad", BAD)
def test_a_bad_record_holds_up_no_other(org, user, shelf, bad):
    """Whatever is wrong with it; it is listed with the reason."""
    shelf.page_size = 3
    shelf.put({"id": "a", "title": "A"}, bad, {"id": "b", "title": "B"},
              {"id": "c", "title": "C"})
    job = user.ran(shelf)
    assert job["records"] == counts(read=4, written=3, rejected=1)
    assert sorted(org.records()) == ["a", "b", "c"]
    error, = job["errors"]
    assert error["entity"] == "products"
    assert error["code"] and error["message"]
    if '"bad"' in bad:
        assert error["record"] == "bad"


def test_a_whole_page_of_bad_records(org, user, shelf):
    shelf.put(*BAD, {"id": "good", "title": "G"}, *BAD)
    job = user.ran(shelf)
    assert job["records"] == counts(read=2 * len(BAD) + 1, written=1,
                                    rejected=2 * len(BAD))
    assert len(job["errors"]) == 2 * len(BAD)
    assert list(org.records()) == ["good"]


def test_a_record_that_becomes_bad_keeps_what_it_was(org, user, shelf):
    shelf.put({"id": "a", "title": "A"})
    user.ran(shelf)
    shelf.put({"id": "a", "title": 7})
    assert user.ran(shelf)["records"] == counts(read=1, rejected=1)
    assert org.records()["a"]["title"] == "A"


def test_the_errors_are_those_of_the_last_run(user, shelf):
    shelf.put({"id": "a", "title": 7})
    assert len(user.ran(shelf, "job")["errors"]) == 1
    shelf.put({"id": "a", "title": "A"})
    assert user.ran(shelf, "job")["errors"] == []


# --- bytes -------------------------------------------------------------------

BODIES = [
    '{"id":"x","title":"T","z":1.50,"a":1e2}',
    '{"z":1,"title":"T","a":{"y":1,"x":2},"id":"x"}',
    '{ "id" : "x" , "title" : "T" , "n" : 12345678901234567890123 }',
    '{"title":"\\u00e9\\u20AC\\/","id":"x","b":"é€𝄞"}',
    '{"id":"x","title":"T","n":-0,"m":1E+2,"o":0.10}',
    '{"id":"x","title":"T","a":{},"b":[],"c":null,"d":true,"":1}',
    '{"id":"x","title":"T","qty":7,"deep":[[[[[[1.0]]]]]]}',
    '{"id":"x","title":"' + "x" * 20000 + '"}']


@pytest.mark.parametrize("body", BODIES, ids=lambda b: b[:30])
def test_a_record_is_kept_as_it_was_received(org, user, shelf, body):
    shelf.put(body)
    user.ran(shelf)
    assert text_of(org, "x").startswith(body)


def test_digits_alone_are_a_change(org, user, shelf):
    shelf.put('{"id":"x","title":"T","a":1.1}')
    user.ran(shelf)
    shelf.put('{"id":"x","title":"T","a":1.10}')
    assert user.ran(shelf)["records"] == counts(read=1, written=1)
    assert '"a":1.10}' in text_of(org, "x")


@pytest.mark.parametrize("key,stored", [
    ("7", "7"), ("0", "0"), ("-3", "-3"),
    ("12345678901234567890", "12345678901234567890"),
    ('"a b/c?#%2F"', "a b/c?#%2F"), ('"\\u00e9"', "é"), ('"' + "k" * 200
                                                       + '"', "k" * 200)])
def test_keys_are_strings_or_whole_numbers(org, user, shelf, key, stored):
    shelf.put('{"id":%s,"title":"T"}' % key)
    user.ran(shelf)
    assert list(org.records()) == [stored]
    assert text_of(org, stored).startswith('{"id":%s,"title":"T"}' % key)


# --- deletions and renames ---------------------------------------------------

def test_a_record_that_is_marked_as_deleted_is_deleted(org, user, named):
    """Where the member is there and neither null nor false."""
    shelf = named("deleting")
    marks = ["true", '"2023-01-01T00:00:00Z"', "1", "0", '""', "{}", "null",
             "false"]
    keys = ["k%d" % n for n in range(len(marks))]
    shelf.put(*[{"id": k, "title": "T"} for k in keys])
    user.ran(shelf)
    site = org.org.site()
    _, cursor = site.central_all()
    shelf.put(*['{"id":"%s","title":"T2","deleted":%s}' % item
                for item in zip(keys, marks)])
    job = user.ran(shelf)
    assert job["records"] == counts(read=8, written=8)
    assert {k: r["title"] for k, r in org.records().items()} \
        == {"k6": "T2", "k7": "T2"}
    entries, _ = site.central_all(cursor)
    assert [(e["recordID"], e["action"]) for e in entries
            if e["action"] == "delete"] == [(k, "delete")
                                            for k in keys[:6]]
    assert user.ran(shelf)["records"] == counts(read=8, unchanged=8)


def test_deleting_what_is_not_there_is_nothing(org, user, named):
    """Nor need it be what the declaration asks for."""
    named("deleting").put({"id": "a", "deleted": True},
                          {"id": "b", "title": "B"})
    assert user.ran("deleting")["records"] == counts(read=2, written=1,
                                                     unchanged=1)
    assert list(org.records()) == ["b"]


def test_what_was_deleted_comes_back(org, user, named):
    shelf = named("deleting")
    for deleted, expected in ((False, ["a"]), (True, []), (False, ["a"])):
        shelf.put({"id": "a", "title": "A", "deleted": deleted})
        user.ran(shelf)
        assert list(org.records()) == expected


def test_a_value_can_say_that_a_record_is_deleted(org, user, named):
    shelf = named("by-value")
    states = ['"gone"', '"Gone"', '"here"', "true", "null", '"g\\u006fne"']
    shelf.put(*['{"id":"k%d","title":"T"}' % n for n in range(len(states))])
    user.ran(shelf)
    shelf.put(*['{"id":"k%d","title":"T","state":%s}' % item
                for item in enumerate(states)])
    user.ran(shelf)
    assert sorted(org.records()) == ["k1", "k2", "k3", "k4"]


def test_deletions_can_be_ignored(org, user, named):
    shelf = named("keeping")
    shelf.put({"id": "a", "title": "A"}, {"id": "b", "title": "B"})
    user.ran(shelf)
    shelf.put({"id": "a", "title": "A2", "deleted": True},
              {"id": "b", "title": "B2"}, {"id": "c", "deleted": True})
    user.ran(shelf)
    assert {k: r["title"] for k, r in org.records().items()} \
        == {"a": "A", "b": "B2"}


def test_members_get_other_names(org, user, named):
    """In their place, their values as they were; others are not touched."""
    named("renaming").put(
        '{"n":7,"id":"x","name":"N\\u0061me","inner":{"name":1},"z":1.0}')
    user.ran("renaming")
    assert text_of(org, "x").startswith(
        '{"qty":7,"id":"x","title":"N\\u0061me","inner":{"name":1},"z":1.0}')
    assert user.ran("renaming")["records"] == counts(read=1, unchanged=1)


def test_a_declaration_holds_for_the_new_name(user, named):
    named("renaming").put({"id": "x", "name": "A", "n": "many"},
                          {"id": "y", "name": "B"})
    job = user.ran("renaming")
    assert job["records"] == counts(read=2, written=1, rejected=1)
    assert job["errors"][0]["record"] == "x"


# --- what other APIs see -----------------------------------------------------

def test_what_a_job_brings_can_be_edited_and_comes_again(org, user, shelf):
    """The job puts what the source says; a stale edit of a phone is told
    so."""
    shelf.put({"id": "a", "title": "A"})
    user.ran(shelf)
    staff = org.new_user("--role", "staff")
    phone = User(org.server, staff.name, staff.password)
    record = phone.one("product", "a").json()
    assert object_of(phone.patch("product", "a", title="Edited"))
    assert user.ran(shelf)["records"]["written"] == 1
    assert phone.one("product", "a").json()["title"] == "A"
    assert record["title"] == "A"


def test_a_site_that_pushes_meanwhile_is_not_held_up(org, user, shelf):
    hold = shelf.hold(page=2)
    shelf.fill(4)
    job_id = user.queued(shelf)["id"]
    hold.wait()
    primary = org.org.primary()
    primary.pushed(*[primary.record("item", "i%d" % n) for n in range(20)])
    hold.release()
    user.done(job_id)
    assert len(org.records("item")) == 20 and len(org.records()) == 4


def test_the_store_is_sound_afterwards(server, user, shelf):
    """Behind all that was done in this file."""
    shelf.fill(3)
    user.ran(shelf)
    server.cli.check()
    server.cli.audit_verify()
