"""The real client's later dialect, spoken when a `version` header comes."""

import urllib.parse

import pytest

from harness import Site, assert_error, ids, wait_for

VECTOR = ("username:5e884898da28047151d0e56f8dc6292773603d0d6aabbdd62a11ef72"
          "1d1542d8")


@pytest.fixture
def pair(org):
    return org.site(), org.site()


def row(table, record, data, action="insert", sync_out="so-1"):
    return {"syncOutId": sync_out, "tableName": table, "recordId": record,
            "action": action, "recordData": data}


def queue(site, limit=500):
    r = site.v5().get("queued_records", {"limit": limit})
    assert r.status_code == 200, r.text
    body = r.json()
    assert set(body) == {"queueLength", "data"}
    assert body["queueLength"] >= len(body["data"])
    return body


def acknowledge(site, rows, path="acknowledged_records"):
    r = site.v5().post(path, {"syncIDs": [x["syncOutId"] for x in rows]})
    assert (r.status_code, r.content) == (204, b"")


def central(site, cursor, limit=500):
    r = site.v5().get("central_records", {"cursor": cursor, "limit": limit})
    assert r.status_code == 200, r.text
    body = r.json()
    assert set(body) == {"maxCursor", "data"}
    assert isinstance(body["maxCursor"], int)
    assert body["maxCursor"] >= cursor
    for e in body["data"]:
        assert set(e) == {"ID", "tableName", "recordId", "action",
                          "recordData"}
        assert isinstance(e["ID"], int)
    return body


def info(site):
    r = site.v5().get("site")
    assert r.status_code == 200, r.text
    return r.json()


def test_its_basic_vector_opens_the_demo(demo):
    name, secret = VECTOR.split(":")
    site = Site(demo, name, "password", 63, headers={
        "version": "5", "app-version": "2.1.0", "app-name": "Open mSupply"})
    site.auth = (name, secret)
    assert site.get("site").json()["siteId"] == 63


def test_queued_records_answers_with_queue_length_and_rows(pair):
    a, b = pair
    a.pushed(*[a.invoice("x%d" % i, b.store, n=i) for i in range(3)])
    body = queue(b)
    assert body["queueLength"] == 3
    for i, e in enumerate(body["data"]):
        assert set(e) == {"syncOutId", "tableName", "recordId", "action",
                          "recordData"}
        assert isinstance(e["syncOutId"], str)
        assert (e["tableName"], e["recordId"]) == ("transact", "x%d" % i)
        assert e["action"] == "insert"
        assert e["recordData"]["n"] == i


def test_queue_length_counts_the_whole_queue(pair):
    a, b = pair
    a.pushed(*[a.invoice("x%d" % i, b.store) for i in range(9)])
    body = queue(b, 4)
    assert (len(body["data"]), body["queueLength"]) == (4, 9)
    acknowledge(b, body["data"])
    body = queue(b, 4)
    assert (len(body["data"]), body["queueLength"]) == (4, 5)


def test_an_empty_queue_has_length_0(pair):
    assert queue(pair[1]) == {"queueLength": 0, "data": []}


@pytest.mark.parametrize("path", ["acknowledge_records",
                                  "acknowledged_records"])
def test_acknowledging_sync_ids_answers_204(pair, path):
    a, b = pair
    a.pushed(a.invoice("x", b.store), a.invoice("y", b.store))
    rows = queue(b)["data"]
    acknowledge(b, rows[:1], path)
    assert [e["recordId"] for e in queue(b)["data"]] == ["y"]
    acknowledge(b, rows, path)
    assert queue(b)["queueLength"] == 0


def test_a_delayed_acknowledgement_leaves_a_later_change(pair):
    a, b = pair
    a.pushed(a.invoice("x", b.store, n=1))
    rows = queue(b)["data"]
    a.pushed(a.invoice("x", b.store, n=2))
    queue(b)
    acknowledge(b, rows)
    assert queue(b)["data"][0]["recordData"]["n"] == 2


