"""Datasets through the official client: branches, transactions, commits, schemas, roles."""

from __future__ import annotations

import asyncio
import uuid
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from foundry_sdk import NotFoundError
from foundry_sdk.v2.core import errors as core_errors
from foundry_sdk.v2.datasets import errors
from foundry_sdk.v2.filesystem import errors as filesystem_errors

from filesystem_data import NOWHERE, granted, new_folder, new_project, user_id
from one_shot_clients import one_shot_client

if TYPE_CHECKING:
    from collections.abc import Callable

    from foundry_sdk import FoundryClient

    from support import RunningServer

NO_DATASET = "ri.foundry.main.dataset.00000000-0000-0000-0000-00000000dead"
NO_TRANSACTION = "ri.foundry.main.transaction.00000000-0000-0000-0000-00000000dead"
CSV = b"id,name\n1,a\n2,b\n"


@pytest.fixture
def dataset(client: FoundryClient, project: str) -> str:
    return client.datasets.Dataset.create(name="table", parent_folder_rid=project).rid


def types(client: FoundryClient, dataset: str, **which: Any) -> dict[str, str]:
    schema = client.datasets.Dataset.get_schema(dataset, **which).schema_
    return {str(field.name): field.type for field in schema.field_schema_list}


def description(server: RunningServer, path: str) -> str:
    """Return an error's description, which the client does not show."""
    answer = httpx.get(
        f"{server.url}/api/v2/datasets/{path}",
        headers={"Authorization": f"Bearer {server.admin_token}"},
    )
    return str(answer.json()["errorDescription"])


# datasets and branches -------------------------------------------------------------------------


def test_a_new_dataset_is_a_resource_with_an_empty_branch(
    client: FoundryClient, project: str
) -> None:
    folder = new_folder(client, project).rid
    made = client.datasets.Dataset.create(name="sales 2024", parent_folder_rid=folder)
    assert made.name == "sales 2024"
    assert made.parent_folder_rid == folder
    assert client.datasets.Dataset.get(made.rid) == made
    resource = client.filesystem.Resource.get(made.rid)
    assert resource.type == "FOUNDRY_DATASET"
    assert resource.project_rid == project
    branches = list(client.datasets.Dataset.Branch.list(made.rid))
    assert [(branch.name, branch.transaction_rid) for branch in branches] == [("master", None)]
    assert client.datasets.Dataset.Branch.get(made.rid, "master") == branches[0]


def test_a_dataset_is_not_made_where_it_cannot_be(client: FoundryClient, dataset: str) -> None:
    create = client.datasets.Dataset.create
    project = client.datasets.Dataset.get(dataset).parent_folder_rid
    with pytest.raises(filesystem_errors.ResourceNameAlreadyExists):
        create(name="table", parent_folder_rid=project)
    with pytest.raises(filesystem_errors.InvalidDisplayName):
        create(name="a/b", parent_folder_rid=project)
    with pytest.raises(filesystem_errors.FolderNotFound):
        create(name="x", parent_folder_rid=NOWHERE)


def test_what_is_not_there_is_not_found(client: FoundryClient, dataset: str) -> None:
    datasets = client.datasets.Dataset
    for call in (
        lambda: datasets.get(NO_DATASET),
        lambda: datasets.Branch.get(NO_DATASET, "master"),
        lambda: list(datasets.Branch.list(NO_DATASET)),
        lambda: datasets.Transaction.create(NO_DATASET, transaction_type="UPDATE"),
        lambda: datasets.Transaction.get(NO_DATASET, NO_TRANSACTION),
        lambda: datasets.Transaction.commit(NO_DATASET, NO_TRANSACTION),
        lambda: datasets.Transaction.abort(NO_DATASET, NO_TRANSACTION),
        lambda: datasets.get_schema(NO_DATASET),
        lambda: list(datasets.File.list(NO_DATASET)),
        lambda: datasets.File.upload(NO_DATASET, "a.csv", CSV),
    ):
        with pytest.raises(errors.DatasetNotFound) as caught:
            call()
        assert caught.value.parameters == {"datasetRid": NO_DATASET}
    with pytest.raises(NotFoundError):
        datasets.read_table(NO_DATASET, format="ARROW")
    for call in (datasets.Transaction.get, datasets.Transaction.commit, datasets.Transaction.abort):
        with pytest.raises(errors.TransactionNotFound):
            call(dataset, NO_TRANSACTION)
    with pytest.raises(errors.BranchNotFound) as missing:
        datasets.Branch.get(dataset, "feature/x")
    assert missing.value.parameters == {"datasetRid": dataset, "branchName": "feature/x"}


