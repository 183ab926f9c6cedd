"""Treatments of numbers and booleans."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np
import pandas as pd

from modelstudio.trainers.tabular.preparation.treatment import (
    NAN,
    Treatment,
    bounded,
    bounded_number,
    is_missing,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

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
    """

    kind: ClassVar[str] = "numbers"
    single: bool = False

    @property
    def parts(self) -> tuple[str, ...]:
        return ("value",)

    def levels(self, part: str) -> tuple[str, ...]:  # noqa: ARG002
        return ()

    def columns(self, data: ColumnData) -> list[Values]:
        if not pd.api.types.is_numeric_dtype(data.series.dtype):
            return [data.read(self.reader(data.name), 1)[:, 0]]
        numbers = bounded(data.series.to_numpy(dtype="float64", na_value=np.nan))
        return [numbers.astype("float32").astype("float64") if self.single else numbers]

    def reader(self, name: str) -> Reader:
        def read(value: Any) -> tuple[float]:
            if value.__class__ is not float:
                if is_missing(value):
                    return _MISSING
                value = number_of(value, name)
            return (bounded_number(value),)

        def read_single(value: Any) -> tuple[float]:
            return (float(np.float32(read(value)[0])),)

        return read_single if self.single else read

    def state(self) -> dict[str, Any]:
        return {"single": self.single}

    @classmethod
    def of_state(cls, state: Mapping[str, Any]) -> Self:
        return cls(**state)


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
