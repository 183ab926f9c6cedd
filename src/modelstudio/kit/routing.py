"""How a route says what it is, and what happens before every one of them.

    class StudioRoutes:
        @operation("GET", "/api/v2/models/modelStudios/{studio_rid}",
                   scopes=("api:models-read",), preview=True, errors=(ModelStudioNotFound,))
        def get(self, studio_rid: RidPath, caller: CurrentCaller) -> Response: ...

`mount` turns the methods of such an object into routes. Before a method runs, its caller is
authenticated, the preview gate is passed, and the token's scopes are checked; only then are the
parameters read, so that a stranger learns nothing from a validation error.
"""

from __future__ import annotations

import inspect
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, Final, Protocol, TypeVar, cast

import orjson
from fastapi import Depends, FastAPI, Request, Response
from fastapi.routing import APIRoute
from starlette.concurrency import run_in_threadpool

from modelstudio.errors import (
    ApiError,
    ApiFeaturePreviewUsageOnly,
    ApiUsageDenied,
    InvalidArgument,
    MissingCredentials,
    UnsupportedMediaType,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Sequence

#: Asked for by the worker protocol; held by a job's token and by no other.
WORKER_SCOPE: Final = "worker:job"


@dataclass(frozen=True, slots=True)
class Caller:
    """Who is calling: a principal and what its token may do.

    ``scopes`` is None for a token that may do everything its owner may. ``job_rid`` is set for a
    worker's token, which is good for that job's worker protocol and nothing else.
    """

    user_id: str
    is_admin: bool = False
    scopes: frozenset[str] | None = None
    job_rid: str | None = None

    def missing_scope(self, wanted: Sequence[str]) -> str | None:
        """Return the first scope that is wanted and not held."""
        if self.job_rid is not None:
            # It opens the worker protocol only, not even what needs no scope at all.
            return None if WORKER_SCOPE in wanted else next(iter(wanted), "api:none")
        if WORKER_SCOPE in wanted:
            return WORKER_SCOPE
        if self.scopes is None:
            return None
        return next((scope for scope in wanted if scope not in self.scopes), None)


class Authenticator(Protocol):
    blocking: bool

    def authenticate(self, authorization: str | None) -> Caller:
        """Return who sends this Authorization header.

        Raises
        ------
        MissingCredentials, Unauthorized
        """
        ...


@dataclass(frozen=True, slots=True)
class Operation:
    method: str
    path: str
    scopes: tuple[str, ...]
    preview: bool
    errors: tuple[type[ApiError], ...]
    response: Any
    status: int


_Method = TypeVar("_Method", bound="Callable[..., Any]")


def operation(
    method: str,
    path: str,
    *,
    scopes: tuple[str, ...],
    preview: bool = False,
    errors: tuple[type[ApiError], ...] = (),
    response: Any = None,
    status: int = 200,
) -> Callable[[_Method], _Method]:
    """Mark a method as the handler of an operation."""

    def mark(function: _Method) -> _Method:
        function.__operation__ = Operation(  # type: ignore[attr-defined]
            method, path, scopes, preview, errors, response, status
        )
        return function

    return mark


def operations_of(routes: object) -> list[tuple[Operation, Callable[..., Any]]]:
    """Return the marked methods of an object, in the order they were written."""
    found = []
    for name in vars(type(routes)):
        bound = getattr(routes, name, None)
        spec = getattr(bound, "__operation__", None)
        if isinstance(spec, Operation):
            found.append((spec, cast("Callable[..., Any]", bound)))
    return found


def mount(app: FastAPI, routes: object) -> None:
    """Add every operation of a routes object to the application."""
    for spec, handler in operations_of(routes):
        app.router.add_api_route(
            spec.path,
            handler,
            methods=[spec.method],
            response_model=None,
            status_code=spec.status,
            responses=_documented(spec),
            tags=[type(routes).__name__.removesuffix("Routes")],
            operation_id=f"{type(routes).__name__.removesuffix('Routes')}.{handler.__name__}",
            openapi_extra={"x-scopes": list(spec.scopes), "x-preview": spec.preview},
            route_class_override=GuardedRoute,
        )


def _documented(spec: Operation) -> dict[int | str, dict[str, Any]]:
    documented: dict[int | str, dict[str, Any]] = {}
    for error in spec.errors:
        entry = documented.setdefault(error.status, {"description": ""})
        names = [name for name in entry["description"].split(", ") if name]
        entry["description"] = ", ".join([*names, error.name])
    if spec.response is not None:
        documented[spec.status] = {"model": spec.response}
    return documented


class GuardedRequest(Request):
    """A request whose JSON is parsed with limits."""

    async def json(self) -> Any:
        if not hasattr(self, "_json"):
            body = await self.body()
            media_type = self.headers.get("content-type", "application/json").partition(";")[0]
            if body and media_type.strip().lower() != "application/json":
                raise UnsupportedMediaType(f"{media_type!r} is not supported here.")
            self._json = parse_json(body) if body else None
        return self._json


#: Deeper JSON has no meaning here, and what walks through it would run out of stack.
MAX_DEPTH: Final = 100
# An escaped NUL; a backslash that is itself escaped starts none.
_NUL: Final = re.compile(rb"(?<!\\)(?:\\\\)*\\u0000")


def parse_json(body: bytes) -> Any:
    """Parse a JSON body.

    Raises
    ------
    InvalidArgument
        When it is not JSON, nested too deeply, or holds NUL characters, which no name or text
        here may have and PostgreSQL cannot store.
    """
    if b"\\u0000" in body and _NUL.search(body):
        raise InvalidArgument("The request body contains a NUL character.")
    try:
        value = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise InvalidArgument("The request body is not valid JSON.") from error
    if body.count(b"[") + body.count(b"{") > MAX_DEPTH and _is_deep(value):
        raise InvalidArgument(f"The request body is nested more than {MAX_DEPTH} levels deep.")
    return value


def _is_deep(value: Any) -> bool:
    level = [value] if isinstance(value, dict | list) else []
    for _ in range(MAX_DEPTH + 1):
        level = [
            inner
            for outer in level
            for inner in (outer.values() if isinstance(outer, dict) else outer)
            if isinstance(inner, dict | list)
        ]
        if not level:
            return False
    return True


class GuardedRoute(APIRoute):
    """Authenticates, passes the preview gate and checks scopes before anything else."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handler = super().get_route_handler()
        spec = cast("Operation", inspect.unwrap(self.endpoint).__operation__)

        async def guarded(request: Request) -> Response:
            guard: Guard = request.app.state.guard
            request.state.caller = await guard.admit(request, spec)
            admitted = GuardedRequest(request.scope, request.receive)
            if self.body_field is not None:
                # Parsed here, because the framework turns what goes wrong in its own parsing
                # into an answer without an envelope.
                await admitted.json()
            return await handler(admitted)

        return guarded


class Guard:
    """What every request must pass."""

    def __init__(self, authenticator: Authenticator, *, strict_preview: bool) -> None:
        self._authenticator = authenticator
        self._strict_preview = strict_preview

    async def admit(self, request: Request, spec: Operation) -> Caller:
        authorization = request.headers.get("authorization")
        if self._authenticator.blocking:
            caller = await run_in_threadpool(self._authenticator.authenticate, authorization)
        else:
            caller = self._authenticator.authenticate(authorization)
        preview = request.query_params.get("preview")
        self.check(caller, spec, preview=preview is not None and preview.lower() == "true")
        if b"\0" in request.scope["path"].encode() or b"%00" in request.scope["query_string"]:
            raise InvalidArgument("The URL contains a NUL character.")
        return caller

    def check(self, caller: Caller, spec: Operation, *, preview: bool) -> None:
        """Pass the preview gate and check the token's scopes."""
        if spec.preview and self._strict_preview and not preview:
            raise ApiFeaturePreviewUsageOnly
        missing = caller.missing_scope(spec.scopes)
        if missing is not None:
            raise ApiUsageDenied(missing)


def _current_caller(request: Request) -> Caller:
    return cast("Caller", request.state.caller)


CurrentCaller = Annotated[Caller, Depends(_current_caller)]


def bearer_token(authorization: str | None) -> str:
    """Return the token of an Authorization header.

    Raises
    ------
    MissingCredentials
        When there is no bearer token.
    """
    scheme, _, token = (authorization or "").partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        raise MissingCredentials
    return token.strip()
