"""Which column plays which part, and how its values become numbers; saved with the model."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pandas as pd

if TYPE_CHECKING:
    from collections.abc import Mapping

    from modelstudio.trainers.forecasting.calendar import Moments
    from modelstudio.trainers.forecasting.panel import Flags, Floats

_NUMERIC: Final = frozenset({"BYTE", "SHORT", "INTEGER", "LONG", "FLOAT", "DOUBLE", "DECIMAL"})
INTEGERS: Final = frozenset({"BYTE", "SHORT", "INTEGER", "LONG"})
USABLE: Final = _NUMERIC | {"STRING", "BOOLEAN"}
#: Categories beyond these, the rarest, share one number.
_MOST_CATEGORIES: Final = 1_000


@dataclass(frozen=True, slots=True)
class Columns:
    """The columns of the training data by their part, with their dataset field types.

    Attributes
    ----------
    item
        None when the data is a single series.
    categories
        Of each text column its values; a value's position is its number.
    """

    time: str
    target: str
    item: str | None
    known: tuple[str, ...]
    past: tuple[str, ...]
    static: tuple[str, ...]
    types: Mapping[str, str]
    categories: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    @property
    def covariates(self) -> tuple[str, ...]:
        return self.known + self.past

    @property
    def categorical(self) -> frozenset[str]:
        return frozenset(self.categories)

    def encode(self, name: str, values: pd.Series) -> Floats:
        """Return a column's values as floats: NaN for what is missing or an unknown category."""
        if name not in self.categories:
            return numbers(values)
        texts = texts_of(values)
        codes = pd.Index(self.categories[name]).get_indexer(pd.Index(texts.fillna("")))
        missing = texts.isna().to_numpy() | (codes < 0)
        return np.where(missing, np.nan, codes.astype("float64"))


def numbers(values: pd.Series) -> Floats:
    """Return values as floats, NaN for what is no finite number."""
    if values.dtype == object:  # decimals, booleans with gaps, or numbers in strings
        values = values.map({True: 1.0, False: 0.0}.get, na_action="ignore").where(
            values.map(lambda value: isinstance(value, bool)), values
        )
    found = pd.to_numeric(values, errors="coerce").to_numpy(dtype="float64", na_value=np.nan)
    return np.where(np.isfinite(found), found, np.nan)


def texts_of(values: pd.Series) -> pd.Series:
    """Return values as strings; missing ones stay missing.

    A value's string does not depend on those beside it: pandas reads whole numbers with a gap as
    floats.
    """
    known = values.notna()
    return values.astype(object).where(known, None).map(_text, na_action="ignore")


def _text(value: object) -> str:
    whole = isinstance(value, float | Decimal) and value == value // 1
    return str(int(value)) if whole else str(value)  # type: ignore[call-overload]


def categories_of(values: pd.Series) -> tuple[str, ...]:
    """Return the commonest values, in the order of the alphabet."""
    counts = texts_of(values).value_counts()
    commonest = sorted(counts.index, key=lambda text: (-int(counts[text]), text))
    return tuple(sorted(commonest[:_MOST_CATEGORIES]))


class UnreadableMoments(ValueError):
    """A value that is no date; the message names it."""


def moments_of(values: pd.Series) -> tuple[Moments, Flags]:
    """Return the moments in a column of dates, timestamps or strings of them.

    Returns
    -------
    moments
        ``datetime64[ns]``, in UTC where there is a zone.
    given
        Where there is a value.

    Raises
    ------
    UnreadableMoments
        For a value that is no date, or one before 1678 or after 2261.
    """
    given = values.notna().to_numpy()
    present = values[given]
    if pd.api.types.is_string_dtype(present) or present.dtype == object:
        parsed = _parsed(present)
    else:
        parsed = pd.to_datetime(present, errors="coerce", utc=True)
    wrong = parsed.isna().to_numpy()
    if wrong.any():
        raise UnreadableMoments(str(present.iloc[int(np.argmax(wrong))]))
    naive = pd.DatetimeIndex(parsed).tz_localize(None).to_numpy().astype("datetime64[ns]")
    moments = np.zeros(len(values), dtype="datetime64[ns]")
    moments[given] = naive
    return moments, given


def _parsed(values: pd.Series) -> Any:
    """Return strings or date objects as moments; NaT for what is neither."""
    texts = values.map(str)
    parsed = pd.to_datetime(texts, format="ISO8601", errors="coerce", utc=True)
    if not parsed.isna().any():
        return parsed
    for day_first in (False, True):  # 3/14/2024 or 14/3/2024: the one that reads them all
        parsed = pd.to_datetime(
            texts, format="mixed", dayfirst=day_first, errors="coerce", utc=True
        )
        if not parsed.isna().any() and _consistent(texts, day_first=day_first):
            break
    return parsed


def _consistent(texts: pd.Series, *, day_first: bool) -> bool:
    """Whether dates like 14/3/2024 all have the day where it is said to be."""
    parts = texts.str.extract(r"^\s*(\d{1,2})[/.-](\d{1,2})[/.-]\d{4}").astype("float64")
    month = parts[1] if day_first else parts[0]
    return bool((month.dropna() <= 12).all())  # noqa: PLR2004 - months
