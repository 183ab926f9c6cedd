"""List Model Studio Runs, with the official client on a real server process."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
import uuid
from typing import TYPE_CHECKING, Any

import pytest
from foundry_sdk import BadRequestError, NotFoundError, PermissionDeniedError, UnauthorizedError
from foundry_sdk.v2.models.errors import ModelStudioConfigVersionNotFound, ModelStudioNotFound
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from studio_data import SeededStudio, new_studio, open_server_data

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from foundry_sdk import AsyncFoundryClient, FoundryClient

    from modelstudio.app import Foundation
    from support import RunningServer


@pytest.fixture(scope="module")
def foundation(server: RunningServer) -> Iterator[Foundation]:
    opened = open_server_data(server.data_dir)
    yield opened
    opened.database.close()


@pytest.fixture
def studio(foundation: Foundation) -> SeededStudio:
    return new_studio(foundation, versions=3)


def _list(client: FoundryClient, studio: SeededStudio, **query: Any) -> list[Any]:
    return list(client.models.ModelStudio.Run.list(studio.rid, preview=True, **query))


def _get(server: RunningServer, path: str, token: str | None = None) -> tuple[int, bytes]:
    request = urllib.request.Request(f"{server.url}{path}")
    request.add_header("Authorization", f"Bearer {token or server.admin_token}")
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read()


def _error(body: bytes) -> dict[str, Any]:
    envelope: dict[str, Any] = json.loads(body)
    uuid.UUID(envelope["errorInstanceId"])
    return envelope


def test_a_run_has_every_field_of_the_wire(client: FoundryClient, studio: SeededStudio) -> None:
    run_id = studio.add_run(version=2, started_at=1_052_224_496_789, status="FAILED")
    (run,) = _list(client, studio)
    assert run.run_id == run_id
    assert len(run_id) == 12
    assert int(run_id, 16) >= 0
    assert run.config_version == 2
    assert run.build_status == "FAILED"
    assert run.started_time.isoformat() == "2003-05-06T12:34:56.789000+00:00"
    assert run.build_rid.startswith("ri.foundry-build.main.build.")
    assert run.job_rid.startswith("ri.foundry-build.main.job.")
    assert str(uuid.UUID(run.started_by)) == run.started_by
    output = run.resolved_outputs["model"]
    assert output.type == "model"
    assert output.model_version_rid.startswith("ri.models.main.model-version.")


def test_times_are_milliseconds_with_a_z(server: RunningServer, studio: SeededStudio) -> None:
    studio.add_run(started_at=1_052_224_496_000)
    _, body = _get(server, f"/api/v2/models/modelStudios/{studio.rid}/runs?preview=true")
    assert b'"startedTime":"2003-05-06T12:34:56.000Z"' in body


def test_a_studio_without_runs_has_an_empty_list_and_no_token(
    server: RunningServer, studio: SeededStudio
) -> None:
    status, body = _get(server, f"/api/v2/models/modelStudios/{studio.rid}/runs?preview=true")
    assert (status, json.loads(body)) == (200, {"data": []})


def test_runs_come_newest_first_also_when_their_times_are_equal(
    client: FoundryClient, studio: SeededStudio
) -> None:
    added = [studio.add_run(started_at=1_700_000_000_000 + n // 3) for n in range(10)]
    assert [run.run_id for run in _list(client, studio, page_size=3)] == added[::-1]


def test_the_configuration_filter_leaves_the_others_out(
    client: FoundryClient, studio: SeededStudio
) -> None:
    added = [(n % 3 + 1, studio.add_run(version=n % 3 + 1, started_at=n)) for n in range(9)]
    for version in (1, 2, 3):
        expected = [run for of, run in added if of == version][::-1]
        listed = _list(client, studio, config_version=version, page_size=2)
        assert [run.run_id for run in listed] == expected


async def _list_async(client: AsyncFoundryClient, studio: SeededStudio) -> list[Any]:
    listing = client.models.ModelStudio.Run.list(studio.rid, preview=True, page_size=2)
    return [run async for run in listing]


def test_the_async_client_lists_the_same(
    async_client: AsyncFoundryClient, client: FoundryClient, studio: SeededStudio
) -> None:
    import asyncio

    for n in range(5):
        studio.add_run(started_at=n)
    listed = asyncio.run(_list_async(async_client, studio))
    assert [run.run_id for run in listed] == [run.run_id for run in _list(client, studio)]


@pytest.mark.parametrize("count", [99, 100, 101])
def test_there_is_a_next_page_exactly_when_there_are_more(
    server: RunningServer, studio: SeededStudio, count: int
) -> None:
    for n in range(count):
        studio.add_run(started_at=n)
    path = f"/api/v2/models/modelStudios/{studio.rid}/runs?preview=true"
    page = json.loads(_get(server, path)[1])
    assert len(page["data"]) == min(count, 100)
    assert ("nextPageToken" in page) == (count > 100)


def test_a_page_size_above_the_maximum_is_cut_to_it(
    server: RunningServer, studio: SeededStudio
) -> None:
    for n in range(101):
        studio.add_run(started_at=n)
    path = f"/api/v2/models/modelStudios/{studio.rid}/runs?preview=true&pageSize=100000"
    assert len(json.loads(_get(server, path)[1])["data"]) == 100


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    times=st.lists(st.integers(0, 5), max_size=25),
    late=st.lists(st.integers(0, 8), max_size=10),
    size=st.integers(1, 7),
)
def test_a_walk_while_runs_are_launched_repeats_and_loses_none(
    client: FoundryClient,
    foundation: Foundation,
    times: list[int],
    late: list[int],
    size: int,
) -> None:
    studio = new_studio(foundation)
    existing = {studio.add_run(started_at=1_000 + at) for at in times}
    pages = client.models.ModelStudio.Run.with_raw_response
    walked: list[str] = []
    token = None
    pending = list(late)
    while True:
        page = pages.list(studio.rid, page_size=size, page_token=token, preview=True).decode()
        walked += [run.run_id for run in page.data]
        if page.next_page_token is None:
            break
        assert page.data
        token = page.next_page_token
        if pending:
            studio.add_run(started_at=1_000 + pending.pop())
    assert len(walked) == len(set(walked))
    assert existing <= set(walked)


def test_an_unknown_studio_is_not_found(client: FoundryClient) -> None:
    rid = f"ri.models.main.model-studio.{uuid.uuid4()}"
    with pytest.raises(ModelStudioNotFound) as caught:
        list(client.models.ModelStudio.Run.list(rid, preview=True))
    assert caught.value.parameters["studioRid"] == rid


@pytest.mark.parametrize("version", [0, -1, 4, 2**31 - 1])
def test_an_unknown_configuration_is_not_found(
    client: FoundryClient, studio: SeededStudio, version: int
) -> None:
    with pytest.raises(ModelStudioConfigVersionNotFound) as caught:
        _list(client, studio, config_version=version)
    assert caught.value.parameters == {
        "studioRid": studio.rid,
        "configVersion": version,
        "modelStudioConfigVersionVersion": version,
        "modelStudioRid": studio.rid,
    }


@pytest.mark.parametrize("size", [0, -1, -(2**31) + 1])
def test_a_page_size_that_is_not_positive_is_invalid(
    client: FoundryClient, studio: SeededStudio, size: int
) -> None:
    with pytest.raises(BadRequestError) as caught:
        _list(client, studio, page_size=size)
    assert caught.value.name == "InvalidPageSize"
    assert caught.value.parameters == {"pageSize": size}


@pytest.mark.parametrize("field", ["pageSize", "configVersion"])
@pytest.mark.parametrize("text", ["", "x", "1.5", "1e3", "\uff19", "0x10", "9" * 19, "--1", "1 "])
def test_a_malformed_integer_is_an_invalid_argument(
    server: RunningServer, studio: SeededStudio, field: str, text: str
) -> None:
    from urllib.parse import quote

    path = f"/api/v2/models/modelStudios/{studio.rid}/runs?preview=true&{field}={quote(text)}"
    status, body = _get(server, path)
    assert (status, _error(body)["errorName"]) == (400, "Default:InvalidArgument")


@pytest.mark.parametrize(
    "rid", ["x", "ri.models", "ri..main.model-studio.x", "ri.a.b.c.%00", "%20"]
)
def test_a_malformed_rid_is_an_invalid_argument(server: RunningServer, rid: str) -> None:
    status, body = _get(server, f"/api/v2/models/modelStudios/{rid}/runs?preview=true")
    assert (status, _error(body)["errorName"]) == (400, "Default:InvalidArgument")


def test_a_rid_of_another_type_is_no_studio(client: FoundryClient, project: str) -> None:
    with pytest.raises(NotFoundError):
        list(client.models.ModelStudio.Run.list(project, preview=True))


def test_a_call_without_preview_is_refused(client: FoundryClient, studio: SeededStudio) -> None:
    with pytest.raises(BadRequestError) as caught:
        list(client.models.ModelStudio.Run.list(studio.rid))
    assert caught.value.name == "ApiFeaturePreviewUsageOnly"


def test_relaxed_preview_gating_lets_the_call_through(
    start_server: Callable[..., RunningServer],
) -> None:
    relaxed = start_server(MODELSTUDIO_PREVIEW_GATING="relaxed")
    opened = open_server_data(relaxed.data_dir)
    studio = new_studio(opened)
    assert list(relaxed.client().models.ModelStudio.Run.list(studio.rid)) == []
    opened.database.close()


def test_credentials_are_asked_for_before_anything_else(server: RunningServer) -> None:
    request = urllib.request.Request(f"{server.url}/api/v2/models/modelStudios/x/runs")
    with pytest.raises(urllib.error.HTTPError) as caught:
        urllib.request.urlopen(request)
    with caught.value:
        assert caught.value.code == 401
        assert _error(caught.value.read())["errorName"] == "MissingCredentials"


def test_an_unknown_token_is_unauthorized(server: RunningServer, studio: SeededStudio) -> None:
    with pytest.raises(UnauthorizedError):
        _list(server.client("not-a-token"), studio)


def test_the_scope_is_asked_for(server: RunningServer, studio: SeededStudio) -> None:
    token = server.token("admin", "api:models-write")
    with pytest.raises(PermissionDeniedError) as caught:
        _list(server.client(token), studio)
    assert caught.value.name == "ApiUsageDenied"
    assert caught.value.parameters == {"missingScope": "api:models-read"}


def test_a_stranger_cannot_tell_a_private_studio_from_none(
    server: RunningServer, studio: SeededStudio
) -> None:
    stranger = server.client(server.token("stranger"))
    with pytest.raises(ModelStudioNotFound):
        _list(stranger, studio)


def test_a_viewer_of_the_project_sees_the_runs(
    server: RunningServer, foundation: Foundation
) -> None:
    studio = new_studio(foundation, private=False)
    run_id = studio.add_run()
    viewer = server.client(server.token("viewer", "api:models-read"))
    assert [run.run_id for run in _list(viewer, studio)] == [run_id]


def _first_token(server: RunningServer, studio: SeededStudio, query: str = "") -> str:
    path = f"/api/v2/models/modelStudios/{studio.rid}/runs?preview=true&pageSize=1{query}"
    token: str = json.loads(_get(server, path)[1])["nextPageToken"]
    return token


def _with_token(
    server: RunningServer, studio: SeededStudio, token: str, query: str = ""
) -> tuple[int, bytes]:
    from urllib.parse import quote

    return _get(
        server,
        f"/api/v2/models/modelStudios/{studio.rid}/runs"
        f"?preview=true&pageToken={quote(token)}{query}",
    )


def test_a_token_looks_like_the_documented_one_and_may_change_the_page_size(
    server: RunningServer, studio: SeededStudio
) -> None:
    for n in range(5):
        studio.add_run(started_at=n)
    token = _first_token(server, studio)
    assert token.startswith("v1.")
    status, body = _with_token(server, studio, token, "&pageSize=4")
    assert (status, len(json.loads(body)["data"])) == (200, 4)


def test_a_token_of_another_studio_or_filter_is_invalid(
    server: RunningServer, foundation: Foundation, studio: SeededStudio
) -> None:
    other = new_studio(foundation)
    for n in range(3):
        studio.add_run(started_at=n)
    token = _first_token(server, studio)
    for answer in (
        _with_token(server, other, token),
        _with_token(server, studio, token, "&configVersion=1"),
        _with_token(server, studio, _first_token(server, studio, "&configVersion=1")),
    ):
        assert (answer[0], _error(answer[1])["errorName"]) == (400, "InvalidPageToken")


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(position=st.integers(0, 10_000), replacement=st.integers(32, 126), cut=st.booleans())
def test_a_changed_token_is_invalid(
    server: RunningServer,
    foundation: Foundation,
    position: int,
    replacement: int,
    cut: bool,
) -> None:
    studio = _shared_studio(foundation)
    token = _first_token(server, studio)
    at = position % len(token)
    changed = token[:at] if cut else token[:at] + chr(replacement) + token[at + 1 :]
    if changed == token:
        return
    status, body = _with_token(server, studio, changed)
    envelope = _error(body)
    assert (status, envelope["errorName"]) == (400, "InvalidPageToken")
    assert envelope["parameters"] == {"pageToken": changed}


_shared: dict[int, SeededStudio] = {}


def _shared_studio(foundation: Foundation) -> SeededStudio:
    if id(foundation) not in _shared:
        studio = new_studio(foundation)
        for n in range(3):
            studio.add_run(started_at=n)
        _shared[id(foundation)] = studio
    return _shared[id(foundation)]


def test_postgresql_answers_the_same(
    start_server: Callable[..., RunningServer], postgres_url: str
) -> None:
    running = start_server(MODELSTUDIO_DATABASE_URL=postgres_url)
    opened = open_server_data(running.data_dir, postgres_url)
    studio = new_studio(opened, versions=2)
    added = [studio.add_run(version=n % 2 + 1, started_at=n // 2) for n in range(9)]
    client = running.client()
    assert [run.run_id for run in _list(client, studio, page_size=2)] == added[::-1]
    odd = [run.run_id for run in _list(client, studio, page_size=2, config_version=2)]
    assert odd == added[1::2][::-1]
    with pytest.raises(ModelStudioNotFound):
        _list(running.client(running.token("stranger")), studio)
    opened.database.close()
