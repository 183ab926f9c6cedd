"""The dispatcher starts what fits, in order, and lets nothing run on that should not."""

from __future__ import annotations

import stat
from typing import TYPE_CHECKING, Any

import pytest

from modelstudio.orchestration import dispatcher as dispatching
from modelstudio.orchestration.instance import Instance, local_url
from orchestration.dispatching_passes import (
    SECONDS,
    a_pass,
    let_time_pass,
    status,
    wait_for_start,
    wait_for_status,
    worker_rows,
)
from orchestration.in_process_jobs import GIGABYTE, open_jobs
from orchestration.sleeping_workers import SleepingWorkers
from support import wait_for

if TYPE_CHECKING:
    from pathlib import Path

    from orchestration.in_process_jobs import InProcessJobs


@pytest.fixture(autouse=True)
def _proof_is_quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """No heartbeat comes by itself in these tests, so there is none to wait for."""
    monkeypatch.setattr(dispatching, "_PROOF_SECONDS", 0.3)


def test_jobs_start_strictly_in_order_when_they_fit(
    jobs: InProcessJobs, workers: SleepingWorkers
) -> None:
    first, large, small = (jobs.submit(cpu=cpu).job_rid for cpu in (1.5, 4.0, 0.5))
    with jobs.dispatching(workers) as dispatcher:
        wait_for_start(jobs, first)
        a_pass(jobs, dispatcher)
        a_pass(jobs, dispatcher)
        assert workers.started == [first]  # the small one would fit, but it is not its turn
        jobs.fail(first)
        workers.kill(0)
        wait_for_start(jobs, large)
        a_pass(jobs, dispatcher)
        assert workers.started == [first, large]
        jobs.fail(large)
        workers.kill(1)
        wait_for_start(jobs, small)
    assert workers.started == [first, large, small]


def test_memory_is_shared_like_cores(jobs: InProcessJobs, workers: SleepingWorkers) -> None:
    rids = [jobs.submit(memory_bytes=3 * GIGABYTE).job_rid for _ in range(3)]
    with jobs.dispatching(workers) as dispatcher:
        wait_for_start(jobs, rids[1])
        a_pass(jobs, dispatcher)
        assert workers.started == rids[:2]
        assert [status(jobs, rid) for rid in rids] == ["RUNNING", "RUNNING", "WAITING"]


def test_thirds_of_a_core_add_up(jobs: InProcessJobs, workers: SleepingWorkers) -> None:
    rids = [jobs.submit(cpu=0.1).job_rid for _ in range(3)]
    workers._capacity = type(workers._capacity)(0.3, 8 * GIGABYTE)
    with jobs.dispatching(workers):
        wait_for_start(jobs, rids[2])
    assert workers.started == rids


def test_a_worker_that_has_not_left_keeps_its_place(
    jobs: InProcessJobs, workers: SleepingWorkers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dispatching, "_LEAVE_SECONDS", 1.0)
    first, second = jobs.submit(cpu=4.0).job_rid, jobs.submit(cpu=4.0).job_rid
    with jobs.dispatching(workers) as dispatcher:
        wait_for_start(jobs, first)
        jobs.fail(first)
        a_pass(jobs, dispatcher)
        a_pass(jobs, dispatcher)
        assert status(jobs, second) == "WAITING"
        wait_for_start(jobs, second)  # the first was stopped, since it did not go
        assert len(workers.alive()) == 1


def test_a_worker_gets_what_it_needs_and_no_other(
    jobs: InProcessJobs, workers: SleepingWorkers
) -> None:
    rid = jobs.submit(cpu=2.0).job_rid
    with jobs.dispatching(workers, worker_patience_seconds=77.0):
        wait_for_start(jobs, rid)
    (request,) = workers.requests
    assert (request.job_rid, request.attempt, request.cpu) == (rid, 1, 2.0)
    assert (request.memory_bytes, request.patience_seconds) == (GIGABYTE, 77.0)
    assert request.server_url == "http://nowhere"
    assert request.server_url_file is not None
    assert request.server_url_file.read_text() == "http://nowhere\n"
    assert stat.S_IMODE(request.server_url_file.stat().st_mode) == 0o600
    assert request.token not in repr(request)


def test_a_dead_worker_fails_its_job_with_the_reason_and_its_last_words(
    jobs: InProcessJobs, workers: SleepingWorkers
) -> None:
    run = jobs.submit()
    with jobs.dispatching(workers):
        wait_for_start(jobs, run.job_rid)
        blob = jobs.upload_model(run.job_rid)
        workers.kill(0)
        wait_for_status(jobs, run.job_rid, "FAILED")
        wait_for(lambda: not worker_rows(jobs), seconds=SECONDS)
    reason = "The worker slept badly (-9)."
    assert jobs.journal(run.job_rid) == [("ended", {"status": "FAILED", "reason": reason})]
    assert jobs.build_status(run.build_rid) == "FAILED"
    assert jobs.log(run.job_rid) == [reason, "worker.log ends with:\nbegan in (work directory)"]
    assert workers.discarded == list(workers.children)
    with pytest.raises(FileNotFoundError):
        jobs.foundation.blobs.read(blob)


