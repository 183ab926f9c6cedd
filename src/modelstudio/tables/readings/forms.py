"""The forms in which moments are written, each with the one rule that reads it.

A moment is microseconds since 1970, on the clock that is written or, where an offset is written,
in UTC. A form reads a text or gives None; it never guesses what a text does not say.
"""

from __future__ import annotations

import datetime as dt
import re
from functools import lru_cache
from typing import TYPE_CHECKING, Final, NamedTuple

from modelstudio.tables.readings import bits
from modelstudio.tables.readings.base import LONGEST
from modelstudio.tables.readings.calendar_words import MONTHS, ZONES

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_CLOCK: Final = (
    r"(?P<hour>\d{1,2}):(?P<minute>\d{2})(?::(?P<second>\d{2})(?:[.,](?P<fraction>\d{1,9}))?)?"
    r"\s*(?:uhr)?(?P<half>[ap]\.?\s?m\.?)?"
    # Java adds the name of the zone that the offset is of.
    r"\s*(?P<zone>[+-]\d{2}(?::?\d{2})?|[a-z]{1,4})?(?:\[[\w/+-]+\])?"
)
#: Behind a date, where it cannot be a number, a clock may have points.
_CLOCK_BEHIND: Final = _CLOCK.replace(":(?P<minute>", "[:.](?P<minute>").replace(
    "(?::(?P<second>", "(?:[:.](?P<second>"
)
_BASIC_CLOCK: Final = (
    r"(?P<hour2>\d{2})(?P<minute2>\d{2})(?:(?P<second2>\d{2})(?:[.,](?P<fraction2>\d{1,9}))?)?"
    r"(?P<zone2>z|[+-]\d{2}(?::?\d{2})?)?"
)
_TIME: Final = (
    r"(?:(?:\s*t\s*|\s*,\s*|\s+(?:um |klo |kl\. ?)?|(?<=\d\d\d\d):|(?<=-\d\d)-(?=\d\d\.))"
    rf"{_CLOCK_BEHIND})?"
)
_WORD: Final = r"[^\W\d]{3,12}\.?"
_BETWEEN: Final = r"\s?[-/. ]\s?|\s+del?\s+"
_SEPARATED: Final = re.compile(
    rf"(?P<first>\d{{1,4}}(?:st|nd|rd|th|er)?|{_WORD})(?P<separator>{_BETWEEN}),?"
    rf"(?P<second_part>\d{{1,2}}(?:st|nd|rd|th)?|{_WORD})(?P<separator2>{_BETWEEN}|,\s?|\.\s)"
    rf"(?P<third>\d{{1,4}}){_TIME}",
    re.IGNORECASE,
)
_WITH_WEEKDAY: Final = re.compile(
    r"(?:(?:mon|tue|wed|thu|fri|sat|sun|die|mit|don|sam|son|lun|mar|mer|jeu|ven|dim|mié|jue|vie|sáb"
    r"|dom|gio|seg|ter|qua|qui|sex|man|tir|tis|ons|tor|fre|lør|lör|søn|sön|maa|woe|vri|zat|zon|pon"
    r"|wto|śro|czw|pią|sob|nie)[^\W\d]*(?:-feira)?|mo|di|mi|do|fr|sa|so)\.?,?\s+",
    re.IGNORECASE,
)
#: A day, month and year in one, as SAS and Stata write them: 31JAN2024.
_JOINED: Final = re.compile(r"(\d{1,2})([a-z]{3})(\d{4}|\d{2})(?=$|[:\s])", re.IGNORECASE)
_COMPACT: Final = re.compile(
    rf"(?P<year>\d{{4}})(?P<month>\d{{2}})(?P<day>\d{{2}})(?:\.0)?(?:t{_BASIC_CLOCK})?"
    rf"|(?P<year3>\d{{4}})(?P<month3>\d{{2}})(?P<day3>\d{{2}})(?:\s+|t){_CLOCK}",
    re.IGNORECASE,
)
_BASIC_TIME: Final = re.compile(
    rf"(?P<year>\d{{4}})-(?P<month>\d{{2}})-(?P<day>\d{{2}})t{_BASIC_CLOCK}", re.IGNORECASE
)
_YEAR_MONTH: Final = re.compile(r"(\d{4})(?:\s?[-/.]\s?|m)(\d{1,2})", re.IGNORECASE)
_MONTH_YEAR: Final = re.compile(r"(\d{1,2})\s?[-/.]\s?(\d{4})")
_MONTH_WORD: Final = re.compile(rf"({_WORD})[-/, ]\s?'?(\d{{4}}|\d{{2}})", re.IGNORECASE)
_WORD_MONTH: Final = re.compile(rf"(\d{{4}})[-/, ]\s?({_WORD})", re.IGNORECASE)
_QUARTER: Final = re.compile(r"(\d{4})[-/ ]?q([1-4])|q([1-4])[-/ ]?'?(\d{4})", re.IGNORECASE)
_QUARTER_FIRST: Final = re.compile(r"([1-4])q[-/ ]?(\d{4})", re.IGNORECASE)
_WEEK: Final = re.compile(r"(\d{4})-?w(\d{2})(?:-?([1-7]))?|(\d{4})-?w(\d)", re.IGNORECASE)
_CLOCK_ALONE: Final = re.compile(_CLOCK, re.IGNORECASE)
_DURATION: Final = re.compile(r"(-)?(?:(\d+):)?(\d+):(\d{2})(?:[.,](\d{1,6}))?")

