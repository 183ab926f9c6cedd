"""Stamps and periods as people have them, from Parquet to forecasts."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from forecasting_situations import MANY, codes, days, train, weekly
from modelstudio.trainers.base import TrainingError
from modelstudio.trainers.forecasting import steps

pytestmark = pytest.mark.training


# calendars --------------------------------------------------------------------------------------


def test_months_written_day_first(tmp_path, recorder):
    stamps = pd.date_range("2018-01-01", periods=48, freq="MS")
    season = 10 * np.sin(np.arange(48) * np.pi / 6)
    frame = pd.DataFrame({"day": stamps.strftime("%d.%m.%Y"), "y": 100 + np.arange(48) + season})
    run = train(tmp_path, recorder, frame)
    assert recorder.parameters["frequency"] == "MS"
    assert recorder.parameters["steps"] == 48
    assert recorder.parameters["filled_steps"] == 0
    assert days(run.predict()) == ["2022-01-01", "2022-02-01", "2022-03-01"]


def test_new_history_is_read_as_the_training_was(tmp_path, recorder):
    frame = weekly(152)
    run = train(tmp_path, recorder, frame.assign(day=frame["day"].dt.strftime("%d/%m/%Y")))
    following = weekly(9, start="2024-06-01", level=100)
    following = following.assign(y=[100.0 + ((152 + step) % 7) * 10 for step in range(9)])
    asked = following.assign(day=following["day"].dt.strftime("%d/%m/%Y"))
    found = run.predict(asked)
    assert days(found) == ["2024-06-10", "2024-06-11", "2024-06-12"]
    assert found["prediction"].to_numpy() == pytest.approx([100.0, 110, 120])
    pd.testing.assert_frame_equal(found, run.predict(following), check_dtype=False)
    iso = following.assign(day=following["day"].dt.strftime("%Y-%m-%d"))
    pd.testing.assert_frame_equal(found, run.predict(iso))


def test_a_day_that_may_be_a_month_is_asked_about(tmp_path, recorder):
    stamps = pd.date_range("2024-01-01", periods=12, freq="MS")
    frame = pd.DataFrame({"day": stamps.strftime("%d/%m/%Y"), "y": np.arange(12.0)})
    with pytest.raises(TrainingError, match="'date dd/mm/yyyy' or 'date mm/dd/yyyy'"):
        train(tmp_path / "asked", recorder, frame)
    told = {"readings": {"day": "date dd/mm/yyyy"}, "prediction_length": 1}
    run = train(tmp_path / "told", recorder, frame, config=told)
    assert days(run.predict()) == ["2025-01-01"]


@pytest.mark.parametrize(
    ("stamps", "frequency", "following"),
    [
        (pd.date_range("2019-01-01", periods=60, freq="BME"), "BME",
         ["2024-01-31", "2024-02-29", "2024-03-29"]),
        (pd.date_range("2022-01-01", periods=48, freq="SMS"), "SMS-15",
         ["2024-01-01", "2024-01-15", "2024-02-01"]),
        (pd.date_range("2020-01-01", periods=48, freq="MS") + pd.Timedelta(days=14), "M-15",
         ["2024-01-15", "2024-02-15", "2024-03-15"]),
        (pd.date_range("2020-01-01", periods=48, freq="WOM-1MON"), "WOM-1MON",
         ["2024-01-01", "2024-02-05", "2024-03-04"]),
        (pd.date_range("1960-01-01", periods=64, freq="YS"), "YS-JAN",
         ["2024-01-01", "2025-01-01", "2026-01-01"]),
        (pd.bdate_range("2024-01-01", periods=80, freq="C", weekmask="Sun Mon Tue Wed Thu"),
         "B-SUN-MON-TUE-WED-THU", ["2024-04-22", "2024-04-23", "2024-04-24"]),
    ],
    ids=["business month ends", "half months", "15th", "first Mondays", "years", "Sun to Thu"],
)  # fmt: skip
def test_a_calendar_is_found_kept_and_forecast_on(tmp_path, recorder, stamps, frequency, following):
    y = 100 + np.sin(np.arange(len(stamps))) + np.arange(len(stamps)) % 12
    run = train(tmp_path, recorder, pd.DataFrame({"day": stamps, "y": y}))
    assert recorder.parameters["frequency"] == frequency
    assert recorder.parameters["filled_steps"] == 0
    assert days(run.predict()) == following
    named = train(
        tmp_path / "named", recorder, pd.DataFrame({"day": stamps, "y": y}),
        config={"frequency": frequency},
    )  # fmt: skip
    assert days(named.predict()) == following


def test_ten_values_a_second(tmp_path, recorder):
    stamps = pd.date_range("2024-01-01", periods=300, freq="100ms")
    frame = pd.DataFrame({"day": stamps, "y": np.sin(np.arange(300))})
    run = train(tmp_path, recorder, frame)
    assert recorder.parameters["frequency"] == "100ms"
    assert run.predict()["day"].iloc[0] == pd.Timestamp("2024-01-01 00:00:30")


@pytest.mark.parametrize(
    ("values", "following"),
    [
        (np.arange(1960, 2024), ["2024-01-01", "2025-01-01", "2026-01-01"]),
        ([year * 100 + month for year in range(2019, 2024) for month in range(1, 13)],
         ["2024-01-01", "2024-02-01", "2024-03-01"]),
        ([f"{year}Q{quarter}" for year in range(2010, 2024) for quarter in range(1, 5)],
         ["2024-01-01", "2024-04-01", "2024-07-01"]),
    ],
    ids=["years", "yyyymm", "quarters"],
)  # fmt: skip
def test_periods_written_as_numbers_and_words(tmp_path, recorder, values, following):
    frame = pd.DataFrame({"day": values, "y": np.sin(np.arange(len(values)))})
    run = train(tmp_path, recorder, frame)
    assert days(run.predict()) == following
    newer = pd.DataFrame({"day": frame["day"].tail(1), "y": [3.0]})
    assert days(run.predict(newer)) == following


def test_a_series_that_repeats_its_weeks_exactly_has_a_metric_and_an_exact_forecast(
    tmp_path, recorder
):
    frame = pd.DataFrame(
        {"day": pd.date_range("2024-01-01", periods=200), "y": 100 + np.arange(200) % 7}
    )
    run = train(tmp_path, recorder, frame)
    assert run.model.summary_metrics["MASE"] == pytest.approx(0, abs=1e-9)
    assert run.predict()["prediction"].tolist() == [104, 105, 106]


# series of other frequencies --------------------------------------------------------------------


def one_monthly_among_daily():
    daily = weekly(365, start="2023-01-01").assign(item="s1")
    monthly = pd.DataFrame(
        {"day": pd.date_range("2023-01-01", periods=12, freq="MS"), "y": np.arange(100.0, 112)}
    )
    return pd.concat([daily, monthly.assign(item="s2")])


def test_a_monthly_series_among_daily_ones_is_named_and_refused(tmp_path, recorder):
    with pytest.raises(TrainingError, match=r"1 series .* than D, .*'s2' \(MS\)"):
        train(tmp_path, recorder, one_monthly_among_daily(), MANY)
    with pytest.raises(TrainingError, match=r"'s2' \(MS\)"):
        train(tmp_path / "asked", recorder, one_monthly_among_daily(), MANY,
              config={"frequency": "D"})  # fmt: skip


def test_a_series_with_days_off_among_daily_ones_is_told(tmp_path, recorder):
    daily = [weekly(140).assign(item=item) for item in ("a", "b")]
    closed = weekly(140).assign(item="c")
    closed = closed[closed["day"].dt.dayofweek < 5]
    train(tmp_path, recorder, pd.concat([*daily, closed]), MANY)
    found = recorder.tables["warnings"].set_index("code")["message"]
    assert "1 of 3 series" in found["series_with_days_off"]
    assert "'c'" in found["series_with_days_off"]


def test_a_monthly_series_among_daily_ones_is_left_out_when_so_set(tmp_path, recorder):
    run = train(
        tmp_path, recorder, one_monthly_among_daily(), MANY,
        config={"mixed_frequencies": "leave_out"},
    )  # fmt: skip
    assert set(run.predict()["item"]) == {"s1"}
    assert recorder.parameters["filled_steps"] == 0
    assert "series_left_out" in codes(recorder)


# periods that are not whole ---------------------------------------------------------------------


def sums(**config):
    return {"frequency": "W-TUE", "numeric_aggregation": "sum", **config}


def test_a_week_that_has_begun_is_left_out_and_the_rest_of_it_adds(tmp_path, recorder):
    # 2024-01-03 is a Wednesday; the last rows are a Wednesday to a Friday.
    frame = pd.DataFrame({"day": pd.date_range("2024-01-03", periods=20 * 7 + 3), "y": 10.0})
    frame["y"] += np.arange(len(frame)) // 7
    run = train(tmp_path, recorder, frame, config=sums())
    found = run.predict()
    assert days(found) == ["2024-05-28", "2024-06-04", "2024-06-11"]
    assert found["prediction"].iloc[0] == pytest.approx(203, rel=0.1)
    assert "periods_left_out" in codes(recorder)
    whole = frame.head(140)
    assert recorder.tables["backtest"]["actual"].iloc[-1] >= 70
    assert recorder.parameters["steps"] == len(whole) // 7

    rest = pd.DataFrame({"day": pd.date_range("2024-05-25", periods=4), "y": 30.0})
    told = run.predict(rest)
    assert days(told) == ["2024-06-04", "2024-06-11", "2024-06-18"]
    every = pd.concat([frame, rest])
    again = train(tmp_path / "again", recorder, every, config=sums())
    predictor = again.predictor()
    assert predictor._package.history.target[20] == 3 * 30 + 4 * 30
    assert run.panel_of(rest).history(0)[-1] == 3 * 30 + 4 * 30


def test_a_week_that_the_data_begins_in_is_left_out(tmp_path, recorder):
    # 2024-01-05 is a Friday.
    frame = pd.DataFrame({"day": pd.date_range("2024-01-05", periods=20 * 7 + 5), "y": 10.0})
    frame["y"] += np.arange(len(frame)) // 7 % 3
    run = train(tmp_path, recorder, frame, config=sums())
    panel = run.panel_of()
    assert panel.moments()[0] == np.datetime64("2024-01-16")
    assert "2024-01-09" in recorder.tables["warnings"].set_index("code")["message"].iloc[0]


def test_a_correction_in_the_unfinished_week_replaces_its_row_alone(tmp_path, recorder):
    frame = pd.DataFrame({"day": pd.date_range("2024-01-03", periods=20 * 7 + 3), "y": 10.0})
    frame.loc[:6, "y"] = 11.0
    run = train(tmp_path, recorder, frame, config=sums())
    rest = pd.DataFrame({"day": pd.date_range("2024-05-24", periods=5), "y": 20.0})
    assert run.panel_of(rest).history(0)[-1] == 2 * 10 + 5 * 20


def test_part_of_a_week_that_the_model_knows_does_not_replace_it(tmp_path, recorder):
    frame = pd.DataFrame({"day": pd.date_range("2024-01-03", periods=20 * 7), "y": 10.0})
    frame.loc[:6, "y"] = 11.0
    run = train(tmp_path, recorder, frame, config=sums())
    two_days = frame.iloc[70:72].assign(y=500.0)
    predictor = run.predictor()
    assert days(predictor.predict(two_days)) == days(run.predict())
    assert any("do not cover them" in note for note in predictor.notes)
    panel = run.panel_of(two_days)
    assert panel.history(0).max() == 77


@pytest.mark.parametrize(("unfinished", "last"), [("complete", 105.0), ("keep", 45.0)])
def test_an_unfinished_week_may_stand_for_a_whole_one(tmp_path, recorder, unfinished, last):
    frame = pd.DataFrame({"day": pd.date_range("2024-01-03", periods=20 * 7 + 3), "y": 10.0})
    frame["y"] += np.arange(143) // 7
    frame.loc[140:, "y"] = 15.0
    run = train(tmp_path, recorder, frame, config=sums(unfinished_periods=unfinished))
    assert run.panel_of().history(0)[-1] == pytest.approx(last)
    assert days(run.predict())[0] == "2024-06-04"


def test_a_new_item_needs_a_whole_week(tmp_path, recorder):
    frame = pd.concat([weekly(140, start="2024-01-03").assign(item=item) for item in "ab"])
    frame["y"] += np.arange(len(frame)) // 7 % 3
    run = train(tmp_path, recorder, frame, MANY, config=sums())
    new = weekly(10, start="2024-01-03").assign(item="new")
    found = run.predict(new)
    assert (days(found)[0], found["item"].iloc[0]) == ("2024-01-16", "new")
    with pytest.raises(ValueError, match=r"no history of 'new'.*cover a whole step"):
        run.predict(new.head(3))


def test_rows_that_are_too_many_to_remember_are_told(tmp_path, recorder, monkeypatch):
    monkeypatch.setattr(steps, "_MOST_RAW", 5)
    frame = weekly(143, start="2024-01-03")
    frame["y"] += np.arange(len(frame)) // 7 % 3
    run = train(tmp_path, recorder, frame, config=sums())
    assert "periods_not_remembered" in codes(recorder)
    rest = weekly(4, start="2024-05-25")
    predictor = run.predictor()
    assert days(predictor.predict(rest)) == days(run.predict())
    assert "not whole" in predictor.notes[0]


def test_a_shop_that_sells_now_and_then_has_whole_weeks(tmp_path, recorder):
    random = np.random.default_rng(4)
    day = pd.date_range("2024-01-03", periods=20 * 7)
    busy = pd.DataFrame({"item": "busy", "day": day, "y": 10.0 + random.random(140)})
    rare = pd.DataFrame({"item": "rare", "day": day, "y": 1.0})
    rare = rare[random.random(140) < 0.2].query("day < '2024-05-18'")
    run = train(tmp_path, recorder, pd.concat([busy, rare]), MANY, config=sums())
    assert "periods_left_out" not in codes(recorder)
    assert set(run.predict().groupby("item").size()) == {3}


def test_a_log_of_sales_whose_last_day_is_not_over(tmp_path, recorder):
    random = np.random.default_rng(5)
    stamps = pd.Timestamp("2024-01-01") + pd.to_timedelta(
        np.sort(random.uniform(0, 40.4 * 86_400, 6_000)), unit="s"
    )
    frame = pd.DataFrame({"day": stamps, "y": 1.0})
    run = train(tmp_path, recorder, frame, config={"frequency": "D", "numeric_aggregation": "sum"})
    assert recorder.parameters["steps"] == 40
    assert "periods_left_out" in codes(recorder)
    assert days(run.predict())[0] == "2024-02-10"
    rest = pd.DataFrame(
        {"day": pd.date_range("2024-02-10 10:00", "2024-02-10 23:59", freq="5min"), "y": 1.0}
    )
    assert days(run.predict(rest))[0] == "2024-02-11"


# stamps that are none ---------------------------------------------------------------------------


@pytest.mark.parametrize("stray", ["9999-12-31", "1970-01-01", "0001-01-01", "2099-12-31"])
def test_a_stamp_that_stands_for_none_is_left_out_by_name(tmp_path, recorder, stray):
    frame = weekly(80)
    lost = pd.DataFrame({"day": np.array([stray], "datetime64[us]"), "y": [1.0]})
    frame = pd.concat([frame.astype({"day": "datetime64[us]"}), lost])
    run = train(tmp_path, recorder, frame)
    assert recorder.parameters["steps"] == 80
    assert stray in recorder.tables["warnings"]["message"].iloc[0]
    if stray[0] in "90":
        with pytest.raises(ValueError, match=stray):
            run.predict(lost)
