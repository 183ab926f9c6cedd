"""Local midnights with offsets keep their dates, from the upload to the forecast."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import pytest

from contract.test_tables_as_written import FORECASTING, forecast_input
from training_data import ended, experiment_of, launch, prepare

if TYPE_CHECKING:
    from foundry_sdk import FoundryClient

pytestmark = pytest.mark.training


def test_local_midnights_across_a_change_of_clocks_are_their_own_days(
    client: FoundryClient, project: str
) -> None:
    berlin = ZoneInfo("Europe/Berlin")
    begin = dt.datetime(2024, 2, 1, tzinfo=berlin)
    days = [(begin + dt.timedelta(days=day)).isoformat() for day in range(120)]
    lines = [f"{day},{20 + number % 7}" for number, day in enumerate(days)]
    prepared = prepare(client, project, ("day,y\n" + "\n".join(lines)).encode())
    client.models.ModelStudio.ConfigVersion.create(
        prepared.studio_rid,
        name="days",
        trainer_id=FORECASTING,
        resources={"cpu": "1", "memory": "3G"},
        worker_config={
            "inputs": {"training_df": forecast_input(prepared.dataset_rid, "day", "y")},
            "outputs": {"model": {"type": "model", "modelRid": prepared.model_rid}},
            "customConfig": {"time_limit": 60, "prediction_length": 3},
        },
        preview=True,
    )
    run = launch(client, prepared)
    assert ended(client, run) == "SUCCEEDED", experiment_of(client, run).status_message
    parameters = {one.name: one.value.value for one in experiment_of(client, run).parameters}
    assert (parameters["frequency"], parameters["steps"], parameters["filled_steps"]) == (
        "D",
        120,
        0,
    )
