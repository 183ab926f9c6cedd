"""Loads a trained forecasting model and forecasts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np
import pandas as pd

from modelstudio.trainers.forecasting.conformal import usable_scale
from modelstudio.trainers.forecasting.ensemble import blended, completed
from modelstudio.trainers.forecasting.memory import Memory
from modelstudio.trainers.forecasting.metrics import Scales
from modelstudio.trainers.forecasting.packaging import Package

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

    Attributes
    ----------
    notes
        What of the last frame did not match what the model knows, in sentences.
    """

    row_wise: ClassVar[bool] = False

    def __init__(self, package: Package) -> None:
        self._package = package
        self._memory = Memory(package)

    @property
    def notes(self) -> list[str]:
        return self._memory.notes

    @classmethod
    def load(cls, model_dir: Path) -> Self:
        return cls(Package.load(model_dir))

    def predict(self, frame: pd.DataFrame) -> pd.DataFrame:
        """Return one row for each item and step ahead.

        Columns are the item ids (when there are several series), the timestamp, the forecast, and a
        column for each quantile.

        Raises
        ------
        KeyError
            With the name of a required column that is absent.
        ValueError
            When a value cannot be read, or an item that the model does not know has no history.
        """
        package = self._package
        panel, changed = self._memory.panel_of(frame)
        if frame.empty:
            return self._answer(panel, self._blend(panel, package.forecasts))
        panel = panel.resized(package.remembered, package.horizon)
        return self._answer(panel, self._blend(panel, self._remembered(panel, changed)))

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
        found = completed(blended(package.weights, forecasts), panel)
        return np.maximum(found, 0.0) if package.nonnegative else found

    def _answer(self, panel: Panel, predicted: Floats) -> pd.DataFrame:
        package = self._package
        scales = Scales.of(panel, [panel.cuts], package.season).absolute[0]
        scale = usable_scale(scales, predicted)
        quantiles = package.calibration.apply(predicted, scale, panel.items)
        return self._memory.answer(panel, predicted, quantiles)
