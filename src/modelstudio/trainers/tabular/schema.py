"""What the configurations of all tabular trainers share; plain data, cheap to import."""

from __future__ import annotations

from typing import TYPE_CHECKING

from modelstudio.trainers.json_schema import MAXIMUM_SEED, JsonSchema, choice, described

if TYPE_CHECKING:
    from collections.abc import Mapping

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


def metric_choice(metrics: Mapping[str, str]) -> JsonSchema:
    """Return the definition that ``eval_metric`` refers to as ``EvalMetric``."""
    return choice("Metric by which models are chosen and weighted.", metrics)


def eval_metric() -> JsonSchema:
    return described(
        "Evaluation metric",
        "Metric by which models are chosen and weighted.",
        "auto",
        **{"$ref": "#/$defs/EvalMetric"},
    )


def time_limit(description: str) -> JsonSchema:
    return described("Time limit", description, 600, type="integer", minimum=10, maximum=604_800)


def seed(description: str) -> JsonSchema:
    return described("Random seed", description, 0, type="integer", minimum=0, maximum=MAXIMUM_SEED)


def prediction_column_name() -> JsonSchema:
    return described(
        "Prediction column name",
        "Name of the column with the prediction; the target's name when empty.",
        None,
        type=["string", "null"],
        minLength=1,
        maxLength=255,
    )


def predict_probabilities() -> JsonSchema:
    return described(
        "Predict probabilities",
        "Add one column <prediction>_proba_<class> for each class.",
        False,
        type="boolean",
    )
