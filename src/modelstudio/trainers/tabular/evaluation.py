"""Measures a model on rows that it has not seen, and describes it in tables."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from sklearn import metrics

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from modelstudio.trainers.tabular.preparation import PreparedColumn

    Array = np.ndarray[Any, Any]

RESIDUAL_ROWS = 10_000
IMPORTANCE_ROWS = 2_000
_SMALLEST_PROBABILITY = 1e-15


def classification_metrics(
    actual: pd.Series, predicted: pd.Series, probabilities: pd.DataFrame, classes: Sequence[Any]
) -> dict[str, float]:
    """Return the held-out metrics of a classifier.

    ``classes`` are those the model knows, in the order of the columns of ``probabilities``; with
    two of them, precision, recall and F1 are those of the second. A class that the model does not
    know may be among the actual ones and counts as an error.
    """
    every = [*classes, *(label for label in actual.unique() if label not in set(classes))]
    codes = {label: code for code, label in enumerate(every)}
    true, guess = actual.map(codes).to_numpy(), predicted.map(codes).to_numpy()
    scores = probabilities.to_numpy(dtype="float64")
    present = np.unique(true)
    results = {
        "accuracy": metrics.accuracy_score(true, guess),
        "balanced_accuracy": _macro(metrics.recall_score, true, guess, present),
        "mcc": metrics.matthews_corrcoef(true, guess) if len(present) > 1 else np.nan,
        "log_loss": _log_loss(true, scores),
        "roc_auc": _roc_auc(true, scores),
    }
    if len(every) == 2:  # noqa: PLR2004
        for name in ("precision", "recall", "f1"):
            function = getattr(metrics, f"{name}_score")
            results[name] = function(true, guess, pos_label=1, zero_division=0)
    else:
        labels = np.arange(len(every))
        for name in ("precision", "recall", "f1"):
            function = getattr(metrics, f"{name}_score")
            results[f"{name}_macro"] = _macro(function, true, guess, labels)
    return _finite(results)


def regression_metrics(actual: pd.Series, predicted: pd.Series) -> dict[str, float]:
    """Return the held-out metrics of a regressor; ``mape`` only when no actual value is zero."""
    true, guess = actual.to_numpy(dtype="float64"), predicted.to_numpy(dtype="float64")
    results = {
        "rmse": metrics.root_mean_squared_error(true, guess),
        "mae": metrics.mean_absolute_error(true, guess),
        "median_absolute_error": metrics.median_absolute_error(true, guess),
        "r2": metrics.r2_score(true, guess) if len(true) > 1 else np.nan,
    }
    if (true != 0).all():
        results["mape"] = metrics.mean_absolute_percentage_error(true, guess)
    return _finite(results)


def confusion_matrix(actual: pd.Series, predicted: pd.Series) -> pd.DataFrame:
    """Return actual, predicted, count; a pair that is not listed has a count of 0."""
    pairs = pd.DataFrame({"actual": actual.to_numpy(), "predicted": predicted.to_numpy()})
    return pairs.groupby(["actual", "predicted"]).size().rename("count").reset_index()


def residuals(actual: pd.Series, predicted: pd.Series, seed: int) -> pd.DataFrame:
    """Return actual, predicted, residual (actual minus predicted) of at most 10,000 rows."""
    table = pd.DataFrame({"actual": actual.to_numpy(), "predicted": predicted.to_numpy()})
    table["residual"] = table["actual"] - table["predicted"]
    if len(table) > RESIDUAL_ROWS:
        table = table.sample(RESIDUAL_ROWS, random_state=seed).sort_index()
    return table.reset_index(drop=True)


def leaderboard(predictor: Any, data: pd.DataFrame, types: Mapping[str, str]) -> pd.DataFrame:
    """Return each model with its held-out and validation score, in the metric's own direction.

    A score is missing where a model cannot be measured: one that exists only to be refitted has no
    held-out score, a refitted one no validation score.
    """
    board = predictor.leaderboard(data)
    metric = predictor.eval_metric
    return pd.DataFrame(
        {
            "model": board["model"],
            "model_type": board["model"].map(types),
            "eval_metric": metric.name,
            "score_holdout": metric.convert_score_to_original(board["score_test"]),
            "score_validation": metric.convert_score_to_original(board["score_val"]),
            "fit_seconds": board["fit_time"],
            "predict_seconds": board["pred_time_test"],
            "stack_level": board["stack_level"],
        }
    )


def feature_importance(
    predictor: Any, data: pd.DataFrame, columns: Sequence[PreparedColumn], seconds: float
) -> pd.DataFrame:
    """Return how much the metric worsens when a column's values are shuffled between rows.

    The parts of a date are shuffled together, so that the table has the user's columns. Takes about
    ``seconds`` at most, but one round over the columns in any case.
    """
    groups = [
        column.name if column.name in column.outputs else (column.name, list(column.outputs))
        for column in columns
    ]
    table = predictor.feature_importance(
        data,
        features=groups,
        subsample_size=IMPORTANCE_ROWS,
        time_limit=seconds,
        include_confidence_band=False,
    )
    return pd.DataFrame(
        {
            "column": table.index,
            "importance": table["importance"].to_numpy(),
            "stddev": table["stddev"].to_numpy(),
            "p_value": table["p_value"].to_numpy(),
            "shuffles": table["n"].to_numpy(),
        }
    )


def _macro(function: Any, true: Array, guess: Array, labels: Array) -> float:
    return float(function(true, guess, labels=labels, average="macro", zero_division=0))


def _log_loss(true: Array, scores: Array) -> float:
    known = true < scores.shape[1]
    chosen = np.zeros(len(true))
    chosen[known] = scores[np.flatnonzero(known), true[known]]
    return float(-np.log(np.clip(chosen, _SMALLEST_PROBABILITY, 1)).mean())


def _roc_auc(true: Array, scores: Array) -> float:
    """Mean over the classes of one against the rest; with two classes all means are equal."""
    areas = [
        metrics.roc_auc_score(true == code, scores[:, code])
        for code in range(scores.shape[1])
        if 0 < (true == code).sum() < len(true)
    ]
    return float(np.mean(areas)) if areas else float("nan")


def _finite(results: dict[str, Any]) -> dict[str, float]:
    return {name: float(value) for name, value in results.items() if np.isfinite(value)}
