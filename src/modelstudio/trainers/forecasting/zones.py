"""Clocks of the world: from what a clock shows to the moment it means, and back."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import timedelta, timezone
from typing import TYPE_CHECKING, Any, Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import numpy as np
import pandas as pd

if TYPE_CHECKING:
    from datetime import tzinfo

    from modelstudio.trainers.forecasting.calendar import Moments
    from modelstudio.trainers.forecasting.panel import Flags

UTC: Final = "UTC"
_OFFSET: Final = re.compile(r"([+-])(\d{2}):?(\d{2})")


class UnknownZone(ValueError):
    """A name that is no time zone; the message says so."""


def zone_of(name: str) -> tzinfo:
    """Return the zone of an IANA name or of an offset such as ``+02:00``.

    Raises
    ------
    UnknownZone
        When this system knows no such zone.
    """
    found = _OFFSET.fullmatch(name)
    if found:
        ahead = timedelta(hours=int(found[2]), minutes=int(found[3]))
        return timezone(-ahead if found[1] == "-" else ahead)
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise UnknownZone(
            f"The time zone {name!r} is not known here. Use a name such as Europe/Berlin or "
            "America/New_York, or an offset such as +02:00."
        ) from error


def is_offset(name: str) -> bool:
    """Whether a zone is a plain offset, which says nothing of other times of the year."""
    return _OFFSET.fullmatch(name) is not None


def offset_name(minutes: int) -> str:
    """Return the name of an offset, ``UTC`` for none."""
    if not minutes:
        return UTC
    hours, rest = divmod(abs(minutes), 60)
    return f"{'-' if minutes < 0 else '+'}{hours:02}:{rest:02}"


@dataclass(frozen=True, slots=True)
class Instants:
    """Moments in UTC, and where a clock did not say which one, or showed one that never was."""

    moments: Moments
    repeated: Flags
    skipped: Flags


def instants_of(wall: Moments, zone: str, series: Any = None) -> Instants:
    """Return the moments that a zone's clock means.

    Of an hour that the clock goes through twice, the first row of a series that shows a time is of
    the first pass, and the next of the second. An hour that it leaps over is read as one later.

    Parameters
    ----------
    series
        The series of each row; None when all are of one.
    """
    index, place = pd.DatetimeIndex(wall), zone_of(zone)
    first, second = (
        _in_utc(index, place, np.full(len(wall), summer), "shift_forward")
        for summer in (True, False)
    )
    repeated = first != second
    again = np.zeros(len(wall), dtype=bool)
    if repeated.any():
        twice = {"wall": wall[repeated]}
        if series is not None:
            twice["series"] = series[repeated]
        again[repeated] = pd.DataFrame(twice).duplicated().to_numpy()
    skipped = np.isnat(_in_utc(index, place, np.full(len(wall), fill_value=True), "NaT"))
    return Instants(np.where(again, second, first), repeated, skipped)


def _in_utc(index: Any, place: tzinfo, summer: Flags, skipped: Any) -> Moments:
    zoned = index.tz_localize(place, ambiguous=summer, nonexistent=skipped)
    return np.asarray(zoned.tz_convert(UTC).tz_localize(None), dtype="datetime64[us]")


def wall_of(instants: Moments, zone: str) -> Moments:
    """Return what a zone's clock shows at moments in UTC, of any shape."""
    index = pd.DatetimeIndex(instants.ravel()).tz_localize(UTC).tz_convert(zone_of(zone))
    return np.asarray(index.tz_localize(None), dtype="datetime64[us]").reshape(instants.shape)


def written(wall: Moments, instants: Moments) -> Any:
    """Return ISO texts of what a clock shows, each with how far it is ahead of UTC."""
    minutes = (wall - instants).astype("timedelta64[m]").astype("int64")
    texts = np.datetime_as_string(wall, unit="auto" if len(wall) else "us")
    plain = [text if "T" in text else f"{text}T00:00:00" for text in texts.tolist()]
    plain = [f"{text}:00" if len(text) == len("2024-01-01T00:00") else text for text in plain]
    names = [offset_name(minute).replace(UTC, "+00:00") for minute in minutes.tolist()]
    return np.array([text + name for text, name in zip(plain, names, strict=True)], dtype=object)