_SECOND: Final = 1_000_000
_DAY: Final = 86_400 * _SECOND
_YEARS: Final = range(1000, 10_000)
_PLAUSIBLE_YEARS: Final = range(1900, 2101)
_NOON: Final = 12
_MIDNIGHT: Final = 24
_LATEST: Final = 253_402_300_800 * _SECOND  # the year 10000
_EPOCH: Final = dt.date(1970, 1, 1).toordinal()


class Found(NamedTuple):
    """A moment as a form read it.

    Attributes
    ----------
    micros
        Since 1970; in UTC when there is an offset.
    timed
        Whether a time of day is written.
    offset
        Minutes east of Greenwich as written, None where nothing is.
    """

    micros: int
    timed: bool = False
    offset: int | None = None


Parts = tuple[str, str, str]


def parse(form: int, text: str, window: int) -> Found | None:
    """Read a text without spaces around it; ``window`` is the first year of two-digit years."""
    if len(text) > LONGEST:
        return None
    if form in _ORDERS:
        return _in_order(form, text, window)
    return _OTHERS[form](text, window)


def _in_order(form: int, text: str, window: int) -> Found | None:
    match = separated(text)
    if match is None:
        return _basic_time(text) if form == bits.YMD else None
    date = day_of(form, parts_of(match), window)
    return None if date is None else _at_time(date, match)


@lru_cache(maxsize=4)  # the forms of one text are tried one after the other
def separated(text: str) -> re.Match[str] | None:
    """Return the three parts of a date, if it has such."""
    found = _SEPARATED.fullmatch(_JOINED.sub(r"\1-\2-\3", text, count=1))
    if found is None and _WITH_WEEKDAY.match(text):
        found = _SEPARATED.fullmatch(_WITH_WEEKDAY.sub("", text, count=1))
    if found is None or found["separator"].strip() == found["separator2"].strip():
        return found
    # Only beside a month's name may they differ: 5. January 2024, Jan 5, 2024.
    return None if found["first"].isdecimal() and found["second_part"].isdecimal() else found


def parts_of(match: re.Match[str]) -> Parts:
    """Return a date's three parts, without what ordinals end with."""
    first, second, third = match.group("first", "second_part", "third")
    return _number(first), _number(second), third


def _number(part: str) -> str:
    return part[:-2] if part[0].isdecimal() and not part.isdecimal() else part


@lru_cache(maxsize=8192)  # most days are in many rows
def day_of(form: int, parts: Parts, window: int) -> int | None:
    """Return the day since 1970 of a date's parts in an order."""
    words = [place for place, part in enumerate(parts) if not part[0].isdecimal()]
    if len(words) > 1:
        return None
    year_first, short = form in {bits.YMD, bits.YMD2}, form in {bits.YMD2, bits.DMY2, bits.MDY2}
    if year_first:
        if short and words:
            return None  # 31-JAN-24: nobody writes the year there
        year, month, day = parts
    elif words == [0] or (not words and form in {bits.MDY, bits.MDY2}):
        month, day, year = parts
    else:
        day, month, year = parts
    if len(year) != (2 if short else 4) or len(day) > 2 or not day[0].isdecimal():  # noqa: PLR2004
        return None
    if not year.isdecimal():
        return None
    number = _month(month)
    return _ordinal(_full(year, window), number, int(day))


