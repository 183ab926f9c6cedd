"""The little of YAML that MLflow's files need; strings are quoted as JSON, which YAML reads."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator


def dumps(value: dict[str, Any]) -> str:
    """Write mappings, lists, texts, numbers, booleans and None."""
    return "\n".join(_lines(value, 0)) + "\n"


def _lines(value: Any, depth: int) -> Iterator[str]:
    indent = "  " * depth
    if isinstance(value, dict):
        for key, one in value.items():
            if isinstance(one, dict | list) and one:
                yield f"{indent}{_scalar(key)}:"
                yield from _lines(one, depth + 1)
            else:
                yield f"{indent}{_scalar(key)}: {_scalar(one)}"
    else:
        for one in value:
            if isinstance(one, dict | list) and one:
                first, *others = _lines(one, depth + 1)
                yield f"{indent}- {first.strip()}"
                yield from others
            else:
                yield f"{indent}- {_scalar(one)}"


def _scalar(value: Any) -> str:
    plain = isinstance(value, str) and value.isidentifier() and value.lower() not in _WORDS
    return str(value) if plain else json.dumps(value, ensure_ascii=False)


_WORDS = frozenset({"true", "false", "yes", "no", "on", "off", "null", "y", "n", "nan", "inf"})
