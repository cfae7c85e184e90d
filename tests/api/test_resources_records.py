"""Whole records: made, replaced, changed and deleted by the collection's
writers, with If-Match and Idempotency-Key."""

import json

import pytest

from harness import at_the_same_time
from resources import (FORBIDDEN, NOT_FOUND, REQUIRED, assert_error,
                       assert_field_error, ids_of, micros, object_of)

CHANGED = {"detail": "The record has changed."}


@pytest.fixture
def staff(rorg):
    return rorg.staff()


@pytest.fixture
def thing(staff):
    return staff.created("things", name="first", state="NEW", count=1)


def etag_of(user, collection, number):
    r = user.one(collection, number)
    assert r.status_code == 200, r.text
    return r.headers["ETag"]


# --- POST --------------------------------------------------------------------

def test_post_answers_201_with_the_record_and_its_address(staff, resources):
    r = staff.create("things", name="n")
    made = object_of(r, 201)
    assert r.headers["Location"].endswith("/api/things/%d/" % made["id"])
    assert staff.one("things", made["id"]).json() == made


def test_integer_ids_are_given_by_the_server_and_rise(staff):
    made = [staff.created("things", name="n", id=17) for _ in range(5)]
    ids = ids_of(made)
    assert ids == sorted(set(ids))
    assert all(type(i) is int and i > 0 for i in ids)
    r = staff.create("things", name="n", id=99999)
    assert r.json()["id"] != 99999
    assert "id" in r.headers["X-Ignored-Fields"]


def test_ids_given_at_the_same_time_are_different(staff):
    users = [staff.again() for _ in range(20)]
    made = at_the_same_time(lambda n: users[n].created("things", name="n"),
                            20)
    assert len(set(ids_of(made))) == 20
    assert sorted(ids_of(made)) == ids_of(staff.records("things"))


def test_a_string_id_that_is_taken_is_409(staff):
    made = staff.created("tags", id="a", label="1")
    r = staff.create("tags", id="a", label="2")
    assert_error(r, 409, {"id": ["This id is taken."]})
    assert staff.records("tags") == [made]


def test_of_many_posts_of_one_string_id_one_is_taken(staff):
    users = [staff.again() for _ in range(20)]
    given = at_the_same_time(
        lambda n: users[n].create("tags", id="a", label=str(n)), 20)
    assert sorted(r.status_code for r in given) == [201] + [409] * 19


@pytest.mark.parametrize("value", [None, 5, True, [], {}, ""])
def test_a_string_id_that_is_none_is_400(staff, value):
    r = staff.create("tags", id=value, label="x")
    assert list(assert_error(r, 400)) == ["id"]


def test_a_string_id_must_be_there(staff):
    assert_field_error(staff.create("tags", label="x"), "id", REQUIRED)


def test_a_required_field_must_be_there(staff):
    assert_field_error(staff.create("things", note="x"), "name", REQUIRED)
    assert_field_error(staff.request("POST", "things/", "{}"), "name",
                       REQUIRED)
    assert staff.records("things") == []


def test_a_field_that_is_not_nullable_is_not_null(staff):
    assert_field_error(staff.create("things", name=None), "name")


def test_writers_write_fields_that_sync_update_does_not(staff):
    person = staff.created("people", name="p")
    made = staff.created("visits", person_id=person["id"], doctor_id=10)
    assert (made["person_id"], made["doctor_id"]) == (person["id"], 10)


def test_read_only_hidden_and_unknown_members_are_ignored_and_named(staff):
    r = staff.create("things", name="n", code="x", secret="y", colour="z",
                     created_at="2001-01-01T00:00:00Z")
    made = object_of(r, 201)
    assert made["code"] is None and "colour" not in made
    assert micros(made["created_at"]) > micros("2020-01-01T00:00:00Z")
    named = {n.strip() for n in r.headers["X-Ignored-Fields"].split(",")}
    assert named == {"code", "secret", "colour", "created_at"}


# --- Idempotency-Key ---------------------------------------------------------

def keyed(user, key, **fields):
    return user.create("things", {"Idempotency-Key": key}, **fields)


def test_a_post_with_the_same_key_again_is_the_same_record(staff):
    first = object_of(keyed(staff, "k1", name="n"), 201)
    for _ in range(3):
        r = keyed(staff, "k1", name="n")
        assert r.status_code in (200, 201)
        assert r.json() == first
    assert staff.records("things") == [first]


def test_a_key_outlives_kill_9(staff, resources):
    first = object_of(keyed(staff, "k1", name="n"), 201)
    resources.restart(hard=True)
    assert keyed(staff, "k1", name="n").json()["id"] == first["id"]
    assert len(staff.records("things")) == 1


def test_the_same_key_with_another_body_is_409(staff):
    first = object_of(keyed(staff, "k1", name="n"), 201)
    assert_error(keyed(staff, "k1", name="m"), 409)
    assert staff.records("things") == [first]


