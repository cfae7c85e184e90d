"""Runs every benchmark and reports it.

Each figure is a ratio of two things measured in turns in the same run, or an
absolute ceiling that the product promises. Stores are on the disk of the
checkout and every commit is synced. A step is a function that takes the
Suite and gives back lines for the report.
"""

import os
import pathlib
import shutil
import statistics
import sys
import tempfile

import report
from report import Line
from servers import (BUILD, PRIMARY, SERVER_CORE, SITE, Nginx, Tombolo, load,
                     tool)

QUICK = bool(os.environ.get("BENCH_QUICK"))
FULL = bool(os.environ.get("BENCH_FULL"))
ONLY = os.environ.get("BENCH_ONLY", "").split()
REPEATS = 3 if QUICK else 5
CENTRAL = "/sync/v5/central_records"
PAGE = 1000
MILLION = 1000000


class Suite:
    """A folder of stores that the steps share, each made once."""

    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        self.counter = 0

    def place(self, name):
        """A new folder; a server's log goes there and its data below."""
        self.counter += 1
        place = self.folder / ("%s-%d" % (name, self.counter))
        place.mkdir()
        return place

    def base(self):
        """The demo as a server has made it and left it."""
        data = self.folder / "base" / "data"
        if not data.exists():
            data.parent.mkdir()
            with Tombolo(data):
                pass
        return data

    def copy(self, data, name):
        to = self.place(name) / "data"
        shutil.copytree(data, to)
        return to

    def filled(self, records=0, updates=0, sites=0):
        """A store with that much in it, to be read only; (data, head)."""
        name = "filled-%d-%d-%d" % (records, updates, sites)
        data = self.folder / name / "data"
        if not data.exists():
            shutil.copytree(self.base(), data)
            tool("fill", data=data, records=records, updates=updates,
                 sites=sites)
        return data

    def span(self, data, n):
        """The cursors around the last `n` numbers of the central feed."""
        head = tool("fill", data=data)[0]["central_head"]
        return head - n, head

    def drop(self, data):
        shutil.rmtree(data.parent)


def ratios(repeats, one, other):
    """Runs both in turns; the medians of each and of their ratios."""
    pairs = []
    for _ in range(repeats):
        a = one()
        pairs.append((a, other()))
    return (statistics.median(a for a, _ in pairs),
            statistics.median(b for _, b in pairs),
            statistics.median(a / b for a, b in pairs))


# ---- push ----

def push_against_loop(suite, what, target, connections, batch, total, group):
    """A server that takes records, then the bare loop with the same rows."""
    made = []

    def server():
        data = suite.copy(suite.base(), "push")
        with Tombolo(data) as t:
            got = load("push", t.port, core=None, connections=connections,
                       batch=batch, total=total, seed=len(made) + 1)
        made.append(data)
        return got["records_per_s"]

    def loop():
        data = suite.copy(suite.base(), "loop")
        got = tool("bare", "write", data=data, source=made[-1], group=group)
        suite.drop(data)
        suite.drop(made[-1])
        return got[0]["rows_per_s"]

    a, b, ratio = ratios(REPEATS, server, loop)
    return [Line(what, "records/s", a, b, ratio, target)]


def push_batches(suite):
    total = 100000 if QUICK else 400000
    return push_against_loop(
        suite, "push, 16 connections, 500 records a request; "
        "bare loop in groups of 256", 0.5, 16, 500, total, 256)


def push_single(suite):
    total = 2000 if QUICK else 10000
    return push_against_loop(
        suite, "push, 1 connection, 1 record a request; "
        "bare loop committing 1 row", 0.5, 1, 1, total, 1)


def push_singles(suite):
    total = 20000 if QUICK else 100000
    return push_against_loop(
        suite, "push, 64 connections, 1 record a request; "
        "bare loop committing 64 rows", 0.25, 64, 1, total, 64)


def push_idle_sites(suite):
    """Pushes of central data, with and without sites that never call."""
    total = 50000 if QUICK else 200000
    crowded = suite.filled(sites=10000)

    def push_to(data):
        def run():
            copy = suite.copy(data, "idle")
            with Tombolo(copy) as t:
                got = load("push", t.port, account=PRIMARY, core=None,
                           table="item", site=1, connections=16, batch=500,
                           total=total)
            suite.drop(copy)
            return got["records_per_s"]
        return run

    a, b, ratio = ratios(REPEATS, push_to(crowded), push_to(suite.base()))
    return [Line("push of central data with 10,000 sites that never call; "
                 "without them", "records/s", a, b, ratio, 0.9)]


# ---- pull ----

def walk(server, span, rounds=1):
    return load("walk", server.port, url=CENTRAL, connections=4, limit=PAGE,
                count=PAGE, rounds=rounds, **{"from": span[0], "to": span[1]}
                )["records_per_s"]


def bare_walk(data, span):
    return tool("bare", "read", core=SERVER_CORE, data=data, limit=PAGE,
                **{"from": span[0], "to": span[1]})[0]["rows_per_s"]


