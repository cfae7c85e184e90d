"""Conditional downloads, the headers that browsers may read, and bodies that
are packed on the way."""

import pytest

from resources import (ORIGIN, SYNC_HEADERS, User, ids_of, micros,
                       records_of)


@pytest.fixture
def staff(rorg):
    user = rorg.staff()
    for n in range(3):
        user.created("things", name=str(n), count=n % 2)
    return user


def etag_of(user, path="things/sync/", **params):
    r = user.get(path, **params)
    records_of(r)
    return r.headers["ETag"]


def asked(user, etag, path="things/sync/", **params):
    return user.get(path, {"If-None-Match": etag}, **params)


def assert_unchanged(response, etag):
    assert response.status_code == 304, response.text
    assert response.content == b""
    assert response.headers["ETag"] == etag
    micros(response.headers["X-Last-Sync"])


def test_304_as_long_as_nothing_has_changed(staff):
    r = staff.sync("things")
    etag = r.headers["ETag"]
    for _ in range(3):
        again = asked(staff, etag)
        assert_unchanged(again, etag)
        assert again.headers["X-Last-Sync"] == r.headers["X-Last-Sync"]


@pytest.mark.parametrize("form", [
    "%s", "W/%s", '"other", %s', '%s, "other"', '"a" ,W/"b"  ,%s', "*"])
def test_if_none_match_is_read_as_http_says(staff, form):
    etag = etag_of(staff)
    given = form % etag if "%s" in form else form
    assert_unchanged(asked(staff, given), etag)


@pytest.mark.parametrize("given", [
    '"other"', 'W/"other"', '""', "other", '"a", "b"', '"', ",", "**"])
def test_what_does_not_match_downloads(staff, given):
    assert len(records_of(asked(staff, given))) == 3


def test_an_etag_without_its_quotes_does_not_match(staff):
    assert len(records_of(asked(staff, etag_of(staff).strip('"')))) == 3


@pytest.mark.parametrize("way", ["create", "update", "patch", "delete"])
def test_each_change_changes_the_etag(staff, way):
    first = staff.records("things")[0]
    etag = etag_of(staff)
    if way == "create":
        staff.created("things", name="new")
    elif way == "update":
        staff.updated("things", first, note="x")
    elif way == "patch":
        assert staff.patch("things", first["id"],
                           note="x").status_code == 200
    else:
        staff.deleted("things", first["id"])
    r = asked(staff, etag)
    assert len(records_of(r)) == {"create": 4, "delete": 2}.get(way, 3)
    assert r.headers["ETag"] != etag


def test_a_refused_change_does_not_change_the_etag(staff):
    etag, first = etag_of(staff), staff.records("things")[0]
    assert staff.update("things", first["id"], "2001-01-01T00:00:00Z",
                        note="x").status_code == 409
    assert staff.update("things", first["id"], first["updated_at"],
                        state="zzz").status_code == 400
    assert_unchanged(asked(staff, etag), etag)


def test_a_change_back_is_a_change(staff):
    """The time of the record is another one, though its content is not."""
    etag, first = etag_of(staff), staff.records("things")[0]
    changed = staff.updated("things", first, note="x")
    staff.updated("things", changed, note=None)
    assert asked(staff, etag).status_code == 200


def test_another_collections_change_does_not_change_it(staff):
    etag = etag_of(staff)
    staff.created("tags", id="a")
    assert_unchanged(asked(staff, etag), etag)


def test_what_the_caller_cannot_see_does_not_change_it(rorg, staff):
    person = staff.created("people", name="p")
    visits = [staff.created("visits", person_id=person["id"], doctor_id=d)
              for d in (20, 21)]
    doctor = rorg.user("doctor", 20)
    etag = etag_of(doctor, "visits/sync/")
    staff.updated("visits", visits[1], status="DONE")
    staff.created("visits", person_id=person["id"], doctor_id=22)
    staff.deleted("visits", visits[1]["id"])
    assert_unchanged(asked(doctor, etag, "visits/sync/"), etag)
    staff.updated("visits", visits[0], status="DONE")
    assert asked(doctor, etag, "visits/sync/").status_code == 200


def test_gaining_and_losing_sight_changes_it(rorg, staff):
    person = staff.created("people", name="p")
    doctor = rorg.user("doctor", 30)
    etags = [etag_of(doctor, "people/sync/")]
    visit = staff.created("visits", person_id=person["id"], doctor_id=30)
    r = asked(doctor, etags[0], "people/sync/")
    assert ids_of(records_of(r)) == [person["id"]]
    etags.append(r.headers["ETag"])
    staff.deleted("visits", visit["id"])
    assert records_of(asked(doctor, etags[1], "people/sync/")) == []


def test_a_filters_etag_is_its_own(staff):
    plain = etag_of(staff)
    etags = [etag_of(staff, count=n) for n in (0, 1)]
    assert len({plain, *etags}) == 3
    assert asked(staff, plain, count=1).status_code == 200
    assert_unchanged(asked(staff, etags[1], count=1), etags[1])


def test_a_filters_etag_stays_while_others_change(staff):
    etag = etag_of(staff, count=1)
    staff.created("things", name="n", count=17)
    assert_unchanged(asked(staff, etag, count=1), etag)
    staff.created("things", name="n", count=1)
    assert asked(staff, etag, count=1).status_code == 200


