"""A real server with jobs of the tests' own, and what tests want to know about them."""

from __future__ import annotations

import json
import sys
import urllib.request
from pathlib import Path
from typing import Any

import psutil

import support
from modelstudio.kit.database import Database, sqlite_url
from orchestration.journal import read_journal

HERE = Path(__file__).parent


class JobServer(support.RunningServer):
    """`modelstudio serve` that also takes jobs for the trainers of this folder."""

    def __init__(self, data_dir: Path, **environment: str) -> None:
        settings = {"MODELSTUDIO_HEARTBEAT_SECONDS": "0.5", "MODELSTUDIO_CPU": "4"}
        super().__init__(data_dir, environment={**settings, "PYTHONPATH": str(HERE), **environment})
        self._home = ""

    def start(self) -> None:
        original = support.MODELSTUDIO
        support.MODELSTUDIO = [sys.executable, str(HERE / "server_with_jobs.py")]
        try:
            super().start()
        finally:
            support.MODELSTUDIO = original

    def submit(self, trainer: str, subject: str | None = None, **changes: Any) -> SubmittedJob:
        """Queue a job; the subject is a resource, by default the first project."""
        payload = {
            "trainer": {
                "trainerId": "ri.models..trainer.test",
                "version": "1.0.0",
                "implementation": f"orchestration_trainers:{trainer}",
            },
            "customConfig": changes.get("config", {}),
            "inputs": changes.get("inputs", {}),
            "refusal": changes.get("refusal"),
        }
        body = {
            "subject_rid": subject or self.home(),
            "cpu": changes.get("cpu", 1.0),
            "memory_bytes": changes.get("memory_bytes", 10**9),
            "retries": changes.get("retries", 0),
            "payload": payload,
        }
        request = urllib.request.Request(
            f"{self.url}/test/jobs", json.dumps(body).encode(), method="POST"
        )
        with urllib.request.urlopen(request, timeout=30) as response:
            answer = json.loads(response.read())
        return SubmittedJob(self, answer["buildRid"], answer["jobRid"])

    def home(self) -> str:
        if not self._home:
            self._home = self.client().filesystem.Resource.get_by_path(path="/Main/Home").rid
        return self._home

    def journal(self, job_rid: str, what: str | None = None) -> list[Any]:
        database = Database(sqlite_url(self.data_dir / "modelstudio.db"))
        try:
            with database.read() as tx:
                return read_journal(tx, job_rid, what)
        finally:
            database.close()

    def stop(self) -> None:
        """Stop it and leave no worker behind, which would wait for the server."""
        super().stop()
        for process in psutil.process_iter():
            if str(self.data_dir) in _environment_of(process).get("MODELSTUDIO_WORK_DIR", ""):
                process.kill()


class SubmittedJob:
    """One build with its job, as the official client sees it."""

    def __init__(self, server: JobServer, build_rid: str, job_rid: str) -> None:
        self.server = server
        self.build_rid = build_rid
        self.rid = job_rid
        self._clients: dict[int, Any] = {}

    @property
    def _client(self) -> Any:
        """The client of the server where it is now."""
        return self._clients.setdefault(self.server.port, self.server.client())

    def job(self) -> Any:
        return self._client.orchestration.Job.get(self.rid, preview=True)

    def build(self) -> Any:
        return self._client.orchestration.Build.get(self.build_rid)

    def cancel(self) -> None:
        self._client.orchestration.Build.cancel(self.build_rid)

    def wait(self, status: str, *, seconds: float = 30) -> None:
        support.wait_for(lambda: self._arrived(status), seconds=seconds)

    def _arrived(self, status: str) -> bool:
        found = self.job().job_status
        if found != status and found in {"SUCCEEDED", "FAILED", "CANCELED"}:
            raise AssertionError(f"{found}, not {status}:\n" + "\n".join(self.log()))
        return bool(found == status)

    def journal(self, what: str | None = None) -> list[Any]:
        return self.server.journal(self.rid, what)

    def ended(self) -> dict[str, str]:
        (ended,) = self.journal("ended")
        return dict(ended)

    def log(self) -> list[str]:
        return [line["message"] for line in self.log_page()["data"]]

    def log_page(self, query: str = "") -> Any:
        request = urllib.request.Request(
            f"{self.server.url}/modelstudio/v1/jobs/{self.rid}/logs{query}",
            headers={"Authorization": f"Bearer {self.server.admin_token}"},
        )
        with urllib.request.urlopen(request, timeout=30) as response:
            return json.loads(response.read())

    def pids(self) -> list[int]:
        """Return the processes of an `Endless` job, once it runs."""

        def said() -> list[int]:
            lines = [line for line in self.log() if line.startswith("pids ")]
            return json.loads(lines[0].removeprefix("pids ")) if lines else []

        return list(support.wait_for(said, seconds=30))


def alive(pids: list[int]) -> list[int]:
    return [pid for pid in pids if _is_alive(pid)]


def _is_alive(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def _environment_of(process: psutil.Process) -> dict[str, str]:
    try:
        return dict(process.environ())
    except (psutil.Error, OSError):
        return {}
