"""Fits linear models: ridge regression, and logistic regression with a quadratic penalty."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from modelstudio.trainers.tabular.gradient_ensemble.finishing import finished
from modelstudio.trainers.tabular.gradient_ensemble.penalised import path, some_rows
from modelstudio.trainers.tabular.gradient_ensemble.served import Network
from modelstudio.trainers.tabular.gradient_ensemble.targets import TargetScale

if TYPE_CHECKING:
    from modelstudio.trainers.tabular.gradient_ensemble.problem import (
        Candidate,
        Fitted,
        Fold,
        Pace,
        Problem,
    )

#: Penalties tried, as a share of the rows, the strongest first: each starts from the one before.
_PENALTIES = (1e-1, 1e-2, 1e-3, 1e-4)
#: Rows beyond these change a linear model little.
_MOST_ROWS = 60_000


class LinearLearner:
    def __init__(self, problem: Problem) -> None:
        self._problem = problem

    def fit(self, candidate: Candidate, fold: Fold, pace: Pace) -> Fitted | None:
        """Choose the penalty by the loss on the valid rows."""
        started = time.monotonic()
        problem = self._problem
        rows = some_rows(problem, fold, _MOST_ROWS)
        penalties: tuple[float, ...] = _PENALTIES
        if pace.rounds is not None or "penalty" in candidate.parameters:
            penalties = (pace.rate or candidate.parameters["penalty"],)
        scale = None
        if problem.kind == "regression":
            scale = TargetScale.of(problem.labels[rows], logarithm=candidate.logarithm)
        found = path(problem, problem.inputs.dense[rows], rows, penalties, pace, scale)
        valid = problem.inputs.take(fold.valid)
        best: tuple[float, int, Network] | None = None
        for number, layer in enumerate(found):
            model = Network([layer], problem.classes, scale)
            loss = problem.metric.loss(problem.labels[fold.valid], model.predict(valid))
            if best is None or loss < best[0]:
                best = loss, number, model
        if best is None:
            return None
        _, number, model = best
        rate = penalties[number]
        return finished(problem, fold, pace, model, rounds=1, rate=rate, started=started)
