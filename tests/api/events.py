"""An org and the users in it, as clients of the events API.

A Client is a user's program: it logs in once, sends the contract's requests,
and keeps a cursor when it follows the history. The functions at the end make
events and read answers. A Client is one connection, for one thread; `again`
gives another to the same user.
"""

import itertools
import json
import time

import requests

from sites import DEADLINE_S, Org

PREFIX = "/api/v1"
# The members of an event, in the order in which they are shown.
MEMBERS = ["uuid", "timestamp", "userUuid", "itemUuid", "action", "payload"]
JSON_TYPE = "application/json; charset=utf-8"
WHEN = 1678886400
AHEAD_MAX_S = 24 * 3600
MINIMAL = "return=minimal"
LENIENT = "handling=lenient"

numbers = itertools.count(1)


class EventsOrg:
    """A fresh org with an administrator; its history is empty and its list
    of rules was never put."""

    def __init__(self, server):
        self.server = server
        self.org = Org(server, "events%d" % next(server.counter))
        self.name, self.cli = self.org.name, server.cli
        self.admin = self.user(admin=True)

    def user(self, name=None, uuid=None, password=None, admin=False):
        """A new user, made by the command line."""
        n = next(self.server.counter)
        name = name or "user%d" % n
        uuid = uuid or "uuid-%d" % n
        password = password or "password-of-%d" % n
        self.cli.user_add(name, self.name, uuid, password, admin=admin)
        return Client(self.server, name, password, uuid, self)

    def users(self, count):
        return [self.user() for _ in range(count)]

    def site(self, **kw):
        return self.org.site(**kw)

    def put_rules(self, *rules):
        """Put a list of rules, and insist that it is taken."""
        r = self.admin.put_acl(*rules)
        assert r.status_code == 204, r.text
        assert r.content == b""

    def history(self):
        """What is stored, as an administrator sees it."""
        return self.admin.history()


