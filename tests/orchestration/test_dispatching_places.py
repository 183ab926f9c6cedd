"""Where jobs run: not on a full disk, and clear of their neighbours."""

from __future__ import annotations

from typing import TYPE_CHECKING

from modelstudio.orchestration.instance import Instance
from orchestration.dispatching_passes import a_pass, status, wait_for_start, wait_for_status
from support import wait_for

if TYPE_CHECKING:
    import pytest

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


def test_a_job_waits_while_the_data_directory_cannot_be_written(
    jobs: InProcessJobs, workers: SleepingWorkers
) -> None:
    in_the_way = jobs.foundation.settings.data_dir / "server-url" / "full"
    in_the_way.mkdir(parents=True)
    rid = jobs.submit().job_rid
    with jobs.dispatching(workers):
        wait_for(lambda: jobs.log(rid), seconds=10)
        assert jobs.log(rid) == [
            "Waiting. The server cannot write to its data directory: Is a directory."
        ]
        in_the_way.rmdir()
        in_the_way.parent.rmdir()
        wait_for_start(jobs, rid)
    assert len(jobs.log(rid)) == 1


def test_a_dispatcher_that_cannot_write_its_address_does_not_keep_another_out(
    jobs: InProcessJobs, workers: SleepingWorkers
) -> None:
    data_dir = jobs.foundation.settings.data_dir
    (data_dir / "server-url" / "full").mkdir(parents=True)
    rid = jobs.submit().job_rid
    other = Instance(data_dir, jobs.foundation.ids)
    with jobs.dispatching(workers):
        wait_for(lambda: jobs.log(rid), seconds=10)
        assert wait_for(other.acquire, seconds=10)
        other.release()


def test_a_name_can_be_asked_for_again_by_who_has_it(jobs: InProcessJobs) -> None:
    mine = Instance(jobs.foundation.settings.data_dir, jobs.foundation.ids)
    name = mine.acquire()
    assert name is not None
    assert mine.acquire() == name
    mine.release()


def test_a_failure_that_lasts_is_not_logged_each_second(
    jobs: InProcessJobs, workers: SleepingWorkers, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail() -> None:
        passes.append(0)
        raise RuntimeError("no way")

    passes: list[int] = []
    workers.capacity = fail  # type: ignore[assignment, method-assign]
    with jobs.dispatching(workers):
        wait_for(lambda: jobs.wakeup.now() or len(passes) > 5, seconds=10)
    assert "".join(capsys.readouterr()).count("the dispatcher failed and tries again") == 1


def test_a_worker_is_looked_after_once_a_thread_can_be_started_again(
    jobs: InProcessJobs, workers: SleepingWorkers
) -> None:
    def refuse(*_: object) -> None:
        refused.append(0)
        raise RuntimeError("can't start new thread")

    refused: list[int] = []
    rid = jobs.submit().job_rid
    with jobs.dispatching(workers) as dispatcher:
        wait_for_start(jobs, rid)
        helpers = dispatcher._helpers
        submit, helpers.submit = helpers.submit, refuse  # type: ignore[assignment, method-assign]
        workers.kill(0)
        wait_for(lambda: jobs.wakeup.now() or refused, seconds=10)
        helpers.submit = submit  # type: ignore[method-assign]
        wait_for_status(jobs, rid, "FAILED")


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
