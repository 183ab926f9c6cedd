"""Checks a schema that a user declares."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from modelstudio.datasets.errors import InvalidSchema
from modelstudio.datasets.schemas import MAX_NAME_LENGTH
from modelstudio.tables import types
from modelstudio.tables.readings import UnknownReadingError, named

if TYPE_CHECKING:
    from collections.abc import Sequence

    from modelstudio.datasets.schemas import WireField

_DEFAULT_SCALE: Final = 18
_MAX_COLUMNS: Final = 10_000
_MAX_DEPTH: Final = 16
#: Readers that say nothing about CSV and Parquet files; what a file is, its bytes tell.
_READERS: Final = (None, "CSV", "PARQUET")


def check_reader(reader: str | None) -> None:
    """Refuse a reader for files that are not read here.

    CSV and PARQUET mean the same: which of them a file is, its bytes tell. PARQUET is the
    default, so a schema for CSV files often comes with it.
    """
    if reader not in _READERS:
        raise InvalidSchema("UNSUPPORTED_READER", f"The reader {reader} is not supported.")


def check_fields(fields: Sequence[WireField]) -> list[WireField]:
    """Return the columns with what the wire leaves out filled in.

    Raises
    ------
    InvalidSchema
    """
    if not fields:
        raise InvalidSchema("NO_COLUMNS", "A schema has at least one column.")
    if len(fields) > _MAX_COLUMNS:
        raise InvalidSchema("TOO_MANY_COLUMNS", f"A schema has at most {_MAX_COLUMNS} columns.")
    return _named(fields, "the schema", 1)


def _named(fields: Sequence[WireField], where: str, depth: int) -> list[WireField]:
    """Check columns of a table or members of a struct, which have names."""
    if depth > _MAX_DEPTH:
        raise InvalidSchema("NESTED_TOO_DEEPLY", f"Types nest at most {_MAX_DEPTH} deep.")
    seen = set()
    for field in fields:
        name = field.get("name")
        if name is None or not name.strip():
            raise InvalidSchema("MISSING_NAME", f"A column of {where} has no name.")
        if len(name) > MAX_NAME_LENGTH:
            raise InvalidSchema("INVALID_NAME", f"A name in {where} is too long.")
        if name.casefold() in seen:
            raise InvalidSchema("DUPLICATE_NAME", f"Two columns of {where} are named {name!r}.")
        seen.add(name.casefold())
    return [_checked(field, f"column {field['name']!r}", depth) for field in fields]


def _checked(field: WireField, where: str, depth: int) -> WireField:
    kind = field["type"]
    _check_reading(field, where)
    if depth > _MAX_DEPTH:
        raise InvalidSchema("NESTED_TOO_DEEPLY", f"Types nest at most {_MAX_DEPTH} deep.")
    if kind == "ARRAY":
        return {**field, "arraySubtype": _part(field, "arraySubtype", where, depth)}
    if kind == "MAP":
        key = _part(field, "mapKeyType", where, depth)
        return {
            **field,
            "mapKeyType": key,
            "mapValueType": _part(field, "mapValueType", where, depth),
        }
    if kind == "STRUCT":
        members = field.get("subSchemas")
        if not members:
            raise InvalidSchema("MISSING_SUBTYPE", f"The STRUCT of {where} needs subSchemas.")
        return {**field, "subSchemas": _named(members, where, depth + 1)}
    return _decimal(field, where) if kind == "DECIMAL" else field


def _check_reading(field: WireField, where: str) -> None:
    """Refuse a reading that is none, or whose values are not of the column's type."""
    told = (field.get("customMetadata") or {}).get("reading")
    if told is None:
        return
    try:
        reading = named(told if isinstance(told, str) else repr(told))
    except UnknownReadingError as error:
        raise InvalidSchema("UNKNOWN_READING", f"The reading of {where}: {error}") from error
    made, wanted = types.group_of(reading.field_type), types.group_of(field["type"])
    if made not in {wanted, "STRING"} or (made == "STRING" != wanted):
        raise InvalidSchema(
            "READING_OF_ANOTHER_TYPE",
            f"The reading {told!r} of {where} gives {reading.field_type}, not {field['type']}.",
        )


def _part(field: WireField, part: str, where: str, depth: int) -> dict[str, Any]:
    found = field.get(part)
    if found is None:
        raise InvalidSchema("MISSING_SUBTYPE", f"The {field['type']} of {where} needs {part}.")
    return _checked(found, where, depth + 1)


def _decimal(field: WireField, where: str) -> WireField:
    precision = field.get("precision")
    scale = field.get("scale")
    if precision is None:
        precision = types.MAX_PRECISION
        scale = _DEFAULT_SCALE if scale is None else scale
    scale = scale or 0
    if not 1 <= precision <= types.MAX_PRECISION or not 0 <= scale <= precision:
        raise InvalidSchema(
            "INVALID_DECIMAL",
            f"The DECIMAL of {where} needs a precision of 1 to {types.MAX_PRECISION} and a scale "
            "of 0 to the precision.",
        )
    return {**field, "precision": precision, "scale": scale}
