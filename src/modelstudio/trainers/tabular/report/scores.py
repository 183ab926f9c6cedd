"""The metrics by name: how each is computed, which direction is better, what it says.

scikit-learn computes them where it can. It is given class positions, so that labels of any type
will do, and a class that the model does not know counts as an error.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import stats
from sklearn import metrics

from modelstudio.trainers.tabular.report.answering import constant_answer

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from modelstudio.trainers.tabular.report.subject import Array, Outcome, Subject

SMALLEST_PROBABILITY = 1e-15
_CALIBRATION_BINS = 15
_MOST_RANKED = 4_000_000


@dataclass(frozen=True, slots=True)
class Metric:
    """A metric of held-out rows.

    Attributes
    ----------
    function
        NaN where the metric is not defined for an outcome.
    best
        The value of a perfect model: 1 for a score, 0 for an error.
    meaning
        One plain sentence.
    of_probabilities
        Whether it is computed from probabilities.
    summary
        Whether it is among the summary metrics of each run.
    """

    name: str
    function: Callable[[Outcome], float]
    best: float
    meaning: str
    of_probabilities: bool = False
    summary: bool = True

    @property
    def greater_is_better(self) -> bool:
        return self.best > 0

    def __call__(self, outcome: Outcome) -> float:
        if not len(outcome) or (self.of_probabilities and outcome.scores is None):
            return float("nan")
        return float(self.function(outcome))

    def skill(self, value: float, baseline: float) -> float:
        """Return which share of the way from the baseline to a perfect model has been gone."""
        return (
            (value - baseline) / (self.best - baseline) if self.best != baseline else float("nan")
        )


def _log_loss(outcome: Outcome) -> float:
    return float(-np.log(np.maximum(chance_of_actual(outcome), SMALLEST_PROBABILITY)).mean())


def chance_of_actual(outcome: Outcome) -> Array:
    """Return the probability that the model gave to each row's class; 0 for one unknown to it."""
    scores = _scores(outcome)
    known = outcome.actual < outcome.known
    chosen = np.zeros(len(outcome))
    chosen[known] = scores[np.flatnonzero(known), outcome.actual[known]]
    return chosen


def squared_probability_error(outcome: Outcome) -> Array:
    """Return each row's Brier score: that of the positive class, or the sum over the classes."""
    scores = _scores(outcome)
    if outcome.binary:
        return np.asarray((scores[:, 1] - (outcome.actual == 1)) ** 2)
    # The sum over all classes of (p - y)^2, where y is 1 for the actual class.
    return np.asarray((scores**2).sum(axis=1) - 2 * chance_of_actual(outcome) + 1)


