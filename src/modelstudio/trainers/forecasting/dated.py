"""Frequencies of stamps without a time of day: weeks, months and their many variants."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pandas as pd

from modelstudio.trainers.forecasting import aliases, month_days
from modelstudio.trainers.forecasting.calendar import Calendar

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from modelstudio.trainers.forecasting.calendar import Moments
    from modelstudio.trainers.forecasting.panel import Flags, Ints

#: Of the steps, this share is a single one.
_SINGLE_SHARE: Final = 0.2
#: Of a calendar that few have, and that stamps may lie on by chance, ...
_SURE_SHARE: Final = 0.5
#: ... for which every one of its days comes up so often.
_TIMES: Final = 3
_MONTHS: Final = (
    "JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC",
)  # fmt: skip
_QUARTER: Final = 3
_YEAR: Final = 12
_FRIDAY: Final = 4
_MOST_DAYS_A_MONTH: Final = 4
_LONGEST_MONTH: Final = 31
_WEEK: Final = 7
#: Of the last working days of months, so many are no holidays; one moves a stamp by few days.
_WORKING_SHARE: Final = 0.75
_HOLIDAYS: Final = 5


def calendar_of(stamps: Moments, same: Flags) -> Calendar | None:
    """Return the calendar of stamps without a time of day; None for days and what is irregular.

    Parameters
    ----------
    stamps, same
        The distinct stamps, each series' sorted, and of each but the first whether it follows one
        of its own series.
    """
    days = np.diff(stamps.astype("datetime64[D]"))[same].astype("int64")
    for alias in (*_once_a_month(stamps, same), *_weekly(stamps, days)):  # the first there is
        return Calendar.of(alias, stamps[0])
    for alias in _by_days_seen(stamps, days):
        calendar = Calendar.of(alias, stamps[0])
        if calendar.holds(stamps) and _single(calendar, stamps, same) >= _SURE_SHARE:
            return calendar
    weekdays = month_days.weekday_of(stamps)
    if weekdays.max() == _FRIDAY and (days == 1).mean() >= _SINGLE_SHARE:
        return Calendar.of("B")
    return None


def _single(calendar: Calendar, stamps: Moments, same: Flags) -> float:
    return float((np.diff(calendar.number(stamps))[same] == 1).mean())


def _once_a_month(stamps: Moments, same: Flags) -> Iterator[str]:
    """Yield frequencies of at most one stamp a month on a day that is always the same one."""
    months = stamps.astype("datetime64[M]").astype("int64")
    steps = np.diff(months)[same]
    if steps.min() < 1:
        return
    step = int(np.gcd.reduce(steps))
    if (steps == step).mean() < _SINGLE_SHARE:
        return
    yield from _with_month_ends(stamps, months, step)
    day = np.asarray(pd.DatetimeIndex(stamps).day)
    latest = int(day.max())
    days = stamps.astype("datetime64[D]")
    if (days == month_days.on_days(months, [latest])[:, 0]).all():
        yield aliases.of_month_days([latest], step)
    elif np.ptp(np.diff(days)[same].astype("int64")):  # always four weeks are weeks
        yield from _on_weekdays(days, months, step)


def _with_month_ends(stamps: Moments, months: Ints, step: int) -> Iterator[str]:
    days = stamps.astype("datetime64[D]")
    begins, ends = month_days.first(months), month_days.last(months)
    for suffix, wanted in (("S", begins), ("E", ends)):
        if (days == wanted).all():
            yield _named(f"{{}}{suffix}", int(months[0]), step, at_end=suffix == "E")
    working = (
        ("S", np.busday_offset(begins, 0, "forward")),
        ("E", np.busday_offset(ends, 0, "backward")),
    )
    for suffix, wanted in working:
        if _moved_by_holidays(days, wanted):
            yield _named(f"B{{}}{suffix}", int(months[0]), step, at_end=suffix == "E")


def _moved_by_holidays(days: Any, wanted: Any) -> bool:
    """Whether days are mostly those wanted, and the others near enough for a holiday."""
    apart = np.abs((days - wanted).astype("int64"))
    return bool((apart == 0).mean() >= _WORKING_SHARE and apart.max() <= _HOLIDAYS)


def _named(pattern: str, month: int, step: int, *, at_end: bool) -> str:
    if not step % _YEAR:
        return f"{_count(step // _YEAR)}{pattern.format('Y')}-{_MONTHS[month % _YEAR]}"
    if not step % _QUARTER:
        anchor = _MONTHS[month % _QUARTER + (9 if at_end else 0)]
        return f"{_count(step // _QUARTER)}{pattern.format('Q')}-{anchor}"
    return _count(step) + pattern.format("M")


def _on_weekdays(days: Any, months: Ints, step: int) -> Iterator[str]:
    weekdays = np.unique(month_days.weekday_of(days))
    if len(weekdays) > 1:
        return
    weekday = int(weekdays[0])
    for week in (0, 1, 2, 3, month_days.LAST_WEEK):
        if (days == month_days.on_weekday(months, week, weekday)).all():
            name = aliases.WEEKDAYS[weekday]
            last = week == month_days.LAST_WEEK
            yield _count(step) + (f"LWOM-{name}" if last else f"WOM-{week + 1}{name}")


def _weekly(stamps: Moments, days: Ints) -> Iterator[str]:
    weekdays = np.unique(month_days.weekday_of(stamps))
    if len(weekdays) > 1:
        return
    weeks = days // _WEEK
    step = int(np.gcd.reduce(weeks))
    if (weeks == step).mean() >= _SINGLE_SHARE:
        yield f"{_count(step)}W-{aliases.WEEKDAYS[weekdays[0]]}"


def _by_days_seen(stamps: Moments, days: Ints) -> Iterator[str]:
    """Yield frequencies of the weekdays, or of the days of the month, that ever come up."""
    weekdays = _often(month_days.weekday_of(stamps))
    if 1 < len(weekdays) < _WEEK and len(stamps) >= _TIMES * len(weekdays) and days.max() <= 2 * 7:
        yield aliases.of_weekdays(weekdays)
    index = pd.DatetimeIndex(stamps)
    day = np.asarray(index.day)
    ended = np.where(index.is_month_end, _LONGEST_MONTH, day)
    for found in sorted((_often(day), _often(ended)), key=len):
        if 1 < len(found) <= _MOST_DAYS_A_MONTH:
            yield aliases.of_month_days(found)


def _often(values: Any) -> Sequence[int]:
    """Return the distinct values when each of them comes up several times, else none."""
    found, counts = np.unique(values, return_counts=True)
    return [int(value) for value in found] if counts.min() >= _TIMES else []


def _count(number: int) -> str:
    return "" if number == 1 else str(number)
