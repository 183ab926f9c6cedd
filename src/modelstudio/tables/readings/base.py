"""What every reading is: one rule from written values to values, for a column and for one value."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Final, Protocol, Self

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    import pyarrow as pa

#: Texts that stand for no value where a number, a moment or a boolean is expected, in any case.
MARKS: Final = frozenset(
    {
        "", "?", "-", "--", "---", ".", "..", "*", "na", "n/a", "#n/a", "n.a.", "nan", "null",
        "none", "nil", "unknown", "missing", "<na>", "nat", "(null)", "#null!", "#div/0!",
        "#value!", "#num!", "#ref!", "#name?", "-nan", "nan(ind)", "\\n", "na()", "k.a.",
        "0000-00-00", "0000-00-00 00:00:00", "00.00.0000", "00/00/0000",  # MySQL, SAP
        "0001-01-01", "0001-01-01 00:00:00", "0001-01-01t00:00:00",  # .NET
        # Spreadsheets in German, French, Spanish, Portuguese and others.
        "#nv", "#wert!", "#bezug!", "#zahl!", "#n/d", "#valor!", "#valeur!", "#núm!", "#¡valor!",
        "#¡num!", "#¡ref!", "#¡div/0!", "#nombre!", "#nd", "#arg!", "#adr!", "#liczba!",
        "1.#ind", "-1.#ind", "1.#qnan", "-1.#qnan",  # C of Windows
        "\u2013", "\u2014", "\u2212", "...", "\u2026", ":", "n/d", "n.d.", "nd", "s/d", "k. a.",
    }
)  # fmt: skip
#: Marks of which a person asks, in a column of texts, whether they are values.
ASKED_MARKS: Final = frozenset({"na", "n/a", "#n/a", "n.a.", "nan", "null", "<na>", "?", "."})
#: A longer text is neither a number nor a moment; the patterns take long for those that nearly are.
LONGEST: Final = 64


class Unfit:
    """The value of a text that a reading cannot read; the one instance is ``UNFIT``."""

    def __repr__(self) -> str:
        return "UNFIT"


UNFIT: Final = Unfit()


@dataclass(frozen=True, slots=True)
class ColumnRead:
    """A column as read.

    Attributes
    ----------
    values
        An Arrow array of the reading's type, null where a value is missing or did not fit.
    unfit
        A boolean array: where there is a value that did not fit.
    """

    values: pa.Array
    unfit: pa.Array


class Reading(Protocol):
    """How the written values of a column become values; never changes, and is plain data.

    Attributes
    ----------
    kind
        Its name in a saved state: ``number``, ``moment``, ``boolean`` or ``text``.
    """

    kind: ClassVar[str]

    @property
    def name(self) -> str:
        """The reading in words that `readings.named` understands, such as ``date dd.mm.yyyy``."""
        ...

    @property
    def field_type(self) -> str:
        """The field type that holds the values."""
        ...

    def read(self, text: str) -> Any:
        """Return the value of a text, None for a missing one, ``UNFIT`` for what does not fit."""
        ...

    def value(self, given: Any) -> Any:
        """Return the same for a value that may have a type already, such as one in JSON."""
        ...

    def column(self, texts: pa.Array | pa.ChunkedArray) -> ColumnRead:
        """Return the same for a column of texts, bit for bit."""
        ...

    def state(self) -> dict[str, Any]:
        """Return it as JSON values; `readings.of_state` makes it of them again."""
        ...

    @classmethod
    def of_state(cls, state: Mapping[str, Any]) -> Self: ...


def is_mark(text: str) -> bool:
    """Tell a text that stands for no value."""
    return text.strip().casefold() in MARKS


def one_array(texts: pa.Array | pa.ChunkedArray) -> pa.Array:
    """Return texts as one array."""
    import pyarrow as pa  # noqa: PLC0415 - the server imports this module, and no table library

    if isinstance(texts, pa.ChunkedArray):
        texts = texts.combine_chunks()
        if isinstance(texts, pa.ChunkedArray):  # too large for one array of 32-bit offsets
            texts = pa.concat_arrays([one.cast(pa.large_string()) for one in texts.chunks])
    return texts


def read_distinct(texts: pa.Array, read: Callable[[str], Any], arrow: pa.DataType) -> ColumnRead:
    """Read each distinct text once."""
    encoded = texts.dictionary_encode()
    return spread(encoded, [read(text) for text in encoded.dictionary.to_pylist()], arrow)


def spread(encoded: pa.Array, made: Sequence[Any], arrow: pa.DataType) -> ColumnRead:
    """Return the column of these values of the distinct texts."""
    import pyarrow as pa  # noqa: PLC0415

    unfit = pa.array([one is UNFIT for one in made], pa.bool_())
    values = pa.array([None if one is UNFIT else one for one in made], arrow)
    flags = unfit.take(encoded.indices).fill_null(False)
    return ColumnRead(values.take(encoded.indices), flags)
