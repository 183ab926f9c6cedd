"""The treatment of dates and timestamps: parts of the calendar and elapsed time."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np
import pandas as pd

from modelstudio.trainers.tabular.preparation.dates import DateFormat
from modelstudio.trainers.tabular.preparation.treatment import NAN, Treatment, is_missing

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from modelstudio.trainers.tabular.preparation.treatment import ColumnData, Reader, Values

# Since 1970-01-01: days, with their fraction. The hour has its minutes as a fraction. The hour of
# the week is what trees would need many splits of weekday and hour for: people's weekly rhythm.
PARTS = ("days", "year", "month", "day", "weekday", "dayofyear", "hour", "minute", "weekhour")

_EPOCH = dt.datetime(1970, 1, 1)  # noqa: DTZ001 - moments are UTC without a zone
_MICROSECONDS_A_DAY = 86_400_000_000
_MICROSECONDS_AN_HOUR = 3_600_000_000
_MICROSECONDS_A_MINUTE = 60_000_000
# What the table libraries hold at a precision of nanoseconds, the years 1678 to 2261; a moment
# outside, such as 9999-12-31, stands for "never" and counts as missing.
_EARLIEST = pd.Timestamp.min.value // 1000 + 1
_LATEST = pd.Timestamp.max.value // 1000 - 1
_UNITS = {"ns": (1, 1000), "us": (1, 1), "ms": (1000, 1), "s": (1_000_000, 1)}


@dataclass(frozen=True, slots=True)
class Moments(Treatment):
    """Dates or timestamps as parts, in UTC.

    Attributes
    ----------
    written
        How text spells a moment.
    strict
        Whether what cannot be read is an error rather than missing.
    chosen
        The parts that are made, of ``PARTS``; the first is always made.
    """

    kind: ClassVar[str] = "moments"
    row_microseconds: ClassVar[float] = 5.0
    written: DateFormat
    strict: bool
    chosen: tuple[str, ...] = PARTS

    @property
    def parts(self) -> tuple[str, ...]:
        return self.chosen

    def levels(self, part: str) -> tuple[str, ...]:  # noqa: ARG002
        return ()

    def columns(self, data: ColumnData) -> list[Values]:
        known, moments = self._moments(data)
        made = []
        parts = _parts_of_many(moments[known], self.chosen)
        for part in parts:
            values = np.full(len(data), NAN)
            values[known] = part
            made.append(values)
        return made

    def reader(self, name: str) -> Reader:
        micros, parts_of_one = self._micros(name), _parts_of_one(self.chosen)
        missing = (NAN,) * len(self.chosen)

        def read(value: Any) -> Sequence[float]:
            if value is None:
                return missing
            moment = micros(value)
            return missing if moment is None else parts_of_one(moment)

        return read

    def state(self) -> dict[str, Any]:
        return {"written": self.written, "strict": self.strict, "chosen": list(self.chosen)}

    @classmethod
    def of_state(cls, state: Mapping[str, Any]) -> Self:
        return cls(DateFormat(state["written"]), state["strict"], tuple(state["chosen"]))

    def _moments(self, data: ColumnData) -> tuple[Values, Values]:
        """Return which rows have a moment, and the microseconds since the epoch of each row."""
        series = data.series
        # Arrow's own types come as Python objects, below.
        if isinstance(series.dtype, np.dtype | pd.DatetimeTZDtype) and series.dtype.kind == "M":
            return _native(series)
        micros = self._micros(data.name)
        if pd.api.types.infer_dtype(data.objects, skipna=True) == "string":
            codes, texts = data.distinct
            found = [micros(text) for text in texts]
        else:
            codes = np.arange(len(data))
            found = [micros(value) for value in data.objects]
        of_each = np.array([0 if one is None else one for one in [*found, None]], dtype="int64")
        known = np.array([one is not None for one in [*found, None]], dtype=bool)
        return known[codes], of_each[codes]

    def _micros(self, name: str) -> Callable[[Any], int | None]:
        """Return a function from a value to microseconds since the epoch, None for missing."""
        parse = self.written.parser()

        def micros(value: Any) -> int | None:
            if isinstance(value, str):
                moment = parse(value)
                if moment is None and self.strict and not self.written.is_far(value):
                    raise ValueError(f"Column {name!r} has a value that is not a date or timestamp")
            elif is_missing(value):
                return None
            else:
                moment = _datetime(value, parse)
                if moment is None and self.strict:
                    raise ValueError(f"Column {name!r} has a value that is not a date or timestamp")
            return None if moment is None else _microseconds(moment)

        return micros


def _datetime(value: Any, parse: Callable[[str], dt.datetime | None]) -> dt.datetime | None:
    if isinstance(value, dt.datetime):
        return value
    if isinstance(value, dt.date):
        return dt.datetime(value.year, value.month, value.day)  # noqa: DTZ001
    if isinstance(value, np.datetime64):
        moment = value.astype("datetime64[us]").item()
        return moment if isinstance(moment, dt.datetime) else None
    return parse(str(value))


def _microseconds(moment: dt.datetime) -> int | None:
    if moment.tzinfo is not None:
        offset = moment.utcoffset()
        moment = moment.replace(tzinfo=None)
    else:
        offset = None
    since = moment - _EPOCH
    micros = since.days * _MICROSECONDS_A_DAY + since.seconds * 1_000_000 + since.microseconds
    if offset is not None:
        micros -= offset // dt.timedelta(microseconds=1)
    return micros if _EARLIEST <= micros <= _LATEST else None


def _native(series: pd.Series) -> tuple[Values, Values]:
    if series.dt.tz is not None:
        series = series.dt.tz_convert(None)
    values = series.to_numpy()
    unit = str(np.datetime_data(values.dtype)[0])
    times, divided = _UNITS[unit]
    ticks = values.view("int64")
    known = ~np.isnat(values)
    # Which ticks round down to microseconds within the bounds.
    known &= ticks >= -(-_EARLIEST * divided // times)
    known &= ticks <= (_LATEST * divided + divided - 1) // times
    return known, np.where(known, ticks, 0) * times // divided


def _parts_of_many(micros: Values, parts: Sequence[str]) -> list[Values]:
    days = micros // _MICROSECONDS_A_DAY
    within = micros - days * _MICROSECONDS_A_DAY
    dates = days.astype("datetime64[D]")
    months = dates.astype("datetime64[M]")
    years = dates.astype("datetime64[Y]")
    made = {
        "days": lambda: micros.astype("float64") / _MICROSECONDS_A_DAY,
        "year": lambda: years.astype("int64") + 1970,
        "month": lambda: months.astype("int64") % 12 + 1,
        "day": lambda: (dates - months).astype("int64") + 1,
        "weekday": lambda: (days + 3) % 7,  # 1970-01-01 was a Thursday
        "dayofyear": lambda: (dates - years).astype("int64") + 1,
        "hour": lambda: within.astype("float64") / _MICROSECONDS_AN_HOUR,
        "minute": lambda: within // _MICROSECONDS_A_MINUTE % 60,
        "weekhour": lambda: (days + 3) % 7 * 24 + within.astype("float64") / _MICROSECONDS_AN_HOUR,
    }
    return [made[part]().astype("float64") for part in parts]  # type: ignore[no-untyped-call]


def _parts_of_one(parts: Sequence[str]) -> Callable[[int], Sequence[float]]:
    calendar = any(part in {"year", "month", "day", "dayofyear"} for part in parts)
    order = tuple(PARTS.index(part) for part in parts)

    def read(micros: int) -> Sequence[float]:
        days, within = divmod(micros, _MICROSECONDS_A_DAY)
        year = month = day = day_of_year = 0
        if calendar:
            date = dt.date.fromordinal(days + 719_163)  # the ordinal of 1970-01-01
            year, month, day = date.year, date.month, date.day
            day_of_year = date.timetuple().tm_yday
        weekday, hour = (days + 3) % 7, float(within) / _MICROSECONDS_AN_HOUR
        made = (
            float(micros) / _MICROSECONDS_A_DAY,
            year,
            month,
            day,
            weekday,
            day_of_year,
            hour,
            within // _MICROSECONDS_A_MINUTE % 60,
            weekday * 24 + hour,
        )
        return [made[place] for place in order]

    return read
