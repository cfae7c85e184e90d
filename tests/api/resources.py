"""An org and the users in it, as clients of the resources API.

A User is a program of one user: it logs in once, sends requests, and keeps
nothing else. `again` is another connection of the same user, for another
thread. The functions at the end read answers; each answer of a download is
checked for the headers that every one must have.
"""

import json
import re
import urllib.parse

import requests

from sites import DEADLINE_S, Org

PREFIX = "/api"
JSON_TYPE = "application/json"
ORIGIN = "https://a.example"
SYNC_HEADERS = ["X-Last-Sync", "X-Records-Synced", "X-Sync-Strategy", "ETag"]
BAD_TOKEN = {"detail": "Given token not valid for any token type",
             "code": "token_not_valid"}
NO_TOKEN = {"detail": "Authentication credentials were not provided."}
NOT_FOUND = {"detail": "Not found."}
FORBIDDEN = {"detail": "You do not have permission to perform this action."}
REQUIRED = "This field is required."
FUTURE = "Sync timestamp cannot be in the future."
INVALID_TIME = "Invalid timestamp format. Use ISO 8601 format. Error: "
TIME = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,6}))?Z")
OLD = "2000-01-01T00:00:00Z"

# The shipped declaration's shapes under names of the tests' own, and a
# collection with every type of field.
COLLECTIONS = """\
collections:
  - name: item
    route: central
  - name: things
    path: things
    id: integer
    route: central
    times: {created: created_at, updated: updated_at, synced: last_synced_at}
    writers: [staff]
    history: 3
    filters:
      - {field: count, doc: "Only those with this count"}
      - {field: state, doc: "Only those in this state"}
      - {field: is_open, doc: "Only those that are open, or are not"}
      - {field: day, doc: "Only those of this day"}
    visible:
      - {role: any}
    fields:
      - {name: name, type: string, required: yes, nullable: no, \
writable: [any]}
      - {name: note, type: text, writable: [any]}
      - {name: count, type: integer, writable: [any]}
      - {name: price, type: decimal, writable: [any]}
      - {name: is_open, type: boolean, writable: [any]}
      - {name: starts_at, type: datetime, writable: [any]}
      - {name: day, type: date, writable: [any]}
      - {name: state, type: enum, values: [NEW, OPEN, DONE], writable: [any]}
      - {name: extra, type: json, writable: [any]}
      - {name: review, type: text, writable: [staff, doctor]}
      - {name: code, type: string, read_only: yes}
      - {name: secret, type: string, hidden: yes}
  - name: tags
    path: tags
    id: string
    route: central
    order: commit
    base: optional
    times: {updated: changed}
    writers: [staff, doctor]
    visible:
      - {role: any}
    fields:
      - {name: label, type: string, writable: [any]}
  - name: young
    path: young
    id: string
    route: central
    max_token_age: 1
    times: {updated: updated_at}
    writers: [staff]
    visible:
      - {role: any}
    fields:
      - {name: label, type: string}
  - name: people
    path: people
    id: integer
    route: store
    field: store_id
    also:
      - {field: visible_store_ids}
    times: {created: created_at, updated: updated_at, synced: last_synced_at}
    writers: [staff]
    visible:
      - {role: staff}
      - {role: doctor, through: visits, reference: person_id, \
field: doctor_id}
      - {role: patient, field: id}
    fields:
      - {name: name, type: string, writable: [staff, patient]}
      - {name: phone, type: string, writable: [any]}
      - {name: store_id, type: string, hidden: yes}
      - {name: visible_store_ids, type: json, hidden: yes}
  - name: visits
    path: visits
    id: integer
    route: store
    field: store_id
    also:
      - {field: visible_store_ids}
    times: {created: created_at, updated: updated_at, synced: last_synced_at}
    writers: [staff]
    visible:
      - {role: staff}
      - {role: doctor, field: doctor_id}
      - {role: patient, field: person_id}
    fields:
      - {name: person_id, type: integer, references: people}
      - {name: doctor_id, type: integer}
      - {name: status, type: enum, values: [PENDING, CONFIRMED, DONE], \
writable: [any]}
      - {name: symptoms, type: text, writable: [any]}
      - {name: diagnosis, type: text, writable: [staff, doctor]}
      - {name: store_id, type: string, hidden: yes}
      - {name: visible_store_ids, type: json, hidden: yes}
  - name: shops
    path: shops
    id: integer
    route: central
    times: {updated: updated_at}
    writers: [staff]
    visible:
      - {role: any}
    fields:
      - {name: name, type: string}
  - name: shop_stock
    path: shop-stock
    id: integer
    route: central
    times: {created: created_at, updated: last_updated, \
synced: last_synced_at}
    writers: [staff]
    filters:
      - {field: shop_id, doc: "Only what is in this shop"}
    visible:
      - {role: any}
    fields:
      - {name: shop_id, type: integer, references: shops}
      - {name: shop_name, type: string, from: shop_id, show: name}
      - {name: quantity, type: integer, writable: [any]}
"""
SETTINGS = """\
server:
  request_timeout_s: 10
  cors_origins: ["%s"]
auth:
  argon2_mem_bytes: 65536
  argon2_ops: 1
  site_delay_max_s: 1
""" % ORIGIN
CONFIG = SETTINGS + COLLECTIONS


