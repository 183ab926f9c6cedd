"""CSV files as tables: what one holds, and its rows as the columns of a schema.

The delimiter is the one with which the whole file reads, tried in the order of `heads`. Quotes are
doubled inside quoted values, or escaped with a backslash if the file reads only so. A row with too
few or too many values, or with a quote out of place, is an error.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pyarrow as pa

from modelstudio.tables.files import csv_batches, heads, names, text
from modelstudio.tables.files.csv_batches import Dialect, Parsing
from modelstudio.tables.files.problems import Unreadable
from modelstudio.tables.files.quick_types import quick_types
from modelstudio.tables.readings import Evidence

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from modelstudio.tables.files.columns import Column
    from modelstudio.tables.files.heads import Head
    from modelstudio.tables.files.text import TextFile

_CONVERTED: Final = re.compile(r"In CSV column #(\d+)")
_MOST_FAILURES: Final = 2


def profile(path: Path) -> dict[str, Any]:
    """Return the file's profile, made of all of its values.

    Raises
    ------
    Unreadable
    """
    first: Unreadable | None = None
    for known, head in layouts(path):
        try:
            return _profile(known, head)
        except Unreadable as error:
            first = first or error
    assert first is not None  # noqa: S101 - there is always a layout
    raise first


def layouts(path: Path) -> Iterator[tuple[TextFile, Head]]:
    """Yield the ways to read a file, the likeliest first.

    Raises
    ------
    Unreadable
        When it is no text, or empty.
    """
    plain_text = text.examined(path)
    escaped = plain_text.escaped()
    for head in heads.heads(plain_text):
        yield plain_text, head
        if plain_text.quotes:
            yield from (
                (escaped, other)
                for other in heads.heads(escaped)
                if other.delimiter == head.delimiter
            )


@dataclass(slots=True)
class _Column:
    """What is known of a column's values."""

    evidence: Evidence = field(default_factory=Evidence)
    filled: bool = False
    numbers: list[np.ndarray] | None = field(default_factory=list)

    def take(self, texts: pa.Array, *, may_be_index: bool) -> None:
        self.evidence.observe(texts)
        self.filled = self.filled or texts.null_count < len(texts)
        if may_be_index and self.numbers is not None:
            self._take_numbers(texts)

    def _take_numbers(self, texts: pa.Array) -> None:
        try:
            numbers = texts.cast(pa.int64())
        except pa.ArrowInvalid:
            self.numbers = None
            return
        if numbers.null_count:
            self.numbers = None
        elif self.numbers is not None:
            self.numbers.append(numbers.to_numpy())

    @property
    def is_index(self) -> bool:
        if self.numbers is None:
            return False
        return names.numbers_rows(np.concatenate(self.numbers) if self.numbers else np.zeros(0))


def _profile(known: TextFile, head: Head) -> dict[str, Any]:
    dialect = Dialect.of(known, head)
    told = text.ENCODINGS.get(known.encoding)
    notes = [f"The file is {told} text."] if told else []
    how = Parsing()
    rows = csv_batches.read(known.path, dialect, how)
    found = profile_of(list(head.names), dialect.width, rows, [*notes, *head.notes])
    if how.comments:
        found["notes"].append(f"{heads.lines_of_comments(len(how.comments))}: left out.")
    return {"dialect": dialect.state(), **found}


def profile_of(
    header: list[str], width: int, rows: Iterator[pa.RecordBatch], notes: list[str]
) -> dict[str, Any]:
    """Return what a profile says of rows of text, ``width`` values each, below a header.

    Raises
    ------
    Unreadable
        When a column has no name.
    """
    unnamed = _leading_unnamed(header, width)
    columns = [_Column() for _ in range(width)]
    for batch in rows:
        for position, column in enumerate(columns):
            column.take(batch.column(position), may_be_index=position < unnamed)
    kept = _kept(header, columns, notes)
    clean, changes = names.tidy([name for _, name in kept])
    return {
        "format": "CSV",
        "columns": [
            {"name": name, "position": position, "evidence": columns[position].evidence.state()}
            for (position, _), name in zip(kept, clean, strict=True)
        ],
        "notes": notes + changes,
    }


def _leading_unnamed(header: Sequence[str], width: int) -> int:
    if width > len(header):
        return 0
    return next(
        (index for index, name in enumerate(header) if not names.UNNAMED.fullmatch(name)),
        len(header),
    )


def _kept(
    header: Sequence[str], columns: Sequence[_Column], notes: list[str]
) -> list[tuple[int, str]]:
    """Return the position and the name of each column that is one, and say which are none."""
    width = len(columns)
    if width > len(header) and columns[-1].filled:
        notes.append("The first value of each row has no name and counts as an index: left out.")
        return list(enumerate(header, start=1))
    if width > len(header):
        notes.append("Each row ends with a delimiter, which begins no column.")
        return list(enumerate(header))
    kept: list[tuple[int, str]] = []
    for position, (name, column) in enumerate(zip(header, columns, strict=False)):
        if not name.strip() and not column.filled:
            notes.append(f"Column {position + 1} has neither a name nor values: left out.")
        elif names.UNNAMED.fullmatch(name) and not kept and column.is_index:
            shown = f"The first column ({name!r})" if name.strip() else "The first column"
            notes.append(f"{shown} numbers the rows and counts as an index: left out.")
        elif position == 0 and not name.strip():
            notes.append(f"The first column has no name; it is called {names.FIRST!r}.")
            kept.append((position, names.FIRST))
        else:
            kept.append((position, name))
    return kept


def batches(
    path: Path, known: Mapping[str, Any], columns: Sequence[Column]
) -> Iterator[pa.RecordBatch]:
    """Yield the rows of a file, each column named by its position.

    Columns that Arrow reads as their reading would come as values, the others as texts.

    Raises
    ------
    Unreadable
        When the file is not as its profile says.
    """
    dialect = Dialect.from_state(known["dialect"])
    found = {column["name"]: column for column in known["columns"]}
    typed, nulls = quick_types(columns, found)
    wanted = [found[column.name]["position"] for column in columns]
    done, failed = 0, 0
    while True:
        types = {position: typed.get(position, pa.string()) for position in wanted}
        try:
            for batch in csv_batches.read(path, dialect, Parsing(types, nulls, done)):
                done += batch.num_rows
                yield batch
        except pa.ArrowInvalid as error:
            # Written in a way that Arrow does not know; its reading does.
            column = _CONVERTED.search(str(error))
            typed.pop(int(column[1]) if column else -1, None)
            failed += 1
            if failed > _MOST_FAILURES or column is None:
                typed = {}
        else:
            return


def cells_of(head: Head) -> list[str]:
    """Return the header with a cell for each value of a row, also for those it does not name."""
    header = list(head.names)
    if head.width <= len(header):
        return header[: head.width]
    is_end = all(not row[-1] for row in head.rows)
    return [*header, ""] if is_end else ["", *header]
