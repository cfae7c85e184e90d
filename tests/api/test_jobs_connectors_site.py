"""Jobs between two servers: one is a site of the other's. It takes central data
and its queue, acknowledges what it has stored and nothing else, and pushes."""

import contextlib
import functools
import threading

import pytest

from harness import ADMIN_PASSWORD, CONFIG, Server
from jobs import SETTINGS, JobsOrg, assert_error
from sites import Site, ids
from sources import CLIENT, Source, as_json, keys, query, read, secret_file

# What it takes is kept centrally here, whatever it is there.
COLLECTIONS = """\
collections:
  - {name: item, route: central}
  - {name: transact, route: central}
  - {name: invoice_line, route: central}
"""
ENTITIES = """\
    entities:
      - {name: items, collection: item, path: item}
      - {name: transact, collection: transact}
      - {name: lines, collection: invoice_line, path: trans_line}
"""
PLACES = 15
MANY = 3000


class Place:
    """An org there, and the site in it that a source here logs in as. They are
    made when a test takes the place."""

    def __init__(self, there, folder, n):
        self.name, self.number, self.there = "place%d" % n, 1 + n, there
        self.password = "password-of-" + self.name
        self.secret = secret_file(folder, self.password, self.name)
        self.org = None

    def make(self):
        self.org = self.there.org()
        store = self.name + "-store"
        self.there.cli.site_add(self.name, self.org.name, self.number,
                                self.password, edit_central=True)
        self.there.cli.store_add(store, self.org.name, site=self.name)
        self.site = Site(self.there, self.name, self.password, self.number,
                         [store], self.org)
        return self

    @functools.cached_property
    def other(self):
        return self.org.site()

    @functools.cached_property
    def central(self):
        return self.org.primary()

    def lines(self, **keys):
        yield "  - name: %s" % self.name
        yield "    type: site"
        yield "    url: %s" % self.there.base
        yield "    user: %s" % self.name
        yield "    password_file: %s" % self.secret
        for item in {"page_size": 10, **keys}.items():
            yield "    %s: %s" % item

    def invoices(self, *names, **data):
        """From another site to this one's store."""
        self.other.pushed(*[self.other.invoice(n, self.site.store, **data)
                            for n in names])

    def items(self, *names, **data):
        self.central.pushed(*[self.central.record("item", n, data)
                              for n in names])


@pytest.fixture(scope="module")
def there(serve):
    return serve(CONFIG)


@pytest.fixture(scope="module")
def all_places(there, tmp_path_factory):
    folder = tmp_path_factory.mktemp("secrets")
    return [Place(there, folder, n) for n in range(PLACES)]


@pytest.fixture(scope="module")
def here(all_places, serve):
    text = SETTINGS + COLLECTIONS + "sources:\n"
    for place in all_places:
        text += "\n".join(place.lines()) + "\n" + ENTITIES
    first = all_places[0]
    for name, keys_ in (("wrong", {"hardware_id": "no"}),
                        ("bound", {"hardware_id": "box-1"})):
        lines = list(first.lines(**keys_))
        lines[0] = "  - name: " + name
        text += "\n".join(lines) + "\n" + ENTITIES
    return serve(text + "jobs:\n  workers: 2\n  page_tries: 1\n"
                 "  backoff_max_s: 1\n")


@pytest.fixture(scope="module")
def free(all_places):
    return iter(all_places)


@pytest.fixture
def place(free):
    """One that no other test has had."""
    return next(free).make()


@pytest.fixture
def org(here):
    o = JobsOrg(here)
    yield o
    o.end()


@pytest.fixture
def user(org):
    return org.user


def counted(job):
    return tuple(job["records"].values())


# --- reading -----------------------------------------------------------------

def test_hardware_ids_are_sent(user, place):
    """The first binds; another one is refused, and that does not pass."""
    place.items("a")
    user.ran("bound")
    job = user.failed(user.queued("wrong")["id"])
    assert job["error"]["code"] == "http_status" and job["attempt"] == 1


