"""Small tables, and models that cost next to nothing, for what comes before and after a model."""

from __future__ import annotations

import numpy as np
import pandas as pd

from forecasting_data import run_trainer

ONE = {"timestamp_column": ["day"], "target_column": ["y"]}
MANY = {**ONE, "item_id_column": ["item"]}
#: Models that cost next to nothing; what is tested here comes before and after them.
FAST = {
    "time_limit": 10,
    "prediction_length": 3,
    "quantile_levels": [0.1, 0.9],
    "hyperparameters": {},
    "excluded_model_types": [
        "DirectLightGBM", "RecursiveLightGBM", "AutoCES", "MFLES", "Theta", "Croston", "LinearLags",
    ],
}  # fmt: skip


def train(tmp_path, recorder, frame, mapping=ONE, **others):
    config = {**FAST, **others.pop("config", {})}
    return run_trainer(tmp_path / "run", recorder, frame, mapping, config=config, **others)


def days(found, name="day"):
    return [str(value)[:10] for value in found[name]]


def codes(recorder):
    return set(recorder.tables["warnings"]["code"])


def weekly(count, *, start="2024-01-01", level=100):
    day = pd.date_range(start, periods=count)
    return pd.DataFrame({"day": day, "y": level + (np.arange(count) % 7) * 10.0})
