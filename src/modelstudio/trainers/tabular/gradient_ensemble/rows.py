"""The rows of a run: those learned from, those it is measured on, as many as fit the limits."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from modelstudio.trainers.base import Reporter, TrainingTask
    from modelstudio.trainers.tabular.data import LabelledTable

    Array = np.ndarray[Any, Any]

_MEMORY_SHARE = 0.5
_BYTES_A_ROW, _BYTES_A_COLUMN = 2_000, 150


@dataclass(frozen=True, slots=True)
class Rows:
    """Attributes
    ----------
    learned
        All rows that some model may learn from.
    training, holdout
        What the report is about: rows learned from by the measured model, and others.
    held_out
        Positions of the holdout rows in ``learned``, when they are there.
    """  # noqa: D205

    learned: LabelledTable
    training: LabelledTable
    holdout: LabelledTable
    held_out: Array | None


def fitting_memory(table: LabelledTable, task: TrainingTask, reporter: Reporter) -> LabelledTable:
    """Return the table, or as many of its rows, chosen at random, as can be learned from at once.

    What a row takes is estimated from the number of its columns: the features in the forms of all
    libraries, and the copies of folds.
    """
    bytes_a_row = _BYTES_A_ROW + _BYTES_A_COLUMN * len(table.column_types)
    most = int(_MEMORY_SHARE * task.memory_bytes / bytes_a_row)
    rows = len(table.labels)
    if rows <= most:
        return table
    reporter.log(
        f"Learning from {most} of the {rows} rows, chosen at random: more would need more memory "
        f"than the {task.memory_bytes / 1e9:.1f} GB that the run may use",
        "WARNING",
    )
    source = np.random.default_rng(task.config["seed"])
    return table.take(np.sort(source.choice(rows, most, replace=False)))
