"""Models with known behaviour, and the data they are reported on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from modelstudio.trainers.tabular.data import LabelledTable
from modelstudio.trainers.tabular.preparation import Preparation
from modelstudio.trainers.tabular.report import Predictions, Subject
from modelstudio.trainers.tabular.report.features import Features
from modelstudio.trainers.tabular.report.measured import Measured

if TYPE_CHECKING:
    from collections.abc import Callable

    import pandas as pd

TYPES = {"f": "DOUBLE", "i": "LONG", "O": "STRING", "M": "TIMESTAMP", "b": "BOOLEAN"}


def labelled(frame: pd.DataFrame, target: str) -> LabelledTable:
    features = frame.drop(columns=target)
    types = {name: TYPES[features[name].dtype.kind] for name in features}
    return LabelledTable(features, frame[target].rename(target), types, "STRING")


def prepared(table: LabelledTable) -> Preparation:
    return Preparation.fit(table.features, table.column_types, ["y"])


def regression(
    frame: pd.DataFrame,
    formula: Callable[[pd.DataFrame], Any],
    *,
    test: pd.DataFrame | None = None,
    **more: Any,
) -> Subject:
    """Return a model of ``y`` that answers with a formula; a fifth of the rows is held out."""
    training, holdout = (frame, test) if test is not None else split(frame)
    return Subject(
        objective="regression",
        predict=lambda rows: Predictions(np.asarray(formula(rows), dtype="float64")),
        training=labelled(training, "y"),
        holdout=labelled(holdout, "y"),
        classes=[],
        eval_metric="root_mean_squared_error",
        seed=3,
        preparation=prepared(labelled(training, "y")),
        **more,
    )


def classification(
    frame: pd.DataFrame,
    chance: Callable[[pd.DataFrame], Any],
    *,
    classes: tuple[Any, ...] = ("no", "yes"),
    test: pd.DataFrame | None = None,
    **more: Any,
) -> Subject:
    """Return a model of ``y`` whose formula gives the positive chance, or one for each class."""

    def predict(rows: pd.DataFrame) -> Predictions:
        found = np.asarray(chance(rows), dtype="float64")
        found = np.column_stack([1 - found, found]) if found.ndim == 1 else found
        return Predictions(np.array(classes, dtype=object)[found.argmax(axis=1)], found)

    training, holdout = (frame, test) if test is not None else split(frame)
    options = {"eval_metric": "log_loss", "seed": 3, **more}
    return Subject(
        objective="classification",
        predict=predict,
        training=labelled(training, "y"),
        holdout=labelled(holdout, "y"),
        classes=classes,
        preparation=prepared(labelled(training, "y")),
        **options,
    )


def split(frame: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    cut = len(frame) * 4 // 5
    return frame[:cut].reset_index(drop=True), frame[cut:].reset_index(drop=True)


def looked_at(subject: Subject) -> tuple[Measured, Features]:
    measured = Measured.of(subject)
    return measured, Features.of(measured)


def formula(rows: pd.DataFrame) -> pd.Series:
    bonus = rows["colour"].map({"red": 20.0, "green": 5.0, "blue": -20.0}).fillna(0.0)
    return rows["size"] + bonus + rows["at"].dt.hour
