"""The wire's field types as Arrow's."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import pyarrow as pa

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

_SIMPLE: Final[Mapping[str, pa.DataType]] = {
    "BINARY": pa.binary(),
    "BOOLEAN": pa.bool_(),
    "BYTE": pa.int8(),
    "DATE": pa.date32(),
    "DOUBLE": pa.float64(),
    "FLOAT": pa.float32(),
    "INTEGER": pa.int32(),
    "LONG": pa.int64(),
    "SHORT": pa.int16(),
    "STRING": pa.string(),
}


def arrow_type(field: Mapping[str, Any], *, zoned: bool = False) -> pa.DataType:
    """Return the type of a column's values; with ``zoned``, moments are UTC's."""
    kind = field["type"]
    if kind == "ARRAY":
        return pa.list_(arrow_type(field["arraySubtype"]))
    if kind == "MAP":
        return pa.map_(arrow_type(field["mapKeyType"]), arrow_type(field["mapValueType"]))
    if kind == "STRUCT":
        return pa.struct([(sub["name"], arrow_type(sub)) for sub in field["subSchemas"]])
    if kind == "DECIMAL":
        return pa.decimal128(field["precision"], field["scale"])
    if kind == "TIMESTAMP":
        return pa.timestamp("us", "UTC" if zoned else None)
    return _SIMPLE[kind]


def schema_of(fields: Sequence[Mapping[str, Any]], zoned: Collection[str]) -> pa.Schema:
    """Return the schema of a table with these columns."""
    return pa.schema(
        [(field["name"], arrow_type(field, zoned=field["name"] in zoned)) for field in fields]
    )
