"""Chooses how a column is treated, by its type and all of its values.

The target decides only what the values leave open: whether a number that identifies rows is kept,
and whether whole numbers are codes.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from modelstudio.trainers.tabular.preparation import (
    categories,
    codes,
    dates,
    identifiers,
    numerals,
    texts,
)
from modelstudio.trainers.tabular.preparation import precision as precisions
from modelstudio.trainers.tabular.preparation.dates import EPOCH_UNITS, DateFormat
from modelstudio.trainers.tabular.preparation.identity import plain
from modelstudio.trainers.tabular.preparation.moments import PARTS, Moments
from modelstudio.trainers.tabular.preparation.plain import Booleans, Numbers, flag_of

if TYPE_CHECKING:
    from modelstudio.trainers.tabular.preparation.treatment import ColumnData, Treatment

    Values = np.ndarray[Any, Any]

NO_VALUE = "it has no value"
ONE_VALUE = "it has one value"
OUTSIDE = "its dates are not within 1678 to 2261"
ALL_DIFFERENT = "nearly every value is different"

_NUMBERS = frozenset({"BYTE", "SHORT", "INTEGER", "LONG", "FLOAT", "DOUBLE", "DECIMAL"})
_WHOLE = frozenset({"INTEGER", "LONG"})
_MOMENTS = frozenset({"DATE", "TIMESTAMP"})

# Of the distinct texts that must be numbers or dates for the column to be one of them.
_NEARLY_ALL = 0.98
# Fewer distinct whole numbers in a string column are codes.
_LEAST_NUMBERS = 10
_LEAST_COMPACT_DATES = 10
_REPEATED = 2  # rows to a value, of codes
_MOST_FLAGS = 50
_EPOCH_SECONDS = (631_152_000, 2_524_608_000)  # the years 1990 to 2049
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
KEPT_IDENTIFIER = "an identifier, kept because it tells of the target"


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


def choose(data: ColumnData, field_type: str, seed: int, target: Values | None = None) -> Choice:
    """Choose the treatment of a column.

    ``target`` has the target of each row, numbers or the codes of classes, when it is known.
    """
    if field_type in _NUMBERS:
        return _of_numbers(data, field_type, seed, target)
    if field_type == "BOOLEAN":
        return _single(Booleans(strict=False), data)
    if field_type in _MOMENTS:
        return _of_moments(data, DateFormat.ISO, strict=False)
    if field_type == "STRING":
        return _of_strings(data, seed, target)
    return Choice(reason=f"columns of type {field_type} are not supported")


def _of_numbers(data: ColumnData, field_type: str, seed: int, target: Values | None) -> Choice:
    choice = _single(Numbers(single=field_type == "FLOAT"), data)
    if choice.reason:
        return choice
    numbers = choice.made[0]
    if field_type in _WHOLE and _are_compact_dates(numbers):
        moments = _of_moments(data, DateFormat.COMPACT, strict=False)
        return replace(moments, note="whole numbers that are dates, year before month before day")
    unit = _epoch_unit(data.name, numbers)
    if unit is not None:
        return replace(_of_moments(data, unit, strict=False), note=f"numbers that are {unit}")
    choice = _kept_apart(data, _unless_identifier(data, choice, target))
    if choice.reason or target is None or not codes.may_be_codes(numbers):
        return choice
    return _also_codes(data, choice) if codes.are_codes(numbers, target, seed) else choice


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


def _kept_apart(data: ColumnData, choice: Choice) -> Choice:
    """Write numbers so that single precision holds them, where it would not."""
    if not data.is_numeric:
        return choice
    precision = precisions.choose(data.numbers[1])
    if precision is None:
        return choice
    note = f"counted from {precision.offset}" if precision.offset else "in a large and a small part"
    numbers = Numbers(precision=precision)
    note = "; ".join(filter(None, [choice.note, f"numbers {note}"]))
    return replace(choice, treatments=(numbers,), made=tuple(numbers.columns(data)), note=note)


def _unless_identifier(data: ColumnData, choice: Choice, target: Values | None) -> Choice:
    """Leave an identifier out, unless it was given out in an order that tells of the target."""
    reason = identifiers.of_numbers(data.name, choice.made[0])
    if reason is None:
        return choice
    if reason == identifiers.IDENTIFIES_ROWS and target is not None:
        is_regression = target.dtype.kind == "f"
        if identifiers.tells_of(choice.made[0], target, is_regression=is_regression):
            return replace(choice, note=KEPT_IDENTIFIER)
    return replace(choice, reason=reason)


def _are_compact_dates(numbers: Values) -> bool:
    known = np.unique(numbers[~np.isnan(numbers)])
    if len(known) < _LEAST_COMPACT_DATES:
        return False
    if known[0] < _COMPACT_DATES[0] or known[-1] > _COMPACT_DATES[1]:
        return False
    read = DateFormat.COMPACT.parser()
    return all(read(f"{number:.0f}") is not None for number in known)


def _epoch_unit(name: str, numbers: Values) -> DateFormat | None:
    """Return the unit in which numbers count from 1970; the name has to say that they are times."""
    if not _NAMED_MOMENT.search(name):
        return None
    known = numbers[~np.isnan(numbers)]
    for written, seconds in EPOCH_UNITS.items():
        low, high = known.min() * seconds, known.max() * seconds
        if _EPOCH_SECONDS[0] <= low <= high <= _EPOCH_SECONDS[1]:
            return written
    return None


def _of_moments(data: ColumnData, written: DateFormat, *, strict: bool) -> Choice:
    everything = Moments(written, strict)
    values = everything.columns(data)
    varying = [place for place, part in enumerate(values) if _distinct(part) > 1]
    meant = written.parts
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


def _of_strings(data: ColumnData, seed: int, target: Values | None) -> Choice:
    _, distinct = data.distinct
    present = [text for text in distinct if not numerals.is_marker(text)]
    if not distinct:
        return Choice(reason=NO_VALUE)
    if len(distinct) == 1 and not data.missing.any():
        return Choice(reason=ONE_VALUE, distinct=1)
    choice = _of_written_values(data, present, target) if present else None
    if choice is not None and choice.treatments:
        return replace(choice, distinct=len(distinct))
    note = "" if choice is None else choice.note
    return replace(_of_words(data, present, seed), note=note, distinct=len(distinct))


def _of_written_values(
    data: ColumnData, present: list[str], target: Values | None
) -> Choice | None:
    """Treat a string column as the flags, dates or numbers that it holds, if it does."""
    if len(present) <= _MOST_FLAGS and {flag_of(text) for text in present} == {0.0, 1.0}:
        return _single(Booleans(strict=False), data, "text that says true or false")
    written, note = dates.infer(present, _NEARLY_ALL)
    if written is not None:
        choice = _of_moments(data, written, strict=False)
        return replace(choice, note="; ".join(filter(None, [f"text, {written.plural}", note])))
    spelling = numerals.infer(present, _NEARLY_ALL)
    if spelling is not None and not _are_codes(present):
        choice = _single(numerals.NumberTexts(spelling), data, "text that is numbers")
        choice = _unless_identifier(data, choice, target)
        return choice if choice.reason else _codes_first(data, present, choice)
    return Choice(note=note)


def _codes_first(data: ColumnData, present: list[str], numbers: Choice) -> Choice:
    """Take digits that repeat for codes, since somebody has declared them to be text."""
    known = int((~np.isnan(numbers.made[0])).sum())
    if not all(text.strip().isdigit() for text in present) or known < _REPEATED * len(present):
        return numbers
    found = categories.fit(data, most=codes.MOST_LEVELS)
    values = found.columns(data)
    if found.rare is not None and (values[0] == found.rare).mean() > 1 - _LEAST_COMMON_SHARE:
        return numbers
    treatment = replace(numbers.treatments[0], part="number")  # type: ignore[type-var]
    return replace(
        numbers,
        treatments=(found, treatment),
        made=(*values, *numbers.made),
        note="digits that are codes, and also numbers",
    )


def _are_codes(present: list[str]) -> bool:
    return len(present) < _LEAST_NUMBERS and all(text.strip().isdigit() for text in present)


def _of_words(data: ColumnData, present: list[str], seed: int) -> Choice:
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


def _single(treatment: Treatment, data: ColumnData, note: str = "") -> Choice:
    values = treatment.columns(data)
    distinct = _distinct(values[0])
    reason = ""
    if distinct == 0:
        reason = NO_VALUE
    elif distinct == 1 and not np.isnan(values[0]).any():
        reason = ONE_VALUE
    return Choice((treatment,), tuple(values), reason, note, distinct)


def _distinct(values: Values) -> int:
    return len(np.unique(values[~np.isnan(values)]))
