"""Fits small fully connected networks, in numpy: no deep learning library is installed."""

from __future__ import annotations

import time
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

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

_RATE = 3e-3
_EPOCHS = 60
_FEWEST_EPOCHS = 4
#: Share of the epochs without a gain after which the rest is not run.
_PATIENCE = 0.4
_PROBED_SECONDS = 0.3
_MOMENTUM, _SQUARES, _EPSILON = 0.9, 0.95, 1e-8
_DECAY = 0.02
_DROPOUT = 0.1


class NetworkLearner:
    def __init__(self, problem: Problem) -> None:
        self._problem = problem

    def fit(self, candidate: Candidate, fold: Fold, pace: Pace) -> Fitted | None:
        """Learn for as many epochs as fit the time, and keep the epoch with the lowest loss."""
        started = time.monotonic()
        problem = self._problem
        scale = None
        if problem.kind == "regression":
            scale = TargetScale.of(problem.labels[fold.train], logarithm=candidate.logarithm)
            labels = scale.learned(problem.labels).astype(np.float32)
        else:
            labels = problem.labels
        training = _Training(problem, candidate, fold, labels)
        epochs = self._epochs(training, candidate, pace)
        if epochs < _FEWEST_EPOCHS:
            return None
        best, curve = self._learn(training, fold, pace, epochs, scale)
        if best is None:
            return None
        return finished(
            problem,
            fold,
            pace,
            best[2],
            rounds=best[1],
            rate=float(epochs),
            started=started,
            was_cut=pace.is_over,
            curve_metric=problem.metric.criterion,
            curve=curve,
        )

    def _learn(
        self, training: _Training, fold: Fold, pace: Pace, epochs: int, scale: TargetScale | None
    ) -> tuple[tuple[float, int, Network] | None, list[tuple[int, float]]]:
        problem = self._problem
        valid = problem.inputs.take(fold.valid)
        best: tuple[float, int, Network] | None = None
        curve = []
        last = pace.rounds or epochs
        for epoch in range(1, last + 1):
            if not training.run(epoch, epochs, pace):
                break
            if epoch < last and (pace.rounds or (epoch < last // 2 and epoch % 3)):
                continue  # early epochs are hardly ever the best
            model = Network(training.layers(), problem.classes, scale)
            loss = problem.metric.loss(problem.labels[fold.valid], model.predict(valid))
            curve.append((epoch, problem.metric.shown(loss)))
            if best is None or loss < best[0]:
                best = loss, epoch, model
            elif not pace.rounds and epoch - best[1] > _PATIENCE * epochs:
                break
        return best, curve

    def _epochs(self, training: _Training, candidate: Candidate, pace: Pace) -> int:
        wanted = int(pace.rate or candidate.parameters.get("epochs", _EPOCHS))
        if pace.seconds is None or pace.rate is not None:
            return wanted
        per_epoch = training.probe(min(_PROBED_SECONDS, pace.seconds / 10))
        left = min(pace.seconds, pace.deadline - time.monotonic()) * 0.9
        return min(int(left / per_epoch), wanted)


@dataclass(slots=True)
class _Shape:
    """Where each layer's weights and biases lie in the flat vector of parameters."""

    weights: list[tuple[slice, tuple[int, int]]]
    biases: list[slice]
    size: int


class _Training:
    """AdamW over mini-batches with a learning rate that falls along a cosine.

    Loshchilov and Hutter: Decoupled weight decay regularization, ICLR 2019.
    """

    def __init__(self, problem: Problem, candidate: Candidate, fold: Fold, labels: Array) -> None:
        self._problem = problem
        self._values = problem.inputs.dense[fold.train]
        self._labels = labels[fold.train]
        self._source = np.random.default_rng([problem.seed, fold.number, 7])
        hidden = tuple(candidate.parameters.get("hidden", (192, 192)))
        self._shape = _shape((self._values.shape[1], *hidden, problem.width))
        self._rate = candidate.parameters.get("learning_rate", _RATE)
        self._dropout = candidate.parameters.get("dropout", _DROPOUT)
        rows = len(self._labels)
        self._batch = int(min(max(2 ** round(np.log2(rows / 30 + 1)), 16), 512))
        self._begin()

    def _begin(self) -> None:
        self._flat = np.zeros(self._shape.size, dtype=np.float32)
        for number, (where, (fan_in, fan_out)) in enumerate(self._shape.weights):
            gain = 1.0 if number == len(self._shape.weights) - 1 else 2.0
            spread = np.sqrt(gain / max(fan_in, 1))
            self._flat[where] = self._source.normal(0, spread, fan_in * fan_out)
        self._gradient = np.zeros_like(self._flat)
        self._first = np.zeros_like(self._flat)
        self._second = np.zeros_like(self._flat)
        self._steps = 0

    def layers(self) -> list[tuple[Array, Array]]:
        flat = self._flat.copy()
        return [
            (flat[where].reshape(shape), flat[bias])
            for (where, shape), bias in zip(self._shape.weights, self._shape.biases, strict=True)
        ]

    def probe(self, seconds: float) -> float:
        """Return the seconds that an epoch takes, and begin anew."""
        started = time.monotonic()
        state = self._source.bit_generator.state
        batches = 0
        while batches < 3 or time.monotonic() - started < seconds:  # noqa: PLR2004
            self._step(self._source.integers(0, len(self._labels), self._batch), 0.0)
            batches += 1
        spent = (time.monotonic() - started) / batches
        self._source.bit_generator.state = state
        self._begin_again()
        return max(spent * (len(self._labels) / self._batch) * 1.1, 1e-4)

    def _begin_again(self) -> None:
        self._first[:] = 0
        self._second[:] = 0
        self._steps = 0

    def run(self, epoch: int, epochs: int, pace: Pace) -> bool:
        """Learn every row once; False when the time ended first."""
        order = self._source.permutation(len(self._labels))
        batches = max(len(order) // self._batch, 1)
        for number in range(batches):
            progress = (epoch - 1 + number / batches) / epochs
            rate = self._rate * 0.5 * (1 + np.cos(np.pi * progress))
            self._step(order[number * self._batch : (number + 1) * self._batch], rate)
            if number % 16 == 0 and pace.is_over:
                return False
        return True

    def _step(self, rows: Array, rate: float) -> None:
        self._backward(self._values[rows], self._labels[rows])
        self._steps += 1
        gradient, first, second = self._gradient, self._first, self._second
        first *= _MOMENTUM
        first += (1 - _MOMENTUM) * gradient
        second *= _SQUARES
        np.square(gradient, out=gradient)
        second += (1 - _SQUARES) * gradient
        step = rate / (1 - _MOMENTUM**self._steps)
        np.sqrt(second, out=gradient)
        gradient /= np.float32(np.sqrt(1 - _SQUARES**self._steps))
        gradient += _EPSILON
        np.divide(first, gradient, out=gradient)
        gradient *= np.float32(step)
        self._flat *= np.float32(1 - rate * _DECAY)
        self._flat -= gradient

    def _backward(self, values: Array, labels: Array) -> None:
        shape, flat = self._shape, self._flat
        last = len(shape.weights) - 1
        activations, masks = [values], []
        for number, ((where, size), bias) in enumerate(
            zip(shape.weights, shape.biases, strict=True)
        ):
            values = values @ flat[where].reshape(size) + flat[bias]
            if number < last:
                mask = (values > 0).astype(np.float32)
                if self._dropout:
                    kept = self._source.random(values.shape, dtype=np.float32) >= self._dropout
                    mask *= kept / np.float32(1 - self._dropout)
                values = values * mask
                masks.append(mask)
                activations.append(values)
        error = self._error(values, labels)
        for number in range(last, -1, -1):
            where, size = shape.weights[number]
            self._gradient[where] = (activations[number].T @ error).ravel()
            self._gradient[shape.biases[number]] = error.sum(axis=0)
            if number:
                error = (error @ flat[where].reshape(size).T) * masks[number - 1]

    def _error(self, scores: Array, labels: Array) -> Array:
        """Return the gradient of the batch's mean loss by the scores."""
        kind = self._problem.kind
        if kind == "regression":
            error = scores - labels[:, None]
            if "absolute" in self._problem.metric.criterion:
                error = np.clip(error * 4, -1, 1)
        elif kind == "binary":
            error = probabilities(scores[:, 0])[:, None] - labels[:, None]
        else:
            error = probabilities(scores)
            error[np.arange(len(labels)), labels] -= 1
        scaled: Array = (error / len(labels)).astype(np.float32)
        return scaled


def _shape(sizes: tuple[int, ...]) -> _Shape:
    weights, biases, start = [], [], 0
    for fan_in, fan_out in pairwise(sizes):
        weights.append((slice(start, start + fan_in * fan_out), (fan_in, fan_out)))
        start += fan_in * fan_out
        biases.append(slice(start, start + fan_out))
        start += fan_out
    return _Shape(weights, biases, start)
