#!/usr/bin/env python3
"""Makes instants.txt: lists of instants by Python's zoneinfo, written without a look at the program that is tested by them.

Run it as `python3 instants.py > instants.txt`. Each line: zone, cron, first and last day (UTC), number of instants, and the
sha256 of their Unix times, one a line. The rule is that of docs/adr/0008-schedules.md: where the hour field begins with `*` every
minute whose wall-clock time is named; otherwise each named wall-clock time once, a skipped one at the first minute after the gap, a repeated
one at its first coming.
"""
import hashlib
from datetime import date, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

ZONES = ["Europe/Berlin", "America/New_York", "America/Sao_Paulo", "Australia/Lord_Howe", "Pacific/Chatham"]
CRONS = [
    "40 12 * * *",
    "30 2 * * *",
    "0 0 * * *",
    "15 1-3 * * *",
    "*/20 2 * * *",
    "*/15 * * * *",
    "7 */2 * * *",
    "0 3 1 * *",
    "0 2 * * 0",
    "30 1 13 * 5",
]
RANGES = [(date(2016, 1, 1), date(2020, 1, 1)), (date(2026, 1, 1), date(2026, 1, 1) + timedelta(days=400))]
MINUTE = timedelta(minutes=1)


def numbers(text, low, high):
    found = set()
    for part in text.split(","):
        step = 1
        if "/" in part:
            part, step = part.split("/")[0], int(part.split("/")[1])
        if part == "*":
            first, last = low, high
        elif "-" in part:
            first, last = map(int, part.split("-"))
        else:
            first = last = int(part)
        found.update(range(first, last + 1, step))
    return found


def day_fits(day, month_days, months, week_days, day_text, week_text):
    if day.month not in months:
        return False
    of_month, of_week = day.day in month_days, day.isoweekday() % 7 in week_days
    if day_text == "*":
        return of_week
    if week_text == "*":
        return of_month
    return of_month or of_week


def instants(zone, cron, first, last):
    minute_text, hour_text, day_text, month_text, week_text = cron.split()
    minutes, hours = numbers(minute_text, 0, 59), numbers(hour_text, 0, 23)
    month_days, months, week_days = numbers(day_text, 1, 31), numbers(month_text, 1, 12), numbers(week_text, 0, 6)
    fits = lambda day: day_fits(day, month_days, months, week_days, day_text, week_text)
    begin = datetime(first.year, first.month, first.day, tzinfo=timezone.utc)
    end = datetime(last.year, last.month, last.day, tzinfo=timezone.utc)
    found = set()
    if hour_text.startswith("*"):
        moment = begin + MINUTE
        while moment <= end:
            wall = moment.astimezone(zone)
            if wall.minute in minutes and wall.hour in hours and fits(wall.date()):
                found.add(int(moment.timestamp()))
            moment += MINUTE
        return sorted(found)
    day = first - timedelta(days=2)
    while day <= last + timedelta(days=2):
        for hour in sorted(hours) if fits(day) else []:
            for minute in sorted(minutes):
                wall = datetime(day.year, day.month, day.day, hour, minute)
                moment = wall.replace(tzinfo=zone).astimezone(timezone.utc)
                if moment.astimezone(zone).replace(tzinfo=None, fold=0) != wall:
                    # skipped: back to the first minute of the new offset
                    offset = moment.astimezone(zone).utcoffset()
                    while (moment - MINUTE).astimezone(zone).utcoffset() == offset:
                        moment -= MINUTE
                if begin < moment <= end:
                    found.add(int(moment.timestamp()))
        day += timedelta(days=1)
    return sorted(found)


for first, last in RANGES:
    for name in ZONES:
        for cron in CRONS:
            times = instants(ZoneInfo(name), cron, first, last)
            digest = hashlib.sha256("".join(f"{time}\n" for time in times).encode()).hexdigest()
            print(f"{name}|{cron}|{first}|{last}|{len(times)}|{digest}")
