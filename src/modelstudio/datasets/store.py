"""Branches, transactions, files, schemas and cached tables of datasets, as tables.

A transaction names its parent: the committed transaction that the branch was at when it was
opened. So the transactions of a dataset form a tree, branches point into it, and a *view* is a
walk from a transaction back to the last SNAPSHOT.

Concurrency: what changes a branch locks its row first (`lock_branch`), what changes an open
transaction locks its row (`lock_transaction`); both are held until the end of the caller's
database transaction.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import sqlalchemy as sa

from modelstudio.datasets.schemas import Schema
from modelstudio.kit.database import metadata

if TYPE_CHECKING:
    from collections.abc import Mapping

MAX_PATH_BYTES: Final = 1024
MAX_BRANCH_LENGTH: Final = 500


def _text(length: int) -> sa.String:
    """Return a text type that is compared by code point on every database."""
    return sa.String(length).with_variant(sa.String(length, collation="C"), "postgresql")


branches: Final = sa.Table(
    "dataset_branches",
    metadata,
    sa.Column("dataset_rid", sa.ForeignKey("resources.rid"), primary_key=True),
    sa.Column("name", _text(MAX_BRANCH_LENGTH), primary_key=True),
    # the newest transaction that is open or committed
    sa.Column("transaction_rid", sa.String(128)),
)

schemas: Final = sa.Table(
    "dataset_schemas",
    metadata,
    sa.Column("version_id", sa.String(36), primary_key=True),
    sa.Column("dataset_rid", sa.ForeignKey("resources.rid"), nullable=False, index=True),
    sa.Column("put", sa.Boolean, nullable=False),
    sa.Column("fields", sa.JSON(none_as_null=True)),
    sa.Column("problem", sa.Text),
    sa.Column("created_at", sa.BigInteger, nullable=False),
)

transactions: Final = sa.Table(
    "dataset_transactions",
    metadata,
    sa.Column("rid", sa.String(128), primary_key=True),
    sa.Column("dataset_rid", sa.ForeignKey("resources.rid"), nullable=False),
    sa.Column("branch", _text(MAX_BRANCH_LENGTH), nullable=False),
    sa.Column("parent_rid", sa.String(128)),
    sa.Column("type", sa.String(10), nullable=False),
    sa.Column("status", sa.String(10), nullable=False),
    sa.Column("created_by", sa.String(36), nullable=False),
    sa.Column("created_at", sa.BigInteger, nullable=False),
    sa.Column("closed_at", sa.BigInteger),
    # counts changes to the files, so that a commit sees that they changed while it looked at them
    sa.Column("revision", sa.Integer, nullable=False),
    sa.Column("schema_version", sa.ForeignKey("dataset_schemas.version_id")),
    sa.Index("ix_dataset_transactions_newest", "dataset_rid", "created_at", "rid"),
    sa.Index(
        "uq_dataset_transactions_open",
        "dataset_rid",
        "branch",
        unique=True,
        sqlite_where=sa.text("status = 'OPEN'"),
        postgresql_where=sa.text("status = 'OPEN'"),
    ),
)

files: Final = sa.Table(
    "dataset_files",
    metadata,
    sa.Column("transaction_rid", sa.ForeignKey("dataset_transactions.rid"), primary_key=True),
    sa.Column("path", _text(MAX_PATH_BYTES), primary_key=True),
    # absent: the transaction removes the file
    sa.Column("blob_key", sa.String(100), index=True),
    sa.Column("size_bytes", sa.BigInteger, nullable=False),
    sa.Column("updated_at", sa.BigInteger, nullable=False),
    # what the file holds, see schemas.py; absent until it was looked at
    sa.Column("profile", sa.JSON(none_as_null=True)),
)

tables: Final = sa.Table(
    "dataset_tables",
    metadata,
    sa.Column("view_key", sa.String(64), primary_key=True),
    sa.Column("blob_key", sa.String(100), nullable=False),
    sa.Column("used_at", sa.BigInteger, nullable=False, index=True),
)


@dataclass(frozen=True, slots=True)
class Branch:
    name: str
    transaction_rid: str | None


@dataclass(frozen=True, slots=True)
class Transaction:
    rid: str
    dataset_rid: str
    branch: str
    parent_rid: str | None
    type: str
    status: str
    created_by: str
    created_at: int
    closed_at: int | None
    revision: int
    schema_version: str | None


@dataclass(frozen=True, slots=True)
class File:
    """A file of a view; ``transaction_rid`` is the transaction that last wrote it."""

    path: str
    transaction_rid: str
    blob_key: str
    size_bytes: int
    updated_at: int
    profile: dict[str, Any] | None = None


_TRANSACTION: Final = tuple(transactions.c[name] for name in Transaction.__slots__)
_SCHEMA: Final = tuple(schemas.c[name] for name in Schema.__slots__)


class DatasetStore:
    """Runs in the caller's transaction."""

    # branches -----------------------------------------------------------------------------------

    def add_branch(self, tx: sa.Connection, dataset_rid: str, name: str) -> None:
        tx.execute(branches.insert().values(dataset_rid=dataset_rid, name=name))

    def branch(self, tx: sa.Connection, dataset_rid: str, name: str) -> Branch | None:
        return self._branch(tx, dataset_rid, name, sa.select(branches))

    def lock_branch(self, tx: sa.Connection, dataset_rid: str, name: str) -> Branch | None:
        return self._branch(tx, dataset_rid, name, sa.select(branches).with_for_update())

    def branches(
        self, tx: sa.Connection, dataset_rid: str, *, after: str | None, limit: int
    ) -> list[Branch]:
        """Return branches by name."""
        query = sa.select(branches.c.name, branches.c.transaction_rid).where(
            branches.c.dataset_rid == dataset_rid
        )
        if after is not None:
            query = query.where(branches.c.name > after)
        return [Branch(*row) for row in tx.execute(query.order_by(branches.c.name).limit(limit))]

    def move_branch(
        self, tx: sa.Connection, dataset_rid: str, name: str, transaction_rid: str | None
    ) -> None:
        tx.execute(
            branches.update()
            .where(branches.c.dataset_rid == dataset_rid, branches.c.name == name)
            .values(transaction_rid=transaction_rid)
        )

    # transactions -------------------------------------------------------------------------------

    def add_transaction(self, tx: sa.Connection, transaction: Transaction) -> None:
        values = {column.name: getattr(transaction, column.name) for column in _TRANSACTION}
        tx.execute(transactions.insert().values(values))

    def transaction(self, tx: sa.Connection, dataset_rid: str, rid: str) -> Transaction | None:
        return self._transaction(tx, dataset_rid, rid, sa.select(*_TRANSACTION))

    def lock_transaction(self, tx: sa.Connection, dataset_rid: str, rid: str) -> Transaction | None:
        return self._transaction(tx, dataset_rid, rid, sa.select(*_TRANSACTION).with_for_update())

    def close_transaction(
        self, tx: sa.Connection, rid: str, *, status: str, at: int, schema_version: str | None
    ) -> None:
        tx.execute(
            transactions.update()
            .where(transactions.c.rid == rid)
            .values(status=status, closed_at=at, schema_version=schema_version)
        )

    def set_schema(self, tx: sa.Connection, rid: str, version_id: str) -> None:
        tx.execute(
            transactions.update().where(transactions.c.rid == rid).values(schema_version=version_id)
        )

    def is_in_history(self, tx: sa.Connection, rid: str, *, of: str) -> bool:
        """Whether a transaction is another one or an ancestor of it."""
        history = _history(of)
        found = tx.scalar(sa.select(history.c.rid).where(history.c.rid == rid).limit(1))
        return found is not None

    # files --------------------------------------------------------------------------------------

    def put_file(self, tx: sa.Connection, file: File) -> str | None:
        """Write a file into an open transaction whose row is locked.

        Returns
        -------
        str | None
            The key of the blob it replaces in the same transaction, which nothing names any more.
        """
        here = (files.c.transaction_rid == file.transaction_rid, files.c.path == file.path)
        replaced = tx.execute(sa.select(files.c.blob_key).where(*here)).first()
        values = {name: getattr(file, name) for name in File.__slots__}
        if replaced is None:
            tx.execute(files.insert().values(values))
        else:
            tx.execute(files.update().where(*here).values(values))
        tx.execute(
            transactions.update()
            .where(transactions.c.rid == file.transaction_rid)
            .values(revision=transactions.c.revision + 1)
        )
        return None if replaced is None else replaced.blob_key

    def remove_files(self, tx: sa.Connection, transaction_rid: str) -> list[str]:
        """Remove the files of an aborted transaction; return their blobs' keys."""
        removed = tx.scalars(
            files.delete()
            .where(files.c.transaction_rid == transaction_rid)
            .returning(files.c.blob_key)
        )
        return [key for key in removed if key is not None]

    def view(
        self,
        tx: sa.Connection,
        end_rid: str,
        *,
        start_rid: str | None = None,
        prefix: str = "",
        after: str | None = None,
        limit: int | None = None,
    ) -> list[File]:
        """Return the files of the view ending at a transaction, by path, without profiles.

        The view begins at the last SNAPSHOT, or at ``start_rid`` if that comes later.
        """
        conditions = []
        if prefix:
            conditions.append(sa.func.substr(files.c.path, 1, len(prefix)) == prefix)
        if after is not None:
            conditions.append(files.c.path > after)
        query = _view(end_rid, start_rid, *conditions).limit(limit)
        return [File(*row) for row in tx.execute(query)]

    def view_file(
        self, tx: sa.Connection, end_rid: str, path: str, *, start_rid: str | None = None
    ) -> File | None:
        row = tx.execute(_view(end_rid, start_rid, files.c.path == path)).first()
        return None if row is None else File(*row)

    def profiled_view(
        self, tx: sa.Connection, end_rid: str, *, start_rid: str | None = None
    ) -> list[File]:
        """Return the files of a view, by path, with what is known of their contents."""
        return [File(*row) for row in tx.execute(_view(end_rid, start_rid, profiles=True))]

    def set_profiles(self, tx: sa.Connection, profiles: Mapping[str, dict[str, Any]]) -> None:
        """Note what files hold, by their blob's key."""
        for key, profile in profiles.items():
            tx.execute(files.update().where(files.c.blob_key == key).values(profile=profile))

    # schemas ------------------------------------------------------------------------------------

    def add_schema(self, tx: sa.Connection, schema: Schema) -> None:
        values = {column.name: getattr(schema, column.name) for column in _SCHEMA}
        tx.execute(schemas.insert().values(values))

    def schema(self, tx: sa.Connection, dataset_rid: str, version_id: str) -> Schema | None:
        row = tx.execute(
            sa.select(*_SCHEMA).where(
                schemas.c.dataset_rid == dataset_rid, schemas.c.version_id == version_id
            )
        ).first()
        return None if row is None else Schema(*row)

    # cached tables ------------------------------------------------------------------------------

    def table(self, tx: sa.Connection, view_key: str) -> tuple[str, int] | None:
        """Return the blob of a view's table and when it was last used."""
        row = tx.execute(
            sa.select(tables.c.blob_key, tables.c.used_at).where(tables.c.view_key == view_key)
        ).first()
        return None if row is None else (row.blob_key, row.used_at)

    def add_table(self, tx: sa.Connection, view_key: str, blob_key: str, *, at: int) -> None:
        """Note a table.

        Raises
        ------
        sqlalchemy.exc.IntegrityError
            When another process noted one first.
        """
        tx.execute(tables.insert().values(view_key=view_key, blob_key=blob_key, used_at=at))

    def use_table(self, tx: sa.Connection, view_key: str, *, at: int) -> None:
        tx.execute(tables.update().where(tables.c.view_key == view_key).values(used_at=at))

    def forget_table(self, tx: sa.Connection, view_key: str) -> None:
        tx.execute(tables.delete().where(tables.c.view_key == view_key))

    def forget_unused_tables(self, tx: sa.Connection, *, before: int) -> list[str]:
        """Forget the tables that nobody used since; return their blobs' keys."""
        gone = tables.delete().where(tables.c.used_at < before).returning(tables.c.blob_key)
        return list(tx.scalars(gone))

    # inside -------------------------------------------------------------------------------------

    def _branch(
        self, tx: sa.Connection, dataset_rid: str, name: str, query: sa.Select[Any]
    ) -> Branch | None:
        row = tx.execute(
            query.where(branches.c.dataset_rid == dataset_rid, branches.c.name == name)
        ).first()
        return None if row is None else Branch(row.name, row.transaction_rid)

    def _transaction(
        self, tx: sa.Connection, dataset_rid: str, rid: str, query: sa.Select[Any]
    ) -> Transaction | None:
        row = tx.execute(
            query.where(transactions.c.dataset_rid == dataset_rid, transactions.c.rid == rid)
        ).first()
        return None if row is None else Transaction(*row)


