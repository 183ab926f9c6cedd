"""How far the held-out metrics can be trusted: bootstrap intervals.

Efron and Tibshirani, "An Introduction to the Bootstrap" (1993), percentile intervals. A resample is
a weight for each row, so nothing is sorted or predicted again. Of many rows a sample is resampled,
and the spread is scaled to all of them (Bickel, Götze and van Zwet 1997).
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from scipy import stats

from modelstudio.trainers.tabular.report import scores
from modelstudio.trainers.tabular.report.measured import sample

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from modelstudio.trainers.tabular.report.measured import Measured
    from modelstudio.trainers.tabular.report.subject import Array, Outcome

    Weighted = Callable[[Array], float]

RESAMPLES = 500
MOST_ROWS = 10_000
_FEWEST_ROWS = 1_000
# About how many can be resampled so often in a second.
_ROWS_A_SECOND = 20_000
_MOST_CLASSES = 50
_LEVEL = 0.95


def metric_intervals(measured: Measured, seconds: float = math.inf) -> pd.DataFrame:
    """Return metric, value, lower, upper (95 %), baseline, rows for the main metrics.

    Fewer rows are resampled when there is little time.
    """
    outcome, seed = measured.outcome, measured.subject.seed
    count = len(outcome)
    most = int(min(MOST_ROWS, max(_FEWEST_ROWS, seconds * _ROWS_A_SECOND)))
    part = outcome.take(sample(count, most, [seed]))
    functions = weighted_metrics(part)
    random = np.random.default_rng(seed)
    drawn = np.full((RESAMPLES, len(functions)), np.nan)
    for number in range(RESAMPLES):
        weights = np.bincount(random.integers(0, len(part), len(part)), minlength=len(part))
        drawn[number] = [function(weights) for function in functions.values()]
    even = np.ones(len(part))
    known = scores.METRICS[measured.subject.objective]
    rows = []
    for position, (name, function) in enumerate(functions.items()):
        value = known[name](outcome)
        found = drawn[:, position]
        found = found[np.isfinite(found)]
        if not len(found) or not np.isfinite(value):
            continue
        ends = np.quantile(found, [(1 - _LEVEL) / 2, (1 + _LEVEL) / 2])
        lower, upper = value + (ends - function(even)) * np.sqrt(len(part) / count)
        base = known[name](measured.baseline)
        rows.append((name, value, lower, upper, base, count))
    return pd.DataFrame(rows, columns=["metric", "value", "lower", "upper", "baseline", "rows"])


def weighted_metrics(outcome: Outcome) -> Mapping[str, Weighted]:
    """Return the main metrics as functions of the rows' weights."""
    if not outcome.labels:
        return _of_values(outcome)
    found = dict(_of_classes(outcome)) if len(outcome.labels) <= _MOST_CLASSES else {}
    found["accuracy"] = _mean(outcome.actual == outcome.predicted)
    if outcome.scores is not None:
        chance = np.maximum(scores.chance_of_actual(outcome), scores.SMALLEST_PROBABILITY)
        found["log_loss"] = _mean(-np.log(chance))
        found["brier_score"] = _mean(scores.squared_probability_error(outcome))
        if len(outcome.labels) <= _MOST_CLASSES:
            found["roc_auc"] = _roc_auc(outcome)
        if outcome.binary:
            found["average_precision"] = _average_precision(outcome)
    return {name: found[name] for name in scores.METRICS["classification"] if name in found}


def _mean(values: Array) -> Weighted:
    return lambda weights: float(weights @ values / weights.sum())


def _of_values(outcome: Outcome) -> Mapping[str, Weighted]:
    actual, predicted = outcome.actual, outcome.predicted
    size = np.abs(actual - predicted)
    squared = size**2
    mean, mean_of_squares = _mean(actual), _mean(squared)
    both = np.abs(actual) + np.abs(predicted)
    relative = np.divide(2 * size, both, out=np.zeros_like(both), where=both > 0)

    def r2(weights: Array) -> float:
        total = weights @ (actual - mean(weights)) ** 2
        return float(1 - weights @ squared / total) if total else float("nan")

    found: dict[str, Weighted] = {
        "rmse": lambda weights: float(np.sqrt(mean_of_squares(weights))),
        "mae": _mean(size),
        "median_absolute_error": lambda weights: float(
            np.median(np.repeat(size, weights.astype(int)))
        ),
        "r2": r2,
        "smape": _mean(relative),
    }
    if (actual != 0).all():
        found["mape"] = _mean(size / np.abs(actual))
    if (actual >= 0).all() and (predicted >= 0).all():
        logs = _mean((np.log1p(actual) - np.log1p(predicted)) ** 2)
        found["rmsle"] = lambda weights: float(np.sqrt(logs(weights)))
    return found


