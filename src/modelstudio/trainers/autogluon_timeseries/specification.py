"""What the catalogue shows of the AutoGluon forecasting trainer; imports no heavy library."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from modelstudio.trainers.autogluon_timeseries.schema import timeseries_schema
from modelstudio.trainers.forecasting.specification import FORECASTING

#: The name that the operator gives an interpreter to.
ENVIRONMENT: Final = "autogluon_timeseries"

AUTOGLUON_TIMESERIES: Final = replace(
    FORECASTING,
    trainer_id="ri.models..trainer.autogluon_timeseries",
    version="1.0.0",
    name="AutoGluon Time Series",
    description="Forecasts one or many series with intervals. Fits statistical models, gradient "
    "boosted trees and neural networks with AutoGluon and combines them.",
    config_schema=timeseries_schema(),
    implementation="modelstudio.trainers.autogluon_timeseries.trainer:AutogluonTimeseriesTrainer",
    environment=ENVIRONMENT,
    requires=("autogluon.timeseries", "pyarrow"),
)
