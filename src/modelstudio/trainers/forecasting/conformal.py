"""Quantiles around point forecasts, from the errors in the backtest.

Split conformal prediction (Vovk, Gammerman and Shafer 2005) on errors made comparable: each is
divided by how hard its series is, how far ahead it is, and, where that helps, how large the
forecast is. So series without a backtest of their own get intervals too. Errors of a window are not
independent, as the method supposes, so quantiles from few windows lie further out.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Self

import numpy as np

from modelstudio.trainers.forecasting.evidence import (
    SERIES_IN_WINDOW,
    effective_size,
    widening,
)
from modelstudio.trainers.forecasting.metrics import mean_known, pinball

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from modelstudio.trainers.forecasting.panel import Floats

_POWERS: Final = (0.0, 0.5, 1.0)
#: A series' own errors count as much as this many errors of all series.
_SHRINKAGE: Final = 30.0
#: Errors that a step of the horizon should have; else it borrows from its neighbours.
_STEP_ERRORS: Final = 30
#: With this many independent errors, their own shape and a symmetric one count the same.
_SYMMETRY: Final = 10.0


@dataclass(frozen=True, slots=True)
class Calibration:
    """What turns a forecast into quantiles.

    Attributes
    ----------
    factors
        Item id to its errors in units of its scale; ``factor`` is for other items.
    profile
        Relative size of the errors by step of the horizon.
    power
        How the errors grow with the forecast's size relative to the mean over the horizon.
    quantiles
        Of the comparable errors, one a level.
    floor
        Quantiles are not below it.
    """

    levels: tuple[float, ...]
    factors: Mapping[str, float]
    factor: float
    profile: tuple[float, ...]
    power: float
    quantiles: tuple[float, ...]
    floor: float

    @classmethod
    def fit(
        cls,
        actual: Floats,
        predicted: Floats,
        scale: Floats,
        items: Sequence[str],
        levels: Sequence[float],
        floor: float,
    ) -> Self:
        """Learn from a backtest.

        Parameters
        ----------
        actual, predicted
            Windows by items by horizon; NaN where there is no actual value.
        scale
            Windows by items: how hard a series is, positive.
        """
        error = (actual - predicted) / scale[..., None]
        size = np.abs(error)
        factor = float(mean_known(size)) if np.isfinite(size).any() else 1.0
        known = np.isfinite(size).sum(axis=(0, 2))
        total = np.nansum(size, axis=(0, 2))
        own = (total + _SHRINKAGE * factor) / (known + _SHRINKAGE)
        own = np.where(own > 0, own, 1.0)
        comparable = error / own[None, :, None]
        profile = _profile(np.abs(comparable))
        comparable = comparable / profile
        power = _best_power(comparable, predicted, levels)
        comparable = comparable / _growth(predicted, power)
        return cls(
            levels=tuple(levels),
            factors={item: float(value) for item, value in zip(items, own, strict=True)},
            factor=factor or 1.0,
            profile=tuple(float(value) for value in profile),
            power=power,
            quantiles=_cautious(comparable, levels),
            floor=floor,
        )

    def apply(self, predicted: Floats, scale: Floats, items: Sequence[str]) -> Floats:
        """Return quantiles, the levels along a last axis, ascending.

        Parameters
        ----------
        predicted
            (Windows by) items by horizon.
        scale
            (Windows by) items.
        """
        own = np.array([self.factors.get(item, self.factor) for item in items])
        width = (scale * own)[..., None] * np.array(self.profile)
        width = width * _growth(predicted, self.power)
        found = predicted[..., None] + width[..., None] * np.array(self.quantiles)
        return np.asarray(np.maximum(np.sort(found, axis=-1), self.floor))

    def as_json(self) -> dict[str, Any]:
        """Return it as plain values; the floor is None for none."""
        floor = self.floor if np.isfinite(self.floor) else None
        return {
            "levels": list(self.levels), "factors": dict(self.factors), "factor": self.factor,
            "profile": list(self.profile), "power": self.power,
            "quantiles": list(self.quantiles), "floor": floor,
        }  # fmt: skip

    @classmethod
    def of_json(cls, state: Mapping[str, Any]) -> Self:
        return cls(
            levels=tuple(state["levels"]), factors=state["factors"], factor=state["factor"],
            profile=tuple(state["profile"]), power=state["power"],
            quantiles=tuple(state["quantiles"]),
            floor=-np.inf if state["floor"] is None else state["floor"],
        )  # fmt: skip


def usable_scale(scale: Floats, predicted: Floats) -> Floats:
    """Return positive scales; a constant series is as hard as a tenth of its forecast's size."""
    size = 0.1 * np.abs(predicted).mean(axis=-1)
    found = np.where(np.isfinite(scale) & (scale > 0), scale, size)
    return np.where(np.isfinite(found) & (found > 0), found, 1.0)


