"""Launching a run: everything about it is written in one transaction, then it only waits."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from modelstudio.datasets.service import DATASET_KIND
from modelstudio.errors import InvalidArgument
from modelstudio.filesystem.service import Role
from modelstudio.models.service import MODEL_KIND
from modelstudio.orchestration.handler import JobRequest, Submitted
from modelstudio.studios import resources, runs
from modelstudio.studios.errors import (
    LaunchModelStudioPermissionDenied,
    ModelStudioConfigVersionNotFound,
)
from modelstudio.studios.service import BRANCH, dataset_inputs, model_outputs

if TYPE_CHECKING:
    from collections.abc import Mapping

    import sqlalchemy as sa

    from modelstudio.datasets.service import DatasetService
    from modelstudio.experiments.service import ExperimentService
    from modelstudio.filesystem.service import FilesystemService
    from modelstudio.kit.routing import Caller
    from modelstudio.models.service import ModelService
    from modelstudio.orchestration.service import OrchestrationService
    from modelstudio.studios.service import StudioService
    from modelstudio.studios.store import ConfigVersion, StudioStore
    from modelstudio.studios.wire import DatasetInput
    from modelstudio.trainers.base import TrainerSpecification

JOB_KIND: Final = "model-studio-training"


class Launcher:
    def __init__(
        self,
        store: StudioStore,
        studios: StudioService,
        filesystem: FilesystemService,
        datasets: DatasetService,
        models: ModelService,
        experiments: ExperimentService,
        orchestration: OrchestrationService,
    ) -> None:
        self._store = store
        self._studios = studios
        self._filesystem = filesystem
        self._datasets = datasets
        self._models = models
        self._experiments = experiments
        self._orchestration = orchestration

    def launch(self, tx: sa.Connection, caller: Caller, studio_rid: str) -> str:
        """Queue a run of the studio's newest configuration; return the run's wire JSON.

        The rows of run, build, job, experiment and the reserved model version are written in the
        caller's transaction. The newest committed transaction of each input is named now, so that
        the run reads the same data however long it waits.

        Raises
        ------
        ModelStudioNotFound, LaunchModelStudioPermissionDenied
        ModelStudioConfigVersionNotFound
            When the studio has no configuration yet.
        InvalidArgument
            When the trainer, an input or the output is gone, or an input has no readable data.
        """
        denied = LaunchModelStudioPermissionDenied(studio_rid)
        self._studios.require(tx, caller, studio_rid, role=Role.EDITOR, denied=denied)
        studio = self._store.studio(tx, studio_rid)
        config = self._studios.latest_config(tx, caller, studio_rid)
        if studio is None or config is None:
            raise ModelStudioConfigVersionNotFound(
                studio_rid, 0, "The studio has no configuration yet; create one before launching."
            )
        payload = {
            "studioRid": studio_rid,
            "configVersion": config.version,
            "trainer": _trainer(self._studios.trainer_of(config)),
            "customConfig": config.worker_config.get("customConfig", {}),
            "inputs": self._resolved_inputs(tx, caller, studio_rid, config),
        }
        return self._write(tx, caller, studio_rid, studio.id, config, payload)

    def _write(
        self,
        tx: sa.Connection,
        caller: Caller,
        studio_rid: str,
        studio_id: int,
        config: ConfigVersion,
        payload: dict[str, Any],
    ) -> str:
        alias, model_rid = self._output(tx, caller, studio_rid, config)
        payload["modelVersionRid"] = self._models.new_version_rid()
        payload["experimentRid"] = self._experiments.new_rid()
        submitted = self._submit(tx, caller, _job(studio_rid, config, payload))
        self._reserve(tx, caller, model_rid, config, payload, submitted.job_rid)
        output = {
            "type": "model",
            "modelRid": model_rid,
            "modelVersionRid": payload["modelVersionRid"],
            "experimentRid": payload["experimentRid"],
        }
        document = runs.document(
            studio_rid=studio_rid,
            config_version=config.version,
            build_rid=submitted.build_rid,
            job_rid=submitted.job_rid,
            started_by=caller.user_id,
            started_at=submitted.created_at,
            outputs={alias: output},
        )
        self._store.add_run(
            tx,
            studio_id=studio_id,
            config_version=config.version,
            started_at=submitted.created_at,
            build_rid=submitted.build_rid,
            document=document,
        )
        return runs.render(document, "RUNNING")

    def _submit(self, tx: sa.Connection, caller: Caller, job: JobRequest) -> Submitted:
        # A worker keeps at least one core busy, whatever less the configuration asks for.
        cpu, _ = self._orchestration.capacity()
        gpu_types = self._orchestration.gpu_types()
        for failure in resources.unavailable_gpu(job.payload.get("gpu"), gpu_types):
            raise InvalidArgument(failure["message"])  # there was one at that time
        try:
            return self._orchestration.submit(
                tx, caller, replace(job, cpu=max(job.cpu, min(1.0, cpu)))
            )
        except ValueError as error:  # the server was larger when the configuration was made
            raise InvalidArgument(str(error)) from None

    def _reserve(
        self,
        tx: sa.Connection,
        caller: Caller,
        model_rid: str,
        config: ConfigVersion,
        payload: Mapping[str, Any],
        job_rid: str,
    ) -> None:
        """Write the model version that nobody sees yet and the experiment that all see."""
        version_rid, experiment_rid = payload["modelVersionRid"], payload["experimentRid"]
        self._models.reserve_version(
            tx,
            version_rid=version_rid,
            model_rid=model_rid,
            branch=BRANCH,
            source={"type": "modelStudio", "modelStudioRid": payload["studioRid"]},
            experiment_rid=experiment_rid,
            created_by=caller.user_id,
        )
        self._experiments.create(
            tx,
            experiment_rid=experiment_rid,
            model_rid=model_rid,
            name=config.name,
            branch=BRANCH,
            created_by=caller.user_id,
            job_rid=job_rid,
            version_rid=version_rid,
        )
        self._experiments.record_events(tx, experiment_rid, _provenance(payload))

    def _resolved_inputs(
        self, tx: sa.Connection, caller: Caller, studio_rid: str, config: ConfigVersion
    ) -> dict[str, Any]:
        inputs = dataset_inputs(config.worker_config["inputs"])
        return {
            alias: self._resolved(tx, caller, studio_rid, alias, one)
            for alias, one in inputs.items()
        }

    def _resolved(
        self,
        tx: sa.Connection,
        caller: Caller,
        studio_rid: str,
        alias: str,
        given: DatasetInput,
    ) -> dict[str, Any]:
        # The launcher's own right to the data counts, not that of whoever wrote the
        # configuration; else a launch would read for a user what the user may not read.
        self._filesystem.require(
            tx,
            caller,
            given.rid,
            kind=DATASET_KIND,
            missing=LaunchModelStudioPermissionDenied(
                studio_rid, f"The input {alias} is not there or you may not read it."
            ),
        )
        view = self._datasets.latest_view(tx, given.rid, BRANCH)
        if view is None or view.fields is None:
            reason = view.problem if view is not None and view.problem else "It has no data."
            raise InvalidArgument(f"The input {alias} cannot be read. {reason}", inputAlias=alias)
        return {
            "datasetRid": given.rid,
            "transactionRid": view.transaction_rid,
            "columnMapping": given.column_mapping,
            "ignoreColumns": given.ignore_columns,
            "selectColumns": given.select_columns,
            "schema": [{"name": field.name, "type": field.type} for field in view.fields],
            **self._datasets.read_as(tx, view),
        }

    def _output(
        self, tx: sa.Connection, caller: Caller, studio_rid: str, config: ConfigVersion
    ) -> tuple[str, str]:
        (alias, output), *_ = model_outputs(config.worker_config["outputs"]).items()
        missing = LaunchModelStudioPermissionDenied(
            studio_rid, f"The output {alias} is not there or you may not write to it."
        )
        self._filesystem.require(
            tx,
            caller,
            output.model_rid,
            kind=MODEL_KIND,
            missing=missing,
            role=Role.EDITOR,
        )
        return alias, output.model_rid


def _trainer(trainer: TrainerSpecification) -> dict[str, str]:
    """Return what the worker has to know of the trainer; it looks up the rest where it runs."""
    named = {"trainerId": trainer.trainer_id, "version": trainer.version}
    return named if trainer.environment is None else {**named, "environment": trainer.environment}


def _job(studio_rid: str, config: ConfigVersion, payload: Mapping[str, Any]) -> JobRequest:
    wanted, _ = resources.parse({"gpu": None, **config.resources})
    if wanted is None:  # it was valid when it was stored
        raise InvalidArgument("The configuration's resources are not valid on this server.")
    if wanted.gpu is not None:
        payload = {**payload, "gpu": wanted.gpu}
    return JobRequest(
        kind=JOB_KIND,
        subject_rid=studio_rid,
        branch=BRANCH,
        cpu=wanted.cpu,
        memory_bytes=wanted.memory_bytes,
        payload=payload,
    )


def _provenance(payload: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return parameter events that say what the run was made from."""
    facts = {
        "trainer": payload["trainer"]["trainerId"],
        "trainer_version": payload["trainer"]["version"],
    }
    for alias, given in payload["inputs"].items():
        facts[f"{alias}/dataset"] = given["datasetRid"]
        facts[f"{alias}/transaction"] = given["transactionRid"]
    events = [
        {"type": "parameter", "name": name, "value": {"type": "string", "value": value}}
        for name, value in facts.items()
    ]
    version = {"type": "integer", "value": payload["configVersion"]}
    return [*events, {"type": "parameter", "name": "config_version", "value": version}]
