"""The tabular trainers: AutoGluon with LightGBM, CatBoost, XGBoost, forests and linear models."""

from __future__ import annotations

import time
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from modelstudio.trainers import provenance
from modelstudio.trainers.base import TrainedModel, TrainingError
from modelstudio.trainers.tabular import data, report
from modelstudio.trainers.tabular.autogluon import fitting, packaging
from modelstudio.trainers.tabular.autogluon.leaderboard import (
    affordable_rows,
    leaderboard,
    validation_score,
)
from modelstudio.trainers.tabular.autogluon.limits import memory_limit_restored
from modelstudio.trainers.tabular.autogluon.options import FitOptions
from modelstudio.trainers.tabular.autogluon.predictor import predict
from modelstudio.trainers.tabular.autogluon.progress import reported_output
from modelstudio.trainers.tabular.manifest import Manifest, model_api
from modelstudio.trainers.tabular.matching import check_values, matched
from modelstudio.trainers.tabular.preparing import findings, prepare, report_columns
from modelstudio.trainers.tabular.specification import TEST_INPUT, TRAINING_INPUT

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    import pandas as pd

    from modelstudio.trainers.base import Reporter, TrainingTask
    from modelstudio.trainers.tabular.data import LabelledTable
    from modelstudio.trainers.tabular.preparation import Preparation
    from modelstudio.trainers.tabular.targets import Task

# The leaderboard and the report may take so much of the time limit again; the report some seconds
# more, and up to a most.
_LEADERBOARD_SHARE = 0.05
_REPORT_SHARE = 0.15
_REPORT_SECONDS = 5
_MOST_REPORT_SECONDS = 30
# When both end and writing the model begins, so that the run ends within a fifth and ten seconds
# after the time limit. Writing takes about as long as loading the model did.
_END_SHARE = 1.2
_END_SECONDS = 8


@dataclass(frozen=True, slots=True)
class _Tables:
    """The rows of a run, prepared; labels under the target's name, beside the features."""

    train: pd.DataFrame
    holdout: pd.DataFrame
    target: str


class AutogluonTabularTrainer:
    """Fits a ``TabularPredictor``; the subclasses say for what."""

    objective: ClassVar[Task]

    def fit(self, task: TrainingTask, reporter: Reporter) -> TrainedModel:
        """Train, evaluate on held-out rows, leave the model; see ``base.Trainer``."""
        scratch = str(task.scratch_dir)
        with reported_output(reporter, scratch), memory_limit_restored():
            return self._fit(task, reporter)

    def _fit(self, task: TrainingTask, reporter: Reporter) -> TrainedModel:
        started = time.monotonic()
        source = task.inputs[TRAINING_INPUT]
        target = data.target_of(source)
        told = task.config["readings"]
        table = data.read(source, target, self.objective, "training", reporter, told)
        data.check_labels(table, self.objective)
        training, holdout = self._split(table, task, reporter)
        preparation = prepare(training, task.config["seed"])
        if TEST_INPUT in task.inputs:
            check_values(preparation, holdout, reporter)
        tables = _Tables(
            _with_labels(preparation, training, "training"),
            _with_labels(preparation, holdout, "test"),
            target,
        )
        options = FitOptions.of(task.config, self._problem_type(training.labels))
        _report_parameters(task, options, training, holdout, reporter)
        predictor = fitting.fit(task, options, tables.train, target, started, reporter)
        used = preparation.keep(predictor.features())
        report_columns(used, reporter)
        subject = self._subject(predictor, training, holdout, used, task)
        with _in_memory(predictor) as seconds:
            end = started + _END_SHARE * task.config["time_limit"] + _END_SECONDS - seconds
            metrics = _evaluate(subject, task, end, reporter)
            _report_models(predictor, tables, task, end, reporter)
        if task.config["refit_full"]:
            fitting.refit_with(predictor, _learned_rows(predictor, tables), task, reporter)
        return self._trained(predictor, used, training, task, metrics, reporter)

    def _trained(
        self,
        predictor: Any,
        used: Preparation,
        training: LabelledTable,
        task: TrainingTask,
        metrics: Mapping[str, float],
        reporter: Reporter,
    ) -> TrainedModel:
        """Write the model's files."""
        classes = [] if self.objective == "regression" else list(predictor.class_labels)
        if predictor.problem_type == "binary":
            reporter.parameter("positive_class", str(predictor.positive_class))
        manifest = Manifest.of(
            predictor.problem_type,
            str(training.labels.name),
            training.label_type,
            task.config,
            classes,
        )
        types = packaging.write(task.output_dir, predictor, used, manifest)
        reporter.parameter("models", ", ".join(types))
        provenance.report(task, reporter)  # again: now all libraries are loaded
        return TrainedModel(
            model_api=model_api(used, manifest),
            predictor=packaging.PREDICTOR_CLASS,
            requirements=packaging.requirements(types.values()),
            summary_metrics=metrics,
        )

    def _split(
        self, table: LabelledTable, task: TrainingTask, reporter: Reporter
    ) -> tuple[LabelledTable, LabelledTable]:
        if TEST_INPUT not in task.inputs:
            return data.hold_out(table, self.objective, task.config["seed"])
        target = str(table.labels.name)
        source, told = task.inputs[TEST_INPUT], task.config["readings"]
        test = data.read(source, target, self.objective, "test", reporter, told)
        return table, matched(test, table, self.objective, reporter)

    def _problem_type(self, labels: pd.Series) -> str:
        if self.objective == "regression":
            return "regression"
        return "binary" if labels.nunique() == 2 else "multiclass"  # noqa: PLR2004

    def _subject(
        self,
        predictor: Any,
        training: LabelledTable,
        holdout: LabelledTable,
        preparation: Preparation,
        task: TrainingTask,
    ) -> report.Subject:
        def answer(frame: pd.DataFrame) -> report.Predictions:
            labels, probabilities = predict(predictor, preparation.transform(frame))
            scores = None if self.objective == "regression" else probabilities.to_numpy()
            return report.Predictions(labels.to_numpy(), scores)

        regression = self.objective == "regression"
        return report.Subject(
            objective=self.objective,
            predict=answer,
            training=training,
            holdout=holdout,
            classes=[] if regression else list(predictor.class_labels),
            eval_metric=predictor.eval_metric.name,
            seed=task.config["seed"],
            preparation=preparation,
            findings=findings(preparation),
            validation_score=validation_score(predictor),
        )


