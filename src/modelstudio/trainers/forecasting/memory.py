"""What a forecasting model remembers of its series, and what a table that asks it adds to that."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import pandas as pd

from modelstudio.trainers.forecasting.assembly import Rows, assemble, collapsed
from modelstudio.trainers.forecasting.columns import (
    INTEGERS,
    UnreadableMoments,
    moments_of,
    texts_of,
)
from modelstudio.trainers.forecasting.reading import rows_of
from modelstudio.trainers.targets import beyond_computing

if TYPE_CHECKING:
    from collections.abc import Sequence

    from modelstudio.trainers.forecasting.assembly import Resampling
    from modelstudio.trainers.forecasting.calendar import Calendar
    from modelstudio.trainers.forecasting.columns import Columns
    from modelstudio.trainers.forecasting.panel import Floats, Panel


class Remembering(Protocol):
    """The parts of a model's package that say what it remembers and how it answers."""

    @property
    def columns(self) -> Columns: ...

    @property
    def calendar(self) -> Calendar: ...

    @property
    def resampling(self) -> Resampling: ...

    @property
    def horizon(self) -> int: ...

    @property
    def history(self) -> Panel: ...

    @property
    def prediction_column(self) -> str: ...

    @property
    def quantile_columns(self) -> Sequence[str]: ...


class Memory:
    """Turns a table that asks for forecasts into series, and forecasts into a table."""

    def __init__(self, package: Remembering) -> None:
        self._package = package

    def panel_of(self, frame: pd.DataFrame) -> tuple[Panel, set[str]]:
        """Return the series to forecast, and which of them have new history.

        All that is remembered when the frame is empty; else those that the frame names.

        Raises
        ------
        KeyError
            With the name of a required column that is absent.
        ValueError
            When a value cannot be read, or an item that is not remembered has no history.
        """
        package = self._package
        frame = frame.reset_index(drop=True)  # labels may repeat in a frame put together
        if frame.empty:
            return package.history.resized(None, package.horizon), set()
        rows = collapsed(self._rows(frame), package.calendar, package.columns, package.resampling)
        panel, changed = self._panel(rows, frame)
        return panel.resized(None, package.horizon), changed

    def answer(self, panel: Panel, predicted: Floats, quantiles: Floats) -> pd.DataFrame:
        """Return one row for each item and step ahead.

        Columns are the item id (when there are several series), the timestamp, the forecast, and a
        column for each quantile, which are along the last axis of ``quantiles``.
        """
        package = self._package
        columns: dict[str, Any] = {}
        if package.columns.item is not None:
            ids = pd.Series(np.repeat(np.array(panel.items, dtype=object), package.horizon))
            whole = package.columns.types[package.columns.item] in INTEGERS
            columns[package.columns.item] = _whole(ids) if whole else ids
        columns[package.columns.time] = panel.future(package.horizon).ravel()
        columns[package.prediction_column] = predicted.ravel()
        for number, name in enumerate(package.quantile_columns):
            columns[name] = quantiles[..., number].ravel()
        return pd.DataFrame(columns)

    def _rows(self, frame: pd.DataFrame) -> Rows:
        columns = self._package.columns
        for name in (columns.time, columns.item):
            if name is not None and name not in frame:
                raise KeyError(name)
        try:
            moments, given = moments_of(frame[columns.time])
        except UnreadableMoments as error:
            raise ValueError(f"{columns.time}: {str(error)[:80]!r} is no date") from error
        for name in (columns.time, columns.item):
            if name is not None and frame[name].isna().any():
                raise ValueError(
                    f"{name}: {int(frame[name].isna().sum())} rows are without a value"
                )
        rows = rows_of(frame, columns, moments, given)
        if columns.target in frame:
            unread = frame.loc[
                frame[columns.target].notna() & ~np.isfinite(rows.target), columns.target
            ]
            if len(unread):
                raise ValueError(
                    f"{columns.target}: {str(unread.iloc[0])[:80]!r} is no finite number"
                )
        huge = beyond_computing(rows.target)
        if huge is not None:
            raise ValueError(f"{columns.target}: {huge:g} is too large to compute with")
        return rows

    def _panel(self, rows: Rows, frame: pd.DataFrame) -> tuple[Panel, set[str]]:
        """Return the series of a frame, and which of them have new history."""
        package = self._package
        asked = set(rows.item)
        valued = np.isfinite(rows.target)
        changed = set(rows.item[valued])
        together = _joined(self._memory(asked), rows)
        made = assemble(
            together,
            package.calendar,
            package.columns,
            replace(package.resampling, allowed=True, numeric="last", categorical="last"),
            package.horizon,
        )
        unknown = sorted(asked - set(made.panel.items))
        if unknown:
            raise ValueError(
                f"There is no history of {unknown[0]!r}: give rows with a value in "
                f"{package.columns.target!r}, or ask for an item that the model was trained on"
            )
        return replace(made.panel, static=self._static(made.panel, frame)), changed

    def _memory(self, asked: set[str]) -> Rows:
        """Return what is remembered of these items, as rows."""
        history = self._package.history
        chosen = np.flatnonzero([item in asked for item in history.items])
        panel = history.take(chosen)
        return Rows(
            item=np.repeat(np.array(panel.items, dtype=object), panel.lengths),
            moment=panel.moments(),
            target=panel.target,
            covariates=panel.covariates,
        )

    def _static(self, panel: Panel, frame: pd.DataFrame) -> dict[str, Floats]:
        """Return static features: those in the frame, else those remembered."""
        columns, history = self._package.columns, self._package.history
        places = pd.Index(history.items).get_indexer(pd.Index(panel.items))
        found = {}
        for name in columns.static:
            remembered = history.static.get(name, np.full(len(history), np.nan))
            values = np.where(places >= 0, remembered[np.maximum(places, 0)], np.nan)
            if name in frame and columns.item is not None:
                given = frame[frame[name].notna()]
                keys = texts_of(given[columns.item])
                first = given[~keys.duplicated()]
                encoded = pd.Series(columns.encode(name, first[name]), index=keys[first.index])
                told = encoded.reindex(list(panel.items)).to_numpy(dtype="float64")
                values = np.where(np.isfinite(told), told, values)
            found[name] = values
        return found


def _whole(ids: pd.Series) -> pd.Series:
    try:
        return ids.astype("int64")
    except (ValueError, OverflowError) as error:
        wrong = next(text for text in ids if not text.lstrip("-").isdecimal())
        raise ValueError(
            f"The item {wrong!r} is no whole number as those trained on are"
        ) from error


def _joined(memory: Rows, rows: Rows) -> Rows:
    """Return remembered rows and then given ones, which come last and so win."""
    return Rows(
        item=np.concatenate([memory.item, rows.item]),
        moment=np.concatenate([memory.moment, rows.moment]),
        target=np.concatenate([memory.target, rows.target]),
        covariates={
            name: np.concatenate([memory.covariates[name], values])
            for name, values in rows.covariates.items()
        },
    )
