"""The worker protocol over HTTP: who may speak it, and what large bodies leave behind."""

from __future__ import annotations

import asyncio
import socket
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from fastapi import Request

from modelstudio.kit.blobs import DirectoryBlobs
from modelstudio.orchestration.handler import JobRequest
from modelstudio.orchestration.worker_routes import WorkerRoutes
from orchestration.in_process_jobs import GIGABYTE, RESULT, InProcessJobs, open_jobs
from orchestration.journal import KIND
from patience import allowed
from support import wait_for

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from orchestration.job_server import JobServer

EMPTY: dict[str, Any] = {"trainer": {"trainerId": "t"}, "customConfig": {}, "inputs": {}}


@pytest.fixture(scope="module")
def beside(job_server: JobServer) -> Iterator[InProcessJobs]:
    """Open the server's database beside it."""
    opened = open_jobs(job_server.data_dir)
    opened.clock.now = time.time_ns() // 1_000_000
    yield opened
    opened.database.close()


@dataclass
class Attempt:
    """A job that no dispatcher knows of, and its worker's connection."""

    beside: InProcessJobs
    rid: str
    token: str
    http: httpx.Client

    def post(self, path: str, **body: Any) -> httpx.Response:
        return self.http.post(path, json={"attempt": 1, **body})

    def complete(self) -> httpx.Response:
        return self.http.post("/complete", json=RESULT)

    def status(self) -> str:
        return self.beside.job(self.rid).status

    def reason(self) -> str:
        (ended,) = self.beside.journal(self.rid, "ended")
        return str(ended["reason"])

    def blobs(self) -> set[str]:
        root = self.beside.foundation.settings.data_dir / "blobs"
        return {str(path.relative_to(root)) for path in root.rglob("*") if path.is_file()}


def begin(server: JobServer, beside: InProcessJobs, **payload: Any) -> Attempt:
    request = JobRequest(KIND, beside.subject_rid, "master", 1.0, GIGABYTE, {**EMPTY, **payload})
    with beside.database.write() as tx:
        submitted = beside.service.submit(tx, beside.admin, request)
        claim = beside.lifecycle.claim(tx, submitted.job_rid, "the test")
    assert claim is not None
    http = httpx.Client(
        base_url=f"{server.url}/worker/v1/jobs/{submitted.job_rid}",
        headers={"Authorization": f"Bearer {claim.token}"},
        timeout=30,
    )
    return Attempt(beside, submitted.job_rid, claim.token, http)


@pytest.fixture
def attempt(job_server: JobServer, beside: InProcessJobs) -> Iterator[Attempt]:
    begun = begin(job_server, beside)
    yield begun
    begun.http.close()


def test_a_worker_asks_for_its_specification(attempt: Attempt) -> None:
    answer = attempt.http.get("/")
    assert answer.status_code == 200
    assert answer.json()["jobRid"] == attempt.rid
    assert answer.json()["trainer"] == {"trainerId": "t"}


WORKER_REQUESTS = [
    ("GET", "/"),
    ("GET", "/inputs/input_df"),
    ("POST", "/heartbeat"),
    ("POST", "/events"),
    ("PUT", "/tables/importance?attempt=1&rowCount=1"),
    ("PUT", "/model?attempt=1"),
    ("POST", "/complete"),
    ("POST", "/fail"),
]
BODY = {
    **RESULT,
    "rssBytes": 0,
    "firstSequence": 0,
    "events": [],
    "reason": "none",
}


@pytest.mark.parametrize(("method", "path"), WORKER_REQUESTS)
def test_a_worker_cannot_touch_another_job(
    job_server: JobServer, beside: InProcessJobs, attempt: Attempt, method: str, path: str
) -> None:
    other = begin(job_server, beside)
    url = str(other.http.base_url).rstrip("/") + path
    body = {} if method == "GET" else {"json": BODY}
    answer = attempt.http.request(method, url, **body)
    assert (answer.status_code, answer.json()["errorName"]) == (403, "Default:PermissionDenied")
    assert other.status() == "RUNNING"
    other.http.close()


@pytest.mark.parametrize(("method", "path"), WORKER_REQUESTS)
def test_a_user_cannot_pass_for_a_worker(
    job_server: JobServer, attempt: Attempt, method: str, path: str
) -> None:
    user = {"Authorization": f"Bearer {job_server.admin_token}"}
    body = {} if method == "GET" else {"json": BODY}
    answer = attempt.http.request(method, path, headers=user, **body)
    assert (answer.status_code, answer.json()["errorName"]) == (403, "ApiUsageDenied")
    assert attempt.status() == "RUNNING"


@pytest.mark.parametrize("header", ["", "Bearer", "Bearer nonsense", "Basic abc"])
def test_a_stranger_cannot_pass_for_a_worker(attempt: Attempt, header: str) -> None:
    assert attempt.http.get("/", headers={"Authorization": header}).status_code == 401


