"""The limits that the training process puts on itself before anything heavy is loaded.

Its own children inherit all of them. What a process cannot hold itself to, the supervisor holds
the run to (`worker.watchdog`).
"""

from __future__ import annotations

import contextlib
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

#: The kernel counts what is reserved, not what is used, so the limit has some room. The supervisor
#: holds the run to the exact one.
_RESERVED_SHARE: Final = 8
_RESERVED_BYTES: Final = 256 * 2**20
#: Between 0 and 1000, higher dies first: rather this process than the server.
_OOM_SCORE: Final = "500"

#: Each names how many threads a library's pool has; most would take all cores of the machine.
_THREAD_VARIABLES: Final = (
    "ARROW_IO_THREADS",
    "BLIS_NUM_THREADS",
    "GOTO_NUM_THREADS",
    "LOKY_MAX_CPU_COUNT",
    "MKL_NUM_THREADS",
    "NUMBA_NUM_THREADS",
    "NUMEXPR_MAX_THREADS",
    "NUMEXPR_NUM_THREADS",
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "POLARS_MAX_THREADS",
    "PYTHON_CPU_COUNT",  # what os.cpu_count() answers from Python 3.13 on
    "RAYON_NUM_THREADS",
    "TF_NUM_INTEROP_THREADS",
    "TF_NUM_INTRAOP_THREADS",
    "VECLIB_MAXIMUM_THREADS",
)


def thread_variables(cpu: int) -> dict[str, str]:
    """Return the environment variables that give every known thread pool that many threads."""
    # Idle threads of a pool would spin: on busy cores a small fit took ten times as long.
    return {**dict.fromkeys(_THREAD_VARIABLES, str(cpu)), "OMP_WAIT_POLICY": "PASSIVE"}


def confine(task: Mapping[str, Any]) -> None:
    """Hold this process to the cores, the memory and the disk of its task."""
    _count_cores(task["cpu"])
    _stay_on(task["cores"])
    with contextlib.suppress(OSError):
        os.nice(task["niceness"])
    if sys.platform == "linux":
        _limit_resources(task["memoryBytes"], task["diskBytes"])
        with contextlib.suppress(OSError):  # a container may close /proc
            Path("/proc/self/oom_score_adj").write_text(_OOM_SCORE, encoding="ascii")


def _count_cores(cpu: int) -> None:
    """Have Python name the run's cores to a trainer that asks how many there are."""
    os.cpu_count = lambda: cpu
    if sys.version_info >= (3, 13):
        os.process_cpu_count = lambda: cpu


def _stay_on(cores: Sequence[int]) -> None:
    if cores and sys.platform == "linux":
        with contextlib.suppress(OSError):  # a core was taken away since it was chosen
            os.sched_setaffinity(0, cores)


def _limit_resources(memory_bytes: int, disk_bytes: int | None) -> None:
    """Turn a far too large allocation into a ``MemoryError``, such a file into an ``OSError``."""
    import resource  # noqa: PLC0415 - not on every system

    _lower(resource.RLIMIT_DATA, memory_bytes + memory_bytes // _RESERVED_SHARE + _RESERVED_BYTES)
    _lower(resource.RLIMIT_CORE, 0)
    if disk_bytes is not None:
        _lower(resource.RLIMIT_FSIZE, disk_bytes)


def _lower(which: int, value: int) -> None:
    import resource  # noqa: PLC0415

    _, most = resource.getrlimit(which)
    if most != resource.RLIM_INFINITY:
        value = min(value, most)
    resource.setrlimit(which, (value, value))
