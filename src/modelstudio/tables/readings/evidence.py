"""What the values of a column allow: how many there are of each shape, with examples.

Evidence of parts of a column (batches, files) adds up to that of the whole, in any order, and is
plain JSON. `deciding` makes a reading of it. Only the server's table processes and trainers
observe values; merging and deciding need no table library.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from functools import lru_cache
from heapq import nsmallest
from typing import TYPE_CHECKING, Any, Final, Self

from modelstudio.tables.readings import bits, booleans, forms, moments, numbers
from modelstudio.tables.readings.base import is_mark, one_array
from modelstudio.tables.readings.glance import glance

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    import pyarrow as pa

Run = tuple[int, int, int]

_EXAMPLES: Final = 3
_SHOWN: Final = 60
_MOST_RUNS: Final = 1000
_MOST_MARKS: Final = 20
#: Of a batch with more distinct texts than this, so many are looked at to tell prose from values.
_TRIED: Final = 400
_TRIED_WHOLE: Final = 50
_MOST_COMPACT: Final = 20_000
_MOST_FEW: Final = 2_000
_ORDERS: Final = (bits.YMD, bits.DMY, bits.MDY, bits.YMD2, bits.DMY2, bits.MDY2, bits.COMPACT)
_WINDOW: Final = 1937

_SHORT_NUMBER: Final = bits.NUMBER | bits.SHORT_WHOLE
_LONG_NUMBER: Final = bits.NUMBER | bits.LONG_WHOLE
_DECIMAL: Final = bits.POINT_DECIMAL | bits.HAS_POINT
_THREE: Final = bits.POINT_DECIMAL | bits.POINT_GROUPS | bits.HAS_POINT | bits.THREE_POINT
#: Patterns of what programs write with the shape that it has, besides what is looked at below.
_PLAIN_DECIMAL: Final = r"^-?([0-9]{1,30}\.[0-9]{0,30}|\.[0-9]{1,30})$"
_THREE_DECIMAL: Final = r"^-?[1-9][0-9]{0,2}\.[0-9]{3}$"
_PLAIN_DATE: Final = r"^[1-9][0-9]{3}-[0-9]{2}-[0-9]{2}$"
_PLAIN_TIME: Final = (
    r"^[1-9][0-9]{3}-[0-9]{2}-[0-9]{2}[T ]"
    r"([01][0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9](\.[0-9]{1,6})?)?Z?$"
)
_MIDNIGHT: Final = r"[T ]00:00(:00(\.0+)?)?Z?$"


@lru_cache(1 << 15)
def shape_of(bare: str) -> int:
    """Return the shape of a text without spaces around it that is no mark."""
    return numbers.shape(bare) | booleans.shape(bare) | moments.shape(bare)


@dataclass
class Evidence:
    """What was seen of a column.

    Attributes
    ----------
    missing
        Rows without a value.
    marks
        Texts that stand for no value in a column of numbers, moments or booleans, with counts.
    shapes
        Shape to the number of values that have it, and up to three of them.
    runs
        Of values with an offset: from which UTC moment to which they were written with which
        offset (minutes); None when they don't follow one another.
    """

    missing: int = 0
    marks: Counter[str] = field(default_factory=Counter)
    shapes: dict[int, tuple[int, tuple[str, ...]]] = field(default_factory=dict)
    runs: list[Run] | None = field(default_factory=list)
    _usual: str = field(default="", compare=False, repr=False)

    @classmethod
    def of(cls, texts: Iterable[str | None]) -> Self:
        """Return the evidence of these texts."""
        found = cls()
        found.add(Counter(texts))
        return found

    @property
    def values(self) -> int:
        """Values that are no marks."""
        return sum(count for count, _ in self.shapes.values())

    def add(self, counts: Mapping[str | None, int]) -> None:
        """Take texts into account, each so many times."""
        offsets: list[Run] = []
        found: dict[int, tuple[int, list[str]]] = {}
        for text, count in counts.items():
            if text is None or not text:
                self.missing += count
            elif is_mark(text):
                self._mark(text.strip(), count)
            else:
                shape = shape_of(text.strip())
                before, shown = found.get(shape, (0, []))
                shown.append(text[:_SHOWN])
                found[shape] = before + count, shown
                if shape & bits.ZONED:
                    offsets += _run_of(text.strip())
        for shape, (count, shown) in found.items():
            self._count(shape, count, nsmallest(_EXAMPLES, shown, key=_shortest))
        self._follow(offsets)

    def observe(self, texts: pa.Array | pa.ChunkedArray) -> None:
        """Take a column of texts into account; as ``add``, and fast on what programs write."""
        from pyarrow import compute  # noqa: PLC0415

        pc: Any = compute
        array = one_array(texts)
        if array.null_count:
            self.missing += array.null_count
            array = array.drop_null()
        if self._usual == self._rest.__name__ and len(array):
            self._rest(array)
            return
        seen = glance(array)
        if seen is not None:
            for shape, count, examples in seen:
                self._count(shape, count, examples)
            return
        parts = [self._few, self._whole, self._decimals, self._moments]
        # What took most of a column's values will take those that follow.
        parts.sort(key=lambda part: part.__name__ != self._usual)
        rows = len(array)
        for part in parts:
            if len(array):
                left = part(pc, array)
                if rows and len(array) - len(left) > rows / 2:
                    self._usual = part.__name__
                array = left
        if len(array):
            if len(array) > rows / 2:
                self._usual = self._rest.__name__
            self._rest(array)

    def merge(self, other: Evidence) -> None:
        """Take what another part of the column showed into account."""
        self.missing += other.missing
        for mark, count in other.marks.items():
            self._mark(mark, count)
        for shape, (count, examples) in other.shapes.items():
            self._count(shape, count, examples)
        if other.runs is None:
            self.runs = None
        else:
            self._follow(other.runs)

    def count_of(self, *wanted: int, without: int = 0) -> int:
        """Return how many values have one of these bits and none of the others."""
        mask = sum(wanted)
        return sum(
            count
            for shape, (count, _) in self.shapes.items()
            if shape & mask and not shape & without
        )

    def examples(self, having: int = 0, lacking: int = 0) -> list[str]:
        """Return up to three values with, or without, any of these bits."""
        found = [
            example
            for shape, (_, examples) in self.shapes.items()
            if (not having or shape & having) and not shape & lacking
            for example in examples
        ]
        return found[:_EXAMPLES]

    def state(self) -> dict[str, Any]:
        shapes = sorted(self.shapes.items())
        return {
            "missing": self.missing,
            "marks": dict(sorted(self.marks.items())),
            "shapes": [[f"{shape:x}", count, list(shown)] for shape, (count, shown) in shapes],
            "runs": None if self.runs is None else [list(run) for run in self.runs],
        }

    @classmethod
    def of_state(cls, state: Mapping[str, Any]) -> Self:
        shapes = {int(key, 16): (count, tuple(shown)) for key, count, shown in state["shapes"]}
        runs = state["runs"]
        followed = None if runs is None else [(run[0], run[1], run[2]) for run in runs]
        return cls(state["missing"], Counter(state["marks"]), shapes, followed)

    # inside -------------------------------------------------------------------------------------

    def _mark(self, mark: str, count: int) -> None:
        if mark in self.marks or len(self.marks) < _MOST_MARKS:
            self.marks[mark] += count
        else:
            self.marks[min(self.marks)] += count

    def _count(self, shape: int, count: int, examples: Iterable[str]) -> None:
        before, shown = self.shapes.get(shape, (0, ()))
        # The same ones in whatever order they come.
        both = sorted({*shown, *(one[:_SHOWN] for one in examples)}, key=_shortest)
        self.shapes[shape] = (before + count, tuple(both[:_EXAMPLES]))

    def _follow(self, more: list[Run]) -> None:
        if self.runs is not None and more:
            self.runs = _followed([*self.runs, *more])

    def _few(self, pc: Any, array: pa.Array) -> pa.Array:
        """Count a column of few texts; of others look at a part only."""
        if len(pc.unique(array[:_TRIED])) > _TRIED // 2:
            return array
        distinct = array.value_counts()
        if len(distinct) > _MOST_FEW:
            return array
        self._add_counts(distinct)
        return array[:0]

    def _whole(self, pc: Any, array: pa.Array) -> pa.Array:
        """Count whole numbers and return the rest."""
        found, left = _split(pc, array, numbers.PLAIN_WHOLE)
        if not len(found):
            return array
        lengths = pc.utf8_length(found)
        shortest, longest = pc.min_max(lengths).values()
        may_be = moments.may_be_moment(shortest.as_py()) and moments.may_be_moment(longest.as_py())
        if may_be and self._counted_as_moments(found):
            return left
        digits = pc.subtract(lengths, pc.starts_with(found, "-").cast("int32"))
        short = pc.less_equal(digits, 3)
        precise = pc.greater(digits, 15)
        if pc.any(precise).as_py():
            precise = pc.greater(pc.abs(found.cast("int64")), 2**53)
        self._count_some(pc, _SHORT_NUMBER, found, short)
        self._count_some(pc, _LONG_NUMBER, found, pc.and_not(pc.invert(short), precise))
        self._count_some(pc, _LONG_NUMBER | bits.PRECISE, found, precise)
        return left

    def _counted_as_moments(self, found: pa.Array) -> bool:
        """Look at each of numbers that are mostly moments, unless there are too many."""
        if not _mostly_moments(found):
            return False
        distinct = found.value_counts()
        if len(distinct) > _MOST_COMPACT:
            return False
        self._add_counts(distinct)
        return True

    def _decimals(self, pc: Any, array: pa.Array) -> pa.Array:
        found, left = _split(pc, array, _PLAIN_DECIMAL)
        if not len(found):
            return array
        gaps = pc.all(pc.ends_with(found, ".0")).as_py()  # whole numbers of a table with gaps
        if gaps and self._counted_as_moments(found):
            return left
        # Where many have more or fewer than three decimals, it is known what the point means.
        if self.shapes.get(_DECIMAL, (0, ()))[0] > self.values / 2:
            self._count(_DECIMAL, len(found), found[:_EXAMPLES].to_pylist())
            return left
        three = pc.match_substring_regex(found, _THREE_DECIMAL)
        zero = pc.ends_with(found, "0")
        self._count_some(pc, _DECIMAL, found, pc.invert(three))
        self._count_some(pc, _THREE, found, pc.and_not(three, zero))
        self._count_some(pc, _THREE | bits.ENDS_IN_ZERO, found, pc.and_(three, zero))
        return left

    def _moments(self, pc: Any, array: pa.Array) -> pa.Array:
        import pyarrow as pa  # noqa: PLC0415

        for pattern, timed in ((_PLAIN_DATE, 0), (_PLAIN_TIME, bits.TIMED)):
            found, left = _split(pc, array, pattern)
            if not len(found):
                continue
            zulu = pc.ends_with(found, "Z")
            try:
                read = pc.utf8_rtrim(found, "Z").cast(pa.timestamp("us")) if timed else None
                if not timed:
                    found.cast(pa.date32())
            except pa.ArrowInvalid:  # the 30th of February among them
                continue
            later = pc.invert(pc.match_substring_regex(found, _MIDNIGHT)) if timed else zulu
            for zone in (False, True) if timed else (False,):
                of_zone = zulu if zone else pc.invert(zulu)
                shape = bits.YMD | timed | (bits.ZONED if zone else 0)
                self._count_some(pc, shape | bits.LATER, found, pc.and_(of_zone, later))
                self._count_some(pc, shape, found, pc.and_not(of_zone, later))
            if read is not None and pc.any(zulu).as_py():
                ends = pc.min_max(read.filter(zulu).cast(pa.int64()))
                self._follow([(ends["min"].as_py(), ends["max"].as_py(), 0)])
            array = left
            if not len(array):
                break
        return array

    def _rest(self, array: pa.Array) -> None:
        if self._is_prose(array):
            empty = sum(1 for text in array.slice(0, _TRIED).to_pylist() if not text)
            self._count(0, len(array) - empty, array.slice(0, _EXAMPLES).to_pylist())
            self.missing += empty
            return
        distinct = array.value_counts()
        if len(distinct) > len(array) / 2:  # what is no longer texts that repeat may be numbers
            self._usual = ""
        self._add_counts(distinct)

    def _is_prose(self, array: pa.Array) -> bool:
        """Tell texts that are mostly prose, which need not be looked at one by one."""
        if len(array) <= _TRIED:
            return False
        step = len(array) // _TRIED
        tried = {array[place].as_py() for place in range(0, len(array), step)}
        nothing = sum(1 for text in tried if not is_mark(text) and not shape_of(text.strip()))
        return nothing > len(tried) / 2 and len(tried) > _TRIED // 2

    def _count_some(self, pc: Any, shape: int, found: pa.Array, mask: pa.Array) -> None:
        count = pc.sum(mask).as_py() or 0
        if count:
            shown = found[:_TRIED].filter(mask[:_TRIED])[:_EXAMPLES]
            examples = shown if len(shown) else found.filter(mask)[:_EXAMPLES]
            self._count(shape, count, examples.to_pylist())

    def _add_counts(self, counted: pa.StructArray) -> None:
        texts, counts = counted.field("values").to_pylist(), counted.field("counts").to_pylist()
        self.add(dict(zip(texts, counts, strict=True)))


def _shortest(text: str) -> tuple[int, str]:
    return len(text), text


def _mostly_moments(found: pa.Array) -> bool:
    """Whether most of some whole numbers would be moments, so that each of them is looked at."""
    step = max(1, len(found) // _TRIED_WHOLE)
    tried = [found[place].as_py() for place in range(0, len(found), step)]
    return 2 * sum(1 for text in tried if moments.shape(text)) > len(tried)


def _split(pc: Any, array: pa.Array, pattern: str) -> tuple[pa.Array, pa.Array]:
    """Return the texts that match and the others; none are copied where all match."""
    mask = pc.match_substring_regex(array, pattern)
    count = pc.sum(mask).as_py() or 0
    if count == len(array):
        return array, array[:0]
    return array.filter(mask) if count else array[:0], array.filter(pc.invert(mask))


def _run_of(bare: str) -> list[Run]:
    for form in _ORDERS:
        found = forms.parse(form, bare, _WINDOW)
        if found is not None and found.offset is not None:
            return [(found.micros, found.micros, found.offset)]
    return []


def _followed(runs: list[Run]) -> list[Run] | None:
    """Join runs of one offset; None when offsets don't follow one another in time."""
    made: list[Run] = []
    for begin, end, offset in sorted(runs):
        if made and made[-1][2] == offset:
            made[-1] = (made[-1][0], max(made[-1][1], end), offset)
        elif made and begin <= made[-1][1]:
            return None
        else:
            made.append((begin, end, offset))
    return made if len(made) <= _MOST_RUNS else None
