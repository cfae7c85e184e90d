"""What `--demo` promises."""

import json
import shutil

import pytest
import requests

import wire
from cli import tombolo
from harness import Server, Site, free_port, ids


def test_the_page_shows_accounts_links_and_curl_lines(demo):
    r = requests.get(demo.base + "/", timeout=30)
    assert r.status_code == 200
    assert r.headers["Content-Type"].startswith("text/html")
    for text in ("admin", "admin-demo-pass", "testuser", "testpass123",
                 "username", "site64", "password64", "primary",
                 "primary-password", "curl ", "href="):
        assert text in r.text, text


@pytest.fixture(params=[("username", "password", 63, "store-a"),
                        ("site64", "password64", 64, "store-b"),
                        ("primary", "primary-password", 1, None)],
                ids=["username", "site64", "primary"])
def account(demo, request):
    name, password, number, store = request.param
    return Site(demo, name, password, number, [store] if store else [])


def test_the_sites_are_there_with_their_ids(account):
    r = account.v5().get("site")
    assert r.status_code == 200
    assert r.json()["siteId"] == account.number


def test_the_sites_have_their_stores(account):
    for store in account.stores:
        assert account.get("user", {"store": store}).status_code == 200
    for store in {"store-a", "store-b"} - set(account.stores):
        assert account.get("user", {"store": store}).status_code == 403


def test_only_primary_edits_central_data(demo):
    a = Site(demo, "username", "password", 63, ["store-a"])
    p = Site(demo, "primary", "primary-password", 1)
    assert len(a.rejected(a.record("item", "demo-item", {}))) == 1
    for table in ("item", "unit", "list_master"):
        p.pushed(p.record(table, "demo-" + table, {"n": 1}))
    got = ids(a.central_all()[0])
    assert {"demo-item", "demo-unit", "demo-list_master"} <= set(got)


def test_the_declaration_forwards_finalised_invoices_and_lines(demo):
    a = Site(demo, "username", "password", 63, ["store-a"])
    b = Site(demo, "site64", "password64", 64, ["store-b"])
    b.drain()
    a.pushed(a.line("demo-l", "demo-x"), a.invoice("demo-x", "store-b"),
             a.invoice("demo-y"))
    assert sorted(ids(b.drain())) == ["demo-l", "demo-x"]


def test_a_few_records_are_there_to_pull(tmp_path):
    s = Server(tmp_path, demo=True).start()
    try:
        a = Site(s, "username", "password", 63)
        assert a.central()
        b = Site(s, "site64", "password64", 64)
        assert a.pull() or b.pull()
    finally:
        s.stop()


def test_demo_token_prints_a_token_that_works(demo):
    for name in ("admin", "testuser", "username"):
        out = demo.cli.run("demo", "token", name).stdout.strip()
        assert out.count(".") == 2 and "\n" not in out
    token = demo.cli.run("demo", "token", "site64").stdout.strip()
    b = Site(demo, "site64", "password64", 64)
    b.auth = None
    r = b.get("queued_records", headers={"Authorization": "Bearer " + token})
    assert r.status_code == 200


def test_demo_token_of_nobody_fails(demo):
    assert demo.cli.run("demo", "token", "nobody",
                        check=False).returncode != 0


@pytest.mark.parametrize("name,value", [
    ("X-Forwarded-For", "10.0.0.1"), ("Forwarded", "for=10.0.0.1"),
    ("X-Forwarded-Host", "example.org"), ("X-Forwarded-Proto", "https"),
    ("X-Real-IP", "10.0.0.1")])
@pytest.mark.parametrize("path", ["/", "/sync/v5/queued_records"])
def test_forwarding_headers_are_refused(demo, name, value, path):
    r = requests.get(demo.base + path, headers={name: value}, timeout=30,
                     auth=("username", "password"))
    assert r.status_code in (400, 403, 421), r.status_code


@pytest.mark.parametrize("host", ["example.org", "example.org:8000",
                                  "10.0.0.1", "127.0.0.1.example.org",
                                  "localhost.example.org", "0.0.0.0"])
def test_a_host_that_is_not_loopback_is_refused(demo, host):
    r = requests.get(demo.base + "/sync/v5/queued_records", timeout=30,
                     headers={"Host": host}, auth=("username", "password"))
    assert r.status_code in (400, 403, 421)


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "[::1]"])
def test_a_loopback_host_is_served(demo, host):
    r = requests.get(demo.base + "/sync/v5/queued_records", timeout=30,
                     headers={"Host": "%s:%d" % (host, demo.port)},
                     auth=("username", "password"))
    assert r.status_code == 200


