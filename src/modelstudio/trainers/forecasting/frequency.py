"""Finds the frequency of many series, gaps and all, and the series that do not have it."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final

import numpy as np
import pandas as pd

from modelstudio.trainers.base import TrainingError
from modelstudio.trainers.forecasting import dated, opening
from modelstudio.trainers.forecasting.calendar import Calendar

if TYPE_CHECKING:
    from collections.abc import Mapping

    from modelstudio.trainers.forecasting.calendar import Moments
    from modelstudio.trainers.forecasting.panel import Flags, Ints

#: The documented message; what to do about it follows.
UNKNOWN_FREQUENCY: Final = "Frequency of train_data is not provided and cannot be inferred"
_HINT: Final = (
    ". Set the frequency, such as D, W-SUN, MS or h, to resample the series to it, or time_zone if "
    "days begin at the midnights of another place."
)

#: Stands for the frequency of a series that has none.
NONE: Final = "no regular step"

_SAMPLED_SERIES: Final = 300
#: Of the distances between neighbours, this share must be a whole number of steps ...
_REGULAR_SHARE: Final = 0.98
#: ... and this share a single one.
_SINGLE_SHARE: Final = 0.2
#: A series is told to have another frequency when so many of its steps are single ones of it, ...
_OWN_SHARE: Final = 0.8
#: ... of at least so many; of months and weeks a few will do, if there is no other step.
_LEAST_STEPS: Final = 6
_FEW_STEPS: Final = 3
#: Frequencies of single series that may be that of most.
_TRIED: Final = 5
_UNITS: Final = (
    ("D", 86_400_000_000), ("h", 3_600_000_000), ("min", 60_000_000), ("s", 1_000_000),
    ("ms", 1_000), ("us", 1),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Shared:
    """The frequency that most series share, and those that have another one.

    Attributes
    ----------
    others
        The number of a series to the alias of its own frequency.
    """

    calendar: Calendar
    others: Mapping[int, str] = field(default_factory=dict)


def infer(moments: Moments, codes: Ints) -> Calendar:
    """Return the calendar of all series taken together.

    Parameters
    ----------
    moments, codes
        The stamp of each row and the number of its series, in any order, duplicates allowed.

    Raises
    ------
    TrainingError
        With the documented message when there is no common frequency.
    """
    calendar = _pooled(*_stamps(moments, codes, _longest(codes)))
    if calendar is None:
        raise TrainingError(UNKNOWN_FREQUENCY + _HINT)
    return calendar


def shared(moments: Moments, codes: Ints) -> Shared:
    """Return the calendar that most series have, and the series that do not lie on it.

    Series too short to tell follow the others when their stamps lie on the calendar.

    Raises
    ------
    TrainingError
        When no frequency can be told.
    """
    stamps, series = _stamps(moments, codes, None)
    pooled = _pooled(*_stamps(moments, codes, _longest(codes)))
    if pooled is not None:
        others = odd(stamps, series, pooled)
        if not others:
            return Shared(pooled)
    own = _own_calendars(stamps, series, _longest(codes))
    counted = pd.Series([found.alias for found in own.values()], dtype=object).value_counts()
    tried = [next(one for one in own.values() if one.alias == alias) for alias in counted.index]
    found = [Shared(one, odd(stamps, series, one)) for one in tried[:_TRIED]]
    if pooled is not None:
        found.append(Shared(pooled, others))
    best = min(found, key=lambda one: len(one.others), default=None)
    if best is None or list(best.others.values()).count(NONE) > len(np.unique(series)) // 2:
        raise TrainingError(UNKNOWN_FREQUENCY + _HINT)
    return best


def odd(moments: Moments, codes: Ints, calendar: Calendar) -> dict[int, str]:
    """Return the series that regularly have another frequency, and which.

    A series is one of them when most of its stamps lie beside the calendar, or when it never takes
    a single step of it, but regularly one that is longer.
    """
    stamps, series = _stamps(moments, codes, None)
    numbers = calendar.number(stamps)
    beside = calendar.moment(numbers) != stamps
    same = series[1:] == series[:-1]
    steps = np.diff(numbers)[same]
    owner = series[1:][same]
    count = int(series.max(initial=-1)) + 1
    rows = np.bincount(series, minlength=count)
    off = np.bincount(series, beside, minlength=count) > rows / 2
    least = np.full(count, np.iinfo("int64").max)
    np.minimum.at(least, owner, steps)
    taken = np.bincount(owner, minlength=count)
    coarse = (taken >= _FEW_STEPS) & (least > 1) & ~off
    found = {}
    for code in np.flatnonzero(off | coarse):
        own = _own_calendar(_of_series(stamps, series, int(code)))
        alias = None if own is None else own.alias
        if off[code]:
            same_step = alias == calendar.alias
            found[int(code)] = f"{alias} at other times" if same_step else alias or NONE
        elif alias not in {None, calendar.alias}:
            found[int(code)] = str(alias)
    return found


def _longest(codes: Ints) -> Ints:
    return np.argsort(-np.bincount(codes), kind="stable")[:_SAMPLED_SERIES]


def _stamps(moments: Moments, codes: Ints, chosen: Ints | None) -> tuple[Moments, Ints]:
    """Return the distinct stamps of some series, each series' sorted, and whose they are."""
    if chosen is not None:
        kept = np.isin(codes, chosen)
        moments, codes = moments[kept], codes[kept]
    order = np.lexsort((moments, codes))
    moments, codes = moments[order], codes[order]
    first = np.ones(len(codes), dtype=bool)
    first[1:] = (codes[1:] != codes[:-1]) | (moments[1:] != moments[:-1])
    return moments[first].astype("datetime64[us]"), codes[first]


