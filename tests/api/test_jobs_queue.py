"""What a job must be to be queued, and what is said of one that is not."""

import json

import pytest

from harness import at_the_same_time
from jobs import (FAR, NOT_FINISHED, JobsOrg, assert_error, config, named_org,
                  object_of, queued_of, seconds, time_text)
from jobs_source import Sources, Status

BODY_MAX_BYTES = 64 * 1024
STRING, NUMBER, OBJECT, ARRAY, BOOLEAN = "a", 7, {"a": 1}, [1], True
KINDS = {"string": STRING, "number": NUMBER, "object": OBJECT,
         "array": ARRAY, "boolean": BOOLEAN}
PRIORITY = "priority must be one of low, normal, high, critical, or a whole" \
    " number from 0 to 100"
TYPE = "type must be one of full, incremental, entity, scheduled"
CONCURRENCY = "options.concurrency must be a whole number from 1 to 16"
RETRIES = "options.maxRetries must be a whole number from 0 to 100"
NAME_LENGTH = "name must be 1 to 200 bytes"
NAME_CONTROL = "name must not hold control characters"
NAME_DOTS = "name must not be . or .."
# Each member, what it must be, and how it is said that it is not.
TYPES = {
    "name": (["string"], "name must be a string"),
    "type": (["string"], "type must be a string"),
    "priority": (["string", "number"], PRIORITY),
    "data": (["object"], "data must be an object"),
    "data.source": (["string"], "data.source must be a string"),
    "data.target": (["string"], "data.target must be a string"),
    "data.entity": (["string"], "data.entity must be a string"),
    "data.filters": (["object"], "data.filters must be an object"),
    "data.filters.updatedSince": (["string"], None),
    "data.filters.collections": (["array"], None),
    "options": (["object"], "options must be an object"),
    "options.concurrency": (["number"], CONCURRENCY),
    "options.maxRetries": (["number"], RETRIES),
    "options.retryOnFail": (["boolean"],
                            "options.retryOnFail must be true or false"),
    "schedule": (["object"], "schedule must be an object"),
    "schedule.startAt": (["string"], None),
    "schedule.repeat": (["string"], None),
    "schedule.time": (["string"], None),
    "schedule.timezone": (["string"], None),
    "schedule.missed": (["string"], None),
    "schedule.mode": (["string"], None)}
SHOP = """\
  - name: shop
    type: shopify
    url: %s/shop
    api_version: 2024-01
    token_file: %s
    entities:
      - {name: products, collection: product, key: id}
"""


@pytest.fixture(scope="module")
def sources(tmp_path_factory):
    s = Sources(2)
    s.add("theirs", orgs="[nobody]")
    s.add("ours", orgs="[nobody, owners]")
    token = tmp_path_factory.mktemp("shop") / "token"
    token.write_text("a-token\n")
    s.other("shop", SHOP % (s.base, token))
    yield s
    s.close()


@pytest.fixture(scope="module")
def server(sources, serve):
    return serve(config(sources, workers=2, page_tries=1))


@pytest.fixture(scope="module")
def org(server):
    return JobsOrg(server)


@pytest.fixture
def user(org):
    """Who queues; what is left over is cancelled."""
    yield org.user
    org.end()


@pytest.fixture
def shelf(sources):
    s = sources.take()
    s.put({"id": "a", "title": "A"})
    yield s
    s.release()


def changed(body, path, value):
    """The body with another value at a.b.c."""
    *parents, last = path.split(".")
    body = inner = json.loads(json.dumps(body))
    for name in parents:
        inner = inner.setdefault(name, {})
    inner[last] = value
    return body


def good(user, path=""):
    """A body that is good, and stays so with a good value at the path."""
    body = user.body("shop")
    body["data"]["entity"] = "products"
    if path.startswith("schedule"):
        body.update(type="scheduled", schedule={"startAt": FAR})
    return body


def refused(user, body, message=None, **kw):
    """400, and nothing is queued."""
    text = assert_error(user.post(body, **kw), 400, message)
    assert user.info()["syncJobs"] == []
    return text


# --- the body ----------------------------------------------------------------

@pytest.mark.parametrize("body", ["", "{}", " { } ", "{\n}"])
def test_empty_data(user, body):
    refused(user, body, "Empty Data")


