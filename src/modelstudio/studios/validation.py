"""Validation of a configuration against its trainer, its datasets and its outputs.

Nothing is stored before all of it passes, and everything that is wrong is reported at once: each
check appends to one list of failures, which are members of the wire's
``CreateConfigValidationFailureReason`` union. What the checks need to know about the world is
gathered before (`Surroundings`), so this module is pure.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any, Final

from jsonschema import Draft202012Validator

from modelstudio.studios import column_readings
from modelstudio.tables import types

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from modelstudio.studios.column_readings import Question
    from modelstudio.studios.wire import DatasetInput, ModelOutput
    from modelstudio.trainers.base import TrainerSpecification

MAX_CHANGELOG: Final = 4000
MAX_NAME: Final = 100
_MAX_MESSAGE: Final = 500
_MAX_NAMES: Final = 200
_MAX_VIOLATIONS: Final = 100
_NESTED: Final = types.names_of("NESTED")
#: What a trainer may say that a column is instead of naming its types.
GROUPS: Final = ("NUMERIC", "STRING", "BOOLEAN", "TEMPORAL")

Failure = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What the configuration refers to, as its creator may see it.

    Attributes
    ----------
    schemas
        Column types of each dataset by RID; None for one without a schema, in the trash, unknown
        or hidden from the caller.
    questions
        Of each dataset by RID, the columns that may be read in more than one way.
    output_projects
        Project RID of each output resource by RID; None for one that is missing or hidden.
    project_rid
        The studio's own project.
    """

    schemas: Mapping[str, Mapping[str, str] | None]
    questions: Mapping[str, Mapping[str, Question]]
    output_projects: Mapping[str, str | None]
    project_rid: str | None


def check_names(name: str, changelog: str | None) -> list[Failure]:
    failures: list[Failure] = []
    if not name.strip() or len(name) > MAX_NAME:
        failures.append(_other(f"A configuration's name has 1 to {MAX_NAME} characters."))
    if changelog is not None and len(changelog) > MAX_CHANGELOG:
        failures.append(
            {
                "type": "changelogTooLong",
                "maxLength": MAX_CHANGELOG,
                "actualLength": len(changelog),
            }
        )
    return failures


def check_custom_config(schema: Mapping[str, Any], config: Mapping[str, Any]) -> list[Failure]:
    """Return a failure for each violation of the trainer's JSON schema."""
    validator = Draft202012Validator(schema)
    found = islice(validator.iter_errors(config), _MAX_VIOLATIONS)
    return [
        {
            "type": "jsonSchemaValidationFailure",
            "field": ".".join(str(part) for part in error.absolute_path),
            "message": _readable(error),
        }
        for error in sorted(found, key=lambda one: list(map(str, one.path)))
    ]


def _readable(error: Any) -> str:
    """Return the message; for a choice, the choices instead of the schema's text."""
    if error.validator in {"oneOf", "anyOf"}:
        choices = [part["const"] for part in error.validator_value if "const" in part]
        if choices:
            return f"{error.instance!r} is none of {', '.join(map(repr, choices))}"[:_MAX_MESSAGE]
    return str(error.message)[:_MAX_MESSAGE]


def check_inputs(
    trainer: TrainerSpecification,
    inputs: Mapping[str, Mapping[str, Any]],
    parsed: Mapping[str, DatasetInput],
    surroundings: Surroundings,
    told: Mapping[str, str],
) -> list[Failure]:
    """Return failures of the inputs.

    ``parsed`` holds those that are datasets, ``told`` the readings of columns in the configuration.
    """
    failures = [
        _other(f"The trainer has no input {alias!r}.")
        for alias in inputs
        if alias not in trainer.inputs
    ]
    for alias, wanted in trainer.inputs.items():
        if alias not in inputs:
            if not wanted["optional"]:
                failures.append({"type": "missingWorkerConfigInput", "inputAlias": alias})
        elif alias not in parsed:
            failures.append(
                {
                    "type": "invalidWorkerConfigInputType",
                    "inputAlias": alias,
                    "expectedType": wanted["type"]["type"],
                    "actualType": str(inputs[alias].get("type")),
                }
            )
        else:
            specs = wanted["type"]["dataset"]["columnsTypeSpecs"]
            failures += _check_input(trainer, parsed[alias], specs, surroundings, told)
    schemas = [surroundings.schemas[one.rid] or {} for one in parsed.values()]
    failures += [_other(message) for message in column_readings.impossible(schemas, told)]
    return failures + _check_test_data(trainer, parsed, surroundings)


