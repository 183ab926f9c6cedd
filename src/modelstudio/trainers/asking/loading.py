"""Loads the predictor that a trainer has left; imports nothing heavy itself."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from modelstudio.trainers.base import Predictor


def load(predictor: str, model_dir: Path) -> Predictor:
    """Import a predictor's ``module:Class`` and load a model with it."""
    module_name, _, class_name = predictor.partition(":")
    loaded: Predictor = getattr(import_module(module_name), class_name).load(model_dir)
    return loaded
