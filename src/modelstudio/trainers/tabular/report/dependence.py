"""Partial dependence: how the prediction moves with a column, all else as it is.

Friedman, "Greedy Function Approximation" (2001); the quantiles are those of the single rows' curves
(individual conditional expectation, Goldstein et al. 2015).
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from modelstudio.trainers.tabular.report.grids import GRID_POINTS, Grid, grids
from modelstudio.trainers.tabular.report.measured import rows_at_a_time, sample

if TYPE_CHECKING:
    from collections.abc import Sequence

    from modelstudio.trainers.tabular.report.features import Features
    from modelstudio.trainers.tabular.report.measured import Measured
    from modelstudio.trainers.tabular.report.subject import Array, Predictions

MOST_COLUMNS = 10
MOST_ROWS = 500
_FEWEST_ROWS = 15
_BATCH_ROWS = 20_000
_CLASSES = 5


def partial_dependence(
    measured: Measured, features: Features, columns: Sequence[str], deadline: float
) -> pd.DataFrame:
    """Return the mean prediction, and its spread over rows, for values of each column.

    Numbers are set to up to 20 of their quantiles between 1 % and 99 %, categories to their ten
    largest; every value is one that occurs. A moment has a curve for each ``part`` of it, where the
    rows get random moments with that hour, weekday or month, or of that period. ``prediction`` is
    the predicted value or the probability of ``class``: with two classes of the positive one, else
    of the five largest. Columns come in the given order, at most ten that can be shown, until the
    deadline.
    """
    chosen = _chosen(features, columns)
    rows = _rows_a_value(measured, sum(len(grid.shown) for _, grid in chosen), deadline)
    table = measured.holdout.features.iloc[
        sample(len(measured.outcome), rows, [measured.subject.seed, 2])
    ].reset_index(drop=True)
    parts: list[pd.DataFrame] = []
    started = time.monotonic()
    for done, (name, grid) in enumerate(chosen):
        # Also stop before a curve that would take too long, going by those before it.
        if done and (time.monotonic() - started) * (done + 1) / done + started > deadline:
            break
        predictions = _predict(measured, table, name, grid)
        kind = features.training[name].kind
        parts.extend(_curves(measured, predictions, grid, {"column": name, "kind": kind}))
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame()


def _chosen(features: Features, columns: Sequence[str]) -> list[tuple[str, Grid]]:
    found: dict[str, list[Grid]] = {}
    for name in columns:
        if name in features.training and len(found) < MOST_COLUMNS:
            shown = grids(features.training[name], features.training_rows)
            if shown:
                found[name] = shown
    return [(name, grid) for name, shown in found.items() for grid in shown]


def _rows_a_value(measured: Measured, values: int, deadline: float) -> int:
    possible = measured.affordable_rows(deadline - time.monotonic(), 0) // max(values, 1)
    most = min(
        len(measured.outcome),
        MOST_ROWS,
        max(1, rows_at_a_time(measured.subject, _BATCH_ROWS) // GRID_POINTS),
    )
    return int(min(most, max(possible, _FEWEST_ROWS)))


def _predict(measured: Measured, table: pd.DataFrame, name: str, grid: Grid) -> Predictions:
    """Predict the rows once for each value, below each other."""
    subject = measured.subject
    random = np.random.default_rng([subject.seed, 5])
    order = np.tile(np.arange(len(table)), len(grid.pools))
    frame = table.iloc[order].reset_index(drop=True)
    drawn = np.concatenate([random.choice(pool, len(table)) for pool in grid.pools])
    frame[name] = subject.training.features[name].iloc[drawn].reset_index(drop=True)
    return measured.predict(frame)


def _curves(
    measured: Measured, predictions: Predictions, grid: Grid, about: dict[str, str]
) -> list[pd.DataFrame]:
    return [
        pd.DataFrame(
            {
                **about,
                "part": grid.part,
                "position": np.arange(1, len(grid.shown) + 1),
                "value": grid.shown,
                "number": np.asarray(grid.numbers, dtype="float64"),
                "class": label,
                "prediction": answers.mean(axis=1),
                "p10": np.quantile(answers, 0.1, axis=1),
                "p50": np.quantile(answers, 0.5, axis=1),
                "p90": np.quantile(answers, 0.9, axis=1),
                "rows": answers.shape[1],
            }
        )
        for label, answers in _answers(measured, predictions, len(grid.shown))
    ]


def _answers(
    measured: Measured, predictions: Predictions, values: int
) -> list[tuple[str | None, Array]]:
    """Return, by class to show, what was predicted: one line a value, one column a row."""
    subject = measured.subject
    if subject.objective == "regression":
        return [(None, np.asarray(predictions.labels, dtype="float64").reshape(values, -1))]
    counts = subject.training.labels.value_counts().reindex(list(subject.classes), fill_value=0)
    largest = np.argsort(-counts.to_numpy(), kind="stable")[:_CLASSES]
    shown = [1] if len(subject.classes) == 2 else [int(one) for one in largest]  # noqa: PLR2004
    scores = predictions.probabilities
    found: list[tuple[str | None, Array]] = []
    for position in shown:
        label = subject.classes[position]
        chance = predictions.labels == label if scores is None else scores[:, position]
        found.append((str(label), np.asarray(chance, dtype="float64").reshape(values, -1)))
    return found
