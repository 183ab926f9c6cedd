"""Uploads that are broken off, refused, slow, or come at the same time."""

from __future__ import annotations

import json
import socket
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import httpx
import pytest
from foundry_sdk.v2.datasets import errors

from support import wait_for

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from foundry_sdk import FoundryClient

    from support import RunningServer

PIECE = b"x" * 500_000
NO_DATASET = "ri.foundry.main.dataset.00000000-0000-0000-0000-00000000dead"


@pytest.fixture
def dataset(client: FoundryClient, project: str) -> str:
    return client.datasets.Dataset.create(name="uploads", parent_folder_rid=project).rid


def open_transaction(client: FoundryClient, dataset: str) -> str:
    return client.datasets.Dataset.Transaction.create(dataset, transaction_type="UPDATE").rid


def blobs(server: RunningServer) -> set[Path]:
    return {path for path in (server.data_dir / "blobs").rglob("*") if path.is_file()}


class Upload:
    """An upload by hand, piece by piece; without a length its body is chunked."""

    def __init__(
        self, server: RunningServer, dataset: str, path: str, length: int | None, query: str = ""
    ) -> None:
        parts = urlsplit(server.url)
        self.chunked = length is None
        how = "Transfer-Encoding: chunked" if length is None else f"Content-Length: {length}"
        self.connection = socket.create_connection((parts.hostname or "", parts.port or 0), 20)
        self.connection.sendall(
            f"POST /api/v2/datasets/{dataset}/files/{path}/upload{query} HTTP/1.1\r\n"
            f"Host: x\r\n{how}\r\nAuthorization: Bearer {server.admin_token}\r\n\r\n".encode()
        )

    def send(self, piece: bytes) -> None:
        framed = b"%x\r\n%s\r\n" % (len(piece), piece) if self.chunked else piece
        self.connection.sendall(framed)

    def finish(self) -> tuple[int, dict[str, Any]]:
        """End the body; return the answer's status and JSON."""
        if self.chunked:
            self.connection.sendall(b"0\r\n\r\n")
        received = b""
        while b"\r\n\r\n" not in received or not received.rstrip().endswith(b"}"):
            received += self.connection.recv(65536)
        self.connection.close()
        head, _, body = received.partition(b"\r\n\r\n")
        return int(head.split()[1]), json.loads(body)


@pytest.mark.parametrize("length", [10_000_000, None])
@pytest.mark.parametrize("opened", [False, True])
def test_an_upload_broken_off_leaves_neither_row_nor_blob(
    server: RunningServer, client: FoundryClient, dataset: str, length: int | None, opened: bool
) -> None:
    rid = open_transaction(client, dataset) if opened else None
    before = blobs(server)
    query = f"?transactionRid={rid}" if rid else ""
    upload = Upload(server, dataset, "a.csv", length, query)
    for _ in range(6):
        upload.send(PIECE)
    wait_for(lambda: blobs(server) - before, seconds=10)  # the bytes are on their way
    upload.connection.close()
    wait_for(lambda: blobs(server) == before, seconds=10)
    files = client.datasets.Dataset.File
    assert list(files.list(dataset, end_transaction_rid=rid)) == []
    assert files.upload(dataset, "a.csv", b"n\n1\n", transaction_rid=rid).size_bytes == 4
    assert "Disconnect" not in server.log


def test_an_upload_may_be_chunked(
    server: RunningServer, client: FoundryClient, dataset: str
) -> None:
    upload = Upload(server, dataset, "a.bin", None)
    for number in range(30):
        upload.send(bytes([number]) * 100_000)
    status, told = upload.finish()
    assert (status, told["sizeBytes"]) == (200, "3000000")
    expected = b"".join(bytes([number]) * 100_000 for number in range(30))
    assert client.datasets.Dataset.File.content(dataset, "a.bin") == expected


def test_an_upload_that_cannot_be_is_refused_however_large(client: FoundryClient) -> None:
    with pytest.raises(errors.DatasetNotFound):
        client.datasets.Dataset.File.upload(NO_DATASET, "a.bin", bytes(30_000_000))


def test_a_file_over_the_limit_leaves_nothing(
    start_server: Callable[..., RunningServer],
) -> None:
    server = start_server(MODELSTUDIO_MAX_UPLOAD_BYTES="1000000")
    client = server.client()
    home = client.filesystem.Resource.get_by_path(path="/Main/Home").rid
    dataset = client.datasets.Dataset.create(name="d", parent_folder_rid=home).rid
    url = f"{server.url}/api/v2/datasets/{dataset}/files/a.bin/upload"
    headers = {"Authorization": f"Bearer {server.admin_token}"}

    def pieces() -> Any:
        yield from [PIECE] * 4

    for body in (PIECE * 4, pieces()):
        answer = httpx.post(url, headers=headers, content=body)
        assert answer.status_code == 413
    assert client.datasets.Dataset.File.upload(dataset, "b.bin", bytes(1_000_000))
    assert len(blobs(server)) == 1


