"""Rolling origins: where each series is cut to see how well a model forecasts what follows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from modelstudio.trainers.forecasting.metrics import Scales

if TYPE_CHECKING:
    from modelstudio.trainers.forecasting.panel import Floats, ForecastOptions, Ints, Panel

_BY_PRESET: Final = {
    "fast_training": 1,
    "medium_quality": 2,
    "high_quality": 3,
    "best_quality": 4,
}
#: A backtest of few series looks at more windows, over this much of their history.
_FEW_SERIES: Final = 10
_MORE_WINDOWS: Final = 5
_SPREAD_OVER: Final = 0.1
_MOST_TEST_WINDOWS: Final = 5
_MOST_SERIES: Final = 1_000
_LEAST_HISTORY: Final = 4


@dataclass(frozen=True, slots=True)
class Windows:
    """Validation windows, then the windows that the model is measured on.

    Attributes
    ----------
    panel
        All series, with their whole history.
    sample
        The series that are looked at, by position; models may learn from all of them.
    cuts
        Steps of history of every series in each window, oldest window first.
    test
        How many windows at the end are for measuring alone.
    actual
        Windows by sampled series by horizon.
    scales
        Of the sampled series before each window.
    """

    panel: Panel
    sample: Ints
    horizon: int
    cuts: tuple[Ints, ...]
    test: int
    actual: Floats
    scales: Scales

    @property
    def sampled(self) -> Panel:
        return self.panel.take(self.sample)

    def view(self, window: int) -> Panel:
        """Return the sampled series as they were known at a window's cut."""
        return self.panel.take(self.sample).at(self.cuts[window][self.sample])


def roll(panel: Panel, options: ForecastOptions, season: int, tested: Ints | None) -> Windows:
    """Choose the windows.

    Parameters
    ----------
    tested
        Steps of each series' history that are from a test dataset; None when there is none, and the
        last horizon is held out instead.

    Returns
    -------
    Windows
        Without any window when every series is too short for one.
    """
    horizon = options.horizon
    if tested is None:
        back = np.full(len(panel), horizon)
        tests = [panel.cuts - horizon]
    else:
        back = tested
        count = int(min(_MOST_TEST_WINDOWS, -(-tested.max(initial=0) // horizon)))
        tests = [panel.cuts - tested + horizon * number for number in range(count)]
    wanted = options.windows or _BY_PRESET[options.preset]
    stride = horizon
    if options.windows is None and len(panel) < _FEW_SERIES:
        wanted += _MORE_WINDOWS
        stride = _stride(panel, wanted, horizon, season)
    least = max(_LEAST_HISTORY, min(season + 1, 2 * horizon))
    roomy = max(2 * season, horizon, least)
    validations: list[Any] = []
    for number in range(1, wanted + 1):
        cuts = panel.cuts - back - horizon - stride * (number - 1)
        # A window that most series are too short for says little about them.
        if np.quantile(cuts, 0.5) < (roomy if number > 1 else least):
            break
        validations.insert(0, cuts)
    return _windows(panel, horizon, (validations, tests), least, season, options.seed)


def _stride(panel: Panel, wanted: int, horizon: int, season: int) -> int:
    """Return the steps between the windows of few series, whole seasons if longer than a horizon.

    Next to each other they would all be of one time of the year.
    """
    room = int(_SPREAD_OVER * float(np.median(panel.cuts))) // wanted
    return max(horizon, room // season * season)


def _windows(panel: Panel, horizon: int, cuts: Any, least: int, season: int, seed: int) -> Windows:
    validations, tests = cuts
    sample = np.arange(len(panel))
    if len(panel) > _MOST_SERIES:
        sample = np.random.default_rng(seed).choice(len(panel), _MOST_SERIES, replace=False)
        sample.sort()
    sampled = panel.take(sample)
    kept, actual = [], []
    for cut in (*validations, *tests):
        usable = cut[sample] >= least
        found = np.full((len(sample), horizon), np.nan)
        found[usable] = sampled.at(np.maximum(cut[sample], 1)).actual(horizon)[usable]
        kept.append(np.minimum(np.maximum(cut, 1), panel.cuts))
        actual.append(found)
    filled = [number for number, found in enumerate(actual) if np.isfinite(found).any()]
    test = sum(number >= len(validations) for number in filled)
    chosen = tuple(kept[number] for number in filled)
    return Windows(
        panel=panel,
        sample=sample,
        horizon=horizon,
        cuts=chosen,
        test=test,
        actual=np.array([actual[number] for number in filled]).reshape(-1, len(sample), horizon),
        scales=Scales.of(sampled, [cut[sample] for cut in chosen], season, exact=True),
    )
