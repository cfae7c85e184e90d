"""A server under test, the orgs and sites in it, and its log.

Every wait is a poll of a condition with a deadline; nothing here sleeps for a
guessed time. Servers listen on 127.0.0.1 on a free port and are ended by
their own process id.
"""

import hashlib
import http.client
import itertools
import json
import pathlib
import signal
import socket
import subprocess
import time

import requests

from cli import PROGRAM, Cli

DEADLINE_S = 30
CONFIG = """\
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

    def restart(self, hard=False):
        """On the same data and port, after TERM or after kill -9."""
        if hard:
            self.kill()
        else:
            assert self.stop() == 0, self.log_path.read_text()[-2000:]
        return self.start()

    def log(self):
        """The log's complete lines, each of which must be a JSON object."""
        text = self.log_path.read_bytes().decode("utf-8")
        lines = text[:text.rfind("\n") + 1].splitlines()
        return [json.loads(line) for line in lines]

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
            except (BrokenPipeError, ConnectionResetError):
                pass
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


class Org:
    """An org made for one test, so that tests never meet each other."""

    def __init__(self, server, name):
        self.server = server
        self.cli = server.cli
        self.name = name
        self.cli.org_add(name)

    def site(self, stores=1, edit_central=False):
        """A new site with that many stores of its own."""
        n = next(self.server.counter)
        name, password = "site%d" % n, "password-of-%d" % n
        self.cli.site_add(name, self.name, n + 100, password,
                          edit_central=edit_central)
        ids = ["%s-store%d" % (name, i) for i in range(stores)]
        for store in ids:
            self.cli.store_add(store, self.name, site=name)
        return Site(self.server, name, password, n + 100, ids, self)

    def primary(self):
        """A site that may edit central data and has no store."""
        return self.site(stores=0, edit_central=True)

    def export(self):
        return self.cli.export(self.name)

    def exported(self):
        """{(table, id): line} of all records, deleted ones too."""
        rows = [json.loads(line) for line in self.export()]
        return {(r["table"], r["recordID"]): r for r in rows}

    def quarantined(self, site=None):
        return self.cli.quarantined(self.name, site)

    def import_rows(self, rows):
        """Rows that come from the centre, not from any site's push."""
        return self.cli.import_lines(self.server.folder, self.name, rows)


class Site:
    """A client of the sites API: a site's name, password and connection."""

    def __init__(self, server, name, password, number, stores=(), org=None,
                 prefix="/sync/v5", headers=None):
        self.server, self.name, self.password = server, name, password
        self.number, self.stores, self.org = number, list(stores), org
        self.prefix = prefix
        self.headers = dict(headers or {})
        self.auth = (name, sha256(password))
        self.session, self.generation = None, -1

    @property
    def store(self):
        return self.stores[0]

    def like(self, prefix=None, **headers):
        """The same site with another prefix or with further headers; a
        header's underscores stand for hyphens."""
        more = {k.replace("_", "-"): v for k, v in headers.items()}
        return Site(self.server, self.name, self.password, self.number,
                    self.stores, self.org, prefix or self.prefix,
                    {**self.headers, **more})

    def v5(self):
        """The same site speaking the real client's later dialect."""
        return self.like(version="5")

    def request(self, method, path, **kw):
        if self.generation != self.server.generation:
            self.session = requests.Session()
            self.session.trust_env = False
            self.generation = self.server.generation
        headers = {**self.headers, **kw.pop("headers", {})}
        kw.setdefault("auth", self.auth)
        kw.setdefault("timeout", DEADLINE_S)
        return self.session.request(
            method, "%s%s/%s" % (self.server.base, self.prefix, path),
            headers=headers, **kw)

    def get(self, path, params=None, **kw):
        return self.request("GET", path, params=params, **kw)

    def post(self, path, body=None, **kw):
        """POST a value as JSON; text or bytes go out as they are."""
        if body is not None and not isinstance(body, (str, bytes)):
            body = json.dumps(body)
        if isinstance(body, str):
            body = body.encode()
        return self.request("POST", path, data=body, **kw)

    def push(self, *records):
        return self.post("queued_records", list(records))

    def pushed(self, *records):
        """Push, and insist that every record was taken."""
        r = self.push(*records)
        assert r.status_code == 200, r.text
        assert r.json() == {"accepted": len(records), "rejected": []}
        return r

    def rejected(self, *records):
        """Push, and the list of what was refused; still a 200."""
        r = self.push(*records)
        assert r.status_code == 200, r.text
        body = r.json()
        assert set(body) == {"accepted", "rejected"}
        assert body["accepted"] + len(body["rejected"]) == len(records)
        for e in body["rejected"]:
            assert set(e) == {"recordID", "table", "code", "message"}
            assert e["code"] and e["message"]
        return body["rejected"]

    def record(self, table, record, data=None, action="insert", sequence=1):
        return {"site_id": str(self.number), "table": table,
                "recordID": record, "action": action,
                "sequence": str(sequence), "data": data or {}}

    def invoice(self, record, to=None, action="insert", **data):
        """A transact of this site's store, finalised for `to` if given."""
        body = {"ID": record, "store_ID": self.store,
                "status": "fn" if to else "cn", "other_store_ID": to or ""}
        return self.record("transact", record, {**body, **data}, action)

    def line(self, record, parent, action="insert", **data):
        body = {"ID": record, "transaction_ID": parent}
        return self.record("trans_line", record, {**body, **data}, action)

    def pull(self, limit=None):
        params = {} if limit is None else {"limit": limit}
        r = self.get("queued_records", params)
        assert r.status_code == 200, r.text
        return r.json()

    def ack(self, elements):
        r = self.post("acknowledge_records", elements)
        assert r.status_code == 200, r.text
        body = r.json()
        assert set(body) == {"acknowledged"}
        return body["acknowledged"]

    def drain(self, limit=500):
        """Pull and acknowledge until nothing is left; all entries."""
        got = []
        while True:
            page = self.pull(limit)
            if not page:
                return got
            got += page
            assert self.ack([{"sequence": e["sequence"]} for e in page]) \
                == len(page)

    def central(self, cursor=None, limit=None):
        params = {}
        if cursor is not None:
            params["cursor"] = cursor
        if limit is not None:
            params["limit"] = limit
        r = self.get("central_records", params)
        assert r.status_code == 200, r.text
        return r.json()

    def central_all(self, cursor=0, limit=5000):
        """Read the feed to its head; (entries without holes, cursor)."""
        got = []
        while True:
            page = self.central(cursor, limit)
            if not page:
                return got, cursor
            got += [e for e in page if e["data"] != "none"]
            cursor = int(page[-1]["sequence"])

    def token(self):
        r = self.post("auth")
        assert r.status_code == 200, r.text
        return r.json()["token"]


def sha256(text):
    return hashlib.sha256(text.encode()).hexdigest()


def keys(entries):
    """(table, id) of entries, in their order."""
    return [(e["table"], e["recordID"]) for e in entries]


def ids(entries):
    return [e["recordID"] for e in entries]


def sequences(entries):
    return [int(e["sequence"]) for e in entries]


def assert_error(response, *statuses, code=None):
    """The sites API's error body with one of these statuses."""
    assert response.status_code in statuses, \
        "%d: %s" % (response.status_code, response.text[:500])
    assert "json" in response.headers["Content-Type"]
    body = response.json()
    assert set(body) == {"error"}, body
    assert set(body["error"]) == {"code", "message", "data"}, body
    assert isinstance(body["error"]["code"], str)
    assert isinstance(body["error"]["message"], str)
    if code is not None:
        assert body["error"]["code"] == code, body
    return body["error"]
