"""Texts: categories, codes, identifiers, prose. Nothing of them passes through a number."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any, ClassVar, Self

from modelstudio.tables.readings.base import ColumnRead, one_array

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pyarrow as pa


@dataclass(frozen=True, slots=True)
class TextReading:
    """A column of texts.

    Attributes
    ----------
    missing
        Texts that stand for no value, such as ``NA``; an empty one always does.
    """

    kind: ClassVar[str] = "text"
    missing: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        return f"text, missing: {' '.join(self.missing)}" if self.missing else "text"

    @property
    def field_type(self) -> str:
        return "STRING"

    def read(self, text: str) -> Any:
        return None if not text or text.strip() in self.missing else text

    def value(self, given: Any) -> Any:
        text = text_of(given)
        return None if text is None else self.read(text)

    def column(self, texts: pa.Array | pa.ChunkedArray) -> ColumnRead:
        import pyarrow as pa  # noqa: PLC0415
        from pyarrow import compute  # noqa: PLC0415

        pc: Any = compute
        array = one_array(texts)
        gone = pc.equal(array, "")
        if not self.missing and not pc.any(gone).as_py():
            return ColumnRead(array, pa.repeat(False, len(array)))
        if self.missing:
            marks = pa.array(self.missing, array.type)
            gone = pc.or_(gone, pc.is_in(pc.utf8_trim_whitespace(array), marks))
        values = pc.if_else(gone, pa.scalar(None, array.type), array)
        return ColumnRead(values, pa.repeat(False, len(array)))

    def state(self) -> dict[str, Any]:
        return {"kind": self.kind, "missing": list(self.missing)}

    @classmethod
    def of_state(cls, state: Mapping[str, Any]) -> Self:
        return cls(tuple(state["missing"]))


def text_of(given: Any) -> str | None:
    """Return a value as the text that identifies it, None for a missing one.

    A whole number has no fraction, whatever type held it, since tables with gaps hold whole
    numbers as floats; true and false are in lower case.
    """
    if given is None or given != given:  # noqa: PLR0124 - NaN
        return None
    if isinstance(given, str):
        return given
    if hasattr(given, "item") and not hasattr(given, "isoformat"):  # NumPy's
        given = given.item()
    if isinstance(given, bool):
        return "true" if given else "false"
    if isinstance(given, float) and given.is_integer():
        return str(int(given))
    if isinstance(given, Decimal) and given == given.to_integral_value():
        return str(int(given))
    return str(given)
