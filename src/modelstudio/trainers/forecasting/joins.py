"""Joins of a run's tables: what of each side has no counterpart on the other.

Where nothing at all matches, the run is refused; where some does not, it is told with examples.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pandas as pd

from modelstudio.trainers.base import TrainingError
from modelstudio.trainers.forecasting.assembly import Rows
from modelstudio.trainers.forecasting.identity import keys_of, matched, place

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from modelstudio.trainers.forecasting.calendar import Calendar
    from modelstudio.trainers.forecasting.columns import Columns
    from modelstudio.trainers.forecasting.panel import Floats, Ints, Panel
    from modelstudio.trainers.forecasting.rows import Told

_EXAMPLES: Final = 3
_NEVER: Final = np.iinfo("int64").max


def examples(names: Iterable[Any]) -> str:
    """Return up to three names as a text."""
    return ", ".join(repr(str(name)) for name in list(dict.fromkeys(names))[:_EXAMPLES])


@dataclass(frozen=True, slots=True)
class Joined:
    """Training rows and the test rows that follow them.

    Attributes
    ----------
    ends
        Series to the number of its last step that is of the training dataset alone.
    """

    rows: Rows
    ends: Mapping[str, int]


def with_test(
    rows: Rows, test: Rows, calendar: Calendar, columns: Columns, horizon: int, told: Told
) -> Joined:
    """Return the training rows and those test rows that follow them.

    A test dataset may repeat the history; what it says of it does not count.

    Raises
    ------
    TrainingError
        When nothing of the test dataset can be measured against a forecast.
    """
    last = _last_moments(rows)
    test = replace(test, item=matched(test.item, last, columns))
    known = np.isin(test.item, list(last))
    _tell_of_items(test, known, last, told)
    ends = pd.Series(test.item).map(last).to_numpy(dtype="datetime64[us]")
    later = known & (test.moment > np.where(known, ends, np.datetime64("9999", "us")))
    measured = later & np.isfinite(test.target)
    if not measured.any():
        raise TrainingError(
            "The test dataset has no values after the end of the training dataset's series, "
            f"{_moment(max(last.values()))} at the latest"
        )
    _tell_of_covariates(test, measured, columns, told)
    steps = _steps_of_training(test, measured, calendar, last)
    _tell_of_gaps(test, measured, calendar, steps, horizon, told)
    known_ends = pd.Series(rows.item).map(last).to_numpy(dtype="datetime64[us]")
    # Rows that training has for the future, with covariates alone, give way to those of the test.
    history = without(rows, rows.moment > known_ends)
    return Joined(one_after_the_other(history, without(test, ~later)), steps)


def one_after_the_other(rows: Rows, others: Rows) -> Rows:
    """Return rows and then others, which come last and so win."""
    return Rows(
        item=np.concatenate([rows.item, others.item]),
        moment=np.concatenate([rows.moment, others.moment]),
        target=np.concatenate([rows.target, others.target]),
        covariates={
            name: np.concatenate([rows.covariates[name], values])
            for name, values in others.covariates.items()
        },
    )


def without(rows: Rows, left_out: Any) -> Rows:
    """Return the rows that are not left out."""
    kept = ~left_out
    return Rows(
        item=rows.item[kept],
        moment=rows.moment[kept],
        target=rows.target[kept],
        covariates={name: values[kept] for name, values in rows.covariates.items()},
    )


def tested(panel: Panel, ends: Mapping[str, int]) -> Ints:
    """Return how many steps of each series' history are of the test dataset."""
    last = panel.starts + panel.cuts - 1
    end = np.array([ends.get(item, number) for item, number in zip(panel.items, last, strict=True)])
    return np.asarray(np.maximum(last - end, 0), dtype="int64")


def _last_moments(rows: Rows) -> dict[str, Any]:
    valued = np.isfinite(rows.target)
    found = pd.Series(rows.moment[valued].astype("datetime64[us]")).groupby(rows.item[valued]).max()
    return {str(item): np.datetime64(at, "us") for item, at in found.items()}


def _steps_of_training(
    test: Rows, measured: Any, calendar: Calendar, last: Mapping[str, Any]
) -> dict[str, int]:
    """Return the last step of each series that has rows of the training dataset alone."""
    names = list(last)
    numbers = calendar.number(np.array([last[name] for name in names]))
    first = pd.Series(calendar.number(test.moment[measured])).groupby(test.item[measured]).min()
    return {
        name: int(number) - (first.get(name, _NEVER) == number)
        for name, number in zip(names, numbers, strict=True)
    }


def _tell_of_items(test: Rows, known: Any, last: Mapping[str, Any], told: Told) -> None:
    if not known.any() and len(known):
        raise TrainingError(
            f"No series of the test dataset is in the training dataset: {examples(test.item)} are "
            f"there, {examples(last)} here. Check the item id columns."
        )
    strangers = list(dict.fromkeys(test.item[~known]))
    if strangers:
        told.warn(
            "test_series_unknown",
            f"{len(strangers)} series of the test dataset are not in the training dataset and are "
            f"left out: {examples(strangers)}",
            "Check the item ids if they should be",
        )
    tested_items = set(test.item)
    absent = [item for item in last if item not in tested_items]
    if absent:
        told.warn(
            "series_not_tested",
            f"{len(absent)} of {len(last)} series have no rows in the test dataset: "
            f"{examples(absent)}",
            "The metrics say nothing of them",
        )


