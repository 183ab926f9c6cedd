r"""What the columns of a view are: from the profiles of its files, or as a user declared them.

A *profile* says what one file holds. It is made once, over the whole file, in a process of its
own (`table_process`), and stored with the file; so a commit looks only at files that are new.

    {"version": 3, "format": "CSV", "dialect": {"delimiter": ",", ...}, "notes": [],
     "columns": [{"name": "price", "position": 0, "evidence": {...}}]}
    {"version": 3, "format": "PARQUET", "notes": [],
     "columns": [{"name": "price", "position": 0, "field": {...}, "zone": null, "empty": false}]}
    {"version": 3, "format": "CSV", "problem": "Line 3 has a NUL byte."}

``evidence`` is what all values of a CSV column allow (`tables.readings`); that of a view's files
adds up. A column gets the type of its reading when every value fits it:

- whole numbers that fit 64 bits: LONG; with decimals among them: DOUBLE; in any notation, such as
  ``1.234,5``, that leaves no doubt
- whole numbers with leading zeros, or that do not fit 64 bits: STRING, for they are codes, and a
  number would lose digits
- ``true`` and ``false`` in any case: BOOLEAN
- dates in any order that leaves no doubt: DATE; with times among them: TIMESTAMP. Times with an
  offset are stored as UTC; the reading keeps the offsets
- anything else, or nothing at all: STRING

A field whose reading is not the plain one says so in ``customMetadata``: ``{"reading": "date
dd.mm.yyyy"}``. One that could be read in two ways stays STRING and asks: ``{"reading": "text",
"possible": ["date dd/mm/yyyy", "date mm/dd/yyyy"], "examples": ["01/02/2024"]}``. A schema that is
put with another ``reading`` answers.

Missing values: an empty value always is. The texts of `readings.MARKS` are in a column whose other
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
from typing import TYPE_CHECKING, Any, Final, TypeVar

from modelstudio.datasets import columns_joining
from modelstudio.tables import types
from modelstudio.tables.readings import (
    BooleanReading,
    Decision,
    Evidence,
    MomentReading,
    NumberReading,
    Reading,
    decide,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

_F = TypeVar("_F")
Profile = dict[str, Any]
#: A column as the wire writes it: ``type``, ``name``, ``nullable`` and what its type needs.
WireField = dict[str, Any]

#: To be raised when files are to be looked at again, since a profile says something else.
PROFILE_VERSION: Final = 3
MAX_NAME_LENGTH: Final = 1000
_TABLE_SUFFIX: Final = re.compile(
    r"[^.]*|.*\.(csv|tsv|tab|psv|txt|dat|data|\d+)(\.gz)?|.*\.(parquet|pq|xlsx)", re.IGNORECASE
)
_HINTS: Final[Mapping[str, str]] = {
    "NUMERIC": "number",
    "TEMPORAL": "moment",
    "BOOLEAN": "boolean",
    "STRING": "text",
    "NESTED": "text",
}
#: Readings that need not be told: a column of their type is read so.
_PLAIN: Final = frozenset(
    {
        "whole number 1234", "number 1234.5",  "date yyyy-mm-dd", "timestamp yyyy-mm-dd",
        "boolean true/false", "text",
    }
)  # fmt: skip
_TYPED_FORMS: Final = frozenset(
    {
        "yyyy-mm-dd", "dd/mm/yyyy", "mm/dd/yyyy", "yy-mm-dd", "dd/mm/yy", "mm/dd/yy", "yyyymmdd"
    }
)  # fmt: skip
_MOST_EXAMPLES: Final = 3


@dataclass(frozen=True, slots=True)
class Field:
    """A column: its name, its type's name on the wire, and whether it may hold nulls."""

    name: str
    type: str
    nullable: bool
    metadata: Mapping[str, Any] | None = None

    @property
    def possible(self) -> Sequence[str]:
        """Names of the readings of which one may be meant instead, when that is to be asked."""
        return (self.metadata or {}).get("possible") or ()

    @property
    def examples(self) -> Sequence[str]:
        """Values that the question is about."""
        return (self.metadata or {}).get("examples") or ()


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
        return tuple(
            Field(one["name"], one["type"], one["nullable"], one.get("customMetadata"))
            for one in self.fields
        )


