"""Every kind of wrong configuration is named, and all of them at once."""

from __future__ import annotations

from typing import Any

import pytest
from foundry_sdk.v2.models.models import CreateConfigValidationFailureReason
from pydantic import TypeAdapter

from modelstudio.studios import resources, validation
from modelstudio.studios.column_readings import Question
from modelstudio.studios.validation import Surroundings
from modelstudio.studios.wire import DatasetInput, ModelOutput
from modelstudio.trainers.tabular.autogluon.specification import REGRESSION

DATASET = "ri.foundry.main.dataset.a"
TEST_DATASET = "ri.foundry.main.dataset.b"
MODEL = "ri.models.main.model.a"
PROJECT = "ri.compass.main.folder.p"
SCHEMA = {"price": "DOUBLE", "rooms": "LONG", "street": "STRING", "tags": "ARRAY"}
_REASON: TypeAdapter[Any] = TypeAdapter(CreateConfigValidationFailureReason)


def _surroundings(**overrides: Any) -> Surroundings:
    values: dict[str, Any] = {
        "schemas": {DATASET: SCHEMA, TEST_DATASET: SCHEMA},
        "questions": {},
        "output_projects": {MODEL: PROJECT},
        "project_rid": PROJECT,
    }
    return Surroundings(**{**values, **overrides})


def _input(**overrides: Any) -> dict[str, Any]:
    given = {
        "type": "dataset",
        "rid": DATASET,
        "columnMapping": {"target_column": ["price"]},
        "ignoreColumns": ["tags"],
        "selectColumns": [],
    }
    return {**given, **overrides}


def _check_inputs(
    inputs: dict[str, dict[str, Any]],
    surroundings: Surroundings | None = None,
    told: dict[str, str] | None = None,
) -> list[dict[str, Any]]:
    parsed = {
        alias: DatasetInput.model_validate(one)
        for alias, one in inputs.items()
        if one["type"] == "dataset"
    }
    failures = validation.check_inputs(
        REGRESSION, inputs, parsed, surroundings or _surroundings(), told or {}
    )
    for failure in failures:
        _REASON.validate_python(failure)  # what the official client can read
    return failures


def _kinds(failures: list[dict[str, Any]]) -> list[str]:
    return [failure["type"] for failure in failures]


def test_a_right_configuration_has_no_failures() -> None:
    assert _check_inputs({"input_df": _input()}) == []
    assert _check_inputs({"input_df": _input(selectColumns=["rooms"], ignoreColumns=[])}) == []
    test_df = _input(rid=TEST_DATASET, columnMapping={})
    assert _check_inputs({"input_df": _input(), "test_df": test_df}) == []


def test_a_missing_input_is_named() -> None:
    assert _check_inputs({}) == [{"type": "missingWorkerConfigInput", "inputAlias": "input_df"}]


def test_an_input_of_another_type_is_named_with_both_types() -> None:
    assert _check_inputs({"input_df": {"type": "objectSet", "rid": "ri.x.y.z.q"}}) == [
        {
            "type": "invalidWorkerConfigInputType",
            "inputAlias": "input_df",
            "expectedType": "dataset",
            "actualType": "objectSet",
        }
    ]


def test_a_dataset_without_a_schema_is_named() -> None:
    failures = _check_inputs({"input_df": _input()}, _surroundings(schemas={DATASET: None}))
    assert failures == [{"type": "datasetSchemaNotFound", "datasetRid": DATASET}]


@pytest.mark.parametrize("mapping", [{}, {"target_column": []}])
def test_a_target_that_is_not_mapped_is_named(mapping: dict[str, list[str]]) -> None:
    assert _check_inputs({"input_df": _input(columnMapping=mapping)}) == [
        {
            "type": "missingWorkerConfigInputDatasetColumnMapping",
            "datasetRid": DATASET,
            "columnTypeSpecId": "target_column",
        }
    ]


def test_a_mapped_column_that_is_not_there_is_named_with_those_that_would_do() -> None:
    failures = _check_inputs({"input_df": _input(columnMapping={"target_column": ["prize"]})})
    assert failures == [
        {
            "type": "missingRequiredDatasetColumn",
            "datasetRid": DATASET,
            "columnTypeSpecId": "target_column",
            "columnNames": ["price", "rooms"],
        }
    ]