def _pooled(stamps: Moments, series: Ints) -> Calendar | None:
    same = series[1:] == series[:-1]
    if not same.any():
        return None
    distances = np.diff(stamps)[same].astype("int64")
    time = np.unique(stamps - stamps.astype("datetime64[D]"))
    if len(time) == 1:
        found = dated.calendar_of(stamps - time[0], same)
        if found is not None:
            return replace(found, time=int(time[0].astype("int64")))
    opened = opening.calendar_of(stamps, same)
    if opened is not None:
        return opened
    alias = _spaced(distances)
    return None if alias is None else Calendar.of(alias, stamps[0])


def _spaced(distances: Ints) -> str | None:
    """Return a frequency in whole microseconds, or None."""
    values, counts = np.unique(distances, return_counts=True)
    for value, count in zip(values, counts, strict=True):
        if count < _SINGLE_SHARE * len(distances):
            continue
        if (distances % value == 0).mean() >= _REGULAR_SHARE:
            return _in_largest_unit(int(value))
    return None


def _in_largest_unit(microseconds: int) -> str:
    unit, length = next(pair for pair in _UNITS if not microseconds % pair[1])
    count = microseconds // length
    return unit if count == 1 else f"{count}{unit}"


def _own_calendars(stamps: Moments, series: Ints, chosen: Ints) -> dict[int, Calendar]:
    found = {int(code): _own_calendar(_of_series(stamps, series, code)) for code in chosen}
    return {code: calendar for code, calendar in found.items() if calendar is not None}


def _of_series(stamps: Moments, series: Ints, code: int) -> Moments:
    """Return the stamps of one series; those of each stand together."""
    begin, end = np.searchsorted(series, [code, code + 1])
    return stamps[begin:end]


def _own_calendar(stamps: Moments) -> Calendar | None:
    """Return the calendar of one series alone when it is surely that; None when it cannot tell."""
    if len(stamps) <= _FEW_STEPS:
        return None
    calendar = _pooled(stamps, np.zeros(len(stamps), dtype="int64"))
    if calendar is None or not calendar.holds(stamps):
        return None
    steps = np.diff(calendar.number(stamps))
    if len(steps) < _LEAST_STEPS and (calendar.kind == "fixed" and not calendar.at_end):
        return None
    wanted = _OWN_SHARE if len(steps) >= _LEAST_STEPS else 1.0
    return calendar if _share(steps == 1) >= wanted else None


def _share(flags: Flags) -> float:
    return float(flags.mean()) if len(flags) else 0.0
