"""True and false, by whatever words."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any, ClassVar, Final, Self

from modelstudio.tables.readings.base import UNFIT, ColumnRead, is_mark, one_array, read_distinct
from modelstudio.tables.readings.bits import FIRST_BOOLEAN

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pyarrow as pa

#: Words for true and false that go together, the commonest first.
PAIRS: Final = (
    ("true", "false"), ("yes", "no"), ("y", "n"), ("t", "f"), ("on", "off"), ("1", "0"),
    ("1.0", "0.0"), ("ja", "nein"), ("j", "n"), ("oui", "non"), ("sí", "no"), ("si", "no"),
    ("sim", "não"), ("wahr", "falsch"), ("vrai", "faux"), ("verdadero", "falso"), ("vero", "falso"),
    ("ja", "nee"), ("tak", "nie"), ("да", "нет"),
)  # fmt: skip
_VALUES: Final = {
    word: value for pair in PAIRS for word, value in zip(pair, (True, False), strict=True)
}
#: Of each word, the bits of the pairs that it belongs to: an even place for true, odd for false.
_BITS: Final = {
    word: sum(
        1 << (FIRST_BOOLEAN + 2 * place + pair.index(word))
        for place, pair in enumerate(PAIRS)
        if word in pair
    )
    for word in _VALUES
}


def shape(bare: str) -> int:
    """Return which word of which pairs a text without spaces around it is."""
    return _BITS.get(bare.casefold(), 0)


def pair_bits(place: int) -> tuple[int, int]:
    """Return the bits of a pair's word for true and of that for false."""
    return 1 << (FIRST_BOOLEAN + 2 * place), 1 << (FIRST_BOOLEAN + 2 * place + 1)


@dataclass(frozen=True, slots=True)
class BooleanReading:
    """A column of two words; words of other pairs are understood too."""

    kind: ClassVar[str] = "boolean"
    words: tuple[str, str] = ("true", "false")

    @property
    def name(self) -> str:
        return f"boolean {self.words[0]}/{self.words[1]}"

    @property
    def field_type(self) -> str:
        return "BOOLEAN"

    def read(self, text: str) -> Any:
        bare = text.strip().casefold()
        found = _VALUES.get(bare)
        if found is None:
            return None if is_mark(bare) else UNFIT
        return found

    def value(self, given: Any) -> Any:
        if isinstance(given, str):
            return self.read(given)
        if given is None or given != given:  # noqa: PLR0124 - NaN
            return None
        if isinstance(given, bool | int | float | Decimal) or hasattr(given, "item"):
            return bool(given) if given in (0, 1) else UNFIT
        return UNFIT

    def column(self, texts: pa.Array | pa.ChunkedArray) -> ColumnRead:
        import pyarrow as pa  # noqa: PLC0415

        return read_distinct(one_array(texts), self.read, pa.bool_())

    def state(self) -> dict[str, Any]:
        return {"kind": self.kind, "words": list(self.words)}

    @classmethod
    def of_state(cls, state: Mapping[str, Any]) -> Self:
        return cls((state["words"][0], state["words"][1]))