def test_no_body_at_all_is_empty_data(user):
    refused(user, None, "Empty Data")


@pytest.mark.parametrize("body", [
    "{", "}", "{]", "name", "{'a':1}", '{"a":1,}', '{"a":01}', '{"a":1}x',
    '{"a":1}{"b":2}', '{"a"}', '{"a":nul}', '["', b'{"a":"\xff"}',
    b"\xef\xbb\xbf{}", '{"a":"\\ud800"}', '{"a":"\n"}', '{"a":1,"a":2}',
    '{"a":+1}', '{"a":NaN}', "[" * 1000 + "]" * 1000],
    ids=lambda b: repr(b)[:20])
def test_invalid_json(user, body):
    refused(user, body, "Invalid JSON")


@pytest.mark.parametrize("body", ["[]", "[{}]", '"name"', "7", "true"])
def test_the_body_must_be_an_object(user, body):
    refused(user, body, "body must be an object")


def test_over_64_kib_it_is_413(user, shelf):
    body = json.dumps(user.body(shelf.name, note="x"))
    fit = body.replace('"x"', '"%s"' % ("x" * (
        BODY_MAX_BYTES - len(body) + 1)))
    assert len(fit) == BODY_MAX_BYTES
    assert_error(user.post(fit + " "), 413)
    assert user.info()["syncJobs"] == []
    queued_of(user.post(fit))


@pytest.mark.parametrize("content_type", [
    "text/plain", "application/x-www-form-urlencoded", "application/xml",
    "application/jsonx", "text/json", "*/*", "multipart/form-data"])
def test_another_type_is_415(user, content_type):
    assert_error(user.post(good(user),
                           headers={"Content-Type": content_type}), 415)
    assert user.info()["syncJobs"] == []


@pytest.mark.parametrize("content_type", [
    "application/json; charset=utf-8", "Application/JSON",
    "application/json;charset=UTF-8"])
def test_parameters_of_the_type_are_of_no_effect(user, content_type):
    body = user.body("shop", type="scheduled", schedule={"startAt": FAR})
    queued_of(user.post(body, headers={"Content-Type": content_type}))


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "PATCH"])
def test_another_method_is_405(user, method):
    answer = user.ask(method, "/sync/queue")
    assert_error(answer, 405)
    assert answer.headers["Allow"] == "POST"


# --- members -----------------------------------------------------------------

def wrong_types():
    for path, (kinds, message) in TYPES.items():
        for kind, value in KINDS.items():
            if kind not in kinds:
                yield pytest.param(path, value, message,
                                   id="%s as %s" % (path, kind))


@pytest.mark.parametrize("path,value,message", wrong_types())
def test_a_member_of_another_type_is_named(user, path, value, message):
    text = refused(user, changed(good(user, path), path, value), message)
    assert text.startswith(path + " must be "), text


@pytest.mark.parametrize("path", ["name", "type", "data", "schedule",
                                  "data.entity", "data.source"])
@pytest.mark.parametrize("as_null", [False, True], ids=["absent", "null"])
def test_a_member_that_is_needed_is_named(user, path, as_null):
    body = good(user, path)
    if path == "data.entity":
        body["type"] = "entity"
    body = changed(body, path, None)
    if not as_null:
        inner = body
        for name in path.split(".")[:-1]:
            inner = inner[name]
        del inner[path.split(".")[-1]]
    refused(user, body, path + " is required")


@pytest.mark.parametrize("path", [
    "priority", "data.target", "data.entity", "data.filters", "options",
    "data.filters.updatedSince", "data.filters.collections", "schedule",
    "options.concurrency", "options.maxRetries", "options.retryOnFail",
    "schedule.repeat", "schedule.time", "schedule.timezone",
    "schedule.missed", "schedule.mode"])
def test_null_is_as_good_as_missing(user, path):
    body = changed(good(user, path if "." in path else ""), path, None)
    queued_of(user.post(body))


# --- name --------------------------------------------------------------------

GOOD_NAMES = [
    "x", "product-sync", "a/b", "/", "//", "a/../b", "...", ".a", "..a", "a.",
    "a b", " ", " a ", "%", "%41", "%2F", "a%b", "?a=b", "#a", "a+b", "a;b",
    "\"'\\", "<b>&amp;", "日本語", "Заявка", "😀", "e\u0301", "\u202eabc",
    "'; DROP TABLE job; --", "null", "0", "x" * 200, "é" * 100, "😀" * 50,
    "queue", "purge"]


