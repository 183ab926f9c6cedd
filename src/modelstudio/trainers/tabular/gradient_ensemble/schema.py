"""JSON Schemas of the gradient ensemble trainers' custom configuration; plain data.

Model hyperparameters are an allow-list: the libraries also take some that read or write files.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from modelstudio.trainers.json_schema import (
    JsonSchema,
    choice,
    configuration,
    described,
    hyperparameters,
    hyperparameters_by_type,
    integer,
    penalty,
    positive,
    readings,
    share,
)
from modelstudio.trainers.tabular import schema

if TYPE_CHECKING:
    from collections.abc import Mapping

MODEL_TYPES: Mapping[str, str] = {
    "GBM": "LightGBM, gradient boosted trees.",
    "CAT": "CatBoost, gradient boosted trees with native categories.",
    "KERNEL": "Kernel machine: regression on a row's similarities to others.",
    "LR": "Linear model: logistic regression, or ridge regression for a numeric target.",
    "NN": "Small neural network.",
    "RF": "Random forest.",
}


def classification_schema() -> JsonSchema:
    """Return the configuration schema of the classification trainer."""
    return configuration(
        "GradientEnsembleClassificationConfig",
        {
            **_properties(),
            "predict_probabilities": schema.predict_probabilities(),
            "calibrate": described(
                "Calibrate probabilities",
                "Correct the probabilities on rows that the models have not learned from, where "
                "that lowers the log loss.",
                True,
                type="boolean",
            ),
        },
        _definitions(schema.CLASSIFICATION_METRICS),
    )


def regression_schema() -> JsonSchema:
    """Return the configuration schema of the regression trainer."""
    return configuration(
        "GradientEnsembleRegressionConfig", _properties(), _definitions(schema.REGRESSION_METRICS)
    )


def _properties() -> JsonSchema:
    return {
        "eval_metric": schema.eval_metric(),
        "time_limit": schema.time_limit(
            "Seconds for the whole run: preparing the data, fitting, the final evaluation and "
            "packaging. All of it is used, since more time gives better models."
        ),
        "max_models": described(
            "Number of models",
            "Try so many models and decide nothing by the clock, so that a run can be repeated "
            "exactly as long as the time limit does not cut it; empty to use the time limit.",
            None,
            type=["integer", "null"],
            minimum=1,
            maximum=200,
        ),
        "readings": readings(),
        "seed": schema.seed("Seeds the splits and every model."),
        "prediction_column_name": schema.prediction_column_name(),
        **_validation_properties(),
        **_model_properties(),
    }


def _validation_properties() -> JsonSchema:
    return {
        "num_folds": described(
            "Folds",
            "Parts into which the rows are split, so that each row is judged by models that have "
            "not learned from it; 8 when empty, 10 for large tables.",
            None,
            type=["integer", "null"],
            minimum=2,
            maximum=20,
        ),
        "refit_full": described(
            "Learn from all rows",
            "Without a test dataset: let the delivered model also learn from the rows that are "
            "held out. The evaluation is that of its part that has not learned from them.",
            True,
            type="boolean",
        ),
    }


def _model_properties() -> JsonSchema:
    return {
        "excluded_model_types": described(
            "Excluded model types",
            "Model types that are not fitted.",
            [],
            type="array",
            # Not uniqueItems: checking that takes the square of the items' number.
            maxItems=100,
            items={"$ref": "#/$defs/ModelType"},
        ),
        "hyperparameters": hyperparameters_by_type(
            "Hyperparameters by model type. A type named here is fitted with these values alone; "
            "the others with those of the portfolio and variations of them.",
            MODEL_TYPES,
        ),
    }


def _definitions(metrics: Mapping[str, str]) -> JsonSchema:
    types = {
        "GBM": _lightgbm(),
        "CAT": _catboost(),
        "KERNEL": _kernel(),
        "LR": _linear(),
        "NN": _network(),
        "RF": _forest(),
    }
    return {
        "EvalMetric": schema.metric_choice(metrics),
        "ModelType": choice("A type of model.", MODEL_TYPES),
        **hyperparameters(types),
    }


def _lightgbm() -> JsonSchema:
    return {
        "rounds": integer("Boosting rounds at most", 1, 100_000),
        "learning_rate": positive("Learning rate, raised when the time needs it", 1),
        "num_leaves": integer("Leaves of a tree at most", 2, 131_072),
        "max_depth": integer("Deepest level of a tree; -1 for no limit", -1, 1_000),
        "min_data_in_leaf": integer("Rows in a leaf at least", 0, 1_000_000),
        "feature_fraction": share("Share of the columns used by a tree"),
        "bagging_fraction": share("Share of the rows used when bagging"),
        "bagging_freq": integer("Rounds between bagging; 0 for never", 0, 100_000),
        "lambda_l1": penalty("L1 penalty"),
        "lambda_l2": penalty("L2 penalty"),
        "cat_smooth": penalty("Smoothing of rare categories"),
        "extra_trees": {
            "description": "Try one random threshold for each column.",
            "type": "boolean",
        },
    }


def _catboost() -> JsonSchema:
    return {
        "rounds": integer("Boosting rounds at most", 1, 100_000),
        "learning_rate": positive("Learning rate, raised when the time needs it", 1),
        "depth": integer("Depth of a tree", 1, 16),
        "l2_leaf_reg": penalty("L2 penalty"),
        "random_strength": penalty("Randomness when scoring splits"),
        "rsm": share("Share of the columns tried at a split"),
        "max_ctr_complexity": integer("Categories combined at most", 1, 8),
        "one_hot_max_size": integer("Levels of a category that get a column each", 2, 255),
    }


def _kernel() -> JsonSchema:
    return {
        "kernel": {
            "description": "How similarity falls with the distance.",
            "enum": ["laplace", "gauss"],
        },
        "bandwidth": positive("Distance at which it has fallen, in median distances", 1e3),
        "landmarks": integer("Rows that others are compared with, at most", 2, 5_000),
        "penalty": positive("Quadratic penalty, as a share of the rows", 1e6),
        "relevance": {
            "description": "Give columns that predictions depend on more weight.",
            "type": "boolean",
        },
    }


def _forest() -> JsonSchema:
    return {
        "trees": integer("Trees at most", 20, 5_000),
        "num_leaves": integer("Leaves of a tree at most", 2, 131_072),
        "min_data_in_leaf": integer("Rows in a leaf at least", 0, 1_000_000),
        "feature_fraction_bynode": share("Share of the columns tried at a split"),
        "bagging_fraction": {
            "description": "Share of the rows that a tree learns from.",
            "type": "number",
            "exclusiveMinimum": 0,
            "maximum": 0.99,
        },
    }


def _linear() -> JsonSchema:
    return {"penalty": positive("Quadratic penalty, as a share of the rows", 1e6)}


def _network() -> JsonSchema:
    return {
        "hidden": {
            "description": "Units of each hidden layer.",
            "type": "array",
            "minItems": 1,
            "maxItems": 4,
            "items": {"type": "integer", "minimum": 1, "maximum": 1024},
        },
        "epochs": integer("Passes over the rows at most", 4, 1_000),
        "learning_rate": positive("Learning rate at the start", 1),
        "dropout": {
            "description": "Share of the hidden units left out at each step.",
            "type": "number",
            "minimum": 0,
            "maximum": 0.9,
        },
    }
