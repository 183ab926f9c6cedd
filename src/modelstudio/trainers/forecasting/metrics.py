"""Errors of forecasts; lower is better for all of them but coverage.

Arrays are windows by items by horizon; NaN where there is no actual value or no forecast.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Self

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from modelstudio.trainers.forecasting.panel import Floats, Ints, Panel

#: Metrics that the median forecast makes small; the mean does for the others.
BY_MEDIAN: Final = frozenset({"MASE", "MAE", "WAPE", "WQL", "sMAPE", "MAPE"})


@dataclass(frozen=True, slots=True)
class Scales:
    """How hard each series was in its history, windows by items; NaN for a constant one.

    Attributes
    ----------
    absolute
        Mean absolute error of the seasonal naive forecast one season ahead, in-sample: the
        denominator of MASE (Hyndman and Koehler 2006, "Another look at measures of forecast
        accuracy").
    squared
        Mean squared error of the same: the denominator of RMSSE (Makridakis, Spiliotis and
        Assimakopoulos 2022, "M5 accuracy competition").
    """

    absolute: Floats
    squared: Floats

    @classmethod
    def of(
        cls,
        panel: Panel,
        cuts: Sequence[Ints],
        season: int,
        most: int | None = None,
        *,
        exact: bool = False,
    ) -> Self:
        """Measure the history before each window's cut; shorter than a season, step by step.

        With ``most``, no more than so many steps before the cut. With ``exact``, a series that
        repeats its season to the last digit is measured step by step too, and so has an error.
        """
        pairs = [_scales(panel.at(cut), season, most, exact=exact) for cut in cuts]
        return cls(np.array([pair[0] for pair in pairs]), np.array([pair[1] for pair in pairs]))


def _scales(panel: Panel, season: int, most: int | None, *, exact: bool) -> tuple[Floats, Floats]:
    found = [_differences(panel, lag, most) for lag in (season, 1)]
    (absolute, squared), (absolute_1, squared_1) = found
    short = np.isnan(absolute) | (exact & (absolute == 0))
    absolute, squared = np.where(short, absolute_1, absolute), np.where(short, squared_1, squared)
    return np.where(absolute > 0, absolute, np.nan), np.where(squared > 0, squared, np.nan)


def _differences(panel: Panel, lag: int, most: int | None) -> tuple[Floats, Floats]:
    """Return mean absolute and mean squared difference to the value ``lag`` steps before."""
    difference = np.zeros_like(panel.target)
    difference[lag:] = panel.target[lag:] - panel.target[: max(len(panel.target) - lag, 0)]
    difference[np.isnan(difference)] = 0.0  # the future, left out below
    steps = panel.cuts if most is None else np.minimum(panel.cuts, most)
    count = steps - lag
    begins = np.minimum(panel.ends - steps + lag, panel.ends)

    series = np.repeat(np.arange(len(panel)), panel.lengths)
    position = np.arange(len(series))
    inside = (position >= begins[series]) & (position < panel.ends[series])

    def mean(values: Floats) -> Floats:
        # Each series by itself: in a running sum small ones would drown behind large ones.
        summed = np.bincount(series, np.where(inside, values, 0.0), len(panel))
        return np.where(count > 0, summed / np.maximum(count, 1), np.nan)

    return mean(np.abs(difference)), mean(difference**2)


def mean_known(values: Floats, axis: Any = None) -> Any:
    """Return the mean without NaN; NaN of nothing, without a warning."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        return np.nanmean(values, axis=axis)


def score(metric: str, actual: Floats, predicted: Floats, scales: Scales) -> float:
    """Return a point metric over all windows, items and steps.

    MASE, RMSSE: mean over series. MAE, RMSE: over all steps. MAPE, sMAPE: mean over steps, steps
    with an actual value of 0 left out of MAPE (Makridakis 1993 for sMAPE, between 0 and 2). WAPE:
    summed errors by summed actual values; also stands for WQL, whose median's loss it is.
    """
    error = actual - predicted
    known = np.isfinite(error)
    if not known.any():
        return float("nan")
    if metric == "MASE":
        return float(mean_known(mean_known(np.abs(error), axis=-1) / scales.absolute))
    if metric == "RMSSE":
        return float(mean_known(np.sqrt(mean_known(error**2, axis=-1) / scales.squared)))
    error, actual, predicted = error[known], actual[known], predicted[known]
    return _BY_STEP[metric](error, actual, predicted)


def _mape(error: Floats, actual: Floats, _predicted: Floats) -> float:
    nonzero = actual != 0
    return float(mean_known(np.abs(error[nonzero] / actual[nonzero])))


def _smape(error: Floats, actual: Floats, predicted: Floats) -> float:
    size = np.abs(actual) + np.abs(predicted)
    return float((2 * np.abs(error) / np.where(size > 0, size, 1.0)).mean())


def _wape(error: Floats, actual: Floats, _predicted: Floats) -> float:
    total = float(np.abs(actual).sum())
    return float(np.abs(error).sum()) / total if total > 0 else float("nan")


_BY_STEP: Final[Mapping[str, Callable[[Floats, Floats, Floats], float]]] = {
    "MAE": lambda error, _actual, _predicted: float(np.abs(error).mean()),
    "RMSE": lambda error, _actual, _predicted: float(np.sqrt((error**2).mean())),
    "MAPE": _mape,
    "sMAPE": _smape,
    "WAPE": _wape,
    "WQL": _wape,
}


def pinball(actual: Floats, quantiles: Floats, levels: Sequence[float]) -> Floats:
    """Return the quantile loss of each value; ``quantiles`` has one axis more, for the levels.

    Koenker and Bassett 1978, "Regression quantiles".
    """
    alpha = np.asarray(levels)
    error = actual[..., None] - quantiles
    return np.maximum(alpha * error, (alpha - 1) * error)


def weighted_quantile_loss(actual: Floats, quantiles: Floats, levels: Sequence[float]) -> float:
    """Return WQL: twice the summed quantile loss by the summed size of the actual values.

    The mean over the levels, as in Salinas, Flunkert and Gasthaus 2020, "DeepAR".
    """
    loss = pinball(actual, quantiles, levels)
    known = np.isfinite(loss).all(axis=-1)
    total = float(np.abs(actual[known]).sum())
    return 2 * float(loss[known].mean(axis=-1).sum()) / total if total > 0 else float("nan")


def coverage(actual: Floats, low: Floats, high: Floats) -> float:
    """Return the share of actual values within an interval, its ends included."""
    known = np.isfinite(actual) & np.isfinite(low) & np.isfinite(high)
    inside = (actual[known] >= low[known]) & (actual[known] <= high[known])
    return float(inside.mean()) if inside.size else float("nan")
