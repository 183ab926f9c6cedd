"""Every operation of the API that the server has is the operation that clients expect.

`operations.json` states the facts about each public operation: where it is, the scopes it asks
for, whether it is in preview, its success status and the names of its errors.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, TypeAlias

from starlette.routing import Match

if TYPE_CHECKING:
    from fastapi.routing import APIRoute

    from modelstudio.kit.routing import Operation

    Mounted: TypeAlias = dict[tuple[str, str], Operation]
    Facts: TypeAlias = dict[tuple[str, str], dict[str, Any]]


def test_every_mounted_operation_is_one_that_clients_know(mounted: Mounted, facts: Facts) -> None:
    assert mounted
    assert set(mounted) <= set(facts)


def test_no_operation_stands_in_the_way_of_another(routes: list[APIRoute]) -> None:
    hidden = []
    for route in routes:
        scope = {
            "type": "http",
            "method": next(iter(route.methods)),
            "path": re.sub(r"{\w+}", "x", route.path),
            "headers": [],
        }
        first = next(other for other in routes if other.matches(scope)[0] == Match.FULL)
        if first is not route:
            hidden.append((route.path, first.path))
    assert not hidden


def test_scopes_preview_and_status_are_those_that_clients_know(
    mounted: Mounted, facts: Facts
) -> None:
    ours = {
        key: (sorted(spec.scopes), spec.preview, spec.status)
        for key, spec in mounted.items()
        if key in facts
    }
    theirs = {
        key: (facts[key]["scopes"], facts[key]["preview"], facts[key]["status"]) for key in ours
    }
    assert ours == theirs


def test_an_operation_declares_no_error_that_clients_do_not_know(
    mounted: Mounted, facts: Facts
) -> None:
    unknown = {
        key: surplus
        for key, spec in mounted.items()
        if key in facts and (surplus := {e.name for e in spec.errors} - set(facts[key]["errors"]))
    }
    assert not unknown
