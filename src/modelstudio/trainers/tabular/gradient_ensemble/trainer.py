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
from modelstudio.trainers.tabular.gradient_ensemble.binned import BinnedRows
from modelstudio.trainers.tabular.gradient_ensemble.catboost_learner import CatBoostLearner
from modelstudio.trainers.tabular.gradient_ensemble.dense import DenseEncoder
from modelstudio.trainers.tabular.gradient_ensemble.folds import Folds
from modelstudio.trainers.tabular.gradient_ensemble.forest_learner import ForestLearner
from modelstudio.trainers.tabular.gradient_ensemble.inputs import Inputs
from modelstudio.trainers.tabular.gradient_ensemble.kernel_learner import KernelLearner
from modelstudio.trainers.tabular.gradient_ensemble.lightgbm_learner import LightGbmLearner
from modelstudio.trainers.tabular.gradient_ensemble.linear_learner import LinearLearner
from modelstudio.trainers.tabular.gradient_ensemble.metrics import metric_of
from modelstudio.trainers.tabular.gradient_ensemble.network_learner import NetworkLearner
from modelstudio.trainers.tabular.gradient_ensemble.portfolio import candidates_of
from modelstudio.trainers.tabular.gradient_ensemble.problem import Problem
from modelstudio.trainers.tabular.gradient_ensemble.progress import SearchProgress, leaderboard
from modelstudio.trainers.tabular.gradient_ensemble.reporting import (
    report_parameters,
    report_search,
)
from modelstudio.trainers.tabular.gradient_ensemble.rows import Rows, fitting_memory
from modelstudio.trainers.tabular.gradient_ensemble.search import Limits, Search
from modelstudio.trainers.tabular.manifest import Manifest, model_api
from modelstudio.trainers.tabular.matching import check_values, matched
from modelstudio.trainers.tabular.preparing import findings, prepare, report_columns
from modelstudio.trainers.tabular.specification import TEST_INPUT, TRAINING_INPUT

if TYPE_CHECKING:
    from modelstudio.trainers.base import Reporter, TrainingTask
    from modelstudio.trainers.tabular.data import LabelledTable
    from modelstudio.trainers.tabular.gradient_ensemble.assembling import Assembled
    from modelstudio.trainers.tabular.gradient_ensemble.metrics import Kind
    from modelstudio.trainers.tabular.gradient_ensemble.problem import Learner
    from modelstudio.trainers.tabular.preparation import Preparation
    from modelstudio.trainers.tabular.targets import Task

    Array = np.ndarray[Any, Any]

NO_MODELS = "No models trained"

#: Of the time limit, kept for the report, and for weighing, packaging and whatever else; but no
#: more than the rows can use, by about what a cell takes.
_REPORT_SHARE, _LEAST_REPORT, _MOST_REPORT = 0.08, 1.0, 30.0
_CLOSING_SHARE, _LEAST_CLOSING, _MOST_CLOSING = 0.02, 0.3, 5.0
_REPORT_SECONDS_A_CELL, _CLOSING_SECONDS_A_ROW = 2e-4, 5e-5


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
    def of(cls, started: float, limit: float, rows: Rows) -> _Clock:
        cells = rows.holdout.features.size
        most = min(_LEAST_REPORT + _REPORT_SECONDS_A_CELL * cells, _MOST_REPORT)
        report = min(max(_REPORT_SHARE * limit, _LEAST_REPORT), most)
        most = min(
            _LEAST_CLOSING + _CLOSING_SECONDS_A_ROW * len(rows.learned.labels), _MOST_CLOSING
        )
        closing = min(max(_CLOSING_SHARE * limit, _LEAST_CLOSING), most)
        return cls(started + limit - report - closing, started + limit)


