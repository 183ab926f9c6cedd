"""The split of a set and the error of predictions, the same for every engine."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.metrics import log_loss, roc_auc_score, root_mean_squared_error
from sklearn.model_selection import train_test_split

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd
    from bench.training.sets import Task

    Numbers = np.ndarray[tuple[Any, ...], np.dtype[Any]]

TEST_SHARE = 0.25


def split(
    frame: pd.DataFrame, target: str, task: Task, seed: int
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return training and test rows, numbered from 0; classes keep their shares."""
    labels = None if task == "regression" else frame[target]
    train, test = train_test_split(frame, test_size=TEST_SHARE, random_state=seed, stratify=labels)
    return train.reset_index(drop=True), test.reset_index(drop=True)


def error(task: Task, actual: pd.Series, predicted: Numbers, classes: Sequence[Any]) -> float:
    """Return what is to be small: 1 - ROC AUC, log loss, or root mean squared error.

    Parameters
    ----------
    predicted
        Numbers for a regression; else probabilities, a column for each of ``classes``.
    """
    if not np.isfinite(predicted).all():
        raise ValueError("a prediction is not a number")
    if task == "regression":
        return float(root_mean_squared_error(actual, predicted))
    if predicted.shape != (len(actual), len(classes)):
        raise ValueError(f"predictions have the shape {predicted.shape}")
    if task == "binary":
        return 1 - float(roc_auc_score(actual == classes[1], predicted[:, 1]))
    shares = predicted.astype("float64")
    shares = shares / shares.sum(axis=1, keepdims=True)
    return float(log_loss(actual, shares, labels=list(classes)))


def constant_error(task: Task, train: pd.Series, test: pd.Series, classes: Sequence[Any]) -> float:
    """Return the error of predicting the same for every row: the mean, or the classes' shares."""
    if task == "regression":
        return error(task, test, np.full(len(test), train.mean()), classes)
    shares = train.value_counts(normalize=True).reindex(classes).to_numpy()
    return error(task, test, np.tile(shares, (len(test), 1)), classes)
