"""Tables that show a classifier: confusion, classes, ROC, precision-recall, calibration."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from scipy import stats
from sklearn import metrics

if TYPE_CHECKING:
    from collections.abc import Iterator

    from modelstudio.trainers.tabular.report.subject import Array, Outcome

CURVE_POINTS = 1000
CURVE_CLASSES = 20
_CALIBRATION_BINS = 10
_THRESHOLDS = 101
_MOST_RANKED = 2_000_000


def confusion_matrix(outcome: Outcome) -> pd.DataFrame:
    """Return actual, predicted, count; a pair that is not listed has a count of 0."""
    pairs = pd.DataFrame({"actual": outcome.actual, "predicted": outcome.predicted})
    counts = pairs.groupby(["actual", "predicted"]).size().rename("count").reset_index()
    for column in ("actual", "predicted"):
        counts[column] = label_column(outcome, counts[column].to_numpy())
    return counts


def class_metrics(outcome: Outcome) -> pd.DataFrame:
    """Return precision, recall, F1 and, where there are probabilities, ROC AUC of each class.

    Of very many classes only the largest have an area, since each is another sort of all rows.
    """
    positions = np.arange(len(outcome.labels))
    precision, recall, f1, rows = metrics.precision_recall_fscore_support(
        outcome.actual, outcome.predicted, labels=positions, zero_division=0
    )
    areas = np.full(len(positions), np.nan)
    most = max(CURVE_CLASSES, _MOST_RANKED // max(len(outcome), 1))
    for position, happened, score in _one_against_rest(outcome, most):
        areas[position] = metrics.roc_auc_score(happened, score)
    return pd.DataFrame(
        {
            "class": label_column(outcome, positions),
            "rows": rows,
            "predicted_rows": np.bincount(outcome.predicted, minlength=len(positions)),
            "precision": precision,
            "recall": np.where(rows > 0, recall, np.nan),
            "f1": f1,
            "roc_auc": areas,
        }
    )


def roc_curve(outcome: Outcome) -> pd.DataFrame:
    """Return at most 1000 points a class: class, false and true positive rate, threshold."""
    parts = []
    for position, happened, score in _shown_classes(outcome):
        false, true, thresholds = metrics.roc_curve(happened, score)
        kept = thin(false, true)
        parts.append(
            _points(
                outcome,
                position,
                {
                    "false_positive_rate": false[kept],
                    "true_positive_rate": true[kept],
                    "threshold": _finite(thresholds[kept]),
                },
            )
        )
    return _joined(parts)


def precision_recall_curve(outcome: Outcome) -> pd.DataFrame:
    """Return at most 1000 points a class: class, recall, precision, threshold."""
    parts = []
    for position, happened, score in _shown_classes(outcome):
        precision, recall, thresholds = metrics.precision_recall_curve(happened, score)
        kept = thin(recall, precision)
        parts.append(
            _points(
                outcome,
                position,
                {
                    "recall": recall[kept],
                    "precision": precision[kept],
                    "threshold": np.append(thresholds, np.nan)[kept],
                },
            )
        )
    return _joined(parts)


def calibration(outcome: Outcome) -> pd.DataFrame:
    """Return how often what was predicted with a probability came true, in bins of equal size.

    ``observed_lower`` and ``observed_upper`` are the 95 % Wilson interval of the observed share.
    """
    parts = []
    for position, happened, score in _shown_classes(outcome):
        edges = np.unique(np.quantile(score, np.linspace(0, 1, _CALIBRATION_BINS + 1)[1:-1]))
        bins = np.searchsorted(edges, score, side="left")
        rows = np.bincount(bins, minlength=len(edges) + 1)
        found = np.flatnonzero(rows)
        hits = np.bincount(bins, weights=happened, minlength=len(rows))[found]
        lower, upper = wilson_interval(hits, rows[found])
        parts.append(
            _points(
                outcome,
                position,
                {
                    "bin": np.arange(1, len(found) + 1),
                    "rows": rows[found],
                    "mean_predicted": np.bincount(bins, weights=score, minlength=len(rows))[found]
                    / rows[found],
                    "observed": hits / rows[found],
                    "observed_lower": lower,
                    "observed_upper": upper,
                },
            )
        )
    return _joined(parts)


def thresholds(outcome: Outcome) -> pd.DataFrame:
    """Return what each probability, taken as the limit for a positive answer, would give.

    Hundredths and the percentiles of the predicted probabilities, so that a rare class has limits
    where its probabilities are.
    """
    assert outcome.scores is not None  # noqa: S101
    positive, score = outcome.actual == 1, outcome.scores[:, 1]
    percentiles = np.quantile(score, np.linspace(0, 1, _THRESHOLDS))
    limits = np.unique(np.concatenate([np.linspace(0, 1, _THRESHOLDS), percentiles]))
    right = np.sort(score[positive])
    wrong = np.sort(score[~positive])
    true = len(right) - np.searchsorted(right, limits, side="left")
    false = len(wrong) - np.searchsorted(wrong, limits, side="left")
    missed, rejected = len(right) - true, len(wrong) - false
    return pd.DataFrame(
        {
            "threshold": limits,
            "true_positives": true,
            "false_positives": false,
            "true_negatives": rejected,
            "false_negatives": missed,
            "precision": _ratio(true, true + false),
            "recall": _ratio(true, true + missed),
            "specificity": _ratio(rejected, rejected + false),
            "f1": _ratio(2 * true, 2 * true + false + missed),
            "accuracy": (true + rejected) / len(score),
        }
    )


def thin(x: Array, y: Array, points: int = CURVE_POINTS) -> Array:
    """Choose at most ``points`` points of a curve so that its shape stays.

    They are spread evenly along its length, so no point of the curve is further from a chosen one
    than the curve's length by ``points``.
    """
    if len(x) <= points:
        return np.arange(len(x))
    length = np.concatenate([[0.0], np.cumsum(np.abs(np.diff(x)) + np.abs(np.diff(y)))])
    even = np.searchsorted(length, np.linspace(0, length[-1], points - 1))
    return np.unique(np.append(even.clip(0, len(x) - 1), len(x) - 1))


def wilson_interval(hits: Array, rows: Array, level: float = 0.95) -> tuple[Array, Array]:
    """Return the interval of a share (Wilson 1927)."""
    z = stats.norm.ppf(0.5 + level / 2)
    share, n = hits / rows, np.asarray(rows, dtype="float64")
    centre = (share + z**2 / (2 * n)) / (1 + z**2 / n)
    half = z / (1 + z**2 / n) * np.sqrt(share * (1 - share) / n + z**2 / (4 * n**2))
    return np.maximum(centre - half, 0), np.minimum(centre + half, 1)


def label_column(outcome: Outcome, positions: Array) -> Array:
    """Return the labels at these positions, in a type of their own where they share one."""
    labels = pd.Series(list(outcome.labels), dtype=object).infer_objects()
    return np.asarray(labels.iloc[positions].to_numpy())


def _one_against_rest(outcome: Outcome, most: int) -> Iterator[tuple[int, Array, Array]]:
    """Yield position, whether each row is of that class, and its probability; largest first."""
    if outcome.scores is None:
        return
    rows = np.bincount(outcome.actual, minlength=len(outcome.labels))[: outcome.known]
    shown = 0
    for position in np.argsort(-rows, kind="stable"):
        if 0 < rows[position] < len(outcome) and shown < most:
            shown += 1
            yield int(position), outcome.actual == position, outcome.scores[:, position]


def _shown_classes(outcome: Outcome) -> Iterator[tuple[int, Array, Array]]:
    """Yield the classes that have a curve: of two the positive one, else the largest."""
    for found in _one_against_rest(outcome, CURVE_CLASSES):
        if not outcome.binary or found[0] == 1:
            yield found


def _points(outcome: Outcome, position: int, columns: dict[str, Any]) -> pd.DataFrame:
    rows = len(next(iter(columns.values())))
    label = label_column(outcome, np.full(rows, position))
    return pd.DataFrame({"class": label, **columns})


def _joined(parts: list[pd.DataFrame]) -> pd.DataFrame:
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame()


def _ratio(part: Array, whole: Array) -> Array:
    return np.asarray(np.divide(part, whole, out=np.full(len(whole), np.nan), where=whole > 0))


def _finite(values: Array) -> Array:
    return np.where(np.isfinite(values), values, np.nan)
