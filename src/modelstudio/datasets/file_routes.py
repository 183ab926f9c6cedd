"""HTTP operations on the files of datasets."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Final

from fastapi import Path, Query, Request, Response
from fastapi.responses import StreamingResponse
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect

from modelstudio.datasets import errors, wire
from modelstudio.datasets.routes import (
    DATASET,
    READ,
    WRITE,
    BranchName,
    EndTransaction,
    StartTransaction,
    TableThreads,
)
from modelstudio.datasets.uploads import Upload
from modelstudio.datasets.views import Range, check_path, file_range
from modelstudio.datasets.wire import TransactionType
from modelstudio.errors import InvalidParameterCombination
from modelstudio.kit.http import path_text
from modelstudio.kit.paging import PageTokens, page_size
from modelstudio.kit.routing import CurrentCaller, operation
from modelstudio.kit.wire import PageSize, PageToken, Rid, RidPath, reply

if TYPE_CHECKING:
    from modelstudio.datasets.service import DatasetService
    from modelstudio.datasets.store import File
    from modelstudio.datasets.uploads import Uploads
    from modelstudio.errors import ApiError
    from modelstudio.kit.blobs import BlobStore
    from modelstudio.kit.database import Database
    from modelstudio.kit.routing import Caller

_FILES: Final = DATASET + "/files"
_FILE: Final = _FILES + "/{file_path}"
_PAGE: Final = 1000
_VIEW_ERRORS: Final[tuple[type[ApiError], ...]] = (
    errors.BranchNotFound,
    errors.DatasetNotFound,
    errors.InvalidBranchName,
    InvalidParameterCombination,
    errors.TransactionNotFound,
)
_FILE_ERRORS: Final[tuple[type[ApiError], ...]] = (
    *_VIEW_ERRORS,
    errors.FileNotFoundOnBranch,
    errors.FileNotFoundOnTransactionRange,
)

FilePath = Annotated[str, Path()]


class FileRoutes:
    def __init__(
        self,
        database: Database,
        datasets: DatasetService,
        uploads: Uploads,
        blobs: BlobStore,
        tokens: PageTokens,
        threads: TableThreads,
    ) -> None:
        self._database = database
        self._datasets = datasets
        self._uploads = uploads
        self._blobs = blobs
        self._tokens = tokens
        self._threads = threads

    @operation(
        "GET",
        _FILES,
        scopes=READ,
        response=wire.Files,
        errors=(*_VIEW_ERRORS, errors.InvalidFilePath),
    )
    def list(
        self,
        dataset_rid: RidPath,
        caller: CurrentCaller,
        branch_name: BranchName = None,
        start_transaction_rid: StartTransaction = None,
        end_transaction_rid: EndTransaction = None,
        path_prefix: Annotated[str | None, Query(alias="pathPrefix")] = None,
        size: PageSize = None,
        token: PageToken = None,
    ) -> Response:
        limit = page_size(size, default=_PAGE)
        wanted = file_range(branch_name, start_transaction_rid, end_transaction_rid)
        prefix = path_prefix or ""
        if prefix:
            check_path(prefix.removesuffix("/"))
        filters = (branch_name, start_transaction_rid, end_transaction_rid, prefix)
        context = "|".join(["files", dataset_rid, *map(repr, filters)])
        after = None
        if token is not None:
            # Further pages are of the same view as the first, whatever was committed since.
            end_rid, after = self._tokens.read(context, token)
            wanted = Range(None, start_transaction_rid, end_rid)
        with self._database.read() as tx:
            self._datasets.require(tx, caller, dataset_rid)
            view = self._datasets.resolve(tx, dataset_rid, wanted)
            found = self._datasets.files(tx, view, prefix=prefix, after=after, limit=limit + 1)
        page = found[:limit]
        more = None
        if len(found) > limit and view.end is not None:
            more = self._tokens.make(context, [view.end.rid, page[-1].path])
        return reply(wire.Files(data=[wire.file(file) for file in page], next_page_token=more))

    @operation("GET", _FILE, scopes=READ, response=wire.File, errors=_FILE_ERRORS)
    def get(
        self,
        dataset_rid: RidPath,
        file_path: FilePath,
        caller: CurrentCaller,
        branch_name: BranchName = None,
        start_transaction_rid: StartTransaction = None,
        end_transaction_rid: EndTransaction = None,
    ) -> Response:
        wanted = file_range(branch_name, start_transaction_rid, end_transaction_rid)
        return reply(wire.file(self._file(caller, dataset_rid, path_text(file_path), wanted)))

    @operation("GET", f"{_FILE}/content", scopes=READ, errors=_FILE_ERRORS)
    def content(
        self,
        dataset_rid: RidPath,
        file_path: FilePath,
        caller: CurrentCaller,
        branch_name: BranchName = None,
        start_transaction_rid: StartTransaction = None,
        end_transaction_rid: EndTransaction = None,
    ) -> Response:
        wanted = file_range(branch_name, start_transaction_rid, end_transaction_rid)
        file = self._file(caller, dataset_rid, path_text(file_path), wanted)
        return StreamingResponse(
            self._blobs.read(file.blob_key),
            media_type="application/octet-stream",
            headers={
                "content-length": str(file.size_bytes),
                "x-content-type-options": "nosniff",
            },
        )

    @operation(
        "POST",
        f"{_FILE}/upload",
        scopes=WRITE,
        response=wire.File,
        errors=(
            errors.BranchNotFound,
            errors.CreateTransactionPermissionDenied,
            errors.DatasetNotFound,
            errors.FileAlreadyExists,
            errors.InvalidBranchName,
            errors.InvalidFilePath,
            InvalidParameterCombination,
            errors.OpenTransactionAlreadyExists,
            errors.TransactionNotFound,
            errors.TransactionNotOpen,
            errors.UploadFilePermissionDenied,
        ),
    )
    async def upload(
        self,
        dataset_rid: RidPath,
        file_path: FilePath,
        request: Request,
        caller: CurrentCaller,
        branch_name: BranchName = None,
        transaction_rid: Annotated[Rid | None, Query(alias="transactionRid")] = None,
        transaction_type: Annotated[TransactionType | None, Query(alias="transactionType")] = None,
    ) -> Response:
        upload = Upload(
            dataset_rid, path_text(file_path), branch_name, transaction_rid, transaction_type
        )
        await run_in_threadpool(self._uploads.admit, caller, upload)
        try:
            key, size = await self._uploads.save(request.stream())
        except ClientDisconnect:
            return Response(status_code=400)  # nobody is there to read it
        # A commit takes its time; a file in an open transaction waits for nothing.
        in_thread = self._threads.run if transaction_rid is None else run_in_threadpool
        file = await in_thread(self._uploads.record, caller, upload, key, size)
        return reply(wire.file(file))

    def _file(self, caller: Caller, dataset_rid: str, path: str, wanted: Range) -> File:
        with self._database.read() as tx:
            self._datasets.require(tx, caller, dataset_rid)
            view = self._datasets.resolve(tx, dataset_rid, wanted)
            found = self._datasets.file(tx, view, path)
        if found is not None:
            return found
        if wanted.end_rid is None:
            raise errors.FileNotFoundOnBranch(dataset_rid, view.branch, path)
        raise errors.FileNotFoundOnTransactionRange(
            dataset_rid, wanted.start_rid, wanted.end_rid, path
        )
