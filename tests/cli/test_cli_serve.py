"""`modelstudio serve`: start, restart, stop, and what goes wrong before it serves."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import sqlite3
import stat
import statistics
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import httpx
import psutil
import pytest

from patience import allowed
from support import MODELSTUDIO, RunningServer, free_port, wait_for

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

SPACES = "/api/v2/filesystem/spaces"
#: From the start of the process to its first answer, files in the page cache. The aim is 1.5 s
#: on an idle machine; the rest is for machines that do something else besides.
START_BUDGET_SECONDS = 3.0
IDLE_BUDGET_BYTES = 150 << 20


def spaces(server: RunningServer, token: str | None = None) -> httpx.Response:
    headers = {"authorization": f"Bearer {token or server.admin_token}"}
    return httpx.get(server.url + SPACES, headers=headers)


def serve(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run `modelstudio serve` where it is expected to end by itself."""
    kept = {name: value for name, value in os.environ.items() if "MODELSTUDIO_" not in name}
    return subprocess.run(
        [*MODELSTUDIO, "serve", *arguments],
        env={**kept, **environment},
        capture_output=True,
        text=True,
        check=False,
        timeout=30,
    )


# start and restart -----------------------------------------------------------------------------


def test_the_first_start_makes_everything_and_closes_it_to_others(
    start_server: Callable[..., RunningServer],
) -> None:
    server = start_server()
    assert [space["displayName"] for space in spaces(server).json()["data"]] == ["Main"]
    home = server.client().filesystem.Resource.get_by_path(path="/Main/Home")
    assert home.display_name == "Home"
    paths = [server.data_dir, *server.data_dir.rglob("*")]
    modes = {path: stat.S_IMODE(path.stat().st_mode) for path in paths}
    assert server.data_dir / "modelstudio.db" in modes
    assert modes[server.data_dir / "admin-token"] == 0o600
    assert [str(path) for path, mode in modes.items() if mode & 0o077] == []


def test_a_directory_that_others_may_enter_is_given_no_file_that_they_may_read(
    start_server: Callable[..., RunningServer], tmp_path: Path
) -> None:
    data_dir = tmp_path / "data0"
    data_dir.mkdir(mode=0o755)
    server = start_server()
    assert server.data_dir == data_dir
    open_to_others = [path for path in data_dir.rglob("*") if path.stat().st_mode & 0o077]
    assert open_to_others == []


def test_a_second_start_keeps_the_token_and_the_data(
    start_server: Callable[..., RunningServer],
) -> None:
    server = start_server()
    token = server.admin_token
    parent = server.client().filesystem.Resource.get_by_path(path="/Main/Home").rid
    folder = server.client().filesystem.Folder.create(display_name="kept", parent_folder_rid=parent)
    server.stop()
    server.start()
    assert server.admin_token == token
    assert server.client().filesystem.Folder.get(folder.rid).display_name == "kept"
    assert len(spaces(server).json()["data"]) == 1


def test_a_killed_server_starts_again_with_what_it_had_answered(
    start_server: Callable[..., RunningServer],
) -> None:
    server = start_server()
    parent = server.client().filesystem.Resource.get_by_path(path="/Main/Home").rid
    folder = server.client().filesystem.Folder.create(display_name="kept", parent_folder_rid=parent)
    server.kill()
    server.start()
    assert server.client().filesystem.Folder.get(folder.rid).display_name == "kept"


def test_a_token_left_from_another_database_is_replaced(
    start_server: Callable[..., RunningServer],
) -> None:
    server = start_server()
    old = server.admin_token
    server.stop()
    for path in server.data_dir.glob("modelstudio.db*"):
        path.unlink()
    server.start()
    assert server.admin_token != old
    assert spaces(server).status_code == 200
    assert spaces(server, old).status_code == 401


def test_a_lost_token_file_is_made_again(start_server: Callable[..., RunningServer]) -> None:
    server = start_server()
    old = server.admin_token
    server.stop()
    (server.data_dir / "admin-token").unlink()
    server.start()
    assert spaces(server).status_code == 200
    assert spaces(server, old).status_code == 200


