"""Fits AutoGluon's predictor within the run's limits."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING, Any

from autogluon.core.utils.exceptions import TimeLimitExceeded
from autogluon.tabular import TabularPredictor

from modelstudio.trainers.base import TrainingError
from modelstudio.trainers.tabular.autogluon.limits import ModelStop
from modelstudio.trainers.tabular.autogluon.progress import ProgressCallback, reported_folds
from modelstudio.trainers.tabular.autogluon.rounds import Rounds, reported_rounds

if TYPE_CHECKING:
    import pandas as pd

    from modelstudio.trainers.base import Reporter, TrainingTask
    from modelstudio.trainers.tabular.autogluon.options import FitOptions

NO_MODELS = "No models trained"
_MEMORY_ERRORS = frozenset({"MemoryError", "NotEnoughMemoryError"})

# What AutoGluon is asked for, of the time that is left. It takes a little longer, and refitting on
# all rows needs time of its own.
_SHARE = 0.92
_SHARE_BEFORE_REFIT = 0.8
# Left for models when preparing the data has taken most of the time.
_LEAST_SHARE = 0.5
# No model is fitted for longer than this; the seconds count for small limits.
_HARD_STOP_FACTOR = 1.1
_HARD_STOP_SECONDS = 2.0
_ENSEMBLE_FACTOR = 0.05
_ENSEMBLE_SECONDS = 5.0
# Rarer classes would be left out; with 2 each class that can be split stays.
_MINIMUM_CLASS_ROWS = 2


def fit(
    task: TrainingTask,
    options: FitOptions,
    train: pd.DataFrame,
    target: str,
    started: float,
    reporter: Reporter,
) -> Any:
    """Return a fitted ``TabularPredictor``; the time limit counts from ``started``.

    Raises
    ------
    TrainingError
        When no model could be fitted.
    """
    if not options.models:
        raise TrainingError(NO_MODELS)
    predictor = _predictor(task, options, target)
    limit = task.config["time_limit"]
    begun = time.monotonic()
    seconds = max(started + limit - begun, limit * _LEAST_SHARE)
    with _hard_stop(seconds, limit) as hard_stop:
        share = _SHARE_BEFORE_REFIT if options.refits else _SHARE
        arguments = options.fit_arguments(task, cpus(task), seconds * share)
        try:
            _fit_reported(predictor, train, arguments, hard_stop, reporter)
        except TimeLimitExceeded as error:
            raise TrainingError(NO_MODELS) from error
        except AssertionError as error:
            # So AutoGluon says that preparing the data has taken the whole limit.
            if time.monotonic() - begun < seconds * _LEAST_SHARE:
                raise
            raise TrainingError(NO_MODELS) from error
        if not predictor.model_names(can_infer=True):
            raise TrainingError(_why_no_models(predictor, task))
        if options.refits:
            _refit(predictor, task, hard_stop, reporter)
    taken = time.monotonic() - begun
    reporter.log(f"Fitted in {taken:.1f} s, best model {predictor.model_best}")
    return predictor


def _fit_reported(
    predictor: Any,
    train: pd.DataFrame,
    arguments: dict[str, Any],
    hard_stop: ModelStop,
    reporter: Reporter,
) -> None:
    rounds = Rounds(reporter)
    with reported_folds(reporter, rounds), reported_rounds(rounds):
        callback = ProgressCallback(reporter, hard_stop, rounds)
        predictor.fit(train, callbacks=[callback], **arguments)


def refit_with(predictor: Any, more: pd.DataFrame, task: TrainingTask, reporter: Reporter) -> None:
    """Refit the best model on its rows and more; it takes no longer than the time limit again."""
    limit = task.config["time_limit"]
    with _hard_stop(limit, limit) as hard_stop:
        _refit(predictor, task, hard_stop, reporter, train_data_extra=more)


def cpus(task: TrainingTask) -> int:
    # AutoGluon refuses more than the machine has.
    return max(1, min(task.cpu, os.cpu_count() or 1))


def _predictor(task: TrainingTask, options: FitOptions, target: str) -> Any:
    return TabularPredictor(
        label=target,
        problem_type=options.problem_type,
        eval_metric=options.eval_metric,
        path=str(task.scratch_dir / "autogluon"),
        verbosity=2,
        learner_kwargs={
            "random_state": task.config["seed"],
            "label_count_threshold": _MINIMUM_CLASS_ROWS,
        },
    )


def _hard_stop(seconds: float, limit: float) -> ModelStop:
    seconds += limit * (_HARD_STOP_FACTOR - 1.0) + _HARD_STOP_SECONDS
    return ModelStop(seconds, grace=_ENSEMBLE_SECONDS + limit * _ENSEMBLE_FACTOR)


def _refit(
    predictor: Any, task: TrainingTask, hard_stop: ModelStop, reporter: Reporter, **more: Any
) -> None:
    """Replace the best model by one fitted on all rows, unless that takes too long."""
    best, ended = predictor.model_best, hard_stop.ended
    hard_stop.arm()
    try:
        predictor.refit_full(
            model="best",
            set_best_to_refit_full=True,
            num_cpus=cpus(task),
            num_gpus=0,
            **more,
        )
    except Exception:
        # A model that was ended may leave AutoGluon without a part of its ensemble.
        if hard_stop.ended == ended:
            raise
    finally:
        hard_stop.disarm()
    if hard_stop.ended > ended:  # instead of an ended model there is only a fold of it
        predictor.set_model_best(best)
        reporter.log(
            f"Refitting on all rows took too long; {best} stays as it was fitted", "WARNING"
        )


def _why_no_models(predictor: Any, task: TrainingTask) -> str:
    """Return the documented message, or that memory was the reason for every model."""
    failures = predictor.model_failures()
    kinds = set(failures["exc_type"]) if len(failures) else set()
    if kinds and kinds <= _MEMORY_ERRORS:
        gigabytes = task.memory_bytes / 1000**3
        return f"Out of memory: no model fits into the {gigabytes:.2g} GB that the run may use"
    return NO_MODELS
