"""The worker protocol, see ``docs/worker-protocol.md``."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING, Annotated, Final, TypeVar

from fastapi import Depends, Query, Request, Response
from starlette.concurrency import run_in_threadpool

from modelstudio.errors import ApiError, Gone, InvalidArgument, NotFound, PermissionDenied
from modelstudio.kit.blobs import new_key
from modelstudio.kit.http import path_text
from modelstudio.kit.routing import WORKER_SCOPE, CurrentCaller, operation
from modelstudio.kit.wire import RidPath, no_content, reply_json
from modelstudio.orchestration import wire
from modelstudio.orchestration.streaming import HeldFile, receive_blob

if TYPE_CHECKING:
    from collections.abc import Callable

    import sqlalchemy as sa

    from modelstudio.kit.blobs import BlobStore
    from modelstudio.kit.database import Database
    from modelstudio.orchestration.service import WorkerService

_SCOPES: Final = (WORKER_SCOPE,)
_JOB: Final = "/worker/v1/jobs/{job_rid}"
_MAX_TABLE_NAME: Final = 200
_MAX_DESCRIPTION: Final = 20_000

_T = TypeVar("_T")


def _own_job(job_rid: RidPath, caller: CurrentCaller) -> str:
    if caller.job_rid != job_rid:
        raise PermissionDenied
    return job_rid


OwnJob = Annotated[str, Depends(_own_job)]
Attempt = Annotated[int, Query()]
Description = Annotated[str, Query(max_length=_MAX_DESCRIPTION)]
RowCount = Annotated[int, Query(alias="rowCount", ge=0, le=2**62)]


class WorkerRoutes:
    def __init__(self, database: Database, service: WorkerService, blobs: BlobStore) -> None:
        self._database = database
        self._service = service
        self._blobs = blobs

    @operation("GET", f"{_JOB}/", scopes=_SCOPES, errors=(Gone,))
    def specification(self, job_rid: OwnJob) -> Response:
        with self._database.read() as tx:
            return reply_json(self._service.specification(tx, job_rid))

    @operation("GET", f"{_JOB}/inputs/{{alias}}", scopes=_SCOPES, errors=(Gone, NotFound))
    def input(self, job_rid: OwnJob, alias: str) -> Response:
        with self._database.read() as tx:
            job = self._service.job(tx, job_rid)
        held = ExitStack()
        try:
            path = held.enter_context(self._service.input_file(job, path_text(alias)))
        except KeyError:
            raise NotFound from None
        except FileNotFoundError as error:
            reason = f"The data of input {path_text(alias)} is no longer there."
            self._fail(job_rid, job.attempt, reason)
            raise Gone(reason) from error
        except ValueError as error:
            reason = f"The input {path_text(alias)} cannot be read: {error}"
            self._fail(job_rid, job.attempt, reason)
            raise Gone(reason) from error
        return HeldFile(path, held.close)

    @operation("POST", f"{_JOB}/heartbeat", scopes=_SCOPES, errors=(Gone,))
    def heartbeat(self, job_rid: OwnJob, body: wire.Heartbeat) -> Response:
        with self._database.write() as tx:
            cancel = self._service.heartbeat(tx, job_rid, body.attempt, body.rss_bytes)
        return reply_json({"cancelRequested": cancel})

    @operation("POST", f"{_JOB}/events", scopes=_SCOPES, status=204, errors=(Gone,))
    def events(self, job_rid: OwnJob, body: wire.Events) -> Response:
        with self._database.write() as tx:
            self._service.events(tx, job_rid, body.attempt, body.first_sequence, body.events)
        return no_content()

    @operation("PUT", f"{_JOB}/tables/{{name}}", scopes=_SCOPES, status=204, errors=(Gone,))
    async def table(
        self,
        job_rid: OwnJob,
        name: str,
        request: Request,
        attempt: Attempt,
        row_count: RowCount,
        description: Description = "",
    ) -> Response:
        name = path_text(name)
        if len(name) > _MAX_TABLE_NAME:
            raise InvalidArgument("The table's name is too long.")
        key = new_key("tables")
        size = await receive_blob(request, self._blobs, key)
        await self._keep(
            key,
            lambda tx: self._service.table(
                tx,
                job_rid,
                attempt,
                name=name,
                description=description,
                row_count=row_count,
                size_bytes=size,
                blob_key=key,
            ),
        )
        return no_content()

    @operation("PUT", f"{_JOB}/model", scopes=_SCOPES, status=204, errors=(Gone,))
    async def model(self, job_rid: OwnJob, request: Request, attempt: Attempt) -> Response:
        key = new_key("models")
        await receive_blob(request, self._blobs, key)
        await self._keep(key, lambda tx: self._service.model(tx, job_rid, attempt, key))
        return no_content()

    @operation("POST", f"{_JOB}/complete", scopes=_SCOPES, status=204, errors=(Gone,))
    def complete(self, job_rid: OwnJob, body: wire.Complete) -> Response:
        result = body.model_dump(by_alias=True)
        try:
            with self._database.write() as tx:
                self._service.complete(tx, job_rid, body.attempt, result)
        except Gone:
            raise
        except ApiError as refusal:
            reason = f"The result could not be published: {refusal}"
            self._fail(job_rid, body.attempt, reason)
            raise Gone(reason) from refusal
        return no_content()

    @operation("POST", f"{_JOB}/fail", scopes=_SCOPES, status=204, errors=(Gone,))
    def fail(self, job_rid: OwnJob, body: wire.Fail) -> Response:
        self._fail(job_rid, body.attempt, body.reason)
        return no_content()

    def _fail(self, job_rid: str, attempt: int, reason: str) -> None:
        with self._database.write() as tx:
            self._service.fail(tx, job_rid, attempt, reason)

    async def _keep(self, key: str, keep: Callable[[sa.Connection], str | None]) -> None:
        """Have a new blob kept, and delete what it replaces, or itself when it is refused."""
        try:
            obsolete = await run_in_threadpool(self._in_transaction, keep)
        except Exception:
            # Also when the database was away: the worker sends it again, as a new blob.
            await run_in_threadpool(self._blobs.delete, key)
            raise
        if obsolete is not None:
            await run_in_threadpool(self._blobs.delete, obsolete)

    def _in_transaction(self, work: Callable[[sa.Connection], _T]) -> _T:
        with self._database.write() as tx:
            return work(tx)
