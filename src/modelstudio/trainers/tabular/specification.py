"""The inputs and outputs that all tabular trainers declare; plain data, cheap to import."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

TRAINING_INPUT = "input_df"
TEST_INPUT = "test_df"
TARGET_COLUMN = "target_column"
OUTPUT_TABLE = "output_df"

CLASSIFICATION_TARGETS = ("STRING", "BOOLEAN", "NUMERIC")
REGRESSION_TARGETS = ("NUMERIC",)


def inputs(target_types: Sequence[str]) -> dict[str, Any]:
    """Return the inputs of a trainer whose target column may be of these groups of types."""
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


def outputs() -> dict[str, Any]:
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
