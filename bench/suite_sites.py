"""The sites API: pushes, pulls, sites that do nothing, and the start."""

import itertools
import statistics

from measure import (FULL, MILLION, QUICK, REPEATS, bare_walk, processor_us,
                     ratios, written_against_loop)
from report import Line
from servers import (PRIMARY, SERVER_CORE, SITE, Nginx, Tombolo, Unaudited,
                     basic, load)

CENTRAL = "/sync/v5/central_records"
# Of servers that differ by little.
TURNS = 15 if QUICK else 41
PAGE = 1000


def span(suite, data, n):
    """The cursors around the last `n` numbers of the central feed."""
    head = suite.heads(data)["central_head"]
    return head - n, head


# ---- push ----

def push_against_loop(suite, what, target, connections, batch, total, group):
    def push(t, seed):
        return load("push", t.port, core=None, connections=connections,
                    batch=batch, total=total, seed=seed)["records_per_s"]

    a, b, ratio = written_against_loop(suite, push, group)
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


def push_audit(suite):
    """What the audit trail costs: both servers take the same pushes in many
    short turns, each on a copy of its own of one store."""
    lines = []
    for what, connections, batch, total in (
            ("64 connections, 1 record a request", 64, 1, 2000),
            ("16 connections, 500 records a request", 16, 500, 20000)):
        copies = [suite.copy(suite.base(), "audit") for _ in range(2)]
        seeds = itertools.count(1)
        with Tombolo(copies[0]) as audited, Unaudited(copies[1]) as bare:
            used_us = {audited: [], bare: []}

            def push(t):
                done, us = processor_us(t, lambda: load(
                    "push", t.port, core=None, batch=batch, total=total,
                    connections=connections, seed=next(seeds)))
                used_us[t].append(us)
                return done["records_per_s"]

            a, b, ratio = ratios(TURNS, lambda: push(audited),
                                 lambda: push(bare))
            us, bare_us = (statistics.mean(used_us[t])
                           for t in (audited, bare))
        for copy in copies:
            suite.drop(copy)
        lines += [Line("push, %s; without audit rows" % what, "records/s",
                       a, b, ratio, 0.9),
                  Line("the same in processor time of a request", "us", us,
                       bare_us, bare_us / us)]
    return lines


# ---- pull ----

def walk(server, between, rounds=1):
    return load("walk", server.port, url=CENTRAL, connections=4, limit=PAGE,
                count=PAGE, rounds=rounds,
                **{"from": between[0], "to": between[1]})["records_per_s"]


def pull_ordered(suite):
    n = 200000 if QUICK else MILLION
    data = suite.filled(records=MILLION)
    between = span(suite, data, n)
    with Tombolo(data, SERVER_CORE, sites_cache=False) as t:
        used_s = -t.processor_s()
        a, b, ratio = ratios(REPEATS, lambda: walk(t, between),
                             lambda: bare_walk(data, between, PAGE))
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
    between = span(suite, data, n)
    with Tombolo(data, SERVER_CORE, sites_cache=False) as t:
        a, b, ratio = ratios(REPEATS, lambda: walk(t, between),
                             lambda: bare_walk(data, between, PAGE))
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
        one, other = span(suite, large, 10000), span(suite, small, 10000)
        with Tombolo(large, SERVER_CORE, sites_cache=False) as t, \
                Tombolo(small, SERVER_CORE, sites_cache=False) as s:
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
        n.put("page.json", t.must("GET", url, basic(PRIMARY))[1])

        def get(port, path):
            return load("get", port, url=path, connections=16, count=PAGE,
                        seconds=seconds)["requests_per_s"]

        a, b, ratio = ratios(REPEATS, lambda: get(t.port, url),
                             lambda: get(n.port, "/page.json"))
    return [Line("pull of a page just read, 1,000 records, one core; nginx "
                 "sending it as a file", "pages/s", a, b, ratio, 0.4)]


# ---- doing nothing, and the start ----

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
        server.probe = (CENTRAL + "?limit=1", basic(SITE))
        with server as t:
            times.append(t.started_s * 1000)
    return [Line("start to first answer, a store of 1 million records", "ms",
                 statistics.median(times), ceiling=200)]


STEPS = [push_batches, push_single, push_singles, push_idle_sites, push_audit,
         pull_ordered, pull_random, pull_sizes, pull_cached, idle, start]
