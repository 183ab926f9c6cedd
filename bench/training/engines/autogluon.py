"""AutoGluon as its users call it."""

from __future__ import annotations

from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from autogluon.tabular import TabularPredictor
from bench.training.engines import frames

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import pandas as pd
    from bench.training.engines import Numbers, Problem

_METRICS = {
    "binary": "roc_auc",
    "multiclass": "log_loss",
    "regression": "root_mean_squared_error",
}


class AutogluonEngine:
    version = f"autogluon.tabular {version('autogluon.tabular')}"

    def __init__(self, presets: str, options: Mapping[str, Any]) -> None:
        self._presets = presets
        self._options = options

    def fit(self, problem: Problem) -> None:
        self._problem = problem
        self._dates = frames.Dates(problem.train)
        self._predictor = TabularPredictor(
            label=problem.target,
            problem_type=problem.task,
            eval_metric=_METRICS[problem.task],
            path=str(problem.scratch / "predictor"),
            learner_kwargs={"random_state": problem.seed},
        ).fit(
            self._dates(problem.train),
            presets=self._presets,
            time_limit=problem.budget,
            num_cpus=1,
            num_gpus=0,
            ag_args_ensemble={"fold_fitting_strategy": "sequential_local"},
            **self._options,
        )

    def predict(self, features: pd.DataFrame) -> Numbers:
        features = self._dates(features)
        if self._problem.task == "regression":
            numbers: Numbers = self._predictor.predict(features).to_numpy()
            return numbers
        shares = self._predictor.predict_proba(features)
        ordered: Numbers = shares[list(self._problem.classes)].to_numpy()
        return ordered

    def one_row(self, features: pd.DataFrame) -> Callable[[int], object]:
        self._predictor.persist()
        return lambda row: self.predict(features.iloc[[row]])

    def size_bytes(self) -> int:
        target = self._problem.scratch / "deployed"
        self._predictor.clone_for_deployment(path=str(target))
        return frames.folder_bytes(target)