def test_central_data_and_the_queue_are_taken(org, user, place):
    place.items(*["i%d" % n for n in range(25)], name="Item")
    place.invoices(*["t%d" % n for n in range(25)], total=12.50)
    job = user.ran(place.name)
    assert counted(job) == (50, 50, 0, 0) and job["progress"] == 100
    assert org.records("item") == {"i%d" % n: {"name": "Item"}
                                   for n in range(25)}
    assert len(org.records("transact")) == 25
    assert '"total": 12.5' in org.texts("transact")["t0"]
    assert place.site.pull() == []


def test_what_is_acknowledged_is_stored(org, user, place):
    """And what came later is in the queue still."""
    place.invoices("a", "b")
    user.ran(place.name)
    place.invoices("b", "c", total=2)
    assert ids(place.site.pull()) == ["b", "c"]
    user.ran(place.name)
    assert place.site.pull() == []
    assert org.records("transact")["b"]["total"] == 2


def test_a_table_has_another_name_here(org, user, place):
    place.invoices("a")
    place.other.pushed(place.other.line("l1", "a", quantity=3))
    user.ran(place.name)
    assert org.records("invoice_line")["l1"]["quantity"] == 3


def test_other_tables_are_passed_over_and_hold_up_nothing(org, user, place):
    """Those that no entity names: of the central feed they are left out, of
    the queue they are acknowledged."""
    units = [place.central.record("unit", "u%d" % n) for n in range(25)]
    place.central.pushed(*units)
    place.items("i")
    place.other.pushed(*[
        place.other.record("requisition", "r%d" % n, {
            "store_ID": place.other.store, "status": "fn",
            "other_store_ID": place.site.store}) for n in range(25)])
    place.invoices("t")
    job = user.ran(place.name)
    assert counted(job) == (2, 2, 0, 0)
    assert list(org.records("item")) == ["i"]
    assert list(org.records("transact")) == ["t"]
    assert place.site.pull() == []


def test_a_job_of_one_entity_loses_nothing_of_the_others(org, user, place):
    """What goes from the queue is stored, whatever the job asks for; of the
    central feed it takes what it asks for alone."""
    place.items("i")
    place.invoices("a", "b")
    place.other.pushed(place.other.line("l1", "a"))
    job = user.ran(place.name, type="entity",
                   data={"source": place.name, "entity": "lines"})
    assert counted(job) == (3, 3, 0, 0)
    assert sorted(org.records("transact")) == ["a", "b"]
    assert list(org.records("invoice_line")) == ["l1"]
    assert org.records("item") == {}
    assert place.site.pull() == []
    user.ran(place.name)
    assert list(org.records("item")) == ["i"]


def test_entities_are_read_at_once_without_meeting(org, user, place):
    place.items(*["i%d" % n for n in range(30)])
    place.invoices(*["t%d" % n for n in range(30)])
    job = user.ran(place.name, options={"concurrency": 3})
    assert counted(job) == (60, 60, 0, 0)
    assert all(e["done"] for e in user.job(job["id"])["entities"])


def test_deletions_are_deletions(org, user, place):
    place.items("i", "j")
    place.invoices("a", "b")
    user.ran(place.name)
    place.central.pushed(place.central.record("item", "i", action="delete"))
    place.other.pushed(place.other.record("transact", "a", action="delete"))
    user.ran(place.name)
    assert list(org.records("item")) == ["j"]
    assert list(org.records("transact")) == ["b"]


def test_a_crash_loses_nothing(org, user, here, place):
    place.invoices(*["t%d" % n for n in range(MANY)])
    job = user.queued(place.name)
    user.wait(job["id"], "active", "completed",
              accept=lambda j: j["records"]["read"] > 20)
    here.restart(hard=True)
    user.done(job["id"])
    assert len(org.records("transact")) == MANY
    assert place.site.pull() == []


