"""Statistical models of one series at a time."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from modelstudio.trainers.forecasting.panel import Floats, Panel

    Build = Callable[[tuple[int, ...], Mapping[str, Any]], Any]

#: Of a series' values, this share is zero in an intermittent one.
INTERMITTENT: Final = 0.3
_LEAST_SEASONS: Final = 2


@dataclass(frozen=True, slots=True)
class LocalModel:
    """A model that is fitted to every series on its own.

    Attributes
    ----------
    history
        Steps at the end of a series that it is fitted to; longer ones cost time and add little.
    intermittent
        Whether it is made for series with many zeros.
    log
        Whether it is fitted to the logarithm of a series without negative values.
    """

    build: Build
    history: int
    intermittent: bool = False
    log: bool = False


def _ets(seasons: tuple[int, ...], parameters: Mapping[str, Any]) -> Any:
    from statsforecast.models import AutoETS

    # Beyond 24 the library leaves the season out.
    return AutoETS(season_length=seasons[0], **parameters)


def _theta(seasons: tuple[int, ...], parameters: Mapping[str, Any]) -> Any:
    from statsforecast.models import DynamicOptimizedTheta

    return DynamicOptimizedTheta(season_length=seasons[0], **parameters)


def _auto_theta(seasons: tuple[int, ...], parameters: Mapping[str, Any]) -> Any:
    from statsforecast.models import AutoTheta

    return AutoTheta(season_length=seasons[0], **parameters)


def _ces(seasons: tuple[int, ...], parameters: Mapping[str, Any]) -> Any:
    from statsforecast.models import AutoCES

    return AutoCES(season_length=seasons[0], **parameters)


def _arima(seasons: tuple[int, ...], parameters: Mapping[str, Any]) -> Any:
    from statsforecast.models import AutoARIMA

    quick = {"approximation": True, "max_p": 3, "max_q": 3, "nmodels": 40}
    return AutoARIMA(season_length=seasons[0], **{**quick, **parameters})


def _mstl(seasons: tuple[int, ...], parameters: Mapping[str, Any]) -> Any:
    from statsforecast.models import MSTL, AutoETS

    trend = AutoETS(model=parameters.get("trend_model", "ZZN"))
    if seasons == (1,):
        return trend
    return MSTL(season_length=list(seasons), trend_forecaster=trend)


def _mfles(seasons: tuple[int, ...], parameters: Mapping[str, Any]) -> Any:
    from statsforecast.models import MFLES

    return MFLES(season_length=list(seasons), **parameters)


def _croston(_seasons: tuple[int, ...], _parameters: Mapping[str, Any]) -> Any:
    from statsforecast.models import CrostonSBA

    return CrostonSBA()


def _adida(_seasons: tuple[int, ...], _parameters: Mapping[str, Any]) -> Any:
    from statsforecast.models import ADIDA

    return ADIDA()


def _imapa(_seasons: tuple[int, ...], _parameters: Mapping[str, Any]) -> Any:
    from statsforecast.models import IMAPA

    return IMAPA()


def _tsb(_seasons: tuple[int, ...], parameters: Mapping[str, Any]) -> Any:
    from statsforecast.models import TSB

    return TSB(
        alpha_d=parameters.get("alpha_demand", 0.2),
        alpha_p=parameters.get("alpha_probability", 0.2),
    )


class _SeasonalNaive:
    """Repeats the last season."""

    def __init__(self, season: int) -> None:
        self._season = season

    def forecast(self, y: Floats, h: int) -> dict[str, Floats]:
        season = y[-self._season :]
        return {"mean": np.resize(season, h)}


class _SeasonalAverage:
    """Repeats the median of the last seasons."""

    def __init__(self, season: int, seasons: int) -> None:
        self._season, self._seasons = season, seasons

    def forecast(self, y: Floats, h: int) -> dict[str, Floats]:
        count = max(1, min(self._seasons, len(y) // self._season))
        season = min(self._season, len(y))
        block = y[len(y) - count * season :].reshape(count, season)
        return {"mean": np.resize(np.median(block, axis=0), h)}


class _Drift:
    """Continues the line through the first and the last value (random walk with drift)."""

    def forecast(self, y: Floats, h: int) -> dict[str, Floats]:
        slope = (y[-1] - y[0]) / max(len(y) - 1, 1)
        return {"mean": y[-1] + slope * np.arange(1, h + 1)}


LOCAL_MODELS: Final[Mapping[str, LocalModel]] = {
    "Naive": LocalModel(lambda _seasons, _parameters: _SeasonalNaive(1), 1),
    "SeasonalNaive": LocalModel(lambda seasons, _parameters: _SeasonalNaive(seasons[0]), 10_000),
    "LongSeasonalNaive": LocalModel(lambda seasons, _p: _SeasonalNaive(seasons[-1]), 10_000),
    "SeasonalAverage": LocalModel(
        lambda seasons, parameters: _SeasonalAverage(
            seasons[-1], int(parameters.get("num_seasons", 4))
        ),
        10_000,
    ),
    "Drift": LocalModel(lambda _seasons, _parameters: _Drift(), 10_000),
    "AutoETS": LocalModel(_ets, 600),
    "Theta": LocalModel(_theta, 1_000),
    "AutoTheta": LocalModel(_auto_theta, 600),
    "AutoCES": LocalModel(_ces, 600),
    "MSTL": LocalModel(_mstl, 3_000),
    "MSTLLog": LocalModel(_mstl, 3_000, log=True),
    "MFLES": LocalModel(_mfles, 3_000),
    "AutoARIMA": LocalModel(_arima, 400),
    "AutoARIMALog": LocalModel(_arima, 400, log=True),
    "Croston": LocalModel(_croston, 1_000, intermittent=True),
    "ADIDA": LocalModel(_adida, 1_000, intermittent=True),
    "IMAPA": LocalModel(_imapa, 1_000, intermittent=True),
    "TSB": LocalModel(_tsb, 1_000, intermittent=True),
}


def usable_seasons(seasons: Sequence[int], length: int) -> tuple[int, ...]:
    """Return the seasons that a series of this length has at least twice; (1,) for none."""
    found = tuple(season for season in seasons if _LEAST_SEASONS * season <= length)
    return found or (1,)


def forecast_series(
    name: str,
    history: Floats,
    seasons: Sequence[int],
    horizon: int,
    parameters: Mapping[str, Any],
) -> Floats:
    """Fit a model to one series and return its forecast.

    A series that the model cannot take (too short, constant, not converging) gets the seasonal
    naive forecast. A series without negative values gets no negative forecast.
    """
    model = LOCAL_MODELS[name]
    usable = usable_seasons(seasons, len(history))
    kept = history[-max(model.history, 3 * usable[0]) :]
    usable = usable_seasons(seasons, len(kept))
    floor = 0.0 if history.min() >= 0 else -np.inf
    log = model.log and floor == 0.0
    values = np.log1p(kept) if log else kept.astype("float64")
    found = _forecast(model.build(usable, parameters), values, horizon)
    if log:
        found = np.expm1(np.minimum(found, np.log1p(kept.max()) + 3))
    limit = 10 * (np.abs(kept).max() + 1e-9)
    if not np.isfinite(found).all() or np.abs(found).max() > limit:
        found = _SeasonalNaive(usable[0]).forecast(kept, horizon)["mean"]
    return np.maximum(found, floor)


def _forecast(model: Any, values: Floats, horizon: int) -> Floats:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            found = model.forecast(y=np.ascontiguousarray(values), h=horizon)["mean"]
        except Exception:  # noqa: BLE001 - the libraries raise anything for a series they dislike
            return np.full(horizon, np.nan)
    return np.asarray(found, dtype="float64")


def is_intermittent(panel: Panel) -> bool:
    """Whether a tenth of the series have many zeros."""
    flags = [(panel.history(number) == 0).mean() > INTERMITTENT for number in range(len(panel))]
    return float(np.mean(flags)) > 0.1  # noqa: PLR2004
