"""The database schema's history, and bringing a database up to date."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

import sqlalchemy as sa

if TYPE_CHECKING:
    from modelstudio.kit.database import Database

#: The newest revision. Kept here so that a start on a current database need not load Alembic.
HEAD: Final = "0002"


def current_revision(database: Database) -> str | None:
    """Return the revision the database is at, None for an empty one."""
    with database.read() as tx:
        if not sa.inspect(tx).has_table("alembic_version"):
            return None
        found = tx.scalar(sa.text("SELECT version_num FROM alembic_version"))
        return None if found is None else str(found)


def upgrade(database: Database) -> None:
    """Bring the database to the newest revision; does nothing on a current one."""
    if current_revision(database) == HEAD:
        return
    from alembic import command  # noqa: PLC0415 - takes 0.3 s, needed only when there is work
    from alembic.config import Config  # noqa: PLC0415

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent))
    with database.write() as tx:
        config.attributes["connection"] = tx
        command.upgrade(config, "head")
