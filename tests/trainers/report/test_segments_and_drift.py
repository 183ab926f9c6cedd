"""Where a model errs more, and whether held-out rows are like the training rows."""

from __future__ import annotations

import time

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from modelstudio.trainers.tabular.preparation import Preparation
from modelstudio.trainers.tabular.preparation.reading import Readings
from modelstudio.trainers.tabular.report.drift import drift
from modelstudio.trainers.tabular.report.segments import errors_by_segment
from modelstudio.trainers.tabular.report.values import (
    WEEKDAYS,
    Bins,
    Values,
    moment_parts,
    read_values,
    target_values,
)
from report_data import formula, looked_at, regression


def segments(subject):
    measured, features = looked_at(subject)
    return errors_by_segment(measured, features, time.monotonic() + 60)


def test_the_segment_that_is_predicted_worst_comes_first(mixed):
    frame = pd.concat([mixed] * 5, ignore_index=True)
    wrong = lambda rows: formula(rows) + 8 * (rows["colour"] == "green")  # noqa: E731
    table = segments(regression(frame, wrong))
    worst = table.iloc[0]
    assert (worst["column"], worst["segment"]) == ("colour", "green")
    assert worst["significant"]
    assert worst["ratio"] > 2
    assert worst["error"] == pytest.approx(8, abs=0.5)
    assert worst["mean_predicted"] - worst["mean_actual"] == pytest.approx(8, abs=0.5)
    others = table[(table["column"] != "colour") & table["significant"]]
    assert others.empty, "chance alone is not significant"
    assert {"(missing)", "red", "blue"} <= set(table.loc[table["column"] == "colour", "segment"])


def test_an_hour_that_is_predicted_badly_is_found(mixed):
    frame = pd.concat([mixed] * 5, ignore_index=True)
    wrong = lambda rows: formula(rows) + 9 * (rows["at"].dt.hour < 4)  # noqa: E731
    worst = segments(regression(frame, wrong)).iloc[0]
    assert worst["column"] == "at"
    assert worst["segment"].startswith("hour <= ")


def test_segments_of_few_rows_are_left_out(mixed):
    frame = mixed.assign(group=["rare" if number % 10 == 0 else "usual" for number in range(600)])
    table = segments(regression(frame, formula))
    assert "rare" not in set(table["segment"])
    assert (table["rows"] >= 20).all()


def test_a_perfect_model_has_no_bad_segment(mixed):
    table = segments(regression(mixed.assign(y=formula(mixed)), formula))
    assert (table["excess"] == 0).all()
    assert not table["significant"].any()


def test_columns_that_changed_stand_out(mixed):
    test = mixed.assign(
        size=mixed["size"] + 15,
        colour=mixed["colour"].where(mixed["noise"] > -1, "pink"),
        at=mixed["at"] + pd.Timedelta(days=60),
    )
    measured, features = looked_at(regression(mixed, formula, test=test))
    table = drift(measured, features).set_index("column")
    changed = table["population_stability_index"] > 0.2
    assert set(table.index[changed]) == {"size", "colour", "at"}
    assert (table.loc[changed, "adjusted_p_value"] < 0.001).all()
    assert table.loc["colour", "new_values_holdout"] == pytest.approx(0.15, abs=0.05)
    assert table.loc["colour", "change"].startswith("'(other)' 0.0% -> ")
    assert table.loc["size", "change"].startswith("median 49.")
    assert table.loc["y", "role"] == "target"


@pytest.mark.parametrize("rows", [1, 2, 30])
def test_few_rows_can_be_compared(mixed, rows):
    measured, features = looked_at(regression(mixed.head(10), formula, test=mixed.tail(rows)))
    table = drift(measured, features)
    assert table["p_value"].dropna().between(0, 1).all()
    assert (table["adjusted_p_value"].dropna() > 0.001).all()


def test_rows_of_the_same_origin_do_not_drift(mixed):
    frame = pd.concat([mixed] * 3, ignore_index=True).sample(frac=1, random_state=1)
    measured, features = looked_at(regression(frame, formula))
    table = drift(measured, features)
    assert (table["adjusted_p_value"] > 0.01).all()
    assert (table["population_stability_index"] < 0.2).all()


numbers = st.lists(
    st.one_of(st.none(), st.floats(allow_nan=False, allow_infinity=False, width=32)), max_size=60
)


