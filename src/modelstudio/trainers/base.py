"""The contract between Model Studio and a trainer.

A trainer is pure machine learning. It gets tables as Parquet files and a validated configuration,
reports while it works, and leaves a directory from which its predictor can be loaded. It knows
nothing of HTTP, databases or the other domains, so it runs the same in the training process, in a
test and in an interpreter of its own.

    TrainerSpecification   what the catalogue shows; plain data, cheap to import
    TrainingTask           what one training run is asked to do
    Reporter               where a trainer says what it is doing
    Trainer                fit(task, reporter) -> TrainedModel
    Predictor              predict(frame) -> frame, loaded from a trained model's directory
    RowPredictor           a predictor that also has a fast way for one row
    TrainingError          the run cannot succeed, with a reason that the user can act on
"""

from __future__ import annotations

import math
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Protocol, Self

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime
    from pathlib import Path

    import pandas as pd

TrainerType = Literal[
    "GENERIC",
    "TIME_SERIES",
    "TABULAR_REGRESSION",
    "TABULAR_CLASSIFICATION",
    "LLM_FINETUNING",
    "VLM_FINETUNING",
]
LogLevel = Literal["DEBUG", "INFO", "WARNING", "ERROR"]
ParameterValue = bool | int | float | str  # and datetime, see Reporter.parameter


class TrainingError(Exception):
    """The run cannot succeed; the message is shown to the user as it is."""


@dataclass(frozen=True, slots=True)
class TrainerSpecification:
    """A trainer as the catalogue lists it.

    Attributes
    ----------
    trainer_id
        The RID, ``ri.models..trainer.<name>``.
    version
        Pinned into a configuration when it is created.
    config_schema
        JSON Schema 2020-12 of the custom configuration. Each property has ``title``,
        ``description`` and ``default``; additional properties are refused.
    inputs, outputs
        Alias to specification, as on the wire.
    implementation
        ``module:Class`` of the Trainer, imported in the training process only.
    environment
        Name of the environment that the trainer runs in, when it cannot share the server's: the
        operator says which interpreter that is. None for the server's own.
    requires
        Distributions (names as on a package index) without which the trainer cannot run; it is
        not offered where one of them is not installed.
    """

    trainer_id: str
    version: str
    name: str
    type: TrainerType
    description: str
    config_schema: Mapping[str, Any]
    inputs: Mapping[str, Any]
    outputs: Mapping[str, Any]
    implementation: str
    experimental: bool = False
    environment: str | None = None
    requires: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class InputTable:
    """One input of a run.

    Attributes
    ----------
    path
        A Parquet file with exactly the columns of ``column_types``, in that order.
    column_types
        Column name to dataset field type (``STRING``, ``LONG``, ``DOUBLE``, ``BOOLEAN``,
        ``DATE``, ``TIMESTAMP``, ...), after ``selectColumns`` and ``ignoreColumns``.
    column_mapping
        Column specification id to the columns that the user mapped to it.
    readings
        Column to the state of the reading that its values came from, as
        ``tables.readings.of_state`` takes it, with what was seen of the values under ``seen``
        (``fitted``, ``unfit``, ``examples``, ``possible``). Columns that are read as programs
        write them, and those that came with a type, have none. To be kept with the model.
    """

    path: Path
    column_types: Mapping[str, str]
    column_mapping: Mapping[str, Sequence[str]]
    readings: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class TrainingTask:
    """What one training run is asked to do.

    Attributes
    ----------
    config
        The custom configuration, validated, with every default filled in.
    cpu
        Cores the run may use, at least 1.
    memory_bytes
        Memory of the whole process tree.
    output_dir
        Empty; whatever the predictor needs is written here and nothing else.
    scratch_dir
        Anything else goes here and is deleted after the run.
    wall_seconds
        When the run is ended by force, counted from ``started``; None for never. A trainer plans
        with its own time limit, which is shorter, and keeps this in mind.
    started
        When the run began, on the clock of ``time.monotonic``.
    """

    inputs: Mapping[str, InputTable]
    config: Mapping[str, Any]
    cpu: int
    memory_bytes: int
    output_dir: Path
    scratch_dir: Path
    wall_seconds: float | None = None
    started: float = field(default_factory=time.monotonic)

    def time_left(self) -> float:
        """Return the seconds until the run is ended by force, at least 0; infinity for never."""
        if self.wall_seconds is None:
            return math.inf
        return max(0.0, self.started + self.wall_seconds - time.monotonic())


class Reporter(Protocol):
    """Where a trainer says what it is doing; every call is cheap and may come from any thread."""

    def log(self, message: str, level: LogLevel = "INFO") -> None: ...

    def parameter(self, name: str, value: ParameterValue | datetime) -> None:
        """Record an effective parameter of the run in its experiment."""
        ...

    def metric(self, series: str, value: float, step: int) -> None:
        """Append a point to a series, named like ``train/loss``; NaN and infinities are dropped."""
        ...

    def progress(self, fraction: float, message: str = "") -> None:
        """Say how much of the run is done, from 0 to 1, and what it is doing now.

        Shown live as the series ``run/progress``, in steps of whole percents that never go back,
        and as a line of the log for each new message.
        """
        ...

    def table(self, name: str, frame: pd.DataFrame, description: str) -> None:
        """Leave an artifact table of at most 100,000 rows; more are cut, and the log says so."""
        ...


@dataclass(frozen=True, slots=True)
class TrainedModel:
    """What a successful fit leaves besides its output directory.

    Attributes
    ----------
    model_api
        Inputs and outputs with column types, as the wire's ``ModelApi``.
    predictor
        ``module:Class`` of the Predictor that loads the output directory.
    requirements
        Conda-style pins (``name=version``) of what the predictor imports.
    summary_metrics
        Metric name to its value on the held-out data, higher or lower as the metric's name says.
    """

    model_api: Mapping[str, Any]
    predictor: str
    requirements: Sequence[str] = field(default_factory=list)
    summary_metrics: Mapping[str, float] = field(default_factory=dict)


class Trainer(Protocol):
    """Fits models; built without arguments."""

    def fit(self, task: TrainingTask, reporter: Reporter) -> TrainedModel:
        """Train, write the predictor's files to ``task.output_dir``.

        Raises
        ------
        TrainingError
            When the data or the configuration cannot give a model.
        """
        ...


class Predictor(Protocol):
    """A trained model that answers rows.

    Attributes
    ----------
    row_wise
        Whether each row of the output depends on the same row of the input alone, so that a table
        may be predicted in pieces. A forecast needs the whole table.
    """

    row_wise: ClassVar[bool]

    @classmethod
    def load(cls, model_dir: Path) -> Self: ...

    def predict(self, frame: pd.DataFrame) -> pd.DataFrame:
        """Return the outputs; when ``row_wise``, one row for each row of inputs, in their order.

        Columns are those of the model API's output. Unknown columns are ignored; a missing
        required column raises ``KeyError`` with its name.
        """
        ...


class RowPredictor(Predictor, Protocol):
    """A predictor with a fast way for a single row, for answers within a millisecond."""

    def predict_row(self, row: Mapping[str, Any]) -> dict[str, Any]:
        """Return the outputs of one row given as plain values (numbers, strings, ISO moments).

        The outputs equal those of ``predict`` for a frame of that row, bit for bit.
        """
        ...
