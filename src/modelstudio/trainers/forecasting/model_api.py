"""How a forecasting model is called: the wire's ``ModelApi``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from modelstudio.trainers.forecasting.identity import wire_type
from modelstudio.trainers.forecasting.specification import OUTPUT_TABLE, TRAINING_INPUT
from modelstudio.trainers.forecasting.zones import UTC
from modelstudio.trainers.model_api import WIRE_TYPES, ApiColumn, table

if TYPE_CHECKING:
    from modelstudio.trainers.forecasting.memory import Remembering


def model_api(package: Remembering) -> dict[str, Any]:
    """Return one table in, of history and known covariates, and one table of forecasts out.

    Stamps of another clock than that of UTC are texts, which say how far ahead of it they are.
    """
    columns = package.columns
    keys = (*columns.items, columns.time)
    types = {name: WIRE_TYPES[kind] for name, kind in columns.types.items() if kind in WIRE_TYPES}
    exact = [name for name in columns.items if columns.types[name] == "DECIMAL"]
    zoned = columns.zone not in {None, UTC}
    types |= dict.fromkeys([*exact, *([columns.time] if zoned else [])], "string")
    inputs = [
        ApiColumn(name, types[name], required=name in keys)
        for name in (*keys, columns.target, *columns.covariates, *columns.static)
    ]
    outputs = [ApiColumn(name, wire_type(columns, name)) for name in columns.items]
    outputs.append(ApiColumn(columns.time, "string" if zoned else "timestamp"))
    forecasts = (package.prediction_column, *package.quantile_columns)
    outputs += [ApiColumn(name, "double") for name in forecasts]
    return {"inputs": [table(TRAINING_INPUT, inputs)], "outputs": [table(OUTPUT_TABLE, outputs)]}
