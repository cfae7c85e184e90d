"""`tombolo demo-shop`: a shop that jobs can read, as Shopify's Admin REST API
has it: records page by page, counted, since when, by collection."""

import pytest
import requests

from cli import tombolo
from shop import TOKEN, Shop

KINDS = {"products": 120, "customers": 30, "orders": 60}


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    s = Shop(tmp_path_factory.mktemp("shop"))
    yield s
    assert s.stop() == 0


def made(tmp_path, *args, **kw):
    return Shop(tmp_path, *args, **kw)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("limit", [1, 7, 50, 250])
def test_pages_hold_each_record_once(shop, kind, limit):
    found = shop.walk(kind, limit=limit)
    ids = [x["id"] for x in found]
    assert len(ids) == len(set(ids)) == KINDS[kind] == shop.count(kind)
    assert ids == sorted(ids) and ids[0] > 2 ** 32
    changed = [x["updated_at"] for x in found]
    assert changed == sorted(changed)


def test_without_a_limit_a_page_has_fifty(shop):
    assert len(shop.get("products.json").json()["products"]) == 50


def test_a_record_is_the_same_each_time(shop):
    a = shop.get("products.json", limit=3).content
    b = shop.get("products.json", limit=3).content
    assert a == b and b'"weight":1.250' in a and b"\\u003cp\\u003e" in a


def test_records_refer_to_each_other(shop):
    products = {x["id"] for x in shop.walk("products")}
    customers = {x["id"] for x in shop.walk("customers")}
    for order in shop.walk("orders"):
        assert order["customer"]["id"] in customers
        assert order["line_items"][0]["product_id"] in products


def test_links_lead_both_ways(shop):
    first = shop.get("products.json", limit=50)
    assert set(first.links) == {"next"}
    second = shop.session.get(first.links["next"]["url"], timeout=30)
    assert set(second.links) == {"next", "previous"}
    last = shop.session.get(second.links["next"]["url"], timeout=30)
    assert set(last.links) == {"previous"}
    assert len(last.json()["products"]) == 20
    back = shop.session.get(second.links["previous"]["url"], timeout=30)
    assert back.content == first.content


def test_only_what_changed_since_is_given(shop):
    every = shop.walk("products")
    since = every[40]["updated_at"]
    found = shop.walk("products", updated_at_min=since, limit=9)
    assert found == every[40:]
    assert shop.count("products", updated_at_min=since) == 80
    assert shop.walk("products", updated_at_min="2030-01-01T00:00:00Z") == []
    assert shop.count("products", updated_at_min="2030-01-01T00:00:00Z") == 0
    # The example of the documentation lets some through, and not all.
    assert 0 < shop.count(
        "products", updated_at_min="2023-01-01T00:00:00Z") < 120
    # A time of another zone is the same time.
    assert shop.walk("products",
                     updated_at_min=since[:-1] + "+00:00") == every[40:]


@pytest.mark.parametrize("where,handle", [
    ("custom", "summer-collection"), ("smart", "new-arrivals")])
def test_collections_are_found_by_handle(shop, where, handle):
    name = where + "_collections"
    found, = shop.get(name + ".json", handle=handle).json()[name]
    assert found["handle"] == handle
    inside = shop.walk("products", collection_id=found["id"], limit=4)
    assert len(inside) == shop.count("products", collection_id=found["id"])
    assert 0 < len(inside) < 120
    ids = {x["id"] for x in inside}
    assert len(ids) == len(inside)
    assert ids < {x["id"] for x in shop.walk("products")}
    other = ("smart" if where == "custom" else "custom") + "_collections"
    assert shop.get(other + ".json", handle=handle).json()[other] == []
    assert shop.get(name + ".json", handle="none").json()[name] == []
    assert [x["handle"] for x in shop.get(name + ".json").json()[name]] == [
        handle]


def test_a_filter_holds_on_all_pages(shop):
    c, = shop.get("custom_collections.json").json()["custom_collections"]
    every = shop.walk("products", collection_id=c["id"])
    since = every[10]["updated_at"]
    assert shop.walk("products", collection_id=c["id"], limit=3,
                     updated_at_min=since) == every[10:]


