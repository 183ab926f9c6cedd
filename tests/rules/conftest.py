"""The operations that the server answers, for the rules about them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from fastapi.routing import APIRoute

from modelstudio.app import create_app
from modelstudio.bootstrap import open_prepared
from modelstudio.settings import Settings
from modelstudio.studios.runs import OPERATION as RUNS
from rules.project_files import operation_key

if TYPE_CHECKING:
    from collections.abc import Iterator

    from modelstudio.kit.routing import Operation


@pytest.fixture(scope="session")
def facts() -> dict[tuple[str, str], dict[str, Any]]:
    """What clients expect of each operation."""
    listed = json.loads((Path(__file__).parent / "operations.json").read_text())
    return {operation_key(fact["method"], fact["path"]): fact for fact in listed}


@pytest.fixture(scope="session")
def routes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[APIRoute]]:
    """The routes of the application that have an operation, in the order they are tried."""
    foundation = open_prepared(Settings(data_dir=tmp_path_factory.mktemp("rules")))
    app = create_app(foundation)
    while not hasattr(app, "routes"):  # below the layers that wrap it
        app = app._app
    yield [
        route
        for route in app.routes
        if isinstance(route, APIRoute) and hasattr(route.endpoint, "__operation__")
    ]
    foundation.database.close()


@pytest.fixture(scope="session")
def mounted(routes: list[APIRoute]) -> dict[tuple[str, str], Operation]:
    """Every operation of the public API that the server answers."""
    found = [route.endpoint.__operation__ for route in routes]
    found.append(RUNS)  # answered before the framework, see studios/runs.py
    return {
        operation_key(spec.method, spec.path): spec
        for spec in found
        if spec.path.startswith("/api/")
    }
