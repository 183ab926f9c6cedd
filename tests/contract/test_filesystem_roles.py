"""What another user sees and may do."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

import pytest
from foundry_sdk.v2.filesystem import errors

from filesystem_data import granted, new_folder, new_project, user_id

if TYPE_CHECKING:
    from foundry_sdk import FoundryClient

    from support import RunningServer


@pytest.fixture(scope="module")
def ada(server: RunningServer) -> FoundryClient:
    """Another user, without any role of her own."""
    return server.client(server.token("ada"))


@pytest.fixture(scope="module")
def ada_id(ada: FoundryClient) -> str:
    return user_id(ada)


# roles -----------------------------------------------------------------------------------------


def test_a_private_project_does_not_exist_for_another_user(
    client: FoundryClient, ada: FoundryClient
) -> None:
    project = new_project(client)
    folder = new_folder(client, project.rid)
    with pytest.raises(errors.ProjectNotFound):
        ada.filesystem.Project.get(project.rid)
    with pytest.raises(errors.FolderNotFound):
        ada.filesystem.Folder.get(folder.rid)
    with pytest.raises(errors.FolderNotFound):
        list(ada.filesystem.Folder.children(folder.rid))
    with pytest.raises(errors.FolderNotFound):
        new_folder(ada, folder.rid)
    with pytest.raises(errors.ResourceNotFound):
        ada.filesystem.Resource.get(folder.rid)
    with pytest.raises(errors.PathNotFound):
        ada.filesystem.Resource.get_by_path(path=folder.path)


def test_a_discoverer_of_a_project_sees_nothing_in_it(
    client: FoundryClient, ada: FoundryClient
) -> None:
    project = new_project(client, default_roles=["discoverer"])
    with pytest.raises(errors.ProjectNotFound):
        ada.filesystem.Project.get(project.rid)


def test_a_viewer_sees_and_does_not_write(client: FoundryClient, ada: FoundryClient) -> None:
    project = new_project(client, default_roles=["viewer"])
    folder = new_folder(client, project.rid)
    assert ada.filesystem.Project.get(project.rid).rid == project.rid
    assert [child.rid for child in ada.filesystem.Folder.children(project.rid)] == [folder.rid]
    for parent in (project.rid, folder.rid):
        with pytest.raises(errors.CreateFolderPermissionDenied) as caught:
            new_folder(ada, parent)
        assert caught.value.parameters == {}


def test_an_editor_writes(client: FoundryClient, ada: FoundryClient, ada_id: str) -> None:
    admin_id = new_project(client).created_by
    project = new_project(
        client, role_grants={**granted("owner", admin_id), **granted("editor", ada_id)}
    )
    folder = new_folder(ada, project.rid)
    assert folder.created_by == ada_id
    assert new_folder(ada, folder.rid).parent_folder_rid == folder.rid


def test_who_makes_a_project_owns_it_unless_others_are_named(
    server: RunningServer, ada: FoundryClient, ada_id: str
) -> None:
    mine = new_project(ada)
    assert new_folder(ada, mine.rid).created_by == ada_id
    grace = server.client(server.token(f"grace {uuid.uuid4()}"))
    hers = new_project(ada, role_grants=granted("owner", user_id(grace)))
    assert hers.created_by == ada_id
    with pytest.raises(errors.ProjectNotFound):
        ada.filesystem.Project.get(hers.rid)
    assert new_folder(grace, hers.rid).project_rid == hers.rid


def test_every_user_may_write_in_the_home_project(ada: FoundryClient) -> None:
    home = ada.filesystem.Resource.get_by_path(path="/Main/Home")
    assert new_folder(ada, home.rid).parent_folder_rid == home.rid
