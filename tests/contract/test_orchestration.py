"""Builds, jobs and their logs, as the official client sees them."""

from __future__ import annotations

import asyncio
import json
import urllib.error
import urllib.request
import uuid
from typing import TYPE_CHECKING, Any

import pytest
from foundry_sdk import BadRequestError, NotFoundError, PermissionDeniedError
from foundry_sdk.v2.orchestration.errors import (
    BuildNotFound,
    CancelBuildPermissionDenied,
    JobNotFound,
)

from filesystem_data import granted, new_project, user_id
from orchestration.job_server import JobServer, SubmittedJob
from support import wait_for

if TYPE_CHECKING:
    from collections.abc import Iterator

    from foundry_sdk import FoundryClient

NO_BUILD = "ri.foundry-build.main.build.00000000-0000-0000-0000-00000000dead"
NO_JOB = "ri.foundry-build.main.job.00000000-0000-0000-0000-00000000dead"


@pytest.fixture(scope="module")
def job_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[JobServer]:
    running = JobServer(tmp_path_factory.mktemp("contract") / "data")
    running.start()
    yield running
    running.stop()


@pytest.fixture(scope="module")
def client(job_server: JobServer) -> FoundryClient:
    return job_server.client()


@pytest.fixture(scope="module")
def finished(job_server: JobServer) -> SubmittedJob:
    job = job_server.submit("Quick")
    job.wait("SUCCEEDED")
    return job


#: What the run used, why it failed, and the last words of both its processes.
LINES = 4


@pytest.fixture(scope="module")
def failed(job_server: JobServer) -> SubmittedJob:
    job = job_server.submit("Refusing")
    job.wait("FAILED")
    wait_for(lambda: len(job.log()) == LINES, seconds=10)
    return job


def test_a_build_is_read_with_its_job(client: FoundryClient, finished: SubmittedJob) -> None:
    build = client.orchestration.Build.get(finished.build_rid)
    assert (build.rid, build.status, build.job_rids) == (
        finished.build_rid,
        "SUCCEEDED",
        [finished.rid],
    )
    assert (build.branch_name, build.fallback_branches) == ("master", [])
    assert (build.retry_count, build.abort_on_failure) == (0, False)
    assert build.retry_backoff_duration.value == 0
    assert uuid.UUID(str(build.created_by))
    assert build.finished_time is not None
    assert build.created_time < build.finished_time
    assert build.schedule_rid is None


def test_a_job_is_read_with_its_times(client: FoundryClient, finished: SubmittedJob) -> None:
    job = client.orchestration.Job.get(finished.rid, preview=True)
    assert (job.rid, job.build_rid) == (finished.rid, finished.build_rid)
    assert (job.job_status, job.outputs) == ("SUCCEEDED", [])
    assert job.latest_attempt_start_time is not None
    assert job.finished_time is not None
    assert job.started_time <= job.latest_attempt_start_time < job.finished_time


def test_what_has_not_happened_yet_has_no_time(job_server: JobServer) -> None:
    waiting = job_server.submit("Quick", cpu=4.0)
    running = job_server.submit("Endless", cpu=4.0)
    second = job_server.submit("Quick", cpu=4.0)
    assert second.build().finished_time is None
    assert second.job().latest_attempt_start_time is None
    assert second.job().finished_time is None
    waiting.wait("SUCCEEDED")
    running.wait("RUNNING")
    assert running.job().latest_attempt_start_time is not None
    assert running.build().finished_time is None
    second.cancel()
    running.cancel()
    running.wait("CANCELED", seconds=5)


def test_the_jobs_of_a_build_are_listed(client: FoundryClient, finished: SubmittedJob) -> None:
    (job,) = client.orchestration.Build.jobs(finished.build_rid)
    assert job == client.orchestration.Job.get(finished.rid, preview=True)
    page = client.orchestration.Build.jobs(finished.build_rid, page_size=1)
    assert [one.rid for one in page] == [finished.rid]
    with pytest.raises(BadRequestError):
        client.orchestration.Build.jobs(finished.build_rid, page_size=0)
    with pytest.raises(BadRequestError):
        client.orchestration.Build.jobs(finished.build_rid, page_token="v1.abc")


def test_the_asynchronous_client_reads_the_same(
    job_server: JobServer, finished: SubmittedJob
) -> None:
    async def read() -> Any:
        client = job_server.async_client()
        return await client.orchestration.Build.get(finished.build_rid)

    assert asyncio.run(read()) == finished.build()


def test_getting_a_job_is_a_preview(client: FoundryClient, finished: SubmittedJob) -> None:
    with pytest.raises(BadRequestError) as refused:
        client.orchestration.Job.get(finished.rid)
    assert refused.value.name == "ApiFeaturePreviewUsageOnly"


def test_what_is_not_there_is_not_found(client: FoundryClient) -> None:
    with pytest.raises(BuildNotFound) as build:
        client.orchestration.Build.get(NO_BUILD)
    assert build.value.parameters == {"buildRid": NO_BUILD}
    with pytest.raises(JobNotFound) as job:
        client.orchestration.Job.get(NO_JOB, preview=True)
    assert job.value.parameters == {"jobRid": NO_JOB}
    with pytest.raises(NotFoundError):
        list(client.orchestration.Build.jobs(NO_BUILD))
    with pytest.raises(NotFoundError):
        client.orchestration.Build.cancel(NO_BUILD)


