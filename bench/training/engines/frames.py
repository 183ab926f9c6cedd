"""What any user does to a frame before handing it to a library that expects typed columns."""

from __future__ import annotations

import pickle
from typing import TYPE_CHECKING, Any

import pandas as pd
from pandas.api.types import is_datetime64_any_dtype, is_object_dtype

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

_ISO_DATE = r"\d{4}-\d{2}-\d{2}"
_PARTS = ("year", "month", "day", "hour", "weekday", "dayofyear")


class Dates:
    """Turns columns of ISO date strings into timestamps, those that are so in the training rows."""

    def __init__(self, train: pd.DataFrame) -> None:
        self._strings = [name for name, values in train.items() if _has_iso_dates(values)]

    def __call__(self, frame: pd.DataFrame) -> pd.DataFrame:
        parsed = {
            name: pd.to_datetime(frame[name], format="ISO8601", utc=True).dt.tz_localize(None)
            for name in self._strings
        }
        moments = {
            name: values.astype("datetime64[ns]")
            for name, values in frame.items()
            if is_datetime64_any_dtype(values)
        }
        return frame.assign(**parsed, **moments)


def _has_iso_dates(values: pd.Series) -> bool:
    known = values.dropna()
    return (
        is_object_dtype(values)
        and len(known) > 0
        and bool(known.astype(str).str.match(_ISO_DATE).all())
    )


def with_date_parts(frame: pd.DataFrame) -> pd.DataFrame:
    """Return the frame with numbers in the place of timestamps."""
    columns: dict[Any, pd.Series] = {}
    for name, values in frame.items():
        if is_datetime64_any_dtype(values):
            columns |= {f"{name}_{part}": getattr(values.dt, part) for part in _PARTS}
            columns[f"{name}_days"] = (values - pd.Timestamp(0)) / pd.Timedelta(days=1)
        else:
            columns[name] = values
    return pd.DataFrame(columns)


class Categories:
    """Turns strings into pandas categories, those of the training rows."""

    def __init__(self, train: pd.DataFrame) -> None:
        self._types: Mapping[Any, Any] = {
            name: pd.CategoricalDtype(sorted(values.dropna().unique()))
            for name, values in train.items()
            if is_object_dtype(values)
        }

    def __call__(self, frame: pd.DataFrame) -> pd.DataFrame:
        return frame.astype(self._types)


def folder_bytes(folder: Path) -> int:
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())


def pickled_bytes(model: Any) -> int:
    return len(pickle.dumps(model))
