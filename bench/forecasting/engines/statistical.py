"""Single statistical models with their own intervals: ``... statistical DIR MODEL...``.

Each runs in a process forked from this one, and is ended at the time limit.
"""

from __future__ import annotations

import json
import multiprocessing
import sys
import time
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from statsforecast import models

_LONGEST = 3_000  # steps of history; the slow ones would never end on more


def built(name: str, task: dict[str, Any]) -> Any:
    season = task["season"]
    if name == "MSTL":
        return models.MSTL(season_length=task["seasons"])
    if name == "LongSeasonalNaive":
        return models.SeasonalNaive(season_length=task["seasons"][-1])
    return getattr(models, name)(season_length=season)


def forecast(folder: Path, name: str) -> None:
    warnings.simplefilter("ignore")
    task = json.loads((folder / "task.json").read_text())
    history = pd.read_parquet(folder / "history.parquet")
    levels = sorted({round(abs(200 * level - 100)) for level in task["levels"]} - {0})
    parts = []
    for item, rows in history.groupby("item_id"):
        series = rows.set_index("timestamp")["target"].astype("float64")
        series = series.loc[series.first_valid_index() : series.last_valid_index()]
        series = series.asfreq(task["frequency"]).interpolate()
        values = series.to_numpy()[-_LONGEST:]
        model, horizon = built(name, task), task["horizon"]
        try:
            found = model.forecast(y=values, h=horizon, level=levels)
        except Exception:  # noqa: BLE001 - some series suit no model; the usual stand-in
            found = models.SeasonalNaive(task["season"]).forecast(y=values, h=horizon, level=levels)
        moments = pd.date_range(series.index[-1], periods=horizon + 1, freq=task["frequency"])[1:]
        columns = {f"{level:g}": _quantile(found, level) for level in task["levels"]}
        keys = {"item_id": item, "timestamp": moments, "prediction": found["mean"]}
        parts.append(pd.DataFrame({**keys, **columns}))
    pd.concat(parts).to_parquet(folder / f"forecast-{name}.parquet", index=False)


def _quantile(found: dict[str, Any], level: float) -> Any:
    width = round(abs(200 * level - 100))
    if width == 0:
        return found["mean"]
    return np.asarray(found[f"{'lo' if level < 0.5 else 'hi'}-{width}"])


def main(folder: Path, names: list[str]) -> None:
    limit = json.loads((folder / "task.json").read_text())["limit"]
    context = multiprocessing.get_context("fork")
    seconds = {}
    for name in names:
        process = context.Process(target=forecast, args=(folder, name))
        started = time.monotonic()
        process.start()
        process.join(limit)
        process.kill()
        seconds[name] = time.monotonic() - started
    (folder / "each.json").write_text(json.dumps(seconds))


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:])