def _check_input(
    trainer: TrainerSpecification,
    given: DatasetInput,
    specs: Mapping[str, Any],
    surroundings: Surroundings,
    told: Mapping[str, str],
) -> list[Failure]:
    schema = surroundings.schemas[given.rid]
    if schema is not None:
        schema = column_readings.as_told(schema, told)
    failures = _check_dataset(given, specs, schema)
    asked = surroundings.questions.get(given.rid, {})
    unsettled = column_readings.unsettled(given, specs, asked, told)
    failures += [_other(message) for message in unsettled]
    if schema and trainer.type.startswith("TABULAR"):  # others learn from mapped columns
        failures += _check_something_left(given, schema)
    return failures


def _check_dataset(
    given: DatasetInput, specs: Mapping[str, Any], schema: Mapping[str, str] | None
) -> list[Failure]:
    failures: list[Failure] = [
        {
            "type": "unknownColumnSpecIdInConfigColumnMapping",
            "datasetRid": given.rid,
            "columnTypeSpecId": spec_id,
        }
        for spec_id in given.column_mapping
        if spec_id not in specs
    ]
    if schema is None:
        failures.append({"type": "datasetSchemaNotFound", "datasetRid": given.rid})
    for spec_id, spec in specs.items():
        columns = given.column_mapping.get(spec_id, [])
        failures += _check_mapping(given, spec_id, spec, columns, schema)
    if schema is not None:
        failures += _check_columns(given, schema)
    return failures


def _check_mapping(
    given: DatasetInput,
    spec_id: str,
    spec: Mapping[str, Any],
    columns: Sequence[str],
    schema: Mapping[str, str] | None,
) -> list[Failure]:
    here = {"datasetRid": given.rid, "columnTypeSpecId": spec_id}
    if not columns:
        if spec["optional"]:
            return []
        return [{"type": "missingWorkerConfigInputDatasetColumnMapping", **here}]
    failures: list[Failure] = []
    if len(columns) > 1 and not spec["allowMultiple"]:
        failures.append({"type": "multipleColumnsNotAllowedForTrainer", **here})
    if schema is None:
        return failures
    supported = _supported_types(spec)
    could = [name for name, kind in schema.items() if kind in supported][:_MAX_NAMES]
    for column in columns if spec["allowMultiple"] else columns[:1]:
        if column not in schema:
            failures.append({"type": "missingRequiredDatasetColumn", **here, "columnNames": could})
        elif schema[column] not in supported:
            failures.append(
                {
                    "type": "fieldValidationFailure",
                    "datasetRid": given.rid,
                    "fieldName": column,
                    "fieldType": schema[column],
                }
            )
    return failures


def _check_columns(given: DatasetInput, schema: Mapping[str, str]) -> list[Failure]:
    failures: list[Failure] = []
    mapped = {column for columns in given.column_mapping.values() for column in columns}
    for what, names in (("ignore", given.ignore_columns), ("select", given.select_columns)):
        failures += [
            _other(f"{what}Columns names {name!r}, which is no column of {given.rid}.")
            for name in _unique(names)
            if name not in schema
        ]
    failures += [
        _other(f"The column {name!r} is both mapped and ignored.")
        for name in _unique(given.ignore_columns)
        if name in mapped
    ]
    failures += [
        _other(f"The column {name!r} is mapped to more than one role.")
        for name, count in Counter(
            column for columns in given.column_mapping.values() for column in set(columns)
        ).items()
        if count > 1
    ]
    used = used_columns(given, schema)
    failures += [
        {
            "type": "unsupportedDatasetFieldType",
            "datasetRid": given.rid,
            "fieldName": name,
            "fieldType": schema[name],
        }
        for name in schema
        if name in used - mapped and schema[name] in _NESTED
    ]
    return failures