def test_a_published_model_is_kept_when_its_worker_is_cleared_away(
    jobs: InProcessJobs, workers: SleepingWorkers
) -> None:
    run = jobs.submit()
    with jobs.dispatching(workers):
        wait_for_start(jobs, run.job_rid)
        blob = jobs.upload_model(run.job_rid)
        jobs.complete(run.job_rid)
        workers.kill(0)
        wait_for(lambda: not worker_rows(jobs), seconds=SECONDS)
    assert b"".join(jobs.foundation.blobs.read(blob)) == b"model"
    assert jobs.log(run.job_rid) == []
    assert workers.discarded == list(workers.children)


def test_a_worker_that_cannot_start_fails_its_job(
    jobs: InProcessJobs, workers: SleepingWorkers
) -> None:
    workers.broken = True
    rid = jobs.submit().job_rid
    with jobs.dispatching(workers):
        wait_for_status(jobs, rid, "FAILED")
    assert jobs.journal(rid, "ended")[0]["reason"] == "The worker could not be started."


def test_a_cancelled_job_ends_with_its_worker(
    jobs: InProcessJobs, workers: SleepingWorkers
) -> None:
    run = jobs.submit(retries=2)
    with jobs.dispatching(workers):
        wait_for_start(jobs, run.job_rid)
        jobs.cancel(run.build_rid)
        wait_for_status(jobs, run.job_rid, "CANCELED")
        assert workers.alive() == []
        wait_for(lambda: not worker_rows(jobs), seconds=SECONDS)
    assert jobs.log(run.job_rid) == ["The build was cancelled."]


def test_a_failed_job_is_tried_again_while_its_build_says_so(
    jobs: InProcessJobs, workers: SleepingWorkers
) -> None:
    run = jobs.submit(retries=1)
    with jobs.dispatching(workers):
        wait_for_start(jobs, run.job_rid)
        workers.kill(0)
        wait_for(lambda: len(workers.requests) == 2, seconds=SECONDS)
        wait_for(lambda: len(worker_rows(jobs)) == 1, seconds=SECONDS)
        assert [request.attempt for request in workers.requests] == [1, 2]
        assert workers.requests[0].token != workers.requests[1].token
        workers.kill(1)
        wait_for_status(jobs, run.job_rid, "FAILED")


def test_a_silent_worker_is_stopped_and_its_job_failed(
    jobs: InProcessJobs, workers: SleepingWorkers
) -> None:
    rid = jobs.submit().job_rid
    with jobs.dispatching(workers) as dispatcher:
        wait_for_start(jobs, rid)
        let_time_pass(jobs, dispatcher, 20)
        with jobs.database.write() as tx:
            jobs.workers.heartbeat(tx, rid, 1, 1000)
        let_time_pass(jobs, dispatcher, 20)
        assert status(jobs, rid) == "RUNNING"
        let_time_pass(jobs, dispatcher, 20)
        wait_for_status(jobs, rid, "FAILED")
        assert workers.alive() == []
    assert jobs.journal(rid, "ended")[0]["reason"] == "The worker stopped answering."


def test_a_server_that_was_away_listens_before_it_gives_a_worker_up(
    jobs: InProcessJobs, workers: SleepingWorkers
) -> None:
    rid = jobs.submit().job_rid
    with jobs.dispatching(workers) as first:
        wait_for_start(jobs, rid)
        jobs.clock.now += 3600_000  # suspended, or its database was not there
        a_pass(jobs, first)
        let_time_pass(jobs, first, 20)
    jobs.clock.now += 3600_000  # not running
    with jobs.dispatching(workers) as second:
        a_pass(jobs, second)
        let_time_pass(jobs, second, 20)
        assert status(jobs, rid) == "RUNNING"
        let_time_pass(jobs, second, 20)
        wait_for_status(jobs, rid, "FAILED")


def instance_of(jobs: InProcessJobs) -> str:
    instance = Instance(jobs.foundation.settings.data_dir, jobs.foundation.ids)
    name = instance.acquire()
    instance.release()
    assert name is not None
    return name


def test_a_job_claimed_just_before_the_server_died_is_started_once_more(
    jobs: InProcessJobs, workers: SleepingWorkers
) -> None:
    run = jobs.run(owner=instance_of(jobs))
    with jobs.dispatching(workers):
        wait_for_start(jobs, run.job_rid)
        wait_for(lambda: len(worker_rows(jobs)) == 1, seconds=SECONDS)
    assert [request.attempt for request in workers.requests] == [2]
    assert jobs.job(run.job_rid).status == "RUNNING"


def test_a_worker_whose_handle_is_lost_is_not_left_running(
    jobs: InProcessJobs, workers: SleepingWorkers, monkeypatch: pytest.MonkeyPatch
) -> None:
    original, failures = jobs.store.update_worker, [OSError("the database went away")]

    def fail_once(*arguments: Any, **values: Any) -> None:
        if failures and "handle" in values:
            raise failures.pop()
        original(*arguments, **values)

    monkeypatch.setattr(jobs.store, "update_worker", fail_once)
    rid = jobs.submit().job_rid
    with jobs.dispatching(workers):
        wait_for_start(jobs, rid)
        assert len(workers.alive()) == 1
    assert [request.attempt for request in workers.requests] == [1, 2]


