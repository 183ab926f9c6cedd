"""Makes a test table match the training table: its columns, and the way its labels are written."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from modelstudio.tables.identity import plain
from modelstudio.tables.readings import BooleanReading
from modelstudio.trainers.base import TrainingError
from modelstudio.trainers.tabular.preparation import Counts
from modelstudio.trainers.tabular.preparation.counting import shown
from modelstudio.trainers.tabular.preparation.reading import value_of
from modelstudio.trainers.tabular.targets import NUMERIC

if TYPE_CHECKING:
    from collections.abc import Sequence

    from modelstudio.trainers.base import Reporter
    from modelstudio.trainers.tabular.data import LabelledTable
    from modelstudio.trainers.tabular.preparation import Preparation
    from modelstudio.trainers.tabular.targets import Task

_NAMED = 10
_EXAMPLES = 3


def matched(
    test: LabelledTable, training: LabelledTable, task: Task, reporter: Reporter
) -> LabelledTable:
    """Return the test table with its labels written as in training: 1.0 as 1, "true" as True.

    Raises
    ------
    TrainingError
        When a model of the training table cannot be measured on it: columns are absent, or no label
        is one that training had.
    """
    absent = [name for name in training.column_types if name not in test.column_types]
    if absent:
        raise TrainingError(
            "The test dataset lacks columns of the training dataset: "
            + ", ".join(repr(name) for name in absent[:_NAMED])
        )
    if test.labels.empty:
        raise TrainingError(f"The target column {test.labels.name!r} of the test dataset is empty")
    return test if task == "regression" else _with_labels_of(test, training, reporter)


def check_values(preparation: Preparation, test: LabelledTable, reporter: Reporter) -> None:
    """Say which values of a test table are not what training took their columns for.

    Raises
    ------
    TrainingError
        When that is so of every value of a column.
    """
    counts = Counts()
    preparation.matrix(test.features, counts)
    for name, counted in counts.unreadable().items():
        raise TrainingError(
            f"In the test dataset: no value of column {name!r} can be read as "
            f"{preparation.taken_for(name)}, which it has in the training dataset, such as "
            f"{shown(counted.examples)}"
        )
    for note in counts.notes():
        reporter.log(f"In the test dataset: {note}", "WARNING")


def _with_labels_of(
    test: LabelledTable, training: LabelledTable, reporter: Reporter
) -> LabelledTable:
    target = test.labels.name
    codes, distinct = pd.factorize(test.labels)
    asked = distinct.tolist()
    found = _same(asked, pd.unique(training.labels).tolist())
    new = [label for label, same in zip(asked, found, strict=True) if same is None]
    types = (
        f"The target column {target!r} has type {test.label_type} in the test dataset and "
        f"{training.label_type} in the training dataset"
    )
    if len(new) == len(found):
        raise TrainingError(f"{types}, and none of its values ({_first(new)}) is one of training")
    _tell_of_new(test, new, reporter)
    otherwise = _otherwise(asked, found)
    if test.label_type != training.label_type:
        if {test.label_type, training.label_type} <= NUMERIC:
            return test
        what = types
    elif otherwise:
        what = f"The target column {target!r} has {otherwise} in the test dataset"
    else:
        return test
    reporter.log(f"{what}; its values are taken as those of training that are the same", "WARNING")
    values = np.empty(len(asked), dtype=object)
    values[:] = [
        str(label) if same is None else same for label, same in zip(asked, found, strict=True)
    ]
    series = pd.Series(values[codes], index=test.labels.index, name=target)
    if not new:
        series = series.astype(training.labels.dtype)
    return replace(test, labels=series, label_type=training.label_type)


def _first(labels: Sequence[Any]) -> str:
    return ", ".join(repr(label) for label in labels[:_EXAMPLES])


def _tell_of_new(test: LabelledTable, new: Sequence[Any], reporter: Reporter) -> None:
    """Tell of labels that training lacks, which no model can predict."""
    if new:
        rows = int(test.labels.isin(new).sum())
        reporter.log(
            f"{rows} of {len(test.labels)} rows of the test dataset have a value in the target "
            f"column {test.labels.name!r} that training does not have, such as {_first(new)}; no "
            "prediction of them is right",
            "WARNING",
        )


def _otherwise(asked: Sequence[Any], found: Sequence[Any]) -> str:
    """Return the first label that training writes otherwise, and how; empty when none is."""
    for label, same in zip(asked, found, strict=True):
        if same is not None and label != same:
            return f"{label!r} for {same!r}"
    return ""


def _same(asked: Sequence[Any], learned: Sequence[Any]) -> list[Any]:
    """Return for each label the one of training that is the same in whatever type, or None."""
    exact = {label: label for label in learned}
    known = {plain(str(label)): label for label in learned}
    words = BooleanReading()
    flags = {value_of(words, label): label for label in learned}
    if len(learned) != 2 or None in flags:  # noqa: PLR2004 - one for true, one for false
        flags = {}
    return [
        exact.get(label, known.get(plain(str(label).strip()), flags.get(value_of(words, label))))
        for label in asked
    ]
