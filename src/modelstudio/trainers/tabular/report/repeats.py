"""Held-out rows that are among the training rows too."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from modelstudio.trainers.tabular.report.measured import sample
from modelstudio.trainers.tabular.report.values import read_values

if TYPE_CHECKING:
    from modelstudio.trainers.tabular.report.measured import Measured
    from modelstudio.trainers.tabular.report.subject import Array

_MOST_CELLS = 10_000_000
_CELLS_A_SECOND = 8_000_000
_FEWEST_ROWS = 1_000
_MOST_HOLDOUT_ROWS = 10_000
_MULTIPLIER = np.uint64(0x100000001B3)


@dataclass(frozen=True, slots=True)
class Repeats:
    """What comes twice.

    Attributes
    ----------
    rows
        Held-out rows looked at.
    repeated
        Those whose features are those of a training row.
    agreeing
        Those of them whose target is that of such a training row as well.
    agreement
        Mean share of the training rows with a repeated row's features that have its target too.
        It is 1 for copies; rows that are alike by chance differ in the target now and then.
    """

    rows: int
    repeated: int
    agreeing: int
    agreement: float


def repeats(measured: Measured, seconds: float = math.inf) -> Repeats:
    """Compare a sample of held-out rows with all training rows, or as many as fit in the time."""
    columns = measured.subject.preparation.columns
    cells = int(min(_MOST_CELLS, max(seconds, 0) * _CELLS_A_SECOND))
    most = max(cells // max(len(columns), 1), _FEWEST_ROWS)
    training, holdout = measured.subject.training, measured.holdout
    learned = sample(len(training.labels), most, [measured.subject.seed, 3])
    asked = sample(len(holdout.labels), _MOST_HOLDOUT_ROWS, [measured.subject.seed, 4])
    codes = [np.zeros(len(rows), dtype="uint64") for rows in (learned, asked)]
    for column in columns:
        for position, (table, rows) in enumerate(((training, learned), (holdout, asked))):
            values = read_values(table.features[column.name].iloc[rows], column).data
            codes[position] = codes[position] * _MULTIPLIER ^ pd.util.hash_array(values)
    labels = [
        pd.util.hash_array(_plain(table.labels.iloc[rows]))
        for table, rows in ((training, learned), (holdout, asked))
    ]
    whole = [code * _MULTIPLIER ^ label for code, label in zip(codes, labels, strict=True)]
    alike = _counts(codes[1], codes[0])
    same = _counts(whole[1], whole[0])
    repeated = alike > 0
    agreement = float((same[repeated] / alike[repeated]).mean()) if repeated.any() else 0.0
    return Repeats(len(asked), int(repeated.sum()), int((same > 0).sum()), agreement)


def _counts(asked: Array, among: Array) -> Array:
    """Return how often each value occurs among others."""
    values, counts = np.unique(among, return_counts=True)
    where = np.searchsorted(values, asked).clip(0, len(values) - 1)
    return np.asarray(np.where(values[where] == asked, counts[where], 0))


def _plain(labels: pd.Series) -> Array:
    """Return the labels so that 1 and 1.0 are the same."""
    if pd.api.types.is_numeric_dtype(labels):
        return np.asarray(labels.to_numpy(dtype="float64"))
    return np.asarray(labels.astype(str).to_numpy(dtype=object))
