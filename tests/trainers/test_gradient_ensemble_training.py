"""Gradient ensembles fitted on real and synthetic data, from Parquet to predictions."""

from __future__ import annotations

import json
import subprocess
import sys
import time

import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import load_breast_cancer, load_diabetes, load_wine

from modelstudio.trainers.base import TrainingError
from modelstudio.trainers.tabular.gradient_ensemble.specification import (
    CLASSIFICATION,
    REGRESSION,
)
from patience import allowed
from typed_commands import variables

pytestmark = pytest.mark.training

#: Decides nothing by the clock and takes a second.
REPEATABLE = {
    "time_limit": 60,
    "max_models": 3,
    "num_folds": 2,
    "hyperparameters": {"GBM": {"rounds": 30}, "CAT": {"rounds": 30}, "NN": {"epochs": 5}},
}


def synthetic(rows=400, seed=1):
    """A frame of every kind of column, with holes, and targets that follow from it."""
    random = np.random.default_rng(seed)
    at = pd.Timestamp("2024-01-01") + pd.to_timedelta(random.integers(0, 24 * 90, rows), unit="h")
    frame = pd.DataFrame(
        {
            "size": random.normal(50, 10, rows),
            "colour": random.choice(["red", "green", "blue"], rows),
            "town": random.choice([f"town {n}" for n in range(40)], rows),
            "at": at,
            "sold": random.random(rows) < 0.5,
            "rooms": random.integers(1, 9, rows),
        }
    )
    bonus = frame["colour"].map({"red": 20, "green": 0, "blue": -20})
    value = frame["size"] + bonus + 3 * (frame["at"].dt.hour - 12) + 5 * frame["rooms"]
    frame.loc[random.random(rows) < 0.1, "size"] = np.nan
    frame.loc[random.random(rows) < 0.1, "colour"] = None
    return frame, value


def plain(frame):
    """Rows as a caller of the row path has them."""
    rows = []
    for record in frame.to_dict("records"):
        row = {}
        for name, value in record.items():
            if value is None or value is pd.NaT or value != value:  # noqa: PLR0124
                row[name] = None
            elif isinstance(value, pd.Timestamp):
                row[name] = value.isoformat()
            else:
                row[name] = value.item() if isinstance(value, np.generic) else value
        rows.append(row)
    return rows


def assert_rows_equal_table(predictor, frame):
    table = predictor.predict(frame)
    for number, row in enumerate(plain(frame)):
        answer = predictor.predict_row(row)
        assert list(answer) == list(table)
        for name, value in answer.items():
            assert value == table[name].iloc[number], name


def target_kinds(value):
    high = value > value.median()
    parts = pd.qcut(value, 4, labels=["a", "b", "c", "d"]).astype(str)
    return {"flag": high, "word": parts, "code": high.astype("int64") * 7, "half": high * 0.5}


@pytest.mark.parametrize("kind", ["flag", "word", "code", "half"])
def test_a_row_is_answered_as_in_a_table_whatever_the_class_labels(train, kind):
    frame, value = synthetic(300)
    frame["y"] = target_kinds(value)[kind]
    config = {**REPEATABLE, "max_models": 4, "predict_probabilities": True}
    run = train(CLASSIFICATION, frame, "y", config=config)
    predictor = run.predictor()
    features = frame.drop(columns="y").head(40)
    assert_rows_equal_table(predictor, features)
    table = predictor.predict(features)
    shares = table.filter(like="y_proba_")
    assert np.allclose(shares.sum(axis=1), 1)
    assert type(table["y"].iloc[0]) is type(frame["y"].iloc[0])
    assert run.model.summary_metrics["accuracy"] > 0.5
    assert {"GBM", "CAT", "NN"} < set(run.reporter.tables["leaderboard"]["model_type"])


def test_a_regression_row_is_answered_as_in_a_table(train):
    frame, value = synthetic(300)
    frame["y"] = np.exp(value / 40)  # skewed: logarithms are learned as well
    config = {"time_limit": 60, "max_models": 9, "num_folds": 2}
    run = train(REGRESSION, frame, "y", config=config)
    assert any(run.reporter.tables["leaderboard"]["model"].str.endswith("_Log"))
    predictor = run.predictor()
    assert_rows_equal_table(predictor, frame.drop(columns="y").head(40))
    assert predictor.predict(frame.head(0)).shape == (0, 1)
    assert run.model.summary_metrics["r2"] > 0.6


