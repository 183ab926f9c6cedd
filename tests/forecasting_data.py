"""Series whose future is known, and a way to run the forecasting trainer on them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from modelstudio.trainers.base import InputTable, TrainingTask
from modelstudio.trainers.catalogue import load
from modelstudio.trainers.forecasting import reading
from modelstudio.trainers.forecasting.specification import FORECASTING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

#: Few quick models, so that a test trains for a second or two.
QUICK = {
    "presets": "fast_training",
    "time_limit": 60,
    "prediction_length": 6,
    "excluded_model_types": ["AutoCES", "MFLES", "Theta", "Croston"],
    "hyperparameters": {
        "DirectLightGBM": {"num_boost_round": 40},
        "RecursiveLightGBM": {"num_boost_round": 40},
    },
}
STORES = {"timestamp_column": ["day"], "target_column": ["sales"], "item_id_column": ["store"]}


def stores(count: int = 8, days: int = 120, *, seed: int = 1) -> pd.DataFrame:
    """Daily sales with a weekly season; a promotion, known ahead, doubles them."""
    random = np.random.default_rng(seed)
    day = pd.date_range("2024-01-01", periods=days, freq="D")
    parts = []
    for number in range(count):
        promotion = random.random(days) < 0.3
        season = 1 + 0.5 * np.sin(2 * np.pi * np.arange(days) / 7)
        noise = random.normal(1, 0.05, days)
        parts.append(
            pd.DataFrame(
                {
                    "store": f"store {number}",
                    "day": day,
                    "sales": 10 * (number + 1) * season * (1 + promotion) * noise,
                    "promotion": promotion,
                    "visitors": random.poisson(20, days),
                    "region": ["north", "south"][number % 2],
                }
            )
        )
    return pd.concat(parts, ignore_index=True)


def table_of(frame: pd.DataFrame, path: Path, mapping: Mapping[str, Any]) -> InputTable:
    names = {"bool": "BOOLEAN", "int64": "LONG", "double": "DOUBLE", "float": "FLOAT"}
    table = pa.Table.from_pandas(frame, preserve_index=False)
    pq.write_table(table, path)
    types = {}
    for column in table.schema:
        kind = str(column.type)
        moment = {"date32[day]": "DATE"}.get(kind, "TIMESTAMP" if "timestamp" in kind else "STRING")
        moment = "DECIMAL" if "decimal" in kind else moment
        types[column.name] = names.get(kind, moment)
    return InputTable(path=path, column_types=types, column_mapping=mapping)


@dataclass
class Forecast:
    """A finished run."""

    model: Any
    reporter: Any
    folder: Path

    def predictor(self) -> Any:
        module, _, name = self.model.predictor.partition(":")
        from importlib import import_module

        return getattr(import_module(module), name).load(self.folder)

    def panel_of(self, frame: pd.DataFrame | None = None) -> Any:
        """Return the series that a frame asks for, as the model sees them."""
        memory = self.predictor()._memory
        return memory.panel_of(pd.DataFrame() if frame is None else frame)[0]

    def predict(self, frame: pd.DataFrame | None = None) -> pd.DataFrame:
        found: pd.DataFrame = self.predictor().predict(pd.DataFrame() if frame is None else frame)
        return found


def run_trainer(
    folder: Path,
    recorder: Any,
    frame: pd.DataFrame,
    mapping: Mapping[str, Any] = STORES,
    *,
    config: Mapping[str, Any] | None = None,
    static: pd.DataFrame | None = None,
    test: pd.DataFrame | None = None,
    cpu: int = 1,
) -> Forecast:
    """Train on a frame."""
    output, scratch = folder / "model", folder / "scratch"
    output.mkdir(parents=True)
    scratch.mkdir()
    inputs = {"training_df": table_of(frame, folder / "training.parquet", mapping)}
    if static is not None:
        keys = {"item_id_column": mapping.get("item_id_column", [])}
        inputs["static_features_df"] = table_of(static, folder / "static.parquet", keys)
    if test is not None:
        inputs["test_df"] = table_of(test, folder / "test.parquet", {})
    properties = FORECASTING.config_schema["properties"]
    defaults = {name: schema["default"] for name, schema in properties.items()}
    task = TrainingTask(
        inputs=inputs,
        config={**defaults, **QUICK, **(config or {})},
        cpu=cpu,
        memory_bytes=4 * 1024**3,
        output_dir=output,
        scratch_dir=scratch,
    )
    model = load(FORECASTING.implementation).fit(task, recorder)
    return Forecast(model, recorder, output)


def read_panel(table: InputTable, recorder: Any, **config: Any) -> Any:
    """Return what the trainer makes of a table before it fits anything."""
    properties = FORECASTING.config_schema["properties"]
    defaults = {name: schema["default"] for name, schema in properties.items()}
    folder = table.path.parent
    inputs = {"training_df": table}
    task = TrainingTask(inputs, {**defaults, **config}, 1, 4 * 1024**3, folder, folder)
    return reading.read(task, 3, recorder)
