"""Jobs between two servers: one is a site of the other's. It takes central data
and its queue, acknowledges what it has stored and nothing else, and pushes."""

import contextlib
import functools
import threading

import pytest

from harness import ADMIN_PASSWORD, CONFIG, Server
from jobs import SETTINGS, JobsOrg, assert_error
from sites import Site, ids
from sources import (CLIENT, Source, as_json, each_allocation_failing, keys,
                     query, read, secret_file, started)

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
PLACES = 16
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


def test_a_push_that_was_interrupted_goes_on(tmp_path):
    """Behind what was pushed before."""
    answers = [as_json({"accepted": 10, "rejected": []}), as_json({}, 503)]
    other = Other(queue=lambda params: answers.pop(0) if answers else as_json(
        {"accepted": 10, "rejected": []}))
    with fake_server(tmp_path, other, page_size=10) as (server, source):
        org = JobsOrg(server)
        put(org, "item", **{"i%d" % n: {"n": n} for n in range(25)})
        job = org.user.ran(None, data={"source": "local", "target": "busy"})
        assert job["attempt"] == 2 and counted(job)[:2] == (25, 25)
        assert len(source.requests) == 4


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
def fake_server(folder, other, **keys_):
    """A server here whose source `busy` is the other one."""
    with Source(other.respond) as source:
        s = Server(folder, config=SETTINGS + COLLECTIONS + "\n".join([
            "sources:", "  - name: busy", "    type: site",
            "    url: " + source.url, "    user: someone",
            "    password_file: " + secret_file(folder, "secret"),
            *["    %s: %s" % item for item in keys_.items()],
            ENTITIES]) + "jobs:\n  page_tries: 1\n  backoff_max_s: 1\n")
        s.cli.init("main", "admin", ADMIN_PASSWORD)
        s.start()
        try:
            yield s, source
        finally:
            assert s.stop() == 0


def cursors(source, **options):
    """What ends the cursors of who reads this there."""
    source.respond = Other().respond
    first = read("site", source, pages=1, **options)
    return " " + first.pages[0]["cursor"].split()[-1]


def read_from(other, **options):
    """Places are given without what names what is read."""
    options = {"entity": "items", "path": "item", **options}
    with Source(None) as source:
        end = cursors(source, entity=options["entity"], path=options["path"])
        for name in {"cursor", "last_cursor"} & set(options):
            options[name] += end
        source.respond = other.respond
        source.requests.clear()
        return read("site", source, **options), source.targets()


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
def test_one_that_fails_then_is_still_read_from_its_beginning():
    """What was said once, that the place is none, is not asked again."""
    answers = {"7": [as_json({"error": {}}, 409)],
               "0": [as_json({}, 503), as_json([entry(1)])]}
    outcome, _ = read_from(Other(lambda p: answers[p["cursor"]].pop(0)),
                           cursor="central 7 7", tries=2)
    assert keys(outcome) == ["k"] and outcome.status == 0


@needs_client
@pytest.mark.parametrize("cursor", ["nowhere 7 7", "central x 7",
                                    "central 7", "x"])
def test_a_place_that_is_none_fails(cursor):
    outcome, targets = read_from(Other(), cursor=cursor)
    [failure] = outcome.failures
    assert (failure["failure"], failure["may_pass"]) \
        == ("cursor_invalid", False)
    assert targets == []


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


@needs_client
@pytest.mark.parametrize("what", ["last_cursor", "cursor"])
def test_without_memory_it_goes_on_where_it_was(what):
    """And is not taken to be of another set."""
    given = {"entity": "items", "path": "item", "rename": "a:b"}
    with Source(None) as source:
        place = {what: "central 7 7" + cursors(source, **given)}
        source.respond = Other(
            lambda params: as_json([entry(int(params["cursor"]) + 1)])).respond

        def run(**options):
            source.requests.clear()
            return (started("site", source, tries=2, **place, **given,
                            **options),)
        for outcome in each_allocation_failing(run):
            for failure in outcome.failures:
                assert failure["failure"] == "memory" and failure["may_pass"]
            for target in source.targets()[:1]:
                assert "cursor=7&" in target
            assert bool(outcome.pages) or outcome.status == 1


# --- from run to run ---------------------------------------------------------

class Feed(Other):
    """A server with a central feed: what a test puts into it. `cursors` are
    those that it was asked for; each of `answers` is one instead."""

    def __init__(self, *names):
        super().__init__(self.give)
        self.entries, self.cursors, self.answers = [], [], []
        self.put(*names)

    def put(self, *names, **more):
        for name in names:
            self.entries.append(entry(len(self.entries) + 1, name, **more))

    def give(self, params):
        cursor, limit = int(params["cursor"]), int(params["limit"])
        self.cursors.append(cursor)
        answer = self.answers.pop(0) if self.answers else None
        if callable(answer):
            answer = answer()
        return answer or as_json(self.entries[cursor:cursor + limit])

    def asked(self):
        """The cursors since this was called last."""
        got, self.cursors = self.cursors, []
        return got