@pytest.mark.parametrize("origin", [
    "http://example.org", "https://127.0.0.1.example.org", "null",
    "http://10.0.0.1:8000", "file://"])
def test_a_foreign_origin_is_refused(demo, origin):
    for method in ("GET", "POST", "OPTIONS"):
        r = requests.request(
            method, demo.base + "/sync/v5/queued_records", timeout=30,
            headers={"Origin": origin, "Access-Control-Request-Method":
                     "POST"}, data=b"[]" if method == "POST" else None,
            auth=("username", "password"))
        assert r.status_code in (400, 403, 421), (method, r.status_code)
        assert "Access-Control-Allow-Origin" not in r.headers


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1"])
def test_a_loopback_origin_is_served(demo, host):
    origin = "http://%s:%d" % (host, demo.port)
    r = requests.get(demo.base + "/sync/v5/queued_records", timeout=30,
                     headers={"Origin": origin},
                     auth=("username", "password"))
    assert r.status_code == 200
    assert r.headers["Access-Control-Allow-Origin"] == origin


def serve(data, *args, host="127.0.0.1"):
    """Try to start a server that should refuse; it must end by itself."""
    return tombolo("serve", "--listen", "%s:%d" % (host, free_port()),
                   "--data", data, *args, check=False, timeout=30)


@pytest.mark.parametrize("host", ["0.0.0.0", "[::]", "192.0.2.1"])
def test_the_demo_listens_on_loopback_only(tmp_path, host):
    done = serve(tmp_path / "data", "--demo", host=host)
    assert done.returncode != 0
    assert "loopback" in done.stderr


@pytest.fixture(scope="module")
def demo_data(tmp_path_factory):
    folder = tmp_path_factory.mktemp("made")
    s = Server(folder, demo=True).start()
    try:
        a = Site(s, "username", "password", 63, ["store-a"])
        a.pushed(a.invoice("kept"))
    finally:
        assert s.stop() == 0
    return s.data


def test_a_demo_store_starts_only_with_demo(demo_data):
    done = serve(demo_data)
    assert done.returncode != 0
    assert "demo" in done.stderr


def test_a_demo_store_starts_again_with_what_it_had(demo_data, tmp_path):
    shutil.copytree(demo_data, tmp_path / "data")
    s = Server(tmp_path, demo=True).start()
    try:
        a = Site(s, "username", "password", 63, ["store-a"])
        assert a.get("queued_records").status_code == 200
        rows = [json.loads(x) for x in s.cli.export("org123")]
        assert "kept" in [r.get("recordID") for r in rows]
    finally:
        assert s.stop() == 0


def test_demo_refuses_a_real_store(tmp_path):
    s = Server(tmp_path)
    s.cli.init("main", "somebody", "an-admin-password")
    done = serve(s.data, "--demo")
    assert done.returncode != 0
    assert "demo" in done.stderr
    s.start()
    try:
        site = Site(s, "username", "password", 63)
        assert site.get("queued_records").status_code == 401
    finally:
        assert s.stop() == 0


def test_demo_refuses_a_folder_that_holds_something_else(tmp_path):
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "letter.txt").write_text("mine")
    assert serve(tmp_path / "data", "--demo").returncode != 0
    assert (tmp_path / "data" / "letter.txt").read_text() == "mine"


def test_without_demo_there_is_no_default_account(server):
    for name, password in (("username", "password"),
                           ("site64", "password64"),
                           ("primary", "primary-password"),
                           ("admin", "admin-demo-pass")):
        site = Site(server, name, password, 0)
        assert site.get("queued_records").status_code == 401
        site.auth = (name, password)
        assert site.post("auth").status_code == 401


def test_without_demo_forwarding_headers_are_served(server, org):
    a = org.site()
    r = a.get("queued_records", headers={"X-Forwarded-For": "10.0.0.1"})
    assert r.status_code == 200


def test_a_request_without_a_host_is_refused(demo):
    site = Site(demo, "username", "password", 63)
    raw = demo.raw(wire.request(site, method="GET", host=False))
    assert wire.Answer(raw).status_code == 400