@pytest.mark.parametrize("name", GOOD_NAMES, ids=lambda n: repr(n)[:20])
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_name_of_any_script(user, shelf, name, method):
    """It comes back as it was sent, and is found by its encoded form."""
    job = user.waiting(shelf, name)
    assert job["name"] == name
    assert user.job(job["id"])["name"] == name
    assert user.paused(name, method)["id"] == job["id"]
    got = user.resumed(name, method)
    assert (got["id"], got["name"]) == (job["id"], name)


@pytest.mark.parametrize("name,message", [
    ("", NAME_LENGTH), ("x" * 201, NAME_LENGTH), ("é" * 101, NAME_LENGTH),
    ("x" * 1024, NAME_LENGTH), ("😀" * 51, NAME_LENGTH), (".", NAME_DOTS),
    ("..", NAME_DOTS), ("\x01", NAME_CONTROL), ("a\nb", NAME_CONTROL),
    ("\t", NAME_CONTROL), ("a\x1b", NAME_CONTROL), ("\0", NAME_CONTROL),
    ("a\0b", NAME_CONTROL),
    ("\x7f", NAME_CONTROL), ("a\r\nSet-Cookie: x", NAME_CONTROL)],
    ids=lambda n: repr(n)[:20])
def test_a_name_that_is_none(user, name, message):
    refused(user, changed(good(user), "name", name), message)


@pytest.mark.parametrize("path", [
    "a/b", "a%2fb", "%61%2Fb", "a%2Fb?x=y"])
def test_a_name_in_a_path_is_decoded_once(user, shelf, path):
    """As one segment."""
    job = user.waiting(shelf, "a/b")
    answer = user.ask("POST", "/sync/pause/" + path)
    if path == "a/b":
        assert_error(answer, 404, "Cannot POST /sync/pause/a/b")
    else:
        assert object_of(answer, 201)["job"]["id"] == job["id"]


@pytest.mark.parametrize("path", [
    "a%252Fb", "A%2FB", "a+b", "a%2Fb%00", "a%2Fb%20", "a%2Fb%0A",
    "x" * 201, "x" * 1024, "%ff", "%00", "a%2F"])
def test_another_name_in_a_path_is_not_found(user, shelf, path):
    job = user.waiting(shelf, "a/b")
    for what in ("pause", "resume"):
        answer = user.ask("POST", "/sync/%s/%s" % (what, path))
        assert answer.status_code in (400, 404), answer.text
        assert_error(answer, answer.status_code)
    assert user.job(job["id"])["status"] == "queued"


# --- type, priority, options -------------------------------------------------

@pytest.mark.parametrize("value", ["", "Full", "full ", "all", "fullx"])
def test_a_type_that_is_none(user, value):
    refused(user, changed(good(user), "type", value), TYPE)


@pytest.mark.parametrize("value,number", [
    ("low", 25), ("normal", 50), ("high", 75), ("critical", 100), (0, 0),
    (1, 1), (100, 100), (60, 60), (None, 50)])
def test_priority(user, shelf, value, number):
    job = user.queued(shelf, priority=value, type="scheduled",
                      schedule={"startAt": FAR})
    assert user.job(job["id"])["priority"] == number


@pytest.mark.parametrize("value", [
    "", "High", "urgent", "50", "normal ", -1, 101, 0.5, 50.5, 1e30, True],
    ids=repr)
def test_a_priority_that_is_none(user, value):
    refused(user, changed(good(user), "priority", value), PRIORITY)


@pytest.mark.parametrize("path,least,most,message", [
    ("options.concurrency", 1, 16, CONCURRENCY),
    ("options.maxRetries", 0, 100, RETRIES)])
def test_ranges_of_options(user, path, least, most, message):
    """Whole numbers are written without a fraction."""
    for value in (least, most):
        body = changed(good(user, "schedule"), path, value)
        queued_of(user.post(body))
    user.org.end()
    for value in (least - 1, most + 1, 1 << 31, 1 << 63, 1 << 64):
        refused(user, changed(good(user), path, value), message)
    text = json.dumps(changed(good(user), path, 77777))
    for value in ("-1", "1.5", "1e999", '"5"', "99999999999999999999999"):
        refused(user, text.replace("77777", value), message)


