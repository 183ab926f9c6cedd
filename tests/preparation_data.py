"""Preparations of small columns, and what was done with them, for tests."""

from __future__ import annotations

import pandas as pd

from modelstudio.trainers.tabular.preparation import Preparation


def fit(seed=0, **columns):
    """Fit on columns of strings, or of what their values are."""
    frame = pd.DataFrame(
        {name: pd.Series(list(values), dtype=object) for name, values in columns.items()}
    ).infer_objects()
    types = {"i": "LONG", "f": "DOUBLE", "b": "BOOLEAN", "M": "TIMESTAMP", "O": "STRING"}
    column_types = {name: types[frame[name].dtype.kind] for name in frame}
    return Preparation.fit(frame, column_types, reserved=["target"], seed=seed)


def parts(preparation):
    return {feature.part for feature in preparation.features}


def treatment(preparation, column="x"):
    return preparation.actions().set_index("column").loc[column, "treatment"]


def notes(preparation, column="x"):
    return preparation.actions().set_index("column").loc[column, "notes"]


def days(text):
    return float((pd.Timestamp(text) - pd.Timestamp(0)) / pd.Timedelta(days=1))
