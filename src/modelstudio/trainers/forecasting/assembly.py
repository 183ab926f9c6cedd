"""Makes a panel of a table: duplicates, resampling, gaps."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final, Self

import numpy as np
import pandas as pd

from modelstudio.trainers.forecasting.identity import place
from modelstudio.trainers.forecasting.panel import Panel

if TYPE_CHECKING:
    from collections.abc import Mapping

    from modelstudio.trainers.forecasting.calendar import Calendar, Moments
    from modelstudio.trainers.forecasting.columns import Columns
    from modelstudio.trainers.forecasting.panel import Flags, Floats, Ints

_INTERMITTENT_SHARE: Final = 0.3
#: Steps that may be filled: so many, and so many for each row.
_MOST_FILLED: Final = 10_000_000
_MOST_FILLED_A_ROW: Final = 20


class AssemblyError(ValueError):
    """Rows that make no panel; the message says why and what to do."""


@dataclass(frozen=True, slots=True)
class Resampling:
    """How several rows become one step, and what stands in for a step without rows.

    Attributes
    ----------
    allowed
        Whether rows that share a step are aggregated; else they are refused.
    numeric, categorical
        Names of aggregations.
    missing
        Strategy for steps without a target value.
    unfinished
        What becomes of a first or last period that rows cover in part: ``leave_out``,
        ``complete`` or ``keep``.
    """

    allowed: bool = False
    numeric: str = "mean"
    categorical: str = "most_frequent"
    missing: str = "auto"
    unfinished: str = "leave_out"

    @classmethod
    def of(cls, config: Mapping[str, Any]) -> Self:
        return cls(
            allowed=config["frequency"] != "auto",
            numeric=config["numeric_aggregation"],
            categorical=config["categorical_aggregation"],
            missing=config["missing_value_strategy"],
            unfinished=config.get("unfinished_periods", "leave_out"),
        )


@dataclass(frozen=True, slots=True)
class Rows:
    """Rows of a table, one array a column, in any order.

    ``item`` holds ids, ``target`` NaN where there is no value.
    """

    item: Any
    moment: Moments
    target: Floats
    covariates: Mapping[str, Floats]


@dataclass(frozen=True, slots=True)
class Assembled:
    """A panel and what was done to get it."""

    panel: Panel
    filled: int
    aggregated: int
    without_values: tuple[str, ...]


def assemble(
    rows: Rows, calendar: Calendar, columns: Columns, resampling: Resampling, horizon: int
) -> Assembled:
    """Return the series of these rows on a calendar, gaps filled.

    A series begins with its first and its history ends with its last row that has a target value;
    of the rows after it, ``horizon`` steps are kept for their known covariates.

    Raises
    ------
    AssemblyError
        When rows lie beside the calendar or share a step and may not be aggregated, or when the
        gaps are far longer than the data.
    """
    steps, aggregated = _steps(rows, calendar, columns, resampling)
    steps, without_values = _trimmed(steps, horizon)
    panel = _laid_out(steps, calendar, columns)
    filled = int((~panel.observed[_history(panel)]).sum())
    panel = _fill_target(panel, resampling.missing)
    _fill_covariates(panel)
    return Assembled(panel, filled, aggregated, without_values)


def collapsed(rows: Rows, calendar: Calendar, columns: Columns, resampling: Resampling) -> Rows:
    """Return one row a series and step, stamped as the calendar does.

    Raises
    ------
    AssemblyError
        As ``assemble``.
    """
    steps, _ = _steps(rows, calendar, columns, resampling)
    return Rows(
        item=steps["item"].to_numpy(dtype=object),
        moment=calendar.moment(steps["number"].to_numpy(dtype="int64")),
        target=steps["target"].to_numpy(dtype="float64"),
        covariates={name: steps[f"c:{name}"].to_numpy(dtype="float64") for name in rows.covariates},
    )


def _steps(
    rows: Rows, calendar: Calendar, columns: Columns, resampling: Resampling
) -> tuple[pd.DataFrame, int]:
    """Return one row a series and step, sorted, and how many rows were taken together."""
    # A holiday moves the last working day of a month, which is its stamp all the same.
    on_any_day = calendar.kind == "business_months"
    if not resampling.allowed and not on_any_day and not calendar.holds(rows.moment):
        wrong = rows.moment[calendar.moment(calendar.number(rows.moment)) != rows.moment][0]
        raise AssemblyError(
            f"The timestamp {pd.Timestamp(wrong)} does not lie on a calendar of frequency "
            f"{calendar.alias}. Set the frequency to resample the series to it, or time_zone if "
            "days begin at the midnights of another place."
        )
    frame = pd.DataFrame(
        {"item": rows.item, "number": calendar.number(rows.moment), "target": rows.target}
        | {f"c:{name}": values for name, values in rows.covariates.items()}
    )
    double = frame.duplicated(["item", "number"])
    extra = int(double.sum())
    if extra and not resampling.allowed:
        first = frame[double].iloc[0]
        moment = calendar.moment(np.array([first["number"]]))[0]
        raise AssemblyError(
            f"{extra} rows have the same timestamp as another row of their series, "
            f"{place(moment, first['item'])} for one. Map the column that tells series apart, "
            "remove the duplicates, or set the frequency to aggregate them."
        )
    if extra:
        ways = {"target": _aggregation(resampling.numeric)}
        for name in rows.covariates:
            way = resampling.categorical if name in columns.categorical else resampling.numeric
            ways[f"c:{name}"] = _aggregation(way)
        frame = frame.groupby(["item", "number"], sort=True).agg(ways).reset_index()
    return frame.sort_values(["item", "number"], kind="stable", ignore_index=True), extra


def _aggregation(name: str) -> Any:
    if name == "sum":
        return _sum
    return {"most_frequent": _most_frequent}.get(name, name)


def _sum(values: pd.Series) -> float:
    return float(values.sum(min_count=1))


def _most_frequent(values: pd.Series) -> float:
    counts = values.value_counts()
    return float(counts.index[counts == counts.max()].min()) if len(counts) else float("nan")


def _trimmed(steps: pd.DataFrame, horizon: int) -> tuple[pd.DataFrame, tuple[str, ...]]:
    """Leave out what is before the first and far after the last value of each series."""
    valued = steps[steps["target"].notna()].groupby("item")["number"].agg(["min", "max"])
    first = steps["item"].map(valued["min"])
    last = steps["item"].map(valued["max"])
    kept = (steps["number"] >= first) & (steps["number"] <= last + horizon)
    without = sorted(set(steps["item"]) - set(valued.index))
    steps = steps.assign(first=first, last=last)[kept]
    return steps.reset_index(drop=True), tuple(str(item) for item in without)


def _laid_out(steps: pd.DataFrame, calendar: Calendar, columns: Columns) -> Panel:
    codes, items = pd.factorize(steps["item"])
    first_row = np.searchsorted(codes, np.arange(len(items)))
    starts = steps["first"].to_numpy()[first_row].astype("int64")
    last = steps["last"].to_numpy()[first_row].astype("int64")
    ends = steps.groupby(codes)["number"].max().to_numpy().astype("int64")
    offsets = np.concatenate([[0], np.cumsum(ends - starts + 1)]).astype("int64")
    if offsets[-1] > _MOST_FILLED + _MOST_FILLED_A_ROW * len(steps):
        longest = int(np.argmax(ends - starts))
        first, end = calendar.moment(np.array([starts[longest], ends[longest]]))
        raise AssemblyError(
            f"With its gaps filled at frequency {calendar.alias}, the data would have "
            f"{offsets[-1]} steps, but has {len(steps)} rows; series {items[longest]!r} goes from "
            f"{pd.Timestamp(first)} to {pd.Timestamp(end)}. Remove stray timestamps or set a "
            "coarser frequency."
        )
    positions = offsets[codes] + steps["number"].to_numpy().astype("int64") - starts[codes]

    def scattered(values: Any) -> Floats:
        flat = np.full(offsets[-1], np.nan)
        flat[positions] = values
        return flat

    target = scattered(steps["target"].to_numpy(dtype="float64"))
    return Panel(
        calendar=calendar,
        items=tuple(str(item) for item in items),
        offsets=offsets,
        starts=starts,
        cuts=last - starts + 1,
        target=target,
        observed=np.isfinite(target),
        covariates={
            name: scattered(steps[f"c:{name}"].to_numpy(dtype="float64"))
            for name in columns.covariates
        },
        known=columns.known,
        past=columns.past,
        categorical=columns.categorical,
    )


def _history(panel: Panel) -> Flags:
    """Return where the flat arrays are history."""
    lengths = panel.lengths
    within = np.arange(panel.offsets[-1]) - np.repeat(panel.offsets[:-1], lengths)
    inside: Flags = within < np.repeat(panel.cuts, lengths)
    return inside


def _fill_target(panel: Panel, strategy: str) -> Panel:
    """Give every step of the history a value; the series begin and end with observed ones."""
    missing = np.flatnonzero(_history(panel) & ~panel.observed)
    if not len(missing):
        return panel
    seen = np.flatnonzero(panel.observed)
    if strategy == "zero":
        panel.target[missing] = 0.0
    elif strategy == "forward_fill":
        panel.target[missing] = panel.target[seen[np.searchsorted(seen, missing) - 1]]
    else:
        panel.target[missing] = np.interp(missing, seen, panel.target[seen])
    if strategy == "mean":
        series = np.searchsorted(panel.offsets, missing, side="right") - 1
        codes = np.searchsorted(panel.offsets, seen, side="right") - 1
        totals = np.bincount(codes, panel.target[seen], len(panel))
        panel.target[missing] = (totals / np.bincount(codes, minlength=len(panel)))[series]
    bridged = np.zeros(len(panel.target), dtype=bool)
    bridged[missing] = strategy not in {"zero", "forward_fill"}
    if strategy == "auto":
        bridged[_fill_by_kind(panel, missing, seen)] = False
    return replace(panel, bridged=bridged)


def _fill_by_kind(panel: Panel, missing: Ints, seen: Ints) -> list[int]:
    """Put zeros into intermittent series, and the season before into gaps of half a season.

    Returns where it did; none of these values depends on later ones.
    """
    codes = np.searchsorted(panel.offsets, seen, side="right") - 1
    zeros = np.bincount(codes, panel.target[seen] == 0, len(panel))
    intermittent = zeros / np.bincount(codes, minlength=len(panel)) >= _INTERMITTENT_SHARE
    series = np.searchsorted(panel.offsets, missing, side="right") - 1
    put: list[int] = missing[intermittent[series]].tolist()
    panel.target[put] = 0.0
    season = next(iter(panel.calendar.seasons), 1)
    if season == 1:
        return put
    nearest = np.searchsorted(seen, missing)
    gap = seen[nearest] - seen[nearest - 1]
    long = (gap > season // 2) & ~intermittent[series]
    for position, begin in zip(missing[long], panel.offsets[series[long]], strict=True):
        if position - season >= begin:
            panel.target[position] = panel.target[position - season]
            put.append(position)
    return put


def _fill_covariates(panel: Panel) -> None:
    """Carry a covariate's last value over gaps within a series; the future is left as it is."""
    history = _history(panel)
    begins = np.repeat(panel.offsets[:-1], panel.lengths)
    everywhere = np.arange(len(history))
    for values in panel.covariates.values():
        last = np.maximum.accumulate(np.where(np.isfinite(values), everywhere, -1))
        usable = history & (last >= begins)
        values[usable] = values[last[usable]]
