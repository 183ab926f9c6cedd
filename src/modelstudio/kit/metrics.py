"""What the server counts, for Prometheus."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    GCCollector,
    Histogram,
    ProcessCollector,
)

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send


class Metrics:
    """One registry a server, so that several in one process do not mix."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        GCCollector(registry=self.registry)
        self.requests = Counter(
            "modelstudio_http_requests",
            "Requests answered, by method and status.",
            ["method", "status"],
            registry=self.registry,
        )
        self.seconds = Histogram(
            "modelstudio_http_request_seconds",
            "Time from a request's first byte to its answer's first.",
            buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10, 60),
            registry=self.registry,
        )
        self.jobs = Gauge(
            "modelstudio_jobs",
            "Jobs that are waiting or running, on all servers of the database.",
            ["status"],
            registry=self.registry,
        )
        self.jobs_finished = Counter(
            "modelstudio_jobs_finished",
            "Jobs that this server has ended, by their last status.",
            ["status"],
            registry=self.registry,
        )
        self.workers_memory = Gauge(
            "modelstudio_workers_memory_bytes",
            "Memory that the workers of this server said they use.",
            registry=self.registry,
        )


class CountRequests:
    """Counts every request and times it."""

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self._app = app
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        begun = time.perf_counter()

        async def counted(message: Message) -> None:
            if message["type"] == "http.response.start":
                self._metrics.seconds.observe(time.perf_counter() - begun)
                self._metrics.requests.labels(scope["method"], message["status"]).inc()
            await send(message)

        await self._app(scope, receive, counted)
