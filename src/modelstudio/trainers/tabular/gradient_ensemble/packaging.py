"""Writes and reads the files of an ensemble: JSON, arrays and the libraries' own formats."""

from __future__ import annotations

import json
import platform
from dataclasses import asdict
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

import numpy as np

from modelstudio.trainers.tabular.gradient_ensemble.calibration import Calibration
from modelstudio.trainers.tabular.gradient_ensemble.dense import DenseEncoder
from modelstudio.trainers.tabular.gradient_ensemble.model import EnsembleModel, ServedMember
from modelstudio.trainers.tabular.gradient_ensemble.served import SERVED
from modelstudio.trainers.tabular.gradient_ensemble.targets import TargetScale

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

PREDICTOR_CLASS = "modelstudio.trainers.tabular.gradient_ensemble.predictor:GradientEnsembleModel"
MANIFEST_FILE = "manifest.json"
PREPARATION_FILE = "preparation.json"
_ENSEMBLE_FILE = "ensemble.json"
_ENCODER_FILE = "encoder.npz"
_MODELS_FOLDER = "models"
_FORMAT_VERSION = 1
_LIBRARIES = ("catboost", "lightgbm", "numpy", "pandas", "scikit-learn", "scipy")


def save(output_dir: Path, model: EnsembleModel, labels: Sequence[Any]) -> None:
    """Write an ensemble; ``labels`` are the classes in the order of their codes."""
    folder = output_dir / _MODELS_FOLDER
    folder.mkdir()
    members = []
    for number, member in enumerate(model.members):
        files, scales = [], []
        for fold, each in enumerate(member.models):
            name = f"{number}-{fold}{each.suffix}"
            each.save(folder / name)
            files.append(name)
            scales.append(None if each.scale is None else asdict(each.scale))
        members.append(
            {
                "name": member.name,
                "family": member.family,
                "weight": member.weight,
                "files": files,
                "scales": scales,
            }
        )
    state = {
        "version": _FORMAT_VERSION,
        "classes": model.classes,
        "labels": list(labels),
        "categories": list(model.categories),
        "calibration": asdict(model.calibration),
        "multipliers": None if model.multipliers is None else model.multipliers.tolist(),
        "members": members,
    }
    (output_dir / _ENSEMBLE_FILE).write_text(json.dumps(state, indent=1), encoding="utf-8")
    model.encoder.save(output_dir / _ENCODER_FILE)


def load(model_dir: Path) -> tuple[EnsembleModel, list[Any]]:
    """Read what ``save`` wrote."""
    state = json.loads((model_dir / _ENSEMBLE_FILE).read_text(encoding="utf-8"))
    if state["version"] != _FORMAT_VERSION:
        raise ValueError(f"{_ENSEMBLE_FILE} has an unknown format version")
    multipliers = state["multipliers"]
    model = EnsembleModel(
        members=[_member(model_dir, each, state["classes"]) for each in state["members"]],
        classes=state["classes"],
        categories=state["categories"],
        encoder=DenseEncoder.load(model_dir / _ENCODER_FILE),
        calibration=Calibration(**state["calibration"]),
        multipliers=None if multipliers is None else np.array(multipliers),
    )
    return model, state["labels"]


def _member(model_dir: Path, state: dict[str, Any], classes: int) -> ServedMember:
    served = SERVED[state["family"]]
    models = [
        served.load(
            model_dir / _MODELS_FOLDER / name,
            classes,
            None if scale is None else TargetScale(**scale),
        )
        for name, scale in zip(state["files"], state["scales"], strict=True)
    ]
    return ServedMember(state["name"], state["family"], state["weight"], models)


def requirements() -> list[str]:
    """Return conda-style pins of what the predictor imports."""
    pins = {"python": platform.python_version()}
    pins |= {name: version(name) for name in _LIBRARIES}
    return [f"{name}={pin}" for name, pin in pins.items()]
