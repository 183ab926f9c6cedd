"""HTTP operations of models and their versions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Final

from fastapi import HTTPException, Query, Response

from modelstudio.errors import InvalidArgument
from modelstudio.filesystem.errors import InvalidDisplayName, ResourceNameAlreadyExists
from modelstudio.kit import rids
from modelstudio.kit.paging import PageTokens, page_size
from modelstudio.kit.routing import CurrentCaller, operation
from modelstudio.kit.wire import PageSize, PageToken, RidPath, reply
from modelstudio.models import errors, wire
from modelstudio.models.wire import CreateModelRequest

if TYPE_CHECKING:
    from modelstudio.kit.database import Database
    from modelstudio.models.service import ModelService

_BASE: Final = "/api/v2/models"
_VERSIONS: Final = 100
_DEFAULT_BRANCH: Final = "master"
_LIVE_DEPLOYMENTS: Final = "liveDeployments"
_READ: Final = ("api:models-read",)
_WRITE: Final = ("api:models-write",)


class ModelRoutes:
    """Mounted last below ``/api/v2/models/``: `get` would take any other name there for a RID."""

    def __init__(self, database: Database, models: ModelService) -> None:
        self._database = database
        self._models = models

    @operation(
        "POST",
        _BASE,
        scopes=_WRITE,
        preview=True,
        response=wire.Model,
        errors=(
            errors.CreateModelPermissionDenied,
            InvalidDisplayName,
            ResourceNameAlreadyExists,
        ),
    )
    def create(self, body: CreateModelRequest, caller: CurrentCaller) -> Response:
        with self._database.write() as tx:
            model = self._models.create(
                tx, caller, parent_rid=body.parent_folder_rid, name=body.name
            )
        return reply(wire.Model(rid=model.rid))

    @operation(
        "GET",
        f"{_BASE}/{{model_rid}}",
        scopes=_READ,
        preview=True,
        response=wire.Model,
        errors=(errors.ModelNotFound,),
    )
    def get(self, model_rid: str, caller: CurrentCaller) -> Response:
        if model_rid == _LIVE_DEPLOYMENTS:
            raise HTTPException(404)  # an operation that does not answer yet, and no model
        if not rids.is_rid(model_rid):
            raise InvalidArgument("model_rid: not a resource identifier", field="model_rid")
        with self._database.read() as tx:
            model = self._models.require_model(tx, caller, model_rid)
        return reply(wire.Model(rid=model.rid))


class ModelVersionRoutes:
    def __init__(self, database: Database, models: ModelService, tokens: PageTokens) -> None:
        self._database = database
        self._models = models
        self._tokens = tokens

    @operation(
        "GET",
        f"{_BASE}/{{model_rid}}/versions",
        scopes=_READ,
        preview=True,
        response=wire.ModelVersions,
        errors=(errors.ModelNotFound,),
    )
    def list(
        self,
        model_rid: RidPath,
        caller: CurrentCaller,
        branch: Annotated[str, Query()] = _DEFAULT_BRANCH,
        size: PageSize = None,
        token: PageToken = None,
    ) -> Response:
        limit = page_size(size, default=_VERSIONS)
        context = f"versions|{model_rid}|{branch}"
        before = None if token is None else self._tokens.read(context, token)[0]
        with self._database.read() as tx:
            self._models.require_model(tx, caller, model_rid)
            found = self._models.versions(tx, model_rid, branch, before=before, limit=limit + 1)
        more = None
        if len(found) > limit:
            more = self._tokens.make(context, [found[limit - 1].sequence])
        page = [wire.model_version(version) for version in found[:limit]]
        return reply(wire.ModelVersions(data=page, next_page_token=more))

    @operation(
        "GET",
        f"{_BASE}/{{model_rid}}/versions/{{version_rid}}",
        scopes=_READ,
        preview=True,
        response=wire.ModelVersion,
        errors=(errors.ModelVersionNotFound,),
    )
    def get(self, model_rid: RidPath, version_rid: RidPath, caller: CurrentCaller) -> Response:
        missing = errors.ModelVersionNotFound(model_rid, version_rid)
        with self._database.read() as tx:
            self._models.require_model(tx, caller, model_rid, missing=missing)
            version = self._models.version(tx, model_rid, version_rid)
        return reply(wire.model_version(version))
