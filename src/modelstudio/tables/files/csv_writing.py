"""Renders Arrow tables as CSV: what needs no quotes gets none, and a missing value is empty."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING, Any, Final

import pyarrow as pa
from pyarrow import compute

if TYPE_CHECKING:
    from collections.abc import Sequence

pc: Any = compute  # its functions are made when it is imported, so mypy knows none
_QUOTED: Final = r'^$|[",\r\n]|^#'


class NotTextError(ValueError):
    """A column has values that are no text in a CSV file; the message names it."""


def header(names: Sequence[str]) -> bytes:
    """Return the first line."""
    line = io.StringIO(newline="")
    csv.writer(line, lineterminator="\n").writerow(names)
    return line.getvalue().encode()


def lines(table: pa.Table, *, nan: str | None = None) -> memoryview:
    """Return the rows, each ended by a line feed.

    ``nan`` is what a number that is none is written as; None for a missing value.

    Raises
    ------
    NotTextError
        For columns of lists, maps and the like.
    """
    if table.num_rows == 0:
        return memoryview(b"")
    columns = [
        _texts(name, column.combine_chunks(), nan)
        for name, column in zip(table.column_names, table.columns, strict=True)
    ]
    # A line without anything would be no row to most readers.
    missing = '""' if len(columns) == 1 else ""
    rows = _joined(*columns, by=",", null_handling="replace", null_replacement=missing)
    ended = _joined(rows, "", by="\n")
    # An array of texts has them in memory one behind the other, which is what a file has.
    return memoryview(ended.buffers()[2])[: pc.sum(pc.binary_length(ended)).as_py()]


def _joined(*columns: pa.Array | str, by: str, **options: str) -> pa.Array:
    """Join texts row by row."""
    texts = [
        pa.scalar(column, pa.large_string()) if isinstance(column, str) else column
        for column in (*columns, by)
    ]
    return pc.binary_join_element_wise(*texts, **options)


def _texts(name: str, column: pa.Array, nan: str | None) -> pa.Array:
    kind = column.type
    if pa.types.is_dictionary(kind):
        return _texts(name, column.dictionary_decode(), nan)
    if pa.types.is_nested(kind) or pa.types.is_binary(kind) or pa.types.is_large_binary(kind):
        raise NotTextError(
            f"column {name!r} holds {kind}, which a CSV file cannot; write a Parquet file"
        )
    if pa.types.is_floating(kind) and nan is None:
        column = pc.if_else(pc.is_nan(column), pa.scalar(None, kind), column)
    if pa.types.is_timestamp(kind):
        column = _whole_seconds(column)
    texts = column.cast(pa.large_string())
    if not (pa.types.is_string(kind) or pa.types.is_large_string(kind)):
        return texts
    quoted = _joined('"', pc.replace_substring(texts, '"', '""'), '"', by="")
    return pc.if_else(pc.match_substring_regex(texts, _QUOTED), quoted, texts)


def _whole_seconds(column: pa.Array) -> pa.Array:
    """Leave out the fractions of seconds where there are none."""
    try:
        return column.cast(pa.timestamp("s", column.type.tz))
    except pa.ArrowInvalid:
        return column
