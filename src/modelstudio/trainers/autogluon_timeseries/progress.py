"""Reports an AutoGluon fit of time series while it runs, model by model."""

from __future__ import annotations

import logging
import math
import warnings
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

from autogluon.core.utils.exceptions import TimeLimitExceeded
from autogluon.timeseries.trainer import TimeSeriesTrainer

from modelstudio.trainers.hard_stop import HardStop

if TYPE_CHECKING:
    from collections.abc import Iterator

    from modelstudio.trainers.base import LogLevel, Reporter

_logger = logging.getLogger(__name__)

#: The only function in which AutoGluon takes an exception for a model that has failed.
_FITS_ONE: Final = "_train_and_save"
#: A model may take half as long again as its share of the time, and some seconds, so that those
#: after it, and the ensemble, come to their turn.
_PATIENCE_FACTOR: Final = 1.5
_PATIENCE_SECONDS: Final = 5
# About this installation and its files, or a dump of the arguments; says nothing about the model.
_UNWANTED: Final = (
    "===",
    "AutoGluon will save models to",
    "Fitting with arguments",
    "Model not specified in predict",
    "To learn how to fix",
    "Traceback",
    "{",
)


class _LogHandler(logging.Handler):
    def __init__(self, reporter: Reporter, hidden_path: str) -> None:
        super().__init__()
        self._reporter = reporter
        self._hidden_path = hidden_path

    def emit(self, record: logging.LogRecord) -> None:
        message = record.getMessage().strip().replace(self._hidden_path, "...")
        if message.startswith("Traceback"):
            _logger.warning("%s", message)  # a stack trace is for the operator's log
            self._reporter.log(message.splitlines()[-1], "WARNING")
        if not message.startswith(_UNWANTED):
            for line in filter(None, map(str.strip, message.splitlines())):
                self._reporter.log(line.replace("\t", " "), _log_level(record.levelno))


def _log_level(number: int) -> LogLevel:
    if number >= logging.WARNING:
        return "WARNING"
    return "INFO" if number >= logging.INFO else "DEBUG"


@contextmanager
def reported_output(reporter: Reporter, hidden_path: str) -> Iterator[None]:
    """Send what AutoGluon logs to the reporter, and warnings of the libraries below it."""
    loggers = [logging.getLogger(name) for name in ("autogluon.timeseries", "autogluon.common")]
    kept = [(one, one.handlers, one.propagate) for one in loggers]
    for name in ("lightning.pytorch", "lightning.fabric", "pytorch_lightning"):
        logging.getLogger(name).setLevel(logging.ERROR)
    for one in loggers:
        one.handlers, one.propagate = [_LogHandler(reporter, hidden_path)], False

    def show(message: Warning | str, category: type[Warning], *_: Any, **__: Any) -> None:
        reporter.log(f"{category.__name__}: {message}", "DEBUG")

    try:
        with warnings.catch_warnings():
            warnings.showwarning = show
            yield
    finally:
        for one, handlers, propagate in kept:
            one.handlers, one.propagate = handlers, propagate


class Progress:
    """What has been fitted so far."""

    def __init__(self, reporter: Reporter, metric: str, planned: int) -> None:
        self._reporter = reporter
        self._metric = metric
        self._planned = max(1, planned)
        self._begun = 0
        self._step = 0
        self._best: float | None = None

    def begin(self, name: str) -> None:
        self._reporter.progress(min(1.0, self._begun / self._planned) * 0.9, f"Fitting {name}")
        self._begun += 1

    def end(self, trainer: Any, names: list[str]) -> None:
        """Report the models that were fitted, usually one."""
        for name in names:
            score = trainer.get_model_attribute(name, "val_score")
            if score is None:
                continue
            self._step += 1
            self._best = score if self._best is None else max(self._best, score)
            metric, sign = self._metric, trainer.eval_metric.sign
            seconds = trainer.get_model_attribute(name, "fit_time") or 0.0
            self._reporter.metric(f"validation/{metric}", float(sign * score), self._step)
            self._reporter.metric(f"validation/best_{metric}", float(sign * self._best), self._step)
            self._reporter.metric("train/fit_seconds", float(seconds), self._step)


@contextmanager
def watched(reporter: Reporter, metric: str, planned: int, stop_seconds: float) -> Iterator[None]:
    """Report each model of a fit, and end a model that goes on after ``stop_seconds``.

    AutoGluon has no callbacks for time series, so the method that fits one model is wrapped.
    """
    original = getattr(TimeSeriesTrainer, _FITS_ONE)
    progress = Progress(reporter, metric, planned)
    with HardStop(stop_seconds, within=_FITS_ONE, error=TimeLimitExceeded) as hard_stop:

        def wrapped(trainer: Any, train_data: Any, model: Any, *given: Any, **named: Any) -> Any:
            if hard_stop.passed:
                reporter.log(f"{model.name} is left out, since the time is over", "WARNING")
                return []
            progress.begin(model.name)
            limit = named.get("time_limit")
            share = math.inf if limit is None else limit * _PATIENCE_FACTOR + _PATIENCE_SECONDS
            hard_stop.arm(share)
            try:
                names = original(trainer, train_data, model, *given, **named)
            except TimeLimitExceeded:  # just after AutoGluon's own handler
                return []
            finally:
                hard_stop.disarm()
            progress.end(trainer, names)
            return names

        setattr(TimeSeriesTrainer, _FITS_ONE, wrapped)
        try:
            yield
        finally:
            setattr(TimeSeriesTrainer, _FITS_ONE, original)
