"""Writes the files of a trained model and says how it is called."""

from __future__ import annotations

import json
import platform
from dataclasses import asdict, dataclass
from importlib.metadata import packages_distributions, version
from typing import TYPE_CHECKING, Any, Literal, Self

from modelstudio.trainers.tabular.specification import OUTPUT_TABLE, TRAINING_INPUT

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from pathlib import Path

    from modelstudio.trainers.tabular.preparation import Preparation

PREDICTOR_FOLDER = "predictor"
PREPARATION_FILE = "preparation.json"
MANIFEST_FILE = "manifest.json"
PREDICTOR_CLASS = "modelstudio.trainers.tabular.predictor:TabularModel"

WireType = Literal["string", "boolean", "integer", "long", "float", "double", "date", "timestamp"]
_WIRE_TYPES: Mapping[str, WireType] = {
    "STRING": "string",
    "BOOLEAN": "boolean",
    "BYTE": "integer",
    "SHORT": "integer",
    "INTEGER": "integer",
    "LONG": "long",
    "FLOAT": "float",
    "DOUBLE": "double",
    "DECIMAL": "double",
    "DATE": "date",
    "TIMESTAMP": "timestamp",
}
_MODEL_PACKAGES = {"GBM": "lightgbm", "CAT": "catboost", "XGB": "xgboost"}
_FORMAT_VERSION = 1


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a predictor needs to know besides its models.

    Attributes
    ----------
    prediction_type
        Wire type of the prediction column.
    probability_columns
        Output column to the position of its class; empty when no probabilities are asked for.
    """

    problem_type: str
    target: str
    prediction_column: str
    prediction_type: WireType
    probability_columns: Mapping[str, int]

    @classmethod
    def of(
        cls,
        problem_type: str,
        target: str,
        label_type: str,
        config: Mapping[str, Any],
        classes: Sequence[Any],
    ) -> Self:
        prediction = config["prediction_column_name"] or target
        named: dict[str, int] = {}
        if config.get("predict_probabilities"):
            named = {f"{prediction}_proba_{label}": code for code, label in enumerate(classes)}
        is_regression = problem_type == "regression"
        prediction_type = "double" if is_regression else _WIRE_TYPES[label_type]
        return cls(problem_type, target, prediction, prediction_type, named)

    def save(self, path: Path) -> None:
        state = {"version": _FORMAT_VERSION, **asdict(self)}
        path.write_text(json.dumps(state, indent=2), encoding="utf-8")

    @classmethod
    def load(cls, path: Path) -> Self:
        state = json.loads(path.read_text(encoding="utf-8"))
        if state.pop("version") != _FORMAT_VERSION:
            raise ValueError(f"{path.name} has an unknown format version")
        return cls(**state)


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
    preparation.save(output_dir / PREPARATION_FILE)
    manifest.save(output_dir / MANIFEST_FILE)
    return model_types(clone)


def model_types(predictor: Any) -> dict[str, str]:
    """Return the name of each model of an AutoGluon predictor and the code of its type."""
    trainer = predictor._trainer  # noqa: SLF001 - leaderboard would load each model to tell
    return {
        name: trainer.get_model_attribute(name, "type_inner").ag_key
        for name in predictor.model_names()
    }


def model_api(preparation: Preparation, manifest: Manifest) -> dict[str, Any]:
    """Return the wire's ``ModelApi``: one table in, one table of predictions out."""
    inputs = [
        {
            "name": column.name,
            "required": not column.nullable,
            "dataType": {"type": _WIRE_TYPES[column.field_type]},
        }
        for column in preparation.columns
    ]
    types = {
        manifest.prediction_column: manifest.prediction_type,
        **dict.fromkeys(manifest.probability_columns, "double"),
    }
    outputs = [
        {"name": name, "required": True, "dataType": {"type": kind}} for name, kind in types.items()
    ]
    return {
        "inputs": [_table(TRAINING_INPUT, inputs)],
        "outputs": [_table(OUTPUT_TABLE, outputs)],
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


def _table(name: str, columns: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    return {
        "type": "tabular",
        "name": name,
        "required": True,
        "format": "PANDAS",
        "columns": list(columns),
    }
