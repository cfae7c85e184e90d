"""Downloads that are large: of one moment though others write, flat in
memory, and under ceilings.

TB_RECORDS says how many records there are (110000, more than one slice of
what the server reads at once).
"""

import json
import os
import socket
import threading

import pytest

from harness import ADMIN_PASSWORD, DEADLINE_S, Server, wait_for
from resources import (CONFIG, ResourcesOrg, assert_error, micros,
                       records_of, time_of)
from streams import MIB, Memory

RECORDS = int(os.environ.get("TB_RECORDS", "110000"))
WRITERS = 3
DOWNLOADS = 2
SMALL = 5000

pytestmark = pytest.mark.slow


def filled(server, count, size=20):
    """An org with so many things in it."""
    org = ResourcesOrg(server)
    rows = ({"table": "things", "recordID": "r%06d" % n,
             "data": {"name": "n%d" % n, "note": "x" * size}}
            for n in range(count))
    org.org.import_rows(rows)
    return org


class Writer(threading.Thread):
    """Edits records here and there, and deletes some, until it is told to
    stop; knows what it was answered."""

    def __init__(self, user, first, records):
        super().__init__(daemon=True)
        self.user, self.records = user, records[first::WRITERS]
        self.times, self.gone = [], []
        self.stopping, self.failure = threading.Event(), None

    def run(self):
        try:
            step = max(1, len(self.records) // 500)
            for n, record in enumerate(self.records[::step] * 20):
                if self.stopping.is_set():
                    return
                self.write(n, record)
        except BaseException as e:  # handed to the main thread
            self.failure = e

    def write(self, n, record):
        number = record["id"]
        if number in self.gone:
            return
        if n % 11 == 5:
            self.user.deleted("things", number)
            self.gone.append(number)
            return
        r = self.user.patch("things", number, count=n)
        assert r.status_code == 200, r.text
        self.times.append((micros(r.json()["updated_at"]), number, n))


def test_a_long_download_is_of_one_moment_beside_writers(resources):
    """All that was changed up to X-Last-Sync is in it as it was then, and
    nothing that was changed later."""
    org = filled(resources, RECORDS)
    staff = org.staff()
    whole = staff.records("things")
    assert len(whole) == RECORDS
    before = {r["id"]: r for r in whole}
    writers = [Writer(staff.again(), n, whole) for n in range(WRITERS)]
    for w in writers:
        w.start()
    answers = []
    for _ in range(DOWNLOADS):
        r = staff.sync("things", headers={"Accept-Encoding": "identity"})
        answers.append((micros(r.headers["X-Last-Sync"]), records_of(r)))
    for w in writers:
        w.stopping.set()
        w.join()
        assert w.failure is None, w.failure
    changes = sorted(c for w in writers for c in w.times)
    gone = {n for w in writers for n in w.gone}
    for last, records in answers:
        assert_of_one_moment(last, records, before, changes, gone)
    assert len({last for last, _ in answers}) == len(answers)


def assert_of_one_moment(last, records, before, changes, gone):
    found = {r["id"]: r for r in records}
    assert len(found) == len(records)
    assert list(found) == sorted(found)
    then = {}
    for time, number, value in changes:
        if time <= last:
            then[number] = (time, value)
    for number, record in before.items():
        if number in gone and number not in found:
            continue
        got = found[number]
        if number not in then:
            assert got == record
            continue
        assert (micros(time_of(got)), got["count"]) == then[number]


def test_a_whole_download_takes_no_memory_that_grows_with_it(resources):
    """Some tens of megabytes, read by nobody for a while."""
    org = filled(resources, SMALL * 4, size=2000)
    staff = org.staff()
    assert staff.token
    memory = Memory(resources)
    r = staff.request("GET", "things/sync/", stream=True,
                      headers={"Accept-Encoding": "identity"})
    assert r.headers["X-Records-Synced"] == str(SMALL * 4)
    staff.again().created("things", name="beside it")
    records = json.loads(r.raw.read(decode_content=False))
    assert len(records) == SMALL * 4
    memory.assert_under(24 * MIB)


@pytest.fixture
def narrow(tmp_path):
    """A server with little room for answers that are under way."""
    s = Server(tmp_path, config=CONFIG + "resources:\n"
               "  spool_max_bytes: 2097152\n"
               "  spool_total_max_bytes: 3145728\n")
    s.cli.init("main", "admin", ADMIN_PASSWORD)
    s.start()
    yield s
    assert s.stop() == 0


def test_an_answer_over_the_ceiling_is_413_and_comes_in_pages(narrow):
    staff = filled(narrow, SMALL, size=1000).staff()
    assert list(assert_error(staff.sync("things"), 413)) == ["detail"]
    got = [x for r in staff.pages("things", 500) for x in records_of(r)]
    assert len(got) == SMALL
    last = got[-10]["updated_at"]
    assert staff.records("things", last) == sorted(
        got[-9:], key=lambda r: r["id"])


def opened(user):
    """A download of which nothing is read yet, and little is taken."""
    s = socket.socket()
    s.settimeout(DEADLINE_S)
    s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    s.connect(("127.0.0.1", user.server.port))
    s.sendall(("GET /api/things/sync/ HTTP/1.1\r\nHost: 127.0.0.1\r\n"
               "Authorization: Bearer %s\r\n\r\n" % user.token).encode())
    assert s.recv(12) == b"HTTP/1.1 200"
    return s


def test_answers_that_are_not_read_leave_room_or_others_are_told_to_wait(
        narrow):
    """503 with Retry-After, while edits pass; and all is well once the slow
    ones are gone."""
    staff = filled(narrow, 1500, size=1000).staff()
    slow = [opened(staff)]
    busy = None
    for _ in range(4):
        r = staff.sync("things")
        if r.status_code == 503:
            busy = r
            break
        records_of(r)
        if len(slow) < 2:
            slow.append(opened(staff))
    if busy is not None:
        assert list(assert_error(busy, 503)) == ["detail"]
        assert int(busy.headers["Retry-After"]) > 0
    staff.created("things", name="beside it")
    for s in slow:
        s.close()
    wait_for(lambda: staff.sync("things").status_code == 200,
             "room for an answer")
    assert len(staff.records("things")) == 1501
