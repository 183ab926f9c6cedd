"""Numbers as people write them: ``1,234.5``, ``1.234,5``, ``1 234,5``, ``12 %``, ``$5``."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar, Final, Self

from modelstudio.tables.readings import bits
from modelstudio.tables.readings.base import (
    LONGEST,
    UNFIT,
    ColumnRead,
    is_mark,
    one_array,
    read_distinct,
    spread,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import pyarrow as pa

#: Currencies as they are shown, each with the ways to write it, in the order of their bits.
_CURRENCIES: Final[Mapping[str, tuple[str, ...]]] = {
    "$": ("$", "usd", "us$"), "€": ("€", "eur"), "£": ("£", "gbp"), "¥": ("¥", "jpy"),
    "₹": ("₹", "inr", "rs."), "₽": ("₽", "rub"), "₩": ("₩", "krw"), "₺": ("₺", "try"),
    "CHF": ("chf", "fr."), "kr": ("kr", "kr."), "SEK": ("sek",), "NOK": ("nok",), "DKK": ("dkk",),
    "zł": ("zł", "pln"), "Kč": ("kč", "czk"), "Ft": ("ft", "huf"), "R$": ("r$", "brl"),
    "CAD": ("cad",), "AUD": ("aud",), "CNY": ("cny",),
}  # fmt: skip
#: What some of them were called in readings that are stored.
_OTHER: Final = "other currency"
CURRENCIES: Final = tuple(_CURRENCIES)
_SIGNS: Final = {sign: name for name, signs in _CURRENCIES.items() for sign in signs}
_CURRENCY: Final = f"(?:{'|'.join(map(re.escape, sorted(_SIGNS, key=len, reverse=True)))})"
_GROUP_SPACE: Final = " \u00a0\u202f\u2009'\u2019"
_MINUS: Final = "-\u2212\u2013"
_SMALL: Final = 2**53
_LARGEST: Final = 2**63

_BY_COMMAS: Final = (
    # Also as in India, where all groups but the last have two digits.
    r"[1-9][0-9]{0,2}(?:,[0-9]{3})+(?:\.[0-9]*)?|[1-9][0-9]?(?:,[0-9]{2})+,[0-9]{3}(?:\.[0-9]*)?"
)
_BY_SPACES: Final = rf"[1-9][0-9]{{0,2}}(?:[{_GROUP_SPACE}][0-9]{{3}})+"
_POINTED: Final = r"[0-9]+(?:\.[0-9]*)?|\.[0-9]+"
_COMMAED: Final = r"[0-9]+(?:,[0-9]*)?|,[0-9]+"
#: Notation to its group signs, its decimal sign, and the pattern of its digits.
_NOTATIONS: Final[Mapping[str, tuple[str, str, str]]] = {
    "1234.5": ("", ".", _POINTED),
    "1,234.5": (",", ".", f"{_BY_COMMAS}|{_POINTED}"),
    "1.234,5": (".", ",", rf"[1-9][0-9]{{0,2}}(?:\.[0-9]{{3}})+(?:,[0-9]*)?|{_COMMAED}"),
    "1 234.5": (_GROUP_SPACE, ".", rf"{_BY_SPACES}(?:\.[0-9]*)?|{_POINTED}"),
    "1 234,5": (_GROUP_SPACE, ",", rf"{_BY_SPACES}(?:,[0-9]*)?|{_COMMAED}"),
}
#: The bit of each notation.
NOTATION_BITS: Final[Mapping[str, int]] = {
    "1234.5": bits.PLAIN,
    "1,234.5": bits.COMMA_GROUPS,
    "1.234,5": bits.POINT_GROUPS,
    "1 234.5": bits.SPACE_POINT,
    "1 234,5": bits.SPACE_COMMA,
}
#: What a whole number of each notation looks like, to name it.
_WHOLE_NAMES: Final = {
    "1234.5": "1234", "1,234.5": "1,234", "1.234,5": "1.234", "1 234.5": "1 234", "1 234,5": "1 234"
}  # fmt: skip
_PARTS: Final = re.compile(
    # In accounts a currency stands before the bracket that means minus: $ (5.00).
    rf"(?:(?P<outside>{_CURRENCY})\s*(?=\())?"
    rf"(?P<open>\()?\s*(?P<sign>[-+\u2212\u2013])?\s*(?P<before>{_CURRENCY})?\s*"
    rf"(?P<sign_after>[-+\u2212\u2013])?\s*"
    rf"(?P<digits>[0-9.,](?:[0-9.,{_GROUP_SPACE}]*[0-9.,])?)(?P<exponent>e[-+]?[0-9]+)?\s*"
    # A dash behind the decimal sign stands for its digits: 5,- is five.
    rf"(?P<cents>(?<=[0-9][.,])[-\u2013\u2014]{{1,2}}\s*)?"
    rf"(?P<after>%|{_CURRENCY})?(?P<sign_last>-)?\s*(?(open)\))",
    re.IGNORECASE,
)
#: Zero as accounts write it; a dash alone may as well be a missing value.
_ACCOUNTED_ZERO: Final = re.compile(
    rf"({_CURRENCY})\s*[-\u2013]+|[-\u2013]+\s*({_CURRENCY})", re.IGNORECASE
)
_INFINITY: Final = re.compile(r"([-+])?(?:inf|infinity)", re.IGNORECASE)
_BODIES: Final = {name: re.compile(body) for name, (_, _, body) in _NOTATIONS.items()}
_ADDRESS: Final = re.compile(r"(?:1\d\d|2[0-4]\d|25[0-5])(?:\.(?:1\d\d|2[0-4]\d|25[0-5])){3}")
_THREE: Final = re.compile(r"[1-9][0-9]{0,2}([.,])[0-9]{3}")
_DIGITS: Final = re.compile(r"[0-9]+")
#: Whole numbers as programs write them, which Arrow reads alike.
PLAIN_WHOLE: Final = r"^-?(0|[1-9][0-9]{0,17})$"
_PLAIN_NUMBER: Final = r"^-?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][-+]?[0-9]+)?$"
#: Notation to what it looks like when programs write it, and which signs then to replace.
_PROGRAMS: Final[Mapping[str, tuple[str, tuple[tuple[str, str], ...]]]] = {
    "1234.5": (_PLAIN_NUMBER, ()),
    "1,234.5": (r"^-?([1-9][0-9]{0,2}(,[0-9]{3})+|[0-9]+)(\.[0-9]*)?$", ((",", ""),)),
    "1.234,5": (
        r"^-?([1-9][0-9]{0,2}(\.[0-9]{3})+|[0-9]+)(,[0-9]*)?$", ((".", ""), (",", "."))
    ),
    "1 234.5": (_PLAIN_NUMBER, ()),
    "1 234,5": (r"^-?[0-9]+(,[0-9]*)?$", ((",", "."),)),
}  # fmt: skip


def shape(bare: str) -> int:
    """Return which notations read a text without spaces around it, and what is in it."""
    if len(bare) > LONGEST:
        return 0
    bare = _without_dash(bare)
    if not any(character.isdecimal() for character in bare):
        return _infinite(bare)
    match = _PARTS.fullmatch(bare)
    if match is None or _has_two_units(match):
        return 0
    digits = match["digits"]
    fits = {name for name, body in _BODIES.items() if body.fullmatch(digits)}
    if not fits:
        return 0
    found = sum(NOTATION_BITS[name] for name in fits)
    if _overflows(digits, match["exponent"], min(fits, key=list(_NOTATIONS).index)):
        return 0
    return found | _marks(digits, match) | _unit_bit(_sign_of(match))


def _infinite(bare: str) -> int:
    plain = bits.PLAIN | bits.COMMA_GROUPS | bits.POINT_GROUPS | bits.SPACE_POINT | bits.SPACE_COMMA
    return plain | bits.INFINITE if _INFINITY.fullmatch(bare) else 0


def _overflows(digits: str, exponent: str | None, notation: str) -> bool:
    return exponent is not None and math.isinf(_float(digits, exponent, notation))


def _marks(digits: str, match: re.Match[str]) -> int:
    found = 0
    if "." in digits:
        found |= bits.HAS_POINT
    if "," in digits:
        found |= bits.HAS_COMMA
    if match["exponent"]:
        found |= bits.HAS_EXPONENT
    found |= bits.ADDRESS if _ADDRESS.fullmatch(digits) else 0
    three = _THREE.fullmatch(digits)
    if three and not match["exponent"]:
        found |= bits.THREE_POINT if three[1] == "." else bits.THREE_COMMA
        found |= bits.ENDS_IN_ZERO if digits.endswith("0") else 0
    if _DIGITS.fullmatch(digits) and not match["exponent"]:
        found |= bits.SHORT_WHOLE if len(digits) <= 3 else bits.LONG_WHOLE  # noqa: PLR2004
        found |= bits.PADDED if digits[0] == "0" and len(digits) > 1 else 0
        lowest = match["sign"] == "-" and int(digits) == _LARGEST
        found |= bits.HUGE if int(digits) >= _LARGEST and not lowest else 0
        found |= bits.PRECISE if int(digits) > _SMALL else 0
    return found


def _without_dash(bare: str) -> str:
    """Write the zero of accounts, a dash beside a currency, with a digit."""
    found = _ACCOUNTED_ZERO.fullmatch(bare)
    return bare if found is None else f"{found[1] or found[2]}0"


def _sign_of(match: re.Match[str]) -> str | None:
    return match["outside"] or match["before"] or match["after"]


def _has_two_units(match: re.Match[str]) -> bool:
    return sum(bool(match[part]) for part in ("outside", "before", "after")) > 1


def unit_of(sign: str | None) -> str:
    """Return the unit that a sign beside a number stands for, empty for none."""
    if not sign:
        return ""
    return "%" if sign == "%" else _SIGNS[sign.casefold()]


def _unit_bit(sign: str | None) -> int:
    unit = unit_of(sign)
    if not unit:
        return 0
    return bits.PERCENT if unit == "%" else currency_bit(CURRENCIES.index(unit))


def currency_bit(place: int) -> int:
    """Return the bit of one of `CURRENCIES`."""
    return 1 << (bits.FIRST_CURRENCY + place)


def _float(digits: str, exponent: str | None, notation: str) -> float:
    groups, decimal, _ = _NOTATIONS[notation]
    for sign in groups:
        digits = digits.replace(sign, "")
    return float(digits.replace(decimal, ".") + (exponent or ""))


@dataclass(frozen=True)
class NumberReading:
    """Numbers in one notation.

    Attributes
    ----------
    notation
        ``1234.5`` as programs write, or ``1,234.5``, ``1.234,5``, ``1 234.5``, ``1 234,5``.
    unit
        ``%`` when every value has it, a currency when one was seen, else empty. It is not part of
        the value: ``12 %`` is 12.
    whole
        Whether all values were whole: whole ones are then exact integers.
    """

    kind: ClassVar[str] = "number"
    notation: str = "1234.5"
    unit: str = ""
    whole: bool = False

    @property
    def name(self) -> str:
        form = f"whole number {_WHOLE_NAMES[self.notation]}" if self.whole else ""
        return (form or f"number {self.notation}") + (f" {self.unit}" if self.unit else "")

    @property
    def field_type(self) -> str:
        return "LONG" if self.whole else "DOUBLE"

    @cached_property
    def _read(self) -> Callable[[str], Any]:
        groups, decimal, _ = _NOTATIONS[self.notation]
        body, percent, whole_too = _BODIES[self.notation], self.unit == "%", self.whole

        def read(text: str) -> Any:
            bare = text.strip()
            match = _PARTS.fullmatch(_without_dash(bare)) if len(bare) <= LONGEST else None
            if match is None or not body.fullmatch(match["digits"]):
                if is_mark(bare):
                    return None
                infinite = _INFINITY.fullmatch(bare)
                return UNFIT if infinite is None else float(bare)
            if _has_two_units(match) or percent != (unit_of(_sign_of(match)) == "%"):
                return UNFIT
            digits = match["digits"]
            for group in groups:
                digits = digits.replace(group, "")
            signs = (match["sign"], match["sign_after"], match["sign_last"])
            minus = any(sign and sign in _MINUS for sign in signs) or match["open"] is not None
            if whole_too and not match["exponent"]:
                before, _, after = digits.partition(decimal)
                if before and not after.strip("0"):  # 101.0, as tables with gaps have it
                    number = -int(before) if minus else int(before)
                    return number if -_LARGEST <= number < _LARGEST else UNFIT
            value = float(digits.replace(decimal, ".") + (match["exponent"] or ""))
            if math.isinf(value):
                return UNFIT
            return -value if minus else value

        return read

    def read(self, text: str) -> Any:
        return self._read(text)

    def value(self, given: Any) -> Any:  # noqa: PLR0911 - one for each type
        if isinstance(given, str):
            return self._read(given)
        if given is None or given is UNFIT:
            return given
        if isinstance(given, bool) or type(given).__name__ == "bool_":
            return int(given) if self.whole else float(given)
        if isinstance(given, int):
            return given if self.whole and -_LARGEST <= given < _LARGEST else _as_float(given)
        if isinstance(given, Decimal):
            if given.is_nan():
                return None
            exact = self.whole and given == given.to_integral_value()
            return self.value(int(given)) if exact else _as_float(given)
        if hasattr(given, "item") and not isinstance(given, float):  # NumPy's
            return self.value(given.item())
        if isinstance(given, float):
            return None if given != given else given  # noqa: PLR0124 - NaN
        return UNFIT

    def column(self, texts: pa.Array | pa.ChunkedArray) -> ColumnRead:
        import pyarrow as pa  # noqa: PLC0415
        from pyarrow import compute  # noqa: PLC0415

        pc: Any = compute
        array = one_array(texts)
        if self.unit == "%":
            return self._distinct(array)
        target = pa.int64() if self.whole else pa.float64()
        nothing = pa.repeat(False, len(array))
        quick = self._quick(array, target)
        if quick is not None:
            return ColumnRead(quick, nothing)
        # What programs write, Arrow reads to the same bits.
        pattern, groups = _PROGRAMS[self.notation]
        plain = pc.match_substring_regex(array, PLAIN_WHOLE if self.whole else pattern)
        rest = pc.and_(pc.invert(plain.fill_null(True)), array.is_valid())
        written = pc.if_else(plain, array, pa.scalar(None, array.type))
        for sign, meant in groups:
            written = pc.replace_substring(written, sign, meant)
        many = written.cast(target)
        if not pc.any(rest).as_py() and (self.whole or not _any_infinite(many)):
            return ColumnRead(many, nothing)
        if not self.whole and _any_infinite(many):  # 1e400
            rest = pc.or_(rest, pc.is_inf(many).fill_null(False))
        if self.whole and pc.any(pc.greater(pc.abs_checked(many), _SMALL)).as_py():
            return self._distinct(array)  # beside a fraction they would be rounded
        slow = self._distinct(pc.if_else(rest, array, pa.scalar(None, array.type)))
        if slow.values.type != many.type:
            many = many.cast(slow.values.type)
        return ColumnRead(pc.if_else(rest, slow.values, many), slow.unfit)

    def _quick(self, array: pa.Array, target: pa.DataType) -> pa.Array | None:
        """Return values that Arrow reads all, None if there is anything to look at closely."""
        import numpy as np  # noqa: PLC0415
        import pyarrow as pa  # noqa: PLC0415
        from pyarrow import compute  # noqa: PLC0415

        pc: Any = compute
        if array.type != pa.string() or len(array) == array.null_count:
            return None
        _, places, data = array.buffers()
        ends: Any = np.frombuffer(places, np.int32)[array.offset : array.offset + len(array) + 1]
        text: Any = np.frombuffer(data, np.uint8)[ends[0] : ends[-1]]
        # No letter, so neither a hexadecimal number nor infinity; and no comma or plus sign.
        if not len(text) or text.max() > ord("9") or text.min() < ord("-"):
            return None
        if _NOTATIONS[self.notation][1] == "," and (text == ord(".")).any():
            return None
        try:
            found = array.cast(target)
        except pa.ArrowInvalid:
            return None
        return found if self.whole or pc.all(pc.is_finite(found)).as_py() else None

    def _distinct(self, array: pa.Array) -> ColumnRead:
        """Read each distinct text; fractions in a column of whole numbers make it one of floats."""
        import pyarrow as pa  # noqa: PLC0415

        if not self.whole:
            return read_distinct(array, self._read, pa.float64())
        encoded = array.dictionary_encode()
        made = [self._read(text) for text in encoded.dictionary.to_pylist()]
        if not any(isinstance(one, float) for one in made):
            return spread(encoded, made, pa.int64())
        if any(isinstance(one, int) and abs(one) > _SMALL for one in made):
            exact = [_exact(one) if isinstance(one, float) else one for one in made]
            return spread(encoded, exact, pa.int64())
        loose = [float(one) if isinstance(one, int) else one for one in made]
        return spread(encoded, loose, pa.float64())

    def state(self) -> dict[str, Any]:
        made = {"kind": self.kind, "notation": self.notation, "unit": self.unit}
        return {**made, "whole": self.whole}

    @classmethod
    def of_state(cls, state: Mapping[str, Any]) -> Self:
        return cls(state["notation"], state["unit"], state["whole"])


def _exact(number: float) -> Any:
    """Return a number without a fraction as an integer, ``UNFIT`` for others."""
    return int(number) if number.is_integer() and abs(number) < _LARGEST else UNFIT


def _as_float(number: Any) -> Any:
    try:
        return float(number)
    except OverflowError:
        return UNFIT


def _any_infinite(values: Any) -> bool:
    from pyarrow import compute  # noqa: PLC0415

    pc: Any = compute
    return bool(pc.any(pc.is_inf(values)).as_py())


def named(words: str) -> NumberReading | None:
    """Return the reading of a name without ``number`` or ``whole number`` before it."""
    for notation, whole in _WHOLE_NAMES.items():
        for form in (notation, whole):
            if words == form or words.startswith(f"{form} "):
                unit = words[len(form) :].strip()
                if unit in {"", "%", _OTHER, *CURRENCIES}:
                    return NumberReading(notation, unit)
    return None
