"""sync_update: an edit of what somebody else changed meanwhile is refused, and
no other."""

import pytest

from harness import at_the_same_time
from resources import (FORBIDDEN, FUTURE, NOT_FOUND, OLD, REQUIRED,
                       assert_error, assert_field_error, assert_stale,
                       assert_time_error, ids_of, micros, object_of)

RACERS = 100


@pytest.fixture
def staff(rorg):
    return rorg.staff()


@pytest.fixture
def thing(staff):
    return staff.created("things", name="first", state="NEW", count=1)


def at_millisecond(time):
    """The time as a browser keeps it: at most three decimals."""
    whole, _, fraction = time.rstrip("Z").partition(".")
    return "%s.%sZ" % (whole, fraction[:3].ljust(3, "0"))


# --- what passes -------------------------------------------------------------

def test_an_update_answers_the_record_as_it_is_then(staff, thing):
    r = staff.update("things", thing["id"], thing["updated_at"],
                     state="DONE", note="x")
    got = object_of(r)
    assert got["last_synced_at"] == got["updated_at"]
    assert micros(got["updated_at"]) > micros(thing["updated_at"])
    expected = {**thing, "state": "DONE", "note": "x",
                "updated_at": got["updated_at"],
                "last_synced_at": got["updated_at"]}
    assert list(got.items()) == list(expected.items())
    assert staff.records("things") == [got]
    assert "X-Ignored-Fields" not in r.headers


def test_the_record_s_own_time_passes_and_any_later_one_too(staff, thing):
    last = staff.sync("things").headers["X-Last-Sync"]
    for base in (thing["updated_at"], last):
        other = staff.created("things", name="n")
        base = max(base, other["updated_at"], key=micros)
        assert staff.update("things", other["id"], base,
                            note="x").status_code == 200


def test_an_x_last_sync_is_a_base(staff, thing):
    last = staff.sync("things").headers["X-Last-Sync"]
    assert staff.update("things", thing["id"], last,
                        note="x").status_code == 200


def test_edits_one_upon_the_other(staff, thing):
    record = thing
    for n in range(20):
        record = staff.updated("things", record, count=n)
    assert staff.records("things") == [record]


def test_only_what_is_there_changes_and_null_is_a_value(staff, thing):
    got = staff.updated("things", thing, note="x")
    assert (got["state"], got["count"]) == ("NEW", 1)
    got = staff.updated("things", got, count=None, state=None)
    assert (got["state"], got["count"], got["note"]) == (None, None, "x")


def test_an_update_without_a_slash_at_the_end_is_the_same(staff, thing):
    r = staff.request("PUT", "things/%d/sync_update" % thing["id"],
                      {"client_last_synced_at": thing["updated_at"],
                       "note": "x"})
    assert object_of(r)["note"] == "x"


def test_an_update_of_nothing_is_an_update(staff, thing):
    got = staff.updated("things", thing)
    assert {k: v for k, v in got.items() if k != "updated_at"} == {
        **{k: v for k, v in thing.items() if k != "updated_at"},
        "last_synced_at": got["updated_at"]}


def test_a_base_may_have_an_offset(staff, thing):
    base = thing["updated_at"].replace("Z", "+00:00")
    assert staff.update("things", thing["id"], base,
                        note="x").status_code == 200


def test_a_base_of_three_decimals_is_compared_to_the_millisecond(rorg):
    """Browsers keep no more, and nothing is rounded up either."""
    staff = rorg.staff()
    for _ in range(30):
        made = staff.created("things", name="n")
        base = at_millisecond(made["updated_at"])
        got = object_of(staff.update("things", made["id"], base, note="x"))
        r = staff.update("things", made["id"], base, note="y")
        assert_stale(r, got["updated_at"], base)
        base = at_millisecond(got["updated_at"])
        assert staff.update("things", made["id"], base,
                            note="z").status_code == 200


def test_a_base_of_six_decimals_is_compared_to_the_microsecond(staff):
    for _ in range(10):
        made = staff.created("things", name="n")
        time = micros(made["updated_at"])
        seconds, fraction = divmod(time - 1, 10 ** 6)
        text = "%014d" % seconds
        base = "%s-%s-%sT%s:%s:%s.%06dZ" % (
            text[:4], text[4:6], text[6:8], text[8:10], text[10:12],
            text[12:], fraction)
        if time % 10 ** 6 == 0 or fraction % 1000 == 0:
            continue  # The second before, or a base that is read coarsely.
        r = staff.update("things", made["id"], base, note="x")
        assert r.status_code == 409, (base, made["updated_at"])


