"""Where jobs run: not on a full disk, and clear of their neighbours."""

from __future__ import annotations

from typing import TYPE_CHECKING

from orchestration.dispatching_passes import a_pass, status, wait_for_start

if TYPE_CHECKING:
    from orchestration.in_process_jobs import InProcessJobs
    from orchestration.sleeping_workers import SleepingWorkers


def test_a_job_waits_while_the_disk_is_full_and_its_log_says_why(
    jobs: InProcessJobs, workers: SleepingWorkers
) -> None:
    workers.in_the_way = "The server's disk is nearly full: 3 MB are free."
    first, second = (jobs.submit().job_rid for _ in range(2))
    with jobs.dispatching(workers) as dispatcher:
        a_pass(jobs, dispatcher)
        a_pass(jobs, dispatcher)
        a_pass(jobs, dispatcher)
        assert [status(jobs, rid) for rid in (first, second)] == ["WAITING", "WAITING"]
        assert jobs.log(first) == ["Waiting. The server's disk is nearly full: 3 MB are free."]
        workers.in_the_way = None
        wait_for_start(jobs, first)
        wait_for_start(jobs, second)


def test_a_worker_is_told_of_those_that_run_already(
    jobs: InProcessJobs, workers: SleepingWorkers
) -> None:
    first, second = (jobs.submit().job_rid for _ in range(2))
    with jobs.dispatching(workers):
        wait_for_start(jobs, first)
        wait_for_start(jobs, second)
    third = jobs.submit().job_rid
    with jobs.dispatching(workers):  # a later server
        wait_for_start(jobs, third)
    pids = list(workers.children)
    told = [{one["pid"] for one in request.neighbours} for request in workers.requests]
    assert told == [set(), {pids[0]}, set(pids[:2])]
