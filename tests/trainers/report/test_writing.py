"""The report as a whole: complete, in time, repeatable, and never the end of a run."""

from __future__ import annotations

import datetime as dt
import decimal
import time

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

from modelstudio.trainers.base import TrainingError
from modelstudio.trainers.tabular.data import LabelledTable
from modelstudio.trainers.tabular.report import Predictions, Subject, write, writing
from modelstudio.worker.layout import WorkDir
from modelstudio.worker.reporter import FileReporter
from patience import allowed
from report_data import classification, formula, prepared, regression

EVERY = {
    "metrics", "metric_intervals", "feature_importance", "partial_dependence", "errors_by_segment",
    "drift", "warnings",
}  # fmt: skip
REGRESSION = {"residuals", "residuals_by_prediction", "predicted_and_actual"}
CLASSIFICATION = {
    "confusion_matrix", "class_metrics", "roc_curve", "precision_recall_curve", "calibration",
}  # fmt: skip


def binary(frame, **more):
    target = np.where(frame["y"] > 55, "yes", "no")
    chance = lambda rows: 1 / (1 + np.exp((60 - formula(rows)) / 10))  # noqa: E731
    return classification(frame.assign(y=target), chance, **more)


def test_a_regression_has_all_its_tables_for_a_second_of_work(mixed, report):
    found = report(regression(mixed, formula), seconds=20)
    assert set(found.tables) == EVERY | REGRESSION
    assert found.cpu_seconds < 2
    assert found.metrics["skill"] == pytest.approx(1 - 1 / mixed["y"].std(), abs=0.02)


def test_a_classification_has_all_its_tables_for_a_second_of_work(mixed, report):
    found = report(binary(mixed), seconds=20)
    assert set(found.tables) == EVERY | CLASSIFICATION | {"thresholds"}
    assert found.cpu_seconds < 2
    table = found.tables["metrics"].set_index("metric")
    assert table.loc["accuracy", "baseline"] == pytest.approx(0.5, abs=0.1)
    assert table.loc["log_loss", "better"] == "lower"


def test_a_threshold_that_would_serve_better_is_named(mixed, report):
    target = np.where(mixed["y"] > 85, "yes", "no")
    shy = lambda rows: 0.4 / (1 + np.exp((85 - formula(rows)) / 3))  # noqa: E731
    lines = report(classification(mixed.assign(y=target), shy)).lines
    (hint,) = [line for _, line in lines if line.startswith("Predicting the positive class")]
    assert "would raise held-out F1 from 0 to 1;" in hint
    blind = report(binary(mixed.assign(size=mixed["noise"]))).lines
    assert not [line for _, line in blind if "probability of 0 " in line]
    target = np.where(mixed["y"] > 60, "yes", "no")
    fair = lambda rows: 1 / (1 + np.exp((60 - formula(rows)) / 2))  # noqa: E731
    confident = report(classification(mixed.assign(y=target), fair)).lines
    assert not [line for _, line in confident if line.startswith("Predicting the positive class")]


def test_a_report_is_the_same_for_the_same_seed(mixed, report):
    first, again = (report(binary(mixed), seconds=30) for _ in range(2))
    assert first.metrics == again.metrics
    assert first.lines == again.lines
    for name, table in first.tables.items():
        pd.testing.assert_frame_equal(table, again.tables[name])


def test_without_any_time_there_are_still_metrics_and_warnings(mixed, report, monkeypatch):
    monkeypatch.setattr(writing, "_LEAST_SECONDS", 0)
    found = report(regression(mixed, formula), seconds=0)
    assert {*REGRESSION, "warnings"} <= set(found.tables)
    assert "feature_importance" not in found.tables
    assert "Left out of the report for lack of time" in found.lines[-1][1]
    assert found.metrics["r2"] > 0.9


def test_a_report_that_is_begun_too_late_still_has_all_its_tables(mixed, report, monkeypatch):
    monkeypatch.setattr(writing, "_LEAST_SECONDS", 5)  # of a busy machine; usually 0.2 suffice
    assert set(report(regression(mixed, formula), seconds=-1).tables) == EVERY | REGRESSION


def slow(seconds_a_row):
    def predict(rows):
        time.sleep(len(rows) * seconds_a_row)
        return formula(rows)

    return predict


def test_all_held_out_rows_are_measured_when_that_fits_the_time(mixed, report):
    many = pd.concat([mixed] * 10, ignore_index=True)
    found = report(regression(many, slow(1e-4), test=many), seconds=2)
    assert found.tables["residuals"].shape[0] == 6000
    assert np.array_equal(found.tables["residuals"]["actual"], many["y"]), "in their order"
    assert "measured on" not in " ".join(line for _, line in found.lines)


def test_a_slow_model_is_measured_on_a_sample_and_nothing_is_left_out(mixed, report):
    many = pd.concat([mixed] * 10, ignore_index=True)
    started = time.monotonic()
    found = report(regression(many, slow(2.5e-3), test=many), seconds=5)
    assert time.monotonic() - started < allowed(8), "all rows would take 15 s"
    rows = found.tables["residuals"].shape[0]
    assert 400 <= rows <= 2000
    assert any(f"measured on {rows} of 6000 held-out rows" in line for _, line in found.lines)
    assert set(found.tables) == EVERY | REGRESSION
    assert len(found.tables["feature_importance"]) == 4
    assert found.metrics["r2"] > 0.9


def test_a_part_that_fails_leaves_the_others(mixed, report, monkeypatch):
    def fail(*_):
        raise ZeroDivisionError("inner detail")

    monkeypatch.setattr(writing, "metric_intervals", fail)
    monkeypatch.setattr(writing, "skill_alone", fail)
    found = report(regression(mixed, formula))
    assert set(found.tables) == (EVERY | REGRESSION) - {"metric_intervals"}
    warned = [line for level, line in found.lines if level == "WARNING"]
    assert any("'metric_intervals'" in line for line in warned)
    assert "inner detail" not in " ".join(warned)


