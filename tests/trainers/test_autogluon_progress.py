"""What a run says while it works, and how it ends a fit that takes too long."""

from __future__ import annotations

import logging
import os
import pickle
import threading
import time

import numpy as np
import pandas as pd
import pytest
from autogluon.tabular import TabularPredictor

from modelstudio.trainers import hard_stop
from modelstudio.trainers.tabular.autogluon import fitting
from modelstudio.trainers.tabular.autogluon.limits import ModelStop
from modelstudio.trainers.tabular.autogluon.progress import ProgressCallback, reported_output
from modelstudio.trainers.tabular.autogluon.specification import CLASSIFICATION, REGRESSION

pytestmark = pytest.mark.training

SMALL = {
    "excluded_model_types": ["CAT"],
    "hyperparameters": {
        "GBM": {"num_boost_round": 20},
        "XGB": {"n_estimators": 20},
        "RF": {"n_estimators": 20},
        "XT": {"n_estimators": 20},
        "LR": {},
    },
    "time_limit": 60,
}


def frame(rows=200):
    random = np.random.default_rng(5)
    table = pd.DataFrame(random.normal(size=(rows, 4)), columns=list("abcd"))
    return table.assign(y=table["a"] - table["b"] + random.normal(size=rows))


class StopsAfterTwo(ProgressCallback):
    """Lets the deadline pass once two models are there."""

    def _after_model_fit(self, trainer, **kwargs):
        if len(trainer.get_model_names()) == 2:
            self._hard_stop._deadline = 0.0
        return super()._after_model_fit(trainer=trainer, **kwargs)


def test_series_are_written_while_the_fit_runs(train):
    run = train(REGRESSION, frame(), "y", config=SMALL)
    points = run.reporter.series["validation/root_mean_squared_error"]
    assert [step for step, _, _ in points] == list(range(1, 7)), "five models and their ensemble"
    assert all(0.5 < value < 3 for _, value, _ in points), "an error is not negated"
    best = run.reporter.series["validation/best_root_mean_squared_error"]
    assert [value for _, value, _ in best] == list(np.minimum.accumulate([v for _, v, _ in points]))
    seconds = run.reporter.series["train/fit_seconds"]
    assert len(seconds) == len(points)
    times = [time for _, _, time in points]
    fitted = sum(value for _, value, _ in seconds[1:])
    assert times[-1] - times[0] > 0.5 * fitted, "points come one by one, not at the end"


def test_a_bagged_model_reports_each_of_its_folds(train):
    config = {**SMALL, "num_bag_folds": 3, "excluded_model_types": ["CAT", "XGB", "RF", "XT"]}
    run = train(REGRESSION, frame(), "y", config=config)
    for name in ("LightGBM_BAG_L1", "LinearModel_BAG_L1"):
        points = run.reporter.series[f"models/{name}/root_mean_squared_error"]
        assert [step for step, _, _ in points] == [1, 2, 3]
        assert all(0.5 < value < 3 for _, value, _ in points)


def test_boosters_report_their_rounds_while_they_are_fitted(train):
    boosters = {"GBM": {"num_boost_round": 30}, "XGB": {"n_estimators": 30}}
    config = {
        "hyperparameters": {**boosters, "CAT": {"iterations": 30}},
        "excluded_model_types": ["RF", "XT", "LR"],
        "time_limit": 60,
    }
    run = train(REGRESSION, frame(), "y", config=config)
    for name in ("LightGBM", "XGBoost", "CatBoost"):
        (points,) = [
            points
            for series, points in run.reporter.series.items()
            if series.startswith(f"models/{name}/rounds/")
        ]
        steps = [step for step, _, _ in points]
        assert steps[:4] == [1, 2, 3, 4]
        assert 10 < steps[-1] <= 30
        assert len(steps) < 20, "later rounds are reported less often"
        assert points[0][1] > min(value for _, value, _ in points), "an error that falls"
        final = run.reporter.series[f"models/{name}/root_mean_squared_error"]
        assert [step for step, _, _ in final] == [1]


def test_a_score_that_is_better_when_higher_keeps_its_sign(train):
    table = frame().assign(y=lambda table: table["y"] > 0)
    run = train(CLASSIFICATION, table, "y", config={**SMALL, "eval_metric": "roc_auc"})
    points = run.reporter.series["validation/roc_auc"]
    assert all(0.5 < value <= 1 for _, value, _ in points)


def test_the_log_tells_of_models_and_columns_and_hides_paths(train, tmp_path, capfd):
    table = frame().assign(empty=None, name=[f"row {number}" for number in range(200)])
    config = {
        "hyperparameters": {**SMALL["hyperparameters"], "CAT": {"iterations": 20}},
        "time_limit": 60,
    }
    run = train(REGRESSION, table.astype({"empty": "string"}), "y", config=config)
    text = run.reporter.text
    assert "Columns used (4): 'a', 'b', 'c', 'd'" in text
    assert "'empty' (it has no value)" in text
    assert "'name' (it identifies rows)" in text
    assert "LinearModel: validation root_mean_squared_error" in text
    assert "Held-out rmse" in text
    assert str(tmp_path) not in text
    assert "torch" not in text
    printed = capfd.readouterr()
    assert (printed.out, printed.err) == ("", "")


