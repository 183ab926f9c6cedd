"""Reads a run's input tables and makes the panel of them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pandas as pd
import pyarrow.parquet as pq

from modelstudio.trainers.base import TrainingError
from modelstudio.trainers.findings import Finding
from modelstudio.trainers.forecasting import frequency, specification
from modelstudio.trainers.forecasting.assembly import (
    ONLY_ITEM,
    AssemblyError,
    Resampling,
    Rows,
    assemble,
)
from modelstudio.trainers.forecasting.calendar import Calendar
from modelstudio.trainers.forecasting.columns import (
    USABLE,
    Columns,
    UnreadableMoments,
    categories_of,
    moments_of,
    numbers,
    texts_of,
)
from modelstudio.trainers.targets import refuse_beyond_computing

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from modelstudio.trainers.base import InputTable, Reporter, TrainingTask
    from modelstudio.trainers.forecasting.panel import Floats, Ints, Panel

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
    """

    panel: Panel
    columns: Columns
    resampling: Resampling
    tested: Ints | None
    facts: Mapping[str, int | str]
    findings: Sequence[Finding] = ()


def read(task: TrainingTask, horizon: int, reporter: Reporter) -> Source:
    """Read the training data, the static features and the test data.

    Raises
    ------
    TrainingError
        When they make no series to learn from.
    """
    table = task.inputs[specification.TRAINING_INPUT]
    columns = _columns(table)
    prediction = task.config["prediction_column_name"] or "prediction"
    if prediction in {columns.time, columns.item}:
        raise TrainingError(
            f"The forecast's column would be called {prediction!r}, as the column of the timestamp "
            "or item id beside it is. Set another prediction_column_name."
        )
    frame = _frame(table)
    columns = _settled(columns, frame, table, task, reporter)
    resampling = _resampling(task.config)
    rows = _rows(frame, columns, "training", reporter)
    if not np.isfinite(rows.target).any():
        raise TrainingError(f"The target column {columns.target!r} has no values")
    calendar = _calendar(task.config["frequency"], rows)
    test = task.inputs.get(specification.TEST_INPUT)
    together, ends = rows, None
    if test is not None:
        added = _rows(_test_frame(test, columns), columns, "test", reporter)
        ends = _ends(rows, calendar)
        together = _with_test(rows, added, calendar, ends)
    try:
        made = assemble(together, calendar, columns, resampling, horizon)
    except AssemblyError as error:
        raise TrainingError(str(error)) from error
    panel = replace(made.panel, static=_static(frame, task, columns, made.panel))
    tested = None if ends is None else _tested(panel, ends)
    facts = _facts(panel, made.filled, made.aggregated, columns)
    if made.filled:
        reporter.log(f"Filled {made.filled} steps without a value")
    findings = _findings(panel, made.filled, made.without_values)
    return Source(panel, columns, resampling, tested, facts, findings)


def _columns(table: InputTable) -> Columns:
    def mapped(spec: str) -> list[str]:
        return list(table.column_mapping.get(spec, ()))

    time, target = mapped(specification.TIME_COLUMN), mapped(specification.TARGET_COLUMN)
    if len(time) != 1 or len(target) != 1:
        raise TrainingError("One column must be mapped as timestamp and one as target column")
    item = mapped(specification.ITEM_COLUMN)
    known = mapped(specification.KNOWN_COLUMNS)
    taken = {*time, *target, *item, *known}
    past = [name for name in table.column_types if name not in taken]
    return Columns(
        time=time[0], target=target[0], item=item[0] if item else None, known=tuple(known),
        past=tuple(past), static=(), types=dict(table.column_types),
    )  # fmt: skip


def _frame(table: InputTable) -> pd.DataFrame:
    # Without partitioning=None a folder named a=b on the way to the file would become a column.
    arrow = pq.read_table(table.path, partitioning=None)  # type: ignore[no-untyped-call]
    return arrow.to_pandas(date_as_object=False)


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
    if columns.item is not None:
        most = frame.groupby(columns.item)[past].nunique().max() if past else {}
        constant = [name for name in past if most[name] <= 1]
    else:
        past = [name for name in past if len(frame[name].dropna().unique()) > 1]
    if constant:
        reporter.log(f"Static features, the same in all rows of a series: {_listed(constant)}")
    past = [name for name in past if name not in constant]
    types = dict(columns.types)
    static, texts = (
        list(constant),
        {name: frame[name] for name in (*columns.known, *past, *constant)},
    )
    described = task.inputs.get(specification.STATIC_INPUT)
    if described is not None:
        found = _frame(described)
        for name, kind in described.column_types.items():
            if name in _item_of(described) or kind not in USABLE or name in types:
                continue
            types[name], texts[name] = kind, found[name]
            static.append(name)
    categories = {
        name: categories_of(values) for name, values in texts.items() if types[name] == "STRING"
    }
    return replace(
        columns, past=tuple(past), static=tuple(static), types=types, categories=categories
    )


def _item_of(table: InputTable) -> list[str]:
    return list(table.column_mapping.get(specification.ITEM_COLUMN, ()))


def _rows(frame: pd.DataFrame, columns: Columns, role: str, reporter: Reporter) -> Rows:
    try:
        moments, given = moments_of(frame[columns.time])
    except UnreadableMoments as error:
        raise TrainingError(
            f"The timestamp column {columns.time!r} of the {role} dataset has the value "
            f"{str(error)[:80]!r}, which is no date between 1678 and 2261"
        ) from error
    if not given.all():
        reporter.log(
            f"Left out {int((~given).sum())} rows of the {role} dataset without a timestamp",
            "WARNING",
        )
    if columns.item is not None:
        nameless = given & frame[columns.item].isna().to_numpy()
        if nameless.any():
            reporter.log(
                f"Left out {int(nameless.sum())} rows of the {role} dataset without a value in the "
                f"item id column {columns.item!r}",
                "WARNING",
            )
        given = given & ~nameless
    rows = rows_of(frame, columns, moments, given)
    refuse_beyond_computing(rows.target, columns.target, role)
    return rows


