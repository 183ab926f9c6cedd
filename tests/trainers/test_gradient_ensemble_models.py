"""The models that are this project's own: kernel machines and forests, and how time is spent."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field

import numpy as np
import pytest

from modelstudio.trainers.tabular.gradient_ensemble import search as searching
from modelstudio.trainers.tabular.gradient_ensemble.binned import BinnedRows
from modelstudio.trainers.tabular.gradient_ensemble.dense import DenseEncoder
from modelstudio.trainers.tabular.gradient_ensemble.folds import Folds
from modelstudio.trainers.tabular.gradient_ensemble.forest_learner import ForestLearner
from modelstudio.trainers.tabular.gradient_ensemble.inputs import Inputs
from modelstudio.trainers.tabular.gradient_ensemble.kernel import median_distance, relevances
from modelstudio.trainers.tabular.gradient_ensemble.kernel_learner import KernelLearner
from modelstudio.trainers.tabular.gradient_ensemble.lightgbm_learner import LightGbmLearner
from modelstudio.trainers.tabular.gradient_ensemble.limits import (
    MOST_BYTES,
    MOST_MICROSECONDS,
    microseconds,
)
from modelstudio.trainers.tabular.gradient_ensemble.metrics import metric_of
from modelstudio.trainers.tabular.gradient_ensemble.portfolio import variation
from modelstudio.trainers.tabular.gradient_ensemble.problem import Candidate, Fitted, Pace, Problem
from modelstudio.trainers.tabular.gradient_ensemble.search import Limits, Search
from modelstudio.trainers.tabular.gradient_ensemble.served import SERVED

pytestmark = pytest.mark.training

UNHURRIED = Pace(None, float("inf"))


def problem_of(kind, rows=300, metric=None):
    """Two columns that matter, one that does not, a category, holes."""
    random = np.random.default_rng(8)
    matrix = random.normal(size=(rows, 4))
    matrix[:, 3] = random.integers(0, 5, rows)
    value = np.sin(2 * matrix[:, 0]) + matrix[:, 1] * (matrix[:, 3] > 1)
    matrix[random.random((rows, 4)) < 0.02] = np.nan
    labels = value
    if kind != "regression":
        edges = [0.0] if kind == "binary" else [-0.5, 0.5]
        labels = np.searchsorted(edges, value).astype(np.int64)
    classes = {"binary": 2, "multiclass": 3, "regression": 1}[kind]
    usual = "root_mean_squared_error" if kind == "regression" else "log_loss"
    inputs = Inputs(matrix, (3,), DenseEncoder.fit(matrix, (3,)))
    measured = metric_of({"eval_metric": metric or usual}, kind)
    return Problem(inputs, labels, kind, classes, measured, 1, 0)


def first_fold(problem):
    return Folds(problem.labels, is_regression=problem.kind == "regression", seed=0).fold(0)


def constant_loss(problem):
    if problem.kind == "regression":
        return float(problem.labels.std())
    shares = np.bincount(problem.labels) / len(problem.labels)
    return float(-(shares * np.log(shares)).sum())


def forest(problem):
    return ForestLearner(problem, BinnedRows(problem))


LEARNERS = {
    "laplace": (KernelLearner, Candidate("Kernel", "KERNEL", {"kernel": "laplace"})),
    "gauss": (KernelLearner, Candidate("Kernel", "KERNEL", {"kernel": "gauss"})),
    "forest": (forest, Candidate("RandomForest", "RF", {"trees": 40})),
}


@pytest.mark.parametrize("kind", ["binary", "multiclass", "regression"])
@pytest.mark.parametrize("name", LEARNERS)
def test_a_row_gets_the_same_bits_alone_in_a_table_and_from_a_file(name, kind, tmp_path):
    learner, candidate = LEARNERS[name]
    problem = problem_of(kind)
    fold = first_fold(problem)
    fitted = learner(problem).fit(candidate, fold, UNHURRIED)
    assert fitted is not None
    loss = problem.metric.loss(problem.labels[fold.valid], fitted.predictions)
    assert loss < 0.8 * constant_loss(problem)
    path = tmp_path / f"model{fitted.model.suffix}"
    fitted.model.save(path)
    served = SERVED[candidate.family].load(path, problem.classes, fitted.model.scale)
    assert np.array_equal(served.predict(problem.inputs.take(fold.valid)), fitted.predictions)
    for place, row in enumerate(fold.valid[:20]):
        alone = problem.inputs.matrix[row : row + 1]
        inputs = Inputs(alone, (3,), problem.inputs.encoder, is_row=True)
        assert np.array_equal(served.predict(inputs)[0], fitted.predictions[place])
    if kind != "regression":
        assert (fitted.predictions > 0).all()
        assert (fitted.predictions < 1).all()
    if kind == "multiclass":
        assert fitted.predictions.sum(axis=1) == pytest.approx(1)


def test_columns_that_do_not_matter_count_less_for_the_distance():
    random = np.random.default_rng(4)
    values = random.normal(size=(500, 5)).astype(np.float32)
    values /= np.float32(3 * median_distance(values, random))
    targets = (np.sin(9 * values[:, :1]) + values[:, 1:2] * 5).astype(np.float32)
    targets -= targets.mean()
    for power in (1, 2):
        factors = relevances(values, targets, values[:200], power, random)
        assert factors.max() == pytest.approx(1, abs=0.01)
        assert factors[:2].min() > 1.5 * factors[2:].max()
        alike = relevances(values, np.zeros_like(targets), values[:200], power, random)
        assert (alike == 1).all(), "where nothing can be told, all columns count alike"


def test_a_forest_says_the_share_of_the_classes():
    random = np.random.default_rng(2)
    matrix = random.integers(0, 2, (4000, 1)).astype(float)
    labels = (random.random(4000) < np.where(matrix[:, 0] == 1, 0.9, 0.2)).astype(np.int64)
    inputs = Inputs(matrix, (), DenseEncoder.fit(matrix, ()))
    metric = metric_of({"eval_metric": "log_loss"}, "binary")
    problem = Problem(inputs, labels, "binary", 2, metric, 1, 0)
    fitted = forest(problem).fit(LEARNERS["forest"][1], first_fold(problem), UNHURRIED)
    fitted.model.sharpness = 1.0
    said = fitted.model.predict(Inputs(np.array([[0.0], [1.0]]), (), inputs.encoder))
    assert said == pytest.approx([0.2, 0.9], abs=0.04)


def test_a_kernel_machine_that_cannot_be_fitted_in_time_is_left_out():
    problem = problem_of("multiclass", rows=3_000)
    hurried = Pace(1e-4, float("inf"))
    assert KernelLearner(problem).fit(LEARNERS["gauss"][1], first_fold(problem), hurried) is None


def test_as_few_landmarks_as_were_asked_for_are_fitted():
    problem = problem_of("regression")
    candidate = Candidate("Kernel", "KERNEL", {"landmarks": 30})
    fitted = KernelLearner(problem).fit(candidate, first_fold(problem), UNHURRIED)
    assert fitted is not None
    assert fitted.model.count == 30


@pytest.mark.parametrize("family", sorted(SERVED))
def test_a_type_of_model_that_is_left_alone_is_varied(family):
    problem = problem_of("regression")
    found = [variation(problem, number, {family}, logarithm=False) for number in range(12)]
    assert {each.family for each in found} == {family}
    assert len({str(each.parameters) for each in found}) > 1


def test_trees_of_many_classes_are_few_enough_to_be_delivered():
    random = np.random.default_rng(1)
    labels = np.repeat(np.arange(40), 12)
    matrix = random.normal(labels[:, None] % 7, 1.5, (480, 5))
    inputs = Inputs(matrix, (), DenseEncoder.fit(matrix, ()))
    metric = metric_of({"eval_metric": "log_loss"}, "multiclass")
    problem = Problem(inputs, labels, "multiclass", 40, metric, 1, 0)
    slow = Candidate("LightGBM", "GBM", {"num_leaves": 8, "learning_rate": 0.01})
    learner = LightGbmLearner(problem, BinnedRows(problem))
    fitted = learner.fit(slow, first_fold(problem), UNHURRIED)
    assert microseconds(fitted.model) < MOST_MICROSECONDS
    assert fitted.model.size < MOST_BYTES
    assert fitted.rate > 0.1, "with fewer rounds each must count for more"


@dataclass
class Clock:
    """Time that passes only when a model is fitted."""

    now: float = 0.0

    def monotonic(self):
        return self.now


@dataclass
class Pretender:
    """Predicts the labels with noise of its own and takes some seconds."""

    problem: Problem
    clock: Clock
    noise: dict[str, float]
    seconds: dict[str, float]
    fits: list[str] = field(default_factory=list)

    def fit(self, candidate, fold, _pace):
        name = candidate.name
        self.fits.append(name)
        self.clock.now += self.seconds[name]
        labels = self.problem.labels[fold.valid]
        random = np.random.default_rng([fold.number, len(name)])
        predictions = labels + random.normal(0, self.noise[name], len(labels))
        return Fitted(_Sized(), 1, 0.1, self.seconds[name], predictions)


class _Sized:
    size = 1_000


class _Silent:
    def fitted(self, member, fit, loss): ...

    def failed(self, _member, error):
        raise error


def search_of(monkeypatch, noise, seconds, limit, rows=400, fixed=("LR",)):
    clock = Clock()
    monkeypatch.setattr(searching, "time", clock)
    problem = problem_of("regression", rows=rows)
    learner = Pretender(problem, clock, noise, seconds)
    folds = Folds(problem.labels, is_regression=True, seed=0)
    candidates = [Candidate(name, "LR") for name in noise]
    search = Search(
        problem, folds, {"LR": learner}, candidates, Limits(limit), _Silent(), fixed=fixed
    )
    return search, search.run(), clock


def test_a_slow_model_that_is_a_little_better_does_not_keep_quick_ones_from_their_folds(
    monkeypatch,
):
    noise = {"slow": 0.48, "quick": 0.5, "other": 0.52}
    seconds = {"slow": 6.0, "quick": 0.5, "other": 0.5}
    search, members, clock = search_of(monkeypatch, noise, seconds, limit=20.0)
    fits = {member.candidate.name: len(member.fits) for member in search.members}
    assert min(fits["quick"], fits["other"]) >= 7
    assert {member.candidate.name for member in members} >= {"quick", "other"}
    assert clock.now <= 20


def test_a_slow_model_that_is_much_better_gets_the_time(monkeypatch):
    noise = {"slow": 0.05, "quick": 0.5, "other": 0.52}
    seconds = {"slow": 3.0, "quick": 0.5, "other": 0.5}
    _, members, clock = search_of(monkeypatch, noise, seconds, limit=20.0, rows=4_000)
    best = max(members, key=lambda member: member.weight)
    assert best.candidate.name == "slow"
    assert best.weight > 0.7
    assert len(best.fits) >= 3
    assert clock.now <= 20


def test_few_rows_are_not_asked_which_of_many_variations_is_best(monkeypatch):
    noise = defaultdict(lambda: 0.5, {"first": 0.5, "other": 0.5})
    seconds = defaultdict(lambda: 0.1)
    search, members, clock = search_of(monkeypatch, noise, seconds, limit=60.0, rows=150, fixed=())
    assert len(search.members) <= 2 + 150 / 15
    assert max(len(member.fits) for member in members) > 16, "new splits get the time instead"
    assert 54 < clock.now <= 60


def test_quick_models_use_the_time_that_a_slow_one_cannot(monkeypatch):
    noise = {"slow": 0.45, "quick": 0.5, "other": 0.52}
    seconds = {"slow": 4.0, "quick": 0.1, "other": 0.1}
    _, members, clock = search_of(monkeypatch, noise, seconds, limit=45.0)
    assert {member.candidate.name for member in members} >= {"slow", "quick"}
    assert 44 < clock.now <= 45
