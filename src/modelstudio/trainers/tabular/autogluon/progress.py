"""Reports a fit while it runs: log lines and metric series."""

from __future__ import annotations

import logging
import warnings
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import lightgbm
from autogluon.core.callbacks import AbstractCallback
from autogluon.core.models.ensemble.fold_fitting_strategy import SequentialLocalFoldFittingStrategy

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from modelstudio.trainers.base import LogLevel, Reporter
    from modelstudio.trainers.tabular.autogluon.limits import ModelStop
    from modelstudio.trainers.tabular.autogluon.rounds import Rounds

_logger = logging.getLogger(__name__)

_BASE_MODELS = "core"  # what AutoGluon calls the models that are no ensembles of others

# About this installation and its files, or a dump of a preset; says nothing about the model.
_UNWANTED = (
    "=================== System Info",
    "AutoGluon will save models to",
    "Clone",
    "Deleting model",
    "Detailed Traceback",
    "Failed to import torch",
    "Large model count detected",
    "Persisting",
    "TabularPredictor saved",
    "Unpersisted",
    "User-specified callbacks",
    "User-specified model hyperparameters",
    "Verbosity:",
)


class LogHandler(logging.Handler):
    """Passes AutoGluon's messages on to a reporter; a stack trace goes to the operator's log."""

    def __init__(self, reporter: Reporter, hidden_path: str) -> None:
        super().__init__()
        self._reporter = reporter
        self._hidden_path = hidden_path

    def emit(self, record: logging.LogRecord) -> None:
        if record.exc_info:
            _logger.warning("A model failed to fit", exc_info=record.exc_info)
        message = record.getMessage().strip().replace(self._hidden_path, "...")
        if message.startswith(_UNWANTED):
            return
        for line in message.splitlines():
            if line.strip():
                self._reporter.log(line.strip().replace("\t", " "), _log_level(record.levelno))


@contextmanager
def reported_output(reporter: Reporter, hidden_path: str) -> Iterator[None]:
    """Send what AutoGluon logs, and what the libraries below it warn of, to the reporter."""
    autogluon = logging.getLogger("autogluon")
    handlers, propagate = autogluon.handlers, autogluon.propagate
    lightgbm.register_logger(logging.getLogger("autogluon.lightgbm"))
    autogluon.handlers, autogluon.propagate = [LogHandler(reporter, hidden_path)], False

    def show(message: Warning | str, category: type[Warning], *_: Any, **__: Any) -> None:
        reporter.log(f"{category.__name__}: {message}", "DEBUG")

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("default")
            warnings.showwarning = show
            yield
    finally:
        autogluon.handlers, autogluon.propagate = handlers, propagate


@contextmanager
def reported_folds(reporter: Reporter, rounds: Rounds) -> Iterator[None]:
    """Report the score of each fold of a bagged model when the fold is fitted.

    AutoGluon tells of a model when all of its folds are, and has no callback before that.
    """
    strategy = SequentialLocalFoldFittingStrategy
    update = strategy._update_bagged_ensemble  # noqa: SLF001

    def update_and_report(self: Any, fold_model: Any, pred_proba: Any, fold_ctx: Any) -> None:
        score, metric = fold_model.val_score, fold_model.eval_metric
        name = self.bagged_ensemble_model.name
        update(self, fold_model=fold_model, pred_proba=pred_proba, fold_ctx=fold_ctx)
        rounds.begin(None)
        if score is not None:
            value = float(metric.convert_score_to_original(score))
            reporter.metric(f"models/{name}/{metric.name}", value, len(self.models))

    strategy._update_bagged_ensemble = update_and_report  # noqa: SLF001
    try:
        yield
    finally:
        strategy._update_bagged_ensemble = update  # noqa: SLF001


class ProgressCallback(AbstractCallback):  # type: ignore[misc]
    """Reports each model as it is fitted; a copy that was pickled reports nothing."""

    _reporter: Reporter | None = None
    _hard_stop: ModelStop | None = None
    _rounds: Rounds | None = None

    def __init__(
        self, reporter: Reporter, hard_stop: ModelStop, rounds: Rounds | None = None
    ) -> None:
        super().__init__()
        self._reporter = reporter
        self._hard_stop = hard_stop
        self._rounds = rounds
        self._best: float | None = None
        self._step = 0

    def __getstate__(self) -> dict[str, Any]:
        # AutoGluon pickles its callbacks with the models.
        return {"_skip": False, "_best": None, "_step": 0}

    def _before_model_fit(self, *, model: Any, stack_name: str, **_: Any) -> tuple[bool, bool]:
        """Return whether to end the fit, and whether to leave out this model."""
        if self._hard_stop is None:
            return False, False
        # An ensemble only weighs the models that are there, so it may come after the deadline.
        is_ensemble = stack_name != _BASE_MODELS
        if self._hard_stop.passed and not is_ensemble:
            return False, True
        if is_ensemble:
            self._hard_stop.arm_ensemble()
        else:
            self._hard_stop.arm()
            if self._rounds is not None:
                self._rounds.begin(model.name)
        return False, False

    def _after_model_fit(self, trainer: Any, model_names: Sequence[str], **_: Any) -> bool:
        if self._hard_stop is not None:
            self._hard_stop.disarm()
        for name in model_names:
            self._report(trainer, name)
        return False

    def _report(self, trainer: Any, name: str) -> None:
        score = trainer.get_model_attribute(name, "val_score")
        if self._reporter is None or score is None:
            return
        metric = trainer.eval_metric
        seconds = trainer.get_model_attribute(name, "fit_time")
        self._step += 1
        self._best = score if self._best is None else max(self._best, score)
        value = metric.convert_score_to_original(score)
        best = metric.convert_score_to_original(self._best)
        self._reporter.metric(f"validation/{metric.name}", float(value), self._step)
        self._reporter.metric(f"validation/best_{metric.name}", float(best), self._step)
        if not trainer.bagged_mode:  # of a bagged one, the folds have been reported
            self._reporter.metric(f"models/{name}/{metric.name}", float(value), 1)
        self._reporter.metric("train/fit_seconds", float(seconds), self._step)
        self._reporter.log(
            f"Model {self._step}, {name}: validation {metric.name} {value:.5g}, "
            f"fitted in {seconds:.1f} s"
        )


def _log_level(number: int) -> LogLevel:
    if number >= logging.ERROR:
        return "ERROR"
    if number >= logging.WARNING:
        return "WARNING"
    return "INFO" if number >= logging.INFO else "DEBUG"
