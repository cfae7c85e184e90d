"""Orgs that share a target: each one's jobs are its own, also those that have
the same numbers."""

import json

import pytest

from jobs import JobsOrg, config
from jobs_source import Sources

OUT = """\
  - name: out
    type: file
    path: %s
    entities:
      - {name: products, collection: product, path: out.ndjson}
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("out")


@pytest.fixture(scope="module")
def sources(folder):
    s = Sources(2, paging="cursor")
    s.add("taker", paging="none")
    s.other("out", OUT % folder)
    yield s
    s.close()


@pytest.fixture(scope="module")
def server(sources, serve):
    return serve(config(sources, workers=4, page_tries=1))


def begun(server, sources, prefix):
    """A job of a fresh org, its first, that has sent a page and is paused;
    its user and itself."""
    shelf, user = sources.take(), JobsOrg(server).user
    shelf.fill(6, prefix=prefix)
    with shelf.hold(page=2) as hold:
        job = user.queued(None, "send", data={"source": shelf.name,
                                              "target": "out"})
        hold.wait()
        user.at_progress(job["id"], 33)
        user.paused("send")
    return user, job["id"]


def test_a_file_is_one_orgs_or_the_others(server, sources, folder):
    """What one has sent is not gone on with behind what the other has."""
    first, first_id = begun(server, sources, "a")
    second, second_id = begun(server, sources, "b")
    assert first_id == second_id
    first.resumed("send")
    job = first.failed(first_id)
    assert job["error"]["code"] == "file_changed"
    assert not (folder / "out.ndjson").exists()
    second.resumed("send")
    second.done(second_id)
    lines = (folder / "out.ndjson").read_text().splitlines()
    assert [json.loads(x)["id"] for x in lines] == [
        "b%d" % n for n in range(6)]


def test_what_two_orgs_send_has_two_names(server, sources):
    """Even if it is the same, and so a server that remembers names takes
    it of each."""
    shelf, taker = sources.take(), sources.shelves["taker"]
    shelf.fill(1)
    for _ in range(2):
        JobsOrg(server).user.ran(None, data={"source": shelf.name,
                                             "target": "taker"})
    first, second = [a for a in taker.asks() if a.method == "POST"]
    assert first.body == second.body
    assert first.headers["Idempotency-Key"] != \
        second.headers["Idempotency-Key"]
