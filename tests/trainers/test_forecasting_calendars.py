"""Calendars that people keep: inferred from their stamps, numbered, and gone on with."""

from __future__ import annotations

import json
from dataclasses import asdict

import numpy as np
import pandas as pd
import pytest

from modelstudio.trainers.base import TrainingError
from modelstudio.trainers.forecasting import frequency
from modelstudio.trainers.forecasting.calendar import Calendar

DAYS = np.arange("2024-01-01", "2024-06-01", dtype="datetime64[D]")
MONTHS = np.arange("2019-01", "2022-01", dtype="datetime64[M]")
HOURS = np.arange("2024-01-01T00", "2024-03-11T00", dtype="datetime64[h]")
weekday_of_hours = pd.DatetimeIndex(HOURS).dayofweek
hour_of_hours = pd.DatetimeIndex(HOURS).hour
FIRST = MONTHS.astype("datetime64[D]")
LAST = (MONTHS + 1).astype("datetime64[D]") - 1


def weekdays(*chosen):
    return DAYS[np.isin(pd.DatetimeIndex(DAYS).dayofweek, chosen)]


def each(*parts):
    return np.sort(np.concatenate(parts))


def pandas_dates(alias):
    return pd.date_range("2019-01-01", periods=48, freq=alias).to_numpy()