def test_the_options_may_be_variables(tmp_path: Path) -> None:
    server = RunningServer(
        tmp_path / "ignored",
        environment={
            "MODELSTUDIO_HOST": "127.0.0.1",
            "MODELSTUDIO_PORT": str(free_port()),
            "MODELSTUDIO_DATA_DIR": str(tmp_path / "data"),
            "MODELSTUDIO_PREVIEW_GATING": "relaxed",
            "MODELSTUDIO_LOG_FORMAT": "json",
        },
    )
    kept = {name: value for name, value in os.environ.items() if "MODELSTUDIO_" not in name}
    url = f"http://127.0.0.1:{server.environment['MODELSTUDIO_PORT']}"
    with subprocess.Popen(
        [*MODELSTUDIO, "serve"], env={**kept, **server.environment}, stderr=subprocess.PIPE
    ) as process:
        try:
            wait_for(lambda: answers(url), seconds=20)
            assert (tmp_path / "data" / "admin-token").exists()
        finally:
            process.terminate()
        assert process.stderr is not None
        lines = [json.loads(line) for line in process.stderr.read().splitlines()]
    assert {"event": "serving", "url": url}.items() <= lines_with(lines, "serving").items()


def lines_with(lines: list[dict[str, str]], event: str) -> dict[str, str]:
    return next(line for line in lines if line["event"] == event)


def answers(url: str) -> bool:
    try:
        return httpx.get(f"{url}/healthz").status_code == 200
    except httpx.TransportError:
        return False


