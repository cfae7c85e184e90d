#!/usr/bin/env python3
"""Prints what the clocks of all zones show, by Python's zoneinfo. Lines are

    local|ZONE|UTC|LOCAL
    utc|ZONE|LOCAL|UTC

in seconds, LOCAL as if the clocks showed UTC: what they show at a moment, and
the first moment at which they show this, or have jumped over it.
"""

import os
import random
import zoneinfo
from datetime import datetime

MINUTE = 60
HOUR = 3600
DAY = 86400
YEAR = 31556952
END = 4102444800  # 2100


def wall(zone, at):
    shown = datetime.fromtimestamp(at, zone)
    return at + int(shown.utcoffset().total_seconds())


def changes(zone, rng):
    """A few moments from which on the clocks are changed, to the second."""
    at = rng.randrange(0, END - 2 * YEAR)
    before = wall(zone, at) - at
    for later in range(at, at + 2 * YEAR, 30 * DAY):
        offset = wall(zone, later) - later
        if offset != before:
            low, high = later - 30 * DAY, later
            while high - low > 1:
                middle = (low + high) // 2
                if wall(zone, middle) - middle == before:
                    low = middle
                else:
                    high = middle
            yield high
        before = offset


def first_utc(zone, local):
    """Minute by minute; local times and changes are at whole ones."""
    near = range(local - 27 * HOUR, local + 27 * HOUR, HOUR)
    at = local - max(wall(zone, n) - n for n in near) - HOUR
    while wall(zone, at) < local:
        at += MINUTE
    return at


def put_zone(name, rng):
    zone = zoneinfo.ZoneInfo(name)
    moments = [rng.randrange(0, END) for _ in range(16)]
    nearby = [0]
    for at in changes(zone, rng):
        moments += [at - 1, at, at + 1]
        nearby.append(at)
    for at in moments:
        print("local", name, at, wall(zone, at), sep="|")
    for at in nearby:
        if at % MINUTE:
            continue
        for shift in rng.sample(range(-150, 150, 15), 3):
            local = (wall(zone, at) // MINUTE + shift) * MINUTE
            print("utc", name, local, first_utc(zone, local), sep="|")


def main():
    zoneinfo.reset_tzpath([os.environ.get("TZDIR") or "/usr/share/zoneinfo"])
    rng = random.Random(8536)
    for name in sorted(zoneinfo.available_timezones() - {"localtime"}):
        put_zone(name, rng)


main()
