"""Every request printed in the sites contract, with the answer printed."""

import base64
import json

import pytest

from harness import Server, Site, assert_error, ids, keys, sequences, sha256

MEMBERS = ["site_id", "table", "recordID", "action", "sequence", "data"]
PRINTED = {
    "site_id": "63", "table": "trans_line", "recordID": "someUUID",
    "action": "insert", "sequence": "978987",
    "data": {"item_name": "amoxygluemab", "quantity": 95555,
             "cost_price": 65.5},
}


def assert_printed_form(entry):
    """An entry has the members of the printed record, in its order."""
    assert list(entry) == MEMBERS
    assert entry["action"] in ("insert", "update", "delete")
    assert isinstance(entry["data"], dict)
    for member in ("site_id", "table", "recordID", "sequence"):
        assert isinstance(entry[member], str)
    assert entry["site_id"].isdigit() and entry["sequence"].isdigit()


def test_auth_answers_200_and_a_jwt(site63):
    r = site63.post("auth")
    assert r.status_code == 200
    body = r.json()
    assert set(body) == {"token", "expires_in", "site_id"}
    assert body["expires_in"] == 3600
    assert str(body["site_id"]) == "63"
    parts = body["token"].split(".")
    assert len(parts) == 3
    header, claims = (json.loads(base64.urlsafe_b64decode(p + "=="))
                      for p in parts[:2])
    assert header["kid"]
    assert {"sub", "name", "org", "iat", "exp", "jti"} <= set(claims)
    assert claims["org"] == "org123"
    assert str(claims["site_id"]) == "63"
    assert claims["exp"] - claims["iat"] == 3600


def test_the_token_opens_every_call(site63):
    token = site63.token()
    site63.auth = None
    site63.headers["Authorization"] = "Bearer " + token
    assert site63.get("queued_records", {"limit": 10}).status_code == 200
    assert site63.get("central_records", {"limit": 1}).status_code == 200
    assert site63.post("acknowledge_records", []).status_code == 200
    assert site63.post("queued_records", []).status_code == 200


@pytest.mark.parametrize("secret", ["password", sha256("password")],
                         ids=["password", "sha256"])
def test_basic_takes_the_password_or_its_sha256(site63, secret):
    site63.auth = ("username", secret)
    assert site63.get("queued_records", {"limit": 10}).status_code == 200


def test_the_demo_accounts_are_the_printed_ones(site63, site64, primary):
    for site in (site63, site64, primary):
        assert site.get("queued_records", {"limit": 1}).status_code == 200


def test_queued_records_answers_an_array_of_records(site63, site64):
    record = "queue-%s" % site63.prefix
    site64.pushed(site64.record("transact", record, {
        "store_ID": "store-b", "status": "fn", "other_store_ID": "store-a",
        "item_name": "amoxygluemab", "quantity": 95555, "cost_price": 65.5}))
    r = site63.get("queued_records", {"limit": 10})
    assert r.status_code == 200
    assert r.headers["Content-Type"].startswith("application/json")
    page = r.json()
    assert 1 <= len(page) <= 10
    for entry in page:
        assert_printed_form(entry)
    assert sequences(page) == sorted(sequences(page))
    got = {e["recordID"]: e for e in site63.drain()}[record]
    assert got["table"] == "transact"
    assert got["data"]["quantity"] == 95555
    assert got["data"]["cost_price"] == 65.5


def test_limit_bounds_the_queues_page(site63, site64):
    site63.drain()
    for i in range(3):
        site64.pushed(site64.invoice("lim%d" % i, "store-a", p=site63.prefix))
    assert ids(site63.pull(2)) == ["lim0", "lim1"]
    assert len(site63.pull(10)) == 3
    assert len(site63.drain()) == 3


def test_acknowledge_takes_an_array_of_record_ids(site63, site64):
    site63.drain()
    site64.pushed(site64.invoice("ack1", "store-a", p=site63.prefix),
                  site64.invoice("ack2", "store-a", p=site63.prefix))
    assert set(ids(site63.pull(10))) == {"ack1", "ack2"}
    r = site63.post("acknowledge_records", '["ack1"]')
    assert r.status_code == 200
    assert r.json() == {"acknowledged": 1}
    assert ids(site63.pull(10)) == ["ack2"]
    assert site63.ack(["ack2"]) == 1
    assert site63.pull(10) == []


