"""Regular calendars: whole numbers for moments, so that gaps are a subtraction away."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final, Literal, Self

import numpy as np

from modelstudio.trainers.forecasting import month_days, opening, zones

if TYPE_CHECKING:
    from collections.abc import Mapping

    Ints = np.ndarray[tuple[Any, ...], np.dtype[np.int64]]
    Moments = np.ndarray[tuple[Any, ...], np.dtype[np.datetime64]]

Kind = Literal[
    "fixed", "months", "business", "business_months", "month_days", "week_of_month", "week_times"
]

DAY: Final = 86_400 * 10**9
WEEK: Final = 7 * DAY
_MICROSECOND: Final = 1_000
_MONTHS_A_YEAR: Final = 12
_WORKING_DAYS: Final = (0, 1, 2, 3, 4)
_WEEKS_A_YEAR: Final = 52
_EPOCH: Final = np.datetime64("1970-01-01")


@dataclass(frozen=True, slots=True)
class Calendar:
    """Steps of one frequency, numbered.

    Attributes
    ----------
    alias
        The pandas offset alias, such as ``D``, ``W-SUN``, ``MS`` or ``30min``, or a notation of our
        own where pandas has none: ``M-15`` for the 15th of each month, ``M-1-11-21`` for three days
        of each, ``B-SUN-MON-TUE-WED-THU`` for a week of other working days,
        ``h-MON-FRI-09:00-16:00`` for hours of two days of the week.
    step
        Nanoseconds for ``fixed``, working days for ``business``, weeks for ``week_times``, months
        for all others.
    phase
        Where step 0 lies: nanoseconds after the epoch, or months after January 1970.
    at_end
        Whether a period is stamped at its end (``ME``, ``W-SUN``) and thus takes in what is before.
    anchors
        Of ``business`` the weekdays (Monday is 0; none for Monday to Friday), of ``month_days`` the
        days of the month (those beyond its end are its last), of ``week_of_month`` the week (0 for
        the first, -1 for the last) and the weekday, of ``week_times`` the minutes of the week.
    time
        Microseconds after midnight of every stamp; of ``fixed`` steps the phase says so.
    zone
        Of steps within a day that are counted in UTC, the zone whose clock they are shown on; None
        when what the clock shows is counted.
    """

    alias: str
    kind: Kind
    step: int
    phase: int = 0
    at_end: bool = False
    anchors: tuple[int, ...] = ()
    time: int = 0
    zone: str | None = None

    @classmethod
    def of(cls, alias: str, example: np.datetime64 | None = None) -> Self:
        """Read an alias.

        Parameters
        ----------
        example
            Any stamp; says where the steps of ``2W``, ``2MS`` or ``7h`` lie.

        Raises
        ------
        ValueError
            When the alias is unknown or of a calendar that has no regular steps.
        """
        from modelstudio.trainers.forecasting.aliases import parts_of

        return cls(**parts_of(alias, example))

    @classmethod
    def of_state(cls, state: Mapping[str, Any]) -> Self:
        """Return the calendar that a manifest has as JSON."""
        return cls(**{**state, "anchors": tuple(state.get("anchors", ()))})

    def number(self, moments: Moments) -> Ints:
        """Return the step that each moment (``datetime64``) belongs to."""
        moments = np.asarray(moments - self._time)
        if self.kind == "fixed":
            microseconds = moments.astype("datetime64[us]").astype("int64")
            step, phase = self.step // _MICROSECOND, self.phase // _MICROSECOND
            if self.at_end:  # a week ends with the day it is named after
                day = DAY // _MICROSECOND
                return -((phase - microseconds // day * day) // step)
            return (microseconds - phase) // step
        if self.kind == "business":
            days = np.busday_offset(moments.astype("datetime64[D]"), 0, "backward", self._mask)
            count = np.busday_count(self._first_day, days, self._mask)
            return np.asarray(count, dtype="int64") // self.step
        if self.kind == "week_times":
            return opening.number(moments, self.anchors)
        return self._number_by_month(moments)

    def _number_by_month(self, moments: Moments) -> Ints:
        months = moments.astype("datetime64[M]").astype("int64")
        if self.kind in {"months", "business_months"}:
            if self.at_end:
                return -((self.phase - months) // self.step)
            return (months - self.phase) // self.step
        period = (months - self.phase) // self.step
        stamps = self._stamps(period * self.step + self.phase)
        days = moments.astype("datetime64[D]")[..., None]
        passed = (stamps < days).sum(axis=-1) if self.at_end else (stamps <= days).sum(axis=-1) - 1
        return np.asarray(period * self._stamps_a_period + passed, dtype="int64")

    def moment(self, numbers: Ints) -> Moments:
        """Return the stamp of each step as ``datetime64[us]``."""
        if self.kind == "fixed":
            step, phase = self.step // _MICROSECOND, self.phase // _MICROSECOND
            return np.asarray(numbers * step + phase).astype("datetime64[us]")
        if self.kind == "business":
            days = np.busday_offset(self._first_day, numbers * self.step, weekmask=self._mask)
            return np.asarray(days.astype("datetime64[us]") + self._time)
        if self.kind == "week_times":
            return opening.moment(numbers, self.anchors)
        period, within = np.divmod(numbers, self._stamps_a_period)
        stamps = self._stamps(period * self.step + self.phase)
        found = np.take_along_axis(stamps, np.asarray(within)[..., None], axis=-1)[..., 0]
        return np.asarray(found.astype("datetime64[us]") + self._time)

    def shown(self, moments: Moments) -> Moments:
        """Return what a clock shows at moments that are counted."""
        return moments if self.zone is None else zones.wall_of(moments, self.zone)

    def begin(self, numbers: Ints) -> Moments:
        """Return the first moment that belongs to each step, as ``datetime64[us]``."""
        if self.kind == "business_months":
            months = numbers * self.step + self.phase - (self.step - 1 if self.at_end else 0)
            return months.astype("datetime64[M]").astype("datetime64[us]")
        if self.at_end:
            return self.moment(numbers - 1) + np.timedelta64(1, "D")
        return self.moment(numbers)

    def holds(self, moments: Moments) -> bool:
        """Whether every moment is the stamp of a step."""
        return bool((self.moment(self.number(moments)) == moments).all())

    @property
    def sub_daily(self) -> bool:
        """Whether a day has several steps, and every day as many."""
        return self.kind == "fixed" and self.step < DAY

    @property
    def within_days(self) -> bool:
        """Whether steps are told apart by the time of day."""
        return self.sub_daily or self.kind == "week_times"

    @property
    def by_month(self) -> bool:
        """Whether a step is a whole number of months."""
        return self.kind in {"months", "business_months"} or (
            self.kind in {"month_days", "week_of_month"} and self._stamps_a_period == 1
        )

    @property
    def seasons(self) -> tuple[int, ...]:
        """Lengths in steps of the seasons that the frequency suggests, shortest first."""
        if self.kind == "business":
            week = len(self.anchors or _WORKING_DAYS)
            return (week, week * _WEEKS_A_YEAR) if self.step == 1 else ()
        if self.kind == "week_times":
            return opening.seasons(self.anchors)
        if self.kind != "fixed":
            whole = self.step < _MONTHS_A_YEAR and not _MONTHS_A_YEAR % self.step
            return (_MONTHS_A_YEAR // self.step * self._stamps_a_period,) if whole else ()
        if self.step >= WEEK:
            return (_WEEKS_A_YEAR,) if self.step == WEEK else ()
        if self.step >= DAY:
            return (7, 364) if self.step == DAY else ()
        candidates: tuple[int, ...] = (DAY, WEEK)
        if self.step < 10**9:  # days of tenths of a second are too long to see two of them
            candidates = (60 * 10**9, 3600 * 10**9)
        elif self.step < 60 * 10**9:
            candidates = (3600 * 10**9, *candidates)
        found = [cycle // self.step for cycle in candidates if not cycle % self.step]
        return tuple(length for length in found if length > 1)

    @property
    def stand_in(self) -> Calendar:
        """A calendar of much the same steps that every library knows by its alias.

        The same numbers are other moments there; itself where it is known.
        """
        if self.by_month and self.kind != "months":
            suffix = "E" if self.at_end else "S"
            alias = f"{self.step}M{suffix}"
            return replace(self, alias=alias, kind="months", anchors=(), time=0)
        if self.kind == "business" and self.anchors:
            alias = "B" if len(self.anchors) == len(_WORKING_DAYS) else "D"
            return Calendar.of(alias)
        if self.kind == "week_times":
            return Calendar.of("h")
        return Calendar.of("D") if self.kind == "month_days" else replace(self, time=0)

    @property
    def _time(self) -> np.timedelta64:
        return np.timedelta64(self.time, "us")

    @property
    def _stamps_a_period(self) -> int:
        return len(self.anchors) if self.kind == "month_days" else 1

    @property
    def _first_day(self) -> Any:
        # NumPy counts backwards from a day off as if it were a working day.
        return np.busday_offset(_EPOCH, 0, "forward", self._mask)

    @property
    def _mask(self) -> Any:
        return np.isin(np.arange(7), self.anchors or _WORKING_DAYS)

    def _stamps(self, months: Ints) -> Any:
        """Return the stamps in months (since January 1970) as days, along one axis more."""
        if self.kind == "month_days":
            return month_days.on_days(months, self.anchors)
        if self.kind == "week_of_month":
            return month_days.on_weekday(months, *self.anchors)[..., None]
        days = month_days.last(months) if self.at_end else month_days.first(months)
        if self.kind == "business_months":
            roll: Literal["backward", "forward"] = "backward" if self.at_end else "forward"
            days = np.busday_offset(days, 0, roll)
        return days[..., None]
