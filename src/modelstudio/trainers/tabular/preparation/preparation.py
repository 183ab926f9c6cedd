"""Turns the columns of a table into what models learn from, the same way at both times.

The preparation is fitted on the training table, saved beside the model and applied again to each
table, or each single row, that is predicted.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import pandas as pd

from modelstudio.trainers.tabular.preparation import identifiers, older
from modelstudio.trainers.tabular.preparation.choosing import Choice, choose
from modelstudio.trainers.tabular.preparation.column import (
    MISSING_PART,
    Feature,
    PreparedColumn,
)
from modelstudio.trainers.tabular.preparation.standing_in import stand_in_of
from modelstudio.trainers.tabular.preparation.treatment import ColumnData

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence
    from pathlib import Path

    from modelstudio.trainers.tabular.preparation.counting import Counts
    from modelstudio.trainers.tabular.preparation.treatment import Values

TOO_LITTLE = "it carries too little information"

_FORMAT_VERSION = 3
# In fewer rows, columns agree by accident.
_LEAST_ROWS_TO_COMPARE = 20
_FLAGGED_SHARES = (0.005, 0.995)
_LEAST_FLAGGED_ROWS = 10
_LEARNED_SHARE = 0.05


@dataclass(frozen=True, slots=True)
class Seen:
    """What was seen of a column when the preparation was fitted."""

    name: str
    field_type: str
    missing_share: float
    distinct: int
    note: str


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
        self._readers = [(column.name, column.nullable, column.reader()) for column in self.columns]

    @classmethod
    def fit(
        cls,
        frame: pd.DataFrame,
        column_types: Mapping[str, str],
        reserved: Collection[str],
        seed: int = 0,
        target: pd.Series | None = None,
    ) -> Self:
        """Learn how to prepare the columns of ``column_types``, using no ``reserved`` name.

        ``seed`` chooses the texts of a large table from which their terms are learned. ``target``,
        of the same rows, decides only whether a number that identifies rows is kept.
        """
        fitting = _Fitting({*reserved, *column_types}, seed, _numbers_of(target))
        for name, field_type in column_types.items():
            fitting.add(ColumnData(frame[name].rename(name)), field_type)
        return cls(fitting.finished(), fitting.dropped, fitting.seen)

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
            [Seen(**seen) for seen in state["seen"]],
        )


def _numbers_of(target: pd.Series | None) -> Values | None:
    """Return a target as floats, or the codes of its classes as integers."""
    if target is None:
        return None
    numbers: Values = target.to_numpy() if target.dtype.kind == "f" else pd.factorize(target)[0]
    return numbers


class _Fitting:
    """Collects the columns of a preparation that is being fitted."""

    def __init__(self, taken: set[str], seed: int, target: Values | None) -> None:
        self.dropped: dict[str, str] = {}
        self.seen: list[Seen] = []
        self._columns: dict[str, PreparedColumn] = {}
        # Left out, unless nothing else is there to learn from.
        self._row_numbers: dict[str, Callable[[], PreparedColumn]] = {}
        self._taken = taken
        self._seed = seed
        self._target = target
        self._same: dict[bytes, str] = {}
        self._flags: set[bytes] = set()

    def add(self, data: ColumnData, field_type: str) -> None:
        choice = choose(data, field_type, self._seed, self._target)
        missing = float(data.missing.mean()) if len(data) else 0.0
        self.seen.append(Seen(data.name, field_type, missing, choice.distinct, choice.note))
        reason = choice.reason or self._repeats(data, choice)
        if reason:
            self.dropped[data.name] = reason
            if reason == identifiers.NUMBERS_THE_ROWS:
                self._row_numbers[data.name] = lambda: self._column(data, field_type, choice)
            return
        self._columns[data.name] = self._column(data, field_type, choice)

    def finished(self) -> list[PreparedColumn]:
        if not self._columns:
            for name, column in self._row_numbers.items():
                self._columns[name] = column()
                del self.dropped[name]
        return list(self._columns.values())

    def _repeats(self, data: ColumnData, choice: Choice) -> str:
        """Return that the column says the same as an earlier one, empty when it doesn't."""
        if len(data) < _LEAST_ROWS_TO_COMPARE:
            return ""
        digest = hashlib.sha256()
        for values in choice.made:
            digest.update(values.tobytes())
        other = self._same.setdefault(digest.digest(), data.name)
        return "" if other == data.name else f"it says the same as column {other!r}"

    def _column(self, data: ColumnData, field_type: str, choice: Choice) -> PreparedColumn:
        parts = [part for treatment in choice.treatments for part in treatment.parts]
        flagged = self._is_flagged(choice)
        if flagged:
            parts.append(MISSING_PART)
        outputs = {}
        for part in parts:
            name = _free_name(data.name, part, self._taken)
            self._taken.add(name)
            outputs[name] = part
        nullable = bool(data.missing.any())
        stand_in = None
        if not flagged and _hardly_missing(data, choice):
            stand_in = stand_in_of(choice.treatments, choice.made, data)
        return PreparedColumn(
            data.name, field_type, nullable, choice.treatments, flagged, outputs, stand_in
        )

    def _is_flagged(self, choice: Choice) -> bool:
        """Tell whether being missing is worth a feature: not rare, and in other rows than before.

        A category that is missing is told from the others as it is.
        """
        if choice.treatments[0].levels("value"):
            return False
        missing = np.isnan(choice.made[0])
        low, high = _FLAGGED_SHARES
        if missing.sum() < _LEAST_FLAGGED_ROWS or not low <= missing.mean() <= high:
            return False
        rows = np.packbits(missing).tobytes()
        if rows in self._flags:
            return False
        self._flags.add(rows)
        return True


def _hardly_missing(data: ColumnData, choice: Choice) -> bool:
    """Tell whether too few values are missing to learn what that means."""
    is_category = bool(choice.treatments[0].levels(choice.treatments[0].parts[0]))
    missing = data.missing if is_category else np.isnan(choice.made[0])
    most = min(_LEAST_FLAGGED_ROWS - 1, _LEARNED_SHARE * len(data))
    return int(missing.sum()) <= most


def _data(frame: pd.DataFrame, column: PreparedColumn) -> ColumnData:
    if column.name in frame.columns:
        series = frame[column.name]
        if isinstance(series, pd.DataFrame):
            raise ValueError(f"There are several columns {column.name!r}")
        return ColumnData(series)
    if not column.nullable:
        raise KeyError(column.name)
    return ColumnData(pd.Series(None, index=frame.index, dtype=object, name=column.name))


def _free_name(column: str, part: str, taken: Collection[str]) -> str:
    if part == "value":
        return column
    name = f"{column}.{part}"
    while name in taken:
        name += "_"
    return name
