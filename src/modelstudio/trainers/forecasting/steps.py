"""From rows to steps: the calendar they share, and which of them make whole steps of it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pandas as pd

from modelstudio.trainers.base import TrainingError
from modelstudio.trainers.forecasting import frequency, periods
from modelstudio.trainers.forecasting.calendar import DAY, Calendar
from modelstudio.trainers.forecasting.identity import place
from modelstudio.trainers.forecasting.joins import examples, without
from modelstudio.trainers.forecasting.month_days import weekday_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from modelstudio.trainers.forecasting.assembly import Resampling, Rows
    from modelstudio.trainers.forecasting.columns import Columns
    from modelstudio.trainers.forecasting.rows import Taken, Told

#: A few rows further from the rest of their series than this many times its length are no history.
_FAR: Final = 3
_FEW: Final = 0.05
#: Rows of the last periods that a model keeps.
_MOST_RAW: Final = 2_000_000
_LEAST_ROWS: Final = 10
#: Only a series whose steps are so many times its rows is looked at.
_SPREAD: Final = 20
#: A series has days off when it has a value on most of its other days, over so many weeks.
_LEAST_WEEKS: Final = 4
_REGULAR: Final = 0.7


@dataclass(frozen=True, slots=True)
class Raw:
    """Rows before they are taken together, so that later rows of their periods can be added.

    Attributes
    ----------
    calendar
        The finer calendar that they lie on; None when there is none.
    rows
        Those of the last whole period of each series, and of the unfinished one after it.
    """

    calendar: Calendar | None
    rows: Rows


def settle(taken: Taken, config: Mapping[str, Any], told: Told) -> tuple[Calendar, Rows]:
    """Return the calendar, and the rows of the series that have it, their moments as it counts.

    Raises
    ------
    TrainingError
        When there is no common frequency, or when series of another one may not be left out.
    """
    calendar, others = _calendar(taken, config)
    rows = taken.counted(calendar)
    rows = _without_others(rows, calendar, others, config, told)
    if calendar.kind == "fixed" and calendar.step == DAY:
        _tell_of_days_off(rows, calendar, told)
    return calendar, _without_strays(rows, calendar, told)


def _calendar(taken: Taken, config: Mapping[str, Any]) -> tuple[Calendar, dict[str, str]]:
    rows, alias = taken.rows, config["frequency"]
    valued = np.isfinite(rows.target)
    codes, names = pd.factorize(rows.item[valued])
    if alias != "auto":
        calendar = _named(alias, rows.moment[valued].min())
        if calendar.sub_daily and taken.instants is not None:
            calendar = replace(calendar, zone=taken.zone)
        counted = taken.counted(calendar).moment[valued]
        # Where an absent row means zero, a series may well have one a week.
        zero = config["missing_value_strategy"] == "zero"
        found = {} if zero else _coarser(counted, codes, calendar)
        return calendar, {str(names[code]): other for code, other in found.items()}
    shared, failed = None, None
    try:
        shared = frequency.shared(rows.moment[valued], codes)
    except TrainingError as error:
        failed = error
    if taken.instants is not None and (shared is None or shared.calendar.sub_daily):
        # Hours are even in UTC alone: a clock that is changed repeats one and leaps over another.
        shared = frequency.shared(taken.instants[valued], codes)
        shared = replace(shared, calendar=replace(shared.calendar, zone=taken.zone))
    if shared is None:
        raise TrainingError(str(failed)) from failed
    return shared.calendar, {str(names[code]): own for code, own in shared.others.items()}


def _named(alias: str, example: Any) -> Calendar:
    try:
        calendar = Calendar.of(alias)
        # Where the steps of several months lie, only the data can say.
        return Calendar.of(alias, example) if calendar.anchors else calendar
    except ValueError as error:
        raise TrainingError(
            f"The frequency {alias!r} is not known. Use one such as D, B, W-SUN, MS, BME, SMS, "
            "M-15, WOM-1MON, h or 30min."
        ) from error


def _coarser(moments: Any, codes: Any, calendar: Calendar) -> dict[int, str]:
    """Return the series of a longer step than asked for, among others that have it."""
    numbers = calendar.number(moments)
    stamped = calendar.moment(numbers)
    found = frequency.odd(stamped, codes, calendar)
    return found if len(found) < len(np.unique(codes)) else {}


def _without_others(
    rows: Rows, calendar: Calendar, others: Mapping[str, str], config: Mapping[str, Any], told: Told
) -> Rows:
    if not others:
        return rows
    shown = ", ".join(f"{item!r} ({alias})" for item, alias in list(others.items())[:3])
    message = (
        f"{len(others)} series have another frequency than {calendar.alias}, which the others "
        f"have: {shown}"
    )
    if config.get("mixed_frequencies", "refuse") == "refuse":
        raise TrainingError(
            f"{message}. Set mixed_frequencies to leave_out to train without them, or train a "
            "model of their own."
        )
    told.warn("series_left_out", f"{message}; they are left out", "Train a model of their own")
    return without(rows, np.isin(rows.item, list(others)))


def _tell_of_days_off(rows: Rows, calendar: Calendar, told: Told) -> None:
    """Tell of series that never have a value on days of the week on which others do."""
    valued = np.isfinite(rows.target)
    codes, names = pd.factorize(rows.item[valued])
    days = weekday_of(calendar.moment(calendar.number(rows.moment[valued])))
    counts = np.bincount(codes * 7 + days, minlength=7 * len(names)).reshape(-1, 7)
    present = counts > 0
    # Half the days of each week at least: else there are values now and then.
    weeks = np.maximum(counts.max(axis=1), 1)
    found = ~present.all(axis=1) & (weeks >= _LEAST_WEEKS)
    found &= counts.sum(axis=1) >= weeks * present.sum(axis=1) * _REGULAR
    found &= present.sum(axis=1) > 1
    if found.any() and not found.all():
        told.warn(
            "series_with_days_off",
            f"{int(found.sum())} of {len(names)} series never have a value on some days of the "
            f"week, which are filled: {examples(names[found])}",
            "Set missing_value_strategy to zero if nothing happens on them, or train a model of "
            "such series",
        )


def _without_strays(rows: Rows, calendar: Calendar, told: Told) -> Rows:
    """Leave out few rows that lie far from the rest of their series, such as placeholders."""
    valued = np.flatnonzero(np.isfinite(rows.target))
    codes, names = pd.factorize(rows.item[valued])
    numbers = calendar.number(rows.moment[valued])
    order = np.lexsort((numbers, codes))
    bounds = np.searchsorted(codes[order], np.arange(len(names) + 1))
    sizes = np.diff(bounds)
    spans = numbers[order[bounds[1:] - 1]] - numbers[order[bounds[:-1]]] + 1
    strays = np.zeros(len(rows.target), dtype=bool)
    for code in np.flatnonzero((spans > _SPREAD * sizes) & (sizes >= _LEAST_ROWS)):
        places = order[bounds[code] : bounds[code + 1]]
        strays[valued[places[_far_off(numbers[places])]]] = True
    if not strays.any():
        return rows
    shown = ", ".join(
        place(calendar.shown(rows.moment[at : at + 1])[0], rows.item[at])
        for at in np.flatnonzero(strays)[:3]
    )
    told.warn(
        "timestamps_far_off",
        f"Left out {int(strays.sum())} rows far from all others of their series: {shown}",
        "Correct their timestamps if they count",
    )
    return without(rows, strays)


def _far_off(numbers: Any) -> Any:
    """Return which of some ascending numbers are few and far from the others."""
    gaps = np.diff(numbers)
    place = int(np.argmax(gaps))
    before, after = numbers[: place + 1], numbers[place + 1 :]
    few, rest = (before, after) if len(before) < len(after) else (after, before)
    if len(few) > max(1, _FEW * len(numbers)) or gaps[place] <= _FAR * max(np.ptp(rest), 1):
        return np.zeros(len(numbers), dtype=bool)
    return np.isin(numbers, few)


def tell_of_repeated(
    rows: Rows, frame: pd.DataFrame, columns: Columns, resampling: Resampling, told: Told
) -> None:
    """Tell of rows of one series that have the same moment, or refuse them.

    ``frame`` has the table's rows, of which those are that have a series and a moment.

    Raises
    ------
    TrainingError
        When they may not be taken together.
    """
    valued = np.isfinite(rows.target)
    keys = pd.DataFrame({"item": rows.item[valued], "moment": rows.moment[valued]})
    double = keys.duplicated()
    extra = int(double.sum())
    if not extra:
        return
    first = keys[double].iloc[0]
    alike = (keys["item"] == first["item"]) & (keys["moment"] == first["moment"])
    values = ", ".join(f"{value:g}" for value in rows.target[valued][alike][:3])
    message = (
        f"{extra} rows have the same timestamp as another row of their series, "
        f"{place(first['moment'], first['item'])} for one, with the values {values}"
    )
    apart = _tells_apart(keys, frame, valued, columns) if len(frame) == len(valued) else None
    hint = "Map the column that tells series apart as item id column"
    if apart is not None:
        hint = f"Map {apart!r} as a further item id column; it tells them apart"
    if not resampling.allowed:
        raise TrainingError(
            f"{message}. {hint}, set time_zone if a clock was turned back, remove the duplicates, "
            "or set the frequency to aggregate them."
        )
    told.warn("timestamps_repeated", f"{message}; their {resampling.numeric} is taken", hint)


def _tells_apart(
    keys: pd.DataFrame, frame: pd.DataFrame, valued: Any, columns: Columns
) -> str | None:
    """Return the first column that names each of the rows that have a timestamp in common."""
    frame = frame[valued]
    for name in (*columns.past, *columns.static):
        if name in frame and columns.types[name] not in {"FLOAT", "DOUBLE", "DECIMAL"}:
            further = keys.assign(further=frame[name].astype(str).to_numpy())
            if not further.duplicated().any():
                return name
    return None


def _remembered(rows: Rows, told: Told) -> Rows:
    """Return the rows to keep for later ones of their periods; none when they are too many."""
    if len(rows.target) <= _MOST_RAW:
        return rows
    told.warn(
        "periods_not_remembered",
        f"The last periods have {len(rows.target)} rows, too many to be kept with the model; later "
        "rows of an unfinished period will not count without those given again",
        "Take rows together before, or set a finer frequency",
    )
    return without(rows, np.ones(len(rows.target), dtype=bool))


def whole(
    rows: Rows, calendar: Calendar, resampling: Resampling, told: Told
) -> tuple[Rows, Raw | None]:
    """Return the rows of whole periods, and what to remember of the last ones.

    Rows of a first or last period that is not whole are left out, or stand for all of it, as
    ``resampling.unfinished`` says. Nothing is left out when no rows are taken together.
    """
    found = periods.raw_rows(rows, calendar) if resampling.allowed else None
    if found is None:
        return rows, None
    finer, edges = found
    raw = Raw(finer, _remembered(periods.at_the_end(rows, calendar, edges), told))
    if finer is not None and resampling.numeric == "sum":
        _tell_of_inner_gaps(rows, calendar, finer, told)
    if not edges.partial.any() or resampling.unfinished == "keep":
        return rows, raw
    count = len({*zip(rows.item[edges.partial], calendar.number(rows.moment[edges.partial]),
                      strict=True)})  # fmt: skip
    one = int(np.flatnonzero(edges.partial)[0])
    stamp = calendar.moment(calendar.number(rows.moment[one : one + 1]))
    where = place(calendar.shown(stamp)[0], rows.item[one])
    message = f"{count} first or last periods of series are not whole, {where} for one"
    if resampling.unfinished == "complete":
        done = f"; their {resampling.numeric} is taken for all of the period"
        told.warn("periods_completed", message + done, "Give whole periods")
        return periods.completed(rows, edges, resampling.numeric), raw
    told.warn(
        "periods_left_out",
        f"{message}; they are left out",
        "Give the rest of the period, or set unfinished_periods",
    )
    return periods.without_partial(rows, edges), raw


def _tell_of_inner_gaps(rows: Rows, calendar: Calendar, finer: Calendar, told: Told) -> None:
    """Tell of sums that are of a part of their period, though the series has hardly any gaps."""
    gaps = periods.inner_gaps(rows, calendar, finer)
    if not gaps.any():
        return
    stamps = calendar.moment(calendar.number(rows.moment[gaps]))
    pairs = dict.fromkeys(zip(rows.item[gaps], stamps, strict=True))
    item, stamp = next(iter(pairs))
    told.warn(
        "periods_with_gaps",
        f"{len(pairs)} periods within series have values for a part of them alone, "
        f"{place(calendar.shown(np.array([stamp]))[0], item)} for one; their sums are those of "
        "that part",
        "Give the missing rows, as zeros where nothing happened",
    )
