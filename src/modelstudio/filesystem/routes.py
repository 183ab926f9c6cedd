"""HTTP operations of the ``filesystem`` namespace."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Final

from fastapi import Query, Response

from modelstudio.errors import InvalidArgument, InvalidPageToken
from modelstudio.filesystem import errors, wire
from modelstudio.filesystem.service import (
    PROJECT,
    ROLE_IDS,
    ROOT_FOLDER,
    SPACE,
    FilesystemService,
    Role,
    require_resource,
)
from modelstudio.filesystem.store import EVERYONE
from modelstudio.filesystem.wire import CreateFolderRequest, CreateProjectRequest
from modelstudio.kit import rids
from modelstudio.kit.paging import PageTokens, page_size
from modelstudio.kit.routing import CurrentCaller, operation
from modelstudio.kit.wire import PageSize, PageToken, RidPath, reply

if TYPE_CHECKING:
    import sqlalchemy as sa

    from modelstudio.identity.service import IdentityService
    from modelstudio.kit.database import Database
    from modelstudio.kit.routing import Caller

_READ: Final = ("api:filesystem-read",)
_WRITE: Final = ("api:filesystem-write",)
_CHILDREN: Final = 2000
_BASE: Final = "/api/v2/filesystem"


class SpaceRoutes:
    def __init__(self, database: Database, filesystem: FilesystemService) -> None:
        self._database = database
        self._filesystem = filesystem

    @operation("GET", f"{_BASE}/spaces", scopes=_READ, response=wire.Spaces)
    def list(
        self, caller: CurrentCaller, size: PageSize = None, token: PageToken = None
    ) -> Response:
        # Spaces are few and made by administrators, so they fit on one page.
        page_size(size, default=1000)
        if token is not None:
            raise InvalidPageToken(token)
        with self._database.read() as tx:
            found = self._filesystem.spaces(tx, caller)
        return reply(wire.Spaces(data=[wire.space(space) for space in found]))


class ProjectRoutes:
    def __init__(
        self, database: Database, filesystem: FilesystemService, identity: IdentityService
    ) -> None:
        self._database = database
        self._filesystem = filesystem
        self._identity = identity

    @operation(
        "POST",
        f"{_BASE}/projects/create",
        scopes=_WRITE,
        response=wire.Project,
        errors=(
            errors.CreateProjectNoOwnerLikeRoleGrant,
            errors.CreateProjectPermissionDenied,
            errors.InvalidDisplayName,
            errors.InvalidRoleIds,
            errors.OrganizationsNotFound,
            errors.ProjectNameAlreadyExists,
            errors.SpaceNotFound,
        ),
    )
    def create(self, body: CreateProjectRequest, caller: CurrentCaller) -> Response:
        if body.organization_rids:
            raise errors.OrganizationsNotFound(body.organization_rids)
        with self._database.write() as tx:
            space = self._filesystem.require(
                tx, caller, body.space_rid, kind=SPACE, missing=errors.SpaceNotFound(body.space_rid)
            )
            grants = self._grants(tx, caller, body)
            try:
                project = self._filesystem.create_project(
                    tx,
                    caller,
                    space=space,
                    name=body.display_name,
                    description=body.description,
                    grants=grants,
                )
            except errors.ResourceNameAlreadyExists:
                raise errors.ProjectNameAlreadyExists(body.display_name, space.rid) from None
        return reply(wire.project(project))

    @operation(
        "GET",
        f"{_BASE}/projects/{{project_rid}}",
        scopes=_READ,
        response=wire.Project,
        errors=(errors.ProjectNotFound,),
    )
    def get(self, project_rid: RidPath, caller: CurrentCaller) -> Response:
        with self._database.read() as tx:
            project = self._filesystem.find(tx, caller, project_rid)
        if project is None or project.resource.kind != PROJECT:
            raise errors.ProjectNotFound(project_rid)
        return reply(wire.project(project))

    def _grants(
        self, tx: sa.Connection, caller: Caller, body: CreateProjectRequest
    ) -> list[tuple[str, str]]:
        asked = [*body.role_grants, *body.default_roles]
        unknown = [role for role in asked if role not in ROLE_IDS]
        if unknown:
            raise errors.InvalidRoleIds(unknown)
        owner = Role.OWNER.id
        if body.role_grants and not body.role_grants.get(owner):
            raise errors.CreateProjectNoOwnerLikeRoleGrant(list(body.role_grants), [owner])
        grants = [
            (principal.principal_id, role)
            for role, principals in body.role_grants.items()
            for principal in principals
        ]
        groups = {
            principal.principal_id
            for principals in body.role_grants.values()
            for principal in principals
            if principal.principal_type == "GROUP"  # there are no groups
        }
        users = {principal for principal, _ in grants}
        strangers = groups | self._identity.unknown_users(tx, users)
        if strangers:
            raise InvalidArgument("A principal is not a user.", principalId=min(strangers))
        grants += [(EVERYONE, role) for role in body.default_roles]
        # Who names no owner becomes the owner.
        return grants if body.role_grants else [*grants, (caller.user_id, owner)]


class FolderRoutes:
    def __init__(
        self, database: Database, filesystem: FilesystemService, tokens: PageTokens
    ) -> None:
        self._database = database
        self._filesystem = filesystem
        self._tokens = tokens

    @operation(
        "POST",
        f"{_BASE}/folders",
        scopes=_WRITE,
        response=wire.Folder,
        errors=(
            errors.CreateFolderOutsideProjectNotSupported,
            errors.CreateFolderPermissionDenied,
            errors.FolderNotFound,
            errors.InvalidDisplayName,
            errors.InvalidFolder,
            errors.MissingDisplayName,
            errors.ResourceNameAlreadyExists,
        ),
    )
    def create(self, body: CreateFolderRequest, caller: CurrentCaller) -> Response:
        if body.display_name is None:
            raise errors.MissingDisplayName
        with self._database.write() as tx:
            parent = self._filesystem.require_parent(
                tx, caller, body.parent_folder_rid, denied=errors.CreateFolderPermissionDenied()
            )
            folder = self._filesystem.create(
                tx,
                caller,
                parent=parent,
                name=body.display_name,
                rid_prefix=rids.FOLDER,
                kind="FOLDER",
            )
        return reply(wire.folder(folder))

    @operation(
        "GET",
        f"{_BASE}/folders/{{folder_rid}}",
        scopes=_READ,
        response=wire.Folder,
        errors=(errors.FolderNotFound, errors.GetRootFolderNotSupported, errors.InvalidFolder),
    )
    def get(self, folder_rid: RidPath, caller: CurrentCaller) -> Response:
        if folder_rid == ROOT_FOLDER:
            raise errors.GetRootFolderNotSupported
        with self._database.read() as tx:
            folder = self._filesystem.find(tx, caller, folder_rid)
        if folder is None:
            raise errors.FolderNotFound(folder_rid)
        if not folder_rid.startswith(rids.FOLDER):
            raise errors.InvalidFolder(folder_rid)
        return reply(wire.folder(folder))

    @operation(
        "GET",
        f"{_BASE}/folders/{{folder_rid}}/children",
        scopes=(),
        response=wire.Resources,
        errors=(errors.FolderNotFound, errors.GetRootFolderNotSupported, errors.InvalidFolder),
    )
    def children(
        self,
        folder_rid: RidPath,
        caller: CurrentCaller,
        size: PageSize = None,
        token: PageToken = None,
    ) -> Response:
        limit = page_size(size, default=_CHILDREN)
        if folder_rid == ROOT_FOLDER:
            raise errors.GetRootFolderNotSupported
        context = f"children|{folder_rid}"
        after = None if token is None else self._tokens.read(context, token)
        with self._database.read() as tx:
            found = self._filesystem.children(tx, caller, folder_rid, after=after, limit=limit + 1)
        more = None
        if len(found) > limit:
            last = found[limit - 1].resource
            more = self._tokens.make(context, (last.display_name, last.rid))
        page = [wire.resource(child) for child in found[:limit]]
        return reply(wire.Resources(data=page, next_page_token=more))


class ResourceRoutes:
    def __init__(self, database: Database, filesystem: FilesystemService) -> None:
        self._database = database
        self._filesystem = filesystem

    # before `get`, whose path would take "getByPath" for a RID
    @operation(
        "GET",
        f"{_BASE}/resources/getByPath",
        scopes=_READ,
        response=wire.Resource,
        errors=(
            errors.GetSpaceResourceNotSupported,
            errors.GetRootFolderNotSupported,
            errors.InvalidPath,
            errors.PathNotFound,
        ),
    )
    def get_by_path(self, path: Annotated[str, Query()], caller: CurrentCaller) -> Response:
        if path in {"", "/"}:
            raise errors.GetRootFolderNotSupported
        with self._database.read() as tx:
            found = self._filesystem.by_path(tx, caller, path)
        if found.resource.kind == SPACE:
            raise errors.GetSpaceResourceNotSupported(found.rid)
        return reply(wire.resource(found))

    @operation(
        "GET",
        f"{_BASE}/resources/{{resource_rid}}",
        scopes=_READ,
        response=wire.Resource,
        errors=(
            errors.GetRootFolderNotSupported,
            errors.GetSpaceResourceNotSupported,
            errors.ResourceNotFound,
        ),
    )
    def get(self, resource_rid: RidPath, caller: CurrentCaller) -> Response:
        if resource_rid == ROOT_FOLDER:
            raise errors.GetRootFolderNotSupported
        with self._database.read() as tx:
            found = require_resource(self._filesystem, tx, caller, resource_rid)
        if found.resource.kind == SPACE:
            raise errors.GetSpaceResourceNotSupported(found.rid)
        return reply(wire.resource(found))