def test_defaults_are_not_put_into_what_was_sent(user, shelf):
    job = user.job(user.waiting(shelf)["id"])
    assert job["data"] == {"source": shelf.name}
    assert job.get("options") in (None, {})


def test_data_options_and_schedule_are_kept_as_they_were_sent(user, shelf):
    """Digits, the order of members, and those of other names."""
    data = '{"zz":1.50,"source":"%s","aa":{"y":1e2,"x":[null]}}' % shelf.name
    options = '{"retryOnFail":false,"note":"\\u00e9","concurrency":2}'
    schedule = '{"repeat":"daily","startAt":"%s","by":-0.0}' % FAR
    job = queued_of(user.post(
        '{"schedule":%s,"more":true,"options":%s,"name":"kept",'
        '"type":"scheduled","data":%s}' % (schedule, options, data)))
    text = user.ask("GET", "/sync/jobs/" + job["id"]).text
    for name, value in (("data", data), ("options", options),
                        ("schedule", schedule)):
        assert '"%s":%s' % (name, value) in text


# --- sources, targets, entities, filters -------------------------------------

@pytest.mark.parametrize("name", [
    "", "nothing", "S0", "s0 ", "s", "theirs", "../s0", "http://127.0.0.1/",
    "*", "Local"])
def test_a_source_or_target_that_is_unknown(user, name):
    """One of another org is as unknown as one that is not there."""
    refused(user, changed(good(user), "data.source", name),
            "data.source is unknown")
    body = changed(good(user), "data.target", name)
    body["data"]["source"] = "local"
    refused(user, body, "data.target is unknown")


def test_a_source_is_known_to_its_orgs(server, user):
    owners = named_org(server, "owners")
    owners.user.waiting("ours")
    owners.end()
    refused(user, user.body("ours"), "data.source is unknown")


@pytest.mark.parametrize("entity", ["", "nothing", "Products", "product",
                                    "products "])
def test_an_entity_that_is_unknown(user, entity):
    for kind in ("full", "entity", "incremental"):
        body = changed(good(user), "data.entity", entity)
        refused(user, changed(body, "type", kind), "data.entity is unknown")


def test_entities_of_the_source_local_are_the_targets(user, shelf):
    body = user.body("local", type="scheduled", schedule={"startAt": FAR})
    body["data"].update(target=shelf.name, entity="products")
    queued_of(user.post(body))
    user.org.end()
    body["data"]["entity"] = "nothing"
    refused(user, body, "data.entity is unknown")


def test_source_and_target_must_not_both_be_local(user):
    message = "data.source and data.target must not both be local"
    for data in ({"source": "local"}, {"source": "local", "target": None},
                 {"source": "local", "target": "local"}):
        refused(user, changed(good(user), "data", data), message)


def test_a_shop_cannot_be_written(user):
    body = changed(good(user), "data", {"source": "local", "target": "shop"})
    refused(user, body, "data.target cannot be written")


GOOD_TIMES = ["2023-01-01T00:00:00Z", "2023-01-01T00:00:00.123456Z",
              "2023-01-01T00:00:00+05:30", "2023-01-01T00:00:00-08:00",
              "1999-12-31T23:59:59Z", "2024-02-29T12:00:00Z"]
BAD_TIMES = ["", "x", "2023", "2023-01-01", "2023-01-01T00:00:00",
             "2023-13-01T00:00:00Z", "2023-02-30T00:00:00Z",
             "2023-02-29T00:00:00Z", "2023-01-01T25:00:00Z",
             "2023-01-01T00:60:00Z", "2023-01-01T00:00:00+25:00",
             "2023-01-01T00:00:00Zx", " 2023-01-01T00:00:00Z",
             "1672531200", "yesterday", "-2023-01-01T00:00:00Z"]


@pytest.mark.parametrize("value", GOOD_TIMES)
def test_updated_since_takes_a_time(user, shelf, value):
    body = changed(user.body(shelf.name, type="scheduled",
                             schedule={"startAt": FAR}),
                   "data.filters.updatedSince", value)
    queued_of(user.post(body))


