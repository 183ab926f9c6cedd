"""Models and their versions: reserved at launch, published by a run that succeeded."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from pydantic import ValidationError

from modelstudio.filesystem.service import Role
from modelstudio.kit import rids
from modelstudio.models.errors import (
    CreateModelPermissionDenied,
    InvalidModelApi,
    ModelNotFound,
    ModelVersionNotFound,
)
from modelstudio.models.wire import ModelApi

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import sqlalchemy as sa

    from modelstudio.errors import ApiError
    from modelstudio.filesystem.service import FilesystemService, Located
    from modelstudio.kit.clock import Clock, IdSource
    from modelstudio.kit.routing import Caller
    from modelstudio.models.store import ModelStore, ModelVersion

#: The kind of a model among the resources.
MODEL_KIND: Final = "MODELS_MODEL"


@dataclass(frozen=True, slots=True)
class ModelPackage:
    """What predicts with a published version.

    Attributes
    ----------
    predictor
        ``module:Class`` of the Predictor that loads the model's directory.
    blob_key
        A zip of that directory.
    environment
        Name of the trainer environment that the predictor needs; None for the server's own.
    """

    predictor: str
    blob_key: str
    environment: str | None = None


class ModelService:
    """Only `create` and `require_model` check the caller; who calls the rest has done so."""

    def __init__(
        self, store: ModelStore, filesystem: FilesystemService, clock: Clock, ids: IdSource
    ) -> None:
        self._store = store
        self._filesystem = filesystem
        self._clock = clock
        self._ids = ids

    def create(self, tx: sa.Connection, caller: Caller, *, parent_rid: str, name: str) -> Located:
        """Create a model without versions.

        Raises
        ------
        CreateModelPermissionDenied, InvalidDisplayName, ResourceNameAlreadyExists
        FolderNotFound, InvalidFolder, CreateFolderOutsideProjectNotSupported
        """
        parent = self._filesystem.require_parent(
            tx, caller, parent_rid, denied=CreateModelPermissionDenied()
        )
        model = self._filesystem.create(
            tx, caller, parent=parent, name=name, rid_prefix=rids.MODEL, kind=MODEL_KIND
        )
        self._store.add_model(tx, model.rid)
        return model

    def require_model(
        self,
        tx: sa.Connection,
        caller: Caller,
        model_rid: str,
        *,
        role: Role = Role.VIEWER,
        missing: ApiError | None = None,
        denied: ApiError | None = None,
    ) -> Located:
        """Return a model on which the caller has that role.

        Raises
        ------
        ApiError
            ``missing``, by default ModelNotFound, when the caller may not know of the model;
            ``denied``, by default the same, when it has a lesser role than asked.
        """
        return self._filesystem.require(
            tx,
            caller,
            model_rid,
            kind=MODEL_KIND,
            missing=missing or ModelNotFound(model_rid),
            role=role,
            denied=denied,
        )

    # writing versions -------------------------------------------------------------------------

    def new_version_rid(self) -> str:
        return rids.MODEL_VERSION + self._ids.uuid()

    def reserve_version(
        self,
        tx: sa.Connection,
        *,
        version_rid: str,
        model_rid: str,
        branch: str,
        source: Mapping[str, Any],
        experiment_rid: str | None,
        created_by: str,
    ) -> None:
        """Store a version that nobody sees until it is published.

        ``source`` is the wire's ModelVersionSource.
        """
        self._store.reserve(
            tx,
            rid=version_rid,
            model_rid=model_rid,
            branch=branch,
            source=source,
            experiment_rid=experiment_rid,
            created_by=created_by,
            at=self._clock.now_millis(),
        )

    def publish_version(
        self,
        tx: sa.Connection,
        version_rid: str,
        *,
        model_api: Mapping[str, Any],
        conda_requirements: Sequence[str],
        predictor: str,
        blob_key: str,
        environment: str | None = None,
    ) -> None:
        """Make a reserved version its model's newest, created now.

        Raises
        ------
        InvalidModelApi
            When the wire could not carry the model API.
        LookupError
            When no such version is reserved.
        """
        published = self._store.publish(
            tx,
            version_rid,
            model_api=_checked_api(model_api),
            conda_requirements=conda_requirements,
            predictor=predictor,
            blob_key=blob_key,
            environment=environment,
            at=self._clock.now_millis(),
        )
        if not published:
            raise LookupError(f"no version {version_rid} is reserved")

    def discard_version(self, tx: sa.Connection, version_rid: str) -> None:
        """Forget the reserved version of a run that failed; leaves a published one alone."""
        self._store.discard(tx, version_rid)

    # reading versions -------------------------------------------------------------------------

    def version(self, tx: sa.Connection, model_rid: str, version_rid: str) -> ModelVersion:
        """Return a published version.

        Raises
        ------
        ModelVersionNotFound
        """
        found = self._store.version(tx, model_rid, version_rid)
        if found is None:
            raise ModelVersionNotFound(model_rid, version_rid)
        return found

    def versions(
        self, tx: sa.Connection, model_rid: str, branch: str, *, before: int | None, limit: int
    ) -> list[ModelVersion]:
        """Return published versions of a branch, newest first, with sequences below ``before``."""
        return self._store.versions(tx, model_rid, branch, before=before, limit=limit)

    def published(self, tx: sa.Connection, version_rid: str) -> ModelVersion | None:
        """Return a published version, whatever its model; None when there is none of that RID."""
        return self._store.published(tx, version_rid)

    def package_of(self, tx: sa.Connection, version_rid: str) -> ModelPackage | None:
        """Return what predicts with a published version, None for any other."""
        found = self._store.package(tx, version_rid)
        return None if found is None else ModelPackage(*found)


def _checked_api(model_api: Mapping[str, Any]) -> dict[str, Any]:
    try:
        checked = ModelApi.model_validate(model_api)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(str(part) for part in first["loc"])
        raise InvalidModelApi(first["type"], f"modelApi.{place}: {first['msg']}") from None
    return checked.model_dump(by_alias=True, exclude_none=True)
