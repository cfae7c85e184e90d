"""Where devices.auth is open: who may call without a token, and when the
server does not start so or does not answer."""

import subprocess

import pytest

from cli import PROGRAM, Cli, tombolo
from devices import (INVALID, NOT_MINE, SETTINGS, Caller, DevicesOrg,
                     assert_error, event_id_of, events_of, open_config)
from devices_socket import (Polling, Refused, Socket, WebSocket,
                            http_request, query)
from harness import ADMIN_PASSWORD, free_port

CALLS = {
    "ping": ("GET", "/api/ping", None),
    "login": ("POST", "/api/login", {}),
    "login too": ("POST", "/api/auth/login", {}),
    "push": ("POST", "/sync/push", {}),
    "pull": ("GET", "/sync/pull?device_id=d", None),
    "ack": ("POST", "/sync/ack", {"device_id": "d", "event_ids": []}),
    "status": ("GET", "/sync/status?device_id=d", None),
    "register": ("POST", "/device/register", {"device_id": "d"}),
    "overdue": ("GET", "/sync/overdue", None),
    "logs": ("GET", "/sync/audit-logs", None),
    "verify": ("GET", "/sync/audit-logs/verify", None),
    "realtime": ("GET", query(), None)}
OPEN = ["push", "pull", "ack", "status", "register", "realtime"]
FOR_ADMINISTRATORS = ["overdue", "logs", "verify"]


def assert_all_403(caller, **headers):
    """Every call is refused that bears these headers."""
    headers = {k.replace("_", "-"): v for k, v in headers.items()}
    for name, call in CALLS.items():
        r = caller.request(*call, headers=headers)
        assert r.status_code == 403, (name, r.status_code, r.text)
        assert_error(r, 403)


# --- who calls ---------------------------------------------------------------

@pytest.mark.parametrize("name", OPEN)
def test_nobody_needs_a_token(nobody, name):
    r = nobody.request(*CALLS[name])
    assert r.status_code == (400 if name == "push" else 200), r.text


@pytest.mark.parametrize("name", FOR_ADMINISTRATORS)
def test_what_is_the_administrators_needs_one_even_here(nobody, dorg, name):
    assert_error(nobody.request(*CALLS[name]), 401)
    assert_error(dorg.user.request(*CALLS[name]), 403)
    assert dorg.admin.request(*CALLS[name]).status_code == 200


@pytest.mark.parametrize("name", ["push", "pull", "ack", "status",
                                  "register"])
@pytest.mark.parametrize("token", ["x", "x.y.z"])
def test_a_bad_token_is_refused(nobody, name, token):
    assert_error(nobody.request(*CALLS[name], token=token), 401, INVALID)


def test_who_sends_a_token_acts_in_its_org(nobody, dorg):
    n = event_id_of(nobody.push({"event_type": "of nobody", "payload": 1,
                                 "device_id": "sender-of-open"}))
    a = dorg.device()
    assert a.pulled() == []
    assert a.pushed("of the org") == 1
    got = events_of(nobody.pull(device_id="reader-of-open"))
    assert n in [e["id"] for e in got]
    assert "of the org" not in [e["event_type"] for e in got]


def test_who_sends_a_token_is_held_to_it(dorg):
    a = dorg.account()
    r = a.caller.push({"event_type": "t", "payload": 1, "device_id": "x"})
    assert_error(r, 403, NOT_MINE)


# --- what is refused on loopback ---------------------------------------------

@pytest.mark.parametrize("header", [
    "X-Forwarded-For: 10.0.0.1", "Forwarded: for=10.0.0.1",
    "X-Forwarded-Host: example.org", "X-Forwarded-Proto: https",
    "X-Real-IP: 10.0.0.1", "Via: 1.1 proxy"])
def test_what_came_through_a_proxy_is_403(nobody, header):
    assert_all_403(nobody, **dict([header.split(": ")]))


@pytest.mark.parametrize("host", [
    "example.org", "example.org:8000", "127.0.0.1.example.org",
    "localhost.example.org", "192.168.0.1", "10.0.0.1:8000",
    "[2001:db8::1]:8000", "127.0.0.1@example.org"])
