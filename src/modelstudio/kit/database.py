"""The database: one schema, two dialects, transactions that say what they are.

SQLite is opened in WAL mode: readers never wait, and one writer at a time holds a process-wide
lock before it asks SQLite for its own, so that threads queue instead of polling. PostgreSQL uses
its defaults (READ COMMITTED); a store that needs more locks its rows with ``with_for_update``.
"""

from __future__ import annotations

import sqlite3
import threading
from contextlib import contextmanager, nullcontext
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.engine import URL, make_url

from modelstudio.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

_BUSY_SECONDS: Final = 30.0
_START_UP_LOCK: Final = 0x6D6F64656C  # any number that nothing else in the database uses
_NAMING: Final = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "fk": "fk_%(table_name)s_%(column_0_name)s",
    "pk": "pk_%(table_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
}

#: Every table of every domain's store is registered here.
metadata: Final = sa.MetaData(naming_convention=_NAMING)


def sqlite_url(path: Path) -> str:
    return URL.create("sqlite", database=str(path)).render_as_string()


def parse_url(text: str) -> URL:
    """Return the URL with the driver this project uses for its dialect.

    Raises
    ------
    ConfigurationError
        For what is no URL, and for a database other than a SQLite file and PostgreSQL.
    """
    try:
        url = make_url(text)
    except (sa.exc.ArgumentError, ValueError):  # the message holds the URL, and so the password
        raise ConfigurationError("the database URL is malformed; see docs/settings.md") from None
    backend = url.get_backend_name()
    if backend == "sqlite":
        if url.database in {None, "", ":memory:"}:
            raise ConfigurationError("a SQLite database must be a file")
        return url.set(drivername="sqlite")
    if backend in {"postgresql", "postgres"}:
        return url.set(drivername="postgresql+psycopg")
    raise ConfigurationError(f"database {backend!r} is not supported; use sqlite or postgresql")


class Database:
    """A pool of connections and the transactions on them; safe to share between threads."""

    def __init__(self, url: str, *, pool_size: int = 10) -> None:
        self.url = parse_url(url)
        self.is_sqlite = self.url.get_backend_name() == "sqlite"
        arguments: dict[str, Any] = (
            {"check_same_thread": False, "timeout": _BUSY_SECONDS} if self.is_sqlite else {}
        )
        self.engine = sa.create_engine(
            self.url,
            connect_args=arguments,
            pool_size=pool_size,
            max_overflow=40,
            pool_pre_ping=not self.is_sqlite,
            hide_parameters=True,  # values of users do not belong in the log
        )
        self._writer = threading.RLock() if self.is_sqlite else nullcontext()
        if self.is_sqlite:
            _configure_sqlite(self.engine)

    @contextmanager
    def read(self) -> Iterator[sa.Connection]:
        """Open a transaction that only reads; it sees one snapshot on SQLite."""
        with self.engine.connect() as connection, connection.begin():
            yield connection

    @contextmanager
    def write(self) -> Iterator[sa.Connection]:
        """Open a transaction that may write; commits at the end, rolls back on an exception."""
        with (
            self._writer,
            self.engine.connect().execution_options(modelstudio_write=True) as connection,
            connection.begin(),
        ):
            yield connection

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Keep other processes out of this block, for what is done once for all of them.

        SQLite needs no such lock: there the transactions themselves wait for each other.
        """
        if self.is_sqlite:
            yield
            return
        with self.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.execute(sa.select(sa.func.pg_advisory_lock(_START_UP_LOCK)))
            try:
                yield
            finally:
                connection.execute(sa.select(sa.func.pg_advisory_unlock(_START_UP_LOCK)))

    def direct(self) -> DirectReader:
        """Open a reader that skips SQLAlchemy; for hot paths only."""
        if self.is_sqlite:
            return SqliteReader(str(self.url.database))
        return PostgresReader(self.url)

    def close(self) -> None:
        self.engine.dispose()


def _configure_sqlite(engine: sa.Engine) -> None:
    @event.listens_for(engine, "connect")
    def on_connect(connection: sqlite3.Connection, _record: object) -> None:
        connection.isolation_level = None  # transactions begin where we say so
        connection.execute("PRAGMA journal_mode = WAL")
        # FULL: a launched run survives a power cut, at the price of one fsync a commit.
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA foreign_keys = ON")

    @event.listens_for(engine, "begin")
    def on_begin(connection: sa.Connection) -> None:
        write = connection.get_execution_options().get("modelstudio_write", False)
        # IMMEDIATE: a transaction that starts by reading and writes later would fail with
        # "database is locked" when another writer came in between.
        connection.exec_driver_sql("BEGIN IMMEDIATE" if write else "BEGIN")


class DirectReader:
    """Runs prepared SQL and returns plain tuples. Statements use ``?`` for parameters.

    ``blocking`` says whether a call may wait for a network; if so keep it off the event loop.
    """

    blocking: bool

    def statement(self, sql: str) -> str:
        """Return the SQL in this dialect's parameter style."""
        raise NotImplementedError

    def rows(self, statement: str, parameters: Sequence[Any]) -> list[tuple[Any, ...]]:
        raise NotImplementedError

    def close(self) -> None:
        raise NotImplementedError


class SqliteReader(DirectReader):
    """One read-only connection.

    A read of an indexed page takes microseconds, so it may run on the event loop.
    """

    blocking = False

    def __init__(self, path: str) -> None:
        self._connection = sqlite3.connect(
            f"file:{quote(path)}?mode=ro",
            uri=True,
            check_same_thread=False,
            isolation_level=None,
            timeout=_BUSY_SECONDS,
        )
        self._connection.execute("PRAGMA query_only = ON")

    def statement(self, sql: str) -> str:
        return sql

    def rows(self, statement: str, parameters: Sequence[Any]) -> list[tuple[Any, ...]]:
        return self._connection.execute(statement, parameters).fetchall()

    def close(self) -> None:
        self._connection.close()


class PostgresReader(DirectReader):
    """A small pool of autocommit connections that prepare their statements."""

    blocking = True

    def __init__(self, url: URL) -> None:
        from psycopg_pool import ConnectionPool  # noqa: PLC0415 - only with PostgreSQL

        conninfo = url.set(drivername="postgresql").render_as_string(hide_password=False)
        self._pool = ConnectionPool(
            conninfo,
            min_size=1,
            max_size=16,
            kwargs={"autocommit": True, "prepare_threshold": 0},
            open=True,
        )

    def statement(self, sql: str) -> str:
        return sql.replace("?", "%s")

    def rows(self, statement: str, parameters: Sequence[Any]) -> list[tuple[Any, ...]]:
        with self._pool.connection() as connection:
            return connection.execute(statement, parameters).fetchall()

    def close(self) -> None:
        self._pool.close()
