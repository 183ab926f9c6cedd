"""Experiments with their parameters, summary metrics and artifact tables, as tables."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Final, Literal

import sqlalchemy as sa

from modelstudio.experiments.events import Parameter
from modelstudio.kit.database import metadata

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

Status = Literal["RUNNING", "SUCCEEDED", "FAILED"]

experiments: Final = sa.Table(
    "experiments",
    metadata,
    sa.Column("rid", sa.String(128), primary_key=True),
    sa.Column("model_rid", sa.ForeignKey("models.rid"), nullable=False),
    sa.Column("name", sa.String(100), nullable=False),
    sa.Column("branch", sa.String(500), nullable=False),
    sa.Column("created_by", sa.String(36), nullable=False),
    sa.Column("created_at", sa.BigInteger, nullable=False),
    sa.Column("job_rid", sa.String(128), nullable=False),
    sa.Column("version_rid", sa.String(128), nullable=False),
    sa.Column("status", sa.String(10), nullable=False),
    sa.Column("status_message", sa.Text),
    # counted and noted while events come in, so that the limits cost no counting
    sa.Column("metric_values", sa.Integer, nullable=False),
    sa.Column("metrics_truncated", sa.Boolean, nullable=False),
    sa.Column("parameters_truncated", sa.Boolean, nullable=False),
)

experiment_parameters: Final = sa.Table(
    "experiment_parameters",
    metadata,
    sa.Column("experiment_rid", sa.ForeignKey("experiments.rid"), primary_key=True),
    sa.Column("name", sa.String(500), primary_key=True),
    sa.Column("position", sa.Integer, nullable=False),
    sa.Column("type", sa.String(10), nullable=False),
    sa.Column("value", sa.Text, nullable=False),
)

experiment_summary_metrics: Final = sa.Table(
    "experiment_summary_metrics",
    metadata,
    sa.Column("experiment_rid", sa.ForeignKey("experiments.rid"), primary_key=True),
    sa.Column("series_name", sa.String(500), primary_key=True),
    sa.Column("position", sa.Integer, nullable=False),
    sa.Column("value", sa.Double, nullable=False),
)

experiment_tables: Final = sa.Table(
    "experiment_tables",
    metadata,
    sa.Column("experiment_rid", sa.ForeignKey("experiments.rid"), primary_key=True),
    sa.Column("name", sa.String(500), primary_key=True),
    sa.Column("description", sa.Text, nullable=False),
    sa.Column("row_count", sa.BigInteger, nullable=False),
    sa.Column("size_bytes", sa.BigInteger, nullable=False),
    sa.Column("blob_key", sa.String(200), nullable=False),
)


@dataclass(frozen=True, slots=True)
class Experiment:
    rid: str
    model_rid: str
    name: str
    branch: str
    created_by: str
    created_at: int
    job_rid: str
    version_rid: str
    status: Status = "RUNNING"
    status_message: str | None = None
    metric_values: int = 0
    metrics_truncated: bool = False
    parameters_truncated: bool = False


@dataclass(frozen=True, slots=True)
class ArtifactTable:
    """An artifact table; the blob is a Parquet file."""

    name: str
    description: str
    row_count: int
    size_bytes: int
    blob_key: str


_EXPERIMENT: Final = [experiments.c[name] for name in Experiment.__dataclass_fields__]
_PARAMETER: Final = [experiment_parameters.c[name] for name in Parameter.__dataclass_fields__]
_TABLE: Final = [experiment_tables.c[name] for name in ArtifactTable.__dataclass_fields__]


class ExperimentStore:
    """Runs in the caller's transaction. Whoever writes into an experiment has locked it first."""

    def add(self, tx: sa.Connection, experiment: Experiment) -> None:
        tx.execute(experiments.insert().values(asdict(experiment)))

    def lock(self, tx: sa.Connection, rid: str) -> Experiment | None:
        """Return an experiment that nobody else writes into until the transaction ends."""
        query = sa.select(*_EXPERIMENT).where(experiments.c.rid == rid).with_for_update()
        row = tx.execute(query).first()
        return None if row is None else Experiment(*row)

    def find(self, tx: sa.Connection, model_rid: str, rid: str) -> Experiment | None:
        """Return an experiment of that model."""
        row = tx.execute(
            sa.select(*_EXPERIMENT).where(
                experiments.c.rid == rid, experiments.c.model_rid == model_rid
            )
        ).first()
        return None if row is None else Experiment(*row)

    def update(self, tx: sa.Connection, rid: str, **values: str | int | None) -> None:
        tx.execute(experiments.update().where(experiments.c.rid == rid).values(values))

    # parameters -------------------------------------------------------------------------------

    def parameters(self, tx: sa.Connection, rid: str) -> list[Parameter]:
        """Return an experiment's parameters in the order in which they were first given."""
        rows = tx.execute(
            sa.select(*_PARAMETER)
            .where(experiment_parameters.c.experiment_rid == rid)
            .order_by(experiment_parameters.c.position)
        )
        return [Parameter(*row) for row in rows]

    def put_parameters(
        self, tx: sa.Connection, rid: str, known: set[str], parameters: Iterable[Parameter]
    ) -> None:
        """Set parameters; ``known`` are the names of all that the experiment has."""
        parameters = list(parameters)
        changed = [
            {"of": rid, "named": one.name, "new_type": one.type, "new_value": one.value}
            for one in parameters
            if one.name in known
        ]
        new = [one for one in parameters if one.name not in known]
        if changed:
            tx.execute(_CHANGE_PARAMETER, changed)
        if new:
            rows = [
                {"experiment_rid": rid, "position": position, **asdict(one)}
                for position, one in enumerate(new, start=len(known))
            ]
            tx.execute(experiment_parameters.insert(), rows)

    # summary metrics --------------------------------------------------------------------------

    def add_summary_metrics(
        self, tx: sa.Connection, rid: str, metrics: Mapping[str, float]
    ) -> None:
        rows = [
            {"experiment_rid": rid, "series_name": name, "position": position, "value": value}
            for position, (name, value) in enumerate(metrics.items())
        ]
        if rows:
            tx.execute(experiment_summary_metrics.insert(), rows)

    def summary_metrics(self, tx: sa.Connection, rid: str) -> dict[str, float]:
        """Return the value of each summary metric, by the name of its series."""
        table = experiment_summary_metrics.c
        rows = tx.execute(
            sa.select(table.series_name, table.value)
            .where(table.experiment_rid == rid)
            .order_by(table.position)
        )
        return {row.series_name: row.value for row in rows}

    # artifact tables --------------------------------------------------------------------------

    def put_table(self, tx: sa.Connection, rid: str, table: ArtifactTable) -> str | None:
        """Add a table or replace the one of its name; return the replaced one's blob key."""
        replaced = self.table(tx, rid, table.name)
        if replaced is None:
            tx.execute(experiment_tables.insert().values(experiment_rid=rid, **asdict(table)))
            return None
        tx.execute(
            experiment_tables.update()
            .where(
                experiment_tables.c.experiment_rid == rid, experiment_tables.c.name == table.name
            )
            .values(asdict(table))
        )
        return replaced.blob_key

    def table(self, tx: sa.Connection, rid: str, name: str) -> ArtifactTable | None:
        row = tx.execute(
            sa.select(*_TABLE).where(
                experiment_tables.c.experiment_rid == rid, experiment_tables.c.name == name
            )
        ).first()
        return None if row is None else ArtifactTable(*row)

    def tables(self, tx: sa.Connection, rid: str) -> list[ArtifactTable]:
        """Return an experiment's tables by name."""
        rows = tx.execute(
            sa.select(*_TABLE)
            .where(experiment_tables.c.experiment_rid == rid)
            .order_by(experiment_tables.c.name)
        )
        return [ArtifactTable(*row) for row in rows]


_CHANGE_PARAMETER: Final = (
    experiment_parameters.update()
    .where(
        experiment_parameters.c.experiment_rid == sa.bindparam("of"),
        experiment_parameters.c.name == sa.bindparam("named"),
    )
    .values(type=sa.bindparam("new_type"), value=sa.bindparam("new_value"))
)
