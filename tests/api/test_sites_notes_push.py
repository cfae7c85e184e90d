"""Pushing records, each promise of the notes by name."""

import json

import pytest

from harness import assert_error, ids, keys


@pytest.fixture
def pair(org):
    return org.site(stores=2), org.site()


def test_a_repeated_push_changes_nothing_and_succeeds(org, pair):
    a, b = pair
    records = [a.invoice("x%d" % i, b.store) for i in range(5)]
    first = a.pushed(*records).json()
    b.drain()
    before = org.export()
    for _ in range(3):
        assert a.push(*records).json() == first
    assert org.export() == before
    assert b.pull() == []


def test_the_answer_counts_what_was_accepted(pair):
    a, _ = pair
    r = a.push(a.invoice("x"), a.invoice("y"), a.invoice("z"))
    assert r.status_code == 200
    assert r.json() == {"accepted": 3, "rejected": []}


def test_an_empty_push_is_an_answer_too(pair):
    assert pair[0].push().json() == {"accepted": 0, "rejected": []}


@pytest.mark.parametrize("first,second", [("insert", "insert"),
                                          ("update", "update"),
                                          ("update", "insert")])
def test_insert_and_update_are_both_upserts(org, pair, first, second):
    a, _ = pair
    a.pushed(a.invoice("x", action=first, n=1))
    a.pushed(a.invoice("x", action=second, n=2))
    assert org.exported()["transact", "x"]["data"]["n"] == 2


@pytest.mark.parametrize("action", ["INSERT", "Insert", "uPdAtE", "update"])
def test_actions_are_read_in_any_letter_case(org, pair, action):
    a, _ = pair
    a.pushed(a.invoice("x", action=action))
    assert ("transact", "x") in org.exported()


@pytest.mark.parametrize("action", ["delete", "DELETE", "Delete"])
def test_delete_is_read_in_any_letter_case(pair, action):
    a, b = pair
    a.pushed(a.invoice("x", b.store))
    b.drain()
    a.pushed(a.record("transact", "x", action=action))
    assert b.pull()[0]["action"] == "delete"


def test_deleting_what_is_not_there_changes_nothing(org, pair):
    a, b = pair
    a.pushed(a.invoice("x", b.store), a.invoice("y", b.store))
    a.pushed(a.record("transact", "x", action="delete"))
    b.drain()
    a.pushed(a.record("transact", "x", action="delete"))
    assert b.pull() == []


@pytest.mark.parametrize("action", ["patch", "PATCH"])
def test_patch_changes_the_fields_it_names(pair, action):
    a, b = pair
    a.pushed(a.invoice("x", b.store, n=1, keep="k"))
    b.drain()
    a.pushed(a.record("transact", "x", {"n": 2, "more": [1]}, action))
    data = b.pull()[0]["data"]
    assert (data["n"], data["keep"], data["more"]) == (2, "k", [1])
    assert data["store_ID"] == a.store


def test_patch_leaves_the_other_fields_bytes_alone(pair):
    a, b = pair
    body = a.invoice("x", b.store)
    text = json.dumps([body]).replace('"ID": "x"', '"ID": "x", "q": 1.10')
    assert a.post("queued_records", text).json()["accepted"] == 1
    a.pushed(a.record("transact", "x", {"n": 2}, "patch"))
    assert b'"q": 1.10' in b.get("queued_records").content or \
        b'"q":1.10' in b.get("queued_records").content


def test_merge_merges_the_record_into_the_id_in_data(org):
    p, a = org.primary(), org.site()
    p.pushed(p.record("item", "keep", {"n": 1}),
             p.record("item", "lose", {"n": 2}))
    _, cursor = a.central_all()
    p.pushed(p.record("item", "lose", {
        "mergeIdToKeep": "keep", "mergeIdToDelete": "lose"}, "merge"))
    assert ("item", "keep") in keys(
        [e for e in a.central_all()[0] if e["action"] != "delete"])
    gone = {e["recordID"]: e["action"] for e in a.central_all(cursor)[0]}
    assert gone["lose"] == "delete"


def test_a_repeated_merge_succeeds(org):
    p = org.primary()
    p.pushed(p.record("item", "keep", {"n": 1}),
             p.record("item", "lose", {"n": 2}))
    merge = p.record("item", "lose", {
        "mergeIdToKeep": "keep", "mergeIdToDelete": "lose"}, "merge")
    p.pushed(merge)
    before = org.export()
    p.pushed(merge)
    assert org.export() == before


def test_one_bad_record_never_blocks_the_others(org, pair):
    a, b = pair
    bad = a.record("transact", "bad", {"store_ID": b.store})
    e, = a.rejected(a.invoice("x"), bad, a.invoice("y"))
    assert (e["recordID"], e["table"]) == ("bad", "transact")
    got = org.exported()
    assert ("transact", "x") in got and ("transact", "y") in got
    assert ("transact", "bad") not in got


