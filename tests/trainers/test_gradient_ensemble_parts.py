"""The parts of the gradient ensemble that hold an invariant whatever the data."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score

from modelstudio.trainers.tabular.gradient_ensemble.calibration import (
    Calibration,
    calibrate,
    tuned_multipliers,
)
from modelstudio.trainers.tabular.gradient_ensemble.dense import DenseEncoder, dense_product
from modelstudio.trainers.tabular.gradient_ensemble.ensemble import greedy_weights
from modelstudio.trainers.tabular.gradient_ensemble.folds import Folds
from modelstudio.trainers.tabular.gradient_ensemble.limits import keep_small
from modelstudio.trainers.tabular.gradient_ensemble.members import Member, shrunk
from modelstudio.trainers.tabular.gradient_ensemble.metrics import log_loss, metric_of
from modelstudio.trainers.tabular.gradient_ensemble.portfolio import grown
from modelstudio.trainers.tabular.gradient_ensemble.problem import Candidate, Fitted, Pace
from modelstudio.trainers.tabular.gradient_ensemble.served import probabilities
from modelstudio.trainers.tabular.gradient_ensemble.targets import TargetScale
from modelstudio.trainers.tabular.gradient_ensemble.watch import Watch

seeds = st.integers(0, 2**32 - 1)


def rmse(labels, predictions):
    return float(np.sqrt(np.mean((labels - predictions) ** 2)))


@settings(max_examples=40, deadline=None)
@given(seed=seeds, models=st.integers(1, 7), rows=st.integers(5, 80))
def test_the_weighted_mean_is_never_worse_than_the_best_model(seed, models, rows):
    random = np.random.default_rng(seed)
    labels = random.normal(size=rows)
    predictions = [labels + random.normal(size=rows) * random.random() for _ in range(models)]
    weights = greedy_weights(labels, predictions, rmse)
    assert weights.sum() == pytest.approx(1)
    assert (weights >= 0).all()
    blended = sum(w * p for w, p in zip(weights, predictions, strict=True))
    assert rmse(labels, blended) <= min(rmse(labels, p) for p in predictions) * (1 + 1e-9)


@settings(max_examples=25, deadline=None)
@given(seed=seeds)
def test_more_steps_of_the_greedy_search_never_worsen_the_loss(seed):
    random = np.random.default_rng(seed)
    labels = random.normal(size=60)
    predictions = [labels + random.normal(size=60) for _ in range(5)]

    def loss(steps):
        weights = greedy_weights(labels, predictions, rmse, steps)
        return rmse(labels, sum(w * p for w, p in zip(weights, predictions, strict=True)))

    losses = [loss(steps) for steps in (1, 4, 8, 16, 32)]
    assert all(later <= earlier + 1e-9 for earlier, later in pairwise(losses))


@settings(max_examples=25, deadline=None)
@given(seed=seeds, classes=st.integers(2, 5), sharpness=st.floats(0.2, 5))
def test_calibration_never_worsens_the_log_loss_it_was_fitted_on(seed, classes, sharpness):
    random = np.random.default_rng(seed)
    scores = random.normal(size=(200, classes))
    likely = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
    labels = np.array([random.choice(classes, p=row) for row in likely])
    claimed = likely**sharpness
    claimed /= claimed.sum(axis=1, keepdims=True)
    if classes == 2:
        claimed = claimed[:, 1]
    calibrated = calibrate(labels, claimed).apply(claimed)
    assert log_loss(labels, calibrated) <= log_loss(labels, claimed)
    assert calibrated.shape == claimed.shape


def test_overconfident_probabilities_are_softened():
    random = np.random.default_rng(1)
    likely = random.random(3000)
    labels = (random.random(3000) < likely).astype(np.int64)
    odds = 3 * np.log(likely / (1 - likely))
    found = calibrate(labels, 1 / (1 + np.exp(-odds)))
    assert found.slope == pytest.approx(1 / 3, abs=0.05)
    assert found.shift == pytest.approx(0, abs=0.15)
    assert calibrate(labels, likely).slope == pytest.approx(1, abs=0.1)
    assert Calibration().apply(likely) is likely


def test_perfectly_separated_rows_do_not_make_probabilities_certain():
    random = np.random.default_rng(3)
    labels = (random.random(120) < 0.4).astype(np.int64)
    likely = np.where(labels == 1, random.uniform(0.7, 0.99, 120), random.uniform(0.01, 0.3, 120))
    found = calibrate(labels, likely)
    assert 1 <= found.slope < 4
    assert found.apply(np.array([0.1, 0.5, 0.9])) == pytest.approx([0.1, 0.5, 0.9], abs=0.12)
    three = np.column_stack([1 - likely, 0.9 * likely, 0.1 * likely])
    assert 1 <= calibrate(labels, three).slope < 4


def test_a_rare_class_is_decided_for_more_often_when_recalls_count():
    random = np.random.default_rng(2)
    labels = (random.random(4000) < 0.05).astype(np.int64)
    score = np.clip(0.05 + 0.1 * labels + random.normal(0, 0.04, 4000), 0.001, 0.999)
    scores = np.column_stack([1 - score, score])
    multipliers = tuned_multipliers(labels, scores, "balanced_accuracy")
    assert multipliers is not None
    chosen = (scores * multipliers).argmax(axis=1)
    assert chosen[labels == 1].mean() > 0.7
    assert scores.argmax(axis=1)[labels == 1].mean() < 0.1
    assert tuned_multipliers(labels, scores, "roc_auc") is None
    assert tuned_multipliers(labels, scores, "recall") is None, "choosing all would be degenerate"


@settings(max_examples=30, deadline=None)
@given(
    seed=seeds,
    rows=st.integers(1, 23),
    width=st.integers(1, 130),
    columns=st.integers(1, 70),
)
def test_a_row_is_multiplied_to_the_same_bits_alone_and_among_others(seed, rows, width, columns):
    random = np.random.default_rng(seed)
    values = random.normal(size=(rows, width)).astype(np.float32)
    weights = random.normal(size=(width, columns)).astype(np.float32)
    together = dense_product(values, weights)
    for number in range(rows):
        alone = dense_product(values[number : number + 1], weights)
        assert np.array_equal(alone[0], together[number])
    assert np.allclose(together, values @ weights, rtol=1e-3, atol=1e-3)


@settings(max_examples=40, deadline=None)
@given(seeds, st.integers(1, 30), st.integers(3, 40), st.sampled_from("CF"))
def test_a_row_has_the_same_probabilities_alone_and_among_others(seed, rows, classes, order):
    scores = np.random.default_rng(seed).normal(size=(rows, classes)) * 3
    table = probabilities(np.asarray(scores, order=order))  # CatBoost answers by columns
    softened = Calibration(0.8).apply(table)
    for place in range(rows):
        alone = probabilities(scores[place : place + 1])
        assert alone[0].tobytes() == table[place].tobytes()
        assert Calibration(0.8).apply(alone)[0].tobytes() == softened[place].tobytes()


def test_encoded_rows_are_finite_and_do_not_depend_on_their_table(tmp_path):
    random = np.random.default_rng(3)
    matrix = random.normal(size=(300, 4)) * [1, 1e6, 1e-6, 1]
    matrix[:, 3] = random.integers(0, 6, 300)
    matrix[random.random((300, 4)) < 0.1] = np.nan
    encoder = DenseEncoder.fit(matrix, [3])
    encoded = encoder.encode(matrix)
    assert encoded.shape == (300, encoder.width)
    assert np.isfinite(encoded).all()
    assert np.abs(encoded).max() <= 3.01
    strange = np.array([[1e300, -1e300, np.nan, 99.0]])
    assert np.isfinite(encoder.encode(strange)).all()
    encoder.save(tmp_path / "encoder.npz")
    loaded = DenseEncoder.load(tmp_path / "encoder.npz")
    for number in range(0, 300, 37):
        assert np.array_equal(loaded.encode(matrix[number : number + 1])[0], encoded[number])


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 1000), rows=st.integers(10, 200), classes=st.integers(2, 6))
def test_each_row_is_judged_once_a_repeat_and_never_when_held_out(seed, rows, classes):
    random = np.random.default_rng(seed)
    labels = random.integers(0, classes, rows)
    held_out = np.arange(rows - max(rows // 5, 1), rows)
    folds = Folds(labels, is_regression=False, seed=seed, held_out=held_out)
    assert folds.measured is not None
    assert np.array_equal(folds.measured.valid, held_out)
    for repeat in range(2):
        chosen = [folds.fold(repeat * folds.count + number) for number in range(folds.count)]
        judged = np.concatenate([fold.valid for fold in chosen])
        assert np.array_equal(np.sort(judged), np.arange(held_out[0]))
        for fold in chosen:
            assert not set(fold.valid) & set(fold.train)
            assert len(fold.valid) + len(fold.train) == rows
        shares = [np.bincount(labels[fold.valid], minlength=classes) for fold in chosen]
        assert (np.ptp(shares, axis=0) <= 2).all(), "classes keep their shares"


def test_boosting_asks_for_a_higher_rate_when_the_time_needs_it():
    slow = Watch(Pace(0.01, float("inf")), 0.05, 20, 80, fixed=False)
    verdicts = [slow.see(n, 1 / n, 1 / n) for n in range(1, 200)]
    assert "faster" in verdicts or slow.faster is None
    relaxed = Watch(Pace(1e6, float("inf")), 0.05, 20, 80, fixed=False)
    assert all(relaxed.see(n, 1 / n, 1 / n) == "go on" for n in range(1, 200))
    late = Watch(Pace(1e6, 0.0), 0.05, 20, 80, fixed=False)
    assert late.see(1, 1.0, 1.0) == "cut"
    assert late.was_cut
    settled = Watch(Pace(None, float("inf"), 0.1, rounds=5), 0.1, 20, 80, fixed=True)
    for number, loss in enumerate([3, 1, 2, 4, 5], start=1):
        settled.see(number, loss, loss)
    assert settled.best_rounds == 5, "nothing is chosen by rows that are held out"


def test_a_logarithm_is_undone_and_bounded():
    labels = np.array([0.0, 1.0, 10.0, 1000.0])
    scale = TargetScale.of(labels, logarithm=True)
    assert scale.restore(scale.learned(labels)) == pytest.approx(labels)
    assert scale.restore(np.array([1e9, -1e9])).tolist() == [1000.0, 0.0]


@pytest.mark.parametrize(
    ("name", "kind"),
    [("roc_auc", "binary"), ("roc_auc", "multiclass"), ("r2", "regression"), ("f1", "binary")],
)
def test_a_metric_is_shown_in_its_own_direction(name, kind):
    metric = metric_of({"eval_metric": name}, kind)
    random = np.random.default_rng(4)
    if kind == "regression":
        labels = random.normal(size=50)
        assert metric.shown(metric.loss(labels, labels)) == pytest.approx(1)
    elif kind == "binary":
        labels = random.integers(0, 2, 50)
        scores = np.clip(labels * 0.5 + random.random(50) * 0.5, 0.01, 0.99)
        shown = metric.shown(metric.loss(labels, scores))
        expected = roc_auc_score(labels, scores) if name == "roc_auc" else log_loss(labels, scores)
        assert shown == pytest.approx(expected)
    else:
        labels = np.arange(60) % 3
        scores = random.dirichlet(np.ones(3), 60)
        areas = [roc_auc_score(labels == code, scores[:, code]) for code in range(3)]
        assert metric.shown(metric.loss(labels, scores)) == pytest.approx(np.mean(areas))


class _Sized:
    """A member's model as far as its cost goes."""

    def __init__(self, size):
        self.size = size


