"""Scales on which a numeric target is learned."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Self

import numpy as np

if TYPE_CHECKING:
    Array = np.ndarray[Any, Any]

_SKEWED = 1.0
_LARGEST_FACTOR = 2.0
_KEPT_SHARE = 0.9


@dataclass(frozen=True, slots=True)
class TargetScale:
    """A target value is learned as ``(f(value) - centre) / spread``, f being log1p or nothing.

    Attributes
    ----------
    low, high
        Bounds of the answers: the target's in training. What a line or a network says beyond is
        more often wrong by far than right.
    factor
        By which restored values are multiplied; corrects that the mean of a logarithm is not the
        logarithm of the mean (Duan, Smearing estimate, JASA 1983, fitted by least squares).
    """

    logarithm: bool
    centre: float
    spread: float
    low: float
    high: float
    factor: float = 1.0

    @classmethod
    def of(cls, labels: Array, *, logarithm: bool = False, standard: bool = True) -> Self:
        values = np.log1p(labels) if logarithm else labels
        low, high = float(labels.min()), float(labels.max())
        if not standard:
            return cls(logarithm, 0.0, 1.0, low, high)
        return cls(logarithm, float(values.mean()), float(values.std()) or 1.0, low, high)

    def learned(self, labels: Array) -> Array:
        values = np.log1p(labels) if self.logarithm else labels
        scaled: Array = (values - self.centre) / self.spread
        return scaled

    def restore(self, values: Array) -> Array:
        values = values * self.spread + self.centre
        if self.logarithm:
            values = np.expm1(np.minimum(values, 700.0))  # beyond, the number would be infinite
        restored: Array = np.clip(values * self.factor, self.low, self.high)
        return restored

    def with_factor(self, factor: float) -> TargetScale:
        return replace(self, factor=factor)


def smearing_factor(labels: Array, restored: Array) -> float:
    """Return the factor with which restored values fit the labels best in squares."""
    squares = float(restored @ restored)
    factor = float(labels @ restored) / squares if squares > 0 else 1.0
    return min(max(factor, 1 / _LARGEST_FACTOR), _LARGEST_FACTOR)


def is_too_fine(labels: Array) -> bool:
    """Whether single precision, in which LightGBM keeps a target, makes one of many of its values.

    So it is with amounts that are large and differ little.
    """
    distinct = np.unique(labels)
    return len(np.unique(distinct.astype("float32"))) < _KEPT_SHARE * len(distinct)


def suits_logarithm(labels: Array) -> bool:
    """Whether the target is positive and skewed, and less so on a logarithmic scale."""
    if labels.min() < 0 or labels.std() == 0:
        return False
    return _skew(labels) > _SKEWED and abs(_skew(np.log1p(labels))) < _skew(labels)


def _skew(values: Array) -> float:
    spread = values.std()
    return float((((values - values.mean()) / spread) ** 3).mean()) if spread > 0 else 0.0
