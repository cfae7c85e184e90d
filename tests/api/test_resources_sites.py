"""One store: what a site pushes is read here, what is changed here is in the
site's queue, and both know each record by a name of their own."""

import pytest

from resources import (NOT_FOUND, assert_error, assert_stale, ids_of, micros,
                       object_of)


@pytest.fixture
def ward(rorg):
    """A site with a store, another with another, and a member of staff."""
    return rorg, rorg.site(), rorg.site(), rorg.staff()


def person(site, record, action="insert", **data):
    return site.record("people", record,
                       {"store_id": site.store, **data}, action)


def visit(site, record, action="insert", **data):
    return site.record("visits", record,
                       {"store_id": site.store, "status": "PENDING",
                        **data}, action)


# --- from a site to here -----------------------------------------------------

def test_what_a_site_pushes_is_here_at_once(ward):
    _, a, _, staff = ward
    a.pushed(person(a, "p-1", name="Asha", phone="+91"))
    record, = staff.records("people")
    assert type(record["id"]) is int and record["id"] > 0
    assert (record["name"], record["phone"]) == ("Asha", "+91")
    assert "store_id" not in record
    assert record["created_at"] == record["updated_at"]
    assert record["last_synced_at"] is None
    assert staff.one("people", record["id"]).json() == record
    assert_error(staff.one("people", "p-1"), 404, NOT_FOUND)


def test_a_record_keeps_its_integer_for_ever(ward, resources):
    _, a, _, staff = ward
    a.pushed(person(a, "p-1", name="1"), person(a, "p-2", name="2"))
    first = {r["name"]: r["id"] for r in staff.records("people")}
    a.pushed(person(a, "p-1", "update", name="3"))
    resources.restart(hard=True)
    a.pushed(person(a, "p-3", name="4"))
    got = {r["name"]: r["id"] for r in staff.records("people")}
    assert (got["3"], got["2"]) == (first["1"], first["2"])
    assert got["4"] > max(first.values())


def test_a_record_deleted_and_pushed_again_has_one_id_that_is_its_own(ward):
    _, a, _, staff = ward
    a.pushed(person(a, "p-1", name="1"), person(a, "p-2", name="2"))
    a.pushed(person(a, "p-1", "delete"))
    a.pushed(person(a, "p-1", name="3"))
    names = {r["id"]: r["name"] for r in staff.records("people")}
    assert sorted(names.values()) == ["2", "3"]


def test_references_are_translated(ward):
    _, a, _, staff = ward
    a.pushed(person(a, "p-1", name="n"), visit(a, "v-1", person_id="p-1",
                                               doctor_id=10))
    shown, = staff.records("people")
    record, = staff.records("visits")
    assert (record["person_id"], record["doctor_id"]) == (shown["id"], 10)


def test_a_reference_is_null_until_the_other_record_is_there(ward):
    """And then the record that refers to it is a change."""
    rorg, a, _, staff = ward
    a.pushed(visit(a, "v-1", person_id="p-1"))
    record, = staff.records("visits")
    assert record["person_id"] is None
    _, last = staff.pull("visits")
    a.pushed(person(a, "p-1", name="n"))
    shown, = staff.records("people")
    assert staff.one("visits", record["id"]).json()["person_id"] == \
        shown["id"]
    patient = rorg.user("patient", shown["id"])
    assert ids_of(patient.records("visits")) == [record["id"]]
    assert ids_of(staff.records("visits", last)) == [record["id"]]


def test_a_site_that_changes_a_record_is_a_change_here(ward):
    _, a, _, staff = ward
    a.pushed(person(a, "p-1", name="1"))
    before, = staff.records("people")
    r = staff.sync("people")
    a.pushed(person(a, "p-1", "update", name="2"))
    after, = staff.records("people", r.headers["X-Last-Sync"])
    assert after["name"] == "2"
    assert after["created_at"] == before["created_at"]
    assert micros(after["updated_at"]) > micros(before["updated_at"])
    assert staff.sync("people", headers={
        "If-None-Match": r.headers["ETag"]}).status_code == 200
    a.pushed(person(a, "p-1", "update", name="2"))
    assert staff.records("people", after["updated_at"]) == []


