"""What is learned: rows, labels, how predictions are judged; and what one fit returns."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np

    from modelstudio.trainers.tabular.gradient_ensemble.inputs import Inputs
    from modelstudio.trainers.tabular.gradient_ensemble.metrics import Kind, Metric
    from modelstudio.trainers.tabular.gradient_ensemble.served import Served

    Array = np.ndarray[Any, Any]

#: Rows by which a fold's ranking can be told from noise; below, log loss decides instead.
_RANKED_ROWS = 300


@dataclass(frozen=True, slots=True)
class Problem:
    """A table to learn from.

    Attributes
    ----------
    labels
        Codes of the classes as ``int64``, or the target's values as ``float64``.
    classes
        Number of classes; 1 for regression.
    preparing
        Microseconds of CPU that preparing a row takes before a model gets it, about.
    """

    inputs: Inputs
    labels: Array
    kind: Kind
    classes: int
    metric: Metric
    threads: int
    seed: int
    preparing: float = 0.0

    @property
    def rows(self) -> int:
        return len(self.labels)

    @property
    def width(self) -> int:
        """Columns of a model's predictions."""
        return self.classes if self.kind == "multiclass" else 1

    def ranks(self, fold: Fold) -> bool:
        """Whether a fold has rows enough of each class to stop a model by a ranking metric."""
        if self.kind != "binary":
            return False
        positive = int(self.labels[fold.valid].sum())
        return min(positive, len(fold.valid) - positive) >= _RANKED_ROWS


@dataclass(frozen=True, slots=True)
class Fold:
    """Rows to learn from and rows to judge by, as sorted positions.

    Attributes
    ----------
    number
        Counted over all repeats, so that it names the fold.
    """

    number: int
    train: Array
    valid: Array


@dataclass(frozen=True, slots=True)
class Candidate:
    """A model that may be fitted: its type, and parameters in its library's own words.

    Attributes
    ----------
    logarithm
        Whether it learns the logarithm of the target.
    """

    name: str
    family: str
    parameters: Mapping[str, Any] = field(default_factory=dict)
    logarithm: bool = False


@dataclass(frozen=True, slots=True)
class Pace:
    """How long one fit may take.

    Attributes
    ----------
    seconds
        What it should take; None to follow its parameters whatever time that takes.
    deadline
        When it is cut, on the monotonic clock.
    rate
        A learning rate that an earlier fold found to fit the time.
    rounds, factor
        Rounds to learn and correction of the scale, found by other folds. Then nothing is chosen by
        the valid rows.
    """

    seconds: float | None
    deadline: float
    rate: float | None = None
    rounds: int | None = None
    factor: float | None = None

    @property
    def is_over(self) -> bool:
        return time.monotonic() >= self.deadline


@dataclass(slots=True)
class Fitted:
    """One model of one fold.

    Attributes
    ----------
    is_unfinished
        Whether the loss still fell when the most rounds that a model may have were done.
    rounds, rate
        Rounds or epochs kept and learning rate, by which the fit can be repeated without a clock.
    curve
        Rounds and the value of ``curve_metric`` on the fold's valid rows, thinned.
    predictions
        Of the fold's valid rows.
    """

    model: Served
    rounds: int
    rate: float
    seconds: float
    predictions: Array
    was_cut: bool = False
    is_unfinished: bool = False
    factor: float = 1.0
    curve_metric: str = "loss"
    curve: list[tuple[int, float]] = field(default_factory=list)


class Learner(Protocol):
    """Fits candidates of one family."""

    def fit(self, candidate: Candidate, fold: Fold, pace: Pace) -> Fitted | None:
        """Return the model, or None when there was no time for even a poor one."""
        ...


def thinned(curve: list[tuple[int, float]], points: int = 40) -> list[tuple[int, float]]:
    step = max(1, -(-len(curve) // points))
    return curve[::step] + ([curve[-1]] if curve and (len(curve) - 1) % step else [])
