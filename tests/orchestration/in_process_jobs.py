"""Orchestration on a database, without a web server, as its service and store are used."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from databases import new_postgres, new_sqlite
from modelstudio.app import Foundation, open_foundation
from modelstudio.bootstrap import prepare
from modelstudio.compute.base import Capacity
from modelstudio.kit.blobs import new_key
from modelstudio.kit.metrics import Metrics
from modelstudio.kit.routing import Caller
from modelstudio.orchestration.dispatcher import Dispatcher, DispatcherSettings
from modelstudio.orchestration.handler import JobRequest, Submitted
from modelstudio.orchestration.lifecycle import JobLifecycle
from modelstudio.orchestration.service import OrchestrationService, WorkerService
from modelstudio.orchestration.store import Job, OrchestrationStore
from modelstudio.orchestration.wakeup import Wakeup
from modelstudio.settings import Settings
from orchestration.journal import KIND, JournalHandler, open_journal, read_journal

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import pytest

    from modelstudio.compute.base import Compute

GIGABYTE = 10**9
RESULT = {
    "attempt": 1,
    "modelApi": {"inputs": [], "outputs": []},
    "condaRequirements": [],
    "predictor": "module:Class",
    "summaryMetrics": {"rmse": 0.5},
}


class TestClock:
    """The time of day, which a test can move on."""

    __test__ = False

    def __init__(self) -> None:
        self.now = 1_700_000_000_000

    def now_millis(self) -> int:
        return self.now


@dataclass
class InProcessJobs:
    foundation: Foundation
    clock: TestClock
    metrics: Metrics
    store: OrchestrationStore
    wakeup: Wakeup
    lifecycle: JobLifecycle
    service: OrchestrationService
    workers: WorkerService
    admin: Caller
    subject_rid: str

    @property
    def database(self) -> Any:
        return self.foundation.database

    def submit(self, **changes: Any) -> Submitted:
        retries = changes.pop("retries", 0)
        values = {
            "kind": KIND,
            "subject_rid": self.subject_rid,
            "branch": "master",
            "cpu": 1.0,
            "memory_bytes": GIGABYTE,
            "payload": {"trainer": {}, "customConfig": {}, "inputs": {}},
        }
        with self.database.write() as tx:
            request = JobRequest(**{**values, **changes})
            return self.service.submit(tx, self.admin, request, retries=retries)

    def run(self, *, owner: str = "server", **changes: Any) -> Submitted:
        """Submit a job and claim it."""
        submitted = self.submit(**changes)
        with self.database.write() as tx:
            assert self.lifecycle.claim(tx, submitted.job_rid, owner) is not None
        return submitted

    def upload_model(self, job_rid: str, attempt: int = 1) -> str:
        key = new_key("models")
        with self.foundation.blobs.write(key) as file:
            file.write(b"model")
        with self.database.write() as tx:
            self.workers.model(tx, job_rid, attempt, key)
        return key

    def complete(self, job_rid: str, attempt: int = 1) -> None:
        with self.database.write() as tx:
            self.workers.complete(tx, job_rid, attempt, RESULT)

    def fail(self, job_rid: str, attempt: int = 1, reason: str = "It broke.") -> None:
        with self.database.write() as tx:
            self.workers.fail(tx, job_rid, attempt, reason)

    def cancel(self, build_rid: str) -> None:
        with self.database.write() as tx:
            self.service.cancel(tx, self.admin, build_rid)

    def job(self, job_rid: str) -> Job:
        with self.database.read() as tx:
            job = self.store.job(tx, job_rid)
        assert job is not None
        return job

    def build_status(self, build_rid: str) -> str:
        with self.database.read() as tx:
            return self.service.build(tx, self.admin, build_rid).status

    def log(self, job_rid: str) -> list[str]:
        with self.database.read() as tx:
            return [line.message for _, line in self.store.logs(tx, job_rid, after=0, limit=1000)]

    def journal(self, job_rid: str, what: str | None = None) -> list[Any]:
        with self.database.read() as tx:
            return read_journal(tx, job_rid, what)

    @contextmanager
    def dispatching(self, compute: Compute, **settings: Any) -> Iterator[Dispatcher]:
        """Dispatch with the test's own clock until the block ends."""
        timing = {"heartbeat_timeout_seconds": 30.0, "worker_patience_seconds": 3600.0}
        data_dir = self.foundation.settings.data_dir
        dispatcher = Dispatcher(
            self.database,
            self.store,
            self.lifecycle,
            compute,
            self.foundation.blobs,
            self.clock,
            self.foundation.ids,
            self.metrics,
            self.wakeup,
            DispatcherSettings(
                **{"data_dir": data_dir, "server_url": "http://nowhere", **timing, **settings}
            ),
        )
        dispatcher.start()
        try:
            yield dispatcher
        finally:
            dispatcher.stop()


def open_jobs(data_dir: Path, database_url: str = "", cpu: float = 4.0) -> InProcessJobs:
    foundation = open_foundation(Settings(data_dir=data_dir, database_url=database_url))
    prepare(foundation)
    open_journal(foundation.database)
    clock, metrics, store = TestClock(), Metrics(), OrchestrationStore()
    wakeup = Wakeup(foundation.database.engine)
    lifecycle = JobLifecycle(store, foundation.identity, clock, metrics, wakeup)
    lifecycle.register(KIND, JournalHandler())
    service = OrchestrationService(
        store,
        lifecycle,
        foundation.filesystem,
        clock,
        foundation.ids,
        wakeup,
        Capacity(cpu, 8 * GIGABYTE),
    )
    with foundation.database.write() as tx:
        admin = Caller(foundation.identity.user(tx, "admin").id, is_admin=True)
        home = foundation.filesystem.by_path(tx, admin, "/Main/Home")
    return InProcessJobs(
        foundation,
        clock,
        metrics,
        store,
        wakeup,
        lifecycle,
        service,
        WorkerService(store, lifecycle, clock, heartbeat_seconds=2.0),
        admin,
        home.rid,
    )


@contextmanager
def jobs_on(dialect: str, request: pytest.FixtureRequest, folder: Path) -> Iterator[InProcessJobs]:
    """Open orchestration on a new database of a dialect."""
    if dialect == "sqlite":
        url = new_sqlite(folder)
    else:
        url = new_postgres(request.getfixturevalue("postgres_url"))
    opened = open_jobs(folder / "data", url)
    yield opened
    opened.database.close()
