"""What an experiment takes from a worker's reports, and where it stops."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import pytest

from experiments.in_process import TIME, InProcess, Run, metric, open_in_process, parameter
from modelstudio.bootstrap import prepare
from modelstudio.errors import InvalidArgument
from modelstudio.experiments import wire

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="module")
def inside(tmp_path_factory: pytest.TempPathFactory) -> Iterator[InProcess]:
    with open_in_process(tmp_path_factory.mktemp("experiments")) as services:
        prepare(services.foundation)
        yield services


@pytest.fixture
def run(inside: InProcess) -> Run:
    return inside.launch()


def shown(inside: InProcess, run: Run) -> dict[str, Any]:
    """Return the experiment as the wire has it."""
    admin = inside.admin()
    with inside.database.read() as tx:
        found = inside.experiments.require(tx, admin, run.model_rid, run.experiment_rid)
        contents = inside.experiments.contents(tx, run.experiment_rid)
    return wire.experiment(found, contents).model_dump(by_alias=True, exclude_none=True)


def values_of(experiment: dict[str, Any]) -> dict[str, Any]:
    return {one["name"]: one["value"]["value"] for one in experiment["parameters"]}


def test_metric_values_beyond_the_limit_are_dropped_and_the_tags_say_so(
    inside: InProcess, run: Run
) -> None:
    for start in range(0, 99_000, 9_000):
        inside.record(run, *[metric("a", 1.0, step=start + step) for step in range(9_000)])
    inside.record(run, *[metric("b", 2.0) for _ in range(999)])
    assert shown(inside, run)["tags"] == []
    inside.record(run, metric("a", 7.0), metric("a", 8.0), metric("c", 9.0))
    inside.record(run, metric("a", 10.0), parameter("p", "integer", 1))
    experiment = shown(inside, run)
    assert experiment["tags"] == ["metrics-truncated"]
    lengths = {one["name"]: int(one["length"]) for one in experiment["series"]}
    assert lengths == {"a": 99_001, "b": 999}
    assert experiment["series"][0]["value"]["last"] == 7.0
    assert values_of(experiment) == {"p": "1"}
    inside.succeed(run, a=7.0, summary=1.0)
    experiment = shown(inside, run)
    assert [one["seriesName"] for one in experiment["summaryMetrics"]] == ["a", "summary"]
    assert len(experiment["series"]) == 2


def test_parameters_beyond_the_limit_are_dropped_and_the_tags_say_so(
    inside: InProcess, run: Run
) -> None:
    inside.record(run, *[parameter(f"p{n}", "integer", n) for n in range(500)])
    assert shown(inside, run)["tags"] == []
    inside.record(run, parameter("one more", "integer", 1), parameter("p0", "string", "changed"))
    experiment = shown(inside, run)
    assert experiment["tags"] == ["parameters-truncated"]
    values = values_of(experiment)
    assert len(values) == 500
    assert values["p0"] == "changed"
    assert list(values)[:2] == ["p0", "p1"]
    assert "one more" not in values


def test_names_and_texts_that_are_too_long_do_not_get_in(inside: InProcess, run: Run) -> None:
    longest = "ä" * 500
    inside.record(
        run,
        metric(longest, 1.0),
        metric(longest + "x", 1.0),
        parameter(longest, "string", "t" * 30_000),
        parameter(longest + "x", "string", "t"),
    )
    experiment = shown(inside, run)
    assert experiment["tags"] == ["metrics-truncated", "parameters-truncated"]
    assert [one["name"] for one in experiment["series"]] == [longest]
    assert values_of(experiment) == {longest: "t" * 20_000}


@pytest.mark.parametrize(
    "event",
    [
        metric("loss", math.nan),
        metric("loss", -math.inf),
        metric("loss", None),
        metric("loss", "0.5"),
        metric("loss", True),
        metric("loss", 10**400),
        metric("loss", 1.0, step=2**63),
        metric("loss", 1.0, step=1.5),
        metric("loss", 1.0, time=None),
        metric("", 1.0),
        {"type": "metric"},
        {"type": "metric", "series": ["loss"], "value": 1.0, "step": 0, "time": TIME},
        {"type": "log", "time": TIME, "level": "INFO", "message": "hello"},
        {"type": "unknown"},
        {},
        parameter("p", "integer", 2**63),
        parameter("p", "integer", True),
        parameter("p", "double", math.inf),
        parameter("p", "double", "1.0"),
        parameter("p", "boolean", 1),
        parameter("p", "string", 7),
        parameter("p", "datetime", "yesterday"),
        parameter("p", "datetime", "0001-01-01T00:00:00+10:00"),
        parameter("p", "complex", 1),
        parameter("", "integer", 1),
        {"type": "parameter", "name": "p", "value": 7},
        {"type": "parameter", "name": "p"},
    ],
    ids=str,
)
def test_an_event_that_says_nothing_is_left_out(
    inside: InProcess, run: Run, event: dict[str, Any]
) -> None:
    inside.record(run, metric("before", 1.0), event, metric("after", 2.0))
    experiment = shown(inside, run)
    assert [one["name"] for one in experiment["series"]] == ["before", "after"]
    assert (experiment["parameters"], experiment["tags"]) == ([], [])


def test_a_date_without_a_zone_is_taken_for_utc(inside: InProcess, run: Run) -> None:
    inside.record(run, parameter("p", "datetime", "0099-02-28"))
    assert values_of(shown(inside, run)) == {"p": "0099-02-28T00:00:00.000Z"}


def test_reports_after_the_end_change_nothing(inside: InProcess, run: Run) -> None:
    inside.record(run, metric("loss", 1.0))
    inside.fail(run, "first reason")
    before = shown(inside, run)
    inside.record(run, metric("loss", 2.0), parameter("p", "integer", 1))
    inside.fail(run, "second reason")
    assert shown(inside, run) == before
    assert before["statusMessage"] == "first reason"
    with pytest.raises(LookupError):
        inside.succeed(run, loss=1.0)


def test_an_experiment_that_is_not_there_takes_no_reports(inside: InProcess) -> None:
    nothing = Run("model", "version", inside.experiments.new_rid(), "job")
    with pytest.raises(LookupError):
        inside.record(nothing, metric("loss", 1.0))


def test_a_long_name_of_an_experiment_is_cut(inside: InProcess) -> None:
    run = inside.launch(name="ä" * 150)
    with inside.database.read() as tx:
        found = inside.experiments.require(tx, inside.admin(), run.model_rid, run.experiment_rid)
    assert found.name == "ä" * 100


@pytest.mark.parametrize("name", ["", "n" * 501])
def test_a_table_needs_a_name_of_some_length(inside: InProcess, run: Run, name: str) -> None:
    with pytest.raises(InvalidArgument):
        inside.record_table(run, name, b"", rows=0)
