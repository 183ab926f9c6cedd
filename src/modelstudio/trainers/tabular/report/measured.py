"""A model measured on its held-out rows: what all parts of the report compute from."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from modelstudio.trainers.base import TrainingError
from modelstudio.trainers.tabular.report import scores
from modelstudio.trainers.tabular.report.answering import filled
from modelstudio.trainers.tabular.report.subject import Outcome, Predictions

if TYPE_CHECKING:
    import pandas as pd

    from modelstudio.trainers.tabular.data import LabelledTable
    from modelstudio.trainers.tabular.report.scores import Metric
    from modelstudio.trainers.tabular.report.subject import Subject

    Rows = np.ndarray[tuple[int], np.dtype[np.int64]]

MOST_ROWS = 500_000
_MOST_PROBABILITIES = 40_000_000
_CHUNK_ROWS = 50_000
_CHUNK_CELLS = 5_000_000
# The first rows say how fast the model is, and then how many more there are time for.
_FIRST_ROWS = 100
_GROWTH = 4
# Of the time left, what predicting all rows may take, and a part of them when all take longer.
_SHARE_OF_ALL = 0.8
_SHARE_OF_SOME = 0.5
# So long rows are predicted in any case, since everything stands on them.
_FEWEST_SECONDS = 1.0


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
    unanswered
        For how many rows the model gave no number; they count with the best constant answer.
    """

    subject: Subject
    holdout: LabelledTable
    outcome: Outcome
    baseline: Outcome
    metric: Metric
    seconds_a_row: float
    unanswered: int = 0

    @classmethod
    def of(cls, subject: Subject, deadline: float = math.inf) -> Measured:
        """Predict the held-out rows: all, unless that is too much for memory or for the time.

        At most 500,000 are predicted, fewer of very many classes, and as many as can be in most of
        the time until ``deadline``. A part of the rows is chosen at random.

        Raises
        ------
        TrainingError
            When the model gives no number for any of the rows.
        """
        total = len(subject.holdout.labels)
        most = min(MOST_ROWS, _MOST_PROBABILITIES // max(len(subject.classes), 1))
        order = _order(total, most, subject.seed)
        pace = _Pace(len(order), deadline)
        parts = _predicted(subject, order, pace)
        done = np.argsort(order[: pace.rows], kind="stable")
        predictions = _taken(_joined(parts), done)
        holdout = subject.holdout
        if pace.rows < total:
            holdout = holdout.take(order[: pace.rows][done])
        predictions, missing = filled(subject, predictions)
        if missing and missing == pace.rows:
            raise TrainingError(
                f"The model gives no number for any of the {missing} held-out rows; look for "
                "values in the columns that are far beyond all others"
            )
        outcome = Outcome.of(subject, holdout.labels, predictions)
        return cls(
            subject,
            holdout,
            outcome,
            scores.baseline(subject, outcome),
            scores.evaluation_metric(subject, outcome),
            pace.seconds_a_row,
            missing,
        )

    def predict(self, features: pd.DataFrame) -> Predictions:
        """Answer rows, those for which the model gives no number by the best constant."""
        return filled(self.subject, self.subject.predict(features))[0]

    def affordable_rows(self, seconds: float, least: int) -> int:
        """Return how many rows can be predicted in so many seconds, at least ``least``."""
        return max(least, int(max(seconds, 0) / max(self.seconds_a_row, 1e-9)))


class _Pace:
    """Says how many rows to predict next, by how long those before took.

    Attributes
    ----------
    rows
        How many have been predicted.
    seconds_a_row
        How long a row took in the last and largest piece.
    """

    def __init__(self, total: int, deadline: float) -> None:
        self._total = total
        self._deadline = deadline
        self._started = time.monotonic()
        self._largest = 0
        self.rows = 0
        self.seconds_a_row = 0.0

    def next(self) -> int:
        """Return how many rows to predict, 0 to end."""
        left = self._total - self.rows
        if not self.rows:
            return min(left, _FIRST_ROWS)
        grown = min(left, self._largest * _GROWTH)
        if self.seconds_a_row <= 0:
            return grown
        now = time.monotonic()
        share = _SHARE_OF_ALL
        seconds = self._deadline - self._started
        if now - self._started + left * self.seconds_a_row > share * seconds:
            share = _SHARE_OF_SOME
        until = self._started + max(share * seconds, _FEWEST_SECONDS)
        return int(min(grown, max(until - now, 0) / self.seconds_a_row))

    def learn(self, rows: int, seconds: float) -> None:
        self.rows += rows
        if rows >= self._largest:
            self._largest = rows
            self.seconds_a_row = seconds / max(rows, 1)


def _order(total: int, most: int, seed: int) -> Rows:
    """Return the rows in the order to predict them, so that the first ones are like all."""
    order = np.random.default_rng([seed]).permutation(total)
    return order[:most]


def _predicted(subject: Subject, order: Rows, pace: _Pace) -> list[Predictions]:
    most = rows_at_a_time(subject, _CHUNK_ROWS)
    parts: list[Predictions] = []
    while rows := min(pace.next(), most):
        started = time.monotonic()
        chosen = order[pace.rows : pace.rows + rows]
        parts.append(subject.predict(subject.holdout.features.iloc[chosen]))
        pace.learn(rows, time.monotonic() - started)
    return parts


def _joined(parts: list[Predictions]) -> Predictions:
    if len(parts) == 1:
        return parts[0]
    probabilities = [part.probabilities for part in parts if part.probabilities is not None]
    return Predictions(
        np.concatenate([part.labels for part in parts]),
        np.concatenate(probabilities) if probabilities else None,
    )


def _taken(predictions: Predictions, rows: Rows) -> Predictions:
    probabilities = predictions.probabilities
    return Predictions(
        np.asarray(predictions.labels)[rows],
        None if probabilities is None else np.asarray(probabilities)[rows],
    )


def rows_at_a_time(subject: Subject, most: int) -> int:
    """Return how many rows to predict in one piece: fewer with many columns or classes."""
    width = max(len(subject.training.column_types), len(subject.classes), 1)
    return max(1, min(most, _CHUNK_CELLS // width))


def sample(rows: int, most: int, seed: list[int]) -> Rows:
    """Choose at most ``most`` of the rows, in their order."""
    if rows <= most:
        return np.arange(rows)
    return np.sort(np.random.default_rng(seed).choice(rows, most, replace=False))