def test_a_project_is_no_dataset(client: FoundryClient, project: str) -> None:
    with pytest.raises(errors.DatasetNotFound):
        client.datasets.Dataset.get(project)


# transactions ----------------------------------------------------------------------------------


def test_a_transaction_is_opened_filled_and_committed(client: FoundryClient, dataset: str) -> None:
    datasets = client.datasets.Dataset
    opened = datasets.Transaction.create(dataset, transaction_type="SNAPSHOT")
    assert (opened.transaction_type, opened.status) == ("SNAPSHOT", "OPEN")
    assert opened.closed_time is None
    assert datasets.Branch.get(dataset, "master").transaction_rid == opened.rid
    datasets.File.upload(dataset, "a.csv", CSV, transaction_rid=opened.rid)
    committed = datasets.Transaction.commit(dataset, opened.rid)
    assert committed.status == "COMMITTED"
    assert committed.closed_time is not None
    assert committed.closed_time >= committed.created_time == opened.created_time
    assert datasets.Transaction.get(dataset, opened.rid) == committed
    assert datasets.Branch.get(dataset, "master").transaction_rid == opened.rid
    assert types(client, dataset) == {"id": "LONG", "name": "STRING"}


def test_a_branch_has_one_open_transaction(client: FoundryClient, dataset: str) -> None:
    datasets = client.datasets.Dataset
    datasets.Transaction.create(dataset, transaction_type="UPDATE")
    with pytest.raises(errors.OpenTransactionAlreadyExists) as caught:
        datasets.Transaction.create(dataset, transaction_type="APPEND", branch_name="master")
    assert caught.value.parameters == {"datasetRid": dataset, "branchName": "master"}
    with pytest.raises(errors.OpenTransactionAlreadyExists):
        datasets.File.upload(dataset, "a.csv", CSV)


def test_a_closed_transaction_stays_closed(client: FoundryClient, dataset: str) -> None:
    datasets = client.datasets.Dataset
    for close, status in (
        (datasets.Transaction.commit, "COMMITTED"),
        (datasets.Transaction.abort, "ABORTED"),
    ):
        rid = datasets.Transaction.create(dataset, transaction_type="UPDATE").rid
        assert close(dataset, rid).status == status
        for call in (
            lambda rid=rid: datasets.Transaction.commit(dataset, rid),
            lambda rid=rid: datasets.Transaction.abort(dataset, rid),
            lambda rid=rid: datasets.File.upload(dataset, "a", b"", transaction_rid=rid),
        ):
            with pytest.raises(errors.TransactionNotOpen) as caught:
                call()
            assert caught.value.parameters == {
                "datasetRid": dataset,
                "transactionRid": rid,
                "transactionStatus": status,
            }


def test_an_aborted_transaction_leaves_the_branch_as_it_was(
    client: FoundryClient, dataset: str
) -> None:
    datasets = client.datasets.Dataset
    before = datasets.File.upload(dataset, "a.csv", CSV).transaction_rid
    rid = datasets.Transaction.create(dataset, transaction_type="SNAPSHOT").rid
    datasets.File.upload(dataset, "b.csv", CSV, transaction_rid=rid)
    datasets.Transaction.abort(dataset, rid)
    assert datasets.Branch.get(dataset, "master").transaction_rid == before
    assert [file.path for file in datasets.File.list(dataset)] == ["a.csv"]
    with pytest.raises(errors.TransactionNotFound):
        list(datasets.File.list(dataset, end_transaction_rid=rid))


