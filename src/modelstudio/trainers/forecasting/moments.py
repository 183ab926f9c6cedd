"""What the clock shows in a column of stamps, and which moments that is."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pandas as pd

from modelstudio.trainers.forecasting import zones

if TYPE_CHECKING:
    from collections.abc import Mapping

    from modelstudio.trainers.forecasting.calendar import Calendar, Moments
    from modelstudio.trainers.forecasting.panel import Flags

    Minutes = np.ndarray[tuple[Any, ...], np.dtype[np.float64]]

#: Stamps of other years stand for "none" or "for ever"; the last year is not one of them.
_FIRST_YEAR: Final = np.datetime64("1000-01-01")
_PAST_YEARS: Final = np.datetime64("3000-01-01")
RANGE: Final = "the years 1000 to 2999"
_WRITTEN_OFFSET: Final = r"(?:[Tt ]\d.*?)([+-]\d{2}:?\d{2}|[+-]\d{2}|[Zz])\s*$"


class UnreadableMoments(ValueError):
    """A value that is no date; the message names it."""


@dataclass(frozen=True, slots=True)
class Stamps:
    """A column of stamps.

    Attributes
    ----------
    wall
        What the clock showed, ``datetime64[us]``; of no meaning where ``given`` is not.
    ahead
        Minutes that the clock is ahead of UTC; NaN where that is not said.
    given
        Where there is a value that is in ``RANGE``.
    beyond
        Where there is one that is not.
    zone
        The zone that the column is in; None when it does not say.
    """

    wall: Moments
    ahead: Minutes
    given: Flags
    beyond: Flags
    zone: str | None = None


@dataclass(frozen=True, slots=True)
class Local:
    """A column of stamps on one zone's clock.

    Attributes
    ----------
    instants
        The same moments in UTC; None when no zone is known.
    notes
        What was read in a way that one could have meant otherwise.
    """

    wall: Moments
    instants: Moments | None
    given: Flags
    beyond: Flags
    zone: str | None
    notes: tuple[str, ...] = ()

    def counted(self, calendar: Calendar) -> Moments:
        """Return the moments that a calendar counts: those of its zone's clock, or in UTC."""
        return self.wall if calendar.zone is None or self.instants is None else self.instants


def local_moments(
    values: pd.Series,
    reading: Mapping[str, Any] | None,
    zone: str | None,
    series: Any = None,
    assumed: str | None = None,
) -> Local:
    """Return the moments of a column on the clock of a zone.

    Parameters
    ----------
    reading
        What is known of a typed column: ``zone``, and whether its values are ``local``, that is,
        what that zone's clock showed. None for nothing.
    zone
        The zone to be in; None for that of the column, or else the last offset that it has.
    series
        The series of each row, to tell the passes of an hour that a clock goes through twice.
    assumed
        The zone of a column that says nothing of one.

    Raises
    ------
    UnreadableMoments
        For a value that is no date.
    """
    stamps = _stamps(values, reading)
    said = stamps.given & np.isfinite(stamps.ahead)
    notes = []
    if said.any() and not said[stamps.given].all():
        notes.append(
            f"{int((stamps.given & ~said).sum())} stamps are without an offset from UTC, which "
            "others have; they are read as those of the same clock"
        )
    own = stamps.zone or zone or _last_offset(stamps, said) or assumed
    if own is None:
        return Local(stamps.wall, None, stamps.given, stamps.beyond, None)
    unsaid = stamps.given & ~said
    wall, instants = stamps.wall.copy(), stamps.wall.copy()
    instants[said] -= stamps.ahead[said].astype("int64").astype("timedelta64[m]")
    if unsaid.any():
        of = None if series is None else series[unsaid]
        found = zones.instants_of(wall[unsaid], own, of)
        instants[unsaid] = found.moments
        notes += _clock_changes(wall[unsaid], found, own)
    if zone is not None:
        moved = said if zone == own else stamps.given
        wall[moved] = zones.wall_of(instants[moved], zone)
    found_in = zone or own
    return Local(wall, instants, stamps.given, stamps.beyond, found_in, tuple(notes))


