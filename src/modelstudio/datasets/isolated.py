"""Runs tasks on untrusted data in processes of their own.

A table library fed with hostile bytes may crash, hang or take all memory. Here that costs one
short-lived process: the task gets a time and a memory limit, no secrets in its environment, and a
directory of its own to work in. The process is started afresh, never forked from the server's
threads, and ends by itself when the server does.

The protocol: one line of JSON on standard input (``task``, ``arguments``, ``memoryBytes``), one
JSON document on standard output, either ``{"result": ...}`` or ``{"problem": "..."}`` with a
message for the user.
"""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import select
import shutil
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from typing import IO, TYPE_CHECKING, Any, Final

import structlog

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

_log = structlog.get_logger("modelstudio.datasets")
_KEPT_VARIABLES: Final = ("PATH", "PYTHONPATH", "LD_LIBRARY_PATH", "LANG", "LC_ALL", "SYSTEMROOT")
_MAX_ANSWER_BYTES: Final = 256 << 20
_MAX_LOGGED_BYTES: Final = 4000
_STALE_SECONDS: Final = 24 * 3600.0


class TaskError(ValueError):
    """The task has no result; the message is for the user."""


class TasksUnavailableError(OSError):
    """The server cannot look now; it says nothing about the data, so asking again may help."""


class TaskTimeoutError(TaskError):
    pass


class IsolatedTasks:
    """Runs the tasks of one module; safe for threads.

    Parameters
    ----------
    module
        What the process runs, as with ``python -m``.
    work
        Where the tasks' directories are made; one left by a crash is removed after a day.
    concurrent
        How many processes run at a time; further tasks wait.
    timeout_seconds
        The longest that a task may take, and the longest that it waits for its turn.
    memory_bytes
        Told to the task, which keeps to it.
    """

    def __init__(
        self,
        module: str,
        work: Path,
        *,
        concurrent: int,
        timeout_seconds: float,
        memory_bytes: int,
    ) -> None:
        self._module = module
        self._work = work
        self._slots = threading.BoundedSemaphore(concurrent)
        self._timeout_seconds = timeout_seconds
        self._memory_bytes = memory_bytes
        self._lock = threading.Lock()
        self._running: set[subprocess.Popen[bytes]] = set()
        self._swept = False
        self._closed = False

    @contextmanager
    def directory(self) -> Iterator[Path]:
        """Make a directory for one task, closed to other users; it is gone after the block."""
        self._work.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._sweep()
        made = self._work / secrets.token_hex(16)
        made.mkdir(mode=0o700)
        try:
            yield made
        finally:
            shutil.rmtree(made, ignore_errors=True)

    def run(self, task: str, arguments: Mapping[str, Any], directory: Path) -> Any:
        """Return the task's result.

        Raises
        ------
        TaskTimeoutError
            When it did not end in time; it was killed.
        TaskError
            When the task found a problem with the data, or its process died.
        OSError
            When no process could be started, now or in time.
        """
        if not self._slots.acquire(timeout=self._timeout_seconds):
            raise TasksUnavailableError("The server was too busy to read the data in time.")
        deadline = time.monotonic() + self._timeout_seconds  # waiting is not the data's fault
        try:
            return self._run(task, arguments, directory, deadline)
        finally:
            self._slots.release()

    def close(self) -> None:
        """End what runs; a task that is started later fails at once."""
        with self._lock:
            self._closed = True
            for process in self._running:
                process.kill()

    def _run(
        self, task: str, arguments: Mapping[str, Any], directory: Path, deadline: float
    ) -> Any:
        request = {"task": task, "arguments": arguments, "memoryBytes": self._memory_bytes}
        with (directory / "log").open("w+b") as log:
            process = self._start(directory, log)
            try:
                answer = _converse(process, json.dumps(request).encode() + b"\n", deadline)
            finally:
                self._end(process)
            return _result(answer, process.returncode, task, log)

    def _start(self, directory: Path, log: IO[bytes]) -> subprocess.Popen[bytes]:
        environment = {name: os.environ[name] for name in _KEPT_VARIABLES if name in os.environ}
        with self._lock:
            if self._closed:
                raise TasksUnavailableError("The server is shutting down.")
            process = subprocess.Popen(  # noqa: S603 - our own interpreter and module
                [sys.executable, "-P", "-s", "-m", self._module],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                cwd=directory,
                env=environment,
            )
            self._running.add(process)
        return process

    def _end(self, process: subprocess.Popen[bytes]) -> None:
        if process.poll() is None:
            process.kill()
        with contextlib.suppress(BrokenPipeError), process:
            pass  # closes the pipes and waits
        with self._lock:
            self._running.discard(process)

    def _sweep(self) -> None:
        with self._lock:
            swept, self._swept = self._swept, True
        if swept:
            return
        oldest = time.time() - _STALE_SECONDS
        for left in self._work.iterdir():
            if left.stat().st_mtime < oldest:
                shutil.rmtree(left, ignore_errors=True)


def _converse(process: subprocess.Popen[bytes], request: bytes, deadline: float) -> bytes:
    """Send the request and return all that comes back before the process ends."""
    assert process.stdin is not None  # noqa: S101 - opened with a pipe
    assert process.stdout is not None  # noqa: S101
    with contextlib.suppress(BrokenPipeError):  # it died at once; its output says so
        process.stdin.write(request)
        process.stdin.flush()
    # Its standard input stays open: the process ends itself when that closes.
    chunks: list[bytes] = []
    size = 0
    ready = select.poll()
    ready.register(process.stdout, select.POLLIN | select.POLLHUP)
    while size <= _MAX_ANSWER_BYTES:
        left = deadline - time.monotonic()
        if left <= 0 or not ready.poll(left * 1000):
            raise TaskTimeoutError("Reading the data took too long.")
        chunk = os.read(process.stdout.fileno(), 1 << 16)
        if not chunk:
            _wait(process, deadline)
            return b"".join(chunks)
        chunks.append(chunk)
        size += len(chunk)
    return b""


def _wait(process: subprocess.Popen[bytes], deadline: float) -> None:
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(max(0.1, deadline - time.monotonic()))


def _result(answer: bytes, exit_code: int, task: str, log: IO[bytes]) -> Any:
    if exit_code == 0 and answer:
        told = json.loads(answer)
        if "problem" not in told:
            return told["result"]
        _log.info("data that cannot be read", task=task, detail=_end_of(log))
        raise TaskError(told["problem"])
    _log.error("a table process died", task=task, exit_code=exit_code, stderr=_end_of(log))
    raise TaskError("The data could not be read: the process that read it ended unexpectedly.")


def _end_of(log: IO[bytes]) -> str:
    size = log.seek(0, os.SEEK_END)
    log.seek(max(0, size - _MAX_LOGGED_BYTES))
    return log.read().decode(errors="replace")
