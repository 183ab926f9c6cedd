"""What reading CSV and reading Parquet have in common, inside a table process."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import duckdb

from modelstudio.datasets.schemas import MAX_NAME_LENGTH, NULL_TEXTS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_THREADS: Final = 2
_DATE: Final = "[12][0-9]{3}[-/][0-9]{1,2}[-/][0-9]{1,2}"
_TIME: Final = r"[ T][0-9]{1,2}:[0-9]{2}(:[0-9]{2}(\.[0-9]{1,9})?)?"
_ZONE: Final = "(Z| ?UTC|[+-][0-9]{2}(:?[0-9]{2})?)"
_EXPONENT: Final = "([eE][+-]?[0-9]+)?"
_INFINITY: Final = "[+-]?(?i:inf|infinity)"

#: Regular expressions for texts without spaces around them.
INTEGER: Final = "[+-]?(0|[1-9][0-9]*)"
PADDED: Final = "[+-]?0[0-9]+"
DECIMAL: Final = rf"[+-]?((0|[1-9][0-9]*)(\.[0-9]*)?|\.[0-9]+){_EXPONENT}|{_INFINITY}"
DATE: Final = _DATE
LOCAL_TIME: Final = _DATE + _TIME
ZONED_TIME: Final = _DATE + _TIME + _ZONE

# What a text must look like to be read as a type; DuckDB's casts alone would round 1.7 to 2,
# cut the time off a date, and forget a zone.
READABLE: Final[Mapping[str, str]] = {
    "BOOLEAN": "(?i:true|false|t|f|1|0)",
    **dict.fromkeys(("BYTE", "SHORT", "INTEGER", "LONG"), "[+-]?[0-9]+"),
    **dict.fromkeys(
        ("FLOAT", "DOUBLE"), rf"[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+){_EXPONENT}|{_INFINITY}"
    ),
    "DECIMAL": rf"[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+){_EXPONENT}",
    "DATE": _DATE,
    "TIMESTAMP": f"{_DATE}({_TIME}{_ZONE}?)?",
}
_SQL_TYPES: Final[Mapping[str, str]] = {
    "BINARY": "BLOB",
    "BOOLEAN": "BOOLEAN",
    "BYTE": "TINYINT",
    "DATE": "DATE",
    "DOUBLE": "DOUBLE",
    "FLOAT": "FLOAT",
    "INTEGER": "INTEGER",
    "LONG": "BIGINT",
    "SHORT": "SMALLINT",
    "STRING": "VARCHAR",
    "TIMESTAMP": "TIMESTAMP",
}
_MAX_SHOWN: Final = 100


class Unreadable(Exception):
    """The data is not what it should be; the message is for the user."""


@dataclass(frozen=True, slots=True)
class Text:
    """SQL for a text that may not be what its column's type wants."""

    expression: str
    field: Mapping[str, Any]
    zoned: bool


@dataclass(frozen=True, slots=True)
class Selection:
    """SQL of a file's rows and of each column's values, and the texts in it to look at first."""

    source: str
    values: Mapping[str, str]
    texts: Sequence[Text]

    @property
    def sql(self) -> str:
        columns = ", ".join(f"{value} AS {identifier(name)}" for name, value in self.values.items())
        return f"SELECT {columns} FROM {self.source}"  # noqa: S608


def input_name(index: int) -> str:
    return f"input/{index}"


def literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def identifier(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def open_database(
    inputs: Sequence[str], output: str | None, memory_bytes: int
) -> duckdb.DuckDBPyConnection:
    """Open a database in memory that can reach these files and its spill directory only."""
    database = duckdb.connect(
        config={"autoinstall_known_extensions": "false", "autoload_known_extensions": "false"}
    )
    allowed = [*inputs, *([output] if output else [])]
    for setting, value in (
        ("threads", _THREADS),
        ("memory_limit", f"'{memory_bytes // 1_000_000}MB'"),
        ("temp_directory", "'spill'"),
        ("max_temp_directory_size", "'16GB'"),
        ("TimeZone", "'UTC'"),
        ("enable_progress_bar", "false"),  # it would go to standard output, among the answers
        # With it a column that happens to have no nulls would be written as one that cannot.
        ("disabled_optimizers", "'statistics_propagation'"),
        ("allowed_paths", f"[{', '.join(literal(path) for path in allowed)}]"),
        ("allowed_directories", "['spill']"),
        ("enable_external_access", "false"),
        ("lock_configuration", "true"),
    ):
        database.execute(f"SET {setting} = {value}")
    return database


def is_null(bare: str) -> str:
    """Return SQL for whether a text without spaces around it stands for a missing value.

    In a column of a type other than STRING, that is. Written as comparisons: DuckDB 2.0 makes a
    join of ``IN`` with five or more constants, which loses the order of the file's rows.
    """
    alike = " OR ".join(f"{bare} = {literal(text)}" for text in NULL_TEXTS)
    return f"({bare} IS NULL OR {alike})"


def bare_texts(expressions: Sequence[str], source: str) -> str:
    """Return SQL for the pairs (``i``, ``b``) of an expression's position and its bare texts.

    Looking at all columns one below the other takes a time and memory that grow with their
    number; an aggregate for each would take a time that grows with its square. The spaces around
    a text are cut off here, once, and not in each of the many places that look at it.
    """
    texts = ", ".join(expressions)
    pairs = f"SELECT unnest(range({len(expressions)})) AS i, unnest([{texts}]) AS v FROM {source}"  # noqa: S608
    return f"SELECT i, trim(v) AS b FROM ({pairs})"  # noqa: S608


def sql_type(field: Mapping[str, Any], *, zoned: bool = False) -> str:
    kind = field["type"]
    if kind == "ARRAY":
        return sql_type(field["arraySubtype"]) + "[]"
    if kind == "MAP":
        return f"MAP({sql_type(field['mapKeyType'])}, {sql_type(field['mapValueType'])})"
    if kind == "STRUCT":
        parts = (f"{identifier(sub['name'])} {sql_type(sub)}" for sub in field["subSchemas"])
        return f"STRUCT({', '.join(parts)})"
    if kind == "DECIMAL":
        return f"DECIMAL({field['precision']}, {field['scale']})"
    return "TIMESTAMPTZ" if zoned and kind == "TIMESTAMP" else _SQL_TYPES[kind]


def text_as(text: str, field: Mapping[str, Any], *, zoned: bool) -> str:
    """Return SQL that reads a text as a column's type; what is not of it becomes null.

    Kept short, since each step holds a vector of values for each column: what a check of every
    value would take here, a few hundred columns would need gigabytes for.
    """
    kind = field["type"]
    if kind == "STRING":
        return text
    if kind == "BINARY":
        return f"encode({text})"
    value = f"try_cast(trim({text}) AS {sql_type(field, zoned=zoned)})"
    # ``NaN`` is the one text for a missing value that is a value of a type too.
    return f"nullif({value}, 'NaN')" if kind in {"DOUBLE", "FLOAT"} else value


def refuse_values(
    database: duckdb.DuckDBPyConnection, source: str, texts: Sequence[Text], found_in: str
) -> None:
    """Refuse the first text that is not of its column's type.

    Raises
    ------
    Unreadable
    """
    alike: dict[str, list[Text]] = {}
    for text in texts:
        alike.setdefault(sql_type(text.field, zoned=text.zoned), []).append(text)
    for type_, members in alike.items():
        readable = f"try_cast(b AS {type_}) IS NOT NULL"
        pattern = READABLE.get(members[0].field["type"])
        if pattern is not None:
            readable += f" AND regexp_full_match(b, '{pattern}')"
        texts_of = bare_texts([member.expression for member in members], source)
        wrong = database.execute(
            f"SELECT i, b FROM ({texts_of}) WHERE NOT {is_null('b')} AND NOT ({readable}) LIMIT 1"  # noqa: S608
        ).fetchone()
        if wrong is not None:
            field, value = members[wrong[0]].field, wrong[1][:_MAX_SHOWN]
            raise Unreadable(
                f"{found_in}: Column {field['name']!r} has the value {value!r}, which is not "
                f"{field['type']}."
            )


def no_rows(fields: Sequence[Mapping[str, Any]], zoned: set[str]) -> Selection:
    """Return the columns of a table that has no rows."""
    values = {
        field["name"]: f"CAST(NULL AS {sql_type(field, zoned=field['name'] in zoned)})"
        for field in fields
    }
    return Selection("(SELECT 1 WHERE false)", values, [])


def check_names(names: Sequence[str]) -> None:
    """Refuse columns that could not be told apart or written down.

    Raises
    ------
    Unreadable
    """
    seen: dict[str, str] = {}
    for position, name in enumerate(names, start=1):
        if not name.strip():
            raise Unreadable(f"Column {position} has no name.")
        if len(name) > MAX_NAME_LENGTH:
            raise Unreadable(f"The name of column {position} is too long.")
        if any(character < " " and character != "\t" for character in name):
            raise Unreadable(f"The name of column {position} has a control character in it.")
        other = seen.get(name.casefold())
        if other is not None:
            raise Unreadable(
                f"Two columns are named {name!r}."
                if other == name
                else f"The columns {other!r} and {name!r} differ in case only."
            )
        seen[name.casefold()] = name
