"""How the readings of a table's columns are found and applied in a preparation."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from modelstudio.tables import types
from modelstudio.tables.readings import (
    UNFIT,
    BooleanReading,
    Decision,
    Evidence,
    MomentReading,
    NumberReading,
    Reading,
    TextReading,
    bits,
    decide,
    named,
    of_state,
)
from modelstudio.trainers.tabular.preparation.treatment import is_missing

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from modelstudio.trainers.tabular.preparation.treatment import ColumnData, Values

#: Of the distinct texts that must fit for a column of text to be read as something else.
_NEARLY_ALL: Final = 0.98
_MANY: Final = 1000
WHOLE: Final = frozenset(types.INTEGERS)
_OF_TYPES: Final[Mapping[str, Reading]] = {
    **dict.fromkeys(WHOLE, NumberReading(whole=True)),
    **dict.fromkeys(types.FRACTIONS, NumberReading()),
    "BOOLEAN": BooleanReading(),
    "DATE": MomentReading(bits.YMD),
    "TIMESTAMP": MomentReading(bits.YMD, timed=True, zoned=True),
    "STRING": TextReading(),
}


@dataclass(frozen=True, slots=True)
class Readings:
    """What is known of how the values of a table's columns are written.

    Attributes
    ----------
    known
        Of columns that got their type by a reading, the state of that reading.
    told
        Column to the name of the reading that the user asks for.
    """

    known: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    told: Mapping[str, str] = field(default_factory=dict)

    def of_typed(self, name: str, field_type: str) -> Decision:
        """Return how a column with a type of its own is read where it comes as text."""
        if name in self.told and field_type != "STRING" and name not in self.known:
            told = named(self.told[name])
            if told.kind == "text" or _are_alike(told, field_type):
                return Decision(told)
        usual = _OF_TYPES.get(field_type, TextReading())
        if name not in self.known:
            return Decision(usual)
        found, seen = of_state(self.known[name]), self.known[name].get("seen", {})
        return Decision(
            found if found.field_type == field_type else usual,
            unfit=seen.get("unfit", 0),
            examples=tuple(seen.get("examples", ())),
            possible=tuple(seen.get("possible", ())),
        )

    def of_texts(self, columns: Mapping[str, ColumnData]) -> dict[str, Decision]:
        """Decide together how columns of text are read."""
        import pyarrow as pa

        evidence = {}
        for name, data in columns.items():
            _, texts = data.distinct
            evidence[name] = Evidence()
            # In an order that is not the rows', of which long columns are looked at in part.
            evidence[name].observe(pa.array(sorted(texts), pa.string()))
        hints = {**self._marked(), **self.told}
        return decide(evidence, hints=hints, least_share=_NEARLY_ALL)

    def _marked(self) -> dict[str, str]:
        """Return the columns of text of which is known that some of it stands for no value."""
        found = {name: of_state(state) for name, state in self.known.items()}
        return {
            name: reading.name
            for name, reading in found.items()
            if isinstance(reading, TextReading) and reading.missing
        }


def _are_alike(told: Reading, field_type: str) -> bool:
    """Tell whether values of a type may be read so: as texts are that are written alike."""
    if isinstance(told, MomentReading):
        return field_type in WHOLE or field_type in {"DATE", "TIMESTAMP"}
    return told.kind == _OF_TYPES.get(field_type, TextReading()).kind


def many_values(reading: Reading, texts: Sequence[str]) -> Values | None:
    """Return what many texts are by a reading, as it reads columns: an array, NaN or NaT missing.

    None for few texts, and where a column may be read in another type than its values one by one.
    """
    if len(texts) < _MANY:
        return None
    try:
        import pyarrow as pa
    except ImportError:  # a model that has left does without
        return None
    try:
        found = reading.column(pa.array(texts, pa.string()))
    except pa.ArrowException:
        return None
    values = found.values
    if reading.field_type in {"DATE", "TIMESTAMP"}:
        moments: Values = values.cast(pa.timestamp("us")).to_numpy(zero_copy_only=False)
        return moments
    whole = reading.field_type == "LONG" and not (
        pa.types.is_int64(values.type) and values.null_count == 0
    )
    if whole or reading.field_type not in {"LONG", "DOUBLE"}:
        return None
    numbers: Values = values.to_numpy(zero_copy_only=False)
    return numbers


def value_of(reading: Reading, given: Any) -> Any:
    """Return what a value of any type is by a reading, None for missing and for what doesn't fit.

    Numbers of finite size, booleans, or microseconds since 1970.
    """
    if given.__class__ is not str and is_missing(given):
        return None
    try:
        found = reading.value(given)
    except (TypeError, ValueError):  # a list, or anything else that no column holds
        return None
    return None if found is UNFIT else found
