"""A recording reporter and a way to run a trainer on a frame, for every trainer's tests."""

from __future__ import annotations

import os
import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from modelstudio.trainers.base import InputTable, TrainedModel, TrainingTask
from modelstudio.trainers.catalogue import load

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    import pandas as pd

    from modelstudio.trainers.base import TrainerSpecification


# Threads that wait without spinning; on a busy machine fits of two threads take ten times as long
# otherwise. Read when the first library that uses OpenMP is loaded.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")


@dataclass
class Recorder:
    """Keeps what a trainer reports, with the time of each metric."""

    lines: list[tuple[str, str]] = field(default_factory=list)
    parameters: dict[str, Any] = field(default_factory=dict)
    series: dict[str, list[tuple[int, float, float]]] = field(default_factory=dict)
    tables: dict[str, pd.DataFrame] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def log(self, message: str, level: str = "INFO") -> None:
        with self._lock:
            self.lines.append((level, message))

    def parameter(self, name: str, value: object) -> None:
        with self._lock:
            self.parameters[name] = value

    def metric(self, series: str, value: float, step: int) -> None:
        with self._lock:
            self.series.setdefault(series, []).append((step, value, time.monotonic()))

    def table(self, name: str, frame: pd.DataFrame, description: str) -> None:
        assert description
        with self._lock:
            self.tables[name] = frame

    def progress(self, fraction: float, message: str = "") -> None:
        assert 0 <= fraction <= 1
        if message:
            self.log(message)
        self.metric("run/progress", fraction, len(self.series.get("run/progress", [])))

    @property
    def text(self) -> str:
        return "\n".join(message for _, message in self.lines)


@dataclass
class Run:
    """A finished training run: what the trainer returned, reported and left on disk."""

    model: TrainedModel
    reporter: Recorder
    output_dir: Path

    def predictor(self) -> Any:
        return load_predictor(self.model.predictor, self.output_dir)


def load_predictor(reference: str, model_dir: Path) -> Any:
    from importlib import import_module

    module, _, name = reference.partition(":")
    return getattr(import_module(module), name).load(model_dir)


def field_type(kind: pa.DataType) -> str:
    names = {
        pa.types.is_boolean: "BOOLEAN",
        pa.types.is_int32: "INTEGER",
        pa.types.is_integer: "LONG",
        pa.types.is_float32: "FLOAT",
        pa.types.is_floating: "DOUBLE",
        pa.types.is_decimal: "DECIMAL",
        pa.types.is_date: "DATE",
        pa.types.is_timestamp: "TIMESTAMP",
        pa.types.is_list: "ARRAY",
        pa.types.is_binary: "BINARY",
    }
    return next((name for test, name in names.items() if test(kind)), "STRING")


def input_table(frame: pd.DataFrame, path: Path, target: str | None) -> InputTable:
    table = pa.Table.from_pandas(frame, preserve_index=False)
    pq.write_table(table, path)
    return InputTable(
        path=path,
        column_types={column.name: field_type(column.type) for column in table.schema},
        column_mapping={} if target is None else {"target_column": [target]},
    )


@pytest.fixture(scope="session")
def recorder_type() -> type[Recorder]:
    """For fixtures that live longer than a test."""
    return Recorder


@pytest.fixture
def recorder() -> Recorder:
    return Recorder()


@pytest.fixture
def train(tmp_path: Path) -> Callable[..., Run]:
    """Run a trainer on a frame and return what came of it."""
    count = 0

    def run(
        specification: TrainerSpecification,
        frame: pd.DataFrame,
        target: str,
        *,
        test: pd.DataFrame | None = None,
        config: Mapping[str, Any] | None = None,
        reporter: Recorder | None = None,
        cpu: int = 1,
    ) -> Run:
        nonlocal count
        count += 1
        folder = tmp_path / f"run{count}"
        output, scratch = folder / "model", folder / "scratch"
        output.mkdir(parents=True)
        scratch.mkdir()
        inputs = {"input_df": input_table(frame, folder / "input.parquet", target)}
        if test is not None:
            inputs["test_df"] = input_table(test, folder / "test.parquet", None)
        properties = specification.config_schema["properties"]
        defaults = {name: schema["default"] for name, schema in properties.items()}
        task = TrainingTask(
            inputs=inputs,
            config={**defaults, **(config or {})},
            cpu=cpu,
            memory_bytes=4 * 1024**3,
            output_dir=output,
            scratch_dir=scratch,
        )
        recorder = reporter or Recorder()
        model = load(specification.implementation).fit(task, recorder)
        return Run(model, recorder, output)

    return run
