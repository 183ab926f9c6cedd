"""Reads preparations that were saved in earlier formats, so that their models answer as before."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_OF_2: Final = frozenset({"numbers", "booleans", "number texts", "moments"})


def _of_2(state: Mapping[str, Any]) -> dict[str, Any]:
    columns = [
        {
            **column,
            "stand_in": None,
            "without": [],
            "treatments": [_treatment(treatment) for treatment in column["treatments"]],
        }
        for column in state["columns"]
    ]
    return {**state, "columns": columns}


def _treatment(state: Mapping[str, Any]) -> dict[str, Any]:
    if state["kind"] == "categories":
        return {**state, "part": "value", "alike": False}
    return {**state, "kind": f"{state['kind']} 2"} if state["kind"] in _OF_2 else dict(state)


READERS: Final[Mapping[int, Callable[[Mapping[str, Any]], dict[str, Any]]]] = {2: _of_2}
