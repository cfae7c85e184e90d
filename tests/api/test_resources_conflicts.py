"""The ledger of conflicts: both versions of each are kept, for administrators
to read, and to settle by the command line."""

import json

import pytest

from cli import json_lines
from resources import (FORBIDDEN, NO_TOKEN, ResourcesOrg, assert_error,
                       ids_of, micros, object_of)

MEMBERS = ["id", "collection", "record", "detected_at", "by", "base",
           "resolution", "server", "client", "resolved_at", "resolved_by"]


@pytest.fixture
def staff(rorg):
    return rorg.staff()


def conflict(staff, n=1):
    """A record that was edited twice from one base, the second time in
    vain: (before, now)."""
    before = staff.created("things", name="n", note="first", state="NEW")
    now = staff.updated("things", before, note="theirs %d" % n)
    r = staff.update("things", before["id"], before["updated_at"],
                     note="mine %d" % n, state="DONE")
    assert r.status_code == 409
    return before, now


def cli(rorg, verb, *args, **kw):
    return rorg.cli.run("conflict", verb, *args, "--org", rorg.name, **kw)


# --- reading -----------------------------------------------------------------

def test_a_stale_edit_is_in_the_ledger_with_both_versions(rorg, staff):
    before, now = conflict(staff)
    entry, = rorg.admin.conflicts()
    assert list(entry) == MEMBERS
    assert (entry["collection"], str(entry["record"])) == (
        "things", str(before["id"]))
    assert entry["base"] == before["updated_at"]
    assert entry["resolution"] == "rejected"
    assert entry["by"].startswith("user/")
    assert (entry["resolved_at"], entry["resolved_by"]) == (None, None)
    assert micros(entry["detected_at"]) >= micros(now["updated_at"])
    assert entry["server"]["note"] == "theirs 1"
    assert (entry["client"]["note"], entry["client"]["state"]) == (
        "mine 1", "DONE")


def test_by_tells_who_it_was(rorg, staff):
    conflict(staff)
    before, _ = conflict(staff)
    other = rorg.user("doctor", 10)
    assert other.update("things", before["id"], before["updated_at"],
                        note="x").status_code == 409
    by = [e["by"] for e in rorg.admin.conflicts()]
    assert by[0] == by[1] != by[2]


def test_what_is_no_conflict_is_not_in_it(rorg, staff):
    made = staff.created("things", name="n")
    now = staff.updated("things", made, note="x")
    body = {"client_last_synced_at": made["updated_at"], "note": "x"}
    path = "things/%d/sync_update/" % made["id"]
    object_of(staff.request("PUT", path, body))
    assert staff.update("things", made["id"], now["updated_at"],
                        state="zzz").status_code == 400
    assert staff.patch("things", made["id"], {"If-Match": '"x"'},
                       note="y").status_code == 412
    assert rorg.admin.conflicts() == []


def test_the_ledger_is_the_oldest_first_and_comes_in_pages(rorg, staff):
    for n in range(7):
        conflict(staff, n)
    whole = rorg.admin.conflicts()
    assert [e["client"]["note"] for e in whole] == [
        "mine %d" % n for n in range(7)]
    assert ids_of(whole) == sorted(set(ids_of(whole)))
    assert rorg.admin.conflicts(limit=3) == whole[:3]
    assert rorg.admin.conflicts(after=whole[2]["id"], limit=3) == whole[3:6]
    assert rorg.admin.conflicts(after=whole[5]["id"]) == whole[6:]
    assert rorg.admin.conflicts(after=whole[6]["id"]) == []


@pytest.mark.parametrize("query", [
    {"limit": "0"}, {"limit": "x"}, {"limit": "-1"}, {"after": "x"},
    {"after": "9223372036854775808"}])
def test_a_bad_query_is_400(rorg, query):
    r = rorg.admin.get("sync/conflicts/", **query)
    assert list(assert_error(r, 400)) == list(query)


def test_the_ledger_is_the_administrators(rorg, staff):
    conflict(staff)
    for user in (staff, rorg.user("doctor", 10), rorg.user()):
        assert_error(user.get("sync/conflicts/"), 403, FORBIDDEN)
    r = staff.request("GET", "sync/conflicts/", token=None)
    assert_error(r, 401, NO_TOKEN)


