"""How much memory a run uses: all of its processes together, and its files in memory.

The plain sum over the processes is cheap, but counts a page that several share once for each of
them. Only when that sum goes beyond the limit are they told apart, which costs a walk through all
pages. Mapped files do not count: the kernel takes their pages back when it needs them.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_KIBIBYTE: Final = 1024


@dataclass(frozen=True, slots=True)
class _Used:
    """Bytes in memory or swapped out: a process's own, and of memory that others may share."""

    own: int = 0
    shared: int = 0

    def __add__(self, other: _Used) -> _Used:
        return _Used(self.own + other.own, self.shared + other.shared)

    def total(self, file_bytes: int) -> int:
        """Add files in memory; a page of one that is mapped is in ``shared`` already."""
        return self.own + max(self.shared, file_bytes)


def memory_of(pids: Iterable[int], enough_bytes: int, file_bytes: int = 0) -> int:
    """Return the memory that processes use together with files in memory, in bytes.

    At most ``enough_bytes`` may be too high, by what the processes share.
    """
    known = list(pids)
    total = sum(map(_quickly, known), _Used()).total(file_bytes)
    if total <= enough_bytes:
        return total
    return sum(map(_exactly, known), _Used()).total(file_bytes)


def kernel_kills() -> int | None:
    """Return how many processes the kernel has killed for want of memory; None if it won't say."""
    try:
        text = Path("/proc/vmstat").read_text(encoding="ascii")
    except OSError:
        return None
    counts = dict(line.split() for line in text.splitlines())
    return int(counts["oom_kill"]) if "oom_kill" in counts else None


def _quickly(pid: int) -> _Used:
    if sys.platform != "linux":
        return _resident(pid)
    sizes = _sizes(f"/proc/{pid}/status")
    return _Used(sizes.get("RssAnon", 0) + sizes.get("VmSwap", 0), sizes.get("RssShmem", 0))


def _exactly(pid: int) -> _Used:
    """Return a process's own memory and its part of what it shares."""
    sizes = _sizes(f"/proc/{pid}/smaps_rollup")
    if "Pss_Anon" not in sizes:  # it has ended, is closed to us, or the kernel is an old one
        return _quickly(pid)
    return _Used(sizes["Pss_Anon"] + sizes.get("SwapPss", 0), sizes.get("Pss_Shmem", 0))


def _sizes(file: str) -> Mapping[str, int]:
    """Read the lines ``Name:   number kB`` of a file of /proc, in bytes."""
    try:
        text = Path(file).read_text(encoding="utf-8", errors="replace")
    except OSError:
        return {}
    lines = (line.split() for line in text.splitlines() if line.endswith(" kB"))
    return {words[0].rstrip(":"): int(words[1]) * _KIBIBYTE for words in lines}


def _resident(pid: int) -> _Used:
    import psutil  # noqa: PLC0415 - an interpreter of a trainer's own may lack it

    try:
        return _Used(int(psutil.Process(pid).memory_info().rss))
    except psutil.Error:
        return _Used()