class Client:
    """One user at one connection."""

    def __init__(self, server, name=None, password=None, uuid=None, org=None,
                 token=None):
        self.server, self.name, self.password = server, name, password
        self.uuid, self.org = uuid, org
        self.kept_token, self.cursor = token, None
        self.headers = {}
        self.session, self.generation = None, -1

    def again(self):
        """Another connection of the same user, with the same token."""
        return Client(self.server, self.name, self.password, self.uuid,
                      self.org, self.token)

    def login(self, name=None, password=None, **kw):
        """POST auth/token; the answer, whatever it is."""
        body = {"username": name or self.name,
                "password": password or self.password}
        return self.request("POST", "auth/token", body, token=None, **kw)

    @property
    def token(self):
        """The token, asked for when it is needed for the first time."""
        if self.kept_token is None:
            r = self.login()
            assert r.status_code == 200, r.text
            self.kept_token = r.json()["token"]
        return self.kept_token

    def request(self, method, path, body=None, token="own", **kw):
        """Send a request below /api/v1. A value goes out as JSON, text and
        bytes as they are. `token` is another one, or None for none."""
        if self.generation != self.server.generation:
            self.session = requests.Session()
            self.session.trust_env = False
            self.generation = self.server.generation
        headers = dict(self.headers)
        if token is not None:
            headers["Authorization"] = "Bearer " + (
                self.token if token == "own" else token)
        if body is not None:
            headers["Content-Type"] = "application/json"
            kw["data"] = encoded(body)
        headers.update(kw.pop("headers", None) or {})
        kw.setdefault("timeout", DEADLINE_S)
        return self.session.request(
            method, "%s%s/%s" % (self.server.base, PREFIX, path),
            headers=headers, **kw)

    def get(self, path="events", headers=None, **params):
        """GET; the keywords are the query."""
        return self.request("GET", path, params=params, headers=headers)

    def post(self, body, prefer=None, headers=None, **params):
        """POST events: a list, or any other value, text or bytes."""
        headers = dict(headers or {})
        if prefer:
            headers["Prefer"] = prefer
        return self.request("POST", "events",
                            "null" if body is None else body,
                            params=params, headers=headers)

    def history(self, **params):
        """The events that GET answers."""
        return events_of(self.get(**params))

    def posted(self, *batch, **kw):
        """Post, and insist that all is taken; the answer's events."""
        return events_of(self.post(list(batch), **kw))

    def stored(self, *batch, **params):
        """Post with a minimal answer; how many were new."""
        r = self.post(list(batch), MINIMAL, **params)
        assert events_of(r) == []
        return int(r.headers["X-Events-Stored"])

    def lenient(self, batch, prefer="handling=lenient, return=minimal", **kw):
        """Post what may be bad in parts; (rejected, stored)."""
        r = self.post(batch, prefer, **kw)
        assert r.status_code == 200, r.text
        body = r.json()
        assert list(body) == ["rejected", "events"]
        for e in body["rejected"]:
            assert set(e) == {"index", "eventUuid", "error"}
        assert int(r.headers["X-Events-Rejected"]) == len(body["rejected"])
        return body["rejected"], int(r.headers["X-Events-Stored"])

    def page(self, cursor=None, limit=None):
        """One answer after a cursor: (events, next cursor, starts over)."""
        params = {k: v for k, v in (("after", cursor), ("limit", limit))
                  if v is not None}
        r = self.get(**params)
        return (events_of(r), r.headers["X-Events-Cursor"],
                r.headers.get("X-Events-Resync") == "1")

    def walk(self, cursor=None, limit=None):
        """Pages until there is nothing more: (events, last cursor)."""
        got = []
        while True:
            part, cursor, resync = self.page(cursor, limit)
            if resync:
                got = []
            if not part:
                return got, cursor
            got += part

    def news(self):
        """What is new since the last call, and keep the cursor. None of it
        may start over; use `page` where it may."""
        got, self.cursor, resync = self.page(self.cursor)
        assert not resync
        return got

    def put_acl(self, *rules):
        return self.request("PUT", "acl", {"rules": list(rules)})

    def acl(self):
        r = self.get("acl")
        assert r.status_code == 200, r.text
        assert list(r.json()) == ["rules"]
        return r.json()["rules"]


def encoded(body):
    """The bytes of a body: JSON of a value, text and bytes as they are."""
    if isinstance(body, bytes):
        return body
    return (body if isinstance(body, str) else json.dumps(body)).encode()


def event(uuid=None, item="item", action="edit", timestamp=WHEN, payload="",
          **more):
    """An event, with a uuid of its own unless one is given."""
    return {"uuid": uuid or "event-%d" % next(numbers),
            "timestamp": timestamp, "itemUuid": item, "action": action,
            "payload": payload, **more}


def events(count, **kw):
    return [event(**kw) for _ in range(count)]


def rule(user="*", item="*", action="*", allow=True):
    return {"user": user, "item": item, "action": action, "allow": allow}


def shown(sent, client):
    """An event as the history shows what this client posted."""
    members = {**sent, "userUuid": client.uuid}
    return {k: members.pop(k) for k in MEMBERS} | members


def uuids(some):
    return [e["uuid"] for e in some]


def now():
    return int(time.time())


def events_of(response):
    """The array of a 200 of GET or POST events."""
    assert response.status_code == 200, \
        "%d: %s" % (response.status_code, response.text[:500])
    assert response.headers["Content-Type"] == JSON_TYPE
    body = response.json()
    assert isinstance(body, list)
    return body


def assert_error(response, status, text=None, **members):
    """The API's error: exactly {"error": text} and these members."""
    assert response.status_code == status, \
        "%d: %s" % (response.status_code, response.text[:500])
    assert response.headers["Content-Type"] == JSON_TYPE
    body = response.json()
    assert set(body) == {"error"} | set(members), body
    assert isinstance(body["error"], str) and body["error"]
    if text is not None:
        assert body["error"] == text, body
    for name, value in members.items():
        assert body[name] == value, body
    return body["error"]
