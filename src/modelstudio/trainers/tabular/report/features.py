"""Samples of the training and the held-out rows, column by column, for what looks at the data."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from modelstudio.trainers.tabular.report.measured import sample
from modelstudio.trainers.tabular.report.values import read_values

if TYPE_CHECKING:
    from collections.abc import Mapping

    from modelstudio.trainers.tabular.report.measured import Measured
    from modelstudio.trainers.tabular.report.subject import Array
    from modelstudio.trainers.tabular.report.values import Values

MOST_TRAINING_ROWS = 20_000
MOST_HOLDOUT_ROWS = 50_000
_FEWEST_ROWS = 1_000
_MOST_CELLS = 4_000_000
# About what is read, binned and counted in a second.
_CELLS_A_SECOND = 2_000_000


@dataclass(frozen=True, slots=True)
class Features:
    """The columns that the model uses, on the same sample of rows each.

    Attributes
    ----------
    training_rows, holdout_rows
        The positions of the sampled rows.
    training, holdout
        Column to its values in those rows.
    """

    training_rows: Array
    holdout_rows: Array
    training: Mapping[str, Values]
    holdout: Mapping[str, Values]

    @classmethod
    def of(cls, measured: Measured, seconds: float = math.inf) -> Features:
        """Read the columns; fewer rows of a table that is wide, and when there is little time."""
        subject, names = measured.subject, measured.subject.used_columns
        cells = int(min(_MOST_CELLS, max(seconds, 0) * _CELLS_A_SECOND))
        most = max(cells // max(len(names), 1), _FEWEST_ROWS)
        tables = (subject.training, measured.holdout)
        limits = (min(MOST_TRAINING_ROWS, most), min(MOST_HOLDOUT_ROWS, most))
        rows = [
            sample(len(table.labels), limit, [subject.seed, number])
            for number, (table, limit) in enumerate(zip(tables, limits, strict=True))
        ]
        training: dict[str, Values] = {}
        holdout: dict[str, Values] = {}
        for column in subject.preparation.columns:
            name = column.name
            training[name] = read_values(subject.training.features[name].iloc[rows[0]], column)
            holdout[name] = read_values(measured.holdout.features[name].iloc[rows[1]], column)
        return cls(rows[0], rows[1], training, holdout)
