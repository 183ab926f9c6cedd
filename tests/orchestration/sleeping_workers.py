"""A place to run workers that do nothing at all, so that a test decides what becomes of them."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
from typing import TYPE_CHECKING

from modelstudio.compute.base import Capacity, WorkerStartError

if TYPE_CHECKING:
    from pathlib import Path

    from modelstudio.compute.base import StartRequest, WorkerHandle


class SleepingWorkers:
    """Real processes that sleep; keeps the compute contract."""

    def __init__(self, folder: Path, *, cpu: float = 4.0, memory_bytes: int = 8 * 10**9) -> None:
        self._folder = folder
        self._capacity = Capacity(cpu, memory_bytes)
        self._lock = threading.Lock()
        self.children: dict[int, subprocess.Popen[bytes]] = {}
        self.requests: list[StartRequest] = []
        self.discarded: list[int] = []
        self.broken = False
        self.in_the_way: str | None = None

    @property
    def started(self) -> list[str]:
        return [request.job_rid for request in self.requests]

    def start(self, request: StartRequest) -> WorkerHandle:
        if self.broken:
            raise WorkerStartError("no more processes")
        work_dir = self._folder / f"work{len(self.requests)}"
        work_dir.mkdir(parents=True)
        (work_dir / "worker.log").write_text(f"began in {work_dir}\n")
        child = subprocess.Popen(["sleep", "600"])
        with self._lock:
            self.children[child.pid] = child
            self.requests.append(request)
        return {"pid": child.pid, "workDir": str(work_dir)}

    def obstacle(self) -> str | None:
        return self.in_the_way

    def is_alive(self, handle: WorkerHandle) -> bool:
        with self._lock:
            return self.children[int(handle["pid"])].poll() is None

    def exit_reason(self, handle: WorkerHandle) -> str | None:
        status = self.children[int(handle["pid"])].returncode
        return None if status is None else f"The worker slept badly ({status})."

    def stop(self, handle: WorkerHandle, grace_seconds: float) -> None:
        child = self.children[int(handle["pid"])]
        with self._lock:
            if child.poll() is None:
                child.terminate()
                child.wait(grace_seconds + 1)

    def discard(self, handle: WorkerHandle) -> None:
        self.discarded.append(int(handle["pid"]))

    def leave(self) -> None:
        """Do nothing: the test is not over, and waits for all of them at its end."""

    def capacity(self) -> Capacity:
        return self._capacity

    def kill(self, index: int) -> None:
        os.kill(list(self.children)[index], signal.SIGKILL)

    def alive(self) -> list[int]:
        with self._lock:
            return [pid for pid, child in self.children.items() if child.poll() is None]

    def end(self) -> None:
        for child in self.children.values():
            child.kill()
            child.wait()
