"""Every operation of the API that the server has is the operation that clients expect.

`operations.json` states the facts about each public operation: where it is, the scopes it asks
for, whether it is in preview, its success status and the names of its errors.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from fastapi.routing import APIRoute
from starlette.routing import Match

from modelstudio.app import create_app
from modelstudio.bootstrap import open_prepared
from modelstudio.settings import Settings
from modelstudio.studios.runs import OPERATION as RUNS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from modelstudio.kit.routing import Operation

FACTS = {
    (fact["method"], re.sub(r"{\w+}", "{}", fact["path"])): fact
    for fact in json.loads((Path(__file__).parent / "operations.json").read_text())
}


def routes_of(app: Any) -> list[APIRoute]:
    """Return the routes below the layers that wrap the application."""
    while not hasattr(app, "routes"):
        app = app._app
    return [route for route in app.routes if isinstance(route, APIRoute)]


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    foundation = open_prepared(Settings(data_dir=tmp_path_factory.mktemp("operations")))
    yield create_app(foundation)
    foundation.database.close()


@pytest.fixture(scope="module")
def mounted(app: Any) -> dict[tuple[str, str], Operation]:
    found = [getattr(route.endpoint, "__operation__", None) for route in routes_of(app)]
    found.append(RUNS)  # answered before the framework, see studios/runs.py
    return {
        (spec.method, re.sub(r"{\w+}", "{}", spec.path)): spec
        for spec in found
        if spec is not None and spec.path.startswith("/api/")
    }


def test_every_mounted_operation_is_one_that_clients_know(mounted: dict[Any, Operation]) -> None:
    assert mounted
    assert set(mounted) <= set(FACTS)


def test_no_operation_stands_in_the_way_of_another(app: Any) -> None:
    hidden = []
    routes = [route for route in routes_of(app) if hasattr(route.endpoint, "__operation__")]
    for route in routes:
        scope = {
            "type": "http",
            "method": route.endpoint.__operation__.method,
            "path": re.sub(r"{\w+}", "x", route.path),
            "headers": [],
        }
        first = next(other for other in routes if other.matches(scope)[0] == Match.FULL)
        if first is not route:
            hidden.append((route.path, first.path))
    assert not hidden


def test_scopes_preview_and_status_are_those_that_clients_know(
    mounted: dict[Any, Operation],
) -> None:
    ours = {
        key: (sorted(spec.scopes), spec.preview, spec.status)
        for key, spec in mounted.items()
        if key in FACTS
    }
    theirs = {
        key: (FACTS[key]["scopes"], FACTS[key]["preview"], FACTS[key]["status"]) for key in ours
    }
    assert ours == theirs


def test_an_operation_declares_no_error_that_clients_do_not_know(
    mounted: dict[Any, Operation],
) -> None:
    unknown = {
        key: surplus
        for key, spec in mounted.items()
        if key in FACTS and (surplus := {e.name for e in spec.errors} - set(FACTS[key]["errors"]))
    }
    assert not unknown
