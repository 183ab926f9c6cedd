"""A column of a file as what a model takes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import pyarrow as pa
from pyarrow import compute

from modelstudio.tables.files import conversions, plain
from modelstudio.tables.files.arrow_types import arrow_type

if TYPE_CHECKING:
    from collections.abc import Mapping

pc: Any = compute
_FIELD_TYPES: Final[Mapping[str, str]] = {
    "boolean": "BOOLEAN",
    "date": "DATE",
    "double": "DOUBLE",
    "float": "FLOAT",
    "integer": "INTEGER",
    "long": "LONG",
    "string": "STRING",
    "timestamp": "TIMESTAMP",
}
_MEANINGS: Final[Mapping[str, str]] = {
    "BOOLEAN": "true or false",
    "DATE": "a date",
    "DOUBLE": "a number",
    "FLOAT": "a number",
    "INTEGER": "a whole number of 32 bits",
    "LONG": "a whole number",
    "STRING": "text",
    "TIMESTAMP": "a date or time",
}


class Unfit(Exception):
    """A column cannot be read as what the model takes; the message goes on after its name."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """A column that a model takes; ``type`` is the wire's."""

    name: str
    type: str
    required: bool

    @classmethod
    def of(cls, column: Mapping[str, Any]) -> Wanted:
        # What a model API does not say, the wire's clients take for required.
        return cls(column["name"], column["dataType"]["type"], column.get("required") is not False)

    @property
    def meaning(self) -> str:
        return _MEANINGS[_FIELD_TYPES[self.type]] if self.type in _FIELD_TYPES else self.type

    @property
    def is_moment(self) -> bool:
        return self.type in {"date", "timestamp"}


def model_type(name: str) -> pa.DataType:
    """Return Arrow's type for a type of the model API; text for one that has none."""
    return arrow_type({"type": _FIELD_TYPES.get(name, "STRING")})


def read(column: pa.Array, wanted: Wanted) -> tuple[pa.Array, pa.Array | None]:
    """Return a column's values as the model takes them, and which did not fit; None if all did.

    ``column`` is of a plain type (`conversions.normal`). Values that do not fit are missing.

    Raises
    ------
    Unfit
        When the types do not go together.
    """
    kind = _FIELD_TYPES.get(wanted.type)
    is_text = pa.types.is_string(column.type)
    if kind is None:
        if is_text and wanted.type != "any":
            raise Unfit(f"is text, but the model takes {wanted.type}; give the table as Parquet")
        return column, None
    type_ = arrow_type({"type": kind})
    if is_text:
        return plain.fitting(column, kind, type_, loosely=True)
    if pa.types.is_null(column.type):
        return pa.nulls(len(column), type_), None
    if kind == "STRING" and not pa.types.is_nested(column.type):
        return conversions.as_texts(column), None
    is_moment = pa.types.is_timestamp(column.type) or pa.types.is_date(column.type)
    if kind in {"DATE", "TIMESTAMP"} and is_moment:
        return _moments(column, type_)
    if kind not in {"DATE", "TIMESTAMP"} and _is_number(column.type):
        return _numbers(column, type_)
    raise Unfit(f"is {conversions.wire_name(column.type)}, but the model takes {wanted.meaning}")


def _is_number(type_: pa.DataType) -> bool:
    types = pa.types
    return bool(
        types.is_integer(type_)
        or types.is_floating(type_)
        or types.is_decimal(type_)
        or types.is_boolean(type_)
    )


def _moments(column: pa.Array, type_: pa.DataType) -> tuple[pa.Array, pa.Array | None]:
    local = column.cast(pa.timestamp("us"))
    if pa.types.is_timestamp(type_):
        return local, None
    days = local.cast(pa.date32(), safe=False)
    unfit = pc.not_equal(days.cast(pa.timestamp("us")), local)
    return pc.if_else(unfit, pa.scalar(None, type_), days), _some(unfit)


def _numbers(column: pa.Array, type_: Any) -> tuple[pa.Array, pa.Array | None]:
    if pa.types.is_floating(column.type):
        column = pc.if_else(pc.is_nan(column), pa.scalar(None, column.type), column)
    if column.type.equals(type_):
        return column, None
    if pa.types.is_boolean(type_):
        numbers = column.cast(pa.float64(), safe=False)
        fits = pc.or_(pc.equal(numbers, 0), pc.equal(numbers, 1))
        return pc.if_else(fits, pc.equal(numbers, 1), pa.scalar(None, type_)), _some(
            pc.invert(fits)
        )
    if pa.types.is_floating(type_):
        if pa.types.is_boolean(column.type):
            column = column.cast(pa.int8())
        return column.cast(type_, safe=False), None
    return _whole(column, type_)


def _whole(column: pa.Array, type_: Any) -> tuple[pa.Array, pa.Array | None]:
    """Read numbers as whole ones of so many bits."""
    if pa.types.is_boolean(column.type):
        return column.cast(type_), None
    most = 2.0 ** (type_.bit_width - 1)
    unfit = None
    if pa.types.is_decimal(column.type) or pa.types.is_floating(column.type):
        unfit = pc.not_equal(column, pc.round(column))
    numbers = column.cast(pa.float64(), safe=False)
    beyond = pc.or_(pc.less(numbers, -most), pc.greater_equal(numbers, most))
    unfit = beyond if unfit is None else pc.or_(unfit, beyond)
    known = pc.if_else(unfit, pa.scalar(None, column.type), column)
    return known.cast(type_), _some(unfit)


def _some(unfit: pa.Array) -> pa.Array | None:
    unfit = pc.fill_null(unfit, False)
    return unfit if pc.any(unfit).as_py() else None
