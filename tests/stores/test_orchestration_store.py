"""What the orchestration store promises, on both databases."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

from databases import DIALECTS
from modelstudio.compute.base import Capacity
from modelstudio.orchestration.store import LogLine
from orchestration.in_process_jobs import GIGABYTE, InProcessJobs, jobs_on

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

THREADS = 6
EVERYTHING = Capacity(1000.0, 1000 * GIGABYTE)


@pytest.fixture(params=DIALECTS)
def jobs(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[InProcessJobs]:
    with jobs_on(request.param, request, tmp_path) as opened:
        yield opened


def head(jobs: InProcessJobs, capacity: Capacity = EVERYTHING) -> str | None:
    with jobs.database.read() as tx:
        waiting = jobs.store.next_waiting(tx, capacity)
    return None if waiting is None else waiting.rid


def claim(jobs: InProcessJobs, rid: str, owner: str = "server") -> int | None:
    with jobs.database.write() as tx:
        return jobs.store.claim(tx, rid, owner=owner, at=jobs.clock.now)


def in_threads(action: Callable[[int], object]) -> list[object]:
    """Run the action in several threads that start together."""
    barrier = threading.Barrier(THREADS)

    def run(number: int) -> object:
        barrier.wait()
        return action(number)

    with ThreadPoolExecutor(THREADS) as pool:
        return list(pool.map(run, range(THREADS)))


def test_jobs_leave_the_queue_in_the_order_in_which_they_came(jobs: InProcessJobs) -> None:
    submitted = [jobs.submit().job_rid for _ in range(5)]
    left = []
    while (rid := head(jobs)) is not None:
        claim(jobs, rid)
        left.append(rid)
    assert left == submitted


def test_a_job_that_waits_again_has_its_old_place(jobs: InProcessJobs) -> None:
    first, second = jobs.submit().job_rid, jobs.submit().job_rid
    claim(jobs, first)
    assert head(jobs) == second
    with jobs.database.write() as tx:
        assert jobs.store.requeue(tx, jobs.job(first), retries_left=0)
    assert head(jobs) == first


@pytest.mark.parametrize("capacity", [Capacity(1.0, 8 * GIGABYTE), Capacity(4.0, GIGABYTE)])
def test_a_job_too_large_for_a_server_does_not_hold_up_its_queue(
    jobs: InProcessJobs, capacity: Capacity
) -> None:
    large = jobs.submit(cpu=2.0, memory_bytes=2 * GIGABYTE).job_rid
    small = jobs.submit().job_rid
    assert head(jobs, capacity) == small
    assert head(jobs) == large


def test_a_job_is_never_claimed_twice(jobs: InProcessJobs) -> None:
    submitted = [jobs.submit().job_rid for _ in range(20)]

    def work(number: int) -> list[str]:
        claimed = []
        while (rid := head(jobs)) is not None:
            if claim(jobs, rid, f"server {number}") is not None:
                claimed.append(rid)
        return claimed

    claimed = [rid for one in in_threads(work) for rid in one]  # type: ignore[attr-defined]
    assert sorted(claimed) == sorted(submitted)
    with jobs.database.read() as tx:
        workers = jobs.store.all_workers(tx)
    assert sorted(worker.job_rid for worker in workers) == sorted(submitted)
    assert {worker.attempt for worker in workers} == {1}


@pytest.mark.parametrize("status", ["SUCCEEDED", "FAILED", "CANCELED"])
def test_a_job_ends_once_however_many_end_it(jobs: InProcessJobs, status: str) -> None:
    run = jobs.run()
    job = jobs.job(run.job_rid)

    def end(number: int) -> bool:
        with jobs.database.write() as tx:
            return jobs.store.finish(tx, job, status, 1000 + number)

    ended = in_threads(end)
    assert ended.count(True) == 1
    finished = jobs.job(run.job_rid)
    assert (finished.status, finished.finished_at) == (status, 1000 + ended.index(True))
    assert jobs.build_status(run.build_rid) == status


def test_an_earlier_attempt_changes_nothing(jobs: InProcessJobs) -> None:
    run = jobs.run()
    first = jobs.job(run.job_rid)
    with jobs.database.write() as tx:
        assert jobs.store.requeue(tx, first, retries_left=0)
    assert claim(jobs, run.job_rid) == 2
    with jobs.database.write() as tx:
        assert not jobs.store.finish(tx, first, "FAILED", 1)
        assert not jobs.store.requeue(tx, first, retries_left=5)
        assert not jobs.store.request_cancel(tx, first, 1)
    assert jobs.job(run.job_rid).status == "RUNNING"
    with jobs.database.read() as tx:
        workers = jobs.store.all_workers(tx)
    assert [(worker.attempt, worker.is_wanted) for worker in workers] == [(1, False), (2, True)]


def test_only_the_running_attempt_of_a_running_job_is_wanted(jobs: InProcessJobs) -> None:
    run = jobs.run()
    with jobs.database.write() as tx:
        (worker,) = jobs.store.all_workers(tx)
        assert worker.is_wanted
        jobs.store.finish(tx, jobs.job(run.job_rid), "SUCCEEDED", 1)
        (worker,) = jobs.store.all_workers(tx)
    assert not worker.is_wanted


def test_what_a_worker_has_said_last_is_kept(jobs: InProcessJobs) -> None:
    run = jobs.run(owner="server 7")
    handle = {"pid": 4711, "workDir": "/somewhere"}
    with jobs.database.write() as tx:
        before = jobs.store.worker(tx, run.job_rid, 1)
        jobs.store.update_worker(tx, run.job_rid, 1, handle=handle, heartbeat_at=5)
        jobs.store.update_worker(tx, run.job_rid, 1, next_event=12, model_blob="models/a")
        after = jobs.store.worker(tx, run.job_rid, 1)
        jobs.store.remove_worker(tx, run.job_rid, 1)
        removed = jobs.store.worker(tx, run.job_rid, 1)
    assert before is not None
    assert after is not None
    assert (before.handle, before.last_sign_of_life) == (None, jobs.clock.now)
    assert (after.owner, after.handle, after.last_sign_of_life) == ("server 7", handle, 5)
    assert (after.next_event, after.model_blob) == (12, "models/a")
    assert removed is None


def test_a_log_is_read_in_parts_in_the_order_it_was_written(jobs: InProcessJobs) -> None:
    one, other = jobs.submit(), jobs.submit()
    written = [LogLine(number, "INFO", f"line {number}") for number in range(7)]
    with jobs.database.write() as tx:
        for line in written:
            jobs.store.add_logs(tx, one.job_rid, [line])
            jobs.store.add_logs(tx, other.job_rid, [LogLine(0, "INFO", "other")])
        read, after = [], 0
        while part := jobs.store.logs(tx, one.job_rid, after=after, limit=3):
            read += [line for _, line in part]
            after = part[-1][0]
    assert read == written
    assert jobs.job(one.job_rid).log_lines == 7


def test_waiting_and_running_jobs_are_counted(jobs: InProcessJobs) -> None:
    for _ in range(3):
        jobs.submit()
    finished = jobs.run()
    jobs.run()
    with jobs.database.write() as tx:
        jobs.store.finish(tx, jobs.job(finished.job_rid), "FAILED", 1)
        assert jobs.store.counts(tx) == {"WAITING": 3, "RUNNING": 1}


_FINISHED = """
INSERT INTO jobs (rid, build_rid, kind, payload, cpu, memory_bytes, status, attempt, retries_left,
                  log_lines, created_at)
