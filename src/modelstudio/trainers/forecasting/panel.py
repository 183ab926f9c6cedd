"""Series on a regular calendar: what every forecasting model learns from and forecasts for."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    import pandas as pd

ITEM: Final = "item_id"
TIME: Final = "timestamp"
TARGET: Final = "target"
MEAN: Final = "mean"


@dataclass(frozen=True, slots=True)
class Panel:
    """Many series, each without gaps in its calendar.

    Attributes
    ----------
    frame
        Columns ``item_id`` (str), ``timestamp`` (datetime64[ns], no zone), ``target`` (float64),
        then the covariates, sorted by item and time, numbered from 0. Within a series the
        timestamps are consecutive steps of ``frequency``. No target value is missing.
    frequency
        The pandas offset alias of a step, such as ``D``, ``MS``, ``30min``.
    season_length
        Steps of the shortest season that the frequency suggests (24 for ``h``), 1 for none.
    known_covariates
        Columns of ``frame`` whose future values are given when forecasting.
    past_covariates
        Columns of ``frame`` that are known in the past only.
    static
        One row an item, indexed by item id; None without static features.

    Covariates are float64 (NaN for missing) or ``category``.
    """

    frame: pd.DataFrame
    frequency: str
    season_length: int
    known_covariates: tuple[str, ...] = ()
    past_covariates: tuple[str, ...] = ()
    static: pd.DataFrame | None = None


@dataclass(frozen=True, slots=True)
class ForecastOptions:
    """How to forecast, read from a validated configuration.

    Attributes
    ----------
    horizon
        Steps ahead.
    quantile_levels
        Between 0 and 1, ascending; may be empty.
    metric
        By which models are chosen and weighted: ``MASE``, ``WQL``, ``sMAPE``, ``RMSSE``, ``MAE``,
        ``RMSE``, ``MAPE`` or ``WAPE``.
    preset
        ``fast_training``, ``medium_quality``, ``high_quality`` or ``best_quality``.
    time_limit
        Seconds for fitting, validation windows and weights included.
    excluded
        Model types that are not tried.
    hyperparameters
        Model type to its parameters.
    ensemble
        Whether models are blended; else the best one is taken.
    """

    horizon: int
    quantile_levels: tuple[float, ...]
    metric: str
    preset: str
    time_limit: float
    ensemble: bool = True
    excluded: tuple[str, ...] = ()
    hyperparameters: dict[str, dict[str, float | int | str | bool]] = field(default_factory=dict)
    seed: int = 0
