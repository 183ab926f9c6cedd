"""Reads a run's tables as rows: a series, a moment, a target and covariates each."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
from pandas.api.types import is_datetime64_any_dtype

from modelstudio.tables.readings import is_mark
from modelstudio.tables.types import FIELD_TYPES
from modelstudio.trainers.base import TrainingError
from modelstudio.trainers.findings import Finding
from modelstudio.trainers.forecasting.assembly import Rows
from modelstudio.trainers.forecasting.columns import moment_reading, numbers
from modelstudio.trainers.forecasting.identity import keys_of
from modelstudio.trainers.forecasting.moments import RANGE, UnreadableMoments, local_moments
from modelstudio.trainers.targets import refuse_beyond_computing

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from modelstudio.trainers.base import InputTable
    from modelstudio.trainers.forecasting.calendar import Calendar, Moments
    from modelstudio.trainers.forecasting.columns import Columns
    from modelstudio.trainers.forecasting.moments import Local
    from modelstudio.trainers.forecasting.panel import Flags

_EXAMPLES: Final = 3
#: More stamps than this share out of range are no slips.
_FEW: Final = 0.02


@dataclass
class Told:
    """What a run found in its data; reported at its end."""

    findings: list[Finding] = field(default_factory=list)

    def warn(self, code: str, message: str, advice: str, column: str = "") -> None:
        self.findings.append(Finding(code, message, advice, column))


@dataclass(frozen=True, slots=True)
class Taken:
    """Rows with a series and a moment.

    Attributes
    ----------
    rows
        Their moments are those of the clock that the table was written by.
    instants
        The same in UTC; None when that is not known.
    source
        The position of each row in its table.
    """

    rows: Rows
    instants: Moments | None
    zone: str | None
    source: Any

    def counted(self, calendar: Calendar) -> Rows:
        """Return the rows with the moments that a calendar counts."""
        if calendar.zone is None or self.instants is None:
            return self.rows
        return replace(self.rows, moment=self.instants)


def frame_of(table: InputTable, ids: Sequence[str] = ()) -> pd.DataFrame:
    """Return a table; whole numbers among the ids stay whole when some are missing."""
    # Without partitioning=None a folder named a=b on the way to the file would become a column.
    arrow = pq.read_table(table.path, partitioning=None)  # type: ignore[no-untyped-call]
    frame: pd.DataFrame = arrow.to_pandas(date_as_object=False)
    for name in ids:
        if name in frame:
            frame[name] = arrow.column(name).to_pandas(
                date_as_object=False, integer_object_nulls=True
            )
    return frame


def take(
    frame: pd.DataFrame,
    columns: Columns,
    role: str,
    table: InputTable,
    zone: str | None,
    told: Told,
) -> Taken:
    """Return the rows of a training or test table, on the clock of a zone if one is given.

    Raises
    ------
    TrainingError
        When a stamp or a target value cannot be used.
    """
    keys, keyed = keys_of(frame, columns)
    try:
        reading = moment_reading(table.readings.get(columns.time))
        if reading is None and not is_datetime64_any_dtype(frame[columns.time].dtype):
            reading = columns.moment_reading
        local = local_moments(frame[columns.time], reading, zone, keys, columns.zone)
    except UnreadableMoments as error:
        raise TrainingError(
            f"The timestamp column {columns.time!r} of the {role} dataset {error.told}"
        ) from error
    _tell_of_moments(local, frame, columns, role, told)
    _tell_of_nameless(int((local.given & ~keyed).sum()), columns, role, told)
    kept = local.given & keyed
    rows = rows_of(frame, columns, local.wall, keys, kept)
    refuse_beyond_computing(rows.target, columns.target, role)
    if columns.target in frame:
        _tell_of_unread_target(frame.loc[kept, columns.target], rows.target, role, told)
    instants = None if local.instants is None else local.instants[kept]
    return Taken(rows, instants, local.zone, np.flatnonzero(kept))


def _tell_of_nameless(count: int, columns: Columns, role: str, told: Told) -> None:
    if count:
        told.warn(
            "rows_without_series",
            f"Left out {count} rows of the {role} dataset without a value in the item id column "
            f"{_quoted(columns.items)}",
            "Say which series they belong to if they count",
            columns.items[0],
        )


def _tell_of_unread_target(values: pd.Series, read: Any, role: str, told: Told) -> None:
    """Tell of values of the target that are no numbers, unless they stand for missing ones."""
    unread = values[values.notna().to_numpy() & ~np.isfinite(read)]
    if unread.dtype == object:
        marks = [text for text in unread.unique() if is_mark(str(text))]
        unread = unread[~unread.isin(marks)]
    if len(unread):
        shown = ", ".join(repr(str(value)) for value in unread.unique()[:_EXAMPLES])
        told.warn(
            "target_unread",
            f"{len(unread)} values of the target column {values.name!r} of the {role} dataset are "
            f"no finite numbers and count as missing, such as {shown}",
            "Correct them, or say in the setting 'readings' how the column is written",
            str(values.name),
        )


def rows_of(
    frame: pd.DataFrame, columns: Columns, moments: Moments, keys: Any, kept: Flags
) -> Rows:
    """Return the rows that are kept; an absent column has no values."""
    frame = frame[kept]
    nothing = np.full(len(frame), np.nan)
    return Rows(
        item=keys[kept],
        moment=moments[kept],
        target=numbers(frame[columns.target], columns.reading(columns.target))
        if columns.target in frame
        else nothing,
        covariates={
            name: columns.encode(name, frame[name]) if name in frame else nothing
            for name in columns.covariates
        },
    )


def reading_table(frame: pd.DataFrame, columns: Columns, table: InputTable) -> pd.DataFrame:
    """Return how each column that is used was read, one row a column."""
    used = (columns.time, *columns.items, columns.target, *columns.covariates, *columns.static)
    return pd.DataFrame(
        [
            _reading_row(name, frame[name], columns, table.readings.get(name, {}).get("seen", {}))
            for name in used
            if name in frame
        ]
    )


def _reading_row(
    name: str, values: pd.Series, columns: Columns, seen: Mapping[str, Any]
) -> dict[str, Any]:
    reading = columns.reading(name)
    typed = FIELD_TYPES[columns.types[name]].meaning
    return {
        "column": name,
        "taken_for": typed if name not in columns.readings or reading is None else reading.name,
        "fitted": seen.get("fitted", int(values.notna().sum())),
        "did_not_fit": seen.get("unfit", 0),
        "examples": ", ".join(map(repr, seen.get("examples", ()))),
        "also_possible": ", ".join(seen.get("possible", ())),
    }


def tell_of_readings(columns: Columns, table: InputTable, told: Told) -> None:
    """Tell of columns that may be read otherwise, and of values that were not read."""
    for name in (*columns.covariates, *columns.static, columns.target):
        seen = table.readings.get(name, {}).get("seen", {})
        shown = ", ".join(map(repr, seen.get("examples", ())))
        if seen.get("unfit"):
            told.warn(
                "values_unfit",
                f"{seen['unfit']} values of the column {name!r} could not be read and count as "
                f"missing, such as {shown}",
                "Correct them, or say in the setting 'readings' what the column is",
                name,
            )
        elif seen.get("possible") and columns.types[name] == "STRING":
            possible = " or as ".join(map(repr, seen["possible"]))
            told.warn(
                "reading_undecided",
                f"The column {name!r} may be read as {possible}, such as {shown}; the values do "
                "not tell which, so they are categories",
                "Say which is meant in the setting 'readings', or put the dataset's schema with it",
                name,
            )


def out_of_range(values: pd.Series, beyond: Flags) -> str:
    """Return how many stamps are out of range, with examples."""
    shown = [str(value) for value in values[beyond].drop_duplicates().head(_EXAMPLES)]
    return f"{int(beyond.sum())} stamps are not in {RANGE}: {', '.join(shown)}"


def _tell_of_moments(
    local: Local, frame: pd.DataFrame, columns: Columns, role: str, told: Told
) -> None:
    values = frame[columns.time]
    absent = ~(local.given | local.beyond)
    if absent.any():
        told.warn(
            "rows_without_timestamp",
            f"Left out {int(absent.sum())} rows of the {role} dataset without a timestamp",
            "Give them one if they count",
            columns.time,
        )
    if local.beyond.any():
        message = out_of_range(values, local.beyond)
        if local.beyond.mean() > _FEW:
            raise TrainingError(f"In the {role} dataset, column {columns.time!r}: {message}")
        told.warn(
            "timestamps_out_of_range",
            f"Left out rows of the {role} dataset: {message}",
            "Correct them if they count",
            columns.time,
        )
    for note in local.notes:
        told.warn(
            "clock",
            f"In the {role} dataset, {note}",
            "Write stamps with their offset",
            columns.time,
        )


def _quoted(names: Sequence[str]) -> str:
    return " or ".join(repr(name) for name in names)