@pytest.mark.parametrize("value", BAD_TIMES)
def test_updated_since_that_is_no_time(user, value):
    refused(user, changed(good(user), "data.filters.updatedSince", value),
            "data.filters.updatedSince must be a time")


@pytest.mark.parametrize("name", ["x", "UpdatedSince", "updated_since",
                                  "collection", "createdSince"])
def test_a_filter_that_is_unknown(user, name):
    """It would let through too much."""
    refused(user, changed(good(user), "data.filters." + name, "x"),
            "data.filters.%s is unknown" % name)


def test_collections_are_for_shops(user, shelf):
    body = changed(good(user), "data.filters.collections", ["a"])
    for source in (shelf.name, "local"):
        body["data"]["source"] = source
        body["data"]["target"] = shelf.name if source == "local" else "local"
        refused(user, body, "data.filters.collections cannot be used with "
                            "this source")


@pytest.mark.parametrize("value", [[], ["x"] * 101, [1], [None], ["a", {}],
                                   [["a"]], [True]],
                         ids=lambda v: json.dumps(v)[:15])
def test_collections_that_are_none(user, value):
    text = refused(user, changed(good(user), "data.filters.collections",
                                 value))
    assert text.startswith("data.filters.collections "), text


def test_collections_are_up_to_a_hundred(user):
    for count in (1, 100):
        body = changed(good(user, "schedule"), "data.filters.collections",
                       ["c%d" % n for n in range(count)])
        queued_of(user.post(body))


# --- one name, one unfinished job --------------------------------------------

def test_a_name_is_unique_while_its_job_is_unfinished(user, shelf):
    """Queued, waiting, active, paused."""
    hold = shelf.hold()
    waiting = user.waiting(shelf, "waiting")
    active = user.queued(shelf, "active")
    hold.wait()
    user.wait(active["id"], "active")
    user.waiting(shelf, "paused")
    user.paused("paused")
    for name in ("waiting", "active", "paused"):
        assert_error(user.queue(shelf, name), 409, NOT_FINISHED)
        assert_error(user.queue("shop", name, priority="low"), 409,
                     NOT_FINISHED)
    hold.release()
    user.done(active["id"])
    user.cancelled(waiting["id"])
    for name, old in (("waiting", waiting), ("active", active)):
        again = user.queued(shelf, name)
        assert again["id"] != old["id"]
        user.done(again["id"])


def test_names_that_differ_are_others(user, shelf):
    """In case, in spaces, in how an accent is written."""
    made = [user.waiting(shelf, name) for name in
            ("name", "Name", "name ", " name", "n\u00e1me", "na\u0301me")]
    assert len({j["id"] for j in made}) == len(made)


def test_the_same_name_in_another_org(server, user, shelf):
    other = JobsOrg(server)
    user.waiting(shelf, "same")
    other.user.waiting(shelf, "same")
    other.end()


def test_a_name_is_free_when_its_job_has_failed(user, shelf):
    shelf.spoil(Status(401))
    first = user.queued(shelf, "again")
    user.failed(first["id"])
    second = user.queued(shelf, "again")
    user.done(second["id"])
    assert user.job(first["id"])["status"] == "failed"


def test_of_two_that_queue_one_name_at_once_one_wins(user, shelf):
    clients = [user.again() for _ in range(3)]
    for n in range(20):
        body = user.body(shelf.name, "race-%d" % n, type="scheduled",
                         schedule={"startAt": FAR})
        answers = at_the_same_time(lambda i, b=body: clients[i].post(b), 3)
        assert sorted(a.status_code for a in answers) == [201, 409, 409]
        for a in answers:
            if a.status_code == 409:
                assert_error(a, 409, NOT_FINISHED)


# --- sending it again --------------------------------------------------------

def waiting_body(user, shelf, name=None):
    return user.body(shelf.name, name, type="scheduled",
                     schedule={"startAt": FAR})


def test_the_same_key_is_the_same_job(user, shelf):
    """Also when the job is finished by then."""
    body = waiting_body(user, shelf)
    first = queued_of(user.post(body, key="k-1"))
    assert queued_of(user.post(body, key="k-1"))["id"] == first["id"]
    assert_error(user.post(body), 409, NOT_FINISHED)
    assert_error(user.post(body, key="k-1b"), 409, NOT_FINISHED)
    user.cancelled(first["id"])
    answer = user.post(body, key="k-1")
    assert object_of(answer, 201)["job"]["id"] == first["id"]
    assert queued_of(user.post(body, key="k-1b"))["id"] != first["id"]


