"""Days of months; months are counted from January 1970, days are ``datetime64[D]``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    Ints = np.ndarray[tuple[Any, ...], np.dtype[np.int64]]
    Days = np.ndarray[tuple[Any, ...], np.dtype[np.datetime64]]

#: The epoch was a Thursday; Monday is 0.
_EPOCH_WEEKDAY: Final = 3
LAST_WEEK: Final = -1


def first(months: Ints) -> Days:
    """Return the first day of each month."""
    return np.asarray(months).astype("datetime64[M]").astype("datetime64[D]")


def last(months: Ints) -> Days:
    """Return the last day of each month."""
    return first(np.asarray(months) + 1) - 1


def on_days(months: Ints, days: Sequence[int]) -> Days:
    """Return these days of each month, along one axis more; its last day where it is shorter."""
    begin, end = first(months)[..., None], last(months)[..., None]
    return np.asarray(np.minimum(begin + (np.asarray(days) - 1), end))


def on_weekday(months: Ints, week: int, weekday: int) -> Days:
    """Return one weekday of each month, of its week ``week`` from 0 or of its last (-1)."""
    if week == LAST_WEEK:
        end = last(months)
        return end - (weekday_of(end) - weekday) % 7
    begin = first(months)
    return begin + (weekday - weekday_of(begin)) % 7 + 7 * week


def weekday_of(days: Days) -> Ints:
    """Return the weekday, Monday is 0."""
    return (days.astype("datetime64[D]").astype("int64") + _EPOCH_WEEKDAY) % 7
