"""Reading a history piece by piece, as slowly as a test likes, and looking at
the process that sends it.
"""

import codecs
import contextlib
import http.client
import json
import os
import pathlib
import re
import socket
import struct
import zlib

from cli import PROGRAM
from events import PREFIX
from sites import DEADLINE_S

SANITIZED = os.access(PROGRAM, os.R_OK) and any(
    name in pathlib.Path(PROGRAM).read_bytes()
    for name in (b"__asan_init", b"__tsan_init"))
KIB, MIB = 1 << 10, 1 << 20
SPACE = " \t\r\n"
SPACES = re.compile("[%s]*" % SPACE)


class Cut(Exception):
    """The connection ended before the body did."""


class Stream:
    """GET events on a connection of its own; nothing is read before it is
    asked for. `buffer_bytes` bounds what the kernel takes meanwhile."""

    def __init__(self, client, query="", gzip=False, buffer_bytes=None):
        self.sock = socket.socket()
        self.sock.settimeout(DEADLINE_S)
        if buffer_bytes:
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF,
                                 buffer_bytes)
        self.sock.connect(("127.0.0.1", client.server.port))
        lines = ["GET %s/events%s HTTP/1.1" % (PREFIX, query),
                 "Host: 127.0.0.1", "Authorization: Bearer " + client.token,
                 "Accept-Encoding: " + ("gzip" if gzip else "identity")]
        self.sock.sendall(("\r\n".join(lines) + "\r\n\r\n").encode())
        self.response, self.sipped = None, []

    def begin(self):
        """Waits for the head of the answer."""
        if self.response is None:
            self.response = http.client.HTTPResponse(self.sock, method="GET")
            self.response.begin()
            assert self.response.status == 200, self.response.read()
            packed = self.response.headers["Content-Encoding"] == "gzip"
            self.unpack = zlib.decompressobj(31) if packed else None
        return self

    @property
    def headers(self):
        return self.begin().response.headers

    def read(self, size):
        """Up to so many bytes as they are sent; b"" at the end."""
        self.begin()
        try:
            part = self.response.read(size)
        except (http.client.IncompleteRead, OSError) as e:
            raise Cut from e
        if not part and self.response.length:
            raise Cut
        return part

    def sip(self, size=1):
        """Takes so many bytes now; `parts` begins with them."""
        self.sipped.append(self.read(size))

    def parts(self, size=256 * KIB):
        """The body, unpacked."""
        self.begin()
        while True:
            part = self.sipped.pop(0) if self.sipped else self.read(size)
            if not part:
                break
            yield self.unpack.decompress(part) if self.unpack else part
        if self.unpack:
            assert self.unpack.eof and not self.unpack.unused_data

    def events(self, size=256 * KIB):
        """One event after the other, without keeping them."""
        decode = codecs.getincrementaldecoder("utf-8")().decode
        read, text, before = json.JSONDecoder().raw_decode, "", "["
        for part in self.parts(size):
            text = (text + decode(part)).lstrip(SPACE)
            at = 0
            while text[at:at + 1] == before:
                start = SPACES.match(text, at + 1).end()
                try:
                    event, end = read(text, start)
                except json.JSONDecodeError:
                    break  # The rest of it is still to come.
                yield event
                at, before = SPACES.match(text, end).end(), ","
            text = text[at:]
        # Behind the last event, or where there is none, the array ends.
        end = text if before == "," else text.lstrip("[")
        assert end.strip(SPACE) == "]", text[:100]

    def close(self, hard=False):
        if hard:
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                                 struct.pack("ii", 1, 0))
        if self.response is not None:
            self.response.close()
        self.sock.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


class Memory:
    """How much a server's process grew since this was made, at its most."""

    def __init__(self, server):
        self.proc = pathlib.Path("/proc/%d" % server.process.pid)
        (self.proc / "clear_refs").write_text("5")  # VmHWM from here on
        self.before = self.kib("VmRSS")

    def kib(self, name):
        status = (self.proc / "status").read_text()
        return int(re.search(name + r":\s+(\d+)", status).group(1))

    def assert_under(self, most_bytes):
        grown = (self.kib("VmHWM") - self.before) * KIB
        print("grew by %d KiB" % (grown // KIB))
        # A sanitizer's memory is its own.
        assert SANITIZED or grown < most_bytes


def open_sockets(server):
    folder, count = "/proc/%d/fd" % server.process.pid, 0
    for name in os.listdir(folder):
        with contextlib.suppress(FileNotFoundError):
            count += os.readlink(folder + "/" + name).startswith("socket:")
    return count
