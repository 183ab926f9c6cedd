"""Finding, measuring and ending processes, down to the last grandchild."""

from __future__ import annotations

import signal
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Final

import psutil

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

_USED_PAGES: Final = frozenset({"Pss_Anon:", "Pss_Shmem:"})
_POLL_SECONDS: Final = 0.02
_KILL_SECONDS: Final = 1.0


def descendants() -> list[psutil.Process]:
    """Return every living process below this one."""
    return living(psutil.Process().children(recursive=True))


def living(processes: Sequence[psutil.Process]) -> list[psutil.Process]:
    """Leave out those that are gone, or dead and only waiting for their parent."""
    return [process for process in processes if _lives(process)]


def _lives(process: psutil.Process) -> bool:
    try:
        return bool(process.is_running() and process.status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


def terminate(find: Callable[[], Sequence[psutil.Process]], grace_seconds: float) -> bool:
    """End all processes that ``find`` returns: SIGTERM, and SIGKILL after the grace.

    ``find`` is asked again and again, so that a process started meanwhile ends too. Returns
    whether all of them are gone.
    """
    for process in find():
        _signal(process, signal.SIGTERM)
    kill_at = time.monotonic() + grace_seconds
    give_up = kill_at + _KILL_SECONDS
    while alive := find():
        now = time.monotonic()
        if now >= give_up:
            return False
        if now >= kill_at:
            for process in alive:
                _signal(process, signal.SIGKILL)
        time.sleep(_POLL_SECONDS)
    return True


def _signal(process: psutil.Process, number: signal.Signals) -> None:
    try:
        process.send_signal(number)
    except (psutil.NoSuchProcess, psutil.AccessDenied):
        return  # gone meanwhile, or another user's: the caller looks again


def memory_of(processes: Sequence[psutil.Process], enough_bytes: int) -> int:
    """Return the memory that some processes use together, in bytes.

    The plain sum of resident memory is cheap, but counts shared pages once for every process, and
    pages of mapped files, which the kernel takes back when it needs them. Only when the sum goes
    beyond ``enough_bytes`` are those told apart, which costs a walk through all pages.
    """
    total = sum(_resident(process) for process in processes)
    if total <= enough_bytes:
        return total
    return sum(_unshared(process) for process in processes)


def _resident(process: psutil.Process) -> int:
    try:
        return int(process.memory_info().rss)
    except psutil.Error:
        return 0


def _unshared(process: psutil.Process) -> int:
    """Return a process's own memory and its part of what it shares, without mapped files."""
    try:
        text = Path(f"/proc/{process.pid}/smaps_rollup").read_text(encoding="ascii")
    except FileNotFoundError:
        return 0 if sys.platform == "linux" else _resident(process)
    except OSError:  # it is just ending, or its memory is closed to us
        return _resident(process)
    lines = (line.split() for line in text.splitlines())
    return sum(int(words[1]) * 1024 for words in lines if words[0] in _USED_PAGES)
