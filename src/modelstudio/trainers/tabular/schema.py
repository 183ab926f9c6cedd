"""JSON Schemas of the tabular trainers' custom configuration; plain data, cheap to import.

Model hyperparameters are an allow-list. The libraries behind them also take parameters that read or
write files (``train_dir``, ``output_model``, ``forcedsplits_filename`` ...), which a configuration
must not reach.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

JsonSchema = dict[str, Any]

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

CLASSIFICATION_METRICS: Mapping[str, str] = {
    "auto": "Accuracy, or log loss when probabilities are predicted.",
    "accuracy": "Share of rows whose class is predicted correctly.",
    "balanced_accuracy": "Mean of the classes' recalls; suits rare classes.",
    "log_loss": "Quality of the predicted probabilities; lower is better.",
    "roc_auc": "Area under the ROC curve; with more than two classes, the mean of one against the "
    "rest.",
    "average_precision": "Area under the precision-recall curve; two classes only.",
    "f1": "Harmonic mean of precision and recall; with more than two classes, the mean over "
    "classes.",
    "f1_weighted": "F1 of each class, weighted by its number of rows.",
    "precision": "Share of positive predictions that are right; with more than two classes, the "
    "mean over classes.",
    "recall": "Share of positives that are found; with more than two classes, the mean over "
    "classes.",
    "mcc": "Matthews correlation coefficient.",
}

REGRESSION_METRICS: Mapping[str, str] = {
    "auto": "Root mean squared error.",
    "root_mean_squared_error": "Square root of the mean squared error, in the target's unit; lower "
    "is better.",
    "mean_squared_error": "Mean of the squared errors; lower is better.",
    "mean_absolute_error": "Mean size of the errors, in the target's unit; lower is better.",
    "median_absolute_error": "Median size of the errors; ignores outliers; lower is better.",
    "mean_absolute_percentage_error": "Mean size of the errors relative to the actual value; lower "
    "is better.",
    "symmetric_mean_absolute_percentage_error": "Mean size of the errors relative to the mean of "
    "the actual and the predicted value; lower is better.",
    "r2": "Share of the target's variance that is explained.",
}


def classification_schema() -> JsonSchema:
    """Return the configuration schema of the classification trainer."""
    schema = _schema("AutoGluonTabularClassificationConfig", CLASSIFICATION_METRICS)
    schema["properties"]["predict_probabilities"] = _property(
        "Predict probabilities",
        "Add one column <prediction>_proba_<class> for each class.",
        False,
        type="boolean",
    )
    return schema


def regression_schema() -> JsonSchema:
    """Return the configuration schema of the regression trainer."""
    return _schema("AutoGluonTabularRegressionConfig", REGRESSION_METRICS)


def _schema(title: str, metrics: Mapping[str, str]) -> JsonSchema:
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": title,
        "type": "object",
        "additionalProperties": False,
        "properties": {
            **_training_properties(),
            **_prediction_properties(),
            **_ensemble_properties(),
            **_model_properties(),
        },
        "$defs": {
            "EvalMetric": _choice("Metric by which models are chosen and weighted.", metrics),
            "Presets": _choice("How much effort goes into accuracy.", PRESETS),
            "ModelType": _choice("A type of model.", MODEL_TYPES),
            **_hyperparameter_definitions(),
        },
    }


def _training_properties() -> JsonSchema:
    return {
        "eval_metric": _property(
            "Evaluation metric",
            "Metric by which models are chosen and weighted.",
            "auto",
            **{"$ref": "#/$defs/EvalMetric"},
        ),
        "presets": _property(
            "Training presets",
            "How much effort goes into accuracy.",
            "medium_quality",
            **{"$ref": "#/$defs/Presets"},
        ),
        "time_limit": _property(
            "Time limit",
            "Seconds to spend on fitting models. Preparing the data, refitting and the final "
            "evaluation come on top.",
            600,
            type="integer",
            minimum=10,
            maximum=604_800,
        ),
        "seed": _property(
            "Random seed",
            "Seeds the split and every model. A run whose time limit was not reached can be "
            "repeated exactly.",
            0,
            type="integer",
            minimum=0,
            maximum=2**31 - 1,
        ),
    }


def _prediction_properties() -> JsonSchema:
    return {
        "infer_limit": _property(
            "Inference time limit",
            "Seconds that predicting one row may take, measured on a batch of 10,000 rows. Slower "
            "models are not used; when all are, the fastest is, and the log says so.",
            None,
            type=["number", "null"],
            exclusiveMinimum=0,
        ),
        "prediction_column_name": _property(
            "Prediction column name",
            "Name of the column with the prediction; the target's name when empty.",
            None,
            type=["string", "null"],
            minLength=1,
            maxLength=255,
        ),
    }


def _ensemble_properties() -> JsonSchema:
    return {
        "fit_weighted_ensemble": _property(
            "Weighted ensemble",
            "Combine the models with weights chosen on the validation data.",
            True,
            type="boolean",
        ),
        "auto_stack": _property(
            "Bag automatically",
            "Choose the number of folds by the size of the data; as the preset says when empty.",
            None,
            type=["boolean", "null"],
        ),
        "num_bag_folds": _property(
            "Bagging folds",
            "Folds over which each model is bagged, 0 for none; as the preset says when empty.",
            None,
            type=["integer", "null"],
            minimum=0,
            maximum=10,
            **{"not": {"const": 1}},
        ),
        "num_stack_levels": _property(
            "Stacking levels",
            "Further layers of models that learn from the predictions of the layer before. Needs "
            "bagging.",
            0,
            type="integer",
            minimum=0,
            maximum=3,
        ),
        "refit_full": _property(
            "Refit on full data",
            "After evaluation, refit the best model on the training and the test data together.",
            False,
            type="boolean",
        ),
    }


def _model_properties() -> JsonSchema:
    return {
        "excluded_model_types": _property(
            "Excluded model types",
            "Model types that are not fitted.",
            [],
            type="array",
            # Not uniqueItems: checking that takes the square of the items' number.
            maxItems=100,
            items={"$ref": "#/$defs/ModelType"},
        ),
        "hyperparameters": _property(
            "Hyperparameters",
            "Hyperparameters by model type. A type named here is fitted once, with these values "
            "and its library's defaults for the rest; the others as the preset says.",
            {},
            type="object",
            additionalProperties=False,
            properties={
                model_type: {
                    "title": model_type,
                    "description": description,
                    "$ref": f"#/$defs/{model_type}Hyperparameters",
                }
                for model_type, description in MODEL_TYPES.items()
            },
        ),
    }


def _hyperparameter_definitions() -> JsonSchema:
    definitions = {
        "GBM": _lightgbm(),
        "CAT": _catboost(),
        "XGB": _xgboost(),
        "RF": _forest(),
        "XT": _forest(),
        "LR": {"C": _positive("Inverse of the penalty", 1_000_000)},
    }
    return {
        f"{model_type}Hyperparameters": {
            "title": f"{model_type} hyperparameters",
            "type": "object",
            "additionalProperties": False,
            "properties": {
                name: {"title": name, **definition} for name, definition in properties.items()
            },
        }
        for model_type, properties in definitions.items()
    }


def _lightgbm() -> JsonSchema:
    return {
        "num_boost_round": _integer("Boosting rounds at most", 1, 100_000),
        "learning_rate": _positive("Learning rate", 1),
        "num_leaves": _integer("Leaves of a tree at most", 2, 131_072),
        "max_depth": _integer("Deepest level of a tree; -1 for no limit", -1, 1_000),
        "min_data_in_leaf": _integer("Rows in a leaf at least", 0, 1_000_000),
        "feature_fraction": _share("Share of the columns used by a tree"),
        "bagging_fraction": _share("Share of the rows used when bagging"),
        "bagging_freq": _integer("Rounds between bagging; 0 for never", 0, 100_000),
        "lambda_l1": _penalty("L1 penalty"),
        "lambda_l2": _penalty("L2 penalty"),
        "extra_trees": {
            "description": "Try one random threshold for each column.",
            "type": "boolean",
        },
    }


def _catboost() -> JsonSchema:
    return {
        "iterations": _integer("Boosting rounds at most", 1, 100_000),
        "learning_rate": _positive("Learning rate", 1),
        "depth": _integer("Depth of a tree", 1, 16),
        "l2_leaf_reg": _penalty("L2 penalty"),
        "random_strength": _penalty("Randomness when scoring splits"),
        "colsample_bylevel": _share("Share of the columns tried at a split"),
    }


def _xgboost() -> JsonSchema:
    return {
        "n_estimators": _integer("Boosting rounds at most", 1, 100_000),
        "learning_rate": _positive("Learning rate", 1),
        "max_depth": _integer("Deepest level of a tree; 0 for no limit", 0, 1_000),
        "min_child_weight": _penalty("Weight of a leaf at least"),
        "subsample": _share("Share of the rows used by a tree"),
        "colsample_bytree": _share("Share of the columns used by a tree"),
        "gamma": _penalty("Loss reduction needed to split"),
        "reg_alpha": _penalty("L1 penalty"),
        "reg_lambda": _penalty("L2 penalty"),
    }


def _forest() -> JsonSchema:
    return {
        "n_estimators": _integer("Trees", 1, 10_000),
        "max_depth": _integer("Deepest level of a tree", 1, 1_000),
        "max_leaf_nodes": _integer("Leaves of a tree at most", 2, 1_000_000),
        "min_samples_split": _integer("Rows needed to split a node", 2, 1_000_000),
        "min_samples_leaf": _integer("Rows in a leaf at least", 1, 1_000_000),
        "max_features": _share("Share of the columns tried at a split"),
    }


def _property(title: str, description: str, default: object, **keywords: Any) -> JsonSchema:
    return {"title": title, "description": description, "default": default, **keywords}


def _choice(description: str, options: Mapping[str, str]) -> JsonSchema:
    return {
        "description": description,
        "oneOf": [
            {"type": "string", "const": value, "description": text}
            for value, text in options.items()
        ],
    }


def _integer(description: str, minimum: int, maximum: int) -> JsonSchema:
    return {
        "description": f"{description}.",
        "type": "integer",
        "minimum": minimum,
        "maximum": maximum,
    }


def _positive(description: str, maximum: float) -> JsonSchema:
    return {
        "description": f"{description}.",
        "type": "number",
        "exclusiveMinimum": 0,
        "maximum": maximum,
    }


def _share(description: str) -> JsonSchema:
    return _positive(description, 1)


def _penalty(description: str) -> JsonSchema:
    return {"description": f"{description}.", "type": "number", "minimum": 0, "maximum": 1e9}
