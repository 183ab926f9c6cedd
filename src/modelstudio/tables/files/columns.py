"""Texts and values of a file as those of a table's column."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Decimal, localcontext
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final

import pyarrow as pa
from pyarrow import compute

from modelstudio.tables import types
from modelstudio.tables.files import conversions
from modelstudio.tables.files.problems import Unreadable
from modelstudio.tables.readings import (
    BooleanReading,
    NumberReading,
    Reading,
    TextReading,
    is_mark,
    named,
    of_state,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

pc: Any = compute
_DIGITS: Final = re.compile(r"([.,]?[0-9][^a-zA-Z%]*)([eE][-+]?[0-9]+)?")
_MAX_SHOWN: Final = 100
_PRECISION: Final = 100
_PLAIN_READINGS: Final[Mapping[str, Reading]] = {
    "NUMERIC": NumberReading(),
    "BOOLEAN": BooleanReading(),
    "STRING": TextReading(),
}


@dataclass(frozen=True)
class Column:
    """A column of a table.

    Attributes
    ----------
    field
        As the wire has it.
    type
        Arrow's type for its values.
    state
        Of its reading; None for the plain one of its type.
    """

    field: Mapping[str, Any]
    type: pa.DataType
    state: Mapping[str, Any] | None = None

    @property
    def name(self) -> str:
        return str(self.field["name"])

    @cached_property
    def reading(self) -> Reading:
        if self.state is not None:
            return of_state(self.state)
        told = (self.field.get("customMetadata") or {}).get("reading")
        return plain_reading(self.field["type"]) if told is None else named(told)

    def of(self, values: pa.Array, *, is_text: bool) -> pa.Array:
        """Return values of a plain type (`conversions.normal`) as the column's.

        ``is_text`` is for those of a file of text, in which an empty text is a missing value.

        Raises
        ------
        Unreadable
            For a value that is none.
        """
        if is_text and pa.types.is_floating(values.type):  # such as " NaN "
            values = pc.if_else(pc.is_nan(values), pa.scalar(None, values.type), values)
        if not pa.types.is_string(values.type) or (self.field["type"] == "STRING" and not is_text):
            return conversions.as_type(values, self.type, self.name)
        found, unfit = read_texts(values, self.reading, self.field["type"], self.type)
        if unfit is not None:
            shown = values[pc.index(unfit, True).as_py()].as_py()[:_MAX_SHOWN]
            raise Unreadable(
                f"Column {self.name!r} has the value {shown!r}, which is not {self.field['type']}."
            )
        return found

    def repeated(self, text: str | None, count: int) -> pa.Array:
        """Return a column of one value, as ``of`` does."""
        one = self.of(pa.array([text], pa.string()), is_text=True)
        return pa.repeat(one[0], count)


def plain_reading(kind: str) -> Reading:
    """Return how a column of a field type is read when nothing else is said."""
    if kind in types.MOMENTS:
        return named("date yyyy-mm-dd" if kind == "DATE" else "timestamp yyyy-mm-dd")
    if kind in types.INTEGERS:
        return NumberReading(whole=True)
    return _PLAIN_READINGS.get(types.group_of(kind), TextReading())


def schema_of(
    fields: Sequence[Mapping[str, Any]], readings: Mapping[str, Mapping[str, Any]]
) -> pa.Schema:
    """Return the schema of a table with these columns; moments with a zone are stored in UTC."""
    return pa.schema(
        [
            (
                field["name"],
                types.arrow_type(field, zone="UTC" if _is_zoned(readings, field) else None),
            )
            for field in fields
        ]
    )


def _is_zoned(readings: Mapping[str, Mapping[str, Any]], field: Mapping[str, Any]) -> bool:
    return bool(readings.get(field["name"], {}).get("zoned"))


def read_texts(
    texts: pa.Array, reading: Reading, kind: str, type_: pa.DataType
) -> tuple[pa.Array, pa.Array | None]:
    """Return texts as values of a field type, and which do not fit; None if all do.

    Those that do not fit are missing.
    """
    if kind == "BINARY":
        return texts.cast(type_), None
    if types.group_of(kind) == "NESTED":
        return _distinct(texts, type_, json.loads)
    if kind == "DECIMAL" and isinstance(reading, NumberReading):
        return _decimals(texts, reading, type_)
    found = reading.column(texts)
    values, unfit = found.values, found.unfit
    if values.type != type_:
        values, beyond = within(values, type_)
        unfit = unfit if beyond is None else pc.or_(unfit, beyond)
    return values, unfit if pc.any(unfit).as_py() else None


def within(values: pa.Array, type_: Any) -> tuple[pa.Array, pa.Array | None]:
    """Return values as those of a narrower type, and which are beyond it; None if none is.

    Those are missing.
    """
    if pa.types.is_timestamp(values.type) and pa.types.is_date(type_):
        return _days(values, type_)
    if not pa.types.is_integer(type_) or not _has_digits(values.type):
        try:
            return conversions.cast(values, type_), None
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
            return pa.nulls(len(values), type_), values.is_valid()
    if pa.types.is_signed_integer(values.type) and values.type.bit_width <= type_.bit_width:
        return values.cast(type_), None
    most = 2.0 ** (type_.bit_width - 1)
    numbers = values.cast(pa.float64(), safe=False)
    beyond = pc.or_(pc.less(numbers, -most), pc.greater_equal(numbers, most))
    if not pa.types.is_integer(values.type):
        beyond = pc.or_(beyond, pc.not_equal(values, pc.round(values)))
    beyond = beyond.fill_null(False)
    kept = pc.if_else(beyond, pa.scalar(None, values.type), values)
    return kept.cast(type_), beyond if pc.any(beyond).as_py() else None


def _has_digits(type_: pa.DataType) -> bool:
    types_ = pa.types
    return bool(types_.is_integer(type_) or types_.is_floating(type_) or types_.is_decimal(type_))


def _days(moments: pa.Array, type_: pa.DataType) -> tuple[pa.Array, pa.Array | None]:
    days = moments.cast(pa.date32(), safe=False)
    beyond = pc.not_equal(days.cast(moments.type), moments).fill_null(False)
    if not pc.any(beyond).as_py():
        return days, None
    return pc.if_else(beyond, pa.scalar(None, type_), days), beyond


def _decimals(
    texts: pa.Array, reading: NumberReading, type_: Any
) -> tuple[pa.Array, pa.Array | None]:
    """Read digits as they are written, which a float would round."""
    unit = Decimal(1).scaleb(-type_.scale)

    decimal_sign = "," if reading.notation.endswith(",5") else "."

    def read(text: str) -> Decimal:
        value, written = reading.read(text), _DIGITS.search(text)
        if not isinstance(value, int | float) or written is None:
            raise ValueError(text)
        digits = "".join(one for one in written[1] if one.isdigit() or one == decimal_sign)
        exact = Decimal(digits.replace(",", ".") + (written[2] or ""))
        with localcontext(prec=_PRECISION):
            return (-exact if value < 0 else exact).quantize(unit, ROUND_HALF_EVEN)

    return _distinct(texts, type_, read)


def _distinct(texts: pa.Array, type_: pa.DataType, read: Any) -> tuple[pa.Array, pa.Array | None]:
    encoded = texts.dictionary_encode()
    known, unfit = [], []
    for text in encoded.dictionary.to_pylist():
        value = None
        if not is_mark(text):
            try:
                value = pa.scalar(read(text), type_).as_py()
            except (ValueError, TypeError, ArithmeticError, pa.ArrowException):
                value = None
        known.append(value)
        unfit.append(value is None and not is_mark(text))
    found = pa.array(known, type_).take(encoded.indices)
    if not any(unfit):
        return found, None
    return found, pa.array(unfit, pa.bool_()).take(encoded.indices).fill_null(False)
