"""Bad requests: each is answered in the API's form, and changes nothing."""

import gzip
import json
from datetime import timedelta
from email.utils import parsedate_to_datetime

import pytest

from harness import ADMIN_PASSWORD, Server
from resources import (BAD_TOKEN, CONFIG, FUTURE, JSON_TYPE,
                       NOT_FOUND, OLD, ResourcesOrg, assert_error,
                       assert_field_error, assert_time_error, object_of,
                       records_of)
from wire import Answer

NOT_ALLOWED = 'Method "%s" not allowed.'
NO_OBJECT = "Invalid data. Expected a dictionary, but got %s."


@pytest.fixture(scope="module")
def staff(resources):
    return ResourcesOrg(resources).staff()


@pytest.fixture(scope="module")
def thing(staff):
    return staff.created("things", name="first", state="NEW")


@pytest.fixture
def unchanged(staff, thing):
    yield thing
    assert staff.records("things") == [thing]


# --- types of fields ---------------------------------------------------------

BAD_TIMES = ["", "x", "2026-01-02", "2026-02-30T00:00:00Z",
             "2023-02-29T00:00:00Z", "2026-13-01T00:00:00Z",
             "2026-00-01T00:00:00Z", "2026-01-00T00:00:00Z",
             "2026-01-02T24:00:01Z", "2026-01-02T23:60:00Z",
             "2026-01-02T23:59:61Z", "2026-01-02T23:59:60Z",
             "10000-01-01T00:00:00Z", "-0001-01-01T00:00:00Z",
             "2026-01-02T00:00:00+25:00", "2026-01-02T00:00:00+01:60",
             "2026-01-02T00:00:00Zx", "2026-1-2T0:0:0Z", 5, True, [], {}]
BAD_VALUES = {
    "name": [5, 1.5, True, [], {}, "x" * 256, None],
    "note": [5, 1.5, True, [], {}],
    "count": [1.5, "x", "", True, [], {}, 2 ** 63, -2 ** 63 - 1, 2 ** 64,
              10 ** 40],
    "price": ["x", "", True, [], {}, "1.2.3", "NaN", "Infinity"],
    "is_open": ["x", "", 2, 1.5, [], {}],
    "starts_at": BAD_TIMES,
    "day": ["", "x", "2026-02-30", "2023-02-29", "2026-13-01", "2026-00-01",
            "2026-01-00", "10000-01-01", "26-1-1", "2026-01-02T00:00:00Z",
            5, True, [], {}],
    "state": ["zzz", "new", "", "NEW ", 5, True, [], {}],
}


@pytest.mark.parametrize("field,value", [
    (f, v) for f, values in BAD_VALUES.items() for v in values])
def test_a_wrong_type_of_each_field_is_400_in_every_write(
        staff, unchanged, field, value):
    number, base = unchanged["id"], unchanged["updated_at"]
    body = {"name": "n", field: value}
    for r in (staff.update("things", number, base, **{field: value}),
              staff.create("things", **body),
              staff.replace("things", number, **body),
              staff.patch("things", number, **{field: value})):
        assert_field_error(r, field)


@pytest.mark.parametrize("value,shown", [
    ("zzz", "zzz"), ("", ""), ("new", "new"), ('a"b', 'a"b')])
def test_a_choice_that_is_none_is_told_in_the_contracts_words(
        staff, unchanged, value, shown):
    r = staff.update("things", unchanged["id"], unchanged["updated_at"],
                     state=value)
    assert_field_error(r, "state", '"%s" is not a valid choice.' % shown)


