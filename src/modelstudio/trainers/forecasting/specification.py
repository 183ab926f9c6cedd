"""What the catalogue shows of the forecasting trainer; imports no machine learning library."""

from __future__ import annotations

from typing import Any, Final

from modelstudio.trainers.base import TrainerSpecification
from modelstudio.trainers.forecasting.schema import forecasting_schema

TRAINING_INPUT: Final = "training_df"
STATIC_INPUT: Final = "static_features_df"
TEST_INPUT: Final = "test_df"
OUTPUT_TABLE: Final = "output_df"
TIME_COLUMN: Final = "timestamp_column"
TARGET_COLUMN: Final = "target_column"
ITEM_COLUMN: Final = "item_id_column"
KNOWN_COLUMNS: Final = "known_covariates"


def _column(
    name: str,
    description: str,
    types: tuple[str, ...],
    *,
    target: bool = False,
    multiple: bool = False,
    optional: bool = False,
) -> dict[str, Any]:
    return {
        "name": name,
        "description": description,
        "isTarget": target,
        "allowMultiple": multiple,
        "optional": optional,
        "supportedTypes": [{"type": "grouped", "grouped": group} for group in types],
    }


def _dataset(
    name: str, description: str, role: str, columns: dict[str, Any], *, optional: bool
) -> dict[str, Any]:
    return {
        "name": name,
        "description": description,
        "optional": optional,
        "type": {"type": "dataset", "dataset": {"role": role, "columnsTypeSpecs": columns}},
    }


_ITEM_TYPES: Final = ("STRING", "NUMERIC", "BOOLEAN")


def _training_columns() -> dict[str, Any]:
    return {
        TIME_COLUMN: _column(
            "Timestamp column",
            "When a value was measured: a date, a timestamp, a text of one, or a whole number such "
            "as 2024 or 202401.",
            ("TEMPORAL", "STRING", "NUMERIC"),
        ),
        TARGET_COLUMN: _column("Target column", "What to forecast.", ("NUMERIC",), target=True),
        ITEM_COLUMN: _column(
            "Item id column",
            "Tells series apart, such as store and product. Without any, the dataset is a single "
            "series.",
            _ITEM_TYPES,
            multiple=True,
            optional=True,
        ),
        KNOWN_COLUMNS: _column(
            "Known covariates",
            "Columns whose future values are known when forecasting, such as promotions. Every "
            "other column is a past covariate.",
            ("STRING", "NUMERIC", "BOOLEAN"),
            multiple=True,
            optional=True,
        ),
    }


def _inputs() -> dict[str, Any]:
    item = _column("Item id column", "The series that a row is of.", _ITEM_TYPES, multiple=True)
    training = _training_columns()
    return {
        TRAINING_INPUT: _dataset(
            "Training dataset", "The history of the series.", "TRAINING", training, optional=False
        ),
        STATIC_INPUT: _dataset(
            "Static features",
            "What is the same at all times, one row for each item.",
            "GENERIC",
            {ITEM_COLUMN: item},
            optional=True,
        ),
        TEST_INPUT: _dataset(
            "Test dataset",
            "What follows the history, to measure the model on, in columns named as in the "
            "training dataset. Without it, the last steps of the history are held out.",
            "TEST",
            {},
            optional=True,
        ),
    }


def _outputs() -> dict[str, Any]:
    aliases = [
        {"alias": TRAINING_INPUT, "description": "History, and known covariates of the future"},
        {"alias": OUTPUT_TABLE, "description": "One row for each item and step"},
    ]
    return {
        "model": {
            "name": "Output model",
            "description": "The model that gets a new version.",
            "optional": False,
            "type": {"type": "model", "model": {"modelApiAliases": aliases}},
        }
    }


FORECASTING = TrainerSpecification(
    trainer_id="ri.models..trainer.forecasting",
    version="1.0.0",
    name="Forecasting",
    type="TIME_SERIES",
    description="Forecasts one or many series with intervals. Blends statistical models and "
    "gradient boosted trees by how well they forecast the recent past.",
    config_schema=forecasting_schema(),
    inputs=_inputs(),
    outputs=_outputs(),
    implementation="modelstudio.trainers.forecasting.trainer:ForecastingTrainer",
)
