"""Who sees and who writes what, in the demo and by the tests' declaration."""

import itertools

import pytest
import requests

from events import Client
from harness import DEADLINE_S, Site
from resources import (NOT_FOUND, User, assert_error, by_id, ids_of, micros,
                       object_of)

COLLECTIONS = ["patients", "appointments", "pharmacy-inventory", "doctors"]
ACCOUNTS = {"staff": ("staff", "staff-demo-pass"),
            "doctor": ("doctor", "doctor-demo-pass"),
            "patient": ("patient", "patient-demo-pass"),
            "admin": ("admin", "admin-demo-pass")}
ALL = {"patients": [1, 2], "appointments": [101, 102, 103],
       "pharmacy-inventory": [1, 2, 3, 4], "doctors": [10, 11, 12]}
SEEN = {"staff": ALL, "admin": ALL,
        "doctor": {**ALL, "patients": [1], "appointments": [101]},
        "patient": {**ALL, "patients": [1], "appointments": [101, 102]}}
DOCTOR = ["id", "specialization", "phone_number", "is_available",
          "created_at", "updated_at", "last_synced_at"]


def account(server, name):
    return User(server, *ACCOUNTS[name])


@pytest.fixture
def users(fresh):
    return {name: account(fresh, name) for name in ACCOUNTS}


# --- the demo ----------------------------------------------------------------

@pytest.mark.parametrize("name", ACCOUNTS)
def test_the_demos_accounts_see_what_is_theirs(demo, name):
    user = account(demo, name)
    assert {c: ids_of(user.records(c)) for c in COLLECTIONS} == SEEN[name]


@pytest.mark.parametrize("name", ACCOUNTS)
def test_what_is_not_listed_is_404_one_by_one(demo, name):
    user = account(demo, name)
    for collection, number in ((c, i) for c in COLLECTIONS for i in ALL[c]):
        r = user.one(collection, number)
        if number in SEEN[name][collection]:
            assert r.json() == by_id(user.records(collection))[number]
        else:
            assert_error(r, 404, NOT_FOUND)


@pytest.mark.parametrize("name,kind,profile,is_staff", [
    ("staff", "staff", None, True), ("doctor", "doctor", "10", False),
    ("patient", "patient", "1", False)])
def test_the_demos_accounts_say_who_they_are(demo, name, kind, profile,
                                             is_staff):
    body = object_of(account(demo, name).login())
    assert (body["user_type"], body["is_staff"]) == (kind, is_staff)
    got = body["profile_id"]
    assert (None if got is None else str(got)) == profile


def test_doctors_have_the_declared_members(demo):
    for record in account(demo, "patient").records("doctors"):
        assert list(record) == DOCTOR


def test_stores_are_hidden_here(demo):
    for collection in ("patients", "appointments"):
        for record in account(demo, "admin").records(collection):
            assert not {"store_id", "visible_store_ids"} & set(record)


def test_a_patient_writes_neither_diagnosis_nor_prescription(users):
    seen = users["patient"].one("appointments", 101).json()
    r = users["patient"].update(
        "appointments", 101, seen["updated_at"], status="CANCELLED",
        symptoms="none any more", diagnosis="none", prescription="none")
    got = object_of(r)
    assert (got["diagnosis"], got["prescription"]) == (None, None)
    ignored = {n.strip() for n in r.headers["X-Ignored-Fields"].split(",")}
    assert {"diagnosis", "prescription"} <= ignored


def test_a_doctor_writes_both(users):
    seen = users["doctor"].one("appointments", 101).json()
    got = users["doctor"].updated("appointments", seen, status="COMPLETED",
                                  diagnosis="a cold", prescription="rest")
    assert (got["status"], got["diagnosis"], got["prescription"]) == (
        "COMPLETED", "a cold", "rest")
    assert users["patient"].one("appointments", 101).json() == got


def test_each_status_of_the_contract_is_one(users):
    seen = users["staff"].one("appointments", 101).json()
    for status in ("PENDING", "CONFIRMED", "COMPLETED", "CANCELLED",
                   "NO_SHOW"):
        seen = users["staff"].updated("appointments", seen, status=status)
        assert seen["status"] == status


def test_another_status_is_400(fresh):
    staff = account(fresh, "staff")
    seen = staff.one("appointments", 101).json()
    for status in ("zzz", "pending", "", "PENDING "):
        r = staff.update("appointments", 101, seen["updated_at"],
                         status=status)
        assert_error(r, 400, {
            "status": ['"%s" is not a valid choice.' % status]})


