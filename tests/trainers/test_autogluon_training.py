"""Tabular models fitted on real and synthetic data, from Parquet to predictions."""

from __future__ import annotations

import dataclasses
import json
import shutil
from decimal import Decimal

import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import load_breast_cancer, load_diabetes, load_wine

from modelstudio.trainers.tabular import report
from modelstudio.trainers.tabular.autogluon.specification import CLASSIFICATION, REGRESSION

pytestmark = pytest.mark.training

# One small model of a type fits in well under a second.
LINEAR = {"excluded_model_types": ["GBM", "CAT", "XGB", "RF", "XT"], "time_limit": 60}
BOOSTED = {
    "excluded_model_types": ["CAT", "XGB", "RF", "XT", "LR"],
    "hyperparameters": {"GBM": {"num_boost_round": 40, "num_leaves": 15}},
    "time_limit": 60,
}
EVERY_TYPE = {
    "hyperparameters": {
        "GBM": {"num_boost_round": 30},
        "CAT": {"iterations": 30},
        "XGB": {"n_estimators": 30},
        "RF": {"n_estimators": 30},
        "XT": {"n_estimators": 30},
        "LR": {"C": 1.0},
    },
    "time_limit": 60,
}


def columns(model_api, side):
    return {column["name"]: column for column in model_api[side][0]["columns"]}


def synthetic(rows=300, seed=1):
    """A frame whose ``y`` follows from a number, a category and the hour of a timestamp."""
    random = np.random.default_rng(seed)
    at = pd.Timestamp("2024-01-01") + pd.to_timedelta(random.integers(0, 24 * 90, rows), unit="h")
    frame = pd.DataFrame(
        {
            "size": random.normal(50, 10, rows),
            "colour": random.choice(["red", "green", "blue"], rows),
            "at": at,
            "sold": random.random(rows) < 0.5,
            "rooms": random.integers(1, 9, rows),
        }
    )
    bonus = frame["colour"].map({"red": 20, "green": 0, "blue": -20})
    frame["y"] = frame["size"] + bonus + 3 * (frame["at"].dt.hour - 12) + 5 * frame["rooms"]
    return frame


@pytest.fixture
def breast_cancer():
    return load_breast_cancer(as_frame=True).frame


def test_every_model_type_learns_a_binary_target(train, breast_cancer):
    run = train(CLASSIFICATION, breast_cancer, "target", config=EVERY_TYPE)
    metrics = run.model.summary_metrics
    assert set(metrics) == {
        "accuracy", "balanced_accuracy", "mcc", "cohen_kappa", "precision", "recall", "f1",
        "precision_macro", "recall_macro", "f1_macro", "f1_weighted", "log_loss", "brier_score",
        "roc_auc", "average_precision", "expected_calibration_error", "skill",
    }  # fmt: skip
    assert metrics["accuracy"] > 0.92
    assert metrics["roc_auc"] > 0.97
    board = run.reporter.tables["leaderboard"]
    assert set(board["model_type"]) == {"GBM", "CAT", "XGB", "RF", "XT", "LR", "ENS_WEIGHTED"}
    assert board["score_holdout"].between(0.85, 1).all()
    matrix = run.reporter.tables["confusion_matrix"]
    assert matrix["count"].sum() == 114
    assert run.reporter.parameters["positive_class"] == "1"
    assert run.reporter.parameters["train_rows"] == 455
    assert run.reporter.parameters["holdout_rows"] == 114
    predicted = run.predictor().predict(breast_cancer)
    assert predicted["target"].dtype == np.int64
    assert (predicted["target"] == breast_cancer["target"]).mean() > 0.95


def test_classes_with_names_and_their_probabilities(train):
    wine = load_wine(as_frame=True)
    frame = wine.frame.assign(target=wine.target.map(dict(enumerate(wine.target_names))))
    frame = frame.rename(columns={"target": "cultivar"})
    config = {**LINEAR, "predict_probabilities": True, "prediction_column_name": "guess"}
    run = train(CLASSIFICATION, frame, "cultivar", config=config)
    assert run.model.summary_metrics["accuracy"] > 0.9
    assert {"f1_macro", "precision_macro", "recall_macro"} <= set(run.model.summary_metrics)
    assert run.reporter.parameters["eval_metric"] == "log_loss"
    probabilities = [f"guess_proba_class_{number}" for number in (0, 1, 2)]
    assert list(columns(run.model.model_api, "outputs")) == ["guess", *probabilities]
    assert columns(run.model.model_api, "outputs")["guess"]["dataType"] == {"type": "string"}
    predicted = run.predictor().predict(frame.drop(columns="cultivar"))
    assert list(predicted) == ["guess", *probabilities]
    assert np.allclose(predicted[probabilities].sum(axis=1), 1)
    likeliest = predicted[probabilities].idxmax(axis=1).str.removeprefix("guess_proba_")
    assert (likeliest == predicted["guess"]).all()


