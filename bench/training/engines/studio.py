"""This project's trainers, called through the contract that the worker uses."""

from __future__ import annotations

import subprocess
from importlib import import_module
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq
from bench.training import cache
from bench.training.engines import frames

from modelstudio.trainers import catalogue
from modelstudio.trainers.base import InputTable, TrainingTask
from modelstudio.worker.inputs import with_defaults

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

    import pandas as pd
    from bench.training.engines import Numbers, Problem

    from modelstudio.trainers.base import LogLevel, ParameterValue

_METRICS = {
    "binary": "roc_auc",
    "multiclass": "log_loss",
    "regression": "root_mean_squared_error",
}
_MEMORY_BYTES = 8 * 10**9


class PrintingReporter:
    """Prints the trainer's log; what it reports besides is built as in a run, then dropped."""

    def log(self, message: str, level: LogLevel = "INFO") -> None:
        print(level, message, flush=True)

    def parameter(self, name: str, value: ParameterValue | datetime) -> None:
        pass

    def metric(self, series: str, value: float, step: int) -> None:
        pass

    def table(self, name: str, frame: pd.DataFrame, description: str) -> None:
        pass


class StudioEngine:
    def __init__(self, trainer: str, config: Mapping[str, Any]) -> None:
        self._specifications = {
            kind: catalogue.built_in().get(f"ri.models..trainer.{trainer}_{kind}")
            for kind in ("classification", "regression")
        }
        missing = [kind for kind, found in self._specifications.items() if found is None]
        if missing:
            raise LookupError(f"the catalogue has no trainer {trainer}_{missing[0]}")
        for found in self._specifications.values():
            assert found is not None
            catalogue.load(found.implementation)
        self._config = config
        self.version = f"{found.version} at {_source_version()}" if found else ""

    def fit(self, problem: Problem) -> None:
        self._problem = problem
        kind = "regression" if problem.task == "regression" else "classification"
        specification = self._specifications[kind]
        assert specification is not None
        wanted = {
            "eval_metric": _METRICS[problem.task],
            "time_limit": problem.budget,
            "seed": problem.seed,
            "predict_probabilities": True,
            **self._config,
        }
        schema = specification.config_schema
        config = {name: value for name, value in wanted.items() if name in schema["properties"]}
        self._folder = problem.scratch / "model"
        (problem.scratch / "scratch").mkdir()
        self._folder.mkdir()
        task = TrainingTask(
            inputs={
                "input_df": _input(problem, "train", problem.train),
                "test_df": _input(problem, "test", problem.test),
            },
            config=with_defaults(config, schema),
            cpu=1,
            memory_bytes=_MEMORY_BYTES,
            output_dir=self._folder,
            scratch_dir=problem.scratch / "scratch",
        )
        trained = catalogue.load(specification.implementation).fit(task, PrintingReporter())
        module, _, name = trained.predictor.partition(":")
        self._predictor: Any = getattr(import_module(module), name).load(self._folder)

    def predict(self, features: pd.DataFrame) -> Numbers:
        answer = self._predictor.predict(features)
        target = self._problem.target
        columns = [f"{target}_proba_{label}" for label in self._problem.classes] or target
        numbers: Numbers = answer[columns].to_numpy()
        return numbers

    def one_row(self, features: pd.DataFrame) -> Callable[[int], object]:
        if not hasattr(self._predictor, "predict_row"):
            return lambda row: self._predictor.predict(features.iloc[[row]])
        rows = [_plain(row) for row in features.to_dict("records")]
        return lambda row: self._predictor.predict_row(rows[row])

    def size_bytes(self) -> int:
        return frames.folder_bytes(self._folder)


def _input(problem: Problem, role: str, frame: pd.DataFrame) -> InputTable:
    path = problem.scratch / f"{role}.parquet"
    table = pa.Table.from_pandas(frame, preserve_index=False)
    pq.write_table(table, path)  # type: ignore[no-untyped-call]
    types = {field.name: _field_type(field.type) for field in table.schema}
    mapping = {"target_column": [problem.target]} if role == "train" else {}
    return InputTable(path, types, mapping)


def _field_type(kind: pa.DataType) -> str:
    if pa.types.is_timestamp(kind):
        return "TIMESTAMP"
    names = {"int64": "LONG", "double": "DOUBLE", "bool": "BOOLEAN", "null": "STRING"}
    return names.get(str(kind), "STRING")


def _plain(row: Mapping[Any, Any]) -> dict[str, Any]:
    """Return a row as a request brings it."""
    return {
        name: None if value != value else getattr(value, "isoformat", lambda v=value: v)()  # noqa: PLR0124
        for name, value in row.items()
    }


def _source_version() -> str:
    """Return Git's name of the trainers' source, as committed; a plus when it has been changed."""
    git = ["git", "-C", str(cache.ROOT)]
    where = "src/modelstudio/trainers"
    name = subprocess.run(
        [*git, "rev-parse", "--short", f"HEAD:{where}"], capture_output=True, text=True, check=False
    )
    changed = subprocess.run(
        [*git, "status", "--porcelain", where], capture_output=True, text=True, check=False
    )
    return name.stdout.strip() + ("+" if changed.stdout else "")
