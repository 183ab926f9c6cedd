"""Spaces, projects, folders and resources, through the official client."""

from __future__ import annotations

import asyncio
import uuid
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import foundry_sdk
import pytest
from foundry_sdk.v2.filesystem import errors

from filesystem_data import NOWHERE, ROOT, granted, new_folder, new_project, space_rid, user_id
from one_shot_clients import one_shot_client

if TYPE_CHECKING:
    from foundry_sdk import AsyncFoundryClient, FoundryClient

    from support import RunningServer


@pytest.fixture(scope="module")
def ada(server: RunningServer) -> FoundryClient:
    """Another user, without any role of her own."""
    return server.client(server.token("ada"))


@pytest.fixture(scope="module")
def ada_id(ada: FoundryClient) -> str:
    return user_id(ada)


# spaces and projects ---------------------------------------------------------------------------


def test_the_space_main_is_there_for_every_user(client: FoundryClient, ada: FoundryClient) -> None:
    spaces = list(client.filesystem.Space.list())
    assert [(space.display_name, space.path) for space in spaces] == [("Main", "/Main")]
    assert [space.rid for space in ada.filesystem.Space.list()] == [spaces[0].rid]


def test_a_project_is_what_was_asked_for(client: FoundryClient) -> None:
    name = f"prices {uuid.uuid4()}"
    made = new_project(client, display_name=name, description="of houses")
    assert client.filesystem.Project.get(made.rid) == made
    assert (made.display_name, made.description) == (name, "of houses")
    assert made.path == f"/Main/{name}"
    assert made.space_rid == space_rid(client)
    assert made.trash_status == "NOT_TRASHED"
    assert made.resource_level_role_grants_allowed
    assert made.created_by == made.updated_by
    assert str(uuid.UUID(made.created_by)) == made.created_by
    assert abs(made.created_time - datetime.now(UTC)) < timedelta(minutes=5)


def test_two_projects_of_a_space_have_different_names(client: FoundryClient) -> None:
    made = new_project(client)
    with pytest.raises(errors.ProjectNameAlreadyExists) as caught:
        new_project(client, display_name=made.display_name)
    assert caught.value.parameters == {
        "displayName": made.display_name,
        "spaceRid": space_rid(client),
    }


def test_a_project_needs_a_space_that_exists(client: FoundryClient, project: str) -> None:
    for rid in (NOWHERE, project):
        with pytest.raises(errors.SpaceNotFound) as caught:
            new_project(client, space_rid=rid)
        assert caught.value.parameters == {"spaceRid": rid}


def test_a_role_that_does_not_exist_is_named(client: FoundryClient, ada_id: str) -> None:
    with pytest.raises(errors.InvalidRoleIds) as caught:
        new_project(client, default_roles=["viewer", "king"])
    assert caught.value.parameters == {"requestedRoleIds": ["king"]}
    with pytest.raises(errors.InvalidRoleIds):
        new_project(client, role_grants=granted("king", ada_id))


def test_grants_need_an_owner_among_them(client: FoundryClient, ada_id: str) -> None:
    with pytest.raises(errors.CreateProjectNoOwnerLikeRoleGrant) as caught:
        new_project(client, role_grants=granted("viewer", ada_id))
    assert caught.value.parameters == {
        "grantedRoleIds": ["viewer"],
        "roleSetOwnerLikeRoleIds": ["owner"],
    }


def test_who_is_no_user_cannot_be_granted_a_role(client: FoundryClient, ada_id: str) -> None:
    for grants in (granted("owner", str(uuid.uuid4())), granted("owner", ada_id, "GROUP")):
        with pytest.raises(foundry_sdk.BadRequestError) as caught:
            new_project(client, role_grants=grants)
        assert caught.value.name == "Default:InvalidArgument"


def test_an_organization_is_not_found(client: FoundryClient) -> None:
    rid = "ri.multipass..organization.00000000-0000-0000-0000-000000000000"
    with pytest.raises(errors.OrganizationsNotFound) as caught:
        new_project(client, organization_rids=[rid])
    assert caught.value.parameters == {"organizationRids": [rid]}


