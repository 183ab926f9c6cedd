"""What the logs of a failed worker say."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Final

from modelstudio.orchestration.store import LogLine

if TYPE_CHECKING:
    from modelstudio.compute.base import WorkerHandle

#: What the training and its libraries printed, and what the process around it did.
_FILES: Final = ("training.log", "worker.log")
_TAIL_BYTES: Final = 10_000


def log_tails(handle: WorkerHandle, now: int) -> list[LogLine]:
    """Return the end of each log in a worker's directory, as one line of the job's log each."""
    work_dir = str(handle.get("workDir", ""))
    lines = []
    for name in _FILES if work_dir else ():
        text = _tail(Path(work_dir) / name).replace(work_dir, "(work directory)").strip()
        if text:
            lines.append(LogLine(now, "DEBUG", f"{name} ends with:\n{text}"))
    return lines


def _tail(file: Path) -> str:
    try:
        # The training could have put anything in its place, a pipe or a link to another file.
        descriptor = os.open(file, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
        with os.fdopen(descriptor, "rb") as log:
            size = log.seek(0, os.SEEK_END)
            log.seek(max(0, size - _TAIL_BYTES))
            text = log.read(_TAIL_BYTES).decode("utf-8", "replace")
    except OSError:
        return ""  # it never came so far, or the worker ran on another machine
    return text.replace("\0", "\N{REPLACEMENT CHARACTER}")
