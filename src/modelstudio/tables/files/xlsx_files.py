"""Spreadsheets (.xlsx) as tables: the first sheet that has several columns, or else one.

Its cells are written as texts, as programs write them, and read as those of a CSV file; so a
number that somebody typed as text is a number all the same. Dates and booleans stay what they are.
"""

from __future__ import annotations

import datetime as dt
import re
from itertools import islice
from typing import TYPE_CHECKING, Any, Final

import pyarrow as pa
import python_calamine

from modelstudio.tables.files import csv_files, surroundings
from modelstudio.tables.files.problems import Empty, Unreadable

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SIGNATURE: Final = b"PK\x03\x04"
SUFFIXES: Final = (".xlsx", ".xlsm")
_BATCH_ROWS: Final = 1 << 14
_LOOKED_AT: Final = 20
_MOST_COLUMNS: Final = 16_384  # as spreadsheets can have
_EXACT: Final = 2**53
#: A number that somebody could take for a thousand and more: 1.234.
_LIKE_THOUSANDS: Final = re.compile(r"-?[1-9][0-9]{0,2}\.[0-9]{3}")
_DAMAGED: Final = "It is not a spreadsheet (.xlsx), or a damaged one."


class Sheet:
    """One sheet of a file.

    Attributes
    ----------
    name
        Its name.
    others
        The names of the file's other sheets.
    header
        The cells of the row that names the columns, as text.
    notes
        What is to be said of rows that were left out.

    Raises
    ------
    Unreadable
        When the file is no spreadsheet, or has nothing in it.
    """

    def __init__(self, path: Path) -> None:
        try:
            workbook = python_calamine.CalamineWorkbook.from_path(str(path))
            self._found = _first_filled(workbook)
        except (python_calamine.CalamineError, ValueError, OSError) as error:
            raise Unreadable(_DAMAGED) from error
        if self._found is None:
            raise Empty
        if self._found.total_width > _MOST_COLUMNS:
            raise Unreadable(f"It has more than {_MOST_COLUMNS} columns.")
        self.name = str(self._found.name)
        self.others = [name for name in workbook.sheet_names if name != self.name]
        titles = _titles(self._found)
        rows = islice(_rows(self._found), titles, None)
        self.header = [_text(cell) or "" for cell in next(rows)]
        first = [[_text(cell) or "" for cell in row] for row in islice(rows, _LOOKED_AT)]
        more = surroundings.second_headers(first) if len(self.header) > 1 else 0
        self.notes = []
        if more:
            below = " ".join(filter(None, first[0]))
            self.notes.append(surroundings.said([below], "below the names of columns"))
        self._skipped = titles + 1 + more

    def batches(self) -> Iterator[pa.RecordBatch]:
        """Yield the rows as texts, in batches of the columns ``c0``, ``c1`` ..."""
        rows = islice(_rows(self._found), self._skipped, None)
        names = [f"c{position}" for position in range(len(self.header))]
        while taken := list(islice(rows, _BATCH_ROWS)):
            filled = [row for row in taken if any(cell != "" for cell in row)]
            columns = [[_text(row[place]) for row in filled] for place in range(len(names))]
            arrays = [pa.array(column, pa.string()) for column in columns]
            yield pa.RecordBatch.from_arrays(arrays, names=names)


def _first_filled(workbook: Any) -> Any:
    found = None
    for name in workbook.sheet_names:
        sheet = workbook.get_sheet_by_name(name)
        most = max(
            (sum(cell != "" for cell in row) for row in islice(_rows(sheet), 100)), default=0
        )
        if most > 1:
            return sheet
        found = sheet if found is None and most else found
    return found  # a column alone, which before other sheets is a text on them


def _rows(sheet: Any) -> Iterator[list[Any]]:
    return iter(sheet.iter_rows())


def _titles(sheet: Any) -> int:
    """Return how many rows come before the one that names the columns."""
    first = [sum(cell != "" for cell in row) for row in islice(_rows(sheet), 50)]
    width = max(first)
    for index, filled in enumerate(first):
        if filled > 1 or (filled == 1 and width == 1):
            return index
    return 0


def _text(cell: Any) -> str | None:  # noqa: PLR0911 - one for each type
    """Return what a cell holds as a program writes it."""
    if cell is None or cell == "":
        return None
    if isinstance(cell, bool):
        return "true" if cell else "false"
    if isinstance(cell, float):
        if cell.is_integer() and abs(cell) < _EXACT:
            return str(int(cell))
        text = repr(cell)
        return text + "0" if _LIKE_THOUSANDS.fullmatch(text) else text
    if isinstance(cell, dt.datetime):
        return cell.isoformat(" ")
    if isinstance(cell, dt.timedelta):
        return str(cell.total_seconds())
    return str(cell)


def profile(path: Path) -> dict[str, Any]:
    """Return a file's profile, which is that of a CSV file with the name of its ``sheet``.

    Raises
    ------
    Unreadable
    """
    sheet = Sheet(path)
    notes = list(sheet.notes)
    if sheet.others:
        others = ", ".join(map(repr, sheet.others))
        notes.append(f"The sheet {sheet.name!r} was read, and not {others}.")
    width = len(sheet.header)
    return {
        "sheet": sheet.name,
        **csv_files.profile_of(sheet.header, width, sheet.batches(), notes),
    }