def test_the_same_key_with_another_body_is_409(user, shelf):
    body = waiting_body(user, shelf)
    queued_of(user.post(body, key="k-2"))
    message = "Idempotency-Key was used for another request"
    for other in (waiting_body(user, shelf),
                  {**body, "priority": "high"}):
        assert_error(user.post(other, key="k-2"), 409, message)
    assert len(user.info()["syncJobs"]) == 1


def test_a_key_is_its_users_alone(org, user, shelf):
    first = queued_of(user.post(waiting_body(user, shelf), key="k-3"))
    other = org.owner
    second = queued_of(other.post(waiting_body(user, shelf), key="k-3"))
    assert first["id"] != second["id"]


def test_a_refused_request_leaves_the_key_free(user, shelf):
    body = waiting_body(user, shelf)
    assert_error(user.post({**body, "type": "x"}, key="k-4"), 400, TYPE)
    queued_of(user.post(body, key="k-4"))


@pytest.mark.parametrize("key", ["x", "x" * 200, "a b", "%2F", "\"'", "0"])
def test_keys(user, shelf, key):
    body = waiting_body(user, shelf)
    first = queued_of(user.post(body, key=key))
    assert queued_of(user.post(body, key=key))["id"] == first["id"]


@pytest.mark.parametrize("key", ["", "x" * 201])
def test_a_key_that_is_none(user, shelf, key):
    refused(user, waiting_body(user, shelf), "Idempotency-Key must be 1 to "
            "200 bytes", key=key)


def test_the_same_request_at_once_is_one_job(user, shelf):
    clients = [user.again() for _ in range(3)]
    for n in range(20):
        body = waiting_body(user, shelf)
        answers = at_the_same_time(
            lambda i, b=body, k="race-%d" % n: clients[i].post(b, key=k), 3)
        assert len({queued_of(a)["id"] for a in answers}) == 1
    assert user.counts()[0] == 20


def test_a_key_whose_job_was_purged_is_409(user, shelf):
    """It is not run a second time."""
    body = waiting_body(user, shelf)
    user.cancelled(queued_of(user.post(body, key="k-6"))["id"])
    assert user.purged()["failed"] >= 1
    assert_error(user.post(body, key="k-6"), 409,
                 "The job of this Idempotency-Key was purged")
    assert user.counts()[0] == 0


def test_a_key_outlives_kill_9(server, user, shelf):
    body = waiting_body(user, shelf)
    first = queued_of(user.post(body, key="k-5"))
    server.restart(hard=True)
    assert queued_of(user.post(body, key="k-5"))["id"] == first["id"]
    assert user.counts()[0] == 1


# --- what is answered --------------------------------------------------------

def test_a_job_that_was_answered_is_there_after_kill_9(server, user, shelf):
    jobs = [user.waiting(shelf) for _ in range(3)]
    before = [user.job(j["id"]) for j in jobs]
    server.restart(hard=True)
    assert [user.job(j["id"]) for j in jobs] == before


def test_the_estimated_start_of_one_that_waits_is_its_time(user, shelf):
    job = user.waiting(shelf)
    assert job["estimatedStart"] == FAR
    assert user.job(job["id"])["nextRunAt"] == FAR


def test_the_first_in_the_queue_starts_now(user, shelf):
    hold = shelf.hold()
    job = user.queued(shelf)
    assert 0 <= seconds(job["estimatedStart"]) - seconds(job["queuedAt"]) \
        <= 60
    assert time_text(seconds(job["queuedAt"])) == job["queuedAt"]
    hold.release()
    user.done(job["id"])


def test_when_too_many_are_unfinished_it_is_503(sources, serve):
    org = JobsOrg(serve(config(sources, unfinished_max=3)))
    user, jobs = org.user, []
    for _ in range(3):
        jobs.append(user.waiting("s0"))
    answer = user.queue("s0")
    assert_error(answer, 503)
    assert int(answer.headers["Retry-After"]) >= 1
    user.cancelled(jobs[0]["id"])
    user.waiting("s0")
    other = JobsOrg(org.server)
    other.user.waiting("s0")
