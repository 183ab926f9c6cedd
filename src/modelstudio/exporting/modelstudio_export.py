"""How MLflow loads an exported model: the loader module that `MLmodel` names."""

from __future__ import annotations

import json
from importlib import import_module
from pathlib import Path
from typing import Any


class ExportedModel:
    """A predictor with the signature that MLflow calls."""

    def __init__(self, predictor: Any) -> None:
        self.predictor = predictor

    def predict(self, model_input: Any, params: dict[str, Any] | None = None) -> Any:
        """Return a frame of predictions for a frame of inputs; there are no parameters."""
        del params
        return self.predictor.predict(model_input)


def _load_pyfunc(path: str) -> ExportedModel:
    directory = Path(path)
    manifest = json.loads((directory / "manifest.json").read_text(encoding="utf-8"))
    module, _, name = manifest["predictor"].partition(":")
    return ExportedModel(getattr(import_module(module), name).load(directory / "model"))