def test_regression_leaves_metrics_and_residuals(train):
    frame = load_diabetes(as_frame=True).frame
    run = train(REGRESSION, frame, "target", config=LINEAR)
    metrics = run.model.summary_metrics
    assert set(metrics) == {
        "rmse", "mae", "median_absolute_error", "r2", "explained_variance", "max_error", "mape",
        "smape", "rmsle", "skill",
    }  # fmt: skip
    assert metrics["rmse"] < 65
    assert metrics["r2"] > 0.3
    residuals = run.reporter.tables["residuals"]
    assert len(residuals) == 89
    assert np.allclose(residuals["actual"] - residuals["predicted"], residuals["residual"])
    assert np.sqrt((residuals["residual"] ** 2).mean()) == pytest.approx(metrics["rmse"])
    board = run.reporter.tables["leaderboard"]
    assert (board["score_holdout"] > 0).all(), "errors are shown as they are, not negated"
    importance = run.reporter.tables["feature_importance"].set_index("column")
    assert importance["importance"].idxmax() in {"bmi", "s5", "s1"}
    assert importance["stddev"].notna().all()
    assert columns(run.model.model_api, "outputs") == {
        "target": {"name": "target", "required": True, "dataType": {"type": "double"}}
    }


def test_dates_categories_and_flags_are_learned_from(train):
    run = train(REGRESSION, synthetic(), "y", config=LINEAR)
    assert run.model.summary_metrics["r2"] > 0.97, "the hour of the timestamp must count"
    inputs = columns(run.model.model_api, "inputs")
    types = {name: column["dataType"]["type"] for name, column in inputs.items()}
    assert types == {
        "size": "double", "colour": "string", "at": "timestamp", "sold": "boolean", "rooms": "long"
    }  # fmt: skip
    importance = run.reporter.tables["feature_importance"]
    assert set(importance["column"]) == set(inputs), "the parts of a date count as one column"
    assert importance.set_index("column").loc["at", "importance"] > 5


def test_a_loaded_model_predicts_the_same_wherever_its_files_are(train, tmp_path):
    frame = synthetic()
    run = train(REGRESSION, frame, "y", config=BOOSTED)
    first = run.predictor().predict(frame)
    elsewhere = tmp_path / "elsewhere"
    shutil.move(run.output_dir, elsewhere)
    loaded = dataclasses.replace(run, output_dir=elsewhere).predictor()
    assert loaded.predict(frame).equals(first)
    shuffled = frame.sample(frac=1, random_state=0)
    assert loaded.predict(shuffled)["y"].equals(first["y"].loc[shuffled.index])
    row_by_row = [loaded.predict(frame.iloc[[row]])["y"].iloc[0] for row in range(5)]
    assert row_by_row == first["y"].tolist()[:5]
    assert loaded.predict(frame.head(0)).empty


def test_predictions_from_json_values_equal_those_from_parquet(train):
    frame = synthetic()
    run = train(REGRESSION, frame, "y", config=BOOSTED)
    predictor = run.predictor()
    records = json.loads(frame.head(20).to_json(orient="records", date_format="iso"))
    from_json = predictor.predict(pd.DataFrame(records))
    assert from_json["y"].tolist() == predictor.predict(frame.head(20))["y"].tolist()


def test_a_model_needs_only_the_columns_that_were_never_missing(train):
    frame = synthetic()
    frame.loc[::4, "colour"] = None
    frame["sold"] = frame["sold"].astype(object).mask(frame.index % 5 == 0, None)
    frame.loc[::6, "at"] = None
    frame["constant"] = 1
    run = train(REGRESSION, frame, "y", config=BOOSTED)
    inputs = columns(run.model.model_api, "inputs")
    required = {name for name, column in inputs.items() if column["required"]}
    assert required == {"size", "rooms"}
    assert "constant" not in inputs
    assert "'constant' (it has one value)" in run.reporter.text
    predictor = run.predictor()
    assert predictor.predict(frame[["size", "rooms"]])["y"].notna().all()
    with pytest.raises(KeyError, match="rooms"):
        predictor.predict(frame.drop(columns="rooms"))
    missing = frame.head(2).assign(rooms=[None, 3])
    assert predictor.predict(missing)["y"].notna().all()


def test_rows_without_a_target_are_left_out_and_counted(train):
    frame = synthetic()
    frame.loc[:49, "y"] = None
    frame.loc[50, "y"] = np.inf
    run = train(REGRESSION, frame, "y", config=LINEAR)
    assert "Left out 51 of 300 rows" in run.reporter.text
    assert run.reporter.parameters["rows_without_target"] == 51
    assert run.reporter.parameters["train_rows"] + run.reporter.parameters["holdout_rows"] == 249


