"""Whether the held-out rows are like the training rows, column by column."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from scipy import stats

from modelstudio.trainers.tabular.report.values import (
    Bins,
    Values,
    shown_values,
    target_values,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from modelstudio.trainers.tabular.report.features import Features
    from modelstudio.trainers.tabular.report.measured import Measured
    from modelstudio.trainers.tabular.report.subject import Array

_BINS = 10
_CATEGORIES = 30
_EXPECTED_ROWS = 5
# The asymptotic distribution is not defined for very few rows, and the exact one slow for many.
_EXACT_PAIRS = 10_000
# A bin that is empty on one side would make the index infinite.
_SMALLEST_SHARE = 1e-4


def drift(measured: Measured, features: Features) -> pd.DataFrame:
    """Return how each column and the target differ between training and held-out rows.

    ``population_stability_index`` compares the shares of ten ranges, or of the categories, missing
    values included; below 0.1 is usually taken as stable and above 0.25 as changed. ``statistic``
    and ``p_value`` are of the ``test``: Kolmogorov-Smirnov of numbers and dates, chi squared of
    categories. ``adjusted_p_value`` keeps the false discovery rate over all columns (Benjamini and
    Hochberg 1995).
    """
    rows = [
        _compared(name, role, training, holdout)
        for name, role, training, holdout in _columns(measured, features)
    ]
    table = pd.DataFrame(rows)
    known = table["p_value"].notna().to_numpy()
    adjusted = np.full(len(table), np.nan)
    if known.any():
        adjusted[known] = stats.false_discovery_control(table["p_value"].to_numpy()[known])
    table["adjusted_p_value"] = adjusted
    return table.sort_values(
        "population_stability_index", ascending=False, kind="stable", ignore_index=True
    )


def _columns(measured: Measured, features: Features) -> Iterator[tuple[str, str, Values, Values]]:
    for name, training in features.training.items():
        yield name, "feature", training, features.holdout[name]
    labels = measured.subject.training.labels
    number = measured.subject.objective == "regression"
    yield (
        str(labels.name),
        "target",
        target_values(labels.iloc[features.training_rows], number=number),
        target_values(measured.holdout.labels.iloc[features.holdout_rows], number=number),
    )


def _compared(name: str, role: str, training: Values, holdout: Values) -> dict[str, object]:
    bins = Bins.fit(training, _CATEGORIES if training.kind == "category" else _BINS)
    counts = [
        np.bincount(bins.codes(values), minlength=len(bins.labels))
        for values in (training, holdout)
    ]
    if training.kind == "category":
        test, (statistic, p_value) = "chi_squared", _chi_squared(*counts)
    else:
        test, (statistic, p_value) = "kolmogorov_smirnov", _kolmogorov_smirnov(training, holdout)
    return {
        "column": name,
        "role": role,
        "population_stability_index": stability_index(*counts),
        "test": test,
        "statistic": statistic,
        "p_value": p_value,
        "missing_training": float(training.missing.mean()),
        "missing_holdout": float(holdout.missing.mean()),
        "new_values_holdout": _new_values(training, holdout),
        "change": _change(training, holdout, bins, counts),
    }


def stability_index(training: Array, holdout: Array) -> float:
    """Return the population stability index of two histograms with the same bins."""
    shares = [
        np.maximum(counts / max(counts.sum(), 1), _SMALLEST_SHARE) for counts in (training, holdout)
    ]
    used = (training > 0) | (holdout > 0)
    before, after = shares[0][used], shares[1][used]
    return float(((after - before) * np.log(after / before)).sum())


def _chi_squared(training: Array, holdout: Array) -> tuple[float, float]:
    table = np.stack([training, holdout]).astype("float64")
    # The test needs some rows in every cell, so rare categories are counted together.
    least = table.sum(axis=0) * table.sum(axis=1).min() / table.sum()
    rare = least < _EXPECTED_ROWS
    table = np.column_stack([table[:, ~rare], table[:, rare].sum(axis=1)])
    table = table[:, table.sum(axis=0) > 0]
    if table.shape[1] < 2 or (table.sum(axis=1) == 0).any():  # noqa: PLR2004
        return float("nan"), float("nan")
    found = stats.chi2_contingency(table, correction=False)
    return float(found.statistic), float(found.pvalue)


def _kolmogorov_smirnov(training: Values, holdout: Values) -> tuple[float, float]:
    first, second = (values.data[~values.missing] for values in (training, holdout))
    if not len(first) or not len(second):
        return float("nan"), float("nan")
    few = len(first) * len(second) < _EXACT_PAIRS
    found = stats.ks_2samp(first, second, method="exact" if few else "asymp")
    return float(found.statistic), float(found.pvalue)


def _new_values(training: Values, holdout: Values) -> float:
    """Return the share of held-out values that no training row has, or beyond their range."""
    known = holdout.data[~holdout.missing]
    seen = training.data[~training.missing]
    if not len(known) or not len(seen):
        return 0.0
    if training.kind == "category":
        new = ~pd.Series(known, dtype=object).isin(set(seen)).to_numpy()
    else:
        new = (known < seen.min()) | (known > seen.max())
    return float(new.sum() / len(holdout.data))


def _change(training: Values, holdout: Values, bins: Bins, counts: list[Array]) -> str:
    """Say what differs most, as ``median 3 -> 5`` or ``'red' 10 % -> 25 %``."""
    if training.kind != "category" and len(np.unique(training.data)) > _BINS:
        known = [values.data[~values.missing] for values in (training, holdout)]
        if not all(len(one) for one in known):
            return ""
        first, second = shown_values(np.array([np.median(one) for one in known]), training.kind)
        return f"median {first} -> {second}"
    first_share, second_share = (count / max(count.sum(), 1) for count in counts)
    most = int(np.abs(second_share - first_share).argmax())
    return f"{bins.labels[most]!r} {first_share[most]:.1%} -> {second_share[most]:.1%}"
