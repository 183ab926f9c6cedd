"""A Parquet file of rows to predict, read as the columns that a model takes."""

# Moments have no zone, as models take and give them.
# ruff: noqa: DTZ001, ISC004

from __future__ import annotations

import datetime as dt
import math
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pytest

from commands.rows_in_process import file, read, read_with_misfits, wanted, write_parquet
from modelstudio.tables.files.problems import Unreadable

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    ("column", "kind", "values"),
    [
        (pa.array([1, None], pa.int8()), "long", [1, None]),
        (pa.array([1.0, math.nan, None]), "long", [1, None, None]),
        (pa.array([1, 2], pa.uint64()), "double", [1.0, 2.0]),
        (pa.array([True, None]), "double", [1.0, None]),
        (pa.array([0, 1, None]), "boolean", [False, True, None]),
        (pa.array([5, None]), "string", ["5", None]),
        (pa.array(["5", " 6.0", "NA", None]), "long", [5, 6, None, None]),
        (pa.array(["a", "b"]).dictionary_encode(), "string", ["a", "b"]),
        (pa.array([0], pa.timestamp("ns", "Asia/Tokyo")), "timestamp", [dt.datetime(1970, 1, 1)]),
        (pa.array([dt.datetime(2024, 5, 1)], pa.timestamp("s")), "date", [dt.date(2024, 5, 1)]),
        (pa.array([dt.date(2024, 5, 1)]), "timestamp", [dt.datetime(2024, 5, 1)]),
        (pa.array([[1, 2], None]), "array", [[1, 2], None]),
        (pa.array([[1], []]), "any", [[1], []]),
    ],
)
def test_a_parquet_column_of_a_kindred_type_is_read(
    tmp_path: Path, column: pa.Array, kind: str, values: list[Any]
) -> None:
    path = write_parquet(tmp_path, a=column)
    assert read(path, wanted(a=kind))["a"] == values


@pytest.mark.parametrize(
    ("column", "kind", "example"),
    [
        (pa.array([1.0, 1.5]), "long", "1.5"),
        (pa.array([1, 2**40]), "integer", "1099511627776"),
        (pa.array([1.0, 2.0**63]), "long", "9.223372036854776e+18"),
        (pa.array(["1", "x"]), "double", "x"),
        (pa.array([1, 2]), "boolean", "2"),
        (pa.array([dt.datetime(2024, 5, 1), dt.datetime(2024, 5, 1, 1)]), "date",
         "2024-05-01 01:00:00"),
    ],
)  # fmt: skip
def test_a_value_of_a_parquet_column_that_does_not_fit_is_counted(
    tmp_path: Path, column: pa.Array, kind: str, example: str
) -> None:
    found, misfits = read_with_misfits(write_parquet(tmp_path, a=column), wanted(a=kind))
    assert [value is None for value in found["a"]] == [False, True]
    assert misfits == {"a": (1, [example])}


@pytest.mark.parametrize(
    ("column", "kind", "message"),
    [
        (pa.array([dt.date(2024, 5, 1)]), "double", "column 'a' of t.parquet is DATE, but the model"
         " takes a number"),
        (pa.array([[1]]), "long", "column 'a' of t.parquet is ARRAY, but the model takes a whole"
         " number"),
    ],
)  # fmt: skip
def test_a_parquet_column_of_another_type_is_refused(
    tmp_path: Path, column: pa.Array, kind: str, message: str
) -> None:
    with pytest.raises(Unreadable) as raised:
        read(write_parquet(tmp_path, a=column), wanted(a=kind))
    assert str(raised.value) == message


def test_what_is_no_parquet_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Unreadable, match=r"^t.parquet: It is not a Parquet file, or a damaged"):
        read(file(tmp_path, "a\n1\n", "t.parquet"), wanted(a="long"))


def test_a_code_in_a_table_with_gaps_is_the_text_that_training_saw(tmp_path: Path) -> None:
    path = write_parquet(tmp_path, c=pa.array([101.0, None, float("nan"), 7.5]))
    assert read(path, wanted(c="string")) == {"c": ["101", None, None, "7.5"]}
