"""Commits transactions: first their files are looked at, then they are closed with a schema.

Looking takes as long as it takes, so no database transaction is open meanwhile. What was looked
at may have changed when the transaction is to be closed; then it is looked at again, which is
quick, since a file is looked at only once. No data keeps a transaction from being committed: if it
is no table, the reason is stored in place of a schema. Only a server that cannot look just now
leaves the transaction open, to be committed again. See `schemas` for which schema it gets.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

import structlog

from modelstudio.datasets import errors, schemas
from modelstudio.datasets.isolated import TaskError
from modelstudio.datasets.store import File, Transaction
from modelstudio.filesystem.service import Role
from modelstudio.kit import rids

if TYPE_CHECKING:
    from collections.abc import Sequence

    import sqlalchemy as sa

    from modelstudio.datasets.schemas import Profile, Schema
    from modelstudio.datasets.service import DatasetService
    from modelstudio.datasets.store import Branch, DatasetStore
    from modelstudio.datasets.tables import Tables
    from modelstudio.kit.clock import Clock, IdSource
    from modelstudio.kit.database import Database
    from modelstudio.kit.routing import Caller

_log = structlog.get_logger("modelstudio.datasets")
#: How often files may change under a commit, or other uploads come before one.
_ATTEMPTS: Final = 50


@dataclass(frozen=True, slots=True)
class NewFile:
    """A file that is stored already, for a transaction of its own."""

    dataset_rid: str
    branch: str
    type: str
    path: str
    blob_key: str
    size_bytes: int


@dataclass(frozen=True, slots=True)
class _Examined:
    files: Sequence[File]
    problem: str | None = None


class TransactionCloser:
    """Opens short transactions of its own; safe for threads and for several servers."""

    def __init__(
        self,
        database: Database,
        store: DatasetStore,
        datasets: DatasetService,
        tables: Tables,
        clock: Clock,
        ids: IdSource,
    ) -> None:
        self._database = database
        self._store = store
        self._datasets = datasets
        self._tables = tables
        self._clock = clock
        self._ids = ids

    def commit(self, caller: Caller, dataset_rid: str, rid: str) -> Transaction:
        """Commit an open transaction.

        Raises
        ------
        DatasetNotFound, CommitTransactionPermissionDenied, TransactionNotFound, TransactionNotOpen
        """
        denied = errors.CommitTransactionPermissionDenied(dataset_rid, rid)
        known: dict[str, Profile] = {}
        for attempt in range(_ATTEMPTS):
            with self._database.read() as tx:
                self._datasets.require(tx, caller, dataset_rid, role=Role.EDITOR, denied=denied)
                seen = self._datasets.transaction(tx, dataset_rid, rid)
                if seen.status != "OPEN":
                    raise errors.TransactionNotOpen(dataset_rid, rid, seen.status)
                files = self._store.profiled_view(tx, rid)
            examined = self._examine(files, known)
            with self._database.write() as tx:
                transaction = self._datasets.lock_open(tx, dataset_rid, rid)
                if transaction.revision != seen.revision:
                    if attempt + 1 < _ATTEMPTS:
                        continue
                    examined = _Examined([], "The files changed while they were committed.")
                self._store.set_profiles(tx, known)
                self._close(tx, transaction, examined)
                return self._datasets.transaction(tx, dataset_rid, rid)
        raise AssertionError("the last attempt commits")

    def publish(self, caller: Caller, new: NewFile) -> File:
        """Commit a transaction that holds this file only.

        Raises
        ------
        DatasetNotFound, CreateTransactionPermissionDenied, BranchNotFound, FileAlreadyExists
        OpenTransactionAlreadyExists
            Also when other uploads to the branch came first too often.
        """
        rid = rids.TRANSACTION + self._ids.uuid()
        known: dict[str, Profile] = {}
        for _ in range(_ATTEMPTS):
            with self._database.read() as tx:
                branch = self.check_new(tx, caller, new)
                earlier = self._earlier_files(tx, branch, new)
            file = self._file(new, rid)
            examined = self._examine([*earlier, file], known)
            with self._database.write() as tx:
                now = self._store.lock_branch(tx, new.dataset_rid, new.branch)
                if now != branch:
                    continue
                transaction = self._new_transaction(caller, new, rid, branch.transaction_rid)
                self._store.add_transaction(tx, transaction)
                self._store.put_file(tx, file)
                self._store.set_profiles(tx, known)
                self._close(tx, transaction, examined)
                self._store.move_branch(tx, new.dataset_rid, new.branch, rid)
                return file
        raise errors.OpenTransactionAlreadyExists(new.dataset_rid, new.branch)

    def check_new(self, tx: sa.Connection, caller: Caller, new: NewFile) -> Branch:
        """Return the branch that a file can be published on; raises as `publish` does."""
        self._datasets.require(
            tx,
            caller,
            new.dataset_rid,
            role=Role.EDITOR,
            denied=errors.CreateTransactionPermissionDenied(new.dataset_rid, new.branch),
        )
        branch = self._datasets.branch(tx, new.dataset_rid, new.branch)
        self._datasets.refuse_open(tx, new.dataset_rid, branch)
        if new.type == "APPEND" and branch.transaction_rid is not None:
            self.refuse_existing(tx, new.dataset_rid, branch.transaction_rid, new.path)
        return branch

    def refuse_existing(self, tx: sa.Connection, dataset_rid: str, rid: str, path: str) -> None:
        """Raise FileAlreadyExists if the path is in the view ending at a transaction."""
        there = self._store.view_file(tx, rid, path)
        if there is not None:
            raise errors.FileAlreadyExists(dataset_rid, there.transaction_rid, path)

    # inside -------------------------------------------------------------------------------------

    def _earlier_files(self, tx: sa.Connection, branch: Branch, new: NewFile) -> list[File]:
        if new.type == "SNAPSHOT" or branch.transaction_rid is None:
            return []
        files = self._store.profiled_view(tx, branch.transaction_rid)
        return [file for file in files if file.path != new.path]

    def _file(self, new: NewFile, rid: str) -> File:
        now = self._clock.now_millis()
        return File(new.path, rid, new.blob_key, new.size_bytes, now)

    def _new_transaction(
        self, caller: Caller, new: NewFile, rid: str, parent_rid: str | None
    ) -> Transaction:
        return Transaction(
            rid=rid,
            dataset_rid=new.dataset_rid,
            branch=new.branch,
            parent_rid=parent_rid,
            type=new.type,
            status="OPEN",
            created_by=caller.user_id,
            created_at=self._clock.now_millis(),
            closed_at=None,
            revision=0,
            schema_version=None,
        )

    def _examine(self, files: Sequence[File], known: dict[str, Profile]) -> _Examined:
        """Look at files; those that were looked at now are added to ``known``."""
        data = [
            replace(file, profile=known.get(file.blob_key, file.profile))
            for file in sorted(files, key=lambda file: file.path)
            if schemas.is_data(file.path)
        ]
        if not all(schemas.may_be_table(file.path) for file in data):
            return _Examined(data)
        try:
            examined, new = self._tables.examined(data)
        except TaskError as error:
            return _Examined(data, str(error))
        except FileNotFoundError:
            # Replaced while it was looked at, which `commit` finds out, or lost for ever.
            _log.warning("a file of a transaction is not in the storage", exc_info=True)
            return _Examined(data, "A file is missing from the server's storage.")
        known.update(new)
        return _Examined(examined)

    def _close(self, tx: sa.Connection, transaction: Transaction, examined: _Examined) -> None:
        self._store.close_transaction(
            tx,
            transaction.rid,
            status="COMMITTED",
            at=self._clock.now_millis(),
            schema_version=transaction.schema_version,
        )
        if transaction.schema_version is not None:  # put while the transaction was open
            return
        earlier = self._earlier_schema(tx, transaction)
        if earlier is not None and earlier.put and _stays(earlier, transaction, examined):
            self._store.set_schema(tx, transaction.rid, earlier.version_id)
            return
        fields, problem = _inferred(examined)
        if earlier is not None and (earlier.fields, earlier.problem) == (fields, problem):
            self._store.set_schema(tx, transaction.rid, earlier.version_id)
            return
        self._datasets.add_schema(
            tx, transaction.rid, transaction.dataset_rid, fields, problem, put=False
        )

    def _earlier_schema(self, tx: sa.Connection, transaction: Transaction) -> Schema | None:
        rid = transaction.parent_rid
        parent = None if rid is None else self._store.transaction(tx, transaction.dataset_rid, rid)
        return None if parent is None else self._datasets.schema_of(tx, parent)


def _stays(put: Schema, transaction: Transaction, examined: _Examined) -> bool:
    """Whether a schema that a user put is that of the new transaction too."""
    if transaction.type != "SNAPSHOT" or examined.problem is not None:
        return True
    return schemas.misfit(put.fields or [], _profiles(examined)) is None


def _inferred(examined: _Examined) -> tuple[list[dict[str, Any]] | None, str | None]:
    if examined.problem is not None:
        return None, examined.problem
    return schemas.infer(_profiles(examined))


def _profiles(examined: _Examined) -> list[tuple[str, Profile | None]]:
    return [(file.path, file.profile) for file in examined.files]
