"""Counts the values that a preparation cannot take as they are, so that somebody is told."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from modelstudio.tables.readings import is_mark
from modelstudio.trainers.tabular.preparation.categories import Categories

if TYPE_CHECKING:
    from collections.abc import Mapping

    from modelstudio.trainers.tabular.preparation.column import PreparedColumn
    from modelstudio.trainers.tabular.preparation.treatment import ColumnData, Values

_EXAMPLES = 3
_LONGEST = 40
# A column most of whose values are new is written in another way than in training, or is another.
_MOSTLY_NEW = 0.5
# So is one that should have so many values of the usual levels, and has a tenth of them.
_USUAL = 10
_HARDLY_ANY = 0.1


@dataclass(slots=True)
class Counted:
    """What was found in one column.

    Attributes
    ----------
    values
        Rows with a value.
    unfit
        Those whose value is not what the column was taken for; they count as missing.
    new
        Those whose category training did not see.
    usual
        Those of a level that training had often, where rare and unknown values share one.
    replaced
        Rows without a value in which another stands in for it.
    """

    values: int = 0
    unfit: int = 0
    new: int = 0
    usual: int = 0
    replaced: int = 0
    examples: list[str] = field(default_factory=list)

    def add(self, data: ColumnData, first: Values) -> None:
        """Count a piece of a column; ``first`` is its first part, NaN where it has no value."""
        self.values += len(data) - int(data.missing.sum())
        odd = np.isnan(first) & ~data.missing
        if not odd.any():
            return
        values = data.objects[odd]
        texts = [value if isinstance(value, str) else _text(value) for value in values]
        unfit = [text for text in texts if not is_mark(text)]
        self.unfit += len(unfit)
        self.values -= len(texts) - len(unfit)
        for text in unfit:
            if len(self.examples) == _EXAMPLES:
                return
            if text not in self.examples:
                self.examples.append(text)


class Counts:
    """What was found in all columns, over however many pieces of a table."""

    def __init__(self) -> None:
        self.columns: dict[str, Counted] = {}
        self._prepared: dict[str, PreparedColumn] = {}

    def see(self, column: PreparedColumn, data: ColumnData, first: Values) -> None:
        """Count a piece of a column; ``first`` is its first part, nothing standing in yet."""
        counted = self.columns.setdefault(column.name, Counted())
        self._prepared[column.name] = column
        if column.is_category:
            counted.values += len(data) - int(data.missing.sum())
            counted.new += int((np.isnan(first) & ~data.missing).sum())
            rare = getattr(column.treatments[0], "rare", None)
            counted.usual += int((first != rare).sum() - np.isnan(first).sum())
            gone = data.missing
        else:
            counted.add(data, first)
            gone = np.isnan(first)
        if column.stand_in is not None:
            counted.replaced += int(gone.sum())

    def unreadable(self) -> Mapping[str, Counted]:
        """Return the columns that have values, none of which is what the column was taken for."""
        return {
            name: counted
            for name, counted in self.columns.items()
            if counted.values and counted.unfit == counted.values
        }

    def notes(self) -> list[str]:
        """Return in plain sentences what somebody should know."""
        notes = []
        for name, counted in self.columns.items():
            column = self._prepared[name]
            if counted.unfit:
                notes.append(
                    f"{counted.unfit} of {counted.values} values of column {name!r} cannot be read "
                    f"as {column.taken_for} and count as missing, such as "
                    f"{shown(counted.examples)}"
                )
            if counted.new > _MOSTLY_NEW * max(counted.values, 1):
                notes.append(
                    f"{counted.new} of {counted.values} values of column {name!r} are none that "
                    "training had"
                )
            elif counted.usual < _HARDLY_ANY * _expected(column, counted):
                notes.append(
                    f"{counted.values - counted.usual} of {counted.values} values of column "
                    f"{name!r} are none that training had often, as most of its values were"
                )
            if counted.replaced and column.stand_in is not None:
                notes.append(column.stand_in.note(name, counted.replaced))
        return notes


def _expected(column: PreparedColumn, counted: Counted) -> float:
    """Return how many values should be of the usual levels; 0 where too few to tell."""
    first = column.treatments[0]
    if not isinstance(first, Categories) or first.rare is None:
        return 0.0
    share = sum(first.shares) - first.shares[first.rare]
    expected = share * counted.values
    return expected if share > _MOSTLY_NEW and expected >= _USUAL else 0.0


def shown(examples: list[str]) -> str:
    """Return some values for a sentence."""
    return ", ".join(
        repr(text if len(text) <= _LONGEST else text[: _LONGEST - 3] + "...") for text in examples
    )


def _text(value: Any) -> str:
    return str(value.item() if isinstance(value, np.generic) else value)
