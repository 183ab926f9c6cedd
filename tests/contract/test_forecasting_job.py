"""A forecasting run through the server, with the official client."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from forecasting_data import QUICK, stores
from training_data import ended, experiment_of, launch, prepare

if TYPE_CHECKING:
    from foundry_sdk import FoundryClient

pytestmark = pytest.mark.training


def test_many_series_are_forecast(client: FoundryClient, project: str) -> None:
    frame = stores(4, 70)
    prepared = prepare(client, project, frame.to_csv(index=False).encode())
    dataset: dict[str, Any] = {
        "type": "dataset",
        "rid": prepared.dataset_rid,
        "columnMapping": {
            "timestamp_column": ["day"],
            "target_column": ["sales"],
            "item_id_column": ["store"],
            "known_covariates": ["promotion"],
        },
        "ignoreColumns": [],
        "selectColumns": [],
    }
    client.models.ModelStudio.ConfigVersion.create(
        prepared.studio_rid,
        name="configuration",
        trainer_id="ri.models..trainer.forecasting",
        resources={"cpu": "1", "memory": "3G"},
        worker_config={
            "inputs": {"training_df": dataset},
            "outputs": {"model": {"type": "model", "modelRid": prepared.model_rid}},
            "customConfig": QUICK,
        },
        preview=True,
    )
    run = launch(client, prepared)
    assert ended(client, run, seconds=400) == "SUCCEEDED", experiment_of(client, run).status_message
    experiment = experiment_of(client, run)
    metrics = {one.series_name: one.value for one in experiment.summary_metrics}
    assert metrics["MASE"] < 1
    version = client.models.Model.Version.get(
        prepared.model_rid, run.resolved_outputs["model"].model_version_rid, preview=True
    )
    columns = version.model_api.outputs[0].columns
    assert [column.name for column in columns][:3] == ["store", "day", "prediction"]
