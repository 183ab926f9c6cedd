"""How one value becomes a value of a column's type, and which columns need no reading."""

from __future__ import annotations

import datetime as dt
import math
from dataclasses import dataclass
from decimal import Decimal
from numbers import Integral, Real
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pandas as pd

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

#: What a value gives that its column cannot hold.
UNFIT: Final = object()
#: What a bare number gives in a column of moments: it could be any of several.
EPOCH: Final = object()
#: So many values that do not fit are shown.
EXAMPLES: Final = 3
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
_WHOLE: Final = frozenset({"integer", "long"})
_NUMBERS: Final = _WHOLE | {"double", "float"}
_MOMENTS: Final = frozenset({"date", "timestamp"})
_LONGS: Final = range(-(2**63), 2**63)


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
        Returns a column that needs no reading, with its time zone put away; None for others.
    unfit
        What a value is that does not fit, such as ``not a number``.
    dtype
        Of a column that had to be read.
    is_whole
        Whether its numbers are whole as a rule.
    """

    plain: type | None
    read: Callable[[Any], Any]
    native: Callable[[pd.Series], pd.Series | None]
    unfit: str
    dtype: str
    is_whole: bool = False


def rule(kind: str, written: Callable[[str], Any] | None = None) -> Rule:
    """Return the rule of a column.

    Parameters
    ----------
    kind
        Its type on the wire; values of types that are none of ours stay as they are.
    written
        Reads its texts, where they are not written in the standard way.
    """
    if kind in _NUMBERS:
        read = _number(written or standard_number, is_whole=kind in _WHOLE)
        return Rule(
            None if kind in _WHOLE else float,
            read,
            _native_numbers,
            "not a number",
            "float64",
            kind in _WHOLE,
        )
    if kind == "boolean":
        return Rule(
            bool,
            _boolean(written or standard_flag),
            _native_flags,
            "neither true nor false",
            "bool",
        )
    if kind in _MOMENTS:
        read = _moment(written or standard_moment)
        return Rule(None, read, _native_moments, "not an ISO time", "datetime64[us]")
    return Rule(str, lambda value: None if is_missing(value) else value, _any, "", "object")


def is_missing(value: Any) -> bool:
    """Tell whether a value stands for none."""
    if value is None or value is pd.NaT or value is pd.NA:
        return True
    if isinstance(value, float | np.floating | Decimal):
        return bool(value != value)  # noqa: PLR0124 - NaN is not itself
    return isinstance(value, np.datetime64 | np.timedelta64) and bool(np.isnat(value))


def as_float(value: Any) -> float:
    """Return a number as a float, NaN for None; one too large for any is infinite."""
    if value is None:
        return math.nan
    try:
        return float(value)
    except OverflowError:
        return math.inf if value > 0 else -math.inf


def _number(written: Callable[[str], Any], *, is_whole: bool) -> Callable[[Any], Any]:
    def read(value: Any) -> Any:
        if isinstance(value, str):
            value = written(value)
        if value.__class__ is int:
            return UNFIT if is_whole and value not in _LONGS else value
        if value is UNFIT or is_missing(value):
            return UNFIT if value is UNFIT else None
        return _as_number(value, is_whole=is_whole)

    return read


def _as_number(value: Any, *, is_whole: bool) -> Any:
    """Return what is no int as the number that it is, ``UNFIT`` for what is none."""
    if isinstance(value, Integral | np.bool_):
        value = int(value)
        return UNFIT if is_whole and value not in _LONGS else value
    if not isinstance(value, Real | Decimal):
        return UNFIT
    if is_whole and math.isfinite(value):
        whole = math.floor(value)
        if value == whole and whole in _LONGS:
            return whole
    return as_float(value)


def _boolean(written: Callable[[str], Any]) -> Callable[[Any], Any]:
    def read(value: Any) -> Any:
        if isinstance(value, bool | np.bool_):
            return bool(value)
        if is_missing(value):
            return None
        if isinstance(value, str):
            return written(value)
        if isinstance(value, Real | Decimal) and value in (0, 1):
            return bool(value)
        return UNFIT

    return read


def _moment(written: Callable[[str], Any]) -> Callable[[Any], Any]:
    def read(value: Any) -> Any:
        if is_missing(value):
            return None
        if isinstance(value, str):
            value = written(value)
        if isinstance(value, np.datetime64):
            value = value.astype("datetime64[us]").item()
        if isinstance(value, pd.Timestamp):
            value = value.to_pydatetime(warn=False)
        if isinstance(value, dt.datetime):
            return value if value.tzinfo is None else in_utc(value)
        if isinstance(value, dt.date):
            return dt.datetime(value.year, value.month, value.day)  # noqa: DTZ001 - UTC, unsaid
        if isinstance(value, Real | Decimal | np.bool_):
            return EPOCH
        return None if value is None else UNFIT

    return read


def in_utc(value: dt.datetime) -> Any:
    """Return a moment with a zone as UTC without one; ``UNFIT`` beyond the years 1 to 9999."""
    try:
        return value.astimezone(dt.UTC).replace(tzinfo=None)
    except OverflowError:
        return UNFIT


def _native_numbers(series: pd.Series) -> pd.Series | None:
    return series if pd.api.types.is_numeric_dtype(series.dtype) else None


def _native_flags(series: pd.Series) -> pd.Series | None:
    return series if pd.api.types.is_bool_dtype(series.dtype) and series.dtype != object else None


def _native_moments(series: pd.Series) -> pd.Series | None:
    if isinstance(series.dtype, pd.DatetimeTZDtype):
        return series.dt.tz_convert("UTC").dt.tz_localize(None)
    return series if pd.api.types.is_datetime64_dtype(series.dtype) else None


def _any(series: pd.Series) -> pd.Series | None:
    return series


# The standard ways of writing, as in a CSV file.
_MISSING: Final = frozenset(
    {"", "?", "-", ".", "na", "n/a", "nan", "null", "none", "<na>", "nat", "#n/a"}
)
_WORDS: Final = {
    **dict.fromkeys(("true", "t", "yes", "y", "on", "1", "1.0"), True),
    **dict.fromkeys(("false", "f", "no", "n", "off", "0", "0.0"), False),
}


def standard_number(text: str) -> Any:
    bare = text.strip()
    if bare.casefold() in _MISSING:
        return None
    try:
        return int(bare) if bare.isascii() and bare.lstrip("+-").isdecimal() else float(bare)
    except ValueError:
        return UNFIT


def standard_flag(text: str) -> Any:
    bare = text.strip().casefold()
    return None if bare in _MISSING else _WORDS.get(bare, UNFIT)


def standard_moment(text: str) -> Any:
    bare = text.strip()
    if bare.casefold() in _MISSING:
        return None
    try:
        return dt.datetime.fromisoformat(bare)
    except ValueError:
        return UNFIT
