"""Reads a run's input tables and makes the panel of them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from modelstudio.trainers.base import TrainingError
from modelstudio.trainers.forecasting import joins, specification, steps
from modelstudio.trainers.forecasting.assembly import AssemblyError, Resampling, assemble
from modelstudio.trainers.forecasting.columns import USABLE, Columns, categories_of, numbers
from modelstudio.trainers.forecasting.identity import keys_of
from modelstudio.trainers.forecasting.moments import UnreadableMoments, decided
from modelstudio.trainers.forecasting.rows import (
    Told,
    frame_of,
    reading_table,
    take,
    tell_of_readings,
)
from modelstudio.trainers.forecasting.zones import UnknownZone, zone_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pandas as pd

    from modelstudio.trainers.base import InputTable, Reporter, TrainingTask
    from modelstudio.trainers.findings import Finding
    from modelstudio.trainers.forecasting.assembly import Rows
    from modelstudio.trainers.forecasting.panel import Floats, Ints, Panel
    from modelstudio.trainers.forecasting.steps import Raw

_LISTED: Final = 5
_MUCH_FILLED: Final = 0.05


@dataclass(frozen=True, slots=True)
class Source:
    """A run's data.

    Attributes
    ----------
    tested
        Steps of each series that come from the test dataset; None without one.
    facts
        What was found and done, for the run's parameters.
    raw
        Rows at the ends of the series as they are before they are taken together; None when no
        rows were.
    """

    panel: Panel
    columns: Columns
    resampling: Resampling
    tested: Ints | None
    facts: Mapping[str, int | str]
    findings: Sequence[Finding] = ()
    raw: Raw | None = None


def read(task: TrainingTask, horizon: int, reporter: Reporter) -> Source:
    """Read the training data, the static features and the test data.

    Raises
    ------
    TrainingError
        When they make no series to learn from.
    """
    table, told = task.inputs[specification.TRAINING_INPUT], Told()
    frame, columns = _training(table, task, reporter, told)
    resampling = Resampling.of(task.config)
    zone = _zone(task.config)
    taken = take(frame, columns, "training", table, zone, told)
    if not np.isfinite(taken.rows.target).any():
        raise TrainingError(_without_values(frame[columns.target], columns))
    _check_known(taken.rows, columns, told)
    columns = replace(columns, zone=taken.zone)
    calendar, rows = steps.settle(taken, task.config, told)
    read_rows = frame.iloc[taken.source]
    steps.tell_of_repeated(taken.counted(calendar), read_rows, columns, resampling, told)
    together, ends = rows, None
    test = task.inputs.get(specification.TEST_INPUT)
    if test is not None:
        found = take(_test_frame(test, columns), columns, "test", test, zone, told)
        added = found.counted(calendar)
        joined = joins.with_test(rows, added, calendar, columns, horizon, told)
        together, ends = joined.rows, joined.ends
    together, raw = steps.whole(together, calendar, resampling, told)
    try:
        made = assemble(together, calendar, columns, resampling, horizon)
    except AssemblyError as error:
        raise TrainingError(str(error)) from error
    panel = replace(made.panel, static=_static(frame, task, columns, made.panel, told))
    tested = None if ends is None else joins.tested(panel, ends)
    facts = _facts(panel, made.filled, made.aggregated, columns)
    if made.filled:
        reporter.log(f"Filled {made.filled} steps without a value")
    _tell(panel, made.filled, made.without_values, told)
    return Source(panel, columns, resampling, tested, facts, told.findings, raw)


def _training(
    table: InputTable, task: TrainingTask, reporter: Reporter, told: Told
) -> tuple[pd.DataFrame, Columns]:
    """Return the training table and what its columns are."""
    columns = _columns(table)
    _refuse_hidden_columns(columns, task.config)
    frame = frame_of(table, columns.items)
    columns = _with_readings(columns, frame, table, task.config)
    columns = _settled(columns, frame, table, task, reporter)
    reporter.table(
        "reading",
        reading_table(frame, columns, table),
        "How the values of each column of the training table were read, how many were so, and how "
        "else they may be read.",
    )
    tell_of_readings(columns, table, told)
    return frame, columns


def _with_readings(
    columns: Columns, frame: pd.DataFrame, table: InputTable, config: Mapping[str, Any]
) -> Columns:
    """Return the columns with how their texts are read; stamps must have one reading."""
    states: dict[str, Mapping[str, Any]] = {
        name: {key: value for key, value in state.items() if key != "seen"}
        for name, state in table.readings.items()
    }
    if columns.time not in states:
        told = config.get("readings", {}).get(columns.time)
        try:
            found = decided(frame[columns.time], told)
        except UnreadableMoments as error:
            raise TrainingError(
                f"The timestamp column {columns.time!r} of the training dataset {error.told}"
            ) from error
        if found is not None:
            states[columns.time] = found.state()
    return replace(columns, readings=states)


def _check_known(rows: Rows, columns: Columns, told: Told) -> None:
    """Tell of known covariates without a value in the history, or refuse them.

    Raises
    ------
    TrainingError
        When one never has any.
    """
    valued = np.isfinite(rows.target)
    for name in columns.known:
        absent = valued & np.isnan(rows.covariates[name])
        if absent.sum() == valued.sum():
            raise TrainingError(
                f"The known covariate {name!r} has no value in any row that has one of "
                f"{columns.target!r}"
            )
        if absent.any():
            told.warn(
                "known_covariate_missing",
                f"{int(absent.sum())} of {int(valued.sum())} rows have no value of the known "
                f"covariate {name!r}, such as {joins.some_rows(rows, absent)}",
                "Give them; the last one known stands in for them",
                name,
            )


def _without_values(values: pd.Series, columns: Columns) -> str:
    message = f"The target column {columns.target!r} has no values"
    given = values.dropna()
    if not len(given):
        return message
    if not np.isfinite(numbers(given, columns.reading(columns.target))).any():
        return f"{message} that are numbers; it has {str(given.iloc[0])[:60]!r}"
    return f"{message} in rows with a timestamp and an item id"


def _zone(config: Mapping[str, Any]) -> str | None:
    name: str | None = config.get("time_zone")
    if name is not None:
        try:
            zone_of(name)
        except UnknownZone as error:
            raise TrainingError(str(error)) from error
    return name


def _refuse_hidden_columns(columns: Columns, config: Mapping[str, Any]) -> None:
    """Refuse a forecast's column that has the name of another one of the answer."""
    prediction = config["prediction_column_name"] or "prediction"
    names = [prediction, *(f"{prediction}_{level:.12g}" for level in config["quantile_levels"])]
    for name in names:
        if name in {columns.time, *columns.items}:
            raise TrainingError(
                f"The forecast's column would be called {name!r}, as the column of the timestamp "
                "or item id beside it is. Set another prediction_column_name."
            )


