"""Typed errors of the ``filesystem`` namespace."""

from __future__ import annotations

from modelstudio.errors import Conflict, InvalidArgument, NotFound, PermissionDenied


class InvalidDisplayName(InvalidArgument):
    def __init__(self, display_name: str) -> None:
        super().__init__(displayName=display_name)


class MissingDisplayName(InvalidArgument):
    def __init__(self) -> None:
        super().__init__()


class InvalidFolder(InvalidArgument):
    def __init__(self, resource_rid: str) -> None:
        super().__init__(resourceRid=resource_rid)


class InvalidPath(InvalidArgument):
    def __init__(self, path: str) -> None:
        super().__init__(path=path)


class InvalidRoleIds(InvalidArgument):
    def __init__(self, requested_role_ids: list[str]) -> None:
        super().__init__(requestedRoleIds=requested_role_ids)


class CreateProjectNoOwnerLikeRoleGrant(InvalidArgument):
    def __init__(self, granted: list[str], owner_like: list[str]) -> None:
        super().__init__(grantedRoleIds=granted, roleSetOwnerLikeRoleIds=owner_like)


class CreateFolderOutsideProjectNotSupported(InvalidArgument):
    def __init__(self, parent_folder_rid: str) -> None:
        super().__init__(parentFolderRid=parent_folder_rid)


class GetRootFolderNotSupported(InvalidArgument):
    def __init__(self) -> None:
        super().__init__()


class GetSpaceResourceNotSupported(InvalidArgument):
    def __init__(self, space_rid: str) -> None:
        super().__init__(spaceRid=space_rid)


class OrganizationsNotFound(NotFound):
    def __init__(self, organization_rids: list[str]) -> None:
        super().__init__(organizationRids=organization_rids)


class ResourceNotFound(NotFound):
    def __init__(self, resource_rid: str) -> None:
        super().__init__(resourceRid=resource_rid)


class PathNotFound(NotFound):
    def __init__(self, path: str) -> None:
        super().__init__(path=path)


class FolderNotFound(NotFound):
    def __init__(self, folder_rid: str) -> None:
        super().__init__(folderRid=folder_rid)


class ProjectNotFound(NotFound):
    def __init__(self, project_rid: str) -> None:
        super().__init__(projectRid=project_rid)


class SpaceNotFound(NotFound):
    def __init__(self, space_rid: str) -> None:
        super().__init__(spaceRid=space_rid)


class CreateProjectPermissionDenied(PermissionDenied):
    def __init__(self) -> None:
        super().__init__()


class CreateFolderPermissionDenied(PermissionDenied):
    def __init__(self) -> None:
        super().__init__()


class ResourceNameAlreadyExists(Conflict):
    def __init__(self, parent_folder_rid: str, display_name: str) -> None:
        super().__init__(parentFolderRid=parent_folder_rid, displayName=display_name)


class ProjectNameAlreadyExists(Conflict):
    def __init__(self, display_name: str, space_rid: str) -> None:
        super().__init__(displayName=display_name, spaceRid=space_rid)
