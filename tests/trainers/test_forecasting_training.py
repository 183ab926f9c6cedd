"""The forecasting trainer from Parquet to forecasts."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest

from forecasting_data import QUICK, STORES, run_trainer, stores
from modelstudio.trainers.base import TrainingError

pytestmark = pytest.mark.training

KNOWN = {**STORES, "known_covariates": ["promotion"]}


@pytest.fixture(scope="module")
def finished(tmp_path_factory, recorder_type):
    frame = stores()
    history = frame[frame["day"] < "2024-04-24"]
    folder = tmp_path_factory.mktemp("forecast")
    return frame, run_trainer(folder / "run", recorder_type(), history, KNOWN)


def future_of(frame, history_end="2024-04-24"):
    later = frame[frame["day"] >= history_end]
    return later.assign(sales=np.nan)


def test_known_promotions_of_the_future_are_used(finished):
    frame, run = finished
    later = frame[frame["day"] >= "2024-04-24"].sort_values(["store", "day"])
    found = run.predict(future_of(frame))
    assert list(found.columns[:3]) == ["store", "day", "prediction"]
    assert (found["day"].to_numpy() == later["day"].to_numpy()).all()
    error = np.abs(found["prediction"].to_numpy() - later["sales"].to_numpy())
    assert error.sum() / later["sales"].sum() < 0.2
    blind = run.predict()
    blind_error = np.abs(blind["prediction"].to_numpy() - later["sales"].to_numpy())
    assert error.sum() < 0.7 * blind_error.sum()


def test_quantiles_are_ordered_and_not_negative(finished):
    _, run = finished
    found = run.predict()
    levels = [name for name in found if name.startswith("prediction_")]
    assert levels == [f"prediction_{level}" for level in ("0.1", "0.25", "0.5", "0.75", "0.9")]
    values = found[levels].to_numpy()
    assert (np.diff(values, axis=1) >= 0).all()
    assert (values >= 0).all()


def test_the_same_run_gives_the_same_forecast_to_the_bit(finished, recorder, tmp_path):
    frame, run = finished
    history = frame[frame["day"] < "2024-04-24"]
    again = run_trainer(tmp_path / "again", recorder, history, KNOWN)
    pd.testing.assert_frame_equal(run.predict(), again.predict(), check_exact=True)
    pd.testing.assert_frame_equal(
        run.predict(future_of(frame)), again.predict(future_of(frame)), check_exact=True
    )


def test_given_history_replaces_what_the_model_remembers(finished):
    frame, run = finished
    one = frame[(frame["store"] == "store 3") & (frame["day"] < "2024-04-24")]
    ahead = future_of(frame[frame["store"] == "store 3"])
    given = pd.concat([one, ahead])
    pd.testing.assert_frame_equal(run.predict(given), run.predict(ahead), rtol=1e-6)
    newer = frame[(frame["store"] == "store 3") & (frame["day"] >= "2024-04-24")]
    newer = newer.assign(sales=newer["sales"].where(newer["day"] < "2024-04-27"))
    found = run.predict(newer)
    assert found["day"].iloc[0] == pd.Timestamp("2024-04-27")
    assert len(found) == 6


def test_a_new_item_is_forecast_from_its_own_history(finished):
    frame, run = finished
    new = frame[frame["store"] == "store 0"].assign(
        store="new", sales=lambda rows: rows["sales"] * 50
    )
    ahead = future_of(new.assign(sales=np.nan), "2024-04-24")
    found = run.predict(pd.concat([new[new["day"] < "2024-04-24"], ahead]))
    assert set(found["store"]) == {"new"}
    assert found["prediction"].mean() == pytest.approx(new["sales"].tail(28).mean(), rel=0.4)
    with pytest.raises(ValueError, match="no history of 'stranger'"):
        run.predict(pd.DataFrame({"store": ["stranger"], "day": ["2024-05-01"]}))
    with pytest.raises(KeyError, match="day"):
        run.predict(pd.DataFrame({"store": ["store 0"]}))


def test_the_run_leaves_tables_metrics_and_parameters(finished):
    _, run = finished
    tables, metrics = run.reporter.tables, run.model.summary_metrics
    assert {
        "backtest", "metrics_by_horizon", "metrics_by_series", "leaderboard", "model_weights",
        "interval_coverage", "feature_importance",
    } <= set(tables)  # fmt: skip
    assert {"MASE", "WQL", "sMAPE", "RMSSE", "MAE", "RMSE", "WAPE", "coverage_0.8"} <= set(metrics)
    assert metrics["MASE"] < 0.7
    assert tables["model_weights"]["weight"].sum() == pytest.approx(1)
    assert len(tables["metrics_by_series"]) == 8
    assert list(tables["metrics_by_horizon"]["step"]) == [1, 2, 3, 4, 5, 6]
    backtest = tables["backtest"]
    test = backtest[backtest["window"] == 0]
    assert len(test) == 8 * 6
    error = (test["actual"] - test["prediction"]).abs()
    assert error.mean() == pytest.approx(metrics["MAE"])
    parameters = run.reporter.parameters
    assert parameters["frequency"] == "D"
    assert {"lightgbm_version", "statsforecast_version", "seed", "cpu_model"} <= set(parameters)
    assert tables["warnings"].empty
    assert parameters["static_features"] == "region"
    assert parameters["past_covariates"] == "visitors"
    assert "validation/MASE" in run.reporter.series
    assert "DirectLightGBM/MASE" in run.reporter.series, run.reporter.text


def test_nothing_in_the_package_is_pickled(finished):
    _, run = finished
    names = {path.suffix for path in run.folder.rglob("*") if path.is_file()}
    assert names <= {".json", ".parquet", ".npz", ".txt"}
    json.loads((run.folder / "manifest.json").read_text())


def test_a_single_short_series_without_other_columns(recorder, tmp_path):
    frame = pd.DataFrame(
        {"year": pd.date_range("1990-01-01", periods=18, freq="YS"), "value": np.arange(18.0) - 6}
    )
    mapping = {"timestamp_column": ["year"], "target_column": ["value"]}
    config = {"prediction_length": 2, "presets": "medium_quality", "excluded_model_types": []}
    run = run_trainer(tmp_path / "run", recorder, frame, mapping, config=config)
    found = run.predict()
    assert list(found["year"]) == [pd.Timestamp("2008-01-01"), pd.Timestamp("2009-01-01")]
    assert found["prediction"].to_numpy() == pytest.approx([12, 13], abs=1.5)


def test_what_can_spoil_the_forecasts_is_told(recorder, tmp_path):
    frame = stores(4, 60)
    frame = frame[~frame["day"].between("2024-01-20", "2024-01-27")]
    frame.loc[frame["store"] == "store 1", "sales"] = 5.0
    empty = frame[frame["store"] == "store 0"].assign(store="empty", sales=np.nan)
    run_trainer(tmp_path / "run", recorder, pd.concat([frame, empty]))
    found = recorder.tables["warnings"]
    assert list(found["code"]) == ["series_without_values", "many_gaps", "constant_series"]
    assert "'store 1'" in found["message"].iloc[2]
    assert ("WARNING", found["message"].iloc[0] + ". " + found["advice"].iloc[0] + ".") in (
        recorder.lines
    )


def test_a_test_dataset_is_what_the_model_is_measured_on(recorder, tmp_path):
    frame = stores(4)
    history, test = frame[frame["day"] < "2024-04-20"], frame[frame["day"] >= "2024-04-10"]
    run = run_trainer(tmp_path / "run", recorder, history, KNOWN, test=test)
    backtest = recorder.tables["backtest"]
    measured = backtest[backtest["window"] <= 0]
    assert set(measured["timestamp"]) == set(test["day"][test["day"] >= "2024-04-20"])
    found = run.predict()
    assert found["day"].min() == frame["day"].max() + pd.Timedelta(days=1)


def test_no_model_left_says_so(recorder, tmp_path):
    from modelstudio.trainers.forecasting.schema import MODEL_TYPES

    with pytest.raises(TrainingError, match=r"^No models trained$"):
        run_trainer(
            tmp_path / "run",
            recorder,
            stores(2, 40),
            config={"excluded_model_types": [*MODEL_TYPES]},
        )


def test_series_too_short_to_measure_are_refused(recorder, tmp_path):
    with pytest.raises(TrainingError, match="Shorten the prediction length"):
        run_trainer(tmp_path / "run", recorder, stores(2, 8))


def test_quick_configuration_is_valid():
    import jsonschema

    from modelstudio.trainers.forecasting.specification import FORECASTING

    jsonschema.Draft202012Validator(FORECASTING.config_schema).validate(QUICK)
