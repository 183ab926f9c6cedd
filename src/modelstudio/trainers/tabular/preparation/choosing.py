"""Chooses how a column is treated, by its reading and all of its values.

The target decides only what the values leave open: whether a number that identifies rows is kept,
and whether whole numbers are codes.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from modelstudio.tables import types
from modelstudio.tables.identity import plain
from modelstudio.tables.readings import (
    BooleanReading,
    MomentReading,
    NumberReading,
    bits,
    is_mark,
)
from modelstudio.trainers.tabular.preparation import categories, codes, identifiers, texts
from modelstudio.trainers.tabular.preparation import precision as precisions
from modelstudio.trainers.tabular.preparation.moments import (
    COUNTED,
    COUNTED_FROM,
    COUNTED_TO,
    PARTS,
    Moments,
)
from modelstudio.trainers.tabular.preparation.plain import Booleans, Numbers, of_decimals

if TYPE_CHECKING:
    from modelstudio.tables.readings import Decision, Reading
    from modelstudio.trainers.tabular.preparation.treatment import ColumnData, Treatment

    Values = np.ndarray[Any, Any]

NO_VALUE = "it has no value"
ONE_VALUE = "it has one value"
OUTSIDE = "its dates are not within 1678 to 2261"
ALL_DIFFERENT = "nearly every value is different"

_SUPPORTED = frozenset(types.FIELD_TYPES) - types.names_of("NESTED")
# Fewer distinct whole numbers in a string column are codes.
_LEAST_NUMBERS = 10
_LEAST_COMPACT_DATES, _LEAST_COMPACT_TEXTS = 10, 2
_EXACT = 2**53  # beyond, floats round whole numbers
_REPEATED = 2  # rows to a value, of codes
_NAMED_MOMENT = re.compile(
    r"time|date|stamp|epoch|moment|created|updated|(?:^|_)(?:at|ts|on)$", re.IGNORECASE
)
_COMPACT_DATES = (19000101, 21001231)
_LEAST_TEXTS = 50
_WORDS_OF_A_TEXT = 2.0
_WORDS_OF_A_SENTENCE = 4.0
_LEAST_COMMON_SHARE = 0.1
_SAMPLE = 1000
# Without either, the hour of the week says what the other says.
_BOTH = frozenset({"weekday", "hour"})
_OF_MONTHS = frozenset({"days", "year", "month"})
# The parts of a moment that such texts say something about; of others all.
_MEANT = {
    bits.CLOCK: frozenset({"hour", "minute"}),
    bits.YEAR: frozenset({"days", "year"}),
    **dict.fromkeys((bits.MONTH, bits.MONTH2, bits.YEAR_MONTH, bits.QUARTER), _OF_MONTHS),
}
KEPT_IDENTIFIER = "an identifier, kept because it tells of the target"


@dataclass(frozen=True, slots=True)
class Column:
    """A column to choose for.

    Attributes
    ----------
    field_type
        Its dataset field type.
    decision
        How its values are read.
    told
        Whether the user has said so; then it is nothing else.
    """

    data: ColumnData
    field_type: str
    decision: Decision
    told: bool = False

    @property
    def is_text(self) -> bool:
        return self.field_type == "STRING"


@dataclass(frozen=True, slots=True)
class Choice:
    """How a column is treated, or why it is not.

    Attributes
    ----------
    made
        One array for each part of the treatments, in their order, for the rows that were seen.
    """

    treatments: tuple[Treatment, ...] = ()
    made: tuple[Values, ...] = ()
    reason: str = ""
    note: str = ""
    distinct: int = 0


def choose(column: Column, seed: int, target: Values | None = None) -> Choice:
    """Choose the treatment of a column.

    ``target`` has the target of each row, numbers or the codes of classes, when it is known.
    """
    if column.field_type not in _SUPPORTED:
        return Choice(reason=f"columns of type {column.field_type} are not supported")
    if column.is_text:
        return _of_strings(column, seed, target)
    choice = _of_values(column, seed, target)
    return choice or _of_words(column.data, seed)


def _of_strings(column: Column, seed: int, target: Values | None) -> Choice:
    data, decision = column.data, column.decision
    _, distinct = data.distinct
    if not distinct:
        return Choice(reason=NO_VALUE)
    if len(distinct) == 1 and not data.missing.any():
        return Choice(reason=ONE_VALUE, distinct=1)
    choice = _of_values(column, seed, target)
    if choice is not None and (choice.treatments or column.told):
        note = "; ".join(filter(None, [f"text, {decision.reading.name}", choice.note]))
        return replace(choice, note=note, distinct=len(distinct))
    note = decision.note
    if decision.question:
        note = f"may be {' or '.join(decision.possible)}; the values do not tell which"
    return replace(_of_words(data, seed), note=note, distinct=len(distinct))


def _of_values(column: Column, seed: int, target: Values | None) -> Choice | None:
    """Treat a column as what its reading says; None when that is text."""
    reading = column.decision.reading
    if isinstance(reading, BooleanReading):
        return _single(Booleans(reading), column.data)
    if isinstance(reading, NumberReading) or _is_duration(reading):
        return _of_numbers(column, seed, target)
    if isinstance(reading, MomentReading):
        return _of_moments(column.data, reading)
    return None


def _is_duration(reading: Reading) -> bool:
    return isinstance(reading, MomentReading) and reading.form == bits.DURATION


# numbers ------------------------------------------------------------------------------------------


def _of_numbers(column: Column, seed: int, target: Values | None) -> Choice | None:
    data, reading = column.data, column.decision.reading
    if column.field_type == "DECIMAL":
        reading = of_decimals(reading, data)
    numbers = Numbers(reading, single=column.field_type == "FLOAT")
    choice = _single(numbers, data)
    if choice.reason == ONE_VALUE and len(np.unique(numbers.exact(data))) > 1:
        choice = replace(choice, reason="")  # beyond 2**53, floats are one that differ
    if choice.reason:
        return choice
    if column.told or _is_duration(reading):
        return _kept_apart(data, choice)
    moments = _of_written_moments(column, choice.made[0])
    if moments is not None:
        return moments
    if column.is_text and _are_few_codes(data):
        flags = set(_present(data)) == {"0", "1"}
        return _single(Booleans(BooleanReading(("1", "0"))), data) if flags else None
    apart = _apart(data, choice.made[0])
    choice = _unless_identifier(data, choice, apart, target)
    return choice if choice.reason else _of_quantities(column, choice, apart, seed, target)


def _apart(data: ColumnData, numbers: Values) -> Values:
    """Return numbers that differ where those do that floats would round to one."""
    if not data.is_numeric or np.abs(numbers[~np.isnan(numbers)]).max(initial=0) <= _EXACT:
        return numbers
    known, exact = data.numbers
    if exact.dtype.kind != "i":
        return numbers
    apart = np.full(len(numbers), np.nan)
    apart[known] = (exact.view("uint64") - exact.min().view("uint64")).astype("float64")
    return apart


def _of_quantities(
    column: Column, choice: Choice, numbers: Values, seed: int, target: Values | None
) -> Choice:
    """Offer numbers as such, and as categories where they are codes."""
    data, as_floats = column.data, choice.made[0]
    choice = _kept_apart(data, choice)
    if column.is_text and _are_digits(data, numbers):
        return _codes_first(data, choice)
    if target is None or not codes.may_be_codes(numbers, as_floats):
        return choice
    return _also_codes(data, choice) if codes.are_codes(numbers, target, seed) else choice


def _of_written_moments(column: Column, numbers: Values) -> Choice | None:
    """Treat numbers that are dates, or count from 1970, as what they are."""
    known = numbers[~np.isnan(numbers)]
    least = _LEAST_COMPACT_TEXTS if column.is_text else _LEAST_COMPACT_DATES
    if column.field_type in {"INTEGER", "LONG", "STRING"} and _are_compact_dates(known, least):
        moments = _of_moments(column.data, MomentReading(bits.COMPACT))
        return replace(moments, note="whole numbers that are dates, year before month before day")
    form = _epoch_form(column.data.name, known)
    if form is None:
        return None
    reading = MomentReading(form, timed=True, zoned=True)
    return replace(_of_moments(column.data, reading), note=f"numbers that are {reading.name}")


def _are_compact_dates(known: Values, least: int) -> bool:
    distinct = np.unique(known)
    if len(distinct) < least:
        return False
    if distinct[0] < _COMPACT_DATES[0] or distinct[-1] > _COMPACT_DATES[1]:
        return False
    read = MomentReading(bits.COMPACT).read
    return all(isinstance(read(f"{number:.0f}"), int) for number in distinct)


def _epoch_form(name: str, known: Values) -> int | None:
    """Return the unit in which numbers count from 1970; the name has to say that they are times."""
    if not _NAMED_MOMENT.search(name):
        return None
    for form, micros in COUNTED.items():
        if COUNTED_FROM <= known.min() * micros <= known.max() * micros <= COUNTED_TO:
            return form
    return None


def _kept_apart(data: ColumnData, choice: Choice) -> Choice:
    """Write numbers so that single precision holds them, where it would not."""
    numbers = choice.treatments[0]
    if not isinstance(numbers, Numbers) or numbers.single:
        return choice
    known = choice.made[0][~np.isnan(choice.made[0])]
    if np.abs(known).max(initial=0) > _EXACT:
        known = numbers.exact(data)
    precision = precisions.choose(known)
    if precision is None:
        return choice
    note = f"counted from {precision.offset}" if precision.offset else "in a large and a small part"
    apart = replace(numbers, precision=precision)
    note = "; ".join(filter(None, [choice.note, f"numbers {note}"]))
    return replace(choice, treatments=(apart,), made=tuple(apart.columns(data)), note=note)


def _also_codes(data: ColumnData, choice: Choice) -> Choice:
    """Offer whole numbers as categories besides."""
    found = categories.fit(data, part="level", most=codes.MOST_LEVELS)
    found = replace(found, names=tuple(plain(name) for name in found.names))
    note = "; ".join(filter(None, [choice.note, "whole numbers that are also codes"]))
    return replace(
        choice,
        treatments=(*choice.treatments, found),
        made=(*choice.made, *found.columns(data)),
        note=note,
    )


def _are_few_codes(data: ColumnData) -> bool:
    present = _present(data)
    return len(present) < _LEAST_NUMBERS and all(text.strip().isdigit() for text in present)


def _are_digits(data: ColumnData, numbers: Values) -> bool:
    """Tell digits that repeat, which somebody has declared to be text."""
    present = _present(data)
    known = int((~np.isnan(numbers)).sum())
    return known >= _REPEATED * len(present) and all(text.strip().isdigit() for text in present)


def _codes_first(data: ColumnData, numbers: Choice) -> Choice:
    """Take digits for codes before all else, and for numbers besides."""
    found = categories.fit(data, most=codes.MOST_LEVELS)
    values = found.columns(data)
    if found.rare is not None and (values[0] == found.rare).mean() > 1 - _LEAST_COMMON_SHARE:
        return numbers
    (number,) = numbers.treatments
    if not isinstance(number, Numbers):
        return numbers
    return replace(
        numbers,
        treatments=(found, replace(number, part="number")),
        made=(*values, *numbers.made),
        note="; ".join(filter(None, [numbers.note, "digits that are codes first"])),
    )


def _unless_identifier(
    data: ColumnData, choice: Choice, numbers: Values, target: Values | None
) -> Choice:
    """Leave an identifier out, unless it was given out in an order that tells of the target."""
    reason = identifiers.of_numbers(data.name, numbers)
    if reason is None:
        return choice
    if reason == identifiers.IDENTIFIES_ROWS and target is not None:
        is_regression = target.dtype.kind == "f"
        if identifiers.tells_of(numbers, target, is_regression=is_regression):
            return replace(choice, note=KEPT_IDENTIFIER)
    return replace(choice, reason=reason)


# moments ------------------------------------------------------------------------------------------


def _of_moments(data: ColumnData, reading: MomentReading) -> Choice:
    everything = Moments(reading)
    values = everything.columns(data)
    varying = [place for place, part in enumerate(values) if _distinct(part) > 1]
    meant = _MEANT.get(reading.form)
    varying = [place for place in varying if meant is None or PARTS[place] in meant]
    if not {PARTS[place] for place in varying} >= _BOTH:
        varying = [place for place in varying if PARTS[place] != "weekhour"]
    if not varying:
        if not np.isnan(values[0]).any():
            return Choice(reason=ONE_VALUE, distinct=1)
        if np.isnan(values[0]).all():
            return Choice(reason=NO_VALUE if data.missing.all() else OUTSIDE)
        varying = [0]
    chosen = tuple(PARTS[place] for place in varying)
    return Choice(
        (replace(everything, chosen=chosen),),
        tuple(values[place] for place in varying),
        distinct=_distinct(values[0]),
    )


# text ---------------------------------------------------------------------------------------------


def _present(data: ColumnData) -> list[str]:
    return [text for text in data.distinct[1] if not is_mark(text)]


def _of_words(data: ColumnData, seed: int) -> Choice:
    present = _present(data)
    places, distinct = data.distinct
    found = categories.fit(data)
    if len(distinct) <= categories.FEW_LEVELS:
        return Choice((found,), tuple(found.columns(data)))
    reason = identifiers.of_texts(data.name, present, int((places >= 0).sum()))
    if reason is not None:
        return Choice(reason=reason)
    treatments: list[Treatment] = []
    values = found.columns(data)
    common = values[0] != (-1 if found.rare is None else found.rare)
    if common[places >= 0].mean() >= _LEAST_COMMON_SHARE and _distinct(values[0]) > 1:
        treatments.append(found)
    else:
        values = []
    words = float(np.mean([len(text.split()) for text in present[:_SAMPLE]] or [0]))
    if len(present) >= _LEAST_TEXTS and (words >= _WORDS_OF_A_TEXT or not treatments):
        terms: texts.Terms = "words" if words >= _WORDS_OF_A_SENTENCE else "characters"
        text = texts.fit(present, terms, seed)
        if text is not None:
            treatments.append(text)
            values.extend(text.columns(data))
    if not treatments:
        return Choice(reason=ALL_DIFFERENT)
    return Choice(tuple(treatments), tuple(values))


def _single(treatment: Treatment, data: ColumnData) -> Choice:
    values = treatment.columns(data)
    distinct = _distinct(values[0])
    reason = ""
    if distinct == 0:
        reason = NO_VALUE
    elif distinct == 1 and not np.isnan(values[0]).any():
        reason = ONE_VALUE
    return Choice((treatment,), tuple(values), reason, distinct=distinct)


def _distinct(values: Values) -> int:
    return len(np.unique(values[~np.isnan(values)]))
