"""The devices API's answers to what is no good request: its error body holds
for every status; and what ceilings it has."""

import gzip
import json
import socket

import pytest
import requests

from devices import (DevicesOrg, assert_error, event_id_of, ids, open_config)
from harness import DEADLINE_S, at_the_same_time, wait_for

BODY_MAX = 65536
ALLOWED = {
    "/api/ping": {"GET"}, "/api/login": {"POST"}, "/api/auth/login": {"POST"},
    "/sync/push": {"POST"}, "/sync/pull": {"GET"}, "/sync/ack": {"POST"},
    "/sync/status": {"GET"}, "/device/register": {"POST"},
    "/sync/overdue": {"GET"}, "/sync/audit-logs": {"GET"},
    "/sync/audit-logs/verify": {"GET"}}
POSTS = [path for path, methods in ALLOWED.items() if "POST" in methods]
# What a method of every route may be besides.
ALWAYS = {"HEAD", "OPTIONS"}


@pytest.fixture(scope="module")
def narrow(serve):
    """A server with low ceilings."""
    config = open_config(batch_max=5, devices_max=3)
    config = config.replace("server:", "server:\n  body_max_bytes: %d\n"
                            "  memory_max_bytes: 1048576" % BODY_MAX)
    return serve(config)


@pytest.fixture
def norg(narrow):
    return DevicesOrg(narrow)


# --- paths and methods -------------------------------------------------------

@pytest.mark.parametrize("path", [
    "/device/nothing", "/device/register/x", "/sync/push/x",
    "/sync/audit-logs/nothing", "/sync/pull/x"])
def test_a_path_that_is_not_there_is_404(nobody, path):
    for method in ("GET", "POST"):
        r = nobody.request(method, path, {} if method == "POST" else None)
        assert_error(r, 404)


@pytest.mark.parametrize("path", ALLOWED)
def test_another_method_is_405_with_those_that_are_allowed(dorg, path):
    for method in {"GET", "POST", "PUT", "PATCH", "DELETE"} - ALLOWED[path]:
        body = None if method in ("GET", "DELETE") else {}
        r = dorg.admin.request(method, path, body)
        assert_error(r, 405)
        allowed = {m.strip() for m in r.headers["Allow"].split(",")}
        assert ALLOWED[path] <= allowed <= ALLOWED[path] | ALWAYS, allowed


def test_head_is_as_get_without_a_body(dorg):
    a = dorg.device()
    for path in ("/api/ping", "/sync/pull?device_id=" + a.name,
                 "/sync/status?device_id=" + a.name):
        r = dorg.user.request("HEAD", path)
        assert (r.status_code, r.content) == (200, b"")


# --- bodies ------------------------------------------------------------------

@pytest.mark.parametrize("path", POSTS)
@pytest.mark.parametrize("kind", [
    "text/plain", "application/x-www-form-urlencoded", "text/json",
    "multipart/form-data; boundary=x", "application/jsonp", "json", ""])
def test_another_content_type_is_415(nobody, path, kind):
    r = nobody.request("POST", path, {}, headers={"Content-Type": kind})
    assert_error(r, 415)


@pytest.mark.parametrize("kind", [
    "application/json", "application/json; charset=utf-8",
    "application/json;charset=UTF-8", "Application/JSON"])
def test_json_by_any_spelling_is_taken(dorg, kind):
    a = dorg.device()
    r = a.caller.request("POST", "/sync/push", a.event(),
                         headers={"Content-Type": kind})
    event_id_of(r)


@pytest.mark.parametrize("path", POSTS)
@pytest.mark.parametrize("coding", ["br", "compress", "x"])
def test_another_coding_is_415(nobody, path, coding):
    r = nobody.request("POST", path, {}, headers={"Content-Encoding": coding})
    assert_error(r, 415)


def test_a_body_may_be_gzipped(dorg):
    a, b = dorg.devices(2)
    r = a.caller.request("POST", "/sync/push",
                         gzip.compress(json.dumps(a.event()).encode()),
                         headers={"Content-Encoding": "gzip"})
    n = event_id_of(r)
    assert ids(b.pulled()) == [n]


@pytest.mark.parametrize("path", POSTS)
def test_a_body_over_the_ceiling_is_413(narrow, path):
    session = requests.Session()
    r = session.post(narrow.base + path, data=b" " * (BODY_MAX + 1),
                     headers={"Content-Type": "application/json"},
                     timeout=DEADLINE_S)
    assert_error(r, 413)


def test_a_body_that_unpacks_to_more_is_413(narrow):
    r = requests.post(narrow.base + "/sync/push", timeout=DEADLINE_S,
                      data=gzip.compress(b" " * (BODY_MAX + 1)),
                      headers={"Content-Type": "application/json",
                               "Content-Encoding": "gzip"})
    assert_error(r, 413)


