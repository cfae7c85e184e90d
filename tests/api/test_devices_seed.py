"""Every request printed in the devices contract and in its documentation,
with the answer printed.

Nobody asks, as the contract has it. Its own examples are asked at a server
that is new, so that even the numbers are those printed, and what an example
takes as given is brought about first, over the API itself; those of the
documentation at the demo, in their order.
"""

import json
import re
import subprocess

import pytest

from cli import ROOT
from devices import (Caller, event_id_of, events_of, open_config, status_of)
from devices_socket import join

DOCUMENT = ROOT / "docs" / "api" / "devices.md"
PUSHED = {"event_type": "stock_update", "payload": {"product_id": 1, "qty": 5},
          "device_id": "dev123"}
CRITICAL = {"event_type": "stock_update", "payload": {"product_id": 1,
                                                      "qty": 0},
            "device_id": "dev123"}
ACKNOWLEDGED = {"message": "Acknowledgement received", "event_id": 1}


@pytest.fixture
def new(serve):
    """An open server without an event."""
    return serve(open_config())


# --- the contract ------------------------------------------------------------

def test_the_rest_examples_of_the_contract(new):
    anyone = Caller(new)
    r = anyone.push(PUSHED)
    assert r.status_code == 200
    assert r.json() == {"message": "Event queued", "event_id": 1}
    n = event_id_of(anyone.push({**PUSHED, "device_id": "dev456"}))
    r = anyone.request(
        "GET", "/sync/pull?device_id=dev123&since=2025-07-25T12:00:00")
    got, = events_of(r)
    assert r.json() == {"events": [got]}
    assert (got["id"], got["payload"]) == (n, PUSHED["payload"])
    assert got["user_id"] is None
    for _ in range(8):
        anyone.push(PUSHED)
    anyone.ack(device_id="dev456", up_to=n + 8)
    event_id_of(anyone.push(PUSHED))
    r = anyone.request("GET", "/sync/status?device_id=dev123")
    summary, history = status_of(r)
    assert summary == {"total": 10, "pending": 1, "synced": 9, "failed": 0}
    assert len(history) == 10


def test_the_realtime_examples_of_the_contract(new):
    """`join` looks at what `connect` is answered with."""
    sender, other = join(new), join(new)
    own = join(new, Caller(new).device("dev123"))
    till = Caller(new).device("dev456")
    sender.emit("critical_event", {**CRITICAL, "device_id": till.name})
    for s in (sender, other, own):
        got = s.take("critical_event")
        assert isinstance(got.pop("timestamp"), str)
        assert got == {**CRITICAL, "device_id": till.name, "event_id": 1}
    own.emit("acknowledge", {"event_id": 1, "device_id": "dev123"})
    assert own.take("acknowledged") == ACKNOWLEDGED
    assert till.state(1) == "synced"
    own.emit("critical_event", CRITICAL)
    for s in (sender, other, own):
        assert s.take("critical_event")["payload"] == CRITICAL["payload"]
    for s in (sender, other, own):
        s.close()


def test_the_contracts_requests_have_something_to_show_in_the_demo(fresh):
    anyone = Caller(fresh)
    first = event_id_of(anyone.push(PUSHED))
    assert events_of(anyone.request(
        "GET", "/sync/pull?device_id=dev123&since=2025-07-25T12:00:00"))
    summary, history = status_of(
        anyone.request("GET", "/sync/status?device_id=dev123"))
    assert history[0]["id"] == first and summary["total"] >= 1
    s = join(fresh, Caller(fresh).device("dev123"))
    s.emit("acknowledge", {"event_id": 1, "device_id": "dev123"})
    assert s.take("acknowledged") == ACKNOWLEDGED
    s.close()
    token = anyone.post("/api/login", {
        "username": "testuser", "password": "testpass123"}).json()["token"]
    s = join(fresh, caller=Caller(fresh, token))
    assert set(s.call("sync_update", {
        "data": {"a": 1}, "timestamp": "2025-07-25T12:00:00"})) \
        == {"event_id"}
    s.close()


# --- the documentation -------------------------------------------------------

def examples():
    """The document's calls of curl: (command, the answer printed or None),
    in its order."""
    found = []
    for line in DOCUMENT.read_text().splitlines():
        if line.startswith("    curl "):
            found.append([line, ""])
        elif found and line.startswith("    {"):
            found[-1][1] = line
        elif found and line.startswith("     "):
            found[-1][1 if found[-1][1] else 0] += "\n" + line
    return [(command, value_of(text)) for command, text in found]


def value_of(text):
    """A printed answer as a value; what it leaves out is "..."."""
    if not text:
        return None
    text = re.sub(r",\s*\.\.\.\s*([\]}])", r"\1", text)
    return json.loads(text.replace("{...}", '"..."'))


def assert_as_printed(printed, actual, where="answer"):
    """What is printed is answered, dots standing for anything; no member is
    there that is not printed, except where an object was cut short."""
    if isinstance(printed, dict):
        assert isinstance(actual, dict), where
        assert printed.keys() <= actual.keys(), (where, actual)
        for name, value in printed.items():
            assert_as_printed(value, actual[name], where + "." + name)
    elif isinstance(printed, list):
        assert len(actual) >= len(printed), where
        for at, value in enumerate(printed):
            assert_as_printed(value, actual[at], "%s[%d]" % (where, at))
    elif isinstance(printed, str) and printed.endswith("..."):
        assert printed == "..." or actual.startswith(printed[:-3]), where
    elif isinstance(printed, str) and printed.startswith("2025-07-25T12:00"):
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", actual)
    else:
        assert actual == printed, where


def curl(server, command):
    """Run a printed command; its answer, which is a 200's."""
    variables = "B=%s\nADMIN=%s\n" % (
        server.base, server.cli.run("demo", "token", "admin").stdout.strip())
    done = subprocess.run(
        ["bash", "-c", variables + command.replace("curl ", "curl -sSf ")],
        text=True, capture_output=True, timeout=60, check=False)
    assert done.returncode == 0, (command, done.stderr)
    return json.loads(done.stdout)


def test_the_document_is_read_as_it_is_meant():
    found = examples()
    assert len(found) >= 8
    assert all(answer is None or isinstance(answer, dict)
               for _, answer in found)
    printed = [c for c, _ in found if "/sync/push" in c]
    assert len(printed) == 1 and printed[0].endswith("$B/sync/push")


def test_the_documentations_examples(fresh):
    """In their order, as somebody would try them."""
    for command, printed in examples():
        answer = curl(fresh, command)
        if printed is None:
            assert answer["message"] == "Acknowledgement received"
        elif "/sync/audit-logs?" in command:
            assert set(printed["logs"][0]) == set(answer["logs"][0])
            assert answer["total"] >= 1
        else:
            assert_as_printed(printed, answer)


@pytest.mark.parametrize("printed,actual,is_same", [
    ({"a": 1}, {"a": 1}, True), ({"a": 1}, {"a": 2}, False),
    ({"a": "..."}, {"a": "x"}, True), ({"a": "eyJ..."}, {"a": "x"}, False),
    ({"a": [1]}, {"a": []}, False), ({"a": 1}, {}, False)])
def test_the_comparison_above_can_fail(printed, actual, is_same):
    if is_same:
        assert_as_printed(printed, actual)
    else:
        with pytest.raises(AssertionError):
            assert_as_printed(printed, actual)
