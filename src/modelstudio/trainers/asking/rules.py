"""How the values of one column of a model become what its predictor gets.

A column's reading says what a written value is; here is what pandas and JSON add to that: values
that have a type already, and the types that columns have in a frame.
"""

from __future__ import annotations

import datetime as dt
import math
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pandas as pd

from modelstudio.tables import readings
from modelstudio.tables.readings import (
    UNFIT,
    BooleanReading,
    MomentReading,
    NumberReading,
    bits,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from modelstudio.tables.readings import Reading

#: What a bare number gives in a column of moments: it could be any of several.
EPOCH: Final = object()
#: The wire's types to those of columns in pandas.
DTYPES: Final[Mapping[str, str]] = {
    "boolean": "bool",
    "date": "datetime64[us]",
    "double": "float64",
    "float": "float32",
    "integer": "int32",
    "long": "int64",
    "timestamp": "datetime64[us]",
}
#: Whole numbers from here on are not told apart by float64.
EXACT: Final = 2**53
_WHOLE: Final = frozenset({"integer", "long"})
_NUMBERS: Final = _WHOLE | {"double", "float"}
_LONGS: Final = range(-(2**63), 2**63)
_EPOCH: Final = dt.datetime(1970, 1, 1)  # noqa: DTZ001 - moments are UTC without a zone
_SECOND: Final = 1e6
_DAY: Final = 86_400_000_000


@dataclass(frozen=True, slots=True)
class Rule:
    """How the values of one column are read.

    Attributes
    ----------
    plain
        The Python type of values that need no reading; None when all do.
    read
        From one value to what the predictor gets, None for missing, ``UNFIT`` or ``EPOCH``.
    native
        Returns a column that needs no reading, None for others.
    array
        From values that were read, None for missing, to what is in a column of them.
    unfit
        What a value is that does not fit, such as ``not a number``.
    """

    plain: type | None
    read: Callable[[Any], Any]
    native: Callable[[pd.Series], pd.Series | None]
    array: Callable[[Sequence[Any]], Any]
    unfit: str


def rule(
    kind: str, reading: Reading | Mapping[str, Any] | str | None = None, *, exact: bool = False
) -> Rule:
    """Return the rule of a column.

    Parameters
    ----------
    kind
        Its type on the wire; values of types that are none of ours stay as they are.
    reading
        How its values are written where that is not the standard way; also a reading's saved
        state or name.
    exact
        Whether a number with a fraction does not fit a column of whole ones.
    """
    told = _reading(reading)
    if kind in _NUMBERS:
        is_whole = kind in _WHOLE
        numbers = told if isinstance(told, NumberReading | MomentReading) else None
        words = "not a number"
        if isinstance(numbers, NumberReading) and numbers.notation != NumberReading().notation:
            words += f" such as {numbers.notation}"
        read = _number(numbers or NumberReading(whole=is_whole), is_whole=is_whole)
        read = _exactly(read) if is_whole and exact else read
        array = _whole_numbers if is_whole else _floats
        native = _native_exact if is_whole and exact else _native_numbers
        return Rule(None if is_whole else float, read, native, array, words)
    if kind == "boolean":
        flags = told if isinstance(told, BooleanReading) else BooleanReading()
        return Rule(bool, _boolean(flags), _native_flags, _flags, "neither true nor false")
    if kind in {"date", "timestamp"}:
        is_date = kind == "date"
        moments = told if isinstance(told, MomentReading) else MomentReading(bits.YMD, not is_date)
        iso = "not an ISO date" if is_date else "not an ISO time"
        words = iso if moments.form == bits.YMD else f"not a {moments.name}"
        read = _moment(moments, is_date=is_date)
        native = _native_dates if is_date else _native_moments
        return Rule(None, read, native, _moments, words)
    return Rule(str, lambda value: None if is_missing(value) else value, _as_it_is, _objects, "")


def is_missing(value: Any) -> bool:
    """Tell whether a value stands for none."""
    if value is None or value is pd.NaT or value is pd.NA:
        return True
    if isinstance(value, float | np.floating | Decimal):
        return bool(value != value)  # noqa: PLR0124 - NaN is not itself
    return isinstance(value, np.datetime64 | np.timedelta64) and bool(np.isnat(value))


def _reading(told: Reading | Mapping[str, Any] | str | None) -> Reading | None:
    if isinstance(told, str):
        return readings.named(told)
    return readings.of_state(told) if isinstance(told, dict) else told  # type: ignore[return-value]


def _number(reading: Reading, *, is_whole: bool) -> Callable[[Any], Any]:
    def read(value: Any) -> Any:
        if value.__class__ is int:
            return UNFIT if is_whole and value not in _LONGS else value
        if is_missing(value):
            return None
        if isinstance(reading, MomentReading):  # durations, which are seconds
            found = reading.read(value) if isinstance(value, str) else _plain_number(value)
            return found / _SECOND if isinstance(value, str) and isinstance(found, int) else found
        found = reading.value(value) if _is_one(value) else UNFIT
        if is_whole and isinstance(found, float) and found.is_integer() and abs(found) < EXACT:
            return int(found)
        return found

    return read


def _exactly(read: Callable[[Any], Any]) -> Callable[[Any], Any]:
    def read_whole(value: Any) -> Any:
        found = read(value)
        return UNFIT if isinstance(found, float) else found

    return read_whole


def _plain_number(value: Any) -> Any:
    return NumberReading().value(value) if _is_one(value) else UNFIT


def _boolean(reading: Reading) -> Callable[[Any], Any]:
    def read(value: Any) -> Any:
        if is_missing(value):
            return None
        if isinstance(value, str | bool | np.bool_ | int | float | np.number | Decimal):
            return reading.value(value)
        return UNFIT

    return read


def _moment(reading: Reading, *, is_date: bool) -> Callable[[Any], Any]:
    def read(value: Any) -> Any:
        if is_missing(value):
            return None
        if isinstance(value, pd.Timestamp):
            value = value.to_pydatetime(warn=False)
        found: Any = reading.value(value) if _is_one(value) else UNFIT
        if found is UNFIT:
            return EPOCH if isinstance(value, bool | int | float | np.number | Decimal) else UNFIT
        if found is None:
            return None
        if is_date and found % _DAY:
            return UNFIT
        return _EPOCH + dt.timedelta(microseconds=found)

    return read


def _is_one(value: Any) -> bool:
    """Whether it is a single value, and not a list or the like."""
    return isinstance(value, str | int | float | Decimal | dt.date | np.generic)


def _native_numbers(series: pd.Series) -> pd.Series | None:
    return series if pd.api.types.is_numeric_dtype(series.dtype) else None


def _native_exact(series: pd.Series) -> pd.Series | None:
    """Return a column of numbers, unless it has floats that other whole numbers round to."""
    found = _native_numbers(series)
    if found is None or not pd.api.types.is_float_dtype(found.dtype):
        return found
    return found if not (found.abs() >= EXACT).any() else None


def _native_flags(series: pd.Series) -> pd.Series | None:
    return series if pd.api.types.is_bool_dtype(series.dtype) and series.dtype != object else None


def _native_moments(series: pd.Series) -> pd.Series | None:
    return series if pd.api.types.is_datetime64_any_dtype(series.dtype) else None


def _native_dates(series: pd.Series) -> pd.Series | None:
    if not pd.api.types.is_datetime64_dtype(series.dtype):  # a zone has midnights of its own
        return _native_moments(series)
    known = series.dropna()
    return series if (known.dt.normalize() == known).all() else None


def _as_it_is(series: pd.Series) -> pd.Series | None:
    return series


def _whole_numbers(values: Sequence[Any]) -> Any:
    """Return integers as such; with missing ones they are floats as long as that is exact."""
    if not all(value is None or value.__class__ is int for value in values):
        return _floats(values)
    if None not in values:
        return np.array(values, dtype="int64")
    if any(value is not None and abs(value) >= EXACT for value in values):
        return pd.array(values, dtype="Int64")
    return _floats(values)


def _floats(values: Sequence[Any]) -> Any:
    return np.array([_as_float(value) for value in values], dtype="float64")


def _as_float(value: Any) -> float:
    if value is None:
        return math.nan
    try:
        return float(value)
    except OverflowError:
        return math.inf if value > 0 else -math.inf


def _flags(values: Sequence[Any]) -> Any:
    return np.array(values, dtype=object if None in values else bool)


def _moments(values: Sequence[Any]) -> Any:
    return np.array(values, dtype="datetime64[us]")


def _objects(values: Sequence[Any]) -> Any:
    return np.array(values, dtype=object)
