"""GET /sync/audit-logs: the trail, as administrators read it."""

import datetime

import pytest

from devices import (TIME, TOKEN_CONFIG, Caller, DevicesOrg, assert_error,
                     time_of)
from devices_socket import join
from events import event
from test_audit import alteration, place, tamper

MEMBERS = ["id", "event_type", "operation", "status", "device_id", "user_id",
           "timestamp", "details"]
BAD_START = "Invalid start_date format. Use ISO format."
BAD_END = "Invalid end_date format. Use ISO format."


def page(admin, **params):
    """(rows, total) of an answer that must succeed."""
    r = admin.get("/sync/audit-logs", **params)
    assert r.status_code == 200, r.text
    body = r.json()
    assert list(body)[:2] == ["logs", "total"]
    assert set(body) <= {"logs", "total", "complete"}
    assert body.get("complete", True) is True
    for row in body["logs"]:
        assert list(row) == MEMBERS, row
        assert TIME.fullmatch(row["timestamp"])
    ids = [row["id"] for row in body["logs"]]
    assert ids == sorted(set(ids), reverse=True), "newest first"
    return body["logs"], body["total"]


def logs(admin, **params):
    return page(admin, **params)[0]


@pytest.fixture(scope="module")
def org(token_server):
    return DevicesOrg(token_server)


@pytest.fixture(scope="module")
def written(org):
    """(org, device): twelve pushes of one device, and others' writes."""
    a, b = org.devices(2)
    for n in range(12):
        a.pushed(payload=n)
    b.acked(up_to=6)
    return org, a


# --- rows --------------------------------------------------------------------

def test_each_write_has_its_row(org):
    a, b = org.devices(2)
    before = page(org.admin)[1]
    a.pushed()
    b.acked(up_to=1)
    b.registered(role="till")
    assert page(org.admin)[1] == before + 3
    operations = [(r["event_type"], r["device_id"])
                  for r in logs(org.admin, limit=3)]
    assert operations == [("devices", b.name), ("devices", b.name),
                          ("devices", a.name)]


def test_a_push_is_shown_as_printed(org):
    a = org.device()
    a.pushed()
    row = logs(org.admin, device_id=a.name, limit=1)[0]
    assert (row["event_type"], row["operation"], row["status"]) \
        == ("devices", "push", "ok")
    assert row["device_id"] == a.name
    assert row["user_id"] in (None, org.user.uuid)
    assert isinstance(row["details"], dict)


def test_a_realtime_event_has_its_row_as_well(org):
    a, b = org.devices(2)
    s, t = join(org.server, a), join(org.server, b)
    n = s.critical("secret payload")
    t.take("critical_event")
    t.acknowledge(n)
    assert [r["device_id"] for r in logs(org.admin, device_id=a.name)
            if r["operation"] not in ("register", "push")] != []
    assert [r for r in logs(org.admin, device_id=b.name)
            if "ack" in r["operation"]]
    s.close()
    t.close()


def test_writes_of_every_api_are_there(org):
    from events import Client
    client = Client(org.server, org.user.name, org.user.password,
                    org.user.uuid)
    client.posted(event())
    site = org.org.site()
    site.pushed(site.record("unknown_table", "r", {"a": 1}))
    types = {r["event_type"] for r in logs(org.admin, limit=20)}
    assert {"events", "sites"} <= types


def test_another_orgs_rows_are_not(token_server, org):
    other = DevicesOrg(token_server)
    a = other.device()
    a.pushed()
    assert logs(org.admin, device_id=a.name) == []
    assert len(logs(other.admin, device_id=a.name)) >= 1


# --- filters and pages -------------------------------------------------------

def test_of_a_device(written):
    org, a = written
    rows, total = page(org.admin, device_id=a.name)
    assert total == len(rows) >= 12
    assert {r["device_id"] for r in rows} == {a.name}
    assert sum(r["operation"] == "push" for r in rows) == 12
    assert page(org.admin, device_id="no-such-device") == ([], 0)


def test_of_an_event_type(written):
    org, a = written
    rows, total = page(org.admin, event_type="devices", device_id=a.name)
    assert total == len(rows) >= 12
    assert page(org.admin, event_type="nothing") == ([], 0)
    assert page(org.admin, event_type="device") == ([], 0)


def test_limit_and_offset(written):
    org, a = written
    every, total = page(org.admin, device_id=a.name)
    for limit in (1, 5, 100):
        got = []
        for offset in range(0, total, limit):
            part, count = page(org.admin, device_id=a.name, limit=limit,
                               offset=offset)
            assert count == total and len(part) <= limit
            got += part
        assert got == every
    assert page(org.admin, device_id=a.name, offset=1000) == ([], total)
    assert page(org.admin, device_id=a.name, limit=100000)[0] == every


