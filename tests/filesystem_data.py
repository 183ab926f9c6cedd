"""Projects and folders for tests."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from foundry_sdk import FoundryClient

ROOT = "ri.compass.main.folder.0"
NOWHERE = "ri.compass.main.folder.00000000-0000-0000-0000-00000000dead"


def space_rid(client: FoundryClient) -> str:
    return next(iter(client.filesystem.Space.list())).rid


def new_project(client: FoundryClient, **options: Any) -> Any:
    wanted = {
        "display_name": f"project {uuid.uuid4()}",
        "default_roles": [],
        "organization_rids": [],
        "role_grants": {},
        "space_rid": space_rid(client),
    }
    return client.filesystem.Project.create(**{**wanted, **options})


def new_folder(client: FoundryClient, parent: str, name: str | None = None) -> Any:
    return client.filesystem.Folder.create(
        display_name=f"folder {uuid.uuid4()}" if name is None else name,
        parent_folder_rid=parent,
    )


def user_id(client: FoundryClient) -> str:
    """Learn a user's id from something that the user makes."""
    return str(new_project(client).created_by)


def granted(role: str, principal: str, kind: str = "USER") -> dict[str, list[dict[str, str]]]:
    one = {"principalId": principal, "principalType": kind, "type": "principalWithId"}
    return {role: [one]}