def test_one_at_a_time_reads_as_a_site(tmp_path):
    """The other one waits for its turn, and gets what came meanwhile."""
    asked, go_on = threading.Event(), threading.Event()

    def central(params):
        asked.set()
        assert go_on.wait(60)
        return as_json([])
    with fake_server(tmp_path, Other(central)) as (server, _):
        user = JobsOrg(server).user
        first = user.queued("busy")["id"]
        assert asked.wait(30)
        second = user.queued("busy")["id"]
        job = user.wait(second, "queued", accept=lambda j: "error" in j)
        assert job["error"]["code"] == "site_busy"
        go_on.set()
        user.done(first)
        assert user.done(second)["attempt"] >= 2


def test_what_is_taken_goes_to_no_other_server(user, place):
    assert_error(user.post(user.body(None, data={
        "source": place.name, "target": place.name})), 400,
        "data.target must be local with this source")


# --- pushing -----------------------------------------------------------------

def put(org, table, **records):
    org.org.import_rows([
        {"site_id": "0", "table": table, "recordID": k, "action": "insert",
         "data": v} for k, v in records.items()])


def pushed(user, place, **more):
    return user.ran(None, data={"source": "local", "target": place.name},
                    **more)


def test_records_are_pushed(org, user, place):
    """And come into what the other server gives to its sites."""
    store = place.site.store
    put(org, "item", **{"i%d" % n: {"n": n} for n in range(25)})
    put(org, "transact", t={"store_ID": store, "total": "1.50"})
    put(org, "invoice_line", l={"transaction_ID": "t"})
    job = pushed(user, place)
    assert counted(job)[:2] == (27, 27)
    there = place.org.exported()
    assert there["item", "i7"]["data"] == {"n": 7}
    assert there["transact", "t"]["data"]["total"] == "1.50"
    assert there["trans_line", "l"]["data"] == {"transaction_ID": "t"}
    central, _ = place.central.central_all()
    assert sorted(ids(central)) == sorted("i%d" % n for n in range(25))


def test_what_the_other_server_refuses_is_told(org, user, place):
    put(org, "transact", good={"store_ID": place.site.store},
        bad={"store_ID": place.other.store})
    job = pushed(user, place)
    assert counted(job) == (2, 1, 0, 1)
    [error] = user.job(job["id"])["errors"]
    assert (error["entity"], error["record"], error["code"]) \
        == ("transact", "bad", "target_refused")
    assert error["message"].startswith("store_not_on_site: ")
    assert ids(place.org.quarantined(place.site)) == ["bad"]


# --- servers with faults -----------------------------------------------------

needs_client = pytest.mark.skipif(
    not CLIENT, reason="TB_CONNECTOR_TEST_CLIENT is not set")


def entry(sequence, key="k", **more):
    return {"site_id": "1", "table": "item", "recordID": key,
            "action": "insert", "sequence": str(sequence), "data": {}, **more}


class Other:
    """The other server, as far as a test says: `central` and `queue` give
    answers to requests."""

    def __init__(self, central=None, queue=None, acknowledge=None):
        self.central = central or (lambda params: as_json([]))
        self.queue = queue or (lambda params: as_json([]))
        self.acknowledge = acknowledge or (
            lambda params: as_json({"acknowledged": 1}))

    def respond(self, request, _):
        path, params = query(request)
        return {"/sync/v5/central_records": self.central,
                "/sync/v5/queued_records": self.queue,
                "/sync/v5/acknowledge_records": self.acknowledge}[path](params)


@contextlib.contextmanager
def fake_server(folder, other):
    """A server here whose source `busy` is the other one."""
    with Source(other.respond) as source:
        s = Server(folder, config=SETTINGS + COLLECTIONS + "\n".join([
            "sources:", "  - name: busy", "    type: site",
            "    url: " + source.url, "    user: someone",
            "    password_file: " + secret_file(folder, "secret"),
            ENTITIES]) + "jobs:\n  page_tries: 1\n  backoff_max_s: 1\n")
        s.cli.init("main", "admin", ADMIN_PASSWORD)
        s.start()
        try:
            yield s, source
        finally:
            assert s.stop() == 0


def read_from(other, **options):
    with Source(other.respond) as source:
        return read("site", source, entity="items", path="item", **options), \
            source.targets()


