"""What the target decides: whether whole numbers are codes, and whether a count of rows is kept."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from modelstudio.trainers.tabular.gradient_ensemble.specification import REGRESSION
from modelstudio.trainers.tabular.preparation import Preparation, choosing, codes, counters

ROWS = 6_000


def numbers(kind):
    """Whole numbers, and what follows from them."""
    random = np.random.default_rng(1)
    if kind.startswith("users"):
        levels = int(kind.split()[1])
        users = random.integers(0, levels, ROWS)
        return users + 1000, random.normal(size=levels)[users]
    values, effect = {
        "ages": (random.integers(18, 90, ROWS), lambda age: age / 10),
        "ages, bent": (random.integers(18, 90, ROWS), lambda age: ((age - 50) / 10) ** 2),
        "counts": (np.floor(random.lognormal(3, 1, ROWS)), np.log1p),
        "prices": (np.round(random.lognormal(6, 0.7, ROWS)), lambda price: np.sqrt(price) / 10),
        "years": (random.integers(1950, 2020, ROWS), lambda year: (year - 1980) / 20),
        "hours": (random.integers(0, 24, ROWS), lambda hour: hour * 7 % 24 / 8),
        "minutes": (random.integers(0, 1440, ROWS), lambda minute: np.sin(minute / 229)),
        "nothing": (random.integers(0, 1000, ROWS), lambda number: 0 * number),
    }[kind]
    return values.astype("int64"), effect(values)


def are_offered(values, target, field_type="LONG"):
    frame = pd.DataFrame({"x": values})
    preparation = Preparation.fit(frame, {"x": field_type}, ["y"], target=pd.Series(target))
    return [feature.part for feature in preparation.features if feature.kind == "category"]


@pytest.mark.parametrize("noise", [0.01, 1.0])
@pytest.mark.parametrize(
    "kind",
    ["ages", "ages, bent", "counts", "prices", "years", "hours", "minutes", "nothing"],
)
def test_ordinary_whole_numbers_are_no_categories(kind, noise):
    values, effect = numbers(kind)
    target = effect + np.random.default_rng(2).normal(0, noise, ROWS)
    assert are_offered(values, target) == []
    assert are_offered(values, np.where(target > np.median(target), "high", "low")) == []


@pytest.mark.parametrize("kind", ["users 150", "users 500", "users 2000"])
def test_codes_are_offered_as_categories_too(kind):
    values, effect = numbers(kind)
    target = effect + np.random.default_rng(2).normal(0, 1, ROWS)
    assert are_offered(values, target) == ["level"]
    assert are_offered(values.astype("float64"), target, "DOUBLE") == ["level"]
    assert are_offered(values, np.where(target > 0.5, "good", "bad")) == ["level"]


def test_the_folds_are_not_those_that_a_table_of_the_same_seed_was_drawn_with():
    users = np.random.default_rng(0).integers(0, 400, ROWS)
    effect = np.random.default_rng(1).normal(size=400)[users]
    assert codes.are_codes(users.astype("float64"), effect, 0)


@pytest.mark.training
def test_codes_as_categories_make_better_models(train, monkeypatch):
    random = np.random.default_rng(3)
    users, films = random.integers(0, 400, 4000), random.integers(0, 150, 4000)
    frame = pd.DataFrame({"user": users, "film": films, "x": random.normal(size=4000)})
    tastes, merits = random.normal(size=400), random.normal(size=150)
    frame["y"] = tastes[users] + merits[films] + 0.5 * frame["x"] + random.normal(size=4000)
    config = {
        "time_limit": 60,
        "max_models": 2,
        "num_folds": 2,
        "hyperparameters": {"GBM": {"rounds": 150}, "CAT": {"rounds": 150}},
        "excluded_model_types": ["LR", "NN", "KERNEL", "RF"],
    }
    better = train(REGRESSION, frame, "y", config=config).model.summary_metrics["rmse"]
    monkeypatch.setattr(choosing.codes, "may_be_codes", lambda *_: False)
    usual = train(REGRESSION, frame, "y", config=config).model.summary_metrics["rmse"]
    assert better < 0.95 * usual


def judged(target, others=None, rows=400):
    random = np.random.default_rng(4)
    features = random.normal(size=(rows, 3)) if others is None else others
    return counters.judge(np.arange(rows, dtype="float64"), features, target).kept


def test_a_count_that_the_target_goes_with_is_kept():
    random = np.random.default_rng(5)
    count = np.arange(400)
    assert judged(count * 0.01 + random.normal(0, 0.3, 400))
    assert judged(np.sin(count / 60) + random.normal(0, 0.1, 400))
    assert judged((count > 300).astype("int64"))
    assert judged(count[:60] * 0.1 + random.normal(size=60), rows=60)


@pytest.mark.parametrize("seed", range(8))
def test_a_count_that_tells_only_what_chance_or_neighbours_tell_is_not_kept(seed):
    random = np.random.default_rng(seed)
    assert not judged(random.normal(size=400))
    assert not judged(random.integers(0, 3, 400))
    assert not judged(random.normal(size=60), rows=60)
    short = pd.Series(random.normal(size=400)).ewm(alpha=0.5).mean().to_numpy()
    assert not judged(short), "rows beside each other are alike"


def test_of_very_many_other_columns_the_telling_ones_are_looked_at():
    random = np.random.default_rng(7)
    others = random.normal(size=(400, 80))
    others[:, 3] = np.nan
    others[::7, 70] = np.nan
    count = np.arange(400.0)
    assert not judged(np.nan_to_num(others[:, 70]) * 3 + random.normal(size=400), others)
    assert judged(np.nan_to_num(others[:, 70]) + 0.01 * count, others)


def test_a_count_of_which_the_other_columns_say_the_same_is_not_kept():
    random = np.random.default_rng(6)
    count = np.arange(400.0)
    others = np.column_stack([count + random.normal(0, 0.5, 400), random.normal(size=400)])
    assert not judged(others[:, 0] * 0.01 + random.normal(0, 0.3, 400), others)
