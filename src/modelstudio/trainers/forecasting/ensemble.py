"""Weights that blend the models' forecasts, chosen on rolling windows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from modelstudio.trainers.forecasting.metrics import Scales, score

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from modelstudio.trainers.forecasting.panel import Floats, Ints, Panel

_ROUNDS: Final = 40
#: A model is blended in only when the error falls by more than this share.
_LEAST_GAIN: Final = 1e-4
#: Models whose error is up to this many times the best one's share a part of the weight, which
#: keeps a choice made on few windows from being too sure of itself.
_CLOSE: Final = 1.15
_SHARED: Final = 0.3


def errors_of(
    metric: str, actual: Floats, forecasts: Mapping[str, Floats], scales: Scales
) -> dict[str, float]:
    """Return each model's error; a model without a forecast for some step is left out."""
    wanted = np.isfinite(actual)
    found = {
        name: score(metric, actual, forecast, scales)
        for name, forecast in forecasts.items()
        if np.isfinite(forecast[wanted]).all()
    }
    return {name: error for name, error in found.items() if np.isfinite(error)}


def choose_weights(
    metric: str,
    actual: Floats,
    forecasts: Mapping[str, Floats],
    scales: Scales,
    *,
    blend: bool,
) -> dict[str, float]:
    """Return the weight of each model that has one; they sum to 1.

    Greedy forward selection with replacement (Caruana and others 2004, "Ensemble selection from
    libraries of models"), pulled towards the mean of the models that are nearly as good as the
    best. Without ``blend``, the best model alone.
    """
    errors = errors_of(metric, actual, forecasts, scales)
    if not errors:
        return {}
    best = min(errors, key=lambda name: (errors[name], name))
    if not blend or len(errors) == 1:
        return {best: 1.0}
    names = sorted(errors, key=lambda name: (errors[name], name))
    # Far worse models only cost time; the selection would hardly take them.
    names = [name for name in names if errors[name] <= 3 * errors[best]]
    counts = _greedy(metric, actual, [forecasts[name] for name in names], scales)
    close = [number for number, name in enumerate(names) if errors[name] <= _CLOSE * errors[best]]
    shared = np.zeros(len(names))
    shared[close] = 1 / len(close)
    weights = (1 - _SHARED) * counts / counts.sum() + _SHARED * shared
    weights[weights < 0.02] = 0.0  # noqa: PLR2004 - not worth fitting the model for
    weights /= weights.sum()
    return {name: float(weights[number]) for number, name in enumerate(names) if weights[number]}


def _greedy(metric: str, actual: Floats, forecasts: Sequence[Floats], scales: Scales) -> Floats:
    counts = np.zeros(len(forecasts))
    total = np.zeros_like(actual)
    best_error, best_counts = np.inf, counts.copy()
    for taken in range(_ROUNDS):
        trials = [
            score(metric, actual, (total + forecast) / (taken + 1), scales)
            for forecast in forecasts
        ]
        chosen = int(np.argmin(trials))
        counts[chosen] += 1
        total = total + forecasts[chosen]
        if trials[chosen] < best_error * (1 - _LEAST_GAIN):
            best_error, best_counts = trials[chosen], counts.copy()
    return best_counts


def blended(weights: Mapping[str, float], forecasts: Mapping[str, Floats]) -> Floats:
    """Return the weighted mean; where a model has no forecast, that of the others."""
    total: Floats = np.zeros_like(next(iter(forecasts.values())))
    weight = np.zeros_like(total)
    least, most = np.full_like(total, np.inf), np.full_like(total, -np.inf)
    for name, share in sorted(weights.items()):
        known = np.isfinite(forecasts[name])
        total += np.where(known, share * np.nan_to_num(forecasts[name]), 0.0)
        weight += share * known
        least = np.where(known, np.minimum(least, forecasts[name]), least)
        most = np.where(known, np.maximum(most, forecasts[name]), most)
    # Where all say the same, rounding says nothing else.
    mean = np.clip(total / np.where(weight > 0, weight, 1.0), least, most)
    return np.where(weight > 0, mean, np.nan)


def completed(forecasts: Floats, panel: Panel) -> Floats:
    """Return forecasts, items by horizon, with the last season where no model has any."""
    found = forecasts.copy()
    season = next(iter(panel.calendar.seasons), 1)
    for number in np.flatnonzero(np.isnan(found).any(axis=1)):
        last = np.resize(panel.history(int(number))[-season:], found.shape[1])
        found[number] = np.where(np.isnan(found[number]), last, found[number])
    return found


def out_of_window(
    metric: str,
    actual: Floats,
    forecasts: Mapping[str, Floats],
    scales: Scales,
    *,
    blend: bool,
) -> Floats:
    """Return blended forecasts whose weights were chosen on the other windows.

    Their errors are like those on new data; those of weights chosen on the same window are smaller.
    """
    windows = len(actual)
    if windows == 1:
        weights = choose_weights(metric, actual, forecasts, scales, blend=blend)
        return blended(weights, forecasts)
    parts = []
    for left_out in range(windows):
        others: Ints = np.array([number for number in range(windows) if number != left_out])
        weights = choose_weights(
            metric,
            actual[others],
            {name: forecast[others] for name, forecast in forecasts.items()},
            Scales(scales.absolute[others], scales.squared[others]),
            blend=blend,
        )
        one = {name: forecast[left_out] for name, forecast in forecasts.items()}
        parts.append(blended(weights or dict.fromkeys(one, 1.0), one))
    return np.array(parts)
