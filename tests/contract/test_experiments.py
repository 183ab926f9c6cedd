"""Experiments, their series and tables, with the official client on a real server process."""

from __future__ import annotations

import asyncio
import json
import math
import uuid
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pytest
from foundry_sdk import BadRequestError
from foundry_sdk.v2.models.errors import (
    ExperimentArtifactNotFound,
    ExperimentNotFound,
    ExperimentSeriesNotFound,
    ModelExperimentNotFound,
)

from experiments.in_process import (
    NAMES,
    TIME,
    InProcess,
    Run,
    metric,
    new_async_client,
    open_in_process,
    parameter,
    to_parquet,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from foundry_sdk import FoundryClient

    from support import RunningServer


@pytest.fixture
def inside(server: RunningServer) -> Iterator[InProcess]:
    """The server's own services, on its database."""
    with open_in_process(server.data_dir) as services:
        yield services


@pytest.fixture
def run(inside: InProcess) -> Run:
    return inside.launch()


@pytest.fixture
def experiment(client: FoundryClient) -> Any:
    return client.models.Model.Experiment


def location(run: Run) -> tuple[str, str]:
    return run.model_rid, run.experiment_rid


def test_a_running_experiment_shows_what_was_reported_so_far(
    experiment: Any, inside: InProcess, run: Run
) -> None:
    inside.record(
        run,
        metric("train/loss", 0.5, step=1),
        parameter("epochs", "integer", 2**62),
        metric("train/loss", 0.25, step=2),
        parameter("early stopping", "boolean", False),
        parameter("rate", "double", 1e-5),
        parameter("preset", "string", "true"),
        parameter("cut-off", "datetime", "2024-02-29T12:00:00.5+02:00"),
    )
    inside.record_table(run, "leaderboard", to_parquet(pa.table({"a": [1, 2]})), rows=2)
    found = experiment.get(*location(run), preview=True)
    assert (found.rid, found.model_rid) == (run.experiment_rid, run.model_rid)
    assert (found.status, found.status_message, found.linked_model_version) == (
        "RUNNING",
        None,
        None,
    )
    assert (found.branch, found.source.type, found.job_rid) == ("master", "sdk", run.job_rid)
    assert (found.tags, found.summary_metrics) == ([], [])
    assert found.created_by == inside.user_id("admin")
    assert {one.name: one.value.value for one in found.parameters} == {
        "epochs": 2**62,
        "early stopping": False,
        "rate": 1e-5,
        "preset": "true",
        "cut-off": datetime(2024, 2, 29, 10, 0, 0, 500_000, tzinfo=UTC),
    }
    [series] = found.series
    assert (series.name, series.length) == ("train/loss", 2)
    assert (series.value.min, series.value.max, series.value.last) == (0.25, 0.5, 0.25)
    [table] = found.artifacts.values()
    assert (table.name, table.description, table.details.row_count) == (
        "leaderboard",
        "about leaderboard",
        2,
    )


def test_a_succeeded_experiment_links_its_version_and_has_summary_metrics(
    experiment: Any, inside: InProcess, run: Run
) -> None:
    inside.record(run, metric("rmse", 3.0), metric("rmse", 2.0, step=1))
    inside.publish(run)
    inside.succeed(run, rmse=2.0, mae=1.5, broken=math.inf)
    found = experiment.get(*location(run), preview=True)
    assert (found.status, found.linked_model_version) == ("SUCCEEDED", run.version_rid)
    assert [(m.series_name, m.aggregation, m.value) for m in found.summary_metrics] == [
        ("rmse", "LAST", 2.0),
        ("mae", "LAST", 1.5),
    ]
    assert [(one.name, one.length, one.value.last) for one in found.series] == [
        ("rmse", 2, 2.0),
        ("mae", 1, 1.5),
    ]


def test_a_failed_experiment_says_why_and_links_nothing(
    experiment: Any, inside: InProcess, run: Run
) -> None:
    inside.record(run, metric("loss", 1.0))
    inside.fail(run, "No models trained")
    found = experiment.get(*location(run), preview=True)
    assert (found.status, found.status_message) == ("FAILED", "No models trained")
    assert found.linked_model_version is None
    assert len(found.series) == 1


# series ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", NAMES)
def test_a_series_is_read_by_whatever_its_name_is(
    experiment: Any, inside: InProcess, run: Run, name: str
) -> None:
    inside.record(run, metric(name, 0.5, step=7), metric(name + "x", 1.0))
    series = experiment.Series.json(*location(run), name, preview=True)
    assert series.type == "doubleV1"
    assert [(p.value, p.timestamp, p.step) for p in series.series] == [(0.5, TIME, 7)]
    table = experiment.Series.parquet(*location(run), name, preview=True).to_pyarrow()
    assert table.to_pylist() == [{"value": 0.5, "timestamp": TIME, "step": 7}]


def test_times_and_steps_are_strings_on_the_wire(
    experiment: Any, inside: InProcess, run: Run
) -> None:
    inside.record(run, metric("loss", 1.0, step=2**53 + 1))
    raw = experiment.Series.with_raw_response.json(*location(run), "loss", preview=True)
    assert json.loads(raw.text) == {
        "type": "doubleV1",
        "series": [{"value": 1.0, "timestamp": str(TIME), "step": str(2**53 + 1)}],
    }


def test_a_series_is_paged_by_offset(experiment: Any, inside: InProcess, run: Run) -> None:
    inside.record(run, *[metric("loss", float(step), step=step) for step in range(1500)])

    def steps(**query: int) -> list[int]:
        page = experiment.Series.json(*location(run), "loss", preview=True, **query)
        return [point.step for point in page.series]

    assert steps() == list(range(200))
    assert steps(offset=510, page_size=4) == [510, 511, 512, 513]
    assert steps(page_size=5000) == list(range(1000))
    assert steps(offset=1499, page_size=10) == [1499]
    assert steps(offset=1500) == []
    assert steps(offset=2**70) == []


@pytest.mark.parametrize(
    ("query", "error"),
    [({"page_size": 0}, "InvalidPageSize"), ({"offset": -1}, "Default:InvalidArgument")],
)
def test_a_page_that_cannot_be_is_refused(
    experiment: Any, inside: InProcess, run: Run, query: dict[str, int], error: str
) -> None:
    inside.record(run, metric("loss", 1.0))
    inside.record_table(run, "table", to_parquet(pa.table({"a": [1]})), rows=1)
    for call, name in ((experiment.Series.json, "loss"), (experiment.ArtifactTable.json, "table")):
        with pytest.raises(BadRequestError) as raised:
            call(*location(run), name, preview=True, **query)
        assert raised.value.name == error


def test_the_whole_series_comes_as_parquet(experiment: Any, inside: InProcess, run: Run) -> None:
    for start in (0, 700):
        inside.record(run, *[metric("l", float(s), step=s) for s in range(start, start + 700)])
    table = experiment.Series.parquet(*location(run), "l", preview=True).to_pyarrow()
    assert table.column("step").to_pylist() == list(range(1400))
    assert table.schema.types == [pa.float64(), pa.int64(), pa.int64()]


# what is not there ----------------------------------------------------------------------------


def contents_of(experiment: Any, model: str, rid: str) -> list[Any]:
    """Return every call that reads something inside an experiment."""
    return [
        lambda: experiment.Series.json(model, rid, "loss", preview=True),
        lambda: experiment.Series.parquet(model, rid, "loss", preview=True),
        lambda: experiment.ArtifactTable.json(model, rid, "table", preview=True),
        lambda: experiment.ArtifactTable.parquet(model, rid, "table", preview=True),
    ]


def test_an_unknown_experiment_of_a_known_model(
    experiment: Any, inside: InProcess, run: Run
) -> None:
    other = inside.launch()
    for rid in (f"ri.models.main.experiment.{uuid.uuid4()}", other.experiment_rid):
        named = {"modelRid": run.model_rid, "experimentRid": rid}
        with pytest.raises(ExperimentNotFound) as unknown:
            experiment.get(run.model_rid, rid, preview=True)
        assert unknown.value.parameters == named
        for call in contents_of(experiment, run.model_rid, rid):
            with pytest.raises(ModelExperimentNotFound) as raised:
                call()
            assert raised.value.parameters == named


def test_an_experiment_of_a_model_that_the_caller_may_not_see(
    server: RunningServer, inside: InProcess, run: Run
) -> None:
    inside.record(run, metric("loss", 1.0))
    hidden = server.client(server.token("stranger")).models.Model.Experiment
    named = {"modelRid": run.model_rid, "experimentRid": run.experiment_rid}
    for call in (
        lambda: hidden.get(*location(run), preview=True),
        *contents_of(hidden, *location(run)),
    ):
        with pytest.raises(ModelExperimentNotFound) as raised:
            call()
        assert raised.value.parameters == named


def test_who_may_view_the_model_reads_its_experiments(
    server: RunningServer, inside: InProcess
) -> None:
    run = inside.launch(inside.new_model(inside.new_project(vera="viewer")))
    inside.record(run, metric("loss", 1.0))
    seen = server.client(server.token("vera")).models.Model.Experiment
    assert seen.get(*location(run), preview=True).rid == run.experiment_rid
    assert len(seen.Series.json(*location(run), "loss", preview=True).series) == 1


def test_a_series_or_table_that_the_experiment_does_not_have(experiment: Any, run: Run) -> None:
    where = {"modelRid": run.model_rid, "experimentRid": run.experiment_rid}
    for call in (experiment.Series.json, experiment.Series.parquet):
        with pytest.raises(ExperimentSeriesNotFound) as no_series:
            call(*location(run), "train/loss", preview=True)
        assert no_series.value.parameters == {**where, "seriesName": "train/loss"}
    for call in (experiment.ArtifactTable.json, experiment.ArtifactTable.parquet):
        with pytest.raises(ExperimentArtifactNotFound) as no_table:
            call(*location(run), "a/table", preview=True)
        assert no_table.value.parameters == {**where, "artifactName": "a/table"}


def test_every_operation_on_experiments_asks_for_the_preview_flag(
    experiment: Any, inside: InProcess, run: Run
) -> None:
    inside.record(run, metric("loss", 1.0))
    for call in (
        lambda: experiment.get(*location(run)),
        lambda: experiment.Series.json(*location(run), "loss"),
        lambda: experiment.Series.parquet(*location(run), "loss"),
        lambda: experiment.ArtifactTable.json(*location(run), "table"),
        lambda: experiment.ArtifactTable.parquet(*location(run), "table"),
    ):
        with pytest.raises(BadRequestError) as raised:
            call()
        assert raised.value.name == "ApiFeaturePreviewUsageOnly"


def test_the_asynchronous_client_reads_the_same(
    server: RunningServer, inside: InProcess, run: Run
) -> None:
    inside.record(run, metric("train/loss", 0.5))
    inside.record_table(run, "a/table", to_parquet(pa.table({"a": [1]})), rows=1)

    async def read() -> list[Any]:
        experiment = new_async_client(server).models.Model.Experiment
        series, tables = experiment.Series, experiment.ArtifactTable
        found = await experiment.get(*location(run), preview=True)
        page = await series.json(*location(run), "train/loss", preview=True)
        points = await series.parquet(*location(run), "train/loss", preview=True)
        rows = await tables.json(*location(run), "a/table", preview=True)
        table = await tables.parquet(*location(run), "a/table", preview=True)
        return [
            found.rid,
            page.series[0].value,
            points.to_pyarrow().num_rows,
            json.loads(rows),
            table.to_pyarrow().to_pylist(),
        ]

    assert asyncio.run(read()) == [run.experiment_rid, 0.5, 1, [{"a": 1}], [{"a": 1}]]
