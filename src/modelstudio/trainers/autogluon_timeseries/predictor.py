"""Forecasts with a trained AutoGluon model, from given history or what it was trained on."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Self

from autogluon.timeseries import TimeSeriesPredictor

from modelstudio.trainers.autogluon_timeseries import frames
from modelstudio.trainers.autogluon_timeseries.packaging import PREDICTOR_FOLDER, Package
from modelstudio.trainers.forecasting.memory import Memory

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    import pandas as pd

    from modelstudio.trainers.forecasting.columns import Columns
    from modelstudio.trainers.forecasting.panel import Floats, Panel


class TimeSeriesModel:
    """A trained model; see ``base.Predictor`` and, for what a frame means, ``ForecastingModel``."""

    row_wise = False

    def __init__(self, package: Package, predictor: TimeSeriesPredictor) -> None:
        self._package = package
        self._predictor = predictor
        self._memory = Memory(package)

    @property
    def notes(self) -> list[str]:
        return self._memory.notes

    @classmethod
    def load(cls, model_dir: Path) -> Self:
        package = Package.load(model_dir)
        predictor = TimeSeriesPredictor.load(str(model_dir / PREDICTOR_FOLDER))
        logging.getLogger("autogluon.timeseries").setLevel(logging.ERROR)
        predictor.persist()
        return cls(package, predictor)

    def predict(self, frame: pd.DataFrame) -> pd.DataFrame:
        """Return one row for each item and step ahead; raises as ``ForecastingModel.predict``."""
        package = self._package
        panel, _ = self._memory.panel_of(frame)
        points, quantiles = forecast(
            self._predictor, panel, package.columns, package.horizon, package.levels
        )
        return self._memory.answer(panel, points, quantiles)


def forecast(
    predictor: TimeSeriesPredictor,
    panel: Panel,
    columns: Columns,
    horizon: int,
    levels: Sequence[float],
) -> tuple[Floats, Floats]:
    """Return points, items by horizon, and quantiles of the steps after the panel's cuts."""
    found = predictor.predict(
        frames.history(panel, columns),
        known_covariates=frames.future(panel, columns, horizon),
        random_seed=0,
    )
    return frames.arrays(found, panel.items, horizon, levels)
