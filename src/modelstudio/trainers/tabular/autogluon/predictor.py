"""Loads a trained tabular model and predicts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

import pandas as pd
from autogluon.tabular import TabularPredictor

from modelstudio.trainers.tabular.autogluon.packaging import (
    MANIFEST_FILE,
    PREDICTOR_FOLDER,
    PREPARATION_FILE,
)
from modelstudio.trainers.tabular.manifest import Manifest
from modelstudio.trainers.tabular.preparation import Counts, Preparation

if TYPE_CHECKING:
    from pathlib import Path


class TabularModel:
    """A classifier or regressor that the tabular trainers left; see ``base.Predictor``.

    Attributes
    ----------
    notes
        What the last call of ``predict`` could not take as it was, in plain sentences.
    """

    row_wise = True

    def __init__(self, predictor: Any, preparation: Preparation, manifest: Manifest) -> None:
        self._predictor = predictor
        self._preparation = preparation
        self._manifest = manifest
        self.notes: list[str] = []

    @classmethod
    def load(cls, model_dir: Path) -> Self:
        predictor = TabularPredictor.load(str(model_dir / PREDICTOR_FOLDER), verbosity=0)
        predictor.persist()
        return cls(
            predictor,
            Preparation.load(model_dir / PREPARATION_FILE),
            Manifest.load(model_dir / MANIFEST_FILE),
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
        features = self._preparation.transform(frame, counts).reset_index(drop=True)
        self.notes = counts.notes()
        labels, probabilities = predict(self._predictor, features)
        columns = {self._manifest.prediction_column: labels.to_numpy()}
        for name, position in self._manifest.probability_columns.items():
            columns[name] = probabilities.iloc[:, position].to_numpy(dtype="float64")
        return pd.DataFrame(columns, index=frame.index)


def predict(predictor: Any, features: pd.DataFrame) -> tuple[pd.Series, pd.DataFrame]:
    """Return the predictions for prepared rows and, of a classifier, a probability column a class.

    The probabilities of a regressor are an empty table.
    """
    if predictor.problem_type == "regression":
        return predictor.predict(features).astype("float64"), pd.DataFrame(index=features.index)
    probabilities = predictor.predict_proba(features)
    return predictor.predict_from_proba(probabilities), probabilities
