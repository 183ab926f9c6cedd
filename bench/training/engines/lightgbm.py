"""LightGBM with its default parameters: what a few lines give."""

from __future__ import annotations

from typing import TYPE_CHECKING

import lightgbm
import numpy as np
from bench.training.engines import frames

if TYPE_CHECKING:
    from collections.abc import Callable

    import pandas as pd
    from bench.training.engines import Numbers, Problem


class LightgbmEngine:
    version = f"lightgbm {lightgbm.__version__}"

    def fit(self, problem: Problem) -> None:
        raw = problem.train.drop(columns=problem.target)
        self._dates = frames.Dates(raw)
        features = self._parts(raw)
        self._categories = frames.Categories(features)
        regression = problem.task == "regression"
        kind = lightgbm.LGBMRegressor if regression else lightgbm.LGBMClassifier
        self._model = kind(n_jobs=1, random_state=problem.seed, verbose=-1)
        self._model.fit(self._categories(features), problem.train[problem.target])
        self._regression = regression
        if not regression and list(self._model.classes_) != list(problem.classes):
            raise ValueError("the classes are in another order")

    def _parts(self, features: pd.DataFrame) -> pd.DataFrame:
        return frames.with_date_parts(self._dates(features))

    def predict(self, features: pd.DataFrame) -> Numbers:
        prepared = self._categories(self._parts(features))
        call = self._model.predict if self._regression else self._model.predict_proba
        return np.asarray(call(prepared))

    def one_row(self, features: pd.DataFrame) -> Callable[[int], object]:
        return lambda row: self.predict(features.iloc[[row]])

    def size_bytes(self) -> int:
        return frames.pickled_bytes(self._model)
