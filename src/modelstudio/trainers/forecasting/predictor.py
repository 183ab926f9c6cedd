"""Loads a trained forecasting model and forecasts."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np
import pandas as pd

from modelstudio.trainers.forecasting.assembly import Rows, assemble, collapsed
from modelstudio.trainers.forecasting.columns import (
    INTEGERS,
    UnreadableMoments,
    moments_of,
    texts_of,
)
from modelstudio.trainers.forecasting.conformal import usable_scale
from modelstudio.trainers.forecasting.ensemble import blended
from modelstudio.trainers.forecasting.metrics import Scales
from modelstudio.trainers.forecasting.packaging import Package
from modelstudio.trainers.forecasting.reading import rows_of

if TYPE_CHECKING:
    from pathlib import Path

    from modelstudio.trainers.forecasting.panel import Floats, Panel


class ForecastingModel:
    """A model that the forecasting trainer left; see ``base.Predictor``.

    An empty frame gets the forecast of every series that the model was trained on. Else the items
    in the frame are forecast: rows with a target are history, which follows or replaces what the
    model remembers of the item; rows after them without one give known covariates of the future.

    New history of an item costs a fit of each statistical model in the blend, typically
    milliseconds to a tenth of a second a series; the global models only predict.
    """

    row_wise: ClassVar[bool] = False

    def __init__(self, package: Package) -> None:
        self._package = package

    @classmethod
    def load(cls, model_dir: Path) -> Self:
        return cls(Package.load(model_dir))

    def predict(self, frame: pd.DataFrame) -> pd.DataFrame:
        """Return one row for each item and step ahead.

        Columns are the item id (when there are several series), the timestamp, the forecast, and a
        column for each quantile.

        Raises
        ------
        KeyError
            With the name of a required column that is absent.
        ValueError
            When a value cannot be read, or an item that the model does not know has no history.
        """
        package = self._package
        if frame.empty:
            panel = package.history.resized(None, package.horizon)
            return self._answer(panel, self._blend(panel, package.forecasts))
        rows = collapsed(self._rows(frame), package.calendar, package.columns, package.resampling)
        panel, changed = self._panel(rows, frame)
        panel = panel.resized(package.remembered, package.horizon)
        return self._answer(panel, self._blend(panel, self._remembered(panel, changed)))

    def _rows(self, frame: pd.DataFrame) -> Rows:
        columns = self._package.columns
        for name in (columns.time, columns.item):
            if name is not None and name not in frame:
                raise KeyError(name)
        try:
            moments, given = moments_of(frame[columns.time])
        except UnreadableMoments as error:
            raise ValueError(f"{columns.time}: {str(error)[:80]!r} is no date") from error
        return rows_of(frame, columns, moments, given)

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

    def _remembered(self, panel: Panel, changed: set[str]) -> dict[str, Floats]:
        """Return the stored forecasts when no item has new history, else none."""
        package = self._package
        if changed & set(panel.items):
            return {}
        places = pd.Index(package.history.items).get_indexer(pd.Index(panel.items))
        return {name: values[places] for name, values in package.forecasts.items()}

    def _blend(self, panel: Panel, ready: Any) -> Floats:
        package = self._package
        forecasts = {
            name: ready[name] if name in ready else member.forecast(panel, package.horizon)
            for name, member in package.members.items()
        }
        found = blended(package.weights, forecasts)
        return np.maximum(found, 0.0) if package.nonnegative else found

    def _answer(self, panel: Panel, predicted: Floats) -> pd.DataFrame:
        package = self._package
        scales = Scales.of(panel, [panel.cuts], package.season).absolute[0]
        scale = usable_scale(scales, predicted)
        quantiles = package.calibration.apply(predicted, scale, panel.items)
        columns: dict[str, Any] = {}
        if package.columns.item is not None:
            ids = pd.Series(np.repeat(np.array(panel.items, dtype=object), package.horizon))
            whole = package.columns.types[package.columns.item] in INTEGERS
            columns[package.columns.item] = ids.astype("int64") if whole else ids
        columns[package.columns.time] = panel.future(package.horizon).ravel()
        columns[package.prediction_column] = predicted.ravel()
        for number, name in enumerate(package.quantile_columns):
            columns[name] = quantiles[..., number].ravel()
        return pd.DataFrame(columns)


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
