"""The events API as a part of the whole: the audit trail, the checks, the
log, and health under load."""

import re
import socket
import sqlite3
import threading

import pytest
import requests

from events import (LENIENT, MINIMAL, PREFIX, Client, EventsOrg,
                    assert_error, encoded, event, events, rule, uuids)
from harness import ADMIN_PASSWORD, CONFIG, DEADLINE_S, Server, wait_for
from test_audit import SUMMARIES_MAX, databases, rows


@pytest.fixture
def org(server):
    return EventsOrg(server)


@pytest.fixture
def user(org):
    return org.user()


def connect(server):
    s = socket.create_connection(("127.0.0.1", server.port),
                                 timeout=DEADLINE_S)
    s.settimeout(DEADLINE_S)
    return s


# --- the audit trail ---------------------------------------------------------

def assert_adds(server, count, work):
    before = rows(server.data)
    work()
    added = rows(server.data) - before
    assert count <= added <= count + SUMMARIES_MAX


def test_there_is_a_row_for_each_post(server, user):
    assert user.token
    assert_adds(server, 30, lambda: [user.stored(*events(3))
                                     for _ in range(30)])


def test_what_changes_nothing_is_added_up(server, org, user):
    batch, rules = events(3), [rule()]
    user.stored(*batch)
    org.put_rules(*rules)

    def again():
        for _ in range(20):
            assert user.stored(*batch) == 0
            assert user.stored() == 0
            org.put_rules(*rules)
    assert_adds(server, 0, again)


def test_reads_are_added_up(server, user):
    user.stored(*events(3))

    def read():
        for n in range(40):
            etag = user.get().headers["ETag"]
            user.get(headers={"If-None-Match": etag})
            user.get(limit=n + 1)
    assert_adds(server, 0, read)


def test_refusals_are_added_up(server, user):
    assert user.token

    def fail():
        for _ in range(40):
            assert user.post([{}]).status_code == 400
            assert user.get(after="x").status_code == 400
            assert user.get("acl").status_code == 401
    assert_adds(server, 0, fail)


def test_there_is_a_row_for_each_change_of_rules_and_users(server, org):
    n = next(server.counter)

    def change():
        for i in range(5):
            uuid = "audit-%d-%d" % (n, i)
            path = "admin/users/" + uuid
            org.put_rules(rule(item="item-%d" % i))
            org.admin.request("POST", "admin/users", {
                "uuid": uuid, "username": uuid, "password": "secret-pass"})
            org.admin.request("PUT", path, {"roles": ["x"]})
            org.admin.request("DELETE", path)
    assert org.admin.token
    assert_adds(server, 20, change)


def test_the_row_is_in_the_posts_commit(tmp_path):
    """After kill -9 every answered post is there and has its row."""
    s = Server(tmp_path, config=CONFIG)
    s.cli.init("main", "admin", ADMIN_PASSWORD)
    s.start()
    admin = Client(s, "admin", ADMIN_PASSWORD)
    try:
        assert admin.token
        before, batch = rows(s.data), events(25)
        for e in batch:
            admin.stored(e)
    finally:
        s.kill()
    assert rows(s.data) - before >= 25
    s.cli.audit_verify()
    s.cli.check()
    s.start()
    try:
        assert uuids(admin.history()) == uuids(batch)
    finally:
        assert s.stop() == 0


def test_the_checks_find_nothing_wrong(server, org):
    one, two = org.users(2)
    one.posted(*events(5))
    two.lenient([event(), {}, 5])
    org.put_rules()
    assert one.post([event()]).status_code == 403
    org.admin.request("DELETE", "admin/users/" + two.uuid)
    org.cli.audit_verify()
    org.cli.check()


SECRETS = ["a-shredded-payload", "an-item-shredded", "the-shredded-password"]


def test_neither_the_log_nor_the_trail_holds_contents(tmp_path):
    payload, _, password = SECRETS
    s = Server(tmp_path, config=CONFIG)
    s.cli.init("main", "admin", ADMIN_PASSWORD)
    s.start()
    try:
        token = say_secrets(s)
    finally:
        assert s.stop() == 0
    log = s.log_path.read_text()
    assert '"route":"/events"' in log
    for secret in SECRETS + [token, ADMIN_PASSWORD]:
        assert secret not in log
    trail = b"".join(trail_of(s.data))
    assert trail
    for secret in (payload, password, token):
        assert secret.encode() not in trail
    for path in databases(s.data):
        assert password.encode() not in path.read_bytes()


def say_secrets(server):
    """Requests with each of them, good and bad; the token."""
    payload, item, password = SECRETS
    admin = Client(server, "admin", ADMIN_PASSWORD)
    body = {"uuid": "u", "username": "uuu", "password": password}
    assert admin.request("POST", "admin/users", body).status_code == 201
    user = Client(server, "uuu", password)
    user.posted(event(item=item, payload=payload))
    user.post([event(item=item, payload=payload), {"payload": payload}],
              LENIENT)
    assert user.post([{"payload": payload}]).status_code == 400
    assert user.login(password=password + "x").status_code == 401
    server.wait_logged(user.get())
    return user.token


def trail_of(data):
    for path in databases(data):
        db = sqlite3.connect("file:%s?mode=ro" % path, uri=True)
        names = {r[0] for r in db.execute(
            "select name from sqlite_master where type = 'table'")}
        for table in {"audit"} & names:
            for row in db.execute("select * from " + table):
                for value in row:
                    yield value if isinstance(value, bytes) \
                        else str(value).encode()
        db.close()