def is_data(path: str) -> bool:
    """Whether a file belongs to the table at all."""
    return not any(part.startswith(("_", ".")) for part in path.split("/"))


def may_be_table(path: str) -> bool:
    """Whether a file's name leaves it open that it is CSV or Parquet."""
    return _TABLE_SUFFIX.fullmatch(path.rpartition("/")[2]) is not None


def is_current(profile: Profile | None) -> bool:
    """Whether a file need not be looked at again."""
    return profile is not None and profile.get("version") == PROFILE_VERSION


def infer(files: Sequence[tuple[str, Profile | None]]) -> tuple[list[WireField] | None, str | None]:
    """Return the columns of a view's data files, or the reason why there are none.

    Parameters
    ----------
    files
        The path and profile of each data file; no profile for one that cannot be a table.
    """
    files = with_something(files, lambda one: one[1])
    known = [(path, profile or {}) for path, profile in files]
    problem = _unusable(files) or _mixture(known)
    if problem is not None:
        return None, problem
    first_path, first = known[0]
    if first["format"] == "CSV":
        decisions = _decided([profile for _, profile in known], {})
        return [_field_of(name, decision) for name, decision in decisions.items()], None
    merged = {column["name"]: column for column in first["columns"]}
    for path, profile in known[1:]:
        for column in profile["columns"]:
            name = column["name"]
            joined = columns_joining.joined(merged[name], column)
            if joined is None:
                one, other = map(columns_joining.type_name, (merged[name], column))
                return None, (
                    f"Column {name!r} has different types: {one} in {first_path}, "
                    f"{other} in {path}."
                )
            merged[name] = joined
    fields = [{**one["field"], "name": one["name"], "nullable": True} for one in merged.values()]
    return fields, None


def with_something(files: Sequence[_F], profile_of: Callable[[_F], Profile | None]) -> list[_F]:
    """Leave out files with nothing in them, as clusters write them beside others."""
    found = [one for one in files if not (profile_of(one) or {}).get("empty")]
    return found or list(files)


def misfit(fields: Sequence[WireField], files: Sequence[tuple[str, Profile | None]]) -> str | None:
    """Return why files do not fit a declared schema, None if they do.

    Of Parquet files types are compared, not values: an integer that is too large for its type
    shows when it is read.
    """
    files = with_something(files, lambda one: one[1])
    problem = _unusable(files)
    if problem is not None:
        return problem
    for path, profile in files:
        columns = {column["name"]: column for column in (profile or {})["columns"]}
        for field in fields:
            column = columns.get(field["name"])
            if column is None:
                return f"{path} has no column {field['name']!r}."
            if "field" in column and not types.castable(column["field"]["type"], field["type"]):
                return f"Column {field['name']!r} of {path} is not {field['type']}."
    return misread(fields, [profile for _, profile in files if profile])


def misread(fields: Sequence[WireField], profiles: Sequence[Profile]) -> str | None:
    """Return why the values of CSV files cannot be read as declared columns, None if they can."""
    written = [one for one in profiles if is_current(one) and "columns" in one]
    written = [one for one in written if one["format"] == "CSV"]
    decisions = _decided(written, {field["name"]: hint_of(field) for field in fields})
    for field in fields:
        decision = decisions.get(field["name"])
        problem = None if decision is None else _unfit(field, decision)
        if problem is not None:
            return f"Column {field['name']!r} {problem}"
    return None


def readings_of(fields: Sequence[WireField], profiles: Sequence[Profile]) -> dict[str, Any]:
    """Return how columns were read, as states that `readings.of_state` takes.

    Columns that are read as programs write them have none. Under ``seen`` is what was seen of a
    column's values.
    """
    written = [profile for profile in profiles if profile["format"] == "CSV"]
    decisions = _decided(written, {field["name"]: hint_of(field) for field in fields})
    names = {field["name"] for field in fields}
    found = {
        name: {**one.reading.state(), "seen": _seen(one)}
        for name, one in decisions.items()
        if name in names and (one.reading.name not in _PLAIN or one.possible or _zoned(one))
    }
    for profile in profiles:
        for column in profile["columns"]:
            if column.get("zone") and column["name"] in names and column["name"] not in found:
                found[column["name"]] = MomentReading.in_zone(column["zone"]).state()
    return found


