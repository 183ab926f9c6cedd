"""Which server this is, and where workers find it: two files in the data directory."""

from __future__ import annotations

import fcntl
import os
from typing import TYPE_CHECKING, Final

from modelstudio.kit import rids

if TYPE_CHECKING:
    from pathlib import Path

    from modelstudio.kit.clock import IdSource

_INSTANCE: Final = "instance-id"
_URL: Final = "server-url"
_MAX_ID_BYTES: Final = 100


class Instance:
    """The name under which a server claims jobs; a restarted server has it again.

    Two processes with the same data directory would take each other's workers for their own, so
    only one at a time can hold the name. The system takes it back from a process that dies.
    """

    def __init__(self, data_dir: Path, ids: IdSource) -> None:
        self._path = data_dir / _INSTANCE
        self._ids = ids
        self._descriptor: int | None = None

    def acquire(self) -> str | None:
        """Return the name, or None while another process holds it.

        Raises
        ------
        OSError
            When the data directory cannot be used; then no one holds the name.
        """
        self.release()  # or this process would wait for itself
        descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            name = self._name(descriptor)
        except BlockingIOError:
            os.close(descriptor)
            return None
        except BaseException:
            os.close(descriptor)
            raise
        self._descriptor = descriptor
        return name

    def _name(self, descriptor: int) -> str:
        name = os.pread(descriptor, _MAX_ID_BYTES, 0).decode("ascii", "replace").strip()
        if not rids.is_uuid(name):
            name = self._ids.uuid()
            os.ftruncate(descriptor, 0)
            os.pwrite(descriptor, f"{name}\n".encode(), 0)
            os.fsync(descriptor)
        return name

    def release(self) -> None:
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None


def url_file(data_dir: Path) -> Path:
    """Return the file that holds the server's URL."""
    return data_dir / _URL


def write_url(data_dir: Path, url: str) -> None:
    """Say where this server is; workers of an earlier one read it when they cannot reach it."""
    partial = data_dir / f"{_URL}.part"
    descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(url + "\n")
    partial.replace(url_file(data_dir))


def local_url(host: str, port: int) -> str:
    """Return the URL by which a process of this machine reaches a server that listens there."""
    reachable = {"": "127.0.0.1", "0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104
    return f"http://[{reachable}]:{port}" if ":" in reachable else f"http://{reachable}:{port}"
