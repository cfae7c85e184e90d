"""An org and its devices, as clients of the devices API.

A Caller is a user, a device with an account, or nobody: who sends the request.
A Device is a name, and the caller that speaks for it. The functions at the end
read answers; each is checked for its form.
"""

import base64
import datetime
import hashlib
import hmac
import json
import re

import requests

from sites import DEADLINE_S, Org

JSON_TYPE = "application/json"
# A time as the server writes it: UTC, with its microseconds.
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z")
# The members of an event in a pull or a history, in the order shown there.
MEMBERS = ["id", "event_type", "payload", "timestamp", "status", "device_id",
           "user_id"]
MAY_HAVE = {"client_timestamp", "critical"}
WHEN = "2025-07-25T12:00:00Z"
REQUIRED = "Authentication required"
INVALID = "Invalid or expired token"
DENIED = "Insufficient permissions"
NOT_MINE = "device_id does not match the token"
HAS_ACCOUNT = "this device has its own token"
NOT_ME = "user_id does not match the token"

# Who sends no token acts in the org main.
SETTINGS = """\
server:
  request_timeout_s: 10
auth:
  argon2_mem_bytes: 65536
  argon2_ops: 1
  site_delay_max_s: 1
"""
TOKEN_CONFIG = SETTINGS


def open_config(**settings):
    """An open server's configuration, with further settings of devices."""
    lines = ["devices:", "  auth: open", "  org: main"]
    lines += ["  %s: %s" % item for item in settings.items()]
    return SETTINGS + "\n".join(lines) + "\n"


class Caller:
    """Who sends requests: a bearer of a token, or nobody."""

    def __init__(self, server, token=None, name=None, password=None,
                 uuid=None):
        self.server, self.kept_token = server, token
        self.name, self.password, self.uuid = name, password, uuid
        self.session, self.generation = None, -1

    @property
    def token(self):
        """The token; who has a password logs in for it, once."""
        if self.kept_token is None and self.password is not None:
            r = self.login()
            assert r.status_code == 200, r.text
            self.kept_token = r.json()["token"]
        return self.kept_token

    def again(self):
        """The same caller at another connection, for another thread."""
        return Caller(self.server, self.token, self.name, self.password,
                      self.uuid)

    def login(self, path="/api/login", **members):
        """POST /api/login; the answer, whatever it is."""
        body = {"username": self.name, "password": self.password, **members}
        return self.request("POST", path, body, token=None)

    def request(self, method, path, body=None, token="own", **kw):
        """Send a request. A value goes out as JSON, text and bytes as they
        are. `token` is another one, or None for none."""
        if self.generation != self.server.generation:
            self.session = requests.Session()
            self.session.trust_env = False
            self.generation = self.server.generation
        headers = {}
        token = self.token if token == "own" else token
        if token is not None:
            headers["Authorization"] = "Bearer " + token
        if body is not None:
            headers["Content-Type"] = JSON_TYPE
            kw["data"] = encoded(body)
        headers.update(kw.pop("headers", None) or {})
        kw.setdefault("timeout", DEADLINE_S)
        return self.session.request(method, self.server.base + path,
                                    headers=headers, **kw)

    def get(self, path, **params):
        return self.request("GET", path, params=params)

    def post(self, path, body, **kw):
        return self.request("POST", path, body, **kw)

    def push(self, body, **kw):
        return self.post("/sync/push", body, **kw)

    def pull(self, **params):
        return self.get("/sync/pull", **params)

    def ack(self, **members):
        return self.post("/sync/ack", members)

    def status(self, **params):
        return self.get("/sync/status", **params)

    def register(self, **members):
        return self.post("/device/register", members)

    def device(self, name, registered=True):
        """The device of this name, this caller speaking for it."""
        device = Device(self, name)
        if registered:
            device.registered()
        return device


class DevicesOrg:
    """A fresh org with a user who speaks for its devices, and no event."""

    def __init__(self, server, name=None):
        self.server, self.cli = server, server.cli
        self.name = name or "devices%d" % next(server.counter)
        self.org = Org(server, self.name)
        self.user = self.new_user()
        self.kept_admin = None

    @property
    def admin(self):
        if self.kept_admin is None:
            self.kept_admin = self.new_user("--admin")
        return self.kept_admin

    def new_user(self, *args):
        """A user made by the command line."""
        n = next(self.server.counter)
        name, password = "caller%d" % n, "password-of-%d" % n
        self.cli.run("user", "add", name, "--org", self.name,
                     "--uuid", "uuid-%d" % n, *args, stdin=password + "\n")
        return Caller(self.server, None, name, password, "uuid-%d" % n)

    def device(self, registered=True, caller=None):
        """A device with a name of its own."""
        name = "device-%d" % next(self.server.counter)
        return (caller or self.user).device(name, registered)

    def devices(self, count, **kw):
        return [self.device(**kw) for _ in range(count)]

    def account(self, name=None, registered=True):
        """A device with an account, which speaks for itself."""
        name = name or "till-%d" % next(self.server.counter)
        done = self.cli.run("device", "add", name, "--org", self.name)
        return Caller(self.server, done.stdout.strip()).device(
            name, registered)

    def command(self, verb, *args, **kw):
        """`tombolo device VERB ...` in this org."""
        return self.cli.run("device", verb, *args, "--org", self.name, **kw)