def test_a_bad_record_is_in_quarantine_with_its_reason(org, pair):
    a, b = pair
    e, = a.rejected(a.record("transact", "bad", {"store_ID": b.store}))
    entry, = org.quarantined()
    values = json.dumps(entry)
    assert '"bad"' in values and '"transact"' in values
    assert e["code"] in values
    assert org.quarantined(a.name) == [entry]
    assert org.quarantined(b.name) == []


def test_quarantine_holds_one_entry_for_each_site_table_and_id(org, pair):
    a, b = pair
    for n in range(4):
        a.rejected(a.record("transact", "bad", {"store_ID": b.store, "n": n}),
                   a.record("requisition", "bad", {"store_ID": b.store}))
    c = org.site()
    c.rejected(c.record("transact", "bad", {"store_ID": b.store}))
    assert len(org.quarantined()) == 3
    assert len(org.quarantined(a.name)) == 2


def test_a_later_accepted_push_closes_quarantine(org, pair):
    a, b = pair
    a.rejected(a.record("transact", "x", {"store_ID": b.store}))
    assert len(org.quarantined()) == 1
    a.pushed(a.invoice("x"))
    assert org.quarantined() == []


def test_an_operator_retries_what_has_become_right(org, pair):
    a, b = pair
    a.rejected(a.record("transact", "x", {"store_ID": b.store, "n": 7}))
    org.cli.store_assign(b.store, org.name, a.name)
    org.cli.quarantine("retry", org.name, everything=True)
    assert org.quarantined() == []
    assert org.exported()["transact", "x"]["data"]["n"] == 7


def test_an_operator_drops_an_entry(org, pair):
    a, b = pair
    a.rejected(a.record("transact", "x", {"store_ID": b.store}),
               a.record("transact", "y", {"store_ID": b.store}))
    org.cli.quarantine("drop", org.name, a.name, "transact", "x")
    entry, = org.quarantined()
    assert '"y"' in json.dumps(entry)


@pytest.mark.parametrize("body", [
    b"", b"nonsense", b"{}", b'"text"', b"17", b"null", b"[1]", b'["a"]',
    b"[[]]", b'[{"table":"transact"', b'{"queueLength":0,"data":[]}'])
def test_what_is_not_an_array_of_records_is_400_and_changes_nothing(
        org, pair, body):
    a, _ = pair
    a.pushed(a.invoice("x"))
    before = org.export()
    assert_error(a.post("queued_records", body), 400)
    assert org.export() == before
    assert org.quarantined() == []


def test_a_400_in_the_last_record_undoes_the_first(org, pair):
    a, _ = pair
    text = json.dumps([a.invoice("x"), a.invoice("y")])[:-1] + ", 17]"
    assert_error(a.post("queued_records", text), 400)
    assert org.exported() == {}


def test_a_site_writes_only_records_of_its_own_stores(pair):
    a, b = pair
    e, = a.rejected(a.record("transact", "x", {"store_ID": b.store}))
    assert e["recordID"] == "x"


def test_a_site_writes_records_of_each_of_its_stores(org, pair):
    a, _ = pair
    a.pushed(*[a.record("transact", s, {"store_ID": s}) for s in a.stores])
    assert len(org.exported()) == 2


def test_a_record_of_no_known_store_is_refused(pair):
    a, _ = pair
    assert len(a.rejected(
        a.record("transact", "x", {"store_ID": "no-such-store"}))) == 1


def test_central_tables_only_if_the_account_says_so(org, pair):
    a, _ = pair
    e, = a.rejected(a.record("item", "x", {"n": 1}))
    assert (e["recordID"], e["table"]) == ("x", "item")
    assert a.central() == []
    p = org.primary()
    p.pushed(p.record("item", "x", {"n": 1}))
    assert ids(a.central()) == ["x"]


def test_a_record_stored_for_another_store_cannot_be_taken(org, pair):
    a, b = pair
    b.pushed(b.invoice("x", n=1))
    for action in ("insert", "update"):
        assert len(a.rejected(a.invoice("x", action=action, n=2))) == 1
    assert org.exported()["transact", "x"]["data"]["store_ID"] == b.store


def test_a_record_cannot_be_moved_to_a_foreign_store(org, pair):
    a, b = pair
    a.pushed(a.invoice("x", n=1))
    assert len(a.rejected(
        a.record("transact", "x", {"store_ID": b.store}))) == 1
    assert org.exported()["transact", "x"]["data"]["store_ID"] == a.store


def test_a_record_moves_between_a_sites_own_stores(org, pair):
    a, _ = pair
    a.pushed(a.invoice("x", n=1))
    a.pushed(a.record("transact", "x", {"store_ID": a.stores[1]}))
    assert org.exported()["transact", "x"]["data"]["store_ID"] == a.stores[1]


@pytest.mark.parametrize("action,data", [
    ("delete", {}), ("patch", {"n": 2}),
    ("merge", {"mergeIdToKeep": "mine", "mergeIdToDelete": "x"})])