def test_who_loses_sight_gets_a_tombstone_and_who_gains_it_the_record(
        fresh, users):
    """Appointment 101 goes from doctor 10 to another; with it goes the
    sight of patient 1."""
    doctor, admin = users["doctor"], users["admin"]
    last = {c: doctor.pull(c)[1] for c in ("patients", "appointments")}
    r = admin.patch("appointments", 101, doctor_id=11)
    assert object_of(r)["doctor_id"] == 11
    for name, number in (("appointments", 101), ("patients", 1)):
        assert doctor.records(name) == []
        assert doctor.records(name, last[name]) == []
        tomb, = doctor.records(name, last[name], deleted=1)
        assert (tomb["id"], tomb["deleted"]) == (number, True)
        assert micros(tomb["updated_at"]) > micros(last[name])
    since = {c: doctor.pull(c)[1] for c in last}
    admin.patch("appointments", 103, doctor_id=10)
    assert ids_of(doctor.records("appointments",
                                 since["appointments"])) == [103]
    gained, = doctor.records("patients", since["patients"])
    # The patient has not changed; it is new to this doctor alone.
    assert gained["id"] == 2
    assert gained["updated_at"] == "2024-01-18T11:20:00Z"
    assert users["staff"].records("patients", since["patients"]) == []


def test_site_64_never_receives_the_patients_of_site_63(fresh, users):
    """What belongs to the store of site 63 goes there, and nowhere else."""
    a = Site(fresh, "username", "password", 63, ["store-a"])
    b = Site(fresh, "site64", "password64", 64, ["store-b"])
    b.drain()
    a.drain()
    rows = [a.record("patients", "p-%d" % n, {
        "phone_number": "+91-1", "gender": "Female", "store_id": "store-a"})
        for n in range(5)]
    a.pushed(*rows)
    a.pushed(a.record("appointments", "a-1", {
        "patient_id": "p-0", "doctor_id": "10", "status": "PENDING",
        "appointment_date": "2026-01-25T14:00:00Z", "store_id": "store-a"}))
    assert b.drain() == []
    staff = users["staff"]
    new = [r for r in staff.records("patients") if r["id"] > 2]
    assert len(new) == 5
    staff.updated("patients", new[0], phone_number="+91-2")
    assert [e["recordID"] for e in a.drain()] == ["p-0"]
    assert b.drain() == []


@pytest.mark.parametrize("shown_to", [["store-b"], "store-b",
                                      ["store-x", "store-b"]])
def test_a_patient_goes_to_the_stores_that_may_see_it_too(fresh, shown_to):
    a = Site(fresh, "username", "password", 63, ["store-a"])
    b = Site(fresh, "site64", "password64", 64, ["store-b"])
    b.drain()
    a.pushed(
        a.record("patients", "p-1", {"store_id": "store-a", "gender": "Male",
                                     "visible_store_ids": shown_to}),
        a.record("patients", "p-2", {"store_id": "store-a", "gender": "Male",
                                     "visible_store_ids": []}))
    assert [e["recordID"] for e in b.drain()] == ["p-1"]
    a.pushed(a.record("patients", "p-1", {"store_id": "store-a",
                                          "gender": "Male"}, "update"))
    entry, = b.drain()
    assert (entry["recordID"], entry["action"]) == ("p-1", "delete")


def test_doctors_and_the_inventory_are_central(fresh, users):
    for site in (Site(fresh, "username", "password", 63, ["store-a"]),
                 Site(fresh, "site64", "password64", 64, ["store-b"])):
        entries, _ = site.central_all()
        found = {}
        for e in entries:
            if e.get("data") != "none":
                found.setdefault(e["table"], set()).add(e["recordID"])
        assert found["doctors"] == {"10", "11", "12"}
        assert found["pharmacy_inventory"] == {"1", "2", "3", "4"}
        assert not {"patients", "appointments"} & set(found)
    p = Site(fresh, "primary", "primary-password", 1)
    p.pushed(p.record("doctors", "doctor-x", {"specialization": "ENT",
                                              "is_available": True}))
    new = users["patient"].records("doctors")[-1]
    assert new["id"] > 12 and new["specialization"] == "ENT"


def test_the_page_of_the_demo_names_the_accounts(demo):
    page = requests.get(demo.base + "/", timeout=DEADLINE_S).text
    for name, password in ACCOUNTS.values():
        assert name in page and password in page


# --- the tests' own declaration ----------------------------------------------