SELECT 'old ' || n, :build, 'test', '{}', 1, 1, 'SUCCEEDED', 1, 0, 0, 0 FROM numbers
"""
_NUMBERS = """
WITH RECURSIVE numbers(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < 20000)
"""


def test_the_queue_is_read_without_a_look_at_finished_jobs(jobs: InProcessJobs) -> None:
    waiting = jobs.submit()
    with jobs.database.write() as tx:
        insert, select = _FINISHED.split("SELECT", 1)
        tx.execute(sa.text(f"{insert} {_NUMBERS} SELECT {select}"), {"build": waiting.build_rid})
        tx.execute(sa.text("ANALYZE jobs"))
    statements: list[tuple[str, object]] = []

    def note(_c: object, _cursor: object, text: str, values: object, *_: object) -> None:
        if "FROM jobs" in text:
            statements.append((text, values))

    sa.event.listen(jobs.database.engine, "before_cursor_execute", note)
    with jobs.database.read() as tx:
        found = jobs.store.next_waiting(tx, EVERYTHING)
        jobs.store.counts(tx)
        explain = "EXPLAIN QUERY PLAN" if jobs.database.is_sqlite else "EXPLAIN"
        plans = [
            "\n".join(str(row) for row in tx.exec_driver_sql(f"{explain} {text}", values))  # type: ignore[arg-type]
            for text, values in list(statements)
        ]
    assert found is not None
    assert found.rid == waiting.job_rid
    assert len(plans) == 2
    for plan in plans:
        assert "ix_jobs_status_sequence" in plan
        assert "Seq Scan" not in plan
        assert "SCAN jobs" not in plan