def test_each_org_has_its_own(rorg, staff, resources):
    conflict(staff)
    other = ResourcesOrg(resources)
    assert other.admin.conflicts() == []
    conflict(other.staff())
    assert len(other.admin.conflicts()) == len(rorg.admin.conflicts()) == 1


def test_the_whole_record_is_seen_by_its_names_here(rorg, staff):
    """The server's version is the record as this API shows it."""
    _, now = conflict(staff)
    server = rorg.admin.conflicts()[0]["server"]
    for name in ("name", "note", "state"):
        assert server[name] == now[name]


# --- the command line --------------------------------------------------------

def test_the_command_lists_what_the_api_does(rorg, staff):
    for n in range(3):
        conflict(staff, n)
    listed = json_lines(cli(rorg, "list").stdout)
    assert listed == rorg.admin.conflicts()


def test_the_command_shows_one(rorg, staff):
    for n in range(2):
        conflict(staff, n)
    entry = rorg.admin.conflicts()[1]
    text = cli(rorg, "show", entry["id"]).stdout
    assert "mine 1" in text and "theirs 1" in text
    assert json.loads(text) == entry


def test_taking_the_clients_edit_applies_it_after_all(rorg, staff):
    _, now = conflict(staff)
    entry, = rorg.admin.conflicts()
    cli(rorg, "resolve", entry["id"], "--take", "client")
    after, = staff.records("things", now["updated_at"])
    assert (after["note"], after["state"], after["name"]) == (
        "mine 1", "DONE", "n")
    assert micros(after["updated_at"]) > micros(now["updated_at"])
    entry, = rorg.admin.conflicts()
    assert entry["resolved_by"]
    assert micros(entry["resolved_at"]) >= micros(now["updated_at"])
    assert entry["client"]["note"] == "mine 1"
    assert entry["server"]["note"] == "theirs 1"


def test_taking_the_servers_lets_it_be(rorg, staff):
    _, now = conflict(staff)
    r = staff.sync("things")
    entry, = rorg.admin.conflicts()
    cli(rorg, "resolve", entry["id"], "--take", "server")
    again = staff.sync("things", headers={"If-None-Match": r.headers["ETag"]})
    assert again.status_code == 304
    entry, = rorg.admin.conflicts()
    assert entry["resolved_at"] and entry["resolved_by"]
    assert staff.records("things") == [now]


def test_what_is_settled_is_not_settled_again(rorg, staff):
    conflict(staff)
    entry, = rorg.admin.conflicts()
    cli(rorg, "resolve", entry["id"], "--take", "server")
    done = cli(rorg, "resolve", entry["id"], "--take", "client", check=False)
    assert done.returncode != 0
    assert staff.records("things")[0]["note"] == "theirs 1"


@pytest.mark.parametrize("args", [
    ["resolve", "999999", "--take", "server"], ["show", "999999"],
    ["show", "x"], ["show"], ["resolve", "1", "--take", "both"],
    ["resolve", "1"]])
def test_what_cannot_be_is_refused_by_the_command(rorg, args):
    assert cli(rorg, *args, check=False).returncode != 0


def test_a_site_gets_the_edit_that_was_applied_after_all(rorg, staff):
    site = rorg.site()
    site.pushed(site.record("visits", "v-1", {
        "store_id": site.store, "status": "PENDING"}))
    before, = staff.records("visits")
    staff.updated("visits", before, symptoms="theirs")
    assert staff.update("visits", before["id"], before["updated_at"],
                        symptoms="mine").status_code == 409
    site.drain()
    entry, = rorg.admin.conflicts()
    cli(rorg, "resolve", entry["id"], "--take", "client")
    queued, = site.drain()
    assert (queued["recordID"], queued["data"]["symptoms"]) == (
        "v-1", "mine")


def test_the_ledger_and_its_settling_are_sound_and_on_the_trail(rorg, staff):
    conflict(staff)
    entry, = rorg.admin.conflicts()
    cli(rorg, "resolve", entry["id"], "--take", "client")
    rorg.cli.check()
    rorg.cli.audit_verify()
