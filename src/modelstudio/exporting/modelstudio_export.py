"""How MLflow loads and asks an exported model: the loader module that `MLmodel` names.

All columns are declared as `any`, since MLflow converts what is declared more narrowly: a missing
boolean becomes False, 1.9 a whole number, milliseconds a moment of 1970. So values come as they
were sent, and are read here by the rules of the model's columns.
"""

from __future__ import annotations

import json
import logging
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from modelstudio.trainers.asking.model import Model, plain

_log = logging.getLogger("modelstudio")
# From here on floats do not tell whole numbers apart.
_EXACT = 2**53
# Names of columns of the models that are loaded, see _read_csv_as_text.
_read_as_text: set[tuple[str, ...]] = set()


class ExportedModel:
    """A model with the signature that MLflow calls."""

    def __init__(self, model: Model) -> None:
        self.model = model

    def predict(self, model_input: Any, params: dict[str, Any] | None = None) -> Any:
        """Return a frame of predictions for a frame of inputs; there are no parameters.

        Of a number that is none or infinite it says None, which JSON has a word for.
        """
        del params
        frame = _unpacked(model_input)
        _refuse_blurred(frame, self.model)
        try:
            answer = self.model.predict(frame)
        except (TypeError, ValueError) as error:
            raise _refused(str(error)) from error
        for note in self.model.notes:
            _log.warning(note)
        return _sayable(answer)


def _load_pyfunc(path: str) -> ExportedModel:
    directory = Path(path)
    manifest = json.loads((directory / "manifest.json").read_text(encoding="utf-8"))
    model = Model.load(manifest["predictor"], directory / "model", manifest["modelApi"])
    _read_csv_as_text([column.name for column in model.columns])
    return ExportedModel(model)


def _read_csv_as_text(names: list[str]) -> None:
    """Let MLflow's server read CSV for a model of these columns, each value as its text.

    It asks a signature for the types to read, and one with columns of `any` has no answer.
    """
    schema = import_module("mlflow.types.schema").Schema
    if not _read_as_text:
        asked = schema.pandas_types

        def pandas_types(self: Any) -> Any:
            if self.has_input_names() and tuple(self.input_names()) in _read_as_text:
                return [np.dtype(object)] * len(self.input_names())
            return asked(self)

        schema.pandas_types = pandas_types
    _read_as_text.add(tuple(names))


def _refused(message: str) -> Exception:
    """Return MLflow's own error, whose message its server answers with."""
    error = import_module("mlflow.exceptions").MlflowException
    refused: Exception = error.invalid_parameter_value(message)
    return refused


def _unpacked(given: Any) -> Any:
    """Undo that MLflow makes one row of lists out of columns that are all of text."""
    if not isinstance(given, pd.DataFrame) or len(given) != 1:
        return given
    lists = [value for value in given.iloc[0] if isinstance(value, list)]
    if not lists or len(lists) < len(given.columns) or len({len(one) for one in lists}) > 1:
        return given
    return given.explode(list(given.columns), ignore_index=True)


def _refuse_blurred(frame: Any, model: Model) -> None:
    """Refuse whole numbers that became floats, on the way here, which cannot tell them apart."""
    for column in model.columns:
        if column.kind not in {"long", "integer", "string"} or column.name not in frame:
            continue
        values = frame[column.name]
        if values.dtype == "float64" and bool((values.abs() >= _EXACT).any()):
            raise _refused(
                f"Column {column.name!r} has numbers of 2^53 or more that came as floats, which "
                "cannot tell them apart: send them as text, or apart from rows without a value"
            )


def _sayable(answer: pd.DataFrame) -> pd.DataFrame:
    answer = answer.copy(deep=False)
    for name in answer.columns:
        values = answer[name]
        if values.dtype == object:
            answer[name] = pd.Series([plain(value) for value in values], values.index, object)
        elif values.isna().any() or (values.dtype.kind == "f" and not np.isfinite(values).all()):
            known = values.notna() & (values.dtype.kind != "f" or np.isfinite(values))
            answer[name] = values.astype(object).where(known, None)
    return answer
