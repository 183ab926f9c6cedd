"""What the clock shows in a column of stamps, and which moments that is."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any, Final, cast

import numpy as np
import pandas as pd

from modelstudio.tables.readings import UNFIT, Evidence, MomentReading, decide
from modelstudio.tables.types import MOMENTS
from modelstudio.trainers.forecasting import zones

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from modelstudio.tables.readings import Decision
    from modelstudio.trainers.forecasting.calendar import Calendar, Moments
    from modelstudio.trainers.forecasting.panel import Flags

    Minutes = np.ndarray[tuple[Any, ...], np.dtype[np.float64]]

#: Stamps of other years stand for "none" or "for ever"; the last year is not one of them.
_FIRST_YEAR: Final = np.datetime64("1000-01-01")
_PAST_YEARS: Final = np.datetime64("3000-01-01")
RANGE: Final = "the years 1000 to 2999"
_SHOWN: Final = 80
_MOST: Final = 0.5


class UnreadableMoments(ValueError):
    """A value that is no date; the message is the value."""

    @property
    def told(self) -> str:
        return f"has the value {str(self)[:_SHOWN]!r}, which is no date in {RANGE}"


class UndecidedMoments(UnreadableMoments):
    """A column of texts that may be read in several ways."""

    def __init__(self, possible: Sequence[str], examples: Sequence[str]) -> None:
        self._names = " or ".join(map(repr, possible))
        super().__init__(", ".join(map(repr, examples)))

    @property
    def told(self) -> str:
        return (
            f"may be read as {self._names}, with values such as {self}. Say which, with putSchema "
            "or with readings in the configuration"
        )


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
    reading: MomentReading | None,
    zone: str | None,
    series: Any = None,
    assumed: str | None = None,
) -> Local:
    """Return the moments of a column on the clock of a zone.

    Parameters
    ----------
    reading
        How the column's texts are read, or those that its moments came from; None when nothing
        is known of it.
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
    own = stamps.zone or zone or _last_offset(stamps, said) or assumed
    if own is None:
        return Local(stamps.wall, None, stamps.given, stamps.beyond, None)
    instants, notes = _instants(stamps, said, own, series)
    wall = stamps.wall.copy()
    if zone is not None:
        moved = said if zone == own else stamps.given
        wall[moved] = zones.wall_of(instants[moved], zone)
    return Local(wall, instants, stamps.given, stamps.beyond, zone or own, tuple(notes))


def _instants(stamps: Stamps, said: Flags, own: str, series: Any) -> tuple[Moments, list[str]]:
    """Return the moments in UTC; stamps without an offset are of the clock of ``own``."""
    notes = []
    unsaid = stamps.given & ~said
    if said.any() and unsaid.any():
        notes.append(
            f"{int(unsaid.sum())} stamps are without an offset from UTC, which others have; they "
            "are read as those of the same clock"
        )
    instants = stamps.wall.copy()
    instants[said] -= stamps.ahead[said].astype("int64").astype("timedelta64[m]")
    if unsaid.any():
        of = None if series is None else series[unsaid]
        found = zones.instants_of(stamps.wall[unsaid], own, of)
        instants[unsaid] = found.moments
        if not _are_days(stamps.wall[unsaid]):
            notes += _clock_changes(stamps.wall[unsaid], found, own)
    return instants, notes


def answer(moments: Moments, calendar: Calendar, zone: str | None) -> Any:
    """Return the stamps of forecasts as they are answered.

    Without a zone, or in UTC, plain moments; else ISO texts with the offset from UTC.
    """
    if zone is None or zone == zones.UTC:
        return moments
    if calendar.zone is None:
        return zones.written(moments, zones.instants_of(moments, zone).moments)
    return zones.written(zones.wall_of(moments, zone), moments)


def _are_days(wall: Moments) -> bool:
    """Whether stamps are dates, which have no hour to be repeated or skipped."""
    return bool((wall == wall.astype("datetime64[D]")).all())


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


