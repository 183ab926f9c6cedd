"""Loads a trained ensemble and answers tables and single rows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np
import pandas as pd

from modelstudio.trainers.tabular.gradient_ensemble import packaging
from modelstudio.trainers.tabular.manifest import Manifest
from modelstudio.trainers.tabular.preparation import Counts, Preparation

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from modelstudio.trainers.tabular.gradient_ensemble.model import EnsembleModel

_BATCH = 50_000


class GradientEnsembleModel:
    """What the gradient ensemble trainers left; see ``base.RowPredictor``.

    Attributes
    ----------
    notes
        What the last call could not take as it was, in plain sentences.
    """

    row_wise: ClassVar[bool] = True

    def __init__(
        self,
        model: EnsembleModel,
        labels: Sequence[Any],
        preparation: Preparation,
        manifest: Manifest,
    ) -> None:
        self._model = model
        self._labels = list(labels)
        self._label_array = pd.Series(self._labels).to_numpy()
        self._preparation = preparation
        self._manifest = manifest
        self.notes: list[str] = []

    @classmethod
    def load(cls, model_dir: Path) -> Self:
        model, labels = packaging.load(model_dir)
        return cls(
            model,
            labels,
            Preparation.load(model_dir / packaging.PREPARATION_FILE),
            Manifest.load(model_dir / packaging.MANIFEST_FILE),
        )

    def predict(self, frame: pd.DataFrame) -> pd.DataFrame:
        """Return the prediction column, then the probability columns, with the frame's index.

        Raises
        ------
        KeyError
            With the name of a required column that is absent.
        ValueError
            When a column is there several times; the message names it.
        """
        counts = Counts()
        parts = [
            self._predict(frame.iloc[start : start + _BATCH], counts)
            for start in range(0, max(len(frame), 1), _BATCH)
        ]
        self.notes = counts.notes()
        return parts[0] if len(parts) == 1 else pd.concat(parts)

    def _predict(self, frame: pd.DataFrame, counts: Counts) -> pd.DataFrame:
        matrix = self._preparation.matrix(frame, counts)
        name = self._manifest.prediction_column
        if not len(matrix):
            empty = np.zeros((0, max(self._model.classes, 1)))
            answers = empty[:, 0] if self._model.classes == 1 else empty
        else:
            answers = self._model.predict(self._model.inputs(matrix))
        if self._model.classes == 1:
            return pd.DataFrame({name: answers}, index=frame.index)
        columns = {name: self._label_array[self._model.decide(answers)]}
        for column, position in self._manifest.probability_columns.items():
            columns[column] = answers[:, position]
        return pd.DataFrame(columns, index=frame.index)

    def predict_row(self, row: Mapping[str, Any]) -> dict[str, Any]:
        """Return the outputs of one row of plain values; see ``base.RowPredictor``.

        Raises as ``predict`` does.
        """
        matrix = self._preparation.row(row).reshape(1, -1)
        self.notes = self._preparation.notes_of_row(row)
        answers = self._model.predict(self._model.inputs(matrix, is_row=True))
        name = self._manifest.prediction_column
        if self._model.classes == 1:
            return {name: float(answers[0])}
        result = {name: self._labels[int(self._model.decide(answers)[0])]}
        for column, position in self._manifest.probability_columns.items():
            result[column] = float(answers[0, position])
        return result
