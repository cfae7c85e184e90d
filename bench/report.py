"""The table of results, on the terminal and in bench/RESULTS.md."""

import datetime
import os
import pathlib
import platform
import subprocess
import time
from dataclasses import dataclass
from typing import Optional

RESULTS = pathlib.Path(__file__).resolve().parent / "RESULTS.md"
ROOT = RESULTS.parents[1]
SYNCS, SYNC_BYTES = 200, 4096


@dataclass
class Line:
    """One thing measured, what it was measured against, and its target."""

    what: str
    unit: str
    figure: float
    against: Optional[float] = None
    ratio: Optional[float] = None
    at_least: Optional[float] = None  # of the ratio
    at_most: Optional[float] = None   # of the ratio
    floor: Optional[float] = None     # of the figure
    ceiling: Optional[float] = None   # of the figure

    def is_met(self):
        return ((self.at_least is None or self.ratio >= self.at_least) and
                (self.at_most is None or self.ratio <= self.at_most) and
                (self.floor is None or self.figure >= self.floor) and
                (self.ceiling is None or self.figure < self.ceiling))

    def target(self):
        parts = []
        if self.at_least is not None:
            parts.append("ratio >= %g" % self.at_least)
        if self.at_most is not None:
            parts.append("ratio <= %.2g" % self.at_most)
        if self.floor is not None:
            parts.append(">= %s %s" % (number(self.floor), self.unit))
        if self.ceiling is not None:
            parts.append("< %s %s" % (number(self.ceiling), self.unit))
        return ", ".join(parts)

    def verdict(self):
        if not self.target():
            return ""
        return "yes" if self.is_met() else "NO"

    def cells(self):
        return [self.what,
                "%s %s" % (number(self.figure), self.unit),
                number(self.against) if self.against else "",
                "%.2f" % self.ratio if self.ratio else "",
                self.target(), self.verdict()]


HEADINGS = ["what; against what", "figure", "against", "ratio", "target",
            "met"]


def number(v):
    return "{:,.0f}".format(v) if v >= 100 else "{:.3g}".format(v)


def show(lines):
    """Print lines, what was measured last in each."""
    for line in lines:
        what, figure, against, ratio, target, met = line.cells()
        print("%-3s %16s %12s %6s  %-24s %s" % (
            met, figure, against, ratio, target, what), flush=True)


def sync_us(folder):
    """How long the disk takes for a small write and its sync; the median."""
    path = os.path.join(folder, "sync")
    times = []
    fd = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        for i in range(SYNCS):
            begin = time.monotonic()
            os.pwrite(fd, b"x" * SYNC_BYTES, i * SYNC_BYTES)
            os.fdatasync(fd)
            times.append(time.monotonic() - begin)
    finally:
        os.close(fd)
        os.unlink(path)
    return sorted(times)[SYNCS // 2] * 1e6


def first_value(path, key):
    with open(path, encoding="utf-8") as f:
        for line in f:
            name, _, value = line.partition(":")
            if name.strip() == key:
                return value.strip()
    return "unknown"


def commit():
    done = subprocess.run(["git", "-C", str(ROOT), "rev-parse", "--short",
                           "HEAD"], stdout=subprocess.PIPE, text=True,
                          check=False)
    return done.stdout.strip() or "unknown"


def facts(mode, sync, repeats, load_average):
    """What somebody needs to compare these figures with others."""
    kib = int(first_value("/proc/meminfo", "MemTotal").split()[0])
    return [
        ("date", datetime.date.today().isoformat()),
        ("commit", commit()),
        ("processor", "%s, %d cores" % (
            first_value("/proc/cpuinfo", "model name"), os.cpu_count())),
        ("memory", "%.0f GB" % (kib * 1024 / 1e9)),
        ("system", "%s %s" % (platform.system(), platform.release())),
        ("disk", "a write of 4 KiB and its sync take %.0f us" % sync),
        ("load average at the start", "%.1f; what else runs on the machine "
         "spoils the figures" % load_average),
        ("priority", "nice %d" % os.nice(0)),
        ("mode", "%s, the median of %d" % (mode, repeats)),
    ]


def row(cells):
    return "| " + " | ".join(cells) + " |\n"


def write(lines, about):
    """Write RESULTS.md."""
    with open(RESULTS, "w", encoding="utf-8") as f:
        f.write("# Benchmarks\n\nMade by `make bench`; what each line "
                "measures is in bench/suite_*.py.\n\n")
        for name, value in about:
            f.write("- %s: %s\n" % (name, value))
        f.write("\n" + row(HEADINGS) + row(["---"] * len(HEADINGS)))
        for line in lines:
            f.write(row(line.cells()))
