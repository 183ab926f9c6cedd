"""The training process as the supervisor sees it: start it, watch it, say how it ended."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from modelstudio.trainers.environments import UnknownEnvironmentError, process_environment
from modelstudio.worker import settings
from modelstudio.worker.layout import write_json
from modelstudio.worker.processes import descendants, memory_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from modelstudio.trainers.environments import TrainerEnvironments
    from modelstudio.worker.layout import WorkDir
    from modelstudio.worker.specification import JobSpecification

_CHECK_SECONDS: Final = 0.5
_THREAD_VARIABLES: Final = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "NUMEXPR_NUM_THREADS",
    "NUMEXPR_MAX_THREADS",
    "VECLIB_MAXIMUM_THREADS",
    "POLARS_MAX_THREADS",
    "LOKY_MAX_CPU_COUNT",
)
_KILLED: Final = (
    "The training process was killed (signal 9), most likely because the machine ran out of memory."
)


class RunFailedError(Exception):
    """The run has failed; the message is for the user."""


@dataclass
class MemoryGauge:
    """The memory that the run used when it was last measured, in bytes."""

    used_bytes: int = 0


def start(
    work_dir: WorkDir, job: JobSpecification, environments: TrainerEnvironments
) -> subprocess.Popen[bytes]:
    """Write the task and start the training process on it, in the trainer's environment.

    The calling thread must live as long as the process, which the kernel kills with it.

    Raises
    ------
    RunFailedError
        When the environment is not set up here.
    """
    environment = job.trainer.get("environment")
    try:
        interpreter = environments.interpreter_for(environment)
    except UnknownEnvironmentError as error:
        raise RunFailedError(str(error)) from None
    variables = process_environment(_environment(work_dir, job.cpu), environment, work_dir.source)
    _write_task(work_dir, job)
    log = os.open(work_dir.training_log, os.O_CREAT | os.O_APPEND | os.O_WRONLY, 0o600)
    try:
        return subprocess.Popen(  # noqa: S603 - the command is ours
            [interpreter, "-m", "modelstudio.worker.training", str(work_dir.root)],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            cwd=work_dir.scratch,
            env=variables,
        )
    finally:
        os.close(log)


def _write_task(work_dir: WorkDir, job: JobSpecification) -> None:
    inputs = {
        alias: {**table, "path": str(work_dir.input(number))}
        for number, (alias, table) in enumerate(job.inputs.items())
    }
    task = {
        "supervisorPid": os.getpid(),
        "trainer": job.trainer,
        "customConfig": job.custom_config,
        "inputs": inputs,
        "cpu": job.cpu,
        "memoryBytes": job.memory_bytes,
        "wallSeconds": job.wall_seconds,
    }
    write_json(work_dir.task, task)


def _environment(work_dir: WorkDir, cpu: int) -> dict[str, str]:
    """Return the supervisor's environment without the worker's settings.

    The work directory stays: it marks every process of the run, see ``compute.local``.
    """
    inherited = {k: v for k, v in os.environ.items() if not k.startswith("MODELSTUDIO_")}
    return {
        **inherited,
        **dict.fromkeys(_THREAD_VARIABLES, str(cpu)),
        # Idle threads of a pool would spin: on busy cores a small fit took ten times as long.
        "OMP_WAIT_POLICY": "PASSIVE",
        settings.WORK_DIR: str(work_dir.root),
        "TMPDIR": str(work_dir.scratch),
        # joblib would prefer /dev/shm, which no limit counts and no one would clean up.
        "JOBLIB_TEMP_FOLDER": str(work_dir.scratch),
        # Arrow's own allocator reserves 1 GiB, which would count against the limit on memory.
        "ARROW_DEFAULT_MEMORY_POOL": "system",
        # The scratch folder is the working directory; nothing in it may pass for a module.
        "PYTHONSAFEPATH": "1",
        "PYTHONUNBUFFERED": "1",
    }


def watch(process: subprocess.Popen[bytes], job: JobSpecification, gauge: MemoryGauge) -> int:
    """Wait for the training process and return its exit status, negative for a signal.

    Raises
    ------
    RunFailedError
        As soon as the run goes beyond its memory or its time; the processes still run then.
    """
    started = time.monotonic()
    while True:
        try:
            return process.wait(_CHECK_SECONDS)
        except subprocess.TimeoutExpired:
            pass
        gauge.used_bytes = memory_of(descendants(), job.memory_bytes)
        if gauge.used_bytes > job.memory_bytes:
            used, allowed = _in_same_unit(gauge.used_bytes, job.memory_bytes)
            raise RunFailedError(f"Out of memory: the run used {used} of the {allowed} it may use.")
        if job.wall_seconds is not None and time.monotonic() - started > job.wall_seconds:
            raise RunFailedError(f"The run took longer than its limit of {job.wall_seconds:g} s.")


def _in_same_unit(used: int, allowed: int) -> tuple[str, str]:
    unit, size = ("GB", 10**9) if allowed >= 10**9 else ("MB", 10**6)
    digits = 1 if unit == "GB" else 0
    if f"{used / size:.{digits}f}" == f"{allowed / size:.{digits}f}":
        digits += 2
    return f"{used / size:.{digits}f} {unit}", f"{allowed / size:.{digits}f} {unit}"


def outcome(work_dir: WorkDir, exit_status: int) -> Mapping[str, Any]:
    """Return the result that the training process left.

    Raises
    ------
    RunFailedError
        When it failed, or ended without a result.
    """
    try:
        result: dict[str, Any] = json.loads(work_dir.result.read_bytes())
    except FileNotFoundError:
        raise RunFailedError(_without_result(exit_status)) from None
    if result["status"] != "succeeded":
        raise RunFailedError(result["reason"])
    return result


def _without_result(exit_status: int) -> str:
    if exit_status >= 0:
        return f"The training process ended without a result (exit code {exit_status})."
    if -exit_status == signal.SIGKILL:
        return _KILLED
    try:
        name = signal.Signals(-exit_status).name
    except ValueError:
        name = f"signal {-exit_status}"
    return f"The training process crashed ({name})."
