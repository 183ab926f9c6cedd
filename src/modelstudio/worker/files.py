"""The files of a run: how much of the disk they take, and how much memory when they are in it.

A file takes space by more ways than its name in the work directory. One that was deleted while a
process has it open keeps its space until it is closed; one in a file system that is in memory, such
as ``/dev/shm``, takes memory although no process has it mapped.
"""

from __future__ import annotations

import contextlib
import os
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

#: What ``st_blocks`` counts in, whatever the file system's own block is.
_BLOCK_BYTES: Final = 512
_OPEN_FOR_WRITING: Final = stat.S_IWUSR
_SHARED_MEMORY: Final = Path("/dev/shm")  # noqa: S108 - looked at, not written to
_IN_MEMORY: Final = frozenset({"tmpfs", "ramfs"})

#: Device and inode: what a file is, whatever it is called.
_Identity = tuple[int, int]


@dataclass(frozen=True, slots=True)
class _OpenFile:
    path: str
    allocated_bytes: int
    is_deleted: bool
    is_memfd: bool


class RunFiles:
    """Measures the files of one run; not thread-safe."""

    def __init__(self, root: Path) -> None:
        """Take what is in the work directory now, and in shared memory, for not the run's own."""
        self._root = root
        self._device = root.stat().st_dev
        self._memory_devices = _memory_devices()
        self._before = _tree_bytes(root)
        self._foreign = {identity for identity, _ in _in_shared_memory()}
        self._in_memory: dict[_Identity, str] = {}
        self._deleted_bytes = 0

    def disk_bytes(self) -> int:
        """Walk the work directory and return what the run has written there.

        Files that were deleted but are open count as of the last `look_at`.
        """
        return max(0, _tree_bytes(self._root) - self._before) + self._deleted_bytes

    @property
    def are_in_memory(self) -> bool:
        """Whether the work directory itself is in memory."""
        return self._device in self._memory_devices

    def look_at(self, pids: Iterable[int]) -> int:
        """Return the bytes of memory in files that the processes write to or have written to.

        Only files outside the work directory; those count as its own.
        """
        deleted: dict[_Identity, int] = {}
        anonymous: dict[_Identity, int] = {}
        for pid in pids:
            for identity, file in _open_for_writing(pid):
                if file.is_memfd:
                    anonymous[identity] = file.allocated_bytes
                elif file.is_deleted and identity[0] == self._device:
                    deleted[identity] = file.allocated_bytes
                elif file.is_deleted and identity[0] in self._memory_devices:
                    anonymous[identity] = file.allocated_bytes
                elif identity[0] in self._memory_devices and not self._is_inside(file.path):
                    self._in_memory[identity] = file.path
        self._deleted_bytes = sum(deleted.values())
        return sum(anonymous.values()) + self._left_in_memory()

    def delete_shared_memory(self) -> None:
        """Delete the shared memory that the run has made and left; it would stay for ever."""
        for identity, status in _in_shared_memory():
            path = self._in_memory.get(identity)
            if path is not None and identity not in self._foreign and status.st_uid == os.getuid():
                with contextlib.suppress(OSError):
                    Path(path).unlink()

    def _is_inside(self, path: str) -> bool:
        return Path(path).is_relative_to(self._root)

    def _left_in_memory(self) -> int:
        """Return the size of the files in memory that have a name, also if none has them open."""
        total = 0
        for identity, path in list(self._in_memory.items()):
            status = _status(path)
            if status is None or (status.st_dev, status.st_ino) != identity:
                del self._in_memory[identity]
            else:
                total += status.st_blocks * _BLOCK_BYTES
        return total


def _tree_bytes(folder: Path) -> int:
    """Return the space that a folder's files take; one with several names counts once."""
    seen: set[_Identity] = set()
    total = 0
    folders = [str(folder)]
    while folders:
        for status in _entries(folders.pop(), folders):
            if status.st_nlink > 1:
                identity = (status.st_dev, status.st_ino)
                if identity in seen:
                    continue
                seen.add(identity)
            total += status.st_blocks * _BLOCK_BYTES
    return total


def _entries(folder: str, folders: list[str]) -> Iterator[os.stat_result]:
    """Yield the status of a folder's files and add its folders; both may go away meanwhile."""
    try:
        entries = os.scandir(folder)
    except OSError:
        return
    with entries:
        for entry in entries:
            with contextlib.suppress(OSError):
                if entry.is_dir(follow_symlinks=False):
                    folders.append(entry.path)
                else:
                    yield entry.stat(follow_symlinks=False)


def _open_for_writing(pid: int) -> Iterator[tuple[_Identity, _OpenFile]]:
    """Yield the regular files that a process has open for writing (Linux)."""
    folder = f"/proc/{pid}/fd"
    try:
        numbers = os.listdir(folder)  # noqa: PTH208 - thousands of them
    except OSError:  # it has ended, or is not ours to look into
        return
    for number in numbers:
        link = f"{folder}/{number}"
        with contextlib.suppress(OSError):
            if not os.lstat(link).st_mode & _OPEN_FOR_WRITING:
                continue
            status = os.stat(link)  # noqa: PTH116
            if stat.S_ISREG(status.st_mode):
                path = os.readlink(link)  # noqa: PTH115
                allocated = status.st_blocks * _BLOCK_BYTES
                is_deleted, is_memfd = status.st_nlink == 0, path.startswith("/memfd:")
                file = _OpenFile(path, allocated, is_deleted, is_memfd)
                yield (status.st_dev, status.st_ino), file


def _in_shared_memory() -> Iterator[tuple[_Identity, os.stat_result]]:
    for status in _entries(str(_SHARED_MEMORY), []):
        yield (status.st_dev, status.st_ino), status


def _status(path: str) -> os.stat_result | None:
    try:
        return os.lstat(path)
    except OSError:
        return None


def _memory_devices() -> frozenset[int]:
    """Return the device numbers of the file systems that are in memory (Linux)."""
    try:
        text = Path("/proc/self/mountinfo").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return frozenset()
    found = set()
    for line in text.splitlines():
        before, _, after = line.partition(" - ")
        if after.split(" ", 1)[0] in _IN_MEMORY:
            major, _, minor = before.split()[2].partition(":")
            found.add(os.makedev(int(major), int(minor)))
    return frozenset(found)
