"""How a forecasting model is called: the wire's ``ModelApi``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from modelstudio.trainers.forecasting.columns import INTEGERS
from modelstudio.trainers.forecasting.specification import OUTPUT_TABLE, TRAINING_INPUT

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from modelstudio.trainers.forecasting.memory import Remembering

_WIRE_TYPES: Final[Mapping[str, str]] = {
    "STRING": "string",
    "BOOLEAN": "boolean",
    "BYTE": "integer",
    "SHORT": "integer",
    "INTEGER": "integer",
    "LONG": "long",
    "FLOAT": "float",
    "DOUBLE": "double",
    "DECIMAL": "double",
    "DATE": "date",
    "TIMESTAMP": "timestamp",
}


def model_api(package: Remembering) -> dict[str, Any]:
    """Return one table in, of history and known covariates, and one table of forecasts out."""
    columns = package.columns
    keys = [columns.time] if columns.item is None else [columns.item, columns.time]
    optional = [columns.target, *columns.covariates]
    inputs = [
        {
            "name": name,
            "required": name in keys,
            "dataType": {"type": _WIRE_TYPES[columns.types[name]]},
        }
        for name in (*keys, *optional, *columns.static)
    ]
    types = {}
    if columns.item is not None:
        whole = columns.types[columns.item] in INTEGERS
        types[columns.item] = "long" if whole else "string"
    types[columns.time] = "timestamp"
    types |= dict.fromkeys([package.prediction_column, *package.quantile_columns], "double")
    outputs = [
        {"name": name, "required": True, "dataType": {"type": kind}} for name, kind in types.items()
    ]
    return {
        "inputs": [_table(TRAINING_INPUT, inputs)],
        "outputs": [_table(OUTPUT_TABLE, outputs)],
    }


def _table(name: str, columns: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    return {
        "type": "tabular",
        "name": name,
        "required": True,
        "format": "PANDAS",
        "columns": list(columns),
    }