def test_a_base_may_be_absent_where_the_declaration_waives_it(staff):
    staff.created("tags", id="a", label="1")
    got = object_of(staff.update("tags", "a", label="2"))
    assert got["label"] == "2"
    base = got["changed"]
    last = object_of(staff.update("tags", "a", label="3"))
    assert_stale(staff.update("tags", "a", base, label="4"),
                 last["changed"], base)


# --- what is refused ---------------------------------------------------------

def test_a_stale_update_is_409_and_changes_nothing(rorg, staff, thing):
    other = rorg.staff()
    newer = other.updated("things", thing, note="theirs")
    r = staff.update("things", thing["id"], thing["updated_at"],
                     note="mine", state="DONE")
    assert_stale(r, newer["updated_at"], thing["updated_at"])
    assert "Preference-Applied" not in r.headers
    assert staff.records("things") == [newer]


def test_a_stale_update_says_how_the_record_is_if_preferred(rorg, staff,
                                                            thing):
    newer = rorg.staff().updated("things", thing, note="theirs")
    r = staff.update("things", thing["id"], thing["updated_at"],
                     headers={"Prefer": "return=representation"},
                     note="mine")
    assert_stale(r, newer["updated_at"], thing["updated_at"], newer)
    assert list(r.json())[-1] == "current"


def test_current_shows_only_what_the_caller_may_see(rorg, staff):
    person = staff.created("people", name="p")
    doctor = rorg.user("doctor", 10)
    visit = staff.created("visits", person_id=person["id"], doctor_id=10,
                          store_id="nowhere")
    newer = staff.updated("visits", visit, status="DONE")
    r = doctor.update("visits", visit["id"], visit["updated_at"],
                      headers={"Prefer": "return=representation"},
                      status="CONFIRMED")
    assert_stale(r, newer["updated_at"], visit["updated_at"], newer)
    assert "store_id" not in r.json()["current"]


def test_the_clients_version_is_given_back_as_a_time(rorg, staff, thing):
    """Whatever its offset, client_version is that time."""
    newer = rorg.staff().updated("things", thing, note="theirs")
    r = staff.update("things", thing["id"], "2020-01-01T02:00:00+02:00",
                     note="x")
    assert_error(r, 409)
    assert r.json()["server_version"] == newer["updated_at"]
    assert r.json()["client_version"] in (
        "2020-01-01T00:00:00Z", "2020-01-01T02:00:00+02:00")


def test_after_a_refresh_the_edit_passes(rorg, staff, thing):
    rorg.staff().updated("things", thing, note="theirs")
    assert staff.update("things", thing["id"], thing["updated_at"],
                        state="DONE").status_code == 409
    fresh, = staff.records("things", thing["updated_at"])
    got = staff.updated("things", fresh, state="DONE")
    assert (got["state"], got["note"]) == ("DONE", "theirs")


@pytest.mark.parametrize("base", [
    "2024-01-20", "yesterday", "2024-01-20T09:30:00", "2024-02-30T00:00:00Z",
    "2023-02-29T00:00:00Z", "2024-13-01T00:00:00Z", "2024-01-20T24:00:01Z",
    "2024-01-20T23:59:60Z", "2024-01-20T23:60:00Z", "10000-01-01T00:00:00Z",
    "2024-01-20T09:30:00+25:00", "2024-01-20T09:30:00+01:99", " ",
    "2024-01-20T09:30:00ZZ", "\u0662024-01-20T09:30:00Z"])
def test_a_base_that_is_no_time_is_400(staff, thing, base):
    r = staff.update("things", thing["id"], base, note="x")
    assert_time_error(r, "client_last_synced_at")
    assert staff.records("things") == [thing]


def test_a_base_of_a_date_alone_is_told_as_the_timestamp_is(staff, thing):
    r = staff.update("things", thing["id"], "2024-01-20", note="x")
    assert_time_error(r, "client_last_synced_at", "2024-01-20")


def test_a_base_in_the_future_is_400(staff, thing):
    for base in ("2099-01-20T10:00:00Z", "9999-12-31T23:59:59Z"):
        r = staff.update("things", thing["id"], base, note="x")
        assert_error(r, 400, {"client_last_synced_at": FUTURE})


@pytest.mark.parametrize("base", [5, True, [], {}, 1.5])
def test_a_base_of_another_type_is_400(staff, thing, base):
    got = assert_error(staff.update("things", thing["id"], base, note="x"),
                       400)
    assert list(got) == ["client_last_synced_at"]


def test_no_base_is_400(staff, thing):
    for body in ({"note": "x"}, {}, ""):
        r = staff.request("PUT", "things/%d/sync_update/" % thing["id"],
                          body)
        assert_field_error(r, "client_last_synced_at", REQUIRED)
    assert staff.records("things") == [thing]


