"""Clients of Engine.IO and Socket.IO by hand, so that they can do wrong.

Frames are built and read here byte by byte, over plain sockets; polling goes
through http.client. Every read has a deadline.
"""

import base64
import hashlib
import http.client
import json
import os
import re
import signal
import socket
import struct
import subprocess
import threading
import time

PROGRAM = os.environ.get("TB_REALTIME_TEST_SERVER")
DEADLINE_S = 30
SEPARATOR = "\x1e"
TEXT, BINARY, CLOSE, PING, PONG, CONTINUATION = 1, 2, 8, 9, 10, 0


def wait_for(condition, what):
    end = time.monotonic() + DEADLINE_S
    while True:
        value = condition()
        if value:
            return value
        assert time.monotonic() < end, "waited for " + what
        time.sleep(0.005)


class Server:
    """The test server with options as name=value; what it prints is kept."""

    def __init__(self, **options):
        args = ["%s=%s" % x for x in options.items()]
        self.process = subprocess.Popen([PROGRAM, "port=0"] + args, text=True,
                                        stdout=subprocess.PIPE)
        first = self.process.stdout.readline().split()
        assert first[:1] == ["port"], first
        self.port = int(first[1])
        self.lines = []
        self.reader = threading.Thread(target=self.read, daemon=True)
        self.reader.start()

    def read(self):
        for line in self.process.stdout:
            self.lines.append(line.strip())

    def gone(self, reason):
        return self.lines.count("gone " + reason)

    def stats(self):
        return json.loads(get(self, "/socket.io/stats").body)

    def broadcast(self, n, size=1, tag=0):
        path = "/socket.io/broadcast?n=%d&bytes=%d&tag=%d" % (n, size, tag)
        assert get(self, path).status == 204

    def memory_kib(self, name):
        with open("/proc/%d/status" % self.process.pid) as f:
            return int(re.search(name + r":\s+(\d+)", f.read()).group(1))

    def rss_kib(self):
        return self.memory_kib("VmRSS")

    def is_instrumented(self):
        """By a sanitizer, which maps terabytes of shadows."""
        return self.memory_kib("VmSize") > 1 << 30

    def signal(self, number):
        self.process.send_signal(number)

    def stop(self):
        """TERM; all clients must be gone, and nothing may have leaked."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        code = self.process.wait(DEADLINE_S)
        self.reader.join(DEADLINE_S)
        assert code == 0
        assert self.lines[-1] == "stopped 0"


# --- polling -----------------------------------------------------------------

class Answer:
    def __init__(self, status, headers, body):
        self.status, self.headers, self.body = status, headers, body

    def json(self):
        return json.loads(self.body)

    def packets(self):
        return self.body.decode().split(SEPARATOR)


def request(server, method, path, body=None, headers=()):
    c = http.client.HTTPConnection("127.0.0.1", server.port,
                                   timeout=DEADLINE_S)
    try:
        c.request(method, path, body, dict(headers))
        r = c.getresponse()
        return Answer(r.status, r.headers, r.read())
    finally:
        c.close()


def get(server, path, headers=()):
    return request(server, "GET", path, headers=headers)


def query(sid=None, transport="polling", path="/socket.io/"):
    rest = "&sid=" + sid if sid is not None else ""
    return "%s?EIO=4&transport=%s%s" % (path, transport, rest)


class Polling:
    """A session by polling. Packets come one at a time."""

    def __init__(self, server, sid=None):
        self.server, self.waiting, self.sid = server, [], sid
        if sid is None:
            self.opened = get(server, query())
            assert self.opened.status == 200, self.opened.body
            assert self.opened.body[:1] == b"0"
            self.sid = json.loads(self.opened.body[1:])["sid"]

    def poll(self):
        return get(self.server, query(self.sid))

    def post(self, body):
        if isinstance(body, str):
            body = body.encode()
        return request(self.server, "POST", query(self.sid), body,
                       {"Content-Type": "text/plain;charset=UTF-8"})

    def send(self, *packets):
        answer = self.post(SEPARATOR.join(packets))
        assert (answer.status, answer.body) == (200, b"ok"), answer.body

    def packet(self):
        """The next packet that is no ping, which is answered, nor a noop."""
        while True:
            while not self.waiting:
                answer = self.poll()
                assert answer.status == 200, answer.body
                self.waiting = answer.packets()
            packet = self.waiting.pop(0)
            if packet == "2":
                self.send("3")
            elif packet != "6":
                return packet

    def message(self):
        packet = self.packet()
        if packet[:1] == "b":
            return base64.b64decode(packet[1:])
        assert packet[:1] == "4", packet
        return packet[1:]

    def say(self, *messages):
        self.send(*["b" + base64.b64encode(m).decode()
                    if isinstance(m, bytes) else "4" + m for m in messages])


# --- WebSockets --------------------------------------------------------------

KEY = "dGhlIHNhbXBsZSBub25jZQ=="
HEADERS = {"Host": "127.0.0.1", "Upgrade": "websocket",
           "Connection": "Upgrade", "Sec-WebSocket-Version": "13",
           "Sec-WebSocket-Key": KEY}


def accept_of(key):
    guid = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
    digest = hashlib.sha1((key + guid).encode()).digest()
    return base64.b64encode(digest).decode()


def frame(opcode, payload=b"", fin=True, rsv=0, mask=b"\x11\x22\x33\x44",
          length=None):
    """The bytes of a frame; `length` is the pair (7 bits, bytes behind)."""
    if isinstance(payload, str):
        payload = payload.encode()
    n = len(payload)
    if length is None:
        length = ((n, b"") if n < 126 else (126, struct.pack(">H", n))
                  if n < 65536 else (127, struct.pack(">Q", n)))
    head = bytes([fin << 7 | rsv << 4 | opcode,
                  (mask is not None) << 7 | length[0]]) + length[1]
    if mask is None:
        return head + payload
    key = (mask * (n // 4 + 1))[:n]
    masked = int.from_bytes(payload, "big") ^ int.from_bytes(key, "big")
    return head + mask + masked.to_bytes(n, "big")


class Closed(Exception):
    """The connection ended; `code` is that of a close frame, or None."""

    def __init__(self, code=None):
        super().__init__(code)
        self.code = code


class WebSocket:
    def __init__(self, server, path=None, headers=HEADERS, early=b"",
                 receive_bytes=None):
        self.sock = socket.socket()
        if receive_bytes is not None:
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF,
                                 receive_bytes)
        self.sock.settimeout(DEADLINE_S)
        self.sock.connect(("127.0.0.1", server.port))
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.rest = b""
        lines = ["%s: %s" % x for x in headers.items()]
        path = path or query(transport="websocket")
        head = "GET %s HTTP/1.1\r\n%s\r\n\r\n" % (path, "\r\n".join(lines))
        self.sock.sendall(head.encode() + early)
        self.head = self.until(b"\r\n\r\n").decode("latin-1")
        self.status = int(self.head.split()[1])

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.sock.close()

    def more(self):
        try:
            part = self.sock.recv(65536)
        except ConnectionError:
            part = b""
        if not part:
            raise Closed()
        self.rest += part

    def take(self, n):
        while len(self.rest) < n:
            self.more()
        taken, self.rest = self.rest[:n], self.rest[n:]
        return taken

    def until(self, end):
        while end not in self.rest:
            self.more()
        return self.take(self.rest.index(end) + len(end))

    def header(self, name):
        found = re.search(r"(?im)^%s: (.*?)\r$" % re.escape(name), self.head)
        return found.group(1) if found else None

    def send_bytes(self, data):
        self.sock.sendall(data)

    def send(self, payload):
        opcode = BINARY if isinstance(payload, bytes) else TEXT
        self.send_bytes(frame(opcode, payload))

    def frame(self):
        """The next frame, as it is: (opcode, payload). A server's frames are
        whole and have no mask."""
        first, second = self.take(2)
        assert first & 0x70 == 0 and first & 0x80 and not second & 0x80
        n = second & 0x7f
        if n == 126:
            n = struct.unpack(">H", self.take(2))[0]
            assert n >= 126
        elif n == 127:
            n = struct.unpack(">Q", self.take(8))[0]
            assert n >= 65536
        return first & 15, self.take(n)

    def payload(self):
        """What the next frame says: text or bytes. Raises Closed."""
        opcode, payload = self.frame()
        if opcode == CLOSE:
            code = struct.unpack(">H", payload)[0] if payload else None
            raise Closed(code)
        assert opcode in (TEXT, BINARY), opcode
        return payload.decode() if opcode == TEXT else payload

    def code(self):
        """The code that it is closed with, whatever is said before."""
        try:
            while True:
                self.payload()
        except Closed as closed:
            return closed.code

    def is_ended(self):
        """True once the connection is closed by the other side."""
        try:
            while True:
                self.more()
        except Closed:
            return True

    def close(self):
        self.sock.close()

    def reset(self):
        """Close so that the other side gets a reset."""
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                             struct.pack("ii", 1, 0))
        self.sock.close()


class Engine(WebSocket):
    """A session that begins with a WebSocket."""

    def __init__(self, server, **options):
        super().__init__(server, **options)
        assert self.status == 101, self.head
        self.handshake = json.loads(self.packet()[1:])
        self.sid = self.handshake["sid"]

    def packet(self):
        """The next packet that is no ping, which is answered."""
        while True:
            packet = self.payload()
            if packet != "2":
                return packet
            self.send("3")

    def message(self):
        packet = self.packet()
        if isinstance(packet, bytes):
            return packet
        assert packet[:1] == "4", packet
        return packet[1:]

    def say(self, *messages):
        self.send_bytes(b"".join(
            frame(BINARY, m) if isinstance(m, bytes) else frame(TEXT, "4" + m)
            for m in messages))


# --- Socket.IO ---------------------------------------------------------------

class Speaker:
    """What is the same by either transport: say() and message()."""

    def join(self, nsp="", auth=""):
        """CONNECT; what is answered, without the server's first event."""
        self.say("0" + (nsp + "," if nsp else "") + auth)
        answer = self.message()
        if answer.startswith("0"):
            assert '["auth"' in self.message()
        return answer

    def emit(self, *args, id="", nsp=""):
        head = "2" + (nsp + "," if nsp else "") + str(id)
        self.say(head + json.dumps(args))

    def event(self):
        """The next event: [name, arguments...]."""
        message = self.message()
        assert message[:1] == "2", message
        return json.loads(message[message.index("["):])

    def call(self, *args):
        """Emit and await its ACK; the arguments of it."""
        self.emit(*args, id=7)
        while True:
            message = self.message()
            if message[:2] == "37":
                return json.loads(message[2:])


class SocketClient(Engine, Speaker):
    pass


class PollingClient(Polling, Speaker):
    pass


def joined(server, kind=SocketClient, **options):
    client = kind(server, **options)
    assert client.join().startswith('0{"sid":"')
    return client


def upgrade(server, client):
    """From polling to a WebSocket, by the book; the new client."""
    socket = SocketClient.__new__(SocketClient)
    WebSocket.__init__(socket, server, query(client.sid, "websocket"))
    assert socket.status == 101, socket.head
    socket.sid = client.sid
    socket.send("2probe")
    assert socket.payload() == "3probe"
    answer = client.poll()
    client.waiting += [p for p in answer.packets() if p not in ("6", "2")]
    socket.send("5")
    return socket
