"""Wire types of Model Studios."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field

from modelstudio.kit.wire import Rid, Time, WireModel

if TYPE_CHECKING:
    from modelstudio.filesystem.service import Located
    from modelstudio.studios.store import ConfigVersion as StoredConfig
    from modelstudio.trainers.base import TrainerSpecification


class CreateModelStudioRequest(WireModel):
    name: str
    parent_folder_rid: Rid


class ModelStudio(WireModel):
    rid: str
    folder_rid: str
    created_time: Time


class ResourceConfiguration(WireModel):
    memory: str
    cpu: str
    gpu: str | None = None


class WorkerConfig(WireModel):
    """Inputs and outputs stay JSON until validation, which names everything wrong with them."""

    custom_config: dict[str, Any] | None = None
    inputs: dict[str, dict[str, Any]]
    outputs: dict[str, dict[str, Any]]


class CreateConfigVersionRequest(WireModel):
    name: str
    resources: ResourceConfiguration
    changelog: str | None = None
    worker_config: WorkerConfig
    trainer_id: Rid


class DatasetInput(WireModel):
    type: Literal["dataset"] = "dataset"
    rid: Rid
    column_mapping: dict[str, list[str]] = Field(default_factory=dict)
    ignore_columns: list[str] = Field(default_factory=list)
    select_columns: list[str] = Field(default_factory=list)


class ModelOutput(WireModel):
    type: Literal["model"] = "model"
    model_rid: Rid


class TrainerVersionLocator(WireModel):
    trainer_id: str
    version: str


class ConfigVersion(WireModel):
    name: str
    version: int
    trainer_id: str
    trainer: TrainerVersionLocator
    worker_config: dict[str, Any]
    resources: dict[str, Any]
    changelog: str | None = None
    created_by: str
    created_time: Time


class ConfigVersions(WireModel):
    data: list[ConfigVersion]
    next_page_token: str | None = None


class RunModelOutput(WireModel):
    type: Literal["model"] = "model"
    model_rid: str
    model_version_rid: str
    experiment_rid: str | None = None


class Run(WireModel):
    run_id: str
    build_rid: str
    job_rid: str
    config_version: int
    started_by: str
    started_time: Time
    build_status: Literal["RUNNING", "SUCCEEDED", "FAILED", "CANCELED"] | None = None
    resolved_outputs: dict[str, RunModelOutput]


class Runs(WireModel):
    data: list[Run]
    next_page_token: str | None = None


class Trainer(WireModel):
    trainer_id: str
    version: str
    name: str
    type: str
    description: str
    custom_config_schema: dict[str, Any]
    inputs: dict[str, Any]
    outputs: dict[str, Any]
    experimental: bool


class Trainers(WireModel):
    data: list[Trainer]


def studio(located: Located) -> ModelStudio:
    resource = located.resource
    return ModelStudio(
        rid=resource.rid, folder_rid=resource.parent_rid or "", created_time=resource.created_at
    )


def config_version(config: StoredConfig) -> ConfigVersion:
    return ConfigVersion(
        name=config.name,
        version=config.version,
        trainer_id=config.trainer_id,
        trainer=TrainerVersionLocator(trainer_id=config.trainer_id, version=config.trainer_version),
        worker_config=dict(config.worker_config),
        resources=dict(config.resources),
        changelog=config.changelog,
        created_by=config.created_by,
        created_time=config.created_at,
    )


def trainer(specification: TrainerSpecification) -> Trainer:
    return Trainer(
        trainer_id=specification.trainer_id,
        version=specification.version,
        name=specification.name,
        type=specification.type,
        description=specification.description,
        custom_config_schema=dict(specification.config_schema),
        inputs=dict(specification.inputs),
        outputs=dict(specification.outputs),
        experimental=specification.experimental,
    )
