"""The run list reads an index, whatever the page, on both databases."""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

from modelstudio.studios.runs import page_sql
from studio_data import new_studio, open_server_data

if TYPE_CHECKING:
    from pathlib import Path

_CASES = list(product((False, True), repeat=2))
_INDEX = {False: "ix_studio_runs_newest", True: "ix_studio_runs_config_newest"}


_MANY_RUNS = sa.text(
    "INSERT INTO studio_runs (studio_id, config_version, started_at, build_rid, status, document)"
    " SELECT :studio, n % 50, n, 'plan ' || :studio || '.' || n, 'RUNNING', repeat('x', 400)"
    " FROM generate_series(1, 20000) AS n"
)


def _arguments(studio_id: int, *, of_config: bool, older: bool) -> tuple[int, ...]:
    config = [1] if of_config else []
    return (studio_id, *config, *([10_000, 1] if older else []), 101)


@pytest.mark.parametrize(("of_config", "older"), _CASES)
def test_sqlite_seeks_the_index_and_sorts_nothing(
    tmp_path: Path, of_config: bool, older: bool
) -> None:
    foundation = open_server_data(tmp_path)
    sql = page_sql(of_config=of_config, older=older)
    with foundation.database.read() as tx:
        plan = tx.exec_driver_sql(
            f"EXPLAIN QUERY PLAN {sql}", _arguments(1, of_config=of_config, older=older)
        ).all()
    foundation.database.close()
    (step,) = [row[3] for row in plan]
    assert step.startswith(f"SEARCH studio_runs USING INDEX {_INDEX[of_config]} (studio_id=?")
    assert ("started_at" in step) == older


@pytest.mark.parametrize(("of_config", "older"), _CASES)
def test_postgresql_seeks_the_index_and_sorts_nothing(
    tmp_path: Path, postgres_url: str, of_config: bool, older: bool
) -> None:
    foundation = open_server_data(tmp_path, postgres_url)
    studio = new_studio(foundation, versions=2)
    with foundation.database.write() as tx:
        tx.execute(_MANY_RUNS, {"studio": studio.id})
        tx.execute(sa.text("ANALYZE studio_runs"))
    sql = page_sql(of_config=of_config, older=older).replace("?", "%s")
    arguments = _arguments(studio.id, of_config=of_config, older=older)
    with foundation.database.read() as tx:
        plan = "\n".join(row[0] for row in tx.exec_driver_sql(f"EXPLAIN {sql}", arguments))
    foundation.database.close()
    assert f"Index Scan using {_INDEX[of_config]}" in plan
    assert "Sort" not in plan
    assert "Filter" not in plan