def test_a_host_that_is_not_this_machine_is_403(nobody, host):
    assert_all_403(nobody, Host=host)


@pytest.mark.parametrize("host", [
    "127.0.0.1", "127.0.0.1:%d", "localhost", "localhost:%d", "LocalHost:%d",
    "[::1]", "[::1]:%d"])
def test_a_host_that_is_this_machine_is_answered(nobody, host):
    if "%d" in host:
        host = host % nobody.server.port
    r = nobody.request(*CALLS["pull"], headers={"Host": host})
    assert r.status_code == 200, r.text


@pytest.mark.parametrize("origin", [
    "https://example.org", "http://example.org", "null",
    "http://127.0.0.1.example.org", "http://localhost.example.org",
    "file://", "https://10.0.0.1", "x"])
def test_a_page_of_another_site_is_403(nobody, origin):
    assert_all_403(nobody, Origin=origin)


@pytest.mark.parametrize("form", ["http://127.0.0.1:%d",
                                  "http://localhost:%d"])
def test_a_page_of_this_server_is_answered(nobody, form):
    origin = form % nobody.server.port
    r = nobody.request(*CALLS["pull"], headers={
        "Origin": origin, "Host": origin.split("//")[1]})
    assert r.status_code == 200, r.text


@pytest.mark.parametrize("header", [
    ("X-Forwarded-For", "10.0.0.1"), ("Host", "example.org"),
    ("Origin", "https://example.org"), ("Origin", "null")])
def test_a_websocket_is_refused_likewise(open_server, header):
    with pytest.raises(Refused) as e:
        WebSocket(open_server, headers=dict([header]))
    assert e.value.status == 403
    with pytest.raises(Refused) as e:
        Polling(open_server, dict([header]))
    assert e.value.status == 403


def test_a_session_is_refused_to_a_page_of_another_site(open_server):
    """One that a page of another site guessed, or was told."""
    p = Polling(open_server)
    for method, body in (("GET", None), ("POST", b"40")):
        r = http_request(open_server, method, query(sid=p.sid), body,
                         {"Origin": "https://example.org"})
        assert r.status == 403
    p.send("40")
    assert p.receive().startswith("40")
    p.close()


def test_a_token_does_not_open_what_came_through_a_proxy(dorg):
    r = dorg.user.request(*CALLS["pull"],
                          headers={"X-Forwarded-For": "10.0.0.1"})
    assert_error(r, 403)


def test_where_tokens_are_asked_for_a_proxy_may_stand(token_server):
    org = DevicesOrg(token_server)
    for headers in ({"X-Forwarded-For": "10.0.0.1"},
                    {"Host": "example.org"}, {"Via": "1.1 proxy"},
                    {"Origin": "https://example.org"}):
        r = org.user.request(*CALLS["pull"], headers=headers)
        assert r.status_code == 200, r.text
        ws = WebSocket(token_server, headers=headers)
        Socket(ws).join({"token": org.user.token}).close()


# --- what does not start -----------------------------------------------------

def serve(folder, listen, config):
    """`tombolo serve` that must end by itself."""
    path = folder / "tombolo.yaml"
    path.write_text(config)
    Cli(folder / "data", path).init("main", "admin", ADMIN_PASSWORD)
    return subprocess.run(
        [PROGRAM, "--config", str(path), "--data", str(folder / "data"),
         "serve", "--listen", listen],
        capture_output=True, text=True, timeout=30, check=False)


@pytest.mark.parametrize("form", ["0.0.0.0:%d", "[::]:%d"])
def test_open_and_not_on_loopback_alone_does_not_start(tmp_path, form):
    done = serve(tmp_path, form % free_port(), open_config())
    assert done.returncode in (3, 6), done
    assert "open" in done.stderr and "loopback" in done.stderr


def test_another_word_is_a_bad_configuration(tmp_path):
    path = tmp_path / "tombolo.yaml"
    path.write_text(SETTINGS + "devices:\n  auth: none\n")
    assert tombolo("--config", path, "config", "check",
                   check=False).returncode == 3


def test_token_is_what_is_without_a_word(token_server):
    assert_error(Caller(token_server).request(*CALLS["pull"]), 401)
