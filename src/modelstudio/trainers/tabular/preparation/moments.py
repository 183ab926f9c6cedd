"""The treatment of dates and timestamps: parts of the calendar and elapsed time."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np
import pandas as pd

from modelstudio.tables.readings import MomentReading, bits
from modelstudio.trainers.tabular.preparation.reading import many_values, value_of
from modelstudio.trainers.tabular.preparation.treatment import NAN, Treatment

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from modelstudio.trainers.tabular.preparation.treatment import ColumnData, Reader, Values

# Since 1970-01-01: days, with their fraction. The hour has its minutes as a fraction. The hour of
# the week is what trees would need many splits of weekday and hour for: people's weekly rhythm.
PARTS = ("days", "year", "month", "day", "weekday", "dayofyear", "hour", "minute", "weekhour")

_EPOCH = dt.datetime(1970, 1, 1)  # noqa: DTZ001 - moments are UTC without a zone
MICROSECONDS_A_DAY = 86_400_000_000
_MICROSECONDS_AN_HOUR = 3_600_000_000
_MICROSECONDS_A_MINUTE = 60_000_000
# What the table libraries hold at a precision of nanoseconds, the years 1678 to 2261; a moment
# outside, such as 9999-12-31, stands for "never" and counts as missing.
EARLIEST = pd.Timestamp.min.value // 1000 + 1
LATEST = pd.Timestamp.max.value // 1000 - 1
# Numbers that count from 1970, and the microseconds of one; what is in no year from 1990 to 2049 is
# of another unit, or a date that is written as a number.
COUNTED = {bits.SECONDS: 1_000_000, bits.MILLISECONDS: 1_000, bits.MICROSECONDS: 1}
COUNTED_FROM, COUNTED_TO = 631_152_000_000_000, 2_524_608_000_000_000
_UNITS = {"ns": (1, 1000), "us": (1, 1), "ms": (1000, 1), "s": (1_000_000, 1)}


class MomentParts(Treatment):
    """Moments as parts, in UTC, by whatever rule they are read.

    Attributes
    ----------
    chosen
        The parts that are made, of ``PARTS``; the first is always made.
    """

    row_microseconds: ClassVar[float] = 5.0
    chosen: tuple[str, ...]

    @property
    def parts(self) -> tuple[str, ...]:
        return self.chosen

    def levels(self, part: str) -> tuple[str, ...]:  # noqa: ARG002
        return ()

    def micros(self, name: str) -> Callable[[Any], int | None]:
        """Return a function from a value to microseconds since 1970, None for missing."""
        raise NotImplementedError

    def distinct_micros(self, texts: list[str]) -> tuple[Values, Values]:
        """Return which of some texts are moments, and the microseconds of each."""
        raise NotImplementedError

    def moments(self, data: ColumnData) -> tuple[Values, Values]:
        """Return which rows have a moment, and the microseconds since 1970 of each row."""
        series = data.series
        # Arrow's own types come as Python objects, below.
        if isinstance(series.dtype, np.dtype | pd.DatetimeTZDtype) and series.dtype.kind == "M":
            return _native(series)
        if data.is_numeric or pd.api.types.infer_dtype(data.objects, skipna=True) == "string":
            codes, texts = data.distinct
            known, of_each = self.distinct_micros(texts)
            return np.append(known, False)[codes], np.append(of_each, 0)[codes]
        micros = self.micros(data.name)
        return split([micros(value) for value in data.objects])

    def columns(self, data: ColumnData) -> list[Values]:
        known, moments = self.moments(data)
        made = []
        parts = _parts_of_many(moments[known], self.chosen)
        for part in parts:
            values = np.full(len(data), NAN)
            values[known] = part
            made.append(values)
        return made

    def reader(self, name: str) -> Reader:
        micros, parts_of_one = self.micros(name), _parts_of_one(self.chosen)
        missing = (NAN,) * len(self.chosen)

        def read(value: Any) -> Sequence[float]:
            if value is None:
                return missing
            moment = micros(value)
            return missing if moment is None else parts_of_one(moment)

        return read


@dataclass(frozen=True, slots=True)
class Moments(MomentParts):
    """Dates or timestamps as the column's reading reads them; what it cannot read is missing."""

    kind: ClassVar[str] = "moments"
    reading: MomentReading
    chosen: tuple[str, ...] = PARTS

    def state(self) -> dict[str, Any]:
        return {"reading": self.reading.state(), "chosen": list(self.chosen)}

    @classmethod
    def of_state(cls, state: Mapping[str, Any]) -> Self:
        return cls(MomentReading.of_state(state["reading"]), tuple(state["chosen"]))

    def micros(self, name: str) -> Callable[[Any], int | None]:  # noqa: ARG002
        days, iso = self._is_whole_days, self.reading.form == bits.YMD
        reading, (earliest, latest) = self.reading, self._bounds

        def read(value: Any) -> int | None:
            found = _iso_micros(value) if iso and value.__class__ is str else None
            if found is None:
                found = value_of(reading, value)
            if found is None or not earliest <= found <= latest:
                return None
            moment: int = found // MICROSECONDS_A_DAY * MICROSECONDS_A_DAY if days else found
            return moment

        return read

    def distinct_micros(self, texts: list[str]) -> tuple[Values, Values]:
        many = many_values(self.reading, texts)
        if many is not None:
            known, found = _native(pd.Series(many))
            earliest, latest = self._bounds
            return known & (found >= earliest) & (found <= latest), found
        micros = self.micros("")
        return split([micros(text) for text in texts])

    @property
    def _bounds(self) -> tuple[int, int]:
        counted = self.reading.form in COUNTED
        return (COUNTED_FROM, COUNTED_TO) if counted else (EARLIEST, LATEST)

    @property
    def _is_whole_days(self) -> bool:
        return self.reading.field_type == "DATE"


