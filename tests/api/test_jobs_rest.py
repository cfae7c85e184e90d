"""How the jobs API shares /sync with others, and what is on the wire."""

import gzip
import json

import pytest

from jobs import FAR, JobsOrg, assert_error, config
from jobs_source import Sources

ORIGIN = "https://shop.example.org"


@pytest.fixture(scope="module")
def sources():
    s = Sources(2)
    yield s
    s.close()


@pytest.fixture(scope="module")
def server(sources, serve):
    text = config(sources, workers=0)
    return serve(text.replace("server:", "server:\n  cors_origins: [%s]"
                              % ORIGIN, 1))


@pytest.fixture
def user(server):
    o = JobsOrg(server)
    yield o.user
    o.end()


@pytest.fixture
def shelf(sources):
    s = sources.take()
    yield s
    s.release()


def shape(response):
    """Whose error it is, by the members of its body."""
    return list(response.json())


# --- whose path it is --------------------------------------------------------

def test_what_is_nobodys_below_sync_is_404_of_this_api(user):
    for path in ("/sync/x", "/sync/info/x", "/sync/queue//", "/sync/pause",
                 "/sync/pause/", "/sync/pause/a/b", "/sync/jobs/job1/x",
                 "/sync/jobs/job1/cancel/x", "/sync//info", "/sync/v50",
                 "/sync/pushes", "/sync/Info"):
        for method in ("GET", "POST", "PUT", "PATCH", "DELETE"):
            r = user.ask(method, path)
            assert assert_error(r, 404) == "Cannot %s %s" % (method, path)


def test_what_is_below_the_paths_of_devices_is_theirs(user):
    for path in ("/sync/push/x", "/sync/pull/", "/sync/ack/x",
                 "/sync/status/x", "/sync/overdue/", "/sync/audit-logs/x"):
        r = user.ask("GET", path)
        assert (r.status_code, shape(r)) == (404, ["error"]), path


def test_each_api_below_sync_answers_in_its_own_words(user):
    r = user.ask("GET", "/sync/push")
    assert (r.status_code, shape(r)) == (405, ["error"])
    r = user.ask("GET", "/sync/v5/nothing")
    assert r.status_code == 404 and "code" in r.json()["error"]
    assert user.ask("GET", "/sync/status").status_code == 400
    r = user.ask("DELETE", "/sync/queue")
    assert assert_error(r, 405)
    assert r.headers["Allow"] == "POST"


def test_sync_is_there_with_a_slash_and_without(user):
    for path in ("/sync", "/sync/", "/sync?x=1"):
        r = user.ask("GET", path, token=None, orgid=None)
        assert r.status_code == 200
        assert list(r.json()) == ["version", "status", "activeJobs",
                                  "completedJobs", "failedJobs", "uptime"]
        assert user.ask("HEAD", path).content == b""
    assert_error(user.ask("POST", "/sync"), 405)


def test_a_slash_at_the_end_may_be_there(user, shelf):
    job = user.waiting(shelf, "a/b")
    for method, path, status in (
            ("GET", "/sync/info/", 200), ("GET", "/sync/jobs/", 200),
            ("GET", "/sync/jobs/%s/" % job["id"], 200),
            ("GET", "/sync/pause/a%2Fb/", 200),
            ("POST", "/sync/resume/a%2Fb/", 201),
            ("POST", "/sync/jobs/%s/cancel/" % job["id"], 201),
            ("POST", "/sync/purge/", 201)):
        r = user.ask(method, path)
        assert r.status_code == status, (path, r.text)


def test_what_the_query_says_is_no_part_of_the_path(user):
    r = user.ask("GET", "/sync/x?y=/sync/info")
    assert assert_error(r, 404) == "Cannot GET /sync/x"


# --- methods -----------------------------------------------------------------

@pytest.mark.parametrize("path", ["/sync/pause/a", "/sync/resume/a",
                                  "/sync/purge"])
def test_head_changes_nothing(user, shelf, path):
    user.queue(shelf, "a")
    r = user.ask("HEAD", path)
    assert (r.status_code, r.content) == (405, b"")
    assert r.headers["Allow"] == "GET, POST"
    assert [j["status"] for j in user.all_jobs()] == ["queued"]


@pytest.mark.parametrize("path", ["/sync/info", "/sync/jobs",
                                  "/sync/jobs/job1"])
def test_head_is_as_get_without_a_body(user, shelf, path):
    user.queue(shelf, "a")
    r = user.ask("HEAD", path)
    assert (r.status_code, r.content) == (200, b"")
    assert_error(user.ask("POST", path), 405)


def test_nothing_of_it_is_kept_by_caches(user, shelf):
    user.queue(shelf, "a")
    for path in ("/sync", "/sync/info", "/sync/jobs", "/sync/pause/a",
                 "/sync/resume/a", "/sync/purge"):
        r = user.ask("GET", path)
        assert r.status_code == 200, r.text
        assert r.headers["Cache-Control"] == "no-store"


# --- bodies and paths --------------------------------------------------------

def test_a_body_may_be_packed(user, shelf):
    body = gzip.compress(json.dumps(user.body(shelf.name, "a")).encode())
    r = user.post(body, headers={"Content-Encoding": "gzip"})
    assert r.status_code == 201, r.text
    large = gzip.compress(json.dumps(
        user.body(shelf.name, "b", note="x" * (64 << 10))).encode())
    r = user.post(large, headers={"Content-Encoding": "gzip"})
    assert_error(r, 413)
    assert_error(user.post(b"{}", headers={"Content-Encoding": "br"}), 415)
    assert_error(user.post(b"\x1f\x8bx", headers={"Content-Encoding": "gzip"}),
                 400)
    assert [j["name"] for j in user.all_jobs()] == ["a"]


def test_a_body_where_none_is_needed_is_not_looked_at(user, shelf):
    user.waiting(shelf, "a", startAt=FAR)
    r = user.ask("POST", "/sync/pause/a", "{not json")
    assert r.status_code == 201, r.text
    assert_error(user.ask("POST", "/sync/resume/a", "x" * (1 << 17)), 413)
    assert [j["status"] for j in user.all_jobs()] == ["paused"]


@pytest.mark.parametrize("path", ["/sync/pause/%ff", "/sync/jobs/%c0%80",
                                  "/sync/resume/%ed%a0%80"])
def test_a_path_that_is_no_text_is_400_of_this_api(user, path):
    assert_error(user.ask("GET", path), 400)


# --- browsers ----------------------------------------------------------------

def test_a_page_of_another_origin_may_ask(user):
    asked = {"Origin": ORIGIN, "Access-Control-Request-Method": "POST",
             "Access-Control-Request-Headers": "authorization,orgid"}
    r = user.ask("OPTIONS", "/sync/queue", headers=asked, token=None,
                 orgid=None)
    assert r.status_code == 204
    assert r.headers["Access-Control-Allow-Origin"] == ORIGIN
    assert "POST" in r.headers["Access-Control-Allow-Methods"]
    assert r.headers["Access-Control-Allow-Headers"] == "authorization,orgid"
    r = user.ask("GET", "/sync/info", headers={"Origin": ORIGIN})
    assert r.status_code == 200
    assert r.headers["Access-Control-Allow-Origin"] == ORIGIN
