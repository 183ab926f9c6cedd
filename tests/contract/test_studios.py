"""Studios, configurations, trainers and launching, with the official client."""

from __future__ import annotations

import asyncio
import json
import uuid
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import httpx
import psutil
import pytest
from foundry_sdk import BadRequestError, NotFoundError
from foundry_sdk.v2.filesystem.errors import FolderNotFound, ResourceNameAlreadyExists
from foundry_sdk.v2.models.errors import (
    CreateConfigValidationError,
    CreateModelStudioConfigVersionPermissionDenied,
    CreateModelStudioPermissionDenied,
    LaunchModelStudioPermissionDenied,
    ModelStudioNotFound,
    ModelStudioTrainerNotFound,
    TrainerNotFound,
)
from foundry_sdk.v2.models.models import ModelStudioConfigVersion
from jsonschema import Draft202012Validator

from support import wait_for
from training_data import (
    CLASSIFICATION,
    REGRESSION,
    Prepared,
    configure,
    dataset_input,
    houses_csv,
    launch,
    prepare,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from foundry_sdk import AsyncFoundryClient, FoundryClient

    from support import RunningServer


@pytest.fixture
def prepared(client: FoundryClient, project: str) -> Prepared:
    return prepare(client, project, houses_csv())


def _new_project(server: RunningServer, **grants: list[str]) -> str:
    client = server.client()
    space = next(iter(client.filesystem.Space.list()))
    me = client.filesystem.Project.get(
        client.filesystem.Resource.get_by_path(path="/Main/Home").rid
    ).created_by
    return client.filesystem.Project.create(
        display_name=str(uuid.uuid4()),
        default_roles=grants.get("everyone", []),
        organization_rids=[],
        role_grants={"owner": [{"principalId": me, "principalType": "USER"}]},
        space_rid=space.rid,
    ).rid


def test_a_studio_is_created_and_read(client: FoundryClient, project: str) -> None:
    studio = client.models.ModelStudio.create(name="s", parent_folder_rid=project, preview=True)
    assert studio.rid.startswith("ri.models.main.model-studio.")
    assert studio.folder_rid == project
    assert client.models.ModelStudio.get(studio.rid, preview=True) == studio
    resource = client.filesystem.Resource.get(studio.rid)
    assert resource.display_name == "s"
    assert studio.rid in [r.rid for r in client.filesystem.Folder.children(project)]


def test_a_studios_name_is_unique_in_its_folder(client: FoundryClient, project: str) -> None:
    client.models.ModelStudio.create(name="s", parent_folder_rid=project, preview=True)
    with pytest.raises(ResourceNameAlreadyExists):
        client.models.ModelStudio.create(name="s", parent_folder_rid=project, preview=True)


@pytest.mark.parametrize("name", ["", ".", "..", "a/b", "x" * 701, "a\tb"])
def test_a_forbidden_name_is_refused(client: FoundryClient, project: str, name: str) -> None:
    with pytest.raises(BadRequestError) as caught:
        client.models.ModelStudio.create(name=name, parent_folder_rid=project, preview=True)
    assert caught.value.name == "InvalidDisplayName"


def test_an_unknown_folder_is_not_found(client: FoundryClient) -> None:
    folder = f"ri.compass.main.folder.{uuid.uuid4()}"
    with pytest.raises((NotFoundError, FolderNotFound)) as caught:
        client.models.ModelStudio.create(name="s", parent_folder_rid=folder, preview=True)
    assert caught.value.name == "FolderNotFound"


def test_a_viewer_may_read_but_not_create_configure_or_launch(server: RunningServer) -> None:
    project = _new_project(server, everyone=["viewer"])
    owner, viewer = server.client(), server.client(server.token("studio-viewer"))
    prepared = prepare(owner, project, houses_csv())
    configure(owner, prepared)
    assert viewer.models.ModelStudio.get(prepared.studio_rid, preview=True)
    with pytest.raises(CreateModelStudioPermissionDenied):
        viewer.models.ModelStudio.create(name="s", parent_folder_rid=project, preview=True)
    with pytest.raises(CreateModelStudioConfigVersionPermissionDenied):
        configure(viewer, prepared)
    with pytest.raises(LaunchModelStudioPermissionDenied):
        launch(viewer, prepared)


def test_a_stranger_finds_nothing(server: RunningServer, prepared: Prepared) -> None:
    stranger = server.client(server.token("studio-stranger"))
    studios = stranger.models.ModelStudio
    for call in (
        lambda: studios.get(prepared.studio_rid, preview=True),
        lambda: studios.launch(prepared.studio_rid, preview=True),
        lambda: studios.ConfigVersion.latest(prepared.studio_rid, preview=True),
        lambda: list(studios.ConfigVersion.list(prepared.studio_rid, preview=True)),
        lambda: configure(stranger, prepared),
    ):
        with pytest.raises(ModelStudioNotFound):
            call()


def _get_config(server: RunningServer, studio_rid: str, version: object) -> tuple[int, bytes]:
    """Get one configuration without the client, whose own call cannot put a number into a URL."""
    answer = httpx.get(
        f"{server.url}/api/v2/models/modelStudios/{studio_rid}/configVersions/{version}",
        params={"preview": "true"},
        headers={"Authorization": f"Bearer {server.admin_token}"},
    )
    return answer.status_code, answer.content


def test_a_configuration_is_stored_as_it_was_given(
    server: RunningServer, client: FoundryClient, prepared: Prepared
) -> None:
    configs = client.models.ModelStudio.ConfigVersion
    assert configs.latest(prepared.studio_rid, preview=True) is None
    created = configure(client, prepared)
    assert created.version == 1
    assert created.trainer_id == REGRESSION
    assert created.trainer.trainer_id == REGRESSION
    assert created.trainer.version
    assert created.worker_config.inputs["input_df"].column_mapping == {"target_column": ["price"]}
    assert created.worker_config.custom_config["time_limit"] == 60
    assert created.resources.cpu == "1"
    status, body = _get_config(server, prepared.studio_rid, 1)
    assert status == 200
    assert ModelStudioConfigVersion.model_validate_json(body) == created
    assert configs.latest(prepared.studio_rid, preview=True) == created


def test_configurations_count_up_and_list_newest_first(
    client: FoundryClient, prepared: Prepared
) -> None:
    for _ in range(5):
        configure(client, prepared)
    listed = client.models.ModelStudio.ConfigVersion.list(
        prepared.studio_rid, page_size=2, preview=True
    )
    assert [config.version for config in listed] == [5, 4, 3, 2, 1]


def test_configurations_created_at_once_get_different_versions(
    client: FoundryClient, prepared: Prepared
) -> None:
    with ThreadPoolExecutor(4) as pool:
        made = list(pool.map(lambda _: configure(client, prepared).version, range(8)))
    assert sorted(made) == list(range(1, 9))


@pytest.mark.parametrize("version", [0, 2, -1])
def test_an_unknown_configuration_is_not_found(
    server: RunningServer, client: FoundryClient, prepared: Prepared, version: int
) -> None:
    configure(client, prepared)
    status, body = _get_config(server, prepared.studio_rid, version)
    error = json.loads(body)
    assert (status, error["errorName"]) == (404, "ModelStudioConfigVersionNotFound")
    assert error["parameters"]["configVersion"] == version
    assert error["parameters"]["studioRid"] == prepared.studio_rid


@pytest.mark.parametrize("version", ["x", "1.5", "99999999999999999999"])
def test_a_malformed_version_is_an_invalid_argument(
    server: RunningServer, prepared: Prepared, version: str
) -> None:
    status, body = _get_config(server, prepared.studio_rid, version)
    assert (status, json.loads(body)["errorName"]) == (400, "Default:InvalidArgument")


def test_an_unknown_trainer_is_not_found(client: FoundryClient, prepared: Prepared) -> None:
    with pytest.raises(TrainerNotFound) as caught:
        configure(client, prepared, trainer="ri.models..trainer.none")
    assert caught.value.parameters == {"trainerId": "ri.models..trainer.none"}


def _wrong_configuration(prepared: Prepared, output_model_rid: str) -> dict[str, Any]:
    return {
        "name": "wrong",
        "changelog": "x" * 5000,
        "trainer_id": CLASSIFICATION,
        "resources": {"cpu": "many", "memory": "4 elephants"},
        "worker_config": {
            "inputs": {
                "input_df": {
                    "type": "dataset",
                    "rid": prepared.dataset_rid,
                    "columnMapping": {"target_column": ["nope"], "strange": ["rooms"]},
                    "ignoreColumns": ["missing"],
                    "selectColumns": [],
                },
                "test_df": dataset_input(f"ri.foundry.main.dataset.{uuid.uuid4()}", None),
            },
            "outputs": {"model": {"type": "model", "modelRid": output_model_rid}},
            "customConfig": {"time_limit": "soon", "unknown": 1},
        },
    }


def test_all_failures_are_reported_at_once_and_nothing_is_stored(
    client: FoundryClient, prepared: Prepared
) -> None:
    elsewhere = prepare(client, _home(client), houses_csv(20))
    wrong = _wrong_configuration(prepared, elsewhere.model_rid)
    configs = client.models.ModelStudio.ConfigVersion
    with pytest.raises(CreateConfigValidationError) as caught:
        configs.create(prepared.studio_rid, preview=True, **wrong)
    failures = caught.value.parameters["validationFailures"]
    assert {failure.type for failure in failures} == {
        "changelogTooLong",
        "jsonSchemaValidationFailure",
        "missingRequiredDatasetColumn",
        "unknownColumnSpecIdInConfigColumnMapping",
        "datasetSchemaNotFound",
        "outputResourceInDifferentProject",
        "invalidResourceConfiguration",
        "other",
    }
    assert configs.latest(prepared.studio_rid, preview=True) is None


def _home(client: FoundryClient) -> str:
    return str(client.filesystem.Resource.get_by_path(path="/Main/Home").rid)


def test_a_private_dataset_of_another_user_counts_as_missing(server: RunningServer) -> None:
    admin = server.client()
    secret = prepare(admin, _new_project(server), houses_csv(20))
    user = server.client(server.token("curious"))
    mine = prepare(user, _home(user), houses_csv(20))
    with pytest.raises(CreateConfigValidationError) as caught:
        configure(user, Prepared(secret.dataset_rid, mine.model_rid, mine.studio_rid))
    (failure,) = caught.value.parameters["validationFailures"]
    assert failure.type == "datasetSchemaNotFound"


def test_a_launch_needs_the_launchers_own_right_to_the_data(server: RunningServer) -> None:
    admin = server.client()
    secret = prepare(admin, _new_project(server), houses_csv(20))
    shared = prepare(admin, _home(admin), houses_csv(20))
    configure(admin, Prepared(secret.dataset_rid, shared.model_rid, shared.studio_rid))
    user = server.client(server.token("launcher"))
    with pytest.raises(LaunchModelStudioPermissionDenied):
        launch(user, shared)
    runs = list(admin.models.ModelStudio.Run.list(shared.studio_rid, preview=True))
    assert runs == []


def test_a_launch_without_a_configuration_says_so(
    client: FoundryClient, prepared: Prepared
) -> None:
    with pytest.raises(NotFoundError) as caught:
        launch(client, prepared)
    assert caught.value.name == "ModelStudioConfigVersionNotFound"


def test_a_launch_answers_at_once_with_the_run(
    start_server: Callable[..., RunningServer],
) -> None:
    own = start_server(MODELSTUDIO_CPU="1")
    client = own.client()
    prepared = prepare(client, _home(client), houses_csv(2000))
    configure(client, prepared, custom={"time_limit": 300, "presets": "best_quality"})
    assert own.process is not None
    server = psutil.Process(own.process.pid)
    launched = [launch(client, prepared)]  # takes the only core, so that the others just wait
    job = client.orchestration.Job
    wait_for(lambda: job.get(launched[0].job_rid, preview=True).job_status == "RUNNING", seconds=9)
    before = server.cpu_times()
    launched += [launch(client, prepared) for _ in range(20)]
    after = server.cpu_times()
    # The time of the clock depends on what else the machine does; that of the processor does not.
    spent = after.user + after.system - before.user - before.system
    assert spent / 20 < 0.05
    for run in launched:
        client.orchestration.Build.cancel(run.build_rid)
    listed = list(client.models.ModelStudio.Run.list(prepared.studio_rid, preview=True))
    assert [run.run_id for run in listed] == [run.run_id for run in launched[::-1]]
    assert launched[0].build_status == "RUNNING"
    output = launched[0].resolved_outputs["model"]
    assert output.model_rid == prepared.model_rid
    assert output.model_version_rid
    assert output.experiment_rid


def test_the_trainers_are_listed_with_valid_schemas(client: FoundryClient) -> None:
    trainers = client.models.ModelStudioTrainer.list(preview=True).data
    assert {REGRESSION, CLASSIFICATION} <= {trainer.trainer_id for trainer in trainers}
    for trainer in trainers:
        Draft202012Validator.check_schema(trainer.custom_config_schema)
        got = client.models.ModelStudioTrainer.get(trainer.trainer_id, preview=True)
        assert got == trainer
        same = client.models.ModelStudioTrainer.get(
            trainer.trainer_id, version=trainer.version, preview=True
        )
        assert same == trainer


def test_an_unknown_trainer_or_version_is_not_found(client: FoundryClient) -> None:
    with pytest.raises(ModelStudioTrainerNotFound):
        client.models.ModelStudioTrainer.get("ri.models..trainer.none", preview=True)
    with pytest.raises(ModelStudioTrainerNotFound):
        client.models.ModelStudioTrainer.get(REGRESSION, version="0.0.0", preview=True)


async def _async_round(client: AsyncFoundryClient, project: str) -> tuple[Any, Any, Any]:
    studios = client.models.ModelStudio
    studio = await studios.create(name="async", parent_folder_rid=project, preview=True)
    got = await studios.get(studio.rid, preview=True)
    latest = await studios.ConfigVersion.latest(studio.rid, preview=True)
    return studio, got, latest


def test_the_async_client_does_the_same(async_client: AsyncFoundryClient, project: str) -> None:
    studio, got, latest = asyncio.run(_async_round(async_client, project))
    assert got == studio
    assert latest is None