@pytest.mark.parametrize("field,value", [
    ("count", 2 ** 63 - 1), ("count", -2 ** 63), ("count", 0),
    ("price", 1), ("price", -0.5), ("price", 1e-7), ("day", "2024-02-29"),
    ("day", "0001-01-01"), ("day", "9999-12-31"),
    ("starts_at", "2024-02-29T23:59:59.999999Z"),
    ("starts_at", "0001-01-01T00:00:00Z"),
    ("starts_at", "9999-12-31T23:59:59Z"),
    ("starts_at", "2026-01-02T00:00:00+14:00"), ("name", "x" * 255),
    ("name", "é" * 255), ("note", "x" * 10000), ("is_open", True),
    ("extra", []), ("extra", {"a": {"b": [None]}}), ("extra", 5),
    ("extra", "text"), ("extra", False)])
def test_the_last_good_value_beside_each_limit_passes(staff, field, value):
    body = {"name": "n", field: value}
    made = object_of(staff.create("things", **body), 201)
    staff.deleted("things", made["id"])
    if field == "starts_at" and "+" in value:
        return
    assert made[field] == value


def test_several_bad_fields_are_all_or_one_of_them_named(staff, unchanged):
    got = assert_error(staff.update(
        "things", unchanged["id"], unchanged["updated_at"], count="x",
        state="zzz"), 400)
    assert got and set(got) <= {"count", "state"}


def test_a_bad_value_of_a_field_that_is_ignored_is_ignored(staff, thing):
    made = staff.created("things", name="n")
    r = staff.update("things", made["id"], made["updated_at"], code=[5],
                     colour={"a": 1})
    assert object_of(r)["code"] is None
    staff.deleted("things", made["id"])


# --- bodies ------------------------------------------------------------------

def writes(user, thing, body, **kw):
    """The same body at each address that takes one of a record."""
    number = thing["id"]
    return [user.request("POST", "things/", body, **kw),
            user.request("PUT", "things/%d/" % number, body, **kw),
            user.request("PATCH", "things/%d/" % number, body, **kw),
            user.request("PUT", "things/%d/sync_update/" % number, body,
                         **kw)]


@pytest.mark.parametrize("body", [
    "{", "{]", "{'a':1}", '{"a":1,}', "{a:1}", "nul", '{"a":01}', "{}{}",
    '{"a":"\t"}', '{"a":"\\x"}', '{"a":"\\ud800"}', b'{"a":"\xff"}',
    b'{"a":"\xc0\x80"}', "\ufeff{}", '{"a":NaN}', '{"a":1e}', "//", "x",
    "{\"a\":1", '{"a" 1}', "\x00", '{"name":"a","name":"b"}',
    '{"a":{"b":1,"b":2}}', "[" * 5000 + "]" * 5000,
    '{"a":' * 5000 + "1" + "}" * 5000])
def test_a_body_that_is_no_json_is_400(staff, unchanged, body):
    for r in writes(staff, unchanged, body):
        got = assert_error(r, 400)
        assert list(got) == ["detail"], got
        assert got["detail"].startswith("JSON parse error - ")


@pytest.mark.parametrize("body,kind", [
    ("[]", "list"), ('[{"name":"n"}]', "list"), ("5", "int"),
    ('"x"', "str"), ("true", "bool"), ("1.5", "float"),
    ("null", "NoneType")])
def test_a_body_that_is_no_object_is_400(staff, unchanged, body, kind):
    for r in writes(staff, unchanged, body):
        got = assert_error(r, 400)
        assert list(got) == ["non_field_errors"], got
        text, = got["non_field_errors"]
        assert text.startswith("Invalid data.")
        if kind == "list":
            assert text == NO_OBJECT % kind


def test_an_empty_body_counts_as_an_empty_object(staff, unchanged):
    for path, method, field in (
            ("things/", "POST", "name"),
            ("things/%d/" % unchanged["id"], "PUT", "name"),
            ("things/%d/sync_update/" % unchanged["id"], "PUT",
             "client_last_synced_at")):
        for body in ("", "{}"):
            r = staff.request(method, path, body)
            assert_field_error(r, field)


@pytest.mark.parametrize("kind", [
    "text/plain", "application/x-www-form-urlencoded", "application/jsonx",
    "multipart/form-data; boundary=x", "json", "application/xml"])
