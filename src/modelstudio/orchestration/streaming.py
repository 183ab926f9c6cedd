"""Large bodies between workers and blobs, without holding the event loop or a transaction."""

from __future__ import annotations

from typing import IO, TYPE_CHECKING, Any, Final

import anyio
from fastapi.responses import FileResponse
from starlette.concurrency import run_in_threadpool

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from fastapi import Request
    from starlette.types import Receive, Scope, Send

    from modelstudio.kit.blobs import BlobStore

_BATCH_BYTES: Final = 1 << 20


async def receive_blob(request: Request, blobs: BlobStore, key: str) -> int:
    """Write the request's body as a new blob; return its size in bytes.

    When the sender breaks off, nothing is kept.
    """
    writer = blobs.write(key)
    file = await run_in_threadpool(writer.__enter__)
    try:
        size = await _receive(request, file)
    except BaseException as error:
        # Only closes and removes the unfinished file, so it may run here, even when cancelled.
        writer.__exit__(type(error), error, error.__traceback__)
        raise
    await run_in_threadpool(writer.__exit__, None, None, None)
    return size


async def _receive(request: Request, file: IO[bytes]) -> int:
    size = 0
    batch = bytearray()
    async for chunk in request.stream():
        batch += chunk
        if len(batch) >= _BATCH_BYTES:
            size += await run_in_threadpool(file.write, batch)
            batch = bytearray()
    return size + await run_in_threadpool(file.write, batch)


class HeldFile(FileResponse):
    """Sends a file and then lets go of it, also when the receiver has broken off."""

    chunk_size = _BATCH_BYTES

    def __init__(self, path: Path, release: Callable[[], Any]) -> None:
        super().__init__(path, media_type="application/vnd.apache.parquet")
        self._release = release

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await super().__call__(scope, receive, send)
        finally:
            with anyio.CancelScope(shield=True):
                await run_in_threadpool(self._release)
