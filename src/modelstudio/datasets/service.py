"""Datasets: their branches, transactions, views and schemas.

What a view is: the files of its transactions from the last SNAPSHOT on. Of a path the newest
version counts; an APPEND may only add paths, an UPDATE may replace them, a DELETE removes them.
The view of a branch ends at its last committed transaction. An aborted transaction belongs to no
view, and its files are removed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from modelstudio.datasets import errors, schemas
from modelstudio.datasets.schemas import Field, Schema
from modelstudio.datasets.store import Branch, Transaction
from modelstudio.datasets.views import DEFAULT_BRANCH, check_branch_name
from modelstudio.errors import InvalidArgument
from modelstudio.filesystem.service import Role
from modelstudio.kit import rids

if TYPE_CHECKING:
    from collections.abc import Sequence
    from contextlib import AbstractContextManager
    from pathlib import Path

    import sqlalchemy as sa

    from modelstudio.datasets.reader import TableReader
    from modelstudio.datasets.schemas import WireField
    from modelstudio.datasets.store import DatasetStore, File
    from modelstudio.datasets.views import Range
    from modelstudio.errors import ApiError
    from modelstudio.filesystem.service import FilesystemService, Located
    from modelstudio.kit.clock import Clock, IdSource
    from modelstudio.kit.routing import Caller

#: The kind of a dataset among the resources.
DATASET_KIND: Final = "FOUNDRY_DATASET"


@dataclass(frozen=True, slots=True)
class DatasetView:
    """The newest committed data of a branch; without ``fields``, ``problem`` says why."""

    dataset_rid: str
    branch: str
    transaction_rid: str
    fields: tuple[Field, ...] | None
    problem: str | None


@dataclass(frozen=True, slots=True)
class ResolvedView:
    """A view that a request named; ``end`` is None where nothing was committed yet."""

    dataset_rid: str
    branch: str
    start_rid: str | None
    end: Transaction | None


class DatasetService:
    def __init__(
        self,
        store: DatasetStore,
        filesystem: FilesystemService,
        reader: TableReader,
        clock: Clock,
        ids: IdSource,
    ) -> None:
        self._store = store
        self._filesystem = filesystem
        self._reader = reader
        self._clock = clock
        self._ids = ids

    # for other domains --------------------------------------------------------------------------

    def latest_view(self, tx: sa.Connection, dataset_rid: str, branch: str) -> DatasetView | None:
        """Return the newest committed data of a branch, None when there is none.

        Checks no permission.
        """
        found = self._store.branch(tx, dataset_rid, branch)
        end = None if found is None else self._last_committed(tx, dataset_rid, found)
        if end is None:
            return None
        schema = self.schema_of(tx, end)
        columns = None if schema is None else schema.columns
        problem = None if schema is None else schema.problem
        return DatasetView(dataset_rid, branch, end.rid, columns, problem)

    def read_as(self, tx: sa.Connection, view: DatasetView) -> dict[str, Any]:
        """Return how a view was read: ``readings`` of its columns, and ``notes`` on its files.

        See `schemas.readings_of`; a note says in a sentence what was done to a file.
        """
        transaction = self._store.transaction(tx, view.dataset_rid, view.transaction_rid)
        schema = None if transaction is None else self.schema_of(tx, transaction)
        files = self._store.profiled_view(tx, view.transaction_rid)
        profiles = [
            file.profile
            for file in files
            if file.profile and schemas.is_current(file.profile) and "columns" in file.profile
        ]
        fields = [] if schema is None or schema.fields is None else schema.fields
        return {
            "readings": schemas.readings_of(fields, profiles),
            "notes": schemas.notes_of(profiles),
        }

    def table_file(self, dataset_rid: str, transaction_rid: str) -> AbstractContextManager[Path]:
        """Give the view ending at a transaction as one Parquet file that must not be changed.

        Checks no permission. May take long the first time; opens short transactions of its own.

        Raises
        ------
        ValueError
            When the data cannot be read; the message is for the user.
        OSError
            For a fault of the storage.
        """
        return self._reader.table_file(dataset_rid, transaction_rid)

    # datasets -----------------------------------------------------------------------------------

    def create(self, tx: sa.Connection, caller: Caller, *, name: str, folder_rid: str) -> Located:
        """Create a dataset with the default branch."""
        parent = self._filesystem.require_parent(
            tx, caller, folder_rid, denied=errors.CreateDatasetPermissionDenied(folder_rid, name)
        )
        located = self._filesystem.create(
            tx, caller, parent=parent, name=name, rid_prefix=rids.DATASET, kind=DATASET_KIND
        )
        self._store.add_branch(tx, located.rid, DEFAULT_BRANCH)
        return located

    def require(
        self,
        tx: sa.Connection,
        caller: Caller,
        rid: str,
        *,
        role: Role = Role.VIEWER,
        denied: ApiError | None = None,
    ) -> Located:
        """Return a dataset on which the caller has that role.

        Raises
        ------
        DatasetNotFound
        ApiError
            ``denied`` when the caller has a lesser role.
        """
        return self._filesystem.require(
            tx,
            caller,
            rid,
            kind=DATASET_KIND,
            missing=errors.DatasetNotFound(rid),
            role=role,
            denied=denied,
        )

    # branches -----------------------------------------------------------------------------------

    def branch(self, tx: sa.Connection, dataset_rid: str, name: str) -> Branch:
        found = self._store.branch(tx, dataset_rid, name)
        if found is None:
            raise errors.BranchNotFound(dataset_rid, name)
        return found

    def branches(
        self, tx: sa.Connection, dataset_rid: str, *, after: str | None, limit: int
    ) -> list[Branch]:
        return self._store.branches(tx, dataset_rid, after=after, limit=limit)

    # transactions -------------------------------------------------------------------------------

    def open_transaction(
        self, tx: sa.Connection, caller: Caller, dataset_rid: str, branch_name: str, type_: str
    ) -> Transaction:
        """Open a transaction on a branch that has none open.

        Raises
        ------
        InvalidBranchName, BranchNotFound, OpenTransactionAlreadyExists
        """
        check_branch_name(branch_name)
        branch = self._store.lock_branch(tx, dataset_rid, branch_name)
        if branch is None:
            raise errors.BranchNotFound(dataset_rid, branch_name)
        self.refuse_open(tx, dataset_rid, branch)
        transaction = Transaction(
            rid=rids.TRANSACTION + self._ids.uuid(),
            dataset_rid=dataset_rid,
            branch=branch_name,
            parent_rid=branch.transaction_rid,
            type=type_,
            status="OPEN",
            created_by=caller.user_id,
            created_at=self._clock.now_millis(),
            closed_at=None,
            revision=0,
            schema_version=None,
        )
        self._store.add_transaction(tx, transaction)
        self._store.move_branch(tx, dataset_rid, branch_name, transaction.rid)
        return transaction

    def transaction(self, tx: sa.Connection, dataset_rid: str, rid: str) -> Transaction:
        found = self._store.transaction(tx, dataset_rid, rid)
        if found is None:
            raise errors.TransactionNotFound(dataset_rid, rid)
        return found

    def lock_open(self, tx: sa.Connection, dataset_rid: str, rid: str) -> Transaction:
        """Return an open transaction, which stays open until the end of ``tx``.

        Raises
        ------
        TransactionNotFound, TransactionNotOpen
        """
        found = self._store.lock_transaction(tx, dataset_rid, rid)
        if found is None:
            raise errors.TransactionNotFound(dataset_rid, rid)
        if found.status != "OPEN":
            raise errors.TransactionNotOpen(dataset_rid, rid, found.status)
        return found

    def refuse_open(self, tx: sa.Connection, dataset_rid: str, branch: Branch) -> None:
        """Raise OpenTransactionAlreadyExists if the branch has an open transaction."""
        if branch.transaction_rid is None:
            return
        newest = self._store.transaction(tx, dataset_rid, branch.transaction_rid)
        if newest is not None and newest.status == "OPEN":
            raise errors.OpenTransactionAlreadyExists(dataset_rid, branch.name)

    def abort(self, tx: sa.Connection, dataset_rid: str, rid: str) -> tuple[Transaction, list[str]]:
        """Abort an open transaction.

        Returns
        -------
        tuple[Transaction, list[str]]
            The transaction, and the keys of its files' blobs, to delete once ``tx`` is committed.
        """
        transaction = self.lock_open(tx, dataset_rid, rid)
        self._store.close_transaction(
            tx, rid, status="ABORTED", at=self._clock.now_millis(), schema_version=None
        )
        self._store.move_branch(tx, dataset_rid, transaction.branch, transaction.parent_rid)
        blobs = self._store.remove_files(tx, rid)
        return self.transaction(tx, dataset_rid, rid), blobs

    # views --------------------------------------------------------------------------------------

    def resolve(self, tx: sa.Connection, dataset_rid: str, wanted: Range) -> ResolvedView:
        """Return the view that a request named.

        Raises
        ------
        BranchNotFound
        TransactionNotFound
            Also for an aborted transaction, and one that is not on the branch that was named.
        InvalidArgument
            When the start does not come before the end.
        """
        if wanted.end_rid is None:
            branch = self.branch(tx, dataset_rid, wanted.branch_name)
            end = self._last_committed(tx, dataset_rid, branch)
            return ResolvedView(dataset_rid, branch.name, None, end)
        end = self.transaction(tx, dataset_rid, wanted.end_rid)
        if end.status == "ABORTED":
            raise errors.TransactionNotFound(
                dataset_rid, end.rid, "The transaction was aborted, so it has no view."
            )
        if wanted.branch is not None:
            newest = self.branch(tx, dataset_rid, wanted.branch).transaction_rid
            if newest is None or not self._store.is_in_history(tx, end.rid, of=newest):
                raise errors.TransactionNotFound(
                    dataset_rid, end.rid, f"The transaction is not on branch {wanted.branch}."
                )
        if wanted.start_rid is not None:
            self.transaction(tx, dataset_rid, wanted.start_rid)
            if not self._store.is_in_history(tx, wanted.start_rid, of=end.rid):
                raise InvalidArgument("The start transaction does not come before the end.")
        return ResolvedView(dataset_rid, wanted.branch or end.branch, wanted.start_rid, end)

    def files(
        self, tx: sa.Connection, view: ResolvedView, *, prefix: str, after: str | None, limit: int
    ) -> list[File]:
        """Return files of a view by path; if the prefix is a file's path, only that file."""
        if view.end is None:
            return []
        exact = self.file(tx, view, prefix) if prefix else None
        if exact is not None:
            return [exact]
        return self._store.view(
            tx, view.end.rid, start_rid=view.start_rid, prefix=prefix, after=after, limit=limit
        )

    def file(self, tx: sa.Connection, view: ResolvedView, path: str) -> File | None:
        if view.end is None:
            return None
        return self._store.view_file(tx, view.end.rid, path, start_rid=view.start_rid)

    def has_files(self, tx: sa.Connection, view: ResolvedView) -> bool:
        return bool(self.files(tx, view, prefix="", after=None, limit=1))

    # schemas ------------------------------------------------------------------------------------

    def schema_of(self, tx: sa.Connection, transaction: Transaction) -> Schema | None:
        """Return the schema of the view ending at a transaction; open ones may have none yet."""
        if transaction.schema_version is None:
            return None
        return self._store.schema(tx, transaction.dataset_rid, transaction.schema_version)

    def schema(
        self, tx: sa.Connection, view: ResolvedView, *, version_id: str | None = None
    ) -> Schema:
        """Return the schema of a view, or the version that is asked for.

        Raises
        ------
        SchemaNotFound
            The description says why there is none.
        """
        end = view.end
        if version_id is not None:
            found = self._store.schema(tx, view.dataset_rid, version_id)
        else:
            found = None if end is None else self.schema_of(tx, end)
        if found is not None and found.fields is not None:
            return found
        if found is not None and found.problem is not None:
            problem = found.problem
        elif version_id is not None:
            problem = "The dataset has no such schema version."
        elif end is None:
            problem = "The branch has no committed transaction."
        else:
            problem = "The transaction is open; its schema is inferred when it is committed."
        rid = None if end is None else end.rid
        raise errors.SchemaNotFound(view.dataset_rid, view.branch, rid, problem)

    def put_schema(
        self, tx: sa.Connection, end: Transaction, fields: Sequence[WireField]
    ) -> Schema:
        """Declare the schema of the view ending at a transaction.

        Raises
        ------
        InvalidSchema
            When values that are there cannot be read so, or in more than one way.
        """
        self._store.lock_transaction(tx, end.dataset_rid, end.rid)
        files = self._store.profiled_view(tx, end.rid)
        seen = [file.profile for file in files if file.profile and schemas.is_data(file.path)]
        problem = schemas.misread(fields, seen)
        if problem is not None:
            raise errors.InvalidSchema("VALUES_DO_NOT_FIT", problem)
        return self.add_schema(tx, end.rid, end.dataset_rid, list(fields), None, put=True)

    def add_schema(
        self,
        tx: sa.Connection,
        transaction_rid: str,
        dataset_rid: str,
        fields: list[dict[str, Any]] | None,
        problem: str | None,
        *,
        put: bool,
    ) -> Schema:
        schema = Schema(
            version_id=self._ids.uuid(),
            dataset_rid=dataset_rid,
            put=put,
            fields=fields,
            problem=problem,
            created_at=self._clock.now_millis(),
        )
        self._store.add_schema(tx, schema)
        self._store.set_schema(tx, transaction_rid, schema.version_id)
        return schema

    # inside -------------------------------------------------------------------------------------

    def _last_committed(
        self, tx: sa.Connection, dataset_rid: str, branch: Branch
    ) -> Transaction | None:
        rid = branch.transaction_rid
        newest = None if rid is None else self._store.transaction(tx, dataset_rid, rid)
        if newest is None or newest.status == "COMMITTED":
            return newest
        # An open transaction's parent was committed when it was opened.
        parent = newest.parent_rid
        return None if parent is None else self._store.transaction(tx, dataset_rid, parent)
