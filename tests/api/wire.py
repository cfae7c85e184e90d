"""HTTP by hand: requests that no client library would send."""

import base64
import json
import socket
import time

from harness import DEADLINE_S, sha256


def request(site, path="queued_records", method="POST", headers=(),
            body=b"", host=True, authorised=True):
    """The bytes of a request of a site, headers given as lines."""
    lines = ["%s %s/%s HTTP/1.1" % (method, site.prefix, path)]
    if host:
        lines.append("Host: 127.0.0.1:%d" % site.server.port)
    if authorised:
        pair = "%s:%s" % (site.name, sha256(site.password))
        lines.append("Authorization: Basic "
                     + base64.b64encode(pair.encode()).decode())
    head = "\r\n".join(lines + list(headers)) + "\r\n\r\n"
    return head.encode("latin-1") + body


class Answer:
    """A response taken from the bytes that came back."""

    def __init__(self, raw):
        head, _, self.content = raw.partition(b"\r\n\r\n")
        first, *lines = head.decode("latin-1").split("\r\n")
        self.status_code = int(first.split()[1])
        self.headers = Headers(x.split(": ", 1) for x in lines if ": " in x)
        if self.headers.get("Transfer-Encoding", "") == "chunked":
            self.content = unchunked(self.content)
        self.text = self.content.decode("utf-8", "replace")

    def json(self):
        length = self.headers.get("Content-Length")
        return json.loads(self.content[:int(length)] if length
                          else self.content)


class Headers(dict):
    """Header names are read in any letter case."""

    def __init__(self, pairs):
        super().__init__((k.lower(), v) for k, v in pairs)

    def __getitem__(self, name):
        return super().__getitem__(name.lower())

    def get(self, name, default=None):
        return super().get(name.lower(), default)


def unchunked(data):
    out = b""
    while data:
        size, _, data = data.partition(b"\r\n")
        n = int(size.split(b";")[0], 16)
        if n == 0:
            break
        out, data = out + data[:n], data[n + 2:]
    return out


def answer_count(raw):
    return raw.count(b"HTTP/1.1 ")


def connect(site):
    s = socket.create_connection(("127.0.0.1", site.server.port),
                                 timeout=DEADLINE_S)
    s.settimeout(DEADLINE_S)
    return s


def send_and_go(site, data):
    """Send and close without reading an answer."""
    with connect(site) as s:
        s.sendall(data)


def read_answer(sock):
    """Read until one whole answer with a Content-Length is there."""
    raw, end = b"", time.monotonic() + DEADLINE_S
    while time.monotonic() < end:
        part = sock.recv(65536)
        raw += part
        if not part:
            break
        head, sep, body = raw.partition(b"\r\n\r\n")
        if sep and not head.startswith(b"HTTP/1.1 1"):
            length = Answer(raw).headers.get("Content-Length")
            if length is not None and len(body) >= int(length):
                break
    return Answer(raw)
