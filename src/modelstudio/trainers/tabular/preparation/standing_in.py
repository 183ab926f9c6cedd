"""What a missing value is answered as, where training had none from which to learn what it means.

Left missing, each library would take it for something else: the lowest value, none of the known
ones, the mean.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from modelstudio.trainers.tabular.preparation.treatment import is_missing

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from modelstudio.trainers.tabular.preparation.treatment import (
        ColumnData,
        Reader,
        Treatment,
        Values,
    )

_LONGEST = 40


@dataclass(frozen=True, slots=True)
class StandIn:
    """The parts of a value that stands in for missing ones.

    Attributes
    ----------
    shown
        The value in plain words.
    numbers
        One for each part of the treatments, in their order.
    quantities
        Which parts are quantities. A category that training did not see is not missing: only where
        there is no value at all does the usual category stand in.
    """

    shown: str
    numbers: tuple[float, ...]
    quantities: tuple[bool, ...]

    def fill(self, made: Sequence[Values], missing: Values) -> list[Values]:
        """Return the parts of a column, ``missing`` where it has no value, with none left empty."""
        filled = []
        for values, number, quantity in zip(made, self.numbers, self.quantities, strict=True):
            gone = np.isnan(values)
            if not quantity:
                gone &= missing
            filled.append(np.where(gone, number, values) if gone.any() else values)
        return filled

    def reader(self, read: Reader) -> Reader:
        """Return a reader that does the same for a single value."""
        if len(self.numbers) == 1:
            return self._reader_of_one(read)

        def read_filled(value: Any) -> Sequence[float]:
            made = read(value)
            for number in made:
                if number != number:  # noqa: PLR0124 - NaN
                    return self._filled(made, missing=is_missing(value))
            return made

        return read_filled

    def _reader_of_one(self, read: Reader) -> Reader:
        filled, quantity = self.numbers, self.quantities[0]

        def read_filled(value: Any) -> Sequence[float]:
            made = read(value)
            if made[0] == made[0]:
                return made
            return filled if quantity or is_missing(value) else made

        return read_filled

    def _filled(self, made: Sequence[float], *, missing: bool) -> list[float]:
        return [
            stand_in if number != number and (quantity or missing) else number  # noqa: PLR0124
            for number, stand_in, quantity in zip(made, self.numbers, self.quantities, strict=True)
        ]

    def note(self, column: str, rows: int) -> str:
        """Say that it stood in, in a sentence."""
        return (
            f"{rows} {'row has' if rows == 1 else 'rows have'} no value in column {column!r}; "
            "training had too few such rows to learn what that means, so its usual value "
            f"{self.shown[:_LONGEST]!r} stands in"
        )

    def keep(self, parts: Sequence[str], kept: Sequence[str]) -> StandIn:
        """Return it for some of its parts, given the names of all and of those that are kept."""
        places = [parts.index(part) for part in kept]
        return StandIn(
            self.shown,
            tuple(self.numbers[place] for place in places),
            tuple(self.quantities[place] for place in places),
        )

    def state(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def of_state(cls, state: Mapping[str, Any]) -> Self:
        return cls(state["shown"], tuple(state["numbers"]), tuple(state["quantities"]))


def stand_in_of(
    treatments: Sequence[Treatment], made: Sequence[Values], data: ColumnData
) -> StandIn | None:
    """Return the usual value of a column: its most frequent category, the median of the others.

    ``made`` are the parts of the treatments. None when a part has no value in any row.
    """
    numbers, quantities = [], []
    shown = ""
    places = iter(made)
    for treatment in treatments:
        parts = [next(places) for _ in treatment.parts]
        if any(np.isnan(part).all() for part in parts):
            return None
        usual = _usual(treatment, parts)
        numbers += [float(part[usual]) if usual is not None else _median(part) for part in parts]
        quantities += [not treatment.levels(part) for part in treatment.parts]
        if not shown:
            levels = treatment.levels(treatment.parts[0])
            shown = levels[int(numbers[0])] if levels else _shown(data, parts[0], numbers)
    return StandIn(shown, tuple(numbers), tuple(quantities))


def _usual(treatment: Treatment, parts: Sequence[Values]) -> int | None:
    """Return a row with the usual value, None where each part has to be looked at by itself."""
    first = parts[0]
    if treatment.levels(treatment.parts[0]):
        codes = first[~np.isnan(first)].astype("int64")
        return int(np.flatnonzero(first == np.bincount(codes).argmax())[0])
    if treatment.kind in {"moments", "texts"}:
        return None
    order = np.lexsort(tuple(reversed(parts)))  # missing ones last
    known = int((~np.isnan(first)).sum())
    return int(order[(known - 1) // 2])


def _median(part: Values) -> float:
    return float(np.quantile(part[~np.isnan(part)], 0.5, method="inverted_cdf"))


def _shown(data: ColumnData, first: Values, numbers: Sequence[float]) -> str:
    value = data.objects[np.flatnonzero(first == numbers[0])[0]]
    if isinstance(value, np.datetime64) or hasattr(value, "isoformat"):
        return str(value)
    return str(value.item() if isinstance(value, np.generic) else value)
