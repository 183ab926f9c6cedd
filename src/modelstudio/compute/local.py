"""Runs workers as processes of this machine, each in a session and a work directory of its own."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Final

import psutil

from modelstudio.compute.base import Capacity, StartRequest, WorkerHandle, WorkerStartError
from modelstudio.compute.cores import HANDLE_KEY, choose, to_text
from modelstudio.compute.machine import find_gpus, usable_cpu, usable_memory, whole_cores
from modelstudio.trainers import environments
from modelstudio.worker import settings
from modelstudio.worker.gpus import to_text as to_gpu_text
from modelstudio.worker.processes import living, terminate
from modelstudio.worker.wording import size

if TYPE_CHECKING:
    from collections.abc import Sequence

    from modelstudio.worker.gpus import Gpu

_INHERITED: Final = (*environments.INHERITED, environments.VARIABLE)
_PREFIX_LENGTH: Final = 8
#: How long the remains of a killed process may take to be gone.
_END_SECONDS: Final = 1.0
#: Where the start time is in /proc/PID/stat, counted from after the name.
_START_TICK: Final = 19


class LocalProcesses:
    """Workers as local processes.

    A handle holds ``pid``, ``created`` (which tells the process from a later one with the same
    number), ``session``, ``host``, ``workDir`` and ``cores``. So workers outlive the server that
    started them, and a later one finds them.
    """

    def __init__(
        self,
        jobs_dir: Path,
        *,
        cpu: float | None = None,
        memory_bytes: int | None = None,
        niceness: int = 0,
        disk_reserve_bytes: int = 0,
        gpus: Sequence[Gpu] | None = None,
    ) -> None:
        """Keep work directories below ``jobs_dir``; offer all of the machine unless told less.

        Parameters
        ----------
        niceness
            How far training stands back behind other processes, 0 to 19.
        disk_reserve_bytes
            Free space that stays on the disk of ``jobs_dir``: no worker starts with less, and
            none goes on with less than half of it.
        gpus
            Those to give to runs, one each; None for all of the machine.
        """
        self._jobs_dir = jobs_dir.absolute()
        self._niceness = niceness
        self._gpus = find_gpus() if gpus is None else tuple(gpus)
        self._disk_reserve_bytes = disk_reserve_bytes
        self._capacity = Capacity(
            cpu=usable_cpu() if cpu is None else cpu,
            memory_bytes=usable_memory() if memory_bytes is None else memory_bytes,
            gpu_types=frozenset(gpu.type for gpu in self._gpus),
        )
        self._children: dict[str, subprocess.Popen[bytes]] = {}
        self._discarded: list[subprocess.Popen[bytes]] = []
        self._lock = threading.Lock()

    def start(self, request: StartRequest) -> WorkerHandle:
        try:
            work_dir = self._make_work_dir(request)
            cores = choose(request.cpu, whole_cores(), request.neighbours)
            child = _spawn_or_clean(work_dir, self._environment(request, work_dir, cores))
        except OSError as error:
            raise WorkerStartError(f"A worker could not be started: {error}") from error
        with self._lock:  # before anything can fail: what is started is kept
            self._children[str(work_dir)] = child
        return {
            "pid": child.pid,
            "created": _created(child.pid) or "",
            "session": child.pid,
            "host": socket.gethostname(),
            "workDir": str(work_dir),
            HANDLE_KEY: to_text(cores),
        }

    def obstacle(self) -> str | None:
        try:
            self._jobs_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
            free = shutil.disk_usage(self._jobs_dir).free
        except OSError as error:
            return f"The server cannot use its disk: {error.strerror}."
        if free >= self._disk_reserve_bytes:
            return None
        return (
            f"The server's disk is nearly full: {size(free)} are free, and a run starts when there "
            f"are {size(self._disk_reserve_bytes)}."
        )

    def is_alive(self, handle: WorkerHandle) -> bool:
        child = self._child(handle)
        if child is not None:
            return child.returncode is None
        return not _is_here(handle) or _leader_lives(handle)

    def exit_reason(self, handle: WorkerHandle) -> str | None:
        child = self._child(handle)
        if child is None or child.returncode is None:
            return None
        return _in_words(child.returncode)

    def stop(self, handle: WorkerHandle, grace_seconds: float) -> None:
        if _is_here(handle):
            terminate(lambda: _members(handle), grace_seconds)
        child = self._child(handle)
        if child is not None:
            # Its first thread may be dead, as the system tells it, while others are still dying.
            with contextlib.suppress(subprocess.TimeoutExpired):
                child.wait(_END_SECONDS)

    def discard(self, handle: WorkerHandle) -> None:
        work_dir = Path(str(handle["workDir"]))
        if not _is_here(handle) or work_dir.resolve().parent != self._jobs_dir.resolve():
            return  # another machine's, or a damaged handle: delete nothing that is not ours
        shutil.rmtree(work_dir, ignore_errors=True)
        with self._lock:
            child = self._children.pop(str(work_dir), None)
            if child is not None:
                self._discarded.append(child)  # to be waited for, should it still be dying
        self._reap()

    def leave(self) -> None:
        with self._lock:
            for child in (*self._children.values(), *self._discarded):
                if child.poll() is None:
                    # It goes on without this process, by design, and whoever looks for it later
                    # has its handle: not a child that was forgotten, which Popen would warn of.
                    child.returncode = 0
            self._children.clear()
            self._discarded.clear()

    def capacity(self) -> Capacity:
        return self._capacity

    def _make_work_dir(self, request: StartRequest) -> Path:
        """Make a directory that is closed to others; short, for sockets are made below it."""
        self._jobs_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        locator = re.sub(r"[^A-Za-z0-9]", "", request.job_rid.rpartition(".")[2])
        prefix = f"{locator[:_PREFIX_LENGTH]}-{request.attempt}-"
        return Path(tempfile.mkdtemp(prefix=prefix, dir=self._jobs_dir))

    def _environment(
        self, request: StartRequest, work_dir: Path, cores: list[int]
    ) -> dict[str, str]:
        """Return what the worker needs and nothing of the server's own secrets."""
        environment = {name: os.environ[name] for name in _INHERITED if name in os.environ}
        environment |= {
            settings.JOB_RID: request.job_rid,
            settings.JOB_TOKEN: request.token,
            settings.SERVER_URL: request.server_url,
            settings.PATIENCE: str(request.patience_seconds),
            settings.WORK_DIR: str(work_dir),
            settings.CORES: to_text(cores),
            settings.NICENESS: str(self._niceness),
            settings.LEAST_FREE: str(self._disk_reserve_bytes // 2),
            settings.GPUS: to_gpu_text(self._gpus),
            settings.GPU_LOCKS: str(self._jobs_dir.with_name("gpus")),
            "PYTHONSAFEPATH": "1",  # nothing in the work directory may pass for a module
        }
        if request.server_url_file is not None:
            environment[settings.SERVER_URL_FILE] = str(request.server_url_file)
        return environment

    def _child(self, handle: WorkerHandle) -> subprocess.Popen[bytes] | None:
        """Return the worker, as far as it is known by now, if this object has started it."""
        self._reap()
        with self._lock:
            return self._children.get(str(handle["workDir"]))

    def _reap(self) -> None:
        """Take note of the children that have ended, so that none stays a zombie."""
        with self._lock:
            for child in self._children.values():
                child.poll()
            self._discarded = [child for child in self._discarded if child.poll() is None]


def _spawn_or_clean(work_dir: Path, environment: dict[str, str]) -> subprocess.Popen[bytes]:
    try:
        return _spawn(work_dir, environment)
    except OSError:
        shutil.rmtree(work_dir, ignore_errors=True)
        raise


def _spawn(work_dir: Path, environment: dict[str, str]) -> subprocess.Popen[bytes]:
    log = os.open(work_dir / "worker.log", os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
    try:
        return subprocess.Popen(
            [sys.executable, "-m", "modelstudio.worker"],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            cwd=work_dir,
            env=environment,
            start_new_session=True,
        )
    finally:
        os.close(log)


def _is_here(handle: WorkerHandle) -> bool:
    return handle["host"] == socket.gethostname()


def _created(pid: int) -> str | None:
    """Return what tells a process from all others that ever had its number; None if none has.

    On Linux it is the boot and the clock tick, which a change of the wall clock does not move.
    """
    try:
        if sys.platform != "linux":
            return str(psutil.Process(pid).create_time())
        status = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    except (OSError, psutil.NoSuchProcess):
        return None
    after_name = status.rpartition(")")[2].split()  # the name may hold spaces and parentheses
    return f"{boot}/{after_name[_START_TICK]}"


def _leader_lives(handle: WorkerHandle) -> bool:
    pid = int(handle["pid"])
    if _created(pid) != handle["created"]:
        return False
    try:
        return bool(psutil.Process(pid).status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


def _members(handle: WorkerHandle) -> list[psutil.Process]:
    """Return the living processes of a worker, whether its supervisor lives or not."""
    leader = _created(int(handle["pid"]))
    mine = os.getpid()
    found = []
    for pid in psutil.pids():
        if pid != mine and _belongs(pid, handle, leader):
            with contextlib.suppress(psutil.NoSuchProcess):
                found.append(psutil.Process(pid))
    return living(found)


def _belongs(pid: int, handle: WorkerHandle, leader: str | None) -> bool:
    """Whether a process is a worker's.

    Those of its session are, and those that left it but carry the work directory in their
    environment. Once the supervisor is gone, its number may have been a stranger's for a while:
    then a member's environment must not speak against it.
    """
    in_session = _session_of(pid) == handle["session"]
    if in_session and leader == handle["created"]:
        return True
    environment = _environment_of(pid)
    if environment.get(settings.WORK_DIR) == handle["workDir"]:
        return True
    return in_session and leader is None and not environment


def _environment_of(pid: int) -> dict[str, str]:
    try:
        return dict(psutil.Process(pid).environ())
    except (psutil.Error, OSError):
        return {}


def _session_of(pid: int) -> int | None:
    try:
        return os.getsid(pid)
    except OSError:
        return None


def _in_words(exit_status: int) -> str:
    if exit_status >= 0:
        return f"The worker ended with exit code {exit_status}."
    try:
        name = signal.Signals(-exit_status).name
    except ValueError:
        name = "unknown"
    return f"The worker was killed by signal {-exit_status} ({name})."
