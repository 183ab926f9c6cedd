"""What preparations of format 2 did with numbers, booleans and dates, bit for bit.

Their own rules, since a later reading reads what was missing to them, and models learned with that.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np
import pandas as pd

from modelstudio.trainers.tabular.preparation.moments import PARTS, MomentParts, split
from modelstudio.trainers.tabular.preparation.moments import bounded as bounded_moment
from modelstudio.trainers.tabular.preparation.older_dates import DateFormat
from modelstudio.trainers.tabular.preparation.older_numbers import Spelling
from modelstudio.trainers.tabular.preparation.treatment import (
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


class _One(Treatment):
    """A treatment with one part, the value."""

    @property
    def parts(self) -> tuple[str, ...]:
        return ("value",)

    def levels(self, part: str) -> tuple[str, ...]:  # noqa: ARG002
        return ()


@dataclass(frozen=True, slots=True)
class Numbers2(_One):
    """A numeric column; ``single`` for one of single precision."""

    kind: ClassVar[str] = "numbers 2"
    single: bool

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
                value = _number_of(value, name)
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
class Booleans2(_One):
    """True and false; ``strict`` when another value is an error rather than missing."""

    kind: ClassVar[str] = "booleans 2"
    strict: bool

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
            flag = _flag_of(value)
            if flag is None and self.strict:
                raise ValueError(f"Column {name!r} has a value that is neither true nor false")
            return _MISSING if flag is None else (flag,)

        return read

    def state(self) -> dict[str, Any]:
        return {"strict": self.strict}

    @classmethod
    def of_state(cls, state: Mapping[str, Any]) -> Self:
        return cls(**state)


@dataclass(frozen=True, slots=True)
class NumberTexts2(_One):
    """A string column of numbers; what cannot be read is missing."""

    kind: ClassVar[str] = "number texts 2"
    group: str
    decimal: str

    def columns(self, data: ColumnData) -> list[Values]:
        parse = Spelling(self.group, self.decimal).parser()
        _, texts = data.distinct
        return [data.take(np.array([parse(text) for text in texts], dtype="float64"))]

    def reader(self, name: str) -> Reader:  # noqa: ARG002
        parse = Spelling(self.group, self.decimal).parser()

        def read(value: Any) -> tuple[float]:
            if isinstance(value, str):
                return (parse(value),)
            return (NAN,) if is_missing(value) else (parse(str(value)),)

        return read

    def state(self) -> dict[str, Any]:
        return {"group": self.group, "decimal": self.decimal}

    @classmethod
    def of_state(cls, state: Mapping[str, Any]) -> Self:
        return cls(**state)


@dataclass(frozen=True, slots=True)
class Moments2(MomentParts):
    """Dates or timestamps in UTC; ``strict`` when what cannot be read is an error."""

    kind: ClassVar[str] = "moments 2"
    written: DateFormat
    strict: bool
    chosen: tuple[str, ...] = PARTS

    def state(self) -> dict[str, Any]:
        return {"written": self.written, "strict": self.strict, "chosen": list(self.chosen)}

    @classmethod
    def of_state(cls, state: Mapping[str, Any]) -> Self:
        return cls(DateFormat(state["written"]), state["strict"], tuple(state["chosen"]))

    def distinct_micros(self, texts: list[str]) -> tuple[Values, Values]:
        micros = self.micros("")
        return split([micros(text) for text in texts])

    def micros(self, name: str) -> Callable[[Any], int | None]:
        parse = self.written.parser()

        def read(value: Any) -> int | None:
            if isinstance(value, str):
                moment = parse(value)
                far = moment is None and self.written.is_far(value)
            elif is_missing(value):
                return None
            else:
                moment, far = _datetime(value, parse), False
            if moment is None and self.strict and not far:
                raise ValueError(f"Column {name!r} has a value that is not a date or timestamp")
            return None if moment is None else bounded_moment(moment)

        return read


def _datetime(value: Any, parse: Callable[[str], dt.datetime | None]) -> dt.datetime | None:
    if isinstance(value, dt.datetime):
        return value
    if isinstance(value, dt.date):
        return dt.datetime(value.year, value.month, value.day)  # noqa: DTZ001
    if isinstance(value, np.datetime64):
        moment = value.astype("datetime64[us]").item()
        return moment if isinstance(moment, dt.datetime) else None
    return parse(str(value))


def _number_of(value: Any, name: str) -> float:
    try:
        return float(value)
    except OverflowError:
        return float("inf")
    except (TypeError, ValueError) as error:
        raise ValueError(f"Column {name!r} has a value that is not a number") from error


def _flag_of(value: Any) -> float | None:
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
