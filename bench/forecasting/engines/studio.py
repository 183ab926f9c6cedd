"""Model Studio's own trainer: ``python -m bench.forecasting.engines.studio DIR [MODEL_TYPE]``.

With a model type, that alone is tried.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from modelstudio.trainers.base import InputTable, TrainingTask
from modelstudio.trainers.catalogue import load
from modelstudio.trainers.forecasting.predictor import ForecastingModel
from modelstudio.trainers.forecasting.schema import MODEL_TYPES
from modelstudio.trainers.forecasting.specification import FORECASTING

_TYPES = {"bool": "BOOLEAN", "int64": "LONG", "double": "DOUBLE"}


class _Printer:
    """Writes what the trainer says to the log."""

    def log(self, message: str, level: str = "INFO") -> None:
        print(level, message, flush=True)

    def parameter(self, name: str, value: object) -> None:
        print(name, value)

    def metric(self, series: str, value: float, step: int) -> None:
        pass

    def table(self, name: str, frame: pd.DataFrame, description: str) -> None:
        if name in {"leaderboard", "interval_coverage"}:
            print(description, frame.to_string(), sep="\n", flush=True)


def _input(file: Path, mapping: dict[str, list[str]]) -> InputTable:
    types = {}
    for column in pq.read_schema(file):
        kind = "TIMESTAMP" if pa.types.is_timestamp(column.type) else "STRING"
        types[column.name] = _TYPES.get(str(column.type), kind)
    return InputTable(file, types, mapping)


def main(folder: Path, only: str | None) -> None:
    task = json.loads((folder / "task.json").read_text())
    mapping = {
        "timestamp_column": ["timestamp"],
        "target_column": ["target"],
        "item_id_column": ["item_id"],
        "known_covariates": task["known"],
    }
    inputs = {"training_df": _input(folder / "history.parquet", mapping)}
    if (folder / "static.parquet").exists():
        keys = {"item_id_column": ["item_id"]}
        inputs["static_features_df"] = _input(folder / "static.parquet", keys)
    properties = FORECASTING.config_schema["properties"]
    config = {name: schema["default"] for name, schema in properties.items()} | {
        "prediction_length": task["horizon"],
        "quantile_levels": task["levels"],
        "presets": "best_quality",
        "time_limit": task["limit"],
        "excluded_model_types": [name for name in MODEL_TYPES if only not in {None, name}],
    }
    output, scratch = folder / "model", folder / "scratch"
    output.mkdir()
    scratch.mkdir()
    fit = TrainingTask(inputs, config, 1, 8 * 10**9, output, scratch)
    load(FORECASTING.implementation).fit(fit, _Printer())
    future = pd.read_parquet(folder / "future.parquet")
    found = ForecastingModel.load(output).predict(future.assign(target=float("nan")))
    names = {f"prediction_{level:g}": f"{level:g}" for level in task["levels"]}
    found.rename(columns=names).to_parquet(folder / "forecast.parquet", index=False)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2] if len(sys.argv) > 2 else None)
