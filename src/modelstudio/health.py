"""Whether the process lives, can serve, and what it counts: for operators, without a token."""

from __future__ import annotations

from typing import TYPE_CHECKING

import sqlalchemy as sa
from fastapi import FastAPI, Response
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest

if TYPE_CHECKING:
    from modelstudio.kit.database import Database


def add_health_routes(app: FastAPI, database: Database, metrics: CollectorRegistry) -> None:
    # Not in a worker thread: it must answer while all of them wait for the database.
    async def healthz() -> Response:
        return Response("ok\n", media_type="text/plain")

    def readyz() -> Response:
        try:
            with database.read() as tx:
                tx.execute(sa.text("SELECT 1"))
        except sa.exc.SQLAlchemyError:
            return Response("the database does not answer\n", 503, media_type="text/plain")
        return Response("ready\n", media_type="text/plain")

    async def expose() -> Response:
        return Response(generate_latest(metrics), media_type=CONTENT_TYPE_LATEST)

    for path, handler in (("/healthz", healthz), ("/readyz", readyz), ("/metrics", expose)):
        app.add_api_route(path, handler, methods=["GET"], include_in_schema=False)
