"""Engine.IO 4 and Socket.IO 5 by hand, so that tests can break every rule.

A Polling or a WebSocket is one Engine.IO session over one transport: `send`
takes packets (text, or bytes for binary ones), `receive` gives the next. A
Socket speaks Socket.IO over either. Whatever waits has a deadline; a session
that the server ended raises Closed.
"""

import base64
import hashlib
import http.client
import itertools
import json
import os
import re
import socket
import struct
import time

from sites import DEADLINE_S

PATH = "/socket.io/"
# A session that nobody answers for ends later than this.
ENDS_WITHIN_S = 20
SEPARATOR = "\x1e"
CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG = 0, 1, 2, 8, 9, 10
GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
OPEN_KEYS = {"sid", "upgrades", "pingInterval", "pingTimeout", "maxPayload"}
PACKET = re.compile(r"([0-6])(?:(\d+)-)?(?:(/[^,]*),)?(\d+)?(.*)", re.DOTALL)
(CONNECT, DISCONNECT, EVENT, ACK, CONNECT_ERROR, BINARY_EVENT,
 BINARY_ACK) = "0123456"


class Closed(Exception):
    """The server ended the session; `code` is the WebSocket's, or the
    status of the poll that found out."""

    def __init__(self, code=None):
        super().__init__("closed with %s" % code)
        self.code = code


class Refused(Exception):
    """The server did not switch protocols; `answer` says why."""

    def __init__(self, answer):
        super().__init__("%d: %r" % (answer.status, answer.content[:300]))
        self.answer = answer
        self.status = answer.status


class ConnectError(Exception):
    """CONNECT_ERROR; `message` is the server's."""

    def __init__(self, data):
        super().__init__(data.get("message"))
        self.data, self.message = data, data.get("message")


# --- HTTP --------------------------------------------------------------------

def query(**more):
    """The path of a request of Engine.IO; None leaves a part out."""
    parts = {"EIO": "4", "transport": "polling", **more}
    return PATH + "?" + "&".join(
        "%s=%s" % item for item in parts.items() if item[1] is not None)


def http_request(server, method, path, body=None, headers=None, conn=None):
    """One request; its answer with `status`, `headers` and `content`."""
    c = conn or http.client.HTTPConnection("127.0.0.1", server.port,
                                           timeout=DEADLINE_S)
    try:
        c.request(method, path, body, headers or {})
        r = c.getresponse()
        r.content = r.read()
        return r
    finally:
        if conn is None:
            c.close()


def opened(text):
    """What an open packet says."""
    assert text[:1] == "0", text
    said = json.loads(text[1:])
    assert set(said) == OPEN_KEYS, said
    return said


class Polling:
    """A session over polling: a connection for GET, another for POST."""

    def __init__(self, server, headers=None):
        self.server, self.headers = server, dict(headers or {})
        self.getter = self.connection()
        self.poster = self.connection()
        self.packets = []
        r = http_request(server, "GET", query(), headers=self.headers,
                         conn=self.getter)
        if r.status != 200:
            raise Refused(r)
        assert r.headers["Content-Type"].lower() == \
            "text/plain; charset=utf-8", r.headers
        self.open = opened(r.content.decode())
        self.sid = self.open["sid"]

    def connection(self):
        return http.client.HTTPConnection("127.0.0.1", self.server.port,
                                          timeout=DEADLINE_S)

    def get(self, conn=None):
        """One poll; the answer, whatever it is."""
        return http_request(self.server, "GET", query(sid=self.sid),
                            headers=self.headers, conn=conn or self.getter)

    def post(self, body, conn=None, **headers):
        """One POST of bytes or text; the answer, whatever it is."""
        if isinstance(body, str):
            body = body.encode()
        headers = {"Content-Type": "text/plain;charset=UTF-8",
                   **self.headers,
                   **{k.replace("_", "-"): v for k, v in headers.items()}}
        return http_request(self.server, "POST", query(sid=self.sid), body,
                            headers, conn=conn or self.poster)

    def send(self, *packets):
        r = self.post(payload(*packets))
        if r.status != 200:
            raise Closed(r.status)
        assert r.content == b"ok", r.content

    def receive(self):
        while not self.packets:
            r = self.get()
            if r.status != 200:
                raise Closed(r.status)
            for part in r.content.decode().split(SEPARATOR):
                self.packets.append(base64.b64decode(part[1:], validate=True)
                                    if part[:1] == "b" else part)
        # What stands before the end is read before it.
        if self.packets[0] == "1":
            raise Closed(1)
        return self.packets.pop(0)

    def poll_later(self):
        """Send a poll and leave it; the connection that has its answer."""
        conn = self.connection()
        conn.request("GET", query(sid=self.sid), headers=self.headers)
        return conn

    def upgrade(self):
        """Go over to WebSocket, which is given back. A poll is under way,
        as a client's mostly is, and the server must end it."""
        waiting = self.poll_later()
        ws = WebSocket(self.server, sid=self.sid, headers=self.headers)
        ws.send("2probe")
        got = ws.receive()
        assert got == "3probe", got
        r = waiting.getresponse()
        assert r.status == 200, r.status
        left = r.read().decode().split(SEPARATOR)
        waiting.close()
        ws.send("5")
        ws.pending = self.packets + [p for p in left if p != "6"]
        return ws

    def close(self):
        """End the session, if it has not ended, as a client does."""
        try:
            self.post("1")
        except (OSError, http.client.HTTPException):
            pass  # The server is gone.
        self.getter.close()
        self.poster.close()


