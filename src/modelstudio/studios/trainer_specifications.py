"""Checks the specification of a trainer that comes from another package, before it is offered.

What is checked is what the rest of the server takes for granted: a configuration is validated with
the schema, its inputs and outputs are walked through without looking twice.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal

from jsonschema import Draft202012Validator
from jsonschema.exceptions import SchemaError
from pydantic import AfterValidator, ConfigDict, Field, TypeAdapter, ValidationError
from referencing import Registry
from referencing.exceptions import Unresolvable
from referencing.jsonschema import DRAFT202012

from modelstudio.kit import rids
from modelstudio.kit.wire import WireModel
from modelstudio.studios.validation import GROUPS
from modelstudio.trainers.base import TrainerSpecification, TrainerType

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"
_DESCRIBED: Final = ("title", "description", "default")
_TRAINER: Final = re.compile(re.escape(rids.TRAINER) + r"[a-z0-9][a-z0-9_-]*")


class InvalidSpecificationError(ValueError):
    """A trainer cannot be offered; the message says what its author has to change."""


def _trainer_id(value: str) -> str:
    if not rids.is_rid(value) or _TRAINER.fullmatch(value) is None:
        raise ValueError(f"{value!r} is not {rids.TRAINER}NAME, in small letters, digits, _ and -")
    return value


def _supported_type(value: dict[str, str]) -> dict[str, str]:
    kind = value.get("type", "")
    if kind not in value or (kind == "grouped" and value[kind] not in GROUPS):
        groups = ", ".join(sorted(GROUPS))
        raise ValueError(f"{value} is no type of column, such as grouped with one of {groups}")
    return value


def _one_output(value: dict[str, Any]) -> dict[str, Any]:
    if len(value) != 1:
        raise ValueError("a trainer has exactly one output, the model")
    return value


class _Strict(WireModel):
    model_config = ConfigDict(strict=True)


class _Column(_Strict):
    name: str = Field(min_length=1)
    description: str = Field(min_length=1)
    is_target: bool
    allow_multiple: bool
    optional: bool
    supported_types: list[Annotated[dict[str, str], AfterValidator(_supported_type)]] = Field(
        min_length=1
    )


class _Dataset(_Strict):
    role: str = Field(min_length=1)
    columns_type_specs: dict[str, _Column]


class _DatasetType(_Strict):
    type: Literal["dataset"]
    dataset: _Dataset


class _Input(_Strict):
    name: str = Field(min_length=1)
    description: str = Field(min_length=1)
    optional: bool
    type: _DatasetType


class _Alias(_Strict):
    alias: str = Field(min_length=1)
    description: str


class _Model(_Strict):
    model_api_aliases: list[_Alias]


class _ModelType(_Strict):
    type: Literal["model"]
    model: _Model


class _Output(_Strict):
    name: str = Field(min_length=1)
    description: str = Field(min_length=1)
    optional: bool
    type: _ModelType


_Text = Annotated[str, Field(min_length=1, max_length=4000)]


class _Specification(_Strict):
    """The fields of `TrainerSpecification` after a way through JSON."""

    model_config = ConfigDict(alias_generator=None, extra="forbid")

    trainer_id: Annotated[str, AfterValidator(_trainer_id)]
    version: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9.+_-]{0,99}$")]
    name: Annotated[str, Field(min_length=1, max_length=200)]
    type: TrainerType
    description: _Text
    config_schema: dict[str, Any]
    inputs: Annotated[dict[str, _Input], Field(min_length=1)]
    outputs: Annotated[dict[str, _Output], AfterValidator(_one_output)]
    implementation: Annotated[str, Field(pattern=r"^[A-Za-z_][\w.]*:[A-Za-z_]\w*$")]
    experimental: bool
    environment: str | None
    requires: list[str]


_SPECIFICATION: Final = TypeAdapter(_Specification)


def checked(specification: Mapping[str, Any], environment: str | None) -> TrainerSpecification:
    """Return a specification that came as JSON, to run in an environment.

    Raises
    ------
    InvalidSpecificationError
        With the first thing that is wrong with it.
    """
    try:
        parsed = _SPECIFICATION.validate_python(dict(specification))
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(map(str, first["loc"]))
        reason = first["msg"].removeprefix("Value error, ")
        raise InvalidSpecificationError(f"{place}: {reason}") from None
    try:
        _check_schema(parsed.config_schema)
    except InvalidSpecificationError:
        raise
    except Exception as error:  # a stranger's schema may hold whatever no one has thought of
        reason = f"{type(error).__name__}: {error}"[:300]
        raise InvalidSpecificationError(
            f"config_schema: it cannot be evaluated: {reason}"
        ) from error
    return TrainerSpecification(**{**specification, "environment": environment})


def _check_schema(schema: Mapping[str, Any]) -> None:
    if schema.get("$schema", _DIALECT) != _DIALECT:
        raise InvalidSpecificationError(f"config_schema: $schema is not {_DIALECT}")
    try:
        Draft202012Validator.check_schema(schema)
    except SchemaError as error:
        place = ".".join(["config_schema", *map(str, error.absolute_path)])
        raise InvalidSpecificationError(f"{place}: {error.message[:300]}") from None
    _check_references(schema)
    if schema.get("type") != "object" or schema.get("additionalProperties") is not False:
        raise InvalidSpecificationError(
            "config_schema: its type is object, and additionalProperties is false"
        )
    _check_properties(schema)


def _check_references(schema: Mapping[str, Any]) -> None:
    known = Registry().with_resource("", DRAFT202012.create_resource(schema)).resolver()
    for reference in _references(schema):
        if not reference.startswith("#"):  # following it would fetch it from the network
            raise InvalidSpecificationError(f"config_schema: $ref {reference!r} leads elsewhere")
        try:
            known.lookup(reference)
        except Unresolvable:
            raise InvalidSpecificationError(
                f"config_schema: $ref {reference!r} leads nowhere"
            ) from None


def _references(value: object) -> Iterator[str]:
    if isinstance(value, dict):
        for key, inner in value.items():
            if key in {"$ref", "$dynamicRef"} and isinstance(inner, str):
                yield inner
            yield from _references(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _references(inner)


def _check_properties(schema: Mapping[str, Any]) -> None:
    properties = schema.get("properties", {})
    for name, declared in properties.items():
        known = declared if isinstance(declared, dict) else {}  # true and false are schemas too
        lacking = [word for word in _DESCRIBED if word not in known]
        if lacking:
            raise InvalidSpecificationError(f"config_schema: {name} has no {', '.join(lacking)}")
    defaults = {name: declared["default"] for name, declared in properties.items()}
    for error in Draft202012Validator(schema).iter_errors(defaults):
        place = ".".join(map(str, error.absolute_path)) or "the defaults"
        raise InvalidSpecificationError(
            f"config_schema: the default of {place} is not valid: {error.message[:300]}"
        )