def test_the_limit_is_a_hundred_by_default_and_a_thousand_at_most(org):
    a = org.device()
    for n in range(105):
        a.pushed(payload=n)
    rows, total = page(org.admin)
    assert len(rows) == 100 and total > 100
    rows, total = page(org.admin, limit=1000)
    assert len(rows) == min(total, 1000)


def shift(text, **delta):
    moved = time_of(text) + datetime.timedelta(**delta)
    return moved.strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def test_dates_are_inclusive(written):
    org, a = written
    every, total = page(org.admin, device_id=a.name)
    first, last = every[-1]["timestamp"], every[0]["timestamp"]
    middle = every[5]["timestamp"]

    def some(**params):
        return logs(org.admin, device_id=a.name, **params)
    assert some(start_date=first, end_date=last) == every
    assert some(start_date=middle) == every[:6]
    assert some(end_date=middle) == every[5:]
    assert some(start_date=middle, end_date=middle) == every[5:6]
    assert some(start_date=shift(middle, microseconds=1)) == every[:5]
    assert some(end_date=shift(middle, microseconds=-1)) == every[6:]
    assert some(start_date=shift(last, days=2)) == []
    assert page(org.admin, device_id=a.name, start_date=middle)[1] == 6
    assert total == len(every)


def test_a_date_alone_means_its_whole_day(written):
    org, a = written
    every = logs(org.admin, device_id=a.name)
    days = sorted({r["timestamp"][:10] for r in every})
    got = logs(org.admin, device_id=a.name, start_date=days[0],
               end_date=days[-1])
    assert got == every
    before = shift(every[-1]["timestamp"], days=-1)[:10]
    assert logs(org.admin, device_id=a.name, end_date=before) == []


@pytest.mark.parametrize("params,text", [
    ({"limit": "x"}, "Invalid limit"), ({"limit": "-1"}, "Invalid limit"),
    ({"limit": "1.5"}, "Invalid limit"), ({"offset": "x"}, "Invalid offset"),
    ({"offset": "-1"}, "Invalid offset"),
    ({"offset": "1.5"}, "Invalid offset"), ({"start_date": "x"}, BAD_START),
    ({"start_date": "2025-13-01"}, BAD_START), ({"end_date": "x"}, BAD_END),
    ({"end_date": "2025-02-30T00:00:00Z"}, BAD_END)])
def test_a_bad_filter_is_400(org, params, text):
    assert_error(org.admin.get("/sync/audit-logs", **params), 400, text)


def test_a_search_that_is_too_long_says_so_and_can_go_on(serve):
    """Of the rows that were looked through, `total` is true."""
    org = DevicesOrg(serve(TOKEN_CONFIG + "devices:\n"
                           "  audit_scan_max: 20\n"))
    a, b = org.devices(2)
    for n in range(15):
        a.pushed(payload=n)
    for n in range(15):
        b.pushed(payload=n)
    seen, end = [], {}
    for _ in range(20):
        body = org.admin.get("/sync/audit-logs", device_id=a.name,
                             **end).json()
        seen += [r["id"] for r in body["logs"] if r["id"] not in seen]
        if body.get("complete", True):
            break
        assert body["complete"] is False
        rows = org.admin.get("/sync/audit-logs", limit=20, **end).json()
        end = {"end_date": rows["logs"][-1]["timestamp"]}
    assert body.get("complete", True) is True
    assert len(seen) >= 15 and end


# --- whether it is whole -----------------------------------------------------

def verified(admin):
    r = admin.get("/sync/audit-logs/verify")
    assert r.status_code == 200, r.text
    return r.json()


def test_verify_says_that_it_is_whole(org):
    first = verified(org.admin)
    assert set(first) == {"valid", "rows", "erased", "first", "last", "hash"}
    assert first["valid"] is True and first["rows"] > 0
    org.device().pushed()
    second = verified(org.admin)
    assert second["valid"] is True
    assert second["rows"] == first["rows"] + 2
    assert second["last"] > first["last"]
    assert second["hash"] != first["hash"]


@pytest.fixture
def damaged(serve):
    return serve(TOKEN_CONFIG)


@pytest.mark.parametrize("change", [
    lambda db: ["delete from audit where " + place(db, "audit")],
    alteration("audit", "hash"), alteration("audit", "row")],
    ids=["missing", "another hash", "another row"])
def test_a_row_that_was_tampered_with_is_found(damaged, change):
    """The one in the middle of all rows, which most are this org's."""
    org = DevicesOrg(damaged)
    a = org.device()
    for n in range(40):
        a.pushed(payload=n)
    assert verified(org.admin)["valid"] is True
    assert damaged.stop() == 0
    tamper(damaged.data, change)
    damaged.start()
    body = verified(org.admin)
    assert body["valid"] is False, body
    assert {"first_bad", "problem"} <= set(body)
    assert org.cli.audit_verify(check=False).returncode == 7


def test_the_command_line_says_the_same(org):
    org.cli.audit_verify()
    assert Caller(org.server).get("/sync/audit-logs").status_code == 401
