"""Two writers of one record, each promise of the notes by name.

The other writer is the centre, whose edit arrives by `tombolo import`, or
another site that had the store before.
"""

import pytest

from harness import ids

STAMP = "2026-01-02T03:04:05.000Z"


@pytest.fixture
def clinic(org):
    return org.site()


def centre_edits(site, table, record, **data):
    site.org.import_rows([{
        "table": table, "recordID": record,
        "data": {"store_ID": site.store, **data},
        "created_at": STAMP, "updated_at": STAMP}])


def edit(site, table, record, **data):
    return site.record(table, record, {"store_ID": site.store, **data})


def stored(site, table, record):
    return site.org.exported()[table, record]["data"]


def test_the_site_wins_by_default(clinic):
    centre_edits(clinic, "visit", "v", note="centre")
    clinic.pushed(edit(clinic, "visit", "v", note="site"))
    assert stored(clinic, "visit", "v")["note"] == "site"


def test_what_the_site_sent_is_not_queued_back_to_it(clinic):
    centre_edits(clinic, "visit", "v", note="centre")
    clinic.pushed(edit(clinic, "visit", "v", note="site"))
    assert clinic.pull() == []


def test_a_field_declared_the_centres_keeps_the_centres_value(clinic):
    centre_edits(clinic, "visit", "v", note="centre", plan="centre's plan")
    clinic.pushed(edit(clinic, "visit", "v", note="site", plan="own plan"))
    data = stored(clinic, "visit", "v")
    assert data["note"] == "site"
    assert data["plan"] == "centre's plan"


def test_a_result_other_than_what_the_site_sent_is_queued_back(clinic):
    centre_edits(clinic, "visit", "v", note="centre", plan="centre's plan")
    clinic.pushed(edit(clinic, "visit", "v", note="site", plan="own plan"))
    entry, = clinic.pull()
    assert entry["data"]["note"] == "site"
    assert entry["data"]["plan"] == "centre's plan"


def test_the_centre_wins_where_the_declaration_says_so(clinic):
    centre_edits(clinic, "patient_note", "p", note="the doctor's")
    clinic.pushed(edit(clinic, "patient_note", "p", note="the clinic's"))
    assert stored(clinic, "patient_note", "p")["note"] == "the doctor's"
    entry, = clinic.pull()
    assert entry["data"]["note"] == "the doctor's"


@pytest.mark.parametrize("table", ["visit", "patient_note"])
def test_after_the_acknowledgement_there_is_no_conflict(clinic, table):
    centre_edits(clinic, table, "r", note="centre", plan="centre's plan")
    assert ids(clinic.drain()) == ["r"]
    clinic.pushed(edit(clinic, table, "r", note="site", plan="own plan"))
    data = stored(clinic, table, "r")
    assert (data["note"], data["plan"]) == ("site", "own plan")
    assert clinic.pull() == []


def test_a_pull_alone_is_no_acknowledgement(clinic):
    centre_edits(clinic, "patient_note", "p", note="the doctor's")
    clinic.pull()
    clinic.pushed(edit(clinic, "patient_note", "p", note="the clinic's"))
    assert stored(clinic, "patient_note", "p")["note"] == "the doctor's"


def test_a_retry_after_a_conflict_succeeds_and_changes_nothing(clinic):
    centre_edits(clinic, "visit", "v", note="centre", plan="centre's plan")
    record = edit(clinic, "visit", "v", note="site", plan="own plan")
    clinic.pushed(record)
    before = stored(clinic, "visit", "v")
    clinic.pushed(record)
    assert stored(clinic, "visit", "v") == before


def test_an_equal_push_is_no_conflict(clinic):
    centre_edits(clinic, "patient_note", "p", note="both wrote this")
    clinic.pushed(edit(clinic, "patient_note", "p", note="both wrote this"))
    assert stored(clinic, "patient_note", "p")["note"] == "both wrote this"


def test_ones_own_earlier_version_is_no_conflict(clinic):
    for n in range(3):
        clinic.pushed(edit(clinic, "patient_note", "p", note="n%d" % n))
    assert stored(clinic, "patient_note", "p")["note"] == "n2"
    assert clinic.pull() == []


def test_the_site_that_had_the_store_before_is_another_origin(org):
    a, b = org.site(), org.site()
    a.pushed(edit(a, "patient_note", "p", note="a's"))
    org.cli.store_assign(a.store, org.name, b.name)
    b.stores = a.stores
    b.pushed(edit(b, "patient_note", "p", note="b's"))
    assert stored(b, "patient_note", "p")["note"] == "a's"
    b.drain()
    b.pushed(edit(b, "patient_note", "p", note="b's"))
    assert stored(b, "patient_note", "p")["note"] == "b's"
