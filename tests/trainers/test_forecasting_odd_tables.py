"""Tables that are legal and still not what a forecaster hopes for."""

from __future__ import annotations

from decimal import Decimal

import numpy as np
import pandas as pd
import pytest

from forecasting_data import STORES, run_trainer, stores
from modelstudio.trainers.base import TrainingError
from modelstudio.trainers.forecasting import frequency
from modelstudio.trainers.forecasting.assembly import AssemblyError, Resampling, Rows, assemble
from modelstudio.trainers.forecasting.calendar import Calendar
from modelstudio.trainers.forecasting.columns import Columns
from modelstudio.trainers.forecasting.identity import texts_of
from modelstudio.trainers.forecasting.linear import LinearLags
from modelstudio.trainers.forecasting.members import LinearMember
from modelstudio.trainers.forecasting.moments import local_moments

COLUMNS = Columns("at", "y", (), (), (), (), {})
SINGLE = {"timestamp_column": ["at"], "target_column": ["y"]}


def rows_of(moments, target):
    item = np.array(["series"] * len(target), dtype=object)
    return Rows(item, np.asarray(moments, "datetime64[ns]"), np.asarray(target, "float64"), {})


@pytest.mark.parametrize(
    "values",
    [[7, 8], [7.0, 8.0], [7.0, None, 8.5], ["7", "8"], np.array([7.0, "8"], dtype=object),
     [Decimal("7.00"), Decimal(8)]],
)  # fmt: skip
def test_an_id_reads_the_same_whatever_stands_beside_it(values):
    assert texts_of(pd.Series(values)).iloc[0] == "7"


def test_one_stray_timestamp_does_not_fill_the_memory():
    moments = ["1970-01-01", *pd.date_range("2024-01-01", periods=50, freq="s")]
    with pytest.raises(AssemblyError, match=r"1970-01-01.*coarser frequency"):
        assemble(rows_of(moments, np.arange(51.0)), Calendar.of("s"), COLUMNS, Resampling(), 3)


@pytest.mark.parametrize("item", ["store", None])
def test_a_table_without_rows_says_that_there_is_nothing(recorder, tmp_path, item):
    frame = stores(1, 5).head(0)
    mapping = STORES if item else {k: v for k, v in STORES.items() if k != "item_id_column"}
    with pytest.raises(TrainingError, match="has no values"):
        run_trainer(tmp_path / "run", recorder, frame, mapping)


@pytest.mark.parametrize(
    ("stamps", "alias"),
    [
        (pd.date_range("2024-01-31", periods=30, freq="ME"), "ME"),
        (pd.date_range("2023-11-30", periods=30, freq="ME")[[0, 1, 2, 3, 5, 6, 7, 11]], "ME"),
        (pd.date_range("2024-01-07", periods=30, freq="W-SUN"), "W-SUN"),
        (pd.bdate_range("2024-01-01", periods=60).delete([4, 17]), "B"),
        (pd.date_range("2024-03-30", periods=60, freq="h", tz="Europe/Berlin"), "h"),
    ],
)
def test_the_frequency_of_ends_business_days_and_clock_changes(stamps, alias):
    local = local_moments(pd.Series(stamps), None, None)
    assert local.given.all()
    moments = local.instants if local.zone else local.wall
    found = frequency.infer(moments, np.zeros(len(moments), dtype="int64"))
    assert found.alias == alias
    made = assemble(rows_of(moments, np.arange(len(moments))), found, COLUMNS, Resampling(), 2)
    assert made.panel.cuts[0] == found.number(moments).max() - found.number(moments).min() + 1


def test_a_clock_turned_back_is_refused_and_then_aggregated():
    local = pd.date_range("2024-10-26", periods=72, freq="h", tz="Europe/Berlin").tz_localize(None)
    rows = rows_of(local, np.arange(72.0))
    with pytest.raises(AssemblyError, match="2024-10-27 02:00:00"):
        assemble(rows, Calendar.of("h"), COLUMNS, Resampling(), 2)
    made = assemble(rows, Calendar.of("h"), COLUMNS, Resampling(allowed=True), 2)
    assert made.aggregated == 1
    assert made.panel.history(0)[26] == pytest.approx((26 + 27) / 2)


@pytest.mark.parametrize("name", ["day", "store"])
def test_a_prediction_column_may_not_hide_another(recorder, tmp_path, name):
    config = {"prediction_column_name": name}
    with pytest.raises(TrainingError, match=f"'{name}'.*another prediction_column_name"):
        run_trainer(tmp_path / "run", recorder, stores(2, 40), config=config)


def test_a_target_beyond_what_can_be_computed_with_is_refused(recorder, tmp_path):
    frame = stores(2, 40)
    frame.loc[5, "sales"] = -1e40
    with pytest.raises(TrainingError, match=r"'sales'.*-1e\+40"):
        run_trainer(tmp_path / "run", recorder, frame)


@pytest.fixture(scope="module")
def numbered(tmp_path_factory, recorder_type):
    """A model of stores with numbers, one row without, one store with a day of history."""
    frame = stores(3, 60)
    frame["store"] = frame["store"].str[-1].astype("float64")
    late = frame.tail(1).assign(store=9.0, sales=5.0)
    lost = frame.tail(2).assign(store=np.nan)
    config = {"prediction_length": 3, "enable_ensemble": False, "quantile_levels": [0.1, 0.9]}
    recorder = recorder_type()
    run = run_trainer(
        tmp_path_factory.mktemp("numbered") / "run",
        recorder,
        pd.concat([frame, late, lost]),
        config=config,
    )
    return frame, run, recorder


@pytest.mark.training
def test_rows_without_an_item_are_left_out_and_told(numbered):
    _, run, recorder = numbered
    assert any("2 rows" in text and "'store'" in text for _, text in recorder.lines)
    assert list(run.predict()["store"].unique()) == [0.0, 1.0, 2.0, 9.0]


@pytest.mark.training
def test_what_a_request_lacks_is_told_in_words(numbered):
    frame, run, _ = numbered
    with pytest.raises(ValueError, match=r"store.*without"):
        run.predict(frame.tail(2).assign(store=[1.0, None]))
    with pytest.raises(ValueError, match=r"day.*without"):
        run.predict(frame.tail(2).assign(day=pd.NaT))
    with pytest.raises(ValueError, match=r"sales.*1e\+300"):
        run.predict(frame.tail(2).assign(sales=1e300))
    with pytest.raises(ValueError, match="no history of '4'"):
        run.predict(frame.tail(2).assign(store=4.0, sales=np.nan))


@pytest.mark.training
def test_an_item_with_a_single_value_is_forecast(numbered):
    frame, run, _ = numbered
    found = run.predict()
    assert np.isfinite(found.query("store == 9").select_dtypes("number")).all(axis=None)
    asked = run.predict(frame.tail(1).assign(store=12.0))
    assert np.isfinite(asked.select_dtypes("number")).all(axis=None)


def test_a_series_that_no_model_can_take_repeats_its_season():
    from modelstudio.trainers.forecasting.ensemble import completed

    made = assemble(
        rows_of(pd.date_range("2024-01-01", periods=9), np.arange(9.0)),
        Calendar.of("D"), COLUMNS, Resampling(), 3,
    )  # fmt: skip
    short = LinearMember(LinearLags(np.zeros((28, 3)), 7)).forecast(made.panel, 3)
    assert np.isnan(short).all()
    assert completed(short, made.panel).tolist() == [[2.0, 3.0, 4.0]]
