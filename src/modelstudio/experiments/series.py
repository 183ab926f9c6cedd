"""Metric series, as tables.

The points of a series are kept in chunks of `CHUNK_POINTS`, packed; the chunk of a point follows
from its offset. So a page costs the chunks it touches however long the series is, and appending
rewrites one chunk at most. Length, minimum, maximum and last value are kept beside them.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import sqlalchemy as sa

from modelstudio.kit.database import metadata

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

CHUNK_POINTS: Final = 512
_POINT: Final = struct.Struct("<qqd")
_SERIAL: Final = sa.BigInteger().with_variant(sa.Integer, "sqlite")

experiment_series: Final = sa.Table(
    "experiment_series",
    metadata,
    sa.Column("id", _SERIAL, primary_key=True, autoincrement=True),
    sa.Column("experiment_rid", sa.ForeignKey("experiments.rid"), nullable=False),
    sa.Column("name", sa.String(500), nullable=False),
    sa.Column("length", sa.Integer, nullable=False),
    sa.Column("min", sa.Double, nullable=False),
    sa.Column("max", sa.Double, nullable=False),
    sa.Column("last", sa.Double, nullable=False),
    sa.UniqueConstraint("experiment_rid", "name"),
)

experiment_series_chunks: Final = sa.Table(
    "experiment_series_chunks",
    metadata,
    sa.Column("series_id", sa.ForeignKey("experiment_series.id"), primary_key=True),
    sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("points", sa.LargeBinary, nullable=False),
)


class Point(NamedTuple):
    """One value of a series; the time is in epoch milliseconds."""

    time: int
    step: int
    value: float


@dataclass(frozen=True, slots=True)
class Series:
    """A series without its points. There is none without a point."""

    id: int
    name: str
    length: int
    min: float
    max: float
    last: float


_series: Final = experiment_series.c
_chunks: Final = experiment_series_chunks.c
_COLUMNS: Final = [_series[name] for name in Series.__dataclass_fields__]


class SeriesStore:
    """Runs in the caller's transaction.

    Whoever appends holds the experiment's row locked; readers need no lock. Times and steps are
    64-bit integers, values are finite.
    """

    def append(
        self, tx: sa.Connection, experiment_rid: str, points: Mapping[str, Sequence[Point]]
    ) -> None:
        """Append points to series by name; a series begins with its first point."""
        added = {name: some for name, some in points.items() if some}
        if not added:
            return
        series = self._begun(tx, experiment_rid, added)
        tx.execute(_GROW, [_growth(one, added[one.name]) for one in series])
        self._add_to_chunks(tx, [(one, _pack(added[one.name])) for one in series])

    def named(self, tx: sa.Connection, experiment_rid: str, names: Iterable[str]) -> list[Series]:
        """Return those of the series that exist."""
        rows = tx.execute(
            sa.select(*_COLUMNS).where(
                _series.experiment_rid == experiment_rid, _series.name.in_(list(names))
            )
        )
        return [Series(*row) for row in rows]

    def all(self, tx: sa.Connection, experiment_rid: str) -> list[Series]:
        """Return an experiment's series in the order in which they began."""
        rows = tx.execute(
            sa.select(*_COLUMNS)
            .where(_series.experiment_rid == experiment_rid)
            .order_by(_series.id)
        )
        return [Series(*row) for row in rows]

    def points(self, tx: sa.Connection, series: Series, offset: int, limit: int) -> list[Point]:
        """Return the points at ``offset`` and after it; none beyond the series' end."""
        count = min(limit, series.length - offset)
        if count <= 0:
            return []
        first = offset // CHUNK_POINTS
        chunks = tx.scalars(
            sa.select(_chunks.points)
            .where(
                _chunks.series_id == series.id,
                _chunks.number.between(first, (offset + count - 1) // CHUNK_POINTS),
            )
            .order_by(_chunks.number)
        )
        start = (offset - first * CHUNK_POINTS) * _POINT.size
        packed = b"".join(chunks)[start : start + count * _POINT.size]
        return [Point._make(fields) for fields in _POINT.iter_unpack(packed)]

    def _begun(
        self, tx: sa.Connection, experiment_rid: str, added: Mapping[str, Sequence[Point]]
    ) -> list[Series]:
        """Return the series of those names, begun now (with length 0) if there was none."""
        series = self.named(tx, experiment_rid, added)
        there = {one.name for one in series}
        if len(there) == len(added):
            return series
        new = [
            {
                "experiment_rid": experiment_rid,
                "name": name,
                "length": 0,
                **dict.fromkeys(("min", "max", "last"), some[0].value),
            }
            for name, some in added.items()
            if name not in there
        ]
        tx.execute(experiment_series.insert(), new)
        return self.named(tx, experiment_rid, added)

    def _add_to_chunks(self, tx: sa.Connection, appended: list[tuple[Series, bytes]]) -> None:
        """Put packed points behind those that the series had."""
        partial = [
            (series.id, series.length // CHUNK_POINTS)
            for series, _ in appended
            if series.length % CHUNK_POINTS
        ]
        tails = self._take_chunks(tx, partial) if partial else {}
        rows = [
            {"series_id": series.id, "number": number, "points": chunk}
            for series, packed in appended
            for number, chunk in enumerate(
                _split(tails.get(series.id, b"") + packed), start=series.length // CHUNK_POINTS
            )
        ]
        tx.execute(experiment_series_chunks.insert(), rows)

    def _take_chunks(self, tx: sa.Connection, keys: list[tuple[int, int]]) -> dict[int, bytes]:
        """Remove chunks, to be written again with more in them; return them by series."""
        chosen = sa.tuple_(_chunks.series_id, _chunks.number).in_(keys)
        rows = tx.execute(sa.select(_chunks.series_id, _chunks.points).where(chosen))
        taken = {row.series_id: row.points for row in rows}
        tx.execute(experiment_series_chunks.delete().where(chosen))
        return taken


_GROW: Final = (
    experiment_series.update()
    .where(_series.id == sa.bindparam("series_id"))
    .values({name: sa.bindparam(f"new_{name}") for name in ("length", "min", "max", "last")})
)


def _growth(series: Series, added: Sequence[Point]) -> dict[str, Any]:
    values = [point.value for point in added]
    return {
        "series_id": series.id,
        "new_length": series.length + len(values),
        "new_min": min(series.min, *values),
        "new_max": max(series.max, *values),
        "new_last": values[-1],
    }


def _pack(points: Sequence[Point]) -> bytes:
    return b"".join([_POINT.pack(*point) for point in points])


def _split(packed: bytes) -> list[bytes]:
    size = CHUNK_POINTS * _POINT.size
    return [packed[start : start + size] for start in range(0, len(packed), size)]
