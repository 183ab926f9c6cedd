"""What a global model sees of a series at an origin about a step after it.

One builder serves training and forecasting, direct and recursive models: a row is a series, an
origin (the last known step) and a number of steps after it. A recursive model always looks one step
ahead; its origin moves through its own forecasts.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pandas as pd

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from modelstudio.trainers.forecasting.calendar import Moments
    from modelstudio.trainers.forecasting.panel import Floats, Ints, Panel

_RECENT: Final = 8
_SEASONS_BACK: Final = 4
_LONGEST_BASELINE: Final = 350
_LONG_SEASON: Final = 400
_LONG_SEASONS_BACK: Final = 2
_MOST_ITEMS: Final = 1_000
_LEAST_LEVEL: Final = 0.05


@dataclass(frozen=True, slots=True)
class Design:
    """Which features there are; the same for training and forecasting.

    Attributes
    ----------
    seasons
        Season lengths in steps, shortest first, only those that the history has twice.
    span
        Steps over which a series' level and spread are measured.
    ratio
        Whether values are divided by their level; else the level is taken off first and the rest
        divided by the spread.
    baseline
        The season whose last value is taken off the target; 0 for none.
    items
        Item ids that are a feature by their position; empty for none.
    """

    seasons: tuple[int, ...]
    span: int
    ratio: bool
    baseline: int
    known: tuple[str, ...]
    past: tuple[str, ...]
    static: tuple[str, ...]
    categorical: tuple[str, ...]
    items: tuple[str, ...]

    @classmethod
    def of(cls, panel: Panel, horizon: int, *, ratio: bool, differenced: bool = False) -> Design:
        """Choose the features that the panel's history allows."""
        longest = int(panel.cuts.max(initial=1))
        seasons = tuple(
            season for season in panel.calendar.seasons if 2 * season + horizon <= longest
        )
        span = max([*(season for season in seasons if season <= _LONG_SEASON), 2 * _RECENT])
        if seasons and seasons[0] <= _RECENT:
            span = min(span, 4 * seasons[0])
        shorter = [season for season in seasons if season <= _LONGEST_BASELINE]
        several = 1 < len(panel) <= _MOST_ITEMS
        return cls(
            seasons=seasons,
            span=span,
            ratio=ratio,
            baseline=max(shorter, default=0) if differenced else 0,
            known=panel.known,
            past=panel.past,
            static=tuple(panel.static),
            categorical=tuple(sorted(panel.categorical)),
            items=panel.items if several else (),
        )

    @property
    def reach(self) -> int:
        """Steps of history that a forecast looks back, plus room for seasons after the origin."""
        longest = max((season * seasons_back(season) for season in self.seasons), default=1)
        return max(longest, 2 * self.span, 2 * _RECENT) + 1


def seasons_back(season: int) -> int:
    """Return how many seasons are looked back on; fewer long ones, for the memory they take."""
    return _LONG_SEASONS_BACK if season > _LONG_SEASON else _SEASONS_BACK


