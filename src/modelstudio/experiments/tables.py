"""Parquet in and out. Arrow is imported when a table is first asked for, never at start-up."""

from __future__ import annotations

import base64
import io
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

import orjson

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    import pyarrow as pa
    import pyarrow.parquet as pq

    from modelstudio.experiments.series import Point

_BATCH_ROWS: Final = 4096
#: What the row groups of one page may hold, unpacked, by the file's own account.
_MAX_UNPACKED_BYTES: Final = 1 << 30


class UnreadableTableError(Exception):
    """The file is not a Parquet table that could be shown; the message says why."""


def rows_json(path: Path, offset: int, limit: int) -> bytes:
    """Return rows of a Parquet file as a JSON array of objects.

    Dates and times are ISO 8601 texts, binary values base64 texts, and what is not a finite
    number is null. Only the row groups that hold the rows are read.

    Raises
    ------
    UnreadableTableError, FileNotFoundError
    """
    import pyarrow as pa  # noqa: PLC0415
    import pyarrow.parquet as pq  # noqa: PLC0415

    try:
        with pq.ParquetFile(path) as file:  # type: ignore[no-untyped-call]
            rows = [row for page in _slices(file, offset, limit) for row in _plain_rows(page)]
            return orjson.dumps(rows, default=_as_json, option=orjson.OPT_UTC_Z)
    except FileNotFoundError:
        raise
    # ArrowException covers Arrow's own; a value that Python cannot hold raises one of the others.
    except (pa.ArrowException, OSError, ValueError, OverflowError, TypeError) as error:
        raise UnreadableTableError(str(error)) from error


def points_parquet(points: Sequence[Point]) -> bytes:
    """Return a series as Parquet: value, timestamp (epoch milliseconds), step."""
    import pyarrow as pa  # noqa: PLC0415
    import pyarrow.parquet as pq  # noqa: PLC0415

    table = pa.table(
        {
            "value": pa.array([point.value for point in points], pa.float64()),
            "timestamp": pa.array([point.time for point in points], pa.int64()),
            "step": pa.array([point.step for point in points], pa.int64()),
        }
    )
    written = io.BytesIO()
    pq.write_table(table, written)  # type: ignore[no-untyped-call]
    return written.getvalue()


def _slices(file: pq.ParquetFile, offset: int, limit: int) -> Iterator[pa.RecordBatch]:
    """Yield the rows at ``offset`` and after it, in pieces."""
    groups, skip = _row_groups(file.metadata, offset, limit)
    if not groups:
        return
    batches = file.iter_batches(  # type: ignore[no-untyped-call]
        _BATCH_ROWS, row_groups=groups, use_threads=False
    )
    for batch in batches:
        piece = batch.slice(skip, limit)
        skip = max(skip - batch.num_rows, 0)
        limit -= piece.num_rows
        yield piece
        if limit <= 0:
            return


def _row_groups(metadata: pq.FileMetaData, offset: int, limit: int) -> tuple[list[int], int]:
    """Return the row groups that hold the rows, and how many rows to skip in the first."""
    groups: list[int] = []
    first, begin, unpacked = 0, 0, 0
    for number in range(metadata.num_row_groups):
        group = metadata.row_group(number)
        end = begin + group.num_rows
        if end > offset and begin < offset + limit:
            first = first if groups else begin
            groups.append(number)
            unpacked += group.total_byte_size
        begin = end
    if unpacked > _MAX_UNPACKED_BYTES:
        raise UnreadableTableError(f"a page takes {unpacked} bytes unpacked")
    return groups, offset - first


def _plain_rows(batch: pa.RecordBatch) -> list[dict[str, Any]]:
    import pyarrow as pa  # noqa: PLC0415

    fields = [field.with_type(_plain_type(field.type)) for field in batch.schema]
    rows: list[dict[str, Any]] = batch.cast(pa.schema(fields), safe=False).to_pylist()
    return rows


def _plain_type(given: pa.DataType) -> pa.DataType:
    """Return the type whose values Python's standard library has.

    Nanoseconds would come as pandas' own types, which must not be imported here.
    """
    import pyarrow as pa  # noqa: PLC0415

    if pa.types.is_nested(given):
        return _plain_nested_type(given)
    if pa.types.is_dictionary(given):
        return _plain_type(given.value_type)
    if pa.types.is_timestamp(given):
        return pa.timestamp("us", "UTC" if given.tz else None)
    others = (
        (pa.types.is_duration, pa.duration("us")),
        (pa.types.is_time64, pa.time64("us")),
        (pa.types.is_float16, pa.float32()),
    )
    return next((plain for is_such, plain in others if is_such(given)), given)


def _plain_nested_type(given: pa.DataType) -> pa.DataType:
    import pyarrow as pa  # noqa: PLC0415

    if pa.types.is_struct(given):
        return pa.struct([field.with_type(_plain_type(field.type)) for field in given])
    if pa.types.is_map(given):
        return pa.map_(_plain_type(given.key_type), _plain_type(given.item_type))
    if hasattr(given, "value_type"):  # every kind of list
        return pa.list_(_plain_type(given.value_type))
    return given


def _as_json(value: object) -> object:
    """Return what JSON can hold of a value that orjson does not know."""
    if isinstance(value, Decimal):
        return float(value)
    if isinstance(value, bytes):
        return base64.b64encode(value).decode("ascii")
    return str(value)
