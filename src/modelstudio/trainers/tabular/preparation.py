"""Turns the columns of a table into what the models learn from, the same way at both times.

The preparation is fitted on the training table, saved beside the model and applied again to each
table that is predicted. Its output has numbers (``float64``, NaN for missing) and strings
(``object``, None for missing) only:

- numbers and booleans become floats, so that a value that is missing at prediction time stays
  missing; AutoGluon would read it as 0 in an integer column;
- a date or timestamp becomes its parts. AutoGluon keeps the year, month, day and weekday but drops
  the hour;
- a string column of ISO dates is treated as a timestamp.

Columns without any value or with a single one are left out, as are types that hold no plain value.
"""

from __future__ import annotations

import json
import re
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any, Literal, Self, cast

import numpy as np
import pandas as pd

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from pathlib import Path

    Values = np.ndarray[Any, Any]

Kind = Literal["number", "boolean", "text", "moment"]

_KINDS: Mapping[str, Kind] = {
    "BYTE": "number",
    "SHORT": "number",
    "INTEGER": "number",
    "LONG": "number",
    "FLOAT": "number",
    "DOUBLE": "number",
    "DECIMAL": "number",
    "BOOLEAN": "boolean",
    "STRING": "text",
    "DATE": "moment",
    "TIMESTAMP": "moment",
}
_ISO_DATE = r"\d{4}-\d{2}-\d{2}([T ]\d{2}:\d{2}.*)?"
_ZONED_TIME = r":.*(?:Z|[+-]\d{2}(?::?\d{2})?)$"
_ZONE = r"(?:Z|[+-]\d{2}:?\d{2})$"
_SECONDS_A_DAY = 86_400
_FORMAT_VERSION = 1


@dataclass(frozen=True, slots=True)
class PreparedColumn:
    """How one column of the table is prepared.

    Attributes
    ----------
    field_type
        Its dataset field type, like ``LONG``.
    nullable
        Whether it had missing values in training, and so may be missing or absent later.
    outputs
        Prepared column to the part of this column that it holds; ``value`` where there is one.
    """

    name: str
    field_type: str
    kind: Kind
    nullable: bool
    outputs: Mapping[str, str]


class Preparation:
    """A fitted preparation.

    Attributes
    ----------
    columns
        The columns it reads, in the order of the training table.
    dropped
        Column to the reason why it is left out, in plain words.
    """

    def __init__(self, columns: Sequence[PreparedColumn], dropped: Mapping[str, str]) -> None:
        self.columns = tuple(columns)
        self.dropped = dict(dropped)

    @classmethod
    def fit(
        cls, frame: pd.DataFrame, column_types: Mapping[str, str], reserved: Collection[str]
    ) -> Self:
        """Learn how to prepare the columns of ``column_types``, using no ``reserved`` name."""
        columns: list[PreparedColumn] = []
        dropped: dict[str, str] = {}
        taken = {*reserved, *column_types}
        for name, field_type in column_types.items():
            kind = _KINDS.get(field_type)
            if kind is None:
                dropped[name] = f"columns of type {field_type} are not supported"
                continue
            series = frame[name]
            if kind == "text" and _holds_iso_dates(series):
                kind = "moment"
            parts = [part for part, values in _parts(series, kind).items() if _varies(values)]
            if not parts:
                dropped[name] = "it has no value" if series.isna().all() else "it has one value"
                continue
            outputs = {_free_name(name, part, taken): part for part in parts}
            taken.update(outputs)
            nullable = bool(series.isna().any())
            columns.append(PreparedColumn(name, field_type, kind, nullable, outputs))
        return cls(columns, dropped)

    def transform(self, frame: pd.DataFrame) -> pd.DataFrame:
        """Return the prepared columns, one row for each row and with the same index.

        Columns that the preparation does not know are ignored.

        Raises
        ------
        KeyError
            With the name of a column that is absent and was never missing in training.
        ValueError
            When a value cannot be read as its column's type.
        """
        prepared: dict[str, Values] = {}
        for column in self.columns:
            if column.name in frame.columns:
                series = frame[column.name]
            elif column.nullable:
                series = pd.Series(None, index=frame.index, dtype=object, name=column.name)
            else:
                raise KeyError(column.name)
            parts = _parts(series, column.kind, strict=column.field_type != "STRING")
            prepared.update({name: parts[part] for name, part in column.outputs.items()})
        return pd.DataFrame(prepared, index=frame.index)

    def keep(self, names: Collection[str]) -> Preparation:
        """Return the preparation that makes only those of its prepared columns."""
        columns: list[PreparedColumn] = []
        dropped = dict(self.dropped)
        for column in self.columns:
            outputs = {name: part for name, part in column.outputs.items() if name in names}
            if outputs:
                columns.append(replace(column, outputs=outputs))
            else:
                dropped[column.name] = "it carries too little information"
        return Preparation(columns, dropped)

    def save(self, path: Path) -> None:
        state = {
            "version": _FORMAT_VERSION,
            "columns": [asdict(column) for column in self.columns],
            "dropped": self.dropped,
        }
        path.write_text(json.dumps(state), encoding="utf-8")

    @classmethod
    def load(cls, path: Path) -> Self:
        state = json.loads(path.read_text(encoding="utf-8"))
        if state["version"] != _FORMAT_VERSION:
            raise ValueError(f"{path.name} has the unknown format version {state['version']}")
        return cls([PreparedColumn(**column) for column in state["columns"]], state["dropped"])