def _profile(size: Floats) -> Floats:
    """Return the mean size of the errors by step, smoothed, relative to the mean of all."""
    total = np.nansum(size, axis=(0, 1))
    count = np.isfinite(size).sum(axis=(0, 1)).astype("float64")
    horizon = len(total)
    smoothed = np.ones(horizon)
    for step in range(horizon):
        near = 0
        while near < horizon and _window(count, step, near) < _STEP_ERRORS:
            near += 1
        found = _window(count, step, near)
        smoothed[step] = _window(total, step, near) / found if found else np.nan
    mean = mean_known(smoothed)
    smoothed = np.where(np.isfinite(smoothed) & (smoothed > 0), smoothed, mean)
    if not np.isfinite(mean) or mean <= 0:
        return np.ones(horizon)
    return np.asarray(smoothed / mean)


def _window(values: Floats, centre: int, near: int) -> float:
    return float(values[max(0, centre - near) : centre + near + 1].sum())


def _growth(predicted: Floats, power: float) -> Floats:
    if power == 0:
        return np.ones_like(predicted)
    size = np.abs(predicted)
    mean = size.mean(axis=-1, keepdims=True)
    relative = np.where(mean > 0, size / np.where(mean > 0, mean, 1.0), 1.0)
    return np.maximum(relative, 0.01) ** power


def _best_power(comparable: Floats, predicted: Floats, levels: Sequence[float]) -> float:
    """Return the growth whose quantiles have the smallest loss."""
    if not len(levels):
        return 0.0
    losses = []
    for power in _POWERS:
        growth = _growth(predicted, power)
        scaled = comparable / growth
        known = np.isfinite(scaled)
        if not known.any():
            return 0.0
        cut = np.array(_quantiles(scaled[known], levels))
        bounds = growth[known][:, None] * cut
        losses.append(float(pinball(comparable[known], bounds, levels).mean()))
    return _POWERS[int(np.argmin(losses))]


def _cautious(errors: Floats, levels: Sequence[float]) -> tuple[float, ...]:
    """Return quantiles that say how little is known: further out and more symmetric for it."""
    known = errors[np.isfinite(errors)]
    own = np.array(_quantiles(known, levels))
    both = np.array(_quantiles(np.concatenate([known, -known]), levels))
    shape = effective_size(errors, SERIES_IN_WINDOW)
    share = shape / (shape + _SYMMETRY)
    found = (share * own + (1 - share) * both) * widening(effective_size(errors), levels)
    return tuple(float(value) for value in np.sort(found))


def _quantiles(errors: Floats, levels: Sequence[float]) -> tuple[float, ...]:
    """Return conformal quantiles: a little further out than the empirical ones."""
    count = len(errors)
    if not count:
        return tuple(0.0 for _ in levels)
    found = []
    for level in levels:
        outward = 1 if level > 0.5 else -1 if level < 0.5 else 0  # noqa: PLR2004 - the median
        share = np.clip(level + outward * abs(level - 0.5) * 2 / (count + 1), 0.0, 1.0)
        found.append(float(np.quantile(errors, share)))
    return tuple(found)
