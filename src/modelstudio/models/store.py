"""Models and their versions, as tables.

A version is reserved when its run is launched and published when the run has succeeded. Each
publication takes the next number of its model, from a counter that stays locked until the
transaction ends; so numbers become visible in their own order, and a listing from the highest
number down never meets a version that appeared behind its back.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import orjson
import sqlalchemy as sa

from modelstudio.kit.database import metadata

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

models: Final = sa.Table(
    "models",
    metadata,
    sa.Column("rid", sa.ForeignKey("resources.rid"), primary_key=True),
    sa.Column("published", sa.Integer, nullable=False),  # how many versions were, so far
)

model_versions: Final = sa.Table(
    "model_versions",
    metadata,
    sa.Column("rid", sa.String(128), primary_key=True),
    sa.Column("model_rid", sa.ForeignKey("models.rid"), nullable=False),
    sa.Column("branch", sa.String(500), nullable=False),
    sa.Column("source", sa.LargeBinary, nullable=False),
    sa.Column("experiment_rid", sa.String(128)),
    sa.Column("created_by", sa.String(36), nullable=False),
    sa.Column("reserved_at", sa.BigInteger, nullable=False),
    # all null until the version is published
    sa.Column("sequence", sa.Integer),
    sa.Column("published_at", sa.BigInteger),
    sa.Column("model_api", sa.LargeBinary),
    sa.Column("conda_requirements", sa.LargeBinary),
    sa.Column("predictor", sa.Text),
    sa.Column("blob_key", sa.String(200)),
    sa.Column("environment", sa.String(100)),  # null for the server's own
)
sa.Index(
    "uq_model_versions_model_rid_branch_sequence",
    model_versions.c.model_rid,
    model_versions.c.branch,
    model_versions.c.sequence,
    unique=True,
)


@dataclass(frozen=True, slots=True)
class ModelVersion:
    """A published version; the JSON fields are as the wire has them."""

    rid: str
    model_rid: str
    branch: str
    source: Mapping[str, Any]
    experiment_rid: str | None
    created_by: str
    sequence: int
    published_at: int
    model_api: Mapping[str, Any]
    conda_requirements: Sequence[str]


_VERSION_COLUMNS: Final = [model_versions.c[name] for name in ModelVersion.__dataclass_fields__]
_IS_PUBLISHED: Final = model_versions.c.sequence.is_not(None)


class ModelStore:
    """Runs in the caller's transaction.

    Publications of one model wait for each other; everything else needs no order.
    """

    def add_model(self, tx: sa.Connection, rid: str) -> None:
        tx.execute(models.insert().values(rid=rid, published=0))

    def reserve(
        self,
        tx: sa.Connection,
        *,
        rid: str,
        model_rid: str,
        branch: str,
        source: Mapping[str, Any],
        experiment_rid: str | None,
        created_by: str,
        at: int,
    ) -> None:
        tx.execute(
            model_versions.insert().values(
                rid=rid,
                model_rid=model_rid,
                branch=branch,
                source=orjson.dumps(source),
                experiment_rid=experiment_rid,
                created_by=created_by,
                reserved_at=at,
            )
        )

    def publish(
        self,
        tx: sa.Connection,
        rid: str,
        *,
        model_api: Mapping[str, Any],
        conda_requirements: Sequence[str],
        predictor: str,
        blob_key: str,
        at: int,
        environment: str | None = None,
    ) -> bool:
        """Publish a reserved version; False when there is none of that RID."""
        of_version = sa.select(model_versions.c.model_rid).where(
            model_versions.c.rid == rid, model_versions.c.sequence.is_(None)
        )
        sequence = tx.scalar(
            models.update()
            .where(models.c.rid == of_version.scalar_subquery())
            .values(published=models.c.published + 1)
            .returning(models.c.published)
        )
        if sequence is None:
            return False
        published = tx.execute(
            model_versions.update()
            # again, for it may have been published or discarded while the counter was waited for
            .where(model_versions.c.rid == rid, model_versions.c.sequence.is_(None))
            .values(
                sequence=sequence,
                published_at=at,
                model_api=orjson.dumps(model_api),
                conda_requirements=orjson.dumps(list(conda_requirements)),
                predictor=predictor,
                blob_key=blob_key,
                environment=environment,
            )
        )
        return published.rowcount == 1

    def discard(self, tx: sa.Connection, rid: str) -> None:
        """Forget a version that was reserved and never published."""
        tx.execute(
            model_versions.delete().where(
                model_versions.c.rid == rid, model_versions.c.sequence.is_(None)
            )
        )

    def version(self, tx: sa.Connection, model_rid: str, rid: str) -> ModelVersion | None:
        row = tx.execute(
            sa.select(*_VERSION_COLUMNS).where(
                model_versions.c.rid == rid,
                model_versions.c.model_rid == model_rid,
                _IS_PUBLISHED,
            )
        ).first()
        return None if row is None else _version(row)

    def published(self, tx: sa.Connection, rid: str) -> ModelVersion | None:
        """Return a published version, whatever its model."""
        row = tx.execute(
            sa.select(*_VERSION_COLUMNS).where(model_versions.c.rid == rid, _IS_PUBLISHED)
        ).first()
        return None if row is None else _version(row)

    def versions(
        self, tx: sa.Connection, model_rid: str, branch: str, *, before: int | None, limit: int
    ) -> list[ModelVersion]:
        """Return published versions, newest first, with sequences below ``before``."""
        query = (
            sa.select(*_VERSION_COLUMNS)
            .where(
                model_versions.c.model_rid == model_rid,
                model_versions.c.branch == branch,
                _IS_PUBLISHED,
            )
            .order_by(model_versions.c.sequence.desc())
            .limit(limit)
        )
        if before is not None:
            query = query.where(model_versions.c.sequence < before)
        return [_version(row) for row in tx.execute(query)]

    def package(self, tx: sa.Connection, rid: str) -> tuple[str, str, str | None] | None:
        """Return a published version's predictor, blob key and environment."""
        columns = (
            model_versions.c.predictor,
            model_versions.c.blob_key,
            model_versions.c.environment,
        )
        row = tx.execute(
            sa.select(*columns).where(model_versions.c.rid == rid, _IS_PUBLISHED)
        ).first()
        return None if row is None else (row.predictor, row.blob_key, row.environment)


def _version(row: sa.Row[Any]) -> ModelVersion:
    values = dict(row._mapping)  # noqa: SLF001 - SQLAlchemy's public name for it
    for name in ("source", "model_api", "conda_requirements"):
        values[name] = orjson.loads(values[name])
    return ModelVersion(**values)
