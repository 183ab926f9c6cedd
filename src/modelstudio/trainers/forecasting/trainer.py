"""The forecasting trainer: reads series, tries models on rolling windows, blends the best."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from modelstudio.trainers import provenance
from modelstudio.trainers.base import TrainedModel, TrainingError
from modelstudio.trainers.findings import Finding, report_findings
from modelstudio.trainers.forecasting import packaging, reading, report
from modelstudio.trainers.forecasting.candidates import candidates
from modelstudio.trainers.forecasting.conformal import Calibration, usable_scale
from modelstudio.trainers.forecasting.ensemble import blended, choose_weights, out_of_window
from modelstudio.trainers.forecasting.members import LocalMember, reach
from modelstudio.trainers.forecasting.metrics import Scales
from modelstudio.trainers.forecasting.model_api import model_api
from modelstudio.trainers.forecasting.panel import ForecastOptions
from modelstudio.trainers.forecasting.pool import LocalPool
from modelstudio.trainers.forecasting.search import (
    Clock,
    Search,
    affordable,
    finish,
    try_models,
    within_time,
)
from modelstudio.trainers.forecasting.windows import roll

if TYPE_CHECKING:
    from collections.abc import Mapping

    from modelstudio.trainers.base import Reporter, TrainingTask
    from modelstudio.trainers.forecasting.members import Member
    from modelstudio.trainers.forecasting.panel import Floats, Panel
    from modelstudio.trainers.forecasting.windows import Windows

NO_MODELS: Final = "No models trained"
#: History that a statistical model is fitted to when it is asked about new data.
_LOCAL_STEPS: Final = 1_500
_MOST_REMEMBERED: Final = 5_000_000


@dataclass(frozen=True, slots=True)
class _Run:
    """What the parts of a run share."""

    source: reading.Source
    options: ForecastOptions
    windows: Windows
    clock: Clock
    reporter: Reporter

    @property
    def season(self) -> int:
        return next(iter(self.source.panel.calendar.seasons), 1)

    @property
    def floor(self) -> float:
        panel = self.source.panel
        return 0.0 if (panel.target[panel.observed] >= 0).all() else -np.inf


class ForecastingTrainer:
    """Fits a blend of forecasting models; see ``base.Trainer``."""

    def fit(self, task: TrainingTask, reporter: Reporter) -> TrainedModel:
        provenance.report(task, reporter)
        options = ForecastOptions.of(task.config)
        source = reading.read(task, options.horizon, reporter)
        run = _prepared(source, options, reporter)
        _report_parameters(task, run)
        with LocalPool(task.cpu, source.panel.calendar.seasons, options.horizon) as pool:
            tried = candidates(source.panel, options, pool, task.cpu)
            if not tried:
                raise TrainingError(NO_MODELS)
            search = try_models(tried, run.windows, options, run.clock, reporter)
            chosen = affordable(search, run.clock)
            search.trials = {name: search.trials[name] for name in chosen}
            if not search.trials:
                raise TrainingError(NO_MODELS)
            backtest, metrics = _measured(run, search)
            weights = _weights(run, search, len(run.windows.cuts))
            weights = within_time(weights, search, run.clock)
            panel = source.panel.resized(None, options.horizon)
            members, forecasts = finish(
                weights, search, panel, options.horizon, run.clock, reporter
            )
        if not members:
            raise TrainingError(NO_MODELS)
        weights = {name: weights[name] for name in members}
        package = _package(task, run, panel, weights, (members, forecasts), search)
        package.save(task.output_dir)
        report_findings(_findings(run), reporter)
        report.report_models(search, run.windows, weights, options.metric, reporter)
        report.report_backtest(backtest, reporter)
        report.report_importance(members, weights, panel, reporter)
        _report_models(task, members, reporter)
        return TrainedModel(
            model_api=model_api(package),
            predictor=packaging.PREDICTOR_CLASS,
            requirements=packaging.requirements(),
            summary_metrics=metrics,
        )


def _prepared(source: reading.Source, options: ForecastOptions, reporter: Reporter) -> _Run:
    panel = source.panel
    season = next(iter(panel.calendar.seasons), 1)
    clock = Clock(options.time_limit)
    windows = roll(panel, options, season, source.tested)
    if not len(windows.cuts):
        raise TrainingError(
            f"The longest series has {int(panel.cuts.max())} values; to forecast "
            f"{options.horizon} steps and measure it, more are needed. Shorten the prediction "
            "length or add history."
        )
    if len(windows.sample) < len(panel):
        reporter.log(
            f"Models are compared on {len(windows.sample)} of the {len(panel)} series, and learn "
            "from all of them"
        )
    return _Run(source, options, windows, clock, reporter)


def _findings(run: _Run) -> list[Finding]:
    """Return what can spoil the model's use."""
    panel, windows, found = run.source.panel, run.windows, list(run.source.findings)
    short = int((panel.cuts < 2 * run.season).sum())
    if short and run.season > 1:
        message = f"{short} of {len(panel)} series have less than two seasons of {run.season} steps"
        advice = "Statistical models see no season in them; add history if there is any"
        found.append(Finding("series_too_short", message, advice))
    if len(windows.cuts) == windows.test:
        message = (
            "The series are too short for a validation window; models are chosen on the same steps "
            "that they are measured on"
        )
        advice = "Take the metrics as better than they are, or shorten the prediction length"
        found.append(Finding("no_validation_window", message, advice))
    return found