def test_a_body_at_the_ceiling_is_taken(norg):
    a = norg.device()
    text = json.dumps(a.event())
    r = a.caller.push(text + " " * (BODY_MAX - len(text)))
    assert event_id_of(r) == 1


def test_when_bodies_fill_the_memory_it_is_503(narrow, norg):
    """Bodies that are under way, of one mebibyte together at most."""
    a = norg.device()
    head = ("POST /sync/push HTTP/1.1\r\nHost: 127.0.0.1\r\n"
            "Content-Type: application/json\r\nContent-Length: %d\r\n\r\n"
            % 40000).encode()
    held = []
    try:
        for _ in range(40):
            s = socket.create_connection(("127.0.0.1", narrow.port),
                                         timeout=DEADLINE_S)
            held.append(s)
            s.sendall(head + b" " * 39999)
        r, = wait_for(lambda: refused(a), "the memory to be full")
        assert_error(r, 503)
        assert "Retry-After" in r.headers
    finally:
        for s in held:
            s.close()
    wait_for(lambda: a.push().status_code == 200, "room again")


def refused(device):
    """The answers that say no, for a response alone would be taken for
    false."""
    r = device.caller.push(" " * 60000 + json.dumps(device.event()))
    assert r.status_code in (200, 503)
    return [r] if r.status_code == 503 else []


# --- ceilings ----------------------------------------------------------------

def test_a_batch_over_the_configured_ceiling_is_413(norg):
    a = norg.device()
    batch = [a.event(payload=n) for n in range(6)]
    assert_error(a.caller.push(batch), 413)
    r = a.caller.push(batch[:5])
    assert [e["event_id"] for e in r.json()] == [1, 2, 3, 4, 5]


def test_a_device_too_many_is_409(norg):
    devices = norg.devices(3)
    one_more = norg.device(registered=False)
    r = one_more.caller.register(device_id=one_more.name)
    assert_error(r, 409, "Too many devices")
    assert_error(one_more.push(), 409, "Too many devices")
    assert_error(one_more.ack(up_to=0), 409, "Too many devices")
    r = one_more.caller.push([one_more.event(), devices[0].event()])
    assert r.json()[0] == {"error": "Too many devices"}
    assert r.json()[1]["event_id"] == 1
    for d in devices:
        assert d.registered(role="again")["role"] == "again"
        d.pushed()
    assert ids(one_more.pulled()) == [1, 2, 3, 4]


def test_devices_of_an_array_count_one_by_one(norg):
    four = norg.devices(4, registered=False)
    r = four[0].caller.push([d.event() for d in four])
    got = r.json()
    assert [e.get("event_id") for e in got] == [1, 2, 3, None]
    assert got[3] == {"error": "Too many devices"}


def test_another_orgs_devices_do_not_count(narrow, norg):
    norg.devices(3)
    assert len(DevicesOrg(narrow).devices(3)) == 3


# --- many at once ------------------------------------------------------------

def test_numbers_are_dense_and_rise_with_the_time(dorg):
    """Eight push, two of them in arrays; each event has one number, and the
    order of numbers is that of the times of arrival."""
    count, each = 8, 25
    reader = dorg.device()
    devices = dorg.devices(count)

    def push(k):
        d = devices[k].again()
        if k < 2:
            r = d.caller.push([d.event(payload=n) for n in range(each)])
            return [e["event_id"] for e in r.json()]
        return [d.pushed(payload=n) for n in range(each)]
    got = at_the_same_time(push, count)
    assert sorted(n for some in got for n in some) \
        == list(range(1, count * each + 1))
    for some in got:
        assert some == sorted(some)
    events = reader.pulled()  # looks at the order, and at the times'
    assert ids(events) == list(range(1, count * each + 1))
    for d, some in zip(devices, got):
        mine = [e for e in events if e["device_id"] == d.name]
        assert ids(mine) == some
        assert [e["payload"] for e in mine] == list(range(each))


def test_the_same_event_pushed_by_many_is_stored_once(dorg):
    a, b = dorg.devices(2)

    def push(k):
        e = a.event(client_event_id="c") if k % 2 \
            else a.event(timestamp="2025-07-25T12:00:00Z")
        return event_id_of(a.again().caller.push(e)), k % 2
    got = at_the_same_time(push, 8)
    assert sorted(set(got)) in ([(1, 0), (2, 1)], [(1, 1), (2, 0)])
    assert ids(b.pulled()) == [1, 2]


def test_acknowledgements_of_many_at_once_are_all_counted_once(dorg):
    a, b = dorg.devices(2)
    numbers = a.pushed_many(40)

    def ack(k):
        d = b.again()
        return sum(d.acked(n)[0] for n in numbers[k::2] + numbers[::4])
    assert sum(at_the_same_time(ack, 4)) == 40
    assert b.pulled() == []
    assert a.status()[0]["synced"] == 40
