"""What the datasets' store promises, on both databases."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy.exc import IntegrityError

from databases import DIALECTS
from datasets.datasets_in_process import InProcess, database_url, open_in_process
from modelstudio.datasets.errors import OpenTransactionAlreadyExists, TransactionNotOpen
from modelstudio.datasets.schemas import Schema
from modelstudio.datasets.store import DatasetStore, File

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

STORE = DatasetStore()
THREADS = 6


@pytest.fixture(scope="module", params=DIALECTS)
def inside(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[InProcess]:
    directory = tmp_path_factory.mktemp("datasets-store")
    url = database_url(request.param, request, directory)
    with open_in_process(url, directory / "data") as opened:
        yield opened


@pytest.fixture
def dataset(inside: InProcess) -> str:
    return inside.new_dataset()


def put(inside: InProcess, rid: str, *paths: str) -> None:
    """Write files into an open transaction, without bytes."""
    with inside.database.write() as tx:
        for path in paths:
            STORE.put_file(tx, File(path, rid, f"blob of {path}"[:100], 1, 1))


def close(inside: InProcess, rid: str, status: str = "COMMITTED") -> None:
    with inside.database.write() as tx:
        STORE.close_transaction(tx, rid, status=status, at=2, schema_version=None)


def committed(inside: InProcess, dataset: str, type_: str, *paths: str) -> str:
    rid = inside.open(dataset, type_).rid
    put(inside, rid, *paths)
    close(inside, rid)
    return rid


def remove(inside: InProcess, dataset: str, *paths: str) -> str:
    """Commit a DELETE transaction."""
    rid = inside.open(dataset, "DELETE").rid
    with inside.database.write() as tx:
        for path in paths:
            STORE.put_file(tx, File(path, rid, None, 0, 1))  # type: ignore[arg-type]
    close(inside, rid)
    return rid


def in_threads(action: Callable[[int], Any]) -> list[Any]:
    barrier = threading.Barrier(THREADS)

    def run(number: int) -> Any:
        barrier.wait()
        try:
            return action(number)
        except Exception as error:  # noqa: BLE001 - the outcome is what is looked at
            return error

    with ThreadPoolExecutor(THREADS) as pool:
        return list(pool.map(run, range(THREADS)))


def test_a_view_begins_at_the_last_snapshot(inside: InProcess, dataset: str) -> None:
    first = committed(inside, dataset, "APPEND", "a")
    second = committed(inside, dataset, "APPEND", "b")
    third = committed(inside, dataset, "SNAPSHOT", "c")
    fourth = committed(inside, dataset, "UPDATE", "d", "c")
    assert inside.paths(first) == ["a"]
    assert inside.paths(second) == ["a", "b"]
    assert inside.paths(third) == ["c"]
    assert inside.paths(fourth) == ["c", "d"]


def test_the_newest_version_of_a_path_counts(inside: InProcess, dataset: str) -> None:
    first = committed(inside, dataset, "UPDATE", "a", "b")
    second = committed(inside, dataset, "UPDATE", "b")
    with inside.database.read() as tx:
        versions = {file.path: file.transaction_rid for file in STORE.view(tx, second)}
        assert versions == {"a": first, "b": second}
        found = STORE.view_file(tx, second, "b")
        assert found is not None
        assert found.transaction_rid == second
        assert STORE.view_file(tx, second, "c") is None


def test_a_removed_file_is_gone_until_it_is_written_again(inside: InProcess, dataset: str) -> None:
    committed(inside, dataset, "UPDATE", "a", "b")
    removed = remove(inside, dataset, "a")
    again = committed(inside, dataset, "UPDATE", "a")
    assert inside.paths(removed) == ["b"]
    assert inside.paths(again) == ["a", "b"]


def test_a_range_begins_at_its_start_or_a_later_snapshot(inside: InProcess, dataset: str) -> None:
    first = committed(inside, dataset, "UPDATE", "a")
    second = committed(inside, dataset, "UPDATE", "b")
    third = committed(inside, dataset, "SNAPSHOT", "c")
    fourth = committed(inside, dataset, "UPDATE", "d")
    assert inside.paths(second, start_rid=second) == ["b"]
    assert inside.paths(second, start_rid=first) == ["a", "b"]
    assert inside.paths(fourth, start_rid=first) == ["c", "d"]
    assert inside.paths(fourth, start_rid=third) == ["c", "d"]


def test_history_is_walked_past_snapshots(inside: InProcess, dataset: str) -> None:
    first = committed(inside, dataset, "UPDATE")
    second = committed(inside, dataset, "SNAPSHOT")
    third = committed(inside, dataset, "UPDATE")
    with inside.database.read() as tx:
        assert STORE.is_in_history(tx, first, of=third)
        assert STORE.is_in_history(tx, third, of=third)
        assert not STORE.is_in_history(tx, third, of=second)


def test_paths_are_ordered_by_code_point_and_paged(inside: InProcess, dataset: str) -> None:
    paths = ["Z", "a b", "a%b", "a/b", "aB", "a_b", "b", "é", "日本"]
    rid = committed(inside, dataset, "UPDATE", *paths[::-1])
    assert inside.paths(rid) == sorted(paths)
    walked: list[str] = []
    while page := inside.paths(rid, after=walked[-1] if walked else None, limit=2):
        walked += page
    assert walked == sorted(paths)


def test_a_prefix_is_no_pattern_and_minds_case(inside: InProcess, dataset: str) -> None:
    rid = committed(inside, dataset, "UPDATE", "a%b", "aXb", "A%b", "a_c", "a%", "日本語")
    assert inside.paths(rid, prefix="a%") == ["a%", "a%b"]
    assert inside.paths(rid, prefix="a_") == ["a_c"]
    assert inside.paths(rid, prefix="日本") == ["日本語"]


def test_the_longest_path_can_be_stored(inside: InProcess, dataset: str) -> None:
    longest = "é" * 512
    rid = committed(inside, dataset, "UPDATE", longest)
    assert inside.paths(rid) == [longest]


def test_a_file_written_twice_in_a_transaction_gives_the_first_blob_back(
    inside: InProcess, dataset: str
) -> None:
    rid = inside.open(dataset, "UPDATE").rid
    with inside.database.write() as tx:
        assert STORE.put_file(tx, File("a", rid, "blob 1", 1, 1)) is None
        assert STORE.put_file(tx, File("a", rid, "blob 2", 2, 2)) == "blob 1"
        transaction = STORE.transaction(tx, dataset, rid)
    assert transaction is not None
    assert transaction.revision == 2


def test_only_one_of_many_opens_a_transaction(inside: InProcess, dataset: str) -> None:
    outcomes = in_threads(lambda _: inside.open(dataset, "UPDATE").rid)
    assert sum(isinstance(outcome, str) for outcome in outcomes) == 1
    refused = [outcome for outcome in outcomes if not isinstance(outcome, str)]
    assert {type(error) for error in refused} == {OpenTransactionAlreadyExists}


def test_the_database_itself_refuses_a_second_open_transaction(
    inside: InProcess, dataset: str
) -> None:
    first = inside.open(dataset, "UPDATE")
    with pytest.raises(IntegrityError), inside.database.write() as tx:  # noqa: PT012
        again = {name: getattr(first, name) for name in first.__slots__}
        STORE.add_transaction(tx, type(first)(**{**again, "rid": f"{first.rid}x"}))


def test_only_one_of_many_closes_a_transaction(inside: InProcess, dataset: str) -> None:
    rid = inside.open(dataset, "UPDATE").rid

    def finish(number: int) -> Any:
        if number % 2:
            with inside.database.write() as tx:
                return inside.datasets.service.abort(tx, dataset, rid)[0].status
        return inside.commit(dataset, rid).status

    outcomes = in_threads(finish)
    statuses = [outcome for outcome in outcomes if isinstance(outcome, str)]
    assert statuses in (["COMMITTED"], ["ABORTED"])
    refused = [outcome for outcome in outcomes if not isinstance(outcome, str)]
    assert {type(error) for error in refused} == {TransactionNotOpen}
    with inside.database.read() as tx:
        branch = STORE.branch(tx, dataset, "master")
    assert branch is not None
    assert branch.transaction_rid == (rid if statuses == ["COMMITTED"] else None)


def test_an_aborted_transaction_gives_the_branch_and_the_blobs_back(
    inside: InProcess, dataset: str
) -> None:
    before = committed(inside, dataset, "UPDATE", "a")
    rid = inside.open(dataset, "UPDATE").rid
    put(inside, rid, "b", "c")
    with inside.database.write() as tx:
        aborted, blobs = inside.datasets.service.abort(tx, dataset, rid)
        branch = STORE.branch(tx, dataset, "master")
    assert aborted.status == "ABORTED"
    assert sorted(blobs) == ["blob of b", "blob of c"]
    assert branch is not None
    assert branch.transaction_rid == before
    assert inside.paths(committed(inside, dataset, "UPDATE", "d")) == ["a", "d"]


def test_branches_come_by_name(inside: InProcess, dataset: str) -> None:
    with inside.database.write() as tx:
        for name in ("Z", "a", "é"):
            STORE.add_branch(tx, dataset, name)
    with inside.database.read() as tx:
        names = [branch.name for branch in STORE.branches(tx, dataset, after=None, limit=9)]
        rest = [branch.name for branch in STORE.branches(tx, dataset, after="a", limit=1)]
    assert names == ["Z", "a", "master", "é"]
    assert rest == ["master"]


def test_a_schema_is_kept_as_it_was_given(inside: InProcess, dataset: str) -> None:
    fields = [{"name": "a", "type": "LONG", "nullable": True, "customMetadata": {"é": [1, None]}}]
    good = Schema(
        f"{dataset[-36:-2]}-1", dataset, put=True, fields=fields, problem=None, created_at=3
    )
    bad = Schema(f"{dataset[-36:-2]}-2", dataset, put=False, fields=None, problem="é", created_at=3)
    with inside.database.write() as tx:
        STORE.add_schema(tx, good)
        STORE.add_schema(tx, bad)
    other = inside.new_dataset()
    with inside.database.read() as tx:
        assert STORE.schema(tx, dataset, good.version_id) == good
        assert STORE.schema(tx, dataset, bad.version_id) == bad
        assert STORE.schema(tx, other, good.version_id) is None


def test_profiles_are_kept_with_the_files(inside: InProcess, dataset: str) -> None:
    rid = committed(inside, dataset, "UPDATE", f"{dataset} 1", f"{dataset} 2")
    with inside.database.write() as tx:
        STORE.set_profiles(tx, {f"blob of {dataset} 1": {"format": "CSV"}})
    with inside.database.read() as tx:
        profiles = [file.profile for file in STORE.profiled_view(tx, rid)]
    assert profiles == [{"format": "CSV"}, None]


def test_tables_that_are_not_used_are_forgotten(inside: InProcess, dataset: str) -> None:
    with inside.database.write() as tx:
        for number, used_at in ((1, 10), (2, 20), (3, 30)):
            STORE.add_table(tx, f"{dataset[-30:]}{number}", f"{dataset} {number}", at=used_at)
        STORE.use_table(tx, f"{dataset[-30:]}1", at=40)
        gone = STORE.forget_unused_tables(tx, before=30)
    assert gone == [f"{dataset} 2"]
    with inside.database.read() as tx:
        assert STORE.table(tx, f"{dataset[-30:]}1") == (f"{dataset} 1", 40)
        assert STORE.table(tx, f"{dataset[-30:]}2") is None
    with inside.database.write() as tx:
        assert len(STORE.forget_unused_tables(tx, before=100)) == 2
