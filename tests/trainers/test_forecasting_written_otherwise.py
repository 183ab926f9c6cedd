"""Tables that write otherwise what training knows, or that hold what is no number."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pandas as pd
import pytest

from forecasting_situations import MANY, codes, train, weekly

pytestmark = pytest.mark.training

NEXT = {"day": ["2024-03-01"], "y": [1.0]}


def series(*items, count=60, start="2024-01-01"):
    parts = [
        weekly(count, start=start, level=100 * (place + 1)).assign(item=item)
        for place, item in enumerate(items)
    ]
    return pd.concat(parts, ignore_index=True)


def test_codes_that_went_through_floats_are_the_series_of_training(tmp_path, recorder):
    after = series("101.0", "102.0", count=6, start="2024-03-01")
    sizes = pd.DataFrame({"item": ["101.0", "102.0"], "size": [1.0, 2.0]})
    frame = series("101", "102")
    run = train(tmp_path, recorder, frame, MANY, test=after, static=sizes)
    assert not codes(recorder) & {"test_series_unknown", "static_features_missing"}
    predictor = run.predictor()
    found = predictor.predict(after.head(1))
    assert set(found["item"]) == {"101"}
    assert found["prediction"].min() >= 95
    assert not predictor.notes


def test_ids_that_training_tells_apart_stay_apart(tmp_path, recorder):
    run = train(tmp_path, recorder, series("1", "1.0", "01"), MANY)
    for item in ("1", "1.0", "01"):
        found = run.predict(pd.DataFrame({"item": [item], **NEXT}))
        assert set(found["item"]) == {item}


def test_ids_that_are_dates_are_the_same_as_texts(tmp_path, recorder):
    run = train(tmp_path, recorder, series(dt.date(2020, 1, 1), dt.date(2020, 2, 1)), MANY)
    for day in ("2020-02-01", dt.date(2020, 2, 1), pd.Timestamp("2020-02-01")):
        predictor = run.predictor()
        found = predictor.predict(pd.DataFrame({"item": [day], **NEXT}))
        assert set(found["item"]) == {"2020-02-01"}
        assert not predictor.notes


def test_series_that_are_new_to_a_model_are_told(tmp_path, recorder):
    run = train(tmp_path, recorder, series("north", "south"), MANY)
    predictor = run.predictor()
    predictor.predict(pd.DataFrame({"item": ["North"], **NEXT}))
    assert "1 of 1 series are not among those" in predictor.notes[0]
    assert "'North'" in predictor.notes[0]


@pytest.mark.parametrize(
    ("learned", "given"), [("101", "101.0"), ("101", 101.0), ("true", True), ("true", "TRUE ")]
)
def test_categories_that_are_written_otherwise_are_those_of_training(
    tmp_path, recorder, learned, given
):
    frame = series("p", "q")
    frame["kind"] = np.where(frame.index % 3 == 0, learned, "other")
    run = train(tmp_path, recorder, frame, {**MANY, "known_covariates": ["kind"]})
    memory = run.predictor()._memory
    days = pd.date_range("2024-03-01", periods=3)
    panel, _ = memory.panel_of(pd.DataFrame({"item": "p", "day": days, "kind": [given] * 3}))
    assert not memory.notes
    at_learned = run.predictor()._package.columns.categories["kind"].index(learned)
    assert panel.covariates["kind"][-3:].tolist() == [at_learned] * 3


def test_target_values_that_are_no_numbers_are_told(tmp_path, recorder):
    after = weekly(6, start="2024-03-01").astype({"y": str})
    after.loc[[1, 2, 3], "y"] = ["110,5", "about 7", "?"]
    train(tmp_path, recorder, weekly(60), test=after)
    found = recorder.tables["warnings"].set_index("code").loc["target_unread"]
    assert "2 values" in found["message"]
    assert "'110,5'" in found["message"]
    assert "test dataset" in found["message"]


@pytest.mark.parametrize("lost", [4, 0])
def test_days_that_are_missing_within_a_summed_week_are_told(tmp_path, recorder, lost):
    frame = weekly(200).assign(y=10.0 + np.arange(200) % 3)
    frame = frame.drop(frame.index[63 : 63 + lost])
    config = {"frequency": "W-SUN", "numeric_aggregation": "sum"}
    train(tmp_path, recorder, frame, config=config)
    found = recorder.tables["warnings"].set_index("code")["message"]
    assert ("periods_with_gaps" in found) == bool(lost)
    if lost:
        assert "1 periods" in found["periods_with_gaps"]
        assert "2024-03-10" in found["periods_with_gaps"]


def test_new_history_that_is_older_than_what_is_remembered_is_told(tmp_path, recorder):
    predictor = train(tmp_path, recorder, weekly(60)).predictor()
    predictor.predict(weekly(3, start="2023-10-01"))
    assert "ends before what the model remembers" in predictor.notes[0]
