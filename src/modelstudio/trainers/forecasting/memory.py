"""What a forecasting model remembers of its series, and what a table that asks it adds to that."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import pandas as pd

from modelstudio.trainers.forecasting import asking
from modelstudio.trainers.forecasting.assembly import Rows, assemble
from modelstudio.trainers.forecasting.identity import answered
from modelstudio.trainers.forecasting.joins import examples, one_after_the_other
from modelstudio.trainers.forecasting.moments import answer

if TYPE_CHECKING:
    from collections.abc import Sequence

    from modelstudio.trainers.forecasting.assembly import Resampling
    from modelstudio.trainers.forecasting.calendar import Calendar
    from modelstudio.trainers.forecasting.columns import Columns
    from modelstudio.trainers.forecasting.panel import Floats, Panel
    from modelstudio.trainers.forecasting.steps import Raw


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
    def raw(self) -> Raw | None: ...

    @property
    def prediction_column(self) -> str: ...

    @property
    def quantile_columns(self) -> Sequence[str]: ...


class Memory:
    """Turns a table that asks for forecasts into series, and forecasts into a table.

    Attributes
    ----------
    notes
        What of the last table did not match what the model knows, in sentences.
    """

    def __init__(self, package: Remembering) -> None:
        self._package = package
        self._zone = package.columns.zone
        self.notes: list[str] = []

    def panel_of(self, frame: pd.DataFrame) -> tuple[Panel, set[str]]:
        """Return the series to forecast, and which of them have new history.

        All that is remembered when the frame is empty; else those that the frame names.

        Raises
        ------
        KeyError
            With the name of a required column that is absent.
        ValueError
            When a value cannot be read, an item that is not remembered has no history, or a known
            covariate is not given for any step to forecast.
        """
        package = self._package
        self.notes, self._zone = [], package.columns.zone
        frame = frame.reset_index(drop=True)  # labels may repeat in a frame put together
        if frame.empty:
            panel = package.history.resized(None, package.horizon)
            asking.check_future(panel, None, package, self.notes)
            return panel, set()
        given, zone = asking.read(frame, package, self.notes)
        self._zone = zone or package.columns.zone
        rows = asking.in_steps(given, package, self.notes)
        asking.tell_of_gaps(rows, package, self.notes)
        panel, changed = self._panel(rows, frame)
        panel = panel.resized(None, package.horizon)
        asking.check_future(panel, given, package, self.notes)
        return panel, changed

    def answer(self, panel: Panel, predicted: Floats, quantiles: Floats) -> pd.DataFrame:
        """Return one row for each item and step ahead.

        Columns are the item ids (when there are several series), the timestamp, the forecast, and a
        column for each quantile, which are along the last axis of ``quantiles``.
        """
        package = self._package
        columns: dict[str, Any] = {
            name: ids.repeat(package.horizon).reset_index(drop=True)
            for name, ids in answered(panel.items, package.columns).items()
        }
        moments = panel.future(package.horizon).ravel()
        columns[package.columns.time] = answer(moments, package.calendar, self._zone)
        columns[package.prediction_column] = predicted.ravel()
        for number, name in enumerate(package.quantile_columns):
            columns[name] = quantiles[..., number].ravel()
        return pd.DataFrame(columns)

    def _panel(self, rows: Rows, frame: pd.DataFrame) -> tuple[Panel, set[str]]:
        """Return the series of a frame, and which of them have new history."""
        package = self._package
        asked = set(rows.item)
        valued = np.isfinite(rows.target)
        changed = set(rows.item[valued])
        together = one_after_the_other(self._memory(asked), rows)
        made = assemble(
            together,
            package.calendar,
            package.columns,
            replace(package.resampling, allowed=True, numeric="last", categorical="last"),
            package.horizon,
        )
        unknown = sorted(asked - set(made.panel.items))
        if unknown:
            whole = "" if package.raw is None else " that cover a whole step"
            raise ValueError(
                f"There is no history of {unknown[0]!r}: give rows with a value in "
                f"{package.columns.target!r}{whole}, or ask for an item that the model was trained "
                "on"
            )
        new = sorted(asked - set(package.history.items))
        if new:
            self.notes.append(
                f"{len(new)} of {len(asked)} series are not among those that the model was trained "
                f"on, such as {examples(new)}; they are forecast from these rows alone"
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
            if name in frame and columns.items:
                told = self._told(name, frame).reindex(list(panel.items)).to_numpy(dtype="float64")
                values = np.where(np.isfinite(told), told, values)
            absent = (places < 0) & np.isnan(values)
            if absent.any():
                items = [panel.items[place] for place in np.flatnonzero(absent)]
                self.notes.append(
                    f"{name}: {len(items)} new series have no value of this static feature, "
                    f"{examples(items)} for one"
                )
            found[name] = values
        return found

    def _told(self, name: str, frame: pd.DataFrame) -> pd.Series:
        """Return a frame's values of a static feature by series, the first of each."""
        columns = self._package.columns
        given = frame[frame[name].notna()]
        keys = asking.named(given, self._package)
        values = pd.DataFrame({"item": keys, "value": columns.encode(name, given[name])})
        values = values.drop_duplicates()
        several = values["item"][values["item"].duplicated()]
        if len(several):
            self.notes.append(
                f"{name}: {several.nunique()} series have several values of this static feature, "
                f"{examples(several)} for one; the first is taken"
            )
        return values.drop_duplicates("item").set_index("item")["value"]
