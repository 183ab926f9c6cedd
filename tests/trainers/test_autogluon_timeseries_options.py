"""The AutoGluon forecasting trainer as far as it goes without its libraries."""

from __future__ import annotations

import json
import re
from pathlib import Path

import jsonschema
import pytest

import modelstudio.trainers.autogluon_timeseries
from modelstudio.trainers.autogluon_timeseries.options import _BY_PRESET, FitOptions
from modelstudio.trainers.autogluon_timeseries.schema import MODEL_TYPES, NEURAL, PRESETS
from modelstudio.trainers.autogluon_timeseries.specification import AUTOGLUON_TIMESERIES
from modelstudio.trainers.catalogue import built_in
from modelstudio.trainers.forecasting.specification import FORECASTING

SCHEMA = AUTOGLUON_TIMESERIES.config_schema
DEFAULTS = {name: declared["default"] for name, declared in SCHEMA["properties"].items()}


def errors(config):
    return [one.message for one in jsonschema.Draft202012Validator(SCHEMA).iter_errors(config)]


def test_it_takes_what_the_forecasting_trainer_takes():
    assert AUTOGLUON_TIMESERIES.inputs == FORECASTING.inputs
    assert set(SCHEMA["properties"]) == set(FORECASTING.config_schema["properties"])
    assert built_in().get("ri.models..trainer.autogluon_timeseries") is AUTOGLUON_TIMESERIES


def test_the_defaults_and_every_hyperparameter_are_valid():
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    assert errors(DEFAULTS) == []
    given = {"DLinear": {"max_epochs": 3, "lr": 0.1}, "ETS": {"seasonal_period": 7}}
    assert errors({**DEFAULTS, "hyperparameters": given}) == []


@pytest.mark.parametrize(
    "config",
    [
        {"hyperparameters": {"Chronos2": {}}},
        {"hyperparameters": {"DeepAR": {"trainer_kwargs": {}}}},
        {"hyperparameters": {"RecursiveTabular": {"lags": [0]}}},
        {"excluded_model_types": ["DirectLightGBM"]},
        {"eval_metric": "R2"},
        {"presets": "chronos2"},
    ],
)
def test_wrong_configurations_are_refused(config):
    assert errors({**DEFAULTS, **config})


@pytest.mark.parametrize("preset", PRESETS)
def test_a_preset_names_models_that_there_are(preset):
    options = FitOptions.of({**DEFAULTS, "presets": preset})
    assert set(options.models) == set(_BY_PRESET[preset])
    assert set(options.models) <= set(MODEL_TYPES)
    assert options.windows == ("auto" if preset == "best_quality" else 1)


def test_named_models_are_fitted_and_excluded_ones_are_not():
    config = {
        **DEFAULTS,
        "presets": "fast_training",
        "hyperparameters": {"DeepAR": {"max_epochs": 2}, "ETS": {"seasonal_period": 4}},
        "excluded_model_types": ["Naive", "Theta"],
        "quantile_levels": [],
        "eval_metric": "sMAPE",
    }
    options = FitOptions.of(config)
    assert options.metric == "SMAPE"
    assert options.levels == (0.5,)
    arguments = options.fit_arguments(20, cpu=3)
    assert arguments["hyperparameters"] == {
        "SeasonalNaive": {"n_jobs": 3},
        "ETS": {"seasonal_period": 4, "n_jobs": 3},
        "RecursiveTabular": {},
        "DirectTabular": {},
        "DeepAR": {"max_epochs": 2},
    }
    assert not set(NEURAL) & set(_BY_PRESET["fast_training"])
    json.dumps(arguments)


def test_the_requirements_are_exact_pins_of_all_that_is_needed():
    (folder,) = modelstudio.trainers.autogluon_timeseries.__path__
    lines = (Path(folder) / "requirements.txt").read_text().splitlines()
    pins = [line for line in lines if not line.startswith("#")]
    assert all(re.fullmatch(r"[A-Za-z0-9._-]+==[A-Za-z0-9.]+", line) for line in pins)
    names = {line.partition("==")[0] for line in pins}
    assert {*AUTOGLUON_TIMESERIES.requires, "torch", "numpy", "pandas"} <= names