@pytest.fixture
def feed():
    return Feed("a", "b", "c")


@pytest.fixture
def fake(tmp_path, feed):
    with fake_server(tmp_path, feed, page_size=10) as (server, _):
        yield JobsOrg(server)


def ran(org, kind="incremental", **members):
    return org.user.ran("busy", "every-night", type=kind, **members)


def asked(org, kind="incremental", **members):
    """Of a run: which cursors it asked the other server for."""
    before = org.feed.asked()
    assert before == []
    ran(org, kind, **members)
    return org.feed.asked()


@pytest.fixture
def nightly(fake, feed):
    """An org whose job has been run."""
    fake.feed = feed
    assert asked(fake) == [0]
    return fake


def test_the_next_run_asks_for_what_is_new(nightly, feed):
    assert asked(nightly) == [3]
    feed.put("a", data={"n": 1})
    feed.put("b", action="delete", data={})
    feed.put(*["x%d" % n for n in range(20)])
    job = ran(nightly)
    assert feed.asked() == [3, 13, 23] and counted(job) == (22, 22, 0, 0)
    assert nightly.records("item")["a"] == {"n": 1}
    assert sorted(nightly.records("item")) \
        == sorted(["a", "c", *["x%d" % n for n in range(20)]])
    assert asked(nightly) == [25]


def test_its_queue_is_read_in_every_run(nightly, feed):
    waiting = [entry(9, "q")]
    feed.queue = lambda params: as_json(waiting)
    feed.acknowledge = lambda params: waiting.clear() or as_json({})
    assert asked(nightly) == [3]
    assert "q" in nightly.records("item") and waiting == []


def test_another_name_begins_at_the_beginning(nightly, feed):
    nightly.user.ran("busy", "another", type="incremental")
    assert feed.asked() == [0]
    assert asked(nightly) == [3]


def test_what_is_read_whole_begins_at_the_beginning(nightly, feed):
    """And where it ended the next incremental one goes on."""
    feed.put("d")
    assert asked(nightly, "full") == [0]
    assert asked(nightly) == [4]


def test_a_run_of_other_entities_begins_at_the_beginning(nightly, feed):
    """It passed over what it did not ask for."""
    feed.put("t", table="transact")
    one = {"data": {"source": "busy", "entity": "items"}}
    assert asked(nightly, **one) == [0]
    assert nightly.records("transact") == {}
    assert asked(nightly, **one) == [4]
    assert asked(nightly) == [0]
    assert list(nightly.records("transact")) == ["t"]
    assert asked(nightly, "entity", **one) == [0]
    assert asked(nightly, **one) == [4]


@pytest.mark.parametrize("mode, begin", [("incremental", 3), ("full", 0)])
def test_a_scheduled_one_begins_as_its_mode_says(nightly, mode, begin):
    schedule = {"startAt": "2023-01-01T00:00:00Z", "mode": mode}
    assert asked(nightly, "scheduled", schedule=schedule) == [begin]
    assert asked(nightly) == [3]


def test_a_run_that_says_since_when_begins_at_the_beginning(nightly):
    since = {"source": "busy",
             "filters": {"updatedSince": "2023-01-01T00:00:00Z"}}
    assert asked(nightly, data=since) == [0]
    assert asked(nightly) == [3]


def test_a_restored_server_begins_at_the_beginning(nightly, feed):
    """What it has now is all there is."""
    feed.entries.clear()
    feed.put("d", "e")
    feed.answers = [as_json({"error": {}}, 409)]
    assert asked(nightly) == [3, 0]
    assert {"d", "e"} <= set(nightly.records("item"))
    assert asked(nightly) == [2]


def test_one_that_failed_keeps_no_place(nightly, feed):
    feed.put(*["x%d" % n for n in range(15)])
    feed.answers = [None, as_json({}, 401)]
    job = nightly.user.queued("busy", "every-night", type="incremental")
    nightly.user.failed(job["id"])
    assert feed.asked() == [3, 13]
    assert asked(nightly) == [3, 13]
    assert len(nightly.records("item")) == 18
    # It goes on where it was itself, when somebody says so.
    feed.put("y")
    nightly.user.retried(job["id"])
    nightly.user.done(job["id"])
    assert feed.asked() == [13]
    assert asked(nightly) == [19]


