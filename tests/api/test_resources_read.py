"""Downloads: what a record looks like, what changed since, what is gone."""

import json
import zlib

import pytest

from harness import wait_for
from resources import (INVALID_TIME, JSON_TYPE, OLD, User, assert_error, by_id,
                       ids_of, micros, object_of, records_of, time_of)

FULL = {"name": "a name", "note": "line\nline", "count": -9007199254740993,
        "price": 12.5, "is_open": False,
        "starts_at": "2026-01-02T03:04:05Z", "day": "2026-02-28",
        "state": "OPEN", "extra": {"b": [1, {"a": None}], "a": "é"},
        "review": "fine"}
SHOWN = ["id", "name", "note", "count", "price", "is_open", "starts_at",
         "day", "state", "extra", "review", "code", "created_at",
         "updated_at", "last_synced_at"]


def in_order(response):
    return json.loads(response.text, object_pairs_hook=lambda x: x)


# --- what a record looks like ------------------------------------------------

def test_every_type_of_field_comes_back_as_it_was_written(rorg):
    staff = rorg.staff()
    made = staff.created("things", **FULL)
    assert {k: made[k] for k in FULL} == FULL
    assert staff.records("things") == [made]
    assert staff.one("things", made["id"]).json() == made


def test_members_come_in_the_order_of_the_declaration(rorg):
    staff = rorg.staff()
    staff.created("things", **dict(reversed(FULL.items())))
    record, = in_order(staff.sync("things"))
    assert [k for k, _ in record] == SHOWN


def test_what_was_not_given_is_null_and_hidden_fields_are_not_there(rorg):
    staff = rorg.staff()
    made = staff.created("things", name="bare", secret="s")
    assert list(made) == SHOWN
    given = {"id", "name", "created_at", "updated_at"}
    assert all(made[k] is None for k in SHOWN if k not in given)
    assert made["created_at"] == made["updated_at"]


def test_numbers_keep_their_digits(rorg):
    staff = rorg.staff()
    r = staff.request("POST", "things/", '{"name":"n","price":1.10,'
                      '"count":9223372036854775807,"extra":1e2}')
    assert r.status_code == 201, r.text
    text = staff.sync("things").text.replace(" ", "")
    for member in ('"price":1.10', '"count":9223372036854775807',
                   '"extra":1e2'):
        assert member in text


@pytest.mark.parametrize("name", ["name", "note"])
@pytest.mark.parametrize("value", [
    "", " ", "é", "\U0001f600", "\u2028", '"\\/', "</script>", "\t\n\r",
    "x" * 255])
def test_text_is_kept_whatever_it_holds(rorg, name, value):
    staff = rorg.staff()
    made = staff.created("things", **{"name": "n", name: value})
    assert staff.records("things")[0] == made
    assert made[name] == value


def test_string_ids_are_the_clients_and_times_have_the_declared_names(rorg):
    staff = rorg.staff()
    made = staff.created("tags", id="é-Ü.7", label="x")
    assert list(made) == ["id", "label", "changed"]
    assert staff.records("tags") == [made]
    assert staff.one("tags", "%C3%A9-%C3%9C.7").json() == made


def test_the_inventorys_time_has_another_name_and_works_alike(rorg):
    staff = rorg.staff()
    shop = staff.created("shops", name="Gram Medical Store")
    a, b = [staff.created("shop-stock", shop_id=shop["id"], quantity=n)
            for n in (1, 2)]
    assert list(a) == ["id", "shop_id", "shop_name", "quantity",
                       "created_at", "last_updated", "last_synced_at"]
    assert staff.records("shop-stock", a["last_updated"]) == [b]


# --- joined fields -----------------------------------------------------------

def test_a_field_for_display_is_that_of_the_record_referred_to(rorg):
    staff = rorg.staff()
    shops = [staff.created("shops", name=n) for n in ("one", "two")]
    for s in shops:
        made = staff.created("shop-stock", shop_id=s["id"])
        assert made["shop_name"] == s["name"]
    assert [r["shop_name"] for r in staff.records("shop-stock")] == [
        "one", "two"]
    made = staff.created("shop-stock", quantity=1)
    assert (made["shop_id"], made["shop_name"]) == (None, None)


def test_a_new_name_reaches_those_that_show_it_as_a_change(rorg):
    """Clients that ask for changes, or by ETag, learn of it."""
    staff = rorg.staff()
    shop, other = [staff.created("shops", name=n) for n in ("old", "other")]
    stock = [staff.created("shop-stock", shop_id=shop["id"])
             for _ in range(5)]
    staff.created("shop-stock", shop_id=other["id"])
    r = staff.sync("shop-stock")
    since, etag = r.headers["X-Last-Sync"], r.headers["ETag"]
    assert staff.patch("shops", shop["id"], name="new").status_code == 200

    def touched():
        found = staff.records("shop-stock", since)
        return len(found) >= len(stock) and found
    found = wait_for(touched, "the names to change")
    assert ids_of(found) == ids_of(stock)
    assert {r["shop_name"] for r in found} == {"new"}
    r = staff.sync("shop-stock", headers={"If-None-Match": etag})
    assert [x["shop_name"] for x in records_of(r)] == ["new"] * 5 + ["other"]


