#!/usr/bin/env python3
"""Count what test programs reported, honestly, and print one line.

    tools/count_tests.py FOLDER STATUS

STATUS is what the runners said together: when it is not 0 there is a failure,
even if no case was named. FOLDER holds meson's testlog.json as meson.json and
pytest's JUnit files as api.xml and interop.xml, each of which may be missing.
Each case of a cmocka program counts; a program that says nothing of cases
counts as one; one that failed without naming a case (a crash, a time-out, a
sanitizer's report) is one failure. The exit code is 1 when anything failed or
nothing ran.
"""

import json
import pathlib
import re
import sys
import xml.etree.ElementTree as ET

PASSED = re.compile(r"^\[  PASSED  \] (\d+) test", re.M)
FAILED = re.compile(r"^\[  FAILED  \] (\d+) test", re.M)


def count_program(test):
    """(passed, failed, skipped) of one line of meson's log."""
    if test["result"] == "SKIP":
        return 0, 0, 1
    text = (test.get("stdout") or "") + "\n" + (test.get("stderr") or "")
    passed = sum(map(int, PASSED.findall(text)))
    failed = sum(map(int, FAILED.findall(text)))
    is_ok = test["result"] in ("OK", "EXPECTEDFAIL")
    if not is_ok:
        return passed, max(failed, 1), 0
    return (passed, failed, 0) if passed + failed else (1, 0, 0)


def count_meson(path):
    total = [0, 0, 0]
    for line in path.read_text(encoding="utf-8").splitlines():
        counts = count_program(json.loads(line))
        total = [a + b for a, b in zip(total, counts)]
    return total


def count_junit(path):
    total = [0, 0, 0]
    for case in ET.parse(path).getroot().iter("testcase"):
        if case.find("skipped") is not None:
            total[2] += 1
        elif (case.find("failure") is not None or
              case.find("error") is not None):
            total[1] += 1
        else:
            total[0] += 1
    return total


def main():
    folder = pathlib.Path(sys.argv[1])
    total = [0, 0, 0]
    for name, count in (("meson.json", count_meson), ("api.xml", count_junit),
                        ("interop.xml", count_junit)):
        path = folder / name
        if path.exists():
            total = [a + b for a, b in zip(total, count(path))]
    if sys.argv[2] != "0":
        total[1] = max(total[1], 1)
    if total[2]:
        print("%d skipped" % total[2])
    print("%d passed, %d failed" % (total[0], total[1]))
    return 1 if total[1] or not total[0] else 0


if __name__ == "__main__":
    sys.exit(main())