def _member(name, weight, sizes):
    fits = {n: Fitted(_Sized(size), 1, 0.1, 1.0, np.zeros(1)) for n, size in enumerate(sizes)}
    return Member(Candidate(name, "NN"), fits, weight)


def test_a_costly_member_gives_up_folds_before_a_light_one():
    small = _member("small", 0.6, [100_000] * 5)
    large = _member("large", 0.4, [2_000_000] * 5)
    kept = keep_small([small, large])
    assert kept["small"] == [0, 1, 2, 3, 4]
    assert 1 <= len(kept["large"]) < 5
    assert kept["large"][0] == 0, "the fold that is measured is kept"
    assert keep_small([_member("alone", 1.0, [50_000_000])]) == {"alone": [0]}


def test_of_two_members_that_cost_too_much_together_the_weightier_stays():
    heavy = _member("heavy", 0.75, [8_000_000])
    light = _member("light", 0.25, [1_000_000])
    assert keep_small([light, heavy]) == {"heavy": [0]}


def test_of_a_table_that_takes_long_to_prepare_fewer_models_are_kept():
    members = [_member("one", 0.5, [1_000_000] * 3), _member("other", 0.5, [1_000_000] * 3)]
    assert keep_small(members) == {"one": [0, 1, 2], "other": [0, 1, 2]}
    kept = keep_small(members, preparing=300)
    assert sum(map(len, kept.values())) == 4
    assert set(kept) == {"one", "other"}


