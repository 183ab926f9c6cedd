"""Periods that rows cover in part: what of them may count as a step, and what is kept for later."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final, Literal

import numpy as np
import pandas as pd

from modelstudio.trainers.base import TrainingError
from modelstudio.trainers.forecasting import frequency
from modelstudio.trainers.forecasting.joins import without

if TYPE_CHECKING:
    from collections.abc import Mapping

    from modelstudio.trainers.forecasting.assembly import Rows
    from modelstudio.trainers.forecasting.calendar import Calendar, Moments
    from modelstudio.trainers.forecasting.panel import Flags, Floats, Ints

Unfinished = Literal["leave_out", "complete", "keep"]

#: A series with rows for this share of the steps between its first and last one has no gaps that
#: mean nothing happened.
_DENSE: Final = 0.9
#: Distances between rows that are longer than this share of them are gaps.
_USUAL: Final = 0.98
#: A period of what is remembered is replaced by rows that cover this much of it.
_COVERED: Final = 0.9
#: Rows from which their usual distance can be told.
_LEAST_ROWS: Final = 4


@dataclass(frozen=True, slots=True)
class Edges:
    """What is not whole of the first and the last period of each series.

    Attributes
    ----------
    partial
        The rows with a value that are in such a period.
    share
        Of each row, the part of its period that has rows, in (0, 1]; 1 for rows of whole periods.
    """

    partial: Flags
    share: Floats


def raw_rows(rows: Rows, calendar: Calendar) -> tuple[Calendar | None, Edges] | None:
    """Return the finer calendar of rows that share steps, if any, and what is not whole of them.

    None when no two rows share a step, so that there is nothing to be whole.
    """
    valued = np.isfinite(rows.target)
    numbers = calendar.number(rows.moment[valued])
    frame = pd.DataFrame({"item": rows.item[valued], "number": numbers})
    if not frame.duplicated().any():
        return None
    finer = _finer(rows, calendar)
    return finer, edges(rows, calendar, finer)


def at_the_end(rows: Rows, calendar: Calendar, found: Edges) -> Rows:
    """Return the rows of each series' last whole period, and of the unfinished one after it."""
    valued = np.isfinite(rows.target)
    frame = pd.DataFrame({"item": rows.item, "number": calendar.number(rows.moment)})
    last = frame["item"].map(frame[valued].groupby("item")["number"].max())
    ended = frame["number"] == last
    unfinished = frame[ended & found.partial]["item"].unique()
    first = last - frame["item"].isin(unfinished)
    return without(rows, ~(valued & (frame["number"] >= first).to_numpy()))


def without_partial(rows: Rows, found: Edges) -> Rows:
    """Return the rows, those of periods that are not whole without a value."""
    return replace(rows, target=np.where(found.partial, np.nan, rows.target))


def completed(rows: Rows, found: Edges, aggregation: str) -> Rows:
    """Return the rows as if their periods were whole: a sum grows as the period does."""
    if aggregation != "sum":
        return rows
    return replace(rows, target=rows.target / found.share)


def _finer(rows: Rows, calendar: Calendar) -> Calendar | None:
    """Return the finer calendar that the rows lie on before they are taken together, if any."""
    valued = np.isfinite(rows.target)
    if not valued.any():
        return None
    try:
        found = frequency.infer(rows.moment[valued], pd.factorize(rows.item[valued])[0])
    except TrainingError:
        return None
    if not found.holds(rows.moment[valued]):
        return None
    stamps = np.unique(calendar.number(rows.moment[valued]))
    first, last = calendar.begin(np.array([stamps[0], stamps[0] + 8]))
    # Finer when eight steps of the one take more than eight of the other.
    return found if np.ptp(found.number(np.array([first, last]))) > 8 else None  # noqa: PLR2004


def edges(rows: Rows, calendar: Calendar, raw: Calendar | None) -> Edges:
    """Find the rows in first and last periods that are not whole.

    With a finer calendar, a period is whole when the rows reach to its first and last step; else
    when they come as near to its ends as rows usually are to each other. A series with rows now and
    then is only as unfinished as all series together.
    """
    valued = np.flatnonzero(np.isfinite(rows.target))
    partial, share = np.zeros(len(rows.target), dtype=bool), np.ones(len(rows.target))
    if not len(valued):
        return Edges(partial, share)
    codes = pd.factorize(rows.item[valued])[0]
    moments = rows.moment[valued].astype("datetime64[us]")
    numbers = calendar.number(moments)
    everyone = _Span.of(moments, calendar, raw, _usual(moments, np.zeros_like(codes)))
    order = np.lexsort((moments, codes))
    bounds = np.searchsorted(codes[order], np.arange(codes.max() + 2))
    for begin, end in itertools.pairwise(bounds):
        places = order[begin:end]
        own = _Span.of(moments[places], calendar, raw, None)
        span = own if own.dense else everyone
        for number, found in ((span.first, span.head), (span.last, span.tail)):
            inside = numbers[places] == number
            if found < 1 and inside.any():
                partial[valued[places[inside]]] = True
                share[valued[places[inside]]] *= found
    return Edges(partial, share)


