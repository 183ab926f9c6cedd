"""What can become of a job: the only place that changes its status.

    WAITING --claim--> RUNNING --succeed--> SUCCEEDED
       |  <--requeue--    |  --fail-------> FAILED      (or WAITING again, while retries are left)
       '----cancel--------+---------------> CANCELED

A worker, a user and a dispatcher may try to end the same job at the same time. Whoever comes first
wins, and what belongs to the end (the build, the handler, the token, the log) is done once, in the
same transaction.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from modelstudio.orchestration.handler import HandledJob
from modelstudio.orchestration.store import LogLine

if TYPE_CHECKING:
    from collections.abc import Mapping

    import sqlalchemy as sa

    from modelstudio.identity.service import IdentityService
    from modelstudio.kit.clock import Clock
    from modelstudio.kit.metrics import Metrics
    from modelstudio.orchestration.handler import EndStatus, JobHandler
    from modelstudio.orchestration.store import Job, OrchestrationStore
    from modelstudio.orchestration.wakeup import Wakeup

_CANCELED: Final = "The build was cancelled."


@dataclass(frozen=True, slots=True)
class Claim:
    """A job that this server has to start a worker for."""

    job: Job
    token: str = field(repr=False)


def handled(job: Job) -> HandledJob:
    """Return the job as its handler sees it."""
    return HandledJob(
        rid=job.rid,
        build_rid=job.build_rid,
        kind=job.kind,
        subject_rid=job.subject_rid,
        created_by=job.created_by,
        payload=job.payload,
    )


class JobLifecycle:
    """Runs in the caller's transaction, which must be one that may write."""

    def __init__(
        self,
        store: OrchestrationStore,
        identity: IdentityService,
        clock: Clock,
        metrics: Metrics,
        wakeup: Wakeup,
    ) -> None:
        self._store = store
        self._identity = identity
        self._clock = clock
        self._metrics = metrics
        self._wakeup = wakeup
        self._handlers: dict[str, JobHandler] = {}

    def register(self, kind: str, handler: JobHandler) -> None:
        self._handlers[kind] = handler

    def handler(self, job: Job) -> JobHandler:
        return self._handlers[job.kind]

    def claim(self, tx: sa.Connection, job_rid: str, owner: str) -> Claim | None:
        """Take a waiting job for a server; None when another was faster."""
        if self._store.claim(tx, job_rid, owner=owner, at=self._clock.now_millis()) is None:
            return None
        job = self._store.job(tx, job_rid)
        assert job is not None  # noqa: S101 - just changed in this transaction
        return Claim(job, self._identity.create_token(tx, job.created_by, job_rid=job_rid))

    def running(self, tx: sa.Connection, job_rid: str, attempt: int) -> Job | None:
        """Return the job, locked, if this attempt is its running one."""
        job = self._store.locked_job(tx, job_rid)
        is_current = job is not None and job.status == "RUNNING" and job.attempt == attempt
        return job if is_current else None

    def succeed(
        self, tx: sa.Connection, job: Job, result: Mapping[str, Any], model_blob: str
    ) -> None:
        """Publish the result of a running job that `running` returned."""
        if self._finish(tx, job, "SUCCEEDED"):
            self.handler(job).on_succeeded(tx, handled(job), result, model_blob)
            self._metrics.jobs_finished.labels("SUCCEEDED").inc()

    def fail(self, tx: sa.Connection, job_rid: str, attempt: int, reason: str) -> bool:
        """End a running attempt that has no result; return whether it was still running.

        The job waits for its next attempt if it has one left, else it has FAILED.
        """
        job = self.running(tx, job_rid, attempt)
        if job is None:
            return False
        if job.cancel_requested_at is not None:
            self._end(tx, job, "CANCELED", _CANCELED)
        elif job.retries_left > 0:
            self._log(tx, job.rid, "WARNING", f"Attempt {attempt} failed: {reason}")
            self._requeue(tx, job, retries_left=job.retries_left - 1)
        else:
            self._end(tx, job, "FAILED", reason)
        return True

    def requeue_unstarted(self, tx: sa.Connection, job_rid: str, attempt: int) -> None:
        """Let a job wait again that was claimed but whose worker may never have started.

        If one did start, it finds its token revoked and ends before it has done anything.
        """
        job = self.running(tx, job_rid, attempt)
        if job is not None and job.cancel_requested_at is not None:
            self._end(tx, job, "CANCELED", _CANCELED)
        elif job is not None:
            self._requeue(tx, job, retries_left=job.retries_left)

    def cancel(self, tx: sa.Connection, job_rid: str) -> None:
        """End a waiting job; have the dispatcher end a running one."""
        job = self._store.locked_job(tx, job_rid)
        if job is None:
            return
        if job.status == "WAITING":
            self._end(tx, job, "CANCELED", _CANCELED)
        elif job.status == "RUNNING" and job.cancel_requested_at is None:
            self._store.request_cancel(tx, job, self._clock.now_millis())
            self._wakeup.after(tx)

    def _end(self, tx: sa.Connection, job: Job, status: EndStatus, reason: str) -> None:
        if self._finish(tx, job, status):
            self._log(tx, job.rid, "ERROR" if status == "FAILED" else "INFO", reason)
            self.handler(job).on_ended(tx, handled(job), status, reason)
            self._metrics.jobs_finished.labels(status).inc()

    def _finish(self, tx: sa.Connection, job: Job, status: str) -> bool:
        if not self._store.finish(tx, job, status, self._clock.now_millis()):
            return False
        self._identity.revoke_job_tokens(tx, job.rid)
        self._wakeup.after(tx)  # to clear up, and to give its place to the next
        return True

    def _requeue(self, tx: sa.Connection, job: Job, *, retries_left: int) -> None:
        if self._store.requeue(tx, job, retries_left=retries_left):
            self._identity.revoke_job_tokens(tx, job.rid)
            self._wakeup.after(tx)

    def _log(self, tx: sa.Connection, job_rid: str, level: str, message: str) -> None:
        line = LogLine(self._clock.now_millis(), level, message)
        self._store.add_logs(tx, job_rid, [line])
