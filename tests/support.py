"""A real server process for tests, and the official client on it."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from foundry_sdk import AsyncFoundryClient, Config, FoundryClient, UserTokenAuth

from patience import allowed

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

START_TIMEOUT_SECONDS = 30.0


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@dataclass
class RunningServer:
    """One `modelstudio serve` process; survives `kill` and `start` with the same data and port."""

    data_dir: Path
    port: int = field(default_factory=free_port)
    environment: dict[str, str] = field(default_factory=dict)
    process: subprocess.Popen[bytes] | None = None

    @property
    def hostname(self) -> str:
        return f"127.0.0.1:{self.port}"

    @property
    def url(self) -> str:
        return f"http://{self.hostname}"

    @property
    def log_file(self) -> Path:
        return self.data_dir.parent / f"{self.data_dir.name}.log"

    @property
    def log(self) -> str:
        return self.log_file.read_text()

    @property
    def admin_token(self) -> str:
        return (self.data_dir / "admin-token").read_text().strip()

    def start(self) -> None:
        with self.log_file.open("ab") as log:
            self.process = subprocess.Popen(
                [*MODELSTUDIO, "serve", "--port", str(self.port), "--data-dir", str(self.data_dir)],
                env=_environment(self.environment),
                stdout=log,
                stderr=log,
            )
        try:
            self._wait_for_answer()
        except BaseException:
            self.kill()
            raise

    def _wait_for_answer(self) -> None:
        assert self.process is not None
        begun = time.monotonic()
        while time.monotonic() - begun < allowed(START_TIMEOUT_SECONDS):
            if self.process.poll() is not None:
                raise RuntimeError(f"the server ended:\n{self.log}")
            with (
                contextlib.suppress(OSError, urllib.error.URLError),
                urllib.request.urlopen(f"{self.url}/healthz", timeout=1),
            ):
                return
            time.sleep(0.02)
        raise RuntimeError(f"the server did not answer:\n{self.log}")

    def kill(self) -> None:
        """End it the hard way, as a crash would."""
        assert self.process is not None
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def stop(self) -> None:
        if self.process is not None and self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(timeout=allowed(15))
            except subprocess.TimeoutExpired:
                self.kill()

    def run_cli(self, *arguments: str, seconds: float = 60) -> subprocess.CompletedProcess[str]:
        """Run `modelstudio ARGUMENTS --data-dir DIR`."""
        return subprocess.run(
            [*MODELSTUDIO, *arguments, "--data-dir", str(self.data_dir)],
            env=_environment(self.environment),
            capture_output=True,
            text=True,
            check=False,
            timeout=seconds,
        )

    def token(self, user: str, *scopes: str, ttl: str | None = None) -> str:
        arguments = ["token", "create", "--user", user]
        for scope in scopes:
            arguments += ["--scope", scope]
        if ttl is not None:
            arguments += ["--ttl", ttl]
        done = self.run_cli(*arguments)
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    def client(self, token: str | None = None) -> FoundryClient:
        return FoundryClient(
            auth=UserTokenAuth(token or self.admin_token),
            hostname=self.hostname,
            config=Config(scheme="http", timeout=60),
        )

    def async_client(self, token: str | None = None) -> AsyncFoundryClient:
        return AsyncFoundryClient(
            auth=UserTokenAuth(token or self.admin_token),
            hostname=self.hostname,
            # Its pool outlives the event loop of a test, so no connection may be kept.
            config=Config(scheme="http", timeout=60, default_headers={"Connection": "close"}),
            preview=True,
        )


MODELSTUDIO = [sys.executable, "-m", "modelstudio.cli"]


def _environment(extra: dict[str, str]) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if "MODELSTUDIO_" not in name}
    # What else runs on the machine shall not make the tests' training wait.
    return {**kept, "MODELSTUDIO_TRAINING_NICENESS": "0", **extra}


def wait_for(condition: Callable[[], Any], *, seconds: float, every: float = 0.05) -> Any:
    """Return the condition's first true value.

    Raises
    ------
    TimeoutError
        When it did not become true in time.
    """
    begun = time.monotonic()
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() - begun > allowed(seconds):
            raise TimeoutError(f"not true after {seconds} s")
        time.sleep(every)