def test_a_request_is_one_line_in_the_log(server, user):
    answers = [user.get(), user.post(events(1), MINIMAL), user.post([{}]),
               user.get(after="x"), user.get("acl"), user.login(),
               user.get("health")]
    for r in answers:
        lines = server.wait_logged(r)
        assert len(lines) == 1
        assert lines[0]["status"] == r.status_code


def test_a_batch_that_lost_its_answer_has_one_effect(server, org, user):
    """The answer is reset away; the client posts again."""
    batch = events(5)
    body = encoded(batch)
    head = ("POST %s/events HTTP/1.1\r\nHost: 127.0.0.1:%d\r\n"
            "Authorization: Bearer %s\r\nContent-Type: application/json\r\n"
            "Content-Length: %d\r\n\r\n" % (PREFIX, server.port, user.token,
                                            len(body)))
    for _ in range(3):
        server.lose(head.encode() + body)
    assert user.stored(*batch) == 0
    assert uuids(org.history()) == uuids(batch)


def test_one_cut_in_the_middle_stores_nothing(server, org, user):
    body = encoded(events(5))
    head = ("POST %s/events HTTP/1.1\r\nHost: 127.0.0.1:%d\r\n"
            "Authorization: Bearer %s\r\nContent-Type: application/json\r\n"
            "Content-Length: %d\r\n\r\n" % (PREFIX, server.port, user.token,
                                            len(body) + 2)).encode()
    for cut in (0, 1, len(body) // 2, len(body)):
        with connect(server) as s:
            s.sendall(head + body[:cut])
    assert org.history() == []


def test_sites_and_events_live_in_one_org(org, user):
    site = org.site()
    site.pushed(site.invoice("x"))
    e = event("x", item="x")
    user.posted(e)
    assert uuids(user.history()) == ["x"]
    site.drain()
    org.cli.check()


# --- health ------------------------------------------------------------------

def health(server, **kw):
    r = requests.get(server.base + PREFIX + "/health", timeout=DEADLINE_S,
                     **kw)
    assert r.status_code == 200, r.text
    body = r.json()
    assert list(body) == ["status", "timestamp", "version", "uptime"]
    assert body["status"] == "healthy"
    assert re.fullmatch(r"\d{4}(-\d\d){2}T\d\d(:\d\d){2}Z",
                        body["timestamp"])
    return body


@pytest.mark.parametrize("header", [None, "Bearer x.y.z", "Basic eDp5",
                                    "nonsense"])
def test_health_asks_nobody_who_they_are(server, header):
    health(server, headers={"Authorization": header} if header else {})


def test_health_tells_the_time_since_the_start(tmp_path):
    s = Server(tmp_path, config=CONFIG)
    s.cli.init("main", "admin", ADMIN_PASSWORD)
    s.start()
    try:
        first = health(s)["uptime"]
        assert 0 <= first < DEADLINE_S
        assert health(s)["uptime"] >= first
    finally:
        assert s.stop() == 0


def test_health_is_the_same_for_head(server):
    r = requests.head(server.base + PREFIX + "/health", timeout=DEADLINE_S)
    assert (r.status_code, r.content) == (200, b"")


@pytest.fixture
def busy(tmp_path):
    """A server with two workers and little room, whose passwords take
    long."""
    s = Server(tmp_path, config="""\
server:
  workers: 2
  queue_max: 4
auth:
  argon2_ops: 8
  failures_max: 1000
  address_failures_max: 1000000
""")
    s.cli.init("main", "admin", ADMIN_PASSWORD)
    s.start()
    yield s
    assert s.stop() == 0


def test_health_answers_when_all_workers_are_busy(busy):
    """Logins until one is turned away: so there is no room any more, and
    health answers all the same, again and again."""
    full, stop = threading.Event(), threading.Event()

    def login():
        client = Client(busy, "admin", "wrong-" + ADMIN_PASSWORD)
        while not stop.is_set():
            r = client.login()
            if r.status_code == 503:
                assert_error(r, 503)
                assert int(r.headers["Retry-After"]) >= 1
                full.set()
    threads = [threading.Thread(target=login) for _ in range(24)]
    for t in threads:
        t.start()
    try:
        assert full.wait(DEADLINE_S), "there was always room"
        for _ in range(30):
            health(busy)
    finally:
        stop.set()
        for t in threads:
            t.join()


def test_health_answers_beside_requests_that_never_end(busy):
    """Half-sent posts, and readers who do not read."""
    admin = Client(busy, "admin", ADMIN_PASSWORD)
    admin.stored(*[event(payload="x" * 2000) for _ in range(4000)])
    lines = ("Host: 127.0.0.1:%d\r\nAuthorization: Bearer %s\r\n" % (
        busy.port, admin.token))
    half = ("POST %s/events HTTP/1.1\r\n%sContent-Type: application/json\r\n"
            "Content-Length: 1000\r\n\r\n[" % (PREFIX, lines))
    reader = "GET %s/events HTTP/1.1\r\n%s\r\n" % (PREFIX, lines)
    socks = [connect(busy) for _ in range(120)]
    try:
        for n, s in enumerate(socks):
            s.sendall((half if n % 2 else reader).encode())
        for s in socks[::2]:
            assert s.recv(1)
        for _ in range(20):
            health(busy)
        wait_for(lambda: admin.get(limit=1).status_code == 200,
                 "room beside those who do not read")
    finally:
        for s in socks:
            s.close()
