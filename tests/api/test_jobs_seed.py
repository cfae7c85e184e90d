"""Every request printed in the jobs contract, with the answer printed.

What differs is ids, times and how long the server has been up; each test
brings about the state that its example shows. A shop answers as Shopify does.
"""

import json
import time

import pytest

import jobs_seed as seed
from harness import wait_for
from jobs import (TIME, UPTIME, JobsOrg, config, main_org, named_org,
                  object_of, seconds)
from jobs_source import Sources, Status

SHOP = """\
  - name: shopify
    type: shopify
    url: %s
    api_version: 2024-01
    token_file: %s
    entities:
      - {name: products, collection: product, key: id}
"""
PRODUCTS = [{"id": n, "title": "Product %d" % n,
             "updated_at": "2023-0%d-01T00:00:00Z" % n} for n in range(1, 7)]
# What is in a collection, by its number; one of each kind.
CUSTOM = {"summer-collection": (11, [1, 2])}
SMART = {"new-arrivals": (12, [2, 5])}


class Shop:
    """As much of a shop's API as jobs ask for."""

    def __init__(self, shelf):
        self.shelf = shelf
        shelf.answers = self.answer

    def answer(self, ask):
        name = ask.path.rsplit("/admin/api/2024-01/", 1)[-1]
        what = {"products.json": self.products,
                "products/count.json": self.count,
                "custom_collections.json": self.custom,
                "smart_collections.json": self.smart}.get(name)
        if what is None:
            return 404, b'{"errors":"Not Found"}'
        return 200, json.dumps(what(ask)).encode()

    def found(self, ask):
        got = PRODUCTS
        since = ask.query.get("updated_at_min")
        if since:
            got = [p for p in got if p["updated_at"] >= since]
        collection = ask.query.get("collection_id")
        if collection:
            members = dict([*CUSTOM.values(), *SMART.values()])
            got = [p for p in got if p["id"] in members[int(collection)]]
        return got

    def products(self, ask):
        return {"products": self.found(ask)}

    def count(self, ask):
        return {"count": len(self.found(ask))}

    def custom(self, ask):
        return {"custom_collections": self.collections(CUSTOM, ask)}

    def smart(self, ask):
        return {"smart_collections": self.collections(SMART, ask)}

    @staticmethod
    def collections(kind, ask):
        return [{"id": n, "handle": handle}
                for handle, (n, _) in kind.items()
                if ask.query.get("handle", handle) == handle]


@pytest.fixture(scope="module")
def sources(tmp_path_factory):
    s = Sources(4)
    token = tmp_path_factory.mktemp("shop") / "token"
    token.write_text("a-token-of-the-shop\n")
    Shop(s.other("admin", SHOP % (s.base, token)))
    yield s
    s.close()


@pytest.fixture(scope="module")
def server(sources, serve):
    return serve(config(sources, workers=1, public_org="main"))


@pytest.fixture
def shelf(sources):
    s = sources.take()
    yield s
    s.release()


@pytest.fixture
def org(server, shelf):
    o = JobsOrg(server)
    yield o
    shelf.release()
    o.end()


def masked(value):
    """A value without what no two answers have in common."""
    if isinstance(value, list):
        return [masked(v) for v in value]
    if isinstance(value, dict):
        return {k: "ID" if k == "id" and "status" in value else masked(v)
                for k, v in value.items()}
    if isinstance(value, str) and TIME.fullmatch(value):
        return "TIME"
    if isinstance(value, str) and UPTIME.fullmatch(value):
        return "UPTIME"
    return value


def assert_printed(answer, status, printed):
    """The same members in the same order, with the same values."""
    got = object_of(answer, status)
    assert json.dumps(masked(got)) == json.dumps(
        masked(json.loads(printed)))


def run_many(org, shelf, completed, failed):
    """Bring about that so many jobs were completed, and failed."""
    shelf.put({"id": "a", "title": "A"})
    for _ in range(completed):
        org.user.queued(shelf)
    wait_for(lambda: org.user.counts() == (0, completed, 0),
             "%d completed jobs" % completed)
    shelf.spoil(Status(401), times=None)
    for _ in range(failed):
        org.user.queued(shelf)
    wait_for(lambda: org.user.counts() == (0, completed, failed),
             "%d failed jobs" % failed)
    shelf.mend()


