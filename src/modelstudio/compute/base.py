"""The contract between the dispatcher and the places where a worker can run."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

#: What a backend needs to find a worker again, as JSON; the dispatcher stores it with the job and
#: hands it back unread, perhaps from another server process.
WorkerHandle = dict[str, str | int | float]


class WorkerStartError(Exception):
    """The worker could not be started; the message is for the operator."""


@dataclass(frozen=True, slots=True)
class StartRequest:
    """One attempt of one job that is to run.

    Attributes
    ----------
    token
        Good for this job alone; never logged, never on a command line.
    server_url_file
        Holds the server's URL as it is now, for a worker that outlives the server; None when the
        URL never changes.
    patience_seconds
        How long the worker goes on while the server does not answer.
    cpu, memory_bytes
        What the dispatcher has reserved. A backend that places workers itself needs them; the
        worker gets them from the server.
    neighbours
        The workers that run here meanwhile, to stay clear of.
    """

    job_rid: str
    attempt: int
    token: str = field(repr=False)
    server_url: str
    server_url_file: Path | None
    patience_seconds: float
    cpu: float
    memory_bytes: int
    neighbours: Sequence[WorkerHandle] = ()


@dataclass(frozen=True, slots=True)
class Capacity:
    """What all workers of a backend may use together, and the types of its GPUs."""

    cpu: float
    memory_bytes: int
    gpu_types: frozenset[str] = frozenset()


class Compute(Protocol):
    """Starts and stops workers; safe to use from several threads.

    A handle may come from an earlier server process, and a worker may have ended long ago: no
    method raises for that, and none touches a process that is not the worker's.
    """

    def start(self, request: StartRequest) -> WorkerHandle:
        """Start a worker and return at once, before it has done anything.

        Raises
        ------
        WorkerStartError
            When nothing was started.
        """
        ...

    def obstacle(self) -> str | None:
        """Say in plain words what keeps every worker from starting now, such as a full disk.

        None when nothing does. What is in the way may go away by itself.
        """
        ...

    def is_alive(self, handle: WorkerHandle) -> bool:
        """Return False when the worker is known to have ended.

        True may also mean that this server cannot see; its heartbeat tells then.
        """
        ...

    def exit_reason(self, handle: WorkerHandle) -> str | None:
        """Say in plain words how a worker ended, or None when it lives or no one can tell."""
        ...

    def stop(self, handle: WorkerHandle, grace_seconds: float) -> None:
        """End every process of the worker, asked first and killed after the grace.

        Blocks until they are gone, at most about a second longer than the grace.
        """
        ...

    def discard(self, handle: WorkerHandle) -> None:
        """Delete what an ended worker left, its logs too."""
        ...

    def leave(self) -> None:
        """Let go of the workers: this server ends, and they go on and wait for the next."""
        ...

    def capacity(self) -> Capacity: ...
