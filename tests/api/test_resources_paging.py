"""Downloads in pages: the order of changes, links, cursors, and when a client
is told to start over."""

import random
import shutil
import threading

import pytest

from harness import ADMIN_PASSWORD, Server
from resources import (CONFIG, ResourcesOrg, assert_error, by_id, ids_of,
                       micros, records_of, time_of)

RESYNC = "RESYNC_REQUIRED"


@pytest.fixture
def staff(rorg):
    return rorg.staff()


def things(staff, how_many, **more):
    return [staff.created("things", name=str(n), **more)
            for n in range(how_many)]


def all_of(pages):
    return [record for r in pages for record in records_of(r)]


@pytest.mark.parametrize("limit", [1, 2, 3, 7, 10, 11])
def test_pages_together_are_the_whole_in_the_order_of_changes(staff, limit):
    made = things(staff, 10)
    for n in (3, 8, 0):
        made[n] = staff.updated("things", made[n], note="x")
    pages = list(staff.pages("things", limit))
    got = all_of(pages)
    assert got == sorted(made, key=lambda r: micros(time_of(r)))
    assert all(len(r.json()) <= limit for r in pages)
    assert by_id(got) == by_id(staff.records("things"))


def test_a_page_that_is_not_full_has_no_link(staff):
    things(staff, 4)
    assert "next" in staff.sync("things", limit=3).links
    assert "next" not in staff.sync("things", limit=5).links


def test_no_records_is_one_empty_page_without_a_link(staff):
    r = staff.sync("things", limit=5)
    assert records_of(r) == [] and "next" not in r.links


def test_x_last_sync_of_a_page_is_the_time_of_its_last_record(staff):
    things(staff, 7)
    for r in staff.pages("things", 2):
        if "next" in r.links:
            assert r.headers["X-Last-Sync"] == time_of(r.json()[-1])


def test_storing_x_last_sync_after_each_page_misses_nothing(staff):
    """A client that stops after any page goes on by its timestamp."""
    made = things(staff, 9)
    for stop in range(1, 5):
        seen, last = [], None
        for n, r in enumerate(staff.pages("things", 2)):
            seen += records_of(r)
            last = r.headers["X-Last-Sync"]
            if n + 1 == stop:
                break
        seen += staff.records("things", last)
        assert seen == made


def test_a_timestamp_goes_on_through_the_pages(staff):
    made = things(staff, 9)
    since = made[3]["updated_at"]
    assert all_of(staff.pages("things", 2, since)) == made[4:]


def test_filters_go_on_through_the_pages(staff):
    made = things(staff, 5, count=1)
    things(staff, 5, count=2)
    assert all_of(staff.pages("things", 2, count=1)) == made


def test_deletions_go_on_through_the_pages(staff):
    made = things(staff, 6)
    _, last = staff.pull("things")
    for record in made[:5]:
        staff.deleted("things", record["id"])
    got = all_of(staff.pages("things", 2, last, deleted=1))
    assert ids_of(got) == ids_of(made[:5])
    assert all(r["deleted"] is True for r in got)
    assert all_of(staff.pages("things", 2, last)) == []


def test_a_cursor_may_be_asked_again(staff):
    things(staff, 5)
    r = staff.sync("things", limit=2)
    assert records_of(staff.follow(r)) == records_of(staff.follow(r))


def test_what_changes_meanwhile_comes_on_a_later_page(staff):
    made = things(staff, 6)
    first = staff.sync("things", limit=3)
    changed = staff.updated("things", made[0], note="x")
    new = staff.created("things", name="new")
    rest, r = [], first
    while "next" in r.links:
        r = staff.follow(r)
        rest += records_of(r)
    last = r.headers["X-Last-Sync"]
    rest += staff.records("things", last)
    found = {x["id"]: x for x in records_of(first) + rest}
    assert found[made[0]["id"]] == changed
    assert found[new["id"]] == new
    assert len(found) == 7


def test_a_walk_in_pages_beside_a_writer_misses_nothing(rorg, staff):
    """Pages are small and the writer never rests until the walk has seen a
    thousand changes or the writer is through."""
    made = things(staff, 20)
    done, failures = threading.Event(), []
    writer = staff.again()

    def write():
        try:
            rng, now = random.Random(1), list(made)
            for n in range(300):
                at = rng.randrange(len(now))
                now[at] = writer.updated("things", now[at], note=str(n))
        except BaseException as e:  # handed to the main thread
            failures.append(e)
        done.set()
    thread = threading.Thread(target=write)
    thread.start()
    seen, last = {}, None
    while True:
        ended = done.is_set()
        for r in staff.pages("things", 3, last):
            seen.update((x["id"], x) for x in records_of(r))
            last = r.headers["X-Last-Sync"]
        if ended:
            break
    thread.join()
    assert not failures, failures
    assert seen == by_id(staff.records("things"))


def test_pages_are_of_what_the_caller_sees(rorg):
    staff = rorg.staff()
    person = staff.created("people", name="p")
    mine = [staff.created("visits", person_id=person["id"], doctor_id=10 + n)
            for n in range(10)][3:4]
    doctor = rorg.user("doctor", 13)
    assert all_of(doctor.pages("visits", 1)) == mine


