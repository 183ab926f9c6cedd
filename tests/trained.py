"""Small models that trainers of ours have left, for what uses models."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from modelstudio.inference.process import load
from modelstudio.trainers import catalogue
from modelstudio.trainers.base import TrainedModel, TrainingTask
from modelstudio.trainers.tabular.autogluon.specification import REGRESSION
from trainers.conftest import Recorder, input_table

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    import pandas as pd

    from modelstudio.trainers.base import TrainerSpecification

#: One kind of small model, so that a fit takes a second.
QUICK = {
    "excluded_model_types": ["CAT", "XGB", "RF", "XT", "LR"],
    "hyperparameters": {"GBM": {"num_boost_round": 30}},
    "time_limit": 60,
}


@dataclass(frozen=True)
class Trained:
    """A model, its directory, and the frame that it has learned from."""

    model: TrainedModel
    directory: Path
    frame: pd.DataFrame

    def predictor(self) -> Any:
        return load(self.model.predictor, self.directory)


def train_on(
    frame: pd.DataFrame,
    target: str,
    folder: Path,
    *,
    trainer: TrainerSpecification = REGRESSION,
    config: Mapping[str, Any] | None = None,
) -> Trained:
    output, scratch = folder / "model", folder / "scratch"
    output.mkdir()
    scratch.mkdir()
    properties = trainer.config_schema["properties"]
    defaults = {name: schema["default"] for name, schema in properties.items()}
    task = TrainingTask(
        inputs={"input_df": input_table(frame, folder / "input.parquet", target)},
        config={**defaults, **(QUICK if config is None else config)},
        cpu=1,
        memory_bytes=4 * 1024**3,
        output_dir=output,
        scratch_dir=scratch,
    )
    model = catalogue.load(trainer.implementation).fit(task, Recorder())
    return Trained(model, output, frame)
