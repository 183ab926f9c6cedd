"""Packed forests: they answer as the forests that were fitted, and are much smaller."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
from autogluon.common.savers import save_pkl
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.ensemble import (
    ExtraTreesClassifier,
    ExtraTreesRegressor,
    RandomForestClassifier,
    RandomForestRegressor,
)

from modelstudio.trainers.tabular.autogluon.forests import PackedForest, pack_forests

FORESTS = [
    ExtraTreesClassifier, ExtraTreesRegressor, RandomForestClassifier, RandomForestRegressor,
]  # fmt: skip


def fitted(kind, seed, classes=2, rows=80, **more):
    random = np.random.default_rng(seed)
    # Few distinct values, so that many rows lie on a threshold, and values far apart.
    x = random.integers(0, 6, (rows, 4)) / 3 * 10.0 ** random.integers(-3, 4, 4)
    x[random.random(x.shape) < 0.05] = np.nan
    y = random.integers(0, classes, rows) * 1000 + 7
    forest = kind(n_estimators=4, random_state=seed, **more)
    return forest.fit(x.astype("float32"), y), x.astype("float32")


@pytest.mark.parametrize("kind", FORESTS)
@given(
    seed=st.integers(0, 1000), classes=st.integers(2, 5), leaves=st.sampled_from([None, 2, 3, 20])
)
@settings(max_examples=8, deadline=None)
def test_a_packed_forest_sends_each_row_to_its_leaf(kind, seed, classes, leaves):
    forest, x = fitted(kind, seed, classes, max_leaf_nodes=leaves)
    asked = np.concatenate([x, np.nextafter(x, np.float32(np.inf)), -x])
    again = pickle.loads(pickle.dumps(PackedForest(forest)))
    assert type(again) is kind
    assert np.array_equal(again.apply(asked), forest.apply(asked))
    told = np.ones(len(asked), dtype=bool)
    if hasattr(forest, "predict_proba"):
        shares = np.sort(forest.predict_proba(asked), axis=1)
        assert np.allclose(again.predict_proba(asked), forest.predict_proba(asked), atol=1e-6)
        told = shares[:, -1] - shares[:, -2] > 1e-5  # of two as likely classes either may be told
    assert np.allclose(again.predict(asked)[told], forest.predict(asked)[told], rtol=1e-6)


def test_a_tree_without_any_split_is_packed():
    forest, x = fitted(RandomForestRegressor, 0, min_samples_leaf=79)
    again = pickle.loads(pickle.dumps(PackedForest(forest)))
    assert np.allclose(again.predict(x), forest.predict(x))


def test_a_packed_forest_is_at_most_a_fifth_of_its_size():
    forest, _ = fitted(RandomForestClassifier, 0, classes=20, rows=5000)
    assert len(pickle.dumps(PackedForest(forest))) < len(pickle.dumps(forest)) / 5


class Model:
    """Holds a forest as AutoGluon's models do."""

    def __init__(self, model):
        self.model = model


def test_every_forest_below_a_folder_is_packed_and_nothing_else(tmp_path):
    forest, x = fitted(ExtraTreesRegressor, 3, rows=2000)
    files = [tmp_path / "S1F1" / "model.pkl", tmp_path / "model.pkl"]
    for path, inner in zip(files, (forest, "no forest"), strict=True):
        save_pkl.save(str(path), Model(inner))
    before = [path.read_bytes() for path in files]
    pack_forests(tmp_path)
    assert len(files[0].read_bytes()) < len(before[0]) / 3
    assert files[1].read_bytes() == before[1]
    assert np.allclose(pickle.loads(files[0].read_bytes()).model.predict(x), forest.predict(x))
