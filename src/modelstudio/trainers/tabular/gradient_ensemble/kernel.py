"""Similarities between rows, and which columns matter for them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.linalg import cho_factor, cho_solve, eigh

from modelstudio.trainers.tabular.gradient_ensemble.dense import dense_product

if TYPE_CHECKING:
    Array = np.ndarray[Any, Any]

#: Directions of the landmarks' similarities that are noise of ``float32``.
_NEGLIGIBLE_ROOT = 1e-6
_RIDGE = 1e-3
_PAIRS, _GRADIENT_ROWS = 500, 1_000
#: What a column that seems to be of no use keeps of its scale.
_LEAST_RELEVANCE = 0.03


@dataclass(frozen=True, slots=True)
class KernelShape:
    """What a row is compared with.

    Attributes
    ----------
    columns
        Positions of the columns of ``Inputs.dense`` that are compared.
    scales
        By which they are multiplied; the bandwidth is in them.
    landmarks
        Scaled rows (landmarks, columns), ``float32``.
    power
        1 for the Laplace kernel, 2 for the Gaussian; an array without dimensions.
    """

    columns: Array
    scales: Array
    landmarks: Array
    power: Array

    def similarities(self, dense: Array) -> Array:
        """Return (rows, landmarks), a row's own whatever the rows beside it."""
        # Not dense[:, columns]: its rows would lie apart in memory, and a product of them would be
        # rounded otherwise.
        values = dense.take(self.columns, axis=1) * self.scales
        return similarities(squared_distances(values, self.landmarks), int(self.power))


def squared_distances(rows: Array, landmarks: Array) -> Array:
    """Return (rows, landmarks) of two matrices with the same columns."""
    ones = np.ones((rows.shape[1], 1), dtype=np.float32)
    squares = dense_product(rows * rows, ones)
    distances = dense_product(rows, np.ascontiguousarray(-2 * landmarks.T))
    distances += squares
    distances += (landmarks * landmarks).sum(axis=1)
    np.maximum(distances, 0, out=distances)
    return distances


def similarities(squared: Array, power: int) -> Array:
    exponents = -squared if power == 2 else -np.sqrt(squared)  # noqa: PLR2004
    result: Array = np.exp(exponents, out=exponents)
    return result


def median_distance(values: Array, source: np.random.Generator) -> float:
    """Return the median distance between rows drawn in pairs; 1 when all are alike."""
    one, other = source.integers(0, len(values), (2, _PAIRS))
    distances = np.sqrt(np.square(values[one] - values[other]).sum(axis=1))
    distances = distances[distances > 0]
    return float(np.median(distances)) if len(distances) else 1.0


def whitening(landmarks: Array, power: int) -> Array:
    """Return what turns similarities to the landmarks into features with the kernel's norm.

    Williams, Seeger: Using the Nyström method to speed up kernel machines, NIPS 2000.
    """
    among = similarities(squared_distances(landmarks, landmarks), power).astype(np.float64)
    roots, vectors = eigh(among)
    kept = roots > _NEGLIGIBLE_ROOT * roots[-1]
    white: Array = (vectors[:, kept] / np.sqrt(roots[kept])).astype(np.float32)
    return white


def relevances(
    values: Array, targets: Array, landmarks: Array, power: int, source: np.random.Generator
) -> Array:
    """Return a factor for each column: how much predictions change along it.

    A least squares fit with equal scales, then the root of the mean square of its derivative by
    each column; the diagonal, tempered form of Radhakrishnan, Beaglehole, Pandit, Belkin: Mechanism
    for feature learning in neural networks and backpropagation-free machine learning models,
    Science 383, 2024. ``values`` are scaled rows, ``targets`` (rows, outputs) are centred.
    """
    white = whitening(landmarks, power)
    features = similarities(squared_distances(values, landmarks), power) @ white
    normal = (features.T @ features).astype(np.float64) / len(features)
    normal[np.diag_indices_from(normal)] += _RIDGE
    moments = (features.T @ targets).astype(np.float64) / len(features)
    weights = white @ cho_solve(cho_factor(normal), moments).astype(np.float32)
    rows = values
    if len(values) > _GRADIENT_ROWS:
        rows = values[source.choice(len(values), _GRADIENT_ROWS, replace=False)]
    squared = squared_distances(rows, landmarks)
    slopes = similarities(squared, power)
    slopes = 2 * slopes if power == 2 else slopes / np.maximum(np.sqrt(squared), 1e-6)  # noqa: PLR2004
    total = np.zeros(values.shape[1])
    for output in weights.T:
        pull = slopes * output
        gradient = rows * pull.sum(axis=1, keepdims=True) - pull @ landmarks
        total += np.square(gradient.astype(np.float64)).mean(axis=0)
    largest = total.max(initial=0)
    if not largest > 0 or not np.isfinite(largest):
        return np.ones(values.shape[1], dtype=np.float32)
    factors: Array = np.sqrt(np.sqrt(total / largest) + _LEAST_RELEVANCE**2)
    return factors.astype(np.float32)
