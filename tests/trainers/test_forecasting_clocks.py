"""Stamps of clocks with an offset, and clocks that are changed."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from forecasting_data import table_of
from forecasting_situations import codes, days, train, weekly
from modelstudio.tables.readings import Evidence, decide
from modelstudio.trainers.asking.model import Model
from modelstudio.trainers.base import TrainingError
from modelstudio.trainers.forecasting.columns import Columns
from modelstudio.trainers.forecasting.rows import Told, frame_of, take

pytestmark = pytest.mark.training


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


@pytest.mark.parametrize("stored", ["UTC", None])
def test_offsets_that_a_dataset_has_read_are_those_of_its_reading(tmp_path, stored):
    written = local_midnights()
    seen = Evidence.of(written["day"])
    reading = decide({"day": seen})["day"].reading
    utc = pd.to_datetime(written["day"], utc=True)
    frame = written.assign(day=utc if stored else utc.dt.tz_localize(None))
    path = tmp_path / "table.parquet"
    table = table_of(frame, path, {"timestamp_column": ["day"], "target_column": ["y"]})
    columns = Columns("day", "y", (), (), (), (), {"day": "TIMESTAMP", "y": "DOUBLE"})
    table = replace(table, readings={"day": reading.state()})
    taken = take(frame_of(table), columns, "training", table, None, Told())
    assert [str(at)[:10] for at in taken.rows.moment] == [text[:10] for text in written["day"]]
    assert taken.zone == "+02:00"


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


def test_history_after_another_change_of_clocks_has_the_offsets_that_it_is_written_with(
    tmp_path, recorder
):
    run = train(tmp_path, recorder, local_midnights())
    asked = local_midnights("2024-10-20", 14)
    model = Model(run.predictor(), run.model.model_api)
    assert days(model.predict(asked)) == ["2024-11-03", "2024-11-04", "2024-11-05"]


def test_typed_history_of_a_zone_keeps_the_days_of_its_own_clock(tmp_path, recorder):
    run = train(tmp_path, recorder, local_midnights("2024-11-01", 90))
    asked = local_midnights("2025-04-10", 14)
    typed = asked.assign(day=pd.date_range("2025-04-10", periods=14, tz="Europe/Berlin"))
    assert days(run.predict(typed)) == ["2025-04-24", "2025-04-25", "2025-04-26"]
    pd.testing.assert_frame_equal(run.predict(typed), run.predict(asked))
