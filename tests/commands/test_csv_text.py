"""Predictions as CSV."""

# Moments have no zone, as models take and give them.
# ruff: noqa: DTZ001

from __future__ import annotations

import csv
import datetime as dt
import io

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelstudio.tables.files import csv_writing


def text_of(**columns: pa.Array) -> str:
    table = pa.table(columns)
    return (csv_writing.header(table.column_names) + bytes(csv_writing.lines(table))).decode()


def test_values_are_written_plainly() -> None:
    moments = [dt.datetime(2024, 1, 31, 12), None]
    assert text_of(
        price=pa.array([1.5, float("nan")]),
        rooms=pa.array([3, None], pa.int32()),
        good=pa.array([True, False]),
        at=pa.array(moments, pa.timestamp("us")),
        day=pa.array([dt.date(2024, 1, 31), None]),
        street=pa.array(["Elm", "a, b"]),
    ) == (
        "price,rooms,good,at,day,street\n"
        "1.5,3,true,2024-01-31 12:00:00,2024-01-31,Elm\n"
        ',,false,,,"a, b"\n'
    )


def test_fractions_of_seconds_stay() -> None:
    at = pa.array([dt.datetime(2024, 1, 31, 12, 0, 0, 500)], pa.timestamp("us"))
    assert text_of(at=at) == "at\n2024-01-31 12:00:00.000500\n"


def test_a_missing_value_alone_in_its_row_is_still_a_row() -> None:
    assert text_of(price=pa.array([1.0, None, 2.0])) == 'price\n1\n""\n2\n'


def test_a_list_is_refused() -> None:
    with pytest.raises(csv_writing.NotTextError, match="column 'a' holds list"):
        text_of(a=pa.array([[1]]))


_TEXT = st.none() | st.text(st.characters(codec="utf-8"), min_size=1, max_size=6)


@given(rows=st.lists(st.tuples(_TEXT, _TEXT), min_size=1, max_size=8), name=st.text(min_size=1))
def test_any_text_is_read_back(rows: list[tuple[str | None, str | None]], name: str) -> None:
    name = "".join(letter for letter in name if letter.isprintable()) or "x"
    first, second = zip(*rows, strict=True)
    columns = {name: pa.array(first, pa.string()), name + "2": pa.array(second, pa.string())}
    read = list(csv.reader(io.StringIO(text_of(**columns), newline="")))
    assert read == [
        [name, name + "2"],
        *[["" if value is None else value for value in row] for row in rows],
    ]


@given(st.lists(st.floats(allow_nan=False), min_size=1, max_size=8))
def test_every_number_is_read_back_bit_for_bit(numbers: list[float]) -> None:
    lines = text_of(a=pa.array(numbers)).splitlines()[1:]
    assert [float(line) for line in lines] == numbers
