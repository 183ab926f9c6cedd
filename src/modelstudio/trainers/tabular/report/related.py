"""Which columns say the same: an importance is shared between them."""

from __future__ import annotations

from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np
from scipy import stats

from modelstudio.trainers.tabular.report.values import Bins

if TYPE_CHECKING:
    from collections.abc import Mapping

    from modelstudio.trainers.tabular.report.features import Features
    from modelstudio.trainers.tabular.report.subject import Array

_STRONG_CORRELATION = 0.7
_STRONG_SHARE = 0.5
_MOST_ROWS = 5_000
_MOST_COLUMNS = 300
_BINS = 10
_CATEGORIES = 30


def most_related(features: Features) -> Mapping[str, tuple[str, float]]:
    """Return, for each column with one, the column most strongly related to it, and how strongly.

    Numbers and dates are compared by Spearman's rank correlation; where a category takes part, by
    the share of the column's information that the other one gives (Theil's U), numbers in tenths.
    Correlations below 0.7 and shares below a half are left out; of a wide table the first 300
    columns are looked at.
    """
    names = list(features.training)[:_MOST_COLUMNS]
    codes = [_codes(features, name) for name in names]
    ordered = [n for n, name in enumerate(names) if features.training[name].kind != "category"]
    strength = np.zeros((len(names), len(names)))
    strength[np.ix_(ordered, ordered)] = _spearman(features, [names[n] for n in ordered])
    strength[np.abs(strength) < _STRONG_CORRELATION] = 0
    both_ordered = set(ordered)
    for first, second in combinations(range(len(names)), 2):
        if not (first in both_ordered and second in both_ordered):
            shares = _shared_information(codes[first], codes[second])
            strength[first, second], strength[second, first] = shares
    np.fill_diagonal(strength, 0)
    found = {}
    for position, name in enumerate(names):
        best = int(np.abs(strength[position]).argmax())
        if abs(strength[position, best]) >= _STRONG_SHARE:
            found[name] = (names[best], float(strength[position, best]))
    return found


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


def _shared_information(first: Array, second: Array) -> tuple[float, float]:
    """Return which share of the first column's information the second gives, and the reverse.

    Theil's U, less what chance alone gives in a table of that size (Miller 1955).
    """
    rows, columns = int(first.max()) + 1, int(second.max()) + 1
    n = len(first)
    table = np.bincount(first * columns + second, minlength=rows * columns).reshape(rows, columns)
    each = [_entropy(table.sum(axis=1)), _entropy(table.sum(axis=0))]
    shared = sum(each) - _entropy(table.ravel()) - (rows - 1) * (columns - 1) / (2 * n)
    first_share, second_share = (max(0.0, shared) / one if one > 0 else 0.0 for one in each)
    return min(1.0, first_share), min(1.0, second_share)


def _entropy(counts: Array) -> float:
    shares = counts[counts > 0] / counts.sum()
    return float(-(shares * np.log(shares)).sum())