def _of_classes(outcome: Outcome) -> Mapping[str, Weighted]:
    """Return what follows from the confusion matrix alone."""
    count = len(outcome.labels)
    pairs = outcome.actual * count + outcome.predicted

    def matrix(weights: Array) -> Array:
        return np.bincount(pairs, weights=weights, minlength=count**2).reshape(count, count)

    def balanced_accuracy(weights: Array) -> float:
        table = matrix(weights)
        rows = table.sum(axis=1)
        return float((np.diag(table)[rows > 0] / rows[rows > 0]).mean())

    def f1(weights: Array) -> Array:
        table = matrix(weights)
        both = table.sum(axis=0) + table.sum(axis=1)
        return np.asarray(np.divide(2 * np.diag(table), both, out=np.zeros(count), where=both > 0))

    found: dict[str, Weighted] = {
        "balanced_accuracy": balanced_accuracy,
        "mcc": lambda weights: _mcc(matrix(weights)),
        "f1_macro": lambda weights: float(f1(weights).mean()),
    }
    if outcome.binary:
        found["f1"] = lambda weights: float(f1(weights)[1])
        found["precision"] = lambda weights: _share(matrix(weights)[:, 1])
        found["recall"] = lambda weights: _share(matrix(weights)[1])
    return found


def _share(column: Array) -> float:
    return float(column[1] / column.sum()) if column.sum() else 0.0


def _mcc(table: Array) -> float:
    """Return Gorodkin's (2004) correlation of K classes, as scikit-learn does."""
    total, right = table.sum(), np.trace(table)
    actual, predicted = table.sum(axis=1), table.sum(axis=0)
    spread = (total**2 - predicted @ predicted) * (total**2 - actual @ actual)
    return float((right * total - actual @ predicted) / np.sqrt(spread)) if spread else 0.0


def _roc_auc(outcome: Outcome) -> Weighted:
    assert outcome.scores is not None  # noqa: S101
    if not outcome.binary:
        return _mean(_auc_parts(outcome))
    happened = outcome.actual == 1
    levels, where = np.unique(outcome.scores[:, 1], return_inverse=True)
    return lambda weights: _area(weights, happened, where, len(levels))


def _auc_parts(outcome: Outcome) -> Array:
    """Return what each row adds to the mean area over the classes, which is the mean of them.

    The terms of DeLong et al. (1988): to first order, resampling rows resamples these.
    """
    assert outcome.scores is not None  # noqa: S101
    total, count = np.zeros(len(outcome)), 0
    for position in range(outcome.known):
        happened = outcome.actual == position
        right, wrong = int(happened.sum()), int((~happened).sum())
        if not right or not wrong:
            continue
        count += 1
        ranks = stats.rankdata(outcome.scores[:, position])
        within = np.empty(len(outcome))
        within[happened] = stats.rankdata(outcome.scores[happened, position])
        within[~happened] = stats.rankdata(outcome.scores[~happened, position])
        beaten = (ranks - within) / np.where(happened, wrong, right)
        placement = np.where(happened, beaten, 1 - beaten)
        area = placement[happened].mean()
        total += area + (placement - area) * len(outcome) / np.where(happened, right, wrong)
    return total / count if count else np.full(len(outcome), np.nan)


def _area(weights: Array, happened: Array, where: Array, levels: int) -> float:
    right = np.bincount(where, weights=weights * happened, minlength=levels)
    wrong = np.bincount(where, weights=weights * ~happened, minlength=levels)
    pairs = right.sum() * wrong.sum()
    return float(right @ (np.cumsum(wrong) - wrong / 2) / pairs) if pairs else float("nan")


def _average_precision(outcome: Outcome) -> Weighted:
    assert outcome.scores is not None  # noqa: S101
    happened = outcome.actual == 1
    levels, where = np.unique(-outcome.scores[:, 1], return_inverse=True)

    def compute(weights: Array) -> float:
        right = np.bincount(where, weights=weights * happened, minlength=len(levels))
        taken = np.cumsum(np.bincount(where, weights=weights, minlength=len(levels)))
        total = right.sum()
        if not total:
            return float("nan")
        precision = np.divide(np.cumsum(right), taken, out=np.zeros(len(levels)), where=taken > 0)
        return float(right @ precision / total)

    return compute
