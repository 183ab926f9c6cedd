"""What a training job is to orchestration: its specification, its data, and what it leaves."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from contextlib import AbstractContextManager
    from pathlib import Path

    import sqlalchemy as sa

    from modelstudio.datasets.service import DatasetService
    from modelstudio.experiments.service import ExperimentService
    from modelstudio.models.service import ModelService
    from modelstudio.orchestration.handler import EndStatus, HandledJob
    from modelstudio.studios.limits import RunLimits
    from modelstudio.studios.store import StudioStore
    from modelstudio.trainers.catalogue import Catalogue


class TrainingJobs:
    """The `JobHandler` of training runs."""

    def __init__(
        self,
        store: StudioStore,
        datasets: DatasetService,
        models: ModelService,
        experiments: ExperimentService,
        catalogue: Catalogue,
        limits: RunLimits,
    ) -> None:
        self._store = store
        self._datasets = datasets
        self._models = models
        self._experiments = experiments
        self._catalogue = catalogue
        self._limits = limits

    def specification(self, _tx: sa.Connection, job: HandledJob) -> dict[str, Any]:
        own = {name: job.payload[name] for name in ("trainer", "customConfig", "inputs")}
        wanted = own["trainer"]
        trainer = self._catalogue.get(wanted["trainerId"], wanted["version"])
        source = self._catalogue.source(wanted["trainerId"], wanted["version"])
        if source is not None:
            own["trainer"] = {**wanted, "source": source}
        if job.payload.get("gpu"):
            own["gpu"] = job.payload["gpu"]
        return {**own, **self._limits.for_worker(trainer, own["customConfig"])}

    def input_file(self, job: HandledJob, alias: str) -> AbstractContextManager[Path]:
        given = job.payload["inputs"][alias]
        return self._datasets.table_file(given["datasetRid"], given["transactionRid"])

    def on_events(
        self, tx: sa.Connection, job: HandledJob, events: Sequence[Mapping[str, Any]]
    ) -> None:
        self._experiments.record_events(tx, job.payload["experimentRid"], events)

    def on_table(
        self,
        tx: sa.Connection,
        job: HandledJob,
        *,
        name: str,
        description: str,
        row_count: int,
        size_bytes: int,
        blob_key: str,
    ) -> str | None:
        return self._experiments.record_table(
            tx,
            job.payload["experimentRid"],
            name=name,
            description=description,
            row_count=row_count,
            size_bytes=size_bytes,
            blob_key=blob_key,
        )

    def on_succeeded(
        self, tx: sa.Connection, job: HandledJob, result: Mapping[str, Any], model_blob: str
    ) -> None:
        version_rid = job.payload["modelVersionRid"]
        self._models.publish_version(
            tx,
            version_rid,
            model_api=result["modelApi"],
            conda_requirements=result["condaRequirements"],
            predictor=result["predictor"],
            blob_key=model_blob,
            environment=job.payload["trainer"].get("environment"),
        )
        self._experiments.succeed(
            tx,
            job.payload["experimentRid"],
            version_rid=version_rid,
            summary_metrics=result["summaryMetrics"],
        )
        self._store.set_run_status(tx, job.build_rid, "SUCCEEDED")

    def on_ended(self, tx: sa.Connection, job: HandledJob, status: EndStatus, reason: str) -> None:
        self._models.discard_version(tx, job.payload["modelVersionRid"])
        self._experiments.fail(tx, job.payload["experimentRid"], reason)
        self._store.set_run_status(tx, job.build_rid, status)
