"""What tabular trainers make of columns that were once read wrongly, from table to prediction."""

from __future__ import annotations

from decimal import Decimal

import numpy as np
import pandas as pd
import pytest

from modelstudio.trainers.base import TrainingError
from modelstudio.trainers.tabular.autogluon.specification import REGRESSION as AUTOGLUON
from modelstudio.trainers.tabular.gradient_ensemble.specification import (
    CLASSIFICATION,
    REGRESSION,
)

pytestmark = pytest.mark.training

#: Every kind of model, decided by no clock, in some seconds.
QUICK = {
    "time_limit": 60,
    "max_models": 5,
    "num_folds": 2,
    "hyperparameters": {"GBM": {"rounds": 60}, "CAT": {"rounds": 60}, "NN": {"epochs": 6}},
}
TREES = {
    "time_limit": 60,
    "max_models": 2,
    "num_folds": 2,
    "hyperparameters": {"GBM": {"rounds": 80}, "CAT": {"rounds": 80}},
    "excluded_model_types": ["LR", "NN", "KERNEL", "RF"],
}


def warnings(run, code):
    table = run.reporter.tables["warnings"]
    return table[table["code"] == code]


# columns that count rows --------------------------------------------------------------------------


def test_cycles_that_say_how_worn_a_machine_is_are_learned_from(train):
    random = np.random.default_rng(0)
    frame = pd.DataFrame({"cycle": range(1, 401), "noise": random.normal(size=400)})
    frame["wear"] = 0.01 * frame["cycle"] + random.normal(0, 0.05, 400)
    run = train(REGRESSION, frame, "wear", config=TREES)
    assert run.model.summary_metrics["r2"] > 0.9
    assert "'cycle'" in run.reporter.text.split("Columns used")[1].splitlines()[0]
    (message,) = warnings(run, "row_number_kept")["message"]
    assert (
        "it numbers the rows and is kept, since it tells of the target in rows that were held"
        in (message)
    )


@pytest.mark.parametrize("name", ["__index_level_0__", "Unnamed: 0", "index", "n"])
def test_a_count_of_rows_that_says_nothing_is_left_out_and_said(train, name):
    random = np.random.default_rng(1)
    frame = pd.DataFrame({name: range(300), "x": random.normal(size=300)})
    frame["y"] = frame["x"] + random.normal(0, 0.1, 300)
    run = train(REGRESSION, frame, "y", config=TREES)
    assert f"Columns left out (1): {name!r} (it " in run.reporter.text
    assert [one["name"] for one in run.model.model_api["inputs"][0]["columns"]] == ["x"]


def test_an_index_is_left_out_although_the_rows_are_sorted_by_class(train):
    frame = pd.DataFrame({"Unnamed: 0": range(300), "x": np.random.default_rng(2).random(300)})
    frame["y"] = np.repeat(["a", "b", "c"], 100)
    run = train(CLASSIFICATION, frame, "y", config=TREES)
    assert run.model.summary_metrics["accuracy"] < 0.6
    assert "'Unnamed: 0' (it is an index that counts the rows)" in run.reporter.text


# codes and types ----------------------------------------------------------------------------------


def codes(rows, seed):
    """Ten codes in no order that decide on the class."""
    random = np.random.default_rng(seed)
    code = random.choice([101, 205, 309, 412, 518, 623, 727, 834, 940, 951, 967, 988], rows)
    label = np.where(np.isin(code, [101, 309, 518, 834, 951, 967]), "left", "right")
    return pd.DataFrame({"code": code, "x": random.random(rows), "y": label})


@pytest.mark.parametrize("trained_on", ["text", "whole", "floats"])
@pytest.mark.parametrize(
    "given", ["text", "text of floats", "floats with a gap", "whole", "Decimal"]
)
def test_codes_are_the_same_in_whatever_type_they_come(train, trained_on, given):
    as_type = {
        "text": lambda code: code.astype(str),
        "whole": lambda code: code,
        "floats": lambda code: code.astype("float64"),
        "text of floats": lambda code: code.astype("float64").astype(str),
        "floats with a gap": lambda code: code.where(code.index != 7).astype("float64"),
        "Decimal": lambda code: code.map(lambda one: Decimal(one) + Decimal("0.00")),
    }
    learned, asked = codes(300, 0), codes(100, 1)
    learned["code"] = as_type[trained_on](learned["code"])
    asked["code"] = as_type[given](asked["code"])
    run = train(CLASSIFICATION, learned, "y", test=asked, config=TREES)
    assert run.model.summary_metrics["accuracy"] >= 0.99
    predictor = run.predictor()
    said = predictor.predict(asked)["y"]
    assert (said == asked["y"]).sum() >= 99
    for place in (0, 1, 2, 3):
        row = {"code": asked["code"].iloc[place], "x": float(asked["x"].iloc[place])}
        assert predictor.predict_row(row)["y"] == said.iloc[place]


