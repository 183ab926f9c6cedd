"""Builds, jobs, their logs, and the workers that run them, as tables."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import sqlalchemy as sa

from modelstudio.kit.database import metadata

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from modelstudio.compute.base import Capacity, WorkerHandle

_Serial: Final = sa.BigInteger().with_variant(sa.Integer(), "sqlite")

builds: Final = sa.Table(
    "builds",
    metadata,
    sa.Column("rid", sa.String(128), primary_key=True),
    sa.Column("subject_rid", sa.String(128), nullable=False),
    sa.Column("branch", sa.String(1000), nullable=False),
    sa.Column("status", sa.String(20), nullable=False),
    sa.Column("retry_count", sa.Integer, nullable=False),
    sa.Column("created_by", sa.String(36), nullable=False),
    sa.Column("created_at", sa.BigInteger, nullable=False),
    sa.Column("finished_at", sa.BigInteger),
)

jobs: Final = sa.Table(
    "jobs",
    metadata,
    # The order in which jobs were submitted, which is the order of the queue.
    sa.Column("sequence", _Serial, primary_key=True, autoincrement=True),
    sa.Column("rid", sa.String(128), nullable=False, unique=True),
    sa.Column("build_rid", sa.ForeignKey("builds.rid"), nullable=False),
    sa.Column("kind", sa.String(64), nullable=False),
    sa.Column("payload", sa.JSON, nullable=False),
    sa.Column("cpu", sa.Float, nullable=False),
    sa.Column("memory_bytes", sa.BigInteger, nullable=False),
    sa.Column("status", sa.String(20), nullable=False),
    sa.Column("attempt", sa.Integer, nullable=False, default=0),
    sa.Column("retries_left", sa.Integer, nullable=False),
    sa.Column("log_lines", sa.Integer, nullable=False, default=0),
    sa.Column("created_at", sa.BigInteger, nullable=False),
    sa.Column("attempt_started_at", sa.BigInteger),
    # Here and not with the build: whoever holds the job's row sees the newest value.
    sa.Column("cancel_requested_at", sa.BigInteger),
    sa.Column("finished_at", sa.BigInteger),
    # The queue and the running jobs are found without a look at the finished ones.
    sa.Index(None, "status", "sequence"),
    sa.Index(None, "build_rid", "sequence"),
)

job_logs: Final = sa.Table(
    "job_logs",
    metadata,
    sa.Column("id", _Serial, primary_key=True, autoincrement=True),
    sa.Column("job_rid", sa.ForeignKey("jobs.rid"), nullable=False),
    sa.Column("time", sa.BigInteger, nullable=False),
    sa.Column("level", sa.String(10), nullable=False),
    sa.Column("message", sa.Text, nullable=False),
    sa.Index(None, "job_rid", "id"),
)

#: A row for each attempt that was begun and has not been cleared away, so the table stays small.
workers: Final = sa.Table(
    "job_workers",
    metadata,
    sa.Column("job_rid", sa.ForeignKey("jobs.rid"), primary_key=True),
    sa.Column("attempt", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("owner", sa.String(36), nullable=False),  # the server that looks after it
    sa.Column("cpu", sa.Float, nullable=False),
    sa.Column("memory_bytes", sa.BigInteger, nullable=False),
    sa.Column("started_at", sa.BigInteger, nullable=False),
    sa.Column("handle", sa.JSON(none_as_null=True)),  # null: not started yet
    sa.Column("heartbeat_at", sa.BigInteger),
    sa.Column("rss_bytes", sa.BigInteger, nullable=False, default=0),
    sa.Column("next_event", sa.BigInteger, nullable=False, default=0),
    sa.Column("model_blob", sa.String(200)),
)


@dataclass(frozen=True, slots=True)
class Build:
    rid: str
    subject_rid: str
    branch: str
    status: str
    retry_count: int
    created_by: str
    created_at: int
    finished_at: int | None = None


@dataclass(frozen=True, slots=True)
class Job:
    """A job with what its build says about it."""

    sequence: int
    rid: str
    build_rid: str
    kind: str
    payload: dict[str, Any]
    cpu: float
    memory_bytes: int
    status: str
    attempt: int
    retries_left: int
    log_lines: int
    created_at: int
    attempt_started_at: int | None
    cancel_requested_at: int | None
    finished_at: int | None
    subject_rid: str
    created_by: str


@dataclass(frozen=True, slots=True)
class Worker:
    """An attempt's worker with what its job has come to meanwhile.

    ``job_status`` is that of the job, which another attempt may have changed; the worker is wanted
    only while its own attempt is the RUNNING one.
    """

    job_rid: str
    attempt: int
    owner: str
    cpu: float
    memory_bytes: int
    started_at: int
    handle: WorkerHandle | None
    heartbeat_at: int | None
    rss_bytes: int
    next_event: int
    model_blob: str | None
    job_status: str
    job_attempt: int
    cancel_requested_at: int | None

    @property
    def is_wanted(self) -> bool:
        return self.job_status == "RUNNING" and self.attempt == self.job_attempt

    @property
    def last_sign_of_life(self) -> int:
        return self.started_at if self.heartbeat_at is None else self.heartbeat_at


class LogLine(NamedTuple):
    time: int
    level: str
    message: str


class Waiting(NamedTuple):
    """The head of the queue."""

    rid: str
    cpu: float
    memory_bytes: int


_JOB_COLUMNS: Final = (*jobs.c, builds.c.subject_rid, builds.c.created_by)
_WORKER_COLUMNS: Final = (
    *workers.c,
    jobs.c.status,
    jobs.c.attempt,
    jobs.c.cancel_requested_at,
)
_BUILDS: Final = sa.select(*tuple(builds.c))
_JOBS: Final = sa.select(*_JOB_COLUMNS).select_from(jobs.join(builds))
_WORKERS: Final = sa.select(*_WORKER_COLUMNS).select_from(workers.join(jobs))


class OrchestrationStore:
    """Runs in the caller's transaction.

    Several servers share one queue. `claim`, `requeue` and `finish` change a job only if it still
    is what the caller believes it to be, and say whether they did: of any that race, one wins.
    """

    # builds and jobs --------------------------------------------------------------------------

    def add_build(self, tx: sa.Connection, build: Build) -> None:
        tx.execute(builds.insert().values(asdict(build)))

    def add_job(
        self,
        tx: sa.Connection,
        *,
        rid: str,
        build_rid: str,
        kind: str,
        payload: Mapping[str, Any],
        cpu: float,
        memory_bytes: int,
        retries: int,
        created_at: int,
    ) -> None:
        """Queue a job behind all others."""
        tx.execute(
            jobs.insert().values(
                rid=rid,
                build_rid=build_rid,
                kind=kind,
                payload=dict(payload),
                cpu=cpu,
                memory_bytes=memory_bytes,
                status="WAITING",
                retries_left=retries,
                created_at=created_at,
            )
        )

    def build(self, tx: sa.Connection, rid: str) -> Build | None:
        row = tx.execute(_BUILDS.where(builds.c.rid == rid)).first()
        return None if row is None else Build(*row)

    def job(self, tx: sa.Connection, rid: str) -> Job | None:
        row = tx.execute(_JOBS.where(jobs.c.rid == rid)).first()
        return None if row is None else Job(*row)

    def locked_job(self, tx: sa.Connection, rid: str) -> Job | None:
        """Return the job; no one else changes it before this transaction ends."""
        row = tx.execute(_JOBS.where(jobs.c.rid == rid).with_for_update(of=jobs)).first()
        return None if row is None else Job(*row)

    def job_rids(self, tx: sa.Connection, build_rid: str) -> list[str]:
        """Return the RIDs of a build's jobs, oldest first."""
        query = sa.select(jobs.c.rid).where(jobs.c.build_rid == build_rid)
        return list(tx.scalars(query.order_by(jobs.c.sequence)))

    def jobs_of(
        self, tx: sa.Connection, build_rid: str, *, before: int | None, limit: int
    ) -> list[Job]:
        """Return jobs of a build that came before a sequence number, newest first."""
        query = _JOBS.where(jobs.c.build_rid == build_rid).order_by(jobs.c.sequence.desc())
        if before is not None:
            query = query.where(jobs.c.sequence < before)
        return [Job(*row) for row in tx.execute(query.limit(limit))]

    def counts(self, tx: sa.Connection) -> dict[str, int]:
        """Return how many jobs are WAITING and how many are RUNNING."""
        found = {"WAITING": 0, "RUNNING": 0}
        rows = tx.execute(
            sa.select(jobs.c.status, sa.func.count())
            .where(jobs.c.status.in_(list(found)))
            .group_by(jobs.c.status)
        )
        return found | dict(rows.all())

    # what becomes of a job --------------------------------------------------------------------

    def next_waiting(self, tx: sa.Connection, capacity: Capacity) -> Waiting | None:
        """Return the first waiting job that a server of this capacity can ever run."""
        row = tx.execute(
            sa.select(jobs.c.rid, jobs.c.cpu, jobs.c.memory_bytes)
            .where(
                jobs.c.status == "WAITING",
                jobs.c.cpu <= capacity.cpu,
                jobs.c.memory_bytes <= capacity.memory_bytes,
            )
            .order_by(jobs.c.sequence)
            .limit(1)
        ).first()
        return None if row is None else Waiting(*row)

    def claim(self, tx: sa.Connection, rid: str, *, owner: str, at: int) -> int | None:
        """Begin a waiting job's next attempt for a server; return the attempt's number."""
        row = tx.execute(
            jobs.update()
            .where(jobs.c.rid == rid, jobs.c.status == "WAITING")
            .values(status="RUNNING", attempt=jobs.c.attempt + 1, attempt_started_at=at)
            .returning(jobs.c.attempt, jobs.c.cpu, jobs.c.memory_bytes)
        ).first()
        if row is None:
            return None
        attempt, cpu, memory_bytes = row
        tx.execute(
            workers.insert().values(
                job_rid=rid,
                attempt=attempt,
                owner=owner,
                cpu=cpu,
                memory_bytes=memory_bytes,
                started_at=at,
            )
        )
        return int(attempt)

    def requeue(self, tx: sa.Connection, job: Job, *, retries_left: int) -> bool:
        """Put a job back to its old place in the queue."""
        return self._change(tx, job, status="WAITING", retries_left=retries_left)

    def finish(self, tx: sa.Connection, job: Job, status: str, at: int) -> bool:
        """End a job and with it its build, which has no other."""
        if not self._change(tx, job, status=status, finished_at=at):
            return False
        tx.execute(
            builds.update()
            .where(builds.c.rid == job.build_rid)
            .values(status=status, finished_at=at)
        )
        return True

    def request_cancel(self, tx: sa.Connection, job: Job, at: int) -> bool:
        return self._change(tx, job, cancel_requested_at=at)

    def _change(self, tx: sa.Connection, job: Job, **values: Any) -> bool:
        unchanged = (
            jobs.c.rid == job.rid,
            jobs.c.status == job.status,
            jobs.c.attempt == job.attempt,
        )
        return tx.execute(jobs.update().where(*unchanged).values(values)).rowcount == 1

    # workers ----------------------------------------------------------------------------------

    def worker(self, tx: sa.Connection, job_rid: str, attempt: int) -> Worker | None:
        row = tx.execute(_WORKERS.where(*_is_worker(job_rid, attempt))).first()
        return None if row is None else Worker(*row)

    def all_workers(self, tx: sa.Connection) -> list[Worker]:
        """Return the workers of all servers, oldest first."""
        query = _WORKERS.order_by(workers.c.started_at, workers.c.job_rid)
        return [Worker(*row) for row in tx.execute(query)]

    def update_worker(self, tx: sa.Connection, job_rid: str, attempt: int, **values: Any) -> None:
        """Set columns of a worker: ``handle``, ``heartbeat_at``, ``next_event``, ..."""
        tx.execute(workers.update().where(*_is_worker(job_rid, attempt)).values(values))

    def remove_worker(self, tx: sa.Connection, job_rid: str, attempt: int) -> None:
        tx.execute(workers.delete().where(*_is_worker(job_rid, attempt)))

    # logs -------------------------------------------------------------------------------------

    def add_logs(self, tx: sa.Connection, job_rid: str, lines: Sequence[LogLine]) -> None:
        """Append to a job's log and count its lines."""
        if not lines:
            return
        tx.execute(
            jobs.update()
            .where(jobs.c.rid == job_rid)
            .values(log_lines=jobs.c.log_lines + len(lines))
        )
        tx.execute(job_logs.insert(), [{"job_rid": job_rid, **line._asdict()} for line in lines])

    def logs(
        self, tx: sa.Connection, job_rid: str, *, after: int, limit: int
    ) -> list[tuple[int, LogLine]]:
        """Return lines with their ids, oldest first, after an id (0 for the beginning)."""
        rows = tx.execute(
            sa.select(job_logs.c.id, job_logs.c.time, job_logs.c.level, job_logs.c.message)
            .where(job_logs.c.job_rid == job_rid, job_logs.c.id > after)
            .order_by(job_logs.c.id)
            .limit(limit)
        )
        return [(number, LogLine(*line)) for number, *line in rows]


def _is_worker(job_rid: str, attempt: int) -> tuple[sa.ColumnElement[bool], ...]:
    return workers.c.job_rid == job_rid, workers.c.attempt == attempt