@dataclass(frozen=True, slots=True)
class _Span:
    """Where rows begin and end; ``head`` and ``tail`` are the covered parts of those periods."""

    first: int
    last: int
    head: float
    tail: float
    dense: bool

    @classmethod
    def of(cls, moments: Moments, calendar: Calendar, raw: Calendar | None, usual: Any) -> _Span:
        low, high = moments.min(), moments.max()
        first, last = (int(number) for number in calendar.number(np.array([low, high])))
        begin, next_begin = calendar.begin(np.array([first, first + 1]))
        end_begin, end = calendar.begin(np.array([last, last + 1]))
        if raw is not None:
            steps = raw.number(np.array([low, high]))
            distinct = len(np.unique(moments))
            dense = distinct >= _DENSE * (steps[1] - steps[0] + 1)
            head = _covered(raw, calendar, steps[0], first, forwards=True)
            tail = _covered(raw, calendar, steps[1], last, forwards=False)
            return cls(first, last, head, tail, dense)
        if len(moments) < _LEAST_ROWS:
            return cls(first, last, 1.0, 1.0, dense=True)  # too few to say how far they reach
        if usual is None:
            usual = _usual(moments, np.zeros(len(moments), dtype="int64"))
        dense = usual < (end - begin) / max(last - first + 1, 1)
        head = 1.0 if low - begin < usual else (next_begin - low) / (next_begin - begin)
        tail = 1.0 if end - high <= usual else (high - end_begin) / (end - end_begin)
        return cls(first, last, max(float(head), 0.01), max(float(tail), 0.01), bool(dense))


def _covered(raw: Calendar, calendar: Calendar, step: int, period: int, *, forwards: bool) -> float:
    """Return the share of a period's steps that lie from a step on, or up to it."""
    begin, end = calendar.begin(np.array([period, period + 1]))
    low, high = raw.number(np.array([begin, end - np.timedelta64(1, "us")]))
    if raw.moment(np.array([low]))[0] < begin:
        low += 1
    whole = max(int(high - low + 1), 1)
    covered = int(high - step + 1) if forwards else int(step - low + 1)
    return min(max(covered, 1) / whole, 1.0)


def _usual(moments: Moments, codes: Ints) -> Any:
    """Return the distance between neighbouring rows that few are longer than."""
    order = np.lexsort((moments, codes))
    same = codes[order][1:] == codes[order][:-1]
    distances = np.diff(moments[order])[same].astype("int64")
    distances = distances[distances > 0]
    longest = np.quantile(distances, _USUAL) if len(distances) else 0
    return np.timedelta64(int(longest), "us")


def inner_gaps(rows: Rows, calendar: Calendar, raw: Calendar) -> Flags:
    """Return the rows of periods within a series that hardly has gaps, and has one in them."""
    frame = pd.DataFrame({"item": rows.item, "number": calendar.number(rows.moment)})
    frame = frame.assign(step=raw.number(rows.moment))[np.isfinite(rows.target)]
    steps = frame.groupby("item")["step"].agg(["min", "max", "nunique"])
    dense = steps["nunique"] >= _DENSE * (steps["max"] - steps["min"] + 1)
    counts = frame.groupby(["item", "number"])["step"].nunique().reset_index()
    ends = counts.groupby("item")["number"].transform
    inner = (counts["number"] > ends("min")) & (counts["number"] < ends("max"))
    few = counts["step"] < _COVERED * _steps_in(counts["number"].to_numpy(), calendar, raw)
    found = counts[inner & few & counts["item"].map(dense)]
    places = pd.MultiIndex.from_frame(frame[["item", "number"]])
    flags = np.zeros(len(rows.target), dtype=bool)
    flags[frame.index[places.isin(pd.MultiIndex.from_frame(found[["item", "number"]]))]] = True
    return flags


def _steps_in(numbers: Ints, calendar: Calendar, raw: Calendar) -> Ints:
    """Return how many finer steps there are in each period."""
    begin, end = calendar.begin(numbers), calendar.begin(numbers + 1)
    low, high = raw.number(begin), raw.number(end - np.timedelta64(1, "us"))
    return np.asarray(high - low + (raw.moment(low) >= begin), dtype="int64")


def thin(rows: Rows, calendar: Calendar, raw: Calendar, last: Mapping[str, int]) -> Flags:
    """Return the rows of periods up to a last one of their series that cover too little of it.

    Of periods that follow each other without a gap, only the first and the last one may.
    """
    frame = pd.DataFrame({"item": rows.item, "number": calendar.number(rows.moment)})
    frame = frame.assign(step=raw.number(rows.moment), place=np.arange(len(frame)))
    frame = frame[np.isfinite(rows.target)]
    frame = frame[frame["number"] <= frame["item"].map(last)]
    found = np.zeros(len(rows.target), dtype=bool)
    counts = frame.groupby(["item", "number"])["step"].nunique().reset_index()
    item, number = counts["item"].to_numpy(), counts["number"].to_numpy()
    follows = np.zeros(len(counts), dtype=bool)
    follows[1:] = (item[1:] == item[:-1]) & (np.diff(number) == 1)
    inner = follows & np.append(follows[1:], False)
    whole = _steps_in(number, calendar, raw)
    few = counts[~inner & (counts["step"].to_numpy() < _COVERED * whole)]
    wrong = frame.merge(few[["item", "number"]], on=["item", "number"])
    found[wrong["place"].to_numpy()] = True
    return found
