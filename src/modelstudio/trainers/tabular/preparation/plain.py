"""Treatments of numbers and booleans."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any, ClassVar, Self, cast

import numpy as np

from modelstudio.trainers.tabular.preparation.precision import Precision
from modelstudio.trainers.tabular.preparation.treatment import (
    LARGEST,
    NAN,
    Treatment,
    bounded,
    bounded_number,
    is_missing,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from modelstudio.trainers.tabular.preparation.treatment import ColumnData, Reader, Values

_MISSING = (NAN,)
_TRUE = frozenset({"true", "t", "yes", "y", "on"})
_FALSE = frozenset({"false", "f", "no", "n", "off"})


@dataclass(frozen=True, slots=True)
class Numbers(Treatment):
    """A numeric column as float64.

    Attributes
    ----------
    single
        Whether the column is of single precision, to which a prediction's numbers are then rounded
        too.
    strict
        Whether another value is an error rather than missing.
    precision
        How numbers that single precision cannot hold are written; None for as they are.
    """

    kind: ClassVar[str] = "numbers"
    single: bool = False
    strict: bool = False
    precision: Precision | None = None

    @property
    def parts(self) -> tuple[str, ...]:
        return ("value",) if self.precision is None else self.precision.parts

    def levels(self, part: str) -> tuple[str, ...]:  # noqa: ARG002
        return ()

    def columns(self, data: ColumnData) -> list[Values]:
        if not data.is_numeric:
            return list(data.read(self.reader(data.name), len(self.parts)).T)
        if self.precision is not None:
            known, numbers = data.numbers
            return [_spread(part, known) for part in self.precision.of_numbers(numbers)]
        numbers = bounded(data.series.to_numpy(dtype="float64", na_value=np.nan))
        return [numbers.astype("float32").astype("float64") if self.single else numbers]

    def reader(self, name: str) -> Reader:
        read = self._number(name)
        if self.precision is not None:
            return _precise(read, self.precision)
        if self.single:
            return lambda value: (float(np.float32(bounded_number(read(value)))),)

        def read_float(value: Any) -> tuple[float]:
            return (bounded_number(value if value.__class__ is float else read(value)),)

        return read_float

    def _number(self, name: str) -> Callable[[Any], float]:
        """Return a function from a value to its number, NaN for missing; integers stay exact."""
        exact, strict = self.precision is not None, self.strict

        def read(value: Any) -> float:
            if exact and value.__class__ is int:
                return cast("float", value)
            if is_missing(value):
                return NAN
            if exact and isinstance(value, str | np.integer | Decimal):
                value = whole_of(value)
                if value.__class__ is int:
                    return cast("float", value)
            try:
                return number_of(value, name)
            except ValueError:
                if strict:
                    raise
                return NAN

        return read

    def state(self) -> dict[str, Any]:
        precision = None if self.precision is None else self.precision.state()
        return {"single": self.single, "strict": self.strict, "precision": precision}

    @classmethod
    def of_state(cls, state: Mapping[str, Any]) -> Self:
        precision = state["precision"]
        return cls(
            state["single"],
            state["strict"],
            None if precision is None else Precision.of_state(precision),
        )


@dataclass(frozen=True, slots=True)
class Booleans(Treatment):
    """True and false, by whatever name, as 1 and 0.

    Attributes
    ----------
    strict
        Whether another value is an error rather than missing.
    """

    kind: ClassVar[str] = "booleans"
    strict: bool = True

    @property
    def parts(self) -> tuple[str, ...]:
        return ("value",)

    def levels(self, part: str) -> tuple[str, ...]:  # noqa: ARG002
        return ()

    def columns(self, data: ColumnData) -> list[Values]:
        if data.series.dtype == bool:
            return [data.series.to_numpy(dtype="float64")]
        return [data.read(self.reader(data.name), 1)[:, 0]]

    def reader(self, name: str) -> Reader:
        def read(value: Any) -> tuple[float]:
            if value is True:
                return (1.0,)
            if value is False:
                return (0.0,)
            if is_missing(value):
                return _MISSING
            flag = flag_of(value)
            if flag is None and self.strict:
                raise ValueError(f"Column {name!r} has a value that is neither true nor false")
            return _MISSING if flag is None else (flag,)

        return read

    def state(self) -> dict[str, Any]:
        return {"strict": self.strict}

    @classmethod
    def of_state(cls, state: Mapping[str, Any]) -> Self:
        return cls(**state)


def _spread(numbers: Values, known: Values) -> Values:
    spread = np.full(len(known), NAN)
    spread[known] = numbers
    return spread


def _precise(read: Callable[[Any], float], precision: Precision) -> Reader:
    missing = (NAN,) * len(precision.parts)

    def read_precise(value: Any) -> tuple[float, ...]:
        number = read(value)
        if number.__class__ is not int:
            number = bounded_number(number)
            if number != number:  # noqa: PLR0124 - NaN
                return missing
        elif abs(number) > LARGEST:
            number = bounded_number(number_of(number, ""))
            return missing if number != number else precision.of_number(number)  # noqa: PLR0124
        return precision.of_number(number)

    return read_precise


def whole_of(value: Any) -> Any:
    """Return the integer that a value is, whatever its size; the value itself when it is none."""
    try:
        whole = int(value)
    except (ValueError, OverflowError, ArithmeticError):
        return value
    return whole if isinstance(value, str) or whole == value else value


def number_of(value: Any, name: str) -> float:
    """Return a value as a float; one too large for any is infinite."""
    try:
        return float(value)
    except OverflowError:
        return float("inf")
    except (TypeError, ValueError) as error:
        raise ValueError(f"Column {name!r} has a value that is not a number") from error


def flag_of(value: Any) -> float | None:
    """Return 1 for true, 0 for false, None for what is neither."""
    if isinstance(value, str):
        word = value.strip().casefold()
        if word in _TRUE:
            return 1.0
        if word in _FALSE:
            return 0.0
        value = word
    if value in (1, "1", "1.0"):
        return 1.0
    if value in (0, "0", "0.0"):
        return 0.0
    return None
