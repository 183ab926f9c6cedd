"""Reads a CSV or Parquet file piece by piece, as the columns that a model takes.

Only as much of the file is in memory as a few pieces take, whatever its size.
"""

from __future__ import annotations

import tempfile
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import duckdb
import pyarrow as pa

from modelstudio.commands import layouts
from modelstudio.commands.options import CommandError
from modelstudio.datasets import csv_reading, parquet_reading, reading

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from modelstudio.commands.column_sql import Wanted
    from modelstudio.commands.layouts import Layout

_MEMORY_BYTES: Final = 1 << 30
_MAX_ROWS: Final = 1 << 16
_MAX_CELLS: Final = 1 << 22
_MAX_BYTES: Final = 1 << 24
#: How much larger a Parquet file is in memory than on the disk, roughly.
_UNPACKED: Final = 4
_MAX_SHOWN: Final = 100
_SAMPLE_BYTES: Final = 1 << 20
_BAD: Final = "bad"
_PARQUET_SUFFIXES: Final = (".parquet", ".pq")


class MalformedError(CommandError):
    """The file does not read in this layout; it may in another."""


@dataclass(frozen=True, slots=True)
class Piece:
    """Some rows: what the model takes of them, and what the output keeps of them."""

    taken: pa.RecordBatch
    kept: pa.RecordBatch


class InputTable:
    """A file that predictions are made for; see ``opened``.

    Attributes
    ----------
    layouts
        The ways to read it, the likeliest first.
    absent
        Columns that the model takes if they are there, and that are not.
    rows
        How many it has, about; None when only reading it would tell.
    """

    def __init__(self, path: Path, link: Path, wanted: Sequence[Wanted]) -> None:
        self._path = path
        self._database: Any = reading.open_database([str(link)], None, _MEMORY_BYTES)
        try:
            if is_parquet(path):
                self.layouts = layouts.of_parquet(path, link, wanted, self._database)
            else:
                self.layouts = layouts.of_csv(path, link, wanted)
        except reading.Unreadable as error:
            raise CommandError(f"{path.name}: {error}".rstrip(".")) from error
        names = set(self.layouts[0].names)
        self.absent = [one.name for one in wanted if one.name not in names]
        self.rows = self._count()

    def pieces(self, layout: Layout, *, keep: bool, as_text: bool) -> Iterator[Piece]:
        """Yield the file's rows in their order.

        ``keep`` asks for all of its columns beside those that the model takes, ``as_text`` for
        their values as text.

        Raises
        ------
        MalformedError
            When the file does not read so.
        CommandError
            When a value is not of its column's type.
        """
        kept = (layout.texts if as_text else layout.values) if keep else ()
        rows = self._rows_a_piece(len(layout.reads) + len(kept) + 1)
        done = 0
        try:
            for batch in self._database.sql(_select(layout, kept)).to_arrow_reader(rows):
                self._refuse_bad(layout, batch, done)
                yield _piece(layout, batch)
                done += batch.num_rows
        except (duckdb.Error, pa.ArrowException, OSError) as error:
            raise self._malformed(layout, error) from error

    def _count(self) -> int | None:
        layout = self.layouts[0]
        if layout.dialect is None:
            counted = self._database.execute(f"SELECT count(*) FROM {layout.source}")  # noqa: S608
            return int(counted.fetchall()[0][0])
        with self._path.open("rb") as file:
            start = file.read(_SAMPLE_BYTES)
        lines = start.count(b"\n")
        if layout.dialect["gzip"] or not lines:
            return None
        return self._path.stat().st_size * lines // len(start)

    def _rows_a_piece(self, width: int) -> int:
        """Return how many rows are at most some 16 MB of text and 32 MB of numbers."""
        size = self._path.stat().st_size * (_UNPACKED if is_parquet(self._path) else 1)
        by_bytes = _MAX_BYTES * self.rows // size if self.rows else _MAX_ROWS
        return max(1, min(_MAX_ROWS, _MAX_CELLS // width, by_bytes))

    def _refuse_bad(self, layout: Layout, batch: pa.RecordBatch, before: int) -> None:
        flags = batch.column(_BAD)
        if flags.null_count == len(flags):
            return
        row = next(index for index, flag in enumerate(flags) if flag.is_valid)
        wanted = layout.wanted[flags[row].as_py()]
        text = layout.text_of(wanted)
        found = (
            self._database.cursor()
            .execute(
                f"SELECT {text} FROM {layout.source} LIMIT 1 OFFSET {before + row}"  # noqa: S608
            )
            .fetchall()
        )
        value = found[0][0][:_MAX_SHOWN]
        raise CommandError(
            f"{self._path.name}, row {before + row + 1:,}: column {wanted.name!r} has the value "
            f"{value!r}, which is not {wanted.meaning}"
        )

    def _malformed(self, layout: Layout, error: Exception) -> CommandError:
        if "Out of Memory" in str(error):
            return CommandError(f"{self._path.name}: reading it takes more memory than there is")
        told = duckdb.Error(str(error))
        if layout.dialect is None:
            problem = parquet_reading.problem_of(told)
        else:
            problem = csv_reading.problem_of(told, self._path, layout.dialect)
        return MalformedError(f"{self._path.name}: {problem}".rstrip("."))


@contextmanager
def opened(path: Path, wanted: Sequence[Wanted]) -> Iterator[InputTable]:
    """Open a table.

    Raises
    ------
    CommandError
        When it is not there, empty, no table, or lacks a column.
    """
    if not path.is_file():
        raise CommandError(f"there is no file {path}")
    if path.stat().st_size == 0:
        raise CommandError(f"{path.name} is empty")
    with tempfile.TemporaryDirectory(prefix="modelstudio-") as made:
        # A name of its own, since DuckDB would take an asterisk in the user's for a pattern.
        link = Path(made) / "input"
        link.symlink_to(path.absolute())
        yield InputTable(path, link, wanted)


def is_parquet(path: Path) -> bool:
    return path.name.lower().endswith(_PARQUET_SUFFIXES)


def _select(layout: Layout, kept: Sequence[str]) -> str:
    values = [f"{read.value} AS v{index}" for index, read in enumerate(layout.reads)]
    values += [f"{text} AS k{index}" for index, text in enumerate(kept)]
    branches = " ".join(
        f"WHEN {read.is_bad} THEN {index}" for index, read in enumerate(layout.reads)
    )
    bad = f"CASE {branches} END" if branches else "NULL"
    values.append(f"CAST({bad} AS INTEGER) AS {_BAD}")
    return f"SELECT {', '.join(values)} FROM {layout.source}"  # noqa: S608


def _piece(layout: Layout, batch: pa.RecordBatch) -> Piece:
    count = len(layout.reads)
    taken = pa.RecordBatch.from_arrays(
        batch.columns[:count], names=[one.name for one in layout.wanted]
    )
    kept = pa.RecordBatch.from_arrays(
        batch.columns[count:-1], names=list(layout.names) if batch.num_columns > count + 1 else []
    )
    return Piece(taken, kept)
