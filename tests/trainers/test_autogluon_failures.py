"""Runs that cannot succeed end with a message that the user can act on."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from modelstudio.trainers.base import InputTable, TrainingError
from modelstudio.trainers.tabular.autogluon.schema import MODEL_TYPES
from modelstudio.trainers.tabular.autogluon.specification import CLASSIFICATION, REGRESSION
from modelstudio.trainers.tabular.data import target_of

LINEAR = {"excluded_model_types": ["GBM", "CAT", "XGB", "RF", "XT"], "time_limit": 60}


def frame(rows=100):
    random = np.random.default_rng(2)
    return pd.DataFrame(
        {
            "x": random.normal(size=rows),
            "z": random.normal(size=rows),
            "y": random.normal(size=rows),
            "label": random.choice(["a", "b"], rows),
        }
    )


def failure(train, *arguments, **options):
    with pytest.raises(TrainingError) as raised:
        train(*arguments, **options)
    return str(raised.value)


def test_a_target_without_values(train):
    message = failure(train, REGRESSION, frame().assign(y=np.nan), "y")
    assert message == "The target column 'y' has no values"


def test_too_few_rows(train):
    message = failure(train, REGRESSION, frame(9), "y")
    assert message.startswith("The training dataset has 9 rows with a value in the target")


@pytest.mark.parametrize(("specification", "value"), [(CLASSIFICATION, "a"), (REGRESSION, 1.5)])
def test_a_target_with_one_value(train, specification, value):
    message = failure(train, specification, frame().assign(y=value), "y")
    assert message.startswith("The target column 'y' has the same value in every row: ")
    assert repr(value) in message


def test_a_class_for_every_row(train):
    table = frame().assign(y=[f"row {number}" for number in range(100)])
    assert "fewer than two have more than one row" in failure(train, CLASSIFICATION, table, "y")


def test_too_many_classes(train):
    table = frame(2400).assign(y=[f"class {number % 1200}" for number in range(2400)])
    assert "1200 classes; at most 1000" in failure(train, CLASSIFICATION, table, "y")


def test_a_target_that_is_not_there(train):
    message = failure(train, REGRESSION, frame(), "price")
    assert message == "The training dataset has no column 'price', the target column"


def test_a_target_that_the_task_cannot_predict(train):
    assert "has type STRING" in failure(train, REGRESSION, frame(), "label")
    dates = frame().assign(y=pd.Timestamp("2024-01-01"))
    assert "has type TIMESTAMP" in failure(train, CLASSIFICATION, dates, "y")


@pytest.mark.parametrize("mapping", [{}, {"target_column": []}, {"target_column": ["x", "y"]}])
def test_a_target_that_is_not_mapped_to_one_column(mapping, tmp_path):
    table = InputTable(tmp_path / "unread.parquet", {"x": "LONG", "y": "LONG"}, mapping)
    with pytest.raises(TrainingError, match="One column must be mapped as the target column"):
        target_of(table)


def test_no_column_to_learn_from(train):
    table = frame()[["y"]].assign(same=1)
    message = failure(train, REGRESSION, table, "y")
    assert message == "No column is left to learn from: 'same' (it has one value)"


def test_columns_of_which_none_can_be_used(train):
    table = frame()[["y"]].assign(name=[f"row {number}" for number in range(100)])
    message = failure(train, REGRESSION, table, "y", config=LINEAR)
    assert message == "No column is left to learn from: 'name' (it identifies rows)"


def test_a_test_dataset_without_the_target(train):
    test = frame().drop(columns="y")
    message = failure(train, REGRESSION, frame(), "y", test=test)
    assert message == "The test dataset has no column 'y', the target column"


def test_a_test_dataset_without_a_feature(train):
    message = failure(train, REGRESSION, frame(), "y", test=frame()[["x", "y", "label"]])
    assert message == "The test dataset lacks columns of the training dataset: 'z'"


def test_a_test_dataset_with_another_type_of_target(train):
    message = failure(train, CLASSIFICATION, frame(), "label", test=frame().assign(label=1))
    assert "type LONG in the test dataset and STRING in the training" in message


def test_a_test_dataset_whose_values_do_not_fit(train):
    test = frame().assign(x="many")
    message = failure(train, REGRESSION, frame(), "y", test=test)
    assert message == (
        "In the test dataset: no value of column 'x' can be read as numbers, which it has in the "
        "training dataset, such as 'many'"
    )


def test_a_test_dataset_without_rows(train):
    message = failure(train, REGRESSION, frame(), "y", test=frame().head(0))
    assert message == "The target column 'y' of the test dataset is empty"


def test_all_model_types_excluded(train):
    config = {"excluded_model_types": list(MODEL_TYPES)}
    assert failure(train, REGRESSION, frame(), "y", config=config) == "No models trained"


@pytest.mark.training
def test_a_time_limit_that_is_too_short(train):
    config = {**LINEAR, "time_limit": 0.001}
    assert failure(train, REGRESSION, frame(), "y", config=config) == "No models trained"


def test_stacking_without_bagging(train):
    config = {"num_stack_levels": 1}
    assert "need bagging" in failure(train, REGRESSION, frame(), "y", config=config)


def test_a_metric_of_two_classes_for_three(train):
    table = frame().assign(label=["a", "b", "c", "c"] * 25)
    config = {"eval_metric": "average_precision"}
    message = failure(train, CLASSIFICATION, table, "label", config=config)
    assert message == "The evaluation metric average_precision needs a target of two classes"
