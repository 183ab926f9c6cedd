"""Series on a regular calendar: what every forecasting model learns from and forecasts for."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Self

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from modelstudio.trainers.forecasting.calendar import Calendar, Moments

    Floats = np.ndarray[tuple[Any, ...], np.dtype[np.float64]]
    Ints = np.ndarray[tuple[Any, ...], np.dtype[np.int64]]
    Flags = np.ndarray[tuple[Any, ...], np.dtype[np.bool_]]


@dataclass(frozen=True, slots=True)
class Panel:
    """Many series, each without gaps in its calendar, one after the other in flat arrays.

    Series ``i`` is ``target[offsets[i]:offsets[i + 1]]``. Its first ``cuts[i]`` steps are history;
    what follows is the future, of which a model may see the known covariates and nothing else. So a
    validation window is the same panel with smaller cuts.

    Attributes
    ----------
    items
        Item ids, in the order of the series.
    offsets
        Where each series begins, and the total length at the end.
    starts
        Number of each series' first step in the calendar.
    cuts
        Steps of history of each series.
    target
        Finite in the history; NaN in a future that is not known.
    observed
        Whether a target value was in the data rather than filled in.
    covariates
        Name to values, NaN for missing; categories are whole numbers.
    known, past
        Covariates whose future values are given, and those known in the past only.
    categorical
        Covariates and static features that are categories.
    static
        Name to one value an item.
    bridged
        Where a gap was filled from the values on both sides of it; None for nowhere.
    """

    calendar: Calendar
    items: tuple[str, ...]
    offsets: Ints
    starts: Ints
    cuts: Ints
    target: Floats
    observed: Flags
    covariates: Mapping[str, Floats] = field(default_factory=dict)
    known: tuple[str, ...] = ()
    past: tuple[str, ...] = ()
    categorical: frozenset[str] = frozenset()
    static: Mapping[str, Floats] = field(default_factory=dict)
    bridged: Flags | None = None

    def __len__(self) -> int:
        return len(self.items)

    @property
    def lengths(self) -> Ints:
        return np.diff(self.offsets)

    @property
    def ends(self) -> Ints:
        """Position in the flat arrays just after each series' history."""
        return self.offsets[:-1] + self.cuts

    def history(self, item: int) -> Floats:
        """Return the target values before the cut."""
        begin = self.offsets[item]
        return self.target[begin : begin + self.cuts[item]]

    def at(self, cuts: Ints) -> Panel:
        """Return the same series cut elsewhere, knowing nothing of what comes after.

        A gap that reaches to the cut holds the last value before it, where it was filled from both
        sides.
        """
        panel = replace(self, cuts=cuts)
        if self.bridged is None:
            return panel
        ends = panel.ends
        within = np.flatnonzero((cuts > 0) & self.bridged[ends - 1])
        if not len(within):
            return panel
        target = self.target.copy()
        seen = np.flatnonzero(self.observed)
        for end, last in zip(ends[within], np.searchsorted(seen, ends[within]) - 1, strict=True):
            gap = slice(seen[last] + 1, end)
            target[gap] = np.where(self.bridged[gap], target[seen[last]], target[gap])
        return replace(panel, target=target)

    def moments(self) -> Moments:
        """Return the stamp of every step."""
        lengths = self.lengths
        within = np.arange(self.offsets[-1]) - np.repeat(self.offsets[:-1], lengths)
        return self.calendar.moment(np.repeat(self.starts, lengths) + within)

    def future(self, horizon: int) -> Moments:
        """Return the stamps of the steps after the cuts, items by horizon."""
        numbers = (self.starts + self.cuts)[:, None] + np.arange(horizon)
        return self.calendar.moment(numbers)

    def actual(self, horizon: int) -> Floats:
        """Return the observed target after the cuts, items by horizon; NaN where there is none."""
        positions = self.ends[:, None] + np.arange(horizon)
        inside = positions < self.offsets[1:, None]
        positions = np.where(inside, positions, 0)
        return np.where(inside & self.observed[positions], self.target[positions], np.nan)

    def take(self, chosen: Ints) -> Panel:
        """Return some of the series, in the order asked for."""
        return self._resized(chosen, self.lengths[chosen], np.zeros(len(chosen), dtype="int64"))

    def resized(self, tail: int | None, horizon: int) -> Panel:
        """Return each series with at most ``tail`` steps of history and ``horizon`` of future.

        The future's target is unknown.
        """
        everyone = np.arange(len(self))
        first = np.zeros_like(self.cuts) if tail is None else np.maximum(self.cuts - tail, 0)
        panel = self._resized(everyone, self.cuts + horizon - first, first)
        within = np.arange(panel.offsets[-1]) - np.repeat(panel.offsets[:-1], panel.lengths)
        future = within >= np.repeat(panel.cuts, panel.lengths)
        panel.target[future] = np.nan
        panel.observed[future] = False
        return panel

    def _resized(self, chosen: Ints, lengths: Ints, first: Ints) -> Panel:
        """Return series cut at the front or back, or lengthened by missing values."""
        offsets = np.concatenate([[0], np.cumsum(lengths)]).astype("int64")
        within = np.arange(offsets[-1]) - np.repeat(offsets[:-1], lengths)
        within += np.repeat(first, lengths)
        inside = within < np.repeat(self.lengths[chosen], lengths)
        source = np.where(inside, np.repeat(self.offsets[:-1][chosen], lengths) + within, 0)

        def moved(values: Floats) -> Floats:
            return np.where(inside, values[source], np.nan)

        return replace(
            self,
            items=tuple(self.items[number] for number in chosen),
            offsets=offsets,
            starts=self.starts[chosen] + first,
            cuts=self.cuts[chosen] - first,
            target=moved(self.target),
            observed=inside & self.observed[source],
            bridged=None if self.bridged is None else inside & self.bridged[source],
            covariates={name: moved(values) for name, values in self.covariates.items()},
            static={name: values[chosen] for name, values in self.static.items()},
        )


@dataclass(frozen=True, slots=True)
class ForecastOptions:
    """How to forecast, read from a validated configuration.

    Attributes
    ----------
    horizon
        Steps ahead.
    quantile_levels
        Between 0 and 1, ascending; may be empty.
    metric
        By which models are chosen and weighted: ``MASE``, ``WQL``, ``sMAPE``, ``RMSSE``, ``MAE``,
        ``RMSE``, ``MAPE`` or ``WAPE``.
    preset
        ``fast_training``, ``medium_quality``, ``high_quality`` or ``best_quality``.
    time_limit
        Seconds for fitting, validation windows and weights included.
    excluded
        Model types that are not tried.
    hyperparameters
        Model type to its parameters.
    ensemble
        Whether models are blended; else the best one is taken.
    windows
        Validation windows; None for as many as the preset and the data suggest.
    """

    horizon: int
    quantile_levels: tuple[float, ...]
    metric: str
    preset: str
    time_limit: float
    ensemble: bool = True
    excluded: tuple[str, ...] = ()
    hyperparameters: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    windows: int | None = None
    seed: int = 0

    @classmethod
    def of(cls, config: Mapping[str, Any]) -> Self:
        levels: Sequence[float] = config["quantile_levels"]
        return cls(
            horizon=config["prediction_length"],
            quantile_levels=tuple(sorted(set(levels))),
            metric=config["eval_metric"],
            preset=config["presets"],
            time_limit=config["time_limit"],
            ensemble=config["enable_ensemble"],
            excluded=tuple(config["excluded_model_types"]),
            hyperparameters=config["hyperparameters"],
            windows=config["num_val_windows"],
            seed=config["seed"],
        )
