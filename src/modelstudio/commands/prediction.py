"""Predicts a table with a stored model version, in the predictor's own process."""

from __future__ import annotations

import tempfile
from collections import deque
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, Any, Final

import pyarrow as pa

from modelstudio.commands import table_writing, versions
from modelstudio.commands.options import CommandError, UsageError
from modelstudio.compute.machine import usable_cpu
from modelstudio.inference.client import (
    Predictable,
    PredictionError,
    PredictorDiedError,
    PredictorProcess,
)
from modelstudio.tables.files import xlsx_files
from modelstudio.tables.files.model_columns import Wanted, model_type
from modelstudio.tables.files.model_rows import Malformed, RowsFile
from modelstudio.tables.files.problems import Unreadable
from modelstudio.tables.files.table_files import PARQUET_SUFFIXES
from modelstudio.trainers import kept_readings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

    from modelstudio.app import Foundation
    from modelstudio.commands.table_writing import OutputTable
    from modelstudio.commands.versions import StoredVersion
    from modelstudio.tables.files.model_rows import Layout, Piece

_WRITTEN: Final = (".csv", ".csv.gz", *PARQUET_SUFFIXES)
_READ: Final = (*_WRITTEN, *xlsx_files.SUFFIXES)
_RENAMED: Final = "_predicted"
_MAX_SHOWN: Final = 300


@dataclass(frozen=True, slots=True)
class Request:
    """What `modelstudio predict` is asked for.

    Attributes
    ----------
    input
        None for a forecast that starts from the history that the model was trained on.
    keep_columns
        Whether the output has all columns of the input before the predictions.
    memory_bytes
        What the predictor may allocate; None for no limit.
    """

    version_rid: str
    input: Path | None
    output: Path
    keep_columns: bool = False
    force: bool = False
    memory_bytes: int | None = None


@dataclass(frozen=True, slots=True)
class Watcher:
    """Whom the command tells what it is doing.

    Attributes
    ----------
    note
        Takes a line for the operator.
    progress
        Takes the number of rows done and about how many there are, if that is known.
    """

    note: Callable[[str], None]
    progress: Callable[[int, int | None], None]


def check(request: Request) -> None:
    """Refuse what the file names alone show to be impossible.

    Raises
    ------
    CommandError
    """
    if request.input is not None and not request.input.name.lower().endswith(_READ):
        raise UsageError(f"--input must end in .csv, .csv.gz, .xlsx or .parquet: {request.input}")
    if not request.output.name.lower().endswith(_WRITTEN):
        raise UsageError(f"--output must end in .csv, .csv.gz or .parquet: {request.output}")
    try:
        _check_files(request.input, request.output, force=request.force)
    except OSError as error:  # a name that is too long, a folder that is closed
        raise CommandError(f"{error.filename}: {error.strerror}") from error


def _check_files(input_: Path | None, output: Path, *, force: bool) -> None:
    if input_ is not None and _are_same(input_, output):
        raise UsageError("--input and --output are the same file")
    if output.is_dir():
        raise CommandError(f"{output} is a directory")
    if output.exists() and not force:
        raise CommandError(f"{output} exists; --force replaces it")


def _are_same(one: Path, other: Path) -> bool:
    if one.absolute() == other.absolute():
        return True
    return one.exists() and other.exists() and one.samefile(other)


def predict(foundation: Foundation, request: Request, watcher: Watcher) -> int:
    """Write the predictions; return how many rows.

    Raises
    ------
    CommandError
        When that is impossible; no output is left then.
    """
    check(request)
    stored = versions.find(foundation, request.version_rid)
    with (
        versions.interpreter(foundation, stored) as interpreter,
        versions.unpacked(foundation, stored) as model_dir,
        tempfile.TemporaryFile() as log,
    ):
        what = Predictable(
            model_dir,
            stored.package.predictor,
            stored.version.model_api,
            interpreter,
            cpu=max(1, int(usable_cpu())),
            memory_bytes=request.memory_bytes,
        )
        try:
            with PredictorProcess.start(what, log) as process:
                readings = kept_readings.read(model_dir)
                rows = _predict(process, stored, readings, request, watcher)
                for note in process.notes:
                    watcher.note(note)
                return rows
        except PredictorDiedError as error:
            raise CommandError(f"{error}{_last_words(log)}".rstrip(".")) from error
        except PredictionError as error:
            raise CommandError(str(error).rstrip(".")) from error


def _predict(
    process: PredictorProcess,
    stored: StoredVersion,
    readings: Mapping[str, Mapping[str, Any]],
    request: Request,
    watcher: Watcher,
) -> int:
    if request.keep_columns and not process.row_wise:
        raise UsageError(
            "--keep-columns needs a model that predicts row by row; this one's rows are its own"
        )
    if request.input is None or (not process.row_wise and _is_empty(request.input)):
        if process.row_wise:
            raise UsageError("this model predicts row by row; name the rows with --input")
        with table_writing.created(request.output) as output:
            output.write(_table(process.predict(_message(pa.table({})))))
            return output.rows
    try:
        columns = _columns(stored.version.model_api)
        wanted = [
            Wanted.of(one, readings.get(one["name"]), exact=not process.row_wise) for one in columns
        ]
        table = _opened(request.input, wanted)
        for name in table.absent:
            watcher.note(f"{request.input.name} has no column {name!r}; it counts as missing")
        return _Run(process, table, stored.version.model_api, request, watcher).first_that_reads()
    except Unreadable as error:
        raise CommandError(str(error).rstrip(".")) from error


def _opened(path: Path, wanted: Sequence[Wanted]) -> RowsFile:
    if not path.is_file():
        raise CommandError(f"there is no file {path}")
    if path.stat().st_size == 0:
        raise CommandError(f"{path.name} is empty")
    return RowsFile(path, wanted)


