"""Regular calendars: whole numbers for moments, so that gaps are a subtraction away."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal, Self

import numpy as np
import pandas as pd
from pandas.tseries import offsets

if TYPE_CHECKING:
    Ints = np.ndarray[tuple[Any, ...], np.dtype[np.int64]]
    Moments = np.ndarray[tuple[Any, ...], np.dtype[np.datetime64]]

Kind = Literal["fixed", "months", "business"]
Rounding = Literal["down", "up"]

_DAY: Final = 86_400 * 10**9
_MONTHS_A_YEAR: Final = 12
_WEEK: Final = 7 * _DAY
#: Offset to its months and whether it is stamped at its end.
_MONTH_OFFSETS: Final = {
    offsets.MonthBegin: (1, False),
    offsets.MonthEnd: (1, True),
    offsets.QuarterBegin: (3, False),
    offsets.QuarterEnd: (3, True),
    offsets.YearBegin: (12, False),
    offsets.YearEnd: (12, True),
}


@dataclass(frozen=True, slots=True)
class Calendar:
    """Steps of one frequency, numbered.

    Attributes
    ----------
    alias
        The pandas offset alias, such as ``D``, ``W-SUN``, ``MS`` or ``30min``.
    step
        Nanoseconds for ``fixed``, months for ``months``, business days for ``business``.
    phase
        Where step 0 lies: nanoseconds after the epoch, or months after January 1970.
    at_end
        Whether a period is stamped at its end (``ME``, ``W-SUN``) and thus takes in what is before.
    """

    alias: str
    kind: Kind
    step: int
    phase: int = 0
    at_end: bool = False

    @classmethod
    def of(cls, alias: str, example: np.datetime64 | None = None) -> Self:
        """Read a pandas alias.

        Parameters
        ----------
        example
            Any stamp; says where the steps of ``2W``, ``2MS`` or ``7h`` lie.

        Raises
        ------
        ValueError
            When the alias is unknown or of a calendar that has no regular steps.
        """
        offset = pd.tseries.frequencies.to_offset(alias)
        if offset is None or offset.n < 1:
            raise ValueError(f"{alias!r} is not a frequency")
        if type(offset) in _MONTH_OFFSETS:
            return cls._months(offset, example)
        if type(offset) is offsets.BusinessDay:
            return cls(offset.freqstr, "business", offset.n)
        if isinstance(offset, offsets.Week):
            weekday = 6 if offset.weekday is None else offset.weekday
            phase = (weekday - 3) % 7 * _DAY  # the epoch was a Thursday, weekday 3
            if example is not None and offset.n > 1:
                phase = _nanoseconds(example) // _DAY * _DAY % (_WEEK * offset.n)
            return cls(offset.freqstr, "fixed", _WEEK * offset.n, phase, at_end=True)
        if isinstance(offset, offsets.Tick):
            step = int(offset.nanos)
            phase = 0 if example is None else _nanoseconds(example) % step
            return cls(offset.freqstr, "fixed", step, phase)
        raise ValueError(f"The frequency {alias!r} is not supported")

    @classmethod
    def _months(cls, offset: Any, example: np.datetime64 | None) -> Self:
        months, at_end = _MONTH_OFFSETS[type(offset)]
        step = months * offset.n
        anchor = 0
        if months == 3:  # noqa: PLR2004
            anchor = (offset.startingMonth - 1) % 3
        elif months == _MONTHS_A_YEAR:
            anchor = offset.month - 1
        if example is not None and offset.n > 1:
            anchor = int(example.astype("datetime64[M]").astype("int64")) % step
        return cls(offset.freqstr, "months", step, anchor, at_end)

    def number(self, moments: Moments) -> Ints:
        """Return the step that each moment (``datetime64[ns]``) belongs to."""
        if self.kind == "fixed":
            nanoseconds = moments.astype("datetime64[ns]").astype("int64")
            if self.at_end:  # a week ends with the day it is named after
                nanoseconds = nanoseconds // _DAY * _DAY
                return -((self.phase - nanoseconds) // self.step)
            return (nanoseconds - self.phase) // self.step
        if self.kind == "months":
            months = moments.astype("datetime64[M]").astype("int64")
            if self.at_end:
                return -((self.phase - months) // self.step)
            return (months - self.phase) // self.step
        days = moments.astype("datetime64[D]")
        count = np.busday_count(np.datetime64("1970-01-01"), np.busday_offset(days, 0, "backward"))
        return np.asarray(count, dtype="int64") // self.step

    def moment(self, numbers: Ints) -> Moments:
        """Return the stamp of each step as ``datetime64[ns]``."""
        if self.kind == "fixed":
            return (numbers * self.step + self.phase).astype("datetime64[ns]")
        if self.kind == "months":
            months = numbers * self.step + self.phase
            if self.at_end:
                days = (months + 1).astype("datetime64[M]").astype("datetime64[D]") - 1
            else:
                days = months.astype("datetime64[M]").astype("datetime64[D]")
            return days.astype("datetime64[ns]")
        first = np.datetime64("1970-01-01")
        return np.busday_offset(first, numbers * self.step).astype("datetime64[ns]")

    def holds(self, moments: Moments) -> bool:
        """Whether every moment is the stamp of a step."""
        return bool((self.moment(self.number(moments)) == moments.astype("datetime64[ns]")).all())

    @property
    def seasons(self) -> tuple[int, ...]:
        """Lengths in steps of the seasons that the frequency suggests, shortest first."""
        if self.kind == "business":
            return (5, 260) if self.step == 1 else ()
        if self.kind == "months":
            return (12 // self.step,) if self.step < _MONTHS_A_YEAR and not 12 % self.step else ()
        if self.step >= _WEEK:
            return (52,) if self.step == _WEEK else ()
        if self.step >= _DAY:
            return (7, 364) if self.step == _DAY else ()
        cycles = (3600 * 10**9,) if self.step < 60 * 10**9 else ()
        candidates = (*cycles, _DAY, _WEEK)
        found = [cycle // self.step for cycle in candidates if not cycle % self.step]
        return tuple(length for length in found if length > 1)


def _nanoseconds(moment: np.datetime64) -> int:
    return int(moment.astype("datetime64[ns]").astype("int64"))
