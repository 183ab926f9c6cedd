"""The catalogue's entry for the forecasting trainer, and the page that describes it."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import jsonschema
import pytest

from modelstudio.trainers.catalogue import built_in
from modelstudio.trainers.forecasting.candidates import _BOOSTED_FROM, _LOCAL_FROM, LINEAR
from modelstudio.trainers.forecasting.local import LOCAL_MODELS
from modelstudio.trainers.forecasting.schema import MODEL_TYPES
from modelstudio.trainers.forecasting.specification import FORECASTING
from rules.project_files import ROOT

PAGE = ROOT / "docs" / "trainers.md"
BEGIN, END = "<!-- forecasting parameters: begin -->\n", "<!-- forecasting parameters: end -->"


def errors(config):
    validator = jsonschema.Draft202012Validator(FORECASTING.config_schema)
    return [error.message for error in validator.iter_errors(config)]


def test_the_schema_is_valid_and_its_defaults_satisfy_it():
    jsonschema.Draft202012Validator.check_schema(FORECASTING.config_schema)
    properties = FORECASTING.config_schema["properties"]
    assert not errors({name: schema["default"] for name, schema in properties.items()})
    assert all({"title", "description", "default"} <= set(schema) for schema in properties.values())


@pytest.mark.parametrize(
    "config",
    [
        {"prediction_length": 0},
        {"quantile_levels": [1.0]},
        {"eval_metric": "R2"},
        {"hyperparameters": {"DirectLightGBM": {"forcedsplits_filename": "/etc/passwd"}}},
        {"hyperparameters": {"Unknown": {}}},
        {"excluded_model_types": ["DeepAR"]},
        {"unknown": 1},
    ],
)
def test_wrong_configurations_are_refused(config):
    assert errors(config)


def test_every_model_type_can_be_excluded_and_is_tried():
    tried = {*_LOCAL_FROM, *_BOOSTED_FROM, LINEAR}
    assert set(MODEL_TYPES) == tried
    assert set(LOCAL_MODELS) == set(_LOCAL_FROM)


def test_the_catalogue_lists_it_without_a_machine_learning_library():
    found = built_in().get("ri.models..trainer.forecasting")
    assert found is FORECASTING
    assert found.type == "TIME_SERIES"
    code = (
        "import sys; import modelstudio.trainers.forecasting.specification; "
        "assert not {'numpy', 'pandas', 'lightgbm', 'statsforecast'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_the_page_lists_every_parameter_with_its_default():
    """Rewrite the page with MODELSTUDIO_WRITE_DOCS=1 after changing the schema."""
    properties = FORECASTING.config_schema["properties"]
    rows = [
        f"| `{name}` | `{json.dumps(schema['default'])}` | {schema['description']} |"
        for name, schema in properties.items()
    ]
    table = "\n".join(["| parameter | default | meaning |", "|---|---|---|", *rows]) + "\n"
    before, rest = PAGE.read_text().split(BEGIN)
    wanted = f"{before}{BEGIN}{table}{END}{rest.split(END)[1]}"
    if os.environ.get("MODELSTUDIO_WRITE_DOCS"):
        PAGE.write_text(wanted)
    assert PAGE.read_text() == wanted
