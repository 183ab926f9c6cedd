"""Reads moments from text as preparations of format 2 did, for the models saved with them."""

from __future__ import annotations

import datetime as dt
import re
from enum import StrEnum
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

_CLOCK = (
    r"(?P<hour>\d{1,2}):(?P<minute>\d{2})(?::(?P<second>\d{2})(?:[.,](?P<fraction>\d{1,9}))?)?"
    r"\s*(?P<half>[AaPp]\.?[Mm]\.?)?\s*(?P<zone>Z|UTC|GMT|[+-]\d{2}:?\d{2})?"
)
_TIME = rf"(?:(?:\s*T\s*|\s*,\s*|\s+){_CLOCK})?"
_TIME_ALONE = re.compile(rf"\s*{_CLOCK}\s*")
_WEEKDAY = r"(?:(?:mon|tue|wed|thu|fri|sat|sun)[a-z]*\.?,?\s+)?"
_SEPARATED = re.compile(
    rf"\s*{_WEEKDAY}(?P<first>\d{{1,4}}|[a-z]{{3,9}})(?P<separator>[-/. ]),?\s?"
    rf"(?P<second_part>\d{{1,2}}|[a-z]{{3,9}})(?:\.?[-/. ]|,)\s?"
    rf"(?P<third>\d{{4}}|\d{{1,2}}){_TIME}\s*",
    re.IGNORECASE,
)
_COMPACT = re.compile(
    rf"\s*(?P<first>\d{{4}})(?P<second_part>\d{{2}})(?P<third>\d{{2}})(?:\.0)?{_TIME}\s*"
)
_MONTH_ALONE = re.compile(
    r"\s*(?:(?P<year>\d{4})[-/](?P<month>\d{1,2})"
    r"|(?P<month_first>\d{1,2}[-/]|[a-z]{3,9}\.?(?:,\s?|[-/ ]))(?P<year_last>\d{4}))\s*",
    re.IGNORECASE,
)
_ISO_DATE = re.compile(r"\d{4}-\d{2}-\d{2}(?:[T ]\d{2}:\d{2}.*)?")
_ZONE = re.compile(r"(?:Z|[+-]\d{2}:?\d{2})$")
_MONTHS = {
    name: number
    for number, names in enumerate(
        (
            "january", "february", "march", "april", "may", "june", "july", "august",
            "september", "october", "november", "december",
        ),
        start=1,
    )
    for name in (names, names[:3])
} | {"sept": 9}  # fmt: skip
_PIVOT = 69  # as in POSIX: 68 is 2068, 69 is 1969
_NOON = 12
_LONGEST = 64  # characters; the patterns take long for long texts that nearly match
_REMEMBERED = 100_000  # days, since most are in many rows
_COMPACT_YEARS = range(1900, 2101)


class DateFormat(StrEnum):
    """How dates are spelled; a time of day and a zone may follow in any."""

    ISO = "iso"
    YEAR_FIRST = "year first"
    DAY_FIRST = "day first"
    MONTH_FIRST = "month first"
    COMPACT = "compact"
    MONTH = "month"
    TIME = "time of day"
    SECONDS = "seconds since 1970"
    MILLISECONDS = "milliseconds since 1970"
    MICROSECONDS = "microseconds since 1970"

    def parser(self) -> Callable[[str], dt.datetime | None]:
        """Return a function that reads a text, and gives None for one that it cannot read."""
        if self is DateFormat.ISO:
            return _read_iso
        if self in EPOCH_UNITS:
            return _epoch_reader(EPOCH_UNITS[self])
        if self in _READERS:
            return _READERS[self]
        pattern = _COMPACT if self is DateFormat.COMPACT else _SEPARATED

        known: dict[tuple[str, ...], dt.datetime | None] = {}

        def read(text: str) -> dt.datetime | None:
            match = pattern.fullmatch(text) if len(text) <= _LONGEST else None
            if match is None:
                return None
            date = match.group("first", "second_part", "third")
            if date in known:
                day = known[date]
            else:
                day = self._day(date)
                if len(known) < _REMEMBERED:
                    known[date] = day
            return day if day is None or match["hour"] is None else _at_time(day, match)

        return read

    def is_far(self, text: str) -> bool:
        """Tell a date that Python cannot hold from what is not one."""
        if self is not DateFormat.ISO or not _ISO_DATE.fullmatch(text):
            return False
        try:
            np.datetime64(_ZONE.sub("", text), "us")
        except ValueError:
            return False
        return True

    def _day(self, parts: Sequence[str]) -> dt.datetime | None:
        by_name = [place for place, part in enumerate(parts) if not part.isdigit()]
        if self in {DateFormat.YEAR_FIRST, DateFormat.COMPACT}:
            year, month, day = parts
            if len(year) != 4:  # noqa: PLR2004
                return None
            if self is DateFormat.COMPACT and int(year) not in _COMPACT_YEARS:
                return None
        elif by_name == [0] or (not by_name and self is DateFormat.MONTH_FIRST):
            month, day, year = parts
        else:
            day, month, year = parts
        number = int(month) if month.isdigit() else _MONTHS.get(month.casefold())
        if number is None or not (day.isdigit() and year.isdigit()) or len(day) > 2:  # noqa: PLR2004
            return None
        try:
            return dt.datetime(_full_year(year), number, int(day))  # noqa: DTZ001
        except ValueError:
            return None


