"""Reads numbers from text as preparations of format 2 did, for the models saved with them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from modelstudio.trainers.tabular.preparation.treatment import NAN, bounded_number

if TYPE_CHECKING:
    from collections.abc import Callable

_CURRENCY = r"(?:[$€£¥₹₽₩]|usd|eur|gbp|jpy|chf)"
_LONGEST = 64  # characters; the pattern takes long for long texts that nearly match


@dataclass(frozen=True, slots=True)
class Spelling:
    """How digits are grouped, and what separates the decimals."""

    group: str
    decimal: str

    def parser(self) -> Callable[[str], float]:
        """Return a function that reads a text and gives NaN for one that it cannot read."""
        group, decimal = re.escape(self.group), re.escape(self.decimal)
        pattern = re.compile(
            rf"(?P<open>\()?\s*(?P<sign>[-+\u2212])?\s*{_CURRENCY}?\s*(?P<sign_after>[-+\u2212])?"
            rf"(?P<digits>\d{{1,3}}(?:[{group}]\d{{3}})+(?:{decimal}\d*)?"
            rf"|\d+(?:{decimal}\d*)?|{decimal}\d+)"
            rf"(?P<exponent>e[-+]?\d+)?\s*(?:%|{_CURRENCY})?\s*(?(open)\))",
            re.IGNORECASE,
        )
        grouping = re.compile(f"[{group}]")

        def read(text: str) -> float:
            match = pattern.fullmatch(text.strip()) if len(text) <= _LONGEST else None
            if match is None:
                return NAN
            digits = grouping.sub("", match["digits"]).replace(self.decimal, ".")
            number = float(digits + (match["exponent"] or ""))
            signs = (match["sign"], match["sign_after"])
            minus = any(sign in {"-", "\u2212"} for sign in signs) or match["open"] is not None
            return bounded_number(-number if minus else number)

        return read