@pytest.fixture
def ward(rorg):
    """Two people with one visit each, at doctors 10 and 11."""
    staff = rorg.staff()
    people = [staff.created("people", name=n) for n in "ab"]
    visits = [staff.created("visits", person_id=p["id"], doctor_id=d)
              for p, d in zip(people, (10, 11))]
    return rorg, staff, people, visits


def test_a_role_without_a_rule_sees_nothing(ward):
    rorg, _, people, visits = ward
    for user in (rorg.user("nurse", 10), rorg.user()):
        assert user.records("people") == user.records("visits") == []
        assert_error(user.one("people", people[0]["id"]), 404, NOT_FOUND)
        assert_error(user.one("visits", visits[0]["id"]), 404, NOT_FOUND)


def test_a_role_without_a_profile_sees_no_record_by_it(ward):
    """Not those whose field is null either."""
    rorg, staff, people, _ = ward
    staff.created("visits", person_id=people[0]["id"])
    for role in ("doctor", "patient"):
        user = rorg.user(role)
        assert user.records("people") == user.records("visits") == []


@pytest.mark.parametrize("profile", ["010", "10 ", "1", "100", "-10", "10.0",
                                     "x", "%"])
def test_a_profile_is_compared_as_a_whole(ward, profile):
    rorg = ward[0]
    assert rorg.user("doctor", profile).records("visits") == []


def test_an_administrator_sees_everything(ward):
    rorg, staff, people, visits = ward
    assert rorg.admin.records("people") == people
    assert rorg.admin.records("visits") == visits


def test_a_person_is_seen_as_long_as_any_of_its_visits_shows_it(ward):
    rorg, staff, people, visits = ward
    doctor = rorg.user("doctor", 10)
    second = staff.created("visits", person_id=people[0]["id"],
                           doctor_id=10)
    staff.deleted("visits", visits[0]["id"])
    assert doctor.records("people") == people[:1]
    _, last = doctor.pull("people")
    staff.deleted("visits", second["id"])
    assert doctor.records("people") == []
    tomb, = doctor.records("people", last, deleted=1)
    assert tomb["id"] == people[0]["id"]


def test_a_visit_that_goes_to_another_person_takes_the_sight_along(ward):
    rorg, staff, people, visits = ward
    doctor, patient = rorg.user("doctor", 10), rorg.user(
        "patient", people[1]["id"])
    last = {u: u.pull("people")[1] for u in (doctor, patient)}
    _, visits_last = patient.pull("visits")
    object_of(staff.patch("visits", visits[0]["id"],
                          person_id=people[1]["id"]))
    assert doctor.records("people", last[doctor]) == people[1:]
    found = by_id(doctor.records("people", last[doctor], deleted=1))
    assert found[people[0]["id"]]["deleted"] is True
    assert ids_of(patient.records("visits", visits_last)) == [
        visits[0]["id"]]
    assert ids_of(patient.records("visits")) == ids_of(visits)


def test_who_is_new_to_a_doctor_comes_though_it_is_old(ward):
    """A client by timestamps gets the person who has not changed since."""
    rorg, staff, people, _ = ward
    doctor = rorg.user("doctor", 10)
    _, last = doctor.pull("people")
    staff.created("visits", person_id=people[1]["id"], doctor_id=10)
    got, new = doctor.pull("people", last)
    assert got == people[1:]
    assert doctor.records("people", new) == []
    # By the largest update time seen it comes, too, perhaps again.
    largest = max((r["updated_at"] for r in people), key=micros)
    assert people[1] in doctor.records("people", largest)


def test_who_becomes_visible_together_has_a_time_of_its_own_each(ward):
    """A client that keeps nothing but the X-Last-Sync of small pages gets
    all of those that one push brought into sight."""
    rorg, staff, _, _ = ward
    site, doctor = rorg.site(), rorg.user("doctor", 10)
    for n in range(10):
        site.pushed(site.record("people", "p-%d" % n, {
            "store_id": site.store, "name": str(n)}))
    _, last = doctor.pull("people")
    site.pushed(*[site.record("visits", "v-%d" % n, {
        "store_id": site.store, "person_id": "p-%d" % n, "doctor_id": 10})
        for n in range(10)])
    names = []
    for _ in range(11):
        r = doctor.sync("people", last, limit=1)
        last = r.headers["X-Last-Sync"]
        names += [x["name"] for x in r.json()]
    assert sorted(names) == [str(n) for n in range(10)]


