"""HTTP operations of Model Studios; the run list itself is in `runs`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Final

from fastapi import Path, Query, Request, Response

from modelstudio.filesystem.errors import InvalidDisplayName, ResourceNameAlreadyExists
from modelstudio.kit.paging import page_size
from modelstudio.kit.routing import CurrentCaller, operation
from modelstudio.kit.wire import PageSize, PageToken, RidPath, json_bytes, no_content, reply
from modelstudio.studios import errors, wire
from modelstudio.studios.runs import OPERATION
from modelstudio.studios.wire import CreateConfigVersionRequest, CreateModelStudioRequest

if TYPE_CHECKING:
    from modelstudio.kit.database import Database
    from modelstudio.kit.paging import PageTokens
    from modelstudio.studios.launching import Launcher
    from modelstudio.studios.runs import RunList
    from modelstudio.studios.service import StudioService
    from modelstudio.trainers.catalogue import Catalogue

_READ: Final = ("api:models-read",)
_WRITE: Final = ("api:models-write",)
_STUDIOS: Final = "/api/v2/models/modelStudios"
_STUDIO: Final = f"{_STUDIOS}/{{studio_rid}}"
_CONFIGS: Final = f"{_STUDIO}/configVersions"
_TRAINERS: Final = "/api/v2/models/modelStudioTrainers"
_CONFIG_PAGE: Final = 100
_MAX_VERSION: Final = 2**31 - 1

VersionPath = Annotated[int, Path(ge=-_MAX_VERSION, le=_MAX_VERSION)]


class ModelStudioRoutes:
    def __init__(self, database: Database, studios: StudioService, launcher: Launcher) -> None:
        self._database = database
        self._studios = studios
        self._launcher = launcher

    @operation(
        "POST",
        _STUDIOS,
        scopes=_WRITE,
        preview=True,
        response=wire.ModelStudio,
        errors=(
            errors.CreateModelStudioPermissionDenied,
            InvalidDisplayName,
            errors.InvalidModelStudioCreateRequest,
            ResourceNameAlreadyExists,
        ),
    )
    def create(self, body: CreateModelStudioRequest, caller: CurrentCaller) -> Response:
        with self._database.write() as tx:
            studio = self._studios.create(
                tx, caller, name=body.name, folder_rid=body.parent_folder_rid
            )
        return reply(wire.studio(studio))

    @operation(
        "GET",
        _STUDIO,
        scopes=_READ,
        preview=True,
        response=wire.ModelStudio,
        errors=(errors.ModelStudioNotFound,),
    )
    def get(self, studio_rid: RidPath, caller: CurrentCaller) -> Response:
        with self._database.read() as tx:
            studio = self._studios.require(tx, caller, studio_rid)
        return reply(wire.studio(studio))

    @operation(
        "POST",
        f"{_STUDIO}/launch",
        scopes=_WRITE,
        preview=True,
        response=wire.Run,
        errors=(
            errors.LaunchModelStudioPermissionDenied,
            errors.ModelStudioNotFound,
        ),
    )
    def launch(self, studio_rid: RidPath, caller: CurrentCaller) -> Response:
        with self._database.write() as tx:
            run = self._launcher.launch(tx, caller, studio_rid)
        return json_bytes(run.encode())


class ConfigVersionRoutes:
    def __init__(self, database: Database, studios: StudioService, tokens: PageTokens) -> None:
        self._database = database
        self._studios = studios
        self._tokens = tokens

    @operation(
        "POST",
        _CONFIGS,
        scopes=_WRITE,
        preview=True,
        response=wire.ConfigVersion,
        errors=(
            errors.CreateConfigValidationError,
            errors.CreateModelStudioConfigVersionPermissionDenied,
            errors.ModelStudioNotFound,
            errors.TrainerNotFound,
        ),
    )
    def create(
        self, studio_rid: RidPath, body: CreateConfigVersionRequest, caller: CurrentCaller
    ) -> Response:
        with self._database.read() as tx:
            trainer = self._studios.check_config(tx, caller, studio_rid, body)
        with self._database.write() as tx:
            config = self._studios.add_config(tx, caller, studio_rid, body, trainer)
        return reply(wire.config_version(config))

    # before `get`, which would take "latest" for a number
    @operation(
        "GET",
        f"{_CONFIGS}/latest",
        scopes=_READ,
        preview=True,
        response=wire.ConfigVersion,
        errors=(errors.ModelStudioNotFound,),
    )
    def latest(self, studio_rid: RidPath, caller: CurrentCaller) -> Response:
        with self._database.read() as tx:
            config = self._studios.latest_config(tx, caller, studio_rid)
        return no_content() if config is None else reply(wire.config_version(config))

    @operation(
        "GET",
        f"{_CONFIGS}/{{version}}",
        scopes=_READ,
        preview=True,
        response=wire.ConfigVersion,
        errors=(errors.ModelStudioConfigVersionNotFound, errors.ModelStudioNotFound),
    )
    def get(self, studio_rid: RidPath, version: VersionPath, caller: CurrentCaller) -> Response:
        with self._database.read() as tx:
            config = self._studios.config(tx, caller, studio_rid, version)
        return reply(wire.config_version(config))

    @operation(
        "GET",
        _CONFIGS,
        scopes=_READ,
        preview=True,
        response=wire.ConfigVersions,
        errors=(errors.ModelStudioNotFound,),
    )
    def list(
        self,
        studio_rid: RidPath,
        caller: CurrentCaller,
        size: PageSize = None,
        token: PageToken = None,
    ) -> Response:
        limit = page_size(size, default=_CONFIG_PAGE)
        context = f"configs|{studio_rid}"
        before = None if token is None else int(self._tokens.read(context, token)[0])
        with self._database.read() as tx:
            found = self._studios.configs(tx, caller, studio_rid, before=before, limit=limit + 1)
        page = found[:limit]
        more = self._tokens.make(context, [page[-1].version]) if len(found) > limit else None
        data = [wire.config_version(config) for config in page]
        return reply(wire.ConfigVersions(data=data, next_page_token=more))


class ModelStudioRunRoutes:
    """The run list as the framework knows it, for the OpenAPI document.

    In a server `runs.RunListEndpoint` stands in front and answers it without the framework.
    """

    def __init__(self, runs: RunList) -> None:
        self._runs = runs

    @operation(
        OPERATION.method,
        OPERATION.path,
        scopes=OPERATION.scopes,
        preview=OPERATION.preview,
        response=wire.Runs,
        errors=OPERATION.errors,
    )
    def list(
        self,
        studio_rid: str,
        request: Request,
        config_version: Annotated[int | None, Query(alias="configVersion")] = None,  # noqa: ARG002
        size: PageSize = None,  # noqa: ARG002 - named for the document, read from the query
        token: PageToken = None,  # noqa: ARG002
    ) -> Response:
        authorization = request.headers.get("authorization")
        query: bytes = request.scope["query_string"]
        return json_bytes(self._runs.answer(studio_rid, query, authorization))


class TrainerRoutes:
    def __init__(self, catalogue: Catalogue) -> None:
        self._catalogue = catalogue

    @operation("GET", _TRAINERS, scopes=_READ, preview=True, response=wire.Trainers)
    def list(self, caller: CurrentCaller) -> Response:  # noqa: ARG002 - authenticated all the same
        found = [wire.trainer(one) for one in self._catalogue.list()]
        return reply(wire.Trainers(data=found))

    @operation(
        "GET",
        f"{_TRAINERS}/{{trainer_id}}",
        scopes=_READ,
        preview=True,
        response=wire.Trainer,
        errors=(errors.ModelStudioTrainerNotFound,),
    )
    def get(
        self,
        trainer_id: RidPath,
        caller: CurrentCaller,  # noqa: ARG002
        version: Annotated[str | None, Query()] = None,
    ) -> Response:
        found = self._catalogue.get(trainer_id, version)
        if found is None:
            raise errors.ModelStudioTrainerNotFound(trainer_id)
        return reply(wire.trainer(found))
