"""A model measured on its held-out rows: what all parts of the report compute from."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from modelstudio.trainers.tabular.report import scores
from modelstudio.trainers.tabular.report.subject import Outcome, Predictions

if TYPE_CHECKING:
    import pandas as pd

    from modelstudio.trainers.tabular.data import LabelledTable
    from modelstudio.trainers.tabular.report.scores import Metric
    from modelstudio.trainers.tabular.report.subject import Subject

MOST_ROWS = 500_000
_MOST_PROBABILITIES = 40_000_000
_CHUNK_ROWS = 50_000
_CHUNK_CELLS = 5_000_000


@dataclass(frozen=True, slots=True)
class Measured:
    """A subject with the outcome on its held-out rows.

    Attributes
    ----------
    holdout
        The rows measured, in the order of ``outcome``.
    metric
        The evaluation metric.
    seconds_a_row
        How long predicting one of many rows takes.
    """

    subject: Subject
    holdout: LabelledTable
    outcome: Outcome
    baseline: Outcome
    metric: Metric
    seconds_a_row: float

    @classmethod
    def of(cls, subject: Subject) -> Measured:
        """Predict the held-out rows; a sample of more than 500,000, fewer of very many classes."""
        holdout = subject.holdout
        most = min(MOST_ROWS, _MOST_PROBABILITIES // max(len(subject.classes), 1))
        if len(holdout.labels) > most:
            holdout = holdout.take(sample(len(holdout.labels), most, [subject.seed]))
        started = time.monotonic()
        predictions = predict(subject, holdout.features)
        seconds = time.monotonic() - started
        outcome = Outcome.of(subject, holdout.labels, predictions)
        return cls(
            subject,
            holdout,
            outcome,
            scores.baseline(subject, outcome),
            scores.evaluation_metric(subject, outcome),
            seconds / max(len(holdout.labels), 1),
        )


def predict(subject: Subject, features: pd.DataFrame) -> Predictions:
    """Predict in pieces, so that a large table needs no large copy of itself."""
    rows = rows_at_a_time(subject, _CHUNK_ROWS)
    parts = [
        subject.predict(features.iloc[start : start + rows])
        for start in range(0, max(len(features), 1), rows)
    ]
    if len(parts) == 1:
        return parts[0]
    probabilities = [part.probabilities for part in parts if part.probabilities is not None]
    return Predictions(
        np.concatenate([part.labels for part in parts]),
        np.concatenate(probabilities) if probabilities else None,
    )


def rows_at_a_time(subject: Subject, most: int) -> int:
    """Return how many rows to predict in one piece: fewer with many columns or classes."""
    width = max(len(subject.training.column_types), len(subject.classes), 1)
    return max(1, min(most, _CHUNK_CELLS // width))


def sample(rows: int, most: int, seed: list[int]) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    """Choose at most ``most`` of the rows, in their order."""
    if rows <= most:
        return np.arange(rows)
    return np.sort(np.random.default_rng(seed).choice(rows, most, replace=False))
