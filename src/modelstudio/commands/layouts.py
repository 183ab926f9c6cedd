"""The ways in which a CSV or Parquet file may be read as the columns that a model takes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from modelstudio.commands import column_sql
from modelstudio.commands.column_sql import UnfitError
from modelstudio.commands.options import CommandError
from modelstudio.datasets import csv_reading, parquet_reading
from modelstudio.datasets.reading import identifier

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from duckdb import DuckDBPyConnection

    from modelstudio.commands.column_sql import Read, Wanted

_GZIP: Final = b"\x1f\x8b"
_ESCAPES: Final = ('"', "\\")


@dataclass(frozen=True, slots=True)
class Layout:
    """One way to read a file.

    Attributes
    ----------
    source
        SQL of its rows.
    names
        Its columns.
    wanted, reads
        The columns among them that the model takes, and how each is read.
    texts, values
        SQL of each of the file's columns, as text and as what it is.
    dialect
        How a CSV file is written, None for Parquet.
    """

    source: str
    names: Sequence[str]
    wanted: Sequence[Wanted]
    reads: Sequence[Read]
    texts: Sequence[str]
    values: Sequence[str]
    dialect: Mapping[str, Any] | None = None

    def text_of(self, wanted: Wanted) -> str:
        """Return SQL of the text of a column that the model takes."""
        return self.texts[self.names.index(wanted.name)]


def of_csv(path: Path, link: Path, wanted: Sequence[Wanted]) -> list[Layout]:
    """Return the ways to read a CSV file, the likeliest first.

    ``link`` is a name of the file without characters that would mean something to DuckDB.

    Raises
    ------
    CommandError
        When a column is missing, or cannot be read from text.
    Unreadable
        When it is no CSV file.
    """
    with path.open("rb") as file:
        gzipped = file.read(len(_GZIP)) == _GZIP
    headers = csv_reading.headers(path, gzipped=gzipped)
    complete = [names for names in headers if not _missing(names[1], wanted)]
    if not complete:
        raise _lacks(path, headers[0][1], wanted)
    return [
        _csv_layout(path, link, names, wanted, {"delimiter": by, "escape": escape, "gzip": gzipped})
        for by, names in complete
        for escape in _ESCAPES
    ]


def _csv_layout(
    path: Path,
    link: Path,
    names: Sequence[str],
    wanted: Sequence[Wanted],
    dialect: Mapping[str, Any],
) -> Layout:
    texts = [f"c{position}" for position in range(len(names))]

    def read(one: Wanted) -> Read:
        return column_sql.of_text(texts[names.index(one.name)], one)

    there = [one for one in wanted if one.name in names]
    source = csv_reading.source_of(str(link), dialect, len(names))
    return Layout(source, names, there, _fitting(path, there, read), texts, texts, dialect)


def of_parquet(
    path: Path, link: Path, wanted: Sequence[Wanted], database: DuckDBPyConnection
) -> list[Layout]:
    """Return the one way to read a Parquet file; raises as ``of_csv`` does."""
    columns = parquet_reading.profile(database, str(link))["columns"]
    known = {column["name"]: column for column in columns}
    if _missing(list(known), wanted):
        raise _lacks(path, list(known), wanted)

    def read(one: Wanted) -> Read:
        column = known[one.name]
        return column_sql.of_column(
            identifier(one.name), column["field"], one, zoned=column["zoned"]
        )

    there = [one for one in wanted if one.name in known]
    values = [identifier(name) for name in known]
    texts = [f"CAST({value} AS VARCHAR)" for value in values]
    source = parquet_reading.source_of(str(link))
    return [Layout(source, list(known), there, _fitting(path, there, read), texts, values)]


def _missing(names: Sequence[str], wanted: Sequence[Wanted]) -> list[str]:
    """Return the columns that the model needs and that are not there exactly once."""
    return [
        one.name
        for one in wanted
        if names.count(one.name) > 1 or (one.required and one.name not in names)
    ]


def _lacks(path: Path, names: Sequence[str], wanted: Sequence[Wanted]) -> CommandError:
    name, *others = _missing(names, wanted)
    if name in names:
        return CommandError(f"{path.name} has several columns named {name!r}")
    more = f" (and {len(others)} more that it needs)" if others else ""
    return CommandError(f"{path.name} has no column {name!r}, which the model needs{more}")


def _fitting(path: Path, wanted: Sequence[Wanted], read: Callable[[Wanted], Read]) -> list[Read]:
    reads = []
    for one in wanted:
        try:
            reads.append(read(one))
        except UnfitError as error:
            raise CommandError(f"column {one.name!r} of {path.name} {error}") from None
    return reads
