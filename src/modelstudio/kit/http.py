"""The outermost layers of the server: body limits, encoded slashes, and the error handler."""

from __future__ import annotations

import time
from http import HTTPStatus
from typing import TYPE_CHECKING, Final
from urllib.parse import unquote

import structlog
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import Response

from modelstudio.errors import (
    ApiError,
    InternalError,
    InvalidArgument,
    MissingPostBody,
    RequestEntityTooLarge,
)

if TYPE_CHECKING:
    from fastapi import FastAPI, Request
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

_log = structlog.get_logger("modelstudio.http")
_DRAIN_SECONDS: Final = 60.0


def error_response(error: ApiError) -> Response:
    return Response(error.envelope(), status_code=error.status, media_type="application/json")


def install_error_handlers(app: FastAPI) -> None:
    """Turn every exception into the envelope; only an unexpected one leaves a stack trace."""

    async def on_api_error(_request: Request, error: Exception) -> Response:
        assert isinstance(error, ApiError)  # noqa: S101 - registered for ApiError only
        return error_response(error)

    async def on_validation(_request: Request, error: Exception) -> Response:
        assert isinstance(error, RequestValidationError)  # noqa: S101
        return error_response(_from_validation(error))

    async def on_http(_request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)  # noqa: S101
        # Neither an unknown path nor an unknown method on a path has a body: clients take a 404
        # without one for an operation that is not available here, and cannot read a bare 405.
        status = 404 if error.status_code == HTTPStatus.METHOD_NOT_ALLOWED else error.status_code
        return Response(status_code=status)

    async def on_unexpected(request: Request, error: Exception) -> Response:
        return error_response(log_unexpected(request.scope, error))

    app.add_exception_handler(ApiError, on_api_error)
    app.add_exception_handler(RequestValidationError, on_validation)
    app.add_exception_handler(HTTPException, on_http)
    app.add_exception_handler(Exception, on_unexpected)


def log_unexpected(scope: Scope, error: Exception) -> InternalError:
    """Log a fault of ours with its stack trace; return what the caller may know of it."""
    answer = InternalError()
    _log.error(
        "unexpected error",
        error_instance_id=answer.instance_id,
        method=scope.get("method"),
        path=scope.get("path"),
        exc_info=error,
    )
    return answer


def _from_validation(error: RequestValidationError) -> ApiError:
    problems = error.errors()
    if any(p["type"] == "missing" and tuple(p["loc"]) == ("body",) for p in problems):
        return MissingPostBody()
    first = problems[0]
    field = ".".join(str(part) for part in first["loc"])
    return InvalidArgument(f"{field}: {first['msg']}", field=field)


class EncodedSlashes:
    """Keeps ``%2F`` inside one path segment.

    A file path or series name travels as one segment with its slashes encoded. Servers decode the
    whole path first, which would split it. Here such a segment reaches the route still encoded
    (with ``%25`` too, so that decoding is exact); `path_text` decodes it.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            raw: bytes = scope.get("raw_path", b"")
            if b"%" in raw and (b"%2f" in raw.lower() or b"%25" in raw):
                kept = raw.replace(b"%25", b"%2525").replace(b"%2F", b"%252F")
                text = kept.replace(b"%2f", b"%252F").decode("latin-1")
                scope = {**scope, "path": unquote(text)}
        await self._app(scope, receive, send)


def path_text(segment: str) -> str:
    """Return the text of a path segment that `EncodedSlashes` may have left encoded."""
    return segment.replace("%2F", "/").replace("%25", "%")


class LastResort:
    """Ends an exception's way once its answer is sent.

    The framework raises an unexpected exception again after it was logged and answered; the web
    server would log it a second time. One that broke off an answer goes on, so that the
    connection is closed and the client sees that the answer is not whole.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        answered = False

        async def watched(message: Message) -> None:
            nonlocal answered
            await send(message)
            if message["type"] == "http.response.body" and not message.get("more_body", False):
                answered = True

        try:
            await self._app(scope, receive, watched)
        except Exception:
            if not answered:
                raise


class BodyLimit:
    """Refuses a body over its limit with 413, after reading the rest of it into nothing.

    Clients send the whole body before they look at the answer, so closing early would show them a
    broken connection instead of the reason.
    """

    def __init__(
        self, app: ASGIApp, *, json_bytes: int, upload_bytes: int, worker_bytes: int
    ) -> None:
        self._app = app
        self._json_bytes = json_bytes
        self._upload_bytes = upload_bytes
        self._worker_bytes = worker_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] in {"GET", "HEAD"}:
            await self._app(scope, receive, send)
            return
        limit = self._limit(scope)
        length = _content_length(scope)
        if length is not None and length > limit:
            await _drain(receive)
            await error_response(RequestEntityTooLarge(limit))(scope, receive, send)
            return
        if length is not None:
            await self._app(scope, receive, send)  # the HTTP parser holds the body to its length
            return
        await self._limited(scope, receive, send, limit)

    async def _limited(self, scope: Scope, receive: Receive, send: Send, limit: int) -> None:
        seen = 0

        async def counted() -> Message:
            nonlocal seen
            message = await receive()
            seen += len(message.get("body", b""))
            if seen > limit:
                if message.get("more_body", False):
                    await _drain(receive)
                raise RequestEntityTooLarge(limit)
            return message

        await self._app(scope, counted, send)

    def _limit(self, scope: Scope) -> int:
        path: str = scope["path"]
        if scope["method"] == "PUT" and path.startswith("/worker/"):
            return self._worker_bytes
        return self._upload_bytes if path.endswith("/upload") else self._json_bytes


def _content_length(scope: Scope) -> int | None:
    for name, value in scope["headers"]:
        if name == b"content-length":
            return int(value) if value.isdigit() else None
    return None


async def _drain(receive: Receive) -> None:
    deadline = time.monotonic() + _DRAIN_SECONDS
    while time.monotonic() < deadline:
        message = await receive()
        if not message.get("more_body", False):  # all of it, or the client is gone
            return
