"""Tries the models within the time there is, and fits the chosen ones on everything."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from modelstudio.trainers.forecasting.candidates import BoostedCandidate, LocalCandidate
from modelstudio.trainers.forecasting.metrics import score
from modelstudio.trainers.forecasting.pool import TooSlow

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from modelstudio.trainers.base import Reporter
    from modelstudio.trainers.forecasting.candidates import Candidate
    from modelstudio.trainers.forecasting.members import Member
    from modelstudio.trainers.forecasting.panel import Floats, ForecastOptions, Panel
    from modelstudio.trainers.forecasting.windows import Windows

#: Of the time limit: for the models' backtests, and for one statistical model's.
_BACKTESTS: Final = 0.62
_ONE_LOCAL: Final = 0.12
_FINISH: Final = 0.95
#: A final fit takes this much of the time of a backtest that also looks for the rounds.
_REFIT_SHARE: Final = 0.6
_NOTHING: Final = 1.0


class Clock:
    """The time limit of a run."""

    def __init__(self, limit: float) -> None:
        self._started = time.monotonic()
        self.limit = limit

    @property
    def spent(self) -> float:
        return time.monotonic() - self._started

    def until(self, share: float) -> float:
        """Return the seconds that are left until a share of the limit is spent."""
        return share * self.limit - self.spent


@dataclass
class Trial:
    """A model's backtest."""

    candidate: Candidate
    forecasts: Floats
    seconds: float
    final_seconds: float


@dataclass
class Search:
    """What came of trying the models.

    Attributes
    ----------
    given_up
        Models without a result, and why.
    """

    trials: dict[str, Trial] = field(default_factory=dict)
    given_up: dict[str, str] = field(default_factory=dict)

    def forecasts(self, windows: slice) -> dict[str, Floats]:
        """Return each model's forecasts in some of the windows."""
        return {name: trial.forecasts[windows] for name, trial in self.trials.items()}


def try_models(
    candidates: Sequence[Candidate],
    windows: Windows,
    options: ForecastOptions,
    clock: Clock,
    reporter: Reporter,
) -> Search:
    """Backtest every model that there is time for; report each as it is done."""
    search = Search()
    best = float("inf")
    for number, candidate in enumerate(candidates):
        seconds = _allowed(candidates[number:], clock)
        started = time.monotonic()
        if seconds <= 0 and search.trials:
            search.given_up[candidate.name] = "no time left"
            continue
        try:
            forecasts = candidate.backtest(windows, seconds, _progress(candidate.name, reporter))
        except TooSlow:
            spent = time.monotonic() - started
            search.given_up[candidate.name] = (
                f"not done within {seconds:.3g} s" if spent > 0.1 * seconds else "series too short"
            )
            reporter.log(f"{candidate.name} left out: {search.given_up[candidate.name]}")
            continue
        spent = time.monotonic() - started
        final = _final_seconds(candidate, windows, spent)
        search.trials[candidate.name] = Trial(candidate, forecasts, spent, final)
        error = score(options.metric, windows.actual, forecasts, windows.scales)
        best = min(best, error)
        step = len(search.trials)
        reporter.metric(f"validation/{options.metric}", error, step)
        reporter.metric(f"validation/best_{options.metric}", best, step)
        reporter.metric(f"{candidate.name}/{options.metric}", error, 0)
        reporter.log(f"{candidate.name}: {options.metric} {error:.5g} in {spent:.1f} s")
    return search


def _progress(name: str, reporter: Reporter) -> Callable[[int, float], None]:
    return lambda step, value: reporter.metric(f"{name}/validation_loss", value, step)


def _allowed(candidates: Sequence[Candidate], clock: Clock) -> float:
    """Return the seconds that the first of these may take, given those that follow."""
    left = clock.until(_BACKTESTS)
    boosted = sum(isinstance(candidate, BoostedCandidate) for candidate in candidates)
    if isinstance(candidates[0], BoostedCandidate):
        return left / boosted
    reserved = 0.6 * left if boosted else 0.0
    return min(_ONE_LOCAL * clock.limit, left - reserved)


def _final_seconds(candidate: Candidate, windows: Windows, spent: float) -> float:
    if isinstance(candidate, LocalCandidate):
        share = len(windows.panel) / max(len(windows.sample), 1)
        return spent / max(len(windows.cuts), 1) * share
    return spent * _REFIT_SHARE


def affordable(search: Search, clock: Clock) -> list[str]:
    """Return the models that could be fitted on everything in the time that is left."""
    # A run that is late already still takes what costs next to nothing.
    left = max(0.5 * clock.until(_FINISH), _NOTHING)
    return [name for name, trial in search.trials.items() if trial.final_seconds <= left]


def within_time(weights: Mapping[str, float], search: Search, clock: Clock) -> dict[str, float]:
    """Return weights without the models that the time left does not suffice for."""
    kept = dict(weights)
    while len(kept) > 1:
        needed = sum(search.trials[name].final_seconds for name in kept)
        if needed <= clock.until(_FINISH):
            break
        # The one that gives least for its time.
        worst = min(kept, key=lambda name: kept[name] / (search.trials[name].final_seconds + 1e-3))
        del kept[worst]
    total = sum(kept.values())
    return {name: weight / total for name, weight in kept.items()}


def finish(
    weights: Mapping[str, float],
    search: Search,
    panel: Panel,
    horizon: int,
    clock: Clock,
    reporter: Reporter,
) -> tuple[dict[str, Member], dict[str, Floats]]:
    """Fit the models that have a weight on the whole history; also return their forecasts.

    ``panel`` reaches ``horizon`` steps beyond the history.
    """
    members: dict[str, Member] = {}
    forecasts: dict[str, Floats] = {}
    for name in sorted(weights, key=lambda name: search.trials[name].final_seconds):
        trial = search.trials[name]
        # The last part of the limit is for the forecasts and the reports.
        seconds = max(clock.until(1.1), 2 * trial.final_seconds, 1.0)
        try:
            members[name], forecasts[name] = trial.candidate.finish(panel, horizon, seconds)
        except TooSlow:
            reporter.log(f"{name} left out of the final model: no time left", "WARNING")
    return members, forecasts