def test_a_push_takes_rows_and_says_when_it_integrates(pair):
    a, b = pair
    data = a.invoice("x", b.store)["data"]
    r = a.v5().post("queued_records", {
        "queueLength": 1, "data": [row("transact", "x", data)]})
    assert r.status_code == 200
    assert r.json() == {"integrationStarted": False}
    assert ids(b.pull()) == ["x"]
    r = a.v5().post("queued_records", {"queueLength": 0, "data": []})
    assert r.status_code == 200
    assert r.json() == {"integrationStarted": True}


def test_a_last_batch_with_rows_starts_integration_too(pair):
    a, b = pair
    data = a.invoice("x", b.store)["data"]
    r = a.v5().post("queued_records", {
        "queueLength": 0, "data": [row("transact", "x", data)]})
    assert r.json() == {"integrationStarted": True}
    assert ids(b.pull()) == ["x"]


def test_a_repeated_push_succeeds(org, pair):
    a, b = pair
    body = {"queueLength": 1, "data": [
        row("transact", "x", a.invoice("x", b.store)["data"])]}
    for _ in range(3):
        assert a.v5().post("queued_records", body).status_code == 200
    assert len(b.drain()) == 1
    assert len(org.exported()) == 1


def test_a_bad_row_is_quarantined_and_the_rest_goes_through(org, pair):
    a, b = pair
    body = {"queueLength": 2, "data": [
        row("transact", "bad", {"store_ID": b.store}),
        row("transact", "good", a.invoice("good", b.store)["data"])]}
    assert a.v5().post("queued_records", body).status_code == 200
    assert ids(b.pull()) == ["good"]
    assert len(org.quarantined(a.name)) == 1


@pytest.mark.parametrize("body", [
    "[]", "{}", '{"queueLength":1}', '{"data":[]}',
    '{"queueLength":"x","data":[]}', '{"queueLength":1,"data":{}}',
    '{"queueLength":-1,"data":[]}', '{"queueLength":1,"data":[1]}'])
def test_what_is_not_a_batch_is_400(pair, body):
    assert_error(pair[0].v5().post("queued_records", body), 400)


def test_central_records_skip_holes_until_limit_rows_are_found(org, pair):
    a, p = pair[0], org.primary()
    p.pushed(*[p.record("item", "i%d" % i, {"n": 0}) for i in range(10)])
    p.pushed(*[p.record("item", "i%d" % i, {"n": 1}) for i in range(8)])
    body = central(a, 0, 4)
    assert [e["ID"] for e in body["data"]] == [9, 10, 11, 12]
    assert [e["recordId"] for e in body["data"]] == ["i8", "i9", "i0", "i1"]
    assert body["maxCursor"] >= 12


def test_an_empty_page_means_max_cursor_equals_the_cursor(org, pair):
    a, p = pair[0], org.primary()
    assert central(a, 0) == {"maxCursor": 0, "data": []}
    p.pushed(*[p.record("item", "i%d" % i, {"n": 0}) for i in range(5)])
    assert central(a, 5) == {"maxCursor": 5, "data": []}
    p.pushed(p.record("item", "i0", {"n": 1}))
    assert [e["ID"] for e in central(a, 5)["data"]] == [6]
    assert central(a, 6) == {"maxCursor": 6, "data": []}


def test_the_client_reads_the_feed_to_its_end(org, pair):
    """Its loop: ask after the last ID seen until the page is empty."""
    a, p = pair[0], org.primary()
    for n in range(3):
        p.pushed(*[p.record("item", "i%d" % i, {"n": n})
                   for i in range(n, 20)])
    cursor, seen = 0, {}
    while True:
        body = central(a, cursor, 7)
        if not body["data"]:
            break
        for e in body["data"]:
            seen[e["recordId"]] = e["recordData"]["n"]
        cursor = body["data"][-1]["ID"]
    assert cursor == body["maxCursor"]
    assert seen == {"i%d" % i: min(i, 2) for i in range(20)}


def test_site_tells_the_client_what_it_needs(pair):
    a, _ = pair
    got = info(a)
    assert set(got) == {
        "id", "siteId", "code", "name", "initialisationStatus",
        "isOmSupplyCentralServer", "omSupplyCentralServerUrl",
        "mSupplyCentralSiteId"}
    assert got["siteId"] == a.number
    assert got["name"] == a.name
    assert got["initialisationStatus"] == "new"
    assert got["isOmSupplyCentralServer"] is False
    assert isinstance(got["mSupplyCentralSiteId"], int)
    url = urllib.parse.urlparse(got["omSupplyCentralServerUrl"])
    assert url.scheme in ("http", "https") and url.netloc


