"""Which column plays which part, and how its values become numbers; saved with the model."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final, Self

import numpy as np
import pandas as pd

from modelstudio.tables.identity import plain
from modelstudio.tables.readings import (
    UNFIT,
    BooleanReading,
    MomentReading,
    NumberReading,
    of_state,
)
from modelstudio.tables.types import names_of
from modelstudio.trainers.forecasting.identity import texts_of, unambiguous

if TYPE_CHECKING:
    from collections.abc import Mapping

    from modelstudio.tables.readings import Reading
    from modelstudio.trainers.forecasting.panel import Floats

USABLE: Final = names_of("NUMERIC") | {"STRING", "BOOLEAN"}
#: Categories beyond these, the rarest, share one number.
_MOST_CATEGORIES: Final = 1_000
_PLAIN: Final = NumberReading("1234.5")


@dataclass(frozen=True, slots=True)
class Columns:
    """The columns of the training data by their part, with their dataset field types.

    Attributes
    ----------
    items
        The columns whose values together name a series; none when the data is a single one.
    categories
        Of each text column its values; a value's position is its number.
    version
        Of the rules that tables are read by; 1 of models saved before ids were read by their type
        and joins that do not match were refused.
    zone
        The zone, or the offset from UTC, of the stamps' clock; None when they do not say.
    readings
        Column to the state of the reading that its values came from, as far as it had one.
    """

    time: str
    target: str
    items: tuple[str, ...]
    known: tuple[str, ...]
    past: tuple[str, ...]
    static: tuple[str, ...]
    types: Mapping[str, str]
    categories: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    version: int = 2
    zone: str | None = None
    readings: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    @classmethod
    def of_state(cls, state: Mapping[str, Any]) -> Self:
        """Return the columns that a manifest has as JSON."""
        given = dict(state)
        if "item" in given:  # of a model saved before series could be named by several columns
            item = given.pop("item")
            given |= {"items": () if item is None else (item,), "version": 1}
        found = cls(**given)
        return replace(
            found,
            items=tuple(found.items),
            known=tuple(found.known),
            past=tuple(found.past),
            static=tuple(found.static),
            categories={name: tuple(values) for name, values in found.categories.items()},
        )

    def reading(self, name: str) -> Reading | None:
        """Return how a column's texts are read; None when nothing was said of that."""
        if name in self.readings:
            return of_state(self.readings[name])
        return BooleanReading() if self.types.get(name) == "BOOLEAN" else None

    @property
    def moment_reading(self) -> MomentReading | None:
        """How texts of stamps are read; None when they were none in training."""
        return moment_reading(self.readings.get(self.time))

    @property
    def exact_ids(self) -> bool:
        """Whether ids are read by their column's type, rather than as they come."""
        return self.version > 1

    @property
    def covariates(self) -> tuple[str, ...]:
        return self.known + self.past

    @property
    def categorical(self) -> frozenset[str]:
        return frozenset(self.categories)

    def encode(self, name: str, values: pd.Series) -> Floats:
        """Return a column's values as floats: NaN for what is missing or an unknown category."""
        if name not in self.categories:
            return numbers(values, self.reading(name))
        texts = texts_of(values)
        codes = pd.Index(self.categories[name]).get_indexer(pd.Index(texts.fillna("")))
        if self.version > 1 and ((codes < 0) & texts.notna()).any():
            codes = self._written_otherwise(name, texts, codes)
        missing = texts.isna().to_numpy() | (codes < 0)
        return np.where(missing, np.nan, codes.astype("float64"))

    def _written_otherwise(self, name: str, texts: pd.Series, codes: Any) -> Any:
        """Return the codes, with those of values that differ in their way of writing alone."""
        known = self.categories[name]
        same = unambiguous((plain(text), code) for code, text in enumerate(known))
        return np.where(
            (codes < 0) & texts.notna(),
            [same.get(plain(text), -1) for text in texts.fillna("")],
            codes,
        )


def moment_reading(state: Mapping[str, Any] | None) -> MomentReading | None:
    """Return the reading of moments that a state is of, None if it is of none."""
    reading = None if state is None else of_state(state)
    return reading if isinstance(reading, MomentReading) else None


def numbers(values: pd.Series, reading: Reading | None = None) -> Floats:
    """Return values as floats, NaN for what is no finite number.

    Parameters
    ----------
    reading
        How texts are read; None for as programs write numbers.
    """
    if values.dtype == object:  # decimals, booleans with gaps, or texts
        codes, distinct = pd.factorize(values)
        read = np.array([*(_number(value, reading) for value in distinct), np.nan])
        return np.asarray(read[codes], dtype="float64")
    found: Floats = pd.to_numeric(values, errors="coerce").to_numpy("float64", na_value=np.nan)
    return np.where(np.isfinite(found), found, np.nan)


def _number(value: object, reading: Reading | None) -> float:
    if isinstance(value, str):
        read = (reading or _PLAIN).read(value)
        value = None if read is UNFIT else read
    try:
        found = float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError, OverflowError):
        return np.nan
    return found if np.isfinite(found) else np.nan


def categories_of(values: pd.Series) -> tuple[str, ...]:
    """Return the commonest values, in the order of the alphabet."""
    counts = texts_of(values).value_counts()
    commonest = sorted(counts.index, key=lambda text: (-int(counts[text]), text))
    return tuple(sorted(commonest[:_MOST_CATEGORIES]))