def test_a_column_of_the_wrong_type_is_named_with_its_type() -> None:
    assert _check_inputs({"input_df": _input(columnMapping={"target_column": ["street"]})}) == [
        {
            "type": "fieldValidationFailure",
            "datasetRid": DATASET,
            "fieldName": "street",
            "fieldType": "STRING",
        }
    ]


def test_several_columns_for_a_single_role_are_refused() -> None:
    failures = _check_inputs(
        {"input_df": _input(columnMapping={"target_column": ["price", "rooms"]})}
    )
    assert "multipleColumnsNotAllowedForTrainer" in _kinds(failures)


def test_an_unknown_role_is_named() -> None:
    mapping = {"target_column": ["price"], "weight": ["rooms"]}
    assert _kinds(_check_inputs({"input_df": _input(columnMapping=mapping)})) == [
        "unknownColumnSpecIdInConfigColumnMapping"
    ]


def test_a_nested_column_must_be_ignored() -> None:
    assert _check_inputs({"input_df": _input(ignoreColumns=[])}) == [
        {
            "type": "unsupportedDatasetFieldType",
            "datasetRid": DATASET,
            "fieldName": "tags",
            "fieldType": "ARRAY",
        }
    ]


@pytest.mark.parametrize(
    "overrides",
    [
        {"ignoreColumns": ["tags", "nope"]},
        {"selectColumns": ["rooms", "nope"]},
        {"ignoreColumns": ["tags", "price"]},
        {"ignoreColumns": ["tags", "rooms", "street"]},
    ],
)
def test_column_lists_that_make_no_sense_are_refused(overrides: dict[str, Any]) -> None:
    assert _kinds(_check_inputs({"input_df": _input(**overrides)})) == ["other"]


def test_test_data_without_the_target_is_named() -> None:
    schemas = {DATASET: SCHEMA, TEST_DATASET: {"rooms": "LONG", "street": "STRING"}}
    test_df = _input(rid=TEST_DATASET, columnMapping={}, ignoreColumns=[])
    failures = _check_inputs(
        {"input_df": _input(), "test_df": test_df}, _surroundings(schemas=schemas)
    )
    assert failures == [
        {
            "type": "missingRequiredDatasetColumn",
            "datasetRid": TEST_DATASET,
            "columnTypeSpecId": "target_column",
            "columnNames": ["price"],
        }
    ]


def _check_outputs(
    outputs: dict[str, dict[str, Any]], surroundings: Surroundings | None = None
) -> list[dict[str, Any]]:
    parsed = {
        alias: ModelOutput.model_validate(one)
        for alias, one in outputs.items()
        if one["type"] == "model"
    }
    failures = validation.check_outputs(
        REGRESSION, outputs, parsed, surroundings or _surroundings()
    )
    for failure in failures:
        _REASON.validate_python(failure)
    return failures


def test_outputs_must_be_models_that_exist_in_the_studios_project() -> None:
    output = {"model": {"type": "model", "modelRid": MODEL}}
    here = {"resourceRid": MODEL, "outputAlias": "model"}
    assert _check_outputs(output) == []
    assert _check_outputs({}) == [{"type": "missingWorkerConfigOutput", "outputAlias": "model"}]
    assert _check_outputs(output, _surroundings(output_projects={MODEL: None})) == [
        {"type": "outputResourceNotFound", **here}
    ]
    assert _check_outputs(output, _surroundings(project_rid="ri.compass.main.folder.q")) == [
        {"type": "outputResourceInDifferentProject", **here}
    ]
    assert _kinds(_check_outputs({"model": {"type": "dataset"}})) == ["other"]
    assert _kinds(_check_outputs({**output, "extra": output["model"]})) == ["other"]


def test_every_violation_of_the_trainers_schema_is_reported() -> None:
    failures = validation.check_custom_config(
        REGRESSION.config_schema, {"time_limit": -5, "presets": "best", "nope": 1}
    )
    for failure in failures:
        _REASON.validate_python(failure)
    assert {failure["type"] for failure in failures} == {"jsonSchemaValidationFailure"}
    assert {failure["field"] for failure in failures} == {"", "time_limit", "presets"}
    presets = next(one for one in failures if one["field"] == "presets")
    assert "medium_quality" in presets["message"]