@pytest.mark.parametrize(
    "path",
    [
        "/api/v2/filesystem/folders/ri.compass.main.folder.a/children",  # asks for no scope
        "/api/v2/filesystem/spaces",
        "/api/v2/orchestration/builds/ri.foundry-build.main.build.a",
        "/modelstudio/v1/jobs/ri.foundry-build.main.job.a/logs",
        "/api/v2/models/modelStudios/ri.models.main.model-studio.a/runs?preview=true",
    ],
)
def test_a_workers_token_opens_nothing_else(
    job_server: JobServer, attempt: Attempt, path: str
) -> None:
    answer = attempt.http.get(job_server.url + path)
    assert (answer.status_code, answer.json()["errorName"]) == (403, "ApiUsageDenied")


def test_a_token_is_refused_once_its_job_is_over(attempt: Attempt) -> None:
    assert attempt.post("/fail", reason="It broke.").status_code == 204
    assert attempt.status() == "FAILED"
    assert attempt.reason() == "It broke."
    for method, path in WORKER_REQUESTS:
        body = {} if method == "GET" else {"json": BODY}
        assert attempt.http.request(method, path, **body).status_code == 401


def test_another_attempt_than_the_running_one_is_over(attempt: Attempt) -> None:
    answers = [
        attempt.post("/heartbeat", attempt=2, rssBytes=0),
        attempt.post("/events", attempt=2, firstSequence=0, events=[]),
        attempt.post("/fail", attempt=2, reason="It broke."),
        attempt.http.post("/complete", json={**RESULT, "attempt": 2}),
        attempt.http.put("/model?attempt=2", content=b"model"),
        attempt.http.put("/tables/t?attempt=2&rowCount=0", content=b"table"),
    ]
    assert [answer.status_code for answer in answers] == [410] * 6
    assert attempt.status() == "RUNNING"


def test_a_heartbeat_says_whether_to_stop(attempt: Attempt) -> None:
    assert attempt.post("/heartbeat", rssBytes=5).json() == {"cancelRequested": False}
    attempt.beside.cancel(attempt.beside.job(attempt.rid).build_rid)
    assert attempt.post("/heartbeat", rssBytes=5).json() == {"cancelRequested": True}


def test_a_result_is_complete_with_its_model_and_tables(attempt: Attempt) -> None:
    metric = {"type": "metric", "time": 1, "series": "loss", "value": 0.5, "step": 1}
    events = [metric, {"type": "nonsense"}]
    assert attempt.post("/events", firstSequence=0, events=events).status_code == 204
    about = {"attempt": 1, "description": "What & how", "rowCount": 2}
    table = attempt.http.put("/tables/feature%2Fimportance", params=about, content=b"PAR1")
    assert table.status_code == 204
    model = b"z" * 5_000_000
    assert attempt.http.put("/model?attempt=1", content=model).status_code == 204
    assert attempt.complete().status_code == 204
    assert attempt.status() == "SUCCEEDED"
    (kept,) = attempt.beside.journal(attempt.rid, "table")
    blob = kept.pop("blob")
    assert kept == {
        "name": "feature/importance",
        "description": "What & how",
        "rows": 2,
        "size": 4,
    }
    blobs = attempt.beside.foundation.blobs
    assert b"".join(blobs.read(blob)) == b"PAR1"
    (succeeded,) = attempt.beside.journal(attempt.rid, "succeeded")
    assert succeeded["result"] == RESULT
    assert b"".join(blobs.read(succeeded["blob"])) == model
    assert attempt.complete().status_code == 401


def test_a_result_that_cannot_be_published_fails_the_job_with_the_reason(
    job_server: JobServer, beside: InProcessJobs
) -> None:
    attempt = begin(job_server, beside, refusal="The output model is in the trash.")
    attempt.http.put("/model?attempt=1", content=b"model")
    assert attempt.complete().status_code == 410
    assert attempt.status() == "FAILED"
    assert attempt.reason() == (
        "The result could not be published: The output model is in the trash."
    )
    attempt.http.close()


def test_what_is_sent_again_or_too_late_leaves_no_blob(attempt: Attempt) -> None:
    before = attempt.blobs()
    for _ in range(2):
        attempt.http.put("/model?attempt=1", content=b"model")
        attempt.http.put("/tables/t?attempt=1&rowCount=0", content=b"table")
    assert len(attempt.blobs() - before) == 2
    attempt.http.put("/model?attempt=2", content=b"model")
    attempt.http.put("/tables/t?attempt=2&rowCount=0", content=b"table")
    assert len(attempt.blobs() - before) == 2


