"""The names of readings, as they are shown and as users write them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from modelstudio.tables.readings import booleans, moments, numbers
from modelstudio.tables.readings.booleans import BooleanReading
from modelstudio.tables.readings.moments import MomentReading
from modelstudio.tables.readings.numbers import NumberReading
from modelstudio.tables.readings.texts import TextReading

if TYPE_CHECKING:
    from collections.abc import Mapping

    from modelstudio.tables.readings.base import Reading

_KINDS: Final = {
    one.kind: one for one in (NumberReading, MomentReading, BooleanReading, TextReading)
}
#: Shorter names that mean one reading.
_SHORT: Final[Mapping[str, str]] = {
    "day first": "date dd/mm/yyyy",
    "month first": "date mm/dd/yyyy",
    "year first": "date yyyy-mm-dd",
    "decimal point": "number 1,234.5",
    "decimal comma": "number 1.234,5",
    "number": "number 1234.5",
    "whole number": "whole number 1234",
    "category": "text",
    "boolean": "boolean true/false",
}
EXAMPLES: Final = (
    "number 1,234.5", "number 1.234,5", "date dd/mm/yyyy", "date mm/dd/yyyy",
    "timestamp dd/mm/yyyy", "month yyyymm", "boolean yes/no", "text", "text, missing: NA",
)  # fmt: skip


class UnknownReadingError(ValueError):
    """A name that no reading has."""

    def __init__(self, name: str) -> None:
        known = ", ".join(repr(one) for one in EXAMPLES)
        super().__init__(f"{name!r} is no reading. Readings are such as {known}.")


def named(name: str) -> Reading:
    """Return the reading of a name.

    Raises
    ------
    UnknownReadingError
    """
    words = _SHORT.get(name.strip().casefold(), name.strip())
    found = _named(words)
    if found is None:
        raise UnknownReadingError(name)
    return found


def _named(words: str) -> Reading | None:
    if words.startswith("text"):
        rest = words.removeprefix("text").lstrip(",; ")
        if rest and not rest.startswith("missing:"):
            return None
        return TextReading(tuple(rest.removeprefix("missing:").split()))
    if words.startswith("boolean "):
        pair = tuple(words.removeprefix("boolean ").split("/"))
        return BooleanReading((pair[0], pair[1])) if pair in booleans.PAIRS else None
    for start in ("whole number ", "number "):
        if words.startswith(start):
            return numbers.named(words.removeprefix(start))
    return moments.named(words)


def of_state(state: Mapping[str, Any]) -> Reading:
    """Return the reading of a saved state."""
    return _KINDS[state["kind"]].of_state(state)
