"""A server process for the demo."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_START_SECONDS: Final = 30.0
_STOP_SECONDS: Final = 20.0


class ServerDidNotStartError(Exception):
    """The server ended or did not answer; the message says where its log is."""


@contextmanager
def running_server(data_dir: Path, port: int) -> Iterator[str]:
    """Run `modelstudio serve`; give its host and port, and stop it in the end."""
    try:
        data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError as error:
        raise ServerDidNotStartError(f"The data directory cannot be used: {error}.") from error
    port = port if _is_free(port) else _free_port()
    log_path = data_dir / "server.log"
    command = [sys.executable, "-m", "modelstudio.cli", "serve"]
    command += ["--port", str(port), "--data-dir", str(data_dir)]
    descriptor = os.open(log_path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    try:
        process = subprocess.Popen(command, stdout=descriptor, stderr=descriptor)  # noqa: S603
    finally:
        os.close(descriptor)
    try:
        _wait(process, port, log_path)
        yield f"127.0.0.1:{port}"
    finally:
        _stop(process)


def _wait(process: subprocess.Popen[bytes], port: int, log_path: Path) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while process.poll() is None and time.monotonic() < deadline:
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz", timeout=1).close()
        except (OSError, urllib.error.URLError):
            time.sleep(0.05)
        else:
            return
    raise ServerDidNotStartError(f"The server did not start; its log is {log_path}.")


def _stop(process: subprocess.Popen[bytes]) -> None:
    """Have it end, and wait for it, however impatient the user is meanwhile."""
    process.terminate()
    try:
        with suppress(subprocess.TimeoutExpired):
            process.wait(_STOP_SECONDS)
    finally:
        process.kill()
        process.wait()


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) != 0


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
