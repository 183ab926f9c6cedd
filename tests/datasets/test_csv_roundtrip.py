"""Any table that Python's csv module writes reads back as it was."""

from __future__ import annotations

import csv
import io
import math
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from datasets.tables_in_process import parquet, profiles, read, read_csv
from modelstudio.datasets.schemas import infer
from modelstudio.tables.readings import is_mark

if TYPE_CHECKING:
    from collections.abc import Callable

TEXTS = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=12).map(
    lambda text: text or None
)
LONGS = st.integers(-(2**63), 2**63 - 1)
DOUBLES = st.floats(allow_nan=False)
BOOLEANS = st.booleans()
DATES = st.dates(date(1000, 1, 1), date(2999, 12, 31))
MOMENTS = st.datetimes(datetime.fromisoformat("1000-01-01"), datetime.fromisoformat("2999-12-31"))
COLUMNS = [TEXTS, LONGS, DOUBLES, BOOLEANS, DATES, MOMENTS]


@st.composite
def tables(draw: Callable[[st.SearchStrategy[Any]], Any]) -> dict[str, list[Any]]:
    count = draw(st.integers(1, 8))
    kinds = draw(st.lists(st.sampled_from(COLUMNS), min_size=2, max_size=5))
    # One value of its own kind each, for a column without any has no type of its own.
    return {
        f"c{index}": [draw(kind), *draw(st.lists(st.none() | kind, min_size=count, max_size=count))]
        for index, kind in enumerate(kinds)
    }


def written(table: dict[str, list[Any]]) -> bytes:
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(table)
    writer.writerows(zip(*table.values(), strict=True))
    return text.getvalue().encode()


def is_same(ours: Any, theirs: Any) -> bool:
    if isinstance(theirs, float) and ours is not None:
        return math.isclose(ours, theirs, rel_tol=0)
    return bool(ours == theirs or str(ours) == str(theirs))


@settings(max_examples=60, deadline=None)
@given(tables())
def test_a_table_written_as_csv_reads_back_equal(table: dict[str, list[Any]]) -> None:
    found = read_csv(written(table)).to_pydict()
    assert list(found) == list(table)
    for name, values in table.items():
        texts = [value for value in values if isinstance(value, str)]
        if texts and all(map(is_mark, texts)):
            continue  # all of it may be missing values
        assert len(found[name]) == len(values)
        assert all(map(is_same, found[name], values)), (name, found[name], values)


@settings(max_examples=20, deadline=None)
@given(tables())
def test_a_table_that_was_exported_as_csv_reads_back_equal(table: dict[str, list[Any]]) -> None:
    once = read({"t.csv": written(table)})
    exported = read({"t.csv": written(table)}, form="CSV")
    again = read({"t.csv": exported.encode()})
    assert again.to_pydict() == once.to_pydict()


@settings(max_examples=60, deadline=None)
@given(st.lists(st.sampled_from([*'ab1",;\n\r\t\\ \x00|.-', "é"])).map("".join) | st.binary())
def test_any_bytes_are_a_table_or_have_a_reason(content: str | bytes) -> None:
    data = content if isinstance(content, bytes) else content.encode()
    fields, reason = infer(profiles({"t.csv": data}))
    if fields is None:
        assert reason is not None
        assert reason.startswith("t.csv: ")
    else:
        assert read({"t.csv": data}).schema.names == [field["name"] for field in fields]


@pytest.mark.parametrize("column", [["x", None, "y", None], [1, None], ["#a", "b"], ["sep=;", "x"]])
def test_a_single_column_keeps_its_rows_whoever_reads_it(column: list[Any]) -> None:
    table = pa.table({"only": column})
    text = read({"t.parquet": parquet(table)}, form="CSV")
    frame = pd.read_csv(io.StringIO(text))
    assert [None if pd.isna(value) else value for value in frame["only"]] == column
    assert read({"t.csv": text.encode()})["only"].to_pylist() == column


def test_names_that_look_like_more_than_names_are_read_back() -> None:
    names = ["#", "sep=;", 'a "b"', "c, d", " e", "Unnamed: 0"]
    table = pa.Table.from_arrays([pa.array([1.5, 2.5])] * len(names), names=names)
    text = read({"t.parquet": parquet(table)}, form="CSV")
    assert read({"t.csv": text.encode()}).to_pydict() == table.to_pydict()