class ResourcesOrg:
    """A fresh org with an administrator and no record."""

    def __init__(self, server):
        self.server = server
        self.org = Org(server, "res%d" % next(server.counter))
        self.name, self.cli = self.org.name, server.cli
        self.admin = self.user(admin=True)

    def user(self, role=None, profile=None, admin=False, **more):
        """A new user, made by the command line."""
        n = next(self.server.counter)
        name, password = "person%d" % n, "password-of-%d" % n
        args = ["user", "add", name, "--org", self.name,
                "--uuid", "uuid-%d" % n]
        if admin:
            args.append("--admin")
        if role:
            args += ["--role", role]
        if profile is not None:
            args += ["--profile", profile]
        for key, value in more.items():
            args += ["--" + key.replace("_", "-"), value]
        self.cli.run(*args, stdin=password + "\n")
        return User(self.server, name, password, "uuid-%d" % n)

    def staff(self):
        return self.user("staff")

    def site(self, **kw):
        return self.org.site(**kw)


class User:
    """One user at one connection."""

    def __init__(self, server, name=None, password=None, uuid=None,
                 token=None):
        self.server, self.name, self.password = server, name, password
        self.uuid, self.kept_token = uuid, token
        self.session, self.generation = None, -1

    def again(self):
        """Another connection of the same user, with the same token."""
        return User(self.server, self.name, self.password, self.uuid,
                    self.token)

    def login(self, name=None, password=None):
        """POST auth/token/; the answer, whatever it is."""
        return self.request(
            "POST", "auth/token/", {"username": name or self.name,
                                    "password": password or self.password},
            token=None)

    def pair(self):
        """A login's (access, refresh)."""
        r = self.login()
        assert r.status_code == 200, r.text
        return r.json()["access"], r.json()["refresh"]

    def refresh(self, token):
        return self.request("POST", "auth/token/refresh/",
                            {"refresh": token}, token=None)

    @property
    def token(self):
        """The token, asked for when it is needed for the first time."""
        if self.kept_token is None:
            self.kept_token = self.pair()[0]
        return self.kept_token

    def request(self, method, path, body=None, token="own", **kw):
        """Send a request below /api. A value goes out as JSON, text and
        bytes as they are. `token` is another one, or None for none."""
        if self.generation != self.server.generation:
            self.session = requests.Session()
            self.session.trust_env = False
            self.generation = self.server.generation
        headers = {}
        if token is not None:
            headers["Authorization"] = "Bearer " + (
                self.token if token == "own" else token)
        if body is not None:
            headers["Content-Type"] = JSON_TYPE
            kw["data"] = encoded(body)
        headers.update(kw.pop("headers", None) or {})
        kw.setdefault("timeout", DEADLINE_S)
        kw.setdefault("allow_redirects", False)
        return self.session.request(
            method, "%s%s/%s" % (self.server.base, PREFIX, path),
            headers=headers, **kw)

    def get(self, path, headers=None, **params):
        """GET; the keywords are the query."""
        return self.request("GET", path, params=params, headers=headers)

    def sync(self, collection, since=None, headers=None, **params):
        """GET {collection}/sync/; the answer, whatever it is."""
        if since is not None:
            params["last_sync_timestamp"] = since
        return self.get(collection + "/sync/", headers, **params)

    def records(self, collection, since=None, **params):
        """The records of a download that must succeed."""
        return records_of(self.sync(collection, since, **params))

    def pull(self, collection, since=None, **params):
        """(records, X-Last-Sync) of a download that must succeed."""
        r = self.sync(collection, since, **params)
        return records_of(r), r.headers["X-Last-Sync"]

    def pages(self, collection, limit, since=None, **params):
        """The answers of a download in pages, as the links lead."""
        r = self.sync(collection, since, limit=limit, **params)
        while True:
            records_of(r)
            yield r
            if "next" not in r.links:
                return
            r = self.follow(r)

    def follow(self, response):
        """GET what Link: rel="next" says, which stands below /api."""
        target = urllib.parse.urlsplit(response.links["next"]["url"])
        assert target.path.startswith(PREFIX + "/"), target
        return self.request(
            "GET", target.path[len(PREFIX) + 1:] + "?" + target.query)

    def one(self, collection, number):
        return self.get("%s/%s/" % (collection, number))

    def update(self, collection, number, base=None, headers=None, **fields):
        """PUT {collection}/{id}/sync_update/; the answer, whatever it is."""
        if base is not None:
            fields = {"client_last_synced_at": base, **fields}
        return self.request(
            "PUT", "%s/%s/sync_update/" % (collection, number), fields,
            headers=headers)

    def updated(self, collection, record, **fields):
        """An update based on a record as it was seen, which must pass."""
        r = self.update(collection, record["id"], time_of(record), **fields)
        return object_of(r)

    def create(self, collection, headers=None, **fields):
        return self.request("POST", collection + "/", fields,
                            headers=headers)

    def created(self, collection, **fields):
        return object_of(self.create(collection, **fields), 201)

    def replace(self, collection, number, headers=None, **fields):
        return self.request("PUT", "%s/%s/" % (collection, number), fields,
                            headers=headers)

    def patch(self, collection, number, headers=None, **fields):
        return self.request("PATCH", "%s/%s/" % (collection, number), fields,
                            headers=headers)

    def delete(self, collection, number, headers=None):
        return self.request("DELETE", "%s/%s/" % (collection, number),
                            headers=headers)

    def deleted(self, collection, number):
        r = self.delete(collection, number)
        assert r.status_code == 204, r.text
        assert r.content == b""

    def conflicts(self, **params):
        r = self.get("sync/conflicts/", **params)
        assert r.status_code == 200, r.text
        return r.json()


