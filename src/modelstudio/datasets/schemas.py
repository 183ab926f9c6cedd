r"""What the columns of a view are: from the profiles of its files, or as a user declared them.

A *profile* says what one file holds. It is made once, over the whole file, in a process of its
own (`table_process`), and stored with the file; so a commit looks only at files that are new.

    {"format": "CSV", "delimiter": ",", "escape": "\"", "gzip": false,
     "columns": [{"name": "price", "kinds": 8}]}
    {"format": "PARQUET",
     "columns": [{"name": "price", "field": {...}, "zoned": false, "empty": false}]}
    {"format": "CSV", "problem": "Line 3 is not UTF-8 text; save the file as UTF-8."}

``kinds`` are the kinds of values in a CSV column, as bits of `Kind`. The type of a column follows
from the kinds in all files of the view together:

- only integers that fit 64 bits: LONG; with decimals among them: DOUBLE
- integers with leading zeros, or that do not fit 64 bits: STRING, for they are codes, and a number
  would lose digits
- ``true`` and ``false`` in any case: BOOLEAN
- ISO dates: DATE; with times among them: TIMESTAMP. Times with a zone are stored as UTC; in a
  column that has some with and some without, those without are taken as UTC
- anything else, or nothing at all: STRING

Missing values: an empty value always is. The texts of `NULL_TEXTS` are in a column whose other
values are numbers, booleans, dates or times; in a STRING column they stay, because there ``NA``
may be Namibia and ``None`` a kind of garage.

Which schema a transaction gets when it is committed:

1. One that was put on the transaction while it was open stays.
2. One that was put on an earlier transaction of the view stays, as long as the new files fit it.
   If they do not and the transaction is a SNAPSHOT, which replaces the data, the schema is
   inferred again. Otherwise it stays, and reading says which file does not fit.
3. Otherwise the schema is inferred from all files of the view. If that fails, the transaction is
   committed without a schema, and the reason is stored in its place.

Files whose name, or a folder in whose path, begins with ``_`` or ``.`` are no data (``_SUCCESS``).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import IntFlag
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

Profile = dict[str, Any]
#: A column as the wire writes it: ``type``, ``name``, ``nullable`` and what its type needs.
WireField = dict[str, Any]

NULL_TEXTS: Final = (
    "", "NA", "N/A", "n/a", "#N/A", "<NA>", "NaN", "nan", "NULL", "Null", "null", "None", "\\N",
)  # fmt: skip
MAX_NAME_LENGTH: Final = 1000
_TABLE_SUFFIX: Final = re.compile(
    r"[^.]*|.*\.(csv|tsv|tab|psv|txt|dat|data|\d+)(\.gz)?|.*\.(parquet|pq)", re.IGNORECASE
)
_INTEGERS: Final = ("BYTE", "SHORT", "INTEGER", "LONG")
_NUMBERS: Final = (*_INTEGERS, "DECIMAL", "FLOAT", "DOUBLE")


class Kind(IntFlag):
    """Kinds of values in a CSV column; a missing value has none."""

    BOOLEAN = 1
    LONG = 2
    HUGE = 4  # an integer that does not fit 64 bits
    DOUBLE = 8
    DATE = 16
    LOCAL_TIME = 32
    ZONED_TIME = 64
    TEXT = 128
    PADDED = 256  # an integer with leading zeros
    NUL = 512  # a value with a NUL character


_MOMENTS: Final = Kind.DATE | Kind.LOCAL_TIME | Kind.ZONED_TIME
_WHOLE: Final = Kind.LONG | Kind.PADDED
_NUMERIC: Final = _WHOLE | Kind.HUGE | Kind.DOUBLE
_FITTING: Final[Mapping[str, Kind]] = {
    "BOOLEAN": Kind.BOOLEAN | Kind.LONG,
    **dict.fromkeys(_INTEGERS, _WHOLE),
    **dict.fromkeys(("DECIMAL", "FLOAT", "DOUBLE"), _NUMERIC),
    "DATE": Kind.DATE,
    "TIMESTAMP": _MOMENTS,
}


@dataclass(frozen=True, slots=True)
class Field:
    """A column: its name, its type's name on the wire, and whether it may hold nulls."""

    name: str
    type: str
    nullable: bool


@dataclass(frozen=True, slots=True)
class Schema:
    """A schema as stored; without ``fields`` it says in ``problem`` why there are none."""

    version_id: str
    dataset_rid: str
    put: bool
    fields: list[WireField] | None
    problem: str | None
    created_at: int

    @property
    def columns(self) -> tuple[Field, ...] | None:
        if self.fields is None:
            return None
        return tuple(Field(one["name"], one["type"], one["nullable"]) for one in self.fields)


def is_data(path: str) -> bool:
    """Whether a file belongs to the table at all."""
    return not any(part.startswith(("_", ".")) for part in path.split("/"))


def may_be_table(path: str) -> bool:
    """Whether a file's name leaves it open that it is CSV or Parquet."""
    return _TABLE_SUFFIX.fullmatch(path.rpartition("/")[2]) is not None


