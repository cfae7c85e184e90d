"""An org and the sites in it, as clients of the sites API.

A Site knows how the contract's requests look in the seed's dialect; the
functions at the end read answers.
"""

import hashlib
import json

import requests

DEADLINE_S = 30


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
        return {(r["table"], r["recordID"]): r for r in rows
                if "recordID" in r}

    def quarantined(self, site=None):
        """The quarantine's entries, of one site (or its name) or of all."""
        return self.cli.quarantined(self.name, getattr(site, "name", site))

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
