"""Sources under the tests' control, and the client that reads them.

A Source is a server of one test: it gives each request to a function, which
returns an Answer, or writes what it likes to the socket. `read` runs the
program of TB_CONNECTOR_TEST_CLIENT against it and gives back what that printed.
Whatever else a test looks at, no run may print the credentials it was given.
"""

import base64
import collections
import json
import os
import pathlib
import socket
import ssl
import subprocess
import threading
import urllib.parse

from sites import DEADLINE_S

CLIENT = os.environ.get("TB_CONNECTOR_TEST_CLIENT", "")
TOKEN = "shpat_0123456789abcdef"
USER, PASSWORD = "importer", "a-password-of-a-source"
SECRETS = [TOKEN, PASSWORD,
           base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()]
PHRASES = {200: "OK", 429: "Too Many Requests", 500: "Internal Server Error"}

Request = collections.namedtuple("Request", "method target headers body")


class Answer:
    """What is sent: a body, or `pieces`, which go out as chunks."""

    def __init__(self, status=200, body=b"", headers=(), pieces=None):
        self.status, self.pieces = status, pieces
        self.body = body if isinstance(body, bytes) else body.encode()
        self.headers = list(headers)

    def head(self):
        lines = ["HTTP/1.1 %d %s" % (self.status,
                                     PHRASES.get(self.status, "Other"))]
        lines += ["%s: %s" % header for header in self.headers]
        if self.pieces is not None:
            lines.append("Transfer-Encoding: chunked")
        elif not any(k.lower() == "content-length" for k, _ in self.headers):
            lines.append("Content-Length: %d" % len(self.body))
        return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")

    def send(self, client):
        if self.pieces is None:
            client.sendall(self.head() + self.body)
            return
        client.sendall(self.head())
        for piece in self.pieces:
            client.sendall(b"%x\r\n%s\r\n" % (len(piece), piece))
        client.sendall(b"0\r\n\r\n")


def as_json(value, status=200, headers=()):
    return Answer(status, json.dumps(value),
                  [("Content-Type", "application/json"), *headers])


def query(request):
    """The target's path, and its parameters, each of which comes once."""
    parts = urllib.parse.urlsplit(request.target)
    pairs = urllib.parse.parse_qsl(parts.query, keep_blank_values=True)
    assert len(dict(pairs)) == len(pairs), request.target
    return parts.path, dict(pairs)


