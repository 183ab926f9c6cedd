"""AutoGluon's forecaster without deep models; runs in an environment of its own.

python autogluon_timeseries.py DIR
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pandas as pd
from autogluon.timeseries import TimeSeriesDataFrame, TimeSeriesPredictor

#: The default portfolio and what else needs no deep learning.
_MODELS = (
    "SeasonalNaive", "AutoETS", "DynamicOptimizedTheta", "RecursiveTabular", "DirectTabular",
    "AutoCES", "AutoARIMA", "NPTS", "SeasonalAverage",
)  # fmt: skip


def main(folder: Path) -> None:
    task = json.loads((folder / "task.json").read_text())
    static = folder / "static.parquet"
    train = TimeSeriesDataFrame.from_data_frame(
        pd.read_parquet(folder / "history.parquet"),
        static_features_df=pd.read_parquet(static) if static.exists() else None,
    )
    train = train.convert_frequency(task["frequency"]).fill_missing_values()
    predictor = TimeSeriesPredictor(
        prediction_length=task["horizon"],
        target="target",
        eval_metric="MASE",
        eval_metric_seasonal_period=task["season"],
        freq=task["frequency"],
        known_covariates_names=task["known"] or None,
        quantile_levels=task["levels"],
        path=str(folder / "autogluon"),
    )
    predictor.fit(
        train,
        presets="best_quality",
        hyperparameters={name: {} for name in _MODELS},
        time_limit=task["limit"],
        random_seed=0,
    )
    known = None
    if task["known"]:
        known = TimeSeriesDataFrame.from_data_frame(pd.read_parquet(folder / "future.parquet"))
        known = known.convert_frequency(task["frequency"]).fill_missing_values()
    found = predictor.predict(train, known_covariates=known).reset_index()
    print(predictor.leaderboard(silent=True).to_string())
    # The median is what AutoGluon scores MASE by.
    columns = {f"{level:g}": found[f"{level:g}"] for level in task["levels"]}
    keys = {"item_id": found["item_id"].astype(str), "timestamp": found["timestamp"]}
    frame = pd.DataFrame({**keys, "prediction": found["0.5"], **columns})
    frame.to_parquet(folder / "forecast.parquet", index=False)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
