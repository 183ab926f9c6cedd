"""Scores a forecast, apart from the trainer's own metrics, so that neither hides a fault."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from bench.forecasting.origins import LEVELS

if TYPE_CHECKING:
    import pandas as pd
    from bench.forecasting.origins import Split


def scores(part: Split, forecast: pd.DataFrame) -> dict[str, float]:
    """Return MASE, WQL and the coverage of the 80 % interval; a missing forecast raises."""
    actual = part.future.dropna(subset=["target"])[["item_id", "timestamp", "target"]]
    joined = actual.merge(forecast, on=["item_id", "timestamp"], how="left", validate="1:1")
    names = [f"{level:g}" for level in LEVELS]
    if joined[["prediction", *names]].isna().any(axis=None):
        raise ValueError("the forecast lacks steps")
    scale = _scales(part)
    error = (joined["target"] - joined["prediction"]).abs()
    by_item = error.groupby(joined["item_id"]).mean() / scale
    difference = joined[["target"]].to_numpy() - joined[names].to_numpy()
    loss = np.maximum(np.array(LEVELS) * difference, (np.array(LEVELS) - 1) * difference)
    inside = (joined["target"] >= joined["0.1"]) & (joined["target"] <= joined["0.9"])
    return {
        "MASE": float(by_item.dropna().mean()),
        "WQL": float(2 * loss.mean(axis=1).sum() / joined["target"].abs().sum()),
        "coverage_0.8": float(inside.mean()),
    }


def _scales(part: Split) -> pd.Series:
    season = part.wanted.season_length

    def scale(rows: pd.DataFrame) -> float:
        series = rows.set_index("timestamp")["target"].asfreq(part.wanted.frequency)
        return float(series.diff(season).abs().mean())

    found = part.history.groupby("item_id")[["timestamp", "target"]].apply(scale)
    return found.where(found > 0)
