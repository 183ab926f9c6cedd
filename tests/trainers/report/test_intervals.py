"""Bootstrap intervals, and the weighted metrics that they stand on."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics

from modelstudio.trainers.tabular.report import Predictions
from modelstudio.trainers.tabular.report.intervals import metric_intervals, weighted_metrics
from modelstudio.trainers.tabular.report.scores import METRICS
from modelstudio.trainers.tabular.report.subject import Outcome
from report_data import classification, looked_at, regression

seeds = st.integers(0, 2**32 - 1)


def outcome_of(random, classes, rows=40):
    # Few levels, so that there are ties.
    scores = random.integers(1, 6, (rows, classes)).astype(float)
    scores /= scores.sum(axis=1, keepdims=True)
    actual = np.concatenate([np.arange(classes), random.integers(0, classes, rows - classes)])
    predictions = Predictions(scores.argmax(axis=1), scores)
    return Outcome.of_classes(pd.Series(actual), predictions, list(range(classes)))


@settings(max_examples=30, deadline=None)
@given(seeds)
def test_weighted_binary_metrics_are_those_of_scikit_learn(seed):
    random = np.random.default_rng(seed)
    outcome, weights = outcome_of(random, 2), random.integers(0, 4, 40)
    weights[:2] = 1
    found = {name: function(weights) for name, function in weighted_metrics(outcome).items()}
    actual, predicted, score = outcome.actual, outcome.predicted, outcome.scores[:, 1]
    options = {"sample_weight": weights}
    classes = {"zero_division": 0, **options}
    expected = {
        "accuracy": metrics.accuracy_score(actual, predicted, **options),
        "balanced_accuracy": metrics.balanced_accuracy_score(actual, predicted, **options),
        "mcc": metrics.matthews_corrcoef(actual, predicted, **options),
        "precision": metrics.precision_score(actual, predicted, **classes),
        "recall": metrics.recall_score(actual, predicted, **classes),
        "f1": metrics.f1_score(actual, predicted, **classes),
        "f1_macro": metrics.f1_score(actual, predicted, average="macro", **classes),
        "log_loss": metrics.log_loss(actual, outcome.scores, **options),
        "brier_score": metrics.brier_score_loss(actual, score, **options),
        "roc_auc": metrics.roc_auc_score(actual, score, **options),
        "average_precision": metrics.average_precision_score(actual, score, **options),
    }
    assert found == pytest.approx(expected)


@settings(max_examples=20, deadline=None)
@given(seeds)
def test_weighted_metrics_of_many_classes_are_those_of_repeated_rows(seed):
    random = np.random.default_rng(seed)
    outcome, weights = outcome_of(random, 4), random.integers(0, 4, 40)
    weights[:4] = 1
    repeated = outcome.take(np.repeat(np.arange(40), weights))
    for name, function in weighted_metrics(outcome).items():
        if name != "roc_auc":
            again = weighted_metrics(repeated)[name]
            assert function(weights) == pytest.approx(again(np.ones(len(repeated)))), name


def test_the_spread_of_the_area_over_classes_is_that_of_resampled_rows():
    random = np.random.default_rng(6)
    scores = random.dirichlet(np.ones(4), 400)
    actual = np.array([random.choice(4, p=row) for row in scores])
    predictions = Predictions(scores.argmax(axis=1), scores)
    outcome = Outcome.of_classes(pd.Series(actual), predictions, list(range(4)))
    area = METRICS["classification"]["roc_auc"]
    weighted = weighted_metrics(outcome)["roc_auc"]
    assert weighted(np.ones(400)) == pytest.approx(area(outcome))
    drawn = [random.integers(0, 400, 400) for _ in range(80)]
    exact = [area(outcome.take(rows)) for rows in drawn]
    quick = [weighted(np.bincount(rows, minlength=400)) for rows in drawn]
    assert np.std(quick) == pytest.approx(np.std(exact), rel=0.1)
    assert np.corrcoef(quick, exact)[0, 1] > 0.99


def test_the_interval_of_an_accuracy_is_as_wide_as_the_binomial_one():
    random = np.random.default_rng(1)
    frame = pd.DataFrame({"x": random.random(10_000), "y": random.choice(["no", "yes"], 10_000)})
    frame.loc[frame["x"] < 0.6, "y"] = "yes"
    measured, _ = looked_at(classification(frame, lambda rows: np.full(len(rows), 0.9)))
    table = metric_intervals(measured).set_index("metric")
    value, lower, upper, base, rows = table.loc["accuracy"]
    assert rows == 2000
    assert base == value
    half = 1.96 * np.sqrt(value * (1 - value) / rows)
    assert upper - value == pytest.approx(half, rel=0.2)
    assert value - lower == pytest.approx(half, rel=0.2)


def test_the_interval_of_many_rows_is_scaled_from_a_sample():
    random = np.random.default_rng(2)
    frame = pd.DataFrame({"x": random.normal(size=200_000), "y": 0.0})
    frame["y"] = frame["x"] + random.normal(size=200_000)
    measured, _ = looked_at(regression(frame, lambda rows: rows["x"]))
    table = metric_intervals(measured).set_index("metric")
    half = 1.96 / np.sqrt(2 * 40_000)  # of the standard deviation of a normal sample
    assert table.loc["rmse", "upper"] - table.loc["rmse", "value"] == pytest.approx(half, rel=0.25)
    assert table.loc["r2", "value"] == pytest.approx(0.5, abs=0.02)
