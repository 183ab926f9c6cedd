"""HTTP operations on datasets, and what all operations of the namespace share."""

from __future__ import annotations

import os
from functools import partial
from typing import IO, TYPE_CHECKING, Annotated, Any, Final, TypeVar

import anyio
from anyio import to_thread
from fastapi import Query, Response
from fastapi.responses import StreamingResponse

from modelstudio.datasets import errors, wire
from modelstudio.datasets.declared import check_fields, check_reader
from modelstudio.datasets.isolated import TaskError, TaskTimeoutError
from modelstudio.datasets.views import Range, table_range
from modelstudio.datasets.wire import (
    CreateDatasetRequest,
    PutSchemaRequest,
    TableFormat,
)
from modelstudio.errors import InvalidParameterCombination
from modelstudio.filesystem.errors import (
    FolderNotFound,
    InvalidDisplayName,
    ResourceNameAlreadyExists,
)
from modelstudio.filesystem.service import Role
from modelstudio.kit.routing import CurrentCaller, operation
from modelstudio.kit.wire import Rid, RidPath, reply

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import sqlalchemy as sa

    from modelstudio.datasets.reader import TableReader
    from modelstudio.datasets.service import DatasetService, ResolvedView
    from modelstudio.kit.database import Database
    from modelstudio.kit.routing import Caller

_T = TypeVar("_T")

READ: Final = ("api:datasets-read",)
WRITE: Final = ("api:datasets-write",)
BASE: Final = "/api/v2/datasets"
DATASET: Final = BASE + "/{dataset_rid}"
_BRANCHES: Final = 1000
_THREADS: Final = 8
_CHUNK: Final = 1 << 20

BranchName = Annotated[str | None, Query(alias="branchName")]
StartTransaction = Annotated[Rid | None, Query(alias="startTransactionRid")]
EndTransaction = Annotated[Rid | None, Query(alias="endTransactionRid")]


class TableThreads:
    """Threads for what may take minutes, so that quick requests never wait for one."""

    def __init__(self) -> None:
        self._limiter = anyio.CapacityLimiter(_THREADS)

    async def run(self, call: Callable[..., _T], *arguments: Any, **named: Any) -> _T:
        return await to_thread.run_sync(partial(call, *arguments, **named), limiter=self._limiter)


