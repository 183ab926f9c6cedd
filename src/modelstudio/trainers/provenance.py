"""What a run records so that it can be repeated: versions, hardware, threads and the seed.

Which data it read is recorded when it is launched, by whoever starts it. A trainer calls
``report`` when it begins, so that a run that fails has its record as well, and again when its
models are fitted, since only then it is known which libraries they took.
"""

from __future__ import annotations

import os
import platform
import re
import sys
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from modelstudio.trainers.base import ParameterValue, Reporter, TrainingTask

_OWN = "modelstudio"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
#: What threadpoolctl calls the kinds of thread pools, and the name of the parameter.
_POOLS = {"blas": "blas_threads", "openmp": "openmp_threads"}


def report(task: TrainingTask, reporter: Reporter, package: str = _OWN) -> None:
    """Record ``parameters`` in the run's experiment; a later call replaces what an earlier said."""
    for name, value in parameters(task, package).items():
        reporter.parameter(name, value)


def parameters(task: TrainingTask, package: str = _OWN) -> dict[str, ParameterValue]:
    """Return the parameters that a run of this process records besides its configuration.

    Parameters
    ----------
    package
        The distribution that the trainer comes with. Of what it requires, the libraries that this
        process has imported are recorded as ``<name>_version``.
    """
    found: dict[str, ParameterValue] = {
        "cpu": min(task.cpu, os.cpu_count() or 1),
        "memory_bytes": task.memory_bytes,
        **hardware(),
        **thread_counts(),
        "python_version": platform.python_version(),
        **{f"{name}_version": version for name, version in versions(package).items()},
    }
    if "seed" in task.config:
        found["seed"] = task.config["seed"]
    return found


def hardware() -> dict[str, ParameterValue]:
    """Return what floating point results and times depend on: system, CPU, cores, memory."""
    return {
        "platform": platform.platform(),
        "cpu_model": _cpu_model(),
        # os.cpu_count() names the run's
        "machine_cores": _system("SC_NPROCESSORS_ONLN") or os.cpu_count() or 1,
        "usable_cores": _usable_cores(),
        **_memory(),
    }


def thread_counts() -> dict[str, ParameterValue]:
    """Return the threads of the loaded BLAS and OpenMP libraries; nothing where there is none."""
    threadpoolctl = sys.modules.get("threadpoolctl")
    if threadpoolctl is None:  # then nothing is loaded that brings such a library
        return {}
    counts: dict[str, ParameterValue] = {}
    for pool in threadpoolctl.threadpool_info():
        if name := _POOLS.get(pool["user_api"]):
            counts[name] = max(int(pool["num_threads"]), int(counts.get(name, 0)))
    return counts


def versions(package: str = _OWN) -> dict[str, str]:
    """Return what a distribution requires and this process has imported, with its version.

    A trainer that comes in a package of its own also has this project's libraries: both are
    listed, and the two packages themselves.
    """
    loaded = {name.partition(".")[0] for name in sys.modules}
    found: dict[str, str] = {}
    for owner in dict.fromkeys((_OWN, package)):
        own = _installed(owner)
        if own is None:
            continue
        found[owner] = own.version
        for required in map(_installed, _required(own)):
            if required is not None and _modules(required) & loaded:
                found[required.name] = required.version
    return dict(sorted(found.items()))


def _required(owner: Distribution) -> list[str]:
    """Return the names of the direct requirements, without versions, extras and markers."""
    lines = [line for line in owner.requires or () if "extra ==" not in line]
    matches = [_NAME.match(line.strip()) for line in lines]
    return [match.group() for match in matches if match]


def _installed(name: str) -> Distribution | None:
    try:
        return distribution(name)
    except PackageNotFoundError:
        return None


def _modules(required: Distribution) -> set[str]:
    """Return the top-level modules of a distribution; their names need not be like its own."""
    listed = required.read_text("top_level.txt")
    if listed:
        return set(listed.split())
    return {file.parts[0].removesuffix(".py") for file in required.files or ()}


def _cpu_model() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor()
    pairs = [line.partition(":") for line in lines]
    names = [value.strip() for key, _, value in pairs if key.strip() == "model name"]
    return names[0] if names else platform.processor()


def _memory() -> dict[str, ParameterValue]:
    page, pages = _system("SC_PAGE_SIZE"), _system("SC_PHYS_PAGES")
    return {"machine_memory_bytes": page * pages} if page and pages else {}


def _system(name: str) -> int | None:
    """Ask the system itself: a trainer's own environment need not have psutil."""
    try:
        return os.sysconf(name)
    except (AttributeError, ValueError, OSError):  # not on every system
        return None


def _usable_cores() -> int:
    if sys.platform == "linux":
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