def test_what_is_no_project_is_not_found_as_one(client: FoundryClient, project: str) -> None:
    for rid in (NOWHERE, space_rid(client), new_folder(client, project).rid):
        with pytest.raises(errors.ProjectNotFound) as caught:
            client.filesystem.Project.get(rid)
        assert caught.value.parameters == {"projectRid": rid}


# folders ---------------------------------------------------------------------------------------


def test_a_folder_is_what_was_asked_for(client: FoundryClient, project: str) -> None:
    parent = new_folder(client, project, "parent")
    made = new_folder(client, parent.rid, "child")
    assert client.filesystem.Folder.get(made.rid) == made
    assert (made.type, made.parent_folder_rid, made.project_rid) == ("FOLDER", parent.rid, project)
    assert made.path == f"{parent.path}/child"
    assert made.space_rid == space_rid(client)


def test_projects_and_spaces_are_folders_too(client: FoundryClient, project: str) -> None:
    space = client.filesystem.Folder.get(space_rid(client))
    assert (space.type, space.parent_folder_rid, space.project_rid) == ("SPACE", ROOT, None)
    found = client.filesystem.Folder.get(project)
    assert (found.type, found.parent_folder_rid, found.project_rid) == (
        "PROJECT",
        space.rid,
        project,
    )


def test_two_folders_of_a_parent_have_different_names(client: FoundryClient, project: str) -> None:
    new_folder(client, project, "a")
    with pytest.raises(errors.ResourceNameAlreadyExists) as caught:
        new_folder(client, project, "a")
    assert caught.value.parameters == {"parentFolderRid": project, "displayName": "a"}
    new_folder(client, project, "A")


def test_a_folder_is_made_in_a_folder_of_a_project_only(
    client: FoundryClient, project: str
) -> None:
    with pytest.raises(errors.FolderNotFound) as missing:
        new_folder(client, NOWHERE)
    assert missing.value.parameters == {"folderRid": NOWHERE}
    for rid in (ROOT, space_rid(client)):
        with pytest.raises(errors.CreateFolderOutsideProjectNotSupported) as caught:
            new_folder(client, rid)
        assert caught.value.parameters == {"parentFolderRid": rid}
    assert list(client.filesystem.Folder.children(project)) == []


def test_a_folder_without_a_name_has_an_error_of_its_own(
    server: RunningServer, project: str
) -> None:
    import httpx

    answer = httpx.post(
        f"{server.url}/api/v2/filesystem/folders",
        json={"parentFolderRid": project},
        headers={"authorization": f"Bearer {server.admin_token}"},
    )
    assert (answer.status_code, answer.json()["errorName"]) == (400, "MissingDisplayName")


def test_the_root_is_not_a_folder_to_get(client: FoundryClient) -> None:
    with pytest.raises(errors.GetRootFolderNotSupported):
        client.filesystem.Folder.get(ROOT)
    with pytest.raises(errors.GetRootFolderNotSupported):
        list(client.filesystem.Folder.children(ROOT))


def test_what_is_no_folder_is_told_from_what_is_not_there(
    client: FoundryClient, project: str
) -> None:
    model = client.models.Model.create(name="m", parent_folder_rid=project, preview=True)
    for call in (client.filesystem.Folder.get, client.filesystem.Folder.children):
        with pytest.raises(errors.InvalidFolder) as invalid:
            list(call(model.rid))
        assert invalid.value.parameters == {"resourceRid": model.rid}
        with pytest.raises(errors.FolderNotFound) as missing:
            list(call(NOWHERE))
        assert missing.value.parameters == {"folderRid": NOWHERE}
    with pytest.raises(errors.InvalidFolder):
        new_folder(client, model.rid)