def _columns(table: InputTable) -> Columns:
    def mapped(spec: str) -> list[str]:
        return list(table.column_mapping.get(spec, ()))

    time, target = mapped(specification.TIME_COLUMN), mapped(specification.TARGET_COLUMN)
    if len(time) != 1 or len(target) != 1:
        raise TrainingError("One column must be mapped as timestamp and one as target column")
    items = mapped(specification.ITEM_COLUMN)
    known = mapped(specification.KNOWN_COLUMNS)
    taken = {*time, *target, *items, *known}
    past = [name for name in table.column_types if name not in taken]
    return Columns(
        time=time[0], target=target[0], items=tuple(items), known=tuple(known),
        past=tuple(past), static=(), types=dict(table.column_types),
    )  # fmt: skip


def _settled(
    columns: Columns,
    frame: pd.DataFrame,
    table: InputTable,
    task: TrainingTask,
    reporter: Reporter,
) -> Columns:
    """Sort out what the other columns are: static, of no use, or past covariates."""
    left_out = [name for name in columns.past if table.column_types[name] not in USABLE]
    if left_out:
        reporter.log(f"Columns left out, of a type that is not learned from: {_listed(left_out)}")
    past = [name for name in columns.past if name not in left_out]
    constant: list[str] = []
    if columns.items:
        keys, _ = keys_of(frame, columns)
        most = frame[past].groupby(keys).nunique().max() if past else {}
        constant = [name for name in past if most[name] <= 1]
    else:
        past = [name for name in past if len(frame[name].dropna().unique()) > 1]
    if constant:
        reporter.log(f"Static features, the same in all rows of a series: {_listed(constant)}")
    past = [name for name in past if name not in constant]
    types, static = dict(columns.types), list(constant)
    texts = {name: frame[name] for name in (*columns.known, *past, *constant)}
    described = task.inputs.get(specification.STATIC_INPUT)
    if described is not None:
        found = frame_of(described)
        for name, kind in described.column_types.items():
            if name in _ids_of(described, columns) or kind not in USABLE or name in types:
                continue
            types[name], texts[name] = kind, found[name]
            static.append(name)
    categories = {
        name: categories_of(values) for name, values in texts.items() if types[name] == "STRING"
    }
    return replace(
        columns, past=tuple(past), static=tuple(static), types=types, categories=categories
    )