def bounded(moment: dt.datetime) -> int | None:
    """Return a moment's microseconds since 1970 in UTC, None beyond what libraries hold."""
    if moment.tzinfo is not None:
        offset = moment.utcoffset()
        moment = moment.replace(tzinfo=None)
    else:
        offset = None
    since = moment - _EPOCH
    micros = since.days * MICROSECONDS_A_DAY + since.seconds * 1_000_000 + since.microseconds
    if offset is not None:
        micros -= offset // dt.timedelta(microseconds=1)
    return micros if EARLIEST <= micros <= LATEST else None


def _iso_micros(text: str) -> int | None:
    """Return what programs write, to the second, as the reading does and in a tenth of the time."""
    if len(text) not in {10, 19} or text[4] != "-" or text[7] != "-" or not text.isascii():
        return None
    if len(text) == 19 and (text[13] != ":" or text[10] not in "T "):  # noqa: PLR2004
        return None
    try:
        since = dt.datetime.fromisoformat(text) - _EPOCH
    except ValueError:
        return None
    if text[0] == "0":
        return None
    return (since.days * 86_400 + since.seconds) * 1_000_000


def split(found: Sequence[int | None]) -> tuple[Values, Values]:
    """Return which moments there are, and the microseconds of each."""
    known = np.array([one is not None for one in found], dtype=bool)
    return known, np.array([0 if one is None else one for one in found], dtype="int64")


def _native(series: pd.Series) -> tuple[Values, Values]:
    if series.dt.tz is not None:
        series = series.dt.tz_convert(None)
    values = series.to_numpy()
    unit = str(np.datetime_data(values.dtype)[0])
    times, divided = _UNITS[unit]
    ticks = values.view("int64")
    known = ~np.isnat(values)
    # Which ticks round down to microseconds within the bounds.
    known &= ticks >= -(-EARLIEST * divided // times)
    known &= ticks <= (LATEST * divided + divided - 1) // times
    return known, np.where(known, ticks, 0) * times // divided


def _parts_of_many(micros: Values, parts: Sequence[str]) -> list[Values]:
    days = micros // MICROSECONDS_A_DAY
    within = micros - days * MICROSECONDS_A_DAY
    dates = days.astype("datetime64[D]")
    months = dates.astype("datetime64[M]")
    years = dates.astype("datetime64[Y]")
    made = {
        "days": lambda: micros.astype("float64") / MICROSECONDS_A_DAY,
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
        days, within = divmod(micros, MICROSECONDS_A_DAY)
        year = month = day = day_of_year = 0
        if calendar:
            date = dt.date.fromordinal(days + 719_163)  # the ordinal of 1970-01-01
            year, month, day = date.year, date.month, date.day
            day_of_year = date.timetuple().tm_yday
        weekday, hour = (days + 3) % 7, float(within) / _MICROSECONDS_AN_HOUR
        made = (
            float(micros) / MICROSECONDS_A_DAY,
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
