"""The migrated schema is the one that the stores are written for."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

import modelstudio.app
from modelstudio import migrations
from modelstudio.kit.database import Database, metadata, sqlite_url

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

assert modelstudio.app  # registers every store's tables


@pytest.fixture(params=["sqlite", "postgresql"])
def empty(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    if request.param == "sqlite":
        database = Database(sqlite_url(tmp_path / "empty.db"))
    else:
        url = sa.make_url(request.getfixturevalue("postgres_url"))
        server = Database(url.render_as_string(hide_password=False))
        name = f"empty_{tmp_path.name}".lower().replace("-", "_").replace("[", "").replace("]", "")
        with server.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.execute(sa.text(f'CREATE DATABASE "{name}"'))
        server.close()
        database = Database(url.set(database=name).render_as_string(hide_password=False))
    yield database
    database.close()


def test_a_migrated_database_has_the_tables_of_the_stores(empty: Database) -> None:
    migrations.upgrade(empty)
    with empty.read() as tx, warnings.catch_warnings():
        # SQLite cannot reflect an index on an expression; there is one for PostgreSQL only.
        warnings.filterwarnings("ignore", "autogenerate skipping metadata-specified expression")
        options = {"compare_type": True, "include_object": _is_compared}
        context = MigrationContext.configure(tx, opts=options)
        differences = compare_metadata(context, metadata)
        indexes = {index["name"] for index in sa.inspect(tx).get_indexes("resources")}
    assert differences == []
    assert any(str(name).startswith("uq_resources_parent_rid") for name in indexes)


def _is_compared(_object: object, name: str | None, *_others: object) -> bool:
    """Leave out the index that each database has in its own form; it is looked for by name."""
    return not str(name).startswith("uq_resources_parent_rid")


def test_upgrading_twice_changes_nothing(empty: Database) -> None:
    migrations.upgrade(empty)
    migrations.upgrade(empty)
    assert migrations.current_revision(empty) == migrations.HEAD


def test_the_first_revision_can_be_taken_back(empty: Database) -> None:
    from alembic import command

    migrations.upgrade(empty)
    config = _config()
    with empty.write() as tx:
        config.attributes["connection"] = tx
        command.downgrade(config, "base")
    with empty.read() as tx:
        assert sa.inspect(tx).get_table_names() == ["alembic_version"]


def test_head_is_the_newest_revision() -> None:
    assert ScriptDirectory.from_config(_config()).get_current_head() == migrations.HEAD


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(migrations.__path__[0]))
    return config
