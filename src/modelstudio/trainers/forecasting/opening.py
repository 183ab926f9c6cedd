"""Times of a week that come again each week: opening hours, shifts, readings three times a day."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from modelstudio.trainers.forecasting.calendar import Calendar, Ints, Moments
    from modelstudio.trainers.forecasting.panel import Flags

_DAY: Final = 24 * 60
_WEEK: Final = 7 * _DAY
#: The week began on a Monday three days before the epoch.
_EPOCH: Final = 3 * _DAY
#: Each time of the week must come up in so many weeks ...
_TIMES: Final = 3
#: ... and this share of the steps be from one to the next.
_SURE_SHARE: Final = 0.5
_MOST: Final = 2_000


def number(moments: Moments, anchors: Sequence[int]) -> Ints:
    """Return the step that each moment belongs to."""
    minutes = moments.astype("datetime64[m]").astype("int64") + _EPOCH
    week, within = np.divmod(minutes, _WEEK)
    return np.asarray(week * len(anchors) + np.searchsorted(anchors, within, side="right") - 1)


def moment(numbers: Ints, anchors: Sequence[int]) -> Moments:
    """Return the stamp of each step as ``datetime64[us]``."""
    week, within = np.divmod(numbers, len(anchors))
    minutes = week * _WEEK + np.asarray(anchors)[within] - _EPOCH
    return np.asarray(minutes.astype("datetime64[m]").astype("datetime64[us]"))


def seasons(anchors: Sequence[int]) -> tuple[int, ...]:
    """Return the steps of a day, where all days have as many, and those of a week."""
    days = np.unique(np.asarray(anchors) // _DAY, return_counts=True)[1]
    found = (int(days[0]), len(anchors)) if len(days) > 1 and np.ptp(days) == 0 else (len(anchors),)
    return tuple(length for length in found if length > 1)


def calendar_of(stamps: Moments, same: Flags) -> Calendar | None:
    """Return the calendar of stamps that leave out hours or weekdays in every week; None for none.

    Parameters
    ----------
    stamps, same
        As in ``dated.calendar_of``.
    """
    from modelstudio.trainers.forecasting.aliases import of_week_times
    from modelstudio.trainers.forecasting.calendar import Calendar

    whole = stamps.astype("datetime64[m]")
    if (stamps != whole).any():
        return None
    minutes = (np.unique(whole).astype("int64") + _EPOCH) % _WEEK
    anchors, counts = np.unique(minutes, return_counts=True)
    if len(anchors) > _MOST or counts.min() < _TIMES:
        return None
    days, times = np.unique(anchors // _DAY), np.unique(anchors % _DAY)
    step = _even_step(times)
    if step is None or len(anchors) != len(days) * len(times):
        return None
    if len(days) * len(times) * step >= _WEEK:
        return None  # around the clock
    alias = of_week_times(step, days.tolist(), int(times[0]), int(times[-1]))
    calendar = Calendar.of(alias)
    steps = np.diff(calendar.number(stamps))[same]
    return calendar if (steps == 1).mean() >= _SURE_SHARE else None


def _even_step(times: Any) -> int | None:
    """Return the distance of times of the day; None when they have several, or are one alone."""
    distances = np.unique(np.diff(times))
    return int(distances[0]) if len(distances) == 1 else None
