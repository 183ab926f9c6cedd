"""Views as tables: what their files hold, one Parquet file of all of them, and exports of it.

Training and readTable use the same Parquet file. It is made when it is first asked for, by a table
process, and kept as a blob under a key made of the view's files and columns. So it is right for
as long as it is there, and a table that nobody used for a week is made again when it is needed.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import threading
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from typing import IO, TYPE_CHECKING, Final

from sqlalchemy.exc import IntegrityError

from modelstudio.datasets.isolated import IsolatedTasks
from modelstudio.datasets.schemas import is_current, readings_of
from modelstudio.kit.blobs import new_key

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from modelstudio.datasets.schemas import Profile, WireField
    from modelstudio.datasets.store import DatasetStore, File
    from modelstudio.kit.blobs import BlobStore
    from modelstudio.kit.clock import Clock
    from modelstudio.kit.database import Database

_PROCESSES: Final = 2
_FORMAT_VERSION: Final = 2  # to be raised when the same view is to give another table
_KEEP_MILLIS: Final = 7 * 24 * 3600 * 1000
_NOTE_USE_MILLIS: Final = 3600 * 1000


@dataclass(frozen=True, slots=True)
class Table:
    """A view that is a table: its columns, and its files with their profiles."""

    fields: Sequence[WireField]
    files: Sequence[File]

    @property
    def key(self) -> str:
        """What this table has in common with no other."""
        parts = [_FORMAT_VERSION, self.fields, [(file.path, file.blob_key) for file in self.files]]
        return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


class Tables:
    """Safe for threads. Holds no database transaction while a process works."""

    def __init__(
        self,
        database: Database,
        store: DatasetStore,
        blobs: BlobStore,
        clock: Clock,
        work: Path,
        *,
        timeout_seconds: float,
        memory_bytes: int,
    ) -> None:
        self._database = database
        self._store = store
        self._blobs = blobs
        self._clock = clock
        self._tasks = IsolatedTasks(
            "modelstudio.datasets.table_process",
            work,
            concurrent=_PROCESSES,
            timeout_seconds=timeout_seconds,
            memory_bytes=memory_bytes,
        )
        self._making = _KeyedLocks()

    def examined(self, files: Sequence[File]) -> tuple[list[File], dict[str, Profile]]:
        """Look at the files that have no profile of today's form yet.

        Returns
        -------
        tuple[list[File], dict[str, Profile]]
            All files with their profiles, and the profiles that are new, by their blob's key.

        Raises
        ------
        TaskError
            When the files could not be looked at.
        OSError
            For a fault of the storage.
        """
        unknown = [file for file in files if not is_current(file.profile)]
        if not unknown:
            return list(files), {}
        with self._inputs(unknown) as directory:
            names = [file.path for file in unknown]
            found = self._tasks.run("profile", {"names": names}, directory)
        new = {file.blob_key: known for file, known in zip(unknown, found, strict=True)}
        return [replace(file, profile=new.get(file.blob_key, file.profile)) for file in files], new

    @contextmanager
    def open(self, table: Table) -> Iterator[Path]:
        """Give the table as a Parquet file that must not be changed.

        Raises
        ------
        TaskError
            When the files are not such a table; the message is for the user.
        OSError
            For a fault of the storage.
        """
        with ExitStack() as stack:
            try:
                path = stack.enter_context(self._blobs.local_copy(self._blob(table)))
            except FileNotFoundError:  # removed since it was looked up, as long unused
                with self._database.write() as tx:
                    self._store.forget_table(tx, table.key)
                path = stack.enter_context(self._blobs.local_copy(self._blob(table)))
            yield path

    def export(
        self, table: Table, *, format_: str, columns: Sequence[str] | None, limit: int | None
    ) -> IO[bytes]:
        """Return an open file with the table, or some of it, as ARROW (a stream) or CSV.

        The file has no name any more, so it is gone when it is closed. Raises as `open` does.
        """
        with self.open(table) as path, self._tasks.directory() as directory:
            _link(directory, [path])
            arguments = {"format": format_, "columns": columns, "limit": limit}
            self._tasks.run("export", arguments, directory)
            return (directory / "result").open("rb")

    def close(self) -> None:
        """End the processes that run."""
        self._tasks.close()

    # inside -------------------------------------------------------------------------------------

    def _blob(self, table: Table) -> str:
        """Return the key of the blob that holds the table, which is made if there is none."""
        return self._known(table.key) or self._make_once(table)

    def _known(self, key: str) -> str | None:
        with self._database.read() as tx:
            found = self._store.table(tx, key)
        if found is None:
            return None
        blob_key, used_at = found
        now = self._clock.now_millis()
        if used_at < now - _NOTE_USE_MILLIS:
            with self._database.write() as tx:
                self._store.use_table(tx, key, at=now)
        return blob_key

    def _make_once(self, table: Table) -> str:
        with self._making.hold(table.key):
            known = self._known(table.key)  # made while this thread waited
            if known is not None:
                return known
            made = self._make(table)
            now = self._clock.now_millis()
            try:
                with self._database.write() as tx:
                    self._store.add_table(tx, table.key, made, at=now)
                    unused = self._store.forget_unused_tables(tx, before=now - _KEEP_MILLIS)
            except IntegrityError:  # another server was faster
                known = self._known(table.key)
                if known is None:
                    raise
                self._blobs.delete(made)
                return known
            for key in unused:
                self._blobs.delete(key)
            return made

    def _make(self, table: Table) -> str:
        profiles = [file.profile for file in table.files]
        arguments = {
            "names": [file.path for file in table.files],
            "profiles": profiles,
            "fields": table.fields,
            "readings": readings_of(table.fields, [known for known in profiles if known]),
        }
        key = new_key("tables")
        with self._inputs(table.files) as directory:
            self._tasks.run("materialise", arguments, directory)
            with (directory / "table.parquet").open("rb") as made, self._blobs.write(key) as blob:
                shutil.copyfileobj(made, blob, 1 << 20)
        return key

    @contextmanager
    def _inputs(self, files: Sequence[File]) -> Iterator[Path]:
        """Make a task's directory with links to these files."""
        with ExitStack() as stack:
            paths = [stack.enter_context(self._blobs.local_copy(file.blob_key)) for file in files]
            directory = stack.enter_context(self._tasks.directory())
            _link(directory, paths)
            yield directory


class _KeyedLocks:
    """A lock for each key, for as long as somebody holds or awaits it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._held: dict[str, tuple[threading.Lock, int]] = {}

    @contextmanager
    def hold(self, key: str) -> Iterator[None]:
        with self._lock:
            lock, holders = self._held.get(key, (threading.Lock(), 0))
            self._held[key] = (lock, holders + 1)
        try:
            with lock:
                yield
        finally:
            with self._lock:
                lock, holders = self._held.pop(key)
                if holders > 1:
                    self._held[key] = (lock, holders - 1)


def _link(directory: Path, paths: Sequence[Path]) -> None:
    # Under short names of our own, since a path may be longer than a file's name can be.
    (directory / "input").mkdir(mode=0o700)
    for index, path in enumerate(paths):
        (directory / "input" / str(index)).symlink_to(path.resolve())
