"""FLAML, in an environment of its own: it and the project may want other versions."""

from __future__ import annotations

from typing import TYPE_CHECKING

import flaml
import numpy as np
from bench.training.engines import frames

if TYPE_CHECKING:
    from collections.abc import Callable

    import pandas as pd
    from bench.training.engines import Numbers, Problem

_METRICS = {"binary": "roc_auc", "multiclass": "log_loss", "regression": "rmse"}


class FlamlEngine:
    version = f"flaml {flaml.__version__}"

    def fit(self, problem: Problem) -> None:
        raw = problem.train.drop(columns=problem.target)
        self._dates = frames.Dates(raw)
        features = self._dates(raw)
        self._categories = frames.Categories(features)
        self._regression = problem.task == "regression"
        self._model = flaml.AutoML()
        self._model.fit(
            X_train=self._categories(features),
            y_train=problem.train[problem.target],
            task="regression" if self._regression else "classification",
            metric=_METRICS[problem.task],
            time_budget=problem.budget,
            n_jobs=1,
            seed=problem.seed,
            verbose=0,
            log_file_name="",
        )
        if not self._regression and list(self._model.classes_) != list(problem.classes):
            raise ValueError("the classes are in another order")

    def predict(self, features: pd.DataFrame) -> Numbers:
        prepared = self._categories(self._dates(features))
        call = self._model.predict if self._regression else self._model.predict_proba
        return np.asarray(call(prepared))

    def one_row(self, features: pd.DataFrame) -> Callable[[int], object]:
        return lambda row: self.predict(features.iloc[[row]])

    def size_bytes(self) -> int:
        return frames.pickled_bytes(self._model.model)
