"""Ridge regression on the numeric columns; the held-out rows choose the penalty."""

from __future__ import annotations

import json
import time
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from modelstudio.trainers.base import TrainedModel, TrainingError

if TYPE_CHECKING:
    from pathlib import Path

    from modelstudio.trainers.base import Reporter, TrainingTask

FEWEST_ROWS = 10
HELD_OUT_SHARE = 0.2
NUMERIC = {"BYTE", "SHORT", "INTEGER", "LONG", "FLOAT", "DOUBLE"}


class GaussianTrainer:
    """Built without arguments, in the training process."""

    def fit(self, task: TrainingTask, reporter: Reporter) -> TrainedModel:
        """Fit one model for each penalty and keep the best."""
        deadline = time.monotonic() + min(task.config["time_limit"], task.time_left())
        table = task.inputs["input_df"]
        (target,) = table.column_mapping["target_column"]
        numeric = [name for name, kind in table.column_types.items() if kind in NUMERIC]
        columns = [name for name in numeric if name != target]
        if not columns:
            raise TrainingError("There is no numeric column to predict from.")
        frame = pd.read_parquet(table.path, columns=[*columns, target]).dropna()
        if len(frame) < FEWEST_ROWS:
            raise TrainingError("Too few rows have a value in every numeric column.")
        reporter.parameter("rows", len(frame))

        source = np.random.default_rng(task.config["seed"])
        held_out = source.random(len(frame)) < HELD_OUT_SHARE
        held_out[:2] = [True, False]  # neither part is empty
        train, test = frame[~held_out], frame[held_out]
        penalties, tried = task.config["penalties"], []
        for number, penalty in enumerate(penalties):
            if tried and time.monotonic() > deadline:
                reporter.log("The time limit was reached; the best so far is kept.", "WARNING")
                break
            reporter.progress(number / len(penalties), f"Fitting with penalty {penalty:g}")
            model = _fit(train[columns].to_numpy(float), train[target].to_numpy(float), penalty)
            errors = _means(model, test[columns].to_numpy(float)) - test[target].to_numpy(float)
            rmse = float(np.sqrt(np.mean(errors**2)))
            reporter.metric("validation/rmse", rmse, number)
            tried.append((rmse, penalty, {**model, "deviation": rmse}))
        reporter.progress(1.0, "Writing the model")

        board = pd.DataFrame([(penalty, rmse) for rmse, penalty, _ in tried])
        board.columns = pd.Index(["penalty", "rmse"])
        reporter.table("leaderboard", board, "The error of each penalty on the held-out rows")
        rmse, penalty, best = min(tried, key=lambda one: one[0])
        reporter.parameter("penalty", float(penalty))
        kept = {"columns": columns, "target": target, **best}
        (task.output_dir / "model.json").write_text(json.dumps(kept), encoding="utf-8")
        return TrainedModel(
            model_api={
                "inputs": [_table("input_df", columns)],
                "outputs": [_table("output_df", [target, f"{target}_deviation"])],
            },
            predictor="gaussian_trainer.trainer:GaussianPredictor",
            requirements=[f"{name}={version(name)}" for name in ("numpy", "pandas")],
            summary_metrics={"rmse": rmse},
        )


class GaussianPredictor:
    """Loaded from what the trainer left in its output directory."""

    row_wise = True

    def __init__(self, model: dict[str, Any]) -> None:
        self._model = model

    @classmethod
    def load(cls, model_dir: Path) -> GaussianPredictor:
        """Read the model's directory."""
        return cls(json.loads((model_dir / "model.json").read_text(encoding="utf-8")))

    def predict(self, frame: pd.DataFrame) -> pd.DataFrame:
        """Return a prediction and its standard deviation for each row."""
        target = self._model["target"]
        means = _means(self._model, frame[self._model["columns"]].to_numpy(float))
        return pd.DataFrame({target: means, f"{target}_deviation": self._model["deviation"]})


def _fit(features: np.ndarray, values: np.ndarray, penalty: float) -> dict[str, Any]:
    center, scale = features.mean(axis=0), features.std(axis=0)
    scaled = (features - center) / np.where(scale > 0, scale, 1.0)
    mean = values.mean()
    system = scaled.T @ scaled + penalty * np.eye(scaled.shape[1])
    weights = np.linalg.solve(system, scaled.T @ (values - mean))
    weights /= np.where(scale > 0, scale, 1.0)
    return {"weights": weights.tolist(), "intercept": float(mean - center @ weights)}


def _means(model: dict[str, Any], features: np.ndarray) -> np.ndarray:
    return features @ np.array(model["weights"]) + model["intercept"]


def _table(name: str, columns: list[str]) -> dict[str, Any]:
    types = [
        {"name": column, "dataType": {"type": "double"}, "required": True} for column in columns
    ]
    return {"name": name, "type": "tabular", "required": True, "columns": types}
