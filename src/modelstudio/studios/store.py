"""Studios, configuration versions and runs, as tables.

The run list is the hottest read of the system, so a run is stored the way it is answered: the
part that never changes is its wire JSON, ready to be sent; only the status changes, with the
build's, in the build's transaction. Studios have a small integer key because it leads both run
indexes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import orjson
import sqlalchemy as sa

from modelstudio.kit.database import metadata

if TYPE_CHECKING:
    from collections.abc import Mapping

#: What a studio is in the tree of resources.
STUDIO_KIND: Final = "MODELS_MODEL_STUDIO"
_SERIAL: Final = sa.BigInteger().with_variant(sa.Integer, "sqlite")

model_studios: Final = sa.Table(
    "model_studios",
    metadata,
    sa.Column("id", _SERIAL, primary_key=True, autoincrement=True),
    sa.Column("rid", sa.ForeignKey("resources.rid"), nullable=False, unique=True),
    sa.Column("latest_version", sa.Integer, nullable=False),
)

studio_config_versions: Final = sa.Table(
    "studio_config_versions",
    metadata,
    sa.Column("studio_id", sa.ForeignKey("model_studios.id"), primary_key=True),
    sa.Column("version", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("changelog", sa.Text),
    sa.Column("trainer_id", sa.String(512), nullable=False),
    sa.Column("trainer_version", sa.String(100), nullable=False),
    sa.Column("worker_config", sa.LargeBinary, nullable=False),
    sa.Column("resources", sa.LargeBinary, nullable=False),
    sa.Column("created_by", sa.String(36), nullable=False),
    sa.Column("created_at", sa.BigInteger, nullable=False),
)

studio_runs: Final = sa.Table(
    "studio_runs",
    metadata,
    sa.Column("id", _SERIAL, primary_key=True, autoincrement=True),
    sa.Column("studio_id", sa.ForeignKey("model_studios.id"), nullable=False),
    sa.Column("config_version", sa.Integer, nullable=False),
    sa.Column("started_at", sa.BigInteger, nullable=False),
    sa.Column("build_rid", sa.String(128), nullable=False, unique=True),
    sa.Column("status", sa.String(10), nullable=False),
    # wire JSON of the run without its closing brace, see `runs.render`
    sa.Column("document", sa.Text, nullable=False),
)
sa.Index(
    "ix_studio_runs_newest",
    studio_runs.c.studio_id,
    studio_runs.c.started_at.desc(),
    studio_runs.c.id.desc(),
)
sa.Index(
    "ix_studio_runs_config_newest",
    studio_runs.c.studio_id,
    studio_runs.c.config_version,
    studio_runs.c.started_at.desc(),
    studio_runs.c.id.desc(),
)


@dataclass(frozen=True, slots=True)
class Studio:
    id: int
    rid: str
    latest_version: int


@dataclass(frozen=True, slots=True)
class ConfigVersion:
    """One immutable configuration; the JSON fields are as the wire has them."""

    version: int
    name: str
    changelog: str | None
    trainer_id: str
    trainer_version: str
    worker_config: Mapping[str, Any]
    resources: Mapping[str, Any]
    created_by: str
    created_at: int


_CONFIG_COLUMNS: Final = [c for c in studio_config_versions.c if c.name != "studio_id"]


class StudioStore:
    """Runs in the caller's transaction."""

    def add_studio(self, tx: sa.Connection, rid: str) -> None:
        tx.execute(model_studios.insert().values(rid=rid, latest_version=0))

    def studio(self, tx: sa.Connection, rid: str, *, lock: bool = False) -> Studio | None:
        """Return a studio; ``lock`` keeps others from adding versions until the end."""
        query = sa.select(
            model_studios.c.id, model_studios.c.rid, model_studios.c.latest_version
        ).where(model_studios.c.rid == rid)
        row = tx.execute(query.with_for_update() if lock else query).first()
        return None if row is None else Studio(*row)

    def add_config(self, tx: sa.Connection, studio: Studio, config: ConfigVersion) -> None:
        """Insert the version after the latest; the studio must have been read with ``lock``."""
        tx.execute(
            studio_config_versions.insert().values(
                studio_id=studio.id,
                version=config.version,
                name=config.name,
                changelog=config.changelog,
                trainer_id=config.trainer_id,
                trainer_version=config.trainer_version,
                worker_config=orjson.dumps(config.worker_config),
                resources=orjson.dumps(config.resources),
                created_by=config.created_by,
                created_at=config.created_at,
            )
        )
        tx.execute(
            model_studios.update()
            .where(model_studios.c.id == studio.id)
            .values(latest_version=config.version)
        )

    def config(self, tx: sa.Connection, studio_id: int, version: int) -> ConfigVersion | None:
        row = tx.execute(
            sa.select(*_CONFIG_COLUMNS).where(
                studio_config_versions.c.studio_id == studio_id,
                studio_config_versions.c.version == version,
            )
        ).first()
        return None if row is None else _config(row)

    def configs(
        self, tx: sa.Connection, studio_id: int, *, before: int | None, limit: int
    ) -> list[ConfigVersion]:
        """Return configurations, newest first, older than a version."""
        query = (
            sa.select(*_CONFIG_COLUMNS)
            .where(studio_config_versions.c.studio_id == studio_id)
            .order_by(studio_config_versions.c.version.desc())
            .limit(limit)
        )
        if before is not None:
            query = query.where(studio_config_versions.c.version < before)
        return [_config(row) for row in tx.execute(query)]

    def add_run(
        self,
        tx: sa.Connection,
        *,
        studio_id: int,
        config_version: int,
        started_at: int,
        build_rid: str,
        document: str,
    ) -> None:
        tx.execute(
            studio_runs.insert().values(
                studio_id=studio_id,
                config_version=config_version,
                started_at=started_at,
                build_rid=build_rid,
                status="RUNNING",
                document=document,
            )
        )

    def set_run_status(self, tx: sa.Connection, build_rid: str, status: str) -> None:
        tx.execute(
            studio_runs.update().where(studio_runs.c.build_rid == build_rid).values(status=status)
        )


def _config(row: sa.Row[Any]) -> ConfigVersion:
    values = dict(row._mapping)  # noqa: SLF001 - SQLAlchemy's public name for it
    values["worker_config"] = orjson.loads(values["worker_config"])
    values["resources"] = orjson.loads(values["resources"])
    return ConfigVersion(**values)
