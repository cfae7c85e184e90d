"""How a step measures: how much of everything, on which stores, in turns.

A step is a function that takes the Suite and gives back lines for the report.
Stores are on the disk of the checkout and every commit is synced.
"""

import os
import pathlib
import shutil
import statistics

from report import Line
from servers import BareHttp, SERVER_CORE, Tombolo, load, tool

QUICK = bool(os.environ.get("BENCH_QUICK"))
FULL = bool(os.environ.get("BENCH_FULL"))
REPEATS = 3 if QUICK else 5
MILLION = 1000000
# Of these headers an answer has its own, whatever it answers.
OWN_HEADERS = {"date", "connection", "content-length"}


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

    def filled(self, records=0, updates=0, sites=0, events=0):
        """A store with that much in it, to be read only."""
        name = "filled-%d-%d-%d-%d" % (records, updates, sites, events)
        data = self.folder / name / "data"
        if not data.exists():
            shutil.copytree(self.base(), data)
            tool("fill", data=data, records=records, updates=updates,
                 sites=sites, events=events)
        return data

    def heads(self, data):
        """How far the feeds of a store go."""
        return tool("fill", data=data)[0]

    def drop(self, data):
        shutil.rmtree(data.parent)



def bare_walk(data, between, limit):
    """Rows a second of the bare join of the central feed between two numbers,
    `limit` rows at a time, on the server's core."""
    return tool("bare", "read", core=SERVER_CORE, data=data, limit=limit,
                **{"from": between[0], "to": between[1]})[0]["rows_per_s"]


def ratios(repeats, one, other):
    """Runs both in turns; the medians of each and of their ratios."""
    pairs = []
    for _ in range(repeats):
        a = one()
        pairs.append((a, other()))
    return (statistics.median(a for a, _ in pairs),
            statistics.median(b for _, b in pairs),
            statistics.median(a / b for a, b in pairs))


def in_turns(repeats, *ways):
    """What each way gave, run in turns: a list for each."""
    return list(zip(*[[way() for way in ways] for _ in range(repeats)]))


def line(what, unit, ours, others, **targets):
    """A line about two that were measured in turns."""
    return Line(what, unit, statistics.median(ours),
                statistics.median(others),
                statistics.median(a / b for a, b in zip(ours, others)),
                **targets)


def processor_us(server, run):
    """What a run of the load generator gives back, and the processor time that
    an answer of it took the server."""
    begin_s = server.processor_s()
    done = run()
    return done, (server.processor_s() - begin_s) * 1e6 / done["requests"]


def against_constant(suite, server, what, target, url, headers, status=200):
    """Lines about an answer that is always the same, beside libmicrohttpd
    giving the same status, headers and body."""
    got, body = server.must("GET", url, headers, want=status)
    constant = {name: value for name, value in got.items()
                if name.lower() not in OWN_HEADERS}

    with BareHttp(suite.place("bare"), constant, body.decode(), SERVER_CORE,
                  status) as bare:
        used_us = {server: [], bare: []}

        def get(which):
            done, us = processor_us(which, lambda: load(
                "get", which.port, headers=headers, url=url, status=status,
                connections=16, seconds=1 if QUICK else 3, spin=1))
            used_us[which].append(us)
            return done["requests_per_s"]

        a, b, ratio = ratios(2 * REPEATS + 1, lambda: get(server),
                             lambda: get(bare))
        us, bare_us = (statistics.median(used_us[s]) for s in (server, bare))
    return [Line(what + ", one core; libmicrohttpd answering a constant",
                 "answers/s", a, b, ratio, target),
            Line("the same in processor time of an answer", "us", us, bare_us,
                 bare_us / us)]


def written_against_loop(suite, write, group, data=None, serve=Tombolo,
                         each=1):
    """What a server writes in a second, and the bare loop that writes the same
    rows in groups of `group`; as `ratios`.

    `write` takes a server and a number that is another one each time, and
    gives back how many it wrote in a second: each as `each` rows. It begins
    with `data`, or the demo."""
    made = []

    def begin():
        return data or suite.base()

    def server():
        copy = suite.copy(begin(), "written")
        with serve(copy) as t:
            figure = write(t, len(made) + 1)
        made.append(copy)
        return figure

    def loop():
        copy = suite.copy(begin(), "loop")
        got = tool("bare", "write", data=copy, source=made[-1],
                   group=group * each)
        suite.drop(copy)
        suite.drop(made[-1])
        return got[0]["rows_per_s"] / each

    return ratios(REPEATS, server, loop)
