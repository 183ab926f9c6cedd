"""How a CSV file begins, and what its delimiter may be.

Before the line that names the columns there may be blank lines, a spreadsheet's ``sep=;`` and
comments, whose lines begin with ``#``. Such a line names the columns itself if what follows it
looks like values and has as many.

The delimiter is a comma, semicolon, tab or bar. One with which all of the first rows have as many
values as the header has names comes before one with which they have not. Of several such ones, that
comes first whose values look more like single values: in ``1,5;2024-01-01;3,1`` a comma finds three
values of which one is ``5;2024-01-01;3``.
"""

from __future__ import annotations

import csv
import io
import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

import numpy as np

from modelstudio.tables.files import surroundings
from modelstudio.tables.files.names import numbers_rows
from modelstudio.tables.files.problems import Empty, Unreadable
from modelstudio.tables.files.surroundings import Record

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from modelstudio.tables.files.text import TextFile

DELIMITERS: Final = (",", ";", "\t", "|")
COMMENT: Final = "#"
MAX_LINE_BYTES: Final = 1 << 24
MAX_COLUMNS: Final = 100_000
_SAMPLE_ROWS: Final = 500
_LONGEST_VALUE: Final = 64
_SEP_LINE: Final = re.compile(r'"?sep=([,;|:^~ \t]|\\t)"?\s*', re.IGNORECASE)
_VALUE: Final = re.compile(
    r"[-+]?[\d.,' ]*\d[\d.,' ]*%?|[-+\d.]+e[-+]?\d+|true|false|\d[\d:/.\-TZ+ ]*\d", re.IGNORECASE
)

csv.field_size_limit(MAX_LINE_BYTES)  # of this process


@dataclass(frozen=True, slots=True)
class Head:
    """One way to read the beginning of a file.

    Attributes
    ----------
    names
        The cells of the line that names the columns.
    start
        The offset in the text, in bytes, of what comes behind that line.
    width
        How many values a row has. One more than there are names if the rows have an index that
        the header does not name (R), or all end with a delimiter.
    rows
        The first rows that have as many.
    agrees
        Whether all of the first rows have.
    notes
        What is to be said of lines that are no rows.
    """

    delimiter: str
    names: Sequence[str]
    start: int
    width: int
    rows: Sequence[Sequence[str]]
    agrees: bool
    notes: Sequence[str] = ()


def heads(text: TextFile) -> list[Head]:
    """Return the ways worth trying, the likeliest first.

    Raises
    ------
    Unreadable
        When there is nothing to read.
    """
    content, complete = text.head()
    if not content.strip():
        raise Empty
    forced, at = _behind_sep_line(content)
    try:
        found = [
            _head(content, at, delimiter, complete=complete)
            for delimiter in ((forced,) if forced else DELIMITERS)
        ]
    except csv.Error as error:
        raise Unreadable("The first line cannot be read as CSV.") from error
    likely = [one for one in found if len(one.names) > 1] or found[:1]
    if forced:
        note = f"The first line says that {forced!r} separates values."
        likely = [replace(one, notes=(note, *one.notes)) for one in likely]
    return sorted(likely, key=_unlikeliness)


def is_comment(first: str) -> bool:
    """Whether a row with this first value, and a number of values of its own, is a comment."""
    return first.lstrip().startswith(COMMENT)


def is_blank(values: Sequence[str]) -> bool:
    """Whether a row is a blank line."""
    return not values or (len(values) == 1 and not values[0].strip())


def _behind_sep_line(content: str) -> tuple[str | None, int]:
    at = len(content) - len(content.lstrip("\r\n\ufeff"))
    line = re.compile(r"[^\r\n]*").match(content, at)
    found = None if line is None else _SEP_LINE.fullmatch(line[0])
    if line is None or found is None:
        return None, 0
    end = re.compile(r"\r\n|\n|\r|").match(content, line.end())
    delimiter = "\t" if found[1] == "\\t" else found[1]
    return delimiter, line.end() if end is None else end.end()


def _head(content: str, at: int, delimiter: str, *, complete: bool) -> Head:
    records = _records(content, at, delimiter)
    names, end, comments = _behind_comments(records)
    rows = [Record(names, end), *_first_rows(records, complete=complete)]
    if comments and _names_columns(comments[-1][0], names):
        rows.insert(0, Record(*comments.pop()))
    notes, rows = _within(rows)
    if comments:
        notes.append(f"{lines_of_comments(len(comments))} above the header: left out.")
    header, rows = rows[0], rows[1:]
    found = [one.values for one in rows]
    quoted = content[header.end :].lstrip().startswith('"')
    width = _width(header.values, found, quoted=quoted)
    fitting = [row for row in found if len(row) == width]
    more = surroundings.second_headers(fitting) if width > 1 and fitting[:2] == found[:2] else 0
    if more:
        notes.append(surroundings.said([delimiter.join(fitting[0])], "below the names of columns"))
        header = Record(header.values, rows[more - 1].end)
    if surroundings.looks_like_values(header.values):
        notes.append("The first line was taken for the names of the columns; it looks like values.")
    start = len(content[: header.end].encode())
    agrees = all(len(row) == width or is_comment(row[0]) for row in found[more:])
    return Head(delimiter, header.values, start, width, fitting[more:], agrees, tuple(notes))


