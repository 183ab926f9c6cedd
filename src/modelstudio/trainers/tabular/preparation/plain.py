"""Treatments of numbers and booleans."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np
import pandas as pd

from modelstudio.tables.readings import BooleanReading, NumberReading, Reading, of_state
from modelstudio.trainers.tabular.preparation.precision import Precision
from modelstudio.trainers.tabular.preparation.reading import many_values, value_of
from modelstudio.trainers.tabular.preparation.treatment import (
    NAN,
    ColumnData,
    Treatment,
    bounded,
    bounded_number,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from modelstudio.trainers.tabular.preparation.treatment import Reader, Values

_LARGEST = 2**62
_EXACT = 2**53  # beyond, floats round whole numbers
_A_SECOND = 1e6  # microseconds, in which durations are read


@dataclass(frozen=True, slots=True)
class Numbers(Treatment):
    """A column of numbers, or of texts that are read as such.

    Attributes
    ----------
    reading
        How texts are read; durations are numbers of seconds.
    single
        Whether the column is of single precision, to which a prediction's numbers are then rounded
        too.
    precision
        How numbers that single precision cannot hold are written; None for as they are.
    part
        What the first part is called.
    """

    kind: ClassVar[str] = "numbers"
    reading: Reading
    single: bool = False
    precision: Precision | None = None
    part: str = "value"

    @property
    def parts(self) -> tuple[str, ...]:
        return (self.part, *(() if self.precision is None else self.precision.parts[1:]))

    def levels(self, part: str) -> tuple[str, ...]:  # noqa: ARG002
        return ()

    def columns(self, data: ColumnData) -> list[Values]:
        if data.is_numeric:
            return self._of_numbers(data)
        if pd.api.types.infer_dtype(data.objects, skipna=True) not in {"string", "empty"}:
            return list(data.read(self.reader(data.name), len(self.parts)).T)
        codes, texts = data.distinct
        many = many_values(self.reading, texts)
        if many is not None and self.reading.kind == "number":
            parts = self._of_numbers(ColumnData(pd.Series(many)))
            return [np.append(part, NAN)[codes] for part in parts]
        read = self.reader(data.name)
        made = np.array([read(text) for text in [*texts, None]], dtype="float64")
        return list(made[codes].T)

    def _of_numbers(self, data: ColumnData) -> list[Values]:
        if self.precision is not None:
            known, numbers = data.numbers
            return [_spread(part, known) for part in self.precision.of_numbers(numbers)]
        numbers = bounded(data.series.to_numpy(dtype="float64", na_value=np.nan))
        return [numbers.astype("float32").astype("float64") if self.single else numbers]

    def exact(self, data: ColumnData) -> Values:
        """Return the known numbers, each at least once, as int64 where all are whole."""
        if data.is_numeric:
            return data.numbers[1]
        if pd.api.types.infer_dtype(data.objects, skipna=True) == "string":
            given: Any = data.distinct[1]
        else:
            given = data.objects
        found = [number for number in map(self.number, given) if number == number]  # noqa: PLR0124
        if any(number.__class__ is not int for number in found):
            numbers = bounded(np.array(found, dtype="float64"))
            return numbers[~np.isnan(numbers)]
        return np.array(found, dtype="int64")

    def numbers(self, data: ColumnData) -> Values:
        """Return the numbers of a column themselves."""
        return Numbers(self.reading, self.single).columns(data)[0]

    def reader(self, name: str) -> Reader:  # noqa: ARG002
        number = self.number
        if self.precision is not None:
            return _precise(number, self.precision)
        if self.single:
            return lambda value: (float(np.float32(bounded_number(float(number(value))))),)

        def read(value: Any) -> tuple[float]:
            if value.__class__ is float:
                return (bounded_number(value),)
            if value.__class__ is int and -_LARGEST <= value <= _LARGEST:
                return (float(value),)
            return (bounded_number(float(number(value))),)

        return read

    @property
    def number(self) -> Callable[[Any], float]:
        """A function from a value to its number, NaN for missing; whole ones stay exact."""
        reading = self.reading
        if reading.kind == "moment":
            return _duration(reading)

        def read(value: Any) -> float:
            found = value_of(reading, value)
            return NAN if found is None else found

        return read

    def state(self) -> dict[str, Any]:
        return {
            "reading": self.reading.state(),
            "single": self.single,
            "precision": None if self.precision is None else self.precision.state(),
            "part": self.part,
        }

    @classmethod
    def of_state(cls, state: Mapping[str, Any]) -> Self:
        precision = state["precision"]
        return cls(
            of_state(state["reading"]),
            state["single"],
            None if precision is None else Precision.of_state(precision),
            state["part"],
        )


@dataclass(frozen=True, slots=True)
class Booleans(Treatment):
    """True and false as 1 and 0; ``reading`` says by what words."""

    kind: ClassVar[str] = "booleans"
    reading: BooleanReading

    @property
    def parts(self) -> tuple[str, ...]:
        return ("value",)

    def levels(self, part: str) -> tuple[str, ...]:  # noqa: ARG002
        return ()

    def columns(self, data: ColumnData) -> list[Values]:
        if data.series.dtype == bool:
            return [data.series.to_numpy(dtype="float64")]
        if pd.api.types.infer_dtype(data.objects, skipna=True) not in {"string", "empty"}:
            return [data.read(self.reader(data.name), 1)[:, 0]]
        _, texts = data.distinct
        read = self.reader(data.name)
        return [data.take(np.array([read(text)[0] for text in texts], dtype="float64"))]

    def codes(self, data: ColumnData) -> Values:
        """Return 1 for true, 0 for false, -1 for neither."""
        flags = self.columns(data)[0]
        return np.where(np.isnan(flags), -1, flags).astype("int64")

    def reader(self, name: str) -> Reader:  # noqa: ARG002
        reading = self.reading
        known: dict[Any, tuple[float]] = {None: (NAN,), True: (1.0,), False: (0.0,)}

        def read(value: Any) -> tuple[float]:
            return known[value if value.__class__ is bool else value_of(reading, value)]

        return read

    def state(self) -> dict[str, Any]:
        return {"words": list(self.reading.words)}

    @classmethod
    def of_state(cls, state: Mapping[str, Any]) -> Self:
        return cls(BooleanReading((state["words"][0], state["words"][1])))


def of_decimals(reading: Reading, data: ColumnData) -> Reading:
    """Return the reading of a column of decimals; ids that floats would round are whole."""
    known = [value for value in data.objects if isinstance(value, Decimal) and not value.is_nan()]
    if not isinstance(reading, NumberReading) or not known:
        return reading
    whole = all(value == value.to_integral_value() for value in known)
    return NumberReading(whole=True) if whole and max(map(abs, known)) > _EXACT else reading


def _duration(reading: Reading) -> Callable[[Any], float]:
    seconds = NumberReading()

    def read(value: Any) -> float:
        is_text = isinstance(value, str)
        found = value_of(reading if is_text else seconds, value)
        if found is None:
            return NAN
        return found / _A_SECOND if is_text else found  # type: ignore[no-any-return]

    return read


def _spread(numbers: Values, known: Values) -> Values:
    spread = np.full(len(known), NAN)
    spread[known] = numbers
    return spread


def _precise(read: Callable[[Any], float], precision: Precision) -> Reader:
    missing = (NAN,) * len(precision.parts)

    def read_precise(value: Any) -> Sequence[float]:
        number = read(value)
        if number.__class__ is not int:
            number = bounded_number(number)
            if number != number:  # noqa: PLR0124 - NaN
                return missing
        return precision.of_number(number)

    return read_precise
