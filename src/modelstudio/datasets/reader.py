"""Gives the data of a view as a table."""

from __future__ import annotations

from contextlib import contextmanager
from typing import IO, TYPE_CHECKING, Final

from modelstudio.datasets.errors import ColumnTypesNotSupported
from modelstudio.datasets.isolated import TaskError
from modelstudio.datasets.schemas import is_data, may_be_table, misfit, with_something
from modelstudio.datasets.tables import Table
from modelstudio.errors import InvalidArgument

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from modelstudio.datasets.schemas import Schema
    from modelstudio.datasets.service import ResolvedView
    from modelstudio.datasets.store import DatasetStore, File
    from modelstudio.datasets.tables import Tables
    from modelstudio.kit.database import Database

#: Types that no value of a CSV file can have.
_NOT_IN_CSV: Final = frozenset({"ARRAY", "BINARY", "MAP", "STRUCT"})


class TableReader:
    """Opens short transactions of its own; none is open while data is read."""

    def __init__(self, database: Database, store: DatasetStore, tables: Tables) -> None:
        self._database = database
        self._store = store
        self._tables = tables

    @contextmanager
    def table_file(self, dataset_rid: str, transaction_rid: str) -> Iterator[Path]:
        """Give the view ending at a transaction as one Parquet file.

        Raises
        ------
        ValueError
            When the data cannot be read; the message is for the user.
        OSError
            For a fault of the storage.
        """
        with self._database.read() as tx:
            transaction = self._store.transaction(tx, dataset_rid, transaction_rid)
            version = None if transaction is None else transaction.schema_version
            schema = None if version is None else self._store.schema(tx, dataset_rid, version)
            files = self._store.profiled_view(tx, transaction_rid)
        if schema is None or schema.fields is None:
            problem = None if schema is None else schema.problem
            raise TaskError(problem or "The dataset has no schema.")
        with self._tables.open(self._table(schema, files)) as path:
            yield path

    def export(
        self,
        schema: Schema,
        view: ResolvedView,
        *,
        format_: str,
        columns: Sequence[str] | None,
        limit: int | None,
    ) -> IO[bytes]:
        """Return an open file, already without a name, with the view as ARROW or CSV.

        Raises
        ------
        InvalidArgument
            For a column that the schema does not have.
        ColumnTypesNotSupported
            For a column that CSV cannot hold.
        TaskError
            When the data cannot be read; the message is for the user.
        """
        _check_columns(schema, format_, columns)
        files: list[File] = []
        if view.end is not None:
            with self._database.read() as tx:
                files = self._store.profiled_view(tx, view.end.rid, start_rid=view.start_rid)
        table = self._table(schema, files)
        return self._tables.export(table, format_=format_, columns=columns, limit=limit)

    def _table(self, schema: Schema, files: Sequence[File]) -> Table:
        data = [file for file in files if is_data(file.path)]
        if all(may_be_table(file.path) for file in data):
            examined, new = self._tables.examined(data)
            if new:
                with self._database.write() as tx:
                    self._store.set_profiles(tx, new)
            data = examined
        fields = schema.fields or []
        problem = misfit(fields, [(file.path, file.profile) for file in data])
        if problem is not None:
            raise TaskError(problem)
        return Table(fields, with_something(data, lambda file: file.profile))


def _check_columns(schema: Schema, format_: str, columns: Sequence[str] | None) -> None:
    known = {field["name"]: field["type"] for field in schema.fields or []}
    for name in columns or ():
        if name not in known:
            raise InvalidArgument(f"The dataset has no column {name!r}.", column=name)
    if format_ != "CSV":
        return
    for name in columns or known:
        if known[name] in _NOT_IN_CSV:
            raise ColumnTypesNotSupported(
                schema.dataset_rid, f"Column {name!r} is {known[name]}, which CSV cannot hold."
            )