def test_a_limit_over_the_ceiling_counts_as_the_ceiling(tmp_path):
    s = Server(tmp_path, config=CONFIG + "resources: {page_max: 3}\n")
    s.cli.init("main", "admin", ADMIN_PASSWORD)
    s.start()
    try:
        staff = ResourcesOrg(s).staff()
        made = things(staff, 8)
        r = staff.sync("things", limit=1000)
        assert len(records_of(r)) == 3 and "next" in r.links
        assert all_of(staff.pages("things", 9223372036854775807)) == made
        assert staff.records("things") == made
    finally:
        assert s.stop() == 0


@pytest.mark.parametrize("limit", ["0", "-1", "x", "1.5", "1e3", " ",
                                   "0x10", "1 2", "١"])
def test_a_bad_limit_is_400(staff, limit):
    assert_error(staff.sync("things", limit=limit), 400,
                 {"limit": "A valid integer is required."})


@pytest.mark.parametrize("after", ["x", "-1", "1", "9" * 40, "../..", "é",
                                   "a" * 5000])
def test_a_cursor_that_is_not_the_servers_is_400(staff, after):
    assert_error(staff.sync("things", limit=2, after=after), 400,
                 {"after": "Invalid cursor."})


def test_the_link_is_an_address_a_client_can_go_to(staff):
    """As it stands, with the token alone: the parameters are in it."""
    things(staff, 3)
    r = staff.sync("things", "2000-01-01T00:00:00 00:00", limit=2)
    records_of(r)
    assert set(r.links) == {"next"}
    assert len(records_of(staff.follow(r))) == 1


@pytest.fixture
def own(tmp_path):
    s = Server(tmp_path, config=CONFIG)
    s.cli.init("main", "admin", ADMIN_PASSWORD)
    s.start()
    yield s
    s.stop()


def test_a_cursor_from_before_a_restore_is_410(own, tmp_path):
    """The operator has said so; the client downloads everything again."""
    staff = ResourcesOrg(own).staff()
    things(staff, 3)
    own.stop()
    shutil.copytree(own.data, tmp_path / "backup")
    own.start()
    things(staff, 3)
    r = staff.sync("things", limit=4)
    assert len(records_of(r)) == 4
    own.stop()
    shutil.rmtree(own.data)
    shutil.copytree(tmp_path / "backup", own.data)
    own.cli.run("restored")
    own.start()
    got = assert_error(staff.follow(r), 410)
    assert got["error_code"] == RESYNC
    assert len(staff.records("things")) == 3


def test_an_etag_from_before_a_restore_matches_nothing(own, tmp_path):
    staff = ResourcesOrg(own).staff()
    things(staff, 3)
    own.stop()
    shutil.copytree(own.data, tmp_path / "backup")
    own.start()
    things(staff, 1)
    etag = staff.sync("things").headers["ETag"]
    own.stop()
    shutil.rmtree(own.data)
    shutil.copytree(tmp_path / "backup", own.data)
    own.cli.run("restored")
    own.start()
    staff.created("things", name="another")
    r = staff.sync("things", headers={"If-None-Match": etag})
    assert len(records_of(r)) == 4


def test_a_cursor_outlives_a_restart(own):
    staff = ResourcesOrg(own).staff()
    made = things(staff, 5)
    r = staff.sync("things", limit=2)
    own.restart()
    assert records_of(staff.follow(r))[0] == made[2]
    own.restart(hard=True)
    assert records_of(staff.follow(r))[0] == made[2]


# --- what is imported with times of its own ----------------------------------

def imported(*numbers):
    """Lines of an import: things, each a day later than the one before, but
    for the last, which is the oldest."""
    days = list(range(2, len(numbers) + 1)) + [1]
    return [{"table": "things", "recordID": str(n),
             "data": {"name": "thing %d" % n},
             "created_at": "2024-01-01T00:00:00Z",
             "updated_at": "2024-01-%02dT00:00:00Z" % day}
            for n, day in zip(numbers, days)]


def test_who_was_there_before_an_import_gets_what_it_brought(rorg):
    staff = rorg.staff()
    first = staff.sync("things")
    assert records_of(first) == []
    rorg.org.import_rows(imported(1, 2, 3))
    since = first.headers["X-Last-Sync"]
    assert ids_of(staff.records("things", since)) == [1, 2, 3]
    assert staff.one("things", 1).json()["updated_at"] == "2024-01-02T00:00:00Z"
    last = staff.sync("things", since).headers["X-Last-Sync"]
    assert staff.records("things", last) == []


def test_who_comes_with_a_time_from_elsewhere_gets_of_an_import_what_is_later(rorg):
    rorg.org.import_rows(imported(1, 2, 3))
    staff = rorg.staff()
    assert ids_of(staff.records("things", "2024-01-01T12:00:00Z")) == [1, 2]
    assert ids_of(staff.records("things", "2024-01-02T00:00:00Z")) == [2]
    assert staff.records("things", "2024-01-03T00:00:00Z") == []


def test_times_of_pages_over_an_import_are_safe(rorg):
    rorg.org.import_rows(imported(1, 2, 3, 4, 5))
    staff, seen = rorg.staff(), set()
    for r in staff.pages("things", 2):
        seen |= set(ids_of(r.json()))
        rest = ids_of(staff.records("things", r.headers["X-Last-Sync"]))
        assert seen | set(rest) == {1, 2, 3, 4, 5}
