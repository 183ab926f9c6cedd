"""Waiting for what a dispatcher does, and having it do it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from support import wait_for

if TYPE_CHECKING:
    from modelstudio.orchestration.dispatcher import Dispatcher
    from orchestration.in_process_jobs import InProcessJobs

SECONDS = 10


def status(jobs: InProcessJobs, rid: str) -> str:
    return jobs.job(rid).status


def wait_for_status(jobs: InProcessJobs, rid: str, wanted: str) -> None:
    wait_for(lambda: status(jobs, rid) == wanted, seconds=SECONDS, every=0.01)


def worker_rows(jobs: InProcessJobs) -> list[Any]:
    with jobs.database.read() as tx:
        return jobs.store.all_workers(tx)


def wait_for_start(jobs: InProcessJobs, rid: str) -> None:
    """Return when the worker's handle is stored, so when nothing more happens by itself."""
    wait_for(
        lambda: any(one.job_rid == rid and one.handle for one in worker_rows(jobs)),
        seconds=SECONDS,
        every=0.01,
    )


def a_pass(jobs: InProcessJobs, dispatcher: Dispatcher) -> None:
    """Return when the dispatcher has looked at everything with the time as it is now."""
    jobs.clock.now += 1
    jobs.wakeup.now()
    wait_for(lambda: dispatcher._last_pass >= jobs.clock.now, seconds=SECONDS, every=0.005)


def let_time_pass(jobs: InProcessJobs, dispatcher: Dispatcher, seconds: int) -> None:
    """Move the clock on as a real one does, in small steps."""
    for _ in range(0, seconds, 10):
        jobs.clock.now += 10_000
        a_pass(jobs, dispatcher)
    a_pass(jobs, dispatcher)  # the one before has come to its end
