"""Runs every benchmark and reports it.

Each figure is a ratio of two things measured in turns in the same run, or an
absolute ceiling that the product promises.
"""

import os
import sys
import tempfile

import report
import suite_events
import suite_jobs
import suite_parts
import suite_realtime
import suite_resources
import suite_sites
from measure import FULL, QUICK, REPEATS, Suite
from servers import BUILD

ONLY = os.environ.get("BENCH_ONLY", "").split()
STEPS = (suite_parts.STEPS + suite_sites.STEPS + suite_events.STEPS +
         suite_resources.STEPS + suite_realtime.STEPS + suite_jobs.STEPS)
# Those that take long; made in full, or when they are named.
LONG_STEPS = suite_events.LONG_STEPS


def chosen():
    if not ONLY:
        return STEPS + (LONG_STEPS if FULL else [])
    known = {step.__name__: step for step in STEPS + LONG_STEPS}
    unknown = set(ONLY) - set(known)
    if unknown:
        sys.exit("no such step: " + ", ".join(sorted(unknown)))
    return [known[name] for name in known if name in ONLY]


def main():
    steps = chosen()
    lines = []
    load_average = os.getloadavg()[0]
    with tempfile.TemporaryDirectory(prefix="data-", dir=BUILD) as folder:
        suite = Suite(folder)
        for step in steps:
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
