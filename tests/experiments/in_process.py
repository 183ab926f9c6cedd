"""The services of models and experiments on a database, as a run's handler uses them."""

from __future__ import annotations

import io
import uuid
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import psycopg
import pyarrow.parquet as pq
from foundry_sdk import AsyncFoundryClient, Config, UserTokenAuth
from sqlalchemy.engine import make_url

from modelstudio.app import Foundation, open_foundation
from modelstudio.experiments.series import SeriesStore
from modelstudio.experiments.service import ExperimentService
from modelstudio.experiments.store import ExperimentStore
from modelstudio.kit import rids
from modelstudio.kit.blobs import new_key
from modelstudio.kit.routing import Caller
from modelstudio.models.service import ModelService
from modelstudio.models.store import ModelStore
from modelstudio.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import pyarrow as pa

    from support import RunningServer

MODEL_API: dict[str, Any] = {
    "inputs": [
        {
            "type": "tabular",
            "name": "input_df",
            "columns": [{"name": "rooms", "required": True, "dataType": {"type": "long"}}],
            "format": "PANDAS",
        }
    ],
    "outputs": [
        {
            "type": "tabular",
            "name": "output_df",
            "columns": [{"name": "price", "dataType": {"type": "double"}}],
        }
    ],
}
TIME = 1_700_000_000_000
#: What series and tables may be called.
NAMES = ["loss", "train/loss", "a/b/c", "Verlust ÄÖ 🏠", "50%2F50", "per cent % & ? #", "a b+c"]


@dataclass(frozen=True)
class Run:
    """What a launch reserves."""

    model_rid: str
    version_rid: str
    experiment_rid: str
    job_rid: str


@dataclass(frozen=True)
class InProcess:
    foundation: Foundation
    models: ModelService
    experiments: ExperimentService

    @property
    def database(self) -> Any:
        return self.foundation.database

    def user_id(self, name: str) -> str:
        with self.database.write() as tx:
            return self.foundation.identity.user(tx, name).id

    def new_project(self, **roles: str) -> str:
        """Create a project of the administrator; roles are granted to users by name."""
        admin = self.admin()
        grants = [(self.user_id(name), role) for name, role in roles.items()]
        with self.database.write() as tx:
            space = self.foundation.filesystem.spaces(tx, admin)[0]
            return self.foundation.filesystem.create_project(
                tx,
                admin,
                space=space,
                name=str(uuid.uuid4()),
                description=None,
                grants=[(admin.user_id, "owner"), *grants],
            ).rid

    def new_model(self, project: str | None = None) -> str:
        parent = project or self.new_project()
        admin = self.admin()
        with self.database.write() as tx:
            model = self.models.create(tx, admin, parent_rid=parent, name=str(uuid.uuid4()))
        return model.rid

    def launch(
        self, model_rid: str | None = None, *, branch: str = "master", name: str = "first"
    ) -> Run:
        admin = self.admin()
        run = Run(
            model_rid or self.new_model(),
            self.models.new_version_rid(),
            self.experiments.new_rid(),
            rids.JOB + str(uuid.uuid4()),
        )
        with self.database.write() as tx:
            self.models.reserve_version(
                tx,
                version_rid=run.version_rid,
                model_rid=run.model_rid,
                branch=branch,
                source={"type": "modelStudio", "modelStudioRid": rids.MODEL_STUDIO + "s"},
                experiment_rid=run.experiment_rid,
                created_by=admin.user_id,
            )
            self.experiments.create(
                tx,
                experiment_rid=run.experiment_rid,
                model_rid=run.model_rid,
                name=name,
                branch=branch,
                created_by=admin.user_id,
                job_rid=run.job_rid,
                version_rid=run.version_rid,
            )
        return run

    def publish(self, run: Run, **changes: Any) -> None:
        arguments = {
            "model_api": MODEL_API,
            "conda_requirements": ["scikit-learn=1.7.0"],
            "predictor": "package.module:Predictor",
            "blob_key": "models/ab/cd",
        }
        with self.database.write() as tx:
            self.models.publish_version(tx, run.version_rid, **arguments | changes)

    def record(self, run: Run, *events: dict[str, Any]) -> None:
        with self.database.write() as tx:
            self.experiments.record_events(tx, run.experiment_rid, events)

    def record_table(self, run: Run, name: str, parquet: bytes, *, rows: int) -> str | None:
        """Store a table's bytes; return the key of the blob that it replaced."""
        key = new_key("tables")
        with self.foundation.blobs.write(key) as file:
            file.write(parquet)
        with self.database.write() as tx:
            return self.experiments.record_table(
                tx,
                run.experiment_rid,
                name=name,
                description=f"about {name}",
                row_count=rows,
                size_bytes=len(parquet),
                blob_key=key,
            )

    def succeed(self, run: Run, **summary_metrics: float) -> None:
        with self.database.write() as tx:
            self.experiments.succeed(
                tx,
                run.experiment_rid,
                version_rid=run.version_rid,
                summary_metrics=summary_metrics,
            )

    def fail(self, run: Run, message: str) -> None:
        with self.database.write() as tx:
            self.experiments.fail(tx, run.experiment_rid, message)

    def admin(self) -> Caller:
        return Caller(self.user_id("admin"), is_admin=True)


@contextmanager
def open_in_process(data_dir: Path, database_url: str = "") -> Iterator[InProcess]:
    """Open the services on a database that is up to date, such as a running server's."""
    foundation = open_foundation(Settings(data_dir=data_dir, database_url=database_url))
    models = ModelService(ModelStore(), foundation.filesystem, foundation.clock, foundation.ids)
    experiments = ExperimentService(
        ExperimentStore(), SeriesStore(), models, foundation.clock, foundation.ids
    )
    yield InProcess(foundation, models, experiments)
    foundation.database.close()


def new_database(postgres_url: str) -> str:
    """Create an empty database on the server; return its URL."""
    name = f"t{uuid.uuid4().hex}"
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}"'.encode())
    return make_url(postgres_url).set(database=name).render_as_string(hide_password=False)


def metric(series: str, value: Any, step: Any = 0, time: Any = TIME) -> dict[str, Any]:
    return {"type": "metric", "series": series, "value": value, "step": step, "time": time}


def parameter(name: str, kind: str, value: Any) -> dict[str, Any]:
    return {"type": "parameter", "name": name, "value": {"type": kind, "value": value}}


def to_parquet(table: pa.Table, **options: Any) -> bytes:
    written = io.BytesIO()
    pq.write_table(table, written, **options)
    return written.getvalue()


def new_async_client(server: RunningServer) -> AsyncFoundryClient:
    """Return an asynchronous client that leaves no connection behind when its event loop ends."""
    headers = {"Connection": "close"}
    return AsyncFoundryClient(
        auth=UserTokenAuth(server.admin_token),
        hostname=server.hostname,
        config=Config(scheme="http", timeout=60, default_headers=headers),
        preview=True,
    )
