"""How a step measures: how much of everything, on which stores, in turns.

A step is a function that takes the Suite and gives back lines for the report.
Stores are on the disk of the checkout and every commit is synced.
"""

import os
import pathlib
import shutil
import statistics

from servers import Tombolo, tool

QUICK = bool(os.environ.get("BENCH_QUICK"))
FULL = bool(os.environ.get("BENCH_FULL"))
REPEATS = 3 if QUICK else 5
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


def ratios(repeats, one, other):
    """Runs both in turns; the medians of each and of their ratios."""
    pairs = []
    for _ in range(repeats):
        a = one()
        pairs.append((a, other()))
    return (statistics.median(a for a, _ in pairs),
            statistics.median(b for _, b in pairs),
            statistics.median(a / b for a, b in pairs))


def written_against_loop(suite, write, group):
    """Rows/s of a server that is written to, and of the bare loop that writes
    the same rows in groups of `group`; as `ratios`.

    `write` takes a server and a number that is another one each time, and
    gives back how many it wrote in a second."""
    made = []

    def server():
        data = suite.copy(suite.base(), "written")
        with Tombolo(data) as t:
            figure = write(t, len(made) + 1)
        made.append(data)
        return figure

    def loop():
        data = suite.copy(suite.base(), "loop")
        got = tool("bare", "write", data=data, source=made[-1], group=group)
        suite.drop(data)
        suite.drop(made[-1])
        return got[0]["rows_per_s"]

    return ratios(REPEATS, server, loop)
