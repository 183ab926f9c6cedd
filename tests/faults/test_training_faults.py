"""A run cannot get lost: real processes, really killed."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from typing import TYPE_CHECKING, Any

import psutil
import pytest

from support import RunningServer, wait_for
from training_data import (
    Prepared,
    configure,
    ended,
    experiment_of,
    houses_csv,
    launch,
    prepare,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from foundry_sdk import FoundryClient

pytestmark = pytest.mark.training

#: Trains for long enough to be interrupted.
LONG = {"time_limit": 300, "presets": "best_quality"}


def _workers(running: RunningServer, part: str = "modelstudio.worker") -> list[psutil.Process]:
    """Return the processes of workers of that server, found by their work directories."""
    jobs = str(running.data_dir / "jobs")
    found = []
    for process in psutil.process_iter():
        try:
            line = " ".join(process.cmdline())
            works_there = jobs in line or process.environ().get(
                "MODELSTUDIO_WORK_DIR", ""
            ).startswith(jobs)
            if part in line and works_there:
                found.append(process)
        except psutil.Error:
            continue
    return found


def _home(client: FoundryClient) -> str:
    return str(client.filesystem.Resource.get_by_path(path="/Main/Home").rid)


def _long_run(running: RunningServer) -> tuple[FoundryClient, Prepared, Any]:
    client = running.client()
    prepared = prepare(client, _home(client), houses_csv(2000))
    configure(client, prepared, custom=LONG)
    run = launch(client, prepared)
    wait_for(lambda: _workers(running, "modelstudio.worker.training"), seconds=30)
    return client, prepared, run


def _nothing_runs(client: FoundryClient, run: Any, prepared: Prepared, status: str) -> None:
    (job,) = client.orchestration.Build.jobs(run.build_rid)
    assert job.job_status == status
    (listed,) = client.models.ModelStudio.Run.list(prepared.studio_rid, preview=True)
    assert listed.build_status == status
    assert experiment_of(client, run).status == ("SUCCEEDED" if status == "SUCCEEDED" else "FAILED")


def test_a_run_survives_a_killed_server(start_server: Callable[..., RunningServer]) -> None:
    running = start_server()
    client = running.client()
    prepared = prepare(client, _home(client), houses_csv(1000))
    configure(client, prepared, custom={"time_limit": 60})
    run = launch(client, prepared)
    wait_for(lambda: [s for s in experiment_of(client, run).series if s.length], seconds=60)
    assert experiment_of(client, run).status == "RUNNING"
    running.kill()
    time.sleep(3)
    running.start()
    assert ended(client, run) == "SUCCEEDED", experiment_of(client, run).status_message
    _nothing_runs(client, run, prepared, "SUCCEEDED")
    output = run.resolved_outputs["model"]
    assert client.models.Model.Version.get(output.model_rid, output.model_version_rid, preview=True)
    wait_for(lambda: not _workers(running), seconds=10)


def test_a_run_that_ended_while_the_server_was_away_is_delivered(
    start_server: Callable[..., RunningServer],
) -> None:
    running = start_server()
    client = running.client()
    prepared = prepare(client, _home(client), houses_csv(300))
    configure(client, prepared)
    run = launch(client, prepared)
    wait_for(lambda: _workers(running, "modelstudio.worker.training"), seconds=30)
    running.kill()
    wait_for(lambda: not _workers(running, "modelstudio.worker.training"), seconds=60)
    running.start()
    assert ended(client, run, seconds=60) == "SUCCEEDED"


@pytest.mark.parametrize("part", ["modelstudio.worker.training", "modelstudio.worker"])
def test_a_killed_worker_fails_its_build_with_a_reason(
    start_server: Callable[..., RunningServer], part: str
) -> None:
    running = start_server()
    client, prepared, run = _long_run(running)
    for process in _workers(running, part):
        with contextlib.suppress(psutil.Error):  # the kernel has killed it with the one before
            if part in process.cmdline():
                process.send_signal(signal.SIGKILL)
    assert ended(client, run, seconds=15) == "FAILED"
    _nothing_runs(client, run, prepared, "FAILED")
    message = experiment_of(client, run).status_message
    assert "signal 9" in message
    wait_for(lambda: not _workers(running), seconds=5)


def _more_than_fits() -> bytes:
    """Return a table with 100 MB of text; AutoGluon fits its models into what is left."""
    header, *lines = houses_csv(25_000).decode().splitlines()
    texts = (f"{line},{f'{number:07d} ' * 512}" for number, line in enumerate(lines))
    return "\n".join([f"{header},remarks", *texts]).encode()


def test_a_worker_that_runs_out_of_memory_fails_its_build_with_a_reason(
    start_server: Callable[..., RunningServer],
) -> None:
    running = start_server()
    client = running.client()
    prepared = prepare(client, _home(client), _more_than_fits())
    configure(client, prepared, resources={"cpu": "1", "memory": "256M"})
    run = launch(client, prepared)
    assert ended(client, run, seconds=60) == "FAILED"
    assert "memory" in experiment_of(client, run).status_message.lower()
    _nothing_runs(client, run, prepared, "FAILED")
    assert client.models.ModelStudio.get(prepared.studio_rid, preview=True)


def test_a_cancelled_build_ends_its_processes_within_five_seconds(
    start_server: Callable[..., RunningServer],
) -> None:
    running = start_server()
    client, prepared, run = _long_run(running)
    begun = time.monotonic()
    client.orchestration.Build.cancel(run.build_rid)
    assert ended(client, run, seconds=5) == "CANCELED"
    wait_for(lambda: not _workers(running), seconds=max(0.0, 5 - (time.monotonic() - begun)))
    _nothing_runs(client, run, prepared, "CANCELED")
    assert "cancel" in experiment_of(client, run).status_message.lower()


def test_jobs_wait_for_room_and_start_in_order(
    start_server: Callable[..., RunningServer],
) -> None:
    running = start_server(MODELSTUDIO_CPU="1", MODELSTUDIO_MEMORY_BYTES=str(4 * 10**9))
    client = running.client()
    prepared = prepare(client, _home(client), houses_csv(100))
    configure(client, prepared)
    launched = [launch(client, prepared) for _ in range(3)]

    def states() -> list[str]:
        return [
            client.orchestration.Job.get(run.job_rid, preview=True).job_status for run in launched
        ]

    seen = []
    while (now := states()) != ["SUCCEEDED"] * 3:
        assert now.count("RUNNING") <= 1, now
        assert "FAILED" not in now
        seen.append(now)
        time.sleep(0.2)
        assert len(seen) < 600
    jobs = [client.orchestration.Job.get(run.job_rid, preview=True) for run in launched]
    starts = [job.latest_attempt_start_time for job in jobs]
    assert starts == sorted(starts)
    assert ["RUNNING", "WAITING", "WAITING"] in seen


def test_no_process_of_this_suite_is_left(tmp_path_factory: pytest.TempPathFactory) -> None:
    base = str(tmp_path_factory.getbasetemp())
    left = []
    for process in psutil.process_iter():
        try:
            if process.pid != os.getpid() and base in process.environ().get(
                "MODELSTUDIO_WORK_DIR", ""
            ):
                left.append(process.cmdline())
        except psutil.Error:
            continue
    assert left == []
