"""Where the model errs more than elsewhere."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from scipy import stats

from modelstudio.trainers.tabular.report import scores
from modelstudio.trainers.tabular.report.values import Bins, moment_parts

if TYPE_CHECKING:
    from modelstudio.trainers.tabular.report.features import Features
    from modelstudio.trainers.tabular.report.measured import Measured
    from modelstudio.trainers.tabular.report.subject import Array, Outcome
    from modelstudio.trainers.tabular.report.values import Values

_RANGES = 5
_CATEGORIES = 20
_FEWEST_ROWS = 20
_SMALLEST_SHARE = 0.005
_LEVEL = 0.05
_MOST_SEGMENTS = 5_000


def errors_by_segment(measured: Measured, features: Features, deadline: float) -> pd.DataFrame:
    """Return the error in each range or category of each column, the most harmful first.

    Of moments also by hour, weekday and month.

    ``error`` is the share of wrong rows, or the mean absolute error; ``ratio`` compares it to all
    rows. ``excess`` is the share of the whole error that would go if the segment were as good as
    all rows together. ``significant`` is whether the difference to the other rows is more than
    chance at a false discovery rate of 5 % (Benjamini and Hochberg 1995) over all segments.
    Segments with fewer than 20 rows, or half a percent, are left out.
    """
    outcome = measured.outcome.take(features.holdout_rows)
    errors = _errors(outcome)
    parts = []
    for name, values in features.holdout.items():
        if time.monotonic() > deadline:
            break
        for prefix, part in _parts(values):
            bins = Bins.fit(part, _CATEGORIES if part.kind == "category" else _RANGES)
            labels = tuple(prefix + label for label in bins.labels)
            parts.append(_of_column(name, labels, bins.codes(part), outcome, errors))
    table = pd.concat(parts, ignore_index=True) if parts else pd.DataFrame()
    if table.empty:
        return table
    adjusted = stats.false_discovery_control(table["p_value"].to_numpy())
    table["significant"] = adjusted < _LEVEL
    harmful = table["significant"] & (table["excess"] > 0)
    order = np.lexsort([-table["excess"], ~harmful])
    return table.iloc[order[:_MOST_SEGMENTS]].reset_index(drop=True)


def _parts(values: Values) -> list[tuple[str, Values]]:
    """Return the values, and of moments the hours, weekdays and months with their name."""
    if values.kind != "moment":
        return [("", values)]
    return [("", values), *((f"{name} ", part) for name, part in moment_parts(values).items())]


def _errors(outcome: Outcome) -> Array:
    if outcome.labels:
        return np.asarray(outcome.actual != outcome.predicted, dtype="float64")
    return np.asarray(np.abs(outcome.actual - outcome.predicted))


def _of_column(
    name: str, labels: tuple[str, ...], codes: Array, outcome: Outcome, errors: Array
) -> pd.DataFrame:
    rows = np.bincount(codes, minlength=len(labels))
    enough = max(_FEWEST_ROWS, _SMALLEST_SHARE * len(codes))
    # A segment of all rows says nothing.
    kept = np.flatnonzero((rows >= enough) & (rows < len(codes)))
    sums = np.bincount(codes, weights=errors, minlength=len(labels))[kept]
    squares = np.bincount(codes, weights=errors**2, minlength=len(labels))[kept]
    rows, total = rows[kept], len(codes)
    error, overall = sums / rows, errors.mean()
    variance = np.maximum(squares / rows - error**2, 0)
    rest = (errors.sum() - sums) / (total - rows)
    rest_variance = np.maximum((np.sum(errors**2) - squares) / (total - rows) - rest**2, 0)
    half = 1.96 * np.sqrt(variance / rows)
    spread = np.sqrt(variance / rows + rest_variance / (total - rows))
    z = np.divide(error - rest, spread, out=np.zeros(len(rows)), where=spread > 0)
    table: dict[str, Any] = {
        "column": name,
        "segment": [labels[position] for position in kept],
        "rows": rows,
        "share": rows / total,
        "error": error,
        "error_lower": np.maximum(error - half, 0),
        "error_upper": error + half,
        "ratio": error / overall if overall else np.ones(len(rows)),
        "excess": (sums - rows * overall) / errors.sum() if overall else np.zeros(len(rows)),
        "p_value": 2 * stats.norm.sf(np.abs(z)),
    }
    for column, values in _levels(outcome).items():
        table[column] = np.bincount(codes, weights=values, minlength=len(labels))[kept] / rows
    return pd.DataFrame(table)


def _levels(outcome: Outcome) -> dict[str, Array]:
    """Return what shows whether a segment is predicted too high or too low on the whole."""
    if not outcome.labels:
        return {"mean_actual": outcome.actual, "mean_predicted": outcome.predicted}
    if outcome.scores is None:
        return {}
    chance = np.maximum(scores.chance_of_actual(outcome), scores.SMALLEST_PROBABILITY)
    levels = {"log_loss": -np.log(chance)}
    if outcome.binary:
        levels["positive_share"] = (outcome.actual == 1).astype("float64")
        levels["mean_probability"] = outcome.scores[:, 1]
    return levels
