"""``python r_tables.py FILE NAME OUTPUT``: write a data frame of an R package as Parquet.

Runs in an environment with ``rdata``, apart from the project's. ``FILE`` is an ``.rda`` file, or
the ``.rdx`` of a lazy-load database: a compressed list that says where in the ``.rdb`` beside it
each object is (R Internals, section "Lazy loading").
"""

from __future__ import annotations

import bz2
import gzip
import lzma
import sys
import warnings
import zlib
from pathlib import Path
from typing import Any

import pandas as pd

_BY_ZLIB = 1


def main(source: Path, name: str, output: Path) -> None:
    warnings.simplefilter("ignore")  # of R classes that rdata shows as plain vectors
    frame = _from_database(source, name) if source.suffix == ".rdx" else _from_file(source, name)
    frame = pd.DataFrame({str(column): _plain(values) for column, values in frame.items()})
    frame.to_parquet(output, index=False)


def _from_file(source: Path, name: str) -> Any:
    import rdata

    return rdata.read_rda(source)[name]


def _from_database(index: Path, name: str) -> Any:
    packed = index.read_bytes()
    gzipped = packed.startswith(b"\x1f\x8b")
    entries = _read(gzip.decompress(packed) if gzipped else zlib.decompress(packed))
    offset, length = (int(number) for number in entries["variables"][name])
    method = int(pd.Series(entries["compressed"]).iloc[0])
    with index.with_suffix(".rdb").open("rb") as file:
        file.seek(offset)
        return _read(_decompressed(file.read(length), method))


def _read(serialized: bytes) -> Any:
    import rdata

    return rdata.conversion.convert(rdata.parser.parse_data(serialized))


def _decompressed(chunk: bytes, method: int) -> bytes:
    """Undo R's compression; the first four bytes are the length."""
    if method == _BY_ZLIB:
        return zlib.decompress(chunk[4:])
    kind, packed = chunk[4:5], chunk[5:]
    if kind == b"2":
        return bz2.decompress(packed)
    if kind == b"Z":
        filters = [{"id": lzma.FILTER_LZMA2, "preset": 6}]
        return lzma.decompress(packed, format=lzma.FORMAT_RAW, filters=filters)
    return packed


def _plain(values: pd.Series) -> pd.Series:
    """Return a column as a file would have it: factors as strings, whole numbers as integers."""
    values = values.reset_index(drop=True)
    if isinstance(values.dtype, pd.CategoricalDtype):
        return values.astype(object)
    if not pd.api.types.is_numeric_dtype(values.dtype) or pd.api.types.is_bool_dtype(values.dtype):
        return values
    numbers = values.astype("float64")
    return numbers.astype("int64") if (numbers % 1 == 0).all() else numbers


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], Path(sys.argv[3]))
