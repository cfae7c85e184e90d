"""Sources of type `shopify`, against a shop that behaves as the Admin REST API
does: pages by Link alone, filters in the first request only, a limit of
requests, and collections of two kinds."""

import json

import pytest

from sources import (CLIENT, TOKEN, Answer, Source, as_json,
                     each_allocation_failing, fails, keys, only_failure, query,
                     read, records, reset, secret_file, started)

pytestmark = pytest.mark.skipif(
    not CLIENT, reason="TB_CONNECTOR_TEST_CLIENT is not set")

VERSION = "2024-01"
BASE = "/admin/api/%s/" % VERSION


class Shop:
    """Products, of which some are in collections. `bucket` is how many requests
    it takes before it answers 429 once and is empty again; None: any number."""

    def __init__(self, n=0, custom=None, smart=None, bucket=None):
        self.products = [self.product(i) for i in range(1, n + 1)]
        self.custom, self.smart = custom or {}, smart or {}
        self.bucket = self.left = bucket
        self.members = {}
        self.cursors = {}
        self.counts = True

    @staticmethod
    def product(i):
        return {"id": 9000000000000 + i, "title": "Product %d" % i,
                "updated_at": "2023-01-%02dT00:00:00+01:00" % (i % 28 + 1)}

    def collection(self, kind, handle, number, *members):
        getattr(self, kind)[handle] = number
        self.members[str(number)] = set(members)

    def __call__(self, request, client):
        if request.headers.get("x-shopify-access-token") != TOKEN:
            return as_json({"errors": "[API] Invalid API key"}, 401)
        if self.left is not None:
            if self.left == 0:
                self.left = self.bucket
                return as_json({"errors": "Exceeded 2 calls per second"}, 429,
                               [("Retry-After", "2.0")])
            self.left -= 1
        path, params = query(request)
        assert path.startswith(BASE) and path.endswith(".json"), path
        name = path[len(BASE):-len(".json")]
        if name in ("custom_collections", "smart_collections"):
            return self.collections(name, params)
        if name == "products/count":
            if not self.counts:
                return as_json({"errors": "Not Found"}, 404)
            return as_json({"count": len(self.chosen(params))})
        if name == "products":
            return self.page(params)
        return as_json({"errors": "Not Found"}, 404)

    def collections(self, name, params):
        assert set(params) == {"handle"}, params
        known = self.custom if name.startswith("custom") else self.smart
        handle = params["handle"]
        found = ([{"id": known[handle], "handle": handle, "title": "x"}]
                 if handle in known else [])
        return as_json({name: found})

    def chosen(self, params):
        assert set(params) <= {"limit", "updated_at_min", "collection_id"}
        chosen = self.products
        if "collection_id" in params:
            inside = self.members[params["collection_id"]]
            chosen = [p for i, p in enumerate(chosen, 1) if i in inside]
        if "updated_at_min" in params:
            chosen = [p for p in chosen
                      if p["updated_at"] >= params["updated_at_min"]]
        return chosen

    def page(self, params):
        if "page_info" in params:
            if set(params) - {"page_info", "limit"}:
                return as_json({"errors": {"page_info": "Invalid value."}}, 400)
            chosen, start = self.cursors[params["page_info"]]
        else:
            chosen, start = self.chosen(params), 0
        limit = int(params.get("limit", 50))
        end = start + limit
        links = []
        if start > 0:
            links.append(self.link(chosen, max(0, start - limit), limit,
                                   "previous"))
        if end < len(chosen):
            links.append(self.link(chosen, end, limit, "next"))
        return as_json({"products": chosen[start:end]},
                       headers=[("Link", ", ".join(links))] if links else [])

    def link(self, chosen, start, limit, relation):
        name = "eyJ%d-%d" % (id(chosen) % 99991, start)
        self.cursors[name] = (chosen, start)
        return '<%s%sproducts.json?limit=%d&page_info=%s>; rel="%s"' % (
            self.url, BASE, limit, name, relation)


@pytest.fixture
def token(tmp_path):
    return secret_file(tmp_path, TOKEN + "\n")


def serving(shop):
    source = Source(shop)
    shop.url = source.url
    return source


def shopify(source, token, **options):
    return read("shopify", source, **{
        "token_file": token, "api_version": VERSION, "entity": "products",
        "path": "products", "page_size": 10, **options})


def numbers(outcome):
    return [int(k) - 9000000000000 for k in keys(outcome)]


# --- pages -------------------------------------------------------------------

