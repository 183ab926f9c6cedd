"""Rows that ask a forecasting model: read as in training, and joined to what it knows."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pandas as pd
from pandas.api.types import is_datetime64_any_dtype

from modelstudio.trainers.forecasting import periods
from modelstudio.trainers.forecasting.assembly import collapsed
from modelstudio.trainers.forecasting.identity import keys_of, matched, place
from modelstudio.trainers.forecasting.joins import examples, one_after_the_other, without
from modelstudio.trainers.forecasting.moments import UnreadableMoments, local_moments
from modelstudio.trainers.forecasting.rows import out_of_range, rows_of
from modelstudio.trainers.forecasting.zones import is_offset
from modelstudio.trainers.targets import beyond_computing

if TYPE_CHECKING:
    from modelstudio.tables.readings import MomentReading
    from modelstudio.trainers.forecasting.assembly import Rows
    from modelstudio.trainers.forecasting.columns import Columns
    from modelstudio.trainers.forecasting.memory import Remembering
    from modelstudio.trainers.forecasting.panel import Panel

_SHOWN: Final = 80
_EXAMPLES: Final = 3


def read(frame: pd.DataFrame, package: Remembering, notes: list[str]) -> tuple[Rows, str | None]:
    """Return a frame's rows, their moments as the calendar counts, and the zone of its clock.

    Raises
    ------
    KeyError
        With the name of a required column that is absent.
    ValueError
        When a value cannot be read; the message names its column.
    """
    columns = package.columns
    for name in (columns.time, *columns.items):
        if name not in frame:
            raise KeyError(name)
    keys = named(frame, package)
    fixed = columns.zone is None or is_offset(columns.zone)
    try:
        local = local_moments(
            frame[columns.time], _reading(frame, columns), None if fixed else columns.zone, keys,
            columns.zone,
        )  # fmt: skip
    except UnreadableMoments as error:
        raise ValueError(f"{columns.time}: the column {error.told}") from error
    for name in (columns.time, *columns.items):
        if frame[name].isna().any():
            raise ValueError(f"{name}: {int(frame[name].isna().sum())} rows are without a value")
    if local.beyond.any():
        raise ValueError(f"{columns.time}: {out_of_range(frame[columns.time], local.beyond)}")
    notes += [f"{columns.time}: {note}" for note in local.notes]
    moments = local.counted(package.calendar)
    rows = rows_of(frame, columns, moments, keys, np.ones(len(frame), dtype=bool))
    _refuse_no_numbers(frame, rows, columns)
    _tell_of_unread(frame, rows, columns, notes)
    _tell_of_absent(rows, package, notes)
    return rows, local.zone if columns.zone is not None else None


def named(frame: pd.DataFrame, package: Remembering) -> Any:
    """Return the name of each row's series, as training has it where it is one of training."""
    keys, _ = keys_of(frame, package.columns)
    return matched(keys, package.history.items, package.columns)


def _reading(frame: pd.DataFrame, columns: Columns) -> MomentReading | None:
    """Return how stamps are read; moments that have a type already are what the clock shows."""
    typed = is_datetime64_any_dtype(frame[columns.time].dtype)
    return None if typed else columns.moment_reading


def _tell_of_unread(frame: pd.DataFrame, rows: Rows, columns: Columns, notes: list[str]) -> None:
    """Tell of values of covariates that could not be read.

    Raises
    ------
    ValueError
        When that are all of a column of numbers, unless the model was saved before it was refused.
    """
    for name in columns.covariates:
        if name not in frame:
            continue
        given = frame[name].notna().to_numpy()
        unread = given & np.isnan(rows.covariates[name])
        if not unread.any():
            continue
        what = "among the values that were trained on" if name in columns.categories else "numbers"
        shown = examples(frame.loc[unread, name])
        message = (
            f"{name}: {int(unread.sum())} of {int(given.sum())} values are not {what}: {shown}"
        )
        if (unread == given).all() and name not in columns.categories and columns.version > 1:
            raise ValueError(message)
        notes.append(f"{message}; they count as missing")


def _tell_of_absent(rows: Rows, package: Remembering, notes: list[str]) -> None:
    """Tell of new history without a value of a covariate, which is then the last one known."""
    valued = np.isfinite(rows.target)
    for name, values in rows.covariates.items():
        absent = valued & np.isnan(values)
        if absent.any():
            notes.append(
                f"{name}: {int(absent.sum())} of {int(valued.sum())} rows of new history have no "
                f"value of this covariate, such as {_shown(rows, absent, package)}"
            )


def _refuse_no_numbers(frame: pd.DataFrame, rows: Rows, columns: Columns) -> None:
    if columns.target in frame:
        unread = frame.loc[
            frame[columns.target].notna() & ~np.isfinite(rows.target), columns.target
        ]
        if len(unread):
            raise ValueError(
                f"{columns.target}: {str(unread.iloc[0])[:_SHOWN]!r} is no finite number"
            )
    huge = beyond_computing(rows.target)
    if huge is not None:
        raise ValueError(f"{columns.target}: {huge:g} is too large to compute with")


