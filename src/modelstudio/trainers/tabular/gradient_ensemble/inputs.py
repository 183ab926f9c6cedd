"""Prepared rows in the forms that the models read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import catboost
import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from modelstudio.trainers.tabular.gradient_ensemble.dense import DenseEncoder

    Array = np.ndarray[Any, Any]

_MISSING = b"-"
_LARGEST = float(np.finfo(np.float32).max)


class Inputs:
    """Rows of a feature matrix, with what models of different kinds make of it, each made once.

    Attributes
    ----------
    matrix
        ``float64`` of shape (rows, features); NaN is missing, categories are codes.
    is_row
        Whether it is a single row, to be answered fast.
    """

    def __init__(
        self,
        matrix: Array,
        categories: Sequence[int],
        encoder: DenseEncoder,
        *,
        is_row: bool = False,
    ) -> None:
        self.matrix = matrix
        self.categories = categories
        self.encoder = encoder
        self.is_row = is_row
        self._dense: Array | None = None
        self._catboost: Any = None

    @property
    def dense(self) -> Array:
        if self._dense is None:
            self._dense = self.encoder.encode(self.matrix)
        return self._dense

    def catboost_features(self) -> Any:
        if self._catboost is None:
            self._catboost = catboost_features(self.matrix, self.categories)
        return self._catboost

    def take(self, rows: Array) -> Inputs:
        """Return the rows at these positions; forms that exist are cut, not made again."""
        taken = Inputs(self.matrix[rows], self.categories, self.encoder)
        if self._dense is not None:
            taken._dense = self._dense[rows]
        return taken


def catboost_features(matrix: Array, categories: Sequence[int]) -> Any:
    """Return CatBoost's own form of a matrix: ``float32`` numbers, categories as bytes."""
    chosen = set(categories)
    numbers = [i for i in range(matrix.shape[1]) if i not in chosen]
    texts = None
    if categories:
        texts = np.empty((len(matrix), len(categories)), dtype=object)
        for position, feature in enumerate(categories):
            texts[:, position] = _texts(matrix[:, feature])
    return catboost.FeaturesData(
        num_feature_data=_float32(matrix[:, numbers]) if numbers else None,
        cat_feature_data=texts,
    )


def _float32(values: Array) -> Array:
    narrow: Array = np.clip(values, -_LARGEST, _LARGEST).astype(np.float32)
    return narrow


def _texts(codes: Array) -> Array:
    """Return codes as text, so that CatBoost hashes the same in every way it is called."""
    if len(codes) == 1:
        code = codes[0]
        return np.array([_MISSING if code != code else b"%d" % int(code)], dtype=object)  # noqa: PLR0124
    known = ~np.isnan(codes)
    whole = np.where(known, codes, 0).astype(np.int64)
    lowest = int(whole.min(initial=0))
    names = [b"%d" % code for code in range(lowest, int(whole.max(initial=0)) + 1)]
    texts: Array = np.array(names, dtype=object)[whole - lowest]
    texts[~known] = _MISSING
    return texts
