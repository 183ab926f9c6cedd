"""Which columns say the same: an importance is shared between them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy import stats

from modelstudio.trainers.tabular.report.values import Bins

if TYPE_CHECKING:
    from collections.abc import Mapping

    from modelstudio.trainers.tabular.report.features import Features
    from modelstudio.trainers.tabular.report.subject import Array

STRONG = 0.7
_MOST_ROWS = 5_000
_MOST_COLUMNS = 300
_BINS = 10
_CATEGORIES = 30


def most_related(features: Features) -> Mapping[str, tuple[str, float]]:
    """Return, for each column with one, the column most strongly related to it, and how strongly.

    Numbers and dates are compared by Spearman's rank correlation; pairs with a category by
    Cramér's V with the correction of Bergsma (2013), numbers in tenths. Relations below 0.7 are
    left out; of a wide table the first 300 columns are looked at.
    """
    names = list(features.training)[:_MOST_COLUMNS]
    strength = np.zeros((len(names), len(names)))
    ordered = [n for n, name in enumerate(names) if features.training[name].kind != "category"]
    strength[np.ix_(ordered, ordered)] = _spearman(features, [names[n] for n in ordered])
    codes = [_codes(features, name) for name in names]
    others = [n for n in range(len(names)) if n not in set(ordered)]
    for first in others:
        for second in range(len(names)):
            if second < first or second in ordered:
                found = _cramers_v(codes[first], codes[second])
                strength[first, second] = strength[second, first] = found
    np.fill_diagonal(strength, 0)
    found_pairs = {}
    for position, name in enumerate(names):
        best = int(np.abs(strength[position]).argmax())
        if abs(strength[position, best]) >= STRONG:
            found_pairs[name] = (names[best], float(strength[position, best]))
    return found_pairs


def _spearman(features: Features, names: list[str]) -> Array:
    if not names:
        return np.empty((0, 0))
    ranks = []
    for name in names:
        data = features.training[name].data[_rows(features)]
        rank = stats.rankdata(data, nan_policy="omit")
        rank = np.where(np.isnan(rank), np.nanmean(rank) if (~np.isnan(rank)).any() else 0, rank)
        ranks.append(rank - rank.mean())
    table = np.array(ranks)
    size = np.sqrt((table**2).sum(axis=1))
    return np.asarray(table @ table.T / np.maximum(np.outer(size, size), 1e-12))


def _rows(features: Features) -> slice:
    """Choose every so many rows, since a table may be sorted."""
    return slice(None, None, max(1, len(features.training_rows) // _MOST_ROWS))


def _codes(features: Features, name: str) -> Array:
    values = features.training[name]
    bins = Bins.fit(values, _CATEGORIES if values.kind == "category" else _BINS)
    return np.unique(bins.codes(values)[_rows(features)], return_inverse=True)[1]


def _cramers_v(first: Array, second: Array) -> float:
    rows, columns = int(first.max()) + 1, int(second.max()) + 1
    n = len(first)
    if min(rows, columns) < 2 or n < 2:  # noqa: PLR2004
        return 0.0
    table = np.bincount(first * columns + second, minlength=rows * columns).reshape(rows, columns)
    expected = np.outer(table.sum(axis=1), table.sum(axis=0)) / n
    phi = ((table - expected) ** 2 / expected).sum() / n
    phi = max(0.0, phi - (rows - 1) * (columns - 1) / (n - 1))
    r = rows - (rows - 1) ** 2 / (n - 1)
    c = columns - (columns - 1) ** 2 / (n - 1)
    return float(min(1.0, np.sqrt(phi / max(min(r, c) - 1, 1e-12))))
