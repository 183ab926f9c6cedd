"""Requests that ask for another protocol beside: answered in HTTP/1.1, with their whole body."""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import time
from typing import TYPE_CHECKING
from uuid import uuid4

import httptools
import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from foundry_sdk import FoundryClient

    from support import RunningServer

SETTINGS = "HTTP2-Settings: AAEAAEAAAAIAAAABAAMAAABk"
ASKING = {
    "java": ("Connection: Upgrade, HTTP2-Settings", "Upgrade: h2c", SETTINGS),
    "proxy": ("Connection: keep-alive, Upgrade, HTTP2-Settings", "Upgrade: h2c", SETTINGS),
    "alone": ("Connection: upgrade", "Upgrade: h2c"),
    "field-first": ("Upgrade: TLS/1.0, HTTP/2.0", "connection: UPGRADE"),
    "two-fields": ("Connection: keep-alive", "Connection: Upgrade", "Upgrade: foo/2"),
    "websocket": ("Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13"),
}
PIECES = {"at-once": 1 << 30, "byte-by-byte": 1, "sevens": 7}
#: A body that would be a request if it were not read as a body.
CONTENT = bytes(range(256)) * 3 + b"\r\n\r\nGET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"


class Raw:
    """One connection on which a test says every byte."""

    def __init__(self, server: RunningServer) -> None:
        self._token = server.admin_token
        self._socket = socket.create_connection(("127.0.0.1", server.port), timeout=20)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._file = self._socket.makefile("rb")

    def head(self, start: str, *fields: str, version: str = "1.1") -> bytes:
        mine = ("Host: x", f"Authorization: Bearer {self._token}", *fields)
        return "\r\n".join([f"{start} HTTP/{version}", *mine, "", ""]).encode()

    def send(self, data: bytes, piece: int = 1 << 30) -> None:
        for at in range(0, len(data), piece):
            self._socket.sendall(data[at : at + piece])

    def answer(self) -> tuple[int, bytes]:
        """Read exactly one answer: its status and its body."""
        status = int(self._file.readline().split()[1])
        fields = dict(self._fields())
        return status, self._file.read(int(fields.get("content-length", 0)))

    def _fields(self) -> Iterator[tuple[str, str]]:
        while line := self._file.readline().strip().decode():
            name, _, value = line.partition(":")
            yield name.lower(), value.strip()

    def ended(self) -> bool:
        return self._file.read() == b""

    def close(self) -> None:
        self._file.close()
        self._socket.close()


@pytest.fixture
def raw(server: RunningServer) -> Iterator[Raw]:
    connection = Raw(server)
    yield connection
    connection.close()


@pytest.fixture
def dataset(client: FoundryClient, project: str) -> str:
    return str(client.datasets.Dataset.create(name="uploads", parent_folder_rid=project).rid)


def upload_path(dataset: str, name: str = "a.bin") -> str:
    return f"/api/v2/datasets/{dataset}/files/{name}/upload"


def folder_body(project: str) -> bytes:
    return json.dumps({"displayName": f"made {uuid4()}", "parentFolderRid": project}).encode()


def chunked(content: bytes, size: int = 100) -> bytes:
    parts = [content[at : at + size] for at in range(0, len(content), size)]
    return b"".join(b"%x\r\n%b\r\n" % (len(part), part) for part in parts) + b"0\r\n\r\n"


def test_the_parser_alone_loses_the_body_of_such_a_request() -> None:
    """What `PlainHttp` is for: without this it could go."""
    bodies: list[bytes] = []

    class Seen:
        def on_body(self, body: bytes) -> None:
            bodies.append(body)

    head = b"POST / HTTP/1.1\r\nConnection: Upgrade\r\nUpgrade: h2c\r\nContent-Length: 2\r\n\r\n"
    parser = httptools.HttpRequestParser(Seen())
    with pytest.raises(httptools.HttpParserUpgrade) as stopped:
        parser.feed_data(head + b"ab")
    assert stopped.value.args == (len(head),)
    assert bodies == []


@pytest.mark.parametrize("piece", PIECES.values(), ids=list(PIECES))
@pytest.mark.parametrize("asking", ASKING.values(), ids=list(ASKING))
def test_an_upload_arrives_whole_and_the_next_request_is_answered(
    raw: Raw, client: FoundryClient, dataset: str, asking: tuple[str, ...], piece: int
) -> None:
    announced = (*asking, "Content-Type: */*", f"Content-Length: {len(CONTENT)}")
    raw.send(raw.head(f"POST {upload_path(dataset)}", *announced) + CONTENT, piece)
    status, body = raw.answer()
    assert (status, json.loads(body)["path"]) == (200, "a.bin")
    assert client.datasets.Dataset.File.content(dataset, "a.bin") == CONTENT
    raw.send(raw.head("GET /healthz"))
    assert raw.answer() == (200, b"ok\n")


@pytest.mark.parametrize("asking", ASKING.values(), ids=list(ASKING))
def test_a_json_body_is_read(raw: Raw, project: str, asking: tuple[str, ...]) -> None:
    body = folder_body(project)
    announced = ("Content-Type: application/json", f"Content-Length: {len(body)}")
    raw.send(raw.head("POST /api/v2/filesystem/folders", *announced, *asking) + body)
    status, answer = raw.answer()
    assert (status, json.loads(answer)["displayName"]) == (200, json.loads(body)["displayName"])


