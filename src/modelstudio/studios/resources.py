"""Compute resources as a configuration writes them: ``{"cpu": "2", "memory": "4G"}``."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

_CPU: Final = re.compile(r"(\d{1,6})(?:\.(\d{1,3}))?|(\d{1,9})m")
_MEMORY: Final = re.compile(r"(\d{1,15})(?:\.(\d{1,3}))?\s*([KMGT]?)(i?)B?", re.IGNORECASE)
_POWERS: Final = {"": 0, "K": 1, "M": 2, "G": 3, "T": 4}
_LEAST_MEMORY: Final = 256 * 10**6


@dataclass(frozen=True, slots=True)
class Resources:
    """What a run waits for and may use."""

    cpu: float
    memory_bytes: int
    gpu: str | None = None


def parse_cpu(text: str) -> float | None:
    """Return cores from ``2``, ``0.5`` or ``500m``; None when it is none of these or zero."""
    match = _CPU.fullmatch(text.strip())
    if match is None:
        return None
    cores = int(match[3]) / 1000 if match[3] else float(f"{match[1]}.{match[2] or 0}")
    return cores or None


def parse_memory(text: str) -> int | None:
    """Return bytes from ``4G``, ``4GB``, ``4Gi``, ``4GiB``, ``512M`` or a plain number."""
    match = _MEMORY.fullmatch(text.strip())
    if match is None:
        return None
    base = 1024 if match[4] else 1000
    number = float(f"{match[1]}.{match[2] or 0}")
    return int(number * base ** _POWERS[match[3].upper()]) or None


def parse(resources: Mapping[str, Any]) -> tuple[Resources | None, list[dict[str, Any]]]:
    """Return the resources, or the failures of each field that is wrong."""
    failures = []
    cpu = parse_cpu(str(resources["cpu"]))
    if cpu is None:
        failures.append(_failure("cpu", "Give a number of cores above zero, such as 2 or 0.5."))
    memory = parse_memory(str(resources["memory"]))
    if memory is None:
        failures.append(_failure("memory", "Give an amount such as 4G or 512M."))
    elif memory < _LEAST_MEMORY:
        failures.append(_failure("memory", "A run needs at least 256M."))
        memory = None
    if failures or cpu is None or memory is None:
        return None, failures
    return Resources(cpu, memory, resources.get("gpu")), []


def unavailable_gpu(gpu: str | None, gpu_types: Collection[str]) -> list[dict[str, Any]]:
    """Return the failure of a run that needs a GPU which a server does not have."""
    if gpu is None or gpu in gpu_types:
        return []
    if not gpu_types:
        return [_failure("gpu", "This server has no GPU; leave gpu out.")]
    types = ", ".join(sorted(gpu_types))
    return [_failure("gpu", f"This server has GPUs of type {types}; name one or leave gpu out.")]


def too_large(resources: Resources, *, cpu: float, memory_bytes: int) -> list[dict[str, Any]]:
    """Return the failures of a run that could never start on a server of that size."""
    failures = []
    if resources.cpu > cpu:
        failures.append(_failure("cpu", f"This server has {cpu:g} cores."))
    if resources.memory_bytes > memory_bytes:
        gigabytes = memory_bytes / 10**9
        failures.append(_failure("memory", f"This server has {gigabytes:.1f}G for runs."))
    return failures


def _failure(field: str, message: str) -> dict[str, Any]:
    return {"type": "invalidResourceConfiguration", "field": field, "message": message}
