"""Builds and jobs: submitting, looking, cancelling, and what a worker may ask and report."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from modelstudio.errors import Gone, InvalidArgument, NotFound
from modelstudio.filesystem.service import Role
from modelstudio.kit import rids
from modelstudio.orchestration import wire
from modelstudio.orchestration.errors import (
    BuildNotFound,
    CancelBuildPermissionDenied,
    JobNotFound,
)
from modelstudio.orchestration.handler import Submitted
from modelstudio.orchestration.lifecycle import handled
from modelstudio.orchestration.store import Build, LogLine

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from contextlib import AbstractContextManager
    from pathlib import Path

    import sqlalchemy as sa

    from modelstudio.compute.base import Capacity
    from modelstudio.filesystem.service import FilesystemService, Located
    from modelstudio.kit.clock import Clock, IdSource
    from modelstudio.kit.routing import Caller
    from modelstudio.orchestration.handler import JobHandler, JobRequest
    from modelstudio.orchestration.lifecycle import JobLifecycle
    from modelstudio.orchestration.store import Job, OrchestrationStore, Worker
    from modelstudio.orchestration.wakeup import Wakeup

#: A trainer that never stops talking shall not fill the database.
_MAX_LOG_LINES: Final = 100_000
#: What a kind of jobs may limit besides the resources that are counted.
_OWN_LIMITS: Final = ("wallSeconds", "diskBytes", "gpu")


class OrchestrationService:
    """For users and other domains."""

    def __init__(
        self,
        store: OrchestrationStore,
        lifecycle: JobLifecycle,
        filesystem: FilesystemService,
        clock: Clock,
        ids: IdSource,
        wakeup: Wakeup,
        capacity: Capacity,
    ) -> None:
        self._store = store
        self._lifecycle = lifecycle
        self._filesystem = filesystem
        self._clock = clock
        self._ids = ids
        self._wakeup = wakeup
        self._capacity = capacity

    def register(self, kind: str, handler: JobHandler) -> None:
        """Name the handler of a kind of jobs; do so before the dispatcher starts."""
        self._lifecycle.register(kind, handler)

    def capacity(self) -> tuple[float, int]:
        """Return the cores and the bytes of memory that all jobs here may use together."""
        return self._capacity.cpu, self._capacity.memory_bytes

    def gpu_types(self) -> frozenset[str]:
        """Return the types of the GPUs that jobs here may use."""
        return self._capacity.gpu_types

    def fits(self, cpu: float, memory_bytes: int) -> bool:
        """Whether a job that needs this much can ever run here."""
        return cpu <= self._capacity.cpu and memory_bytes <= self._capacity.memory_bytes

    def submit(
        self, tx: sa.Connection, caller: Caller, request: JobRequest, *, retries: int = 0
    ) -> Submitted:
        """Queue a build of one job, which starts after this transaction was committed.

        Raises
        ------
        ValueError
            When the job needs more than this server has.
        """
        if not self.fits(request.cpu, request.memory_bytes):
            raise ValueError(
                f"The job needs {request.cpu:g} cores and {request.memory_bytes} bytes of memory; "
                f"there are {self._capacity.cpu:g} and {self._capacity.memory_bytes}."
            )
        now = self._clock.now_millis()
        build = Build(
            rid=rids.BUILD + self._ids.uuid(),
            subject_rid=request.subject_rid,
            branch=request.branch,
            status="RUNNING",
            retry_count=retries,
            created_by=caller.user_id,
            created_at=now,
        )
        job_rid = rids.JOB + self._ids.uuid()
        self._store.add_build(tx, build)
        self._store.add_job(
            tx,
            rid=job_rid,
            build_rid=build.rid,
            kind=request.kind,
            payload=request.payload,
            cpu=request.cpu,
            memory_bytes=request.memory_bytes,
            retries=retries,
            created_at=now,
        )
        self._wakeup.after(tx)
        return Submitted(build_rid=build.rid, job_rid=job_rid, created_at=now)

    def build(self, tx: sa.Connection, caller: Caller, build_rid: str) -> Build:
        """Return a build that the caller may see.

        Raises
        ------
        BuildNotFound
        """
        return self._visible(tx, caller, build_rid)[0]

    def job_rids(self, tx: sa.Connection, build_rid: str) -> list[str]:
        return self._store.job_rids(tx, build_rid)

    def jobs(
        self,
        tx: sa.Connection,
        caller: Caller,
        build_rid: str,
        *,
        before: int | None,
        limit: int,
    ) -> list[Job]:
        """Return jobs of a build, newest first, that came before a sequence number.

        Raises
        ------
        BuildNotFound
        """
        self._visible(tx, caller, build_rid)
        return self._store.jobs_of(tx, build_rid, before=before, limit=limit)

    def job(self, tx: sa.Connection, caller: Caller, job_rid: str) -> Job:
        """Return a job that the caller may see.

        Raises
        ------
        JobNotFound
        """
        job = self._store.job(tx, job_rid)
        if job is None or self._filesystem.find(tx, caller, job.subject_rid) is None:
            raise JobNotFound(job_rid)
        return job

    def logs(
        self, tx: sa.Connection, caller: Caller, job_rid: str, *, after: int, limit: int
    ) -> list[tuple[int, LogLine]]:
        """Return lines of a job's log with their ids, oldest first, after an id.

        Raises
        ------
        JobNotFound
        """
        self.job(tx, caller, job_rid)
        return self._store.logs(tx, job_rid, after=after, limit=limit)

    def cancel(self, tx: sa.Connection, caller: Caller, build_rid: str) -> None:
        """End a waiting build now, a running one soon; a finished one stays as it is.

        Raises
        ------
        BuildNotFound, CancelBuildPermissionDenied
        """
        _, subject = self._visible(tx, caller, build_rid)
        if subject.role < Role.EDITOR:
            raise CancelBuildPermissionDenied(build_rid)
        for job_rid in self._store.job_rids(tx, build_rid):
            self._lifecycle.cancel(tx, job_rid)

    def _visible(self, tx: sa.Connection, caller: Caller, build_rid: str) -> tuple[Build, Located]:
        build = self._store.build(tx, build_rid)
        subject = None
        if build is not None:
            subject = self._filesystem.find(tx, caller, build.subject_rid)
        if build is None or subject is None:
            raise BuildNotFound(build_rid)
        return build, subject


class WorkerService:
    """For the workers of running jobs, see ``docs/worker-protocol.md``.

    Every method may be called again with the same arguments. Those that name an attempt raise
    `Gone` when it is not the one that is running.
    """

    def __init__(
        self,
        store: OrchestrationStore,
        lifecycle: JobLifecycle,
        clock: Clock,
        *,
        heartbeat_seconds: float,
    ) -> None:
        self._store = store
        self._lifecycle = lifecycle
        self._clock = clock
        self._heartbeat_seconds = heartbeat_seconds

    def specification(self, tx: sa.Connection, job_rid: str) -> dict[str, Any]:
        job = self._live(tx, job_rid)
        own = self._lifecycle.handler(job).specification(tx, handled(job))
        resources = {"cpu": job.cpu, "memoryBytes": job.memory_bytes}
        resources |= {name: own.pop(name) for name in _OWN_LIMITS if name in own}
        return {
            **own,
            "jobRid": job.rid,
            "attempt": job.attempt,
            "heartbeatSeconds": self._heartbeat_seconds,
            "resources": resources,
        }

    def job(self, tx: sa.Connection, job_rid: str) -> Job:
        """Return the job while it is running."""
        return self._live(tx, job_rid)

    def input_file(self, job: Job, alias: str) -> AbstractContextManager[Path]:
        """Give an input table as a file; holds no transaction, raises as `JobHandler` says."""
        return self._lifecycle.handler(job).input_file(handled(job), alias)

    def heartbeat(self, tx: sa.Connection, job_rid: str, attempt: int, rss_bytes: int) -> bool:
        """Note that a worker lives; return whether its job is to be cancelled."""
        job = self._live(tx, job_rid)
        if job.attempt != attempt:
            raise Gone
        now = self._clock.now_millis()
        self._store.update_worker(tx, job_rid, attempt, heartbeat_at=now, rss_bytes=rss_bytes)
        return job.cancel_requested_at is not None

    def events(
        self, tx: sa.Connection, job_rid: str, attempt: int, first: int, events: Sequence[Any]
    ) -> None:
        """Take the events ``first``, ``first + 1``, ..., but for those that were taken before."""
        job, worker = self._current(tx, job_rid, attempt)
        after = first + len(events)
        if after <= worker.next_event:
            return
        fresh = events[max(0, worker.next_event - first) :]
        lines, reports, malformed = wire.sort_events(fresh)
        log = [LogLine(line.time, line.level, wire.shortened(line.message)) for line in lines]
        if malformed:
            note = f"Malformed reports that were left out: {malformed}."
            log.append(LogLine(self._clock.now_millis(), "WARNING", note))
        self._append(tx, job, log)
        if reports:
            self._lifecycle.handler(job).on_events(tx, handled(job), reports)
        self._store.update_worker(tx, job_rid, attempt, next_event=after)

    def table(
        self,
        tx: sa.Connection,
        job_rid: str,
        attempt: int,
        *,
        name: str,
        description: str,
        row_count: int,
        size_bytes: int,
        blob_key: str,
    ) -> str | None:
        """Keep an artifact table; return the key of the blob it replaces."""
        job, _ = self._current(tx, job_rid, attempt)
        return self._lifecycle.handler(job).on_table(
            tx,
            handled(job),
            name=name,
            description=description,
            row_count=row_count,
            size_bytes=size_bytes,
            blob_key=blob_key,
        )

    def model(self, tx: sa.Connection, job_rid: str, attempt: int, blob_key: str) -> str | None:
        """Keep the packaged model; return the key of the blob it replaces."""
        _, worker = self._current(tx, job_rid, attempt)
        self._store.update_worker(tx, job_rid, attempt, model_blob=blob_key)
        return worker.model_blob

    def complete(
        self, tx: sa.Connection, job_rid: str, attempt: int, result: Mapping[str, Any]
    ) -> None:
        """End the job with success; all that it made becomes visible with this transaction.

        Raises
        ------
        InvalidArgument
            When the model has not been uploaded.
        """
        done = self._store.locked_job(tx, job_rid)
        if done is not None and done.status == "SUCCEEDED" and done.attempt == attempt:
            return
        job, worker = self._current(tx, job_rid, attempt)
        if worker.model_blob is None:
            raise InvalidArgument("The model has not been uploaded.")
        self._lifecycle.succeed(tx, job, result, worker.model_blob)

    def fail(self, tx: sa.Connection, job_rid: str, attempt: int, reason: str) -> None:
        """End the attempt without a result; the reason is for the user."""
        if not self._lifecycle.fail(tx, job_rid, attempt, wire.shortened(reason)):
            raise Gone

    def _live(self, tx: sa.Connection, job_rid: str) -> Job:
        job = self._store.job(tx, job_rid)
        if job is None:
            raise NotFound
        if job.status != "RUNNING":
            raise Gone
        return job

    def _current(self, tx: sa.Connection, job_rid: str, attempt: int) -> tuple[Job, Worker]:
        job = self._lifecycle.running(tx, job_rid, attempt)
        worker = None if job is None else self._store.worker(tx, job_rid, attempt)
        if job is None or worker is None:
            raise Gone
        return job, worker

    def _append(self, tx: sa.Connection, job: Job, lines: list[LogLine]) -> None:
        room = _MAX_LOG_LINES - job.log_lines
        if lines and room <= 0:
            return
        if len(lines) >= room:
            last = LogLine(lines[room - 1].time, "WARNING", "The log is full and ends here.")
            lines = [*lines[: room - 1], last]
        self._store.add_logs(tx, job.rid, lines)