@pytest.mark.parametrize("piece", PIECES.values(), ids=list(PIECES))
def test_a_body_in_chunks_is_read(
    raw: Raw, client: FoundryClient, dataset: str, piece: int
) -> None:
    announced = (*ASKING["java"], "Transfer-Encoding: chunked")
    raw.send(raw.head(f"POST {upload_path(dataset)}", *announced) + chunked(CONTENT), piece)
    assert raw.answer()[0] == 200
    assert client.datasets.Dataset.File.content(dataset, "a.bin") == CONTENT
    raw.send(raw.head("GET /healthz"))
    assert raw.answer() == (200, b"ok\n")


def test_a_large_body_that_comes_later_is_read(
    raw: Raw, client: FoundryClient, dataset: str
) -> None:
    content = CONTENT * 4000
    announced = (*ASKING["java"], f"Content-Length: {len(content)}")
    raw.send(raw.head(f"POST {upload_path(dataset)}", *announced))
    time.sleep(0.3)
    raw.send(content, 1 << 17)
    assert raw.answer()[0] == 200
    assert client.datasets.Dataset.File.content(dataset, "a.bin") == content


def test_a_client_that_expects_to_be_asked_for_the_body_is_asked(
    raw: Raw, client: FoundryClient, dataset: str
) -> None:
    announced = (*ASKING["java"], f"Content-Length: {len(CONTENT)}", "Expect: 100-continue")
    raw.send(raw.head(f"POST {upload_path(dataset)}", *announced))
    assert raw.answer() == (100, b"")
    raw.send(CONTENT)
    assert raw.answer()[0] == 200
    assert client.datasets.Dataset.File.content(dataset, "a.bin") == CONTENT


def test_an_upload_by_a_client_of_http_1_0_arrives_whole(
    raw: Raw, client: FoundryClient, dataset: str
) -> None:
    announced = (*ASKING["alone"], f"Content-Length: {len(CONTENT)}")
    raw.send(raw.head(f"POST {upload_path(dataset)}", *announced, version="1.0") + CONTENT)
    assert raw.answer()[0] == 200
    assert raw.ended()
    assert client.datasets.Dataset.File.content(dataset, "a.bin") == CONTENT


@pytest.mark.parametrize("piece", PIECES.values(), ids=list(PIECES))
def test_requests_sent_without_waiting_are_answered_in_their_order(
    raw: Raw, client: FoundryClient, dataset: str, piece: int
) -> None:
    names = [f"{index}.bin" for index in range(6)]
    sent = b""
    for index, name in enumerate(names):
        content = CONTENT + name.encode()
        asking = ASKING["java"] if index % 3 else ()
        announced = (*asking, f"Content-Length: {len(content)}")
        sent += raw.head(f"POST {upload_path(dataset, name)}", *announced) + content
        sent += raw.head("GET /healthz", *ASKING["proxy"])
    raw.send(sent, piece)
    for name in names:
        status, answer = raw.answer()
        assert (status, json.loads(answer)["path"]) == (200, name)
        assert raw.answer() == (200, b"ok\n")
    for name in names:
        content = client.datasets.Dataset.File.content(dataset, name)
        assert content == CONTENT + name.encode()


def test_a_body_that_nobody_reads_is_not_taken_for_a_request(raw: Raw, dataset: str) -> None:
    announced = (*ASKING["java"], f"Content-Length: {len(CONTENT)}")
    head = raw.head(f"POST {upload_path(dataset)}", *announced)
    raw.send(head.replace(b"Bearer ", b"Bearer not-") + CONTENT)
    assert raw.answer()[0] == 401
    raw.send(raw.head("GET /healthz", *ASKING["websocket"]))
    assert raw.answer() == (200, b"ok\n")


def test_a_connection_that_the_client_wants_closed_is_closed(raw: Raw) -> None:
    raw.send(raw.head("GET /healthz", "Connection: close, Upgrade", "Upgrade: h2c"))
    assert raw.answer() == (200, b"ok\n")
    assert raw.ended()


def test_a_head_that_is_no_http_is_refused_behind_one_that_asks(raw: Raw) -> None:
    raw.send(raw.head("GET /healthz", *ASKING["java"]) + b"\x00\x01 no HTTP\r\n\r\n")
    status, body = raw.answer()
    assert (status, body) == (400, b"Invalid HTTP request received.")


@pytest.mark.parametrize("target", ["example.org:443", "/healthz"])
def test_a_tunnel_is_refused_and_nothing_behind_it_is_taken_for_a_request(
    raw: Raw, target: str
) -> None:
    raw.send(raw.head(f"CONNECT {target}") + raw.head("GET /healthz"))
    assert raw.answer() == (400, b"This server makes no tunnels.")
    assert raw.ended()


@pytest.mark.skipif(shutil.which("curl") is None, reason="no curl on this machine")
def test_curl_that_asks_for_http_2_uploads_whole_files_and_json(
    server: RunningServer, client: FoundryClient, project: str, dataset: str, tmp_path: Path
) -> None:
    content = CONTENT * 500
    (tmp_path / "content").write_bytes(content)
    (tmp_path / "json").write_bytes(folder_body(project))
    authorization = f"Authorization: Bearer {server.admin_token}"
    command = ["curl", "--silent", "--show-error", "--fail", "--http2", "--header", authorization]
    for kind, path, what in (
        ("*/*", upload_path(dataset), "content"),
        ("application/json", "/api/v2/filesystem/folders", "json"),
    ):
        more = ["--header", f"Content-Type: {kind}", "--data-binary", f"@{tmp_path / what}"]
        done = subprocess.run(
            [*command, *more, server.url + path],
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
        assert done.returncode == 0, done.stderr
    assert client.datasets.Dataset.File.content(dataset, "a.bin") == content
    assert json.loads(done.stdout)["type"] == "FOLDER"