def _ids_of(table: InputTable, columns: Columns) -> list[str]:
    """Return the item id columns of the static features, in the order of the training's.

    Raises
    ------
    TrainingError
        When there are not as many as there.
    """
    mapped = list(table.column_mapping.get(specification.ITEM_COLUMN, ()))
    if not columns.items:
        raise TrainingError(
            "Static features describe series, but no column of the training dataset tells series "
            "apart. Map its item id column."
        )
    if set(columns.items) <= set(mapped):
        mapped = list(columns.items)
    if len(mapped) != len(columns.items):
        raise TrainingError(
            f"A series is named by {len(columns.items)} columns of the training dataset, but "
            f"{len(mapped)} of the static features are mapped as item id columns"
        )
    return mapped


def _test_frame(test: InputTable, columns: Columns) -> pd.DataFrame:
    needed = [columns.time, columns.target, *columns.items, *columns.known]
    absent = [name for name in needed if name not in test.column_types]
    if absent:
        raise TrainingError(f"The test dataset lacks columns: {_listed(absent)}")
    return frame_of(test, columns.items)


def _static(
    frame: pd.DataFrame, task: TrainingTask, columns: Columns, panel: Panel, told: Told
) -> dict[str, Floats]:
    own = [name for name in columns.static if name in frame]
    found = joins.static_of(frame, columns, own, panel, told) if own else {}
    described = task.inputs.get(specification.STATIC_INPUT)
    others = [name for name in columns.static if name not in frame]
    if described is not None:
        ids = _ids_of(described, columns)
        source = frame_of(described, ids)
        found |= joins.static_of(source, columns, others, panel, told, ids=ids)
    return {name: found[name] for name in columns.static}


def _facts(panel: Panel, filled: int, aggregated: int, columns: Columns) -> dict[str, int | str]:
    return {
        "frequency": panel.calendar.alias,
        "time_zone": columns.zone or "",
        "season_length": next(iter(panel.calendar.seasons), 1),
        "series": len(panel),
        "steps": int(panel.cuts.sum()),
        "shortest_series": int(panel.cuts.min()),
        "longest_series": int(panel.cuts.max()),
        "filled_steps": filled,
        "aggregated_rows": aggregated,
        "known_covariates": ", ".join(columns.known),
        "past_covariates": ", ".join(columns.past),
        "static_features": ", ".join(columns.static),
    }


def _tell(panel: Panel, filled: int, without: tuple[str, ...], told: Told) -> None:
    """Tell what can spoil the forecasts.

    Raises
    ------
    TrainingError
        When no series ever changes.
    """
    if without:
        message = f"{len(without)} series have no values and are left out: {_listed(without)}"
        told.warn("series_without_values", message, "Check how they were recorded")
    share = filled / panel.cuts.sum()
    if share > _MUCH_FILLED:
        message = f"{filled} steps ({share:.1%} of all) have no value and were filled"
        told.warn("many_gaps", message, "Check missing_value_strategy, or set a coarser frequency")
    constant = [
        item
        for number, item in enumerate(panel.items)
        if panel.history(number).min() == panel.history(number).max()
    ]
    if len(constant) == len(panel):
        raise TrainingError(
            "Every series has the same value at all times; there is nothing to learn"
        )
    if constant:
        message = f"{len(constant)} series have the same value at all times: {_listed(constant)}"
        told.warn("constant_series", message, "Leave them out; MASE ignores them")


def _listed(names: Any) -> str:
    shown = ", ".join(repr(name) for name in list(names)[:_LISTED])
    more = len(names) - _LISTED
    return shown + (f" and {more} more" if more > 0 else "")
