"""Artifact tables of experiments, with the official client on a real server process."""

from __future__ import annotations

import json
import math
import subprocess
import sys
import threading
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pytest
from foundry_sdk.v2.models.errors import ExperimentArtifactNotFound

from experiments.in_process import NAMES, InProcess, Run, open_in_process, to_parquet

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from foundry_sdk import FoundryClient

    from support import RunningServer


@pytest.fixture
def inside(server: RunningServer) -> Iterator[InProcess]:
    """The server's own services, on its database."""
    with open_in_process(server.data_dir) as services:
        yield services


@pytest.fixture
def run(inside: InProcess) -> Run:
    return inside.launch()


@pytest.fixture
def experiment(client: FoundryClient) -> Any:
    return client.models.Model.Experiment


def location(run: Run) -> tuple[str, str]:
    return run.model_rid, run.experiment_rid


@pytest.mark.parametrize("name", NAMES)
def test_a_table_is_read_by_whatever_its_name_is(
    experiment: Any, inside: InProcess, run: Run, name: str
) -> None:
    parquet = to_parquet(pa.table({"model": ["a", "b"], "score": [0.5, math.nan]}))
    inside.record_table(run, name, parquet, rows=2)
    body = experiment.ArtifactTable.json(*location(run), name, preview=True)
    assert json.loads(body) == [{"model": "a", "score": 0.5}, {"model": "b", "score": None}]
    assert experiment.ArtifactTable.parquet(*location(run), name, preview=True) == parquet


def test_a_table_is_paged_by_rows_over_its_row_groups(
    experiment: Any, inside: InProcess, run: Run
) -> None:
    table = pa.table({"row": range(250)})
    inside.record_table(run, "t", to_parquet(table, row_group_size=40), rows=250)

    def rows(**query: int) -> list[int]:
        body = experiment.ArtifactTable.json(*location(run), "t", preview=True, **query)
        return [row["row"] for row in json.loads(body)]

    assert rows() == list(range(10))
    assert rows(offset=75, page_size=10) == list(range(75, 85))
    assert rows(page_size=1000) == list(range(100))
    assert rows(offset=245, page_size=100) == list(range(245, 250))
    assert rows(offset=250) == []
    assert rows(offset=2**70) == []


def test_the_values_of_a_table_are_plain_json(experiment: Any, inside: InProcess, run: Run) -> None:
    moment = datetime(2024, 2, 29, 12, 30, 0, 250_000, tzinfo=UTC)
    columns = {
        "when": pa.array([moment, None], pa.timestamp("ns", "Europe/Berlin")),
        "naive": pa.array([moment.replace(tzinfo=None), None], pa.timestamp("ms")),
        "day": pa.array([date(2024, 2, 29), None]),
        "large": pa.array([2**62, None]),
        "flag": pa.array([True, None]),
        "kind": pa.array(["x", None]).dictionary_encode(),
        "inf": pa.array([-math.inf, 0.5], pa.float32()),
        "times": pa.array([[moment], None], pa.list_(pa.timestamp("ns", "UTC"))),
        "nested": pa.array([{"a": 1, "b": math.nan}, None]),
        "bytes": pa.array([b"\x00\xff", None]),
    }
    inside.record_table(run, "t", to_parquet(pa.table(columns)), rows=2)
    first, second = json.loads(experiment.ArtifactTable.json(*location(run), "t", preview=True))
    assert first == {
        "when": "2024-02-29T12:30:00.250000Z",
        "naive": "2024-02-29T12:30:00.250000",
        "day": "2024-02-29",
        "large": 2**62,
        "flag": True,
        "kind": "x",
        "inf": None,
        "times": ["2024-02-29T12:30:00.250000Z"],
        "nested": {"a": 1, "b": None},
        "bytes": "AP8=",
    }
    assert second == {**dict.fromkeys(columns), "inf": 0.5}


def test_a_table_that_is_no_parquet_is_not_found_as_rows_but_can_be_downloaded(
    experiment: Any, inside: InProcess, run: Run
) -> None:
    whole = to_parquet(pa.table({"a": list(range(1000))}))
    for name, content in (("text", b"hello"), ("cut", whole[:-20]), ("empty", b"")):
        inside.record_table(run, name, content, rows=1)
        with pytest.raises(ExperimentArtifactNotFound) as raised:
            experiment.ArtifactTable.json(*location(run), name, preview=True)
        assert raised.value.parameters["artifactName"] == name
        download = experiment.ArtifactTable.parquet(*location(run), name, preview=True)
        assert (download or b"") == content  # the client makes None of an empty body


def test_a_replaced_table_shows_its_new_rows(experiment: Any, inside: InProcess, run: Run) -> None:
    inside.record_table(run, "t", to_parquet(pa.table({"a": [1]})), rows=1)
    replaced = inside.record_table(run, "t", to_parquet(pa.table({"a": [2]})), rows=1)
    assert replaced is not None
    inside.foundation.blobs.delete(replaced)
    assert json.loads(experiment.ArtifactTable.json(*location(run), "t", preview=True)) == [
        {"a": 2}
    ]
    assert len(experiment.get(*location(run), preview=True).artifacts) == 1


def test_a_table_is_readable_all_the_while_its_run_replaces_it(
    experiment: Any, inside: InProcess, run: Run
) -> None:
    inside.record_table(run, "t", to_parquet(pa.table({"a": [0]})), rows=1)

    def replace() -> None:
        for version in range(1, 31):
            old = inside.record_table(run, "t", to_parquet(pa.table({"a": [version]})), rows=1)
            assert old is not None
            inside.foundation.blobs.delete(old)

    replacing = threading.Thread(target=replace)
    replacing.start()
    seen = []
    while replacing.is_alive():
        seen += json.loads(experiment.ArtifactTable.json(*location(run), "t", preview=True))
        assert experiment.ArtifactTable.parquet(*location(run), "t", preview=True)
    replacing.join()
    versions = [row["a"] for row in seen]
    assert versions == sorted(versions)


def test_reading_rows_imports_no_data_frame_library(tmp_path: Path) -> None:
    file = tmp_path / "table.parquet"
    moment = datetime(2024, 2, 29, tzinfo=UTC)
    times = pa.array([moment], pa.timestamp("ns", "UTC"))
    file.write_bytes(
        to_parquet(pa.table({"when": times, "list": pa.array([[moment]], pa.list_(times.type))}))
    )
    program = (
        "import sys\n"
        "from pathlib import Path\n"
        "from modelstudio.experiments import tables\n"
        "assert 'pyarrow' not in sys.modules\n"
        "print(tables.rows_json(Path(sys.argv[1]), 0, 10).decode())\n"
        "assert 'pandas' not in sys.modules\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, str(file)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == [
        {"when": "2024-02-29T00:00:00Z", "list": ["2024-02-29T00:00:00Z"]}
    ]
