"""Tells columns that identify rows from those that describe them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import stats

if TYPE_CHECKING:
    from collections.abc import Sequence

    Values = np.ndarray[Any, Any]

NUMBERS_THE_ROWS = "it numbers the rows"
IDENTIFIES_ROWS = "it identifies rows"
INDEX = "it is an index that counts the rows"

_LEAST_ROWS = 20
# Enough that a measurement is not a gapless series by accident.
_ROWS_OF_A_SERIES = 50
_ROWS_OF_A_SHUFFLED_SERIES = 200
_DISTINCT_SHARE = 0.95
_SERIES_DENSITY = 0.5
_YEARS = (1500, 2200)
_SAMPLE = 1000
_MOSTLY = 0.9
_FEW_SHAPES = 3
_BINS = 20
_LEAST_ROWS_A_BIN = 10
_LEAST_BINS = 3
_MOST_CLASSES = 20
# Both are asked for: in a large table the slightest effect is significant.
_LARGEST_P = 1e-6
_LEAST_EFFECT = 0.02

_NAMED_ID = re.compile(
    r"(?:^|[\s_.-])(?:id|ids|uid|uuid|guid|rid|key|index|idx|rowid|rownum|recno|unnamed: \d+)$"
    r"|^(?:row|record|serial|index)[\s_.-]?(?:no|nr|num|number|id)?$"
    r"|[a-z](?:Id|ID|Uuid|UUID|Guid|Key)$"
)
# What tables are saved with that never was one of their columns.
_NAMED_INDEX = re.compile(
    r"__index_level_\d+__|unnamed: ?\d+(?:[._]\w+)*|\.\.\.\d+|index|level_0"
    r"|row[\s_.-]?(?:names?|no|nr|num|number|index|id)",
    re.IGNORECASE,
)
_NAMED_TIME = re.compile(
    r"year|month|week|day|date|time|hour|minute|second|period|quarter|age|step", re.IGNORECASE
)
_DIGITS = re.compile(r"\d+")
_UUID = re.compile(r"[0-9a-f]{8}-?(?:[0-9a-f]{4}-?){3}[0-9a-f]{12}", re.IGNORECASE)


def of_numbers(name: str, numbers: Values) -> str | None:
    """Return why numbers, in the order of the rows, identify them; None when they don't.

    Only whole numbers that hardly repeat can, and only when they are a series without large gaps
    or are named like an identifier: a moment in seconds is distinct in each row too.
    """
    if _is_index(name, numbers):
        return INDEX
    known = numbers[~np.isnan(numbers)]
    if len(known) < _LEAST_ROWS or (known != np.floor(known)).any():
        return None
    distinct = len(np.unique(known))
    if distinct < _DISTINCT_SHARE * len(known):
        return None
    if _is_named_id(name):
        return IDENTIFIES_ROWS
    low, high = known.min(), known.max()
    is_year = low >= _YEARS[0] and high <= _YEARS[1]
    is_dense = distinct >= _SERIES_DENSITY * (high - low + 1)
    if distinct < len(known) or not is_dense or is_year or _NAMED_TIME.search(name):
        return None
    ascends = bool((np.diff(known) > 0).all())
    least = _ROWS_OF_A_SERIES if ascends else _ROWS_OF_A_SHUFFLED_SERIES
    return NUMBERS_THE_ROWS if len(known) >= least else None


def _is_index(name: str, numbers: Values) -> bool:
    """Tell the index of a table, or of some rows of a larger one: a different count in each row."""
    if not _NAMED_INDEX.fullmatch(name.strip()) or np.isnan(numbers).any() or len(numbers) < 2:  # noqa: PLR2004
        return False
    if (numbers != np.floor(numbers)).any() or numbers.min() < 0:
        return False
    if len(numbers) < _LEAST_ROWS:
        return numbers[0] in {0, 1} and bool((np.diff(numbers) == 1).all())
    return len(np.unique(numbers)) == len(numbers)


def tells_of(numbers: Values, target: Values, *, is_regression: bool) -> bool:
    """Return whether a target differs between ranges of a number by more than chance.

    Identifiers that are given out in time, or by branch, say when or where. Uses the test of
    Kruskal and Wallis (1952), with epsilon squared as the effect, or the chi-squared test, with the
    square of Cramer's V.
    """
    known = ~np.isnan(numbers)
    numbers, target = numbers[known], target[known]
    bins = min(_BINS, len(numbers) // _LEAST_ROWS_A_BIN)
    if bins < _LEAST_BINS:
        return False
    places = np.argsort(np.argsort(numbers, kind="stable")) * bins // len(numbers)
    if is_regression:
        groups = [target[places == place] for place in range(bins)]
        if len(np.unique(target)) == 1:
            return False
        found = stats.kruskal(*groups)
        effect = float(found.statistic) / (len(numbers) - 1)
    else:
        classes, counts = np.unique(target, return_counts=True)
        common = classes[np.argsort(-counts, kind="stable")[:_MOST_CLASSES]]
        table = np.array([[(target[places == n] == c).sum() for c in common] for n in range(bins)])
        table = table[table.sum(axis=1) > 0]
        if min(table.shape) < 2:  # noqa: PLR2004
            return False
        found = stats.chi2_contingency(table)
        effect = float(found.statistic) / (table.sum() * (min(table.shape) - 1))
    return bool(found.pvalue < _LARGEST_P and effect > _LEAST_EFFECT)


def of_texts(name: str, texts: Sequence[str], rows: int) -> str | None:
    """Return why the distinct texts of so many rows identify them; None when they don't."""
    if rows < _LEAST_ROWS or len(texts) < _DISTINCT_SHARE * rows:
        return None
    if _is_named_id(name):
        return IDENTIFIES_ROWS
    sample = texts[:_SAMPLE]
    mostly = _MOSTLY * len(sample)
    if sum(_UUID.fullmatch(text.strip()) is not None for text in sample) >= mostly:
        return IDENTIFIES_ROWS
    if len({_DIGITS.sub("0", text, count=1) for text in sample}) <= _FEW_SHAPES:
        return IDENTIFIES_ROWS
    codes = sum(
        len(text.split()) == 1 and any(character.isdigit() for character in text) for text in sample
    )
    return IDENTIFIES_ROWS if codes >= mostly else None


def _is_named_id(name: str) -> bool:
    return bool(_NAMED_ID.search(name) or _NAMED_ID.search(name.casefold()))