def test_a_test_dataset_is_what_the_model_is_measured_on(train):
    frame = synthetic(rows=400)
    run = train(REGRESSION, frame.head(300), "y", test=frame.tail(100), config=LINEAR)
    assert run.reporter.parameters["train_rows"] == 300
    assert run.reporter.parameters["holdout_rows"] == 100
    residuals = run.reporter.tables["residuals"]
    assert residuals["actual"].tolist() == frame["y"].tail(100).tolist()
    predicted = run.predictor().predict(frame.tail(100))["y"]
    assert np.allclose(residuals["predicted"], predicted)


def test_a_test_dataset_may_hold_a_class_that_training_has_not(train):
    frame = synthetic(rows=200).assign(y=lambda table: (table["size"] > 50).astype(int))
    test = frame.head(50).astype({"y": "float64"})
    test.loc[:9, "y"] = 7
    config = {**LINEAR, "refit_full": True}
    run = train(CLASSIFICATION, frame, "y", test=test, config=config)
    assert 0.6 < run.model.summary_metrics["accuracy"] <= 0.8
    assert "10 held-out rows are of 1 classes that the model has not learned" in run.reporter.text


@pytest.mark.parametrize(
    ("classes", "wire_type"),
    [
        ([Decimal("1.50"), Decimal("2.25")], "double"),
        ([2**60, 2**60 + 1], "long"),
        (["nan", "None", " "], "string"),
    ],
)
def test_classes_of_any_type_come_back_as_they_were(train, classes, wire_type):
    frame = synthetic()
    codes = pd.qcut(frame["y"], len(classes), labels=False)
    frame["y"] = [classes[code] for code in codes]
    run = train(CLASSIFICATION, frame, "y", config=LINEAR)
    predicted = run.predictor().predict(frame)["y"]
    assert set(predicted) == set(classes)
    assert (predicted == frame["y"].to_numpy()).mean() > 0.8
    assert columns(run.model.model_api, "outputs")["y"]["dataType"] == {"type": wire_type}


def test_boolean_classes_keep_their_type(train):
    frame = synthetic()
    frame["y"] = frame["y"] > frame["y"].median()
    run = train(CLASSIFICATION, frame, "y", config={**LINEAR, "predict_probabilities": True})
    assert run.model.summary_metrics["accuracy"] > 0.9
    predicted = run.predictor().predict(frame)
    assert predicted["y"].dtype == bool
    assert list(predicted) == ["y", "y_proba_False", "y_proba_True"]
    assert columns(run.model.model_api, "outputs")["y"]["dataType"] == {"type": "boolean"}


def test_two_hundred_columns_with_names_of_every_kind(train):
    random = np.random.default_rng(0)
    frame = pd.DataFrame(random.normal(size=(200, 200)))
    odd = ["with space", "qu'ote\"", "br[a]ck<e>ts{}", "名前", "a.b", "a,b:c", "emoji 🎈", "tab\t"]
    frame.columns = [*odd, *(f"column {number}" for number in range(200 - len(odd)))]
    frame["the target: [y]"] = np.where(frame["名前"] + frame["br[a]ck<e>ts{}"] > 0, 'a"b', "c[d]")
    run = train(CLASSIFICATION, frame, "the target: [y]", config=EVERY_TYPE)
    assert set(odd) <= set(columns(run.model.model_api, "inputs"))
    board = run.reporter.tables["leaderboard"]
    assert set(board["model_type"]) == {"GBM", "CAT", "XGB", "RF", "XT", "LR", "ENS_WEIGHTED"}
    predicted = run.predictor().predict(frame)
    assert (predicted["the target: [y]"] == frame["the target: [y]"]).mean() > 0.7


def test_the_same_seed_repeats_a_run_and_another_seed_does_not(train):
    frame = synthetic(rows=400)
    frame["y"] = pd.cut(frame["y"], 3, labels=["low", "mid", "high"]).astype(str)
    # All that use random numbers and threads.
    models = {
        "GBM": {"num_boost_round": 10},
        "CAT": {"iterations": 10},
        "XGB": {"n_estimators": 10},
    }
    forests = {"RF": {"n_estimators": 10}, "XT": {"n_estimators": 10}}
    config = {"hyperparameters": models | forests, "predict_probabilities": True, "time_limit": 60}
    runs = [
        train(CLASSIFICATION, frame, "y", config={**config, "seed": seed}, cpu=2)
        for seed in (7, 7, 8)
    ]
    first, again, other = (run.predictor().predict(frame) for run in runs)
    assert first.equals(again)
    assert runs[0].model.summary_metrics == runs[1].model.summary_metrics
    assert not first.equals(other)


