"""The demo's side of the jobs API: its accounts, its shop beside the server,
and that the contract's example works there."""

import json
import socket

import pytest
import requests

from harness import CONFIG, DEADLINE_S, Server, wait_for

ORG = {"orgid": "org123"}
# As the contract prints it.
QUEUED = {"name": "product-sync", "type": "full", "priority": "high",
          "data": {"source": "shopify", "target": "local",
                   "filters": {"updatedSince": "2023-01-01T00:00:00Z",
                               "collections": ["summer-collection",
                                               "new-arrivals"]}},
          "options": {"concurrency": 5, "retryOnFail": True, "maxRetries": 3}}


class Caller:
    def __init__(self, server, name):
        self.base = server.base
        self.session = requests.Session()
        r = self.session.post(self.base + "/api/login", timeout=DEADLINE_S,
                              json={"username": name,
                                    "password": name + "-demo-pass"})
        assert r.status_code == 200, r.text
        self.session.headers.update(
            ORG, Authorization="Bearer " + r.json()["token"])

    def get(self, path):
        return self.session.get(self.base + path, timeout=DEADLINE_S)

    def post(self, path, body=None):
        return self.session.post(self.base + path, json=body,
                                 timeout=DEADLINE_S)

    def queued(self, body):
        r = self.post("/sync/queue", body)
        assert r.status_code == 201, r.text
        return r.json()["job"]["id"]

    def done(self, job_id):
        def look():
            job = self.get("/sync/jobs/" + job_id).json()["job"]
            return job if job["status"] in ("completed", "failed") else None
        job = wait_for(look, job_id + " to end")
        assert job["status"] == "completed", job
        return job


@pytest.fixture
def publisher(demo):
    return Caller(demo, "publisher")


def test_a_publisher_may_and_a_guest_may_look(demo, publisher):
    guest = Caller(demo, "guest")
    for caller in (publisher, guest):
        assert caller.get("/sync/info").status_code == 200
        assert caller.get("/sync/jobs").status_code == 200
    for r in (guest.post("/sync/queue", QUEUED), guest.get("/sync/purge"),
              guest.get("/sync/pause/x")):
        assert r.status_code == 403
        assert r.json()["message"] == "Forbidden resource"
    assert publisher.get("/sync/pause/nobody").status_code == 404


def test_the_contracts_example_works_when_it_is_pasted(demo, publisher):
    job = publisher.done(publisher.queued(QUEUED))
    read = job["records"]["read"]
    assert 0 < read < 120 and job["records"]["rejected"] == 0
    products = [json.loads(x) for x in demo.cli.export("org123")]
    products = [x for x in products if x.get("table") == "products"]
    # Some are in both collections.
    assert 0 < len(products) <= read
    assert all(x["data"]["updated_at"] >= "2023-01-01" for x in products)
    again = publisher.done(publisher.queued(QUEUED))
    assert again["records"]["written"] == 0
    assert again["records"]["unchanged"] == read


def test_all_of_the_shop_comes_and_sites_get_it(demo, publisher):
    job = publisher.done(publisher.queued(
        {"name": "all", "type": "full", "data": {"source": "shopify"}}))
    assert {e["entity"]: e["read"] for e in job["entities"]} == {
        "products": 120, "customers": 30, "orders": 60}
    assert all(e["done"] for e in job["entities"]) and job["progress"] == 100
    r = requests.get(
        demo.base + "/sync/v5/central_records?cursor=0&limit=5000",
        auth=("username", "password"), timeout=DEADLINE_S)
    assert r.text.count('"table":"orders"') == 60


def test_an_unknown_collection_fails_the_job_by_name(publisher):
    job_id = publisher.queued({
        "name": "none", "type": "full", "data": {
            "source": "shopify", "entity": "products",
            "filters": {"collections": ["winter-collection"]}}})
    job = wait_for(lambda: next(
        (j for j in [publisher.get("/sync/jobs/" + job_id).json()["job"]]
         if j["status"] == "failed"), None), "the job to fail")
    assert "winter-collection" in job["error"]["message"]


def shop_of(server):
    """Where the shop is that runs in the server's process."""
    line = wait_for(lambda: next(
        (x for x in server.log() if x["message"] == "shop of the demo"), None),
        "the shop's address")
    return line["address"]


def test_the_shop_asks_for_its_token_and_goes_with_the_server(fresh):
    shop = shop_of(fresh)
    url = shop + "/admin/api/2024-01/products/count.json"
    assert requests.get(url, timeout=DEADLINE_S).status_code == 401
    token = (fresh.data / "shop.token").read_text().strip()
    assert (fresh.data / "shop.token").stat().st_mode & 0o777 == 0o600
    r = requests.get(url, timeout=DEADLINE_S,
                     headers={"X-Shopify-Access-Token": token})
    assert r.json() == {"count": 120}
    assert fresh.stop() == 0
    with socket.socket() as s:
        assert s.connect_ex(("127.0.0.1", int(shop.rsplit(":", 1)[1]))) != 0


def test_own_collections_have_no_shop_beside_them(tmp_path):
    s = Server(tmp_path, demo=True, config=CONFIG)
    s.start()
    try:
        r = Caller(s, "publisher").post("/sync/queue", QUEUED)
        assert r.status_code == 400
        assert r.json()["message"] == "data.source is unknown"
    finally:
        assert s.stop() == 0
