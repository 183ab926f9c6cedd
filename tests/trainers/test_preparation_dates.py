"""Columns that are dates, however they are written."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from preparation_data import days, fit, notes, treatment


@pytest.mark.parametrize(
    ("texts", "first"),
    [
        (["2018/10/02 09:00", "2019/01/13 23:15"], "2018-10-02 09:00"),
        (["02.10.2018", "13.01.2019"], "2018-10-02"),
        (["10/02/2018 3:04 PM", "10/13/2018 12:30 AM"], "2018-10-02 15:04"),
        (["10/02/2018 03:04:05 PM", "10/23/2018 12:30:00 AM"], "2018-10-02 15:04:05"),
        (["02/10/2018", "31/12/2018"], "2018-10-02"),
        (["2 Oct 2018", "13 January 2019"], "2018-10-02"),
        (["Oct 2, 2018", "January 13, 2019"], "2018-10-02"),
        (["02-Oct-18 10:00", "13-Jan-99 11:00"], "2018-10-02 10:00"),
        (["Tue, 02 Oct 2018 10:00:00 GMT", "Wed, 03 Oct 2018 10:00:00 GMT"], "2018-10-02 10:00"),
        (["20181002", "20190113"], "2018-10-02"),
        (["2018-10-02T09:00:00+02:00", "2019-01-13T00:00:00Z"], "2018-10-02 07:00"),
        (["2018/10/02 09:00 +0200", "2019/01/13 09:00 +0200"], "2018-10-02 07:00"),
    ],
)
def test_dates_in_common_spellings(texts, first):
    preparation = fit(x=texts * 10)
    assert treatment(preparation) == "moments"
    assert preparation.row({"x": texts[0]})[0] == days(first)


def test_one_value_decides_the_order_of_day_and_month_for_all():
    day_first = fit(x=["01/02/2018", "03/04/2018", "25/12/2018"])
    month_first = fit(x=["01/02/2018", "03/04/2018", "12/25/2018"])
    assert day_first.row({"x": "05/06/2018"})[0] == days("2018-06-05")
    assert month_first.row({"x": "05/06/2018"})[0] == days("2018-05-06")


@pytest.mark.parametrize(
    "texts",
    [
        ["01/10/2018", "01/11/2018", "01/12/2018", "02/01/2018", "02/02/2018"],
        ["03/02/2018", "01/04/2018", "02/01/2018", "04/03/2018"] * 5,
        ["10/02/2018 3:04 PM", "10/03/2018 12:30 AM"] * 5,
    ],
)
def test_dates_that_can_be_read_both_ways_stay_a_category_and_a_note_says_so(texts):
    preparation = fit(x=texts)
    assert treatment(preparation) == "categories"
    assert "/mm/yyyy" in notes(preparation)
    assert "mm/dd/yyyy" in notes(preparation)
    assert "the values do not tell which" in notes(preparation)


def test_another_column_tells_the_order_of_dates_that_can_be_read_both_ways():
    preparation = fit(x=["01/10/2018", "02/01/2018"] * 5, y=["25/12/2018", "02/01/2018"] * 5)
    assert preparation.row({"x": "02/01/2018", "y": "02/01/2018"})[0] == days("2018-01-02")


def test_a_few_values_that_are_no_dates_are_missing():
    texts = [f"2018-0{1 + place % 9}-{1 + place % 28:02}" for place in range(300)]
    preparation = fit(x=[*texts, "unknown", "?", "sometime"])
    assert treatment(preparation) == "moments"
    assert preparation.row({"x": "sometime"}).tolist() == preparation.row({"x": None}).tolist()


def test_a_zero_date_is_missing():
    dates = [f"2018-03-{day:02}" for day in range(1, 29)]
    preparation = fit(x=[*dates, "0000-00-00", "0000-00-00 00:00:00"])
    assert treatment(preparation) == "moments"
    assert np.isnan(preparation.row({"x": "0000-00-00"})[0])


@pytest.mark.parametrize(
    "texts", [["2018-03", "2019-12"], ["3/2018", "12/2019"], ["Mar 2018", "December, 2019"]]
)
def test_months_are_dates_of_which_the_day_means_nothing(texts):
    preparation = fit(x=texts * 10)
    assert [feature.part for feature in preparation.features] == ["days", "year", "month"]
    assert preparation.row({"x": texts[0]}).tolist() == [days("2018-03-01"), 2018, 3]
    assert notes(preparation) == "text, month yyyy-mm"


@pytest.mark.parametrize(
    "texts", [["14:30", "9:05"], ["14:30:00", "09:05:59.5"], ["2:30 PM", "9:05 am"]]
)
def test_a_time_of_day_is_its_hour_and_minute(texts):
    preparation = fit(x=texts * 10)
    assert [feature.part for feature in preparation.features] == ["hour", "minute"]
    assert preparation.row({"x": texts[0]}).tolist() == [14.5, 30]
    assert notes(preparation) == "text, time of day hh:mm"


@pytest.mark.parametrize(
    "texts", [["2018-3a", "2018-13"], ["1066-10", "0012-11"], ["61:70", "75:00"], ["3:2", "1:0"]]
)
def test_what_looks_like_a_month_or_a_time_but_is_none(texts):
    assert treatment(fit(x=texts * 10)) == "categories"


def test_a_length_of_time_is_a_number_of_seconds():
    preparation = fit(x=["61:30", "75:00", "1:00:00.5"] * 10)
    assert [preparation.row({"x": text})[0] for text in ("61:30", "1:00:00.5")] == [3690, 3600.5]


def test_whole_numbers_that_are_dates():
    dates = pd.date_range("2018-01-01", periods=60).strftime("%Y%m%d").astype(int)
    preparation = fit(x=dates)
    assert treatment(preparation) == "moments"
    assert preparation.row({"x": 20180302})[0] == days("2018-03-02")
    assert treatment(fit(x=[20180100 + day * 3 for day in range(60)])) == "numbers"


@pytest.mark.parametrize("scale", [1, 1000, 1_000_000])
def test_numbers_that_count_from_1970_are_dates_when_the_name_says_so(scale):
    seconds = 1_500_000_000 + np.cumsum(np.random.default_rng(0).integers(1, 500_000, 400))
    preparation = fit(created_at=seconds * scale, amount=seconds * scale + 1)
    assert treatment(preparation, "created_at") == "moments"
    assert treatment(preparation, "amount") == "numbers"
    parts_of_one = dict(
        zip((feature.part for feature in preparation.features),
            preparation.row({"created_at": 1_530_000_000 * scale, "amount": 1}), strict=True)
    )  # fmt: skip
    assert (parts_of_one["year"], parts_of_one["hour"]) == (2018.0, 8.0)
    assert parts_of_one["days"] == days("2018-06-26 08:00")
    missing = preparation.row({"created_at": None, "amount": 1}).tolist()
    for far in (1e300, float("nan"), "1e99", 10**400):
        assert preparation.row({"created_at": far, "amount": 1}).tolist() == missing
    assert preparation.row({"created_at": "soon", "amount": 1}).tolist() == missing
