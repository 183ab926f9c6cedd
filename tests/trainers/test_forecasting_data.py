"""From tables in all their forms to series on a calendar."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from forecasting_data import read_panel, table_of
from modelstudio.trainers.base import TrainingError
from modelstudio.trainers.forecasting import frequency
from modelstudio.trainers.forecasting.assembly import AssemblyError, Resampling, Rows, assemble
from modelstudio.trainers.forecasting.calendar import Calendar
from modelstudio.trainers.forecasting.columns import Columns, numbers
from modelstudio.trainers.forecasting.moments import UnreadableMoments, local_moments

ALIASES = (
    "D", "h", "30min", "15min", "2h", "7h", "3D", "W-SUN", "W-MON", "2W-WED", "MS", "ME", "2MS",
    "QS-FEB", "QE-NOV", "YS-JAN", "YE-JUN", "B", "s", "10s",
)  # fmt: skip
COLUMNS = Columns("at", "y", ("item",), (), (), (), {})


def panel_of(frame, alias, *, columns=COLUMNS, resampling=Resampling(), horizon=3):  # noqa: B008
    rows = Rows(
        item=frame["item"].to_numpy(dtype=object),
        moment=frame["at"].to_numpy().astype("datetime64[ns]"),
        target=frame["y"].to_numpy(dtype="float64"),
        covariates={name: columns.encode(name, frame[name]) for name in columns.covariates},
    )
    return assemble(rows, Calendar.of(alias), columns, resampling, horizon)


@pytest.mark.parametrize("alias", ALIASES)
def test_a_calendar_numbers_the_steps_that_pandas_has(alias):
    stamps = pd.date_range("2023-01-03 00:00", periods=60, freq=alias).to_numpy()
    calendar = Calendar.of(alias, stamps[0])
    found = calendar.number(stamps)
    assert (np.diff(found) == 1).all()
    assert calendar.holds(stamps)
    assert (calendar.moment(found) == stamps).all()


@pytest.mark.parametrize("alias", ALIASES)
@pytest.mark.parametrize("kept", [1.0, 0.7])
def test_the_frequency_is_inferred_with_and_without_gaps(alias, kept):
    stamps = pd.date_range("2021-01-03", periods=80, freq=alias).to_numpy()
    random = np.random.default_rng(3)
    parts = [stamps[random.random(80) < kept] for _ in range(3)]
    codes = np.repeat(np.arange(3), [len(part) for part in parts])
    found = frequency.infer(np.concatenate(parts), codes)
    assert found.alias == Calendar.of(alias).alias


@pytest.mark.parametrize(
    "stamps",
    [
        np.array(["2024-01-01"], dtype="datetime64[ns]"),
        np.array(
            ["2024-01-01", "2024-01-02T07:13:05", "2024-01-09", "2024-02-11"], "datetime64[ns]"
        ),
        np.datetime64("2024-01-01", "ns") + np.random.default_rng(1).integers(0, 10**15, 50),
    ],
    ids=["one", "few", "random"],
)
def test_no_common_step_has_the_documented_message(stamps):
    message = "^Frequency of train_data is not provided and cannot be inferred"
    with pytest.raises(TrainingError, match=message):
        frequency.infer(stamps, np.zeros(len(stamps), dtype="int64"))


@pytest.mark.parametrize(
    ("values", "second"),
    [
        (["2024-01-02", "2024-03-04"], "2024-03-04"),
        (["2024-01-02T10:00:00Z", "2024-03-04T12:30:00+02:00"], "2024-03-04 12:30"),
        (["01/31/2024", "03/04/2024"], "2024-03-04"),
        (["31/01/2024", "04/03/2024"], "2024-03-04"),
        (["31.01.2024", "04.03.2024"], "2024-03-04"),
        (["01.01.2024", "04.03.2024"], "2024-03-04"),
        (["January 2, 2024", "March 4, 2024"], "2024-03-04"),
        ([202401, 202403], "2024-03-01"),
        ([1960, 1961], "1961-01-01"),
        (["2023Q4", "2024Q1"], "2024-01-01"),
        (["2024-W01", "2024-W03"], "2024-01-15"),
        (["20240131T0930", "20240201T0930"], "2024-02-01T09:30"),
        (["2024-01-30 24:00", "2024-01-31 24:00"], "2024-02-01"),
        (pd.to_datetime(["2024-01-02", "2024-03-04"], utc=True), "2024-03-04"),
    ],
)
def test_dates_are_read_in_many_forms(values, second):
    found = local_moments(pd.Series(values), None, None)
    assert found.given.all()
    assert found.wall[1] == np.datetime64(second)


@pytest.mark.parametrize("value", ["yesterday", "2024-13-45", "08:30"])
def test_what_is_no_date_is_named(value):
    with pytest.raises(UnreadableMoments, match=value):
        local_moments(pd.Series(["2024-01-01", value]), None, None)


def test_two_readings_of_all_dates_are_both_named():
    with pytest.raises(UnreadableMoments) as caught:
        local_moments(pd.Series(["01/02/2024", "02/02/2024", "03/02/2024"]), None, None)
    assert "'date dd/mm/yyyy' or 'date mm/dd/yyyy'" in caught.value.told


@pytest.mark.parametrize(
    "values",
    [
        ["2024-01-01", "9999-12-31"],
        np.array(["2024-01-01", "9999-12-31"], "datetime64[us]"),
        np.array(["2024-01-01", "0001-01-01"], "datetime64[us]"),
    ],
)
def test_a_stamp_that_stands_for_none_is_beyond_and_does_not_wrap(values):
    found = local_moments(pd.Series(values), None, None)
    assert found.given.tolist() == [True, False]
    assert found.beyond.tolist() == [False, True]


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_the_order_of_rows_changes_nothing(tmp_path, recorder, seed):
    random = np.random.default_rng(0)
    day = pd.date_range("2024-03-01", periods=60, tz="Europe/Berlin")
    parts = [
        pd.DataFrame(
            {"shop": shop, "kind": kind, "y": random.random(60), "promo": random.random(60) < 0.3}
        ).assign(day=[at.isoformat() for at in day])
        for shop, kind in [(1, "x"), (1, "y"), (2**53 + 1, "x")]
    ]
    frame = pd.concat(parts, ignore_index=True)
    mapping = {
        "timestamp_column": ["day"], "target_column": ["y"], "item_id_column": ["shop", "kind"],
        "known_covariates": ["promo"],
    }  # fmt: skip
    one = read_panel(table_of(frame, tmp_path / "one.parquet", mapping), recorder)
    shuffled = frame.sample(frac=1, random_state=seed)
    other = read_panel(table_of(shuffled, tmp_path / "other.parquet", mapping), recorder)
    assert one.columns == other.columns
    assert (one.panel.items, one.panel.calendar) == (other.panel.items, other.panel.calendar)
    assert (one.panel.target == other.panel.target).all()
    assert (one.panel.covariates["promo"] == other.panel.covariates["promo"]).all()


def test_missing_moments_are_told_apart():
    found = local_moments(pd.Series(["2024-01-01", None, "NA"]), None, None)
    assert found.given.tolist() == [True, False, False]


def test_numbers_of_any_type_become_floats():
    from decimal import Decimal

    mixed = pd.Series([Decimal("1.5"), None, True, "7", np.inf], dtype=object)
    assert numbers(mixed) == pytest.approx([1.5, np.nan, 1.0, 7.0, np.nan], nan_ok=True)


def test_rows_that_share_a_step_are_refused_or_aggregated():
    frame = pd.DataFrame(
        {"item": "a", "at": pd.to_datetime(["2024-01-01"] * 2 + ["2024-01-02"]), "y": [1, 3, 5]}
    )
    with pytest.raises(AssemblyError, match="1 rows have the same timestamp"):
        panel_of(frame, "D")
    made = panel_of(frame, "D", resampling=Resampling(allowed=True, numeric="sum"))
    assert list(made.panel.target) == [4, 5]
    weekly = panel_of(frame, "W-SUN", resampling=Resampling(allowed=True, numeric="mean"))
    assert list(weekly.panel.target) == [3]
    assert weekly.panel.moments()[0] == np.datetime64("2024-01-07")


def test_rows_beside_the_calendar_are_refused():
    frame = pd.DataFrame({"item": "a", "at": pd.to_datetime(["2024-01-01 12:00"]), "y": [1]})
    with pytest.raises(AssemblyError, match="does not lie on a calendar of frequency D"):
        panel_of(frame, "D")


@pytest.mark.parametrize(
    ("strategy", "filled"),
    [("interpolate", 2), ("auto", 2), ("forward_fill", 1), ("zero", 0), ("mean", 7 / 3)],
)
def test_gaps_are_filled_as_asked(strategy, filled):
    frame = pd.DataFrame(
        {
            "item": "a",
            "at": pd.to_datetime(["2024-01-01", "2024-01-03", "2024-01-04"]),
            "y": [1, 3, 3],
        }
    )
    made = panel_of(frame, "D", resampling=Resampling(missing=strategy))
    assert made.filled == 1
    assert made.panel.target[1] == pytest.approx(filled)
    assert list(made.panel.observed) == [True, False, True, True]


def test_a_long_gap_repeats_the_season_and_an_intermittent_series_has_zeros():
    at = pd.date_range("2024-01-01", periods=35)
    wave = pd.DataFrame({"item": "a", "at": at, "y": np.tile(np.arange(1.0, 8), 5)})
    made = panel_of(wave.drop(range(15, 21)), "D")
    assert (made.panel.target == wave["y"]).all()
    rare = pd.DataFrame({"item": "a", "at": at, "y": [5.0, 0, 0, 0, 0] * 7})
    made = panel_of(rare.drop(range(11, 14)), "D")
    assert (made.panel.target[11:14] == 0).all()


@settings(max_examples=40, deadline=None)
@given(
    st.sets(st.integers(1, 38), max_size=25),
    st.integers(1, 39),
    st.sampled_from(["auto", "interpolate", "forward_fill", "zero"]),
)
def test_what_comes_after_a_cut_does_not_fill_a_gap_before_it(missing, cut, strategy):
    at = pd.date_range("2024-01-01", periods=40)
    values = 50 + 3.0 * np.arange(40)
    kept = np.array([step not in missing for step in range(40)])
    histories = []
    for later in (0.0, 1e6):
        y = np.where(np.arange(40) < cut, values, values + later)
        frame = pd.DataFrame({"item": "a", "at": at, "y": y})[kept]
        panel = panel_of(frame, "D", resampling=Resampling(missing=strategy)).panel
        whole = panel.target.copy()
        histories.append(panel.take(np.array([0])).at(np.array([cut])).history(0))
        assert (panel.target == whole).all(), "the other windows see their own"
    assert list(histories[0]) == list(histories[1])
    assert np.isfinite(histories[0]).all()


def test_what_follows_the_last_value_is_future():
    at = pd.date_range("2024-01-01", periods=8)
    frame = pd.DataFrame({"item": "a", "at": at, "y": [1.0, 2, 3] + [None] * 5, "price": range(8)})
    columns = Columns("at", "y", ("item",), ("price",), (), (), {})
    panel = panel_of(frame, "D", columns=columns).panel
    assert list(panel.cuts) == [3]
    assert list(panel.lengths) == [6]
    assert list(panel.covariates["price"]) == [0, 1, 2, 3, 4, 5]
    assert np.isnan(panel.target[3:]).all()


@settings(max_examples=30, deadline=None)
@given(
    st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 40)), min_size=1, unique=True),
    st.sampled_from(["D", "MS", "W-SUN", "h", "B"]),
    st.sampled_from(["auto", "interpolate", "forward_fill", "mean", "zero"]),
)
def test_every_series_is_whole_and_keeps_its_values(cells, alias, strategy):
    stamps = pd.date_range("2024-01-01", periods=41, freq=alias)
    frame = pd.DataFrame({"item": [item for item, _ in cells], "at": [stamps[n] for _, n in cells]})
    frame["y"] = np.arange(len(frame)) - 5.0
    panel = panel_of(frame, alias, resampling=Resampling(missing=strategy)).panel
    assert np.isfinite(panel.target).all()
    assert panel.observed.sum() == len(frame)
    rebuilt = pd.DataFrame(
        {"item": np.repeat(panel.items, panel.lengths), "at": panel.moments(), "y": panel.target}
    )
    joined = frame.merge(rebuilt, on=["item", "at"], suffixes=("", "_found"))
    assert len(joined) == len(frame)
    assert (joined["y"] == joined["y_found"]).all()
