"""What a report is about: a model, the rows it has learned from and those it has not seen."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from modelstudio.trainers.findings import Finding
    from modelstudio.trainers.tabular.data import LabelledTable
    from modelstudio.trainers.tabular.preparation import Preparation
    from modelstudio.trainers.tabular.targets import Task

    Array = np.ndarray[Any, np.dtype[Any]]


@dataclass(frozen=True, slots=True)
class Predictions:
    """A model's answer for some rows.

    Attributes
    ----------
    labels
        The predicted value of each row: a float, or one of the model's classes.
    probabilities
        Of a classifier, (rows, classes), the columns in the order of ``Subject.classes``.
    """

    labels: Array
    probabilities: Array | None = None


@dataclass(frozen=True, slots=True)
class Subject:
    """A trained model and its data.

    Attributes
    ----------
    predict
        Answers a frame of raw features, with the columns and types that the dataset was read with.
    training, holdout
        The rows learned from, and those to measure the model on.
    classes
        The classes that the model can predict; of two, the second is the positive one. Empty for a
        regressor.
    eval_metric
        The metric by which models were chosen, by the name of the trainer's configuration.
    preparation
        How the columns that the model uses are read.
    findings
        What is known already that a user should know.
    validation_score
        The score of ``eval_metric`` by which the model was chosen, as the metric is usually given
        (an error is positive).
    """

    objective: Task
    predict: Callable[[pd.DataFrame], Predictions]
    training: LabelledTable
    holdout: LabelledTable
    classes: Sequence[Any]
    eval_metric: str
    seed: int
    preparation: Preparation
    findings: Sequence[Finding] = ()
    validation_score: float | None = None

    @property
    def used_columns(self) -> list[str]:
        return [column.name for column in self.preparation.columns]


@dataclass(frozen=True, slots=True)
class Outcome:
    """Actual and predicted values of some rows, as numbers to compute with.

    Attributes
    ----------
    actual, predicted
        Values of a regression; of a classification, positions in ``labels``.
    scores
        Probabilities, (rows, ``known``), when there are any.
    labels
        The classes: first those that the model knows, then others that occur.
    known
        How many classes the model knows.
    """

    actual: Array
    predicted: Array
    scores: Array | None = None
    labels: tuple[Any, ...] = ()
    known: int = 0

    @classmethod
    def of_values(cls, actual: pd.Series, predicted: Array) -> Outcome:
        return cls(actual.to_numpy(dtype="float64"), np.asarray(predicted, dtype="float64"))

    @classmethod
    def of_classes(
        cls, actual: pd.Series, predictions: Predictions, classes: Sequence[Any]
    ) -> Outcome:
        """Compare classes; one that the model does not know is an error wherever it occurs."""
        known = set(classes)
        labels = (*classes, *(label for label in actual.unique() if label not in known))
        scores = predictions.probabilities
        return cls(
            _positions(actual.to_numpy(), labels),
            _positions(predictions.labels, labels),
            None if scores is None else np.asarray(scores, dtype="float64"),
            labels,
            len(classes),
        )

    @classmethod
    def of(cls, subject: Subject, actual: pd.Series, predictions: Predictions) -> Outcome:
        if subject.objective == "regression":
            return cls.of_values(actual, predictions.labels)
        return cls.of_classes(actual, predictions, subject.classes)

    @property
    def binary(self) -> bool:
        return len(self.labels) == 2  # noqa: PLR2004

    def take(self, rows: Array) -> Outcome:
        scores = None if self.scores is None else self.scores[rows]
        return replace(
            self, actual=self.actual[rows], predicted=self.predicted[rows], scores=scores
        )

    def __len__(self) -> int:
        return len(self.actual)


def _positions(values: Array, labels: Sequence[Any]) -> Array:
    """Return where each value is in ``labels``; 1, 1.0 and True are the same label."""
    index = pd.Index(np.array([*labels, None], dtype=object)[:-1], dtype=object)
    return np.asarray(index.get_indexer(pd.Index(np.asarray(values).astype(object), dtype=object)))
