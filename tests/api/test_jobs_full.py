"""A store that can take no more while a job runs."""

import os
import resource

import pytest

from harness import wait_for
from jobs import FAR, JobsOrg, config
from jobs_source import Sources

RECORDS = 400
# Less than a page takes, and more than to say that it failed.
LEFT_BYTES = 150000
NO_LIMIT = resource.RLIM_INFINITY


@pytest.fixture(scope="module")
def sources():
    s = Sources(1)
    yield s
    s.close()


@pytest.fixture(scope="module")
def server(sources, serve):
    return serve(config(sources, workers=1, page_tries=1, backoff_max_s=1,
                        lease_s=5))


def limit_files(server, limit):
    """No file of the server's may become longer."""
    resource.prlimit(server.process.pid, resource.RLIMIT_FSIZE,
                     (limit, NO_LIMIT))


def longest_file(server):
    return max(os.stat(p).st_size for p in server.data.iterdir())


def refusals(user, shelf):
    """The answer to a job that cannot be queued; none if it can."""
    answer = user.queue(shelf, type="scheduled", schedule={"startAt": FAR})
    assert answer.status_code in (201, 503), answer.text
    return [answer] if answer.status_code == 503 else []


def test_a_limit_of_files_is_as_a_full_disk(server, sources):
    """It ends nobody; and when there is room again, the job goes on."""
    shelf, user = sources.take(), JobsOrg(server).user
    shelf.page_size = 50
    keys = shelf.fill(RECORDS, pad="x" * 4000)
    with shelf.hold(page=3) as hold:
        job_id = user.queued(shelf, options={"maxRetries": 100})["id"]
        hold.wait()
        wait_for(lambda: user.job(job_id)["progress"] == 25, "two pages")
        limit_files(server, longest_file(server) + LEFT_BYTES)
    try:
        job = user.wait(job_id, "active", "queued",
                        accept=lambda j: "error" in j)
        assert job["error"]["code"] == "store"
        refused = wait_for(lambda: refusals(user, shelf), "a refusal")
        assert refused[0].headers["Retry-After"]
        assert user.job(job_id)["status"] in ("active", "queued")
    finally:
        limit_files(server, NO_LIMIT)
    job = user.done(job_id)
    assert job["records"]["read"] == RECORDS
    assert sorted(user.org.records()) == sorted(keys)