def _zoned(decision: Decision) -> bool:
    return isinstance(decision.reading, MomentReading) and decision.reading.zoned


def _seen(decision: Decision) -> dict[str, Any]:
    return {
        "fitted": decision.fitted,
        "unfit": decision.unfit,
        "examples": list(decision.examples),
        "possible": list(decision.possible),
    }


def hint_of(field: WireField) -> str:
    """Return what a column is declared to be: the reading in its metadata, or by its type."""
    told = (field.get("customMetadata") or {}).get("reading")
    if isinstance(told, str) and told != "text":
        return told
    return _HINTS[types.group_of(field["type"])]


def notes_of(profiles: Iterable[Profile]) -> list[str]:
    """Return what was done to read files as tables, each sentence once."""
    return list(dict.fromkeys(note for profile in profiles for note in profile.get("notes", ())))


def _decided(profiles: Sequence[Profile], hints: Mapping[str, str]) -> dict[str, Decision]:
    """Decide on the columns of all CSV files together, in the order of the first file."""
    merged: dict[str, Evidence] = {}
    for profile in profiles:
        for column in profile["columns"]:
            seen = Evidence.of_state(column["evidence"])
            if column["name"] in merged:
                merged[column["name"]].merge(seen)
            else:
                merged[column["name"]] = seen
    semicolons = any(one.get("dialect", {}).get("delimiter") == ";" for one in profiles)
    return decide(merged, hints=hints, semicolons=semicolons)


def _field_of(name: str, decision: Decision) -> WireField:
    reading = decision.reading
    metadata: dict[str, Any] = {}
    type_ = reading.field_type
    if isinstance(reading, BooleanReading) and reading.words != ("true", "false"):
        type_ = "STRING"  # yes and no may be labels, which a user wants to see again
    elif isinstance(reading, MomentReading) and reading.state()["form"] not in _TYPED_FORMS:
        type_ = "STRING"
    elif reading.name not in _PLAIN:
        metadata = {"reading": reading.name}
    if decision.question:
        examples = list(decision.examples)[:_MOST_EXAMPLES]
        metadata = {
            "reading": "text",
            "possible": list(decision.possible),
            "examples": examples,
        }
    elif decision.marks and decision.fitted > sum(decision.marks.values()):
        marks = sorted(decision.marks, key=lambda mark: (-decision.marks[mark], mark))
        metadata = {
            "reading": "text",
            "possible": [f"text, missing: {' '.join(marks)}"],
            "examples": marks[:_MOST_EXAMPLES],
        }
    field: WireField = {"type": type_, "name": name, "nullable": True}
    return {**field, "customMetadata": metadata} if metadata else field


def _unfit(field: WireField, decision: Decision) -> str | None:
    """Return why values do not fit a declared column, None if they do."""
    type_ = field["type"]
    if types.group_of(type_) in {"STRING", "NESTED"} or not decision.fitted:
        return None
    shown = ", ".join(repr(example) for example in decision.examples)
    if decision.question:
        one, *others = decision.possible
        return (
            f"is {type_}, but its values ({shown}) may be read as {one!r} or as "
            f"{' or '.join(map(repr, others or ['text']))}. Say which, in the column's "
            "customMetadata: "
            f'{{"reading": "{one}"}}.'
        )
    if decision.unfit:
        return f"is not {type_}: it has the value {decision.examples[0]!r}."
    if types.group_of(decision.reading.field_type) != types.group_of(type_):
        return f"is not {type_}{': it has the value ' + shown if shown else ''}."
    return _narrower(type_, decision.reading)


def _narrower(type_: str, reading: Reading) -> str | None:
    """Return why values of the right group are not of a type, as far as their reading tells."""
    if isinstance(reading, NumberReading) and type_ in types.INTEGERS and not reading.whole:
        return f"is not {type_}: some of its values are not whole."
    if type_ == "DATE" and reading.field_type == "TIMESTAMP":
        return "is not DATE: some of its values have a time of day."
    return None


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
