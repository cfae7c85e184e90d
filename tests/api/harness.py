"""A server under test, the orgs and sites in it, and its log.

Every wait is a poll of a condition with a deadline; nothing here sleeps for a
guessed time. Servers listen on 127.0.0.1 on a free port and are ended by
their own process id.
"""

import http.client
import itertools
import json
import pathlib
import select
import signal
import socket
import struct
import subprocess
import threading
import time

import requests

from cli import PROGRAM, Cli
from sites import (DEADLINE_S, Org, Site, assert_error, ids, keys, sequences,
                   sha256)

__all__ = ["ADMIN_PASSWORD", "CONFIG", "DEADLINE_S", "Org", "Server", "Site",
           "assert_error", "at_the_same_time", "free_port", "ids", "keys",
           "sequences", "sha256", "wait_for"]
# Passwords are hashed at the least cost, because each test makes accounts;
# requests that never end are given up soon, because tests wait for that.
CONFIG = """\
server:
  request_timeout_s: 10
auth:
  argon2_mem_bytes: 65536
  argon2_ops: 1
  site_delay_max_s: 1
collections:
  - name: item
    route: central
  - name: unit
    route: central
  - name: transact
    route: store
    field: store_ID
    also:
      - field: other_store_ID
        when_field: status
        when_value: fn
  - name: requisition
    route: store
    field: store_ID
    also:
      - field: other_store_ID
        when_field: status
        when_value: fn
  - name: trans_line
    route: parent
    parent: transact
    field: transaction_ID
  - name: visit
    route: store
    field: store_ID
    fields:
      - {name: plan, type: string, required: false, nullable: true, \
centre_wins: true}
  - name: patient_note
    route: store
    field: store_ID
    conflict: centre
    fields:
      - {name: note, type: string, required: true, nullable: false, \
centre_wins: false}
"""
ADMIN_PASSWORD = "an-admin-password"


def wait_for(condition, what, seconds=DEADLINE_S):
    """Poll until condition() is true; its value. Fails after `seconds`."""
    end = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        assert time.monotonic() < end, "waited %ds for %s" % (seconds, what)
        time.sleep(0.01)


def at_the_same_time(work, count=2):
    """Run work(n) in threads that start together; what each gave."""
    start, given = threading.Barrier(count), [None] * count

    def run(n):
        start.wait()
        given[n] = work(n)
    threads = [threading.Thread(target=run, args=(n,)) for n in range(count)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    return given


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Server:
    """One `tombolo serve` process and the folder with its data and log."""

    def __init__(self, folder, demo=False, config=None, args=()):
        self.folder = pathlib.Path(folder)
        self.data = self.folder / "data"
        self.log_path = self.folder / "log.jsonl"
        self.demo = demo
        self.args = list(args)
        self.config = None
        if config is not None:
            self.config = self.folder / "tombolo.yaml"
            self.config.write_text(config)
        self.cli = Cli(self.data, self.config)
        self.port = free_port()
        self.generation = 0
        self.process = None
        self.counter = itertools.count(1)
        self.log_offset, self.log_lines = 0, []

    @property
    def base(self):
        return "http://127.0.0.1:%d" % self.port

    def argv(self):
        argv = [PROGRAM, "serve", "--listen", "127.0.0.1:%d" % self.port,
                "--data", str(self.data)]
        if self.demo:
            argv.append("--demo")
        if self.config:
            argv += ["--config", str(self.config)]
        return argv + self.args

    def start(self):
        self.generation += 1
        with open(self.log_path, "ab") as log, \
                open(self.folder / "stdout.txt", "ab") as out:
            self.process = subprocess.Popen(
                self.argv(), stdin=subprocess.DEVNULL, stdout=out, stderr=log)
        wait_for(self.answers, "the server to answer")
        return self

    def answers(self):
        if self.process.poll() is not None:
            raise AssertionError("server ended with %d: %s" % (
                self.process.returncode, self.log_path.read_text()[-2000:]))
        try:
            c = http.client.HTTPConnection("127.0.0.1", self.port, timeout=5)
            c.request("GET", "/sync/v5/status")
            c.getresponse().read()
            c.close()
            return True
        except (OSError, http.client.HTTPException):
            return False

    def stop(self):
        """Ask it to drain (TERM); its exit code."""
        if self.process is None or self.process.poll() is not None:
            return self.process.returncode if self.process else None
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(DEADLINE_S)

    def kill(self):
        """kill -9: no chance to finish anything."""
        if self.process is not None and self.process.poll() is None:
            self.process.kill()
            self.process.wait(DEADLINE_S)
            self.drop_half_line()

    def lose(self, data):
        """Send a request and reset the connection when the answer is there
        but unread: it has had its effect, and its client never learns."""
        with socket.create_connection(("127.0.0.1", self.port),
                                      timeout=DEADLINE_S) as s:
            s.sendall(data)
            ready, _, _ = select.select([s], [], [], DEADLINE_S)
            assert ready, "no answer to lose"
            s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                         struct.pack("ii", 1, 0))

    def drop_half_line(self):
        """A killed server may have written half of its last log line."""
        with open(self.log_path, "rb+") as f:
            text = f.read()
            f.truncate(text.rfind(b"\n") + 1)

    def restart(self, hard=False):
        """On the same data and port, after TERM or after kill -9."""
        if hard:
            self.kill()
        else:
            assert self.stop() == 0, self.log_path.read_text()[-2000:]
        return self.start()

    def log(self):
        """The log's complete lines, each of which must be a JSON object."""
        with open(self.log_path, "rb") as f:
            f.seek(self.log_offset)
            new = f.read()
        new = new[:new.rfind(b"\n") + 1]
        self.log_offset += len(new)
        self.log_lines += [json.loads(x) for x in new.decode().splitlines()]
        return self.log_lines

    def request_lines(self):
        """The log lines that tell of a request: those with a status."""
        return [x for x in self.log() if isinstance(x.get("status"), int)]

    def lines_of(self, request_id):
        return [x for x in self.log() if request_id in map(str, x.values())]

    def wait_logged(self, response):
        """The log lines of one answered request, once it is written."""
        rid = response.headers["X-Request-Id"]
        return wait_for(lambda: self.lines_of(rid), "the line of " + rid)

    def ping(self):
        """A request of no consequence, waited for in the log."""
        r = requests.get(self.base + "/sync/v5/status", timeout=DEADLINE_S)
        self.wait_logged(r)
        return r

    def raw(self, data, half_close=False):
        """Send bytes on a fresh connection; all that comes back."""
        with socket.create_connection(("127.0.0.1", self.port),
                                      timeout=DEADLINE_S) as s:
            s.settimeout(DEADLINE_S)
            try:
                s.sendall(data)
                if half_close:
                    s.shutdown(socket.SHUT_WR)
            except OSError:
                pass  # It has gone away already; read what it said.
            return receive_all(s)

    def org(self):
        """A fresh org, empty, with a name nobody else uses."""
        return Org(self, "org%d" % next(self.counter))


def receive_all(sock):
    got = b""
    try:
        while True:
            part = sock.recv(65536)
            if not part:
                return got
            got += part
    except ConnectionResetError:
        return got
