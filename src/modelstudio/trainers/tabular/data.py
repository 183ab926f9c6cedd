"""Reads the input tables, checks the target, holds rows out."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from sklearn.model_selection import train_test_split

from modelstudio.tables.readings import UnknownReadingError, named
from modelstudio.trainers.base import TrainingError
from modelstudio.trainers.tabular import targets
from modelstudio.trainers.tabular.preparation.reading import Readings
from modelstudio.trainers.tabular.specification import TARGET_COLUMN
from modelstudio.trainers.targets import refuse_beyond_computing

if TYPE_CHECKING:
    from collections.abc import Mapping

    from modelstudio.trainers.base import InputTable, Reporter
    from modelstudio.trainers.tabular.targets import Task

    Rows = np.ndarray[tuple[Any, ...], np.dtype[Any]]


HOLDOUT_FRACTION = 0.2
MINIMUM_ROWS = 10
MAXIMUM_CLASSES = 1000
# The squares of smaller numbers are nothing in single precision.
_SMALLEST_TARGET = 1e-30

_NULLABLE: Mapping[str, pd.api.extensions.ExtensionDtype] = {
    "int8": pd.Int8Dtype(),
    "int16": pd.Int16Dtype(),
    "int32": pd.Int32Dtype(),
    "int64": pd.Int64Dtype(),
    "uint8": pd.UInt8Dtype(),
    "uint16": pd.UInt16Dtype(),
    "uint32": pd.UInt32Dtype(),
    "uint64": pd.UInt64Dtype(),
}


@dataclass(frozen=True, slots=True)
class LabelledTable:
    """Rows that have a target value.

    Attributes
    ----------
    features
        The other columns, as read.
    labels
        The target: strings, booleans, integers or floats, none missing; its name is the target's.
    column_types
        Feature to its dataset field type.
    label_type
        The target's dataset field type.
    left_out
        Rows of the table that have no target value.
    readings
        What is known of how the values of the columns were written.
    """

    features: pd.DataFrame
    labels: pd.Series
    column_types: Mapping[str, str]
    label_type: str
    left_out: int = 0
    readings: Readings = field(default_factory=Readings)

    def take(self, rows: Rows) -> LabelledTable:
        """Return the rows at these positions, numbered from 0."""
        return replace(
            self,
            features=self.features.iloc[rows].reset_index(drop=True),
            labels=self.labels.iloc[rows].reset_index(drop=True),
            left_out=0,
        )


def target_of(table: InputTable) -> str:
    """Return the target column that the user mapped."""
    mapped = list(table.column_mapping.get(TARGET_COLUMN, ()))
    if len(mapped) != 1:
        raise TrainingError("One column must be mapped as the target column")
    return mapped[0]


def read(
    table: InputTable,
    target: str,
    task: Task,
    role: str,
    reporter: Reporter,
    told: Mapping[str, str] | None = None,
) -> LabelledTable:
    """Read the rows of a table that have a target value; ``role`` names the table in messages.

    ``told`` has the names of the readings that the user asks for, by column.
    """
    if target not in table.column_types:
        raise TrainingError(f"The {role} dataset has no column {target!r}, the target column")
    label_type = table.column_types[target]
    told = _checked(told or {})
    # Without partitioning=None a folder named a=b on the way to the file would become a column.
    arrow = pq.read_table(table.path, partitioning=None)  # type: ignore[no-untyped-call]
    position = list(table.column_types).index(target)
    labels = targets.Target(target, label_type, role).read(
        arrow.column(position), task, told.get(target, ""), reporter
    )
    known = labels.is_valid()
    missing = labels.null_count
    if missing:
        reporter.log(
            f"Left out {missing} of {arrow.num_rows} rows of the {role} dataset, which have no "
            f"value in the target column {target!r}",
            "WARNING",
        )
    features = to_pandas(arrow.remove_column(position).filter(known))
    series = labels.filter(known).to_pandas().rename(target)
    if task == "regression":
        series = series.astype("float64")
        refuse_beyond_computing(series.to_numpy(), target, role)
    types = {name: kind for name, kind in table.column_types.items() if name != target}
    readings = Readings(table.readings, {name: told[name] for name in told if name in types})
    return LabelledTable(features, series, types, label_type, missing, readings)


def _checked(told: Mapping[str, str]) -> Mapping[str, str]:
    for column, name in told.items():
        try:
            named(name)
        except UnknownReadingError as error:
            raise TrainingError(f"The reading of column {column!r}: {error}") from error
    return told


def to_pandas(table: pa.Table) -> pd.DataFrame:
    """Return a table as trainers read it: integers stay integers where values are missing.

    As floats, identifiers beyond 2^53 that differ would become one, and 101 would become 101.0.
    """
    frame = table.to_pandas(date_as_object=False)
    for name, column in zip(table.column_names, table.columns, strict=True):
        if pa.types.is_integer(column.type) and column.null_count:
            nullable = _NULLABLE[str(column.type)]
            frame[name] = column.to_pandas(types_mapper={column.type: nullable}.get)
    return frame


def check_labels(table: LabelledTable, task: Task) -> None:
    """Refuse a training table from which nothing can be learned."""
    target, rows = table.labels.name, len(table.labels)
    if rows == 0:
        raise TrainingError(f"The target column {target!r} has no values")
    if rows < MINIMUM_ROWS:
        raise TrainingError(
            f"The training dataset has {rows} rows with a value in the target column {target!r}; "
            f"at least {MINIMUM_ROWS} are needed"
        )
    counts = table.labels.value_counts()
    if len(counts) == 1:
        raise TrainingError(
            f"The target column {target!r} has the same value in every row: "
            f"{_shown(counts.index[0])}; at least two are needed"
        )
    if task == "regression":
        largest = float(np.abs(table.labels.to_numpy(dtype="float64")).max(initial=0))
        if largest < _SMALLEST_TARGET:
            raise TrainingError(
                f"The target column {target!r} has no number larger than {largest:.3g}; multiply "
                "all by a constant"
            )
        return
    if len(counts) > MAXIMUM_CLASSES:
        hint = "; predict a number with regression" if table.label_type in targets.NUMERIC else ""
        raise TrainingError(
            f"The target column {target!r} has {len(counts)} classes; at most {MAXIMUM_CLASSES} "
            f"are supported{hint}"
        )
    if (counts > 1).sum() <= 1:
        raise TrainingError(
            f"Of the classes in the target column {target!r} fewer than two have more than one row"
        )


def hold_out(table: LabelledTable, task: Task, seed: int) -> tuple[LabelledTable, LabelledTable]:
    """Split into training and held-out rows; classes keep their shares where rows allow it."""
    rows = np.arange(len(table.labels))
    stratify, always_train = None, rows[:0]
    if task == "classification":
        # A class with a single row stays in training: held out, it could only be an error.
        single = ~table.labels.duplicated(keep=False).to_numpy()
        rows, always_train = rows[~single], rows[single]
        codes = table.labels.iloc[rows].factorize()[0]
        if round(len(codes) * HOLDOUT_FRACTION) > codes.max():
            stratify = codes
        else:  # one row of each class, lest the split takes all of its rows
            first = ~table.labels.iloc[rows].duplicated().to_numpy()
            always_train = np.concatenate([always_train, rows[first]])
            rows = rows[~first]
    train, holdout = train_test_split(
        rows, test_size=HOLDOUT_FRACTION, random_state=seed, stratify=stratify
    )
    train = np.sort(np.concatenate([train, always_train]))
    return replace(table.take(train), left_out=table.left_out), table.take(np.sort(holdout))


def _shown(value: Any) -> str:
    text = repr(value.item() if isinstance(value, np.generic) else value)
    return text if len(text) <= 80 else text[:77] + "..."  # noqa: PLR2004
