"""The process that reads tables; see `isolated` for why it is one, and for its protocol.

Everything here may import DuckDB and PyArrow; the server process never imports this module. The
inputs are links ``input/0``, ``input/1`` ... in the working directory, results are files in it.
"""

from __future__ import annotations

import contextlib
import json
import os
import resource
import signal
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import duckdb

from modelstudio.datasets import csv_reading, parquet_reading
from modelstudio.datasets.reading import (
    Unreadable,
    identifier,
    input_name,
    no_rows,
    open_database,
    refuse_values,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

_GZIP: Final = b"\x1f\x8b"
_PARQUET: Final = b"PAR1"
_OVERHEAD_BYTES: Final = 1 << 30
_MOST_WRITTEN_BYTES: Final = 16 << 30
_BATCH_ROWS: Final = 1 << 16


def profile(arguments: Mapping[str, Any], memory_bytes: int) -> list[dict[str, Any]]:
    """Say what each input holds; ``arguments`` has their names."""
    return [_profile(index, name, memory_bytes) for index, name in enumerate(arguments["names"])]


def materialise(arguments: Mapping[str, Any], memory_bytes: int) -> dict[str, Any]:
    """Write all inputs as one table to ``table.parquet``, in the order of the inputs.

    ``arguments`` has ``names`` and ``profiles`` of the inputs, the columns as ``fields``, and the
    names of the columns whose times have a zone as ``zoned``.
    """
    count = len(arguments["names"])
    if count <= 1:
        _materialise_one(0, count, arguments, memory_bytes, "table.parquet")
        return {}
    # One by one and put together here, since DuckDB does not promise the order of rows when it
    # reads several files at once; a seeded split of the same data must be the same split.
    parts = [f"part{index}" for index in range(count)]
    for index, part in enumerate(parts):
        _materialise_one(index, count, arguments, memory_bytes, part)
    _concatenate(parts, "table.parquet")
    return {}


def export(arguments: Mapping[str, Any], memory_bytes: int) -> dict[str, Any]:
    """Write ``columns`` (None: all) and at most ``limit`` rows of a table to ``result``."""
    columns, limit = arguments["columns"], arguments["limit"]
    if arguments["format"] == "ARROW":
        _export_arrow(columns, limit)
        return {}
    database = open_database([input_name(0)], "result", memory_bytes)
    chosen = "*" if columns is None else ", ".join(identifier(name) for name in columns)
    limited = "" if limit is None else f" LIMIT {int(limit)}"
    database.execute(
        f"COPY (SELECT {chosen} FROM read_parquet('{input_name(0)}'){limited})"  # noqa: S608
        " TO 'result' (FORMAT csv, HEADER true, USE_TMP_FILE false)"
    )
    return {}


_TASKS: Final[Mapping[str, Callable[[Mapping[str, Any], int], Any]]] = {
    "profile": profile,
    "materialise": materialise,
    "export": export,
}


def main() -> None:
    request = json.loads(sys.stdin.buffer.readline())
    threading.Thread(target=_end_with_the_server, daemon=True).start()
    _limit(request["memoryBytes"])
    try:
        answer = {"result": _TASKS[request["task"]](request["arguments"], request["memoryBytes"])}
    except Unreadable as error:
        answer = {"problem": str(error)}
    except (MemoryError, duckdb.OutOfMemoryException):
        answer = {"problem": "Reading the data takes more memory than the server allows."}
    sys.stdout.write(json.dumps(answer))
    sys.stdout.flush()
    os._exit(0)  # not waiting for the thread that watches standard input


def _profile(index: int, name: str, memory_bytes: int) -> dict[str, Any]:
    path = Path(input_name(index))
    with path.open("rb") as file:
        start = file.read(len(_PARQUET))
    named_parquet = name.lower().endswith((".parquet", ".pq"))
    is_parquet = start == _PARQUET or named_parquet
    try:
        if not start:
            raise Unreadable("It is empty.")  # noqa: TRY301 - one place makes problems of these
        database = open_database([input_name(index)], None, memory_bytes)
        if is_parquet:
            return parquet_reading.profile(database, input_name(index))
        return csv_reading.profile(database, path, gzipped=start.startswith(_GZIP))
    except Unreadable as error:
        problem = str(error)
    except (MemoryError, duckdb.OutOfMemoryException):
        problem = "Reading it takes more memory than the server allows."
    return {"format": "PARQUET" if is_parquet else "CSV", "problem": problem}


def _materialise_one(
    index: int, count: int, arguments: Mapping[str, Any], memory_bytes: int, output: str
) -> None:
    fields, zoned = arguments["fields"], set(arguments["zoned"])
    name = "" if count == 0 else arguments["names"][index]
    if count == 0:
        selection = no_rows(fields, zoned)
    else:
        known = arguments["profiles"][index]
        reading = csv_reading if known["format"] == "CSV" else parquet_reading
        selection = reading.select(input_name(index), known, fields, zoned)
    database = open_database([input_name(index)], output, memory_bytes)
    try:
        refuse_values(database, selection.source, selection.texts, name)
        database.execute(
            f"COPY ({selection.sql}) TO '{output}'"
            " (FORMAT parquet, COMPRESSION zstd, USE_TMP_FILE false)"
        )
    except duckdb.OutOfMemoryException:
        raise
    except duckdb.Error as error:
        if "No space left" in str(error):
            raise  # no fault of the data
        # How a CSV file is written was seen to be right when it was profiled.
        print(error, file=sys.stderr)  # noqa: T201 - goes to the server's log
        raise Unreadable(f"{name}: {parquet_reading.problem_of(error)}") from error
    finally:
        database.close()


def _concatenate(parts: Sequence[str], output: str) -> None:
    import pyarrow as pa  # noqa: PLC0415 - most tables are one file
    import pyarrow.parquet as pq  # noqa: PLC0415

    schema = pq.read_schema(parts[0])  # type: ignore[no-untyped-call]
    with pq.ParquetWriter(output, schema, compression="zstd") as writer:  # type: ignore[no-untyped-call]
        waiting, rows = [], 0
        for part in parts:
            with pq.ParquetFile(part) as source:  # type: ignore[no-untyped-call]
                for batch in source.iter_batches(_BATCH_ROWS):
                    waiting.append(batch)
                    rows += batch.num_rows
                    if rows >= _BATCH_ROWS:
                        writer.write_table(pa.Table.from_batches(waiting, schema))
                        waiting, rows = [], 0
            Path(part).unlink()
        writer.write_table(pa.Table.from_batches(waiting, schema))


def _export_arrow(columns: list[str] | None, limit: int | None) -> None:
    import pyarrow as pa  # noqa: PLC0415 - no other task needs it
    import pyarrow.parquet as pq  # noqa: PLC0415

    source = pq.ParquetFile(input_name(0))  # type: ignore[no-untyped-call]
    with source, Path("result").open("wb") as target:
        names = source.schema_arrow.names if columns is None else columns
        schema = pa.schema([source.schema_arrow.field(name) for name in names])
        left = limit
        with pa.ipc.new_stream(target, schema) as writer:
            batches = source.iter_batches(_BATCH_ROWS, columns=names)  # type: ignore[no-untyped-call]
            for batch in batches:
                if left is not None and left <= 0:
                    break
                part = batch if left is None else batch.slice(0, left)
                writer.write_batch(part.select(names))
                left = None if left is None else left - part.num_rows


def _limit(memory_bytes: int) -> None:
    """Fail rather than let the machine run out of memory."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    most = memory_bytes + _OVERHEAD_BYTES
    resource.setrlimit(resource.RLIMIT_DATA, (most, most))
    # A small file may unpack to more than the disk holds. Writing beyond fails, without a signal.
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (_MOST_WRITTEN_BYTES, _MOST_WRITTEN_BYTES))
    with contextlib.suppress(OSError):  # Linux; the kernel then picks this process first
        Path("/proc/self/oom_score_adj").write_text("500")


def _end_with_the_server() -> None:
    os.read(0, 1)
    os._exit(1)


if __name__ == "__main__":
    main()