def _stamps(values: pd.Series, reading: MomentReading | None) -> Stamps:
    given = values.notna().to_numpy()
    present = values[given]
    wall, ahead = np.zeros(len(values), dtype="datetime64[us]"), np.full(len(values), np.nan)
    zone = None
    if _is_stored(present, reading):
        present = present.dt.tz_localize(None)
    if isinstance(present.dtype, pd.DatetimeTZDtype):
        zone = str(present.dtype.tz)
        wall[given] = present.dt.tz_localize(None).to_numpy().astype("datetime64[us]")
        utc = present.dt.tz_convert(zones.UTC).dt.tz_localize(None).to_numpy()
        ahead[given] = _minutes_ahead(wall[given], utc.astype("datetime64[us]"))
    elif pd.api.types.is_datetime64_dtype(present.dtype):
        utc = present.to_numpy().astype("datetime64[us]")
        wall[given], zone = _as_written(utc, reading)
        if reading is not None and reading.zoned:
            ahead[given] = _minutes_ahead(wall[given], utc)
    else:
        read, wall[given], ahead[given] = _of_texts(present, reading)
        given[given] = read
    beyond = given & ((wall < _FIRST_YEAR) | (wall >= _PAST_YEARS))
    return Stamps(wall, ahead, given & ~beyond, beyond, zone)


def _is_stored(present: pd.Series, reading: MomentReading | None) -> bool:
    """Whether moments were put into UTC when they were stored, and so say nothing of a zone."""
    if reading is None or not reading.zoned or not isinstance(present.dtype, pd.DatetimeTZDtype):
        return False
    return str(present.dtype.tz) == zones.UTC


def _minutes_ahead(wall: Moments, utc: Moments) -> Minutes:
    return (wall - utc) / np.timedelta64(1, "m")


def _as_written(moments: Moments, reading: MomentReading | None) -> tuple[Moments, str | None]:
    """Return what the clock showed at typed moments, and its zone when that has a name."""
    if reading is None or not reading.zoned:
        return moments, None
    if reading.runs:
        return reading.local(moments.astype("int64")).astype("datetime64[us]"), None
    if reading.zone is None or reading.zone == zones.UTC:
        return moments, None
    return zones.wall_of(moments, reading.zone), reading.zone


def _of_texts(values: pd.Series, reading: MomentReading | None) -> tuple[Flags, Moments, Minutes]:
    """Return where there is a moment, what the clock showed, and its minutes ahead of UTC."""
    codes, distinct = pd.factorize(values)
    texts = [_text(value) for value in distinct]
    counts = np.bincount(codes, minlength=len(texts)).tolist()
    reading = reading or _decided(dict(zip(texts, counts, strict=True)))
    micros, ahead = np.zeros(len(texts), dtype="int64"), np.full(len(texts), np.nan)
    given = np.ones(len(texts), dtype=bool)
    for place, text in enumerate(texts):
        found = reading.found(text)
        if found is UNFIT:
            raise UnreadableMoments(text)
        given[place] = found is not None
        if found is not None:
            offset = found.offset or 0
            micros[place] = found.micros + offset * 60_000_000
            ahead[place] = np.nan if found.offset is None else offset
    return given[codes], micros.astype("datetime64[us]")[codes], ahead[codes]


def _text(value: object) -> str:
    return value.isoformat() if isinstance(value, date) else str(value)


def decided(values: pd.Series, told: str | None = None) -> MomentReading | None:
    """Return the reading of a column of texts or whole numbers; None for one of moments.

    Parameters
    ----------
    told
        The name of the reading that it has.

    Raises
    ------
    UnreadableMoments
        When there is none for all values, or more than one.
    """
    if pd.api.types.is_datetime64_any_dtype(values.dtype):
        return None
    counts = values.dropna().map(_text).value_counts()
    return _decided({str(text): int(count) for text, count in counts.items()}, told)


def _decided(counts: Mapping[str, int], told: str | None = None) -> MomentReading:
    seen = Evidence()
    seen.add(dict(counts.items()))
    decision = decide({"": seen}, hints={"": told or "moment"})[""]
    if decision.question:
        raise UndecidedMoments(decision.possible, decision.examples)
    if _is_of_moments(decision) and not decision.unfit:
        return cast("MomentReading", decision.reading)
    # Name what most of the values are not.
    mostly = decide({"": seen}, hints={"": "moment"}, least_share=_MOST)[""]
    wrong = mostly if _is_of_moments(mostly) else decision
    shown = wrong.examples or decision.examples or tuple(seen.examples()) or tuple(counts)
    raise UnreadableMoments(shown[0] if shown else "")


def _is_of_moments(decision: Decision) -> bool:
    reading = decision.reading
    return isinstance(reading, MomentReading) and reading.field_type in MOMENTS
