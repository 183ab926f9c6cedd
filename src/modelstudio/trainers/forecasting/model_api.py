"""How a forecasting model is called: the wire's ``ModelApi``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from modelstudio.trainers.forecasting.columns import INTEGERS
from modelstudio.trainers.forecasting.specification import OUTPUT_TABLE, TRAINING_INPUT
from modelstudio.trainers.model_api import WIRE_TYPES, ApiColumn, table

if TYPE_CHECKING:
    from modelstudio.trainers.forecasting.memory import Remembering


def model_api(package: Remembering) -> dict[str, Any]:
    """Return one table in, of history and known covariates, and one table of forecasts out."""
    columns = package.columns
    keys = [columns.time] if columns.item is None else [columns.item, columns.time]
    inputs = [
        ApiColumn(name, WIRE_TYPES[columns.types[name]], required=name in keys)
        for name in (*keys, columns.target, *columns.covariates, *columns.static)
    ]
    outputs = []
    if columns.item is not None:
        whole = columns.types[columns.item] in INTEGERS
        outputs.append(ApiColumn(columns.item, "long" if whole else "string"))
    outputs.append(ApiColumn(columns.time, "timestamp"))
    forecasts = (package.prediction_column, *package.quantile_columns)
    outputs += [ApiColumn(name, "double") for name in forecasts]
    return {"inputs": [table(TRAINING_INPUT, inputs)], "outputs": [table(OUTPUT_TABLE, outputs)]}