def test_the_same_data_configuration_and_seed_give_the_same_bits(train):
    frame, value = synthetic(300)
    frame["y"] = value > value.median()
    config = {**REPEATABLE, "predict_probabilities": True, "max_models": 6}
    first, second = (train(CLASSIFICATION, frame, "y", config=config) for _ in range(2))
    one, other = (run.predictor().predict(frame) for run in (first, second))
    pd.testing.assert_frame_equal(one, other, check_exact=True)
    assert first.model.summary_metrics == second.model.summary_metrics
    changed = train(CLASSIFICATION, frame, "y", config={**config, "seed": 1})
    assert not changed.predictor().predict(frame).equals(one)


FITTED_ELSEWHERE = """
import sys
from pathlib import Path
from modelstudio.trainers.tabular.gradient_ensemble.specification import CLASSIFICATION
from trained import train_on
from trainers.test_gradient_ensemble_training import REPEATABLE, synthetic
frame, value = synthetic(200)
frame["y"] = value > value.median()
config = {**REPEATABLE, "predict_probabilities": True}
run = train_on(frame, "y", Path(sys.argv[1]), trainer=CLASSIFICATION, config=config)
print(run.predictor().predict(frame)["y_proba_True"].to_numpy().tobytes().hex()[-4000:])
"""


def test_another_process_with_another_order_of_sets_gives_the_same_bits(tmp_path):
    answers = set()
    for seed in ("1", "2"):
        folder = tmp_path / seed
        folder.mkdir()
        done = subprocess.run(
            [sys.executable, "-c", FITTED_ELSEWHERE, str(folder)],
            env=variables(PYTHONHASHSEED=seed, OMP_WAIT_POLICY="PASSIVE"),
            capture_output=True,
            text=True,
            check=True,
        )
        answers.add(done.stdout.splitlines()[-1])
    assert len(answers) == 1
    assert len(answers.pop()) > 1000


def test_the_package_is_small_and_holds_no_pickle(train):
    frame = load_breast_cancer(as_frame=True).frame
    run = train(CLASSIFICATION, frame, "target", config={**REPEATABLE, "max_models": 4})
    files = [path for path in run.output_dir.rglob("*") if path.is_file()]
    assert {path.suffix for path in files} <= {".json", ".npz", ".gz", ".cbm"}
    assert sum(path.stat().st_size for path in files) < 3_000_000
    for path in files:
        content = path.read_bytes()
        assert b"cnumpy" not in content
        assert not content.startswith(b"\x80")
    assert run.model.summary_metrics["roc_auc"] > 0.97


def test_a_row_takes_little_of_the_cpu(train):
    frame, value = synthetic(300)
    frame["y"] = value
    run = train(REGRESSION, frame, "y", config={**REPEATABLE, "max_models": 4})
    predictor = run.predictor()
    rows = plain(frame.drop(columns="y").head(50))
    predictor.predict_row(rows[0])
    times = []
    for _ in range(5):
        before = time.process_time()
        for row in rows:
            predictor.predict_row(row)
        times.append((time.process_time() - before) / len(rows))
    assert min(times) < 0.003, "a millisecond, three on a machine that is busy or slow"


def test_the_time_limit_is_used_and_kept(train):
    frame, value = synthetic(6_000)
    frame["y"] = value > value.median()
    started = time.monotonic()
    run = train(CLASSIFICATION, frame, "y", config={"time_limit": 10, "eval_metric": "roc_auc"})
    took = time.monotonic() - started
    assert 8.5 < took < allowed(11.5), "a tenth, and a little for a busy machine"
    assert len(run.reporter.tables["leaderboard"]) >= 5
    assert run.reporter.series["validation/roc_auc"]
    best = [value for _, value, _ in run.reporter.series["validation/best_roc_auc"]]
    assert best == sorted(best)
    assert any(name.startswith("train/LightGBM/") for name in run.reporter.series)
    assert run.model.summary_metrics["roc_auc"] > 0.95


def test_the_evaluated_models_have_not_learned_from_the_held_out_rows(train):
    """With targets that are pure chance, whoever has seen the rows would look better than 0.5."""
    random = np.random.default_rng(5)
    frame = pd.DataFrame(random.normal(size=(400, 6)), columns=list("abcdef"))
    frame["y"] = random.integers(0, 2, 400)
    config = {
        "time_limit": 60,
        "max_models": 1,
        "num_folds": 3,
        "hyperparameters": {"GBM": {"num_leaves": 63, "min_data_in_leaf": 1, "rounds": 200}},
        "excluded_model_types": ["CAT", "KERNEL", "LR", "NN", "RF"],
    }
    run = train(CLASSIFICATION, frame, "y", config=config)
    assert 0.3 < run.model.summary_metrics["roc_auc"] < 0.7
    assert run.reporter.parameters["holdout_rows"] == 80


