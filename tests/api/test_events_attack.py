"""What an enemy tries who has an account, or had one."""

import json
import socket

import pytest

from events import (MINIMAL, PREFIX, EventsOrg, assert_error, encoded, event,
                    rule, uuids)
from harness import (ADMIN_PASSWORD, CONFIG, DEADLINE_S, Server, receive_all,
                     wait_for)


@pytest.fixture
def org(server):
    return EventsOrg(server)


class Slow:
    """A request whose body stays away until `end`: its head is there, and
    the first byte of its body."""

    def __init__(self, client, method, path, body):
        self.body = encoded(body)
        head = ("%s %s/%s HTTP/1.1\r\nHost: here\r\n"
                "Authorization: Bearer %s\r\nConnection: close\r\n"
                "Content-Type: application/json\r\nExpect: 100-continue\r\n"
                "Content-Length: %d\r\n\r\n"
                % (method, PREFIX, path, client.token, len(self.body)))
        self.socket = socket.create_connection(
            ("127.0.0.1", client.server.port), timeout=DEADLINE_S)
        self.socket.sendall(head.encode())
        # Asked to go on: the caller was admitted.
        assert self.socket.recv(4096).startswith(b"HTTP/1.1 100 ")

    def end(self):
        """The status, and the body."""
        with self.socket:
            self.socket.sendall(self.body)
            answer = receive_all(self.socket)
        head, _, body = answer.partition(b"\r\n\r\n")
        return int(head.split()[1]), body


def change(org, client, **members):
    r = org.admin.request("PUT", "admin/users/" + client.uuid, members)
    assert r.status_code == 204, r.text


REQUESTS = {
    "rules": ("PUT", "acl", {"rules": [rule()]}),
    "new user": ("POST", "admin/users", {
        "uuid": "mole", "username": "mole", "password": "mole-mole",
        "isAdmin": True}),
    "change": ("PUT", "admin/users/mole", {"isAdmin": True}),
}


@pytest.mark.parametrize("request_name", REQUESTS)
@pytest.mark.parametrize("members", [{"isAdmin": False}, {"disabled": True},
                                     {"new_password": "another-password"}])
def test_a_request_begun_as_administrator_ends_with_being_one(
        org, request_name, members):
    other = org.user(admin=True)
    slow = Slow(other, *REQUESTS[request_name])
    change(org, other, **members)
    status, body = slow.end()
    assert status == 401, body
    assert org.admin.acl() == []
    assert org.admin.get("admin/users/mole").status_code == 404


def test_a_post_begun_as_administrator_answers_what_the_user_may_see(org):
    other = org.user(admin=True)
    org.put_rules(rule(user="somebody"))
    org.admin.posted(event(item="secret"))
    slow = Slow(other, "POST", "events", "[  ]")
    change(org, other, isAdmin=False)
    status, body = slow.end()
    assert status == 200
    assert b"secret" not in body


def test_a_post_begun_before_its_user_was_disabled_stores_nothing(org):
    user = org.user()
    slow = Slow(user, "POST", "events", [event()])
    change(org, user, disabled=True)
    assert slow.end()[0] == 401
    assert org.history() == []


def test_a_change_that_is_not_about_them_lets_slow_users_go_on(org):
    user, other = org.users(2)
    slow = Slow(user, "POST", "events", [event("slow")])
    change(org, other, disabled=True)
    assert slow.end()[0] == 200
    assert uuids(org.history()) == ["slow"]


def test_a_uuid_sent_often_is_compared_with_a_large_event_once(org):
    """Each comparison on its own would take the store's only writer a while,
    and more memory than a commit may have."""
    user = org.user()
    user.stored(event("large", parts=[[0]] * 300000))
    small = event("large")
    rejected, stored = user.lenient([small] * 5000)
    assert stored == 0
    assert {e["error"] for e in rejected} == {"Event already exists"}
    assert [e["index"] for e in rejected] == list(range(5000))


def test_an_event_of_too_many_values_to_compare_is_known_by_its_bytes(org):
    user = org.user()
    text = json.dumps([event("large", parts=0)])
    text = text.replace(': 0}', ": [0%s]}" % (4100000 * ",0"))
    for stored in ["1", "0"]:
        r = user.post(text, MINIMAL)
        assert r.status_code == 200, r.text
        assert r.headers["X-Events-Stored"] == stored
    r = user.post([event("large")])
    assert_error(r, 409, "Event already exists", eventUuid="large")


MIB = 1 << 20


@pytest.fixture
def small_server(tmp_path):
    """A server that may hold 16 MiB of bodies and answers."""
    config = CONFIG.replace("server:\n", "server:\n  memory_max_bytes: %d\n"
                            "  body_max_bytes: %d\n" % (16 * MIB, 4 * MIB))
    s = Server(tmp_path, config=config)
    s.cli.init("main", "admin", ADMIN_PASSWORD)
    s.start()
    yield s
    assert s.stop() == 0, s.log_path.read_text()[-4000:]


@pytest.mark.parametrize("query", ["", "?limit=1", "?fromTimestamp=1",
                                   "?after=%s-2"])
def test_readers_of_large_events_hold_no_more_than_the_servers_memory(
        small_server, query):
    """Who reads nothing of an event of 3 MiB keeps it in memory."""
    user = EventsOrg(small_server).user()
    for _ in range(3):
        user.stored(event(payload="x" * (3 * MIB)))
    epoch = user.get(limit=1).headers["X-Events-Cursor"].split("-")[0]
    head = ("GET %s/events%s HTTP/1.1\r\nHost: here\r\n"
            "Authorization: Bearer %s\r\n\r\n" % (
                PREFIX, query.replace("%s", epoch), user.token)).encode()
    readers, answers = [], []
    for _ in range(12):
        reader = socket.socket()
        reader.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        reader.settimeout(DEADLINE_S)
        reader.connect(("127.0.0.1", small_server.port))
        reader.sendall(head)
        answers.append(reader.recv(12))
        readers.append(reader)
    for reader in readers:
        reader.close()
    assert 1 <= answers.count(b"HTTP/1.1 200") <= 5
    assert set(answers) == {b"HTTP/1.1 200", b"HTTP/1.1 503"}
    # Who goes away gives it back.
    wait_for(lambda: user.get(limit=1).status_code == 200, "room for an answer")