def _history(end_rid: str, *, from_snapshot: bool = False, start_rid: str | None = None) -> sa.CTE:
    """Return a transaction and those before it, nearest first in ``distance``."""
    history = (
        sa.select(
            transactions.c.rid,
            transactions.c.parent_rid,
            transactions.c.type,
            sa.literal(0).label("distance"),
        )
        .where(transactions.c.rid == end_rid)
        .cte("history", recursive=True)
    )
    step = sa.select(
        transactions.c.rid, transactions.c.parent_rid, transactions.c.type, history.c.distance + 1
    ).where(transactions.c.rid == history.c.parent_rid)
    if from_snapshot:
        step = step.where(history.c.type != "SNAPSHOT")
    if start_rid is not None:
        step = step.where(history.c.rid != start_rid)
    return history.union_all(step)


def _view(
    end_rid: str, start_rid: str | None, *conditions: sa.ColumnElement[bool], profiles: bool = False
) -> sa.Select[Any]:
    """Select the files of a view: of each path the newest, unless that removes it."""
    history = _history(end_rid, from_snapshot=True, start_rid=start_rid)
    columns = [files.c[name] for name in File.__slots__ if profiles or name != "profile"]
    newest = sa.func.row_number().over(partition_by=files.c.path, order_by=history.c.distance)
    ranked = (
        sa.select(*columns, newest.label("rank"))
        .join(history, files.c.transaction_rid == history.c.rid)
        .where(*conditions)
        .subquery()
    )
    return (
        sa.select(*(ranked.c[column.name] for column in columns))
        .where(ranked.c.rank == 1, ranked.c.blob_key.is_not(None))
        .order_by(ranked.c.path)
    )
