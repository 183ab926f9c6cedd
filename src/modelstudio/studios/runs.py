"""List Model Studio Runs: the founding endpoint, on a path of its own.

It is answered without the web framework: the request's few parts are read from the ASGI scope,
three prepared statements run on a read-only connection, and the rows are already JSON. The rules
(credentials, preview gate, scope, errors) are the same objects that guard every other route.
`docs/decisions/0004-hot-path-for-the-run-list.md` has the measurements.
"""

from __future__ import annotations

import hashlib
import re
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import parse_qsl

import orjson
from starlette.concurrency import run_in_threadpool

from modelstudio.errors import ApiError, InvalidArgument
from modelstudio.kit import rids
from modelstudio.kit.clock import iso_time
from modelstudio.kit.http import log_unexpected
from modelstudio.kit.paging import page_size
from modelstudio.kit.routing import Operation
from modelstudio.studios.errors import ModelStudioConfigVersionNotFound, ModelStudioNotFound

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starlette.types import ASGIApp, Receive, Scope, Send

    from modelstudio.kit.database import DirectReader
    from modelstudio.kit.paging import PageTokens
    from modelstudio.kit.routing import Authenticator, Guard

PREFIX: Final = "/api/v2/models/modelStudios/"
SUFFIX: Final = "/runs"
PAGE_SIZE: Final = 100
_MAX_INTEGER: Final = 2**63 - 1
_INTEGER: Final = re.compile(r"-?[0-9]{1,19}")

OPERATION: Final = Operation(
    method="GET",
    path=f"{PREFIX}{{studio_rid}}{SUFFIX}",
    scopes=("api:models-read",),
    preview=True,
    errors=(ModelStudioConfigVersionNotFound, ModelStudioNotFound),
    response=None,
    status=200,
)

# One step per folder up to the space, with the strongest grant on the way: who has any role but
# "discoverer" on the studio or above it may read its runs.
_STUDIO: Final = """
WITH RECURSIVE chain(rid, parent_rid, trashed_at) AS (
  SELECT rid, parent_rid, trashed_at FROM resources WHERE rid = ?
  UNION ALL
  SELECT r.rid, r.parent_rid, r.trashed_at FROM chain c JOIN resources r ON r.rid = c.parent_rid
)
SELECT s.id, s.latest_version,
  (SELECT count(*) FROM chain WHERE trashed_at IS NOT NULL),
  (SELECT count(*) FROM chain c JOIN role_grants g ON g.resource_rid = c.rid
    WHERE g.principal_id IN (?, 'everyone') AND g.role <> 'discoverer')
FROM model_studios s WHERE s.rid = ?
"""
_COLUMNS: Final = "SELECT document, status, started_at, id FROM studio_runs WHERE studio_id = ?"
_OF_CONFIG: Final = " AND config_version = ?"
_OLDER: Final = " AND (started_at, id) < (?, ?)"
_NEWEST_FIRST: Final = " ORDER BY started_at DESC, id DESC LIMIT ?"


def run_id(studio_rid: str, config_version: int, build_rid: str) -> str:
    """Return 12 hexadecimal characters that depend on the studio, configuration and build."""
    text = f"{studio_rid}|{config_version}|{build_rid}"
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def document(
    *,
    studio_rid: str,
    config_version: int,
    build_rid: str,
    job_rid: str,
    started_by: str,
    started_at: int,
    outputs: Mapping[str, Any],
) -> str:
    """Return the wire JSON of a run, without its status and closing brace."""
    body = {
        "runId": run_id(studio_rid, config_version, build_rid),
        "buildRid": build_rid,
        "jobRid": job_rid,
        "configVersion": config_version,
        "startedBy": started_by,
        "startedTime": iso_time(started_at),
        "resolvedOutputs": outputs,
    }
    return orjson.dumps(body).decode()[:-1]


def render(document_: str, status: str) -> str:
    """Return the wire JSON of a run."""
    return f'{document_},"buildStatus":"{status}"}}'


class RunQueries:
    """The statements, prepared once for the dialect."""

    def __init__(self, reader: DirectReader) -> None:
        self.reader = reader
        self.studio = reader.statement(_STUDIO)
        self.pages = {
            (of_config, older): reader.statement(page_sql(of_config=of_config, older=older))
            for of_config in (False, True)
            for older in (False, True)
        }


def page_sql(*, of_config: bool, older: bool) -> str:
    """Return the statement that reads one page; the tests explain its plan."""
    return f"{_COLUMNS}{_OF_CONFIG if of_config else ''}{_OLDER if older else ''}{_NEWEST_FIRST}"


