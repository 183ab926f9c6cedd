"""Turns Arrow tables and JSON rows into what predictors take, and their answers back.

Inside a predictor's process only. Frames are as in training: integers with missing values are
floats, dates and timestamps are ``datetime64`` in UTC without a zone.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import date, datetime
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pandas as pd
import pyarrow as pa

if TYPE_CHECKING:
    from collections.abc import Sequence

_ARROW_TYPES: Final[Mapping[str, pa.DataType]] = {
    "boolean": pa.bool_(),
    "date": pa.date32(),
    "double": pa.float64(),
    "float": pa.float32(),
    "integer": pa.int32(),
    "long": pa.int64(),
    "string": pa.string(),
    "timestamp": pa.timestamp("us"),
}
_MOMENTS: Final = frozenset({"date", "timestamp"})


def table_columns(fields: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Return the columns of the first table among a model API's inputs or outputs."""
    for field in fields:
        if field["type"] == "tabular":
            return list(field["columns"])
    return []


def frame_of(table: bytes) -> pd.DataFrame:
    """Read a table in Arrow's stream format."""
    with pa.ipc.open_stream(table) as stream:
        return stream.read_all().to_pandas(date_as_object=False)


def frame_of_row(row: Mapping[str, Any], columns: Sequence[Mapping[str, Any]]) -> pd.DataFrame:
    """Return a frame of one row of JSON values; texts of ISO moments become moments.

    Raises
    ------
    ValueError
        When a moment cannot be read; the message names the column.
    """
    frame = pd.DataFrame({name: [value] for name, value in row.items()})
    for column in columns:
        name = column["name"]
        if column["dataType"]["type"] in _MOMENTS and name in frame:
            try:
                moments = pd.to_datetime(frame[name], format="ISO8601", utc=True)
            except (TypeError, ValueError) as error:
                raise ValueError(f"Column {name!r} has a value that is not an ISO time") from error
            frame[name] = moments.dt.tz_localize(None)
    return frame


def table_of(frame: pd.DataFrame, columns: Sequence[Mapping[str, Any]]) -> pa.Buffer:
    """Write what a predictor answered, in Arrow's stream format.

    Columns of the model API come first, in its order and of its types; any others follow.

    Raises
    ------
    ValueError
        When a value is not of its column's type.
    """
    types = {column["name"]: _ARROW_TYPES.get(column["dataType"]["type"]) for column in columns}
    names = [name for name in types if name in frame]
    names += [name for name in frame if name not in types]
    arrays = [_array(frame[name], types.get(name)) for name in names]
    table = pa.Table.from_arrays(arrays, names=[str(name) for name in names])
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    return sink.getvalue()


def _array(series: pd.Series, kind: pa.DataType | None) -> pa.Array:
    if isinstance(series.dtype, pd.CategoricalDtype):
        series = series.astype(object)
    try:
        found = pa.Array.from_pandas(series)
        if kind is None or found.type == kind:
            return found
        if pa.types.is_timestamp(found.type) and found.type.tz is not None:
            found = found.cast(pa.timestamp(found.type.unit))
        # A moment's fraction below a microsecond is nothing that the type could hold.
        return found.cast(kind, safe=not pa.types.is_timestamp(kind))
    except (pa.ArrowInvalid, pa.ArrowTypeError, pa.ArrowNotImplementedError) as error:
        raise ValueError(f"The predicted column {series.name!r} is not {kind}: {error}") from error


def plain_row(row: Mapping[str, Any]) -> dict[str, Any]:
    """Return a row's values as JSON has them, lists too; NaN and infinities become None."""
    return {str(name): _plain(value) for name, value in row.items()}


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return plain_row(value)
    if isinstance(value, list | tuple | set | frozenset | np.ndarray):
        return [_plain(one) for one in value]
    if isinstance(value, np.generic):
        value = value.item() if not isinstance(value, np.datetime64) else pd.Timestamp(value)
    if value is None or value is pd.NaT:
        return None
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, date | datetime):
        return value.isoformat()
    return value if isinstance(value, bool | int | float | str) else str(value)


def row_of(frame: pd.DataFrame) -> dict[str, Any]:
    """Return the only row of a frame.

    Raises
    ------
    ValueError
        When it has none or more.
    """
    if len(frame) != 1:
        raise ValueError(f"The predictor answered {len(frame)} rows for one.")
    return {str(name): frame[name].iloc[0] for name in frame}
