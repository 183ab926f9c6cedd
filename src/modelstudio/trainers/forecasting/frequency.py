"""Finds the frequency of many series, gaps and all."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pandas as pd

from modelstudio.trainers.base import TrainingError
from modelstudio.trainers.forecasting.calendar import Calendar

if TYPE_CHECKING:
    from modelstudio.trainers.forecasting.calendar import Moments

    Codes = np.ndarray[tuple[Any, ...], np.dtype[np.int64]]

#: The documented message; what to do about it follows.
UNKNOWN_FREQUENCY: Final = "Frequency of train_data is not provided and cannot be inferred"
_HINT: Final = ". Set the frequency, such as D, W-SUN, MS or h, to resample the series to it."

_DAY: Final = np.timedelta64(1, "D")
_SAMPLED_SERIES: Final = 300
#: Of the distances between neighbours, this share must be a whole number of steps ...
_REGULAR_SHARE: Final = 0.98
#: ... and this share a single one.
_SINGLE_SHARE: Final = 0.2
_WEEKDAYS: Final = ("MON", "TUE", "WED", "THU", "FRI", "SAT", "SUN")
_MONTHS: Final = (
    "JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC",
)  # fmt: skip
_QUARTER: Final = 3
_YEAR: Final = 12
_FRIDAY: Final = 4


def infer(moments: Moments, codes: Codes) -> Calendar:
    """Return the calendar that all series share.

    Parameters
    ----------
    moments, codes
        The stamp of each row and the number of its series, in any order, duplicates allowed.

    Raises
    ------
    TrainingError
        With the documented message when there is no common frequency.
    """
    stamps, distances = _neighbours(moments, codes)
    if len(distances):
        alias = _dated(stamps, distances) if _whole_days(stamps) else _spaced(distances)
        if alias is not None:
            return Calendar.of(alias, stamps[0])
    raise TrainingError(UNKNOWN_FREQUENCY + _HINT)


def _neighbours(moments: Moments, codes: Codes) -> tuple[Moments, Any]:
    """Return the sorted stamps of the longest series and the distances within each."""
    counts = np.bincount(codes)
    longest = np.argsort(-counts, kind="stable")[:_SAMPLED_SERIES]
    chosen = np.isin(codes, longest)
    frame = pd.DataFrame({"code": codes[chosen], "at": moments[chosen]})
    frame = frame.drop_duplicates().sort_values(["code", "at"], kind="stable")
    stamps = frame["at"].to_numpy()
    same = frame["code"].to_numpy()[1:] == frame["code"].to_numpy()[:-1]
    return stamps, np.diff(stamps)[same]


def _whole_days(stamps: Moments) -> bool:
    return bool((stamps == stamps.astype("datetime64[D]")).all())


def _spaced(distances: Any) -> str | None:
    """Return a frequency in whole seconds, or None."""
    seconds = distances / np.timedelta64(1, "s")
    values, counts = np.unique(seconds, return_counts=True)
    for value, count in zip(values, counts, strict=True):
        if count < _SINGLE_SHARE * len(seconds) or value != round(value):
            continue
        if np.isclose(seconds % value, 0).mean() >= _REGULAR_SHARE:
            return _in_largest_unit(int(value))
    return None


def _in_largest_unit(seconds: int) -> str:
    for unit, length in (("D", 86_400), ("h", 3600), ("min", 60)):
        if not seconds % length:
            count = seconds // length
            return unit if count == 1 else f"{count}{unit}"
    return "s" if seconds == 1 else f"{seconds}s"


def _dated(stamps: Moments, distances: Any) -> str | None:
    """Return a frequency of stamps without a time of day, or None."""
    days = (distances / _DAY).astype("int64")
    monthly = _monthly(stamps, days)
    if monthly is not None:
        return monthly
    index = pd.DatetimeIndex(stamps)
    weekdays = np.unique(index.dayofweek)
    if len(weekdays) == 1:
        weeks = days // 7
        step = int(np.gcd.reduce(weeks))
        if (weeks == step).mean() < _SINGLE_SHARE:
            return None
        return f"{'' if step == 1 else step}W-{_WEEKDAYS[weekdays[0]]}"
    if weekdays.max() == _FRIDAY and (days == 1).mean() >= _SINGLE_SHARE:
        return "B"
    return _spaced(distances)


def _monthly(stamps: Moments, days: Any) -> str | None:
    index = pd.DatetimeIndex(stamps)
    at_start = bool((index.day == 1).all())
    at_end = bool(index.is_month_end.all())
    if not (at_start or at_end) or days.min() < 28:  # noqa: PLR2004 - the shortest month
        return None
    months = np.asarray(index.year * _YEAR + index.month - 1)
    steps = np.round(days / 30.44).astype("int64")
    step = int(np.gcd.reduce(steps))
    if (steps == step).mean() < _SINGLE_SHARE:
        return None
    suffix = "S" if at_start else "E"
    if not step % _YEAR:
        anchor = _MONTHS[months[0] % _YEAR]
        return f"{_count(step // _YEAR)}Y{suffix}-{anchor}"
    if not step % _QUARTER:
        anchor = _MONTHS[months[0] % _QUARTER + (9 if at_end else 0)]
        return f"{_count(step // _QUARTER)}Q{suffix}-{anchor}"
    return f"{_count(step)}M{suffix}"


def _count(number: int) -> str:
    return "" if number == 1 else str(number)
