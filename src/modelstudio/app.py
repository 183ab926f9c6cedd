"""The only wiring: settings -> stores -> services -> routes. Read this first."""

from __future__ import annotations

from contextlib import ExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from fastapi import FastAPI

from modelstudio import __version__
from modelstudio.compute.local import LocalProcesses
from modelstudio.datasets.closing import TransactionCloser
from modelstudio.datasets.file_routes import FileRoutes
from modelstudio.datasets.reader import TableReader
from modelstudio.datasets.routes import DatasetRoutes, TableThreads
from modelstudio.datasets.service import DatasetService
from modelstudio.datasets.store import DatasetStore
from modelstudio.datasets.tables import Tables
from modelstudio.datasets.transaction_routes import BranchRoutes, TransactionRoutes
from modelstudio.datasets.uploads import Uploads
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
from modelstudio.studios.launching import JOB_KIND, Launcher
from modelstudio.studios.limits import RunLimits
from modelstudio.studios.offering import open_catalogue
from modelstudio.studios.routes import (
    ConfigVersionRoutes,
    ModelStudioRoutes,
    ModelStudioRunRoutes,
    TrainerRoutes,
)
from modelstudio.studios.runs import RunList, RunListEndpoint
from modelstudio.studios.service import StudioService
from modelstudio.studios.store import StudioStore
from modelstudio.studios.training import TrainingJobs

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from starlette.types import ASGIApp

    from modelstudio.settings import Settings
    from modelstudio.trainers.catalogue import Catalogue


_FRAMEWORK: Final[dict[str, Any]] = {
    "docs_url": None,
    "redoc_url": None,
    "redirect_slashes": False,  # an unknown path is 404, whatever it resembles
    "strict_content_type": False,  # the guard checks it; there are no cookies to forge with
}


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
    data_dir, ids = settings.data_dir.resolve(), foundation.ids
    compute = LocalProcesses(
        data_dir / "jobs",
        cpu=settings.cpu or None,
        memory_bytes=settings.memory_bytes or None,
        niceness=settings.training_niceness,
        disk_reserve_bytes=settings.disk_reserve_bytes,
    )
    store, wakeup = OrchestrationStore(), Wakeup(database.engine)
    lifecycle = JobLifecycle(store, foundation.identity, clock, metrics, wakeup)
    filesystem, capacity = foundation.filesystem, compute.capacity()
    service = OrchestrationService(store, lifecycle, filesystem, clock, ids, wakeup, capacity)
    workers = WorkerService(store, lifecycle, clock, heartbeat_seconds=settings.heartbeat_seconds)
    dispatcher = Dispatcher(
        database,
        store,
        lifecycle,
        compute,
        foundation.blobs,
        clock,
        ids,
        metrics,
        wakeup,
        DispatcherSettings(
            data_dir=data_dir,
            server_url=local_url(settings.host, settings.port),
            heartbeat_timeout_seconds=settings.heartbeat_timeout_seconds,
            worker_patience_seconds=settings.worker_patience_seconds,
        ),
    )
    return Orchestration(service, workers, dispatcher)


@dataclass(frozen=True, slots=True)
class Datasets:
    """Datasets and what reads their tables."""

    store: DatasetStore
    tables: Tables
    reader: TableReader
    service: DatasetService
    closer: TransactionCloser


def open_datasets(foundation: Foundation) -> Datasets:
    """Put datasets together; table processes start when there is something to read."""
    settings, database, clock = foundation.settings, foundation.database, foundation.clock
    store = DatasetStore()
    tables = Tables(
        database,
        store,
        foundation.blobs,
        clock,
        settings.data_dir.resolve() / "work",
        timeout_seconds=settings.table_timeout_seconds,
        memory_bytes=settings.table_memory_bytes,
    )
    reader = TableReader(database, store, tables)
    service = DatasetService(store, foundation.filesystem, reader, clock, foundation.ids)
    closer = TransactionCloser(database, store, service, tables, clock, foundation.ids)
    return Datasets(store, tables, reader, service, closer)


@dataclass(frozen=True, slots=True)
class Studios:
    """Model studios, the models they make and the experiments of their runs."""

    catalogue: Catalogue
    models: ModelService
    experiments: ExperimentService
    service: StudioService
    launcher: Launcher


