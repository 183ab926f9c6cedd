"""The models that a run may try, and how each is tested on rolling windows and fitted at last."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final, Protocol

import numpy as np

from modelstudio.trainers.forecasting.boosting import Boosted, BoostingPlan
from modelstudio.trainers.forecasting.linear import LinearLags
from modelstudio.trainers.forecasting.local import LOCAL_MODELS, forecast_series, is_intermittent
from modelstudio.trainers.forecasting.members import BoostedMember, LinearMember, LocalMember
from modelstudio.trainers.forecasting.metrics import BY_MEDIAN
from modelstudio.trainers.forecasting.pool import TooSlow

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from modelstudio.trainers.forecasting.members import Member
    from modelstudio.trainers.forecasting.panel import Floats, ForecastOptions, Panel
    from modelstudio.trainers.forecasting.pool import LocalPool
    from modelstudio.trainers.forecasting.windows import Windows

_ORDER: Final = ("fast_training", "medium_quality", "high_quality", "best_quality")
#: Local model to the least preset that tries it.
_LOCAL_FROM: Final = {
    "Naive": 0, "SeasonalNaive": 0, "LongSeasonalNaive": 0, "SeasonalAverage": 0, "Drift": 1,
    "Theta": 0, "AutoCES": 0, "MFLES": 0, "Croston": 0, "ADIDA": 1, "IMAPA": 1, "TSB": 1,
    "AutoETS": 1, "MSTL": 1, "MSTLLog": 2, "AutoTheta": 2, "AutoARIMA": 1, "AutoARIMALog": 3,
}  # fmt: skip
#: Cost nothing, so that there is a model however busy the machine is.
_NAIVE: Final = frozenset({"Naive", "SeasonalNaive", "LongSeasonalNaive", "SeasonalAverage"})
#: Tried last, as far as there is time.
_SLOW: Final = frozenset({"AutoETS", "MSTL", "MSTLLog", "AutoTheta", "AutoARIMA", "AutoARIMALog"})
_BOOSTED_FROM: Final = {
    "DirectLightGBM": 0, "RecursiveLightGBM": 0, "DifferencedLightGBM": 1, "CentredLightGBM": 2,
}  # fmt: skip
LINEAR: Final = "LinearLags"
_ROUNDS: Final = (200, 400, 600, 1_000)
_ROWS_A_SECOND: Final = 700
_FEWEST_ROWS, _MOST_ROWS = 20_000, 300_000
#: With fewer values than this a global model is fitted again for each window.
_REFITTED_BELOW: Final = 12_000


class Candidate(Protocol):
    """A model that a run tries."""

    @property
    def name(self) -> str: ...

    def backtest(
        self, windows: Windows, seconds: float, progress: Callable[[int, float], None]
    ) -> Floats:
        """Return forecasts of the sampled series, windows by series by horizon.

        Raises
        ------
        TooSlow
            When it takes longer than it may, or cannot be used on these series.
        """
        ...

    def finish(self, panel: Panel, horizon: int, seconds: float) -> tuple[Member, Floats]:
        """Fit on the whole history; return the model and its forecast of what follows."""
        ...


@dataclass
class LocalCandidate:
    """A statistical model."""

    name: str
    pool: LocalPool
    seasons: tuple[int, ...]
    parameters: Mapping[str, Any]

    def backtest(self, windows: Windows, seconds: float, _progress: Any) -> Floats:
        series = [
            view.history(number)
            for view in (windows.view(window) for window in range(len(windows.cuts)))
            for number in range(len(windows.sample))
        ]
        return self._forecasts(series, windows.horizon, seconds).reshape(windows.actual.shape)

    def _forecasts(self, series: list[Floats], horizon: int, seconds: float) -> Floats:
        if self.name not in _NAIVE:
            return self.pool.forecast(self.name, series, self.parameters, seconds)
        return np.array(
            [forecast_series(self.name, y, self.seasons, horizon, self.parameters) for y in series]
        )

    def finish(self, panel: Panel, horizon: int, seconds: float) -> tuple[Member, Floats]:
        series = [panel.history(number) for number in range(len(panel))]
        found = self._forecasts(series, horizon, seconds)
        return LocalMember(self.name, self.seasons, self.parameters), found


@dataclass
class BoostedCandidate:
    """A global LightGBM model."""

    name: str
    plan: BoostingPlan
    rounds: int | None = None

    def backtest(self, windows: Windows, seconds: float, progress: Any) -> Floats:
        deadline = time.monotonic() + seconds
        few = int(windows.panel.cuts.sum()) < _REFITTED_BELOW
        fitted: Boosted | None = None
        found = np.full(windows.actual.shape, np.nan)
        for window, cuts in enumerate(windows.cuts):
            if fitted is None or (few and time.monotonic() < deadline):
                fitted = Boosted.fit(
                    windows.panel.at(cuts), windows.horizon, self.plan,
                    rounds=self.rounds, deadline=deadline, progress=progress,
                )  # fmt: skip
                if fitted is None:
                    raise TooSlow
                self.rounds = self.rounds or fitted.rounds
            found[window] = fitted.forecast(windows.view(window), windows.horizon)
        return found

    def finish(self, panel: Panel, horizon: int, seconds: float) -> tuple[Member, Floats]:
        deadline = time.monotonic() + seconds
        fitted = Boosted.fit(panel, horizon, self.plan, rounds=self.rounds, deadline=deadline)
        if fitted is None:
            raise TooSlow
        return BoostedMember(fitted), fitted.forecast(panel, horizon)


@dataclass
class LinearCandidate:
    """A ridge regression on lags."""

    seed: int
    name: str = LINEAR

    def backtest(self, windows: Windows, _seconds: float, _progress: Any) -> Floats:
        fitted = LinearLags.fit(windows.panel.at(windows.cuts[0]), windows.horizon, self.seed)
        if fitted is None:
            raise TooSlow
        views = [windows.view(window) for window in range(len(windows.cuts))]
        return np.array([fitted.forecast(view, windows.horizon) for view in views])

    def finish(self, panel: Panel, horizon: int, _seconds: float) -> tuple[Member, Floats]:
        fitted = LinearLags.fit(panel, horizon, self.seed)
        if fitted is None:
            raise TooSlow
        return LinearMember(fitted), fitted.forecast(panel, horizon)


def candidates(
    panel: Panel, options: ForecastOptions, pool: LocalPool, cpu: int
) -> list[Candidate]:
    """Return the models to try, cheap ones first."""
    rank = _ORDER.index(options.preset)
    seasons = panel.calendar.seasons
    found: list[Candidate] = []
    intermittent = is_intermittent(panel)
    for name, least in _LOCAL_FROM.items():
        skipped = LOCAL_MODELS[name].intermittent and not intermittent
        if name == "LongSeasonalNaive":
            skipped = len(seasons) < 2  # noqa: PLR2004 - the same as SeasonalNaive
        if least <= rank and not skipped:
            parameters = options.hyperparameters.get(name, {})
            found.append(LocalCandidate(name, pool, seasons, parameters))
    found.append(LinearCandidate(options.seed))
    for name, least in _BOOSTED_FROM.items():
        if least <= rank:
            found.append(BoostedCandidate(name, _plan(name, panel, options, cpu)))
    found.sort(key=lambda candidate: candidate.name in _SLOW)
    return [candidate for candidate in found if candidate.name not in options.excluded]


def _plan(name: str, panel: Panel, options: ForecastOptions, cpu: int) -> BoostingPlan:
    given = dict(options.hyperparameters.get(name, {}))
    sizes = bool((panel.target[panel.observed] >= 0).all())
    rows = int(np.clip(options.time_limit * cpu * _ROWS_A_SECOND, _FEWEST_ROWS, _MOST_ROWS))
    objective = "l1" if options.metric in BY_MEDIAN else "l2"
    plan = BoostingPlan(
        ratio=sizes,
        objective=str(given.pop("objective", objective)),
        rows=rows,
        rounds=int(given.pop("num_boost_round", _ROUNDS[_ORDER.index(options.preset)])),
        weighted=options.metric in {"MAE", "RMSE", "WAPE", "WQL"},
        parameters=given,
        seed=options.seed,
        threads=cpu,
    )
    if name == "RecursiveLightGBM":
        return replace(plan, recursive=True, ratio=False)
    if name == "DifferencedLightGBM":
        return replace(plan, differenced=True)
    if name == "CentredLightGBM":
        return replace(plan, ratio=False, differenced=True, recursive=True)
    return plan
