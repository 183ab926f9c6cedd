"""Loads the model that lies beside this file. It needs Python and `requirements.txt`, no server.

    from load import load

    model = load()
    predictions = model.predict(frame)  # a pandas frame in, a pandas frame out

A model that predicts row by row also has `model.predict_row(row)`, for one row given as a dict of
plain values. `model.notes` says what is worth knowing of the last answer, such as how many values
did not fit. `manifest.json` lists the columns, and says where the model comes from.
"""

from __future__ import annotations

import json
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent


def load(path: str | Path = HERE) -> Any:
    """Return the model of an exported directory."""
    directory = Path(path).resolve()
    code = str(directory / "code")
    if code not in sys.path:
        sys.path.insert(0, code)
    manifest = json.loads((directory / "manifest.json").read_text(encoding="utf-8"))
    try:
        asking = import_module("modelstudio.trainers.asking.model")
    except ModuleNotFoundError as error:
        if not str(error.name).startswith("modelstudio"):
            raise  # a library is not installed
        loaded = Path(str(sys.modules["modelstudio"].__file__)).parents[1]
        raise RuntimeError(
            f"An older version of Model Studio is in use in this process already, from {loaded}; "
            "load this export in a process of its own"
        ) from error
    return asking.Model.load(manifest["predictor"], directory / "model", manifest["modelApi"])
