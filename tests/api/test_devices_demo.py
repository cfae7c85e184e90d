"""The devices API of the demo, and which settings start."""

import subprocess

import pytest
import requests

from cli import PROGRAM, Cli
from harness import ADMIN_PASSWORD, DEADLINE_S, Server, free_port

SINCE = "2025-07-25T12:00:00"
# Passwords are hashed at the least cost.
CHEAP = "auth: {argon2_mem_bytes: 65536, argon2_ops: 1}\n"
OPEN = CHEAP + "devices:\n  auth: open\n"


def get(server, path, **params):
    return requests.get(server.base + path, params=params, timeout=DEADLINE_S)


def push(server, **more):
    event = {"event_type": "stock_update", "device_id": "dev123",
             "payload": {"product_id": 1, "qty": 5}, **more}
    return requests.post(server.base + "/sync/push", json=event,
                         timeout=DEADLINE_S)


# --- the demo ----------------------------------------------------------------

def test_the_pull_of_the_documentation_answers(demo):
    r = get(demo, "/sync/pull", device_id="dev123", since=SINCE)
    assert r.status_code == 200, r.text
    events = r.json()["events"]
    assert events
    assert all(e["device_id"] != "dev123" and e["timestamp"] > SINCE
               for e in events)


def test_the_status_of_the_documentation_answers(demo):
    r = get(demo, "/sync/status", device_id="dev123")
    assert r.status_code == 200, r.text
    summary = r.json()["summary"]
    assert summary["pending"] and summary["synced"]
    assert summary["total"] == len(r.json()["history"])


def test_the_first_push_is_pulled_by_the_other_till(fresh):
    before = get(fresh, "/sync/status", device_id="dev123").json()["summary"]
    r = push(fresh)
    assert r.status_code == 200, r.text
    assert r.json()["message"] == "Event queued"
    assert r.headers["X-Retry-Unsafe"] == "1"
    last = get(fresh, "/sync/pull", device_id="dev456").json()["events"][-1]
    assert last["id"] == r.json()["event_id"]
    assert last["payload"] == {"product_id": 1, "qty": 5}
    after = get(fresh, "/sync/status", device_id="dev123").json()["summary"]
    assert after == {**before, "total": before["total"] + 1,
                     "pending": before["pending"] + 1}


def test_the_page_shows_how_to_try_it(demo):
    page = requests.get(demo.base + "/", timeout=DEADLINE_S).text
    for path in ("/sync/push", "/sync/pull?device_id=dev456",
                 "/sync/status?device_id=dev123", "/api/ping"):
        assert path in page, path


@pytest.mark.parametrize("how", ["file", "environment"])
def test_the_demos_devices_may_be_asked_for_tokens(made_demo, tmp_path,
                                                   monkeypatch, how):
    """What is configured goes before what the demo sets, also where it is
    what would hold without a word."""
    config = "devices:\n  auth: token\n" if how == "file" else None
    s = Server(tmp_path, demo=True, config=config)
    s.data = made_demo
    if how == "environment":
        monkeypatch.setenv("TOMBOLO_DEVICES_AUTH", "token")
    s.start()
    try:
        assert push(s).status_code == 401
        assert get(s, "/api/ping").status_code == 200
    finally:
        assert s.stop() == 0


# --- what starts -------------------------------------------------------------

def serve(folder, config, *orgs, listen=None):
    """`tombolo serve` that must end by itself, on a store of these orgs."""
    path = folder / "tombolo.yaml"
    path.write_text(config)
    cli = Cli(folder / "data", path)
    cli.init("main", "admin", ADMIN_PASSWORD)
    for org in orgs:
        cli.run("org", "add", org)
    return subprocess.run(
        [PROGRAM, "--config", str(path), "--data", str(folder / "data"),
         "serve", "--listen", listen or "127.0.0.1:%d" % free_port()],
        capture_output=True, text=True, timeout=DEADLINE_S, check=False)


def test_a_refusal_says_what_to_set(tmp_path):
    done = serve(tmp_path, OPEN,
                 listen="0.0.0.0:%d" % free_port())
    assert done.returncode == 6, done
    for words in ("devices.auth: open", "127.0.0.1", "devices.auth: token",
                  "devices.open_to_network: yes"):
        assert words in done.stderr, words


def test_open_for_an_org_that_is_not_there_does_not_start(tmp_path):
    done = serve(tmp_path, OPEN + "  org: nowhere\n")
    assert done.returncode == 5, done
    assert "devices.org" in done.stderr and "nowhere" in done.stderr


def test_open_for_one_of_several_orgs_must_say_which(tmp_path):
    done = serve(tmp_path, OPEN, "second")
    assert done.returncode == 5, done
    assert "devices.org" in done.stderr


def test_open_needs_no_name_of_the_only_org(tmp_path):
    s = Server(tmp_path, config=OPEN)
    s.cli.init("main", "admin", ADMIN_PASSWORD)
    s.start()
    try:
        assert push(s).json()["event_id"] == 1
    finally:
        assert s.stop() == 0


def test_open_to_the_network_answers_proxies(tmp_path):
    """On an address that others could reach it is meant; here it is asked on
    loopback, where it would refuse them."""
    s = Server(tmp_path, config=OPEN + "  open_to_network: yes\n")
    s.cli.init("main", "admin", ADMIN_PASSWORD)
    s.start()
    try:
        r = requests.get(s.base + "/sync/pull?device_id=d",
                         headers={"X-Forwarded-For": "192.0.2.1",
                                  "Host": "sync.example.org"},
                         timeout=DEADLINE_S)
        assert r.status_code == 200, r.text
    finally:
        assert s.stop() == 0


def test_without_a_token_no_body_is_awaited(tmp_path):
    """Nobody can make the server hold what nobody is answerable for."""
    s = Server(tmp_path, config=CHEAP)
    s.cli.init("main", "admin", ADMIN_PASSWORD)
    s.start()
    try:
        got = s.raw(b"POST /sync/push HTTP/1.1\r\nHost: x\r\n"
                    b"Connection: close\r\n"
                    b"Content-Type: application/json\r\n"
                    b"Content-Length: 50000000\r\n\r\n")
        assert got.startswith(b"HTTP/1.1 401 ")
        assert b'{"error":"Authentication required"}' in got
    finally:
        assert s.stop() == 0
