"""The values of columns as numbers, moments or categories, sorted into bins.

A report shows the columns as the user knows them, read as the model reads them.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Literal

import numpy as np
import pandas as pd

from modelstudio.tables.identity import plain
from modelstudio.trainers.tabular.preparation.moments import MomentParts
from modelstudio.trainers.tabular.preparation.plain import Booleans, Numbers
from modelstudio.trainers.tabular.preparation.treatment import ColumnData, bounded

if TYPE_CHECKING:
    from modelstudio.trainers.tabular.preparation import PreparedColumn
    from modelstudio.trainers.tabular.report.subject import Array

Kind = Literal["number", "moment", "category"]

WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
MISSING = "(missing)"
OTHER = "(other)"
_FLAGS = np.array(["False", "True", None], dtype=object)
_LONGEST_LABEL = 100
_SECONDS_A_DAY = 86_400


@dataclass(frozen=True, slots=True)
class Values:
    """The values of a column.

    Attributes
    ----------
    data
        Numbers, or seconds since 1970 of moments, with NaN for missing; texts of categories, with
        None for missing.
    """

    kind: Kind
    data: Array

    @property
    def missing(self) -> Array:
        return np.asarray(pd.isna(self.data))


def read_values(series: pd.Series, column: PreparedColumn) -> Values:
    """Read a column as the model's preparation does; what it cannot read counts as missing."""
    data, first = ColumnData(series, column.without), column.treatments[0]
    if isinstance(first, Numbers):
        return Values("number", first.numbers(data))
    if isinstance(first, MomentParts):
        known, micros = first.moments(data)
        return Values("moment", np.where(known, micros / 1e6, np.nan))
    if isinstance(first, Booleans) and column.field_type == "BOOLEAN":
        return Values("category", _FLAGS[first.codes(data)])
    codes, texts = data.distinct
    return Values("category", np.array([*map(plain, texts), None], dtype=object)[codes])


def target_values(labels: pd.Series, *, number: bool) -> Values:
    """Return the values of a target: numbers, or the texts of classes."""
    if number:
        return Values("number", bounded(labels.to_numpy(dtype="float64")))
    return Values("category", labels.astype(object).map(str).to_numpy(dtype=object))


def moment_parts(values: Values) -> dict[str, Values]:
    """Return the parts of moments that vary: hour (0 to 23), weekday by name, month (1 to 12)."""
    known = ~values.missing
    seconds = np.where(known, values.data, 0).astype("int64")
    days = seconds // _SECONDS_A_DAY
    months = seconds.astype("datetime64[s]").astype("datetime64[M]").astype("int64")
    # 1970-01-01 was a Thursday.
    names = np.array(WEEKDAYS, dtype=object)[(days + 3) % len(WEEKDAYS)]
    names[~known] = None
    found = {
        "hour": Values("number", np.where(known, seconds % _SECONDS_A_DAY // 3600, np.nan)),
        "weekday": Values("category", names),
        "month": Values("number", np.where(known, months % 12 + 1, np.nan)),
    }
    return {name: part for name, part in found.items() if len(pd.unique(part.data[known])) > 1}


@dataclass(frozen=True, slots=True)
class Bins:
    """Bins of a column's values: ranges with about as many rows each, or its largest categories.

    Attributes
    ----------
    edges
        The upper ends of all ranges but the last, each within its range.
    categories
        The categories that have a bin.
    labels
        What each bin is called; missing values and, of categories, all others come last.
    """

    kind: Kind
    edges: Array
    categories: tuple[str, ...]
    labels: tuple[str, ...]

    @classmethod
    def fit(cls, values: Values, most: int) -> Bins:
        """Make at most ``most`` bins, besides those for missing and other values."""
        known = values.data[~values.missing]
        if values.kind == "category":
            counts = pd.Series(known, dtype=object).value_counts(sort=False)
            largest = counts.sort_values(ascending=False, kind="stable").head(most).index
            labels = [str(name)[:_LONGEST_LABEL] for name in largest]
            return cls("category", np.empty(0), tuple(largest), (*labels, OTHER, MISSING))
        distinct = np.unique(known)
        if len(distinct) <= most:
            edges, labels = distinct[:-1], shown_values(distinct, values.kind)
        else:
            inner = np.linspace(0, 1, most + 1)[1:-1]
            edges = np.unique(np.quantile(known, inner, method="inverted_cdf"))
            edges = edges[edges < distinct[-1]]
            whole = values.kind == "number" and bool((distinct % 1 == 0).all())
            labels = _range_labels(edges, values.kind, whole=whole)
        return cls(values.kind, edges, (), (*(labels or ["any"]), MISSING))

    def codes(self, values: Values) -> Array:
        """Return the bin of each value, a position in ``labels``."""
        if self.kind == "category":
            found = pd.Index(self.categories, dtype=object).get_indexer(values.data)
            codes = np.where(found >= 0, found, len(self.categories))
        else:
            codes = np.searchsorted(self.edges, values.data, side="left")
        return np.asarray(np.where(values.missing, len(self.labels) - 1, codes))


def _range_labels(edges: Array, kind: Kind, *, whole: bool) -> list[str]:
    shown = shown_values(edges, kind)
    if not shown:
        return ["any"]
    if whole:
        starts = shown_values(edges + 1, kind)
        between = [
            low if low == high else f"{low} to {high}"
            for low, high in zip(starts, shown[1:], strict=False)
        ]
        return [f"<= {shown[0]}", *between, f">= {starts[-1]}"]
    between = [f"> {low} to {high}" for low, high in pairwise(shown)]
    return [f"<= {shown[0]}", *between, f"> {shown[-1]}"]


def shown_values(data: Array, kind: Kind) -> list[str]:
    """Return numbers or moments as text, each in as many digits as tell it from the others."""
    values = np.asarray(data, dtype="float64")
    if kind == "number":
        short = [f"{value:.6g}" for value in values]
        return short if len(set(short)) == len(set(values)) else [f"{one:.15g}" for one in values]
    unit: Literal["D", "m", "s"] = "s"
    if (values % 60 == 0).all():
        unit = "D" if (values % _SECONDS_A_DAY == 0).all() else "m"
    moments = np.round(values * 1e6).astype("int64")
    return [str(np.datetime_as_string(np.datetime64(int(one), "us"), unit=unit)) for one in moments]
