"""Transactions, on both databases."""

from __future__ import annotations

import sqlite3
import threading
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

import databases
from modelstudio.errors import ConfigurationError
from modelstudio.kit.database import Database, parse_url, sqlite_url

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

counters = sa.Table(
    "counters",
    sa.MetaData(),
    sa.Column("name", sa.String(20), primary_key=True),
    sa.Column("value", sa.Integer, nullable=False),
)


@pytest.fixture(params=databases.DIALECTS)
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    if request.param == "sqlite":
        url = databases.new_sqlite(tmp_path)
    else:
        url = databases.new_postgres(request.getfixturevalue("postgres_url"))
    opened = Database(url)
    with opened.write() as tx:
        counters.create(tx)
        tx.execute(counters.insert().values(name="a", value=0))
    yield opened
    opened.close()


def value(tx: sa.Connection) -> int:
    found = tx.scalar(sa.select(counters.c.value).where(counters.c.name == "a"))
    assert found is not None
    return int(found)


def add_one(tx: sa.Connection) -> None:
    locked = tx.scalar(sa.select(counters.c.value).where(counters.c.name == "a").with_for_update())
    assert locked is not None
    tx.execute(counters.update().values(value=locked + 1))


def test_what_a_writer_wrote_is_there_after_its_end(database: Database) -> None:
    with database.write() as tx:
        add_one(tx)
    with database.read() as tx:
        assert value(tx) == 1


def test_a_writer_that_fails_has_written_nothing(database: Database) -> None:
    def fail() -> None:
        with database.write() as tx:
            add_one(tx)
            raise RuntimeError("changed its mind")

    with pytest.raises(RuntimeError):
        fail()
    with database.read() as tx:
        assert value(tx) == 0


def test_a_reader_does_not_see_what_is_not_committed(database: Database) -> None:
    with database.write() as writing:
        add_one(writing)
        with database.read() as reading:
            assert value(reading) == 0


def test_many_threads_that_read_and_then_write_lose_no_update(database: Database) -> None:
    failures: list[Exception] = []

    def work() -> None:
        try:
            for _ in range(20):
                with database.write() as tx:
                    add_one(tx)
        except Exception as error:  # noqa: BLE001 - shown below
            failures.append(error)

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    with database.read() as tx:
        assert value(tx) == 160


def test_two_processes_that_write_wait_for_each_other(database: Database) -> None:
    """Two `Database` objects share no lock of Python's, as two processes do not."""
    other = Database(database.url.render_as_string(hide_password=False))
    failures: list[Exception] = []

    def work(one: Database) -> None:
        try:
            for _ in range(20):
                with one.write() as tx:
                    add_one(tx)
        except Exception as error:  # noqa: BLE001 - shown below
            failures.append(error)

    threads = [threading.Thread(target=work, args=(one,)) for one in (database, other)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    other.close()
    assert failures == []
    with database.read() as tx:
        assert value(tx) == 40


def test_a_reader_on_sqlite_sees_one_snapshot(tmp_path: Path) -> None:
    database = Database(sqlite_url(tmp_path / "x.db"))
    with database.write() as tx:
        counters.create(tx)
        tx.execute(counters.insert().values(name="a", value=0))
    with database.read() as reading:
        assert value(reading) == 0
        with database.write() as writing:
            add_one(writing)
        assert value(reading) == 0
    with database.read() as reading:
        assert value(reading) == 1
    database.close()


def test_only_one_process_at_a_time_is_alone(database: Database) -> None:
    other = Database(database.url.render_as_string(hide_password=False))
    inside: list[int] = []
    most: list[int] = []

    def work(one: Database) -> None:
        for _ in range(10):
            with one.alone(), one.write() as tx:
                inside.append(1)
                most.append(len(inside))
                add_one(tx)
                inside.pop()

    threads = [threading.Thread(target=work, args=(one,)) for one in (database, other)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    other.close()
    assert len(most) == 20
    assert max(most) == 1


def test_a_direct_reader_sees_what_was_committed_and_writes_nothing(database: Database) -> None:
    reader = database.direct()
    statement = reader.statement("SELECT name, value FROM counters WHERE value >= ? AND name = ?")
    assert reader.rows(statement, (0, "a")) == [("a", 0)]
    with database.write() as tx:
        add_one(tx)
    assert reader.rows(statement, (1, "a")) == [("a", 1)]
    if database.is_sqlite:
        with pytest.raises(sqlite3.OperationalError, match="readonly"):
            reader.rows("UPDATE counters SET value = 9", ())
    reader.close()


@pytest.mark.parametrize("name", ["plain", "with space", "what?", "50%25", "a#b", "\u00e9\u6f22"])
def test_any_directory_name_can_hold_the_database(tmp_path: Path, name: str) -> None:
    path = tmp_path / name / "modelstudio.db"
    path.parent.mkdir()
    database = Database(sqlite_url(path))
    with database.write() as tx:
        counters.create(tx)
    assert path.exists()
    reader = database.direct()
    assert reader.rows("SELECT count(*) FROM counters", ()) == [(0,)]
    reader.close()
    database.close()


def test_a_broken_foreign_key_is_refused_on_sqlite(tmp_path: Path) -> None:
    database = Database(sqlite_url(tmp_path / "x.db"))
    with database.write() as tx:
        tx.exec_driver_sql("CREATE TABLE a (id INTEGER PRIMARY KEY)")
        tx.exec_driver_sql("CREATE TABLE b (a_id INTEGER REFERENCES a (id))")
    with pytest.raises(sa.exc.IntegrityError), database.write() as tx:
        tx.exec_driver_sql("INSERT INTO b VALUES (7)")
    database.close()


def test_an_error_of_the_database_does_not_show_values(database: Database) -> None:
    with pytest.raises(sa.exc.IntegrityError) as caught, database.write() as tx:
        tx.execute(counters.insert().values(name="a", value=771177))
    assert "771177" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "driver"),
    [
        ("sqlite:///x.db", "sqlite"),
        ("postgresql://u:p@h/d", "postgresql+psycopg"),
        ("postgres://u:p@h/d", "postgresql+psycopg"),
        ("postgresql+psycopg2://u:p@h/d", "postgresql+psycopg"),
    ],
)
def test_a_database_url_gets_the_driver_that_is_installed(text: str, driver: str) -> None:
    assert parse_url(text).drivername == driver


@pytest.mark.parametrize(
    "text", ["mysql://u:geheim@h/d", "geheim", "postgresql://u:geheim@h:x/d", "sqlite://"]
)
def test_another_database_url_is_refused_without_showing_the_password(text: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        parse_url(text)
    assert "geheim" not in str(caught.value)