class GradientEnsembleTrainer:
    """See ``base.Trainer``; the subclasses say what is predicted."""

    objective: ClassVar[Task]

    def fit(self, task: TrainingTask, reporter: Reporter) -> TrainedModel:
        """Search until the time limit, evaluate on held-out rows, leave the model."""
        started = time.monotonic()
        threads = max(1, min(task.cpu, len(os.sched_getaffinity(0))))
        with threadpool_limits(threads):
            rows = self._read(task, reporter)
            clock = _Clock.of(started, float(task.config["time_limit"]), rows)
            preparation = prepare(rows.learned, task.config["seed"])
            report_columns(preparation, reporter)
            if TEST_INPUT in task.inputs:
                check_values(preparation, rows.holdout, reporter)
            problem, classes = self._problem(rows, preparation, task, threads)
            report_parameters(task, rows, problem, reporter)
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
        self, problem: Problem, rows: Rows, task: TrainingTask, clock: _Clock, reporter: Reporter
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
            _learners(problem),
            candidates,
            Limits(clock.search, config["max_models"]),
            SearchProgress(problem, reporter),
            fixed=config["hyperparameters"],
        )
        members = search.run()
        if not members:
            raise TrainingError(NO_MODELS)
        report_search(search, config, reporter)
        known = folds.known()
        judged = {number: fold for number, fold in known.items() if fold is not folds.measured}
        reporter.table(
            "leaderboard",
            leaderboard(problem, search.members, judged),
            "Every model that was tried, its score on rows that it has not learned from, and its "
            "weight in the ensemble; best first.",
        )
        return assemble(problem, members, known, calibrates=config.get("calibrate", False))

    def _read(self, task: TrainingTask, reporter: Reporter) -> Rows:
        source = task.inputs[TRAINING_INPUT]
        target = data.target_of(source)
        told = task.config["readings"]
        table = data.read(source, target, self.objective, "training", reporter, told)
        data.check_labels(table, self.objective)
        seed = task.config["seed"]
        table = fitting_memory(table, task, reporter)
        if TEST_INPUT in task.inputs:
            source = task.inputs[TEST_INPUT]
            test = data.read(source, target, self.objective, "test", reporter, told)
            return Rows(table, table, matched(test, table, self.objective, reporter), None)
        training, holdout = data.hold_out(table, self.objective, seed)
        if not task.config["refit_full"]:
            return Rows(training, training, holdout, None)
        features = pd.concat([training.features, holdout.features], ignore_index=True)
        labels = pd.concat([training.labels, holdout.labels], ignore_index=True)
        reporter.log(
            f"{len(holdout.labels)} rows are held out to evaluate the model. The models that are "
            "evaluated have not learned from them; others, which the delivered model has besides, "
            "have."
        )
        held_out = np.arange(len(training.labels), len(labels))
        return Rows(replace(table, features=features, labels=labels), training, holdout, held_out)

    def _problem(
        self, rows: Rows, preparation: Preparation, task: TrainingTask, threads: int
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
            preparation.row_microseconds,
        )
        return problem, classes

    def _subject(
        self,
        assembled: Assembled,
        problem: Problem,
        preparation: Preparation,
        rows: Rows,
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
            preparation=preparation,
            findings=findings(preparation),
            validation_score=shown if metric.name == metric.criterion else None,
        )


class GradientEnsembleClassificationTrainer(GradientEnsembleTrainer):
    objective = "classification"


class GradientEnsembleRegressionTrainer(GradientEnsembleTrainer):
    objective = "regression"


def _learners(problem: Problem) -> dict[str, Learner]:
    binned = BinnedRows(problem)
    return {
        "GBM": LightGbmLearner(problem, binned),
        "CAT": CatBoostLearner(problem),
        "KERNEL": KernelLearner(problem),
        "LR": LinearLearner(problem),
        "RF": ForestLearner(problem, binned),
        "NN": NetworkLearner(problem),
    }


def _evaluated(subject: report.Subject, reporter: Reporter, deadline: float) -> dict[str, float]:
    try:
        return report.write(subject, reporter, deadline)
    except ValueError as error:
        raise TrainingError(f"In the test dataset: {error}") from error


def _matrix(preparation: Preparation, table: LabelledTable) -> Array:
    try:
        return preparation.matrix(table.features)
    except ValueError as error:
        raise TrainingError(f"In the training dataset: {error}") from error
