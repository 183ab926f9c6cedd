"""Files of a dataset through the official client: paths, views, pages."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import httpx
import pytest
from foundry_sdk.v2.core import errors as core_errors
from foundry_sdk.v2.datasets import errors

if TYPE_CHECKING:
    from foundry_sdk import FoundryClient

    from support import RunningServer

NO_TRANSACTION = "ri.foundry.main.transaction.00000000-0000-0000-0000-00000000dead"


@pytest.fixture
def dataset(client: FoundryClient, project: str) -> str:
    return client.datasets.Dataset.create(name="files", parent_folder_rid=project).rid


@pytest.fixture
def files(client: FoundryClient) -> Any:
    return client.datasets.Dataset.File


def transaction(client: FoundryClient, dataset: str, type_: str, **files: bytes) -> str:
    """Commit a transaction with these files; return its RID."""
    datasets = client.datasets.Dataset
    rid = datasets.Transaction.create(dataset, transaction_type=type_).rid  # type: ignore[arg-type]
    for name, data in files.items():
        datasets.File.upload(dataset, name, data, transaction_rid=rid)
    return datasets.Transaction.commit(dataset, rid).rid


def listed(client: FoundryClient, dataset: str, **which: Any) -> list[str]:
    return [file.path for file in client.datasets.Dataset.File.list(dataset, **which)]


PATHS = [
    "plain.bin",
    "deep/er/and/deeper.bin",
    "folder/content",
    "folder/upload",
    "content",
    "upload",
    "per%cent",
    "encoded%2Fslash",
    "double%252Fencoded",
    "a b+c&d=e?f#g;h",
    "Ünïcödé/日本語 🏠",
    "a..b/...",
    "back\\slash",
    "'quotes\"",
    "é" * 512,
]


@pytest.mark.parametrize("path", PATHS)
def test_a_path_is_kept_as_it_is(files: Any, dataset: str, path: str) -> None:
    data = path.encode()
    made = files.upload(dataset, path, data)
    assert made.path == path
    assert made.size_bytes == len(data)
    assert files.content(dataset, path) == data
    assert files.get(dataset, path) == made
    assert list(files.list(dataset)) == [made]
    assert list(files.list(dataset, path_prefix=path)) == [made]


HOSTILE = [
    "../secret",
    "a/../../secret",
    "a/..",
    "./a",
    "/etc/passwd",
    "a//b",
    "a/",
    "new\nline",
    "tab\t",
    "é" * 513,
    "a" * 1025,
]


@pytest.mark.parametrize("path", HOSTILE)
def test_a_hostile_path_is_refused(files: Any, dataset: str, path: str) -> None:
    with pytest.raises(core_errors.InvalidFilePath) as caught:
        files.upload(dataset, path, b"x")
    assert caught.value.parameters["filePath"] == path[:1024]


def test_a_path_that_no_client_would_send_is_refused(server: RunningServer, dataset: str) -> None:
    headers = {"Authorization": f"Bearer {server.admin_token}"}
    for path, error in (
        ("%2e%2e%2Fx", "InvalidFilePath"),
        ("%2e%2e", "InvalidFilePath"),  # clients resolve the plain ones
        ("%2e", "InvalidFilePath"),
        ("%ff%fe", "InvalidFilePath"),
        ("a%00b", "Default:InvalidArgument"),
    ):
        url = f"{server.url}/api/v2/datasets/{dataset}/files/{path}/upload"
        answer = httpx.post(url, headers=headers, content=b"x")
        assert answer.status_code == 400
        assert answer.json()["errorName"] == error


def test_an_empty_file_is_a_file(files: Any, dataset: str) -> None:
    assert files.upload(dataset, "_SUCCESS", b"").size_bytes == 0
    assert files.content(dataset, "_SUCCESS") == b""


def test_any_bytes_come_back(files: Any, dataset: str) -> None:
    data = bytes(range(256)) * 20_000
    files.upload(dataset, "x.bin", data)
    assert files.content(dataset, "x.bin") == data


# views -----------------------------------------------------------------------------------------


def test_an_upload_replaces_a_file_and_history_keeps_it(files: Any, dataset: str) -> None:
    first = files.upload(dataset, "a", b"1").transaction_rid
    second = files.upload(dataset, "a", b"2").transaction_rid
    assert files.content(dataset, "a") == b"2"
    assert files.content(dataset, "a", branch_name="master") == b"2"
    assert files.content(dataset, "a", end_transaction_rid=first) == b"1"
    assert files.get(dataset, "a").transaction_rid == second


def test_views_by_kind_of_transaction(client: FoundryClient, dataset: str) -> None:
    first = transaction(client, dataset, "SNAPSHOT", a=b"1", b=b"1")
    second = transaction(client, dataset, "APPEND", c=b"2")
    third = transaction(client, dataset, "UPDATE", b=b"3", d=b"3")
    fourth = transaction(client, dataset, "SNAPSHOT", e=b"4")
    assert listed(client, dataset) == ["e"]
    assert listed(client, dataset, end_transaction_rid=third) == ["a", "b", "c", "d"]
    assert listed(client, dataset, end_transaction_rid=second) == ["a", "b", "c"]
    ranged = {"start_transaction_rid": second, "end_transaction_rid": third}
    assert listed(client, dataset, **ranged) == ["b", "c", "d"]
    alone = {"start_transaction_rid": third, "end_transaction_rid": third}
    assert listed(client, dataset, **alone) == ["b", "d"]
    across = {"start_transaction_rid": first, "end_transaction_rid": fourth}
    assert listed(client, dataset, **across) == ["e"]


def test_an_append_adds_and_does_not_replace(client: FoundryClient, dataset: str) -> None:
    datasets = client.datasets.Dataset
    there = datasets.File.upload(dataset, "a", b"1").transaction_rid
    with pytest.raises(errors.FileAlreadyExists) as own:
        datasets.File.upload(dataset, "a", b"2", branch_name="master", transaction_type="APPEND")
    assert own.value.parameters == {"datasetRid": dataset, "transactionRid": there, "path": "a"}
    rid = datasets.Transaction.create(dataset, transaction_type="APPEND").rid
    datasets.File.upload(dataset, "b", b"2", transaction_rid=rid)
    for path in ("a", "b"):
        with pytest.raises(errors.FileAlreadyExists) as opened:
            datasets.File.upload(dataset, path, b"3", transaction_rid=rid)
        assert opened.value.parameters["transactionRid"] == rid
    datasets.Transaction.commit(dataset, rid)
    assert datasets.File.content(dataset, "a") == b"1"


def test_an_upload_may_start_over(files: Any, dataset: str) -> None:
    files.upload(dataset, "a", b"1")
    files.upload(dataset, "b", b"2", transaction_type="SNAPSHOT")
    assert [file.path for file in files.list(dataset)] == ["b"]


def test_files_of_an_open_transaction_are_seen_by_its_rid_only(
    client: FoundryClient, dataset: str
) -> None:
    datasets = client.datasets.Dataset
    rid = datasets.Transaction.create(dataset, transaction_type="UPDATE").rid
    datasets.File.upload(dataset, "a", b"1", transaction_rid=rid)
    datasets.File.upload(dataset, "a", b"22", transaction_rid=rid)
    assert listed(client, dataset) == []
    assert datasets.File.content(dataset, "a", end_transaction_rid=rid) == b"22"
    with pytest.raises(errors.FileNotFoundOnBranch):
        datasets.File.content(dataset, "a")


def test_a_delete_transaction_takes_no_files(client: FoundryClient, dataset: str) -> None:
    datasets = client.datasets.Dataset
    rid = datasets.Transaction.create(dataset, transaction_type="DELETE").rid
    with pytest.raises(Exception, match="InvalidTransactionType"):
        datasets.File.upload(dataset, "a", b"1", transaction_rid=rid)


# what is not there ------------------------------------------------------------------------------


def test_a_file_that_is_not_there_is_told_with_where(files: Any, dataset: str) -> None:
    rid = files.upload(dataset, "a", b"1").transaction_rid
    for call in (files.get, files.content):
        with pytest.raises(errors.FileNotFoundOnBranch) as branch:
            call(dataset, "b/c")
        assert branch.value.parameters == {
            "datasetRid": dataset,
            "branchName": "master",
            "path": "b/c",
        }
        with pytest.raises(errors.FileNotFoundOnTransactionRange) as end:
            call(dataset, "b", end_transaction_rid=rid)
        assert end.value.parameters == {
            "datasetRid": dataset,
            "endTransactionRid": rid,
            "path": "b",
        }
        with pytest.raises(errors.FileNotFoundOnTransactionRange) as both:
            call(dataset, "b", start_transaction_rid=rid, end_transaction_rid=rid)
        assert both.value.parameters["startTransactionRid"] == rid
        with pytest.raises(errors.BranchNotFound):
            call(dataset, "a", branch_name="other")
        with pytest.raises(errors.TransactionNotFound):
            call(dataset, "a", end_transaction_rid=NO_TRANSACTION)


@pytest.mark.parametrize(
    "parameters",
    [
        {"start_transaction_rid": NO_TRANSACTION},
        {"branch_name": "master", "start_transaction_rid": NO_TRANSACTION},
        {"branch_name": "master", "end_transaction_rid": NO_TRANSACTION},
    ],
)
def test_parameters_that_mean_nothing_together_are_refused(
    files: Any, dataset: str, parameters: dict[str, str]
) -> None:
    calls = (
        lambda: list(files.list(dataset, **parameters)),
        lambda: files.get(dataset, "a", **parameters),
        lambda: files.content(dataset, "a", **parameters),
    )
    for call in calls:
        with pytest.raises(core_errors.InvalidParameterCombination) as caught:
            call()
        assert len(caught.value.parameters["providedParameters"]) == len(parameters)
        assert [] in caught.value.parameters["validCombinations"]


@pytest.mark.parametrize("parameters", [{"branch_name": "master"}, {"transaction_type": "APPEND"}])
def test_an_upload_to_a_transaction_names_nothing_else(
    client: FoundryClient, files: Any, dataset: str, parameters: dict[str, str]
) -> None:
    rid = client.datasets.Dataset.Transaction.create(dataset, transaction_type="UPDATE").rid
    with pytest.raises(core_errors.InvalidParameterCombination):
        files.upload(dataset, "a", b"1", transaction_rid=rid, **parameters)


# pages -----------------------------------------------------------------------------------------


def test_pages_are_of_the_view_that_the_first_one_saw(
    client: FoundryClient, files: Any, dataset: str
) -> None:
    names = [f"f{number:02}" for number in range(7)]
    transaction(client, dataset, "SNAPSHOT", **dict.fromkeys(names, b"x"))
    page = files.list(dataset, page_size=3)
    walked = [file.path for file in page.data]
    transaction(client, dataset, "SNAPSHOT", other=b"x")
    while page.next_page_token:
        page = files.list(dataset, page_size=3, page_token=page.next_page_token)
        walked += [file.path for file in page.data]
    assert walked == names


def test_a_page_token_is_good_for_its_listing_only(
    client: FoundryClient, files: Any, project: str, dataset: str
) -> None:
    transaction(client, dataset, "UPDATE", a=b"", b=b"", c=b"")
    token = files.list(dataset, page_size=1).next_page_token
    other = client.datasets.Dataset.create(name="other", parent_folder_rid=project).rid
    for call in (
        lambda: files.list(other, page_size=1, page_token=token),
        lambda: files.list(dataset, page_size=1, page_token=token, path_prefix="b"),
        lambda: files.list(dataset, page_size=1, page_token=token[:-2]),
    ):
        with pytest.raises(Exception, match="InvalidPageToken"):
            call()
    for size in (0, -1):
        with pytest.raises(core_errors.InvalidPageSize):
            files.list(dataset, page_size=size)


def test_a_prefix_that_is_a_file_gives_that_file(client: FoundryClient, dataset: str) -> None:
    rid = client.datasets.Dataset.Transaction.create(dataset, transaction_type="UPDATE").rid
    for path in ("in/a", "in/ab", "inner", "In/a"):
        client.datasets.Dataset.File.upload(dataset, path, b"", transaction_rid=rid)
    client.datasets.Dataset.Transaction.commit(dataset, rid)
    assert listed(client, dataset, path_prefix="in") == ["in/a", "in/ab", "inner"]
    assert listed(client, dataset, path_prefix="in/") == ["in/a", "in/ab"]
    assert listed(client, dataset, path_prefix="in/a") == ["in/a"]
    assert listed(client, dataset, path_prefix="x") == []
    with pytest.raises(core_errors.InvalidFilePath):
        listed(client, dataset, path_prefix="/in")