def test_a_site_that_deletes_a_record_leaves_a_tombstone(ward):
    _, a, _, staff = ward
    a.pushed(person(a, "p-1", name="1"))
    record, = staff.records("people")
    _, last = staff.pull("people")
    a.pushed(person(a, "p-1", "delete"))
    assert staff.records("people") == []
    tomb, = staff.records("people", last, deleted=1)
    assert (tomb["id"], tomb["deleted"]) == (record["id"], True)
    assert_error(staff.one("people", record["id"]), 404, NOT_FOUND)


def test_undeclared_members_are_kept_and_given_back(ward):
    """Behind the declared ones, byte for byte, and over every edit here."""
    _, a, b, staff = ward
    text = '{"zone": {"b":1.10,"a":[ ]}, "name":"n", "store_id":"%s",' \
        '"visible_store_ids":["%s"], "big":12345678901234567890}' % (
            a.store, b.store)
    r = a.post("queued_records", '[{"site_id":"%d","table":"people",'
               '"recordID":"p-1","action":"insert","sequence":"1",'
               '"data":%s}]' % (a.number, text))
    assert r.json() == {"accepted": 1, "rejected": []}
    b.drain()
    record, = staff.records("people")
    assert (record["zone"], record["big"]) == (
        {"b": 1.10, "a": []}, 12345678901234567890)
    names = list(record)
    assert min(names.index("zone"), names.index("big")) > max(
        names.index("name"), names.index("phone"))
    assert "12345678901234567890" in staff.sync("people").text
    assert "1.10" in staff.sync("people").text
    record = staff.updated("people", record, phone="5")
    record = object_of(staff.patch("people", record["id"], name="m"))
    assert (record["zone"], record["big"]) == (
        {"b": 1.10, "a": []}, 12345678901234567890)
    entry, = b.drain()
    assert (entry["data"]["name"], entry["data"]["phone"]) == ("m", "5")
    assert entry["data"]["big"] == 12345678901234567890
    assert entry["data"]["visible_store_ids"] == [b.store]


def test_undeclared_members_cannot_be_written_here(ward):
    _, a, _, staff = ward
    a.pushed(person(a, "p-1", name="n", zone="north"))
    record, = staff.records("people")
    r = staff.update("people", record["id"], record["updated_at"],
                     phone="1", zone="south")
    assert object_of(r)["zone"] == "north"
    assert r.headers["X-Ignored-Fields"] == "zone"


def test_a_site_s_members_do_not_pass_for_this_apis_own(ward):
    """Its ID and its times are shown as what they are here, once each."""
    _, a, _, staff = ward
    a.pushed(person(a, "p-1", name="n", id="mine", updated_at="junk",
                    created_at=5, last_synced_at="x", deleted=True))
    text = staff.sync("people").text
    record, = staff.records("people")
    assert type(record["id"]) is int
    assert record["created_at"] == record["updated_at"]
    assert record["last_synced_at"] != "x"
    for name in ("id", "updated_at", "created_at", "last_synced_at"):
        assert text.replace(" ", "").count('"%s":' % name) == 1


@pytest.mark.parametrize("field,value", [
    ("name", 5), ("phone", {}), ("name", [])])
def test_a_push_of_a_wrong_type_is_quarantined(ward, field, value):
    _, a, _, staff = ward
    entry, = a.rejected(person(a, "p-1", **{field: value}))
    assert entry["recordID"] == "p-1"
    assert staff.records("people") == []


def test_an_enum_that_is_none_is_quarantined(ward):
    _, a, _, staff = ward
    assert len(a.rejected(visit(a, "v-1", status="zzz"))) == 1
    assert staff.records("visits") == []


def test_a_decimal_record_id_must_be_there_already(ward):
    """A site cannot take an integer that the server will give to another."""
    _, a, b, staff = ward
    assert len(a.rejected(person(a, "1", name="n"))) == 1
    assert len(a.rejected(person(a, "99999", name="n"))) == 1
    assert staff.records("people") == []
    made = staff.created("people", name="n")
    assert made["name"] == "n"


def test_string_ids_are_the_record_ids(rorg):
    p, staff = rorg.org.primary(), rorg.staff()
    p.pushed(p.record("tags", "x/1", {"label": "a"}),
             p.record("tags", "17", {"label": "b"}))
    assert [(r["id"], r["label"]) for r in staff.records("tags")] == [
        ("x/1", "a"), ("17", "b")]


# --- from here to a site -----------------------------------------------------