def infer(files: Sequence[tuple[str, Profile | None]]) -> tuple[list[WireField] | None, str | None]:
    """Return the columns of a view's data files, or the reason why there are none.

    Parameters
    ----------
    files
        The path and profile of each data file; no profile for one that cannot be a table.
    """
    known = [(path, profile or {}) for path, profile in files]
    problem = _unusable(files) or _mixture(known)
    if problem is not None:
        return None, problem
    first_path, first = known[0]
    merged = {column["name"]: column for column in first["columns"]}
    for path, profile in known[1:]:
        for column in profile["columns"]:
            name = column["name"]
            joined = _joined(merged[name], column)
            if joined is None:
                return None, (
                    f"Column {name!r} has different types: {merged[name]['field']['type']} in "
                    f"{first_path}, {column['field']['type']} in {path}."
                )
            merged[name] = joined
    return [_field(column) for column in merged.values()], None


def misfit(fields: Sequence[WireField], files: Sequence[tuple[str, Profile | None]]) -> str | None:
    """Return why files do not fit a declared schema, None if they do.

    Types are compared, not values: an integer that is too large for its type shows when it is
    read.
    """
    problem = _unusable(files)
    if problem is not None:
        return problem
    for path, profile in files:
        columns = {column["name"]: column for column in (profile or {})["columns"]}
        for field in fields:
            column = columns.get(field["name"])
            if column is None:
                return f"{path} has no column {field['name']!r}."
            if not _fits(column, field):
                return f"Column {field['name']!r} of {path} is not {field['type']}."
    return None


def zoned_columns(profiles: Iterable[Profile]) -> set[str]:
    """Return the names of the columns in which times have a zone."""
    return {
        column["name"]
        for profile in profiles
        for column in profile["columns"]
        if column.get("zoned") or column.get("kinds", 0) & Kind.ZONED_TIME
    }


def type_of(kinds: Kind) -> str:
    """Return the type of a CSV column with those kinds of values."""
    if not kinds:
        return "STRING"
    if kinds == Kind.BOOLEAN:
        return "BOOLEAN"
    if kinds == Kind.LONG:
        return "LONG"
    if Kind.DOUBLE in kinds and not kinds & ~(Kind.LONG | Kind.HUGE | Kind.DOUBLE):
        return "DOUBLE"
    if kinds == Kind.DATE:
        return "DATE"
    return "STRING" if kinds & ~_MOMENTS else "TIMESTAMP"


def _unusable(files: Sequence[tuple[str, Profile | None]]) -> str | None:
    """Return why one of the files is no table, None if each is one."""
    for path, _ in files:
        if not may_be_table(path):  # then none was looked at
            return f"{path} is neither CSV nor Parquet by its name."
    for path, profile in files:
        if profile is None:
            return f"{path} was not looked at."
        if "problem" in profile:
            return f"{path}: {profile['problem']}"
    return None


def _mixture(files: Sequence[tuple[str, Profile]]) -> str | None:
    """Return what keeps files from being one table, before their columns' types."""
    if not files:
        return "The view has no data files."
    first_path, first = files[0]
    names = {column["name"] for column in first["columns"]}
    for path, profile in files[1:]:
        if profile["format"] != first["format"]:
            return (
                f"The files have different formats: {first_path} is {first['format']}, "
                f"but {path} is {profile['format']}."
            )
        others = {column["name"] for column in profile["columns"]}
        if others != names:
            differing = ", ".join(sorted(repr(name) for name in names ^ others)[:5])
            return f"{first_path} and {path} have different columns: {differing}."
    return None


def _field(column: Mapping[str, Any]) -> WireField:
    if "kinds" in column:
        return {"type": type_of(Kind(column["kinds"])), "name": column["name"], "nullable": True}
    return {**column["field"], "name": column["name"], "nullable": True}


def _joined(one: Mapping[str, Any], other: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return the column that holds the values of both, None when there is none."""
    if "kinds" in one:
        return {**one, "kinds": one["kinds"] | other["kinds"]}
    if one.get("empty") or other.get("empty"):
        return dict(other if one.get("empty") else one)
    zoned = one["zoned"] or other["zoned"]
    if one["field"] == other["field"]:
        return {**one, "zoned": zoned}
    wider = _wider(one["field"]["type"], other["field"]["type"])
    if wider is None:
        return None
    return {**one, "field": {**one["field"], "type": wider}, "zoned": zoned}


def _wider(one: str, other: str) -> str | None:
    types = {one, other}
    if types <= set(_INTEGERS):
        return max(types, key=_INTEGERS.index)
    if types <= {*_INTEGERS, "FLOAT", "DOUBLE"}:
        return "DOUBLE"
    return "TIMESTAMP" if types == {"DATE", "TIMESTAMP"} else None


def _fits(column: Mapping[str, Any], field: WireField) -> bool:
    """Whether a file's column can be read as a declared one."""
    wanted = field["type"]
    if "kinds" in column:
        return not column["kinds"] & ~_FITTING.get(wanted, ~Kind(0))
    return castable(column["field"]["type"], wanted)


def castable(found: str, wanted: str) -> bool:
    """Whether a Parquet column of one type can be read as another without changing its values.

    Whether each value is within a narrower type's range shows when it is read.
    """
    if found == wanted or "STRING" in {found, wanted}:
        return True
    if found in _INTEGERS:
        return wanted in _NUMBERS
    if found in _NUMBERS:
        return wanted in {"DECIMAL", "FLOAT", "DOUBLE"}
    return {found, wanted} == {"DATE", "TIMESTAMP"} and wanted == "TIMESTAMP"
