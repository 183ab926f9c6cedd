"""Tables that show a regression's errors."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

if TYPE_CHECKING:
    from modelstudio.trainers.tabular.report.subject import Array, Outcome

RESIDUAL_ROWS = 10_000
_DECILES = 10
_GRID_BINS = 30
_GRID_EDGE = 0.005


def residuals(outcome: Outcome, seed: int) -> pd.DataFrame:
    """Return actual, predicted, residual (actual minus predicted) of at most 10,000 rows."""
    table = pd.DataFrame({"actual": outcome.actual, "predicted": outcome.predicted})
    table["residual"] = table["actual"] - table["predicted"]
    if len(table) > RESIDUAL_ROWS:
        table = table.sample(RESIDUAL_ROWS, random_state=seed).sort_index()
    return table.reset_index(drop=True)


def residuals_by_prediction(outcome: Outcome) -> pd.DataFrame:
    """Return the errors in tenths of the rows, from the lowest predictions to the highest.

    Rows with the same prediction stay together, so there may be fewer tenths.
    """
    edges = np.quantile(outcome.predicted, np.linspace(0, 1, _DECILES + 1)[1:-1])
    bins = np.searchsorted(np.unique(edges), outcome.predicted, side="left")
    table = pd.DataFrame(
        {
            "predicted": outcome.predicted,
            "actual": outcome.actual,
            "residual": outcome.actual - outcome.predicted,
        }
    )
    table["size"] = table["residual"].abs()
    table["square"] = table["residual"] ** 2
    groups = table.groupby(bins)
    residual = groups["residual"]
    return pd.DataFrame(
        {
            "decile": np.arange(1, groups.ngroups + 1),
            "predicted_from": groups["predicted"].min(),
            "predicted_to": groups["predicted"].max(),
            "rows": groups.size(),
            "mean_predicted": groups["predicted"].mean(),
            "mean_actual": groups["actual"].mean(),
            "mean_residual": residual.mean(),
            "residual_p10": residual.quantile(0.1),
            "residual_p50": residual.median(),
            "residual_p90": residual.quantile(0.9),
            "mae": groups["size"].mean(),
            "rmse": np.sqrt(groups["square"].mean()),
        }
    ).reset_index(drop=True)


def predicted_and_actual(outcome: Outcome) -> pd.DataFrame:
    """Return how many rows fall into each cell of a grid of predicted against actual values.

    The outer bins take the half percent of values beyond them on either side. Empty cells are left
    out.
    """
    edges = _edges(np.concatenate([outcome.actual, outcome.predicted]))
    cells = pd.DataFrame(
        {
            "predicted": _bins(edges, outcome.predicted),
            "actual": _bins(edges, outcome.actual),
        }
    )
    rows = cells.groupby(["predicted", "actual"]).size().rename("rows").reset_index()
    columns = {}
    for name in ("predicted", "actual"):
        columns[f"{name}_from"] = edges[rows[name]]
        columns[f"{name}_to"] = edges[rows[name] + 1]
    return pd.DataFrame({**columns, "rows": rows["rows"]})


def _edges(values: Array) -> Array:
    low, high = np.quantile(values, [_GRID_EDGE, 1 - _GRID_EDGE])
    if low == high:
        low, high = low - 0.5, high + 0.5
    return np.linspace(low, high, _GRID_BINS + 1)


def _bins(edges: Array, values: Array) -> Array:
    return (np.searchsorted(edges, values, side="right") - 1).clip(0, _GRID_BINS - 1)