def _is_empty(path: Path) -> bool:
    return path.is_file() and path.stat().st_size == 0


class _Run:
    """One table and the process that predicts it."""

    def __init__(
        self,
        process: PredictorProcess,
        table: RowsFile,
        model_api: Mapping[str, Any],
        request: Request,
        watcher: Watcher,
    ) -> None:
        self._process = process
        self._table = table
        self._model_api = model_api
        self._request = request
        self._watcher = watcher
        self._told: set[str] = set()

    def first_that_reads(self) -> int:
        """Write the output with the first layout in which the whole file reads."""
        first: Malformed | None = None
        for layout in self._table.layouts:
            try:
                with table_writing.created(self._request.output) as output:
                    return self._write(layout, output)
            except Malformed as error:
                first = first or error
        assert first is not None  # noqa: S101 - there is always a layout
        raise first

    def _write(self, layout: Layout, output: OutputTable) -> int:
        if not self._process.row_wise:
            output.write(self._whole(layout))
            return output.rows
        for table in self._by_pieces(layout):
            output.write(table)
            self._watcher.progress(output.rows, self._table.rows)
        if output.rows == 0:
            kept = layout.names if self._request.keep_columns else []
            output.write(_no_rows(kept, self._model_api))
        self._judge_misfits()
        return output.rows

    def _judge_misfits(self) -> None:
        """Say what did not fit; refuse a column of which nothing did."""
        for name, misfits in self._table.misfits.items():
            if not misfits.count:
                continue
            meaning = self._table.meaning(name)
            shown = ", ".join(map(repr, misfits.examples))
            if not misfits.fitting:
                raise CommandError(
                    f"{self._input.name}: no value of column {name!r} is {meaning}: {shown}"
                )
            one = misfits.count == 1
            values = "1 value" if one else f"{misfits.count:,} values"
            self._watcher.note(
                f"{values} of column {name!r} cannot be read as {meaning} and "
                f"count{'s' if one else ''} as missing: {shown}"
            )

    def _refuse_moments(self) -> None:
        """Refuse rows whose place in time is not known: a forecast without them means another."""
        for name, misfits in self._table.misfits.items():
            if misfits.count and self._table.is_moment(name):
                raise CommandError(
                    f"{self._input.name}: column {name!r} has the value {misfits.examples[0]!r}, "
                    f"which is not {self._table.meaning(name)}"
                )

    def _by_pieces(self, layout: Layout) -> Iterator[pa.Table]:
        waiting: deque[Piece] = deque()

        def messages() -> Iterator[bytes]:
            for piece in self._pieces(layout):
                waiting.append(piece)
                yield _message(pa.Table.from_batches([piece.taken]))

        for answer in self._process.predict_all(messages()):
            piece, predicted = waiting.popleft(), _table(answer)
            if predicted.num_rows != piece.taken.num_rows:
                raise CommandError(
                    f"the predictor answered {predicted.num_rows} rows for {piece.taken.num_rows}"
                )
            yield self._beside(piece.kept, predicted) if self._request.keep_columns else predicted

    def _whole(self, layout: Layout) -> pa.Table:
        pieces = [piece.taken for piece in self._pieces(layout)]
        self._refuse_moments()
        self._judge_misfits()
        table = pa.Table.from_batches(pieces) if pieces else pa.table({})
        return _table(self._process.predict(_message(table)))

    def _pieces(self, layout: Layout) -> Iterator[Piece]:
        return self._table.pieces(
            layout,
            keep=self._request.keep_columns,
            as_text=table_writing.is_csv(self._request.output),
        )

    def _beside(self, kept: pa.RecordBatch, predicted: pa.Table) -> pa.Table:
        """Put the predictions behind the input's columns, under names of their own."""
        names = list(kept.schema.names)
        columns = list(kept.columns)
        for name, column in zip(predicted.column_names, predicted.columns, strict=True):
            unique = name
            while unique in names:
                unique += _RENAMED
            if unique != name and name not in self._told:
                self._told.add(name)
                self._watcher.note(
                    f"{self._input.name} has a column {name!r} too; the prediction is {unique!r}"
                )
            names.append(unique)
            columns.append(column.combine_chunks())
        return pa.Table.from_arrays(columns, names=names)

    @property
    def _input(self) -> Path:
        assert self._request.input is not None  # noqa: S101 - there is a table
        return self._request.input


def _columns(model_api: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    for field in model_api["inputs"]:
        if field["type"] == "tabular":
            columns: Sequence[Mapping[str, Any]] = field["columns"]
            return columns
    raise CommandError("this model takes no table")


def _no_rows(kept: Sequence[str], model_api: Mapping[str, Any]) -> pa.Table:
    """Return the output for a table without rows."""
    columns = [
        (column["name"], model_type(column["dataType"]["type"]))
        for field in model_api["outputs"]
        if field["type"] == "tabular"
        for column in field["columns"]
    ]
    return pa.schema([*((name, pa.string()) for name in kept), *columns]).empty_table()


def _message(table: pa.Table) -> bytes:
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    message: bytes = sink.getvalue()
    return message


def _table(answer: bytes) -> pa.Table:
    with pa.ipc.open_stream(answer) as stream:
        return stream.read_all()


def _last_words(log: IO[bytes]) -> str:
    """Return the last line that the predictor printed, if any."""
    size = log.seek(0, 2)
    log.seek(max(0, size - 4096))
    printed = [line.strip() for line in log.read().decode(errors="replace").splitlines()]
    last = next((line for line in reversed(printed) if line), "")
    return f" Its last words: {last[:_MAX_SHOWN]}" if last else ""
