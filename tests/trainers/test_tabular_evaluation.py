"""Held-out metrics, compared with values worked out by hand."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest

from modelstudio.trainers.tabular.evaluation import (
    RESIDUAL_ROWS,
    classification_metrics,
    confusion_matrix,
    regression_metrics,
    residuals,
)


def test_binary_metrics_are_those_of_the_second_class():
    actual = pd.Series(["no", "no", "yes", "yes"])
    predicted = pd.Series(["no", "yes", "yes", "yes"])
    probabilities = pd.DataFrame({"no": [0.9, 0.4, 0.2, 0.1], "yes": [0.1, 0.6, 0.8, 0.9]})
    found = classification_metrics(actual, predicted, probabilities, ["no", "yes"])
    assert found["accuracy"] == 0.75
    assert found["balanced_accuracy"] == 0.75
    assert found["precision"] == pytest.approx(2 / 3)
    assert found["recall"] == 1.0
    assert found["f1"] == pytest.approx(0.8)
    assert found["roc_auc"] == 1.0
    assert found["mcc"] == pytest.approx(1 / math.sqrt(3))
    expected = -(math.log(0.9) + math.log(0.4) + math.log(0.8) + math.log(0.9)) / 4
    assert found["log_loss"] == pytest.approx(expected)


def test_a_class_that_the_model_does_not_know_counts_as_an_error():
    actual = pd.Series(["a", "b", "c", "unknown"])
    predicted = pd.Series(["a", "b", "c", "a"])
    probabilities = pd.DataFrame(np.eye(3)[[0, 1, 2, 0]], columns=list("abc"))
    found = classification_metrics(actual, predicted, probabilities, list("abc"))
    assert found["accuracy"] == 0.75
    assert found["balanced_accuracy"] == 0.75
    assert found["log_loss"] == pytest.approx(-math.log(1e-15) / 4)
    assert found["recall_macro"] == 0.75
    assert found["precision_macro"] == pytest.approx((0.5 + 1 + 1 + 0) / 4)


def test_metrics_that_need_two_classes_are_left_out_when_one_is_held_out():
    actual = pd.Series([1, 1])
    probabilities = pd.DataFrame({0: [0.2, 0.3], 1: [0.8, 0.7]})
    found = classification_metrics(actual, pd.Series([1, 1]), probabilities, [0, 1])
    assert found["accuracy"] == 1.0
    assert not {"roc_auc", "mcc"} & found.keys()


def test_regression_metrics():
    found = regression_metrics(pd.Series([1.0, 2.0, 4.0]), pd.Series([1.0, 3.0, 2.0]))
    assert found["rmse"] == pytest.approx(math.sqrt(5 / 3))
    assert found["mae"] == 1.0
    assert found["median_absolute_error"] == 1.0
    assert found["mape"] == pytest.approx(1 / 3)
    assert found["r2"] == pytest.approx(1 - 5 / (14 / 3))


def test_relative_errors_are_left_out_where_an_actual_value_is_zero():
    assert "mape" not in regression_metrics(pd.Series([0.0, 1.0]), pd.Series([0.5, 1.0]))


def test_the_confusion_matrix_lists_the_pairs_that_occur():
    found = confusion_matrix(pd.Series(["a", "a", "b"]), pd.Series(["a", "b", "b"]))
    assert found.to_dict("list") == {
        "actual": ["a", "a", "b"],
        "predicted": ["a", "b", "b"],
        "count": [1, 1, 1],
    }


def test_residuals_are_sampled_when_there_are_many():
    actual = pd.Series(np.arange(RESIDUAL_ROWS + 500, dtype=float))
    found = residuals(actual, actual - 1, seed=3)
    assert len(found) == RESIDUAL_ROWS
    assert (found["residual"] == 1).all()
    assert found.equals(residuals(actual, actual - 1, seed=3))
