"""Fits LightGBM."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import lightgbm
import numpy as np
from lightgbm.callback import EarlyStopException

from modelstudio.trainers.tabular.gradient_ensemble.finishing import finished
from modelstudio.trainers.tabular.gradient_ensemble.served import Booster
from modelstudio.trainers.tabular.gradient_ensemble.targets import TargetScale, is_too_fine
from modelstudio.trainers.tabular.gradient_ensemble.watch import (
    FASTEST,
    Watch,
    patience_of,
)

if TYPE_CHECKING:
    from modelstudio.trainers.tabular.gradient_ensemble.binned import BinnedRows
    from modelstudio.trainers.tabular.gradient_ensemble.problem import (
        Candidate,
        Fitted,
        Fold,
        Pace,
        Problem,
    )

    Array = np.ndarray[Any, Any]

_RATE = 0.05
#: More trees of 31 leaves would answer too slowly; a table that needs more gets a higher rate.
_MOST_ROUNDS = 2_000
#: A round is a tree for each class. A model with more trees than these would be too costly to be
#: delivered, however good it is.
_MOST_TREES = 4_000
_USUAL_LEAVES = 31
_UNFINISHED = 0.95
_NEED = 14.0
_OBJECTIVES = {
    "mean_absolute_error": "regression_l1",
    "median_absolute_error": "regression_l1",
    "symmetric_mean_absolute_percentage_error": "regression_l1",
    "mean_absolute_percentage_error": "mape",
}
_STOPPING = {"roc_auc": "auc", "average_precision": "average_precision"}
_HIGHER = frozenset({"auc", "average_precision"})


class LightGbmLearner:
    """Boosts trees.

    ``need`` is the learning rate times the rounds that the table took so far.
    """

    def __init__(self, problem: Problem, rows: BinnedRows) -> None:
        self._problem = problem
        self._rows = rows
        self._is_too_fine = problem.kind == "regression" and is_too_fine(problem.labels)
        self.need = _NEED

    def fit(self, candidate: Candidate, fold: Fold, pace: Pace) -> Fitted | None:
        """Boost until the loss on the valid rows has stopped falling, or the time is over."""
        started = time.monotonic()
        rate = pace.rate or self._rate(candidate)
        watch, booster, scale = self._boost(candidate, fold, pace, rate, fixed=bool(pace.rate))
        if watch.faster is not None:
            rate = watch.faster
            watch, booster, scale = self._boost(candidate, fold, pace, rate, fixed=True)
        if not watch.best_rounds:
            return None
        self._learn_need(watch, rate, candidate, pace)
        booster.params = {"num_leaves": candidate.parameters.get("num_leaves", 31)}
        model = Booster(booster, watch.best_rounds, self._problem.classes, scale)
        fitted = finished(
            self._problem,
            fold,
            pace,
            model,
            rounds=watch.best_rounds,
            rate=rate,
            started=started,
            was_cut=watch.was_cut,
            curve_metric=_shown(self._metric(fold)),
            curve=watch.curve,
        )
        fitted.is_unfinished = (
            "rounds" not in candidate.parameters
            and watch.best_rounds >= _UNFINISHED * self._most_rounds(candidate)
        )
        return fitted

    def _rate(self, candidate: Candidate) -> float:
        rate = float(candidate.parameters.get("learning_rate", _RATE))
        if "rounds" in candidate.parameters:
            return rate
        return max(rate, min(self.need / self._most_rounds(candidate), FASTEST))

    def _most_rounds(self, candidate: Candidate) -> int:
        leaves = max(candidate.parameters.get("num_leaves", _USUAL_LEAVES), _USUAL_LEAVES)
        usual = min(_MOST_ROUNDS, _MOST_TREES // self._problem.width)
        usual = max(int(usual * (_USUAL_LEAVES / leaves) ** 0.5), 1)
        return int(candidate.parameters.get("rounds", usual))

    def _learn_need(self, watch: Watch, rate: float, candidate: Candidate, pace: Pace) -> None:
        if pace.rounds is not None or "rounds" in candidate.parameters:
            return
        used = watch.best_rounds * rate
        if watch.best_rounds >= _UNFINISHED * self._most_rounds(candidate):
            self.need = max(self.need, 1.5 * used)
        elif not watch.was_cut:
            self.need = 0.5 * self.need + 0.5 * max(1.2 * used, 2.0)

    def _boost(
        self, candidate: Candidate, fold: Fold, pace: Pace, rate: float, *, fixed: bool
    ) -> tuple[Watch, lightgbm.Booster, TargetScale | None]:
        problem = self._problem
        metric = self._metric(fold)
        train, valid = self._rows.subsets(fold)
        scale = None
        if problem.kind == "regression":
            scale = TargetScale.of(
                problem.labels[fold.train],
                logarithm=candidate.logarithm,
                standard=self._is_too_fine,
            )
            learned = scale.learned(problem.labels)
            train.set_label(learned[fold.train])
            valid.set_label(learned[fold.valid])
        watch = Watch(pace, rate, self.need, patience_of(rate), fixed=fixed)

        def follow(environment: Any) -> None:
            (_, _, value, higher, *_), *_ = environment.evaluation_result_list
            rounds = environment.iteration + 1
            if watch.see(rounds, -value if higher else value, value) != "go on":
                raise EarlyStopException(watch.best_rounds, [])

        booster = lightgbm.train(
            {**self._parameters(candidate, fold), "learning_rate": rate, "metric": metric},
            train,
            num_boost_round=pace.rounds or self._most_rounds(candidate),
            valid_sets=[valid],
            callbacks=[follow],
        )
        return watch, booster, scale

    def _parameters(self, candidate: Candidate, fold: Fold) -> dict[str, Any]:
        problem = self._problem
        if problem.kind != "regression":
            objective = self._rows.classification
        else:
            name = _OBJECTIVES.get(problem.metric.criterion, "regression")
            plain = candidate.logarithm or self._is_too_fine or np.any(problem.labels == 0)
            objective = {"objective": "regression_l1" if name == "mape" and plain else name}
        chosen = {k: v for k, v in candidate.parameters.items() if k != "rounds"}
        seed = problem.seed * 1009 + fold.number
        return {**objective, **chosen, **self._rows.parameters, "seed": seed}

    def _metric(self, fold: Fold) -> str:
        problem = self._problem
        if problem.kind == "regression":
            return "l1" if problem.metric.criterion in _OBJECTIVES else "rmse"
        if problem.kind == "multiclass":
            return "multi_logloss"
        stopping = _STOPPING.get(problem.metric.criterion, "binary_logloss")
        return stopping if problem.ranks(fold) else "binary_logloss"


def _shown(metric: str) -> str:
    return {"binary_logloss": "log_loss", "multi_logloss": "log_loss", "auc": "roc_auc"}.get(
        metric, metric
    )
