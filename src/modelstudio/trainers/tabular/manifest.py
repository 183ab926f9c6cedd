"""What a tabular predictor knows besides its models, and how the model is called."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Self

from modelstudio.trainers.model_api import WIRE_TYPES, ApiColumn, WireType, table
from modelstudio.trainers.tabular.specification import OUTPUT_TABLE, TRAINING_INPUT

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from modelstudio.trainers.tabular.preparation import Preparation

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
        prediction_type = "double" if is_regression else WIRE_TYPES[label_type]
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


def model_api(preparation: Preparation, manifest: Manifest) -> dict[str, Any]:
    """Return the wire's ``ModelApi``: one table in, one table of predictions out."""
    inputs = [
        ApiColumn(column.name, WIRE_TYPES[column.field_type], required=not column.nullable)
        for column in preparation.columns
    ]
    types: dict[str, WireType] = {
        manifest.prediction_column: manifest.prediction_type,
        **dict.fromkeys(manifest.probability_columns, "double"),
    }
    outputs = [ApiColumn(name, kind) for name, kind in types.items()]
    return {"inputs": [table(TRAINING_INPUT, inputs)], "outputs": [table(OUTPUT_TABLE, outputs)]}
