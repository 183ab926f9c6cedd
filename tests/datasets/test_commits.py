"""Which schema a commit leaves, and what it costs, seen from inside."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pyarrow.parquet as pq
import pytest

from databases import DIALECTS
from datasets.datasets_in_process import InProcess, database_url, open_in_process
from datasets.tables_in_process import column
from modelstudio.datasets.isolated import TaskError
from modelstudio.datasets.schemas import Field

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from modelstudio.datasets.service import DatasetView

PUT = [column("n", "STRING")]


@pytest.fixture(scope="module", params=DIALECTS)
def inside(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[InProcess]:
    directory = tmp_path_factory.mktemp("commits")
    url = database_url(request.param, request, directory)
    with open_in_process(url, directory / "data [1]*?", table_memory_bytes=1 << 29) as opened:
        yield opened


@pytest.fixture
def dataset(inside: InProcess) -> str:
    return inside.new_dataset()


def view(inside: InProcess, dataset: str) -> DatasetView:
    with inside.database.read() as tx:
        found = inside.datasets.service.latest_view(tx, dataset, "master")
    assert found is not None
    return found


def put_schema(inside: InProcess, dataset: str, fields: list[dict[str, Any]]) -> None:
    service = inside.datasets.service
    with inside.database.write() as tx:
        end = service.transaction(tx, dataset, view(inside, dataset).transaction_rid)
        service.put_schema(tx, end, fields)


def table(inside: InProcess, dataset: str) -> Any:
    rid = view(inside, dataset).transaction_rid
    with inside.datasets.service.table_file(dataset, rid) as path:
        return pq.read_table(path)


def test_another_domain_sees_columns_and_gets_a_parquet_file(
    inside: InProcess, dataset: str
) -> None:
    with inside.database.read() as tx:
        assert inside.datasets.service.latest_view(tx, dataset, "master") is None
        assert inside.datasets.service.latest_view(tx, dataset, "other") is None
    rid = inside.transaction(dataset, "SNAPSHOT", **{"a.csv": b"n,t\n1,x\n", "_log": b"hidden"})
    found = view(inside, dataset)
    assert found.fields == (Field("n", "LONG", nullable=True), Field("t", "STRING", nullable=True))
    assert (found.transaction_rid, found.problem) == (rid, None)
    assert table(inside, dataset).to_pydict() == {"n": [1], "t": ["x"]}
    inside.open(dataset, "UPDATE")
    assert view(inside, dataset) == found


def test_another_domain_gets_the_reason_why_there_is_no_table(
    inside: InProcess, dataset: str
) -> None:
    rid = inside.transaction(dataset, "SNAPSHOT", **{"a.csv": b"n\n1\n2,3\n"})
    found = view(inside, dataset)
    assert found.fields is None
    assert found.problem == "a.csv: Line 3 has 2 values, but the first line names 1 column."
    with (
        pytest.raises(ValueError, match=r"^a\.csv: Line 3 has 2 values"),
        inside.datasets.service.table_file(dataset, rid),
    ):
        pass


def test_a_schema_that_was_put_stays_while_the_data_fits(inside: InProcess, dataset: str) -> None:
    inside.transaction(dataset, "SNAPSHOT", **{"a.csv": b"n\n1\n"})
    put_schema(inside, dataset, PUT)
    inside.transaction(dataset, "APPEND", **{"b.csv": b"n\n2.5\n"})
    assert view(inside, dataset).fields == (Field("n", "STRING", nullable=True),)
    inside.transaction(dataset, "SNAPSHOT", **{"c.csv": b"n,m\n3,4\n"})
    assert view(inside, dataset).fields == (Field("n", "STRING", nullable=True),)
    assert table(inside, dataset).to_pydict() == {"n": ["3"]}


def test_new_data_that_does_not_fit_gets_a_schema_of_its_own(
    inside: InProcess, dataset: str
) -> None:
    inside.transaction(dataset, "SNAPSHOT", **{"a.csv": b"n\n1\n"})
    put_schema(inside, dataset, PUT)
    inside.transaction(dataset, "SNAPSHOT", **{"a.csv": b"m\n1\n"})
    assert view(inside, dataset).fields == (Field("m", "LONG", nullable=True),)


def test_added_data_that_does_not_fit_is_told_when_it_is_read(
    inside: InProcess, dataset: str
) -> None:
    inside.transaction(dataset, "SNAPSHOT", **{"a.csv": b"n\n1\n"})
    put_schema(inside, dataset, [column("n", "LONG")])
    inside.transaction(dataset, "APPEND", **{"b.csv": b"n\nx\n"})
    assert view(inside, dataset).fields == (Field("n", "LONG", nullable=True),)
    with pytest.raises(TaskError, match=r"^Column 'n' is not LONG: it has the value 'x'\.$"):
        table(inside, dataset)


def test_one_file_that_is_no_table_makes_the_view_none(inside: InProcess, dataset: str) -> None:
    inside.transaction(dataset, "SNAPSHOT", **{"a.csv": b"n\n1\n", "b.pdf": b"%PDF"})
    assert view(inside, dataset).problem == "b.pdf is neither CSV nor Parquet by its name."
    inside.transaction(dataset, "SNAPSHOT", **{"a.csv": b"n\n1\n", ".b.pdf": b"%PDF"})
    assert view(inside, dataset).problem is None


def test_a_file_is_looked_at_once(
    inside: InProcess, dataset: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked_at: list[str] = []
    run = inside.datasets.tables._tasks.run

    def watched(task: str, arguments: dict[str, Any], directory: Path) -> Any:
        if task == "profile":
            looked_at.extend(arguments["names"])
        return run(task, arguments, directory)

    monkeypatch.setattr(inside.datasets.tables._tasks, "run", watched)
    inside.transaction(dataset, "SNAPSHOT", **{"a.csv": b"n\n1\n"})
    inside.transaction(dataset, "APPEND", **{"b.csv": b"n\n2\n", "c.csv": b"n\n3\n"})
    inside.put(dataset, "d.csv", b"n\n4\n")
    table(inside, dataset)
    assert looked_at == ["a.csv", "b.csv", "c.csv", "d.csv"]


def test_files_that_change_under_a_commit_are_looked_at_again(
    inside: InProcess, dataset: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    rid = inside.open(dataset, "UPDATE").rid
    inside.put(dataset, "a.csv", b"n\n1\n", transaction_rid=rid)
    examined = inside.datasets.tables.examined
    changes = [b"n\nx\n", b"m,n\n1,2\n"]

    def meanwhile(files: Any) -> Any:
        known = examined(files)
        if changes:
            inside.put(dataset, "a.csv", changes.pop(), transaction_rid=rid)
        return known

    monkeypatch.setattr(inside.datasets.tables, "examined", meanwhile)
    inside.commit(dataset, rid)
    assert view(inside, dataset).fields == (Field("n", "STRING", nullable=True),)


def test_a_lost_file_does_not_keep_a_transaction_from_its_commit(
    inside: InProcess, dataset: str
) -> None:
    before = inside.blobs()
    rid = inside.open(dataset, "UPDATE").rid
    inside.put(dataset, "a.csv", b"n\n1\n", transaction_rid=rid)
    (blob,) = inside.blobs() - before
    data = blob.read_bytes()
    blob.unlink()
    assert inside.commit(dataset, rid).status == "COMMITTED"
    assert view(inside, dataset).problem == "A file is missing from the server's storage."
    blob.write_bytes(data)
    inside.put(dataset, "b.csv", b"n\n2\n")
    assert table(inside, dataset).to_pydict() == {"n": [1, 2]}


def test_a_server_that_cannot_look_now_leaves_the_transaction_open(
    inside: InProcess, dataset: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    rid = inside.open(dataset, "UPDATE").rid
    inside.put(dataset, "a.csv", b"n\n1\n", transaction_rid=rid)
    with monkeypatch.context() as patched:
        patched.setattr(inside.datasets.tables._tasks, "_closed", True)
        with pytest.raises(OSError, match="shutting down"):
            inside.commit(dataset, rid)
    assert inside.commit(dataset, rid).status == "COMMITTED"
    assert view(inside, dataset).fields == (Field("n", "LONG", nullable=True),)


def test_a_table_is_made_once_for_all_who_ask_at_the_same_time(
    inside: InProcess, dataset: str
) -> None:
    inside.transaction(dataset, "SNAPSHOT", **{"a.csv": b"n\n1\n"})
    before = inside.blobs()
    barrier = threading.Barrier(4)

    def read(_: int) -> Any:
        barrier.wait()
        return table(inside, dataset).to_pydict()

    with ThreadPoolExecutor(4) as threads:
        assert list(threads.map(read, range(4))) == [{"n": [1]}] * 4
    assert len(inside.blobs() - before) == 1


def test_another_schema_or_view_is_another_table(inside: InProcess, dataset: str) -> None:
    inside.transaction(dataset, "SNAPSHOT", **{"a.csv": b"n\n1\n"})
    assert table(inside, dataset).to_pydict() == {"n": [1]}
    put_schema(inside, dataset, PUT)
    assert table(inside, dataset).to_pydict() == {"n": ["1"]}
    inside.transaction(dataset, "UPDATE", **{"a.csv": b"n\n2\n"})
    assert table(inside, dataset).to_pydict() == {"n": ["2"]}