def open_studios(
    foundation: Foundation, datasets: Datasets, orchestration: Orchestration
) -> Studios:
    """Put studios together and take charge of their jobs."""
    filesystem, clock, ids = foundation.filesystem, foundation.clock, foundation.ids
    models = ModelService(ModelStore(), filesystem, clock, ids)
    experiments = ExperimentService(ExperimentStore(), SeriesStore(), models, clock, ids)
    store, jobs = StudioStore(), orchestration.service
    catalogue = open_catalogue(foundation.settings.environments)
    limits = RunLimits(foundation.settings.max_run_seconds, foundation.settings.run_disk_bytes)
    service = StudioService(store, filesystem, datasets.service, jobs, catalogue, clock, limits)
    launcher = Launcher(store, service, filesystem, datasets.service, models, experiments, jobs)
    training = TrainingJobs(store, datasets.service, models, experiments, catalogue, limits)
    jobs.register(JOB_KIND, training)
    return Studios(catalogue, models, experiments, service, launcher)


def create_app(foundation: Foundation) -> Any:
    """Build the ASGI application on a database that is up to date."""
    settings, database = foundation.settings, foundation.database
    metrics, reader = Metrics(), database.direct()
    with database.write() as tx:
        tokens = PageTokens(foundation.identity.secret(tx, "page-tokens"))
    orchestration, datasets = open_orchestration(foundation, metrics), open_datasets(foundation)
    studios = open_studios(foundation, datasets, orchestration)
    authenticator = TokenAuthenticator(reader, foundation.clock)
    guard = Guard(authenticator, strict_preview=settings.preview_gating == "strict")
    runs = RunList(reader, authenticator, guard, tokens)

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        with ExitStack() as closing:  # each, whatever becomes of the others
            for close in (database.close, reader.close, datasets.tables.close):
                closing.callback(close)
            orchestration.dispatcher.start()
            closing.callback(orchestration.dispatcher.stop)
            yield

    app = FastAPI(title="Model Studio", version=__version__, lifespan=lifespan, **_FRAMEWORK)
    app.state.guard = guard
    install_error_handlers(app)
    for routes in (
        *_filesystem_routes(foundation, tokens),
        *_datasets_routes(foundation, datasets, tokens),
        *_orchestration_routes(foundation, orchestration, tokens),
        *_models_routes(foundation, studios, runs, tokens),
    ):
        mount(app, routes)
    add_health_routes(app, database, metrics.registry)
    return CountRequests(RunListEndpoint(_limited(app, settings), runs), metrics)


def _limited(app: ASGIApp, settings: Settings) -> ASGIApp:
    limited = BodyLimit(
        LastResort(app),
        json_bytes=settings.max_json_bytes,
        upload_bytes=settings.max_upload_bytes,
        worker_bytes=settings.max_model_bytes,
    )
    return EncodedSlashes(limited)


def _filesystem_routes(foundation: Foundation, tokens: PageTokens) -> Sequence[object]:
    database, filesystem = foundation.database, foundation.filesystem
    return (
        SpaceRoutes(database, filesystem),
        ProjectRoutes(database, filesystem, foundation.identity),
        FolderRoutes(database, filesystem, tokens),
        ResourceRoutes(database, filesystem),
    )


def _datasets_routes(
    foundation: Foundation, datasets: Datasets, tokens: PageTokens
) -> Sequence[object]:
    database, blobs, service = foundation.database, foundation.blobs, datasets.service
    closer, threads = datasets.closer, TableThreads()
    uploads = Uploads(database, datasets.store, service, closer, blobs, foundation.clock)
    return (
        DatasetRoutes(database, service, datasets.reader, threads),
        BranchRoutes(database, service, tokens),
        TransactionRoutes(database, service, closer, blobs, threads),
        FileRoutes(database, service, uploads, blobs, tokens, threads),
    )


def _orchestration_routes(
    foundation: Foundation, orchestration: Orchestration, tokens: PageTokens
) -> Sequence[object]:
    database = foundation.database
    return (
        BuildRoutes(database, orchestration.service, tokens),
        JobRoutes(database, orchestration.service),
        JobLogRoutes(database, orchestration.service, tokens),
        WorkerRoutes(database, orchestration.workers, foundation.blobs),
    )


def _models_routes(
    foundation: Foundation, studios: Studios, runs: RunList, tokens: PageTokens
) -> Sequence[object]:
    database, experiments = foundation.database, studios.experiments
    return (
        TrainerRoutes(studios.catalogue),
        ModelStudioRoutes(database, studios.service, studios.launcher),
        ConfigVersionRoutes(database, studios.service, tokens),
        ModelStudioRunRoutes(runs),
        ModelVersionRoutes(database, studios.models, tokens),
        ExperimentRoutes(database, experiments),
        ExperimentSeriesRoutes(database, experiments),
        ExperimentArtifactTableRoutes(database, experiments, foundation.blobs),
        # last: its {model_rid} would take "modelStudioTrainers" and "liveDeployments" for a RID
        ModelRoutes(database, studios.models),
    )
