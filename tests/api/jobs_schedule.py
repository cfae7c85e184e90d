"""When a schedule runs, worked out again: slowly, minute by minute.

The zones are those of Python's zoneinfo. `next_run` looks for the first
occurrence that is not before a time.
"""

import calendar
import datetime
import zoneinfo

UTC = datetime.timezone.utc
MINUTE = datetime.timedelta(minutes=1)
DAY = datetime.timedelta(days=1)
DAYS_MAX = 9 * 366
MONTHS = {m.lower(): n for n, m in enumerate(calendar.month_abbr) if m}
WEEKDAYS = {d.lower(): (n + 1) % 7 for n, d in enumerate(calendar.day_abbr)}


def parsed(text):
    return datetime.datetime.fromisoformat(text.replace("Z", "+00:00"))


def start_of(schedule, default_zone="UTC"):
    """startAt; without an offset it is a time of the schedule's zone."""
    start = parsed(schedule["startAt"])
    if start.tzinfo is None:
        start = instant(start, zoneinfo.ZoneInfo(
            schedule.get("timezone") or default_zone))
    return start


def written(when):
    return when.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def instant(wall, zone):
    """The moment of a wall clock's time: the first of two, and the end of
    the jump for one that is jumped over."""
    first = wall.replace(tzinfo=zone, fold=0)
    if first.astimezone(UTC).astimezone(zone).replace(tzinfo=None) == wall:
        return first.astimezone(UTC)
    # In a gap the two readings stand on both sides of its end; look for the
    # first moment from which on the clock shows more than was jumped over.
    low, high = sorted(wall.replace(tzinfo=zone, fold=f).astimezone(UTC)
                       for f in (0, 1))
    while low < high:
        if low.astimezone(zone).replace(tzinfo=None) >= wall:
            return low
        low += MINUTE
    return low


def field(text, low, high, names):
    """The set of numbers of one field of a cron line."""
    got = set()
    for part in text.lower().split(","):
        part, _, step = part.partition("/")
        if part == "*":
            first, last = low, high
        else:
            first, _, last = part.partition("-")
            first = names.get(first) if first in names else int(first)
            last = first if not last else (
                names.get(last) if last in names else int(last))
        got |= set(range(first, last + 1, int(step or 1)))
    return got


class Cron:
    def __init__(self, line):
        minute, hour, day, month, weekday = line.split()
        self.minutes = field(minute, 0, 59, {})
        self.hours = field(hour, 0, 23, {})
        self.days = field(day, 1, 31, {})
        self.months = field(month, 1, 12, MONTHS)
        self.weekdays = {d % 7 for d in field(weekday, 0, 7, WEEKDAYS)}
        self.either = day != "*" and weekday != "*"
        self.every_hour = hour == "*"

    def is_day(self, date):
        if date.month not in self.months:
            return False
        by_day = date.day in self.days
        by_weekday = (date.weekday() + 1) % 7 in self.weekdays
        if self.either:
            return by_day or by_weekday
        return by_day and by_weekday


def day_rule(schedule, anchor):
    """Whether a repetition that is no cron line runs on a date."""
    repeat = schedule["repeat"]
    if repeat == "weekly":
        return lambda d: d.weekday() == anchor.weekday()
    if repeat == "monthly":
        return lambda d: d.day == min(
            anchor.day, calendar.monthrange(d.year, d.month)[1])
    return lambda d: True


def times_of_day(date, clock, zone):
    """The moments of a date whose clock shows one of these (hour, minute),
    each once."""
    return {instant(datetime.datetime.combine(date, datetime.time(h, m)),
                    zone) for h, m in clock}


def moments_of_day(date, minutes, zone):
    """All moments of a date at these minutes, however often they come."""
    now = instant(datetime.datetime.combine(date, datetime.time()), zone)
    while now.astimezone(zone).date() == date:
        if now.astimezone(zone).minute in minutes:
            yield now
        now += MINUTE


def next_run(schedule, not_before, now=None, default_zone="UTC"):
    """The first occurrence at `not_before` or later; None if there is none
    within a few years."""
    zone = zoneinfo.ZoneInfo(schedule.get("timezone") or default_zone)
    start = start_of(schedule, default_zone) if "startAt" in schedule \
        else now
    if "repeat" not in schedule:
        return start
    anchor = start.astimezone(zone)
    clock = (anchor.hour, anchor.minute)
    if schedule.get("time"):
        clock = tuple(int(x) for x in schedule["time"].split(":"))
    is_cron = " " in schedule["repeat"]
    cron = Cron(schedule["repeat"]) if is_cron else None
    is_day = cron.is_day if cron else day_rule(schedule, anchor)
    date = not_before.astimezone(zone).date() - DAY
    for _ in range(DAYS_MAX):
        if is_day(date):
            if cron and not cron.every_hour:
                found = times_of_day(date, [
                    (h, m) for h in cron.hours for m in cron.minutes], zone)
            elif cron or schedule["repeat"] == "hourly":
                found = moments_of_day(
                    date, cron.minutes if cron else {clock[1]}, zone)
            else:
                found = times_of_day(date, [clock], zone)
            found = [t for t in found if t >= not_before]
            if found:
                return min(found)
        date += DAY
    return None
