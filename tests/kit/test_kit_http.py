"""Bodies, paths and methods that no operation expects, on a real server."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import foundry_sdk
import httpx
import psutil
import pytest

from one_shot_clients import one_shot_client

if TYPE_CHECKING:
    from collections.abc import Iterator

    from support import RunningServer

FOLDERS = "/api/v2/filesystem/folders"
UPLOAD = "/api/v2/datasets/ri.foundry.main.dataset.x/files/big.bin/upload"
DATASET = "ri.foundry.main.dataset.00000000-0000-0000-0000-000000000000"
JSON_LIMIT = 20_000
UPLOAD_LIMIT = 50_000
MEBIBYTE = 1 << 20


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    """A server with small limits; nothing that these tests send it may be a fault of its own."""
    from support import RunningServer

    running = RunningServer(
        tmp_path_factory.mktemp("small") / "data",
        environment={
            "MODELSTUDIO_MAX_JSON_BYTES": str(JSON_LIMIT),
            "MODELSTUDIO_MAX_UPLOAD_BYTES": str(UPLOAD_LIMIT),
        },
    )
    running.start()
    yield running
    running.stop()
    assert "unexpected error" not in running.log
    assert "Traceback" not in running.log


@pytest.fixture
def http(small: RunningServer) -> Iterator[httpx.Client]:
    headers = {
        "authorization": f"Bearer {small.admin_token}",
        "content-type": "application/json",
    }
    with httpx.Client(base_url=small.url, headers=headers, timeout=60) as client:
        yield client


def chunks(size: int) -> Iterator[bytes]:
    for _ in range(0, size, 1000):
        yield b" " * 1000


def name_of(answer: httpx.Response) -> str:
    body = answer.json()
    assert set(body) <= {
        "errorCode",
        "errorName",
        "errorInstanceId",
        "errorDescription",
        "parameters",
    }
    return str(body["errorName"])


# too large ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "limit"), [(FOLDERS, JSON_LIMIT), (UPLOAD, UPLOAD_LIMIT)], ids=["json", "upload"]
)
def test_a_body_over_its_limit_is_refused_by_its_announced_length(
    http: httpx.Client, path: str, limit: int
) -> None:
    answer = http.post(path, content=b" " * (limit + 1))
    assert answer.status_code == 413
    assert answer.json()["errorCode"] == "REQUEST_ENTITY_TOO_LARGE"
    assert answer.json()["parameters"] == {"maximumSizeBytes": limit}


@pytest.mark.parametrize("size", [JSON_LIMIT + 1000, 40 * JSON_LIMIT])
def test_a_body_of_unannounced_length_is_refused_when_it_passes_its_limit(
    http: httpx.Client, size: int
) -> None:
    answer = http.post(FOLDERS, content=chunks(size))
    assert answer.status_code == 413
    assert answer.json()["parameters"] == {"maximumSizeBytes": JSON_LIMIT}
    assert http.get("/api/v2/filesystem/spaces").status_code == 200


def test_a_body_of_exactly_the_limit_is_read(http: httpx.Client) -> None:
    for content in (b" " * JSON_LIMIT, chunks(JSON_LIMIT)):
        answer = http.post(FOLDERS, content=content)
        assert (answer.status_code, name_of(answer)) == (400, "Default:InvalidArgument")


def test_the_official_client_sees_a_request_that_is_too_large(small: RunningServer) -> None:
    client = small.client()
    with pytest.raises(foundry_sdk.RequestEntityTooLargeError) as caught:
        client.filesystem.Folder.create(
            display_name="x" * JSON_LIMIT, parent_folder_rid="ri.compass.main.folder.1"
        )
    assert caught.value.parameters == {"maximumSizeBytes": JSON_LIMIT}
    with pytest.raises(foundry_sdk.RequestEntityTooLargeError):
        client.datasets.Dataset.File.upload(DATASET, "big.bin", body=b"0" * (UPLOAD_LIMIT + 1))


async def upload_too_much(small: RunningServer) -> None:
    client = one_shot_client(small)
    await client.datasets.Dataset.File.upload(DATASET, "big.bin", body=b"0" * 10_000_000)


def test_the_asynchronous_client_sees_a_request_that_is_too_large(small: RunningServer) -> None:
    import asyncio

    with pytest.raises(foundry_sdk.RequestEntityTooLargeError):
        asyncio.run(upload_too_much(small))


def test_two_gigabytes_are_refused_without_being_kept(server: RunningServer) -> None:
    assert server.process is not None
    process = psutil.Process(server.process.pid)
    before = process.memory_info().rss
    peak = before

    def zeros() -> Iterator[bytes]:
        nonlocal peak
        block = bytes(4 * MEBIBYTE)
        for _ in range(512):
            peak = max(peak, process.memory_info().rss)
            yield block

    headers = {
        "authorization": f"Bearer {server.admin_token}",
        "content-length": str(2048 * MEBIBYTE),
    }
    answer = httpx.post(server.url + UPLOAD, content=zeros(), headers=headers, timeout=120)
    assert answer.status_code == 413
    assert answer.json()["parameters"] == {"maximumSizeBytes": 1024 * MEBIBYTE}
    assert peak - before < 30 * MEBIBYTE


def test_a_stranger_with_a_large_body_still_learns_that_the_token_is_bad(
    server: RunningServer,
) -> None:
    client = server.client("not-a-token")
    with pytest.raises(foundry_sdk.UnauthorizedError):
        client.filesystem.Folder.create(
            display_name="x" * 15 * MEBIBYTE, parent_folder_rid="ri.compass.main.folder.1"
        )


# malformed -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "body",
    [
        b"{",
        b"nonsense",
        b"\xff\xfe",
        b'{"displayName": "a" "b"}',
        b"[" * 9_000,
        b'{"a":' * 3_000 + b"1" + b"}" * 3_000,
        b'{"displayName": "\\ud800"}',
        b'{"displayName": NaN}',
        b'{"displayName": "\\u0000", "parentFolderRid": "ri.compass.main.folder.1"}',
        b"[]",
        b'"text"',
        b"null",
        b"17",
        b'{"parentFolderRid": 5}',
        b'{"parentFolderRid": "nonsense", "displayName": "x"}',
    ],
    ids=lambda body: body[:20],
)
def test_a_body_that_makes_no_sense_is_an_invalid_argument(http: httpx.Client, body: bytes) -> None:
    answer = http.post(FOLDERS, content=body)
    assert (answer.status_code, name_of(answer)) == (400, "Default:InvalidArgument")
    assert answer.json()["errorCode"] == "INVALID_ARGUMENT"


def test_a_missing_body_has_an_error_of_its_own(http: httpx.Client) -> None:
    answer = http.post(FOLDERS)
    assert (answer.status_code, name_of(answer)) == (400, "MissingPostBody")


@pytest.mark.parametrize(
    "media_type", ["text/plain", "application/xml", "application/x-www-form-urlencoded", "nonsense"]
)
def test_a_body_of_another_media_type_is_refused(http: httpx.Client, media_type: str) -> None:
    answer = http.post(FOLDERS, content=b"{}", headers={"content-type": media_type})
    assert (answer.status_code, name_of(answer)) == (415, "Conjure:UnsupportedMediaType")


@pytest.mark.parametrize("media_type", ["application/json; charset=utf-8", "APPLICATION/JSON"])
def test_the_media_type_may_be_written_in_other_ways(http: httpx.Client, media_type: str) -> None:
    answer = http.post(FOLDERS, content=b"{}", headers={"content-type": media_type})
    assert name_of(answer) == "Default:InvalidArgument"


def test_a_body_without_a_media_type_is_taken_for_json(small: RunningServer) -> None:
    headers = {"authorization": f"Bearer {small.admin_token}"}
    answer = httpx.post(small.url + FOLDERS, content=b'{"displayName": "x"}', headers=headers)
    assert answer.json()["parameters"] == {"field": "body.parentFolderRid"}


def test_an_escaped_backslash_before_u0000_is_no_nul(http: httpx.Client) -> None:
    body = json.dumps({"displayName": "\\u0000", "parentFolderRid": "ri.compass.main.folder.1"})
    answer = http.post(FOLDERS, content=body)
    assert (answer.status_code, name_of(answer)) == (404, "FolderNotFound")


def test_unknown_fields_are_tolerated(http: httpx.Client) -> None:
    body = {"displayName": "x", "parentFolderRid": "ri.compass.main.folder.1", "new": {"a": 1}}
    assert name_of(http.post(FOLDERS, json=body)) == "FolderNotFound"


# paths, queries and methods --------------------------------------------------------------------


@pytest.mark.parametrize(
    "path", ["/nothing", "/api/v2/nothing", "/api/v2/filesystem/spaces/", "//", "/api/v1/x"]
)
def test_an_unknown_path_is_404_without_a_body(http: httpx.Client, path: str) -> None:
    answer = http.get(path, headers={"authorization": ""})
    assert (answer.status_code, answer.content) == (404, b"")


def test_the_official_client_takes_an_unknown_path_for_a_missing_api(small: RunningServer) -> None:
    with pytest.raises(foundry_sdk.ApiNotFoundError):
        small.client().datasets.Dataset.get_schedules(DATASET)


@pytest.mark.parametrize("method", ["HEAD", "DELETE", "PUT", "OPTIONS", "PATCH"])
def test_another_method_is_404_without_a_body(http: httpx.Client, method: str) -> None:
    answer = http.request(method, "/api/v2/filesystem/spaces")
    assert (answer.status_code, answer.content) == (404, b"")


def test_the_official_client_takes_an_unknown_method_for_a_missing_api(
    small: RunningServer,
) -> None:
    with pytest.raises(foundry_sdk.ApiNotFoundError):
        small.client().filesystem.Resource.delete(DATASET)
    with pytest.raises(foundry_sdk.ApiNotFoundError):
        small.client().models.LiveDeployment.list(model_rid="ri.models.main.model.x", preview=True)


@pytest.mark.parametrize("path", [f"{FOLDERS}/a%00b", f"{FOLDERS}?displayName=a%00b"])
def test_a_nul_in_the_url_is_an_invalid_argument(http: httpx.Client, path: str) -> None:
    answer = http.request("GET" if "?" not in path else "POST", path)
    assert (answer.status_code, name_of(answer)) == (400, "Default:InvalidArgument")


@pytest.mark.parametrize(
    "segment", ["a%2Fb", "..%2F..", "%2e%2e", "%ff%fe", "%", "%zz", "%252F", "ri.x..y.z%0A", "a+b"]
)
def test_a_strange_path_segment_is_judged_and_not_followed(
    http: httpx.Client, segment: str
) -> None:
    answer = http.get(f"{FOLDERS}/{segment}")
    assert (answer.status_code, name_of(answer)) == (400, "Default:InvalidArgument")


@pytest.mark.parametrize(
    ("query", "name"),
    [
        ("pageSize=0", "InvalidPageSize"),
        ("pageSize=-1", "InvalidPageSize"),
        ("pageSize=abc", "Default:InvalidArgument"),
        ("pageSize=1.5", "Default:InvalidArgument"),
        ("pageSize=" + "9" * 5000, "Default:InvalidArgument"),
        ("pageToken=v1.abc", "InvalidPageToken"),
        ("pageToken=%FF", "InvalidPageToken"),
        ("pageToken=", "InvalidPageToken"),
    ],
)
def test_paging_parameters_that_make_no_sense_are_refused(
    http: httpx.Client, query: str, name: str
) -> None:
    answer = http.get(f"/api/v2/filesystem/spaces?{query}")
    assert (answer.status_code, name_of(answer)) == (400, name)
