"""The events API: posts, the history in and out of the cache, and questions
for what is new when nothing is."""

import statistics

from measure import (MILLION, QUICK, REPEATS, against_constant, ratios,
                     written_against_loop)
from report import Line
from servers import Nginx, SERVER_CORE, Tombolo, load

EVENTS = "/api/v1/events"
HISTORY = 100000
LONG_HISTORY = 5 * MILLION


def count(suite, data):
    return suite.heads(data)["events_head"]


def post_singles(suite):
    total = 20000 if QUICK else 100000

    def post(t, seed):
        return load("post", t.port, headers=t.user(), core=None,
                    connections=64, batch=1, total=total,
                    seed=seed)["records_per_s"]

    a, b, ratio = written_against_loop(suite, post, 64)
    return [Line("post of an event, 64 connections, return=minimal; bare loop "
                 "committing 64 rows", "events/s", a, b, ratio, 0.25)]


# ---- the history ----

def stream(port, user, n, **options):
    return load("stream", port, headers=user, url=EVENTS, count=n, **options)


def history_cold(suite):
    """The first answer of a server that has just started."""
    data = suite.filled(events=HISTORY)
    n = count(suite, data)
    figures, used_s = [], 0
    for _ in range(2 * REPEATS):
        with Tombolo(data, SERVER_CORE) as t:
            user = t.user()
            used_s -= t.processor_s()
            figures.append(stream(t.port, user, n, each=1)["records_per_s"])
            used_s += t.processor_s()
    return [Line("history of 100,000 events, one core, the first answer after "
                 "the start", "events/s", statistics.median(figures),
                 floor=MILLION),
            Line("the same in a second of the server's processor time, "
                 "whatever else the core was busy with", "events",
                 2 * REPEATS * n / used_s)]


def history_warm(suite):
    """One that was just read, against nginx and a file."""
    seconds = 1 if QUICK else 3
    data = suite.filled(events=HISTORY)
    n = count(suite, data)
    with Tombolo(data, SERVER_CORE) as t, \
            Nginx(suite.place("nginx"), SERVER_CORE) as file:
        user = t.user()
        file.put("events", t.must("GET", EVENTS, user)[1])

        def get(port, path):
            return load("stream", port, headers=user, url=path, count=n,
                        connections=4, seconds=seconds)["records_per_s"]

        a, b, ratio = ratios(REPEATS, lambda: get(t.port, EVENTS),
                             lambda: get(file.port, "/events"))
    return [Line("history of 100,000 events just read, one core; nginx "
                 "sending it as a file", "events/s", a, b, ratio, 0.4)]


# ---- nothing new ----

def at_head(t, user):
    """The address that asks for what comes behind the last event."""
    got, _ = t.must("POST", EVENTS, dict(
        user, **{"Content-Type": "application/json",
                 "Prefer": "return=minimal"}), "[]")
    return EVENTS + "?after=" + got["X-Events-Cursor"]


def nothing_new(suite):
    data = suite.filled(events=HISTORY)
    with Tombolo(data, SERVER_CORE) as t:
        user = t.user()
        return against_constant(suite, t, "events after the last one", 0.6,
                                at_head(t, user), user)


# ---- a long history ----

def long_history(suite):
    """All of it to one reader, then to four at once."""
    data = suite.filled(events=LONG_HISTORY)
    n = count(suite, data)
    with Tombolo(data, SERVER_CORE) as t:
        user = t.user()
        t.forget_peak()
        before = t.memory_bytes("VmRSS")
        one = stream(t.port, user, n, each=1)
        stream(t.port, user, n, connections=4, each=1)
        growth = t.memory_bytes("VmHWM") - before
    return [Line("history of 5 million events, one core, the first answer "
                 "after the start", "events/s", one["records_per_s"]),
            Line("the first bytes of it", "ms", one["first_max_us"] / 1000,
                 ceiling=50),
            Line("growth of the server by one such answer and four at once",
                 "MB", growth / 1e6, ceiling=50)]


def long_start(suite):
    data = suite.filled(events=LONG_HISTORY)
    with Tombolo(data) as t:
        user = t.user()
        url = at_head(t, user)
    times = []
    for _ in range(REPEATS):
        server = Tombolo(data)
        server.probe = (url, user)
        with server as t:
            times.append(t.started_s * 1000)
    return [Line("start to first answer, a history of 5 million events", "ms",
                 statistics.median(times), ceiling=200)]


STEPS = [post_singles, history_cold, history_warm, nothing_new]
LONG_STEPS = [long_history, long_start]
