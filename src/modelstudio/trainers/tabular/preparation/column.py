"""One prepared column: its treatments, and the features that are made of them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from operator import itemgetter
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from modelstudio.trainers.tabular.preparation.categories import Categories
from modelstudio.trainers.tabular.preparation.moments import Moments
from modelstudio.trainers.tabular.preparation.older_treatments import (
    Booleans2,
    Moments2,
    Numbers2,
    NumberTexts2,
)
from modelstudio.trainers.tabular.preparation.plain import Booleans, Numbers
from modelstudio.trainers.tabular.preparation.standing_in import StandIn
from modelstudio.trainers.tabular.preparation.texts import Texts

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence

    from modelstudio.trainers.tabular.preparation.counting import Counts
    from modelstudio.trainers.tabular.preparation.treatment import (
        ColumnData,
        Reader,
        Treatment,
        Values,
    )

MISSING_PART = "missing"

_TREATMENTS: tuple[type[Treatment], ...] = (
    Numbers,
    Booleans,
    Moments,
    Categories,
    Texts,
    Numbers2,
    Booleans2,
    NumberTexts2,
    Moments2,
)
_TAKEN_FOR: Mapping[str, str] = {"booleans": "true or false", "moments": "dates"}
_BY_KIND: Mapping[str, type[Treatment]] = {treatment.kind: treatment for treatment in _TREATMENTS}


@dataclass(frozen=True, slots=True)
class Feature:
    """One number that models learn from.

    Attributes
    ----------
    column
        The column of the table that it is made of.
    part
        What of it, ``value`` for the value itself.
    levels
        Of a category: what the numbers 0, 1, ... stand for, the most frequent first.
    """

    name: str
    column: str
    part: str
    kind: Literal["number", "category"] = "number"
    levels: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class PreparedColumn:
    """How one column of the table is prepared.

    Attributes
    ----------
    field_type
        Its dataset field type, like ``LONG``.
    nullable
        Whether it had missing values in training, and so may be missing or absent later.
    flagged
        Whether a further part, ``missing``, tells where the first one has no value.
    outputs
        Feature name to the part that it holds, in order.
    without
        Texts that stand for no value.
    stand_in
        What a missing value is answered as where training had too few to learn what it means.
    """

    name: str
    field_type: str
    nullable: bool
    treatments: tuple[Treatment, ...]
    flagged: bool
    outputs: Mapping[str, str]
    stand_in: StandIn | None = None
    without: tuple[str, ...] = ()

    @property
    def features(self) -> tuple[Feature, ...]:
        levels = {
            part: treatment.levels(part)
            for treatment in self.treatments
            for part in treatment.parts
        }
        return tuple(
            Feature(name, self.name, part, "category", levels[part])
            if levels.get(part)
            else Feature(name, self.name, part)
            for name, part in self.outputs.items()
        )

    @property
    def is_category(self) -> bool:
        """Whether it is a category before all else."""
        first = self.treatments[0]
        return bool(first.levels(first.parts[0]))

    @property
    def taken_for(self) -> str:
        """What its values are read as, for a sentence."""
        first = self.treatments[0]
        reading = getattr(first, "reading", None)
        if reading is None or self.field_type != "STRING":
            return _TAKEN_FOR.get(first.kind.removesuffix(" 2"), first.kind)
        return str(reading.name)

    def values(self, data: ColumnData, counts: Counts | None = None) -> list[Values]:
        """Return one array for each output; ``counts`` is told what cannot be taken as it is."""
        made = [values for treatment in self.treatments for values in treatment.columns(data)]
        if counts is not None:
            counts.see(self, data, made[0])
        if self.stand_in is not None:
            made = self.stand_in.fill(made, data.missing)
        if self.flagged:
            made.append(np.isnan(made[0]).astype("float64"))
        return [made[place] for place in self._places()]

    def reader(self) -> Reader:
        """Return a function from a value to one number for each output."""
        read = _joined([treatment.reader(self.name) for treatment in self.treatments])
        if self.stand_in is not None:
            read = self.stand_in.reader(read)
        if self.without:
            read = _with_marks(read, frozenset(self.without))
        if self.flagged:
            read = _with_flag(read)
        places = self._places()
        if places == list(range(len(self._parts()))):
            return read
        if len(places) == 1:
            return _only(read, places[0])
        chosen: Callable[[Any], Any] = itemgetter(*places)
        return lambda value: chosen(read(value))

    def keep(self, names: Collection[str]) -> PreparedColumn | None:
        """Return the column with only these of its outputs; None when none of them is its."""
        outputs = {name: part for name, part in self.outputs.items() if name in names}
        if not outputs:
            return None
        parts = set(outputs.values())
        flagged = MISSING_PART in parts
        treatments = tuple(
            treatment
            for place, treatment in enumerate(self.treatments)
            if parts & set(treatment.parts) or (flagged and place == 0)
        )
        stand_in = self.stand_in and self.stand_in.keep(
            _parts_of(self.treatments), _parts_of(treatments)
        )
        return replace(
            self, outputs=outputs, flagged=flagged, treatments=treatments, stand_in=stand_in
        )

    def state(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "field_type": self.field_type,
            "nullable": self.nullable,
            "flagged": self.flagged,
            "outputs": dict(self.outputs),
            "without": list(self.without),
            "stand_in": None if self.stand_in is None else self.stand_in.state(),
            "treatments": [
                {"kind": treatment.kind, **treatment.state()} for treatment in self.treatments
            ],
        }

    @classmethod
    def of_state(cls, state: Mapping[str, Any]) -> PreparedColumn:
        treatments = tuple(
            _BY_KIND[one["kind"]].of_state({key: one[key] for key in one if key != "kind"})
            for one in state["treatments"]
        )
        stand_in = None if state["stand_in"] is None else StandIn.of_state(state["stand_in"])
        without = tuple(state["without"])
        made = {"treatments": treatments, "stand_in": stand_in, "without": without}
        return cls(**{**state, **made})

    def _parts(self) -> list[str]:
        parts = _parts_of(self.treatments)
        return [*parts, MISSING_PART] if self.flagged else parts

    def _places(self) -> list[int]:
        places = {part: place for place, part in enumerate(self._parts())}
        return [places[part] for part in self.outputs.values()]


def _parts_of(treatments: Sequence[Treatment]) -> list[str]:
    return [part for treatment in treatments for part in treatment.parts]


def _joined(readers: list[Reader]) -> Reader:
    if len(readers) == 1:
        return readers[0]
    return lambda value: [number for read in readers for number in read(value)]


def _with_marks(read: Reader, marks: Collection[str]) -> Reader:
    return lambda value: read(None if isinstance(value, str) and value.strip() in marks else value)


def _with_flag(read: Reader) -> Reader:
    def flagged(value: Any) -> tuple[float, ...]:
        made = read(value)
        first = made[0]
        return (*made, 0.0 if first == first else 1.0)  # noqa: PLR0124 - NaN is not itself

    return flagged


def _only(read: Reader, place: int) -> Reader:
    return lambda value: (read(value)[place],)