class Table:
    """The flat arrays of a panel, padded before each series so that looking back is safe.

    The target is kept in each series' own unit, so that sums over all series stay exact enough.
    """

    def __init__(self, panel: Panel, design: Design) -> None:
        self.design = design
        self._pad = design.reach
        lengths = panel.lengths
        self.begins = panel.offsets[:-1] + self._pad * np.arange(1, len(panel) + 1)
        self._positions = np.arange(panel.offsets[-1]) + self._pad * np.repeat(
            np.arange(1, len(panel) + 1), lengths
        )
        self._size = int(panel.offsets[-1]) + self._pad * (len(panel) + 1)
        self.ends = self.begins + panel.cuts
        self.limits = self.begins + lengths
        self.centre, self.unit = _units(panel, ratio=design.ratio)
        lengths_of = np.repeat(self.centre, lengths), np.repeat(self.unit, lengths)
        self.target = self._padded((panel.target - lengths_of[0]) / lengths_of[1])
        self._covariates = {
            name: self._padded(panel.covariates[name]) for name in design.known + design.past
        }
        self._calendar = {
            name: self._padded(values) for name, values in calendar_parts(panel).items()
        }
        self._static = {name: panel.static[name] for name in design.static}
        self._item_codes = _item_codes(panel, design)
        within = np.arange(panel.offsets[-1]) - np.repeat(panel.offsets[:-1], lengths)
        self.target[self._positions[within >= np.repeat(panel.cuts, lengths)]] = np.nan
        self.summed()

    def _padded(self, values: Floats) -> Floats:
        flat = np.full(self._size, np.nan)
        flat[self._positions] = values
        return flat

    def summed(self) -> None:
        """Sum up the target, so that the mean of any stretch is a subtraction."""
        known = np.isfinite(self.target)
        values = np.where(known, self.target, 0.0)
        self._total = np.concatenate([[0.0], np.cumsum(values)])
        self._sizes = np.concatenate([[0.0], np.cumsum(np.abs(values))])
        self._count = np.concatenate([[0.0], np.cumsum(known)])

    def mean(self, origins: Ints, span: int) -> Floats:
        """Return the mean of the ``span`` values up to and with each origin."""
        low, high = np.maximum(origins + 1 - span, 0), origins + 1
        count = self._count[high] - self._count[low]
        total = self._total[high] - self._total[low]
        return np.where(count > 0, total / np.maximum(count, 1), np.nan)

    def size(self, origins: Ints, span: int) -> Floats:
        """Return the mean absolute value of the ``span`` values up to and with each origin."""
        low, high = np.maximum(origins + 1 - span, 0), origins + 1
        count = self._count[high] - self._count[low]
        total = self._sizes[high] - self._sizes[low]
        return np.where(count > 0, total / np.maximum(count, 1), np.nan)

    def spread(self, origins: Ints, span: int, level: Floats) -> Floats:
        """Return the mean distance from a level, over a few spots of the span before origins."""
        spots = np.unique(np.linspace(0, span - 1, min(span, 24)).astype("int64"))
        total, count = np.zeros(len(origins)), np.zeros(len(origins))
        for spot in spots:
            distance = np.abs(self.target[origins - spot] - level)
            known = np.isfinite(distance)
            total += np.where(known, distance, 0.0)
            count += known
        return np.where(count > 0, total / np.maximum(count, 1), np.nan)

    def scaling(self, series: Ints, origins: Ints) -> tuple[Floats, Floats]:
        """Return what is taken off each row's values and what they are divided by."""
        span = self.design.span
        if self.design.ratio:
            local = self.size(origins, span)
            whole = self.size(origins, self._size_before(series, origins))
            divisor = np.maximum(local, _LEAST_LEVEL * whole)
            return np.zeros(len(origins)), _usable(divisor)
        level = self.mean(origins, span)
        return level, _usable(self.spread(origins, span, level))

    def baseline(self, features: Mapping[str, Floats]) -> Floats | float:
        """Return what a differenced model's scaled target is counted from."""
        if not self.design.baseline:
            return 0.0
        return np.nan_to_num(features[f"season:{self.design.baseline}:0"])

    def _size_before(self, series: Ints, origins: Ints) -> Any:
        return origins + 1 - self.begins[series]

    def features(self, series: Ints, origins: Ints, steps: Ints) -> dict[str, Floats]:
        """Return the features of rows, by name, in a fixed order; categories as whole numbers."""
        shift, divisor = self.scaling(series, origins)
        found: dict[str, Floats] = {}

        def scaled(values: Floats) -> Floats:
            return (values - shift) / divisor

        self._add_lags(found, scaled, divisor, origins, steps)
        targets = np.minimum(origins + steps, self._size - 1)
        self._add_covariates(found, origins, targets, steps)
        for name, values in self._calendar.items():
            found[f"calendar:{name}"] = values[targets]
        found["step"] = steps.astype("float64")
        found["level"] = np.log1p(divisor * self.unit[series])
        for name, values in self._static.items():
            found[f"static:{name}"] = values[series]
        if self._item_codes is not None:
            found["item"] = self._item_codes[series]
        return found

    def _add_lags(
        self,
        found: dict[str, Floats],
        scaled: Callable[[Floats], Floats],
        divisor: Floats,
        origins: Ints,
        steps: Ints,
    ) -> None:
        design = self.design
        for lag in range(_RECENT):
            found[f"last:{lag}"] = scaled(self.target[origins - lag])
        spans = sorted({3, _RECENT, design.span, 2 * design.span, *design.seasons})
        for span in spans:
            found[f"mean:{span}"] = scaled(self.mean(origins, span))
        for season in design.seasons:
            back = season * (-(-steps // season)) - steps  # how far before the origin
            values = []
            for number in range(seasons_back(season)):
                spots = origins - back - number * season
                values.append(scaled(self.target[np.maximum(spots, 0)]))
                found[f"season:{season}:{number}"] = values[-1]
            stacked = np.array(values)
            known = np.isfinite(stacked)
            total = np.where(known, stacked, 0.0).sum(axis=0)
            count = known.sum(axis=0)
            mean = np.where(count > 0, total / np.maximum(count, 1), np.nan)
            found[f"season:{season}:mean"] = mean
            change = self.target[origins] - self.target[np.maximum(origins - season, 0)]
            found[f"change:{season}"] = change / divisor

    def _add_covariates(
        self, found: dict[str, Floats], origins: Ints, targets: Ints, steps: Ints
    ) -> None:
        season = self.design.seasons[0] if self.design.seasons else 1
        back = season * (-(-steps // season)) - steps
        for name in self.design.known:
            values = self._covariates[name]
            found[f"known:{name}"] = values[targets]
            if name not in self.design.categorical:
                found[f"known:{name}:before"] = values[targets - 1]
                found[f"known:{name}:after"] = values[np.minimum(targets + 1, self._size - 1)]
            found[f"known:{name}:season"] = values[np.maximum(origins - back, 0)]
        for name in self.design.past:
            values = self._covariates[name]
            found[f"past:{name}"] = values[origins]
            found[f"past:{name}:season"] = values[np.maximum(origins - back, 0)]


def _units(panel: Panel, *, ratio: bool) -> tuple[Floats, Floats]:
    """Return what is taken off each series' target and the unit it is counted in."""
    centre, unit = np.zeros(len(panel)), np.ones(len(panel))
    for number in range(len(panel)):
        history = panel.history(number)
        if not len(history):
            continue
        if not ratio:
            centre[number] = history.mean()
        unit[number] = np.abs(history - centre[number]).mean()
    return centre, np.where(unit > 0, unit, 1.0)


def _usable(divisor: Floats) -> Floats:
    return np.where(np.isfinite(divisor) & (divisor > 1e-9), divisor, 1.0)  # noqa: PLR2004


def _item_codes(panel: Panel, design: Design) -> Floats | None:
    """Return each series' number among those that were learned from, NaN for a new one."""
    if not design.items:
        return None
    codes = pd.Index(design.items).get_indexer(pd.Index(panel.items)).astype("float64")
    return np.where(codes < 0, np.nan, codes)


def calendar_parts(panel: Panel) -> dict[str, Floats]:
    """Return what the calendar says of every step of a panel, the parts that vary."""
    step = panel.calendar
    moments = step.shown(panel.moments())
    index = pd.DatetimeIndex(moments)
    parts: dict[str, Any] = {}
    if step.by_month:
        parts["month"] = index.month
        parts["business_days"] = _business_days(moments, step.step, at_end=step.at_end)
    else:
        if step.within_days:
            parts["minute_of_day"] = index.hour * 60 + index.minute
        parts["day_of_week"] = index.dayofweek
        parts["day_of_month"] = index.day
        parts["days_to_month_end"] = index.days_in_month - index.day
        parts["day_of_year"] = index.dayofyear
    parts["time"] = index.year + (index.dayofyear - 1) / 365.25
    return {name: np.asarray(values, dtype="float64") for name, values in parts.items()}


def _business_days(moments: Moments, months: int, *, at_end: bool) -> Floats:
    """Return the weekdays in the months that each stamp stands for."""
    month = moments.astype("datetime64[M]")
    first = month - (months - 1) if at_end else month
    begin, end = (edge.astype("datetime64[D]") for edge in (first, first + months))
    return np.asarray(np.busday_count(begin, end), dtype="float64")