def three_quarters(org, shelf):
    """product-sync has stored three pages of four and asks for the last;
    (hold, job)."""
    shelf.page_size = 1
    shelf.fill(4)
    hold = shelf.hold(page=4)
    job = org.user.queued(shelf, "product-sync")
    hold.wait()
    return hold, org.user.at_progress(job["id"], 75)


def test_get_sync_info(server, shelf):
    """Nobody's token; the counts are those of the configured org."""
    server.cli.org_add("second")
    org = main_org(server)
    run_many(org, shelf, 120, 2)
    for _ in range(5):
        org.user.waiting(shelf)
    answer = org.user.request("GET", "/sync", token=None)
    assert_printed(answer, 200, seed.SYNC)
    org.end()


def test_get_organization_sync_info(server, shelf):
    """A job that is queued has an estimatedStart besides. Then it is purged,
    as the contract prints that."""
    org = named_org(server, "org123", "Example Organization")
    run_many(org, shelf, 45, 1)
    hold, _ = three_quarters(org, shelf)
    org.user.queued(shelf, "order-sync")
    answer = org.user.ask("GET", "/sync/info")
    got = object_of(answer)
    assert got["syncJobs"][1].pop("estimatedStart")
    assert json.dumps(masked(got)) == json.dumps(
        masked(json.loads(seed.INFO)))
    assert_printed(org.user.purge("GET"), 200, seed.PURGE)
    hold.release()
    org.end()


def test_queue_job(org):
    """As it is printed; the job brings what is in the two collections."""
    before = int(time.time())
    answer = org.user.post(seed.QUEUE_REQUEST)
    assert_printed(answer, 201, seed.QUEUE)
    job = answer.json()["job"]
    assert before <= seconds(job["queuedAt"]) <= int(time.time())
    assert seconds(job["estimatedStart"]) >= before
    org.user.done(job["id"])
    assert sorted(org.records()) == ["1", "2", "5"]


def test_pause_and_resume_sync_job(org, shelf):
    hold, job = three_quarters(org, shelf)
    assert_printed(org.user.pause("product-sync", "GET"), 200, seed.PAUSE)
    assert_printed(org.user.resume("product-sync", "GET"), 200, seed.RESUME)
    hold.release()
    org.user.done(job["id"])
    assert len(org.records()) == 4


@pytest.mark.parametrize("printed,keys", [
    (seed.FULL, "123456"), (seed.INCREMENTAL, "123456"),
    (seed.ENTITY, "12")], ids=["full", "incremental", "entity"])
def test_synchronization_types(org, printed, keys):
    answer = org.user.post(printed)
    assert_printed(answer, 201, seed.QUEUE.replace(
        "product-sync", json.loads(printed)["name"]))
    org.user.done(answer.json()["job"]["id"])
    assert sorted(org.records()) == list(keys)


def test_scheduled_sync(org):
    """Its anchor lies in the past and is no missed run: next midnight."""
    before = int(time.time())
    answer = org.user.post(seed.SCHEDULED)
    job = answer.json()["job"]
    assert_printed(answer, 201, seed.QUEUE.replace("product-sync",
                                                   "scheduled-sync"))
    job = org.user.job(job["id"])
    day = 24 * 3600
    assert seconds(job["nextRunAt"]) in (
        (t // day + 1) * day for t in (before, int(time.time())))
    assert (job["status"], job["runs"]) == ("queued", [])


def test_error_handling(org):
    assert_printed(org.user.post(""), 400, seed.EMPTY_DATA)


def test_common_error_scenarios(org, shelf):
    """An empty body, an invalid configuration, a job that is not found,
    insufficient permissions."""
    user, guest = org.user, org.of_role("Guest")
    for answer, status in (
            (user.post(""), 400), (user.queue(shelf, type="nothing"), 400),
            (user.pause("nothing", "GET"), 404),
            (guest.queue(shelf), 403)):
        assert answer.status_code == status, answer.text
        body = answer.json()
        assert list(body) == ["statusCode", "message", "error"]
        assert body["statusCode"] == status