def test_keys_are_each_users_own(rorg, staff):
    other = rorg.staff()
    a, b = keyed(staff, "k1", name="n"), keyed(other, "k1", name="m")
    assert (a.status_code, b.status_code) == (201, 201)
    assert a.json()["id"] != b.json()["id"]


def test_other_keys_and_none_make_other_records(staff):
    for key in ("a", "b"):
        object_of(keyed(staff, key, name="n"), 201)
    staff.created("things", name="n")
    staff.created("things", name="n")
    assert len(staff.records("things")) == 4


def test_a_refused_post_does_not_use_its_key_up(staff):
    assert keyed(staff, "k1", note="x").status_code == 400
    object_of(keyed(staff, "k1", name="n"), 201)


def test_many_posts_of_one_key_at_the_same_time_make_one_record(staff):
    users = [staff.again() for _ in range(20)]
    given = at_the_same_time(lambda n: keyed(users[n], "k", name="n"), 20)
    made, = staff.records("things")
    assert all(r.status_code in (200, 201) for r in given)
    assert all(r.json()["id"] == made["id"] for r in given)


# --- PUT, PATCH, DELETE ------------------------------------------------------

def test_put_replaces_and_what_is_absent_becomes_null(staff, thing):
    got = object_of(staff.replace("things", thing["id"], name="second"))
    assert (got["name"], got["state"], got["count"]) == (
        "second", None, None)
    assert got["created_at"] == thing["created_at"]
    assert micros(got["updated_at"]) > micros(thing["updated_at"])
    assert staff.records("things") == [got]


def test_put_without_a_required_field_is_400(staff, thing):
    assert_field_error(staff.replace("things", thing["id"], note="x"),
                       "name", REQUIRED)
    assert staff.records("things") == [thing]


def test_put_keeps_what_this_api_does_not_show(rorg):
    """Hidden members, and what a site pushed undeclared, are not lost when
    a client that cannot know of them replaces a record."""
    site = rorg.org.primary()
    site.pushed(site.record("things", "r1", {
        "name": "n", "secret": "kept", "code": "kept"}))
    staff = rorg.staff()
    made, = staff.records("things")
    got = object_of(staff.replace("things", made["id"], name="m"))
    assert got["code"] == "kept"
    stored = rorg.org.exported()["things", "r1"]["data"]
    assert (stored["name"], stored["secret"]) == ("m", "kept")


def test_patch_changes_only_what_is_there(staff, thing):
    got = object_of(staff.patch("things", thing["id"], state="DONE"))
    assert (got["name"], got["state"], got["count"]) == ("first", "DONE", 1)
    assert staff.records("things") == [got]


def test_delete_is_204_and_then_404(staff, thing):
    staff.deleted("things", thing["id"])
    assert staff.records("things") == []
    for r in (staff.delete("things", thing["id"]),
              staff.replace("things", thing["id"], name="n"),
              staff.patch("things", thing["id"], name="n"),
              staff.one("things", thing["id"])):
        assert_error(r, 404, NOT_FOUND)


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE"])
@pytest.mark.parametrize("number", [10 ** 6, "x", -1, 2 ** 64, "1.0", "%20"])
def test_what_is_not_there_is_404(staff, method, number):
    body = None if method == "DELETE" else {"name": "n"}
    assert_error(staff.request(method, "things/%s/" % number, body), 404,
                 NOT_FOUND)


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE"])
def test_if_match_lets_pass_who_knows_the_record(staff, thing, method):
    etag = etag_of(staff, "things", thing["id"])
    body = None if method == "DELETE" else {"name": "n"}
    path = "things/%d/" % thing["id"]
    r = staff.request(method, path, body, headers={"If-Match": etag})
    assert r.status_code in (200, 204), r.text


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE"])
def test_if_match_refuses_who_knows_an_earlier_one(staff, thing, method):
    etag = etag_of(staff, "things", thing["id"])
    newer = staff.updated("things", thing, note="x")
    body = None if method == "DELETE" else {"name": "n"}
    path = "things/%d/" % thing["id"]
    r = staff.request(method, path, body, headers={"If-Match": etag})
    assert_error(r, 412, CHANGED)
    assert staff.records("things") == [newer]
    again = etag_of(staff, "things", thing["id"])
    assert again != etag
    r = staff.request(method, path, body, headers={"If-Match": again})
    assert r.status_code in (200, 204)


@pytest.mark.parametrize("form,passes", [
    ('"a", %s', True), ("*", True), ('"a"', False), ("%s , ", True)])
def test_if_match_is_read_as_http_says(staff, thing, form, passes):
    etag = etag_of(staff, "things", thing["id"])
    given = form % etag if "%s" in form else form
    r = staff.patch("things", thing["id"], {"If-Match": given}, note="x")
    assert r.status_code == (200 if passes else 412)