def _part(run: _Run, search: Search, part: slice) -> tuple[Floats, dict[str, Floats], Scales]:
    scales = run.windows.scales
    return (
        run.windows.actual[part],
        search.forecasts(part),
        Scales(scales.absolute[part], scales.squared[part]),
    )


def _weights(run: _Run, search: Search, until: int) -> dict[str, float]:
    """Return weights chosen on the windows before a number."""
    actual, forecasts, scales = _part(run, search, slice(0, until))
    found = choose_weights(
        run.options.metric, actual, forecasts, scales, blend=run.options.ensemble
    )
    if not found:
        raise TrainingError(NO_MODELS)
    return found


def _out_of_window(run: _Run, search: Search, until: int) -> tuple[Floats, Floats]:
    """Return actual values and blended forecasts, each window's with the others' weights."""
    actual, forecasts, scales = _part(run, search, slice(0, until))
    options = run.options
    predicted = out_of_window(options.metric, actual, forecasts, scales, blend=options.ensemble)
    return actual, np.maximum(predicted, run.floor)


def _fit_calibration(run: _Run, actual: Floats, predicted: Floats, scales: Floats) -> Calibration:
    scale = usable_scale(scales[: len(actual)], predicted)
    items = run.windows.sampled.items
    return Calibration.fit(actual, predicted, scale, items, run.options.quantile_levels, run.floor)


def _measured(run: _Run, search: Search) -> tuple[report.Backtest, dict[str, float]]:
    """Return the backtest; weights and quantiles of the test windows are from those before."""
    windows = run.windows
    split = len(windows.cuts) - windows.test or len(windows.cuts)
    actual, predicted = _out_of_window(run, search, split)
    calibration = _fit_calibration(run, actual, predicted, windows.scales.absolute)
    weights = _weights(run, search, split)
    rest = blended(weights, search.forecasts(slice(split, None)))
    predicted = np.concatenate([predicted, np.maximum(rest, run.floor)])
    scale = usable_scale(windows.scales.absolute, predicted)
    quantiles = calibration.apply(predicted, scale, windows.sampled.items)
    backtest = report.Backtest(windows, predicted, quantiles, run.options.quantile_levels)
    metrics = report.summary(backtest)
    for name, value in metrics.items():
        run.reporter.log(f"Test {name}: {value:.5g}")
    return backtest, metrics


def _calibrated(run: _Run, search: Search, remembered: int) -> Calibration:
    """Return the final model's calibration, from all windows.

    Its scales are of as much history as the model will have when it is asked.
    """
    windows = run.windows
    cuts = [cut[windows.sample] for cut in windows.cuts]
    scales = Scales.of(windows.sampled, cuts, run.season, remembered).absolute
    return _fit_calibration(run, *_out_of_window(run, search, len(cuts)), scales)


def _package(
    task: TrainingTask,
    run: _Run,
    panel: Panel,
    weights: Mapping[str, float],
    fitted: tuple[Mapping[str, Member], Mapping[str, Floats]],
    search: Search,
) -> packaging.Package:
    members, forecasts = fitted
    longest = reach(list(members.values()), _LOCAL_STEPS)
    remembered = min(longest, max(100, _MOST_REMEMBERED // len(panel)))
    return packaging.Package(
        columns=run.source.columns,
        calendar=panel.calendar,
        resampling=run.source.resampling,
        horizon=run.options.horizon,
        remembered=remembered,
        prediction_column=task.config["prediction_column_name"] or "prediction",
        season=run.season,
        nonnegative=run.floor == 0,
        weights=weights,
        members=members,
        calibration=_calibrated(run, search, remembered),
        history=panel.resized(remembered, run.options.horizon),
        raw=run.source.raw,
        forecasts={
            name: forecasts[name]
            for name, member in members.items()
            if isinstance(member, LocalMember)
        },
    )


def _report_models(task: TrainingTask, members: Mapping[str, Member], reporter: Reporter) -> None:
    provenance.report(task, reporter)  # again, with the libraries that the models took
    reporter.parameter("models", ", ".join(sorted(members)))


def _report_parameters(task: TrainingTask, run: _Run) -> None:
    """Record the effective parameters of the run."""
    config, options = task.config, run.options
    parameters: dict[str, Any] = {
        "prediction_length": options.horizon,
        "eval_metric": options.metric,
        "presets": options.preset,
        "time_limit": options.time_limit,
        "quantile_levels": ", ".join(f"{level:g}" for level in options.quantile_levels),
        "missing_value_strategy": config["missing_value_strategy"],
        "enable_ensemble": options.ensemble,
        "validation_windows": len(run.windows.cuts) - run.windows.test,
        "test_windows": run.windows.test,
        **run.source.facts,
    }
    for library, pin in packaging.library_versions().items():  # some in other processes only
        parameters[f"{library}_version"] = pin
    for model_type, values in options.hyperparameters.items():
        parameters.update({f"{model_type}.{name}": value for name, value in values.items()})
    for name, value in parameters.items():
        run.reporter.parameter(name, value)
