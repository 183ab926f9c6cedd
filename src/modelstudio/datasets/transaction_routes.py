"""HTTP operations on branches and transactions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Final

from fastapi import Path, Response

from modelstudio.datasets import errors, wire
from modelstudio.datasets.routes import DATASET, READ, WRITE, BranchName, TableThreads
from modelstudio.datasets.views import DEFAULT_BRANCH
from modelstudio.datasets.wire import CreateTransactionRequest
from modelstudio.filesystem.service import Role
from modelstudio.kit.http import path_text
from modelstudio.kit.paging import PageTokens, page_size
from modelstudio.kit.routing import CurrentCaller, operation
from modelstudio.kit.wire import PageSize, PageToken, RidPath, reply

if TYPE_CHECKING:
    from modelstudio.datasets.closing import TransactionCloser
    from modelstudio.datasets.service import DatasetService
    from modelstudio.kit.blobs import BlobStore
    from modelstudio.kit.database import Database

_BRANCHES: Final = 1000


class BranchRoutes:
    def __init__(self, database: Database, datasets: DatasetService, tokens: PageTokens) -> None:
        self._database = database
        self._datasets = datasets
        self._tokens = tokens

    @operation(
        "GET",
        f"{DATASET}/branches",
        scopes=READ,
        response=wire.Branches,
        errors=(errors.DatasetNotFound,),
    )
    def list(
        self,
        dataset_rid: RidPath,
        caller: CurrentCaller,
        size: PageSize = None,
        token: PageToken = None,
    ) -> Response:
        limit = page_size(size, default=_BRANCHES)
        context = f"branches|{dataset_rid}"
        after = None if token is None else str(self._tokens.read(context, token)[0])
        with self._database.read() as tx:
            self._datasets.require(tx, caller, dataset_rid)
            found = self._datasets.branches(tx, dataset_rid, after=after, limit=limit + 1)
        page = found[:limit]
        more = self._tokens.make(context, [page[-1].name]) if len(found) > limit else None
        branches = [wire.branch(branch) for branch in page]
        return reply(wire.Branches(data=branches, next_page_token=more))

    @operation(
        "GET",
        f"{DATASET}/branches/{{branch_name}}",
        scopes=READ,
        response=wire.Branch,
        errors=(errors.BranchNotFound, errors.DatasetNotFound),
    )
    def get(
        self, dataset_rid: RidPath, branch_name: Annotated[str, Path()], caller: CurrentCaller
    ) -> Response:
        with self._database.read() as tx:
            self._datasets.require(tx, caller, dataset_rid)
            branch = self._datasets.branch(tx, dataset_rid, path_text(branch_name))
        return reply(wire.branch(branch))


class TransactionRoutes:
    def __init__(
        self,
        database: Database,
        datasets: DatasetService,
        closer: TransactionCloser,
        blobs: BlobStore,
        threads: TableThreads,
    ) -> None:
        self._database = database
        self._datasets = datasets
        self._closer = closer
        self._blobs = blobs
        self._threads = threads

    @operation(
        "POST",
        f"{DATASET}/transactions",
        scopes=WRITE,
        response=wire.Transaction,
        errors=(
            errors.BranchNotFound,
            errors.CreateTransactionPermissionDenied,
            errors.DatasetNotFound,
            errors.InvalidBranchName,
            errors.OpenTransactionAlreadyExists,
        ),
    )
    def create(
        self,
        dataset_rid: RidPath,
        body: CreateTransactionRequest,
        caller: CurrentCaller,
        branch_name: BranchName = None,
    ) -> Response:
        branch = DEFAULT_BRANCH if branch_name is None else branch_name
        denied = errors.CreateTransactionPermissionDenied(dataset_rid, branch)
        with self._database.write() as tx:
            self._datasets.require(tx, caller, dataset_rid, role=Role.EDITOR, denied=denied)
            opened = self._datasets.open_transaction(
                tx, caller, dataset_rid, branch, body.transaction_type
            )
        return reply(wire.transaction(opened))

    @operation(
        "GET",
        f"{DATASET}/transactions/{{transaction_rid}}",
        scopes=READ,
        response=wire.Transaction,
        errors=(errors.DatasetNotFound, errors.TransactionNotFound),
    )
    def get(
        self, dataset_rid: RidPath, transaction_rid: RidPath, caller: CurrentCaller
    ) -> Response:
        with self._database.read() as tx:
            self._datasets.require(tx, caller, dataset_rid)
            found = self._datasets.transaction(tx, dataset_rid, transaction_rid)
        return reply(wire.transaction(found))

    @operation(
        "POST",
        f"{DATASET}/transactions/{{transaction_rid}}/commit",
        scopes=WRITE,
        response=wire.Transaction,
        errors=(
            errors.CommitTransactionPermissionDenied,
            errors.DatasetNotFound,
            errors.TransactionNotFound,
            errors.TransactionNotOpen,
        ),
    )
    async def commit(
        self, dataset_rid: RidPath, transaction_rid: RidPath, caller: CurrentCaller
    ) -> Response:
        committed = await self._threads.run(
            self._closer.commit, caller, dataset_rid, transaction_rid
        )
        return reply(wire.transaction(committed))

    @operation(
        "POST",
        f"{DATASET}/transactions/{{transaction_rid}}/abort",
        scopes=WRITE,
        response=wire.Transaction,
        errors=(
            errors.AbortTransactionPermissionDenied,
            errors.DatasetNotFound,
            errors.TransactionNotFound,
            errors.TransactionNotOpen,
        ),
    )
    def abort(
        self, dataset_rid: RidPath, transaction_rid: RidPath, caller: CurrentCaller
    ) -> Response:
        denied = errors.AbortTransactionPermissionDenied(dataset_rid, transaction_rid)
        with self._database.write() as tx:
            self._datasets.require(tx, caller, dataset_rid, role=Role.EDITOR, denied=denied)
            aborted, blobs = self._datasets.abort(tx, dataset_rid, transaction_rid)
        for key in blobs:
            self._blobs.delete(key)
        return reply(wire.transaction(aborted))
