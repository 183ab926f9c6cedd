"""How columns are turned into what models learn from."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from modelstudio.trainers.tabular.preparation import Counts, Preparation


def fit(frame, **column_types):
    return Preparation.fit(frame, column_types, reserved=["target"])


def test_a_timestamp_keeps_its_hour_and_weekday():
    frame = pd.DataFrame({"at": pd.to_datetime(["2024-03-04T13:30:00", "2025-06-15T00:00:00"])})
    prepared = fit(frame, at="TIMESTAMP").transform(frame)
    assert prepared["at.hour"].tolist() == [13.5, 0.0]
    assert prepared["at.weekday"].tolist() == [0.0, 6.0]
    assert prepared["at.year"].tolist() == [2024.0, 2025.0]
    assert prepared["at.days"].tolist() == [19786.5625, 20254.0]


def test_parts_of_a_date_that_never_vary_are_not_made():
    frame = pd.DataFrame({"on": [dt.date(2024, 1, day) for day in (1, 2, 3)]})
    assert set(fit(frame, on="DATE").transform(frame)) == {
        "on.days", "on.day", "on.weekday", "on.dayofyear"
    }  # fmt: skip


def test_the_same_moment_is_prepared_alike_from_parquet_and_from_json():
    frame = pd.DataFrame(
        {"at": pd.to_datetime(["2024-03-04T13:30:00Z", "2025-06-15T01:00:00Z"], utc=True)}
    )
    preparation = fit(frame, at="TIMESTAMP")
    for texts in (
        ["2024-03-04T14:30:00+01:00", "2025-06-15T01:00:00"],
        ["2024-03-04T13:30:00.000Z", "2025-06-14 20:00:00.5-0500"],
        [pd.Timestamp(2024, 3, 4, 13, 30), dt.datetime(2025, 6, 15, 1, tzinfo=dt.UTC)],
    ):
        prepared = preparation.transform(pd.DataFrame({"at": pd.Series(texts, dtype=object)}))
        expected = preparation.transform(frame)
        pd.testing.assert_frame_equal(prepared, expected, rtol=0, atol=1e-3)


def test_a_date_too_far_away_for_the_libraries_counts_as_missing():
    frame = pd.DataFrame({"until": [dt.date(2024, 1, 1), dt.date(9999, 12, 31), None]})
    frame["until"] = frame["until"].astype("datetime64[ms]")
    preparation = fit(frame, until="DATE")
    assert preparation.transform(frame)["until.days"].isna().tolist() == [False, True, True]
    later = preparation.transform(pd.DataFrame({"until": ["2024-01-02", "9999-12-31"]}))
    assert later["until.days"].isna().tolist() == [False, True]


@pytest.mark.parametrize(
    ("unit", "nanoseconds"), [("s", 10**9), ("ms", 10**6), ("us", 1000), ("ns", 1)]
)
@pytest.mark.parametrize("bound", [pd.Timestamp.min, pd.Timestamp.max])
def test_the_last_moments_that_are_known_are_the_same_in_a_row(unit, nanoseconds, bound):
    ticks = bound.value // nanoseconds + np.arange(-2, 3)
    if unit == "ns":
        ticks = bound.value - np.sign(bound.value) * np.array([0, 500, 1000, 1500, 2500])
    frame = pd.DataFrame({"at": ticks.astype(f"datetime64[{unit}]"), "x": range(5)})
    usual = pd.DataFrame({"at": pd.date_range("2020", periods=5, freq="37h"), "x": range(5)})
    preparation = fit(usual, at="TIMESTAMP", x="LONG")
    matrix = preparation.matrix(frame)
    for place, row in enumerate(frame.to_dict("records")):
        assert preparation.row(row).tobytes() == matrix[place].tobytes()


def test_dates_outside_of_the_known_years_are_left_out_for_that_reason():
    frame = pd.DataFrame({"on": pd.Series([dt.date(1500 + n, 1, 1) for n in range(30)])})
    assert fit(frame, on="DATE").dropped == {"on": "its dates are not within 1678 to 2261"}


def test_a_column_that_is_there_twice_is_named():
    frame = pd.DataFrame([[1.0, 2.0], [3.0, 4.0]], columns=["a", "b"])
    preparation = fit(frame, a="DOUBLE", b="DOUBLE")
    with pytest.raises(ValueError, match="There are several columns 'a'"):
        preparation.matrix(frame[["a", "b", "a"]])


def test_a_text_column_of_iso_dates_is_a_timestamp():
    frame = pd.DataFrame({"hour": ["2024-01-01 10:00:00", "2024-01-01 11:00:00", None]})
    preparation = fit(frame, hour="STRING")
    prepared = preparation.transform(frame)
    assert prepared["hour.hour"].tolist()[:2] == [10.0, 11.0]
    unreadable = preparation.transform(pd.DataFrame({"hour": ["noon"]}))
    assert unreadable["hour.hour"].isna().all()


@pytest.mark.parametrize("texts", [["1", "2"], ["2024", "2025"], ["2024-01-01", "soon"]])
def test_other_text_stays_text(texts):
    frame = pd.DataFrame({"word": texts})
    assert fit(frame, word="STRING").transform(frame)["word"].tolist() == texts


def test_numbers_and_booleans_of_any_kind_become_floats_with_missing_values():
    frame = pd.DataFrame(
        {
            "count": pd.array([1, None, 3], dtype="Int64"),
            "price": [Decimal("1.50"), None, Decimal(2)],
            "flag": [True, None, False],
            "ratio": [np.inf, 1.0, -np.inf],
        }
    )
    prepared = fit(frame, count="LONG", price="DECIMAL", flag="BOOLEAN", ratio="DOUBLE").transform(
        frame
    )
    assert set(prepared.dtypes) == {np.dtype("float64")}
    assert prepared.fillna(-1).to_numpy().T.tolist() == [
        [1, -1, 3],
        [1.5, -1, 2],
        [1, -1, 0],
        [-1, 1, -1],
    ]


def test_numbers_and_flags_may_come_as_text():
    frame = pd.DataFrame({"n": [1.0, 2.0], "b": [True, False]})
    preparation = fit(frame, n="DOUBLE", b="BOOLEAN")
    prepared = preparation.transform(pd.DataFrame({"n": ["2.5"], "b": ["true"]}))
    assert prepared.to_numpy().tolist() == [[2.5, 1.0]]


@pytest.mark.parametrize(
    ("column", "value", "read_as"),
    [
        ("n", "many", "numbers"),
        ("n", {"a": 1}, "numbers"),
        ("b", "perhaps", "true or false"),
        ("d", "soon", "dates"),
    ],
)
def test_a_value_that_is_not_what_its_column_is_counts_as_missing_and_is_counted(
    column, value, read_as
):
    frame = pd.DataFrame(
        {"n": [1.0, 2.0], "b": [True, False], "d": pd.to_datetime(["2024-01-01", "2024-01-02"])}
    )
    preparation = fit(frame, n="DOUBLE", b="BOOLEAN", d="DATE")
    wrong = frame.astype(object)
    wrong[column] = [value, None]
    counts = Counts()
    matrix = preparation.matrix(wrong, counts)
    assert matrix[0].tobytes() == preparation.row(wrong.iloc[0].to_dict()).tobytes()
    assert matrix[0].tobytes() == preparation.row({**wrong.iloc[0], column: None}).tobytes()
    assert counts.notes()[0] == (
        f"1 of 1 values of column '{column}' cannot be read as {read_as} and count as missing, "
        f"such as {str(value)!r}"
    )
    assert list(counts.unreadable()) == [column]


def test_a_column_that_was_never_missing_is_required_and_others_are_not():
    frame = pd.DataFrame({"always": [1.0, 2.0], "sometimes": ["a", None]})
    preparation = fit(frame, always="DOUBLE", sometimes="STRING")
    prepared = preparation.transform(pd.DataFrame({"always": [3.0], "unknown": ["x"]}))
    assert prepared["always"].tolist() == [3.0]
    assert prepared["sometimes"].isna().tolist() == [True]
    with pytest.raises(KeyError, match="always"):
        preparation.transform(pd.DataFrame({"sometimes": ["a"]}))


def test_columns_from_which_nothing_can_be_learned_are_left_out_with_a_reason():
    frame = pd.DataFrame(
        {"same": [1, 1], "empty": [None, None], "tags": [["a"], ["b"]], "good": [1, 2]}
    )
    preparation = fit(frame, same="LONG", empty="STRING", tags="ARRAY", good="LONG")
    assert [column.name for column in preparation.columns] == ["good"]
    assert preparation.dropped == {
        "same": "it has one value",
        "empty": "it has no value",
        "tags": "columns of type ARRAY are not supported",
    }


def test_a_part_never_takes_the_name_of_another_column():
    dates = pd.to_datetime(["2024-01-01T01:00", "2025-02-02T02:00"])
    frame = pd.DataFrame({"t": dates, "t.hour": [7.0, 8.0]})
    prepared = Preparation.fit(
        frame, {"t": "TIMESTAMP", "t.hour": "DOUBLE"}, reserved=["t.year"]
    ).transform(frame)
    assert prepared["t.hour"].tolist() == [7.0, 8.0]
    assert prepared["t.hour_"].tolist() == [1.0, 2.0]
    assert "t.year" not in prepared


def test_a_saved_preparation_prepares_the_same(tmp_path):
    frame = pd.DataFrame(
        {
            'a "quoted" \N{SNOWMAN} [x]': [1.0, None],
            "at": pd.to_datetime(["2024-01-01T01:00", "2025-02-02T02:00"]),
            "word": ["x", None],
        }
    )
    names = list(frame)
    preparation = Preparation.fit(
        frame, {names[0]: "DOUBLE", "at": "TIMESTAMP", "word": "STRING"}, reserved=[]
    ).keep([names[0], "at.hour"])
    preparation.save(tmp_path / "preparation.json")
    loaded = Preparation.load(tmp_path / "preparation.json")
    assert loaded.transform(frame).equals(preparation.transform(frame))
    assert list(loaded.transform(frame)) == [names[0], "at.hour"]
    assert loaded.dropped == {"word": "it carries too little information"}


def test_the_index_and_the_order_of_rows_are_kept():
    frame = pd.DataFrame({"n": [3.0, 1.0, 2.0]}, index=[7, 7, 1])
    prepared = fit(frame, n="DOUBLE").transform(frame)
    assert prepared["n"].tolist() == [3.0, 1.0, 2.0]
    assert prepared.index.tolist() == [7, 7, 1]


def test_a_frame_of_arrow_types_is_prepared_like_any_other():
    frame = pd.DataFrame(
        {
            "at": pd.to_datetime(["2024-01-01T10:00", "2024-05-01T00:00"]),
            "n": [1, 2],
            "word": ["x", "y"],
            "flag": [True, False],
        }
    )
    preparation = fit(frame, at="TIMESTAMP", n="LONG", word="STRING", flag="BOOLEAN")
    arrow = pa.Table.from_pandas(frame).to_pandas(types_mapper=pd.ArrowDtype)
    assert preparation.matrix(arrow).tobytes() == preparation.matrix(frame).tobytes()