def test_where_preparing_alone_takes_a_millisecond_models_are_not_given_up_for_it():
    members = [_member("one", 0.5, [1_000_000] * 3), _member("other", 0.5, [1_000_000] * 3)]
    assert keep_small(members, preparing=1_500) == {"one": [0, 1, 2], "other": [0, 1, 2]}


def test_weights_judged_by_few_rows_are_drawn_towards_equal_ones_of_the_best():
    weights, losses = np.array([1.0, 0, 0, 0, 0, 0]), [1.0, 1.1, 1.2, 1.3, 1.4, 9.0]
    few, many = shrunk(weights, losses, 50), shrunk(weights, losses, 100_000)
    assert few.sum() == pytest.approx(1)
    assert few[1:5] == pytest.approx(0.15)
    assert few[5] == 0
    assert many == pytest.approx(weights, abs=0.01)


def test_a_model_with_more_leaves_is_tried_where_the_larger_of_two_is_better():
    plain = Candidate("LightGBM", "GBM", {"num_leaves": 31})
    large = Candidate("LightGBM_Large", "GBM", {"num_leaves": 127, "min_data_in_leaf": 40})
    larger = grown([plain, large], {"LightGBM": 2.0, "LightGBM_Large": 1.0})
    assert larger is not None
    assert larger.parameters["num_leaves"] == 255
    assert grown([plain, large], {"LightGBM": 1.0, "LightGBM_Large": 2.0}) is None
    assert grown([plain, large], {"LightGBM_Large": 1.0}) is None
