"""Files as offices publish them and programs write them: read as they are meant, or refused."""

from __future__ import annotations

import pyarrow as pa
import pytest

from datasets.tables_in_process import column, parquet, problem, profiles, read, read_csv
from modelstudio.datasets.schemas import infer, misfit


@pytest.mark.parametrize(
    "data",
    [
        b"city,price\nA,1,234\nB,2,345\nA,3,456\n",  # two rows of one name are no names of rows
        b"area,rooms\n71,5,2\n83,5,3\n40,2,1\n",  # numbers of rows do not jump
    ],
)
def test_a_comma_within_numbers_without_quotes_is_no_index(data: bytes) -> None:
    assert problem(t__csv=data) == "t.csv: Line 2 has 3 values, but the first line names 2 columns."


@pytest.mark.parametrize(
    "data",
    [
        b'"x","y"\n"1",2.5,3\n"2",3.5,4\n',
        b"x,y\nMazda RX4,2.5,3\nDatsun 710,3.5,4\n",
        b'"x","y"\n"17",2.5,3\n"18",3.5,4\n',
    ],
)
def test_the_names_of_rows_in_r_are_an_index(data: bytes) -> None:
    ((_, profile),) = profiles({"t.csv": data})
    assert "counts as an index" in profile["notes"][0]
    assert read_csv(data).to_pydict() == {"x": [2.5, 3.5], "y": [3, 4]}


@pytest.mark.parametrize("typed", [False, True])
def test_a_folder_of_codes_keeps_their_zeros(typed: bool) -> None:
    one = parquet(pa.table({"x": [1]})) if typed else b"x\n1\n"
    name = "t.parquet" if typed else "t.csv"
    files = {f"zip=01234/month=01/{name}": one, f"zip=12345/month=12/{name}": one}
    assert read(files).to_pydict() == {"x": [1, 1], "zip": ["01234", "12345"], "month": [1, 12]}


def test_moments_with_and_without_an_offset_are_asked_about() -> None:
    data = b"t\n2024-01-31T12:00:00\n2024-07-31T12:00:00Z\n2024-07-31T13:00:00Z\n"
    (field,), _ = infer(profiles({"t.csv": data}))
    assert field["type"] == "STRING"
    assert field["customMetadata"] == {
        "reading": "text",
        "possible": ["timestamp yyyy-mm-dd"],
        "examples": ["2024-01-31T12:00:00", "2024-07-31T12:00:00Z", "2024-07-31T13:00:00Z"],
    }
    declared = column("t", "TIMESTAMP")
    reason = misfit([declared], profiles({"t.csv": data}))
    assert reason is not None
    assert "'timestamp yyyy-mm-dd' or as 'text'" in reason
    answered = {**declared, "customMetadata": {"reading": "timestamp yyyy-mm-dd"}}
    assert misfit([answered], profiles({"t.csv": data})) is None


def test_files_with_and_without_a_zone_are_no_one_table() -> None:
    files = {
        "a.parquet": parquet(pa.table({"t": pa.array([1], pa.timestamp("us", "UTC"))})),
        "b.parquet": parquet(pa.table({"t": pa.array([1], pa.timestamp("us"))})),
    }
    _, reason = infer(profiles(files))
    assert reason == (
        "Column 't' has different types: TIMESTAMP with a zone in a.parquet, "
        "TIMESTAMP without a zone in b.parquet."
    )
