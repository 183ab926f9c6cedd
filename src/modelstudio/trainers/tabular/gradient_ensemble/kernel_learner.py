"""Fits kernel machines on landmark rows: close rows have close answers, unlike in trees."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import numpy as np

from modelstudio.trainers.tabular.gradient_ensemble.finishing import finished
from modelstudio.trainers.tabular.gradient_ensemble.kernel import (
    KernelShape,
    median_distance,
    relevances,
    similarities,
    squared_distances,
    whitening,
)
from modelstudio.trainers.tabular.gradient_ensemble.penalised import path, some_rows
from modelstudio.trainers.tabular.gradient_ensemble.served import Kernel
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

POWERS = {"laplace": 1, "gauss": 2}
_BANDWIDTHS = {"laplace": 3.0, "gauss": 1.0}
#: Of the mean loss, on features with the kernel's norm; the strongest first.
_PENALTIES = (1e-2, 1e-3, 1e-4, 1e-5, 1e-6, 1e-7)
#: The path ends when it has become worse so many times in a row.
_PATIENCE = 2
_LANDMARKS, _FEWEST_LANDMARKS = 600, 100
#: Numbers of all landmarks; each fold's model has its own.
_MOST_NUMBERS = 200_000
_MOST_ROWS = 30_000
#: So many valid rows tell penalties apart.
_MOST_JUDGED = 8_192
#: Distance of two categories, in standard deviations of a number.
_HOT_SCALE = 0.7
#: Products of a float32 matrix that one thread makes in a second, less than that to be safe, and
#: passes over the features that a fit takes.
_PRODUCTS_A_SECOND, _PASSES = 8e9, 300


class KernelLearner:
    def __init__(self, problem: Problem) -> None:
        self._problem = problem
        self._columns: Array | None = None
        self._scales = np.zeros(0, dtype=np.float32)

    def fit(self, candidate: Candidate, fold: Fold, pace: Pace) -> Fitted | None:
        """Choose the penalty by the loss on the valid rows."""
        started = time.monotonic()
        problem = self._problem
        rows = some_rows(problem, fold, _MOST_ROWS)
        most = self._most_landmarks(candidate, len(rows))
        count = _affordable(most, len(rows) * problem.width, pace)
        if count < min(_FEWEST_LANDMARKS, most):
            return None
        scale = None
        if problem.kind == "regression":
            scale = TargetScale.of(problem.labels[rows], logarithm=candidate.logarithm)
        source = np.random.default_rng([problem.seed, fold.number, 13])
        values = problem.inputs.dense.take(rows, axis=0).take(self._compared(), axis=1)
        shape = self._shape(candidate, values, _targets(problem, rows, scale), count, source)
        penalties = self._penalties(candidate, pace)
        best = self._best(shape, values, rows, fold, pace, penalties, scale)
        if best is None:
            return None
        _, penalty, model = best
        return finished(
            problem,
            fold,
            pace,
            model,
            rounds=1,
            rate=penalty,
            started=started,
            was_cut=pace.is_over,
        )

    def _most_landmarks(self, candidate: Candidate, rows: int) -> int:
        wanted = candidate.parameters.get("landmarks", _LANDMARKS)
        return int(min(wanted, rows, _MOST_NUMBERS // max(len(self._compared()), 1)))

    def _compared(self) -> Array:
        """Return the columns that are compared: all but the intervals, which repeat the numbers."""
        if self._columns is None:
            inputs = self._problem.inputs
            encoder = inputs.encoder
            numbers = len(encoder.numbers)
            first = numbers + len(encoder.flagged)
            last = first + len(encoder.piece_features)
            self._columns = np.concatenate([np.arange(first), np.arange(last, encoder.width)])
            scales = np.full(len(self._columns), _HOT_SCALE, dtype=np.float32)
            spread = inputs.dense[:, :numbers].std(axis=0)
            scales[:numbers] = np.where(spread > 0, 1 / np.where(spread > 0, spread, 1), 0)
            self._scales = scales
        return self._columns

    def _shape(
        self,
        candidate: Candidate,
        values: Array,
        targets: Array,
        count: int,
        source: np.random.Generator,
    ) -> KernelShape:
        """Choose landmarks among the rows, and scales by which columns matter."""
        kind = candidate.parameters.get("kernel", "laplace")
        power = POWERS[kind]
        bandwidth = candidate.parameters.get("bandwidth", _BANDWIDTHS[kind])
        places = np.sort(source.choice(len(values), count, replace=False))

        def spread_out(scales: Array) -> Array:
            distance = median_distance(values * scales, source)
            spread: Array = scales / np.float32(bandwidth * distance)
            return spread

        scales = spread_out(self._scales)
        if candidate.parameters.get("relevance", True):
            scaled = values * scales
            factors = relevances(scaled, targets, scaled[places], power, source)
            scales = spread_out(self._scales * factors)
        return KernelShape(self._compared(), scales, values[places] * scales, np.array(power))

    def _best(
        self,
        shape: KernelShape,
        values: Array,
        rows: Array,
        fold: Fold,
        pace: Pace,
        penalties: tuple[float, ...],
        scale: TargetScale | None,
    ) -> tuple[float, float, Kernel] | None:
        problem, power = self._problem, int(shape.power)
        white = whitening(shape.landmarks, power)
        squared = squared_distances(values * shape.scales, shape.landmarks)
        features = similarities(squared, power) @ white
        judged = fold.valid[:: -(-len(fold.valid) // _MOST_JUDGED)]
        similar = shape.similarities(problem.inputs.dense[judged])
        best: tuple[float, float, Kernel] | None = None
        worse = 0
        found = path(problem, features, rows, penalties, pace, scale)
        for penalty, (weights, bias) in zip(penalties, found, strict=False):
            model = Kernel(shape, white @ weights, bias, problem.classes, scale)
            loss = problem.metric.loss(problem.labels[judged], model.answer_similar(similar))
            settled = pace.rounds is not None
            if settled or best is None or loss < best[0]:
                best, worse = (loss, penalty, model), 0
            else:
                worse += 1
                if worse >= _PATIENCE:
                    break
        return best

    def _penalties(self, candidate: Candidate, pace: Pace) -> tuple[float, ...]:
        chosen = candidate.parameters.get("penalty")
        if chosen is not None:
            return (float(chosen),)
        if pace.rounds is not None and pace.rate is not None:
            # The same way to the penalty that the other folds chose.
            return tuple(each for each in _PENALTIES if each >= pace.rate)
        return _PENALTIES


def _affordable(most: int, numbers: int, pace: Pace) -> int:
    """Return how many landmarks fit the time, by a count of the products of rows and outputs."""
    if pace.seconds is None:
        return most
    return min(most, int(pace.seconds * _PRODUCTS_A_SECOND / (_PASSES * numbers)))


def _targets(problem: Problem, rows: Array, scale: TargetScale | None) -> Array:
    """Return centred targets (rows, outputs) of a least squares fit."""
    labels = problem.labels[rows]
    if scale is not None:
        targets = scale.learned(labels)[:, None]
    elif problem.width == 1:
        targets = labels[:, None].astype(np.float64)
    else:
        targets = np.eye(problem.classes)[labels]
    centred: Array = (targets - targets.mean(axis=0)).astype(np.float32)
    return centred
