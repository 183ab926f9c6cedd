"""A loaded predictor, asked with what callers have; exports carry this module.

model = Model(predictor, model_api)
predictions = model.predict(frame)
model.notes                            # what did not fit, in sentences
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import date, datetime
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import pandas as pd

from modelstudio.trainers import kept_readings
from modelstudio.trainers.asking.given import Given, InputError, nothing
from modelstudio.trainers.asking.loading import load

if TYPE_CHECKING:
    from pathlib import Path

    from modelstudio.trainers.base import Predictor


class Model:
    """A predictor that reads what it is given by the rules of its model's columns.

    What it does not have itself, it has of its predictor.

    Attributes
    ----------
    predictor
        What the trainer left.
    model_api
        The wire's ``ModelApi``: the columns that it takes and gives.
    columns
        Those that it takes, as ``given`` reads them.
    row_wise
        Whether each row of the output depends on the same row of the input alone.
    notes
        What is worth knowing of the last answer: values that did not fit and count as missing,
        rows that nothing matched.
    """

    def __init__(
        self,
        predictor: Predictor,
        model_api: Mapping[str, Any],
        readings: Mapping[str, Any] | None = None,
        *,
        strict: bool = True,
    ) -> None:
        """Put a model around a predictor.

        Parameters
        ----------
        readings
            Column to the state of the reading with which it was learned, where that is not the
            standard one of its type.
        strict
            Whether a table that lacks a required column is refused before the predictor sees it.
        """
        self.predictor = predictor
        self.model_api = model_api
        self.row_wise = bool(getattr(predictor, "row_wise", False))
        self.notes: list[str] = []
        self._strict = strict
        self._given = Given(model_api["inputs"], readings, whole=not self.row_wise)
        self.columns = self._given.columns
        self._fast = getattr(predictor, "predict_row", None)

    @classmethod
    def load(cls, predictor: str, model_dir: Path, model_api: Mapping[str, Any]) -> Self:
        """Load a model with its predictor, ``module:Class``."""
        return cls(load(predictor, model_dir), model_api, kept_readings.read(model_dir))

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") or name == "predictor":  # as a copy asks before it has any
            raise AttributeError(name)
        return getattr(self.predictor, name)

    def __repr__(self) -> str:
        inputs = [column.name for column in self._given.columns]
        return f"<{type(self.predictor).__name__} of {inputs}>"

    def predict(self, frame: pd.DataFrame) -> pd.DataFrame:
        """Return the predictions for a frame; see ``trainers.base.Predictor``.

        Columns that the model does not know are ignored. No rows are answered with no rows; a
        model that forecasts takes them for the wish to go on from what it was trained on.

        Raises
        ------
        TypeError
            When it is no frame.
        InputError
            When a column is missing, stands there twice or cannot be read, by name.
        """
        if not isinstance(frame, pd.DataFrame):
            raise TypeError(f"predict takes a pandas DataFrame, and this is {_kind(frame)}")
        self.notes = []
        asks_nothing = not len(frame) and (not self.row_wise or not len(frame.columns))
        if self._strict and not asks_nothing:
            self._given.check(list(frame.columns), "frame")
        read, notes = self._given.frame(frame)
        if self.row_wise and not len(frame):
            return nothing(self.model_api["outputs"])
        answer = self._asked(self.predictor.predict, read, list(frame.columns))
        self._note(notes)
        return answer

    def predict_row(self, row: Mapping[str, Any]) -> dict[str, Any]:
        """Return the outputs of one row of plain values: numbers, strings, booleans, ISO moments.

        Raises
        ------
        TypeError
            When it is no mapping.
        InputError
            As ``predict`` does.
        """
        if not isinstance(row, Mapping):
            raise TypeError(f"predict_row takes a dict, and this is {_kind(row)}")
        self.notes = []
        if self._strict:
            self._given.check(list(row), "row")
        if self._fast is not None:
            answer: dict[str, Any] = self._asked(self._fast, self._given.row(row), list(row))
        else:
            frame = self._given.frame_of_row(row)
            answer = _only_row(self._asked(self.predictor.predict, frame, list(row)))
        self._note([])
        return answer

    def _asked(self, ask: Any, given: Any, names: list[Any]) -> Any:
        try:
            return ask(given)
        except KeyError as error:
            # So a predictor says that it lacks a column; any other key is a fault of its own.
            name = error.args[0] if error.args else None
            if name in {column.name for column in self._given.columns} and name not in names:
                raise InputError(f"The column {name!r} is missing.", [name]) from error
            raise

    def _note(self, notes: list[str]) -> None:
        self.notes = [*notes, *map(str, getattr(self.predictor, "notes", None) or ())]


def plain(value: Any) -> Any:
    """Return a value as JSON has it, also within lists; NaN and infinities become None."""
    if isinstance(value, Mapping):
        return {str(name): plain(one) for name, one in value.items()}
    if isinstance(value, list | tuple | set | frozenset | np.ndarray):
        return [plain(one) for one in value]
    if isinstance(value, np.generic):
        value = value.item() if not isinstance(value, np.datetime64) else pd.Timestamp(value)
    if value is None or value is pd.NaT or value is pd.NA:
        return None
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, date | datetime):
        return value.isoformat()
    return value if isinstance(value, bool | int | float | str) else str(value)


def _only_row(frame: pd.DataFrame) -> dict[str, Any]:
    if len(frame) != 1:
        raise ValueError(f"The predictor answered {len(frame)} rows for one.")
    return {str(name): frame[name].iloc[0] for name in frame}


def _kind(value: Any) -> str:
    return f"a {type(value).__name__}"
