"""Fills a server's database with a studio of many runs, and a plain copy for the floor."""

from __future__ import annotations

import random
import uuid
from typing import TYPE_CHECKING

import sqlalchemy as sa

from modelstudio.app import open_foundation
from modelstudio.bootstrap import prepare
from modelstudio.filesystem.service import Role
from modelstudio.kit import rids
from modelstudio.kit.routing import Caller
from modelstudio.studios import runs
from modelstudio.studios.store import STUDIO_KIND, model_studios, studio_runs

if TYPE_CHECKING:
    from modelstudio.app import Foundation
    from modelstudio.settings import Settings

CONFIG_VERSIONS = 20
BUSY_CONFIG = 7
_BATCH = 5_000
_START = 1_700_000_000_000
_BENCH_RUNS = """
CREATE TABLE bench_runs (id INTEGER PRIMARY KEY, studio_id INTEGER, run_id TEXT, build_rid TEXT,
 job_rid TEXT, config_version INTEGER, started_by TEXT, started_at INTEGER, status TEXT,
 model_rid TEXT, model_version_rid TEXT, experiment_rid TEXT)
"""
_BENCH_INDEXES = (
    "CREATE INDEX bench_newest ON bench_runs (studio_id, started_at DESC, id DESC)",
    "CREATE INDEX bench_config ON bench_runs (studio_id, config_version, started_at DESC, id DESC)",
)


def seed(settings: Settings, count: int) -> str:
    """Return the RID of a studio with ``count`` runs; user "bench" may view it."""
    foundation = open_foundation(settings)
    prepare(foundation)
    studio_rid, studio_id, user_id = _studio(foundation)
    plain = foundation.database.is_sqlite
    if plain:
        with foundation.database.write() as tx:
            tx.execute(sa.text(_BENCH_RUNS))
    source = random.Random(1)
    for first in range(0, count, _BATCH):
        numbers = range(first, min(first + _BATCH, count))
        made = [_run(source, studio_rid, user_id, number) for number in numbers]
        with foundation.database.write() as tx:
            tx.execute(studio_runs.insert(), [{**row, "studio_id": studio_id} for row, _ in made])
            if plain:
                tx.execute(_insert_plain(), [copy for _, copy in made])
    with foundation.database.write() as tx:
        for statement in _BENCH_INDEXES if plain else ():
            tx.execute(sa.text(statement))
        tx.execute(sa.text("ANALYZE"))
    foundation.database.close()
    return studio_rid


def _studio(foundation: Foundation) -> tuple[str, int, str]:
    with foundation.database.write() as tx:
        admin = foundation.identity.user(tx, "admin")
        caller = Caller(admin.id, is_admin=True)
        project = foundation.filesystem.by_path(tx, caller, "/Main/Home")
        studio = foundation.filesystem.create(
            tx,
            caller,
            parent=project,
            name=f"bench {uuid.uuid4()}",
            rid_prefix=rids.MODEL_STUDIO,
            kind=STUDIO_KIND,
        )
        tx.execute(model_studios.insert().values(rid=studio.rid, latest_version=CONFIG_VERSIONS))
        studio_id = tx.scalar(
            sa.select(model_studios.c.id).where(model_studios.c.rid == studio.rid)
        )
        user = foundation.identity.user(tx, "bench")
    assert project.role >= Role.EDITOR
    return studio.rid, int(studio_id or 0), user.id


def _run(
    source: random.Random, studio_rid: str, user_id: str, number: int
) -> tuple[dict[str, object], dict[str, object]]:
    def rid(prefix: str) -> str:
        return prefix + str(uuid.UUID(int=source.getrandbits(128), version=4))

    # every second run is of one configuration, so that it has 5,000 pages of 100 too
    version = BUSY_CONFIG if number % 2 else 1 + number % CONFIG_VERSIONS
    started_at = _START + number * 7
    build, job = rid(rids.BUILD), rid(rids.JOB)
    model, model_version = rid(rids.MODEL), rid(rids.MODEL_VERSION)
    experiment = rid(rids.EXPERIMENT)
    output = {"type": "model", "modelRid": model, "modelVersionRid": model_version}
    document = runs.document(
        studio_rid=studio_rid,
        config_version=version,
        build_rid=build,
        job_rid=job,
        started_by=user_id,
        started_at=started_at,
        outputs={"model": {**output, "experimentRid": experiment}},
    )
    common = {
        "config_version": version,
        "started_at": started_at,
        "build_rid": build,
        "status": "SUCCEEDED",
    }
    plain = {
        "run_id": runs.run_id(studio_rid, version, build),
        "job_rid": job,
        "started_by": user_id,
        "model_rid": model,
        "model_version_rid": model_version,
        "experiment_rid": experiment,
    }
    return {**common, "document": document}, {**common, **plain}


def _insert_plain() -> sa.TextClause:
    return sa.text(
        "INSERT INTO bench_runs (studio_id, run_id, build_rid, job_rid, config_version,"
        " started_by, started_at, status, model_rid, model_version_rid, experiment_rid)"
        " VALUES (1, :run_id, :build_rid, :job_rid, :config_version, :started_by, :started_at,"
        " :status, :model_rid, :model_version_rid, :experiment_rid)"
    )
