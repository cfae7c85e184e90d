"""Where records go, each promise of the notes by name."""

import json

import pytest

from harness import ids, keys


@pytest.fixture
def three(org):
    return org.site(), org.site(), org.site()


def test_a_finalised_invoice_goes_to_the_store_it_names(three):
    a, b, c = three
    a.pushed(a.invoice("x", b.store))
    assert keys(b.pull()) == [("transact", "x")]
    assert c.pull() == []


def test_an_invoice_that_is_not_finalised_stays_at_home(three):
    a, b, _ = three
    record = a.invoice("x")
    record["data"]["other_store_ID"] = b.store
    a.pushed(record)
    assert b.pull() == []
    record["data"]["status"] = "fn"
    a.pushed(record)
    entry, = b.pull()
    assert (entry["recordID"], entry["action"]) == ("x", "insert")


def test_the_pushing_site_never_gets_its_own_change_back(three):
    a, b, _ = three
    a.pushed(a.invoice("x", b.store), a.invoice("y"),
             a.line("l", "x"), a.record("zebra", "z", {}))
    a.pushed(a.invoice("x", b.store, n=2))
    a.pushed(a.invoice("x", action="delete"))
    assert a.pull() == []


def test_an_invoice_to_its_own_store_is_no_change_for_its_site(org):
    a = org.site(stores=2)
    a.pushed(a.invoice("x", a.stores[1]), a.invoice("y", a.store))
    assert a.pull() == []


def test_lines_go_wherever_their_parent_goes(three):
    a, b, c = three
    a.pushed(a.invoice("x", b.store))
    a.pushed(a.line("l1", "x"), a.line("l2", "x"))
    assert keys(b.pull()) == [("transact", "x"), ("trans_line", "l1"),
                              ("trans_line", "l2")]
    assert c.pull() == []


def test_children_before_their_parents_in_one_push(three):
    a, b, _ = three
    a.pushed(a.line("l1", "x"), a.line("l2", "x"), a.invoice("x", b.store))
    assert sorted(ids(b.pull())) == ["l1", "l2", "x"]


def test_a_child_waits_for_its_parent_and_is_routed_when_it_comes(three):
    a, b, _ = three
    a.pushed(a.line("l1", "x", n=1))
    assert b.pull() == []
    a.pushed(a.line("l1", "x", n=2), a.line("l2", "x"))
    assert b.pull() == []
    a.pushed(a.invoice("x", b.store))
    got = {e["recordID"]: e for e in b.pull()}
    assert set(got) == {"l1", "l2", "x"}
    assert got["l1"]["data"]["n"] == 2
    assert got["l1"]["action"] == "insert"


def test_a_child_that_waits_is_visible_to_operators(three):
    a, _, _ = three
    a.pushed(a.line("waiting-line", "no-parent"))
    seen = a.org.cli.site("explain", a.name).stdout \
        + json.dumps(a.org.quarantined())
    assert "wait" in seen.lower()


def test_children_are_routed_again_when_the_parents_route_changes(three):
    a, b, c = three
    a.pushed(a.invoice("x"), a.line("l1", "x"), a.line("l2", "x"))
    assert b.pull() == []
    a.pushed(a.invoice("x", b.store))
    assert sorted(ids(b.drain())) == ["l1", "l2", "x"]
    a.pushed(a.invoice("x", c.store))
    assert sorted(ids(c.drain())) == ["l1", "l2", "x"]
    gone = b.drain()
    assert sorted(ids(gone)) == ["l1", "l2", "x"]
    assert {e["action"] for e in gone} == {"delete"}


def test_a_child_that_changes_its_parent_moves(three):
    a, b, c = three
    a.pushed(a.invoice("x", b.store), a.invoice("y", c.store),
             a.line("l", "x"))
    b.drain()
    c.drain()
    a.pushed(a.line("l", "y"))
    entry, = b.pull()
    assert (entry["recordID"], entry["action"]) == ("l", "delete")
    entry, = c.pull()
    assert (entry["recordID"], entry["action"]) == ("l", "insert")


def test_a_site_that_loses_a_record_gets_a_delete_for_it(three):
    a, b, c = three
    a.pushed(a.invoice("x", b.store))
    b.drain()
    a.pushed(a.invoice("x", c.store))
    entry, = b.pull()
    assert (entry["action"], entry["data"]) == ("delete", {})
    assert entry["recordID"] == "x"
    entry, = c.pull()
    assert entry["action"] == "insert"


