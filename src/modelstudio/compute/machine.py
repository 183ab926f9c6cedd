"""How much of this machine may be used, inside a container too."""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

import psutil

from modelstudio.worker.gpus import Gpu

if TYPE_CHECKING:
    from collections.abc import Iterator

#: The types that the v2 API names.
GPU_TYPES: Final = (
    "A100",
    "A10G",
    "A16",
    "B200",
    "B300",
    "H100",
    "H200",
    "L4",
    "L40S",
    "T4",
    "V100",
)
_NVIDIA_GPUS: Final = Path("/proc/driver/nvidia/gpus")
_CGROUPS: Final = Path("/sys/fs/cgroup")
_UNLIMITED: Final = "max"


def usable_cpu() -> float:
    """Return the cores that this process may use."""
    if sys.platform == "linux":
        cores = float(len(os.sched_getaffinity(0)))
    else:
        cores = float(os.cpu_count() or 1)
    for limit in _control_group_values("cpu.max"):
        quota, period = limit.split()
        if quota != _UNLIMITED:
            cores = min(cores, int(quota) / int(period))
    return cores


def whole_cores() -> list[int]:
    """Return the numbers of the cores that are this process's to choose from; empty for none.

    Where a control group gives a share of the machine's time instead of cores, all its groups
    would choose the same ones.
    """
    if sys.platform != "linux":
        return []
    cores = sorted(os.sched_getaffinity(0))
    return cores if usable_cpu() >= len(cores) else []


def usable_memory() -> int:
    """Return the bytes of memory that this process may use."""
    memory = int(psutil.virtual_memory().total)
    limits = [limit for limit in _control_group_values("memory.max") if limit != _UNLIMITED]
    return min([memory, *map(int, limits)])


def find_gpus(folder: Path = _NVIDIA_GPUS) -> tuple[Gpu, ...]:
    """Return the GPUs that NVIDIA's driver shows, those of a type that the API can name.

    Nothing is loaded for it: the driver describes them in files.
    """
    found = []
    for file in sorted(folder.glob("*/information")):
        try:
            lines = file.read_text(encoding="utf-8", errors="replace").splitlines()
        except OSError:
            continue
        about = {
            key.strip(): value.strip() for key, _, value in (one.partition(":") for one in lines)
        }
        words = re.split(r"[^A-Z0-9]+", about.get("Model", "").upper())
        types = [name for name in GPU_TYPES if name in words]
        if types and about.get("GPU UUID", "").startswith("GPU-"):
            found.append(Gpu(types[0], about["GPU UUID"]))
    return tuple(found)


def _control_group_values(name: str) -> Iterator[str]:
    """Yield a value of this process's control group (version 2) and of those above it."""
    try:
        lines = Path("/proc/self/cgroup").read_text(encoding="utf-8").splitlines()
    except OSError:
        return
    for line in lines:
        if not line.startswith("0::/"):
            continue
        group = _CGROUPS / line.removeprefix("0::/")
        for folder in (group, *group.parents):
            try:
                yield (folder / name).read_text(encoding="ascii").strip()
            except OSError:
                continue