def test_collections_overlap(shop):
    ids = [
        {p["id"] for p in shop.walk("products", collection_id=c["id"])}
        for name in ("custom_collections", "smart_collections")
        for c in shop.get(name + ".json").json()[name]]
    assert ids[0] & ids[1]


def test_an_unknown_collection_is_empty(shop):
    assert shop.walk("products", collection_id=17) == []


@pytest.mark.parametrize("path", [
    "products.json", "orders/count.json", "smart_collections.json"])
@pytest.mark.parametrize("token", [None, "", "wrong", TOKEN + "x"])
def test_the_token_is_asked_for(shop, path, token):
    headers = {} if token is None else {"X-Shopify-Access-Token": token}
    r = requests.get(shop.url(path), headers=headers, timeout=30)
    assert r.status_code == 401 and r.json()["errors"]


@pytest.mark.parametrize("params", [
    {"limit": 0}, {"limit": 251}, {"limit": "x"}, {"page_info": "x"},
    {"page_info": ""}, {"updated_at_min": "yesterday"},
    {"collection_id": "x"}])
def test_bad_input_is_refused(shop, params):
    r = shop.get("products.json", **params)
    assert r.status_code == 400 and r.json()["errors"], params


def test_a_page_takes_no_filter_and_is_of_its_kind(shop):
    url = shop.get("products.json", limit=5).links["next"]["url"]
    for more in ("&updated_at_min=2023-01-01T00:00:00Z", "&collection_id=1"):
        assert shop.session.get(url + more, timeout=30).status_code == 400
    r = shop.session.get(url.replace("/products.", "/orders."), timeout=30)
    assert r.status_code == 400


@pytest.mark.parametrize("path", ["nothing.json", "products", "x/count.json"])
def test_other_paths_are_not_found(shop, path):
    assert shop.get(path).status_code == 404


def test_it_listens_on_loopback_only():
    for host in ("0.0.0.0", "192.0.2.1", "[::]"):
        done = tombolo("demo-shop", "--listen", host + ":0", check=False,
                       timeout=30)
        assert done.returncode == 6 and "loopback" in done.stderr


@pytest.mark.parametrize("args", [
    ("--products", "0"), ("--products", "x"), ("--products", "100000001"),
    ("--listen", "here"), ("--token", ""),
    ("--token", "a", "--token-file", "b")])
def test_bad_options_are_refused(args):
    assert tombolo("demo-shop", *args, check=False,
                   timeout=30).returncode == 2


def test_a_token_file_that_is_not_there_is_named(tmp_path):
    done = tombolo("demo-shop", "--token-file", tmp_path / "t", check=False,
                   timeout=30)
    assert done.returncode == 5 and str(tmp_path / "t") in done.stderr


def test_the_token_is_given_or_in_a_file(tmp_path):
    (tmp_path / "token").write_text("  mine \nmore\n")
    for args in (("--token", "mine"), ("--token-file", tmp_path / "token")):
        s = made(tmp_path, *args, token="mine")
        assert s.count("products") == 120
        s.session.headers["X-Shopify-Access-Token"] = TOKEN
        assert s.get("products.json").status_code == 401
        assert s.stop() == 0


@pytest.mark.parametrize("products", [1, 2, 11])
def test_a_small_shop_is_whole(tmp_path, products):
    s = made(tmp_path, "--products", products)
    assert len(s.walk("products", limit=1)) == products
    assert len(s.walk("customers")) == (products + 3) // 4
    assert len(s.walk("orders")) == (products + 1) // 2
    for c in (400000000001, 400000000002):
        assert len(s.walk("products", collection_id=c)) == s.count(
            "products", collection_id=c)
    assert s.stop() == 0


def test_millions_cost_nothing(tmp_path):
    s = made(tmp_path, "--products", 100000000)
    assert s.count("products") == 100000000
    assert s.count("products", updated_at_min="2023-01-01T00:00:00Z") > 1e7
    near = s.get("products.json", limit=250,
                 updated_at_min="2024-06-29T23:59:58Z")
    assert len(near.json()["products"]) == 250 or near.links == {}
    assert s.stop() == 0