def in_steps(rows: Rows, package: Remembering, notes: list[str]) -> Rows:
    """Return one row a series and step.

    Rows of a period that the model remembers in part are taken together with those it remembers of
    it; periods that are not whole after that have no value, as in training.
    """
    together = (package.calendar, package.columns, package.resampling)
    raw = package.raw
    valued = np.isfinite(rows.target)
    if raw is None or not valued.any():
        return collapsed(rows, *together)
    rows = one_after_the_other(_remembered(raw.rows, rows, valued), rows)
    found = periods.edges(rows, package.calendar, raw.calendar)
    if package.resampling.unfinished == "complete":
        rows = periods.completed(rows, found, package.resampling.numeric)
    elif package.resampling.unfinished == "leave_out" and found.partial.any():
        count = len(np.unique(rows.item[found.partial]))
        notes.append(
            f"{count} series have a first or last period that is not whole, "
            f"{examples(rows.item[found.partial])} for one; it is left out"
        )
        rows = periods.without_partial(rows, found)
    if raw.calendar is not None:
        thin = periods.thin(rows, package.calendar, raw.calendar, _last_steps(package.history))
        if thin.any():
            notes.append(
                f"{int(thin.sum())} rows are of periods that the model remembers as whole, and do "
                f"not cover them, such as {_shown(rows, thin, package)}; they are left out"
            )
            rows = replace(rows, target=np.where(thin, np.nan, rows.target))
    return collapsed(rows, *together)


def _remembered(raw: Rows, rows: Rows, valued: Any) -> Rows:
    """Return the remembered rows of the series that have new ones, but those given again."""
    given = pd.MultiIndex.from_arrays([rows.item[valued], rows.moment[valued]])
    known = pd.MultiIndex.from_arrays([raw.item, raw.moment.astype(rows.moment.dtype)])
    return without(raw, known.isin(given) | ~np.isin(raw.item, rows.item[valued]))


def _last_steps(history: Panel) -> dict[str, int]:
    last = history.starts + history.cuts - 1
    return dict(zip(history.items, last.tolist(), strict=True))


def _shown(rows: Rows, chosen: Any, package: Remembering) -> str:
    """Return the first of some rows by their moments and series."""
    places = np.flatnonzero(chosen)[:_EXAMPLES]
    stamps = package.calendar.shown(rows.moment[places])
    return ", ".join(
        place(stamp, rows.item[number]) for stamp, number in zip(stamps, places, strict=True)
    )


def tell_of_gaps(rows: Rows, package: Remembering, notes: list[str]) -> None:
    """Tell of new history that does not follow what is remembered without a gap."""
    valued = np.isfinite(rows.target)
    if not valued.any():
        return
    numbers = pd.Series(package.calendar.number(rows.moment[valued]))
    first = numbers.groupby(rows.item[valued]).min()
    last = _last_steps(package.history)
    gaps = {item: number - last[item] - 1 for item, number in first.items() if item in last}
    late = {item: gap for item, gap in gaps.items() if gap > 0}
    if late:
        widest = max(late, key=lambda item: late[item])
        notes.append(
            f"The new history of {len(late)} series begins later than what the model remembers of "
            f"them ends, by up to {late[widest]} steps ({examples([widest])}); the gap is filled"
        )
    starts = dict(zip(package.history.items, package.history.starts.tolist(), strict=True))
    ended = numbers.groupby(rows.item[valued]).max()
    early = [item for item, number in ended.items() if number < starts.get(item, number) - 1]
    if early:
        notes.append(
            f"The new history of {len(early)} series ends before what the model remembers of them "
            f"begins ({examples(early)}); the gap is filled"
        )


def check_future(panel: Panel, rows: Rows | None, package: Remembering, notes: list[str]) -> None:
    """Tell of known covariates that the steps to forecast have no value of.

    Raises
    ------
    ValueError
        When rows ask for a forecast and no step has any of a covariate, unless the model was saved
        before that was refused.
    """
    horizon = package.horizon
    places = panel.ends[:, None] + np.arange(horizon)
    beside = None if rows is None else _beside(panel, rows, package)
    for name in package.columns.known:
        absent = np.isnan(panel.covariates[name][places])
        if not absent.any():
            continue
        stamps = package.calendar.shown(panel.future(horizon))
        where = [
            place(stamps[item, step], panel.items[item])
            for item, step in np.argwhere(absent)[:_EXAMPLES]
        ]
        message = (
            f"{name}: {int(absent.sum())} of {absent.size} steps to forecast have no value of this "
            f"known covariate, such as {', '.join(where)}"
        )
        if beside is not None:
            message += f"; {beside}"
        if absent.all() and rows is not None and package.columns.version > 1:
            raise ValueError(
                f"{message}. Give a row without a value in {package.columns.target!r} for each step"
            )
        notes.append(message)
    told = any(beside in note for note in notes) if beside is not None else True
    if package.columns.known and not told:
        notes.append(str(beside))


def _beside(panel: Panel, rows: Rows, package: Remembering) -> str | None:
    """Return what the rows without a value are for when they are not for steps to forecast."""
    future = np.isnan(rows.target)
    if not future.any():
        return None
    ends = dict(zip(panel.items, (panel.starts + panel.cuts).tolist(), strict=True))
    first = pd.Series(rows.item[future]).map(ends).to_numpy()
    numbers = package.calendar.number(rows.moment[future])
    wrong = (numbers < first) | (numbers >= first + package.horizon)
    if not wrong.any():
        return None
    beside = np.zeros(len(rows.target), dtype=bool)
    beside[np.flatnonzero(future)[wrong]] = True
    shown = _shown(rows, beside, package)
    return f"{int(wrong.sum())} rows without a value are for other moments: {shown}"
