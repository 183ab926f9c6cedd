"""A server on a full disk: it says so, goes on when there is room, and ends when it is told to."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import sqlite3
import subprocess
import threading
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from orchestration.job_server import JobServer
from patience import allowed
from support import MODELSTUDIO, free_port, wait_for

if TYPE_CHECKING:
    from collections.abc import Iterator

#: The requests that run have ten seconds, and closing five.
END_SECONDS = 18


class Unheard(JobServer):
    """A server whose every line of log meets a full disk."""

    @property
    def log_file(self) -> Path:
        return Path("/dev/full")

    @property
    def log(self) -> str:
        return ""  # what is read there has no end


@pytest.fixture
def job_server(tmp_path: Path) -> Iterator[JobServer]:
    running = JobServer(tmp_path / "data")
    yield running
    running.stop()


def block(data_dir: Path, name: str) -> None:
    """Have nothing be written under a name, as on a full disk; root may write everywhere."""
    (data_dir / name / "full").mkdir(parents=True)


def end(server: JobServer) -> float:
    """End it and return how long that took, in seconds."""
    assert server.process is not None
    begun = time.monotonic()
    server.process.terminate()
    server.process.wait(timeout=60)
    return time.monotonic() - begun


def test_a_server_that_cannot_write_its_address_says_so_and_goes_on_when_it_can(
    job_server: JobServer,
) -> None:
    block(job_server.data_dir, "server-url")
    job_server.start()
    job = job_server.submit("Quick")
    wait_for(job.log, seconds=20)
    reason = "The server cannot write to its data directory: Is a directory."
    assert job.log() == [f"Waiting. {reason}"]
    assert reason in job_server.log
    assert "Traceback" not in job_server.log
    assert "another server process" not in job_server.log
    shutil.rmtree(job_server.data_dir / "server-url")
    job.wait("SUCCEEDED")


def test_a_server_that_cannot_write_its_address_ends_when_it_is_told_to(
    job_server: JobServer,
) -> None:
    block(job_server.data_dir, "server-url")
    job_server.start()
    wait_for(job_server.submit("Quick").log, seconds=20)
    assert end(job_server) < allowed(END_SECONDS)


def test_a_server_whose_writes_all_wait_ends_when_it_is_told_to(job_server: JobServer) -> None:
    job_server.start()
    job = job_server.submit("Endless")
    pids = job.pids()
    subject = job_server.home()
    other = sqlite3.connect(job_server.data_dir / "modelstudio.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    url = f"{job_server.url}/test/jobs"
    for _ in range(8):  # each waits half a minute for the one before
        threading.Thread(target=_post, args=(url, subject), daemon=True).start()
    time.sleep(1)
    os.kill(pids[1], signal.SIGKILL)  # which the dispatcher will want to note
    time.sleep(2)
    try:
        assert end(job_server) < allowed(END_SECONDS)
    finally:
        other.close()


def _post(url: str, subject: str) -> None:
    body = (
        f'{{"subject_rid": "{subject}", "cpu": 1, "memory_bytes": 1, "retries": 0, "payload": 0}}'
    )
    try:
        urllib.request.urlopen(urllib.request.Request(url, body.encode()), timeout=60).close()
    except OSError:
        return


def test_a_server_that_cannot_write_its_log_runs_jobs(tmp_path: Path) -> None:
    server = Unheard(tmp_path / "data")
    block(server.data_dir, "server-url")
    server.start()
    try:
        job = server.submit("Quick")
        wait_for(job.log, seconds=20)  # the dispatcher has had something to say
        shutil.rmtree(server.data_dir / "server-url")
        job.wait("SUCCEEDED")
        assert end(server) < allowed(END_SECONDS)
    finally:
        server.stop()


# what keeps it from starting ---------------------------------------------------------------------


def refused(data_dir: Path, *before: str) -> subprocess.CompletedProcess[str]:
    """Start a server that is expected to end by itself, with a shell's words before it."""
    words = [*MODELSTUDIO, "serve", "--port", str(free_port()), "--data-dir", str(data_dir)]
    script = " ".join([*before, 'exec "$@"'])
    return subprocess.run(
        ["sh", "-c", script, "sh", *words],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


@pytest.mark.parametrize("name", ["admin-token.part", "admin-token"])
def test_a_token_that_cannot_be_written_is_explained(tmp_path: Path, name: str) -> None:
    block(tmp_path, name)
    done = refused(tmp_path)
    assert done.returncode == 2
    assert "error: the data directory cannot be used: " in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("blocks", [0, 4, 64, 256, 400])
def test_a_disk_that_takes_only_so_much_is_explained(tmp_path: Path, blocks: int) -> None:
    """Files may not become larger than that; half of a database is there already or not."""
    done = refused(tmp_path / "data", f"ulimit -f {blocks};")
    assert done.returncode == 2
    assert "error: the d" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_disk_that_is_full_is_explained_or_served_from_wherever_it_is_full(
    tmp_path: Path,
) -> None:
    mounted = tmp_path / "disk"
    mounted.mkdir()
    for kilobytes in range(328, 408, 8):
        mount = ["mount", "-t", "tmpfs", "-o", f"size={kilobytes}k", "tmpfs", str(mounted)]
        if subprocess.run(mount, check=False, capture_output=True).returncode:
            pytest.skip("no file system can be mounted here")
        try:
            _start_or_be_told(mounted / "data")
        finally:
            subprocess.run(["umount", str(mounted)], check=True)


def _start_or_be_told(data_dir: Path) -> None:
    port = free_port()
    words = [*MODELSTUDIO, "serve", "--port", str(port), "--data-dir", str(data_dir)]
    with subprocess.Popen(words, stderr=subprocess.PIPE, text=True) as process:
        try:
            wait_for(lambda: process.poll() is not None or _answers(port), seconds=30)
            time.sleep(0.2)
            process.terminate()
            _, said = process.communicate(timeout=allowed(END_SECONDS))
        finally:
            process.kill()
    assert "Traceback" not in said
    assert process.returncode == -signal.SIGTERM or (process.returncode == 2 and "error: " in said)


def _answers(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
