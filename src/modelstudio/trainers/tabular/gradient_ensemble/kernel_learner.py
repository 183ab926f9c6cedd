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
from modelstudio.trainers.tabular.gradient_ensemble.penalised import logistic_path, ridge_path
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
        problem, rows = self._problem, fold.train
        source = np.random.default_rng([problem.seed, fold.number, 13])
        if len(rows) > _MOST_ROWS:
            rows = np.sort(source.choice(rows, _MOST_ROWS, replace=False))
        count = self._landmarks(candidate, len(rows), pace)
        if count < min(_FEWEST_LANDMARKS, len(rows)):
            return None
        scale = None
        if problem.kind == "regression":
            scale = TargetScale.of(problem.labels[rows], logarithm=candidate.logarithm)
        shape = self._shape(candidate, rows, count, scale, source)
        best = self._best(shape, rows, fold, pace, candidate, scale)
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

    def _landmarks(self, candidate: Candidate, rows: int, pace: Pace) -> int:
        """Return how many fit the model's size and, by a count of its products, the time."""
        columns = len(self._compared())
        most = candidate.parameters.get("landmarks", _LANDMARKS)
        most = int(min(most, rows, _MOST_NUMBERS // max(columns, 1)))
        if pace.seconds is None:
            return most
        possible = pace.seconds * _PRODUCTS_A_SECOND / (_PASSES * rows * self._problem.width)
        return min(most, int(possible))

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
        rows: Array,
        count: int,
        scale: TargetScale | None,
        source: np.random.Generator,
    ) -> KernelShape:
        problem = self._problem
        kind = candidate.parameters.get("kernel", "laplace")
        power = POWERS[kind]
        bandwidth = candidate.parameters.get("bandwidth", _BANDWIDTHS[kind])
        columns = self._compared()
        values = problem.inputs.dense[np.ix_(rows, columns)]
        places = np.sort(source.choice(len(rows), count, replace=False))
        scales = self._scales / np.float32(
            bandwidth * median_distance(values * self._scales, source)
        )
        if candidate.parameters.get("relevance", True):
            scaled = values * scales
            targets = _targets(problem, rows, scale)
            factors = relevances(scaled, targets, scaled[places], power, source)
            scales = self._scales * factors
            distance = median_distance(values * scales, source)
            scales = scales / np.float32(bandwidth * distance)
        landmarks = values[places] * scales
        return KernelShape(columns, scales, landmarks, np.array(power))

    def _best(
        self,
        shape: KernelShape,
        rows: Array,
        fold: Fold,
        pace: Pace,
        candidate: Candidate,
        scale: TargetScale | None,
    ) -> tuple[float, float, Kernel] | None:
        problem = self._problem
        power = int(shape.power)
        white = whitening(shape.landmarks, power)
        values = problem.inputs.dense[np.ix_(rows, shape.columns)] * shape.scales
        features = similarities(squared_distances(values, shape.landmarks), power) @ white
        penalties = self._penalties(candidate, pace)
        if scale is None:
            path = logistic_path(features, problem.labels[rows], problem.width, penalties, pace)
        else:
            path = ridge_path(features, scale.learned(problem.labels[rows]), penalties)
        valid = problem.inputs.take(fold.valid)
        best: tuple[float, float, Kernel] | None = None
        worse = 0
        for penalty, (weights, bias) in zip(penalties, path, strict=False):
            model = Kernel(shape, white @ weights, bias, problem.classes, scale)
            loss = problem.metric.loss(problem.labels[fold.valid], model.predict(valid))
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
