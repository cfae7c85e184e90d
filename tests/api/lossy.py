"""A network that loses requests and answers, between a client and a server.

A Lossy stands in for the server that an events Client is made with. It passes
one request a connection on (clients behind it send `Connection: close`) and
does to it what `fate` says; that is one of FATES, and PASS again afterwards.
"""

import select
import socket
import struct
import threading

from sites import DEADLINE_S

PASS = "pass"
REFUSED = "cut before the request"
TORN = "cut in the middle of the request"
UNANSWERED = "cut behind the request, before an answer"
UNREAD = "cut when the answer is there, before any of it"
HALF = "cut in the middle of the answer"
LOSSES = [REFUSED, TORN, UNANSWERED, UNREAD, HALF]
FATES = [PASS] + LOSSES


class Lossy:
    """Listens on a port of its own from its making to `close`."""

    def __init__(self, server):
        self.server, self.generation = server, 0
        self.counter = server.counter
        self.fate, self.share = PASS, 0.5
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.base = "http://127.0.0.1:%d" % self.listener.getsockname()[1]
        self.thread = threading.Thread(target=self.serve, daemon=True)
        self.thread.start()

    def lose(self, fate, share=0.5):
        """What happens to the next request; `share` of it, or of its answer,
        comes through where it is cut in the middle."""
        self.fate, self.share = fate, share

    def serve(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            fate, self.fate = self.fate, PASS
            with client:
                client.settimeout(DEADLINE_S)
                try:
                    self.carry(client, fate)
                except OSError:
                    reset(client)

    def carry(self, client, fate):
        if fate == REFUSED:
            return reset(client)
        request = read_request(client)
        with socket.create_connection(("127.0.0.1", self.server.port),
                                      timeout=DEADLINE_S) as upstream:
            if fate == TORN:
                upstream.sendall(request[:int(len(request) * self.share)])
                return reset(client)
            upstream.sendall(request)
            if fate == UNANSWERED:
                return reset(client)
            answer = read_all(upstream)
        if fate == UNREAD:
            return reset(client)
        if fate == HALF:
            client.sendall(answer[:int(len(answer) * self.share)])
            return reset(client)
        return client.sendall(answer)

    def close(self):
        """Ends the thread, which closing the socket alone would not."""
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        self.thread.join(DEADLINE_S)


def read_request(sock):
    """One request with its body, which has a Content-Length if any."""
    raw = b""
    while b"\r\n\r\n" not in raw:
        raw += received(sock)
    head, _, body = raw.partition(b"\r\n\r\n")
    lengths = [int(x.split(b":")[1]) for x in head.lower().split(b"\r\n")
               if x.startswith(b"content-length:")]
    left = sum(lengths) - len(body)
    while left > 0:
        part = received(sock)
        raw, left = raw + part, left - len(part)
    return raw


def received(sock):
    part = sock.recv(65536)
    if not part:
        raise ConnectionError("it went away")
    return part


def read_all(sock):
    parts = []
    while True:
        ready, _, _ = select.select([sock], [], [], DEADLINE_S)
        part = sock.recv(1 << 16) if ready else b""
        if not part:
            return b"".join(parts)
        parts.append(part)


def reset(sock):
    """Close as a broken network does, not in order."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                    struct.pack("ii", 1, 0))
    sock.close()
