"""The gradient ensemble trainers: a few strong, different learners, weighted, within the time."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import pandas as pd
from threadpoolctl import threadpool_limits

from modelstudio.trainers import provenance
from modelstudio.trainers.base import TrainedModel, TrainingError
from modelstudio.trainers.tabular import data, report
from modelstudio.trainers.tabular.gradient_ensemble import packaging
from modelstudio.trainers.tabular.gradient_ensemble.assembling import assemble
from modelstudio.trainers.tabular.gradient_ensemble.catboost_learner import CatBoostLearner
from modelstudio.trainers.tabular.gradient_ensemble.dense import DenseEncoder
from modelstudio.trainers.tabular.gradient_ensemble.folds import Folds
from modelstudio.trainers.tabular.gradient_ensemble.inputs import Inputs
from modelstudio.trainers.tabular.gradient_ensemble.lightgbm_learner import LightGbmLearner
from modelstudio.trainers.tabular.gradient_ensemble.linear_learner import LinearLearner
from modelstudio.trainers.tabular.gradient_ensemble.metrics import metric_of
from modelstudio.trainers.tabular.gradient_ensemble.network_learner import NetworkLearner
from modelstudio.trainers.tabular.gradient_ensemble.portfolio import candidates_of
from modelstudio.trainers.tabular.gradient_ensemble.problem import Problem
from modelstudio.trainers.tabular.gradient_ensemble.progress import SearchProgress, leaderboard
from modelstudio.trainers.tabular.gradient_ensemble.search import Limits, Search
from modelstudio.trainers.tabular.manifest import Manifest, model_api
from modelstudio.trainers.tabular.preparation import Preparation
from modelstudio.trainers.tabular.specification import TEST_INPUT, TRAINING_INPUT

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from modelstudio.trainers.base import Reporter, TrainingTask
    from modelstudio.trainers.tabular.data import LabelledTable, Task
    from modelstudio.trainers.tabular.gradient_ensemble.assembling import Assembled
    from modelstudio.trainers.tabular.gradient_ensemble.metrics import Kind
    from modelstudio.trainers.tabular.gradient_ensemble.problem import Learner

    Array = np.ndarray[Any, Any]

NO_MODELS = "No models trained"

_LEARNERS: Mapping[str, Callable[[Problem], Learner]] = {
    "GBM": LightGbmLearner,
    "CAT": CatBoostLearner,
    "LR": LinearLearner,
    "NN": NetworkLearner,
}
#: Of the time limit, kept for the report, and for weighing, packaging and whatever else.
_REPORT_SHARE, _LEAST_REPORT, _MOST_REPORT = 0.08, 1.0, 30.0
_CLOSING_SHARE, _LEAST_CLOSING, _MOST_CLOSING = 0.02, 0.3, 5.0
_MEMORY_SHARE = 0.5
_BYTES_A_ROW, _BYTES_A_COLUMN = 2_000, 150
_LISTED_COLUMNS = 100


@dataclass(frozen=True, slots=True)
class _Rows:
    """Attributes
    ----------
    learned
        All rows that some model may learn from.
    training, holdout
        What the report is about: rows learned from by the measured model, and others.
    held_out
        Positions of the holdout rows in ``learned``, when they are there.
    """  # noqa: D205

    learned: LabelledTable
    training: LabelledTable
    holdout: LabelledTable
    held_out: Array | None


@dataclass(frozen=True, slots=True)
class _Clock:
    """When a run's parts end, on the monotonic clock.

    Attributes
    ----------
    search
        When the last model is fitted; then come weighing and packaging.
    end
        When the report and with it the run ends.
    """

    search: float
    end: float

    @classmethod
    def of(cls, started: float, limit: float) -> _Clock:
        report = min(max(_REPORT_SHARE * limit, _LEAST_REPORT), _MOST_REPORT)
        closing = min(max(_CLOSING_SHARE * limit, _LEAST_CLOSING), _MOST_CLOSING)
        return cls(started + limit - report - closing, started + limit)


class GradientEnsembleTrainer:
    """See ``base.Trainer``; the subclasses say what is predicted."""

    objective: ClassVar[Task]

    def fit(self, task: TrainingTask, reporter: Reporter) -> TrainedModel:
        """Search until the time limit, evaluate on held-out rows, leave the model."""
        clock = _Clock.of(time.monotonic(), float(task.config["time_limit"]))
        threads = max(1, min(task.cpu, len(os.sched_getaffinity(0))))
        with threadpool_limits(threads):
            rows = self._read(task, reporter)
            preparation = _prepare(rows.learned, task.config["seed"], reporter)
            problem, classes = self._problem(rows, preparation, task, threads)
            _report_parameters(task, rows, problem, reporter)
            assembled = self._learn(problem, rows, task, clock, reporter)
            manifest = Manifest.of(
                problem.kind,
                str(rows.learned.labels.name),
                rows.learned.label_type,
                task.config,
                classes,
            )
            packaging.save(task.output_dir, assembled.delivered, classes)
            preparation.save(task.output_dir / packaging.PREPARATION_FILE)
            manifest.save(task.output_dir / packaging.MANIFEST_FILE)
            subject = self._subject(assembled, problem, preparation, rows, classes)
            metrics = _evaluated(subject, reporter, clock.end)
        provenance.report(task, reporter)  # again: now all libraries are loaded
        return TrainedModel(
            model_api=model_api(preparation, manifest),
            predictor=packaging.PREDICTOR_CLASS,
            requirements=packaging.requirements(),
            summary_metrics=metrics,
        )

    def _learn(
        self, problem: Problem, rows: _Rows, task: TrainingTask, clock: _Clock, reporter: Reporter
    ) -> Assembled:
        config = task.config
        folds = Folds(
            problem.labels,
            is_regression=self.objective == "regression",
            seed=problem.seed,
            count=config["num_folds"],
            held_out=rows.held_out,
        )
        candidates = candidates_of(problem, config)
        if not candidates:
            raise TrainingError(NO_MODELS)
        search = Search(
            problem,
            folds,
            {family: learner(problem) for family, learner in _LEARNERS.items()},
            candidates,
            Limits(clock.search, config["max_models"]),
            SearchProgress(problem, reporter),
            fixed=config["hyperparameters"],
        )
        members = search.run()
        if not members:
            raise TrainingError(NO_MODELS)
        _report_search(search, config, reporter)
        known = folds.known()
        judged = {number: fold for number, fold in known.items() if fold is not folds.measured}
        reporter.table(
            "leaderboard",
            leaderboard(problem, search.members, judged),
            "Every model that was tried, its score on rows that it has not learned from, and its "
            "weight in the ensemble; best first.",
        )
        return assemble(problem, members, known, calibrates=config.get("calibrate", False))

    def _read(self, task: TrainingTask, reporter: Reporter) -> _Rows:
        source = task.inputs[TRAINING_INPUT]
        target = data.target_of(source)
        table = data.read(source, target, self.objective, "training", reporter)
        data.check_labels(table, self.objective)
        seed = task.config["seed"]
        table = _fitting_memory(table, task, reporter)
        if TEST_INPUT in task.inputs:
            test = data.read(task.inputs[TEST_INPUT], target, self.objective, "test", reporter)
            data.check_test(test, table)
            return _Rows(table, table, test, None)
        training, holdout = data.hold_out(table, self.objective, seed)
        if not task.config["refit_full"]:
            return _Rows(training, training, holdout, None)
        features = pd.concat([training.features, holdout.features], ignore_index=True)
        labels = pd.concat([training.labels, holdout.labels], ignore_index=True)
        reporter.log(
            f"{len(holdout.labels)} rows are held out to evaluate the model. The models that are "
            "evaluated have not learned from them; others, which the delivered model has besides, "
            "have."
        )
        held_out = np.arange(len(training.labels), len(labels))
        return _Rows(replace(table, features=features, labels=labels), training, holdout, held_out)

    def _problem(
        self, rows: _Rows, preparation: Preparation, task: TrainingTask, threads: int
    ) -> tuple[Problem, list[Any]]:
        labels = rows.learned.labels
        classes: list[Any] = []
        kind: Kind = "regression"
        if self.objective == "regression":
            codes = labels.to_numpy(dtype="float64")
        else:
            codes, unique = pd.factorize(labels, sort=True)
            classes = [each.item() if isinstance(each, np.generic) else each for each in unique]
            kind = "binary" if len(classes) == 2 else "multiclass"  # noqa: PLR2004
            codes = codes.astype(np.int64)
        matrix = _matrix(preparation, rows.learned)
        categories = tuple(
            place
            for place, feature in enumerate(preparation.features)
            if feature.kind == "category"
        )
        problem = Problem(
            Inputs(matrix, categories, DenseEncoder.fit(matrix, categories)),
            codes,
            kind,
            max(len(classes), 1),
            metric_of(task.config, kind),
            threads,
            task.config["seed"],
        )
        return problem, classes

    def _subject(
        self,
        assembled: Assembled,
        problem: Problem,
        preparation: Preparation,
        rows: _Rows,
        classes: list[Any],
    ) -> report.Subject:
        model = assembled.measured
        names = np.array(classes, dtype=object)

        def answer(frame: pd.DataFrame) -> report.Predictions:
            answers = model.predict(model.inputs(preparation.matrix(frame)), problem.threads)
            if self.objective == "regression":
                return report.Predictions(answers)
            return report.Predictions(names[model.decide(answers)], answers)

        metric = problem.metric
        shown = metric.shown(assembled.validation_loss)
        return report.Subject(
            objective=self.objective,
            predict=answer,
            training=rows.training,
            holdout=rows.holdout,
            classes=classes,
            eval_metric=metric.name,
            seed=problem.seed,
            columns=[column.name for column in preparation.columns],
            validation_score=shown if metric.name == metric.criterion else None,
        )


class GradientEnsembleClassificationTrainer(GradientEnsembleTrainer):
    objective = "classification"


class GradientEnsembleRegressionTrainer(GradientEnsembleTrainer):
    objective = "regression"


def _fitting_memory(table: LabelledTable, task: TrainingTask, reporter: Reporter) -> LabelledTable:
    """Return the table, or as many of its rows, chosen at random, as can be learned from at once.

    What a row takes is estimated from the number of its columns: the features in the forms of all
    libraries, and the copies of folds.
    """
    bytes_a_row = _BYTES_A_ROW + _BYTES_A_COLUMN * len(table.column_types)
    most = int(_MEMORY_SHARE * task.memory_bytes / bytes_a_row)
    rows = len(table.labels)
    if rows <= most:
        return table
    reporter.log(
        f"Learning from {most} of the {rows} rows, chosen at random: more would need more memory "
        f"than the {task.memory_bytes / 1e9:.1f} GB that the run may use",
        "WARNING",
    )
    source = np.random.default_rng(task.config["seed"])
    return table.take(np.sort(source.choice(rows, most, replace=False)))


def _evaluated(subject: report.Subject, reporter: Reporter, deadline: float) -> dict[str, float]:
    try:
        return report.write(subject, reporter, deadline)
    except ValueError as error:
        raise TrainingError(f"In the test dataset: {error}") from error


def _prepare(table: LabelledTable, seed: int, reporter: Reporter) -> Preparation:
    target = str(table.labels.name)
    preparation = Preparation.fit(table.features, table.column_types, [target], seed, table.labels)
    if not preparation.columns:
        raise TrainingError(
            "No column is left to learn from: "
            + _listed([f"{name!r} ({why})" for name, why in preparation.dropped.items()])
        )
    used = [repr(column.name) for column in preparation.columns]
    reporter.log(f"Columns used ({len(used)}): {_listed(used)}")
    dropped = [f"{name!r} ({why})" for name, why in preparation.dropped.items()]
    if dropped:
        reporter.log(f"Columns left out ({len(dropped)}): {_listed(dropped)}")
    reporter.table(
        "preparation",
        preparation.actions(),
        "What was done with each column of the training table.",
    )
    return preparation


def _matrix(preparation: Preparation, table: LabelledTable) -> Array:
    try:
        return preparation.matrix(table.features)
    except ValueError as error:
        raise TrainingError(f"In the training dataset: {error}") from error


def _report_parameters(
    task: TrainingTask, rows: _Rows, problem: Problem, reporter: Reporter
) -> None:
    config = task.config
    parameters: dict[str, Any] = {
        "problem_type": problem.kind,
        "eval_metric": problem.metric.name,
        "target_column": str(rows.learned.labels.name),
        "feature_columns": len(rows.learned.column_types),
        "prepared_features": problem.inputs.matrix.shape[1],
        "train_rows": len(rows.training.labels),
        "holdout_rows": len(rows.holdout.labels),
        "rows_without_target": rows.learned.left_out,
    }
    if TEST_INPUT not in task.inputs:
        parameters["holdout_fraction"] = data.HOLDOUT_FRACTION
        parameters["refit_full"] = config["refit_full"]
    for name in ("time_limit", "max_models", "num_folds", "calibrate"):
        if config.get(name) is not None:
            parameters[name] = config[name]
    if problem.kind != "regression":
        parameters["classes"] = problem.classes
    for model_type, values in config["hyperparameters"].items():
        parameters.update({f"{model_type}.{name}": str(value) for name, value in values.items()})
    provenance.report(task, reporter)
    for name, value in parameters.items():
        reporter.parameter(name, value)


def _report_search(search: Search, config: Any, reporter: Reporter) -> None:
    chosen = [member for member in search.members if member.weight > 0]
    named = ", ".join(f"{each.candidate.name} {each.weight:.2f}" for each in chosen)
    reporter.log(f"Tried {len(search.members)} models; weights: {named}")
    reporter.parameter("models", ", ".join(member.candidate.name for member in chosen))
    if config["max_models"] is not None and search.was_cut:
        reporter.log(
            "The time limit cut the search short, so that the run cannot be repeated exactly",
            "WARNING",
        )


def _listed(items: list[str]) -> str:
    more = len(items) - _LISTED_COLUMNS
    return ", ".join(items[:_LISTED_COLUMNS]) + (f" and {more} more" if more > 0 else "")
