"""How well each column predicts the target by itself, which shows a leak."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from sklearn.metrics import roc_auc_score

from modelstudio.trainers.tabular.report.values import Bins, moment_parts

if TYPE_CHECKING:
    from modelstudio.trainers.tabular.report.features import Features
    from modelstudio.trainers.tabular.report.measured import Measured
    from modelstudio.trainers.tabular.report.subject import Array
    from modelstudio.trainers.tabular.report.values import Values

_MOST_BINS = 256
_MOST_CATEGORIES = 1_000
_ROWS_A_BIN = 30
_FEWEST_BINS = 10
# Rows of the overall mean that are added to each bin, so that rare values promise little.
_PRIOR_ROWS = 1.0


def skill_alone(measured: Measured, features: Features) -> dict[str, float]:
    """Return each column's skill: 0 says nothing about the target, 1 gives it exactly.

    A table of the target by the column's bins is learned from training rows and measured on
    held-out rows. With two classes the skill is 2 AUC - 1, with more the balanced accuracy above
    guessing, and of a number the R² of its ranks, which a few huge values cannot hide. Of a moment
    the best of its parts counts.
    """
    measure = _measure(measured, features)
    most = int(np.clip(len(features.training_rows) / _ROWS_A_BIN, _FEWEST_BINS, _MOST_BINS))
    found = {}
    for name in features.training:
        found[name] = 0.0
        for learned, asked in _parts(features, name):
            bins = Bins.fit(learned, _MOST_CATEGORIES if learned.kind == "category" else most)
            skill = measure(bins.codes(learned), bins.codes(asked), len(bins.labels))
            found[name] = max(found[name], skill)
    return found


def _parts(features: Features, name: str) -> list[tuple[Values, Values]]:
    """Return a column's values in training and held-out rows, and those of its hours and so on."""
    learned, asked = features.training[name], features.holdout[name]
    if learned.kind != "moment":
        return [(learned, asked)]
    both = moment_parts(learned), moment_parts(asked)
    return [
        (learned, asked),
        *((both[0][part], both[1][part]) for part in both[0] if part in both[1]),
    ]


def _measure(measured: Measured, features: Features) -> _Ranks | _Classes:
    labels = measured.subject.training.labels.iloc[features.training_rows]
    actual = measured.outcome.actual[features.holdout_rows]
    if measured.subject.objective == "regression":
        return _Ranks(labels.to_numpy(dtype="float64"), actual)
    classes = list(measured.subject.classes)
    codes = labels.map({label: code for code, label in enumerate(classes)})
    # A class that the model does not know is none to learn.
    codes = codes.fillna(len(classes)).to_numpy(dtype="int64")
    return _Classes(codes, actual, len(classes))


class _Ranks:
    def __init__(self, learned: Array, actual: Array) -> None:
        ordered = np.sort(learned)
        self._learned, self._actual = self._ranks(ordered, learned), self._ranks(ordered, actual)
        self._mean = float(self._learned.mean())

    @staticmethod
    def _ranks(ordered: Array, values: Array) -> Array:
        low = np.searchsorted(ordered, values, side="left")
        return np.asarray((low + np.searchsorted(ordered, values, side="right")) / 2 / len(ordered))

    def __call__(self, learned: Array, asked: Array, bins: int) -> float:
        rows = np.bincount(learned, minlength=bins)
        sums = np.bincount(learned, weights=self._learned, minlength=bins)
        means = (sums + _PRIOR_ROWS * self._mean) / (rows + _PRIOR_ROWS)
        total = ((self._actual - self._actual.mean()) ** 2).sum()
        left = ((self._actual - means[asked]) ** 2).sum()
        return float(1 - left / total) if total else 0.0


class _Classes:
    def __init__(self, learned: Array, actual: Array, classes: int) -> None:
        self._learned, self._actual, self._classes = learned, actual, classes
        self._shares = np.bincount(learned, minlength=classes)[:classes] / len(learned)
        self._present = [code for code in np.unique(actual) if code < classes]

    def __call__(self, learned: Array, asked: Array, bins: int) -> float:
        if len(self._present) < 2:  # noqa: PLR2004
            return 0.0
        known = self._learned < self._classes
        pairs = learned[known] * self._classes + self._learned[known]
        counts = np.bincount(pairs, minlength=bins * self._classes).reshape(bins, self._classes)
        rows = counts.sum(axis=1, keepdims=True)
        chances = (counts + _PRIOR_ROWS * self._shares) / (rows + _PRIOR_ROWS)
        if self._classes == 2:  # noqa: PLR2004
            binary = self._actual < self._classes
            score = chances[asked, 1][binary]
            return float(2 * roc_auc_score(self._actual[binary] == 1, score) - 1)
        # In proportion to the classes' shares, so that the largest is not the answer to everything.
        best = (chances / np.maximum(self._shares, 1e-12)).argmax(axis=1)[asked]
        recalls = [float((best[self._actual == code] == code).mean()) for code in self._present]
        guess = 1 / len(self._present)
        return float((np.mean(recalls) - guess) / (1 - guess))
