"""Numbers that linear models and networks learn from: scaled values, flags, one-hot categories."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    Array = np.ndarray[Any, Any]

#: The sums of a matrix product depend on its shape in the last bit, so all have the same one.
_BLOCK = 4
_BATCH = 65_536
_MOST_LEVELS = 48
_MOST_COLUMNS = 800
_FEWEST_ROWS = 5
_SOFT_CLIP = 3.0
#: Bounds that keep every number finite: of values, of scaled ones, and of the factor between.
_LARGEST, _FARTHEST, _STEEPEST = 1e100, 1e6, 1e100
_MOST_PIECES = 16
_MOST_PIECE_COLUMNS = 600


def dense_product(values: Array, weights: Array) -> Array:
    """Multiply rows by a matrix so that a row's result does not depend on the rows beside it."""
    rows, width = values.shape
    blocks = -(-rows // _BLOCK)
    padded = values
    if blocks * _BLOCK != rows:
        padded = np.zeros((blocks * _BLOCK, width), dtype=values.dtype)
        padded[:rows] = values
    product = np.matmul(padded.reshape(blocks, _BLOCK, width), weights)
    result: Array = product.reshape(blocks * _BLOCK, -1)[:rows]
    return result


@dataclass(frozen=True, slots=True)
class DenseEncoder:
    """Turns a feature matrix into standardised ``float32`` columns.

    A number becomes its distance from the median in units of its quartile range, bent towards
    a limit for outliers (Holzmüller, Grinsztajn, Steinwart: Better by default, NeurIPS 2024), and
    how far it has come through each of the intervals between quantiles (Gorishniy, Rubachev,
    Babenko: On embeddings for numerical features, NeurIPS 2022), with a flag where values were
    missing. A category becomes one column a frequent level.

    Attributes
    ----------
    numbers, centres, scales
        Positions of the numeric features, their medians and the inverse of their spreads.
    flagged
        Positions of the numeric features that had missing values.
    piece_features, piece_lows, piece_slopes
        Position of the numeric feature of each interval, where the interval begins, and the
        inverse of its length.
    hot_features, hot_levels
        Position of the categorical feature of each one-hot column, and the level it stands for.
    """

    numbers: Array
    centres: Array
    scales: Array
    flagged: Array
    piece_features: Array
    piece_lows: Array
    piece_slopes: Array
    hot_features: Array
    hot_levels: Array

    @classmethod
    def fit(cls, matrix: Array, categories: Sequence[int]) -> Self:
        chosen = set(categories)
        numbers = np.array([i for i in range(matrix.shape[1]) if i not in chosen], dtype=np.int64)
        values = matrix[:, numbers]
        centres, scales = _spreads(values)
        flagged = numbers[np.isnan(values).any(axis=0)] if len(numbers) else numbers
        pieces = _pieces(matrix, numbers)
        features, levels = _frequent_levels(matrix, categories, _MOST_COLUMNS - len(numbers))
        return cls(numbers, centres, scales, flagged, *pieces, features, levels)

    @property
    def width(self) -> int:
        """Columns of the encoded rows."""
        parts = (self.numbers, self.flagged, self.piece_features, self.hot_features)
        return sum(len(part) for part in parts)

    def encode(self, matrix: Array) -> Array:
        """Return ``float32`` columns, each row from the same row alone."""
        encoded = np.empty((len(matrix), self.width), dtype=np.float32)
        for start in range(0, len(matrix), _BATCH):
            rows = slice(start, start + _BATCH)
            self._encode(matrix[rows], encoded[rows])
        return encoded

    def _encode(self, matrix: Array, encoded: Array) -> None:
        ends = np.cumsum([len(self.numbers), len(self.flagged), len(self.piece_features)])
        matrix = np.clip(matrix, -_LARGEST, _LARGEST)
        values = (matrix[:, self.numbers] - self.centres) * self.scales
        values = np.clip(values, -_FARTHEST, _FARTHEST)
        values = values / np.sqrt(1 + (values / _SOFT_CLIP) ** 2)
        encoded[:, : ends[0]] = np.where(np.isnan(values), 0, values)
        encoded[:, ends[0] : ends[1]] = np.isnan(matrix[:, self.flagged])
        pieces = (matrix[:, self.piece_features] - self.piece_lows) * self.piece_slopes
        encoded[:, ends[1] : ends[2]] = np.where(np.isnan(pieces), 0, np.clip(pieces, 0, 1))
        encoded[:, ends[2] :] = matrix[:, self.hot_features] == self.hot_levels

    def save(self, path: Path) -> None:
        np.savez_compressed(
            path, allow_pickle=False, **{name: getattr(self, name) for name in self.__slots__}
        )

    @classmethod
    def load(cls, path: Path) -> Self:
        with np.load(path, allow_pickle=False) as arrays:
            return cls(**{name: arrays[name] for name in arrays.files})


def _spreads(values: Array) -> tuple[Array, Array]:
    centres, scales = np.zeros(values.shape[1]), np.zeros(values.shape[1])
    for column in range(values.shape[1]):
        known = np.clip(values[~np.isnan(values[:, column]), column], -_LARGEST, _LARGEST)
        if not len(known):
            continue
        low, centre, high = np.quantile(known, [0.25, 0.5, 0.75])
        spread = high - low or (known.max() - known.min()) / 2
        centres[column], scales[column] = (
            centre,
            min(1 / spread, _STEEPEST) if spread > 1 / _STEEPEST else 0.0,
        )
    return centres, scales


def _pieces(matrix: Array, numbers: Array) -> tuple[Array, Array, Array]:
    features, lows, slopes = [], [], []
    most = min(_MOST_PIECES, _MOST_PIECE_COLUMNS // max(len(numbers), 1))
    for feature in numbers:
        known = np.clip(matrix[~np.isnan(matrix[:, feature]), feature], -_LARGEST, _LARGEST)
        if most < 2 or not len(known):  # noqa: PLR2004
            continue
        edges = np.unique(known[:: max(len(known) // 10_000, 1)])
        if len(edges) > most + 1:
            edges = np.unique(np.quantile(known, np.linspace(0, 1, most + 1)))
        if len(edges) < 3:  # noqa: PLR2004
            continue  # the scaled value says the same
        features += [int(feature)] * (len(edges) - 1)
        lows.append(edges[:-1])
        slopes.append(1 / np.maximum(np.diff(edges), 1 / _STEEPEST))
    empty = np.zeros(0)
    return (
        np.array(features, dtype=np.int64),
        np.concatenate([empty, *lows]),
        np.concatenate([empty, *slopes]),
    )


def _frequent_levels(matrix: Array, categories: Sequence[int], room: int) -> tuple[Array, Array]:
    """Return the feature and the level of each one-hot column, the most frequent levels."""
    found: list[tuple[int, int, float]] = []
    for feature in categories:
        levels, counts = np.unique(matrix[:, feature], return_counts=True)
        order = np.argsort(-counts, kind="stable")[:_MOST_LEVELS]
        known = [n for n in order if counts[n] >= _FEWEST_ROWS and not np.isnan(levels[n])]
        found += [(int(counts[n]), feature, float(levels[n])) for n in known]
    found = sorted(found, key=lambda each: -each[0])[: max(room, 0)]
    found.sort(key=lambda each: each[1:])
    features = np.array([feature for _, feature, _ in found], dtype=np.int64)
    return features, np.array([level for _, _, level in found], dtype=np.float64)
