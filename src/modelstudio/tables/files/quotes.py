"""Whether the quotes of a CSV file are where quotes may be.

A quoted value begins with a quote behind a delimiter or a line end, ends with one before a
delimiter or a line end, and has its own quotes doubled. A quote within a value that does not begin
with one is a letter like any other (``12" pipe``). Readers differ in what they make of anything
else, and without a word lose rows: so that is refused, with its line.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator

_QUOTE: Final = 34
_WINDOW: Final = 1 << 14
_ENDS: Final = b"\n\r"


@dataclass(frozen=True, slots=True)
class Quotes:
    """What was found.

    Attributes
    ----------
    wrong
        The offset of a value's first quote, if the value is not closed or is closed too early.
    newlines
        Whether a quoted value has a line end in it.
    """

    wrong: int | None
    newlines: bool


def examined(blocks: Iterator[bytes], delimiter: str) -> Quotes:
    """Look at the quotes of a text, which begins as a record does."""
    walk = _Walk(delimiter)
    for block in blocks:
        walk.take(block)
        if walk.wrong is not None:
            break
    walk.finish()
    return Quotes(walk.wrong, walk.newlines)


class _Walk:
    """Goes over a text, keeping what of it is not decided yet."""

    def __init__(self, delimiter: str) -> None:
        self._stops = np.zeros(256, bool)
        self._stops[list(_ENDS + delimiter.encode())] = True
        self._held = _ENDS[:1]  # one byte before the text that is still to be looked at, and that
        self._offset = -1  # of the held bytes in the text
        self._open = False
        self._begun = 0  # where the newest quoted value began
        self._closed = -2  # the last quote that closed a value
        self.wrong: int | None = None
        self.newlines = False

    def take(self, block: bytes) -> None:
        held = self._held + block
        end = len(held) - 1
        if end > 1:
            self._look(held, end)
            self._offset += end - 1
            held = held[end - 1 :]
        self._held = held

    def finish(self) -> None:
        if self.wrong is None:
            self._look(self._held + _ENDS[:1], len(self._held))
        if self.wrong is None and self._open:
            self.wrong = self._begun

    def _look(self, held: bytes, end: int) -> None:
        """Look at the bytes from the second to the one before ``end``, which is there too."""
        if not self._open and held.find(b'"', 1, end) < 0:
            return
        data: Any = np.frombuffer(held, np.uint8)
        places: Any = np.flatnonzero(data[1:end] == _QUOTE) + 1
        was_open, borders = self._open, []
        while len(places) and self.wrong is None:
            taken, used = self._take(data, places[:_WINDOW])
            borders.append(taken)
            places = places[used:]
        if not self.newlines and self.wrong is None:
            self.newlines = _ends_within(data[1:end], borders, was_open=was_open)

    def _take(self, data: Any, places: Any) -> tuple[Any, int]:
        """Take quotes up to one that is a letter; return those that are none, and how many went."""
        begins, ends = places[self._open :: 2], places[1 - self._open :: 2]
        if self._stops[data[begins - 1]].all() and self._stops[data[ends + 1]].all():
            self._pass(places)  # without any quotes within quotes
            return places, len(places)
        at = places + self._offset
        opening = np.arange(len(places)) % 2 == self._open
        doubled = np.diff(at, prepend=self._closed) == 1
        after_stop = self._stops[data[places - 1]] | doubled
        before_stop = self._stops[data[places + 1]] | (data[places + 1] == _QUOTE)
        odd = np.flatnonzero(np.where(opening, ~after_stop, ~before_stop))
        count = int(odd[0]) if len(odd) else len(places)
        if count:
            self._move(at[:count], opening[:count], doubled[:count])
        if not len(odd):
            return places, count
        if not opening[count]:
            self.wrong = self._begun
        return places[:count], count + 1

    def _pass(self, places: Any) -> None:
        last = len(places) - 1
        self._open ^= len(places) % 2 == 1
        if self._open or last:
            self._begun = int(places[last - (not self._open)]) + self._offset
        if not self._open or last:
            self._closed = int(places[last - self._open]) + self._offset

    def _move(self, at: Any, opening: Any, doubled: Any) -> None:
        begins = at[opening & ~doubled]
        if len(begins):
            self._begun = int(begins[-1])
        self._open = bool(opening[-1])
        if not self._open:
            self._closed = int(at[-1])


def _ends_within(data: Any, borders: list[Any], *, was_open: bool) -> bool:
    is_end = data == _ENDS[0]
    returns = data == _ENDS[1]
    if returns.any():
        is_end |= returns
    ends = np.flatnonzero(is_end) + 1
    known = np.concatenate(borders) if borders else np.zeros(0, np.int64)
    inside = np.searchsorted(known, ends) & 1
    return bool((inside != was_open).any())
