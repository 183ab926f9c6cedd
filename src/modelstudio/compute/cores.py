"""Which cores a run stays on, so that runs at the same time do not share any."""

from __future__ import annotations

import math
from collections import Counter
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from modelstudio.compute.base import WorkerHandle

#: Where a handle keeps the numbers of its cores.
HANDLE_KEY: Final = "cores"


def choose(cpu: float, usable: Sequence[int], neighbours: Iterable[WorkerHandle]) -> list[int]:
    """Return the cores for a run; empty when it may use any.

    As many as it asked for, rounded down but at least one, and those that the fewest neighbours
    are on.
    """
    wanted = max(1, math.floor(cpu))
    if wanted >= len(usable):
        return []
    load = Counter(core for handle in neighbours for core in from_handle(handle))
    return sorted(sorted(usable, key=lambda core: (load[core], core))[:wanted])


def from_handle(handle: WorkerHandle) -> list[int]:
    return [int(core) for core in str(handle.get(HANDLE_KEY, "")).split(",") if core]


def to_text(cores: Iterable[int]) -> str:
    return ",".join(map(str, cores))
