"""Pieces of the wire's ``ModelApi``, which says how a model is called; plain data."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Literal, NamedTuple, cast

from modelstudio.tables.types import FIELD_TYPES

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

WireType = Literal["string", "boolean", "integer", "long", "float", "double", "date", "timestamp"]

#: Dataset field type to the type that a model's API knows.
WIRE_TYPES: Final[Mapping[str, WireType]] = {
    name: cast("WireType", one.model) for name, one in FIELD_TYPES.items() if one.model is not None
}


class ApiColumn(NamedTuple):
    """A column of a table that a model takes or gives."""

    name: str
    type: WireType
    required: bool = True


def table(name: str, columns: Iterable[ApiColumn]) -> dict[str, Any]:
    """Return a required table of a model's inputs or outputs."""
    return {
        "type": "tabular",
        "name": name,
        "required": True,
        "format": "PANDAS",
        "columns": [
            {"name": column.name, "required": column.required, "dataType": {"type": column.type}}
            for column in columns
        ],
    }
