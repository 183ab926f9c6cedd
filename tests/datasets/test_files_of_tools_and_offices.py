"""Files as offices publish them and programs write them: read as they are meant, or refused."""

from __future__ import annotations

import pytest

from datasets.tables_in_process import problem, profiles, read_csv


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
