"""Watching that a refused request leaves one log line and no change."""

import contextlib

from harness import assert_error, wait_for


class Watch:
    """An org with records in every place a bad request could disturb."""

    def __init__(self, server):
        self.server = server
        self.org = server.org()
        self.a, self.b = self.org.site(), self.org.site()
        self.p = self.org.primary()
        self.p.pushed(*[self.p.record("item", "i%d" % i, {"n": i})
                        for i in range(3)])
        self.a.pushed(self.a.invoice("x", self.b.store, n=1),
                      self.a.invoice("own", n=1), self.a.line("l", "x"))
        self.b.pull()

    def records(self):
        """All that sites can see and all that is stored."""
        return (self.org.export(), self.b.get("queued_records").content,
                self.a.get("queued_records").content,
                self.p.get("central_records").content)

    def state(self):
        return self.records(), self.org.quarantined()

    @contextlib.contextmanager
    def unchanged(self):
        before = self.state()
        yield
        assert self.state() == before

    def refused(self, response, *statuses, code=None):
        """The API's error body, the id on the answer, one line in the log."""
        error = assert_error(response, *statuses, code=code)
        assert response.headers["X-Request-Id"]
        self.one_line(response)
        return error

    def one_line(self, response):
        line = self.server.wait_logged(response)[0]
        self.server.ping()
        rid = response.headers["X-Request-Id"]
        lines = self.server.lines_of(rid)
        assert len(lines) == 1, lines
        assert line["status"] == response.status_code
        return line

    @contextlib.contextmanager
    def one_more_line(self):
        """What happens inside is told by exactly one line of the log."""
        self.server.ping()
        before = len(self.server.request_lines())
        yield
        wait_for(lambda: len(self.server.request_lines()) > before,
                 "the log line")
        self.server.ping()
        assert len(self.server.request_lines()) == before + 2, \
            self.server.request_lines()[before:]

    def refused_record(self, response):
        """A bad record: refused with the request, or alone; never stored."""
        if response.status_code != 200:
            return self.refused(response, 400, 413, 422)
        body = response.json()
        assert body["accepted"] == 0, body
        assert len(body["rejected"]) == 1, body
        assert body["rejected"][0]["code"] and body["rejected"][0]["message"]
        self.one_line(response)
        self.org.cli.quarantine("drop", self.org.name, everything=True)
        return body
