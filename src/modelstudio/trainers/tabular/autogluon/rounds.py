"""Reports the boosting rounds of a model while it is fitted.

AutoGluon has no way to give the libraries below it a callback of ours, so their training functions
are replaced while a fit runs.
"""

from __future__ import annotations

from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any

import catboost
import lightgbm
import xgboost.sklearn
from xgboost.callback import TrainingCallback

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from modelstudio.trainers.base import Reporter

# A round is reported when it is this many times as late as the last one: 50 points in 10,000.
_SPACING = 1.2


class Rounds:
    """Where the rounds of the model that is being fitted are reported.

    Of a bagged model, the first fold's rounds are.
    """

    def __init__(self, reporter: Reporter) -> None:
        self._reporter = reporter
        self._model: str | None = None
        self._next = 1.0

    def begin(self, model: str | None) -> None:
        """Name the model whose rounds follow; None for one that is not reported."""
        self._model = model
        self._next = 1.0

    def point(self, metric: str, value: float, step: int) -> None:
        if self._model is not None and step >= self._next:
            self._next = step * _SPACING
            self._reporter.metric(f"models/{self._model}/rounds/{metric}", float(value), step)


class _XgboostRounds(TrainingCallback):
    def __init__(self, rounds: Rounds) -> None:
        super().__init__()
        self._rounds = rounds

    def after_iteration(self, model: Any, epoch: int, evals_log: Any) -> bool:  # noqa: ARG002
        for metrics in list(evals_log.values())[-1:]:
            for metric, values in list(metrics.items())[-1:]:
                self._rounds.point(metric, values[-1], epoch + 1)
        return False


class _CatboostRounds:
    def __init__(self, rounds: Rounds) -> None:
        self._rounds = rounds

    def after_iteration(self, info: Any) -> bool:
        metrics = (info.metrics or {}).get("validation", {})
        for metric, values in list(metrics.items())[-1:]:
            self._rounds.point(metric, values[-1], info.iteration)
        return True


@contextmanager
def reported_rounds(rounds: Rounds) -> Iterator[None]:
    """Report the validation score after rounds of LightGBM, XGBoost and CatBoost."""

    def lightgbm_round(env: Any) -> None:
        for _, metric, value, *_ in (env.evaluation_result_list or [])[:1]:
            rounds.point(metric, value, env.iteration + 1)

    replaced = [
        (lightgbm, "train", lightgbm_round),
        (xgboost.sklearn, "train", _XgboostRounds(rounds)),
        (catboost.CatBoostClassifier, "fit", _CatboostRounds(rounds)),
        (catboost.CatBoostRegressor, "fit", _CatboostRounds(rounds)),
    ]
    with ExitStack() as stack:
        for owner, name, callback in replaced:
            function = getattr(owner, name)
            stack.callback(setattr, owner, name, function)
            setattr(owner, name, _with(function, callback))
        yield


def _with(function: Callable[..., Any], callback: Any) -> Callable[..., Any]:
    def call(*args: Any, **kwargs: Any) -> Any:
        kwargs["callbacks"] = [*(kwargs.get("callbacks") or []), callback]
        return function(*args, **kwargs)

    return call
