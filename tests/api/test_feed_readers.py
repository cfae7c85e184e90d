"""Readers at full speed while writers commit: no sequence ever appears
behind a cursor that was already passed."""

import os
import threading

import pytest

from harness import sequences

WRITERS = 4
PUSHES = int(os.environ.get("TB_PUSHES", "80"))
BATCH = 10
KEYS = 150


def run_all(writers, readers):
    """Run writers to their end, then let the readers reach the head."""
    done, failures = threading.Event(), []

    def guarded(f):
        def body():
            try:
                f(done)
            except BaseException as e:  # handed to the main thread
                failures.append(e)
        return threading.Thread(target=body)

    write = [guarded(f) for f in writers]
    read = [guarded(f) for f in readers]
    for t in write + read:
        t.start()
    for t in write:
        t.join()
    done.set()
    for t in read:
        t.join(60)
    if failures:
        raise failures[0]
    assert not any(t.is_alive() for t in read)


def central_writer(site, number):
    """New items and changes of the other writers' items alike."""
    def write(_):
        for i in range(PUSHES):
            site.pushed(*[site.record("item", "i%d" % (
                (number * 37 + i * BATCH + j * 7) % KEYS),
                {"w": number, "i": i, "j": j}) for j in range(BATCH)])
    return write


def distinct_batch_guard():
    seen = {(j * 7) % KEYS for j in range(BATCH)}
    assert len(seen) == BATCH


class CentralReader:
    """Follows the feed with a cursor and checks each page by itself."""

    def __init__(self, site, limit):
        self.site, self.limit = site, limit
        self.cursor, self.seen, self.pages = 0, {}, 0

    def __call__(self, done):
        while True:
            last = done.is_set()
            page = self.site.central(self.cursor, self.limit)
            if page:
                self.take(page)
            elif last:
                return

    def take(self, page):
        got = sequences(page)
        holes = [e for e in page if e["data"] == "none"]
        if len(page) > 1 or not holes:
            # Dense: nothing between the cursor and the page's end is left
            # out, so nothing can appear there later.
            assert got == list(range(self.cursor + 1,
                                     self.cursor + 1 + len(got)))
        else:
            assert got[0] > self.cursor
        for e in page:
            if e["data"] != "none":
                self.seen[int(e["sequence"])] = (e["recordID"], e["data"])
        self.cursor, self.pages = got[-1], self.pages + 1


@pytest.mark.slow
@pytest.mark.parametrize("limit", [3, 50, 5000])
def test_the_central_feed_never_fills_in_behind_a_cursor(org, limit):
    distinct_batch_guard()
    primaries = [org.primary() for _ in range(WRITERS)]
    readers = [CentralReader(org.site(stores=0), limit) for _ in range(3)]
    run_all([central_writer(p, i) for i, p in enumerate(primaries)], readers)
    final, head = primaries[0].central_all()
    for reader in readers:
        assert reader.cursor == head
        assert reader.pages > 1
        for e in final:
            # What is there now was there when the reader came by.
            assert reader.seen.get(int(e["sequence"])) == \
                (e["recordID"], e["data"])


def queue_writer(site, store):
    def write(_):
        for i in range(PUSHES):
            site.pushed(*[site.invoice("%s-%d" % (
                site.name, (i * BATCH + j * 7) % KEYS), store, i=i, j=j)
                for j in range(BATCH)])
    return write


class QueueReader:
    """Pulls and acknowledges; every entry must be behind the last one."""

    def __init__(self, site, limit):
        self.site, self.limit = site, limit
        self.acked, self.seen, self.last = 0, {}, {}

    def __call__(self, done):
        while True:
            last = done.is_set()
            page = self.site.pull(self.limit)
            if not page and last:
                return
            self.take(page)

    def take(self, page):
        got = sequences(page)
        assert got == sorted(set(got))
        if not got:
            return
        assert got[0] > self.acked, "appeared behind what was acknowledged"
        for e in page:
            self.seen[int(e["sequence"])] = e["recordID"]
            self.last[e["recordID"]] = e["data"]
        n = self.site.ack([{"sequence": s} for s in got])
        # What changed since the page was made has moved on, to come again.
        assert n <= len(got)
        self.acked = got[-1]


@pytest.mark.slow
@pytest.mark.parametrize("limit", [2, 100])
def test_the_queue_never_fills_in_behind_what_is_acknowledged(org, limit):
    writers = [org.site() for _ in range(WRITERS)]
    reader = QueueReader(org.site(), limit)
    run_all([queue_writer(w, reader.site.store) for w in writers], [reader])
    stored = {k[1]: r["data"] for k, r in org.exported().items()}
    assert reader.last == stored
    assert reader.site.pull() == []


@pytest.mark.slow
def test_two_sessions_of_one_site_do_not_lose_what_they_share(org):
    """Both pull and acknowledge; together they have each record's last
    version, and the queue is empty at the end."""
    writers = [org.site() for _ in range(2)]
    b = org.site()
    got, lock = {}, threading.Lock()

    def session(limit):
        site = b.like()

        def read(done):
            while True:
                last = done.is_set()
                page = site.pull(limit)
                if not page and last:
                    return
                with lock:
                    for e in page:
                        at = int(e["sequence"])
                        if at > got.get(e["recordID"], (0,))[0]:
                            got[e["recordID"]] = (at, e["data"])
                site.ack([{"sequence": e["sequence"]} for e in page])
        return read

    run_all([queue_writer(w, b.store) for w in writers],
            [session(7), session(20)])
    stored = {k[1]: r["data"] for k, r in org.exported().items()}
    assert {k: v[1] for k, v in got.items()} == stored
    assert b.pull() == []
