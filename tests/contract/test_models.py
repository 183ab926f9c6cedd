"""Models and their versions, with the official client on a real server process."""

from __future__ import annotations

import asyncio
import json
import threading
import urllib.error
import urllib.request
import uuid
from typing import TYPE_CHECKING

import pytest
from foundry_sdk import BadRequestError, PermissionDeniedError
from foundry_sdk.v2.filesystem.errors import InvalidDisplayName, ResourceNameAlreadyExists
from foundry_sdk.v2.models.errors import (
    CreateModelPermissionDenied,
    ModelNotFound,
    ModelVersionNotFound,
)

from experiments.in_process import MODEL_API, InProcess, new_async_client, open_in_process

if TYPE_CHECKING:
    from collections.abc import Iterator

    from foundry_sdk import FoundryClient

    from support import RunningServer


@pytest.fixture
def inside(server: RunningServer) -> Iterator[InProcess]:
    """The server's own services, on its database."""
    with open_in_process(server.data_dir) as services:
        yield services


def new_model(client: FoundryClient, project: str, name: str = "prices") -> str:
    return client.models.Model.create(name=name, parent_folder_rid=project, preview=True).rid


def test_a_created_model_can_be_read_and_is_a_resource(client: FoundryClient, project: str) -> None:
    rid = new_model(client, project, "Häuser 🏠")
    assert client.models.Model.get(rid, preview=True).rid == rid
    resource = client.filesystem.Resource.get(rid)
    assert (resource.type, resource.display_name) == ("MODELS_MODEL", "Häuser 🏠")
    assert resource.parent_folder_rid == project


def test_two_models_in_a_folder_cannot_share_a_name(client: FoundryClient, project: str) -> None:
    new_model(client, project)
    with pytest.raises(ResourceNameAlreadyExists) as raised:
        new_model(client, project)
    assert raised.value.parameters == {"parentFolderRid": project, "displayName": "prices"}


@pytest.mark.parametrize("name", ["", ".", "..", "a/b", "n" * 701])
def test_a_name_that_no_resource_may_have_is_refused(
    client: FoundryClient, project: str, name: str
) -> None:
    with pytest.raises(InvalidDisplayName):
        new_model(client, project, name)


def test_who_may_only_view_a_project_creates_no_model_in_it(
    server: RunningServer, inside: InProcess
) -> None:
    project = inside.new_project(vera="viewer", eddy="editor")
    with pytest.raises(CreateModelPermissionDenied):
        new_model(server.client(server.token("vera")), project)
    assert new_model(server.client(server.token("eddy")), project)


@pytest.mark.parametrize("rid", ["unknown", "folder", "stranger"])
def test_a_model_that_is_not_there_for_the_caller_is_not_found(
    server: RunningServer, inside: InProcess, rid: str
) -> None:
    project = inside.new_project()
    asked = {
        "unknown": f"ri.models.main.model.{uuid.uuid4()}",
        "folder": project,
        "stranger": inside.new_model(project),
    }[rid]
    client = server.client(server.token("stranger")) if rid == "stranger" else server.client()
    with pytest.raises(ModelNotFound) as raised:
        client.models.Model.get(asked, preview=True)
    assert raised.value.parameters == {"modelRid": asked}
    with pytest.raises(ModelNotFound):
        client.models.Model.Version.list(asked, preview=True)


def test_every_operation_on_models_asks_for_the_preview_flag(
    client: FoundryClient, project: str
) -> None:
    rid = new_model(client, project)
    versions = client.models.Model.Version
    version = f"ri.models.main.model-version.{uuid.uuid4()}"
    for call in (
        lambda: client.models.Model.create(name="another", parent_folder_rid=project),
        lambda: client.models.Model.get(rid),
        lambda: versions.list(rid),
        lambda: versions.get(rid, version),
    ):
        with pytest.raises(BadRequestError) as raised:
            call()
        assert raised.value.name == "ApiFeaturePreviewUsageOnly"


def test_scopes_that_the_token_lacks_are_refused(
    server: RunningServer, client: FoundryClient, project: str
) -> None:
    reader = server.client(server.token("admin", "api:models-read"))
    writer = server.client(server.token("admin", "api:models-write"))
    rid = new_model(client, project)
    assert reader.models.Model.get(rid, preview=True).rid == rid
    with pytest.raises(PermissionDeniedError):
        new_model(reader, project, "another")
    with pytest.raises(PermissionDeniedError):
        writer.models.Model.get(rid, preview=True)


def test_a_malformed_rid_is_an_invalid_argument(server: RunningServer) -> None:
    request = urllib.request.Request(
        f"{server.url}/api/v2/models/not-a-rid?preview=true",
        headers={"Authorization": f"Bearer {server.admin_token}"},
    )
    with pytest.raises(urllib.error.HTTPError) as raised:
        urllib.request.urlopen(request, timeout=10)
    with raised.value as answer:
        assert answer.status == 400
        assert json.load(answer)["errorCode"] == "INVALID_ARGUMENT"


# versions -------------------------------------------------------------------------------------


