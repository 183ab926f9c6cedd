"""MLflow's own scoring server, and what it answers."""

from __future__ import annotations

import json
import os
import subprocess
import urllib.error
import urllib.request
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest

from support import free_port, wait_for

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


def alone() -> dict[str, str]:
    """Return variables that lead to nothing of ours."""
    return {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}


@contextmanager
def serving(python: Path, model: Path, log: Path) -> Iterator[str]:
    """Run MLflow's scoring server on a model; give its URL."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    command = [python.parent / "mlflow", "models", "serve", "-m", model, "-p", port]
    command += ["-h", "127.0.0.1", "--env-manager", "local"]
    variables = {**alone(), "PATH": f"{python.parent}:{os.environ['PATH']}"}
    with log.open("wb") as file:
        server = subprocess.Popen(
            [str(word) for word in command],
            cwd=log.parent,
            env=variables,
            stdout=file,
            stderr=file,
            start_new_session=True,
        )
    try:
        wait_for(lambda: answers(f"{url}/ping"), seconds=120, every=0.5)
        yield url
    finally:
        os.killpg(server.pid, 15)
        try:
            server.wait(30)
        finally:
            server.kill()
            server.wait()


def answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=5):
            return True
    except (OSError, urllib.error.URLError):
        return False


def asked(url: str, body: bytes, kind: str = "application/json") -> Any:
    request = urllib.request.Request(
        f"{url}/invocations", data=body, headers={"Content-Type": kind}, method="POST"
    )
    with urllib.request.urlopen(request, timeout=60) as answer:
        return json.loads(answer.read(), parse_constant=no_number)["predictions"]


def no_number(word: str) -> Any:
    raise AssertionError(f"{word} is no JSON")


def refusal(url: str, body: Any) -> str:
    """Return what the server says of a request that it refuses."""
    with pytest.raises(urllib.error.HTTPError) as raised:
        asked(url, json.dumps(body).encode())
    assert raised.value.code == 400
    message: str = json.load(raised.value)["message"]
    return message