class Device:
    """A device's name, and who speaks for it."""

    def __init__(self, caller, name):
        self.caller, self.name = caller, name

    def again(self):
        return Device(self.caller.again(), self.name)

    def registered(self, **members):
        """Register it; what the server says of it."""
        r = self.caller.register(device_id=self.name, **members)
        assert r.status_code == 200, r.text
        return r.json()

    def event(self, event_type="stock_update", payload=None, **more):
        """An event as this device pushes it."""
        return {"event_type": event_type,
                "payload": {"qty": 5} if payload is None else payload,
                "device_id": self.name, **more}

    def push(self, *args, **more):
        """Push one event; the answer, whatever it is."""
        return self.caller.push(self.event(*args, **more))

    def pushed(self, *args, **more):
        """Push one event, and insist that it is taken; its number."""
        return event_id_of(self.push(*args, **more))

    def pushed_many(self, count, **more):
        """Push so many events in arrays; their numbers."""
        got = []
        for start in range(0, count, 1000):
            batch = [self.event(payload=n, **more)
                     for n in range(start, min(count, start + 1000))]
            r = self.caller.push(batch)
            assert r.status_code == 200, r.text
            got += [e["event_id"] for e in r.json()]
        return got

    def pull(self, **params):
        return self.caller.pull(device_id=self.name, **params)

    def pulled(self, **params):
        """The events of a pull that must succeed."""
        return events_of(self.pull(**params))

    def ack(self, *event_ids, **members):
        if event_ids:
            members["event_ids"] = list(event_ids)
        return self.caller.ack(device_id=self.name, **members)

    def acked(self, *event_ids, **members):
        """Acknowledge, and insist; how many are new, and the unknown."""
        r = self.ack(*event_ids, **members)
        assert r.status_code == 200, r.text
        body = r.json()
        assert set(body) == {"message", "acknowledged", "unknown"}, body
        assert body["message"] == "Acknowledgement received"
        return body["acknowledged"], body["unknown"]

    def status(self, **params):
        """(summary, history) of what this device sent."""
        return status_of(self.caller.status(device_id=self.name, **params))

    def state(self, number):
        """What became of one event that this device sent."""
        summary, history = self.status(limit=-1)
        assert summary["total"] == len(history)
        state, = [e["status"] for e in history if e["id"] == number]
        return state


def encoded(body):
    """The bytes of a body: JSON of a value, text and bytes as they are."""
    if isinstance(body, bytes):
        return body
    return (body if isinstance(body, str) else json.dumps(body)).encode()


def ids(events):
    return [e["id"] for e in events]


def event_id_of(response):
    """The number that a push of one event was answered with."""
    assert response.status_code == 200, \
        "%d: %s" % (response.status_code, response.text[:500])
    body = response.json()
    assert set(body) == {"message", "event_id"}, body
    assert body["message"] == "Event queued"
    assert type(body["event_id"]) is int and body["event_id"] >= 1
    return body["event_id"]


def checked(event):
    """An event in the form of a pull."""
    assert [k for k in event if k not in MAY_HAVE] == MEMBERS, event
    assert TIME.fullmatch(event["timestamp"]), event
    assert event["status"] in ("pending", "synced", "failed"), event
    assert event.get("critical", True) is True, event
    return event


def events_of(response):
    """The events of a pull, which are in the order of their arrival."""
    assert response.status_code == 200, \
        "%d: %s" % (response.status_code, response.text[:500])
    assert response.headers["Content-Type"].startswith(JSON_TYPE)
    body = response.json()
    assert list(body)[0] == "events", body
    assert set(body) <= {"events", "has_more", "next", "missed_up_to"}, body
    events = [checked(e) for e in body["events"]]
    assert ids(events) == sorted(set(ids(events)))
    times = [e["timestamp"] for e in events]
    assert times == sorted(set(times))
    return events


def status_of(response):
    """(summary, history) of an answer about what became of events."""
    assert response.status_code == 200, \
        "%d: %s" % (response.status_code, response.text[:500])
    body = response.json()
    assert list(body) == ["summary", "history"], body
    summary = body["summary"]
    assert list(summary) == ["total", "pending", "synced", "failed"]
    assert summary["total"] == sum(
        summary[k] for k in ("pending", "synced", "failed"))
    history = [checked(e) for e in body["history"]]
    assert ids(history) == sorted(set(ids(history)), reverse=True)
    return summary, history


def assert_error(response, status, text=None):
    """The API's error: exactly {"error": text}."""
    assert response.status_code == status, \
        "%d: %s" % (response.status_code, response.text[:500])
    assert response.headers["Content-Type"].startswith(JSON_TYPE)
    body = response.json()
    assert set(body) == {"error"}, body
    assert isinstance(body["error"], str) and body["error"]
    if text is not None:
        assert body["error"] == text, body
    return body["error"]


def time_of(text):
    """The instant that the server wrote."""
    assert TIME.fullmatch(text), text
    return datetime.datetime.fromisoformat(text.replace("Z", "+00:00"))


def claims_of(token):
    return json.loads(base64.urlsafe_b64decode(token.split(".")[1] + "=="))


def altered(server, token, **claims):
    """The same token with other claims, signed by the operator's key."""
    header = json.loads(base64.urlsafe_b64decode(token.split(".")[0] + "=="))
    key = (server.data / "keys" / (header["kid"] + ".key")).read_text()
    text = ".".join(base64.urlsafe_b64encode(
        json.dumps(part).encode()).rstrip(b"=").decode()
        for part in (header, {**claims_of(token), **claims}))
    mac = hmac.new(bytes.fromhex(key.strip()), text.encode(),
                   hashlib.sha256).digest()
    return text + "." + base64.urlsafe_b64encode(mac).rstrip(b"=").decode()