def test_another_type_of_content_is_415(staff, unchanged, kind):
    for r in writes(staff, unchanged, '{"name":"n"}',
                    headers={"Content-Type": kind}):
        assert list(assert_error(r, 415)) == ["detail"]


@pytest.mark.parametrize("kind", [
    "application/json; charset=utf-8", "APPLICATION/JSON",
    "application/json ; charset=UTF-8"])
def test_json_may_be_named_in_these_ways(staff, kind):
    r = staff.request("POST", "things/", {"name": "n"},
                      headers={"Content-Type": kind})
    staff.deleted("things", object_of(r, 201)["id"])


def test_a_packed_body_is_read(staff):
    r = staff.request("POST", "things/", gzip.compress(b'{"name":"packed"}'),
                      headers={"Content-Encoding": "gzip"})
    made = object_of(r, 201)
    r = staff.request(
        "PUT", "things/%d/sync_update/" % made["id"],
        gzip.compress(json.dumps({
            "client_last_synced_at": made["updated_at"],
            "note": "x"}).encode()), headers={"Content-Encoding": "gzip"})
    assert object_of(r)["note"] == "x"
    staff.deleted("things", made["id"])


def test_a_login_may_be_packed(resources):
    user = ResourcesOrg(resources).staff()
    r = user.request("POST", "auth/token/", gzip.compress(json.dumps({
        "username": user.name, "password": user.password}).encode()),
        token=None, headers={"Content-Encoding": "gzip"})
    assert r.status_code == 200, r.text


@pytest.mark.parametrize("body", [
    b"no gzip", gzip.compress(b'{"name":"n"}')[:-6],
    gzip.compress(b"{}") + b"x"], ids=["none", "cut", "more"])
def test_a_body_that_is_packed_badly_is_400(staff, unchanged, body):
    for r in writes(staff, unchanged, body,
                    headers={"Content-Encoding": "gzip"}):
        assert list(assert_error(r, 400)) == ["detail"]


@pytest.mark.parametrize("coding", ["br", "deflate", "compress", "x"])
def test_another_coding_is_415(staff, unchanged, coding):
    for r in writes(staff, unchanged, b"{}",
                    headers={"Content-Encoding": coding}):
        assert list(assert_error(r, 415)) == ["detail"]


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    """A server that takes bodies of 64 KiB at most."""
    config = CONFIG.replace("server:\n", "server:\n"
                            "  body_small_bytes: 1024\n"
                            "  body_max_bytes: 65536\n")
    s = Server(tmp_path_factory.mktemp("small"), config=config)
    s.cli.init("main", "admin", ADMIN_PASSWORD)
    s.start()
    yield s
    assert s.stop() == 0


def test_a_body_over_the_limit_is_413_packed_or_not(small):
    staff = ResourcesOrg(small).staff()
    made = staff.created("things", name="n")
    body = json.dumps({"name": "n", "note": "x" * 70000})
    bodies = [(body, {}), (gzip.compress(body.encode()),
                           {"Content-Encoding": "gzip"})]
    for data, headers in bodies:
        for r in writes(staff, made, data, headers=headers):
            assert list(assert_error(r, 413)) == ["detail"]
    assert staff.records("things") == [made]
    object_of(staff.create("things", name="n", note="x" * 30000), 201)


def test_a_login_over_its_limit_is_413(small):
    user = ResourcesOrg(small).staff()
    r = user.login(password="x" * 5000)
    assert list(assert_error(r, 413)) == ["detail"]


# --- addresses and methods ---------------------------------------------------

PATHS = {"sync/status/": {"GET"}, "auth/token/": {"POST"},
         "auth/token/refresh/": {"POST"}, "things/sync/": {"GET"},
         "things/": {"GET", "POST"},
         "things/1/": {"GET", "PUT", "PATCH", "DELETE"},
         "things/1/sync_update/": {"PUT"}, "things/1/history/": {"GET"},
         "sync/conflicts/": {"GET"}}