def test_a_model_that_fails_now_and_then_does_not_end_the_run(mixed, report):
    calls = []

    def failing(rows):
        calls.append(len(rows))
        if sum(calls) > 120:
            raise MemoryError
        return formula(rows)

    found = report(regression(mixed, failing))
    assert found.metrics["r2"] > 0.9
    assert {*REGRESSION, "drift", "warnings"} <= set(found.tables)


def test_rows_without_an_answer_count_as_if_the_mean_had_been_predicted(mixed, report):
    def diverging(rows):
        answers = formula(rows)
        return np.where(rows["size"] > 65, np.inf, np.where(rows["size"] < 35, np.nan, answers))

    def cautious(rows):
        return np.where(np.isfinite(diverging(rows)), diverging(rows), mean)

    subject = regression(mixed, diverging)
    mean = subject.training.labels.mean()
    found = report(subject)
    assert set(found.tables) == EVERY | REGRESSION
    assert found.metrics == report(regression(mixed, cautious)).metrics
    assert "not_answered" in found.codes
    assert np.isfinite(found.tables["feature_importance"]["importance"]).all()
    warned = [line for level, line in found.lines if level == "WARNING"]
    assert any("no number" in line and "held-out rows" in line for line in warned)


def test_probabilities_that_are_no_numbers_count_as_the_shares_of_the_classes(mixed, report):
    yes = np.where(mixed["y"] > 55, "yes", "no")
    chance = lambda rows: np.where(rows["size"] > 65, np.nan, rows["size"] > 50)  # noqa: E731
    found = report(classification(mixed.assign(y=yes), lambda rows: chance(rows) * 0.98 + 0.01))
    assert "not_answered" in found.codes
    assert 0 < found.metrics["log_loss"] < 5
    assert found.metrics["roc_auc"] > 0.5


def test_a_model_that_answers_no_row_at_all_fails_in_plain_words(mixed, report):
    nothing = regression(mixed, lambda rows: np.full(len(rows), np.nan))
    with pytest.raises(TrainingError, match="no number for any of the"):
        report(nothing)


def odd_table(rows=60):
    """Columns of every type that a dataset can have, with what goes wrong in them."""
    moments = pd.date_range("1999-12-31T22:00", periods=rows, freq="31h")
    return pd.DataFrame(
        {
            "zoned": moments.tz_localize("UTC"),
            "day": [dt.date(2020, 1, 1 + row % 28) for row in range(rows)],
            "amount": [decimal.Decimal(row) / 7 if row % 5 else None for row in range(rows)],
            "text": ["\0", "", "é" * 5000, None, "x"] * (rows // 5),
            "flag": pd.Series([True, None, False] * (rows // 3), dtype=object),
            "whole": pd.Series([1, None] * (rows // 2), dtype="Int64"),
            "nothing": np.nan,
            "huge": [1e308, -1e308, np.inf] * (rows // 3),
            "list": [[row] for row in range(rows)],
            "number": np.arange(rows, dtype=float),
        }
    )


ODD_TYPES = {
    "zoned": "TIMESTAMP", "day": "DATE", "amount": "DECIMAL", "text": "STRING", "flag": "BOOLEAN",
    "whole": "LONG", "nothing": "DOUBLE", "huge": "DOUBLE", "list": "ARRAY", "number": "DOUBLE",
}  # fmt: skip


@pytest.mark.parametrize("objective", ["regression", "classification"])
@pytest.mark.parametrize("held_out", [60, 1])
def test_columns_of_every_type_become_plain_tables(tmp_path, objective, held_out):
    frame = odd_table()
    classes = [] if objective == "regression" else [False, True]
    values = frame["number"] if objective == "regression" else frame["number"] > 30
    table = LabelledTable(frame, values.rename("y"), ODD_TYPES, "DOUBLE")

    def predict(rows):
        if objective == "regression":
            return Predictions(rows["number"].to_numpy() + 1)
        chance = (rows["number"] / 60).to_numpy()
        return Predictions(chance > 0.5, np.column_stack([1 - chance, chance]))

    holdout = table.take(np.arange(held_out))
    subject = Subject(objective, predict, table, holdout, classes, "auto", 0, prepared(table))
    work = WorkDir(tmp_path / "work")
    work.prepare()
    reporter = FileReporter(work)
    write(subject, reporter, time.monotonic() + 5)
    written = {one["name"]: one for one in reporter.tables}
    assert "could not be made" not in work.events.read_text()
    assert {"feature_importance", "drift", "warnings"} <= set(written)
    for name in written:
        stored = pq.read_table(work.table(name))
        kinds = {str(field.type) for field in stored.schema}
        assert kinds <= {"int64", "double", "string", "large_string", "bool", "null"}, name
        assert stored.num_rows == written[name]["rowCount"] <= 100_000


def test_many_rows_are_sampled_where_it_costs(report):
    random = np.random.default_rng(0)
    frame = pd.DataFrame(random.normal(size=(100_000, 10))).rename(columns=str)
    frame["y"] = frame["0"] + random.normal(size=100_000)
    asked = []

    def counted(rows):
        asked.append(len(rows))
        return rows["0"]

    found = report(regression(frame, counted, test=frame), seconds=60)
    assert found.cpu_seconds < 8
    assert max(asked) <= 50_000
    assert sum(asked) < 100_000 + 10 * 10 * 2_000 + 2_000 + 10 * 20 * 500 + 1
    assert found.metrics["r2"] == pytest.approx(0.5, abs=0.02)
    assert all(len(table) <= 10_000 for table in found.tables.values())
