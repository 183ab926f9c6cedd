"""The AutoGluon forecasting trainer; runs in an environment of its own."""

from __future__ import annotations

import importlib
import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pandas as pd
from autogluon.timeseries import TimeSeriesPredictor

from modelstudio.trainers import provenance
from modelstudio.trainers.autogluon_timeseries import frames, packaging
from modelstudio.trainers.autogluon_timeseries.options import FitOptions
from modelstudio.trainers.autogluon_timeseries.predictor import forecast
from modelstudio.trainers.autogluon_timeseries.progress import reported_output, watched
from modelstudio.trainers.autogluon_timeseries.schema import NEURAL
from modelstudio.trainers.base import TrainedModel, TrainingError
from modelstudio.trainers.findings import report_findings
from modelstudio.trainers.forecasting import metrics, reading, report
from modelstudio.trainers.forecasting.model_api import model_api
from modelstudio.trainers.forecasting.panel import ForecastOptions
from modelstudio.trainers.forecasting.windows import roll

if TYPE_CHECKING:
    from collections.abc import Mapping

    from modelstudio.trainers.base import Reporter, TrainingTask
    from modelstudio.trainers.forecasting.panel import Panel
    from modelstudio.trainers.forecasting.windows import Windows

NO_MODELS: Final = "No models trained"
# A fit is ended when it has taken half as long again as it may, and some seconds for small limits.
_HARD_STOP_FACTOR: Final = 1.2
_HARD_STOP_SECONDS: Final = 10
_DISTRIBUTION: Final = "autogluon.timeseries"


@dataclass(frozen=True, slots=True)
class _Run:
    """What the parts of a run share; ``tests`` has the windows that the model is measured on."""

    task: TrainingTask
    reporter: Reporter
    source: reading.Source
    tests: Windows
    options: FitOptions
    horizon: int

    @property
    def levels(self) -> tuple[float, ...]:
        return tuple(sorted(set(self.task.config["quantile_levels"])))


class AutogluonTimeseriesTrainer:
    """Fits a ``TimeSeriesPredictor``."""

    def fit(self, task: TrainingTask, reporter: Reporter) -> TrainedModel:
        """Train, measure on held-out steps, leave the model; see ``base.Trainer``."""
        horizon = task.config["prediction_length"]
        reporter.progress(0.0, "Reading the series")
        source = reading.read(task, horizon, reporter)
        options = FitOptions.of(task.config)
        if not options.models:
            raise TrainingError(NO_MODELS)
        run = _Run(task, reporter, source, _tests(source, task.config), options, horizon)
        _report_parameters(run)
        with reported_output(reporter, str(task.scratch_dir)):
            predictor = _fit(run)
            _report_leaderboard(predictor, run)
            reporter.progress(0.9, "Measuring the model on the held-out steps")
            found = _measure(predictor, run)
            kept = packaging.keep_for_deployment(predictor, task.output_dir)
        reporter.parameter("models", ", ".join(kept))
        provenance.report(task, reporter, _DISTRIBUTION)  # again: now all libraries are loaded
        package = packaging.Package(
            columns=source.columns,
            calendar=source.panel.calendar,
            resampling=source.resampling,
            horizon=horizon,
            prediction_column=task.config["prediction_column_name"] or "prediction",
            levels=run.levels,
            history=source.panel.resized(None, horizon),
            raw=source.raw,
        )
        package.save(task.output_dir)
        report_findings(source.findings, reporter)
        reporter.progress(1.0)
        return TrainedModel(
            model_api=model_api(package),
            predictor=packaging.PREDICTOR_CLASS,
            requirements=packaging.requirements(),
            summary_metrics=found,
        )


def _tests(source: reading.Source, config: Mapping[str, Any]) -> Windows:
    """Return the windows after the history to learn from: the test dataset, or the last steps."""
    panel = source.panel
    rolled = roll(panel, ForecastOptions.of(config), _season(panel), source.tested)
    if not rolled.test:
        raise TrainingError(
            f"The longest series has {int(panel.cuts.max())} values; to forecast "
            f"{rolled.horizon} steps and measure it, more are needed. Shorten the prediction "
            "length or add history."
        )
    part = slice(len(rolled.cuts) - rolled.test, None)
    scales = metrics.Scales(rolled.scales.absolute[part], rolled.scales.squared[part])
    return replace(rolled, cuts=rolled.cuts[part], actual=rolled.actual[part], scales=scales)


