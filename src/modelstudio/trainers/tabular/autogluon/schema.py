"""JSON Schemas of the tabular trainers' custom configuration; plain data, cheap to import.

Model hyperparameters are an allow-list. The libraries behind them also take parameters that read or
write files (``train_dir``, ``output_model``, ``forcedsplits_filename`` ...), which a configuration
must not reach.
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

# The library's code for a model type, and what it is. LightGBM first: the order is the one shown.
MODEL_TYPES: Mapping[str, str] = {
    "GBM": "LightGBM, gradient boosted trees.",
    "CAT": "CatBoost, gradient boosted trees with native categories.",
    "XGB": "XGBoost, gradient boosted trees.",
    "RF": "Random forest.",
    "XT": "Extremely randomized trees.",
    "LR": "Linear model: logistic regression, or ridge regression for a numeric target.",
}

PRESETS: Mapping[str, str] = {
    "best_quality": "Best accuracy: many model configurations, each bagged over folds. Slowest to "
    "train and to predict.",
    "high_quality": "As best_quality, then each fold ensemble is refitted as one model: a little "
    "less accurate, several times faster to predict.",
    "good_quality": "Bagged small models, refitted as single models: quick to predict.",
    "medium_quality": "One model per configuration, validated on a part of the training data. "
    "Fastest to train.",
}


def classification_schema() -> JsonSchema:
    """Return the configuration schema of the classification trainer."""
    return configuration(
        "AutoGluonTabularClassificationConfig",
        {**_properties(), "predict_probabilities": schema.predict_probabilities()},
        _definitions(schema.CLASSIFICATION_METRICS),
    )


def regression_schema() -> JsonSchema:
    """Return the configuration schema of the regression trainer."""
    return configuration(
        "AutoGluonTabularRegressionConfig",
        _properties(),
        _definitions(schema.REGRESSION_METRICS),
    )


def _properties() -> JsonSchema:
    return {
        "eval_metric": schema.eval_metric(),
        **_training_properties(),
        **_prediction_properties(),
        **_ensemble_properties(),
        **_model_properties(),
    }


def _definitions(metrics: Mapping[str, str]) -> JsonSchema:
    return {
        "EvalMetric": schema.metric_choice(metrics),
        "Presets": choice("How much effort goes into accuracy.", PRESETS),
        "ModelType": choice("A type of model.", MODEL_TYPES),
        **_hyperparameter_definitions(),
    }


def _training_properties() -> JsonSchema:
    return {
        "presets": described(
            "Training presets",
            "How much effort goes into accuracy.",
            "medium_quality",
            **{"$ref": "#/$defs/Presets"},
        ),
        "time_limit": schema.time_limit(
            "Seconds for preparing the data and fitting models. The report and a refit with the "
            "test data come on top."
        ),
        "readings": readings(),
        "seed": schema.seed(
            "Seeds the split and every model. A run whose time limit was not reached can be "
            "repeated exactly."
        ),
    }


def _prediction_properties() -> JsonSchema:
    return {
        "infer_limit": described(
            "Inference time limit",
            "Seconds that predicting one row may take, measured on a batch of 10,000 rows. Slower "
            "models are not used; when all are, the fastest is, and the log says so.",
            None,
            type=["number", "null"],
            exclusiveMinimum=0,
        ),
        "prediction_column_name": schema.prediction_column_name(),
    }


def _ensemble_properties() -> JsonSchema:
    return {
        "fit_weighted_ensemble": described(
            "Weighted ensemble",
            "Combine the models with weights chosen on the validation data.",
            True,
            type="boolean",
        ),
        "auto_stack": described(
            "Bag automatically",
            "Choose the number of folds by the size of the data; as the preset says when empty.",
            None,
            type=["boolean", "null"],
        ),
        "num_bag_folds": described(
            "Bagging folds",
            "Folds over which each model is bagged, 0 for none; as the preset says when empty.",
            None,
            type=["integer", "null"],
            minimum=0,
            maximum=10,
            **{"not": {"const": 1}},
        ),
        "num_stack_levels": described(
            "Stacking levels",
            "Further layers of models that learn from the predictions of the layer before. Needs "
            "bagging.",
            0,
            type="integer",
            minimum=0,
            maximum=3,
        ),
        "refit_full": described(
            "Refit on full data",
            "After evaluation, refit the best model on the training and the test data together.",
            False,
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
            "Hyperparameters by model type. A type named here is fitted once, with these values "
            "and its library's defaults for the rest; the others as the preset says.",
            MODEL_TYPES,
        ),
    }


def _hyperparameter_definitions() -> JsonSchema:
    types = {
        "GBM": _lightgbm(),
        "CAT": _catboost(),
        "XGB": _xgboost(),
        "RF": _forest(),
        "XT": _forest(),
        "LR": {"C": positive("Inverse of the penalty", 1_000_000)},
    }
    return hyperparameters(types)


def _lightgbm() -> JsonSchema:
    return {
        "num_boost_round": integer("Boosting rounds at most", 1, 100_000),
        "learning_rate": positive("Learning rate", 1),
        "num_leaves": integer("Leaves of a tree at most", 2, 131_072),
        "max_depth": integer("Deepest level of a tree; -1 for no limit", -1, 1_000),
        "min_data_in_leaf": integer("Rows in a leaf at least", 0, 1_000_000),
        "feature_fraction": share("Share of the columns used by a tree"),
        "bagging_fraction": share("Share of the rows used when bagging"),
        "bagging_freq": integer("Rounds between bagging; 0 for never", 0, 100_000),
        "lambda_l1": penalty("L1 penalty"),
        "lambda_l2": penalty("L2 penalty"),
        "extra_trees": {
            "description": "Try one random threshold for each column.",
            "type": "boolean",
        },
    }


def _catboost() -> JsonSchema:
    return {
        "iterations": integer("Boosting rounds at most", 1, 100_000),
        "learning_rate": positive("Learning rate", 1),
        "depth": integer("Depth of a tree", 1, 16),
        "l2_leaf_reg": penalty("L2 penalty"),
        "random_strength": penalty("Randomness when scoring splits"),
        "colsample_bylevel": share("Share of the columns tried at a split"),
    }


def _xgboost() -> JsonSchema:
    return {
        "n_estimators": integer("Boosting rounds at most", 1, 100_000),
        "learning_rate": positive("Learning rate", 1),
        "max_depth": integer("Deepest level of a tree; 0 for no limit", 0, 1_000),
        "min_child_weight": penalty("Weight of a leaf at least"),
        "subsample": share("Share of the rows used by a tree"),
        "colsample_bytree": share("Share of the columns used by a tree"),
        "gamma": penalty("Loss reduction needed to split"),
        "reg_alpha": penalty("L1 penalty"),
        "reg_lambda": penalty("L2 penalty"),
    }


def _forest() -> JsonSchema:
    return {
        "n_estimators": integer("Trees", 1, 10_000),
        "max_depth": integer("Deepest level of a tree", 1, 1_000),
        "max_leaf_nodes": integer("Leaves of a tree at most", 2, 1_000_000),
        "min_samples_split": integer("Rows needed to split a node", 2, 1_000_000),
        "min_samples_leaf": integer("Rows in a leaf at least", 1, 1_000_000),
        "max_features": share("Share of the columns tried at a split"),
    }
