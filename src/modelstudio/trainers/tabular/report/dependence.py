"""Partial dependence: how the prediction moves with a column, all else as it is.

Friedman, "Greedy Function Approximation" (2001); the quantiles are those of the single rows' curves
(individual conditional expectation, Goldstein et al. 2015).
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from modelstudio.trainers.tabular.report.measured import rows_at_a_time, sample
from modelstudio.trainers.tabular.report.values import MISSING, shown_values

if TYPE_CHECKING:
    from collections.abc import Sequence

    from modelstudio.trainers.tabular.report.features import Features
    from modelstudio.trainers.tabular.report.measured import Measured
    from modelstudio.trainers.tabular.report.subject import Array, Predictions
    from modelstudio.trainers.tabular.report.values import Values

MOST_COLUMNS = 10
MOST_ROWS = 500
_FEWEST_ROWS = 50
_GRID_POINTS = 20
_GRID_EDGE = 0.01
_BATCH_ROWS = 20_000
_CATEGORIES = 10
_CLASSES = 5


def partial_dependence(
    measured: Measured, features: Features, columns: Sequence[str], deadline: float
) -> pd.DataFrame:
    """Return the mean prediction, and its spread over rows, for values of each column.

    Numbers and dates are set to up to 20 of their quantiles between 1 % and 99 %, categories to
    their ten largest; every value is one that occurs. ``prediction`` is the predicted value or the
    probability of ``class``: with two classes of the positive one, else of the five largest.
    Columns come in the given order, at most ten that can be shown, until the deadline.
    """
    grids = _grids(features, columns)
    rows = _rows_a_value(measured, sum(len(grid[0]) for grid in grids.values()), deadline)
    table = measured.holdout.features.iloc[
        sample(len(measured.outcome), rows, [measured.subject.seed, 2])
    ].reset_index(drop=True)
    parts: list[pd.DataFrame] = []
    started = time.monotonic()
    for done, (name, (positions, shown)) in enumerate(grids.items()):
        # Also stop before a column that would take too long, going by those before it.
        if done and (time.monotonic() - started) * (done + 1) / done + started > deadline:
            break
        values = measured.subject.training.features[name].iloc[positions]
        predictions = _predict(measured, table, name, values)
        parts.extend(_curves(measured, predictions, name, features, positions, shown))
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame()


def _rows_a_value(measured: Measured, values: int, deadline: float) -> int:
    possible = (deadline - time.monotonic()) / max(values * measured.seconds_a_row, 1e-12)
    most = min(
        len(measured.outcome),
        MOST_ROWS,
        max(1, rows_at_a_time(measured.subject, _BATCH_ROWS) // _GRID_POINTS),
    )
    return int(min(most, max(possible, _FEWEST_ROWS)))


def _grids(features: Features, columns: Sequence[str]) -> dict[str, tuple[Array, list[str]]]:
    """Return, by column, training rows that hold the values to show, and these as text."""
    grids: dict[str, tuple[Array, list[str]]] = {}
    for name in columns:
        values = features.training.get(name)
        if values is None or len(grids) == MOST_COLUMNS:
            continue
        chosen = _categories(values) if values.kind == "category" else _quantiles(values)
        if len(chosen) > 1:
            grids[name] = (features.training_rows[chosen], _texts(values, chosen))
    return grids


def _quantiles(values: Values) -> Array:
    known = np.flatnonzero(~values.missing)
    if not len(known):
        return known
    ordered = known[np.argsort(values.data[known], kind="stable")]
    data = values.data[ordered]
    distinct, first = np.unique(data, return_index=True)
    if len(distinct) > _GRID_POINTS:
        shares = np.linspace(_GRID_EDGE, 1 - _GRID_EDGE, _GRID_POINTS)
        _, first = np.unique(
            data[np.round(shares * (len(data) - 1)).astype(int)], return_index=True
        )
        first = np.round(shares[first] * (len(data) - 1)).astype(int)
    return np.asarray(ordered[first])


def _categories(values: Values) -> Array:
    texts = pd.Series(values.data, dtype=object).where(~values.missing, MISSING)
    counts = texts.value_counts(sort=False).sort_values(ascending=False, kind="stable")
    if counts.empty or counts.iloc[0] == 1:
        return np.empty(0, dtype="int64")  # every row has its own
    first = texts.drop_duplicates()
    where = pd.Series(first.index, index=first.to_numpy())
    return np.asarray(where.loc[counts.index[:_CATEGORIES]].to_numpy())


def _texts(values: Values, chosen: Array) -> list[str]:
    if values.kind == "category":
        return [MISSING if one is None else str(one) for one in values.data[chosen]]
    return shown_values(values.data[chosen], values.kind)


def _predict(measured: Measured, table: pd.DataFrame, name: str, values: pd.Series) -> Predictions:
    """Predict the rows once for each value, below each other."""
    order = np.tile(np.arange(len(table)), len(values))
    frame = table.iloc[order].reset_index(drop=True)
    repeated = np.repeat(np.arange(len(values)), len(table))
    frame[name] = values.iloc[repeated].reset_index(drop=True)
    return measured.subject.predict(frame)


def _curves(
    measured: Measured,
    predictions: Predictions,
    name: str,
    features: Features,
    positions: Array,
    shown: list[str],
) -> list[pd.DataFrame]:
    values = features.training[name]
    at = np.searchsorted(features.training_rows, positions)
    numbers = values.data[at] if values.kind == "number" else np.full(len(at), np.nan)
    return [
        pd.DataFrame(
            {
                "column": name,
                "kind": values.kind,
                "position": np.arange(1, len(shown) + 1),
                "value": shown,
                "number": np.asarray(numbers, dtype="float64"),
                "class": label,
                "prediction": answers.mean(axis=1),
                "p10": np.quantile(answers, 0.1, axis=1),
                "p50": np.quantile(answers, 0.5, axis=1),
                "p90": np.quantile(answers, 0.9, axis=1),
                "rows": answers.shape[1],
            }
        )
        for label, answers in _answers(measured, predictions, len(shown))
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