class TabularClassificationTrainer(AutogluonTabularTrainer):
    objective = "classification"


class TabularRegressionTrainer(AutogluonTabularTrainer):
    objective = "regression"


def _with_labels(preparation: Preparation, table: LabelledTable, role: str) -> pd.DataFrame:
    try:
        prepared = preparation.transform(table.features)
    except ValueError as error:
        raise TrainingError(f"In the {role} dataset: {error}") from error
    prepared[str(table.labels.name)] = table.labels
    return prepared


def _report_parameters(
    task: TrainingTask,
    options: FitOptions,
    training: LabelledTable,
    holdout: LabelledTable,
    reporter: Reporter,
) -> None:
    config = task.config
    parameters: dict[str, Any] = {
        "problem_type": options.problem_type,
        "eval_metric": options.eval_metric,
        "model_types": ", ".join(options.models),
        "target_column": str(training.labels.name),
        "feature_columns": len(training.column_types),
        "train_rows": len(training.labels),
        "holdout_rows": len(holdout.labels),
        "rows_without_target": training.left_out + holdout.left_out,
    }
    if TEST_INPUT not in task.inputs:
        parameters["holdout_fraction"] = data.HOLDOUT_FRACTION
    for name in ("presets", "time_limit", "infer_limit", "seed", "num_bag_folds", "refit_full"):
        if config[name] is not None:
            parameters[name] = config[name]
    if options.problem_type != "regression":
        parameters["classes"] = int(training.labels.nunique())
    for model_type, values in config["hyperparameters"].items():
        parameters.update({f"{model_type}.{name}": value for name, value in values.items()})
    provenance.report(task, reporter)
    for name, value in parameters.items():
        reporter.parameter(name, value)


def _learned_rows(predictor: Any, tables: _Tables) -> pd.DataFrame:
    """Return the held-out rows without those of classes that AutoGluon would refuse."""
    if predictor.problem_type == "regression":
        return tables.holdout
    return tables.holdout[tables.holdout[tables.target].isin(predictor.class_labels)]


@contextmanager
def _in_memory(predictor: Any) -> Iterator[float]:
    """Keep the best model loaded, if it fits, so that not each prediction reads it from disk.

    Yields the seconds that loading took.
    """
    started = time.monotonic()
    predictor.persist()
    try:
        yield time.monotonic() - started
    finally:
        predictor.unpersist()


def _evaluate(
    subject: report.Subject, task: TrainingTask, end: float, reporter: Reporter
) -> dict[str, float]:
    limit = task.config["time_limit"]
    seconds = min(_MOST_REPORT_SECONDS, _REPORT_SECONDS + limit * _REPORT_SHARE)
    deadline = min(time.monotonic() + seconds, end - limit * _LEADERBOARD_SHARE)
    return report.write(subject, reporter, deadline)


def _report_models(
    predictor: Any, tables: _Tables, task: TrainingTask, end: float, reporter: Reporter
) -> None:
    sample = _learned_rows(predictor, tables)
    seconds = min(_LEADERBOARD_SHARE * task.config["time_limit"], end - time.monotonic())
    rows = affordable_rows(predictor, seconds)
    if len(sample) > rows:
        sample = sample.sample(rows, random_state=task.config["seed"])
    if sample.empty:
        return
    reporter.table(
        "leaderboard",
        leaderboard(predictor, sample, packaging.model_types(predictor)),
        "Each model's score on held-out rows and on the validation data, best first.",
    )
