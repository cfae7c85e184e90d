#!/usr/bin/env python3
"""Prints when schedules occur, found without anything that the program does.

Python's zoneinfo shows the wall clock of every minute around the moments at
which clocks are changed, and each minute is asked whether it is one of the
schedule's. Lines are

    after|ZONE|STARTAT|REPEAT|TIME|AFTER|EXPECTED
    last|ZONE|STARTAT|REPEAT|TIME|DUE|NOW|EXPECTED

with moments in seconds since 1970 and `-` for a TIME that is not given: the
first occurrence after a moment; and the last one by NOW, of a job whose last
run was due at DUE.
"""

import calendar
import os
import random
import zoneinfo
from datetime import datetime, timezone

MINUTE = 60
HOUR = 3600
DAY = 86400

# Zones, and years whose changes are looked at.
WHERE = [
    ("Europe/Berlin", [2024, 2051]),
    ("Europe/Dublin", [2024]),
    ("America/New_York", [2025, 2099]),
    ("America/St_Johns", [1988, 2006, 2026]),  # 1988: two hours
    ("America/Havana", [2024]),  # at midnight
    ("America/Nuuk", [2030]),  # on the day before, by its rule
    ("Australia/Lord_Howe", [2024, 2045]),  # half an hour
    ("Pacific/Chatham", [2024]),  # 45 minutes
    ("Pacific/Apia", [2011]),  # left out a day
    ("Pacific/Kwajalein", [1993]),  # likewise
    ("Africa/Casablanca", [2025]),  # around Ramadan
    ("Africa/Cairo", [2024, 2060]),  # at 24:00
    ("Antarctica/Troll", [2024, 2041]),  # two hours
    ("Asia/Tehran", [2022]),
    ("Asia/Gaza", [2024]),
    ("Asia/Kathmandu", [1986]),  # moved by 15 minutes, for good
    ("UTC", []),
]

SCHEDULES = [
    ("hourly", "00:30"),
    ("hourly", "13:15"),
    ("hourly", "-"),
    ("daily", "00:00"),
    ("daily", "00:30"),
    ("daily", "01:45"),
    ("daily", "02:00"),
    ("daily", "02:30"),
    ("daily", "03:00"),
    ("daily", "-"),
    ("weekly", "02:15"),
    ("weekly", "-"),
    ("monthly", "02:30"),
    ("monthly", "-"),
    ("* * * * *", "-"),
    ("* 0-23 * * *", "-"),
    ("*/15 * * * *", "-"),
    ("*/20 2 * * *", "-"),
    ("30 1 * * *", "-"),
    ("0 */2 * * *", "-"),
    ("15,45 0-3 * * *", "-"),
    ("30 1-3 * * sun", "-"),
    ("0 * 25-31 * *", "-"),
    ("7-40/11 * * Mar,oct,NOV 0,7", "-"),
    ("5 4 1,31 * sat-sat", "-"),
    ("59 23 * 1-12/2 mon-fri", "-"),
]

# Minutes are 0 or 30, so that steps of half an hour find them.
RARE = [
    ("monthly", "12:00"),
    ("0 0 29 2 *", "-"),
    ("30 12 31 * *", "-"),
    ("0 0 13 * fri", "-"),
    ("0 6 1 1 *", "-"),
    ("30 23 */10 */5 7", "-"),
    ("0 * 29 feb *", "-"),
]


class Cron:
    """A cron line, as sets of numbers."""

    RANGES = [(0, 59), (0, 23), (1, 31), (1, 12), (0, 7)]
    NAMES = [
        {},
        {},
        {},
        {n.lower(): i for i, n in enumerate(calendar.month_abbr) if n},
        {n: i for i, n in enumerate("sun mon tue wed thu fri sat".split())},
    ]

    def __init__(self, line):
        words = line.split()
        self.sets = [self.parse(w, i) for i, w in enumerate(words)]
        self.sets[4] = {n % 7 for n in self.sets[4]}
        self.is_elapsed = words[1] == "*"
        self.is_either = words[2] != "*" and words[4] != "*"

    def parse(self, word, i):
        found = set()
        for item in word.split(","):
            item, _, step = item.partition("/")
            if item == "*":
                first, last = self.RANGES[i]
            else:
                first, _, last = item.partition("-")
                first = self.number(first, i)
                last = self.number(last, i) if last else first
            found.update(range(first, last + 1, int(step or 1)))
        return found

    def number(self, text, i):
        return self.NAMES[i].get(text.lower(), -1) if text.isalpha() else int(text)

    def matches(self, at):
        if at.minute not in self.sets[0] or at.hour not in self.sets[1]:
            return False
        if at.month not in self.sets[3]:
            return False
        days = [at.day in self.sets[2], at.isoweekday() % 7 in self.sets[4]]
        return any(days) if self.is_either else all(days)


