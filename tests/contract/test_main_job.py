"""The main job, end to end: a table in, a model version and its experiment out."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from foundry_sdk import NotFoundError

from support import wait_for
from training_data import (
    CLASSIFICATION,
    QUICK,
    Prepared,
    configure,
    dataset_input,
    ended,
    experiment_of,
    houses_csv,
    launch,
    prepare,
)

if TYPE_CHECKING:
    from foundry_sdk import FoundryClient

pytestmark = pytest.mark.training


def _rows(client: FoundryClient, run: Any, table: str) -> list[dict[str, Any]]:
    output = run.resolved_outputs["model"]
    body = client.models.Model.Experiment.ArtifactTable.json(
        output.model_rid, output.experiment_rid, table, page_size=100, preview=True
    )
    rows: list[dict[str, Any]] = json.loads(body)
    return rows


def test_a_regression_leaves_a_model_version_and_an_experiment(
    client: FoundryClient, project: str
) -> None:
    prepared = prepare(client, project, houses_csv(400))
    configure(client, prepared)
    run = launch(client, prepared)
    output = run.resolved_outputs["model"]
    with pytest.raises(NotFoundError):  # reserved, not there yet
        client.models.Model.Version.get(output.model_rid, output.model_version_rid, preview=True)
    assert ended(client, run) == "SUCCEEDED", experiment_of(client, run).status_message

    _check_version(client, prepared, output)
    _check_experiment(client, prepared, run)
    (listed,) = client.models.ModelStudio.Run.list(prepared.studio_rid, preview=True)
    assert listed.build_status == "SUCCEEDED"
    assert listed.run_id == run.run_id
    (job,) = client.orchestration.Build.jobs(run.build_rid)
    assert job.job_status == "SUCCEEDED"
    assert job.rid == run.job_rid


def _check_version(client: FoundryClient, prepared: Prepared, output: Any) -> None:
    version = client.models.Model.Version.get(
        output.model_rid, output.model_version_rid, preview=True
    )
    assert [
        one.rid for one in client.models.Model.Version.list(output.model_rid, preview=True)
    ] == [version.rid]
    assert version.source.type == "modelStudio"
    assert version.source.model_studio_rid == prepared.studio_rid
    assert version.linked_experiment == output.experiment_rid
    assert version.conda_requirements
    (given,) = version.model_api.inputs
    columns = {column.name: column.data_type.type for column in given.columns}
    assert columns["rooms"] == "long"
    assert columns["street"] == "string"
    assert columns["garden"] == "boolean"
    assert "price" not in columns
    (predicted,) = version.model_api.outputs
    assert "price" in {column.name for column in predicted.columns}


def _check_experiment(client: FoundryClient, prepared: Prepared, run: Any) -> None:
    output = run.resolved_outputs["model"]
    experiment = experiment_of(client, run)
    assert experiment.status == "SUCCEEDED"
    assert experiment.linked_model_version == output.model_version_rid
    assert experiment.job_rid == run.job_rid
    metrics = {one.series_name: one.value for one in experiment.summary_metrics}
    assert metrics["r2"] > 0.9
    assert metrics["rmse"] > 0
    parameters = {one.name: one.value.value for one in experiment.parameters}
    view = client.datasets.Dataset.get_schema(prepared.dataset_rid)
    assert parameters["input_df/transaction"] == view.end_transaction_rid
    assert {"leaderboard", "feature_importance", "residuals"} <= set(experiment.artifacts)
    importance = _rows(client, run, "feature_importance")
    assert "area" in json.dumps(importance[:2])
    intervals = {row["metric"]: row for row in _rows(client, run, "metric_intervals")}
    assert intervals["r2"]["lower"] < metrics["r2"] < intervals["r2"]["upper"]
    curve = [row for row in _rows(client, run, "partial_dependence") if row["column"] == "area"]
    assert curve[0]["prediction"] < curve[-1]["prediction"]
    assert curve[0]["class"] is None


def test_a_classification_gives_probabilities_and_metrics_while_it_runs(
    client: FoundryClient, project: str
) -> None:
    prepared = prepare(client, project, houses_csv(400, classes=True))
    test_data = prepare(client, project, houses_csv(100, seed=2, classes=True))
    configure(
        client,
        prepared,
        trainer=CLASSIFICATION,
        custom={"time_limit": 60, "predict_probabilities": True, "prediction_column_name": "label"},
        test_df=dataset_input(test_data.dataset_rid, None),
    )
    run = launch(client, prepared)

    def live_series() -> list[str]:
        experiment = experiment_of(client, run)
        if experiment.status != "RUNNING":
            raise AssertionError(f"ended before a metric was seen: {experiment.status_message}")
        return [one.name for one in experiment.series if one.length]

    names = wait_for(live_series, seconds=60)
    output = run.resolved_outputs["model"]
    series = client.models.Model.Experiment.Series.json(
        output.model_rid, output.experiment_rid, names[0], preview=True
    )
    assert series.series[0].timestamp > 1_600_000_000_000
    assert ended(client, run) == "SUCCEEDED", experiment_of(client, run).status_message

    experiment = experiment_of(client, run)
    metrics = {one.series_name: one.value for one in experiment.summary_metrics}
    assert metrics["accuracy"] > 0.85
    assert metrics["roc_auc"] > 0.9
    version = client.models.Model.Version.get(
        output.model_rid, output.model_version_rid, preview=True
    )
    (predicted,) = version.model_api.outputs
    names = {column.name for column in predicted.columns}
    assert {"label", "label_proba_cheap", "label_proba_dear"} <= names
    assert sum(row["count"] for row in _rows(client, run, "confusion_matrix")) == 100


def test_runs_with_the_same_seed_give_the_same_metrics(client: FoundryClient, project: str) -> None:
    prepared = prepare(client, project, houses_csv(200))
    configure(client, prepared, custom={**QUICK, "seed": 7})
    first, second = launch(client, prepared), launch(client, prepared)
    metrics = []
    for run in (first, second):
        assert ended(client, run) == "SUCCEEDED"
        found = experiment_of(client, run).summary_metrics
        metrics.append({one.series_name: one.value for one in found})
    assert metrics[0] == metrics[1]


@pytest.mark.parametrize(
    ("table", "reason"),
    [
        (b"price,rooms\n" + b"".join(b"cheap,%d\n" % n for n in range(50)), "same value"),
        (b"price,rooms\ncheap,1\ndear,2\n", "row"),
    ],
)
def test_data_that_cannot_be_learned_from_fails_with_the_reason(
    client: FoundryClient, project: str, table: bytes, reason: str
) -> None:
    prepared = prepare(client, project, table)
    configure(client, prepared, trainer=CLASSIFICATION)
    run = launch(client, prepared)
    assert ended(client, run) == "FAILED"
    experiment = experiment_of(client, run)
    assert experiment.status == "FAILED"
    assert reason in experiment.status_message
    assert "Traceback" not in experiment.status_message
    (listed,) = client.models.ModelStudio.Run.list(prepared.studio_rid, preview=True)
    assert listed.build_status == "FAILED"


def test_no_model_at_all_has_the_documented_message(client: FoundryClient, project: str) -> None:
    prepared = prepare(client, project, houses_csv(60))
    kinds = ["GBM", "CAT", "XGB", "RF", "XT", "LR"]
    configure(client, prepared, custom={"time_limit": 30, "excluded_model_types": kinds})
    run = launch(client, prepared)
    assert ended(client, run) == "FAILED"
    assert experiment_of(client, run).status_message == "No models trained"


def test_a_table_of_200_columns_is_trained_on(client: FoundryClient, project: str) -> None:
    header = ",".join([*(f"column {n}" for n in range(199)), "price"])
    rows = [
        ",".join([*(str((n * k) % 17) for n in range(199)), str(k % 17 * 3)]) for k in range(1, 120)
    ]
    prepared = prepare(client, project, "\n".join([header, *rows]).encode())
    configure(client, prepared)
    run = launch(client, prepared)
    assert ended(client, run) == "SUCCEEDED", experiment_of(client, run).status_message