def test_a_change_below_a_folder_updates_the_folders_above_and_not_the_project(
    client: FoundryClient, ada: FoundryClient, ada_id: str
) -> None:
    project = new_project(client, default_roles=["editor"])
    upper = new_folder(client, project.rid, "upper")
    lower = new_folder(client, upper.rid, "lower")
    new_folder(ada, lower.rid, "new")
    for before in (upper, lower):
        after = client.filesystem.Folder.get(before.rid)
        assert after.updated_by == ada_id
        assert after.updated_time > before.updated_time
        assert after.created_by == before.created_by
    assert client.filesystem.Project.get(project.rid).updated_time == project.updated_time


# resources -------------------------------------------------------------------------------------


def test_a_folder_is_a_resource(client: FoundryClient, project: str) -> None:
    folder = new_folder(client, project, "a")
    found = client.filesystem.Resource.get(folder.rid)
    assert (found.type, found.path) == ("COMPASS_FOLDER", folder.path)
    assert (found.parent_folder_rid, found.project_rid) == (project, project)
    assert client.filesystem.Resource.get_by_path(path=folder.path) == found
    assert client.filesystem.Resource.get_by_path(path=folder.path[1:]) == found
    assert client.filesystem.Resource.get(project).project_rid == project


def test_spaces_and_the_root_are_no_resources_to_get(client: FoundryClient) -> None:
    space = space_rid(client)
    with pytest.raises(errors.GetSpaceResourceNotSupported) as caught:
        client.filesystem.Resource.get(space)
    assert caught.value.parameters == {"spaceRid": space}
    with pytest.raises(errors.GetSpaceResourceNotSupported):
        client.filesystem.Resource.get_by_path(path="/Main")
    with pytest.raises(errors.GetRootFolderNotSupported):
        client.filesystem.Resource.get(ROOT)
    with pytest.raises(errors.GetRootFolderNotSupported):
        client.filesystem.Resource.get_by_path(path="/")


def test_what_is_not_there_is_not_found(client: FoundryClient) -> None:
    with pytest.raises(errors.ResourceNotFound) as caught:
        client.filesystem.Resource.get(NOWHERE)
    assert caught.value.parameters == {"resourceRid": NOWHERE}
    for path in ("/Main/nothing", "/nothing", "/Main/Home/a/b/c", "/main/home"):
        with pytest.raises(errors.PathNotFound) as missing:
            client.filesystem.Resource.get_by_path(path=path)
        assert missing.value.parameters == {"path": path}
    for path in ("//", "/Main//Home", "/Main/Home/"):
        with pytest.raises(errors.InvalidPath) as invalid:
            client.filesystem.Resource.get_by_path(path=path)
        assert invalid.value.parameters == {"path": path}


# asynchronous ----------------------------------------------------------------------------------


async def walk(client: AsyncFoundryClient) -> dict[str, Any]:
    filesystem = client.filesystem
    space = [space async for space in filesystem.Space.list()][0]  # noqa: RUF015 - asynchronous
    project = await filesystem.Project.create(
        display_name=f"project {uuid.uuid4()}",
        default_roles=[],
        organization_rids=[],
        role_grants={},
        space_rid=space.rid,
    )
    folders = [
        await filesystem.Folder.create(display_name=name, parent_folder_rid=project.rid)
        for name in "abc"
    ]
    with pytest.raises(errors.ResourceNameAlreadyExists):
        await filesystem.Folder.create(display_name="a", parent_folder_rid=project.rid)
    with pytest.raises(errors.FolderNotFound):
        await filesystem.Folder.get(NOWHERE)
    children = filesystem.Folder.children(project.rid, page_size=2)
    return {
        "project": await filesystem.Project.get(project.rid) == project,
        "folders": [await filesystem.Folder.get(one.rid) for one in folders] == folders,
        "children": [child.display_name async for child in children],
        "resource": (await filesystem.Resource.get(folders[0].rid)).path,
        "by path": (await filesystem.Resource.get_by_path(path=folders[1].path)).display_name,
        "expected path": folders[0].path,
    }


def test_the_asynchronous_client_does_the_same(server: RunningServer) -> None:
    found = asyncio.run(walk(one_shot_client(server)))
    assert found["project"]
    assert found["folders"]
    assert found["children"] == ["a", "b", "c"]
    assert found["resource"] == found["expected path"]
    assert found["by path"] == "b"
