"""What the stores of experiments and series promise, on both databases."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

from experiments.in_process import InProcess, Run, metric, new_database, open_in_process
from modelstudio.bootstrap import prepare
from modelstudio.experiments.events import Parameter
from modelstudio.experiments.series import (
    CHUNK_POINTS,
    Point,
    Series,
    SeriesStore,
    experiment_series_chunks,
)
from modelstudio.experiments.store import ArtifactTable, ExperimentStore

if TYPE_CHECKING:
    from collections.abc import Iterator

STORE = ExperimentStore()
SERIES = SeriesStore()


@pytest.fixture(scope="module", params=["sqlite", "postgres"])
def inside(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[InProcess]:
    url = ""
    if request.param == "postgres":
        url = new_database(request.getfixturevalue("postgres_url"))
    with open_in_process(tmp_path_factory.mktemp("experiments-store"), url) as services:
        prepare(services.foundation)
        yield services


@pytest.fixture
def run(inside: InProcess) -> Run:
    return inside.launch()


def ramp(start: int, end: int) -> list[Point]:
    """Return points whose time, step and value say their offset."""
    return [Point(-offset, offset, offset / 2) for offset in range(start, end)]


def append(inside: InProcess, run: Run, **points: list[Point]) -> None:
    with inside.database.write() as tx:
        SERIES.append(tx, run.experiment_rid, points)


def series_of(inside: InProcess, run: Run) -> dict[str, Series]:
    with inside.database.read() as tx:
        return {one.name: one for one in SERIES.all(tx, run.experiment_rid)}


def read(inside: InProcess, series: Series, offset: int, limit: int) -> list[Point]:
    with inside.database.read() as tx:
        return SERIES.points(tx, series, offset, limit)


# series ---------------------------------------------------------------------------------------


def test_points_are_read_back_whatever_their_portions_were(inside: InProcess, run: Run) -> None:
    ends = [1, 2, 511, 512, 513, 1024, 2600, 2601]
    for start, end in zip([0, *ends], ends, strict=False):
        append(inside, run, loss=ramp(start, end))
    loss = series_of(inside, run)["loss"]
    assert (loss.length, loss.min, loss.max, loss.last) == (2601, 0.0, 1300.0, 1300.0)
    assert read(inside, loss, 0, 3000) == ramp(0, 2601)
    assert read(inside, loss, 510, 5) == ramp(510, 515)
    assert read(inside, loss, 2600, 10) == ramp(2600, 2601)
    assert read(inside, loss, 2601, 10) == []


def test_series_grow_side_by_side_and_keep_the_order_of_their_beginning(
    inside: InProcess, run: Run
) -> None:
    append(inside, run, zebra=ramp(0, 600), ant=ramp(0, 3))
    append(inside, run, moth=ramp(0, 1), ant=ramp(3, 700), empty=[])
    found = series_of(inside, run)
    assert {name: one.length for name, one in found.items()} == {
        "zebra": 600,
        "ant": 700,
        "moth": 1,
    }
    assert list(found) == ["zebra", "ant", "moth"]
    assert read(inside, found["ant"], 0, 1000) == ramp(0, 700)
    assert read(inside, found["zebra"], 0, 1000) == ramp(0, 600)


def test_the_largest_and_smallest_numbers_survive(inside: InProcess, run: Run) -> None:
    extremes = [
        Point(2**63 - 1, -(2**63), 1.7976931348623157e308),
        Point(0, 0, 5e-324),
        Point(-(2**63), 2**63 - 1, -1.7976931348623157e308),
    ]
    append(inside, run, loss=extremes)
    loss = series_of(inside, run)["loss"]
    assert read(inside, loss, 0, 10) == extremes
    assert (loss.min, loss.max) == (-1.7976931348623157e308, 1.7976931348623157e308)


def test_a_long_series_takes_few_rows(inside: InProcess, run: Run) -> None:
    for start in range(0, 3000, 30):
        append(inside, run, loss=ramp(start, start + 30))
    loss = series_of(inside, run)["loss"]
    with inside.database.read() as tx:
        rows = tx.scalar(
            sa.select(sa.func.count()).where(experiment_series_chunks.c.series_id == loss.id)
        )
    assert rows == -(-3000 // CHUNK_POINTS)


def test_a_series_belongs_to_its_experiment(inside: InProcess, run: Run) -> None:
    other = inside.launch()
    append(inside, run, loss=ramp(0, 1))
    append(inside, other, loss=ramp(0, 2))
    assert series_of(inside, run)["loss"].length == 1
    with inside.database.read() as tx:
        assert SERIES.named(tx, run.experiment_rid, ["none"]) == []


def test_reports_of_one_experiment_at_the_same_time_lose_nothing(
    inside: InProcess, run: Run
) -> None:
    def report(number: int) -> None:
        inside.record(run, *[metric("loss", float(number), step=number) for _ in range(70)])

    with ThreadPoolExecutor(6) as threads:
        list(threads.map(report, range(20)))
    loss = series_of(inside, run)["loss"]
    assert (loss.length, loss.min, loss.max) == (1400, 0.0, 19.0)
    steps = [point.step for point in read(inside, loss, 0, 2000)]
    assert sorted(steps) == sorted(list(range(20)) * 70)
    with inside.database.read() as tx:
        experiment = STORE.find(tx, run.model_rid, run.experiment_rid)
    assert experiment is not None
    assert experiment.metric_values == 1400


# the rest -------------------------------------------------------------------------------------


def test_an_experiment_is_found_under_its_own_model_only(inside: InProcess, run: Run) -> None:
    with inside.database.read() as tx:
        found = STORE.find(tx, run.model_rid, run.experiment_rid)
        assert STORE.find(tx, inside.launch().model_rid, run.experiment_rid) is None
    assert found is not None
    assert (found.rid, found.status, found.job_rid) == (run.experiment_rid, "RUNNING", run.job_rid)
    assert found.metrics_truncated is False


def test_parameters_keep_the_order_in_which_they_were_first_given(
    inside: InProcess, run: Run
) -> None:
    first = [Parameter(name, "string", name) for name in ("z", "a", "ä")]
    second = [Parameter("b", "integer", "1"), Parameter("a", "double", "0.5")]
    with inside.database.write() as tx:
        STORE.put_parameters(tx, run.experiment_rid, set(), first)
        STORE.put_parameters(tx, run.experiment_rid, {"z", "a", "ä"}, second)
        assert STORE.parameters(tx, run.experiment_rid) == [
            first[0],
            second[1],
            first[2],
            second[0],
        ]


def test_summary_metrics_keep_their_order(inside: InProcess, run: Run) -> None:
    metrics = {"rmse": 1.5, "a/mae": -2.0}
    with inside.database.write() as tx:
        STORE.add_summary_metrics(tx, run.experiment_rid, {})
        STORE.add_summary_metrics(tx, run.experiment_rid, metrics)
        assert list(STORE.summary_metrics(tx, run.experiment_rid).items()) == list(metrics.items())


def test_a_table_replaces_the_one_of_its_name(inside: InProcess, run: Run) -> None:
    first = ArtifactTable("a/b", "", 1, 2**40, "key1")
    second = ArtifactTable("a/b", "ä", 100_000, 3, "key2")
    with inside.database.write() as tx:
        assert STORE.put_table(tx, run.experiment_rid, first) is None
        assert STORE.table(tx, run.experiment_rid, "a/b") == first
        assert STORE.put_table(tx, run.experiment_rid, second) == "key1"
        assert STORE.tables(tx, run.experiment_rid) == [second]
        assert STORE.table(tx, run.experiment_rid, "a") is None