def test_a_published_version_says_where_it_comes_from(
    client: FoundryClient, inside: InProcess
) -> None:
    run = inside.launch()
    inside.publish(run)
    version = client.models.Model.Version.get(run.model_rid, run.version_rid, preview=True)
    assert version.rid == run.version_rid
    assert version.model_api.to_dict() == MODEL_API
    assert version.conda_requirements == ["scikit-learn=1.7.0"]
    assert version.backing_repositories == []
    assert version.linked_experiment == run.experiment_rid
    assert version.source is not None
    assert version.source.to_dict()["type"] == "modelStudio"
    [listed] = client.models.Model.Version.list(run.model_rid, preview=True)
    assert listed == version


def test_a_reserved_version_is_not_there_yet(client: FoundryClient, inside: InProcess) -> None:
    run = inside.launch()
    with pytest.raises(ModelVersionNotFound) as raised:
        client.models.Model.Version.get(run.model_rid, run.version_rid, preview=True)
    assert raised.value.parameters == {
        "modelRid": run.model_rid,
        "modelVersionRid": run.version_rid,
    }
    assert list(client.models.Model.Version.list(run.model_rid, preview=True)) == []


def test_the_creation_time_is_that_of_the_publication(
    client: FoundryClient, inside: InProcess
) -> None:
    first, second = (inside.launch(), inside.launch())
    inside.publish(second)
    before = inside.foundation.clock.now_millis()
    inside.publish(first)
    version = client.models.Model.Version.get(first.model_rid, first.version_rid, preview=True)
    assert version.created_time.timestamp() * 1000 >= before


def test_a_version_is_not_found_under_another_model_or_by_a_stranger(
    server: RunningServer, client: FoundryClient, inside: InProcess
) -> None:
    run, other = inside.launch(), inside.launch()
    inside.publish(run)
    with pytest.raises(ModelVersionNotFound):
        client.models.Model.Version.get(other.model_rid, run.version_rid, preview=True)
    stranger = server.client(server.token("stranger"))
    with pytest.raises(ModelVersionNotFound):
        stranger.models.Model.Version.get(run.model_rid, run.version_rid, preview=True)


def test_versions_are_listed_newest_first_by_page(client: FoundryClient, inside: InProcess) -> None:
    model = inside.new_model()
    published = []
    for _ in range(5):
        run = inside.launch(model)
        inside.publish(run)
        published.append(run.version_rid)
    pages = client.models.Model.Version.list(model, page_size=2, preview=True)
    assert [version.rid for version in pages] == published[::-1]
    first = client.models.Model.Version.list(model, page_size=1000, preview=True)
    assert first.next_page_token is None


def test_versions_of_another_branch_are_listed_when_it_is_asked_for(
    client: FoundryClient, inside: InProcess
) -> None:
    model = inside.new_model()
    runs = {branch: inside.launch(model, branch=branch) for branch in ("master", "dev/ä")}
    for run in runs.values():
        inside.publish(run)
    versions = client.models.Model.Version
    for branch, run in runs.items():
        listed = list(versions.list(model, branch=branch, preview=True))
        assert [version.rid for version in listed] == [run.version_rid]
    assert [v.rid for v in versions.list(model, preview=True)] == [runs["master"].version_rid]
    assert list(versions.list(model, branch="none", preview=True)) == []


def test_a_page_token_is_good_for_its_own_listing_only(
    client: FoundryClient, inside: InProcess
) -> None:
    model = inside.new_model()
    for _ in range(2):
        inside.publish(inside.launch(model))
    versions = client.models.Model.Version
    token = versions.list(model, page_size=1, preview=True).next_page_token
    assert token is not None
    assert len(list(versions.list(model, page_token=token, preview=True))) == 1
    for call in (
        lambda: versions.list(model, branch="dev", page_token=token, preview=True),
        lambda: versions.list(inside.new_model(), page_token=token, preview=True),
        lambda: versions.list(model, page_token=token[:-1], preview=True),
    ):
        with pytest.raises(BadRequestError) as raised:
            call()
        assert raised.value.name == "InvalidPageToken"
    with pytest.raises(BadRequestError) as raised:
        versions.list(model, page_size=0, preview=True)
    assert raised.value.name == "InvalidPageSize"


def test_publishing_while_someone_pages_repeats_and_loses_nothing(
    client: FoundryClient, inside: InProcess
) -> None:
    model = inside.new_model()
    there = [inside.launch(model) for _ in range(12)]
    for run in there:
        inside.publish(run)
    late = [inside.launch(model) for _ in range(10)]
    publishing = threading.Thread(target=lambda: [inside.publish(run) for run in late])
    publishing.start()
    listed = [v.rid for v in client.models.Model.Version.list(model, page_size=1, preview=True)]
    publishing.join()
    assert len(listed) == len(set(listed))
    old = {run.version_rid for run in there}
    assert [rid for rid in listed if rid in old] == [run.version_rid for run in there[::-1]]


def test_the_asynchronous_client_reads_the_same(server: RunningServer, inside: InProcess) -> None:
    run = inside.launch()
    inside.publish(run)

    async def read() -> list[str]:
        models = new_async_client(server).models.Model
        model = await models.get(run.model_rid, preview=True)
        version = await models.Version.get(model.rid, run.version_rid, preview=True)
        return [version.rid, *[v.rid async for v in models.Version.list(model.rid, preview=True)]]

    assert asyncio.run(read()) == [run.version_rid, run.version_rid]
