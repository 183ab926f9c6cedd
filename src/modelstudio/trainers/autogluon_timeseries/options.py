"""Turns a validated configuration into the arguments of a ``TimeSeriesPredictor``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Self

from modelstudio.trainers.autogluon_timeseries.schema import MODEL_TYPES, NEURAL, TABULAR

if TYPE_CHECKING:
    from collections.abc import Mapping

_QUICK: Final = ("Naive", "SeasonalNaive", "ETS", "Theta", "RecursiveTabular", "DirectTabular")
_MEDIUM: Final = (*_QUICK, "SeasonalAverage", "DynamicOptimizedTheta", "TemporalFusionTransformer")
_HIGH: Final = (
    "Naive",
    "SeasonalNaive",
    "SeasonalAverage",
    "AutoETS",
    "DynamicOptimizedTheta",
    "AutoARIMA",
    "NPTS",
    "RecursiveTabular",
    "DirectTabular",
    "TemporalFusionTransformer",
    "DeepAR",
    "PatchTST",
    "TiDE",
)
_BY_PRESET: Final = {
    "fast_training": _QUICK,
    "medium_quality": _MEDIUM,
    "high_quality": _HIGH,
    "best_quality": _HIGH,
}
#: They fit each series apart, in processes of their own when more than one job is allowed.
_LOCAL: Final = frozenset(MODEL_TYPES) - {*NEURAL, *TABULAR}
_METRICS: Final = {"sMAPE": "SMAPE"}
#: Without quantiles asked for, the median alone, which costs least.
_MEDIAN: Final = (0.5,)


@dataclass(frozen=True, slots=True)
class FitOptions:
    """What AutoGluon is asked to do.

    Attributes
    ----------
    metric
        AutoGluon's name of the metric.
    levels
        Quantiles that AutoGluon forecasts, at least one.
    models
        Model type to hyperparameters; only what is to be fitted.
    windows
        Validation windows, or ``auto``.
    """

    metric: str
    levels: tuple[float, ...]
    models: Mapping[str, Mapping[str, Any]]
    windows: int | str
    ensemble: bool
    seed: int

    @classmethod
    def of(cls, config: Mapping[str, Any]) -> Self:
        chosen = dict.fromkeys((*_BY_PRESET[config["presets"]], *config["hyperparameters"]))
        excluded = set(config["excluded_model_types"])
        several = "auto" if config["presets"] == "best_quality" else 1
        return cls(
            metric=_METRICS.get(config["eval_metric"], config["eval_metric"]),
            levels=tuple(sorted(set(config["quantile_levels"]))) or _MEDIAN,
            models={
                name: config["hyperparameters"].get(name, {})
                for name in chosen
                if name not in excluded
            },
            windows=config["num_val_windows"] or several,
            ensemble=config["enable_ensemble"],
            seed=config["seed"],
        )

    def fit_arguments(self, time_limit: float, cpu: int) -> dict[str, Any]:
        """Return the arguments of ``TimeSeriesPredictor.fit`` besides the data."""
        jobs = {"n_jobs": cpu}
        return {
            "hyperparameters": {
                name: {**values, **(jobs if name in _LOCAL else {})}
                for name, values in self.models.items()
            },
            "time_limit": time_limit,
            "num_val_windows": self.windows,
            "refit_every_n_windows": "auto",
            "enable_ensemble": self.ensemble,
            "random_seed": self.seed,
        }
