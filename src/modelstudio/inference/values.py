"""Turns Arrow tables into frames as predictors take them, and their answers back.

Inside a predictor's process only. Frames are as in training: integers with missing values are
floats, dates and timestamps are ``datetime64`` in UTC without a zone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from modelstudio.tables import types
from modelstudio.trainers.asking.rules import EXACT

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_ARROW_TYPES: Final[Mapping[str, pa.DataType]] = {
    name: types.arrow_type({"type": field_type}) for name, field_type in types.OF_MODEL.items()
}
_EXACT_TYPES: Final = {
    pa.int64(): pd.Int64Dtype(),
    pa.uint64(): pd.UInt64Dtype(),
}


def frame_of(table: bytes) -> pd.DataFrame:
    """Read a table in Arrow's stream format.

    Whole numbers with missing ones among them are floats, as in training, but where floats would
    not tell them apart.
    """
    with pa.ipc.open_stream(table) as stream:
        arrow = stream.read_all()
    frame = arrow.to_pandas(date_as_object=False)
    for position, column in enumerate(arrow.columns):
        if pa.types.is_integer(column.type) and column.null_count and _is_beyond_floats(column):
            frame.isetitem(position, column.to_pandas(types_mapper=_EXACT_TYPES.get))
    return frame


def _is_beyond_floats(column: pa.ChunkedArray) -> bool:
    bounds = pc.min_max(column).as_py()  # type: ignore[attr-defined]
    return any(one is not None and abs(one) >= EXACT for one in bounds.values())


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
