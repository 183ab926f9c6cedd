"""The training process as the supervisor sees it: how it starts and what it leaves."""

from __future__ import annotations

import errno
import json
import os
import signal
import subprocess
from typing import TYPE_CHECKING, Any, Final

from modelstudio.trainers.environments import UnknownEnvironmentError, process_environment
from modelstudio.worker import settings
from modelstudio.worker.confinement import thread_variables
from modelstudio.worker.gpus import visible
from modelstudio.worker.layout import write_json
from modelstudio.worker.watchdog import RunFailedError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from modelstudio.trainers.environments import TrainerEnvironments
    from modelstudio.worker.layout import WorkDir
    from modelstudio.worker.settings import Place
    from modelstudio.worker.specification import JobSpecification

#: What starting a file fails with that is no program of this machine, or not ours to run.
_UNFIT: Final = frozenset({errno.EACCES, errno.ENOENT, errno.ENOEXEC, errno.EPERM})
_KILLED: Final = "The training process was killed from outside (signal 9)."
_PERHAPS_KERNEL: Final = (
    "The training process was killed (signal 9), most likely because the machine ran out of memory."
)
_KERNEL: Final = (
    "Out of memory: the machine had none left, so its kernel killed the training process (signal "
    "9). Give the runs together less memory than the machine has."
)
_KERNEL_KILLED_SOME: Final = (
    " Meanwhile the machine ran out of memory, and its kernel killed a process."
)


def start(
    work_dir: WorkDir,
    job: JobSpecification,
    place: Place,
    environments: TrainerEnvironments,
    gpu: str = "",
) -> subprocess.Popen[bytes]:
    """Write the task and start the training process on it, in the trainer's environment.

    The calling thread must live as long as the process, which the kernel kills with it. ``gpu``
    is the identity of the only GPU that it sees; empty for none.

    Raises
    ------
    RunFailedError
        When the environment is not set up here, or its interpreter cannot be started.
    """
    environment = job.trainer.get("environment")
    try:
        interpreter = environments.interpreter_for(environment)
    except UnknownEnvironmentError as error:
        raise RunFailedError(str(error)) from None
    limited = {**_environment(work_dir, job.cpu), **visible(gpu)}
    variables = process_environment(limited, environment, work_dir.source)
    _write_task(work_dir, job, place)
    try:
        return _spawn(work_dir, interpreter, variables)
    except OSError as error:
        if environment is None or error.errno not in _UNFIT:
            raise
        raise RunFailedError(
            f"The interpreter of the environment {environment!r} cannot be started: "
            f"{error.strerror}."
        ) from None


def _spawn(
    work_dir: WorkDir, interpreter: str, variables: Mapping[str, str]
) -> subprocess.Popen[bytes]:
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


def _write_task(work_dir: WorkDir, job: JobSpecification, place: Place) -> None:
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
        "diskBytes": job.disk_bytes,
        "cores": place.cores,
        "niceness": place.niceness,
    }
    write_json(work_dir.task, task)


def _environment(work_dir: WorkDir, cpu: int) -> dict[str, str]:
    """Return the supervisor's environment without the worker's settings.

    The work directory stays: it marks every process of the run, see ``compute.local``.
    """
    inherited = {k: v for k, v in os.environ.items() if not k.startswith("MODELSTUDIO_")}
    return {
        **inherited,
        **thread_variables(cpu),
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


def outcome(
    work_dir: WorkDir, exit_status: int, *, kernel_has_killed: bool | None
) -> Mapping[str, Any]:
    """Return the result that the training process left.

    Raises
    ------
    RunFailedError
        When it failed, or ended without a result.
    """
    try:
        result: dict[str, Any] = json.loads(work_dir.result.read_bytes())
    except FileNotFoundError:
        raise RunFailedError(_without_result(exit_status, kernel_has_killed)) from None
    if result["status"] != "succeeded":
        raise RunFailedError(result["reason"] + (_KERNEL_KILLED_SOME if kernel_has_killed else ""))
    return result


def _without_result(exit_status: int, kernel_has_killed: bool | None) -> str:
    if exit_status >= 0:
        return f"The training process ended without a result (exit code {exit_status})."
    if -exit_status == signal.SIGKILL:
        return {True: _KERNEL, False: _KILLED, None: _PERHAPS_KERNEL}[kernel_has_killed]
    try:
        name = signal.Signals(-exit_status).name
    except ValueError:
        name = f"signal {-exit_status}"
    return f"The training process crashed ({name})."
