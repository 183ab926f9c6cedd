"""The parts of a worker that need no process: reports, configurations, the packaged model."""

from __future__ import annotations

import json
import zipfile
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

from modelstudio.worker.inputs import with_defaults
from modelstudio.worker.layout import WorkDir
from modelstudio.worker.package import pack
from modelstudio.worker.reporter import FileReporter


@pytest.fixture
def work_dir(tmp_path):
    work_dir = WorkDir(tmp_path / "work")
    work_dir.prepare()
    return work_dir


@pytest.fixture
def reporter(work_dir):
    return FileReporter(work_dir)


def events(work_dir):
    return [json.loads(line) for line in work_dir.events.read_text().splitlines()]


def test_reports_from_many_threads_do_not_mix(work_dir, reporter):
    with ThreadPoolExecutor(8) as pool:
        for thread in range(8):
            for step in range(200):
                pool.submit(reporter.metric, f"thread {thread}", float(step), step)
    found = events(work_dir)
    for thread in range(8):
        steps = [event["step"] for event in found if event["series"] == f"thread {thread}"]
        assert sorted(steps) == list(range(200))


@pytest.mark.parametrize(
    ("value", "kind", "written"),
    [
        (True, "boolean", True),
        (np.bool_(False), "boolean", False),
        (7, "integer", 7),
        (np.int64(7), "integer", 7),
        (2**70, "string", str(2**70)),
        (0.5, "double", 0.5),
        (np.float32(0.5), "double", 0.5),
        (float("inf"), "string", "inf"),
        ("text", "string", "text"),
        (datetime(2024, 2, 3, 4, 5, tzinfo=UTC), "datetime", "2024-02-03T04:05:00+00:00"),
        (datetime(2024, 2, 3, 4, 5), "datetime", "2024-02-03T04:05:00+00:00"),  # noqa: DTZ001
    ],
)
def test_a_parameter_keeps_its_type(work_dir, reporter, value, kind, written):
    reporter.parameter("p", value)
    assert events(work_dir) == [
        {"type": "parameter", "name": "p", "value": {"type": kind, "value": written}}
    ]


def test_a_very_long_message_is_cut(work_dir, reporter):
    reporter.log("x" * 25_000, "DEBUG")
    [event] = events(work_dir)
    assert event["message"] == "x" * 10_000 + " ... (15000 more characters)"
    assert event["level"] == "DEBUG"


def test_a_long_table_is_cut_and_the_log_says_so(work_dir, reporter):
    reporter.table("long", pd.DataFrame({"row": range(100_005)}), "Too long")

    assert reporter.tables == [{"name": "long", "description": "Too long", "rowCount": 100_000}]
    assert pq.read_metadata(work_dir.table("long")).num_rows == 100_000
    [event] = events(work_dir)
    assert event["message"] == "The table 'long' is cut from 100005 to 100000 rows"


def test_a_table_of_the_same_name_replaces_the_first(work_dir, reporter):
    reporter.table("t", pd.DataFrame({"a": [1]}), "first")
    reporter.table("t", pd.DataFrame({"a": [1, 2]}), "second")
    assert reporter.tables == [{"name": "t", "description": "second", "rowCount": 2}]
    assert pq.read_table(work_dir.table("t")).to_pydict() == {"a": [1, 2]}


def test_a_table_may_hold_columns_that_parquet_has_no_type_for(work_dir, reporter):
    frame = pd.DataFrame(
        {
            "mixed": [1, "two", None],
            "category": pd.Categorical(["a", None, "b"]),
            "interval": pd.interval_range(0, 3),
            3: [1.0, 2.0, 3.0],
        }
    )
    reporter.table("odd", frame, "")
    assert pq.read_table(work_dir.table("odd")).to_pydict() == {
        "mixed": ["1", "two", None],
        "category": ["a", None, "b"],
        "interval": ["(0, 1]", "(1, 2]", "(2, 3]"],
        "3": [1.0, 2.0, 3.0],
    }


@pytest.mark.parametrize("name", ["", ".", "../up", "a/b", ".hidden", "a\0b", "x" * 101, "é"])
def test_a_table_name_that_is_no_file_name_is_refused(work_dir, reporter, name):
    with pytest.raises(ValueError, match="no table name"):
        reporter.table(name, pd.DataFrame({"a": [1]}), "")
    assert list(work_dir.tables.iterdir()) == []
    assert reporter.tables == []


def test_defaults_fill_what_a_configuration_lacks():
    schema = {
        "$defs": {"Tree": {"properties": {"depth": {"default": 6}, "rate": {"default": 0.1}}}},
        "properties": {
            "metric": {"default": "rmse"},
            "seed": {},
            "tree": {"$ref": "#/$defs/Tree", "default": {"rate": 0.3}},
            "other": {"$ref": "#/$defs/Tree"},
            "excluded": {"default": []},
        },
    }
    assert with_defaults({"metric": "mae", "other": {"depth": 2}}, schema) == {
        "metric": "mae",
        "tree": {"depth": 6, "rate": 0.3},
        "other": {"depth": 2, "rate": 0.1},
        "excluded": [],
    }
    first, second = with_defaults({}, schema), with_defaults({}, schema)
    first["excluded"].append("CAT")
    assert second["excluded"] == []


def test_only_what_shrinks_is_compressed(work_dir):
    weights = np.random.default_rng(0).normal(size=50_000).tobytes()
    (work_dir.model / "trees.txt").write_bytes(b"split 1\n" * 50_000)
    (work_dir.model / "weights.bin").write_bytes(weights)
    (work_dir.model / "empty").touch()

    pack(work_dir.model, work_dir.package)

    with zipfile.ZipFile(work_dir.package) as archive:
        assert archive.testzip() is None
        assert archive.getinfo("trees.txt").compress_size < 10_000
        assert archive.getinfo("weights.bin").compress_size == len(weights)
        assert archive.read("weights.bin") == weights
        assert archive.read("empty") == b""
