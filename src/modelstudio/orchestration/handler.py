"""What a domain that runs jobs gives to orchestration.

Orchestration queues jobs, starts workers and speaks the worker protocol; what a job is about
belongs to the domain that submitted it. That domain registers a `JobHandler` under the job's
kind. Each call but `input_file` runs inside the transaction that also changes the job, so the
two never disagree.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from contextlib import AbstractContextManager
    from pathlib import Path

    import sqlalchemy as sa

BuildStatus = Literal["RUNNING", "SUCCEEDED", "FAILED", "CANCELED"]
EndStatus = Literal["FAILED", "CANCELED"]


@dataclass(frozen=True, slots=True)
class JobRequest:
    """A job to queue.

    Attributes
    ----------
    kind
        Names the handler.
    subject_rid
        The resource the build is for; who may see it may see the build, who may edit it may
        cancel the build.
    branch
        The branch the build runs on.
    cpu, memory_bytes
        What the job waits for; it may use no more.
    payload
        The domain's own JSON, handed back with the job.
    """

    kind: str
    subject_rid: str
    branch: str
    cpu: float
    memory_bytes: int
    payload: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Submitted:
    build_rid: str
    job_rid: str
    created_at: int


@dataclass(frozen=True, slots=True)
class HandledJob:
    """A job as its handler sees it."""

    rid: str
    build_rid: str
    kind: str
    subject_rid: str
    created_by: str
    payload: Mapping[str, Any]


class JobHandler(Protocol):
    def specification(self, tx: sa.Connection, job: HandledJob) -> dict[str, Any]:
        """Return the job's own part of the worker specification.

        That is ``trainer``, ``customConfig`` and ``inputs``, and where they are limited
        ``wallSeconds``, ``diskBytes`` and ``gpu``.
        """
        ...

    def input_file(self, job: HandledJob, alias: str) -> AbstractContextManager[Path]:
        """Give an input table as a Parquet file; may take long, holds no transaction.

        Raises
        ------
        KeyError
            When the job has no such input.
        OSError, ValueError
            When the data cannot be read; the message is for the user.
        """
        ...

    def on_events(
        self, tx: sa.Connection, job: HandledJob, events: Sequence[Mapping[str, Any]]
    ) -> None:
        """Take metric and parameter events, in order, each exactly once."""
        ...

    def on_table(
        self,
        tx: sa.Connection,
        job: HandledJob,
        *,
        name: str,
        description: str,
        row_count: int,
        size_bytes: int,
        blob_key: str,
    ) -> str | None:
        """Take an artifact table; return the key of a blob it replaces, which is deleted."""
        ...

    def on_succeeded(
        self, tx: sa.Connection, job: HandledJob, result: Mapping[str, Any], model_blob: str
    ) -> None:
        """Publish the result; ``result`` is the worker's ``complete`` body."""
        ...

    def on_ended(self, tx: sa.Connection, job: HandledJob, status: EndStatus, reason: str) -> None:
        """Note that the job ended without a result; the reason is for the user."""
        ...