def test_workers_go_on_when_the_server_stops_and_are_found_again(
    jobs: InProcessJobs, workers: SleepingWorkers
) -> None:
    rid = jobs.submit().job_rid
    with jobs.dispatching(workers):
        wait_for_start(jobs, rid)
    assert len(workers.alive()) == 1
    with jobs.dispatching(workers) as second:
        a_pass(jobs, second)
        assert status(jobs, rid) == "RUNNING"
        workers.kill(0)
        wait_for_status(jobs, rid, "FAILED")
    assert workers.started == [rid]


def test_a_worker_of_a_server_that_never_came_back_is_given_up(
    jobs: InProcessJobs, workers: SleepingWorkers
) -> None:
    run = jobs.run(owner="another server")
    with jobs.dispatching(workers, worker_patience_seconds=100.0) as dispatcher:
        a_pass(jobs, dispatcher)
        let_time_pass(jobs, dispatcher, 120)
        assert status(jobs, run.job_rid) == "RUNNING"
        let_time_pass(jobs, dispatcher, 20)
        wait_for_status(jobs, run.job_rid, "FAILED")


def test_a_job_of_a_server_that_is_away_can_be_cancelled(
    jobs: InProcessJobs, workers: SleepingWorkers
) -> None:
    run = jobs.run(owner="another server")
    with jobs.dispatching(workers) as dispatcher:
        jobs.cancel(run.build_rid)
        a_pass(jobs, dispatcher)
        assert status(jobs, run.job_rid) == "RUNNING"  # its own server may be about to do it
        let_time_pass(jobs, dispatcher, 20)
        wait_for_status(jobs, run.job_rid, "CANCELED")


def test_servers_with_one_database_share_its_queue(jobs: InProcessJobs, tmp_path: Path) -> None:
    url = jobs.database.url.render_as_string(hide_password=False)
    others = open_jobs(tmp_path / "other data", url)
    here, there = SleepingWorkers(tmp_path / "here"), SleepingWorkers(tmp_path / "there")
    try:
        with jobs.dispatching(here), others.dispatching(there):
            rids = [jobs.submit().job_rid for _ in range(8)]
            wait_for_start(jobs, rids[-1])
            wait_for(lambda: len(here.requests + there.requests) == 8, seconds=SECONDS)
        assert sorted(here.started + there.started) == sorted(rids)
        assert len(here.requests) == len(there.requests) == 4
    finally:
        here.end()
        there.end()
        others.database.close()


def test_two_servers_with_one_data_directory_do_not_both_dispatch(
    jobs: InProcessJobs, workers: SleepingWorkers, tmp_path: Path
) -> None:
    idle = SleepingWorkers(tmp_path / "idle")
    with jobs.dispatching(workers) as first:
        a_pass(jobs, first)
        with jobs.dispatching(idle):
            rids = [jobs.submit().job_rid for _ in range(5)]
            wait_for_start(jobs, rids[3])
            assert idle.requests == []
    assert workers.started == rids[:4]


def test_the_dispatcher_goes_on_after_a_fault(
    jobs: InProcessJobs, workers: SleepingWorkers, monkeypatch: pytest.MonkeyPatch
) -> None:
    original, faults = jobs.store.counts, [OSError("one"), OSError("two")]

    def fail_twice(tx: Any) -> dict[str, int]:
        if faults:
            raise faults.pop()
        return original(tx)

    monkeypatch.setattr(jobs.store, "counts", fail_twice)
    with jobs.dispatching(workers):
        rid = jobs.submit().job_rid
        wait_for_start(jobs, rid)
    assert faults == []


def test_operators_see_how_many_jobs_wait_and_run(
    jobs: InProcessJobs, workers: SleepingWorkers
) -> None:
    rids = [jobs.submit(cpu=4.0).job_rid for _ in range(3)]
    with jobs.dispatching(workers) as dispatcher:
        wait_for_start(jobs, rids[0])
        with jobs.database.write() as tx:
            jobs.workers.heartbeat(tx, rids[0], 1, 123)
        a_pass(jobs, dispatcher)
        a_pass(jobs, dispatcher)
    sample = jobs.metrics.registry.get_sample_value
    assert sample("modelstudio_jobs", {"status": "WAITING"}) == 2
    assert sample("modelstudio_jobs", {"status": "RUNNING"}) == 1
    assert sample("modelstudio_workers_memory_bytes") == 123


@pytest.mark.parametrize(
    ("host", "url"),
    [
        ("127.0.0.1", "http://127.0.0.1:80"),
        ("0.0.0.0", "http://127.0.0.1:80"),
        ("::", "http://[::1]:80"),
        ("fe80::1", "http://[fe80::1]:80"),
        ("studio.internal", "http://studio.internal:80"),
    ],
)
def test_workers_are_given_an_address_that_can_be_reached(host: str, url: str) -> None:
    assert local_url(host, 80) == url
