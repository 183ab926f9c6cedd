"""The floor: an ASGI handler that reads a page of runs and encodes it, and does nothing else.

No authentication, no roles, no tokens, no validation, no error handling. It reads plain columns
from a table with the same index and makes the same JSON.
"""

from __future__ import annotations

import os
import sqlite3
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qsl

import msgspec

_COLUMNS = (
    "SELECT run_id, build_rid, job_rid, config_version, started_by, started_at, status,"
    " model_rid, model_version_rid, experiment_rid, id FROM bench_runs WHERE studio_id = 1"
)
_ORDER = " ORDER BY started_at DESC, id DESC LIMIT ?"


class Output(msgspec.Struct, rename="camel"):
    type: str
    model_rid: str
    model_version_rid: str
    experiment_rid: str


class Run(msgspec.Struct, rename="camel"):
    run_id: str
    build_rid: str
    job_rid: str
    config_version: int
    started_by: str
    started_time: str
    resolved_outputs: dict[str, Output]
    build_status: str


class Runs(msgspec.Struct, rename="camel"):
    data: list[Run]
    next_page_token: str


_connection = sqlite3.connect(
    f"file:{os.environ['BENCH_DATABASE']}?mode=ro", uri=True, isolation_level=None
)
_encoder = msgspec.json.Encoder()


def _iso(millis: int) -> str:
    moment = datetime.fromtimestamp(millis // 1000, UTC)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{millis % 1000:03d}Z"


def page(query: bytes) -> bytes:
    parameters = dict(parse_qsl(query.decode()))
    sql, arguments = _COLUMNS, []
    if "configVersion" in parameters:
        sql += " AND config_version = ?"
        arguments.append(int(parameters["configVersion"]))
    if "after" in parameters:
        started_at, _, run = parameters["after"].partition("-")
        sql += " AND (started_at, id) < (?, ?)"
        arguments += [int(started_at), int(run)]
    arguments.append(int(parameters["pageSize"]))
    rows = _connection.execute(sql + _ORDER, arguments).fetchall()
    runs = [
        Run(r[0], r[1], r[2], r[3], r[4], _iso(r[5]), {"model": Output("model", *r[7:10])}, r[6])
        for r in rows
    ]
    return _encoder.encode(Runs(runs, f"{rows[-1][5]}-{rows[-1][10]}"))


async def app(scope: dict[str, Any], _receive: Any, send: Any) -> None:
    if scope["type"] != "http":
        return
    body = page(scope["query_string"])
    headers = [
        (b"content-type", b"application/json"),
        (b"content-length", str(len(body)).encode()),
    ]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})