def _parts(series: pd.Series, kind: Kind, *, strict: bool = True) -> dict[str, Values]:
    if kind == "number":
        return {"value": _numbers(series)}
    if kind == "boolean":
        return {"value": _booleans(series)}
    if kind == "text":
        return {"value": _texts(series)}
    return _moment_parts(_moments(series, strict=strict))


def _numbers(series: pd.Series) -> Values:
    try:
        numbers = series.to_numpy(dtype="float64", na_value=np.nan, copy=True)
    except (TypeError, ValueError) as error:
        raise ValueError(f"Column {series.name!r} has a value that is not a number") from error
    numbers[~np.isfinite(numbers)] = np.nan  # scikit-learn's forests refuse infinities
    return cast("Values", numbers)


def _booleans(series: pd.Series) -> Values:
    if series.dtype == bool:
        return cast("Values", series.to_numpy(dtype="float64"))
    flags = series.astype(object).map({True: 1.0, False: 0.0, "true": 1.0, "false": 0.0})
    if (flags.isna() & series.notna()).any():
        raise ValueError(f"Column {series.name!r} has a value that is neither true nor false")
    return cast("Values", flags.to_numpy(dtype="float64"))


def _texts(series: pd.Series) -> Values:
    texts = series.astype(object)
    values = texts.map(str, na_action="ignore").to_numpy()
    return cast("Values", np.where(texts.isna(), None, values))


def _moments(series: pd.Series, *, strict: bool) -> pd.Series:
    """Return UTC without a zone; a moment outside the years 1678 to 2261 counts as missing."""
    if pd.api.types.is_datetime64_any_dtype(series):
        moments = series.dt.tz_convert(None) if series.dt.tz is not None else series
        return moments.where((moments > pd.Timestamp.min) & (moments < pd.Timestamp.max))
    texts = series.dropna().astype(str)
    found = _to_datetime(texts)
    if strict and not texts[found.isna()].map(_is_far_moment).all():
        raise ValueError(f"Column {series.name!r} has a value that is not a date or timestamp")
    # By position, since an index may repeat.
    moments = pd.Series(pd.NaT, index=series.index, dtype="datetime64[ns]", name=series.name)
    moments.iloc[np.flatnonzero(series.notna())] = found.to_numpy()
    return moments


def _to_datetime(texts: pd.Series) -> pd.Series:
    """Read ISO 8601, UTC where no zone is named; what cannot be read becomes NaT."""
    # Apart, because pandas gives a time without a zone the zone of the one before it.
    zoned = texts.str.contains(_ZONED_TIME).to_numpy(dtype=bool)
    found = np.empty(len(texts), dtype="datetime64[ns]")
    for rows in (zoned, ~zoned):
        parsed = pd.to_datetime(texts[rows], format="ISO8601", utc=True, errors="coerce")
        found[rows] = parsed.dt.tz_convert(None).to_numpy()
    return pd.Series(found, index=texts.index)


def _is_far_moment(text: str) -> bool:
    """Tell a moment that pandas cannot hold, such as 9999-12-31, from what is not one."""
    if not re.fullmatch(_ISO_DATE, text):
        return False
    try:
        np.datetime64(re.sub(_ZONE, "", text), "us")
    except ValueError:
        return False
    return True


def _moment_parts(moments: pd.Series) -> dict[str, Values]:
    values = moments.dt
    seconds = (moments - pd.Timestamp(0)).dt.total_seconds()
    parts = {
        "days": seconds / _SECONDS_A_DAY,  # since 1970-01-01
        "year": values.year,
        "month": values.month,
        "day": values.day,
        "weekday": values.weekday,
        "dayofyear": values.dayofyear,
        "hour": (seconds % _SECONDS_A_DAY) / 3600,
    }
    return {part: value.to_numpy(dtype="float64") for part, value in parts.items()}


def _holds_iso_dates(series: pd.Series) -> bool:
    texts = series.dropna().astype(str)
    if texts.empty or not texts.str.fullmatch(_ISO_DATE).all():
        return False
    return bool(_to_datetime(texts).notna().all())


def _varies(values: Values) -> bool:
    return len(pd.unique(values)) > 1


def _free_name(column: str, part: str, taken: Collection[str]) -> str:
    if part == "value":
        return column
    name = f"{column}.{part}"
    while name in taken:
        name += "_"
    return name
