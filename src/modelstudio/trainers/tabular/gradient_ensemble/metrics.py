"""The evaluation metrics as losses that the search and the ensemble minimise.

Predictions are probabilities of the second class, shape ``(rows,)``, for two classes; one column
a class, ``(rows, classes)``, for more; target values, ``(rows,)``, for regression.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from scipy.stats import rankdata
from sklearn import metrics as sk

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    Array = np.ndarray[Any, Any]

Kind = Literal["binary", "multiclass", "regression"]

_TINY = 1e-15
#: They judge classes; models are weighted by log loss for them, and only the decision is tuned.
DECISION_METRICS = frozenset(
    {
        "accuracy",
        "balanced_accuracy",
        "f1",
        "f1_weighted",
        "precision",
        "recall",
        "mcc",
    }
)
_HIGHER = DECISION_METRICS | {"roc_auc", "average_precision", "r2"}
#: A relative error has no meaning for the metric to be told from noise below this.
_SMALLEST_SCALE = 1e-12


@dataclass(frozen=True, slots=True)
class Metric:
    """An evaluation metric and the loss that stands for it.

    Attributes
    ----------
    name
        The metric of the configuration, never ``auto``.
    criterion
        The metric by which models are stopped and weighted; another than ``name`` for those that
        judge classes.
    loss
        Of labels and predictions; lower is better.
    """

    name: str
    criterion: str
    loss: Callable[[Array, Array], float]

    def shown(self, loss: float) -> float:
        """Return a loss as the criterion's value in its own direction."""
        if self.criterion == "r2":
            return 1 - loss
        return 1 - loss if self.criterion in _HIGHER else loss


def metric_of(config: Mapping[str, Any], kind: Kind) -> Metric:
    """Return the metric that a validated configuration asks for."""
    name = str(config["eval_metric"])
    if name == "auto":
        if kind == "regression":
            name = "root_mean_squared_error"
        else:
            name = "log_loss" if config["predict_probabilities"] else "accuracy"
    criterion = "log_loss" if name in DECISION_METRICS else name
    return Metric(name, criterion, _LOSSES[criterion])


def log_loss(labels: Array, predictions: Array) -> float:
    if predictions.ndim == 1:
        chosen = np.where(labels == 1, predictions, 1 - predictions)
    else:
        chosen = predictions[np.arange(len(labels)), labels]
    return float(-np.log(np.clip(chosen, _TINY, 1)).mean())


def roc_auc_loss(labels: Array, predictions: Array) -> float:
    """1 minus the area under the ROC curve, by ranks; the mean of one against the rest."""
    if predictions.ndim == 1:
        return 1 - _area(labels == 1, predictions)
    areas = [
        _area(labels == code, predictions[:, code])
        for code in np.unique(labels)
        if (labels == code).sum() < len(labels)
    ]
    return 1 - float(np.mean(areas)) if areas else 0.5


def _area(positive: Array, scores: Array) -> float:
    count = int(positive.sum())
    rest = len(positive) - count
    if not count or not rest:
        return 0.5
    ranks = rankdata(scores)
    return float((ranks[positive].sum() - count * (count + 1) / 2) / (count * rest))


def _average_precision_loss(labels: Array, predictions: Array) -> float:
    return 1 - float(sk.average_precision_score(labels == 1, predictions))


def _squared(labels: Array, predictions: Array) -> float:
    return float(np.mean((labels - predictions) ** 2))


def _root_squared(labels: Array, predictions: Array) -> float:
    return float(np.sqrt(_squared(labels, predictions)))


def _absolute(labels: Array, predictions: Array) -> float:
    return float(np.mean(np.abs(labels - predictions)))


def _median_absolute(labels: Array, predictions: Array) -> float:
    return float(np.median(np.abs(labels - predictions)))


def _relative(labels: Array, predictions: Array) -> float:
    return float(sk.mean_absolute_percentage_error(labels, predictions))


def _symmetric_relative(labels: Array, predictions: Array) -> float:
    size = np.abs(labels) + np.abs(predictions)
    return float(np.mean(2 * np.abs(labels - predictions) / np.maximum(size, _SMALLEST_SCALE)))


def _unexplained(labels: Array, predictions: Array) -> float:
    return _squared(labels, predictions) / max(float(np.var(labels)), _SMALLEST_SCALE)


_LOSSES: Mapping[str, Callable[[Array, Array], float]] = {
    "log_loss": log_loss,
    "roc_auc": roc_auc_loss,
    "average_precision": _average_precision_loss,
    "root_mean_squared_error": _root_squared,
    "mean_squared_error": _squared,
    "mean_absolute_error": _absolute,
    "median_absolute_error": _median_absolute,
    "mean_absolute_percentage_error": _relative,
    "symmetric_mean_absolute_percentage_error": _symmetric_relative,
    "r2": _unexplained,
}