class DatasetRoutes:
    def __init__(
        self,
        database: Database,
        datasets: DatasetService,
        reader: TableReader,
        threads: TableThreads,
    ) -> None:
        self._database = database
        self._datasets = datasets
        self._reader = reader
        self._threads = threads

    @operation(
        "POST",
        BASE,
        scopes=WRITE,
        response=wire.Dataset,
        errors=(
            errors.CreateDatasetPermissionDenied,
            FolderNotFound,
            InvalidDisplayName,
            ResourceNameAlreadyExists,
        ),
    )
    def create(self, body: CreateDatasetRequest, caller: CurrentCaller) -> Response:
        with self._database.write() as tx:
            located = self._datasets.create(
                tx, caller, name=body.name, folder_rid=body.parent_folder_rid
            )
        return reply(wire.dataset(located))

    @operation("GET", DATASET, scopes=READ, response=wire.Dataset, errors=(errors.DatasetNotFound,))
    def get(self, dataset_rid: RidPath, caller: CurrentCaller) -> Response:
        with self._database.read() as tx:
            located = self._datasets.require(tx, caller, dataset_rid)
        return reply(wire.dataset(located))

    @operation(
        "GET",
        f"{DATASET}/getSchema",
        scopes=READ,
        response=wire.SchemaResponse,
        errors=(
            errors.BranchNotFound,
            errors.DatasetNotFound,
            errors.DatasetViewNotFound,
            errors.SchemaNotFound,
        ),
    )
    def get_schema(
        self,
        dataset_rid: RidPath,
        caller: CurrentCaller,
        branch_name: BranchName = None,
        end_transaction_rid: EndTransaction = None,
        version_id: Annotated[str | None, Query(alias="versionId")] = None,
    ) -> Response:
        wanted = Range(branch_name, None, end_transaction_rid)
        with self._database.read() as tx:
            self._datasets.require(tx, caller, dataset_rid)
            view = self._view(tx, dataset_rid, wanted)
            if view.end is None:
                raise errors.DatasetViewNotFound(dataset_rid, view.branch)
            try:
                schema = self._datasets.schema(tx, view, version_id=version_id)
            except errors.SchemaNotFound:
                if version_id is None and not self._datasets.has_files(tx, view):
                    raise errors.DatasetViewNotFound(dataset_rid, view.branch) from None
                raise
        return reply(wire.schema(schema, branch_name=view.branch, end_rid=view.end.rid))

    @operation(
        "PUT",
        f"{DATASET}/putSchema",
        scopes=WRITE,
        response=wire.SchemaResponse,
        errors=(
            errors.BranchNotFound,
            errors.DatasetNotFound,
            errors.DatasetViewNotFound,
            errors.InvalidSchema,
            errors.PutDatasetSchemaPermissionDenied,
        ),
    )
    def put_schema(
        self, dataset_rid: RidPath, body: PutSchemaRequest, caller: CurrentCaller
    ) -> Response:
        denied = errors.PutDatasetSchemaPermissionDenied(dataset_rid)
        with self._database.write() as tx:
            self._datasets.require(tx, caller, dataset_rid, role=Role.EDITOR, denied=denied)
            check_reader(body.dataframe_reader)
            fields = check_fields(wire.fields(body.columns))
            view = self._view(
                tx, dataset_rid, Range(body.branch_name, None, body.end_transaction_rid)
            )
            if view.end is None:
                raise errors.DatasetViewNotFound(dataset_rid, view.branch)
            schema = self._datasets.put_schema(tx, view.end, fields)
        return reply(wire.schema(schema, branch_name=view.branch, end_rid=view.end.rid))

    @operation(
        "GET",
        f"{DATASET}/readTable",
        scopes=READ,
        errors=(
            errors.ColumnTypesNotSupported,
            InvalidParameterCombination,
            errors.ReadTableError,
            errors.ReadTableTimeout,
            errors.SchemaNotFound,
        ),
    )
    async def read_table(
        self,
        dataset_rid: RidPath,
        caller: CurrentCaller,
        table_format: Annotated[TableFormat, Query(alias="format")],
        branch_name: BranchName = None,
        columns: Annotated[list[str] | None, Query()] = None,
        row_limit: Annotated[int | None, Query(alias="rowLimit", ge=0, le=2**63 - 1)] = None,
        start_transaction_rid: StartTransaction = None,
        end_transaction_rid: EndTransaction = None,
    ) -> Response:
        wanted = table_range(branch_name, start_transaction_rid, end_transaction_rid)
        chosen = list(dict.fromkeys(columns)) if columns else None
        table = await self._threads.run(
            self._export, caller, dataset_rid, wanted, table_format, chosen, row_limit
        )
        return file_response(table)

    def _export(
        self,
        caller: Caller,
        dataset_rid: str,
        wanted: Range,
        table_format: str,
        columns: list[str] | None,
        limit: int | None,
    ) -> IO[bytes]:
        with self._database.read() as tx:
            self._datasets.require(tx, caller, dataset_rid)
            view = self._datasets.resolve(tx, dataset_rid, wanted)
            schema = self._datasets.schema(tx, view)
        try:
            return self._reader.export(
                schema, view, format_=table_format, columns=columns, limit=limit
            )
        except TaskTimeoutError as error:
            raise errors.ReadTableTimeout(dataset_rid) from error
        except TaskError as error:
            raise errors.ReadTableError(dataset_rid, str(error)) from error

    def _view(self, tx: sa.Connection, dataset_rid: str, wanted: Range) -> ResolvedView:
        """Resolve a range for an operation that knows no error for its transaction."""
        try:
            return self._datasets.resolve(tx, dataset_rid, wanted)
        except errors.TransactionNotFound as error:
            raise errors.DatasetViewNotFound(dataset_rid, wanted.branch_name) from error


def file_response(file: IO[bytes]) -> Response:
    """Answer with an open file, and close it at the end."""
    length = str(os.fstat(file.fileno()).st_size)
    return StreamingResponse(
        _pieces(file),
        media_type="application/octet-stream",
        headers={"content-length": length, "x-content-type-options": "nosniff"},
    )


def _pieces(file: IO[bytes]) -> Iterator[bytes]:
    with file:
        while piece := file.read(_CHUNK):
            yield piece
