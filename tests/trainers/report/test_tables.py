"""The tables that show a classifier's and a regression's errors."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics

from modelstudio.trainers.tabular.report import curves, residuals
from modelstudio.trainers.tabular.report.subject import Outcome, Predictions


def binary(rows=20_000, seed=0):
    """An outcome whose probabilities are the true ones."""
    random = np.random.default_rng(seed)
    chance = random.beta(1, 3, rows)
    actual = pd.Series(np.where(random.random(rows) < chance, "yes", "no"))
    predicted = np.where(chance > 0.5, "yes", "no")
    return Outcome.of_classes(
        actual, Predictions(predicted, np.column_stack([1 - chance, chance])), ["no", "yes"]
    )


def test_the_confusion_matrix_lists_the_pairs_that_occur():
    outcome = Outcome.of_classes(
        pd.Series(["a", "a", "b"]), Predictions(np.array(["a", "b", "b"])), ["a", "b"]
    )
    assert curves.confusion_matrix(outcome).to_dict("list") == {
        "actual": ["a", "a", "b"],
        "predicted": ["a", "b", "b"],
        "count": [1, 1, 1],
    }


def test_each_class_has_its_metrics_also_one_that_the_model_does_not_know():
    scores = np.eye(3)[[0, 1, 1, 0]] * 0.7 + 0.1
    outcome = Outcome.of_classes(
        pd.Series([10, 20, 20, 99]), Predictions(np.array([10, 20, 20, 10]), scores), [10, 20, 30]
    )
    table = curves.class_metrics(outcome).set_index("class")
    assert table.loc[20, ["rows", "precision", "recall", "f1", "roc_auc"]].tolist() == [
        2,
        1,
        1,
        1,
        1,
    ]
    assert table.loc[10, "precision"] == 0.5
    assert table.loc[99, "recall"] == 0
    assert np.isnan(table.loc[30, "recall"])
    assert np.isnan(table.loc[99, "roc_auc"])


def test_the_thinned_roc_curve_keeps_its_area():
    outcome = binary()
    table = curves.roc_curve(outcome)
    assert len(table) <= 1000
    assert set(table["class"]) == {"yes"}
    area = np.trapezoid(table["true_positive_rate"], table["false_positive_rate"])
    assert area == pytest.approx(
        metrics.roc_auc_score(outcome.actual, outcome.scores[:, 1]), abs=1e-3
    )
    ends = table[["false_positive_rate", "true_positive_rate"]].iloc[[0, -1]]
    assert ends.to_numpy().tolist() == [[0, 0], [1, 1]]
    assert np.isfinite(table["threshold"].iloc[1:]).all()


def test_the_precision_recall_curve_of_many_rows_is_short():
    table = curves.precision_recall_curve(binary())
    assert len(table) <= 1000
    assert table["recall"].is_monotonic_decreasing
    assert {0.0, 1.0} <= set(table["recall"])


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(3, 3000), st.integers(3, 300))
def test_thinning_leaves_no_point_far_from_a_kept_one(seed, count, points):
    random = np.random.default_rng(seed)
    x, y = np.sort(random.random(count)), random.random(count).cumsum()
    kept = curves.thin(x, y, points)
    assert len(kept) <= points
    assert kept[0] == 0
    assert kept[-1] == count - 1
    length = np.concatenate([[0], np.cumsum(np.abs(np.diff(x)) + np.abs(np.diff(y)))])
    # The curve's part between two kept points is at most as long as a step and one original edge.
    steps = np.diff(length[kept])
    edge = np.diff(length).max(initial=0)
    assert (steps <= length[-1] / max(points - 2, 1) + edge + 1e-9).all() or len(kept) == count


def test_probabilities_that_are_right_lie_within_their_intervals():
    table = curves.calibration(binary())
    assert len(table) == 10
    assert table["rows"].sum() == 20_000
    inside = table["mean_predicted"].between(table["observed_lower"], table["observed_upper"])
    assert inside.sum() >= 8


def test_thresholds_agree_with_the_labels_that_they_give():
    outcome = binary(500)
    table = curves.thresholds(outcome)
    assert {0.0, 0.5, 1.0} <= set(table["threshold"])
    for row in table.iloc[::20].itertuples():
        labels = outcome.scores[:, 1] >= row.threshold
        assert row.accuracy == pytest.approx(metrics.accuracy_score(outcome.actual, labels))
        assert row.f1 == pytest.approx(metrics.f1_score(outcome.actual, labels, zero_division=0))
    counts = ["true_positives", "false_positives", "true_negatives", "false_negatives"]
    assert (table[counts].sum(axis=1) == 500).all()


def test_residuals_are_sampled_when_there_are_many():
    actual = pd.Series(np.arange(residuals.RESIDUAL_ROWS + 500, dtype=float))
    outcome = Outcome.of_values(actual, actual.to_numpy() - 1)
    found = residuals.residuals(outcome, seed=3)
    assert len(found) == residuals.RESIDUAL_ROWS
    assert (found["residual"] == 1).all()
    assert found.equals(residuals.residuals(outcome, seed=3))


def test_errors_by_tenths_of_the_prediction():
    predicted = np.arange(1000.0)
    outcome = Outcome.of_values(pd.Series(predicted + np.where(predicted < 100, 7, 0)), predicted)
    table = residuals.residuals_by_prediction(outcome)
    assert table["rows"].tolist() == [100] * 10
    assert table["mean_residual"].tolist() == [7] + [0] * 9
    assert table["mae"].tolist() == table["rmse"].tolist() == [7] + [0] * 9
    assert table["predicted_from"].tolist() == list(range(0, 1000, 100))


def test_a_constant_prediction_is_one_tenth():
    outcome = Outcome.of_values(pd.Series([1.0, 2.0, 3.0]), np.full(3, 2.0))
    assert residuals.residuals_by_prediction(outcome)["rows"].tolist() == [3]
    assert residuals.predicted_and_actual(outcome)["rows"].sum() == 3


def test_the_grid_holds_every_row_whatever_its_outliers():
    random = np.random.default_rng(0)
    values = np.append(random.normal(size=5000), [1e9, -1e9])
    table = residuals.predicted_and_actual(
        Outcome.of_values(pd.Series(values), values[::-1].copy())
    )
    assert table["rows"].sum() == 5002
    assert table["actual_to"].max() < 10
