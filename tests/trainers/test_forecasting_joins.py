"""Names of series, and joins of tables that do not match."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from forecasting_situations import MANY, ONE, codes, train, weekly
from modelstudio.trainers.base import TrainingError

pytestmark = pytest.mark.training


def test_a_series_named_by_two_columns(tmp_path, recorder):
    parts = [
        weekly(60, level=level).assign(shop=shop, product=product)
        for shop, product, level in [(1, "a / b", 100), (1, "c", 200), (2, "a / b", 300)]
    ]
    frame = pd.concat(parts, ignore_index=True)
    with pytest.raises(TrainingError, match=r"60 rows have the same timestamp.*'product'"):
        train(tmp_path / "one", recorder, frame, {**ONE, "item_id_column": ["shop"]})
    mapping = {**ONE, "item_id_column": ["shop", "product"]}
    run = train(tmp_path / "two", recorder, frame, mapping)
    found = run.predict()
    assert list(found.columns[:3]) == ["shop", "product", "day"]
    assert found["shop"].dtype == "int64"
    pairs = list(found[["shop", "product"]].drop_duplicates().itertuples(index=False, name=None))
    assert pairs == [(1, "a / b"), (1, "c"), (2, "a / b")]
    assert recorder.parameters["series"] == 3
    asked = run.predict(parts[1].tail(1))
    assert set(zip(asked["shop"], asked["product"], strict=True)) == {(1, "c")}
    names = [column["name"] for column in run.model.model_api["outputs"][0]["columns"]]
    assert names[:3] == ["shop", "product", "day"]


def test_rows_of_one_moment_are_told_with_an_example_before_they_are_averaged(tmp_path, recorder):
    frame = pd.concat([weekly(60).assign(kind=kind) for kind in ("p", "q")], ignore_index=True)
    train(tmp_path, recorder, frame, config={"frequency": "D"})
    found = recorder.tables["warnings"].set_index("code").loc["timestamps_repeated"]
    assert "60 rows" in found["message"]
    assert "2024-01-01" in found["message"]
    assert "'kind'" in found["advice"]


def test_ids_beyond_what_a_float_holds_are_two_series(tmp_path, recorder):
    first, second = 2**53 + 1, 2**53 + 2
    frame = pd.concat([weekly(60).assign(item=number) for number in (first, second)])
    lost = weekly(1, start="2024-03-05").assign(item=None)
    frame = pd.concat([frame.astype({"item": "Int64"}), lost.astype({"item": "Int64"})])
    run = train(tmp_path, recorder, frame, MANY)
    found = run.predict()
    assert sorted(set(found["item"])) == [first, second]
    assert found["item"].dtype == "int64"
    assert "rows_without_series" in codes(recorder)


def test_ids_that_are_true_and_false_or_decimals(tmp_path, recorder):
    from decimal import Decimal

    for number, (one, other) in enumerate([(True, False), (Decimal("1.50"), Decimal("2.25"))]):
        frame = pd.concat([weekly(40).assign(item=item) for item in (one, other)])
        run = train(tmp_path / str(number), recorder, frame, MANY)
        assert sorted(set(run.predict()["item"].map(str))) in (
            ["False", "True"],
            ["1.5", "2.25"],
        )
        asked = run.predict(frame.tail(3))
        assert len(asked) == 3


def test_columns_of_any_name_do_not_collide_with_ours(tmp_path, recorder):
    names = ["_key", "number", "target", "item", "series", "moment", "value", "step", "place"]
    random = np.random.default_rng(3)
    parts = []
    for store in ("p", "q"):
        part = weekly(60).rename(columns={"y": "sales"}).assign(first=store)
        parts.append(part.assign(**{name: random.random(60) for name in names}))
    mapping = {
        "timestamp_column": ["day"], "target_column": ["sales"], "item_id_column": ["first"],
        "known_covariates": ["_key", "step"],
    }  # fmt: skip
    static = pd.DataFrame({"first": ["p", "q"], "index": [1.0, 2.0], "size": ["s", "l"]})
    run = train(tmp_path, recorder, pd.concat(parts), mapping, static=static)
    assert recorder.parameters["static_features"] == "index, size"
    assert len(run.predict()) == 6


def promoted(count=120, *, start="2023-01-01", seed=1):
    promo = (np.random.default_rng(seed).random(count) < 0.3).astype(int)
    day = pd.date_range(start, periods=count)
    return pd.DataFrame({"day": day, "promo": promo, "y": 50.0 + 40 * promo})


KNOWN = {**ONE, "known_covariates": ["promo"]}


def test_a_known_covariate_that_no_step_has_is_refused_and_some_are_noted(tmp_path, recorder):
    run = train(tmp_path, recorder, promoted(), KNOWN)
    predictor = run.predictor()
    predictor.predict(pd.DataFrame())
    assert "promo: 3 of 3 steps" in predictor.notes[0]
    ahead = pd.DataFrame({"day": pd.date_range("2023-05-01", periods=3), "promo": [1, 0, 1]})
    predictor.predict(ahead)
    assert predictor.notes == []
    predictor.predict(ahead.head(2))
    assert "promo: 1 of 3 steps" in predictor.notes[0]
    with pytest.raises(ValueError, match=r"promo: 3 of 3 steps.*2023-05-01"):
        predictor.predict(promoted().tail(5))
    first = promoted(1, start="2023-05-01").drop(columns="promo")
    predictor.predict(pd.concat([first, ahead.tail(2)]))
    assert "promo: 1 of 1 rows of new history" in predictor.notes[0]
    later = ahead.assign(day=ahead["day"] + pd.Timedelta(days=40))
    with pytest.raises(ValueError, match=r"3 rows without a value are for other .*2023-06-10"):
        predictor.predict(later)


def test_a_known_covariate_that_the_history_lacks_is_refused_or_told(tmp_path, recorder):
    with pytest.raises(TrainingError, match="known covariate 'promo' has no value"):
        train(tmp_path / "none", recorder, promoted().assign(promo=np.nan), KNOWN)
    some = promoted().assign(promo=lambda one: one["promo"].where(np.arange(120) > 4))
    train(tmp_path / "some", recorder, some, KNOWN)
    found = recorder.tables["warnings"].set_index("code")["message"]
    assert "5 of 120 rows" in found["known_covariate_missing"]
    assert "2023-01-01" in found["known_covariate_missing"]


def test_a_covariate_in_another_form_is_read_noted_or_refused(tmp_path, recorder):
    run = train(tmp_path, recorder, promoted().assign(promo=lambda one: one["promo"] == 1), KNOWN)
    day = pd.date_range("2023-05-01", periods=3)
    ahead = pd.DataFrame({"day": day, "promo": [True, False, True]})
    found = run.predict(ahead)
    words = ahead.assign(promo=["true", "False", "yes"])
    pd.testing.assert_frame_equal(run.predict(words), found)
    predictor = run.predictor()
    predictor.predict(ahead.assign(promo=["true", "perhaps", "yes"]))
    assert "promo: 1 of 3 values are not numbers: 'perhaps'" in predictor.notes[0]
    with pytest.raises(ValueError, match="promo: 3 of 3 values"):
        predictor.predict(ahead.assign(promo="perhaps"))


def test_a_test_dataset_without_the_known_covariate_is_refused(tmp_path, recorder):
    frame = promoted(140)
    history, test = frame.head(120), frame.tail(20)
    with pytest.raises(TrainingError, match=r"lacks columns: 'promo'"):
        train(tmp_path / "a", recorder, history, KNOWN, test=test.drop(columns="promo"))
    with pytest.raises(TrainingError, match=r"no values of the known covariate 'promo'"):
        train(tmp_path / "b", recorder, history, KNOWN, test=test.assign(promo=np.nan))
    some = test.assign(promo=test["promo"].where(np.arange(20) > 2))
    train(tmp_path / "c", recorder, history, KNOWN, test=some)
    assert "covariate_missing_in_test" in codes(recorder)


def test_a_test_dataset_out_of_reach_is_refused(tmp_path, recorder):
    frame = weekly(200)
    with pytest.raises(TrainingError, match=r"begins 16 steps after.*of 3 steps do not reach"):
        train(tmp_path / "far", recorder, frame.head(120), test=frame.iloc[135:150])
    run = train(tmp_path / "near", recorder, frame.head(120), test=frame.iloc[121:127])
    assert "gap_before_test" in codes(recorder)
    assert run.model.summary_metrics["MAE"] >= 0
    with pytest.raises(TrainingError, match="no values after the end"):
        train(tmp_path / "before", recorder, frame.head(120), test=frame.head(100))


def test_test_series_that_training_lacks_are_told(tmp_path, recorder):
    frame = pd.concat([weekly(70).assign(item=item) for item in "abc"])
    history = frame[(frame["day"] < "2024-03-01") & (frame["item"] != "c")]
    test = frame[(frame["day"] >= "2024-03-01") & (frame["item"] != "b")]
    run = train(tmp_path, recorder, history, MANY, test=test)
    found = recorder.tables["warnings"].set_index("code")["message"]
    assert "'c'" in found["test_series_unknown"]
    assert "'b'" in found["series_not_tested"]
    assert set(run.predict()["item"]) == {"a", "b"}
    strangers = test.assign(item="x" + test["item"])
    with pytest.raises(TrainingError, match=r"No series of the test dataset.*'xa'.*'a'"):
        train(tmp_path / "none", recorder, history, MANY, test=strangers)


def test_static_features_that_match_nothing_are_refused_and_some_are_told(tmp_path, recorder):
    frame = pd.concat([weekly(60).assign(item=item) for item in "abc"])
    other = pd.DataFrame({"item": ["A", "B"], "size": [1.0, 2.0]})
    with pytest.raises(TrainingError, match=r"No row of the static features.*'A'.*'a'"):
        train(tmp_path / "none", recorder, frame, MANY, static=other)
    some = pd.DataFrame({"item": ["a", "a", "b", "d"], "size": [1.0, 5.0, 2.0, 3.0]})
    train(tmp_path / "some", recorder, frame, MANY, static=some)
    found = recorder.tables["warnings"].set_index("code")["message"]
    assert "'a'" in found["static_features_contradict"]
    assert "'c'" in found["static_features_missing"]
    assert "'d'" in found["static_features_unused"]


def test_the_rest_of_a_week_may_stand_in_the_test_dataset(tmp_path, recorder):
    frame = pd.DataFrame({"day": pd.date_range("2024-01-03", periods=25 * 7), "y": 10.0})
    frame["y"] += np.arange(len(frame)) // 7 % 2
    history, test = frame.head(20 * 7 + 3), frame.iloc[20 * 7 + 3 :]
    config = {"frequency": "W-TUE", "numeric_aggregation": "sum"}
    train(tmp_path, recorder, history, config=config, test=test)
    assert "periods_left_out" not in codes(recorder)
    backtest = recorder.tables["backtest"]
    assert backtest[backtest["window"] <= 0]["timestamp"].min() == pd.Timestamp("2024-05-28")
    assert set(backtest["actual"]) == {70.0, 77.0}