def _tell_of_covariates(test: Rows, measured: Any, columns: Columns, told: Told) -> None:
    for name in columns.covariates:
        absent = measured & np.isnan(test.covariates[name])
        count = int(absent.sum())
        if not count:
            continue
        if count == measured.sum() and name in columns.known:
            raise TrainingError(
                f"The test dataset has no values of the known covariate {name!r} in the rows that "
                "follow the training dataset; without them, forecasts cannot be measured as they "
                "will be made"
            )
        told.warn(
            "covariate_missing_in_test",
            f"{count} of {int(measured.sum())} rows of the test dataset have no value of the "
            f"covariate {name!r}, such as {some_rows(test, absent)}",
            "Give them, or take the metrics as worse than forecasts with them will be",
            name,
        )


def _tell_of_gaps(
    test: Rows, measured: Any, calendar: Calendar, ends: Mapping[str, int], horizon: int, told: Told
) -> None:
    first = pd.Series(calendar.number(test.moment[measured])).groupby(test.item[measured]).min()
    gaps = {str(item): int(number) - ends[str(item)] - 1 for item, number in first.items()}
    beyond = [item for item, gap in gaps.items() if gap >= horizon]
    if len(beyond) == len(gaps):
        item = min(gaps, key=lambda one: gaps[one])
        begin, end = calendar.shown(calendar.moment(np.array([first[item], ends[item]])))
        raise TrainingError(
            f"The test dataset begins {gaps[item] + 1} steps after the training dataset ends "
            f"({place(begin, item)} after {_moment(end)}), and forecasts of "
            f"{horizon} steps do not reach it. Give the rows between, or a longer prediction "
            "length."
        )
    if beyond:
        told.warn(
            "test_out_of_reach",
            f"{len(beyond)} series of the test dataset begin later than forecasts of {horizon} "
            f"steps reach: {examples(beyond)}",
            "Give the rows between",
        )
    late = [item for item, gap in gaps.items() if 0 < gap < horizon]
    if late:
        told.warn(
            "gap_before_test",
            f"{len(late)} series have a gap between the training and the test dataset: "
            f"{examples(late)}",
            "Only the steps of each forecast that have a value are measured; give the rows between",
        )


def some_rows(rows: Rows, chosen: Any) -> str:
    """Return the first three of some rows by their moments and series."""
    places = np.flatnonzero(chosen)[:_EXAMPLES]
    return ", ".join(place(rows.moment[at], rows.item[at]) for at in places)


def _moment(moment: Any) -> str:
    return str(pd.Timestamp(moment))


def static_of(
    source: pd.DataFrame,
    columns: Columns,
    names: Sequence[str],
    panel: Panel,
    told: Told,
    *,
    ids: Sequence[str] = (),
) -> dict[str, Floats]:
    """Return static features, one value an item, from a table with a row or more for each.

    Parameters
    ----------
    ids
        The table's item id columns, when it is one of its own.

    Raises
    ------
    TrainingError
        When no row of a table of its own is of a series that there is.
    """
    keys, keyed = keys_of(source, columns, ids)
    keys = matched(keys, panel.items, columns)
    items, described = set(panel.items), set(keys[keyed])
    if ids:
        _tell_of_static_items(keys, keyed, panel, told)
    found = {}
    for name in names:
        given = keyed & source[name].notna().to_numpy()
        values = columns.encode(name, source.loc[given, name])
        frame = pd.DataFrame({"item": keys[given], "value": values})
        _tell_of_contradictions(name, frame, items, told)
        first = frame.drop_duplicates("item").set_index("item")["value"]
        found[name] = first.reindex(list(panel.items)).to_numpy(dtype="float64")
        if ids:
            _tell_of_absent(name, found[name], panel, described, told)
    return found


def _tell_of_contradictions(name: str, frame: pd.DataFrame, items: set[str], told: Told) -> None:
    counts = frame.drop_duplicates().groupby("item", sort=False)["value"].size()
    several = [item for item in counts.index[counts > 1] if item in items]
    if several:
        told.warn(
            "static_features_contradict",
            f"{len(several)} series have several values of the static feature {name!r}: "
            f"{examples(several)}; the first of each is taken",
            "Keep one row for each series",
            name,
        )


def _tell_of_absent(
    name: str, values: Floats, panel: Panel, described: set[str], told: Told
) -> None:
    """Tell of series that have a row, but no value."""
    absent = [item for item, value in zip(panel.items, values, strict=True) if np.isnan(value)]
    if not described.isdisjoint(absent):
        told.warn(
            "static_feature_missing",
            f"{len(absent)} of {len(panel)} series have no value of the static feature {name!r}: "
            f"{examples(absent)}",
            "Give them one",
            name,
        )


def _tell_of_static_items(keys: Any, keyed: Any, panel: Panel, told: Told) -> None:
    described, items = dict.fromkeys(keys[keyed]), set(panel.items)
    if not items & set(described):
        raise TrainingError(
            f"No row of the static features is of a series of the training dataset: "
            f"{examples(described)} are there, {examples(panel.items)} here. Check the item id "
            "columns."
        )
    strangers = [item for item in described if item not in items]
    absent = [item for item in panel.items if item not in described]
    if absent:
        told.warn(
            "static_features_missing",
            f"{len(absent)} of {len(panel)} series have no row in the static features: "
            f"{examples(absent)}",
            "Give them one, or check the item ids",
        )
    if strangers:
        told.warn(
            "static_features_unused",
            f"{len(strangers)} items of the static features are not among the series: "
            f"{examples(strangers)}",
            "Check the item ids if they should be",
        )