def test_an_update_here_is_in_the_sites_queue(ward):
    """Under the site's own recordID, with its own references."""
    _, a, b, staff = ward
    a.pushed(person(a, "p-1", name="n"),
             visit(a, "v-1", person_id="p-1", room="7"))
    assert a.drain() == b.drain() == []
    record, = staff.records("visits")
    staff.updated("visits", record, status="CONFIRMED", diagnosis="a cold")
    entry, = a.drain()
    assert (entry["table"], entry["recordID"]) == ("visits", "v-1")
    data = dict(entry["data"])
    data.pop("last_synced_at", None)
    assert {k: v for k, v in data.items() if v is not None} == {
        "store_id": a.store, "status": "CONFIRMED", "person_id": "p-1",
        "room": "7", "diagnosis": "a cold"}
    assert b.drain() == []


def test_a_reference_written_here_is_the_other_record_id_there(ward):
    _, a, _, staff = ward
    a.pushed(person(a, "p-1", name="1"), person(a, "p-2", name="2"),
             visit(a, "v-1", person_id="p-1"))
    a.drain()
    two = [r for r in staff.records("people") if r["name"] == "2"][0]
    record, = staff.records("visits")
    got = object_of(staff.patch("visits", record["id"],
                                person_id=two["id"]))
    assert got["person_id"] == two["id"]
    entry, = a.drain()
    assert entry["data"]["person_id"] == "p-2"


def test_a_deletion_here_is_one_at_the_site(ward):
    _, a, _, staff = ward
    a.pushed(person(a, "p-1", name="n"))
    record, = staff.records("people")
    staff.deleted("people", record["id"])
    entry, = a.drain()
    assert (entry["recordID"], entry["action"]) == ("p-1", "delete")


def test_a_central_record_made_here_has_its_ids_text_at_the_sites(rorg):
    staff, site = rorg.staff(), rorg.site()
    made = staff.created("shops", name="one")
    stock = staff.created("shop-stock", shop_id=made["id"], quantity=3)
    entries, _ = site.central_all()
    found = {(e["table"], e["recordID"]): e["data"] for e in entries
             if e.get("data") != "none"}
    assert found["shops", str(made["id"])]["name"] == "one"
    data = found["shop_stock", str(stock["id"])]
    assert str(data["shop_id"]) == str(made["id"])
    assert "shop_name" not in data


def test_a_site_may_edit_what_was_made_here_by_its_decimal_id(rorg):
    staff, p = rorg.staff(), rorg.org.primary()
    made = staff.created("shops", name="one")
    p.pushed(p.record("shops", str(made["id"]), {"name": "two"}, "update"))
    got, = staff.records("shops")
    assert (got["id"], got["name"]) == (made["id"], "two")


@pytest.mark.parametrize("form", ["0%d", "+%d", "%d.0", " %d"])
def test_another_spelling_of_a_decimal_id_is_not_that_record(rorg, form):
    staff, p = rorg.staff(), rorg.org.primary()
    made = staff.created("shops", name="one")
    p.push(p.record("shops", form % made["id"], {"name": "two"}, "update"))
    assert staff.one("shops", made["id"]).json() == made


def test_ids_given_here_and_there_never_meet(rorg):
    staff, p = rorg.staff(), rorg.org.primary()
    for n in range(20):
        if n % 2:
            staff.created("shops", name=str(n))
        else:
            p.pushed(p.record("shops", "s-%d" % n, {"name": str(n)}))
    got = staff.records("shops")
    assert [r["name"] for r in got] == [str(n) for n in range(20)]
    assert len(set(ids_of(got))) == 20


# --- who gets what -----------------------------------------------------------

def test_a_store_s_record_never_reaches_another_store(ward):
    _, a, b, staff = ward
    a.pushed(person(a, "p-1", name="1"), visit(a, "v-1", person_id="p-1"))
    for record in staff.records("people"):
        staff.updated("people", record, phone="5")
    for record in staff.records("visits"):
        staff.updated("visits", record, status="DONE")
    assert len(a.drain()) == 2
    assert b.drain() == []