def _month(text: str) -> int:
    if text[0].isdecimal():
        return int(text) if len(text) <= 2 else 0  # noqa: PLR2004
    return MONTHS.get(text.rstrip(".").casefold(), 0)


def _full(year: str, window: int) -> int:
    if len(year) == 4:  # noqa: PLR2004
        return int(year)
    return window + (int(year) - window) % 100


def _ordinal(year: int, month: int, day: int) -> int | None:
    if year not in _YEARS or not 1 <= month <= 12:  # noqa: PLR2004
        return None
    try:
        return dt.date(year, month, day).toordinal() - _EPOCH
    except ValueError:
        return None


def _at_time(day: int, match: re.Match[str]) -> Found | None:
    if match["hour"] is None:
        return Found(day * _DAY)
    return _timed(day, *match.group("hour", "minute", "second", "fraction", "half", "zone"))


def _timed(
    day: int,
    hours: str,
    minutes: str,
    seconds: str | None,
    fraction: str | None,
    half: str | None,
    zone: str | None,
) -> Found | None:
    hour, minute, second = int(hours), int(minutes), int(seconds or 0)
    if half:
        if not 1 <= hour <= _NOON:
            return None
        hour = hour % _NOON + (_NOON if half[0] in "pP" else 0)
    micros = int((fraction or "")[:6].ljust(6, "0"))
    ends_a_day = hour == _MIDNIGHT and not (minute or second or micros)
    if (hour >= _MIDNIGHT and not ends_a_day) or minute > 59 or second > 60:  # noqa: PLR2004
        return None
    second = min(second, 59)  # a leap second, which no clock here has
    offset = None
    if zone:
        offset = _offset(zone)
        if offset is None:
            return None
    within = ((hour * 60 + minute) * 60 + second) * _SECOND + micros
    return Found(day * _DAY + within - (offset or 0) * 60 * _SECOND, timed=True, offset=offset)


def _offset(zone: str) -> int | None:
    if zone[0] not in "+-":
        return ZONES.get(zone.casefold())
    minutes = int(zone[1:3]) * 60 + (int(zone[-2:]) if len(zone) > 3 else 0)  # noqa: PLR2004
    if minutes > 18 * 60:
        return None
    return -minutes if zone[0] == "-" else minutes


def _compact(text: str, _window: int) -> Found | None:
    match = _COMPACT.fullmatch(text)
    if match is None:
        return None
    if match["year3"]:
        day = _ordinal(int(match["year3"]), int(match["month3"]), int(match["day3"]))
        plausible = int(match["year3"]) in _PLAUSIBLE_YEARS
        return _at_time(day, match) if day is not None and plausible else None
    if int(match["year"]) not in _PLAUSIBLE_YEARS:
        return None
    return _with_basic_clock(match)


def _basic_time(text: str) -> Found | None:
    match = _BASIC_TIME.fullmatch(text)
    return None if match is None else _with_basic_clock(match)


def _with_basic_clock(match: re.Match[str]) -> Found | None:
    day = _ordinal(int(match["year"]), int(match["month"]), int(match["day"]))
    if day is None:
        return None
    if match["hour2"] is None:
        return Found(day * _DAY)
    hour, minute, second, fraction = match.group("hour2", "minute2", "second2", "fraction2")
    return _timed(day, hour, minute, second, fraction, None, match["zone2"])


def _compact_short(text: str, window: int) -> Found | None:
    if len(text) != 6 or not text.isdecimal():  # noqa: PLR2004
        return None
    day = _ordinal(_full(text[:2], window), int(text[2:4]), int(text[4:]))
    return None if day is None else Found(day * _DAY)


def _compact_day_first(text: str, _window: int) -> Found | None:
    if len(text) != 8 or not text.isdecimal() or int(text[4:]) not in _PLAUSIBLE_YEARS:  # noqa: PLR2004
        return None
    day = _ordinal(int(text[4:]), int(text[2:4]), int(text[:2]))
    return None if day is None else Found(day * _DAY)


def _first_of(year: int, month: int) -> Found | None:
    day = _ordinal(year, month, 1)
    return Found(day * _DAY) if day is not None and year in _PLAUSIBLE_YEARS else None


def _year_month(text: str, _window: int) -> Found | None:
    digits = text.removesuffix(".0")
    if len(digits) != 6 or not digits.isdecimal():  # noqa: PLR2004
        return None
    return _first_of(int(digits[:4]), int(digits[4:]))


