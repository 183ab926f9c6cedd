"""Collects the columns of a preparation while it is fitted on a training table."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from modelstudio.tables.readings import TextReading
from modelstudio.trainers.tabular.preparation import counters, identifiers
from modelstudio.trainers.tabular.preparation.choosing import Choice, Column, choose
from modelstudio.trainers.tabular.preparation.column import MISSING_PART, PreparedColumn
from modelstudio.trainers.tabular.preparation.counting import Counted
from modelstudio.trainers.tabular.preparation.standing_in import stand_in_of
from modelstudio.trainers.tabular.preparation.treatment import ColumnData

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence

    from modelstudio.tables.readings import Decision
    from modelstudio.trainers.tabular.preparation.treatment import Values

    # Columns and positions of rows to the features of those rows.
    MatrixOf = Callable[[Sequence[PreparedColumn], Values], Values]

# In fewer rows, columns agree by accident.
_LEAST_ROWS_TO_COMPARE = 20
_FLAGGED_SHARES = (0.005, 0.995)
_LEAST_FLAGGED_ROWS = 10
_LEARNED_SHARE = 0.05


@dataclass(frozen=True, slots=True)
class Seen:
    """What was seen of a column when the preparation was fitted.

    Attributes
    ----------
    taken_for
        The name of the reading of its values.
    fitted, unfit
        Values that are so, and those that are not and count as missing.
    examples
        Up to three that are not, or that a question is about.
    possible
        The names of readings that its values allow too.
    question
        Whether one of them may be meant, which the values do not tell.
    """

    name: str
    field_type: str
    missing_share: float
    distinct: int
    note: str
    taken_for: str = ""
    fitted: int = 0
    unfit: int = 0
    examples: tuple[str, ...] = ()
    possible: tuple[str, ...] = ()
    question: bool = False


class Fitting:
    """Takes one column after the other.

    Attributes
    ----------
    columns
        The columns that are prepared, by name, those that count rows last.
    dropped
        Column to the reason why it is left out.
    seen
        What was seen of every column.
    """

    def __init__(
        self, taken: set[str], seed: int, target: Values | None, told: Collection[str] = ()
    ) -> None:
        self.columns: dict[str, PreparedColumn] = {}
        self.dropped: dict[str, str] = {}
        self.seen: dict[str, Seen] = {}
        self._counting: dict[str, tuple[Column, Choice]] = {}
        self._taken = taken
        self._told = told
        self._seed = seed
        self._target = target
        self._same: dict[bytes, str] = {}
        self._flags: set[bytes] = set()

    def add(self, data: ColumnData, field_type: str, decision: Decision) -> None:
        reading = decision.reading
        if isinstance(reading, TextReading) and reading.missing:
            data = ColumnData(data.series, reading.missing)
        column = Column(data, field_type, decision, told=data.name in self._told)
        choice = choose(column, self._seed, self._target)
        self.seen[data.name] = _seen(column, choice)
        reason = choice.reason or self._repeats(data, choice)
        if not reason:
            self.columns[data.name] = self._column(column, choice)
            return
        self.dropped[data.name] = reason
        if reason == identifiers.NUMBERS_THE_ROWS:
            self._counting[data.name] = (column, choice)

    def judge_counters(self, matrix_of: MatrixOf) -> None:
        """Keep the columns that count rows and tell of the target, or all if there are no others.

        ``matrix_of`` prepares rows of the training table.
        """
        alone = not self.columns
        for name, (column, choice) in self._counting.items():
            kept = alone
            if self._target is not None:
                rows = counters.some_rows(len(column.data), self._seed)
                judged = counters.judge(
                    choice.made[0][rows],
                    matrix_of(list(self.columns.values()), rows),
                    self._target[rows],
                )
                kept = kept or judged.kept
                self.seen[name] = replace(self.seen[name], note=judged.note)
            if kept:
                self.columns[name] = self._column(column, choice)
                del self.dropped[name]

    def _repeats(self, data: ColumnData, choice: Choice) -> str:
        """Return that the column says the same as an earlier one, empty when it doesn't."""
        if len(data) < _LEAST_ROWS_TO_COMPARE:
            return ""
        digest = hashlib.sha256()
        for values in choice.made:
            digest.update(values.tobytes())
        other = self._same.setdefault(digest.digest(), data.name)
        return "" if other == data.name else f"it says the same as column {other!r}"

    def _column(self, column: Column, choice: Choice) -> PreparedColumn:
        data, reading = column.data, column.decision.reading
        parts = [part for treatment in choice.treatments for part in treatment.parts]
        flagged = self._is_flagged(choice)
        if flagged:
            parts.append(MISSING_PART)
        outputs = {}
        for part in parts:
            name = _free_name(data.name, part, self._taken)
            self._taken.add(name)
            outputs[name] = part
        # Texts that stand for no value are as good as none.
        nullable = bool(data.missing.any() or (not _is_category(choice) and _gaps(choice).any()))
        stand_in = None
        if not flagged and _hardly_missing(data, choice):
            stand_in = stand_in_of(choice.treatments, choice.made, data)
        return PreparedColumn(
            data.name,
            column.field_type,
            nullable,
            choice.treatments,
            flagged,
            outputs,
            stand_in,
            reading.missing if isinstance(reading, TextReading) else (),
        )

    def _is_flagged(self, choice: Choice) -> bool:
        """Tell whether being missing is worth a feature: not rare, and in other rows than before.

        A category that is missing is told from the others as it is.
        """
        if _is_category(choice):
            return False
        missing = _gaps(choice)
        low, high = _FLAGGED_SHARES
        if missing.sum() < _LEAST_FLAGGED_ROWS or not low <= missing.mean() <= high:
            return False
        rows = np.packbits(missing).tobytes()
        if rows in self._flags:
            return False
        self._flags.add(rows)
        return True


def _seen(column: Column, choice: Choice) -> Seen:
    data, decision = column.data, column.decision
    missing = float(data.missing.mean()) if len(data) else 0.0
    counted = Counted()
    if choice.made:
        quantity = not _is_category(choice)
        counted.add(data, choice.made[0] if quantity else np.zeros(len(data)))
    else:
        counted.values = int((~data.missing).sum())
    first = choice.treatments[0] if choice.treatments else None
    reading = getattr(first, "reading", decision.reading)
    return Seen(
        data.name,
        column.field_type,
        missing,
        choice.distinct,
        choice.note,
        reading.name,
        # Of a column that was read before, also what did not fit then.
        counted.values - counted.unfit,
        counted.unfit + (0 if column.is_text else decision.unfit),
        tuple(counted.examples) or decision.examples,
        decision.possible,
        decision.question,
    )


def _is_category(choice: Choice) -> bool:
    first = choice.treatments[0]
    return bool(first.levels(first.parts[0]))


def _gaps(choice: Choice) -> Values:
    missing: Values = np.isnan(choice.made[0])
    return missing


def _hardly_missing(data: ColumnData, choice: Choice) -> bool:
    """Tell whether too few values are missing to learn what that means."""
    missing = data.missing if _is_category(choice) else _gaps(choice)
    most = min(_LEAST_FLAGGED_ROWS - 1, _LEARNED_SHARE * len(data))
    return int(missing.sum()) <= most


def _free_name(column: str, part: str, taken: Collection[str]) -> str:
    if part == "value":
        return column
    name = f"{column}.{part}"
    while name in taken:
        name += "_"
    return name
