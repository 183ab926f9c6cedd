"""The layers around the application: what they pass on, what they refuse, what they end."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import httpx
import pytest
from fastapi import FastAPI, Request
from fastapi.responses import StreamingResponse
from structlog.testing import capture_logs

from modelstudio.kit.http import BodyLimit, LastResort, install_error_handlers

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

JSON, UPLOAD, WORKER = 1_000, 5_000, 20_000

inner = FastAPI()
install_error_handlers(inner)
app = BodyLimit(LastResort(inner), json_bytes=JSON, upload_bytes=UPLOAD, worker_bytes=WORKER)


@inner.api_route("/{path:path}/size", methods=["POST", "PUT"])
@inner.api_route("/{path:path}/upload", methods=["POST"])
async def size(request: Request) -> int:
    return sum([len(chunk) async for chunk in request.stream()])


@inner.get("/fails")
async def fails() -> None:
    raise RuntimeError("of the server")


@inner.get("/breaks-off")
async def breaks_off() -> StreamingResponse:
    async def half() -> AsyncIterator[bytes]:
        yield b"half"
        raise RuntimeError("in the middle")

    return StreamingResponse(half())


async def chunks(count: int) -> AsyncIterator[bytes]:
    for _ in range(count):
        yield b"x" * 100


async def send(method: str, path: str, content: bytes | AsyncIterator[bytes]) -> httpx.Response:
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
        return await client.request(method, path, content=content)


@pytest.mark.parametrize(
    ("method", "path", "limit"),
    [
        ("POST", "/api/size", JSON),
        ("PUT", "/api/size", JSON),
        ("POST", "/api/files/x/upload", UPLOAD),
        ("POST", "/api/files/upload/size", JSON),
        ("PUT", "/worker/v1/size", WORKER),
        ("POST", "/worker/v1/size", JSON),
        ("PUT", "/api/worker/size", JSON),
    ],
)
def test_each_kind_of_body_has_its_limit_announced_or_not(
    method: str, path: str, limit: int
) -> None:
    for content in (b"x" * limit, chunks(limit // 100)):
        answer = asyncio.run(send(method, path, content))
        assert (answer.status_code, answer.json()) == (200, limit)
    for content in (b"x" * (limit + 1), chunks(limit // 100 + 1), chunks(limit // 10)):
        answer = asyncio.run(send(method, path, content))
        assert answer.status_code == 413
        assert answer.json()["errorName"] == "Default:RequestEntityTooLarge"
        assert answer.json()["parameters"] == {"maximumSizeBytes": limit}


def test_an_answered_fault_ends_here() -> None:
    with capture_logs() as logged:
        answer = asyncio.run(send("GET", "/fails", b""))
    assert (answer.status_code, answer.json()["errorName"]) == (500, "Default:Internal")
    assert [line["event"] for line in logged] == ["unexpected error"]
    assert logged[0]["error_instance_id"] == answer.json()["errorInstanceId"]


def test_a_fault_in_the_middle_of_an_answer_goes_on_to_break_the_connection() -> None:
    with capture_logs() as logged, pytest.raises(RuntimeError, match="in the middle"):
        asyncio.run(send("GET", "/breaks-off", b""))
    assert [line["event"] for line in logged] == ["unexpected error"]