@pytest.mark.parametrize("form", ["list", "text"])
def test_further_stores_may_be_a_list_or_a_single_one(ward, form):
    rorg, a, b, staff = ward
    c = rorg.site()
    to = [b.store, c.store] if form == "list" else b.store
    a.pushed(person(a, "p-1", name="1", visible_store_ids=to))
    assert [e["recordID"] for e in b.drain()] == ["p-1"]
    assert [e["recordID"] for e in c.drain()] == (
        ["p-1"] if form == "list" else [])
    record, = staff.records("people")
    staff.updated("people", record, phone="5")
    for site in (a, b):
        entry, = site.drain()
        assert entry["data"]["phone"] == "5"
    a.drain()
    data = dict(entry["data"])
    del data["visible_store_ids"]
    a.pushed(a.record("people", "p-1", data, "update"))
    entry, = b.drain()
    assert (entry["recordID"], entry["action"]) == ("p-1", "delete")


@pytest.mark.parametrize("odd", [[], None, "", [""], ["nowhere"]])
def test_odd_lists_of_stores_show_it_to_nobody_else(ward, odd):
    _, a, b, staff = ward
    a.pushed(person(a, "p-1", name="1", visible_store_ids=odd))
    assert b.drain() == []
    assert len(staff.records("people")) == 1


def test_a_store_twice_in_the_list_is_one_entry(ward):
    _, a, b, _ = ward
    a.pushed(person(a, "p-1", name="1",
                    visible_store_ids=[b.store, b.store, a.store]))
    assert len(b.drain()) == 1


# --- two writers -------------------------------------------------------------

def test_an_edit_here_of_what_a_site_changed_since_is_stale(ward):
    _, a, _, staff = ward
    a.pushed(visit(a, "v-1"))
    record, = staff.records("visits")
    a.pushed(visit(a, "v-1", "update", symptoms="worse"))
    newer, = staff.records("visits")
    assert_stale(staff.update("visits", record["id"], record["updated_at"],
                              status="DONE"),
                 newer["updated_at"], record["updated_at"])
    assert staff.records("visits") == [newer]


def test_a_late_push_over_an_edit_here_is_in_the_ledger(ward):
    """The site wins by default, and both versions are kept."""
    rorg, a, _, staff = ward
    a.pushed(visit(a, "v-1"))
    record, = staff.records("visits")
    staff.updated("visits", record, symptoms="written here")
    a.pushed(visit(a, "v-1", "update", symptoms="written there"))
    now, = staff.records("visits")
    assert now["symptoms"] == "written there"
    entry, = rorg.admin.conflicts()
    assert entry["collection"] == "visits"
    assert str(entry["record"]) in (str(record["id"]), "v-1")
    assert entry["resolution"] == "site"
    assert entry["server"]["symptoms"] == "written here"
    assert entry["client"]["symptoms"] == "written there"


def test_a_site_sees_an_edit_here_before_it_writes_and_there_is_no_conflict(
        ward):
    rorg, a, _, staff = ward
    a.pushed(visit(a, "v-1"))
    record, = staff.records("visits")
    staff.updated("visits", record, diagnosis="a cold")
    entry, = a.drain()
    a.pushed(a.record("visits", "v-1",
                      {**entry["data"], "status": "DONE"}, "update"))
    now, = staff.records("visits")
    assert (now["diagnosis"], now["status"]) == ("a cold", "DONE")
    assert rorg.admin.conflicts() == []


# --- out and in --------------------------------------------------------------

def test_ids_and_references_go_along_by_export_and_import(ward, resources):
    rorg, a, _, staff = ward
    made = staff.created("people", name="here")
    a.pushed(person(a, "p-1", name="there"), visit(a, "v-1",
                                                   person_id="p-1"))
    staff.created("visits", person_id=made["id"])
    other = type(rorg)(resources)
    path = resources.folder / "rows.ndjson"
    path.write_text("\n".join(rorg.org.export()) + "\n")
    other.cli.import_(path, other.name)
    reader = other.staff()
    for name in ("people", "visits"):
        assert [(r["id"], r.get("name"), r.get("person_id"))
                for r in reader.records(name)] == [
            (r["id"], r.get("name"), r.get("person_id"))
            for r in staff.records(name)]
    gone = staff.created("people", name="gone")
    staff.deleted("people", gone["id"])
    path.write_text("\n".join(rorg.org.export()) + "\n")
    third = type(rorg)(resources)
    third.cli.import_(path, third.name)
    assert third.staff().created("people", name="n")["id"] > gone["id"]
