"""Names of frequencies: those of pandas, and a few for calendars that pandas has no name for."""

from __future__ import annotations

import re
import warnings
from typing import TYPE_CHECKING, Any, Final

import pandas as pd
from pandas.tseries import offsets

from modelstudio.trainers.forecasting.calendar import DAY, WEEK
from modelstudio.trainers.forecasting.month_days import LAST_WEEK

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np

WEEKDAYS: Final = ("MON", "TUE", "WED", "THU", "FRI", "SAT", "SUN")
_WORKING_DAYS: Final = (0, 1, 2, 3, 4)
_QUARTER: Final = 3
_YEAR: Final = 12
_LONGEST_MONTH: Final = 31
#: Pandas has no name for half months that end later, or on the first.
_LATEST_HALF: Final = 27
#: Offset to its months, whether it is stamped at its end, and whether on a working day.
_MONTH_OFFSETS: Final = {
    offsets.MonthBegin: (1, False, False),
    offsets.MonthEnd: (1, True, False),
    offsets.QuarterBegin: (3, False, False),
    offsets.QuarterEnd: (3, True, False),
    offsets.YearBegin: (12, False, False),
    offsets.YearEnd: (12, True, False),
    offsets.BMonthBegin: (1, False, True),
    offsets.BMonthEnd: (1, True, True),
    offsets.BQuarterBegin: (3, False, True),
    offsets.BQuarterEnd: (3, True, True),
    offsets.BYearBegin: (12, False, True),
    offsets.BYearEnd: (12, True, True),
}
_MONTH_DAYS: Final = re.compile(r"(\d{0,4})M((?:-\d{1,2})+)")
_HOUR: Final = 60
_DAY: Final = 24 * _HOUR
_WEEK_TIMES: Final = re.compile(
    rf"(\d{{0,4}})(H|MIN)((?:-(?:{'|'.join(WEEKDAYS)}))*)-(\d\d:[0-5]\d)-(\d\d:[0-5]\d)"
)
_LAST_WEEKDAY: Final = re.compile(rf"(\d{{0,4}})LWOM-({'|'.join(WEEKDAYS)})")
_WEEK_DAYS: Final = re.compile(rf"(\d{{0,4}})B((?:-(?:{'|'.join(WEEKDAYS)}))+)")


def parts_of(alias: str, example: np.datetime64 | None) -> dict[str, Any]:
    """Return the attributes of a ``Calendar``; see ``Calendar.of``."""
    own = _own(alias.strip().upper(), example)
    if own is not None:
        return own
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of aliases that pandas is about to rename
        offset = pd.tseries.frequencies.to_offset(alias)
    if offset is None or offset.n < 1:
        raise ValueError(f"{alias!r} is not a frequency")
    found = _of_offset(offset, example)
    if found is None:
        raise ValueError(f"The frequency {alias!r} is not supported")
    return {"alias": offset.freqstr, **found}


def of_month_days(days: Sequence[int], step: int = 1) -> str:
    """Return the name for days of a month; 31 is its last."""
    halves = step == 1 and len(days) == 2  # noqa: PLR2004
    if halves and days[0] == 1 and days[1] <= _LATEST_HALF:
        return f"SMS-{days[1]}"
    if halves and 1 < days[0] <= _LATEST_HALF and days[1] == _LONGEST_MONTH:
        return f"SME-{days[0]}"
    return f"{'' if step == 1 else step}M-{'-'.join(map(str, days))}"


def of_weekdays(days: Sequence[int]) -> str:
    """Return the name for a week of these working days, ``B`` for Monday to Friday.

    The names begin with the day after the longest pause, as people say Sunday to Thursday.
    """
    if tuple(days) == _WORKING_DAYS:
        return "B"
    before = [days[-1] - 7, *days[:-1]]
    begin = max(range(len(days)), key=lambda place: days[place] - before[place])
    ordered = [*days[begin:], *days[:begin]]
    return "-".join(["B", *(WEEKDAYS[day] for day in ordered)])


def _own(alias: str, example: np.datetime64 | None) -> dict[str, Any] | None:
    found = _WEEK_DAYS.fullmatch(alias)
    if found:
        days = tuple(sorted({WEEKDAYS.index(name) for name in found[2][1:].split("-")}))
        step = int(found[1] or 1)
        anchors = () if days == _WORKING_DAYS else days
        return {"alias": alias, "kind": "business", "step": _positive(step), "anchors": anchors}
    found = _WEEK_TIMES.fullmatch(alias)
    if found:
        return {"alias": _named_times(found), "kind": "week_times", "step": 1,
                "anchors": _week_times(found)}  # fmt: skip
    found = _LAST_WEEKDAY.fullmatch(alias)
    if found:
        step = _positive(int(found[1] or 1))
        anchors = (LAST_WEEK, WEEKDAYS.index(found[2]))
        phase = _phase(example, step)
        return {
            "alias": alias, "kind": "week_of_month", "step": step, "phase": phase,
            "anchors": anchors,
        }  # fmt: skip
    found = _MONTH_DAYS.fullmatch(alias)
    if not found:
        return None
    days = tuple(sorted({int(day) for day in found[2][1:].split("-")}))
    step = _positive(int(found[1] or 1))
    if not 1 <= days[0] <= days[-1] <= _LONGEST_MONTH or (len(days) > 1 and step > 1):
        raise ValueError(f"{alias!r} is not a frequency")
    return {
        "alias": alias, "kind": "month_days", "step": step, "phase": _phase(example, step),
        "anchors": days, "at_end": days[-1] == _LONGEST_MONTH,
    }  # fmt: skip


