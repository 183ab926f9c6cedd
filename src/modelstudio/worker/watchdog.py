"""Holds a run to its limits of memory, disk and time while its processes run.

How soon it looks again depends on how much is left: a run that is near a limit, or grows fast, is
looked at more often, and never so often that looking takes more than a tenth of a core.
"""

from __future__ import annotations

import contextlib
import shutil
import signal
import subprocess
import time
from typing import TYPE_CHECKING, Final

import psutil

from modelstudio.worker.files import RunFiles
from modelstudio.worker.memory import kernel_kills, memory_of
from modelstudio.worker.processes import descendants
from modelstudio.worker.wording import out_of_disk, out_of_memory, size

if TYPE_CHECKING:
    from collections.abc import Sequence

    from modelstudio.worker.layout import WorkDir
    from modelstudio.worker.specification import JobSpecification
    from modelstudio.worker.usage import RunUsage

_LONGEST_PAUSE: Final = 0.5
_SHORTEST_PAUSE: Final = 0.02
_SHORTEST_DISK_PAUSE: Final = 0.2
#: Between two looks for new processes and the files they have open.
_TREE_SECONDS: Final = 0.5
_DISK_SECONDS: Final = 2.0
#: How fast a run may begin to use memory or disk, in bytes a second, as far as we reckon.
_SUDDEN_RATE: Final = 1e9
#: A pause lasts at least that many times as long as the look before it took.
_REST: Final = 10


class RunFailedError(Exception):
    """The run has failed; the message is for the user."""


class Watchdog:
    """Watches the processes below this one; to be used once.

    Attributes
    ----------
    files
        The files of the run, to be measured from before its first process starts.
    """

    def __init__(
        self, job: JobSpecification, work_dir: WorkDir, usage: RunUsage, least_free_bytes: int = 0
    ) -> None:
        self.files = RunFiles(work_dir.root)
        self._job = job
        self._work_dir = work_dir
        self._usage = usage
        self._least_free_bytes = least_free_bytes
        self._kernel_kills = kernel_kills()
        self._processes: Sequence[psutil.Process] = ()
        self._file_bytes = 0
        self._disk_bytes = 0
        self._tree_due = self._disk_due = 0.0
        self._rate = _Rate()
        self._disk_rate = _Rate()

    def watch(self, process: subprocess.Popen[bytes]) -> int:
        """Wait for the training process and return its exit status, negative for a signal.

        Raises
        ------
        RunFailedError
            As soon as the run goes beyond a limit; its processes may still run then.
        """
        started = time.monotonic()
        pause = _SHORTEST_PAUSE
        while True:
            try:
                return process.wait(pause)
            except subprocess.TimeoutExpired:
                pass
            finally:
                self._usage.training_seconds = time.monotonic() - started
            self._check_time()
            self._look_around()
            self._check_disk()
            pause = self._check_memory()

    @property
    def kernel_has_killed(self) -> bool | None:
        """Whether the kernel has killed processes for want of memory; None if it won't say."""
        if self._kernel_kills is None:
            return None
        return kernel_kills() != self._kernel_kills

    def _check_time(self) -> None:
        limit = self._job.wall_seconds
        if limit is not None and self._usage.training_seconds > limit:
            self._kill()
            raise RunFailedError(
                f"Out of time: the run took longer than the {limit:g} s that it may take."
            )

    def _look_around(self) -> None:
        """Find the run's processes and the files in memory that they write to."""
        begun = time.monotonic()
        if begun >= self._tree_due:
            self._processes = descendants()
            self._file_bytes = self.files.look_at(process.pid for process in self._processes)
            ended = time.monotonic()
            self._tree_due = ended + max(_TREE_SECONDS, _REST * (ended - begun))

    def _check_memory(self) -> float:
        """Return how long the memory need not be looked at again, in seconds."""
        limit, begun = self._job.memory_bytes, time.monotonic()
        in_memory = self._disk_bytes if self.files.are_in_memory else 0
        pids = [process.pid for process in self._processes]
        used = memory_of(pids, limit, self._file_bytes + in_memory)
        self._usage.note_memory(used)
        if used > limit:
            self._kill()
            raise RunFailedError(out_of_memory(used, limit))
        pause = min(self._rate.seconds_to(used, limit, begun) / 2, _LONGEST_PAUSE)
        return max(pause, _SHORTEST_PAUSE, _REST * (time.monotonic() - begun))

    def _check_disk(self) -> None:
        begun = time.monotonic()
        if begun < self._disk_due:
            return
        used = self._disk_bytes = self.files.disk_bytes()
        self._usage.note_disk(used)
        limit = self._job.disk_bytes
        pause = _DISK_SECONDS
        if limit is not None:
            if used > limit:
                self._kill()
                raise RunFailedError(out_of_disk(used, limit))
            pause = min(pause, self._disk_rate.seconds_to(used, limit, begun) / 2)
        self._check_free_space()
        ended = time.monotonic()
        self._disk_due = ended + max(pause, _SHORTEST_DISK_PAUSE, _REST * (ended - begun))

    def _check_free_space(self) -> None:
        """End the run before the machine's disk is so full that the server cannot write."""
        free = shutil.disk_usage(self._work_dir.root).free
        if free < self._least_free_bytes:
            self._kill()
            raise RunFailedError(
                f"Out of disk: the machine that ran the training has only {size(free)} left on "
                "its disk."
            )

    def _kill(self) -> None:
        """Kill at once what is known of the run; the caller looks for the rest."""
        self._signal(signal.SIGSTOP)
        # No one could say any more whose files in memory these are.
        self.files.look_at(process.pid for process in self._processes)
        self._signal(signal.SIGKILL)

    def _signal(self, number: signal.Signals) -> None:
        for process in self._processes:
            with contextlib.suppress(psutil.Error):
                process.send_signal(number)


class _Rate:
    """How fast an amount grows."""

    def __init__(self) -> None:
        self._last: tuple[float, int] | None = None

    def seconds_to(self, used: int, limit: int, now: float) -> float:
        """Return how soon the limit may be reached, should it go on as fast or begin to grow."""
        rate = _SUDDEN_RATE
        if self._last is not None and now > self._last[0]:
            rate = max(rate, (used - self._last[1]) / (now - self._last[0]))
        self._last = (now, used)
        return (limit - used) / rate