def test_a_base_of_null_is_400(staff, thing):
    r = staff.request("PUT", "things/%d/sync_update/" % thing["id"],
                      {"client_last_synced_at": None, "note": "x"})
    assert list(assert_error(r, 400)) == ["client_last_synced_at"]


def test_what_is_not_there_or_not_seen_is_404(rorg, staff):
    person = staff.created("people", name="p")
    visit = staff.created("visits", person_id=person["id"], doctor_id=10)
    other = rorg.user("doctor", 11)
    for user, number in ((other, visit["id"]), (staff, 10 ** 6),
                         (staff, "x"), (staff, -1), (staff, 2 ** 64),
                         (staff, "1.0"), (staff, "01x")):
        assert_error(user.update("visits", number, OLD, status="DONE"), 404,
                     NOT_FOUND)
    gone = staff.created("visits", person_id=person["id"], doctor_id=10)
    staff.deleted("visits", gone["id"])
    assert_error(staff.update("visits", gone["id"], gone["updated_at"],
                              status="DONE"), 404, NOT_FOUND)


def test_404_comes_before_403_and_before_400(rorg, staff):
    person = staff.created("people", name="p")
    doctor = rorg.user("doctor", 10)
    assert_error(doctor.update("people", person["id"], "nonsense"), 404,
                 NOT_FOUND)


# --- a lost answer -----------------------------------------------------------

def test_the_same_update_again_is_200_and_one_change(staff, thing):
    body = {"client_last_synced_at": thing["updated_at"], "note": "x"}
    path = "things/%d/sync_update/" % thing["id"]
    first = object_of(staff.request("PUT", path, body))
    for _ in range(3):
        assert object_of(staff.again().request("PUT", path, body)) == first
    assert staff.records("things") == [first]


def test_a_repeat_outlives_kill_9(staff, thing, resources):
    path = "things/%d/sync_update/" % thing["id"]
    body = {"client_last_synced_at": thing["updated_at"], "note": "x"}
    first = object_of(staff.request("PUT", path, body))
    resources.restart(hard=True)
    assert object_of(staff.request("PUT", path, body)) == first


def test_a_repeat_is_of_the_same_caller_base_and_body(rorg, staff, thing):
    base = thing["updated_at"]
    first = staff.updated("things", thing, note="x")
    for user, fields in ((rorg.staff(), {"note": "x"}),
                         (staff, {"note": "y"}),
                         (staff, {"note": "x", "count": 2}), (staff, {})):
        r = user.update("things", thing["id"], base, **fields)
        assert_stale(r, first["updated_at"], base)
    assert staff.update("things", thing["id"], OLD,
                        note="x").status_code == 409
    assert staff.records("things") == [first]


def test_a_repeat_after_somebody_elses_change_is_stale(rorg, staff, thing):
    base = thing["updated_at"]
    first = staff.updated("things", thing, note="x")
    second = rorg.staff().updated("things", first, state="DONE")
    assert_stale(staff.update("things", thing["id"], base, note="x"),
                 second["updated_at"], base)


def test_a_repeat_after_ones_own_next_edit_is_stale(staff, thing):
    base = thing["updated_at"]
    first = staff.updated("things", thing, note="x")
    second = staff.updated("things", first, note="y")
    assert_stale(staff.update("things", thing["id"], base, note="x"),
                 second["updated_at"], base)
    assert staff.records("things") == [second]


# --- what is ignored ---------------------------------------------------------

def test_a_whole_record_may_be_sent_back(staff, thing):
    """What nobody may write is ignored, and named."""
    body = {**thing, "note": "x", "colour": "red", "code": "mine",
            "client_last_synced_at": thing["updated_at"]}
    body.pop("id")
    r = staff.request("PUT", "things/%d/sync_update/" % thing["id"],
                      {"id": 17, **body})
    got = object_of(r)
    assert (got["id"], got["code"], got["note"]) == (thing["id"], None, "x")
    assert "colour" not in got
    named = {n.strip() for n in r.headers["X-Ignored-Fields"].split(",")}
    assert named == {"id", "colour", "code", "created_at", "updated_at",
                     "last_synced_at"}


def test_a_hidden_field_is_as_unknown(staff, thing):
    r = staff.update("things", thing["id"], thing["updated_at"],
                     secret="x")
    assert "secret" not in object_of(r)
    assert r.headers["X-Ignored-Fields"] == "secret"