def test_the_data_of_a_lost_record_is_not_shown(three):
    a, b, c = three
    a.pushed(a.invoice("x", b.store, secret="tell-nobody"))
    b.drain()
    a.pushed(a.invoice("x", c.store, secret="tell-nobody"))
    assert "tell-nobody" not in b.get("queued_records").text


def test_a_site_that_regains_a_record_has_it(three):
    a, b, c = three
    a.pushed(a.invoice("x", b.store))
    b.drain()
    a.pushed(a.invoice("x", c.store))
    b.drain()
    a.pushed(a.invoice("x", b.store))
    entry, = b.pull()
    assert (entry["recordID"], entry["action"]) == ("x", "insert")


def test_a_record_lost_and_regained_while_away_is_one_entry(three):
    a, b, c = three
    a.pushed(a.invoice("x", b.store, n=1))
    b.drain()
    a.pushed(a.invoice("x", c.store, n=2))
    a.pushed(a.invoice("x", b.store, n=3))
    entry, = b.pull()
    assert entry["action"] != "delete"
    assert entry["data"]["n"] == 3


def test_deleting_a_parent_reaches_who_had_it(three):
    a, b, _ = three
    a.pushed(a.invoice("x", b.store), a.line("l", "x"))
    b.drain()
    a.pushed(a.line("l", "x", action="delete"),
             a.invoice("x", action="delete"))
    got = b.drain()
    assert sorted(ids(got)) == ["l", "x"]
    assert {e["action"] for e in got} == {"delete"}


def test_a_store_moved_to_another_site_is_queued_from_its_beginning(three):
    a, b, c = three
    a.pushed(a.invoice("x", n=1), a.invoice("y", b.store))
    a.pushed(a.line("l", "x"), a.invoice("x", n=2))
    a.org.cli.store_assign(a.store, a.org.name, c.name)
    got = {e["recordID"]: e for e in c.drain()}
    assert set(got) == {"x", "y", "l"}
    assert {e["action"] for e in got.values()} == {"insert"}
    assert got["x"]["data"]["n"] == 2


def test_the_old_site_gets_nothing_more_of_a_moved_store(three):
    a, b, c = three
    b.pushed(b.invoice("waiting", a.store))
    a.org.cli.store_assign(a.store, a.org.name, c.name)
    b.pushed(b.invoice("later", a.store))
    assert a.pull() == []
    assert sorted(ids(c.drain())) == ["later", "waiting"]


def test_what_the_old_site_still_pushes_is_quarantined(three):
    a, _, c = three
    a.pushed(a.invoice("x", n=1))
    a.org.cli.store_assign(a.store, a.org.name, c.name)
    assert ids(a.rejected(a.invoice("x", n=2), a.invoice("new"))) == \
        ["x", "new"]
    assert len(a.org.quarantined(a.name)) == 2
    assert a.org.exported()["transact", "x"]["data"]["n"] == 1


def test_the_new_site_writes_what_the_moved_store_holds(three):
    a, _, c = three
    a.pushed(a.invoice("x", n=1))
    a.org.cli.store_assign(a.store, a.org.name, c.name)
    c.drain()
    c.stores = a.stores
    c.pushed(c.invoice("x", n=2))
    assert c.pull() == []
    assert a.pull() == []


def test_a_store_that_comes_back_is_queued_from_its_beginning_again(three):
    a, _, c = three
    a.pushed(a.invoice("x"), a.invoice("y"))
    a.org.cli.store_assign(a.store, a.org.name, c.name)
    c.drain()
    a.org.cli.store_assign(a.store, a.org.name, a.name)
    assert sorted(ids(a.drain())) == ["x", "y"]
    assert c.pull() == []


def test_two_sites_exchange_in_both_directions(three):
    a, b, _ = three
    a.pushed(a.invoice("ab", b.store), a.line("abl", "ab"))
    b.pushed(b.invoice("ba", a.store), b.line("bal", "ba"))
    assert ids(a.drain()) == ["ba", "bal"]
    assert ids(b.drain()) == ["ab", "abl"]


def test_rows_from_the_centre_reach_the_store_they_name(org):
    a, b = org.site(), org.site()
    org.import_rows([{
        "table": "visit", "recordID": "v", "data": {"store_ID": a.store},
        "created_at": "2026-01-02T03:04:05.000Z",
        "updated_at": "2026-01-02T03:04:05.000Z"}])
    entry, = a.pull()
    assert (entry["table"], entry["recordID"]) == ("visit", "v")
    assert entry["data"] == {"store_ID": a.store}
    assert b.pull() == []
