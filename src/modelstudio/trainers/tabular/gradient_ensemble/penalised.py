"""Solves linear models along a path of quadratic penalties, each from the one before."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.linalg import eigh
from scipy.optimize import minimize

from modelstudio.trainers.tabular.gradient_ensemble.served import probabilities

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from modelstudio.trainers.tabular.gradient_ensemble.problem import Fold, Pace, Problem
    from modelstudio.trainers.tabular.gradient_ensemble.targets import TargetScale

    Array = np.ndarray[Any, Any]

_MOST_STEPS = 60


class _OutOfTimeError(Exception):
    pass


def path(
    problem: Problem,
    values: Array,
    rows: Array,
    penalties: Sequence[float],
    pace: Pace,
    scale: TargetScale | None,
) -> Iterator[tuple[Array, Array]]:
    """Yield weights and bias for each penalty in turn.

    Parameters
    ----------
    values
        What is learned from, a line for each of ``rows``.
    scale
        Of a numeric target; None for classes.
    """
    labels = problem.labels[rows]
    if scale is not None:
        return ridge_path(values, scale.learned(labels), penalties)
    return logistic_path(values, labels, problem.width, penalties, pace)


def some_rows(problem: Problem, fold: Fold, most: int) -> Array:
    """Return the rows that a fold learns from, or as many, chosen at random."""
    if len(fold.train) <= most:
        return fold.train
    source = np.random.default_rng([problem.seed, fold.number])
    return np.sort(source.choice(fold.train, most, replace=False))


def ridge_path(
    values: Array, target: Array, penalties: Sequence[float]
) -> Iterator[tuple[Array, Array]]:
    """Yield weights and bias for each penalty, from one decomposition of the normal equations."""
    x = values.astype(np.float64)
    centre, mean = x.mean(axis=0), target.mean()
    x -= centre
    roots, vectors = eigh(x.T @ x / len(x))
    projected = vectors.T @ (x.T @ (target - mean) / len(x))
    for penalty in penalties:
        weights = vectors @ (projected / (np.maximum(roots, 0) + penalty))
        bias = mean - centre @ weights
        yield weights[:, None].astype(np.float32), np.array([bias], dtype=np.float32)


def logistic_path(
    values: Array, labels: Array, width: int, penalties: Sequence[float], pace: Pace
) -> Iterator[tuple[Array, Array]]:
    """Yield weights and bias that minimise the mean log loss plus each penalty in turn.

    By L-BFGS; the path ends when the time is over.
    """
    columns = values.shape[1]
    point = np.zeros((columns + 1) * width)
    point[columns * width :] = _prior(labels, width)
    latest = point

    def keep(x: Array) -> None:
        nonlocal latest
        latest = x.copy()
        if pace.is_over:
            raise _OutOfTimeError

    for penalty in penalties:
        arguments = (values, labels, width, penalty)
        try:
            found = minimize(
                _objective,
                point,
                arguments,
                method="L-BFGS-B",
                jac=True,
                callback=keep,
                options={"maxiter": _MOST_STEPS},
            )
            point = found.x
        except _OutOfTimeError:
            point = latest
        yield _layer(point, columns, width)
        if pace.is_over:
            return


def _prior(labels: Array, width: int) -> Array:
    if width == 1:
        share = min(max(float(labels.mean()), 1e-6), 1 - 1e-6)
        return np.array([np.log(share / (1 - share))])
    counts = np.bincount(labels, minlength=width) + 1.0
    logs: Array = np.log(counts / counts.sum())
    return logs


def _layer(point: Array, columns: int, width: int) -> tuple[Array, Array]:
    weights = point[: columns * width].reshape(columns, width)
    return weights.astype(np.float32), point[columns * width :].astype(np.float32)


def _objective(
    point: Array, values: Array, labels: Array, width: int, penalty: float
) -> tuple[float, Array]:
    weights, bias = _layer(point, values.shape[1], width)
    scores = (values @ weights + bias).astype(np.float64)
    rows = np.arange(len(labels))
    if width == 1:
        guess = probabilities(scores[:, 0])
        loss = float(np.logaddexp(0, np.where(labels == 1, -scores[:, 0], scores[:, 0])).mean())
        error = (guess - labels)[:, None]
    else:
        error = probabilities(scores)
        loss = float(-np.log(np.maximum(error[rows, labels], 1e-300)).mean())
        error[rows, labels] -= 1
    error /= len(labels)
    exact = point[: values.shape[1] * width]
    gradient = (values.T @ error.astype(np.float32)).astype(np.float64).ravel() + penalty * exact
    return (
        loss + 0.5 * penalty * float(exact @ exact),
        np.concatenate([gradient, error.sum(axis=0)]),
    )
