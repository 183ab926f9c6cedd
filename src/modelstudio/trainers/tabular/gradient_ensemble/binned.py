"""A table in LightGBM's form, binned once for all its models; each fold is a subset of the bins."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import lightgbm

if TYPE_CHECKING:
    from modelstudio.trainers.tabular.gradient_ensemble.problem import Fold, Problem

_MOST_CACHED_FOLDS = 12


class BinnedRows:
    def __init__(self, problem: Problem) -> None:
        self._problem = problem
        self._binned: lightgbm.Dataset | None = None
        self._folds: dict[int, tuple[lightgbm.Dataset, lightgbm.Dataset]] = {}

    @property
    def parameters(self) -> dict[str, Any]:
        """What every model of these rows is fitted with."""
        return {
            "num_threads": self._problem.threads,
            "seed": self._problem.seed,
            "deterministic": True,
            "force_col_wise": True,
            "feature_pre_filter": False,
            "max_bin": 255,
            "verbosity": -1,
        }

    @property
    def classification(self) -> dict[str, Any]:
        """The objective of two classes, or of more."""
        if self._problem.kind == "binary":
            return {"objective": "binary"}
        return {"objective": "multiclass", "num_class": self._problem.classes}

    def subsets(self, fold: Fold) -> tuple[lightgbm.Dataset, lightgbm.Dataset]:
        """Return the rows to learn from and those to judge by.

        They are the same objects each time, so a numeric target is set before each fit.
        """
        if self._binned is None:
            self._binned = lightgbm.Dataset(
                self._problem.inputs.matrix,
                self._problem.labels,
                categorical_feature=list(self._problem.inputs.categories),
                params=self.parameters,
                free_raw_data=False,
            ).construct()
        if fold.number not in self._folds:
            if len(self._folds) >= _MOST_CACHED_FOLDS:
                self._folds.pop(next(iter(self._folds)))
            train, valid = (self._binned.subset(rows.tolist()) for rows in (fold.train, fold.valid))
            self._folds[fold.number] = (train.construct(), valid.construct())
        return self._folds[fold.number]
