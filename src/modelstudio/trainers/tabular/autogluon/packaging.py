"""Writes the files of a trained model and says what its predictor needs."""

from __future__ import annotations

import platform
from importlib.metadata import packages_distributions, version
from typing import TYPE_CHECKING, Any

from modelstudio.trainers.tabular.autogluon.forests import FOREST_TYPES, pack_forests

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from pathlib import Path

    from modelstudio.trainers.tabular.manifest import Manifest
    from modelstudio.trainers.tabular.preparation import Preparation

PREDICTOR_FOLDER = "predictor"
PREPARATION_FILE = "preparation.json"
MANIFEST_FILE = "manifest.json"
PREDICTOR_CLASS = "modelstudio.trainers.tabular.autogluon.predictor:TabularModel"

_MODELS_FOLDER = "models"
_MODEL_PACKAGES = {"GBM": "lightgbm", "CAT": "catboost", "XGB": "xgboost"}


def write(
    output_dir: Path, predictor: Any, preparation: Preparation, manifest: Manifest
) -> Mapping[str, str]:
    """Write what prediction needs, and return the name and type of each model that is in it.

    Deletes the other models of ``predictor``, since copying them first would take their space
    twice.
    """
    predictor.delete_models(models_to_keep="best", dry_run=False)
    folder = output_dir / PREDICTOR_FOLDER
    clone = predictor.clone_for_deployment(path=str(folder), return_clone=True)
    types = model_types(clone)
    for name, model_type in types.items():
        if model_type in FOREST_TYPES:
            pack_forests(folder / _MODELS_FOLDER / name)
    preparation.save(output_dir / PREPARATION_FILE)
    manifest.save(output_dir / MANIFEST_FILE)
    return types


def model_types(predictor: Any) -> dict[str, str]:
    """Return the name of each model of an AutoGluon predictor and the code of its type."""
    trainer = predictor._trainer  # noqa: SLF001 - leaderboard would load each model to tell
    return {
        name: trainer.get_model_attribute(name, "type_inner").ag_key
        for name in predictor.model_names()
    }


def library_versions(types: Collection[str]) -> dict[str, str]:
    """Return the distributions that models of these types need, and their versions."""
    names = ["autogluon.tabular", "numpy", "pandas", "scikit-learn"]
    distributions = packages_distributions()
    for model_type, module in _MODEL_PACKAGES.items():
        if model_type in types:
            names.append(distributions[module][0])  # xgboost may come as xgboost-cpu
    return {name: version(name) for name in names}


def requirements(types: Collection[str]) -> list[str]:
    """Return conda-style pins of what the predictor imports, given the types of its models."""
    pins = {"python": platform.python_version(), **library_versions(types)}
    return [f"{name}={pin}" for name, pin in pins.items()]
