"""Calibrates probabilities and tunes decisions on predictions of rows not learned from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.optimize import minimize
from sklearn import metrics as sk

from modelstudio.trainers.tabular.gradient_ensemble.metrics import log_loss
from modelstudio.trainers.tabular.gradient_ensemble.served import probabilities

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    Array = np.ndarray[Any, Any]

_SMALLEST = 1e-7
_FEWEST_ROWS = 50
#: Standard deviation of the normal priors of the logarithm of the slope and of the shift. Without
#: them rows that are separated perfectly, as in small tables, make every probability certain. They
#: are narrow, as the rows have also chosen the models and so look better than others would.
_PRIOR = 0.15
#: Below this relative gain of the log loss the probabilities are left as they are.
_SMALLEST_GAIN = 1e-4
_MOST_TUNED_CLASSES = 30
_STEPS = (0.5, 0.7, 0.85, 1.2, 1.4, 2.0)


@dataclass(frozen=True, slots=True)
class Calibration:
    """Scores become ``slope * log-odds + shift`` (two classes) or ``slope * log p`` (more).

    The first is Platt scaling (Platt 1999), the second temperature scaling (Guo, Pleiss, Sun,
    Weinberger: On calibration of modern neural networks, ICML 2017). Both keep the order of rows,
    and of a row's classes where the shift is 0.
    """

    slope: float = 1.0
    shift: float = 0.0

    @property
    def is_identity(self) -> bool:
        return self.slope == 1 and self.shift == 0

    def apply(self, predictions: Array) -> Array:
        """Return calibrated probabilities, in the shape of the given ones."""
        if self.is_identity:
            return predictions
        clipped = np.clip(predictions, _SMALLEST, 1 - _SMALLEST)
        if predictions.ndim == 1:
            return probabilities(self.slope * np.log(clipped / (1 - clipped)) + self.shift)
        return probabilities(self.slope * np.log(clipped))


def calibrate(labels: Array, predictions: Array) -> Calibration:
    """Return the most likely calibration, none being expected; never one that worsens the loss."""
    if len(labels) < _FEWEST_ROWS:
        return Calibration()
    binary = predictions.ndim == 1

    def loss(point: Array) -> float:
        shift = float(point[1]) if binary else 0.0
        calibrated = Calibration(float(np.exp(point[0])), shift).apply(predictions)
        surprise = float(np.square(point / _PRIOR).sum()) / 2 / len(labels)
        return log_loss(labels, calibrated) + surprise

    found = minimize(loss, np.zeros(2 if binary else 1), method="Nelder-Mead")
    shift = float(found.x[1]) if binary else 0.0
    calibration = Calibration(float(np.exp(found.x[0])), shift)
    before = log_loss(labels, predictions)
    after = log_loss(labels, calibration.apply(predictions))
    return calibration if after < before * (1 - _SMALLEST_GAIN) else Calibration()


def tuned_multipliers(labels: Array, scores: Array, metric: str) -> Array | None:
    """Return multipliers of the probabilities (rows, classes) that better a metric of decisions.

    None for metrics that need none, or that a threshold alone could drive to a degenerate answer.
    """
    judge = _JUDGES.get(metric)
    classes = scores.shape[1]
    if judge is None or len(labels) < _FEWEST_ROWS or classes > _MOST_TUNED_CLASSES:
        return None
    if classes == 2:  # noqa: PLR2004
        return _threshold(labels, scores[:, 1], judge)
    multipliers = np.ones(classes)
    best = judge(labels, scores.argmax(axis=1))
    for _ in range(2):
        for code in range(classes):
            for step in _STEPS:
                trial = multipliers.copy()
                trial[code] *= step
                value = judge(labels, (scores * trial).argmax(axis=1))
                if value > best:
                    best, multipliers = value, trial
    return multipliers


def _threshold(labels: Array, scores: Array, judge: Callable[[Array, Array], float]) -> Array:
    """Return multipliers by which the second class is chosen from the best threshold on.

    The metric is smoothed over neighbouring thresholds, whose values are noise in small tables.
    """
    thresholds = np.unique(np.quantile(scores, np.linspace(0.01, 0.99, 99)))
    thresholds = np.append(thresholds, 0.5)
    thresholds.sort()
    values = np.array([judge(labels, (scores > each).astype(np.int64)) for each in thresholds])
    smooth = np.convolve(np.pad(values, 2, mode="edge"), np.ones(5) / 5, mode="valid")
    threshold = float(np.clip(thresholds[int(smooth.argmax())], _SMALLEST, 1 - _SMALLEST))
    usual = judge(labels, (scores > 0.5).astype(np.int64))  # noqa: PLR2004
    if judge(labels, (scores > threshold).astype(np.int64)) <= usual:
        threshold = 0.5
    return np.array([threshold, 1 - threshold])


def _accuracy(labels: Array, chosen: Array) -> float:
    return float((labels == chosen).mean())


def _balanced(labels: Array, chosen: Array) -> float:
    present = np.unique(labels)
    return float(np.mean([(chosen[labels == code] == code).mean() for code in present]))


def _f1(labels: Array, chosen: Array) -> float:
    if labels.max(initial=0) <= 1 and chosen.max(initial=0) <= 1:
        return float(sk.f1_score(labels, chosen, zero_division=0))
    return float(sk.f1_score(labels, chosen, average="macro", zero_division=0))


def _f1_weighted(labels: Array, chosen: Array) -> float:
    return float(sk.f1_score(labels, chosen, average="weighted", zero_division=0))


def _mcc(labels: Array, chosen: Array) -> float:
    return float(sk.matthews_corrcoef(labels, chosen))


_JUDGES: Mapping[str, Callable[[Array, Array], float]] = {
    "accuracy": _accuracy,
    "balanced_accuracy": _balanced,
    "f1": _f1,
    "f1_weighted": _f1_weighted,
    "mcc": _mcc,
}
