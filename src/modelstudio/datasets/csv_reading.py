"""Reads CSV files, inside a table process.

The first line names the columns. The delimiter is a comma, semicolon, tab or bar: the one with
which the whole file reads, tried in the order of how many columns it finds in the first line.
Quotes are doubled inside quoted values, or escaped with a backslash if the file reads only so.
A row with too few or too many values, or with a quote out of place, is an error; so is text that
is not UTF-8 (with or without a byte order mark).
"""

from __future__ import annotations

import contextlib
import csv
import gzip
import io
import re
import zlib
from typing import IO, TYPE_CHECKING, Any, Final, cast

import duckdb

from modelstudio.datasets import reading
from modelstudio.datasets.reading import (
    Selection,
    Text,
    Unreadable,
    literal,
)
from modelstudio.datasets.schemas import Kind

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

_DELIMITERS: Final = (",", ";", "\t", "|")
_ESCAPES: Final = ('"', "\\")
_MAX_HEADER_BYTES: Final = 1 << 22
_MAX_LINE_BYTES: Final = 16_000_000
_CHUNK: Final = 1 << 20
_DAMAGED_GZIP: Final = "It is a damaged gzip file."
_UTF16: Final = (b"\xff\xfe", b"\xfe\xff")
_RECORD: Final = re.compile(r"CSV Error on Line: (\d+)")
_COUNTS: Final = re.compile(r"Expected Number of Columns: (\d+) Found: (\d+)")

# what DuckDB's message has in it, and what it means to the user
_PROBLEMS: Final = (
    ("unterminated quote", "{where} has a quote that is not closed, or closed too early."),
    ("unicode", "{where} is not UTF-8 text; save the file as UTF-8."),
    ("line size", f"{{where}} is longer than {_MAX_LINE_BYTES} bytes."),
    ("state machine", "Its lines end in different ways (CR, LF), or a quote is out of place."),
)

#: Kinds of values that are sure to be read as a type; others are looked at again.
_SURE: Final[Mapping[tuple[str, bool], Kind]] = {
    ("BOOLEAN", False): Kind.BOOLEAN,
    ("LONG", False): Kind.LONG,
    ("DOUBLE", False): Kind.LONG | Kind.DOUBLE,
    ("DATE", False): Kind.DATE,
    ("TIMESTAMP", False): Kind.DATE | Kind.LOCAL_TIME,
    ("TIMESTAMP", True): Kind.DATE | Kind.LOCAL_TIME | Kind.ZONED_TIME,
}

csv.field_size_limit(_MAX_LINE_BYTES)  # of this process


def profile(database: duckdb.DuckDBPyConnection, path: Path, *, gzipped: bool) -> dict[str, Any]:
    """Return the file's profile, made of all of its values.

    Raises
    ------
    Unreadable
    """
    first: Unreadable | None = None
    for delimiter, names in headers(path, gzipped=gzipped):
        for escape in _ESCAPES:
            dialect = {"delimiter": delimiter, "escape": escape, "gzip": gzipped}
            try:
                kinds = _kinds(database, path, dialect, len(names))
            except duckdb.OutOfMemoryException:
                raise
            except duckdb.Error as error:
                first = first or Unreadable(problem_of(error, path, dialect))
                continue
            reading.check_names(names)
            _refuse_nul(path, names, kinds, gzipped=gzipped)
            columns = [
                {"name": name, "kinds": kind} for name, kind in zip(names, kinds, strict=True)
            ]
            return {"format": "CSV", **dialect, "columns": columns}
    assert first is not None  # noqa: S101 - there is always a delimiter to try
    raise first


def select(
    name: str,
    known: Mapping[str, Any],
    fields: Sequence[Mapping[str, Any]],
    zoned: set[str],
) -> Selection:
    """Return what of a file is read as these columns."""
    positions = {column["name"]: index for index, column in enumerate(known["columns"])}
    values, texts = {}, []
    for field in fields:
        position = positions[field["name"]]
        text = Text(f"c{position}", field, field["name"] in zoned)
        values[field["name"]] = reading.text_as(text.expression, field, zoned=text.zoned)
        sure = _SURE.get((field["type"], text.zoned))
        kinds = Kind(known["columns"][position]["kinds"])
        if field["type"] not in {"STRING", "BINARY"} and (sure is None or kinds & ~sure):
            texts.append(text)
    return Selection(source_of(name, known, len(positions)), values, texts)


def problem_of(error: duckdb.Error, path: Path, dialect: Mapping[str, Any]) -> str:
    """Say what is wrong with a file that DuckDB could not read."""
    text = str(error)
    record = _RECORD.search(text)
    where = f"Line {_line_of(path, dialect, int(record[1]))}" if record else "A line"
    counts = _COUNTS.search(text)
    if counts:
        values = "1 value" if counts[2] == "1" else f"{counts[2]} values"
        columns = "1 column" if counts[1] == "1" else f"{counts[1]} columns"
        return f"{where} has {values}, but the first line names {columns}."
    for sign, problem in _PROBLEMS:
        if sign in text:
            return problem.format(where=where)
    return _DAMAGED_GZIP if dialect["gzip"] else "It cannot be read as CSV."


