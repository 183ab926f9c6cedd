"""What a column's texts are, by a glance at their bytes: quick where programs wrote numbers.

`Evidence` looks at texts one by one, or with patterns, which for millions of numbers takes as long
as reading the file. Here the same shapes follow from where digits, points and signs stand.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from modelstudio.tables.readings import bits, booleans, moments, numbers

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pyarrow as pa

Seen = tuple[int, int, list[str]]

SHORT_NUMBER: Final = bits.NUMBER | bits.SHORT_WHOLE
LONG_NUMBER: Final = bits.NUMBER | bits.LONG_WHOLE
DECIMAL: Final = bits.POINT_DECIMAL | bits.HAS_POINT
THREE: Final = bits.POINT_DECIMAL | bits.POINT_GROUPS | bits.HAS_POINT | bits.THREE_POINT
#: Of a decimal comma alike.
COMMA_DECIMAL: Final = bits.COMMA_DECIMAL | bits.HAS_COMMA
COMMA_THREE: Final = bits.COMMA_DECIMAL | bits.COMMA_GROUPS | bits.HAS_COMMA | bits.THREE_COMMA
_COMMA, _MINUS, _POINT, _ZERO, _NINE = b",-.09"
_LONGEST: Final = 15
_LONGEST_DECIMAL: Final = 30
_THREE: Final = 3
_WORD: Final = len("1.0")
_DATE: Final = 10
_DASHES: Final = (4, 7)
_EXAMPLES: Final = 3
_ASKED_ABOUT: Final = 30
_TRIED: Final = 400
_TRIED_WHOLE: Final = 50


def glance(array: pa.Array) -> list[Seen] | None:
    """Return shapes with their counts and examples; None if the texts are to be looked at closely.

    All texts are then numbers as programs write them, or all are ISO dates. That numbers may be
    words for true and false, or years, is told only where all may be.

    Parameters
    ----------
    array
        Texts, none of them null.
    """
    import numpy as np  # noqa: PLC0415 - the server imports this module, and no table library
    import pyarrow as pa  # noqa: PLC0415

    if not len(array) or array.type != pa.string():
        return None
    _, places, data = array.buffers()
    starts: Any = np.frombuffer(places, np.int32)[array.offset : array.offset + len(array) + 1]
    first, last = int(starts[0]), int(starts[-1])
    if first == last:
        return None
    text: Any = np.frombuffer(data, np.uint8)[first:last]
    # Nothing but digits, commas, points, slashes and minus signs.
    if text.min() < _COMMA or text.max() > _NINE:
        return None
    return _Texts(array, text, starts - first).seen()


def _as_moments(shortest: int, longest: int) -> bool:
    """Whether whole numbers of so many digits may be moments of one form."""
    near = longest - shortest <= 1  # seconds since 1970 got a tenth digit in 2001
    return near and moments.may_be_moment(shortest) and moments.may_be_moment(longest)


class _Texts:
    """Texts of digits, points, slashes and minus signs."""

    def __init__(self, array: pa.Array, text: Any, starts: Any) -> None:
        import numpy as np  # noqa: PLC0415

        self._np = np
        self._array = array
        self._text = text
        self._begin = starts[:-1]
        self._end = starts[1:]
        self._lengths = self._end - self._begin

    def seen(self) -> list[Seen] | None:
        np, text = self._np, self._text
        if not self._lengths.min():
            return None
        minus = text[self._begin] == _MINUS
        others = np.flatnonzero(text < _ZERO)
        if not len(others):
            return self._whole(self._lengths)
        signs = text[others]
        if len(others) == np.count_nonzero(minus) and (signs == _MINUS).all():
            return self._whole(self._lengths - minus)
        if (signs == _MINUS).all():
            return self._dates()
        for sign, shapes in ((_POINT, (DECIMAL, THREE)), (_COMMA, (COMMA_DECIMAL, COMMA_THREE))):
            points = others[signs == sign]
            if len(points) and len(points) + np.count_nonzero(minus) == len(others):
                return self._decimals(points, minus, shapes)
        return None

    def _whole(self, digits: Any) -> list[Seen] | None:
        """Look at whole numbers with so many digits."""
        np = self._np
        longest, shortest = int(digits.max()), int(digits.min())
        leading = self._text[self._end - digits] if shortest else None
        if leading is None or longest > _LONGEST or ((leading == _ZERO) & (digits > 1)).any():
            return None
        if longest == 1 and int(self._lengths.max()) == 1:
            return self._single(np.bincount(self._text, minlength=_NINE + 1))
        if _as_moments(shortest, longest) and self._may_be_moments():
            return None
        short = digits <= _THREE
        return self._shapes((SHORT_NUMBER, short), (LONG_NUMBER, ~short))

    def _single(self, counts: Any) -> list[Seen]:
        """Look at digits of which each is a value: 0 and 1 may be no and yes."""
        return [
            (numbers.shape(chr(digit)) | booleans.shape(chr(digit)), int(count), [chr(digit)])
            for digit, count in enumerate(counts)
            if count
        ]

    def _may_be_moments(self) -> bool:
        step = max(1, len(self._array) // _TRIED_WHOLE)
        tried = [self._array[place].as_py() for place in range(0, len(self._array), step)]
        return 2 * sum(1 for text in tried if moments.shape(text)) > len(tried)

    def _decimals(self, points: Any, minus: Any, shapes: tuple[int, int]) -> list[Seen] | None:
        """Look at numbers with a decimal sign at these places, and others without one."""
        np = self._np
        longest = int(self._lengths.max())
        if longest > _LONGEST_DECIMAL or longest == _WORD:  # 0.0 and 1.0 may be no and yes
            return None
        every = len(points) == len(self._begin)
        rows: Any = slice(None)
        if not every:
            rows = np.searchsorted(self._end, points, side="right")
            if (np.diff(rows) <= 0).any():
                return None
        begin, end = self._begin[rows], self._end[rows]
        if every and ((points < begin) | (points >= end)).any():
            return None
        behind = end - points - 1
        before = (points - begin) - minus[rows]
        are_whole = (behind == 1).all() and (self._text[end - 1] == _ZERO).all()
        if are_whole or (before + behind == 0).any():  # 2024.0 may be a year
            return None
        three = behind == _THREE
        if three.any():
            leading = self._text[begin + minus[rows]]
            three &= (before > 0) & (before <= _THREE) & (leading != _ZERO)
        zero = three & (self._text[end - 1] == _ZERO)
        masks = {
            shapes[0]: ~three, shapes[1]: three & ~zero, shapes[1] | bits.ENDS_IN_ZERO: zero
        }  # fmt: skip
        if every:
            return self._shapes(*masks.items())
        without = np.ones(len(self._begin), bool)
        without[rows] = False
        return self._mixed(without, minus, rows, masks)

    def _mixed(
        self, without: Any, minus: Any, rows: Any, masks: Mapping[int, Any]
    ) -> list[Seen] | None:
        """Add the whole numbers that stand among decimals."""
        np = self._np
        digits = self._lengths - minus
        leading = self._text[np.minimum(self._begin + minus, len(self._text) - 1)]
        if (without & ((digits == 0) | (digits > _LONGEST))).any():
            return None
        if (without & (leading == _ZERO) & (digits > 1)).any():
            return None
        found = {}
        for shape, of_decimals in masks.items():
            mask = np.zeros(len(without), bool)
            mask[rows] = of_decimals
            found[shape] = mask
        short = without & (digits <= _THREE)
        return self._shapes((SHORT_NUMBER, short), (LONG_NUMBER, without & ~short), *found.items())

    def _dates(self) -> list[Seen] | None:
        import pyarrow as pa  # noqa: PLC0415

        if (self._lengths != _DATE).any() or (self._text[self._begin] == _ZERO).any():
            return None
        dashes = [(self._text[self._begin + place] == _MINUS).all() for place in _DASHES]
        count = self._np.count_nonzero(self._text == _MINUS)
        if not all(dashes) or count != len(_DASHES) * len(self._begin):
            return None
        try:
            self._array.cast(pa.date32())
        except pa.ArrowInvalid:  # the 30th of February among them
            return None
        return [(bits.YMD, len(self._array), self._array[:_EXAMPLES].to_pylist())]

    def _shapes(self, *masks: tuple[int, Any]) -> list[Seen]:
        found: list[Seen] = []
        for shape, mask in masks:
            count = int(self._np.count_nonzero(mask))
            if count:
                # A person may be asked about these, with three values and not thrice the same.
                most = _ASKED_ABOUT if shape & bits.THREE_POINT else _EXAMPLES
                some = self._np.flatnonzero(mask[:_TRIED])[:most]
                some = some if len(some) else self._np.flatnonzero(mask)[:most]
                found.append((shape, count, [self._array[int(place)].as_py() for place in some]))
        return found
