"""How long a run may take and how much it may write, beyond what its configuration asks for."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

    from modelstudio.trainers.base import TrainerSpecification

_TIME_LIMIT: Final = "time_limit"
#: A trainer keeps to its time limit within a fifth; one that goes beyond a half has lost its way.
_WALL_FACTOR: Final = 1.5
#: Loading the libraries, reading and preparing the data, the final evaluation and the report.
_WALL_ALLOWANCE_SECONDS: Final = 300
#: How much of the longest run may be the trainer's own time limit.
_SHARE_OF_LONGEST: Final = 0.8


@dataclass(frozen=True, slots=True)
class RunLimits:
    """What an operator allows each run.

    Attributes
    ----------
    longest_seconds
        The longest that training may take; 0 for as long as its time limit makes it.
    disk_bytes
        What a run may write; 0 for any amount.
    """

    longest_seconds: float = 0
    disk_bytes: int = 0

    def failures(
        self, trainer: TrainerSpecification, config: Mapping[str, Any]
    ) -> list[dict[str, Any]]:
        """Return the failure of a configuration whose time limit does not fit, if it does not."""
        limit = _time_limit(trainer, config)
        most = math.floor(self.longest_seconds * _SHARE_OF_LONGEST)
        if not self.longest_seconds or limit is None or limit <= most:
            return []
        message = (
            f"A run may take at most {self.longest_seconds:g} seconds on this server, of which "
            f"{_TIME_LIMIT} may be {most}."
        )
        return [{"type": "jsonSchemaValidationFailure", "field": _TIME_LIMIT, "message": message}]

    def for_worker(
        self, trainer: TrainerSpecification | None, config: Mapping[str, Any]
    ) -> dict[str, float | int]:
        """Return ``wallSeconds`` and ``diskBytes`` of the worker specification, where limited."""
        limit = None if trainer is None else _time_limit(trainer, config)
        wall = [self.longest_seconds] if self.longest_seconds else []
        if limit is not None:
            wall.append(_WALL_FACTOR * limit + _WALL_ALLOWANCE_SECONDS)
        found: dict[str, float | int] = {"wallSeconds": min(wall)} if wall else {}
        if self.disk_bytes:
            found["diskBytes"] = self.disk_bytes
        return found


def _time_limit(trainer: TrainerSpecification, config: Mapping[str, Any]) -> float | None:
    """Return the seconds that a configuration gives its trainer, if that trainer counts them."""
    declared = trainer.config_schema.get("properties", {}).get(_TIME_LIMIT, {})
    limit = config.get(_TIME_LIMIT, declared.get("default"))
    return float(limit) if isinstance(limit, int | float) else None
