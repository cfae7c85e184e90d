"""A server that stops while jobs run: it waits for none of them, and they go
on at its next start."""

import socket
import threading

import pytest

from harness import ADMIN_PASSWORD, CONFIG, DEADLINE_S, Server, wait_for
from job_commands import Jobs

SOURCES = """
sources:
  - name: mute
    type: http
    url: http://127.0.0.1:%d
    timeout_s: 3600
    entities:
      - {name: items, collection: item}
"""


class Mute:
    """A server that takes connections and reads, and says nothing until it is
    told to answer."""

    def __init__(self):
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.port = self.socket.getsockname()[1]
        self.asked = threading.Event()
        self.answer = None
        self.kept = []
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while True:
            try:
                peer, _ = self.socket.accept()
            except OSError:
                return
            self.kept.append(peer)
            threading.Thread(target=self.talk, args=(peer,),
                             daemon=True).start()

    def talk(self, peer):
        while peer.recv(65536):
            self.asked.set()
            if self.answer is not None:
                peer.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: application/"
                             b"json\r\nContent-Length: %d\r\n\r\n%s" % (
                                 len(self.answer), self.answer))

    def end(self):
        self.socket.close()
        for peer in self.kept:
            peer.close()


@pytest.fixture
def mute():
    m = Mute()
    yield m
    m.end()


def test_a_stop_waits_for_no_source_and_the_job_goes_on(tmp_path, mute):
    s = Server(tmp_path, config=CONFIG + SOURCES % mute.port)
    s.cli.init("main", "admin", ADMIN_PASSWORD)
    s.start()
    try:
        jobs = Jobs(s.org(), tmp_path)
        job_id = jobs.queued({"name": "mute", "type": "full",
                              "data": {"source": "mute"}})
        assert mute.asked.wait(DEADLINE_S)
        # Its request would take an hour; stop() gives up before that.
        assert s.stop() == 0
        assert jobs.show(job_id)["status"] == "active"
        mute.answer = b'[{"id":"a"},{"id":"b"}]'
        s.start()
        wait_for(lambda: jobs.show(job_id)["status"] == "completed",
                 "the job to go on")
        job = jobs.show(job_id)
        assert job["records"]["written"] == 2
        # The stop was no failure of its.
        assert "error" not in job
    finally:
        assert s.stop() == 0