@pytest.mark.parametrize("trained_on", [bool, str])
def test_true_and_false_are_the_same_as_words_and_as_booleans(train, trained_on):
    random = np.random.default_rng(3)
    frame = pd.DataFrame({"flag": random.random(300) < 0.5, "x": random.random(300)})
    frame["y"] = 10.0 * frame["flag"] + frame["x"]
    texts = frame["flag"].map({True: "true", False: "false"})
    learned = frame if trained_on is bool else frame.assign(flag=texts)
    other = frame.assign(flag=texts) if trained_on is bool else frame
    run = train(REGRESSION, learned, "y", test=other, config=TREES)
    assert run.model.summary_metrics["r2"] > 0.95
    predictor = run.predictor()
    usual = predictor.predict(learned.head(20))["y"]
    for words in ("true/false", "True/False", "yes/no", "1/0", "1.0/0.0"):
        true, false = words.split("/")
        asked = frame.head(20).assign(flag=frame["flag"].map({True: true, False: false}))
        assert predictor.predict(asked)["y"].tolist() == usual.tolist(), words
    row = {"flag": bool(frame["flag"][0]), "x": frame["x"][0]}
    assert predictor.predict_row(row)["y"] == usual[0]


def test_identifiers_beyond_two_to_the_53rd_stay_apart_beside_a_missing_one(train):
    random = np.random.default_rng(4)
    account = random.integers(0, 2, 200)
    frame = pd.DataFrame(
        {"account": pd.array(2**60 + account, dtype="Int64"), "x": random.random(200)}
    )
    frame["y"] = 10.0 * account + frame["x"]
    frame.loc[5, "account"] = pd.NA
    run = train(REGRESSION, frame, "y", config=TREES)
    assert run.model.summary_metrics["r2"] > 0.95
    low, high = (
        run.predictor().predict_row({"account": 2**60 + one, "x": 0.5})["y"] for one in (0, 1)
    )
    assert high - low > 8


@pytest.mark.parametrize(
    ("learned", "tested"),
    [
        (lambda y: y, lambda y: y.astype("float64")),
        (lambda y: y, lambda y: y.astype(str)),
        (lambda y: y.astype(str), lambda y: y),
        (lambda y: y.astype(str), lambda y: y.astype("float64")),
        (lambda y: y == 1, lambda y: (y == 1).map({True: "true", False: "false"})),
        (lambda y: (y == 1).map({True: "yes", False: "no"}), lambda y: y == 1),
        (lambda y: y == 1, lambda y: y),
    ],
)
def test_labels_of_the_test_table_are_those_of_training_in_whatever_type(train, learned, tested):
    random = np.random.default_rng(5)
    frame = pd.DataFrame({"x": random.random(200)})
    label = (frame["x"] > 0.5).astype("int64")
    test = frame.assign(y=tested(label))
    run = train(CLASSIFICATION, frame.assign(y=learned(label)), "y", test=test, config=TREES)
    assert run.model.summary_metrics["accuracy"] > 0.95


@pytest.mark.parametrize("labels", [["a", "b"], [True, False], [0, 1]])
def test_labels_of_which_training_had_none_are_refused_by_name(train, labels):
    frame = pd.DataFrame({"x": np.arange(40.0), "y": ["low", "high"] * 20})
    test = frame.assign(y=labels * 20)
    message = (
        r"'y' has type \w+ in the test dataset and STRING in the training dataset, and none of"
    )
    with pytest.raises(TrainingError, match=message):
        train(CLASSIFICATION, frame, "y", test=test, config=TREES)


