"""The only wiring: settings -> stores -> services -> routes. Read this first."""

from __future__ import annotations

from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from fastapi import FastAPI

from modelstudio import __version__
from modelstudio.filesystem.routes import (
    FolderRoutes,
    ProjectRoutes,
    ResourceRoutes,
    SpaceRoutes,
)
from modelstudio.filesystem.service import FilesystemService
from modelstudio.filesystem.store import FilesystemStore
from modelstudio.health import add_health_routes
from modelstudio.identity.service import IdentityService, TokenAuthenticator
from modelstudio.identity.store import IdentityStore
from modelstudio.kit.blobs import DirectoryBlobs
from modelstudio.kit.clock import RandomIds, SystemClock
from modelstudio.kit.database import Database
from modelstudio.kit.http import BodyLimit, EncodedSlashes, install_error_handlers
from modelstudio.kit.metrics import CountRequests, Metrics
from modelstudio.kit.paging import PageTokens
from modelstudio.kit.routing import Guard, mount

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from modelstudio.settings import Settings


@dataclass(frozen=True, slots=True)
class Foundation:
    """What every domain is built on."""

    settings: Settings
    database: Database
    blobs: DirectoryBlobs
    clock: SystemClock
    ids: RandomIds
    identity: IdentityService
    filesystem: FilesystemService


def open_foundation(settings: Settings) -> Foundation:
    """Open the database and the data directory; starts nothing."""
    settings.data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
    clock, ids = SystemClock(), RandomIds()
    return Foundation(
        settings=settings,
        database=Database(settings.database),
        blobs=DirectoryBlobs(settings.data_dir.resolve() / "blobs"),
        clock=clock,
        ids=ids,
        identity=IdentityService(IdentityStore(), clock, ids),
        filesystem=FilesystemService(FilesystemStore(), clock, ids),
    )


def create_app(foundation: Foundation) -> Any:
    """Build the ASGI application on a database that is up to date."""
    settings, database = foundation.settings, foundation.database
    reader = database.direct()
    metrics = Metrics()
    with database.write() as tx:
        tokens = PageTokens(foundation.identity.secret(tx, "page-tokens"))

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        yield
        reader.close()
        database.close()

    app = FastAPI(title="Model Studio", version=__version__, lifespan=lifespan, docs_url=None)
    authenticator = TokenAuthenticator(reader, foundation.clock)
    app.state.guard = Guard(authenticator, strict_preview=settings.preview_gating == "strict")
    install_error_handlers(app)
    for routes in (
        SpaceRoutes(database, foundation.filesystem),
        ProjectRoutes(database, foundation.filesystem, foundation.identity),
        FolderRoutes(database, foundation.filesystem, tokens),
        ResourceRoutes(database, foundation.filesystem),
    ):
        mount(app, routes)
    add_health_routes(app, database, metrics.registry)
    limited = BodyLimit(
        app,
        json_bytes=settings.max_json_bytes,
        upload_bytes=settings.max_upload_bytes,
        worker_bytes=settings.max_model_bytes,
    )
    return CountRequests(EncodedSlashes(limited), metrics)
