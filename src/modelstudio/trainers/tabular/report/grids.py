"""Chooses the values of a column that a partial dependence shows.

A value to show is a pool of training rows that have it, so that a model is asked nothing that its
column cannot hold: text stays text, and a date is one that occurred.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from modelstudio.trainers.tabular.report.values import (
    MISSING,
    WEEKDAYS,
    moment_parts,
    shown_values,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from modelstudio.trainers.tabular.report.subject import Array
    from modelstudio.trainers.tabular.report.values import Values

GRID_POINTS = 20
_EDGE = 0.01
_CATEGORIES = 10
_PERIODS = 12


@dataclass(frozen=True, slots=True)
class Grid:
    """Values to show.

    Attributes
    ----------
    part
        ``value``, or what of a moment is shown: ``time`` in periods of as many rows each,
        ``hour``, ``weekday`` or ``month``.
    shown, numbers
        The values as text, and as numbers where they are numbers.
    pools
        For each value, the positions of the training rows that have it.
    """

    part: str
    shown: Sequence[str]
    numbers: Array
    pools: Sequence[Array]


def grids(values: Values, rows: Array) -> list[Grid]:
    """Return what to show of a column whose values are those of the training rows ``rows``."""
    if values.kind == "category":
        found = [_categories("value", values)]
    elif values.kind == "number":
        found = [_numbers("value", values)]
    else:
        found = [_periods(values)]
        for part, part_values in moment_parts(values).items():
            choose = _categories if part_values.kind == "category" else _numbers
            found.append(choose(part, part_values))
    return [
        Grid(grid.part, grid.shown, grid.numbers, [rows[pool] for pool in grid.pools])
        for grid in found
        if len(grid.shown) > 1
    ]


def _numbers(part: str, values: Values) -> Grid:
    """Take every value if there are few, else quantiles, each of which is a value."""
    known = np.sort(values.data[~values.missing])
    chosen = np.unique(known)
    if len(chosen) > max(GRID_POINTS, _most(part)):
        shares = np.linspace(_EDGE, 1 - _EDGE, GRID_POINTS)
        chosen = np.unique(np.quantile(known, shares, method="inverted_cdf"))
    pools = [np.flatnonzero(values.data == value) for value in chosen]
    return Grid(part, shown_values(chosen, "number"), chosen, pools)


def _most(part: str) -> int:
    return 24 if part == "hour" else 0


def _categories(part: str, values: Values) -> Grid:
    texts = pd.Series(values.data, dtype=object).where(~values.missing, MISSING)
    counts = texts.value_counts(sort=False).sort_values(ascending=False, kind="stable")
    if counts.empty or counts.iloc[0] == 1:
        return Grid(part, [], np.empty(0), [])  # every row has its own
    chosen = [str(name) for name in counts.index[:_CATEGORIES]]
    if part == "weekday":
        chosen = [name for name in WEEKDAYS if name in set(chosen)]
    pools = [np.flatnonzero((texts == name).to_numpy()) for name in chosen]
    return Grid(part, chosen, np.full(len(chosen), np.nan), pools)


def _periods(values: Values) -> Grid:
    known = np.flatnonzero(~values.missing)
    ordered = known[np.argsort(values.data[known], kind="stable")]
    pools = [pool for pool in np.array_split(ordered, _PERIODS) if len(pool)]
    medians = np.array([values.data[pool[len(pool) // 2]] for pool in pools])
    # Rows of the same moment may have been split.
    medians, first = np.unique(medians, return_index=True)
    shown = shown_values(medians, "moment")
    return Grid("time", shown, np.full(len(shown), np.nan), [pools[one] for one in first])