def test_an_upload_that_the_database_cannot_note_leaves_no_blob(tmp_path: Path) -> None:
    """Its worker sends it again, so each try would leave another."""

    class Away:
        def write(self) -> Any:
            raise ConnectionError("the database is away")

    async def body() -> dict[str, Any]:
        return {"type": "http.request", "body": b"model", "more_body": False}

    routes = WorkerRoutes(Away(), None, DirectoryBlobs(tmp_path))  # type: ignore[arg-type]
    request = Request({"type": "http", "method": "PUT", "headers": []}, body)
    with pytest.raises(ConnectionError):
        asyncio.run(routes.model("ri.foundry-build.main.job.j", request, 1))
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]


def test_a_broken_off_upload_leaves_nothing_and_holds_up_no_one(
    job_server: JobServer, attempt: Attempt
) -> None:
    before = attempt.blobs()
    with socket.create_connection(("127.0.0.1", job_server.port)) as half:
        half.sendall(
            f"PUT /worker/v1/jobs/{attempt.rid}/model?attempt=1 HTTP/1.1\r\nHost: x\r\n"
            f"Authorization: Bearer {attempt.token}\r\nContent-Length: 3000000\r\n\r\n".encode()
            + b"x" * 2_000_000
        )
        wait_for(lambda: attempt.blobs() - before, seconds=5)
        begun = time.monotonic()
        assert attempt.post("/heartbeat", rssBytes=0).status_code == 200
        assert time.monotonic() - begun < allowed(1)
    wait_for(lambda: attempt.blobs() == before, seconds=5)
    assert attempt.status() == "RUNNING"


def test_an_input_arrives_whole(job_server: JobServer, beside: InProcessJobs) -> None:
    content = "0123456789" * 300_000
    attempt = begin(job_server, beside, inputs={"input df/1": {"content": content}})
    answer = attempt.http.get("/inputs/input%20df%2F1")
    assert answer.status_code == 200
    assert int(answer.headers["content-length"]) == len(content)
    assert answer.text == content
    attempt.http.close()


def test_an_input_is_let_go_of_when_its_worker_breaks_off(
    job_server: JobServer, beside: InProcessJobs, tmp_path: Path
) -> None:
    gone = tmp_path / "gone"
    inputs = {"input_df": {"content": "0" * 50_000_000, "mark": str(gone)}}
    attempt = begin(job_server, beside, inputs=inputs)
    with attempt.http.stream("GET", "/inputs/input_df") as answer:
        next(answer.iter_bytes(1000))
    wait_for(gone.exists, seconds=5)
    attempt.http.close()


def test_an_unknown_input_is_not_found(attempt: Attempt) -> None:
    assert attempt.http.get("/inputs/none").status_code == 404
    assert attempt.status() == "RUNNING"


def test_an_input_that_cannot_be_read_fails_the_job_with_the_reason(
    job_server: JobServer, beside: InProcessJobs
) -> None:
    attempt = begin(job_server, beside, inputs={"input_df": {"problem": "Row 7 is cut off."}})
    assert attempt.http.get("/inputs/input_df").status_code == 410
    assert attempt.status() == "FAILED"
    assert attempt.reason() == "The input input_df cannot be read: Row 7 is cut off."
    attempt.http.close()


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/heartbeat", {"attempt": 1}),
        ("/heartbeat", {"attempt": 1, "rssBytes": -1}),
        ("/heartbeat", {"attempt": 1, "rssBytes": 2**63}),
        ("/events", {"attempt": 1, "firstSequence": -1, "events": []}),
        ("/events", {"attempt": 1, "firstSequence": 0, "events": {}}),
        ("/events", {"attempt": 1, "firstSequence": 0, "events": [None] * 1001}),
        ("/complete", {**RESULT, "summaryMetrics": {"rmse": "good"}}),
        ("/complete", {**RESULT, "condaRequirements": "all"}),
        ("/complete", {"attempt": 1}),
        ("/fail", {"attempt": 1}),
    ],
)
def test_a_malformed_report_is_refused(attempt: Attempt, path: str, body: dict[str, Any]) -> None:
    answer = attempt.http.post(path, json=body)
    assert (answer.status_code, answer.json()["errorName"]) == (400, "Default:InvalidArgument")
    assert attempt.status() == "RUNNING"


def test_a_report_of_millions_of_lines_is_refused(attempt: Attempt) -> None:
    body = b'{"attempt":1,"firstSequence":0,"events":[' + b"0," * 10_000_000 + b"0]}"
    headers = {"Content-Type": "application/json"}
    assert attempt.http.post("/events", content=body, headers=headers).status_code == 413


@pytest.mark.parametrize(
    "query", ["", "attempt=x&rowCount=1", "attempt=1", "attempt=1&rowCount=-1"]
)
def test_a_table_without_its_facts_is_refused(attempt: Attempt, query: str) -> None:
    before = attempt.blobs()
    assert attempt.http.put(f"/tables/t?{query}", content=b"PAR1").status_code == 400
    assert attempt.blobs() == before
