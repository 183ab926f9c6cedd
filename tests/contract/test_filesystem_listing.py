"""Names of resources, and listing what is in a folder."""

from __future__ import annotations

from typing import TYPE_CHECKING

import foundry_sdk
import pytest
from foundry_sdk.v2.filesystem import errors
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from filesystem_data import new_folder, new_project, space_rid

if TYPE_CHECKING:
    from foundry_sdk import FoundryClient

    from support import RunningServer

ON_A_SHARED_SERVER = settings(
    deadline=None,
    max_examples=60,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
NAMES = st.text(
    st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="/"), min_size=1, max_size=700
).filter(lambda name: name.strip() and name not in {".", ".."})
FORBIDDEN = st.one_of(
    st.sampled_from(["", " ", ".", "..", "/", "a/b", "/a", "a/", "\n", "a\tb", "\x01"]),
    st.text(min_size=1, max_size=20).map(lambda text: f"{text[:5]}/{text[5:]}"),
    st.integers(701, 2000).map(lambda length: "x" * length),
).filter(lambda name: not any("\ud800" <= character <= "\udfff" for character in name))


# names -----------------------------------------------------------------------------------------


@ON_A_SHARED_SERVER
@given(name=NAMES)
def test_any_allowed_name_is_kept_and_found_by_its_path(
    client: FoundryClient, project: str, name: str
) -> None:
    parent = new_folder(client, project)
    made = new_folder(client, parent.rid, name)
    assert made.display_name == name
    assert client.filesystem.Folder.get(made.rid).display_name == name
    assert client.filesystem.Resource.get_by_path(path=made.path).rid == made.rid
    assert [child.display_name for child in client.filesystem.Folder.children(parent.rid)] == [name]


@ON_A_SHARED_SERVER
@given(name=FORBIDDEN)
def test_every_other_name_is_refused(client: FoundryClient, project: str, name: str) -> None:
    with pytest.raises((errors.InvalidDisplayName, foundry_sdk.BadRequestError)) as caught:
        new_folder(client, project, name)
    if "\0" not in name:
        assert caught.value.parameters == {"displayName": name[:700]}
        with pytest.raises(errors.InvalidDisplayName):
            new_project(client, display_name=name)


# children --------------------------------------------------------------------------------------


def test_children_are_listed_by_name_in_pages(client: FoundryClient, project: str) -> None:
    for number in range(25):
        new_folder(client, project, f"{number:02}")
    names = [child.display_name for child in client.filesystem.Folder.children(project)]
    assert names == [f"{number:02}" for number in range(25)]
    pages = []
    token = None
    while True:
        page = client.filesystem.Folder.with_raw_response.children(
            project, page_size=10, page_token=token
        ).decode()
        pages.append([child.display_name for child in page.data])
        token = page.next_page_token
        if token is None:
            break
    assert [len(page) for page in pages] == [10, 10, 5]
    assert sum(pages, []) == names  # noqa: RUF017 - three short lists


def test_a_last_page_that_is_full_has_no_successor(client: FoundryClient, project: str) -> None:
    for number in range(4):
        new_folder(client, project, str(number))
    for size, more in ((2, True), (4, False), (5, False), (100_000, False)):
        page = client.filesystem.Folder.with_raw_response.children(project, page_size=size)
        assert (page.decode().next_page_token is not None) is more


def test_a_walk_neither_repeats_nor_loses_a_child_while_others_are_added(
    client: FoundryClient, project: str
) -> None:
    before = {new_folder(client, project, f"m {number:02}").rid for number in range(12)}
    seen = []
    for number, child in enumerate(client.filesystem.Folder.children(project, page_size=2)):
        seen.append(child.rid)
        new_folder(client, project, f"{'a' if number % 2 else 'z'} {number}")
        if number > 40:
            break
    assert len(seen) == len(set(seen))
    assert before <= set(seen)


def test_a_page_token_is_good_for_its_own_folder_only(client: FoundryClient, project: str) -> None:
    other = new_project(client).rid
    for parent in (project, other):
        for number in range(3):
            new_folder(client, parent, str(number))
    page = client.filesystem.Folder.with_raw_response.children(project, page_size=1).decode()
    assert page.next_page_token is not None
    assert page.next_page_token.startswith("v1.")
    for rid, token in ((other, page.next_page_token), (project, page.next_page_token + "x")):
        with pytest.raises(foundry_sdk.BadRequestError) as caught:
            list(client.filesystem.Folder.children(rid, page_token=token))
        assert caught.value.name == "InvalidPageToken"
        assert caught.value.parameters == {"pageToken": token}
    with pytest.raises(foundry_sdk.BadRequestError) as size:
        list(client.filesystem.Folder.children(project, page_size=0))
    assert size.value.name == "InvalidPageSize"


def test_children_with_the_longest_names_are_paged(client: FoundryClient, project: str) -> None:
    names = ["\N{GRINNING FACE}" * 699 + str(number) for number in range(3)]
    for name in names:
        new_folder(client, project, name)
    found = client.filesystem.Folder.children(project, page_size=1)
    assert [child.display_name for child in found] == names


def test_a_space_lists_the_projects_that_the_caller_may_see(
    client: FoundryClient, server: RunningServer
) -> None:
    ada = server.client(server.token("ada"))
    shared = [new_project(client, default_roles=["viewer"]).rid for _ in range(4)]
    private = [new_project(client).rid for _ in range(4)]
    space = space_rid(client)
    mine = {child.rid for child in client.filesystem.Folder.children(space)}
    hers = [child.rid for child in ada.filesystem.Folder.children(space, page_size=2)]
    assert mine >= {*shared, *private}
    assert set(hers) >= set(shared)
    assert not set(hers) & set(private)
    assert len(hers) == len(set(hers))
