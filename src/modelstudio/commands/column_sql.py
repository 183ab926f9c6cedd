"""SQL that reads a column of a file as what a model takes.

A CSV file's values are read by the rules of datasets, so that a model sees the same values as in
training. One thing is read that a dataset would refuse: ``3.0`` as a whole number, since many
tools write whole numbers so when some are missing.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from modelstudio.datasets import reading

if TYPE_CHECKING:
    from collections.abc import Mapping

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
_WHOLE: Final = frozenset({"BYTE", "SHORT", "INTEGER", "LONG"})
_FRACTIONAL: Final = frozenset({"DECIMAL", "FLOAT", "DOUBLE"})
_FLOATS: Final = frozenset({"FLOAT", "DOUBLE"})
_MOMENTS: Final = frozenset({"DATE", "TIMESTAMP"})
_WHOLE_TEXT: Final = r"[+-]?[0-9]+(\.0*)?"
_NEVER: Final = "false"


class UnfitError(Exception):
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


@dataclass(frozen=True, slots=True)
class Read:
    """SQL for a column's values and for whether a value cannot be read."""

    value: str
    is_bad: str


def of_text(text: str, wanted: Wanted) -> Read:
    """Read texts as what is wanted.

    Raises
    ------
    UnfitError
        When no text could be that.
    """
    kind = "STRING" if wanted.type == "any" else _FIELD_TYPES.get(wanted.type)
    if kind is None:
        raise UnfitError(f"is text, but the model takes {wanted.type}; give the table as Parquet")
    if kind == "STRING":
        return Read(text, _NEVER)
    bare = f"trim({text})"
    cast = f"try_cast({bare} AS {reading.sql_type({'type': kind}, zoned=True)})"
    pattern = _WHOLE_TEXT if kind in _WHOLE else reading.READABLE[kind]
    readable = f"{cast} IS NOT NULL AND regexp_full_match({bare}, {reading.literal(pattern)})"
    value = {"TIMESTAMP": f"timezone('UTC', {cast})"}.get(kind, cast)
    if kind in _FLOATS:
        value = f"nullif({value}, 'NaN')"
    return Read(value, f"NOT {reading.is_null(bare)} AND NOT ({readable})")


def of_column(column: str, found: Mapping[str, Any], wanted: Wanted, *, zoned: bool) -> Read:
    """Read a Parquet column, whose dataset field is ``found``, as what is wanted.

    Raises
    ------
    UnfitError
        When the types do not go together.
    """
    has, kind = found["type"], _FIELD_TYPES.get(wanted.type)
    if kind is None:
        return Read(column, _NEVER)
    if has == "STRING" and kind != "STRING":
        return of_text(f"CAST({column} AS VARCHAR)", wanted)
    if kind == "STRING":
        return Read(f"CAST({column} AS VARCHAR)", _NEVER)
    if kind in _MOMENTS and has in _MOMENTS:
        return _moment(f"timezone('UTC', {column})" if zoned else column, kind)
    if kind not in _MOMENTS and has in {*_WHOLE, *_FRACTIONAL, "BOOLEAN"}:
        return _number(column, has, kind)
    raise UnfitError(f"is {has}, but the model takes {wanted.meaning}")


def _moment(column: str, kind: str) -> Read:
    moment = f"CAST({column} AS TIMESTAMP)"
    if kind == "TIMESTAMP":
        return Read(moment, _NEVER)
    return Read(f"CAST({moment} AS DATE)", f"{moment} <> date_trunc('day', {moment})")


def _number(column: str, has: str, kind: str) -> Read:
    known = f"CASE WHEN isnan({column}) THEN NULL ELSE {column} END" if has in _FLOATS else column
    value = f"try_cast({known} AS {reading.sql_type({'type': kind})})"
    is_bad = f"({known}) IS NOT NULL AND {value} IS NULL"
    if kind == "BOOLEAN" and has != "BOOLEAN":
        is_bad = f"({known}) NOT IN (0, 1)"
    elif kind in _WHOLE and has in _FRACTIONAL:
        is_bad += f" OR ({known}) <> trunc({known})"
    return Read(value, is_bad)