def _month_alone(text: str, _window: int) -> Found | None:
    match = _YEAR_MONTH.fullmatch(text)
    if match:
        return _first_of(int(match[1]), int(match[2]))
    match = _MONTH_YEAR.fullmatch(text)
    if match:
        return _first_of(int(match[2]), int(match[1]))
    match = _WORD_MONTH.fullmatch(text)
    if match:
        return _first_of(int(match[1]), _month(match[2]))
    match = _MONTH_WORD.fullmatch(text)
    if match and len(match[2]) == 4:  # noqa: PLR2004
        return _first_of(int(match[2]), _month(match[1]))
    return None


def _month_short(text: str, window: int) -> Found | None:
    match = _MONTH_WORD.fullmatch(text)
    if match is None or len(match[2]) != 2:  # noqa: PLR2004
        return None
    return _first_of(_full(match[2], window), _month(match[1]))


def _quarter(text: str, _window: int) -> Found | None:
    match = _QUARTER.fullmatch(text)
    if match:
        return _first_of(int(match[1] or match[4]), int(match[2] or match[3]) * 3 - 2)
    match = _QUARTER_FIRST.fullmatch(text)
    return _first_of(int(match[2]), int(match[1]) * 3 - 2) if match else None


def _week(text: str, _window: int) -> Found | None:
    match = _WEEK.fullmatch(text)
    if match is None or int(match[1] or match[4]) not in _PLAUSIBLE_YEARS:
        return None
    year, week = int(match[1] or match[4]), int(match[2] or match[5])
    try:
        day = dt.date.fromisocalendar(year, week, int(match[3] or 1))
    except ValueError:
        return None
    return Found((day.toordinal() - _EPOCH) * _DAY)


def _year(text: str, _window: int) -> Found | None:
    digits = text.removesuffix(".0")
    if len(digits) != 4 or not digits.isdecimal() or int(digits) not in _YEARS:  # noqa: PLR2004
        return None
    day = _ordinal(int(digits), 1, 1)
    return None if day is None else Found(day * _DAY)


def _clock(text: str, _window: int) -> Found | None:
    match = _CLOCK_ALONE.fullmatch(text)
    return None if match is None else _at_time(0, match)


def _duration(text: str, _window: int) -> Found | None:
    """Read ``mm:ss`` or ``h:mm:ss``, of which all but the first part stay below 60."""
    match = _DURATION.fullmatch(text)
    if match is None or int(match[4]) > 59 or (match[2] and int(match[3]) > 59):  # noqa: PLR2004
        return None
    seconds = (int(match[2] or 0) * 60 + int(match[3])) * 60 + int(match[4])
    micros = seconds * _SECOND + int((match[5] or "").ljust(6, "0"))
    return Found(-micros if match[1] else micros, timed=True)


def _since(unit: int) -> Callable[[str, int], Found | None]:
    def read(text: str, _window: int) -> Found | None:
        whole, _, fraction = text.partition(".")
        if not whole.removeprefix("-").isdecimal() or not (fraction.isdecimal() or not fraction):
            return None
        micros = int(whole) * unit + int(fraction[:6].ljust(6, "0")) * unit // _SECOND
        return Found(micros, timed=True, offset=0) if abs(micros) < _LATEST else None

    return read


_ORDERS: Final = frozenset({bits.YMD, bits.DMY, bits.MDY, bits.YMD2, bits.DMY2, bits.MDY2})
_OTHERS: Final[Mapping[int, Callable[[str, int], Found | None]]] = {
    bits.COMPACT: _compact,
    bits.COMPACT2: _compact_short,
    bits.COMPACT_DMY: _compact_day_first,
    bits.YEAR_MONTH: _year_month,
    bits.MONTH: _month_alone,
    bits.MONTH2: _month_short,
    bits.QUARTER: _quarter,
    bits.WEEK: _week,
    bits.YEAR: _year,
    bits.CLOCK: _clock,
    bits.DURATION: _duration,
    bits.SECONDS: _since(_SECOND),
    bits.MILLISECONDS: _since(1000),
    bits.MICROSECONDS: _since(1),
}
#: Forms of digits alone, which may as well be numbers.
DIGITS: Final = (
    bits.YEAR, bits.YEAR_MONTH, bits.COMPACT, bits.COMPACT2, bits.COMPACT_DMY,
    bits.SECONDS, bits.MILLISECONDS, bits.MICROSECONDS,
)  # fmt: skip
