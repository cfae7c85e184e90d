"""`tombolo device`: what operators see of devices, and what they do."""

import json

import pytest

from harness import wait_for


def lines(org, verb):
    return [json.loads(x)
            for x in org.command(verb).stdout.splitlines()]


def registered(org):
    return {x["device_id"]: x for x in lines(org, "registered")}


def test_registered_devices_are_listed_with_what_waits(dorg):
    a, b = dorg.devices(2)
    a.registered(role="till", priority=3)
    n, _, k = a.pushed_many(3)
    b.acked(n)
    b.acked(k)
    got = registered(dorg)
    assert got[a.name]["waiting"] == 0
    assert got[a.name]["role"] == "till" and got[a.name]["priority"] == 3
    assert got[a.name]["registered_at"] <= got[a.name]["seen_at"]
    assert got[b.name] == {
        **got[b.name], "org": dorg.name, "role": "", "priority": 0,
        "state": "active", "done_to": n, "waiting": 1}
    b.acked(up_to=k)
    assert registered(dorg)[b.name]["done_to"] == k
    assert registered(dorg)[b.name]["waiting"] == 0


def test_nothing_waits_for_a_device_that_is_retired(dorg):
    a, b = dorg.devices(2)
    n = a.pushed()
    assert a.state(n) == "pending"
    dorg.command("retire", b.name)
    assert registered(dorg)[b.name]["state"] == "retired"
    wait_for(lambda: a.state(n) == "synced", "the event to wait no longer")
    assert [e["id"] for e in b.pulled()] == [n]
    dorg.command("reinstate", b.name)
    assert registered(dorg)[b.name]["state"] == "active"
    assert a.state(a.pushed()) == "pending"


def test_an_event_is_given_up_once(dorg):
    a, b = dorg.devices(2)
    n = a.pushed()
    dorg.command("give-up", n)
    assert a.state(n) == "failed"
    again = dorg.command("give-up", n, check=False)
    assert again.returncode == 6 and str(n) in again.stderr
    assert [e["id"] for e in b.pulled()] == [n]


@pytest.mark.parametrize("verb,arg,code", [
    ("retire", "nobody", 5), ("reinstate", "nobody", 5),
    ("give-up", "17", 5), ("give-up", "x", 2)])
def test_what_is_not_there_is_said(dorg, verb, arg, code):
    done = dorg.command(verb, arg, check=False)
    assert done.returncode == code, done
    assert arg in done.stderr


def test_what_operators_do_is_on_the_audit_trail(dorg):
    a, b = dorg.devices(2)
    n = a.pushed()
    dorg.command("retire", b.name)
    dorg.command("reinstate", b.name)
    dorg.command("give-up", n, check=False)
    dorg.cli.audit_verify()


def test_overdue_lists_critical_events_alone(fresh, monkeypatch):
    """The demo has a critical one that not every device acknowledged."""
    monkeypatch.setenv("TOMBOLO_DEVICES_DEADLINE_S", "1")
    got = wait_for(lambda: fresh.cli.run("device", "overdue").stdout,
                   "the event to be overdue")
    event, = map(json.loads, got.splitlines())
    assert event["critical"] is True and event["status"] == "pending"
    assert event["waiting_for"] >= 1 and event["org"] == "org123"


def test_accounts_and_registrations_are_apart(dorg):
    """An account is no registration, and a registration no account."""
    a = dorg.account(registered=False)
    b = dorg.device()
    assert a.name not in registered(dorg)
    accounts = [json.loads(x)["name"]
                for x in dorg.command("list").stdout.splitlines()]
    assert accounts == [a.name]
    assert set(registered(dorg)) == {b.name}