def answer(moments: Moments, calendar: Calendar, zone: str | None) -> Any:
    """Return the stamps of forecasts as they are answered.

    Without a zone, or in UTC, plain moments; else ISO texts with the offset from UTC.
    """
    if zone is None or zone == zones.UTC:
        return moments
    if calendar.zone is None:
        return zones.written(moments, zones.instants_of(moments, zone).moments)
    return zones.written(zones.wall_of(moments, zone), moments)


def _last_offset(stamps: Stamps, said: Flags) -> str | None:
    """Return the offset of the latest stamp that has one; None when there is none."""
    if not said.any():
        return None
    rows = np.flatnonzero(said)
    latest = rows[int(np.argmax(stamps.wall[rows]))]
    return zones.offset_name(int(stamps.ahead[latest]))


def _clock_changes(wall: Moments, found: zones.Instants, zone: str) -> list[str]:
    notes = []
    if found.repeated.any():
        notes.append(
            f"{int(found.repeated.sum())} stamps are in an hour that the clock of {zone} goes "
            f"through twice, {pd.Timestamp(wall[found.repeated][0])} for one; the first of a "
            "series is taken for the first pass, and the next for the second"
        )
    if found.skipped.any():
        notes.append(
            f"{int(found.skipped.sum())} stamps are in an hour that the clock of {zone} leaps "
            f"over, {pd.Timestamp(wall[found.skipped][0])} for one; they are read as an hour later"
        )
    return notes


def _stamps(values: pd.Series, reading: Mapping[str, Any] | None) -> Stamps:
    given = values.notna().to_numpy()
    present = values[given]
    ahead = np.full(len(values), np.nan)
    zone = None
    if isinstance(present.dtype, pd.DatetimeTZDtype):
        zone = str(present.dtype.tz)
        shown = present.dt.tz_localize(None).to_numpy().astype("datetime64[us]")
        utc = present.dt.tz_convert(zones.UTC).dt.tz_localize(None).to_numpy()
        ahead[given] = (shown - utc.astype("datetime64[us]")) / np.timedelta64(1, "m")
    elif pd.api.types.is_datetime64_dtype(present.dtype):
        shown = present.to_numpy().astype("datetime64[us]")
        zone = (reading or {}).get("zone")
        if zone is not None and not (reading or {}).get("local"):
            ahead[given] = 0.0
            if zone != zones.UTC:
                shown = zones.wall_of(shown, zone)
                ahead[given] = np.nan
    else:
        shown, ahead[given] = _of_texts(present)
    wall = np.zeros(len(values), dtype="datetime64[us]")
    wall[given] = shown
    beyond = given & ((wall < _FIRST_YEAR) | (wall >= _PAST_YEARS))
    return Stamps(wall, ahead, given & ~beyond, beyond, zone)


def _of_texts(values: pd.Series) -> tuple[Moments, Minutes]:
    """Return what the clock showed and how far it was ahead of UTC, NaN where that is not said."""
    texts = values.map(str)
    written = texts.str.extract(_WRITTEN_OFFSET, expand=False)
    ahead = written.map(_minutes, na_action="ignore").astype("float64").to_numpy()
    moments, _ = moments_of(values)
    shown = moments.astype("datetime64[us]")
    said = np.isfinite(ahead)
    shown[said] += ahead[said].astype("int64").astype("timedelta64[m]")
    return shown, ahead


def _minutes(offset: str) -> float:
    if offset in {"Z", "z"}:
        return 0.0
    digits = re.sub(r"\D", "", offset)
    minutes = int(digits[:2]) * 60 + int(digits[2:] or 0)
    return float(-minutes if offset.startswith("-") else minutes)


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
