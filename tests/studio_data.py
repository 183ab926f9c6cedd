"""Studios and runs written straight into a server's database, for tests of reading them."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING

import sqlalchemy as sa

from modelstudio.app import Foundation, open_foundation
from modelstudio.bootstrap import prepare
from modelstudio.filesystem.service import PROJECT, SPACE, Located
from modelstudio.kit import rids
from modelstudio.kit.routing import Caller
from modelstudio.settings import Settings
from modelstudio.studios import runs
from modelstudio.studios.store import STUDIO_KIND, StudioStore, model_studios

if TYPE_CHECKING:
    from pathlib import Path


@dataclass
class SeededStudio:
    """A studio whose runs a test writes as it likes."""

    foundation: Foundation
    rid: str
    id: int
    project_rid: str

    def add_run(
        self, *, version: int = 1, started_at: int = 1_700_000_000_000, status: str = "RUNNING"
    ) -> str:
        """Return the new run's id on the wire."""
        build = rids.BUILD + str(uuid.uuid4())
        store = StudioStore()
        document = runs.document(
            studio_rid=self.rid,
            config_version=version,
            build_rid=build,
            job_rid=rids.JOB + str(uuid.uuid4()),
            started_by=str(uuid.uuid4()),
            started_at=started_at,
            outputs={
                "model": {
                    "type": "model",
                    "modelRid": rids.MODEL + str(uuid.uuid4()),
                    "modelVersionRid": rids.MODEL_VERSION + str(uuid.uuid4()),
                }
            },
        )
        with self.foundation.database.write() as tx:
            store.add_run(
                tx,
                studio_id=self.id,
                config_version=version,
                started_at=started_at,
                build_rid=build,
                document=document,
            )
            store.set_run_status(tx, build, status)
        return runs.run_id(self.rid, version, build)


def open_server_data(data_dir: Path, database_url: str = "") -> Foundation:
    """Open a running server's database beside it."""
    foundation = open_foundation(Settings(data_dir=data_dir, database_url=database_url))
    prepare(foundation)
    return foundation


def new_studio(foundation: Foundation, *, versions: int = 1, private: bool = True) -> SeededStudio:
    """Create a studio in a new project, as the administrator."""
    with foundation.database.write() as tx:
        admin = foundation.identity.user(tx, "admin")
        caller = Caller(admin.id, is_admin=True)
        space = foundation.filesystem.spaces(tx, caller)[0]
        assert space.resource.kind == SPACE
        project = _project(foundation, tx, caller, space, private=private)
        studio = foundation.filesystem.create(
            tx,
            caller,
            parent=project,
            name="studio",
            rid_prefix=rids.MODEL_STUDIO,
            kind=STUDIO_KIND,
        )
        tx.execute(model_studios.insert().values(rid=studio.rid, latest_version=versions))
        studio_id = tx.scalar(
            sa.select(model_studios.c.id).where(model_studios.c.rid == studio.rid)
        )
    return SeededStudio(foundation, studio.rid, int(studio_id or 0), project.rid)


def _project(
    foundation: Foundation, tx: sa.Connection, caller: Caller, space: Located, *, private: bool
) -> Located:
    grants = [(caller.user_id, "owner")] + ([] if private else [("everyone", "viewer")])
    project = foundation.filesystem.create_project(
        tx, caller, space=space, name=str(uuid.uuid4()), description=None, grants=grants
    )
    assert project.resource.kind == PROJECT
    return project
