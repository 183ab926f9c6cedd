"""Pieces of the JSON Schemas in which trainers describe their configuration; plain data."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

JsonSchema = dict[str, Any]

DIALECT = "https://json-schema.org/draft/2020-12/schema"
MAXIMUM_SEED = 2**31 - 1


def configuration(
    title: str, properties: Mapping[str, Any], definitions: Mapping[str, Any]
) -> JsonSchema:
    """Return the schema of a custom configuration, which refuses properties it does not know."""
    return {
        "$schema": DIALECT,
        "title": title,
        "type": "object",
        "additionalProperties": False,
        "properties": dict(properties),
        "$defs": dict(definitions),
    }


def described(title: str, description: str, default: object, **keywords: Any) -> JsonSchema:
    return {"title": title, "description": description, "default": default, **keywords}


def readings() -> JsonSchema:
    """Return the property that says how columns of text are read."""
    return described(
        "Readings",
        "How columns of text are read, by column: 'date dd/mm/yyyy', 'date mm/dd/yyyy', "
        "'number 1.234,5', 'number 1,234.5', 'boolean yes/no', 'text' or 'text, missing: NA'. "
        "Only needed where the values allow two readings.",
        {},
        type="object",
        additionalProperties={"type": "string", "minLength": 1, "maxLength": 200},
    )


def choice(description: str, options: Mapping[str, str]) -> JsonSchema:
    return {
        "description": description,
        "oneOf": [
            {"type": "string", "const": value, "description": text}
            for value, text in options.items()
        ],
    }


def integer(description: str, minimum: int, maximum: int) -> JsonSchema:
    return {
        "description": f"{description}.",
        "type": "integer",
        "minimum": minimum,
        "maximum": maximum,
    }


def positive(description: str, maximum: float) -> JsonSchema:
    return {
        "description": f"{description}.",
        "type": "number",
        "exclusiveMinimum": 0,
        "maximum": maximum,
    }


def share(description: str) -> JsonSchema:
    return positive(description, 1)


def penalty(description: str) -> JsonSchema:
    return {"description": f"{description}.", "type": "number", "minimum": 0, "maximum": 1e9}


def hyperparameters_by_type(description: str, types: Mapping[str, str]) -> JsonSchema:
    """Return the property that holds hyperparameters; ``types`` are model types described.

    Each refers to its definition in ``hyperparameters``.
    """
    return described(
        "Hyperparameters",
        description,
        {},
        type="object",
        additionalProperties=False,
        properties={
            name: {
                "title": name,
                "description": text,
                "$ref": f"#/$defs/{name}Hyperparameters",
            }
            for name, text in types.items()
        },
    )


def hyperparameters(types: Mapping[str, Mapping[str, JsonSchema]]) -> dict[str, JsonSchema]:
    """Return the definition ``<type>Hyperparameters`` of each model type's parameters."""
    return {
        f"{model_type}Hyperparameters": {
            "title": f"{model_type} hyperparameters",
            "type": "object",
            "additionalProperties": False,
            "properties": {
                name: {"title": name, **definition} for name, definition in properties.items()
            },
        }
        for model_type, properties in types.items()
    }
