"""Experiments: what a run reports while it trains, and how it ended."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import structlog

from modelstudio.errors import InvalidArgument
from modelstudio.experiments.errors import ModelExperimentNotFound
from modelstudio.experiments.events import (
    MAX_METRIC_VALUES,
    MAX_NAME_LENGTH,
    MAX_PARAMETERS,
    Parameter,
    Report,
    finite,
    read_events,
)
from modelstudio.experiments.series import Point, Series, SeriesStore
from modelstudio.experiments.store import ArtifactTable, Experiment, ExperimentStore
from modelstudio.kit import rids

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    import sqlalchemy as sa

    from modelstudio.errors import ApiError
    from modelstudio.kit.clock import Clock, IdSource
    from modelstudio.kit.routing import Caller
    from modelstudio.models.service import ModelService

_log = structlog.get_logger("modelstudio.experiments")
_NAME_LENGTH: Final = 100


@dataclass(frozen=True, slots=True)
class Contents:
    """All of an experiment but its points and table rows."""

    parameters: list[Parameter]
    series: list[Series]
    summary_metrics: dict[str, float]
    tables: list[ArtifactTable]


class ExperimentService:
    """Only `require` checks the caller; who calls the rest has done so."""

    def __init__(
        self,
        store: ExperimentStore,
        series: SeriesStore,
        models: ModelService,
        clock: Clock,
        ids: IdSource,
    ) -> None:
        self._store = store
        self._series = series
        self._models = models
        self._clock = clock
        self._ids = ids

    # writing ----------------------------------------------------------------------------------

    def new_rid(self) -> str:
        return rids.EXPERIMENT + self._ids.uuid()

    def create(
        self,
        tx: sa.Connection,
        *,
        experiment_rid: str,
        model_rid: str,
        name: str,
        branch: str,
        created_by: str,
        job_rid: str,
        version_rid: str,
    ) -> None:
        """Begin the experiment of a run; a name of more than 100 characters is cut.

        ``version_rid`` is the version reserved for the run. It is linked once the run succeeds.
        """
        experiment = Experiment(
            rid=experiment_rid,
            model_rid=model_rid,
            name=name[:_NAME_LENGTH],
            branch=branch,
            created_by=created_by,
            created_at=self._clock.now_millis(),
            job_rid=job_rid,
            version_rid=version_rid,
        )
        self._store.add(tx, experiment)

    def record_events(
        self, tx: sa.Connection, experiment_rid: str, events: Iterable[Mapping[str, Any]]
    ) -> None:
        """Take the metric and parameter events of one worker request, in order.

        Events that are malformed, or come after the end, are left out. So is what goes beyond
        100,000 metric values or 500 parameters; the experiment's tags say that.

        Raises
        ------
        LookupError
            When there is no such experiment.
        """
        experiment = self._locked(tx, experiment_rid)
        if experiment.status != "RUNNING":
            return
        report = read_events(events, room=MAX_METRIC_VALUES - experiment.metric_values)
        if report.malformed:
            _log.warning(
                "malformed events left out", experiment=experiment_rid, count=report.malformed
            )
        self._append(tx, experiment, report.points, cut=report.metrics_cut)
        self._put_parameters(tx, experiment, report)

    def record_table(
        self,
        tx: sa.Connection,
        experiment_rid: str,
        *,
        name: str,
        description: str,
        row_count: int,
        size_bytes: int,
        blob_key: str,
    ) -> str | None:
        """Take an artifact table; return the blob key of the one of its name that it replaces.

        Raises
        ------
        InvalidArgument
            When the name is empty or longer than 500 characters.
        LookupError
            When there is no such experiment.
        """
        if not 0 < len(name) <= MAX_NAME_LENGTH:
            raise InvalidArgument(f"A table's name has 1 to {MAX_NAME_LENGTH} characters.")
        experiment = self._locked(tx, experiment_rid)
        table = ArtifactTable(name, description, row_count, size_bytes, blob_key)
        return self._store.put_table(tx, experiment.rid, table)

    def succeed(
        self,
        tx: sa.Connection,
        experiment_rid: str,
        *,
        version_rid: str,
        summary_metrics: Mapping[str, float],
    ) -> None:
        """End a running experiment and link it to the version that it made.

        A summary metric without a series becomes a series of one point. What is not a finite
        number is left out.

        Raises
        ------
        LookupError
            When no such experiment is running.
        """
        experiment = self._locked(tx, experiment_rid)
        if experiment.status != "RUNNING":
            raise LookupError(f"experiment {experiment_rid} is {experiment.status}")
        metrics = {
            name: value
            for name, given in summary_metrics.items()
            if 0 < len(name) <= MAX_NAME_LENGTH and (value := finite(given)) is not None
        }
        self._store.add_summary_metrics(tx, experiment_rid, metrics)
        logged = {series.name for series in self._series.named(tx, experiment_rid, metrics)}
        room = MAX_METRIC_VALUES - experiment.metric_values
        alone = [name for name in metrics if name not in logged]
        now = self._clock.now_millis()
        points = {name: [Point(now, 0, metrics[name])] for name in alone[:room]}
        self._append(tx, experiment, points, cut=len(alone) > room)
        self._store.update(tx, experiment_rid, status="SUCCEEDED", version_rid=version_rid)

    def fail(self, tx: sa.Connection, experiment_rid: str, message: str) -> None:
        """End an experiment whose run failed or was cancelled; changes nothing after its end.

        Raises
        ------
        LookupError
            When there is no such experiment.
        """
        if self._locked(tx, experiment_rid).status == "RUNNING":
            self._store.update(tx, experiment_rid, status="FAILED", status_message=message)

    # reading ----------------------------------------------------------------------------------

    def require(
        self,
        tx: sa.Connection,
        caller: Caller,
        model_rid: str,
        experiment_rid: str,
        *,
        unknown: ApiError | None = None,
    ) -> Experiment:
        """Return an experiment of a model that the caller may see.

        Raises
        ------
        ModelExperimentNotFound
            When the caller may not know of the model.
        ApiError
            ``unknown``, by default the same, when the model has no such experiment.
        """
        missing = ModelExperimentNotFound(model_rid, experiment_rid)
        self._models.require_model(tx, caller, model_rid, missing=missing)
        experiment = self._store.find(tx, model_rid, experiment_rid)
        if experiment is None:
            raise unknown or missing
        return experiment

    def contents(self, tx: sa.Connection, experiment_rid: str) -> Contents:
        return Contents(
            self._store.parameters(tx, experiment_rid),
            self._series.all(tx, experiment_rid),
            self._store.summary_metrics(tx, experiment_rid),
            self._store.tables(tx, experiment_rid),
        )

    def points(
        self, tx: sa.Connection, experiment_rid: str, series: str, *, offset: int, limit: int
    ) -> list[Point] | None:
        """Return a page of a series; None when there is no such series."""
        found = self._series.named(tx, experiment_rid, [series])
        return self._series.points(tx, found[0], offset, limit) if found else None

    def table(self, tx: sa.Connection, experiment_rid: str, name: str) -> ArtifactTable | None:
        return self._store.table(tx, experiment_rid, name)

    # inside -----------------------------------------------------------------------------------

    def _locked(self, tx: sa.Connection, experiment_rid: str) -> Experiment:
        experiment = self._store.lock(tx, experiment_rid)
        if experiment is None:
            raise LookupError(f"there is no experiment {experiment_rid}")
        return experiment

    def _append(
        self,
        tx: sa.Connection,
        experiment: Experiment,
        points: Mapping[str, Sequence[Point]],
        *,
        cut: bool,
    ) -> None:
        self._series.append(tx, experiment.rid, points)
        added = sum(len(some) for some in points.values())
        if added or (cut and not experiment.metrics_truncated):
            self._store.update(
                tx,
                experiment.rid,
                metric_values=experiment.metric_values + added,
                metrics_truncated=experiment.metrics_truncated or cut,
            )

    def _put_parameters(self, tx: sa.Connection, experiment: Experiment, report: Report) -> None:
        cut = report.parameters_cut
        if report.parameters:
            known = {one.name for one in self._store.parameters(tx, experiment.rid)}
            new = [name for name in report.parameters if name not in known]
            surplus = set(new[max(MAX_PARAMETERS - len(known), 0) :])
            kept = [one for one in report.parameters.values() if one.name not in surplus]
            self._store.put_parameters(tx, experiment.rid, known, kept)
            cut = cut or bool(surplus)
        if cut and not experiment.parameters_truncated:
            self._store.update(tx, experiment.rid, parameters_truncated=True)