# --- order -------------------------------------------------------------------

def test_the_order_is_by_id_whatever_changed_last(rorg):
    staff = rorg.staff()
    made = [staff.created("things", name=str(n)) for n in range(12)]
    for n in (7, 2, 11, 0):
        staff.updated("things", made[n], note="x")
    assert ids_of(staff.records("things")) == ids_of(made)
    assert ids_of(made) == sorted(ids_of(made))
    since = made[-1]["updated_at"]
    changed = [made[n]["id"] for n in (0, 2, 7, 11)]
    assert ids_of(staff.records("things", since)) == changed


def test_the_order_is_that_of_changes_where_it_is_declared(rorg):
    staff = rorg.staff()
    for name in ("b", "c", "a"):
        staff.created("tags", id=name)
    assert ids_of(staff.records("tags")) == ["b", "c", "a"]
    assert staff.patch("tags", "b", label="x").status_code == 200
    assert ids_of(staff.records("tags")) == ["c", "a", "b"]


# --- what changed since ------------------------------------------------------

def test_only_what_is_strictly_later_comes(rorg):
    staff = rorg.staff()
    made = [staff.created("things", name=str(n)) for n in range(5)]
    for n, record in enumerate(made):
        assert staff.records("things", record["updated_at"]) == made[n + 1:]


def test_update_times_are_unique_and_rise_with_each_change(rorg):
    staff = rorg.staff()
    made = [staff.created("things", name=str(n)) for n in range(3)]
    times = [micros(time_of(r)) for r in made]
    for n in range(30):
        made[n % 3] = staff.updated("things", made[n % 3], note=str(n))
        times.append(micros(time_of(made[n % 3])))
    assert times == sorted(set(times))
    own = times[::3]
    assert all(b - a >= 1000 for a, b in zip(own, own[1:]))


def test_x_last_sync_is_safe_and_nothing_comes_twice(rorg):
    staff = rorg.staff()
    records, last = staff.pull("things")
    assert records == []
    for n in range(20):
        made = staff.created("things", name=str(n))
        records, after = staff.pull("things", last)
        assert records == [made]
        assert micros(after) >= micros(made["updated_at"])
        assert staff.records("things", after) == []
        last = after


def test_an_update_is_later_than_an_x_last_sync_given_just_before(rorg):
    staff = rorg.staff()
    made = staff.created("things", name="n")
    for n in range(50):
        last = staff.sync("things", OLD).headers["X-Last-Sync"]
        made = staff.updated("things", made, note=str(n))
        assert micros(made["updated_at"]) > micros(last)


@pytest.mark.parametrize("form", [
    "{d}T{t}Z", "{d}T{t}z", "{d}t{t}Z", "{d} {t}Z", "{d}T{t}+00:00",
    "{d}T{t} 00:00", "{d}T{t}-00:00", "{d}T{t}.000Z", "{d}T{t}.000000Z",
    "{d}T{t}.000000000Z", "{d}T{t}+0000"])
def test_a_time_may_be_written_in_these_ways(demo_staff, form):
    r = demo_staff.sync("patients", form.format(d="2024-01-15",
                                                t="14:30:00"))
    if r.status_code == 400 and form not in (
            "{d}T{t}Z", "{d}T{t}+00:00", "{d}T{t} 00:00", "{d}T{t}.000Z",
            "{d}T{t}.000000Z"):
        # Other forms may be refused, but then in the contract's words.
        assert list(r.json()) == ["last_sync_timestamp"]
        assert r.json()["last_sync_timestamp"].startswith(INVALID_TIME)
        return
    assert ids_of(records_of(r)) == [2]


@pytest.fixture(scope="module")
def demo_staff(demo):
    return User(demo, "staff", "staff-demo-pass")


@pytest.mark.parametrize("since", [
    "2024-01-15T20:00:00+05:30", "2024-01-15T20:00:00 05:30",
    "2024-01-15T05:30:00-09:00", "2024-01-16T04:30:00+14:00"])
def test_an_offset_is_counted_and_a_space_is_read_as_plus(demo_staff, since):
    """All of them are 14:30 of patient 1's last change."""
    assert ids_of(demo_staff.records("patients", since)) == [2]


