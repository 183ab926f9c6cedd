"""JSON Schema of the AutoGluon forecasting trainer's custom configuration; plain data."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from modelstudio.trainers.forecasting.schema import forecasting_schema
from modelstudio.trainers.json_schema import (
    JsonSchema,
    choice,
    configuration,
    hyperparameters,
    hyperparameters_by_type,
    integer,
    positive,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

METRICS: Final[Mapping[str, str]] = {
    "MASE": "Mean absolute error relative to that of repeating the last season; the mean over "
    "series.",
    "WQL": "Quantile loss of all quantiles by the summed actual values.",
    "SQL": "Quantile loss of all quantiles relative to the error of repeating the last season.",
    "sMAPE": "Mean error relative to the mean of the actual and the forecast value.",
    "RMSSE": "Root mean squared error relative to that of repeating the last season.",
    "MAE": "Mean size of the errors, in the target's unit.",
    "RMSE": "Root mean squared error, in the target's unit.",
    "MAPE": "Mean size of the errors relative to the actual value.",
    "WAPE": "Summed size of the errors by the summed actual values.",
}
PRESETS: Final[Mapping[str, str]] = {
    "fast_training": "Quick statistical models and trees, one validation window.",
    "medium_quality": "More statistical models, trees and one neural network.",
    "high_quality": "Statistical models, trees and several neural networks.",
    "best_quality": "As high_quality, compared on several validation windows.",
}
#: Models with pretrained weights are left out: they would be downloaded while a run goes on.
MODEL_TYPES: Final[Mapping[str, str]] = {
    "Naive": "Repeats the last value.",
    "SeasonalNaive": "Repeats the last season.",
    "SeasonalAverage": "Mean of the same step in all seasons.",
    "ETS": "Exponential smoothing of a fixed form.",
    "AutoETS": "Exponential smoothing, its form chosen for each series.",
    "Theta": "Theta method.",
    "DynamicOptimizedTheta": "Theta method, its parameters optimised for each series.",
    "AutoARIMA": "ARIMA, its orders chosen for each series.",
    "AutoCES": "Complex exponential smoothing.",
    "NPTS": "Samples from the past, similar moments more often.",
    "Croston": "Croston's method, for series with many zeros.",
    "ADIDA": "Aggregate and disaggregate, for series with many zeros.",
    "IMAPA": "Several aggregations, for series with many zeros.",
    "RecursiveTabular": "Gradient boosted trees for all series, step by step.",
    "DirectTabular": "Gradient boosted trees for all series, all steps at once.",
    "PerStepTabular": "Gradient boosted trees for all series, one model for each step.",
    "DeepAR": "Recurrent network that forecasts a distribution.",
    "TemporalFusionTransformer": "Recurrent network with attention; uses every kind of covariate.",
    "PatchTST": "Transformer on patches of a series.",
    "TiDE": "Dense encoder and decoder with covariates.",
    "DLinear": "Linear network on trend and remainder.",
    "SimpleFeedForward": "Small dense network.",
    "WaveNet": "Dilated convolutions.",
}
NEURAL: Final = (
    "DeepAR",
    "TemporalFusionTransformer",
    "PatchTST",
    "TiDE",
    "DLinear",
    "SimpleFeedForward",
    "WaveNet",
)
STATISTICAL: Final = (
    "SeasonalNaive",
    "ETS",
    "AutoETS",
    "Theta",
    "DynamicOptimizedTheta",
    "AutoARIMA",
    "AutoCES",
)
TABULAR: Final = ("RecursiveTabular", "DirectTabular", "PerStepTabular")
_SHARED: Final = (
    "Missing",
    "Mixed",
    "Unfinished",
    "NumericAggregation",
    "CategoricalAggregation",
)


def timeseries_schema() -> JsonSchema:
    """Return the configuration schema; what is not about models is that of ``forecasting``."""
    shared = forecasting_schema()
    parameters = {
        **dict.fromkeys(STATISTICAL, _statistical()),
        **dict.fromkeys(TABULAR, _tabular()),
        **dict.fromkeys(NEURAL, _neural()),
    }
    properties = dict(shared["properties"])
    properties["hyperparameters"] = hyperparameters_by_type(
        "Hyperparameters by model type; its defaults for the rest. A type named here is fitted, "
        "whatever the preset.",
        {name: MODEL_TYPES[name] for name in parameters},
    )
    properties["time_limit"] = {
        **properties["time_limit"],
        "description": "Seconds to spend on fitting models. Reading the data and the reports come "
        "on top.",
    }
    definitions = {
        "EvalMetric": choice("Metric by which models are chosen and weighted.", METRICS),
        "Presets": choice("How much effort goes into accuracy.", PRESETS),
        "ModelType": choice("A type of model.", MODEL_TYPES),
        **{name: shared["$defs"][name] for name in _SHARED},
        **hyperparameters(parameters),
    }
    return configuration("AutogluonTimeseriesConfig", properties, definitions)


def _neural() -> JsonSchema:
    return {
        "max_epochs": integer("Epochs at most", 1, 10_000),
        "num_batches_per_epoch": integer("Batches in an epoch", 1, 100_000),
        "batch_size": integer("Windows in a batch", 1, 100_000),
        "context_length": integer("Steps of history that the network sees", 1, 10_000),
        "lr": positive("Learning rate", 1),
        "early_stopping_patience": integer("Epochs without progress before it stops", 1, 10_000),
    }


def _statistical() -> JsonSchema:
    return {
        "seasonal_period": integer("Steps of a season", 1, 10_000),
        "max_ts_length": integer("Steps of history that are used at most", 10, 1_000_000),
    }


def _tabular() -> JsonSchema:
    return {
        "lags": {
            "description": "Steps back that are features.",
            "type": "array",
            "items": {"type": "integer", "minimum": 1, "maximum": 100_000},
            "minItems": 1,
            "maxItems": 1_000,
        },
        "differences": {
            "description": "Steps of the differences that are taken before fitting.",
            "type": "array",
            "items": {"type": "integer", "minimum": 1, "maximum": 100_000},
            "maxItems": 10,
        },
        "max_num_samples": integer("Rows that are learned from at most", 100, 1_000_000_000),
        "max_num_items": integer("Series that are learned from at most", 1, 1_000_000_000),
    }