# precision ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("family", ["CAT", "RF", "LR"])
def test_numbers_that_differ_in_the_last_of_ten_digits_are_told_apart(train, family):
    random = np.random.default_rng(6)
    digit = random.integers(0, 2, 300)
    frame = pd.DataFrame({"cents": 4_000_000_001 + digit, "x": random.random(300)})
    frame["y"] = 10.0 * digit + frame["x"]
    others = [name for name in ("GBM", "CAT", "KERNEL", "LR", "NN", "RF") if name != family]
    config = {**TREES, "max_models": 1, "excluded_model_types": others}
    config["hyperparameters"] = {"CAT": {"rounds": 60}} if family == "CAT" else {}
    run = train(REGRESSION, frame, "y", config=config)
    assert run.model.summary_metrics["r2"] > 0.9


@pytest.mark.parametrize("family", ["GBM", "RF", "CAT"])
@pytest.mark.parametrize("metric", ["root_mean_squared_error", "mean_absolute_percentage_error"])
def test_a_target_that_is_large_and_differs_little_is_learned(train, family, metric):
    frame = pd.DataFrame({"x": np.random.default_rng(13).random(300)})
    frame["y"] = 4e9 + 100 * frame["x"]
    others = [name for name in ("GBM", "CAT", "KERNEL", "LR", "NN", "RF") if name != family]
    config = {**TREES, "max_models": 1, "excluded_model_types": others, "eval_metric": metric}
    config["hyperparameters"] = {} if family == "RF" else {family: {"rounds": 80}}
    run = train(REGRESSION, frame, "y", config=config)
    assert run.model.summary_metrics["r2"] > 0.9


# missing values -----------------------------------------------------------------------------------


def complete():
    """A number, a date and a category that are never missing, and a target that follows them."""
    random = np.random.default_rng(7)
    frame = pd.DataFrame({"x": np.round(random.uniform(95, 105, 400), 3)})
    frame["colour"] = random.choice(["red", "red", "blue"], 400)
    frame["y"] = 10 * frame["x"]
    return frame


@pytest.mark.parametrize("trainer", ["ensemble", "autogluon"])
def test_a_value_missing_where_training_was_complete_is_answered_by_the_usual_one(train, trainer):
    frame = complete()
    if trainer == "ensemble":
        run = train(REGRESSION, frame, "y", config=QUICK)
    else:
        config = {"time_limit": 60, "hyperparameters": {"GBM": {"num_boost_round": 60}}}
        config["excluded_model_types"] = ["XGB", "XT", "LR"]
        run = train(AUTOGLUON, frame, "y", config=config)
    predictor = run.predictor()
    asked = pd.DataFrame({"x": [None, 95.2, 104.8], "colour": ["red", "red", None]})
    empty, low, high = predictor.predict(asked)["y"]
    assert 990 < empty < 1010
    assert low < 965
    assert high > 1035
    first, second = predictor.notes
    assert first.startswith("1 row has no value in column 'x'; training had too few such rows to")
    assert second.endswith("so its usual value 'red' stands in")
    assert predictor.predict(asked.tail(2).assign(colour="red")) is not None
    assert predictor.notes == []


def test_a_few_missing_values_in_training_are_no_lesson_either(train):
    frame = complete()
    frame.loc[[3, 30, 300], "x"] = np.nan
    predictor = train(REGRESSION, frame, "y", config=QUICK).predictor()
    assert 985 < predictor.predict_row({"x": None, "colour": "red"})["y"] < 1015
    assert len(predictor.notes) == 1
    predictor.predict_row({"x": 100.0, "colour": "red"})
    assert predictor.notes == []


def test_many_missing_values_in_training_are_a_lesson(train):
    frame = complete()
    gone = np.random.default_rng(8).random(400) < 0.2
    frame.loc[gone, "x"] = np.nan
    frame.loc[gone, "y"] = 1080.0
    predictor = train(REGRESSION, frame, "y", config=TREES).predictor()
    assert predictor.predict_row({"x": None, "colour": "red"})["y"] > 1060
    assert predictor.notes == []


@pytest.mark.parametrize("marks", [[".", "?"], ["NA", ""], ["-", "n/a"]])
def test_marks_for_no_value_in_a_numeric_target_are_missing(train, marks):
    random = np.random.default_rng(9)
    frame = pd.DataFrame({"x": random.random(200)})
    texts = [f"{1000 + 500 * one:.2f}" for one in frame["x"]]
    frame["y"] = [*marks, *texts[2:]]
    run = train(REGRESSION, frame, "y", config=TREES)
    assert run.model.summary_metrics["r2"] > 0.95
    assert "Left out 2 of 200 rows of the training dataset, which have no value" in (
        run.reporter.text
    )


