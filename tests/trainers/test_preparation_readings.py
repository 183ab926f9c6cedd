"""A table says the same however its values are written, and in whatever order its rows are."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from modelstudio.trainers.tabular.preparation import Counts, Preparation
from modelstudio.trainers.tabular.preparation.reading import Readings
from preparation_data import fit

ROWS = 120

DATES = (
    "%Y-%m-%d", "%Y/%m/%d", "%d.%m.%Y", "%d/%m/%Y", "%m/%d/%Y", "%d-%m-%Y", "%d %b %Y",
    "%B %d, %Y", "%Y%m%d", "%d.%m.%y", "%a, %d %b %Y",
)  # fmt: skip
TIMES = (
    "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M:%S.%f", "%d.%m.%Y %H:%M:%S", "%m/%d/%Y %I:%M:%S %p",
)  # fmt: skip
WORDS = (
    ("yes", "no"),
    ("TRUE", "FALSE"),
    ("ja", "nein"),
    ("Y", "N"),
    ("1.0", "0.0"),
    ("on", "off"),
)


def grouped(number, group, decimal):
    return f"{number:,.2f}".replace(",", "_").replace(".", decimal).replace("_", group)


NUMBERS = {
    "1234.5": lambda number: repr(float(number)),
    "1,234.50": lambda number: grouped(number, ",", "."),
    "1.234,50": lambda number: grouped(number, ".", ","),
    "1 234,50": lambda number: grouped(number, "\u00a0", ","),
    "1'234.50": lambda number: grouped(number, "'", "."),
    "1.234,50 €": lambda number: grouped(number, ".", ",") + " €",
    "$1,234.50": lambda number: f"-${grouped(-number, ',', '.')}" if number < 0
    else f"${grouped(number, ',', '.')}",
    "1.234,50 %": lambda number: grouped(number, ".", ",") + " %",
    "1e3": lambda number: f"{number:.17e}",
}  # fmt: skip


def typed(seed):
    random = np.random.default_rng(seed)
    days = pd.Timestamp("2015-01-01") + pd.to_timedelta(random.integers(0, 3000, ROWS), unit="D")
    seconds = pd.to_timedelta(random.integers(0, 86_400, ROWS), unit="s")
    return pd.DataFrame(
        {
            "number": np.round(random.normal(0, 5000, ROWS), 2),
            "day": days,
            "at": days + seconds,
            "flag": random.random(ROWS) < 0.4,
            "name": random.choice(["red", "green", "blue"], ROWS),
        }
    )


def gaps(frame, seed):
    """Take some values away, but few enough to keep what the columns are."""
    random = np.random.default_rng(seed)
    with_gaps = frame.astype({"flag": object})
    for name in ("number", "day", "flag"):
        with_gaps.loc[random.random(ROWS) < 0.15, name] = None
    return with_gaps


def written(frame, number, date, time, words, mark):
    texts = pd.DataFrame(index=frame.index)
    texts["number"] = [mark if one != one else NUMBERS[number](one) for one in frame["number"]]  # noqa: PLR0124
    texts["day"] = [mark if one is pd.NaT else one.strftime(date) for one in frame["day"]]
    texts["at"] = [one.strftime(time) for one in frame["at"]]
    texts["flag"] = [mark if one is None else words[0 if one else 1] for one in frame["flag"]]
    texts["name"] = frame["name"]
    return texts


@settings(max_examples=60, deadline=None)
@given(
    st.integers(0, 5),
    st.sampled_from(sorted(NUMBERS)),
    st.sampled_from(DATES),
    st.sampled_from(TIMES),
    st.sampled_from(WORDS),
    st.sampled_from([None, "", "-", "n/a", "?"]),
)
def test_a_table_in_any_style_gives_the_features_of_its_typed_table(
    seed, number, date, time, words, mark
):
    frame = gaps(typed(seed), seed)
    types = {"number": "DOUBLE", "day": "DATE", "at": "TIMESTAMP", "flag": "BOOLEAN"}
    usual = Preparation.fit(frame, {**types, "name": "STRING"}, ["y"])
    texts = written(frame, number, date, time, words, mark)
    read = Preparation.fit(texts, dict.fromkeys(texts, "STRING"), ["y"])
    assert read.features == usual.features, read.actions().to_string()
    expected = usual.matrix(frame).tobytes()
    assert read.matrix(texts).tobytes() == expected
    assert read.matrix(frame).tobytes() == expected, "typed values are taken as well"
    rows = [read.row(row) for row in texts.to_dict("records")]
    assert np.array(rows).tobytes() == expected
    assert [column.nullable for column in read.columns] == [
        column.nullable for column in usual.columns
    ]


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 100), st.sampled_from(sorted(NUMBERS)), st.sampled_from(DATES))
def test_the_order_of_rows_changes_nothing_in_how_they_are_read(seed, number, date):
    texts = written(typed(seed), number, date, TIMES[0], WORDS[0], "")
    order = np.random.default_rng(seed).permutation(ROWS)
    shuffled = texts.iloc[order].reset_index(drop=True)
    one, other = (
        Preparation.fit(table, dict.fromkeys(texts, "STRING"), ["y"]) for table in (texts, shuffled)
    )
    assert one.seen == other.seen
    assert one.matrix(shuffled).tobytes() == other.matrix(shuffled).tobytes()


def test_thousands_of_distinct_texts_are_read_like_single_ones():
    random = np.random.default_rng(1)
    seconds = random.integers(10**9, 2 * 10**9, 3000)
    moments = pd.Timestamp(0) + pd.to_timedelta(seconds, unit="s")
    frame = pd.DataFrame(
        {
            "number": [repr(one) for one in random.normal(size=3000).tolist()],
            "whole": [str(one) for one in random.choice(10**12, 3000)],
            "at": moments.astype(str),
            "day": moments.strftime("%d.%m.%Y"),
        }
    )
    frame.loc[7, :] = ["many", "1.5", "soon", "31.02.2024"]
    preparation = Preparation.fit(frame, dict.fromkeys(frame, "STRING"), ["y"])
    assert [column.treatments[0].kind for column in preparation.columns] == [
        "numbers", "numbers", "moments", "moments",
    ]  # fmt: skip
    matrix = preparation.matrix(frame)
    for place in (0, 7, 8, 2999):
        row = preparation.row(frame.iloc[place].to_dict())
        assert row.tobytes() == matrix[place].tobytes()


def test_values_in_another_form_than_in_training_are_read_by_its_reading():
    texts = [f"{1 + n % 28:02}/{1 + n % 12:02}/2023" for n in range(60)]
    prices = [f"{n},{n % 10}5" for n in range(60)]
    preparation = fit(day=texts, price=prices)
    day, price = preparation.row({"day": "06/01/2024", "price": "1.234,56"})[[0, -1]]
    assert (day, price) == (days_since("2024-01-06"), 1234.56)
    assert preparation.row({"day": "2024-01-06", "price": 1234.56})[0] == day
    counts = Counts()
    frame = pd.DataFrame({"day": ["13/13/2024", "06/01/2024"], "price": ["1234.56", "1,5"]})
    preparation.matrix(frame, counts)
    assert counts.notes()[0] == (
        "1 of 2 values of column 'day' cannot be read as date dd/mm/yyyy and count as missing, "
        "such as '13/13/2024'"
    )
    assert "such as '1234.56'" in counts.notes()[2]


def days_since(text):
    return float((pd.Timestamp(text) - pd.Timestamp(0)) / pd.Timedelta(days=1))


def test_a_column_with_a_type_is_read_as_it_was_written_where_it_comes_as_text():
    """The dataset has read it, and says how it was written; a request may be written so too."""
    frame = pd.DataFrame(
        {
            "day": pd.date_range("2024-01-01", periods=40, freq="9D"),
            "price": np.arange(40) * 1.5,
        }
    )
    known = {
        name: {**state, "seen": {"fitted": 40, "unfit": 2, "examples": ["x"], "possible": []}}
        for name, state in {
            "day": reading_state("date dd.mm.yyyy"),
            "price": reading_state("number 1.234,5"),
        }.items()
    }
    types = {"day": "DATE", "price": "DOUBLE"}
    preparation = Preparation.fit(frame, types, ["y"], readings=Readings(known))
    row = preparation.row({"day": "02.01.2024", "price": "1.234,5"})
    assert row.tolist() == preparation.row({"day": dt.date(2024, 1, 2), "price": 1234.5}).tolist()
    (day, _) = preparation.seen
    assert (day.taken_for, day.fitted, day.unfit, day.examples) == (
        "date dd.mm.yyyy", 40, 2, ("x",),
    )  # fmt: skip


def test_marks_that_the_schema_names_stand_for_no_value():
    frame = pd.DataFrame({"x": ["a", None, "b"] * 20})
    known = {"x": reading_state("text, missing: NA")}
    preparation = Preparation.fit(frame, {"x": "STRING"}, ["y"], readings=Readings(known))
    assert np.isnan(preparation.row({"x": "NA"})[0])
    assert preparation.row({"x": "b"})[0] == 1.0


def reading_state(name):
    from modelstudio.tables.readings import named

    return named(name).state()


@pytest.mark.parametrize(
    ("values", "field_type", "told", "feature"),
    [
        (["0101", "0102", "0103"], "STRING", "number", "number"),
        (["01/02/2024", "02/01/2024"], "STRING", "date mm/dd/yyyy", "number"),
        (["1", "2", "3"], "STRING", "number", "number"),
        ([101, 102, 103], "LONG", "text", "category"),
        ([20240131, 20240201], "LONG", "date yyyymmdd", "number"),
        (["a", "NA", "b"], "STRING", "text, missing: NA", "category"),
    ],
)
def test_what_the_user_says_is_done(values, field_type, told, feature):
    frame = pd.DataFrame({"x": values * 20})
    readings = Readings(told={"x": told})
    preparation = Preparation.fit(frame, {"x": field_type}, ["y"], readings=readings)
    assert preparation.features[0].kind == feature
    matrix = preparation.matrix(frame)
    rows = [preparation.row(row) for row in frame.to_dict("records")]
    assert np.array(rows).tobytes() == matrix.tobytes()
    if "NA" in values:
        assert preparation.features[0].levels == ("a", "b")
        assert np.isnan(preparation.row({"x": " NA "})[0])
        assert preparation.columns[0].nullable