def _behind_comments(
    records: Iterator[tuple[list[str], int]],
) -> tuple[list[str], int, list[tuple[list[str], int]]]:
    """Return the first record that is no comment, the place behind it, and the comments."""
    names, end = next(records)
    if len(names) > MAX_COLUMNS:
        raise Unreadable(f"It has more than {MAX_COLUMNS:,} columns.")
    comments: list[tuple[list[str], int]] = []
    while is_blank(names) or is_comment(names[0]):
        if not is_blank(names):
            comments.append((names, end))
        following = next(records, None)
        if following is None and not comments:
            raise Unreadable("No line names the columns.")
        if following is None:  # nothing but comments: the last of them names the columns
            names, end = comments.pop()
            break
        names, end = following
    return names, end, comments


def _within(records: list[Record]) -> tuple[list[str], list[Record]]:
    """Return the records of the table alone, and what is to be said of those before it."""
    above = surroundings.titles(records)
    lines = [" ".join(filter(str.strip, one.values)) for one in records[:above]]
    notes = [surroundings.said(lines, "above the table")] if lines else []
    return notes, records[above:]


def lines_of_comments(count: int) -> str:
    """Say that so many lines are comments, as the beginning of a sentence."""
    return "1 line is a comment" if count == 1 else f"{count} lines are comments"


def _records(content: str, at: int, delimiter: str) -> Iterator[tuple[list[str], int]]:
    """Yield the records and the position behind each."""
    done = at

    def lines() -> Iterator[str]:
        nonlocal done
        for line in io.StringIO(content[at:], newline=""):
            done += len(line)
            yield line

    for record in csv.reader(lines(), delimiter=delimiter):
        yield record, done


def _first_rows(records: Iterator[tuple[list[str], int]], *, complete: bool) -> list[Record]:
    rows: list[Record] = []
    blank = False
    try:
        for row, end in records:
            if len(rows) > _SAMPLE_ROWS:
                return rows[:-1]
            if not is_blank(row):
                rows.append(Record(row, end, blank))
            blank = is_blank(row)
    except csv.Error:  # it shows again, with its line, when all is read
        return rows
    return rows if complete else rows[:-1]


def _names_columns(comment: Sequence[str], following: Sequence[str]) -> bool:
    """Whether it is the comment that names the columns, since what follows it are values."""
    if len(comment) != len(following):
        return False
    return any(map(_is_value, following)) and not any(map(_is_value, comment[1:]))


def _width(names: Sequence[str], rows: Sequence[Sequence[str]], *, quoted: bool) -> int:
    """Return how many values a row has, by the first rows."""
    counts = {len(row) for row in rows if not is_comment(row[0])}
    counts = counts or {len(row) for row in rows}
    if len(counts) == 1 and len(names) > 1:
        found = counts.pop()
        if found == len(names) + 1 and (
            _are_row_names(rows, quoted=quoted) or not any(row[-1] for row in rows)
        ):
            return found
        if found == len(names) - 1 and not names[-1].strip():
            return found
    return len(names)


def _are_row_names(rows: Sequence[Sequence[str]], *, quoted: bool) -> bool:
    """Whether the first values may be R's names of rows, quoted or not, of which no two are alike.

    If they are not, all rows have a value too many: a number with a comma in it, without quotes.
    """
    first = [row[0] for row in rows]
    numbers = [int(name) for name in first if name.isascii() and name.isdecimal()]
    if len(set(first)) < len(first):
        return False
    return (
        quoted
        or not any(map(_is_value, first))
        or (len(numbers) == len(first) and numbers_rows(np.array(numbers)))
    )


def _is_value(text: str) -> bool:
    """Whether a text looks like a single value; the pattern takes long for a list of many."""
    return len(text) <= _LONGEST_VALUE and _VALUE.fullmatch(text) is not None


def _unlikeliness(head: Head) -> tuple[bool, float, int]:
    return not head.agrees, _impurity(head), -len(head.names)


def _impurity(head: Head) -> float:
    """Return how many of the values look like several, as a share."""
    others = [other for other in DELIMITERS if other != head.delimiter]
    values = [value for row in head.rows for value in row]
    mixed = sum(
        any(other in value for other in others) and not _is_value(value) for value in values
    )
    return mixed / max(1, len(values))
