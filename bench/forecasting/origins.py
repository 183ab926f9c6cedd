"""Where each set is cut, and the files that an engine gets."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pandas as pd
from bench.training.datasets import SETS, load
from bench.training.sets import ForecastSet

if TYPE_CHECKING:
    from pathlib import Path

LEVELS = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)

#: Steps before the end of the series at which the horizon ends; apart by a horizon, or further on
#: long series, so that different days and hours are seen.
BACK: dict[str, tuple[int, ...]] = {
    "airpassengers": (0, 12, 24),
    "txhousing": (0, 12, 24),
    "rossmann": (0, 14, 28),
    "electricity": (0, 1_000, 2_500),
    "taylor": (0, 100, 250),
}


@dataclass(frozen=True, slots=True)
class Split:
    """A set cut at one origin, columns named the same for all sets.

    ``history`` and ``future`` have ``item_id``, ``timestamp``, ``target``, then covariates.
    """

    wanted: ForecastSet
    history: pd.DataFrame
    future: pd.DataFrame
    static: pd.DataFrame | None


def split(name: str, origin: int) -> Split:
    """Cut a set; gaps stay gaps."""
    wanted = SETS[name]
    if not isinstance(wanted, ForecastSet):
        raise TypeError(name)
    frame = load(name).rename(columns={wanted.time: "timestamp", wanted.target: "target"})
    if wanted.item is None:
        frame["item_id"] = "series"
    else:
        frame = frame.rename(columns={wanted.item: "item_id"})
    frame["item_id"] = frame["item_id"].astype(str)
    static = None
    if wanted.static:
        static = frame[["item_id", *wanted.static]].drop_duplicates("item_id")
    frame = frame.drop(columns=list(wanted.static))
    names = ["item_id", "timestamp", "target"]
    frame = frame[[*names, *(name for name in frame if name not in names)]]
    calendar = pd.date_range(
        frame["timestamp"].min(), frame["timestamp"].max(), freq=wanted.frequency
    )
    end = len(calendar) - BACK[name][origin]
    begin = calendar[end - wanted.horizon]
    history = frame[frame["timestamp"] < begin]
    future = frame[(frame["timestamp"] >= begin) & (frame["timestamp"] <= calendar[end - 1])]
    return Split(wanted, history, future, static)


def write(part: Split, folder: Path, limit: int) -> None:
    """Write what an engine may see; the future without its target and past covariates."""
    wanted = part.wanted
    part.history.to_parquet(folder / "history.parquet", index=False)
    known = ["item_id", "timestamp", *wanted.known]
    part.future[known].to_parquet(folder / "future.parquet", index=False)
    if part.static is not None:
        part.static.to_parquet(folder / "static.parquet", index=False)
    task = {
        "frequency": wanted.frequency,
        "horizon": wanted.horizon,
        "season": wanted.season_length,
        "seasons": list(wanted.seasons or [wanted.season_length]),
        "known": list(wanted.known),
        "levels": list(LEVELS),
        "limit": limit,
    }
    (folder / "task.json").write_text(json.dumps(task))
