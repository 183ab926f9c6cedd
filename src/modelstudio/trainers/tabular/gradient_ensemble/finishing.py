"""What every learner does with a trained model: judge it on the fold's valid rows."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from modelstudio.trainers.tabular.gradient_ensemble.problem import Fitted, thinned
from modelstudio.trainers.tabular.gradient_ensemble.served import corrected
from modelstudio.trainers.tabular.gradient_ensemble.targets import smearing_factor

if TYPE_CHECKING:
    from modelstudio.trainers.tabular.gradient_ensemble.problem import Fold, Pace, Problem
    from modelstudio.trainers.tabular.gradient_ensemble.served import Served

#: Metrics for which the mean is the best answer; the median is for the others.
_MEANS = frozenset({"root_mean_squared_error", "mean_squared_error", "r2"})


def finished(
    problem: Problem,
    fold: Fold,
    pace: Pace,
    model: Served,
    *,
    rounds: int,
    rate: float,
    started: float,
    was_cut: bool = False,
    curve_metric: str = "loss",
    curve: list[tuple[int, float]] | None = None,
) -> Fitted:
    """Return the model with its predictions of the fold's valid rows."""
    predictions = model.predict(problem.inputs.take(fold.valid), problem.threads)
    factor = 1.0
    if model.scale is not None and model.scale.logarithm and problem.metric.criterion in _MEANS:
        factor = pace.factor or smearing_factor(problem.labels[fold.valid], predictions)
        corrected(model, factor)
        predictions = model.predict(problem.inputs.take(fold.valid), problem.threads)
    return Fitted(
        model=model,
        rounds=rounds,
        rate=rate,
        seconds=time.monotonic() - started,
        predictions=predictions,
        was_cut=was_cut,
        factor=factor,
        curve_metric=curve_metric,
        curve=thinned(curve or []),
    )
