"""What an operator limits, seen by a user of the official client; no model is trained."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from foundry_sdk.v2.models.errors import CreateConfigValidationError

from support import RunningServer, wait_for
from training_data import configure, ended, experiment_of, houses_csv, launch, prepare

if TYPE_CHECKING:
    from collections.abc import Callable

    from foundry_sdk import FoundryClient

    from training_data import Prepared


def _prepared(running: RunningServer) -> tuple[FoundryClient, Prepared]:
    client = running.client()
    home = str(client.filesystem.Resource.get_by_path(path="/Main/Home").rid)
    return client, prepare(client, home, houses_csv(50))


def _refusals(client: FoundryClient, prepared: Prepared, **changes: Any) -> dict[str, str]:
    with pytest.raises(CreateConfigValidationError) as caught:
        configure(client, prepared, **changes)
    failures = caught.value.parameters["validationFailures"]
    return {failure.field: failure.message for failure in failures}


def test_a_configuration_beyond_what_the_server_allows_is_refused(
    start_server: Callable[..., RunningServer],
) -> None:
    client, prepared = _prepared(start_server(MODELSTUDIO_MAX_RUN_SECONDS="100"))
    gpu = {"cpu": "1", "memory": "1G", "gpu": "T4"}
    assert _refusals(client, prepared, custom={"time_limit": 90}, resources=gpu) == {
        "time_limit": "A run may take at most 100 seconds on this server, of which time_limit may "
        "be 80.",
        "gpu": "This server has no GPU; leave gpu out.",
    }


def test_a_run_is_ended_when_it_takes_longer_than_the_server_allows(
    start_server: Callable[..., RunningServer],
) -> None:
    running = start_server(MODELSTUDIO_MAX_RUN_SECONDS="100")
    client, prepared = _prepared(running)
    configure(client, prepared, custom={"time_limit": 60})
    running.stop()
    running.environment["MODELSTUDIO_MAX_RUN_SECONDS"] = "0.2"
    running.start()
    run = launch(client, prepared)
    assert ended(client, run, seconds=60) == "FAILED"
    assert experiment_of(client, run).status_message == (
        "Out of time: the run took longer than the 0.2 s that it may take."
    )


def test_a_run_waits_for_a_full_disk_and_starts_when_there_is_room(
    start_server: Callable[..., RunningServer],
) -> None:
    running = start_server(
        MODELSTUDIO_DISK_RESERVE_BYTES=str(2**60), MODELSTUDIO_MAX_RUN_SECONDS="100"
    )
    client, prepared = _prepared(running)
    configure(client, prepared, custom={"time_limit": 60})
    run = launch(client, prepared)

    wait_for(lambda: "nearly full" in running.log, seconds=20)
    assert client.orchestration.Job.get(run.job_rid, preview=True).job_status == "WAITING"

    running.stop()
    running.environment["MODELSTUDIO_DISK_RESERVE_BYTES"] = "0"
    running.environment["MODELSTUDIO_MAX_RUN_SECONDS"] = "0.2"
    running.start()
    assert ended(client, run, seconds=60) == "FAILED"  # so it has run
    assert experiment_of(client, run).status_message.startswith("Out of time: ")
