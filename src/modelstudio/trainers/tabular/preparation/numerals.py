"""The treatment of numbers that are written as text, such as ``1,234.5``, ``12 %`` or ``$5``."""

from __future__ import annotations

import re
from dataclasses import dataclass
from math import isnan
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np

from modelstudio.trainers.tabular.preparation.treatment import (
    NAN,
    Treatment,
    bounded_number,
    is_missing,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from modelstudio.trainers.tabular.preparation.treatment import ColumnData, Reader, Values

# What stands for no value where a number, a flag or a date is expected.
MISSING_MARKERS = frozenset(
    {
        "", "?", "-", "--", "---", ".", "..", "*", "na", "n/a", "#n/a", "n.a.", "nan", "null",
        "none", "nil", "unknown", "missing", "<na>", "nat", "(null)", "#null!", "#div/0!",
        "#value!", "0000-00-00", "0000-00-00 00:00:00",
    }
)  # fmt: skip

_CURRENCY = r"(?:[$€£¥₹₽₩]|usd|eur|gbp|jpy|chf)"
_SPACE = " \u00a0\u202f"
_TRIED = 100
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


# In the order of preference: 1,234 is a thousand, 1.234 less than two.
SPELLINGS = (
    Spelling(",", "."),
    Spelling(".", ","),
    Spelling(_SPACE + "'\u2019", "."),
    Spelling(_SPACE, ","),
)


@dataclass(frozen=True, slots=True)
class NumberTexts(Treatment):
    """A string column of numbers; what cannot be read is missing."""

    kind: ClassVar[str] = "number texts"
    spelling: Spelling
    part: str = "value"

    @property
    def parts(self) -> tuple[str, ...]:
        return (self.part,)

    def levels(self, part: str) -> tuple[str, ...]:  # noqa: ARG002
        return ()

    def columns(self, data: ColumnData) -> list[Values]:
        parse = self.spelling.parser()
        _, texts = data.distinct
        return [data.take(np.array([parse(text) for text in texts], dtype="float64"))]

    def reader(self, name: str) -> Reader:  # noqa: ARG002
        parse = self.spelling.parser()

        def read(value: Any) -> tuple[float]:
            if isinstance(value, str):
                return (parse(value),)
            return (NAN,) if is_missing(value) else (parse(str(value)),)

        return read

    def state(self) -> dict[str, Any]:
        return {
            "group": self.spelling.group,
            "decimal": self.spelling.decimal,
            "part": self.part,
        }

    @classmethod
    def of_state(cls, state: Mapping[str, Any]) -> Self:
        return cls(Spelling(state["group"], state["decimal"]), state["part"])


def is_marker(text: str) -> bool:
    """Tell a text that stands for no value."""
    return text.strip().casefold() in MISSING_MARKERS


def infer(texts: Sequence[str], least_share: float) -> Spelling | None:
    """Return the spelling that reads nearly all of these distinct texts.

    Codes with leading zeros, such as postal codes, are no numbers.
    """
    best, most = None, 0
    for spelling in SPELLINGS:
        parse = spelling.parser()
        # Most columns are no numbers, which the first values tell.
        tried = texts[:_TRIED]
        if sum(not isnan(parse(text)) for text in tried) < len(tried) / 2:
            continue
        known = sum(not isnan(parse(text)) for text in texts)
        if known > most:
            best, most = spelling, known
        if most == len(texts):
            break
    if most < least_share * len(texts) or any(_is_code(text) for text in texts):
        return None
    return best


def _is_code(text: str) -> bool:
    text = text.strip()
    return len(text) > 1 and text[0] == "0" and text.isdigit()
