"""Dates as people write them: ISO 8601, Unix seconds, and how long ago (``specs/refs.md`` §7).

Clock and zone are arguments, and nothing is guessed: what isn't one of the forms is refused.
"""

import re
from calendar import monthrange
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from typing import Final

from jiaozi_node.errors import LimitExceeded, Malformed
from jiaozi_node.versioning.fields import MAX_TIME_S, MIN_TIME_S

MAX_CHARS: Final = 64  # §7.3
FORMS: Final = (
    "2026-05-01, 2026-05-01T14:30:00Z, @1700000000, now, today, yesterday, "
    "'3 days ago' or 'last week'"
)

_CLOCK = r"(\d\d):(\d\d)(?::(\d\d)(?:[.,]\d+)?)?"
_ISO = re.compile(rf"(\d{{4}})-(\d\d)-(\d\d)(?:[t ]{_CLOCK} ?(z|[+-]\d\d(?::?\d\d)?)?)?", re.ASCII)
_DAY = re.compile(rf"(today|yesterday)(?:[ ._]+{_CLOCK})?", re.ASCII)
_SECONDS = re.compile(r"@(-?\d{1,15})", re.ASCII)
_NUMBER = re.compile(r"\d{1,9}", re.ASCII)
_BETWEEN = re.compile(r"[\s._-]+")

_UNIT_S = {"second": 1, "minute": 60, "hour": 3600, "day": 86_400, "week": 604_800}
_UNIT_MONTHS = {"month": 1, "year": 12}


class BadDate(Malformed):
    """Text that is no date, or a moment that no commit could have."""

    def __init__(self, text: str, why: str = "is no date that is read here") -> None:
        super().__init__(f"{text[:MAX_CHARS]!r} {why}; write {FORMS}")
        self.text = text


def parse(text: str, now: int, zone: tzinfo) -> int:
    """Return the moment that *text* means, in Unix seconds; raises `BadDate`, `LimitExceeded`."""
    if len(text) > MAX_CHARS:
        raise LimitExceeded("date", MAX_CHARS, len(text), "characters")
    words = text.strip().lower()
    try:
        found = _seconds(words, now, zone)
    except (ValueError, OverflowError):  # February 30, 25:00, the year 0
        raise BadDate(text, "is no moment of the calendar") from None
    if found is None:
        raise BadDate(text)
    if not MIN_TIME_S <= found <= MAX_TIME_S:
        raise BadDate(text, "lies outside the years 1 to 9999")
    return found


def _seconds(words: str, now: int, zone: tzinfo) -> int | None:
    if seconds := _SECONDS.fullmatch(words):
        return int(seconds[1])
    if iso := _ISO.fullmatch(words):
        there = zone if iso[7] is None else _zone(iso[7])
        year, month, day_of_month = int(iso[1]), int(iso[2]), int(iso[3])
        return _moment(year, month, day_of_month, iso.group(4, 5, 6), there)
    if words == "now":
        return now
    if day := _DAY.fullmatch(words):
        if day[1] == "yesterday" and day[2] is None:
            return now - 86_400
        date = datetime.fromtimestamp(now, zone).date()
        if day[1] == "yesterday":
            date -= timedelta(days=1)
        return _moment(date.year, date.month, date.day, day.group(2, 3, 4), zone)
    return _ago(_BETWEEN.split(words), now, zone)


def _moment(year: int, month: int, day: int, clock: tuple[str | None, ...], zone: tzinfo) -> int:
    hour, minute, second = (int(part or 0) for part in clock)
    at = datetime(year, month, day, hour, minute, second, tzinfo=zone)
    return (at - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(seconds=1)


def _zone(text: str) -> tzinfo:
    if text == "z":
        return UTC
    hours, minutes = int(text[1:3]), int(text[3:].lstrip(":") or 0)
    if minutes > 59:
        raise ValueError(text)
    east = timedelta(hours=hours, minutes=minutes)
    return timezone(-east if text[0] == "-" else east)


def _ago(words: list[str], now: int, zone: tzinfo) -> int | None:
    """Read ``2 weeks 1 hour ago``, ``a day ago`` and ``last week``."""
    if words[-1:] == ["ago"]:
        words = words[:-1]
    elif len(words) == 2 and words[0] == "last":
        words = ["1", words[1]]
    if not words or len(words) % 2:
        return None
    seconds = months = 0
    for number, unit in zip(words[::2], words[1::2], strict=True):
        name = unit.removesuffix("s")
        if number in ("a", "an"):
            many = 1
        elif _NUMBER.fullmatch(number):
            many = int(number)
        else:
            return None
        if name in _UNIT_S:
            seconds += many * _UNIT_S[name]
        elif name in _UNIT_MONTHS:
            months += many * _UNIT_MONTHS[name]
        else:
            return None
    return _back(now, months, zone) - seconds


def _back(now: int, months: int, zone: tzinfo) -> int:
    """Return *now* so many calendar months earlier; a day that is lacking becomes the last."""
    if not months:
        return now
    at = datetime.fromtimestamp(now, zone)
    year, month = divmod(at.year * 12 + at.month - 1 - months, 12)
    day = min(at.day, monthrange(year, month + 1)[1])
    clock = (str(at.hour), str(at.minute), str(at.second))
    return _moment(year, month + 1, day, clock, zone)
