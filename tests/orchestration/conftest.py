"""Orchestration in the test's process, on either database, and as a server of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from databases import DIALECTS
from orchestration.in_process_jobs import InProcessJobs, jobs_on
from orchestration.job_server import JobServer
from orchestration.sleeping_workers import SleepingWorkers

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture(params=DIALECTS)
def jobs(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[InProcessJobs]:
    with jobs_on(request.param, request, tmp_path) as opened:
        yield opened


@pytest.fixture(scope="module")
def job_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[JobServer]:
    running = JobServer(tmp_path_factory.mktemp("job-server") / "data")
    running.start()
    yield running
    running.stop()


@pytest.fixture
def workers(tmp_path: Path) -> Iterator[SleepingWorkers]:
    sleeping = SleepingWorkers(tmp_path / "jobs")
    yield sleeping
    sleeping.end()