def test_delete_patch_and_merge_use_the_stored_records_right(
        org, pair, action, data):
    a, b = pair
    b.pushed(b.invoice("x", n=1))
    a.pushed(a.invoice("mine", n=1))
    before = org.export()
    assert len(a.rejected(a.record("transact", "x", data, action))) == 1
    # A body that names an own store gives no right to the stored record.
    assert len(a.rejected(a.record(
        "transact", "x", {**data, "store_ID": a.store}, action))) == 1
    assert org.export() == before


def test_declared_types_are_checked(org):
    a = org.site()
    body = {"store_ID": a.store}
    a.pushed(a.record("patient_note", "good", {**body, "note": "n"}))
    bad = [a.record("patient_note", "b1", {**body, "note": 17}),
           a.record("patient_note", "b2", {**body, "note": None}),
           a.record("patient_note", "b3", body)]
    assert ids(a.rejected(*bad)) == ["b1", "b2", "b3"]
    assert len(org.quarantined()) == 3


def test_unknown_tables_are_accepted_and_kept(org):
    a = org.site()
    a.pushed(a.record("zebra", "z", {"stripes": 26}))
    assert org.exported()["zebra", "z"]["data"] == {"stripes": 26}


def test_unknown_tables_belong_to_the_site_that_pushed_first(org):
    a, b = org.site(), org.site()
    a.pushed(a.record("zebra", "z", {"n": 1}))
    assert len(b.rejected(b.record("zebra", "z", {"n": 2}))) == 1
    assert len(b.rejected(b.record("zebra", "z", action="delete"))) == 1
    b.pushed(b.record("zebra", "z2", {"n": 3}))
    a.pushed(a.record("zebra", "z", {"n": 4}))
    assert org.exported()["zebra", "z"]["data"] == {"n": 4}
    assert b.pull() == []


def test_the_same_record_twice_in_one_push_ends_as_the_last(org, pair):
    a, b = pair
    a.pushed(a.invoice("x", b.store, n=1), a.invoice("x", b.store, n=2),
             a.invoice("x", b.store, n=3))
    entry, = b.pull()
    assert entry["data"]["n"] == 3


def test_a_push_without_a_content_type_is_read(pair):
    a, _ = pair
    r = a.post("queued_records", [a.invoice("x")])
    assert "Content-Type" not in r.request.headers
    assert r.json() == {"accepted": 1, "rejected": []}


def test_orgs_do_not_share_records(server):
    one, two = server.org(), server.org()
    a, b = one.site(), two.site()
    a.pushed(a.record("zebra", "z", {"n": 1}))
    b.pushed(b.record("zebra", "z", {"n": 2}))
    assert one.exported()["zebra", "z"]["data"] == {"n": 1}
    assert two.exported()["zebra", "z"]["data"] == {"n": 2}


def test_a_line_in_too_many_stores_does_not_keep_its_invoice_out(org, pair):
    a, _ = pair
    a.pushed(a.line("l", "x"))
    for k in range(70):
        assert a.push(a.invoice("x", "elsewhere-%d" % k)).status_code == 200
        # Another parent makes room for more: each has entries of its own.
        a.push(a.invoice("y%d" % k, "more-%d" % k), a.line("m", "y%d" % k))
    r = a.push(a.invoice("y60", "last"), a.invoice("other"))
    assert r.status_code == 200
    assert ("transact", "other") in org.exported()


def test_a_patch_of_too_many_fields_harms_itself_alone(org, pair):
    a, _ = pair
    wide = '{%s}' % ",".join('"k%d":0' % i for i in range(1100000))
    text = '[{"table":"loose","recordID":"w","action":"insert","data":%s}]'
    assert a.post("queued_records", text % wide).json()["accepted"] == 1
    r = a.push(a.record("loose", "w", {"x": 1}, "patch"), a.invoice("x"))
    assert [x["recordID"] for x in r.json()["rejected"]] == ["w"]
    assert ("transact", "x") in org.exported()


def test_a_patch_keeps_the_order_and_adds_what_is_new_behind(org, pair):
    a, _ = pair
    a.pushed(a.record("loose", "p", {"b": 1, "a": 2, "c": 3}))
    a.pushed(a.record("loose", "p", {"z": 4, "c": 5, "aa": 6, "b": 7},
                      "patch"))
    assert list(org.exported()["loose", "p"]["data"].items()) == [
        ("b", 7), ("a", 2), ("c", 5), ("z", 4), ("aa", 6)]


def test_what_has_very_many_values_is_listed_in_quarantine(org, pair):
    a, b = pair
    data = '{"store_ID":"%s","a":[%s0]}' % (b.store, "0," * 4000000)
    text = '[{"table":"transact","recordID":"q","action":"insert","data":%s}]'
    assert a.post("queued_records", text % data).json()["accepted"] == 0
    assert [x["recordID"] for x in org.quarantined(a.name)] == ["q"]
