"""The treatment of categories: levels by frequency, one level for all that are rare."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np

from modelstudio.tables.identity import plain
from modelstudio.trainers.tabular.preparation.treatment import NAN, Treatment, is_missing

if TYPE_CHECKING:
    from collections.abc import Mapping

    from modelstudio.trainers.tabular.preparation.treatment import ColumnData, Reader, Values

# With no more levels than this, none is rare.
FEW_LEVELS = 32
MOST_LEVELS = 1000
_LEAST_ROWS = 3
_LEAST_SHARE = 1 / 20_000
_RARE_NAME = "(other)"


@dataclass(frozen=True, slots=True)
class Categories(Treatment):
    """A column of categories as the positions of its levels.

    Attributes
    ----------
    names
        The levels, the most frequent first.
    rare
        Position of the level that stands for rare and unknown values; without one, an unknown
        value counts as missing.
    shares
        Share of the training rows by level, of one value where the level stands for several; empty
        when frequency is no part.
    part
        What the part with the level is called.
    alike
        Whether a value that is written in another way is the same level: 101.0 and "101".
    """

    kind: ClassVar[str] = "categories"
    names: tuple[str, ...]
    rare: int | None
    shares: tuple[float, ...]
    part: str = "value"
    alike: bool = True

    @property
    def parts(self) -> tuple[str, ...]:
        return (self.part, "frequency") if self.shares else (self.part,)

    def levels(self, part: str) -> tuple[str, ...]:
        return self.names if part == self.part else ()

    def columns(self, data: ColumnData) -> list[Values]:
        _, texts = data.distinct
        codes, other = self._codes(), self._other()
        if self.alike:
            places = [codes.get(text) for text in texts]
            of_each = [
                codes.get(plain(text), other) if place is None else place
                for text, place in zip(texts, places, strict=True)
            ]
        else:
            of_each = [codes.get(text, other) for text in texts]
        found = data.take(np.array(of_each, dtype="float64"))
        if not self.shares:
            return [found]
        shares = np.append(self.shares, NAN)
        return [found, shares[np.where(np.isnan(found), -1, found).astype("int64")]]

    def reader(self, name: str) -> Reader:  # noqa: ARG002
        codes, other, alike = self._codes(), self._other(), self.alike
        made: dict[str, tuple[float, ...]]
        missing: tuple[float, ...] = (NAN,) * len(self.parts)
        unknown, made = missing, {text: (code,) for text, code in codes.items()}
        if self.rare is not None:
            unknown = (other, self.shares[self.rare])
        if self.shares:
            made = {text: (code, self.shares[int(code)]) for text, code in codes.items()}

        def read(value: Any) -> tuple[float, ...]:
            if value.__class__ is not str:
                if is_missing(value):
                    return missing
                value = str(value)
            found = made.get(value)
            if found is None and alike:
                found = made.get(plain(value))
            return unknown if found is None else found

        return read

    def state(self) -> dict[str, Any]:
        return {
            "names": list(self.names),
            "rare": self.rare,
            "shares": list(self.shares),
            "part": self.part,
            "alike": self.alike,
        }

    @classmethod
    def of_state(cls, state: Mapping[str, Any]) -> Self:
        names, shares = tuple(state["names"]), tuple(state["shares"])
        return cls(names, state["rare"], shares, state["part"], state["alike"])

    def _codes(self) -> dict[str, float]:
        codes = {text: float(code) for code, text in enumerate(self.names)}
        if self.rare is not None:
            del codes[self.names[self.rare]]
        if self.alike:
            # The more frequent of two levels that are written without their marks alike.
            for text, code in list(codes.items()):
                codes.setdefault(plain(text), code)
            for text, code in _without_zeros(codes).items():
                codes.setdefault(text, code)
        return codes

    def _other(self) -> float:
        return NAN if self.rare is None else float(self.rare)


def _without_zeros(codes: Mapping[str, float]) -> dict[str, float]:
    """Return codes of one length, such as postal ones, by how they are written as numbers."""
    digits = [text for text in codes if text.isdigit()]
    if len({len(text) for text in digits}) != 1:
        return {}
    return {text.lstrip("0") or "0": codes[text] for text in digits if text[0] == "0"}


def fit(data: ColumnData, *, part: str = "value", most: int = MOST_LEVELS) -> Categories:
    """Choose the levels of a column, at most so many."""
    codes, texts = data.distinct
    counts = np.bincount(codes[codes >= 0], minlength=len(texts))
    order = sorted(range(len(texts)), key=lambda place: (-counts[place], texts[place]))
    if len(texts) <= FEW_LEVELS:
        return Categories(tuple(texts[place] for place in order), None, (), part)
    least = max(_LEAST_ROWS, int(np.ceil(len(codes) * _LEAST_SHARE)))
    common = [place for place in order[:most] if counts[place] >= least]
    names = [texts[place] for place in common]
    shares = [counts[place] / len(codes) for place in common]
    rare = None
    if len(common) < len(texts):
        others = order[len(common) :]
        rare = len(names)
        names.append(_free_name(texts))
        shares.append(float(counts[others].mean()) / len(codes))
    return Categories(tuple(names), rare, tuple(float(share) for share in shares), part)


def _free_name(texts: list[str]) -> str:
    name, taken = _RARE_NAME, set(texts)
    while name in taken:
        name += "_"
    return name
