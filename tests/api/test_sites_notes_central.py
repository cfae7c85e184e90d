"""The central feed and its cursor, each promise of the notes by name."""

import json

import pytest

from harness import assert_error, ids, sequences


@pytest.fixture
def feed(org):
    """An org's primary site and one that reads."""
    return org.primary(), org.site()


def items(primary, first, last, n=0):
    """Push items first..last-1, so that they get the next sequences."""
    primary.pushed(*[primary.record("item", "i%d" % i, {"i": i, "n": n})
                     for i in range(first, last)])


def test_the_cursor_is_exclusive(feed):
    p, a = feed
    items(p, 0, 30)
    assert sequences(a.central(7, 10)) == list(range(8, 18))


def test_the_limit_counts_sequence_numbers_and_not_records(feed):
    p, a = feed
    items(p, 0, 10)
    items(p, 2, 5, n=1)
    page = a.central(0, 6)
    assert sequences(page) == [1, 2, 3, 4, 5, 6]
    assert [e["data"] == "none" for e in page] == [False] * 2 + [True] * 3 \
        + [False]


def test_a_cursor_that_is_absent_is_0(feed):
    p, a = feed
    items(p, 0, 3)
    assert a.central(None, 2) == a.central(0, 2)
    assert sequences(a.central(None, 2)) == [1, 2]


def test_a_limit_that_is_absent_is_500_and_over_5000_is_5000(feed):
    p, a = feed
    for start in range(0, 5200, 1300):
        items(p, start, start + 1300)
    assert len(a.central(0)) == 500
    assert len(a.central(0, 5001)) == 5000
    assert len(a.central(0, 4_000_000_000)) == 5000
    assert len(a.central(5000, 5000)) == 200


@pytest.mark.parametrize("name", ["cursor", "limit"])
@pytest.mark.parametrize("value", [
    "-1", "abc", "1x", "0x10", "1.0", "1e3", " 1",
    "18446744073709551616", "9" * 400],
    ids="negative word tail hex fraction exponent space 2^64 long".split())
def test_not_a_number_negative_or_beyond_64_bits_is_400(feed, name, value):
    p, a = feed
    items(p, 0, 3)
    assert_error(a.get("central_records", {name: value}), 400)


def test_at_the_head_the_answer_is_an_empty_array(feed):
    p, a = feed
    assert a.central(0) == []
    items(p, 0, 3)
    assert a.central(3) == []


def test_above_the_head_the_answer_is_409_resync_required(feed):
    p, a = feed
    items(p, 0, 3)
    for cursor in (4, 978987, 9223372036854775807):
        assert_error(a.get("central_records", {"cursor": cursor}), 409,
                     code="resync_required")


def test_a_change_moves_the_record_and_leaves_a_hole(feed):
    p, a = feed
    items(p, 0, 3)
    items(p, 1, 2, n=1)
    page = a.central(0, 10)
    assert sequences(page) == [1, 2, 3, 4]
    assert page[1]["data"] == "none"
    assert set(page[1]) == {"site_id", "sequence", "data"}
    assert (page[3]["recordID"], page[3]["data"]["n"]) == ("i1", 1)


def test_a_page_of_holes_is_the_last_hole_of_the_run(feed):
    p, a = feed
    items(p, 0, 40)
    items(p, 0, 40, n=1)
    page = a.central(0, 10)
    assert [(e["sequence"], e["data"]) for e in page] == [("40", "none")]
    assert sequences(a.central(40, 10)) == list(range(41, 51))
    assert [e["sequence"] for e in a.central(25, 5)] == ["40"]


def test_a_run_of_holes_never_costs_one_request_each(feed):
    p, a = feed
    for n in range(30):
        items(p, 0, 20, n=n)
    cursor, requests = 0, 0
    while True:
        page = a.central(cursor, 5)
        if not page:
            break
        cursor, requests = int(page[-1]["sequence"]), requests + 1
    assert cursor == 600
    assert requests <= 6


def test_insert_means_entered_after_the_cursor(feed):
    p, a = feed
    items(p, 0, 3)
    items(p, 1, 2, n=1)
    assert [e["action"] for e in a.central(0, 10) if "action" in e] == \
        ["insert"] * 3
    entry, = a.central(3, 10)
    assert (entry["recordID"], entry["action"]) == ("i1", "update")