@pytest.mark.parametrize("name", ["", " ", NO_DATASET, str(uuid.uuid4())])
def test_a_branch_name_that_cannot_be_is_refused(
    client: FoundryClient, dataset: str, name: str
) -> None:
    with pytest.raises(errors.InvalidBranchName):
        client.datasets.Dataset.Transaction.create(
            dataset, transaction_type="UPDATE", branch_name=name
        )


# schemas ---------------------------------------------------------------------------------------


def test_a_schema_follows_the_data(client: FoundryClient, dataset: str) -> None:
    datasets = client.datasets.Dataset
    with pytest.raises(errors.DatasetViewNotFound) as nothing:
        datasets.get_schema(dataset)
    assert nothing.value.parameters == {"datasetRid": dataset, "branch": "master"}
    first = datasets.File.upload(dataset, "a.csv", CSV).transaction_rid
    one = datasets.get_schema(dataset)
    assert (one.branch_name, one.end_transaction_rid) == ("master", first)
    datasets.File.upload(dataset, "b.csv", CSV)
    assert datasets.get_schema(dataset).version_id == one.version_id  # nothing changed
    datasets.File.upload(dataset, "c.csv", b"id,name\n1.5,c\n")
    assert types(client, dataset) == {"id": "DOUBLE", "name": "STRING"}
    assert types(client, dataset, end_transaction_rid=first)["id"] == "LONG"
    assert types(client, dataset, version_id=one.version_id)["id"] == "LONG"
    assert types(client, dataset, branch_name="master")["id"] == "DOUBLE"


def test_a_broken_file_is_committed_and_the_reason_is_told(
    server: RunningServer, client: FoundryClient, dataset: str
) -> None:
    datasets = client.datasets.Dataset
    rid = datasets.Transaction.create(dataset, transaction_type="SNAPSHOT").rid
    datasets.File.upload(dataset, "a.csv", b"a,b\n1,2\n3\n", transaction_rid=rid)
    assert datasets.Transaction.commit(dataset, rid).status == "COMMITTED"
    told = "a.csv: Line 3 has 1 value, but the first line names 2 columns."
    for call in (
        lambda: datasets.get_schema(dataset),
        lambda: datasets.read_table(dataset, format="ARROW"),
    ):
        with pytest.raises(errors.SchemaNotFound) as caught:
            call()
        assert caught.value.parameters == {
            "datasetRid": dataset,
            "branchName": "master",
            "transactionRid": rid,
            "message": told,  # the description is dropped by the client
        }
    for operation in ("getSchema", "readTable?format=ARROW"):
        assert description(server, f"{dataset}/{operation}") == told
    assert datasets.File.content(dataset, "a.csv") == b"a,b\n1,2\n3\n"
    datasets.File.upload(dataset, "a.csv", CSV)
    assert types(client, dataset) == {"id": "LONG", "name": "STRING"}


def test_a_schema_of_nothing_is_not_found(client: FoundryClient, dataset: str) -> None:
    datasets = client.datasets.Dataset
    rid = datasets.Transaction.create(dataset, transaction_type="UPDATE").rid
    with pytest.raises(errors.DatasetViewNotFound):
        datasets.get_schema(dataset, end_transaction_rid=NO_TRANSACTION)
    datasets.File.upload(dataset, "a.csv", CSV, transaction_rid=rid)
    with pytest.raises(errors.SchemaNotFound):
        datasets.get_schema(dataset, end_transaction_rid=rid)
    with pytest.raises(errors.SchemaNotFound):
        datasets.get_schema(dataset, end_transaction_rid=rid, version_id=str(uuid.uuid4()))
    datasets.Transaction.abort(dataset, rid)
    datasets.Transaction.commit(
        dataset, datasets.Transaction.create(dataset, transaction_type="UPDATE").rid
    )
    with pytest.raises(errors.DatasetViewNotFound):  # committed, but without files
        datasets.get_schema(dataset)


# roles -----------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def ada(server: RunningServer) -> FoundryClient:
    return server.client(server.token("ada"))


