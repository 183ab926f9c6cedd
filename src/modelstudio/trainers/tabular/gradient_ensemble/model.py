"""A weighted ensemble of trained models, as it answers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from modelstudio.trainers.tabular.gradient_ensemble.inputs import Inputs

if TYPE_CHECKING:
    from collections.abc import Sequence

    from modelstudio.trainers.tabular.gradient_ensemble.calibration import Calibration
    from modelstudio.trainers.tabular.gradient_ensemble.dense import DenseEncoder
    from modelstudio.trainers.tabular.gradient_ensemble.served import Served

    Array = np.ndarray[Any, Any]


@dataclass(frozen=True, slots=True)
class ServedMember:
    """Models of one candidate, whose mean counts with a weight."""

    name: str
    family: str
    weight: float
    models: Sequence[Served]

    def predict(self, inputs: Inputs, threads: int) -> Array:
        # In a fixed order: numpy's mean adds a row and a table in different ones.
        total = self.models[0].predict(inputs, threads)
        for model in self.models[1:]:
            total = total + model.predict(inputs, threads)
        mean: Array = total / len(self.models)
        return mean


@dataclass(frozen=True, slots=True)
class EnsembleModel:
    """Members, and what is done with their weighted mean.

    Attributes
    ----------
    classes
        Number of classes; 1 for regression.
    categories
        Positions of the categorical features in the matrix.
    multipliers
        Of each class's probability before the likeliest is chosen; None for regression.
    """

    members: Sequence[ServedMember]
    classes: int
    categories: Sequence[int]
    encoder: DenseEncoder
    calibration: Calibration
    multipliers: Array | None = None

    def inputs(self, matrix: Array, *, is_row: bool = False) -> Inputs:
        return Inputs(matrix, self.categories, self.encoder, is_row=is_row)

    def predict(self, inputs: Inputs, threads: int = 1) -> Array:
        """Return values (rows,) or probabilities (rows, classes); a row's are those it has alone.

        The sum of a row's probabilities is 1.
        """
        total = self.members[0].weight * self.members[0].predict(inputs, threads)
        for member in self.members[1:]:
            total = total + member.weight * member.predict(inputs, threads)
        if self.classes == 1:
            return total
        total = self.calibration.apply(total)
        if total.ndim == 1:
            return np.column_stack([1 - total, total])
        return total

    def decide(self, probabilities: Array) -> Array:
        """Return the position of the chosen class of each row."""
        if self.multipliers is not None:
            probabilities = probabilities * self.multipliers
        chosen: Array = probabilities.argmax(axis=1)
        return chosen