#: Stamps, the name they get, and the stamps that follow.
KEPT = {
    "business month ends": (pandas_dates("BME"), "BME", ["2023-01-31", "2023-02-28"]),
    "business month starts": (pandas_dates("BMS"), "BMS", ["2023-01-02", "2023-02-01"]),
    "business quarter ends": (pandas_dates("BQE-DEC"), "BQE-DEC", ["2031-03-31", "2031-06-30"]),
    "business year starts": (pandas_dates("BYS-MAR"), "BYS-MAR", ["2067-03-01", "2068-03-01"]),
    "half months": (pandas_dates("SMS"), "SMS-15", ["2021-01-01", "2021-01-15"]),
    "half months at their ends": (pandas_dates("SME"), "SME-15", ["2021-01-15", "2021-01-31"]),
    "the 15th": (FIRST + 14, "M-15", ["2022-01-15", "2022-02-15"]),
    "the 30th": (np.minimum(FIRST + 29, LAST), "M-30", ["2022-01-30", "2022-02-28"]),
    "the 6th of April": (
        np.arange("1990-04", "2024-04", 12, dtype="datetime64[M]").astype("datetime64[D]") + 5,
        "12M-6",
        ["2024-04-06", "2025-04-06"],
    ),
    "two pay days": (each(FIRST + 4, FIRST + 19), "M-5-20", ["2022-01-05", "2022-01-20"]),
    "thirds of months": (
        each(FIRST + 9, FIRST + 19, LAST), "M-10-20-31", ["2022-01-10", "2022-01-20", "2022-01-31"],
    ),
    "first Mondays": (pandas_dates("WOM-1MON"), "WOM-1MON", ["2023-01-02", "2023-02-06"]),
    "third Fridays": (pandas_dates("WOM-3FRI"), "WOM-3FRI", ["2023-01-20", "2023-02-17"]),
    "last Fridays": (
        pd.date_range("2019-01-01", periods=30, freq=pd.offsets.LastWeekOfMonth(weekday=4)),
        "LWOM-FRI",
        ["2021-07-30", "2021-08-27"],
    ),
    "Sunday to Thursday": (
        weekdays(6, 0, 1, 2, 3), "B-SUN-MON-TUE-WED-THU", ["2024-06-02", "2024-06-03"],
    ),
    "closed on Sundays": (
        weekdays(0, 1, 2, 3, 4, 5), "B-MON-TUE-WED-THU-FRI-SAT", ["2024-06-01", "2024-06-03"],
    ),
    "Tuesdays and Fridays": (weekdays(1, 4), "B-TUE-FRI", ["2024-06-04", "2024-06-07"]),
    "ten times a second": (
        pandas_dates("100ms"), "100ms", ["2019-01-01T00:00:04.8", "2019-01-01T00:00:04.9"],
    ),
    "trading months, one ended by a holiday": (
        np.where(
            pandas_dates("BME") == np.datetime64("2019-05-31"),
            np.datetime64("2019-05-30"),
            pandas_dates("BME"),
        ),
        "BME",
        ["2023-01-31", "2023-02-28"],
    ),
    "opening hours": (
        HOURS[(weekday_of_hours < 5) & (hour_of_hours >= 9) & (hour_of_hours < 17)],
        "h-MON-TUE-WED-THU-FRI-09:00-16:00",
        ["2024-03-11T09:00", "2024-03-11T10:00"],
    ),
    "three readings a day": (
        HOURS[np.isin(hour_of_hours, [7, 14, 21])],
        "7h-07:00-21:00",
        ["2024-03-11T07:00", "2024-03-11T14:00"],
    ),
    "years": (pandas_dates("YS"), "YS-JAN", ["2067-01-01", "2068-01-01"]),
    "years of long ago": (
        np.arange("1264", "1400", dtype="datetime64[Y]"), "YS-JAN", ["1400-01-01", "1401-01-01"],
    ),
    "month ends just before midnight": (
        LAST + np.timedelta64(86_399, "s"), "ME", ["2022-01-31T23:59:59", "2022-02-28T23:59:59"],
    ),
    "working days at half past five": (
        weekdays(0, 1, 2, 3, 4) + np.timedelta64(1050, "m"),
        "B", ["2024-06-03T17:30", "2024-06-04T17:30"],
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", KEPT)
def test_a_calendar_is_inferred_and_gone_on_with(case: str) -> None:
    stamps, alias, following = KEPT[case]
    stamps = np.asarray(stamps).astype("datetime64[us]")
    calendar = frequency.infer(stamps, np.zeros(len(stamps), dtype="int64"))
    assert calendar.alias == alias
    numbers = calendar.number(stamps)
    assert (np.diff(numbers) == 1).all()
    ahead = calendar.moment(numbers[-1] + np.arange(1, len(following) + 1))
    assert ahead.tolist() == [pd.Timestamp(one).to_pydatetime() for one in following]
    assert Calendar.of_state(json.loads(json.dumps(asdict(calendar)))) == calendar


@pytest.mark.parametrize("case", KEPT)
def test_its_name_is_accepted_as_a_frequency(case: str) -> None:
    stamps, alias, _ = KEPT[case]
    stamps = np.asarray(stamps).astype("datetime64[us]")
    if not case.endswith(("midnight", "half past five")) and "holiday" not in case:
        assert Calendar.of(alias, stamps[0]).holds(stamps)


@pytest.mark.parametrize("case", KEPT)
def test_gaps_do_not_hide_the_calendar(case: str) -> None:
    stamps, alias, _ = KEPT[case]
    stamps = np.asarray(stamps).astype("datetime64[us]")
    kept = np.random.default_rng(7).random(len(stamps)) < 0.75
    codes = np.arange(kept.sum()) % 2  # two series that take turns
    found = frequency.shared(stamps[kept], codes * 0)
    assert (found.calendar.alias, found.others) == (alias, {})


@pytest.mark.parametrize("case", KEPT)
def test_a_moment_belongs_to_the_step_that_begins_before_it(case: str) -> None:
    stamps, alias, _ = KEPT[case]
    calendar = Calendar.of(alias, np.asarray(stamps).astype("datetime64[us]")[0])
    numbers = np.arange(-40, 40)
    begins = calendar.begin(numbers)
    assert (calendar.number(begins) == numbers).all()
    assert (calendar.number(begins - np.timedelta64(1, "us")) == numbers - 1).all()


@pytest.mark.parametrize("alias", ["M-0", "M-32", "2M-1-15", "B-XYZ", "0B-MON", "C", "bh", "20ns"])
def test_what_is_no_frequency_is_refused(alias: str) -> None:
    with pytest.raises(ValueError, match="requency"):
        Calendar.of(alias)


@pytest.mark.parametrize(
    "alias", ["BME", "SMS-15", "M-15", "WOM-1MON", "LWOM-FRI", "B-TUE-FRI", "B-MON-TUE-WED-THU-SUN"]
)
def test_a_library_that_knows_pandas_names_alone_gets_a_stand_in(alias: str) -> None:
    stand_in = Calendar.of(alias).stand_in
    numbers = np.arange(30)
    index = pd.DatetimeIndex(stand_in.moment(numbers))
    assert pd.infer_freq(index) == pd.tseries.frequencies.to_offset(stand_in.alias).freqstr


DAILY = np.arange("2023-01-01", "2024-01-01", dtype="datetime64[D]")
MONTHLY = np.arange("2023-01", "2024-01", dtype="datetime64[M]")


def together(*series):
    moments = np.concatenate([np.asarray(one).astype("datetime64[us]") for one in series])
    return moments, np.repeat(np.arange(len(series)), [len(one) for one in series])


def test_a_monthly_series_among_daily_ones_is_named():
    found = frequency.shared(*together(DAILY, MONTHLY, DAILY))
    assert found.calendar.alias == "D"
    assert found.others == {1: "MS"}


def test_a_daily_series_among_monthly_ones_is_named():
    found = frequency.shared(*together(MONTHLY, MONTHLY, DAILY, MONTHLY, MONTHLY[2:]))
    assert found.calendar.alias == "MS"
    assert found.others == {2: "D"}


def test_an_hourly_and_a_weekly_series_among_daily_ones_are_named():
    hourly = np.arange("2023-01-01", "2023-02-01", dtype="datetime64[h]")
    found = frequency.shared(*together(DAILY, DAILY, hourly, DAILY[::7], DAILY))
    assert found.calendar.alias == "D"
    assert found.others == {2: "h", 3: "W-SUN"}


def test_weeks_that_begin_on_another_day_are_named():
    found = frequency.shared(*together(DAILY[::7], DAILY[::7], DAILY[3::7]))
    assert found.calendar.alias == "W-SUN"
    assert found.others == {2: "W-WED"}


def test_months_stamped_at_their_ends_among_those_stamped_at_their_starts_are_named():
    ends = (MONTHLY + 1).astype("datetime64[D]") - 1
    found = frequency.shared(*together(MONTHLY, ends, MONTHLY))
    assert found.calendar.alias == "MS"
    assert found.others == {1: "ME"}


def test_days_at_another_time_of_the_day_are_named():
    found = frequency.shared(*together(DAILY, DAILY + np.timedelta64(6, "h"), DAILY))
    assert found.calendar.alias == "D"
    assert found.others == {1: "D at other times"}


def test_a_short_series_and_one_with_sales_now_and_then_follow_the_others():
    now_and_then = DAILY[np.sort(np.random.default_rng(1).choice(365, 40, replace=False))]
    found = frequency.shared(*together(DAILY, MONTHLY[:3], now_and_then, DAILY[:1], DAILY))
    assert found.calendar.alias == "D"
    assert found.others == {}


def test_series_of_no_regular_step_at_all_are_refused():
    random = np.random.default_rng(2)
    stamps = [np.datetime64("2024-01-01", "us") + random.integers(0, 10**13, 50) for _ in range(3)]
    with pytest.raises(TrainingError, match=r"^Frequency of train_data is not"):
        frequency.shared(*together(*stamps))
