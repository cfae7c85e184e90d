"""Many devices for a while, with everything that goes wrong: connections that
break, acknowledgements that are lost, and a server that is killed. Every
device gets every critical event of the others, in order, and each is synced
in the end.

TB_DEVICES says how many devices (30), TB_DEVICE_EVENTS how many events (150),
TB_KILLS how often the server dies (2), TB_SEED picks what goes wrong. One
thread runs all clients.
"""

import collections
import json
import os
import random
import selectors
import socket
import time

import pytest

from devices import Caller, open_config
from devices_socket import BINARY, CLOSE, TEXT, frame, query
from harness import DEADLINE_S

DEVICES = min(int(os.environ.get("TB_DEVICES", "30")), 1000)
EVENTS = min(int(os.environ.get("TB_DEVICE_EVENTS", "150")), 100000)
KILLS = min(int(os.environ.get("TB_KILLS", "2")), 50)
SEED = int(os.environ.get("TB_SEED", "1"))
SENDERS = 4
AT_ONCE = 8  # events that a sender has sent and knows nothing of
REDELIVER_S = 1
# Per event that a device gets.
LOST_ACKNOWLEDGEMENT = 0.05
BROKEN_CONNECTION = 0.01
AWAY_MAX_S = 0.3
# All that can be waited for without anything that is new.
STUCK_S = 3 * DEADLINE_S


class Till:
    """A device, and its connection as long as that lasts."""

    def __init__(self, soak, number):
        self.soak, self.name = soak, "till-%03d" % number
        self.sock, self.data, self.out = None, b"", b""
        self.is_open, self.is_joined = False, False
        self.back_at = 0.0
        self.seen = []      # numbers, as they came for the first time
        self.known = set()
        self.to_send = collections.deque()
        self.asked = {}     # number of a callback: what was sent
        self.sent = {}      # client_event_id: the event's number

    # --- the connection ---

    def connect(self):
        self.sock = socket.socket()
        self.sock.setblocking(False)
        self.sock.connect_ex(("127.0.0.1", self.soak.server.port))
        self.data, self.is_open, self.is_joined = b"", False, False
        self.out = (
            "GET %s HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nConnection: Upgrade\r\n"
            "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
            "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n" % (
                query(transport="websocket"), self.soak.server.port)).encode()
        self.soak.selector.register(
            self.sock, selectors.EVENT_READ | selectors.EVENT_WRITE, self)

    def drop(self, away_s):
        """The connection breaks; what was under way is lost."""
        if self.sock is not None:
            self.soak.selector.unregister(self.sock)
            self.sock.close()
        self.sock = None
        self.back_at = time.monotonic() + away_s
        self.to_send.extendleft(self.asked.values())
        self.asked = {}

    def write(self):
        try:
            n = self.sock.send(self.out)
        except (BlockingIOError, InterruptedError):
            return
        except OSError:
            self.drop(self.soak.away())
            return
        self.out = self.out[n:]
        if not self.out:
            self.soak.selector.modify(self.sock, selectors.EVENT_READ, self)

    def send(self, text):
        if self.sock is None:
            return
        if not self.out:
            self.soak.selector.modify(
                self.sock, selectors.EVENT_READ | selectors.EVENT_WRITE, self)
        self.out += frame(TEXT, text.encode())

    def read(self):
        try:
            part = self.sock.recv(1 << 18)
        except (BlockingIOError, InterruptedError):
            return
        except OSError:
            part = b""
        if not part:
            self.drop(self.soak.away())
            return
        self.data += part
        if not self.is_open:
            head, mark, rest = self.data.partition(b"\r\n\r\n")
            if not mark:
                return
            if b" 101 " not in head.split(b"\r\n")[0]:
                self.drop(self.soak.away())
                return
            self.data, self.is_open = rest, True
        for opcode, data in self.frames():
            if opcode == CLOSE:
                self.drop(self.soak.away())
            else:
                assert opcode != BINARY
                self.packet(data.decode())
            if self.sock is None:
                return

    def frames(self):
        """The whole frames that have come; none is in pieces."""
        at, data, got = 0, self.data, []
        while len(data) - at >= 2:
            n, start = data[at + 1], at + 2
            if n >= 126:
                start += 2 if n == 126 else 8
                n = int.from_bytes(data[at + 2:start], "big")
            if len(data) < start + n:
                break
            assert data[at] & 0x80
            got.append((data[at] & 0x0f, data[start:start + n]))
            at = start + n
        self.data = data[at:]
        return got

    # --- what is said ---

    def packet(self, text):
        if text[0] == "0":
            self.send("40" + json.dumps({"device_id": self.name}))
        elif text == "2":
            self.send("3")
        elif text[:2] == "42":
            self.event(*json.loads(text[2:]))
        elif text[:2] == "43":
            at = text.index("[")
            self.answered(int(text[2:at]), json.loads(text[at:])[0])
        elif text == "1":
            self.drop(self.soak.away())
        else:
            assert text[:2] == "40", text

    def event(self, name, data):
        if name == "connected":
            self.is_joined = True
        elif name == "critical_event":
            self.take(data)
        elif name == "acknowledged":
            self.soak.moved()
        else:
            raise AssertionError("%s: %s %s" % (self.name, name, data))

    def take(self, data):
        n = data["event_id"]
        if n not in self.known:
            assert not self.seen or n > self.seen[-1], \
                "%s got %d behind %d" % (self.name, n, self.seen[-1])
            self.seen.append(n)
            self.known.add(n)
            self.soak.moved()
        if data["device_id"] == self.name:
            return
        if self.soak.happens(LOST_ACKNOWLEDGEMENT):
            return
        self.send("42" + json.dumps(["acknowledge", {
            "event_id": n, "device_id": self.name}]))
        if self.soak.happens(BROKEN_CONNECTION):
            self.drop(self.soak.away())

    # --- what it sends ---

    def go_on(self):
        """Send more, if little is under way. What is sent again is known
        by its client_event_id."""
        while self.is_joined and self.sock and self.to_send \
                and len(self.asked) < AT_ONCE:
            name = self.to_send.popleft()
            number = next(self.soak.numbers)
            self.asked[number] = name
            self.send("42%d%s" % (number, json.dumps(["critical_event", {
                "event_type": "sale", "payload": {"of": name},
                "device_id": self.name, "client_event_id": name}])))

    def answered(self, number, data):
        name = self.asked.pop(number)
        assert self.sent.setdefault(name, data["event_id"]) \
            == data["event_id"]
        self.soak.moved()