def test_a_plus_that_stands_bare_in_a_query_is_a_plus(demo_staff):
    r = demo_staff.get("patients/sync/?last_sync_timestamp="
                       "2024-01-15T20:00:00+05:30")
    assert ids_of(records_of(r)) == [2]


def test_fractions_are_compared_and_not_rounded(demo_staff):
    for fraction, expected in ((".999999", [2]), (".000001", [2])):
        assert ids_of(demo_staff.records(
            "patients", "2024-01-15T14:30:00%sZ" % fraction)) == expected
    assert ids_of(demo_staff.records(
        "patients", "2024-01-15T14:29:59.999999Z")) == [1, 2]


@pytest.mark.parametrize("since", ["0001-01-01T00:00:00Z", OLD,
                                   "1969-12-31T23:59:59Z"])
def test_times_long_ago_give_everything(demo_staff, since):
    assert ids_of(demo_staff.records("patients", since)) == [1, 2]


def test_an_empty_timestamp_counts_as_absent(demo_staff):
    assert ids_of(demo_staff.records("patients", "")) == [1, 2]


def test_the_list_answers_as_the_sync_does(rorg):
    staff = rorg.staff()
    for n in range(3):
        staff.created("things", name=str(n), count=n)
    since = staff.records("things")[0]["updated_at"]
    for query in ({}, {"last_sync_timestamp": since}, {"count": 1},
                  {"deleted": 1}):
        a = staff.get("things/", **query)
        b = staff.get("things/sync/", **query)
        assert records_of(a) == records_of(b)


def test_unknown_parameters_are_ignored(rorg):
    staff = rorg.staff()
    made = staff.created("things", name="n")
    assert staff.records("things", nonsense="1", format="json") == [made]


# --- filters -----------------------------------------------------------------

@pytest.mark.parametrize("field,values", [
    ("count", [0, -1, 9223372036854775807]), ("state", ["NEW", "DONE"]),
    ("is_open", [True, False]), ("day", ["2026-02-28", "2026-03-01"])])
def test_a_filter_of_each_type_narrows_the_answer(rorg, field, values):
    staff = rorg.staff()
    made = [staff.created("things", name="n", **{field: v}) for v in values]
    staff.created("things", name="without")
    for record, value in zip(made, values):
        text = json.dumps(value) if isinstance(value, bool) else value
        assert staff.records("things", **{field: text}) == [record]


def test_filters_go_together_and_with_a_timestamp(rorg):
    staff = rorg.staff()
    made = [staff.created("things", name="n", count=n % 2,
                          state="NEW" if n < 4 else "DONE")
            for n in range(6)]
    assert staff.records("things", count=1, state="NEW") == [
        made[1], made[3]]
    assert staff.records("things", made[1]["updated_at"], count=1) == [
        made[3], made[5]]
    assert staff.records("things", count=17) == []


def test_who_leaves_a_filter_is_gone_for_who_asks_by_it(rorg):
    staff = rorg.staff()
    made = staff.created("things", name="n", count=1)
    _, last = staff.pull("things", count=1)
    changed = staff.updated("things", made, count=2)
    assert staff.records("things", last, count=1) == []
    gone, = staff.records("things", last, count=1, deleted=1)
    assert (gone["id"], gone["deleted"]) == (made["id"], True)
    assert staff.records("things", last, count=2) == [changed]


def test_a_filter_that_is_not_declared_is_no_filter(rorg):
    staff = rorg.staff()
    made = [staff.created("things", name=n) for n in "ab"]
    assert staff.records("things", name="a", secret="x") == made


# --- what is gone ------------------------------------------------------------

def test_deletions_are_silent_unless_they_are_asked_for(rorg):
    staff = rorg.staff()
    a, b = [staff.created("things", name=n) for n in "ab"]
    _, last = staff.pull("things")
    staff.deleted("things", a["id"])
    assert staff.records("things") == [b]
    assert staff.records("things", last) == []
    tomb, = staff.records("things", last, deleted=1)
    assert list(tomb) == ["id", "deleted", "updated_at"]
    assert (tomb["id"], tomb["deleted"]) == (a["id"], True)
    assert micros(tomb["updated_at"]) > micros(b["updated_at"])
    assert staff.records("things", tomb["updated_at"], deleted=1) == []


@pytest.mark.parametrize("accept", [
    "application/json; deleted=1", "application/json;deleted=1",
    "text/html, application/json; deleted=1; q=0.9"])
def test_a_client_may_ask_for_deletions_by_accept(rorg, accept):
    staff = rorg.staff()
    made = staff.created("things", name="n")
    _, last = staff.pull("things")
    staff.deleted("things", made["id"])
    r = staff.sync("things", last, headers={"Accept": accept})
    assert [x["deleted"] for x in records_of(r)] == [True]
    assert r.headers["Content-Type"] == JSON_TYPE


