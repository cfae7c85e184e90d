"""A server that jobs read from and write to, and what the tests do to it.

One Sources is one HTTP server on 127.0.0.1 with many shelves; each Shelf is
one configured source, with records of its own, and remembers each request. A
test holds requests back (`hold`) until it lets them go, or spoils answers
(`spoil`). Nothing here sleeps: what waits, waits for an event.
"""

import http.server
import itertools
import json
import socket
import struct
import threading
import time
import urllib.parse

from harness import DEADLINE_S, wait_for

JSON_TYPE = "application/json"
PAGE_SIZE = 2
# More than any ceiling that a test sets, and not more than a machine has.
ENDLESS_BYTES = 1 << 28
PRODUCTS = {"name": "products", "collection": "product"}


# --- what goes wrong ---------------------------------------------------------

class Fault:
    """An answer that is not the one it should be."""

    def send(self, handler, page):
        raise NotImplementedError


class Status(Fault):
    """Another status, with further headers."""

    def __init__(self, code, body=b"{}", **headers):
        self.code, self.body = code, body
        self.headers = {k.replace("_", "-"): str(v)
                        for k, v in headers.items()}

    def send(self, handler, page):
        handler.answer(self.code, self.body, self.headers)


class Body(Fault):
    """A 200 with another body."""

    def __init__(self, text, **headers):
        self.body = text if isinstance(text, bytes) else text.encode()
        self.headers = headers

    def send(self, handler, page):
        headers = {k.replace("_", "-"): v for k, v in self.headers.items()}
        handler.answer(200, self.body, headers)


class Closed(Fault):
    """The connection is reset before anything is said."""

    def send(self, handler, page):
        handler.reset()


