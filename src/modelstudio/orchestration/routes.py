"""HTTP operations of the ``orchestration`` namespace, and the log of a job."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from fastapi import Response

from modelstudio.kit.paging import PageTokens, page_size
from modelstudio.kit.routing import CurrentCaller, operation
from modelstudio.kit.wire import PageSize, PageToken, RidPath, no_content, reply
from modelstudio.orchestration import errors, wire

if TYPE_CHECKING:
    from modelstudio.kit.database import Database
    from modelstudio.orchestration.service import OrchestrationService

_READ: Final = ("api:orchestration-read",)
_WRITE: Final = ("api:orchestration-write",)
_BASE: Final = "/api/v2/orchestration"
_PAGE: Final = 100
_LOG_PAGE: Final = 1000


class BuildRoutes:
    def __init__(
        self, database: Database, service: OrchestrationService, tokens: PageTokens
    ) -> None:
        self._database = database
        self._service = service
        self._tokens = tokens

    @operation(
        "GET",
        f"{_BASE}/builds/{{build_rid}}",
        scopes=_READ,
        response=wire.Build,
        errors=(errors.BuildNotFound,),
    )
    def get(self, build_rid: RidPath, caller: CurrentCaller) -> Response:
        with self._database.read() as tx:
            build = self._service.build(tx, caller, build_rid)
            job_rids = self._service.job_rids(tx, build_rid)
        return reply(wire.build(build, job_rids))

    @operation(
        "GET",
        f"{_BASE}/builds/{{build_rid}}/jobs",
        scopes=_READ,
        response=wire.Jobs,
    )
    def jobs(
        self,
        build_rid: RidPath,
        caller: CurrentCaller,
        size: PageSize = None,
        token: PageToken = None,
    ) -> Response:
        limit = page_size(size, default=_PAGE)
        context = f"build-jobs|{build_rid}"
        before = None if token is None else self._tokens.read(context, token)[0]
        with self._database.read() as tx:
            found = self._service.jobs(tx, caller, build_rid, before=before, limit=limit + 1)
        page = found[:limit]
        more = None
        if len(found) > limit:
            more = self._tokens.make(context, [page[-1].sequence])
        return reply(wire.Jobs(data=[wire.job(one) for one in page], next_page_token=more))

    @operation(
        "POST",
        f"{_BASE}/builds/{{build_rid}}/cancel",
        scopes=_WRITE,
        status=204,
        errors=(errors.CancelBuildPermissionDenied,),
    )
    def cancel(self, build_rid: RidPath, caller: CurrentCaller) -> Response:
        with self._database.write() as tx:
            self._service.cancel(tx, caller, build_rid)
        return no_content()


class JobRoutes:
    def __init__(self, database: Database, service: OrchestrationService) -> None:
        self._database = database
        self._service = service

    @operation(
        "GET",
        f"{_BASE}/jobs/{{job_rid}}",
        scopes=_READ,
        preview=True,
        response=wire.Job,
        errors=(errors.JobNotFound,),
    )
    def get(self, job_rid: RidPath, caller: CurrentCaller) -> Response:
        with self._database.read() as tx:
            job = self._service.job(tx, caller, job_rid)
        return reply(wire.job(job))


class JobLogRoutes:
    """Not of the v2 API, which has no operation for it; users need to see why a job failed."""

    def __init__(
        self, database: Database, service: OrchestrationService, tokens: PageTokens
    ) -> None:
        self._database = database
        self._service = service
        self._tokens = tokens

    @operation(
        "GET",
        "/modelstudio/v1/jobs/{job_rid}/logs",
        scopes=_READ,
        response=wire.LogLines,
        errors=(errors.JobNotFound,),
    )
    def list(
        self,
        job_rid: RidPath,
        caller: CurrentCaller,
        size: PageSize = None,
        token: PageToken = None,
    ) -> Response:
        limit = page_size(size, default=_LOG_PAGE)
        context = f"job-logs|{job_rid}"
        after = 0 if token is None else self._tokens.read(context, token)[0]
        with self._database.read() as tx:
            found = self._service.logs(tx, caller, job_rid, after=after, limit=limit + 1)
        page = found[:limit]
        more = None
        if len(found) > limit:
            more = self._tokens.make(context, [page[-1][0]])
        lines = [wire.LogLine(**line._asdict()) for _, line in page]
        return reply(wire.LogLines(data=lines, next_page_token=more))
