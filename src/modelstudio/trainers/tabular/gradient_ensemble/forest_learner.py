"""Fits random forests: trees that differ by luck and are averaged, so that they do not overfit.

Breiman: Random forests, Machine Learning 45, 2001.
"""

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING, Any

import lightgbm
import numpy as np
from lightgbm.callback import EarlyStopException

from modelstudio.trainers.tabular.gradient_ensemble.finishing import finished
from modelstudio.trainers.tabular.gradient_ensemble.metrics import log_loss
from modelstudio.trainers.tabular.gradient_ensemble.served import Forest
from modelstudio.trainers.tabular.gradient_ensemble.targets import TargetScale

if TYPE_CHECKING:
    from modelstudio.trainers.tabular.gradient_ensemble.binned import BinnedRows
    from modelstudio.trainers.tabular.gradient_ensemble.problem import (
        Candidate,
        Fitted,
        Fold,
        Pace,
        Problem,
    )

_TREES, _FEWEST_TREES = 150, 20
_SHARPNESS = (1.0, 1.25, 1.5, 2.0, 2.5, 3.0)
_LEAVES = re.compile(r"^num_leaves=(\d+)", re.MULTILINE)
_USUAL: dict[str, Any] = {
    "num_leaves": 512,
    "min_data_in_leaf": 2,
    "min_sum_hessian_in_leaf": 0.0,
    "bagging_fraction": 0.632,
    "bagging_freq": 1,
    "cat_smooth": 5.0,
    "min_data_per_group": 5,
    "cat_l2": 0.0,  # it would draw the shares in leaves towards equal ones
}


class ForestLearner:
    def __init__(self, problem: Problem, rows: BinnedRows) -> None:
        self._problem = problem
        self._rows = rows

    def fit(self, candidate: Candidate, fold: Fold, pace: Pace) -> Fitted | None:
        """Grow the trees, fewer when the time is over."""
        started = time.monotonic()
        problem = self._problem
        train, _ = self._rows.subsets(fold)
        scale = None
        if problem.kind == "regression":
            labels = problem.labels[fold.train]
            scale = TargetScale.of(labels, logarithm=candidate.logarithm)
            train.set_label(scale.learned(labels))
        chosen = {k: v for k, v in candidate.parameters.items() if k != "trees"}
        grown = 0

        def follow(state: Any) -> None:
            nonlocal grown
            grown = state.iteration + 1
            if pace.is_over:
                raise EarlyStopException(state.iteration, [])

        trees = int(pace.rounds or candidate.parameters.get("trees", _TREES))
        booster = lightgbm.train(
            {**self._parameters(fold), **chosen}, train, trees, callbacks=[follow]
        )
        if grown < min(_FEWEST_TREES, trees):
            return None
        leaves = sum(map(int, _LEAVES.findall(booster.model_to_string())))
        booster.params = {"num_leaves": leaves / (grown * problem.width)}
        model = Forest(booster, grown, problem.classes, scale)
        if scale is None:
            model.sharpness = self._sharpness(model, fold, pace)
        return finished(
            problem,
            fold,
            pace,
            model,
            rounds=grown,
            rate=model.sharpness,
            started=started,
            was_cut=grown < trees,
        )

    def _sharpness(self, model: Forest, fold: Fold, pace: Pace) -> float:
        """Return the power with the lowest log loss on the valid rows, or what others found."""
        if pace.rounds is not None and pace.rate is not None:
            return pace.rate
        valid, labels = self._problem.inputs.take(fold.valid), self._problem.labels[fold.valid]
        losses = []
        for power in _SHARPNESS:
            model.sharpness = power
            losses.append(log_loss(labels, model.predict(valid)))
        return _SHARPNESS[int(np.argmin(losses))]

    def _parameters(self, fold: Fold) -> dict[str, Any]:
        problem = self._problem
        objective: dict[str, Any] = {"objective": "regression"}
        if problem.kind != "regression":
            objective = self._rows.classification
        # From 0 and not from the average, the leaves are shares of the classes on a known scale.
        fixed = {**self._rows.parameters, "boosting": "rf", "boost_from_average": False}
        return {**objective, **_USUAL, **fixed, "seed": problem.seed * 1009 + fold.number}
