"""Permutation importance: what the model loses when it cannot see a column.

Breiman, "Random Forests" (2001), with repeated shuffles. Raw columns are shuffled, so a date counts
as the one column that it is, whatever the preparation makes of it.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from scipy import stats

from modelstudio.trainers.tabular.report.measured import rows_at_a_time, sample
from modelstudio.trainers.tabular.report.subject import Outcome

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from modelstudio.trainers.tabular.report.measured import Measured
    from modelstudio.trainers.tabular.report.subject import Array

IMPORTANCE_ROWS = 2_000
MOST_SHUFFLES = 10
_FEWEST_SHUFFLES = 3
# A round of so many rows is repeated if it can be; else there is one, of fewer rows if need be.
_REPEATED_ROWS = 200
_FEWEST_ROWS = 50
_BATCH_ROWS = 20_000
_BATCH_SECONDS = 1.0


def permutation_importance(
    measured: Measured, columns: Sequence[str], deadline: float
) -> pd.DataFrame:
    """Return how much the evaluation metric worsens when a column is shuffled, largest first.

    Each round shuffles every column once, on rows of its own when there are many. Rounds end after
    ten, or when the next one would pass the deadline; a column that the first round does not reach
    is left out. Importance is in the metric's unit and positive when the model needs the column;
    ``stddev`` is over the shuffles, ``lower`` and ``upper`` are the 95 % interval of the mean, and
    ``p_value`` is that of a one-sided t test against an importance of zero.
    """
    rows = _rows_a_round(measured, len(columns), deadline - time.monotonic())
    drops: dict[str, list[float]] = {name: [] for name in columns}
    speed = _Speed(rows_at_a_time(measured.subject, _BATCH_ROWS), measured.seconds_a_row)
    for number in range(MOST_SHUFFLES):
        started = time.monotonic()
        for found in _round(measured, columns, rows, number, speed):
            for name, drop in found.items():
                drops[name].append(drop)
            if number == 0 and time.monotonic() > deadline:
                break
        if 2 * time.monotonic() - started > deadline:
            break
    table = _described({name: found for name, found in drops.items() if found})
    return table.sort_values("importance", ascending=False, kind="stable", ignore_index=True)


def _rows_a_round(measured: Measured, columns: int, seconds: float) -> int:
    """Take fewer rows when the model is so slow that columns or repetitions would be missing."""
    most = min(len(measured.outcome), IMPORTANCE_ROWS)
    possible = measured.affordable_rows(seconds, 0) / max(columns, 1)
    if possible >= _FEWEST_SHUFFLES * _REPEATED_ROWS:
        return int(min(most, possible / _FEWEST_SHUFFLES))
    return int(min(most, max(possible, _FEWEST_ROWS), _REPEATED_ROWS))


class _Speed:
    """How many rows to predict at a time: as many as take a second, which is learned on the way."""

    def __init__(self, most: int, seconds_a_row: float) -> None:
        self._most = most
        self._seconds_a_row = seconds_a_row

    def rows(self) -> int:
        return int(min(self._most, _BATCH_SECONDS / max(self._seconds_a_row, 1e-12)))

    def learn(self, rows: int, seconds: float) -> None:
        self._seconds_a_row = seconds / rows


def _round(
    measured: Measured, columns: Sequence[str], rows: int, number: int, speed: _Speed
) -> Iterator[dict[str, float]]:
    """Yield what the metric loses by column; the columns of one prediction come together."""
    chosen = sample(len(measured.outcome), rows, [measured.subject.seed, number])
    before = measured.metric(measured.outcome.take(chosen))
    table = measured.holdout.take(chosen)
    sign = 1 if measured.metric.greater_is_better else -1
    start = 0
    while start < len(columns):
        names = columns[start : start + max(1, speed.rows() // max(len(chosen), 1))]
        # By the column's position, so that the result is the same however columns are put together.
        seeds = [[measured.subject.seed, number, start + n] for n in range(len(names))]
        started = time.monotonic()
        frame = shuffled(table.features, names, seeds)
        predictions = measured.predict(frame)
        speed.learn(len(frame), time.monotonic() - started)
        labels = pd.concat([table.labels] * len(names), ignore_index=True)
        after = Outcome.of(measured.subject, labels, predictions)
        yield {
            name: sign * (before - measured.metric(after.take(slice_of(position, len(chosen)))))
            for position, name in enumerate(names)
        }
        start += len(names)


def shuffled(
    features: pd.DataFrame, names: Sequence[str], seeds: Sequence[Sequence[int]]
) -> pd.DataFrame:
    """Return one copy of the rows for each name, below each other, with that column shuffled."""
    rows = len(features)
    order = np.tile(np.arange(rows), len(names))
    frame = features.iloc[order].reset_index(drop=True)
    for position, (name, seed) in enumerate(zip(names, seeds, strict=True)):
        moved = order.copy()
        moved[slice_of(position, rows)] = np.random.default_rng(seed).permutation(rows)
        frame[name] = features[name].iloc[moved].reset_index(drop=True)
    return frame


def slice_of(position: int, rows: int) -> Array:
    return np.arange(position * rows, (position + 1) * rows)


def _described(drops: dict[str, list[float]]) -> pd.DataFrame:
    records = []
    for name, found in drops.items():
        values, count = np.array(found), len(found)
        mean = float(values.mean())
        spread = float(values.std(ddof=1)) if count > 1 else np.nan
        error = spread / np.sqrt(count)
        half = stats.t.ppf(0.975, count - 1) * error if count > 1 else np.nan
        records.append(
            {
                "column": name,
                "importance": mean,
                "stddev": spread,
                "p_value": _p_value(mean, error, count),
                "shuffles": count,
                "lower": mean - half,
                "upper": mean + half,
            }
        )
    names = ["column", "importance", "stddev", "p_value", "shuffles", "lower", "upper"]
    return pd.DataFrame(records, columns=names)


def _p_value(mean: float, error: float, count: int) -> float:
    if count < 2 or np.isnan(error):  # noqa: PLR2004
        return float("nan")
    if error == 0:
        return 0.0 if mean > 0 else 1.0
    return float(stats.t.sf(mean / error, count - 1))