def test_a_model_can_be_refitted_on_all_rows_after_its_evaluation(train):
    frame = synthetic()
    plain = train(REGRESSION, frame, "y", config=BOOSTED)
    refitted = train(REGRESSION, frame, "y", config={**BOOSTED, "refit_full": True})
    assert refitted.model.summary_metrics == plain.model.summary_metrics
    before, after = (run.predictor().predict(frame)["y"] for run in (plain, refitted))
    assert not before.equals(after)
    assert np.corrcoef(after, frame["y"])[0, 1] > 0.9


@pytest.mark.parametrize("presets", ["good_quality", "best_quality"])
def test_bagging_presets(train, presets):
    config = {**BOOSTED, "presets": presets, "num_bag_folds": 3}
    run = train(REGRESSION, synthetic(), "y", config=config)
    assert run.model.summary_metrics["r2"] > 0.7
    board = run.reporter.tables["leaderboard"]
    assert board["model"].str.contains("_BAG_L1").any()
    assert board["model"].str.endswith("_FULL").any() == (presets == "good_quality")
    assert run.predictor().predict(synthetic())["y"].notna().all()


def test_the_report_learns_what_validation_promised(train, monkeypatch):
    subjects = []
    write = report.write
    monkeypatch.setattr(
        report, "write", lambda subject, *more: subjects.append(subject) or write(subject, *more)
    )
    run = train(REGRESSION, synthetic(), "y", config=LINEAR)
    board = run.reporter.tables["leaderboard"].set_index("model")
    assert subjects[0].validation_score == board["score_validation"].iloc[0] > 0


def test_stacking_on_bagged_models(train):
    config = {**BOOSTED, "num_bag_folds": 2, "num_stack_levels": 1}
    run = train(REGRESSION, synthetic(), "y", config=config)
    assert {1, 2} <= set(run.reporter.tables["leaderboard"]["stack_level"])


def test_without_a_weighted_ensemble_the_best_model_is_used(train):
    config = {**EVERY_TYPE, "fit_weighted_ensemble": False, "excluded_model_types": ["CAT", "RF"]}
    run = train(REGRESSION, synthetic(), "y", config=config)
    types = set(run.reporter.tables["leaderboard"]["model_type"])
    assert types == {"GBM", "XGB", "XT", "LR"}


def test_an_inference_limit_that_no_model_keeps_leaves_the_fastest(train):
    config = {**EVERY_TYPE, "excluded_model_types": ["CAT", "XGB"], "infer_limit": 1e-12}
    run = train(REGRESSION, synthetic(), "y", config=config)
    assert "Impossible to satisfy" in run.reporter.text
    assert run.reporter.parameters["models"] in {"LightGBM", "LinearModel"}


def test_the_output_holds_the_best_model_only_and_names_its_libraries(train):
    run = train(REGRESSION, synthetic(), "y", config={**EVERY_TYPE, "fit_weighted_ensemble": False})
    models = [path.name for path in (run.output_dir / "predictor" / "models").iterdir()]
    assert len([name for name in models if not name.endswith(".pkl")]) == 1
    assert {path.name for path in run.output_dir.iterdir()} == {
        "predictor", "preparation.json", "manifest.json"
    }  # fmt: skip
    names = [pin.split("=")[0] for pin in run.model.requirements]
    assert names[:5] == ["python", "autogluon.tabular", "numpy", "pandas", "scikit-learn"]
    best = run.reporter.parameters["models"]
    library = {"LightGBM": "lightgbm", "CatBoost": "catboost", "XGBoost": "xgboost-cpu"}
    assert names[5:] == [library[best]] if best in library else names[5:] == []
    assert all(
        pin.count("=") == 1 and pin.split("=")[1][0].isdigit() for pin in run.model.requirements
    )


def test_ten_rows_are_enough(train):
    frame = synthetic(rows=10)
    run = train(REGRESSION, frame, "y", config=EVERY_TYPE)
    assert run.predictor().predict(frame)["y"].notna().all()
    frame["y"] = ["a", "b"] * 5
    run = train(CLASSIFICATION, frame, "y", config=EVERY_TYPE)
    assert set(run.predictor().predict(frame)["y"]) <= {"a", "b"}


def test_rare_classes_do_not_stop_a_run(train):
    frame = synthetic()
    frame["y"] = np.where(frame["size"] > 50, "big", "small")
    frame.loc[0, "y"] = "once"
    frame.loc[1:3, "y"] = "thrice"
    config = {**EVERY_TYPE, "predict_probabilities": True}
    run = train(CLASSIFICATION, frame, "y", config=config)
    assert run.model.summary_metrics["accuracy"] > 0.85
    bagged = train(CLASSIFICATION, frame, "y", config={**BOOSTED, "num_bag_folds": 3})
    assert bagged.model.summary_metrics["accuracy"] > 0.85
