"""Decides how columns are read, from the evidence of all of their values.

A reading is taken when every value fits it (or nearly every one, where the caller says so) and no
other reading fits as well with other values. Where two do, the other columns of the table may
tell: one that must have decimal commas, or the day first, says how the table is written. If they
don't, the column stays text and the decision is a question that names both readings.
"""

from __future__ import annotations

import datetime as dt
import math
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final, Literal

from modelstudio.tables.readings import bits, booleans, naming, numbers
from modelstudio.tables.readings.base import ASKED_MARKS
from modelstudio.tables.readings.booleans import BooleanReading
from modelstudio.tables.readings.moments import FORM_NAMES, MomentReading, window_of
from modelstudio.tables.readings.numbers import CURRENCIES, NOTATION_BITS, NumberReading
from modelstudio.tables.readings.texts import TextReading

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from modelstudio.tables.readings.base import Reading
    from modelstudio.tables.readings.evidence import Evidence

Hint = Literal["", "number", "moment", "boolean", "text"]

_NEARLY: Final = 0.8
_POINT: Final = ("1234.5", "1,234.5", "1 234.5")
_COMMA: Final = ("1.234,5", "1 234,5")
_ORDERED: Final = (bits.DMY, bits.MDY, bits.YMD2, bits.DMY2, bits.MDY2)
_ISO_TOO: Final = (bits.DMY, bits.MDY, bits.DMY2, bits.MDY2)
_ALWAYS: Final = (bits.YMD, bits.MONTH, bits.MONTH2, bits.QUARTER, bits.WEEK, bits.CLOCK)
_DIGITS: Final = (
    bits.YEAR, bits.YEAR_MONTH, bits.COMPACT, bits.COMPACT2, bits.COMPACT_DMY, bits.SECONDS,
    bits.MILLISECONDS, bits.MICROSECONDS,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Decision:
    """How a column is read.

    Attributes
    ----------
    fitted, unfit
        Values that fit and that don't; missing ones are neither.
    examples
        Up to three values that don't fit; of a question, three of those that it is about.
    possible
        Names of readings that the values allow too.
    question
        Whether one of ``possible`` may be meant, and the column stays text until somebody says.
    note
        What else is worth knowing.
    marks
        Of a text column: its texts that may stand for no value, with how often they are there.
    """

    reading: Reading
    fitted: int = 0
    unfit: int = 0
    examples: tuple[str, ...] = ()
    possible: tuple[str, ...] = ()
    question: bool = False
    note: str = ""
    marks: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Habits:
    """How a table is written, as its columns that leave no doubt show; empty where none does."""

    decimal: str = ""
    order: int = 0
    semicolons: bool = False


def decide(
    columns: Mapping[str, Evidence],
    *,
    hints: Mapping[str, str] | None = None,
    least_share: float = 1.0,
    semicolons: bool = False,
    today: dt.date | None = None,
) -> dict[str, Decision]:
    """Decide on the columns of a table together.

    Parameters
    ----------
    hints
        Column to what it is known to be: ``number``, ``moment``, ``boolean``, ``text``, or the
        name of a reading, which is then taken.
    least_share
        Of the values, so many must fit.
    semicolons
        Whether semicolons separate the columns, as where commas are in numbers.
    today
        What two-digit years are counted from.
    """
    deciding = _Deciding(least_share, window_of(today or dt.datetime.now(dt.UTC).date()))
    hints = hints or {}
    alone = Habits(semicolons=semicolons)
    first = {name: deciding.one(seen, hints.get(name, ""), alone) for name, seen in columns.items()}
    habits = _habits(columns, first, semicolons=semicolons)
    if habits == alone:
        return first
    return {
        name: deciding.one(columns[name], hints.get(name, ""), habits)
        if decision.question or decision.possible
        else decision
        for name, decision in first.items()
    }


def _habits(
    columns: Mapping[str, Evidence], found: Mapping[str, Decision], *, semicolons: bool
) -> Habits:
    decimals, orders = set(), set()
    for name, decision in found.items():
        reading, seen = decision.reading, columns[name]
        if decision.question or decision.possible or decision.unfit:
            continue
        if isinstance(reading, NumberReading):
            if reading.notation in _COMMA and seen.count_of(bits.HAS_COMMA):
                decimals.add(",")
            elif reading.notation in _POINT and seen.count_of(bits.HAS_POINT):
                decimals.add(".")
        elif isinstance(reading, MomentReading) and seen.count_of(bits.TOLD_APART):
            orders.add(bits.DMY if reading.form in {bits.DMY, bits.DMY2} else bits.MDY)
        elif isinstance(reading, MomentReading) and reading.form in {bits.DMY, bits.MDY}:
            orders.add(reading.form)
    return Habits(
        decimals.pop() if len(decimals) == 1 else "",
        orders.pop() if len(orders) == 1 else 0,
        semicolons,
    )


class _Deciding:
    """Decides on one column at a time."""

    def __init__(self, least_share: float, window: int) -> None:
        self._share = least_share
        self._window = window

    def one(self, seen: Evidence, hint: str, habits: Habits) -> Decision:  # noqa: PLR0911 - by hint
        if hint not in {"", "number", "moment", "boolean", "text"}:
            return self.told(seen, hint)
        if hint == "text" or not seen.values:
            return self._text(seen)
        if hint == "boolean":
            made = self._boolean(seen, hinted=True)
            return made or self._not(seen, *_every_word())
        number = None if hint == "moment" else self._number(seen, habits, hinted=hint == "number")
        if number is not None:
            return number
        moment = None if hint == "number" else self._moment(seen, habits, hinted=hint == "moment")
        if moment is not None:
            return moment
        if hint:
            wanted = (bits.NUMBER,) if hint == "number" else (*_ALWAYS, *_DIGITS, *_ORDERED)
            return self._not(seen, *wanted)
        return self._boolean(seen, hinted=False) or self._nearly(seen, habits)

    def told(self, seen: Evidence, name: str) -> Decision:
        """Take the reading that somebody named."""
        reading = naming.named(name)
        if isinstance(reading, NumberReading):
            whole = not seen.count_of(_fraction_of(reading.notation), bits.HUGE)
            return self._made(seen, replace(reading, whole=whole), NOTATION_BITS[reading.notation])
        if isinstance(reading, MomentReading):
            dated = replace(self._dated(seen, reading.form), window=reading.window)
            return self._made(seen, dated, reading.form)
        if isinstance(reading, BooleanReading):
            return self._made(seen, reading, *_every_word())
        return Decision(reading, fitted=seen.values)

    # numbers ------------------------------------------------------------------------------------

    def _number(self, seen: Evidence, habits: Habits, *, hinted: bool) -> Decision | None:
        best = {
            family: max(family, key=lambda one: self._fits(seen, NOTATION_BITS[one]))
            for family in (_POINT, _COMMA)
        }
        point, comma = best[_POINT], best[_COMMA]
        enough = [one for one in (point, comma) if self._enough(seen, NOTATION_BITS[one])]
        if not enough or (not hinted and _are_codes(seen)):
            return None
        if self._mixed_units(seen):
            return Decision(
                TextReading(), seen.values, note="numbers of different units stand in one column"
            )
        if len(enough) == 1:
            return self._as_number(seen, enough[0], hinted=hinted)
        fits = [self._fits(seen, NOTATION_BITS[one]) for one in enough]
        if fits[0] != fits[1]:
            return self._as_number(seen, enough[fits[1] > fits[0]], hinted=hinted)
        if not seen.count_of(bits.THREE_POINT, bits.THREE_COMMA):
            return self._as_number(seen, point, hinted=hinted)
        return self._of_two(seen, point, comma, habits, hinted=hinted)

    def _of_two(
        self, seen: Evidence, point: str, comma: str, habits: Habits, *, hinted: bool
    ) -> Decision | None:
        """Decide whether 1.234 is a little more than one, or a thousand; 1,234 likewise."""
        with_points = seen.count_of(bits.THREE_POINT) > 0
        grouped, decimal = (comma, point) if with_points else (point, comma)
        chosen = {",": comma, ".": point}.get(habits.decimal)
        if chosen is None:
            short, long = seen.count_of(bits.SHORT_WHOLE), seen.count_of(bits.LONG_WHOLE)
            if long and short + long < seen.values:  # who groups digits groups them everywhere
                chosen = decimal
            elif short and seen.count_of(bits.ENDS_IN_ZERO):  # nobody writes 1.230 beside 339
                chosen = grouped
            elif with_points and not short and not habits.semicolons:  # as programs write
                chosen = point
        other = comma if chosen == point else point
        if chosen is None:
            names = tuple(NumberReading(one).name for one in (point, comma))
            about = seen.examples(bits.THREE_POINT | bits.THREE_COMMA)
            return self._asking(seen, names, about)
        made = self._as_number(seen, chosen, hinted=hinted)
        return made and replace(made, possible=(NumberReading(other).name,))

    def _as_number(self, seen: Evidence, notation: str, *, hinted: bool) -> Decision | None:
        whole = not seen.count_of(_fraction_of(notation), bits.HAS_EXPONENT, bits.INFINITE)
        if whole and seen.count_of(bits.HUGE):
            if not hinted:
                return None
            whole = False
        unit = "%" if seen.count_of(bits.PERCENT) else ""
        for place, currency in enumerate(CURRENCIES):
            if seen.count_of(numbers.currency_bit(place)):
                unit = currency
        return self._made(seen, NumberReading(notation, unit, whole), NOTATION_BITS[notation])

    def _mixed_units(self, seen: Evidence) -> bool:
        percent = seen.count_of(bits.PERCENT)
        currencies = sum(
            1 for place in range(len(CURRENCIES)) if seen.count_of(numbers.currency_bit(place))
        )
        return currencies > 1 or bool(
            percent and (currencies or percent < self._fits(seen, bits.NUMBER))
        )

    # moments ------------------------------------------------------------------------------------

    def _moment(self, seen: Evidence, habits: Habits, *, hinted: bool) -> Decision | None:
        allowed = [*_ALWAYS, bits.DMY, bits.MDY]
        if hinted or not seen.count_of(bits.UNPADDED):
            allowed += [bits.DMY2, bits.MDY2]
            if not seen.count_of(bits.DOTTED, bits.SLASHED):
                allowed.append(bits.YMD2)
        if hinted:
            allowed += _DIGITS
        elif seen.count_of(bits.COMPACT) and seen.count_of(bits.TIMED) == seen.count_of(
            bits.COMPACT
        ):
            allowed.append(bits.COMPACT)  # 20240131T0930 is no number
        fits = {form: self._fits(seen, form) for form in allowed if self._enough(seen, form)}
        if not fits and self._enough(seen, bits.DURATION):
            return self._made(seen, self._dated(seen, bits.DURATION), bits.DURATION)
        most = max(fits.values(), default=0)
        best = [form for form in allowed if fits.get(form) == most]
        if not best:
            return None
        if seen.count_of(bits.ZONED) and seen.count_of(bits.TIMED, without=bits.ZONED):
            name = self._dated(seen, best[0]).name  # what has no offset may be of any zone
            about = [*seen.examples(best[0], bits.ZONED)[:2], *seen.examples(bits.ZONED)]
            return self._asking(seen, (name,), about[:3])
        if len(best) == 1 or best[0] in _ALWAYS:
            other = (_name_of(bits.DURATION),) if best[0] == bits.CLOCK else ()
            made = self._made(seen, self._dated(seen, best[0]), best[0])
            return replace(made, possible=other)
        return self._of_orders(seen, best, habits)

    def _of_orders(self, seen: Evidence, best: Sequence[int], habits: Habits) -> Decision:
        """Decide which of two or three numbers is the day."""
        chosen = None
        days, months = {bits.DMY, bits.DMY2}, {bits.MDY, bits.MDY2}
        if set(best) <= days | months:
            day_first = next(form for form in best if form in days)
            if not seen.count_of(bits.TOLD_APART):
                return self._made(seen, self._dated(seen, day_first), day_first)
            dotted = seen.count_of(bits.DOTTED) >= seen.count_of(day_first)
            if habits.order == bits.MDY and not dotted:
                chosen = next(form for form in best if form in months)
            elif dotted or habits.order == bits.DMY:  # with points the day stands first
                chosen = day_first
        names = tuple(self._dated(seen, form).name for form in best)
        if chosen is None:
            return self._asking(seen, names, seen.examples(best[0]))
        made = self._made(seen, self._dated(seen, chosen), chosen)
        return replace(made, possible=tuple(one for one in names if one != made.reading.name))

    def _dated(self, seen: Evidence, form: int) -> MomentReading:
        timed = seen.count_of(bits.TIMED)
        untimed = self._fits(seen, form) - timed
        zoned = seen.count_of(bits.ZONED) > 0
        # Dates some of which were written with a midnight are dates.
        with_time = timed > 0 and (zoned or untimed <= 0 or seen.count_of(bits.LATER) > 0)
        runs = tuple(seen.runs or ()) if zoned else ()
        zone = _zone_of(runs) if zoned else None
        dotted = seen.count_of(bits.DOTTED) > 0
        return MomentReading(form, with_time, zoned, dotted, self._window, zone, runs)

    # the others ---------------------------------------------------------------------------------

    def _boolean(self, seen: Evidence, *, hinted: bool) -> Decision | None:
        if hinted:
            made = self._made(seen, BooleanReading(), *_every_word())
            return made if made.fitted >= math.ceil(self._share * seen.values) else None
        for place, words in enumerate(booleans.PAIRS):
            true, false = booleans.pair_bits(place)
            there = bool(seen.count_of(true)), bool(seen.count_of(false))
            # One word alone tells nothing, unless it is the word itself.
            if place and there != (True, True):
                continue
            if seen.count_of(true, false) == seen.values:
                return Decision(BooleanReading(words), seen.values)
        return None

    def _nearly(self, seen: Evidence, habits: Habits) -> Decision:
        """Return text, and the reading that most values would fit."""
        if self._share > _NEARLY:
            loose = _Deciding(_NEARLY, self._window)
            for found in (
                loose._number(seen, habits, hinted=False),
                loose._moment(seen, habits, hinted=False),
            ):
                if found is not None and not found.question and found.unfit:
                    text = self._text(seen)
                    return replace(text, possible=(found.reading.name,), examples=found.examples)
        return self._text(seen)

    def _text(self, seen: Evidence) -> Decision:
        asked = {mark: n for mark, n in seen.marks.items() if mark.casefold() in ASKED_MARKS}
        return Decision(TextReading(), seen.values + sum(seen.marks.values()), marks=asked)

    def _not(self, seen: Evidence, *wanted: int) -> Decision:
        """Return text for a column that should be something else, with what is not."""
        text = self._text(seen)
        wrong = seen.examples(lacking=sum(set(wanted))) or seen.examples()
        return replace(text, examples=tuple(wrong))

    def _asking(self, seen: Evidence, names: tuple[str, ...], about: Sequence[str]) -> Decision:
        text = self._text(seen)
        return replace(text, possible=names, question=True, examples=tuple(about))

    def _made(self, seen: Evidence, reading: Reading, *fitting: int) -> Decision:
        fitting = _with_iso(*fitting)
        fitted = seen.count_of(*fitting)
        unfit = seen.values - fitted
        wrong = tuple(seen.examples(lacking=sum(fitting))) if unfit else ()
        return Decision(reading, fitted, unfit, wrong)

    def _fits(self, seen: Evidence, bit: int) -> int:
        return seen.count_of(*_with_iso(bit)) if seen.count_of(bit) else 0

    def _enough(self, seen: Evidence, bit: int) -> bool:
        return self._fits(seen, bit) >= max(1, math.ceil(self._share * seen.values))


def _with_iso(*fitting: int) -> tuple[int, ...]:
    """Add the dates with their year first, which can be read in one way only, to other dates."""
    return (*fitting, bits.YMD) if len(fitting) == 1 and fitting[0] in _ISO_TOO else fitting


def _are_codes(seen: Evidence) -> bool:
    addresses = seen.count_of(bits.ADDRESS)  # of machines
    return addresses == seen.values or bool(seen.count_of(bits.PADDED, without=bits.HAS_POINT))


def _fraction_of(notation: str) -> int:
    return bits.HAS_COMMA if notation in _COMMA else bits.HAS_POINT


def _every_word() -> list[int]:
    found: set[int] = set()
    for place in range(len(booleans.PAIRS)):
        found.update(booleans.pair_bits(place))
    return sorted(found)


def _zone_of(runs: Sequence[tuple[int, int, int]]) -> str | None:
    if not runs:
        return None
    offset = runs[-1][2]
    if offset == 0:
        return "UTC"
    hours, minutes = divmod(abs(offset), 60)
    return f"{'-' if offset < 0 else '+'}{hours:02}:{minutes:02}"


def _name_of(form: int) -> str:
    return MomentReading(form).name if form in FORM_NAMES else ""