def test_a_cancelled_build_is_cancelled_soon(job_server: JobServer) -> None:
    job = job_server.submit("Endless")
    job.wait("RUNNING")
    job.cancel()
    job.cancel()
    job.wait("CANCELED", seconds=5)
    assert job.build().status == "CANCELED"
    assert job.build().finished_time is not None


def test_cancelling_a_finished_build_changes_nothing(finished: SubmittedJob) -> None:
    before = finished.build()
    finished.cancel()
    assert finished.build() == before
    assert finished.job().job_status == "SUCCEEDED"


# another user -----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def ada(job_server: JobServer) -> FoundryClient:
    return job_server.client(job_server.token("ada"))


def private_job(job_server: JobServer, ada: FoundryClient, role: str | None) -> SubmittedJob:
    """Run a job in a project on which Ada has a role, or none."""
    admin = job_server.client()
    grants = granted("owner", user_id(admin)) | (granted(role, user_id(ada)) if role else {})
    job = job_server.submit("Endless", new_project(admin, role_grants=grants).rid)
    job.wait("RUNNING")
    return job


def test_builds_of_what_a_user_cannot_see_do_not_exist(
    job_server: JobServer, ada: FoundryClient
) -> None:
    job = private_job(job_server, ada, None)
    with pytest.raises(BuildNotFound):
        ada.orchestration.Build.get(job.build_rid)
    with pytest.raises(JobNotFound):
        ada.orchestration.Job.get(job.rid, preview=True)
    with pytest.raises(NotFoundError):
        list(ada.orchestration.Build.jobs(job.build_rid))
    with pytest.raises(NotFoundError):
        ada.orchestration.Build.cancel(job.build_rid)
    assert get_log(job_server, job.rid, job_server.token("ada"))[0] == 404
    assert job.job().job_status == "RUNNING"
    job.cancel()


def test_a_viewer_sees_a_build_and_cannot_cancel_it(
    job_server: JobServer, ada: FoundryClient
) -> None:
    job = private_job(job_server, ada, "viewer")
    assert ada.orchestration.Build.get(job.build_rid).status == "RUNNING"
    assert ada.orchestration.Job.get(job.rid, preview=True).job_status == "RUNNING"
    assert get_log(job_server, job.rid, job_server.token("ada"))[0] == 200
    with pytest.raises(CancelBuildPermissionDenied) as denied:
        ada.orchestration.Build.cancel(job.build_rid)
    assert denied.value.parameters == {"buildRid": job.build_rid}
    assert job.job().job_status == "RUNNING"
    job.cancel()


def test_an_editor_cancels_a_build(job_server: JobServer, ada: FoundryClient) -> None:
    job = private_job(job_server, ada, "editor")
    ada.orchestration.Build.cancel(job.build_rid)
    job.wait("CANCELED", seconds=5)


def test_a_token_needs_the_scope(job_server: JobServer, finished: SubmittedJob) -> None:
    reader = job_server.client(job_server.token("admin", "api:orchestration-read"))
    assert reader.orchestration.Build.get(finished.build_rid).status == "SUCCEEDED"
    with pytest.raises(PermissionDeniedError) as denied:
        reader.orchestration.Build.cancel(finished.build_rid)
    assert denied.value.parameters == {"missingScope": "api:orchestration-write"}


# logs -------------------------------------------------------------------------------------------


def get_log(job_server: JobServer, job_rid: str, token: str, query: str = "") -> tuple[int, Any]:
    request = urllib.request.Request(
        f"{job_server.url}/modelstudio/v1/jobs/{job_rid}/logs{query}",
        headers={"Authorization": f"Bearer {token}"},
    )
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return answer.status, json.loads(answer.read())
    except urllib.error.HTTPError as error:
        with error:
            return error.code, json.loads(error.read())


def test_the_log_of_a_failed_job_says_why(failed: SubmittedJob) -> None:
    used, reason, training, worker = failed.log_page()["data"]
    assert used["message"].startswith("Used ")
    assert reason["message"] == "The target has one value only."
    assert reason["level"] == "ERROR"
    assert reason["time"].endswith("Z")
    assert "printed before the end" in training["message"]
    assert "The job fails" in worker["message"]
    assert str(failed.server.data_dir) not in json.dumps(failed.log_page())


def test_a_log_is_read_page_by_page(failed: SubmittedJob) -> None:
    lines, query = [], "?pageSize=2"
    while True:
        page = failed.log_page(query)
        lines += page["data"]
        if "nextPageToken" not in page:
            break
        query = f"?pageSize=2&pageToken={page['nextPageToken']}"
    assert lines == failed.log_page()["data"]
    assert len(lines) == LINES


def test_a_log_needs_a_valid_page_and_a_job(
    job_server: JobServer, finished: SubmittedJob, failed: SubmittedJob
) -> None:
    token = job_server.admin_token
    foreign = failed.log_page("?pageSize=1")["nextPageToken"]
    for query in ("?pageSize=0", "?pageToken=v1.abc", f"?pageToken={foreign}"):
        status, error = get_log(job_server, finished.rid, token, query)
        assert (status, error["errorCode"]) == (400, "INVALID_ARGUMENT")
    status, error = get_log(job_server, NO_JOB, token)
    assert (status, error["errorName"]) == (404, "JobNotFound")
    scopeless = job_server.token("admin", "api:models-read")
    status, error = get_log(job_server, finished.rid, scopeless)
    assert (status, error["errorName"]) == (403, "ApiUsageDenied")
