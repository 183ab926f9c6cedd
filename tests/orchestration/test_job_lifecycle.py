"""A job ends once, whoever ends it, and what belongs to its end happens with it."""

from __future__ import annotations

import contextlib
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

from modelstudio.errors import Gone, InvalidArgument, Unauthorized
from modelstudio.identity.service import TokenAuthenticator
from modelstudio.orchestration.handler import JobRequest
from orchestration.in_process_jobs import GIGABYTE, RESULT
from orchestration.journal import KIND

if TYPE_CHECKING:
    from collections.abc import Callable

    from orchestration.in_process_jobs import InProcessJobs

MUCH = 100 * GIGABYTE


def finished_counts(jobs: InProcessJobs) -> dict[str, float]:
    (family,) = jobs.metrics.jobs_finished.collect()
    return {
        sample.labels["status"]: sample.value
        for sample in family.samples
        if sample.name.endswith("_total")
    }


def test_a_submitted_build_is_running_and_its_job_waits(jobs: InProcessJobs) -> None:
    submitted = jobs.submit()
    job = jobs.job(submitted.job_rid)
    assert jobs.build_status(submitted.build_rid) == "RUNNING"
    assert (job.status, job.attempt, job.created_at) == ("WAITING", 0, submitted.created_at)
    assert job.created_by == jobs.admin.user_id


def test_a_submission_that_is_rolled_back_leaves_nothing(jobs: InProcessJobs) -> None:
    request = JobRequest(KIND, jobs.subject_rid, "master", 1.0, GIGABYTE, {})
    with jobs.database.engine.connect() as connection, connection.begin() as transaction:
        submitted = jobs.service.submit(connection, jobs.admin, request)
        transaction.rollback()
    with jobs.database.read() as tx:
        assert jobs.store.build(tx, submitted.build_rid) is None
        assert jobs.store.job(tx, submitted.job_rid) is None


@pytest.mark.parametrize(("cpu", "memory"), [(4.5, GIGABYTE), (1.0, MUCH)])
def test_a_job_larger_than_the_server_is_refused(
    jobs: InProcessJobs, cpu: float, memory: int
) -> None:
    assert not jobs.service.fits(cpu, memory)
    with pytest.raises(ValueError, match="The job needs"):
        jobs.submit(cpu=cpu, memory_bytes=memory)
    cores, memory_bytes = jobs.service.capacity()
    assert jobs.service.fits(cores, memory_bytes)
    assert jobs.submit(cpu=cores, memory_bytes=memory_bytes).job_rid


def test_a_result_is_published_with_the_end_of_the_job(jobs: InProcessJobs) -> None:
    run = jobs.run()
    jobs.clock.now += 5000
    key = jobs.upload_model(run.job_rid)
    jobs.complete(run.job_rid)
    job = jobs.job(run.job_rid)
    assert (job.status, job.finished_at) == ("SUCCEEDED", jobs.clock.now)
    assert jobs.build_status(run.build_rid) == "SUCCEEDED"
    assert jobs.journal(run.job_rid) == [("succeeded", {"result": RESULT, "blob": key})]
    assert finished_counts(jobs) == {"SUCCEEDED": 1.0}


def test_a_second_complete_changes_nothing(jobs: InProcessJobs) -> None:
    run = jobs.run()
    jobs.upload_model(run.job_rid)
    jobs.complete(run.job_rid)
    jobs.complete(run.job_rid)
    assert len(jobs.journal(run.job_rid)) == 1


def test_a_result_without_a_model_is_refused(jobs: InProcessJobs) -> None:
    run = jobs.run()
    with pytest.raises(InvalidArgument, match="model"):
        jobs.complete(run.job_rid)
    assert jobs.job(run.job_rid).status == "RUNNING"


def test_a_reason_reaches_the_handler_and_the_log(jobs: InProcessJobs) -> None:
    run = jobs.run()
    jobs.fail(run.job_rid, reason="It broke.")
    assert jobs.journal(run.job_rid) == [("ended", {"status": "FAILED", "reason": "It broke."})]
    assert jobs.log(run.job_rid) == ["It broke."]
    assert jobs.build_status(run.build_rid) == "FAILED"


def _complete(jobs: InProcessJobs, rid: str) -> None:
    jobs.complete(rid)


def _fail(jobs: InProcessJobs, rid: str) -> None:
    jobs.fail(rid)


