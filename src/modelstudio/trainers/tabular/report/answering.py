"""Rows for which a model gives no number, so that one such row does not spoil every metric."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from modelstudio.trainers.tabular.report.subject import Predictions

if TYPE_CHECKING:
    from modelstudio.trainers.tabular.report.subject import Subject

    Array = np.ndarray[Any, np.dtype[Any]]


def constant_answer(subject: Subject) -> tuple[float | int, Array | None]:
    """Return the best answer that is the same for all rows, from the training rows.

    The mean of the target and None, or the position of the largest class and the share of each.
    """
    labels = subject.training.labels
    if subject.objective == "regression":
        return float(labels.mean()), None
    counts = labels.value_counts().reindex(list(subject.classes), fill_value=0).to_numpy()
    return int(counts.argmax()), counts / max(counts.sum(), 1)


def filled(subject: Subject, predictions: Predictions) -> tuple[Predictions, int]:
    """Return predictions with the best constant answer where there is no number, and how often."""
    missing = _unanswered(subject, predictions)
    if not missing.any():
        return predictions, 0
    answer, shares = constant_answer(subject)
    if shares is None or predictions.probabilities is None:
        labels = np.where(missing, answer, np.asarray(predictions.labels, dtype="float64"))
        return Predictions(labels), int(missing.sum())
    labels = np.asarray(predictions.labels, dtype=object).copy()
    labels[missing] = subject.classes[int(answer)]
    probabilities = np.where(missing[:, None], shares, predictions.probabilities)
    return Predictions(labels, probabilities), int(missing.sum())


def _unanswered(subject: Subject, predictions: Predictions) -> Array:
    """Return which rows have NaN or infinity where a number should be, as booleans."""
    numbers = predictions.labels
    if predictions.probabilities is not None:
        numbers = predictions.probabilities
    elif subject.objective != "regression":
        return np.zeros(len(predictions.labels), dtype=bool)
    finite = np.isfinite(np.asarray(numbers, dtype="float64")).reshape(len(numbers), -1)
    missing: Array = ~finite.all(axis=1)
    return missing
