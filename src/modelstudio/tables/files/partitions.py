"""Columns that a file's folders tell: ``year=2024/part.csv`` is of the year 2024."""

from __future__ import annotations

from typing import Any, Final
from urllib.parse import unquote

from modelstudio.tables.readings import Evidence

_MISSING: Final = "__HIVE_DEFAULT_PARTITION__"
_LONGEST: Final = 18
_LONGEST_PADDED: Final = 2


def columns_of(path: str, known: list[dict[str, Any]], *, typed: bool) -> list[dict[str, Any]]:
    """Return the columns that a file's path adds to its own, as a profile has them.

    ``typed`` is for a form of file whose columns have types; a file's own column comes first.
    """
    taken = {column["name"].casefold() for column in known}
    found = []
    for folder in path.split("/")[:-1]:
        key, sign, text = folder.partition("=")
        name = unquote(key).strip()
        if not sign or not name or name.casefold() in taken:
            continue
        taken.add(name.casefold())
        value = _value(unquote(text))
        column: dict[str, Any] = {"name": name, "partition": value}
        found.append({**column, **(_type_of(value) if typed else _evidence_of(value))})
    return found


def _value(text: str) -> str | None:
    if text in {"", _MISSING}:
        return None
    if text.isdecimal() and len(text) <= _LONGEST_PADDED:  # month=01 is January
        return str(int(text))
    return text


def _is_whole(value: str) -> bool:
    """Whether a value is a number, and no code such as 01234."""
    return value.isdecimal() and len(value) <= _LONGEST and (value[0] != "0" or value == "0")


def _evidence_of(value: str | None) -> dict[str, Any]:
    return {"evidence": Evidence.of([value]).state()}


def _type_of(value: str | None) -> dict[str, Any]:
    kind = "LONG" if value is not None and _is_whole(value) else "STRING"
    return {
        "field": {"type": kind, "nullable": True},
        "zone": None,
        "empty": value is None,
    }