def _check_something_left(given: DatasetInput, schema: Mapping[str, str]) -> list[Failure]:
    mapped = {column for columns in given.column_mapping.values() for column in columns}
    if used_columns(given, schema) - mapped:
        return []
    return [_other(f"No column of {given.rid} is left to learn from.")]


def used_columns(given: DatasetInput, schema: Mapping[str, str]) -> set[str]:
    """Return the columns a run reads: mapped ones always, others if selected and not ignored."""
    mapped = {column for columns in given.column_mapping.values() for column in columns}
    selected = set(given.select_columns) or set(schema)
    return (selected - set(given.ignore_columns) | mapped) & set(schema)


def _check_test_data(
    trainer: TrainerSpecification,
    parsed: Mapping[str, DatasetInput],
    surroundings: Surroundings,
) -> list[Failure]:
    """Return failures of a test dataset that lacks the target which the training data maps."""
    roles = {
        alias: wanted["type"]["dataset"]["role"]
        for alias, wanted in trainer.inputs.items()
        if alias in parsed and wanted["type"]["type"] == "dataset"
    }
    targets = {
        spec_id: column
        for alias, role in roles.items()
        if role == "TRAINING"
        for spec_id, spec in trainer.inputs[alias]["type"]["dataset"]["columnsTypeSpecs"].items()
        if spec["isTarget"]
        for column in parsed[alias].column_mapping.get(spec_id, [])
    }
    failures: list[Failure] = []
    for alias, role in roles.items():
        schema = surroundings.schemas[parsed[alias].rid] if role == "TEST" else None
        failures += [
            {
                "type": "missingRequiredDatasetColumn",
                "datasetRid": parsed[alias].rid,
                "columnTypeSpecId": spec_id,
                "columnNames": [column],
            }
            for spec_id, column in targets.items()
            if schema is not None and column not in schema
        ]
    return failures


def check_outputs(
    trainer: TrainerSpecification,
    outputs: Mapping[str, Mapping[str, Any]],
    parsed: Mapping[str, ModelOutput],
    surroundings: Surroundings,
) -> list[Failure]:
    """Return failures of the outputs; ``parsed`` holds those that are models."""
    failures = [
        _other(f"The trainer has no output {alias!r}.")
        for alias in outputs
        if alias not in trainer.outputs
    ]
    for alias, wanted in trainer.outputs.items():
        if alias not in outputs:
            if not wanted["optional"]:
                failures.append({"type": "missingWorkerConfigOutput", "outputAlias": alias})
        elif alias not in parsed:
            kind = outputs[alias].get("type")
            failures.append(_other(f"The output {alias!r} must be a model, not {kind!r}."))
        else:
            failures += _check_model(alias, parsed[alias].model_rid, surroundings)
    return failures


def _check_model(alias: str, model_rid: str, surroundings: Surroundings) -> list[Failure]:
    here = {"resourceRid": model_rid, "outputAlias": alias}
    project = surroundings.output_projects[model_rid]
    if project is None:
        return [{"type": "outputResourceNotFound", **here}]
    if project != surroundings.project_rid:
        return [{"type": "outputResourceInDifferentProject", **here}]
    return []


def _supported_types(spec: Mapping[str, Any]) -> frozenset[str]:
    found: set[str] = set()
    for one in spec["supportedTypes"]:
        name = one[one["type"]]
        found |= types.names_of(name) if one["type"] == "grouped" else {name}
    return frozenset(found)


def _other(message: str) -> Failure:
    return {"type": "other", "message": message[:_MAX_MESSAGE]}


def _unique(names: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(names))
