"""What every treatment of a column has in common.

A treatment turns the values of one column into one or more numbers a row. Each has two paths, a
whole column and a single value, which agree bit for bit: the column's path either does what
NumPy does exactly (widening an integer) or runs the value's path once for each distinct value.
"""

from __future__ import annotations

import base64
from decimal import Decimal
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar, Protocol, Self

import numpy as np
import pandas as pd

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence

    Values = np.ndarray[Any, Any]
    # One value of a column to one number for each part.
    Reader = Callable[[Any], Sequence[float]]

NAN = float("nan")
# Larger ones become infinite in the float32 that forests and boosters compute with.
LARGEST = float(np.finfo(np.float32).max)


class Treatment(Protocol):
    """How the values of a column become numbers.

    Attributes
    ----------
    kind
        Its name in a saved preparation.
    parts
        Names of the numbers that it makes of a value, ``value`` for the value itself.
    row_microseconds
        CPU that a single value takes, measured on one core of 3 GHz.
    """

    kind: ClassVar[str]
    row_microseconds: ClassVar[float] = 0.7

    @property
    def parts(self) -> tuple[str, ...]: ...

    def levels(self, part: str) -> tuple[str, ...]:
        """Return the categories that the numbers of a part stand for; none for a quantity."""
        ...

    def columns(self, data: ColumnData) -> list[Values]:
        """Return one float64 array for each part, NaN for missing."""
        ...

    def reader(self, name: str) -> Reader:
        """Return the same for a single value; ``name`` is the column's, for errors."""
        ...

    def state(self) -> dict[str, Any]:
        """Return what ``of_state`` needs, as JSON values."""
        ...

    @classmethod
    def of_state(cls, state: Mapping[str, Any]) -> Self: ...


class ColumnData:
    """A column of a table, converted once however many treatments read it."""

    def __init__(self, series: pd.Series, without: Collection[str] = ()) -> None:
        if without:  # texts that stand for no value
            marked = [isinstance(one, str) and one.strip() in without for one in series]
            series = series.mask(np.array(marked, dtype=bool))
        self.series = series
        self.name = str(series.name)

    def __len__(self) -> int:
        return len(self.series)

    @cached_property
    def objects(self) -> Values:
        objects: Values = self.series.to_numpy(dtype=object)
        return objects

    @cached_property
    def missing(self) -> Values:
        """Which rows have no value."""
        missing: Values = self.series.isna().to_numpy(dtype=bool)
        return missing

    @property
    def is_numeric(self) -> bool:
        """Whether the values are numbers that NumPy can hold; those of 64 bits without a sign are
        read one by one.
        """  # noqa: D205
        dtype = self.series.dtype
        return pd.api.types.is_numeric_dtype(dtype) and "uint64" not in str(dtype).casefold()

    @cached_property
    def numbers(self) -> tuple[Values, Values]:
        """Which rows of a numeric column have a number, and those numbers: int64, or float64."""
        if pd.api.types.is_integer_dtype(self.series.dtype):
            known = ~self.missing
            return known, self.series[known].to_numpy(dtype="int64")
        numbers = bounded(self.series.to_numpy(dtype="float64", na_value=np.nan))
        known = ~np.isnan(numbers)
        return known, numbers[known]

    @cached_property
    def distinct(self) -> tuple[Values, list[str]]:
        """The position of each row's value, -1 for none, among the distinct values as text."""
        if self._tells_texts_apart():
            codes, numbers = pd.factorize(self.series)
            return codes, [str(number) for number in numbers.tolist()]
        objects = self.objects
        if pd.api.types.infer_dtype(objects, skipna=True) not in {"string", "empty"}:
            # As text before they are told apart, since 1, 1.0 and True are equal.
            objects = np.array(
                [None if gone else str(value) for value, gone in zip(objects, self.missing)],  # noqa: B905 - same length
                dtype=object,
            )
        codes, texts = pd.factorize(objects)
        return codes, texts.tolist()

    def _tells_texts_apart(self) -> bool:
        """Tell whether numbers that are equal are written alike, as those of one type are."""
        dtype = self.series.dtype
        if not isinstance(dtype, np.dtype) or dtype.kind not in "iuf":
            return False
        return dtype.kind != "f" or not np.signbit(self.series[self.series == 0]).any()

    def take(self, of_each: Values) -> Values:
        """Spread one number for each distinct value over the rows, NaN where there is no value."""
        codes, _ = self.distinct
        return np.append(of_each, NAN)[codes]

    def read(self, reader: Reader, width: int) -> Values:
        """Apply a reader to each row; for columns of mixed Python objects."""
        made = [reader(value) for value in self.objects]
        return np.array(made, dtype="float64").reshape(len(made), width)


def is_missing(value: Any) -> bool:
    """Tell whether pandas would count a value as missing."""
    if value is None or value is pd.NaT or value is pd.NA:
        return True
    if isinstance(value, float | np.floating):
        return bool(value != value)  # noqa: PLR0124 - NaN
    if isinstance(value, Decimal):
        return value.is_nan()
    return isinstance(value, np.datetime64) and bool(np.isnat(value))


def bounded(numbers: Values) -> Values:
    """Return the numbers with infinite ones missing and huge ones at the largest float32."""
    numbers = np.where(np.isfinite(numbers), numbers, NAN)
    return np.clip(numbers, -LARGEST, LARGEST)


def bounded_number(number: float) -> float:
    """Return the same for one number."""
    if -LARGEST <= number <= LARGEST:
        return number
    if number - number != 0:  # infinite or NaN
        return NAN
    return LARGEST if number > 0 else -LARGEST


def pack(array: Values) -> dict[str, Any]:
    """Return an array as JSON values."""
    data = np.ascontiguousarray(array)
    text = base64.b64encode(data.tobytes()).decode("ascii")
    return {"dtype": data.dtype.str, "shape": list(data.shape), "data": text}


def unpack(state: Mapping[str, Any]) -> Values:
    """Return the array that ``pack`` was given; numbers only, so that no code can be in it."""
    dtype = np.dtype(state["dtype"])
    if dtype.kind not in "fiu":
        raise ValueError("A saved preparation holds an array that is not of numbers")
    data = np.frombuffer(base64.b64decode(state["data"]), dtype=dtype)
    return data.reshape(state["shape"]).copy()
