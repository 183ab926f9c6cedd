"""What stands around a table in a file and is no row of it: titles, second headers, footnotes.

Offices put a title and a source above their tables and notes below them; instruments put the units
of the columns below their names; pandas writes columns of several levels in several lines. Each is
recognised only where all rows of the table tell it apart, left out, and said.
"""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING, Final, NamedTuple

from modelstudio.tables.readings import bits, is_mark
from modelstudio.tables.readings.evidence import shape_of

if TYPE_CHECKING:
    from collections.abc import Sequence

_MOST_TITLES: Final = 50
_FEWEST_ROWS: Final = 2
_LOOKED_AT: Final = 20
_MOST_COLUMNS: Final = 200
_WIDE: Final = 4
_PAIR: Final = 2
_MOST_FOOTNOTES: Final = 50
_SHOWN: Final = 60
_YEAR: Final = re.compile(r"(19|20)\d\d")
_NUMBERS_AND_MOMENTS: Final = bits.NUMBER | bits.MOMENT
#: Below what can be measured, or about: <0.5
_MEASURED: Final = re.compile(r"[<>=~≤≥]*\s*\d")
_RULE: Final = re.compile(r"[-=:+ ]{2,}")
#: How a line begins that explains the table above it: (2 rows), *, ©, ____, Source: ...
_FOOTNOTE: Final = re.compile(r"\s*([(*©†¹_]|-{3}|[^\W\d][^,;|\t]{1,40}:\s)")
_LINE: Final = re.compile(r"[-_=*]{3,}")
_SUM: Final = re.compile(
    r"(grand |sub)?total|totale|totals|gesamt|insgesamt|summe|sum|suma|somma|summa|razem|itogo",
    re.IGNORECASE,
)


class Record(NamedTuple):
    """A line of values.

    Attributes
    ----------
    end
        The place behind it in the text.
    after_blank
        Whether a blank line stands before it.
    """

    values: Sequence[str]
    end: int
    after_blank: bool = False


def titles(records: Sequence[Record]) -> int:
    """Return how many records come before the one that names the columns."""
    width = _width(records)
    least = max(_PAIR, width - 1)
    first = next(
        (place for place, one in enumerate(records) if _is_header(one.values, width, least)), 0
    )
    above, rows = records[:first], records[first + 1 :]
    if not 0 < first <= _MOST_TITLES or width < _PAIR or len(rows) < _FEWEST_ROWS:
        return 0
    most = _PAIR if width >= _WIDE else 1
    if any(filled(one.values) > most for one in above):
        return 0
    apart = records[first].after_blank or all(len(one.values) == width for one in above)
    if width == _PAIR and not apart:  # lines of prose, of which some have a comma
        return 0
    while rows and len(rows[-1].values) != width and filled(rows[-1].values) <= 1:
        rows = rows[:-1]
    return first if rows and all(len(one.values) == width for one in rows) else 0


def second_headers(rows: Sequence[Sequence[str]]) -> int:
    """Return how many of the first rows say more of the columns, such as their units."""
    for count in (_PAIR, 1):
        below = rows[count : count + _LOOKED_AT]
        above = [row[:_MOST_COLUMNS] for row in rows[:count]]
        if len(below) >= _FEWEST_ROWS and all(_is_second(row, below) for row in above):
            return count
    return 0


def footnotes(lines: Sequence[str], delimiter: str, width: int) -> int:
    """Return how many of a text's last lines explain the table above them.

    A blank line among them is one too. A line that was cut off is none.
    """
    found = padded = 0
    for count, line in enumerate(reversed(lines), start=1):
        values = line.split(delimiter)
        if not filled(values):
            found = max(found, count if padded > found else 0)
            continue
        alone = filled(values) == 1 and bool(values[0].strip())
        if '"' in line or not alone or not _FOOTNOTE.match(line) or count > _MOST_FOOTNOTES:
            break
        if len(values) != width or _LINE.fullmatch(values[0].strip()):
            found = count
        elif width > 1:  # a note only where something parts it from the rows
            padded = count
        else:
            break
    else:
        return 0
    return found


def looks_like_values(names: Sequence[str]) -> bool:
    """Whether the line that should name the columns looks like a row."""
    named = [name.strip() for name in names[:_MOST_COLUMNS] if name.strip()]
    values = sum(1 for name in named if is_value(name) and not _YEAR.fullmatch(name))
    return 2 * values > len(named)


def is_value(text: str) -> bool:
    """Whether a text is a number, a moment, or true or false; y may be the name of a column."""
    bare = text.strip()
    return bool(shape_of(bare) & _NUMBERS_AND_MOMENTS) or bare.casefold() in {"true", "false"}


def filled(values: Sequence[str]) -> int:
    return sum(1 for value in values if value.strip())


def is_sum(text: str) -> bool:
    """Whether a row with such a first value sums up the others."""
    return _SUM.fullmatch(text.strip().rstrip(":")) is not None


def said(lines: Sequence[str], what: str) -> str:
    """Return a sentence on lines that were left out."""
    shown = repr(lines[0].strip()[:_SHOWN])
    many = "A line" if len(lines) == 1 else f"{len(lines)} lines"
    return f"{many} {what} ({shown}{'' if len(lines) == 1 else ' ...'}): left out."


def _width(records: Sequence[Record]) -> int:
    later = records[len(records) // 2 :]
    return Counter(len(one.values) for one in later).most_common(1)[0][0] if later else 0


def _is_header(values: Sequence[str], width: int, least: int) -> bool:
    return (
        len(values) == width
        and filled(values) >= least
        and not any(is_value(one) and not _YEAR.fullmatch(one.strip()) for one in values)
    )


def _is_second(first: Sequence[str], others: Sequence[Sequence[str]]) -> bool:
    if all(_RULE.fullmatch(one.strip()) for one in first):  # as databases rule off the names
        return True
    if any(is_value(one) or _MEASURED.match(one.strip()) for one in first):
        return False
    told, blank = 0, True
    for place, text in enumerate(first):
        below = [row[place] for row in others if place < len(row) and not is_mark(row[place])]
        if not below or not all(map(is_value, below)):
            blank = blank and not text.strip()
        elif not is_mark(text):
            told += 1
        elif text.strip():  # a mark says that this is a row with a missing value
            return False
    return told >= _PAIR or (told == 1 and blank)
