"""Whatever is appended to a series, and in whatever portions, its pages give it back."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from experiments.in_process import InProcess, Run, metric, open_in_process
from modelstudio.bootstrap import prepare
from modelstudio.experiments.series import CHUNK_POINTS, Point

if TYPE_CHECKING:
    from collections.abc import Iterator

LONGS = st.integers(-(2**63), 2**63 - 1)
POINTS = st.builds(Point, LONGS, LONGS, st.floats(allow_nan=False, allow_infinity=False))
#: Portions long enough to end before, at and after the end of a chunk.
PORTIONS = st.builds(
    lambda points, times: points * times,
    st.lists(POINTS, min_size=1, max_size=4),
    st.sampled_from([1, 1, 2, 100, CHUNK_POINTS // 2, CHUNK_POINTS]),
)
REPORTS = st.lists(st.tuples(st.sampled_from(["a", "a/b", "ä"]), PORTIONS), max_size=8)


@pytest.fixture(scope="module")
def inside(tmp_path_factory: pytest.TempPathFactory) -> Iterator[InProcess]:
    with open_in_process(tmp_path_factory.mktemp("series")) as services:
        prepare(services.foundation)
        yield services


@pytest.fixture(scope="module")
def model(inside: InProcess) -> str:
    return inside.new_model()


def record(inside: InProcess, run: Run, name: str, points: list[Point]) -> None:
    events = [metric(name, point.value, point.step, point.time) for point in points]
    inside.record(run, *events)


def pages(inside: InProcess, run: Run, name: str, size: int) -> Iterator[list[Point]]:
    """Yield a series' pages until an empty one, as a client would ask for them."""
    offset = 0
    with inside.database.read() as tx:
        while page := inside.experiments.points(
            tx, run.experiment_rid, name, offset=offset, limit=size
        ):
            yield page
            offset += len(page)


@settings(max_examples=40, deadline=None)
@given(reports=REPORTS, size=st.sampled_from([100, 200, 511, 512, 513, 1000, 10_000]))
def test_the_pages_of_a_series_are_what_was_appended(
    inside: InProcess, model: str, reports: list[tuple[str, list[Point]]], size: int
) -> None:
    run = inside.launch(model)
    appended: dict[str, list[Point]] = {}
    for name, points in reports:
        record(inside, run, name, points)
        appended.setdefault(name, []).extend(points)
    for name, points in appended.items():
        read = list(pages(inside, run, name, size))
        assert [point for page in read for point in page] == points
        assert all(len(page) == size for page in read[:-1])
    with inside.database.read() as tx:
        kept = inside.experiments.contents(tx, run.experiment_rid).series
    assert {(one.name, one.length, one.min, one.max, one.last) for one in kept} == {
        (
            name,
            len(points),
            min(point.value for point in points),
            max(point.value for point in points),
            points[-1].value,
        )
        for name, points in appended.items()
    }


@settings(max_examples=60, deadline=None)
@given(offset=st.integers(0, 2100), limit=st.integers(1, 1000))
def test_any_page_is_a_slice_of_the_series(
    inside: InProcess, long_series: Run, offset: int, limit: int
) -> None:
    with inside.database.read() as tx:
        page = inside.experiments.points(
            tx, long_series.experiment_rid, "loss", offset=offset, limit=limit
        )
    assert page is not None
    assert [point.step for point in page] == list(range(2000))[offset : offset + limit]


@pytest.fixture(scope="module")
def long_series(inside: InProcess, model: str) -> Run:
    run = inside.launch(model)
    for start in range(0, 2000, 400):
        record(inside, run, "loss", [Point(0, step, 0.5) for step in range(start, start + 400)])
    return run
