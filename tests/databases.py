"""Fresh databases for tests, on either dialect."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

import sqlalchemy as sa

from modelstudio.kit.database import parse_url, sqlite_url

if TYPE_CHECKING:
    from pathlib import Path

DIALECTS = ("sqlite", "postgresql")


def new_sqlite(directory: Path) -> str:
    return sqlite_url(directory / f"{uuid.uuid4().hex}.db")


def new_postgres(server_url: str) -> str:
    """Create an empty database on a server; return its URL."""
    name = f"test_{uuid.uuid4().hex}"
    url = parse_url(server_url)
    engine = sa.create_engine(url, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.exec_driver_sql(f"CREATE DATABASE {name}")
    engine.dispose()
    return url.set(drivername="postgresql", database=name).render_as_string(hide_password=False)
