"""Rows for which a model gives no number, so that one such row does not spoil every metric."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from modelstudio.trainers.tabular.report.subject import Predictions

if TYPE_CHECKING:
    from modelstudio.trainers.tabular.report.subject import Subject

    Array = np.ndarray[Any, np.dtype[Any]]


def unanswered(subject: Subject, predictions: Predictions) -> Array:
    """Return which rows have NaN or infinity where a number should be, as booleans."""
    numbers = predictions.labels
    if predictions.probabilities is not None:
        numbers = predictions.probabilities
    elif subject.objective != "regression":
        return np.zeros(len(predictions.labels), dtype=bool)
    finite = np.isfinite(np.asarray(numbers, dtype="float64")).reshape(len(numbers), -1)
    missing: Array = ~finite.all(axis=1)
    return missing


def filled(subject: Subject, predictions: Predictions) -> Predictions:
    """Return the predictions with the best constant answer in the rows that have none.

    That is the mean of the training rows' target, or the classes' shares in them.
    """
    missing = unanswered(subject, predictions)
    if not missing.any():
        return predictions
    target = subject.training.labels
    if predictions.probabilities is None:
        labels = np.asarray(predictions.labels, dtype="float64").copy()
        labels[missing] = float(target.mean())
        return Predictions(labels)
    counts = target.value_counts().reindex(list(subject.classes), fill_value=0).to_numpy()
    labels = np.asarray(predictions.labels, dtype=object).copy()
    labels[missing] = subject.classes[int(counts.argmax())]
    probabilities = np.asarray(predictions.probabilities, dtype="float64").copy()
    probabilities[missing] = counts / max(counts.sum(), 1)
    return Predictions(labels, probabilities)
