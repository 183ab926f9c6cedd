"""Writes predictions to a CSV or Parquet file, which is there only once it is complete."""

from __future__ import annotations

import gzip
import os
import secrets
from contextlib import contextmanager
from typing import IO, TYPE_CHECKING, Any, Final, cast

import pyarrow as pa
import pyarrow.parquet as pq

from modelstudio.commands.options import CommandError
from modelstudio.tables.files import csv_writing

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_GZIP_LEVEL: Final = 6


class OutputTable:
    """Takes tables that all have the first one's columns; see ``created``.

    Attributes
    ----------
    rows
        How many were written.
    """

    def __init__(self, file: IO[bytes], *, parquet: bool) -> None:
        self._file = file
        self._parquet = parquet
        self._schema: pa.Schema | None = None
        self._writer: Any = None
        self.rows = 0

    def write(self, table: pa.Table) -> None:
        """Append rows.

        Raises
        ------
        CommandError
            When they cannot be written, or are of other types than those before.
        """
        try:
            if self._schema is None:
                self._open(table.schema)
            elif table.schema != self._schema:
                table = table.cast(self._schema)
            if self._parquet:
                self._writer.write_table(table)
            else:
                self._file.write(csv_writing.lines(table))
        except (pa.ArrowException, ValueError) as error:
            raise CommandError(f"the predictions cannot be written: {error}") from error
        self.rows += table.num_rows

    def close(self) -> None:
        if self._writer is not None:
            self._writer.close()

    def _open(self, schema: pa.Schema) -> None:
        self._schema = schema
        if self._parquet:
            self._writer = pq.ParquetWriter(self._file, schema, compression="zstd")  # type: ignore[no-untyped-call]
        else:
            self._file.write(csv_writing.header(schema.names))


@contextmanager
def created(path: Path) -> Iterator[OutputTable]:
    """Open a file for writing; it is there, or replaced, once the block ends without an error.

    Raises
    ------
    CommandError
        When it cannot be made.
    """
    partial = path.with_name(f".{path.name}.{secrets.token_hex(4)}.part")
    try:
        descriptor = os.open(partial, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
    except OSError as error:
        raise CommandError(f"{path} cannot be written: {error.strerror}") from error
    try:
        with os.fdopen(descriptor, "wb") as file, _compressed(file, path) as target:
            table = OutputTable(target, parquet=not is_csv(path))
            yield table
            table.close()
        partial.replace(path)
    except OSError as error:  # a full disk, above all
        raise CommandError(f"{path} cannot be written: {error.strerror or error}") from error
    finally:
        partial.unlink(missing_ok=True)


def is_csv(path: Path) -> bool:
    return path.name.lower().endswith((".csv", ".csv.gz"))


@contextmanager
def _compressed(file: IO[bytes], path: Path) -> Iterator[IO[bytes]]:
    if not path.name.lower().endswith(".gz"):
        yield file
        return
    with gzip.GzipFile(path.stem, "wb", _GZIP_LEVEL, file, mtime=0) as compressed:
        yield cast("IO[bytes]", compressed)
