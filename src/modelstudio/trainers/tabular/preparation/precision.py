"""Keeps numbers apart in single precision, in which several learners hold their features.

CatBoost, XGBoost and forests round features to 24 binary digits, so that account numbers, cents or
seconds since 1970 which differ in their last digits would become one. Such numbers are counted from
their smallest, or given as a rounded part and what is left of it.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Self

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping

    Values = np.ndarray[Any, Any]

_PARTS = ("value", "rest", "last")
# Of what is no whole number, so many distinct values have to become one before it matters, and so
# many have to stay apart afterwards.
_LOST_SHARE = 0.1
_KEPT_SHARE = 0.99
# Whole numbers up to here, and their differences, are exact in double precision.
_EXACT = 2**52
# Differences of whole numbers up to here are within 64 bits.
_LARGEST = 2**61
_DIGITS = 53
# Whole numbers up to here are exact in single precision.
_ALWAYS_EXACT = 2**24
_SAMPLE = 10_000


@dataclass(frozen=True, slots=True)
class Precision:
    """How a number is written as numbers of single precision.

    Attributes
    ----------
    offset
        What is subtracted first; exact in double precision.
    rests
        How many times what rounding leaves is a part of its own.
    """

    offset: int = 0
    rests: int = 0

    @property
    def parts(self) -> tuple[str, ...]:
        return _PARTS[: self.rests + 1]

    def of_number(self, number: float) -> tuple[float, ...]:
        """Return the parts of an integer of any size, or of a finite float."""
        if number.__class__ is float and number.is_integer():
            number = int(number)
        left = number - self.offset
        made = []
        for _ in range(self.rests + 1):
            part = float(np.float32(left))
            made.append(part)
            left = left - (int(part) if isinstance(left, int) else part)
        return tuple(made)

    def of_numbers(self, numbers: Values) -> list[Values]:
        """Return the same of an array of int64 or of finite float64 numbers."""
        whole = numbers.dtype.kind == "i"
        largest = _LARGEST if whole else _EXACT
        if len(numbers) and (max(abs(self.offset), *_bounds(numbers)) > largest):
            distinct, places = np.unique(numbers, return_inverse=True)
            made = [self.of_number(number) for number in distinct.tolist()]
            return list(np.array(made, dtype="float64")[places].T)
        # Adding nothing makes a negative zero a plain one.
        left = numbers - self.offset if whole else numbers - float(self.offset) + 0.0
        parts = []
        for _ in range(self.rests + 1):
            part = left.astype("float64").astype("float32").astype("float64")
            parts.append(part)
            left = left - (part.astype("int64") if whole else part)
        return parts

    def state(self) -> dict[str, int]:
        return asdict(self)

    @classmethod
    def of_state(cls, state: Mapping[str, int]) -> Self:
        return cls(**state)


def choose(numbers: Values) -> Precision | None:
    """Return how to keep int64 or finite float64 numbers apart, None where nothing is needed."""
    whole = numbers.dtype.kind == "i" or bool((numbers == np.floor(numbers)).all())
    if not len(numbers) or (whole and max(_bounds(numbers)) <= _ALWAYS_EXACT):
        return None
    # Numbers with a fraction lie as close to each other as there are many: a sample tells.
    distinct = np.unique(numbers)
    if not whole:
        distinct = distinct[:: max(len(distinct) // _SAMPLE, 1)]
    lost = len(distinct) - len(np.unique(distinct.astype("float64").astype("float32")))
    if not lost or (not whole and lost < _LOST_SHARE * len(distinct)):
        return None
    wanted = len(distinct) if whole else _KEPT_SHARE * len(distinct)
    low = _exact(int(np.floor(distinct[0])))
    for precision in (Precision(low), Precision(0, 1)):
        made = np.column_stack(precision.of_numbers(distinct))
        if len(np.unique(made.astype("float32"), axis=0)) >= wanted:
            return precision
    return Precision(0, 2)


def _exact(number: int) -> int:
    """Return the number rounded down to the digits of double precision."""
    surplus = max(number.bit_length() - _DIGITS, 0)
    return number >> surplus << surplus


def _bounds(numbers: Values) -> tuple[int, int]:
    return abs(int(numbers.min())), abs(int(numbers.max()))