def test_one_that_was_cancelled_keeps_no_place(nightly, feed):
    reached, go_on = threading.Event(), threading.Event()
    feed.put(*["x%d" % n for n in range(15)])
    feed.answers = [None, lambda: reached.set() or go_on.wait(60) and None]
    job = nightly.user.queued("busy", "every-night", type="incremental")
    assert reached.wait(30)
    nightly.user.cancelled(job["id"])
    go_on.set()
    assert feed.asked() == [3, 13]
    assert asked(nightly) == [3, 13]


def test_an_attempt_that_failed_goes_on_in_its_run(nightly, feed):
    feed.put(*["x%d" % n for n in range(15)])
    feed.answers = [as_json({}, 503), None, as_json({}, 503)]
    assert ran(nightly)["attempt"] == 3
    assert feed.asked() == [3, 3, 13, 13]
    assert len(nightly.records("item")) == 18
    assert asked(nightly) == [18]


@pytest.mark.parametrize("n", [0, 1])
@pytest.mark.parametrize("how", ["pause", "kill"])
def test_one_that_was_interrupted_misses_nothing(nightly, feed, how, n):
    """Before its first page was there, or behind it."""
    reached, go_on = threading.Event(), threading.Event()
    feed.put(*["x%d" % n for n in range(15)])
    feed.answers = [None] * n + [
        lambda: reached.set() or go_on.wait(60) and None]
    job = nightly.user.queued("busy", "every-night", type="incremental")
    assert reached.wait(30)
    feed.put("late")
    if how == "pause":
        nightly.user.paused("every-night")
    else:
        nightly.server.restart(hard=True)
    go_on.set()
    if how == "pause":
        nightly.user.resumed("every-night")
    nightly.user.done(job["id"])
    begin = [3, 13][:n + 1]
    assert feed.asked() == begin + [3, 13][n:]
    assert len(nightly.records("item")) == 19
    assert asked(nightly) == [19]


def test_a_purge_forgets_no_place(nightly):
    nightly.user.purged()
    nightly.server.restart()
    assert asked(nightly) == [3]


def test_changes_and_deletions_arrive_from_run_to_run(org, user, place):
    place.items(*["i%d" % n for n in range(25)], name="Item")
    first = user.ran(place.name, "central", type="incremental")
    assert counted(first) == (25, 25, 0, 0)
    place.items("i3", name="Another")
    place.central.pushed(place.central.record("item", "i4", action="delete"))
    place.items("new")
    job = user.ran(place.name, "central", type="incremental")
    assert counted(job) == (3, 3, 0, 0)
    items = org.records("item")
    assert items["i3"] == {"name": "Another"}
    assert sorted(items) == sorted({*["i%d" % n for n in range(25)], "new"}
                                   - {"i4"})
    assert counted(user.ran(place.name, "central", type="incremental")) \
        == (0, 0, 0, 0)
    # All there is, the deletion among it.
    assert counted(user.ran(place.name, "central")) == (26, 0, 26, 0)


@needs_client
@pytest.mark.parametrize("place", [
    "queue 7 9", "central 7 9", "nowhere 7 9", "queue x 9", "queue", "\xe4"])
def test_a_last_place_that_cannot_be_read_is_none(place):
    outcome, targets = read_from(Other(), last_cursor=place)
    assert outcome.failures == []
    begins = 7 if place.endswith("7 9") and "nowhere" not in place else 0
    assert targets[0] \
        == "/sync/v5/central_records?cursor=%d&limit=250" % begins


@needs_client
@pytest.mark.parametrize("change", [
    {"path": "unit"}, {"into": "unit"}, {"rename": "a:b"},
    {"on_delete": "ignore"}, {"user": "another"}, None], ids=str)
@pytest.mark.parametrize("what", ["last_cursor", "cursor"])
def test_a_place_of_another_set_is_none(tmp_path, what, change):
    """Nor for a run that goes on while the configuration was changed. The last
    one is another server."""
    given = {"entity": "items", "path": "item", "user": "someone",
             "password_file": secret_file(tmp_path, "secret")}
    with Source(Other().respond) as source, Source(Other().respond) as another:
        end = cursors(source, **given)
        assert cursors(source, **given, page_size=7) == end
        source.requests.clear()
        read_of = another if change is None else source
        outcome = read("site", read_of, **{**given, **(change or {})},
                       **{what: "queue 7 9" + end})
        assert outcome.failures == []
        assert read_of.targets()[0] \
            == "/sync/v5/central_records?cursor=0&limit=250"
        # What it has read it has read.
        assert outcome.pages[0]["position"] == (9 if what == "cursor" else 0)