def test_a_field_for_display_is_not_written(staff):
    shop = staff.created("shops", name="one")
    stock = staff.created("shop-stock", shop_id=shop["id"], quantity=1)
    r = staff.update("shop-stock", stock["id"], stock["last_updated"],
                     quantity=2, shop_name="two")
    got = object_of(r)
    assert (got["quantity"], got["shop_name"]) == (2, "one")
    assert r.headers["X-Ignored-Fields"] == "shop_name"


@pytest.mark.parametrize("name", [
    "x\r\nSet-Cookie: a=b", "\u00e9", "a,b", "x" * 5000, "", "\x00", "\n"])
def test_a_name_that_is_ignored_cannot_break_the_header(staff, thing, name):
    r = staff.update("things", thing["id"], thing["updated_at"],
                     note="x", **{name: 1})
    assert r.status_code in (200, 400), r.text
    assert "Set-Cookie" not in r.headers
    assert r.headers.get("X-Ignored-Fields", "").isprintable()


def test_many_ignored_names_do_not_break_the_answer(staff, thing):
    r = staff.update("things", thing["id"], thing["updated_at"],
                     note="x", **{"member%d" % n: n for n in range(5000)})
    assert object_of(r)["note"] == "x"
    assert r.headers["X-Ignored-Fields"].startswith("member")


# --- who may write what ------------------------------------------------------

def test_each_role_writes_its_fields_and_others_are_ignored(rorg, staff):
    person = staff.created("people", name="p")
    visit = staff.created("visits", person_id=person["id"], doctor_id=10,
                          status="PENDING")
    patient = rorg.user("patient", person["id"])
    doctor = rorg.user("doctor", 10)
    r = patient.update("visits", visit["id"], visit["updated_at"],
                       symptoms="cough", diagnosis="mine")
    got = object_of(r)
    assert (got["symptoms"], got["diagnosis"]) == ("cough", None)
    assert r.headers["X-Ignored-Fields"] == "diagnosis"
    r = doctor.update("visits", visit["id"], got["updated_at"],
                      diagnosis="a cold", doctor_id=11)
    got = object_of(r)
    assert (got["diagnosis"], got["doctor_id"]) == ("a cold", 10)
    assert r.headers["X-Ignored-Fields"] == "doctor_id"


def test_who_may_write_no_field_gets_403(rorg, staff):
    shop = staff.created("shops", name="one")
    doctor = rorg.user("doctor", 10)
    r = doctor.update("shops", shop["id"], shop["updated_at"], name="two")
    assert_error(r, 403, FORBIDDEN)
    assert staff.records("shops") == [shop]


def test_403_comes_before_400(rorg, staff):
    shop = staff.created("shops", name="one")
    doctor = rorg.user("doctor", 10)
    assert_error(doctor.update("shops", shop["id"]), 403, FORBIDDEN)


# --- at the same time --------------------------------------------------------

def test_of_a_hundred_updates_from_one_base_one_wins(rorg, staff, thing):
    """Check and write are one step: 99 are stale, and all of them are in
    the ledger."""
    staff.token
    racers = [staff.again() for _ in range(RACERS)]
    given = at_the_same_time(
        lambda n: racers[n].update("things", thing["id"],
                                   thing["updated_at"], note="n%d" % n),
        RACERS)
    won = [r for r in given if r.status_code == 200]
    assert len(won) == 1
    got = object_of(won[0])
    assert got["note"] == "n%d" % given.index(won[0])
    for r in given:
        if r is not won[0]:
            assert_stale(r, got["updated_at"], thing["updated_at"])
    assert staff.records("things") == [got]
    ledger = rorg.admin.conflicts(limit=1000)
    assert sorted(c["client"]["note"] for c in ledger) == sorted(
        "n%d" % n for n in range(RACERS) if given[n] is not won[0])


def test_the_same_update_from_many_connections_is_one_change(staff, thing):
    racers = [staff.again() for _ in range(20)]
    given = at_the_same_time(
        lambda n: racers[n].update("things", thing["id"],
                                   thing["updated_at"], note="x"), 20)
    bodies = [object_of(r) for r in given]
    assert all(b == bodies[0] for b in bodies)
    assert staff.records("things", thing["updated_at"]) == [bodies[0]]


def test_edits_of_different_records_do_not_hinder_each_other(staff):
    made = [staff.created("things", name=str(n)) for n in range(30)]
    racers = [staff.again() for _ in made]
    given = at_the_same_time(
        lambda n: racers[n].updated("things", made[n], note="x"), len(made))
    assert ids_of(given) == ids_of(made)
    times = {r["updated_at"] for r in given}
    assert len(times) == len(made)
    assert staff.records("things") == given
