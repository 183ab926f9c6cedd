"""Reads Parquet files, inside a table process.

Types that the wire has no name for are read as the nearest that holds their values: unsigned
integers as the next larger type, UUIDs, enumerations and times of day as STRING, timestamps of
any unit as microseconds.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

import duckdb

from modelstudio.datasets import reading
from modelstudio.datasets.reading import Selection, Text, Unreadable, identifier, literal

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from duckdb import DuckDBPyConnection
    from duckdb.sqltypes import DuckDBPyType

_EMPTY: Final = "null"  # the type of a column without values, such as pandas writes
_SIMPLE: Final[Mapping[str, str]] = {
    "bigint": "LONG",
    "blob": "BINARY",
    "boolean": "BOOLEAN",
    "date": "DATE",
    "double": "DOUBLE",
    "enum": "STRING",
    "float": "FLOAT",
    "integer": "INTEGER",
    _EMPTY: "STRING",
    "interval": "STRING",
    "smallint": "SHORT",
    "time": "STRING",
    "time with time zone": "STRING",
    "time_ns": "STRING",
    "timestamp": "TIMESTAMP",
    "timestamp with time zone": "TIMESTAMP",
    "timestamptz_ns": "TIMESTAMP",
    "timestamp_ms": "TIMESTAMP",
    "timestamp_ns": "TIMESTAMP",
    "timestamp_s": "TIMESTAMP",
    "tinyint": "BYTE",
    "uinteger": "LONG",
    "usmallint": "INTEGER",
    "utinyint": "SHORT",
    "uuid": "STRING",
    "varchar": "STRING",
}
_WHOLE_DECIMALS: Final[Mapping[str, int]] = {"ubigint": 20, "hugeint": 38, "uhugeint": 38}
_ZONED: Final = frozenset({"timestamp with time zone", "timestamptz_ns"})
_SOURCE_COLUMN: Final = re.compile(r"source column (\w+)")


def profile(database: DuckDBPyConnection, name: str) -> dict[str, Any]:
    """Return the file's profile, from its footer.

    Raises
    ------
    Unreadable
    """
    try:
        reading.check_names(_names(database, name))
        relation = database.sql(f"SELECT * FROM {source_of(name)}")  # noqa: S608
        found = list(zip(relation.columns, relation.types, strict=True))
    except duckdb.OutOfMemoryException:
        raise
    except duckdb.Error as error:
        raise Unreadable("It is not a Parquet file, or a damaged one.") from error
    if not found:
        raise Unreadable("It has no columns.")
    columns = [
        {
            "name": column,
            "field": _field(type_, column),
            "zoned": type_.id in _ZONED,
            "empty": type_.id == _EMPTY,
        }
        for column, type_ in found
    ]
    return {"format": "PARQUET", "columns": columns}


def select(
    name: str,
    known: Mapping[str, Any],
    fields: Sequence[Mapping[str, Any]],
    zoned: set[str],
) -> Selection:
    """Return what of a file is read as these columns."""
    types = {column["name"]: column["field"]["type"] for column in known["columns"]}
    values, texts = {}, []
    for field in fields:
        column = field["name"]
        if types[column] == "STRING" and field["type"] != "STRING":
            text = Text(f"CAST({identifier(column)} AS VARCHAR)", field, column in zoned)
            values[column] = reading.text_as(text.expression, field, zoned=text.zoned)
            if field["type"] != "BINARY":
                texts.append(text)
        else:
            type_ = reading.sql_type(field, zoned=column in zoned)
            values[column] = f"CAST({identifier(column)} AS {type_})"
    return Selection(source_of(name), values, texts)


def problem_of(error: duckdb.Error) -> str:
    """Say what is wrong with a file that DuckDB could not read."""
    if isinstance(error, duckdb.ConversionException):
        column = _SOURCE_COLUMN.search(str(error))
        where = f"A value of column {column[1]!r}" if column else "A value"
        return f"{where} is not of the type in the schema."
    return "It is a damaged Parquet file."


def source_of(name: str) -> str:
    return f"read_parquet({literal(name)}, hive_partitioning = false)"


def _names(database: DuckDBPyConnection, name: str) -> list[str]:
    """Return the columns as the file names them; DuckDB renames those it cannot tell apart."""
    rows = database.execute(
        "SELECT name, coalesce(num_children, 0) FROM parquet_schema(?)", [name]
    ).fetchall()
    names = []
    position = 1  # the first row is the table itself
    while position < len(rows):
        names.append(rows[position][0])
        position = _after(rows, position)
    return names


def _after(rows: Sequence[tuple[str, int]], position: int) -> int:
    """Return the position behind an element and all below it."""
    open_elements = 1
    while open_elements and position < len(rows):
        open_elements += rows[position][1] - 1
        position += 1
    return position


def _field(type_: DuckDBPyType, column: str) -> dict[str, Any]:
    kind = type_.id
    if kind in _SIMPLE:
        return {"type": _SIMPLE[kind], "nullable": True}
    if kind in _WHOLE_DECIMALS:
        precision = _WHOLE_DECIMALS[kind]
        return {"type": "DECIMAL", "nullable": True, "precision": precision, "scale": 0}
    if kind not in {"decimal", "list", "array", "struct", "map"}:
        raise Unreadable(f"Column {column!r} has the type {kind}, which is not supported.")
    parts: dict[str, Any] = dict(type_.children)
    field: dict[str, Any] = {"nullable": True}
    if kind == "decimal":
        return {**field, "type": "DECIMAL", **parts}
    if kind == "map":
        key, value = _field(parts["key"], column), _field(parts["value"], column)
        return {**field, "type": "MAP", "mapKeyType": key, "mapValueType": value}
    if kind == "struct":
        subs = [{**_field(part, column), "name": name} for name, part in parts.items()]
        return {**field, "type": "STRUCT", "subSchemas": subs}
    return {**field, "type": "ARRAY", "arraySubtype": _field(parts["child"], column)}