@pytest.mark.parametrize("n", [0, 1, 10, 35])
def test_all_products_come_once_and_in_order(token, n):
    with serving(Shop(n)) as source:
        outcome = shopify(source, token)
        assert source.targets()[:2] == [BASE + "products/count.json",
                                        BASE + "products.json?limit=10"]
        assert len(source.requests) == 1 + max(1, (n + 9) // 10)
    assert outcome.status == 0
    assert numbers(outcome) == list(range(1, n + 1))
    assert [p["total"] for p in outcome.pages] == [n] * len(outcome.pages)
    assert outcome.pages[-1]["position"] == n
    assert [p["is_last"] for p in outcome.pages] == \
        [False] * (len(outcome.pages) - 1) + [True]
    got = [json.loads(r["body"]) for r in records(outcome)]
    assert got == [Shop.product(i) for i in range(1, n + 1)]


def test_reading_goes_on_from_each_place_and_counts_once(token):
    with serving(Shop(35)) as source:
        seen, cursor = [], ""
        for _ in range(4):
            outcome = shopify(source, token, pages=1, cursor=cursor)
            seen += numbers(outcome)
            [page] = outcome.pages
            assert page["total"] == 35 and page["position"] == len(seen)
            cursor = page["cursor"]
        assert page["is_last"]
        assert sum("count" in t for t in source.targets()) == 1
        before = len(source.requests)
        assert records(shopify(source, token, cursor=cursor)) == []
        assert len(source.requests) == before
    assert seen == list(range(1, 36))


def test_since_is_in_the_first_request_alone(token):
    since = "2023-01-15T00:00:00Z"
    with serving(Shop(56)) as source:
        outcome = shopify(source, token, since=since)
        asked = [query(r)[1] for r in source.requests]
    assert outcome.status == 0
    assert asked[0] == {"updated_at_min": since}
    assert asked[1] == {"updated_at_min": since, "limit": "10"}
    assert all(set(a) == {"limit", "page_info"} for a in asked[2:])
    assert len(asked) == 4 and len(numbers(outcome)) == 26
    assert outcome.pages[0]["total"] == 26


def test_a_shop_that_does_not_count_is_read_all_the_same(token):
    shop = Shop(12)
    shop.counts = False
    with serving(shop) as source:
        outcome = shopify(source, token)
    assert outcome.status == 0 and len(numbers(outcome)) == 12
    assert outcome.pages[0]["total"] == 0


@pytest.mark.parametrize("body", ['{"count":"5"}', '{"count":-1}', "{}", "x"])
def test_a_count_that_is_none_is_not_known(token, body):
    shop = Shop(3)

    def respond(request, client):
        if "count" in request.target:
            return Answer(body=body)
        return shop(request, client)
    with serving(shop) as source:
        source.respond = respond
        outcome = shopify(source, token)
    assert outcome.status == 0 and outcome.pages[0]["total"] == 0


def test_a_path_may_have_parts_and_filters(token):
    def respond(request, client):
        if "count" in request.target:
            return as_json({"count": 1})
        return as_json({"metafields": [{"id": 5}]})
    with Source(respond) as source:
        outcome = shopify(source, token, path="products/7/metafields?a=b")
        assert source.targets() == [
            BASE + "products/7/metafields/count.json?a=b",
            BASE + "products/7/metafields.json?a=b&limit=10"]
    assert keys(outcome) == ["5"]


def test_a_limit_of_requests_is_waited_out(token):
    with serving(Shop(95, bucket=3)) as source:
        outcome = shopify(source, token, tries=2)
    assert outcome.status == 0
    assert numbers(outcome) == list(range(1, 96))
    assert outcome.failures
    for failure in outcome.failures:
        assert failure["failure"] == "http_status" and failure["may_pass"]
        assert failure["retry_after_s"] == 2


def test_each_request_may_fail_once(token):
    shop, seen = Shop(35), set()

    def half(client):
        client.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{\"pro")
        reset(client)
    faults = [lambda client: Answer(500), half,
              lambda client: Answer(body='{"products":[{"id":'),
              lambda client: as_json({"product": []}),
              lambda client: as_json([])]

    def flaky(request, client):
        # What is not counted is not known: that fails in no way of these.
        if request.target not in seen and "count" not in request.target:
            seen.add(request.target)
            return faults[len(seen) % len(faults)](client)
        return shop(request, client)
    with serving(shop) as source:
        source.respond = flaky
        outcome = shopify(source, token, tries=2)
    assert outcome.status == 0 and len(outcome.failures) == len(seen) == 4
    assert numbers(outcome) == list(range(1, 36))


def test_a_token_that_is_refused_does_not_pass(tmp_path):
    with serving(Shop(5)) as source:
        fails(shopify(source, secret_file(tmp_path, "another")), "http_status",
              False, "UNAUTHENTICATED")
        assert len(source.requests) == 1


def test_the_token_goes_in_its_own_header_and_nowhere_else(token):
    with serving(Shop(25)) as source:
        shopify(source, token)
        for request in source.requests:
            assert request.headers["x-shopify-access-token"] == TOKEN
            assert "authorization" not in request.headers
            assert TOKEN not in request.target


@pytest.mark.parametrize("length", [1, 2, 5])
def test_pages_in_a_circle_end(token, length):
    def respond(request, client):
        if "count" in request.target:
            return as_json({"count": 1})
        at = int(query(request)[1].get("page_info", "p0")[1:])
        return as_json({"products": [{"id": at}]}, headers=[
            ("Link", '<%s%sproducts.json?limit=1&page_info=p%d>; rel="next"'
             % (source.url, BASE, at % length + 1))])
    with Source(respond) as source:
        fails(shopify(source, token), "cursor_loops", False)
        assert len(source.requests) <= 6 * length + 6
        first = shopify(source, token, pages=length + 1)
        # And over a restart.
        if first.status == 0:
            fails(shopify(source, token, cursor=first.pages[-1]["cursor"]),
                  "cursor_loops", False)


def test_a_next_page_elsewhere_is_not_asked(token):
    with serving(Shop(35)) as other, serving(Shop(35)) as source:
        source.respond.url = other.url
        fails(shopify(source, token), "other_host", False)
        assert other.requests == []


# --- collections -------------------------------------------------------------

@pytest.fixture
def shop():
    shop = Shop(40)
    shop.collection("custom", "summer-collection", 11, *range(1, 13))
    shop.collection("smart", "new-arrivals", 22, 3, 39, 40)
    shop.collection("custom", "empty", 33)
    shop.collection("smart", "\u00e9t\u00e9 & co?", 44, 20)
    return shop


def test_collections_are_read_one_behind_the_other(token, shop):
    """Those of the seed; a product that is in both comes twice."""
    with serving(shop) as source:
        outcome = shopify(source, token, collection=[
            "summer-collection", "new-arrivals"])
        asked = [query(r) for r in source.requests]
    assert outcome.status == 0
    assert numbers(outcome) == [*range(1, 13), 3, 39, 40]
    # Until all are counted nothing is known.
    assert [p["total"] for p in outcome.pages] == [0] + [15] * 3
    assert outcome.pages[-1]["position"] == 15
    assert outcome.pages[-1]["is_last"]
    first = [p for name, p in asked if name == BASE + "products.json"
             and "page_info" not in p]
    assert first == [{"collection_id": "11", "limit": "10"},
                     {"collection_id": "22", "limit": "10"}]


def test_collections_and_since_go_together(token, shop):
    with serving(shop) as source:
        outcome = shopify(source, token, collection="summer-collection",
                          since="2023-01-10T00:00:00Z")
    assert numbers(outcome) == [10, 11, 12]
    assert outcome.pages[-1]["total"] == 3


def test_an_empty_collection_and_one_of_any_name(token, shop):
    with serving(shop) as source:
        outcome = shopify(source, token, collection=[
            "empty", "\u00e9t\u00e9 & co?", "empty"])
    assert outcome.status == 0 and numbers(outcome) == [20]


@pytest.mark.parametrize("handles", [
    ["nothing"], ["summer-collection", "nothing"], ["nothing", "new-arrivals"],
    ["summer-collection"] * 20 + ["nothing"]])
def test_an_unknown_collection_is_said_by_name_before_anything_is_read(
        token, shop, handles):
    with serving(shop) as source:
        outcome = shopify(source, token, collection=handles)
        assert BASE + "products.json" not in [query(r)[0]
                                              for r in source.requests]
    assert records(outcome) == []
    failure = fails(outcome, "collection_unknown", False, "NOT_FOUND")
    assert "nothing" in failure["message"]


def test_a_shop_that_does_not_know_the_filter_is_not_believed(token, shop):
    def respond(request, client):
        name = query(request)[0][len(BASE):-len(".json")]
        if name.endswith("collections"):
            return as_json({name: [{"id": 1, "handle": "other"},
                                   {"id": 2, "handle": "Summer"}]})
        return shop(request, client)
    with serving(shop) as source:
        source.respond = respond
        fails(shopify(source, token, collection="summer"),
              "collection_unknown", False)


@pytest.mark.parametrize("body", [
    "x", "[]", "{}", '{"custom_collections":{}}', '{"custom_collections":null}',
    '{"custom_collections":[{"handle":"summer"}]}',
    '{"custom_collections":[{"handle":"summer","id":"7"}]}',
    '{"custom_collections":[{"handle":"summer","id":1.5}]}',
    '{"custom_collections":[{"handle":"summer","id":-7}]}'])
def test_a_list_of_collections_that_is_none_may_pass(token, body):
    with Source(lambda request, client: Answer(body=body)) as source:
        fails(shopify(source, token, collection="summer"), "answer_invalid",
              True)


def test_reading_collections_goes_on_from_each_place(token, shop):
    handles = ["summer-collection", "empty", "new-arrivals"]
    with serving(shop) as source:
        seen, cursor, page = [], "", {"is_last": False}
        for _ in range(10):
            outcome = shopify(source, token, pages=1, cursor=cursor,
                              collection=handles)
            [page] = outcome.pages
            seen += numbers(outcome)
            cursor = page["cursor"]
            if page["is_last"]:
                break
        assert page["is_last"] and len(cursor) <= 4096
        looked_up = [t for t in source.targets() if "handle=" in t]
        assert len(looked_up) == len(set(looked_up))
    assert seen == [*range(1, 13), 3, 39, 40]


def test_many_handles_pass_a_small_limit_of_requests(token):
    """What was looked up is not asked for again, whatever fails between."""
    shop = Shop(60, bucket=4)
    handles = ["c%d" % i for i in range(1, 61)]
    for i in range(1, 61):
        shop.collection("smart" if i % 2 else "custom", "c%d" % i,
                        10 ** 14 + i, i)
    with serving(shop) as source:
        outcome = shopify(source, token, collection=handles, tries=3)
        looked_up = [t for t in source.targets() if "handle=" in t]
        assert len(looked_up) <= 2 * 60 + len(outcome.failures)
    assert outcome.status == 0
    assert numbers(outcome) == list(range(1, 61))
    assert all(len(p["cursor"]) <= 4096 for p in outcome.pages)
    assert outcome.pages[-1]["total"] == 60


def test_a_hundred_collections_fit_into_a_place(token):
    shop = Shop(30)
    for i in range(1, 101):
        shop.collection("custom", "h%d" % i, 10 ** 13 + i, 1)
    shop.collection("custom", "h100", 10 ** 13 + 100, *range(1, 31))
    with serving(shop) as source:
        outcome = shopify(source, token,
                          collection=["h%d" % i for i in range(1, 101)])
    assert outcome.status == 0 and len(numbers(outcome)) == 99 + 30


def test_what_is_in_no_collection_is_left_out(token, shop):
    """An order, say: a filter lets nothing through that it does not fit."""
    with serving(shop) as source:
        outcome = shopify(source, token, entity="orders",
                          path="orders?status=any",
                          collection="summer-collection")
        assert source.requests == []
    assert outcome.status == 0 and records(outcome) == []
    assert outcome.pages[0]["is_last"]


def test_a_circle_in_one_collection_is_none_with_the_next(token):
    """Two collections may have pages of the same name."""
    def respond(request, client):
        path, params = query(request)
        if "collections" in path:
            name = path[len(BASE):-len(".json")]
            return as_json({name: [{"id": int(params["handle"][1:]),
                                    "handle": params["handle"]}]})
        if "count" in path:
            return as_json({"count": 2})
        if "page_info" in params:
            return as_json({"products": [{"id": 2}]})
        return as_json({"products": [{"id": 1}]}, headers=[
            ("Link", "<%s%sproducts.json?page_info=same>; rel=next"
             % (source.url, BASE))])
    with Source(respond) as source:
        outcome = shopify(source, token, collection=["c1", "c2", "c3"])
    assert outcome.status == 0 and keys(outcome) == ["1", "2"] * 3


@pytest.mark.parametrize("cursor", [
    '{"next":"","read":0,"remembered":0,"since":0,"doubled":0,"done":false}X',
    '{"next":"","read":0,"remembered":0,"since":0,"doubled":0,"done":false,'
    '"collections":["1","2"],"at":0,"total":0,"counted":true}',
    '{"next":"","read":0,"remembered":0,"since":0,"doubled":0,"done":false,'
    '"collections":["1"],"at":1,"total":0,"counted":true}'])
def test_a_place_that_is_none_does_not_pass(token, cursor):
    with serving(Shop(5)) as source:
        fails(shopify(source, token, cursor=cursor, collection="x"),
              "cursor_invalid", False)
        assert source.requests == []


def test_a_shop_that_refuses_is_not_asked_again(token, shop):
    with serving(shop) as source:
        source.respond = lambda request, client: Answer(403)
        failure = only_failure(shopify(source, token, collection="empty"))
        assert not failure["may_pass"] and len(source.requests) == 1


def test_a_page_without_memory_is_asked_for_again(token, shop):
    with serving(shop) as source:
        def run(**options):
            return (started("shopify", source, token_file=token, tries=2,
                            api_version=VERSION, path="products", page_size=10,
                            collection=["summer-collection", "new-arrivals"],
                            **options),)
        for outcome in each_allocation_failing(run):
            for failure in outcome.failures:
                assert failure["failure"] == "memory" and failure["may_pass"]
            if outcome.status == 0:
                assert numbers(outcome) == [*range(1, 13), 3, 39, 40]
            else:
                assert records(outcome) == [] and len(outcome.failures) == 1
