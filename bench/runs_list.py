"""List Model Studio Runs against the floor: CPU per request, pages deep and shallow."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING
from urllib.parse import quote

import orjson
from bench.load import Connection, measure
from bench.seed import BUSY_CONFIG, seed

from modelstudio.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Iterator

_ROUNDS = 7
_REQUESTS = 600
_DEEP_PAGE = 5_000
_FILTER = f"&configVersion={BUSY_CONFIG}"


@dataclass(frozen=True)
class Case:
    """One kind of page; ``after`` is the token of the page before it, per server."""

    name: str
    size: int
    filtered: bool
    deep: bool


CASES = [
    Case(
        f"{size} rows, page {'5,000' if deep else '1'}{', one config' if filtered else ''}",
        size,
        filtered,
        deep,
    )
    for size in (10, 100)
    for filtered in (False, True)
    for deep in (False, True)
]


def run(count: int, postgres: str | None) -> str:
    """Return the table as Markdown."""
    with tempfile.TemporaryDirectory(prefix="bench-") as directory:
        data_dir = Path(directory)
        studio = seeded(data_dir, "", count)
        with running_server(data_dir, "") as ours, _bare(data_dir) as floor:
            token = token_of(data_dir, "")
            lines = _sqlite_table(ours, floor, studio, token, count)
    if postgres is not None:
        lines += _postgres_table(postgres, count)
    return "\n".join(lines)


def _sqlite_table(
    ours: tuple[int, int], floor: tuple[int, int], studio: str, token: str, count: int
) -> list[str]:
    lines = [
        f"SQLite, {count:,} runs, median of {_ROUNDS} rounds of {_REQUESTS} requests:",
        "",
        "| page | bare handler | Model Studio | ratio | page 5,000 to page 1 | requests/s |",
        "|---|---|---|---|---|---|",
    ]
    for case in CASES:
        # A connection that waits while the other server's pages are walked would be closed.
        mine = Connection(ours[0], token)
        my_path = _deep_path(mine, _our_path(studio, case), case, "pageToken", count)
        bare = Connection(floor[0])
        bare_path = _deep_path(bare, _bare_path(case), case, "after", count)
        mine = Connection(ours[0], token)
        _assert_same_rows(mine.get(my_path), bare.get(bare_path))
        rounds = [
            (  # interleaved, so that a noisy moment hits all
                measure(bare, floor[1], bare_path, requests=_REQUESTS),
                measure(mine, ours[1], my_path, requests=_REQUESTS),
                measure(mine, ours[1], _our_path(studio, case), requests=_REQUESTS),
            )
            for _ in range(_ROUNDS)
        ]
        cpu = median(here.cpu_micros for _, here, _ in rounds)
        least = median(there.cpu_micros for there, _, _ in rounds)
        ratio = median(here.cpu_micros / there.cpu_micros for there, here, _ in rounds)
        deep = median(here.cpu_micros / first.cpu_micros for _, here, first in rounds)
        depth = f"{deep:.2f}" if case.deep else ""
        rate = median(here.per_second for _, here, _ in rounds)
        lines.append(
            f"| {case.name} | {least:.0f} µs | {cpu:.0f} µs | {ratio:.2f} | {depth} | {rate:,.0f} |"
        )
    return lines


def _postgres_table(url: str, count: int) -> list[str]:
    with tempfile.TemporaryDirectory(prefix="bench-") as directory:
        data_dir = Path(directory)
        studio = seeded(data_dir, url, count)
        lines = [
            "",
            f"PostgreSQL, {count:,} runs, without PostgreSQL's own time:",
            "",
            "| page | Model Studio | page 5,000 to page 1 | requests/s |",
            "|---|---|---|---|",
        ]
        with running_server(data_dir, url) as (port, pid):
            connection = Connection(port, token_of(data_dir, url))
            for case in CASES:
                shallow = _our_path(studio, case)
                path = _deep_path(connection, shallow, case, "pageToken", count)
                rounds = [
                    (
                        measure(connection, pid, path, requests=_REQUESTS),
                        measure(connection, pid, shallow, requests=_REQUESTS),
                    )
                    for _ in range(_ROUNDS)
                ]
                cpu = median(here.cpu_micros for here, _ in rounds)
                deep = median(here.cpu_micros / first.cpu_micros for here, first in rounds)
                depth = f"{deep:.2f}" if case.deep else ""
                rate = median(here.per_second for here, _ in rounds)
                lines.append(f"| {case.name} | {cpu:.0f} µs | {depth} | {rate:,.0f} |")
    return lines


def _our_path(studio: str, case: Case) -> str:
    config = _FILTER if case.filtered else ""
    return f"/api/v2/models/modelStudios/{studio}/runs?preview=true&pageSize={case.size}{config}"


def _bare_path(case: Case) -> str:
    return f"/?pageSize={case.size}{_FILTER if case.filtered else ''}"


def _deep_path(connection: Connection, path: str, case: Case, parameter: str, count: int) -> str:
    """Walk to the deep page as a client would, in the largest steps that end exactly there."""
    if not case.deep:
        return path
    available = count // 2 if case.filtered else count
    rows = min((_DEEP_PAGE - 1) * case.size, available - case.size)
    at = path
    while rows:
        size = min(rows, 100)
        step = at.replace(f"pageSize={case.size}", f"pageSize={size}")
        token = orjson.loads(connection.get(step))["nextPageToken"]
        at = f"{path}&{parameter}={quote(token)}"
        rows -= size
    return at


def _assert_same_rows(ours: bytes, theirs: bytes) -> None:
    mine = [row["runId"] for row in orjson.loads(ours)["data"]]
    other = [row["runId"] for row in orjson.loads(theirs)["data"]]
    if mine != other:
        raise RuntimeError("the two servers answered different rows")


def seeded(data_dir: Path, url: str, count: int) -> str:
    begun = time.perf_counter()
    studio = seed(Settings(data_dir=data_dir, database_url=url), count)
    seconds = time.perf_counter() - begun
    print(f"seeded {count:,} runs in {seconds:.0f} s", file=sys.stderr)
    return studio


def token_of(data_dir: Path, url: str) -> str:
    command = [sys.executable, "-m", "modelstudio.cli", "token", "create", "--user", "bench"]
    command += ["--data-dir", str(data_dir), "--database-url", url]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


@contextmanager
def running_server(data_dir: Path, url: str) -> Iterator[tuple[int, int]]:
    port = _free_port()
    command = [sys.executable, "-m", "modelstudio.cli", "serve", "--port", str(port)]
    command += ["--data-dir", str(data_dir), "--database-url", url]
    with _process(command, port, {"MODELSTUDIO_LOG_LEVEL": "WARNING"}) as pid:
        yield port, pid


@contextmanager
def _bare(data_dir: Path) -> Iterator[tuple[int, int]]:
    port = _free_port()
    command = [sys.executable, "-m", "uvicorn", "bench.bare:app", "--port", str(port)]
    command += ["--no-access-log", "--no-server-header", "--log-level", "warning"]
    command += ["--timeout-keep-alive", "600"]
    environment = {"BENCH_DATABASE": str(data_dir / "modelstudio.db")}
    with _process(command, port, environment) as pid:
        yield port, pid


@contextmanager
def _process(command: list[str], port: int, environment: dict[str, str]) -> Iterator[int]:
    process = subprocess.Popen(command, env={**os.environ, **environment})
    try:
        deadline = time.monotonic() + 30
        while True:
            try:
                Connection(port).close()
                break
            except OSError:
                if time.monotonic() > deadline or process.poll() is not None:
                    raise
                time.sleep(0.1)
        yield process.pid
    finally:
        process.terminate()
        process.wait()


def _free_port() -> int:
    import socket

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