class Cut(Fault):
    """The connection is reset in the middle of the answer."""

    def send(self, handler, page):
        handler.answer(200, page.body, page.headers,
                       share=len(page.body) // 2)
        handler.reset()


class Half(Fault):
    """An answer that ends in the middle of its JSON, and says so."""

    def send(self, handler, page):
        handler.answer(200, page.body[:len(page.body) // 2], page.headers)


class Endless(Fault):
    """A page without end; `sent` is how much of it was taken."""

    def __init__(self):
        self.sent = 0

    def send(self, handler, page):
        handler.head(200, {"Transfer-Encoding": "chunked"})
        part = b" " * 65536
        piece = b"%x\r\n%s\r\n" % (len(part), part)
        handler.wfile.write(b"1\r\n[\r\n")
        while self.sent < ENDLESS_BYTES:
            handler.wfile.write(piece)
            self.sent += len(part)
        handler.wfile.write(b"0\r\n\r\n")


class Loop(Fault):
    """A good page, behind which the same page comes again."""

    def send(self, handler, page):
        handler.answer(200, page.body, {
            **page.headers, "Link": '<%s>; rel="next"' % page.own_url})


class NextAt(Fault):
    """A good page, the next of which is somewhere else."""

    def __init__(self, url):
        self.url = url

    def send(self, handler, page):
        handler.answer(200, page.body, {
            **page.headers, "Link": '<%s>; rel="next"' % self.url})


# --- requests ----------------------------------------------------------------

class Ask:
    """A request as it came in; `body` of a POST."""

    def __init__(self, number, method, path, query, headers, body):
        self.number, self.method = number, method
        self.path, self.query = path, query
        self.headers, self.body = headers, body
        self.shelf, _, self.entity = path.strip("/").partition("/")
        self.came, self.answered = time.monotonic(), None

    @property
    def page(self):
        """The number of the page asked for, from 1, however it was asked."""
        for name, first in (("page", 1), ("p", 1)):
            if name in self.query:
                return int(self.query[name]) - first + 1
        return int(self.query.get("cursor", "c1")[1:])


class Page:
    """A good answer: its body and headers."""

    def __init__(self, body, headers, own_url):
        self.body, self.headers, self.own_url = body, headers, own_url


class Hold:
    """Keeps the requests that it is for until `release`."""

    def __init__(self, shelf, accept):
        self.shelf, self.accept = shelf, accept
        self.open = threading.Event()
        self.held = []

    def enter(self, ask):
        if not self.open.is_set() and self.accept(ask):
            self.held.append(ask)
            assert self.open.wait(4 * DEADLINE_S), "nobody released it"

    def wait(self, count=1):
        """Wait until so many requests have come to be held."""
        wait_for(lambda: len(self.held) >= count,
                 "%d requests at %s" % (count, self.shelf.name))
        return self

    def release(self):
        self.open.set()

    def __enter__(self):
        return self

    def __exit__(self, *what):
        self.release()


class Shelf:
    """One configured source."""

    def __init__(self, sources, name, paging, entities, keys):
        self.sources, self.name, self.paging = sources, name, paging
        self.entities, self.keys = entities, keys
        self.lock = threading.Lock()
        self.reset()

    def reset(self):
        self.records, self.holds, self.faults = {}, [], []
        self.asked, self.now, self.most = [], 0, 0
        self.page_size, self.tells_total, self.answers = PAGE_SIZE, True, None
        return self

    @property
    def url(self):
        return "%s/%s" % (self.sources.base, self.name)

    def put(self, *records, entity="products"):
        """What it has from now on: values, or texts that go out as they
        are."""
        self.records[entity] = [r if isinstance(r, str) else json.dumps(r)
                                for r in records]
        return self

    def fill(self, count, entity="products", prefix="r", **more):
        """Plain records; their keys."""
        keys = ["%s%d" % (prefix, n) for n in range(count)]
        self.put(*[{"id": k, "title": "T " + k, **more} for k in keys],
                 entity=entity)
        return keys

    def hold(self, page=None, entity=None, method=None):
        """Hold requests of this page, or all."""
        hold = Hold(self, lambda a: page in (None, a.page)
                    and entity in (None, a.entity)
                    and method in (None, a.method))
        self.holds.append(hold)
        return hold

    def spoil(self, fault, page=None, entity=None, times=1):
        """Answer so many requests so; None: all that come."""
        self.faults.append([fault, page, entity, times])
        return fault

    def mend(self):
        """Answer as it should from now on."""
        self.faults.clear()

    def release(self):
        for hold in self.holds:
            hold.release()

    def asks(self, page=None, entity=None):
        return [a for a in list(self.asked) if page in (None, a.page)
                and entity in (None, a.entity)]

    def pages(self, entity=None):
        """The numbers of the pages that were asked for, in order."""
        return [a.page for a in self.asks(entity=entity)]

    # What the server's threads do.

    def begin(self, ask):
        with self.lock:
            self.asked.append(ask)
            self.now += 1
            self.most = max(self.most, self.now)
        for hold in list(self.holds):
            hold.enter(ask)

    def end(self, ask):
        """Before the answer leaves, so that a request that follows it is
        not counted as one beside it."""
        with self.lock:
            self.now -= 1
        ask.answered = time.monotonic()

    def fault_of(self, ask):
        with self.lock:
            for entry in self.faults:
                fault, page, entity, times = entry
                if page in (None, ask.page) and entity in (None, ask.entity):
                    if times is not None:
                        entry[3] -= 1
                        if entry[3] == 0:
                            self.faults.remove(entry)
                    return fault
        return None

    def page_of(self, ask):
        """The good answer to a request of one page."""
        texts = self.records.get(ask.entity, [])
        since = ask.query.get("since")
        if since:
            texts = [t for t in texts
                     if json.loads(t).get("updated_at", "9") > since]
        start = (ask.page - 1) * self.page_size
        some = texts[start:start + self.page_size]
        more = start + self.page_size < len(texts)
        headers, members = {}, ['"items":[%s]' % ",".join(some)]
        if self.tells_total:
            members.insert(0, '"total":%d' % len(texts))
        if self.paging == "link" and more:
            headers["Link"] = '<%s>; rel="next"' % self.url_of(
                ask, page=ask.page + 1)
        if self.paging == "cursor":
            members.append('"next":%s' % (
                '"c%d"' % (ask.page + 1) if more else "null"))
        body = "{%s}" % ",".join(members)
        return Page(body.encode(), headers, self.url_of(ask))

    def url_of(self, ask, **more):
        query = urllib.parse.urlencode({**ask.query, **more})
        return "%s%s?%s" % (self.sources.base, ask.path, query)

    # What the configuration says of it.

    def lines(self):
        yield "  - name: %s" % self.name
        yield "    type: http"
        yield "    url: %s" % self.url
        yield "    paging: %s" % self.paging
        yield "    since_param: since"
        for key, value in {**PAGING_KEYS[self.paging], **self.keys}.items():
            yield "    %s: %s" % (key, value)
        yield "    entities:"
        for e in self.entities:
            e = {"path": e["name"], "items": "items", "total": "total", **e}
            yield "      - {%s}" % ", ".join(
                "%s: %s" % (k, value_of(v)) for k, v in e.items()
                if v is not None)


PAGING_KEYS = {"none": {}, "link": {},
               "cursor": {"page_param": "cursor", "cursor_field": "next"},
               "page": {"page_param": "p", "size_param": "size",
                        "page_size": PAGE_SIZE}}


def value_of(value):
    """A value of the configuration, in YAML's flow style."""
    return value if isinstance(value, str) else json.dumps(value)


# --- the server --------------------------------------------------------------

class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # Head and body are two writes.

    def log_message(self, *args):
        pass

    def do_GET(self):
        self.serve()

    def do_POST(self):
        self.serve()

    def do_DELETE(self):
        self.serve()

    def serve(self):
        url = urllib.parse.urlsplit(self.path)
        query = dict(urllib.parse.parse_qsl(url.query,
                                            keep_blank_values=True))
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        ask = Ask(next(self.server.sources.counter), self.command, url.path,
                  query, dict(self.headers.items()), body)
        self.server.sources.asked.append(ask)
        shelf = self.server.sources.at(ask.shelf)
        if shelf is None:
            return self.answer(404, b"{}")
        try:
            shelf.begin(ask)
        finally:
            shelf.end(ask)
        try:
            self.reply(shelf, ask)
        except OSError:
            self.close_connection = True  # The worker has gone away.

    def reply(self, shelf, ask):
        page = shelf.page_of(ask)
        fault = shelf.fault_of(ask)
        if fault is not None:
            fault.send(self, page)
        elif shelf.answers is not None:
            self.answer(*shelf.answers(ask))
        elif ask.method == "GET":
            self.answer(200, page.body, page.headers)
        else:
            self.answer(200, b"{}")

    def head(self, status, headers):
        self.send_response(status)
        for name, value in {"Content-Type": JSON_TYPE, **headers}.items():
            self.send_header(name, value)
        self.end_headers()

    def answer(self, status, body, headers=None, share=None):
        self.head(status, {"Content-Length": str(len(body)),
                           **(headers or {})})
        self.wfile.write(body if share is None else body[:share])
        self.wfile.flush()

    def reset(self):
        self.close_connection = True
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                                   struct.pack("ii", 1, 0))
        self.connection.close()


class Listener(http.server.ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64

    def handle_error(self, request, client_address):
        pass  # A connection that was reset, by us or by the worker.


class Sources:
    """The HTTP server and its shelves, `count` of them plain ones."""

    def __init__(self, count=0, port=0, **keys):
        self.counter, self.shelves, self.asked = itertools.count(), {}, []
        self.others, self.extra = {}, []
        self.server = Listener(("127.0.0.1", port), Handler)
        self.server.sources = self
        self.base = "http://127.0.0.1:%d" % self.server.server_port
        self.plain = itertools.cycle(
            [self.add("s%d" % n, **keys) for n in range(count)])
        self.thread = threading.Thread(target=self.server.serve_forever,
                                       kwargs={"poll_interval": 0.05},
                                       daemon=True)
        self.thread.start()

    def add(self, name, paging="link", entities=(PRODUCTS,), **keys):
        """A further source, to be there before the server starts; the keys
        go into its configuration."""
        shelf = Shelf(self, name, paging, list(entities), keys)
        self.shelves[name] = shelf
        return shelf

    def other(self, name, text):
        """A source of another type, which stands in the configuration as
        this text; what is asked below /`name` comes to the shelf."""
        self.extra.append(text)
        self.others[name] = Shelf(self, name, "none", [], {})
        return self.others[name]

    def at(self, name):
        return self.shelves.get(name) or self.others.get(name)

    def take(self):
        """A plain one, empty."""
        return next(self.plain).reset()

    def config(self):
        lines = ["sources:"]
        for shelf in self.shelves.values():
            lines += shelf.lines()
        return "\n".join(lines) + "\n" + "".join(self.extra)

    def close(self):
        for shelf in [*self.shelves.values(), *self.others.values()]:
            shelf.release()
        self.server.shutdown()
        self.server.server_close()
        self.thread.join(DEADLINE_S)