def _roc_auc(outcome: Outcome) -> float:
    """Mean over the classes of one against the rest; with two classes all means are equal.

    Of many rows and classes every so many rows, since each class sorts them anew.
    """
    scores = _scores(outcome)
    if outcome.binary:
        positive = outcome.actual == 1
        both = 0 < positive.sum() < len(positive)
        return float(metrics.roc_auc_score(positive, scores[:, 1])) if both else float("nan")
    step = max(1, scores.size // _MOST_RANKED)
    actual, scores = outcome.actual[::step], scores[::step]
    # By the rank sums of Mann and Whitney, all classes at once: scikit-learn's function checks its
    # arguments anew for each class, which takes seconds for a thousand.
    ranks = stats.rankdata(scores, axis=0)
    happened = actual[:, None] == np.arange(scores.shape[1])
    right = happened.sum(axis=0)
    some = (right > 0) & (right < len(actual))
    if not some.any():
        return float("nan")
    right, sums = right[some], np.where(happened, ranks, 0).sum(axis=0)[some]
    areas = (sums - right * (right + 1) / 2) / (right * (len(actual) - right))
    return float(areas.mean())


def _average_precision(outcome: Outcome) -> float:
    positive = outcome.actual == 1
    if not outcome.binary or not positive.any():
        return float("nan")
    return float(metrics.average_precision_score(positive, _scores(outcome)[:, 1]))


def _calibration_error(outcome: Outcome) -> float:
    """Return the expected calibration error over 15 bins of equal width (Guo et al. 2017).

    With two classes that of the positive class's probability, else that of the likeliest class.
    """
    scores = _scores(outcome)
    if outcome.binary:
        chance, happened = scores[:, 1], outcome.actual == 1
    else:
        chance, happened = scores.max(axis=1), scores.argmax(axis=1) == outcome.actual
    bins = np.minimum((chance * _CALIBRATION_BINS).astype(int), _CALIBRATION_BINS - 1)
    gaps = np.bincount(bins, weights=chance - happened, minlength=_CALIBRATION_BINS)
    return float(np.abs(gaps).sum() / len(outcome))


def _scores(outcome: Outcome) -> Array:
    if outcome.scores is None:
        raise ValueError("the model gives no probabilities")
    return outcome.scores


def _positive(name: str) -> Callable[[Outcome], float]:
    function = getattr(metrics, f"{name}_score")

    def compute(outcome: Outcome) -> float:
        if not outcome.binary:
            return float("nan")
        return float(function(outcome.actual, outcome.predicted, pos_label=1, zero_division=0))

    return compute


def _averaged(name: str, average: str, *, present: bool = False) -> Callable[[Outcome], float]:
    """Average over all classes, or over those that are present among the actual ones."""
    function = getattr(metrics, f"{name}_score")

    def compute(outcome: Outcome) -> float:
        labels = np.unique(outcome.actual) if present else np.arange(len(outcome.labels))
        return float(
            function(
                outcome.actual, outcome.predicted, labels=labels, average=average, zero_division=0
            )
        )

    return compute


def _of_classes(function: Callable[..., Any]) -> Callable[[Outcome], float]:
    def compute(outcome: Outcome) -> float:
        if len(np.unique(outcome.actual)) < 2:  # noqa: PLR2004
            return float("nan")
        return float(function(outcome.actual, outcome.predicted))

    return compute


def _of_values(
    function: Callable[..., Any],
    possible: Callable[[Array, Array], Any] = lambda *_: True,
) -> Callable[[Outcome], float]:
    def compute(outcome: Outcome) -> float:
        if not possible(outcome.actual, outcome.predicted):
            return float("nan")
        return float(function(outcome.actual, outcome.predicted))

    return compute


def _smape(actual: Array, predicted: Array) -> float:
    size = np.abs(actual) + np.abs(predicted)
    error = 2 * np.abs(actual - predicted)
    return float(np.divide(error, size, out=np.zeros_like(size), where=size > 0).mean())


_CLASSIFICATION = (
    Metric(
        "accuracy",
        lambda outcome: metrics.accuracy_score(outcome.actual, outcome.predicted),
        1,
        "Share of rows whose class is predicted correctly.",
    ),
    Metric(
        "balanced_accuracy",
        _averaged("recall", "macro", present=True),
        1,
        "Mean of the classes' recalls.",
    ),
    Metric(
        "mcc",
        _of_classes(metrics.matthews_corrcoef),
        1,
        "Correlation of actual and predicted classes (Matthews); 0 is no better than chance.",
    ),
    Metric(
        "cohen_kappa",
        _of_classes(metrics.cohen_kappa_score),
        1,
        "Agreement of actual and predicted classes beyond chance.",
    ),
    Metric(
        "precision",
        _positive("precision"),
        1,
        "Share of predicted positives that are positive.",
    ),
    Metric("recall", _positive("recall"), 1, "Share of positives that are found."),
    Metric("f1", _positive("f1"), 1, "Harmonic mean of precision and recall."),
    Metric(
        "precision_macro", _averaged("precision", "macro"), 1, "Mean of the classes' precisions."
    ),
    Metric("recall_macro", _averaged("recall", "macro"), 1, "Mean of the classes' recalls."),
    Metric("f1_macro", _averaged("f1", "macro"), 1, "Mean of the classes' F1."),
    Metric(
        "f1_weighted", _averaged("f1", "weighted"), 1, "F1 of the classes, weighted by their rows."
    ),
    Metric(
        "log_loss",
        _log_loss,
        0,
        "Mean of the negative logarithm of the probability given to the actual class.",
        of_probabilities=True,
    ),
    Metric(
        "brier_score",
        lambda outcome: squared_probability_error(outcome).mean(),
        0,
        "Mean squared error of the probabilities.",
        of_probabilities=True,
    ),
    Metric(
        "roc_auc",
        _roc_auc,
        1,
        "Chance that a row of a class is ranked above a row of another; 0.5 is guessing.",
        of_probabilities=True,
    ),
    Metric(
        "average_precision",
        _average_precision,
        1,
        "Area under the precision-recall curve; guessing gives the share of positives.",
        of_probabilities=True,
    ),
    Metric(
        "expected_calibration_error",
        _calibration_error,
        0,
        "Mean gap between predicted probability and observed share.",
        of_probabilities=True,
    ),
)

_REGRESSION = (
    Metric(
        "rmse",
        _of_values(metrics.root_mean_squared_error),
        0,
        "Root of the mean squared error, in the target's unit.",
    ),
    Metric(
        "mae",
        _of_values(metrics.mean_absolute_error),
        0,
        "Mean size of the errors, in the target's unit.",
    ),
    Metric(
        "median_absolute_error",
        _of_values(metrics.median_absolute_error),
        0,
        "Size of the error that half of the rows stay below.",
    ),
    Metric(
        "r2",
        _of_values(metrics.r2_score, lambda actual, _: len(actual) > 1),
        1,
        "Share of the target's variance that is explained.",
    ),
    Metric(
        "explained_variance",
        _of_values(metrics.explained_variance_score, lambda actual, _: len(actual) > 1),
        1,
        "As r2, but a constant error does not count.",
    ),
    Metric("max_error", _of_values(metrics.max_error), 0, "Size of the largest error."),
    Metric(
        "mape",
        _of_values(
            metrics.mean_absolute_percentage_error, lambda actual, _: bool((actual != 0).all())
        ),
        0,
        "Mean size of the errors relative to the actual value; 0.1 is 10 %.",
    ),
    Metric(
        "smape",
        _of_values(_smape),
        0,
        "Mean size of the errors relative to the mean of actual and predicted value, 0 to 2.",
    ),
    Metric(
        "rmsle",
        _of_values(
            metrics.root_mean_squared_log_error,
            lambda actual, predicted: bool((actual >= 0).all() and (predicted >= 0).all()),
        ),
        0,
        "Root mean squared error of the logarithm of 1 + value; relative errors count.",
    ),
    Metric(
        "mse",
        _of_values(metrics.mean_squared_error),
        0,
        "Mean squared error.",
        summary=False,
    ),
    Metric(
        "mape_of_nonzero",
        _of_values(metrics.mean_absolute_percentage_error),
        0,
        "As mape, where zeros are among the actual values too.",
        summary=False,
    ),
)

METRICS: Mapping[str, Mapping[str, Metric]] = {
    "classification": {metric.name: metric for metric in _CLASSIFICATION},
    "regression": {metric.name: metric for metric in _REGRESSION},
}


_ALIASES = {
    "root_mean_squared_error": "rmse",
    "mean_squared_error": "mse",
    "mean_absolute_error": "mae",
    "mean_absolute_percentage_error": "mape_of_nonzero",
    "symmetric_mean_absolute_percentage_error": "smape",
    "roc_auc_ovr": "roc_auc",
    "roc_auc_ovr_macro": "roc_auc",
}
_OF_TWO_CLASSES = frozenset({"precision", "recall", "f1"})


def evaluation_metric(subject: Subject, outcome: Outcome) -> Metric:
    """Return the metric by which the trainer chose models, or the one closest to it."""
    known = METRICS[subject.objective]
    name = _ALIASES.get(subject.eval_metric, subject.eval_metric)
    if name in _OF_TWO_CLASSES and not outcome.binary:
        name += "_macro"
    usual = "rmse" if subject.objective == "regression" else "accuracy"
    metric = known.get(name, known[usual])
    return metric if np.isfinite(metric(outcome)) else known[usual]


def summary(outcome: Outcome, objective: str) -> dict[str, float]:
    """Return the metrics that are defined for the outcome."""
    found = {name: metric(outcome) for name, metric in METRICS[objective].items() if metric.summary}
    return {name: value for name, value in found.items() if np.isfinite(value)}


def baseline(subject: Subject, outcome: Outcome) -> Outcome:
    """Return what the best constant answer gives: the training rows' mean or largest class."""
    answer, shares = constant_answer(subject)
    predicted = np.full(len(outcome), answer)
    if shares is None:
        return replace(outcome, predicted=predicted)
    scores = np.broadcast_to(shares, (len(outcome), len(shares)))
    return replace(outcome, predicted=predicted, scores=scores)