class RunList:
    """Answers one page of a studio's runs as bytes."""

    def __init__(
        self,
        reader: DirectReader,
        authenticator: Authenticator,
        guard: Guard,
        tokens: PageTokens,
    ) -> None:
        self._queries = RunQueries(reader)
        self._authenticator = authenticator
        self._guard = guard
        self._tokens = tokens
        self.blocking = reader.blocking

    def answer(self, studio_rid: str, query: bytes, authorization: str | None) -> bytes:
        """Return the response's JSON.

        Raises
        ------
        ApiError
            Any of the operation's errors, or those of every operation.
        """
        caller = self._authenticator.authenticate(authorization)
        parameters = _parameters(query)
        self._guard.check(
            caller, OPERATION, preview=parameters.get("preview", "").lower() == "true"
        )
        if not rids.is_rid(studio_rid):
            raise InvalidArgument("studio_rid: not a resource identifier", field="modelStudioRid")
        version = _integer(parameters, "configVersion")
        limit = page_size(_integer(parameters, "pageSize"), default=PAGE_SIZE)
        studio_id = self._studio_id(studio_rid, caller.user_id, version, admin=caller.is_admin)
        token = parameters.get("pageToken")
        context = f"runs|{studio_rid}|{version}"
        after = None if token is None else self._tokens.read(context, token)
        return self._page(studio_id, version, after, limit, context)

    def _studio_id(self, studio_rid: str, user_id: str, version: int | None, *, admin: bool) -> int:
        rows = self._queries.reader.rows(self._queries.studio, (studio_rid, user_id, studio_rid))
        if not rows:
            raise ModelStudioNotFound(studio_rid)
        studio_id, latest_version, trashed, granted = rows[0]
        if trashed or not (granted or admin):
            raise ModelStudioNotFound(studio_rid)
        if version is not None and not 1 <= version <= latest_version:
            raise ModelStudioConfigVersionNotFound(studio_rid, version)
        return int(studio_id)

    def _page(
        self, studio_id: int, version: int | None, after: list[Any] | None, limit: int, context: str
    ) -> bytes:
        statement = self._queries.pages[version is not None, after is not None]
        filters = [studio_id] if version is None else [studio_id, version]
        rows = self._queries.reader.rows(statement, [*filters, *(after or ()), limit + 1])
        more = ""
        if len(rows) > limit:
            del rows[limit:]
            _, _, started_at, run = rows[-1]
            more = f',"nextPageToken":"{self._tokens.make(context, (started_at, run))}"'
        data = ",".join(
            [f'{document_},"buildStatus":"{status}"}}' for document_, status, _, _ in rows]
        )
        return f'{{"data":[{data}]{more}}}'.encode()


class RunListEndpoint:
    """Takes the run list's requests; passes every other on."""

    def __init__(self, app: ASGIApp, runs: RunList) -> None:
        self._app = app
        self._runs = runs

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["method"] == "GET":
            path: str = scope["path"]
            if path.endswith(SUFFIX) and path.startswith(PREFIX):
                studio_rid = path[len(PREFIX) : -len(SUFFIX)]
                if "/" not in studio_rid:
                    await self._answer(studio_rid, scope, send)
                    return
        await self._app(scope, receive, send)

    async def _answer(self, studio_rid: str, scope: Scope, send: Send) -> None:
        arguments = (studio_rid, scope["query_string"], _authorization(scope))
        status = 200
        try:
            if self._runs.blocking:
                body = await run_in_threadpool(self._runs.answer, *arguments)
            else:
                body = self._runs.answer(*arguments)
        except ApiError as error:
            status, body = error.status, error.envelope()
        except Exception as error:  # noqa: BLE001 - the edge: a user sees no stack trace
            status, body = 500, log_unexpected(scope, error).envelope()
        headers = [
            (b"content-type", b"application/json"),
            (b"content-length", str(len(body)).encode()),
        ]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": body})


def _authorization(scope: Scope) -> str | None:
    for name, value in scope["headers"]:
        if name == b"authorization":
            return str(value, "latin-1")
    return None


def _parameters(query: bytes) -> dict[str, str]:
    if b"%" not in query and b"+" not in query:
        pairs = (part.partition("=") for part in query.decode("latin-1").split("&"))
        return {name: value for name, _, value in pairs if name}
    return dict(parse_qsl(query.decode("latin-1"), keep_blank_values=True))


def _integer(parameters: Mapping[str, str], name: str) -> int | None:
    text = parameters.get(name)
    if text is None:
        return None
    if _INTEGER.fullmatch(text) is None or abs(int(text)) > _MAX_INTEGER:
        raise InvalidArgument(f"{name}: not an integer", field=name)
    return int(text)
