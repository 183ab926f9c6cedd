"""What the columns of a file are called, and which of them are none.

A first column without a name whose values number the rows is an index, as pandas and R write it:
it is left out. So is a column without a name and without values, such as a delimiter at the end of
each line makes. Names that no two columns may have, since they are the same or differ in case only,
get a number.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

import numpy as np

from modelstudio.tables.files.problems import Unreadable

if TYPE_CHECKING:
    from collections.abc import Sequence

MAX_NAME_LENGTH: Final = 1000
_CONTROLS: Final = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]+")
_YEARS: Final = (1000, 2999)
_SPARSEST: Final = 10
#: What pandas calls a column without a name when it reads what it wrote.
UNNAMED: Final = re.compile(r"(Unnamed: \d+(_level_\d+)?)?\s*")
FIRST: Final = "Unnamed: 0"
#: What pandas calls an index without a name when it stores one.
STORED_INDEX: Final = re.compile(r"__index_level_\d+__")


def tidy(names: Sequence[str]) -> tuple[list[str], list[str]]:
    """Return the names as columns can have them, and sentences that say what was changed.

    Raises
    ------
    Unreadable
        For a name that is missing or too long.
    """
    found: list[str] = []
    notes: list[str] = []
    taken = {name.casefold() for name in names}
    seen: set[str] = set()
    for position, name in enumerate(names, start=1):
        clean = _CONTROLS.sub(" ", name)
        if not clean.strip():
            raise Unreadable(f"Column {position} has no name.")
        if len(clean) > MAX_NAME_LENGTH:
            raise Unreadable(f"The name of column {position} is too long.")
        if clean != name:
            notes.append(f"The line end in the name of column {position} is a space: {clean!r}.")
        unique = clean if clean.casefold() not in seen else _numbered(clean, taken | seen)
        if unique != clean:
            notes.append(f"Another column {clean!r} stands before column {position}: {unique!r}.")
        seen.add(unique.casefold())
        found.append(unique)
    return found, notes


def of_cells(cells: Sequence[str]) -> list[str]:
    """Return a name for each of a file's columns, also for those that are left out of a table."""
    named = [index for index, name in enumerate(cells) if name.strip()]
    clean, _ = tidy([cells[index] for index in named])
    found = ["" for _ in cells]
    for index, name in zip(named, clean, strict=True):
        found[index] = name
    if found and not found[0] and FIRST not in found:
        found[0] = FIRST
    return found


def _numbered(name: str, taken: set[str]) -> str:
    number = 2
    while f"{name} ({number})".casefold() in taken:
        number += 1
    return f"{name} ({number})"


def numbers_rows(values: np.ndarray) -> bool:
    """Whether whole numbers are an index that somebody's table had.

    That is a run from 0 or 1, several such runs one behind the other, a part of a longer run, or
    the numbers of rows that were picked out of a longer table. Years are none of these.
    """
    if len(values) == 0:
        return True
    steps = np.diff(values)
    first, least, most = int(values[0]), int(values.min()), int(values.max())
    if first in {0, 1} and bool(((steps == 1) | (values[1:] == first)).all()):
        return True
    if least < 0:
        return False
    if bool((steps == 1).all()):
        return not (_YEARS[0] <= least and most <= _YEARS[1])
    return most < _SPARSEST * len(values) and len(np.unique(values)) == len(values)