def test_if_match_of_what_is_not_there_is_404_before_412(staff):
    r = staff.patch("things", 10 ** 6, {"If-Match": '"a"'}, note="x")
    assert_error(r, 404, NOT_FOUND)


def test_of_many_with_the_same_etag_one_wins(staff, thing):
    """Check and write are one step."""
    etag = etag_of(staff, "things", thing["id"])
    users = [staff.again() for _ in range(30)]
    given = at_the_same_time(
        lambda n: users[n].patch("things", thing["id"],
                                 {"If-Match": etag}, note=str(n)), 30)
    assert sorted(r.status_code for r in given) == [200] + [412] * 29
    won, = [r.json() for r in given if r.status_code == 200]
    assert staff.records("things") == [won]


def test_a_change_by_patch_makes_a_sync_update_stale(staff, thing):
    assert staff.patch("things", thing["id"], note="x").status_code == 200
    assert staff.update("things", thing["id"], thing["updated_at"],
                        note="y").status_code == 409


# --- who may -----------------------------------------------------------------

def calls(user, number):
    body = {"name": "n"}
    return [user.create("things", **body),
            user.replace("things", number, **body),
            user.patch("things", number, **body),
            user.delete("things", number)]


def test_who_is_no_writer_gets_403(rorg, staff, thing):
    for user in (rorg.user("doctor", 10), rorg.user("patient", 1),
                 rorg.user()):
        for r in calls(user, thing["id"]):
            assert_error(r, 403, FORBIDDEN)
    assert staff.records("things") == [thing]


def test_administrators_are_writers_everywhere(rorg):
    made = rorg.admin.created("tags", id="a", label="1")
    assert rorg.admin.records("tags") == [made]
    rorg.admin.deleted("tags", "a")


def test_a_second_writing_role_may_write(rorg):
    doctor = rorg.user("doctor", 10)
    doctor.created("tags", id="a")
    doctor.deleted("tags", "a")


def test_what_a_writer_does_not_see_is_404(rorg, staff):
    """A role that may write nothing learns nothing of what is there."""
    person = staff.created("people", name="p")
    doctor = rorg.user("doctor", 10)
    for r in (doctor.patch("people", person["id"], name="n"),
              doctor.delete("people", person["id"])):
        assert_error(r, 404, NOT_FOUND)


# --- references --------------------------------------------------------------

def test_what_a_new_record_refers_to_must_exist(staff):
    r = staff.create("visits", person_id=10 ** 6, doctor_id=10)
    assert_field_error(r, "person_id")
    person = staff.created("people", name="p")
    staff.deleted("people", person["id"])
    r = staff.create("visits", person_id=person["id"], doctor_id=10)
    assert_field_error(r, "person_id")
    assert staff.records("visits") == []


def test_a_reference_may_be_changed_and_cleared(staff):
    a, b = [staff.created("people", name=n) for n in "ab"]
    made = staff.created("visits", person_id=a["id"], doctor_id=10)
    got = object_of(staff.patch("visits", made["id"], person_id=b["id"]))
    assert got["person_id"] == b["id"]
    assert_field_error(staff.patch("visits", made["id"], person_id=10 ** 6),
                       "person_id")
    got = object_of(staff.patch("visits", made["id"], person_id=None))
    assert got["person_id"] is None


# --- history -----------------------------------------------------------------

def test_earlier_versions_are_kept_as_many_as_declared(staff):
    made = [staff.created("things", name="v0")]
    for n in range(1, 7):
        made.append(staff.updated("things", made[-1], name="v%d" % n))
    r = staff.get("things/%d/history/" % made[0]["id"])
    assert r.status_code == 200, r.text
    text = json.dumps(r.json())
    kept = [n for n in range(7) if '"v%d"' % n in text]
    earlier = [n for n in kept if n != 6]
    assert earlier == [3, 4, 5]


def test_large_versions_come_in_pages(staff):
    megabytes = "x" * (5 << 20)
    made = staff.created("things", name="n", note=megabytes + "0")
    for i in "123":
        assert staff.patch("things", made["id"],
                           note=megabytes + i).status_code == 200
    r = staff.get("things/%d/history/" % made["id"])
    assert [v["data"]["note"][-1] for v in r.json()] == ["2", "1"]
    r = staff.follow(r)
    assert [v["data"]["note"][-1] for v in r.json()] == ["0"]
    assert "next" not in r.links


def test_history_of_one_that_is_not_seen_or_keeps_none(rorg, staff, thing):
    assert_error(staff.get("things/1000000/history/"), 404, NOT_FOUND)
    doctor = rorg.user("doctor", 10)
    assert_error(doctor.get("things/%d/history/" % thing["id"]), 403,
                 FORBIDDEN)
    person = staff.created("people", name="p")
    staff.patch("people", person["id"], name="q")
    r = staff.get("people/%d/history/" % person["id"])
    assert r.status_code == 404 or '"p"' not in r.text