class Source:
    """`respond(request, client)` returns an Answer; or None, when it has
    written to `client` itself, which is then closed."""

    def __init__(self, respond, context=None):
        self.respond, self.context = respond, context
        self.requests, self.lock = [], threading.Lock()
        self.closing = threading.Event()
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.host = "127.0.0.1:%d" % self.port
        self.url = "%s://%s" % ("https" if context else "http", self.host)
        threading.Thread(target=self.serve, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.closing.set()
        # Whoever waits in accept takes nobody any more.
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()

    def serve(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self.talk, args=(client,),
                             daemon=True).start()

    def talk(self, client):
        client.settimeout(DEADLINE_S)
        try:
            if self.context:
                client = self.context.wrap_socket(client, server_side=True)
            with client:
                with client.makefile("rb") as lines:
                    while self.one(client, lines):
                        pass
        except (OSError, ValueError):
            client.close()

    def one(self, client, lines):
        request = take(lines)
        if request is None:
            return False
        with self.lock:
            self.requests.append(request)
        answer = self.respond(request, client)
        if answer is None:
            return False
        answer.send(client)
        return True

    def targets(self):
        return [r.target for r in self.requests]


def take(lines):
    words = lines.readline().decode("latin-1").split()
    if len(words) != 3:
        return None
    method, target, _ = words
    headers = {}
    for line in iter(lines.readline, b"\r\n"):
        name, _, value = line.decode("latin-1").rstrip("\r\n").partition(": ")
        if name.lower() in headers:
            raise ValueError("twice: " + name)
        headers[name.lower()] = value
    return Request(method, target, headers,
                   lines.read(int(headers.get("content-length", 0))))


def reset(client):
    """Ends a connection so that the other side sees an error, not an end."""
    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    client.close()


def turns(*answers):
    """Answers one after the other, the last one for ever. Each is an Answer,
    or a function as of a Source."""
    rest = list(answers)
    lock = threading.Lock()

    def respond(request, client):
        with lock:
            answer = rest.pop(0) if len(rest) > 1 else rest[0]
        return answer(request, client) if callable(answer) else answer
    return respond


# --- the client --------------------------------------------------------------

Outcome = collections.namedtuple(
    "Outcome", "pages failures sent allocations status")


def secret_file(folder, text, name="secret"):
    path = pathlib.Path(folder) / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return str(path)


def command(kind, source, options):
    url = source if isinstance(source, str) else source.url
    words = [CLIENT, kind, "url=" + url]
    for name, value in options.items():
        for v in value if isinstance(value, list) else [value]:
            words.append("%s=%s" % (name, v))
    return words


def started(kind, source, **options):
    return subprocess.Popen(command(kind, source, options),
                            stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                            stderr=subprocess.PIPE)


def finished(process, given=b""):
    out, err = process.communicate(given, timeout=DEADLINE_S)
    for secret in SECRETS:
        assert secret.encode() not in out + err
    assert process.returncode in (0, 1), err.decode()
    lines = [json.loads(line) for line in out.decode().splitlines()]
    return Outcome([x for x in lines if "records" in x],
                   [x for x in lines if "failure" in x],
                   the_one("sent", lines), the_one("allocations", lines),
                   process.returncode)


def the_one(name, lines):
    return next((x[name] for x in lines if name in x), None)


def read(kind, source, **options):
    return finished(started(kind, source, **options))


def as_lines(records):
    return b"".join(json.dumps(r).encode() + b"\n" for r in records)


def send(source, records, **options):
    return finished(started("http", source, send="yes", **options),
                    as_lines(records))


def each_allocation_failing(run):
    """Runs again and again, each time with another allocation failing, until
    all have. `run(fail_at=...)` gives an outcome; what is yielded are those in
    which one failed."""
    for n in range(1, 10000):
        process = run(fail_at=n)
        outcome = finished(*process)
        if outcome.allocations < n:
            assert outcome.status == 0 and outcome.failures == []
            assert n > 5
            return
        yield outcome
    raise AssertionError("it never ends")


def records(outcome):
    return [r for page in outcome.pages for r in page["records"]]


def keys(outcome):
    return [r["key"] for r in records(outcome)]


def only_failure(outcome):
    """The one thing that it has to say, which is why it failed."""
    assert outcome.status == 1
    [failure] = outcome.failures
    return failure


def fails(outcome, code, may_pass, error=None):
    failure = only_failure(outcome)
    assert (failure["failure"], failure["may_pass"]) == (code, may_pass), \
        failure
    assert error is None or failure["error"] == error
    assert failure["message"]
    return failure


# --- certificates --------------------------------------------------------------

class Certificates:
    """Made by openssl in a folder of the test's: an authority, and what it has
    signed."""

    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        self.openssl("req", "-x509", *self.new_key("ca"), "-days", "2", "-subj",
                     "/CN=authority", "-out", self.path("ca.pem"))

    def path(self, name):
        return str(self.folder / name)

    def openssl(self, *words):
        subprocess.run(["openssl", *words], check=True, timeout=DEADLINE_S,
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def new_key(self, name):
        return ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
                "-nodes", "-keyout", self.path(name + ".key")]

    def signed(self, name, subject="IP:127.0.0.1", days=2):
        """A context of a server whose certificate the authority signed."""
        self.openssl("req", *self.new_key(name), "-subj", "/CN=" + name,
                     "-out", self.path(name + ".csr"))
        (self.folder / (name + ".ext")).write_text(
            "subjectAltName=" + subject)
        self.openssl("x509", "-req", "-in", self.path(name + ".csr"), "-CA",
                     self.path("ca.pem"), "-CAkey", self.path("ca.key"),
                     "-CAcreateserial", "-days", str(days), "-extfile",
                     self.path(name + ".ext"), "-out", self.path(name + ".pem"))
        return self.context(name)

    def self_signed(self, name):
        self.openssl("req", "-x509", *self.new_key(name), "-days", "2", "-subj",
                     "/CN=127.0.0.1", "-addext",
                     "subjectAltName=IP:127.0.0.1", "-out",
                     self.path(name + ".pem"))
        return self.context(name)

    def context(self, name):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.path(name + ".pem"),
                                self.path(name + ".key"))
        return context