def test_the_address_with_its_parameters_is_part_of_it(staff):
    since = staff.records("things")[0]["updated_at"]
    etags = [etag_of(staff), etag_of(staff, last_sync_timestamp=since),
             etag_of(staff, deleted=1), etag_of(staff, limit=2)]
    assert len(set(etags)) == 4
    r = asked(staff, etags[0], last_sync_timestamp=since)
    assert len(records_of(r)) == 2
    assert_unchanged(asked(staff, etags[1], last_sync_timestamp=since),
                     etags[1])
    assert_unchanged(asked(staff, etags[2], deleted=1), etags[2])


def test_who_sees_the_same_gets_no_others_etag_wrongly(rorg, staff):
    """Another user who sees less has another ETag for the same address."""
    person = staff.created("people", name="p")
    other = rorg.user("patient", person["id"] + 1)
    etag = etag_of(staff, "people/sync/")
    r = asked(other, etag, "people/sync/")
    assert records_of(r) == []


def test_a_packed_answers_etag_is_not_the_plain_ones(staff):
    for n in range(100):
        staff.created("things", name="a name", note="x" * 100)
    etags = []
    for coding in ("identity", "gzip"):
        r = staff.sync("things", headers={"Accept-Encoding": coding})
        records_of(r)
        assert r.headers.get("Content-Encoding", "identity") == coding
        assert "Accept-Encoding" in r.headers["Vary"]
        etags.append(r.headers["ETag"])
    assert etags[0] != etags[1]
    for coding, etag in zip(("identity", "gzip"), etags):
        r = staff.sync("things", headers={"Accept-Encoding": coding,
                                          "If-None-Match": etag})
        assert_unchanged(r, etag)
        r = staff.sync("things", headers={
            "Accept-Encoding": coding, "If-None-Match": ", ".join(etags)})
        assert_unchanged(r, etag)


def test_an_etag_outlives_a_restart(staff, resources):
    etag = etag_of(staff)
    resources.restart()
    assert_unchanged(asked(staff, etag), etag)


def test_a_bad_token_or_timestamp_is_told_before_304(staff):
    etag = etag_of(staff)
    assert asked(User(staff.server, token="x.y.z"), etag).status_code == 401
    assert asked(staff, etag,
                 last_sync_timestamp="2024-01-20").status_code == 400
    assert asked(staff, "*", "nonsense/sync/").status_code == 404


# --- browsers ----------------------------------------------------------------

def exposed_by(response):
    assert response.headers["Access-Control-Allow-Origin"] == ORIGIN
    text = response.headers["Access-Control-Expose-Headers"]
    return {name.strip().lower() for name in text.split(",")}


def test_a_page_may_read_the_headers(staff):
    for headers in ({}, {"If-None-Match": "*"}):
        r = staff.sync("things", headers={"Origin": ORIGIN, **headers})
        assert r.status_code == (304 if headers else 200)
        wanted = SYNC_HEADERS + ["Link", "X-Ignored-Fields"]
        assert {h.lower() for h in wanted} <= exposed_by(r)


def test_a_page_may_read_what_an_update_answers(staff):
    record = staff.records("things")[0]
    r = staff.update("things", record["id"], record["updated_at"],
                     headers={"Origin": ORIGIN}, note="x", nonsense=1)
    assert r.status_code == 200
    assert r.headers["X-Ignored-Fields"] == "nonsense"
    assert {"x-ignored-fields", "etag"} <= exposed_by(r)


def test_errors_may_be_read_by_a_page_too(staff):
    headers = {"Origin": ORIGIN}
    for r in (staff.sync("things", "nonsense", headers),
              staff.request("GET", "things/sync/", token=None,
                            headers=headers),
              staff.get("nonsense/sync/", headers)):
        assert r.status_code in (400, 401, 404)
        assert r.headers["Access-Control-Allow-Origin"] == ORIGIN


@pytest.mark.parametrize("path,method,wanted", [
    ("things/sync/", "GET", "authorization, if-none-match"),
    ("things/1/sync_update/", "PUT",
     "authorization, content-type, prefer"),
    ("things/1/", "PATCH", "authorization, content-type, if-match"),
    ("things/1/", "DELETE", "authorization, if-match"),
    ("things/", "POST", "authorization, content-type, idempotency-key"),
    ("auth/token/", "POST", "content-type")])
def test_preflights_are_answered(staff, path, method, wanted):
    r = staff.request("OPTIONS", path, token=None, headers={
        "Origin": ORIGIN, "Access-Control-Request-Method": method,
        "Access-Control-Request-Headers": wanted})
    assert r.status_code in (200, 204), r.text
    assert r.headers["Access-Control-Allow-Origin"] == ORIGIN
    methods = r.headers["Access-Control-Allow-Methods"]
    assert method in [m.strip() for m in methods.split(",")]
    allowed = {h.strip().lower() for h in
               r.headers["Access-Control-Allow-Headers"].split(",")}
    assert set(wanted.split(", ")) <= allowed


def test_a_foreign_page_is_not_let_in(staff):
    r = staff.sync("things", headers={"Origin": "https://b.example"})
    assert "Access-Control-Allow-Origin" not in r.headers
