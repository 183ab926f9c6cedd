"""Parquet files as tables: what one holds, and its rows as the columns of a schema.

Types that the wire has no name for are read as the nearest that holds their values: unsigned
integers as the next larger type, UUIDs and times of day as STRING, moments of any unit as
microseconds. An index that pandas stored without a name is left out if it numbers the rows; dates,
texts and numbers that repeat say more than where a row stood.
"""

from __future__ import annotations

import json
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from modelstudio.tables.files import conversions, names
from modelstudio.tables.files.problems import Unreadable

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

BATCH_ROWS: Final = 1 << 16
_MAX_CELLS: Final = 1 << 22
_MAX_DIGITS: Final = 38
_DAMAGED: Final = "It is not a Parquet file, or a damaged one."


def profile(path: Path) -> dict[str, Any]:
    """Return the file's profile, from its footer.

    Raises
    ------
    Unreadable
    """
    with opened(path) as file:
        schema = file.schema_arrow
        if not schema.names:
            raise Unreadable("It has no columns.")
        left_out = _unnamed_index(schema)
        if len(left_out) > 1 or not all(_counts_rows(file, name) for name in left_out):
            left_out = set()  # several levels say what each row is of
        positions = [index for index, name in enumerate(schema.names) if name not in left_out]
        clean, notes = names.tidy([schema.names[position] for position in positions])
        columns = [
            _column(file, schema.field(position), position, name)
            for position, name in zip(positions, clean, strict=True)
        ]
    said = [f"The column {name!r} is an index of pandas: left out." for name in sorted(left_out)]
    return {"format": "PARQUET", "columns": columns, "notes": said + notes}


def batches(path: Path, positions: Sequence[int]) -> Iterator[pa.RecordBatch]:
    """Yield the rows of a file as values of plain types, of the columns at these positions.

    Raises
    ------
    Unreadable
        When the file is damaged.
    """
    with opened(path) as file:
        header = file.schema_arrow.names
        # A name may stand twice; then all columns are read.
        chosen = None
        if len(positions) < len(header) and len(set(header)) == len(header):
            chosen = [header[position] for position in positions]
        for batch in rows(file, chosen):
            found = batch.select(list(positions) if chosen is None else chosen)
            arrays = [
                conversions.normal(column, header[position])
                for column, position in zip(found.columns, positions, strict=True)
            ]
            names_ = [f"c{position}" for position in positions]
            yield pa.RecordBatch.from_arrays(arrays, names=names_)


@contextmanager
def opened(path: Path) -> Iterator[pq.ParquetFile]:
    """Open a file.

    Raises
    ------
    Unreadable
    """
    try:
        # Without it moments of the oldest form would be nanoseconds, which wrap round in 2262.
        file = pq.ParquetFile(path, coerce_int96_timestamp_unit="us")  # type: ignore[no-untyped-call]
    except pa.ArrowMemoryError:
        raise
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
        raise Unreadable(_DAMAGED) from error
    with file:
        yield file


def rows(file: pq.ParquetFile, columns: Sequence[str] | None = None) -> Iterator[pa.RecordBatch]:
    """Yield a file's columns (None: all) by pieces that are not too large.

    Raises
    ------
    Unreadable
        When the file is damaged.
    """
    width = len(file.schema_arrow) if columns is None else len(columns)
    most = max(1, min(BATCH_ROWS, _MAX_CELLS // max(1, width)))
    batches = file.iter_batches(most, columns=columns)  # type: ignore[no-untyped-call]
    while True:
        try:
            batch = next(batches, None)
        except pa.ArrowMemoryError:
            raise
        except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
            raise Unreadable(_DAMAGED) from error
        if batch is None:
            return
        yield batch


def _unnamed_index(schema: pa.Schema) -> set[str]:
    """Return the columns that pandas stored for an index without a name."""
    try:
        told = json.loads((schema.metadata or {}).get(b"pandas", b"{}"))
        stored = {name for name in told.get("index_columns", []) if isinstance(name, str)}
    except (ValueError, AttributeError, TypeError):
        return set()
    unnamed = {name for name in stored if names.STORED_INDEX.fullmatch(name)}
    return unnamed if len(unnamed) < len(schema.names) else set()


def _counts_rows(file: pq.ParquetFile, name: str) -> bool:
    """Whether an index is no more than numbers of rows."""
    if not pa.types.is_integer(file.schema_arrow.field(name).type):
        return False
    parts = [batch.column(0).drop_null().to_numpy() for batch in rows(file, [name])]
    values = np.concatenate(parts) if parts else np.zeros(0, np.int64)
    return len(np.unique(values)) == len(values) or names.numbers_rows(values)


def _column(file: pq.ParquetFile, field: pa.Field, position: int, name: str) -> dict[str, Any]:
    type_ = field.type
    if pa.types.is_decimal256(type_):
        _check_digits(file, type_, position, name)
    return {
        "name": name,
        "position": position,
        "field": _wire(type_, name),
        "zone": type_.tz if pa.types.is_timestamp(type_) else None,
        "empty": pa.types.is_null(type_),
    }


def _check_digits(file: pq.ParquetFile, type_: Any, position: int, name: str) -> None:
    """Refuse numbers with more digits than can be kept."""
    fits = type_.scale <= _MAX_DIGITS
    try:
        for batch in rows(file) if fits else ():
            batch.column(position).cast(pa.decimal128(_MAX_DIGITS, type_.scale))
    except pa.ArrowInvalid:
        fits = False
    if not fits:
        raise Unreadable(
            f"Column {name!r} has decimals of {type_.precision} digits, {type_.scale} of them "
            f"behind the point; at most {_MAX_DIGITS} are kept. Write it as text or as double."
        )


def _wire(type_: Any, column: str) -> dict[str, Any]:
    """Return a type as a field of the wire has it."""
    type_ = conversions.plain_type(type_)
    field: dict[str, Any] = {"nullable": True}
    if pa.types.is_decimal(type_):
        digits = min(type_.precision, _MAX_DIGITS)
        return {**field, "type": "DECIMAL", "precision": digits, "scale": type_.scale}
    if pa.types.is_uint64(type_):
        return {**field, "type": "DECIMAL", "precision": 20, "scale": 0}
    if pa.types.is_map(type_):
        key, value = _wire(type_.key_type, column), _wire(type_.item_type, column)
        return {**field, "type": "MAP", "mapKeyType": key, "mapValueType": value}
    if pa.types.is_struct(type_):
        subs = [{**_wire(sub.type, column), "name": sub.name} for sub in type_]
        return {**field, "type": "STRUCT", "subSchemas": subs}
    if pa.types.is_list(type_):
        return {**field, "type": "ARRAY", "arraySubtype": _wire(type_.value_type, column)}
    simple = conversions.SIMPLE.get(type_.id)
    if simple is None:
        raise Unreadable(f"Column {column!r} has the type {type_}, which is not supported.")
    return {**field, "type": simple}
