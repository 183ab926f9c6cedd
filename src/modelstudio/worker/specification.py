"""What the server tells a worker about its job."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class JobSpecification:
    """A job, as ``GET /`` of the worker protocol answers it.

    Attributes
    ----------
    cpu
        Cores, rounded down but at least 1.
    disk_bytes
        What the run may write to its work directory, or None for any amount.
    gpu
        The type of the GPU that the run needs, or None.
    wall_seconds
        The longest that training may take, or None for any time.
    trainer, custom_config, inputs
        Handed to the training process as they are.
    """

    attempt: int
    heartbeat_seconds: float
    cpu: int
    memory_bytes: int
    disk_bytes: int | None
    gpu: str | None
    wall_seconds: float | None
    trainer: Mapping[str, Any]
    custom_config: Mapping[str, Any]
    inputs: Mapping[str, Mapping[str, Any]]

    @classmethod
    def parse(cls, wire: Mapping[str, Any]) -> Self:
        """Read the server's answer; ``KeyError``, ``TypeError`` or ``ValueError`` if malformed."""
        resources = wire["resources"]
        wall_seconds, disk_bytes = resources.get("wallSeconds"), resources.get("diskBytes")
        return cls(
            attempt=int(wire["attempt"]),
            heartbeat_seconds=float(wire["heartbeatSeconds"]),
            cpu=max(1, math.floor(float(resources["cpu"]))),
            memory_bytes=int(resources["memoryBytes"]),
            disk_bytes=None if disk_bytes is None else int(disk_bytes),
            gpu=resources.get("gpu"),
            wall_seconds=None if wall_seconds is None else float(wall_seconds),
            trainer=wire["trainer"],
            custom_config=wire["customConfig"],
            inputs=wire["inputs"],
        )
