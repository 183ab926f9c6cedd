"""A column of a file as what a model takes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pyarrow as pa
from pyarrow import compute

from modelstudio.tables import types
from modelstudio.tables.files import columns, conversions
from modelstudio.tables.readings import of_state

if TYPE_CHECKING:
    from collections.abc import Mapping

pc: Any = compute


class Unfit(Exception):
    """A column cannot be read as what the model takes; the message goes on after its name."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """A column that a model takes.

    Attributes
    ----------
    type
        In the model API.
    reading
        The state of the reading with which the model learned it; None for the plain one of its
        type.
    exact
        Whether a number with a fraction does not fit a column of whole ones. A model that
        predicts row by row has learned from numbers, and takes 150.5 for the number that it is.
    """

    name: str
    type: str
    required: bool
    reading: Mapping[str, Any] | None = None
    exact: bool = True

    @classmethod
    def of(
        cls,
        column: Mapping[str, Any],
        reading: Mapping[str, Any] | None = None,
        *,
        exact: bool = True,
    ) -> Wanted:
        # What a model API does not say, the wire's clients take for required.
        required = column.get("required") is not False
        return cls(column["name"], column["dataType"]["type"], required, reading, exact)

    @property
    def meaning(self) -> str:
        kind = types.OF_MODEL.get(self.type)
        return self.type if kind is None else types.FIELD_TYPES[kind].meaning

    @property
    def is_moment(self) -> bool:
        return self.type in {"date", "timestamp"}


def model_type(name: str) -> pa.DataType:
    """Return Arrow's type for a type of the model API; text for one that has none."""
    return types.arrow_type({"type": types.OF_MODEL.get(name, "STRING")})


def read(column: pa.Array, wanted: Wanted) -> tuple[pa.Array, pa.Array | None]:
    """Return a column's values as the model takes them, and which did not fit; None if all did.

    ``column`` is of a plain type (`conversions.normal`). Values that do not fit are missing.

    Raises
    ------
    Unfit
        When the types do not go together.
    """
    kind = types.OF_MODEL.get(wanted.type)
    is_text = pa.types.is_string(column.type)
    if kind is None:
        if is_text and wanted.type != "any":
            raise Unfit(f"is text, but the model takes {wanted.type}; give the table as Parquet")
        return column, None
    type_ = types.arrow_type({"type": kind})
    if is_text:
        return _texts(column, wanted, kind, type_)
    if pa.types.is_null(column.type):
        return pa.nulls(len(column), type_), None
    if kind == "STRING" and not pa.types.is_nested(column.type):
        return _identities(column), None
    is_moment = pa.types.is_timestamp(column.type) or pa.types.is_date(column.type)
    if kind in {"DATE", "TIMESTAMP"} and is_moment:
        return _moments(column, type_)
    if kind not in {"DATE", "TIMESTAMP"} and _is_number(column.type):
        return _loose(column) if _is_loose(kind, wanted) else _numbers(column, type_)
    raise Unfit(f"is {conversions.wire_name(column.type)}, but the model takes {wanted.meaning}")


def _texts(
    column: pa.Array, wanted: Wanted, kind: str, type_: pa.DataType
) -> tuple[pa.Array, pa.Array | None]:
    given = wanted.reading
    reading = columns.plain_reading(kind) if given is None else of_state(given)
    if not _is_loose(kind, wanted):
        return columns.read_texts(column, reading, kind, type_)
    found = reading.column(column)
    return found.values, found.unfit if pc.any(found.unfit).as_py() else None


def _identities(column: pa.Array) -> pa.Array:
    """Return values as the texts that identify them; whole floats come of tables with gaps."""
    texts = conversions.as_texts(column)
    if not pa.types.is_floating(column.type):
        return texts
    valid = pc.if_else(pc.is_nan(column), pa.scalar(None, pa.string()), texts)
    return pc.replace_substring_regex(valid, r"^(-?[0-9]+)\.0$", r"\1")


def _is_number(type_: pa.DataType) -> bool:
    types = pa.types
    return bool(
        types.is_integer(type_)
        or types.is_floating(type_)
        or types.is_decimal(type_)
        or types.is_boolean(type_)
    )


def _is_loose(kind: str, wanted: Wanted) -> bool:
    return kind in types.INTEGERS and not wanted.exact


def _loose(column: pa.Array) -> tuple[pa.Array, pa.Array | None]:
    """Return numbers as whole ones of 64 bits, or as floats where one has a fraction."""
    whole, unfit = _numbers(column, pa.int64())
    if unfit is None or pa.types.is_integer(column.type):
        return whole, unfit
    return _numbers(column, pa.float64())


def _moments(column: pa.Array, type_: pa.DataType) -> tuple[pa.Array, pa.Array | None]:
    local = column.cast(pa.timestamp("us"))
    return (local, None) if pa.types.is_timestamp(type_) else columns.within(local, type_)


def _numbers(column: pa.Array, type_: Any) -> tuple[pa.Array, pa.Array | None]:
    if pa.types.is_floating(column.type):
        column = pc.if_else(pc.is_nan(column), pa.scalar(None, column.type), column)
    if column.type.equals(type_):
        return column, None
    if pa.types.is_boolean(column.type):
        column = column.cast(pa.int8())
    if pa.types.is_boolean(type_):
        return _words(column, type_)
    if pa.types.is_floating(type_):
        return column.cast(type_, safe=False), None
    return columns.within(column, type_)


def _words(column: pa.Array, type_: Any) -> tuple[pa.Array, pa.Array | None]:
    """Read 0 and 1 as false and true."""
    numbers = column.cast(pa.float64(), safe=False)
    fits = pc.or_(pc.equal(numbers, 0), pc.equal(numbers, 1))
    unfit = pc.invert(fits).fill_null(False)
    found = pc.if_else(fits, pc.equal(numbers, 1), pa.scalar(None, type_))
    return found, unfit if pc.any(unfit).as_py() else None
