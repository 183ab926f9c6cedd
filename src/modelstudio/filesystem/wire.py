"""Wire types of the ``filesystem`` namespace."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from pydantic import Field

from modelstudio.filesystem.service import FOLDER, PROJECT, ROOT_FOLDER, SPACE
from modelstudio.kit.wire import Rid, Time, WireModel

if TYPE_CHECKING:
    from modelstudio.filesystem.service import Located

TrashStatus = Literal["DIRECTLY_TRASHED", "ANCESTOR_TRASHED", "NOT_TRASHED"]
_FOLDER_LIKE = frozenset({SPACE, PROJECT, FOLDER})


class Principal(WireModel):
    principal_id: str
    principal_type: Literal["USER", "GROUP"] = "USER"


class CreateProjectRequest(WireModel):
    display_name: str
    description: str | None = None
    space_rid: Rid
    role_grants: dict[str, list[Principal]] = Field(default_factory=dict)
    default_roles: list[str] = Field(default_factory=list)
    organization_rids: list[Rid] = Field(default_factory=list)
    resource_level_role_grants_allowed: bool | None = None


class CreateFolderRequest(WireModel):
    display_name: str | None = None
    parent_folder_rid: Rid


class _Node(WireModel):
    rid: str
    display_name: str
    description: str | None = None
    path: str
    created_by: str
    updated_by: str
    created_time: Time
    updated_time: Time
    trash_status: TrashStatus
    space_rid: str


class Project(_Node):
    resource_level_role_grants_allowed: bool


class Folder(_Node):
    type: Literal["FOLDER", "SPACE", "PROJECT"]
    parent_folder_rid: str
    project_rid: str | None = None


class Resource(_Node):
    type: str
    parent_folder_rid: str
    project_rid: str


class Resources(WireModel):
    data: list[Resource]
    next_page_token: str | None = None


class Space(WireModel):
    rid: str
    display_name: str
    description: str | None = None
    path: str
    file_system_id: str
    usage_account_rid: str
    organizations: list[str]
    deletion_policy_organizations: list[str]
    default_role_set_id: str


class Spaces(WireModel):
    data: list[Space]
    next_page_token: str | None = None


def _node(located: Located) -> dict[str, object]:
    resource = located.resource
    return {
        "rid": resource.rid,
        "display_name": resource.display_name,
        "description": resource.description,
        "path": located.path,
        "created_by": resource.created_by,
        "updated_by": resource.updated_by,
        "created_time": resource.created_at,
        "updated_time": resource.updated_at,
        "trash_status": located.trash_status,
        "space_rid": resource.space_rid,
    }


def project(located: Located) -> Project:
    return Project.model_validate({**_node(located), "resource_level_role_grants_allowed": True})


def folder(located: Located) -> Folder:
    resource = located.resource
    return Folder.model_validate(
        {
            **_node(located),
            "type": resource.kind,
            "parent_folder_rid": resource.parent_rid or ROOT_FOLDER,
            "project_rid": resource.project_rid,
        }
    )


def resource(located: Located) -> Resource:
    stored = located.resource
    return Resource.model_validate(
        {
            **_node(located),
            "type": "COMPASS_FOLDER" if stored.kind in _FOLDER_LIKE else stored.kind,
            "parent_folder_rid": stored.parent_rid or ROOT_FOLDER,
            "project_rid": stored.project_rid,
        }
    )


def space(located: Located) -> Space:
    locator = located.rid.rpartition(".")[2]
    return Space(
        rid=located.rid,
        display_name=located.resource.display_name,
        description=located.resource.description,
        path=located.path,
        file_system_id="default",
        usage_account_rid=f"ri.resource-policy-manager.main.usage-account.{locator}",
        organizations=[],
        deletion_policy_organizations=[],
        default_role_set_id="default",
    )