@settings(max_examples=60, deadline=None)
@given(numbers, numbers, st.integers(1, 12))
def test_bins_of_numbers_keep_their_order_and_find_a_place_for_everything(first, second, most):
    learned, asked = (
        target_values(pd.Series(values, dtype="float64"), number=True) for values in (first, second)
    )
    bins = Bins.fit(learned, most)
    codes = bins.codes(asked)
    assert len(bins.labels) <= most + 1
    assert len(bins.labels) == len(bins.edges) + 2
    assert ((codes == len(bins.labels) - 1) == asked.missing).all()
    known = ~asked.missing
    order = np.argsort(asked.data[known], kind="stable")
    assert (np.diff(codes[known][order]) >= 0).all()
    if len(learned.data[~learned.missing]):
        filled = set(bins.codes(learned)[~learned.missing])
        assert filled == set(range(len(bins.labels) - 1)), "no bin is empty where it was fitted"


@settings(max_examples=40, deadline=None)
@given(st.lists(st.one_of(st.none(), st.text(max_size=3)), max_size=40), st.integers(1, 5))
def test_bins_of_categories_are_the_largest_ones(values, most):
    column = Values("category", np.array([*values, None], dtype=object)[:-1])
    bins = Bins.fit(column, most)
    for value, code in zip(column.data, bins.codes(column), strict=True):
        if value is None:
            assert bins.labels[code] == "(missing)"
        else:
            assert bins.labels[code] in {value, "(other)"}


def test_columns_are_read_as_the_model_reads_them():
    frame = pd.DataFrame(
        {
            "price": ["1.234,50", "-", "7,25"] * 20,
            "day": ["31.12.2024", "no date", "01.02.2024"] + ["15.01.2024"] * 57,
            "code": pd.array([101, None, 7] * 20, dtype="Int64"),
            "flag": pd.Series([True, None, False] * 20, dtype=object),
            "word": ["yes", "no", "often"] * 20,
        }
    )
    types = {"price": "STRING", "day": "STRING", "code": "LONG", "flag": "BOOLEAN"}
    preparation = Preparation.fit(
        frame, {**types, "word": "STRING"}, ["y"], readings=Readings(told={"day": "day first"})
    )
    read = {one.name: read_values(frame[one.name], one) for one in preparation.columns}
    kinds = {name: values.kind for name, values in read.items()}
    assert kinds == {
        "price": "number", "day": "moment", "code": "number", "flag": "category",
        "word": "category",
    }  # fmt: skip
    for name, values in {
        "price": [1234.5, None, 7.25],
        "day": [
            pd.Timestamp("2024-12-31").timestamp(),
            None,
            pd.Timestamp("2024-02-01").timestamp(),
        ],
        "code": [101, None, 7],
        "flag": ["True", None, "False"],
        "word": ["yes", "no", "often"],
    }.items():
        found = [None if gone else one for one, gone in zip(read[name].data, read[name].missing)]  # noqa: B905
        assert found[:3] == values
    other = pd.Series(["101.0", "true", 7])
    assert read_values(other, preparation.columns[2]).data.tolist()[::2] == [101, 7]


@settings(max_examples=50, deadline=None)
@given(st.lists(st.one_of(st.none(), st.datetimes()), min_size=1, max_size=20))
def test_parts_of_moments_are_those_of_the_calendar(moments):
    values = Values("moment", np.array([seconds_since_1970(one) for one in moments]))
    parts = moment_parts(values)
    for name, part in parts.items():
        for moment, found in zip(moments, part.data, strict=True):
            if moment is None:
                assert pd.isna(found)
            else:
                weekday = WEEKDAYS[moment.weekday()]
                assert (
                    found == {"hour": moment.hour, "weekday": weekday, "month": moment.month}[name]
                )
    hours = {moment.hour for moment in moments if moment}
    assert ("hour" in parts) == (len(hours) > 1)


def seconds_since_1970(moment):
    if moment is None:
        return np.nan
    return np.floor((moment - pd.Timestamp(0).to_pydatetime()).total_seconds())


def test_ranges_say_which_values_are_in_them():
    whole = Bins.fit(Values("number", np.repeat(np.arange(24.0), 3)), 5)
    assert whole.labels == ("<= 4", "5 to 9", "10 to 14", "15 to 19", ">= 20", "(missing)")
    parts = Bins.fit(Values("number", np.arange(100) / 8), 4)
    assert parts.labels == ("<= 3", "> 3 to 6.125", "> 6.125 to 9.25", "> 9.25", "(missing)")
    days = Bins.fit(Values("moment", np.arange(100) * 86_400.0), 2)
    assert days.labels == ("<= 1970-02-19", "> 1970-02-19", "(missing)")


def test_values_that_differ_little_keep_labels_of_their_own():
    values = Values("number", 1_000_000_000 + np.arange(3) / 8)
    assert Bins.fit(values, 5).labels[:3] == ("1000000000", "1000000000.125", "1000000000.25")
