"""Writes what a trainer reports to the work directory, for the supervisor to hand over."""

from __future__ import annotations

import json
import math
import os
import threading
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from modelstudio.worker.wording import clean

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

    from modelstudio.trainers.base import LogLevel, ParameterValue
    from modelstudio.worker.layout import WorkDir

_LEVELS: Final = frozenset({"DEBUG", "INFO", "WARNING", "ERROR"})
#: It travels in a URL.
_LONGEST_DESCRIPTION: Final = 1_000
_MOST_ROWS: Final = 100_000
_LONG_MAX: Final = 2**63 - 1
#: The series of a run's progress.
PROGRESS: Final = "run/progress"


class FileReporter:
    """A ``Reporter`` that appends one JSON object a line to the work directory's events."""

    def __init__(self, work_dir: WorkDir) -> None:
        self._work_dir = work_dir
        self._events = os.open(work_dir.events, os.O_APPEND | os.O_CREAT | os.O_WRONLY, 0o600)
        self._lock = threading.Lock()
        self._tables: dict[str, dict[str, Any]] = {}
        self._percent = -1
        self._message = ""

    @property
    def tables(self) -> list[dict[str, Any]]:
        """Name, description and row count of every table, as ``result.json`` carries them."""
        return list(self._tables.values())

    def log(self, message: str, level: LogLevel = "INFO") -> None:
        """Record a line of the job's log; a very long one loses its end."""
        known = level if level in _LEVELS else "INFO"
        self._append({"type": "log", "time": _now(), "level": known, "message": clean(message)})

    def parameter(self, name: str, value: ParameterValue | datetime) -> None:
        self._append({"type": "parameter", "name": clean(name), "value": _typed(value)})

    def metric(self, series: str, value: float, step: int) -> None:
        number = float(value)
        if math.isfinite(number):
            event = {"series": clean(series), "value": number, "step": int(step)}
            self._append({"type": "metric", "time": _now(), **event})

    def progress(self, fraction: float, message: str = "") -> None:
        """Record whole percents as they are reached, and each new message in the log."""
        with self._lock:
            is_new = message not in {"", self._message}
            self._message = message or self._message
            percent = _percent(fraction)
            advanced, self._percent = percent > self._percent, max(percent, self._percent)
        if advanced:
            self.metric(PROGRESS, percent / 100, percent)
        if is_new:
            self.log(message)

    def table(self, name: str, frame: pd.DataFrame, description: str) -> None:
        """Write an artifact table.

        Raises
        ------
        ValueError
            When the name cannot be a file name.
        """
        import pyarrow.parquet as pq  # noqa: PLC0415 - a run without tables does without it

        file = self._work_dir.table(name)
        kept = frame.head(_MOST_ROWS)
        if len(frame) > len(kept):
            self.log(f"The table {name!r} is cut from {len(frame)} to {len(kept)} rows", "WARNING")
        pq.write_table(_to_arrow(kept), file)  # type: ignore[no-untyped-call]
        description = clean(description)[:_LONGEST_DESCRIPTION]
        about = {"name": name, "description": description, "rowCount": len(kept)}
        with self._lock:
            self._tables[name] = about

    def _append(self, event: dict[str, Any]) -> None:
        line = json.dumps(event, ensure_ascii=False, allow_nan=False).encode()
        with self._lock:
            _write_all(self._events, line + b"\n")


def _write_all(descriptor: int, data: bytes) -> None:
    while data:
        data = data[os.write(descriptor, data) :]


def _percent(fraction: float) -> int:
    """Return whole percents, -1 for what is no number."""
    number = float(fraction)
    return -1 if math.isnan(number) else math.floor(100 * min(1.0, max(0.0, number)))


def _now() -> int:
    return time.time_ns() // 1_000_000


def _typed(value: ParameterValue | datetime) -> dict[str, Any]:
    """Return a parameter's value as the wire types it; NumPy's scalars pass for Python's."""
    plain = value.item() if hasattr(value, "item") else value
    if isinstance(plain, bool):
        return {"type": "boolean", "value": plain}
    if isinstance(plain, int) and abs(plain) <= _LONG_MAX:
        return {"type": "integer", "value": plain}
    if isinstance(plain, float) and math.isfinite(plain):
        return {"type": "double", "value": plain}
    if isinstance(plain, datetime):
        aware = plain if plain.tzinfo else plain.replace(tzinfo=UTC)
        return {"type": "datetime", "value": aware.isoformat()}
    return {"type": "string", "value": clean(str(plain))}


def _to_arrow(frame: pd.DataFrame) -> pa.Table:
    import pyarrow as pa  # noqa: PLC0415

    names = [str(column) for column in frame.columns]
    columns = [_to_array(frame.iloc[:, position]) for position in range(len(names))]
    return pa.Table.from_arrays(columns, names)


def _to_array(column: pd.Series[Any]) -> pa.Array:
    import pyarrow as pa  # noqa: PLC0415

    try:
        array = pa.Array.from_pandas(column)
    except (pa.ArrowInvalid, pa.ArrowTypeError, pa.ArrowNotImplementedError):
        array = None
    if array is not None and pa.types.is_dictionary(array.type):
        array = array.dictionary_decode()
    if array is None or isinstance(array.type, pa.BaseExtensionType):
        # Values of several types, intervals and the like, which no table on the wire has.
        texts = [None if value is None else str(value) for value in column]
        return pa.array(texts, pa.string())
    return array