def writes(client: FoundryClient, dataset: str, rid: str) -> list[tuple[Callable[[], Any], type]]:
    """Return calls that write, and the error of who may only read."""
    datasets = client.datasets.Dataset
    schema = {"fieldSchemaList": [{"type": "LONG", "name": "id", "nullable": True}]}
    project = datasets.get(dataset).parent_folder_rid
    return [
        (
            lambda: datasets.create(name="other", parent_folder_rid=project),
            errors.CreateDatasetPermissionDenied,
        ),
        (
            lambda: datasets.Transaction.create(dataset, transaction_type="UPDATE"),
            errors.CreateTransactionPermissionDenied,
        ),
        (
            lambda: datasets.Transaction.commit(dataset, rid),
            errors.CommitTransactionPermissionDenied,
        ),
        (lambda: datasets.Transaction.abort(dataset, rid), errors.AbortTransactionPermissionDenied),
        (
            lambda: datasets.File.upload(dataset, "b.csv", CSV),
            errors.CreateTransactionPermissionDenied,
        ),
        (
            lambda: datasets.File.upload(dataset, "b.csv", CSV, transaction_rid=rid),
            errors.UploadFilePermissionDenied,
        ),
        (
            lambda: datasets.put_schema(dataset, schema=schema),  # type: ignore[arg-type]
            errors.PutDatasetSchemaPermissionDenied,
        ),
    ]


def test_a_viewer_reads_and_does_not_write(client: FoundryClient, ada: FoundryClient) -> None:
    project = new_project(
        client,
        role_grants={
            **granted("viewer", user_id(ada)),
            **granted("owner", user_id(client)),
        },
    ).rid
    dataset = client.datasets.Dataset.create(name="d", parent_folder_rid=project).rid
    client.datasets.Dataset.File.upload(dataset, "a.csv", CSV)
    rid = client.datasets.Dataset.Transaction.create(dataset, transaction_type="UPDATE").rid
    assert ada.datasets.Dataset.File.content(dataset, "a.csv") == CSV
    assert types(ada, dataset) == {"id": "LONG", "name": "STRING"}
    assert ada.datasets.Dataset.read_table(dataset, format="ARROW").to_pyarrow().num_rows == 2
    for write, error in writes(ada, dataset, rid):
        with pytest.raises(error):
            write()


def test_a_stranger_learns_nothing(client: FoundryClient, ada: FoundryClient, dataset: str) -> None:
    rid = client.datasets.Dataset.Transaction.create(dataset, transaction_type="UPDATE").rid
    theirs = ada.datasets.Dataset
    for call in (
        lambda: theirs.get(dataset),
        lambda: theirs.get_schema(dataset),
        lambda: list(theirs.File.list(dataset)),
        lambda: theirs.File.upload(dataset, "b.csv", CSV, transaction_rid=rid),
        lambda: theirs.Transaction.commit(dataset, rid),
        lambda: theirs.Branch.get(dataset, "master"),
    ):
        with pytest.raises(errors.DatasetNotFound):
            call()


# the asynchronous client -----------------------------------------------------------------------


def test_the_asynchronous_client_does_the_same(server: RunningServer, project: str) -> None:
    async def scenario() -> None:
        datasets = one_shot_client(server).datasets.Dataset
        made = await datasets.create(name="async", parent_folder_rid=project)
        rid = (await datasets.Transaction.create(made.rid, transaction_type="APPEND")).rid
        await asyncio.gather(
            *(
                datasets.File.upload(made.rid, f"{n}.csv", b"n\n%d\n" % n, transaction_rid=rid)
                for n in range(6)
            )
        )
        await datasets.Transaction.commit(made.rid, rid)
        schema = await datasets.get_schema(made.rid)
        assert schema.schema_.field_schema_list[0].type == "LONG"
        table = (await datasets.read_table(made.rid, format="ARROW")).to_pyarrow()
        assert table.to_pydict() == {"n": list(range(6))}
        with pytest.raises(core_errors.InvalidFilePath):
            await datasets.File.upload(made.rid, "/abs.csv", b"")

    asyncio.run(scenario())