def rows_of(frame: pd.DataFrame, columns: Columns, moments: Any, given: Any) -> Rows:
    """Return the given rows, each with a moment and an item; an absent column has no values."""
    frame = frame[given]
    item = np.full(len(frame), ONLY_ITEM, dtype=object)
    if columns.item is not None:
        item = texts_of(frame[columns.item]).to_numpy(dtype=object)
    nothing = np.full(len(frame), np.nan)
    return Rows(
        item=item,
        moment=moments[given],
        target=numbers(frame[columns.target]) if columns.target in frame else nothing,
        covariates={
            name: columns.encode(name, frame[name]) if name in frame else nothing
            for name in columns.covariates
        },
    )


def _calendar(alias: str, rows: Rows) -> Calendar:
    if alias == "auto":
        valued = np.isfinite(rows.target)
        return frequency.infer(rows.moment[valued], pd.factorize(rows.item[valued])[0])
    try:
        return Calendar.of(alias)
    except ValueError as error:
        raise TrainingError(
            f"The frequency {alias!r} is not known. Use one such as D, B, W-SUN, MS, h or 30min."
        ) from error


def _resampling(config: Mapping[str, Any]) -> Resampling:
    return Resampling(
        allowed=config["frequency"] != "auto",
        numeric=config["numeric_aggregation"],
        categorical=config["categorical_aggregation"],
        missing=config["missing_value_strategy"],
    )


def _test_frame(test: InputTable, columns: Columns) -> pd.DataFrame:
    needed = [columns.time, columns.target, *([columns.item] if columns.item else [])]
    absent = [name for name in needed if name not in test.column_types]
    if absent:
        raise TrainingError(f"The test dataset lacks columns: {_listed(absent)}")
    return _frame(test)


def _ends(rows: Rows, calendar: Calendar) -> Mapping[str, int]:
    """Return the calendar number of each series' last training value."""
    valued = np.isfinite(rows.target)
    numbered = pd.Series(calendar.number(rows.moment[valued])).groupby(rows.item[valued]).max()
    return {str(item): int(number) for item, number in numbered.items()}


def _with_test(rows: Rows, test: Rows, calendar: Calendar, ends: Mapping[str, int]) -> Rows:
    """Return the training rows and those test rows that follow them.

    A test dataset may repeat the history; what it says of it does not count.
    """
    last = np.array([ends.get(item, np.iinfo("int64").max) for item in test.item], dtype="int64")
    later = calendar.number(test.moment) > last
    if not (later & np.isfinite(test.target)).any():
        raise TrainingError(
            "The test dataset has no values after the end of the training dataset's series"
        )
    known = pd.Series(rows.item).map(ends).to_numpy(dtype="float64")
    # Rows that training has for the future, with covariates alone, give way to those of the test.
    kept = ~(calendar.number(rows.moment) > known)
    return Rows(
        item=np.concatenate([rows.item[kept], test.item[later]]),
        moment=np.concatenate([rows.moment[kept], test.moment[later]]),
        target=np.concatenate([rows.target[kept], test.target[later]]),
        covariates={
            name: np.concatenate([values[kept], test.covariates[name][later]])
            for name, values in rows.covariates.items()
        },
    )


def _tested(panel: Panel, ends: Mapping[str, int]) -> Ints:
    last = panel.starts + panel.cuts - 1
    end = np.array([ends.get(item, number) for item, number in zip(panel.items, last, strict=True)])
    return np.asarray(last - end, dtype="int64")


def _static(
    frame: pd.DataFrame, task: TrainingTask, columns: Columns, panel: Panel
) -> dict[str, Floats]:
    found: dict[str, Floats] = {}
    described = task.inputs.get(specification.STATIC_INPUT)
    for name in columns.static:
        if name in frame and columns.item is not None:
            source, key = frame, columns.item
        elif described is not None and _item_of(described):
            source, key = _frame(described), _item_of(described)[0]
        else:
            continue
        given = source[source[name].notna()]
        first = given.assign(_key=texts_of(given[key])).drop_duplicates("_key").set_index("_key")
        values = pd.Series(columns.encode(name, first[name]), index=first.index)
        found[name] = values.reindex(list(panel.items)).to_numpy(dtype="float64")
    return found


def _facts(panel: Panel, filled: int, aggregated: int, columns: Columns) -> dict[str, int | str]:
    return {
        "frequency": panel.calendar.alias,
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


def _findings(panel: Panel, filled: int, without: tuple[str, ...]) -> list[Finding]:
    """Return what can spoil the forecasts.

    Raises
    ------
    TrainingError
        When no series ever changes.
    """
    found = []
    if without:
        message = f"{len(without)} series have no values and are left out: {_listed(without)}"
        found.append(Finding("series_without_values", message, "Check how they were recorded"))
    share = filled / panel.cuts.sum()
    if share > _MUCH_FILLED:
        message = f"{filled} steps ({share:.1%} of all) have no value and were filled"
        advice = "Check missing_value_strategy, or set a coarser frequency"
        found.append(Finding("many_gaps", message, advice))
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
        found.append(Finding("constant_series", message, "Leave them out; MASE ignores them"))
    return found


def _listed(names: Any) -> str:
    shown = ", ".join(repr(name) for name in list(names)[:_LISTED])
    more = len(names) - _LISTED
    return shown + (f" and {more} more" if more > 0 else "")