def test_all_rows_are_learned_from_when_test_rows_are_given(train):
    frame = load_diabetes(as_frame=True).frame
    config = {**REPEATABLE, "max_models": 3}
    run = train(REGRESSION, frame.head(300), "target", test=frame.tail(142), config=config)
    assert run.reporter.parameters["train_rows"] == 300
    assert run.reporter.parameters["holdout_rows"] == 142
    assert run.model.summary_metrics["rmse"] < 75


def test_without_learning_from_all_rows_the_evaluated_model_is_delivered(train):
    frame = load_wine(as_frame=True).frame
    config = {**REPEATABLE, "refit_full": False, "predict_probabilities": True}
    run = train(CLASSIFICATION, frame, "target", config=config)
    assert run.model.summary_metrics["accuracy"] > 0.8
    assert run.reporter.parameters["train_rows"] == 142


@pytest.mark.parametrize("metric", ["f1", "balanced_accuracy", "mcc", "average_precision"])
def test_other_metrics_of_two_classes(train, metric):
    frame, value = synthetic(300)
    frame["y"] = np.where(value > value.quantile(0.85), "yes", "no")
    config = {**REPEATABLE, "max_models": 2, "eval_metric": metric}
    run = train(CLASSIFICATION, frame, "y", config=config)
    assert run.model.summary_metrics["balanced_accuracy"] > 0.6
    assert run.reporter.parameters["eval_metric"] == metric


@pytest.mark.parametrize(
    "metric",
    ["mean_absolute_error", "mean_absolute_percentage_error", "r2", "median_absolute_error"],
)
def test_other_metrics_of_numbers(train, metric):
    frame, value = synthetic(300)
    frame["y"] = value + 200
    run = train(
        REGRESSION, frame, "y", config={**REPEATABLE, "max_models": 4, "eval_metric": metric}
    )
    assert run.model.summary_metrics["r2"] > 0.3


def test_ten_rows_and_a_class_with_a_single_one(train):
    frame = pd.DataFrame(
        {"a": range(10), "b": list("xyxyxyxyxy"), "y": ["u"] * 5 + ["v"] * 4 + ["w"]}
    )
    run = train(CLASSIFICATION, frame, "y", config={"time_limit": 60, "max_models": 4})
    predicted = run.predictor().predict(frame)
    assert set(predicted["y"]) <= {"u", "v", "w"}
    assert_rows_equal_table(run.predictor(), frame.drop(columns="y"))


def test_only_text_columns_and_test_rows_of_an_unknown_class(train):
    random = np.random.default_rng(6)
    words = np.array([f"w{n}" for n in range(30)])
    texts = [" ".join(random.choice(words, 8)) for _ in range(200)]
    frame = pd.DataFrame({"text": texts})
    frame["y"] = np.where(frame["text"].str.contains("w1 |w2 "), "hit", "miss")
    test = frame.head(40).copy()
    test.loc[0, "y"] = "never seen"
    run = train(CLASSIFICATION, frame.tail(160), "y", test=test, config=REPEATABLE)
    assert run.model.summary_metrics["accuracy"] > 0.5


def test_many_classes(train):
    random = np.random.default_rng(7)
    codes = np.repeat(np.arange(150), 4)
    frame = pd.DataFrame({"a": codes + random.normal(0, 0.1, 600), "b": random.normal(size=600)})
    frame["y"] = [f"class {code}" for code in codes]
    config = {"time_limit": 10, "predict_probabilities": True}
    started = time.monotonic()
    run = train(CLASSIFICATION, frame, "y", config=config)
    assert time.monotonic() - started < allowed(13)
    assert run.model.summary_metrics["accuracy"] > 0.02, "three times chance"
    assert_rows_equal_table(run.predictor(), frame.drop(columns="y").head(5))


def test_no_model_type_is_left(train):
    frame = load_wine(as_frame=True).frame
    config = {"excluded_model_types": ["GBM", "CAT", "KERNEL", "LR", "NN", "RF"]}
    with pytest.raises(TrainingError, match=r"^No models trained$"):
        train(CLASSIFICATION, frame, "target", config=config)


def test_own_hyperparameters_are_the_only_ones_of_their_type(train):
    frame = load_diabetes(as_frame=True).frame
    config = {
        "time_limit": 60,
        "max_models": 5,
        "num_folds": 2,
        "hyperparameters": {"GBM": {"num_leaves": 5, "rounds": 20}},
        "excluded_model_types": ["CAT", "KERNEL", "NN", "RF"],
    }
    run = train(REGRESSION, frame, "target", config=config)
    board = run.reporter.tables["leaderboard"]
    boosted = board[board["model_type"] == "GBM"]
    assert [json.loads(each) for each in boosted["parameters"]] == [{"num_leaves": 5, "rounds": 20}]
    assert (boosted["rounds"] <= 20).all()
    assert set(board["model_type"]) == {"GBM", "LR"}
