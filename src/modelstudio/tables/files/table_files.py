"""Files of any form as tables."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import pyarrow as pa
import pyarrow.parquet as pq

from modelstudio.tables.files import csv_files, csv_writing, parquet_files, partitions, xlsx_files
from modelstudio.tables.files.columns import Column, schema_of
from modelstudio.tables.files.problems import Empty, Unreadable

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

PARQUET: Final = b"PAR1"
PARQUET_SUFFIXES: Final = (".parquet", ".pq")
#: Of what `profile` says.
VERSION: Final = 3
_GROUP_BYTES: Final = 1 << 26
_GROUP_ROWS: Final = 1 << 17


def profile(path: Path, name: str) -> dict[str, Any]:
    """Say what a file holds, or in ``problem`` why it is no table.

    ``name`` is the one that the user knows, which need not be the path's.
    """
    with path.open("rb") as file:
        start = file.read(len(PARQUET))
    try:
        found = _profile(path, name, start)
    except Unreadable as error:
        problem = str(error)
    except RecursionError:
        problem = "Its types nest too deeply."
    except MemoryError:
        problem = "Reading it takes more memory than the server allows."
    else:
        typed = found["format"] == "PARQUET"
        found["columns"] += partitions.columns_of(name, found["columns"], typed=typed)
        return {"version": VERSION, **found}
    form = "PARQUET" if _is_parquet(name, start) else "CSV"
    empty = problem == str(Empty())
    return {"version": VERSION, "format": form, "problem": problem, "empty": empty}


def write(
    inputs: Sequence[tuple[Path, str, Mapping[str, Any]]],
    fields: Sequence[Mapping[str, Any]],
    readings: Mapping[str, Mapping[str, Any]],
    output: Path,
) -> None:
    """Write files as one Parquet file, their rows one behind the other.

    Parameters
    ----------
    inputs
        Path, name and profile of each.
    fields
        The columns.
    readings
        Column to the state of its reading, for those that have one.

    Raises
    ------
    Unreadable
        When a value is not of its column's type; the message begins with the file's name.
    """
    schema = schema_of(fields, readings)
    # A dictionary of numbers costs more time than it saves, and so does a tighter packing.
    texts = [field.name for field in schema if pa.types.is_string(field.type)]
    with pq.ParquetWriter(output, schema, compression="snappy", use_dictionary=texts) as writer:  # type: ignore[no-untyped-call]
        waiting: list[pa.RecordBatch] = []
        for batch in _batches(inputs, fields, readings, schema):
            waiting.append(batch)
            if _is_group(waiting):
                writer.write_table(pa.Table.from_batches(waiting, schema))
                waiting = []
        writer.write_table(pa.Table.from_batches(waiting, schema))


def export(
    table: Path, output: Path, *, form: str, columns: Sequence[str] | None, limit: int | None
) -> None:
    """Write some columns (None: all) and at most ``limit`` rows of a table as ARROW or CSV."""
    with parquet_files.opened(table) as source, output.open("wb") as target:
        names = source.schema_arrow.names if columns is None else list(columns)
        schema = pa.schema([source.schema_arrow.field(name) for name in names])
        batches = _first(parquet_files.rows(source, names), names, limit)
        if form == "ARROW":
            with pa.ipc.new_stream(target, schema) as writer:
                for batch in batches:
                    writer.write_batch(batch)
        else:
            target.write(csv_writing.header(names))
            for batch in batches:
                target.write(csv_writing.lines(pa.Table.from_batches([batch]), nan="nan"))


def _batches(
    inputs: Sequence[tuple[Path, str, Mapping[str, Any]]],
    fields: Sequence[Mapping[str, Any]],
    readings: Mapping[str, Mapping[str, Any]],
    schema: pa.Schema,
) -> Iterator[pa.RecordBatch]:
    columns = [
        Column(field, type_, readings.get(field["name"]))
        for field, type_ in zip(fields, schema.types, strict=True)
    ]
    for path, name, known in inputs:
        found = {one["name"]: one for one in known["columns"]}
        places = {one: f"c{told['position']}" for one, told in found.items() if "position" in told}
        is_text = known["format"] == "CSV"
        try:
            for batch in _read(path, known, [one for one in columns if one.name in places]):
                arrays = [
                    one.of(batch.column(places[one.name]), is_text=is_text)
                    if one.name in places
                    else one.repeated(found[one.name]["partition"], batch.num_rows)
                    for one in columns
                ]
                yield pa.RecordBatch.from_arrays(arrays, schema=schema)
        except Unreadable as error:
            raise Unreadable(f"{name}: {error}") from error


def _read(
    path: Path, known: Mapping[str, Any], columns: Sequence[Column]
) -> Iterator[pa.RecordBatch]:
    """Yield a file's own columns, each named by its position."""
    if "sheet" in known:
        return xlsx_files.Sheet(path).batches()
    if known["format"] == "CSV":
        return csv_files.batches(path, known, columns)
    found = {one["name"]: one for one in known["columns"]}
    return parquet_files.batches(path, [found[column.name]["position"] for column in columns])


def _profile(path: Path, name: str, start: bytes) -> dict[str, Any]:
    if not start:
        raise Empty
    if _is_parquet(name, start):
        return parquet_files.profile(path)
    if _is_sheet(name, start):
        return xlsx_files.profile(path)
    return csv_files.profile(path)


def _is_parquet(name: str, start: bytes) -> bool:
    return start == PARQUET or name.lower().endswith(PARQUET_SUFFIXES)


def _is_sheet(name: str, start: bytes) -> bool:
    return start == xlsx_files.SIGNATURE or name.lower().endswith(xlsx_files.SUFFIXES)


def _is_group(batches: Sequence[pa.RecordBatch]) -> bool:
    rows: int = sum(batch.num_rows for batch in batches)
    size: int = sum(batch.nbytes for batch in batches)
    return rows >= _GROUP_ROWS or size >= _GROUP_BYTES


def _first(
    batches: Iterator[pa.RecordBatch], names: Sequence[str], limit: int | None
) -> Iterator[pa.RecordBatch]:
    left = limit
    for batch in batches:
        if left is not None and left <= 0:
            return
        part = batch if left is None else batch.slice(0, left)
        yield part.select(names)
        left = None if left is None else left - part.num_rows
