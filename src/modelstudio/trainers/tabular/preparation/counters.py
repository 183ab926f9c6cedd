"""Judges a column that counts the rows by whether it predicts rows that were held out.

A counter may be the thing itself, such as the cycles that a machine has run, or only say where a
row stands in its file. Its neighbours in the file are alike in many tables, so whole blocks of
neighbouring rows are held out: what is left to help is how the target goes with the count.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    Values = np.ndarray[Any, Any]

_BLOCKS = 20
_FOLDS = 4
_MOST_ROWS = 2_000
_MOST_COLUMNS = 30
_MOST_CLASSES = 4
# Of the target's variance, so much more has to be explained, and by more than chance.
_LEAST_GAIN = 0.02
_LEAST_DEVIATIONS = 3.0
_ROUNDS = 50


@dataclass(frozen=True, slots=True)
class Judgement:
    """Shares of the target's variance that are explained in rows held out, without and with it."""

    without: float
    including: float
    kept: bool

    @property
    def note(self) -> str:
        shares = f"{max(self.including, 0):.0%} with it, {max(self.without, 0):.0%} without"
        if self.kept:
            return (
                "it numbers the rows and is kept, since it tells of the target in rows that were "
                f"held out ({shares})"
            )
        return f"it tells nothing of the target in rows that were held out ({shares})"


def some_rows(rows: int, seed: int) -> Values:
    """Return positions of as many rows as it takes to judge."""
    if rows <= _MOST_ROWS:
        return np.arange(rows)
    return np.random.default_rng([seed, 4127]).choice(rows, _MOST_ROWS, replace=False)


def judge(counter: Values, others: Values, target: Values) -> Judgement:
    """Compare what the other features say of held-out blocks of rows with and without a counter.

    Parameters
    ----------
    others
        The other features, (rows, features); NaN is missing.
    target
        Floats, or the codes of classes as integers.
    """
    rows = np.flatnonzero(~np.isnan(counter))
    rows = rows[np.argsort(counter[rows], kind="stable")]
    blocks = np.arange(len(rows)) * _BLOCKS // len(rows)
    folds = blocks % _FOLDS
    targets = _columns(target[rows])
    features = _strongest(others[rows], targets)
    without = _squares(features, targets, folds)
    including = _squares(np.column_stack([features, counter[rows]]), targets, folds)
    total = float(((targets - targets.mean(axis=0)) ** 2).sum())
    if not total:
        return Judgement(0.0, 0.0, kept=False)
    better = without - including
    spread = float(better.std()) or 1e-300
    deviations = float(better.mean()) / spread * np.sqrt(len(rows))
    shares = 1 - float(without.sum()) / total, 1 - float(including.sum()) / total
    kept = shares[1] - max(shares[0], 0.0) > _LEAST_GAIN and deviations > _LEAST_DEVIATIONS
    return Judgement(*shares, kept=bool(kept))


def _columns(target: Values) -> Values:
    """Return a target as numbers to explain, (rows, 1), or as one flag for each common class."""
    if target.dtype.kind == "f":
        # So that a few huge values are not all that counts.
        low, high = np.quantile(target, [0.005, 0.995])
        clipped: Values = np.clip(target, low, high).reshape(-1, 1)
        return clipped
    classes, counts = np.unique(target, return_counts=True)
    common = classes[np.argsort(-counts, kind="stable")[:_MOST_CLASSES]]
    if len(classes) == 2:  # noqa: PLR2004 - the other flag would say the same
        common = common[:1]
    flags: Values = (target.reshape(-1, 1) == common).astype("float64")
    return flags


def _strongest(features: Values, targets: Values) -> Values:
    """Return the features, of very many those that go along with the target the most."""
    if features.shape[1] <= _MOST_COLUMNS:
        return features
    known = ~np.isnan(features)
    means = np.where(known, features, 0).sum(axis=0) / np.maximum(known.sum(axis=0), 1)
    centred = np.where(known, features - means, 0)
    spread = centred.std(axis=0)
    along = np.abs(centred.T @ (targets - targets.mean(axis=0))).max(axis=1)
    strength = np.divide(along, spread, out=np.zeros(len(along)), where=spread > 0)
    return features[:, np.argsort(-strength, kind="stable")[:_MOST_COLUMNS]]


def _squares(features: Values, targets: Values, folds: Values) -> Values:
    """Return each row's squared error, predicted by a model of the other folds."""
    import lightgbm

    parameters = {
        "objective": "regression", "num_leaves": 15, "learning_rate": 0.1, "min_data_in_leaf": 5,
        "num_threads": 1, "deterministic": True, "force_col_wise": True, "verbosity": -1,
    }  # fmt: skip
    squares = np.zeros(len(targets))
    for fold in range(_FOLDS):
        held = folds == fold
        for column in range(targets.shape[1]):
            learned = targets[~held, column]
            predicted: Any = learned.mean()
            if features.shape[1]:
                known = lightgbm.Dataset(features[~held], learned, params=parameters)
                booster = lightgbm.train(parameters, known, _ROUNDS)
                predicted = booster.predict(features[held], num_threads=1)
            squares[held] += (targets[held, column] - predicted) ** 2
    return squares
