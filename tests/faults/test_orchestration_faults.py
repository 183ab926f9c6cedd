"""No job is lost or left running: real workers and a real server, really killed."""

from __future__ import annotations

import os
import signal
import time
from typing import TYPE_CHECKING

import psutil
import pytest

from orchestration.job_server import JobServer, alive
from patience import allowed
from support import free_port, wait_for

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from orchestration.job_server import SubmittedJob


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., JobServer]]:
    started: list[JobServer] = []

    def start_one(**environment: str) -> JobServer:
        running = JobServer(tmp_path / f"data{len(started)}", **environment)
        started.append(running)
        running.start()
        return running

    yield start_one
    for running in started:
        running.stop()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[JobServer]:
    """A server that outlives its workers' faults."""
    running = JobServer(
        tmp_path_factory.mktemp("faults") / "data", MODELSTUDIO_MEMORY_BYTES=str(8 * 10**9)
    )
    running.start()
    yield running
    running.stop()


def supervisor(job: SubmittedJob) -> psutil.Process:
    """Return the process that speaks with the server."""
    return psutil.Process(job.pids()[1])


def steps(job: SubmittedJob) -> list[int]:
    """Return the steps of the metric points that the server took; what a run used comes last."""
    return [event["step"] for event in job.journal("event") if event["type"] == "metric"]


def nothing_is_left(job: SubmittedJob, pids: list[int]) -> None:
    wait_for(lambda: not alive(pids), seconds=5)
    jobs_dir = job.server.data_dir / "jobs"
    wait_for(lambda: not list(jobs_dir.iterdir()), seconds=10)


def test_a_killed_worker_fails_its_build(server: JobServer) -> None:
    job = server.submit("Endless")
    pids = job.pids()
    supervisor(job).kill()
    job.wait("FAILED", seconds=5)
    assert job.build().status == "FAILED"
    assert job.ended()["reason"] == "The worker was killed by signal 9 (SIGKILL)."
    assert alive(pids) == []
    nothing_is_left(job, pids)
    assert any(line.startswith("worker.log ends with:") for line in job.log())


def test_a_killed_training_process_fails_its_build(server: JobServer) -> None:
    job = server.submit("Endless")
    pids = job.pids()
    os.kill(pids[0], signal.SIGKILL)
    job.wait("FAILED", seconds=10)
    assert "killed from outside (signal 9)" in job.ended()["reason"]
    nothing_is_left(job, pids)


def test_a_worker_that_hangs_is_ended_and_its_build_fails(start: Callable[..., JobServer]) -> None:
    job = start(MODELSTUDIO_HEARTBEAT_TIMEOUT_SECONDS="2").submit("Endless")
    pids = job.pids()
    supervisor(job).suspend()
    job.wait("FAILED", seconds=15)
    assert job.ended()["reason"] == "The worker stopped answering."
    nothing_is_left(job, pids)


def test_a_cancelled_build_is_over_within_five_seconds(server: JobServer) -> None:
    job = server.submit("Endless")
    pids = job.pids()
    assert len(alive(pids)) == 4
    begun = time.monotonic()
    job.cancel()
    job.wait("CANCELED", seconds=5)
    assert alive(pids) == []
    assert time.monotonic() - begun < allowed(5)
    nothing_is_left(job, pids)


def test_a_hanging_worker_can_be_cancelled(server: JobServer) -> None:
    job = server.submit("Endless")
    pids = job.pids()
    supervisor(job).suspend()
    job.cancel()
    job.wait("CANCELED", seconds=5)
    nothing_is_left(job, pids)


def test_many_builds_are_cancelled_at_once(server: JobServer) -> None:
    jobs = [server.submit("Endless", cpu=0.5) for _ in range(6)]
    pids = [pid for job in jobs for pid in job.pids()]
    begun = time.monotonic()
    for job in jobs:
        job.cancel()
    for job in jobs:
        job.wait("CANCELED", seconds=max(0.1, 5 - (time.monotonic() - begun)))
    assert alive(pids) == []


