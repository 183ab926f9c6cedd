"""`modelstudio db upgrade`, and several processes that make the same thing at once."""

from __future__ import annotations

import os
import subprocess
import sys
from contextlib import ExitStack
from typing import TYPE_CHECKING

import httpx
import pytest
import sqlalchemy as sa

import databases
from modelstudio import migrations
from modelstudio.filesystem.store import resources
from modelstudio.kit.database import Database
from support import MODELSTUDIO, RunningServer

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


@pytest.fixture(params=databases.DIALECTS)
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return databases.new_sqlite(tmp_path)
    return databases.new_postgres(request.getfixturevalue("postgres_url"))


def run(*arguments: str, **environment: str) -> subprocess.Popen[str]:
    kept = {name: value for name, value in os.environ.items() if "MODELSTUDIO_" not in name}
    return subprocess.Popen(
        [*MODELSTUDIO, *arguments],
        env={**kept, **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_an_empty_database_is_brought_to_the_newest_revision(url: str, tmp_path: Path) -> None:
    for _ in range(2):
        with run("db", "upgrade", "--data-dir", str(tmp_path / "d"), "--database-url", url) as done:
            out, err = done.communicate(timeout=30)
        assert done.returncode == 0, err
        assert f"database at revision {migrations.HEAD}" in err
        assert out == ""
    database = Database(url)
    assert migrations.current_revision(database) == migrations.HEAD
    database.close()


def test_processes_that_start_at_once_on_an_empty_database_agree(url: str, tmp_path: Path) -> None:
    environment = {"MODELSTUDIO_DATA_DIR": str(tmp_path / "d"), "MODELSTUDIO_DATABASE_URL": url}
    with ExitStack() as stack:
        create = ("token", "create", "--user", "ada")
        started = [stack.enter_context(run(*create, **environment)) for _ in range(4)]
        ended = [(process.communicate(timeout=60), process.returncode) for process in started]
    assert [(err, code) for (_, err), code in ended] == [("", 0)] * 4
    assert len({out for (out, _), _ in ended}) == 4
    database = Database(url)
    with database.read() as tx:
        names = tx.scalars(sa.select(resources.c.display_name)).all()
    database.close()
    assert sorted(names) == ["Home", "Main"]


def test_two_servers_serve_one_postgresql_database(
    start_server: Callable[..., RunningServer], postgres_url: str
) -> None:
    url = databases.new_postgres(postgres_url)
    first = start_server(MODELSTUDIO_DATABASE_URL=url)
    second = start_server(MODELSTUDIO_DATABASE_URL=url)
    rid = first.client().filesystem.Resource.get_by_path(path="/Main/Home").rid
    for server in (first, second):
        client = server.client(first.admin_token)
        assert client.filesystem.Project.get(rid).display_name == "Home"
    headers = {"authorization": f"Bearer {second.admin_token}"}
    answer = httpx.get(f"{first.url}/api/v2/filesystem/spaces", headers=headers)
    assert answer.status_code == 200


def test_the_help_of_every_command_is_shown_without_touching_anything(tmp_path: Path) -> None:
    for arguments in ([], ["serve"], ["demo"], ["token"], ["token", "create"], ["db", "upgrade"]):
        done = subprocess.run(
            [*MODELSTUDIO, *arguments, "--help"],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
            timeout=30,
        )
        assert done.returncode == 0
        assert "Usage" in done.stdout
    assert list(tmp_path.iterdir()) == []


def test_the_command_line_itself_loads_quickly() -> None:
    """Its help and its errors come before the web framework and the database are imported."""
    done = subprocess.run(
        [sys.executable, "-c", "import modelstudio.cli, sys; print('fastapi' in sys.modules)"],
        capture_output=True,
        text=True,
        check=True,
        timeout=30,
    )
    assert done.stdout == "False\n"
