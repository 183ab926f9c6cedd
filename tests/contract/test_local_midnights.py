"""Local midnights with offsets keep their dates, from the upload to the forecast."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import pytest

from contract.test_tables_as_written import forecast
from training_data import experiment_of, prepare

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
    run = forecast(client, prepared, "day", "y")
    parameters = {one.name: one.value.value for one in experiment_of(client, run).parameters}
    assert (parameters["frequency"], parameters["steps"], parameters["filled_steps"]) == (
        "D",
        120,
        0,
    )
