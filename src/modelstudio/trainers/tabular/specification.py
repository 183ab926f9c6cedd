"""What the catalogue shows of the tabular trainers; imports no machine learning library."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from modelstudio.trainers.base import TrainerSpecification
from modelstudio.trainers.tabular.schema import classification_schema, regression_schema

if TYPE_CHECKING:
    from collections.abc import Sequence

TRAINING_INPUT = "input_df"
TEST_INPUT = "test_df"
TARGET_COLUMN = "target_column"
OUTPUT_TABLE = "output_df"

_VERSION = "1.0.0"
_MODULE = "modelstudio.trainers.tabular.autogluon"


def _inputs(target_types: Sequence[str]) -> dict[str, Any]:
    target = {
        "name": "Target column",
        "description": "The column to predict. Rows without a value in it are left out.",
        "isTarget": True,
        "allowMultiple": False,
        "optional": False,
        "supportedTypes": [{"type": "grouped", "grouped": group} for group in target_types],
    }
    return {
        TRAINING_INPUT: {
            "name": "Training dataset",
            "description": "The rows to learn from. Without a test dataset, 20 % of them are held "
            "out to evaluate the model.",
            "optional": False,
            "type": {
                "type": "dataset",
                "dataset": {"role": "TRAINING", "columnsTypeSpecs": {TARGET_COLUMN: target}},
            },
        },
        TEST_INPUT: {
            "name": "Test dataset",
            "description": "Rows to evaluate the model on. It needs the columns of the training "
            "dataset, the target among them.",
            "optional": True,
            "type": {"type": "dataset", "dataset": {"role": "TEST", "columnsTypeSpecs": {}}},
        },
    }


def _outputs() -> dict[str, Any]:
    return {
        "model": {
            "name": "Output model",
            "description": "The model that gets a new version.",
            "optional": False,
            "type": {
                "type": "model",
                "model": {
                    "modelApiAliases": [
                        {"alias": TRAINING_INPUT, "description": "Rows to predict"},
                        {"alias": OUTPUT_TABLE, "description": "One prediction for each row"},
                    ]
                },
            },
        }
    }


CLASSIFICATION = TrainerSpecification(
    trainer_id="ri.models..trainer.autogluon_tabular_classification",
    version=_VERSION,
    name="AutoGluon Tabular Classification",
    type="TABULAR_CLASSIFICATION",
    description="Predicts a class from the other columns of a table. Fits gradient boosted trees, "
    "forests and linear models with AutoGluon and combines them.",
    config_schema=classification_schema(),
    inputs=_inputs(["STRING", "BOOLEAN", "NUMERIC"]),
    outputs=_outputs(),
    implementation=f"{_MODULE}:TabularClassificationTrainer",
)

REGRESSION = TrainerSpecification(
    trainer_id="ri.models..trainer.autogluon_tabular_regression",
    version=_VERSION,
    name="AutoGluon Tabular Regression",
    type="TABULAR_REGRESSION",
    description="Predicts a number from the other columns of a table. Fits gradient boosted trees, "
    "forests and linear models with AutoGluon and combines them.",
    config_schema=regression_schema(),
    inputs=_inputs(["NUMERIC"]),
    outputs=_outputs(),
    implementation=f"{_MODULE}:TabularRegressionTrainer",
)