class Soak:
    """All devices, and what happens to them."""

    def __init__(self, server):
        self.server, self.rng = server, random.Random(SEED)
        self.selector = selectors.DefaultSelector()
        self.numbers = iter(range(1 << 60))
        self.is_calm = True
        self.moved_at, self.ask_at = time.monotonic(), 0.0
        self.nobody, self.pending = Caller(server), []
        self.tills = [Till(self, n) for n in range(DEVICES)]
        self.senders = self.tills[:SENDERS]

    def happens(self, probability):
        return not self.is_calm and self.rng.random() < probability

    def away(self):
        return self.rng.random() * AWAY_MAX_S

    def moved(self):
        self.moved_at = time.monotonic()

    def turn(self):
        """Let everybody do what can be done now."""
        now = time.monotonic()
        assert now - self.moved_at < STUCK_S, self.what_is_missing()
        for t in self.tills:
            if t.sock is None and t.back_at <= now:
                t.connect()
        for t in self.senders:
            t.go_on()
        for key, mask in self.selector.select(0.02):
            if mask & selectors.EVENT_WRITE and key.data.sock is key.fileobj:
                key.data.write()
            if mask & selectors.EVENT_READ and key.data.sock is key.fileobj:
                key.data.read()

    def run_until(self, condition):
        self.moved()
        while not condition():
            self.turn()

    def kill(self):
        self.server.restart(hard=True)
        self.moved()

    def answered(self):
        return sum(len(t.sent) for t in self.senders)

    def others(self, till):
        """The numbers of what the others have sent."""
        return {n for t in self.senders if t is not till
                for n in t.sent.values()}

    def have_all_seen_all(self):
        return not any(t.to_send or t.asked for t in self.senders) \
            and all(t.known >= self.others(t) for t in self.tills)

    def summaries(self):
        """Of each sender's events, from time to time."""
        now = time.monotonic()
        if now < self.ask_at:
            return []
        self.ask_at = now + 0.1
        return [self.nobody.status(device_id=t.name, limit=0)
                .json()["summary"] for t in self.senders]

    def are_all_synced(self):
        pending = [s["pending"] for s in self.summaries()]
        if pending != self.pending:
            self.pending = pending
            self.moved()
        return pending and not any(pending)

    def what_is_missing(self):
        left = {t.name: sorted(self.others(t) - t.known)[:5]
                for t in self.tills}
        return "stuck with %d of %d events, %s pending; missing: %s" % (
            self.answered(), EVENTS, self.pending,
            {k: v for k, v in left.items() if v})

    def close(self):
        for t in self.tills:
            t.drop(0)
        self.selector.close()


@pytest.fixture(scope="module")
def soaked(serve):
    return serve(open_config(redeliver_s=REDELIVER_S, window=16))


def test_every_device_gets_every_critical_event_in_order(soaked):
    print("replay with TB_SEED=%d" % SEED)
    soak = Soak(soaked)
    soak.run_until(lambda: all(t.is_joined for t in soak.tills))
    for n in range(EVENTS):
        till = soak.senders[n % SENDERS]
        till.to_send.append("%s-%d" % (till.name, n))
    soak.is_calm = False
    for k in range(1, KILLS + 1):
        soak.run_until(
            lambda: soak.answered() >= k * EVENTS // (KILLS + 1))
        soak.kill()
    soak.run_until(lambda: soak.answered() == EVENTS)
    soak.is_calm = True
    soak.run_until(soak.have_all_seen_all)
    soak.run_until(soak.are_all_synced)
    check(soak)
    soak.close()


def check(soak):
    numbers = sorted(n for t in soak.senders for n in t.sent.values())
    assert numbers == list(range(1, EVENTS + 1))
    for t in soak.tills:
        own = set(t.sent.values())
        assert [n for n in t.seen if n not in own] \
            == [n for n in numbers if n not in own], t.name
    soak.ask_at = 0
    for t, summary in zip(soak.senders, soak.summaries()):
        assert summary == {"total": len(t.sent), "pending": 0,
                           "synced": len(t.sent), "failed": 0}, t.name