def test_sight_comes_and_goes_as_often_as_it_likes(ward):
    rorg, staff, people, visits = ward
    doctor = rorg.user("doctor", 12)
    _, last = doctor.pull("visits")
    for n, to in zip(range(12), itertools.cycle((12, 10))):
        object_of(staff.patch("visits", visits[0]["id"], doctor_id=to))
        got, last = doctor.pull("visits", last, deleted=1)
        assert ids_of(got) == [visits[0]["id"]]
        assert ("deleted" in got[0]) is (to == 10)
        assert ids_of(doctor.records("visits")) == (
            ids_of(got) if to == 12 else [])


def test_a_person_that_is_deleted_is_gone_for_all(ward):
    rorg, staff, people, _ = ward
    users = [rorg.user("doctor", 10), rorg.user("patient",
                                                people[0]["id"]), staff]
    last = [u.pull("people")[1] for u in users]
    staff.deleted("people", people[0]["id"])
    for user, since in zip(users, last):
        tomb, = user.records("people", since, deleted=1)
        assert (tomb["id"], tomb["deleted"]) == (people[0]["id"], True)


def test_tombstones_tell_only_of_what_was_seen(ward):
    """Who never saw a record does not learn of its end."""
    rorg, staff, people, visits = ward
    other = rorg.user("doctor", 12)
    _, last = other.pull("people")
    staff.deleted("visits", visits[0]["id"])
    staff.deleted("people", people[0]["id"])
    for name in ("people", "visits"):
        assert other.records(name, last, deleted=1) == []
        assert other.records(name, deleted=1) == []


@pytest.mark.parametrize("way", ["profile", "role"])
def test_who_becomes_somebody_else_sees_what_is_new_to_them(ward, way):
    """Incrementally, or by being told to start over."""
    rorg, staff, people, visits = ward
    doctor = rorg.user("doctor", 10)
    last = {c: doctor.pull(c)[1] for c in ("people", "visits")}
    etag = doctor.sync("visits").headers["ETag"]
    if way == "profile":
        rorg.cli.run("user", "set-profile", doctor.name, "--profile", "11")
        new, old = {"people": people[1:], "visits": visits[1:]}, True
    else:
        admin = Client(rorg.server, rorg.admin.name, rorg.admin.password)
        r = admin.request("PUT", "admin/users/" + doctor.uuid,
                          {"roles": ["staff"]})
        assert r.status_code == 204, r.text
        new, old = {"people": people, "visits": visits}, False
    doctor = User(doctor.server, doctor.name, doctor.password)
    for name, expected in new.items():
        assert doctor.records(name) == expected
        r = doctor.sync(name, last[name], deleted=1)
        if r.status_code == 410:
            assert r.json()["error_code"] == "RESYNC_REQUIRED"
            continue
        found = by_id(r.json())
        assert expected[-1] in found.values()
        if old:
            assert found[{"people": people, "visits": visits}[name][0][
                "id"]]["deleted"] is True
    r = doctor.sync("visits", headers={"If-None-Match": etag})
    assert r.status_code == 200


def test_who_has_two_roles_sees_what_either_does(ward):
    """With one profile: a doctor who is a patient, too."""
    rorg, staff, people, visits = ward
    n = next(rorg.server.counter)
    name, password = "both%d" % n, "password-of-both"
    profile = people[1]["id"]
    mine = staff.created("visits", person_id=people[0]["id"],
                         doctor_id=profile)
    rorg.cli.run("user", "add", name, "--org", rorg.name, "--uuid", name,
                 "--role", "doctor", "--role", "patient",
                 "--profile", profile, stdin=password + "\n")
    user = User(rorg.server, name, password)
    assert user.records("visits") == [visits[1], mine]
    assert user.records("people") == people
    assert object_of(user.login())["user_type"] == "doctor"
    r = user.update("visits", mine["id"], mine["updated_at"],
                    diagnosis="a cold")
    assert object_of(r)["diagnosis"] == "a cold"
    last = user.sync("visits").headers["X-Last-Sync"]
    # Sight by one of two ways may go without a loss.
    object_of(staff.patch("visits", visits[1]["id"], doctor_id=profile))
    object_of(staff.patch("visits", visits[1]["id"],
                          person_id=people[0]["id"]))
    found = by_id(user.records("visits", last, deleted=1))
    assert "deleted" not in found[visits[1]["id"]]


@pytest.mark.parametrize("name", ["staff", "doctor", "patient"])
def test_a_token_that_the_demo_prints_is_good_here(demo, name):
    token = demo.cli.run("demo", "token", name).stdout.strip()
    user = User(demo, name, token=token)
    assert ids_of(user.records("patients")) == SEEN[name]["patients"]
