"""Ridge regression from the last values of a series to the next, one for all series.

After Zeng and others 2023, "Are transformers effective for time series forecasting?" (NLinear),
fitted in closed form.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Self

import numpy as np

if TYPE_CHECKING:
    from pathlib import Path

    from modelstudio.trainers.forecasting.panel import Floats, Ints, Panel

_MOST_WINDOWS: Final = 6_000
_MOST_LAGS: Final = 700
_LEAST_WINDOWS: Final = 40
_PENALTIES: Final = (1e-4, 1e-3, 1e-2, 1e-1, 1.0, 10.0)
_HELD_OUT: Final = 0.15


@dataclass(frozen=True, slots=True)
class LinearLags:
    """A fitted model: ``horizon`` columns of coefficients for the lags, in units of the window."""

    coefficients: Floats
    norm: int

    @classmethod
    def fit(cls, panel: Panel, horizon: int, seed: int) -> Self | None:
        """Return the model with the penalty that forecast the latest windows best.

        None when the series are too short for it.
        """
        chosen = _lag_count(panel, horizon)
        if chosen is None:
            return None
        lags, norm = chosen
        inputs, outputs, order = _windows(panel, lags, horizon, norm, seed)
        if len(inputs) < _LEAST_WINDOWS:
            return None
        latest = order >= np.quantile(order, 1 - _HELD_OUT)
        early = ~latest
        errors = [
            float(np.abs(inputs[latest] @ found - outputs[latest]).mean())
            for found in _ridge(inputs[early], outputs[early])
        ]
        best = int(np.argmin(errors))
        return cls(_ridge(inputs, outputs)[best], norm)

    def forecast(self, panel: Panel, horizon: int) -> Floats:
        """Return forecasts after the cuts, items by horizon; NaN for series that are too short."""
        lags = self.coefficients.shape[0]
        found = np.full((len(panel), horizon), np.nan)
        usable = np.flatnonzero(panel.cuts >= lags)
        if len(usable):
            positions = panel.ends[usable][:, None] - lags + np.arange(lags)
            windows = panel.target[positions]
            level, spread = _level_and_spread(windows, self.norm)
            scaled = (windows - level) / spread
            found[usable] = scaled @ self.coefficients * spread + level
        return found

    def save(self, path: Path) -> None:
        np.savez_compressed(path, coefficients=self.coefficients, norm=self.norm)

    @classmethod
    def load(cls, path: Path) -> Self:
        with np.load(path, allow_pickle=False) as arrays:
            return cls(arrays["coefficients"], int(arrays["norm"]))


def _lag_count(panel: Panel, horizon: int) -> tuple[int, int] | None:
    """Return how many lags to use and over how many of them the level is measured."""
    typical = int(np.quantile(panel.cuts, 0.75))
    seasons = [season for season in panel.calendar.seasons if 3 * season + horizon <= typical]
    season = max((season for season in seasons if season <= _MOST_LAGS // 2), default=4)
    for lags in (4 * season, 3 * season, 2 * season, season + 1):
        if lags <= _MOST_LAGS and 2 * lags + horizon <= typical:
            return lags, season
    return None


def _level_and_spread(windows: Floats, norm: int) -> tuple[Floats, Floats]:
    level = windows[:, -norm:].mean(axis=1, keepdims=True)
    spread = np.abs(windows - level).mean(axis=1, keepdims=True)
    return level, np.where(spread > 1e-9, spread, 1.0)  # noqa: PLR2004


def _windows(
    panel: Panel, lags: int, horizon: int, norm: int, seed: int
) -> tuple[Floats, Floats, Any]:
    """Return scaled inputs and outputs of sampled windows, and how late each of them is."""
    origins: list[Ints] = []
    for begin, cut in zip(panel.offsets[:-1], panel.cuts, strict=True):
        if cut >= lags + horizon:
            origins.append(np.arange(begin + lags, begin + cut - horizon + 1))
    if not origins:
        return np.zeros((0, lags)), np.zeros((0, horizon)), np.zeros(0)
    ends = np.repeat(panel.ends, _counts(panel, lags + horizon))
    chosen = np.concatenate(origins)
    if len(chosen) > _MOST_WINDOWS:
        kept = np.random.default_rng(seed).choice(len(chosen), _MOST_WINDOWS, replace=False)
        kept.sort()
        chosen, ends = chosen[kept], ends[kept]
    windows = panel.target[chosen[:, None] - lags + np.arange(lags)]
    following = panel.target[chosen[:, None] + np.arange(horizon)]
    level, spread = _level_and_spread(windows, norm)
    order = chosen - ends  # 0 for the end of a series
    return (windows - level) / spread, (following - level) / spread, order


def _counts(panel: Panel, needed: int) -> Ints:
    return np.maximum(panel.cuts - needed + 1, 0)


def _ridge(inputs: Floats, outputs: Floats) -> list[Floats]:
    """Return the coefficients for each penalty, relative to the mean variance of the inputs."""
    gram = inputs.T @ inputs
    values, vectors = np.linalg.eigh(gram)
    projected = vectors.T @ (inputs.T @ outputs)
    size = float(np.maximum(values, 0).mean())
    return [
        vectors @ (projected / (np.maximum(values, 0) + penalty * size + 1e-12)[:, None])
        for penalty in _PENALTIES
    ]
