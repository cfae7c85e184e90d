"""The queue and its acknowledgement, each promise of the notes by name."""

import json

import pytest

from harness import assert_error, ids, keys, sequences


@pytest.fixture
def pair(org):
    """A site that sends invoices and the one they are for."""
    return org.site(), org.site()


def test_an_entry_comes_again_until_it_is_acknowledged(pair):
    a, b = pair
    a.pushed(a.invoice("x", b.store))
    first = b.pull()
    for _ in range(3):
        again = b.pull()
        assert keys(again) == [("transact", "x")]
        assert sequences(again) == sequences(first)
        assert again[0]["data"] == first[0]["data"]
    assert b.ack(["x"]) == 1
    assert b.pull() == []


def test_entries_come_in_order(pair):
    a, b = pair
    for i in range(7):
        a.pushed(a.invoice("x%d" % i, b.store))
    got = b.pull()
    assert ids(got) == ["x%d" % i for i in range(7)]
    assert sequences(got) == sorted(set(sequences(got)))


def test_an_entry_leaves_only_by_acknowledgement(server, pair):
    a, b = pair
    a.pushed(*[a.invoice("x%d" % i, b.store) for i in range(5)])
    b.pull()
    b.ack(["x1", "x3"])
    server.restart()
    assert ids(b.pull()) == ["x0", "x2", "x4"]


def test_the_action_is_insert_if_the_site_was_never_sent_it(pair):
    a, b = pair
    a.pushed(a.invoice("x", b.store, n=1))
    a.pushed(a.invoice("x", b.store, "update", n=2))
    entry = b.pull()[0]
    assert entry["action"] == "insert"
    assert entry["data"]["n"] == 2


def test_the_action_is_update_if_the_site_was_sent_it(pair):
    a, b = pair
    a.pushed(a.invoice("x", b.store, n=1))
    b.drain()
    a.pushed(a.invoice("x", b.store, n=2))
    entry = b.pull()[0]
    assert (entry["action"], entry["data"]["n"]) == ("update", 2)


def test_a_redelivered_entry_is_an_update_as_it_was_sent(pair):
    a, b = pair
    a.pushed(a.invoice("x", b.store))
    assert b.pull()[0]["action"] == "insert"
    assert b.pull()[0]["action"] == "update"


def test_the_action_is_delete_with_empty_data_if_the_record_is_gone(pair):
    a, b = pair
    a.pushed(a.invoice("x", b.store))
    b.drain()
    a.pushed(a.invoice("x", action="delete"))
    entry, = b.pull()
    assert (entry["action"], entry["data"]) == ("delete", {})
    assert entry["recordID"] == "x"


def test_data_is_the_record_as_it_is_now(pair):
    a, b = pair
    a.pushed(a.invoice("x", b.store, n=1))
    b.pull()
    a.pushed(a.invoice("x", b.store, n=2))
    entry, = b.pull()
    assert entry["data"]["n"] == 2


def test_there_is_at_most_one_entry_for_each_record(pair):
    a, b = pair
    for n in range(40):
        a.pushed(a.invoice("x", b.store, n=n), a.invoice("y", b.store, n=n))
    assert sorted(ids(b.pull())) == ["x", "y"]


def test_an_acknowledgement_leaves_a_change_made_after_the_pull(pair):
    a, b = pair
    a.pushed(a.invoice("x", b.store, n=1))
    b.pull()
    a.pushed(a.invoice("x", b.store, n=2))
    assert b.ack(["x"]) == 0
    entry, = b.pull()
    assert entry["data"]["n"] == 2


@pytest.mark.parametrize("form", ["sequence", "number", "key"])
def test_an_exact_form_leaves_a_change_made_after_the_pull(pair, form):
    a, b = pair
    a.pushed(a.invoice("x", b.store, n=1))
    element = exact(b.pull()[0], form)
    a.pushed(a.invoice("x", b.store, n=2))
    assert b.ack([element]) == 0
    assert b.pull()[0]["data"]["n"] == 2


def exact(entry, form):
    if form == "key":
        return {"table": entry["table"], "recordID": entry["recordID"]}
    sequence = entry["sequence"]
    return {"sequence": int(sequence) if form == "number" else sequence}


@pytest.mark.parametrize("form", ["sequence", "number", "key"])
def test_the_exact_forms_acknowledge_one_entry(pair, form):
    a, b = pair
    a.pushed(a.invoice("x", b.store), a.invoice("y", b.store))
    page = b.pull()
    assert b.ack([exact(page[0], form)]) == 1
    assert b.pull()[0]["recordID"] == page[1]["recordID"]
    assert b.ack([exact(page[0], form)]) == 0
    assert len(b.pull()) == 1


def test_a_sequence_is_safe_against_a_delayed_duplicate(pair):
    a, b = pair
    a.pushed(a.invoice("x", b.store, n=1))
    element = exact(b.pull()[0], "sequence")
    assert b.ack([element]) == 1
    a.pushed(a.invoice("x", b.store, n=2))
    b.pull()
    assert b.ack([element]) == 0
    assert b.pull()[0]["data"]["n"] == 2


def two_tables(a, b):
    body = {"store_ID": a.store, "status": "fn", "other_store_ID": b.store}
    a.pushed(a.record("transact", "same", body))
    a.pushed(a.record("requisition", "same", body))


def test_an_id_removes_the_lowest_first(pair):
    a, b = pair
    two_tables(a, b)
    assert keys(b.pull()) == [("transact", "same"), ("requisition", "same")]
    assert b.ack(["same"]) == 1
    assert keys(b.pull()) == [("requisition", "same")]
    assert b.ack(["same"]) == 1
    assert b.pull() == []