def headers(path: Path, *, gzipped: bool) -> list[tuple[str, list[str]]]:
    """Return the delimiters worth trying with the names they find, the likeliest first."""
    start = _start(path, gzipped=gzipped)
    if not start.strip():
        raise Unreadable("It is empty.")
    if start.startswith(_UTF16):
        raise Unreadable("It is UTF-16 text; save the file as UTF-8.")
    text = start.decode("utf-8-sig", errors="replace")
    try:
        found = [
            (delimiter, next(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)))
            for delimiter in _DELIMITERS
        ]
    except csv.Error as error:
        raise Unreadable("The first line cannot be read as CSV.") from error
    most = max(len(record) for _, record in found)
    if most == 0:
        raise Unreadable("The first line is empty; it must name the columns.")
    if "\ufffd" in "".join(found[0][1]):
        raise Unreadable("Line 1 is not UTF-8 text; save the file as UTF-8.")
    if "\0" in "".join(found[0][1]):
        raise Unreadable("Line 1 has a NUL byte.")
    likely = [one for one in found if len(one[1]) > 1] or found[:1]
    return sorted(likely, key=lambda one: -len(one[1]))


def _start(path: Path, *, gzipped: bool) -> bytes:
    if not gzipped:
        with path.open("rb") as file:
            return file.read(_MAX_HEADER_BYTES)
    try:
        with _open(path, gzipped=True) as file:
            start = file.read(_MAX_HEADER_BYTES)
            while file.read(_CHUNK):  # to the end, since only there it shows that all is well:
                pass  # DuckDB looks at no checksum
    except (OSError, EOFError, zlib.error) as error:
        raise Unreadable(_DAMAGED_GZIP) from error
    return start


def _open(path: Path, *, gzipped: bool) -> IO[bytes]:
    return cast("IO[bytes]", gzip.open(path)) if gzipped else path.open("rb")


def source_of(name: str, dialect: Mapping[str, Any], columns: int) -> str:
    # Columns are c0, c1, ... here: names of the user's could not be told apart by case.
    types = ", ".join(f"'c{index}': 'VARCHAR'" for index in range(columns))
    options = {
        "delim": literal(dialect["delimiter"]),
        "quote": literal('"'),
        "escape": literal(dialect["escape"]),
        "compression": literal("gzip" if dialect["gzip"] else "none"),
        "max_line_size": str(_MAX_LINE_BYTES),
        "buffer_size": str(2 * _MAX_LINE_BYTES),  # instead of sixteen lines of the longest
        "header": "true",
        "auto_detect": "false",
        "strict_mode": "true",
        "columns": f"{{{types}}}",
    }
    return f"read_csv({literal(name)}, {', '.join(f'{k} = {v}' for k, v in options.items())})"


def _kinds(
    database: duckdb.DuckDBPyConnection, path: Path, dialect: Mapping[str, Any], columns: int
) -> list[int]:
    """Return the kinds of values in each column."""
    columns_of = [f"c{index}" for index in range(columns)]
    texts = reading.bare_texts(columns_of, source_of(str(path), dialect, columns))
    found = dict(
        database.execute(f"SELECT i, bit_or({_KIND}) FROM ({texts}) GROUP BY i").fetchall()  # noqa: S608
    )
    return [found.get(index) or 0 for index in range(columns)]


def _kind_of_text() -> str:
    """Return SQL for the kind of a bare text ``b``."""

    def looks_like(pattern: str) -> str:
        return f"regexp_full_match(b, '{pattern}')"

    def if_castable(to: str, kind: Kind, otherwise: Kind) -> str:
        return f"if(try_cast(b AS {to}) IS NULL, {int(otherwise)}, {int(kind)})"

    branches = [
        ("contains(b, chr(0))", str(int(Kind.NUL))),
        (reading.is_null("b"), "0"),
        (looks_like(reading.INTEGER), if_castable("BIGINT", Kind.LONG, Kind.HUGE)),
        (looks_like(reading.PADDED), str(int(Kind.PADDED))),
        (looks_like(reading.DECIMAL), if_castable("DOUBLE", Kind.DOUBLE, Kind.TEXT)),
        ("lower(b) IN ('true', 'false')", str(int(Kind.BOOLEAN))),
        (looks_like(reading.DATE), if_castable("DATE", Kind.DATE, Kind.TEXT)),
        (looks_like(reading.LOCAL_TIME), if_castable("TIMESTAMP", Kind.LOCAL_TIME, Kind.TEXT)),
        (looks_like(reading.ZONED_TIME), if_castable("TIMESTAMPTZ", Kind.ZONED_TIME, Kind.TEXT)),
    ]
    cases = " ".join(f"WHEN {condition} THEN {kind}" for condition, kind in branches)
    return f"CASE {cases} ELSE {int(Kind.TEXT)} END"


_KIND: Final = _kind_of_text()


def _refuse_nul(path: Path, names: Sequence[str], kinds: Sequence[int], *, gzipped: bool) -> None:
    for name, kind in zip(names, kinds, strict=True):
        if kind & Kind.NUL:
            line = _line_of_nul(path, gzipped=gzipped)
            raise Unreadable(f"Line {line} has a NUL byte, in column {name!r}.")


def _line_of_nul(path: Path, *, gzipped: bool) -> int:
    with _open(path, gzipped=gzipped) as file:
        for number, line in enumerate(file, start=1):
            if b"\0" in line:
                return number
    raise AssertionError("a value has a NUL byte, but the file has none")


def _line_of(path: Path, dialect: Mapping[str, Any], record: int) -> int:
    """Return the number of the line that a record begins at; a record may have several."""
    escape = None if dialect["escape"] == '"' else dialect["escape"]
    with io.TextIOWrapper(
        _open(path, gzipped=dialect["gzip"]), "utf-8-sig", errors="replace", newline=""
    ) as text:
        rows = csv.reader(text, delimiter=dialect["delimiter"], escapechar=escape)
        with contextlib.suppress(csv.Error):  # at the line that is looked for, or close to it
            for _ in range(record - 1):
                if next(rows, None) is None:
                    break
        return rows.line_num + 1
