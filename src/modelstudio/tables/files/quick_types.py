"""Which columns of a CSV file Arrow's parser may read as values at once.

It is quicker than reading texts first. It may where the evidence of all of a column's values shows
that they are written as programs write them: then it gives the same values as the column's
reading, or says that there is one that it cannot read.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import pyarrow as pa

from modelstudio.tables.readings import MomentReading, NumberReading, bits
from modelstudio.tables.readings.numbers import CURRENCIES, currency_bit

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from modelstudio.tables.files.columns import Column

_NOT_PLAIN: Final = bits.INFINITE | bits.PERCENT | sum(map(currency_bit, range(len(CURRENCIES))))


def quick_types(
    columns: Sequence[Column], found: Mapping[str, Mapping[str, Any]]
) -> tuple[dict[int, pa.DataType], list[str]]:
    """Return the types to parse columns as, by position, and the texts that are missing in them.

    ``found`` has what a file's profile says of each column.
    """
    types: dict[int, pa.DataType] = {}
    marks: set[str] = set()
    for column in columns:
        evidence = found[column.name]["evidence"]
        shapes = [int(shape, 16) for shape, *_ in evidence["shapes"]]
        type_ = _type(column, shapes)
        if type_ is not None and shapes:
            types[found[column.name]["position"]] = type_
            marks.update(evidence["marks"])
    return types, sorted(marks)


def _type(column: Column, shapes: Sequence[int]) -> pa.DataType | None:
    reading, kind = column.reading, column.field["type"]
    if isinstance(reading, NumberReading) and not reading.unit:
        plain = all(shape & bits.PLAIN and not shape & _NOT_PLAIN for shape in shapes)
        if plain and reading.notation in {"1234.5", "1,234.5", "1 234.5"}:
            if kind == "LONG" and reading.whole:
                return pa.int64()
            return pa.float64() if kind == "DOUBLE" and not reading.whole else None
    if isinstance(reading, MomentReading) and reading.state()["form"] == "yyyy-mm-dd":
        plain = all(shape & bits.YMD and not shape & bits.ZONED for shape in shapes)
        if plain and not reading.zoned:
            if kind == "DATE" and not any(shape & bits.TIMED for shape in shapes):
                return pa.date32()
            return pa.timestamp("us") if kind == "TIMESTAMP" and reading.timed else None
    return None
