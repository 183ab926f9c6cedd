"""A job handler that writes down what it is told, in the transaction that it is told in."""

from __future__ import annotations

import json
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from modelstudio.errors import Conflict

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from modelstudio.kit.database import Database
    from modelstudio.orchestration.handler import EndStatus, HandledJob

KIND = "test"

_entries = sa.Table(
    "test_journal",
    sa.MetaData(),
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("job_rid", sa.String(128), nullable=False),
    sa.Column("what", sa.String(20), nullable=False),
    sa.Column("detail", sa.JSON, nullable=False),
)


def open_journal(database: Database) -> None:
    with database.write() as tx:
        _entries.create(tx, checkfirst=True)


def read_journal(tx: sa.Connection, job_rid: str, what: str | None = None) -> list[Any]:
    """Return (what, detail) pairs, or the details of one kind."""
    rows = tx.execute(
        sa.select(_entries.c.what, _entries.c.detail)
        .where(_entries.c.job_rid == job_rid)
        .order_by(_entries.c.id)
    ).all()
    if what is None:
        return [tuple(row) for row in rows]
    return [detail for kind, detail in rows if kind == what]


class JournalHandler:
    """Jobs whose payload is their specification and, if they have one, their input."""

    def specification(self, _tx: sa.Connection, job: HandledJob) -> dict[str, Any]:
        return {name: job.payload[name] for name in ("trainer", "customConfig", "inputs")}

    @contextmanager
    def input_file(self, job: HandledJob, alias: str) -> Iterator[Path]:
        if problem := job.payload["inputs"][alias].get("problem"):
            raise ValueError(problem)
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "input"
            path.write_bytes(job.payload["inputs"][alias].get("content", "PAR1").encode())
            yield path
        if mark := job.payload["inputs"][alias].get("mark"):
            Path(mark).touch()

    def on_events(
        self, tx: sa.Connection, job: HandledJob, events: Sequence[Mapping[str, Any]]
    ) -> None:
        for event in events:
            _write(tx, job, "event", dict(event))

    def on_table(
        self,
        tx: sa.Connection,
        job: HandledJob,
        *,
        name: str,
        description: str,
        row_count: int,
        size_bytes: int,
        blob_key: str,
    ) -> str | None:
        earlier = [one for one in read_journal(tx, job.rid, "table") if one["name"] == name]
        about = {"name": name, "description": description, "rows": row_count, "size": size_bytes}
        _write(tx, job, "table", {**about, "blob": blob_key})
        return earlier[-1]["blob"] if earlier else None

    def on_succeeded(
        self, tx: sa.Connection, job: HandledJob, result: Mapping[str, Any], model_blob: str
    ) -> None:
        _write(tx, job, "succeeded", {"result": dict(result), "blob": model_blob})
        if refusal := job.payload.get("refusal"):
            raise Conflict(refusal)

    def on_ended(self, tx: sa.Connection, job: HandledJob, status: EndStatus, reason: str) -> None:
        _write(tx, job, "ended", {"status": status, "reason": reason})


def _write(tx: sa.Connection, job: HandledJob, what: str, detail: dict[str, Any]) -> None:
    json.dumps(detail)  # only what has a place on the wire
    tx.execute(_entries.insert().values(job_rid=job.rid, what=what, detail=detail))