def test_port_0_takes_a_free_port_and_says_which(tmp_path: Path) -> None:
    with subprocess.Popen(
        [*MODELSTUDIO, "serve", "--port", "0", "--data-dir", str(tmp_path / "data")],
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            assert process.stderr is not None
            line = next(line for line in process.stderr if "serving" in line)
            found = re.search(r"url=(http://127\.0\.0\.1:\d+)", line)
            assert found is not None
            assert httpx.get(f"{found[1]}/healthz", timeout=20).text == "ok\n"
        finally:
            process.terminate()


def test_the_first_answer_comes_soon_and_an_idle_server_is_small(
    start_server: Callable[..., RunningServer], capsys: pytest.CaptureFixture[str]
) -> None:
    server = start_server()
    seconds = []
    for _ in range(5):
        server.stop()
        begun = time.perf_counter()
        server.start()
        seconds.append(time.perf_counter() - begun)
    assert server.process is not None
    idle = psutil.Process(server.process.pid).memory_info().rss
    median = statistics.median(seconds)
    with capsys.disabled():
        sys.stdout.write(f"\nfirst answer: {median:.2f} s; idle: {idle / (1 << 20):.0f} MiB\n")
    assert median < allowed(START_BUDGET_SECONDS)
    assert idle < IDLE_BUDGET_BYTES


# stop -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT])
def test_a_stop_does_not_wait_for_idle_connections(
    start_server: Callable[..., RunningServer], how: signal.Signals
) -> None:
    server = start_server()
    assert server.process is not None
    with (
        httpx.Client(base_url=server.url) as idle,
        socket.create_connection(("127.0.0.1", server.port)),
    ):
        assert idle.get("/healthz").status_code == 200
        begun = time.perf_counter()
        server.process.send_signal(how)
        server.process.wait(timeout=allowed(15))
        assert time.perf_counter() - begun < allowed(3)
    assert "Traceback" not in server.log


def test_a_request_that_is_running_is_answered_before_the_stop(
    start_server: Callable[..., RunningServer],
) -> None:
    server = start_server()
    assert server.process is not None
    body = b'{"displayName": "x", "parentFolderRid": "ri.compass.main.folder.1"}'
    head = (
        "POST /api/v2/filesystem/folders HTTP/1.1\r\nhost: x\r\n"
        f"authorization: Bearer {server.admin_token}\r\n"
        f"content-type: application/json\r\ncontent-length: {len(body)}\r\n"
        "expect: 100-continue\r\n\r\n"
    )
    with socket.create_connection(("127.0.0.1", server.port)) as connection:
        connection.sendall(head.encode())
        assert connection.recv(1000).startswith(b"HTTP/1.1 100")  # so it runs
        connection.sendall(body[:10])
        server.process.terminate()
        time.sleep(0.3)
        connection.sendall(body[10:])
        assert connection.recv(1000).startswith(b"HTTP/1.1 404")
    server.process.wait(timeout=allowed(15))


# what cannot be used ------------------------------------------------------------------------------


def test_a_port_that_is_taken_is_explained_before_anything_is_made(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        done = serve("--port", str(port), "--data-dir", str(tmp_path / "data"))
    assert done.returncode == 2
    assert done.stderr == (
        f"error: cannot listen on 127.0.0.1 port {port}: Address already in use\n"
    )
    assert not (tmp_path / "data").exists()


@pytest.mark.parametrize("host", ["203.0.113.1", "no.such.host.invalid", "1.2.3"])
def test_a_host_that_is_not_here_is_explained(tmp_path: Path, host: str) -> None:
    done = serve("--host", host, "--port", "0", "--data-dir", str(tmp_path / "data"))
    assert done.returncode == 2
    assert done.stderr.startswith(f"error: cannot listen on {host}")
    assert done.stderr.count("\n") == 1


def test_a_data_directory_that_is_a_file_is_explained(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("")
    done = serve("--port", "0", "--data-dir", str(tmp_path / "data"))
    assert done.returncode == 2
    assert "the data directory cannot be used" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_file_that_is_no_database_is_explained(tmp_path: Path) -> None:
    (tmp_path / "modelstudio.db").write_bytes(b"no database" * 1000)
    done = serve("--port", "0", "--data-dir", str(tmp_path))
    assert done.returncode == 2
    assert "the database cannot be used: file is not a database" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_database_server_that_does_not_answer_is_explained(tmp_path: Path) -> None:
    url = f"postgresql://u:geheim@127.0.0.1:{free_port()}/d"
    done = serve("--port", "0", "--data-dir", str(tmp_path), "--database-url", url)
    assert done.returncode == 2
    assert "the database cannot be used" in done.stderr
    assert "refused" in done.stderr
    assert "Traceback" not in done.stderr
    assert "geheim" not in done.stderr


@pytest.mark.parametrize("url", ["mysql://u:geheim@h/d", "geheim", "sqlite://"])
def test_a_database_url_that_makes_no_sense_is_explained(tmp_path: Path, url: str) -> None:
    done = serve("--port", "0", "--data-dir", str(tmp_path), "--database-url", url)
    assert done.returncode == 2
    assert done.stderr.startswith("error: ")
    assert done.stderr.count("\n") == 1
    assert "geheim" not in done.stderr


def test_a_database_of_a_newer_version_is_left_alone(
    start_server: Callable[..., RunningServer],
) -> None:
    server = start_server()
    server.stop()
    database = sqlite3.connect(server.data_dir / "modelstudio.db")
    database.execute("UPDATE alembic_version SET version_num = '9999'")
    database.commit()
    database.close()
    done = serve("--port", "0", "--data-dir", str(server.data_dir))
    assert done.returncode == 2
    assert "the database is at revision 9999, which this version does not know" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("MODELSTUDIO_MAX_JSON_BYTES", "many"),
        ("MODELSTUDIO_PREVIEW_GATING", "lax"),
        ("MODELSTUDIO_PORT", "70000"),
    ],
)
def test_a_variable_that_makes_no_sense_is_explained(tmp_path: Path, name: str, value: str) -> None:
    done = serve("--data-dir", str(tmp_path / "data"), **{name: value})
    assert done.returncode == 2
    assert name in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "data").exists()


def test_an_option_that_makes_no_sense_is_explained(tmp_path: Path) -> None:
    done = serve("--preview-gating", "lax", "--data-dir", str(tmp_path / "data"))
    assert done.returncode == 2
    assert "strict" in done.stderr
    assert not (tmp_path / "data").exists()
