"""Finding and ending processes, down to the last grandchild."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from typing import TYPE_CHECKING, Final

import psutil

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

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


def reap() -> None:
    """Collect children that have ended, adopted ones too, so that their CPU time is counted."""
    with contextlib.suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