def _season(panel: Panel) -> int:
    return next(iter(panel.calendar.seasons), 1)


def _fit(run: _Run) -> TimeSeriesPredictor:
    task, columns, options = run.task, run.source.columns, run.options
    history = run.source.panel.at(run.tests.cuts[0])
    limit = task.config["time_limit"]
    predictor = TimeSeriesPredictor(
        path=str(task.scratch_dir / "autogluon"),
        target=frames.TARGET,
        prediction_length=run.horizon,
        freq=history.calendar.stand_in.alias,
        eval_metric=options.metric,
        eval_metric_seasonal_period=_season(history),
        known_covariates_names=frames.known_names(columns),
        quantile_levels=list(options.levels),
        log_to_file=False,
    )
    _load_libraries(options)
    started = time.monotonic()
    stop = min(limit * _HARD_STOP_FACTOR + _HARD_STOP_SECONDS, task.time_left())
    data = frames.history(history, columns)
    with watched(run.reporter, task.config["eval_metric"], len(options.models), stop):
        try:
            predictor.fit(data, **options.fit_arguments(limit, task.cpu))
        except ValueError as error:
            if "observations" in str(error):
                raise TrainingError(_too_short(history, run)) from error
            raise
    seconds = time.monotonic() - started
    if not predictor.model_names():
        raise TrainingError(NO_MODELS)
    run.reporter.log(f"Fitted in {seconds:.1f} s, best model {predictor.model_best}")
    return predictor


def _load_libraries(options: FitOptions) -> None:
    """Load what neural networks need now, since it takes longer than a small share of the time."""
    if any(name in NEURAL for name in options.models):
        importlib.import_module("gluonts.torch")
        importlib.import_module("lightning.pytorch")


def _too_short(history: Panel, run: _Run) -> str:
    return (
        f"The series are too short: the longest has {int(history.cuts.max())} values before the "
        f"held-out ones, and models are compared on windows of {run.horizon} steps. Shorten the "
        "prediction length, take fewer validation windows, or add history."
    )


def _report_leaderboard(predictor: TimeSeriesPredictor, run: _Run) -> None:
    sign = predictor.eval_metric.sign
    found = predictor.leaderboard(display=False)
    metric = run.task.config["eval_metric"]
    board = pd.DataFrame(
        {
            "model": found["model"],
            f"{metric}_validation": sign * found["score_val"],
            "fit_seconds": found["fit_time_marginal"].round(3),
            "predict_seconds": found["pred_time_val"].round(3),
        }
    )
    board = board.sort_values(f"{metric}_validation", ignore_index=True)
    run.reporter.table(
        "leaderboard", board, "Every model's error on the validation windows, the best first."
    )


def _measure(predictor: TimeSeriesPredictor, run: _Run) -> dict[str, float]:
    """Forecast the test windows, leave the tables and return the metrics."""
    windows, columns = run.tests, run.source.columns
    pairs = [
        forecast(predictor, windows.view(number), columns, run.horizon, run.levels)
        for number in range(len(windows.cuts))
    ]
    backtest = report.Backtest(
        windows,
        np.stack([points for points, _ in pairs]),
        np.stack([quantiles for _, quantiles in pairs]),
        run.levels,
    )
    report.report_backtest(backtest, run.reporter)
    found = report.summary(backtest)
    for name, value in found.items():
        run.reporter.log(f"Test {name}: {value:.5g}")
    return found


def _report_parameters(run: _Run) -> None:
    config = run.task.config
    parameters: dict[str, Any] = {
        "prediction_length": run.horizon,
        "eval_metric": config["eval_metric"],
        "presets": config["presets"],
        "time_limit": config["time_limit"],
        "quantile_levels": ", ".join(f"{level:g}" for level in run.levels),
        "missing_value_strategy": config["missing_value_strategy"],
        "enable_ensemble": config["enable_ensemble"],
        "model_types": ", ".join(run.options.models),
        "validation_windows": run.options.windows,
        "test_windows": len(run.tests.cuts),
        **run.source.facts,
    }
    for model_type, values in run.options.models.items():
        parameters |= {f"{model_type}.{name}": _plain(value) for name, value in values.items()}
    provenance.report(run.task, run.reporter, _DISTRIBUTION)
    for name, value in parameters.items():
        run.reporter.parameter(name, value)


def _plain(value: Any) -> Any:
    return value if isinstance(value, int | float | str) else ", ".join(map(str, value))