@pytest.mark.parametrize("slash", ["/", ""])
@pytest.mark.parametrize("path", PATHS)
def test_another_method_is_405_with_allow(staff, path, slash):
    for method in {"GET", "POST", "PUT", "PATCH", "DELETE"} - PATHS[path]:
        r = staff.request(method, path.rstrip("/") + slash)
        assert_error(r, 405, {"detail": NOT_ALLOWED % method})
        allow = {m.strip() for m in r.headers["Allow"].split(",")}
        assert allow - {"HEAD", "OPTIONS"} == PATHS[path]


@pytest.mark.parametrize("path", [
    "nonsense/", "nonsense/sync/", "nonsense/1/", "item/sync/",
    "item/", "things/1/nonsense/", "things/sync/1/", "things//sync/",
    "things/1/2/3/", "Things/sync/", "shop_stock/sync/", "auth/", "sync/",
    "auth/token/x/", "shop_stock/", "things/1/sync_update/x/",
    "things/%2e%2e/sync/x", "things/1%2Fsync_update/x/"])
def test_an_address_that_is_not_there_is_404(staff, path):
    assert_error(staff.get(path), 404, NOT_FOUND)


@pytest.mark.parametrize("number", [
    "0", "-1", "1.0", "1e3", "x", "%20", "+1", "0x1", "9223372036854775807",
    "9223372036854775808", "18446744073709551617", "9" * 100, "é",
    "a" * 3000])
def test_an_id_that_is_not_there_is_404(staff, thing, number):
    assert_error(staff.one("things", number), 404, NOT_FOUND)
    assert_error(staff.update("things", number, OLD, note="x"), 404,
                 NOT_FOUND)


@pytest.mark.parametrize("number", ["%00", "1%00", "%ff", "%", "%zz"])
def test_an_id_that_no_address_can_have_is_400_or_404(staff, number):
    assert staff.one("things", number).status_code in (400, 404)


def test_an_id_has_one_spelling(staff, thing):
    """Two addresses of one record would be two entries in every cache."""
    for text in ("0%d", "%%2B%d", " %d", "%d.0"):
        r = staff.one("things", text % thing["id"])
        assert_error(r, 404, NOT_FOUND)


@pytest.mark.parametrize("path", ["nonsense/sync/", "things/sync/",
                                  "things/1000000/", "things/x/"])
def test_401_comes_before_404_and_400(staff, path):
    r = staff.request("GET", path + "?limit=x", token="a.b.c")
    if path == "nonsense/sync/" and r.status_code == 404:
        return  # Nobody's address may be told to anybody.
    assert_error(r, 401, BAD_TOKEN)


def test_404_comes_before_400(staff):
    for path in ("things/1000000/sync_update/", "things/1000000/"):
        assert_error(staff.request("PUT", path, "[]"), 404, NOT_FOUND)


# --- queries -----------------------------------------------------------------

@pytest.mark.parametrize("since", [
    "x", "2024-01-20", "2024-01-20T10:00:00", "10:00:00Z", "2024",
    "2024-02-30T00:00:00Z", "2023-02-29T00:00:00Z", "1900-02-29T00:00:00Z",
    "2024-13-01T00:00:00Z", "2024-01-32T00:00:00Z", "2024-01-20T25:00:00Z",
    "2024-01-20T10:60:00Z", "2024-01-20T10:00:60Z", "2024-01-20T23:59:60Z",
    "2016-12-31T23:59:60Z", "10000-01-01T00:00:00Z",
    "99999-01-01T00:00:00Z", "0000-01-01T00:00:00Z",
    "2024-01-20T10:00:00+25:00", "2024-01-20T10:00:00+24:00",
    "2024-01-20T10:00:00+05:60", "2024-01-20T10:00:00+5",
    "2024-01-20T10:00:00.Z", "2024-01-20T10:00:00Z ", "1705744800", "null",
    "now", "2024-01-20T10:00:00Z'", "\x00", "2024-01-20T10:00:00\uff3a",
    "٢٠٢٤-01-20T10:00:00Z", "x" * 3000])
