"""Writes and reads a trained forecasting model: JSON, Parquet, NumPy and LightGBM text files."""

from __future__ import annotations

import json
import platform
from dataclasses import asdict, dataclass
from importlib.metadata import version
from typing import TYPE_CHECKING, Any, Final, Self

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from modelstudio.trainers.forecasting.assembly import Resampling, Rows
from modelstudio.trainers.forecasting.calendar import Calendar
from modelstudio.trainers.forecasting.columns import Columns
from modelstudio.trainers.forecasting.conformal import Calibration
from modelstudio.trainers.forecasting.members import load_members, save_members
from modelstudio.trainers.forecasting.panel import Panel
from modelstudio.trainers.forecasting.steps import Raw

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from modelstudio.trainers.forecasting.members import Member
    from modelstudio.trainers.forecasting.panel import Floats

PREDICTOR_CLASS: Final = "modelstudio.trainers.forecasting.predictor:ForecastingModel"
_FORMAT_VERSION: Final = 1
_LIBRARIES: Final = ("lightgbm", "numpy", "pandas", "pyarrow", "scipy", "statsforecast")


@dataclass(frozen=True, slots=True)
class Package:
    """All that a forecasting model is.

    Attributes
    ----------
    remembered
        Steps of history that are looked at, of what is remembered and of what is given.
    weights
        Of the members, in their blend.
    history
        The end of every series, and what is known of its future; its forecast is due when no other
        history is given.
    forecasts
        Of the members that are slow to ask, for that history.
    raw
        Rows of the last periods as they are before they are taken together; None when none are.
    nonnegative
        Whether the target never is below zero.
    """

    columns: Columns
    calendar: Calendar
    resampling: Resampling
    horizon: int
    remembered: int
    prediction_column: str
    season: int
    nonnegative: bool
    weights: Mapping[str, float]
    members: Mapping[str, Member]
    calibration: Calibration
    history: Panel
    forecasts: Mapping[str, Floats]
    raw: Raw | None = None

    @property
    def quantile_columns(self) -> list[str]:
        return [f"{self.prediction_column}_{level:.12g}" for level in self.calibration.levels]

    def save(self, folder: Path) -> None:
        """Write the files to an empty folder."""
        state = {
            "version": _FORMAT_VERSION,
            "columns": asdict(self.columns),
            "calendar": asdict(self.calendar),
            "resampling": asdict(self.resampling),
            "horizon": self.horizon,
            "remembered": self.remembered,
            "prediction_column": self.prediction_column,
            "season": self.season,
            "nonnegative": self.nonnegative,
            "weights": dict(self.weights),
            "calibration": self.calibration.as_json(),
            "forecasts": sorted(self.forecasts),
        }
        text = json.dumps(state, indent=1, allow_nan=False)
        (folder / "manifest.json").write_text(text, encoding="utf-8")
        save_members(self.members, folder / "members")
        save_history(self.history, self.raw, folder)
        stacked = [self.forecasts[name] for name in sorted(self.forecasts)]
        np.savez_compressed(folder / "forecasts.npz", forecasts=np.array(stacked))

    @classmethod
    def load(cls, folder: Path) -> Self:
        state = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
        if state["version"] != _FORMAT_VERSION:
            raise ValueError("manifest.json has an unknown format version")
        columns = Columns.of_state(state["columns"])
        calendar = Calendar.of_state(state["calendar"])
        with np.load(folder / "forecasts.npz", allow_pickle=False) as arrays:
            forecasts = dict(zip(state["forecasts"], arrays["forecasts"], strict=True))
        return cls(
            columns=columns, calendar=calendar, resampling=Resampling(**state["resampling"]),
            horizon=state["horizon"], remembered=state["remembered"],
            prediction_column=state["prediction_column"],
            season=state["season"], nonnegative=state["nonnegative"], weights=state["weights"],
            members=load_members(folder / "members"),
            calibration=Calibration.of_json(state["calibration"]),
            history=load_history(folder, calendar, columns), forecasts=forecasts,
            raw=load_raw(folder, columns),
        )  # fmt: skip


def save_history(panel: Panel, raw: Raw | None, folder: Path) -> None:
    """Write the series to two tables, one row an item and one a step, and raw rows to another."""
    items = {
        "item": pa.array(panel.items, pa.string()),
        "start": panel.starts,
        "length": panel.lengths,
        "cut": panel.cuts,
    } | {f"s:{name}": values for name, values in panel.static.items()}
    steps = {"target": panel.target, "observed": panel.observed} | {
        f"c:{name}": values for name, values in panel.covariates.items()
    }
    for name, columns in (("items", items), ("steps", steps)):
        pq.write_table(pa.table(columns), folder / f"{name}.parquet")  # type: ignore[no-untyped-call]
    if raw is not None:
        _save_raw(raw, folder)


def _save_raw(raw: Raw, folder: Path) -> None:
    rows = {
        "item": pa.array(raw.rows.item, pa.string()),
        "moment": pa.array(raw.rows.moment.astype("datetime64[us]")),
        "target": raw.rows.target,
    } | {f"c:{name}": values for name, values in raw.rows.covariates.items()}
    pq.write_table(pa.table(rows), folder / "raw.parquet")  # type: ignore[no-untyped-call]
    state = None if raw.calendar is None else asdict(raw.calendar)
    (folder / "raw.json").write_text(json.dumps({"calendar": state}), encoding="utf-8")


def load_raw(folder: Path, columns: Columns) -> Raw | None:
    """Return the rows that were saved with the history; None when there are none."""
    if not (folder / "raw.json").exists():
        return None
    state = json.loads((folder / "raw.json").read_text(encoding="utf-8"))["calendar"]
    table = pq.read_table(folder / "raw.parquet", partitioning=None)  # type: ignore[no-untyped-call]

    def array(name: str) -> Any:
        return table.column(name).to_numpy().copy()

    rows = Rows(
        item=np.array(table.column("item").to_pylist(), dtype=object),
        moment=array("moment"),
        target=array("target"),
        covariates={name: array(f"c:{name}") for name in columns.covariates},
    )
    return Raw(None if state is None else Calendar.of_state(state), rows)


def load_history(folder: Path, calendar: Calendar, columns: Columns) -> Panel:
    def table(name: str) -> Any:
        return pq.read_table(folder / f"{name}.parquet", partitioning=None)  # type: ignore[no-untyped-call]

    def array(found: Any, name: str) -> Any:
        return found.column(name).to_numpy().copy()

    items, steps = table("items"), table("steps")
    return Panel(
        calendar=calendar,
        items=tuple(items.column("item").to_pylist()),
        offsets=np.concatenate([[0], np.cumsum(array(items, "length"))]).astype("int64"),
        starts=array(items, "start"),
        cuts=array(items, "cut"),
        target=array(steps, "target"),
        observed=array(steps, "observed"),
        covariates={name: array(steps, f"c:{name}") for name in columns.covariates},
        known=columns.known,
        past=columns.past,
        categorical=columns.categorical,
        static={
            name: array(items, f"s:{name}")
            for name in columns.static
            if f"s:{name}" in items.column_names
        },
    )


def library_versions() -> dict[str, str]:
    """Return the distributions that the model needs, and their versions."""
    return {name: version(name) for name in _LIBRARIES}


def requirements() -> list[str]:
    """Return conda-style pins of what the predictor imports."""
    pins = {"python": platform.python_version(), **library_versions()}
    return [f"{name}={pin}" for name, pin in pins.items()]
