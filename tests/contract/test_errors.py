"""What a caller sees of a fault, and what an operator finds of it."""

from __future__ import annotations

import json
import re
import sqlite3
import threading
import time
import uuid
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import foundry_sdk
import httpx
import pytest

from patience import allowed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from support import RunningServer

SPACES = "/api/v2/filesystem/spaces"
ENVELOPE = {"errorCode", "errorName", "errorInstanceId", "parameters"}
#: What must not be in an answer: paths, SQL, names of classes, functions and tables.
LEAKS = re.compile(r"/|\.py|Traceback|SELECT|sqlite|psycopg|Error\(|no such table|role_grants")


@pytest.fixture(params=["text", "json"])
def broken(
    start_server: Callable[..., RunningServer], request: pytest.FixtureRequest
) -> RunningServer:
    """A server whose database has lost a table."""
    server = start_server(MODELSTUDIO_LOG_FORMAT=request.param)
    database = sqlite3.connect(server.data_dir / "modelstudio.db")
    database.execute("DROP TABLE role_grants")
    database.commit()
    database.close()
    return server


def bearer(server: RunningServer) -> dict[str, str]:
    return {"authorization": f"Bearer {server.admin_token}"}


def assert_envelope(answer: httpx.Response) -> dict[str, Any]:
    body: dict[str, Any] = answer.json()
    assert ENVELOPE <= set(body) <= ENVELOPE | {"errorDescription"}
    assert str(uuid.UUID(body["errorInstanceId"])) == body["errorInstanceId"]
    assert isinstance(body["parameters"], dict)
    return body


def test_a_fault_is_an_envelope_that_says_nothing_and_a_stack_trace_in_the_log(
    broken: RunningServer,
) -> None:
    answer = httpx.get(broken.url + SPACES, headers=bearer(broken))
    body = assert_envelope(answer)
    assert answer.status_code == 500
    assert (body["errorCode"], body["errorName"]) == ("INTERNAL", "Default:Internal")
    assert body["parameters"] == {}
    assert not LEAKS.search(answer.text)
    assert broken.log.count(body["errorInstanceId"]) == 1
    assert "no such table: role_grants" in broken.log


def test_a_fault_is_logged_once_and_without_secrets(broken: RunningServer) -> None:
    httpx.get(broken.url + SPACES, headers=bearer(broken))
    home = {"displayName": "geheim", "parentFolderRid": "ri.compass.main.folder.1"}
    httpx.post(f"{broken.url}/api/v2/filesystem/folders", json=home, headers=bearer(broken))
    assert broken.log.count("unexpected error") == 2
    assert "Exception in ASGI application" not in broken.log
    assert broken.admin_token not in broken.log
    assert "geheim" not in broken.log


def test_the_official_client_sees_a_fault_with_its_instance_id(broken: RunningServer) -> None:
    with pytest.raises(foundry_sdk.InternalServerError) as caught:
        list(broken.client().filesystem.Space.list())
    assert caught.value.name == "Default:Internal"
    assert caught.value.error_instance_id in broken.log


def test_a_server_with_a_fault_goes_on_and_counts_it(broken: RunningServer) -> None:
    with httpx.Client(base_url=broken.url, headers=bearer(broken)) as one_connection:
        for _ in range(3):
            assert one_connection.get(SPACES).status_code == 500
            assert one_connection.get("/healthz").status_code == 200
        metrics = one_connection.get("/metrics").text
    assert 'modelstudio_http_requests_total{method="GET",status="500"} 3.0' in metrics


def test_each_line_of_a_json_log_is_an_object(start_server: Callable[..., RunningServer]) -> None:
    server = start_server(MODELSTUDIO_LOG_FORMAT="json")
    database = sqlite3.connect(server.data_dir / "modelstudio.db")
    database.execute("DROP TABLE role_grants")
    database.commit()
    database.close()
    answer = httpx.get(server.url + SPACES, headers=bearer(server))
    server.stop()
    lines = [json.loads(line) for line in server.log.splitlines()]
    fault = next(line for line in lines if line["event"] == "unexpected error")
    assert fault["error_instance_id"] == answer.json()["errorInstanceId"]
    assert (fault["method"], fault["path"], fault["level"]) == ("GET", SPACES, "error")
    assert fault["exception"]
    assert {line["level"] for line in lines} == {"info", "error"}


