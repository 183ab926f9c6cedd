"""The models fitted so far and what they say about rows that they have not learned from."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from modelstudio.trainers.tabular.gradient_ensemble.ensemble import greedy_weights

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from modelstudio.trainers.tabular.gradient_ensemble.problem import (
        Candidate,
        Fitted,
        Fold,
        Problem,
    )

    Array = np.ndarray[Any, Any]

#: So many rows tell weights well enough; ranking them takes longest.
_WEIGHED_ROWS, _RANKED_ROWS = 40_000, 8_000
_RANKING = frozenset({"roc_auc", "average_precision"})
_BAGGED_ROWS, _RANKED_BAG_ROWS = 20_000, 4_000
_BAGS = 8
_SMALLEST_SHARE = 0.03

#: So many rows count as much as the belief that the best members are equally good.
_ROWS_OF_EQUALITY = 150
_EQUAL_MEMBERS = 5


@dataclass(slots=True)
class Member:
    """A candidate and its models by the number of their fold."""

    candidate: Candidate
    fits: dict[int, Fitted] = field(default_factory=dict)
    weight: float = 0.0

    @property
    def seconds(self) -> float:
        """Longest time that a fold took."""
        return max((fit.seconds for fit in self.fits.values()), default=0.0)

    @property
    def total_seconds(self) -> float:
        return sum(fit.seconds for fit in self.fits.values())

    def covers(self, folds: Sequence[Fold]) -> bool:
        return all(fold.number in self.fits for fold in folds)


def out_of_fold(problem: Problem, member: Member, folds: Sequence[Fold]) -> tuple[Array, Array]:
    """Return the rows that folds leave out, sorted, and a member's mean predictions of them."""
    shape = (problem.rows,) if problem.width == 1 else (problem.rows, problem.width)
    total, counts = np.zeros(shape), np.zeros(problem.rows)
    for fold in folds:
        total[fold.valid] += member.fits[fold.number].predictions
        counts[fold.valid] += 1
    rows = np.flatnonzero(counts)
    divisor = counts[rows] if problem.width == 1 else counts[rows, None]
    return rows, total[rows] / divisor


def score(problem: Problem, member: Member, folds: Sequence[Fold]) -> float:
    """Return a member's loss over folds that it covers."""
    rows, predictions = out_of_fold(problem, member, folds)
    return problem.metric.loss(problem.labels[rows], predictions)


def weigh(problem: Problem, members: Sequence[Member], folds: Sequence[Fold]) -> Array:
    """Return greedy weights of members that all cover the folds."""
    labels, predictions, loss = _compared(problem, members, folds)
    most = _RANKED_ROWS if problem.metric.criterion in _RANKING else _WEIGHED_ROWS
    source = np.random.default_rng([problem.seed, 5])
    rows = _sample(source, len(labels), most)
    return greedy_weights(labels[rows], [each[rows] for each in predictions], loss)


def weigh_finally(problem: Problem, members: Sequence[Member], folds: Sequence[Fold]) -> Array:
    """Return the mean of greedy weights over bootstrap samples of the rows.

    With few rows, a single run of the greedy search takes noise for merit (Caruana, Munson,
    Niculescu-Mizil: Getting the most out of ensemble selection, ICDM 2006). Small weights are left
    out.
    """
    labels, predictions, loss = _compared(problem, members, folds)
    if len(labels) > _BAGGED_ROWS or len(members) == 1:
        return weigh(problem, members, folds)
    source = np.random.default_rng([problem.seed, 6])
    most = _RANKED_BAG_ROWS if problem.metric.criterion in _RANKING else _BAGGED_ROWS
    total = np.zeros(len(members))
    for _ in range(_BAGS):
        rows = source.integers(0, len(labels), min(len(labels), most))
        total += greedy_weights(labels[rows], [each[rows] for each in predictions], loss, 25)
    total[total < _SMALLEST_SHARE * _BAGS] = 0
    losses = [loss(labels, each) for each in predictions]
    return shrunk(total / total.sum(), losses, len(labels))


def shrunk(weights: Array, losses: Sequence[float], rows: int) -> Array:
    """Return weights drawn towards equal ones of the best members, the more the fewer the rows.

    On a hundred rows the best of ten models is best by luck, and equal weights are hard to beat
    (Clemen: Combining forecasts, International Journal of Forecasting 5, 1989).
    """
    best = np.argsort(losses, kind="stable")[:_EQUAL_MEMBERS]
    equal = np.zeros(len(weights))
    equal[best] = 1 / len(best)
    drawn: Array = (rows * weights + _ROWS_OF_EQUALITY * equal) / (rows + _ROWS_OF_EQUALITY)
    return drawn


def _sample(source: np.random.Generator, rows: int, most: int) -> Array:
    if rows <= most:
        return np.arange(rows)
    return np.sort(source.choice(rows, most, replace=False))


def _compared(
    problem: Problem, members: Sequence[Member], folds: Sequence[Fold]
) -> tuple[Array, list[Array], Callable[[Array, Array], float]]:
    """Return labels, each member's predictions, and the loss of a mean of them.

    The log loss of several classes needs the probability of each row's own class alone.
    """
    every = [out_of_fold(problem, member, folds) for member in members]
    rows = every[0][0]
    labels, predictions = problem.labels[rows], [each for _, each in every]
    if problem.kind == "multiclass" and problem.metric.criterion == "log_loss":
        places = np.arange(len(rows))
        return labels, [each[places, labels] for each in predictions], _own_class_loss
    return labels, predictions, problem.metric.loss


def _own_class_loss(_: Array, probabilities: Array) -> float:
    return float(-np.log(np.clip(probabilities, 1e-15, 1)).mean())
