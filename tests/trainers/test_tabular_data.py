"""How the tables of a run are read and split."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

import numpy as np
import pandas as pd
import pytest

from modelstudio.trainers.base import TrainingError
from modelstudio.trainers.tabular import data
from modelstudio.trainers.tabular.matching import matched
from trainers.conftest import input_table


def labelled(labels, tmp_path, recorder, task="classification"):
    frame = pd.DataFrame({"x": np.arange(len(labels), dtype="float64"), "y": labels})
    table = input_table(frame, tmp_path / "table.parquet", "y")
    return data.read(table, "y", task, "training", recorder)


@pytest.mark.parametrize(
    "labels",
    [
        ["a", "b", None, "a"],
        [True, False, None, True],
        pd.array([1, 2, None, 1], dtype="Int64"),
        [1.0, 2.5, None, 1.0],
        [Decimal("1.5"), Decimal("2.5"), None, Decimal("1.5")],
    ],
)
def test_labels_are_what_they_were_and_rows_without_one_are_left_out(labels, tmp_path, recorder):
    table = labelled(labels, tmp_path, recorder)
    assert table.labels.tolist() == [labels[0], labels[1], labels[3]]
    assert table.features["x"].tolist() == [0.0, 1.0, 3.0]
    assert table.left_out == 1


@pytest.mark.parametrize(
    ("learned", "given"),
    [
        (["101", "102"], ["101.0", "102.0"]),
        (["Yes", "No"], ["YES", "NO"]),
        (["a", "b"], ["a ", " b"]),
        (["0", "1"], ["false", "true"]),
    ],
)
def test_labels_of_a_test_table_that_are_written_otherwise(learned, given, tmp_path, recorder):
    training = labelled(learned * 3, tmp_path, recorder)
    test = labelled([*given, learned[0]], tmp_path, recorder)
    found = matched(test, training, "classification", recorder)
    assert found.labels.tolist() == [*learned, learned[0]]
    assert f"{given[0]!r} for {learned[0]!r}" in recorder.text


def test_labels_that_training_tells_apart_stay_apart(tmp_path, recorder):
    training = labelled(["1", "1.0", "01"] * 3, tmp_path, recorder)
    found = matched(training, training, "classification", recorder)
    assert found.labels.tolist() == ["1", "1.0", "01"] * 3
    assert not recorder.lines


def test_labels_that_training_lacks_are_told(tmp_path, recorder):
    training = labelled(["a", "b"] * 3, tmp_path, recorder)
    test = labelled(["a", "c", "c", "b"], tmp_path, recorder)
    assert matched(test, training, "classification", recorder).labels.tolist() == list("accb")
    assert "2 of 4 rows" in recorder.text
    assert "'c'" in recorder.text


def test_decimal_classes_that_a_float_would_change_are_refused(tmp_path, recorder):
    with pytest.raises(TrainingError, match="beyond what a floating-point number holds"):
        labelled([Decimal(2**53 + 1), Decimal(2**53 + 4)] * 3, tmp_path, recorder)


def test_a_date_is_no_class(tmp_path, recorder):
    dates = [dt.date(2024, 1, 1), dt.date(2024, 1, 2)]
    with pytest.raises(TrainingError, match="has type DATE, which classification cannot predict"):
        labelled(dates, tmp_path, recorder)


def test_no_class_is_held_out_as_a_whole(tmp_path, recorder):
    for seed in range(20):
        table = labelled([f"c{place // 2}" for place in range(16)], tmp_path, recorder)
        train, holdout = data.hold_out(table, "classification", seed)
        assert set(train.labels) == set(table.labels)
        assert len(holdout.labels) == 2


def test_classes_keep_their_shares(tmp_path, recorder):
    table = labelled(["a"] * 60 + ["b"] * 30 + ["c"] * 10, tmp_path, recorder)
    _, holdout = data.hold_out(table, "classification", 0)
    assert holdout.labels.value_counts().to_dict() == {"a": 12, "b": 6, "c": 2}


@pytest.mark.parametrize("largest", [1e300, -1e38])
def test_targets_beyond_what_the_libraries_compute_with_are_refused(largest, tmp_path, recorder):
    labels = np.append(np.arange(20.0), largest)
    with pytest.raises(TrainingError, match=r"'y' of the training dataset has the value"):
        labelled(labels, tmp_path, recorder, "regression")
    assert labelled(labels, tmp_path, recorder, "classification").labels.iloc[-1] == largest


def test_targets_that_the_libraries_take_for_zero_are_refused(tmp_path, recorder):
    table = labelled(np.arange(20) * 1e-34, tmp_path, recorder, "regression")
    with pytest.raises(TrainingError, match=r"'y' has no number larger than 1.9e-33; multiply"):
        data.check_labels(table, "regression")


@pytest.mark.parametrize("largest", [1e30, 1e-27])
def test_targets_in_unusual_units_are_taken(largest, tmp_path, recorder):
    table = labelled(np.arange(20) / 19 * largest, tmp_path, recorder, "regression")
    data.check_labels(table, "regression")
