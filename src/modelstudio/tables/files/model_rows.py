"""A file's rows as the columns that a model takes, piece by piece.

Only as much of the file is in memory as a few pieces take, whatever its size. A value that its
column cannot have is missing, and counted.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any, Final

import pyarrow as pa
from pyarrow import compute

from modelstudio.tables.files import (
    conversions,
    csv_batches,
    csv_files,
    model_columns,
    names,
    parquet_files,
    xlsx_files,
)
from modelstudio.tables.files.csv_batches import Dialect, Parsing
from modelstudio.tables.files.problems import Unreadable
from modelstudio.tables.files.table_files import PARQUET_SUFFIXES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from modelstudio.tables.files.heads import Head
    from modelstudio.tables.files.model_columns import Wanted
    from modelstudio.tables.files.text import TextFile

pc: Any = compute
_MAX_ROWS: Final = 1 << 16
_MAX_CELLS: Final = 1 << 22
_SAMPLE_BYTES: Final = 1 << 20
_EXAMPLES: Final = 3
_MAX_SHOWN: Final = 100


class Malformed(Unreadable):
    """The file does not read in this layout; it may in another."""


@dataclass(frozen=True, slots=True)
class Layout:
    """One way to read a file.

    Attributes
    ----------
    names
        Its columns, no two of them alike.
    header
        What it calls them itself.
    read
        Yields its rows, all columns or those at some positions.
    rows
        How many it has, about; None when only reading it would tell.
    """

    names: Sequence[str]
    header: Sequence[str]
    read: Callable[[list[int] | None], Iterator[pa.RecordBatch]]
    rows: int | None


@dataclass(frozen=True, slots=True)
class Piece:
    """Some rows: what the model takes of them, and what the output keeps of them."""

    taken: pa.RecordBatch
    kept: pa.RecordBatch


@dataclass(slots=True)
class Misfits:
    """The values of a column that it cannot have, beside those that it can."""

    count: int = 0
    fitting: int = 0
    examples: list[str] = field(default_factory=list)

    def add(self, texts: pa.Array, found: pa.Array, unfit: pa.Array | None) -> None:
        self.fitting += len(found) - found.null_count
        if unfit is None:
            return
        self.count += pc.sum(unfit).as_py()
        if len(self.examples) < _EXAMPLES:
            for text in pc.unique(conversions.as_texts(texts.filter(unfit))).to_pylist():
                if text[:_MAX_SHOWN] not in self.examples and len(self.examples) < _EXAMPLES:
                    self.examples.append(text[:_MAX_SHOWN])


class RowsFile:
    """A file that predictions are made for.

    Attributes
    ----------
    layouts
        The ways to read it, the likeliest first.
    absent
        Columns that the model takes if they are there, and that are not.
    rows
        How many it has, about; None when only reading it would tell.
    misfits
        For each column that the model takes, what was read so far.

    Raises
    ------
    Unreadable
        When it is no table, or lacks a column.
    """

    def __init__(self, path: Path, wanted: Sequence[Wanted]) -> None:
        self._path = path
        self._wanted = wanted
        try:
            found = _layouts(path)
        except Unreadable as error:
            raise Unreadable(f"{path.name}: {error}") from error
        self.layouts = [layout for layout in found if not _missing(layout, wanted)]
        if not self.layouts:
            raise Unreadable(f"{path.name} {_lacks(found[0], wanted)}")
        there = set(self.layouts[0].names)
        self.absent = [one.name for one in wanted if one.name not in there]
        self.rows = self.layouts[0].rows
        self.misfits: dict[str, Misfits] = {}

    def pieces(self, layout: Layout, *, keep: bool, as_text: bool) -> Iterator[Piece]:
        """Yield the file's rows in their order.

        ``keep`` asks for all of its columns beside those that the model takes, ``as_text`` for
        their values as text.

        Raises
        ------
        Malformed
            When the file does not read so.
        Unreadable
            When a column cannot be what the model takes.
        """
        there = [one for one in self._wanted if one.name in layout.names]
        self.misfits = {one.name: Misfits() for one in there}
        positions = [layout.names.index(one.name) for one in there]
        for batch in self._batches(layout, None if keep else positions):
            arrays = [
                self._read(batch.column(place), one)
                for place, one in zip(positions if keep else range(len(there)), there, strict=True)
            ]
            taken = pa.RecordBatch.from_arrays(arrays, names=[one.name for one in there])
            kept = pa.RecordBatch.from_arrays(
                [_kept(column, as_text=as_text) for column in batch.columns] if keep else [],
                names=list(layout.names) if keep else [],
            )
            yield Piece(taken, kept)

    def meaning(self, name: str) -> str:
        """Return in words what a column's values are."""
        return next(one.meaning for one in self._wanted if one.name == name)

    def is_moment(self, name: str) -> bool:
        """Whether a column's values are dates or times, of which none may be missing."""
        return any(one.name == name and one.required and one.is_moment for one in self._wanted)

    def _read(self, column: pa.Array, one: Wanted) -> pa.Array:
        try:
            found, unfit = model_columns.read(column, one)
        except model_columns.Unfit as error:
            raise Unreadable(f"column {one.name!r} of {self._path.name} {error}") from None
        self.misfits[one.name].add(column, found, unfit)
        return found

    def _batches(self, layout: Layout, positions: list[int] | None) -> Iterator[pa.RecordBatch]:
        width = 1 + len(layout.names if positions is None else positions)
        rows = max(1, min(_MAX_ROWS, _MAX_CELLS // width))
        try:
            for batch in layout.read(positions):
                for start in range(0, batch.num_rows, rows):
                    yield batch.slice(start, rows)
        except Unreadable as error:
            raise Malformed(f"{self._path.name}: {error}") from error


def _layouts(path: Path) -> list[Layout]:
    name = path.name.lower()
    if name.endswith(PARQUET_SUFFIXES):
        with parquet_files.opened(path) as file:
            header, rows = file.schema_arrow.names, file.metadata.num_rows
        return [Layout(names.of_cells(header), header, partial(_parquet_batches, path), rows)]
    if name.endswith(xlsx_files.SUFFIXES):
        sheet = xlsx_files.Sheet(path)
        read = partial(_sheet_batches, sheet)
        return [Layout(names.of_cells(sheet.header), sheet.header, read, None)]
    found = []
    for text, head in csv_files.layouts(path):
        cells = csv_files.cells_of(head)
        read = partial(_csv_batches, text, head)
        found.append(Layout(names.of_cells(cells), cells, read, _estimate(text)))
    return found


def _estimate(text: TextFile) -> int | None:
    with text.path.open("rb") as file:
        start = file.read(_SAMPLE_BYTES)
    lines = start.count(b"\n")
    if text.gzipped or not lines:
        return None
    return text.path.stat().st_size * lines // len(start)


def _sheet_batches(
    sheet: xlsx_files.Sheet, positions: list[int] | None
) -> Iterator[pa.RecordBatch]:
    for batch in sheet.batches():
        yield batch if positions is None else batch.select(positions)


def _parquet_batches(path: Path, positions: list[int] | None) -> Iterator[pa.RecordBatch]:
    with parquet_files.opened(path) as file:
        header = file.schema_arrow.names
        chosen = range(len(header)) if positions is None else positions
        # A name may stand twice; then all columns are read.
        some = positions is not None and len(set(header)) == len(header)
        columns = [header[position] for position in chosen] if some else None
        for batch in parquet_files.rows(file, columns):
            found = batch.select(columns if some else list(chosen))
            arrays = [
                conversions.normal(column, header[place])
                for column, place in zip(found.columns, chosen, strict=True)
            ]
            yield pa.RecordBatch.from_arrays(arrays, names=[f"c{place}" for place in chosen])


def _csv_batches(
    text: TextFile, head: Head, positions: list[int] | None
) -> Iterator[pa.RecordBatch]:
    dialect = Dialect.of(text, head)
    types = None if positions is None else dict.fromkeys(positions, pa.string())
    yield from csv_batches.read(text.path, dialect, Parsing(types))


def _kept(column: pa.Array, *, as_text: bool) -> pa.Array:
    if not as_text or pa.types.is_nested(column.type) or pa.types.is_binary(column.type):
        return column
    return conversions.as_texts(column)


def _missing(layout: Layout, wanted: Sequence[Wanted]) -> list[str]:
    """Return the columns that the model needs and that are not there exactly once."""
    takes = {one.name for one in wanted}
    return [
        one.name
        for one in wanted
        if (one.required and one.name not in layout.names)
        or (layout.header.count(one.name) > 1 and f"{one.name} (2)" not in takes)
    ]


def _lacks(layout: Layout, wanted: Sequence[Wanted]) -> str:
    name, *others = _missing(layout, wanted)
    if name in layout.names:
        return f"has several columns named {name!r}"
    more = f" (and {len(others)} more that it needs)" if others else ""
    return f"has no column {name!r}, which the model needs{more}"
