"""Turns the columns of a table into what models learn from, the same way at both times.

The preparation is fitted on the training table, saved beside the model and applied again to each
table, or each single row, that is predicted.
"""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import pandas as pd

from modelstudio.trainers.tabular.preparation import older
from modelstudio.trainers.tabular.preparation.column import Feature, PreparedColumn
from modelstudio.trainers.tabular.preparation.fitting import Fitting, Seen
from modelstudio.trainers.tabular.preparation.reading import Readings
from modelstudio.trainers.tabular.preparation.treatment import ColumnData, is_missing

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from pathlib import Path

    from modelstudio.trainers.tabular.preparation.counting import Counts
    from modelstudio.trainers.tabular.preparation.treatment import Values

TOO_LITTLE = "it carries too little information"

_FORMAT_VERSION = 3


class Preparation:
    """A fitted preparation; it needs no target and never changes.

    Attributes
    ----------
    columns
        The columns it reads, in the order of the training table.
    features
        What it makes of them, in order.
    dropped
        Column to the reason why it is left out, in plain words.
    """

    def __init__(
        self,
        columns: Sequence[PreparedColumn],
        dropped: Mapping[str, str],
        seen: Sequence[Seen] = (),
    ) -> None:
        self.columns = tuple(columns)
        self.dropped = dict(dropped)
        self.features: tuple[Feature, ...] = tuple(
            feature for column in self.columns for feature in column.features
        )
        self._seen = tuple(seen)
        self._stand_ins = [
            (column.name, column.stand_in) for column in self.columns if column.stand_in is not None
        ]
        self._readers = [(column.name, column.nullable, column.reader()) for column in self.columns]

    @classmethod
    def fit(
        cls,
        frame: pd.DataFrame,
        column_types: Mapping[str, str],
        reserved: Collection[str],
        seed: int = 0,
        target: pd.Series | None = None,
        readings: Readings | None = None,
    ) -> Self:
        """Learn how to prepare the columns of ``column_types``, using no ``reserved`` name.

        ``seed`` chooses the texts of a large table from which their terms are learned. ``target``,
        of the same rows, decides only what the values alone leave open: whether a number that
        identifies or counts rows is kept, and whether whole numbers are codes. ``readings`` has
        what is known of how the values are written.
        """
        readings = readings or Readings()
        columns_of = {name: ColumnData(frame[name].rename(name)) for name in column_types}
        decided = readings.of_texts(
            {name: data for name, data in columns_of.items() if column_types[name] == "STRING"}
        )
        fitting = Fitting({*reserved, *column_types}, seed, _numbers_of(target), readings.told)
        for name, field_type in column_types.items():
            decision = decided.get(name) or readings.of_typed(name, field_type)
            fitting.add(columns_of.pop(name), field_type, decision)
        fitting.judge_counters(lambda columns, rows: cls(columns, {}).matrix(frame.iloc[rows]))
        columns = [fitting.columns[name] for name in column_types if name in fitting.columns]
        return cls(columns, fitting.dropped, [fitting.seen[name] for name in column_types])

    def taken_for(self, name: str) -> str:
        """Return what a column's values are read as, for a sentence."""
        return next(column.taken_for for column in self.columns if column.name == name)

    @property
    def row_microseconds(self) -> float:
        """CPU that ``row`` takes, about; by what is prepared, so the same on a busy machine."""
        return 10 + sum(
            treatment.row_microseconds for column in self.columns for treatment in column.treatments
        )

    def matrix(self, frame: pd.DataFrame, counts: Counts | None = None) -> Values:
        """Return the features as a float64 array (rows, features) in C order.

        NaN is missing; a category is the position of its level. A value that cannot be read as what
        its column was taken for is missing, and ``counts`` is told. Columns that the preparation
        does not know are ignored.

        Raises
        ------
        KeyError
            With the name of a column that is absent and was never missing in training.
        ValueError
            When a column is there several times; the message names it. Preparations of earlier
            formats refuse in the same way a value that is not of its column's type.
        """
        made = np.empty((len(frame), len(self.features)), dtype="float64")
        place = 0
        for column in self.columns:
            for values in column.values(_data(frame, column), counts):
                made[:, place] = values
                place += 1
        return made

    def row(self, values: Mapping[str, Any]) -> Values:
        """Return the features of one row of plain values; bit-equal to ``matrix`` of that row.

        Raises as ``matrix`` does.
        """
        made: list[float] = []
        extend = made.extend
        for name, nullable, read in self._readers:
            if name in values:
                extend(read(values[name]))
            elif nullable:
                extend(read(None))
            else:
                raise KeyError(name)
        return np.array(made, dtype="float64")

    def notes_of_row(self, values: Mapping[str, Any]) -> list[str]:
        """Return what stands in for missing values of a row that was prepared, in sentences."""
        return [
            stand_in.note(name, 1)
            for name, stand_in in self._stand_ins
            if is_missing(values.get(name))
        ]

    def transform(self, frame: pd.DataFrame, counts: Counts | None = None) -> pd.DataFrame:
        """Return the features as a table with the frame's index; categories as pandas has them.

        Counts and raises as ``matrix`` does.
        """
        made: dict[str, Any] = {}
        for column in self.columns:
            values = column.values(_data(frame, column), counts)
            for feature, numbers in zip(column.features, values, strict=True):
                if feature.kind == "category":
                    codes = np.where(np.isnan(numbers), -1, numbers).astype("int64")
                    made[feature.name] = pd.Categorical.from_codes(codes, list(feature.levels))
                else:
                    made[feature.name] = numbers
        return pd.DataFrame(made, index=frame.index)

    def keep(self, names: Collection[str]) -> Preparation:
        """Return the preparation that makes only the features of these names."""
        wanted = frozenset(names)
        kept = [(column, column.keep(wanted)) for column in self.columns]
        dropped = dict(self.dropped)
        dropped.update({column.name: TOO_LITTLE for column, left in kept if left is None})
        return Preparation([left for _, left in kept if left is not None], dropped, self._seen)

    def actions(self) -> pd.DataFrame:
        """Return what was done with each column of the training table, one row for each."""
        used = {column.name: column for column in self.columns}
        rows = []
        for seen in self._seen:
            column = used.get(seen.name)
            treatments = () if column is None else column.treatments
            rows.append(
                {
                    "column": seen.name,
                    "type": seen.field_type,
                    "treatment": " and ".join(one.kind for one in treatments) or "left out",
                    "features": 0 if column is None else len(column.outputs),
                    "missing_share": seen.missing_share,
                    "distinct_values": seen.distinct,
                    "notes": "; ".join(filter(None, [self.dropped.get(seen.name, ""), seen.note])),
                }
            )
        return pd.DataFrame(rows)

    @property
    def seen(self) -> tuple[Seen, ...]:
        """What was seen of each column of the training table."""
        return self._seen

    def save(self, path: Path) -> None:
        state = {
            "version": _FORMAT_VERSION,
            "columns": [column.state() for column in self.columns],
            "dropped": self.dropped,
            "seen": [asdict(seen) for seen in self._seen],
        }
        path.write_text(json.dumps(state), encoding="utf-8")

    @classmethod
    def load(cls, path: Path) -> Self:
        state = json.loads(path.read_text(encoding="utf-8"))
        if state["version"] in older.READERS:
            state = older.READERS[state["version"]](state)
        elif state["version"] != _FORMAT_VERSION:
            raise ValueError(f"{path.name} has the unknown format version {state['version']}")
        return cls(
            [PreparedColumn.of_state(column) for column in state["columns"]],
            state["dropped"],
            [Seen(**_with_tuples(seen)) for seen in state["seen"]],
        )


def _with_tuples(state: Mapping[str, Any]) -> dict[str, Any]:
    return {key: tuple(one) if isinstance(one, list) else one for key, one in state.items()}


def _numbers_of(target: pd.Series | None) -> Values | None:
    """Return a target as floats, or the codes of its classes as integers."""
    if target is None:
        return None
    numbers: Values = target.to_numpy() if target.dtype.kind == "f" else pd.factorize(target)[0]
    return numbers


def _data(frame: pd.DataFrame, column: PreparedColumn) -> ColumnData:
    if column.name in frame.columns:
        series = frame[column.name]
        if isinstance(series, pd.DataFrame):
            raise ValueError(f"There are several columns {column.name!r}")
        return ColumnData(series, column.without)
    if not column.nullable:
        raise KeyError(column.name)
    return ColumnData(pd.Series(None, index=frame.index, dtype=object, name=column.name))