def test_a_changelog_has_a_limit_and_a_name_must_be_there() -> None:
    assert validation.check_names("first", "why") == []
    assert validation.check_names("first", "x" * 4001) == [
        {"type": "changelogTooLong", "maxLength": 4000, "actualLength": 4001}
    ]
    assert _kinds(validation.check_names(" ", None)) == ["other"]
    assert _kinds(validation.check_names("x" * 101, None)) == ["other"]


@pytest.mark.parametrize(
    ("text", "cores"),
    [("2", 2.0), ("0.5", 0.5), ("500m", 0.5), ("0", None), ("-1", None), ("two", None), ("", None)],
)
def test_cpu_is_cores(text: str, cores: float | None) -> None:
    assert resources.parse_cpu(text) == cores


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("4G", 4 * 10**9),
        ("4GB", 4 * 10**9),
        ("4Gi", 4 * 2**30),
        ("1.5GiB", 3 * 2**29),
        ("512M", 512 * 10**6),
        ("1000000000", 10**9),
        ("0G", None),
        ("4X", None),
        ("G", None),
        ("-4G", None),
    ],
)
def test_memory_is_an_amount(text: str, size: int | None) -> None:
    assert resources.parse_memory(text) == size


def test_each_wrong_resource_is_named() -> None:
    wanted, failures = resources.parse({"cpu": "x", "memory": "1M", "gpu": "T4"})
    failures += resources.unavailable_gpu("T4", set())
    assert wanted is None
    assert [failure["field"] for failure in failures] == ["cpu", "memory", "gpu"]
    for failure in failures:
        _REASON.validate_python(failure)


def test_a_gpu_is_refused_where_there_is_none_of_its_type() -> None:
    [none] = resources.unavailable_gpu("T4", set())
    assert none["message"] == "This server has no GPU; leave gpu out."
    [other] = resources.unavailable_gpu("T4", {"L4", "A100"})
    assert other["message"] == ("This server has GPUs of type A100, L4; name one or leave gpu out.")
    assert resources.unavailable_gpu("L4", {"L4"}) == []
    assert resources.unavailable_gpu(None, set()) == []


def test_a_run_larger_than_the_server_is_refused() -> None:
    wanted = resources.Resources(cpu=4, memory_bytes=8 * 10**9)
    failures = resources.too_large(wanted, cpu=2, memory_bytes=4 * 10**9)
    assert [failure["field"] for failure in failures] == ["cpu", "memory"]
    assert resources.too_large(wanted, cpu=4, memory_bytes=8 * 10**9) == []


AMBIGUOUS = Question(("number 1,234.5", "number 1.234,5"), ("1,234", "5,678"))


def test_a_target_with_two_readings_is_asked_about_with_both_and_its_values() -> None:
    mapped = _input(columnMapping={"target_column": ["street"]})
    asked = _surroundings(questions={DATASET: {"street": AMBIGUOUS}})
    told_type, question = _check_inputs({"input_df": mapped}, asked)
    assert told_type["type"] == "fieldValidationFailure"
    assert question == {
        "type": "other",
        "message": f"The column 'street' of {DATASET} may be read as 'number 1,234.5' or as "
        "'number 1.234,5'; it has the values '1,234', '5,678'. Say which in customConfig.readings, "
        "such as {'street': 'number 1.234,5'}, or in the dataset's schema.",
    }
    assert _check_inputs({"input_df": mapped}, asked, {"street": "number 1.234,5"}) == []


def test_a_feature_with_two_readings_is_not_asked_about() -> None:
    asked = _surroundings(questions={DATASET: {"street": AMBIGUOUS}})
    assert _check_inputs({"input_df": _input()}, asked) == []


def test_a_mark_that_may_be_a_label_is_asked_about_beside_text() -> None:
    questions = {DATASET: {"price": Question(("text, missing: NA",), ("NA",))}}
    (failure,) = _check_inputs({"input_df": _input()}, _surroundings(questions=questions))
    assert "may be read as 'text' or as 'text, missing: NA'" in failure["message"]


@pytest.mark.parametrize(
    ("told", "message"),
    [
        ({"street": "dd-yy"}, "'dd-yy' is no reading"),
        ({"path": "text"}, "names 'path', which is no column"),
        ({"rooms": "date dd/mm/yyyy"}, "but it is LONG already"),
    ],
)
def test_a_reading_that_cannot_be_is_refused(told: dict[str, str], message: str) -> None:
    (failure,) = _check_inputs({"input_df": _input()}, told=told)
    assert failure["type"] == "other"
    assert message in failure["message"]
