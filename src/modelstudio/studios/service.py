"""Studios and their configuration versions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, TypeVar

from pydantic import ValidationError

from modelstudio.datasets.service import DATASET_KIND
from modelstudio.errors import InvalidArgument
from modelstudio.filesystem.errors import (
    CreateFolderOutsideProjectNotSupported,
    InvalidFolder,
)
from modelstudio.filesystem.service import Located, Role
from modelstudio.kit import rids
from modelstudio.kit.wire import WireModel
from modelstudio.models.service import MODEL_KIND
from modelstudio.studios import resources, validation
from modelstudio.studios.column_readings import Question
from modelstudio.studios.errors import (
    CreateConfigValidationError,
    CreateModelStudioConfigVersionPermissionDenied,
    CreateModelStudioPermissionDenied,
    InvalidModelStudioCreateRequest,
    ModelStudioConfigVersionNotFound,
    ModelStudioNotFound,
    TrainerNotFound,
)
from modelstudio.studios.store import STUDIO_KIND, ConfigVersion, Studio, StudioStore
from modelstudio.studios.wire import DatasetInput, ModelOutput

if TYPE_CHECKING:
    from collections.abc import Mapping

    import sqlalchemy as sa

    from modelstudio.datasets.service import DatasetService, DatasetView
    from modelstudio.errors import ApiError
    from modelstudio.filesystem.service import FilesystemService
    from modelstudio.kit.clock import Clock
    from modelstudio.kit.routing import Caller
    from modelstudio.orchestration.service import OrchestrationService
    from modelstudio.studios.limits import RunLimits
    from modelstudio.studios.wire import CreateConfigVersionRequest
    from modelstudio.trainers.base import TrainerSpecification
    from modelstudio.trainers.catalogue import Catalogue

#: Models and model versions have one branch until promotion between branches is asked for.
BRANCH: Final = "master"
#: More failures than this are no help to anyone.
MAX_FAILURES: Final = 1000
_Parsed = TypeVar("_Parsed", bound=WireModel)


class StudioService:
    def __init__(
        self,
        store: StudioStore,
        filesystem: FilesystemService,
        datasets: DatasetService,
        orchestration: OrchestrationService,
        catalogue: Catalogue,
        clock: Clock,
        limits: RunLimits,
    ) -> None:
        self._store = store
        self._filesystem = filesystem
        self._datasets = datasets
        self._orchestration = orchestration
        self._catalogue = catalogue
        self._clock = clock
        self._limits = limits

    def create(self, tx: sa.Connection, caller: Caller, *, name: str, folder_rid: str) -> Located:
        """Create a studio in a folder or project.

        Raises
        ------
        FolderNotFound, InvalidModelStudioCreateRequest, CreateModelStudioPermissionDenied
        InvalidDisplayName, ResourceNameAlreadyExists
        """
        try:
            parent = self._filesystem.require_parent(
                tx, caller, folder_rid, denied=CreateModelStudioPermissionDenied()
            )
        except (InvalidFolder, CreateFolderOutsideProjectNotSupported):
            raise InvalidModelStudioCreateRequest(
                "A studio belongs in a project or in a folder of one."
            ) from None
        located = self._filesystem.create(
            tx, caller, parent=parent, name=name, rid_prefix=rids.MODEL_STUDIO, kind=STUDIO_KIND
        )
        self._store.add_studio(tx, located.rid)
        return located

    def require(
        self,
        tx: sa.Connection,
        caller: Caller,
        studio_rid: str,
        *,
        role: Role = Role.VIEWER,
        denied: ApiError | None = None,
    ) -> Located:
        """Return the studio.

        Raises
        ------
        ModelStudioNotFound
            Also when the caller may not see it.
        ApiError
            ``denied`` when the caller sees it with a lesser role than asked.
        """
        return self._filesystem.require(
            tx,
            caller,
            studio_rid,
            kind=STUDIO_KIND,
            missing=ModelStudioNotFound(studio_rid),
            role=role,
            denied=denied,
        )

    # configurations ---------------------------------------------------------------------------

    def check_config(
        self,
        tx: sa.Connection,
        caller: Caller,
        studio_rid: str,
        request: CreateConfigVersionRequest,
    ) -> TrainerSpecification:
        """Validate a configuration completely; return its trainer.

        It may take a while, so it wants no more than a reading transaction.

        Raises
        ------
        ModelStudioNotFound, TrainerNotFound, CreateModelStudioConfigVersionPermissionDenied
        CreateConfigValidationError
            With every failure of every kind.
        """
        denied = CreateModelStudioConfigVersionPermissionDenied(studio_rid)
        located = self.require(tx, caller, studio_rid, role=Role.EDITOR, denied=denied)
        trainer = self._catalogue.get(request.trainer_id)
        if trainer is None:
            raise TrainerNotFound(request.trainer_id)
        failures = self._failures(tx, caller, located, trainer, request)
        if failures:
            raise CreateConfigValidationError(studio_rid, failures[:MAX_FAILURES])
        return trainer

    def add_config(
        self,
        tx: sa.Connection,
        caller: Caller,
        studio_rid: str,
        request: CreateConfigVersionRequest,
        trainer: TrainerSpecification,
    ) -> ConfigVersion:
        """Store a configuration that was checked as the studio's newest.

        Raises
        ------
        ModelStudioNotFound, CreateModelStudioConfigVersionPermissionDenied
        """
        denied = CreateModelStudioConfigVersionPermissionDenied(studio_rid)
        self.require(tx, caller, studio_rid, role=Role.EDITOR, denied=denied)
        studio = self._studio(tx, studio_rid, lock=True)
        config = ConfigVersion(
            version=studio.latest_version + 1,
            name=request.name,
            changelog=request.changelog,
            trainer_id=trainer.trainer_id,
            trainer_version=trainer.version,
            worker_config=_worker_config(request),
            resources=request.resources.model_dump(exclude_none=True),
            created_by=caller.user_id,
            created_at=self._clock.now_millis(),
        )
        self._store.add_config(tx, studio, config)
        return config

    def config(
        self, tx: sa.Connection, caller: Caller, studio_rid: str, version: int
    ) -> ConfigVersion:
        """Return one configuration.

        Raises
        ------
        ModelStudioNotFound, ModelStudioConfigVersionNotFound
        """
        self.require(tx, caller, studio_rid)
        found = self._store.config(tx, self._studio(tx, studio_rid).id, version)
        if found is None:
            raise ModelStudioConfigVersionNotFound(studio_rid, version)
        return found

    def latest_config(
        self, tx: sa.Connection, caller: Caller, studio_rid: str
    ) -> ConfigVersion | None:
        """Return the newest configuration, None for a studio without any."""
        self.require(tx, caller, studio_rid)
        studio = self._studio(tx, studio_rid)
        return self._store.config(tx, studio.id, studio.latest_version)

    def configs(
        self,
        tx: sa.Connection,
        caller: Caller,
        studio_rid: str,
        *,
        before: int | None,
        limit: int,
    ) -> list[ConfigVersion]:
        self.require(tx, caller, studio_rid)
        studio = self._studio(tx, studio_rid)
        return self._store.configs(tx, studio.id, before=before, limit=limit)

    def trainer_of(self, config: ConfigVersion) -> TrainerSpecification:
        """Return the trainer of a configuration, in the version that the configuration names.

        Raises
        ------
        InvalidArgument
            When the server offered it once and does so no more.
        """
        trainer = self._catalogue.get(config.trainer_id, config.trainer_version)
        if trainer is None:
            raise InvalidArgument(
                f"This server no longer offers the trainer {config.trainer_id} in version "
                f"{config.trainer_version}; create a new configuration.",
                trainerId=config.trainer_id,
            )
        return trainer

    # inside -----------------------------------------------------------------------------------

    def _studio(self, tx: sa.Connection, studio_rid: str, *, lock: bool = False) -> Studio:
        studio = self._store.studio(tx, studio_rid, lock=lock)
        if studio is None:
            raise ModelStudioNotFound(studio_rid)
        return studio

    def _failures(
        self,
        tx: sa.Connection,
        caller: Caller,
        located: Located,
        trainer: TrainerSpecification,
        request: CreateConfigVersionRequest,
    ) -> list[dict[str, Any]]:
        config = request.worker_config
        inputs = dataset_inputs(config.inputs)
        outputs = model_outputs(config.outputs)
        surroundings = validation.Surroundings(
            schemas={one.rid: self._schema(tx, caller, one.rid) for one in inputs.values()},
            questions={one.rid: self._questions(tx, caller, one.rid) for one in inputs.values()},
            output_projects={
                one.model_rid: self._output_project(tx, caller, one.model_rid)
                for one in outputs.values()
            },
            project_rid=located.resource.project_rid,
        )
        told = _told(config.custom_config or {})
        wanted, failures = resources.parse(request.resources.model_dump())
        if wanted is not None:
            cpu, memory = self._orchestration.capacity()
            failures = resources.too_large(wanted, cpu=cpu, memory_bytes=memory)
        gpu_types = self._orchestration.gpu_types()
        failures += resources.unavailable_gpu(request.resources.gpu, gpu_types)
        return [
            *validation.check_names(request.name, request.changelog),
            *validation.check_custom_config(trainer.config_schema, config.custom_config or {}),
            *self._limits.failures(trainer, config.custom_config or {}),
            *validation.check_inputs(trainer, config.inputs, inputs, surroundings, told),
            *self._problems(tx, caller, inputs),
            *validation.check_outputs(trainer, config.outputs, outputs, surroundings),
            *failures,
        ]

    def _view(self, tx: sa.Connection, caller: Caller, rid: str) -> DatasetView | None:
        """Return the newest data of a dataset that is there for the caller and is a table."""
        located = self._filesystem.find(tx, caller, rid)
        if located is None or located.in_trash or located.resource.kind != DATASET_KIND:
            return None
        view = self._datasets.latest_view(tx, rid, BRANCH)
        return None if view is None or view.fields is None else view

    def _schema(self, tx: sa.Connection, caller: Caller, rid: str) -> Mapping[str, str] | None:
        view = self._view(tx, caller, rid)
        return None if view is None else {field.name: field.type for field in view.fields or ()}

    def _questions(self, tx: sa.Connection, caller: Caller, rid: str) -> Mapping[str, Question]:
        view = self._view(tx, caller, rid)
        fields = view.fields if view is not None and view.fields is not None else ()
        return {
            field.name: Question(field.possible, field.examples)
            for field in fields
            if field.possible
        }

    def _problems(
        self, tx: sa.Connection, caller: Caller, inputs: Mapping[str, DatasetInput]
    ) -> list[dict[str, Any]]:
        """Say why datasets have no schema; the failure that they have none cannot."""
        found = []
        for rid in dict.fromkeys(one.rid for one in inputs.values()):
            located = self._filesystem.find(tx, caller, rid)
            view = None if located is None else self._datasets.latest_view(tx, rid, BRANCH)
            if view is not None and view.fields is None and view.problem:
                found.append({"type": "other", "message": f"{rid} cannot be read. {view.problem}"})
        return found

    def _output_project(self, tx: sa.Connection, caller: Caller, rid: str) -> str | None:
        located = self._filesystem.find(tx, caller, rid)
        if located is None or located.in_trash or located.resource.kind != MODEL_KIND:
            return None
        # A run adds a version to the model, so whoever configures it must be able to.
        return located.resource.project_rid if located.role >= Role.EDITOR else None


def dataset_inputs(inputs: Mapping[str, Mapping[str, Any]]) -> dict[str, DatasetInput]:
    """Return the inputs that are datasets.

    Raises
    ------
    InvalidArgument
        When one says it is a dataset but does not have a dataset's fields.
    """
    return {
        alias: _parsed(DatasetInput, given, f"inputs.{alias}")
        for alias, given in inputs.items()
        if given.get("type", "dataset") == "dataset"
    }


def model_outputs(outputs: Mapping[str, Mapping[str, Any]]) -> dict[str, ModelOutput]:
    """Return the outputs that are models; raises as `dataset_inputs` does."""
    return {
        alias: _parsed(ModelOutput, given, f"outputs.{alias}")
        for alias, given in outputs.items()
        if given.get("type", "model") == "model"
    }


def _parsed(kind: type[_Parsed], given: Mapping[str, Any], where: str) -> _Parsed:
    try:
        return kind.model_validate(given)
    except ValidationError as error:
        problem = error.errors()[0]
        field = ".".join(["workerConfig", where, *map(str, problem["loc"])])
        raise InvalidArgument(f"{field}: {problem['msg']}", field=field) from None


def _worker_config(request: CreateConfigVersionRequest) -> dict[str, Any]:
    """Return the worker configuration with every optional field of the wire filled in."""
    config = request.worker_config
    stored: dict[str, Any] = {
        "inputs": {
            alias: one.model_dump(by_alias=True)
            for alias, one in dataset_inputs(config.inputs).items()
        },
        "outputs": {
            alias: one.model_dump(by_alias=True)
            for alias, one in model_outputs(config.outputs).items()
        },
    }
    if config.custom_config is not None:
        stored["customConfig"] = config.custom_config
    return stored


def _told(config: Mapping[str, Any]) -> dict[str, str]:
    """Return the readings in a configuration, as far as they are what its schema wants."""
    told = config.get("readings")
    if not isinstance(told, dict):
        return {}
    return {column: name for column, name in told.items() if isinstance(name, str)}