def _report(jobs: InProcessJobs, rid: str) -> None:
    with jobs.database.write() as tx:
        jobs.workers.events(tx, rid, 1, 0, [])


def _beat(jobs: InProcessJobs, rid: str) -> None:
    with jobs.database.write() as tx:
        jobs.workers.heartbeat(tx, rid, 1, 0)


def _ask(jobs: InProcessJobs, rid: str) -> None:
    with jobs.database.read() as tx:
        jobs.workers.specification(tx, rid)


def _upload(jobs: InProcessJobs, rid: str) -> None:
    jobs.upload_model(rid)


REQUESTS = [_complete, _fail, _report, _beat, _ask, _upload]


@pytest.mark.parametrize("request_of_worker", REQUESTS)
def test_a_worker_of_a_cancelled_job_is_told_to_go(
    jobs: InProcessJobs, request_of_worker: Callable[[InProcessJobs, str], None]
) -> None:
    run = jobs.run()
    jobs.upload_model(run.job_rid)
    jobs.cancel(run.build_rid)
    with jobs.database.write() as tx:
        assert jobs.lifecycle.fail(tx, run.job_rid, 1, "The build was cancelled.")
    with pytest.raises(Gone):
        request_of_worker(jobs, run.job_rid)
    assert [what for what, _ in jobs.journal(run.job_rid)] == ["ended"]
    assert jobs.job(run.job_rid).status == "CANCELED"


@pytest.mark.parametrize("request_of_worker", [one for one in REQUESTS if one is not _ask])
def test_a_worker_of_an_earlier_attempt_is_told_to_go(
    jobs: InProcessJobs, request_of_worker: Callable[[InProcessJobs, str], None]
) -> None:
    run = jobs.run(retries=1)
    jobs.upload_model(run.job_rid)
    jobs.fail(run.job_rid)
    with jobs.database.write() as tx:
        assert jobs.lifecycle.claim(tx, run.job_rid, "server") is not None
    with pytest.raises(Gone):
        request_of_worker(jobs, run.job_rid)
    assert jobs.job(run.job_rid).status == "RUNNING"


def test_of_all_who_end_a_job_at_once_one_does(jobs: InProcessJobs) -> None:
    for _ in range(5):
        run = jobs.run()
        jobs.upload_model(run.job_rid)
        jobs.cancel(run.build_rid)
        _end_at_once(jobs, run.job_rid)
        (entry,) = jobs.journal(run.job_rid)
        status = jobs.job(run.job_rid).status
        assert status in {"SUCCEEDED", "CANCELED"}
        assert entry[0] == ("succeeded" if status == "SUCCEEDED" else "ended")
        assert jobs.build_status(run.build_rid) == status
    assert sum(finished_counts(jobs).values()) == 5


def _end_at_once(jobs: InProcessJobs, job_rid: str) -> None:
    """Have a worker complete and fail and a dispatcher give up, twice each."""
    barrier = threading.Barrier(6)

    def dispatcher_fails(jobs: InProcessJobs, rid: str) -> None:
        with jobs.database.write() as tx:
            jobs.lifecycle.fail(tx, rid, 1, "The worker stopped answering.")

    def end(number: int) -> None:
        barrier.wait()
        with contextlib.suppress(Gone):
            [_complete, _fail, dispatcher_fails][number % 3](jobs, job_rid)

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(end, range(6)))


def test_a_waiting_job_is_cancelled_at_once(jobs: InProcessJobs) -> None:
    submitted = jobs.submit()
    jobs.cancel(submitted.build_rid)
    assert jobs.build_status(submitted.build_rid) == "CANCELED"
    assert jobs.journal(submitted.job_rid, "ended")[0]["status"] == "CANCELED"
    with jobs.database.write() as tx:
        assert jobs.lifecycle.claim(tx, submitted.job_rid, "server") is None


def test_the_worker_of_a_job_to_cancel_hears_of_it(jobs: InProcessJobs) -> None:
    run = jobs.run()
    with jobs.database.write() as tx:
        assert not jobs.workers.heartbeat(tx, run.job_rid, 1, 1000)
    jobs.cancel(run.build_rid)
    assert jobs.build_status(run.build_rid) == "RUNNING"
    with jobs.database.write() as tx:
        assert jobs.workers.heartbeat(tx, run.job_rid, 1, 1000)