def test_a_waiting_build_is_cancelled_at_once_and_never_starts(
    start: Callable[..., JobServer],
) -> None:
    server = start(MODELSTUDIO_CPU="1")
    first, second = server.submit("Endless"), server.submit("Quick")
    first.wait("RUNNING")
    second.cancel()
    assert second.job().job_status == "CANCELED"
    first.cancel()
    first.wait("CANCELED", seconds=5)
    third = server.submit("Quick")
    third.wait("SUCCEEDED")
    assert second.job().latest_attempt_start_time is None


def test_a_job_goes_on_while_its_server_is_killed_and_started_again(
    start: Callable[..., JobServer],
) -> None:
    server = start()
    job = server.submit("Steady", config={"steps": 40})
    wait_for(lambda: len(job.journal("event")) > 3, seconds=20)
    server.kill()
    time.sleep(1)
    server.port = free_port()  # the worker finds the new address in the data directory
    server.start()
    job.wait("SUCCEEDED", seconds=30)
    assert steps(job) == list(range(40))
    assert len(job.journal("succeeded")) == 1
    wait_for(lambda: not list((server.data_dir / "jobs").iterdir()), seconds=10)


def test_a_job_that_ended_while_its_server_was_away_is_delivered(
    start: Callable[..., JobServer],
) -> None:
    server = start()
    job = server.submit("Steady", config={"steps": 10})
    wait_for(lambda: job.journal("event"), seconds=20)
    server.kill()
    time.sleep(3)
    server.start()
    job.wait("SUCCEEDED", seconds=20)
    assert steps(job) == list(range(10))


def test_a_worker_that_died_while_its_server_was_away_fails_its_build(
    start: Callable[..., JobServer],
) -> None:
    server = start()
    job = server.submit("Endless")
    pids = job.pids()
    server.kill()
    psutil.Process(pids[1]).kill()
    server.start()
    job.wait("FAILED", seconds=5)
    assert job.ended()["reason"]
    nothing_is_left(job, pids)


def test_a_stopped_server_leaves_its_workers_to_the_next(start: Callable[..., JobServer]) -> None:
    server = start()
    job = server.submit("Steady", config={"steps": 40})
    wait_for(lambda: job.journal("event"), seconds=20)
    assert server.process is not None
    server.process.terminate()
    server.process.wait(timeout=allowed(15))
    server.start()
    job.wait("SUCCEEDED", seconds=30)
    assert job.job().job_status == "SUCCEEDED"


@pytest.mark.parametrize("moment", ["before", "after"])
def test_a_server_killed_while_it_starts_a_worker_starts_the_job_once_more(
    start: Callable[..., JobServer], moment: str
) -> None:
    """Killed before the worker is there, and after, but before anyone wrote that it is."""
    server = start(CRASH=moment)
    job = server.submit("Steady", config={"steps": 5})
    assert server.process is not None
    server.process.wait(timeout=allowed(10))
    server.start()
    job.wait("SUCCEEDED", seconds=30)
    assert steps(job) == list(range(5))
    assert len(job.journal("succeeded")) == 1
    assert job.journal("ended") == []
    wait_for(lambda: not working(server), seconds=10)


def working(server: JobServer) -> list[int]:
    """Return the processes that work below a server's data directory."""
    found = []
    for process in psutil.process_iter():
        try:
            if process.environ().get("MODELSTUDIO_WORK_DIR", "").startswith(str(server.data_dir)):
                found.append(process.pid)
        except psutil.Error:
            continue
    return found


def test_jobs_start_in_order_as_there_is_room(start: Callable[..., JobServer]) -> None:
    server = start(MODELSTUDIO_CPU="2")
    jobs = [server.submit("Quick", cpu=cpu) for cpu in (1.0, 2.0, 1.0, 1.0)]
    for job in jobs:
        job.wait("SUCCEEDED")
    begun = [job.job().latest_attempt_start_time for job in jobs]
    assert begun == sorted(begun)
    assert jobs[1].job().latest_attempt_start_time >= jobs[0].job().finished_time
    assert jobs[2].job().latest_attempt_start_time >= jobs[1].job().finished_time
