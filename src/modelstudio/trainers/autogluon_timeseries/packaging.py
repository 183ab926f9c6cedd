"""Writes and reads the files of a trained model: AutoGluon's own, a manifest and the history."""

from __future__ import annotations

import json
import platform
import shutil
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Self

from modelstudio.trainers.forecasting.assembly import Resampling
from modelstudio.trainers.forecasting.calendar import Calendar
from modelstudio.trainers.forecasting.columns import Columns
from modelstudio.trainers.forecasting.packaging import (
    load_history,
    load_raw,
    save_history,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

    from autogluon.timeseries import TimeSeriesPredictor

    from modelstudio.trainers.forecasting.panel import Panel
    from modelstudio.trainers.forecasting.steps import Raw

PREDICTOR_CLASS: Final = "modelstudio.trainers.autogluon_timeseries.predictor:TimeSeriesModel"
PREDICTOR_FOLDER: Final = "predictor"
_MANIFEST: Final = "manifest.json"
_FORMAT_VERSION: Final = 1
_LIBRARIES: Final = ("autogluon.timeseries", "numpy", "pandas", "pyarrow", "torch")
#: Forecasts of the validation windows, which only a further fit would need.
_OUT_OF_FOLD: Final = "oof.pkl"


@dataclass(frozen=True, slots=True)
class Package:
    """What a model is besides AutoGluon's predictor.

    Attributes
    ----------
    levels
        Quantiles that are answered; may be none.
    history
        Every series, and what is known of its future; its forecast is due when no other history
        is given.
    """

    columns: Columns
    calendar: Calendar
    resampling: Resampling
    horizon: int
    prediction_column: str
    levels: tuple[float, ...]
    history: Panel
    raw: Raw | None = None

    @property
    def quantile_columns(self) -> list[str]:
        return [f"{self.prediction_column}_{level:.12g}" for level in self.levels]

    def save(self, folder: Path) -> None:
        state = {
            "version": _FORMAT_VERSION,
            "columns": asdict(self.columns),
            "calendar": asdict(self.calendar),
            "resampling": asdict(self.resampling),
            "horizon": self.horizon,
            "prediction_column": self.prediction_column,
            "levels": list(self.levels),
        }
        text = json.dumps(state, indent=1, allow_nan=False)
        (folder / _MANIFEST).write_text(text, encoding="utf-8")
        save_history(self.history, self.raw, folder)

    @classmethod
    def load(cls, folder: Path) -> Self:
        state: dict[str, Any] = json.loads((folder / _MANIFEST).read_text(encoding="utf-8"))
        if state["version"] != _FORMAT_VERSION:
            raise ValueError(f"{_MANIFEST} has an unknown format version")
        columns = Columns.of_state(state["columns"])
        calendar = Calendar.of_state(state["calendar"])
        return cls(
            columns=columns,
            calendar=calendar,
            resampling=Resampling(**state["resampling"]),
            horizon=state["horizon"],
            prediction_column=state["prediction_column"],
            levels=tuple(state["levels"]),
            history=load_history(folder, calendar, columns),
            raw=load_raw(folder, columns),
        )


def keep_for_deployment(predictor: TimeSeriesPredictor, output_dir: Path) -> list[str]:
    """Write what AutoGluon's best model needs to forecast; return the names of its models.

    AutoGluon has no clone for deployment of time series: this leaves out the other models, the
    training data and the forecasts of the validation windows.
    """
    trainer = predictor._trainer  # noqa: SLF001 - there is no public way
    needed = trainer.get_minimum_model_set(predictor.model_best)
    others = [name for name in trainer.model_graph.nodes if name not in needed]
    trainer.model_graph.remove_nodes_from(others)
    trainer.hpo_results, trainer.is_data_saved = {}, False
    trainer.save()
    source, target = Path(predictor.path), output_dir / PREDICTOR_FOLDER
    keep = {*needed, "trainer.pkl"}
    shutil.copytree(source, target, ignore=lambda at, names: _unneeded(source, at, names, keep))
    return [str(name) for name in needed]


def _unneeded(source: Path, folder: str, names: Iterable[str], keep: set[str]) -> list[str]:
    if Path(folder) == source:
        return [name for name in names if name in {"utils", "logs"}]
    if Path(folder) == source / "models":
        return [name for name in names if name not in keep]
    return [name for name in names if name == _OUT_OF_FOLD]


def requirements() -> list[str]:
    """Return conda-style pins of what the predictor imports."""
    pins = {"python": platform.python_version(), **{name: version(name) for name in _LIBRARIES}}
    return [f"{name}={pin}" for name, pin in pins.items()]