def test_an_id_named_twice_removes_two(pair):
    a, b = pair
    two_tables(a, b)
    b.pull()
    assert b.ack(["same", "same"]) == 2


def test_table_and_id_tell_equal_ids_apart(pair):
    a, b = pair
    two_tables(a, b)
    b.pull()
    assert b.ack([{"table": "requisition", "recordID": "same"}]) == 1
    assert keys(b.pull()) == [("transact", "same")]


@pytest.mark.parametrize("element", [
    "x", {"table": "transact", "recordID": "x"}])
def test_what_was_not_delivered_is_not_acknowledged(pair, element):
    a, b = pair
    a.pushed(a.invoice("x", b.store))
    assert b.ack([element]) == 0
    assert ids(b.pull()) == ["x"]


def test_unknown_ids_are_ignored(pair):
    a, b = pair
    a.pushed(a.invoice("x", b.store))
    b.pull()
    assert b.ack(["nobody", "x", {"sequence": "999999"},
                  {"table": "transact", "recordID": "nobody"}]) == 1


def test_an_acknowledgement_may_be_repeated(pair):
    a, b = pair
    a.pushed(a.invoice("x", b.store), a.invoice("y", b.store))
    b.pull()
    assert b.ack(["x"]) == 1
    assert b.ack(["x"]) == 0
    assert ids(b.pull()) == ["y"]


def test_another_sites_queue_is_not_touched(org):
    a, b, c = org.site(), org.site(), org.site()
    a.pushed(a.invoice("x", b.store), a.invoice("y", c.store))
    sequence = b.pull()[0]["sequence"]
    c.pull()
    assert c.ack(["x", {"sequence": sequence}]) == 0
    assert ids(b.pull()) == ["x"]
    assert ids(c.pull()) == ["y"]


def test_sync_ids_are_read_too(pair):
    a, b = pair
    a.pushed(a.invoice("x", b.store), a.invoice("y", b.store))
    rows = b.v5().get("queued_records").json()["data"]
    r = b.post("acknowledge_records", {"syncIDs": [rows[0]["syncOutId"]]})
    assert r.status_code == 200
    assert r.json() == {"acknowledged": 1}
    assert ids(b.pull()) == [rows[1]["recordId"]]


def test_the_alias_path_acknowledges(pair):
    a, b = pair
    a.pushed(a.invoice("x", b.store))
    b.pull()
    r = b.post("acknowledged_records", ["x"])
    assert r.status_code == 200
    assert r.json() == {"acknowledged": 1}
    assert b.pull() == []


def test_acknowledging_in_any_order_leaves_the_rest(pair):
    a, b = pair
    names = ["x%d" % i for i in range(20)]
    a.pushed(*[a.invoice(x, b.store) for x in names])
    b.pull()
    for name in names[::-2]:
        assert b.ack([name]) == 1
    left = names[0::2]
    assert ids(b.pull()) == left
    assert ids(b.pull(3)) == left[:3]


def test_a_page_that_was_cut_goes_on_behind_what_is_acknowledged(pair):
    a, b = pair
    names = ["x%02d" % i for i in range(25)]
    a.pushed(*[a.invoice(x, b.store) for x in names])
    assert ids(b.drain(limit=4)) == names


@pytest.mark.parametrize("limit", ["-1", "abc", "1.5", "99999999999999999999",
                                   ""])
def test_a_limit_that_is_not_a_count_is_400(pair, limit):
    assert_error(pair[1].get("queued_records", {"limit": limit}), 400)


def test_a_queue_does_not_grow_while_its_site_is_away(org):
    a, b = org.site(), org.site()
    for n in range(60):
        a.pushed(a.invoice("x", b.store if n % 2 else None, n=n))
    assert len(b.pull()) == 1


def test_gzip_is_spoken_both_ways(pair):
    import gzip
    a, b = pair
    records = [a.invoice("x%d" % i, b.store, pad="z" * 200)
               for i in range(100)]
    r = a.post("queued_records", gzip.compress(json.dumps(records).encode()),
               headers={"Content-Encoding": "gzip"})
    assert r.status_code == 200 and r.json()["accepted"] == 100
    r = b.get("queued_records", headers={"Accept-Encoding": "gzip"})
    assert r.headers["Content-Encoding"] == "gzip"
    assert "Accept-Encoding" in r.headers.get("Vary", "")
    assert len(r.json()) == 100
    plain = b.get("queued_records", headers={"Accept-Encoding": "identity"})
    assert "Content-Encoding" not in plain.headers
    assert len(plain.json()) == 100


def test_each_time_an_id_is_named_removes_one_entry_of_its_tables(pair):
    a, b = pair
    a.pushed(a.invoice("x", b.store), a.line("x", "x"), a.line("y", "x"))
    assert len(b.pull()) == 3
    assert b.ack(["x"]) == 1
    assert keys(b.pull()) == [("trans_line", "x"), ("trans_line", "y")]
    assert b.ack(["x"] * 1000 + [{"table": "trans_line", "recordID": "x"}]) == 1
    assert keys(b.pull()) == [("trans_line", "y")]


def test_numbers_that_were_never_given_out_acknowledge_nothing(pair):
    a, b = pair
    a.pushed(a.invoice("x", b.store))
    b.pull()
    assert b.ack([{"sequence": n << 40} for n in range(1, 5000)]) == 0
    assert len(b.pull()) == 1
