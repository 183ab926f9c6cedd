"""JSON Schema of the forecasting trainer's custom configuration; plain data, cheap to import."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from modelstudio.trainers.json_schema import (
    MAXIMUM_SEED,
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

if TYPE_CHECKING:
    from collections.abc import Mapping

METRICS: Final[Mapping[str, str]] = {
    "MASE": "Mean absolute error relative to that of repeating the last season; the mean over "
    "series.",
    "WQL": "Quantile loss of all quantiles by the summed actual values; models are weighted by "
    "the median's.",
    "sMAPE": "Mean error relative to the mean of the actual and the forecast value.",
    "RMSSE": "Root mean squared error relative to that of repeating the last season.",
    "MAE": "Mean size of the errors, in the target's unit.",
    "RMSE": "Square root of the mean squared error, in the target's unit.",
    "MAPE": "Mean size of the errors relative to the actual value.",
    "WAPE": "Summed size of the errors by the summed actual values.",
}
PRESETS: Final[Mapping[str, str]] = {
    "fast_training": "Quick models, one validation window.",
    "medium_quality": "More models, two validation windows.",
    "high_quality": "Still more models, three validation windows.",
    "best_quality": "Every model, four validation windows.",
}
MODEL_TYPES: Final[Mapping[str, str]] = {
    "Naive": "Repeats the last value.",
    "SeasonalNaive": "Repeats the last season.",
    "LongSeasonalNaive": "Repeats the last of the longest seasons.",
    "SeasonalAverage": "Median of the last seasons.",
    "Drift": "Continues the line through the first and the last value.",
    "Theta": "Dynamic optimised theta method.",
    "AutoTheta": "Best of the theta methods.",
    "AutoETS": "Exponential smoothing, its form chosen for each series.",
    "AutoCES": "Complex exponential smoothing.",
    "AutoARIMA": "ARIMA, its orders chosen for each series.",
    "AutoARIMALog": "ARIMA of the logarithm.",
    "MSTL": "Decomposition into several seasons, and exponential smoothing.",
    "MSTLLog": "MSTL of the logarithm.",
    "MFLES": "Fourier seasons and trend by boosting.",
    "Croston": "Croston's method, Syntetos-Boylan variant, for series with many zeros.",
    "ADIDA": "Aggregate and disaggregate, for series with many zeros.",
    "IMAPA": "Several aggregations, for series with many zeros.",
    "TSB": "Teunter, Syntetos and Babai's method, for series with many zeros.",
    "LinearLags": "Ridge regression on the last values, one for all series.",
    "DirectLightGBM": "Gradient boosted trees for all series, all steps at once.",
    "RecursiveLightGBM": "Gradient boosted trees for all series, step by step.",
    "DifferencedLightGBM": "As DirectLightGBM, of the change from the season before.",
    "CentredLightGBM": "As RecursiveLightGBM, of the change from the season before.",
}
MISSING: Final[Mapping[str, str]] = {
    "auto": "Zero in series with many zeros; else a straight line through short gaps, and the "
    "season before in long ones.",
    "interpolate": "A straight line through the gap.",
    "forward_fill": "The last value before the gap.",
    "mean": "The mean of the series.",
    "zero": "Zero.",
}
MIXED: Final[Mapping[str, str]] = {
    "refuse": "The run fails and names them.",
    "leave_out": "They are left out, and the warnings name them.",
}
UNFINISHED: Final[Mapping[str, str]] = {
    "leave_out": "They are left out; later rows of them count together with those there were.",
    "complete": "They stand for the whole step; a sum grows as the step does.",
    "keep": "They count as they are.",
}
_NUMERIC_AGGREGATIONS: Final[Mapping[str, str]] = {
    "mean": "The mean.",
    "sum": "The sum.",
    "min": "The smallest.",
    "max": "The largest.",
    "median": "The median.",
    "first": "The first.",
    "last": "The last.",
}
_CATEGORICAL_AGGREGATIONS: Final[Mapping[str, str]] = {
    "most_frequent": "The commonest.",
    "first": "The first.",
    "last": "The last.",
}
_PARAMETERS: Final[Mapping[str, JsonSchema]] = {
    "AutoETS": {
        "model": {
            "description": "Error, trend and season, each N, A, M or Z for the best.",
            "type": "string",
            "pattern": "^[AMZ][NAMZ][NAMZ]$",
        }
    },
    "AutoARIMA": {
        "max_p": integer("Autoregressive order at most", 0, 10),
        "max_q": integer("Moving average order at most", 0, 10),
        "max_P": integer("Seasonal autoregressive order at most", 0, 5),
        "max_Q": integer("Seasonal moving average order at most", 0, 5),
        "nmodels": integer("Models tried at most", 1, 500),
    },
    "SeasonalAverage": {"num_seasons": integer("Seasons that are averaged", 1, 100)},
    "TSB": {
        "alpha_demand": share("Smoothing of the sizes"),
        "alpha_probability": share("Smoothing of the probability"),
    },
}
_LIGHTGBM: Final[JsonSchema] = {
    "num_boost_round": integer("Boosting rounds at most", 1, 100_000),
    "objective": choice(
        "Loss.",
        {
            "l1": "Absolute error.",
            "l2": "Squared error.",
            "huber": "Between the two.",
            "tweedie": "For sizes with many zeros.",
        },
    ),
    "learning_rate": positive("Learning rate", 1),
    "num_leaves": integer("Leaves of a tree at most", 2, 131_072),
    "max_depth": integer("Deepest level of a tree; -1 for no limit", -1, 1_000),
    "min_data_in_leaf": integer("Rows in a leaf at least", 0, 1_000_000),
    "feature_fraction": share("Share of the columns used by a tree"),
    "bagging_fraction": share("Share of the rows used when bagging"),
    "bagging_freq": integer("Rounds between bagging; 0 for never", 0, 100_000),
    "lambda_l1": penalty("L1 penalty"),
    "lambda_l2": penalty("L2 penalty"),
}
_BOOSTED: Final = ("DirectLightGBM", "RecursiveLightGBM", "DifferencedLightGBM", "CentredLightGBM")


def forecasting_schema() -> JsonSchema:
    """Return the configuration schema of the forecasting trainer."""
    properties = {**_task(), **_effort(), **_calendar(), **_data(), **_models()}
    definitions = {
        "EvalMetric": choice("Metric by which models are chosen and weighted.", METRICS),
        "Presets": choice("How much effort goes into accuracy.", PRESETS),
        "ModelType": choice("A type of model.", MODEL_TYPES),
        "Missing": choice("What stands in for a missing target value.", MISSING),
        "Mixed": choice("What becomes of series of another frequency.", MIXED),
        "Unfinished": choice("What becomes of steps that are not whole.", UNFINISHED),
        "NumericAggregation": choice("How numbers are taken together.", _NUMERIC_AGGREGATIONS),
        "CategoricalAggregation": choice(
            "How texts are taken together.", _CATEGORICAL_AGGREGATIONS
        ),
        **hyperparameters({**_PARAMETERS, **dict.fromkeys(_BOOSTED, _LIGHTGBM)}),
    }
    return configuration("ForecastingConfig", properties, definitions)


def _task() -> JsonSchema:
    return {
        "prediction_length": described(
            "Prediction length", "Steps to forecast.", 10, type="integer", minimum=1, maximum=1_000
        ),
        "eval_metric": described(
            "Evaluation metric",
            "Metric by which models are chosen and weighted; lower is better.",
            "MASE",
            **{"$ref": "#/$defs/EvalMetric"},
        ),
        "quantile_levels": described(
            "Quantile levels",
            "Quantiles to forecast, each a column <prediction>_<level>.",
            [0.1, 0.25, 0.5, 0.75, 0.9],
            type="array",
            maxItems=99,
            items={"type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 1},
        ),
        "prediction_column_name": described(
            "Prediction column name",
            'Name of the column with the forecast; "prediction" when empty.',
            None,
            type=["string", "null"],
            minLength=1,
            maxLength=255,
        ),
    }


def _effort() -> JsonSchema:
    return {
        "presets": described(
            "Training presets",
            "How much effort goes into accuracy.",
            "medium_quality",
            **{"$ref": "#/$defs/Presets"},
        ),
        "time_limit": described(
            "Time limit",
            "Seconds for trying and fitting models. Reading the data and the reports come on top.",
            600,
            type="integer",
            minimum=10,
            maximum=604_800,
        ),
        "num_val_windows": described(
            "Validation windows",
            "Times that the end of the series is held back to compare models; as the preset says "
            "when empty, and fewer for short series.",
            None,
            type=["integer", "null"],
            minimum=1,
            maximum=20,
        ),
        "seed": described(
            "Random seed",
            "Seeds every model. A run whose time limit was not reached can be repeated exactly.",
            0,
            type="integer",
            minimum=0,
            maximum=MAXIMUM_SEED,
        ),
    }


def _calendar() -> JsonSchema:
    return {
        "frequency": described(
            "Frequency",
            "Step of the series, such as D, B, W-SUN, MS, BME, SMS, M-15, WOM-1MON, QS, h or "
            "30min. Rows within a step are taken together; with auto it is inferred and no row "
            "may share a step with another.",
            "auto",
            type="string",
            minLength=1,
            maxLength=60,
        ),
        "mixed_frequencies": described(
            "Series of another frequency",
            "What becomes of series that do not have the frequency of most.",
            "refuse",
            **{"$ref": "#/$defs/Mixed"},
        ),
        "unfinished_periods": described(
            "Unfinished periods",
            "What becomes of a series' first and last step when rows are taken together and do not "
            "cover all of it.",
            "leave_out",
            **{"$ref": "#/$defs/Unfinished"},
        ),
        "time_zone": described(
            "Time zone",
            "Zone whose days, weeks and months count and that forecasts are answered in, such as "
            "Europe/Berlin; that of the timestamps when empty.",
            None,
            type=["string", "null"],
            minLength=1,
            maxLength=64,
        ),
    }


def _data() -> JsonSchema:
    return {
        "readings": readings(),
        "numeric_aggregation": described(
            "Aggregation of numbers",
            "How the target and numeric covariates within a step are taken together.",
            "mean",
            **{"$ref": "#/$defs/NumericAggregation"},
        ),
        "categorical_aggregation": described(
            "Aggregation of texts",
            "How text covariates within a step are taken together.",
            "most_frequent",
            **{"$ref": "#/$defs/CategoricalAggregation"},
        ),
        "missing_value_strategy": described(
            "Missing values",
            "What stands in for a step that has no target value.",
            "auto",
            **{"$ref": "#/$defs/Missing"},
        ),
    }


def _models() -> JsonSchema:
    return {
        "enable_ensemble": described(
            "Weighted ensemble",
            "Blend the models with weights chosen on the validation windows; else the best one is "
            "taken.",
            True,
            type="boolean",
        ),
        "excluded_model_types": described(
            "Excluded model types",
            "Model types that are not fitted.",
            [],
            type="array",
            maxItems=100,
            items={"$ref": "#/$defs/ModelType"},
        ),
        "hyperparameters": hyperparameters_by_type(
            "Hyperparameters by model type; its defaults for the rest.",
            {name: MODEL_TYPES[name] for name in (*_PARAMETERS, *_BOOSTED)},
        ),
    }