def test_a_slow_upload_keeps_nobody_from_the_branch(
    server: RunningServer, client: FoundryClient, dataset: str
) -> None:
    slow = Upload(server, dataset, "slow.bin", 2 * len(PIECE))
    slow.send(PIECE)
    files = client.datasets.Dataset.File
    files.upload(dataset, "quick.bin", b"1")
    rid = open_transaction(client, dataset)
    files.upload(dataset, "more.bin", b"2", transaction_rid=rid)
    client.datasets.Dataset.Transaction.commit(dataset, rid)
    slow.send(PIECE)
    assert slow.finish()[0] == 200
    assert [file.path for file in files.list(dataset)] == ["more.bin", "quick.bin", "slow.bin"]


def test_a_transaction_closed_meanwhile_takes_no_file(
    server: RunningServer, client: FoundryClient, dataset: str
) -> None:
    rid = open_transaction(client, dataset)
    before = blobs(server)
    upload = Upload(server, dataset, "a.bin", 2 * len(PIECE), f"?transactionRid={rid}")
    upload.send(PIECE)
    wait_for(lambda: blobs(server) - before, seconds=10)
    client.datasets.Dataset.Transaction.abort(dataset, rid)
    upload.send(PIECE)
    status, told = upload.finish()
    assert (status, told["errorName"]) == (400, "TransactionNotOpen")
    assert told["parameters"]["transactionStatus"] == "ABORTED"
    assert blobs(server) == before


def test_a_transaction_opened_meanwhile_keeps_an_upload_out(
    server: RunningServer, client: FoundryClient, dataset: str
) -> None:
    before = blobs(server)
    upload = Upload(server, dataset, "a.bin", 2 * len(PIECE))
    upload.send(PIECE)
    wait_for(lambda: blobs(server) - before, seconds=10)
    open_transaction(client, dataset)
    upload.send(PIECE)
    status, told = upload.finish()
    assert (status, told["errorName"]) == (409, "OpenTransactionAlreadyExists")
    assert blobs(server) == before


def test_uploads_at_the_same_time_all_arrive(client: FoundryClient, dataset: str) -> None:
    files = client.datasets.Dataset.File
    with ThreadPoolExecutor(6) as threads:
        made = list(
            threads.map(
                lambda number: files.upload(dataset, f"{number}.csv", b"n\n%d\n" % number),
                range(6),
            )
        )
    assert len({file.transaction_rid for file in made}) == 6
    table = client.datasets.Dataset.read_table(dataset, format="ARROW").to_pyarrow()
    assert table["n"].to_pylist() == list(range(6))


def test_the_same_path_at_the_same_time_leaves_one_blob(
    server: RunningServer, client: FoundryClient, dataset: str
) -> None:
    rid = open_transaction(client, dataset)
    before = blobs(server)
    files = client.datasets.Dataset.File
    with ThreadPoolExecutor(6) as threads:
        list(
            threads.map(
                lambda number: files.upload(dataset, "a", b"%d" % number, transaction_rid=rid),
                range(6),
            )
        )
    assert len(blobs(server) - before) == 1
    assert files.content(dataset, "a", end_transaction_rid=rid) in {b"%d" % n for n in range(6)}
    client.datasets.Dataset.Transaction.abort(dataset, rid)
    assert blobs(server) == before


def test_of_commits_at_the_same_time_one_succeeds(client: FoundryClient, dataset: str) -> None:
    rid = open_transaction(client, dataset)
    client.datasets.Dataset.File.upload(dataset, "a.csv", b"n\n1\n", transaction_rid=rid)

    def commit(_: int) -> str:
        try:
            return client.datasets.Dataset.Transaction.commit(dataset, rid).status
        except errors.TransactionNotOpen as error:
            return error.name

    with ThreadPoolExecutor(6) as threads:
        outcomes = sorted(threads.map(commit, range(6)))
    assert outcomes == ["COMMITTED"] + ["TransactionNotOpen"] * 5


def test_a_server_killed_during_an_upload_has_nothing_of_it(
    start_server: Callable[..., RunningServer],
) -> None:
    server = start_server()
    client = server.client()
    home = client.filesystem.Resource.get_by_path(path="/Main/Home").rid
    dataset = client.datasets.Dataset.create(name="d", parent_folder_rid=home).rid
    upload = Upload(server, dataset, "a.bin", 10_000_000)
    for _ in range(6):
        upload.send(PIECE)
    wait_for(lambda: blobs(server), seconds=10)
    server.kill()
    upload.connection.close()
    server.start()
    datasets = server.client().datasets.Dataset
    assert datasets.Branch.get(dataset, "master").transaction_rid is None
    assert datasets.File.upload(dataset, "a.bin", b"1").size_bytes == 1