#: Seconds in the unit of a number that counts from the epoch.
EPOCH_UNITS = {
    DateFormat.SECONDS: 1.0,
    DateFormat.MILLISECONDS: 1e-3,
    DateFormat.MICROSECONDS: 1e-6,
}
_EPOCH = dt.datetime(1970, 1, 1)  # noqa: DTZ001 - moments are UTC without a zone


def _epoch_reader(unit: float) -> Callable[[str], dt.datetime | None]:
    def read(text: str) -> dt.datetime | None:
        try:
            seconds = float(text) * unit
        except ValueError:
            return None
        try:
            return _EPOCH + dt.timedelta(seconds=seconds)
        except (ValueError, OverflowError):  # not a number, or beyond the years 1 to 9999
            return dt.datetime.max  # noqa: DTZ901 - it counts as missing

    return read


def _read_iso(text: str) -> dt.datetime | None:
    try:
        return dt.datetime.fromisoformat(text.strip())
    except ValueError:
        return None


def _read_month(text: str) -> dt.datetime | None:
    match = _MONTH_ALONE.fullmatch(text) if len(text) <= _LONGEST else None
    if match is None:
        return None
    year = int(match["year"] or match["year_last"])
    name = match["month"] or match["month_first"].rstrip("-/ ,.").casefold()
    month = int(name) if name.isdigit() else _MONTHS.get(name, 0)
    if year not in _COMPACT_YEARS or month not in range(1, 13):
        return None
    return dt.datetime(year, month, 1)  # noqa: DTZ001


def _read_time(text: str) -> dt.datetime | None:
    match = _TIME_ALONE.fullmatch(text) if len(text) <= _LONGEST else None
    return None if match is None else _at_time(_EPOCH, match)


_READERS = {DateFormat.MONTH: _read_month, DateFormat.TIME: _read_time}


def _full_year(text: str) -> int:
    year = int(text)
    if len(text) == 2:  # noqa: PLR2004
        return year + (2000 if year < _PIVOT else 1900)
    if len(text) == 4:  # noqa: PLR2004
        return year
    raise ValueError("not a year")


def _at_time(day: dt.datetime, match: re.Match[str]) -> dt.datetime | None:
    hours, minutes, seconds, fraction, half, zone = match.group(
        "hour", "minute", "second", "fraction", "half", "zone"
    )
    hour, minute = int(hours), int(minutes)
    if half:
        if not 1 <= hour <= _NOON:
            return None
        hour = hour % _NOON + (_NOON if half[0] in "Pp" else 0)
    try:
        moment = day.replace(
            hour=hour,
            minute=minute,
            second=int(seconds) if seconds else 0,
            microsecond=int(fraction[:6].ljust(6, "0")) if fraction else 0,
        )
        if zone and zone[0] in "+-":
            offset = dt.timedelta(hours=int(zone[1:3]), minutes=int(zone[-2:]))
            moment = moment + offset if zone[0] == "-" else moment - offset
    except (ValueError, OverflowError):
        return None
    return moment
