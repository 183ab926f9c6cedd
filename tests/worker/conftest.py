from __future__ import annotations

import io
import os
import sys
import time
import uuid
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))

from protocol_server import TOKEN, JobOnServer, ProtocolServer  # noqa: E402

from modelstudio.compute.base import StartRequest  # noqa: E402
from modelstudio.compute.local import LocalProcesses  # noqa: E402
from patience import allowed  # noqa: E402

SCHEMA = [
    {"name": "x", "type": "LONG"},
    {"name": "x.y", "type": "STRING"},
    {"name": "y", "type": "DOUBLE"},
]


def parquet_bytes(columns: dict[str, list]) -> bytes:
    sink = io.BytesIO()
    pq.write_table(pa.table(columns), sink)
    return sink.getvalue()


class Rig:
    """A server with one job, and the worker that runs it."""

    def __init__(self, root: Path) -> None:
        self.url_file = root / "server.url"
        self.settle()
        self.job = None
        self.server = None
        self.servers = []
        self.handle = None
        self.started = []

    def settle(self, **options) -> None:
        """Have workers run in a place with these options."""
        self.compute = LocalProcesses(self.url_file.parent / "jobs", **options)

    def submit(self, trainer: str, config: dict | None = None, **changes) -> JobOnServer:
        """Put a job on a server; the changes are to its input or its resources."""
        resources = {"cpu": 1.5, "memoryBytes": changes.get("memory", 2 * 10**9)}
        if "wall_seconds" in changes:
            resources["wallSeconds"] = changes["wall_seconds"]
        if "disk" in changes:
            resources["diskBytes"] = changes["disk"]
        if "gpu" in changes:
            resources["gpu"] = changes["gpu"]
        table = {
            "datasetRid": "ri.foundry.main.dataset.d",
            "transactionRid": "ri.foundry.main.transaction.t",
            "columnMapping": {"target_column": ["y"]},
            "ignoreColumns": changes.get("ignore", []),
            "selectColumns": changes.get("select", []),
            "schema": SCHEMA,
        }
        rid = f"ri.foundry-build.main.job.{uuid.uuid4()}"
        specification = {
            "jobRid": rid,
            "attempt": 3,
            "heartbeatSeconds": 0.2,
            "trainer": {
                "trainerId": "ri.models..trainer.test",
                "version": "1.0.0",
                "implementation": trainer if ":" in trainer else f"worker_trainers:{trainer}",
            },
            "customConfig": config or {},
            "inputs": {"input_df": table},
            "resources": resources,
        }
        data = parquet_bytes({"x": [1, 2], "x.y": ["a", "b"], "y": [0.5, 1.5]})
        self.job = JobOnServer(rid, specification, {"input_df": data})
        # Each job has a server of its own; workers of earlier jobs shall not follow this one.
        self.url_file = self.url_file.with_name(f"{len(self.servers)}.url")
        self.serve()
        return self.job

    def serve(self) -> None:
        self.server = ProtocolServer(self.job)
        self.servers.append(self.server)
        self.url_file.write_text(self.server.url + "\n")

    def go_away(self) -> None:
        self.server.stop()
        self.server = None

    def start(self, *, token: str = TOKEN, patience: float = 60.0, neighbours=()) -> None:
        request = StartRequest(
            job_rid=self.job.rid,
            attempt=3,
            token=token,
            server_url="http://127.0.0.1:9",
            server_url_file=self.url_file,
            patience_seconds=patience,
            cpu=1.5,
            memory_bytes=self.job.specification["resources"]["memoryBytes"],
            neighbours=neighbours,
        )
        self.handle = self.compute.start(request)
        self.started.append((self.compute, self.handle))

    def wait_for_exit(self, seconds: float = 20.0) -> str:
        begun = time.monotonic()
        while self.compute.is_alive(self.handle):
            assert time.monotonic() - begun < allowed(seconds), self.worker_log
            time.sleep(0.02)
        return self.compute.exit_reason(self.handle)

    def run(self, trainer: str, config: dict | None = None, **changes) -> JobOnServer:
        self.submit(trainer, config, **changes)
        self.start()
        assert self.wait_for_exit() == "The worker ended with exit code 0."
        return self.job

    @property
    def work_dir(self) -> Path:
        return Path(self.handle["workDir"])

    @property
    def worker_log(self) -> str:
        return (self.work_dir / "worker.log").read_text()

    @property
    def training_log(self) -> str:
        return (self.work_dir / "training.log").read_text()

    def close(self) -> None:
        """End every worker that was started, and wait for each, also on a busy machine."""
        for compute, handle in self.started:
            give_up = time.monotonic() + 20
            while compute.is_alive(handle) and time.monotonic() < give_up:
                compute.stop(handle, 0)
            assert not compute.is_alive(handle)
        for server in self.servers:
            server.stop()


@pytest.fixture
def rig(tmp_path, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", str(HERE), prepend=os.pathsep)
    rig = Rig(tmp_path)
    yield rig
    rig.close()
