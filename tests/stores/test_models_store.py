"""What the store of models promises, on both databases."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from experiments.in_process import InProcess, Run, new_database, open_in_process
from modelstudio.bootstrap import prepare
from modelstudio.models.store import ModelStore, ModelVersion

if TYPE_CHECKING:
    from collections.abc import Iterator

    import sqlalchemy as sa

STORE = ModelStore()


@pytest.fixture(scope="module", params=["sqlite", "postgres"])
def inside(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[InProcess]:
    url = ""
    if request.param == "postgres":
        url = new_database(request.getfixturevalue("postgres_url"))
    with open_in_process(tmp_path_factory.mktemp("models-store"), url) as services:
        prepare(services.foundation)
        yield services


@pytest.fixture
def model(inside: InProcess) -> str:
    return inside.new_model()


def listed(inside: InProcess, model: str, before: int | None = None) -> list[ModelVersion]:
    with inside.database.read() as tx:
        return STORE.versions(tx, model, "master", before=before, limit=100)


def rids_of(versions: list[ModelVersion]) -> list[str]:
    return [version.rid for version in versions]


def published(inside: InProcess, model: str, count: int) -> list[Run]:
    runs = [inside.launch(model) for _ in range(count)]
    for run in runs:
        inside.publish(run)
    return runs


def test_versions_come_newest_first_and_continue_below_a_sequence(
    inside: InProcess, model: str
) -> None:
    runs = published(inside, model, 4)
    newest_first = [run.version_rid for run in runs[::-1]]
    all_of_them = listed(inside, model)
    assert rids_of(all_of_them) == newest_first
    assert [version.sequence for version in all_of_them] == [4, 3, 2, 1]
    assert rids_of(listed(inside, model, before=3)) == newest_first[2:]
    assert listed(inside, model, before=1) == []
    with inside.database.read() as tx:
        assert (
            rids_of(STORE.versions(tx, model, "master", before=None, limit=2)) == (newest_first[:2])
        )


def test_a_version_is_read_back_as_it_was_written(inside: InProcess, model: str) -> None:
    run = inside.launch(model, branch="dev/ä")
    inside.publish(run, conda_requirements=["ü=1"], model_api={"inputs": [], "outputs": []})
    with inside.database.read() as tx:
        version = STORE.version(tx, model, run.version_rid)
        assert version == STORE.versions(tx, model, "dev/ä", before=None, limit=9)[0]
    assert version is not None
    assert (version.branch, version.experiment_rid) == ("dev/ä", run.experiment_rid)
    assert (version.model_api, version.conda_requirements) == (
        {"inputs": [], "outputs": []},
        ["ü=1"],
    )
    assert version.source["type"] == "modelStudio"


def test_what_is_not_published_is_not_there(inside: InProcess, model: str) -> None:
    run = inside.launch(model)
    with inside.database.read() as tx:
        assert STORE.version(tx, model, run.version_rid) is None
        assert STORE.package(tx, run.version_rid) is None
    assert listed(inside, model) == []


def test_a_publication_that_is_rolled_back_leaves_nothing(inside: InProcess, model: str) -> None:
    run = inside.launch(model)

    def publish_and_fail() -> None:
        with inside.database.write() as tx:
            assert publish(tx, run)
            raise RuntimeError("the transaction fails later")

    with pytest.raises(RuntimeError):
        publish_and_fail()
    assert listed(inside, model) == []
    inside.publish(run)
    assert [version.sequence for version in listed(inside, model)] == [1]


def publish(tx: sa.Connection, run: Run) -> bool:
    return STORE.publish(
        tx,
        run.version_rid,
        model_api={},
        conda_requirements=[],
        predictor="a:B",
        blob_key="k",
        at=1,
    )


def test_publications_at_the_same_time_all_get_a_place_of_their_own(
    inside: InProcess, model: str
) -> None:
    runs = [inside.launch(model) for _ in range(16)]
    with ThreadPoolExecutor(8) as threads:
        list(threads.map(inside.publish, runs))
    versions = listed(inside, model)
    assert [version.sequence for version in versions] == list(range(16, 0, -1))
    assert set(rids_of(versions)) == {run.version_rid for run in runs}


def test_one_version_published_twice_at_the_same_time_is_published_once(
    inside: InProcess, model: str
) -> None:
    run = inside.launch(model)

    def try_to_publish(_: int) -> bool:
        try:
            inside.publish(run)
        except LookupError:
            return False
        return True

    with ThreadPoolExecutor(4) as threads:
        assert sorted(threads.map(try_to_publish, range(4))) == [False, False, False, True]
    assert len(listed(inside, model)) == 1


def test_no_version_appears_below_one_that_was_already_seen(inside: InProcess, model: str) -> None:
    runs = [inside.launch(model) for _ in range(30)]
    done = threading.Event()
    seen: list[list[int]] = []

    def watch() -> None:
        while not done.is_set():
            seen.append([version.sequence for version in listed(inside, model)])

    watching = threading.Thread(target=watch)
    watching.start()
    with ThreadPoolExecutor(4) as threads:
        list(threads.map(inside.publish, runs))
    done.set()
    watching.join()
    assert seen
    # Sequences without a gap: whatever comes later is above all that was there.
    assert all(page == list(range(len(page), 0, -1)) for page in seen)