class Word:
    """`hourly` and so on."""

    def __init__(self, repeat, time, anchor):
        self.repeat = repeat
        self.anchor = anchor
        self.hour, self.minute = anchor.hour, anchor.minute
        if time != "-":
            self.hour, self.minute = map(int, time.split(":"))
        self.is_elapsed = repeat == "hourly"

    def matches(self, at):
        if at.minute != self.minute:
            return False
        if self.repeat == "hourly":
            return True
        if at.hour != self.hour:
            return False
        if self.repeat == "weekly":
            return at.weekday() == self.anchor.weekday()
        if self.repeat == "monthly":
            last = calendar.monthrange(at.year, at.month)[1]
            return at.day == min(self.anchor.day, last)
        return True


def wall(zone, at):
    """What the clocks of a zone show, as if it were UTC."""
    shown = datetime.fromtimestamp(at, zone)
    return at + int(shown.utcoffset().total_seconds())


def face(minute):
    return datetime.fromtimestamp(minute * MINUTE, timezone.utc)


class Window:
    """Each moment of some days, and what the clocks show then."""

    def __init__(self, name, begin, end, step=MINUTE):
        self.name = name
        self.zone = zoneinfo.ZoneInfo(name)
        self.moments = range(begin, end, step)
        self.shown = [wall(self.zone, at) // MINUTE for at in self.moments]
        # Minutes that the clock comes to or jumps over; not those to which
        # it was set back.
        self.news = []
        seen = self.shown[0]
        for at, minute in zip(self.moments, self.shown):
            for m in range(seen + step // MINUTE, minute + 1, step // MINUTE):
                self.news.append((at, m))
            seen = max(seen, minute)
        self.faces = {m: face(m) for m in self.shown}
        self.faces.update({m: face(m) for _, m in self.news})

    def occurrences(self, schedule):
        shown = zip(self.moments, self.shown) if schedule.is_elapsed else self.news
        found = [at for at, m in shown if schedule.matches(self.faces[m])]
        # What was jumped over is at one moment.
        return sorted(set(found))


def changes(name, year):
    """The moments of a year at which the clocks of a zone are changed."""
    zone = zoneinfo.ZoneInfo(name)
    begin = calendar.timegm((year, 1, 1, 0, 0, 0))
    moments = range(begin, begin + 366 * DAY, 15 * MINUTE)
    offsets = [wall(zone, at) - at for at in moments]
    return [b for b, x, y in zip(moments[1:], offsets, offsets[1:]) if x != y]


def text(at):
    return datetime.fromtimestamp(at, timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


def make(window, anchor, repeat, time):
    if " " in repeat:
        return Cron(repeat)
    at = face(wall(window.zone, anchor) // MINUTE)
    return Word(repeat, time, at)


def put(window, anchor, spec, rng, middle):
    """Cases of one schedule in one window: close to its middle, and anywhere."""
    repeat, time = spec
    found = window.occurrences(make(window, anchor, repeat, time))
    # What comes behind the window is not known.
    if not found:
        return
    head = "|".join([window.name, text(anchor), repeat, time])
    first = window.moments[0]
    afters = sorted(found, key=lambda at: abs(at - middle))[:6]
    afters += [at - 1 for at in afters[:3]] + [first]
    afters += [rng.randint(first, found[-1]) for _ in range(4)]
    for after in afters:
        expected = next((at for at in found if at > after), None)
        if expected:
            print("after", head, after, expected, sep="|")
    for now in afters:
        due = rng.choice(found)
        over = [at for at in found if due < at <= now]
        if over:
            print("last", head, due, now, over[-1], sep="|")


def main():
    zoneinfo.reset_tzpath([os.environ.get("TZDIR") or "/usr/share/zoneinfo"])
    rng = random.Random(20240229)
    for name, years in WHERE:
        middles = [at for year in years for at in changes(name, year)]
        for middle in middles or [1709164800]:
            window = Window(name, middle - 27 * HOUR, middle + 30 * HOUR)
            for spec in SCHEDULES:
                anchor = middle - rng.choice([7, 364, 3640]) * DAY
                anchor += rng.choice([0, -15, -30, 25, 60, 90, 105]) * MINUTE
                put(window, anchor, spec, rng, middle)
    for name in ["Europe/Berlin", "America/New_York", "Asia/Tehran", "UTC"]:
        begin = calendar.timegm((2096, 1, 1, 0, 0, 0))
        if name != "UTC":
            begin -= 80 * 366 * DAY
        window = Window(name, begin, begin + 9 * 366 * DAY, 30 * MINUTE)
        for spec in RARE:
            anchor = begin - rng.choice([1, 30, 31]) * DAY
            put(window, anchor, spec, rng, begin + 1500 * DAY)


main()