def test_a_target_with_decimal_commas_is_a_number(train):
    random = np.random.default_rng(10)
    frame = pd.DataFrame({"x": random.random(200)})
    frame["y"] = [
        f"{1000 + 4000 * one:,.2f}".translate(str.maketrans(",.", ".,")) for one in frame["x"]
    ]
    run = train(REGRESSION, frame, "y", config=TREES)
    assert 1000 < run.predictor().predict_row({"x": 0.5})["y"] < 5000
    assert run.model.summary_metrics["r2"] > 0.95


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        (["1,234", "5,678"], r"as 'number .*' or as 'number .*', such as '1,234'"),
        (["1.5", "many"], r"has type STRING and values that are no numbers, such as 'many'"),
        (["a", "b"], r"has type STRING and values that are no numbers, such as 'a', 'b'"),
    ],
)
def test_a_target_that_is_not_plainly_a_number_is_refused_by_its_values(train, labels, message):
    frame = pd.DataFrame({"x": np.arange(60.0), "y": labels * 30})
    with pytest.raises(TrainingError, match=message):
        train(REGRESSION, frame, "y", config=TREES)


def test_a_class_that_may_stand_for_no_value_is_asked_about(train):
    frame = pd.DataFrame({"x": np.random.default_rng(11).random(90), "y": ["a", "NA", "b"] * 30})
    run = train(CLASSIFICATION, frame, "y", config=TREES)
    assert run.reporter.parameters["classes"] == 3
    assert (
        "30 rows of the training dataset have 'NA' in the target column 'y', which is taken as a "
        "class. If it stands for no value, say 'text, missing: NA' for it in the setting 'readings'"
    ) in run.reporter.text
    told = train(
        CLASSIFICATION, frame, "y", config={**TREES, "readings": {"y": "text, missing: NA"}}
    )
    assert told.reporter.parameters["classes"] == 2
    assert told.reporter.parameters["rows_without_target"] == 30


# what was read ------------------------------------------------------------------------------------


@pytest.mark.parametrize("trainer", [REGRESSION, AUTOGLUON])
def test_how_each_column_was_read_is_a_table_and_doubts_are_warnings(train, trainer):
    random = np.random.default_rng(12)
    rows = 300
    frame = pd.DataFrame(
        {
            "price": [f"{one:.2f}".replace(".", ",") for one in random.uniform(1, 99, rows)],
            "at": [f"{1 + n % 12:02}/{1 + n // 12 % 12:02}/2024" for n in range(rows)],
            "size": random.normal(size=rows),
        }
    )
    frame.loc[4, "price"] = "on request"
    frame["y"] = frame["size"] + random.normal(0, 0.1, rows)
    config = TREES
    if trainer is AUTOGLUON:
        config = {"time_limit": 60, "excluded_model_types": ["CAT", "XGB", "RF", "XT", "LR"]}
    run = train(trainer, frame, "y", test=frame.tail(60), config=config)
    table = run.reporter.tables["reading"].set_index("column")
    assert table.loc["price"].to_dict() == {
        "taken_for": "number 1.234,5", "fitted": rows - 1, "did_not_fit": 1,
        "examples": "'on request'", "also_possible": "",
    }  # fmt: skip
    assert table.loc["at", "taken_for"] == "text"
    assert table.loc["at", "also_possible"] == "date dd/mm/yyyy, date mm/dd/yyyy"
    assert table.loc["size", ["taken_for", "fitted"]].tolist() == ["number 1234.5", rows]
    if "price" in [one["name"] for one in run.model.model_api["inputs"][0]["columns"]]:
        (unfit,) = warnings(run, "values_unfit")["message"]
        assert unfit == (
            f"1 of {rows} values of column 'price' are not 'number 1.234,5' and count as missing, "
            "such as 'on request'"
        )
    (asked,) = warnings(run, "reading_undecided")["message"]
    assert "may be read as 'date dd/mm/yyyy' or as 'date mm/dd/yyyy', such as '0" in asked
    told = train(trainer, frame, "y", config={**config, "readings": {"at": "day first"}})
    table = told.reporter.tables["reading"].set_index("column")
    assert table.loc["at", "taken_for"] == "date dd/mm/yyyy"
    assert "at" not in set(warnings(told, "reading_undecided")["column"])