def pull_ordered(suite):
    n = 200000 if QUICK else MILLION
    data = suite.filled(records=MILLION)
    span = suite.span(data, n)
    with Tombolo(data, SERVER_CORE, page_cache=False) as t:
        used_s = -t.processor_s()
        a, b, ratio = ratios(REPEATS, lambda: walk(t, span),
                             lambda: bare_walk(data, span))
        used_s += t.processor_s()
    return [Line("pull, 1,000 records a page in insertion order, one core, "
                 "no page cache; bare join", "records/s", a, b, ratio,
                 floor=MILLION),
            Line("the same in a second of the server's processor time, "
                 "whatever else the core was busy with", "records",
                 REPEATS * n / used_s)]


def pull_random(suite):
    n = 200000 if QUICK else MILLION
    data = suite.filled(records=n, updates=n)
    span = suite.span(data, n)
    with Tombolo(data, SERVER_CORE, page_cache=False) as t:
        a, b, ratio = ratios(REPEATS, lambda: walk(t, span),
                             lambda: bare_walk(data, span))
    return [Line("pull after random updates, one core, no page cache; "
                 "bare join", "records/s", a, b, ratio, 0.6)]


def pull_sizes(suite):
    """The cost of a page must not depend on how much there is besides: the
    same walk, as often, at the end of a small store and of large ones."""
    lines = []
    small = suite.filled(records=10000)
    sizes = [("1 million", MILLION)]
    if FULL:
        sizes.append(("10 million", 10 * MILLION))
    for name, n in sizes:
        large = suite.filled(records=n)
        one, other = suite.span(large, 10000), suite.span(small, 10000)
        with Tombolo(large, SERVER_CORE, page_cache=False) as t, \
                Tombolo(small, SERVER_CORE, page_cache=False) as s:
            a, b, ratio = ratios(REPEATS, lambda: walk(t, one, rounds=50),
                                 lambda: walk(s, other, rounds=50))
        lines.append(Line("pull in a store of %s records; of 10 thousand"
                          % name, "records/s", a, b, ratio, 0.9))
    return lines


def pull_cached(suite):
    """A page that another site has just read, against nginx and a file."""
    seconds = 1 if QUICK else 3
    data = suite.filled(records=MILLION)
    url = CENTRAL + "?cursor=%d&limit=%d" % (500000, PAGE)
    with Tombolo(data, SERVER_CORE) as t, \
            Nginx(suite.place("nginx"), SERVER_CORE) as n:
        status, body = t.get(url, PRIMARY)
        assert status == 200, body[:200]
        n.put("page.json", body)

        def get(port, path):
            return load("get", port, url=path, connections=16, count=PAGE,
                        seconds=seconds)["requests_per_s"]

        a, b, ratio = ratios(REPEATS, lambda: get(t.port, url),
                             lambda: get(n.port, "/page.json"))
    return [Line("pull of a page just read, 1,000 records, one core; nginx "
                 "sending it as a file", "pages/s", a, b, ratio, 0.4)]


# ---- the rest ----

def idle(suite):
    data = suite.copy(suite.base(), "idle")
    with Tombolo(data, SERVER_CORE) as t:
        got = load("get", t.port, url=CENTRAL + "?limit=1", connections=5000,
                   each=1, pid=t.process.pid)
    return [Line("5,000 idle keep-alive connections", "MB",
                 got["rss_kib"] * 1024 / 1e6, ceiling=100)]


def start(suite):
    data = suite.filled(records=MILLION)
    times = []
    for _ in range(REPEATS):
        server = Tombolo(data)
        server.probe = (CENTRAL + "?limit=1", SITE)
        with server as t:
            times.append(t.started_s * 1000)
    return [Line("start to first answer, a store of 1 million records", "ms",
                 statistics.median(times), ceiling=200)]


def json(_suite):
    slowest = min(line["mb_per_s"] for line in tool("json"))
    return [Line("JSON reader, an array of 10,000 records", "MB/s", slowest,
                 floor=400)]


STEPS = [json, push_batches, push_single, push_singles, push_idle_sites,
         pull_ordered, pull_random, pull_sizes, pull_cached, idle, start]


def main():
    unknown = set(ONLY) - {step.__name__ for step in STEPS}
    if unknown:
        sys.exit("no such step: " + ", ".join(sorted(unknown)))
    lines = []
    load_average = os.getloadavg()[0]
    with tempfile.TemporaryDirectory(prefix="data-", dir=BUILD) as folder:
        suite = Suite(folder)
        for step in STEPS:
            if ONLY and step.__name__ not in ONLY:
                continue
            print("... " + step.__name__, flush=True)
            got = step(suite)
            report.show(got)
            lines += got
        sync_us = report.sync_us(folder)
    report.show(lines)
    if not ONLY:
        mode = "full" if FULL else "quick" if QUICK else "normal"
        report.write(lines, report.facts(mode, sync_us, REPEATS,
                                         load_average))
    sys.exit(0 if all(line.is_met() for line in lines) else 1)


if __name__ == "__main__":
    main()
