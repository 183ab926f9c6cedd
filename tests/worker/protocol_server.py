"""The server's side of the worker protocol, in memory, with faults on demand."""

from __future__ import annotations

import json
import re
import threading
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from patience import allowed

TOKEN = "token-of-the-job-and-no-other"


_SUPERVISORS = "Used "


class JobOnServer:
    """One job as the server knows it; survives the server that answers for it."""

    def __init__(self, rid: str, specification: dict[str, Any], inputs: dict[str, bytes]) -> None:
        self.rid = rid
        self.specification = specification
        self.inputs = inputs
        self.events: dict[int, dict[str, Any]] = {}
        self.event_posts: list[tuple[int, int]] = []
        self.tables: dict[str, tuple[bytes, dict[str, str]]] = {}
        self.model: bytes | None = None
        self.completed: dict[str, Any] | None = None
        self.failed: str | None = None
        self.heartbeats: list[int] = []
        self.cancel_requested = False
        self.over = False
        self.faults: list[tuple[str, str]] = []  # path, and 500 or drop or lose or refuse
        self.calls: Counter[str] = Counter()
        self.changed = threading.Condition()

    def logs(self, level: str | None = None) -> list[str]:
        """Return what the trainer logged."""
        return [line for line in self._lines(level) if not line.startswith(_SUPERVISORS)]

    def usage(self) -> str:
        """Return what the supervisor logged at the end."""
        [line] = [line for line in self._lines(None) if line.startswith(_SUPERVISORS)]
        return line

    def _lines(self, level: str | None) -> list[str]:
        return [
            event["message"]
            for _, event in sorted(self.events.items())
            if event["type"] == "log" and level in (None, event["level"])
        ]

    def series(self, name: str) -> list[tuple[int, float]]:
        return [
            (event["step"], event["value"])
            for _, event in sorted(self.events.items())
            if event["type"] == "metric" and event["series"] == name
        ]

    def parameters(self) -> dict[str, Any]:
        return {e["name"]: e["value"] for e in self.events.values() if e["type"] == "parameter"}

    def wait(self, condition, seconds: float = 20.0) -> None:
        with self.changed:
            assert self.changed.wait_for(lambda: condition(self), allowed(seconds)), (
                "nothing happened"
            )

    def next_fault(self, path: str) -> str | None:
        for position, (where, kind) in enumerate(self.faults):
            if path.startswith(where):
                del self.faults[position]
                return kind
        return None


class ProtocolServer:
    """Answers for one job on a port of its own until it is stopped."""

    def __init__(self, job: JobOnServer) -> None:
        self._http = _Server(("127.0.0.1", 0), _Handler)
        self._http.job = job
        self.url = f"http://127.0.0.1:{self._http.server_port}"
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.02,))
        self._thread.start()

    def stop(self) -> None:
        self._http.shutdown()
        self._thread.join()
        self._http.server_close()
        self._http.close_connections()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    job: JobOnServer

    def __init__(self, *args: Any) -> None:
        self._open: set[Any] = set()
        super().__init__(*args)

    def process_request(self, request, client_address):
        self._open.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request):
        self._open.discard(request)
        super().shutdown_request(request)

    def close_connections(self) -> None:
        for request in list(self._open):
            self.shutdown_request(request)

    def handle_error(self, request, client_address):
        """A connection that breaks is part of the tests."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def log_message(self, *args):
        """Keep the output of the tests readable."""

    def do_GET(self):
        self._handle("GET")

    def do_POST(self):
        self._handle("POST")

    def do_PUT(self):
        self._handle("PUT")

    def _handle(self, method: str) -> None:
        job = self.server.job
        url = urlsplit(self.path)
        prefix = f"/worker/v1/jobs/{job.rid}"
        path = unquote(url.path).removeprefix(prefix)
        query = {name: values[0] for name, values in parse_qs(url.query).items()}
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        with job.changed:
            job.calls[path] += 1
            fault = job.next_fault(path)
            job.changed.notify_all()
        if fault == "drop":
            self.close_connection = True
            return
        if fault in {"500", "404"}:
            self._answer(int(fault), {})
            return
        if self.headers.get("Authorization") != f"Bearer {TOKEN}":
            self._answer(401, {})
            return
        if job.over:
            self._answer(410, {})
            return
        with job.changed:
            status, answer = _respond(job, method, path, query, body)
            job.changed.notify_all()
        if fault == "lose":
            self.close_connection = True
            return
        self._answer(status, answer)

    def _answer(self, status: int, answer: dict[str, Any] | bytes) -> None:
        body = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def _respond(job: JobOnServer, method: str, path: str, query: dict[str, str], body: bytes):
    if method == "GET":
        if path == "/":
            return 200, job.specification
        alias = path.removeprefix("/inputs/")
        return (200, job.inputs[alias]) if alias in job.inputs else (404, {})
    if method == "PUT":
        assert query["attempt"] == str(job.specification["attempt"])
        if path == "/model":
            job.model = body
        elif match := re.fullmatch("/tables/(.+)", path):
            job.tables[match[1]] = (body, query)
        return 200, {}
    sent = json.loads(body)
    assert sent.pop("attempt") == job.specification["attempt"]
    if path == "/heartbeat":
        job.heartbeats.append(sent["rssBytes"])
        return 200, {"cancelRequested": job.cancel_requested}
    if path == "/events":
        first = sent["firstSequence"]
        job.event_posts.append((first, len(sent["events"])))
        for sequence, event in enumerate(sent["events"], first):
            job.events.setdefault(sequence, event)
    elif path == "/complete":
        job.completed = sent
    elif path == "/fail":
        job.failed = sent["reason"]
    return 200, {}