def test_site_id_is_the_records_origin(org):
    p, q, a = org.primary(), org.primary(), org.site()
    items(p, 0, 1)
    items(q, 1, 2)
    assert [e["site_id"] for e in a.central()] == \
        [str(p.number), str(q.number)]


def test_a_sites_own_changes_do_come_back(feed):
    p, _ = feed
    items(p, 0, 2)
    assert ids(p.central()) == ["i0", "i1"]


def test_a_page_is_the_same_for_every_site(org):
    p, a, b = org.primary(), org.site(), org.site()
    items(p, 0, 20)
    items(p, 3, 9, n=1)
    pages = {s.get("central_records", {"cursor": 2, "limit": 12}).content
             for s in (p, a, b, a)}
    assert len(pages) == 1


def test_a_deletion_is_an_entry_until_every_site_has_passed_it(org):
    p, a, b = org.primary(), org.site(), org.site()
    items(p, 0, 3)
    for site in (p, a, b):
        site.central(0)
        site.central(3)
    p.pushed(p.record("item", "i1", action="delete"))
    for site in (p, a):
        entry = site.central(3)[0]
        assert (entry["recordID"], entry["action"], entry["data"]) == \
            ("i1", "delete", {})
        assert site.central(4) == []
    assert b.central(3)[0]["action"] == "delete"


@pytest.mark.parametrize("hard", [False, True], ids=["TERM", "kill -9"])
def test_a_restart_forgets_no_deletion(server, org, hard):
    p, a = org.primary(), org.site()
    items(p, 0, 3)
    assert len(a.central(0)) == 3
    p.pushed(p.record("item", "i1", action="delete"))
    server.restart(hard)
    assert [(e["recordID"], e["action"]) for e in a.central(3)] == \
        [("i1", "delete")]


def test_a_new_site_reads_page_by_page_behind_dropped_deletions(server, org):
    """Deletions that every site has passed may go; a site that begins after
    that never had the records, so nothing bars it from reading on."""
    p, a = org.primary(), org.site()
    items(p, 0, 30)
    p.pushed(*[p.record("item", "i%d" % i, action="delete")
               for i in range(10, 20)])
    for site in (p, a):
        site.central_all()
    server.restart()
    b = org.site()
    for site in (p, a):
        assert site.central(40) == []
    got, cursor = b.central_all(limit=7)
    live = {e["recordID"] for e in got if e["action"] != "delete"}
    assert live == {"i%d" % i for i in range(30) if not 10 <= i < 20}
    assert cursor == 40


def test_a_record_deleted_and_made_again_is_there(feed):
    p, a = feed
    items(p, 0, 2)
    p.pushed(p.record("item", "i0", action="delete"))
    items(p, 0, 1, n=5)
    live = {e["recordID"]: e for e in a.central() if e["data"] != "none"}
    assert live["i0"]["data"] == {"i": 0, "n": 5}
    assert live["i0"]["action"] != "delete"


def test_an_equal_push_takes_no_sequence(feed):
    p, a = feed
    items(p, 0, 3)
    items(p, 0, 3)
    assert sequences(a.central()) == [1, 2, 3]


def test_central_records_do_not_fill_the_queues(feed):
    p, a = feed
    items(p, 0, 5)
    assert a.pull() == []
    assert p.pull() == []


def test_orgs_have_feeds_of_their_own(server):
    one, two = server.org(), server.org()
    p, q = one.primary(), two.primary()
    items(p, 0, 3)
    items(q, 0, 1, n=9)
    assert sequences(q.central()) == [1]
    assert q.central()[0]["data"]["n"] == 9
    assert len(p.central()) == 3


def test_sequence_and_site_id_are_read_as_strings_or_numbers(feed):
    p, a = feed
    record = p.record("item", "x", {"n": 1})
    record["sequence"], record["site_id"] = 17, p.number
    p.pushed(record)
    text = a.get("central_records").text
    entry = json.loads(text)[0]
    assert isinstance(entry["sequence"], str)
    assert isinstance(entry["site_id"], str)


def test_the_feed_survives_a_restart(server, feed):
    p, a = feed
    items(p, 0, 10)
    items(p, 2, 4, n=1)
    before = a.get("central_records").content
    server.restart()
    assert a.get("central_records").content == before
    items(p, 10, 11)
    assert sequences(a.central(12)) == [13]