def of_week_times(step: int, days: Sequence[int], first: int, last: int) -> str:
    """Return the name for times of some weekdays, all in minutes."""
    unit = f"{step}min" if step % _HOUR else f"{'' if step == _HOUR else step // _HOUR}h"
    named = "".join(f"-{WEEKDAYS[day]}" for day in (days if len(days) < len(WEEKDAYS) else ()))
    return f"{unit}{named}-{_clock(first)}-{_clock(last)}"


def _clock(minutes: int) -> str:
    return f"{minutes // _HOUR:02}:{minutes % _HOUR:02}"


def _named_times(found: re.Match[str]) -> str:
    return found[0].replace("MIN", "min") if found[2] == "MIN" else found[0].replace("H", "h", 1)


def _week_times(found: re.Match[str]) -> tuple[int, ...]:
    """Return the minutes of the week that a name says."""
    step = _positive(int(found[1] or 1)) * (_HOUR if found[2] == "H" else 1)
    days = sorted({WEEKDAYS.index(name) for name in found[3][1:].split("-") if name})
    begin, end = (int(clock[:2]) * _HOUR + int(clock[3:]) for clock in (found[4], found[5]))
    if not 0 <= begin <= end < _DAY:
        raise ValueError(f"{found[0]!r} is not a frequency")
    return tuple(
        day * _DAY + minute
        for day in (days or range(len(WEEKDAYS)))
        for minute in range(begin, end + 1, step)
    )


def _positive(step: int) -> int:
    if step < 1:
        raise ValueError("A frequency has at least one step")
    return step


def _phase(example: np.datetime64 | None, step: int) -> int:
    if example is None or step == 1:
        return 0
    return int(example.astype("datetime64[M]").astype("int64")) % step


def _of_offset(offset: Any, example: np.datetime64 | None) -> dict[str, Any] | None:
    step = int(offset.n)
    if type(offset) in _MONTH_OFFSETS:
        return _months(offset, example)
    if type(offset) is offsets.BusinessDay:
        return {"kind": "business", "step": step}
    if isinstance(offset, offsets.Week):
        weekday = 6 if offset.weekday is None else offset.weekday
        phase = (weekday - 3) % 7 * DAY  # the epoch was a Thursday, weekday 3
        if example is not None and step > 1:
            phase = _nanoseconds(example) // DAY * DAY % (WEEK * step)
        return {"kind": "fixed", "step": WEEK * step, "phase": phase, "at_end": True}
    if isinstance(offset, offsets.Tick):
        return _tick(int(offset.nanos), example)
    return _by_days(offset, _phase(example, step))


def _tick(nanoseconds: int, example: np.datetime64 | None) -> dict[str, Any] | None:
    if nanoseconds % 1000:
        return None  # no stamp is finer than a microsecond
    phase = 0 if example is None else _nanoseconds(example) % nanoseconds
    return {"kind": "fixed", "step": nanoseconds, "phase": phase}


def _by_days(offset: Any, phase: int) -> dict[str, Any] | None:
    step = int(offset.n)
    if isinstance(offset, offsets.WeekOfMonth):
        anchors = (offset.week, offset.weekday)
        return {"kind": "week_of_month", "step": step, "phase": phase, "anchors": anchors}
    if isinstance(offset, offsets.SemiMonthBegin | offsets.SemiMonthEnd) and step == 1:
        at_end = isinstance(offset, offsets.SemiMonthEnd)
        day = offset.day_of_month
        anchors = (day, _LONGEST_MONTH) if at_end else (1, day)
        return {"kind": "month_days", "step": 1, "anchors": anchors, "at_end": at_end}
    return None


def _months(offset: Any, example: np.datetime64 | None) -> dict[str, Any]:
    months, at_end, business = _MONTH_OFFSETS[type(offset)]
    step = months * offset.n
    anchor = 0
    if months == _QUARTER:
        anchor = (offset.startingMonth - 1) % _QUARTER
    elif months == _YEAR:
        anchor = offset.month - 1
    if example is not None and offset.n > 1:
        anchor = _phase(example, step)
    kind = "business_months" if business else "months"
    return {"kind": kind, "step": step, "phase": anchor, "at_end": at_end}


def _nanoseconds(moment: np.datetime64) -> int:
    return int(moment.astype("datetime64[us]").astype("int64")) * 1000
