"""Tables as people have them, from Parquet to forecasts: the right answer, or who says no."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from forecasting_data import run_trainer
from modelstudio.trainers.base import TrainingError

pytestmark = pytest.mark.training

ONE = {"timestamp_column": ["day"], "target_column": ["y"]}
MANY = {**ONE, "item_id_column": ["item"]}
#: Models that cost next to nothing; what is tested here comes before and after them.
FAST = {
    "time_limit": 10,
    "prediction_length": 3,
    "quantile_levels": [0.1, 0.9],
    "hyperparameters": {},
    "excluded_model_types": [
        "DirectLightGBM", "RecursiveLightGBM", "AutoCES", "MFLES", "Theta", "Croston", "LinearLags",
    ],
}  # fmt: skip


def train(tmp_path, recorder, frame, mapping=ONE, **others):
    config = {**FAST, **others.pop("config", {})}
    return run_trainer(tmp_path / "run", recorder, frame, mapping, config=config, **others)


def days(found, name="day"):
    return [str(value)[:10] for value in found[name]]


def codes(recorder):
    return set(recorder.tables["warnings"]["code"])


def weekly(count, *, start="2024-01-01", level=100):
    day = pd.date_range(start, periods=count)
    return pd.DataFrame({"day": day, "y": level + (np.arange(count) % 7) * 10.0})


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
    assert run.predict()["prediction"].tolist() == pytest.approx([104, 105, 106], abs=1e-9)


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


# names of series --------------------------------------------------------------------------------


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


# clocks -----------------------------------------------------------------------------------------


def local_midnights(begin="2024-02-01", count=120):
    index = pd.date_range(begin, periods=count, tz="Europe/Berlin")
    return pd.DataFrame(
        {"day": [stamp.isoformat() for stamp in index], "y": 20.0 + np.arange(count) % 7}
    )


@pytest.mark.parametrize("zone", [None, "Europe/Berlin"])
def test_local_midnights_with_an_offset_keep_their_dates(tmp_path, recorder, zone):
    run = train(tmp_path, recorder, local_midnights(), config={"time_zone": zone})
    assert recorder.parameters["frequency"] == "D"
    assert recorder.parameters["steps"] == 120
    assert recorder.parameters["filled_steps"] == 0
    found = run.predict()
    assert found["day"].tolist() == [
        "2024-05-31T00:00:00+02:00", "2024-06-01T00:00:00+02:00", "2024-06-02T00:00:00+02:00",
    ]  # fmt: skip
    following = local_midnights("2024-05-31", 2)
    assert days(run.predict(following))[0] == "2024-06-02"
    winter = run.predict(local_midnights("2024-05-31", 200))
    assert winter["day"].iloc[0] == "2024-12-17T00:00:00+01:00"
    api = run.model.model_api
    kinds = [
        next(one["dataType"]["type"] for one in api[side][0]["columns"] if one["name"] == "day")
        for side in ("inputs", "outputs")
    ]
    assert kinds == ["string", "string"]


def test_a_configured_zone_answers_across_the_change_of_clocks(tmp_path, recorder):
    frame = local_midnights("2024-07-01", 118)  # to 26 October
    run = train(tmp_path, recorder, frame, config={"time_zone": "Europe/Berlin"})
    assert run.predict()["day"].tolist() == [
        "2024-10-27T00:00:00+02:00", "2024-10-28T00:00:00+01:00", "2024-10-29T00:00:00+01:00",
    ]  # fmt: skip


def test_days_are_those_of_the_configured_zone(tmp_path, recorder):
    index = pd.date_range("2024-01-31", periods=30 * 24, freq="h", tz="America/New_York")
    frame = pd.DataFrame(
        {"day": index.tz_convert("UTC").strftime("%Y-%m-%dT%H:%M:%SZ"), "y": index.day * 1.0}
    )
    config = {"time_zone": "America/New_York", "frequency": "D"}
    run = train(tmp_path, recorder, frame, config=config)
    assert run.panel_of().history(0).tolist() == [31.0, *range(1, 30)]
    assert run.predict()["day"].iloc[0] == "2024-03-01T00:00:00-05:00"


@pytest.mark.parametrize("written", ["wall", "offset"])
def test_hours_go_on_evenly_over_a_change_of_clocks(tmp_path, recorder, written):
    index = pd.date_range("2024-10-20", periods=24 * 10, freq="h", tz="Europe/Berlin")
    stamps = index.tz_localize(None) if written == "wall" else [at.isoformat() for at in index]
    frame = pd.DataFrame({"day": stamps, "y": np.arange(len(index)) % 24 + 1.0})
    run = train(tmp_path, recorder, frame, config={"time_zone": "Europe/Berlin"})
    assert recorder.parameters["steps"] == len(index)
    assert run.panel_of().history(0).tolist() == frame["y"].tolist()
    following = pd.date_range(index[-1], periods=4, freq="h")[1:]
    assert run.predict()["day"].tolist() == [at.isoformat() for at in following]
    assert ("clock" in codes(recorder)) == (written == "wall")


def test_an_hour_that_a_clock_leaps_over_is_read_and_told(tmp_path, recorder):
    stamps = pd.date_range("2024-03-30", periods=72, freq="h").strftime("%Y-%m-%d %H:%M")
    frame = pd.DataFrame({"day": stamps, "y": np.arange(72.0)}).drop(index=27)
    run = train(tmp_path, recorder, frame, config={"time_zone": "Europe/Berlin"})
    assert recorder.parameters["steps"] == 71
    assert "2024-03-31 02:00:00" in recorder.tables["warnings"]["message"].iloc[0]
    assert run.predict()["day"].iloc[0] == "2024-04-02T00:00:00+02:00"


def test_an_unknown_zone_is_refused_by_name(tmp_path, recorder):
    with pytest.raises(TrainingError, match=r"'Mars/Olympus'.*Europe/Berlin"):
        train(tmp_path, recorder, weekly(40), config={"time_zone": "Mars/Olympus"})


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


# joins ------------------------------------------------------------------------------------------


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
    later = ahead.assign(day=ahead["day"] + pd.Timedelta(days=40))
    with pytest.raises(ValueError, match=r"3 rows without a value are for other .*2023-06-10"):
        predictor.predict(later)


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
    train(tmp_path, recorder, history, config=sums(), test=test)
    assert "periods_left_out" not in codes(recorder)
    backtest = recorder.tables["backtest"]
    assert backtest[backtest["window"] <= 0]["timestamp"].min() == pd.Timestamp("2024-05-28")
    assert set(backtest["actual"]) == {70.0, 77.0}