@needs_client
def test_a_server_that_was_restored_is_read_from_its_beginning():
    def central(params):
        if params["cursor"] == "7":
            return as_json({"error": {}}, 409)
        assert params["cursor"] == "0", params
        return as_json([entry(1)])
    outcome, targets = read_from(Other(central), cursor="central 7 7")
    assert outcome.status == 0 and keys(outcome) == ["k"]
    assert targets == [
        "/sync/v5/central_records?cursor=7&limit=250",
        "/sync/v5/central_records?cursor=0&limit=250",
        "/sync/v5/queued_records?limit=250"]


@needs_client
def test_a_server_that_says_so_again_and_again_is_given_up():
    outcome, targets = read_from(
        Other(lambda params: as_json({"error": {}}, 409)),
        cursor="central 7 7")
    [failure] = outcome.failures
    assert (failure["failure"], failure["may_pass"]) == ("http_status", False)
    assert len(targets) == 2


@needs_client
@pytest.mark.parametrize("answer", [
    {}, [1], [{}], [entry("x")], [entry(5), entry(5)], [entry(5), entry(4)],
    [entry(3)]], ids=str)
def test_what_is_no_page_of_the_central_feed_may_pass(answer):
    outcome, _ = read_from(Other(lambda params: as_json(answer)),
                           cursor="central 3 3")
    [failure] = outcome.failures
    assert (failure["failure"], failure["may_pass"]) \
        == ("answer_invalid", True), failure


@needs_client
def test_a_page_that_was_cut_for_its_size_is_not_the_last():
    """"X-Sync-Batch-Hint: N comes with a page that was cut for its size"."""
    hint = [("X-Sync-Batch-Hint", "1")]

    def central(params):
        return as_json([entry(1, "a")], headers=hint) \
            if params["cursor"] == "0" else as_json([entry(2, "b")])
    outcome, _ = read_from(Other(central))
    assert keys(outcome) == ["a", "b"]
    assert [p["is_last"] for p in outcome.pages] == [False, False, True]


@needs_client
def test_holes_are_passed_over():
    pages = {"0": [entry(1, "a"), {"site_id": "1", "sequence": "2",
                                   "data": "none"}],
             "2": [{"site_id": "1", "sequence": "900", "data": "none"}],
             "900": [entry(901, "b")]}
    outcome, _ = read_from(Other(lambda p: as_json(pages[p["cursor"]])),
                           page_size=2)
    assert keys(outcome) == ["a", "b"]


@needs_client
def test_who_cannot_log_in_fails_at_once():
    outcome, targets = read_from(Other(lambda params: as_json({}, 401)))
    [failure] = outcome.failures
    assert (failure["failure"], failure["may_pass"]) == ("http_status", False)
    assert len(targets) == 1


@pytest.mark.parametrize("faulty", ["central", "queue", "acknowledge"])
def test_a_server_that_is_busy_is_asked_again(tmp_path, faulty):
    """Nothing is acknowledged that is not stored, and nothing twice."""
    answers = {"central": [entry(1, "a")], "queue": [entry(5, "b")],
               "acknowledge": {"acknowledged": 1}}
    turn, acknowledged = {}, []

    def answer(what):
        def give(params):
            turn[what] = turn.get(what, 0) + 1
            if what == faulty and turn[what] == 1:
                return as_json({}, 503)
            if what == "acknowledge":
                acknowledged.append(5)
            return as_json([] if what == "queue" and acknowledged
                           else answers[what])
        return give
    other = Other(*[answer(w) for w in ("central", "queue", "acknowledge")])
    with fake_server(tmp_path, other) as (server, _):
        org = JobsOrg(server)
        job = org.user.ran("busy")
        assert job["attempt"] == 2
        assert sorted(org.records("item")) == ["a", "b"]
        assert acknowledged == [5]


@needs_client
def test_a_queue_that_forgets_nothing_ends():
    """An acknowledgement without effect would go on for ever."""
    outcome, targets = read_from(
        Other(queue=lambda params: as_json([entry(9, "a"), entry(10, "b")])),
        page_size=2)
    [failure] = outcome.failures
    assert (failure["failure"], failure["may_pass"]) \
        == ("not_acknowledged", False)
    assert len(targets) < 10
