"""Computes the times of cron expressions by walking every minute, for the test `timetable.rs`.

Reads JSON: {"zones": [...], "crons": [...], "from": seconds, "to": seconds}.
Prints one line per zone and expression: the times from `from` up to `to` (exclusive), in minutes.
"""

import calendar
import json
import sys
from datetime import datetime, timedelta, timezone

try:
    from zoneinfo import ZoneInfo, ZoneInfoNotFoundError
except ImportError:
    sys.exit(3)

MINUTE = timedelta(minutes=1)


def values(field, least, most):
    """The plain values of a field, and its items with a modifier."""
    plain, special = set(), []
    for item in field.split(","):
        if item == "L" or "#" in item:
            special.append(item)
            continue
        span, _, step = item.partition("/")
        first, _, last = span.partition("-")
        if span == "*":
            first, last = least, most
        elif not last:
            last = first
        plain.update(range(int(first), int(last) + 1, int(step or 1)))
    return plain, special


def matcher(cron):
    minute, hour, day, month, weekday = cron.split()
    minutes, _ = values(minute, 0, 59)
    hours, _ = values(hour, 0, 23)
    days, last_day = values(day, 1, 31)
    months, _ = values(month, 1, 12)
    weekdays, nth = values(weekday, 0, 6)
    weekdays = {number % 7 for number in weekdays}
    either = not day.startswith("*") and not weekday.startswith("*")

    def on_day(at):
        length = calendar.monthrange(at.year, at.month)[1]
        number = at.isoweekday() % 7
        by_day = at.day in days or bool(last_day) and at.day == length
        by_weekday = number in weekdays
        for item in nth:
            wanted, _, place = item.partition("#")
            if int(wanted) % 7 == number:
                is_last = at.day + 7 > length
                by_weekday |= is_last if place == "L" else (at.day + 6) // 7 == int(place)
        return by_day or by_weekday if either else by_day and by_weekday

    def matches(at):
        return (
            at.minute in minutes and at.hour in hours and at.month in months and on_day(at)
        )

    return matches


def main():
    task = json.load(sys.stdin)
    matchers = [matcher(cron) for cron in task["crons"]]
    for name in task["zones"]:
        try:
            zone = ZoneInfo(name)
        except ZoneInfoNotFoundError:
            sys.exit(3)
        times = [[] for _ in matchers]
        before = None
        for at in range(task["from"], task["to"], 60):
            local = datetime.fromtimestamp(at, timezone.utc).astimezone(zone)
            offset = local.utcoffset()
            wall = local.replace(tzinfo=None, fold=0)
            candidates = [] if local.fold else [wall]
            if before is not None and offset > before:
                skipped = wall - (offset - before)
                while skipped < wall:
                    candidates.append(skipped)
                    skipped += MINUTE
            before = offset
            for matches, found in zip(matchers, times):
                if any(matches(candidate) for candidate in candidates):
                    found.append(at // 60)
        for found in times:
            print(json.dumps(found))


main()
