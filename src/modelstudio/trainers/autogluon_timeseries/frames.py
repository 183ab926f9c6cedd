"""Panels as AutoGluon's tables, and its forecasts as arrays."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pandas as pd
from autogluon.timeseries import TimeSeriesDataFrame

if TYPE_CHECKING:
    from collections.abc import Sequence

    from modelstudio.trainers.forecasting.columns import Columns
    from modelstudio.trainers.forecasting.panel import Floats, Panel

TARGET: Final = "target"
#: The user's own names could be AutoGluon's, so columns are numbered.
_COVARIATE: Final = "covariate_"
_STATIC: Final = "static_"


def known_names(columns: Columns) -> list[str]:
    """Return the names that AutoGluon knows the known covariates by."""
    return [f"{_COVARIATE}{number}" for number in range(len(columns.known))]


def history(panel: Panel, columns: Columns) -> TimeSeriesDataFrame:
    """Return everything before the cuts."""
    past = panel.resized(None, 0)
    frame = _indexed(past)
    frame[TARGET] = past.target
    for number, name in enumerate(columns.covariates):
        frame[f"{_COVARIATE}{number}"] = _typed(past.covariates[name], name, columns)
    static = None
    if past.static:
        static = pd.DataFrame(index=pd.Index(past.items, name="item_id"))
        for number, name in enumerate(columns.static):
            if name in past.static:
                static[f"{_STATIC}{number}"] = _typed(past.static[name], name, columns)
    return TimeSeriesDataFrame.from_data_frame(
        frame, static_features_df=None if static is None else static.reset_index()
    )


def future(panel: Panel, columns: Columns, horizon: int) -> TimeSeriesDataFrame | None:
    """Return the known covariates after the cuts; None when there are none."""
    if not columns.known:
        return None
    whole = panel.resized(None, horizon)
    frame = _indexed(whole)
    for number, name in enumerate(columns.known):
        frame[f"{_COVARIATE}{number}"] = _typed(whole.covariates[name], name, columns)
    within = np.arange(whole.offsets[-1]) - np.repeat(whole.offsets[:-1], whole.lengths)
    ahead = within >= np.repeat(whole.cuts, whole.lengths)
    return TimeSeriesDataFrame.from_data_frame(frame[ahead])


def _indexed(panel: Panel) -> pd.DataFrame:
    items = np.repeat(np.array(panel.items, dtype=object), panel.lengths)
    # AutoGluon takes regular frequencies of pandas alone, in nanoseconds.
    numbers = np.arange(panel.offsets[-1]) - np.repeat(
        panel.offsets[:-1] - panel.starts, panel.lengths
    )
    moments = panel.calendar.stand_in.moment(numbers).astype("datetime64[ns]")
    return pd.DataFrame({"item_id": items, "timestamp": moments})


def _typed(values: Floats, name: str, columns: Columns) -> Any:
    """Return a column's values; numbers of categories become categories again."""
    if name not in columns.categories:
        return values
    codes = np.where(np.isfinite(values), values, -1).astype("int64")
    return pd.Categorical.from_codes(codes, list(range(len(columns.categories[name]))))


def arrays(
    forecast: TimeSeriesDataFrame, items: Sequence[str], horizon: int, levels: Sequence[float]
) -> tuple[Floats, Floats]:
    """Return point forecasts, items by horizon, and quantiles with the levels along one axis more.

    The point forecast is AutoGluon's ``mean``, which is the median for metrics of absolute errors.
    """
    ordered = forecast.loc[list(items)]
    shape = (len(items), horizon)
    points = ordered["mean"].to_numpy(dtype="float64").reshape(shape)
    quantiles = [ordered[str(level)].to_numpy(dtype="float64").reshape(shape) for level in levels]
    # A blend of quantiles may cross by rounding.
    stacked = np.stack(quantiles, axis=-1) if quantiles else np.empty((*shape, 0))
    return points, np.sort(stacked, axis=-1)