@pytest.mark.parametrize("query", [{"deleted": "0"}, {"deleted": ""}, {}])
def test_other_values_do_not_ask_for_deletions(rorg, query):
    staff = rorg.staff()
    made = staff.created("things", name="n")
    _, last = staff.pull("things")
    staff.deleted("things", made["id"])
    assert staff.records("things", last, **query) == []


def test_a_record_that_came_and_went_between_leaves_at_most_a_tombstone(rorg):
    staff = rorg.staff()
    _, last = staff.pull("things")
    made = staff.created("things", name="n")
    staff.deleted("things", made["id"])
    assert staff.records("things", last) == []
    for tomb in staff.records("things", last, deleted=1):
        assert (tomb["id"], tomb["deleted"]) == (made["id"], True)


def test_a_deleted_record_is_404_and_its_id_is_not_given_again(rorg):
    staff = rorg.staff()
    made = staff.created("things", name="n")
    staff.deleted("things", made["id"])
    assert_error(staff.one("things", made["id"]), 404,
                 {"detail": "Not found."})
    assert staff.created("things", name="m")["id"] > made["id"]


def test_a_string_id_may_be_used_again_after_its_deletion(rorg):
    """The client with tombstones sees the new record, and no tombstone."""
    staff = rorg.staff()
    staff.created("tags", id="a", label="1")
    _, last = staff.pull("tags")
    staff.deleted("tags", "a")
    made = staff.created("tags", id="a", label="2")
    assert staff.records("tags", last, deleted=1) == [made]
    assert staff.records("tags") == [made]


def test_x_records_synced_counts_tombstones_too(rorg):
    staff = rorg.staff()
    a, b = [staff.created("things", name=n) for n in "ab"]
    _, last = staff.pull("things")
    staff.deleted("things", a["id"])
    changed = staff.updated("things", b, note="x")
    found = by_id(staff.records("things", last, deleted=1))
    assert found[b["id"]] == changed and found[a["id"]]["deleted"] is True


# --- the wire ----------------------------------------------------------------

def test_a_large_answer_is_whole_and_counted_before_its_first_byte(rorg):
    """Some megabytes, sent while they are read, as they are and packed."""
    staff = rorg.staff()
    rows = [{"table": "things", "recordID": "r%05d" % n,
             "data": {"name": "n%d" % n, "note": "x" * 300}}
            for n in range(10000)]
    rorg.org.import_rows(rows)
    whole = records_of(staff.sync("things",
                                  headers={"Accept-Encoding": "identity"}))
    assert len(whole) == len(rows)
    assert sorted(r["name"] for r in whole) == sorted(
        r["data"]["name"] for r in rows)
    r = staff.request("GET", "things/sync/", stream=True,
                      headers={"Accept-Encoding": "gzip"})
    assert r.headers["X-Records-Synced"] == str(len(rows))
    raw = r.raw.read(decode_content=False)
    assert r.headers["Content-Encoding"] == "gzip"
    unpack = zlib.decompressobj(31)
    assert json.loads(unpack.decompress(raw)) == whole
    assert unpack.eof


def test_one_record_is_what_the_list_shows(rorg):
    staff = rorg.staff()
    made = staff.created("things", **FULL)
    for path in ("things/%d/", "things/%d"):
        r = staff.get(path % made["id"])
        assert object_of(r) == made
        assert r.headers["Cache-Control"] == "private, no-cache"


def test_the_status_is_answered_with_and_without_a_token(rorg, resources):
    """It names the collections' addresses and their filters."""
    staff = rorg.staff()
    for r in (staff.get("sync/status/"), staff.get("sync/status"),
              staff.request("GET", "sync/status/", token=None)):
        body = object_of(r)
        assert body["sync_endpoints"]["shop_stock"] == "/api/shop-stock/sync/"
        assert body["sync_endpoints"]["things"] == "/api/things/sync/"
        assert body["supported_parameters"]["shop_id"] == \
            "Only what is in this shop"
        assert "item" not in body["sync_endpoints"]
        micros(body["server_time"])
    assert_error(staff.request("GET", "sync/status/", token="x.y.z"), 401)


def test_orgs_do_not_see_each_other(rorg, resources):
    staff, other = rorg.staff(), type(rorg)(resources).staff()
    made = staff.created("things", name="n")
    assert other.records("things") == []
    for r in (other.one("things", made["id"]),
              other.update("things", made["id"], made["updated_at"],
                           note="x"),
              other.delete("things", made["id"])):
        assert_error(r, 404, {"detail": "Not found."})
    assert other.created("things", name="m")["name"] == "m"
    assert staff.records("things") == [made]
