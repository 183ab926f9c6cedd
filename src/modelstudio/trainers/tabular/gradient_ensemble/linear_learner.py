"""Fits linear models: ridge regression, and logistic regression with a quadratic penalty."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.linalg import eigh
from scipy.optimize import minimize

from modelstudio.trainers.tabular.gradient_ensemble.finishing import finished
from modelstudio.trainers.tabular.gradient_ensemble.served import Network, probabilities
from modelstudio.trainers.tabular.gradient_ensemble.targets import TargetScale

if TYPE_CHECKING:
    from modelstudio.trainers.tabular.gradient_ensemble.problem import (
        Candidate,
        Fitted,
        Fold,
        Pace,
        Problem,
    )

    Array = np.ndarray[Any, Any]

#: Penalties tried, as a share of the rows, the strongest first: each starts from the one before.
_PENALTIES = (1e-1, 1e-2, 1e-3, 1e-4)
_MOST_STEPS = 60
#: Rows beyond these change a linear model little.
_MOST_ROWS = 60_000


class _OutOfTimeError(Exception):
    pass


class LinearLearner:
    def __init__(self, problem: Problem) -> None:
        self._problem = problem

    def fit(self, candidate: Candidate, fold: Fold, pace: Pace) -> Fitted | None:
        """Choose the penalty by the loss on the valid rows."""
        started = time.monotonic()
        problem = self._problem
        rows = fold.train
        if len(rows) > _MOST_ROWS:
            source = np.random.default_rng([problem.seed, fold.number])
            rows = np.sort(source.choice(rows, _MOST_ROWS, replace=False))
        dense = problem.inputs.dense
        penalties: tuple[float, ...] = _PENALTIES
        if pace.rounds is not None or "penalty" in candidate.parameters:
            penalties = (pace.rate or candidate.parameters["penalty"],)
        scale = None
        if problem.kind == "regression":
            scale = TargetScale.of(problem.labels[rows], logarithm=candidate.logarithm)
            found = _ridge(dense[rows], scale.learned(problem.labels[rows]), penalties)
        else:
            found = _logistic(dense[rows], problem.labels[rows], problem.width, penalties, pace)
        valid = problem.inputs.take(fold.valid)
        best: tuple[float, int, Network] | None = None
        for number, layer in enumerate(found):
            model = Network([layer], problem.classes, scale)
            loss = problem.metric.loss(problem.labels[fold.valid], model.predict(valid))
            if best is None or loss < best[0]:
                best = loss, number, model
        if best is None:
            return None
        _, number, model = best
        rate = penalties[number]
        return finished(problem, fold, pace, model, rounds=1, rate=rate, started=started)


def _ridge(values: Array, target: Array, penalties: tuple[float, ...]) -> list[tuple[Array, Array]]:
    """Solve for all penalties from one decomposition of the normal equations."""
    x = values.astype(np.float64)
    centre, mean = x.mean(axis=0), target.mean()
    x -= centre
    roots, vectors = eigh(x.T @ x / len(x))
    projected = vectors.T @ (x.T @ (target - mean) / len(x))
    layers = []
    for penalty in penalties:
        weights = vectors @ (projected / (np.maximum(roots, 0) + penalty))
        bias = mean - centre @ weights
        layers.append((weights[:, None].astype(np.float32), np.array([bias], dtype=np.float32)))
    return layers


def _logistic(
    values: Array, labels: Array, width: int, penalties: tuple[float, ...], pace: Pace
) -> list[tuple[Array, Array]]:
    """Minimise the mean log loss plus the penalty, by L-BFGS, until the time is over."""
    columns = values.shape[1]
    point = np.zeros((columns + 1) * width)
    prior = _prior(labels, width)
    point[columns * width :] = prior
    layers: list[tuple[Array, Array]] = []
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
        layers.append(_layer(point, columns, width))
        if pace.is_over:
            break
    return layers


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
