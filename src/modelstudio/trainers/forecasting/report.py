"""What a run tells of its forecasts: metrics and tables, measured on the test windows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pandas as pd

from modelstudio.trainers.forecasting import metrics
from modelstudio.trainers.forecasting.features import Design, Table
from modelstudio.trainers.forecasting.members import BoostedMember

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from modelstudio.trainers.base import Reporter
    from modelstudio.trainers.forecasting.members import Member
    from modelstudio.trainers.forecasting.panel import Floats, Panel
    from modelstudio.trainers.forecasting.search import Search
    from modelstudio.trainers.forecasting.windows import Windows

POINT_METRICS: Final = ("MASE", "sMAPE", "RMSSE", "MAE", "RMSE", "WAPE", "MAPE")
_MOST_ROWS: Final = 100_000


@dataclass(frozen=True, slots=True)
class Backtest:
    """Blended forecasts of all windows; the last ``windows.test`` are for measuring.

    ``quantiles`` has the levels along its last axis.
    """

    windows: Windows
    predicted: Floats
    quantiles: Floats
    levels: tuple[float, ...]

    @property
    def measured(self) -> slice:
        return slice(len(self.windows.cuts) - self.windows.test, None)


def summary(backtest: Backtest) -> dict[str, float]:
    """Return the metrics on the test windows by name; those that cannot be told are left out."""
    part, windows = backtest.measured, backtest.windows
    actual, predicted = windows.actual[part], backtest.predicted[part]
    scales = metrics.Scales(windows.scales.absolute[part], windows.scales.squared[part])
    found = {name: metrics.score(name, actual, predicted, scales) for name in POINT_METRICS}
    quantiles = backtest.quantiles[part]
    if backtest.levels:
        found["WQL"] = metrics.weighted_quantile_loss(actual, quantiles, backtest.levels)
    for low, high in _intervals(backtest.levels):
        covered = metrics.coverage(actual, quantiles[..., low], quantiles[..., high])
        share = backtest.levels[high] - backtest.levels[low]
        found[f"coverage_{share:.2g}"] = covered
    return {name: value for name, value in found.items() if np.isfinite(value)}


def _intervals(levels: Sequence[float]) -> list[tuple[int, int]]:
    """Return the pairs of levels that are symmetric about the median."""
    return [
        (low, high)
        for low in range(len(levels))
        for high in range(low + 1, len(levels))
        if abs(levels[low] + levels[high] - 1) < 1e-9  # noqa: PLR2004
    ]


def report_backtest(backtest: Backtest, reporter: Reporter) -> None:
    """Leave the tables of the backtest, its metrics by step and by series, and the coverage."""
    reporter.table(
        "backtest",
        _backtest_table(backtest),
        "Actual values and forecasts of the rolling windows, the newest windows first; their "
        "weights were chosen on earlier windows. Window 0 and below are for measuring alone.",
    )
    reporter.table(
        "metrics_by_horizon",
        _by_horizon(backtest),
        "Errors and coverage by step ahead, over all windows.",
    )
    reporter.table(
        "metrics_by_series",
        _by_series(backtest),
        "Errors and coverage by series, over all windows, the worst first.",
    )
    reporter.table(
        "interval_coverage",
        _coverage_table(backtest),
        "Share of the actual values within each interval, over all and over the test windows.",
    )


def _backtest_table(backtest: Backtest) -> pd.DataFrame:
    windows = backtest.windows
    parts = []
    rows = 0
    for window in reversed(range(len(windows.cuts))):
        view = windows.view(window)
        horizon = windows.horizon
        columns: dict[str, Any] = {
            "item": np.repeat(np.array(view.items, dtype=object), horizon),
            "window": len(windows.cuts) - windows.test - window,
            "timestamp": view.calendar.shown(view.future(horizon)).ravel(),
            "step": np.tile(np.arange(1, horizon + 1), len(view)),
            "actual": windows.actual[window].ravel(),
            "prediction": backtest.predicted[window].ravel(),
        }
        for number, level in enumerate(backtest.levels):
            columns[f"quantile_{level:g}"] = backtest.quantiles[window][..., number].ravel()
        part = pd.DataFrame(columns).dropna(subset=["actual"])
        parts.append(part.head(_MOST_ROWS - rows))
        rows += len(parts[-1])
    return pd.concat(parts, ignore_index=True)


def _by_horizon(backtest: Backtest) -> pd.DataFrame:
    rows = []
    for step in range(backtest.windows.horizon):
        part = (slice(None), slice(None), slice(step, step + 1))
        rows.append({"step": step + 1, **_measured(backtest, part)})
    return pd.DataFrame(rows)


def _by_series(backtest: Backtest) -> pd.DataFrame:
    rows = []
    sampled = backtest.windows.sampled
    for number, item in enumerate(sampled.items):
        part = (slice(None), slice(number, number + 1), slice(None))
        rows.append({"item": item, "steps": int(sampled.cuts[number]), **_measured(backtest, part)})
    return pd.DataFrame(rows).sort_values("MASE", ascending=False, ignore_index=True)


def _measured(backtest: Backtest, part: Any) -> dict[str, float]:
    windows = backtest.windows
    actual, predicted = windows.actual[part], backtest.predicted[part]
    scales = metrics.Scales(windows.scales.absolute[part[:2]], windows.scales.squared[part[:2]])
    found = {name: metrics.score(name, actual, predicted, scales) for name in POINT_METRICS}
    if backtest.levels:
        quantiles = backtest.quantiles[part]
        found["WQL"] = metrics.weighted_quantile_loss(actual, quantiles, backtest.levels)
        for low, high in _intervals(backtest.levels):
            share = backtest.levels[high] - backtest.levels[low]
            found[f"coverage_{share:.2g}"] = metrics.coverage(
                actual, quantiles[..., low], quantiles[..., high]
            )
    return found


def _coverage_table(backtest: Backtest) -> pd.DataFrame:
    rows = []
    actual, part = backtest.windows.actual, backtest.measured
    for low, high in _intervals(backtest.levels):
        edges = backtest.quantiles[..., low], backtest.quantiles[..., high]
        rows.append(
            {
                "interval": round(backtest.levels[high] - backtest.levels[low], 10),
                "lower_level": backtest.levels[low],
                "upper_level": backtest.levels[high],
                "coverage": metrics.coverage(actual, *edges),
                "coverage_test": metrics.coverage(actual[part], edges[0][part], edges[1][part]),
                "mean_width": float(metrics.mean_known(edges[1] - edges[0])),
            }
        )
    names = ["interval", "lower_level", "upper_level", "coverage", "coverage_test", "mean_width"]
    return pd.DataFrame(rows, columns=names)


def report_models(
    search: Search,
    windows: Windows,
    weights: Mapping[str, float],
    metric: str,
    reporter: Reporter,
) -> None:
    """Leave the leaderboard and the weights."""
    split = len(windows.cuts) - windows.test
    rows = []
    for name, trial in search.trials.items():
        row: dict[str, Any] = {"model": name}
        for label, part in (("validation", slice(0, split)), ("test", slice(split, None))):
            scales = metrics.Scales(windows.scales.absolute[part], windows.scales.squared[part])
            forecasts = trial.forecasts[part]
            row[f"{metric}_{label}"] = metrics.score(
                metric, windows.actual[part], forecasts, scales
            )
        row |= {"weight": weights.get(name, 0.0), "seconds": round(trial.seconds, 3)}
        row["remark"] = None
        rows.append(row)
    rows += [{"model": name, "weight": 0.0, "remark": why} for name, why in search.given_up.items()]
    names = ["model", f"{metric}_validation", f"{metric}_test", "weight", "seconds", "remark"]
    board = pd.DataFrame(rows, columns=names)
    board = board.sort_values(names[1:3], ignore_index=True)
    reporter.table("leaderboard", board, "Every model's error on the windows, the best first.")
    chosen = [{"model": name, "weight": weight} for name, weight in weights.items()]
    table = pd.DataFrame(chosen, columns=["model", "weight"])
    table = table.sort_values("weight", ascending=False, ignore_index=True)
    reporter.table("model_weights", table, "How much each model counts in the final forecast.")


def report_importance(
    members: Mapping[str, Member], weights: Mapping[str, float], panel: Panel, reporter: Reporter
) -> None:
    """Leave the global models' gain by feature, in shares, weighted as the models are."""
    totals: dict[str, float] = {}
    for name, member in members.items():
        if not isinstance(member, BoostedMember):
            continue
        gain = member.boosted.booster.feature_importance("gain")
        features = _feature_names(panel, member.boosted.design)
        for feature, value in zip(features, gain / max(gain.sum(), 1e-12), strict=True):
            totals[feature] = totals.get(feature, 0.0) + weights[name] * float(value)
    if totals:
        size = sum(totals.values()) or 1.0
        rows = [{"feature": name, "importance": value / size} for name, value in totals.items()]
        table = pd.DataFrame(rows).sort_values("importance", ascending=False, ignore_index=True)
        reporter.table(
            "feature_importance",
            table,
            "Share of the gain that the trees of the global models owe to each feature.",
        )


def _feature_names(panel: Panel, design: Design) -> list[str]:
    one = panel.take(np.array([0]))
    table = Table(one, design)
    ones = np.ones(1, dtype="int64")
    return list(table.features(0 * ones, table.ends - 1, ones))
