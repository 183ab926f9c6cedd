"""What Model Studio shows of the trainer; imports nothing heavy."""

from modelstudio.trainers.base import TrainerSpecification

CONFIG_SCHEMA = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "title": "Gaussian regression",
    "type": "object",
    "additionalProperties": False,
    "properties": {
        "penalties": {
            "title": "Penalties",
            "description": "Strengths of the ridge penalty to try; the held-out rows choose.",
            "type": "array",
            "items": {"type": "number", "exclusiveMinimum": 0},
            "minItems": 1,
            "default": [0.01, 0.1, 1.0, 10.0],
        },
        "time_limit": {
            "title": "Time limit",
            "description": "Seconds for fitting.",
            "type": "integer",
            "minimum": 1,
            "default": 60,
        },
        "seed": {
            "title": "Random seed",
            "description": "Decides which rows are held out.",
            "type": "integer",
            "minimum": 0,
            "default": 0,
        },
    },
}

INPUTS = {
    "input_df": {
        "name": "Training dataset",
        "description": "Rows to learn from; a fifth of them is held out.",
        "optional": False,
        "type": {
            "type": "dataset",
            "dataset": {
                "role": "TRAINING",
                "columnsTypeSpecs": {
                    "target_column": {
                        "name": "Target column",
                        "description": "The number to predict.",
                        "isTarget": True,
                        "allowMultiple": False,
                        "optional": False,
                        "supportedTypes": [{"type": "grouped", "grouped": "NUMERIC"}],
                    }
                },
            },
        },
    }
}

OUTPUTS = {
    "model": {
        "name": "Output model",
        "description": "The model that gets a new version.",
        "optional": False,
        "type": {
            "type": "model",
            "model": {
                "modelApiAliases": [
                    {"alias": "input_df", "description": "Rows to predict"},
                    {"alias": "output_df", "description": "A prediction and its deviation"},
                ]
            },
        },
    }
}

SPECIFICATION = TrainerSpecification(
    trainer_id="ri.models..trainer.gaussian_regression",
    version="1.0.0",
    name="Gaussian regression",
    type="TABULAR_REGRESSION",
    description="Predicts a number from the numeric columns, with a standard deviation.",
    config_schema=CONFIG_SCHEMA,
    inputs=INPUTS,
    outputs=OUTPUTS,
    implementation="gaussian_trainer.trainer:GaussianTrainer",
    requires=["numpy", "pandas", "pyarrow"],
)
