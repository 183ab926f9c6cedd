"""What the catalogue shows of the gradient ensemble trainers; imports no learning library."""

from __future__ import annotations

from modelstudio.trainers.base import TrainerSpecification
from modelstudio.trainers.tabular import specification
from modelstudio.trainers.tabular.gradient_ensemble.schema import (
    classification_schema,
    regression_schema,
)

_VERSION = "1.0.0"
_MODULE = "modelstudio.trainers.tabular.gradient_ensemble.trainer"
_HOW = (
    "Combines LightGBM, CatBoost, linear models and small neural networks, uses the time limit, "
    "and leaves a small model that answers a row within a millisecond."
)

CLASSIFICATION = TrainerSpecification(
    trainer_id="ri.models..trainer.gradient_ensemble_classification",
    version=_VERSION,
    name="Gradient Ensemble Classification",
    type="TABULAR_CLASSIFICATION",
    description=f"Predicts a class from the other columns of a table. {_HOW}",
    config_schema=classification_schema(),
    inputs=specification.inputs(specification.CLASSIFICATION_TARGETS),
    outputs=specification.outputs(),
    implementation=f"{_MODULE}:GradientEnsembleClassificationTrainer",
)

REGRESSION = TrainerSpecification(
    trainer_id="ri.models..trainer.gradient_ensemble_regression",
    version=_VERSION,
    name="Gradient Ensemble Regression",
    type="TABULAR_REGRESSION",
    description=f"Predicts a number from the other columns of a table. {_HOW}",
    config_schema=regression_schema(),
    inputs=specification.inputs(specification.REGRESSION_TARGETS),
    outputs=specification.outputs(),
    implementation=f"{_MODULE}:GradientEnsembleRegressionTrainer",
)
