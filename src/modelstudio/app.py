"""The only wiring: settings -> stores -> services -> routes. Read this first."""

from __future__ import annotations

from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from fastapi import FastAPI

from modelstudio import __version__
from modelstudio.compute.local import LocalProcesses
from modelstudio.experiments.routes import (
    ExperimentArtifactTableRoutes,
    ExperimentRoutes,
    ExperimentSeriesRoutes,
)
from modelstudio.experiments.series import SeriesStore
from modelstudio.experiments.service import ExperimentService
from modelstudio.experiments.store import ExperimentStore
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
from modelstudio.kit.http import BodyLimit, EncodedSlashes, LastResort, install_error_handlers
from modelstudio.kit.metrics import CountRequests, Metrics
from modelstudio.kit.paging import PageTokens
from modelstudio.kit.routing import Guard, mount
from modelstudio.models.routes import ModelRoutes, ModelVersionRoutes
from modelstudio.models.service import ModelService
from modelstudio.models.store import ModelStore
from modelstudio.orchestration.dispatcher import Dispatcher, DispatcherSettings
from modelstudio.orchestration.instance import local_url
from modelstudio.orchestration.lifecycle import JobLifecycle
from modelstudio.orchestration.routes import BuildRoutes, JobLogRoutes, JobRoutes
from modelstudio.orchestration.service import OrchestrationService, WorkerService
from modelstudio.orchestration.store import OrchestrationStore
from modelstudio.orchestration.wakeup import Wakeup
from modelstudio.orchestration.worker_routes import WorkerRoutes
from modelstudio.studios.runs import RunList, RunListEndpoint

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


@dataclass(frozen=True, slots=True)
class Orchestration:
    """Builds and jobs, from the queue to the workers."""

    service: OrchestrationService
    workers: WorkerService
    dispatcher: Dispatcher


def open_orchestration(foundation: Foundation, metrics: Metrics) -> Orchestration:
    """Put orchestration together; nothing is dispatched before its dispatcher is started."""
    settings, database, clock = foundation.settings, foundation.database, foundation.clock
    data_dir = settings.data_dir.resolve()
    compute = LocalProcesses(
        data_dir / "jobs", cpu=settings.cpu or None, memory_bytes=settings.memory_bytes or None
    )
    store, wakeup = OrchestrationStore(), Wakeup(database.engine)
    lifecycle = JobLifecycle(store, foundation.identity, clock, metrics, wakeup)
    return Orchestration(
        OrchestrationService(
            store,
            lifecycle,
            foundation.filesystem,
            clock,
            foundation.ids,
            wakeup,
            compute.capacity(),
        ),
        WorkerService(store, lifecycle, clock, heartbeat_seconds=settings.heartbeat_seconds),
        Dispatcher(
            database,
            store,
            lifecycle,
            compute,
            foundation.blobs,
            clock,
            foundation.ids,
            metrics,
            wakeup,
            DispatcherSettings(
                data_dir=data_dir,
                server_url=local_url(settings.host, settings.port),
                heartbeat_timeout_seconds=settings.heartbeat_timeout_seconds,
                worker_patience_seconds=settings.worker_patience_seconds,
            ),
        ),
    )


def create_app(foundation: Foundation) -> Any:
    """Build the ASGI application on a database that is up to date."""
    settings, database = foundation.settings, foundation.database
    reader = database.direct()
    metrics = Metrics()
    with database.write() as tx:
        tokens = PageTokens(foundation.identity.secret(tx, "page-tokens"))
    orchestration = open_orchestration(foundation, metrics)

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        orchestration.dispatcher.start()
        yield
        orchestration.dispatcher.stop()
        reader.close()
        database.close()

    app = FastAPI(
        title="Model Studio",
        version=__version__,
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,  # an unknown path is 404, whatever it resembles
        strict_content_type=False,  # the guard checks it; there are no cookies to forge with
    )
    authenticator = TokenAuthenticator(reader, foundation.clock)
    guard = Guard(authenticator, strict_preview=settings.preview_gating == "strict")
    app.state.guard = guard
    install_error_handlers(app)
    clock, ids = foundation.clock, foundation.ids
    models = ModelService(ModelStore(), foundation.filesystem, clock, ids)
    experiments = ExperimentService(ExperimentStore(), SeriesStore(), models, clock, ids)
    for routes in (
        SpaceRoutes(database, foundation.filesystem),
        ProjectRoutes(database, foundation.filesystem, foundation.identity),
        FolderRoutes(database, foundation.filesystem, tokens),
        ResourceRoutes(database, foundation.filesystem),
        ModelVersionRoutes(database, models, tokens),
        ExperimentRoutes(database, experiments),
        ExperimentSeriesRoutes(database, experiments),
        ExperimentArtifactTableRoutes(database, experiments, foundation.blobs),
        BuildRoutes(database, orchestration.service, tokens),
        JobRoutes(database, orchestration.service),
        JobLogRoutes(database, orchestration.service, tokens),
        WorkerRoutes(database, orchestration.workers, foundation.blobs),
        # last: its {model_rid} would take "modelStudioTrainers" and "liveDeployments" for a RID
        ModelRoutes(database, models),
    ):
        mount(app, routes)
    add_health_routes(app, database, metrics.registry)
    limited = BodyLimit(
        LastResort(app),
        json_bytes=settings.max_json_bytes,
        upload_bytes=settings.max_upload_bytes,
        worker_bytes=settings.max_model_bytes,
    )
    runs = RunList(reader, authenticator, guard, tokens)
    return CountRequests(RunListEndpoint(EncodedSlashes(limited), runs), metrics)
