"""What a predictor says of the pieces of a table, put together as if it had seen the whole."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable

#: A note that counts: ``5 of 8 values of column 'x' ..., such as 'a'``, the column also before it.
_COUNTING: Final = re.compile(
    r"(?P<before>Column .+?: )?(?P<count>\d+)(?: of (?P<all>\d+))?(?P<rest> .*)", re.DOTALL
)
_EXAMPLES: Final = ", such as "
_MOST: Final = 100


class Notes:
    """Sentences, each once; those that count the same thing are added up."""

    def __init__(self) -> None:
        self._counts: dict[tuple[str, str], list[int]] = {}
        self._texts: dict[tuple[str, str], str] = {}

    def add(self, notes: Iterable[str]) -> None:
        """Add what was said of one piece."""
        for note in notes:
            match = _COUNTING.fullmatch(note)
            before, rest = ("", note) if match is None else (match["before"] or "", match["rest"])
            key = (before, rest.partition(_EXAMPLES)[0])
            if key not in self._texts:
                if len(self._texts) == _MOST:
                    continue
                self._texts[key] = rest
                self._counts[key] = []
            if match is not None:
                found = [int(one) for one in match.group("count", "all") if one is not None]
                known = self._counts[key] or [0] * len(found)
                self._counts[key] = [sum(pair) for pair in zip(known, found, strict=False)]

    def lines(self) -> list[str]:
        """Return them in the order in which they were said first."""
        return [
            key[0] + " of ".join(map(str, self._counts[key])) + rest
            for key, rest in self._texts.items()
        ]