def encoded(body):
    """The bytes of a body: JSON of a value, text and bytes as they are."""
    if isinstance(body, bytes):
        return body
    return (body if isinstance(body, str) else json.dumps(body)).encode()


def micros(text):
    """A time as a number of microseconds, which can be compared."""
    match = TIME.fullmatch(text)
    assert match, text
    digits = match.group(2)
    if digits is not None:
        # Fractional digits stand only where they are not zero.
        assert digits.strip("0"), text
    seconds = re.sub(r"\D", "", match.group(1))
    return int(seconds) * 10 ** 6 + int((digits or "").ljust(6, "0"))


def time_of(record):
    """The update time of a record of any of the collections."""
    for name in ("updated_at", "last_updated", "changed"):
        if name in record:
            return record[name]
    raise AssertionError("no update time: %r" % record)


def ids_of(records):
    return [r["id"] for r in records]


def by_id(records):
    """{id: record}; none may be there twice."""
    found = {r["id"]: r for r in records}
    assert len(found) == len(records)
    return found


def records_of(response):
    """The array of a 200 of a download, its headers checked."""
    assert response.status_code == 200, \
        "%d: %s" % (response.status_code, response.text[:500])
    assert response.headers["Content-Type"] == JSON_TYPE
    body = response.json()
    assert isinstance(body, list)
    assert response.headers["X-Records-Synced"] == str(len(body))
    assert response.headers["X-Sync-Strategy"] == "server-authoritative"
    assert response.headers["Cache-Control"] == "private, no-cache"
    assert re.fullmatch(r'"[^"]+"', response.headers["ETag"])
    last = micros(response.headers["X-Last-Sync"])
    for record in body:
        assert micros(time_of(record)) <= last
    return body


def object_of(response, status=200):
    """The object of a good answer about one record."""
    assert response.status_code == status, \
        "%d: %s" % (response.status_code, response.text[:500])
    assert response.headers["Content-Type"] == JSON_TYPE
    body = response.json()
    assert isinstance(body, dict)
    return body


def assert_error(response, status, body=None):
    """An error with exactly this body, or with one in the API's form."""
    assert response.status_code == status, \
        "%d: %s" % (response.status_code, response.text[:500])
    assert response.headers["Content-Type"].split(";")[0] == JSON_TYPE
    got = response.json()
    assert isinstance(got, dict) and got, got
    if body is not None:
        assert got == body
    if status == 401:
        assert response.headers["WWW-Authenticate"] == 'Bearer realm="api"'
    return got


def assert_field_error(response, field, text=None):
    """400 {"field":["..."]}, about this field alone."""
    got = assert_error(response, 400)
    assert list(got) == [field], got
    texts = got[field]
    assert isinstance(texts, list) and texts, got
    assert all(isinstance(t, str) and t for t in texts)
    if text is not None:
        assert texts == [text]


def assert_time_error(response, field, value=None):
    """400 about a time that is none, in the seed's words."""
    got = assert_error(response, 400)
    assert list(got) == [field], got
    assert got[field].startswith(INVALID_TIME), got
    if value is not None:
        assert got[field] == INVALID_TIME + \
            "time data '%s' does not match format '%%Y-%%m-%%d'" % value


def assert_stale(response, server, client, current=None):
    """409 with exactly the seed's body. What the client sent comes back as
    it was, or as the server writes that time."""
    if response.status_code == 409 and "." in client:
        if response.json()["client_version"] != client:
            client = client.rstrip("Z").rstrip("0").rstrip(".") + "Z"
    body = {
        "error_code": "STALE_UPDATE",
        "message": "Record has been modified since your last sync. "
                   "Your changes may conflict.",
        "conflict_type": "VERSION_MISMATCH",
        "server_version": server,
        "client_version": client,
        "suggested_action": "REFRESH"}
    if current is not None:
        body["current"] = current
    assert_error(response, 409, body)