def payload(*packets):
    """The body that holds these packets."""
    return SEPARATOR.join(
        p if isinstance(p, str) else "b" + base64.b64encode(p).decode()
        for p in packets)


# --- WebSocket ---------------------------------------------------------------

def masked(data, key):
    if not data:
        return b""
    wide = (key * (len(data) // 4 + 1))[:len(data)]
    return (int.from_bytes(data, "big")
            ^ int.from_bytes(wide, "big")).to_bytes(len(data), "big")


def frame(opcode, data=b"", fin=True, mask=True, rsv=0, length=None):
    """The bytes of a frame as a client sends it. `length` is what the head
    says, where that is a lie."""
    n = len(data) if length is None else length
    head = bytes([(0x80 if fin else 0) | rsv << 4 | opcode])
    bit = 0x80 if mask else 0
    if n < 126:
        head += bytes([bit | n])
    elif n < 1 << 16:
        head += struct.pack(">BH", bit | 126, n)
    else:
        head += struct.pack(">BQ", bit | 127, n)
    if not mask:
        return head + data
    key = os.urandom(4)
    return head + key + masked(data, key)


class WebSocket:
    """A session over WebSocket, or the upgrade of one (with its sid)."""

    def __init__(self, server, sid=None, headers=None, path=None,
                 buffer_bytes=None):
        self.server, self.pending, self.data = server, [], b""
        self.parts, self.opcode, self.code = [], None, None
        self.key = base64.b64encode(os.urandom(16)).decode()
        path = path or query(transport="websocket", sid=sid)
        lines = {"Host": "127.0.0.1:%d" % server.port,
                 "Connection": "Upgrade", "Upgrade": "websocket",
                 "Sec-WebSocket-Version": "13",
                 "Sec-WebSocket-Key": self.key, **(headers or {})}
        head = "GET %s HTTP/1.1\r\n" % path + "".join(
            "%s: %s\r\n" % item for item in lines.items()
            if item[1] is not None) + "\r\n"
        self.sock = socket.socket()
        if buffer_bytes:
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF,
                                 buffer_bytes)
        self.sock.settimeout(DEADLINE_S)
        self.sock.connect(("127.0.0.1", server.port))
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.sock.sendall(head.encode("latin-1"))
        self.response = http.client.HTTPResponse(self.sock)
        self.head = self.shake_hands()
        self.open = None
        if sid is None:
            self.open = opened(self.receive())
            self.sid = self.open["sid"]

    def shake_hands(self):
        """Read the answer's head, byte by byte so that no frame is lost."""
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            part = self.sock.recv(1)
            if not part:
                raise Closed()
            head += part
        first, *lines = head.decode("latin-1").strip().split("\r\n")
        headers = {k.lower(): v for k, v in
                   (x.split(": ", 1) for x in lines)}
        if first.split()[1] != "101":
            raise Refused(self.rest_of(int(first.split()[1]), headers))
        digest = hashlib.sha1((self.key + GUID).encode()).digest()
        assert headers["sec-websocket-accept"] == \
            base64.b64encode(digest).decode()
        assert headers["upgrade"].lower() == "websocket"
        assert "upgrade" in headers["connection"].lower()
        return headers

    def rest_of(self, status, headers):
        answer = http.client.HTTPMessage()
        for item in headers.items():
            answer[item[0]] = item[1]
        body, left = b"", int(headers.get("content-length", 0))
        while len(body) < left:
            part = self.sock.recv(left - len(body))
            if not part:
                break
            body += part
        self.sock.close()
        return Answer(status, answer, body)

    def send_raw(self, data):
        self.sock.sendall(data)

    def send(self, *packets):
        for p in packets:
            data = p.encode() if isinstance(p, str) else p
            try:
                self.send_raw(frame(TEXT if isinstance(p, str) else BINARY,
                                    data))
            except (BrokenPipeError, ConnectionResetError) as e:
                raise Closed() from e

    def exactly(self, count):
        while len(self.data) < count:
            try:
                part = self.sock.recv(65536)
            except ConnectionResetError:
                part = b""
            if not part:
                raise Closed(self.code)
            self.data += part
        got, self.data = self.data[:count], self.data[count:]
        return got

    def frame(self):
        """The next frame: (is the last of its message, opcode, data)."""
        a, b = self.exactly(2)
        assert not a & 0x70, "reserved bits in a frame of the server"
        assert not b & 0x80, "a server masks nothing"
        n = b & 0x7f
        if n == 126:
            n = struct.unpack(">H", self.exactly(2))[0]
        elif n == 127:
            n = struct.unpack(">Q", self.exactly(8))[0]
        return bool(a & 0x80), a & 0x0f, self.exactly(n)

    def receive(self):
        """The next message; pings are answered, other control frames and
        their codes noted."""
        if self.pending:
            return self.pending.pop(0)
        while True:
            fin, opcode, data = self.frame()
            if opcode == CLOSE:
                self.code = struct.unpack(">H", data[:2])[0] if data \
                    else 1005
                raise Closed(self.code)
            if opcode == PING:
                self.send_raw(frame(PONG, data))
            if opcode >= CLOSE:
                continue
            self.opcode = opcode or self.opcode
            self.parts.append(data)
            if fin:
                whole, self.parts = b"".join(self.parts), []
                return whole.decode() if self.opcode == TEXT else whole

    def close(self):
        self.sock.close()


class Answer:
    """A response to a WebSocket's handshake that is not 101."""

    def __init__(self, status, headers, content):
        self.status, self.headers, self.content = status, headers, content


# --- Socket.IO ---------------------------------------------------------------

class Socket:
    """Socket.IO over a session, in the namespace "/". What is read on the
    way to something else waits in `events` as (name, arguments)."""

    def __init__(self, engine):
        self.engine, self.events, self.acks = engine, [], {}
        self.numbers = itertools.count()
        self.sid = None
        self.device = None

    def join(self, auth=None):
        """CONNECT, and the greeting behind it; itself."""
        self.engine.send("40" + ("" if auth is None else json.dumps(auth)))
        kind, _, data = self.packet()
        if kind == CONNECT_ERROR:
            raise ConnectError(data)
        assert kind == CONNECT, (kind, data)
        assert set(data) == {"sid"}, data
        self.sid = data["sid"]
        name, args = self.next()
        assert (name, args) == (
            "connected", [{"message": "Connected to sync server"}])
        self.device = (auth or {}).get("device_id")
        return self

    def packet(self):
        """The next packet: (kind, acknowledgement's number, data)."""
        end = time.monotonic() + DEADLINE_S
        while True:
            text = self.engine.receive()
            if text == "2":
                self.engine.send("3")
            elif text != "6":
                break
            assert time.monotonic() < end, "nothing came but pings"
        assert isinstance(text, str) and text[:1] == "4", text
        kind, count, namespace, number, data = \
            PACKET.fullmatch(text[1:]).groups()
        assert namespace is None, text
        data = json.loads(data) if data else None
        parts = [self.engine.receive() for _ in range(int(count or 0))]
        assert all(isinstance(p, bytes) for p in parts), parts
        return kind, number, filled(data, parts) if count else data

    def read(self):
        """Take in one packet, be it an event or an acknowledgement."""
        kind, number, data = self.packet()
        if kind in (EVENT, BINARY_EVENT):
            self.events.append((data[0], data[1:]))
        elif kind in (ACK, BINARY_ACK):
            assert int(number) not in self.acks, "acknowledged twice"
            self.acks[int(number)] = data
        elif kind == DISCONNECT:
            raise Closed("disconnected")
        else:
            raise AssertionError((kind, number, data))

    def next(self):
        """The next event: (name, arguments)."""
        while not self.events:
            self.read()
        return self.events.pop(0)

    def take(self, name, accept=lambda data: True):
        """The argument of the next event of this name."""
        looked = 0
        while True:
            for at in range(looked, len(self.events)):
                if self.events[at][0] == name \
                        and accept(self.events[at][1][0]):
                    args = self.events.pop(at)[1]
                    assert len(args) == 1, args
                    return args[0]
            looked = len(self.events)
            self.read()

    def takes(self, name, count):
        return [self.take(name) for _ in range(count)]

    def emit(self, name, *args):
        self.engine.send("42" + json.dumps([name, *args]))

    def start(self, name, *args):
        """Emit with a callback; its number, for `answer`."""
        number = next(self.numbers)
        self.engine.send("42%d%s" % (number, json.dumps([name, *args])))
        return number

    def answer(self, number):
        """What the callback got; one argument."""
        while number not in self.acks:
            self.read()
        args = self.acks.pop(number)
        assert len(args) == 1, args
        return args[0]

    def call(self, name, *args):
        """Emit with a callback, and what that got."""
        return self.answer(self.start(name, *args))

    def error_of(self, name, *args):
        """Emit what must fail; the text of the error event."""
        self.emit(name, *args)
        return self.error()

    def error(self):
        data = self.take("error")
        assert set(data) == {"error"} and isinstance(data["error"], str)
        return data["error"]

    def pending(self, name):
        """The arguments of events that were read and not taken."""
        return [args[0] for n, args in self.events if n == name]

    def settle(self):
        """Ask for an answer, behind which all lies that was sent before."""
        return self.call("heartbeat", {"device_id": self.device})

    def critical(self, payload=None, event_type="stock_update", device=None,
                 **more):
        """Send a critical event, and insist; its number."""
        got = self.call("critical_event", {
            "event_type": event_type, "payload": payload,
            "device_id": device or self.device, **more})
        assert set(got) == {"event_id"}, got
        return got["event_id"]

    def acknowledge(self, *numbers):
        """Acknowledge events, and wait until each is."""
        for n in numbers:
            self.emit("acknowledge",
                      {"event_id": n, "device_id": self.device})
            got = self.take("acknowledged")
            assert got == {"message": "Acknowledgement received",
                           "event_id": n}

    def ended(self):
        """Read until the server ends it; how (see Closed)."""
        end = time.monotonic() + ENDS_WITHIN_S
        try:
            while True:
                self.read()
                assert time.monotonic() < end, "it has not ended"
        except Closed as e:
            return e.code

    def close(self):
        self.engine.close()


def ending(engine):
    """Read a session to its end, which must come before it would for want
    of a pong; (what came before, how it ended)."""
    got, end = [], time.monotonic() + ENDS_WITHIN_S
    try:
        while True:
            got.append(engine.receive())
            assert time.monotonic() < end, "it has not ended"
    except Closed as e:
        return got, e.code


def filled(data, parts):
    """Data with its attachments in the place of their placeholders."""
    if isinstance(data, list):
        return [filled(x, parts) for x in data]
    if isinstance(data, dict):
        if data.get("_placeholder") is True:
            return parts[data["num"]]
        return {k: filled(v, parts) for k, v in data.items()}
    return data


def auth_of(device=None, caller=None):
    """The handshake's auth of a device, or of a caller that names none."""
    caller = caller or (device.caller if device else None)
    auth = {}
    if caller is not None and caller.token is not None:
        auth["token"] = caller.token
    if device is not None:
        auth["device_id"] = device.name
    return auth


def join(server, device=None, caller=None, transport=WebSocket, **kw):
    """A joined Socket of a device, of a caller without one, or of nobody."""
    return Socket(transport(server, **kw)).join(auth_of(device, caller))
