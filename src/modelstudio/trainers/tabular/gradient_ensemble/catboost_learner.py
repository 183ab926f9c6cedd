"""Fits CatBoost."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import catboost

from modelstudio.trainers.tabular.gradient_ensemble.finishing import finished
from modelstudio.trainers.tabular.gradient_ensemble.inputs import catboost_features
from modelstudio.trainers.tabular.gradient_ensemble.served import Oblivious
from modelstudio.trainers.tabular.gradient_ensemble.targets import TargetScale
from modelstudio.trainers.tabular.gradient_ensemble.watch import Watch, patience_of

if TYPE_CHECKING:
    import numpy as np

    from modelstudio.trainers.tabular.gradient_ensemble.problem import (
        Candidate,
        Fitted,
        Fold,
        Pace,
        Problem,
    )

    Array = np.ndarray[Any, Any]

_RATE = 0.06
_MOST_ROUNDS = 5_000
_NEED = 22.0
_LOSSES = {
    "mean_absolute_error": "MAE",
    "median_absolute_error": "MAE",
    "symmetric_mean_absolute_percentage_error": "MAE",
    "mean_absolute_percentage_error": "MAPE",
}

_SHOWN = {"AUC": "roc_auc", "Logloss": "log_loss", "MultiClass": "log_loss"}


class _Follower:
    def __init__(self, watch: Watch, metric: str) -> None:
        self._watch = watch
        self._metric = metric

    def after_iteration(self, info: Any) -> bool:
        value = info.metrics["validation"][self._metric][-1]
        loss = -value if self._metric == "AUC" else value
        return self._watch.see(info.iteration, loss, value) == "go on"


class CatBoostLearner:
    """``need`` is the learning rate times the rounds that the table took so far."""

    def __init__(self, problem: Problem) -> None:
        self._problem = problem
        self.need = _NEED

    def fit(self, candidate: Candidate, fold: Fold, pace: Pace) -> Fitted | None:
        """Boost until the loss on the valid rows has stopped falling, or the time is over."""
        started = time.monotonic()
        problem = self._problem
        scale = None
        labels = problem.labels
        if problem.kind == "regression":
            scale = TargetScale.of(labels[fold.train], logarithm=candidate.logarithm)
            labels = scale.learned(labels)
        pools = self._pool(fold.train, labels), self._pool(fold.valid, labels)
        rate = pace.rate or candidate.parameters.get("learning_rate", _RATE)
        watch, model = self._boost(candidate, fold, pace, rate, pools, fixed=bool(pace.rate))
        if watch.faster is not None:
            rate = watch.faster
            watch, model = self._boost(candidate, fold, pace, rate, pools, fixed=True)
        if not watch.best_rounds:
            return None
        if not watch.was_cut and pace.rounds is None:
            self.need = 0.5 * self.need + 0.5 * max(watch.best_rounds * rate * 1.2, 2.0)
        model.shrink(watch.best_rounds)
        return finished(
            problem,
            fold,
            pace,
            Oblivious(model, problem.classes, scale),
            rounds=watch.best_rounds,
            rate=rate,
            started=started,
            was_cut=watch.was_cut,
            curve_metric=_SHOWN.get(self._loss(fold)[1], "loss"),
            curve=watch.curve,
        )

    def _pool(self, rows: Array, labels: Array) -> catboost.Pool:
        inputs = self._problem.inputs
        return catboost.Pool(
            catboost_features(inputs.matrix[rows], inputs.categories),
            label=labels[rows],
            thread_count=self._problem.threads,
        )

    def _boost(
        self,
        candidate: Candidate,
        fold: Fold,
        pace: Pace,
        rate: float,
        pools: tuple[catboost.Pool, catboost.Pool],
        *,
        fixed: bool,
    ) -> tuple[Watch, catboost.CatBoost]:
        problem = self._problem
        loss, metric = self._loss(fold)
        chosen = {k: v for k, v in candidate.parameters.items() if k != "rounds"}
        if problem.kind == "multiclass":
            chosen["classes_count"] = problem.classes
        watch = Watch(pace, rate, self.need, patience_of(rate), fixed=fixed)
        model = catboost.CatBoost(
            {
                **chosen,
                "loss_function": loss,
                "eval_metric": metric,
                "learning_rate": rate,
                "iterations": pace.rounds or candidate.parameters.get("rounds", _MOST_ROUNDS),
                "random_seed": problem.seed * 1009 + fold.number,
                "thread_count": problem.threads,
                "use_best_model": False,
                "allow_writing_files": False,
                "logging_level": "Silent",
            }
        )
        model.fit(pools[0], eval_set=pools[1], callbacks=[_Follower(watch, metric)])
        return watch, model

    def _loss(self, fold: Fold) -> tuple[str, str]:
        problem = self._problem
        if problem.kind == "binary":
            ranked = problem.metric.criterion == "roc_auc" and problem.ranks(fold)
            return "Logloss", "AUC" if ranked else "Logloss"
        if problem.kind == "multiclass":
            return "MultiClass", "MultiClass"
        loss = _LOSSES.get(problem.metric.criterion, "RMSE")
        return loss, loss
