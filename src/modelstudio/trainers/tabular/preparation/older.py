"""Reads preparations that were saved in earlier formats, so that their models answer as before."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

#: What treatments of format 2 did that later ones can be asked to do.
_TREATMENTS_OF_2: Final[Mapping[str, Mapping[str, Any]]] = {
    "numbers": {"strict": True, "precision": None},
    "number texts": {"part": "value"},
    "categories": {"part": "value", "alike": False},
}


def _of_2(state: Mapping[str, Any]) -> dict[str, Any]:
    columns = [
        {
            **column,
            "stand_in": None,
            "treatments": [
                {**treatment, **_TREATMENTS_OF_2.get(treatment["kind"], {})}
                for treatment in column["treatments"]
            ],
        }
        for column in state["columns"]
    ]
    return {**state, "columns": columns}


READERS: Final[Mapping[int, Callable[[Mapping[str, Any]], dict[str, Any]]]] = {2: _of_2}
