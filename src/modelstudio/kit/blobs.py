"""Blobs: files, tables and models, by key.

Stores are Protocols. A blob is written once, under a key that is never used again, and is
readable only after its writer was closed without an exception; so a reader never sees half of
one, and a writer that dies leaves nothing that a key names.
"""

from __future__ import annotations

import os
import secrets
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING, Final, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterator
    from contextlib import AbstractContextManager

_CHUNK: Final = 1 << 20


class BlobStore(Protocol):
    """Safe for threads and for several processes on the same root."""

    def write(self, key: str) -> AbstractContextManager[IO[bytes]]:
        """Open a new blob; it exists once the block ends without an exception."""
        ...

    def read(self, key: str) -> Iterator[bytes]:
        """Yield the blob in chunks.

        Raises
        ------
        FileNotFoundError
            When there is no such blob.
        """
        ...

    def local_copy(self, key: str) -> AbstractContextManager[Path]:
        """Give the blob as a file that must not be changed, for as long as the block lasts."""
        ...

    def delete(self, key: str) -> None:
        """Remove the blob; it is no error when there is none."""
        ...


def new_key(kind: str) -> str:
    """Return a key no other blob has, spread over directories so that none grows too large."""
    name = secrets.token_hex(16)
    return f"{kind}/{name[:2]}/{name}"


class DirectoryBlobs:
    """Blobs as files below one directory, closed to other users."""

    def __init__(self, root: Path) -> None:
        self._root = Path(os.path.normpath(root))
        self._incoming = self._root / "incoming"
        _make_directory(self._incoming)

    @contextmanager
    def write(self, key: str) -> Iterator[IO[bytes]]:
        target = self._path(key)
        _make_directory(target.parent)
        partial = self._incoming / secrets.token_hex(16)
        descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            with os.fdopen(descriptor, "wb") as file:
                yield file
                file.flush()
                os.fsync(file.fileno())
            partial.rename(target)
            _sync_directory(target.parent)
        except BaseException:
            partial.unlink(missing_ok=True)
            raise

    def read(self, key: str) -> Iterator[bytes]:
        file = self._path(key).open("rb")  # opened now, so that a missing blob raises here
        return _chunks(file)

    @contextmanager
    def local_copy(self, key: str) -> Iterator[Path]:
        path = self._path(key)
        if not path.is_file():
            raise FileNotFoundError(key)
        yield path

    def delete(self, key: str) -> None:
        self._path(key).unlink(missing_ok=True)

    def _path(self, key: str) -> Path:
        path = Path(os.path.normpath(self._root / key))
        if not path.is_relative_to(self._root) or path == self._root:
            raise ValueError(f"blob key {key!r} leaves the store")
        return path


def _chunks(file: IO[bytes]) -> Iterator[bytes]:
    with file:
        while chunk := file.read(_CHUNK):
            yield chunk


def _make_directory(directory: Path) -> None:
    """Make a directory and those above it, all closed to other users and there to stay."""
    if directory.is_dir():
        return
    _make_directory(directory.parent)
    directory.mkdir(exist_ok=True, mode=0o700)
    _sync_directory(directory.parent)


def _sync_directory(directory: Path) -> None:
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