def test_a_timestamp_that_is_none_is_400(staff, since):
    assert_time_error(staff.sync("things", since), "last_sync_timestamp")


@pytest.mark.parametrize("since", ["2024-01-20", "yesterday", 'a"b\\c',
                                   "é", "2024-01-20T10:00:00"])
def test_what_was_sent_stands_in_the_error(staff, since):
    assert_time_error(staff.sync("things", since), "last_sync_timestamp",
                      since)


@pytest.mark.parametrize("since", [
    "2099-01-20T10:00:00Z", "9999-12-31T23:59:59Z",
    "9999-12-31T23:59:59.999999Z", "2099-01-20T10:00:00-14:00"])
def test_a_timestamp_in_the_future_is_400(staff, since):
    assert_error(staff.sync("things", since), 400,
                 {"last_sync_timestamp": FUTURE})


def test_a_clock_that_is_a_little_ahead_is_forgiven(staff, thing):
    """Up to five minutes."""
    date = staff.sync("things").headers["Date"]
    ahead = parsedate_to_datetime(date) + timedelta(minutes=4)
    text = ahead.strftime("%Y-%m-%dT%H:%M:%SZ")
    assert records_of(staff.sync("things", text)) == []
    late = (ahead + timedelta(minutes=5)).strftime("%Y-%m-%dT%H:%M:%SZ")
    assert_error(staff.sync("things", late), 400,
                 {"last_sync_timestamp": FUTURE})


@pytest.mark.parametrize("name,value,text", [
    ("count", "x", "A valid integer is required."),
    ("count", "1.5", "A valid integer is required."),
    ("count", "9223372036854775808", "A valid integer is required."),
    ("count", "1 ", "A valid integer is required."),
    ("state", "zzz", None), ("is_open", "x", None), ("day", "x", None),
    ("day", "2026-02-30", None)])
def test_a_filter_of_a_wrong_type_is_400(staff, name, value, text):
    got = assert_error(staff.sync("things", **{name: value}), 400)
    assert list(got) == [name]
    if text is not None:
        assert got == {name: text}


@pytest.mark.parametrize("query", [
    "last_sync_timestamp=x&last_sync_timestamp=" + OLD, "limit=x&limit=2"])
def test_a_parameter_twice_is_not_a_mistake_of_the_server(staff, query):
    assert staff.get("things/sync/?" + query).status_code in (200, 400)


@pytest.mark.parametrize("query", ["%", "%zz", "limit=%", "&&&", "=", "?",
                                   "limit", "%00=1", "a=b;c=d", "%ff=%ff"])
def test_odd_queries_are_not_a_mistake_of_the_server(staff, thing, query):
    raw = staff.server.raw((
        "GET /api/things/sync/?%s HTTP/1.1\r\nHost: 127.0.0.1\r\n"
        "Connection: close\r\nAuthorization: Bearer %s\r\n\r\n" % (
            query, staff.token)).encode())
    answer = Answer(raw)
    assert answer.status_code in (200, 400)
    assert answer.headers["Content-Type"].startswith(JSON_TYPE)
    assert isinstance(answer.json(), list if answer.status_code == 200
                      else dict)


# --- all in the API's form ---------------------------------------------------

def test_every_error_has_a_detail_or_its_fields(staff, thing):
    for r in (staff.get("nonsense/"), staff.request("PUT", "things/sync/"),
              staff.request("POST", "things/", "{"),
              staff.request("POST", "things/", {}),
              staff.sync("things", "x"), staff.sync("things", limit="x"),
              staff.request("GET", "things/", token="x")):
        got = assert_error(r, r.status_code)
        assert r.status_code >= 400
        assert "error" not in got
        # One type for all of them, as for what succeeds.
        assert r.headers["Content-Type"] == JSON_TYPE