def test_parameters_name_what_the_run_really_used(train):
    run = train(REGRESSION, frame(), "y", config={**SMALL, "seed": 3})
    parameters = run.reporter.parameters
    assert parameters["seed"] == 3
    assert parameters["eval_metric"] == "root_mean_squared_error"
    assert parameters["presets"] == "medium_quality"
    assert parameters["model_types"] == "GBM, XGB, RF, XT, LR"
    assert parameters["GBM.num_boost_round"] == 20
    assert parameters["cpu"] == 1
    assert parameters["feature_columns"] == 4
    assert {
        "python_version",
        "autogluon.tabular_version",
        "lightgbm_version",
        "time_limit",
    } <= parameters.keys()


def test_nothing_of_a_run_stays_behind_in_the_process(train):
    before = os.environ.copy(), logging.getLogger("autogluon").handlers
    train(REGRESSION, frame(), "y", config=SMALL)
    assert (os.environ.copy(), logging.getLogger("autogluon").handlers) == before


def test_a_run_outside_the_main_thread(train):
    runs = []
    thread = threading.Thread(
        target=lambda: runs.append(train(REGRESSION, frame(), "y", config=SMALL))
    )
    thread.start()
    thread.join(timeout=60)
    assert runs[0].model.summary_metrics["r2"] > 0.3


@pytest.mark.parametrize(
    "endless",
    [
        {"GBM": {"num_boost_round": 1_000_000, "ag_args_fit": {"early_stop": None}}},
        {"CAT": {"iterations": 1_000_000, "ag_args_fit": {"early_stop": None}}},
        {"XGB": {"n_estimators": 1_000_000, "ag_args_fit": {"early_stop": None}}},
    ],
    ids=lambda endless: next(iter(endless)),
)
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_a_model_past_the_hard_stop_is_skipped_and_no_other_begun(recorder, tmp_path, endless):
    predictor = TabularPredictor(label="y", path=str(tmp_path / "fit"), problem_type="regression")
    started = time.monotonic()
    with reported_output(recorder, str(tmp_path)), ModelStop(1.5) as stop:
        predictor.fit(
            frame(rows=2000),
            hyperparameters={**endless, "LR": {"ag_args": {"priority": 0}}},
            num_cpus=1,
            num_gpus=0,
            callbacks=[ProgressCallback(recorder, stop)],
            raise_on_no_models_fitted=False,
        )
    assert 1.4 < time.monotonic() - started < 15
    # Told in one of its callbacks, CatBoost ends there and keeps the trees that it has.
    kept = {"CatBoost", "WeightedEnsemble_L2"} if "CAT" in endless else set()
    assert set(predictor.model_names()) in (set(), kept)
    assert predictor.model_names() or "Time limit exceeded" in recorder.text


def test_after_the_hard_stop_what_was_fitted_is_still_combined(recorder, tmp_path):
    predictor = TabularPredictor(label="y", path=str(tmp_path / "fit"), problem_type="regression")
    hyperparameters = {"LR": {}, "XT": {"n_estimators": 10}, "RF": {"n_estimators": 10}}
    stop = ModelStop(60, grace=1e6)
    with reported_output(recorder, str(tmp_path)), stop:
        predictor.fit(
            frame(),
            hyperparameters=hyperparameters,
            num_cpus=1,
            num_gpus=0,
            callbacks=[StopsAfterTwo(recorder, stop)],
        )
    names = predictor.model_names()
    assert len(names) == 3
    assert names[-1] == "WeightedEnsemble_L2"


def test_a_refit_that_takes_too_long_leaves_the_model_as_it_was(train, monkeypatch):
    monkeypatch.setattr(hard_stop, "_RETRY_SECONDS", 0.001)
    refit = fitting._refit

    def late(predictor, task, stop, reporter, **more):
        stop._deadline = time.monotonic()
        refit(predictor, task, stop, reporter, **more)

    monkeypatch.setattr(fitting, "_refit", late)
    endless = {"num_boost_round": 300, "num_leaves": 60}
    config = {
        "presets": "good_quality",
        "hyperparameters": {"GBM": endless},
        "excluded_model_types": ["CAT", "XGB", "RF", "XT", "LR"],
        "num_bag_folds": 2,
        "time_limit": 60,
    }
    run = train(REGRESSION, frame(3000), "y", config=config)
    assert "Refitting on all rows took too long" in run.reporter.text
    assert "LightGBM_BAG_L1" in run.reporter.parameters["models"]
    assert run.predictor().predict(frame())["y"].notna().all()


def test_a_callback_that_was_pickled_reports_nothing(recorder):
    callback = ProgressCallback(recorder, ModelStop(1))
    copy = pickle.loads(pickle.dumps(callback))
    assert copy.before_model_fit(trainer=None, model=None) == (False, False)
    assert copy.after_model_fit(trainer=None, model_names=[]) is False
    assert recorder.lines == []
