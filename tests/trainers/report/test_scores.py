"""Held-out metrics, compared with values worked out by hand."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score

from modelstudio.trainers.tabular.report import Predictions
from modelstudio.trainers.tabular.report.scores import summary
from modelstudio.trainers.tabular.report.subject import Outcome


def classified(actual, predicted, probabilities, classes):
    predictions = Predictions(np.array(predicted), np.array(probabilities, dtype=float))
    return Outcome.of_classes(pd.Series(actual), predictions, classes)


def regressed(actual, predicted):
    return summary(Outcome.of_values(pd.Series(actual), np.array(predicted)), "regression")


def test_binary_metrics_are_those_of_the_second_class():
    outcome = classified(
        ["no", "no", "yes", "yes"],
        ["no", "yes", "yes", "yes"],
        [[0.9, 0.1], [0.4, 0.6], [0.2, 0.8], [0.1, 0.9]],
        ["no", "yes"],
    )
    found = summary(outcome, "classification")
    assert found["accuracy"] == 0.75
    assert found["balanced_accuracy"] == 0.75
    assert found["precision"] == pytest.approx(2 / 3)
    assert found["recall"] == 1.0
    assert found["f1"] == pytest.approx(0.8)
    assert found["f1_macro"] == pytest.approx((0.8 + 2 / 3) / 2)
    assert found["roc_auc"] == 1.0
    assert found["average_precision"] == 1.0
    assert found["mcc"] == pytest.approx(1 / math.sqrt(3))
    assert found["cohen_kappa"] == pytest.approx(0.5)
    assert found["brier_score"] == pytest.approx((0.01 + 0.36 + 0.04 + 0.01) / 4)
    assert found["expected_calibration_error"] == pytest.approx((0.1 + 0.6 + 0.2 + 0.1) / 4)
    expected = -(math.log(0.9) + math.log(0.4) + math.log(0.8) + math.log(0.9)) / 4
    assert found["log_loss"] == pytest.approx(expected)


def test_a_class_that_the_model_does_not_know_counts_as_an_error():
    outcome = classified(
        ["a", "b", "c", "unknown"], ["a", "b", "c", "a"], np.eye(3)[[0, 1, 2, 0]], list("abc")
    )
    found = summary(outcome, "classification")
    assert found["accuracy"] == 0.75
    assert found["balanced_accuracy"] == 0.75
    assert found["log_loss"] == pytest.approx(-math.log(1e-15) / 4)
    assert found["brier_score"] == pytest.approx(2 / 4)
    assert found["recall_macro"] == 0.75
    assert found["precision_macro"] == pytest.approx((0.5 + 1 + 1 + 0) / 4)
    assert "f1" not in found


def test_the_area_of_many_classes_is_the_mean_of_scikit_learns():
    random = np.random.default_rng(0)
    scores = random.integers(0, 4, (60, 5)).astype(float)  # with ties
    actual = random.integers(0, 4, 60)  # the last class does not occur
    outcome = Outcome.of_classes(
        pd.Series(actual), Predictions(scores.argmax(axis=1), scores), [0, 1, 2, 3, 4]
    )
    expected = [roc_auc_score(actual == number, scores[:, number]) for number in range(4)]
    assert summary(outcome, "classification")["roc_auc"] == pytest.approx(np.mean(expected))


def test_metrics_that_need_two_classes_are_left_out_when_one_is_held_out():
    outcome = classified([1, 1], [1, 1], [[0.2, 0.8], [0.3, 0.7]], [0, 1])
    found = summary(outcome, "classification")
    assert found["accuracy"] == 1.0
    assert not {"roc_auc", "mcc", "cohen_kappa"} & found.keys()


def test_a_model_without_probabilities_has_the_metrics_of_its_classes():
    outcome = Outcome.of_classes(
        pd.Series([True, False]), Predictions(np.array([True, True])), [False, True]
    )
    found = summary(outcome, "classification")
    assert found["accuracy"] == 0.5
    assert not {"roc_auc", "log_loss", "brier_score"} & found.keys()


def test_regression_metrics():
    found = regressed([1.0, 2.0, 4.0], [1.0, 3.0, 2.0])
    assert found["rmse"] == pytest.approx(math.sqrt(5 / 3))
    assert found["mae"] == 1.0
    assert found["median_absolute_error"] == 1.0
    assert found["max_error"] == 2.0
    assert found["mape"] == pytest.approx(1 / 3)
    assert found["smape"] == pytest.approx((0 + 2 / 5 + 4 / 6) / 3)
    assert found["r2"] == pytest.approx(1 - 5 / (14 / 3))
    logs = [0, math.log(4 / 3), math.log(3 / 5)]
    assert found["rmsle"] == pytest.approx(math.sqrt(sum(log**2 for log in logs) / 3))


def test_relative_errors_are_left_out_where_an_actual_value_is_zero():
    found = regressed([0.0, 1.0], [0.0, 1.0])
    assert "mape" not in found
    assert found["smape"] == 0


def test_errors_of_logarithms_are_left_out_where_a_value_is_negative():
    assert "rmsle" not in regressed([1.0, 2.0], [-0.5, 2.0])
