"""Reads files of rows to predict as `modelstudio predict` does, without the command."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq

from modelstudio.tables.files.model_columns import Wanted
from modelstudio.tables.files.model_rows import Malformed, RowsFile

if TYPE_CHECKING:
    from pathlib import Path


def wanted(**types: str) -> list[Wanted]:
    """A type that ends in ``?`` is of an optional column."""
    return [
        Wanted(name, kind.removesuffix("?"), not kind.endswith("?")) for name, kind in types.items()
    ]


def read(path: Path, columns: list[Wanted], *, keep: bool = False, as_text: bool = True) -> Any:
    """Read a file in the first of its layouts that fits, as the command does."""
    found, _ = read_with_misfits(path, columns, keep=keep, as_text=as_text)
    return found


def read_with_misfits(
    path: Path, columns: list[Wanted], *, keep: bool = False, as_text: bool = True
) -> Any:
    table = RowsFile(path, columns)
    for layout in table.layouts:
        try:
            pieces = list(table.pieces(layout, keep=keep, as_text=as_text))
        except Malformed as error:
            problem = error
            continue
        part = "kept" if keep else "taken"
        batches = [getattr(piece, part) for piece in pieces]
        found = pa.Table.from_batches(batches).to_pydict() if batches else {}
        misfits = {
            name: (one.count, one.examples) for name, one in table.misfits.items() if one.count
        }
        return found, misfits
    raise problem


def file(tmp_path: Path, text: str | bytes, name: str = "houses.csv") -> Path:
    path = tmp_path / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def write_parquet(tmp_path: Path, **columns: pa.Array) -> Path:
    path = tmp_path / "t.parquet"
    pq.write_table(pa.table(columns), path)
    return path