def test_site_status_is_idle_when_nothing_runs(pair):
    a, _ = pair
    r = a.v5().get("site_status")
    assert r.status_code == 200
    body = r.json()
    assert set(body) == {"code", "message", "data"}
    assert body["code"] == "idle"
    assert body["data"] is None


def initialise(site):
    r = site.v5().post("initialise", {})
    assert r.status_code == 200, r.text
    assert set(r.json()) == {"queueLength"}
    return r.json()["queueLength"]


def filled(a, b, n=6):
    """Site b has one store's records and has acknowledged all it was sent."""
    b.pushed(*[b.invoice("own%d" % i) for i in range(n)])
    a.pushed(*[a.invoice("for%d" % i, b.store) for i in range(n)])
    b.drain()


def test_initialise_brings_all_records_of_the_sites_stores_again(pair):
    a, b = pair
    filled(a, b)
    assert initialise(b) == 12
    got = {e["recordId"] for e in queue(b)["data"]}
    assert got == {"%s%d" % (x, i) for x in ("own", "for") for i in range(6)}
    assert info(b)["initialisationStatus"] == "started"


def test_initialise_does_not_start_over_before_it_is_completed(pair):
    a, b = pair
    filled(a, b)
    assert initialise(b) == 12
    first = queue(b, 5)["data"]
    acknowledge(b, first)
    assert initialise(b) == 7
    rest = queue(b)["data"]
    assert len(rest) == 7
    assert not {e["recordId"] for e in rest} & {e["recordId"] for e in first}


def test_initialise_is_completed_by_the_last_acknowledgement(pair):
    a, b = pair
    filled(a, b)
    initialise(b)
    while queue(b, 5)["data"]:
        acknowledge(b, queue(b, 5)["data"])
    wait_for(lambda: info(b)["initialisationStatus"] == "completed",
             "the initialisation to be completed")
    assert b.v5().get("site_status").json()["code"] == "idle"
    assert initialise(b) == 12


def test_initialise_survives_a_restart(server, pair):
    a, b = pair
    filled(a, b)
    initialise(b)
    acknowledge(b, queue(b, 5)["data"])
    server.restart(hard=True)
    assert info(b)["initialisationStatus"] == "started"
    assert initialise(b) == 7


def test_the_operator_makes_a_site_start_again(org, pair):
    a, b = pair
    filled(a, b)
    org.cli.site("resync", b.name)
    assert len(b.drain()) == 12


def test_without_the_header_the_seeds_dialect_is_spoken(pair):
    a, b = pair
    a.pushed(a.invoice("x", b.store))
    assert isinstance(b.pull(), list)
    assert isinstance(b.central(), list)
    assert b.ack(["x"]) == 1


def test_errors_carry_the_clients_codes(pair):
    a = pair[0].v5()
    good = a.auth
    a.auth = (a.name, "wrong")
    assert_error(a.get("site"), 401, code="site_incorrect_password")
    a.auth = ("nobody-" + a.name, "wrong")
    assert_error(a.get("site"), 401, code="site_name_not_found")
    a.auth = good
    a.headers["msupply-site-uuid"] = "one"
    assert a.get("site").status_code == 200
    a.headers["msupply-site-uuid"] = "two"
    assert_error(a.get("site"), 401, code="site_incorrect_hardware_id")


def test_status_tells_a_site_of_itself(pair):
    a, b = pair
    a.pushed(*[a.invoice("x%d" % i, b.store) for i in range(17)])
    b.pull()
    r = b.get("status")
    assert r.status_code == 200
    body = r.json()
    length = [v for k, v in body.items() if "queue" in k.lower()]
    assert 17 in length, body
    names = " ".join(body).lower()
    for word in ("oldest", "push", "pull", "skew"):
        assert word in names, body
    b.drain()
    body = b.get("status").json()
    assert 0 in [v for k, v in body.items() if "queue" in k.lower()], body