def test_every_kind_of_refusal_is_an_envelope_with_an_instance_id_of_its_own(
    server: RunningServer,
) -> None:
    requests: list[tuple[int, str, str, dict[str, Any]]] = [
        (401, "GET", SPACES, {"headers": {}}),
        (401, "GET", SPACES, {"headers": {"authorization": "Bearer x"}}),
        (400, "GET", f"{SPACES}?pageSize=0", {}),
        (400, "GET", f"{SPACES}?pageToken=x", {}),
        (400, "GET", "/api/v2/models/modelStudioTrainers", {}),
        (400, "GET", "/api/v2/filesystem/folders/x", {}),
        (400, "POST", "/api/v2/filesystem/folders", {}),
        (400, "POST", "/api/v2/filesystem/folders", {"json": {}}),
        (415, "POST", "/api/v2/filesystem/folders", {"data": {"a": "b"}}),
        (404, "GET", "/api/v2/filesystem/folders/ri.compass.main.folder.1", {}),
    ]
    seen = set()
    for status, method, path, options in requests:
        answer = httpx.request(method, server.url + path, **{"headers": bearer(server), **options})
        body = assert_envelope(answer)
        assert answer.status_code == status, path
        assert not LEAKS.search(answer.text.replace("application/x-www-form-urlencoded", ""))
        seen.add(body["errorInstanceId"])
    assert len(seen) == len(requests)


# for operators ---------------------------------------------------------------------------------


def test_health_asks_for_no_token(server: RunningServer) -> None:
    assert httpx.get(f"{server.url}/healthz").text == "ok\n"
    assert httpx.get(f"{server.url}/readyz").text == "ready\n"


def test_metrics_count_requests_by_status(server: RunningServer) -> None:
    name = 'modelstudio_http_requests_total{method="GET",status="404"}'

    def count() -> float:
        text = httpx.get(f"{server.url}/metrics").text
        found = re.search(re.escape(name) + r" (\S+)", text)
        return float(found[1]) if found else 0.0

    before = count()
    for _ in range(3):
        httpx.get(f"{server.url}/nothing")
    assert count() - before == 3
    text = httpx.get(f"{server.url}/metrics").text
    assert "modelstudio_http_request_seconds_bucket" in text
    assert "process_resident_memory_bytes" in text


def test_a_server_that_lost_its_database_is_alive_and_not_ready(
    start_server: Callable[..., RunningServer], postgres_url: str
) -> None:
    import sqlalchemy as sa

    import databases
    from modelstudio.kit.database import parse_url

    url = databases.new_postgres(postgres_url)
    server = start_server(MODELSTUDIO_DATABASE_URL=url)
    assert httpx.get(f"{server.url}/readyz").status_code == 200
    name = parse_url(url).database
    engine = sa.create_engine(parse_url(postgres_url), isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.exec_driver_sql(f"DROP DATABASE {name} WITH (FORCE)")
    engine.dispose()
    answer = httpx.get(f"{server.url}/readyz", timeout=60)
    assert (answer.status_code, answer.text) == (503, "the database does not answer\n")
    assert httpx.get(f"{server.url}/healthz").status_code == 200
    fault = httpx.get(server.url + SPACES, headers=bearer(server), timeout=60)
    assert fault.status_code == 500
    assert not LEAKS.search(fault.text)


@contextmanager
def held(server: RunningServer) -> Iterator[None]:
    """Keep the server's database locked for writers, as a long write elsewhere would."""
    other = sqlite3.connect(server.data_dir / "modelstudio.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    try:
        yield
    finally:
        other.execute("ROLLBACK")
        other.close()


def test_a_server_whose_threads_all_wait_is_still_alive(
    start_server: Callable[..., RunningServer],
) -> None:
    server = start_server()
    parent = server.client().filesystem.Resource.get_by_path(path="/Main/Home").rid
    answers: list[int] = []

    def create(number: int) -> None:
        body = {"displayName": f"folder {number}", "parentFolderRid": parent}
        answer = httpx.post(
            f"{server.url}/api/v2/filesystem/folders",
            json=body,
            headers=bearer(server),
            timeout=60,
        )
        answers.append(answer.status_code)

    threads = [threading.Thread(target=create, args=(number,)) for number in range(60)]
    with held(server):
        for thread in threads:
            thread.start()
        time.sleep(1)
        begun = time.perf_counter()
        assert httpx.get(f"{server.url}/healthz").status_code == 200
        assert httpx.get(f"{server.url}/metrics").status_code == 200
        assert time.perf_counter() - begun < allowed(1)
    for thread in threads:
        thread.join()
    assert answers == [200] * 60
