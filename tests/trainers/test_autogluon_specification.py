"""The catalogue's entries for the tabular trainers."""

from __future__ import annotations

import json
import subprocess
import sys

import jsonschema
import pytest

from modelstudio.trainers.catalogue import built_in
from modelstudio.trainers.tabular.autogluon.specification import CLASSIFICATION, REGRESSION

BOTH = pytest.mark.parametrize(
    "specification", [CLASSIFICATION, REGRESSION], ids=["classification", "regression"]
)


def defaults(specification):
    properties = specification.config_schema["properties"]
    return {name: schema["default"] for name, schema in properties.items()}


def errors(specification, config):
    validator = jsonschema.Draft202012Validator(specification.config_schema)
    return [error.message for error in validator.iter_errors(config)]


@BOTH
def test_the_schema_is_valid_and_its_defaults_satisfy_it(specification):
    jsonschema.Draft202012Validator.check_schema(specification.config_schema)
    assert errors(specification, defaults(specification)) == []
    assert errors(specification, {}) == []


@BOTH
def test_every_property_says_what_it_is_and_has_a_default(specification):
    for name, schema in specification.config_schema["properties"].items():
        assert {"title", "description", "default"} <= schema.keys(), name


@BOTH
def test_every_reference_in_the_schema_leads_somewhere(specification):
    text = json.dumps(specification.config_schema)
    for part in text.split('"$ref": "#/$defs/')[1:]:
        assert part.split('"')[0] in specification.config_schema["$defs"]


@BOTH
@pytest.mark.parametrize(
    "wrong",
    [
        {"unknown": 1},
        {"presets": "fastest"},
        {"eval_metric": "goodness"},
        {"time_limit": 0},
        {"time_limit": 30.5},
        {"seed": -1},
        {"infer_limit": 0},
        {"num_bag_folds": 1},
        {"excluded_model_types": ["NN_TORCH"]},
        {"prediction_column_name": ""},
        {"hyperparameters": {"NN_TORCH": {}}},
        {"hyperparameters": {"GBM": {"num_leaves": 1}}},
        {"hyperparameters": {"GBM": {"output_model": "/tmp/x"}}},
        {"hyperparameters": {"CAT": {"train_dir": "/tmp/x"}}},
        {"hyperparameters": {"RF": {"ag_args_fit": {}}}},
    ],
    ids=str,
)
def test_a_wrong_configuration_is_refused(specification, wrong):
    assert errors(specification, wrong)


def test_metrics_and_probabilities_belong_to_their_task():
    assert errors(CLASSIFICATION, {"eval_metric": "roc_auc", "predict_probabilities": True}) == []
    assert errors(CLASSIFICATION, {"eval_metric": "r2"})
    assert errors(REGRESSION, {"eval_metric": "mean_squared_error"}) == []
    assert errors(REGRESSION, {"eval_metric": "roc_auc"})
    assert errors(REGRESSION, {"predict_probabilities": True})


def test_hyperparameters_within_their_bounds_are_accepted():
    chosen = {"GBM": {"learning_rate": 0.1, "extra_trees": True}, "LR": {"C": 2}, "XT": {}}
    assert errors(REGRESSION, {"hyperparameters": chosen}) == []


def test_the_target_is_numeric_for_regression_only():
    def groups(specification):
        columns = specification.inputs["input_df"]["type"]["dataset"]["columnsTypeSpecs"]
        return {kind["grouped"] for kind in columns["target_column"]["supportedTypes"]}

    assert groups(REGRESSION) == {"NUMERIC"}
    assert groups(CLASSIFICATION) == {"STRING", "BOOLEAN", "NUMERIC"}


@BOTH
def test_the_specification_is_plain_json(specification):
    for part in (specification.inputs, specification.outputs, specification.config_schema):
        assert json.loads(json.dumps(part)) == part
    assert specification.inputs["test_df"]["optional"] is True
    assert list(specification.outputs) == ["model"]


def test_listing_the_catalogue_imports_no_machine_learning_library():
    code = (
        "import sys; from modelstudio.trainers.catalogue import built_in; "
        "assert len(built_in().list()) >= 2; print(*sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )
    imported = {name.partition(".")[0] for name in done.stdout.split()}
    assert "modelstudio" in imported
    assert not imported & {
        "autogluon", "catboost", "lightgbm", "numpy", "pandas", "pyarrow", "sklearn", "xgboost"
    }  # fmt: skip


def test_the_catalogue_offers_both_trainers():
    offered = built_in()
    for specification in (CLASSIFICATION, REGRESSION):
        assert offered.get(specification.trainer_id) is specification
        assert offered.get(specification.trainer_id, specification.version) is specification