def test_send_queued_records_answers_200_for_the_printed_record(site63):
    r = site63.post("queued_records", [PRINTED])
    assert r.status_code == 200
    body = r.json()
    assert body["accepted"] + len(body["rejected"]) == 1


def test_central_records_starts_after_the_cursor(site63, primary):
    _, cursor = site63.central_all()
    primary.pushed(*[primary.record("item", "c%d%s" % (i, primary.prefix),
                                    {"item_name": "amoxygluemab"})
                     for i in range(12)])
    page = site63.central(cursor, 10)
    for entry in page:
        assert_printed_form(entry)
        assert entry["site_id"] == "1"
    assert sequences(page) == list(range(cursor + 1, cursor + 11))
    assert len(site63.central(cursor + 10, 10)) == 2
    assert site63.central(cursor + 12, 10) == []


def test_a_gap_in_the_sequence_is_an_object_with_data_none(site63, primary):
    _, cursor = site63.central_all()
    for n in (1, 2, 1):
        primary.pushed(*[primary.record("unit", "u%d%s" % (
            i, primary.prefix), {"n": n, "i": i}) for i in range(n)])
    page = site63.central(cursor, 10)
    missing = [e for e in page if e["data"] == "none"]
    assert missing, page
    for entry in missing:
        assert set(entry) == {"site_id", "sequence", "data"}
        assert isinstance(entry["sequence"], str)
        assert isinstance(entry["site_id"], str)
    assert sequences(page) == sorted(sequences(page))


def test_user_answers_the_users_of_a_store(demo, site63):
    store = "someUUID" + site63.prefix.replace("/", "-")
    demo.cli.store_add(store, "org123", site="username")
    r = site63.get("user", {"store": store})
    assert r.status_code == 200
    assert isinstance(r.json(), list)


def test_blobs_pass_as_base64_and_objects_as_json(site63, primary):
    _, cursor = site63.central_all()
    blob = base64.b64encode(bytes(range(256)) * 4000).decode()
    data = {"picture": blob, "p": primary.prefix,
            "custom_data": {"a": [1, {"b": None}], "c": {}}}
    primary.pushed(primary.record("item", "blob", data))
    assert site63.central(cursor)[-1]["data"] == data


def test_the_body_ceiling_lets_a_blob_of_40_mib_through(site63, primary):
    _, cursor = site63.central_all()
    blob = "QUJD" * (10 << 20)
    primary.pushed(primary.record("item", "bigblob", {
        "picture": blob, "p": primary.prefix}))
    page = site63.central(cursor)
    assert keys(page)[-1] == ("item", "bigblob")
    assert page[-1]["data"]["picture"] == blob
    primary.pushed(primary.record("item", "bigblob", action="delete"))


CENTRAL_LINES = """\
collections:
  - name: item
    route: central
  - name: trans_line
    route: central
"""


@pytest.mark.slow
def test_the_printed_cursor_978987_with_limit_10(tmp_path):
    """The seed's own numbers: 978,986 imported records come before them."""
    server = Server(tmp_path, config=CENTRAL_LINES)
    server.cli.init("main", "admin", "an-admin-password")
    server.cli.site_add("username", "main", 63, "password",
                        edit_central=True)
    path = tmp_path / "items.ndjson"
    with open(path, "w", encoding="ascii") as f:
        for i in range(1, 978987):
            stamp = "2026-01-%02dT%02d:%02d:%02d.%03dZ" % (
                1 + i // 86400, i // 3600 % 24, i // 60 % 60, i % 60, 0)
            f.write('{"table":"item","recordID":"i%d","data":{"n":%d},'
                    '"created_at":"%s","updated_at":"%s"}\n'
                    % (i, i, stamp, stamp))
    server.cli.import_(path, "main", timeout=300)
    server.start()
    try:
        site = Site(server, "username", "password", 63)
        site.pushed(PRINTED)
        page = site.get("central_records?cursor=978986&limit=10")
        assert page.json() == [PRINTED]
        site.pushed(*[site.record("item", "last%d" % i, {"i": i})
                      for i in range(11)])
        site.pushed(site.record("item", "last2", {"i": "again"}))
        page = site.get("central_records?cursor=978987&limit=10").json()
        assert sequences(page) == list(range(978988, 978998))
        assert [e["data"] == "none" for e in page] == \
            [i == 2 for i in range(10)]
        assert_error(site.get("central_records?cursor=979999&limit=10"),
                     409, code="resync_required")
    finally:
        assert server.stop() == 0