def test_a_finished_build_stays_as_it_is_when_cancelled(jobs: InProcessJobs) -> None:
    run = jobs.run()
    jobs.fail(run.job_rid)
    before = jobs.job(run.job_rid)
    jobs.cancel(run.build_rid)
    assert jobs.job(run.job_rid) == before
    assert len(jobs.journal(run.job_rid)) == 1


def test_a_build_with_retries_fails_when_none_is_left(jobs: InProcessJobs) -> None:
    run = jobs.run(retries=1)
    jobs.fail(run.job_rid, reason="First.")
    assert jobs.job(run.job_rid).status == "WAITING"
    assert jobs.build_status(run.build_rid) == "RUNNING"
    assert jobs.journal(run.job_rid) == []
    with jobs.database.write() as tx:
        claim = jobs.lifecycle.claim(tx, run.job_rid, "server")
    assert claim is not None
    assert claim.job.attempt == 2
    jobs.fail(run.job_rid, 2, reason="Second.")
    assert jobs.journal(run.job_rid, "ended") == [{"status": "FAILED", "reason": "Second."}]
    assert jobs.log(run.job_rid) == ["Attempt 1 failed: First.", "Second."]


def test_a_cancelled_build_is_not_tried_again(jobs: InProcessJobs) -> None:
    run = jobs.run(retries=3)
    jobs.cancel(run.build_rid)
    jobs.fail(run.job_rid)
    assert jobs.build_status(run.build_rid) == "CANCELED"


def test_a_job_that_never_started_waits_again_without_losing_a_retry(jobs: InProcessJobs) -> None:
    run = jobs.run(retries=1)
    with jobs.database.write() as tx:
        jobs.lifecycle.requeue_unstarted(tx, run.job_rid, 1)
        jobs.lifecycle.requeue_unstarted(tx, run.job_rid, 1)
    job = jobs.job(run.job_rid)
    assert (job.status, job.attempt, job.retries_left) == ("WAITING", 1, 1)


def _end_by_complete(jobs: InProcessJobs, rid: str) -> None:
    jobs.upload_model(rid)
    jobs.complete(rid)


def _end_by_requeue(jobs: InProcessJobs, rid: str) -> None:
    with jobs.database.write() as tx:
        jobs.lifecycle.requeue_unstarted(tx, rid, 1)


@pytest.mark.parametrize("end", [_end_by_complete, _fail, _end_by_requeue])
def test_a_token_is_good_for_no_longer_than_its_attempt(
    jobs: InProcessJobs, end: Callable[[InProcessJobs, str], None]
) -> None:
    submitted = jobs.submit()
    with jobs.database.write() as tx:
        claim = jobs.lifecycle.claim(tx, submitted.job_rid, "server")
    assert claim is not None
    reader = jobs.database.direct()
    authenticator = TokenAuthenticator(reader, jobs.clock)
    caller = authenticator.authenticate(f"Bearer {claim.token}")
    assert caller.job_rid == submitted.job_rid
    end(jobs, submitted.job_rid)
    with pytest.raises(Unauthorized):
        authenticator.authenticate(f"Bearer {claim.token}")
    reader.close()


def test_nothing_of_a_refused_result_stays(jobs: InProcessJobs) -> None:
    """What the handler wrote before it refused, and the end of the job, are undone together."""
    payload = {"trainer": {}, "customConfig": {}, "inputs": {}, "refusal": "The model is gone."}
    run = jobs.run(payload=payload)
    jobs.upload_model(run.job_rid)
    with pytest.raises(Exception, match="The model is gone"):
        jobs.complete(run.job_rid)
    assert jobs.journal(run.job_rid) == []
    assert jobs.job(run.job_rid).status == "RUNNING"
    assert finished_counts(jobs) == {}


def test_the_dispatcher_wakes_when_a_submission_can_be_seen_and_not_before(
    jobs: InProcessJobs,
) -> None:
    jobs.wakeup.wait(0)
    request = JobRequest(KIND, jobs.subject_rid, "master", 1.0, GIGABYTE, {})
    with jobs.database.write() as tx:
        jobs.service.submit(tx, jobs.admin, request)
        with jobs.database.engine.connect() as other:  # a reader comes and goes meanwhile
            other.execute(sa.text("SELECT 1"))
        assert not jobs.wakeup.wait(0)
    assert jobs.wakeup.wait(0)
    with jobs.database.read() as tx:
        tx.execute(sa.text("SELECT 1"))
    assert not jobs.wakeup.wait(0)
