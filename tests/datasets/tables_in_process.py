"""Reads files as a table with the code of a table process, but in this process: it is faster."""

from __future__ import annotations

import contextlib
import io
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq

from modelstudio.datasets import schemas, table_process

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence


def parquet(table: pa.Table, **options: Any) -> bytes:
    buffer = io.BytesIO()
    pq.write_table(table, buffer, **options)
    return buffer.getvalue()


def profiles(files: Mapping[str, bytes]) -> list[tuple[str, dict[str, Any]]]:
    with _inputs(files):
        found = table_process.profile({"names": list(files)})
    return list(zip(files, found, strict=True))


def problem(**files: bytes) -> str:
    """Return why there is no schema; a file's name has `_csv` and the like for its suffix."""
    fields, reason = schemas.infer(profiles(_named(files)))
    assert fields is None
    assert reason is not None
    return reason


def types(data: bytes) -> dict[str, str]:
    """Return the inferred types of a CSV file."""
    fields, reason = schemas.infer(profiles({"t.csv": data}))
    assert fields is not None, reason
    assert all(field["nullable"] for field in fields)
    return {field["name"]: field["type"] for field in fields}


def read(
    files: Mapping[str, bytes],
    fields: Sequence[Mapping[str, Any]] | None = None,
    *,
    form: str = "ARROW",
    columns: Sequence[str] | None = None,
    limit: int | None = None,
) -> Any:
    """Return the files as one table, or as CSV text."""
    known = profiles(files)
    inferred, reason = schemas.infer(known)
    assert fields is not None or inferred is not None, reason
    with _inputs(files):
        table_process.materialise(
            {
                "names": list(files),
                "profiles": [profile for _, profile in known],
                "fields": fields or inferred,
                "readings": schemas.readings_of(
                    fields or inferred or [], [profile for _, profile in known]
                ),
            }
        )
        shutil.move("table.parquet", "input/0")
        table_process.export({"format": form, "columns": columns, "limit": limit})
        exported = Path("result").read_bytes()
    return exported.decode() if form == "CSV" else pa.ipc.open_stream(exported).read_all()


def read_csv(data: bytes, fields: Sequence[Mapping[str, Any]] | None = None) -> pa.Table:
    return read({"t.csv": data}, fields)


def rows(data: bytes) -> list[dict[str, Any]]:
    return read_csv(data).to_pylist()


def column(name: str, type_: str, **more: Any) -> dict[str, Any]:
    return {"name": name, "type": type_, "nullable": True, **more}


def _named(files: Mapping[str, bytes]) -> dict[str, bytes]:
    return {name.replace("__", "."): data for name, data in files.items()}


@contextlib.contextmanager
def _inputs(files: Mapping[str, bytes]) -> Iterator[None]:
    with tempfile.TemporaryDirectory() as directory, contextlib.chdir(directory):
        Path("input").mkdir()
        for index, data in enumerate(files.values()):
            Path(f"input/{index}").write_bytes(data)
        yield
