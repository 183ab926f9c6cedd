"""What the catalogue shows of the AutoGluon trainers; imports no machine learning library."""

from __future__ import annotations

from modelstudio.trainers.base import TrainerSpecification
from modelstudio.trainers.tabular import specification
from modelstudio.trainers.tabular.autogluon.schema import classification_schema, regression_schema

_VERSION = "1.1.0"
_MODULE = "modelstudio.trainers.tabular.autogluon.trainer"

CLASSIFICATION = TrainerSpecification(
    trainer_id="ri.models..trainer.autogluon_tabular_classification",
    version=_VERSION,
    name="AutoGluon Tabular Classification",
    type="TABULAR_CLASSIFICATION",
    description="Predicts a class from the other columns of a table. Fits gradient boosted trees, "
    "forests and linear models with AutoGluon and combines them.",
    config_schema=classification_schema(),
    inputs=specification.inputs(specification.CLASSIFICATION_TARGETS),
    outputs=specification.outputs(),
    implementation=f"{_MODULE}:TabularClassificationTrainer",
)

REGRESSION = TrainerSpecification(
    trainer_id="ri.models..trainer.autogluon_tabular_regression",
    version=_VERSION,
    name="AutoGluon Tabular Regression",
    type="TABULAR_REGRESSION",
    description="Predicts a number from the other columns of a table. Fits gradient boosted trees, "
    "forests and linear models with AutoGluon and combines them.",
    config_schema=regression_schema(),
    inputs=specification.inputs(specification.REGRESSION_TARGETS),
    outputs=specification.outputs(),
    implementation=f"{_MODULE}:TabularRegressionTrainer",
)
